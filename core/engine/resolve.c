/* core/engine/resolve.c - works one lease off: finds out an unknown outcome, step by step.
 *
 * The keeper hands out an exchange whose outcome is unknown, that must be reversed, or that waits for
 * another (journal/keeper_turn.c, keeper_lease).  One lease is one or more steps, each written down before its
 * leg leaves, and one return:
 *  - task_start()     reads the lease, decodes what the origin had asked          -> decide()
 *  - decide()         query, reversal, resend or park, by the operation's method  -> SIGNING or STEPPING
 *  - task_verdict()   the step is durable: the leg leaves                         STEPPING -> OUT
 *  - task_leg()       what the answer proves                                      OUT -> next step or RETURNING
 *  - task_verdict()   the return is durable: the lease is over                    RETURNING -> freed
 * Rules: nhsa.md 5.2 and 5.3.  "Original not found" proves nothing before the party's longest delay has
 * passed, and a lost cancel is asked for first, since reversing it revives the settlement. */
#include <stdlib.h>
#include <string.h>

#include "base/words.h"
#include "engine/work.h"

void task_free(struct engine *e, struct task *t)
{
	HASH_DELETE(hh_id, e->tasks, t);
	if (t->seq != 0)
		HASH_DELETE(hh_seq, e->tasks_by_seq, t);
	call_free(t->call);
	engine_arena_back(e, t->arena);
	yt_buf_free(&t->octets);
	yt_buf_free(&t->receipt);
	free(t);
}

void task_submit(struct engine *e, struct task *t, enum talk_kind kind, struct yt_str records)
{
	if (t->seq != 0)
		HASH_DELETE(hh_seq, e->tasks_by_seq, t);
	t->state = kind == UP_STEP ? TASK_STEPPING : TASK_RETURNING;
	t->seq = engine_submit(e, kind, t->id, records);
	HASH_ADD(hh_seq, e->tasks_by_seq, seq, sizeof(t->seq), t);
	one_stop_go_on(e, t);
}

/* -- how a lease ends --------------------------------------------------------------------------- */

/* Gives the lease back with all that was written on the way. */
void task_give_back(struct engine *e, struct task *t)
{
	YT_REQUIRE(!t->receipt.failed);
	task_submit(e, t, UP_RETURN, yt_buf_view(&t->receipt));
}

/* is_try: nothing else written under this lease makes the next pause longer. */
static void give_back_due(struct engine *e, struct task *t, int64_t in_ms, const char *reason, bool is_try)
{
	size_t at = rec_begin(&t->receipt, REC_DUE, 0, t->id, engine_wall(e));

	rec_i64(&t->receipt, REC_T_DUE, engine_wall(e) + in_ms);
	rec_str(&t->receipt, REC_T_REASON, yt_str(reason));
	if (is_try)
		rec_u32(&t->receipt, REC_T_ATTEMPT, 1);
	rec_end(&t->receipt, at);
	task_give_back(e, t);
}

static int64_t elapsed(const struct engine *e, const struct task *t)
{
	return t->elapsed_ms + engine_mono(e) - t->begun_mono;
}

/* How long nothing has been sent that may still take effect: the lost call, or its repetition. */
static int64_t quiet(const struct engine *e, const struct task *t)
{
	return t->quiet_ms + engine_mono(e) - t->begun_mono;
}

/* How long a lost call may still take effect, from when its outcome became unknown. */
static int64_t longest_delay(const struct task *t)
{
	return t->party->late_ms + t->party->server_delay_ms;
}

/* By when its leg left: the answer may have been on its way, or with a slow codec, while the lost call took effect. */
bool task_is_settled(const struct task *t)
{
	return t->quiet_ms + t->leg_mono - t->begun_mono >= longest_delay(t);
}

void task_park(struct engine *e, struct task *t, const char *reason)
{
	written_parked(&t->receipt, e, t->id, reason);
	yt_log(YT_ERROR, "engine", "exchange %016llx parked: %s", (unsigned long long)t->id, reason);
	task_give_back(e, t);
}

