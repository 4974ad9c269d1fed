/* core/net/server.c - a listener's connections: TLS, one request at a time, its answer, the next.
 *
 * process/worker_doors.c opens it on the supervisor's socket; the engine hears on_request and calls
 * server_answer().  One connection's way:
 *  - accepted and counted                               HANDSHAKE (without TLS it is IDLE at once)
 *  - certificate checked                                HANDSHAKE -> IDLE
 *  - a request's first bytes, not yet its last          IDLE      -> READING
 *  - a whole request is with the engine                 IDLE, READING -> WAITING
 *  - its answer is with the socket                      WAITING   -> IDLE
 *  - the socket did not take all of it at once          WAITING   -> FLUSHING -> IDLE
 *  - it speaks HTTP/2: its streams have states of their
 *    own (server_http2.c)                               HANDSHAKE -> SHARED
 *  - said goodbye, the peer may read the last answer    any       -> LINGERING
 *  - closed                                             any       -> CLOSING
 * No connection has a timer: each has a deadline, and the server's one timer is set to the earliest
 * it knows of, found anew when it fires.  Events for the engine that arise inside its own calls wait
 * for the loop's next turn, so that it is never called from a call it made. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/server_parts.h"

enum {
	BACKLOG = 511,
	LINGER_MS = 2000 /* for the peer to read our last words and to close */
};

#define MAY(phase) (1u << (phase))
static const unsigned allowed[CLOSING + 1] = {
	[HANDSHAKE] = MAY(IDLE) | MAY(SHARED) | MAY(LINGERING) | MAY(CLOSING),
	[IDLE] = MAY(READING) | MAY(WAITING) | MAY(LINGERING) | MAY(CLOSING),
	[READING] = MAY(WAITING) | MAY(LINGERING) | MAY(CLOSING),
	[WAITING] = MAY(IDLE) | MAY(FLUSHING) | MAY(LINGERING) | MAY(CLOSING),
	[FLUSHING] = MAY(IDLE) | MAY(LINGERING) | MAY(CLOSING),
	[SHARED] = MAY(LINGERING) | MAY(CLOSING),
	[LINGERING] = MAY(CLOSING),
};

/* ---- small things ---- */

void server_note(struct server *server, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (!yt_pace(&server->notes, yt_mono_ms(), "net", "refusals by a listener"))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	yt_log(YT_INFO, "net", "%s: %s", server->name, text);
}

struct server_token conn_token(const struct conn *conn)
{
	return (struct server_token){ conn->slot, conn->server->slots[conn->slot].generation };
}

static struct conn *server_find(const struct server *server, struct server_token token)
{
	const struct slot *slot;

	if (token.slot >= server->limits.connections)
		return NULL;
	slot = &server->slots[token.slot];
	return slot->generation == token.generation ? slot->conn : NULL;
}

static void on_turn(uv_idle_t *idle);
static void on_check(uv_timer_t *timer);

void server_tell_later(struct server *server, enum event_kind kind, struct server_token token)
{
	if (server->closing)
		return;
	if (server->n_waiting == server->cap_waiting) {
		size_t cap = server->cap_waiting * 2 + 64;
		struct event *more = realloc(server->waiting, cap * sizeof(*more));

		YT_REQUIRE(more != NULL); /* a lost event would leave an exchange waiting for ever */
		server->waiting = more;
		server->cap_waiting = cap;
	}
	server->waiting[server->n_waiting++] = (struct event){ kind, token };
	uv_idle_start(&server->turn, on_turn);
}

void conn_set_deadline(struct conn *conn, uint32_t ms)
{
	struct server *server = conn->server;

	if (ms == 0) {
		conn->deadline_ms = INT64_MAX;
		return;
	}
	conn->deadline_ms = (int64_t)uv_now(server->hub.loop) + ms;
	if (conn->deadline_ms < server->next_check_ms && !server->closing) {
		server->next_check_ms = conn->deadline_ms;
		uv_timer_start(&server->timer, on_check, ms, 0);
	}
}

