/* core/journal/keeper_turn.c - one turn of the keeper: what is due is leased, what is gathered is committed, and
 * everybody whose records are durable, or who waits for them, is told. */
#include "journal/keeper_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* How far a worker's ring is written down, with this commit, so that a keeper after us knows. */
void keeper_write_seq(struct keeper *k, struct known_worker *w)
{
	size_t at;

	if (!w->seq_is_new || w->incarnation == 0)
		return;
	at = rec_begin(&k->pending, REC_WORKER, REC_NOWAIT, 0, keeper_wall(k));
	rec_u32(&k->pending, REC_T_WORKER, w->incarnation);
	rec_u64(&k->pending, REC_T_SEQ, w->seq);
	rec_end(&k->pending, at);
	w->seq_is_new = false;
}

/* -- follow-ups --------------------------------------------------------------------------------- */

/* The worker that holds the request in clear, if it lives: a flow with credentials can go on there alone. */
static struct known_worker *worker_of(struct keeper *k, const struct kept *e)
{
	struct known_worker *w, *next;

	bool is_waited_for = (e->x.flags & REC_X_ONE_STOP) != 0 && e->x.step == 0;

	if (e->x.flow[0] == 0 || ((e->x.flags & REC_X_FOLLOW_UP) && !is_waited_for) || !keeper_knows_leases(k))
		return NULL; /* of a follow-up nobody has more than is written down */
	HASH_ITER(hh, k->workers, w, next)
	{
		if (w->incarnation == e->x.worker && (!w->drains || e->x.step == 0)) /* its origin waits there */
			return w;
	}
	return NULL;
}

static struct known_worker *pick_worker(struct keeper *k)
{
	struct known_worker *w, *next, *best = NULL;
	uint32_t i = 0, n = HASH_COUNT(k->workers), turn;

	if (n == 0)
		return NULL;
	turn = k->turn++ % n;
	HASH_ITER(hh, k->workers, w, next)
	{
		if (!w->ready)
			return NULL; /* it may hold what we would hand out */
		if (w->incarnation != 0 && !w->drains && (best == NULL || i == turn))
			best = w;
		i++;
	}
	return best;
}

static void lease_bodies(struct keeper *k, const struct kept *e, struct yt_buf *buf)
{
	struct yt_buf octets = { 0 };
	int rv = YT_ENOTFOUND;

	if (e->x.accepted_pos != 0 &&
	        k->world.fetch(k->world.ctx, e->x.accepted_pos, e->x.id, REC_T_REQUEST, &octets) == 0)
		rec_str(buf, REC_T_REQUEST, yt_buf_view(&octets));
	yt_buf_clear(&octets);
	if (e->x.sent_pos != 0)
		rv = k->world.fetch(k->world.ctx, e->x.sent_pos, e->x.id, REC_T_SENT, &octets);
	if (rv == 0)
		rec_str(buf, REC_T_SENT, yt_buf_view(&octets));
	else if (rv != YT_ENOTFOUND)
		rec_str(buf, REC_T_REASON, YT_STR("what was sent cannot be read back"));
	yt_buf_free(&octets);
}

static void lease_octets(struct keeper *k, const struct exchange *x, log_pos pos, enum rec_tag tag, struct yt_buf *buf)
{
	struct yt_buf octets = { 0 };

	if (pos != 0 && k->world.fetch(k->world.ctx, pos, x->id, tag, &octets) == 0)
		rec_str(buf, tag, yt_buf_view(&octets));
	yt_buf_free(&octets);
}

/* What the steps of a flow sent and got so far: the next ones are made of it. */
static void lease_steps(struct keeper *k, const struct exchange *x, struct yt_buf *buf)
{
	for (unsigned i = 0; i < REC_STEPS_MAX; i++) {
		lease_octets(k, x, x->step_sent[i], (enum rec_tag)(REC_T_STEP_SENT + i), buf);
		lease_octets(k, x, x->step_got[i], (enum rec_tag)(REC_T_STEP_GOT + i), buf);
	}
	lease_octets(k, x, x->undo_sent, REC_T_UNDO_SENT, buf);
}

/* All octets that the lease needs, or none: with more than a ring takes it would stop all that comes behind it, and
 * with none the worker parks the exchange, for an operator. */
static void lease_all_bodies(struct keeper *k, const struct kept *e, struct yt_buf *buf)
{
	size_t before = buf->n;

	lease_bodies(k, e, buf);
	if (e->x.flow[0] != 0)
		lease_steps(k, &e->x, buf);
	if (k->conf.message_bytes == 0 || buf->n <= k->conf.message_bytes)
		return;
	buf->n = before;
	rec_str(buf, REC_T_REASON, YT_STR("its octets are more than limits.ring_mib takes"));
}

