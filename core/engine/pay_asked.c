/* core/engine/pay_asked.c - what became of an agency's payout: kept when it ends, told when its agency asks.
 *
 *   flow.c, resolve.c  -> pay_note_taken(), _end(), _decided()  a piece of facts under the payout's own number, and of
 *                                                               a list under that of the list
 *   asking.c route()   -> cross.c -> pay_ask()                  the keeper is asked for them; of one order also how
 *                                                               its exchange stands, which is what `yitong show` has
 *   DOWN_FACTS         -> cross.c -> pay_tell()                 pay.batch.query: pay_batch.c; pay.query: here
 * The exchange decides what is told; a piece says more of an end that is the same.  What may have left is told as paid
 * or failed only when its bank has said so, or people have. */
#include <stdio.h>
#include <string.h>

#include "base/words.h"
#include "engine/flow_parts.h"
#include "yitong/json.h"

/* -- kept ------------------------------------------------------------------------------------------ */

/* Empty: it is too long to be told from others. */
static void key_of(const struct engine *e, struct yt_str institution, struct yt_str pay_no, char key[FACTS_KEY_MAX])
{
	if (pay_no.n == 0 || snprintf(key, FACTS_KEY_MAX, "o/%.*s/%.*s", YT_FMT(cross_institution(e, institution)),
	                             YT_FMT(pay_no)) >= FACTS_KEY_MAX)
		key[0] = '\0';
}

void pay_write_piece(struct engine *e, struct task *t, const char *key, const char *also, const struct yt_node *piece)
{
	struct yt_buf json = { 0 };
	size_t at;

	yt_json_write(piece, &json);
	YT_REQUIRE(!json.failed);
	at = rec_begin(&t->receipt, REC_FACTS, 0, t->id, engine_wall(e));
	rec_str(&t->receipt, REC_T_CASE, yt_str(key));
	if (also != NULL)
		rec_str(&t->receipt, REC_T_CASE, yt_str(also));
	rec_str(&t->receipt, REC_T_FACTS, yt_buf_view(&json));
	rec_end(&t->receipt, at);
	yt_buf_free(&json);
}

static void put(struct yt_arena *arena, struct yt_node *to, const char *name, struct yt_str text)
{
	YT_REQUIRE(text.n == 0 || yt_node_set_text(arena, to, name, text) == 0);
}

static void put_time(struct yt_arena *arena, struct yt_node *to, const char *name, int64_t ms)
{
	char text[20];

	if (ms == 0)
		return;
	yt_time_print(ms, text);
	put(arena, to, name, yt_arena_copy(arena, yt_str(text)));
}

/* Under its own number, and of a list under that of the list. */
static void write_payout(struct engine *e, struct task *t, struct yt_node *piece)
{
	char own[FACTS_KEY_MAX], list[FACTS_KEY_MAX];

	put(t->arena, piece, "pay_no", pay_member(t->original, "pay_no"));
	put(t->arena, piece, "orig_pay_no", pay_member(t->original, "orig_pay_no"));
	key_of(e, t->original->institution, pay_member(t->original, "pay_no"), own);
	pay_batch_key(t, list);
	if (own[0] != '\0' || list[0] != '\0')
		pay_write_piece(e, t, own, list, piece);
}

/* Only what its exchange does not have. */
void pay_note_taken(struct engine *e, struct task *t)
{
	struct yt_node *piece = yt_node_new(t->arena, YT_OBJECT);

	YT_REQUIRE(piece != NULL);
	if (pay_member(t->original, "orig_pay_no").n > 0)
		write_payout(e, t, piece);
}

void pay_note_end(struct engine *e, struct task *t)
{
	static const char *const names[] = { "pay_state", "bank_code", "pay_advice", "bank_serial", "acct_date",
		"return_code", "return_date" };
	struct yt_node *piece = yt_node_new(t->arena, YT_OBJECT);

	YT_REQUIRE(piece != NULL);
	if (t->original->op->id != YT_OP_PAY_ORDER)
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		put(t->arena, piece, names[i], facts_get(&t->run->facts, names[i]));
	put_time(t->arena, piece, "end_time", engine_wall(e));
	write_payout(e, t, piece);
}