void conn_move(struct conn *conn, enum phase phase)
{
	YT_REQUIRE((allowed[conn->phase] & MAY(phase)) != 0);
	conn->phase = phase;
}

void conn_retire(struct conn *conn)
{
	conn->server->slots[conn->slot].generation++;
}

/* ---- the ways out ---- */

void conn_close(struct conn *conn)
{
	if (conn->phase == CLOSING)
		return;
	if (conn->phase == WAITING || conn->phase == FLUSHING)
		server_tell_later(conn->server, GONE, conn_token(conn));
	conn_retire(conn);
	conn_move(conn, CLOSING);
	conn->deadline_ms = INT64_MAX;
	wire_close(&conn->wire);
}

void conn_finish(struct conn *conn)
{
	conn_move(conn, LINGERING);
	conn_set_deadline(conn, LINGER_MS);
	wire_finish(&conn->wire);
}

void conn_end_idle(struct conn *conn)
{
	wire_finish(&conn->wire);
	conn_close(conn);
}
/* ---- answers ---- */

bool server_fields_are_fit(const struct server_reply *reply)
{
	for (size_t i = 0; i < reply->n_fields; i++) {
		if (!http1_is_token(reply->fields[i].name) || !http1_is_value(reply->fields[i].value))
			return false;
	}
	return reply->n_fields <= SERVER_FIELDS_MAX;
}

void server_answer_with(struct server *server, struct server_token token, const struct server_reply *reply)
{
	struct conn *conn = server_find(server, token);

	if (token.slot >= server->limits.connections)
		call_answer(server, token, reply);
	if (conn == NULL || conn->phase != WAITING)
		return;
	conn->last = conn->last || server->draining;
	if (!server_fields_are_fit(reply) || conn_put_answer(conn, reply) != 0) {
		conn_close(conn);
	} else if (conn->wire.writing) {
		conn_move(conn, FLUSHING);
		conn_set_deadline(conn, server->limits.request_ms);
	} else {
		conn_answered(conn);
	}
}

void server_answer(
        struct server *server, struct server_token token, int status, const char *content_type, struct yt_str body)
{
	const struct server_reply reply = { .status = status, .content_type = content_type, .body = body };

	server_answer_with(server, token, &reply);
}

void server_drop(struct server *server, struct server_token token)
{
	struct conn *conn = server_find(server, token);

	if (token.slot >= server->limits.connections)
		call_drop(server, token);
	if (conn == NULL || (conn->phase != WAITING && conn->phase != FLUSHING))
		return;
	conn_retire(conn);
	conn_move(conn, CLOSING);
	conn->deadline_ms = INT64_MAX;
	wire_close(&conn->wire);
}
/* ---- the wire's events ---- */

static bool conn_handshake(struct conn *conn)
{
	struct server *server = conn->server;
	int rv = wire_handshake(&conn->wire);

	if (rv == YT_EAGAIN)
		return false;
	if (rv == 0 && tls_identify(conn->wire.ssl, server->kind == SERVER_MTLS, &conn->identity) != 0)
		rv = YT_EDENIED;
	if (rv != 0) {
		server_note(server, "handshake with %s failed: %s", conn->peer, tls_why(conn->wire.ssl));
		conn_finish(conn); /* so that the peer can read the alert */
		return false;
	}
	if (tls_speaks_http2(conn->wire.ssl)) {
		conn_share(conn);
		return conn->phase == SHARED;
	}
	conn_move(conn, IDLE);
	conn_set_deadline(conn, server->draining ? LINGER_MS : server->limits.idle_ms);
	return true;
}

static void on_input(struct wire *wire)
{
	struct conn *conn = (struct conn *)wire;

	if (conn->phase == HANDSHAKE && !conn_handshake(conn))
		return;
	if (conn->phase == SHARED)
		conn_shared_input(conn);
	else
		conn_serve(conn);
}

