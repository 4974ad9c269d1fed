/* sandbox/h2.c - the HTTP/2 server of h2.h: accept_loop() -> connection_run() a thread each -> handler ->
 * give_answer(). */
#include "h2.h"
#include "text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
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

#define POLL_MS 20           /* how often a resting connection looks whether the server stops */
#define HANDSHAKE_MS 5000    /* and how long one write may block */
#define GOODBYE_MS 500       /* how long we wait for the other side to leave */
#define CONNECTIONS_MAX 2048 /* at once; more are closed */

struct h2_server {
	SSL_CTX *tls;
	int fd;
	h2_handler handler;
	void *context;
	pthread_t acceptor;
	atomic_bool is_stopping;
	atomic_int n_connections;
};

struct stream {
	int32_t id;
	struct h2_request request;
	struct h2_answer answer;
	size_t room, n_sent;
	int64_t due_ms; /* of the answer; 0: not yet asked, or given */
	struct stream *next;
};

struct connection {
	struct h2_server *server;
	int fd;
	SSL *ssl;
	nghttp2_session *session;
	struct stream *streams;
	bool is_cut;
};

/* -- streams -- */

static void stream_free(struct stream *s)
{
	for (size_t i = 0; i < s->request.n_headers; i++) {
		free(s->request.headers[i].name);
		free(s->request.headers[i].value);
	}
	free(s->request.method);
	free(s->request.path);
	free(s->request.body);
	free(s->answer.body);
	free(s);
}

const char *h2_header(const struct h2_request *request, const char *name)
{
	const char *found = "";

	for (size_t i = 0; i < request->n_headers; i++) {
		if (strcmp(request->headers[i].name, name) != 0)
			continue;
		if (*found != '\0')
			return NULL;
		found = request->headers[i].value;
	}
	return found;
}

static int on_begin(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct connection *c = user;
	struct stream *s;

	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	s = must(calloc(1, sizeof(*s)));
	s->id = frame->hd.stream_id;
	s->request.body = text_copy("");
	s->next = c->streams;
	c->streams = s;
	nghttp2_session_set_stream_user_data(session, s->id, s);
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
        const uint8_t *value, size_t value_len, uint8_t flags, void *user)
{
	struct stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	if (s == NULL)
		return 0;
	if (strcmp((const char *)name, ":method") == 0 && s->request.method == NULL)
		s->request.method = text_copy((const char *)value);
	else if (strcmp((const char *)name, ":path") == 0 && s->request.path == NULL)
		s->request.path = text_copy((const char *)value);
	else if (name[0] != ':' && s->request.n_headers < H2_HEADERS_MAX)
		s->request.headers[s->request.n_headers++] =
		        (struct h2_header){ text_copy((const char *)name), text_copy((const char *)value) };
	return 0;
}

static int on_data(
        nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data, size_t len, void *user)
{
	struct stream *s = nghttp2_session_get_stream_user_data(session, stream_id);

	if (s == NULL)
		return 0;
	if (s->request.len + len > H2_BODY_MAX) {
		s->request.is_too_large = true;
		return 0;
	}
	if (s->request.len + len + 1 > s->room) {
		s->room = (s->request.len + len + 1) * 2;
		s->request.body = must(realloc(s->request.body, s->room));
	}
	memcpy(s->request.body + s->request.len, data, len);
	s->request.len += len;
	s->request.body[s->request.len] = '\0';
	return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct connection *c = user;
	struct stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	if ((frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) ||
	        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0 || s == NULL)
		return 0;
	c->server->handler(c->server->context, &s->request, &s->answer);
	s->due_ms = clock_steady_ms() + s->answer.delay_ms;
	return 0;
}

static int on_close(nghttp2_session *session, int32_t stream_id, uint32_t error, void *user)
{
	struct connection *c = user;

	for (struct stream **at = &c->streams; *at != NULL; at = &(*at)->next) {
		struct stream *s = *at;

		if (s->id != stream_id)
			continue;
		*at = s->next;
		stream_free(s);
		break;
	}
	return 0;
}

/* -- answers -- */