int64_t task_pause(struct engine *e, const struct task *t)
{
	unsigned shift = t->x.attempts < 10 ? t->x.attempts : 10;
	bool follows = task_is_follow_up(t);
	int64_t pause = e->conf.retry_ms << shift,
	        most = follows ? e->conf.follow_up_retry_max_ms : e->conf.retry_max_ms;
	uint8_t jitter;

	if (elapsed(e, t) >= (follows ? e->conf.follow_up_park_after_ms : e->conf.park_after_ms))
		return -1;
	e->world.random(e->world.ctx, &jitter, sizeof(jitter));
	if (pause > most)
		pause = most;
	return pause - pause / 4 + pause * jitter / 512;
}

static void try_later(struct engine *e, struct task *t, const char *reason, bool is_try)
{
	int64_t pause = task_pause(e, t);

	if (pause < 0)
		task_park(e, t, reason);
	else
		give_back_due(e, t, pause, reason, is_try);
}

/* Not found out this time: again after a growing pause with jitter, and in the end an operator's. */
void task_try_later(struct engine *e, struct task *t, const char *reason)
{
	try_later(e, t, reason, task_is_follow_up(t) && t->receipt.n == 0);
}

void task_still_waits(struct engine *e, struct task *t, const char *reason)
{
	try_later(e, t, reason, strcmp(t->x.reason, reason) == 0);
}

/* Nothing is wrong: it goes on under another lease. */
void task_go_on_in(struct engine *e, struct task *t, int64_t in_ms, const char *reason)
{
	give_back_due(e, t, in_ms > 0 ? in_ms : 1, reason, false);
}

/* Too early to prove anything: again when the party's longest delay has passed. */
void task_wait_until_settled(struct engine *e, struct task *t, const char *reason)
{
	int64_t in = longest_delay(t) - quiet(e, t);

	give_back_due(e, t, in > 0 ? in : 1, reason, false);
}

static void answered(struct engine *e, struct call *c)
{
	struct task *t = c->t;

	written_found_out(&t->receipt, e, t->id, c->reply, c->flags, yt_buf_view(&c->own));
	if (c->reply->outcome == YT_DONE && t->run == NULL && t->x.joins == 0 && !t->x.must_answer)
		cross_keep_facts(&t->receipt, e, t->id, t->original, c->reply);
	written_follow_up(&t->receipt, e,
	        &(struct follow_cause){ .id = t->id,
	                .then = t->x.then,
	                .codec = &t->codec,
	                .listener = t->x.listener,
	                .trace = t->x.trace,
	                .request = t->request },
	        t->original, c->reply);
	task_give_back(e, t);
}

/* The last of a lease: its answer in the origin's format, and back. */
static void answer(struct engine *e, struct task *t, struct yt_reply *reply)
{
	struct call c;
	unsigned flags;

	if (t->outward != NULL && t->outward != t->original)
		cross_give_back(t->original, reply);
	if (task_is_follow_up(t)) { /* nobody waits for it */
		written_found_out(&t->receipt, e, t->id, reply, 0, (struct yt_str){ 0 });
		task_give_back(e, t);
		return;
	}
	flags = engine_mark_breach(
	        &(struct breach_of){ t->id, t->x.party, t->original->op, t->x.trace }, t->arena, reply);
	c = call_encode_reply(e, &t->codec, t->original, reply, t->id, t->request, NULL);
	c.t = t;
	c.flags = flags;
	c.then = answered;
	call_begin(e, &c);
}

bool task_is_follow_up(const struct task *t)
{
	return (t->x.flags & REC_X_FOLLOW_UP) != 0;
}

static void write_end(struct engine *e, struct task *t, enum rec_type type, const char *result, const char *evidence)
{
	size_t at = rec_begin(&t->receipt, type, 0, t->id, engine_wall(e));

	rec_str(&t->receipt, REC_T_RESULT, yt_str(result));
	rec_str(&t->receipt, REC_T_REASON, yt_str(evidence));
	if (strcmp(result, "done") == 0 && task_is_follow_up(t))
		flow_write_who_paid(t);
	rec_end(&t->receipt, at);
}

void task_resolve_done(struct engine *e, struct task *t, struct yt_reply *reply, const char *evidence)
{
	reply->outcome = YT_DONE;
	write_end(e, t, REC_RESOLVED, "done", evidence);
	answer(e, t, reply);
}

void task_resolve_claimed_back(struct engine *e, struct task *t, struct yt_reply *reply)
{
	reply->outcome = YT_DONE;
	write_end(e, t, REC_RESOLVED, "claimed back", N_("it was paid, and stays so: the money is asked back"));
	answer(e, t, reply);
}

