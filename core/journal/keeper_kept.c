/* core/journal/keeper_kept.c - the keeper's memory of exchanges: found by id, number and business key; what is
 * due; who waits.  Everything the other keeper files write goes through keeper_write_down() here, which folds each
 * record (exchange.c) and gathers it for the next commit. */
#include "journal/keeper_parts.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* -- the heap of due times ---------------------------------------------------------------------- */

UT_array *keeper_heap_new(void)
{
	static const UT_icd icd = { sizeof(struct due), NULL, NULL, NULL };
	UT_array *heap;

	utarray_new(heap, &icd);
	return heap;
}

struct due *keeper_heap_at(UT_array *heap, unsigned i)
{
	return (struct due *)utarray_eltptr(heap, i);
}

static void heap_swap(UT_array *heap, unsigned a, unsigned b)
{
	struct due t = *keeper_heap_at(heap, a);

	*keeper_heap_at(heap, a) = *keeper_heap_at(heap, b);
	*keeper_heap_at(heap, b) = t;
}

void keeper_heap_push(UT_array *heap, struct due due)
{
	unsigned i = utarray_len(heap);

	utarray_push_back(heap, &due);
	for (; i > 0 && keeper_heap_at(heap, i)->at < keeper_heap_at(heap, (i - 1) / 2)->at; i = (i - 1) / 2)
		heap_swap(heap, i, (i - 1) / 2);
}

void keeper_heap_pop(UT_array *heap)
{
	unsigned n = utarray_len(heap) - 1, i = 0;

	heap_swap(heap, 0, n);
	utarray_pop_back(heap);
	for (;;) {
		unsigned least = i, left = 2 * i + 1, right = left + 1;

		if (left < n && keeper_heap_at(heap, left)->at < keeper_heap_at(heap, least)->at)
			least = left;
		if (right < n && keeper_heap_at(heap, right)->at < keeper_heap_at(heap, least)->at)
			least = right;
		if (least == i)
			return;
		heap_swap(heap, i, least);
		i = least;
	}
}

/* -- exchanges in memory ------------------------------------------------------------------------ */

int64_t keeper_mono(const struct keeper *k)
{
	return k->world.mono_ms(k->world.ctx);
}

int64_t keeper_wall(const struct keeper *k)
{
	return k->world.wall_ms(k->world.ctx);
}

struct kept *kept_find(struct keeper *k, uint64_t id)
{
	struct kept *e;

	HASH_FIND(hh_id, k->by_id, &id, sizeof(id), e);
	return e;
}

static void make_key(char key[80], struct yt_str institution, struct yt_str number)
{
	size_t n = institution.n < 31 ? institution.n : 31, m = number.n < 39 ? number.n : 39;

	if (n > 0)
		memcpy(key, institution.p, n);
	key[n] = '|';
	if (m > 0)
		memcpy(key + n + 1, number.p, m);
	key[n + 1 + m] = 0;
}

void kept_enter(struct keeper *k, struct kept *e)
{
	struct kept *old;

	if (e->x.flags & REC_X_FORSAKEN)
		return;
	make_key(e->key, yt_str(e->x.institution), yt_str(e->x.number));
	HASH_FIND(hh_key, k->by_key, e->key, strlen(e->key), old);
	if (old == NULL)
		HASH_ADD_KEYPTR(hh_key, k->by_key, e->key, strlen(e->key), e);
}

static void leave_key(struct keeper *k, struct kept *e)
{
	struct kept *known;

	HASH_FIND(hh_key, k->by_key, e->key, strlen(e->key), known);
	if (known == e)
		HASH_DELETE(hh_key, k->by_key, e);
}

void kept_free_number(struct keeper *k, struct kept *e)
{
	if (e->x.flags & REC_X_FORSAKEN)
		leave_key(k, e);
}

struct kept *kept_new(struct keeper *k, uint64_t id)
{
	struct kept *e = calloc(1, sizeof(*e));

	YT_REQUIRE(e != NULL);
	e->x.id = id;
	HASH_ADD(hh_id, k->by_id, x.id, sizeof(e->x.id), e);
	return e;
}

