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
#include "net/http1_parts.h"

#include <stdlib.h>
#include <string.h>

enum {
	FIRST_CAP = 16 * 1024 + 512, /* a whole TLS record at once */
	KEEP_CAP = 64 * 1024,        /* the pool keeps no larger buffers */
	KEEP_FREE = 64,              /* nor more messages than this */
	LEAST_ROOM = 1024,
	CHUNK_LINE_MAX = 256
};

/* One line, without its CRLF.  max: bytes it may have with it.  1: line is set, h->line behind it;
 * 0: not there yet; -1: refused. */
static int take_line(struct http1 *h, size_t max, int too_long, struct yt_str *line)
{
	const uint8_t *nl = memchr(h->p + h->scan, '\n', h->n - h->scan);
	size_t len = (nl != NULL ? (size_t)(nl - h->p) + 1 : h->n + 1) - h->line;

	if (len > max) {
		http1_refuse(h, too_long, too_long == 431 ? "header fields are too long" : "chunk line is too long");
		return -1;
	}
	if (nl == NULL) {
		h->scan = h->n;
		return 0;
	}
	if (len < 2 || nl[-1] != '\r') {
		http1_refuse(h, 400, "line does not end in CR LF");
		return -1;
	}
	*line = (struct yt_str){ (const char *)h->p + h->line, len - 2 };
	h->line = h->scan = (size_t)(nl - h->p) + 1;
	return 1;
}

/* ---- bodies ---- */

/* chunk-ext = *( ";" token [ "=" ( token / quoted-string ) ] ), without the bad whitespace. */
static bool is_chunk_ext(const uint8_t *p, const uint8_t *end)
{
	while (p < end) {
		const uint8_t *start = p + 1;

		if (*p != ';')
			return false;
		for (p = start; p < end && http1_is(*p, C_TOKEN); p++)
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
				if (p >= end || !http1_is(*p, C_VALUE))
					return false;
			}
			if (p++ >= end)
				return false;
		} else {
			while (p < end && http1_is(*p, C_TOKEN))
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

	for (; p < end && http1_is(*p, C_HEX) && digits < 16; p++, digits++)
		size = size * 16 + (uint64_t)http1_hex(*p);
	if (digits == 0 || !is_chunk_ext(p, end)) {
		http1_refuse(h, 400, "malformed chunk size");
		return;
	}
	h->extra += (uint32_t)(end - p);
	if (h->extra > h->limits.head_bytes) {
		http1_refuse(h, 400, "too many chunk extensions");
		return;
	}
	if (size > h->limits.body_bytes - (h->w - h->body_off)) {
		http1_refuse(h, 413, "body is too large");
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
			http1_refuse(h, 400, "chunk data is longer than its size");
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
	else if (!http1_split_field(line, &name, &value))
		http1_refuse(h, 400, "malformed trailer");
	else if (http1_is_like(name, "contentlength") || http1_is_like(name, "transferencoding") ||
	         http1_is_like(name, "host"))
		http1_refuse(h, 400, "framing field in a trailer");
	else if (++h->trailers > h->limits.fields)
		http1_refuse(h, 431, "too many trailers");
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
		http1_head_end(h);
	else if (h->state == FIELDS)
		http1_take_field(h, line);
	else if (h->kind == HTTP1_REQUEST)
		http1_take_request_line(h, line);
	else
		http1_take_status_line(h, line);
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
			http1_refuse(h, 413, "body is too large");
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
		h->fields[i].name = http1_spanned(h, SPAN_FIELDS + 2 * i);
		h->fields[i].value = http1_spanned(h, SPAN_FIELDS + 2 * i + 1);
	}
	if (h->kind == HTTP1_REQUEST) {
		h->method = http1_spanned(h, SPAN_METHOD);
		h->target = http1_spanned(h, SPAN_TARGET);
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
