/* core/engine/written.c - the records a worker writes down about a request, a leg, an answer.
 *
 * Called by asking.c, leg.c and resolve.c before they act; the keeper folds what is written here
 * (journal/exchange.c).  No personal data in clear fields: a person is a keyed hash (P9). */
#include <stdio.h>
#include <string.h>

#include "base/sha256.h"
#include "engine/work.h"

/* "Same content" (P2): operation, institution and the business part's raw octets. */
void work_digest(struct work *w)
{
	const struct yt_str parts[] = { w->msg->wire_op, YT_STR("|"), w->msg->institution, YT_STR("|"),
		w->msg->content };

	yt_sha256(parts, sizeof(parts) / sizeof(parts[0]), w->digest);
}

/* P13: what must not be settled twice at once; and what a withdrawal at several parties must not overtake. */
static void business_key(struct yt_buf *out, const struct work *w)
{
	const struct yt_msg *msg = w->msg;
	struct yt_str key;

	switch (msg->op->id) {
	case YT_OP_OUTPATIENT_SETTLE:
		key = yt_arena_printf(msg->arena, "settle|%.*s|%.*s", YT_FMT(msg->visit), YT_FMT(msg->batch));
		break;
	case YT_OP_INPATIENT_SETTLE:
		key = yt_arena_printf(msg->arena, "settle|%.*s|", YT_FMT(msg->visit));
		break;
	case YT_OP_PHARMACY_SETTLE: /* no visit before it; its first line's serial is the pharmacy's own */
		key = yt_arena_printf(msg->arena, "settle|%.*s|%.*s", YT_FMT(msg->institution), YT_FMT(msg->own_visit));
		break;
	case YT_OP_OUTPATIENT_SETTLE_CANCEL:
	case YT_OP_INPATIENT_SETTLE_CANCEL:
	case YT_OP_PHARMACY_SETTLE_CANCEL:
	case YT_OP_SETTLE_NOTICE_CANCEL:
		key = yt_arena_printf(msg->arena, EXCHANGE_CANCEL_KEY "%.*s", YT_FMT(msg->settlement));
		break;
	case YT_OP_OUTPATIENT_FEES:
	case YT_OP_INPATIENT_FEES:
	case YT_OP_OUTPATIENT_FEES_CANCEL:
	case YT_OP_INPATIENT_FEES_CANCEL:
		if (w->flow == NULL)
			return;
		key = yt_arena_printf(msg->arena, "lines|%.*s|%.*s", YT_FMT(msg->institution), YT_FMT(msg->visit));
		break;
	default:
		return;
	}
	YT_REQUIRE(key.p != NULL);
	rec_str(out, REC_T_BUSINESS_KEY, key);
}

/* What a message undoes: of a cancel its settlement, since its answer names a settlement of its own. */
static struct yt_str undone_by(const struct yt_msg *msg)
{
	switch (msg->op->id) {
	case YT_OP_OUTPATIENT_SETTLE_CANCEL:
	case YT_OP_INPATIENT_SETTLE_CANCEL:
	case YT_OP_PHARMACY_SETTLE_CANCEL:
	case YT_OP_SETTLE_NOTICE_CANCEL:
		return msg->settlement;
	default:
		return msg->original_number;
	}
}

static void names(struct yt_buf *out, struct engine *e, const struct work *w)
{
	const struct yt_msg *msg = w->msg;
	uint8_t person[16];

	rec_str(out, REC_T_INSTITUTION, msg->institution);
	rec_str(out, REC_T_NUMBER, msg->number);
	rec_str(out, REC_T_WIRE_OP, msg->wire_op);
	rec_u8(out, REC_T_OPERATION, (uint8_t)msg->op->id);
	rec_str(out, REC_T_VISIT, msg->visit.n != 0 ? msg->visit : msg->own_visit);
	rec_str(out, REC_T_BATCH, msg->batch);
	rec_str(out, REC_T_SETTLEMENT, msg->settlement);
	rec_str(out, REC_T_ORIGINAL, undone_by(msg));
	rec_str(out, REC_T_TREATMENT_AREA, msg->treatment_area);
	rec_str(out, REC_T_INSURED_AREA, msg->insured_area);
	rec_str(out, REC_T_LISTENER, yt_str(w->listener));
	rec_str(out, REC_T_PARTY_OF_ORIGIN, yt_str(w->origin != NULL ? w->origin->name : NULL));
	rec_str(out, REC_T_TRACE, yt_str(w->trace));
	rec_u32(out, REC_T_WORKER, e->incarnation);
	if (msg->amount_fen != 0)
		rec_i64(out, REC_T_AMOUNT, msg->amount_fen);
	if (msg->person.n != 0) {
		e->world.person(e->world.ctx, msg->person, person);
		rec_bytes(out, REC_T_PERSON, person, sizeof(person));
	}
}

