/* core/journal/seal.h - the keys that message bodies in the journal are encrypted with.
 *
 * One random data key (SM4-CTR, HMAC-SM3) per day and class, wrapped by the master key, in the file
 * <yyyymmdd>-<class>.key of a folder of its own (outside the journal folder's backup: a copy of the
 * journal must not bring erased bodies back).  A class says how long bodies are kept: all of a
 * commit's bodies are of one class, its commit header names it, its keys are destroyed at its own term.
 * Today there is one, `body`.  The day is that of the commit (UTC+8), so a key is destroyed for
 * everything written on that day at once. */
#ifndef YT_JOURNAL_SEAL_H
#define YT_JOURNAL_SEAL_H

#include "format/keys.h"
#include "journal/log.h"

enum seal_class { /* stored: append only */
	SEAL_BODY = 1
};

/* How a commit's bodies were sealed; stands in its header. */
struct seal {
	uint32_t day;    /* yyyymmdd; 0: not sealed */
	uint32_t key_id; /* tells two keys of one day apart */
	uint8_t iv[16];
	uint8_t mac[32];
};

/* Both are borrowed until seal_close(); io is over the folder of the data keys.  May be used from
 * several threads. */
int seal_open(struct log_keys **out, const struct yt_keys *keys, const struct yt_io *io);
void seal_close(struct log_keys *keys); /* wipes; NULL is fine */
/* For tests: the wall clock that decides which day it is. */
void seal_set_clock(struct log_keys *keys, int64_t (*now_ms)(void));
const struct yt_keys *seal_keys(const struct log_keys *keys);

/* Makes today's and tomorrow's keys durable, so that midnight needs no disk space.  YT_ENOSPC, YT_EIO,
 * YT_EDENIED: a key file there was not wrapped by our master key. */
int seal_prepare(struct log_keys *keys);
/* Encrypts n bytes in place; bound: what else the MAC covers.  Errors as seal_prepare(). */
int seal_close_body(
        struct log_keys *keys, enum seal_class class, struct yt_str bound, uint8_t *p, size_t n, struct seal *seal);
/* Decrypts n bytes of p to out.  YT_ENOTFOUND: the key was destroyed; YT_ECORRUPT: not what was sealed. */
int seal_open_body(struct log_keys *keys, enum seal_class class, struct yt_str bound, const uint8_t *p, size_t n,
        const struct seal *seal, uint8_t *out);
/* Destroys a day's key for ever: overwritten, that synced, and unlinked.  YT_ESTATE for today and later days,
 * YT_ENOTFOUND, YT_EIO. */
int seal_destroy(struct log_keys *keys, enum seal_class class, uint32_t day);

#endif
