/* core/journal/keeper.c - decides what is admitted, who works what off, and who is told.
 *
 * process/keeper_process.c brings ring messages, commits and time; see keeper.h for the flow.  An exchange in
 * memory (struct kept) is found by its id, by its admission key (institution and number) and, while it
 * bars others, by its business key (P13).  It leaves memory when it is closed and the index has it.
 *
 *  - on_begin()     admission in one step: new, same, in flight, conflict, busy, joins
 *  - on_end()       the leg is over; unknown starts a follow-up
 *  - keeper_tick()  what is due goes to a worker under a lease, with numbers made durable first
 *  - keeper_committed() tells everybody whose records are on disk, and everybody who waits */
#include "journal/keeper_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "yitong/payout.h"

/* -- admission ---------------------------------------------------------------------------------- */

static bool answer_is_final(const struct keeper *k, const struct kept *e)
{
	const struct exchange *x = &e->x;

	return x->answered && x->answered_pos != 0 && e->holder == 0 && !x->reversal_wanted && !x->must_answer &&
	       (x->state == X_DONE || x->state == X_REFUSED || x->state == X_REVERSED) &&
	       (!exchange_is_open(x) || keeper_knows_leases(k));
}

/* It is over and there are no octets to tell: an operator decided, or they cannot be read back.  Silence, unless
 * a refusal is the truth: it would read as "did not happen". */
static void tell_nothing(struct keeper *k, uint32_t worker, uint64_t seq, struct kept *e)
{
	if (e->x.state == X_REFUSED && e->x.accepted_pos != 0)
		keeper_let_refuse(
		        k, e); /* surely no effect: a worker writes the answer that says so, once and for all */
	kept_wait(e, worker, seq);
	keeper_tell(k, worker, seq, e->x.id, DOWN_WAIT, (struct yt_str){ 0 });
}

/* The stored answer, the same octets as the first time (P2). */
static void tell_stored(struct keeper *k, uint32_t worker, uint64_t seq, struct kept *e)
{
	struct yt_buf reply = { 0 }, buf = { 0 };
	size_t at;

	if (k->world.fetch(k->world.ctx, e->x.answered_pos, e->x.id, REC_T_REPLY, &reply) != 0) {
		tell_nothing(k, worker, seq, e);
		yt_buf_free(&reply);
		return;
	}
	at = rec_begin(&buf, REC_ANSWERED, 0, e->x.id, keeper_wall(k));
	rec_u8(&buf, REC_T_OUTCOME, e->x.state == X_DONE ? YT_DONE : YT_REFUSED);
	rec_str(&buf, REC_T_REPLY, yt_buf_view(&reply));
	rec_end(&buf, at);
	if (exchange_awaits_delivery(&e->x)) {
		struct answer a = { .worker = worker,
			.seq = seq,
			.exchange = e->x.id,
			.kind = DOWN_STORED,
			.is_offer = true,
			.payload = buf };

		keeper_note_delivery(k, e, "offered");
		utarray_push_back(k->answers, &a); /* owns the payload from here on */
	} else {
		keeper_tell(k, worker, seq, e->x.id, DOWN_STORED, yt_buf_view(&buf));
		yt_buf_free(&buf);
	}
	if (e->due_mono != 0)
		kept_set_due(k, e, keeper_mono(k) + k->conf.undelivered_ms); /* it is being fetched just now */
	yt_buf_free(&reply);
}

/* Those who waited while it might have been about to be reversed. */
static void serve_waiters(struct keeper *k, struct kept *e)
{
	struct waiter *w;

	while ((w = e->waiters) != NULL && answer_is_final(k, e)) {
		LL_DELETE(e->waiters, w);
		tell_stored(k, w->worker, w->seq, e);
		free(w);
	}
}

void keeper_serve_waiters(struct keeper *k)
{
	struct kept *e, *next;

	HASH_ITER(hh_id, k->by_id, e, next)
	serve_waiters(k, e);
}

