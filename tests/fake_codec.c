/* tests/fake_codec.c - the one-line text format of fake_codec.h as a codec table. */
#include "fake_codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "yitong/payout.h"

static const struct yt_wire_op ops[] = {
	{ "READ", YT_OP_PERSON_CHECK, YT_RESOLVE_NONE },
	{ "REGISTER", YT_OP_OUTPATIENT_REGISTER, YT_RESOLVE_QUERY },
	{ "ADMIT", YT_OP_INPATIENT_ADMIT, YT_RESOLVE_REVERSE },
	{ "FEES", YT_OP_OUTPATIENT_FEES, YT_RESOLVE_RESEND },
	{ "TAKEBACK", YT_OP_OUTPATIENT_FEES_CANCEL, YT_RESOLVE_RESEND },
	{ "LINES", YT_OP_INPATIENT_FEES, YT_RESOLVE_RESEND },
	{ "TAKELINES", YT_OP_INPATIENT_FEES_CANCEL, YT_RESOLVE_RESEND },
	{ "SETTLE", YT_OP_OUTPATIENT_SETTLE, YT_RESOLVE_REVERSE },
	{ "CANCEL", YT_OP_OUTPATIENT_SETTLE_CANCEL, YT_RESOLVE_QUERY_REVERSE },
	{ "REVERSE", YT_OP_REVERSE, YT_RESOLVE_RESEND },
	{ "SIGNIN", YT_OP_SIGN_IN, YT_RESOLVE_RESEND },
	{ "FINDVISIT", YT_OP_VISIT_QUERY, YT_RESOLVE_NONE },
	{ "FINDSETL", YT_OP_SETTLEMENT_QUERY, YT_RESOLVE_NONE },
	{ "FINDNUM", YT_OP_OUTCOME_QUERY, YT_RESOLVE_NONE },
	{ "CONSENT", YT_OP_CONSENT_PUT, YT_RESOLVE_RESEND },
	{ "INVOICE", YT_OP_INVOICE_NOTICE, YT_RESOLVE_RESEND },
	{ "SETTLED", YT_OP_SETTLE_NOTICE, YT_RESOLVE_RESEND },
	{ "UNSETTLED", YT_OP_SETTLE_NOTICE_CANCEL, YT_RESOLVE_RESEND },
	{ "ASKCLAIM", YT_OP_CLAIM_QUERY, YT_RESOLVE_NONE },
	{ "CLAIM", YT_OP_CLAIM_SUBMIT, YT_RESOLVE_QUERY },
	{ "ELIGIBLE", YT_OP_CLAIM_ELIGIBILITY, YT_RESOLVE_NONE },
	{ "TOLD", YT_OP_CLAIM_RESULT, YT_RESOLVE_RESEND },
	{ "PAYTOLD", YT_OP_PAY_RESULT, YT_RESOLVE_RESEND },
	{ "BOOKED", YT_OP_PAY_RETURN, YT_RESOLVE_RESEND },
	{ "STATEMENT", YT_OP_STATEMENT_NOTICE, YT_RESOLVE_RESEND },
	{ "FETCH", YT_OP_STATEMENT_FETCH, YT_RESOLVE_NONE },
	{ "CLAIMS", YT_OP_CLAIM_STATEMENT, YT_RESOLVE_NONE },
	{ "WITHDRAW", YT_OP_CLAIM_WITHDRAW, YT_RESOLVE_RESEND },
	{ "ACCOUNT", YT_OP_ACCOUNT_PUT, YT_RESOLVE_RESEND },
	{ "CHECK", YT_OP_ACCOUNT_CHECK, YT_RESOLVE_NONE },
	{ "PAY", YT_OP_PAY_ORDER, YT_RESOLVE_PAY },
	{ "ASKLIST", YT_OP_PAY_BATCH_QUERY, YT_RESOLVE_NONE },
	{ "LIST", YT_OP_PAY_BATCH, YT_RESOLVE_RESEND },
	{ "RESULTS", YT_OP_PAY_BATCH_RESULT, YT_RESOLVE_RESEND },
	{ "ASKPAY", YT_OP_PAY_QUERY, YT_RESOLVE_NONE },
	{ "RECALL", YT_OP_PAY_RECALL, YT_RESOLVE_RESEND },
	{ "TELLPAID", YT_OP_CLAIM_PAYMENT, YT_RESOLVE_RESEND },
	{ "STRANGE", YT_OP_UNREAD, YT_RESOLVE_PARK },
	{ NULL, YT_OP_UNREAD, YT_RESOLVE_PARK },
};

