/* core/engine/flow_send.c - a step of a flow, or its undoing, leaves: made or taken once more, written down, sent.
 *
 *   flow.c      -> flow_go()           composed, numbered, signed in for, encoded      SIGNING, STEPPING
 *               -> flow_send_again()   the same octets                                 STEPPING
 *   resolve.c sends it when it is durable, and flow_leg() in flow.c hears what came back. */
#include <stdio.h>
#include <string.h>

#include "base/words.h"
#include "engine/flow_parts.h"

void flow_write_step(struct engine *e, struct task *t)
{
	struct yt_str octets = yt_buf_view(&t->octets);
	struct yt_buf buf = { 0 };
	size_t at;

	if ((t->x.flags & REC_X_SECRET) != 0)
		octets = secrets_out(e, &t->party->codec, t->id, t->request, t->own->wire_op, false, t->arena, octets);
	yt_buf_str(&buf, yt_buf_view(&t->receipt)); /* what came back before rides with it */
	at = rec_begin(&buf, REC_SENDING, 0, t->id, engine_wall(e));
	rec_u8(&buf, REC_T_LEG, (uint8_t)t->leg);
	rec_u8(&buf, REC_T_STEP, (uint8_t)t->x.step);
	rec_str(&buf, REC_T_PARTY, yt_str(t->party->name));
	rec_str(&buf, REC_T_NUMBER, cross_wire_number(t->own));
	if (t->leg == REC_LEG_STEP && t->run->order != NULL)
		rec_str(&buf, REC_T_PAY_NO, t->run->order->no);
	if (t->leg == REC_LEG_STEP && t->run->order != NULL && t->run->order->is_unchecked)
		rec_str(&buf, REC_T_REASON, YT_STR(N_("to an account that no bank has checked")));
	if (t->leg == REC_LEG_STEP && flow_op_of(t, t->x.step)->id == YT_OP_PAY_ORDER)
		rec_str(&buf, REC_T_PAY_MSG, cross_wire_number(t->own));
	if (t->leg == REC_LEG_STEP && t->run->order != NULL) {
		rec_str(&buf, REC_T_UETR, pay_member(t->own, "uetr"));
		rec_str(&buf, REC_T_ORIG_PAY_NO, pay_member(t->own, "orig_pay_no"));
	}
	if (t->run->is_kept)
		rec_u32(&buf, REC_T_ATTEMPT, 1); /* the same octets, kept already */
	else if (t->leg == REC_LEG_QUERY)
		rec_str(&buf, REC_T_SENT, octets);
	else if (t->leg != REC_LEG_STEP)
		rec_str(&buf, REC_T_UNDO_SENT, octets);
	else
		rec_str(&buf, (enum rec_tag)(REC_T_STEP_SENT + t->x.step - 1), octets);
	rec_end(&buf, at);
	YT_REQUIRE(!buf.failed);
	task_submit(e, t, UP_STEP, yt_buf_view(&buf));
	yt_buf_free(&buf);
}

static void written_again(struct engine *e, struct call *c)
{
	if (c->rv != 0)
		task_park(e, c->t, "a message of ours cannot be written");
	else
		flow_write_step(e, c->t);
}

/* Which leg of its step is out, or leaves once more. */
static enum rec_leg leg_again(const struct task *t)
{
	return t->x.undoing ? REC_LEG_UNDO : t->x.step_state == STEP_TAKING ? REC_LEG_TAKE : REC_LEG_STEP;
}

/* What says so is read; its octets go out.  What was taken back is sent as if for the first time. */
static void go_again(struct engine *e, struct task *t, struct yt_msg *own, struct yt_str octets)
{
	bool verbatim = t->leg == REC_LEG_STEP && flow_is_verbatim(t, t->x.step);
	struct flow_run *run = t->run;
	struct call c;

	t->own = own;
	if (octets.n == 0 || own == NULL || (run->lacks_secret && verbatim)) {
		task_park(e, t,
		        octets.n == 0 || own == NULL
		                ? "what was sent cannot be read back"
		                : "it carried a credential that is not kept: it cannot be sent again");
		return;
	}
	run->is_again = t->x.step_state != STEP_TAKEN;
	run->is_kept = true;
	yt_buf_clear(&t->octets);
	if ((t->x.flags & REC_X_SECRET) == 0 || !verbatim) {
		yt_buf_str(&t->octets, octets);
		flow_write_step(e, t);
		return;
	}
	c = call_encode_request(&t->party->codec, own, t->id, t->request, &t->octets); /* what was kept lacks its */
	c.t = t;                                                                       /* credentials */
	c.then = written_again;
	call_begin(e, &c);
}