void kept_note_follow_up(struct keeper *k, struct kept *e)
{
	bool follows = (e->x.flags & REC_X_FOLLOW_UP) != 0;

	k->n_follow_ups += follows && !e->follows;
	if (follows && !e->follows)
		keeper_share_person(k, e);
	e->follows = follows;
}

/* All of a visit that are in memory hang together: an older success may come to be reversed while, or after, a
 * newer settlement bars the visit, so who bars it is asked of each when the question comes. */
static void share_business(struct keeper *k, struct kept *e)
{
	const char *key = e->x.business_key;
	struct kept *first;

	if (e->shares || key[0] == 0 || (!exchange_holds_key(&e->x) && exchange_ends_follow_up(&e->x) == NULL))
		return;
	e->shares = true;
	HASH_FIND(hh_business, k->by_business, key, strlen(key), first);
	if (first == NULL)
		HASH_ADD_KEYPTR(hh_business, k->by_business, key, strlen(key), e);
	else
		LL_APPEND2(first, e, same_business);
}

static void unshare_business(struct keeper *k, struct kept *e)
{
	const char *key = e->x.business_key;
	struct kept *first, *second = e->same_business;

	if (!e->shares)
		return;
	HASH_FIND(hh_business, k->by_business, key, strlen(key), first);
	if (first != e) {
		LL_DELETE2(first, e, same_business);
		return;
	}
	HASH_DELETE(hh_business, k->by_business, e);
	if (second != NULL)
		HASH_ADD_KEYPTR(hh_business, k->by_business, second->x.business_key, strlen(key), second);
}

struct kept *kept_find_business(struct keeper *k, const char *key)
{
	struct kept *e;

	HASH_FIND(hh_business, k->by_business, key, strlen(key), e);
	for (; e != NULL && !exchange_holds_key(&e->x); e = e->same_business)
		k->n_looked_at++;
	return e;
}

void kept_free(struct keeper *k, struct kept *e)
{
	struct waiter *w, *next;

	LL_FOREACH_SAFE(e->waiters, w, next)
	free(w);
	k->n_follow_ups -= e->follows;
	HASH_DELETE(hh_id, k->by_id, e);
	leave_key(k, e);
	unshare_business(k, e);
	keeper_unshare_person(k, e);
	keeper_drop_payouts(k, e);
	free(e);
}

int kept_find_number(struct keeper *k, struct yt_str institution, struct yt_str number, struct kept **out)
{
	struct exchange x;
	struct kept *e;
	char key[80];
	int rv;

	*out = NULL;
	make_key(key, institution, number);
	HASH_FIND(hh_key, k->by_key, key, strlen(key), e);
	*out = e;
	if (e != NULL)
		return 0;
	memset(&x, 0, sizeof(x));
	rv = k->world.find(k->world.ctx, institution, number, &x);
	if (rv != 0)
		return rv == YT_ENOTFOUND ? 0 : rv;
	e = kept_find(k, x.id);
	if (e != NULL)
		x.flags |= e->x.flags & REC_X_FORSAKEN; /* the index does not know yet that its number is free */
	if ((x.flags & REC_X_FORSAKEN) == 0)
		*out = kept_take(k, &x);
	return 0;
}

struct kept *kept_take(struct keeper *k, const struct exchange *x)
{
	struct kept *e = kept_find(k, x->id);

	if (e == NULL)
		return keeper_enter_indexed(k, x);
	kept_enter(k, e);
	return e;
}

void kept_set_due(struct keeper *k, struct kept *e, int64_t at)
{
	e->due_mono = at < 1 ? 1 : at;
	e->due_in = e->x.flags & REC_X_FOLLOW_UP ? keeper_share_of(k, &e->x) : NULL;
	keeper_heap_push(e->due_in != NULL ? e->due_in->due : k->due, (struct due){ e->due_mono, e->x.id });
}

static void wake_joiners(struct keeper *k, const struct kept *target)
{
	struct kept *e, *next;

	HASH_ITER(hh_id, k->by_id, e, next)
	{
		k->n_looked_at++;
		if (e->x.joins == target->x.id && exchange_is_open(&e->x) && e->holder == 0)
			kept_set_due(k, e, keeper_mono(k));
	}
}

