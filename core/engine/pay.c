/* core/engine/pay.c - the messages of a payment that is a step of a flow, made of its case's facts or of the payout it
 * follows from: the order, the recall, and what the insurer hears of it.
 *
 * flow_pay.c decides when they leave; members are those of docs/payments.md, the payer is of the configuration. */
#include <stdio.h>
#include <string.h>

#include "engine/flow_parts.h"

#define CLAIM_TYPE "IN" /* a claim that we pay for an insurer */

/* -- values -------------------------------------------------------------------------------------- */

static void say(struct yt_fault *fault, const char *path, const char *why)
{
	snprintf(fault->path, sizeof(fault->path), "%s", path);
	snprintf(fault->why, sizeof(fault->why), "%s", why);
}

static bool put(struct yt_arena *arena, struct yt_node *data, const char *name, struct yt_str text)
{
	return text.n == 0 || yt_node_set_text(arena, data, name, text) == 0;
}

struct yt_str pay_member(const struct yt_msg *order, const char *name)
{
	const struct yt_node *row = NULL;
	struct yt_str text = { 0 };
	char path[64];

	if (order != NULL && yt_payout_next(order->body, &row, path, sizeof(path)))
		text = yt_node_text(row, name);
	return text.n > 0 || order == NULL ? text : yt_node_text(yt_node_get(order->body, "data"), name);
}

unsigned pay_order_step(const struct task *t)
{
	unsigned step = 1;

	while (step <= t->run->flow->n && flow_op_of(t, step)->id != YT_OP_PAY_ORDER)
		step++;
	return step <= t->run->flow->n ? step : 0;
}

static bool is_of_claim(const struct task *t)
{
	return t->original->op->id != YT_OP_PAY_ORDER;
}

struct yt_str pay_anew_for(const struct task *t)
{
	return is_of_claim(t) ? yt_str(t->x.back_no) : pay_member(t->original, "orig_pay_no");
}

void pay_anew_key(const struct task *t, char key[FACTS_KEY_MAX])
{
	pay_anew_key_of(task_is_follow_up(t) ? pay_anew_for(t) : (struct yt_str){ 0 }, key);
}

void pay_anew_key_of(struct yt_str pay_no, char key[FACTS_KEY_MAX])
{
	key[0] = 0;
	if (pay_no.n == YT_PAY_NO_LEN)
		snprintf(key, FACTS_KEY_MAX, "a/%.*s", YT_FMT(pay_no));
}

/* The insurer whose claim is paid: the party of the flow at which one is handed in. */
static const char *insurer_of(const struct task *t)
{
	for (unsigned step = 1; step <= t->run->flow->n; step++)
		if (flow_op_of(t, step)->id == YT_OP_CLAIM_SUBMIT)
			return flow_step_at(t, step)->party->name;
	return "";
}

static const struct engine_payer *payer_of(
        const struct engine *e, const struct task *t, struct yt_str type, struct yt_str account)
{
	for (uint32_t i = 0; i < e->conf.n_payers; i++) {
		const struct engine_payer *p = &e->conf.payers[i];

		if (strcmp(p->party, t->party->name) == 0 && yt_str_is(type, p->pay_type) &&
		        (p->insurer == NULL || strcmp(p->insurer, insurer_of(t)) == 0) &&
		        (account.n == 0 || yt_str_is(account, p->account)))
			return p;
	}
	return NULL;
}

/* -- the order ------------------------------------------------------------------------------------ */

/* What the message that asked for it says. */
static bool take_asked(struct task *t, struct yt_node *data)
{
	static const char *const names[] = { "pay_no", "pay_type", "pay_amt", "pay_date", "payee_acct", "payee_name",
		"payee_bank_no", "payee_bank_name", "psn_name", "psn_cert_type", "certno", "purpose", "memo",
		"orig_pay_no", "behalf_name", "pay_channel", "name_check", NULL };
	struct yt_str no = pay_member(t->original, "pay_no");

	for (const char *const *name = names; *name != NULL; name++)
		if (!put(t->arena, data, *name, pay_member(t->original, *name)))
			return false;
	return yt_node_text(data, "pay_type").n > 0 || no.n < 2 ||
	       put(t->arena, data, "pay_type", (struct yt_str){ no.p, 2 });
}

