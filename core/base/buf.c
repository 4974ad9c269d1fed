/* core/base/buf.c - a growing byte buffer, written to without checking and checked once at the end. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "yitong/base.h"

enum { FIRST_CAP = 1024 };

/* More memory, for n more bytes behind those in use.  Apart from buf_reserve(), so that this, which is rare, makes
 * nothing else slow. */
static __attribute__((noinline)) bool buf_grow(struct yt_buf *buf, size_t n)
{
	size_t cap = buf->cap < FIRST_CAP ? FIRST_CAP : buf->cap;
	uint8_t *p;

	if (buf->failed)
		return false; /* what follows a gap must not be appended: the content would be wrong, not short */
	buf->failed = true;
	if (n > SIZE_MAX / 4 - buf->n)
		return false;
	while (cap < buf->n + n)
		cap *= 2;
	p = realloc(buf->p, cap);
	if (p == NULL)
		return false;
	buf->p = p;
	buf->cap = cap;
	buf->failed = false;
	return true;
}

/* Makes room for n more bytes behind those in use. */
static inline bool buf_reserve(struct yt_buf *buf, size_t n)
{
	return (n <= buf->cap - buf->n && !buf->failed) || buf_grow(buf, n);
}

uint8_t *yt_buf_room(struct yt_buf *buf, size_t n)
{
	uint8_t *room;

	/* An empty room has an address too, so that NULL always means failure. */
	if (!buf_reserve(buf, n == 0 && buf->p == NULL ? 1 : n))
		return NULL;
	room = buf->p + buf->n;
	buf->n += n;
	return room;
}

void yt_buf_add(struct yt_buf *buf, const void *bytes, size_t n)
{
	if (n == 0 || !buf_reserve(buf, n))
		return;
	memcpy(buf->p + buf->n, bytes, n);
	buf->n += n;
}

void yt_buf_byte(struct yt_buf *buf, uint8_t byte)
{
	if (buf_reserve(buf, 1))
		buf->p[buf->n++] = byte;
}

void yt_buf_str(struct yt_buf *buf, struct yt_str s)
{
	yt_buf_add(buf, s.p, s.n);
}

void yt_buf_text(struct yt_buf *buf, const char *nul_terminated)
{
	yt_buf_str(buf, yt_str(nul_terminated));
}

void yt_buf_printf(struct yt_buf *buf, const char *fmt, ...)
{
	va_list ap;
	int n;

	/* vsnprintf() ends with a NUL, which has its place but is not counted; mostly there is room for all. */
	va_start(ap, fmt);
	n = vsnprintf(buf->p == NULL ? NULL : (char *)buf->p + buf->n, buf->cap - buf->n, fmt, ap);
	va_end(ap);
	if (n < 0) {
		buf->failed = true;
		return;
	}
	if ((size_t)n >= buf->cap - buf->n) {
		if (!buf_reserve(buf, (size_t)n + 1))
			return;
		va_start(ap, fmt);
		vsnprintf((char *)buf->p + buf->n, (size_t)n + 1, fmt, ap);
		va_end(ap);
	}
	if (!buf->failed)
		buf->n += (size_t)n;
}

void yt_buf_clear(struct yt_buf *buf)
{
	buf->n = 0;
	buf->failed = false;
}

void yt_buf_free(struct yt_buf *buf)
{
	free(buf->p);
	*buf = (struct yt_buf){ 0 };
}
