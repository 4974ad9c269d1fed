/* core/engine/flow_pay.c - a payment as a step of what follows from something (bank.md part 2): never executed twice.
 *
 *   flow.c -> flow_pay_may_leave()  made and checked (pay.c); that it is about to leave is written down, with a keyed
 *                                   hash of payee, amount and type; under the next lease whoever pays the same can be
 *                                   seen, and it leaves by a rule, or once two people have released it
 *          -> flow_pay_find_out()   it has perhaps left: its bank is asked by its number, as often as that takes.
 *                                   Found: that is its outcome.  "Not found" counts when an unbroken row of such
 *                                   answers is long enough; only then the same payment leaves once more
 *          -> flow_pay_leg()        what its bank answered to an order, a question, a recall
 * An order leaves for the first time under a number that no other has (keeper_turn.c), and under no other one ever.
 * What nobody can find out is an operator's, and so is what was paid and is to be undone. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/words.h"
#include "engine/flow_parts.h"
#include "engine/proof.h"
#include "yitong/json.h"

static bool orders(const struct task *t, unsigned step)
{
	return flow_op_of(t, step)->id == YT_OP_PAY_ORDER;
}

bool flow_pay_is_about(const struct task *t, unsigned step)
{
	return orders(t, step) || flow_op_of(t, step)->id == YT_OP_PAY_QUERY;
}

static bool is_ordered(const struct task *t)
{
	unsigned step = pay_order_step(t);

	return step > 0 && t->run->heard[step - 1] != NULL;
}

bool flow_pay_is_left_out(const struct task *t, unsigned step)
{
	int64_t fen = 0;

	switch (flow_op_of(t, step)->id) {
	case YT_OP_PAY_ORDER: /* an insurer may decide that nothing is to be paid */
		return facts_get(&t->run->facts, "payable_amt").n > 0 &&
		       yt_node_fen(t->run->facts.set, "payable_amt", &fen) == 0 && fen == 0;
	case YT_OP_PAY_QUERY:
		return !is_ordered(t) || pay_is_final(t);
	case YT_OP_CLAIM_PAYMENT:
		return !is_ordered(t);
	default:
		return false;
	}
}

/* -- may it leave ---------------------------------------------------------------------------------- */

/* Nothing of what was told for it has changed since. */
static bool came_back_from(const struct task *t, const struct pay_order *order)
{
	return t->x.back_no[0] != 0 && memcmp(t->x.back_payee, order->to_whom, sizeof(order->to_whom)) == 0;
}

static bool a_rule_releases(const struct engine *e, const struct pay_order *order)
{
	char time[15];
	uint32_t today;

	yt_time_compact(engine_wall(e), time);
	time[8] = '\0';
	today = (uint32_t)strtoul(time, NULL, 10);
	for (uint32_t i = 0; i < e->conf.n_releases; i++) {
		const struct engine_release *r = &e->conf.releases[i];

		if (yt_str_is(order->type, r->pay_type) && order->amount_fen <= r->most_fen && today <= r->to_day)
			return true;
	}
	return false;
}

/* By two people, as it stood there; what is made anew is another one. */
static bool its_list_is_released(const struct task *t)
{
	return (t->x.flags & REC_X_LISTED) != 0 && t->x.back_no[0] == '\0';
}

/* An insurer's, as it was read back. */
static bool decision_adds_up(const struct task *t)
{
	char why[200];

	for (unsigned step = 1; step <= t->run->flow->n; step++) {
		const struct yt_reply *heard = t->run->heard[step - 1];
		unsigned rules = flow_op_of(t, step)->reply_money;

		if (heard != NULL && (rules & YT_MONEY_DECISION) != 0 &&
		        (heard->breach.n > 0 || yt_money_check(rules, heard->body, why, sizeof(why)) != 0))
			return false;
	}
	return true;
}

static void wait_for_release(struct engine *e, struct task *t, const struct pay_order *order, const char *why)
{
	char reason[200], yuan[24];

	yt_fen_print(order->amount_fen, yuan);
	snprintf(reason, sizeof(reason), PAY_WAITS_FOR_RELEASE "%s" PAY_RELEASE_WHY "%s", yuan, why);
	task_try_later(e, t, reason);
}