/* Its party knows it under its sender's number and signature: in our name nothing can be said of it. */
static bool is_relayed(const struct work *w)
{
	return w->flow == NULL && w->outward == w->msg && w->codec.api->make_number != NULL &&
	       yt_str_eq(yt_buf_view(&w->sent), w->request);
}

void written_accepted(struct yt_buf *out, struct engine *e, const struct work *w)
{
	unsigned flags =
	        (w->msg->op->is_settlement ? REC_X_SETTLEMENT : 0u) |
	        (w->flow != NULL || w->outward != w->msg || (w->joins_only && w->unless_known.p == NULL) ? REC_X_FOREIGN
	                                                                                                 : 0u) |
	        (w->msg->n_secrets > 0 ? REC_X_SECRET : 0u) | (is_relayed(w) ? REC_X_RELAYED : 0u) |
	        (w->joins_only || w->lacks_sign_no || w->is_stopped ? REC_X_UNSENT : 0u);
	struct yt_str request = w->request;
	size_t at = rec_begin(out, REC_ACCEPTED, 0, w->id, engine_wall(e));

	names(out, e, w);
	rec_bytes(out, REC_T_DIGEST, w->digest, sizeof(w->digest));
	if (w->flow != NULL)
		rec_str(out, REC_T_FLOW, yt_str(w->flow->name));
	if (notice_is(w->msg->op->id)) /* it counts only of what that party was asked */
		rec_str(out, REC_T_PARTY, yt_str(w->origin->party));
	if (w->then != NULL)
		rec_str(out, REC_T_THEN, yt_str(w->then->name));
	business_key(out, w);
	if (flags != 0)
		rec_u32(out, REC_T_FLAGS, flags);
	if (w->msg->n_secrets > 0)
		request = secrets_out(e, &w->codec, w->id, request, w->msg->wire_op, false, w->arena, request);
	rec_str(out, REC_T_REQUEST, request);
	rec_end(out, at);
}

void written_sending(struct yt_buf *out, struct engine *e, const struct work *w)
{
	size_t at = rec_begin(out, REC_SENDING, 0, w->id, engine_wall(e));
	struct yt_str sent = yt_buf_view(&w->sent);

	rec_u8(out, REC_T_LEG, REC_LEG_MAIN);
	rec_str(out, REC_T_PARTY, yt_str(w->party->name));
	rec_str(out, REC_T_NUMBER, cross_wire_number(w->outward));
	if (!yt_str_eq(sent, w->request)) { /* equal octets are stored once */
		if (w->msg->n_secrets > 0)
			sent = secrets_out(
			        e, &w->party->codec, w->id, w->request, w->outward->wire_op, false, w->arena, sent);
		rec_str(out, REC_T_SENT, sent);
	}
	rec_end(out, at);
}

static void amounts(struct yt_buf *out, const struct yt_reply *reply)
{
	if (reply->amount_fen == 0 && reply->fund_fen == 0 && reply->account_fen == 0 && reply->cash_fen == 0)
		return;
	rec_i64(out, REC_T_AMOUNT, reply->amount_fen);
	rec_i64(out, REC_T_FUND, reply->fund_fen);
	rec_i64(out, REC_T_ACCOUNT, reply->account_fen);
	rec_i64(out, REC_T_CASH, reply->cash_fen);
}

