/* core/base/crc32c.c - CRC-32C, by the SSE4.2 instruction or by eight tables.
 *
 * The instruction gives its result three cycles after it begins, but one can begin in every cycle.  So three parts of
 * equal length are summed at a time; the sum of the first is then moved behind the zeroes that stand for the second, by
 * a table, since sums are linear. */
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/crc32c.h"

#define POLYNOMIAL 0x82f63b78u /* Castagnoli's, bits reversed */

#define PART 256 /* bytes */

static uint32_t table[8][256];  /* table[k][b]: byte b followed by k zero bytes */
static uint32_t behind[4][256]; /* behind[k][b]: register with b in its byte k, followed by PART zero bytes */
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void table_make(void)
{
	for (uint32_t b = 0; b < 256; b++) {
		uint32_t crc = b;

		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
		table[0][b] = crc;
	}
	for (int k = 1; k < 8; k++)
		for (int b = 0; b < 256; b++)
			table[k][b] = table[k - 1][b] >> 8 ^ table[0][table[k - 1][b] & 0xff];
	for (int k = 0; k < 4; k++) {
		for (uint32_t b = 1; b < 256; b++) {
			uint32_t rest = b & (b - 1), crc = b << 8 * k;

			for (int i = 0; rest == 0 && i < PART; i++)
				crc = crc >> 8 ^ table[0][crc & 0xff];
			behind[k][b] = rest == 0 ? crc : behind[k][rest] ^ behind[k][b - rest];
		}
	}
}

uint32_t yt_crc32c_software(uint32_t crc, const void *p, size_t n)
{
	const uint8_t *b = p;

	pthread_once(&table_once, table_make);
	crc = ~crc;
	for (; n >= 8; n -= 8, b += 8) {
		crc ^= (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
		crc = table[7][crc & 0xff] ^ table[6][crc >> 8 & 0xff] ^ table[5][crc >> 16 & 0xff] ^
		      table[4][crc >> 24] ^ table[3][b[4]] ^ table[2][b[5]] ^ table[1][b[6]] ^ table[0][b[7]];
	}
	for (; n > 0; n--, b++)
		crc = crc >> 8 ^ table[0][(crc ^ *b) & 0xff];
	return ~crc;
}

#ifdef __x86_64__
static inline uint64_t word_at(const uint8_t *b)
{
	uint64_t word;

	memcpy(&word, b, 8);
	return word;
}

static inline uint64_t behind_part(uint64_t crc)
{
	return behind[0][crc & 0xff] ^ behind[1][crc >> 8 & 0xff] ^ behind[2][crc >> 16 & 0xff] ^
	       behind[3][crc >> 24 & 0xff];
}

__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const void *p, size_t n)
{
	const uint8_t *b = p;
	uint64_t wide = (uint32_t)~crc;

	if (n >= 3 * PART)
		pthread_once(&table_once, table_make);
	for (; n >= 3 * PART; n -= 3 * PART, b += 3 * PART) {
		uint64_t second = 0, third = 0;

		for (size_t i = 0; i < PART; i += 8) {
			wide = __builtin_ia32_crc32di(wide, word_at(b + i));
			second = __builtin_ia32_crc32di(second, word_at(b + PART + i));
			third = __builtin_ia32_crc32di(third, word_at(b + 2 * PART + i));
		}
		wide = behind_part(behind_part(wide) ^ second) ^ third;
	}
	for (; n >= 8; n -= 8, b += 8)
		wide = __builtin_ia32_crc32di(wide, word_at(b));
	for (; n > 0; n--, b++)
		wide = __builtin_ia32_crc32qi((uint32_t)wide, *b);
	return ~(uint32_t)wide;
}

uint32_t yt_crc32c(uint32_t crc, const void *p, size_t n)
{
	if (__builtin_cpu_supports("sse4.2"))
		return crc32c_sse42(crc, p, n);
	return yt_crc32c_software(crc, p, n);
}
#else
uint32_t yt_crc32c(uint32_t crc, const void *p, size_t n)
{
	return yt_crc32c_software(crc, p, n);
}
#endif
