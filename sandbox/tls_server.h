/* sandbox/tls_server.h - a TLS server on OpenSSL, a thread a connection, for what libmicrohttpd does not speak: HTTP/2
 * (h2.c) and frames (frames.c). */
#ifndef SANDBOX_TLS_SERVER_H
#define SANDBOX_TLS_SERVER_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#define TLS_SERVER_POLL_MS 20 /* how often a resting connection is to look whether the server stops */

struct tls_server_options {
	const char *address; /* IPv4 */
	uint16_t port;       /* 0: any */
	const char *cert_path, *key_path;
	const char *client_ca_path; /* whose clients alone may come; NULL: all, and none is asked for a certificate */
	const char *protocol;       /* by ALPN, this or nothing; static; NULL: none is spoken of */
	int connections_max;        /* at once; more are closed */
	/* On the connection's thread, after the handshake.  Returns when the connection is over or the server stops;
	 * both are closed and freed then, not by it.  Says close_notify itself where that is due.  Reads are to be
	 * polled for; a write that blocks for five seconds fails. */
	void (*serve)(void *context, SSL *ssl, int fd);
	void *context;
};

struct tls_server; /* opaque */

/* NULL after telling on stderr. */
struct tls_server *tls_server_start(const struct tls_server_options *options);
uint16_t tls_server_port(const struct tls_server *server);
void tls_server_stop(struct tls_server *server); /* waits for the connections' threads; NULL: nothing */

/* For serve(). */
bool tls_server_is_stopping(const SSL *ssl);

#endif
