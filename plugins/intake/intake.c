/* plugins/intake/intake.c - what the gateway itself is told, in a JSON form of its own: README.md has it member by
 * member.
 *
 *   listener (format: intake) -> decode_request() -> engine: kept as facts of the person or the visit, never sent on
 *   encode_reply() -> {"number", "code", "text"}, of a list that was asked for its payouts, of one order its state
 * What is needed of each object is a table; the rest of the message goes into the facts' own table (engine/facts.c). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yitong/json.h>
#include <yitong/payout.h>
#include <yitong/plugin.h>

#include "intake.h"

static const struct yt_wire_op ops[] = {
	{ "CONSENT", YT_OP_CONSENT_PUT, YT_RESOLVE_RESEND },
	{ "ACCOUNT", YT_OP_ACCOUNT_PUT, YT_RESOLVE_RESEND },
	{ "INVOICE", YT_OP_INVOICE_NOTICE, YT_RESOLVE_RESEND },
	{ "PAYOUT", YT_OP_PAY_ORDER, YT_RESOLVE_RESEND },
	{ "PAYOUTS", YT_OP_PAY_BATCH, YT_RESOLVE_RESEND },
	{ "LISTED", YT_OP_PAY_BATCH_QUERY, YT_RESOLVE_NONE },
	{ "ORDERED", YT_OP_PAY_QUERY, YT_RESOLVE_NONE },
	{ "RESULTS", YT_OP_PAY_BATCH_RESULT, YT_RESOLVE_RESEND },
	{ "SETTLED", YT_OP_SETTLE_NOTICE, YT_RESOLVE_RESEND },
	{ "UNSETTLED", YT_OP_SETTLE_NOTICE_CANCEL, YT_RESOLVE_RESEND },
	{ NULL, YT_OP_UNREAD, YT_RESOLVE_PARK },
};

enum kind { TEXT, NAME, DAY, MOMENT, SM3, DIGITS, CODE, BANK_NO, FLAGS, AMOUNT, SUM };

/* What each message is about: an object, or rows. */
static const struct part {
	enum yt_operation op;
	const char *name;
	bool is_rows, must;
} parts[] = {
	{ YT_OP_CONSENT_PUT, "consent", false, true },
	{ YT_OP_ACCOUNT_PUT, "payee", false, true },
	{ YT_OP_INVOICE_NOTICE, "bill", true, true },
	{ YT_OP_SETTLE_NOTICE, "setlinfo", false, true },
	{ YT_OP_SETTLE_NOTICE, "diseinfo", true, false },
	{ YT_OP_SETTLE_NOTICE, "feedetail", true, false },
	{ YT_OP_SETTLE_NOTICE, "bill", true, false },
};

static const struct need {
	const char *object, *name;
	enum kind kind;
	size_t least, most; /* characters; DIGITS, NAME and TEXT; of a CODE the smallest and the greatest */
} needs[] = {
	{ "consent", "auth_no", TEXT, 1, 32 },
	{ "consent", "auth_time", MOMENT, 0, 0 },
	{ "consent", "scope", FLAGS, 4, 4 },
	{ "consent", "channel", CODE, 1, 3 },
	{ "consent", "expire_date", DAY, 0, 0 },
	{ "consent", "evidence_sm3", SM3, 0, 0 },
	{ "payee", "relation", CODE, 0, 2 }, /* of two digits */
	{ "payee", "name", NAME, 1, 70 },
	{ "payee", "bank_acct_no", DIGITS, 8, 32 },
	{ "payee", "bank_no", BANK_NO, 12, 12 },
	{ "payee", "bank_name", NAME, 1, 70 },
	{ "bill", "elec_bill_code", TEXT, 1, 50 },
	{ "bill", "elec_billno_code", TEXT, 1, 50 },
	{ "bill", "elec_bill_chkcode", TEXT, 6, 6 },
	{ "bill", "bill_date", DAY, 0, 0 },
	{ "bill", "bill_amt", AMOUNT, 0, 0 },
	{ "setlinfo", "setl_id", TEXT, 1, 30 },
	{ "setlinfo", "setl_time", MOMENT, 0, 0 },
	{ "setlinfo", "psn_name", TEXT, 1, 70 },
	{ "setlinfo", "psn_cert_type", DIGITS, 2, 2 },
	{ "setlinfo", "certno", TEXT, 1, 50 },
	{ "setlinfo", "gend", DIGITS, 1, 1 },
	{ "setlinfo", "brdy", DAY, 0, 0 },
	{ "setlinfo", "med_type", DIGITS, 2, 6 },
	{ "setlinfo", "begntime", MOMENT, 0, 0 },
	{ "setlinfo", "medfee_sumamt", AMOUNT, 0, 0 },
	{ "setlinfo", "fund_pay_sumamt", SUM, 0, 0 },
	{ "setlinfo", "acct_pay", SUM, 0, 0 },
	{ "setlinfo", "psn_cash_pay", SUM, 0, 0 },
	{ "setlinfo", "preselfpay_amt", SUM, 0, 0 },
	{ "setlinfo", "overlmt_selfpay", SUM, 0, 0 },
	{ "setlinfo", "fulamt_ownpay_amt", SUM, 0, 0 },
	{ "setlinfo", "inscp_scp_amt", SUM, 0, 0 },
	{ "diseinfo", "diag_code", TEXT, 1, 20 },
	{ "diseinfo", "diag_name", TEXT, 1, 200 },
	{ "feedetail", "feedetl_sn", TEXT, 1, 30 },
	{ "feedetail", "med_list_codg", TEXT, 1, 50 },
	{ "feedetail", "det_item_fee_sumamt", SUM, 0, 0 },
};

