/* sandbox/h2.h - a small HTTP/2 server on nghttp2 and OpenSSL: a thread a connection, TLS with ALPN h2 and nothing
 * else.
 *
 * Carries the insurer (insurer_serve.c).  A request is given to the handler once it is whole; the handler never blocks:
 * what an answer is to suffer (late, never, cut) stands in the answer, as other streams share its connection. */
#ifndef SANDBOX_H2_H
#define SANDBOX_H2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define H2_BODY_MAX (4u << 20) /* bytes; a longer request is cut there and given with is_too_large */
#define H2_STREAMS_MAX 100u
#define H2_HEADERS_MAX 32u
#define H2_ANSWER_HEADERS_MAX 8u

struct h2_header {
	char *name, *value;
};

struct h2_request {
	char *method, *path; /* path with its query */
	struct h2_header headers[H2_HEADERS_MAX];
	size_t n_headers;
	char *body; /* NUL ended, never NULL */
	size_t len;
	bool is_too_large;
	unsigned n_pieces; /* that the body came in */
};

enum h2_act {
	H2_ANSWER,
	H2_SILENCE, /* no answer on this stream, ever */
	H2_CUT,     /* closes the connection without an answer */
	H2_RESET,   /* RST_STREAM instead of an answer */
	H2_GOAWAY,  /* GOAWAY that says this stream was not handled; those before it are still answered */
};

struct h2_answer {
	enum h2_act act;
	int64_t delay_ms;
	int status;
	struct {
		const char *name; /* static */
		char value[72];
	} headers[H2_ANSWER_HEADERS_MAX];
	size_t n_headers;
	const char *type; /* static; content-type */
	char *body;       /* malloc, freed by the server; may be NULL */
	size_t len;
	bool has_interim;     /* a 103 comes before it */
	bool has_trailers;    /* x-end comes behind it */
	bool shrinks_windows; /* streams after it may send 16 octets at a time */
};

/* On the connection's thread. */
typedef void (*h2_handler)(void *context, const struct h2_request *request, struct h2_answer *answer);

struct h2_server; /* opaque */

/* address: IPv4; port 0: any.  NULL after telling on stderr. */
struct h2_server *h2_start(const char *address, uint16_t port, const char *cert_path, const char *key_path,
        h2_handler handler, void *context);
uint16_t h2_port(const struct h2_server *server);
/* Ends all connections and waits for their threads. */
void h2_stop(struct h2_server *server);

/* The header's value, "" when it is missing, NULL when it is there more than once.  name: lower case. */
const char *h2_header(const struct h2_request *request, const char *name);

#endif