void task_resolve_refused(struct engine *e, struct task *t, struct yt_reply *reply, const char *evidence)
{
	write_end(e, t, REC_RESOLVED, "refused", evidence);
	answer(e, t, reply);
}

/* Under its number it may come again, as the answer says. */
void task_resolve_forsaken(struct engine *e, struct task *t)
{
	struct yt_reply *reply = engine_refusal(t->arena, TEXT_NOT_ACCEPTED, (struct yt_str){ 0 }, t->x.trace);

	write_end(e, t, REC_RESOLVED, "forsaken", "nothing had left, and its origin does not wait any more");
	answer(e, t, reply);
}

static enum text_id text_of_undone(const struct task *t)
{
	switch (t->original->op->id) {
	case YT_OP_OUTPATIENT_SETTLE_CANCEL:
	case YT_OP_INPATIENT_SETTLE_CANCEL:
	case YT_OP_PHARMACY_SETTLE_CANCEL:
		return TEXT_CANCEL_FAILED;
	case YT_OP_OUTPATIENT_SETTLE:
	case YT_OP_INPATIENT_SETTLE:
	case YT_OP_PHARMACY_SETTLE:
		return TEXT_REVERSED;
	default:
		return TEXT_NOT_DONE;
	}
}

/* Its effect is proved undone; only now may its origin hear so. */
void task_resolve_reversed(struct engine *e, struct task *t, const char *evidence)
{
	write_end(e, t, REC_REVERSED, "reversed", evidence);
	answer(e, t, engine_refusal(t->arena, text_of_undone(t), (struct yt_str){ 0 }, t->x.trace));
}

void task_answer(struct engine *e, struct task *t, struct yt_reply *reply)
{
	answer(e, t, reply);
}

/* An operator has decided a parked exchange: its origin, and whoever asks again, hears so. */
void task_answer_decided(struct engine *e, struct task *t)
{
	struct yt_reply *reply;

	if (t->x.state == X_DONE) {
		reply = yt_reply_new(t->arena);
		YT_REQUIRE(reply != NULL);
		reply->outcome = YT_DONE;
		reply->code = YT_STR("0");
		reply->head = yt_node_new(t->arena, YT_OBJECT);
		yt_node_set_text(t->arena, reply->head, "warn_msg",
		        text_make(t->arena, TEXT_DECIDED, (struct yt_str){ 0 }, t->x.trace));
	} else {
		reply = engine_refusal(t->arena, t->x.state == X_REVERSED ? text_of_undone(t) : TEXT_NOT_DONE,
		        (struct yt_str){ 0 }, t->x.trace);
	}
	answer(e, t, reply);
}

/* -- steps -------------------------------------------------------------------------------------- */

static const struct engine_institution *institution_of(struct engine *e, const struct task *t)
{
	return e->conf.institution(e->conf.ctx, t->original->institution);
}

/* A message of ours in the institution's name, by our own operator. */
static int fill_own(struct engine *e, struct task *t)
{
	const struct engine_institution *institution = institution_of(e, t);
	struct yt_msg *own = yt_msg_new(t->arena);
	const struct yt_codec_api *api = t->party->codec.api;
	char now[20];
	int rv = YT_ENOTFOUND;

	if (own == NULL || institution == NULL)
		return YT_ENOTFOUND;
	engine_box(e, &t->party->codec, t->leg == REC_LEG_QUERY ? "query_for" : "reversal_of", t->id, t->request);
	if (t->leg == REC_LEG_QUERY && api->query_for != NULL)
		rv = api->query_for(t->party->codec.plugin, t->outward, own);
	else if (t->leg == REC_LEG_REVERSAL && api->reversal_of != NULL)
		rv = api->reversal_of(t->party->codec.plugin, t->outward, own);
	engine_unbox(e);
	if (rv != 0)
		return rv;
	YT_REQUIRE(t->used < NUMBERS_OF_LEASE);
	cross_number(e, own, t->party, t->id, t->request, t->original->institution, t->second, t->serial + t->used++);
	own->operator_id = yt_str(institution->operator_id);
	own->operator_name = yt_str(institution->operator_name);
	own->sign_no = yt_arena_copy(t->arena, yt_str(t->sign_no));
	yt_time_print(engine_wall(e), now);
	own->time = yt_arena_copy(t->arena, yt_str(now));
	t->own = own;
	return 0;
}

