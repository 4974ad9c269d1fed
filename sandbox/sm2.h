/* sandbox/sm2.h - signatures SM2 with SM3 as provinces, banks and insurers write them: base64 of r and s, 32 octets
 * each.
 *
 * User id 1234567812345678.  On OpenSSL; used by the hub (hub_wire.c), the bank (bank_wire.c, bank_link.c) and 金惠保
 * (jinhui_wire.c). */
#ifndef SANDBOX_SM2_H
#define SANDBOX_SM2_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>

/* From PEM; NULL when the file is missing or holds no such key.  To be freed by EVP_PKEY_free. */
EVP_PKEY *sm2_key_read(const char *path, bool is_private);
/* 88 characters, to be freed.  Of zeros when key is none of SM2. */
char *sm2_sign(EVP_PKEY *key, const char *octets, size_t len);
bool sm2_is_right(EVP_PKEY *key, const char *octets, size_t len, const char *base64);
/* Likewise, but base64 of the two as DER. */
char *sm2_sign_der(EVP_PKEY *key, const char *octets, size_t len);
bool sm2_der_is_right(EVP_PKEY *key, const char *octets, size_t len, const char *base64);

#endif