/* Its insurer has told something of the claim while its payment waited: it is asked before anything of that leaves, and
 * the next lease knows the answer alone. */
static bool asks_insurer(struct engine *e, struct task *t)
{
	unsigned step = flow_claim_query_step(t);

	if ((t->x.flags & REC_X_UNASKED) == 0 || step == 0 || pay_may_have_left(&t->x) || t->x.back_no[0] != '\0')
		return false;
	if (t->run->was_asked) {
		task_go_on_in(e, t, 1, "its insurer was asked once more");
		return true;
	}
	t->run->was_asked = true;
	t->x.step = step;
	t->leg = REC_LEG_STEP;
	t->party = flow_step_at(t, step)->party;
	flow_go(e, t);
	return true;
}

bool flow_pay_may_leave(struct engine *e, struct task *t)
{
	struct yt_fault fault = { { 0 }, { 0 } };
	struct pay_order *order;
	const char *why;

	if (!task_is_follow_up(t)) {
		task_park(e, t, "a payment is a step of what follows from something, of nothing else");
		return false;
	}
	if (t->original->op->id == YT_OP_PAY_BATCH) {
		pay_batch_hand_out(e, t);
		return false;
	}
	if (asks_insurer(e, t))
		return false;
	order = t->run->order = pay_order_make(e, t, &fault);
	if (order == NULL) {
		flow_wait(e, t, &fault);
		return false;
	}
	why = account_lacks(t, order);
	if (why != NULL) {
		task_try_later(e, t, why);
		return false;
	}
	if (memcmp(t->x.pay_digest, order->digest, sizeof(order->digest)) != 0) {
		pay_warn(e, t, order);
		pay_announce(e, t, order);
		return false;
	}
	if (pay_has_namesake(t, order)) {
		task_park(e, t, "another payment has its number: order it anew under one of its own");
		return false;
	}
	why = t->x.released                         ? NULL
	      : pay_was_told(t)                     ? N_("the insurer says that this claim is paid")
	      : !decision_adds_up(t)                ? N_("the insurer's decision does not add up")
	      : pay_goes_anew(t) && pay_has_news(t) ? N_("the insurer has told something of this claim meanwhile")
	      : came_back_from(t, order)            ? N_("the payment before came back from this account")
	      : pay_has_heir(t)                     ? N_("another payout was ordered anew for the same one")
	      : pay_has_twin(e, t)                  ? N_("the same payee, amount and type within 24 hours")
	      : !order->is_own                      ? N_("the account is not compared with the person")
	      : order->is_unchecked && order->payer->looks_at_unchecked ? N_("no bank has checked the account")
	      : a_rule_releases(e, order) || its_list_is_released(t)    ? NULL
	                                                                : N_("no rule releases it");
	if (why != NULL) {
		wait_for_release(e, t, order, why);
		return false;
	}
	if (!pay_has_room(e, t, order))
		return false;
	if (pay_was_announced_long_ago(e, t)) {
		pay_announce(e, t, order);
		return false;
	}
	if (order->no.n == 0)
		task_go_on_in(e, t, 1, "the next lease has its number");
	return order->no.n > 0;
}

/* -- its messages ---------------------------------------------------------------------------------- */

static enum yt_resolve method_of(const struct task *t)
{
	const struct yt_msg *said = t->run->said[t->x.step - 1];
	const struct yt_wire_op *op = said == NULL ? NULL : codec_wire_op(&t->party->codec, said->wire_op);

	return op == NULL ? YT_RESOLVE_PARK : op->resolve;
}

/* The question what has become of the order; NULL: its bank has none. */
static struct yt_msg *question(struct engine *e, struct task *t)
{
	const struct yt_codec_api *api = t->party->codec.api;
	const struct yt_msg *order = t->run->said[pay_order_step(t) - 1];
	struct yt_msg *own = yt_msg_new(t->arena);
	int rv = YT_ENOTFOUND;