static void write_step(struct engine *e, struct task *t)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_SENDING, 0, t->id, engine_wall(e));

	rec_u8(&buf, REC_T_LEG, (uint8_t)t->leg);
	rec_str(&buf, REC_T_PARTY, yt_str(t->party->name));
	rec_str(&buf, REC_T_NUMBER, cross_wire_number(t->own));
	if (t->leg != REC_LEG_RESEND || t->octets_expired) /* else the same octets, kept already */
		rec_str(&buf, REC_T_SENT, yt_buf_view(&t->octets));
	rec_end(&buf, at);
	task_submit(e, t, UP_STEP, yt_buf_view(&buf));
	yt_buf_free(&buf);
}

/* The original once more, the same but for its sign_no, which the party does not take any more.  Where the
 * institution signs in itself, its own sign_no is gone for good: our operator stands in. */
static int fill_again(struct engine *e, struct task *t)
{
	const struct engine_institution *institution = institution_of(e, t);

	t->own = t->original;
	t->used++;
	t->own->sign_no = yt_arena_copy(t->arena, yt_str(t->sign_no));
	if (institution->signs_in_itself) {
		t->own->operator_id = yt_str(institution->operator_id);
		t->own->operator_name = yt_str(institution->operator_name);
	}
	return 0;
}

/* Who signs a message of this lease: our operator, or the one for whom we sign in anyway. */
static struct yt_str operator_of(struct engine *e, const struct task *t)
{
	const struct engine_institution *institution = institution_of(e, t);

	return t->leg == REC_LEG_RESEND && !institution->signs_in_itself ? t->original->operator_id
	                                                                 : yt_str(institution->operator_id);
}

/* Its credential was not kept, so it cannot be sent again: where a query has proved it absent, it never happened. */
static void lacks_secret(struct engine *e, struct task *t)
{
	if (t->method == YT_RESOLVE_QUERY)
		task_resolve_refused(e, t, engine_refusal(t->arena, TEXT_NOT_DONE, (struct yt_str){ 0 }, t->x.trace),
		        "it never took effect, and the credential it carried is not kept");
	else
		task_park(e, t, "it carried a credential that is not kept: it cannot be sent again");
}

/* Another's message that was passed on as it came, where every answer is kept by number: its party knows nothing of it
 * under our name, and gives its answer to the same octets again. */
static bool is_passed_on(const struct task *t)
{
	return t->method == YT_RESOLVE_ADOPT && t->outward == t->original && yt_str_eq(t->sent, t->request);
}

static void encoded(struct engine *e, struct call *c)
{
	if (c->rv != 0)
		task_park(e, c->t, "our own message cannot be written");
	else
		write_step(e, c->t);
}

bool task_is_stopped(struct engine *e, struct task *t)
{
	if (!engine_is_stopped(e, t->party))
		return false;
	task_go_on_in(e, t, task_is_follow_up(t) ? e->conf.follow_up_retry_max_ms : e->conf.retry_max_ms,
	        EXCHANGE_WHY_STOPPED);
	return true;
}

/* Writes the step down; its leg leaves when that is durable. */
static void step(struct engine *e, struct task *t, enum rec_leg leg)
{
	const char *sign_no;
	struct call c;

	if (task_is_stopped(e, t))
		return;
	if (leg == REC_LEG_QUERY && is_passed_on(t))
		leg = REC_LEG_RESEND;
	t->leg = leg;
	yt_buf_clear(&t->octets);
	if (leg == REC_LEG_RESEND && (t->x.flags & REC_X_SECRET) != 0) {
		lacks_secret(e, t);
		return;
	}
	if (leg == REC_LEG_RESEND && !t->octets_expired) {
		if (t->sent.n == 0) { /* what its origin had asked is not what the party got */
			task_try_later(e, t, "what was sent cannot be read back");
			return;
		}
		t->own = t->outward;
		yt_buf_str(&t->octets, t->sent);
		write_step(e, t);
		return;
	}
	if (t->used >= NUMBERS_OF_LEASE || institution_of(e, t) == NULL) {
		task_try_later(e, t,
		        t->used >= NUMBERS_OF_LEASE ? "signed in twice in vain"
		                                    : "the institution is not configured any more");
		return;
	}
	sign_no = t->party->codec.api->sign_in_for == NULL
	                  ? ""
	                  : session_get(e, t->party, t->original->institution, operator_of(e, t),
	                            t->sign_no_died ? t->sign_no : NULL, &t->signing);
	if (sign_no == NULL) {
		t->state = TASK_SIGNING;
		return;
	}
	t->sign_no_died = false;
	memcpy(t->sign_no, sign_no, strlen(sign_no) + 1);
	if ((leg == REC_LEG_RESEND ? fill_again(e, t) : fill_own(e, t)) != 0) {
		task_park(e, t, "no machine can find out or undo this");
		return;
	}
	c = call_encode_request(&t->party->codec, t->own, t->id, t->request, &t->octets);
	c.t = t;
	c.then = encoded;
	call_begin(e, &c);
}

