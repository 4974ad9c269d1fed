/* core/engine/flow.c - works a flow off under its lease: step after step, and backwards when one is refused.
 *
 * A flow (engine.h) is what one request needs at several parties: an admission across provinces is told to the treating
 * platform and registered with the hub.  The keeper admits the request and leases it at once (resolve.c task_start):
 *  - flow_read.c    reads what earlier steps sent and got, asks for the case's facts    FACTS
 *  - flow_decide()  the step whose leg may have left once more, with the same octets; else the next one; else,
 *                   after a refusal or when its origin wants it undone, the undoing of the last one done
 *  - flow_send.c    made, and durable before it leaves                                   STEPPING -> OUT
 *  - flow_leg()     what came back                                                       OUT -> flow_decide()
 * and in the end the answer of one step, or the refusal that ended it, is the origin's answer.  A step of unknown
 * outcome is sent again unchanged until it is known, where its party knows it by its number; what must not be sent
 * twice (nhsa.md 5.2: 2401) is taken back by its number, with all before it. */
#include <stdio.h>
#include <string.h>

#include "base/words.h"
#include "engine/flow_parts.h"
#include "engine/proof.h"

#define REFUND_LOOK_MS 1000
#define LEFT_TO_US N_("its insurer leaves the payment to us, and its flow has no step that pays (pay.order)")

const struct engine_flow flow_here = { .name = "here" };

/* -- what to do --------------------------------------------------------------------------------- */

/* Something has left to another party under this lease.  Of what nobody waits for a lease asks one, as the keeper
 * counts who asks whom (keeper_share.c): with a bank's leases none hangs at an insurer.  An order is announced first,
 * which gives the lease back in any case. */
static bool is_for_another_lease(const struct task *t, unsigned step)
{
	return task_is_follow_up(t) && t->leg_mono != 0 && flow_step_at(t, step)->party != t->party &&
	       flow_op_of(t, step)->id != YT_OP_PAY_ORDER;
}

static void begin(struct engine *e, struct task *t, unsigned step, enum rec_leg leg)
{
	if (is_for_another_lease(t, step)) {
		task_go_on_in(e, t, 1, "its next step asks another party");
		return;
	}
	t->x.step = step;
	t->x.undoing = leg == REC_LEG_UNDO;
	t->party = flow_step_at(t, step)->party;
	t->leg = leg;
	if (leg == REC_LEG_STEP && flow_op_of(t, step)->id == YT_OP_PAY_ORDER && !flow_pay_may_leave(e, t))
		return;
	if (leg == REC_LEG_STEP && !enrolled_may_leave(e, t, step))
		return;
	if (leg == REC_LEG_STEP && flow_op_of(t, step)->id == YT_OP_PAY_BATCH_RESULT && !pay_batch_is_over(e, t))
		return;
	if (leg == REC_LEG_STEP && notice_is_awaited(e, t, step))
		notice_await(e, t);
	else
		flow_go(e, t);
}

/* The refusal that ended it; NULL when no step was refused.  One without octets was ours: nothing was sent. */
static struct yt_reply *refusal(const struct task *t)
{
	if (t->x.refused_step == 0)
		return NULL;
	if (t->run->heard[t->x.refused_step - 1] != NULL) {
		again_say(t->run->heard[t->x.refused_step - 1], t->x.trace);
		return t->run->heard[t->x.refused_step - 1];
	}
	return engine_refusal(t->arena, TEXT_NOT_CONNECTED, (struct yt_str){ 0 }, t->x.trace);
}

/* For later messages, under the visit's number as its origin knows it, whoever else numbers it. */
static void keep_facts(struct engine *e, struct task *t, const struct yt_reply *answer)
{
	struct facts kept;

	if (task_is_follow_up(t) || !cross_keeps_facts(e, t->original, answer))
		return;
	facts_begin(&kept, t->arena);
	for (unsigned step = 1; step <= t->run->flow->n; step++)
		facts_add(&kept, flow_piece_of(t, step));
	if (kept.pieces->n > 0)
		cross_write_facts(&t->receipt, e, t->id, t->original, answer, kept.pieces);
}

/* Money was paid for a settlement that is undone: nobody edits that.  It is asked back by an exchange of its own, and
 * the insurer has heard of it by the withdrawal that it could not take any more (insurer.md 6.5). */
