/* core/process/supervisor_workers.c - worker processes: started, told to drain, buried.
 *
 * Each gets shared memory of its own (ring.c), which outlives it until the keeper says that what was on it is on disk.
 * What it was handling when it was killed goes to the keeper, and into quarantine. */
#include <errno.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "process/supervisor_parts.h"
#include "process/meters.h"

#define QUARANTINE_MS (10 * 60 * 1000)
#define KILL_GRACE_MS 5000
#define UNBURIED_MAX 64 /* dead workers whose last words are not written down */

void worker_bury(struct member *m)
{
	DL_DELETE(sup.members, m);
	area_unmap(&m->area);
	close(m->area_fd);
	close(m->wake_keeper);
	close(m->wake_worker);
	free(m->crash);
	free(m);
}

/* What it was handling when it died: to the keeper, and not to be decoded again for a while. */
static void read_black_box(struct member *m)
{
	const struct box *b = box_of_death(&m->area.board->boxes);
	struct quarantine *q = sup.quarantine;
	uint32_t n_octets, at;
	char plugin[32], what[32];

	if (b == NULL)
		return;
	n_octets = b->n_octets < BOX_OCTETS ? b->n_octets : BOX_OCTETS;
	snprintf(plugin, sizeof(plugin), "%.31s", b->plugin);
	snprintf(what, sizeof(what), "%.31s", b->what);
	yt_log(YT_ERROR, "supervisor", "worker %u died in plugin %s, %s, exchange %016llx", m->slot, plugin, what,
	        (unsigned long long)b->exchange);
	supervisor_begin_msg(CHANNEL_CRASHED);
	sup.msg.worker = m->id;
	sup.msg.number = b->exchange;
	at = (uint32_t)snprintf(sup.msg.text, sizeof(sup.msg.text), "%s", plugin) + 1;
	at += (uint32_t)snprintf(sup.msg.text + at, sizeof(sup.msg.text) - at, "%s", what) + 1;
	memcpy(sup.msg.text + at, b->octets, n_octets);
	sup.msg.n_text = at + n_octets;
	m->crash = supervisor_keep_msg();
	supervisor_tell();
	at = atomic_load(&q->n) % QUARANTINE_SLOTS;
	EVP_Digest(b->octets, n_octets, q->slot[at].digest, NULL, EVP_sha256(), NULL);
	q->slot[at].until_mono_ms = yt_mono_ms() + QUARANTINE_MS;
	atomic_fetch_add(&q->n, 1);
}

struct member *worker_of(uint32_t id)
{
	struct member *m;

	DL_FOREACH(sup.members, m)
	{
		if (m->id == id)
			return m;
	}
	return NULL;
}

static bool lives(uint32_t generation)
{
	struct member *m;

	DL_FOREACH(sup.members, m)
	{
		if (m->alive && m->generation == generation)
			return true;
	}
	return false;
}

static void on_worker_exit(uv_process_t *process, int64_t status, int signal_number)
{
	struct member *m = process->data;
	struct slot *slot = m->slot < sup.n_slots ? &sup.slots[m->slot] : NULL;

	m->alive = false;
	uv_close((uv_handle_t *)process, NULL);
	if (signal_number != 0 || status != 0)
		meters_all()->worker_deaths++;
	if (signal_number != 0 || status != 0)
		yt_log(YT_ERROR, "supervisor", "worker %u (generation %u) ended: %s %d", m->slot, m->generation,
		        signal_number != 0 ? "signal" : "status", signal_number != 0 ? signal_number : (int)status);
	if (signal_number != 0)
		read_black_box(m);
	supervisor_tell_about(m, CHANNEL_WORKER_GONE);
	if (m->generation != sup.generation && !lives(m->generation))
		reload_remove(m->generation);
	if (!sup.was_up && signal_number == 0 && status == 2 && !sup.stopping) {
		supervisor_give_up("a worker cannot start");
		return;
	}
	if (sup.stopping || m->drains || m->generation != sup.generation || slot == NULL)
		return;
	slot->start_at = supervisor_restart_at(&slot->young_deaths, slot->started_at);
	if (slot->start_at <= yt_mono_ms())
		worker_start(m->slot); /* its clients wait: not at the next tick */
}

static struct member *member_new(uint32_t slot)
{
	struct member *m = calloc(1, sizeof(*m));

	YT_REQUIRE(m != NULL);
	m->id = ++sup.next_id;
	m->slot = slot;
	m->generation = sup.generation;
	m->area_fd = area_make(sup.conf->limits.ring_mib);
	m->wake_keeper = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	m->wake_worker = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (m->area_fd < 0 || m->wake_keeper < 0 || m->wake_worker < 0 || area_map(&m->area, m->area_fd) != 0) {
		yt_log(YT_ERROR, "supervisor", "no shared memory for a worker: %s", strerror(errno));
		free(m);
		return NULL;
	}
	return m;
}