void task_go_on(struct engine *e, struct task *t, bool signed_in)
{
	if (t->run != NULL)
		flow_signed(e, t, signed_in);
	else if (signed_in)
		step(e, t, t->leg);
	else
		task_try_later(e, t, "could not sign in");
}

/* -- what to do --------------------------------------------------------------------------------- */

static bool can_undo(const struct task *t)
{
	return t->x.joins == 0 && (t->method == YT_RESOLVE_REVERSE || t->method == YT_RESOLVE_QUERY_REVERSE ||
	                                  t->method == YT_RESOLVE_ADOPT);
}

static bool must_undo(const struct task *t)
{
	if (!can_undo(t))
		return false;
	return t->method == YT_RESOLVE_REVERSE || t->x.reversal_wanted || t->x.state == X_DONE ||
	       t->x.state == X_REVERSING;
}

/* The origin's own reversal joined another exchange, which has ended: its end is the answer. */
static void answer_joined(struct engine *e, struct task *t)
{
	struct yt_reply *reply = yt_reply_new(t->arena);

	YT_REQUIRE(reply != NULL);
	if (yt_str_is(t->result, "done")) {
		task_resolve_refused(e, t, engine_refusal(t->arena, TEXT_NOT_DONE, (struct yt_str){ 0 }, t->x.trace),
		        "its target stands");
		return;
	}
	reply->code = YT_STR("0");
	task_resolve_done(e, t, reply, "its target was reversed or never took effect");
}

/* Its origin sent a reversal for what no reversal undoes (fee lines, another reversal): it stands, and that
 * is the answer to the reversal. */
void task_refuse_reversal(struct engine *e, struct task *t)
{
	write_end(e, t, REC_JOINED, "refused", "this cannot be reversed");
	task_give_back(e, t);
}

static void decide(struct engine *e, struct task *t)
{
	if (t->x.must_answer) {
		pay_note_decided(e, t);
		account_note_decided(e, t);
		task_answer_decided(e, t);
	} else if (t->x.state == X_DONE && t->x.reversal_wanted && !can_undo(t))
		task_refuse_reversal(e, t);
	else if (t->x.joins != 0)
		answer_joined(e, t);
	else if (must_undo(t))
		step(e, t, REC_LEG_REVERSAL);
	else if (t->method == YT_RESOLVE_QUERY || t->method == YT_RESOLVE_QUERY_REVERSE ||
	         t->method == YT_RESOLVE_ADOPT)
		step(e, t, REC_LEG_QUERY);
	else if (t->method == YT_RESOLVE_RESEND)
		step(e, t, REC_LEG_RESEND);
	else
		task_park(e, t, "no machine can find out what became of it");
}

/* What it came to is decided, but nobody can read what was asked, so no answer can be made of it: whoever asks again
 * hears nothing. */
static void end_untold(struct engine *e, struct task *t)
{
	struct yt_reply none = { .outcome = t->x.state == X_DONE ? YT_DONE : YT_REFUSED };

	yt_log(YT_ERROR, "engine", "exchange %016llx ends without an answer: its request cannot be read back",
	        (unsigned long long)t->id);
	written_answered(&t->receipt, e, t->id, &none, (struct yt_str){ 0 });
	task_give_back(e, t);
}