void pay_note_decided(struct engine *e, struct task *t)
{
	bool is_list = t->original->op->id == YT_OP_PAY_BATCH && strncmp(t->x.settlement, "list/", 5) == 0;
	struct yt_node *piece = yt_node_new(t->arena, YT_OBJECT);
	struct yt_str state = t->x.state == X_DONE      ? YT_STR("PAID")
	                      : t->x.state == X_REFUSED ? YT_STR("FAILED")
	                                                : YT_STR("CANCELLED");
	char list[FACTS_KEY_MAX];

	YT_REQUIRE(piece != NULL);
	if (!task_is_follow_up(t) || (!is_list && t->original->op->id != YT_OP_PAY_ORDER))
		return;
	if (is_list && t->x.state == X_DONE)
		return; /* each of its payouts has an end of its own */
	put(t->arena, piece, is_list ? "list" : "pay_state", is_list ? YT_STR("CANCELLED") : state);
	put(t->arena, piece, "decided", YT_STR("1"));
	put_time(t->arena, piece, "end_time", engine_wall(e));
	pay_batch_key(t, list);
	if (!is_list)
		write_payout(e, t, piece);
	else if (list[0] != '\0')
		pay_write_piece(e, t, list, NULL, piece);
}

/* -- asked ----------------------------------------------------------------------------------------- */

/* An agency asks by pay_no for its own order; banks are asked by orig_pay_no, and so is who passes that on. */
static struct yt_str number_asked(const struct yt_msg *query)
{
	return yt_node_text(yt_node_get(query->body, "data"), "pay_no");
}

bool pay_is_asked(const struct yt_msg *msg)
{
	return msg->op->id == YT_OP_PAY_BATCH_QUERY || (msg->op->id == YT_OP_PAY_QUERY && number_asked(msg).n > 0);
}

void pay_ask(struct engine *e, struct work *w)
{
	bool of_list = w->msg->op->id == YT_OP_PAY_BATCH_QUERY;
	struct yt_str pay_no = number_asked(w->msg);
	char key[FACTS_KEY_MAX] = "", anew[FACTS_KEY_MAX] = "";
	size_t at = rec_begin(&e->records, REC_FACTS, REC_NOWAIT, w->id, engine_wall(e));

	if (of_list)
		pay_batch_key_asked(w->msg, key);
	else
		key_of(e, w->msg->institution, pay_no, key);
	if (!of_list)
		pay_anew_key_of(pay_no, anew);
	rec_str(&e->records, REC_T_CASE, yt_str(key));
	rec_str(&e->records, REC_T_CASE, yt_str(anew));
	if (!of_list) {
		rec_str(&e->records, REC_T_INSTITUTION, w->msg->institution);
		rec_str(&e->records, REC_T_ABOUT, pay_no);
	}
	rec_end(&e->records, at);
	w->state = WORK_FACTS;
	work_await(e, w, engine_submit_records(e, UP_FACTS, w->id));
}

/* -- told ------------------------------------------------------------------------------------------ */

/* What is known of one order. */
struct asked {
	struct yt_arena *arena;
	const char *trace;
	const struct exchange *x;
	const struct engine_flow *flow; /* that pays it; NULL: nothing does, or it is configured no more */
	const struct yt_node *end;      /* the newest piece that says an end, where that is what the exchange says */
	struct yt_str orig_pay_no, anew_pay_no;
};

static bool is_paid_for(const struct exchange *x)
{
	return (x->flags & REC_X_FOLLOW_UP) != 0;
}

/* From 1; 0: there is none. */
static unsigned step_of(const struct engine_flow *flow, enum yt_operation op)
{
	unsigned step = flow == NULL ? 0 : flow->n;

	while (step > 0 && flow->steps[step - 1].op != op)
		step--;
	return step;
}