/* What the insurer has decided, to the account that was told for it.  Another's than the person's (a guardian's, an
 * heir's) is not compared with his name, so people look at it. */
static bool take_claim(struct task *t, struct yt_node *data)
{
	const struct facts *facts = &t->run->facts;
	const struct yt_node *payee = yt_node_get(facts->parts, "payee");
	bool made = put(t->arena, data, "pay_type", YT_STR(CLAIM_TYPE)) &&
	            put(t->arena, data, "pay_amt", facts_get(facts, "payable_amt")) &&
	            put(t->arena, data, "payee_acct", yt_node_text(payee, "bank_acct_no")) &&
	            put(t->arena, data, "payee_name", yt_node_text(payee, "name")) &&
	            put(t->arena, data, "payee_bank_no", yt_node_text(payee, "bank_no")) &&
	            put(t->arena, data, "payee_bank_name", yt_node_text(payee, "bank_name")) &&
	            put(t->arena, data, "orig_pay_no", yt_str(t->x.back_no));

	if (!made || !yt_str_is(yt_node_text(payee, "relation"), "00"))
		return made;
	return put(t->arena, data, "psn_name", facts_get(facts, "psn_name")) &&
	       put(t->arena, data, "psn_cert_type", facts_get(facts, "psn_cert_type")) &&
	       put(t->arena, data, "certno", facts_get(facts, "certno"));
}

static bool put_payer(struct yt_arena *arena, struct yt_node *data, const struct engine_payer *p)
{
	bool has_purpose = yt_node_text(data, "purpose").n > 0, has_behalf = yt_node_text(data, "behalf_name").n > 0;

	return put(arena, data, "ccy", YT_STR("CNY")) && put(arena, data, "payer_acct", yt_str(p->account)) &&
	       put(arena, data, "payer_name", yt_str(p->name)) &&
	       put(arena, data, "payer_bank_no", yt_str(p->bank_no)) &&
	       put(arena, data, "payer_bank_name", yt_str(p->bank_name)) &&
	       (has_purpose || put(arena, data, "purpose", yt_str(p->purpose))) &&
	       (has_behalf || put(arena, data, "behalf_name", yt_str(p->behalf_name)));
}

/* Its number: of what asked for it, else the one it has had since it may have left, else the lease's. */
static struct yt_str number_of(struct task *t, const struct yt_node *data)
{
	struct yt_str no = yt_node_text(data, "pay_no");

	if (no.n > 0)
		return no;
	if (t->x.pay_no[0] != 0)
		return yt_str(t->x.pay_no);
	if (t->run->pay_digits.n == 0)
		return (struct yt_str){ 0 };
	return yt_arena_printf(
	        t->arena, "%.*s%.*s", YT_FMT(yt_node_text(data, "pay_type")), YT_FMT(t->run->pay_digits));
}

/* As at every bank, before anybody is asked to release it; its number may still be missing. */
static bool check(struct task *t, struct pay_order *order, struct yt_fault *fault)
{
	struct yt_payout p;
	char text[YT_PAY_NO_LEN + 1] = "IN20260101000000000000";

	if (yt_payout_read(order->msg->body, yt_node_get(order->msg->body, "data"), "data", &p, fault) != 0)
		return false;
	if (p.no.n == 0) {
		memcpy(text, p.type.p, p.type.n < 2 ? p.type.n : 2);
		p.no = yt_arena_copy(t->arena, yt_str(text));
	}
	if (yt_payout_check(&p, "data", 0, &order->warnings, fault) != 0)
		return false;
	if (order->payer->order_limit_fen > 0 && p.amount_fen > order->payer->order_limit_fen) {
		say(fault, "data.pay_amt", "is above the payer's order_limit");
		return false;
	}
	order->amount_fen = p.amount_fen;
	order->type = p.type;
	order->is_own = !yt_payout_is_to_person(&p) || p.psn_name.n > 0;
	order->payee = p.payee_acct;
	return true;
}