static void end_claimed_back(struct engine *e, struct task *t)
{
	const struct facts *facts = &t->run->facts;
	struct claim_back back = { .paid_by = facts_get(facts, "pay_by") };
	struct yt_reply *reply = yt_reply_new(t->arena);

	YT_REQUIRE(reply != NULL);
	yt_node_fen(facts->set, "payable_amt", &back.fen);
	back.reference = pay_was_made(t) ? pay_member(t->run->said[pay_order_step(t) - 1], "pay_no")
	                                 : facts_get(facts, "claim_no");
	if (written_claim_back(&t->receipt, e, t, &back))
		task_resolve_claimed_back(e, t, reply);
	else
		task_park(e, t, "a payment was made: its money must be asked back");
}

/* What asks money back is people's: nothing leaves for it. */
static void ask_back(struct engine *e, struct task *t)
{
	char reason[160], yuan[24];

	yt_fen_print(t->x.amount_fen, yuan);
	snprintf(reason, sizeof(reason), "%s yuan paid by %s are to be asked back: its settlement was undone", yuan,
	        t->x.reference);
	task_park(e, t, reason);
}

/* All that was done is undone, or nothing was. */
static void end_undone(struct engine *e, struct task *t)
{
	struct yt_reply *reply = refusal(t);

	if (pay_was_made(t)) {
		end_claimed_back(e, t);
		return;
	}
	if (t->original->op->id == YT_OP_ACCOUNT_PUT && t->x.refused_step != 0) {
		account_end(e, t);
		return;
	}
	if (reply != NULL)
		task_resolve_refused(e, t, reply, "a step was refused, those before it are undone");
	else
		task_resolve_reversed(e, t, "its steps are undone");
}

/* What is told of a settlement stands for the answer that we never saw: what follows from that hangs on it. */
static void take_settlement(const struct yt_msg *told, struct yt_reply *reply)
{
	const struct yt_node *info = yt_node_get(told->body, "setlinfo");

	reply->settlement = told->settlement;
	reply->amount_fen = told->amount_fen;
	(void)yt_node_fen(info, "fund_pay_sumamt", &reply->fund_fen);
	(void)yt_node_fen(info, "acct_pay", &reply->account_fen);
	(void)yt_node_fen(info, "psn_cash_pay", &reply->cash_fen);
}

/* What was asked stays here: it is a fact of its case or person from now on. */
static void end_here(struct engine *e, struct task *t)
{
	struct yt_reply *reply = yt_reply_new(t->arena);
	struct yt_msg kept = *t->original;
	enum yt_operation op = kept.op->id;
	struct yt_node *piece;

	YT_REQUIRE(reply != NULL);
	reply->code = YT_STR("0");
	if (op == YT_OP_PAY_ORDER) { /* what follows pays it, under this number */
		reply->settlement = pay_member(t->original, "pay_no");
		(void)yt_fen_parse(pay_member(t->original, "pay_amt"), &reply->amount_fen);
		pay_note_taken(e, t);
	}
	if (op == YT_OP_PAY_BATCH) {
		reply->settlement = pay_batch_settlement(t->original);
		pay_batch_keep(e, t);
		pay_batch_follow_end(e, t);
	}
	if (op == YT_OP_ACCOUNT_PUT && t->x.then[0] != '\0')
		reply->settlement = account_settlement(t);
	if (op == YT_OP_PAY_ORDER || op == YT_OP_PAY_BATCH || op == YT_OP_SETTLE_NOTICE_CANCEL) {
		task_resolve_done(e, t, reply, "kept here");
		return;
	}
	if (op == YT_OP_SETTLE_NOTICE)
		take_settlement(t->original, reply);
	if (op == YT_OP_INVOICE_NOTICE || op == YT_OP_SETTLE_NOTICE) /* of this visit, of no other of the person's */
		kept.person = (struct yt_str){ 0 };
	else
		kept.visit = kept.own_visit = (struct yt_str){ 0 };
	piece = facts_piece(t->arena, t->original, NULL);
	if (piece == NULL) {
		task_park(e, t, "it holds nothing that is kept");
		return;
	}
	account_is_asked_about(t, piece);
	cross_write_facts(&t->receipt, e, t->id, &kept, NULL, piece);
	task_resolve_done(e, t, reply, "kept here");
}

/* None of its steps is due: a claim of somebody who has agreed to none. */
static void end_without_steps(struct engine *e, struct task *t)
{
	struct yt_reply *reply = yt_reply_new(t->arena);

	YT_REQUIRE(reply != NULL);
	reply->outcome = YT_REFUSED;
	task_resolve_refused(e, t, reply, "none of its steps is due");
}

