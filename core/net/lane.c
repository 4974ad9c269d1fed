/* core/net/lane.c - one party's connections: who waits, who is sent, what came of it.
 *
 * process/worker_parties.c opens it, the engine's sends arrive by lane_send().  A connection (link):
 *  - an address is found and TCP connects               CONNECTING
 *  - TLS; the party's certificate is checked            CONNECTING -> HANDSHAKE
 *  - it waits for a request, newest first               HANDSHAKE  -> IDLE
 *  - a request is written, its answer awaited           IDLE       -> BUSY
 *  - the answer is whole                                BUSY       -> IDLE
 *  - no answer by the deadline: LANE_TIMED_OUT          BUSY       -> LATE
 *  - the answer came after all, told as late            LATE       -> IDLE
 *  - it speaks HTTP/2: its streams have states of their
 *    own (lane_http2.c)                                 HANDSHAKE  -> SHARED
 *  - it speaks in frames, and rests: a heartbeat        IDLE       -> BEAT
 *  - which is answered (lane_frames.c)                  BEAT       -> IDLE
 *  - closed; with frames also when an answer is late    any        -> CLOSING
 * A request waits in the queue until a link is idle; from the moment its octets are given to TLS it
 * may have left and can only end as answered, lost or timed out.  Nothing is sent twice that a party may
 * have looked at (lane_http2.c has the one proof that it has not).
 * As in server.c there is one timer for all deadlines, and whatever ends inside lane_send() or
 * lane_close() is told in the loop's next turn. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/lane_parts.h"

enum { KEEP_PLAIN = 256 * 1024 };

/* ---- telling ends ---- */

static void on_turn(uv_idle_t *idle);
static void on_check(uv_timer_t *timer);

void lane_count(struct lane *lane, enum lane_end end)
{
	switch (end) {
	case LANE_NOT_SENT:
		lane->counts.not_sent++;
		break;
	case LANE_ANSWERED:
		lane->counts.answered++;
		break;
	case LANE_LOST:
		lane->counts.lost++;
		break;
	case LANE_TIMED_OUT:
		lane->counts.timed_out++;
		break;
	}
}

void lane_tell_later(struct lane *lane, uint64_t id, enum lane_end end, const char *why)
{
	if (lane->n_waiting == lane->cap_waiting) {
		size_t cap = lane->cap_waiting * 2 + 64;
		struct ending *more = realloc(lane->waiting, cap * sizeof(*more));

		YT_REQUIRE(more != NULL); /* a lost end would leave an exchange waiting for ever */
		lane->waiting = more;
		lane->cap_waiting = cap;
	}
	lane->waiting[lane->n_waiting++] = (struct ending){ id, end, why };
	lane_count(lane, end);
	uv_idle_start(&lane->turn, on_turn);
}

int64_t lane_now_ms(const struct lane *lane)
{
	return (int64_t)uv_now(lane->hub.loop);
}

void lane_check_by(struct lane *lane, int64_t deadline_ms)
{
	int64_t now = lane_now_ms(lane);

	if (deadline_ms >= lane->next_check_ms || lane->closing)
		return;
	lane->next_check_ms = deadline_ms;
	uv_timer_start(&lane->timer, on_check, deadline_ms > now ? (uint64_t)(deadline_ms - now) : 0, 0);
}
/* ---- the queue ---- */

static void queue_remove(struct lane *lane, struct job *job)
{
	if (job->prev != NULL)
		job->prev->next = job->next;
	else
		lane->first = job->next;
	if (job->next != NULL)
		job->next->prev = job->prev;
	else
		lane->last = job->prev;
	lane->n_queued--;
}

void lane_queue_again(struct lane *lane, struct job *job)
{
	job->prev = NULL;
	job->next = lane->first;
	if (lane->first != NULL)
		lane->first->prev = job;
	else
		lane->last = job;
	lane->first = job;
	lane->n_queued++;
	lane_check_by(lane, job->deadline_ms);
}

