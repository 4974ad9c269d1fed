/* core/journal/keeper_workers.c - workers come and go, and the keeper itself comes back: recovery.
 *
 * The process says when a worker is up and when it was reaped; a dead one's legs are unknown from then on and
 * its leases free.  At start what the index had open is loaded, then keeper_start() brings it in line. */
#include "journal/keeper_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* -- workers come and go ------------------------------------------------------------------------ */

void keeper_worker_up(struct keeper *k, uint32_t worker, uint32_t incarnation)
{
	struct known_worker *w = calloc(1, sizeof(*w));
	struct written *known;

	YT_REQUIRE(w != NULL);
	w->worker = worker;
	w->incarnation = incarnation;
	if (incarnation > k->incarnation)
		k->incarnation = incarnation;
	w->ready = incarnation == 0; /* else it must first name the leases it holds */
	HASH_FIND_INT(k->written, &incarnation, known);
	w->written = known != NULL ? known->seq : 0;
	HASH_ADD_INT(k->workers, worker, w);
	if (incarnation != 0)
		keeper_tell(k, worker, 0, k->epoch, DOWN_RESTARTED, (struct yt_str){ 0 });
}

bool keeper_knows_leases(const struct keeper *k)
{
	const struct known_worker *w;

	for (w = k->workers; w != NULL; w = w->hh.next) {
		if (!w->ready)
			return false;
	}
	return true;
}

/* None of them is given a lease any more: we stop. */
static bool all_drain(const struct keeper *k)
{
	const struct known_worker *w;

	for (w = k->workers; w != NULL && w->drains; w = w->hh.next)
		;
	return k->workers != NULL && w == NULL;
}

void keeper_let_go(struct keeper *k, const struct kept *e)
{
	const struct waiter *w;

	if (e->x.state != X_PARKED || e->holder != 0 || e->waiters == NULL || !all_drain(k))
		return;
	LL_FOREACH(e->waiters, w)
	keeper_tell(k, w->worker, w->seq, e->x.id, DOWN_LET_GO, (struct yt_str){ 0 });
}

void keeper_worker_drains(struct keeper *k, uint32_t worker)
{
	struct known_worker *w;
	struct kept *e, *next;

	HASH_FIND_INT(k->workers, &worker, w);
	if (w != NULL)
		w->drains = true;
	if (!all_drain(k))
		return;
	HASH_ITER(hh_id, k->by_id, e, next)
	keeper_let_go(k, e);
}

static void drop_waiters(struct kept *e, uint32_t worker)
{
	struct waiter *w, *next;

	LL_FOREACH_SAFE(e->waiters, w, next)
	{
		if (w->worker == worker) {
			LL_DELETE(e->waiters, w);
			free(w);
		}
	}
}

void keeper_let_refuse(struct keeper *k, struct kept *e)
{
	struct yt_buf buf = { 0 };
	size_t at;

	if (e->x.must_answer)
		return; /* on its way */
	at = rec_begin(&buf, REC_DECIDED, 0, e->x.id, keeper_wall(k));
	rec_str(&buf, REC_T_RESULT, YT_STR("refused"));
	rec_str(&buf, REC_T_OPERATOR, YT_STR("keeper"));
	rec_str(&buf, REC_T_REASON, YT_STR("it was never sent"));
	rec_end(&buf, at);
	keeper_write_own(k, &buf);
	yt_buf_free(&buf);
	kept_settle_down(k, e);
}

/* It died before it could hear that its leg may leave, or it was to have none: nothing left, and its origin was told
 * nothing (or that it was not accepted, by a keeper before us). */
static void never_left(struct keeper *k, struct kept *e)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_OUTCOME, 0, e->x.id, keeper_wall(k));

	rec_u8(&buf, REC_T_LEG, REC_LEG_MAIN);
	rec_u8(&buf, REC_T_OUTCOME, YT_REFUSED);
	rec_str(&buf, REC_T_REASON, YT_STR("worker died before it could be sent"));
	rec_end(&buf, at);
	keeper_write_own(k, &buf);
	yt_buf_free(&buf);
	keeper_let_refuse(k, e);
}

/* A leg whose worker is dead: nobody will hear its answer. */
static void lose_leg(struct keeper *k, struct kept *e)
{
	struct yt_buf buf = { 0 };
	size_t at;

	if (e->x.flags & REC_X_UNSENT) {
		never_left(k, e);
		return;
	}
	at = rec_begin(&buf, REC_OUTCOME, 0, e->x.id, keeper_wall(k));
	rec_u8(&buf, REC_T_LEG, REC_LEG_MAIN);
	rec_u8(&buf, REC_T_OUTCOME, YT_UNKNOWN);
	rec_str(&buf, REC_T_REASON, YT_STR("worker died"));
	rec_end(&buf, at);
	keeper_write_own(k, &buf);
	yt_buf_free(&buf);
	kept_settle_down(k, e);
}

static void drop_admissions(struct keeper *k, UT_array *answers, uint32_t worker)
{
	struct answer *a = NULL;
	struct kept *e;

	while ((a = (struct answer *)utarray_next(answers, a)) != NULL) {
		e = a->worker == worker && a->is_first ? kept_find(k, a->exchange) : NULL;
		if (e != NULL && e->x.state == X_SENT)
			never_left(k, e);
	}
}