/* It was handed in, and decided: nothing is paid. */
static void end_rejected(struct engine *e, struct task *t)
{
	struct yt_reply *reply = yt_reply_new(t->arena);

	YT_REQUIRE(reply != NULL);
	reply->outcome = YT_REFUSED;
	reply->code = facts_get(&t->run->facts, "refuse_code");
	task_resolve_refused(e, t, reply, "the insurer rejected it");
}

/* Its payment was ordered, and came to nothing: a clerk sees to it by the bank's advice, under another number. */
static void end_unpaid(struct engine *e, struct task *t)
{
	struct yt_reply *reply = yt_reply_new(t->arena);
	struct yt_str advice = facts_get(&t->run->facts, "pay_advice");
	char evidence[80];
	size_t at;

	YT_REQUIRE(reply != NULL);
	reply->outcome = YT_REFUSED;
	reply->code = facts_get(&t->run->facts, "bank_code");
	if (reply->code.n == 0)
		reply->code = facts_get(&t->run->facts, "return_code");
	at = rec_begin(&t->receipt, REC_RESOLVED, 0, t->id, engine_wall(e));
	rec_str(&t->receipt, REC_T_RESULT, YT_STR("came to nothing"));
	rec_str(&t->receipt, REC_T_CODE, facts_get(&t->run->facts, "pay_state"));
	rec_end(&t->receipt, at);
	snprintf(evidence, sizeof(evidence), "its payment is %.*s%s%.*s",
	        YT_FMT(facts_get(&t->run->facts, "pay_state")), advice.n > 0 ? ": " : "", YT_FMT(advice));
	pay_note_end(e, t);
	yt_log(YT_WARN, "engine", "exchange %016llx: payout %.*s came to nothing, %s: its agency is to order it anew",
	        (unsigned long long)t->id, YT_FMT(pay_member(t->run->said[pay_order_step(t) - 1], "pay_no")), evidence);
	task_resolve_refused(e, t, reply, evidence);
}

/* The step whose answer ends it: where that was left out, as of what nobody waits for it may be, the last one that was
 * not; 0: none was done. */
static unsigned last_word(const struct task *t)
{
	unsigned step = t->run->flow->answer;

	if (t->run->heard[step - 1] != NULL)
		return step;
	for (step = t->run->flow->n; step > 0 && t->run->heard[step - 1] == NULL; step--)
		;
	return step;
}

void flow_write_who_paid(struct task *t)
{
	int64_t fen = 0;

	if (t->run == NULL || yt_fen_parse(facts_get(&t->run->facts, "payable_amt"), &fen) != 0 || fen < 0)
		return;
	rec_i64(&t->receipt, REC_T_AMOUNT, fen);
	rec_str(&t->receipt, REC_T_PAY_BY,
	        fen == 0          ? YT_STR("NOBODY")
	        : pay_was_made(t) ? YT_STR("GATEWAY")
	                          : YT_STR("INSURER"));
}

/* Its insurer pays the institution: where that was not told in time it has collected all, and owes some to the person.
 * What the answer says is known for sure under a lease after the one that handed the claim in. */
static bool is_to_be_refunded(struct engine *e, struct task *t)
{
	bool is_first = true;
	int64_t fen = 0;

	if ((t->x.flags & REC_X_ONE_STOP) == 0 || yt_str_is(t->result, "amended") ||
	        !yt_str_is(facts_get(&t->run->facts, "pay_to"), "INSTITUTION") ||
	        yt_fen_parse(facts_get(&t->run->facts, "payable_amt"), &fen) != 0 || fen == 0)
		return false;
	for (unsigned i = 0; i < t->run->flow->n; i++)
		is_first = is_first && t->run->sent[i].n == 0;
	if (is_first || t->result.n == 0)
		task_go_on_in(e, t, REFUND_LOOK_MS, "whether the institution was told is looked at once more");
	else
		task_park(e, t, "the insurer pays the institution, which was not told: it owes the person a refund");
	return true;
}

/* Its insurer has decided, and pays nothing itself; nor does this flow. */
static bool is_left_unpaid(const struct task *t)
{
	const struct facts *facts = &t->run->facts;
	int64_t fen = 0;

	return task_is_follow_up(t) && pay_order_step(t) == 0 && yt_str_is(facts_get(facts, "pay_by"), "GATEWAY") &&
	       yt_str_is(facts_get(facts, "claim_state"), "ADJUDICATED") &&
	       yt_fen_parse(facts_get(facts, "payable_amt"), &fen) == 0 && fen > 0;
}