static ssize_t body_read(nghttp2_session *session, int32_t stream_id, uint8_t *out, size_t room, uint32_t *flags,
        nghttp2_data_source *source, void *user)
{
	struct stream *s = source->ptr;
	size_t n = s->answer.len - s->n_sent < room ? s->answer.len - s->n_sent : room;

	if (n > 0)
		memcpy(out, s->answer.body + s->n_sent, n);
	s->n_sent += n;
	if (s->n_sent == s->answer.len)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static nghttp2_nv pair(const char *name, const char *value)
{
	return (nghttp2_nv){ .name = (uint8_t *)(uintptr_t)name,
		.value = (uint8_t *)(uintptr_t)value,
		.namelen = strlen(name),
		.valuelen = strlen(value) };
}

static void submit(struct connection *c, struct stream *s)
{
	nghttp2_data_provider body = { .source.ptr = s, .read_callback = body_read };
	nghttp2_nv headers[H2_ANSWER_HEADERS_MAX + 2];
	char status[12];
	size_t n = 0;

	text_format(status, sizeof(status), "%d", s->answer.status);
	headers[n++] = pair(":status", status);
	if (s->answer.type != NULL)
		headers[n++] = pair("content-type", s->answer.type);
	for (size_t i = 0; i < s->answer.n_headers; i++)
		headers[n++] = pair(s->answer.headers[i].name, s->answer.headers[i].value);
	nghttp2_submit_response(c->session, s->id, headers, n, &body);
}

static void give_answer(struct connection *c, struct stream *s)
{
	s->due_ms = 0;
	switch (s->answer.act) {
	case H2_ANSWER:
		submit(c, s);
		break;
	case H2_SILENCE:
		break;
	case H2_CUT:
		c->is_cut = true;
		break;
	case H2_RESET:
		nghttp2_submit_rst_stream(c->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_INTERNAL_ERROR);
		break;
	case H2_GOAWAY:
		nghttp2_submit_goaway(
		        c->session, NGHTTP2_FLAG_NONE, s->id > 2 ? s->id - 2 : 0, NGHTTP2_NO_ERROR, NULL, 0);
		break;
	}
}

/* Gives what is due; returns for how many ms nothing is. */
static int64_t give_due(struct connection *c)
{
	int64_t now_ms = clock_steady_ms(), wait_ms = POLL_MS;

	for (struct stream *s = c->streams; s != NULL && !c->is_cut; s = s->next) {
		if (s->due_ms == 0)
			continue;
		if (s->due_ms <= now_ms)
			give_answer(c, s);
		else if (s->due_ms - now_ms < wait_ms)
			wait_ms = s->due_ms - now_ms;
	}
	return wait_ms;
}

/* -- a connection -- */

static bool flush(struct connection *c)
{
	const uint8_t *octets;
	ssize_t n;

	while ((n = nghttp2_session_mem_send(c->session, &octets)) > 0)
		if (SSL_write(c->ssl, octets, (int)n) <= 0)
			return false;
	return n == 0;
}

static bool take_octets(struct connection *c)
{
	uint8_t octets[16384];
	int n = SSL_read(c->ssl, octets, sizeof(octets));

	return n > 0 && nghttp2_session_mem_recv(c->session, octets, (size_t)n) >= 0;
}

static void serve(struct connection *c)
{
	const nghttp2_settings_entry settings[] = { { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, H2_STREAMS_MAX } };
	struct pollfd wait = { .fd = c->fd, .events = POLLIN };

	nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings, 1);
	while (!atomic_load(&c->server->is_stopping)) {
		int64_t wait_ms = give_due(c);

		if (c->is_cut || !flush(c))
			return;
		if (!nghttp2_session_want_read(c->session) && !nghttp2_session_want_write(c->session))
			return;
		if (SSL_pending(c->ssl) == 0 && poll(&wait, 1, (int)wait_ms) <= 0)
			continue;
		if (!take_octets(c))
			return;
	}
}

static nghttp2_session *session_new(struct connection *c)
{
	nghttp2_session_callbacks *callbacks;
	nghttp2_session *session = NULL;

	nghttp2_session_callbacks_new(&callbacks);
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
	nghttp2_session_server_new(&session, callbacks, c);
	nghttp2_session_callbacks_del(callbacks);
	return must(session);
}