/* By which a statement may tell of it where it leaves the number out. */
static bool put_uetr(struct yt_arena *arena, struct yt_node *data, struct yt_str no)
{
	char uetr[37];

	if (no.n == 0 || yt_node_text(data, "uetr").n > 0)
		return true;
	yt_pay_uetr(yt_node_text(data, "payer_acct"), no, uetr);
	return put(arena, data, "uetr", yt_arena_copy(arena, yt_str(uetr)));
}

static bool make_body(struct engine *e, struct task *t, struct pay_order *order, struct yt_fault *fault)
{
	struct yt_node *body = yt_node_new(t->arena, YT_OBJECT), *data;
	struct yt_str asked = is_of_claim(t) ? (struct yt_str){ 0 } : pay_member(t->original, "payer_acct");

	data = yt_node_add(t->arena, body, YT_STR("data"), YT_OBJECT);
	order->msg->body = body;
	say(fault, "data", "is too much");
	if (data == NULL || !(is_of_claim(t) ? take_claim(t, data) : take_asked(t, data)))
		return false;
	if (is_of_claim(t) && yt_str_is(facts_get(&t->run->facts, "pay_to"), "INSTITUTION")) {
		say(fault, "pay_to", "is the institution, whose account is not known here");
		return false;
	}
	order->payer = payer_of(e, t, yt_node_text(data, "pay_type"), asked);
	if (order->payer == NULL) {
		say(fault, "payers", "has no account for this at its bank");
		return false;
	}
	order->no = number_of(t, data);
	return put_payer(t->arena, data, order->payer) && put(t->arena, data, "pay_no", order->no) &&
	       put_uetr(t->arena, data, order->no);
}

bool pay_is_serial(struct yt_str text)
{
	size_t i = 0;

	while (i < text.n && i < 40 &&
	        ((text.p[i] >= '0' && text.p[i] <= '9') || (text.p[i] >= 'A' && text.p[i] <= 'Z') ||
	                (text.p[i] >= 'a' && text.p[i] <= 'z') || text.p[i] == '-'))
		i++;
	return i == text.n && i < 40;
}

void pay_write_serial(struct task *t, const struct yt_reply *reply)
{
	struct yt_str serial = yt_node_text(yt_node_get(reply->body, "data"), "bank_serial");

	if (t->x.step > 0 && flow_pay_is_about(t, t->x.step) && pay_is_serial(serial))
		rec_str(&t->receipt, REC_T_PAY_SERIAL, serial);
}

static struct yt_msg *begin(struct engine *e, struct task *t, enum yt_operation op)
{
	struct yt_msg *msg = yt_msg_new(t->arena);

	if (msg == NULL)
		return NULL;
	msg->op = yt_op(op);
	msg->wire_op = undo_wire_op(&t->party->codec, op);
	msg->institution = cross_institution(e, t->original->institution);
	return msg;
}

/* Who is paid how much for what, as a hash that tells nobody. */
void pay_digest(struct engine *e, struct task *t, struct yt_str payee, int64_t fen, struct yt_str type, uint8_t out[16])
{
	struct yt_str text = facts_pay_text(t->arena, payee, fen, type);

	YT_REQUIRE(text.p != NULL);
	e->world.person(e->world.ctx, text, out);
}

/* A payment comes back for the account, its holder's name, or the bank: any of them changed may be right. */
void pay_hash_payee(struct engine *e, struct task *t, struct yt_str account, struct yt_str name, struct yt_str bank_no,
        uint8_t out[16])
{
	struct yt_str text =
	        yt_arena_printf(t->arena, "%.*s|%.*s|%.*s", YT_FMT(account), YT_FMT(name), YT_FMT(bank_no));

	YT_REQUIRE(text.p != NULL);
	e->world.person(e->world.ctx, text, out);
}

static void hash_payee(struct engine *e, struct task *t, const struct yt_msg *order, uint8_t out[16])
{
	pay_hash_payee(e, t, pay_member(order, "payee_acct"), pay_member(order, "payee_name"),
	        pay_member(order, "payee_bank_no"), out);
}

void pay_to_whom(struct engine *e, struct task *t, uint8_t out[16])
{
	hash_payee(e, t, t->run->said[pay_order_step(t) - 1], out);
}

bool pay_goes_anew(const struct task *t)
{
	return is_of_claim(t);
}

