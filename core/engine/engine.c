/* core/engine/engine.c - the keeper's verdicts, connections that end, time, and the engine's own life; see engine.h for
 * the flow.
 *
 * Requests come in by asking.c and the ends of legs by leg.c; what they wait for is told here, and what is waited for
 * in vain ends here.  A verdict about a lease goes on to resolve.c, one about a sign_no to session.c. */
#include "engine/engine.h"

#include <stdlib.h>
#include <utlist.h>

#include "engine/work.h"

int64_t engine_mono(const struct engine *e)
{
	return e->world.mono_ms(e->world.ctx);
}

int64_t engine_wall(const struct engine *e)
{
	return e->world.wall_ms(e->world.ctx);
}

/* -- the keeper's verdicts ---------------------------------------------------------------------- */

static void on_repeated(struct engine *e, struct call *c)
{
	struct work *w = c->w;

	if (c->rv != 0) {
		yt_buf_clear(&w->reply);
		yt_buf_str(&w->reply, c->stored);
	}
	work_give(e, w, yt_buf_view(&w->reply));
}

/* The stored answer came: ours after it was found out, or that of the same message.  Where the format marks repeats,
 * that of an exchange that is not this one is told as one. */
static void on_stored(struct engine *e, struct work *w, const struct talk *talk)
{
	struct yt_str stored;
	struct rec rec;
	struct call c;
	size_t used;

	if (rec_read(talk->payload, &rec, &used) != 0)
		return;
	stored = rec_get(&rec, REC_T_REPLY);
	w->told = (enum yt_outcome)rec_get_u64(&rec, REC_T_OUTCOME);
	w->told_text = (struct yt_str){ 0 };
	w->follows = talk->exchange;
	w->is_final = true;
	work_forget_seq(e, w);
	if (w->codec.api->repeat_reply == NULL || w->follows == w->id || stored.n == 0) {
		yt_buf_clear(&w->reply);
		yt_buf_str(&w->reply, stored);
		work_give(e, w, yt_buf_view(&w->reply));
		return;
	}
	if (call_is_slow(e, &w->codec))
		stored = yt_arena_copy(w->arena, stored);
	YT_REQUIRE(stored.p != NULL);
	c = call_repeat_reply(e, w, stored);
	c.w = w;
	c.then = on_repeated;
	w->state = WORK_GIVING;
	call_begin(e, &c);
}

/* Its outcome is being found out.  What the origin hears meanwhile is its setting; never a failure. */
static void on_wait(struct engine *e, struct work *w, const struct talk *talk)
{
	bool its_own = talk->exchange == w->id;

	struct yt_reply *reply;

	w->follows = talk->exchange;
	w->state = WORK_WAITING;
	if (!its_own || w->token == 0 || w->flow != NULL) /* a flow is under way: that is no unknown outcome yet */
		return;
	if (w->origin->unknown_style == ENGINE_SILENCE) {
		e->world.drop(e->world.ctx, w->token);
		work_forget_token(e, w);
	} else if (w->origin->unknown_style == ENGINE_CODE) {
		reply = engine_refusal(w->arena, TEXT_UNKNOWN, (struct yt_str){ 0 }, w->trace);
		reply->code = yt_str(w->origin->unknown_code);
		work_give_reply(e, w, reply);
	}
}

/* As if its origin's time were over: its outcome is not known, and it may ask again. */
static void let_go(struct engine *e, struct work *w)
{
	if (w->state != WORK_WAITING || w->token == 0)
		return;
	e->world.drop(e->world.ctx, w->token);
	work_forget_token(e, w);
}