/* Answers that it was to hand out and never heard of. */
static void drop_offers(struct keeper *k, UT_array *answers, uint32_t worker)
{
	struct answer *a = NULL;
	struct kept *e;

	while ((a = (struct answer *)utarray_next(answers, a)) != NULL) {
		e = a->worker == worker && a->is_offer ? kept_find(k, a->exchange) : NULL;
		if (e != NULL && exchange_awaits_delivery(&e->x))
			keeper_note_delivery(k, e, "missed");
	}
}

void keeper_worker_gone(struct keeper *k, uint32_t worker)
{
	struct known_worker *w;
	struct kept *e, *next;

	HASH_FIND_INT(k->workers, &worker, w);
	if (w == NULL)
		return;
	drop_admissions(k, k->answers, worker);
	drop_admissions(k, k->answers_taken, worker);
	HASH_ITER(hh_id, k->by_id, e, next)
	{
		drop_waiters(e, worker);
		if (e->holder == worker) {
			kept_end_lease(k, e);
			if (e->x.state != X_PARKED)
				kept_set_due(k, e, keeper_mono(k));
			if (e->resent_mono != 0)
				e->resent_mono = keeper_mono(k); /* it may have left until the worker died */
		}
		if ((e->x.state == X_SENT || e->x.state == X_ACCEPTED) && e->x.worker == w->incarnation &&
		        e->x.joins == 0)
			lose_leg(k, e);
	}
	keeper_write_seq(k, w);
	drop_offers(k, k->answers, worker);
	drop_offers(k, k->answers_taken, worker);
	HASH_DEL(k->workers, w);
	free(w);
	keeper_drop_sign_ins(k, worker);
	if (keeper_knows_leases(k))
		keeper_serve_waiters(k);
}

static bool worker_lives(struct keeper *k, uint32_t incarnation)
{
	struct known_worker *w, *next;

	HASH_ITER(hh, k->workers, w, next)
	{
		if (w->incarnation == incarnation)
			return true;
	}
	return false;
}

void keeper_start(struct keeper *k)
{
	struct kept *e, *next, *target;

	HASH_ITER(hh_id, k->by_id, e, next)
	{
		if (e->x.state == X_UNKNOWN || e->x.state == X_REVERSING)
			e->since_mono = keeper_mono(k); /* what time passed while we were down is nobody's word */
		if ((e->x.state == X_SENT || e->x.state == X_ACCEPTED) && e->x.joins == 0 &&
		        !worker_lives(k, e->x.worker))
			lose_leg(k, e);
		else
			kept_settle_down(k, e);
		if (e->x.joins != 0 && exchange_is_open(&e->x)) {
			kept_set_due(k, e, keeper_mono(k)); /* its target may have ended: look once */
			target = kept_find(k, e->x.joins);
			if (target != NULL)
				target->joined = true;
		}
	}
}

/* -- recovery ----------------------------------------------------------------------------------- */

void keeper_load(struct keeper *k, const struct exchange *x)
{
	struct kept *e = kept_find(k, x->id);

	if (e == NULL)
		e = kept_new(k, x->id);
	e->x = *x;
	kept_note_follow_up(k, e);
	kept_enter(k, e);
}

static void keep_worker(struct keeper *k, const struct rec *rec)
{
	uint32_t incarnation = (uint32_t)rec_get_u64(rec, REC_T_WORKER);
	struct written *w;

	if (incarnation > k->incarnation)
		k->incarnation = incarnation;
	HASH_FIND_INT(k->written, &incarnation, w);
	if (w == NULL) {
		w = calloc(1, sizeof(*w));
		YT_REQUIRE(w != NULL);
		w->incarnation = incarnation;
		HASH_ADD_INT(k->written, incarnation, w);
	}
	if (rec_get_u64(rec, REC_T_SEQ) > w->seq)
		w->seq = rec_get_u64(rec, REC_T_SEQ);
}

void keeper_replay(struct keeper *k, const struct rec *rec, log_pos pos)
{
	struct kept *e;

	if (rec->type == REC_NUMBER) {
		keeper_keep_number(k, rec);
	} else if (rec->type == REC_SESSION) {
		keeper_keep_session(k, rec);
	} else if (rec->type == REC_WORKER) {
		keep_worker(k, rec);
	} else if (rec->type == REC_LANE) {
		keeper_keep_lane(k, rec);
	} else if (rec->type == REC_ROOM && rec->exchange == 0) {
		keeper_keep_room(k, rec);
	} else if (rec->type == REC_FACTS) {
		keeper_keep_facts(k, rec, pos);
	} else if (rec->exchange != 0 && rec->type != REC_READ && rec->type != REC_REFUSED) {
		e = kept_find(k, rec->exchange);
		if (e == NULL && rec->type != REC_ACCEPTED)
			return; /* closed before the index position: only a late note of it */
		if (e == NULL)
			e = kept_new(k, rec->exchange);
		exchange_apply(&e->x, rec, pos);
		kept_note_follow_up(k, e);
		if (rec->type == REC_ACCEPTED)
			kept_enter(k, e);
		kept_free_number(k, e);
	}
}
