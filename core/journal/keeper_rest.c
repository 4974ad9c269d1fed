/* core/journal/keeper_rest.c - follow-ups rest in the index until they are due or something touches them: a million
 * that wait for an insurer take a few bytes each, and a restart does not read them.
 *
 *   kept_settle_down() -> the queue that leaves memory -> keeper_indexed() -> keeper_may_rest(): only its heap entry
 * stays keeper_tick() -> keeper_wake()                it is due kept_find_number() -> keeper_enter_indexed()  its
 * settlement is cancelled keeper_decide(), on_held() ... -> keeper_wake() What is open and not in memory rests: the
 * index has all of it then, and nothing of it is on its way to the disk. */
#include "journal/keeper_parts.h"

#include <utlist.h>

/* How long nothing has left that may still take effect is known in memory alone, and what is undone needs it. */
bool keeper_is_being_undone(const struct exchange *x)
{
	return x->state != X_PARKED && (x->reversal_wanted || x->undoing || x->state == X_REVERSING);
}

bool keeper_may_rest(const struct keeper *k, const struct kept *e)
{
	return k->world.get != NULL && exchange_may_rest(&e->x) && !keeper_is_being_undone(&e->x) && e->holder == 0 &&
	       e->waiters == NULL && (k->carried_before == 0 || !keeper_has_octets_before(&e->x, k->carried_before));
}

void keeper_lie_down(struct keeper *k, struct kept *e)
{
	k->n_resting++;
	k->n_resting_parked += e->x.state == X_PARKED;
	kept_free(k, e);
}

int64_t keeper_rests_for_ms(const struct keeper *k, int64_t due_ms)
{
	return due_ms - keeper_wall(k) - k->behind_ms;
}

/* By the wall clock, as its record says.  Asking too early does no harm. */
static int64_t due_mono(const struct keeper *k, int64_t due_ms)
{
	int64_t in = keeper_rests_for_ms(k, due_ms);

	if (in < 0)
		in = 0;
	return keeper_mono(k) + (in > k->conf.rest_ms ? k->conf.rest_ms : in);
}

/* No longer than its own pause was, also when the clock has been set back while there was no keeper: nothing was said
 * later than now. */
void keeper_rest(struct keeper *k, uint64_t exchange, const struct rest *rest)
{
	int64_t ahead_ms = rest->set_ms - keeper_wall(k);

	k->n_resting++;
	k->n_resting_parked += rest->is_parked;
	if (rest->is_parked)
		return;
	if (ahead_ms > k->behind_ms)
		k->behind_ms = ahead_ms;
	keeper_heap_push(k->unsorted, (struct due){ due_mono(k, rest->due_ms), exchange });
}

void keeper_clock_stepped(struct keeper *k, int64_t step_ms)
{
	int64_t known_ms = step_ms < k->behind_ms ? step_ms : k->behind_ms; /* set back: it is behind by so much more */

	k->behind_ms -= known_ms;
	if (step_ms > known_ms)
		keeper_hasten_resting(k, step_ms - known_ms);
}

struct kept *keeper_enter_indexed(struct keeper *k, const struct exchange *x)
{
	struct kept *e = kept_new(k, x->id);

	e->x = *x;
	kept_enter(k, e);
	kept_note_follow_up(k, e);
	keeper_note_payout(k, e); /* what is told next may be of one that came to nothing */
	e->aged = true;
	DL_APPEND(k->closed, e); /* leaves again with the next indexed position */
	if (k->world.get == NULL || !exchange_may_rest(x))
		return e;
	k->n_resting -= k->n_resting > 0;
	k->n_resting_parked -= x->state == X_PARKED && k->n_resting_parked > 0;
	if (x->state != X_PARKED)
		kept_set_due(k, e, due_mono(k, x->due_ms));
	return e;
}

int keeper_wake(struct keeper *k, uint64_t exchange, struct kept **out)
{
	struct exchange x;
	int rv;

	*out = kept_find(k, exchange);
	if (*out != NULL || k->world.get == NULL)
		return 0;
	rv = k->world.get(k->world.ctx, exchange, &x);
	if (rv == 0 && exchange_may_rest(&x))
		*out = keeper_enter_indexed(k, &x);
	return rv == YT_ENOTFOUND ? 0 : rv;
}

struct counting {
	int64_t wall_ms;
	uint64_t n;
};

static void count_one(void *arg, const struct exchange *x)
{
	struct counting *c = arg;

	c->n += x->accepted_ms < c->wall_ms;
}

/* Those in memory are not told of twice. */
struct telling {
	const struct keeper *k;
	void (*each)(void *arg, const struct exchange *x);
	void *arg;
};

static void tell_one(void *arg, const struct exchange *x)
{
	const struct telling *t = arg;
	const struct kept *e;

	HASH_FIND(hh_id, t->k->by_id, &x->id, sizeof(x->id), e);
	if (e == NULL)
		t->each(t->arg, x);
}

#define ROWS_AT_ONCE 1000

bool keeper_each_resting(const struct keeper *k, void (*each)(void *arg, const struct exchange *x), void *arg)
{
	struct telling t = { k, each, arg };
	struct exchange_cursor after = { INT64_MIN, 0 };
	int rv = k->n_resting == 0 ? YT_ENOTFOUND : 0;

	while (rv == 0)
		rv = k->world.resting(k->world.ctx, &after, ROWS_AT_ONCE, tell_one, &t);
	return rv == YT_ENOTFOUND;
}

uint64_t keeper_resting_before(const struct keeper *k, int64_t wall_ms)
{
	struct counting c = { wall_ms, 0 };

	return wall_ms == INT64_MAX || !keeper_each_resting(k, count_one, &c) ? k->n_resting : c.n;
}

struct finding {
	struct keeper *k;
	uint64_t id[ROWS_AT_ONCE];
	size_t n;
};

static void find_one(void *arg, const struct exchange *x)
{
	struct finding *f = arg;

	if (keeper_has_octets_before(x, f->k->carried_before))
		f->id[f->n++] = x->id;
}

/* What was kept from lying down may do so again. */
static void end_carrying(struct keeper *k)
{
	struct kept *e, *next;

	k->carried_before = 0;
	HASH_ITER(hh_id, k->by_id, e, next)
	{
		if (e->aged || !keeper_may_rest(k, e))
			continue;
		e->aged = true;
		DL_APPEND(k->closed, e);
	}
}

int keeper_wake_old(struct keeper *k, log_pos before)
{
	struct finding f = { .k = k };
	struct kept *e;
	int rv, woken = 0;

	if (k->carried_before == 0)
		k->carried_to = (struct exchange_cursor){ INT64_MIN, 0 };
	k->carried_before = before;
	rv = k->n_resting == 0 ? YT_ENOTFOUND
	                       : k->world.resting(k->world.ctx, &k->carried_to, ROWS_AT_ONCE, find_one, &f);
	for (size_t i = 0; woken == 0 && (rv == 0 || rv == YT_ENOTFOUND) && i < f.n; i++)
		woken = keeper_wake(k, f.id[i], &e);
	rv = woken != 0 ? woken : rv;
	if (rv == 0 || (rv == YT_ENOTFOUND && f.n > 0))
		return 0;
	end_carrying(k);
	return rv == YT_ENOTFOUND ? 1 : rv;
}