/* Of a reply's own words only what is unknown is kept in clear: a party's text may name a person. */
static void verdict(struct yt_buf *out, const struct yt_reply *reply, unsigned flags)
{
	rec_u8(out, REC_T_OUTCOME, (uint8_t)reply->outcome);
	rec_str(out, REC_T_CODE, reply->code);
	rec_str(out, REC_T_REFERENCE, reply->number);
	rec_str(out, REC_T_VISIT, reply->visit);
	rec_str(out, REC_T_SETTLEMENT, reply->settlement);
	if (flags != 0)
		rec_u32(out, REC_T_FLAGS, flags);
	amounts(out, reply);
}

void written_outcome(struct yt_buf *out, struct engine *e, uint64_t exchange, enum rec_leg leg,
        const struct yt_reply *reply, struct yt_str received, unsigned flags, int64_t took_ms)
{
	size_t at = rec_begin(out, REC_OUTCOME, 0, exchange, engine_wall(e));

	rec_u8(out, REC_T_LEG, (uint8_t)leg);
	verdict(out, reply, flags);
	if (received.n == 0)
		rec_str(out, REC_T_REASON, reply->text); /* ours: nothing came back */
	rec_u32(out, REC_T_ELAPSED, (uint32_t)took_ms);
	rec_str(out, REC_T_RECEIVED, received);
	rec_end(out, at);
}

static bool may_follow(const struct yt_msg *msg, const struct yt_reply *reply)
{
	char why[200];

	return reply->outcome == YT_DONE && reply->settlement.n != 0 && reply->breach.n == 0 &&
	       (msg->op->reply_money == 0 || yt_money_check(msg->op->reply_money, reply->body, why, sizeof(why)) == 0);
}

/* Nobody asks for it: it carries its cause's octets, since those may be dropped before it ends. */
uint64_t written_follow_up(struct yt_buf *out, struct engine *e, const struct follow_cause *cause,
        const struct yt_msg *msg, const struct yt_reply *reply)
{
	char settlement[EXCHANGE_NUMBER_MAX], number[EXCHANGE_NUMBER_MAX];
	struct yt_str request = cause->request;
	uint8_t person[16];
	uint64_t id;
	size_t at;

	if (cause->then == NULL || cause->then[0] == '\0' || !may_follow(msg, reply))
		return 0;
	if (msg->n_secrets > 0)
		request = secrets_out(
		        e, cause->codec, cause->id, cause->request, msg->wire_op, false, reply->arena, cause->request);
	snprintf(settlement, sizeof(settlement), "%.*s", YT_FMT(reply->settlement));
	if (!exchange_follow_up_number(settlement, number)) {
		yt_log(YT_ERROR, "engine",
		        "nothing follows from exchange %016llx: its settlement's number is longer than %d bytes",
		        (unsigned long long)cause->id, EXCHANGE_NUMBER_MAX - 3);
		return 0;
	}
	id = work_take_id(e);
	at = rec_begin(out, REC_ACCEPTED, 0, id, engine_wall(e));
	rec_str(out, REC_T_INSTITUTION, msg->institution);
	rec_str(out, REC_T_NUMBER, yt_str(number));
	rec_str(out, REC_T_WIRE_OP, msg->wire_op);
	rec_u8(out, REC_T_OPERATION, (uint8_t)msg->op->id);
	rec_str(out, REC_T_VISIT, msg->visit);
	rec_str(out, REC_T_SETTLEMENT, yt_str(settlement));
	rec_str(out, REC_T_ORIGINAL, msg->number);
	rec_str(out, REC_T_INSURED_AREA, msg->insured_area);
	rec_str(out, REC_T_LISTENER, yt_str(cause->listener));
	rec_str(out, REC_T_TRACE, yt_str(cause->trace));
	rec_u32(out, REC_T_WORKER, e->incarnation);
	if (reply->amount_fen != 0)
		rec_i64(out, REC_T_AMOUNT, reply->amount_fen);
	if (msg->person.n != 0) {
		e->world.person(e->world.ctx, msg->person, person);
		rec_bytes(out, REC_T_PERSON, person, sizeof(person));
	}
	rec_str(out, REC_T_FLOW, yt_str(cause->then));
	rec_u32(out, REC_T_FLAGS,
	        REC_X_FOLLOW_UP | (cause->is_one_stop ? REC_X_ONE_STOP : 0u) | (cause->is_listed ? REC_X_LISTED : 0u));
	rec_str(out, REC_T_REQUEST, request);
	rec_end(out, at);
	return id;
}