/* Its end may be on its way to the disk: then it is told with the commit that is out, and so offered from now on. */
static void wait_for_answer(struct keeper *k, uint32_t worker, uint64_t seq, struct kept *e)
{
	kept_wait(e, worker, seq);
	if (exchange_awaits_delivery(&e->x) && !e->x.reversal_wanted && e->x.answered_pos == 0)
		keeper_note_delivery(k, e, "offered");
}

/* The same number was admitted before. */
static void on_known(
        struct keeper *k, uint32_t worker, const struct talk *talk, const struct rec *accepted, struct kept *e)
{
	struct yt_str digest = rec_get(accepted, REC_T_DIGEST);

	if (digest.n != sizeof(e->x.digest) || memcmp(digest.p, e->x.digest, digest.n) != 0) {
		keeper_tell(k, worker, talk->seq, e->x.id, DOWN_CONFLICT, (struct yt_str){ 0 });
	} else if (answer_is_final(k, e)) {
		tell_stored(k, worker, talk->seq, e);
	} else if (!exchange_is_open(&e->x) && !e->x.answered) {
		tell_nothing(k, worker, talk->seq, e);
	} else {
		wait_for_answer(k, worker, talk->seq, e);
		keeper_tell(k, worker, talk->seq, e->x.id, DOWN_WAIT, (struct yt_str){ 0 });
		keeper_let_go(k, e);
	}
}

/* What an origin can name: never what we let follow from its settlements. */
static int find_original(struct keeper *k, struct yt_str institution, struct yt_str number, struct kept **target)
{
	int rv = kept_find_number(k, institution, number, target);

	if (*target != NULL && ((*target)->x.flags & REC_X_FOLLOW_UP) != 0)
		*target = NULL;
	return rv;
}

/* The exchange that an origin's own reversal speaks of; *target NULL: none, or this is no reversal. */
static int find_target(struct keeper *k, const struct rec *accepted, struct kept **target)
{
	struct yt_str original = rec_get(accepted, REC_T_ORIGINAL);

	*target = NULL;
	if (rec_get_u64(accepted, REC_T_OPERATION) != YT_OP_REVERSE || original.n == 0)
		return 0;
	return find_original(k, rec_get(accepted, REC_T_INSTITUTION), original, target);
}

/* Its outcome is still being found out: the reversal joins.  One that was answered is sent on, unless the origin's
 * words mean nothing to the original's party, or to the one that the reversal's own route leads to: then we undo it. */
static bool is_joined(const struct rec *reversal, const struct kept *target)
{
	if (target == NULL)
		return false;
	if ((target->x.flags & rec_get_u64(reversal, REC_T_FLAGS)) & REC_X_RELAYED)
		return false; /* its sender's signed words undo it, ours could not (crossprovince.md 5.2, U5) */
	if (((target->x.flags | rec_get_u64(reversal, REC_T_FLAGS)) & REC_X_FOREIGN) && target->x.state == X_DONE)
		return true;
	return exchange_is_open(&target->x) &&
	       (target->x.state != X_DONE || target->holder != 0 || target->x.reversal_wanted);
}

static struct kept *admit(struct keeper *k, const struct rec *accepted)
{
	struct kept *e = kept_new(k, accepted->exchange);

	keeper_copy_str(e->x.institution, sizeof(e->x.institution), rec_get(accepted, REC_T_INSTITUTION));
	keeper_copy_str(e->x.number, sizeof(e->x.number), rec_get(accepted, REC_T_NUMBER));
	kept_enter(k, e);
	return e;
}

/* The origin's reversal is written down as joined; the target is undone, and its end answers both. */
static void join(
        struct keeper *k, uint32_t worker, const struct talk *talk, const struct rec *accepted, struct kept *target)
{
	struct kept *e = admit(k, accepted);
	struct yt_buf buf = { 0 };
	size_t at = 0;

