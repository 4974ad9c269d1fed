/* core/net/http1.c - the one strict HTTP/1.1 reader, for requests (server.c) and responses (lane.c).
 *
 * A message is read where it lies:
 *  - the start line                                    START  -> FIELDS
 *  - each field line; the empty one ends the head      FIELDS -> BODY, SIZE, CLOSE or WHOLE
 *  - Content-Length bytes have come                    BODY   -> WHOLE
 *  - a chunk's size line, its data, its line end       SIZE   -> DATA -> DATA_END -> SIZE
 *  - the last chunk, trailers checked and forgotten    SIZE   -> TRAILER -> WHOLE
 * Whatever is wrong anywhere: REFUSED, with a status and static words.  A line is looked at only when
 * its end is there, limits are measured in offsets of the message, so the bytes' splitting into
 * feeds cannot show in the result (tests/fuzz_http1.c holds us to that). */
#include "net/http1.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	FIRST_CAP = 16 * 1024 + 512, /* a whole TLS record at once */
	KEEP_CAP = 64 * 1024,        /* the pool keeps no larger buffers */
	KEEP_FREE = 64,              /* nor more messages than this */
	LEAST_ROOM = 1024,
	CHUNK_LINE_MAX = 256,
	SKIPPED_MAX = 8 /* interim responses before the real one */
};

enum state { START, FIELDS, BODY, SIZE, DATA, DATA_END, TRAILER, CLOSE, WHOLE, REFUSED };

struct http1_span {
	uint32_t off, n;
};

enum { SPAN_METHOD, SPAN_TARGET, SPAN_FIELDS }; /* then name and value of each field */

/* Sets of characters, by RFC 9110 5.5, 5.6.2 and RFC 3986. */
enum { C_VALUE = 1, C_TOKEN = 2, C_TARGET = 4, C_HOST = 8, C_HEX = 16 };

static const uint8_t classes[128] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0,                /* 00 */
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,                /* 10 */
	1, 7, 1, 3, 7, 7, 7, 7, 5, 5, 7, 7, 5, 15, 15, 5,              /* 20 */
	31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 5, 5, 1, 5, 1, 5,      /* 30 */
	5, 31, 31, 31, 31, 31, 31, 15, 15, 15, 15, 15, 15, 15, 15, 15, /* 40 */
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 1, 1, 1, 3, 15,    /* 50 */
	3, 31, 31, 31, 31, 31, 31, 15, 15, 15, 15, 15, 15, 15, 15, 15, /* 60 */
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 1, 3, 1, 7, 0,     /* 70 */
};

static inline bool is(unsigned char c, unsigned set)
{
	return c < 128 ? (classes[c] & set) != 0 : (set & C_VALUE) != 0; /* obs-text */
}

static bool all(const uint8_t *p, size_t n, unsigned set)
{
	for (size_t i = 0; i < n; i++) {
		if (!is(p[i], set))
			return false;
	}
	return true;
}