static void end_done(struct engine *e, struct task *t)
{
	unsigned answer = last_word(t);

	if (answer == 0) {
		end_without_steps(e, t);
		return;
	}
	if (t->original->op->id == YT_OP_ACCOUNT_PUT) {
		account_end(e, t);
		return;
	}
	if (task_is_follow_up(t) && yt_str_is(facts_get(&t->run->facts, "claim_state"), "REJECTED")) {
		end_rejected(e, t);
		return;
	}
	if (pay_order_step(t) != 0 && pay_came_to_nothing(t)) {
		if (pay_goes_anew(t))
			flow_pay_anew(e, t);
		else
			end_unpaid(e, t);
		return;
	}
	if (is_left_unpaid(t)) {
		task_park(e, t, LEFT_TO_US);
		return;
	}
	if (is_to_be_refunded(e, t))
		return;
	keep_facts(e, t, t->run->heard[answer - 1]);
	if (!flow_is_verbatim(t, answer))
		cross_give_back(t->original, t->run->heard[answer - 1]);
	pay_note_end(e, t);
	task_resolve_done(e, t, t->run->heard[answer - 1], "all its steps are done");
}

/* An operator found that it took effect: what its steps were told counts for later messages, and the answer of its own
 * is given where it is there. */
static void end_decided(struct engine *e, struct task *t)
{
	unsigned answer = t->run->flow->answer;
	struct yt_reply *heard = answer == 0 ? NULL : t->run->heard[answer - 1], done = { .outcome = YT_DONE };

	pay_note_decided(e, t);
	account_note_decided(e, t);
	if (t->x.undoing || t->x.refused_step != 0) { /* of what was undone already nothing is believed */
		task_answer_decided(e, t);
		return;
	}
	keep_facts(e, t, heard != NULL ? heard : &done);
	if (heard != NULL && !flow_is_verbatim(t, answer))
		cross_give_back(t->original, heard);
	if (heard != NULL)
		task_answer(e, t, heard);
	else
		task_answer_decided(e, t);
}

/* The step before this one that has something to undo; 0: none. */
static unsigned undo_before(const struct task *t, unsigned step)
{
	while (--step > 0) {
		const struct yt_reply *heard = t->run->heard[step - 1];

		if (flow_op_of(t, step)->id == YT_OP_PAY_ORDER && pay_is_final(t))
			continue; /* it came to nothing, or is asked back in the end */
		if (heard != NULL && heard->outcome == YT_DONE && !flow_step_at(t, step)->is_kept &&
		        flow_op_of(t, step)->changes_state)
			return step;
	}
	return 0;
}

/* Something of it is done, and none of its steps is ever undone, as of a withdrawal: nobody may hear that it was. */
static bool stands(const struct task *t)
{
	bool is_done = false;

	for (unsigned step = 1; step <= t->run->flow->n; step++) {
		const struct yt_reply *heard = t->run->heard[step - 1];

		if (!flow_op_of(t, step)->changes_state)
			continue;
		if (!flow_step_at(t, step)->is_kept)
			return false;
		is_done = is_done || (heard != NULL && heard->outcome == YT_DONE);
	}
	return is_done;
}

static bool is_left_out(const struct task *t, const struct engine_flow_step *step)
{
	struct yt_str with;

	if (step->unless != NULL && facts_get(&t->run->facts, step->unless).n != 0)
		return true;
	if (step->only_with == NULL)
		return false;
	with = facts_get(&t->run->facts, step->only_with);
	return with.n == 0 || (step->equals != NULL && !yt_str_is(with, step->equals));
}

/* Which tells an insurer what became of a payment on its mandate, when that was made and it has not heard of it: a
 * claim that it takes back unaware would stand as paid in the bank's books alone.  0: it has, or there is none. */
static unsigned untold_step(const struct task *t)
{
	unsigned step = pay_order_step(t);

	if (step == 0 || !yt_str_is(facts_get(&t->run->facts, "pay_state"), "PAID"))
		return 0;
	while (++step <= t->run->flow->n)
		if (flow_op_of(t, step)->id == YT_OP_CLAIM_PAYMENT && t->run->said[step - 1] == NULL &&
		        t->run->heard[step - 1] == NULL && !is_left_out(t, flow_step_at(t, step)))
			return step;
	return 0;
}

static void undo(struct engine *e, struct task *t, unsigned before)
{
	unsigned step = undo_before(t, before), untold = untold_step(t);

	if (flow_pay_is_open(t, before))
		flow_pay_await(e, t);
	else if (untold != 0)
		begin(e, t, untold, REC_LEG_STEP);
	else if (step == 0 && t->x.refused_step == 0 && stands(t))
		task_refuse_reversal(e, t);
	else if (step == 0)
		end_undone(e, t);
	else
		begin(e, t, step, REC_LEG_UNDO);
}