/* -- lines -------------------------------------------------------------------------------------- */

/* The next word of a line; empty at its end. */
static struct yt_str next_word(struct yt_str *rest)
{
	struct yt_str word;

	while (rest->n > 0 && rest->p[0] == ' ') {
		rest->p++;
		rest->n--;
	}
	word = (struct yt_str){ rest->p, 0 };
	while (rest->n > 0 && rest->p[0] != ' ') {
		rest->p++;
		rest->n--;
		word.n++;
	}
	return word;
}

static struct yt_str value_of(struct yt_str line, const char *key)
{
	size_t n = strlen(key);
	struct yt_str word;

	for (word = next_word(&line); word.n != 0; word = next_word(&line)) {
		if (word.n > n && memcmp(word.p, key, n) == 0 && word.p[n] == '=')
			return (struct yt_str){ word.p + n + 1, word.n - n - 1 };
	}
	return (struct yt_str){ 0 };
}

void fake_value(struct yt_str line, const char *key, char *out, size_t size)
{
	struct yt_str value = value_of(line, key);
	size_t n = value.n < size - 1 ? value.n : size - 1;

	if (n > 0)
		memcpy(out, value.p, n);
	out[n] = 0;
}

bool fake_is(struct yt_str line, const char *word)
{
	return yt_str_is(next_word(&line), word);
}

static int64_t number_of(struct yt_str line, const char *key)
{
	char text[24];

	fake_value(line, key, text, sizeof(text));
	return strtoll(text, NULL, 10);
}

static void put(struct yt_buf *out, const char *key, struct yt_str value)
{
	if (value.n != 0)
		yt_buf_printf(out, " %s=%.*s", key, YT_FMT(value));
}

/* -- requests ----------------------------------------------------------------------------------- */

static int fault_at(struct yt_fault *fault, const char *path, const char *why)
{
	snprintf(fault->path, sizeof(fault->path), "%s", path);
	snprintf(fault->why, sizeof(fault->why), "%s", why);
	return YT_EFORMAT;
}

static const struct yt_wire_op *wire_op(struct yt_str word)
{
	const struct yt_wire_op *op;

	for (op = ops; op->wire != NULL && !yt_str_is(word, op->wire); op++)
		;
	return op->wire != NULL ? op : NULL;
}

/* Members of a payment, by their words here. */
static const struct {
	const char *word, *name;
} paying[] = { { "pay", "pay_no" }, { "askpay", "orig_pay_no" }, { "yuan", "pay_amt" }, { "to", "payee_acct" },
	{ "named", "payee_name" }, { "from", "payer_acct" }, { "ptype", "pay_type" }, { "purpose", "purpose" },
	{ "psn", "psn_name" }, { "payout", "payout_no" }, { "pst", "pay_state" }, { "advice", "pay_advice" },
	{ "alarm", "pay_alarm" }, { "claim", "claim_no" }, { "oflist", "batch_no" }, { "ofacct", "acct" },
	{ "since", "begin_date" }, { "till", "end_date" }, { "page", "page_no" }, { "pages", "page_cnt" },
	{ "mark", "page_mark" }, { "over", "is_whole" }, { "uetr", "uetr" }, { "bserial", "bank_serial" },
	{ "chk", "check_result" }, { "bcode", "bank_code" }, { "listday", "stmt_date" }, { "listpage", "page" },
	{ "listpages", "pages" }, { "listtotal", "total" } };

static struct yt_str cut(struct yt_str *rest, char at)
{
	struct yt_str part = *rest;
	const char *end = memchr(rest->p, at, rest->n);

	if (end != NULL)
		part.n = (size_t)(end - rest->p);
	rest->p += part.n + (end != NULL);
	rest->n -= part.n + (end != NULL);
	return part;
}