	if (own == NULL || order == NULL || api->query_for == NULL)
		return NULL;
	engine_box(e, &t->party->codec, "query_for", t->id, t->request);
	rv = api->query_for(t->party->codec.plugin, order, own);
	engine_unbox(e);
	return rv == 0 ? own : NULL;
}

struct yt_msg *flow_pay_compose(struct engine *e, struct task *t)
{
	if (t->leg != REC_LEG_STEP)
		return orders(t, t->x.step) ? pay_recall_make(e, t) : NULL;
	switch (flow_op_of(t, t->x.step)->id) {
	case YT_OP_PAY_ORDER:
		return t->run->order == NULL ? NULL : t->run->order->msg;
	case YT_OP_PAY_QUERY:
		return question(e, t);
	default:
		return pay_told_make(e, t);
	}
}

/* -- finding out ----------------------------------------------------------------------------------- */

static int64_t gap_ms(const struct engine *e)
{
	return e->conf.pay_absent_gap_ms > 0 ? e->conf.pay_absent_gap_ms : YT_PAY_ABSENT_APART_MS;
}

/* Before the nth question about it, from 0. */
static int64_t ask_after_ms(const struct engine *e, unsigned n)
{
	int64_t pause = yt_pay_ask_after_ms(n);

	return e->conf.pay_ask_max_ms > 0 && pause > e->conf.pay_ask_max_ms ? e->conf.pay_ask_max_ms : pause;
}

static void ask_later(struct engine *e, struct task *t, int64_t in_ms, const char *reason)
{
	if (task_pause(e, t) < 0)
		task_park(e, t, "nobody can say what became of a payment: look in its bank's statement");
	else
		task_go_on_in(e, t, in_ms, reason);
}

static void encoded(struct engine *e, struct call *c)
{
	if (c->rv != 0)
		task_park(e, c->t, "a message of ours about a payment cannot be written");
	else
		flow_write_step(e, c->t);
}

static void leave(struct engine *e, struct task *t, struct yt_msg *own, enum rec_leg leg)
{
	struct call c;

	if (task_is_stopped(e, t))
		return;
	if (t->used >= NUMBERS_OF_LEASE) {
		task_go_on_in(e, t, 1, "its numbers are used up: the next lease has more");
		return;
	}
	t->leg = leg;
	t->own = own;
	t->run->is_kept = false;
	own->time = (struct yt_str){ 0 };
	if (!flow_number(e, t, NULL)) {
		task_park(e, t, "the institution is not configured any more");
		return;
	}
	yt_buf_clear(&t->octets);
	c = call_encode_request(&t->party->codec, own, t->id, t->request, &t->octets);
	c.t = t;
	c.then = encoded;
	call_begin(e, &c);
}

/* The same payment, of which nothing is there: the same octets, or where its bank takes neither a message's number
 * twice nor an old time, these alone are new. */
static void leave_again(struct engine *e, struct task *t)
{
	const struct yt_msg *said = t->run->said[t->x.step - 1];
	struct yt_msg *own;

	if (method_of(t) == YT_RESOLVE_PAY) {
		flow_send_again(e, t);
		return;
	}
	own = yt_msg_new(t->arena);
	YT_REQUIRE(own != NULL);
	*own = *said;
	own->content = own->sent = own->octets = own->own_number = (struct yt_str){ 0 };
	t->run->is_again = true;
	leave(e, t, own, REC_LEG_STEP);
}

static void adopt(struct engine *e, struct task *t, struct yt_reply *adopted);
static void adopt_as(struct engine *e, struct task *t, struct yt_reply *adopted, unsigned flags);
static bool is_unwanted(const struct task *t);

void flow_pay_find_out(struct engine *e, struct task *t)
{
	enum yt_resolve method;
	struct yt_reply *told;
	struct yt_msg *own;

	t->party = flow_step_at(t, t->x.step)->party;
	method = method_of(t);
	own = proof_is_payment(method) ? question(e, t) : NULL;
	told = own == NULL ? notice_told(e, t) : NULL;
	if (told != NULL)
		adopt(e, t, told);
	else if (method == YT_RESOLVE_RESEND && !is_unwanted(t)) /* of a file that is there, there is no second */
		flow_send_again(e, t);
	else if (own == NULL)
		task_park(e, t, "its bank cannot be asked what became of a payment: look in its statement");
	else
		leave(e, t, own, REC_LEG_QUERY);
}

