/* core/process/keeper_process_workers.c - the keeper's side of the workers' rings: read into the machine, answered, and
 * closed when the worker is dead and its ring is read.
 *
 * A ring is hostile input: nonsense on it has the worker killed (CHANNEL_KILL). */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "process/control.h"
#include "process/keeper_process.h"
#include "process/process.h"

struct unsent { /* a message that did not fit into a worker's ring */
	struct talk talk;
	struct yt_buf payload;
	struct unsent *prev, *next;
};

/* -- telling workers ---------------------------------------------------------------------------- */

struct kp_worker *kp_worker_of(struct keeper_process *p, uint32_t id)
{
	struct kp_worker *w;

	DL_FOREACH(p->workers, w)
	{
		if (w->id == id)
			return w;
	}
	return NULL;
}

static void queue_unsent(struct kp_worker *w, const struct talk *talk)
{
	struct unsent *u = calloc(1, sizeof(*u));

	YT_REQUIRE(u != NULL);
	yt_buf_str(&u->payload, talk->payload);
	YT_REQUIRE(!u->payload.failed);
	u->talk = *talk;
	u->talk.payload = yt_buf_view(&u->payload);
	DL_APPEND(w->unsent, u);
}

void kp_tell(void *ctx, uint32_t worker, const struct talk *talk)
{
	struct keeper_process *p = ctx;
	struct kp_worker *w = kp_worker_of(p, worker);

	if (w == NULL || w->gone)
		return;
	if (talk->kind == DOWN_WELCOME) { /* a keeper after us must know it, whatever the worker has read by then */
		atomic_store(&w->area.board->incarnation, (uint32_t)talk->exchange);
		control_mark_worker(p, w); /* its doors open with this */
	}
	if (w->unsent != NULL || ring_put(w->area.down, w->area.ring_bytes, talk, w->wake_worker) != 0)
		queue_unsent(w, talk);
}

void kp_send_unsent(struct kp_worker *w)
{
	struct unsent *u;

	while ((u = w->unsent) != NULL && ring_put(w->area.down, w->area.ring_bytes, &u->talk, w->wake_worker) == 0) {
		DL_DELETE(w->unsent, u);
		yt_buf_free(&u->payload);
		free(u);
	}
}

/* -- rings -------------------------------------------------------------------------------------- */

void kp_tell_kill(struct keeper_process *p, struct kp_worker *w)
{
	struct channel_msg *msg = &p->out;

	memset(msg, 0, offsetof(struct channel_msg, text));
	msg->kind = CHANNEL_KILL;
	msg->worker = w->id;
	msg->n_text = 0;
	w->kill_told = channel_send(FD_CHANNEL, msg) == 0;
}

static void kill_worker(struct keeper_process *p, struct kp_worker *w)
{
	yt_log(YT_ERROR, "keeper", "worker %u: nonsense on its ring; it is to be killed", w->id);
	w->gone = true;
	kp_tell_kill(p, w);
}

/* Reads and refusals go on for ever while a disk is full: they must not eat the reserve. */
static bool is_dropped(struct keeper_process *p, struct kp_worker *w, const struct talk *talk)
{
	if (talk->kind != UP_NOTE)
		return false;
	if (!kp_is_short_of_room(p)) {
		p->drops_notes = false;
		return false;
	}
	if (!rec_may_be_lost(talk->payload))
		return false;
	if (!p->drops_notes)
		yt_log(YT_WARN, "keeper", "queries and refusals are not written down until the journal has room again");
	p->drops_notes = true;
	w->n_dropped++;
	return true;
}

/* Reads all that is on its ring; true if there was anything.  Nonsense ends the worker. */
bool kp_drain(struct keeper_process *p, struct kp_worker *w)
{
	uint64_t from = w->up.at;
	struct talk talk;
	int rv;

	while (!w->gone && keeper_pending_bytes(p->keeper) < p->drain_bytes &&
	        (rv = ring_get(&w->up, &talk)) != YT_ENOTFOUND) {
		if (rv == 0 && is_dropped(p, w, &talk))
			continue;
		if (rv == 0)
			rv = keeper_message(p->keeper, w->id, &talk);
		if (rv != 0)
			kill_worker(p, w);
		else if (talk.kind == UP_BEGIN || talk.kind == UP_END)
			p->n_waiting++;
	}
	return w->up.at != from;
}

bool kp_drain_all(struct keeper_process *p, bool stays_awake)
{
	struct kp_worker *w;
	bool any = false;

	DL_FOREACH(p->workers, w)
	{
		w->up.stays_awake = stays_awake;
		any = kp_drain(p, w) || any;
	}
	return any;
}

static void on_ring(uv_poll_t *poll, int status, int events)
{
	struct kp_worker *w = poll->data;
	uint64_t n;

	if (read(w->wake_keeper, &n, sizeof(n)) < 0)
		n = 0;
	kp_turn(w->process);
}

/* -- workers ------------------------------------------------------------------------------------ */

void kp_add_worker(struct keeper_process *p, const struct channel_msg *msg)
{
	struct kp_worker *w = calloc(1, sizeof(*w));

	YT_REQUIRE(w != NULL);
	if (msg->n_fds != 3 || area_map(&w->area, msg->fds[0]) != 0) {
		yt_log(YT_ERROR, "keeper", "worker %u: its shared memory cannot be used", msg->worker);
		free(w);
		return;
	}
	close(msg->fds[0]);
	w->id = msg->worker;
	w->pid = msg->pid;
	w->generation = msg->generation;
	w->wake_keeper = msg->fds[1];
	w->wake_worker = msg->fds[2];
	w->process = p;
	ring_reader_init(&w->up, w->area.up, w->area.ring_bytes);
	w->taken_to = w->up.at;
	DL_APPEND(p->workers, w);
	control_mark_worker(p, w); /* one that outlived a keeper; a new one has no names yet */
	keeper_worker_up(p->keeper, w->id, atomic_load(&w->area.board->incarnation));
	uv_poll_init(p->loop, &w->poll, w->wake_keeper);
	w->poll.data = w;
	uv_poll_start(&w->poll, UV_READABLE, on_ring);
}

static void on_worker_closed(uv_handle_t *handle)
{
	struct kp_worker *w = handle->data;
	struct unsent *u, *next;

	DL_FOREACH_SAFE(w->unsent, u, next)
	{
		yt_buf_free(&u->payload);
		free(u);
	}
	close(w->wake_keeper);
	close(w->wake_worker);
	ring_reader_free(&w->up);
	area_unmap(&w->area);
	free(w);
}

/* Those that are dead and reaped: what they still had on their rings counts, then their legs are unknown. */
void kp_remove_dead(struct keeper_process *p)
{
	struct kp_worker *w, *next;

	DL_FOREACH_SAFE(p->workers, w, next)
	{
		if (!w->dead || (!w->gone && !ring_is_empty(&w->up)) || p->n_buried == BURIED_MAX)
			continue;
		keeper_worker_gone(p->keeper, w->id);
		DL_DELETE(p->workers, w);
		p->buried[p->n_buried++] = w->id;
		uv_close((uv_handle_t *)&w->poll, on_worker_closed);
	}
}
