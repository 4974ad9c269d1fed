/* core/net/server.h - listeners: who is asking, and whole requests of theirs.
 *
 * A worker opens one per configured listener on a socket that the supervisor bound (process/worker_doors.c).
 * server.c speaks TLS (tls.c) and what ALPN finds, HTTP/1.1 (http1.c) or HTTP/2 (http2.c), checks the
 * certificate, and hands each whole request to on_request; the engine answers later by server_answer() or
 * server_drop(). */
#ifndef YT_NET_SERVER_H
#define YT_NET_SERVER_H

#include <uv.h>

#include "net/nets.h"
#include "yitong/plugin.h"

enum server_kind {
	SERVER_MTLS,   /* the client certificate says who asks; without one the handshake fails */
	SERVER_SIGNED, /* TLS without client certificate; the format's header signature says who asks */
	SERVER_PLAIN   /* no TLS: addresses say who may connect, the format's signature who asks */
};

struct server_limits {
	uint32_t connections;  /* open at once on this listener in this worker; more are closed at accept */
	uint32_t header_bytes; /* request line and header fields together; 431 */
	uint32_t headers;      /* number of header fields; 431 */
	uint32_t body_bytes;   /* 413 */
	uint32_t handshake_ms; /* from accept to the end of the TLS handshake */
	uint32_t request_ms;   /* from the first byte of a request to its last; 408 */
	uint32_t idle_ms;      /* between requests */
	/* HTTP/2 only; http2.h says what they mean. */
	uint32_t streams, continuations, buffered_bytes, resets, control_frames;
};

struct server_conf {
	const char *name;
	enum server_kind kind;
	const char *cert_file, *key_file; /* PEM, ours */
	const char *client_ca_file;       /* PEM; SERVER_MTLS only */
	const char *crl_file;             /* PEM, or NULL; SERVER_MTLS only */
	const struct net_range *allow;    /* SERVER_PLAIN: who may connect; kept by the caller */
	uint32_t n_allow;
	bool http2; /* offered beside HTTP/1.1 */
	struct server_limits limits;
};

/* Names one request for server_answer(); stays valid (and harmless) after the connection is gone. */
struct server_token {
	uint32_t slot;
	uint32_t generation;
};

struct server_request {
	struct server_token token;
	const char *listener;
	struct yt_str method, target; /* "POST", "/fsi/api/rsfComIfsService/callService" */
	const struct yt_header *headers;
	size_t n_headers;
	struct yt_str body; /* borrowed until on_request returns */
	/* SERVER_MTLS: SHA-256 of the client certificate in DER, lower-case hex, and its subject CN; else empty.
	 * Re-checked on resumed sessions. */
	struct yt_str certificate, subject;
	struct yt_str peer; /* address:port */
};

/* Called from the loop only, never from inside a server_ function; each token that on_request gave
 * hears exactly one of on_gone and on_flushed, unless server_drop() or server_close() took it back. */
struct server_events {
	void *arg;
	void (*on_request)(void *arg, const struct server_request *request);
	/* The connection ended before server_answer() was flushed: nobody is waiting any more. */
	void (*on_gone)(void *arg, struct server_token token);
	/* The answer's last byte was taken by the socket. */
	void (*on_flushed)(void *arg, struct server_token token);
};

struct server;
/* fd: a bound, listening, non-blocking TCP socket; ours until server_close() is done.
 * Returns 0, or YT_ECONF after logging which file is at fault. */
int server_open(struct server **out, uv_loop_t *loop, int fd, const struct server_conf *conf,
        const struct server_events *events);
enum { SERVER_FIELDS_MAX = 16 };

/* An answer; all of it is copied.  fields: header fields of the format's own, at most SERVER_FIELDS_MAX, tokens and
 * values as HTTP has them; else the connection is closed, as nothing can be said.  content_type may be NULL. */
struct server_reply {
	int status;
	const char *content_type;
	const struct yt_header *fields;
	size_t n_fields;
	struct yt_str body;
};

/* Stale tokens are ignored. */
void server_answer_with(struct server *server, struct server_token token, const struct server_reply *reply);
void server_answer(
        struct server *server, struct server_token token, int status, const char *content_type, struct yt_str body);
void server_drop(struct server *server, struct server_token token); /* closes without an answer */
/* Stops accepting; open requests are served, then connections close; done(arg) when the last is gone. */
void server_drain(struct server *server, void (*done)(void *arg), void *arg);
/* Closes all at once; handles are gone after the loop has run. Frees server. */
void server_close(struct server *server);
uint32_t server_connections(const struct server *server);

#endif