static void on_end(struct wire *wire)
{
	conn_close((struct conn *)wire);
}

static void on_drained(struct wire *wire)
{
	struct conn *conn = (struct conn *)wire;

	if (conn->phase == FLUSHING)
		conn_answered(conn);
	else if (conn->phase == SHARED)
		conn_shared_drained(conn);
}

static void server_unref(struct server *server);

static void on_closed(struct wire *wire)
{
	struct conn *conn = (struct conn *)wire;
	struct server *server = conn->server;
	struct slot *slot = &server->slots[conn->slot];

	http1_give(&server->intakes, conn->intake);
	http2_free(conn->h2, "connection closed");
	slot->conn = NULL;
	slot->next_free = server->free_slot;
	server->free_slot = conn->slot;
	server->n_conns--;
	free(conn);
	if (server->draining && server->n_conns == 0 && !server->closing)
		uv_idle_start(&server->turn, on_turn);
	server_unref(server);
}

static const struct wire_events wire_events = { on_input, on_end, on_drained, on_closed };

/* ---- accepting ---- */

static void peer_name(struct conn *conn)
{
	struct sockaddr_storage address = { 0 };
	int n = sizeof(address), port = 0;
	char ip[46] = "unknown";

	if (uv_tcp_getpeername(&conn->wire.tcp, (struct sockaddr *)&address, &n) == 0) {
		uv_ip_name((struct sockaddr *)&address, ip, sizeof(ip));
		port = ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
		                                           : ((struct sockaddr_in *)&address)->sin_port);
	}
	snprintf(conn->peer, sizeof(conn->peer), address.ss_family == AF_INET6 ? "[%s]:%d" : "%s:%d", ip, port);
}

static void on_turned_away(uv_handle_t *handle)
{
	free(handle);
}

/* libuv wants each accepted socket taken; beyond the limit it is closed unheard. */
static void turn_away(struct server *server)
{
	uv_tcp_t *tcp = malloc(sizeof(*tcp));

	YT_REQUIRE(tcp != NULL);
	uv_tcp_init(server->hub.loop, tcp);
	uv_accept((uv_stream_t *)&server->listener, (uv_stream_t *)tcp);
	uv_close((uv_handle_t *)tcp, on_turned_away);
	server_note(server, "connection is turned away: %u are open", server->n_conns);
}

static bool is_allowed(const struct conn *conn)
{
	struct sockaddr_storage address = { 0 };
	int n = sizeof(address);

	if (uv_tcp_getpeername(&conn->wire.tcp, (struct sockaddr *)&address, &n) != 0)
		return false;
	for (uint32_t i = 0; i < conn->server->n_allow; i++) {
		if (net_range_has(&conn->server->allow[i], (struct sockaddr *)&address))
			return true;
	}
	return false;
}

static void conn_start_plain(struct conn *conn)
{
	if (!is_allowed(conn)) {
		server_note(conn->server, "connection from %s is refused: not in allow", conn->peer);
		conn_close(conn);
	} else if (wire_start(&conn->wire, NULL) != 0) {
		conn_close(conn);
	} else {
		conn_move(conn, IDLE);
		conn_set_deadline(conn, conn->server->limits.idle_ms);
	}
}

