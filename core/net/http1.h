/* core/net/http1.h - reads HTTP/1.1 messages, and nothing that could be read in two ways.
 *
 * server.c reads requests with it, lane.c responses.  One struct http1 is one message in the making:
 * the owner puts bytes where http1_room() says, calls http1_feed() and is told MORE, WHOLE or
 * REFUSED.  The result never depends on how the bytes were split.  The rules are those of RFC 9112,
 * without any of the repairs it lets a recipient try: whatever two readers could understand
 * differently (both lengths, a repeated length, bare LF, obs-fold, ...) is refused. */
#ifndef YT_NET_HTTP1_H
#define YT_NET_HTTP1_H

#include "yitong/plugin.h"

enum http1_kind { HTTP1_REQUEST, HTTP1_RESPONSE };

enum http1_result {
	HTTP1_MORE,        /* not whole yet */
	HTTP1_WHOLE,       /* one message is there; what follows it waits for http1_next() */
	HTTP1_UNTIL_CLOSE, /* response only: its body ends with the connection, http1_close() ends it */
	HTTP1_REFUSED      /* refusal and why say what is wrong; nothing after it can be trusted */
};

struct http1_limits {
	uint32_t head_bytes; /* start line and fields with their line ends; trailers have as much again */
	uint32_t fields;     /* in the head; and as many again in trailers */
	uint32_t body_bytes;
};

struct http1_span; /* a field's place in the buffer */

struct http1 {
	/* Valid on WHOLE until http1_next(): slices point into the buffer. */
	struct yt_str method, target; /* requests */
	int status;                   /* responses: 200 to 599, 1xx are passed over */
	struct yt_header *fields;
	size_t n_fields;
	struct yt_str body;
	bool keep_alive; /* the peer does not want to close after this one */

	bool wants_continue; /* valid once head_is_whole: the body waits for a 100 (Continue) */
	bool head_is_whole;
	int refusal;     /* on REFUSED: the status to answer with; a response's reader only tells it apart from 0 */
	const char *why; /* on REFUSED: static text, never input */

	/* The rest is the reader's own (http1.c, http1_head.c). */
	enum http1_kind kind;
	struct http1_limits limits;
	struct http1_span *spans;
	uint8_t *p;
	size_t n, cap;
	size_t line, scan;                 /* where the current line starts; how far it was searched for its end */
	size_t body_off, w;                /* the body's start; chunked: end of what is decoded in place */
	uint64_t left;                     /* bytes still to come of body or chunk */
	uint32_t extra, trailers, skipped; /* chunk lines' and trailers' bytes; trailer fields; 1xx passed over */
	uint8_t state;
	bool is_http10, has_length, is_chunked, has_host, blank_seen, has_encoding;
	uint64_t length;
	struct yt_str host, authority; /* offsets until the head is whole; see http1_head.c */
	struct http1 *next;            /* in the pool */
};

/* Messages are taken when the first byte comes and given back after the last: an idle connection has
 * none.  The pool keeps some for the next. */
struct http1_pool {
	enum http1_kind kind;
	struct http1_limits limits;
	struct http1 *free;
	uint32_t n_free;
};

void http1_pool_init(struct http1_pool *pool, enum http1_kind kind, const struct http1_limits *limits);
void http1_pool_free(struct http1_pool *pool);                   /* all taken ones must have been given back */
struct http1 *http1_take(struct http1_pool *pool);               /* NULL when out of memory */
void http1_give(struct http1_pool *pool, struct http1 *message); /* NULL is fine */

/* Where to put the next bytes, and how many fit: at least 1024.  NULL when out of memory. */
uint8_t *http1_room(struct http1 *message, size_t *size);
/* n bytes were put there; 0 to look again at what http1_next() left. */
enum http1_result http1_feed(struct http1 *message, size_t n);
/* After UNTIL_CLOSE, at an authenticated end of the stream: WHOLE. */
enum http1_result http1_close(struct http1 *message);
/* Forgets the whole message; true if bytes of another one are there already. */
bool http1_next(struct http1 *message);
static inline bool http1_is_empty(const struct http1 *message)
{
	return message->n == 0;
}
/* After WHOLE: more bytes than the message are there. */
static inline bool http1_is_followed(const struct http1 *message)
{
	return message->n > message->line;
}

/* Value of a field by name in any case; empty when there is none. */
struct yt_str http1_field(const struct yt_header *fields, size_t n, const char *name);
/* True if s is a token in the sense of RFC 9110 5.6.2; field values may be written if all is
 * visible ASCII, spaces and obs-text. */
bool http1_is_token(struct yt_str s);
bool http1_is_value(struct yt_str s);
bool http1_is_target(struct yt_str s); /* origin-form */
const char *http1_reason(int status);
/* Appends "Content-Length: N" and its line end; by hand, as it is done for each message. */
void http1_put_length(struct yt_buf *out, size_t n);

#endif
