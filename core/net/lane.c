/* core/net/lane.c - one party's connections: who waits, who is sent, what came of it.
 *
 * process/worker_process.c opens it, the engine's sends arrive by lane_send().  A connection (link):
 *  - an address is found and TCP connects               CONNECTING
 *  - TLS; the party's certificate is checked            CONNECTING -> HANDSHAKE
 *  - it waits for a request, newest first               HANDSHAKE  -> IDLE
 *  - a request is written, its answer awaited           IDLE       -> BUSY
 *  - the answer is whole                                BUSY       -> IDLE
 *  - no answer by the deadline: LANE_TIMED_OUT          BUSY       -> LATE
 *  - the answer came after all, told as late            LATE       -> IDLE
 *  - closed                                             any        -> CLOSING
 * A request waits in the queue until a link is idle; from the moment its octets are given to TLS it
 * may have left and can only end as answered, lost or timed out.  The lane never sends anything twice.
 * As in server.c there is one timer for all deadlines, and whatever ends inside lane_send() or
 * lane_close() is told in the loop's next turn. */
#include "net/lane.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net/http1.h"
#include "net/tls.h"
#include "net/wire.h"

enum {
	HEAD_BYTES = 16 * 1024, /* of an answer */
	HEAD_FIELDS = 100,
	BACKOFF_MIN_MS = 200, /* between connects to a party that is down: doubles, with jitter */
	BACKOFF_MAX_MS = 5000,
	STALE_MS = 500, /* idle for longer: look whether the party has hung up before writing */
	KEEP_PLAIN = 256 * 1024
};

enum phase { CONNECTING, HANDSHAKE, IDLE, BUSY, LATE, CLOSING };

#define MAY(phase) (1u << (phase))
static const unsigned allowed[CLOSING + 1] = {
	[CONNECTING] = MAY(HANDSHAKE) | MAY(CLOSING),
	[HANDSHAKE] = MAY(IDLE) | MAY(CLOSING),
	[IDLE] = MAY(BUSY) | MAY(CLOSING),
	[BUSY] = MAY(IDLE) | MAY(LATE) | MAY(CLOSING),
	[LATE] = MAY(IDLE) | MAY(CLOSING),
};

struct link {
	struct wire wire; /* first: a wire's event finds its link */
	struct lane *lane;
	struct link *prev, *next;           /* all of the lane's */
	struct link *idle_prev, *idle_next; /* the idle ones, last used first */
	struct http1 *intake;
	int64_t deadline_ms;
	int64_t idle_since_ms;
	uint64_t id; /* of the request, BUSY and LATE */
	enum phase phase;
	uv_getaddrinfo_t resolve;
	uv_connect_t connect;
	struct addrinfo *addresses, *address; /* all found, the one being tried */
	bool resolving, wire_gone;
};

struct job {
	struct job *prev, *next;
	uint64_t id;
	int64_t deadline_ms;
	size_t n;
	uint8_t bytes[]; /* the whole request as it will be written */
};

struct ending {
	uint64_t id;
	enum lane_end end;
	const char *why;
};

struct lane {
	uv_timer_t timer;
	uv_idle_t turn; /* active while endings wait to be told */
	struct wire_hub hub;
	struct lane_conf conf;
	char *name, *host, *port, *server_name;
	char host_field[280];
	SSL_CTX *ctx;
	lane_done done;
	void *arg;
	struct http1_pool intakes;
	struct yt_buf plain; /* a request being put together */
	struct link *links, *idle;
	uint32_t n_links, n_connecting, n_busy; /* without those that are closing */
	uint32_t n_handles;
	struct job *first, *last;
	uint32_t n_queued;
	struct ending *waiting;
	size_t n_waiting, cap_waiting;
	int64_t next_check_ms;
	int64_t backoff_until_ms;
	uint32_t backoff_ms;
	uint64_t jitter;
	const char *down_why; /* what the last connect failed with */
	bool closing;
	struct lane_state counts;
};

/* ---- telling ends ---- */

static void on_turn(uv_idle_t *idle);
static void on_check(uv_timer_t *timer);
static void lane_dispatch(struct lane *lane);

static void count(struct lane *lane, enum lane_end end)
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

/* Every end but an answer goes this way: not inside of lane_send(), and never while a list is walked. */
static void tell_later(struct lane *lane, uint64_t id, enum lane_end end, const char *why)
{
	if (lane->n_waiting == lane->cap_waiting) {
		size_t cap = lane->cap_waiting * 2 + 64;
		struct ending *more = realloc(lane->waiting, cap * sizeof(*more));

		YT_REQUIRE(more != NULL); /* a lost end would leave an exchange waiting for ever */
		lane->waiting = more;
		lane->cap_waiting = cap;
	}
	lane->waiting[lane->n_waiting++] = (struct ending){ id, end, why };
	count(lane, end);
	uv_idle_start(&lane->turn, on_turn);
}