static void conn_start(struct conn *conn)
{
	struct server *server = conn->server;
	SSL *ssl;

	conn->phase = HANDSHAKE;
	peer_name(conn);
	if (server->kind == SERVER_PLAIN) {
		conn_start_plain(conn);
		return;
	}
	conn_set_deadline(conn, server->limits.handshake_ms);
	ssl = SSL_new(server->ctx);
	if (ssl == NULL) {
		conn_close(conn);
		return;
	}
	SSL_set_accept_state(ssl);
	if (wire_start(&conn->wire, ssl) != 0)
		conn_close(conn);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct server *server = listener->data;
	struct conn *conn = NULL;

	if (status != 0) {
		server_note(server, "accept failed: %s", uv_strerror(status));
		return;
	}
	if (server->n_conns < server->limits.connections)
		conn = calloc(1, sizeof(*conn));
	if (conn == NULL) {
		turn_away(server);
		return;
	}
	conn->server = server;
	conn->slot = server->free_slot;
	server->free_slot = server->slots[conn->slot].next_free;
	server->slots[conn->slot].conn = conn;
	server->n_conns++;
	wire_init(&conn->wire, &server->hub);
	if (uv_accept(listener, (uv_stream_t *)&conn->wire.tcp) != 0)
		conn_close(conn);
	else
		conn_start(conn);
}

/* ---- time ---- */

static void on_expired(struct conn *conn)
{
	switch (conn->phase) {
	case READING:
		conn_refuse(conn, 408, "the request did not come whole in time");
		break;
	case IDLE:
		conn_end_idle(conn);
		break;
	case SHARED:
		conn_shared_expired(conn);
		break;
	case HANDSHAKE:
		server_note(conn->server, "handshake with %s took too long", conn->peer);
		conn_close(conn);
		break;
	default:
		conn_close(conn);
		break;
	}
}

static void on_check(uv_timer_t *timer)
{
	struct server *server = timer->data;
	int64_t now = (int64_t)uv_now(server->hub.loop), next = INT64_MAX;

	server->next_check_ms = INT64_MAX;
	for (uint32_t i = 0; i < server->limits.connections; i++) {
		struct conn *conn = server->slots[i].conn;

		if (conn == NULL)
			continue;
		if (conn->deadline_ms <= now)
			on_expired(conn);
		if (conn->deadline_ms < next)
			next = conn->deadline_ms;
	}
	if (next == INT64_MAX)
		return;
	server->next_check_ms = next;
	uv_timer_start(&server->timer, on_check, next > now ? (uint64_t)(next - now) : 1, 0);
}

/* ---- the loop's next turn ---- */

static void tell(struct server *server, const struct event *event)
{
	struct conn *conn;

	switch (event->kind) {
	case GONE:
		server->events.on_gone(server->events.arg, event->token);
		break;
	case FLUSHED:
		server->events.on_flushed(server->events.arg, event->token);
		break;
	case SERVE:
		conn = server_find(server, event->token);
		if (conn != NULL && conn->phase == IDLE)
			wire_pump(&conn->wire);
		break;
	case FLUSH:
		conn = server_find(server, event->token);
		if (conn != NULL)
			conn_shared_flush(conn);
		break;
	}
}

static void on_turn(uv_idle_t *idle)
{
	struct server *server = idle->data;
	struct event *batch = server->waiting;
	size_t n = server->n_waiting;

	uv_idle_stop(idle);
	server->waiting = NULL; /* what the engine does now waits for the turn after this one */
	server->n_waiting = server->cap_waiting = 0;
	for (size_t i = 0; i < n && !server->closing; i++)
		tell(server, &batch[i]);
	if (server->waiting == NULL && !server->closing) {
		server->waiting = batch;
		server->cap_waiting = n;
	} else {
		free(batch);
	}
	if (server->draining && !server->closing && server->n_conns == 0 && server->n_waiting == 0 &&
	        server->drained != NULL) {
		void (*drained)(void *arg) = server->drained;

		server->drained = NULL;
		drained(server->drained_arg);
	}
}

/* ---- life ---- */

static void server_free(struct server *server)
{
	http1_pool_free(&server->intakes);
	server_http2_free(server);
	wire_hub_free(&server->hub);
	yt_buf_free(&server->plain);
	SSL_CTX_free(server->ctx);
	free(server->slots);
	free(server->waiting);
	free(server->name);
	free(server);
}

/* Frees the server when the last of its handles is gone. */
static void server_unref(struct server *server)
{
	if (server->closing && server->n_handles == 0 && server->n_conns == 0)
		server_free(server);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct server *server = handle->data;

	server->n_handles--;
	server_unref(server);
}