bool written_claim_back(struct yt_buf *out, struct engine *e, const struct task *t, const struct claim_back *back)
{
	char number[EXCHANGE_NUMBER_MAX];
	size_t at;

	if (!exchange_claim_back_number(t->x.settlement, number))
		return false;
	at = rec_begin(out, REC_ACCEPTED, 0, work_take_id(e), engine_wall(e));
	rec_str(out, REC_T_INSTITUTION, yt_str(t->x.institution));
	rec_str(out, REC_T_NUMBER, yt_str(number));
	rec_str(out, REC_T_WIRE_OP, yt_str(t->x.wire_op));
	rec_u8(out, REC_T_OPERATION, YT_OP_CLAIM_BACK);
	rec_str(out, REC_T_VISIT, yt_str(t->x.visit));
	rec_str(out, REC_T_SETTLEMENT, yt_str(t->x.settlement));
	rec_str(out, REC_T_INSURED_AREA, yt_str(t->x.insured_area));
	rec_str(out, REC_T_LISTENER, yt_str(t->x.listener));
	rec_str(out, REC_T_TRACE, yt_str(t->x.trace));
	rec_u32(out, REC_T_WORKER, e->incarnation);
	rec_i64(out, REC_T_AMOUNT, back->fen);
	rec_str(out, REC_T_REFERENCE, back->reference);
	rec_str(out, REC_T_CODE, back->paid_by);
	rec_bytes(out, REC_T_PERSON, t->x.person, sizeof(t->x.person));
	rec_str(out, REC_T_FLOW, yt_str(flow_here.name));
	rec_u32(out, REC_T_FLAGS, REC_X_FOLLOW_UP);
	rec_str(out, REC_T_REQUEST, t->request);
	rec_end(out, at);
	return true;
}

void written_answered(
        struct yt_buf *out, struct engine *e, uint64_t exchange, const struct yt_reply *reply, struct yt_str octets)
{
	size_t at = rec_begin(out, REC_ANSWERED, 0, exchange, engine_wall(e));

	rec_u8(out, REC_T_OUTCOME, (uint8_t)reply->outcome);
	rec_str(out, REC_T_REPLY, octets);
	rec_end(out, at);
}

void written_found_out(struct yt_buf *out, struct engine *e, uint64_t exchange, const struct yt_reply *reply,
        unsigned flags, struct yt_str octets)
{
	size_t at = rec_begin(out, REC_ANSWERED, 0, exchange, engine_wall(e));

	verdict(out, reply, flags);
	rec_str(out, REC_T_REPLY, octets);
	rec_end(out, at);
}

/* An operator's from now on. */
void written_parked(struct yt_buf *out, struct engine *e, uint64_t exchange, const char *reason)
{
	size_t at = rec_begin(out, REC_PARKED, 0, exchange, engine_wall(e));

	rec_str(out, REC_T_OWNER, YT_STR("operator"));
	rec_str(out, REC_T_REASON, yt_str(reason));
	rec_i64(out, REC_T_DEADLINE, engine_wall(e) + 24 * 3600 * 1000);
	rec_end(out, at);
}

void written_read(struct yt_buf *out, struct engine *e, const struct work *w, const struct yt_reply *reply)
{
	size_t at = rec_begin(out, REC_READ, REC_NOWAIT, w->id, engine_wall(e));

	names(out, e, w);
	rec_str(out, REC_T_PARTY, yt_str(w->party->name));
	verdict(out, reply, 0);
	rec_u32(out, REC_T_ELAPSED, (uint32_t)(engine_mono(e) - w->leg_mono));
	rec_end(out, at);
}

void written_refused(
        struct yt_buf *out, struct engine *e, const struct work *w, const struct yt_reply *reply, struct yt_str reason)
{
	size_t at = rec_begin(out, REC_REFUSED, REC_NOWAIT, w->id, engine_wall(e));

	names(out, e, w);
	verdict(out, reply, 0);
	rec_str(out, REC_T_REASON, reason);
	rec_end(out, at);
}