/* A follow-up is tried for days, over restarts of ours; of what somebody waits for, time counts only while we are up.
 */
static uint64_t elapsed_ms(const struct keeper *k, const struct kept *e)
{
	bool follows = (e->x.flags & REC_X_FOLLOW_UP) != 0;
	int64_t since = follows ? e->x.unknown_since_ms : e->since_mono,
	        now = follows ? keeper_wall(k) : keeper_mono(k);

	return since == 0 || now < since ? 0 : (uint64_t)(now - since);
}

/* Nothing where the index cannot tell.  Of a settlement that is not there any more nobody knows: people look. */
static void lease_amended(struct keeper *k, const struct exchange *x, struct yt_buf *buf)
{
	struct kept *cause;
	bool is_amended;

	if ((x->flags & REC_X_ONE_STOP) == 0 ||
	        kept_find_number(k, yt_str(x->institution), yt_str(x->original), &cause) != 0)
		return;
	is_amended = cause != NULL && (cause->x.flags & REC_X_AMENDED) != 0;
	rec_str(buf, REC_T_RESULT, is_amended ? YT_STR("amended") : YT_STR("unamended"));
}

#define PAY_NUMBERS "+/pay" /* no institution is called so */

/* The digits of a payout's number, never given twice whatever the clock does; what has one keeps it. */
static void lease_pay_number(struct keeper *k, const struct exchange *x, struct yt_buf *buf)
{
	static const uint8_t none[sizeof(x->pay_digest)];
	char time[15], digits[32];
	int64_t second;
	uint32_t serial;

	if (x->pay_no[0] != 0 || memcmp(x->pay_digest, none, sizeof(none)) == 0)
		return;
	keeper_next_numbers(k, PAY_NUMBERS, 1, &second, &serial);
	yt_time_compact(second * 1000, time);
	snprintf(digits, sizeof(digits), "%s%04u00", time, (unsigned)(serial % 10000));
	rec_str(buf, REC_T_PAY_NO, yt_str(digits));
}

/* The lease of an exchange, one record: STATE (struct exchange), what was asked and sent, our next
 * numbers (SECOND, SERIAL ..), how long the outcome has been unknown (ELAPSED, ms) and how long nothing has
 * been sent that may still take effect (QUIET, ms), for a joined reversal the RESULT of its target, for a claim that a
 * settlement's origin waited for whether its answer was "amended" or "unamended", and where a payment is about to leave
 * the digits of its number (PAY_NO). */
static void keeper_lease(struct keeper *k, struct known_worker *w, struct kept *e)
{
	struct answer a = { .worker = w->worker, .exchange = e->x.id, .kind = DOWN_LEASE };
	struct kept *target;
	uint32_t serial;
	int64_t second;
	size_t at;

	keeper_next_numbers(k, e->x.institution, NUMBERS_PER_LEASE, &second, &serial);
	if (e->since_mono == 0)
		e->since_mono = keeper_mono(k); /* so that what cannot be undone is parked some day */
	at = rec_begin(&a.payload, REC_CARRIED, 0, e->x.id, keeper_wall(k));
	rec_bytes(&a.payload, REC_T_STATE, &e->x, sizeof(e->x));
	rec_i64(&a.payload, REC_T_SECOND, second);
	rec_u32(&a.payload, REC_T_SERIAL, serial);
	rec_u64(&a.payload, REC_T_ELAPSED, elapsed_ms(k, e));
	if (e->since_mono != 0)
		rec_u64(&a.payload, REC_T_QUIET,
		        (uint64_t)(keeper_mono(k) - (e->resent_mono > e->since_mono ? e->resent_mono : e->since_mono)));
	if (e->x.joins != 0) {
		target = kept_find(k, e->x.joins);
		rec_str(&a.payload, REC_T_RESULT,
		        yt_str(target == NULL ? "reversed" : exchange_state_name(target->x.state)));
	}
	lease_amended(k, &e->x, &a.payload);
	lease_pay_number(k, &e->x, &a.payload);
	lease_all_bodies(k, e, &a.payload);
	rec_end(&a.payload, at);
	kept_begin_lease(k, e, w->worker);
	utarray_push_back(k->answers, &a);
	k->urgent = true;
}

/* A joined reversal has nothing to do before its target has ended. */
static bool must_wait(struct keeper *k, const struct kept *e)
{
	struct kept *target;

	if (e->x.joins == 0)
		return false;
	target = kept_find(k, e->x.joins);
	return target != NULL && exchange_is_open(&target->x);
}