	yt_buf_str(&buf, accepted->whole);
	rec_u64(&buf, REC_T_JOINS, target->x.id);
	rec_end(&buf, at);
	keeper_write_own(k, &buf);
	yt_buf_clear(&buf);
	if (target->x.state == X_PARKED) /* its origin asks again: so do we, and what is wanted now comes after that */
		(void)keeper_decide(k, target->x.id, "retry", YT_STR("origin"), YT_STR("its origin sent a reversal"));
	at = rec_begin(&buf, REC_JOINED, 0, target->x.id, keeper_wall(k));
	rec_u64(&buf, REC_T_JOINS, e->x.id);
	rec_end(&buf, at);
	keeper_write_own(k, &buf);
	yt_buf_free(&buf);
	kept_wait(e, worker, talk->seq);
	keeper_answer_later(k, worker, talk->seq, e->x.id, DOWN_WAIT);
	target->joined = true;
	kept_settle_down(k, target);
	if (target->holder == 0 && target->x.state == X_UNKNOWN)
		kept_set_due(k, target, keeper_mono(k)); /* the origin itself asks for it: no waiting */
}

/* A reversal that is sent on bars its original's visit while it is out (P13): its accepted record is
 * written with the business key of what it names. */
static void bar_target(struct keeper *k, struct yt_str *rest, const struct rec *accepted, const struct kept *target)
{
	struct yt_buf buf = { 0 };
	struct rec_field field;
	size_t at, pos = 0;

	if (target == NULL || target->x.business_key[0] == 0 || kept_find_business(k, target->x.business_key) != NULL)
		return;
	at = rec_begin(&buf, REC_ACCEPTED, accepted->flags, accepted->exchange, accepted->wall_ms);
	while (rec_next(accepted, &pos, &field))
		if (field.tag != REC_T_FLAGS)
			rec_bytes(&buf, (enum rec_tag)field.tag, field.value.p, field.value.n);
	rec_str(&buf, REC_T_BUSINESS_KEY, yt_str(target->x.business_key));
	rec_u32(&buf, REC_T_FLAGS, (uint32_t)rec_get_u64(accepted, REC_T_FLAGS) | REC_X_SETTLEMENT);
	rec_end(&buf, at);
	keeper_write_own(k, &buf);
	yt_buf_free(&buf);
	rest->p += accepted->whole.n;
	rest->n -= accepted->whole.n;
}

/* Its own incarnation stands in it: by that its legs are known as lost when it dies. */
static bool is_of(struct keeper *k, uint32_t worker, const struct rec *accepted)
{
	struct known_worker *w;

	HASH_FIND_INT(k->workers, &worker, w);
	return w != NULL && w->incarnation == rec_get_u64(accepted, REC_T_WORKER);
}

/* Uploads of one visit do not bar one another; they bar what withdraws them, which must not find half of one. */
static bool is_upload(const struct rec *accepted)
{
	uint64_t op = rec_get_u64(accepted, REC_T_OPERATION);

	return op == YT_OP_OUTPATIENT_FEES || op == YT_OP_INPATIENT_FEES;
}

/* What was admitted under its number, or pays that, since it stood in a list. */
static int find_known(struct keeper *k, const struct rec *accepted, struct kept **known)
{
	struct yt_str institution = rec_get(accepted, REC_T_INSTITUTION), number = rec_get(accepted, REC_T_NUMBER);
	int rv = kept_find_number(k, institution, number, known);

	if (rv != 0 || *known != NULL || rec_get_u64(accepted, REC_T_OPERATION) != YT_OP_PAY_ORDER ||
	        rec_get(accepted, REC_T_THEN).n == 0)
		return rv;
	return keeper_find_payout(k, institution, number, known);
}

