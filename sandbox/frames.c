/* sandbox/frames.c - the server of frames.h: accept_loop() -> connection_run() a thread each -> handler. */
#include "frames.h"
#include "text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DIGITS 8
#define POLL_MS 20          /* how often a resting connection looks whether the server stops */
#define HANDSHAKE_MS 5000   /* and how long one write may block */
#define CONNECTIONS_MAX 512 /* at once; more are closed */

struct frames_server {
	struct frames_options options;
	SSL_CTX *tls;
	int fd;
	pthread_t acceptor;
	atomic_bool is_stopping;
	atomic_int n_connections;
};

struct octets {
	char *data;
	size_t n, room;
};

struct connection {
	struct frames_server *server;
	int fd;
	SSL *ssl;
	struct octets in, out;
	bool is_cut; /* closed once out is written */
};

static void add(struct octets *to, const char *data, size_t n)
{
	if (to->n + n > to->room) {
		to->room = 2 * (to->n + n);
		to->data = must(realloc(to->data, to->room));
	}
	memcpy(to->data + to->n, data, n);
	to->n += n;
}

static bool write_out(struct connection *c)
{
	size_t slice = c->server->options.slice, done = 0;

	while (done < c->out.n) {
		size_t n = slice == 0 || c->out.n - done < slice ? c->out.n - done : slice;

		if (SSL_write(c->ssl, c->out.data + done, (int)n) <= 0)
			return false;
		done += n;
	}
	c->out.n = 0;
	return true;
}

static void rest(const struct connection *c, int64_t ms)
{
	for (int64_t end_ms = clock_steady_ms() + ms;
	        clock_steady_ms() < end_ms && !atomic_load(&c->server->is_stopping);)
		sleep_ms(5);
}

static void answer_one(struct connection *c, const char *octets, size_t len)
{
	struct frames_answer a = { .cut_at = -1 };
	char digits[DIGITS + 1];
	size_t before;

	c->server->options.handler(c->server->options.context, octets, len, &a);
	rest(c, a.delay_ms);
	if (!a.is_silent) {
		before = c->out.n;
		text_format(digits, sizeof(digits), "%08zu", a.len);
		for (int i = 0; i < 1 + a.is_doubled; i++) {
			add(&c->out, digits, DIGITS);
			add(&c->out, a.octets, a.len);
		}
		c->is_cut = a.cut_at >= 0;
		if (c->is_cut && before + (size_t)a.cut_at < c->out.n)
			c->out.n = before + (size_t)a.cut_at;
	}
	free(a.octets);
}

/* Octets of the first frame, its digits included; 0: more must come, -1: no frame begins so. */
static int64_t frame_length(const struct connection *c, const char *at, size_t n)
{
	size_t length = 0;

	for (size_t i = 0; i < DIGITS && i < n; i++) {
		if (at[i] < '0' || at[i] > '9')
			return -1;
		length = length * 10 + (size_t)(at[i] - '0');
	}
	if (n < DIGITS)
		return 0;
	if (length > c->server->options.frame_max)
		return -1;
	return n < DIGITS + length ? 0 : (int64_t)(DIGITS + length);
}

/* Answers all whole frames that are there; false: the connection is to be closed. */
static bool take_frames(struct connection *c)
{
	size_t at = 0;
	int64_t n;

	while (!c->is_cut && (n = frame_length(c, c->in.data + at, c->in.n - at)) > 0) {
		if (n == DIGITS)
			add(&c->out, "00000000", DIGITS);
		else
			answer_one(c, c->in.data + at + DIGITS, (size_t)n - DIGITS);
		at += (size_t)n;
	}
	n = c->is_cut ? -1 : frame_length(c, c->in.data + at, c->in.n - at);
	memmove(c->in.data, c->in.data + at, c->in.n - at);
	c->in.n -= at;
	return write_out(c) && n >= 0;
}

static void serve(struct connection *c)
{
	struct pollfd wait = { .fd = c->fd, .events = POLLIN };
	char chunk[16384];
	int n;

	while (!atomic_load(&c->server->is_stopping)) {
		if (SSL_pending(c->ssl) == 0 && poll(&wait, 1, POLL_MS) <= 0)
			continue;
		n = SSL_read(c->ssl, chunk, sizeof(chunk));
		if (n <= 0)
			return;
		add(&c->in, chunk, (size_t)n);
		if (SSL_pending(c->ssl) == 0 && !take_frames(c))
			return;
	}
}

static void *connection_run(void *argument)
{
	struct connection *c = argument;

	c->ssl = must(SSL_new(c->server->tls));
	SSL_set_fd(c->ssl, c->fd);
	if (SSL_accept(c->ssl) == 1) {
		serve(c);
		if (!c->is_cut)
			SSL_shutdown(c->ssl);
	}
	SSL_free(c->ssl);
	close(c->fd);
	free(c->in.data);
	free(c->out.data);
	atomic_fetch_sub(&c->server->n_connections, 1);
	free(c);
	ERR_clear_error();
	return NULL;
}

static void take_connection(struct frames_server *server, int fd)
{
	struct timeval limit = { .tv_sec = HANDSHAKE_MS / 1000 };
	struct connection *c;
	pthread_t thread;
	int on = 1;

	if (atomic_load(&server->n_connections) >= CONNECTIONS_MAX) {
		close(fd);
		return;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)); /* reads are polled for: the handshake only */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* slices leave as they are written */
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
	struct frames_server *server = argument;
	struct pollfd wait = { .fd = server->fd, .events = POLLIN };

	while (!atomic_load(&server->is_stopping)) {
		int fd;

		if (poll(&wait, 1, POLL_MS) <= 0)
			continue;
		fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			take_connection(server, fd);
	}
	return NULL;
}

static SSL_CTX *tls_new(const struct frames_options *o)
{
	SSL_CTX *tls = must(SSL_CTX_new(TLS_server_method()));

	SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	if (SSL_CTX_use_certificate_chain_file(tls, o->cert_path) == 1 &&
	        SSL_CTX_use_PrivateKey_file(tls, o->key_path, SSL_FILETYPE_PEM) == 1 &&
	        SSL_CTX_load_verify_locations(tls, o->client_ca_path, NULL) == 1)
		return tls;
	fprintf(stderr,
	        "yitong-sandbox: %s, %s and %s are no certificate, its key and an authority (certs/make makes them)\n",
	        o->cert_path, o->key_path, o->client_ca_path);
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

struct frames_server *frames_start(const struct frames_options *options)
{
	struct frames_server *server = must(calloc(1, sizeof(*server)));

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

uint16_t frames_port(const struct frames_server *server)
{
	struct sockaddr_in at = { 0 };
	socklen_t len = sizeof(at);

	getsockname(server->fd, (struct sockaddr *)&at, &len);
	return ntohs(at.sin_port);
}

void frames_stop(struct frames_server *server)
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
