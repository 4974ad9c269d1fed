/* core/journal/exchange.c - folds an exchange's records into what it is now.
 *
 * Called by keeper.c for every record it is about to write, by recovery and by the index for every
 * record read back.  The states (enum exchange_state):
 *  - accepted, then sending                      NONE -> ACCEPTED -> SENT
 *  - answered after a plain outcome              SENT -> DONE or REFUSED
 *  - outcome unknown                             SENT -> UNKNOWN
 *  - a reversal leaves                           any  -> REVERSING
 *  - reversed                                    any  -> REVERSED
 *  - resolved, with its result                   any  -> DONE or REFUSED
 *  - parked; an operator decides                 any  -> PARKED -> DONE, REFUSED or REVERSED
 * A late success after a reversal began goes back to REVERSING: it must be reversed again. */
#include "journal/exchange.h"

#include <string.h>

const char *exchange_state_name(enum exchange_state state)
{
	static const char *const names[] = { "none", "accepted", "sent", "unknown", "reversing", "done",
		"refused", "reversed", "parked", "read" };

	return (size_t)state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

/* Copies a field where the record has it; what is longer than we keep is cut (the log has it whole). */
static void take(char *to, size_t size, const struct rec *rec, enum rec_tag tag)
{
	struct yt_str value = rec_get(rec, tag);

	if (value.n == 0)
		return;
	if (value.n >= size)
		value.n = size - 1;
	memcpy(to, value.p, value.n);
	to[value.n] = 0;
}

static void take_i64(int64_t *to, const struct rec *rec, enum rec_tag tag)
{
	if (rec_get(rec, tag).n == 8)
		*to = rec_get_i64(rec, tag);
}

static void take_names(struct exchange *x, const struct rec *rec)
{
	struct yt_str digest = rec_get(rec, REC_T_DIGEST), person = rec_get(rec, REC_T_PERSON);

	take(x->institution, sizeof(x->institution), rec, REC_T_INSTITUTION);
	take(x->number, sizeof(x->number), rec, REC_T_NUMBER);
	take(x->wire_op, sizeof(x->wire_op), rec, REC_T_WIRE_OP);
	take(x->listener, sizeof(x->listener), rec, REC_T_LISTENER);
	take(x->trace, sizeof(x->trace), rec, REC_T_TRACE);
	take(x->business_key, sizeof(x->business_key), rec, REC_T_BUSINESS_KEY);
	take(x->batch, sizeof(x->batch), rec, REC_T_BATCH);
	take(x->original, sizeof(x->original), rec, REC_T_ORIGINAL);
	take(x->treatment_area, sizeof(x->treatment_area), rec, REC_T_TREATMENT_AREA);
	take(x->insured_area, sizeof(x->insured_area), rec, REC_T_INSURED_AREA);
	if (digest.n == sizeof(x->digest))
		memcpy(x->digest, digest.p, digest.n);
	if (person.n == sizeof(x->person))
		memcpy(x->person, person.p, person.n);
	x->op = (enum yt_operation)rec_get_u64(rec, REC_T_OPERATION);
	x->joins = rec_get_u64(rec, REC_T_JOINS);
	x->worker = (uint32_t)rec_get_u64(rec, REC_T_WORKER);
	x->accepted_ms = rec->wall_ms;
}

/* What a party's answer told: numbers it issued, amounts, its code. */
static void take_answer(struct exchange *x, const struct rec *rec)
{
	x->flags |= (unsigned)rec_get_u64(rec, REC_T_FLAGS);
	take(x->visit, sizeof(x->visit), rec, REC_T_VISIT);
	take(x->settlement, sizeof(x->settlement), rec, REC_T_SETTLEMENT);
	take(x->code, sizeof(x->code), rec, REC_T_CODE);
	take(x->reason, sizeof(x->reason), rec, REC_T_REASON);
	take(x->reference, sizeof(x->reference), rec, REC_T_REFERENCE);
	take_i64(&x->amount_fen, rec, REC_T_AMOUNT);
	take_i64(&x->fund_fen, rec, REC_T_FUND);
	take_i64(&x->account_fen, rec, REC_T_ACCOUNT);
	take_i64(&x->cash_fen, rec, REC_T_CASH);
}

static void apply_sending(struct exchange *x, const struct rec *rec)
{
	enum rec_leg leg = (enum rec_leg)rec_get_u64(rec, REC_T_LEG);

	if (leg == REC_LEG_MAIN) {
		take(x->party, sizeof(x->party), rec, REC_T_PARTY);
		x->state = X_SENT;
		return;
	}
	x->attempts++;
	if (leg == REC_LEG_REVERSAL) {
		x->reversals++;
		x->state = X_REVERSING;
	}
}

static void apply_outcome(struct exchange *x, const struct rec *rec)
{
	enum yt_outcome outcome = (enum yt_outcome)rec_get_u64(rec, REC_T_OUTCOME);
	enum rec_leg leg = (enum rec_leg)rec_get_u64(rec, REC_T_LEG);

	if (leg != REC_LEG_MAIN) {
		take(x->reason, sizeof(x->reason), rec, REC_T_REASON);
		return;
	}
	take_answer(x, rec);
	if ((x->flags & REC_X_LATE) && outcome == YT_DONE && x->state != X_UNKNOWN) {
		x->state = X_REVERSING; /* a reversal had begun: it must be made again */
		x->reversal_wanted = true;
		x->closed_ms = 0;
	}
	if (outcome == YT_UNKNOWN && (x->state == X_SENT || x->state == X_ACCEPTED)) {
		x->state = X_UNKNOWN;
		x->unknown_since_ms = rec->wall_ms;
	}
}

static void close_as(struct exchange *x, enum exchange_state state, int64_t wall_ms)
{
	x->state = state;
	x->closed_ms = wall_ms;
	x->due_ms = 0;
}

static void apply_answered(struct exchange *x, const struct rec *rec)
{
	enum yt_outcome outcome = (enum yt_outcome)rec_get_u64(rec, REC_T_OUTCOME);

	take_answer(x, rec);
	x->answered = true;
	x->answered_pos = 0; /* an answer before this one is not told any more */
	x->delivered = false;
	x->offers = x->state == X_SENT; /* its worker hands it out; what is found out later is offered by the keeper */
	x->flags &= ~(unsigned)REC_X_UNPROVED;
	if (x->state == X_REVERSED)
		return; /* the answer says so; the state stays */
	if (outcome != YT_DONE)
		x->reversal_wanted = false; /* there is nothing to reverse */
	close_as(x, outcome == YT_DONE ? X_DONE : X_REFUSED, rec->wall_ms);
}

static void apply_delivered(struct exchange *x, const struct rec *rec)
{
	struct yt_str result = rec_get(rec, REC_T_RESULT);

	if (result.n == 0)
		x->delivered = true;
	else if (yt_str_is(result, "offered"))
		x->offers++;
	else if (yt_str_is(result, "missed"))
		x->offers -= x->offers > 0;
	else if (yt_str_is(result, "unproved"))
		x->flags |= REC_X_UNPROVED;
}

static void apply_decided(struct exchange *x, const struct rec *rec)
{
	struct yt_str result = rec_get(rec, REC_T_RESULT);

	if (yt_str_is(result, "done"))
		close_as(x, X_DONE, rec->wall_ms);
	else if (yt_str_is(result, "refused"))
		close_as(x, X_REFUSED, rec->wall_ms);
	else if (yt_str_is(result, "reversed"))
		close_as(x, X_REVERSED, rec->wall_ms);
	x->reversal_wanted = false;
	x->delivered = true; /* the operator has told the origin's people */
}

/* Written again from segments that are dropped: the state as it was, its octets in the same record. */
static void apply_carried(struct exchange *x, const struct rec *rec)
{
	struct yt_str state = rec_get(rec, REC_T_STATE);

	if (state.n == sizeof(*x)) {
		memcpy(x, state.p, sizeof(*x));
		return;
	}
	take_names(x, rec); /* another version's: an operator must look at it */
	x->state = X_PARKED;
	memcpy(x->reason, "carried over by another version", sizeof("carried over by another version"));
}

/* Records that name when and by whom to go on. */
static void apply_waiting(struct exchange *x, const struct rec *rec)
{
	if (rec->type == REC_DUE) {
		take_i64(&x->due_ms, rec, REC_T_DUE);
		take(x->reason, sizeof(x->reason), rec, REC_T_REASON);
	} else if (rec->type == REC_PARKED) {
		x->state = X_PARKED;
		x->accepted_ms = x->accepted_ms == 0 ? rec->wall_ms : x->accepted_ms; /* it killed its reader: no more is known */
		x->due_ms = 0;
		take(x->owner, sizeof(x->owner), rec, REC_T_OWNER);
		take(x->reason, sizeof(x->reason), rec, REC_T_REASON);
		take_i64(&x->deadline_ms, rec, REC_T_DEADLINE);
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
	else if (type == REC_CARRIED)
		x->accepted_pos = x->sent_pos = x->answered_pos = pos;
}

void exchange_place(struct exchange *x, const struct rec *rec, log_pos pos)
{
	place(x, rec->type, pos);
	if (rec->type == REC_SENDING && rec_get_u64(rec, REC_T_LEG) == REC_LEG_MAIN)
		x->sent_pos = pos;
}

void exchange_apply(struct exchange *x, const struct rec *rec, log_pos pos)
{
	x->id = rec->exchange;
	switch (rec->type) {
	case REC_ACCEPTED:
		take_names(x, rec);
		take_answer(x, rec);
		x->state = X_ACCEPTED;
		break;
	case REC_READ:
		take_names(x, rec);
		take(x->party, sizeof(x->party), rec, REC_T_PARTY);
		take_answer(x, rec);
		x->state = X_READ;
		x->closed_ms = rec->wall_ms;
		break;
	case REC_REFUSED:
		take_names(x, rec);
		take_answer(x, rec);
		x->state = X_REFUSED;
		x->closed_ms = rec->wall_ms;
		break;
	case REC_SENDING:
		apply_sending(x, rec);
		break;
	case REC_OUTCOME:
		apply_outcome(x, rec);
		break;
	case REC_ANSWERED:
		apply_answered(x, rec);
		break;
	case REC_DELIVERED:
		apply_delivered(x, rec);
		break;
	case REC_REVERSED:
		close_as(x, X_REVERSED, rec->wall_ms);
		x->reversal_wanted = false;
		break;
	case REC_JOINED:
		x->reversal_wanted = true;
		break;
	case REC_CARRIED:
		apply_carried(x, rec);
		break;
	case REC_DECIDED:
		apply_decided(x, rec);
		break;
	case REC_DUE:
	case REC_PARKED:
		apply_waiting(x, rec);
		break;
	default:
		break; /* resolved: the evidence; what follows from it is in its own record */
	}
	exchange_place(x, rec, pos);
}

bool exchange_holds_key(const struct exchange *x)
{
	return (x->flags & REC_X_SETTLEMENT) && (x->state == X_ACCEPTED || x->state == X_SENT ||
		x->state == X_UNKNOWN || x->state == X_REVERSING || x->state == X_PARKED);
}

bool exchange_awaits_delivery(const struct exchange *x)
{
	return x->state == X_DONE && (x->flags & REC_X_SETTLEMENT) && x->op != YT_OP_REVERSE && !x->delivered &&
		!(x->flags & REC_X_UNPROVED);
}

bool exchange_is_open(const struct exchange *x)
{
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
