/* core/engine/again.c - what a party refuses for now leaves once more, as long as its origin waits.
 *
 * Such a refusal (yt_reply.may_retry, crossprovince.md 7.7, class R: busy, planned stop) proves that nothing happened,
 * and the same may be asked again under another number, which only a message that we composed can get:
 *  - again_begin()  called by leg.c: its outcome is gathered, the pause begins           OUT -> PAUSED
 *  - again_tick()   the pause is over: another number; outcome and sending are written   PAUSED -> AGAIN
 *                   (a query leaves at once)                                             PAUSED -> OUT
 *  - DOWN_ADMITTED  both are durable, the leg leaves (engine.c)                          AGAIN -> OUT
 *  - again_end()    nobody waits, or its origin wants it undone: it stays refused        -> ENDING
 * A try is made only where the whole time-out of a leg is left of the origin's time: a shorter one would make an
 * unknown outcome of a known one.  flow.c does the same with a step, under its lease. */
#include "engine/work.h"

/* Doubles with each try, with jitter, and is never shorter than the party asks. */
static int64_t pause_of(const struct engine *e, uint32_t tries, const struct yt_reply *reply)
{
	int64_t pause = e->conf.busy_retry_ms << (tries < 10 ? tries : 10);
	uint8_t jitter;

	e->world.random(e->world.ctx, &jitter, sizeof(jitter));
	pause += pause * jitter / 1024;
	return pause > reply->retry_after_ms ? pause : reply->retry_after_ms;
}

static bool is_in_time(const struct engine *e, const struct work *w, int64_t pause, int64_t timeout)
{
	return w->token != 0 &&
	       engine_mono(e) + pause + timeout <= w->begun_mono + w->origin->timeout_ms - e->conf.margin_ms;
}

static int64_t timeout_of(const struct engine_party *party, const struct yt_op *op)
{
	return op->changes_state ? party->change_timeout_ms : party->query_timeout_ms;
}

void again_say(struct yt_reply *reply, const char *trace)
{
	if (reply->outcome != YT_REFUSED || !reply->may_retry)
		return;
	reply->own_text = TEXT_NOT_NOW;
	reply->text = text_make(reply->arena, TEXT_NOT_NOW, reply->code, trace);
}

bool again_begin(struct engine *e, struct work *w, const struct yt_reply *reply, struct yt_str body, int64_t took_ms)
{
	int64_t pause;

	if (reply->outcome != YT_REFUSED || !reply->may_retry || w->outward == w->msg || w->tries >= e->conf.busy_tries)
		return false;
	pause = pause_of(e, w->tries, reply);
	if (!is_in_time(e, w, pause, timeout_of(w->party, w->msg->op)))
		return false;
	w->refusal = yt_reply_new(w->arena);
	YT_REQUIRE(w->refusal != NULL);
	w->refusal->outcome = YT_REFUSED;
	w->refusal->may_retry = true;
	w->refusal->code = yt_arena_copy(w->arena, reply->code);
	again_say(w->refusal, w->trace);
	if (reply->n_secrets > 0)
		body = secrets_out(e, &w->party->codec, w->id, w->request, w->outward->wire_op, true, w->arena, body);
	yt_buf_clear(&w->ending);
	written_outcome(&w->ending, e, w->id, REC_LEG_MAIN, reply, body, 0, took_ms);
	w->refusal_bytes = w->ending.n;
	w->tries++;
	w->resume_mono = engine_mono(e) + pause;
	w->state = WORK_PAUSED;
	return true;
}

static void refusal_written(struct engine *e, struct call *c)
{
	struct work *w = c->w;

	w->ending.n = w->refusal_bytes;
	written_answered(&w->ending, e, w->id, w->refusal, yt_buf_view(&w->reply));
	w->state = WORK_ENDING;
	work_await(e, w, engine_submit(e, UP_END, w->id, yt_buf_view(&w->ending)));
}

void again_end(struct engine *e, struct work *w)
{
	struct call c;

	work_forget_seq(e, w);
	if (!w->msg->op->changes_state) {
		written_read(&e->records, e, w, w->refusal);
		engine_submit_records(e, UP_NOTE, w->id);
		work_give_reply(e, w, w->refusal);
		return;
	}
	c = call_encode_reply(e, &w->codec, w->msg, w->refusal, w->id, w->request, &w->reply);
	c.w = w;
	c.then = refusal_written;
	w->state = WORK_CODING;
	call_begin(e, &c);
}

static bool may_leave(const struct engine *e, const struct work *w)
{
	return is_in_time(e, w, 0, timeout_of(w->party, w->msg->op)) && !engine_is_stopped(e, w->party) &&
	       (w->msg->expires_ms == 0 || engine_wall(e) <= w->msg->expires_ms);
}

static void encoded(struct engine *e, struct call *c)
{
	struct work *w = c->w;

	if (c->rv != 0 || !may_leave(e, w)) {
		again_end(e, w);
		return;
	}
	w->outward->sent = yt_buf_view(&w->sent);
	if (!w->msg->op->changes_state) {
		asking_send(e, w);
		return;
	}
	written_sending(&w->ending, e, w);
	w->state = WORK_AGAIN;
	work_await(e, w, engine_submit(e, UP_AGAIN, w->id, yt_buf_view(&w->ending)));
}

void again_tick(struct engine *e, struct work *w)
{
	struct call c;

	if (engine_mono(e) < w->resume_mono && w->token != 0)
		return;
	if (!may_leave(e, w)) {
		again_end(e, w);
		return;
	}
	cross_number(e, w->outward, w->party, w->id, w->request, w->msg->institution, 0, 0);
	yt_buf_clear(&w->sent);
	c = call_encode_request(&w->party->codec, w->outward, w->id, w->request, &w->sent);
	c.w = w;
	c.then = encoded;
	w->state = WORK_CODING;
	call_begin(e, &c);
}

/* Only the worker where its origin waits sends a step once more: elsewhere it would be for nobody. */
int64_t again_pause(struct engine *e, const struct task *t, const struct yt_reply *reply)
{
	const struct work *w;
	int64_t pause;

	if (task_is_follow_up(t)) { /* nobody's time runs out */
		pause = task_pause(e, t);
		return pause >= 0 && pause < reply->retry_after_ms ? reply->retry_after_ms : pause;
	}

	if (t->x.attempts >= e->conf.busy_tries)
		return -1;
	HASH_FIND(hh_id, e->by_id, &t->id, sizeof(t->id), w);
	if (w == NULL || w->state != WORK_WAITING)
		return -1;
	pause = pause_of(e, t->x.attempts, reply);
	return is_in_time(e, w, pause, t->party->change_timeout_ms) ? pause : -1;
}
