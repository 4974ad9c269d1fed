/* tests/sim_check.c - what must hold when everything has come to rest. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal/verify.h"

/* The cancel of a settlement that its hospital believes in, or NULL. */
static const struct ask *standing_cancel(const struct sim *s, uint32_t settle)
{
	uint32_t i;

	for (i = 1; i < s->n_asks; i++) {
		const struct ask *a = &s->asks[i];

		if (a->kind == ASK_CANCEL && a->target == settle && a->heard == HEARD_DONE && !a->undone)
			return a;
	}
	return NULL;
}

/* The journal itself says that nobody can know whether the answer got through: reconciliation will tell. */
static bool is_unproved(const struct sim *s, const char *number)
{
	size_t i;

	for (i = 0; i < s->gw.n_index; i++) {
		if (strcmp(s->gw.index[i].number, number) == 0)
			return s->gw.index[i].flags & REC_X_UNPROVED;
	}
	return false;
}

/* A cancel whose outcome its hospital cannot know: it gave up, and an answer got lost behind the gateway. */
static bool has_doubtful_cancel(const struct sim *s, uint32_t settle)
{
	uint32_t i;

	for (i = 1; i < s->n_asks; i++) {
		const struct ask *a = &s->asks[i];

		if (a->kind == ASK_CANCEL && a->target == settle && a->heard == HEARD_NOTHING && a->abandoned &&
		        (a->missed || is_unproved(s, a->num)))
			return true;
	}
	return false;
}

static bool stands(const struct booked *b)
{
	return b != NULL && (b->active || b->cancelled);
}

/* What an exchange booked: at the platform under its own number, at the hub under one of ours; of several, as it was
 * refused for now and sent once more, under the one that stands. */
static const struct booked *booked_by(const struct sim *s, const struct exchange *x, enum booked_kind kind)
{
	const struct booked *b = platform_find(s, x->number, kind);

	for (size_t i = 0; !stands(b) && i < s->gw.n_acked; i++) {
		const struct acked *a = &s->gw.acked[i];
		const struct booked *there;

		if (a->exchange == x->id && a->type == REC_SENDING &&
		        (a->leg == REC_LEG_STEP || a->leg == REC_LEG_MAIN)) {
			there = hub_find(s, a->number, kind);
			b = there != NULL ? there : b;
		}
	}
	return b;
}

static const struct booked *booked_for(const struct sim *s, const char *number, enum booked_kind kind)
{
	for (size_t i = 0; i < s->gw.n_index; i++) {
		const struct exchange *x = &s->gw.index[i];

		if (strcmp(x->number, number) == 0 && (x->flags & REC_X_FORSAKEN) == 0)
			return booked_by(s, x, kind);
	}
	return NULL;
}

/* What was refused for now, so that its number came again, has sent nothing. */
static void check_forsaken(struct sim *s)
{
	for (size_t i = 0; i < s->gw.n_index; i++)
		for (size_t k = 0; (s->gw.index[i].flags & REC_X_FORSAKEN) != 0 && k < s->gw.n_acked; k++)
			if (s->gw.acked[k].exchange == s->gw.index[i].id && s->gw.acked[k].type == REC_SENDING)
				sim_fail(s, "%s was refused for now, and had left", s->gw.index[i].number);
}

/* One-sided (单边账): what the hospital believes is not what the platform has. */
static void check_settlement(struct sim *s, uint32_t id)
{
	const struct ask *a = &s->asks[id];
	const struct booked *b = booked_for(s, a->num, BOOKED_SETTLEMENT);
	bool is_booked = b != NULL && b->active, believed;

	if (a->heard == HEARD_NOTHING && !a->undone && (a->missed || is_unproved(s, a->num)))
		return; /* abandoned, and the last answer was lost behind the gateway's back */
	if (has_doubtful_cancel(s, id))
		return;
	believed = a->heard == HEARD_DONE && !a->undone && standing_cancel(s, id) == NULL;
	if (believed && !is_booked)
		sim_fail(s, "one-sided: the hospital believes %s (%s), the platform %s", a->num, a->setl,
		        b == NULL      ? "never booked it"
		        : b->cancelled ? "has it cancelled"
		                       : "has it reversed");
	else if (!believed && is_booked)
		sim_fail(s, "one-sided: %s stands at the platform, the hospital %s", a->num,
		        a->undone                   ? "had it reversed"
		        : a->heard == HEARD_REFUSED ? "was told that it failed"
		        : a->heard == HEARD_DONE    ? "cancelled it"
		                                    : "never heard of it");
}