/* The next step that is not left out; behind the last one when there is none. */
static unsigned next_step(const struct task *t)
{
	unsigned step = t->x.step + 1u;

	while (step <= t->run->flow->n && (is_left_out(t, flow_step_at(t, step)) || flow_pay_is_left_out(t, step)))
		step++;
	return step;
}

/* How a party's format finds out about a step of unknown outcome. */
static enum yt_resolve method_of(const struct task *t, unsigned step)
{
	const struct yt_msg *said = t->run->said[step - 1];
	const struct yt_wire_op *op =
	        said == NULL ? NULL : codec_wire_op(&flow_step_at(t, step)->party->codec, said->wire_op);

	return op == NULL ? YT_RESOLVE_PARK : op->resolve;
}

static bool is_repeatable(const struct task *t, unsigned step)
{
	return proof_is_repeatable(method_of(t, step), flow_op_of(t, step)->id);
}

/* A step's outcome is unknown: it is sent again, or where that would do it twice, taken back by its number. */
static void find_out(struct engine *e, struct task *t)
{
	if (flow_pay_is_about(t, t->x.step) && t->x.undoing) /* asked twice not to pay is asked once */
		begin(e, t, t->x.step, REC_LEG_UNDO);
	else if (flow_op_of(t, t->x.step)->id == YT_OP_PAY_QUERY || flow_op_of(t, t->x.step)->id == YT_OP_ACCOUNT_CHECK)
		begin(e, t, t->x.step, REC_LEG_STEP); /* a bank takes no message twice, and a question has no effect */
	else if (flow_op_of(t, t->x.step)->id == YT_OP_PAY_ORDER)
		flow_pay_find_out(e, t);
	else if (t->x.undoing || t->run->said[t->x.step - 1] == NULL || is_repeatable(t, t->x.step))
		flow_send_again(e, t);
	else if (method_of(t, t->x.step) == YT_RESOLVE_REVERSE)
		begin(e, t, t->x.step, REC_LEG_UNDO);
	else
		task_park(e, t, "it must not be sent again, and no machine can find out what became of it");
}

void flow_decide(struct engine *e, struct task *t)
{
	unsigned step;

	bool is_unwanted = t->x.reversal_wanted || t->x.state == X_DONE || t->x.state == X_REVERSING;

	if (t->x.must_answer) {
		end_decided(e, t);
	} else if (t->x.step_state == STEP_OUT) {
		find_out(e, t);
	} else if (t->x.step_state == STEP_TAKING || (t->x.step_state == STEP_TAKEN && !is_unwanted)) {
		flow_send_again(e, t);
	} else if (t->x.doubted && !t->x.undoing) {
		flow_pay_doubt(e, t);
	} else if (t->x.step_state == STEP_ANEW && (t->x.undoing || !is_unwanted)) {
		begin(e, t, t->x.step, t->x.undoing ? REC_LEG_UNDO : REC_LEG_STEP);
	} else if (t->x.undoing) {
		undo(e, t, t->x.step);
	} else if (is_unwanted || t->x.step_state == STEP_REFUSED) {
		undo(e, t, t->x.step + 1u);
	} else {
		step = next_step(t);
		if (t->x.op == YT_OP_CLAIM_BACK)
			ask_back(e, t);
		else if (t->run->flow->n == 0 && notice_is(t->original->op->id))
			notice_end(e, t);
		else if (t->run->flow->n == 0)
			end_here(e, t);
		else if (enrolled_has_ended(e, t))
			return;
		else if (step > t->run->flow->n)
			end_done(e, t);
		else
			begin(e, t, step, REC_LEG_STEP);
	}
}

static void write_outcome(
        struct engine *e, struct task *t, const struct yt_reply *reply, struct yt_str body, unsigned flags)
{
	size_t at = rec_begin(&t->receipt, REC_OUTCOME, 0, t->id, engine_wall(e));
	rec_u8(&t->receipt, REC_T_LEG, (uint8_t)t->leg);
	rec_u8(&t->receipt, REC_T_STEP, (uint8_t)t->x.step);
	rec_u8(&t->receipt, REC_T_OUTCOME, (uint8_t)reply->outcome);
	rec_str(&t->receipt, REC_T_CODE, reply->code);
	if (flags != 0)
		rec_u32(&t->receipt, REC_T_FLAGS, flags);
	if (body.n == 0)
		rec_str(&t->receipt, REC_T_REASON, reply->text);
	rec_u32(&t->receipt, REC_T_ELAPSED, (uint32_t)(engine_mono(e) - t->leg_mono));
	pay_write_serial(t, reply);
	if (t->leg == REC_LEG_STEP && reply->outcome != YT_UNKNOWN && flags == 0)
		rec_str(&t->receipt, (enum rec_tag)(REC_T_STEP_GOT + t->x.step - 1), body);
	rec_end(&t->receipt, at);
}

