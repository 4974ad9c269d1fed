/* core/net/lane_http2.c - a lane's connection that speaks HTTP/2: each request is a stream.
 *
 * lane_link.c hands over when the party's ALPN chose it.  A stream waits for its answer until its deadline
 * (AWAITED), then late_ms more for a late one (OVERDUE), as a whole connection does in HTTP/1.1; here the
 * others on the connection go on meanwhile.  What the party says it has not looked at (GOAWAY,
 * REFUSED_STREAM) waits for the next connection, and ends as LANE_NOT_SENT when that goes on. */
#include <stdlib.h>
#include <string.h>

#include "net/lane_parts.h"

enum { AWAITED, OVERDUE };
enum { FIELDS_MAX = 40, CONTINUATIONS = 8, TRIES_MAX = 3 };

static struct link *link_of(const struct http2_stream *s)
{
	return s->h2->owner;
}

/* ---- deadlines ---- */

static void stream_deadline(struct http2_stream *s, int64_t when)
{
	struct link *link = link_of(s);

	s->deadline_ms = when;
	if (when < link->deadline_ms)
		link->deadline_ms = when;
	lane_check_by(link->lane, when);
}

/* After each call that may have ended streams; rv: what http2_input() or http2_flush() said. */
static void settle(struct link *link, int rv)
{
	struct lane *lane = link->lane;

	if (link->phase != SHARED)
		return;
	if (rv != 0 && link->wire.broken && tls_was_refused(link->wire.ssl)) {
		link_refused(link);
	} else if (rv != 0) {
		link_close(link, link->h2->why);
	} else if (http2_is_idle(link->h2)) {
		link->idle_since_ms = lane_now_ms(lane);
		link->deadline_ms = link->idle_since_ms + lane->conf.idle_ms;
		lane_check_by(lane, link->deadline_ms);
	}
	lane_dispatch(lane);
}

static void stream_expired(struct http2_stream *s)
{
	struct lane *lane = link_of(s)->lane;

	if (s->phase == AWAITED) {
		lane->n_busy--;
		lane_tell_later(lane, s->name, LANE_TIMED_OUT, "no answer in time");
		s->phase = OVERDUE;
		free(s->kept);
		s->kept = NULL;
		s->deadline_ms = lane_now_ms(lane) + lane->conf.late_ms;
	} else {
		s->deadline_ms = INT64_MAX;
		http2_drop(s, NGHTTP2_CANCEL);
	}
}

void link_shared_expired(struct link *link)
{
	int64_t now = lane_now_ms(link->lane), next = INT64_MAX;

	if (http2_is_idle(link->h2)) {
		http2_end(link->h2);
		http2_flush(link->h2);
		wire_finish(&link->wire);
		link_close(link, "idle for too long");
		return;
	}
	for (struct http2_stream *s = link->h2->open; s != NULL; s = s->next) {
		if (s->deadline_ms <= now)
			stream_expired(s);
		if (s->deadline_ms < next)
			next = s->deadline_ms;
	}
	link->deadline_ms = next;
	settle(link, http2_flush(link->h2));
}

/* ---- sending ---- */

/* The head that lane.c wrote for HTTP/1.1, line by line; what belongs to the connection is left out.
 * Returns the number of fields, or -1 when there are too many. */
static int read_head(struct yt_str bytes, struct yt_str *method, struct yt_str *path,
        struct yt_header fields[FIELDS_MAX], struct yt_str *body)
{
	const char *p = memchr(bytes.p, ' ', bytes.n), *end = bytes.p + bytes.n, *line_end;
	int n = 0;

	*method = (struct yt_str){ bytes.p, (size_t)(p++ - bytes.p) };
	path->p = p;
	path->n = (size_t)((const char *)memchr(p, ' ', (size_t)(end - p)) - p);
	for (p = strchr(p, '\n') + 1; *p != '\r'; p = line_end + 2) {
		const char *colon = memchr(p, ':', (size_t)(end - p));
		struct yt_str name = { p, (size_t)(colon - p) };

		line_end = memchr(p, '\r', (size_t)(end - p));
		if (yt_str_is(name, "Host") || yt_str_is(name, "Content-Length"))
			continue;
		if (n == FIELDS_MAX)
			return -1;
		fields[n++] = (struct yt_header){ name, { colon + 2, (size_t)(line_end - colon) - 2 } };
	}
	*body = (struct yt_str){ p + 2, (size_t)(end - p) - 2 };
	return n;
}

/* What can be sent again, should the party say that it has not looked at it: a restart of a party, or its limit of
 * requests a connection, is no reason to refuse anything.  NULL: out of memory, it will not be sent again. */
