/* core/journal/keeper_state.c - the keeper as a whole: made, freed, counted; retention; operators' decisions. */
#include "journal/keeper_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

void keeper_note(struct keeper *k, struct yt_str record)
{
	struct kept *e;
	struct rec rec;
	size_t used;

	YT_REQUIRE(rec_read(record, &rec, &used) == 0);
	if (keeper_wake(k, rec.exchange, &e) != 0)
		e = NULL;
	if (e == NULL && rec.type == REC_PARKED && rec.exchange != 0)
		e = kept_new(k, rec.exchange); /* octets that killed a worker: an operator must decide about them */
	keeper_write_down(k, &rec);
	if (e != NULL)
		kept_settle_down(k, e);
	k->urgent = true;
}

/* -- retention ---------------------------------------------------------------------------------- */

static bool is_before(log_pos pos, log_pos before)
{
	return pos != 0 && pos < before;
}

bool keeper_has_octets_before(const struct exchange *x, log_pos before)
{
	for (unsigned i = 0; i < REC_STEPS_MAX; i++)
		if (is_before(x->step_sent[i], before) || is_before(x->step_got[i], before))
			return true;
	return is_before(x->accepted_pos, before) || is_before(x->sent_pos, before) ||
	       is_before(x->answered_pos, before) || is_before(x->undo_sent, before);
}

struct carry {
	struct yt_buf buf;
	int rv;
};

/* YT_ENOTFOUND: it has no such octets, or they were erased. */
static void carry_octets(struct keeper *k, const struct exchange *x, log_pos pos, enum rec_tag tag, struct carry *c)
{
	struct yt_buf octets = { 0 };
	int rv = pos == 0 ? YT_ENOTFOUND : k->world.fetch(k->world.ctx, pos, x->id, tag, &octets);

	if (rv == 0)
		rec_str(&c->buf, tag, yt_buf_view(&octets));
	else if (rv != YT_ENOTFOUND && c->rv == 0)
		c->rv = rv;
	yt_buf_free(&octets);
}

static int carry_exchange(struct keeper *k, const struct exchange *x)
{
	struct carry c = { 0 };
	size_t at = rec_begin(&c.buf, REC_CARRIED, 0, x->id, keeper_wall(k));

	rec_bytes(&c.buf, REC_T_STATE, x, sizeof(*x));
	rec_str(&c.buf, REC_T_INSTITUTION, yt_str(x->institution));
	rec_str(&c.buf, REC_T_NUMBER, yt_str(x->number));
	rec_str(&c.buf, REC_T_WIRE_OP, yt_str(x->wire_op));
	rec_u8(&c.buf, REC_T_OPERATION, (uint8_t)x->op);
	rec_bytes(&c.buf, REC_T_DIGEST, x->digest, sizeof(x->digest));
	carry_octets(k, x, x->accepted_pos, REC_T_REQUEST, &c);
	carry_octets(k, x, x->sent_pos, REC_T_SENT, &c);
	carry_octets(k, x, x->answered_pos, REC_T_REPLY, &c);
	for (unsigned i = 0; i < REC_STEPS_MAX; i++) {
		carry_octets(k, x, x->step_sent[i], (enum rec_tag)(REC_T_STEP_SENT + i), &c);
		carry_octets(k, x, x->step_got[i], (enum rec_tag)(REC_T_STEP_GOT + i), &c);
	}
	carry_octets(k, x, x->undo_sent, REC_T_UNDO_SENT, &c);
	rec_end(&c.buf, at);
	if (c.rv == 0)
		keeper_write_own(k, &c.buf);
	yt_buf_free(&c.buf);
	return c.rv;
}