int intake_refuse(struct yt_fault *fault, const char *path, const char *why)
{
	snprintf(fault->path, sizeof(fault->path), "%s", path);
	snprintf(fault->why, sizeof(fault->why), "%s", why);
	return YT_EFORMAT;
}

/* -- values --------------------------------------------------------------------------------------- */

static bool all_of(struct yt_str s, const char *letters)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\0' || strchr(letters, s.p[i]) == NULL)
			return false;
	return true;
}

/* "2026-11-20" or "2026-11-20 16:10:05". */
static bool is_moment(struct yt_str s, bool with_time)
{
	char text[20] = "0000-00-00 00:00:00";
	int64_t ms;

	if (s.n != (with_time ? 19u : 10u))
		return false;
	memcpy(text, s.p, s.n);
	return yt_time_parse((struct yt_str){ text, 19 }, &ms) == 0;
}

static size_t characters(struct yt_str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((uint8_t)s.p[i] & 0xc0) != 0x80;
	return n;
}

/* A relation has two digits, a channel one. */
static bool is_code(const struct need *need, struct yt_str text)
{
	size_t n = need->least == 0 ? 2 : 1;
	char last = text.n == n ? text.p[n - 1] : '\0';

	return text.n == n && (n == 1 || text.p[0] == '0') && last >= '0' + (int)need->least &&
	       last <= '0' + (int)need->most;
}

static const char *wrong(const struct need *need, const struct yt_node *object)
{
	const struct yt_node *node = yt_node_get(object, need->name);
	struct yt_str text = yt_node_text(object, need->name);
	int64_t fen;

	if (node == NULL || (text.n == 0 && need->kind != TEXT))
		return "is missing";
	switch (need->kind) {
	case AMOUNT:
	case SUM:
		return yt_node_fen(object, need->name, &fen) == 0 && fen >= (need->kind == AMOUNT)
		               ? NULL
		               : "is not an amount in yuan with two decimals";
	case DAY:
		return is_moment(text, false) ? NULL : "is not a date as 2026-11-20";
	case MOMENT:
		return is_moment(text, true) ? NULL : "is not a time as 2026-11-20 16:10:05";
	case SM3:
		return text.n == 64 && all_of(text, "0123456789abcdef") ? NULL
		                                                        : "is not 64 hexadecimal digits in lower case";
	case DIGITS:
		if (!all_of(text, "0123456789"))
			return "is not of digits";
		break;
	case CODE:
		return is_code(need, text) ? NULL : "is no code that it may have";
	case BANK_NO:
		return yt_bank_no_is_valid(text) ? NULL : "is not a line number of 12 digits with its check digit";
	case NAME:
		if (!yt_account_name_fits(text, text))
			return "is blank";
		if (yt_payout_text_fault(text) != NULL)
			return yt_payout_text_fault(text);
		break;
	case FLAGS:
		if (!all_of(text, "01"))
			return "is not of 0 and 1";
		break;
	case TEXT:
		break;
	}
	return characters(text) >= need->least && characters(text) <= need->most ? NULL : "is too short or too long";
}