void lane_queue_fail(struct lane *lane, const char *why)
{
	while (lane->first != NULL) {
		struct job *job = lane->first;

		queue_remove(lane, job);
		lane_tell_later(lane, job->id, LANE_NOT_SENT, why);
		free(job);
	}
}

static bool queue_add(struct lane *lane, uint64_t id, int64_t deadline_ms, struct yt_str bytes)
{
	struct job *job = malloc(sizeof(*job) + bytes.n);

	if (job == NULL)
		return false;
	job->id = id;
	job->deadline_ms = deadline_ms;
	job->tries = 0;
	job->n = bytes.n;
	memcpy(job->bytes, bytes.p, bytes.n);
	job->next = NULL;
	job->prev = lane->last;
	if (lane->last != NULL)
		lane->last->next = job;
	else
		lane->first = job;
	lane->last = job;
	lane->n_queued++;
	lane_check_by(lane, deadline_ms);
	return true;
}

/* A link of HTTP/2 with room for one more. */
static struct link *pick_shared(struct lane *lane)
{
	struct link *link = lane->links;

	while (link != NULL && (link->phase != SHARED || link->wire.broken || !link_has_room(link) ||
	                               (http2_is_idle(link->h2) && link_is_stale(link))))
		link = link->next;
	return link;
}

/* The idle link used last that can be written to; NULL: none.  One with something to read is left to
 * its read event, which closes it or finds it well. */
static struct link *pick(struct lane *lane)
{
	struct link *link = lane->idle;

	while (link != NULL && (link->wire.broken || link->wire.writing || link_is_stale(link)))
		link = link->idle_next;
	return link != NULL || lane->n_shared == 0 ? link : pick_shared(lane);
}

static struct link *oldest_late(struct lane *lane)
{
	struct link *oldest = NULL;

	for (struct link *link = lane->links; link != NULL; link = link->next) {
		if (link->phase == LATE && (oldest == NULL || link->deadline_ms < oldest->deadline_ms))
			oldest = link;
	}
	return oldest;
}

/* Opens links for those who wait.  A full pool gives up its oldest hope of a late answer: the
 * requests that find out what became of it must get through. */
static void connect_for_queue(struct lane *lane)
{
	uint32_t wanted = lane->shares && lane->n_queued > 0 ? 1 : lane->n_queued;

	while (lane->n_connecting < wanted && lane_now_ms(lane) >= lane->backoff_until_ms) {
		if (lane->n_links >= lane->conf.connections) {
			struct link *late = oldest_late(lane);

			if (late == NULL)
				return;
			link_close(late, "its connection is needed");
		}
		link_open(lane);
	}
	if (lane->n_links == 0)
		lane_queue_fail(lane, lane->down_why);
	else if (lane->n_connecting < wanted)
		lane_check_by(lane, lane->backoff_until_ms);
}

void lane_dispatch(struct lane *lane)
{
	struct link *link;

	if (lane->closing)
		return;
	while (lane->first != NULL && (link = pick(lane)) != NULL) {
		struct job *job = lane->first;

		queue_remove(lane, job);
		lane->tries = job->tries;
		link_send(link, job->id, job->deadline_ms, (struct yt_str){ (const char *)job->bytes, job->n });
		lane->tries = 0;
		free(job);
	}
	connect_for_queue(lane);
}
/* ---- sending ---- */

static bool put_request(struct lane *lane, const struct lane_request *request)
{
	struct yt_buf *out = &lane->plain;

	struct yt_str method = request->method.n != 0 ? request->method : YT_STR("POST");

	if (!http1_is_target(request->target) || !http1_is_token(method))
		return false;
	yt_buf_clear(out);
	yt_buf_str(out, method);
	yt_buf_text(out, " ");
	yt_buf_str(out, request->target);
	yt_buf_text(out, " HTTP/1.1\r\nHost: ");
	yt_buf_text(out, lane->host_field);
	yt_buf_text(out, "\r\n");
	http1_put_length(out, request->body.n);
	if (request->content_type != NULL) {
		yt_buf_text(out, "Content-Type: ");
		yt_buf_text(out, request->content_type);
		yt_buf_text(out, "\r\n");
	}
	for (size_t i = 0; i < request->n_headers; i++) {
		if (!http1_is_token(request->headers[i].name) || !http1_is_value(request->headers[i].value))
			return false;
		yt_buf_str(out, request->headers[i].name);
		yt_buf_text(out, ": ");
		yt_buf_str(out, request->headers[i].value);
		yt_buf_text(out, "\r\n");
	}
	yt_buf_text(out, "\r\n");
	yt_buf_str(out, request->body);
	return !out->failed && out->n <= INT32_MAX;
}