/* What a heap entry speaks of is done, said again with another time, to be woken by its target, or people have it. */
static bool is_stale(struct keeper *k, struct kept *e, const struct share *s, const struct due *due)
{
	if (e == NULL || e->due_in != s || e->due_mono != due->at || e->holder != 0 || !exchange_is_open(&e->x) ||
	        e->x.state == X_PARKED)
		return true;
	if (!must_wait(k, e))
		return false;
	e->due_mono = 0;
	return true;
}

/* Neither its request nor what its steps sent can be read back before it is on disk. */
static bool is_on_its_way(const struct kept *e)
{
	return e->x.accepted_pos == 0 || (e->x.flow[0] != 0 && e->unplaced > 0);
}

/* It may have got through: no machine undoes that. */
static bool is_unproved(const struct kept *e)
{
	return exchange_awaits_delivery(&e->x) && e->x.offers > 0 && !e->x.reversal_wanted;
}

/* Not leased now, or not at all. */
static bool must_be_put_off(const struct kept *e)
{
	return is_on_its_way(e) || (e->x.flags & REC_X_UNTOLD) || is_unproved(e);
}

static void put_off(struct keeper *k, struct kept *e)
{
	e->due_mono = 0;
	if (is_on_its_way(e)) {
		kept_set_due(k, e, keeper_mono(k) + NOBODY_MS);
	} else if (e->x.flags & REC_X_UNTOLD) {
		keeper_tell_follow_ups_again(k, e);
	} else {
		keeper_note_delivery(k, e, "unproved");
		kept_settle_down(k, e);
	}
}

/* One that has just been read from the index: its row has another time since this entry was made, and its own entry
 * now.  Asked here, it would be asked once more for each time it was due.  What waited for a stopped lane is woken by
 * an entry of another time. */
static bool rests_longer(const struct keeper *k, const struct kept *e, int64_t now)
{
	return e->due_mono > now && strcmp(e->x.reason, EXCHANGE_WHY_STOPPED) != 0 &&
	       keeper_rests_for_ms(k, e->x.due_ms) <= k->conf.rest_ms;
}

/* The exchange of the first entry that is still true, if it is due; *next: when to call again, if that is not now. */
static struct kept *due_one(struct keeper *k, int64_t now, int64_t *next)
{
	while (utarray_len(k->due) > 0) {
		struct due due = *keeper_heap_at(k->due, 0);
		struct kept *e = kept_find(k, due.exchange);

		if (!is_stale(k, e, NULL, &due)) {
			*next = due.at;
			return due.at <= now ? e : NULL;
		}
		keeper_heap_pop(k->due);
	}
	*next = -1;
	return NULL;
}

/* The same of a party's follow-ups that are due; *rv, where the index cannot tell. */
static struct kept *due_of(struct keeper *k, struct share *s, int64_t now, int *rv)
{
	while (utarray_len(s->due) > 0) {
		struct due due = *keeper_heap_at(s->due, 0);
		struct kept *e = kept_find(k, due.exchange);
		bool rested = e == NULL;

		if (due.at > now)
			return NULL;
		*rv = rested ? keeper_wake(k, due.exchange, &e) : 0;
		if (*rv != 0)
			return NULL;
		if (rested && e != NULL && e->due_in == s && !rests_longer(k, e, now))
			e->due_mono = due.at;
		if (!is_stale(k, e, s, &due)) {
			if (keeper_share_of(k, &e->x) == s)
				return e;
			kept_set_due(k, e, due.at); /* the party that it asks has another name since a reload */
		}
		keeper_heap_pop(s->due); /* it is over, due later, or asks another party */
	}
	return NULL;
}

static struct kept *due_follow_up(struct keeper *k, int64_t now, int64_t *next)
{
	struct share *s;
	struct kept *e;
	int rv = 0;

	while ((s = keeper_next_share(k, now, next)) != NULL) {
		e = due_of(k, s, now, &rv);
		if (e != NULL)
			return e;
		if (rv != 0) {
			*next = now + FOLLOW_UP_TURN_MS; /* the index cannot be read */
			return NULL;
		}
	}
	return NULL;
}

/* An eighth of them is for follow-ups alone: a platform that lets each question about what is unknown hang has not all.
 */
static bool has_lease(const struct keeper *k, const struct kept *e)
{
	uint32_t others = k->leased - k->follow_ups_leased, most = k->conf.leases;

	return k->leased < most && ((e->x.flags & REC_X_FOLLOW_UP) || others < most - most / 8);
}