struct pay_order *pay_order_make(struct engine *e, struct task *t, struct yt_fault *fault)
{
	struct pay_order *order = yt_arena_alloc(t->arena, sizeof(*order));

	say(fault, "data", "is too much");
	if (order == NULL)
		return NULL;
	memset(order, 0, sizeof(*order));
	order->msg = begin(e, t, YT_OP_PAY_ORDER);
	if (order->msg == NULL || !make_body(e, t, order, fault) || !check(t, order, fault))
		return NULL;
	order->msg->amount_fen = order->amount_fen;
	pay_digest(e, t, order->payee, order->amount_fen, order->type, order->digest);
	hash_payee(e, t, order->msg, order->to_whom);
	memcpy(order->digest + PAY_DIGEST_SAME, order->to_whom, sizeof(order->digest) - PAY_DIGEST_SAME);
	if (is_of_claim(t) && (pay_was_told(t) || pay_has_news(t))) /* to people another order than before */
		order->digest[sizeof(order->digest) - 1] ^= 0xff;
	return order;
}

struct yt_msg *pay_order_try(
        struct engine *e, const struct work *w, const struct engine_party **bank, struct yt_fault *fault)
{
	struct task *t = yt_arena_alloc(w->arena, sizeof(*t));
	struct flow_run *run = yt_arena_alloc(w->arena, sizeof(*run));
	struct pay_order *order;
	unsigned step;

	say(fault, "data", "is too much");
	if (t == NULL || run == NULL)
		return NULL;
	memset(t, 0, sizeof(*t));
	memset(run, 0, sizeof(*run));
	*t = (struct task){ .id = w->id, .arena = w->arena, .original = w->msg, .run = run };
	run->flow = w->then;
	step = pay_order_step(t);
	say(fault, "pay_no", "is paid by nothing here");
	if (step == 0)
		return NULL;
	*bank = t->party = flow_step_at(t, step)->party;
	order = pay_order_make(e, t, fault);
	if (order == NULL)
		return NULL;
	cross_number(e, order->msg, t->party, w->id, w->request, w->msg->institution, 0, 0);
	return order->msg;
}

/* -- what is said of it ---------------------------------------------------------------------------- */

/* "2026-11-20" of an order's time. */
static struct yt_str day_of(const struct yt_msg *order)
{
	struct yt_str day = order->time;

	day.n = day.n >= 10 ? 10 : 0;
	return day;
}

struct yt_msg *pay_recall_make(struct engine *e, struct task *t)
{
	const struct yt_msg *order = t->run->said[pay_order_step(t) - 1];
	struct yt_msg *msg = begin(e, t, YT_OP_PAY_RECALL);
	struct yt_node *data;

	if (msg == NULL || order == NULL)
		return NULL;
	msg->body = yt_node_new(t->arena, YT_OBJECT);
	data = yt_node_add(t->arena, msg->body, YT_STR("data"), YT_OBJECT);
	if (data == NULL || !put(t->arena, data, "orig_pay_no", pay_member(order, "pay_no")) ||
	        !put(t->arena, data, "orig_date", day_of(order)) ||
	        !put(t->arena, data, "orig_msg_no", cross_wire_number(order)) ||
	        !put(t->arena, data, "orig_block_no", pay_member(order, "block_no")) ||
	        !put(t->arena, data, "uetr", pay_member(order, "uetr")) ||
	        !put(t->arena, data, "pay_amt", pay_member(order, "pay_amt")) ||
	        !put(t->arena, data, "payer_name", pay_member(order, "payer_name")) ||
	        !put(t->arena, data, "payer_bank_no", pay_member(order, "payer_bank_no")) ||
	        !put(t->arena, data, "recall_reason", YT_STR("CUST")))
		return NULL;
	msg->original_number = cross_wire_number(order);
	return msg;
}

/* The insurer was told that it is paid: now it may hear that it came back. */
static bool was_told_paid(const struct task *t)
{
	for (unsigned step = 1; step <= t->run->flow->n; step++) {
		const struct yt_msg *said = t->run->said[step - 1];
		const struct yt_reply *heard = t->run->heard[step - 1];

		if (flow_op_of(t, step)->id == YT_OP_CLAIM_PAYMENT && said != NULL && heard != NULL &&
		        heard->outcome == YT_DONE && yt_str_is(pay_member(said, "pay_state"), "PAID"))
			return true;
	}
	return false;
}

