/* core/engine/quote.c - what a commercial insurer would pay, shown beside the answer to a pre-settlement (一站式).
 *
 * A route may name a party for it (`quote`).  The platform's answer is there already and its amounts are never touched;
 * what is done here may only add an object to it, or not:
 *  - quote_begin()   called by leg.c with that answer: asks the keeper for the case's facts      -> QUOTE_FACTS
 *  - quote_go()      DOWN_FACTS: the question is made of them and of the answer, and leaves      -> QUOTE_OUT
 *  - quote_leg()     the insurer's answer is read; the origin hears both                         -> GIVING
 *  - quote_tick()    the insurer's time is over: the origin hears the platform's answer alone    -> GIVING
 * Whatever goes wrong, also that the person has agreed to nothing, ends in the platform's answer alone (P6).  A quote
 * has no effect at the insurer (insurer.md 6.3), so nothing of it is written down.  An insurer that fails several times
 * running is not asked for a while: its time would be the time of everybody at a counter. */
#include <stdlib.h>
#include <string.h>

#include "engine/work.h"

/* How an insurer did lately, in this worker. */
struct quoter {
	const char *name;   /* of the party */
	uint32_t failures;  /* one after the other */
	int64_t shut_until; /* monotonic; not asked before */
	UT_hash_handle hh;
};

static struct quoter *quoter_of(struct engine *e, const struct engine_party *party)
{
	struct quoter *q;

	HASH_FIND_STR(e->quoters, party->name, q);
	if (q != NULL)
		return q;
	q = calloc(1, sizeof(*q));
	YT_REQUIRE(q != NULL);
	q->name = party->name;
	HASH_ADD_KEYPTR(hh, e->quoters, q->name, strlen(q->name), q);
	return q;
}

void quotes_free(struct engine *e)
{
	struct quoter *q, *next;

	HASH_ITER(hh, e->quoters, q, next)
	{
		HASH_DEL(e->quoters, q);
		free(q);
	}
}

/* While it is shut one question in each pause tries whether it is back. */
bool quote_is_open(struct engine *e, const struct engine_party *party)
{
	struct quoter *q = quoter_of(e, party);

	if (engine_is_stopped(e, party))
		return false;
	if (q->failures < party->quote_failures)
		return true;
	if (engine_mono(e) < q->shut_until)
		return false;
	q->shut_until = engine_mono(e) + party->quote_pause_ms;
	return true;
}

void quote_note(struct engine *e, const struct engine_party *party, bool has_answered)
{
	struct quoter *q = quoter_of(e, party);

	if (has_answered && q->failures >= party->quote_failures)
		yt_log(YT_INFO, "engine", "%s answers in time again", party->name);
	q->failures = has_answered ? 0 : q->failures + 1;
	if (has_answered || q->failures != party->quote_failures)
		return;
	q->shut_until = engine_mono(e) + party->quote_pause_ms;
	yt_log(YT_WARN, "engine",
	        "%s did not answer in time %u times running: those at a counter go on without, and it is asked "
	        "again in %lld ms",
	        party->name, (unsigned)q->failures, (long long)party->quote_pause_ms);
}

/* The platform's answer to its origin, with or without what was added to it. */
static void give(struct engine *e, struct work *w)
{
	struct yt_reply *answer = w->quoted;

	work_forget_seq(e, w);
	if (w->token == 0) { /* gone meanwhile */
		work_free(e, w);
		return;
	}
	w->quoted = NULL;
	work_give_reply(e, w, answer);
}

static void give_without(struct engine *e, struct work *w)
{
	e->counts.quotes_missed++;
	give(e, w);
}

bool quote_begin(struct engine *e, struct work *w, struct yt_reply *answer)
{
	if (w->insurer == NULL || answer->outcome != YT_DONE || w->token == 0)
		return false;
	if (!quote_is_open(e, w->insurer)) {
		e->counts.quotes_missed++;
		return false;
	}
	w->quoted = answer;
	w->quote_until = engine_mono(e) + w->insurer->quote_timeout_ms;
	if (w->quote_until > w->hold_until)
		w->quote_until = w->hold_until;
	w->state = WORK_QUOTE_FACTS;
	work_await(e, w, cross_ask_facts(e, w->id, w->msg));
	return true;
}

/* As if the pre-settlement were the settlement: the same members carry what the insurer counts with. */
static const struct yt_op *settled_by(enum yt_operation op)
{
	return yt_op(op == YT_OP_INPATIENT_PRESETTLE  ? YT_OP_INPATIENT_SETTLE
	             : op == YT_OP_PHARMACY_PRESETTLE ? YT_OP_PHARMACY_SETTLE
	                                              : YT_OP_OUTPATIENT_SETTLE);
}

static struct yt_msg *compose(struct engine *e, struct work *w, const struct talk *talk)
{
	struct yt_msg settlement = *w->msg, *asked;
	struct yt_node *piece;
	struct facts facts;