static int on_begin(struct keeper *k, uint32_t worker, const struct talk *talk)
{
	struct yt_str rest = talk->payload;
	struct kept *e, *target;
	struct rec accepted, rec;
	char business[96];
	const char *why;
	size_t used;

	if (keeper_check_records(k, worker, talk) != 0 || rec_read(rest, &accepted, &used) != 0 ||
	        accepted.type != REC_ACCEPTED || !is_of(k, worker, &accepted))
		return YT_ECORRUPT;
	e = kept_find(k, talk->exchange);
	if (e != NULL) { /* a keeper before us had written it and did not live to say so */
		if (e->x.state == X_SENT) {
			keeper_answer_later(k, worker, talk->seq, talk->exchange, DOWN_ADMITTED);
			return 0;
		}
		kept_wait(e, worker, talk->seq);
		keeper_answer_later(k, worker, talk->seq, talk->exchange, DOWN_WAIT);
		return 0;
	}
	if (find_known(k, &accepted, &e) != 0 ||
	        find_target(k, &accepted, &target) != 0) { /* it may have been settled: say nothing at all */
		keeper_tell(k, worker, talk->seq, 0, DOWN_WAIT, (struct yt_str){ 0 });
		return 0;
	}
	if (e != NULL) {
		on_known(k, worker, talk, &accepted, e);
		return 0;
	}
	why = k->world.closed(k->world.ctx);
	if (why == NULL && HASH_CNT(hh_id, k->by_id) - k->n_follow_ups >= k->conf.exchanges)
		why = "too many exchanges are open";
	if (why == NULL && rec_get(&accepted, REC_T_THEN).n != 0 && keeper_has_enough_follow_ups(k))
		why = "too many follow-ups are open: what it causes could not be seen to";
	if (why == NULL && keeper_has_tombstone(k, &accepted))
		why = "its origin reversed it before it came";
	if (why != NULL) {
		keeper_tell_reason(k, worker, talk->seq, DOWN_CLOSED, why);
		return 0;
	}
	if (is_joined(&accepted, target)) {
		join(k, worker, talk, &accepted, target);
		return 0;
	}
	keeper_copy_str(business, sizeof(business), rec_get(&accepted, REC_T_BUSINESS_KEY));
	e = business[0] != 0 && !is_upload(&accepted) ? kept_find_business(k, business) : NULL;
	if (e != NULL) {
		keeper_tell(k, worker, talk->seq, e->x.id, DOWN_BUSY, (struct yt_str){ 0 });
		return 0;
	}
	e = admit(k, &accepted);
	if (rec_get_u64(&accepted, REC_T_OPERATION) == YT_OP_REVERSE && target == NULL)
		keeper_add_tombstone(k, &accepted);
	bar_target(k, &rest, &accepted, target);
	for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used)
		keeper_write_down(k, &rec);
	if (e->x.flow[0] != 0) { /* worked off step by step under leases; its end is the answer */
		kept_wait(e, worker, talk->seq);
		keeper_answer_later(k, worker, talk->seq, talk->exchange, DOWN_WAIT);
	} else {
		keeper_answer_later(k, worker, talk->seq, talk->exchange, DOWN_ADMITTED);
		((struct answer *)utarray_back(k->answers))->is_first = true;
	}
	kept_settle_down(k, e);
	return 0;
}

/* -- legs, leases, notes ------------------------------------------------------------------------ */

/* A forwarded reversal succeeded: what it names is undone, whoever sent it. */
static void note_forwarded_reversal(struct keeper *k, const struct kept *e)
{
	struct kept *target;
	struct yt_buf buf = { 0 };
	size_t at;

	if (e->x.op != YT_OP_REVERSE || e->x.state != X_DONE || e->x.joins != 0 || e->x.original[0] == 0)
		return;
	if (find_original(k, yt_str(e->x.institution), yt_str(e->x.original), &target) != 0 || target == NULL ||
	        target->x.state == X_REVERSED)
		return;
	at = rec_begin(&buf, REC_REVERSED, 0, target->x.id, keeper_wall(k));
	rec_u64(&buf, REC_T_JOINS, e->x.id);
	rec_str(&buf, REC_T_REASON, YT_STR("reversed by its origin"));
	rec_end(&buf, at);
	keeper_write_own(k, &buf);
	yt_buf_free(&buf);
	kept_settle_down(k, target);
}

/* It was written down by a keeper before us, whose verdict was lost. */
static void tell_end_again(struct keeper *k, uint32_t worker, const struct talk *talk, struct kept *e)
{
	if (answer_is_final(k, e) && e->x.state == X_REVERSED) {
		tell_stored(k, worker, talk->seq, e);
	} else if (answer_is_final(k, e)) {
		keeper_answer_later(k, worker, talk->seq, talk->exchange, DOWN_DURABLE);
	} else {
		kept_wait(e, worker, talk->seq);
		keeper_answer_later(k, worker, talk->seq, talk->exchange, DOWN_WAIT);
	}
}

