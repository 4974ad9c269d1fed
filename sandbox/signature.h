/* sandbox/signature.h - the four signing headers of nhsa.md 1.4, variant A.
 *
 * signature = hex(SHA256(timestamp + token + nonce + timestamp)). */
#ifndef SANDBOX_SIGNATURE_H
#define SANDBOX_SIGNATURE_H

#include <stdbool.h>

void signature_make(const char *timestamp, const char *token, const char *nonce, char out[65]);
bool signature_is_right(const char *timestamp, const char *token, const char *nonce, const char *signature);
/* 32 hex digits, never the same again. */
void signature_nonce(char out[33]);

#endif