static int check_object(const struct yt_node *object, const char *name, int row, struct yt_fault *fault)
{
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		const char *why = strcmp(needs[i].object, name) == 0 ? wrong(&needs[i], object) : NULL;

		if (why == NULL)
			continue;
		if (row < 0)
			snprintf(fault->path, sizeof(fault->path), "%s.%s", name, needs[i].name);
		else
			snprintf(fault->path, sizeof(fault->path), "%s[%d].%s", name, row, needs[i].name);
		snprintf(fault->why, sizeof(fault->why), "%s", why);
		return YT_EFORMAT;
	}
	return 0;
}

/* As at every bank; what the gateway's configuration has stands in for what the message may leave out. */
static int check_payout(const struct yt_node *body, const struct yt_node *row, const char *path, struct yt_str *no,
        struct yt_fault *fault)
{
	struct yt_payout p;
	int rv = yt_payout_read(body, row, path, &p, fault);

	if (rv != 0)
		return rv;
	*no = p.no;
	p.payer_acct = p.payer_acct.n > 0 ? p.payer_acct : YT_STR("0");
	p.payer_name = p.payer_name.n > 0 ? p.payer_name : YT_STR("0");
	p.purpose = p.purpose.n > 0 ? p.purpose : YT_STR("0");
	return yt_payout_check(&p, path, 0, NULL, fault);
}

static int check_order(const struct yt_node *body, struct yt_str number, struct yt_fault *fault)
{
	const struct yt_node *data = yt_node_get(body, "data");
	struct yt_str no;
	int rv;

	if (data == NULL || data->kind != YT_OBJECT || yt_node_get(body, "payout") != NULL)
		return intake_refuse(fault, "data", "must be an object, one payout");
	rv = check_payout(body, data, "data", &no, fault);
	if (rv == 0 && !yt_str_eq(no, number))
		return intake_refuse(fault, "data.pay_no", "must be the message's number: a payout is ordered once");
	return rv;
}

static int check_head_of_list(const struct yt_node *data, struct yt_str number, struct yt_fault *fault)
{
	int64_t fen;

	if (data == NULL || data->kind != YT_OBJECT)
		return intake_refuse(fault, "data", "must be an object: the list's number, count and sum");
	if (number.n > 22 || !yt_str_eq(yt_node_text(data, "batch_no"), number))
		return intake_refuse(fault, "data.batch_no",
		        "must be the message's number, at most 22 characters: a list is ordered once");
	if (yt_node_text(data, "pay_no").n > 0 || yt_node_text(data, "pay_amt").n > 0)
		return intake_refuse(fault, "data", "has what belongs to each payout: its number, its amount");
	if (yt_node_text(data, "pay_cnt").n == 0)
		return intake_refuse(fault, "data.pay_cnt", "is missing: how many payouts there are");
	if (yt_node_fen(data, "pay_sumamt", &fen) != 0 || fen <= 0)
		return intake_refuse(fault, "data.pay_sumamt", "is not the sum of all payouts in yuan");
	return 0;
}

struct numbered { /* a payout of a list */
	struct yt_str no;
	unsigned row;
};

static int by_number(const void *a, const void *b)
{
	const struct numbered *x = a, *y = b;
	int order = memcmp(x->no.p, y->no.p, x->no.n < y->no.n ? x->no.n : y->no.n);

	if (order == 0 && x->no.n != y->no.n)
		order = x->no.n < y->no.n ? -1 : 1;
	return order != 0 ? order : x->row < y->row ? -1 : x->row > y->row;
}

/* None of them twice; they are sorted. */
static int check_numbers(struct numbered *numbers, unsigned n, struct yt_fault *fault)
{
	unsigned again = n;
	char path[64];

	qsort(numbers, n, sizeof(*numbers), by_number);
	for (unsigned i = 1; i < n; i++)
		if (yt_str_eq(numbers[i - 1].no, numbers[i].no) && numbers[i].row < again)
			again = numbers[i].row;
	if (again == n)
		return 0;
	snprintf(path, sizeof(path), "payout[%u].pay_no", again);
	return intake_refuse(fault, path, "is the number of another payout of the list");
}

