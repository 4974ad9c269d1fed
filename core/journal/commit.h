/* core/journal/commit.h - the bytes of one commit: a header, clear records, one sealed blob of bodies.
 *
 * log.c makes them (commit_pack, commit_finish) and reads them back (commit_parse, commit_whole,
 * commit_records); segment.c walks from one to the next.  All numbers little-endian:
 *
 *   0 u32 magic       4 u32 CRC32C of all from byte 8 on
 *   8 u32 total       length of all this, a multiple of 8
 *  12 u32 segment    16 u64 stamp   of the segment it was written to: stale bytes have another
 *  24 u64 number     of the commit, from 1, without gaps
 *  32 u32 n_records  36 u32 clear_len  40 u32 blob_len (as stored)  44 u32 raw_len (bodies)
 *  48 u32 key day    52 u16 key class  54 u16 flags  56 u32 key id  60 u32 zero
 *  64 prev[32]       chain head before this commit
 *  96 iv[16]        112 mac[32] HMAC-SM3 of bytes 8 to 48, IV, blob
 * 144 clear records, where a body field's value is u32 offset, u32 length in the bodies; the blob;
 *     zeros to the multiple of 8
 *
 * The chain head after a commit is SHA-256 of its bytes from 8 on, which hold the head before. */
#ifndef YT_JOURNAL_COMMIT_H
#define YT_JOURNAL_COMMIT_H

#include "journal/log.h"
#include "journal/seal.h"

#define COMMIT_HEAD 144
#define HEAD_LEN 32              /* of the chain */
#define SEGMENT_MAX (256u << 20) /* bytes; so no commit or its bodies are larger */

struct commit { /* a parsed header */
	uint32_t total, segment, n_records, clear_len, blob_len, raw_len;
	uint64_t stamp, number;
	uint16_t class, flags;
	struct seal seal;
	const uint8_t *prev; /* HEAD_LEN bytes, borrowed */
};

struct commit_place { /* where a commit goes */
	uint32_t segment;
	uint64_t stamp, number;
	uint8_t prev[HEAD_LEN];
};

/* Contexts and buffers used again for every commit; for one thread at a time. */
struct commit_coder;
struct commit_coder *commit_coder_new(void);
void commit_coder_free(struct commit_coder *coder); /* NULL is fine */

/* Packs records (whole, back to back); *total: bytes it will take.  limit: the most it may take.
 * YT_EFORMAT: not records; YT_ELIMIT; YT_ENOMEM. */
int commit_pack(struct commit_coder *coder, struct yt_str records, size_t limit, uint32_t *total);
/* Seals what was packed and gives its bytes, borrowed until the next commit_pack().  Errors of
 * seal_close_body(). */
int commit_finish(
        struct commit_coder *coder, const struct commit_place *place, struct log_keys *keys, struct yt_str *bytes);

/* What was packed last, whole records, borrowed until the next commit_pack(); of body fields only references. */
struct yt_str commit_clear(const struct commit_coder *coder);

/* A commit may begin at p: 4 bytes are looked at. */
bool commit_may_be(const uint8_t *p);
/* Reads the header at p, COMMIT_HEAD bytes: magic and lengths only.  False: there is no commit. */
bool commit_parse(const uint8_t *p, struct commit *commit);
/* All total bytes are as they were written. */
bool commit_whole(const uint8_t *p, const struct commit *commit);
int commit_chain(struct commit_coder *coder, const uint8_t *p, uint32_t total, uint8_t head[HEAD_LEN]);

enum commit_bodies { COMMIT_CLEAR_ONLY, COMMIT_WITH_BODIES };
/* Calls each for every record of a whole commit.  keys: may be NULL when nothing is sealed.
 * Returns what each returned, or YT_ECORRUPT, YT_ECONF (sealed, no keys), YT_EDENIED (wrong master
 * key), YT_ENOMEM with *text, static; *text is NULL when it was each's. */
int commit_records(struct commit_coder *coder, const uint8_t *p, const struct commit *commit, enum commit_bodies bodies,
        struct log_keys *keys, log_each each, void *arg, log_pos pos, const char **text);

#endif
