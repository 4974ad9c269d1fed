/* core/format/sm4_fast.c - SM4 in counter mode, eight blocks at a time, where the processor has AES instructions.
 *
 * Asked by sm.c, which falls back on OpenSSL's; that one looks each octet up in a table and takes a tenth of what a
 * durable settlement costs.  SM4's S-box is an inversion in GF(2^8) between two affine maps, and so is that of AES, in
 * another representation of the field: the one is the other's between two affine maps, each of them two tables of
 * sixteen.  AESENCLAST gives AES's with its rows shifted, which the rotations of the linear step shift back.  Nothing
 * here depends on the data in time or in the addresses that it reads. */
#include "format/sm4_fast.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>

#define FAST __attribute__((target("aes,ssse3,sse4.1")))

enum { BLOCK = 16, AT_ONCE = 8 };

/* x -> the argument of AES's S-box, and its value -> SM4's: by the low and by the high four bits. */
static const uint8_t before_low[16] = { 0x3e, 0xb2, 0x0e, 0x82, 0xbb, 0x37, 0x8b, 0x07, 0xa1, 0x2d, 0x91, 0x1d, 0x24,
	0xa8, 0x14, 0x98 };
static const uint8_t before_high[16] = { 0x00, 0xdc, 0x2e, 0xf2, 0xc5, 0x19, 0xeb, 0x37, 0x08, 0xd4, 0x26, 0xfa, 0xcd,
	0x11, 0xe3, 0x3f };
static const uint8_t after_low[16] = { 0x6c, 0xd4, 0xa6, 0x1e, 0x52, 0xea, 0x98, 0x20, 0x0b, 0xb3, 0xc1, 0x79, 0x35,
	0x8d, 0xff, 0x47 };
static const uint8_t after_high[16] = { 0x00, 0xe0, 0x50, 0xb0, 0x9d, 0x7d, 0xcd, 0x2d, 0xc0, 0x20, 0x90, 0x70, 0x5d,
	0xbd, 0x0d, 0xed };
/* Rows shifted back, and each word rotated to the left by so many bits. */
static const uint8_t rotated_0[16] = { 0, 13, 10, 7, 4, 1, 14, 11, 8, 5, 2, 15, 12, 9, 6, 3 };
static const uint8_t rotated_8[16] = { 7, 0, 13, 10, 11, 4, 1, 14, 15, 8, 5, 2, 3, 12, 9, 6 };
static const uint8_t rotated_16[16] = { 10, 7, 0, 13, 14, 11, 4, 1, 2, 15, 8, 5, 6, 3, 12, 9 };
static const uint8_t rotated_24[16] = { 13, 10, 7, 0, 1, 14, 11, 4, 5, 2, 15, 8, 9, 6, 3, 12 };

bool sm4_fast_is_there(void)
{
	return __builtin_cpu_supports("aes") && __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("sse4.1");
}

FAST static inline __m128i affine(__m128i x, __m128i low, __m128i high)
{
	const __m128i nibble = _mm_set1_epi8(15);

	return _mm_xor_si128(_mm_shuffle_epi8(low, _mm_and_si128(x, nibble)),
	        _mm_shuffle_epi8(high, _mm_and_si128(_mm_srli_epi16(x, 4), nibble)));
}

FAST static inline __m128i table(const uint8_t octets[16])
{
	return _mm_loadu_si128((const __m128i *)octets);
}

/* SM4's S-box of sixteen octets, whose rows stay shifted as AES does. */
FAST static inline __m128i substitute(__m128i x)
{
	x = affine(x, table(before_low), table(before_high));
	x = _mm_aesenclast_si128(x, _mm_setzero_si128());
	return affine(x, table(after_low), table(after_high));
}

FAST static inline __m128i rotate(__m128i words, int bits)
{
	return _mm_or_si128(_mm_slli_epi32(words, bits), _mm_srli_epi32(words, 32 - bits));
}

/* One word of four blocks. */
FAST static inline __m128i step(__m128i x)
{
	__m128i s = substitute(x), same = _mm_shuffle_epi8(s, table(rotated_0));
	__m128i sum = _mm_xor_si128(
	        same, _mm_xor_si128(_mm_shuffle_epi8(s, table(rotated_8)), _mm_shuffle_epi8(s, table(rotated_16))));

	return _mm_xor_si128(
	        _mm_xor_si128(same, rotate(sum, 2)), _mm_shuffle_epi8(s, table(rotated_24))); /* 2, 10, 18, 24 */
}

static uint32_t load(const uint8_t p[4])
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