/* What a payment on its mandate came to.  That it was cancelled before it was paid is a failure to the insurer. */
struct yt_msg *pay_told_make(struct engine *e, struct task *t)
{
	const struct facts *facts = &t->run->facts;
	struct yt_str state = facts_get(facts, "pay_state"), reason = facts_get(facts, "pay_advice");
	struct yt_str no = pay_member(t->run->said[pay_order_step(t) - 1], "pay_no"); /* under this lease, too */
	struct yt_msg *msg = begin(e, t, YT_OP_CLAIM_PAYMENT);
	struct yt_node *data;
	char now[20];

	if (msg == NULL)
		return NULL;
	yt_time_print(engine_wall(e), now);
	if (yt_str_is(state, "CANCELLED") || (yt_str_is(state, "RETURNED") && !was_told_paid(t)))
		state = YT_STR("FAILED"); /* only what it was told to be paid can come back (insurer.md 6.4) */
	if (reason.n == 0 && !yt_str_is(state, "PAID"))
		reason = facts_get(facts, "return_code");
	if (reason.n == 0 && !yt_str_is(state, "PAID"))
		reason = facts_get(facts, "bank_code");
	msg->body = yt_node_new(t->arena, YT_OBJECT);
	data = yt_node_add(t->arena, msg->body, YT_STR("data"), YT_OBJECT);
	if (data == NULL || !put(t->arena, data, "claim_no", facts_get(facts, "claim_no")) ||
	        !put(t->arena, data, "payout_no", no.n > 0 ? no : yt_str(t->x.pay_no)) ||
	        !put(t->arena, data, "pay_state", state) ||
	        !put(t->arena, data, "pay_time", yt_arena_copy(t->arena, yt_str(now))) ||
	        !put(t->arena, data, "bank_serial", facts_get(facts, "bank_serial")) ||
	        !put(t->arena, data, "paid_amt", facts_get(facts, "payable_amt")) ||
	        !put(t->arena, data, "reason", reason))
		return NULL;
	msg->settlement = yt_str(t->x.settlement);
	return msg;
}

/* -- what its bank says ---------------------------------------------------------------------------- */

/* The row about this payout, of a report with several; else data, or a row without a number.  NULL: others alone. */
static const struct yt_node *row_of(const struct yt_node *body, struct yt_str no)
{
	const struct yt_node *row = NULL, *first = NULL;
	char path[64];

	while (body != NULL && yt_payout_next(body, &row, path, sizeof(path))) {
		if (no.n > 0 && yt_str_eq(yt_node_text(row, "pay_no"), no))
			return row;
		if (first == NULL && (no.n == 0 || yt_node_text(row, "pay_no").n == 0))
			first = row;
	}
	return first;
}

static bool speaks_of_any(const struct yt_node *body)
{
	const struct yt_node *row = NULL;
	char path[64];

	return body != NULL && yt_payout_next(body, &row, path, sizeof(path));
}

static bool is_final(struct yt_str state)
{
	enum yt_pay_state is = yt_pay_state_of(state);

	return is == YT_PAY_PAID || is == YT_PAY_FAILED || is == YT_PAY_CANCELLED || is == YT_PAY_RETURNED;
}

bool pay_is_final(const struct task *t)
{
	return is_final(facts_get(&t->run->facts, "pay_state"));
}

bool pay_was_made(const struct task *t)
{
	unsigned step = pay_order_step(t);

	return step > 0 && t->run->heard[step - 1] != NULL && yt_str_is(facts_get(&t->run->facts, "pay_state"), "PAID");
}

bool pay_was_told(const struct task *t)
{
	return t->x.back_no[0] == '\0' && yt_str_is(facts_get(&t->run->facts, "claim_state"), "PAID");
}

bool pay_may_have_left(const struct exchange *x)
{
	return x->pay_no[0] != '\0' && (x->flags & REC_X_STAYED) == 0;
}

bool pay_has_news(const struct task *t)
{
	return (t->x.flags & REC_X_UNASKED) != 0 && pay_may_have_left(&t->x) && t->x.back_no[0] == '\0';
}