static bool is_its_own(struct keeper *k, uint32_t worker, const struct kept *e)
{
	struct known_worker *w;

	HASH_FIND_INT(k->workers, &worker, w);
	return w != NULL && w->incarnation == e->x.worker;
}

static int on_end(struct keeper *k, uint32_t worker, const struct talk *talk)
{
	struct kept *e = kept_find(k, talk->exchange);

	if (keeper_check_records(k, worker, talk) != 0)
		return YT_ECORRUPT;
	if (e == NULL ||
	        e->x.state == X_REFUSED) { /* admitted by a keeper after the one that refused it, and noted so */
		keeper_answer_later(k, worker, talk->seq, talk->exchange, DOWN_DURABLE);
		return 0;
	}
	if (e->x.state != X_SENT) {
		if (!is_its_own(k, worker, e))
			return YT_ECORRUPT;
		tell_end_again(k, worker, talk, e);
		return 0;
	}
	keeper_write_all(k, talk->payload);
	keeper_offer_to_waiters(k, e, X_SENT);
	if (e->x.state == X_UNKNOWN || e->x.reversal_wanted) {
		kept_wait(e, worker, talk->seq);
		keeper_answer_later(k, worker, talk->seq, e->x.id, DOWN_WAIT);
	} else {
		keeper_answer_later(k, worker, talk->seq, e->x.id, DOWN_DURABLE);
		((struct answer *)utarray_back(k->answers))->is_offer = true;
	}
	kept_settle_down(k, e);
	note_forwarded_reversal(k, e);
	return 0;
}

/* Its party refused it for now, and it is to leave once more, as another message; unless its origin wants it undone by
 * now, or nothing new may leave. */
static int on_again(struct keeper *k, uint32_t worker, const struct talk *talk)
{
	struct kept *e = kept_find(k, talk->exchange);

	if (keeper_check_records(k, worker, talk) != 0 || (e != NULL && !is_its_own(k, worker, e)))
		return YT_ECORRUPT;
	if (e == NULL || e->x.state != X_SENT || e->x.reversal_wanted || k->world.closed(k->world.ctx) != NULL) {
		keeper_tell(k, worker, talk->seq, talk->exchange, DOWN_CLOSED, (struct yt_str){ 0 });
		return 0;
	}
	keeper_write_all(k, talk->payload);
	keeper_answer_later(k, worker, talk->seq, talk->exchange, DOWN_ADMITTED);
	return 0;
}

/* The answer as it is kept, now or when it is. */
static void tell_as_kept(struct keeper *k, uint32_t worker, uint64_t seq, struct kept *e)
{
	if (answer_is_final(k, e))
		tell_stored(k, worker, seq, e);
	else if (!exchange_is_open(&e->x) && !e->x.answered)
		tell_nothing(k, worker, seq, e);
	else
		wait_for_answer(k, worker, seq, e);
	keeper_let_go(k, e);
}

/* Nobody can have heard the answer that is kept: it is its worker's to hand out, and was offered to nobody else. */
static bool is_unheard(const struct kept *e)
{
	return e->x.state == X_DONE && e->x.answered && e->x.answered_pos != 0 && e->x.offers == 1 && !e->x.delivered &&
	       !e->x.reversal_wanted && !e->x.must_answer && e->holder == 0;
}

/* What an insurer decided at once is to stand in an answer that is kept already.  Once anybody may have heard that, it
 * stays as it is, and is what everybody hears. */
static int on_amend(struct keeper *k, uint32_t worker, const struct talk *talk, bool was_written)
{
	struct kept *e = kept_find(k, talk->exchange);
	struct rec rec;
	size_t used;

	if (keeper_check_records(k, worker, talk) != 0 || (e != NULL && !is_its_own(k, worker, e)) ||
	        rec_read(talk->payload, &rec, &used) != 0 || used != talk->payload.n ||
	        rec_get_u64(&rec, REC_T_OUTCOME) != YT_DONE || rec_get_u64(&rec, REC_T_FLAGS) != REC_X_AMENDED)
		return YT_ECORRUPT;
	if (e == NULL) {
		keeper_tell(k, worker, talk->seq, talk->exchange, DOWN_CLOSED, (struct yt_str){ 0 });
	} else if (was_written || !is_unheard(e)) {
		tell_as_kept(k, worker, talk->seq, e);
	} else {
		keeper_write_down(k, &rec);
		keeper_note_delivery(k, e, "offered");
		keeper_answer_later(k, worker, talk->seq, e->x.id, DOWN_DURABLE);
		((struct answer *)utarray_back(k->answers))->is_offer = true;
		kept_settle_down(k, e);
	}
	return 0;
}