static void add_outcome(struct engine *e, struct task *t, const struct yt_reply *reply, struct yt_str body)
{
	write_outcome(e, t, reply, body, 0);
}

/* A step that cannot be said in its party's format, since the case lacks something: as if it had been refused. */
void flow_refuse_unsent(struct engine *e, struct task *t, const struct yt_fault *fault)
{
	struct yt_str detail = yt_arena_printf(t->arena, "%s %s", fault->path, fault->why);

	struct yt_reply *reply = engine_refusal(t->arena, TEXT_CANNOT_EXPRESS, detail, t->x.trace);

	t->run->heard[t->x.step - 1] = reply;
	t->x.refused_step = t->x.step;
	add_outcome(e, t, reply, (struct yt_str){ 0 });
	undo(e, t, t->x.step);
}

/* -- what came back ----------------------------------------------------------------------------- */

/* Undone, or there was nothing to undo: where the step's outcome is unknown, "not found" proves that only when no lost
 * call can take effect any more. */
static bool is_undone(const struct task *t, const struct yt_reply *reply)
{
	return reply->outcome == YT_DONE ||
	       (reply->outcome == YT_REFUSED &&
	               (reply->already_done || (reply->never_happened &&
	                                               (t->run->heard[t->x.step - 1] != NULL || task_is_settled(t)))));
}

static bool is_verbatim_leg(const struct task *t)
{
	return t->leg == REC_LEG_STEP && flow_is_verbatim(t, t->x.step);
}

/* Its sign_no was not taken: it goes out once more with another one.  False: it is as it is. */
static bool renew_sign_no(struct engine *e, struct task *t, struct yt_reply *reply)
{
	const struct engine_institution *institution = e->conf.institution(e->conf.ctx, t->original->institution);
	bool verbatim = is_verbatim_leg(t);

	if (reply->outcome != YT_REFUSED || !reply->session_expired || reply->already_done || institution == NULL)
		return false;
	if (verbatim && institution->signs_in_itself && !t->run->is_again)
		return false; /* its hospital's to sign in again */
	if (t->used >= NUMBERS_OF_LEASE) {
		reply->outcome = YT_UNKNOWN;
		return false;
	}
	t->used += verbatim;
	t->sign_no_died = true; /* session_get() hears which one is dead */
	snprintf(t->sign_no, sizeof(t->sign_no), "%.*s", YT_FMT(t->own->sign_no));
	t->run->renewed = t->run->is_again ? t->own : NULL;
	flow_go(e, t);
	return true;
}

/* What an answer proves of a step.  A refusal made on the way says nothing of an earlier try; what an earlier try
 * had done is done; what had been done by another message, before this one, is not ours to undo. */
static void judge_step(struct task *t, struct yt_reply *reply)
{
	if (reply->outcome != YT_REFUSED)
		return;
	if (reply->already_done && (t->run->is_again || flow_step_at(t, t->x.step)->is_kept ||
	                                   flow_op_of(t, t->x.step)->id == YT_OP_CLAIM_SUBMIT))
		reply->outcome =
		        YT_DONE; /* a claim that is there is taken over, whoever handed it in (insurer.md 6.6) */
	else if (reply->at_gateway && (t->run->is_again || (task_is_follow_up(t) && !reply->may_retry))) /* has time */
		reply->outcome = YT_UNKNOWN;
}

/* It surely did nothing, and may do it under another number: a step that its party refuses for now, as long as its
 * origin waits; what undoes one, until it is undone.  False: no. */
static bool goes_anew(struct engine *e, struct task *t, const struct yt_reply *reply, struct yt_str body)
{
	int64_t pause;

	if (reply->outcome != YT_REFUSED || is_verbatim_leg(t) || (reply->at_gateway && t->run->is_again))
		return false;
	if (t->leg == REC_LEG_UNDO) {
		if (is_undone(t, reply) || reply->never_happened)
			return false;
		write_outcome(e, t, reply, body, REC_X_ANEW);
		task_try_later(e, t, "a step is not undone yet: it was refused");
		return true;
	}
	pause = reply->may_retry && !t->x.reversal_wanted ? again_pause(e, t, reply) : -1;
	if (pause < 0 && !(reply->may_retry && !t->x.reversal_wanted && task_is_follow_up(t)))
		return false;
	write_outcome(e, t, reply, body, REC_X_ANEW);
	if (pause < 0)
		task_park(e, t, "refused for now, too long"); /* no reason to undo what was done before */
	else
		task_go_on_in(e, t, pause, "refused for now");
	return true;
}

