/* core/engine/leg.c - how a leg ended: its answer is read, its sums are checked, what it proves is written down.
 *
 * engine_leg() is called by process/worker_parties.c when a lane has told.  A query's origin hears at once, that of a
 * change only after DOWN_DURABLE (engine.c).  Without an answer the outcome is unknown and the keeper's from then on.
 */
#include <stdio.h>

#include "engine/work.h"

/* The answer as an origin may hear it: a breach of the sums is marked, never withheld (P4). */
unsigned engine_mark_breach(const struct breach_of *of, struct yt_arena *arena, struct yt_reply *reply)
{
	char why[200] = "";

	if (reply->outcome != YT_DONE)
		return 0;
	if (reply->breach.n != 0) /* its codec found one by the rules of its format */
		snprintf(why, sizeof(why), "%.*s", YT_FMT(reply->breach));
	else if (of->op->reply_money == 0 || yt_money_check(of->op->reply_money, reply->body, why, sizeof(why)) == 0)
		return 0;
	yt_log(YT_ERROR, "engine", "exchange %016llx at %s: the answer does not add up: %s",
	        (unsigned long long)of->exchange, of->party, why);
	if (reply->head == NULL) /* of a format that has no envelope to keep */
		reply->head = yt_node_new(arena, YT_OBJECT);
	yt_node_set_text(
	        arena, reply->head, "warn_msg", text_make(arena, TEXT_MARKED, (struct yt_str){ 0 }, of->trace));
	return REC_X_MONEY_BREACH;
}

static unsigned mark_breach(struct work *w, struct yt_reply *reply)
{
	return engine_mark_breach(
	        &(struct breach_of){ .exchange = w->id, .party = w->party->name, .op = w->msg->op, .trace = w->trace },
	        w->arena, reply);
}

/* What stands for the answer of a leg that has none. */
static struct yt_reply *without_answer(struct engine *e, struct work *w, enum engine_leg_end end, const char *why)
{
	struct yt_reply *reply;

	if (end == LEG_NOT_SENT) {
		reply = w->unless_known.p != NULL ? engine_refusal(w->arena, TEXT_UNREADABLE, w->unless_known, w->trace)
		                                  : engine_refusal(w->arena,
		                                            w->is_stopped   ? TEXT_STOPPED
		                                            : w->joins_only ? TEXT_NOTHING_TO_REVERSE
		                                                            : TEXT_NOT_CONNECTED,
		                                            (struct yt_str){ 0 }, w->trace);
		if (w->msg->refusal.n != 0)
			reply->code = w->msg->refusal;
	} else {
		reply = yt_reply_new(w->arena);
		YT_REQUIRE(reply != NULL);
		reply->outcome = YT_UNKNOWN;
		reply->text = yt_arena_copy(w->arena, yt_str(why));
	}
	return reply;
}

/* What a query's origin hears that got no answer: to ask again, for it had no effect to be unknown; or what the format
 * has for it, such as for a review that must not hold up the counter. */
static struct yt_reply *instead_of(struct engine *e, struct work *w)
{
	struct yt_reply *instead = yt_reply_new(w->arena);

	YT_REQUIRE(instead != NULL);
	if (w->party->codec.api->patience != NULL) {
		engine_box(e, &w->party->codec, "patience", w->id, w->request);
		(void)w->party->codec.api->patience(w->party->codec.plugin, w->outward, instead);
		engine_unbox(e);
	}
	return instead->outcome == YT_DONE
	               ? instead
	               : engine_refusal(w->arena, TEXT_QUERY_FAILED, (struct yt_str){ 0 }, w->trace);
}

static void end_query(struct engine *e, struct work *w, struct yt_reply *reply, bool was_sent)
{
	struct yt_reply *instead = reply->outcome == YT_UNKNOWN || !was_sent ? instead_of(e, w) : NULL;
	bool adds_up;

	if (instead != NULL && (reply->outcome == YT_UNKNOWN || instead->outcome == YT_DONE))
		reply = instead;
	adds_up = mark_breach(w, reply) == 0;
	written_read(&e->records, e, w, reply);
	cross_keep_facts(&e->records, e, w->id, w->msg, reply);
	engine_submit_records(e, UP_NOTE, w->id);
	if (instead != NULL || !adds_up || !quote_begin(e, w, reply))
		work_give_reply(e, w, reply);
}