int keeper_carry(struct keeper *k, log_pos before, size_t max_bytes, uint64_t *exchange)
{
	struct number_block *b, *next_b;
	struct kept *e, *next;
	int rv;

	HASH_ITER(hh_id, k->by_id, e, next)
	{
		if (!exchange_is_open(&e->x) || !keeper_has_octets_before(&e->x, before))
			continue;
		if (k->pending.n >= max_bytes || e->unplaced != 0)
			return 0;
		*exchange = e->x.id;
		rv = carry_exchange(k, &e->x);
		if (rv != 0)
			return rv;
	}
	rv = keeper_wake_old(k, before);
	if (rv != 1)
		return rv;
	HASH_ITER(hh, k->numbers, b, next_b)
	{
		struct yt_buf buf = { 0 };
		size_t at = rec_begin(&buf, REC_NUMBER, 0, 0, keeper_wall(k));

		rec_str(&buf, REC_T_INSTITUTION, yt_str(b->institution));
		rec_i64(&buf, REC_T_SECOND, b->second);
		rec_u32(&buf, REC_T_SERIAL, b->serial);
		rec_end(&buf, at);
		keeper_write_own(k, &buf);
		yt_buf_free(&buf);
	}
	keeper_carry_lanes(k);
	return 1;
}

/* -- operators, counts -------------------------------------------------------------------------- */

/* Of what has not left people need not wait until machines give it up. */
static int may_decide(const struct kept *e, const char *result)
{
	bool holds = strcmp(result, "park") == 0;

	if (e->x.state == X_PARKED)
		return holds ? YT_ESTATE : 0;
	if (holds ? !exchange_may_be_held(&e->x) : strcmp(result, "refused") != 0 || !exchange_may_be_withdrawn(&e->x))
		return YT_ESTATE;
	return e->holder != 0 ? YT_EAGAIN : 0;
}

int keeper_decide(
        struct keeper *k, uint64_t exchange, const char *result, struct yt_str operator_name, struct yt_str reason)
{
	struct yt_buf buf = { 0 };
	struct kept *e;
	size_t at;
	int rv = keeper_wake(k, exchange, &e);

	if (e == NULL)
		return rv != 0 ? rv : YT_ENOTFOUND;
	rv = may_decide(e, result);
	if (rv != 0)
		return rv;
	at = rec_begin(&buf, REC_DECIDED, 0, exchange, keeper_wall(k));
	rec_str(&buf, REC_T_RESULT, yt_str(result));
	rec_str(&buf, REC_T_OPERATOR, operator_name);
	rec_str(&buf, REC_T_REASON, reason);
	if (strcmp(result, "park") == 0) {
		rec_str(&buf, REC_T_OWNER, YT_STR("operator"));
		rec_i64(&buf, REC_T_DEADLINE, keeper_wall(k) + FOLLOW_UP_WAIT_MS);
	}
	rec_end(&buf, at);
	keeper_write_own(k, &buf);
	yt_buf_free(&buf);
	e->since_mono = 0; /* a retry has its whole time again */
	kept_settle_down(k, e);
	if (exchange_is_open(&e->x) && e->x.state != X_PARKED && e->holder == 0)
		kept_set_due(k, e, keeper_mono(k));
	return 0;
}

int keeper_get(struct keeper *k, uint64_t exchange, struct exchange *x)
{
	struct kept *e;
	int rv = keeper_wake(k, exchange, &e);

	if (e == NULL || !exchange_is_open(&e->x))
		return rv != 0 ? rv : YT_ENOTFOUND;
	*x = e->x;
	return 0;
}

void keeper_count(const struct keeper *k, struct keeper_counts *c)
{
	const struct kept *e;

	memset(c, 0, sizeof(*c));
	for (e = k->by_id; e != NULL; e = e->hh_id.next) {
		c->in_memory++;
		c->parked += e->x.state == X_PARKED;
		if (e->follows) {
			c->follow_ups += exchange_is_open(&e->x) && e->x.state != X_PARKED;
			continue;
		}
		c->sent += e->x.state == X_SENT;
		c->unknown += e->x.state == X_UNKNOWN;
		c->reversing += e->x.state == X_REVERSING;
		c->undelivered += e->x.state == X_DONE && exchange_is_open(&e->x);
	}
	c->parked += k->n_resting_parked;
	c->follow_ups += k->n_resting - k->n_resting_parked;
	c->has_enough = keeper_has_enough_follow_ups(k);
	c->leased = k->leased;
}

