/* core/process/keeper_process.c - the keeper: rings, commit thread, index thread and machine wired together.
 *
 * One loop.  A worker's eventfd or a finished commit wakes it; it drains the rings into the machine
 * (journal/keeper.c), hands what the machine gathered to the committer when that is idle, and when it is
 * durable lets the machine tell the workers and gives the ring slots back.  No decisions here.
 *
 * A commit and the wake-ups around it cost more than what is in it.  So a commit that had several waiters is
 * followed by a pause (GATHER_US) in which the next ones gather, and while one is out or gathering no worker
 * wakes us: we look again when it is over.  A lone message never waits.
 *
 * Start: open the log (which recovers it), feed the index to its end, load what is open from the index,
 * then serve.  The supervisor's channel brings workers with their shared memory. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>
#include <uv.h>

#include "format/keys.h"
#include "journal/keeper.h"
#include "journal/seal.h"
#include "journal/verify.h"
#include "process/channel.h"
#include "process/committer.h"
#include "process/control.h"
#include "process/indexer.h"
#include "process/keeper_process.h"
#include "process/process.h"

#define FLUSH_MS 50         /* what nobody waits for is written at least this often */
#define GATHER_US 2000      /* under load a commit begins so long after the one before it, not sooner */

struct unsent { /* a message that did not fit into a worker's ring */
	struct talk talk;
	struct yt_buf payload;
	struct unsent *prev, *next;
};

/* -- telling workers ---------------------------------------------------------------------------- */

static struct kp_worker *worker_of(struct keeper_process *p, uint32_t id)
{
	struct kp_worker *w;

