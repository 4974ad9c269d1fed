/* core/journal/keeper_waiting.c - what a claim waits for has been told: it goes on at once, not at its next try.
 *
 *   on_lease_records() in keeper.c -> keeper_wake_waiting(), keeper_waited_meanwhile()
 * A consent, an account, invoices and what a bank says of an account are kept as facts of a person (engine/facts.h).
 * With the end of what told them, in the same commit, the follow-ups of that person that wait are due: so they go on
 * after a restart in between as well.  One that a worker has just then may have looked before: it looks once more.
 * What tells of a list of payouts looks at all of it each time, and thousands of ends come: it is due a while after the
 * first of them. */
#include "journal/keeper_parts.h"

#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "base/words.h"

#define WOKEN_MAX 100        /* of a person; others go on at their next try */
#define RESULT_PAUSE_MS 1000 /* of what tells of a list, while its payouts end */
#define RESULT_NUMBER "+/result/"
#define HAS_COME N_("what it may have waited for was told")

static bool has_person(const struct exchange *x)
{
	static const uint8_t none[sizeof(x->person)];

	return memcmp(x->person, none, sizeof(none)) != 0;
}

/* -- follow-ups in memory by their person ---------------------------------------------------------- */

void keeper_share_person(struct keeper *k, struct kept *e)
{
	struct kept *first;

	if (!has_person(&e->x))
		return;
	HASH_FIND(hh_person, k->by_person, e->x.person, sizeof(e->x.person), first);
	if (first == NULL)
		HASH_ADD(hh_person, k->by_person, x.person, sizeof(e->x.person), e);
	else
		LL_APPEND2(first, e, same_person);
}

void keeper_unshare_person(struct keeper *k, struct kept *e)
{
	struct kept *first, *second = e->same_person;

	if (!e->follows || !has_person(&e->x))
		return;
	HASH_FIND(hh_person, k->by_person, e->x.person, sizeof(e->x.person), first);
	if (first != e) {
		LL_DELETE2(first, e, same_person);
		return;
	}
	HASH_DELETE(hh_person, k->by_person, e);
	if (second != NULL)
		HASH_ADD(hh_person, k->by_person, x.person, sizeof(second->x.person), second);
}

/* -- they go on -------------------------------------------------------------------------------------- */

static bool tells_of_list(const struct exchange *x)
{
	return strncmp(x->number, RESULT_NUMBER, sizeof(RESULT_NUMBER) - 1) == 0;
}

/* Why it waits stays, as what people release hangs on it. */
static void go_on(struct keeper *k, struct kept *e)
{
	int64_t pause = tells_of_list(&e->x) ? RESULT_PAUSE_MS : 0;

	if (pause == 0 || e->due_mono == 0 || e->due_mono > keeper_mono(k) + pause)
		keeper_due_in(k, e, pause, NULL);
}

static void wake(struct keeper *k, struct kept *e)
{
	if (e->holder != 0)
		e->told_facts = true;
	else if (exchange_waits_for_facts(&e->x) &&
	         (e->x.state != X_PARKED ||
	                 keeper_decide(k, e->x.id, "retry", YT_STR("intake"), YT_STR(HAS_COME)) == 0))
		go_on(k, e);
}

struct found {
	uint64_t id[WOKEN_MAX];
	unsigned n;
};

static void find_one(void *arg, const struct exchange *x)
{
	struct found *found = arg;

	if (found->n < WOKEN_MAX)
		found->id[found->n++] = x->id;
}

/* Those that rest; of one that is in memory that knows better. */
static void wake_resting(struct keeper *k, const uint8_t person[16])
{
	struct found found = { .n = 0 };
	struct kept *e;

	if (k->world.waiting == NULL || k->n_resting == 0)
		return;
	if (k->world.waiting(k->world.ctx, person, WOKEN_MAX, find_one, &found) != 0)
		return; /* the index cannot be read: they go on at their next try */
	for (unsigned i = 0; i < found.n; i++) {
		if (kept_find(k, found.id[i]) != NULL)
			continue;
		(void)keeper_wake(k, found.id[i], &e);
		if (e != NULL)
			wake(k, e);
	}
}

/* It is over, and has told what a claim may lack. */
static bool tells_facts(const struct exchange *x)
{
	return (x->op == YT_OP_CONSENT_PUT || x->op == YT_OP_ACCOUNT_PUT || x->op == YT_OP_INVOICE_NOTICE) &&
	       (x->state == X_DONE || x->state == X_REFUSED) && has_person(x);
}

void keeper_wake_waiting(struct keeper *k, const struct kept *cause)
{
	struct kept *e;

	if (!tells_facts(&cause->x))
		return;
	HASH_FIND(hh_person, k->by_person, cause->x.person, sizeof(cause->x.person), e);
	for (; e != NULL; e = e->same_person)
		if (e != cause)
			wake(k, e);
	wake_resting(k, cause->x.person);
}

/* "l/INSTITUTION/BATCH": the end of a payout of that list is kept; what tells of the list looks again. */
static void wake_result(struct keeper *k, struct yt_str key)
{
	const char *slash = key.n > 2 ? memchr(key.p + 2, '/', key.n - 2) : NULL;
	char number[EXCHANGE_NUMBER_MAX];
	struct kept *e;

	if (slash == NULL)
		return;
	snprintf(number, sizeof(number), RESULT_NUMBER "%.*s", (int)(key.p + key.n - slash - 1), slash + 1);
	if (kept_find_number(k, (struct yt_str){ key.p + 2, (size_t)(slash - key.p - 2) }, yt_str(number), &e) == 0 &&
	        e != NULL)
		wake(k, e);
}

void keeper_wake_results(struct keeper *k, struct yt_str payload)
{
	struct rec_field field;
	struct rec rec;
	size_t used;

	for (; rec_read(payload, &rec, &used) == 0; payload.p += used, payload.n -= used)
		for (size_t at = 0; rec.type == REC_FACTS && rec_next(&rec, &at, &field);)
			if (field.tag == REC_T_CASE && field.value.n > 2 && memcmp(field.value.p, "l/", 2) == 0)
				wake_result(k, field.value);
}

void keeper_waited_meanwhile(struct keeper *k, struct kept *e)
{
	bool was_told = e->told_facts;

	e->told_facts = false;
	if (was_told)
		wake(k, e);
}
