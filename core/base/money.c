/* core/base/money.c - amounts as integer fen, read from and written as yuan with two decimals.
 *
 * Digits are counted one by one; no floating-point number is ever made of an amount (promise P4). */
#include "yitong/base.h"

#define LARGEST_YUAN INT64_C(99999999999999) /* beyond it a message is in error, not a patient rich */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads the digits after the point: two that count, the rest must be 0. */
static int parse_decimals(struct yt_str text, size_t i, int64_t *fen)
{
	static const int weight[2] = { 10, 1 };
	size_t n;

	if (i == text.n)
		return YT_EFORMAT;
	for (n = 0; i + n < text.n; n++) {
		char c = text.p[i + n];

		if (!is_digit(c) || (n >= 2 && c != '0'))
			return YT_EFORMAT;
		if (n < 2)
			*fen += (c - '0') * weight[n];
	}
	return 0;
}

int yt_fen_parse(struct yt_str text, int64_t *fen)
{
	bool is_negative = text.n > 0 && text.p[0] == '-';
	size_t first = is_negative ? 1 : 0;
	size_t i = first;
	int64_t value = 0;

	for (; i < text.n && is_digit(text.p[i]); i++) {
		value = value * 10 + (text.p[i] - '0');
		if (value > LARGEST_YUAN)
			return YT_EFORMAT;
	}
	if (i == first)
		return YT_EFORMAT;
	value *= 100;
	if (i < text.n && (text.p[i] != '.' || parse_decimals(text, i + 1, &value) != 0))
		return YT_EFORMAT;
	*fen = is_negative ? -value : value;
	return 0;
}

void yt_fen_print(int64_t fen, char out[24])
{
	/* Unsigned, since the smallest int64_t has no positive counterpart. */
	uint64_t rest = fen < 0 ? 0 - (uint64_t)fen : (uint64_t)fen;
	char reversed[24];
	int n = 0;

	do {
		reversed[n++] = (char)('0' + rest % 10);
		rest /= 10;
		if (n == 2)
			reversed[n++] = '.';
	} while (rest > 0 || n < 4);
	if (fen < 0)
		reversed[n++] = '-';
	while (n > 0)
		*out++ = reversed[--n];
	*out = '\0';
}