	DL_FOREACH(p->workers, w) {
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

static void world_tell(void *ctx, uint32_t worker, const struct talk *talk)
{
	struct keeper_process *p = ctx;
	struct kp_worker *w = worker_of(p, worker);

	if (w == NULL || w->gone)
		return;
	if (talk->kind == DOWN_WELCOME) /* a keeper after us must know it, whatever the worker has read by then */
		atomic_store(&w->area.board->incarnation, (uint32_t)talk->exchange);
	if (w->unsent != NULL || ring_put(w->area.down, w->area.ring_bytes, talk, w->wake_worker) != 0)
		queue_unsent(w, talk);
}

static void send_unsent(struct kp_worker *w)
{
	struct unsent *u;

	while ((u = w->unsent) != NULL && ring_put(w->area.down, w->area.ring_bytes, &u->talk, w->wake_worker) == 0) {
		DL_DELETE(w->unsent, u);
		yt_buf_free(&u->payload);
		free(u);
	}
}

/* -- the machine's world ------------------------------------------------------------------------ */

static int64_t world_wall(void *ctx)
{
	return yt_wall_ms();
}

static int64_t world_mono(void *ctx)
{
	return yt_mono_ms();
}

static int world_find(void *ctx, struct yt_str institution, struct yt_str number, struct exchange *x)
{
	struct keeper_process *p = ctx;
	int rv = index_find(p->index_reader, institution, number, x);

	if (rv != 0 && rv != YT_ENOTFOUND && !p->find_failed)
		yt_log(YT_ERROR, "keeper", "the index cannot be read: %s; state changes are refused until it can", yt_strerror(rv));
	p->find_failed = rv != 0 && rv != YT_ENOTFOUND;
	return rv;
}

struct fetching {
	uint64_t exchange;
	enum rec_tag tag;
	struct yt_buf *out;
	bool found;
};

static int fetch_each(void *arg, const struct rec *rec, log_pos pos)
{
	struct fetching *f = arg;
	struct yt_str value;

	if (rec->exchange != f->exchange)
		return 0;
	value = rec_get(rec, f->tag);
	if (value.n == 0)
		return 0;
	yt_buf_clear(f->out); /* the last one of the commit counts */
	yt_buf_str(f->out, value);
	f->found = true;
	return 0;
}

static int world_fetch(void *ctx, log_pos pos, uint64_t exchange, enum rec_tag tag, struct yt_buf *out)
{
	struct keeper_process *p = ctx;
	struct fetching f = { exchange, tag, out, false };
	int rv = log_read(&p->io, &p->log_conf, pos, fetch_each, &f);

	if (rv != 0)
		return rv;
	return f.found && !out->failed ? 0 : YT_ENOTFOUND;
}

/* What is left is for finishing what was taken on. */
static bool is_short_of_room(const struct keeper_process *p)
{
	return log_room(p->log) < p->reserve_bytes || p->full;
}

const char *keeper_closed(const struct keeper_process *p)
{
	if (p->finishing)
		return "the gateway is stopping";
	if (!indexer_is_usable(p->indexer) || p->find_failed)
		return "the index is not usable";
	if (log_end(p->log) - indexer_position(p->indexer) > p->index_lag_max)
		return "the index is too far behind";
	if (is_short_of_room(p))
		return "the journal's disk is full";
	return NULL;
}

/* One line for each exchange that does not go the plain way, and for what became of it. */
static void world_changed(void *ctx, const struct exchange *x, enum exchange_state before)
{
	const struct yt_op *op = yt_op(x->op);
	const char *what = NULL;

	(void)ctx;
	if (x->state == X_UNKNOWN && before != X_PARKED)
		what = "its outcome is unknown";
	else if (x->state == X_REVERSING)
		what = "it is being reversed";
	else if (x->state == X_REVERSED)
		what = "it is reversed, its effect is proved undone";
	else if (x->state == X_PARKED)
		what = "it is parked and waits for an operator";
	else if (before == X_UNKNOWN || before == X_REVERSING || before == X_PARKED)
		what = x->state == X_DONE ? "it is found out: it took effect" : x->state == X_REFUSED ? "it is found out: no effect" : NULL;
	if (what != NULL)
		yt_log(YT_INFO, "keeper", "exchange %016llx (%s at %s, trace %s): %s", (unsigned long long)x->id,
			op != NULL ? op->name : x->wire_op, x->party[0] != 0 ? x->party : "no party", x->trace, what);
}

static const char *world_closed(void *ctx)
{
	return keeper_closed(ctx);
}

/* -- commits ------------------------------------------------------------------------------------ */

/* What dead workers had on their rings is on disk: the supervisor may drop their shared memory. */
static void send_buried(struct keeper_process *p, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		memset(&p->out, 0, offsetof(struct channel_msg, text));
		p->out.kind = CHANNEL_BURIED;
		p->out.worker = p->buried[i];
		p->out.n_text = 0;
		if (channel_send(FD_CHANNEL, &p->out) != 0)
			break; /* another turn sends the rest */
	}
	memmove(p->buried, p->buried + i, (p->n_buried - i) * sizeof(p->buried[0]));
	p->n_buried -= i;
	p->n_buried_taken -= i < p->n_buried_taken ? i : p->n_buried_taken;
}

static void tell_durable(struct keeper_process *p, log_pos pos)
{
	struct kp_worker *w;

	keeper_committed(p->keeper, pos);
	DL_FOREACH(p->workers, w)
		ring_release(&w->up, w->taken_to);
	send_buried(p, p->n_buried_taken);
}

static int64_t mono_us(void)
{
	return (int64_t)(uv_hrtime() / 1000);
}

static void on_gathered(uv_timer_t *timer)
{
	kp_turn(timer->data);
}

/* True while the next commit gathers; on_gathered() follows. */
static bool must_gather(struct keeper_process *p)
{
	if (!p->is_crowded || mono_us() - p->committed_at_us >= GATHER_US)
		return false;
	if (!uv_is_active((uv_handle_t *)&p->gather)) {
		uv_update_time(p->loop);
		uv_timer_start(&p->gather, on_gathered, (GATHER_US + 999) / 1000, 0);
	}
	return true;
}

/* Hands over what is gathered if somebody waits for it, or if it has waited long enough itself. */
static void commit_if_ready(struct keeper_process *p)
{
	struct yt_str records;
	struct kp_worker *w;
	bool urgent;

	if (!committer_is_idle(p->committer) || p->full)
		return;
	if (!keeper_has_pending(p->keeper, &urgent)) {
		DL_FOREACH(p->workers, w) /* all that was read needed no writing down */
			ring_release(&w->up, w->up.at);
		send_buried(p, p->n_buried);
		return;
	}
	if (urgent ? must_gather(p) : yt_mono_ms() < p->flush_at)
		return;
	p->committed_at_us = mono_us();
	p->is_crowded = p->n_waiting > 1;
	p->n_waiting = 0;
	keeper_take(p->keeper, &records);
	DL_FOREACH(p->workers, w)
		w->taken_to = w->up.at;
	p->taken = records;
	p->flush_at = yt_mono_ms() + FLUSH_MS;
	p->n_buried_taken = p->n_buried;
	if (records.n == 0)
		tell_durable(p, log_end(p->log)); /* verdicts that needed no writing down */
	else
		committer_start(p->committer, records);
}

void kp_committed(void *arg, int result, log_pos pos)
{
	struct keeper_process *p = arg;

	if (result == YT_ENOSPC) { /* nothing was written: the same again when there is room */
		yt_log(YT_ERROR, "keeper", "the journal's disk is full; waiting for room");
		p->full = true;
		return;
	}
	if (result == YT_ELIMIT)
		yt_log(YT_ERROR, "keeper", "%zu bytes that belong together are more than a segment holds: raise "
			"journal.segment_mib and start yitongd again", p->taken.n);
	if (result != 0) { /* after a failed sync nothing here can be believed (design 7) */
		yt_log(YT_ERROR, "keeper", "the journal could not be written (%s); the keeper ends", yt_strerror(result));
		_exit(3);
	}
	p->n_commits++;
	tell_durable(p, pos);
	control_durable(p);
	kp_turn(p);
}

static void retry_full(struct keeper_process *p)
{
	if (!p->full || !committer_is_idle(p->committer) || log_room(p->log) < p->taken.n)
		return;
	p->full = false;
	yt_log(YT_INFO, "keeper", "the journal's disk has room again");
	committer_start(p->committer, p->taken);
}

/* -- rings -------------------------------------------------------------------------------------- */

static void tell_kill(struct keeper_process *p, struct kp_worker *w)
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
	tell_kill(p, w);
}

