/* core/engine/flow.c - works a flow off under its lease: step after step, and backwards when one is refused.
 *
 * A flow (engine.h) is what one request needs at several parties: an admission across provinces is told to the treating
 * platform and registered with the hub.  The keeper admits the request and leases it at once (resolve.c task_start):
 *  - flow_start()   reads what earlier steps sent and got, asks for the case's facts    FACTS
 *  - decide()       the step whose leg may have left once more, with the same octets; else the next one; else,
 *                   after a refusal or when its origin wants it undone, the undoing of the last one done
 *  - write_step()   durable before it leaves                                             STEPPING -> OUT
 *  - flow_leg()     what came back                                                       OUT -> decide()
 * and in the end the answer of one step, or the refusal that ended it, is the origin's answer.  A step of unknown
 * outcome is sent again unchanged until it is known, where its party knows it by its number; what must not be sent
 * twice (nhsa.md 5.2: 2401) is taken back by its number, with all before it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/proof.h"
#include "engine/work.h"

struct flow_run {
	const struct engine_flow *flow;
	struct facts facts;
	struct yt_str sent[REC_STEPS_MAX], got[REC_STEPS_MAX], undo_sent;
	struct yt_msg *said[REC_STEPS_MAX]; /* as the step's party was asked */
	struct yt_reply *heard[REC_STEPS_MAX];
	bool is_again;                /* what is out had left before */
	bool is_kept;                 /* the same octets stand in the journal already */
	const struct yt_msg *renewed; /* what had left and goes out again with another sign_no; NULL: nothing */
	bool lacks_secret;            /* the request is known without its credentials only */
};

/* -- beginning ---------------------------------------------------------------------------------- */

const struct engine_flow flow_here = { .name = "here" };

void flow_ask_facts(struct engine *e, struct task *t)
{
	if (t->seq != 0)
		HASH_DELETE(hh_seq, e->tasks_by_seq, t);
	t->state = TASK_FACTS;
	t->seq = cross_ask_facts(e, t->id, t->original);
	HASH_ADD(hh_seq, e->tasks_by_seq, seq, sizeof(t->seq), t);
}

/* Nothing has left yet, and who asked does not wait here any more: he may have heard a refusal of a keeper that died
 * before this one, which read the question again, admitted it.  So it stays refused. */
static bool is_forsaken(const struct engine *e, const struct task *t)
{
	const struct work *w;

	if (t->x.step != 0 || task_is_follow_up(t))
		return false;
	HASH_FIND(hh_id, e->by_id, &t->id, sizeof(t->id), w);
	return w == NULL || (w->state != WORK_ADMITTING && w->state != WORK_WAITING);
}

void flow_take(struct engine *e, struct task *t, const struct rec *lease)
{
	struct flow_run *run = yt_arena_alloc(t->arena, sizeof(*run));

	YT_REQUIRE(run != NULL);
	t->run = run;
	run->flow = strcmp(t->x.flow, flow_here.name) == 0 ? &flow_here
	            : e->conf.flow == NULL                 ? NULL
	                                                   : e->conf.flow(e->conf.ctx, t->x.flow);
	for (unsigned i = 0; i < REC_STEPS_MAX; i++) {
		run->sent[i] = yt_arena_copy(t->arena, rec_get(lease, (enum rec_tag)(REC_T_STEP_SENT + i)));
		run->got[i] = yt_arena_copy(t->arena, rec_get(lease, (enum rec_tag)(REC_T_STEP_GOT + i)));
	}
	run->undo_sent = yt_arena_copy(t->arena, rec_get(lease, REC_T_UNDO_SENT));
}

/* The flow is configured as it was when the exchange's newest step left. */
static bool is_as_it_was(const struct task *t)
{
	const struct engine_flow *flow = t->run->flow;

	return flow != NULL && t->x.step <= flow->n &&
	       (t->x.step == 0 || t->x.step == t->x.refused_step ||
	               strcmp(t->x.party, flow->steps[t->x.step - 1].party->name) == 0);
}