static void on_verdict(struct engine *e, struct work *w, const struct talk *talk)
{
	switch (talk->kind) {
	case DOWN_ADMITTED:
		if (w->state != WORK_ADMITTING && w->state != WORK_AGAIN)
			return; /* said twice, by two keepers */
		work_forget_seq(e, w);
		w->is_stopped = w->is_stopped || engine_is_stopped(e, w->party); /* since it was asked, perhaps */
		if (w->token != 0 && engine_mono(e) < w->hold_until && !w->lacks_sign_no && !w->joins_only &&
		        !w->is_stopped &&
		        (w->msg->expires_ms == 0 ||
		                engine_wall(e) <= w->msg->expires_ms)) { /* nobody executes it after that */
			asking_send(e, w);
			return;
		}
		w->state =
		        WORK_OUT; /* nobody waits any more, and its reversal may have overtaken it: it does not leave */
		w->leg_mono = engine_mono(e);
		engine_leg(e, w->id, LEG_NOT_SENT, 0, (struct yt_str){ 0 }, "too late to send", false);
		return;
	case DOWN_DURABLE:
		if (w->state != WORK_ENDING && w->state != WORK_AMENDING)
			return;
		work_forget_seq(e, w);
		if (w->state == WORK_ENDING && one_stop_wait(e, w))
			return;
		w->follows = w->id;
		w->is_final = true;
		work_give(e, w, yt_buf_view(&w->reply));
		return;
	case DOWN_FACTS:
		if (w->state == WORK_FACTS)
			cross_go(e, w, talk);
		else if (w->state == WORK_QUOTE_FACTS)
			quote_go(e, w, talk);
		return;
	case DOWN_WAIT:
		on_wait(e, w, talk);
		return;
	case DOWN_LET_GO:
		let_go(e, w);
		return;
	case DOWN_STORED:
		on_stored(e, w, talk);
		return;
	case DOWN_CONFLICT:
		work_refuse(e, w, TEXT_CONFLICT, (struct yt_str){ 0 });
		return;
	case DOWN_BUSY:
		work_refuse(e, w, TEXT_BUSY, (struct yt_str){ 0 });
		return;
	case DOWN_CLOSED:
		if (w->state == WORK_AGAIN) {
			again_end(e, w);
			return;
		}
		if (w->state ==
		        WORK_AMENDING) { /* nobody knows it any more: it asks again, if it still wants to know */
			work_give(e, w, (struct yt_str){ 0 });
			return;
		}
		work_refuse(e, w, TEXT_NOT_ACCEPTED, (struct yt_str){ 0 });
		return;
	default:
		return;
	}
}

/* Its verdict may have waited for room in the ring when the keeper died; the new one knows what was written,
 * so it is asked again.  Also where nobody waits any more: it must hear that the answer was missed. */
static void ask_again(struct engine *e, struct work *w)
{
	struct yt_buf buf = { 0 };
	size_t at;

	switch (w->state) {
	case WORK_FACTS:
		cross_begin(e, w);
		return;
	case WORK_QUOTE_FACTS:
		work_await(e, w, cross_ask_facts(e, w->id, w->msg));
		return;
	case WORK_ADMITTING:
		asking_admission(e, w);
		return;
	case WORK_ENDING:
		work_await(e, w, engine_submit(e, UP_END, w->id, yt_buf_view(&w->ending)));
		return;
	case WORK_AMENDING:
		work_await(e, w, engine_submit(e, UP_AMEND, w->id, yt_buf_view(&w->ending)));
		return;
	case WORK_AGAIN:
		work_await(e, w, engine_submit(e, UP_AGAIN, w->id, yt_buf_view(&w->ending)));
		return;
	case WORK_WAITING:
		at = rec_begin(&buf, REC_CARRIED, REC_NOWAIT, w->follows, engine_wall(e));
		rec_str(&buf, REC_T_INSTITUTION, w->msg->institution);
		rec_str(&buf, REC_T_NUMBER, w->msg->number);
		rec_end(&buf, at);
		work_await(e, w, engine_submit(e, UP_WAIT, w->follows, yt_buf_view(&buf)));
		yt_buf_free(&buf);
		return;
	default:
		return;
	}
}

/* A new keeper: it must hear which leases are held here and what is waited for. */
static void on_restarted(struct engine *e, uint64_t epoch)
{
	struct work *w, *next_w;

	if (e->incarnation == 0) { /* the welcome was lost with the old one */
		engine_start(e);
		engine_submit(e, UP_READY, epoch, (struct yt_str){ 0 });
		return;
	}
	tasks_again(e);
	engine_submit(e, UP_READY, epoch, (struct yt_str){ 0 });
	HASH_ITER(hh_id, e->by_id, w, next_w)
	ask_again(e, w);
	sessions_again(e);
}

/* A codec works for it in another thread: it hears when that is back. */
static void hold(struct engine *e, const struct talk *talk)
{
	struct outgoing *o = calloc(1, sizeof(*o));

	YT_REQUIRE(o != NULL);
	yt_buf_str(&o->payload, talk->payload);
	YT_REQUIRE(!o->payload.failed);
	o->talk = *talk;
	o->talk.payload = yt_buf_view(&o->payload);
	DL_APPEND(e->held, o);
}