/* outcome + answered, or the unknown outcome alone.  Kept until the verdict: a keeper that follows this one may have to
 * be told again.  A late answer changes nothing for its origin here: the keeper decides what it hears. */
static void write_end(struct engine *e, struct call *c)
{
	struct work *w = c->w;
	struct yt_reply *reply = c->reply;
	struct yt_buf *records = c->late ? &e->records : &w->ending;
	struct yt_str octets = yt_buf_view(c->late ? &c->own : &w->reply), body = c->body;
	bool is_one_stop = !c->late && one_stop_may(e, w, reply, c->flags);
	uint64_t follows;

	yt_buf_clear(records);
	if (reply->n_secrets > 0)
		body = secrets_out(e, &w->party->codec, w->id, w->request, w->outward->wire_op, true, w->arena, body);
	written_outcome(records, e, w->id, REC_LEG_MAIN, reply, body, c->flags, c->took_ms);
	if (reply->outcome == YT_UNKNOWN) {
		e->counts.unknown++;
	} else {
		if (reply->n_secrets > 0)
			octets = secrets_out(e, &w->codec, w->id, w->request, w->msg->wire_op, true, w->arena, octets);
		written_answered(records, e, w->id, reply, octets);
		cross_keep_facts(records, e, w->id, w->msg, reply);
		follows = written_follow_up(records, e,
		        &(struct follow_cause){ .id = w->id,
		                .then = w->then == NULL ? NULL : w->then->name,
		                .codec = &w->codec,
		                .listener = w->listener,
		                .trace = w->trace,
		                .request = w->request,
		                .is_one_stop = is_one_stop },
		        w->msg, reply);
		w->claim = is_one_stop ? follows : 0;
		w->quoted = reply;
	}
	if (c->late) {
		engine_submit_records(e, UP_LATE, w->id);
	} else {
		w->told = reply->outcome;
		w->told_text = reply->text;
		w->state = WORK_ENDING;
		work_await(e, w, engine_submit(e, UP_END, w->id, yt_buf_view(&w->ending)));
	}
}

/* The answer in its origin's format first, if there is one. */
static void end_change(struct engine *e, const struct call *leg)
{
	struct work *w = leg->w;
	unsigned flags = (leg->late ? REC_X_LATE : 0) | mark_breach(w, leg->reply);
	struct call c = *leg;

	if (leg->reply->outcome != YT_UNKNOWN)
		c = call_encode_reply(
		        e, &w->codec, w->msg, leg->reply, w->id, w->request, leg->late ? NULL : &w->reply);
	else if (!leg->late)
		yt_buf_clear(&w->reply);
	c.w = w;
	c.body = leg->body;
	c.late = leg->late;
	c.took_ms = leg->took_ms;
	c.flags = flags;
	c.then = write_end;
	if (leg->reply->outcome != YT_UNKNOWN)
		call_begin(e, &c);
	else
		write_end(e, &c);
}

/* A success of the hospital's own 9001 where we sign in for it. */
static void learn_sign_no(struct engine *e, const struct work *w, const struct yt_reply *reply)
{
	const struct engine_institution *institution = e->conf.institution(e->conf.ctx, w->msg->institution);

	if (w->msg->op->id == YT_OP_SIGN_IN && reply->outcome == YT_DONE && institution != NULL &&
	        !institution->signs_in_itself)
		session_keep(e, w->party, w->msg->institution, w->msg->operator_id, reply->sign_no);
}

/* The party does not take the sign_no that we keep for the institution: a query is asked again with the
 * next one, a change is refused (it had no effect), and who asks next has the next one. */