FAST void sm4_fast_key(const uint8_t key[16], uint32_t round_keys[SM4_ROUNDS])
{
	static const uint32_t family[4] = { 0xa3b1bac6, 0x56aa3350, 0x677d9197, 0xb27022dc };
	uint32_t k[4];

	for (int i = 0; i < 4; i++)
		k[i] = load(key + 4 * i) ^ family[i];
	for (uint32_t i = 0; i < SM4_ROUNDS; i++) {
		uint32_t fixed = 0, s;
		__m128i x;

		for (uint32_t j = 0; j < 4; j++)
			fixed = fixed << 8 | ((4 * i + j) * 7 & 0xff);
		x = _mm_set1_epi32((int)(k[(i + 1) % 4] ^ k[(i + 2) % 4] ^ k[(i + 3) % 4] ^ fixed));
		s = (uint32_t)_mm_cvtsi128_si32(_mm_shuffle_epi8(substitute(x), table(rotated_0)));
		k[i % 4] ^= s ^ (s << 13 | s >> 19) ^ (s << 23 | s >> 9);
		round_keys[i] = k[i % 4];
	}
}

/* Word n of eight blocks each: counters in, what is laid over the octets out. */
FAST static void encrypt(const uint32_t round_keys[SM4_ROUNDS], uint32_t word[4][AT_ONCE])
{
	__m128i a[4], b[4];

	for (int i = 0; i < 4; i++) {
		a[i] = _mm_loadu_si128((const __m128i *)&word[i][0]);
		b[i] = _mm_loadu_si128((const __m128i *)&word[i][4]);
	}
	for (int round = 0; round < SM4_ROUNDS; round += 4) {
#pragma GCC unroll 4
		for (int i = 0; i < 4; i++) {
			__m128i k = _mm_set1_epi32((int)round_keys[round + i]);

			a[i] = _mm_xor_si128(a[i], step(_mm_xor_si128(_mm_xor_si128(a[(i + 1) & 3], a[(i + 2) & 3]),
			                                   _mm_xor_si128(a[(i + 3) & 3], k))));
			b[i] = _mm_xor_si128(b[i], step(_mm_xor_si128(_mm_xor_si128(b[(i + 1) & 3], b[(i + 2) & 3]),
			                                   _mm_xor_si128(b[(i + 3) & 3], k))));
		}
	}
	for (int i = 0; i < 4; i++) { /* the last word is the first of the block */
		_mm_storeu_si128((__m128i *)&word[3 - i][0], a[i]);
		_mm_storeu_si128((__m128i *)&word[3 - i][4], b[i]);
	}
}

static void fill(uint64_t counter[2], uint32_t word[4][AT_ONCE])
{
	for (int i = 0; i < AT_ONCE; i++) {
		word[0][i] = (uint32_t)(counter[0] >> 32);
		word[1][i] = (uint32_t)counter[0];
		word[2][i] = (uint32_t)(counter[1] >> 32);
		word[3][i] = (uint32_t)counter[1];
		counter[0] += ++counter[1] == 0;
	}
}

void sm4_fast_ctr(
        const uint32_t round_keys[SM4_ROUNDS], const uint8_t iv[16], const uint8_t *in, size_t n, uint8_t *out)
{
	uint64_t counter[2] = { (uint64_t)load(iv) << 32 | load(iv + 4), (uint64_t)load(iv + 8) << 32 | load(iv + 12) };
	uint32_t word[4][AT_ONCE];

	for (size_t at = 0; at < n; at += BLOCK * AT_ONCE) {
		uint32_t over[AT_ONCE][4];
		const uint8_t *p = (const uint8_t *)over;
		size_t some = n - at < sizeof(over) ? n - at : sizeof(over);

		fill(counter, word);
		encrypt(round_keys, word);
		for (int i = 0; i < AT_ONCE; i++)
			for (int j = 0; j < 4; j++)
				over[i][j] = __builtin_bswap32(word[j][i]);
		for (size_t i = 0; i < some; i++)
			out[at + i] = in[at + i] ^ p[i];
	}
}

#else

bool sm4_fast_is_there(void)
{
	return false;
}

void sm4_fast_key(const uint8_t key[16], uint32_t round_keys[SM4_ROUNDS])
{
	(void)key, (void)round_keys;
}

void sm4_fast_ctr(
        const uint32_t round_keys[SM4_ROUNDS], const uint8_t iv[16], const uint8_t *in, size_t n, uint8_t *out)
{
	(void)round_keys, (void)iv, (void)in, (void)n, (void)out;
}

#endif