/* Why it cannot even be queued; NULL: it can. */
static const char *refusal(struct lane *lane, const struct lane_request *request)
{
	if (lane->closing)
		return "lane is closed";
	if (request->deadline_ms <= lane_now_ms(lane))
		return "no time is left";
	if (lane->n_links == 0 && lane_now_ms(lane) < lane->backoff_until_ms)
		return lane->down_why;
	if (lane->n_queued >= lane->conf.queue && (lane->first != NULL || lane->idle == NULL))
		return "queue is full";
	if (!lane_has_frames(lane) && !put_request(lane, request))
		return "request cannot be written as HTTP";
	return NULL;
}

void lane_send(struct lane *lane, uint64_t id, const struct lane_request *request)
{
	const char *why = refusal(lane, request);
	struct link *link = why == NULL && lane->first == NULL ? pick(lane) : NULL;
	struct yt_str bytes = lane_has_frames(lane) ? request->body : yt_buf_view(&lane->plain);

	if (why != NULL) {
		lane_tell_later(lane, id, LANE_NOT_SENT, why);
	} else if (link != NULL) {
		link_send(link, id, request->deadline_ms, bytes);
	} else if (!queue_add(lane, id, request->deadline_ms, bytes)) {
		lane_tell_later(lane, id, LANE_NOT_SENT, "out of memory");
	} else {
		connect_for_queue(lane);
	}
	if (lane->plain.cap > KEEP_PLAIN || lane->plain.failed)
		yt_buf_free(&lane->plain);
}
/* ---- time ---- */

static void on_check(uv_timer_t *timer)
{
	struct lane *lane = timer->data;
	int64_t now = lane_now_ms(lane), next = INT64_MAX;

	lane->next_check_ms = INT64_MIN; /* what is set meanwhile is found below */
	for (struct job *job = lane->first, *after; job != NULL; job = after) {
		after = job->next;
		if (job->deadline_ms <= now) {
			queue_remove(lane, job);
			lane_tell_later(lane, job->id, LANE_NOT_SENT, "no connection was free in time");
			free(job);
		} else if (job->deadline_ms < next) {
			next = job->deadline_ms;
		}
	}
	for (struct link *link = lane->links; link != NULL; link = link->next) {
		if (link->phase != CLOSING && link->deadline_ms <= now)
			link_expired(link);
		if (link->phase != CLOSING && link->deadline_ms < next)
			next = link->deadline_ms;
	}
	lane->next_check_ms = INT64_MAX;
	if (next != INT64_MAX)
		lane_check_by(lane, next);
	lane_dispatch(lane);
}

static void on_handle_closed(uv_handle_t *handle);

static void on_turn(uv_idle_t *idle)
{
	struct lane *lane = idle->data;
	struct ending *batch = lane->waiting;
	size_t n = lane->n_waiting;

	uv_idle_stop(idle);
	lane->waiting = NULL; /* what done() causes waits for the turn after this one */
	lane->n_waiting = lane->cap_waiting = 0;
	for (size_t i = 0; i < n; i++) {
		struct lane_result result = { .end = batch[i].end, .why = batch[i].why };

		lane->done(lane->arg, batch[i].id, &result);
	}
	free(batch);
	if (lane->closing && lane->n_waiting == 0)
		uv_close((uv_handle_t *)idle, on_handle_closed);
}
/* ---- life ---- */