/* Brings tables and follow-ups in line with what the exchange has become. */
void kept_settle_down(struct keeper *k, struct kept *e)
{
	struct exchange *x = &e->x;
	int64_t now = keeper_mono(k);

	share_business(k, e);
	keeper_note_payout(k, e);
	if (x->state == X_UNKNOWN && e->since_mono == 0)
		e->since_mono = now;
	keeper_share_anew(k, e);
	if (!exchange_is_open(x)) {
		e->due_mono = 0;
		if (e->joined)
			wake_joiners(k, e);
		e->joined = false;
		if (!e->aged) {
			e->aged = true;
			DL_APPEND(k->closed, e);
		}
		return;
	}
	if (!e->aged && keeper_may_rest(k, e)) {
		e->aged = true;
		DL_APPEND(k->closed, e);
	}
	if (e->holder != 0 || x->state == X_PARKED)
		e->due_mono = 0;
	else if (x->flags & REC_X_UNTOLD) {
		if (e->due_mono == 0)
			kept_set_due(k, e, now + FOLLOW_UP_TURN_MS);
	} else if (x->must_answer) {
		if (e->due_mono == 0)
			kept_set_due(k, e, now);
	} else if (x->state == X_DONE && !x->reversal_wanted && e->due_mono == 0)
		kept_set_due(k, e, now + k->conf.undelivered_ms);
	else if (x->reversal_wanted && x->state != X_SENT && e->due_mono == 0)
		kept_set_due(k, e, now);
	else if (x->flow[0] != 0 && x->step == 0 && x->state == X_UNKNOWN && e->due_mono == 0) {
		if (x->accepted_pos != 0) /* else with its commit, keeper_committed() */
			kept_set_due(k, e, x->flags & REC_X_ONE_STOP ? 1 : now); /* somebody waits: before all others */
	} else if ((x->state == X_UNKNOWN || x->state == X_REVERSING) && e->due_mono == 0)
		kept_set_due(k, e, now + k->conf.reverse_after_ms);
}

/* -- writing down ------------------------------------------------------------------------------- */

/* Folds one record into its exchange and gathers it. */
void keeper_write_down(struct keeper *k, const struct rec *rec)
{
	struct kept *e = kept_find(k, rec->exchange);
	struct yt_str due = rec_get(rec, REC_T_DUE);
	enum exchange_state before;
	struct exchange had;

	yt_buf_str(&k->pending, rec->whole);
	if (!(rec->flags & REC_NOWAIT))
		k->urgent = true;
	if (e == NULL)
		return;
	e->unplaced++;
	before = e->x.state;
	had.room_day = 0;
	if (e->x.room_day != 0)
		had = e->x;
	exchange_apply(&e->x, rec, 0);
	if (had.room_day != 0 && e->x.room_day == 0)
		keeper_return_room(k, &had);
	kept_note_follow_up(k, e);
	kept_free_number(k, e);
	if (rec->type == REC_ROOM && rec_get(rec, REC_T_LIMIT).n != 0)
		keeper_give_room(k, &e->x, rec);
	if (e->x.state != before && k->world.changed != NULL)
		k->world.changed(k->world.ctx, &e->x, before);
	if (e->x.state != before)
		keeper_end_follow_ups(k, e);
	if (rec_get_u64(rec, REC_T_LEG) == REC_LEG_RESEND || rec_get_u64(rec, REC_T_LEG) == REC_LEG_STEP)
		e->resent_mono = keeper_mono(k); /* it leaves, or its own outcome is unknown now */
	if (rec->type == REC_DUE && due.n == 8) {
		int64_t in = rec_get_i64(rec, REC_T_DUE) - keeper_wall(k);
		int64_t most = e->x.flags & REC_X_FOLLOW_UP ? FOLLOW_UP_WAIT_MS : k->conf.longest_wait_ms;

		if (in < 0)
			in = 0;
		if (in > most)
			in = most; /* the wall clock stepped back since it was written */
		if (e->x.released && keeper_waits_for_release(&e->x))
			in = 0; /* people were quicker than the worker that asked for them */
		if (strcmp(e->x.reason, TALK_WAITS_FOR_ROOM) == 0 && !keeper_waits_for_room(k, &e->x))
			in = 0; /* there was room at once */
		kept_set_due(k, e, keeper_mono(k) + in);
	}
}