static bool is_word(struct yt_str s, const char *word)
{
	return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

static int hex_value(uint8_t c)
{
	return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* True if name is word (lower-case letters) to a reader that maps marks onto each other, as CGI does with '_' and '-',
 * drops them or decodes escapes.  Who means the word has no reason to write it so. */
static bool is_like(struct yt_str name, const char *word)
{
	for (size_t i = 0; i < name.n; i++) {
		uint8_t c = (uint8_t)name.p[i];

		if (c == '%' && name.n - i > 2 && is((uint8_t)name.p[i + 1], C_HEX) &&
		        is((uint8_t)name.p[i + 2], C_HEX)) {
			c = (uint8_t)(hex_value((uint8_t)name.p[i + 1]) * 16 + hex_value((uint8_t)name.p[i + 2]));
			i += 2;
		}
		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		if ((c < 'a' || c > 'z') && (c < '0' || c > '9'))
			continue;
		if (c != (uint8_t)*word++)
			return false;
	}
	return *word == '\0';
}

static enum http1_result refuse(struct http1 *h, int status, const char *why)
{
	h->state = REFUSED;
	h->refusal = status;
	h->why = why;
	return HTTP1_REFUSED;
}

static struct yt_str spanned(const struct http1 *h, size_t i)
{
	return (struct yt_str){ (const char *)h->p + h->spans[i].off, h->spans[i].n };
}

static void span_set(struct http1 *h, size_t i, const uint8_t *p, size_t n)
{
	h->spans[i] = (struct http1_span){ (uint32_t)(p - h->p), (uint32_t)n };
}

/* One line, without its CRLF.  max: bytes it may have with it.  1: line is set, h->line behind it;
 * 0: not there yet; -1: refused. */
static int take_line(struct http1 *h, size_t max, int too_long, struct yt_str *line)
{
	const uint8_t *nl = memchr(h->p + h->scan, '\n', h->n - h->scan);
	size_t len = (nl != NULL ? (size_t)(nl - h->p) + 1 : h->n + 1) - h->line;

	if (len > max) {
		refuse(h, too_long, too_long == 431 ? "header fields are too long" : "chunk line is too long");
		return -1;
	}
	if (nl == NULL) {
		h->scan = h->n;
		return 0;
	}
	if (len < 2 || nl[-1] != '\r') {
		refuse(h, 400, "line does not end in CR LF");
		return -1;
	}
	*line = (struct yt_str){ (const char *)h->p + h->line, len - 2 };
	h->line = h->scan = (size_t)(nl - h->p) + 1;
	return 1;
}

/* ---- start lines ---- */

static bool is_version(struct http1 *h, const uint8_t *p, size_t n)
{
	if (n == 8 && memcmp(p, "HTTP/1.1", 8) == 0)
		return true;
	if (n == 8 && memcmp(p, "HTTP/1.0", 8) == 0) {
		h->is_http10 = true;
		h->keep_alive = false;
		return true;
	}
	if (n == 8 && memcmp(p, "HTTP/", 5) == 0 && p[5] >= '0' && p[5] <= '9' && p[6] == '.' && p[7] >= '0' &&
	        p[7] <= '9')
		refuse(h, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
	else
		refuse(h, 400, "malformed HTTP version");
	return false;
}

static bool escapes_are_whole(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] != '%')
			continue;
		if (n - i < 3 || !is(p[i + 1], C_HEX) || !is(p[i + 2], C_HEX))
			return false;
		i += 2;
	}
	return true;
}

/* Splits absolute-form into authority, checked against Host later, and the rest. */
static bool take_target(struct http1 *h, const uint8_t *p, size_t n)
{
	size_t skip = 0, authority;

	if (!all(p, n, C_TARGET) || !escapes_are_whole(p, n))
		return false;
	if (n > 7 && strncasecmp((const char *)p, "http://", 7) == 0)
		skip = 7;
	else if (n > 8 && strncasecmp((const char *)p, "https://", 8) == 0)
		skip = 8;
	if (skip > 0) {
		for (authority = skip; authority < n && p[authority] != '/'; authority++) {
			if (p[authority] == '?' || p[authority] == '@')
				return false; /* no path before the query; user names in an authority */
		}
		if (authority == skip || authority == n)
			return false;
		h->authority = (struct yt_str){ NULL, authority - skip };
		h->authority.p = (const char *)p + skip;
		p += authority;
		n -= authority;
	}
	if (p[0] != '/' && !(n == 1 && p[0] == '*' && is_word(spanned(h, SPAN_METHOD), "OPTIONS")))
		return false;
	span_set(h, SPAN_TARGET, p, n);
	return true;
}

static void take_request_line(struct http1 *h, struct yt_str line)
{
	const uint8_t *p = (const uint8_t *)line.p, *end = p + line.n, *sp1, *sp2;

	if (line.n == 0 && !h->blank_seen) {
		h->blank_seen = true; /* RFC 9112 2.2: at least one empty line before it is to be ignored */
		return;
	}
	sp1 = memchr(p, ' ', line.n);
	sp2 = sp1 != NULL ? memchr(sp1 + 1, ' ', (size_t)(end - sp1 - 1)) : NULL;
	if (sp2 == NULL || sp1 == p || sp2 == sp1 + 1 || !all(p, (size_t)(sp1 - p), C_TOKEN)) {
		refuse(h, 400, "malformed request line");
		return;
	}
	if (!is_version(h, sp2 + 1, (size_t)(end - sp2 - 1)))
		return;
	span_set(h, SPAN_METHOD, p, (size_t)(sp1 - p));
	if (sp1 - p > 32 || is_word(spanned(h, SPAN_METHOD), "CONNECT"))
		refuse(h, 501, "method is not supported");
	else if (!take_target(h, sp1 + 1, (size_t)(sp2 - sp1 - 1)))
		refuse(h, 400, "malformed request target");
	else
		h->state = FIELDS;
}