/* A list: each payout as if it were alone.  How many there may be is the gateway's to say. */
static int check_list(struct yt_arena *arena, const struct yt_node *body, struct yt_str number, struct yt_fault *fault)
{
	const struct yt_node *rows = yt_node_get(body, "payout");
	struct numbered *numbers;
	char path[64];
	unsigned i = 0;
	int rv = check_head_of_list(yt_node_get(body, "data"), number, fault);

	if (rv != 0)
		return rv;
	if (rows == NULL || rows->kind != YT_ARRAY || rows->n == 0)
		return intake_refuse(fault, "payout", "must be an array of payouts, at least one");
	numbers = yt_arena_alloc(arena, rows->n * sizeof(*numbers));
	if (numbers == NULL)
		return YT_ENOMEM;
	for (const struct yt_node *row = rows->child; row != NULL; row = row->next, i++) {
		snprintf(path, sizeof(path), "payout[%u]", i);
		if (row->kind != YT_OBJECT)
			return intake_refuse(fault, path, "must be an object");
		numbers[i].row = i;
		rv = check_payout(body, row, path, &numbers[i].no, fault);
		if (rv != 0)
			return rv;
	}
	return check_numbers(numbers, i, fault);
}

static int check_rows(const struct yt_node *rows, const char *name, struct yt_fault *fault)
{
	char path[40];
	int row = 0, rv = 0;

	if (rows->child == NULL)
		return intake_refuse(fault, name, "holds no row");
	for (const struct yt_node *r = rows->child; rv == 0 && r != NULL; r = r->next, row++) {
		snprintf(path, sizeof(path), "%s[%d]", name, row);
		rv = r->kind == YT_OBJECT ? check_object(r, name, row, fault)
		                          : intake_refuse(fault, path, "must be an object");
	}
	return rv;
}

/* The objects, or the rows, that this operation is about. */
static int check_body(enum yt_operation op, const struct yt_node *body, struct yt_fault *fault)
{
	int rv = 0;

	for (size_t i = 0; rv == 0 && i < sizeof(parts) / sizeof(parts[0]); i++) {
		const struct yt_node *node = parts[i].op == op ? yt_node_get(body, parts[i].name) : NULL;

		if (parts[i].op != op || (node == NULL && !parts[i].must))
			continue;
		if (node == NULL || node->kind != (parts[i].is_rows ? YT_ARRAY : YT_OBJECT))
			rv = intake_refuse(fault, parts[i].name,
			        parts[i].is_rows ? "must be an array of objects" : "must be an object");
		else
			rv = parts[i].is_rows ? check_rows(node, parts[i].name, fault)
			                      : check_object(node, parts[i].name, -1, fault);
	}
	return rv;
}

/* -- requests ------------------------------------------------------------------------------------- */

static const struct yt_wire_op *op_by_name(struct yt_str name)
{
	for (const struct yt_wire_op *op = ops; op->wire != NULL; op++)
		if (yt_str_is(name, yt_op(op->op)->name))
			return op;
	return NULL;
}