/* Claims of a day: SETTLEMENT/STATE/YUAN/WHO PAYS/BANK'S SERIAL, with commas between; what comes last may be left out.
 */
static void list_claims(struct yt_arena *arena, struct yt_node *body, struct yt_str rest)
{
	static const char *const names[] = { "setl_id", "claim_state", "payable_amt", "pay_by", "bank_serial" };
	struct yt_node *rows = yt_node_add(arena, body, YT_STR("claims"), YT_ARRAY), *row;

	while (rest.n > 0) {
		struct yt_str one = cut(&rest, ','), value;

		row = yt_node_add(arena, rows, YT_STR(""), YT_OBJECT);
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && one.n > 0; i++) {
			value = cut(&one, '/');
			if (i == 1 && yt_str_is(value, "RETURNED")) {
				yt_node_add_text(arena, row, "pay_state", value);
				value = YT_STR("PAID");
			}
			yt_node_add_text(arena, row, names[i], value);
		}
	}
}

/* Lines of a statement, as many as entry= has numbers: A,B,-; all else they have in common. */
static void list_entries(struct yt_arena *arena, struct yt_node *body, struct yt_str line)
{
	static const char *const names[][2] = { { "dc_flag", "dc" }, { "entry_state", "booked" },
		{ "entry_amt", "sum" }, { "opp_acct", "acct" }, { "book_date", "day" }, { "bank_serial", "serial" },
		{ "orig_bank_serial", "takesback" }, { "uetr", "byuetr" }, { "orig_msg_no", "bymsg" },
		{ "batch_cnt", "payments" } };
	struct yt_node *all = yt_node_add(arena, body, YT_STR("statement"), YT_ARRAY);
	struct yt_node *one = yt_node_add(arena, all, YT_STR(""), YT_OBJECT);
	struct yt_node *rows = yt_node_add(arena, one, YT_STR("entry"), YT_ARRAY), *row;
	static const char *const heads[][2] = { { "acct", "books" }, { "sequence_no", "nr" }, { "open_bal", "opens" },
		{ "close_bal", "closes" }, { "begin_date", "since" }, { "end_date", "till" }, { "page_cnt", "pages" },
		{ "copy", "copy" } };
	struct yt_str rest = value_of(line, "entry"), number;

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (value_of(line, heads[i][1]).n > 0)
			yt_node_add_text(arena, one, heads[i][0], value_of(line, heads[i][1]));
	while (rest.n > 0) {
		number = cut(&rest, ',');
		row = yt_node_add(arena, rows, YT_STR(""), YT_OBJECT);
		if (!yt_str_is(number, "-"))
			yt_node_add_text(arena, row, "pay_no", number);
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			yt_node_add_text(arena, row, names[i][0], value_of(line, names[i][1]));
	}
}

/* Amounts that "do not add up" are written total=3 paid=2. */
static struct yt_node *body_of(struct yt_arena *arena, struct yt_str line)
{
	struct yt_node *body = yt_node_new(arena, YT_OBJECT);
	struct yt_node *data = yt_node_add(arena, body, YT_STR("data"), YT_OBJECT);