static int listen_on(struct server *server, int fd)
{
	int rv = uv_tcp_open(&server->listener, fd);

	if (rv == 0)
		rv = uv_listen((uv_stream_t *)&server->listener, BACKLOG, on_connection);
	if (rv != 0)
		yt_log(YT_ERROR, "net", "%s: socket cannot listen: %s", server->name, uv_strerror(rv));
	return rv == 0 ? 0 : YT_ECONF;
}

static bool server_alloc(struct server *server, uv_loop_t *loop, const struct server_conf *conf)
{
	struct http1_limits limits = { conf->limits.header_bytes, conf->limits.headers, conf->limits.body_bytes };

	server->name = strdup(conf->name);
	server->slots = calloc(conf->limits.connections, sizeof(*server->slots));
	http1_pool_init(&server->intakes, HTTP1_REQUEST, &limits);
	if (server->name == NULL || server->slots == NULL || wire_hub_init(&server->hub, loop, &wire_events) != 0)
		return false;
	for (uint32_t i = 0; i < conf->limits.connections; i++)
		server->slots[i].next_free = i + 1;
	return true;
}

int server_open(struct server **out, uv_loop_t *loop, int fd, const struct server_conf *conf,
        const struct server_events *events)
{
	struct server *server = calloc(1, sizeof(*server));
	int rv;

	if (server == NULL)
		return YT_ENOMEM;
	server->events = *events;
	server->limits = conf->limits;
	server->kind = conf->kind;
	server->allow = conf->allow;
	server->n_allow = conf->n_allow;
	server->next_check_ms = INT64_MAX;
	if (!server_alloc(server, loop, conf)) {
		server_free(server);
		return YT_ENOMEM;
	}
	rv = conf->kind == SERVER_PLAIN ? 0 : tls_server_ctx(&server->ctx, conf);
	if (rv == 0)
		rv = server_http2_init(server, conf);
	if (rv != 0) {
		server_free(server);
		return rv;
	}
	uv_tcp_init(loop, &server->listener);
	uv_timer_init(loop, &server->timer);
	uv_idle_init(loop, &server->turn);
	server->listener.data = server->timer.data = server->turn.data = server;
	server->n_handles = 3;
	rv = listen_on(server, fd);
	if (rv != 0) {
		server_close(server);
		return rv;
	}
	*out = server;
	return 0;
}

static void stop_accepting(struct server *server)
{
	if (server->listener_closed)
		return;
	server->listener_closed = true;
	uv_close((uv_handle_t *)&server->listener, on_handle_closed);
}

void server_drain(struct server *server, void (*done)(void *arg), void *arg)
{
	server->draining = true;
	server->drained = done;
	server->drained_arg = arg;
	stop_accepting(server);
	for (uint32_t i = 0; i < server->limits.connections; i++) {
		struct conn *conn = server->slots[i].conn;

		if (conn != NULL && conn->phase == IDLE && conn->intake == NULL && conn->was_asked)
			conn_end_idle(conn);
		else if (conn != NULL && conn->phase == IDLE && conn->intake == NULL)
			conn_set_deadline(conn, LINGER_MS); /* its first request is on the way */
		else if (conn != NULL && conn->phase == SHARED)
			conn_shared_drain(conn);
	}
	uv_idle_start(&server->turn, on_turn);
}

void server_close(struct server *server)
{
	server->closing = true;
	stop_accepting(server);
	uv_close((uv_handle_t *)&server->timer, on_handle_closed);
	uv_close((uv_handle_t *)&server->turn, on_handle_closed);
	for (uint32_t i = 0; i < server->limits.connections; i++) {
		if (server->slots[i].conn != NULL)
			conn_close(server->slots[i].conn);
	}
}

uint32_t server_connections(const struct server *server)
{
	return server->n_conns;
}