static void cannot_be_read(struct engine *e, struct task *t)
{
	if (t->x.must_answer)
		end_untold(e, t);
	else
		task_park(e, t, "its request cannot be read back, or its party or listener is not configured any more");
}

static bool goes_by_flow(const struct task *t)
{
	return t->x.flow[0] != 0 && t->x.joins == 0 && (!t->x.must_answer || t->x.state == X_DONE);
}

/* All that its party was asked is known again. */
static void begin(struct engine *e, struct task *t, struct yt_msg *outward)
{
	const struct yt_wire_op *op;

	t->outward = outward;
	t->outward->sent = t->sent;
	t->outward->op = t->original->op; /* out- and in-patients may share the number it has there */
	op = codec_wire_op(&t->party->codec, t->outward->wire_op);
	t->method = op != NULL ? op->resolve : YT_RESOLVE_PARK;
	decide(e, t);
}

static void outward_read(struct engine *e, struct call *c)
{
	struct yt_msg *outward = cross_was_read(c);

	if (outward != NULL)
		begin(e, c->t, outward);
	else if (c->t->x.must_answer) /* what it came to is said without */
		decide(e, c->t);
	else
		cannot_be_read(e, c->t);
}

static void original_read(struct engine *e, struct call *c)
{
	struct task *t = c->t;

	if (c->rv != 0)
		cannot_be_read(e, t);
	else if (goes_by_flow(t))
		flow_start(e, t);
	else if (t->party == NULL || t->x.flow[0] != 0)
		decide(e, t);
	else if (cross_is_foreign(&t->codec, t->party))
		cross_read_back(e, t, t->party, t->sent, 0, outward_read);
	else
		begin(e, t, t->original);
}

static void read_original(struct engine *e, struct task *t, const struct rec *lease)
{
	const struct engine_codec *codec = e->conf.listener(e->conf.ctx, t->x.listener);
	struct yt_str sent = yt_arena_copy(t->arena, rec_get(lease, REC_T_SENT));
	struct call c;

	t->request = yt_arena_copy(t->arena, rec_get(lease, REC_T_REQUEST));
	t->party = e->conf.party(e->conf.ctx, t->x.party);
	if (codec == NULL || (t->party == NULL && t->x.joins == 0 && t->x.flow[0] == 0) || t->request.n == 0) {
		cannot_be_read(e, t);
		return;
	}
	t->codec = *codec;
	t->sent = sent.n != 0 || rec_get(lease, REC_T_REASON).n != 0 ? sent
	                                                             : t->request; /* equal octets are stored once */
	t->original->wire_op = yt_str(t->x.wire_op); /* its path, which may have said so, is not kept */
	if (goes_by_flow(t))
		flow_take(e, t, lease);
	c = call_decode_request(codec, t->original, t->id, t->request);
	c.t = t;
	c.then = original_read;
	call_begin(e, &c);
}

void task_start(struct engine *e, const struct talk *talk)
{
	struct yt_str state;
	struct task *t;
	struct rec lease;
	size_t used;

	HASH_FIND(hh_id, e->tasks, &talk->exchange, sizeof(talk->exchange), t);
	if (t != NULL || rec_read(talk->payload, &lease, &used) != 0)
		return;
	state = rec_get(&lease, REC_T_STATE);
	t = calloc(1, sizeof(*t));
	YT_REQUIRE(t != NULL && state.n == sizeof(t->x));
	memcpy(&t->x, state.p, state.n);
	t->id = talk->exchange;
	t->arena = engine_arena(e);
	t->original = yt_msg_new(t->arena);
	YT_REQUIRE(t->original != NULL);
	t->begun_mono = engine_mono(e);
	t->second = rec_get_i64(&lease, REC_T_SECOND);
	t->serial = (uint32_t)rec_get_u64(&lease, REC_T_SERIAL);
	t->elapsed_ms = (int64_t)rec_get_u64(&lease, REC_T_ELAPSED);
	t->quiet_ms = (int64_t)rec_get_u64(&lease, REC_T_QUIET);
	t->result = yt_arena_copy(t->arena, rec_get(&lease, REC_T_RESULT));
	HASH_ADD(hh_id, e->tasks, id, sizeof(t->id), t);
	if (e->world.quarantined(e->world.ctx, rec_get(&lease, REC_T_REQUEST)))
		task_park(e, t, "its octets killed a worker a while ago");
	else
		read_original(e, t, &lease);
}

