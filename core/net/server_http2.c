/* core/net/server_http2.c - a listener's connection that speaks HTTP/2: each stream is a request.
 *
 * server.c hands over when ALPN has chosen it.  A stream's way, by its phase:
 *  - its first octets are there                         ARRIVING, request_ms; then 408
 *  - a whole request has a token and is with the engine ASKED, no deadline
 *  - its answer goes out, as fast as the peer lets it   ANSWERED, request_ms; then it is reset and gone
 * The connection's deadline is the earliest of its streams', or idle_ms when there is none. */
#include <stdlib.h>
#include <string.h>

#include "net/server_parts.h"

enum {
	CALLS_MAX = 1 << 20, /* tokens of a listener; beyond it streams are refused */
	NO_CALL = -1,
	DRAIN_MS = 2000 /* for the peer to hear that no new stream is welcome */
};

enum { ARRIVING, ASKED, ANSWERED };

static struct conn *conn_of(const struct http2_stream *s)
{
	return s->h2->owner;
}

/* ---- tokens ---- */

static bool calls_grow(struct server *server)
{
	uint32_t n = server->n_calls == 0 ? 64 : server->n_calls * 2;
	struct call *more;

	if (n > CALLS_MAX)
		return false;
	more = realloc(server->calls, n * sizeof(*more));
	if (more == NULL)
		return false;
	for (uint32_t i = server->n_calls; i < n; i++)
		more[i] = (struct call){ .next_free = i + 1 };
	server->free_call = server->n_calls;
	server->calls = more;
	server->n_calls = n;
	return true;
}

static bool call_take(struct http2_stream *s, struct server_token *token)
{
	struct server *server = conn_of(s)->server;
	uint32_t i;

	if (server->free_call >= server->n_calls && !calls_grow(server))
		return false;
	i = server->free_call;
	server->free_call = server->calls[i].next_free;
	server->calls[i].stream = s;
	s->name = i;
	*token = (struct server_token){ server->limits.connections + i, server->calls[i].generation };
	return true;
}

/* From here on the token is stale.  tells: the engine hears kind. */
static void call_retire(struct http2_stream *s, bool tells, enum event_kind kind)
{
	struct server *server = conn_of(s)->server;
	struct call *call;

	if (s->name == (uint64_t)NO_CALL)
		return;
	call = &server->calls[s->name];
	if (tells)
		server_tell_later(server, kind,
		        (struct server_token){ server->limits.connections + (uint32_t)s->name, call->generation });
	call->generation++;
	call->stream = NULL;
	call->next_free = server->free_call;
	server->free_call = (uint32_t)s->name;
	s->name = (uint64_t)NO_CALL;
}

static struct http2_stream *call_find(const struct server *server, struct server_token token)
{
	uint32_t i = token.slot - server->limits.connections;

	if (i >= server->n_calls || server->calls[i].generation != token.generation)
		return NULL;
	return server->calls[i].stream;
}

/* ---- deadlines ---- */

/* ms 0: none. */
static void stream_deadline(struct http2_stream *s, uint32_t ms)
{
	struct conn *conn = conn_of(s);

	s->deadline_ms = ms == 0 ? INT64_MAX : (int64_t)uv_now(conn->server->hub.loop) + ms;
	if (s->deadline_ms < conn->deadline_ms)
		conn_set_deadline(conn, ms);
}

static void conn_over(struct conn *conn);

/* After each call that may have ended streams; rv: what http2_input() or http2_flush() said. */
static void conn_settle(struct conn *conn, int rv)
{
	if (conn->phase != SHARED)
		return;
	if (rv != 0)
		conn_over(conn);
	else if (http2_is_idle(conn->h2))
		conn_set_deadline(conn, conn->server->draining ? DRAIN_MS : conn->server->limits.idle_ms);
}

/* The peer may still read why; what it waited for is gone. */
static void conn_over(struct conn *conn)
{
	struct http2 *h2 = conn->h2;

	if (!http2_is_idle(h2))
		server_note(conn->server, "connection of %s ends before its answers: %s", conn->peer, h2->why);
	conn->h2 = NULL;
	http2_free(h2, "connection is over");
	if (conn->wire.broken)
		conn_close(conn);
	else
		conn_finish(conn);
}

static void stream_expired(struct http2_stream *s)
{
	if (s->phase == ARRIVING) {
		http2_refuse(s, 408, "the request did not come whole in time");
	} else if (s->phase == ANSWERED) {
		server_note(conn_of(s)->server, "%s does not take its answer", conn_of(s)->peer);
		call_retire(s, true, GONE);
		s->deadline_ms = INT64_MAX;
		http2_drop(s, NGHTTP2_CANCEL);
	}
}

static int64_t earliest(const struct http2_stream *list, int64_t when)
{
	for (const struct http2_stream *s = list; s != NULL; s = s->next) {
		if (s->deadline_ms < when)
			when = s->deadline_ms;
	}
	return when;
}

void conn_shared_expired(struct conn *conn)
{
	int64_t now = (int64_t)uv_now(conn->server->hub.loop);

	if (earliest(conn->h2->leaving, INT64_MAX) <= now) { /* the socket takes nothing: not one stream's matter */
		server_note(conn->server, "%s does not take its answers", conn->peer);
		conn_close(conn);
		return;
	}
	for (struct http2_stream *s = conn->h2->open, *next; s != NULL; s = next) {
		next = s->next;
		if (s->deadline_ms <= now)
			stream_expired(s);
	}
	if (conn->server->draining)
		http2_drain(conn->h2);
	else if (http2_is_idle(conn->h2))
		http2_end(conn->h2);
	conn->deadline_ms = earliest(conn->h2->leaving, earliest(conn->h2->open, INT64_MAX));
	conn_settle(conn, http2_flush(conn->h2));
}