/* -- it came back, or failed ------------------------------------------------------------------------ */

static unsigned question_step(const struct task *t)
{
	unsigned step = pay_order_step(t);

	while (step > 0 && step <= t->run->flow->n && flow_op_of(t, step)->id != YT_OP_PAY_QUERY)
		step++;
	return step <= t->run->flow->n ? step : 0;
}

void flow_pay_doubt(struct engine *e, struct task *t)
{
	unsigned step = question_step(t);
	struct yt_reply *told;

	if (step == 0) {
		task_park(e, t, "its bank says that its money came back, and its flow has no question: look there");
		return;
	}
	t->x.step = step;
	t->x.undoing = false;
	t->leg = REC_LEG_STEP;
	t->party = flow_step_at(t, step)->party;
	if (!notice_is_awaited(e, t, step)) {
		flow_go(e, t);
		return;
	}
	told = notice_told(e, t);
	if (told != NULL)
		adopt_as(e, t, told, REC_X_SURE);
	else
		notice_await(e, t);
}

void flow_pay_anew(struct engine *e, struct task *t)
{
	unsigned step = pay_order_step(t);
	struct yt_str state = facts_get(&t->run->facts, "pay_state"), advice = facts_get(&t->run->facts, "pay_advice");
	uint8_t payee[16];
	char reason[80];
	size_t at;

	if (!exchange_may_pay_anew(&t->x)) {
		task_park(e, t, "all payouts of it came to nothing, and no further one is ordered: look at them");
		return;
	}
	pay_to_whom(e, t, payee);
	snprintf(reason, sizeof(reason), "its payment is %.*s%s%.*s", YT_FMT(state), advice.n > 0 ? ": " : "",
	        YT_FMT(advice));
	at = rec_begin(&t->receipt, REC_RESOLVED, 0, t->id, engine_wall(e));
	rec_str(&t->receipt, REC_T_RESULT, YT_STR("unpaid"));
	rec_u8(&t->receipt, REC_T_STEP, (uint8_t)step);
	rec_str(&t->receipt, REC_T_CODE, state);
	rec_str(&t->receipt, REC_T_PAY_NO, yt_str(t->x.pay_no));
	rec_bytes(&t->receipt, REC_T_PAY_DIGEST, payee, sizeof(payee));
	if (step > 1)
		rec_str(&t->receipt, REC_T_PARTY, yt_str(flow_step_at(t, step - 1)->party->name));
	rec_str(&t->receipt, REC_T_REASON, yt_str(reason));
	rec_end(&t->receipt, at);
	task_go_on_in(e, t, 1, reason);
}

/* -- what came back -------------------------------------------------------------------------------- */

struct heard {
	struct yt_reply *reply;
	struct yt_str body;
	const char *result; /* "absent", "found"; NULL */
	unsigned flags;
};

static void write_outcome(struct engine *e, struct task *t, enum rec_leg leg, const struct heard *h)
{
	size_t at = rec_begin(&t->receipt, REC_OUTCOME, 0, t->id, engine_wall(e));

	rec_u8(&t->receipt, REC_T_LEG, (uint8_t)leg);
	rec_u8(&t->receipt, REC_T_STEP, (uint8_t)t->x.step);
	rec_u8(&t->receipt, REC_T_OUTCOME, (uint8_t)h->reply->outcome);
	rec_str(&t->receipt, REC_T_CODE, h->reply->code);
	rec_str(&t->receipt, REC_T_RESULT, yt_str(h->result));
	if (h->flags != 0)
		rec_u32(&t->receipt, REC_T_FLAGS, h->flags);
	if (h->body.n == 0)
		rec_str(&t->receipt, REC_T_REASON, h->reply->text);
	rec_u32(&t->receipt, REC_T_ELAPSED, (uint32_t)(engine_mono(e) - t->leg_mono));
	pay_write_serial(t, h->reply);
	if (leg == REC_LEG_STEP && h->reply->outcome == YT_DONE && (h->flags & REC_X_ANEW) == 0)
		rec_str(&t->receipt, (enum rec_tag)(REC_T_STEP_GOT + t->x.step - 1), h->body);
	else if (leg == REC_LEG_QUERY)
		rec_str(&t->receipt, REC_T_RECEIVED, h->body);
	rec_end(&t->receipt, at);
}

