/* core/net/http2.h - one connection's HTTP/2: whole messages in and out, many at once.
 *
 * server_http2.c answers requests with it, lane_http2.c sends some; libnghttp2 reads and writes the frames
 * (RFC 9113, 7541) and refuses what is malformed.  What it does not limit is limited here: see struct
 * http2_limits.  Events come from inside http2_input() and http2_flush() only, and may call anything
 * here but http2_free(): what they cause is written when the outermost call ends. */
#ifndef YT_NET_HTTP2_H
#define YT_NET_HTTP2_H

#include <nghttp2/nghttp2.h>

#include "net/wire.h"
#include "yitong/plugin.h"

/* Beyond them: a message gets an answer of ours or ends alone (431, 413, REFUSED_STREAM); who floods loses
 * the connection (GOAWAY, ENHANCE_YOUR_CALM).  A budget refills by a tenth of itself each second. */
struct http2_limits {
	uint32_t streams;        /* open at once on one connection */
	uint32_t head_bytes;     /* names and values of one message; four times as many end the connection */
	uint32_t fields;         /* ... and their number, pseudo fields apart */
	uint32_t continuations;  /* frames that go on with one header block */
	uint32_t body_bytes;     /* of one message */
	uint32_t buffered_bytes; /* of all bodies that one connection has not sent whole or not taken yet */
	uint32_t resets;         /* budget: streams that the peer resets or makes us reset */
	uint32_t control_frames; /* budget: frames that carry no message (PING, SETTINGS, WINDOW_UPDATE, tiny
	                          * DATA, ...); each whole message gives some back */
};

struct http2_message {                  /* borrowed until on_message returns */
	struct yt_str method, target;   /* of a request */
	int status;                     /* of an answer, 200 to 599 */
	const struct yt_header *fields; /* names in lower case */
	size_t n_fields;
	struct yt_str body;
};

struct http2;

struct http2_stream {
	struct http2 *h2;
	struct http2_stream *prev, *next; /* in h2->open or h2->leaving */
	int32_t id;
	/* The owner's own. */
	uint64_t name;
	void *kept;
	int64_t deadline_ms, begun_ms;
	uint8_t phase;
	/* http2.c's own. */
	struct yt_buf head, body; /* coming in */
	struct yt_buf out;        /* going out ... */
	size_t out_at;            /* ... up to here */
	uint64_t counted;         /* of it in h2->buffered */
	uint32_t n_fields, head_n, n_continuations;
	uint16_t refusal; /* status of our own answer: what still comes is thrown away */
	bool left;        /* client: it may have reached the peer */
	bool head_is_whole, told, sent, is_head, drops;
	struct yt_header fields[]; /* n only, until the head is whole */
};

struct http2_events {
	void (*on_open)(struct http2_stream *stream); /* server: the first octets of a request are there */
	void (*on_message)(struct http2_stream *stream, const struct http2_message *message);
	/* Server: it is answered by us, as it is no request; why is static. */
	void (*on_refused)(struct http2_stream *stream, int status, const char *why);
	/* The last octet of our message is with the socket; server: the stream is gone after this. */
	void (*on_sent)(struct http2_stream *stream);
	/* It ended before that (server) or before its answer was whole (client), gone after this. */
	void (*on_lost)(struct http2_stream *stream, const char *why);
};

struct http2_env { /* what all connections of an owner share */
	struct http2_limits limits;
	struct http2_events events;
	bool is_client;
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *option;
	uint8_t *in;
	struct yt_buf plain;
	struct http2_stream *free;
	uint32_t n_free;
};

int http2_env_init(
        struct http2_env *env, bool is_client, const struct http2_limits *limits, const struct http2_events *events);
void http2_env_free(struct http2_env *env); /* all its connections are gone */

enum { HTTP2_GAPS = 8 };

struct http2 {
	struct http2_env *env;
	struct wire *wire;
	void *owner;
	nghttp2_session *session;
	struct http2_stream *open, *leaving;
	uint32_t n_open;
	uint64_t buffered;
	struct http2_budget {
		int64_t left, filled_ms;
	} resets, control;
	int32_t last_id; /* server: the highest stream that the peer has begun, -1 at first ... */
	struct http2_gap {
		int32_t from, to;
	} gaps[HTTP2_GAPS]; /* ... and what it has passed over; the oldest are forgotten */
	uint32_t n_gaps;
	const char *why; /* why it is over; static */
	bool busy, draining;
};

static inline bool http2_is_idle(const struct http2 *h2)
{
	return h2->open == NULL && h2->leaving == NULL;
}

/* Begins on a wire whose handshake is done and whose ALPN says h2.  NULL: out of memory. */
struct http2 *http2_new(struct http2_env *env, struct wire *wire, void *owner);
/* Tells on_lost for every stream that is open yet, why; frees. */
void http2_free(struct http2 *h2, const char *why);

/* Tells on_lost now; nothing is told of any stream after this.  untouched: the peer has surely looked at none. */
void http2_abandon(struct http2 *h2, bool untouched, const char *why);

/* Reads all there is and writes what follows from it.  0; YT_EIO: it is over, h2->why says why, what the peer
 * must hear is with the wire: finish the connection. */
int http2_input(struct http2 *h2);
/* Writes what the socket takes; to be called when the wire is drained.  As http2_input(). */
int http2_flush(struct http2 *h2);

/* Server: fields with lower-case names; body is copied.  0, and http2_flush() is to follow; or why it cannot be. */
int http2_answer(struct http2_stream *stream, int status, const struct yt_header *fields, size_t n, struct yt_str body);
/* Client: path, authority and fields must be writable (http1_is_target(), ...); all is copied.  NULL: no
 * room or no memory. */
struct http2_stream *http2_request(struct http2 *h2, struct yt_str method, struct yt_str authority, struct yt_str path,
        const struct yt_header *fields, size_t n, struct yt_str body);
bool http2_has_room(const struct http2 *h2); /* client: one more request can go */
/* The rest needs http2_flush() after it, unless an event is under way. */

/* Ends one stream without more words; nothing is told about it any more. */
void http2_drop(struct http2_stream *stream, uint32_t code);
/* Server: our own answer, text; counts as a reset, since the peer made us do it. */
void http2_refuse(struct http2_stream *stream, int status, const char *why);
/* Server, GOAWAY: what the peer sends before it hears is still served, new streams are not; over when all are
 * gone.  Called again: it has had time to hear. */
void http2_drain(struct http2 *h2);
void http2_end(struct http2 *h2); /* GOAWAY, over */

#endif
