/* core/journal/exchange.c - folds an exchange's records into what it is now.
 *
 * Called by keeper.c for every record it is about to write, by recovery and by the index for every
 * record read back.  The states (enum exchange_state):
 *  - accepted, then sending                      NONE -> ACCEPTED -> SENT
 *  - answered after a plain outcome              SENT -> DONE or REFUSED
 *  - outcome unknown                             SENT -> UNKNOWN
 *  - accepted with a flow                        NONE -> UNKNOWN until the flow ends
 *  - a reversal leaves, or a step is undone      any  -> REVERSING
 *  - reversed                                    any  -> REVERSED
 *  - resolved, with its result                   any  -> DONE or REFUSED
 *  - parked; an operator decides                 any  -> PARKED -> DONE, REFUSED or REVERSED
 *  - a follow-up that waits is held by people    UNKNOWN -> PARKED
 *  - resolved as "unpaid": a payment came to nothing, its step is done anew   stays UNKNOWN
 *  - its bank tells that a payment came back     DONE -> UNKNOWN
 * A late success after a reversal began goes back to REVERSING: it must be reversed again. */
#include "journal/exchange.h"

#include <stdio.h>
#include <string.h>

const char *exchange_state_name(enum exchange_state state)
{
	static const char *const names[] = { "none", "accepted", "sent", "unknown", "reversing", "done", "refused",
		"reversed", "parked", "read" };

	return (size_t)state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

/* A record's clear fields by tag: some thirty are asked for, and rec_get() would walk the record for each. */
struct view {
	const struct rec *rec;
	struct yt_str value[REC_T_CLEAR_END];
};

static void view_fill(struct view *v, const struct rec *rec)
{
	struct rec_field field;
	size_t pos = 0;

	memset(v->value, 0, sizeof(v->value));
	v->rec = rec;
	while (rec_next(rec, &pos, &field))
		if (field.tag < REC_T_CLEAR_END && v->value[field.tag].p == NULL)
			v->value[field.tag] = field.value;
}

/* Copies a field where the record has it; what is longer than we keep is cut (the log has it whole). */
static void take(char *to, size_t size, const struct view *v, enum rec_tag tag)
{
	struct yt_str value = v->value[tag];

	if (value.n == 0)
		return;
	if (value.n >= size)
		value.n = size - 1;
	memcpy(to, value.p, value.n);
	to[value.n] = 0;
}

static void take_i64(int64_t *to, const struct view *v, enum rec_tag tag)
{
	if (v->value[tag].n == 8)
		*to = (int64_t)rec_number(v->value[tag]);
}

static void take_names(struct exchange *x, const struct view *v)
{
	struct yt_str digest = v->value[REC_T_DIGEST], person = v->value[REC_T_PERSON];

	take(x->institution, sizeof(x->institution), v, REC_T_INSTITUTION);
	take(x->number, sizeof(x->number), v, REC_T_NUMBER);
	take(x->wire_op, sizeof(x->wire_op), v, REC_T_WIRE_OP);
	take(x->listener, sizeof(x->listener), v, REC_T_LISTENER);
	take(x->trace, sizeof(x->trace), v, REC_T_TRACE);
	take(x->business_key, sizeof(x->business_key), v, REC_T_BUSINESS_KEY);
	take(x->batch, sizeof(x->batch), v, REC_T_BATCH);
	take(x->original, sizeof(x->original), v, REC_T_ORIGINAL);
	take(x->treatment_area, sizeof(x->treatment_area), v, REC_T_TREATMENT_AREA);
	take(x->insured_area, sizeof(x->insured_area), v, REC_T_INSURED_AREA);
	if (digest.n == sizeof(x->digest))
		memcpy(x->digest, digest.p, digest.n);
	if (person.n == sizeof(x->person))
		memcpy(x->person, person.p, person.n);
	x->op = (enum yt_operation)rec_number(v->value[REC_T_OPERATION]);
	x->joins = rec_number(v->value[REC_T_JOINS]);
	x->worker = (uint32_t)rec_number(v->value[REC_T_WORKER]);
	x->accepted_ms = v->rec->wall_ms;
}

/* What a party's answer told: numbers it issued, amounts, its code. */
static void take_answer(struct exchange *x, const struct view *v)
{
	x->flags |= (unsigned)rec_number(v->value[REC_T_FLAGS]);
	take(x->visit, sizeof(x->visit), v, REC_T_VISIT);
	take(x->settlement, sizeof(x->settlement), v, REC_T_SETTLEMENT);
	take(x->code, sizeof(x->code), v, REC_T_CODE);
	take(x->reason, sizeof(x->reason), v, REC_T_REASON);
	take(x->reference, sizeof(x->reference), v, REC_T_REFERENCE);
	take_i64(&x->amount_fen, v, REC_T_AMOUNT);
	take_i64(&x->fund_fen, v, REC_T_FUND);
	take_i64(&x->account_fen, v, REC_T_ACCOUNT);
	take_i64(&x->cash_fen, v, REC_T_CASH);
}

/* From that one on they are done anew: their octets stay in the log, and count no more. */
static void forget_steps(struct exchange *x, uint64_t step)
{
	for (uint64_t i = step; i > 0 && i <= REC_STEPS_MAX; i++)
		x->step_sent[i - 1] = x->step_got[i - 1] = 0;
}

/* One step of a flow leaves, or what undoes it. */
static void apply_step(struct exchange *x, const struct view *v, enum rec_leg leg)
{
	uint32_t step = (uint32_t)rec_number(v->value[REC_T_STEP]);

	if (step == 0 || step > REC_STEPS_MAX)
		return;
	take(x->party, sizeof(x->party), v, REC_T_PARTY);
	x->step = step;
	x->step_state = leg == REC_LEG_TAKE ? STEP_TAKING : STEP_OUT;
	x->undoing = leg == REC_LEG_UNDO;
	if (leg == REC_LEG_STEP && v->value[REC_T_PAY_NO].n == 0 && (x->flags & REC_X_STAYED) != 0)
		forget_steps(x, step + 1); /* its insurer is asked once more: the order stays where it is */
	else
		x->flags &= ~(unsigned)REC_X_STAYED;
	if (leg == REC_LEG_STEP) {
		if (v->value[REC_T_PAY_NO].n != 0 && !yt_str_is(v->value[REC_T_PAY_NO], x->pay_no)) {
			x->has_line = false;
			x->pay_uetr[0] = x->pay_serial[0] = '\0';
		}
		take(x->pay_uetr, sizeof(x->pay_uetr), v, REC_T_UETR);
		take(x->pay_no, sizeof(x->pay_no), v, REC_T_PAY_NO);
		take(x->pay_msg, sizeof(x->pay_msg), v, REC_T_PAY_MSG);
		x->asks = x->absents = 0;
		x->absent_ms = 0;
	}
	if (x->undoing) {
		x->reversals++;
		x->state = X_REVERSING;
	}
}

static void apply_sending(struct exchange *x, const struct view *v)
{
	enum rec_leg leg = (enum rec_leg)rec_number(v->value[REC_T_LEG]);

	x->told = false; /* whatever comes back was said after it */
	x->flags &= ~(unsigned)REC_X_UNASKED;
	if (leg == REC_LEG_MAIN) {
		take(x->party, sizeof(x->party), v, REC_T_PARTY);
		x->state = X_SENT;
		return;
	}
	if (leg == REC_LEG_STEP || leg == REC_LEG_UNDO || leg == REC_LEG_TAKE) {
		apply_step(x, v, leg);
		return;
	}
	x->attempts++;
	x->asks += leg == REC_LEG_QUERY;
	if (leg == REC_LEG_REVERSAL) {
		x->reversals++;
		x->state = X_REVERSING;
	}
}

/* Nobody waits for a follow-up: how long it has been tried in vain counts from when something last moved. */
static void note_move(struct exchange *x, int64_t wall_ms)
{
	if (x->flags & REC_X_FOLLOW_UP)
		x->unknown_since_ms = wall_ms;
}

/* What its bank says when it is asked about a payment: "not found" counts only as one of an unbroken row. */
static void apply_asked(struct exchange *x, const struct view *v)
{
	bool is_absent = yt_str_is(v->value[REC_T_RESULT], "absent");

	x->absent_ms = !is_absent ? 0 : x->absents > 0 ? x->absent_ms : v->rec->wall_ms;
	x->absents = is_absent ? x->absents + 1 : 0;
}

static void apply_outcome(struct exchange *x, const struct view *v)
{
	enum yt_outcome outcome = (enum yt_outcome)rec_number(v->value[REC_T_OUTCOME]);
	enum rec_leg leg = (enum rec_leg)rec_number(v->value[REC_T_LEG]);
	uint64_t step = rec_number(v->value[REC_T_STEP]);

	take(x->pay_serial, sizeof(x->pay_serial), v, REC_T_PAY_SERIAL);
	if (leg == REC_LEG_STEP || leg == REC_LEG_UNDO) {
		take(x->code, sizeof(x->code), v, REC_T_CODE);
		bool is_anew = (rec_number(v->value[REC_T_FLAGS]) & REC_X_ANEW) != 0;

		x->flags |= rec_number(v->value[REC_T_FLAGS]) & REC_X_STAYED;
		x->attempts = outcome == YT_UNKNOWN || is_anew
		                      ? x->attempts + 1
		                      : 0; /* pauses grow with each, from anew at the next step */
		if (outcome == YT_DONE && (!is_anew || x->pay_no[0] == '\0'))
			note_move(x, v->rec->wall_ms); /* also that nothing is decided yet, but for payments */
		x->step_state = is_anew                 ? STEP_ANEW
		                : outcome == YT_DONE    ? STEP_DONE
		                : outcome == YT_REFUSED ? STEP_REFUSED
		                                        : STEP_OUT;
		if (outcome == YT_REFUSED && !is_anew && leg == REC_LEG_STEP && step > 0 && step <= REC_STEPS_MAX)
			x->step = x->refused_step =
			        (uint32_t)step; /* it may never have left: then no record named it before */
		if ((rec_number(v->value[REC_T_FLAGS]) & REC_X_SURE) != 0) {
			x->doubted = false;
			x->step = (uint32_t)step;
		}
		if (leg == REC_LEG_STEP && step > 0 && step <= REC_STEPS_MAX)
			x->adopted = yt_str_is(v->value[REC_T_RESULT], "found") ? x->adopted | 1u << (step - 1)
			                                                        : x->adopted & ~(1u << (step - 1));
	}
	if (leg == REC_LEG_QUERY)
		apply_asked(x, v);
	if (leg != REC_LEG_MAIN) {
		take(x->reason, sizeof(x->reason), v, REC_T_REASON);
		return;
	}
	take_answer(x, v);
	if ((x->flags & REC_X_LATE) && outcome == YT_DONE && x->state != X_UNKNOWN) {
		x->state = X_REVERSING; /* a reversal had begun: it must be made again */
		x->reversal_wanted = true;
		x->closed_ms = 0;
	}
	if (outcome == YT_UNKNOWN && (x->state == X_SENT || x->state == X_ACCEPTED)) {
		x->state = X_UNKNOWN;
		x->unknown_since_ms = v->rec->wall_ms;
	}
}

/* No money moves by it: what the day's limits had for it is others'. */
static void leave_room(struct exchange *x)
{
	x->room_day = 0;
	x->room_fen = 0;
	memset(x->room_of, 0, sizeof(x->room_of));
	memset(x->room_to, 0, sizeof(x->room_to));
}

static void close_as(struct exchange *x, enum exchange_state state, int64_t wall_ms)
{
	if (state == X_REFUSED || state == X_REVERSED)
		leave_room(x);
	x->state = state;
	x->closed_ms = wall_ms;
	x->due_ms = 0;
}

static void apply_answered(struct exchange *x, const struct view *v)
{
	enum yt_outcome outcome = (enum yt_outcome)rec_number(v->value[REC_T_OUTCOME]);

	if (x->flags & REC_X_FOLLOW_UP)
		x->reason[0] = '\0'; /* what it was waiting for: it is over */
	take_answer(x, v);
	x->answered = true;
	x->answered_pos = 0; /* an answer before this one is not told any more */
	x->delivered = x->must_answer;
	x->must_answer = false;
	x->offers = x->state == X_SENT; /* its worker hands it out; what is found out later is offered by the keeper */
	x->flags &= ~(unsigned)REC_X_UNPROVED;
	if (x->state == X_REVERSED)
		return; /* the answer says so; the state stays */
	if (outcome != YT_DONE)
		x->reversal_wanted = x->doubted = false; /* there is nothing to reverse */
	close_as(x, outcome == YT_DONE ? X_DONE : X_REFUSED, v->rec->wall_ms);
}

static void apply_delivered(struct exchange *x, const struct view *v)
{
	struct yt_str result = v->value[REC_T_RESULT];

	if (result.n == 0)
		x->delivered = true;
	else if (yt_str_is(result, "offered"))
		x->offers++;
	else if (yt_str_is(result, "missed"))
		x->offers -= x->offers > 0;
	else if (yt_str_is(result, "unproved"))
		x->flags |= REC_X_UNPROVED;
}

static void apply_decided(struct exchange *x, const struct view *v)
{
	struct yt_str result = v->value[REC_T_RESULT];

	bool takes_effect = yt_str_is(result, "retry") || yt_str_is(result, "done");

	if (yt_str_is(result, "release")) { /* the order that waits, no other one */
		x->released = true;
		x->due_ms = 0;
		return;
	}
	if (yt_str_is(result, "park")) { /* people hold it: what becomes of it is another decision */
		x->state = X_PARKED;
		x->flags |= REC_X_HELD;
		x->due_ms = 0;
		take(x->owner, sizeof(x->owner), v, REC_T_OWNER);
		take(x->reason, sizeof(x->reason), v, REC_T_REASON);
		take_i64(&x->deadline_ms, v, REC_T_DEADLINE);
		return;
	}
	x->flags &= ~(unsigned)(REC_X_HELD | REC_X_DIFFERS);
	if (!takes_effect || (x->flags & REC_X_FOLLOW_UP) == 0)
		x->reversal_wanted =
		        false; /* a follow-up's settlement stays undone: what of it is done is undone, too */
	note_move(x, v->rec->wall_ms);
	if (yt_str_is(result, "retry")) { /* machines try again */
		x->state = x->reversals != 0 || x->answered ? X_REVERSING : X_UNKNOWN;
		x->due_ms = 0;
		return;
	}
	if (yt_str_is(result, "done"))
		close_as(x, X_DONE, v->rec->wall_ms);
	else if (yt_str_is(result, "refused"))
		close_as(x, X_REFUSED, v->rec->wall_ms);
	else if (yt_str_is(result, "reversed"))
		close_as(x, X_REVERSED, v->rec->wall_ms);
	x->delivered = true; /* the operator has told the origin's people: it is not reversed for being unfetched */
	x->must_answer = x->number[0] != 0;
}

/* Written again from segments that are dropped: the state as it was, its octets in the same record. */
static void apply_carried(struct exchange *x, const struct view *v)
{
	struct yt_str state = v->value[REC_T_STATE];

	if (state.n == sizeof(*x)) {
		memcpy(x, state.p, sizeof(*x));
		return;
	}
	take_names(x, v); /* another version's: an operator must look at it */
	x->state = X_PARKED;
	memcpy(x->reason, "carried over by another version", sizeof("carried over by another version"));
}

bool exchange_may_pay_anew(const struct exchange *x)
{
	return x->back_no[0] == '\0' || x->older[EXCHANGE_PAYOUTS_OLDER - 1].no[0] == '\0';
}

/* The newest one that came to nothing so far makes room for one more. */
static void remember_older(struct exchange *x)
{
	struct exchange_payout *p = x->older;

	if (x->back_no[0] == '\0')
		return;
	while (p < x->older + EXCHANGE_PAYOUTS_OLDER - 1 && p->no[0] != '\0')
		p++;
	memcpy(p->no, x->back_no, sizeof(p->no));
	memcpy(p->msg, x->back_msg, sizeof(p->msg));
	memcpy(p->state, x->back_state, sizeof(p->state));
}

/* It ends as nothing that was paid, and its insurer's list had told that it was: by itself, not by us. */
static void end_unpaid(struct exchange *x)
{
	if (strcmp(x->listed_state, "PAID") == 0 && x->listed_fen != 0 && x->back_no[0] == '\0' &&
	        strcmp(x->unpaid_as, "RETURNED") != 0)
		x->flags |= REC_X_DIFFERS;
}

/* A payment came to nothing: its number is never used again, and the step that orders it is done anew. Or it was made,
 * and is asked back. */
static void apply_resolved(struct exchange *x, const struct view *v)
{
	uint64_t step = rec_number(v->value[REC_T_STEP]);
	struct yt_str payee = v->value[REC_T_PAY_DIGEST];

	if (yt_str_is(v->value[REC_T_RESULT], "claimed back")) {
		x->claimed_back = true;
		x->reversal_wanted = x->undoing = false;
	}
	if (v->value[REC_T_PAY_BY].n != 0) {
		take(x->paid_by, sizeof(x->paid_by), v, REC_T_PAY_BY);
		take_i64(&x->decided_fen, v, REC_T_AMOUNT);
		if (strcmp(x->listed_state, "PAID") == 0 && x->listed_fen >= 0 && x->listed_fen != x->decided_fen)
			x->flags |= REC_X_DIFFERS; /* its insurer's list had told of it before */
	}
	if (yt_str_is(v->value[REC_T_RESULT], "refused"))
		end_unpaid(x);
	if (yt_str_is(v->value[REC_T_RESULT], "forsaken"))
		x->flags |= REC_X_FORSAKEN;
	if (yt_str_is(v->value[REC_T_RESULT], "came to nothing"))
		take(x->unpaid_as, sizeof(x->unpaid_as), v, REC_T_CODE);
	if (!yt_str_is(v->value[REC_T_RESULT], "unpaid") || step == 0 || step > REC_STEPS_MAX)
		return;
	remember_older(x);
	memcpy(x->back_no, x->pay_no, sizeof(x->back_no));
	memcpy(x->back_msg, x->pay_msg, sizeof(x->back_msg));
	take(x->back_state, sizeof(x->back_state), v, REC_T_CODE);
	if (payee.n == sizeof(x->back_payee))
		memcpy(x->back_payee, payee.p, payee.n);
	memset(x->pay_no, 0, sizeof(x->pay_no));
	memset(x->pay_msg, 0, sizeof(x->pay_msg));
	memset(x->pay_digest, 0, sizeof(x->pay_digest));
	x->released = x->doubted = x->undoing = x->has_line = false;
	x->pay_fen = 0;
	x->pay_uetr[0] = x->pay_serial[0] = '\0';
	leave_room(x);
	x->asks = x->absents = x->attempts = 0;
	x->absent_ms = 0;
	x->adopted &= (1u << (step - 1)) - 1;
	take(x->party, sizeof(x->party), v, REC_T_PARTY);
	x->step = (uint32_t)step - 1;
	x->step_state = x->step > 0 ? STEP_DONE : STEP_NONE;
	note_move(x, v->rec->wall_ms);
}

/* What it was thought to have ended with is not so: its bank is asked. */
static void apply_doubt(struct exchange *x, const struct view *v)
{
	struct yt_str number = v->value[REC_T_PAY_NO];

	if (!yt_str_is(v->value[REC_T_RESULT], "RETURNED") || number.n == 0 ||
	        (!yt_str_is(number, x->pay_no) && !yt_str_is(number, x->pay_msg)))
		return;
	x->doubted = true;
	if (x->state != X_DONE || x->reversal_wanted || x->claimed_back)
		return;
	x->state = X_UNKNOWN;
	x->answered = x->delivered = false;
	x->closed_ms = 0;
	x->attempts = 0;
	note_move(x, v->rec->wall_ms);
}

/* Of one that came to nothing, not of the one that is under way. */
static bool is_of_old_payout(const struct exchange *x, struct yt_str number)
{
	return number.n != 0 && !yt_str_is(number, x->pay_no) && !yt_str_is(number, x->pay_msg);
}

uint32_t exchange_day(struct yt_str day)
{
	uint32_t n = 0;

	for (size_t i = 0; i < day.n; i++)
		n = day.p[i] >= '0' && day.p[i] <= '9' ? n * 10 + (uint32_t)(day.p[i] - '0') : n;
	return n;
}

/* A row of its insurer's list: proof that it paid, or news, which have no count.  Of another payment than the one under
 * way it is held against the end of that. */
static void apply_listed(struct exchange *x, const struct view *v)
{
	x->listed_day = exchange_day(v->value[REC_T_BOOKED]);
	x->listed_fen = -1;
	take_i64(&x->listed_fen, v, REC_T_AMOUNT);
	memset(x->listed_state, 0, sizeof(x->listed_state));
	take(x->listed_state, sizeof(x->listed_state), v, REC_T_CODE);
	x->has_line = x->has_line || (x->pay_no[0] == '\0' && yt_str_is(v->value[REC_T_CODE], "PAID"));
	if (v->value[REC_T_RESULT].n == 0)
		return;
	take(x->told_state, sizeof(x->told_state), v, REC_T_RESULT);
	x->told = true;
	x->flags = (x->flags & ~(unsigned)REC_X_COUNTED) | REC_X_UNASKED; /* an event of before may come after it */
	x->flags |= yt_str_is(v->value[REC_T_RESULT], "DIFFERS") ? REC_X_DIFFERS : 0u;
}

/* What a party told unasked: on the follow-up it belongs to, or why it belongs to none.  What came after it counts. */
static void apply_notice(struct exchange *x, const struct view *v)
{
	uint32_t seq = (uint32_t)rec_number(v->value[REC_T_SERIAL]);

	if (v->value[REC_T_LINES].n != 0)
		x->told_seq = (uint32_t)rec_number(v->value[REC_T_LINES]);
	if (v->value[REC_T_STRAYS].n != 0 || v->value[REC_T_LINES].n != 0) {
		x->flags |= (unsigned)rec_number(v->value[REC_T_FLAGS]) & REC_X_DOUBTS;
		x->strays += (uint32_t)rec_number(v->value[REC_T_STRAYS]);
	} else if (v->value[REC_T_JOINS].n == 0) {
		take(x->reason, sizeof(x->reason), v, REC_T_REASON);
	} else if ((rec_number(v->value[REC_T_FLAGS]) & REC_X_LISTING) != 0) {
		apply_listed(x, v);
		return;
	} else if (is_of_old_payout(x, v->value[REC_T_PAY_NO])) {
		x->flags |= (unsigned)rec_number(v->value[REC_T_FLAGS]) & REC_X_HELD;
		return; /* that one is over */
	} else if (seq == 0 || seq > x->told_seq) {
		x->told_seq = seq != 0 ? seq : x->told_seq;
		take(x->told_state, sizeof(x->told_state), v, REC_T_RESULT);
		x->told = true;
		x->flags = seq != 0 ? x->flags | REC_X_COUNTED | REC_X_UNASKED : x->flags & ~(unsigned)REC_X_COUNTED;
		x->flags |= yt_str_is(v->value[REC_T_RESULT], "DIFFERS") ? REC_X_DIFFERS : 0u;
		apply_doubt(x, v);
	}
	if (v->value[REC_T_JOINS].n != 0 && v->value[REC_T_BOOKED].n != 0 && yt_str_is(v->value[REC_T_RESULT], "PAID"))
		x->has_line = true;
}

/* A payment is about to leave.  What people have released holds for the order they saw. */
static void apply_order(struct exchange *x, const struct view *v)
{
	struct yt_str digest = v->value[REC_T_PAY_DIGEST];

	if (digest.n != sizeof(x->pay_digest) || memcmp(x->pay_digest, digest.p, digest.n) == 0)
		return;
	memcpy(x->pay_digest, digest.p, digest.n);
	take_i64(&x->pay_fen, v, REC_T_AMOUNT);
	x->released = false;
	leave_room(x);
}

/* Records that name when and by whom to go on. */
static void apply_waiting(struct exchange *x, const struct view *v)
{
	if (v->rec->type == REC_DUE && v->value[REC_T_RESULT].n != 0) {
		x->flags &= ~(unsigned)REC_X_UNTOLD;
		x->flags |= yt_str_is(v->value[REC_T_RESULT], "untold") ? REC_X_UNTOLD : 0u;
	} else if (v->rec->type == REC_DUE) {
		take_i64(&x->due_ms, v, REC_T_DUE);
		x->due_set_ms = v->rec->wall_ms;
		take(x->reason, sizeof(x->reason), v, REC_T_REASON);
		x->attempts += rec_number(v->value[REC_T_ATTEMPT]) != 0;
		apply_order(x, v);
	} else if (v->rec->type == REC_PARKED) {
		x->state = X_PARKED;
		x->accepted_ms = x->accepted_ms == 0 ? v->rec->wall_ms
		                                     : x->accepted_ms; /* it killed its reader: no more is known */
		x->flags |= (unsigned)rec_number(v->value[REC_T_FLAGS]) & REC_X_HELD;
		x->due_ms = 0;
		take(x->owner, sizeof(x->owner), v, REC_T_OWNER);
		take(x->reason, sizeof(x->reason), v, REC_T_REASON);
		take_i64(&x->deadline_ms, v, REC_T_DEADLINE);
	}
}

/* A day's limits have room for it; without the day it only asks. */
static void apply_room(struct exchange *x, const struct view *v)
{
	struct rec_field field;
	size_t pos = 0;

	if (v->value[REC_T_SERIAL].n == 0)
		return;
	leave_room(x);
	x->room_day = (uint32_t)rec_number(v->value[REC_T_SERIAL]);
	take_i64(&x->room_fen, v, REC_T_AMOUNT);
	while (rec_next(v->rec, &pos, &field)) {
		char *name = x->room_of[0] == '\0' ? x->room_of : x->room_to;

		if (field.tag != REC_T_LIMIT_KEY || field.value.n >= ROOM_NAME_MAX)
			continue;
		memcpy(name, field.value.p, field.value.n);
		name[field.value.n] = '\0';
	}
}

static void place(struct exchange *x, enum rec_type type, log_pos pos)
{
	if (pos == 0)
		return; /* not durable yet; exchange_place() comes later */
	x->last_pos = pos;
	if (type == REC_ACCEPTED || type == REC_READ || type == REC_REFUSED)
		x->accepted_pos = pos;
	else if (type == REC_ANSWERED)
		x->answered_pos = pos;
	else if (type == REC_CARRIED) {
		x->accepted_pos = x->sent_pos = x->answered_pos = pos;
		for (unsigned i = 0; i < REC_STEPS_MAX; i++) { /* those that there are: each is read for itself */
			x->step_sent[i] = x->step_sent[i] != 0 ? pos : 0;
			x->step_got[i] = x->step_got[i] != 0 ? pos : 0;
		}
		x->undo_sent = x->undo_sent != 0 ? pos : 0;
	}
}

/* Where a step's octets stand. */
static void place_step(struct exchange *x, const struct rec *rec, log_pos pos)
{
	uint64_t leg, step;

	if (pos == 0 || (rec->type != REC_SENDING && rec->type != REC_OUTCOME))
		return;
	leg = rec_get_u64(rec, REC_T_LEG), step = rec_get_u64(rec, REC_T_STEP);
	if (step == 0 || step > REC_STEPS_MAX)
		return;
	if (rec->type == REC_SENDING && leg == REC_LEG_STEP && rec_get_u64(rec, REC_T_ATTEMPT) == 0)
		x->step_sent[step - 1] = pos; /* sent again it is the same octets, kept once */
	else if (rec->type == REC_SENDING && (leg == REC_LEG_UNDO || leg == REC_LEG_TAKE) &&
	         rec_get_u64(rec, REC_T_ATTEMPT) == 0)
		x->undo_sent = pos;
	else if (rec->type == REC_OUTCOME && leg == REC_LEG_STEP)
		x->step_got[step - 1] = pos;
}

void exchange_place(struct exchange *x, const struct rec *rec, log_pos pos)
{
	place(x, rec->type, pos);
	if (rec->type == REC_SENDING && rec_get_u64(rec, REC_T_LEG) == REC_LEG_MAIN)
		x->sent_pos = pos;
	if (rec->type == REC_RESOLVED && yt_str_is(rec_get(rec, REC_T_RESULT), "unpaid"))
		forget_steps(x, rec_get_u64(rec, REC_T_STEP));
	place_step(x, rec, pos);
}

void exchange_apply(struct exchange *x, const struct rec *rec, log_pos pos)
{
	struct view view, *v = &view;

	view_fill(v, rec);
	x->id = rec->exchange;
	switch (rec->type) {
	case REC_ACCEPTED:
		take_names(x, v);
		take_answer(x, v);
		take(x->flow, sizeof(x->flow), v, REC_T_FLOW);
		take(x->then, sizeof(x->then), v, REC_T_THEN);
		take(x->party, sizeof(x->party), v, REC_T_PARTY);            /* of a notice: who tells */
		if ((x->flags & REC_X_FOLLOW_UP) && x->business_key[0] == 0) /* who tells of it knows no institution */
			memcpy(x->business_key, x->number, sizeof(x->number));
		x->state = x->flow[0] != 0 ? X_UNKNOWN
		                           : X_ACCEPTED; /* a flow is worked off under leases from the first step */
		x->unknown_since_ms = x->flow[0] != 0 ? rec->wall_ms : 0;
		break;
	case REC_READ:
		take_names(x, v);
		take(x->party, sizeof(x->party), v, REC_T_PARTY);
		take_answer(x, v);
		x->state = X_READ;
		x->closed_ms = rec->wall_ms;
		break;
	case REC_REFUSED:
		take_names(x, v);
		take_answer(x, v);
		x->state = X_REFUSED;
		x->closed_ms = rec->wall_ms;
		break;
	case REC_SENDING:
		apply_sending(x, v);
		break;
	case REC_OUTCOME:
		apply_outcome(x, v);
		break;
	case REC_ANSWERED:
		apply_answered(x, v);
		break;
	case REC_DELIVERED:
		apply_delivered(x, v);
		break;
	case REC_REVERSED:
		close_as(x, X_REVERSED, rec->wall_ms);
		x->reversal_wanted = false;
		end_unpaid(x);
		break;
	case REC_JOINED:
		x->reversal_wanted = !yt_str_is(rec_get(rec, REC_T_RESULT), "refused");
		x->claimed_back = x->claimed_back && x->reversal_wanted; /* its settlement stands: it may be again */
		note_move(x, rec->wall_ms);
		break;
	case REC_CARRIED:
		apply_carried(x, v);
		break;
	case REC_DECIDED:
		apply_decided(x, v);
		break;
	case REC_DUE:
	case REC_PARKED:
		x->told = false;
		apply_waiting(x, v);
		break;
	case REC_NOTICE:
		apply_notice(x, v);
		break;
	case REC_RESOLVED:
		apply_resolved(x, v);
		break;
	case REC_ROOM:
		apply_room(x, v);
		break;
	default:
		break;
	}
	exchange_place(x, rec, pos);
}

bool exchange_is_cancel(const struct exchange *x)
{
	return (x->op == YT_OP_OUTPATIENT_SETTLE_CANCEL || x->op == YT_OP_INPATIENT_SETTLE_CANCEL ||
	               x->op == YT_OP_PHARMACY_SETTLE_CANCEL || x->op == YT_OP_SETTLE_NOTICE_CANCEL) &&
	       x->original[0] != 0;
}

const char *exchange_ends_follow_up(const struct exchange *x)
{
	if (exchange_is_cancel(x))
		return x->state == X_DONE ? x->original : NULL;
	return x->state == X_REVERSED && x->then[0] != 0 && x->settlement[0] != 0 ? x->settlement : NULL;
}

const char *exchange_revives(const struct exchange *x)
{
	return exchange_is_cancel(x) && x->state == X_REVERSED ? x->original : NULL;
}

void exchange_serial_key(struct yt_str serial, int64_t fen, char out[EXCHANGE_SERIAL_KEY])
{
	out[0] = '\0';
	if (serial.n > 0 && serial.n < sizeof(((struct exchange *)0)->pay_serial) && fen > 0)
		snprintf(out, EXCHANGE_SERIAL_KEY, "#%.*s/%lld", YT_FMT(serial), (long long)fen);
}

static bool number_of(const char *settlement, const char *prefix, char out[EXCHANGE_NUMBER_MAX])
{
	int n = snprintf(out, EXCHANGE_NUMBER_MAX, "%s/%s", prefix, settlement);

	if (n < EXCHANGE_NUMBER_MAX)
		return true;
	out[0] = 0; /* cut, it might be another settlement's */
	return false;
}

bool exchange_follow_up_number(const char *settlement, char out[EXCHANGE_NUMBER_MAX])
{
	return number_of(settlement, "+", out);
}

bool exchange_claim_back_number(const char *settlement, char out[EXCHANGE_NUMBER_MAX])
{
	return number_of(settlement, "back", out);
}

bool exchange_holds_key(const struct exchange *x)
{
	return ((x->flags & REC_X_SETTLEMENT) || x->flow[0] != '\0') &&
	       (x->state == X_ACCEPTED || x->state == X_SENT || x->state == X_UNKNOWN || x->state == X_REVERSING ||
	               x->state == X_PARKED);
}

static bool waits(const struct exchange *x)
{
	return (x->flags & REC_X_FOLLOW_UP) != 0 && x->state == X_UNKNOWN && !x->reversal_wanted && !x->undoing &&
	       !x->must_answer;
}

/* It was written down that its order leaves, as the first step, and its bank could not be reached. */
static bool surely_stayed(const struct exchange *x)
{
	return x->step == 1 && x->step_state == STEP_ANEW && x->pay_no[0] != '\0';
}

bool exchange_may_be_withdrawn(const struct exchange *x)
{
	return waits(x) && (x->step == 0 || surely_stayed(x));
}

bool exchange_may_be_held(const struct exchange *x)
{
	bool is_out = x->step_state == STEP_OUT || x->step_state == STEP_TAKING;

	return waits(x) && !is_out && (x->pay_no[0] == '\0' || surely_stayed(x));
}

bool exchange_awaits_delivery(const struct exchange *x)
{
	return x->state == X_DONE && (x->flags & REC_X_SETTLEMENT) && x->op != YT_OP_REVERSE && !x->delivered &&
	       !(x->flags & REC_X_UNPROVED);
}

bool exchange_is_open(const struct exchange *x)
{
	if (x->must_answer || (x->flags & REC_X_UNTOLD))
		return true;
	switch (x->state) {
	case X_ACCEPTED:
	case X_SENT:
	case X_UNKNOWN:
	case X_REVERSING:
	case X_PARKED:
		return true;
	case X_DONE: /* a settlement nobody fetched is still open */
		return x->reversal_wanted || exchange_awaits_delivery(x);
	default:
		return false;
	}
}

bool exchange_may_rest(const struct exchange *x)
{
	return (x->flags & REC_X_FOLLOW_UP) != 0 && exchange_is_open(x);
}

bool exchange_waits_for_facts(const struct exchange *x)
{
	bool is_machines = x->state == X_UNKNOWN || (x->state == X_PARKED && (x->flags & REC_X_HELD) == 0);

	return (x->flags & REC_X_FOLLOW_UP) != 0 && is_machines && !x->answered && !x->reversal_wanted &&
	       x->reversals == 0 && strncmp(x->reason, EXCHANGE_WAITS, sizeof(EXCHANGE_WAITS) - 1) == 0;
}

bool exchange_is_paid_by_insurer(const struct exchange *x)
{
	return strcmp(x->paid_by, "INSURER") == 0 && x->decided_fen > 0;
}

bool exchange_awaits_line(const struct exchange *x)
{
	return (x->flags & REC_X_FOLLOW_UP) != 0 && x->state == X_DONE && !x->has_line &&
	       (x->pay_no[0] != 0 || exchange_is_paid_by_insurer(x));
}

bool exchange_has_strays(const struct exchange *x)
{
	return x->op == YT_OP_STATEMENT_NOTICE && (x->strays > 0 || (x->flags & REC_X_DOUBTS) != 0);
}