static void undo_read(struct engine *e, struct call *c)
{
	go_again(e, c->t, cross_was_read(c), c->job.octets);
}

/* Octets that may have left before, once more. */
void flow_send_again(struct engine *e, struct task *t)
{
	struct flow_run *run = t->run;

	t->party = flow_step_at(t, t->x.step)->party;
	t->leg = leg_again(t);
	if (task_is_stopped(e, t))
		return;
	if (t->leg == REC_LEG_STEP)
		go_again(e, t, run->said[t->x.step - 1], run->sent[t->x.step - 1]);
	else
		cross_read_back(e, t, t->party, run->undo_sent, t->x.step, undo_read);
}

bool flow_number(struct engine *e, struct task *t, const struct yt_msg *before)
{
	const struct engine_institution *institution = e->conf.institution(e->conf.ctx, t->original->institution);
	char now[20];

	if (t->party->codec.api->sign_in_for != NULL) {
		if (institution == NULL)
			return false;
		t->own->operator_id = yt_str(institution->operator_id);
		t->own->operator_name = yt_str(institution->operator_name);
	} else if (t->own->operator_id.n == 0) {
		t->own->operator_id = t->original->operator_id;
		t->own->operator_name = t->original->operator_name;
	}
	cross_number(
	        e, t->own, t->party, t->id, t->request, t->original->institution, t->second, t->serial + t->used++);
	if (before != NULL) {
		t->own->number = before->number;
		t->own->own_number = before->own_number;
	}
	if (t->party->codec.api->sign_in_for != NULL)
		t->own->sign_no = yt_arena_copy(t->arena, yt_str(t->sign_no));
	else
		t->own->sign_no = (struct yt_str){ 0 };
	yt_time_print(engine_wall(e), now);
	if (t->own->time.n == 0 || t->own->own_number.n == 0)
		t->own->time = yt_arena_copy(t->arena, yt_str(now));
	return true;
}

/* The message of the step that is about to leave; NULL when it cannot be made. */
static struct yt_msg *compose(struct engine *e, struct task *t)
{
	struct flow_run *run = t->run;
	struct yt_msg *undo, *made;
	int rv = YT_ENOTFOUND;

	if (flow_pay_is_about(t, t->x.step) || flow_op_of(t, t->x.step)->id == YT_OP_CLAIM_PAYMENT)
		return flow_pay_compose(e, t);
	if (flow_op_of(t, t->x.step)->id == YT_OP_ACCOUNT_CHECK)
		return account_question(e, t);
	if (flow_op_of(t, t->x.step)->id == YT_OP_PAY_BATCH_RESULT)
		return pay_batch_result(e, t);
	if (t->leg == REC_LEG_STEP) {
		made = facts_compose(&run->facts, t->original, flow_op_of(t, t->x.step));
		if (made != NULL && made->op != t->original->op)
			made->wire_op = undo_wire_op(&t->party->codec, made->op->id);
		if (made != NULL && cross_is_foreign(&t->codec, t->party))
			made->institution = cross_institution(e, t->original->institution);
		if (made != NULL && task_is_follow_up(t) && made->body != t->original->body)
			cross_name_institution(e, t->original->institution, made);
		if (made != NULL && task_is_follow_up(t))
			made->settlement = yt_str(t->x.settlement);
		if (made != NULL && made->op->id == YT_OP_CLAIM_SUBMIT && one_stop_is_awaited(e, t))
			yt_node_set_text(t->arena, yt_node_get(made->body, "data"), "mode", YT_STR("SYNC"));
		return made;
	}
	undo = yt_msg_new(t->arena);
	if (undo == NULL)
		return NULL;
	if (t->leg == REC_LEG_UNDO && t->party->codec.api->reversal_of != NULL) {
		engine_box(e, &t->party->codec, "reversal_of", t->id, t->request);
		rv = t->party->codec.api->reversal_of(t->party->codec.plugin, run->said[t->x.step - 1], undo);
		engine_unbox(e);
	} /* what is taken back to be sent once more keeps its number: a reversal would have it dead for ever */
	if (rv == YT_ENOTFOUND && (t->leg == REC_LEG_TAKE || run->heard[t->x.step - 1] != NULL))
		rv = undo_of(&t->party->codec, run->said[t->x.step - 1], run->heard[t->x.step - 1], undo);
	return rv == 0 ? undo : NULL;
}