static int64_t now_ms(const struct lane *lane)
{
	return (int64_t)uv_now(lane->hub.loop);
}

static void check_by(struct lane *lane, int64_t deadline_ms)
{
	int64_t now = now_ms(lane);

	if (deadline_ms >= lane->next_check_ms || lane->closing)
		return;
	lane->next_check_ms = deadline_ms;
	uv_timer_start(&lane->timer, on_check, deadline_ms > now ? (uint64_t)(deadline_ms - now) : 0, 0);
}

/* ---- links: states and lists ---- */

static void idle_remove(struct link *link)
{
	if (link->idle_prev != NULL)
		link->idle_prev->idle_next = link->idle_next;
	else
		link->lane->idle = link->idle_next;
	if (link->idle_next != NULL)
		link->idle_next->idle_prev = link->idle_prev;
	link->idle_prev = link->idle_next = NULL;
}

static void idle_add(struct link *link)
{
	struct lane *lane = link->lane;

	link->idle_prev = NULL;
	link->idle_next = lane->idle;
	if (lane->idle != NULL)
		lane->idle->idle_prev = link;
	lane->idle = link;
}

static bool is_connecting(enum phase phase)
{
	return phase == CONNECTING || phase == HANDSHAKE;
}

/* The one place where a link changes its state, so that lists and counts are always right. */
static void link_move(struct link *link, enum phase phase, int64_t deadline_ms)
{
	struct lane *lane = link->lane;

	YT_REQUIRE((allowed[link->phase] & MAY(phase)) != 0);
	if (link->phase == IDLE)
		idle_remove(link);
	if (is_connecting(link->phase) && !is_connecting(phase))
		lane->n_connecting--;
	if (link->phase == BUSY)
		lane->n_busy--;
	if (phase == BUSY)
		lane->n_busy++;
	if (phase == IDLE)
		idle_add(link);
	if (phase == CLOSING)
		lane->n_links--;
	link->phase = phase;
	link->deadline_ms = deadline_ms;
	if (phase != CLOSING)
		check_by(lane, deadline_ms);
}

/* Closes; a request that was on it is lost. */
static void link_close(struct link *link, const char *why)
{
	enum phase before = link->phase;

	if (before == CLOSING)
		return;
	link_move(link, CLOSING, INT64_MAX);
	if (before == BUSY)
		tell_later(link->lane, link->id, LANE_LOST, why);
	if (link->resolving)
		uv_cancel((uv_req_t *)&link->resolve);
	wire_close(&link->wire);
}

/* ---- connecting ---- */

static struct link *link_new(struct lane *lane)
{
	struct link *link = calloc(1, sizeof(*link));

	if (link == NULL)
		return NULL;
	link->lane = lane;
	link->phase = CONNECTING;
	link->next = lane->links;
	if (lane->links != NULL)
		lane->links->prev = link;
	lane->links = link;
	lane->n_handles++;
	lane->n_links++;
	lane->n_connecting++;
	wire_init(&link->wire, &lane->hub);
	link->resolve.data = link->connect.data = link;
	return link;
}

static void queue_fail(struct lane *lane, const char *why);

/* While the party is down a request hears so at once; a connect is tried now and then. */
static void back_off(struct lane *lane, const char *why)
{
	int64_t now = now_ms(lane);

	lane->down_why = why;
	if (now < lane->backoff_until_ms)
		return; /* another link of the same try */
	lane->backoff_ms = lane->backoff_ms == 0 ? BACKOFF_MIN_MS : lane->backoff_ms * 2;
	if (lane->backoff_ms > BACKOFF_MAX_MS)
		lane->backoff_ms = BACKOFF_MAX_MS;
	lane->jitter = lane->jitter * 6364136223846793005u + 1442695040888963407u;
	lane->backoff_until_ms = now + lane->backoff_ms + (int64_t)((lane->jitter >> 33) % (lane->backoff_ms / 4));
	yt_log(YT_WARN, "net", "%s: connect to %s port %s failed: %s", lane->name, lane->host, lane->port, why);
}

static void link_failed(struct link *link, const char *why)
{
	struct lane *lane = link->lane;

	back_off(lane, why);
	link_close(link, why);
	if (lane->n_links == 0)
		queue_fail(lane, why);
}