/* The step is done, whatever became of the money: those behind it go by data.pay_state. */
static void go_on(struct engine *e, struct task *t, struct yt_reply *reply)
{
	t->x.step_state = STEP_DONE;
	t->run->heard[t->x.step - 1] = reply;
	flow_learn(t, t->x.step);
	if (facts_gather(&t->run->facts, t->original) != 0)
		task_park(e, t, "what its case has left behind is too much");
	else
		flow_decide(e, t);
}

static bool is_over(enum yt_pay_state state)
{
	return state == YT_PAY_PAID || state == YT_PAY_FAILED || state == YT_PAY_CANCELLED || state == YT_PAY_RETURNED;
}

/* What was found out stands as the order's answer, in octets of ours. */
static void adopt_as(struct engine *e, struct task *t, struct yt_reply *adopted, unsigned flags)
{
	struct yt_buf json = { 0 };

	yt_json_write(yt_node_get(adopted->body, "data"), &json);
	YT_REQUIRE(!json.failed);
	write_outcome(e, t, REC_LEG_STEP, &(struct heard){ adopted, yt_buf_view(&json), "found", flags });
	yt_buf_free(&json);
	if (flags != 0 && yt_str_is(yt_node_text(yt_node_get(adopted->body, "data"), "pay_state"), "PAID"))
		while (t->x.step < t->run->flow->n && t->run->heard[t->x.step] != NULL)
			t->x.step++; /* another's return: what was said of it is not said twice */
	t->x.doubted = t->x.doubted && flags == 0;
	go_on(e, t, adopted);
}

static void adopt(struct engine *e, struct task *t, struct yt_reply *adopted)
{
	adopt_as(e, t, adopted, 0);
}

bool flow_pay_read(const struct task *t, struct yt_str got, struct yt_reply *reply)
{
	struct yt_json_error err;
	struct yt_node *data, *to;

	if (yt_json_read(t->arena, got, NULL, &data, &err) != 0 || data->kind != YT_OBJECT)
		return false;
	reply->body = yt_node_new(t->arena, YT_OBJECT);
	to = yt_node_add(t->arena, reply->body, YT_STR("data"), YT_OBJECT);
	YT_REQUIRE(to != NULL);
	to->child = data->child;
	to->last = data->last;
	to->n = data->n;
	reply->outcome = YT_DONE;
	return true;
}

static bool is_unwanted(const struct task *t)
{
	return t->x.reversal_wanted || t->x.state == X_DONE || t->x.state == X_REVERSING;
}

/* How far apart the first and the last of the n answers of this row are by the pauses between them, which no clock that
 * is set forward shortens. */
static int64_t asked_apart_ms(const struct engine *e, const struct task *t, uint32_t n)
{
	int64_t sum = 0, pause;

	for (uint32_t k = 1; k < n && t->x.asks >= n - k; k++) {
		pause = ask_after_ms(e, t->x.asks - (n - k) + 1);
		sum += pause > gap_ms(e) / 2 ? gap_ms(e) / 2 : pause;
	}
	return sum;
}