/* -- what came back ----------------------------------------------------------------------------- */

static void after_reversal(struct engine *e, struct task *t, const struct yt_reply *reply)
{
	if (reply->outcome == YT_DONE)
		task_resolve_reversed(e, t, "reversal confirmed");
	else if (reply->outcome == YT_REFUSED && reply->never_happened && (task_is_settled(t) || t->x.answered))
		task_resolve_reversed(e, t, "original not found after the longest delay");
	else if (reply->outcome == YT_REFUSED && reply->never_happened)
		task_wait_until_settled(e, t, "original not found yet");
	else
		task_try_later(e, t,
		        reply->outcome == YT_REFUSED ? "the reversal was refused"
		                                     : "the reversal's outcome is unknown");
}

/* Its party keeps every answer and says whether a message can still take effect (crossprovince.md 5.2, U3): what it got
 * is what it came to.  As long as nobody says, it is undone once no lost call can take effect any more. */
static void adopt(struct engine *e, struct task *t, enum yt_judgement judgement, struct yt_reply *adopted)
{
	if (judgement == YT_FOUND && adopted->outcome == YT_DONE)
		task_resolve_done(e, t, adopted, "its answer was fetched");
	else if (judgement == YT_FOUND)
		task_resolve_refused(e, t, adopted, "its refusal was fetched");
	else if (judgement == YT_ABSENT)
		task_resolve_refused(e, t, engine_refusal(t->arena, TEXT_NOT_DONE, (struct yt_str){ 0 }, t->x.trace),
		        "its party never saw it and will not execute it");
	else if (task_is_settled(t))
		step(e, t, REC_LEG_REVERSAL);
	else
		task_try_later(e, t, "the query proved nothing");
}

static void after_query(struct engine *e, struct task *t, const struct yt_reply *reply)
{
	struct yt_reply *adopted = yt_reply_new(t->arena);
	enum yt_judgement judgement = YT_UNSURE;

	YT_REQUIRE(adopted != NULL);
	engine_box(e, &t->party->codec, "judge", t->id, t->request);
	if (reply->outcome != YT_UNKNOWN && t->party->codec.api->judge != NULL)
		judgement = t->party->codec.api->judge(t->party->codec.plugin, t->outward, reply, adopted);
	engine_unbox(e);
	if (t->method == YT_RESOLVE_ADOPT)
		adopt(e, t, judgement, adopted);
	else if (judgement == YT_FOUND)
		task_resolve_done(e, t, adopted, "found by query");
	else if (judgement == YT_UNSURE)
		task_try_later(e, t, "the query proved nothing");
	else if (!task_is_settled(t))
		task_wait_until_settled(e, t, "not found yet");
	else
		step(e, t, t->method == YT_RESOLVE_QUERY_REVERSE ? REC_LEG_REVERSAL : REC_LEG_RESEND);
}

/* Refused, since the first try had done all that there is to do. */
static bool had_been_done(const struct task *t, const struct yt_reply *reply)
{
	return reply->outcome == YT_REFUSED &&
	       (reply->already_done || (t->original->op->id == YT_OP_REVERSE && reply->never_happened) ||
	               (t->original->op->id == YT_OP_SIGN_OUT && reply->session_expired));
}

/* Only a refusal by what the message is about is the first try's as well: one on its way says nothing of it. */
static void after_resend(struct engine *e, struct task *t, struct yt_reply *reply)
{
	if (reply->outcome == YT_DONE)
		task_resolve_done(e, t, reply, "sent again");
	else if (had_been_done(t, reply))
		task_resolve_done(e, t, reply, "it had been done");
	else if (reply->outcome == YT_REFUSED && reply->at_gateway)
		task_try_later(e, t, "sent again, refused on its way");
	else if (reply->outcome == YT_REFUSED)
		task_resolve_refused(e, t, reply, "sent again and refused");
	else
		task_try_later(e, t, "sent again, its outcome is unknown");
}