	if (value_of(line, "total").n != 0) {
		yt_node_add_text(arena, data, "medfee_sumamt", value_of(line, "total"));
		yt_node_add_text(arena, data, "inscp_scp_amt", value_of(line, "paid"));
	}
	if (fake_is(line, "SETTLED")) { /* what an agency tells of a settlement */
		struct yt_node *told = yt_node_add(arena, body, YT_STR("setlinfo"), YT_OBJECT);

		yt_node_add_text(arena, told, "setl_id", value_of(line, "setl"));
		yt_node_add_text(arena, told, "medfee_sumamt", value_of(line, "fee"));
		yt_node_add_text(arena, told, "psn_cash_pay", value_of(line, "cash"));
	}
	if (value_of(line, "sn").n != 0) { /* a fee line of one yuan */
		struct yt_node *rows = yt_node_add(arena, body, YT_STR("feedetail"), YT_ARRAY);
		struct yt_node *row = yt_node_add(arena, rows, YT_STR(""), YT_OBJECT);

		yt_node_add_text(arena, row, "feedetl_sn", value_of(line, "sn"));
		yt_node_add_text(arena, row, "cnt", YT_STR("1"));
		yt_node_add_text(arena, row, "pric", YT_STR("1"));
		yt_node_add_text(arena, row, "det_item_fee_sumamt", YT_STR("1"));
	}
	if (value_of(line, "bill").n != 0)
		yt_node_add_text(arena,
		        yt_node_add(arena, yt_node_add(arena, body, YT_STR("bill"), YT_ARRAY), YT_STR(""), YT_OBJECT),
		        "elec_billno_code", value_of(line, "bill"));
	for (size_t i = 0; i < sizeof(paying) / sizeof(paying[0]); i++)
		if (value_of(line, paying[i].word).n != 0)
			yt_node_add_text(arena, data, paying[i].name, value_of(line, paying[i].word));
	if (value_of(line, "list").n != 0) { /* of two payouts, to whom data says */
		static const char *const words[2][4] = { { "p1", "y1", "t1", "u1" }, { "p2", "y2", "t2", "u2" } };
		struct yt_node *rows = yt_node_add(arena, body, YT_STR("payout"), YT_ARRAY);

		yt_node_add_text(arena, data, "batch_no", value_of(line, "list"));
		yt_node_add_text(arena, data, "pay_sumamt", value_of(line, "all"));
		for (size_t i = 0; i < 2; i++) {
			struct yt_node *row = yt_node_add(arena, rows, YT_STR(""), YT_OBJECT);

			yt_node_add_text(arena, row, "pay_no", value_of(line, words[i][0]));
			yt_node_add_text(arena, row, "pay_amt", value_of(line, words[i][1]));
			yt_node_add_text(arena, row, "payee_acct", value_of(line, words[i][2]));
			yt_node_add_text(arena, row, "purpose", value_of(line, words[i][3]));
		}
	}
	if (value_of(line, "account").n != 0) {
		struct yt_node *payee = yt_node_add(arena, body, YT_STR("payee"), YT_OBJECT);

		yt_node_add_text(arena, payee, "relation", value_of(line, "relation"));
		yt_node_add_text(arena, payee, "name", value_of(line, "named"));
		yt_node_add_text(arena, payee, "bank_acct_no", value_of(line, "account"));
	}
	if (value_of(line, "auth").n != 0)
		yt_node_add_text(arena, yt_node_add(arena, body, YT_STR("consent"), YT_OBJECT), "auth_no",
		        value_of(line, "auth"));
	if (value_of(line, "about").n != 0) { /* a bank's word, or an entry in its books */
		struct yt_node *rows = yt_node_add(arena, body, YT_STR("payout"), YT_ARRAY);
		struct yt_node *row = yt_node_add(arena, rows, YT_STR(""), YT_OBJECT);

		yt_node_add_text(arena, row, "pay_no", value_of(line, "about"));
		yt_node_add_text(arena, row, "pay_state", value_of(line, "told"));
		yt_node_add_text(arena, row, "pay_amt", value_of(line, "sum"));
	}
	if (value_of(line, "ofmsg").n != 0) { /* ... of our message as a whole */
		yt_node_add_text(arena, data, "orig_msg_no", value_of(line, "ofmsg"));
		yt_node_add_text(arena, data, "pay_state", value_of(line, "whole"));
	}
	if (value_of(line, "entry").n != 0) {
		list_entries(arena, body, line);
		yt_node_add_text(arena, data, "is_final", value_of(line, "final"));
	}
	if (value_of(line, "told").n != 0) { /* an insurer's event */
		yt_node_add_text(arena, data, "event_seq", value_of(line, "seq"));
		yt_node_add_text(arena, data, "claim_state", value_of(line, "told"));
		yt_node_add_text(arena, data, "pay_state", value_of(line, "pay"));
	}
	if (value_of(line, "rows").n != 0)
		list_claims(arena, body, value_of(line, "rows"));
	yt_node_add_text(arena, body, "state", value_of(line, "state"));
	return body;
}