static void start(struct engine *e, struct task *t)
{
	struct flow_run *run = t->run;

	if (t->x.must_answer) {
		if (is_as_it_was(t))
			flow_ask_facts(e, t);
		else
			task_answer_decided(e, t); /* what its steps were told is not known any more */
	} else if (is_forsaken(e, t))
		task_resolve_refused(e, t,
		        engine_refusal(t->arena, TEXT_NOT_ACCEPTED, (struct yt_str){ 0 }, t->x.trace),
		        "nothing had left, and its origin does not wait any more");
	else if (run->flow == NULL || t->x.step > run->flow->n)
		task_park(e, t, "its flow is not configured any more");
	else if (!is_as_it_was(t))
		task_park(e, t, "its flow has other steps now");
	else
		flow_ask_facts(e, t);
}

static void clear_read(struct engine *e, struct call *c)
{
	c->t->run->lacks_secret = c->rv != 0;
	start(e, c->t);
}

/* The request is read as it came, where it came to this worker and still waits: with its credentials. */
void flow_start(struct engine *e, struct task *t)
{
	struct work *w = NULL;
	struct call c;

	if ((t->x.flags & REC_X_SECRET) != 0)
		HASH_FIND(hh_id, e->by_id, &t->id, sizeof(t->id), w);
	if (w == NULL) {
		t->run->lacks_secret = (t->x.flags & REC_X_SECRET) != 0;
		start(e, t);
		return;
	}
	t->request = yt_arena_copy(t->arena, w->request);
	t->original = yt_msg_new(t->arena);
	YT_REQUIRE(t->original != NULL && t->request.p != NULL);
	t->original->path = yt_arena_copy(t->arena, w->msg->path);
	c = call_decode_request(&t->codec, t->original, t->id, t->request);
	c.t = t;
	c.then = clear_read;
	call_begin(e, &c);
}

static const struct engine_flow_step *step_at(const struct task *t, unsigned step)
{
	return &t->run->flow->steps[step - 1];
}

static const struct yt_op *op_of(const struct task *t, unsigned step)
{
	enum yt_operation op = step_at(t, step)->op;

	return op == YT_OP_COUNT ? t->original->op : yt_op(op);
}

/* The request itself, for a party that speaks its format: it goes on as it came. */
static bool is_verbatim(const struct task *t, unsigned step)
{
	return step_at(t, step)->op == YT_OP_COUNT && !cross_is_foreign(&t->codec, step_at(t, step)->party);
}

static void decide(struct engine *e, struct task *t);

/* What a step's message leaves behind; of one in another format only what its answer brought. */
static struct yt_node *piece_of(struct task *t, unsigned step)
{
	struct yt_msg said = *t->original;
	const struct yt_reply *heard = t->run->heard[step - 1];
	bool is_done = heard != NULL && heard->outcome == YT_DONE;

	said.op = op_of(t, step);
	/* An operator's word is enough for an upload whose number is known. */
	if (!is_done && !(heard == NULL && t->x.must_answer && t->run->said[step - 1] != NULL &&
	                        said.op->id == YT_OP_INPATIENT_FEES))
		return NULL;
	if (cross_is_foreign(&t->codec, step_at(t, step)->party)) {
		if (said.op->id == YT_OP_INPATIENT_FEES)
			return facts_upload(t->arena, &said, cross_wire_number(t->run->said[step - 1]));
		said.body = NULL;
	}
	return is_done ? facts_piece(t->arena, &said, heard) : NULL;
}

/* An answer's facts count from here on, for the steps behind it. */
static void learn(struct task *t, unsigned step)
{
	facts_add(&t->run->facts, piece_of(t, step));
}

static void read_steps(struct engine *e, struct task *t, unsigned step);

static void cannot_be_read(struct engine *e, struct task *t)
{
	if (t->x.must_answer)
		task_answer_decided(e, t);
	else
		task_park(e, t, "what its steps sent and got cannot be read back");
}

