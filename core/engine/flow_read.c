/* core/engine/flow_read.c - a lease of a flow begins: what its steps sent and got is read back.
 *
 *   resolve.c   -> flow_take(), flow_start()   the lease's octets; the case's facts are asked for      FACTS
 *   DOWN_FACTS  -> flow_facts()                reads each step, learns what it brought, then flow.c goes on */
#include <string.h>

#include "engine/flow_parts.h"

void flow_ask_facts(struct engine *e, struct task *t)
{
	char keys[5 + CONTINUITY_MAX][FACTS_KEY_MAX];
	unsigned n = 5;

	notice_keys(t, keys);
	if (!facts_pay_key(t->x.pay_digest, keys[2]))
		keys[2][0] = 0;
	keys[3][0] = 0;
	if (t->original->op->id == YT_OP_PAY_BATCH) /* of its payouts none needs to know of the others */
		pay_batch_key(t, keys[3]);
	pay_anew_key(t, keys[4]);
	n += continuity_keys(e, t, keys + n);
	if (t->seq != 0)
		HASH_DELETE(hh_seq, e->tasks_by_seq, t);
	t->state = TASK_FACTS;
	t->seq = cross_ask_facts_and(e, t->id, t->original, keys, n);
	HASH_ADD(hh_seq, e->tasks_by_seq, seq, sizeof(t->seq), t);
}

/* Nothing has left yet, and who asked does not wait here any more: he may have heard a refusal of a keeper that died
 * before this one, which read the question again, admitted it.  So it is refused as that one did it: for now. */
static bool is_forsaken(const struct engine *e, const struct task *t)
{
	const struct work *w;

	if (t->x.step != 0 || task_is_follow_up(t) || notice_is(t->original->op->id))
		return false; /* what was told counts, whether its sender heard so or tells it again */
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
	run->pay_digits = yt_arena_copy(t->arena, rec_get(lease, REC_T_PAY_NO));
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
		task_resolve_forsaken(e, t);
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

const struct engine_flow_step *flow_step_at(const struct task *t, unsigned step)
{
	return &t->run->flow->steps[step - 1];
}

const struct yt_op *flow_op_of(const struct task *t, unsigned step)
{
	enum yt_operation op = flow_step_at(t, step)->op;

	return op == YT_OP_COUNT ? t->original->op : yt_op(op);
}

/* The request itself, for a party that speaks its format: it goes on as it came. */
bool flow_is_verbatim(const struct task *t, unsigned step)
{
	return flow_step_at(t, step)->op == YT_OP_COUNT && !cross_is_foreign(&t->codec, flow_step_at(t, step)->party);
}

/* What a step's message leaves behind; of one in another format only what its answer brought. */
struct yt_node *flow_piece_of(struct task *t, unsigned step)
{
	struct yt_msg said = *t->original;
	const struct yt_reply *heard = t->run->heard[step - 1];
	bool is_done = heard != NULL && heard->outcome == YT_DONE;

	said.op = flow_op_of(t, step);
	/* An operator's word is enough for an upload whose number is known. */
	if (!is_done && !(heard == NULL && t->x.must_answer && t->run->said[step - 1] != NULL &&
	                        said.op->id == YT_OP_INPATIENT_FEES))
		return NULL;
	if (cross_is_foreign(&t->codec, flow_step_at(t, step)->party)) {
		if (said.op->id == YT_OP_INPATIENT_FEES)
			return facts_upload(t->arena, &said, cross_wire_number(t->run->said[step - 1]));
		said.body = NULL;
	}
	return is_done ? facts_piece(t->arena, &said, heard) : NULL;
}

/* An answer's facts count from here on, for the steps behind it. */
void flow_learn(struct task *t, unsigned step)
{
	facts_add(&t->run->facts, flow_piece_of(t, step));
}

static void read_steps(struct engine *e, struct task *t, unsigned step);

/* All its steps are read: what its bank told unasked comes on top. */
static int gather(struct engine *e, struct task *t)
{
	notice_learn(e, t);
	return facts_gather(&t->run->facts, t->original);
}

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
	if (flow_pay_is_about(t, c->step))
		pay_take(t, flow_op_of(t, c->step), c->reply);
	c->reply->outcome = c->step == t->x.refused_step ? YT_REFUSED : YT_DONE; /* as it was taken then */
	t->run->heard[c->step - 1] = c->reply;
	flow_learn(t, c->step);
	read_steps(e, t, c->step + 1);
}

static void read_adopted(struct engine *e, struct task *t, unsigned step, struct yt_str got)
{
	struct yt_reply *reply = yt_reply_new(t->arena);

	YT_REQUIRE(reply != NULL);
	if (!flow_pay_read(t, got, reply)) {
		cannot_be_read(e, t);
		return;
	}
	t->run->heard[step - 1] = reply;
	flow_learn(t, step);
	read_steps(e, t, step + 1);
}

/* A file that was handed over: its party said nothing then, so a word of ours is kept for an answer. */
static bool was_handed_over(const struct task *t, unsigned step)
{
	return flow_step_at(t, step)->party->codec.api->file_name != NULL &&
	       yt_str_is(t->run->got[step - 1], FLOW_HANDED_OVER);
}

/* What a step said is there; now what it heard.  Without that it was not answered, or refused unsent: else what must be
 * undone some day would be forgotten.  A question leaves nothing to undo, and what was heard of it while its exchange
 * is being undone is not kept. */
static void read_heard(struct engine *e, struct task *t, unsigned step, struct yt_msg *said)
{
	struct yt_str got = t->run->got[step - 1];
	bool is_file = was_handed_over(t, step), may_lack;
	struct call c;

	said->op = flow_op_of(t, step); /* out- and in-patients may share the number it has there */
	t->run->said[step - 1] = said;
	may_lack = t->x.undoing || t->x.must_answer || (t->x.reversal_wanted && !said->op->changes_state);
	if (got.n == 0 && !may_lack && step != t->x.refused_step &&
	        (step != t->x.step || t->x.step_state == STEP_DONE)) {
		cannot_be_read(e, t);
	} else if (got.n == 0) {
		flow_learn(t, step);
		read_steps(e, t, step + 1);
	} else if ((t->x.adopted >> (step - 1) & 1) != 0) {
		read_adopted(e, t, step, got);
	} else {
		if (is_file)
			got.n = 0;
		c = call_decode_reply(&flow_step_at(t, step)->party->codec, said, t->id,
		        is_file ? YT_FILE_HANDED_OVER : 200, got, yt_reply_new(t->arena));
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
	for (; step <= t->run->flow->n && t->run->sent[step - 1].n == 0 && t->x.step_sent[step - 1] == 0; step++)
		flow_learn(t, step);
	if (step <= t->run->flow->n && t->run->sent[step - 1].n == 0)
		cannot_be_read(e, t); /* erased, or gone with its segment: it was sent all the same */
	else if (step > t->run->flow->n && gather(e, t) != 0)
		cannot_be_read(e, t);
	else if (step > t->run->flow->n)
		flow_decide(e, t);
	else if (flow_is_verbatim(t, step))
		read_heard(e, t, step, t->original);
	else
		cross_read_back(e, t, flow_step_at(t, step)->party, t->run->sent[step - 1], step, said_read);
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