/* As our own records have numbers: none of those. */
static bool is_number(struct yt_str text)
{
	return text.n > 0 && text.n <= 36 &&
	       all_of(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.");
}

static int check_names(const struct yt_msg *msg, struct yt_fault *fault)
{
	if (!is_number(msg->number))
		return intake_refuse(fault, "number",
		        "must be 1 to 36 letters, digits or -_. of your own, another for each message");
	if (msg->institution.n == 0 || msg->institution.n > 30)
		return intake_refuse(fault, "institution", "must name for whom this is said");
	switch (msg->op->id) {
	case YT_OP_PAY_ORDER:
	case YT_OP_PAY_BATCH:
		return 0;
	case YT_OP_PAY_BATCH_RESULT: /* ours, read back */
		return msg->path.n == 0 ? 0 : intake_refuse(fault, "operation", "is what the gateway tells");
	case YT_OP_PAY_BATCH_QUERY:
		return yt_node_text(yt_node_get(msg->body, "data"), "batch_no").n > 0
		               ? 0
		               : intake_refuse(fault, "data.batch_no", "must name the list that is asked for");
	case YT_OP_PAY_QUERY:
		return is_number(yt_node_text(yt_node_get(msg->body, "data"), "pay_no"))
		               ? 0
		               : intake_refuse(
		                         fault, "data.pay_no", "must be the number of the payout that is asked for");
	case YT_OP_SETTLE_NOTICE_CANCEL:
		return msg->settlement.n > 0 && msg->settlement.n <= 30
		               ? 0
		               : intake_refuse(fault, "setl_id", "must name the settlement that was cancelled");
	case YT_OP_SETTLE_NOTICE:
		if (msg->insured_area.n != 6 || !all_of(msg->insured_area, "0123456789"))
			return intake_refuse(fault, "insuplc_admdvs", "must be the insured area, six digits");
		break;
	default:
		break;
	}
	if (msg->visit.n == 0 && (msg->op->id == YT_OP_INVOICE_NOTICE || msg->op->id == YT_OP_SETTLE_NOTICE))
		return intake_refuse(fault, "mdtrt_id", "is missing");
	if (msg->person.n == 0 && msg->op->id != YT_OP_INVOICE_NOTICE)
		return intake_refuse(fault, "psn_no", "is missing");
	return 0;
}

/* Who it is about, and what, is taken out of the message. */
static void take_names(struct yt_msg *msg, struct yt_str octets)
{
	const struct yt_node *settled = yt_node_get(msg->body, "setlinfo");

	msg->number = yt_node_text(msg->body, "number");
	msg->institution = yt_node_text(msg->body, "institution");
	msg->person = yt_node_text(msg->body, "psn_no");
	msg->visit = yt_node_text(msg->body, "mdtrt_id");
	msg->insured_area = yt_node_text(msg->body, "insuplc_admdvs");
	msg->settlement = yt_node_text(settled != NULL ? settled : msg->body, "setl_id");
	msg->treatment_area = yt_node_text(settled, "mdtrtarea_admvs");
	if (yt_node_fen(settled, "medfee_sumamt", &msg->amount_fen) != 0)
		msg->amount_fen = 0;
	msg->content = octets;
}

static int decode_request(struct yt_plugin *self, struct yt_str octets, struct yt_msg *msg, struct yt_fault *fault)
{
	const struct yt_json_limits limits = { .depth = 4, .nodes = NODES_MAX };
	const struct yt_wire_op *op;
	struct yt_json_error err;
	struct yt_node *root;
	int rv = intake_unsign(self, msg, octets, &octets, fault);

	if (rv != 0)
		return rv;
	rv = yt_json_read(msg->arena, octets, &limits, &root, &err);
	if (rv == YT_ENOMEM)
		return rv;
	if (rv != 0) {
		snprintf(fault->path, sizeof(fault->path), "(message)");
		snprintf(fault->why, sizeof(fault->why), "cannot be read: line %u column %u: %s", err.line, err.column,
		        err.why);
		return rv;
	}
	if (root->kind != YT_OBJECT || err.duplicate != NULL)
		return intake_refuse(
		        fault, "(message)", root->kind != YT_OBJECT ? "is not an object" : "has a member twice");
	msg->body = root;
	take_names(msg, octets);
	op = op_by_name(yt_node_text(root, "operation"));
	if (op == NULL)
		return intake_refuse(fault, "operation",
		        "must be consent.put, account.put, invoice.notice, settle.notice, settle.cancel, pay.order, pay.query, "
		        "pay.batch or pay.batch.query");
	msg->op = yt_op(op->op);
	msg->wire_op = yt_str(op->wire);
	rv = check_names(msg, fault);
	if (rv != 0)
		return rv;
	if (op->op == YT_OP_PAY_BATCH)
		return check_list(msg->arena, root, msg->number, fault);
	return op->op == YT_OP_PAY_ORDER ? check_order(root, msg->number, fault) : check_body(op->op, root, fault);
}

static int encode_request(struct yt_plugin *self, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault)
{
	static const char *const head[] = { "operation", "number", "institution", "psn_no", "mdtrt_id",
		"insuplc_admdvs", "setl_id" };
	const struct yt_str values[] = { yt_str(msg->op->name), msg->own_number.n != 0 ? msg->own_number : msg->number,
		msg->institution, msg->person, msg->visit, msg->insured_area,
		msg->op->id == YT_OP_SETTLE_NOTICE_CANCEL ? msg->settlement : (struct yt_str){ NULL, 0 } };
	const char *sign = "{";

	if (op_by_name(yt_str(msg->op->name)) == NULL)
		return intake_refuse(fault, "(message)", "is an operation that this format does not have");
	for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++) {
		if (values[i].n == 0)
			continue;
		yt_buf_printf(out, "%s\"%s\":", sign, head[i]);
		yt_json_write_string(values[i], out);
		sign = ",";
	}
	for (const struct yt_node *c = msg->body == NULL ? NULL : msg->body->child; c != NULL; c = c->next) {
		if (c->kind != YT_OBJECT && c->kind != YT_ARRAY)
			continue;
		yt_buf_text(out, ",");
		yt_json_write_string(c->name, out);
		yt_buf_text(out, ":");
		yt_json_write(c, out);
	}
	yt_buf_text(out, "}");
	return out->failed ? YT_ENOMEM : intake_sign(self, out, fault);
}