/* A piece is of this end, and not of the one before it. */
static bool fits(const struct exchange *x, enum yt_pay_state state)
{
	if (x->state == X_DONE)
		return state != YT_PAY_FAILED && state != YT_PAY_CANCELLED && state != YT_PAY_RETURNED;
	if (x->state == X_REFUSED)
		return x->unpaid_as[0] != '\0' ? yt_str_is(yt_str(x->unpaid_as), yt_pay_state_name(state))
		                               : state == YT_PAY_FAILED || state == YT_PAY_CANCELLED;
	return x->state == X_REVERSED && state == YT_PAY_CANCELLED;
}

static bool is_final(enum yt_pay_state state)
{
	return state == YT_PAY_PAID || state == YT_PAY_FAILED || state == YT_PAY_CANCELLED || state == YT_PAY_RETURNED;
}

/* As what it ended; YT_PAY_NEW, _SENT, _UNKNOWN: it has not, and so far it has come. */
static enum yt_pay_state state_of(const struct asked *a)
{
	const struct exchange *x = a->x;
	bool may_have_left = pay_may_have_left(x);
	unsigned order = step_of(a->flow, YT_OP_PAY_ORDER);

	if (x->state == X_REFUSED)
		return a->end != NULL            ? yt_pay_state_of(yt_node_text(a->end, "pay_state"))
		       : x->unpaid_as[0] != '\0' ? yt_pay_state_of(yt_str(x->unpaid_as))
		                                 : YT_PAY_FAILED;
	if (x->state == X_REVERSED)
		return YT_PAY_CANCELLED;
	if (x->state == X_DONE && is_paid_for(x)) /* a flow that does not ask knows only that its bank has it */
		return a->end != NULL ? yt_pay_state_of(yt_node_text(a->end, "pay_state"))
		       : x->has_line || step_of(a->flow, YT_OP_PAY_QUERY) > 0 ? YT_PAY_PAID
		                                                              : YT_PAY_SENT;
	if (!is_paid_for(x)) /* it is being taken just now; else something is wrong, and people know */
		return x->state == X_UNKNOWN || x->state == X_PARKED ? YT_PAY_NEW : YT_PAY_UNKNOWN;
	if (x->doubted || (x->state == X_PARKED && may_have_left))
		return YT_PAY_UNKNOWN;
	if (!may_have_left)
		return YT_PAY_NEW;
	return order > 0 && (x->step > order || (x->step == order && x->step_state == STEP_DONE)) ? YT_PAY_SENT
	                                                                                          : YT_PAY_UNKNOWN;
}

static bool waits_for_release(const struct exchange *x)
{
	return strncmp(x->reason, PAY_WAITS_FOR_RELEASE, strlen(PAY_WAITS_FOR_RELEASE)) == 0;
}

/* It does not go on by itself: it must be released, or lacks something, or is parked.  Room of a day comes by itself.
 */
static bool is_held(const struct exchange *x)
{
	return x->state == X_PARKED || (strncmp(x->reason, EXCHANGE_WAITS, sizeof(EXCHANGE_WAITS) - 1) == 0 &&
	                                       strcmp(x->reason, TALK_WAITS_FOR_ROOM) != 0);
}

/* The reason of what waits for people, in Chinese, as far as there are words for it. */
static struct yt_str held_by(const struct exchange *x)
{
	const char *why = waits_for_release(x) ? strstr(x->reason, PAY_RELEASE_WHY) : NULL, *zh;

	zh = yt_words_zh(why != NULL ? why + strlen(PAY_RELEASE_WHY) : x->reason);
	return yt_str(zh != NULL ? zh : yt_words_zh(N_("people have it")));
}

