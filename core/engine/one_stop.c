/* core/engine/one_stop.c - what a commercial insurer pays, beside the answer to a settlement (一站式结算).
 *
 * A route may name an insurer that decides at once and pays the institution (`one_stop`).  The platform's answer is
 * kept before anything of this begins, and its amounts are never touched; the claim is the follow-up that the route's
 * `then` makes anyway, with its number, its records and its undoing:
 *  - one_stop_may()    leg.c, before that answer is written down: the follow-up is marked, so that the keeper
 *                      leases it at once, and to this worker
 *  - one_stop_wait()   the answer is durable                                                -> CLAIMED
 *  - one_stop_heard()  the lease (flow.c) has the claim's answer: a decision is put beside the platform's amounts
 *  - one_stop_go_on()  the lease has said so to the keeper, or goes back without one        CLAIMED -> AMENDING
 *  - DOWN_DURABLE      the answer with the insurer's part is the one that is kept           AMENDING -> FLUSHING
 * Without a decision in time, and whatever goes wrong, the origin hears the answer that is kept (P6), and the claim
 * goes on as any follow-up.  The keeper takes the amended answer only as long as nobody can have heard the one before,
 * so all who ever ask hear the same. */
#include "engine/work.h"

bool one_stop_may(struct engine *e, struct work *w, const struct yt_reply *answer, unsigned flags)
{
	if (w->insurer == NULL || w->then == NULL || !w->msg->op->is_settlement || w->token == 0)
		return false;
	if (answer->outcome != YT_DONE || answer->settlement.n == 0 || (flags & REC_X_MONEY_BREACH) != 0)
		return false;
	w->quote_until = engine_mono(e) + w->insurer->quote_timeout_ms;
	if (w->quote_until > w->hold_until)
		w->quote_until = w->hold_until;
	if (quote_is_open(e, w->insurer))
		return true;
	e->counts.one_stops_missed++;
	return false;
}

/* The answer as it is kept. */
static void give(struct engine *e, struct work *w)
{
	w->claim = 0;
	w->follows = w->id;
	w->is_final = true;
	work_give(e, w, yt_buf_view(&w->reply));
}

static void give_without(struct engine *e, struct work *w)
{
	e->counts.one_stops_missed++;
	give(e, w);
}

bool one_stop_wait(struct engine *e, struct work *w)
{
	if (w->claim == 0)
		return false;
	if (w->token == 0 || engine_mono(e) >= w->quote_until) {
		give_without(e, w);
		return true;
	}
	e->counts.one_stops++;
	w->state = WORK_CLAIMED;
	return true;
}

/* The settlement whose origin waits for this claim, here; few wait, so that nothing else finds them. */
static struct work *waiting_for(const struct engine *e, const struct task *t)
{
	struct work *w = (t->x.flags & REC_X_ONE_STOP) != 0 ? e->by_id : NULL;

	while (w != NULL && (w->state != WORK_CLAIMED || w->claim != t->id))
		w = w->hh_id.next;
	return w;
}

bool one_stop_is_awaited(const struct engine *e, const struct task *t)
{
	return waiting_for(e, t) != NULL;
}

/* Only what is decided, and goes to the institution, may make less what that collects.  What we are to pay ourselves
 * goes to the person's account. */
static bool is_decided(const struct yt_node *claim)
{
	struct yt_str state = yt_node_text(claim, "claim_state");

	return (yt_str_is(state, "ADJUDICATED") || yt_str_is(state, "PAID")) &&
	       yt_str_is(yt_node_text(claim, "pay_to"), "INSTITUTION") &&
	       !yt_str_is(yt_node_text(claim, "pay_by"), "GATEWAY");
}

void one_stop_heard(struct engine *e, const struct task *t, const struct yt_reply *reply)
{
	static const char *const members[] = { "claim_no", "payable_amt", "pay_to" };
	struct work *w = waiting_for(e, t);
	const struct yt_node *claim = yt_node_get(reply->body, "data");

	if (w == NULL || w->insurer != t->party)
		return;
	w->claim_is_heard = reply->outcome != YT_UNKNOWN && !reply->may_retry;
	quote_note(e, w->insurer, w->claim_is_heard);
	w->claim_is_shown = reply->outcome == YT_DONE && is_decided(claim) &&
	                    quote_show(w, claim, members, sizeof(members) / sizeof(members[0]));
}

static void amended(struct engine *e, struct call *c)
{
	struct work *w = c->w;
	struct yt_str octets = yt_buf_view(&c->own);
	size_t at;

	if (octets.n == 0) {
		give_without(e, w);
		return;
	}
	yt_buf_clear(&w->reply);
	yt_buf_str(&w->reply, octets);
	if (w->quoted->n_secrets > 0)
		octets = secrets_out(e, &w->codec, w->id, w->request, w->msg->wire_op, true, w->arena, octets);
	yt_buf_clear(&w->ending);
	at = rec_begin(&w->ending, REC_ANSWERED, 0, w->id, engine_wall(e));
	rec_u8(&w->ending, REC_T_OUTCOME, YT_DONE);
	rec_u32(&w->ending, REC_T_FLAGS, REC_X_AMENDED);
	rec_str(&w->ending, REC_T_REPLY, octets);
	rec_end(&w->ending, at);
	w->state = WORK_AMENDING;
	work_await(e, w, engine_submit(e, UP_AMEND, w->id, yt_buf_view(&w->ending)));
}

void one_stop_go_on(struct engine *e, const struct task *t)
{
	struct work *w = waiting_for(e, t);
	struct call c;

	if (w == NULL || (!w->claim_is_heard && t->state != TASK_RETURNING))
		return;
	if (!w->claim_is_shown) {
		give_without(e, w);
		return;
	}
	c = call_encode_reply(e, &w->codec, w->msg, w->quoted, w->id, w->request, NULL);
	c.w = w;
	c.then = amended;
	w->state = WORK_CODING;
	call_begin(e, &c);
}

/* An insurer that has not answered a claim in time would not answer the next one either. */
void one_stop_tick(struct engine *e, struct work *w)
{
	struct task *t;

	if (engine_mono(e) < w->quote_until)
		return;
	HASH_FIND(hh_id, e->tasks, &w->claim, sizeof(w->claim), t);
	if (t != NULL && t->state == TASK_OUT)
		quote_note(e, w->insurer, false);
	give_without(e, w);
}
