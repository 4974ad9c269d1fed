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
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <utlist.h>
#include <uv.h>

#include "journal/seal.h"
#include "process/control.h"
#include "base/words.h"
#include "process/meters.h"
#include "process/indexer.h"
#include "process/keeper_process.h"
#include "process/process.h"

#define FLUSH_MS 50    /* what nobody waits for is written at least this often */
#define GATHER_US 2000 /* under load a commit begins so long after the one before it, not sooner */

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
		yt_log(YT_ERROR, "keeper", "the index cannot be read: %s; state changes are refused until it can",
		        yt_strerror(rv));
	p->find_failed = rv != 0 && rv != YT_ENOTFOUND;
	return rv;
}

static int world_cancelled(void *ctx, struct yt_str institution, struct yt_str settlement, struct exchange *x)
{
	struct keeper_process *p = ctx;

	return index_cancelled(p->index_reader, institution, settlement, x);
}

static int world_get(void *ctx, uint64_t exchange, struct exchange *x)
{
	struct keeper_process *p = ctx;

	return index_get(p->index_reader, exchange, x);
}

static int world_resting(void *ctx, struct exchange_cursor *after, size_t max,
        void (*each)(void *arg, const struct exchange *x), void *arg)
{
	struct keeper_process *p = ctx;

	return index_resting(p->index_reader, after, max, each, arg);
}

static int world_waiting(
        void *ctx, const uint8_t person[16], size_t max, void (*each)(void *arg, const struct exchange *x), void *arg)
{
	struct keeper_process *p = ctx;

	return index_waiting(p->index_reader, person, max, each, arg);
}

static int world_of_visit(
        void *ctx, struct yt_str visit, size_t max, void (*each)(void *arg, const struct exchange *x), void *arg)
{
	struct keeper_process *p = ctx;

	return index_resting_of_visit(p->index_reader, visit, max, each, arg);
}

static const char *world_other_code(void *ctx, const char *institution)
{
	struct keeper_process *p = ctx;
	const struct conf_institution *known = conf_institution(p->conf, yt_str(institution));

	if (known == NULL)
		return NULL;
	return strcmp(known->code, institution) == 0 ? known->old_code : known->code;
}

static bool world_flow_asks(void *ctx, const char *flow, const char *party)
{
	struct keeper_process *p = ctx;

	return conf_flow_asks(p->conf, flow, party);
}

static const char *world_step_party(void *ctx, const char *flow, unsigned step)
{
	struct keeper_process *p = ctx;
	const struct conf_flow *known = conf_flow(p->conf, yt_str(flow));

	return known != NULL && step >= 1 && step <= known->n_steps ? known->step[step - 1].party->name : NULL;
}

static int world_find_follow_up(void *ctx, struct yt_str number, struct exchange *x)
{
	struct keeper_process *p = ctx;

	return index_find_follow_up(p->index_reader, number, x);
}

static int world_facts(void *ctx, struct yt_str case_key, struct fact_place *out, size_t max, size_t *n)
{
	struct keeper_process *p = ctx;

	return index_facts(p->index_reader, case_key, out, max, n);
}

/* What is left is for finishing what was taken on. */
bool kp_is_short_of_room(const struct keeper_process *p)
{
	return log_room(p->log) < p->reserve_bytes || p->full;
}

const char *keeper_closed(const struct keeper_process *p)
{
	if (p->finishing)
		return N_("the gateway is stopping");
	if (!indexer_is_usable(p->indexer) || p->find_failed)
		return N_("the index is not usable");
	if (log_end(p->log) - indexer_position(p->indexer) > p->index_lag_max)
		return N_("the index is too far behind");
	if (kp_is_short_of_room(p))
		return N_("the journal's disk is full");
	return NULL;
}

/* One line for each exchange that does not go the plain way, and for what became of it. */
static void world_changed(void *ctx, const struct exchange *x, enum exchange_state before)
{
	const struct yt_op *op = yt_op(x->op);
	const char *what = NULL;

	(void)ctx;
	if (x->flow[0] != 0 && x->reversals == 0 && !x->doubted &&
	        (x->step == 0 || x->state == X_DONE || x->state == X_REFUSED))
		return; /* a flow that goes its plain way */
	if (x->state == X_UNKNOWN && x->doubted)
		what = "its payment is said to have come back, its bank is asked";
	else if (x->state == X_UNKNOWN && before != X_PARKED)
		what = "its outcome is unknown";
	else if (x->state == X_REVERSING)
		what = "it is being reversed";
	else if (x->state == X_REVERSED)
		what = "it is reversed, its effect is proved undone";
	else if (x->state == X_PARKED)
		what = "it is parked and waits for an operator";
	else if (before == X_UNKNOWN || before == X_REVERSING || before == X_PARKED)
		what = x->state == X_DONE      ? "it is found out: it took effect"
		       : x->state == X_REFUSED ? "it is found out: no effect"
		                               : NULL;
	if (what != NULL)
		yt_log(YT_INFO, "keeper", "exchange %016llx (%s at %s, trace %s): %s", (unsigned long long)x->id,
		        op != NULL ? op->name : x->wire_op, x->party[0] != 0 ? x->party : "no party", x->trace, what);
}

