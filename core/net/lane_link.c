/* core/net/lane_link.c - one connection of a lane: connects, carries a request, reads its answer.
 *
 * lane.c opens links and gives them requests (its head has the phases); what comes of a request goes to
 * done() or, when it ends without an answer, by lane_tell_later(). */
#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net/lane_parts.h"

enum {
	BACKOFF_MIN_MS = 200, /* between connects to a party that is down: doubles, with jitter */
	BACKOFF_MAX_MS = 5000,
	STALE_MS = 500 /* idle for longer: look whether the party has hung up before writing */
};

#define MAY(phase) (1u << (phase))
static const unsigned allowed[CLOSING + 1] = {
	[CONNECTING] = MAY(HANDSHAKE) | MAY(CLOSING),
	[HANDSHAKE] = MAY(IDLE) | MAY(SHARED) | MAY(CLOSING),
	[IDLE] = MAY(BUSY) | MAY(BEAT) | MAY(CLOSING),
	[BUSY] = MAY(IDLE) | MAY(LATE) | MAY(CLOSING),
	[LATE] = MAY(IDLE) | MAY(CLOSING),
	[BEAT] = MAY(IDLE) | MAY(CLOSING),
	[SHARED] = MAY(CLOSING),
};

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
void link_move(struct link *link, enum phase phase, int64_t deadline_ms)
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
	if (phase == SHARED)
		lane->n_shared++;
	if (link->phase == SHARED)
		lane->n_shared--;
	if (phase == CLOSING)
		lane->n_links--;
	link->phase = phase;
	link->deadline_ms = deadline_ms;
	if (phase != CLOSING)
		lane_check_by(lane, deadline_ms);
}

/* end: of a request that is on it. */
static void link_close_as(struct link *link, enum lane_end end, const char *why)
{
	enum phase before = link->phase;

	if (before == CLOSING)
		return;
	link_move(link, CLOSING, INT64_MAX);
	if (before == BUSY)
		lane_tell_later(link->lane, link->id, end, why);
	if (before == SHARED)
		http2_abandon(link->h2, end == LANE_NOT_SENT, why);
	if (link->resolving)
		uv_cancel((uv_req_t *)&link->resolve);
	wire_close(&link->wire);
}

