/* core/base/sha256.h - SHA-256 of a few short parts, once or more per message.
 *
 * OpenSSL looks the algorithm up anew for each EVP_sha256() that it is given, which takes longer than the
 * digest of a header; here it is fetched once a thread. */
#ifndef YT_BASE_SHA256_H
#define YT_BASE_SHA256_H

#include <openssl/types.h>

#include "yitong/base.h"

#define SHA256_LEN 32

/* Over the parts one after the other. */
void yt_sha256(const struct yt_str *parts, size_t n_parts, uint8_t out[SHA256_LEN]);

/* HMAC-SHA-256 with the key taken in once.  NULL when out of memory; EVP_MAC_CTX_free() it. */
EVP_MAC_CTX *yt_hmac_sha256_new(struct yt_str key);
void yt_hmac_sha256(EVP_MAC_CTX *ctx, struct yt_str text, uint8_t out[SHA256_LEN]);

#endif