/* The party does not take the sign_no any more: the same leg goes out with another one. */
static void note_dead_sign_no(struct task *t, const struct yt_reply *reply)
{
	t->sign_no_died = reply->outcome == YT_REFUSED && reply->session_expired &&
	                  (t->leg != REC_LEG_RESEND || !had_been_done(t, reply));
	if (t->sign_no_died && t->leg == REC_LEG_RESEND && !t->octets_expired) {
		t->octets_expired = true;
		if (t->original->sign_no.n < sizeof(t->sign_no) && t->original->sign_no.n != 0) {
			memcpy(t->sign_no, t->original->sign_no.p, t->original->sign_no.n); /* that is the dead one */
			t->sign_no[t->original->sign_no.n] = 0;
		}
	}
}

static void leg_read(struct engine *e, struct call *c)
{
	struct task *t = c->t;

	if (t->run != NULL) {
		flow_leg(e, t, c->end, c->reply, c->body);
		return;
	}
	written_outcome(&t->receipt, e, t->id, t->leg, c->reply, c->body, 0, c->took_ms);
	note_dead_sign_no(t, c->reply);
	if (t->sign_no_died)
		step(e, t, t->leg); /* with a new sign_no: session_get() hears which one is dead */
	else if (t->leg == REC_LEG_REVERSAL)
		after_reversal(e, t, c->reply);
	else if (t->leg == REC_LEG_QUERY)
		after_query(e, t, c->reply);
	else
		after_resend(e, t, c->reply);
}

void task_leg(
        struct engine *e, struct task *t, enum engine_leg_end end, int status, struct yt_str body, const char *why)
{
	struct yt_reply *reply = yt_reply_new(t->arena);
	struct call c;

	YT_REQUIRE(reply != NULL);
	/* A later step is made of it, or another thread reads it, and what is made of it borrows these octets. */
	if (body.n != 0 && (t->run != NULL || call_is_slow(e, &t->party->codec) || call_is_slow(e, &t->codec))) {
		body = yt_arena_copy(t->arena, body);
		YT_REQUIRE(body.p != NULL);
	}
	c = call_decode_reply(&t->party->codec, t->own, t->id, status, body, reply);
	c.t = t;
	c.then = leg_read;
	c.end = end;
	c.body = end == LEG_ANSWERED && status == YT_FILE_HANDED_OVER ? YT_STR(FLOW_HANDED_OVER) : body;
	c.took_ms = engine_mono(e) - t->leg_mono;
	if (end == LEG_ANSWERED) {
		call_begin(e, &c);
		return;
	}
	reply->outcome = YT_UNKNOWN;
	reply->text = yt_arena_copy(t->arena, yt_str(why));
	leg_read(e, &c);
}

void task_verdict(struct engine *e, struct task *t, const struct talk *talk)
{
	if (talk->kind == DOWN_MOOT || t->state == TASK_RETURNING) {
		task_free(e, t);
		return;
	}
	if (talk->kind == DOWN_FACTS && t->state == TASK_FACTS) {
		flow_facts(e, t, talk);
		return;
	}
	if (talk->kind != DOWN_DURABLE || t->state != TASK_STEPPING || notice_go_on(e, t))
		return;
	t->state = TASK_OUT;
	t->leg_mono = engine_mono(e);
	if (t->own->sent.n == 0)
		t->own->sent = yt_arena_copy(t->arena, yt_buf_view(&t->octets));
	if (strlen(t->x.trace) == 8)
		trace_parent("", t->x.trace, e->traceparent);
	engine_send(e, t->party, LEG_OF_TASK | t->id, t->id, t->request, t->own->wire_op, yt_buf_view(&t->octets),
	        engine_mono(e) + (t->leg == REC_LEG_QUERY ? t->party->query_timeout_ms : t->party->change_timeout_ms));
	e->traceparent[0] = '\0';
}

void tasks_again(struct engine *e)
{
	struct task *t, *next;

	HASH_ITER(hh_id, e->tasks, t, next)
	{
		if (t->state == TASK_RETURNING) { /* what it returns is on the disk, or on the ring before this */
			task_free(e, t);
			continue;
		}
		engine_submit(e, UP_HELD, t->id, (struct yt_str){ 0 });
		if (t->state == TASK_STEPPING && notice_say_again(e, t))
			continue;
		if (t->state == TASK_STEPPING && t->run != NULL)
			flow_write_step(e, t);
		else if (t->state == TASK_STEPPING)
			write_step(e, t);
		else if (t->state == TASK_FACTS)
			flow_ask_facts(e, t);
	}
}