void link_close(struct link *link, const char *why)
{
	link_close_as(link, LANE_LOST, why);
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

/* While the party is down a request hears so at once; a connect is tried now and then. */
static void back_off(struct lane *lane, const char *why)
{
	int64_t now = lane_now_ms(lane);

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
		lane_queue_fail(lane, why);
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

void link_open(struct lane *lane)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP };
	struct link *link = link_new(lane);
	struct sockaddr_storage address;
	int port = atoi(lane->port), rv;

	if (link == NULL) {
		lane->down_why = "out of memory";
		return;
	}
	link->deadline_ms = lane_now_ms(lane) + lane->conf.connect_ms;
	lane_check_by(lane, link->deadline_ms);
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
/* ---- sending ---- */

/* From here on the request may have left, unless the socket says that it took nothing. */
void link_send(struct link *link, uint64_t id, int64_t deadline_ms, struct yt_str bytes)
{
	int rv;

	if (link->phase == SHARED) {
		link_send_shared(link, id, deadline_ms, bytes);
		return;
	}
	link->id = id;
	link->sent_ms = lane_now_ms(link->lane);
	link->was_used = true;
	link_move(link, BUSY, deadline_ms);
	link->lane->counts.sent++;
	rv = wire_write(&link->wire, bytes.p, bytes.n);
	if (rv == YT_EIO)
		link_close_as(link, LANE_NOT_SENT, "connection was broken before anything was written");
	else if (rv != 0)
		link_close(link, "connection broke while it was written");
}

/* The party may have hung up while nobody listened: a request must not be written into that.  Nor may an answer that
 * nobody asked for lie there already: it would be taken for the answer to this request. */
bool link_is_stale(struct link *link)
{
	char c;
	ssize_t n;
	int fd;

	if (SSL_has_pending(link->wire.ssl))
		return true; /* half a record of it has been read */
	if (!link->was_used && lane_now_ms(link->lane) - link->idle_since_ms < STALE_MS)
		return false;
	if (uv_fileno((uv_handle_t *)&link->wire.tcp, &fd) != 0)
		return true;
	n = recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT);
	return n >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

/* ---- answers ---- */

void link_idle(struct link *link)
{
	const struct lane_conf *conf = &link->lane->conf;
	uint32_t rest_ms = link_is_to_beat(link) ? conf->framing.heartbeat_ms : conf->idle_ms;

	link->idle_since_ms = lane_now_ms(link->lane);
	link_move(link, IDLE, link->idle_since_ms + (link->lane->drains ? 0 : rest_ms));
}

/* The link can be used again before its answer is told, so that done() may send on it. */
void link_answered(struct link *link, struct lane_result *result, bool is_used_up)
{
	struct lane *lane = link->lane;
	uint64_t id = link->id;

	result->late = link->phase == LATE;
	result->took_ms = lane_now_ms(lane) - link->sent_ms;
	link_idle(link);
	/* More octets than the answer, be they still encrypted, or an answer to half a request: its end cannot be
	 * trusted, and the next request must not get what is left over for its answer. */
	if (is_used_up || link->wire.writing || wire_has_input(&link->wire))
		link_close(link, "used up");
	if (!result->late)
		lane_count(lane, LANE_ANSWERED);
	lane->done(lane->arg, id, result);
	lane_dispatch(lane);
}

static void link_answered_by_http(struct link *link)
{
	struct http1 *h = link->intake;
	struct lane_result result = { .end = LANE_ANSWERED,
		.status = h->status,
		.body = h->body,
		.headers = h->fields,
		.n_headers = h->n_fields,
		.why = "answered" };

	link->intake = NULL;
	link_answered(link, &result, !h->keep_alive || http1_is_followed(h));
	http1_give(&link->lane->intakes, h);
}

void link_refused(struct link *link)
{
	const char *why = tls_why(link->wire.ssl);

	back_off(link->lane, why);
	link_close_as(link, LANE_NOT_SENT, why);
}

void link_ended(struct link *link, bool clean)
{
	struct lane *lane = link->lane;

	if (link->phase == HANDSHAKE) {
		link_failed(link, tls_why(link->wire.ssl));
	} else if (!clean && tls_was_refused(link->wire.ssl)) {
		link_refused(link);
	} else if (clean && link->intake != NULL && http1_feed(link->intake, 0) == HTTP1_UNTIL_CLOSE) {
		http1_close(link->intake);
		link_answered_by_http(link);
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
		link_answered_by_http(link);
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
		link->idle_since_ms = lane_now_ms(link->lane); /* found well just now */
	else if (n < 0 && tls_was_refused(link->wire.ssl))
		link_refused(link);
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
	lane->shares = tls_speaks_http2(link->wire.ssl);
	if (lane->shares) {
		if (!link_share(link))
			link_failed(link, "out of memory");
		return link->phase == SHARED;
	}
	link_idle(link);
	if (wire_has_input(&link->wire))
		return true; /* it is looked at before a request leaves: it cannot be the answer to one */
	lane_dispatch(lane);
	return false;
}

static void on_input(struct wire *wire)
{
	struct link *link = (struct link *)wire;
	bool more = true;

	if (link->phase == HANDSHAKE)
		more = link_handshake(link);
	if (more && link->phase == SHARED)
		link_shared_input(link);
	while (more && (link->phase == IDLE || link->phase == BUSY || link->phase == LATE || link->phase == BEAT)) {
		more = link->phase == IDLE           ? link_read_idle(link)
		       : lane_has_frames(link->lane) ? link_read_frames(link)
		                                     : link_read(link);
		more = more && link->phase != CLOSING && wire_has_input(wire);
	}
}

static void on_end(struct wire *wire)
{
	link_ended((struct link *)wire, false);
}

static void on_drained(struct wire *wire)
{
	struct link *link = (struct link *)wire;

	if (link->phase == SHARED)
		link_shared_drained(link);
	/* else the answer tells, not the socket */
}

static void on_closed(struct wire *wire)
{
	struct link *link = (struct link *)wire;
	struct lane *lane = link->lane;

	http1_give(&lane->intakes, link->intake);
	http2_free(link->h2, "closed");
	yt_buf_free(&link->frame);
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

const struct wire_events lane_wire_events = { on_input, on_end, on_drained, on_closed };
/* ---- time ---- */

void link_expired(struct link *link)
{
	struct lane *lane = link->lane;

	switch (link->phase) {
	case CONNECTING:
	case HANDSHAKE:
		link_failed(link, "connect took too long");
		break;
	case BUSY:
		if (lane_has_frames(lane)) { /* nothing in an answer says which request it is for */
			link_close_as(link, LANE_TIMED_OUT, "no answer in time");
			break;
		}
		lane_tell_later(lane, link->id, LANE_TIMED_OUT, "no answer in time");
		link_move(link, LATE, lane_now_ms(lane) + lane->conf.late_ms);
		break;
	case SHARED:
		link_shared_expired(link);
		break;
	case IDLE:
		if (link_is_to_beat(link)) {
			link_beat(link);
			break;
		}
		wire_finish(&link->wire);
		link_close(link, "idle for too long");
		break;
	case BEAT:
		yt_log(YT_WARN, "net", "%s: a heartbeat was not answered in time: its connection is closed",
		        lane->name);
		link_close(link, "no answer to a heartbeat");
		break;
	default:
		link_close(link, "no late answer");
		break;
	}
}