/* An answer came after its outcome had been unknown.  Evidence, if nothing was begun yet; else only
 * a reason to reverse again. */
static int on_late(struct keeper *k, uint32_t worker, const struct talk *talk)
{
	struct kept *e = kept_find(k, talk->exchange);
	struct rec rec;
	size_t used;

	if (keeper_check_records(k, worker, talk) != 0 || rec_read(talk->payload, &rec, &used) != 0 ||
	        rec.type != REC_OUTCOME)
		return YT_ECORRUPT;
	if (e == NULL || (e->x.answered && e->x.state == X_DONE)) {
		keeper_tell(k, worker, talk->seq, talk->exchange, DOWN_MOOT, (struct yt_str){ 0 });
		return 0;
	}
	if (e->x.state == X_UNKNOWN && e->holder == 0 && !e->x.reversal_wanted && e->x.attempts == 0 &&
	        keeper_knows_leases(k)) {
		e->due_mono = 0; /* that was for finding out: a success waits to be fetched */
		keeper_write_all(k, talk->payload);
		keeper_offer_to_waiters(k, e, X_UNKNOWN);
		keeper_answer_later(k, worker, talk->seq, e->x.id, DOWN_DURABLE);
	} else {
		keeper_write_down(k, &rec); /* the outcome only: it counts as a late success */
		keeper_answer_later(k, worker, talk->seq, e->x.id, DOWN_MOOT);
		if (e->x.state == X_REVERSING && e->holder == 0)
			kept_set_due(k, e, keeper_mono(k));
	}
	kept_settle_down(k, e);
	note_forwarded_reversal(k, e);
	return 0;
}

static void on_held(struct keeper *k, uint32_t worker, const struct talk *talk)
{
	struct kept *e;

	(void)keeper_wake(k, talk->exchange, &e);
	if (e == NULL || e->holder != 0 || !exchange_is_open(&e->x))
		return;
	kept_begin_lease(k, e, worker);
	e->ended = (e->x.flags & REC_X_FOLLOW_UP) != 0 && e->x.reversal_wanted && !e->x.undoing;
	e->told_facts = e->held_in != NULL; /* a keeper before us may have known so */
}

static bool worker_is_ready(struct keeper *k, uint32_t worker)
{
	struct known_worker *w;

	HASH_FIND_INT(k->workers, &worker, w);
	return w != NULL && w->ready;
}

/* The order of a payment is about to leave, first or once more, and its settlement was undone, or its cancel
 * came, while a worker had it, or its bank told that the one before was paid after all, or before it ever left its
 * insurer something of the claim.  What such a worker knows of already it does not order. */
static bool has_unwanted_order(struct keeper *k, const struct kept *e, const struct talk *talk)
{
	struct yt_str rest = talk->payload;
	struct rec rec;
	size_t used;

	bool is_news = e->x.told && (e->x.flags & REC_X_UNASKED) != 0 &&
	               (e->x.pay_no[0] == '\0' || (e->x.flags & REC_X_STAYED) != 0);

	if (talk->kind != UP_STEP || (e->x.flags & REC_X_FOLLOW_UP) == 0 ||
	        (!is_news && !e->x.reversal_wanted && (e->x.flags & REC_X_HELD) == 0 &&
	                !keeper_is_being_cancelled(k, &e->x)))
		return false;
	for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used)
		if (rec.type == REC_SENDING && rec_get_u64(&rec, REC_T_LEG) == REC_LEG_STEP &&
		        rec_get(&rec, REC_T_PAY_MSG).n != 0)
			return true;
	return false;
}

