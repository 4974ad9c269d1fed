/* core/net/http2_parts.h - what the two parts of an HTTP/2 connection share; nobody else includes it.
 *
 *   http2.c         streams, budgets, reading and writing, messages out, life
 *   http2_frames.c  libnghttp2's callbacks: what came becomes messages, what left is noted
 */
#ifndef YT_NET_HTTP2_PARTS_H
#define YT_NET_HTTP2_PARTS_H

#include "net/http2.h"

enum { HTTP2_PSEUDO = 5 }; /* pseudo fields of one message, at most */

/* ---- http2.c ---- */

/* Takes one from a budget of that size; false: it is used up. */
bool http2_spend(const struct http2 *h2, struct http2_budget *budget, uint32_t size);
void http2_spend_reset(struct http2 *h2);
void http2_flood(struct http2 *h2, const char *why);                  /* GOAWAY, ENHANCE_YOUR_CALM; why: static */
struct http2_stream *http2_stream_new(struct http2 *h2, int32_t id);  /* NULL: out of memory */
void http2_stream_free(struct http2_stream *stream, bool is_leaving); /* is_leaving: it is in that list */
void http2_stream_leaves(struct http2_stream *stream); /* written; on_sent is told when the socket has it */
void http2_count_buffered(struct http2_stream *stream);
void http2_last_goaway(struct http2 *h2); /* after the notice was heard: streams behind the last are refused */

/* ---- http2_frames.c ---- */

bool http2_set_callbacks(struct http2_env *env);

#endif