bool keeper_may_resolve(const struct keeper *k, uint64_t exchange)
{
	const struct kept *e;

	HASH_FIND(hh_id, k->by_id, &exchange, sizeof(exchange), e);
	return e != NULL && e->x.attempts == 0 && e->holder == 0;
}

bool keeper_each_open(const struct keeper *k, void (*each)(void *arg, const struct exchange *x), void *arg)
{
	const struct kept *e;

	for (e = k->by_id; e != NULL; e = e->hh_id.next) {
		if (exchange_is_open(&e->x))
			each(arg, &e->x);
	}
	return keeper_each_resting(k, each, arg);
}

void keeper_configure(struct keeper *k, const struct keeper_conf *conf)
{
	k->conf = *conf;
}

uint64_t keeper_open(const struct keeper *k)
{
	return keeper_open_before(k, INT64_MAX);
}

uint64_t keeper_open_before(const struct keeper *k, int64_t wall_ms)
{
	const struct kept *e;
	uint64_t n = keeper_resting_before(k, wall_ms);

	for (e = k->by_id; e != NULL; e = e->hh_id.next)
		n += exchange_is_open(&e->x) && e->x.accepted_ms < wall_ms;
	return n;
}

static const UT_icd answer_icd = { sizeof(struct answer), NULL, NULL, NULL };

struct keeper *keeper_new(const struct keeper_conf *conf, const struct keeper_world *world)
{
	struct keeper *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	k->conf = *conf;
	k->world = *world;
	k->epoch = (uint64_t)keeper_mono(k);
	k->due = keeper_heap_new();
	k->unsorted = keeper_heap_new();
	utarray_new(k->answers, &answer_icd);
	utarray_new(k->answers_taken, &answer_icd);
	return k;
}

static void free_answers(UT_array *answers)
{
	struct answer *a = NULL;

	while ((a = (struct answer *)utarray_next(answers, a)) != NULL)
		yt_buf_free(&a->payload);
	utarray_free(answers);
}

void keeper_free(struct keeper *k)
{
	struct tombstone *t, *next_t;
	struct party_session *s, *next_s;
	struct number_block *b, *next_b;
	struct known_worker *w, *next_w;
	struct written *r, *next_r;
	struct waiter *waiter, *next_waiter;
	struct kept *e, *next_e;

	if (k == NULL)
		return;
	keeper_free_lanes(k);
	keeper_free_rooms(k);
	keeper_free_shares(k);
	keeper_drop_facts(k, UINT64_MAX);
	keeper_forget(k);
	HASH_ITER(hh_id, k->by_id, e, next_e)
	kept_free(k, e);
	HASH_ITER(hh, k->tombstones, t, next_t)
	{
		HASH_DEL(k->tombstones, t);
		free(t);
	}
	HASH_ITER(hh, k->sessions, s, next_s)
	{
		LL_FOREACH_SAFE(s->waiters, waiter, next_waiter)
		free(waiter);
		HASH_DEL(k->sessions, s);
		free(s);
	}
	HASH_ITER(hh, k->numbers, b, next_b)
	{
		HASH_DEL(k->numbers, b);
		free(b);
	}
	HASH_ITER(hh, k->workers, w, next_w)
	{
		HASH_DEL(k->workers, w);
		free(w);
	}
	HASH_ITER(hh, k->written, r, next_r)
	{
		HASH_DEL(k->written, r);
		free(r);
	}
	utarray_free(k->due);
	free_answers(k->answers);
	free_answers(k->answers_taken);
	yt_buf_free(&k->pending);
	yt_buf_free(&k->taken);
	free(k);
}