/* Writes a record that the keeper itself makes. */
void keeper_write_own(struct keeper *k, const struct yt_buf *buf)
{
	struct rec rec;
	size_t used;

	YT_REQUIRE(!buf->failed && rec_read(yt_buf_view(buf), &rec, &used) == 0);
	keeper_write_down(k, &rec);
}

void keeper_answer_later(struct keeper *k, uint32_t worker, uint64_t seq, uint64_t exchange, enum talk_kind kind)
{
	struct answer a = { .worker = worker, .seq = seq, .exchange = exchange, .kind = kind };

	utarray_push_back(k->answers, &a);
	k->urgent = true;
}

void keeper_tell(
        struct keeper *k, uint32_t worker, uint64_t seq, uint64_t exchange, enum talk_kind kind, struct yt_str payload)
{
	struct talk talk = { .seq = seq, .exchange = exchange, .kind = kind, .payload = payload };

	k->world.tell(k->world.ctx, worker, &talk);
}

void keeper_tell_reason(struct keeper *k, uint32_t worker, uint64_t seq, enum talk_kind kind, const char *reason)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_REFUSED, REC_NOWAIT, 0, keeper_wall(k));

	rec_str(&buf, REC_T_REASON, yt_str(reason));
	rec_end(&buf, at);
	keeper_tell(k, worker, seq, 0, kind, yt_buf_view(&buf));
	yt_buf_free(&buf);
}

void kept_wait(struct kept *e, uint32_t worker, uint64_t seq)
{
	struct waiter *w;

	LL_FOREACH(e->waiters, w)
	{
		if (w->worker == worker && w->seq == seq)
			return;
	}
	w = calloc(1, sizeof(*w));
	YT_REQUIRE(w != NULL);
	w->worker = worker;
	w->seq = seq;
	LL_APPEND(e->waiters, w);
}

/* -- who has the answer ------------------------------------------------------------------------- */

/* A success is reversed when its origin surely never got it, and never when it may have: a worker that
 * dies may have handed it out a moment ago.  So every offer is written down before it is made, and its end
 * by the worker (engine/work.c, work_note_delivery). */
void keeper_note_delivery(struct keeper *k, struct kept *e, const char *result)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_DELIVERED, 0, e->x.id, keeper_wall(k));

	rec_str(&buf, REC_T_RESULT, yt_str(result));
	rec_end(&buf, at);
	keeper_write_own(k, &buf);
	yt_buf_free(&buf);
}

/* It has been found out: everybody who waits will be told with the commit that says so. */
void keeper_offer_to_waiters(struct keeper *k, struct kept *e, enum exchange_state before)
{
	struct waiter *w;

	if (before == X_DONE || !exchange_awaits_delivery(&e->x) || e->x.reversal_wanted)
		return;
	LL_FOREACH(e->waiters, w)
	keeper_note_delivery(k, e, "offered");
}

void keeper_copy_str(char *to, size_t size, struct yt_str s)
{
	size_t n = s.n < size - 1 ? s.n : size - 1;

	if (n > 0)
		memcpy(to, s.p, n);
	to[n] = 0;
}