/* One more answer "not found".  What is not wanted any more does not leave again. */
static void after_absent(struct engine *e, struct task *t)
{
	uint32_t n = t->x.absents + 1;
	int64_t since = t->x.absents > 0 ? t->x.absent_ms : engine_wall(e);
	int64_t in = ask_after_ms(e, t->x.asks + 1), left = gap_ms(e) - (engine_wall(e) - since);
	struct yt_reply *none;

	if (n < 3 || left > 0 ||
	        asked_apart_ms(e, t, n) <
	                gap_ms(e)) { /* the first, the last, and one in between: the party could be reached */
		in = in > gap_ms(e) / 2 ? gap_ms(e) / 2 : in;
		ask_later(e, t, n >= 2 && in > left && left > 0 ? left : in, "its bank does not know a payment yet");
		return;
	}
	if (!is_unwanted(t)) {
		leave_again(e, t);
		return;
	}
	none = yt_reply_new(t->arena);
	YT_REQUIRE(none != NULL);
	none->outcome = YT_DONE;
	none->body = yt_node_new(t->arena, YT_OBJECT);
	YT_REQUIRE(yt_node_add_text(t->arena, yt_node_add(t->arena, none->body, YT_STR("data"), YT_OBJECT), "pay_state",
	                   YT_STR("CANCELLED")) != NULL);
	adopt(e, t, none);
}

static void after_question(struct engine *e, struct task *t, struct yt_reply *reply, struct yt_str body)
{
	const struct yt_codec_api *api = t->party->codec.api;
	struct yt_reply *adopted = yt_reply_new(t->arena);
	enum yt_judgement judgement = YT_UNSURE;
	enum yt_pay_state state;

	YT_REQUIRE(adopted != NULL);
	pay_tell_answer_alarm(t, reply);
	engine_box(e, &t->party->codec, "judge", t->id, t->request);
	if (reply->outcome != YT_UNKNOWN && api->judge != NULL)
		judgement = api->judge(t->party->codec.plugin, t->run->said[t->x.step - 1], reply, adopted);
	engine_unbox(e);
	write_outcome(e, t, REC_LEG_QUERY, &(struct heard){ reply, body, judgement == YT_ABSENT ? "absent" : NULL, 0 });
	if (judgement == YT_FOUND)
		pay_take(t, t->run->said[t->x.step - 1]->op, adopted);
	state = yt_pay_state_of(yt_node_text(yt_node_get(adopted->body, "data"), "pay_state"));
	if (judgement == YT_FOUND && adopted->outcome == YT_DONE && (!t->x.undoing || is_over(state)))
		adopt(e, t, adopted);
	else if (judgement == YT_ABSENT)
		after_absent(e, t);
	else
		ask_later(e, t, ask_after_ms(e, t->x.asks + 1), "what became of a payment is not known yet");
}

/* Nothing has left, or it surely did not leave before: it may be made once more, under its pay_no and as another
 * message. */
static void not_sent(struct engine *e, struct task *t, const struct yt_reply *reply)
{
	write_outcome(e, t, REC_LEG_STEP,
	        &(struct heard){ (struct yt_reply *)(uintptr_t)reply, { NULL, 0 }, NULL, REC_X_ANEW | REC_X_STAYED });
	task_try_later(e, t, reply->never_left ? "another file has its name" : "its bank cannot be reached");
}

static void after_order(
        struct engine *e, struct task *t, enum engine_leg_end end, struct yt_reply *reply, struct yt_str body)
{
	if (reply->never_left || (end == LEG_NOT_SENT && !t->run->is_again)) {
		not_sent(e, t, reply);
		return;
	}
	pay_tell_answer_alarm(t, reply);
	pay_take(t, flow_op_of(t, t->x.step), reply);
	write_outcome(e, t, REC_LEG_STEP, &(struct heard){ reply, body, NULL, 0 });
	if (reply->outcome == YT_DONE)
		go_on(e, t, reply);
	else
		ask_later(e, t, ask_after_ms(e, 0), "what became of a payment is not known");
}

/* Its bank takes nothing back: its final word is awaited, also when it is not wanted any more. */
static bool is_irrevocable(const struct task *t)
{
	return flow_step_at(t, pay_order_step(t))->is_kept;
}

bool flow_pay_is_open(const struct task *t, unsigned before)
{
	unsigned step = pay_order_step(t);

	return step > 0 && step < before && is_ordered(t) && is_irrevocable(t) && !pay_is_final(t);
}

