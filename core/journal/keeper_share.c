/* core/journal/keeper_share.c - whose follow-up is leased next: none of the parties they ask has them all wait.
 *
 *   kept_set_due(), keeper_rest() -> a heap of due times for each party
 *   keeper_tick() -> keeper_sort_due(), keeper_next_share()
 *   kept_begin_lease(), kept_end_lease(), kept_settle_down() -> how many leases ask it
 * An insurer that takes each claim and says nothing holds a lease for its whole time-out.  So a party gets one more
 * only while it has fewer than are free: one that hangs has half of them at most, two have a third each.  What is due
 * there beyond that is not looked at before one comes back, however much it is, and others go on.
 * What has rested since before this keeper is in a heap of its own until it is due: whom it asks only its row tells. */
#include "journal/keeper_parts.h"

#include <stdlib.h>
#include <string.h>

#define SORTED_AT_ONCE 100 /* rows read in one turn ... */
#define SORT_PAUSE_MS 20   /* ... and when the next ones are: nobody is to feel that a million is sorted */

/* The step that leaves under its next lease, or is out; as far as can be told without the facts of its case. */
static unsigned next_step(const struct exchange *x)
{
	bool goes_on = x->step == 0 || (x->step_state == STEP_DONE && !x->undoing && !x->reversal_wanted);

	return x->step + (goes_on ? 1 : 0);
}

/* Its payment waits, and its insurer has told something meanwhile: that is asked first (engine/flow_pay.c). */
static bool asks_teller(const struct exchange *x)
{
	bool is_decided = x->step > 0 && x->step_state == STEP_DONE && x->pay_no[0] == '\0';
	bool stayed = x->step > 1 && x->step_state == STEP_ANEW && (x->flags & REC_X_STAYED) != 0;

	return (x->flags & REC_X_UNASKED) != 0 && (is_decided || stayed) && x->back_no[0] == '\0' &&
	       !x->reversal_wanted;
}

struct share *keeper_share_of(struct keeper *k, const struct exchange *x)
{
	unsigned step = !asks_teller(x) ? next_step(x) : x->step_state == STEP_DONE ? x->step : x->step - 1;
	const char *party = k->world.step_party == NULL ? NULL : k->world.step_party(k->world.ctx, x->flow, step);
	struct share *s;

	if (party == NULL)
		party = x->party;
	HASH_FIND_STR(k->shares, party, s);
	if (s != NULL)
		return s;
	s = calloc(1, sizeof(*s));
	YT_REQUIRE(s != NULL);
	keeper_copy_str(s->party, sizeof(s->party), yt_str(party));
	s->due = keeper_heap_new();
	HASH_ADD_STR(k->shares, party, s);
	return s;
}

/* Half of all leases are for what somebody waits for. */
static bool has_room(const struct keeper *k, const struct share *s)
{
	uint32_t most = (k->conf.leases + 1) / 2;

	return k->follow_ups_leased < most && s->leased < most - k->follow_ups_leased;
}

void keeper_share_lease(struct keeper *k, struct kept *e)
{
	if ((e->x.flags & REC_X_FOLLOW_UP) == 0)
		return;
	e->held_in = keeper_share_of(k, &e->x);
	e->held_in->leased++;
	k->follow_ups_leased++;
}

void keeper_unshare_lease(struct keeper *k, struct kept *e)
{
	if (e->held_in == NULL)
		return;
	e->held_in->leased--;
	k->follow_ups_leased--;
	e->held_in = NULL;
}

void keeper_share_anew(struct keeper *k, struct kept *e)
{
	struct share *s;

	if ((e->x.flags & REC_X_FOLLOW_UP) == 0 || (e->held_in == NULL && e->due_mono == 0))
		return;
	s = keeper_share_of(k, &e->x);
	if (e->held_in != NULL && e->held_in != s) {
		e->held_in->leased--;
		s->leased++;
		e->held_in = s;
	} else if (e->held_in == NULL && e->due_in != s) {
		kept_set_due(k, e, e->due_mono);
	}
}

/* A million entries are not to take their room twice. */
static void give_back_room(struct keeper *k)
{
	UT_array *before = k->unsorted;

	if (before->n < 4096 || utarray_len(before) > before->n / 4)
		return;
	k->unsorted = keeper_heap_new();
	utarray_concat(k->unsorted, before); /* in the same order it is a heap again */
	utarray_free(before);
}

void keeper_sort_due(struct keeper *k, int64_t now)
{
	struct exchange x;
	struct due due;

	if (now < k->sort_mono)
		return;
	for (unsigned n = 0; n < SORTED_AT_ONCE && utarray_len(k->unsorted) > 0; n++) {
		bool is_known;
		int rv = YT_ENOTFOUND;

		due = *keeper_heap_at(k->unsorted, 0);
		if (due.at > now)
			return;
		is_known = kept_find(k, due.exchange) != NULL; /* it has an entry of its own then */
		if (!is_known)
			rv = k->world.get(k->world.ctx, due.exchange, &x);
		if (rv != 0 && rv != YT_ENOTFOUND) {
			k->sort_mono = now + FOLLOW_UP_TURN_MS; /* the index cannot be read */
			return;
		}
		keeper_heap_pop(k->unsorted);
		if (rv == 0 && exchange_may_rest(&x))
			keeper_heap_push(keeper_share_of(k, &x)->due, due);
		k->sort_mono = now + SORT_PAUSE_MS;
	}
	give_back_room(k);
}

struct share *keeper_next_share(struct keeper *k, int64_t now, int64_t *next)
{
	struct share *s, *then, *best = NULL;
	int64_t first = -1;

	*next = utarray_len(k->unsorted) == 0 ? -1 : keeper_heap_at(k->unsorted, 0)->at;
	if (*next >= 0 && *next < k->sort_mono)
		*next = k->sort_mono;
	HASH_ITER(hh, k->shares, s, then)
	{
		int64_t at = utarray_len(s->due) == 0 ? -1 : keeper_heap_at(s->due, 0)->at;
		bool may_go = at >= 0 && at <= now && has_room(k, s);

		if (may_go && (best == NULL || at < first)) {
			best = s;
			first = at;
		} else if (at >= 0 && !may_go) {
			at = at <= now ? now + FOLLOW_UP_TURN_MS : at;
			*next = *next < 0 || at < *next ? at : *next;
		}
	}
	return best;
}

/* What rests was read from the index while the clock was back, and nobody knew. */
static UT_array *hastened(struct keeper *k, UT_array *before, int64_t by_ms)
{
	UT_array *heap = keeper_heap_new();
	const struct due *d = NULL;

	while ((d = utarray_next(before, d)) != NULL) {
		struct due due = *d;

		if (kept_find(k, due.exchange) == NULL)
			due.at = due.at > by_ms ? due.at - by_ms : 1;
		keeper_heap_push(heap, due);
	}
	utarray_free(before);
	return heap;
}

void keeper_hasten_resting(struct keeper *k, int64_t by_ms)
{
	struct share *s, *next;

	k->unsorted = hastened(k, k->unsorted, by_ms);
	HASH_ITER(hh, k->shares, s, next)
	s->due = hastened(k, s->due, by_ms);
}

void keeper_free_shares(struct keeper *k)
{
	struct share *s, *next;

	utarray_free(k->unsorted);
	HASH_ITER(hh, k->shares, s, next)
	{
		HASH_DEL(k->shares, s);
		utarray_free(s->due);
		free(s);
	}
}