static void on_connected(uv_connect_t *connect, int status);

static void link_connect(struct link *link, const struct sockaddr *address)
{
	int rv = uv_tcp_connect(&link->connect, &link->wire.tcp, address, on_connected);

	if (rv != 0)
		link_failed(link, uv_strerror(rv));
}

/* The next address has a handle of its own; the failed one's is closed.
 * UNTESTED where the resolver gives localhost one address only. */
static bool link_try_next(struct link *link)
{
	struct link *heir;

	if (link->address == NULL || link->address->ai_next == NULL)
		return false;
	heir = link_new(link->lane);
	if (heir == NULL)
		return false;
	heir->addresses = link->addresses;
	heir->address = link->address->ai_next;
	heir->deadline_ms = link->deadline_ms;
	link->addresses = link->address = NULL;
	link_close(link, "next address");
	link_connect(heir, heir->address->ai_addr);
	return true;
}

static void on_connected(uv_connect_t *connect, int status)
{
	struct link *link = connect->data;
	SSL *ssl;

	if (link->phase != CONNECTING)
		return;
	if (status != 0) {
		if (!link_try_next(link))
			link_failed(link, uv_strerror(status));
		return;
	}
	link_move(link, HANDSHAKE, link->deadline_ms);
	ssl = tls_client_new(link->lane->ctx, link->lane->server_name);
	if (ssl == NULL || wire_start(&link->wire, ssl) != 0) {
		link_failed(link, "out of memory");
		return;
	}
	wire_pump(&link->wire); /* no input yet: the handshake's first message */
}

static void link_free(struct link *link)
{
	if (link->addresses != NULL)
		uv_freeaddrinfo(link->addresses);
	free(link);
}

static void on_resolved(uv_getaddrinfo_t *resolve, int status, struct addrinfo *found)
{
	struct link *link = resolve->data;

	link->resolving = false;
	link->addresses = found;
	if (link->phase != CONNECTING) {
		if (link->wire_gone)
			link_free(link);
		return;
	}
	if (status != 0 || found == NULL) {
		link_failed(link, status != 0 ? uv_strerror(status) : "host has no address");
		return;
	}
	link->address = found;
	link_connect(link, found->ai_addr);
}

static void link_open(struct lane *lane)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP };
	struct link *link = link_new(lane);
	struct sockaddr_storage address;
	int port = atoi(lane->port), rv;

	if (link == NULL) {
		lane->down_why = "out of memory";
		return;
	}
	link->deadline_ms = now_ms(lane) + lane->conf.connect_ms;
	check_by(lane, link->deadline_ms);
	if (uv_ip4_addr(lane->host, port, (struct sockaddr_in *)&address) == 0 ||
	    uv_ip6_addr(lane->host, port, (struct sockaddr_in6 *)&address) == 0) {
		link_connect(link, (struct sockaddr *)&address);
		return;
	}
	rv = uv_getaddrinfo(lane->hub.loop, &link->resolve, on_resolved, lane->host, lane->port, &hints);
	if (rv != 0)
		link_failed(link, uv_strerror(rv));
	else
		link->resolving = true;
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