/* Whether a sign_no is there, or needed; else the lease waits for it (TASK_SIGNING).  A message of ours is our
 * operator's, a request that goes on as it came that of whoever sent it, if we sign in for its institution. */
static bool is_signed(struct engine *e, struct task *t, bool verbatim)
{
	const struct engine_institution *institution = e->conf.institution(e->conf.ctx, t->original->institution);
	const char *sign_no;

	if (t->party->codec.api->sign_in_for == NULL || institution == NULL)
		return true;
	if (verbatim && institution->signs_in_itself) {
		if (t->run->renewed == NULL)
			return true;
		t->original->operator_id = yt_str(institution->operator_id); /* its own sign_no is gone for good */
		t->original->operator_name = yt_str(institution->operator_name);
	}
	sign_no = session_get(e, t->party, t->original->institution,
	        verbatim ? t->original->operator_id : yt_str(institution->operator_id),
	        t->sign_no_died ? t->sign_no : NULL, &t->signing);
	if (sign_no == NULL) {
		t->state = TASK_SIGNING;
		return false;
	}
	t->sign_no_died = false;
	memcpy(t->sign_no, sign_no, strlen(sign_no) + 1);
	if (verbatim)
		t->original->sign_no = yt_arena_copy(t->arena, yt_str(t->sign_no));
	return true;
}

/* An undoing that the party's format cannot say: an operator needs to know what it lacks. */
static void park_unwritten(struct engine *e, struct task *t, const struct yt_fault *fault)
{
	char reason[sizeof(fault->path) + sizeof(fault->why) + 64];

	snprintf(reason, sizeof(reason), "a message of ours cannot be written: %s %s", fault->path, fault->why);
	task_park(e, t, reason);
}

void flow_wait(struct engine *e, struct task *t, const struct yt_fault *fault)
{
	char reason[sizeof(fault->path) + sizeof(fault->why) + 16];

	snprintf(reason, sizeof(reason), EXCHANGE_WAITS "%s %s", fault->path, fault->why);
	task_try_later(e, t, reason);
}

static void encoded(struct engine *e, struct call *c)
{
	struct task *t = c->t;

	if (c->rv == YT_EFORMAT && t->leg == REC_LEG_STEP && task_is_follow_up(t)) {
		flow_wait(e, t, &c->fault);
	} else if (c->rv == YT_EFORMAT && t->leg == REC_LEG_STEP) {
		flow_refuse_unsent(e, t, &c->fault);
	} else if (c->rv != 0) {
		park_unwritten(e, t, &c->fault);
	} else {
		t->x.step_state = t->leg == REC_LEG_TAKE ? STEP_TAKING : STEP_OUT;
		flow_write_step(e, t);
	}
}

/* Makes the octets of the step t->x.step (or of its undoing, by t->leg) and writes it down. */
void flow_go(struct engine *e, struct task *t)
{
	struct yt_fault fault = { { 0 }, { 0 } };
	struct flow_run *run = t->run;
	bool verbatim = t->leg == REC_LEG_STEP && flow_is_verbatim(t, t->x.step);
	const struct yt_msg *before = run->renewed; /* it may have arrived: it keeps its number */
	struct call c;

	if (task_is_stopped(e, t))
		return;
	run->is_again = before != NULL;
	run->is_kept = false;
	yt_buf_clear(&t->octets);
	if (verbatim && run->lacks_secret) {
		snprintf(fault.path, sizeof(fault.path), "mdtrt_cert_no");
		snprintf(fault.why, sizeof(fault.why), "is not kept: ask the person for it again");
		flow_refuse_unsent(e, t, &fault);
		return;
	}
	if (!is_signed(e, t, verbatim))
		return;
	run->renewed = NULL;
	t->own = verbatim ? t->original : compose(e, t);
	if (t->own == NULL) {
		task_park(e, t, t->leg == REC_LEG_STEP ? "a step cannot be made" : "no machine can undo this step");
		return;
	}
	if (!verbatim && t->used >= NUMBERS_OF_LEASE) {
		task_go_on_in(e, t, 1, "its numbers are used up: the next lease has more");
		return;
	}
	if (!verbatim && !flow_number(e, t, before)) {
		task_park(e, t, "the institution is not configured any more");
		return;
	}
	c = call_encode_request(&t->party->codec, t->own, t->id, t->request, &t->octets);
	c.t = t;
	c.then = encoded;
	call_begin(e, &c);
}

void flow_signed(struct engine *e, struct task *t, bool signed_in)
{
	if (signed_in)
		flow_go(e, t);
	else
		task_try_later(e, t, "could not sign in");
}