/* What we said last, a GOAWAY for instance, shall be read: octets unread here would have the close reset it. */
static void say_goodbye(struct connection *c)
{
	struct pollfd wait = { .fd = c->fd, .events = POLLIN };
	char octets[4096];

	SSL_shutdown(c->ssl);
	shutdown(c->fd, SHUT_WR);
	while (poll(&wait, 1, GOODBYE_MS) > 0 && recv(c->fd, octets, sizeof(octets), 0) > 0)
		;
}

/* choose_h2() is not asked about a client that offers nothing at all. */
static bool has_chosen_h2(const SSL *ssl)
{
	const unsigned char *chosen;
	unsigned len;

	SSL_get0_alpn_selected(ssl, &chosen, &len);
	return len == 2 && memcmp(chosen, "h2", 2) == 0;
}

static void *connection_run(void *argument)
{
	struct connection *c = argument;
	struct h2_server *server = c->server;
	int on = 1;

	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* an answer is written frame by frame */
	c->ssl = must(SSL_new(server->tls));
	SSL_set_fd(c->ssl, c->fd);
	if (SSL_accept(c->ssl) == 1 && has_chosen_h2(c->ssl)) {
		c->session = session_new(c);
		serve(c);
		if (!c->is_cut)
			say_goodbye(c);
		nghttp2_session_del(c->session);
	}
	while (c->streams != NULL) {
		struct stream *s = c->streams;

		c->streams = s->next;
		stream_free(s);
	}
	SSL_free(c->ssl);
	close(c->fd);
	free(c);
	ERR_clear_error();
	atomic_fetch_sub(&server->n_connections, 1);
	return NULL;
}

/* -- the server -- */

static void take_connection(struct h2_server *server, int fd)
{
	struct timeval limit = { .tv_sec = HANDSHAKE_MS / 1000 };
	struct connection *c;
	pthread_t thread;

	if (atomic_load(&server->n_connections) >= CONNECTIONS_MAX) {
		close(fd);
		return;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)); /* reads are polled for: the handshake only */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
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
	struct h2_server *server = argument;
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

static int choose_h2(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *offered,
        unsigned offered_len, void *context)
{
	for (unsigned i = 0; i < offered_len; i += offered[i] + 1u) {
		if (offered[i] != 2 || i + 3 > offered_len || memcmp(offered + i + 1, "h2", 2) != 0)
			continue;
		*out = offered + i + 1;
		*out_len = 2;
		return SSL_TLSEXT_ERR_OK;
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static SSL_CTX *tls_new(const char *cert_path, const char *key_path)
{
	SSL_CTX *tls = must(SSL_CTX_new(TLS_server_method()));

	SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
	SSL_CTX_set_alpn_select_cb(tls, choose_h2, NULL);
	if (SSL_CTX_use_certificate_chain_file(tls, cert_path) == 1 &&
	        SSL_CTX_use_PrivateKey_file(tls, key_path, SSL_FILETYPE_PEM) == 1)
		return tls;
	fprintf(stderr, "yitong-sandbox: %s and %s are no certificate with its key (certs/make makes them)\n",
	        cert_path, key_path);
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

struct h2_server *h2_start(const char *address, uint16_t port, const char *cert_path, const char *key_path,
        h2_handler handler, void *context)
{
	struct h2_server *server = must(calloc(1, sizeof(*server)));

	server->handler = handler;
	server->context = context;
	server->fd = -1;
	server->tls = tls_new(cert_path, key_path);
	if (server->tls != NULL)
		server->fd = listen_on(address, port);
	if (server->fd >= 0 && pthread_create(&server->acceptor, NULL, accept_loop, server) == 0)
		return server;
	if (server->fd >= 0)
		close(server->fd);
	SSL_CTX_free(server->tls);
	free(server);
	return NULL;
}

uint16_t h2_port(const struct h2_server *server)
{
	struct sockaddr_in at = { 0 };
	socklen_t len = sizeof(at);

	getsockname(server->fd, (struct sockaddr *)&at, &len);
	return ntohs(at.sin_port);
}

void h2_stop(struct h2_server *server)
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