void flow_pay_await(struct engine *e, struct task *t)
{
	unsigned step = question_step(t);

	if (step == 0) {
		task_park(
		        e, t, "its payment cannot be taken back, and its flow has no question: look in its statement");
		return;
	}
	t->x.step = step;
	t->x.undoing = false;
	t->leg = REC_LEG_STEP;
	t->party = flow_step_at(t, step)->party;
	if (notice_is_awaited(e, t, step))
		notice_await(e, t);
	else
		flow_go(e, t);
}

/* Asked as a step, when the bank has the order: until nothing more can be heard; where it has told that the money came
 * back, until it says so. */
static void after_waiting(struct engine *e, struct task *t, struct yt_reply *reply, struct yt_str body)
{
	enum yt_pay_state state = YT_PAY_STATES;
	struct yt_reply *returned;

	pay_tell_answer_alarm(t, reply);
	pay_take(t, flow_op_of(t, t->x.step), reply);
	if (reply->outcome == YT_DONE)
		state = yt_pay_state_of(yt_node_text(yt_node_get(reply->body, "data"), "pay_state"));
	if (reply->outcome == YT_DONE && t->x.doubted && state != YT_PAY_PAID && is_over(state)) {
		write_outcome(e, t, REC_LEG_STEP, &(struct heard){ reply, body, NULL, REC_X_SURE });
		t->x.doubted = false;
		go_on(e, t, reply);
		return;
	}
	if (reply->outcome == YT_DONE && !t->x.doubted && ((is_unwanted(t) && !is_irrevocable(t)) || is_over(state))) {
		write_outcome(e, t, REC_LEG_STEP, &(struct heard){ reply, body, NULL, 0 });
		go_on(e, t, reply);
		return;
	}
	write_outcome(e, t, REC_LEG_STEP, &(struct heard){ reply, body, NULL, REC_X_ANEW });
	returned = t->x.doubted && state == YT_PAY_PAID ? notice_returned(t) : NULL;
	if (returned != NULL) /* states only go forward: paid it was before */
		adopt_as(e, t, returned, REC_X_SURE);
	else if (task_pause(e, t) < 0)
		task_park(e, t, "its bank has said no final word about a payment: ask it, and look in its statement");
	else
		task_go_on_in(e, t, ask_after_ms(e, t->x.attempts), "its bank's final word is awaited");
}

static void find_out_late(struct engine *e, struct task *t)
{
	struct yt_msg *own = question(e, t);

	if (own != NULL)
		leave(e, t, own, REC_LEG_QUERY);
	else
		task_park(e, t, "a payment cannot be recalled any more, and its bank cannot be asked: look there");
}

/* Done: no money moves.  Refused: it has, or will: then it is asked back (flow.c). */
static void after_recall(struct engine *e, struct task *t, struct yt_reply *reply, struct yt_str body)
{
	bool is_too_late =
	        reply->outcome == YT_REFUSED && !reply->at_gateway && !reply->may_retry && !reply->never_happened;

	write_outcome(
	        e, t, REC_LEG_UNDO, &(struct heard){ reply, body, NULL, reply->outcome == YT_DONE ? 0 : REC_X_ANEW });
	if (reply->outcome == YT_DONE) {
		t->x.step_state = STEP_DONE;
		flow_decide(e, t);
	} else if (is_too_late) { /* paid, or about to be */
		find_out_late(e, t);
	} else {
		task_try_later(e, t, "a payment is not recalled yet");
	}
}

void flow_pay_leg(struct engine *e, struct task *t, enum engine_leg_end end, struct yt_reply *reply, struct yt_str body)
{
	yt_buf_clear(&t->receipt); /* what stood in it went with the step */
	if (t->leg == REC_LEG_QUERY) {
		after_question(e, t, reply, body);
		return;
	}
	if (t->leg == REC_LEG_UNDO) {
		after_recall(e, t, reply, body);
		return;
	}
	t->run->said[t->x.step - 1] = t->own;
	if (orders(t, t->x.step))
		after_order(e, t, end, reply, body);
	else
		after_waiting(e, t, reply, body);
}