static void heard_read(struct engine *e, struct call *c)
{
	struct task *t = c->t;

	if (c->reply->outcome == YT_UNKNOWN) { /* it had been believed: a key, or the plugin, is another now */
		cannot_be_read(e, t);
		return;
	}
	c->reply->outcome = c->step == t->x.refused_step ? YT_REFUSED : YT_DONE; /* as it was taken then */
	t->run->heard[c->step - 1] = c->reply;
	learn(t, c->step);
	read_steps(e, t, c->step + 1);
}

/* What a step said is there; now what it heard.  Without that it was not answered, or refused unsent: else what must be
 * undone some day would be forgotten. */
static void read_heard(struct engine *e, struct task *t, unsigned step, struct yt_msg *said)
{
	struct yt_str got = t->run->got[step - 1];
	struct call c;

	said->op = op_of(t, step); /* out- and in-patients may share the number it has there */
	t->run->said[step - 1] = said;
	if (got.n == 0 && !t->x.undoing && !t->x.must_answer && step != t->x.refused_step &&
	        (step != t->x.step || t->x.step_state == STEP_DONE)) {
		cannot_be_read(e, t);
	} else if (got.n == 0) {
		learn(t, step);
		read_steps(e, t, step + 1);
	} else {
		c = call_decode_reply(&step_at(t, step)->party->codec, said, t->id, 200, got, yt_reply_new(t->arena));
		YT_REQUIRE(c.reply != NULL);
		c.t = t;
		c.step = step;
		c.then = heard_read;
		call_begin(e, &c);
	}
}

static void said_read(struct engine *e, struct call *c)
{
	struct yt_msg *said = cross_was_read(c);

	if (said == NULL)
		cannot_be_read(e, c->t);
	else
		read_heard(e, c->t, c->step, said);
}

/* What earlier steps had said and heard, read back from its octets; then it goes on. */
static void read_steps(struct engine *e, struct task *t, unsigned step)
{
	for (; step <= t->run->flow->n && t->run->sent[step - 1].n == 0; step++)
		learn(t, step);
	if (step > t->run->flow->n && facts_gather(&t->run->facts, t->original) != 0)
		cannot_be_read(e, t);
	else if (step > t->run->flow->n)
		decide(e, t);
	else if (is_verbatim(t, step))
		read_heard(e, t, step, t->original);
	else
		cross_read_back(e, t, step_at(t, step)->party, t->run->sent[step - 1], step, said_read);
}

void flow_facts(struct engine *e, struct task *t, const struct talk *talk)
{
	int rv = cross_facts(t->arena, talk, t->original, &t->run->facts);

	HASH_DELETE(hh_seq, e->tasks_by_seq, t);
	t->seq = 0;
	if (rv != 0)
		cannot_be_read(e, t);
	else
		read_steps(e, t, 1);
}

/* -- a step leaves ------------------------------------------------------------------------------ */

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
	if (t->run->is_kept)
		rec_u32(&buf, REC_T_ATTEMPT, 1); /* the same octets, kept already */
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
	bool verbatim = t->leg == REC_LEG_STEP && is_verbatim(t, t->x.step);
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
static void send_again(struct engine *e, struct task *t)
{
	struct flow_run *run = t->run;

	t->party = step_at(t, t->x.step)->party;
	t->leg = leg_again(t);
	if (t->leg == REC_LEG_STEP)
		go_again(e, t, run->said[t->x.step - 1], run->sent[t->x.step - 1]);
	else
		cross_read_back(e, t, t->party, run->undo_sent, t->x.step, undo_read);
}

/* A message of ours: number, time, and where institutions sign in, our own operator. */
static bool make_own(struct engine *e, struct task *t, const struct yt_msg *before)
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

/* What a party outside the platform does not know by the institution's code. */
static void name_institution(struct engine *e, const struct task *t, struct yt_msg *made)
{
	const struct engine_institution *institution = e->conf.institution(e->conf.ctx, t->original->institution);
	struct yt_node *data = yt_node_get(made->body, "data");

	if (!task_is_follow_up(t) || institution == NULL || data == NULL || made->body == t->original->body)
		return;
	yt_node_set_text(t->arena, data, "fixmedins_name", yt_str(institution->name));
	if (institution->level != NULL)
		yt_node_set_text(t->arena, data, "hosp_lv", yt_str(institution->level));
}