	settlement.op = settled_by(w->msg->op->id);
	piece = facts_piece(w->arena, &settlement, w->quoted);
	if (piece == NULL || cross_facts(w->arena, talk, w->msg, &facts) != 0)
		return NULL;
	facts_add(&facts, piece);
	if (facts_gather(&facts, &settlement) != 0)
		return NULL;
	if (facts_get(&facts, "auth_no").n == 0 || !enrolled_is(e, w->insurer, &facts))
		return NULL; /* without consent nothing of a person leaves, and nothing of who is not insured there */
	asked = facts_compose(&facts, &settlement, yt_op(YT_OP_CLAIM_QUOTE));
	if (asked == NULL)
		return NULL;
	asked->wire_op = undo_wire_op(&w->insurer->codec, YT_OP_CLAIM_QUOTE);
	asked->institution = cross_institution(e, w->msg->institution);
	cross_name_institution(e, w->msg->institution, asked);
	cross_number(e, asked, w->insurer, w->id, w->request, w->msg->institution, 0, 0);
	asked->sign_no = (struct yt_str){ 0 };
	return asked;
}

static void encoded(struct engine *e, struct call *c)
{
	struct work *w = c->w;

	if (c->rv != 0) {
		give_without(e, w);
		return;
	}
	c->msg->sent = yt_buf_view(&w->ending);
	w->state = WORK_QUOTE_OUT;
	e->counts.quotes++;
	trace_parent(w->trace_id, w->trace, e->traceparent);
	engine_send(e, w->insurer, w->id, w->id, w->request, c->msg->wire_op, c->msg->sent, w->quote_until);
	e->traceparent[0] = '\0';
}

void quote_go(struct engine *e, struct work *w, const struct talk *talk)
{
	struct call c;

	work_forget_seq(e, w);
	w->quote = engine_mono(e) < w->quote_until ? compose(e, w, talk) : NULL;
	if (w->quote == NULL) {
		give_without(e, w);
		return;
	}
	yt_buf_clear(&w->ending); /* what a query never needs */
	c = call_encode_request(&w->insurer->codec, w->quote, w->id, w->request, &w->ending);
	c.w = w;
	c.then = encoded;
	w->state = WORK_CODING;
	call_begin(e, &c);
}

/* What the person would pay at the counter: only what goes to the institution makes that less, and never below nothing.
 * false: the quote is more than there is to pay, so it is not believed. */
static bool to_collect(const struct yt_node *quote, int64_t cash_fen, int64_t *collect_fen)
{
	int64_t payable;

	if (yt_node_fen(quote, "payable_amt", &payable) != 0 || payable < 0 || payable > cash_fen)
		return false;
	*collect_fen = yt_str_is(yt_node_text(quote, "pay_to"), "INSTITUTION") ? cash_fen - payable : cash_fen;
	return true;
}

/* Beside the platform's own members, which stay as they are. */
bool quote_show(struct work *w, const struct yt_node *said, const char *const *members, size_t n)
{
	struct yt_arena *arena = w->arena;
	struct yt_node *to;
	char text[24];
	int64_t collect;

	if (w->quoted->body == NULL || w->quoted->body->kind != YT_OBJECT ||
	        yt_node_get(w->quoted->body, w->quote_member) != NULL ||
	        !to_collect(said, w->quoted->cash_fen, &collect))
		return false;
	to = yt_node_add(arena, w->quoted->body, yt_str(w->quote_member), YT_OBJECT);
	if (to == NULL)
		return false;
	yt_node_add_text(arena, to, "insurer", yt_str(w->insurer->name));
	for (size_t i = 0; i < n; i++)
		yt_node_add_text(arena, to, members[i], yt_arena_copy(arena, yt_node_text(said, members[i])));
	yt_fen_print(collect, text);
	yt_node_add_text(arena, to, "collect_amt", yt_arena_copy(arena, yt_str(text)));
	return true;
}

static void answer_read(struct engine *e, struct call *c)
{
	static const char *const members[] = { "quote_no", "payable_amt", "pay_to", "valid_until" };
	struct work *w = c->w;
	bool has_answered = c->reply->outcome != YT_UNKNOWN && !c->reply->may_retry;

	quote_note(e, w->insurer, has_answered);
	if (c->reply->outcome == YT_DONE &&
	        quote_show(w, yt_node_get(c->reply->body, "data"), members, sizeof(members) / sizeof(members[0])))
		give(e, w);
	else
		give_without(e, w);
}

void quote_leg(struct engine *e, struct work *w, enum engine_leg_end end, int status, struct yt_str body)
{
	struct yt_reply *reply = yt_reply_new(w->arena);
	struct call c;

	YT_REQUIRE(reply != NULL);
	if (end != LEG_ANSWERED) {
		quote_note(e, w->insurer, false);
		give_without(e, w);
		return;
	}
	body = yt_arena_copy(w->arena, body);
	YT_REQUIRE(body.p != NULL);
	c = call_decode_reply(&w->insurer->codec, w->quote, w->id, status, body, reply);
	c.w = w;
	c.then = answer_read;
	w->state = WORK_CODING;
	call_begin(e, &c);
}

void quote_tick(struct engine *e, struct work *w)
{
	if (engine_mono(e) < w->quote_until || w->call != NULL)
		return;
	if (w->state == WORK_QUOTE_OUT)
		quote_note(e, w->insurer, false);
	give_without(e, w);
}
