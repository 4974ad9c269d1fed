/* core/engine/enrolled.c - nothing of a person leaves for an insurer that keeps a list before he is found in it.
 *
 * Asked by flow.c before a claim, or the question whether somebody is insured, is made, and by quote.c before a quote;
 * the list itself is message/enrolment.h.  What was handed in once goes on whatever later lists say: it is asked for,
 * paid and withdrawn like any other. */
#include <stdio.h>

#include "base/words.h"
#include "engine/flow_parts.h"
#include "message/calendar.h"

static bool is_gated(enum yt_operation op)
{
	return op == YT_OP_CLAIM_SUBMIT || op == YT_OP_CLAIM_ELIGIBILITY;
}

static enum enrolment_state ask(
        struct engine *e, const struct engine_party *party, const struct facts *facts, bool *is_on, int64_t *day)
{
	*is_on = false;
	*day = 0;
	if (e->world.enrolled == NULL)
		return ENROLMENT_MISSING;
	return e->world.enrolled(e->world.ctx, party, facts_get(facts, "certno"), is_on, day);
}

static void print_day(int64_t day, char out[20])
{
	yt_time_print(calendar_begins_ms(day), out);
	out[10] = '\0';
}

static void wait_for(struct engine *e, struct task *t, const char *what, const char *why)
{
	struct yt_fault fault;

	snprintf(fault.path, sizeof(fault.path), "%s", what);
	snprintf(fault.why, sizeof(fault.why), "%s", why);
	flow_wait(e, t, &fault);
}

static void wait_for_list(struct engine *e, struct task *t, enum enrolment_state state, int64_t day)
{
	char what[64], date[20], why[64];

	print_day(day, date);
	snprintf(what, sizeof(what), ENROLLED_LIST_OF "%s", t->party->name);
	snprintf(why, sizeof(why), "is of %s, too old", date);
	wait_for(e, t, what,
	        state == ENROLMENT_OLD       ? why
	        : state == ENROLMENT_MISSING ? "is missing"
	                                     : "cannot be used");
}

static void end_not_enrolled(struct engine *e, struct task *t, int64_t day)
{
	struct yt_reply *reply = yt_reply_new(t->arena);
	char date[20], evidence[96];

	YT_REQUIRE(reply != NULL);
	reply->outcome = YT_REFUSED;
	print_day(day, date);
	snprintf(evidence, sizeof(evidence), "not enrolled: not on the list of %s of %s", t->party->name, date);
	task_resolve_refused(e, t, reply, evidence);
}

bool enrolled_may_leave(struct engine *e, struct task *t, unsigned step)
{
	const struct facts *facts = &t->run->facts;
	enum enrolment_state state;
	int64_t day;
	bool is_on;

	if (!t->party->by_list || !is_gated(flow_op_of(t, step)->id))
		return true;
	if (facts_get(facts, "auth_no").n == 0) {
		wait_for(e, t, "consent.auth_no", "is missing");
		return false;
	}
	if (facts_get(facts, "certno").n == 0) {
		wait_for(e, t, "certno", "is missing");
		return false;
	}
	state = ask(e, t->party, facts, &is_on, &day);
	if (state != ENROLMENT_CURRENT)
		wait_for_list(e, t, state, day);
	else if (!is_on)
		end_not_enrolled(e, t, day);
	return state == ENROLMENT_CURRENT && is_on;
}

bool enrolled_is(struct engine *e, const struct engine_party *party, const struct facts *facts)
{
	int64_t day;
	bool is_on;

	return !party->by_list || (ask(e, party, facts, &is_on, &day) == ENROLMENT_CURRENT && is_on);
}

bool enrolled_has_ended(struct engine *e, struct task *t)
{
	struct yt_reply *reply;

	if (!task_is_follow_up(t) || !yt_str_is(facts_get(&t->run->facts, "insured"), "0"))
		return false;
	reply = yt_reply_new(t->arena);
	YT_REQUIRE(reply != NULL);
	reply->outcome = YT_REFUSED;
	task_resolve_refused(e, t, reply, N_("not insured, says the insurer"));
	return true;
}
