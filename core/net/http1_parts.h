/* core/net/http1_parts.h - what the two parts of the HTTP/1.1 reader share; nobody else includes it.
 *
 *   http1.c       the machine: lines, bodies, chunks, memory
 *   http1_head.c  what a line of the head means: start lines, fields, how long the body is
 */
#ifndef YT_NET_HTTP1_PARTS_H
#define YT_NET_HTTP1_PARTS_H

#include "net/http1.h"

enum state { START, FIELDS, BODY, SIZE, DATA, DATA_END, TRAILER, CLOSE, WHOLE, REFUSED };

struct http1_span {
	uint32_t off, n;
};

enum { SPAN_METHOD, SPAN_TARGET, SPAN_FIELDS }; /* then name and value of each field */

/* Sets of characters, by RFC 9110 5.5, 5.6.2 and RFC 3986. */
enum { C_VALUE = 1, C_TOKEN = 2, C_TARGET = 4, C_HOST = 8, C_HEX = 16 };

extern const uint8_t http1_classes[128];

static inline bool http1_is(unsigned char c, unsigned set)
{
	return c < 128 ? (http1_classes[c] & set) != 0 : (set & C_VALUE) != 0; /* obs-text */
}

static inline int http1_hex(uint8_t c)
{
	return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

static inline enum http1_result http1_refuse(struct http1 *h, int status, const char *why)
{
	h->state = REFUSED;
	h->refusal = status;
	h->why = why;
	return HTTP1_REFUSED;
}

static inline struct yt_str http1_spanned(const struct http1 *h, size_t i)
{
	return (struct yt_str){ (const char *)h->p + h->spans[i].off, h->spans[i].n };
}

/* One line of the head each, without its CRLF; they move h->state on, or refuse. */
void http1_take_request_line(struct http1 *h, struct yt_str line);
void http1_take_status_line(struct http1 *h, struct yt_str line);
void http1_take_field(struct http1 *h, struct yt_str line);
void http1_head_end(struct http1 *h); /* the empty line: what follows? */

/* Splits "name: value"; false if it is none. */
bool http1_split_field(struct yt_str line, struct yt_str *name, struct yt_str *value);
/* True if name is word (lower-case letters) to a reader that maps marks onto each other, as CGI does with '_' and '-',
 * drops them or decodes escapes.  Who means the word has no reason to write it so. */
bool http1_is_like(struct yt_str name, const char *word);

#endif