/* A keeper that read our question again has admitted what one before it had refused, or had told to wait for
 * another: it goes out if its origin still waits; else it ends here, for its origin has heard a refusal. */
static void on_admitted_again(struct engine *e, const struct talk *talk)
{
	struct yt_reply refused = { .outcome = YT_REFUSED, .text = YT_STR("refused before it was admitted") };
	struct yt_buf buf = { 0 };
	struct work *w;

	HASH_FIND(hh_id, e->by_id, &talk->exchange, sizeof(talk->exchange), w);
	if (w != NULL && w->call != NULL) {
		hold(e, talk);
		return;
	}
	if (w != NULL && w->state == WORK_WAITING && w->follows != w->id) {
		w->state = WORK_ADMITTING;
		on_verdict(e, w, talk);
	}
	if (w != NULL && ((w->state != WORK_GIVING && w->state != WORK_FLUSHING) || w->is_final))
		return; /* else its refusal is on its way to it */
	written_outcome(&buf, e, talk->exchange, REC_LEG_MAIN, &refused, (struct yt_str){ 0 }, 0, 0);
	written_answered(&buf, e, talk->exchange, &refused, (struct yt_str){ 0 });
	engine_submit(e, UP_END, talk->exchange, yt_buf_view(&buf));
	yt_buf_free(&buf);
}

/* Its answer is on its way to somebody here: a keeper before this one had said it as well. */
static bool is_flushing(const struct engine *e, uint64_t exchange)
{
	const struct work *w;

	for (w = e->by_id; w != NULL; w = w->hh_id.next) {
		if ((w->state == WORK_GIVING || w->state == WORK_FLUSHING) && w->follows == exchange)
			return true;
	}
	return false;
}

void engine_talk(struct engine *e, const struct talk *talk)
{
	struct task *t;
	struct work *w;

	switch (talk->kind) {
	case DOWN_WELCOME:
		e->incarnation = (uint32_t)talk->exchange;
		return;
	case DOWN_RESTARTED:
		on_restarted(e, talk->exchange);
		return;
	case DOWN_SESSION:
		session_talk(e, talk);
		return;
	case DOWN_LEASE:
		task_start(e, talk);
		return;
	default:
		break;
	}
	HASH_FIND(hh_seq, e->tasks_by_seq, &talk->seq, sizeof(talk->seq), t);
	if (t != NULL && t->call != NULL) {
		hold(e, talk);
		return;
	}
	if (t != NULL) {
		task_verdict(e, t, talk);
		return;
	}
	HASH_FIND(hh_seq, e->by_seq, &talk->seq, sizeof(talk->seq), w);
	if (w != NULL && w->call != NULL)
		hold(e, talk);
	else if (w != NULL)
		on_verdict(e, w, talk);
	else if (talk->kind == DOWN_ADMITTED)
		on_admitted_again(e, talk);
	else if (talk->kind == DOWN_STORED && !is_flushing(e, talk->exchange))
		work_note_delivery(e, talk->exchange, "missed"); /* who asked is gone for good */
}

/* Its records are larger than any ring: the same number can not have been taken before either. */
void engine_cannot_ask(struct engine *e, uint64_t seq)
{
	struct work *w;

	HASH_FIND(hh_seq, e->by_seq, &seq, sizeof(seq), w);
	if (w == NULL)
		return;
	e->counts.refused++;
	if (w->token != 0)
		e->world.answer(e->world.ctx, w->token, 413, "text/plain; charset=utf-8",
		        YT_STR("too large for this gateway, nothing was sent\n"));
	work_free(e, w);
}

void engine_sessions_changed(struct engine *e, const struct session *session)
{
	struct work *w, *next_w;
	struct task *t, *next_t;

	HASH_ITER(hh_id, e->by_id, w, next_w)
	{
		const struct engine_institution *institution;

		if (w->state != WORK_SIGNING || w->signing != session)
			continue;
		institution = e->conf.institution(e->conf.ctx, w->msg->institution);
		if (session->sign_no[0] == 0)
			asking_go_unsigned(e, w);
		else if (asking_is_signed(e, w, institution))
			asking_go(e, w);
	}
	HASH_ITER(hh_id, e->tasks, t, next_t)
	{
		if (t->state == TASK_SIGNING && t->signing == session)
			task_go_on(e, t, session->sign_no[0] != 0);
	}
}

/* -- connections -------------------------------------------------------------------------------- */