uint32_t workers_count(bool dead_only)
{
	struct member *m;
	uint32_t n = 0;

	DL_FOREACH(sup.members, m)
	n += !dead_only || !m->alive;
	return n;
}

/* Workers that die faster than a keeper can write down what was on their rings must wait for it. */
static bool may_start(struct slot *slot)
{
	if (workers_count(true) < UNBURIED_MAX)
		return true;
	if (!sup.waits_for_keeper)
		yt_log(YT_ERROR, "supervisor",
		        "%u dead workers wait for the keeper to write down their last words; no more are "
		        "started meanwhile",
		        workers_count(true));
	sup.waits_for_keeper = true;
	slot->start_at = yt_mono_ms() + 1000;
	return false;
}

void worker_start(uint32_t s)
{
	struct slot *slot = &sup.slots[s];
	struct member *m;
	char slot_text[16], generation_text[16], pid_text[16];
	char *args[] = { "yitongd", "worker", sup.active_file, pid_text, slot_text, generation_text, NULL };
	int fds[5 + LISTENERS_MAX], rv;
	uint32_t i;

	if (!may_start(slot))
		return;
	m = member_new(s);
	sup.waits_for_keeper = false;
	slot->start_at = 0;
	slot->started_at = yt_mono_ms();
	if (m == NULL) {
		slot->start_at = yt_mono_ms() + 1000;
		return;
	}
	snprintf(pid_text, sizeof(pid_text), "%d", (int)getpid());
	snprintf(slot_text, sizeof(slot_text), "%u", s);
	snprintf(generation_text, sizeof(generation_text), "%u", sup.generation);
	fds[0] = m->area_fd;
	fds[1] = m->wake_keeper;
	fds[2] = m->wake_worker;
	fds[3] = sup.quarantine_fd;
	fds[4] = sup.meters_fd;
	for (i = 0; i < sup.conf->n_listeners; i++)
		fds[5 + i] = slot->fds[i];
	m->process.data = m;
	DL_APPEND(sup.members, m);
	rv = supervisor_spawn(&m->process, args, fds, (int)(5 + sup.conf->n_listeners), on_worker_exit);
	if (rv != 0) {
		yt_log(YT_ERROR, "supervisor", "a worker cannot be started: %s", uv_strerror(rv));
		slot->start_at = yt_mono_ms() + 1000;
		worker_bury(m);
		return;
	}
	m->alive = true;
	supervisor_tell_up(m);
}

void worker_drain(struct member *m)
{
	if (!m->alive || m->drains)
		return;
	m->drains = true;
	m->kill_at = yt_mono_ms() + sup.conf->gateway.drain_ms + KILL_GRACE_MS;
	supervisor_tell_about(m, CHANNEL_WORKER_DRAINS);
	uv_process_kill(&m->process, SIGTERM);
}

/* When every worker of the newest generation is welcome, those of older ones drain. */
void workers_watch_generations(void)
{
	struct member *m;
	uint32_t up = 0;

	DL_FOREACH(sup.members, m)
	{
		if (m->alive && m->generation == sup.generation && atomic_load(&m->area.board->incarnation) != 0)
			up++;
	}
	if (up < sup.n_slots || sup.stopping)
		return;
	if (!sup.announced) {
		sup.announced = true;
		sup.was_up = true;
		yt_log(YT_INFO, "supervisor", "ready: generation %u, %u workers", sup.generation, up);
	}
	DL_FOREACH(sup.members, m)
	{
		if (m->generation != sup.generation)
			worker_drain(m);
	}
}

bool workers_are_dead(void)
{
	struct member *m;

	DL_FOREACH(sup.members, m)
	{
		if (m->alive)
			return false;
	}
	return true;
}

/* A worker that is stuck holds its share of the clients, and a new keeper waits for its word. */
void workers_watch_beats(int64_t passed_ms)
{
	int64_t most_ms = sup.conf->gateway.heartbeat_ms;
	struct member *m;

	if (passed_ms > 10 * TIMER_MS)
		passed_ms = 10 * TIMER_MS; /* we stood still ourselves, perhaps all of us */
	DL_FOREACH(sup.members, m)
	{
		uint32_t beats = atomic_load(&m->area.board->beats);

		m->silent_ms = beats == m->beats ? m->silent_ms + passed_ms : 0;
		m->beats = beats;
		if (!m->alive || most_ms == 0 || m->silent_ms < most_ms)
			continue;
		yt_log(YT_ERROR, "supervisor", "worker %u (generation %u) has stood still for %lld ms; it is killed",
		        m->slot, m->generation, (long long)m->silent_ms);
		uv_process_kill(&m->process, SIGKILL);
		m->silent_ms = 0;
	}
}