/* -- answers -------------------------------------------------------------------------------------- */

static int encode_reply(
        struct yt_plugin *self, const struct yt_msg *msg, const struct yt_reply *reply, struct yt_buf *out)
{
	const char *name = msg->op->id == YT_OP_PAY_BATCH_QUERY ? "payout"
	                   : msg->op->id == YT_OP_PAY_QUERY     ? "data"
	                                                        : "";
	const struct yt_node *told = yt_node_get(reply->body, name);

	(void)self;
	yt_buf_text(out, "{\"number\":");
	yt_json_write_string(msg->number, out);
	yt_buf_text(out, ",\"code\":");
	yt_json_write_string(reply->outcome == YT_DONE ? YT_STR("0")
	                     : reply->code.n != 0      ? reply->code
	                                               : YT_STR("1"),
	        out);
	yt_buf_text(out, ",\"text\":");
	yt_json_write_string(reply->outcome == YT_DONE ? (struct yt_str){ "", 0 } : reply->text, out);
	if (told != NULL) {
		yt_buf_printf(out, ",\"%s\":", name);
		yt_json_write(told, out);
	}
	yt_buf_text(out, "}");
	return out->failed ? YT_ENOMEM : 0;
}

static int decode_reply(
        struct yt_plugin *self, const struct yt_msg *msg, int http_status, struct yt_str octets, struct yt_reply *reply)
{
	const struct yt_json_limits limits = { .depth = 4, .nodes = 200 };
	struct yt_json_error err;
	struct yt_node *root;
	int rv;

	(void)self;
	if (http_status == YT_FILE_HANDED_OVER || http_status == YT_FILE_NAME_TAKEN) {
		reply->outcome = http_status == YT_FILE_HANDED_OVER ? YT_DONE : YT_REFUSED;
		reply->code = http_status == YT_FILE_HANDED_OVER ? YT_STR("0") : YT_STR("1");
		reply->text = http_status == YT_FILE_HANDED_OVER ? (struct yt_str){ "", 0 }
		                                                 : YT_STR("another file of that name was there before");
		return 0;
	}
	rv = yt_json_read(reply->arena, octets, &limits, &root, &err);
	if (rv == YT_ENOMEM)
		return rv;
	reply->outcome = YT_UNKNOWN;
	reply->text = YT_STR("not an answer of this format");
	if (rv != 0 || root->kind != YT_OBJECT || err.duplicate != NULL || (http_status != 200 && http_status != 0) ||
	        !yt_str_eq(yt_node_text(root, "number"), msg->number) || yt_node_text(root, "code").n == 0)
		return 0;
	reply->body = root;
	reply->content = octets;
	reply->code = yt_node_text(root, "code");
	reply->text = yt_node_text(root, "text");
	reply->outcome = yt_str_is(reply->code, "0") ? YT_DONE : YT_REFUSED;
	return 0;
}

static const struct yt_key_setting key_settings[] = { { "verify_key", YT_KEY_SM2_PUBLIC },
	{ "sign_key", YT_KEY_SM2_PRIVATE }, { NULL, YT_KEY_SECRET } };

static const struct yt_setting settings[] = {
	{ "verify_key", "",
	        "name of the SM2 key with which whoever sends here signs each message; empty: nobody signs" },
	{ "sign_key", "", "name of our SM2 key, which signs the files that go out; empty: they are not signed" },
	{ NULL, NULL, NULL }
};

YT_CODEC_PLUGIN(.name = "intake", .content_type = "application/json; charset=utf-8", .settings = settings,
        .key_settings = key_settings, .ops = ops, .open = intake_open, .decode_request = decode_request,
        .encode_reply = encode_reply, .encode_request = encode_request, .decode_reply = decode_reply,
        .file_name = intake_file_name, .file_is_whole = intake_file_is_whole);
