/* core/journal/log.h - the truth: an append-only chain of commits in prewritten segment files.
 *
 * The keeper's commit thread hands over what is ready (log_commit), recovery reads all of it back
 * (log_open), the index and the yitong command follow it (log_scan).  One commit is one write and one
 * fdatasync.  A commit holds the records' clear fields, and their body fields (REC_BODY and above)
 * together compressed and encrypted under the day's key, so that destroying that key erases the bodies
 * and leaves the chain verifiable. */
#ifndef YT_JOURNAL_LOG_H
#define YT_JOURNAL_LOG_H

#include "journal/record.h"

/* The world of files, as one table, so that tests can tear, lose, delay and fail every call.
 * Paths are relative to the journal folder.  All return >= 0, or -1 with errno. */
struct yt_io {
	void *ctx;
	int (*open)(void *ctx, const char *path, int flags, int mode);
	int (*close)(void *ctx, int fd);
	int64_t (*pread)(void *ctx, int fd, void *buf, size_t n, int64_t off);
	int64_t (*pwrite)(void *ctx, int fd, const void *buf, size_t n, int64_t off);
	int (*fdatasync)(void *ctx, int fd);
	int (*ftruncate)(void *ctx, int fd, int64_t size);
	int64_t (*size)(void *ctx, int fd);
	int (*rename)(void *ctx, const char *from, const char *to);
	int (*unlink)(void *ctx, const char *path);
	int (*sync_dir)(void *ctx);
	/* Calls each(arg, name) for every entry of the folder. */
	int (*list)(void *ctx, void (*each)(void *arg, const char *name), void *arg);
	/* Opens path as the folder's lock; -1 with EWOULDBLOCK when another process (or struct yt_io) holds
	 * it.  close() gives it back, as does the process's end.  NULL: no lock. */
	int (*lock)(void *ctx, const char *path);
};
/* The real one over folder, which is made (mode 0700) when the first file in it is created; ctx is
 * allocated, release with yt_io_close(). */
int yt_io_folder(const char *folder, struct yt_io *io);
void yt_io_close(struct yt_io *io);

/* Where a commit stands: segment number << 32 | byte offset.  Grows for ever. */
typedef uint64_t log_pos;

struct log_keys; /* who seals and signs: seal.h */

struct log_conf {
	uint64_t segment_bytes;    /* prewritten size of one segment; 1 to 256 MiB */
	uint32_t reserve_segments; /* prewritten ahead (1 to 64): kept for outcomes of what is already accepted */
	struct log_keys *keys;     /* NULL: bodies are stored in the clear (development and tests only) */
};

struct log_problem { /* what log_open or log_verify stumbled on */
	char file[64];
	uint64_t offset;
	uint64_t commit_no;
	char why[160];
};

struct log;

/* Every record of a commit, in order.  rec: borrowed.  pos: the commit's position.  Return 0 to go on. */
typedef int (*log_each)(void *arg, const struct rec *rec, log_pos pos);

/* Opens (creating when the folder is empty), recovers and replays from position `from` (0: all), clear
 * fields only (log_read() has the bodies).
 * Only the last commit may be torn: it is cut off, the tail rewritten and synced before it is believed.
 * A valid later commit behind a bad one is YT_ECORRUPT, YT_EAGAIN: another process has the journal
 * open, YT_ECONF: conf is out of its bounds, YT_ENOTFOUND: `from` is retired; *why is filled. */
int log_open(struct log **out, const struct log_conf *conf, const struct yt_io *io, log_pos from, log_each each,
        void *arg, struct log_problem *why);
void log_close(struct log *log);

/* Makes records (whole records back to back) durable as one commit: seal, chain, one write, one
 * fdatasync.  *pos: where it stands.  YT_ENOSPC: nothing was written and the log is still usable, as
 * after YT_EFORMAT (not records) and YT_ELIMIT (does not fit a segment: log_commit_max()).
 * Any other error: a write or sync failed; the log must not be used again and the process must end.
 * One thread commits; all else but log_close() may be called from others at the same time. */
int log_commit(struct log *log, struct yt_str records, log_pos *pos);
/* The records of the commit made last, for who follows the log without reading it: whole, but of body fields only
 * a reference into the commit.  Borrowed until the next log_commit(); for the thread that commits. */
struct yt_str log_last_records(const struct log *log);
/* Most bytes of records that one commit may have. */
size_t log_commit_max(const struct log *log);
/* Bytes that can still be committed without a new segment having to be written. */
uint64_t log_room(const struct log *log);
/* Prewrites reserve segments if some are missing; slow, so not on the commit path.  YT_ENOSPC, YT_EIO. */
int log_prepare(struct log *log);
/* Drops the segments that lie wholly before position `before`, whose caller has written again what is
 * still needed of them.  Their files are used again for the reserve, or unlinked.  YT_EIO. */
int log_retire(struct log *log, log_pos before);
log_pos log_end(const struct log *log); /* position after the last commit */
uint64_t log_commit_no(const struct log *log);
void log_head(const struct log *log, uint8_t head[32]); /* chain head after the last commit */

/* Reads commits in [from, to) (to 0: the end) without opening for writing; with_bodies unseals body
 * fields, else they are left out.  Safe beside a running keeper: stops before the commit being written;
 * goes on with the oldest segment left when the one being read is retired.  Where bodies were erased
 * (the day's key is destroyed) the record comes without them and with the flag REC_ERASED.
 * Returns what each returned, or YT_ENOTFOUND: `from` is retired or there is no journal; YT_ECORRUPT;
 * YT_ECONF: sealed, no keys; YT_EIO. */
int log_scan(const struct yt_io *io, const struct log_conf *conf, log_pos from, log_pos to, bool with_bodies,
        log_each each, void *arg, struct log_problem *why);
/* The records of the one commit at pos, with bodies.  YT_ENOTFOUND: its segment is retired. */
int log_read(const struct yt_io *io, const struct log_conf *conf, log_pos pos, log_each each, void *arg);

#endif
