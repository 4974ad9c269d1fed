/* core/format/sm.h - the national algorithms SM2, SM3, SM4 as the rest of us needs them.
 *
 * Thin wrappers over OpenSSL's EVP.  Contexts are made once per key and used again, since setting one
 * up costs more than a small message; a context is for one thread at a time. */
#ifndef YT_FORMAT_SM_H
#define YT_FORMAT_SM_H

#include <openssl/evp.h>

#include "yitong/base.h"

#define SM3_LEN 32
#define SM4_KEY_LEN 16
#define SM4_IV_LEN 16

/* SM4 in counter mode: encrypting and decrypting are the same.  NULL when out of memory. */
EVP_CIPHER_CTX *sm4_ctr_new(const uint8_t key[SM4_KEY_LEN]);
/* in and out may be the same bytes. */
int sm4_ctr(EVP_CIPHER_CTX *ctx, const uint8_t iv[SM4_IV_LEN], const uint8_t *in, size_t n, uint8_t *out);

/* SM3 of octets. */
void sm3(struct yt_str octets, uint8_t out[SM3_LEN]);

/* HMAC-SM3.  NULL when out of memory. */
EVP_MAC_CTX *sm3_hmac_new(const uint8_t *key, size_t n);
/* Over the parts one after the other. */
int sm3_hmac(EVP_MAC_CTX *ctx, const struct yt_str *parts, size_t n_parts, uint8_t out[SM3_LEN]);

/* SM2 keys from PEM text; a private key with a passphrase is refused.  NULL: not an SM2 key. */
EVP_PKEY *sm2_private_from_pem(struct yt_str pem);
EVP_PKEY *sm2_public_from_pem(struct yt_str pem);
/* Appends the public half as PEM. */
int sm2_public_to_pem(EVP_PKEY *key, struct yt_buf *pem);
/* Signature over SM3 of data (GB/T 32918.2, default id 1234567812345678), DER, appended to out. */
int sm2_sign(EVP_PKEY *key, struct yt_str data, struct yt_buf *out);
/* 0, or YT_EDENIED when it is not this key's signature over data. */
int sm2_verify(EVP_PKEY *key, struct yt_str data, struct yt_str signature);

#endif
