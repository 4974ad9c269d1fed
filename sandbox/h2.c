/* sandbox/h2.c - the HTTP/2 server of h2.h: tls_server.c -> on_connection() -> serve() -> handler -> give_answer(). */
#include "h2.h"
#include "text.h"
#include "tls_server.h"

#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define GOODBYE_MS 500       /* how long we wait for the other side to leave */
#define CONNECTIONS_MAX 2048 /* at once; more are closed */

struct h2_server {
	struct tls_server *tls;
	h2_handler handler;
	void *context;
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
	SSL *ssl;
	int fd;
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
	s->request.n_pieces++;
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

static nghttp2_nv pair(const char *name, const char *value)
{
	return (nghttp2_nv){ .name = (uint8_t *)(uintptr_t)name,
		.value = (uint8_t *)(uintptr_t)value,
		.namelen = strlen(name),
		.valuelen = strlen(value) };
}

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
	if (s->n_sent == s->answer.len && s->answer.has_trailers) {
		const nghttp2_nv end = pair("x-end", "1");

		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
		nghttp2_submit_trailer(session, stream_id, &end, 1);
	}
	return (ssize_t)n;
}

static const nghttp2_settings_entry small_window = { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 16 };

static void submit(struct connection *c, struct stream *s)
{
	nghttp2_data_provider body = { .source.ptr = s, .read_callback = body_read };
	nghttp2_nv headers[H2_ANSWER_HEADERS_MAX + 2];
	char status[12];
	size_t n = 0;

	if (s->answer.has_interim) {
		const nghttp2_nv interim = pair(":status", "103");

		nghttp2_submit_headers(c->session, NGHTTP2_FLAG_NONE, s->id, NULL, &interim, 1, NULL);
	}
	if (s->answer.shrinks_windows)
		nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, &small_window, 1);
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
	int64_t now_ms = clock_steady_ms(), wait_ms = TLS_SERVER_POLL_MS;

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
	while (!tls_server_is_stopping(c->ssl)) {
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

static void on_connection(void *context, SSL *ssl, int fd)
{
	struct connection c = { .server = context, .ssl = ssl, .fd = fd };

	c.session = session_new(&c);
	serve(&c);
	if (!c.is_cut)
		say_goodbye(&c);
	nghttp2_session_del(c.session);
	while (c.streams != NULL) {
		struct stream *s = c.streams;

		c.streams = s->next;
		stream_free(s);
	}
}

/* -- the server -- */

struct h2_server *h2_start(const char *address, uint16_t port, const char *cert_path, const char *key_path,
        h2_handler handler, void *context)
{
	struct h2_server *server = must(calloc(1, sizeof(*server)));

	server->handler = handler;
	server->context = context;
	server->tls = tls_server_start(&(struct tls_server_options){ .address = address,
	        .port = port,
	        .cert_path = cert_path,
	        .key_path = key_path,
	        .protocol = "h2",
	        .connections_max = CONNECTIONS_MAX,
	        .serve = on_connection,
	        .context = server });
	if (server->tls != NULL)
		return server;
	free(server);
	return NULL;
}

uint16_t h2_port(const struct h2_server *server)
{
	return tls_server_port(server->tls);
}

void h2_stop(struct h2_server *server)
{
	if (server == NULL)
		return;
	tls_server_stop(server->tls);
	free(server);
}