/* Reads and refusals go on for ever while a disk is full: they must not eat the reserve. */
static bool is_dropped(struct keeper_process *p, struct kp_worker *w, const struct talk *talk)
{
	if (talk->kind != UP_NOTE)
		return false;
	if (!is_short_of_room(p)) {
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
static bool drain(struct keeper_process *p, struct kp_worker *w)
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

static bool drain_all(struct keeper_process *p, bool stays_awake)
{
	struct kp_worker *w;
	bool any = false;

	DL_FOREACH(p->workers, w) {
		w->up.stays_awake = stays_awake;
		any = drain(p, w) || any;
	}
	return any;
}

static void remove_dead(struct keeper_process *p);

/* One turn of the wheel: rings, what is due, commits.  Workers need to wake us only when no commit and no
 * gathering is under way, whose end is a turn anyway. */
void kp_turn(struct keeper_process *p)
{
	if (!p->started)
		return; /* before keeper_start() nothing is barred: a ring would be read as if all were new */
	drain_all(p, true);
	remove_dead(p);
	do {
		keeper_tick(p->keeper);
		commit_if_ready(p);
	} while (committer_is_idle(p->committer) && !uv_is_active((uv_handle_t *)&p->gather) && drain_all(p, false));
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

static void add_worker(struct keeper_process *p, const struct channel_msg *msg)
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
	keeper_worker_up(p->keeper, w->id, atomic_load(&w->area.board->incarnation));
	uv_poll_init(p->loop, &w->poll, w->wake_keeper);
	w->poll.data = w;
	uv_poll_start(&w->poll, UV_READABLE, on_ring);
}

static void on_worker_closed(uv_handle_t *handle)
{
	struct kp_worker *w = handle->data;
	struct unsent *u, *next;

	DL_FOREACH_SAFE(w->unsent, u, next) {
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
static void remove_dead(struct keeper_process *p)
{
	struct kp_worker *w, *next;

	DL_FOREACH_SAFE(p->workers, w, next) {
		if (!w->dead || (!w->gone && !ring_is_empty(&w->up)) || p->n_buried == BURIED_MAX)
			continue;
		keeper_worker_gone(p->keeper, w->id);
		DL_DELETE(p->workers, w);
		p->buried[p->n_buried++] = w->id;
		uv_close((uv_handle_t *)&w->poll, on_worker_closed);
	}
}

/* -- start -------------------------------------------------------------------------------------- */

struct loading {
	struct keeper_process *p;
	uint64_t n;
};

static int load_open(void *arg, const struct exchange *x)
{
	struct loading *l = arg;

	keeper_load(l->p->keeper, x);
	l->n++;
	return 0;
}

static int load_record(void *arg, const struct rec *rec, log_pos pos)
{
	struct loading *l = arg;

	keeper_replay(l->p->keeper, rec, pos);
	return 0;
}

static void on_index_progress(void *arg, log_pos at)
{
	struct keeper_process *p = arg;
	int64_t now = yt_mono_ms();

	if (now < p->progress_at)
		return;
	p->progress_at = now + 2000;
	yt_log(YT_INFO, "keeper", "index: at %llu:%llu of %llu:%llu", (unsigned long long)(at >> 32),
		(unsigned long long)(at & 0xffffffffu), (unsigned long long)(log_end(p->log) >> 32),
		(unsigned long long)(log_end(p->log) & 0xffffffffu));
}

static void remove_index(const char *path)
{
	char name[512];

	unlink(path);
	snprintf(name, sizeof(name), "%s-wal", path);
	unlink(name);
	snprintf(name, sizeof(name), "%s-shm", path);
	unlink(name);
}

/* Opens the index and brings it to the log's end; an unusable one is made anew from the log. */
static int open_index(struct keeper_process *p, const char *path)
{
	int rv;

	(void)chmod(path, 0600); /* one of an older version was open to all; its companions follow it */
	rv = index_open(&p->index, path, true);
	if (rv == 0) {
		rv = index_feed(p->index, &p->io, &p->log_conf, log_end(p->log), on_index_progress, p);
		if (rv == 0)
			return 0;
		index_close(p->index);
	}
	yt_log(YT_WARN, "keeper", "the index %s cannot be used (%s); it is rebuilt from the journal", path, yt_strerror(rv));
	remove_index(path);
	rv = index_open(&p->index, path, true);
	if (rv == 0)
		rv = index_feed(p->index, &p->io, &p->log_conf, log_end(p->log), on_index_progress, p);
	return rv;
}

static int open_keys(struct keeper_process *p, const struct conf *conf)
{
	const char *folder = conf->journal.data_keys; /* apart from the journal: see seal.h */
	char why[400] = "";

	if (keys_open(&p->keys, conf->journal.keys, why, sizeof(why)) != 0) {
		yt_log(YT_ERROR, "keeper", "journal keys: %s", why);
		return YT_ECONF;
	}
	if (conf->journal.keys == NULL)
		return 0;
	mkdir(folder, 0700);
	if (yt_io_folder(folder, &p->keys_io) != 0 || seal_open(&p->seal, p->keys, &p->keys_io) != 0 ||
		seal_prepare(p->seal) != 0) {
		yt_log(YT_ERROR, "keeper", "the data keys in %s cannot be used with the master key in %s: give back the master key they were made "
			"under, or start with an empty journal and another journal.data_keys", folder, conf->journal.keys);
		return YT_ECONF;
	}
	p->log_conf.keys = p->seal;
	return 0;
}

static int ignore_record(void *arg, const struct rec *rec, log_pos pos)
{
	return 0;
}

static int open_journal(struct keeper_process *p, const struct conf *conf)
{
	struct log_problem why = { { 0 }, 0, 0, { 0 } };
	struct loading loading = { p, 0 };
	int rv;

	mkdir(conf->journal.folder, 0700);
	if (open_keys(p, conf) != 0 || yt_io_folder(conf->journal.folder, &p->io) != 0)
		return YT_ECONF;
	p->log_conf.segment_bytes = (uint64_t)conf->journal.segment_mib << 20;
	p->log_conf.reserve_segments = conf->journal.reserve_segments;
	rv = log_open(&p->log, &p->log_conf, &p->io, 0, ignore_record, NULL, &why);
	if (rv != 0) {
		yt_log(YT_ERROR, "keeper", "the journal in %s cannot be opened: %s: %s at offset %llu, commit %llu",
			conf->journal.folder, why.file, why.why, (unsigned long long)why.offset,
			(unsigned long long)why.commit_no);
		return rv;
	}
	rv = open_index(p, conf->journal.index);
	if (rv == 0)
		rv = index_open(&p->index_reader, conf->journal.index, false);
	if (rv == 0)
		rv = index_expect_new(p->index_reader);
	if (rv != 0) {
		yt_log(YT_ERROR, "keeper", "the index %s cannot be made: %s", conf->journal.index, yt_strerror(rv));
		return rv;
	}
	rv = index_open_exchanges(p->index, load_open, &loading);
	if (rv == 0)
		rv = index_keeper_records(p->index, load_record, &loading);
	if (rv != 0) { /* what is not loaded would never be found out: made anew at the next start */
		yt_log(YT_ERROR, "keeper", "the index %s cannot be read (%s): it is deleted and made anew", conf->journal.index,
			yt_strerror(rv));
		remove_index(conf->journal.index);
		return rv;
	}
	yt_log(YT_INFO, "keeper", "journal open at commit %llu, %llu exchanges to go on with",
		(unsigned long long)log_commit_no(p->log), (unsigned long long)loading.n);
	return 0;
}

/* On the committing thread. */
static void on_fresh(void *arg, const struct index_commit *commit)
{
	struct keeper_process *p = arg;

	indexer_offer(p->indexer, commit);
}

static void on_indexed(void *arg, log_pos position)
{
	struct keeper_process *p = arg;

	keeper_indexed(p->keeper, position);
}

/* -- housekeeping ------------------------------------------------------------------------------- */

#define CLOCK_STEP_MS 1000
#define RETENTION_EVERY_MS (3600 * 1000)

/* A step of the wall clock is written down: times in the journal are read by it. */
static void watch_clock(struct keeper_process *p)
{
	int64_t offset = yt_wall_ms() - yt_mono_ms(), step = offset - p->clock_offset;
	struct yt_buf buf = { 0 };
	size_t at;

	if (step > -CLOCK_STEP_MS && step < CLOCK_STEP_MS) {
		p->clock_offset = offset; /* slewing is no step */
		return;
	}
	yt_log(YT_WARN, "keeper", "the wall clock stepped by %lld ms", (long long)step);
	at = rec_begin(&buf, REC_CLOCK, 0, 0, yt_wall_ms());
	rec_i64(&buf, REC_T_FROM, yt_wall_ms() - step);
	rec_end(&buf, at);
	keeper_note(p->keeper, yt_buf_view(&buf));
	yt_buf_free(&buf);
	p->clock_offset = offset;
}

/* The position before which all was written before wall_ms, as the signed heads tell (verify.h); 0: none. */
static log_pos position_before(const char *folder, int64_t wall_ms)
{
	char name[512], line[1024];
	unsigned segment, offset;
	log_pos found = 0;
	long long ms;
	FILE *f;

	snprintf(name, sizeof(name), "%s/%s", folder, ANCHOR_FILE);
	f = fopen(name, "r");
	if (f == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%*s %lld %u:%u", &ms, &segment, &offset) == 3 && ms < wall_ms)
			found = (log_pos)segment << 32 | offset;
	}
	fclose(f);
	return found;
}

/* What is past its retention: what is still open of it is carried over, then the segments are dropped. */
static void watch_retention(struct keeper_process *p)
{
	int64_t now = yt_mono_ms();
	bool idle = committer_is_idle(p->committer);
	log_pos before;

	if (p->retire_before != 0 && p->n_commits >= p->retire_after) {
		indexer_retire(p->indexer, p->retire_before);
		p->retire_before = 0;
	}
	if (p->retire_before != 0 || now < p->retention_at || !p->started)
		return;
	p->retention_at = now + RETENTION_EVERY_MS;
	before = position_before(p->folder, yt_wall_ms() - p->retention_ms);
	if (before >> 32 <= 1 || before >> 32 <= p->retired >> 32)
		return; /* no whole segment lies between */
	if (!keeper_carry(p->keeper, before, p->drain_bytes)) {
		p->retention_at = now; /* the rest with the next commits */
		return;
	}
	p->retired = before;
	p->retire_before = before;
	p->retire_after = p->n_commits + (idle ? 1 : 2);
}

/* -- the loop ----------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer)
{
	struct keeper_process *p = timer->data;
	struct kp_worker *w;

	DL_FOREACH(p->workers, w) {
		send_unsent(w);
		if (w->gone && !w->kill_told)
			tell_kill(p, w);
	}
	retry_full(p);
	watch_clock(p);
	watch_retention(p);
	kp_turn(p);
	if (p->reindexing && committer_is_idle(p->committer)) {
		yt_log(YT_INFO, "keeper", "the index is to be rebuilt: the keeper starts again without it");
		remove_index(p->index_path);
		_exit(0);
	}
	if (p->finishing && committer_is_idle(p->committer) && p->workers == NULL) {
		bool urgent;

		if (!keeper_has_pending(p->keeper, &urgent))
			uv_stop(p->loop);
	}
}

static void conf_of_machine(struct keeper_conf *k, const struct conf *conf)
{
	uint32_t i;

	memset(k, 0, sizeof(*k));
	k->serial_from = conf->numbers.serial_from;
	k->serial_to = conf->numbers.serial_to;
	k->reverse_after_ms = conf->resolution.reverse_after_ms;
	k->undelivered_ms = conf->resolution.undelivered_ms;
	k->longest_wait_ms = conf->resolution.retry_max_ms;
	for (i = 0; i < conf->n_parties; i++) {
		int64_t delay = (int64_t)conf->parties[i].late_ms + conf->parties[i].server_delay_ms;

		if (delay > k->longest_wait_ms)
			k->longest_wait_ms = delay;
	}
	k->longest_wait_ms += 1000;
	k->leases = 256;
	k->exchanges = conf->limits.exchanges * conf->gateway.workers * 2;
}

/* The digest of what is active goes into the journal: one sees later which configuration it was. */
static void note_generation(struct keeper_process *p, uint64_t generation, const struct conf *conf)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_GENERATION, 0, 0, yt_wall_ms());

	rec_u32(&buf, REC_T_GENERATION, (uint32_t)generation);
	rec_bytes(&buf, REC_T_DIGEST, conf->digest, sizeof(conf->digest));
	rec_end(&buf, at);
	keeper_note(p->keeper, yt_buf_view(&buf));
	yt_buf_free(&buf);
	p->generation = generation;
}

static struct conf *load_named(const struct channel_msg *msg)
{
	struct conf_errors *errors = calloc(1, sizeof(*errors));
	struct conf *conf = NULL;
	char file[512];

	snprintf(file, sizeof(file), "%.*s", (int)msg->n_text, msg->text);
	if (errors == NULL || conf_load_with(&conf, file, CONF_NO_FILES, errors) != 0)
		yt_log(YT_ERROR, "keeper", "%s cannot be read", file);
	free(errors);
	return conf;
}

/* The rest of journal: changes with a restart only (reload.c). */
static void take_journal(struct keeper_process *p, const struct conf_journal *journal)
{
	p->index_lag_max = (uint64_t)journal->index_lag_mib << 20;
	p->retention_ms = (int64_t)journal->retention_days * 24 * 3600 * 1000;
	committer_set_anchor(p->committer, (int64_t)journal->anchor_s * 1000);
}

static void on_configure(struct keeper_process *p, const struct channel_msg *msg)
{
	struct conf *conf = load_named(msg);
	struct keeper_conf k;

	if (conf == NULL)
		return;
	conf_of_machine(&k, conf);
	keeper_configure(p->keeper, &k);
	take_journal(p, &conf->journal);
	yt_log_setup("keeper", conf->gateway.log_level);
	process_guard(conf->gateway.profile);
	note_generation(p, msg->number, conf);
	conf_free(p->conf);
	p->conf = conf;
}

/* Open exchanges that need what a new configuration drops. */
struct checking {
	const struct conf *now, *next;
	uint64_t n;
	char what[200];
};

static const char *format_of_listener(const struct conf *conf, const char *name)
{
	uint32_t i;

	for (i = 0; i < conf->n_listeners; i++) {
		if (strcmp(conf->listeners[i].name, name) == 0)
			return conf->listeners[i].format;
	}
	return NULL;
}

static const char *format_of_party(const struct conf *conf, const char *name)
{
	const struct conf_party *p = conf_party(conf, yt_str(name));

	return p == NULL ? NULL : p->format;
}

/* Gone, or of another format: what was written down could not be read any more. */
static bool is_lost(const char *now, const char *next)
{
	return next == NULL || (now != NULL && strcmp(now, next) != 0);
}

/* What has no party, listener or institution, as octets that killed a worker, needs none. */
static void check_each(void *arg, const struct exchange *x)
{
	struct checking *c = arg;

	if (x->party[0] != 0 && is_lost(format_of_party(c->now, x->party), format_of_party(c->next, x->party)))
		snprintf(c->what, sizeof(c->what), "party %s in its format", x->party);
	else if (x->listener[0] != 0 &&
		is_lost(format_of_listener(c->now, x->listener), format_of_listener(c->next, x->listener)))
		snprintf(c->what, sizeof(c->what), "listener %s in its format", x->listener);
	else if (x->institution[0] != 0 && conf_institution(c->next, yt_str(x->institution)) == NULL)
		snprintf(c->what, sizeof(c->what), "institution %s", x->institution);
	else
		return;
	c->n++;
}

static void on_check(struct keeper_process *p, const struct channel_msg *msg)
{
	struct conf *conf = load_named(msg);
	struct checking c = { p->conf, conf, 0, { 0 } };

	if (conf != NULL)
		keeper_each_open(p->keeper, check_each, &c);
	else
		c.n = UINT64_MAX;
	conf_free(conf);
	memset(&p->out, 0, offsetof(struct channel_msg, text));
	p->out.kind = CHANNEL_CHECKED;
	p->out.generation = msg->generation;
	p->out.number = c.n;
	p->out.n_text = (uint32_t)strlen(c.what);
	memcpy(p->out.text, c.what, p->out.n_text);
	if (channel_send(FD_CHANNEL, &p->out) != 0)
		yt_log(YT_WARN, "keeper", "the supervisor does not hear what the check found; reload again");
}

/* What killed a worker: kept whole for the people who must look at it (P8). */
static void on_crashed(struct keeper_process *p, const struct channel_msg *msg)
{
	struct kp_worker *w = worker_of(p, msg->worker);
	const char *plugin = msg->text;
	size_t n_plugin = strnlen(plugin, msg->n_text), n_what;
	const char *what = plugin + n_plugin + 1;
	struct yt_buf buf = { 0 };
	enum rec_type type;
	char reason[96];
	size_t at;

	if (n_plugin + 1 >= msg->n_text)
		return;
	n_what = strnlen(what, msg->n_text - n_plugin - 1);
	if (n_plugin + n_what + 2 > msg->n_text)
		return;
	if (w != NULL)
		drain(p, w); /* what it had said of the exchange comes before this */
	snprintf(reason, sizeof(reason), "a worker died in plugin %s, %s", plugin, what);
	if (msg->number != 0)
		yt_log(YT_ERROR, "keeper", "exchange %016llx: %s", (unsigned long long)msg->number, reason);
	else
		yt_log(YT_ERROR, "keeper", "%s; no exchange is touched", reason);
	type = msg->number == 0 || keeper_may_resolve(p->keeper, msg->number) ? REC_RESOLVED : REC_PARKED;
	at = rec_begin(&buf, type, 0, msg->number, yt_wall_ms());
	rec_str(&buf, REC_T_REASON, yt_str(reason));
	rec_str(&buf, REC_T_OWNER, YT_STR("operator"));
	rec_str(&buf, REC_T_REQUEST, (struct yt_str){ what + n_what + 1, msg->n_text - n_plugin - n_what - 2 });
	rec_end(&buf, at);
	keeper_note(p->keeper, yt_buf_view(&buf));
	yt_buf_free(&buf);
}

static void on_packet(struct keeper_process *p, struct channel_msg *msg)
{
	switch (msg->kind) {
	case CHANNEL_WORKER_UP:
		add_worker(p, msg);
		break;
	case CHANNEL_WORKER_GONE:
		if (worker_of(p, msg->worker) != NULL)
			worker_of(p, msg->worker)->dead = true; /* kp_turn() follows */
		break;
	case CHANNEL_WORKER_DRAINS:
		keeper_worker_drains(p->keeper, msg->worker);
		break;
	case CHANNEL_CRASHED:
		on_crashed(p, msg);
		break;
	case CHANNEL_CHECK:
		on_check(p, msg);
		break;
	case CHANNEL_CONFIGURE:
		on_configure(p, msg);
		break;
	case CHANNEL_FINISH:
		p->finishing = true;
		break;
	default:
		break;
	}
}

static void on_channel(uv_poll_t *poll, int status, int events)
{
	struct keeper_process *p = poll->data;
	int rv;

	while ((rv = channel_receive(FD_CHANNEL, &p->msg)) == 0)
		on_packet(p, &p->msg);
	if (rv == YT_ENOTFOUND)
		_exit(0); /* the supervisor is gone: it takes its children with it */
	if (!p->started && p->generation != 0) {
		p->started = true; /* the supervisor names workers of a keeper before us first, then the generation */
		keeper_start(p->keeper);
	}
	kp_turn(p);
}

static void start_loop(struct keeper_process *p, const struct conf *conf)
{
	memset(&p->out, 0, offsetof(struct channel_msg, text));
	uv_poll_init(p->loop, &p->channel, FD_CHANNEL);
	p->channel.data = p;
	uv_poll_start(&p->channel, UV_READABLE, on_channel);
	uv_timer_init(p->loop, &p->timer);
	p->timer.data = p;
	uv_timer_start(&p->timer, on_timer, 10, 10);
	uv_timer_init(p->loop, &p->gather);
	p->gather.data = p;
	if (control_open(p, conf->gateway.run_dir) != 0)
		yt_log(YT_WARN, "keeper", "no control socket in %s: `yitong status` will not work", conf->gateway.run_dir);
	p->out.kind = CHANNEL_READY;
	p->out.n_text = 0;
	(void)channel_send(FD_CHANNEL, &p->out);
}

static void finish(struct keeper_process *p)
{
	control_close(p);
	committer_close(p->committer);
	index_close(p->index_reader); /* before the writer, which then folds the WAL in */
	indexer_close(p->indexer);
	uv_close((uv_handle_t *)&p->channel, NULL);
	uv_close((uv_handle_t *)&p->timer, NULL);
	uv_close((uv_handle_t *)&p->gather, NULL);
	uv_run(p->loop, UV_RUN_DEFAULT);
	log_close(p->log);
	keeper_free(p->keeper);
	seal_close(p->seal);
	keys_close(p->keys);
	yt_io_close(&p->io);
	if (p->seal != NULL)
		yt_io_close(&p->keys_io);
	yt_log(YT_INFO, "keeper", "all written down; the journal is closed");
}

/* KiB of the largest octets that a record may hold. */
static uint32_t largest_body(const struct conf *conf)
{
	uint32_t most = conf->limits.body_kib, i;

	for (i = 0; i < conf->n_parties; i++) {
		if (conf->parties[i].response_kib > most)
			most = conf->parties[i].response_kib;
	}
	return most;
}

static int open_machine(struct keeper_process *p, const struct conf *conf)
{
	struct keeper_world world = { .ctx = p, .wall_ms = world_wall, .mono_ms = world_mono, .tell = world_tell,
		.find = world_find, .fetch = world_fetch, .changed = world_changed, .closed = world_closed };
	struct keeper_conf k;

	conf_of_machine(&k, conf);
	p->loop = uv_default_loop();
	p->keeper = keeper_new(&k, &world);
	p->index_lag_max = (uint64_t)conf->journal.index_lag_mib << 20;
	snprintf(p->index_path, sizeof(p->index_path), "%s", conf->journal.index);
	snprintf(p->folder, sizeof(p->folder), "%s", conf->journal.folder);
	p->retention_ms = (int64_t)conf->journal.retention_days * 24 * 3600 * 1000;
	p->clock_offset = yt_wall_ms() - yt_mono_ms();
	p->reserve_bytes = (uint64_t)conf->journal.segment_mib << 18; /* a quarter of a segment */
	p->message_bytes = 2 * ((size_t)largest_body(conf) << 10) + (64u << 10);
	if (p->keeper == NULL || open_journal(p, conf) != 0)
		return YT_ECONF;
	p->drain_bytes = log_commit_max(p->log) > 2 * p->message_bytes ? log_commit_max(p->log) - p->message_bytes :
		log_commit_max(p->log) / 2; /* with what is gathered one more message must still fit a commit */
	if (committer_open(&p->committer, p->loop, p->log, &p->io, p->seal != NULL ? p->keys : NULL,
			(int64_t)conf->journal.anchor_s * 1000, kp_committed, on_fresh, p) != 0 ||
		indexer_open(&p->indexer, p->loop, p->index, p->log, &p->io, &p->log_conf, on_indexed, p) != 0)
		return YT_ENOMEM;
	return 0;
}

int keeper_main(const char *conf_file, int supervisor_pid)
{
	struct keeper_process *p = calloc(1, sizeof(*p));
	struct conf_errors *errors = calloc(1, sizeof(*errors));
	struct conf *conf;

	process_follow(supervisor_pid);
	prctl(PR_SET_NAME, "yitong-keeper");
	YT_REQUIRE(p != NULL && errors != NULL);
	if (conf_load(&conf, conf_file, errors) != 0) {
		yt_log(YT_ERROR, "keeper", "%s does not check any more", conf_file);
		return 2;
	}
	free(errors);
	process_guard(conf->gateway.profile);
	yt_log_setup("keeper", conf->gateway.log_level);
	p->conf = conf;
	if (open_machine(p, conf) != 0)
		return 2;
	start_loop(p, conf);
	uv_run(p->loop, UV_RUN_DEFAULT);
	finish(p);
	conf_free(p->conf);
	free(p);
	return 0;
}