static const char *world_closed(void *ctx)
{
	return keeper_closed(ctx);
}

void kp_world(struct keeper_process *p, struct keeper_world *world)
{
	*world = (struct keeper_world){ .ctx = p,
		.wall_ms = world_wall,
		.mono_ms = world_mono,
		.tell = kp_tell,
		.find = world_find,
		.cancelled = world_cancelled,
		.other_code = world_other_code,
		.find_follow_up = world_find_follow_up,
		.flow_asks = world_flow_asks,
		.step_party = world_step_party,
		.get = world_get,
		.resting = world_resting,
		.waiting = world_waiting,
		.of_visit = world_of_visit,
		.facts = world_facts,
		.fetch = kp_fetch,
		.changed = world_changed,
		.closed = world_closed };
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
		if (!committer_owes_anchor(p->committer))
			return;
	} else if (urgent ? must_gather(p) : yt_mono_ms() < p->flush_at)
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
	if (records.n == 0 && !committer_owes_anchor(p->committer))
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
		yt_log(YT_ERROR, "keeper",
		        "%zu bytes that belong together are more than a segment holds: raise "
		        "journal.segment_mib and start yitongd again",
		        p->taken.n);
	if (result != 0) { /* after a failed sync nothing here can be believed (design 7) */
		yt_log(YT_ERROR, "keeper", "the journal could not be written (%s); the keeper ends",
		        yt_strerror(result));
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

/* -- the loop ----------------------------------------------------------------------------------- */

/* One turn of the wheel: rings, what is due, commits.  Workers need to wake us only when no commit and no
 * gathering is under way, whose end is a turn anyway. */
void kp_turn(struct keeper_process *p)
{
	if (!p->started)
		return; /* before keeper_start() nothing is barred: a ring would be read as if all were new */
	kp_drain_all(p, true);
	kp_remove_dead(p);
	do {
		keeper_tick(p->keeper);
		commit_if_ready(p);
	} while (committer_is_idle(p->committer) && !uv_is_active((uv_handle_t *)&p->gather) && kp_drain_all(p, false));
}

static void on_timer(uv_timer_t *timer)
{
	struct keeper_process *p = timer->data;
	struct kp_worker *w;

	DL_FOREACH(p->workers, w)
	{
		kp_send_unsent(w);
		if (w->gone && !w->kill_told)
			kp_tell_kill(p, w);
	}
	retry_full(p);
	kp_watch_clock(p);
	kp_watch_retention(p);
	kp_watch_follow_ups(p);
	kp_turn(p);
	if (p->reindexing && committer_is_idle(p->committer)) {
		yt_log(YT_INFO, "keeper", "the index is to be rebuilt: the keeper starts again without it");
		kp_remove_index(p->index_path);
		_exit(0);
	}
	if (p->finishing && committer_is_idle(p->committer) && p->workers == NULL) {
		bool urgent;

		if (!keeper_has_pending(p->keeper, &urgent))
			uv_stop(p->loop);
	}
}

static void start_loop(struct keeper_process *p, const struct conf *conf)
{
	memset(&p->out, 0, offsetof(struct channel_msg, text));
	uv_poll_init(p->loop, &p->channel, FD_CHANNEL);
	p->channel.data = p;
	uv_poll_start(&p->channel, UV_READABLE, kp_on_channel);
	uv_timer_init(p->loop, &p->timer);
	p->timer.data = p;
	uv_timer_start(&p->timer, on_timer, 10, 10);
	uv_timer_init(p->loop, &p->gather);
	p->gather.data = p;
	if (control_open(p, conf->gateway.run_dir) != 0)
		yt_log(YT_WARN, "keeper", "no control socket in %s: `yitong status` will not work",
		        conf->gateway.run_dir);
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
	if (meters_open(FD_KEEPER_METERS, METER_KEEPER) != 0)
		yt_log(YT_WARN, "keeper", "no meters: commits are not counted");
	if (kp_open(p, conf) != 0)
		return 2;
	start_loop(p, conf);
	uv_run(p->loop, UV_RUN_DEFAULT);
	finish(p);
	conf_free(p->conf);
	free(p);
	return 0;
}
