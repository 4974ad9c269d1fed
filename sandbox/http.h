/* sandbox/http.h - a server on libmicrohttpd: one thread a connection, so that a fault may just block.
 *
 * Carries the platform (HTTPS, platform.c) and the control ports (plain, control.c). */
#ifndef SANDBOX_HTTP_H
#define SANDBOX_HTTP_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_BODY_MAX (4u << 20) /* bytes; a longer request is answered 413, unless the server takes more */
#define HTTP_CONNECTIONS_MAX 2048u

struct http_request {
	struct MHD_Connection *connection;
	const char *method, *path;
	char *body; /* NUL ended */
	size_t len;
};

/* Runs on the connection's thread, once a request is read whole.  Returns what the http_answer or
 * http_hang_up it ended with returned. */
typedef enum MHD_Result (*http_handler)(void *context, struct http_request *request);

struct http_server_options {
	const char *address;              /* IPv4, "127.0.0.1" */
	uint16_t port;                    /* 0: any */
	const char *cert_path, *key_path; /* NULL: plain HTTP */
	const char *client_ca_path;       /* NULL: no client certificate is asked for */
	http_handler handler;
	void *context;
	size_t body_max; /* 0: HTTP_BODY_MAX */
};

struct http_server; /* opaque */

/* NULL after telling on stderr. */
struct http_server *http_start(const struct http_server_options *options);
uint16_t http_port(const struct http_server *server);
/* Lets blocked handlers end (http_is_stopping) and waits for them. */
void http_stop(struct http_server *server);
bool http_is_stopping(const struct http_server *server);

const char *http_header(const struct http_request *request, const char *name); /* "" when absent */
/* Whether the client showed a certificate that the client authority signed and that is valid now.
 * name: receives its common name, why: what is wrong otherwise; both at least 128 bytes. */
bool http_peer_is_known(const struct http_request *request, char *name, char *why);

enum MHD_Result http_answer(
        struct http_request *request, unsigned status, const char *type, const char *text, size_t len);
/* Announces len bytes, sends half of them and closes. */
enum MHD_Result http_answer_cut(struct http_request *request, const char *type, const char *text, size_t len);
/* A good answer that comes in pieces of a few octets; is_chunked: without saying its length at the beginning. */
enum MHD_Result http_answer_pieces(
        struct http_request *request, const char *type, const char *text, size_t len, bool is_chunked);
/* Closes without an answer. */
enum MHD_Result http_hang_up(struct http_request *request);
/* Octets as they are, outside of HTTP's rules; follow with http_hang_up. */
void http_send_raw(struct http_request *request, const char *octets, size_t len);
/* Waits until the client has closed its side, at most ms (-1: for ever) or until the server stops.
 * Returns whether it is gone. */
bool http_wait_gone(const struct http_server *server, const struct http_request *request, int64_t ms);

#endif
