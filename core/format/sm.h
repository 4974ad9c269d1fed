/* core/format/sm.h - the national algorithms SM2, SM3, SM4 as the rest of us needs them.
 *
 * Thin wrappers over OpenSSL's EVP, and over libgcrypt's SM3 and SM4 in counter mode.  Contexts are made once per key
 * and used again, since setting one up costs more than a small message; a context is for one thread at a time. */
#ifndef YT_FORMAT_SM_H
#define YT_FORMAT_SM_H

#include <openssl/evp.h>

#include "yitong/key.h"

#define SM3_LEN 32
#define SM4_KEY_LEN 16
#define SM4_IV_LEN 16
#define SM4_BLOCK 16
#define SM4_GCM_IV_LEN 12
#define SM4_GCM_TAG_LEN 16
#define SM2_SIGNATURE_LEN 64 /* r and s, big-endian */
#define SM2_CLEAR_MAX 4096   /* octets encrypted at once: it is keys that are */

/* SM4 in counter mode: encrypting and decrypting are the same.  NULL when out of memory. */
struct sm4_ctr;
struct sm4_ctr *sm4_ctr_new(const uint8_t key[SM4_KEY_LEN]);
void sm4_ctr_free(struct sm4_ctr *ctr); /* wipes the key's schedule */
/* in and out may be the same bytes. */
int sm4_ctr(struct sm4_ctr *ctr, const uint8_t iv[SM4_IV_LEN], const uint8_t *in, size_t n, uint8_t *out);

/* SM3 of octets. */
void sm3(struct yt_str octets, uint8_t out[SM3_LEN]);

/* One text in the mode of how, whose key is here and not a name.  Appends.  YT_EFORMAT: an iv of a wrong length,
 * or sealed octets that are no whole blocks; YT_EDENIED: padding or tag wrong; YT_ELIMIT: beyond 1 GiB. */
int sm4_encrypt(const uint8_t key[SM4_KEY_LEN], const struct yt_sm4 *how, struct yt_str clear, struct yt_buf *out);
int sm4_decrypt(const uint8_t key[SM4_KEY_LEN], const struct yt_sm4 *how, struct yt_str sealed, struct yt_buf *out);

/* HMAC-SM3.  NULL when out of memory. */
struct sm3_hmac;
struct sm3_hmac *sm3_hmac_new(const uint8_t *key, size_t n);
void sm3_hmac_free(struct sm3_hmac *hmac); /* wipes what was made of the key */
/* Over the parts one after the other.  0 or YT_ENOMEM. */
int sm3_hmac(struct sm3_hmac *hmac, const struct yt_str *parts, size_t n_parts, uint8_t out[SM3_LEN]);

/* An SM2 key as configured: PEM, or in the first line hex or base64 of the bare number (private, 32 octets) or
 * point (public, 04 X Y).  A public one may also be a certificate, whose validity is then in from and to (ms
 * since 1970), which are left alone otherwise.  NULL: not an SM2 key. */
EVP_PKEY *sm2_private_read(struct yt_str text);
EVP_PKEY *sm2_public_read(struct yt_str text, int64_t *from_ms, int64_t *to_ms);

/* SM2 keys from PEM text; a private key with a passphrase is refused.  NULL: not an SM2 key. */
EVP_PKEY *sm2_private_from_pem(struct yt_str pem);
EVP_PKEY *sm2_public_from_pem(struct yt_str pem);
/* Appends the public half as PEM. */
int sm2_public_to_pem(EVP_PKEY *key, struct yt_buf *pem);
/* Signature over SM3 of data (GB/T 32918.2, default id 1234567812345678), DER, appended to out. */
int sm2_sign(EVP_PKEY *key, struct yt_str data, struct yt_buf *out);
/* 0, or YT_EDENIED when it is not this key's signature over data. */
int sm2_verify(EVP_PKEY *key, struct yt_str data, struct yt_str signature);

/* The same over parts one after the other, with an id of the caller's (empty: the default) and the bare form
 * of a signature.  YT_EDENIED as above; YT_ELIMIT: an id beyond 8191 octets. */
int sm2_sign_parts(
        EVP_PKEY *key, struct yt_str id, const struct yt_str *parts, size_t n, uint8_t out[SM2_SIGNATURE_LEN]);
int sm2_verify_parts(EVP_PKEY *key, struct yt_str id, const struct yt_str *parts, size_t n,
        const uint8_t signature[SM2_SIGNATURE_LEN]);
int sm2_signature_to_der(const uint8_t signature[SM2_SIGNATURE_LEN], struct yt_buf *out);
/* YT_EFORMAT: not the one DER form of two numbers of at most 32 octets. */
int sm2_signature_from_der(struct yt_str der, uint8_t out[SM2_SIGNATURE_LEN]);

/* Encryption (GB/T 32918.4) as 04 C1 C3 C2 of 1 to SM2_CLEAR_MAX octets; appends.  YT_EDENIED: not encrypted
 * with this key, or altered. */
int sm2_encrypt(EVP_PKEY *key, struct yt_str clear, struct yt_buf *out);
int sm2_decrypt(EVP_PKEY *key, struct yt_str sealed, struct yt_buf *out);

#endif