/* It does not leave: the lease is over, what was heard under it is kept, and the next one undoes, or people look. */
static void stop_order(struct keeper *k, uint32_t worker, const struct talk *talk, struct kept *e)
{
	struct yt_str rest = talk->payload;
	bool told = e->x.told;
	struct rec rec;
	size_t used;

	kept_end_lease(k, e);
	e->due_mono = 0;
	for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used)
		if (rec.type != REC_SENDING)
			keeper_write_down(k, &rec);
	keeper_tell(k, worker, talk->seq, talk->exchange, DOWN_MOOT, (struct yt_str){ 0 });
	if (told)
		keeper_told_meanwhile(k, e);
	keeper_hold_told(k, e);
	keeper_ended_meanwhile(k, e);
	if (e->x.state == X_UNKNOWN && e->due_mono == 0) /* until that cancel is over; what has left is asked for */
		kept_set_due(k, e,
		        keeper_mono(k) +
		                (e->x.step_state == STEP_OUT ? yt_pay_ask_after_ms(e->x.asks + 1) : FOLLOW_UP_TURN_MS));
}

/* All that a lease brought is kept, or, where what it orders cannot be, nothing of it. */
static void write_lease(struct keeper *k, const struct talk *talk, struct kept *e)
{
	enum exchange_state before = e->x.state;
	bool was_wanted = e->x.reversal_wanted;

	if (talk->kind == UP_RETURN &&
	        (keeper_parks_used_number(k, e, talk->payload) || keeper_parks_too_early(k, e, talk->payload)))
		return;
	keeper_write_all(k, talk->payload);
	keeper_undone_in_vain(k, e, before, was_wanted);
	keeper_take_notices(k, talk->payload);
	keeper_offer_to_waiters(k, e, before);
}

static int on_lease_records(struct keeper *k, uint32_t worker, const struct talk *talk)
{
	bool told, is_known;
	struct kept *e;

	(void)keeper_wake(k, talk->exchange, &e);
	if (keeper_check_records(k, worker, talk) != 0)
		return YT_ECORRUPT;
	if (e == NULL || !exchange_is_open(&e->x)) { /* what was to be found out has come by itself: a late answer */
		keeper_tell(k, worker, talk->seq, talk->exchange, DOWN_MOOT, (struct yt_str){ 0 });
		if (e != NULL && e->holder == worker) {
			kept_end_lease(k, e);
			serve_waiters(k, e);
		}
		return 0;
	}
	if (e->holder == 0 && !worker_is_ready(k, worker))
		on_held(k, worker, talk); /* said to a keeper before us, which did not live to write it */
	if (e->holder != worker)
		return YT_ECORRUPT; /* a lease ends only by return or death */
	if (keeper_check_piece(e, talk->payload, &is_known) != 0)
		return YT_ECORRUPT;
	if (is_known) {
		keeper_answer_later(k, worker, talk->seq, e->x.id, DOWN_DURABLE);
		return 0;
	}
	if (has_unwanted_order(k, e, talk)) {
		stop_order(k, worker, talk, e);
		return 0;
	}
	if (talk->kind == UP_RETURN) {
		kept_end_lease(k, e);
		e->due_mono = 0;
	}
	told = e->x.told;
	write_lease(k, talk, e);
	keeper_answer_later(k, worker, talk->seq, e->x.id, DOWN_DURABLE);
	kept_settle_down(k, e);
	if (told && talk->kind == UP_RETURN)
		keeper_told_meanwhile(k, e);
	if (talk->kind == UP_RETURN)
		keeper_hold_told(k, e);
	if (e->ended && talk->kind == UP_RETURN)
		keeper_ended_meanwhile(k, e);
	if (talk->kind == UP_RETURN) {
		keeper_let_go(k, e);
		keeper_waited_meanwhile(k, e);
		keeper_wake_waiting(k, e);
		keeper_wake_results(k, talk->payload);
	}
	note_forwarded_reversal(k, e);
	serve_waiters(k, e);
	return 0;
}

static int on_note(struct keeper *k, uint32_t worker, const struct talk *talk)
{
	struct yt_str rest = talk->payload;
	struct kept *e;
	struct rec rec;
	size_t used;

	if (keeper_check_records(k, worker, talk) != 0)
		return YT_ECORRUPT;
	for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used) {
		keeper_write_down(k, &rec);
		if (rec.type == REC_SESSION)
			keeper_keep_session(k, &rec);
		e = kept_find(k, rec.exchange);
		if (e != NULL)
			kept_settle_down(k, e);
	}
	return 0;
}