/* Why nothing was paid, or it came back: in words, with the bank's code. */
static struct yt_str why_not(const struct asked *a)
{
	static const struct {
		const char *advice, *words;
	} advised[] = {
		{ "account", N_("the account does not exist, is closed or cannot be paid to") },
		{ "name", N_("the name is not the account's") },
		{ "person", N_("the paper is not the account holder's") },
		{ "bank", N_("the payee's bank or its line number is wrong") },
		{ "limit", N_("it is above a limit of the bank") },
		{ "funds", N_("the payer's account does not cover it") },
		{ "payer", N_("the payer's account cannot pay") },
		{ "tomorrow", N_("the bank takes it on another day only") },
	};
	struct yt_str advice = yt_node_text(a->end, "pay_advice"), code = yt_node_text(a->end, "return_code");
	const char *words = a->end != NULL || a->x->unpaid_as[0] != '\0'
	                            ? N_("its bank gives no reason")
	                            : N_("why is not on record, or not yet: ask again, or ask the operator");

	if (a->end == NULL && !is_paid_for(a->x))
		return yt_str(yt_words_zh(N_("it was refused when it was handed in")));
	if (yt_str_is(yt_node_text(a->end, "decided"), "1"))
		return yt_str(yt_words_zh(N_("people found so")));
	if (code.n == 0 && state_of(a) != YT_PAY_RETURNED) /* else it is that of the payment, which had gone well */
		code = yt_node_text(a->end, "bank_code");
	if (code.n > 0)
		words = N_("its bank says so");
	for (size_t i = 0; i < sizeof(advised) / sizeof(advised[0]); i++)
		if (yt_str_is(advice, advised[i].advice))
			words = advised[i].words;
	return yt_arena_printf(a->arena, "%s%s%.*s", yt_words_zh(words), code.n > 0 ? " " : "", YT_FMT(code));
}

/* The state as it is told, how far it has come where it is open, and both in words. */
static void put_state(const struct asked *a, struct yt_node *data)
{
	enum yt_pay_state state = state_of(a);
	bool held = state == YT_PAY_NEW && is_held(a->x);
	const char *stage = is_final(state)           ? ""
	                    : held                    ? "PEOPLE"
	                    : state == YT_PAY_NEW     ? "WAITING"
	                    : state == YT_PAY_UNKNOWN ? "UNKNOWN"
	                                              : "SENT";
	enum text_id text = state == YT_PAY_PAID       ? TEXT_PAY_PAID
	                    : state == YT_PAY_RETURNED ? TEXT_PAY_RETURNED
	                    : is_final(state)          ? TEXT_PAY_FAILED
	                    : held                     ? TEXT_PAY_HELD
	                    : state == YT_PAY_NEW      ? TEXT_PAY_WAITS
	                    : state == YT_PAY_UNKNOWN  ? TEXT_PAY_UNKNOWN
	                                               : TEXT_PAY_SENT;
	struct yt_str detail = held                                      ? held_by(a->x)
	                       : is_final(state) && state != YT_PAY_PAID ? why_not(a)
	                                                                 : (struct yt_str){ 0 };

	put(a->arena, data, "pay_state", is_final(state) ? yt_str(yt_pay_state_name(state)) : YT_STR("OPEN"));
	put(a->arena, data, "stage", yt_str(stage));
	put(a->arena, data, "pay_text", text_say(a->arena, text, detail, a->trace));
}

static struct yt_node *answer_of(const struct asked *a, struct yt_str pay_no)
{
	static const char *const said[] = { "bank_code", "pay_advice", "bank_serial", "acct_date", "return_code",
		"return_date", "decided", NULL };
	struct yt_node *body = yt_node_new(a->arena, YT_OBJECT),
	               *data = yt_node_add(a->arena, body, YT_STR("data"), YT_OBJECT);
	int64_t fen = a->x->pay_fen != 0 ? a->x->pay_fen : a->x->amount_fen;
	char yuan[24];

