/* core/journal/verify.h - the journal as evidence: signed heads of the chain, and their check by anyone.
 *
 * The keeper signs the chain's head when a segment closes and every anchor_s (anchor_record), writes it
 * into the log like any record, and after its commit notes it in anchors.txt beside the segments
 * (anchor_note).  Who holds a copy of anchors.txt and the public key can tell, without trusting this
 * machine, whether what was anchored is still there and unchanged: `yitong journal verify`.
 *
 * A line of anchors.txt, blanks between: time (yyyyMMddHHmmss, UTC+8), wall clock in ms, position
 * (segment:offset of the end of what is anchored), commit number, head in hex, signature in base64.  Signed
 * (SM2 with SM3) is the text of anchor_statement(). */
#ifndef YT_JOURNAL_VERIFY_H
#define YT_JOURNAL_VERIFY_H

#include "journal/log.h"

struct yt_keys;

#define ANCHOR_FILE "anchors.txt"

/* Appends one REC_ANCHOR record over all that is committed; call it from the committing thread, or
 * sign with what log_head() said then by anchor_record_of().  YT_ENOTFOUND: no such signing key. */
int anchor_record(struct yt_buf *out, const struct log *log, const struct yt_keys *keys, int64_t wall_ms);

struct anchor { /* what is signed */
	int64_t wall_ms;
	log_pos end; /* of the commit */
	uint64_t commit_no;
	uint8_t head[32];
};

/* The same of a head taken before; may run in another thread (a signature takes 0.5 ms). */
int anchor_record_of(struct yt_buf *out, const struct anchor *anchor, const struct yt_keys *keys);
/* Notes an anchor record, now durable, in anchors.txt, and syncs it.  YT_ENOSPC, YT_EIO: the log itself is
 * none the worse. */
int anchor_note(const struct yt_io *io, struct yt_str anchor_record);
/* Appends the text that is signed. */
void anchor_statement(const struct anchor *anchor, struct yt_buf *out);

struct verify_conf {
	struct yt_str public_key; /* PEM of the anchors' SM2 key; empty: signatures are not checked */
	struct yt_str statements; /* an anchors.txt to hold the log against; may be empty */
	void (*progress)(void *arg, log_pos at, uint64_t n_commits); /* now and then; may be NULL */
	void *arg;
};

struct verify_report {
	uint64_t n_commits, n_records, n_anchors;
	uint64_t first_commit, last_commit;
	uint64_t anchored_commit;                    /* the last one that a checked anchor covers; 0: none */
	uint64_t n_after_anchor;                     /* commits behind it: not yet proved by a signature */
	uint64_t n_statements, n_statements_retired; /* checked; of which about commits retired since */
	log_pos end;
	uint8_t head[32];
	bool torn;                  /* behind the last commit there are remains of another: written now, or a crash's */
	struct log_problem problem; /* the first, when the result is YT_ECORRUPT */
};

/* Walks the whole log: CRC, chain, commit numbers, anchors' signatures, statements.  Needs no keys but
 * the public one and writes nothing.  0: all is well; YT_ECORRUPT: report->problem says what and where;
 * YT_ECONF: public_key is none; YT_ENOTFOUND: no journal; YT_EIO, YT_ENOMEM. */
int journal_verify(const struct yt_io *io, const struct verify_conf *conf, struct verify_report *report);

#endif