/* The message of the step that is about to leave; NULL when it cannot be made. */
static struct yt_msg *compose(struct engine *e, struct task *t)
{
	struct flow_run *run = t->run;
	struct yt_msg *undo, *made;
	int rv = YT_ENOTFOUND;

	if (t->leg == REC_LEG_STEP) {
		made = facts_compose(&run->facts, t->original, op_of(t, t->x.step));
		if (made != NULL && made->op != t->original->op)
			made->wire_op = undo_wire_op(&t->party->codec, made->op->id);
		if (made != NULL && cross_is_foreign(&t->codec, t->party))
			made->institution = cross_institution(e, t->original->institution);
		if (made != NULL)
			name_institution(e, t, made);
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

static void refuse_unsent(struct engine *e, struct task *t, const struct yt_fault *fault);

/* An undoing that the party's format cannot say: an operator needs to know what it lacks. */
static void park_unwritten(struct engine *e, struct task *t, const struct yt_fault *fault)
{
	char reason[sizeof(fault->path) + sizeof(fault->why) + 64];

	snprintf(reason, sizeof(reason), "a message of ours cannot be written: %s %s", fault->path, fault->why);
	task_park(e, t, reason);
}

/* Nobody waits for it, so it waits for what it lacks rather than leave with blanks. */
static void wait_for_facts(struct engine *e, struct task *t, const struct yt_fault *fault)
{
	char reason[sizeof(fault->path) + sizeof(fault->why) + 16];

	snprintf(reason, sizeof(reason), "waits: %s %s", fault->path, fault->why);
	task_try_later(e, t, reason);
}

static void encoded(struct engine *e, struct call *c)
{
	struct task *t = c->t;

	if (c->rv == YT_EFORMAT && t->leg == REC_LEG_STEP && task_is_follow_up(t)) {
		wait_for_facts(e, t, &c->fault);
	} else if (c->rv == YT_EFORMAT && t->leg == REC_LEG_STEP) {
		refuse_unsent(e, t, &c->fault);
	} else if (c->rv != 0) {
		park_unwritten(e, t, &c->fault);
	} else {
		t->x.step_state = t->leg == REC_LEG_TAKE ? STEP_TAKING : STEP_OUT;
		flow_write_step(e, t);
	}
}

/* Makes the octets of the step t->x.step (or of its undoing, by t->leg) and writes it down. */
static void go(struct engine *e, struct task *t)
{
	struct yt_fault fault = { { 0 }, { 0 } };
	struct flow_run *run = t->run;
	bool verbatim = t->leg == REC_LEG_STEP && is_verbatim(t, t->x.step);
	const struct yt_msg *before = run->renewed; /* it may have arrived: it keeps its number */
	struct call c;

	run->is_again = before != NULL;
	run->is_kept = false;
	yt_buf_clear(&t->octets);
	if (verbatim && run->lacks_secret) {
		snprintf(fault.path, sizeof(fault.path), "mdtrt_cert_no");
		snprintf(fault.why, sizeof(fault.why), "is not kept: ask the person for it again");
		refuse_unsent(e, t, &fault);
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
	if (!verbatim && !make_own(e, t, before)) {
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
		go(e, t);
	else
		task_try_later(e, t, "could not sign in");
}

/* -- what to do --------------------------------------------------------------------------------- */

static void begin(struct engine *e, struct task *t, unsigned step, enum rec_leg leg)
{
	t->x.step = step;
	t->x.undoing = leg == REC_LEG_UNDO;
	t->party = step_at(t, step)->party;
	t->leg = leg;
	go(e, t);
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
		facts_add(&kept, piece_of(t, step));
	if (kept.pieces->n > 0)
		cross_write_facts(&t->receipt, e, t->id, t->original, answer, kept.pieces);
}

/* All that was done is undone, or nothing was. */
static void end_undone(struct engine *e, struct task *t)
{
	struct yt_reply *reply = refusal(t);

	if (reply != NULL)
		task_resolve_refused(e, t, reply, "a step was refused, those before it are undone");
	else
		task_resolve_reversed(e, t, "its steps are undone");
}

/* What was asked stays here: it is a fact of its case or person from now on. */
static void end_here(struct engine *e, struct task *t)
{
	struct yt_reply *reply = yt_reply_new(t->arena);
	struct yt_node *piece;

	YT_REQUIRE(reply != NULL);
	reply->code = YT_STR("0");
	piece = facts_piece(t->arena, t->original, NULL);
	if (piece == NULL) {
		task_park(e, t, "it holds nothing that is kept");
		return;
	}
	cross_write_facts(&t->receipt, e, t->id, t->original, NULL, piece);
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

static void end_done(struct engine *e, struct task *t)
{
	unsigned answer = t->run->flow->answer;

	if (t->run->heard[answer - 1] == NULL) {
		end_without_steps(e, t);
		return;
	}
	keep_facts(e, t, t->run->heard[answer - 1]);
	if (!is_verbatim(t, answer))
		cross_give_back(t->original, t->run->heard[answer - 1]);
	task_resolve_done(e, t, t->run->heard[answer - 1], "all its steps are done");
}

/* An operator found that it took effect: what its steps were told counts for later messages, and the answer of its own
 * is given where it is there. */
static void end_decided(struct engine *e, struct task *t)
{
	unsigned answer = t->run->flow->answer;
	struct yt_reply *heard = answer == 0 ? NULL : t->run->heard[answer - 1], done = { .outcome = YT_DONE };

	if (t->x.undoing || t->x.refused_step != 0) { /* of what was undone already nothing is believed */
		task_answer_decided(e, t);
		return;
	}
	keep_facts(e, t, heard != NULL ? heard : &done);
	if (heard != NULL && !is_verbatim(t, answer))
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

		if (heard != NULL && heard->outcome == YT_DONE && !step_at(t, step)->is_kept &&
		        op_of(t, step)->changes_state)
			return step;
	}
	return 0;
}

static void undo(struct engine *e, struct task *t, unsigned before)
{
	unsigned step = undo_before(t, before);

	if (step == 0)
		end_undone(e, t);
	else
		begin(e, t, step, REC_LEG_UNDO);
}

static bool is_left_out(const struct task *t, const struct engine_flow_step *step)
{
	return (step->unless != NULL && facts_get(&t->run->facts, step->unless).n != 0) ||
	       (step->only_with != NULL && facts_get(&t->run->facts, step->only_with).n == 0);
}

/* The next step that is not left out; behind the last one when there is none. */
static unsigned next_step(const struct task *t)
{
	unsigned step = t->x.step + 1u;

	while (step <= t->run->flow->n && is_left_out(t, step_at(t, step)))
		step++;
	return step;
}

/* How a party's format finds out about a step of unknown outcome. */
static enum yt_resolve method_of(const struct task *t, unsigned step)
{
	const struct yt_msg *said = t->run->said[step - 1];
	const struct yt_wire_op *op =
	        said == NULL ? NULL : codec_wire_op(&step_at(t, step)->party->codec, said->wire_op);

	return op == NULL ? YT_RESOLVE_PARK : op->resolve;
}

static bool is_repeatable(const struct task *t, unsigned step)
{
	return proof_is_repeatable(method_of(t, step), op_of(t, step)->id);
}

/* A step's outcome is unknown: it is sent again, or where that would do it twice, taken back by its number. */
static void find_out(struct engine *e, struct task *t)
{
	if (t->x.undoing || t->run->said[t->x.step - 1] == NULL || is_repeatable(t, t->x.step))
		send_again(e, t);
	else if (method_of(t, t->x.step) == YT_RESOLVE_REVERSE)
		begin(e, t, t->x.step, REC_LEG_UNDO);
	else
		task_park(e, t, "it must not be sent again, and no machine can find out what became of it");
}

static void decide(struct engine *e, struct task *t)
{
	unsigned step;

	bool is_unwanted = t->x.reversal_wanted || t->x.state == X_DONE || t->x.state == X_REVERSING;

	if (t->x.must_answer) {
		end_decided(e, t);
	} else if (t->x.step_state == STEP_OUT) {
		find_out(e, t);
	} else if (t->x.step_state == STEP_TAKING || (t->x.step_state == STEP_TAKEN && !is_unwanted)) {
		send_again(e, t);
	} else if (t->x.step_state == STEP_ANEW && (t->x.undoing || !t->x.reversal_wanted)) {
		begin(e, t, t->x.step, t->x.undoing ? REC_LEG_UNDO : REC_LEG_STEP);
	} else if (t->x.undoing) {
		undo(e, t, t->x.step);
	} else if (is_unwanted || t->x.step_state == STEP_REFUSED) {
		undo(e, t, t->x.step + 1u);
	} else {
		step = next_step(t);
		if (t->run->flow->n == 0)
			end_here(e, t);
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
	if (t->leg == REC_LEG_STEP && reply->outcome != YT_UNKNOWN && flags == 0)
		rec_str(&t->receipt, (enum rec_tag)(REC_T_STEP_GOT + t->x.step - 1), body);
	rec_end(&t->receipt, at);
}

static void add_outcome(struct engine *e, struct task *t, const struct yt_reply *reply, struct yt_str body)
{
	write_outcome(e, t, reply, body, 0);
}

/* A step that cannot be said in its party's format, since the case lacks something: as if it had been refused. */
static void refuse_unsent(struct engine *e, struct task *t, const struct yt_fault *fault)
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
	return t->leg == REC_LEG_STEP && is_verbatim(t, t->x.step);
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
	go(e, t);
	return true;
}

/* What an answer proves of a step.  A refusal made on the way says nothing of an earlier try; what an earlier try
 * had done is done; what had been done by another message, before this one, is not ours to undo. */
static void judge_step(struct task *t, struct yt_reply *reply)
{
	if (reply->outcome != YT_REFUSED)
		return;
	if (reply->already_done && (t->run->is_again || step_at(t, t->x.step)->is_kept))
		reply->outcome = YT_DONE;
	else if (reply->at_gateway && t->run->is_again)
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
	if (pause < 0)
		return false;
	write_outcome(e, t, reply, body, REC_X_ANEW);
	task_go_on_in(e, t, pause, "refused for now");
	return true;
}

/* It was asked what has become of something, and nothing has yet: the same question later. */
static bool is_awaited(struct engine *e, struct task *t, const struct yt_reply *reply, struct yt_str body)
{
	if (t->leg != REC_LEG_STEP || reply->outcome != YT_DONE || reply->again_ms <= 0 || t->x.reversal_wanted)
		return false;
	write_outcome(e, t, reply, body, REC_X_ANEW);
	task_go_on_in(e, t, reply->again_ms, "its result is awaited");
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
	       t->x.step < t->run->flow->n && op_of(t, t->x.step)->id == YT_OP_INPATIENT_FEES && !t->x.reversal_wanted;
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
	decide(e, t);
}

void flow_leg(struct engine *e, struct task *t, enum engine_leg_end end, struct yt_reply *reply, struct yt_str body)
{
	bool not_found = t->leg == REC_LEG_UNDO && reply->outcome == YT_REFUSED && reply->never_happened;
	struct flow_run *run = t->run;

	yt_buf_clear(&t->receipt); /* what stood in it went with the step */
	run->said[t->x.step - 1] = t->leg == REC_LEG_STEP ? t->own : run->said[t->x.step - 1];
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
	if (t->leg == REC_LEG_STEP)
		judge_step(t, reply);
	if (goes_anew(e, t, reply, body) || is_awaited(e, t, reply, body))
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
		learn(t, t->x.step);
		if (facts_gather(&run->facts, t->original) != 0) {
			task_park(e, t, "what its case has left behind is too much");
			return;
		}
	}
	decide(e, t);
}