static void queue_fail(struct lane *lane, const char *why)
{
	while (lane->first != NULL) {
		struct job *job = lane->first;

		queue_remove(lane, job);
		tell_later(lane, job->id, LANE_NOT_SENT, why);
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
	check_by(lane, deadline_ms);
	return true;
}

/* From here on the request may have left. */
static void link_send(struct link *link, uint64_t id, int64_t deadline_ms, struct yt_str bytes)
{
	link->id = id;
	link_move(link, BUSY, deadline_ms);
	link->lane->counts.sent++;
	if (wire_write(&link->wire, bytes.p, bytes.n) != 0)
		link_close(link, "connection broke while it was written");
}

/* The party may have hung up while nobody listened: a request must not be written into that. */
static bool link_is_stale(struct link *link)
{
	char c;
	ssize_t n;
	int fd;

	if (now_ms(link->lane) - link->idle_since_ms < STALE_MS)
		return false;
	if (uv_fileno((uv_handle_t *)&link->wire.tcp, &fd) != 0)
		return true;
	n = recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT);
	return n >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

/* The idle link used last that can be written to; NULL: none.  One with something to read is left to
 * its read event, which closes it or finds it well. */
static struct link *pick(struct lane *lane)
{
	struct link *link = lane->idle;

	while (link != NULL && (link->wire.broken || link->wire.writing || link_is_stale(link)))
		link = link->idle_next;
	return link;
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
	while (lane->n_connecting < lane->n_queued && now_ms(lane) >= lane->backoff_until_ms) {
		if (lane->n_links >= lane->conf.connections) {
			struct link *late = oldest_late(lane);

			if (late == NULL)
				return;
			link_close(late, "its connection is needed");
		}
		link_open(lane);
	}
	if (lane->n_links == 0)
		queue_fail(lane, lane->down_why);
	else if (lane->n_connecting < lane->n_queued)
		check_by(lane, lane->backoff_until_ms);
}

static void lane_dispatch(struct lane *lane)
{
	struct link *link;

	if (lane->closing)
		return;
	while (lane->first != NULL && (link = pick(lane)) != NULL) {
		struct job *job = lane->first;

		queue_remove(lane, job);
		link_send(link, job->id, job->deadline_ms, (struct yt_str){ (const char *)job->bytes, job->n });
		free(job);
	}
	connect_for_queue(lane);
}

/* ---- sending ---- */

static bool put_request(struct lane *lane, const struct lane_request *request)
{
	struct yt_buf *out = &lane->plain;

	if (!http1_is_target(request->target))
		return false;
	yt_buf_clear(out);
	yt_buf_text(out, "POST ");
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
	if (request->deadline_ms <= now_ms(lane))
		return "no time is left";
	if (lane->n_links == 0 && now_ms(lane) < lane->backoff_until_ms)
		return lane->down_why;
	if (lane->n_queued >= lane->conf.queue && (lane->first != NULL || lane->idle == NULL))
		return "queue is full";
	if (!put_request(lane, request))
		return "request cannot be written as HTTP";
	return NULL;
}

void lane_send(struct lane *lane, uint64_t id, const struct lane_request *request)
{
	const char *why = refusal(lane, request);
	struct link *link = why == NULL && lane->first == NULL ? pick(lane) : NULL;

	if (why != NULL) {
		tell_later(lane, id, LANE_NOT_SENT, why);
	} else if (link != NULL) {
		link_send(link, id, request->deadline_ms, yt_buf_view(&lane->plain));
	} else if (!queue_add(lane, id, request->deadline_ms, yt_buf_view(&lane->plain))) {
		tell_later(lane, id, LANE_NOT_SENT, "out of memory");
	} else {
		connect_for_queue(lane);
	}
	if (lane->plain.cap > KEEP_PLAIN || lane->plain.failed)
		yt_buf_free(&lane->plain);
}

/* ---- answers ---- */

static void link_idle(struct link *link)
{
	link->idle_since_ms = now_ms(link->lane);
	link_move(link, IDLE, link->idle_since_ms + link->lane->conf.idle_ms);
}

/* The link can be used again before its answer is told, so that done() may send on it. */
static void link_answered(struct link *link)
{
	struct lane *lane = link->lane;
	struct http1 *h = link->intake;
	struct lane_result result = { .end = LANE_ANSWERED, .status = h->status, .body = h->body, .why = "answered",
		.late = link->phase == LATE };
	uint64_t id = link->id;

	link->intake = NULL;
	link_idle(link);
	/* More octets than the answer, or an answer to half a request: its end cannot be trusted. */
	if (!h->keep_alive || link->wire.writing || http1_is_followed(h))
		link_close(link, "used up");
	if (!result.late)
		count(lane, LANE_ANSWERED);
	lane->done(lane->arg, id, &result);
	http1_give(&lane->intakes, h);
	lane_dispatch(lane);
}

/* The end of what the party sends; clean: by close_notify. */
static void link_ended(struct link *link, bool clean)
{
	struct lane *lane = link->lane;

	if (link->phase == HANDSHAKE) {
		link_failed(link, tls_why(link->wire.ssl));
	} else if (clean && link->intake != NULL && http1_feed(link->intake, 0) == HTTP1_UNTIL_CLOSE) {
		http1_close(link->intake);
		link_answered(link);
	} else {
		link_close(link, link->phase == BUSY ? tls_why(link->wire.ssl) : "closed");
	}
	lane_dispatch(lane);
}

/* Reads once into the answer; false when there is nothing more now. */
static bool link_read(struct link *link)
{
	uint8_t *p;
	size_t room;
	ssize_t n;

	if (link->intake == NULL)
		link->intake = http1_take(&link->lane->intakes);
	p = link->intake != NULL ? http1_room(link->intake, &room) : NULL;
	if (p == NULL) {
		link_close(link, "out of memory");
		return false;
	}
	n = wire_read(&link->wire, p, room);
	if (n == YT_EAGAIN)
		return false;
	if (n <= 0) {
		link_ended(link, n == 0);
		return false;
	}
	switch (http1_feed(link->intake, (size_t)n)) {
	case HTTP1_WHOLE:
		link_answered(link);
		break;
	case HTTP1_REFUSED:
		yt_log(YT_WARN, "net", "%s: answer cannot be read: %s", link->lane->name, link->intake->why);
		link_close(link, link->intake->why);
		lane_dispatch(link->lane);
		break;
	case HTTP1_MORE:
	case HTTP1_UNTIL_CLOSE:
		break;
	}
	return true;
}

/* Nobody asked: session tickets are TLS's own, anything else ends the link. */
static bool link_read_idle(struct link *link)
{
	uint8_t c;
	ssize_t n = wire_read(&link->wire, &c, 1);

	if (n == YT_EAGAIN)
		link->idle_since_ms = now_ms(link->lane); /* found well just now */
	else
		link_close(link, "closed while idle");
	lane_dispatch(link->lane);
	return false;
}

static bool link_handshake(struct link *link)
{
	struct lane *lane = link->lane;
	int rv = wire_handshake(&link->wire);

	if (rv == YT_EAGAIN)
		return false;
	if (rv != 0) {
		link_failed(link, tls_why(link->wire.ssl));
		return false;
	}
	lane->backoff_ms = 0;
	lane->backoff_until_ms = 0;
	link_idle(link);
	lane_dispatch(lane);
	return wire_has_input(&link->wire);
}

static void on_input(struct wire *wire)
{
	struct link *link = (struct link *)wire;
	bool more = true;

	if (link->phase == HANDSHAKE)
		more = link_handshake(link);
	while (more && (link->phase == IDLE || link->phase == BUSY || link->phase == LATE)) {
		more = link->phase == IDLE ? link_read_idle(link) : link_read(link);
		more = more && link->phase != CLOSING && wire_has_input(wire);
	}
}

static void on_end(struct wire *wire)
{
	link_ended((struct link *)wire, false);
}

static void on_drained(struct wire *wire)
{
	(void)wire; /* the answer tells, not the socket */
}

static void lane_unref(struct lane *lane);

static void on_closed(struct wire *wire)
{
	struct link *link = (struct link *)wire;
	struct lane *lane = link->lane;

	http1_give(&lane->intakes, link->intake);
	if (link->prev != NULL)
		link->prev->next = link->next;
	else
		lane->links = link->next;
	if (link->next != NULL)
		link->next->prev = link->prev;
	link->wire_gone = true;
	if (!link->resolving)
		link_free(link);
	lane->n_handles--;
	lane_unref(lane);
}

static const struct wire_events wire_events = { on_input, on_end, on_drained, on_closed };

/* ---- time ---- */

static void link_expired(struct link *link)
{
	struct lane *lane = link->lane;

	switch (link->phase) {
	case CONNECTING:
	case HANDSHAKE:
		link_failed(link, "connect took too long");
		break;
	case BUSY:
		tell_later(lane, link->id, LANE_TIMED_OUT, "no answer in time");
		link_move(link, LATE, now_ms(lane) + lane->conf.late_ms);
		break;
	case IDLE:
		wire_finish(&link->wire);
		link_close(link, "idle for too long");
		break;
	default:
		link_close(link, "no late answer");
		break;
	}
}

static void on_check(uv_timer_t *timer)
{
	struct lane *lane = timer->data;
	int64_t now = now_ms(lane), next = INT64_MAX;

	lane->next_check_ms = INT64_MIN; /* what is set meanwhile is found below */
	for (struct job *job = lane->first, *after; job != NULL; job = after) {
		after = job->next;
		if (job->deadline_ms <= now) {
			queue_remove(lane, job);
			tell_later(lane, job->id, LANE_NOT_SENT, "no connection was free in time");
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
		check_by(lane, next);
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
	wire_hub_free(&lane->hub);
	yt_buf_free(&lane->plain);
	SSL_CTX_free(lane->ctx);
	free(lane->waiting);
	free(lane->name);
	free(lane->host);
	free(lane->port);
	free(lane->server_name);
	free(lane);
}

static void lane_unref(struct lane *lane)
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
	return lane->name != NULL && lane->host != NULL && lane->port != NULL && lane->server_name != NULL &&
	       wire_hub_init(&lane->hub, loop, &wire_events) == 0;
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
	rv = tls_client_ctx(&lane->ctx, conf->name, conf->ca_file, conf->cert_file, conf->key_file);
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

void lane_close(struct lane *lane)
{
	queue_fail(lane, "lane is closed");
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
