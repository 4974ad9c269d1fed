/* core/net/server_http1.c - the conversation on a listener's connection in HTTP/1.1.
 *
 * server.c calls conn_serve() when there is input: http1.c makes whole requests of it, each goes to the
 * engine, and its answer is written before the next one is looked at (the phases are in server.c). */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "net/server_parts.h"

enum { KEEP_PLAIN = 256 * 1024 }; /* the buffer of answers is given back when it grew beyond this */

/* ---- answers ---- */

struct yt_str server_date(struct server *server)
{
	int64_t now = yt_wall_ms() / 1000;
	time_t t = (time_t)now;
	struct tm tm;

	if (now != server->date_s) {
		server->date_s = now;
		gmtime_r(&t, &tm);
		server->date_n = strftime(server->date, sizeof(server->date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	}
	return (struct yt_str){ server->date, server->date_n };
}

static void put_first_lines(struct server *server, int status)
{
	struct yt_buf *out = &server->plain;

	if (status == 200)
		yt_buf_add(out, "HTTP/1.1 200 OK\r\nDate: ", 23);
	else
		yt_buf_printf(out, "HTTP/1.1 %d %s\r\nDate: ", status, http1_reason(status));
	yt_buf_str(out, server_date(server));
	yt_buf_add(out, "\r\n", 2);
}

static void put_field(struct yt_buf *out, struct yt_str name, struct yt_str value)
{
	yt_buf_str(out, name);
	yt_buf_add(out, ": ", 2);
	yt_buf_str(out, value);
	yt_buf_add(out, "\r\n", 2);
}

int conn_put_answer(struct conn *conn, const struct server_reply *reply)
{
	struct server *server = conn->server;
	struct yt_buf *out = &server->plain;
	int rv;

	yt_buf_clear(out);
	put_first_lines(server, reply->status);
	http1_put_length(out, reply->body.n);
	if (reply->content_type != NULL)
		put_field(out, YT_STR("Content-Type"), yt_str(reply->content_type));
	for (size_t i = 0; i < reply->n_fields; i++)
		put_field(out, reply->fields[i].name, reply->fields[i].value);
	if (reply->status == 405)
		yt_buf_text(out, "Allow: POST\r\n");
	yt_buf_text(out, conn->last ? "Connection: close\r\n\r\n" : "\r\n");
	if (!conn->is_head)
		yt_buf_str(out, reply->body);
	rv = out->failed || out->n > INT32_MAX ? YT_ENOMEM : wire_write(&conn->wire, out->p, out->n);
	if (out->cap > KEEP_PLAIN || out->failed)
		yt_buf_free(out);
	return rv;
}

void conn_refuse(struct conn *conn, int status, const char *why)
{
	char text[128];
	int n = snprintf(text, sizeof(text), "%d %s: %s\n", status, http1_reason(status), why);
	const struct server_reply reply = {
		.status = status, .content_type = "text/plain", .body = { text, (size_t)n }
	};

	server_note(conn->server, "request from %s is refused: %d, %s", conn->peer, status, why);
	conn->last = true;
	conn->is_head = false;
	if (conn_put_answer(conn, &reply) != 0)
		conn_close(conn);
	else
		conn_finish(conn);
}

static void conn_idle(struct conn *conn)
{
	conn_move(conn, IDLE);
	conn_set_deadline(conn, conn->server->limits.idle_ms);
	wire_resume(&conn->wire);
	if (conn->serving)
		return; /* it goes on when on_request returns */
	if (wire_has_input(&conn->wire) || conn->intake != NULL)
		server_tell_later(conn->server, SERVE, conn_token(conn));
	else if (conn->server->draining)
		conn_end_idle(conn);
}

void conn_answered(struct conn *conn)
{
	server_tell_later(conn->server, FLUSHED, conn_token(conn));
	conn_retire(conn);
	if (conn->last)
		conn_finish(conn);
	else
		conn_idle(conn);
}

/* ---- requests ---- */

bool conn_is_still_valid(struct conn *conn)
{
	const struct tls_identity *who = &conn->identity;
	char when[20];

	if (conn->server->kind != SERVER_MTLS || yt_wall_ms() / 1000 <= who->not_after_s)
		return true;
	yt_time_print(who->not_after_s * 1000, when);
	server_note(conn->server, "certificate \"%s\" has expired since its connection began (not after %s)",
	        who->subject, when);
	return false;
}

static void conn_dispatch(struct conn *conn)
{
	struct server *server = conn->server;
	const struct http1 *h = conn->intake;
	struct server_request request = { .listener = server->name,
		.method = h->method,
		.target = h->target,
		.headers = h->fields,
		.n_headers = h->n_fields,
		.body = h->body,
		.peer = yt_str(conn->peer),
		.certificate = yt_str(conn->identity.certificate),
		.subject = yt_str(conn->identity.subject) };

	if (!conn_is_still_valid(conn)) {
		conn_refuse(conn, 403, "the client certificate has expired");
		return;
	}
	conn->last = !h->keep_alive;
	conn->is_head = yt_str_is(h->method, "HEAD");
	conn->told_continue = false;
	conn->was_asked = true;
	conn_move(conn, WAITING);
	conn_set_deadline(conn, 0);
	wire_pause(&conn->wire);
	request.token = conn_token(conn);
	server->events.on_request(server->events.arg, &request);
	if (!http1_next(conn->intake)) {
		http1_give(&server->intakes, conn->intake);
		conn->intake = NULL;
	}
}

/* All that came is read and it is no whole request. */
static void conn_wait_for_more(struct conn *conn)
{
	struct server *server = conn->server;

	if (http1_is_empty(conn->intake)) {
		http1_give(&server->intakes, conn->intake);
		conn->intake = NULL;
		return;
	}
	if (conn->phase == IDLE) {
		conn_move(conn, READING);
		conn_set_deadline(conn, server->limits.request_ms);
	}
	if (conn->intake->head_is_whole && conn->intake->wants_continue && !conn->told_continue) {
		conn->told_continue = true;
		if (wire_write(&conn->wire, "HTTP/1.1 100 Continue\r\n\r\n", 25) != 0)
			conn_close(conn);
	}
}

/* Reads once; false when there is nothing to go on with. */
static bool conn_read(struct conn *conn, enum http1_result *result)
{
	size_t room;
	uint8_t *p = http1_room(conn->intake, &room);
	ssize_t n;

	if (p == NULL) {
		conn_refuse(conn, 503, "out of memory");
		return false;
	}
	n = wire_read(&conn->wire, p, room);
	if (n > 0) {
		*result = http1_feed(conn->intake, (size_t)n);
		return true;
	}
	if (n == YT_EAGAIN)
		conn_wait_for_more(conn);
	else if (n == 0)
		conn_end_idle(conn); /* close_notify: it will ask nothing more */
	else
		conn_close(conn);
	return false;
}

void conn_serve(struct conn *conn)
{
	conn->serving = true;
	while (conn->phase == IDLE || conn->phase == READING) {
		enum http1_result result;

		if (conn->intake == NULL && !wire_has_input(&conn->wire))
			break;
		if (conn->intake == NULL)
			conn->intake = http1_take(&conn->server->intakes);
		if (conn->intake == NULL) {
			conn_refuse(conn, 503, "out of memory");
			break;
		}
		result = http1_feed(conn->intake, 0);
		if (result == HTTP1_MORE && !conn_read(conn, &result))
			break;
		if (result == HTTP1_WHOLE)
			conn_dispatch(conn);
		else if (result == HTTP1_REFUSED)
			conn_refuse(conn, conn->intake->refusal, conn->intake->why);
	}
	conn->serving = false;
	if (conn->phase == IDLE && conn->intake == NULL && conn->server->draining && conn->was_asked)
		conn_end_idle(conn);
}