static struct job *keep(const struct lane *lane, uint64_t id, int64_t deadline_ms, struct yt_str bytes)
{
	struct job *job = malloc(sizeof(*job) + bytes.n);

	if (job == NULL)
		return NULL;
	*job = (struct job){ .id = id, .deadline_ms = deadline_ms, .tries = lane->tries + 1, .n = bytes.n };
	memcpy(job->bytes, bytes.p, bytes.n);
	return job;
}

void link_send_shared(struct link *link, uint64_t id, int64_t deadline_ms, struct yt_str bytes)
{
	struct lane *lane = link->lane;
	struct yt_header fields[FIELDS_MAX];
	struct yt_str method, path, body;
	int n = read_head(bytes, &method, &path, fields, &body);
	struct http2_stream *s = NULL;

	if (n >= 0)
		s = http2_request(link->h2, method, yt_str(lane->host_field), path, fields, (size_t)n, body);
	if (s == NULL) {
		lane_tell_later(lane, id, LANE_NOT_SENT, n < 0 ? "too many header fields" : "out of memory");
		return;
	}
	link->was_used = true;
	lane->counts.sent++;
	lane->n_busy++;
	s->name = id;
	s->kept = keep(lane, id, deadline_ms, bytes);
	s->phase = AWAITED;
	s->begun_ms = lane_now_ms(lane);
	stream_deadline(s, deadline_ms);
	if (http2_flush(link->h2) != 0)
		link_close(link, link->h2->why);
}

/* Room on a link; the oldest hope of a late answer gives way. */
bool link_has_room(struct link *link)
{
	struct http2_stream *oldest = NULL;

	if (http2_has_room(link->h2))
		return true;
	for (struct http2_stream *s = link->h2->open; s != NULL; s = s->next) {
		if (s->phase == OVERDUE && !s->drops && (oldest == NULL || s->deadline_ms < oldest->deadline_ms))
			oldest = s;
	}
	if (oldest == NULL || link->h2->busy)
		return false;
	http2_drop(oldest, NGHTTP2_CANCEL);
	return http2_flush(link->h2) == 0 && http2_has_room(link->h2);
}

/* ---- events of http2.c ---- */

static void on_message(struct http2_stream *s, const struct http2_message *m)
{
	struct link *link = link_of(s);
	struct lane *lane = link->lane;
	struct lane_result result = { .end = LANE_ANSWERED,
		.status = m->status,
		.body = m->body,
		.headers = m->fields,
		.n_headers = m->n_fields,
		.why = "answered",
		.late = s->phase == OVERDUE,
		.took_ms = lane_now_ms(lane) - s->begun_ms };

	if (!result.late) {
		lane->n_busy--;
		lane_count(lane, LANE_ANSWERED);
	}
	s->deadline_ms = INT64_MAX;
	free(s->kept);
	s->kept = NULL;
	lane->done(lane->arg, s->name, &result);
}

static void on_lost(struct http2_stream *s, const char *why)
{
	struct lane *lane = link_of(s)->lane;
	struct job *job = s->kept;

	s->kept = NULL;
	s->deadline_ms = INT64_MAX;
	if (s->phase == OVERDUE)
		return;
	lane->n_busy--;
	if (!s->left && job != NULL && job->tries < TRIES_MAX && !lane->closing) {
		lane_queue_again(lane, job);
		return;
	}
	free(job);
	lane_tell_later(lane, s->name, s->left ? LANE_LOST : LANE_NOT_SENT, why);
}

/* ---- what lane_link.c asks ---- */

bool link_share(struct link *link)
{
	struct lane *lane = link->lane;

	link->h2 = http2_new(&lane->h2, &link->wire, link);
	if (link->h2 == NULL)
		return false;
	link->idle_since_ms = lane_now_ms(lane);
	link_move(link, SHARED, link->idle_since_ms + lane->conf.idle_ms);
	settle(link, http2_flush(link->h2));
	return true;
}

void link_shared_input(struct link *link)
{
	settle(link, http2_input(link->h2));
}

void link_shared_drained(struct link *link)
{
	settle(link, http2_flush(link->h2));
}

int lane_http2_init(struct lane *lane, const struct lane_conf *conf)
{
	struct http2_events events = { .on_message = on_message, .on_lost = on_lost };
	struct http2_limits limits = { .streams = conf->streams,
		.head_bytes = HEAD_BYTES,
		.fields = HEAD_FIELDS,
		.continuations = CONTINUATIONS,
		.body_bytes = conf->response_bytes,
		.buffered_bytes = conf->buffered_bytes,
		.resets = 1,
		.control_frames = conf->control_frames };

	return http2_env_init(&lane->h2, true, &limits, &events);
}