static void lane_free(struct lane *lane)
{
	http1_pool_free(&lane->intakes);
	http2_env_free(&lane->h2);
	wire_hub_free(&lane->hub);
	yt_buf_free(&lane->plain);
	yt_buf_free(&lane->heartbeat);
	SSL_CTX_free(lane->ctx);
	free(lane->waiting);
	free(lane->name);
	free(lane->host);
	free(lane->port);
	free(lane->server_name);
	free(lane);
}

void lane_unref(struct lane *lane)
{
	if (lane->closing && lane->n_handles == 0)
		lane_free(lane);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct lane *lane = handle->data;

	lane->n_handles--;
	lane_unref(lane);
}

static bool lane_alloc(struct lane *lane, uv_loop_t *loop, const struct lane_conf *conf)
{
	struct http1_limits limits = { HEAD_BYTES, HEAD_FIELDS, conf->response_bytes };
	const char *server_name = conf->server_name != NULL ? conf->server_name : conf->host;
	bool is_ipv6 = strchr(conf->host, ':') != NULL, is_default = strcmp(conf->port, "443") == 0;

	lane->name = strdup(conf->name);
	lane->host = strdup(conf->host);
	lane->port = strdup(conf->port);
	lane->server_name = strdup(server_name);
	snprintf(lane->host_field, sizeof(lane->host_field), "%s%s%s%s%s", is_ipv6 ? "[" : "", conf->host,
	        is_ipv6 ? "]" : "", is_default ? "" : ":", is_default ? "" : conf->port);
	http1_pool_init(&lane->intakes, HTTP1_RESPONSE, &limits);
	yt_buf_str(&lane->heartbeat, conf->framing.heartbeat);
	return lane->name != NULL && lane->host != NULL && lane->port != NULL && lane->server_name != NULL &&
	       !lane->heartbeat.failed && wire_hub_init(&lane->hub, loop, &lane_wire_events) == 0;
}

int lane_open(struct lane **out, uv_loop_t *loop, const struct lane_conf *conf, lane_done done, void *arg)
{
	struct lane *lane = calloc(1, sizeof(*lane));
	int rv;

	if (lane == NULL)
		return YT_ENOMEM;
	if (!lane_alloc(lane, loop, conf)) {
		lane_free(lane);
		return YT_ENOMEM;
	}
	lane->conf = *conf;
	lane->done = done;
	lane->arg = arg;
	lane->next_check_ms = INT64_MAX;
	lane->jitter = uv_hrtime();
	lane->down_why = "not connected";
	rv = tls_client_ctx(&lane->ctx, conf);
	if (rv == 0 && conf->http2) {
		lane->shares = true;
		rv = tls_offer_http2(lane->ctx);
		if (rv == 0)
			rv = lane_http2_init(lane, conf);
	}
	if (rv != 0) {
		lane_free(lane);
		return rv;
	}
	uv_timer_init(loop, &lane->timer);
	uv_idle_init(loop, &lane->turn);
	lane->timer.data = lane->turn.data = lane;
	lane->n_handles = 2;
	*out = lane;
	return 0;
}

void lane_drain(struct lane *lane)
{
	lane->drains = lane_has_frames(lane);
	for (struct link *link = lane->links; lane->drains && link != NULL; link = link->next) {
		if (link->phase == IDLE)
			link->deadline_ms = lane_now_ms(lane);
	}
	lane_check_by(lane, lane_now_ms(lane));
}

void lane_close(struct lane *lane)
{
	lane_queue_fail(lane, "lane is closed");
	lane->closing = true;
	for (struct link *link = lane->links; link != NULL; link = link->next)
		link_close(link, "lane is closed");
	uv_close((uv_handle_t *)&lane->timer, on_handle_closed);
	uv_idle_start(&lane->turn, on_turn);
}

void lane_state(const struct lane *lane, struct lane_state *out)
{
	*out = lane->counts;
	out->connections = lane->n_links - lane->n_connecting;
	out->busy = lane->n_busy;
	out->queued = lane->n_queued;
}