/* Who was told that it failed finds nothing booked. */
static void check_refusal(struct sim *s, const struct ask *a, enum booked_kind kind)
{
	if (a->heard == HEARD_REFUSED && platform_find(s, a->num, kind) != NULL)
		sim_fail(s, "the hospital was told that %s failed, and the platform has booked it", a->num);
}

/* An admission stands at the platform if and only if its hospital was told so and did not take it back. */
static void check_admission(struct sim *s, const struct ask *a)
{
	const struct booked *b = platform_find(s, a->num, BOOKED_ADMISSION);
	bool is_booked = b != NULL && b->active;

	if (is_booked && (a->heard == HEARD_REFUSED || a->undone))
		sim_fail(s, "one-sided: admission %s stands, its hospital %s", a->num,
		        a->undone ? "had it reversed" : "was told that it failed");
	if (!is_booked && a->heard == HEARD_DONE && !a->undone && !a->reversing)
		sim_fail(s, "one-sided: the hospital believes admission %s, the platform has it not", a->num);
}

static void check_once(struct sim *s)
{
	const struct platform *p = &s->platform;
	size_t i, j;

	for (i = 0; i < p->n; i++) {
		for (j = 0; j < i; j++) {
			if (p->rows[i].kind == BOOKED_SETTLEMENT && p->rows[j].kind == BOOKED_SETTLEMENT &&
			        p->rows[i].active && p->rows[j].active &&
			        strcmp(p->rows[i].visit, p->rows[j].visit) == 0 &&
			        strcmp(p->rows[i].batch, p->rows[j].batch) == 0)
				sim_fail(s, "batch %s is settled twice", p->rows[i].batch);
		}
	}
}

/* What the journal says has become of a settlement is what the platform has. */
static void check_journal(struct sim *s)
{
	size_t i;

	for (i = 0; i < s->gw.n_index; i++) {
		const struct exchange *x = &s->gw.index[i];
		const struct booked *b = booked_by(s, x, BOOKED_SETTLEMENT);
		bool booked = stands(b);

		if (x->state == X_PARKED && strstr(x->reason, "its settlement stands again") != NULL)
			continue;
		if (x->state == X_PARKED)
			sim_fail(s, "%s is parked: %s", x->number, x->reason);
		if (x->op != YT_OP_OUTPATIENT_SETTLE || (x->flags & REC_X_FOLLOW_UP))
			continue; /* what follows is hub_check()'s */
		if (x->state == X_DONE && !booked)
			sim_fail(s, "the journal has %s done, the platform has not", x->number);
		if ((x->state == X_REVERSED || x->state == X_REFUSED) && booked)
			sim_fail(s, "the journal has %s %s, the platform has it booked", x->number,
			        exchange_state_name(x->state));
	}
}

static void check_log(struct sim *s)
{
	struct verify_conf conf = { { 0 }, { 0 }, NULL, NULL };
	struct verify_report report;

	if (journal_verify(&s->gw.io, &conf, &report) != 0)
		sim_fail(s, "the journal does not verify: %s", report.problem.why);
}

void sim_check(struct sim *s)
{
	uint32_t i;

	gateway_index_all(s);
	for (i = 1; i < s->n_asks; i++) {
		if (s->asks[i].kind == ASK_SETTLE)
			check_settlement(s, i);
		else if (s->asks[i].kind == ASK_FEES)
			check_refusal(s, &s->asks[i], BOOKED_FEES);
		else if (s->asks[i].kind == ASK_ADMIT)
			check_admission(s, &s->asks[i]);
		else if (s->asks[i].kind == ASK_REGISTER)
			check_refusal(s, &s->asks[i], BOOKED_VISIT);
	}
	hub_check(s);
	check_forsaken(s);
	check_once(s);
	check_journal(s);
	check_log(s);
}