static bool renew_sign_no(struct engine *e, struct work *w, const struct yt_reply *reply)
{
	const struct engine_institution *institution = e->conf.institution(e->conf.ctx, w->msg->institution);

	if (reply->outcome != YT_REFUSED || !reply->session_expired || institution == NULL ||
	        institution->signs_in_itself)
		return false;
	session_died(e, w->party, w->msg->institution, w->msg->operator_id, w->msg->sign_no);
	if (w->msg->op->changes_state || w->asked_twice)
		return false;
	w->asked_twice = true;
	yt_buf_clear(&w->sent);
	if (asking_is_signed(e, w, institution))
		asking_go(e, w);
	return true;
}

/* What came back is read, or what stands for it is there. */
static void leg_read(struct engine *e, struct call *c)
{
	struct work *w = c->w;
	struct yt_reply *reply = c->reply;
	bool changes = w->msg->op->changes_state;

	if (c->end == LEG_ANSWERED && w->outward != w->msg)
		cross_give_back(w->msg, reply);
	if (!changes && reply->outcome == YT_UNKNOWN && c->end != LEG_TIMED_OUT && !c->late && !w->asked_twice) {
		w->asked_twice = true; /* a query has no effect: one lost answer is asked for again at once */
		asking_send(e, w);
		return;
	}
	if (renew_sign_no(e, w, reply))
		return;
	if (!c->late && again_begin(e, w, reply, c->body, c->took_ms))
		return;
	if (w->outward != w->msg)
		again_say(reply, w->trace);
	if (c->late) {
		if (reply->outcome != YT_UNKNOWN)
			end_change(e, c);
	} else if (!changes) {
		end_query(e, w, reply, c->end != LEG_NOT_SENT);
	} else {
		learn_sign_no(e, w, reply);
		end_change(e, c);
	}
}

static void end_leg(struct engine *e, struct work *w, enum engine_leg_end end, int status, struct yt_str body,
        const char *why, bool late)
{
	struct yt_reply *reply = end == LEG_ANSWERED ? yt_reply_new(w->arena) : without_answer(e, w, end, why);
	struct call c;

	YT_REQUIRE(reply != NULL);
	if (call_is_slow(e, &w->party->codec) || call_is_slow(e, &w->codec) ||
	        w->insurer != NULL) { /* the reply borrows */
		body = yt_arena_copy(w->arena, body);
		YT_REQUIRE(body.p != NULL);
	}
	c = call_decode_reply(&w->party->codec, w->outward, w->id, status, body, reply);
	c.w = w;
	c.then = leg_read;
	c.end = end;
	c.late = late;
	c.body = body;
	c.took_ms = engine_mono(e) - w->leg_mono;
	if (!late)
		w->state = WORK_CODING;
	if (end == LEG_ANSWERED)
		call_begin(e, &c);
	else
		leg_read(e, &c);
}

void engine_leg(struct engine *e, uint64_t leg, enum engine_leg_end end, int status, struct yt_str body,
        const char *why, bool late)
{
	uint64_t task_id = leg & ~LEG_OF_TASK;
	struct task *t;
	struct work *w;

	if (leg & LEG_OF_SESSION) {
		session_leg(e, leg, end, status, body);
		return;
	}
	if (leg & LEG_OF_FETCH) {
		if (!late)
			fetch_leg(e, leg, end, status, body, why);
		return;
	}
	if (leg & LEG_OF_TASK) {
		HASH_FIND(hh_id, e->tasks, &task_id, sizeof(task_id), t);
		if (t != NULL && t->state == TASK_OUT && !late)
			task_leg(e, t, end, status, body, why);
		return;
	}
	HASH_FIND(hh_id, e->by_id, &leg, sizeof(leg), w);
	if (w != NULL && w->state == WORK_QUOTE_OUT) {
		if (!late)
			quote_leg(e, w, end, status, body);
		return;
	}
	if (w != NULL && w->call == NULL &&
	        (late ? w->state == WORK_WAITING || w->state == WORK_ENDING : w->state == WORK_OUT))
		end_leg(e, w, end, status, body, why, late);
}