void engine_gone(struct engine *e, uint64_t token)
{
	struct work *w;

	HASH_FIND(hh_token, e->by_token, &token, sizeof(token), w);
	if (w == NULL)
		return;
	work_forget_token(e, w);
	if (w->state == WORK_FLUSHING || w->state == WORK_SIGNING || w->state == WORK_FACTS)
		work_free(e, w);
}

void engine_flushed(struct engine *e, uint64_t token)
{
	struct work *w;

	HASH_FIND(hh_token, e->by_token, &token, sizeof(token), w);
	if (w == NULL || w->state != WORK_FLUSHING)
		return;
	if (w->is_final && w->msg->op->is_settlement)
		work_note_delivery(e, w->follows, NULL);
	work_forget_token(e, w);
	work_free(e, w);
}

/* -- time --------------------------------------------------------------------------------------- */

#define TICK_MS 100

int64_t engine_tick(struct engine *e)
{
	int64_t now = engine_mono(e), fetch_at;
	struct work *w, *next;
	bool is_early;

	engine_empty_outbox(e);
	fetch_at = fetches_tick(e);
	HASH_ITER(hh_id, e->by_id, w, next)
	{
		if (w->state == WORK_PAUSED) {
			again_tick(e, w);
			continue;
		}
		if (w->state == WORK_QUOTE_FACTS || w->state == WORK_QUOTE_OUT) {
			quote_tick(e, w);
			continue;
		}
		if (w->state == WORK_CLAIMED) {
			one_stop_tick(e, w);
			continue;
		}
		is_early = w->state == WORK_FACTS || w->state == WORK_SIGNING; /* no change has left */
		if ((w->state != WORK_WAITING && w->state != WORK_ADMITTING && !is_early) || now < w->hold_until)
			continue;
		if (w->token != 0) { /* its origin gives up now: silence, for the outcome is not known */
			e->world.drop(e->world.ctx, w->token);
			work_forget_token(e, w);
		}
		if (is_early || (w->state == WORK_WAITING && w->call == NULL &&
		                        now >= w->hold_until + (w->party == NULL ? 0 : w->party->server_delay_ms)))
			work_free(e, w); /* a late answer is not to be expected any more */
	}
	return HASH_CNT(hh_id, e->by_id) > 0 || e->outbox != NULL ? now + TICK_MS : fetch_at;
}

bool engine_is_idle(const struct engine *e)
{
	const struct work *w;

	for (w = e->by_id; w != NULL; w = w->hh_id.next) {
		if (w->state != WORK_WAITING || w->token != 0 || w->call != NULL)
			return false;
	}
	return e->tasks == NULL && e->outbox == NULL;
}

void engine_start(struct engine *e)
{
	e->hello_seq = engine_submit(e, UP_HELLO, 0, (struct yt_str){ 0 });
}

const char *engine_traceparent(const struct engine *e)
{
	return e->traceparent;
}

bool engine_is_up(const struct engine *e)
{
	return e->incarnation != 0;
}

void engine_count(const struct engine *e, struct engine_counts *counts)
{
	*counts = e->counts;
	counts->in_flight = HASH_CNT(hh_id, e->by_id);
	counts->leases = HASH_CNT(hh_id, e->tasks);
}

struct engine *engine_new(const struct engine_conf *conf, const struct engine_world *world)
{
	struct engine *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	e->conf = *conf;
	e->world = *world;
	fetches_begin(e);
	return e;
}

void engine_free(struct engine *e)
{
	struct work *w, *next_w;
	struct task *t, *next_t;
	struct session *s, *next_s;
	struct outgoing *o, *next_o;

	if (e == NULL)
		return;
	HASH_ITER(hh_id, e->by_id, w, next_w)
	work_free(e, w);
	HASH_ITER(hh_id, e->tasks, t, next_t)
	task_free(e, t);
	HASH_ITER(hh, e->sessions, s, next_s)
	{
		HASH_DEL(e->sessions, s);
		if (s->arena != NULL)
			engine_arena_back(e, s->arena);
		free(s);
	}
	DL_CONCAT(e->outbox, e->held);
	DL_FOREACH_SAFE(e->outbox, o, next_o)
	{
		DL_DELETE(e->outbox, o);
		yt_buf_free(&o->payload);
		free(o);
	}
	works_free_memory(e);
	quotes_free(e);
	fetches_free(e);
	yt_buf_free(&e->records);
	yt_buf_free(&e->head);
	while (e->n_spare > 0)
		yt_arena_free(e->spare[--e->n_spare]);
	free(e);
}
