/* yitong/charset.h - octets as text: UTF-8 and GB18030, hex and base64.
 *
 * Inside, every text is UTF-8; a codec turns its party's octets into that and back.  A character that
 * the other side cannot be written is an error with its code point, never a silent `?`: a name that
 * comes back changed is another person's.  GBK and GB2312 are read as GB18030 and never written
 * (crossprovince.md 2.5, 7.3).  All of it may be called from any thread. */
#ifndef YITONG_CHARSET_H
#define YITONG_CHARSET_H

#include "yitong/base.h"

enum yt_charset { YT_UTF8 = 1, YT_GB18030 = 2 };

struct yt_charset_error {
	size_t offset;       /* in the input, where the character begins that is wrong */
	uint32_t code_point; /* of a character that cannot be written; 0 when the octets are no character */
	const char *why;     /* static English text */
};

/* The charset of a label, in any case: UTF-8, UTF8; GB18030, GBK, GB2312, GB_2312-80, CP936.
 * YT_EFORMAT: a label we do not read. */
int yt_charset_of(struct yt_str label, enum yt_charset *out);
/* "UTF-8" or "GB18030", as it is written. */
const char *yt_charset_name(enum yt_charset charset);

/* 0 when text is UTF-8 (shortest forms, no surrogates, at most U+10FFFF), else YT_EFORMAT. */
int yt_utf8_check(struct yt_str text, struct yt_charset_error *err);

/* Append to out.  YT_EFORMAT with err (may be NULL), out then holds what came before; YT_ENOMEM.
 * The private-use code points that old name systems used for 24 characters are written, and the places
 * GB18030 once had for them are read, as those characters (charset.c has the table and the reasons). */
int yt_gb18030_to_utf8(struct yt_str octets, struct yt_buf *out, struct yt_charset_error *err);
int yt_utf8_to_gb18030(struct yt_str text, struct yt_buf *out, struct yt_charset_error *err);

/* Hex digits of octets, appended. */
void yt_hex_add(struct yt_buf *out, const void *octets, size_t n, bool upper);
/* Reads exactly n octets from 2n digits of either case; YT_EFORMAT. */
int yt_hex_read(struct yt_str digits, uint8_t *out, size_t n);

/* Base64 (RFC 4648, with padding, one line), appended. */
void yt_base64_add(struct yt_buf *out, const void *octets, size_t n);
/* Appends the octets.  Strict: no spaces or line ends, padding whole, unused bits zero; YT_EFORMAT. */
int yt_base64_read(struct yt_str text, struct yt_buf *out);

#endif
