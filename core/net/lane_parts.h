/* core/net/lane_parts.h - what the parts of a lane share; nobody else includes it.
 *
 *   lane.c       who waits: the queue, who goes on which link, the clock, what is told
 *   lane_link.c  one connection (link): connecting, one request, its answer
 *   lane_http2.c the same in HTTP/2: many requests
 *   lane_frames.c the same in frames of the party's format: heartbeats, one answer
 */
#ifndef YT_NET_LANE_PARTS_H
#define YT_NET_LANE_PARTS_H

#include "net/http1.h"
#include "net/http2.h"
#include "net/lane.h"
#include "net/tls.h"
#include "net/wire.h"

enum {
	HEAD_BYTES = 16 * 1024, /* of an answer */
	HEAD_FIELDS = 100
};

enum phase { CONNECTING, HANDSHAKE, IDLE, BUSY, LATE, BEAT, SHARED, CLOSING };

struct link {
	struct wire wire; /* first: a wire's event finds its link */
	struct lane *lane;
	struct link *prev, *next;           /* all of the lane's */
	struct link *idle_prev, *idle_next; /* the idle ones, last used first */
	struct http1 *intake;
	struct http2 *h2;    /* SHARED: its requests */
	struct yt_buf frame; /* what has come of the answer, or of a heartbeat's */
	int64_t deadline_ms;
	int64_t idle_since_ms;
	uint64_t id; /* of the request, BUSY and LATE */
	int64_t sent_ms;
	enum phase phase;
	uv_getaddrinfo_t resolve;
	uv_connect_t connect;
	struct addrinfo *addresses, *address; /* all found, the one being tried */
	bool resolving, wire_gone;
	bool was_used; /* a request was on it before */
};

struct job {
	struct job *prev, *next;
	uint64_t id;
	int64_t deadline_ms;
	uint32_t tries; /* that the party has surely not looked at */
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
	struct http2_env h2;
	bool shares; /* the party speaks HTTP/2, as far as we know: one connection may do for all who wait */
	uint32_t n_shared;
	struct yt_buf plain; /* a request being put together */
	struct yt_buf heartbeat;
	struct link *links, *idle;
	uint32_t n_links, n_connecting, n_busy; /* without those that are closing */
	uint32_t n_handles;
	struct job *first, *last;
	uint32_t n_queued;
	uint32_t tries; /* of the request that is being sent */
	struct ending *waiting;
	size_t n_waiting, cap_waiting;
	int64_t next_check_ms;
	int64_t backoff_until_ms;
	uint32_t backoff_ms;
	uint64_t jitter;
	const char *down_why; /* what the last connect failed with */
	bool closing;
	bool drains; /* what rests is closed at once */
	struct lane_state counts;
};

/* ---- lane.c ---- */

void lane_count(struct lane *lane, enum lane_end end);
/* Every end but an answer goes this way: not inside of lane_send(), and never while a list is walked. */
void lane_tell_later(struct lane *lane, uint64_t id, enum lane_end end, const char *why);
int64_t lane_now_ms(const struct lane *lane);
void lane_check_by(struct lane *lane, int64_t deadline_ms); /* the clock looks no later than that */
void lane_queue_again(struct lane *lane, struct job *job);  /* before all others; the lane's from here on */
void lane_queue_fail(struct lane *lane, const char *why);   /* all that wait end as LANE_NOT_SENT */
void lane_dispatch(struct lane *lane);                      /* those who wait go where there is room */
void lane_unref(struct lane *lane);                         /* frees it when the last handle is gone */

/* ---- lane_link.c ---- */

extern const struct wire_events lane_wire_events;
void link_open(struct lane *lane);
void link_send(struct link *link, uint64_t id, int64_t deadline_ms, struct yt_str bytes);
bool link_is_stale(struct link *link);               /* the party may have hung up */
void link_expired(struct link *link);                /* its deadline has come */
void link_close(struct link *link, const char *why); /* a request that was on it is lost */
/* TLS 1.3 is over for us before the party has seen our certificate: this is a connect that failed, only later. */
void link_refused(struct link *link);
void link_move(struct link *link, enum phase phase, int64_t deadline_ms);
void link_idle(struct link *link); /* it can carry the next request */
/* The answer is whole: the link is idle again, or closed where nobody can tell any more whose answer comes next
 * (is_used_up); then it is told.  Sets late and took_ms. */
void link_answered(struct link *link, struct lane_result *result, bool is_used_up);
void link_ended(struct link *link, bool clean); /* the end of what the party sends; clean: by close_notify */

/* ---- lane_frames.c ---- */

static inline bool lane_has_frames(const struct lane *lane)
{
	return lane->conf.framing.next != NULL;
}
bool link_read_frames(struct link *link);      /* reads once; false: nothing more now */
bool link_is_to_beat(const struct link *link); /* when it has rested for long: rather than to be closed */
void link_beat(struct link *link);

/* ---- lane_http2.c ---- */

int lane_http2_init(struct lane *lane, const struct lane_conf *conf);
bool link_share(struct link *link); /* after the handshake; false: out of memory */
void link_shared_input(struct link *link);
void link_shared_drained(struct link *link);
void link_shared_expired(struct link *link);
bool link_has_room(struct link *link);
void link_send_shared(struct link *link, uint64_t id, int64_t deadline_ms, struct yt_str bytes);

#endif