/* It came to nothing: its money stayed with us, or is back. */
bool pay_came_to_nothing(const struct task *t)
{
	return pay_is_final(t) && !yt_str_is(facts_get(&t->run->facts, "pay_state"), "PAID");
}

/* A refusal that says only that this try was not taken proves nothing of the money. */
static bool proves_nothing(const struct yt_reply *reply)
{
	return reply->outcome == YT_REFUSED && (reply->at_gateway || reply->may_retry || reply->never_happened);
}

/* A code that the log may have: a bank's own word may be anything. */
static struct yt_str short_code(struct yt_str code)
{
	return code.n <= 10 && pay_is_serial(code) ? code : YT_STR("?");
}

void pay_tell_alarm(const struct task *t, struct yt_str pay_no, const struct yt_node *row)
{
	struct yt_str state = yt_node_text(row, "pay_state"), code = short_code(yt_node_text(row, "bank_code")),
	              advice = yt_node_text(row, "pay_advice");

	if (!yt_str_is(yt_node_text(row, "pay_alarm"), "1"))
		return;
	if (state.n == 0) /* of a refusal, or a status that nobody knows */
		state = short_code(yt_node_text(row, "bank_status"));
	yt_log(YT_ERROR, "engine", "exchange %016llx: people look now: its bank says %.*s%s%.*s of payout %.*s%s%.*s",
	        (unsigned long long)t->id, YT_FMT(state), state.n > 0 && code.n > 0 ? " " : "", YT_FMT(code),
	        YT_FMT(pay_no), advice.n > 0 ? ": " : "", YT_FMT(advice));
}

void pay_tell_answer_alarm(const struct task *t, const struct yt_reply *reply)
{
	struct yt_str no = pay_member(t->run->said[pay_order_step(t) - 1], "pay_no");

	pay_tell_alarm(t, no, row_of(reply->body, no));
}

/* Whatever number it names: what is about another sum is not about this payment. */
static bool is_of_another_sum(const struct task *t, const struct yt_node *row)
{
	struct yt_str ordered = pay_member(t->run->said[pay_order_step(t) - 1], "pay_amt"),
	              named = yt_node_text(row, "pay_amt");
	int64_t x, y;

	return ordered.n > 0 && named.n > 0 && yt_fen_parse(ordered, &x) == 0 &&
	       (yt_fen_parse(named, &y) != 0 || x != y);
}

void pay_take(const struct task *t, const struct yt_op *op, struct yt_reply *reply)
{
	static const char *const names[] = { "bank_status", "bank_code", "pay_advice", "pay_alarm", "bank_serial",
		"acct_date", "return_code", "return_date", NULL };
	struct yt_node *body = yt_node_new(reply->arena, YT_OBJECT),
	               *data = yt_node_add(reply->arena, body, YT_STR("data"), YT_OBJECT);
	const struct yt_node *row = row_of(reply->body, pay_member(t->run->said[pay_order_step(t) - 1], "pay_no"));
	struct yt_str state = yt_node_text(row, "pay_state");
	bool is_refused = reply->outcome == YT_REFUSED && op->id == YT_OP_PAY_ORDER;

	YT_REQUIRE(data != NULL);
	if (reply->outcome == YT_UNKNOWN || proves_nothing(reply) || (reply->outcome == YT_REFUSED && !is_refused) ||
	        (reply->outcome == YT_DONE && row == NULL && speaks_of_any(reply->body)) || is_of_another_sum(t, row)) {
		reply->outcome = YT_UNKNOWN;
		return;
	}
	for (const char *const *name = names; *name != NULL; name++)
		YT_REQUIRE(put(reply->arena, data, *name, yt_node_text(row, *name)));
	if (is_refused && !is_final(state))
		state = YT_STR("FAILED");
	if (yt_node_text(data, "bank_code").n == 0 && is_refused)
		YT_REQUIRE(put(reply->arena, data, "bank_code", reply->code));
	YT_REQUIRE(put(reply->arena, data, "pay_state", state));
	reply->body = body;
	reply->outcome = YT_DONE; /* the step is; what the money came to is a fact for those behind it */
}
