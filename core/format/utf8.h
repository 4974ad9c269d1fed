/* core/format/utf8.h - one UTF-8 sequence at a time; json.c, charset.c and the XML reader and writer use it. */
#ifndef YT_FORMAT_UTF8_H
#define YT_FORMAT_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool utf8_is_tail(uint8_t c)
{
	return (c & 0xc0) == 0x80;
}

/* Behind the sequence at p, whose first octet is not ASCII, or NULL: shortest form only, no surrogates, at
 * most U+10FFFF (RFC 3629). */
static inline const uint8_t *utf8_skip(const uint8_t *p, const uint8_t *end)
{
	size_t left = (size_t)(end - p);

	if (p[0] < 0xe0)
		return p[0] >= 0xc2 && left >= 2 && utf8_is_tail(p[1]) ? p + 2 : NULL;
	if (p[0] < 0xf0) {
		if (left < 3 || !utf8_is_tail(p[1]) || !utf8_is_tail(p[2]))
			return NULL;
		if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0))
			return NULL;
		return p + 3;
	}
	if (p[0] > 0xf4 || left < 4 || !utf8_is_tail(p[1]) || !utf8_is_tail(p[2]) || !utf8_is_tail(p[3]))
		return NULL;
	if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90))
		return NULL;
	return p + 4;
}

/* The code point of the sequence at *p, which is whole and good; *p is then behind it. */
static inline uint32_t utf8_next(const uint8_t **p)
{
	const uint8_t *s = *p;

	if (s[0] < 0x80) {
		*p += 1;
		return s[0];
	}
	if (s[0] < 0xe0) {
		*p += 2;
		return (uint32_t)(s[0] & 0x1f) << 6 | (s[1] & 0x3f);
	}
	if (s[0] < 0xf0) {
		*p += 3;
		return (uint32_t)(s[0] & 0x0f) << 12 | (uint32_t)(s[1] & 0x3f) << 6 | (s[2] & 0x3f);
	}
	*p += 4;
	return (uint32_t)(s[0] & 0x07) << 18 | (uint32_t)(s[1] & 0x3f) << 12 | (uint32_t)(s[2] & 0x3f) << 6 |
	       (s[3] & 0x3f);
}

/* Writes one code point, at most 4 octets, and returns what is behind it. */
static inline uint8_t *utf8_put(uint8_t *out, uint32_t code)
{
	if (code < 0x80) {
		*out++ = (uint8_t)code;
	} else if (code < 0x800) {
		*out++ = (uint8_t)(0xc0 | code >> 6);
		*out++ = (uint8_t)(0x80 | (code & 0x3f));
	} else if (code < 0x10000) {
		*out++ = (uint8_t)(0xe0 | code >> 12);
		*out++ = (uint8_t)(0x80 | (code >> 6 & 0x3f));
		*out++ = (uint8_t)(0x80 | (code & 0x3f));
	} else {
		*out++ = (uint8_t)(0xf0 | code >> 18);
		*out++ = (uint8_t)(0x80 | (code >> 12 & 0x3f));
		*out++ = (uint8_t)(0x80 | (code >> 6 & 0x3f));
		*out++ = (uint8_t)(0x80 | (code & 0x3f));
	}
	return out;
}

#endif