static int fake_decode_request(struct yt_plugin *self, struct yt_str octets, struct yt_msg *msg, struct yt_fault *fault)
{
	const char *bar = memchr(octets.p, '|', octets.n);
	struct yt_str rest = octets;
	const struct yt_wire_op *op = wire_op(next_word(&rest));

	if (op == NULL && fake_is(octets, "DONE") && value_of(octets, "page").n != 0)
		op = wire_op(YT_STR("STATEMENT")); /* the answer to FETCH, handed in as what was told */
	if (op == NULL)
		return fault_at(fault, "operation", "is not known");
	if (value_of(octets, "fills").n != 0) { /* all that there is */
		for (size_t size = 1 << 16; size > 0; size /= 2)
			while (yt_arena_alloc(msg->arena, size) != NULL)
				;
		return YT_ENOMEM;
	}
	msg->op = yt_op(op->op);
	msg->wire_op = yt_str(op->wire);
	msg->institution = value_of(octets, "inst");
	msg->number = value_of(octets, "num");
	msg->operator_id = value_of(octets, "op");
	msg->sign_no = value_of(octets, "sign");
	msg->person = value_of(octets, "person");
	msg->visit = value_of(octets, "visit");
	msg->own_visit = value_of(octets, "own");
	msg->batch = value_of(octets, "batch");
	msg->settlement = value_of(octets, "setl");
	msg->original_number = value_of(octets, "orig");
	msg->original_wire_op = value_of(octets, "origop");
	msg->amount_fen = number_of(octets, "amt");
	msg->expires_ms = number_of(octets, "until");
	msg->valid_from_ms = number_of(octets, "from");
	msg->is_authentic = msg->expires_ms != 0 || msg->valid_from_ms != 0;
	msg->body = body_of(msg->arena, octets);
	msg->head = yt_node_new(msg->arena, YT_OBJECT);
	if (bar != NULL)
		msg->content = (struct yt_str){ bar + 1, octets.n - (size_t)(bar + 1 - octets.p) };
	if (msg->institution.n == 0 || msg->number.n == 0)
		return fault_at(fault, "num", "is missing");
	return 0;
}

static int fake_encode_request(
        struct yt_plugin *self, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault)
{
	if (yt_str_is(msg->visit, "unspeakable"))
		return fault_at(fault, "visit", "cannot be said");
	yt_buf_str(out, msg->wire_op);
	put(out, "inst", msg->institution);
	put(out, "num", msg->number);
	put(out, "op", msg->operator_id);
	put(out, "sign", msg->sign_no);
	yt_buf_text(out, " |");
	put(out, "person", msg->person);
	put(out, "visit", msg->visit);
	put(out, "own", msg->own_visit);
	put(out, "batch", msg->batch);
	put(out, "setl", msg->settlement);
	put(out, "orig", msg->original_number);
	put(out, "origop", msg->original_wire_op);
	for (size_t i = 0; i < sizeof(paying) / sizeof(paying[0]); i++)
		put(out, paying[i].word, yt_node_text(yt_node_get(msg->body, "data"), paying[i].name));
	for (const struct yt_node *row = msg->op->id != YT_OP_PAY_BATCH_RESULT ||
	                                                 yt_node_get(msg->body, "payout") == NULL
	                                         ? NULL
	                                         : yt_node_get(msg->body, "payout")->child;
	        row != NULL; row = row->next)
		yt_buf_printf(
		        out, " %.*s=%.*s", YT_FMT(yt_node_text(row, "pay_no")), YT_FMT(yt_node_text(row, "pay_state")));
	if (msg->amount_fen != 0)
		yt_buf_printf(out, " amt=%lld", (long long)msg->amount_fen);
	return 0;
}

/* -- answers ------------------------------------------------------------------------------------ */