/* A claim that was to be decided at once surely did not arrive: now nobody waits, and it does not ask for that. */
static bool goes_unhurried(struct engine *e, struct task *t, enum engine_leg_end end, const struct yt_reply *reply)
{
	if (end != LEG_NOT_SENT || t->run->is_again || t->leg != REC_LEG_STEP || (t->x.flags & REC_X_ONE_STOP) == 0 ||
	        flow_op_of(t, t->x.step)->id != YT_OP_CLAIM_SUBMIT)
		return false;
	write_outcome(e, t, reply, (struct yt_str){ 0 }, REC_X_ANEW);
	task_try_later(e, t, "not connected");
	return true;
}

#define WANTS_DOCUMENTS N_("waits: documents: the insurer asks the institution for them")

/* It was asked what has become of something, and nothing has yet: the same question later.  Documents are not the
 * insurer's to bring: when they do not come in time it rejects the claim. */
static bool is_awaited(struct engine *e, struct task *t, const struct yt_reply *reply, struct yt_str body)
{
	bool lacks_documents = yt_str_is(yt_node_text(yt_node_get(reply->body, "data"), "claim_state"), "PENDING_DOCS");

	if (t->leg != REC_LEG_STEP || reply->outcome != YT_DONE || reply->again_ms <= 0 || t->x.reversal_wanted)
		return false;
	write_outcome(e, t, reply, body, REC_X_ANEW);
	if (lacks_documents && strcmp(t->x.reason, WANTS_DOCUMENTS) != 0)
		yt_log(YT_WARN, "engine",
		        "exchange %016llx: %s asks for documents of a claim: have the institution hand them in there",
		        (unsigned long long)t->id, t->party->name);
	task_go_on_in(e, t, reply->again_ms, lacks_documents ? WANTS_DOCUMENTS : "its result is awaited");
	return true;
}

static void later(struct engine *e, struct task *t, bool not_found)
{
	if (not_found)
		task_wait_until_settled(e, t, "original not found yet");
	else if (t->leg == REC_LEG_STEP && !is_repeatable(t, t->x.step))
		task_give_back(e, t); /* the keeper waits before anything is reversed */
	else
		task_try_later(
		        e, t, t->leg == REC_LEG_UNDO ? "a step is not undone yet" : "a step's outcome is unknown");
}

/* The lines of a lost upload are there, but how its party splits them it says once only, and a later step needs that:
 * exactly these are withdrawn and sent once more (nhsa.md 5.2, 2301).  An out-patient's are not: 2205 would take all of
 * their batch, another upload's too. */
static bool lost_its_split(const struct task *t, const struct yt_reply *reply)
{
	return t->leg == REC_LEG_STEP && reply->outcome == YT_REFUSED && reply->already_done && t->run->is_again &&
	       t->x.step < t->run->flow->n && flow_op_of(t, t->x.step)->id == YT_OP_INPATIENT_FEES &&
	       !t->x.reversal_wanted;
}

static void take_back(struct engine *e, struct task *t, struct yt_reply *reply)
{
	reply->outcome = YT_UNKNOWN;
	add_outcome(e, t, reply, (struct yt_str){ 0 });
	begin(e, t, t->x.step, REC_LEG_TAKE);
}

static void after_taking(struct engine *e, struct task *t, struct yt_reply *reply, struct yt_str body)
{
	reply->outcome = reply->outcome == YT_DONE || (reply->outcome == YT_REFUSED && reply->already_done)
	                         ? YT_DONE
	                         : YT_UNKNOWN;
	add_outcome(e, t, reply, body);
	if (reply->outcome != YT_DONE) {
		task_try_later(e, t, "lines are there whose split is not known, and they are not withdrawn yet");
		return;
	}
	t->x.step_state = STEP_TAKEN;
	flow_decide(e, t);
}

/* What became of the money is told to no avail: that undoes neither the payment nor the claim. */
static bool is_unheard(struct engine *e, struct task *t, const struct yt_reply *reply, struct yt_str body)
{
	if (t->leg != REC_LEG_STEP || reply->outcome != YT_REFUSED ||
	        flow_op_of(t, t->x.step)->id != YT_OP_CLAIM_PAYMENT)
		return false;
	write_outcome(e, t, reply, body, REC_X_ANEW);
	task_park(e, t, "the insurer does not take what it is told of a payment: agree with it, then decide");
	return true;
}

