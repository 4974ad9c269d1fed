/* core/format/sm4_fast.h - SM4 in counter mode by AES instructions; sm.c asks, nobody else. */
#ifndef YT_FORMAT_SM4_FAST_H
#define YT_FORMAT_SM4_FAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SM4_ROUNDS 32

/* Whether this processor can; the others must not be called where it cannot. */
bool sm4_fast_is_there(void);
void sm4_fast_key(const uint8_t key[16], uint32_t round_keys[SM4_ROUNDS]);
/* iv: the first counter, 128 bits big-endian.  in and out may be the same bytes. */
void sm4_fast_ctr(
        const uint32_t round_keys[SM4_ROUNDS], const uint8_t iv[16], const uint8_t *in, size_t n, uint8_t *out);

#endif