static int fake_encode_reply(
        struct yt_plugin *self, const struct yt_msg *msg, const struct yt_reply *reply, struct yt_buf *out)
{
	YT_REQUIRE(reply->outcome == YT_DONE || reply->outcome == YT_REFUSED);
	yt_buf_text(out, reply->outcome == YT_DONE ? "DONE" : "REFUSED");
	put(out, "visit", reply->visit);
	put(out, "setl", reply->settlement);
	put(out, "sign", reply->sign_no);
	put(out, "at", yt_arena_printf(reply->arena, "%lld", (long long)reply->wall_ms)); /* two answers are two */
	if (reply->head != NULL)
		put(out, "warn", yt_node_text(reply->head, "warn_msg"));
	for (const struct yt_node *row = msg->op->id != YT_OP_PAY_BATCH_QUERY || reply->body == NULL
	                                         ? NULL
	                                         : yt_node_get(reply->body, "payout")->child;
	        row != NULL; row = row->next)
		yt_buf_printf(
		        out, " %.*s=%.*s", YT_FMT(yt_node_text(row, "pay_no")), YT_FMT(yt_node_text(row, "pay_state")));
	for (const struct yt_node *c = msg->op->id != YT_OP_PAY_QUERY || reply->body == NULL
	                                       ? NULL
	                                       : yt_node_get(reply->body, "data")->child;
	        c != NULL; c = c->next)
		yt_buf_printf(out, " %.*s=%.*s", YT_FMT(c->name), YT_FMT(c->text));
	if (reply->text.n != 0)
		yt_buf_printf(out, " : %.*s", YT_FMT(reply->text));
	return 0;
}

static int fake_decode_reply(
        struct yt_plugin *self, const struct yt_msg *msg, int status, struct yt_str octets, struct yt_reply *reply)
{
	struct yt_str line = yt_arena_copy(reply->arena, octets);

	reply->outcome = YT_UNKNOWN;
	reply->text = YT_STR("cannot be read");
	if (status != 200 || line.n == 0 || line.p[line.n - 1] != '.') /* a whole answer ends with a stop */
		return 0;
	if (fake_is(line, "DONE"))
		reply->outcome = YT_DONE;
	else if (fake_is(line, "REFUSED"))
		reply->outcome = YT_REFUSED;
	else
		return 0;
	reply->text = reply->outcome == YT_REFUSED ? line : (struct yt_str){ 0 };
	reply->code = reply->outcome == YT_DONE ? YT_STR("0") : YT_STR("-1");
	reply->visit = value_of(line, "visit");
	reply->settlement = value_of(line, "setl");
	reply->sign_no = value_of(line, "sign");
	reply->breach = value_of(line, "breach");
	reply->amount_fen = number_of(line, "amt");
	reply->already_done = value_of(line, "why").n != 0 && yt_str_is(value_of(line, "why"), "already");
	reply->never_happened = yt_str_is(value_of(line, "why"), "absent");
	reply->too_late = yt_str_is(value_of(line, "why"), "late");
	reply->session_expired = yt_str_is(value_of(line, "why"), "expired");
	reply->at_gateway = yt_str_is(value_of(line, "why"), "gateway") || yt_str_is(value_of(line, "why"), "busynow");
	reply->may_retry = yt_str_is(value_of(line, "why"), "busy") || yt_str_is(value_of(line, "why"), "busynow");
	reply->retry_after_ms = number_of(line, "after");
	reply->body = body_of(reply->arena, line);
	if (value_of(line, "bare").n == 0)
		reply->head = yt_node_new(reply->arena, YT_OBJECT);
	return 0;
}

/* Without an instance the caller id is the header "caller", and the signature "good" is right. */
static struct yt_str header(const struct yt_header *headers, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (yt_str_is(headers[i].name, name))
			return headers[i].value;
	}
	return (struct yt_str){ 0 };
}

static struct yt_str fake_sender(struct yt_plugin *self, const struct yt_header *headers, size_t n)
{
	return header(headers, n, "caller");
}

static int fake_verify(struct yt_plugin *self, const struct yt_header *headers, size_t n, struct yt_str key,
        int64_t now_ms, struct yt_fault *fault)
{
	if (yt_str_eq(header(headers, n, "signature"), key))
		return 0;
	fault_at(fault, "signature", "is wrong");
	return YT_EDENIED;
}

/* -- finding out -------------------------------------------------------------------------------- */

static void own_message(struct yt_msg *msg, const struct yt_msg *original, enum yt_operation op, const char *wire)
{
	msg->op = yt_op(op);
	msg->wire_op = yt_str(wire);
	msg->institution = yt_arena_copy(msg->arena, original->institution);
	msg->person = yt_arena_copy(msg->arena, original->person);
}