static void on_hello(struct keeper *k, uint32_t worker, const struct talk *talk)
{
	struct yt_buf buf = { 0 };
	struct known_worker *w;
	size_t at;

	HASH_FIND_INT(k->workers, &worker, w);
	if (w == NULL)
		return;
	if (w->incarnation == 0) {
		w->incarnation = ++k->incarnation;
		w->ready = true;
	} /* else a keeper before us may have welcomed it, and given it leases */
	at = rec_begin(&buf, REC_WORKER, 0, 0, keeper_wall(k));
	rec_u32(&buf, REC_T_WORKER, w->incarnation);
	rec_end(&buf, at);
	keeper_write_own(k, &buf);
	yt_buf_free(&buf);
	keeper_answer_later(k, worker, talk->seq, w->incarnation, DOWN_WELCOME);
}

/* A keeper before us owed this worker word of an exchange. */
static void on_wait(struct keeper *k, uint32_t worker, const struct talk *talk)
{
	struct kept *e;
	struct rec rec;
	size_t used;

	if (rec_read(talk->payload, &rec, &used) != 0)
		return;
	if (kept_find_number(k, rec_get(&rec, REC_T_INSTITUTION), rec_get(&rec, REC_T_NUMBER), &e) != 0)
		return; /* the worker gives up in silence when its origin does */
	if (e == NULL)
		return; /* it may stand on another worker's ring still: silence is never wrong */
	tell_as_kept(k, worker, talk->seq, e);
}

/* A keeper before us had written this message down and did not live to say so. */
static bool was_written(struct keeper *k, uint32_t worker, const struct talk *talk)
{
	struct kept *e = kept_find(k, talk->exchange);

	switch (talk->kind) {
	case UP_END:
		if (e != NULL) {
			tell_end_again(k, worker, talk, e);
			return true;
		}
		/* fall through */
	case UP_LATE:
	case UP_STEP:
	case UP_RETURN:
		keeper_answer_later(k, worker, talk->seq, talk->exchange, DOWN_DURABLE);
		return true;
	case UP_NOTE:
		return true;
	default:
		return false; /* admission, an amendment, hello, held: decided anew, on_begin() knows its exchange */
	}
}

int keeper_message(struct keeper *k, uint32_t worker, const struct talk *talk)
{
	struct known_worker *w;

	HASH_FIND_INT(k->workers, &worker, w);
	if (w == NULL || (w->seq != 0 && talk->seq <= w->seq))
		return YT_ECORRUPT;
	w->seq = talk->seq;
	if (talk->seq <= w->written && was_written(k, worker, talk))
		return 0;
	w->seq_is_new = talk->seq > w->written;
	switch (talk->kind) {
	case UP_HELLO:
		on_hello(k, worker, talk);
		return 0;
	case UP_BEGIN:
		return on_begin(k, worker, talk);
	case UP_END:
		return on_end(k, worker, talk);
	case UP_LATE:
		return on_late(k, worker, talk);
	case UP_AGAIN:
		return on_again(k, worker, talk);
	case UP_AMEND:
		return on_amend(k, worker, talk, !w->seq_is_new);
	case UP_STEP:
	case UP_RETURN:
		return on_lease_records(k, worker, talk);
	case UP_NOTE:
		return on_note(k, worker, talk);
	case UP_HELD:
		on_held(k, worker, talk);
		return 0;
	case UP_SESSION:
		return keeper_on_session(k, worker, talk);
	case UP_FACTS:
		return keeper_on_facts(k, worker, talk);
	case UP_WAIT:
		on_wait(k, worker, talk);
		return 0;
	case UP_READY:
		w->ready = w->ready ||
		           talk->exchange == k->epoch; /* else said to a keeper before us: leases came after it */
		if (keeper_knows_leases(k))
			keeper_serve_waiters(k);
		return 0;
	default:
		return YT_ECORRUPT;
	}
}
