/* core/format/keys_parts.h - what the parts of keys share; nobody else includes it. */
#ifndef YT_FORMAT_KEYS_PARTS_H
#define YT_FORMAT_KEYS_PARTS_H

#include <openssl/evp.h>
#include <uthash.h>

#include "format/keys.h"

struct key_named {
	struct yt_key key;    /* its texts are in `texts` */
	struct yt_buf octets; /* of a secret or an SM4 key */
	EVP_PKEY *pair;       /* of an SM2 key: never changed after it is read, so any number of threads may use it */
	struct key_named *next_owned; /* of those that have an owner: few, while secrets may be thousands */
	UT_hash_handle hh;
	char texts[];
};

struct yt_keys {
	struct keys_backend backend; /* all NULL: none */
	void *ctx;
	struct key_named *named, *owned;
};

/* NULL when there is none. */
const struct key_named *keys_named(const struct yt_keys *keys, struct yt_str name);
/* Reads a whole key file, at most 64 KiB.  is_private: refused when others may read it, else when they may
 * write it.  YT_ECONF with why. */
int keys_read_file(const char *file, struct yt_buf *out, bool is_private, char *why, size_t size);

#endif