unsigned flow_claim_query_step(const struct task *t)
{
	unsigned step = 1;

	while (step <= t->run->flow->n && flow_op_of(t, step)->id != YT_OP_CLAIM_QUERY)
		step++;
	return step <= t->run->flow->n ? step : 0;
}

/* Its claim cannot be withdrawn any more: it was paid, or rejected, which the insurer is asked for if nobody knows. */
static bool is_too_late(struct engine *e, struct task *t, const struct yt_reply *reply, struct yt_str body)
{
	struct yt_str state = facts_get(&t->run->facts, "claim_state");
	unsigned step = flow_claim_query_step(t);

	if (t->leg != REC_LEG_UNDO || reply->outcome != YT_REFUSED || !reply->too_late)
		return false;
	write_outcome(e, t, reply, body, REC_X_ANEW);
	if (pay_was_made(t) || yt_str_is(state, "PAID")) {
		end_claimed_back(e, t);
	} else if (yt_str_is(state, "REJECTED")) {
		end_undone(e, t);
	} else if (step != 0 && !t->run->was_asked) {
		t->run->was_asked = true;
		begin(e, t, step, REC_LEG_STEP);
	} else {
		task_try_later(e, t, "a claim can neither be withdrawn nor is it paid");
	}
	return true;
}

/* Of an insurer's decision the origin hears nothing that could be marked: the log says it. */
static void tell_of_decision(struct task *t, struct yt_reply *reply)
{
	const struct yt_op *op = flow_op_of(t, t->x.step);

	if ((op->reply_money & YT_MONEY_DECISION) != 0)
		(void)engine_mark_breach(&(struct breach_of){ t->id, t->party->name, op, t->x.trace }, t->arena, reply);
}

void flow_leg(struct engine *e, struct task *t, enum engine_leg_end end, struct yt_reply *reply, struct yt_str body)
{
	bool not_found = t->leg == REC_LEG_UNDO && reply->outcome == YT_REFUSED && reply->never_happened;
	struct flow_run *run = t->run;

	if (t->leg == REC_LEG_QUERY || flow_pay_is_about(t, t->x.step)) {
		flow_pay_leg(e, t, end, reply, body);
		return;
	}
	yt_buf_clear(&t->receipt); /* what stood in it went with the step */
	run->said[t->x.step - 1] = t->leg == REC_LEG_STEP ? t->own : run->said[t->x.step - 1];
	if (t->leg == REC_LEG_STEP && flow_op_of(t, t->x.step)->id == YT_OP_CLAIM_SUBMIT)
		one_stop_heard(e, t, reply);
	if (renew_sign_no(e, t, reply))
		return;
	if (t->leg == REC_LEG_TAKE) {
		after_taking(e, t, reply, body);
		return;
	}
	if (lost_its_split(t, reply)) {
		take_back(e, t, reply);
		return;
	}
	if (t->leg == REC_LEG_STEP) {
		judge_step(t, reply);
		tell_of_decision(t, reply);
	}
	if (goes_unhurried(e, t, end, reply) || is_too_late(e, t, reply, body) || goes_anew(e, t, reply, body) ||
	        is_awaited(e, t, reply, body) || is_unheard(e, t, reply, body))
		return;
	if (t->leg == REC_LEG_UNDO)
		reply->outcome = is_undone(t, reply) ? YT_DONE : YT_UNKNOWN;
	else if (end == LEG_NOT_SENT && !run->is_again && !t->x.reversal_wanted && !task_is_follow_up(t))
		reply = engine_refusal(t->arena, TEXT_NOT_CONNECTED, (struct yt_str){ 0 }, t->x.trace);
	add_outcome(e, t, reply, body);
	if (reply->outcome == YT_UNKNOWN) {
		later(e, t, not_found);
		return;
	}
	t->x.step_state = reply->outcome == YT_DONE ? STEP_DONE : STEP_REFUSED;
	if (t->leg == REC_LEG_STEP) {
		if (reply->outcome == YT_REFUSED)
			t->x.refused_step = t->x.step;
		run->heard[t->x.step - 1] = reply;
		flow_learn(t, t->x.step);
		if (facts_gather(&run->facts, t->original) != 0) {
			task_park(e, t, "what its case has left behind is too much");
			return;
		}
	}
	flow_decide(e, t);
}
