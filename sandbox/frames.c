/* sandbox/frames.c - the server of frames.h: tls_server.c -> on_connection() -> serve() -> handler. */
#include "frames.h"
#include "text.h"
#include "tls_server.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS 8
#define CONNECTIONS_MAX 512 /* at once; more are closed */

struct frames_server {
	struct frames_options options;
	struct tls_server *tls;
};

struct octets {
	char *data;
	size_t n, room;
};

struct connection {
	const struct frames_options *options;
	SSL *ssl;
	int fd;
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
	size_t slice = c->options->slice, done = 0;

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
	for (int64_t end_ms = clock_steady_ms() + ms; clock_steady_ms() < end_ms && !tls_server_is_stopping(c->ssl);)
		sleep_ms(5);
}

static void answer_one(struct connection *c, const char *octets, size_t len)
{
	struct frames_answer a = { .cut_at = -1 };
	char digits[DIGITS + 1];
	size_t before;

	c->options->handler(c->options->context, octets, len, &a);
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
	if (length > c->options->frame_max)
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

	while (!tls_server_is_stopping(c->ssl)) {
		if (SSL_pending(c->ssl) == 0 && poll(&wait, 1, TLS_SERVER_POLL_MS) <= 0)
			continue;
		n = SSL_read(c->ssl, chunk, sizeof(chunk));
		if (n <= 0)
			return;
		add(&c->in, chunk, (size_t)n);
		if (SSL_pending(c->ssl) == 0 && !take_frames(c))
			return;
	}
}

static void on_connection(void *context, SSL *ssl, int fd)
{
	struct connection c = { .options = context, .ssl = ssl, .fd = fd };

	serve(&c);
	if (!c.is_cut)
		SSL_shutdown(ssl);
	free(c.in.data);
	free(c.out.data);
}

struct frames_server *frames_start(const struct frames_options *options)
{
	struct frames_server *server = must(calloc(1, sizeof(*server)));

	server->options = *options;
	server->tls = tls_server_start(&(struct tls_server_options){ .address = options->address,
	        .port = options->port,
	        .cert_path = options->cert_path,
	        .key_path = options->key_path,
	        .client_ca_path = options->client_ca_path,
	        .connections_max = CONNECTIONS_MAX,
	        .serve = on_connection,
	        .context = &server->options });
	if (server->tls != NULL)
		return server;
	free(server);
	return NULL;
}

uint16_t frames_port(const struct frames_server *server)
{
	return tls_server_port(server->tls);
}

void frames_stop(struct frames_server *server)
{
	if (server == NULL)
		return;
	tls_server_stop(server->tls);
	free(server);
}