static int fake_query_for(struct yt_plugin *self, const struct yt_msg *original, struct yt_msg *query)
{
	if (original->op->id == YT_OP_OUTPATIENT_REGISTER) {
		own_message(query, original, YT_OP_VISIT_QUERY, "FINDVISIT");
		query->own_visit = yt_arena_copy(query->arena, original->own_visit);
		return 0;
	}
	if (original->op->id == YT_OP_OUTPATIENT_SETTLE_CANCEL) {
		own_message(query, original, YT_OP_SETTLEMENT_QUERY, "FINDSETL");
		query->settlement = yt_arena_copy(query->arena, original->settlement);
		return 0;
	}
	if (original->op->id == YT_OP_PAY_ORDER) {
		own_message(query, original, YT_OP_PAY_QUERY, "ASKPAY");
		query->body = yt_node_new(query->arena, YT_OBJECT);
		yt_node_add_text(query->arena, yt_node_add(query->arena, query->body, YT_STR("data"), YT_OBJECT),
		        "orig_pay_no", yt_node_text(yt_node_get(original->body, "data"), "pay_no"));
		return 0;
	}
	return YT_ENOTFOUND;
}

static enum yt_judgement judge_payment(const struct yt_reply *answer, struct yt_reply *adopted)
{
	enum yt_pay_state state = yt_pay_state_of(yt_node_text(yt_node_get(answer->body, "data"), "pay_state"));

	if (answer->never_happened)
		return YT_ABSENT;
	if (answer->outcome != YT_DONE || state == YT_PAY_STATES || state == YT_PAY_UNKNOWN)
		return YT_UNSURE;
	adopted->outcome = yt_pay_outcome(state);
	adopted->body = answer->body;
	adopted->code = answer->code;
	return YT_FOUND;
}

static enum yt_judgement fake_judge(
        struct yt_plugin *self, const struct yt_msg *original, const struct yt_reply *answer, struct yt_reply *adopted)
{
	struct yt_str state = yt_node_text(answer->body, "state");

	if (original->op->id == YT_OP_PAY_ORDER)
		return judge_payment(answer, adopted);
	if (answer->outcome != YT_DONE)
		return YT_UNSURE;
	if (yt_str_is(state, "absent"))
		return YT_ABSENT;
	if (!yt_str_is(state, "found"))
		return YT_UNSURE;
	adopted->outcome = YT_DONE;
	adopted->code = YT_STR("0");
	adopted->visit = answer->visit;
	adopted->settlement = answer->settlement;
	adopted->breach = answer->breach;
	return YT_FOUND;
}

static int fake_reversal_of(struct yt_plugin *self, const struct yt_msg *original, struct yt_msg *reversal)
{
	if (original->op->id != YT_OP_OUTPATIENT_SETTLE && original->op->id != YT_OP_OUTPATIENT_SETTLE_CANCEL &&
	        original->op->id != YT_OP_INPATIENT_ADMIT)
		return YT_ENOTFOUND;
	own_message(reversal, original, YT_OP_REVERSE, "REVERSE");
	reversal->original_number = yt_arena_copy(reversal->arena, original->number);
	reversal->original_wire_op = yt_arena_copy(reversal->arena, original->wire_op);
	return 0;
}

static int fake_sign_in_for(
        struct yt_plugin *self, struct yt_str institution, struct yt_str operator_id, struct yt_msg *sign_in)
{
	sign_in->op = yt_op(YT_OP_SIGN_IN);
	sign_in->wire_op = YT_STR("SIGNIN");
	sign_in->institution = yt_arena_copy(sign_in->arena, institution);
	sign_in->operator_id = yt_arena_copy(sign_in->arena, operator_id);
	return 0;
}

const struct yt_codec_api fake_codec = { .abi_major = YT_ABI_MAJOR,
	.abi_minor = YT_ABI_MINOR,
	.size = sizeof(struct yt_codec_api),
	.name = "fake",
	.content_type = "text/plain",
	.ops = ops,
	.decode_request = fake_decode_request,
	.encode_reply = fake_encode_reply,
	.verify = fake_verify,
	.sender = fake_sender,
	.encode_request = fake_encode_request,
	.decode_reply = fake_decode_reply,
	.query_for = fake_query_for,
	.judge = fake_judge,
	.reversal_of = fake_reversal_of,
	.sign_in_for = fake_sign_in_for };