static void take_status_line(struct http1 *h, struct yt_str line)
{
	const uint8_t *p = (const uint8_t *)line.p;

	if (line.n < 12 || p[8] != ' ' || !is_version(h, p, 8)) {
		refuse(h, 502, "malformed status line");
		return;
	}
	for (size_t i = 9; i < 12; i++) {
		if (p[i] < '0' || p[i] > '9') {
			refuse(h, 502, "malformed status line");
			return;
		}
		h->status = h->status * 10 + (p[i] - '0');
	}
	if (h->status < 100 || h->status > 599 || (line.n > 12 && p[12] != ' ') || !all(p + 12, line.n - 12, C_VALUE))
		refuse(h, 502, "malformed status line");
	else
		h->state = FIELDS;
}

/* ---- fields ---- */

/* Splits "name: value"; false if it is none. */
static bool split_field(struct yt_str line, struct yt_str *name, struct yt_str *value)
{
	const char *colon = memchr(line.p, ':', line.n), *end = line.p + line.n, *p;

	if (colon == NULL || colon == line.p)
		return false;
	*name = (struct yt_str){ line.p, (size_t)(colon - line.p) };
	for (p = colon + 1; p < end && (*p == ' ' || *p == '\t'); p++)
		;
	while (end > p && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*value = (struct yt_str){ p, (size_t)(end - p) };
	return all((const uint8_t *)name->p, name->n, C_TOKEN) && all((const uint8_t *)p, value->n, C_VALUE);
}

static void field_length(struct http1 *h, struct yt_str value)
{
	if (h->has_length)
		refuse(h, 400, "more than one Content-Length");
	else if (value.n == 0 || value.n > 18 || (value.n > 1 && value.p[0] == '0'))
		refuse(h, 400, "malformed Content-Length");
	h->has_length = true;
	h->length = 0;
	for (size_t i = 0; i < value.n && h->state != REFUSED; i++) {
		if (value.p[i] < '0' || value.p[i] > '9')
			refuse(h, 400, "malformed Content-Length");
		h->length = h->length * 10 + (uint64_t)(value.p[i] - '0');
	}
}

static void field_encoding(struct http1 *h, struct yt_str value)
{
	if (h->has_encoding)
		refuse(h, 400, "more than one Transfer-Encoding");
	else if (!is_word(value, "chunked"))
		refuse(h, http1_is_token(value) ? 501 : 400, "Transfer-Encoding is not exactly chunked");
	h->has_encoding = h->is_chunked = true;
}

/* uri-host [":" port] of RFC 9110 7.2: a name, an IPv4 address or a bracketed IPv6 address. */
static bool is_host(struct yt_str s)
{
	const uint8_t *p = (const uint8_t *)s.p;
	size_t i = 0, digits;

	if (s.n > 0 && p[0] == '[') {
		for (i = 1; i < s.n && (is(p[i], C_HEX) || p[i] == ':' || p[i] == '.'); i++)
			;
		if (i < 3 || i >= s.n || p[i] != ']')
			return false;
		i++;
	} else {
		while (i < s.n && is(p[i], C_HOST))
			i++;
	}
	if (i == 0 || i > 255)
		return false;
	if (i == s.n)
		return true;
	if (p[i] != ':')
		return false;
	for (digits = 0, i++; i < s.n && p[i] >= '0' && p[i] <= '9'; i++)
		digits++;
	return i == s.n && digits >= 1 && digits <= 5;
}

static void field_host(struct http1 *h, struct yt_str value)
{
	if (h->has_host)
		refuse(h, 400, "more than one Host");
	else if (!is_host(value))
		refuse(h, 400, "malformed Host");
	h->has_host = true;
	h->host = value;
}

/* Takes the next member of a comma-separated list; false when there is none. */
static bool next_word(struct yt_str *list, struct yt_str *word)
{
	const char *comma;

	if (list->n == 0)
		return false;
	comma = memchr(list->p, ',', list->n);
	*word = (struct yt_str){ list->p, comma != NULL ? (size_t)(comma - list->p) : list->n };
	list->p += word->n + (comma != NULL);
	list->n -= word->n + (comma != NULL);
	for (; word->n > 0 && (word->p[0] == ' ' || word->p[0] == '\t'); word->n--)
		word->p++;
	while (word->n > 0 && (word->p[word->n - 1] == ' ' || word->p[word->n - 1] == '\t'))
		word->n--;
	return true;
}

/* RFC 9110 7.6.1: what is named here is for this connection only, so a reader before us may have dropped it. */
static void field_connection(struct http1 *h, struct yt_str value)
{
	struct yt_str word;

	while (next_word(&value, &word)) {
		if (is_word(word, "close"))
			h->keep_alive = false;
		else if (is_word(word, "Content-Length") || is_word(word, "Transfer-Encoding") || is_word(word, "Host"))
			refuse(h, 400, "Connection names a field that says where the message ends or goes");
	}
}

/* The content's coding is the format's business; chunked is none, yet some readers take it for the transfer's. */
static void field_content_encoding(struct http1 *h, struct yt_str value)
{
	struct yt_str word;

	while (next_word(&value, &word)) {
		if (is_word(word, "chunked"))
			refuse(h, 400, "chunked is no Content-Encoding");
	}
}

static void field_expect(struct http1 *h, struct yt_str value)
{
	if (!is_word(value, "100-continue"))
		refuse(h, 417, "only 100-continue may be expected");
	h->wants_continue = !h->is_http10; /* RFC 9110 10.1.1: ignored in HTTP/1.0 */
}

static void field_known(struct http1 *h, struct yt_str name, struct yt_str value)
{
	bool asks = h->kind == HTTP1_REQUEST;

	if (name.n == 14 && is_word(name, "Content-Length"))
		field_length(h, value);
	else if (name.n == 17 && is_word(name, "Transfer-Encoding"))
		field_encoding(h, value);
	else if (name.n == 10 && is_word(name, "Connection"))
		field_connection(h, value);
	else if (name.n == 16 && is_word(name, "Content-Encoding"))
		field_content_encoding(h, value);
	else if (is_like(name, "contentlength") || is_like(name, "transferencoding"))
		refuse(h, 400, "field name that could be read as one that says where the message ends");
	else if (asks && name.n == 4 && is_word(name, "Host"))
		field_host(h, value);
	else if (asks && name.n == 6 && is_word(name, "Expect"))
		field_expect(h, value);
}

static void take_field(struct http1 *h, struct yt_str line)
{
	struct yt_str name, value;

	if (line.p[0] == ' ' || line.p[0] == '\t') {
		refuse(h, 400, "folded header field");
		return;
	}
	if (!split_field(line, &name, &value)) {
		refuse(h, 400, "malformed header field");
		return;
	}
	if (h->n_fields == h->limits.fields) {
		refuse(h, 431, "too many header fields");
		return;
	}
	span_set(h, SPAN_FIELDS + 2 * h->n_fields, (const uint8_t *)name.p, name.n);
	span_set(h, SPAN_FIELDS + 2 * h->n_fields + 1, (const uint8_t *)value.p, value.n);
	h->n_fields++;
	field_known(h, name, value);
}

/* ---- the end of the head: how long is the body? ---- */

static bool request_is_sound(struct http1 *h)
{
	struct yt_str method = spanned(h, SPAN_METHOD);

	if (!h->has_host && !h->is_http10)
		refuse(h, 400, "no Host");
	else if (h->authority.n > 0 && h->has_host &&
	         (h->authority.n != h->host.n || strncasecmp(h->authority.p, h->host.p, h->host.n) != 0))
		refuse(h, 400, "target and Host name different hosts");
	else if (h->has_encoding && h->is_http10)
		refuse(h, 400, "Transfer-Encoding in HTTP/1.0");
	else if ((h->is_chunked || (h->has_length && h->length > 0)) && !yt_str_is(method, "POST") &&
	         !yt_str_is(method, "PUT"))
		refuse(h, 400, "only POST and PUT may have a body");
	return h->state != REFUSED;
}

/* An interim response is passed over: what follows it starts anew at the buffer's start. */
static void skip_interim(struct http1 *h)
{
	if (h->status == 101 || h->has_length || h->has_encoding || ++h->skipped > SKIPPED_MAX) {
		refuse(h, 502, "unexpected interim response");
		return;
	}
	h->n -= h->line;
	memmove(h->p, h->p + h->line, h->n);
	h->line = h->scan = 0;
	h->n_fields = 0;
	h->status = 0;
	h->state = START;
}

static void head_end(struct http1 *h)
{
	if (h->has_length && h->has_encoding) {
		refuse(h, 400, "both Content-Length and Transfer-Encoding");
		return;
	}
	if (h->kind == HTTP1_REQUEST ? !request_is_sound(h) : (h->is_http10 && h->has_encoding)) {
		if (h->state != REFUSED)
			refuse(h, 502, "Transfer-Encoding in HTTP/1.0");
		return;
	}
	if (h->kind == HTTP1_RESPONSE && h->status < 200) {
		skip_interim(h);
		return;
	}
	if (h->has_length && h->length > h->limits.body_bytes) {
		refuse(h, 413, "body is too large");
		return;
	}
	h->head_is_whole = true;
	h->body_off = h->w = h->line;
	h->left = h->length;
	if (h->kind == HTTP1_RESPONSE && (h->status == 204 || h->status == 304))
		h->state = h->has_encoding || (h->status == 204 && h->has_length) ? REFUSED : WHOLE;
	else if (h->is_chunked)
		h->state = SIZE;
	else if (h->has_length)
		h->state = h->left > 0 ? BODY : WHOLE;
	else
		h->state = h->kind == HTTP1_REQUEST ? WHOLE : CLOSE;
	if (h->state == REFUSED)
		refuse(h, 502, "body where there can be none");
}

/* ---- bodies ---- */

/* chunk-ext = *( ";" token [ "=" ( token / quoted-string ) ] ), without the bad whitespace. */
static bool is_chunk_ext(const uint8_t *p, const uint8_t *end)
{
	while (p < end) {
		const uint8_t *start = p + 1;

		if (*p != ';')
			return false;
		for (p = start; p < end && is(*p, C_TOKEN); p++)
			;
		if (p == start)
			return false;
		if (p == end || *p != '=')
			continue;
		start = ++p;
		if (p < end && *p == '"') {
			for (p++; p < end && *p != '"'; p++) {
				if (*p == '\\')
					p++;
				if (p >= end || !is(*p, C_VALUE))
					return false;
			}
			if (p++ >= end)
				return false;
		} else {
			while (p < end && is(*p, C_TOKEN))
				p++;
		}
		if (p == start)
			return false;
	}
	return true;
}

static void take_chunk_size(struct http1 *h, struct yt_str line)
{
	const uint8_t *p = (const uint8_t *)line.p, *end = p + line.n;
	uint64_t size = 0;
	size_t digits = 0;

	for (; p < end && is(*p, C_HEX) && digits < 16; p++, digits++)
		size = size * 16 + (uint64_t)hex_value(*p);
	if (digits == 0 || !is_chunk_ext(p, end)) {
		refuse(h, 400, "malformed chunk size");
		return;
	}
	h->extra += (uint32_t)(end - p);
	if (h->extra > h->limits.head_bytes) {
		refuse(h, 400, "too many chunk extensions");
		return;
	}
	if (size > h->limits.body_bytes - (h->w - h->body_off)) {
		refuse(h, 413, "body is too large");
		return;
	}
	h->left = size;
	h->state = size > 0 ? DATA : TRAILER;
	if (size == 0)
		h->extra = 0;
}

/* Moves what has come of a chunk down to the body decoded so far. */
static void take_chunk_data(struct http1 *h)
{
	size_t n = h->n - h->line;

	if (n > h->left)
		n = (size_t)h->left;
	memmove(h->p + h->w, h->p + h->line, n);
	h->w += n;
	h->line += n;
	h->scan = h->line;
	h->left -= n;
	if (h->left == 0)
		h->state = DATA_END;
}

static void take_chunk_end(struct http1 *h)
{
	static const char crlf[] = "\r\n";

	for (size_t i = 0; i < 2 && h->line + i < h->n; i++) {
		if (h->p[h->line + i] != (uint8_t)crlf[i]) {
			refuse(h, 400, "chunk data is longer than its size");
			return;
		}
	}
	h->line += 2;
	h->scan = h->line;
	h->state = SIZE;
}

static void take_trailer(struct http1 *h, struct yt_str line)
{
	struct yt_str name, value;

	h->extra += (uint32_t)line.n + 2;
	if (line.n == 0)
		h->state = WHOLE;
	else if (!split_field(line, &name, &value))
		refuse(h, 400, "malformed trailer");
	else if (is_like(name, "contentlength") || is_like(name, "transferencoding") || is_like(name, "host"))
		refuse(h, 400, "framing field in a trailer");
	else if (++h->trailers > h->limits.fields)
		refuse(h, 431, "too many trailers");
}

/* ---- the machine ---- */

/* One step; false when it needs more bytes or has come to an end. */
static bool step_line(struct http1 *h)
{
	struct yt_str line;
	int rv;

	if (h->state == SIZE)
		rv = take_line(h, CHUNK_LINE_MAX, 400, &line);
	else if (h->state == TRAILER)
		rv = take_line(h, h->limits.head_bytes - h->extra, 431, &line);
	else
		rv = take_line(h, h->limits.head_bytes - h->line, 431, &line);
	if (rv <= 0)
		return false;
	if (h->state == SIZE)
		take_chunk_size(h, line);
	else if (h->state == TRAILER)
		take_trailer(h, line);
	else if (h->state == FIELDS && line.n == 0)
		head_end(h);
	else if (h->state == FIELDS)
		take_field(h, line);
	else if (h->kind == HTTP1_REQUEST)
		take_request_line(h, line);
	else
		take_status_line(h, line);
	return h->state != REFUSED;
}

static bool step(struct http1 *h)
{
	switch ((enum state)h->state) {
	case START:
	case FIELDS:
	case SIZE:
	case TRAILER:
		return step_line(h);
	case BODY:
		if (h->n - h->line < h->left)
			return false;
		h->line += (size_t)h->left;
		h->w = h->line;
		h->state = WHOLE;
		return false;
	case DATA:
		take_chunk_data(h);
		return h->state != DATA;
	case DATA_END:
		if (h->line + 2 > h->n && (h->line == h->n || h->p[h->line] == '\r'))
			return false;
		take_chunk_end(h);
		return h->state != REFUSED;
	case CLOSE:
		if (h->n - h->line > h->limits.body_bytes)
			refuse(h, 413, "body is too large");
		return false;
	case WHOLE:
	case REFUSED:
		return false;
	}
	return false;
}

/* Turns places in the buffer into slices; the buffer stays where it is until http1_next(). */
static void resolve(struct http1 *h)
{
	for (size_t i = 0; i < h->n_fields; i++) {
		h->fields[i].name = spanned(h, SPAN_FIELDS + 2 * i);
		h->fields[i].value = spanned(h, SPAN_FIELDS + 2 * i + 1);
	}
	if (h->kind == HTTP1_REQUEST) {
		h->method = spanned(h, SPAN_METHOD);
		h->target = spanned(h, SPAN_TARGET);
	}
	h->body = (struct yt_str){ (const char *)h->p + h->body_off, h->w - h->body_off };
}

/* Closes the gap between what is decoded and what is still raw, so that the buffer need not grow. */
static void close_gap(struct http1 *h)
{
	size_t gap = h->line - h->w;

	if (gap == 0)
		return;
	memmove(h->p + h->w, h->p + h->line, h->n - h->line);
	h->n -= gap;
	h->line -= gap;
	h->scan -= gap;
}

enum http1_result http1_feed(struct http1 *h, size_t n)
{
	h->n += n;
	YT_REQUIRE(h->n <= h->cap);
	if (h->n == 0)
		return HTTP1_MORE;
	while (step(h))
		;
	switch ((enum state)h->state) {
	case REFUSED:
		return HTTP1_REFUSED;
	case WHOLE:
		resolve(h);
		return HTTP1_WHOLE;
	case CLOSE:
		return HTTP1_UNTIL_CLOSE;
	case SIZE:
	case DATA:
	case DATA_END:
	case TRAILER:
		close_gap(h);
		return HTTP1_MORE;
	default:
		return HTTP1_MORE;
	}
}

enum http1_result http1_close(struct http1 *h)
{
	YT_REQUIRE(h->state == CLOSE);
	h->w = h->line = h->n;
	h->keep_alive = false;
	h->state = WHOLE;
	resolve(h);
	return HTTP1_WHOLE;
}

/* ---- memory ---- */

static void reset(struct http1 *h)
{
	struct http1 fresh = { .kind = h->kind,
		.limits = h->limits,
		.fields = h->fields,
		.spans = h->spans,
		.p = h->p,
		.cap = h->cap,
		.keep_alive = true };

	*h = fresh;
}

bool http1_next(struct http1 *h)
{
	size_t rest = h->n - h->line;
	const uint8_t *from = h->p + h->line;

	memmove(h->p, from, rest);
	reset(h);
	h->n = rest;
	return rest > 0;
}

/* While the head is read, host and authority point into the buffer; they move with it. */
static bool grow(struct http1 *h, size_t cap)
{
	uint8_t *old = h->p, *p = malloc(cap);

	if (p == NULL)
		return false;
	memcpy(p, old, h->n);
	if (h->host.p != NULL)
		h->host.p = (const char *)p + (h->host.p - (const char *)old);
	if (h->authority.p != NULL)
		h->authority.p = (const char *)p + (h->authority.p - (const char *)old);
	free(old);
	h->p = p;
	h->cap = cap;
	return true;
}

uint8_t *http1_room(struct http1 *h, size_t *size)
{
	if (h->cap - h->n < LEAST_ROOM && !grow(h, h->cap * 2))
		return NULL;
	*size = h->cap - h->n;
	return h->p + h->n;
}

void http1_pool_init(struct http1_pool *pool, enum http1_kind kind, const struct http1_limits *limits)
{
	*pool = (struct http1_pool){ .kind = kind, .limits = *limits };
}

static void message_free(struct http1 *h)
{
	if (h == NULL)
		return;
	free(h->p);
	free(h->spans);
	free(h->fields);
	free(h);
}

void http1_pool_free(struct http1_pool *pool)
{
	while (pool->free != NULL) {
		struct http1 *h = pool->free;

		pool->free = h->next;
		message_free(h);
	}
	pool->n_free = 0;
}

static struct http1 *message_new(const struct http1_pool *pool)
{
	struct http1 *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->kind = pool->kind;
	h->limits = pool->limits;
	h->cap = FIRST_CAP;
	h->p = malloc(h->cap);
	h->spans = calloc(SPAN_FIELDS + 2 * (size_t)pool->limits.fields, sizeof(*h->spans));
	h->fields = calloc(pool->limits.fields + (size_t)1, sizeof(*h->fields));
	if (h->p == NULL || h->spans == NULL || h->fields == NULL) {
		message_free(h);
		return NULL;
	}
	reset(h);
	return h;
}

struct http1 *http1_take(struct http1_pool *pool)
{
	struct http1 *h = pool->free;

	if (h == NULL)
		return message_new(pool);
	pool->free = h->next;
	pool->n_free--;
	h->next = NULL;
	return h;
}

void http1_give(struct http1_pool *pool, struct http1 *h)
{
	if (h == NULL)
		return;
	if (h->cap > KEEP_CAP || pool->n_free == KEEP_FREE) {
		message_free(h);
		return;
	}
	reset(h);
	h->next = pool->free;
	pool->free = h;
	pool->n_free++;
}

/* ---- words ---- */

struct yt_str http1_field(const struct yt_header *fields, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (is_word(fields[i].name, name))
			return fields[i].value;
	}
	return (struct yt_str){ NULL, 0 };
}

bool http1_is_token(struct yt_str s)
{
	return s.n > 0 && all((const uint8_t *)s.p, s.n, C_TOKEN);
}

bool http1_is_value(struct yt_str s)
{
	return all((const uint8_t *)s.p, s.n, C_VALUE);
}

bool http1_is_target(struct yt_str s)
{
	const uint8_t *p = (const uint8_t *)s.p;

	return s.n > 0 && p[0] == '/' && all(p, s.n, C_TARGET) && escapes_are_whole(p, s.n);
}

const char *http1_reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} rows[] = {
		{ 200, "OK" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 413, "Content Too Large" },
		{ 415, "Unsupported Media Type" },
		{ 417, "Expectation Failed" },
		{ 422, "Unprocessable Content" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].status == status)
			return rows[i].reason;
	}
	return "Status";
}

void http1_put_length(struct yt_buf *out, size_t n)
{
	char digits[24], *p = digits + sizeof(digits);

	*--p = '\n';
	*--p = '\r';
	do {
		*--p = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	yt_buf_add(out, "Content-Length: ", 16);
	yt_buf_add(out, p, (size_t)(digits + sizeof(digits) - p));
}