/* ---- events of http2.c ---- */

static void on_open(struct http2_stream *s)
{
	s->name = (uint64_t)NO_CALL;
	s->phase = ARRIVING;
	stream_deadline(s, conn_of(s)->server->limits.request_ms);
}

static void on_message(struct http2_stream *s, const struct http2_message *m)
{
	struct conn *conn = conn_of(s);
	struct server *server = conn->server;
	struct server_request request = { .listener = server->name,
		.method = m->method,
		.target = m->target,
		.headers = m->fields,
		.n_headers = m->n_fields,
		.body = m->body,
		.peer = yt_str(conn->peer),
		.certificate = yt_str(conn->identity.certificate),
		.subject = yt_str(conn->identity.subject) };

	if (!conn_is_still_valid(conn)) {
		http2_refuse(s, 403, "the client certificate has expired");
		return;
	}
	if (!call_take(s, &request.token)) {
		http2_refuse(s, 503, "too many requests are open");
		return;
	}
	s->phase = ASKED;
	s->deadline_ms = INT64_MAX;
	server->events.on_request(server->events.arg, &request);
}

static void on_refused(struct http2_stream *s, int status, const char *why)
{
	struct conn *conn = conn_of(s);

	server_note(conn->server, "request from %s is refused: %d, %s", conn->peer, status, why);
	s->phase = ANSWERED;
	stream_deadline(s, conn->server->limits.request_ms);
}

static void on_sent(struct http2_stream *s)
{
	call_retire(s, true, FLUSHED);
}

static void on_lost(struct http2_stream *s, const char *why)
{
	(void)why;
	call_retire(s, true, GONE);
}

/* ---- what server.c asks ---- */

void conn_share(struct conn *conn)
{
	conn->h2 = http2_new(&conn->server->h2, &conn->wire, conn);
	if (conn->h2 == NULL) {
		conn_close(conn);
		return;
	}
	conn_move(conn, SHARED);
	if (conn->server->draining)
		http2_drain(conn->h2);
	conn_settle(conn, http2_flush(conn->h2));
}

void conn_shared_input(struct conn *conn)
{
	conn_settle(conn, http2_input(conn->h2));
}

void conn_shared_drained(struct conn *conn)
{
	conn_settle(conn, http2_flush(conn->h2));
}

void conn_shared_flush(struct conn *conn)
{
	conn->will_flush = false;
	if (conn->phase == SHARED)
		conn_settle(conn, http2_flush(conn->h2));
}

/* What one commit makes durable is told together, often to streams of the same connection: their answers leave in one
 * write and as few records of TLS. */
static void flush_later(struct conn *conn)
{
	if (!conn->will_flush)
		server_tell_later(conn->server, FLUSH, conn_token(conn));
	conn->will_flush = true;
}

void conn_shared_drain(struct conn *conn)
{
	http2_drain(conn->h2);
	conn_set_deadline(conn, DRAIN_MS);
	if (http2_flush(conn->h2) != 0)
		conn_over(conn);
}

void call_answer(struct server *server, struct server_token token, const struct server_reply *reply)
{
	struct http2_stream *s = call_find(server, token);
	struct yt_header fields[3 + SERVER_FIELDS_MAX];
	struct conn *conn;
	size_t n = 0;
	int rv;

	if (s == NULL || s->phase != ASKED)
		return;
	if (!server_fields_are_fit(reply)) {
		call_drop(server, token);
		return;
	}
	conn = conn_of(s);
	fields[n++] = (struct yt_header){ YT_STR("date"), server_date(server) };
	if (reply->content_type != NULL)
		fields[n++] = (struct yt_header){ YT_STR("content-type"), yt_str(reply->content_type) };
	for (size_t i = 0; i < reply->n_fields; i++) /* libnghttp2 writes names in lower case */
		fields[n++] = reply->fields[i];
	if (reply->status == 405)
		fields[n++] = (struct yt_header){ YT_STR("allow"), YT_STR("POST") };
	s->phase = ANSWERED;
	stream_deadline(s, server->limits.request_ms);
	rv = http2_answer(s, reply->status, fields, n, reply->body);
	if (rv != 0)
		conn_settle(conn, rv);
	else
		flush_later(conn);
}

void call_drop(struct server *server, struct server_token token)
{
	struct http2_stream *s = call_find(server, token);
	struct conn *conn;

	if (s == NULL)
		return;
	conn = conn_of(s);
	call_retire(s, false, GONE);
	s->deadline_ms = INT64_MAX;
	http2_drop(s, NGHTTP2_INTERNAL_ERROR); /* no client takes that for "not processed" */
	conn_settle(conn, http2_flush(conn->h2));
}

int server_http2_init(struct server *server, const struct server_conf *conf)
{
	struct http2_events events = { on_open, on_message, on_refused, on_sent, on_lost };
	struct http2_limits limits = { .streams = conf->limits.streams,
		.head_bytes = conf->limits.header_bytes,
		.fields = conf->limits.headers,
		.continuations = conf->limits.continuations,
		.body_bytes = conf->limits.body_bytes,
		.buffered_bytes = conf->limits.buffered_bytes,
		.resets = conf->limits.resets,
		.control_frames = conf->limits.control_frames };

	return conf->http2 ? http2_env_init(&server->h2, false, &limits, &events) : 0;
}

void server_http2_free(struct server *server)
{
	http2_env_free(&server->h2);
	free(server->calls);
}