static int64_t work_off(struct keeper *k, struct kept *(*due)(struct keeper *k, int64_t now, int64_t *next))
{
	int64_t now = keeper_mono(k), next;
	struct kept *e;

	while ((e = due(k, now, &next)) != NULL) {
		UT_array *heap = e->due_in != NULL ? e->due_in->due : k->due;
		struct known_worker *w;

		if (must_be_put_off(e)) {
			keeper_heap_pop(heap);
			put_off(k, e);
			continue;
		}
		w = has_lease(k, e) ? worker_of(k, e) : NULL;
		if (w == NULL && has_lease(k, e))
			w = pick_worker(k);
		if (w == NULL)
			return now + NOBODY_MS; /* nobody to give it to just now */
		keeper_heap_pop(heap);
		if (keeper_follow_up_may_leave(k, e))
			keeper_lease(k, w, e);
	}
	return next;
}

int64_t keeper_tick(struct keeper *k)
{
	int64_t next = work_off(k, due_one), follows;

	keeper_sort_due(k, keeper_mono(k));
	follows = work_off(k, due_follow_up);
	return next < 0 || (follows >= 0 && follows < next) ? follows : next;
}

/* -- commits ------------------------------------------------------------------------------------ */

size_t keeper_pending_bytes(const struct keeper *k)
{
	return k->pending.n;
}

bool keeper_has_pending(const struct keeper *k, bool *urgent)
{
	*urgent = k->urgent;
	return k->pending.n > 0 || utarray_len(k->answers) > 0;
}

static void write_seqs(struct keeper *k)
{
	struct known_worker *w, *next;

	HASH_ITER(hh, k->workers, w, next)
	keeper_write_seq(k, w);
}

void keeper_take(struct keeper *k, struct yt_str *records)
{
	UT_array *answers = k->answers_taken;
	struct yt_buf taken = k->taken;

	if (k->pending.n > 0)
		write_seqs(k);
	YT_REQUIRE(taken.n == 0 && utarray_len(answers) == 0);
	k->taken = k->pending;
	k->pending = taken;
	k->answers_taken = k->answers;
	k->answers = answers;
	k->urgent = false;
	YT_REQUIRE(!k->taken.failed);
	*records = yt_buf_view(&k->taken);
}

static void tell_waiters(struct keeper *k, struct kept *e, const struct rec *answered)
{
	struct waiter *w, *next;

	if (e->x.reversal_wanted)
		return; /* its origin asked to undo it: the end of that is the answer */
	LL_FOREACH_SAFE(e->waiters, w, next)
	{
		if (e->x.flags & REC_X_FORSAKEN)
			keeper_tell_reason(k, w->worker, w->seq, DOWN_CLOSED, "asked once more, it is taken");
		else
			keeper_tell(k, w->worker, w->seq, e->x.id, DOWN_STORED, answered->whole);
		LL_DELETE(e->waiters, w);
		free(w);
	}
}

void keeper_committed(struct keeper *k, log_pos pos)
{
	struct yt_str rest = yt_buf_view(&k->taken);
	struct answer *a = NULL;
	struct rec rec;
	size_t used;

	for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used) {
		struct kept *e = rec.exchange != 0 ? kept_find(k, rec.exchange) : NULL;

		if (rec.type == REC_FACTS)
			keeper_keep_facts(k, &rec, pos);
		if (e == NULL)
			continue;
		exchange_place(&e->x, &rec, pos);
		if (e->unplaced > 0)
			e->unplaced--;
		if (rec.type == REC_ANSWERED)
			tell_waiters(k, e, &rec);
		else if (rec.type == REC_ACCEPTED && e->x.flow[0] != 0)
			kept_settle_down(k, e); /* its first step is due */
	}
	while ((a = (struct answer *)utarray_next(k->answers_taken, a)) != NULL) {
		keeper_tell(k, a->worker, a->seq, a->exchange, a->kind, yt_buf_view(&a->payload));
		yt_buf_free(&a->payload);
	}
	utarray_clear(k->answers_taken);
	yt_buf_clear(&k->taken);
}

void keeper_indexed(struct keeper *k, log_pos pos)
{
	k->indexed = pos;
	keeper_drop_facts(k, pos);
	while (k->closed != NULL) {
		struct kept *e = k->closed;

		bool rests = keeper_may_rest(k, e);

		if ((exchange_is_open(&e->x) && !rests) || e->holder != 0) { /* reopened: a late success, a reversal */
			DL_DELETE(k->closed, e);
			e->aged = false;
			continue;
		}
		if (e->unplaced > 0 || e->x.last_pos == 0 || e->x.last_pos >= pos)
			return; /* the index does not know all of it yet; who still waits then can never be told */
		DL_DELETE(k->closed, e);
		if (rests)
			keeper_lie_down(k, e);
		else
			kept_free(k, e);
	}
}
