/* sandbox/tls_server.c - the server of tls_server.h: accept_loop() -> connection_run() a thread each -> serve(). */
#include "tls_server.h"
#include "text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HANDSHAKE_MS 5000 /* and how long one write may block */

struct tls_server {
	struct tls_server_options options;
	SSL_CTX *tls;
	int fd;
	pthread_t acceptor;
	atomic_bool is_stopping;
	atomic_int n_connections;
};

struct connection {
	struct tls_server *server;
	int fd;
};

bool tls_server_is_stopping(const SSL *ssl)
{
	const struct tls_server *server = SSL_get_app_data(ssl);

	return atomic_load(&server->is_stopping);
}

/* choose_protocol() is not asked about a client that offers nothing at all. */
static bool has_chosen(const SSL *ssl, const char *protocol)
{
	const unsigned char *chosen;
	unsigned len;

	SSL_get0_alpn_selected(ssl, &chosen, &len);
	return protocol == NULL || (len == strlen(protocol) && memcmp(chosen, protocol, len) == 0);
}

static void *connection_run(void *argument)
{
	struct connection *c = argument;
	struct tls_server *server = c->server;
	SSL *ssl = must(SSL_new(server->tls));

	SSL_set_app_data(ssl, server);
	SSL_set_fd(ssl, c->fd);
	if (SSL_accept(ssl) == 1 && has_chosen(ssl, server->options.protocol))
		server->options.serve(server->options.context, ssl, c->fd);
	SSL_free(ssl);
	close(c->fd);
	free(c);
	ERR_clear_error();
	atomic_fetch_sub(&server->n_connections, 1);
	return NULL;
}

static void take_connection(struct tls_server *server, int fd)
{
	struct timeval limit = { .tv_sec = HANDSHAKE_MS / 1000 };
	struct connection *c;
	pthread_t thread;
	int on = 1;

	if (atomic_load(&server->n_connections) >= server->options.connections_max) {
		close(fd);
		return;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)); /* reads are polled for: the handshake only */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* an answer is written piece by piece */
	c = must(calloc(1, sizeof(*c)));
	*c = (struct connection){ .server = server, .fd = fd };
	atomic_fetch_add(&server->n_connections, 1);
	if (pthread_create(&thread, NULL, connection_run, c) == 0) {
		pthread_detach(thread);
		return;
	}
	atomic_fetch_sub(&server->n_connections, 1);
	close(fd);
	free(c);
}

static void *accept_loop(void *argument)
{
	struct tls_server *server = argument;
	struct pollfd wait = { .fd = server->fd, .events = POLLIN };

	while (!atomic_load(&server->is_stopping)) {
		int fd;

		if (poll(&wait, 1, TLS_SERVER_POLL_MS) <= 0)
			continue;
		fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			take_connection(server, fd);
	}
	return NULL;
}

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *offered,
        unsigned offered_len, void *context)
{
	size_t len = strlen(context);

	for (unsigned i = 0; i < offered_len; i += offered[i] + 1u) {
		if (offered[i] != len || i + 1 + len > offered_len || memcmp(offered + i + 1, context, len) != 0)
			continue;
		*out = offered + i + 1;
		*out_len = (unsigned char)len;
		return SSL_TLSEXT_ERR_OK;
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static SSL_CTX *tls_new(const struct tls_server_options *o)
{
	SSL_CTX *tls = must(SSL_CTX_new(TLS_server_method()));

	SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
	if (o->protocol != NULL)
		SSL_CTX_set_alpn_select_cb(tls, choose_protocol, (void *)(uintptr_t)o->protocol);
	if (o->client_ca_path != NULL)
		SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	if (SSL_CTX_use_certificate_chain_file(tls, o->cert_path) != 1 ||
	        SSL_CTX_use_PrivateKey_file(tls, o->key_path, SSL_FILETYPE_PEM) != 1)
		fprintf(stderr, "yitong-sandbox: %s and %s are no certificate with its key (certs/make makes them)\n",
		        o->cert_path, o->key_path);
	else if (o->client_ca_path != NULL && SSL_CTX_load_verify_locations(tls, o->client_ca_path, NULL) != 1)
		fprintf(stderr, "yitong-sandbox: %s is no certificate of an authority (certs/make makes one)\n",
		        o->client_ca_path);
	else
		return tls;
	SSL_CTX_free(tls);
	return NULL;
}

static int listen_on(const char *address, uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (inet_pton(AF_INET, address, &at.sin_addr) == 1 && fd >= 0 &&
	        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	        bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, 128) == 0)
		return fd;
	fprintf(stderr, "yitong-sandbox: cannot listen on %s:%u: %s\n", address, port, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

struct tls_server *tls_server_start(const struct tls_server_options *options)
{
	struct tls_server *server = must(calloc(1, sizeof(*server)));

	server->options = *options;
	server->fd = -1;
	server->tls = tls_new(options);
	if (server->tls != NULL)
		server->fd = listen_on(options->address, options->port);
	if (server->fd >= 0 && pthread_create(&server->acceptor, NULL, accept_loop, server) == 0)
		return server;
	if (server->fd >= 0)
		close(server->fd);
	SSL_CTX_free(server->tls);
	free(server);
	return NULL;
}

uint16_t tls_server_port(const struct tls_server *server)
{
	struct sockaddr_in at = { 0 };
	socklen_t len = sizeof(at);

	getsockname(server->fd, (struct sockaddr *)&at, &len);
	return ntohs(at.sin_port);
}

void tls_server_stop(struct tls_server *server)
{
	if (server == NULL)
		return;
	atomic_store(&server->is_stopping, true);
	pthread_join(server->acceptor, NULL);
	while (atomic_load(&server->n_connections) > 0)
		sleep_ms(5);
	close(server->fd);
	SSL_CTX_free(server->tls);
	free(server);
}