/* Checks the whole payload before any of it is believed. */
int keeper_check_records(struct keeper *k, uint32_t worker, const struct talk *talk)
{
	static const uint32_t allowed[] = {
		[UP_BEGIN] = 1u << REC_ACCEPTED | 1u << REC_SENDING,
		[UP_END] = 1u << REC_OUTCOME | 1u << REC_ANSWERED | 1u << REC_FACTS | 1u << REC_ACCEPTED,
		[UP_LATE] = 1u << REC_OUTCOME | 1u << REC_ANSWERED | 1u << REC_FACTS | 1u << REC_ACCEPTED,
		[UP_STEP] = 1u << REC_SENDING | 1u << REC_OUTCOME | 1u << REC_NOTICE | 1u << REC_FACTS,
		[UP_RETURN] = 1u << REC_OUTCOME | 1u << REC_ANSWERED | 1u << REC_RESOLVED | 1u << REC_REVERSED |
		              1u << REC_PARKED | 1u << REC_DUE | 1u << REC_JOINED | 1u << REC_FACTS |
		              1u << REC_ACCEPTED | 1u << REC_NOTICE | 1u << REC_ROOM,
		[UP_NOTE] =
		        1u << REC_READ | 1u << REC_REFUSED | 1u << REC_DELIVERED | 1u << REC_SESSION | 1u << REC_FACTS,
		[UP_FACTS] = 1u << REC_FACTS,
		[UP_AGAIN] = 1u << REC_OUTCOME | 1u << REC_SENDING,
		[UP_AMEND] = 1u << REC_ANSWERED,
	};
	struct yt_str payload = talk->payload;
	struct known_worker *w;
	struct rec rec;
	size_t used;
	int rv;

	HASH_FIND_INT(k->workers, &worker, w);
	if (w == NULL || (size_t)talk->kind >= sizeof(allowed) / sizeof(allowed[0]))
		return YT_ECORRUPT;
	while ((rv = rec_read(payload, &rec, &used)) == 0) {
		bool follows = talk->kind != UP_BEGIN && rec.type == REC_ACCEPTED;

		if (rec.type > 31 || (allowed[talk->kind] >> rec.type & 1) == 0 ||
		        (talk->kind != UP_NOTE && (rec.exchange != talk->exchange) != follows) ||
		        (follows && !keeper_is_follow_up(&rec, w->incarnation)))
			return YT_ECORRUPT; /* a worker says only what is its own to say */
		payload.p += used;
		payload.n -= used;
	}
	return rv == YT_ENOTFOUND ? 0 : YT_ECORRUPT;
}

/* -- tombstones --------------------------------------------------------------------------------- */

#define TOMBSTONES_MAX 65536

/* A reversal overtook its original: that may still come, and must then not leave. */
void keeper_add_tombstone(struct keeper *k, const struct rec *reversal)
{
	struct tombstone *t;
	char key[80];

	make_key(key, rec_get(reversal, REC_T_INSTITUTION), rec_get(reversal, REC_T_ORIGINAL));
	HASH_FIND_STR(k->tombstones, key, t);
	if (t == NULL) {
		while (k->tombstones != NULL &&
		        (HASH_COUNT(k->tombstones) >= TOMBSTONES_MAX || k->tombstones->until_mono < keeper_mono(k))) {
			t = k->tombstones; /* the oldest stands first */
			HASH_DEL(k->tombstones, t);
			free(t);
		}
		t = calloc(1, sizeof(*t));
		YT_REQUIRE(t != NULL);
		memcpy(t->key, key, sizeof(key));
		HASH_ADD_STR(k->tombstones, key, t);
	}
	t->until_mono = keeper_mono(k) + k->conf.longest_wait_ms;
}

bool keeper_has_tombstone(struct keeper *k, const struct rec *accepted)
{
	struct tombstone *t;
	char key[80];

	make_key(key, rec_get(accepted, REC_T_INSTITUTION), rec_get(accepted, REC_T_NUMBER));
	HASH_FIND_STR(k->tombstones, key, t);
	return t != NULL && t->until_mono >= keeper_mono(k);
}

void keeper_write_all(struct keeper *k, struct yt_str payload)
{
	struct rec rec;
	size_t used;

	for (; rec_read(payload, &rec, &used) == 0; payload.p += used, payload.n -= used)
		if (rec.type == REC_ACCEPTED)
			keeper_write_follow_up(k, &rec);
		else
			keeper_write_down(k, &rec);
}

void kept_begin_lease(struct keeper *k, struct kept *e, uint32_t worker)
{
	e->holder = worker;
	e->due_mono = 0;
	k->leased++;
	keeper_share_lease(k, e);
}

void kept_end_lease(struct keeper *k, struct kept *e)
{
	if (e->holder != 0) {
		e->holder = 0;
		k->leased--;
		keeper_unshare_lease(k, e);
	}
}
