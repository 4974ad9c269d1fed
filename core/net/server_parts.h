/* core/net/server_parts.h - what the parts of a listener share; nobody else includes it.
 *
 *   server.c        accepts, keeps the tokens, the clock and the way out; the wire's events
 *   server_http1.c  the conversation on a connection: HTTP/1.1, one request at a time
 *   server_http2.c  the same in HTTP/2, many at once
 */
#ifndef YT_NET_SERVER_PARTS_H
#define YT_NET_SERVER_PARTS_H

#include "net/http1.h"
#include "net/http2.h"
#include "net/server.h"
#include "net/tls.h"
#include "net/wire.h"

enum phase { HANDSHAKE, IDLE, READING, WAITING, FLUSHING, SHARED, LINGERING, CLOSING };

struct conn {
	struct wire wire; /* first: a wire's event finds its connection */
	struct server *server;
	struct http1 *intake; /* a request in the making; none while idle */
	struct http2 *h2;     /* SHARED: its requests */
	int64_t deadline_ms;
	uint32_t slot;
	enum phase phase;
	bool serving; /* conn_serve() is at it further up the stack */
	bool last;    /* close after this answer */
	bool is_head; /* no body in the answer, RFC 9110 9.3.2 */
	bool told_continue;
	bool was_asked;  /* something; before that even a draining server hears it */
	bool will_flush; /* SHARED: its answers leave in the loop's next turn */
	struct tls_identity identity;
	char peer[64];
};

struct slot {
	struct conn *conn; /* NULL: free */
	uint32_t generation;
	uint32_t next_free;
};

/* A request of HTTP/2.  Its token counts on from the connections' slots. */
struct call {
	struct http2_stream *stream; /* NULL: free */
	uint32_t generation;
	uint32_t next_free;
};

enum event_kind { GONE, FLUSHED, SERVE, FLUSH };

struct event {
	enum event_kind kind;
	struct server_token token;
};

struct server {
	uv_tcp_t listener;
	uv_timer_t timer;
	uv_idle_t turn; /* active while events wait */
	struct wire_hub hub;
	struct server_events events;
	struct server_limits limits;
	enum server_kind kind;
	const struct net_range *allow;
	uint32_t n_allow;
	char *name;
	SSL_CTX *ctx;
	struct http1_pool intakes;
	struct yt_buf plain; /* an answer being put together */
	struct slot *slots;
	uint32_t free_slot, n_conns;
	struct http2_env h2;
	struct call *calls;
	uint32_t free_call, n_calls; /* n_calls: of the array */
	struct event *waiting;
	size_t n_waiting, cap_waiting;
	int64_t next_check_ms;
	int64_t date_s;
	char date[48];
	size_t date_n;
	struct yt_pace notes; /* server_note() */
	uint32_t n_handles;   /* of the server itself */
	bool draining, closing, listener_closed;
	void (*drained)(void *arg);
	void *drained_arg;
};

/* ---- server.c ---- */

/* One line about a peer's doing: bounded, since a hostile one decides how often. */
void server_note(struct server *server, const char *fmt, ...) YT_PRINTF(2, 3);
/* The engine hears it in the loop's next turn, never from inside a call it made. */
void server_tell_later(struct server *server, enum event_kind kind, struct server_token token);
struct server_token conn_token(const struct conn *conn);
/* The request of this token is over: from here on the token is stale. */
void conn_retire(struct conn *conn);
void conn_move(struct conn *conn, enum phase phase);
void conn_set_deadline(struct conn *conn, uint32_t ms); /* 0: none */
void conn_close(struct conn *conn);
void conn_finish(struct conn *conn);   /* lets the peer read what was written before the connection is cut */
void conn_end_idle(struct conn *conn); /* the same where nothing unread can be lost */
/* The format's own header fields may stand in an answer as they are. */
bool server_fields_are_fit(const struct server_reply *reply);

/* ---- server_http1.c ---- */

void conn_serve(struct conn *conn); /* request after request of what has been read, until one waits for the engine */
int conn_put_answer(struct conn *conn, const struct server_reply *reply);
void conn_answered(struct conn *conn); /* the answer's last byte is with the socket */
/* Our own answer to what is no request of anybody's; nothing of the input is repeated. */
void conn_refuse(struct conn *conn, int status, const char *why);
/* As HTTP writes it, made once a second: "Sun, 22 Nov 2026 09:00:00 GMT". */
struct yt_str server_date(struct server *server);
/* False, and 403 is to be answered: it was valid when the connection began. */
bool conn_is_still_valid(struct conn *conn);

/* ---- server_http2.c ---- */

int server_http2_init(struct server *server, const struct server_conf *conf);
void server_http2_free(struct server *server);
void conn_share(struct conn *conn);          /* HTTP/2 was chosen: begins */
void conn_shared_input(struct conn *conn);   /* there is input */
void conn_shared_drained(struct conn *conn); /* the socket takes more */
void conn_shared_expired(struct conn *conn); /* a deadline has come */
void conn_shared_drain(struct conn *conn);
void conn_shared_flush(struct conn *conn); /* FLUSH: what was answered since the last turn leaves */
void call_answer(struct server *server, struct server_token token, const struct server_reply *reply);
void call_drop(struct server *server, struct server_token token);

#endif