	YT_REQUIRE(data != NULL);
	put(a->arena, data, "pay_no", pay_no);
	yt_fen_print(fen, yuan);
	put(a->arena, data, "pay_amt", fen != 0 ? yt_arena_copy(a->arena, yt_str(yuan)) : (struct yt_str){ 0 });
	put_state(a, data);
	put(a->arena, data, "bank_serial", yt_arena_copy(a->arena, yt_str(a->x->pay_serial)));
	put(a->arena, data, "uetr", yt_arena_copy(a->arena, yt_str(a->x->pay_uetr)));
	for (const char *const *name = said; *name != NULL; name++)
		put(a->arena, data, *name, yt_node_text(a->end, *name));
	put_time(a->arena, data, "order_time", a->x->accepted_ms);
	if (yt_node_get(data, "stage") == NULL)
		put_time(a->arena, data, "end_time", a->x->closed_ms);
	put(a->arena, data, "orig_pay_no", a->orig_pay_no);
	put(a->arena, data, "anew_pay_no", a->anew_pay_no);
	return body;
}

/* The pieces, oldest first, are its own, and those of orders that name it as what they are made anew for. */
static void read_pieces(const struct engine *e, const struct work *w, const struct facts *facts, struct asked *a)
{
	for (const struct yt_node *p = facts->pieces->child; p != NULL; p = p->next) {
		enum yt_pay_state state = yt_pay_state_of(yt_node_text(p, "pay_state"));

		if (yt_str_is(yt_node_text(p, "op"), "pay.order")) {
			if (yt_str_eq(yt_node_text(p, "ordered_by"), cross_institution(e, w->msg->institution)))
				a->anew_pay_no = yt_node_text(p, "pay_no");
			continue;
		}
		if (yt_node_text(p, "orig_pay_no").n > 0)
			a->orig_pay_no = yt_node_text(p, "orig_pay_no");
		if (state != YT_PAY_STATES)
			a->end = fits(a->x, state) ? p : NULL;
	}
}

/* How the order stands; false: nothing is known of it.  *rest: the pieces. */
static bool read_order(const struct talk *talk, struct exchange *x, struct talk *rest)
{
	struct yt_str state;
	struct rec rec;
	size_t used;

	*rest = *talk;
	if (rec_read(talk->payload, &rec, &used) != 0 || rec.type != REC_CARRIED)
		return false;
	state = rec_get(&rec, REC_T_STATE);
	rest->payload.p += used;
	rest->payload.n -= used;
	if (state.n != sizeof(*x))
		return false;
	memcpy(x, state.p, sizeof(*x));
	return true;
}

void pay_tell(struct engine *e, struct work *w, const struct talk *talk)
{
	bool of_list = w->msg->op->id == YT_OP_PAY_BATCH_QUERY, is_known;
	struct asked a = { .arena = w->arena, .trace = w->trace };
	struct yt_reply *reply = yt_reply_new(w->arena);
	struct exchange x;
	struct facts facts;
	struct talk pieces;

	work_forget_seq(e, w);
	is_known = read_order(talk, &x, &pieces);
	if (reply == NULL || cross_facts(w->arena, &pieces, w->msg, &facts) != 0) { /* of nothing anything is said */
		work_refuse(e, w, TEXT_QUERY_FAILED, (struct yt_str){ 0 });
		return;
	}
	if (is_known) {
		a.x = &x;
		a.flow = is_paid_for(&x) && e->conf.flow != NULL ? e->conf.flow(e->conf.ctx, x.flow) : NULL;
		read_pieces(e, w, &facts, &a);
	}
	if (of_list)
		reply->body = pay_batch_answer(w->arena, &facts);
	else if (is_known)
		reply->body = answer_of(&a, number_asked(w->msg));
	if (reply->body == NULL) {
		work_refuse(e, w, of_list ? TEXT_NO_LIST : TEXT_NO_PAYOUT, (struct yt_str){ 0 });
		return;
	}
	reply->outcome = YT_DONE;
	e->counts.reads++;
	work_give_reply(e, w, reply);
}
