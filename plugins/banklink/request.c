/* plugins/banklink/request.c - what is asked, both directions (bank.md 5.3).
 *
 * Most transactions are their rows alone: members of `data` are written and read.  BD1001 is checked and completed as a
 * payout before; BD2001 carries a batch file, made of the rows of `payout`. */
#include <stdio.h>
#include <string.h>

#include "bdl.h"

int64_t bdl_now(const struct yt_msg *msg)
{
	int64_t ms = msg->wall_ms;

	if (ms == 0 && yt_time_parse(msg->time, &ms) != 0)
		ms = 0;
	return ms;
}

/* -- writing -------------------------------------------------------------------------------------- */

/* A copy of data's single values, so that what is missing can be filled in. */
static struct yt_node *copy_data(const struct yt_msg *msg)
{
	const struct yt_node *data = yt_node_get(msg->body, "data");
	struct yt_node *v = yt_node_new(msg->arena, YT_OBJECT);

	for (const struct yt_node *c = data != NULL ? data->child : NULL; v != NULL && c != NULL; c = c->next) {
		struct yt_node *copy =
		        c->kind == YT_TEXT || c->kind == YT_NUMBER ? yt_node_add(msg->arena, v, c->name, YT_TEXT) : v;

		if (copy == NULL)
			return NULL;
		if (copy != v)
			copy->text = c->text;
	}
	return v;
}

static int put_default(struct yt_arena *arena, struct yt_node *v, const char *name, struct yt_str text)
{
	return yt_node_text(v, name).n > 0 ? 0 : bdl_put(arena, v, name, text);
}

static bool is_own_bank(const struct bdl *b, const struct yt_payout *p)
{
	return p->payee_bank_no.n == 0 ||
	       (b->own_bank.n == 3 && p->payee_bank_no.n == 12 && memcmp(b->own_bank.p, p->payee_bank_no.p, 3) == 0);
}

/* Whether name and paper are compared: the bank knows the identity card alone. */
static int put_paper(const struct bdl *b, struct yt_arena *arena, struct yt_node *v, const struct yt_payout *p,
        const char *path, struct yt_fault *fault)
{
	struct yt_str check = p->name_check.n > 0 ? p->name_check : b->name_check;

	if (yt_str_is(check, "2") && p->certno.n == 0)
		return bank_refuse(fault, path, "certno", "is missing: name_check 2 compares it");
	if (yt_str_is(check, "2") && !yt_str_is(p->cert_type, "01"))
		check = YT_STR("1");
	if (check.n != 1 || check.p[0] < '0' || check.p[0] > '2')
		return bank_refuse(fault, path, "name_check", "is none of 0, 1 and 2");
	if (bdl_put(arena, v, "name_check", check) != 0)
		return YT_ENOMEM;
	if (!yt_str_is(check, "2"))
		return 0;
	return bdl_put(arena, v, "psn_cert_type", YT_STR("01")) != 0 ? YT_ENOMEM
	                                                             : bdl_put(arena, v, "certno", p->certno);
}

static int put_payee(const struct bdl *b, struct yt_arena *arena, struct yt_node *v, const struct yt_payout *p,
        const char *path, struct yt_fault *fault)
{
	bool is_own = is_own_bank(b, p);

	if (bdl_put(arena, v, "payee_acct", p->payee_acct) != 0 ||
	        bdl_put(arena, v, "payee_name", p->payee_name) != 0 ||
	        bdl_put(arena, v, "payee_kind", yt_payout_is_to_person(p) ? YT_STR("P") : YT_STR("C")) != 0 ||
	        bdl_put(arena, v, "bank_flag", is_own ? YT_STR("Y") : YT_STR("N")) != 0)
		return YT_ENOMEM;
	if (is_own)
		return 0;
	if (p->payee_bank_name.n == 0)
		return bank_refuse(fault, path, "payee_bank_name", "is missing: payee_bank_no names another bank");
	if (bdl_put(arena, v, "payee_bank_no", p->payee_bank_no) != 0)
		return YT_ENOMEM;
	return bdl_put(arena, v, "payee_bank_name", p->payee_bank_name);
}

static int make_order(const struct bdl *b, const struct yt_msg *msg, struct yt_node **out, struct yt_fault *fault)
{
	struct yt_arena *arena = msg->arena;
	struct yt_node *v = *out = yt_node_new(arena, YT_OBJECT);
	const struct yt_node *row = NULL;
	struct yt_payout p;
	char path[64] = "input.data", remark[YT_PAYOUT_REMARK];
	int rv;

	if (!yt_payout_next(msg->body, &row, path, sizeof(path)))
		return bank_refuse(fault, "input.data.pay_no", "", "is missing");
	rv = yt_payout_read(msg->body, row, path, &p, fault);
	if (rv == 0)
		rv = yt_payout_check(&p, path, b->limit_fen, NULL, fault);
	if (rv != 0)
		return rv;
	if (row->next != NULL && yt_node_get(msg->body, "payout") != NULL)
		return bank_refuse(fault, "input.payout[1]", "", "is one too many: BD1001 pays one, BD2001 a list");
	if (v == NULL || bdl_put(arena, v, "pay_no", p.no) != 0 || bdl_put(arena, v, "payer_acct", p.payer_acct) != 0 ||
	        bdl_put(arena, v, "payer_name", p.payer_name) != 0 || bdl_put(arena, v, "ccy", YT_STR("CNY")) != 0 ||
	        yt_node_add_fen(arena, v, "pay_amt", p.amount_fen) == NULL ||
	        bdl_put(arena, v, "pay_type", p.type) != 0 ||
	        bdl_put(arena, v, "pay_channel", p.channel.n > 0 ? p.channel : b->channel) != 0 ||
	        bdl_put(arena, v, "pay_date", p.date) != 0 || bdl_put(arena, v, "purpose", p.purpose) != 0 ||
	        bdl_put(arena, v, "memo", yt_arena_copy(arena, yt_payout_remark(&p, remark))) != 0)
		return YT_ENOMEM;
	rv = put_payee(b, arena, v, &p, path, fault);
	return rv == 0 ? put_paper(b, arena, v, &p, path, fault) : rv;
}

/* The file of a list, in the message or beside it. */
static int put_file(
        struct yt_arena *arena, struct yt_node *v, struct bpf_head *h, struct yt_str file, struct yt_fault *fault)
{
	bool is_beside = yt_str_is(yt_node_text(v, "file_mode"), "S");
	struct yt_buf text = { 0 };
	uint8_t digest[32];
	int rv = 0;

	if (!is_beside && file.n > BDL_INLINE_MAX) {
		bank_refuse(fault, "input.data.file_mode", "",
		        "must be S: a file of more than 512 KiB is handed in by SFTP (bankfile), or the list is split");
		return YT_ELIMIT;
	}
	yt_sm3(file, digest);
	yt_hex_add(&text, digest, sizeof(digest), false);
	if (bdl_put(arena, v, "file_sm3", yt_arena_copy(arena, yt_buf_view(&text))) != 0)
		rv = YT_ENOMEM;
	yt_buf_clear(&text);
	if (!is_beside)
		yt_base64_add(&text, file.p, file.n);
	if (rv == 0 && !is_beside)
		rv = bdl_put(arena, v, "file", yt_arena_copy(arena, yt_buf_view(&text)));
	yt_buf_free(&text);
	if (rv != 0 || bdl_put(arena, v, "file_mode", is_beside ? YT_STR("S") : YT_STR("I")) != 0)
		return YT_ENOMEM;
	return bdl_put(arena, v, "file_name",
	        yt_arena_printf(
	                arena, "PAY_%.*s_%.*s_%.*s.txt", YT_FMT(h->corp_no), YT_FMT(h->day), YT_FMT(h->batch_no)));
}

static int make_batch(const struct bdl *b, const struct yt_msg *msg, struct yt_node **out, struct yt_fault *fault)
{
	struct yt_arena *arena = msg->arena;
	struct yt_node *v = *out = copy_data(msg);
	struct bpf_head h = { .corp_no = b->corp_no, .batch_no = yt_node_text(v, "batch_no") };
	struct yt_buf file = { 0 };
	char time[15];
	int rv;

	if (v == NULL)
		return YT_ENOMEM;
	yt_time_compact(bdl_now(msg), time);
	h.day = bank_day_out(arena, yt_node_text(v, "batch_date"));
	if (h.day.n == 0)
		h.day = yt_arena_copy(arena, (struct yt_str){ time, 8 });
	if (!bank_is_digits(h.batch_no, 6, 6))
		return bank_refuse(
		        fault, "input.data.batch_no", "", h.batch_no.n == 0 ? "is missing" : "must be six digits");
	if (!bank_day(h.day))
		return bank_refuse(fault, "input.data.batch_date", "", "is not a day yyyy-MM-dd");
	rv = bpf_write(&h, msg->body, b->limit_fen, &file, fault);
	if (rv == 0)
		rv = bdl_put(arena, v, "pay_type", bank_type_of(h.business));
	if (rv == 0)
		rv = bdl_put(arena, v, "file_len", yt_arena_printf(arena, "%zu", file.n));
	if (rv == 0)
		rv = bdl_put(arena, v, "pay_cnt", yt_arena_printf(arena, "%u", h.n));
	if (rv == 0)
		rv = bdl_put(arena, v, "pay_sumamt",
		        yt_arena_printf(arena, "%lld.%02lld", (long long)(h.fen / 100), (long long)(h.fen % 100)));
	if (rv == 0)
		rv = put_file(arena, v, &h, yt_buf_view(&file), fault);
	yt_buf_free(&file);
	return rv;
}

/* Name and paper are compared where the bank knows the paper: the identity card alone. */
static void drop_other_paper(struct yt_node *v)
{
	struct yt_node *type = yt_node_get(v, "psn_cert_type"), *number = yt_node_get(v, "certno");

	if (type != NULL && number != NULL && yt_str_is(type->text, "01") && number->text.n > 0)
		return;
	if (type != NULL)
		type->text = (struct yt_str){ NULL, 0 };
	if (number != NULL)
		number->text = (struct yt_str){ NULL, 0 };
}

/* What a query may leave out. */
static int make_query(const struct yt_msg *msg, struct yt_node **out, struct yt_fault *fault)
{
	struct yt_node *v = *out = copy_data(msg);
	struct yt_str no = yt_node_text(v, "orig_pay_no"), size;
	int rv = v == NULL ? YT_ENOMEM : 0;

	if (rv == 0 && msg->op->id == YT_OP_PAY_QUERY && yt_pay_no_is_valid(no))
		rv = put_default(msg->arena, v, "orig_date", bank_day_in(msg->arena, (struct yt_str){ no.p + 2, 8 }));
	if (rv == 0 && msg->op->id == YT_OP_ACCOUNT_CHECK)
		drop_other_paper(v);
	if (rv != 0 || msg->op->id != YT_OP_STATEMENT_FETCH)
		return rv;
	rv = put_default(msg->arena, v, "page_no", YT_STR("1"));
	if (rv == 0)
		rv = put_default(msg->arena, v, "page_size", YT_STR("200"));
	size = yt_node_text(v, "page_size");
	if (rv == 0 && (!bank_is_digits(size, 1, 3) || (size.n == 3 && memcmp(size.p, "200", 3) > 0)))
		rv = bank_refuse(fault, "input.data.page_size", "", "is not a number up to 200");
	return rv;
}

static struct yt_node *make_head(const struct bdl *b, const struct yt_msg *msg, struct yt_str wire)
{
	struct yt_arena *arena = msg->arena;
	struct yt_node *h = yt_node_new(arena, YT_OBJECT);
	struct yt_str number = msg->own_number.n > 0 ? msg->own_number : msg->number, now;
	char time[15];

	yt_time_compact(bdl_now(msg), time);
	now = yt_arena_copy(arena, yt_str(time));
	if (h == NULL || now.p == NULL || bdl_put(arena, h, "tx_code", wire) != 0 ||
	        bdl_put(arena, h, "version", YT_STR("1.0")) != 0 || bdl_put(arena, h, "corp_no", b->corp_no) != 0 ||
	        bdl_put(arena, h, "operator_id", b->operator_id) != 0 || bdl_put(arena, h, "msg_no", number) != 0 ||
	        bdl_put(arena, h, "req_date", (struct yt_str){ now.p, 8 }) != 0 ||
	        bdl_put(arena, h, "req_time", (struct yt_str){ now.p + 8, 6 }) != 0)
		return NULL;
	return h;
}

int bdl_encode_request(struct yt_plugin *self, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault)
{
	const struct bdl *b = yt_plugin_ctx(self);
	struct yt_str wire = bdl_wire_of(msg->op->id);
	struct bdl_writing what = { .group = bdl_group(wire, "in"), .now_ms = bdl_now(msg) };
	struct yt_node *values = NULL;
	int rv;

	if (wire.n == 0)
		return bank_refuse(fault, "(operation)", "", "is none that this bank is asked for");
	if (msg->op->id == YT_OP_PAY_ORDER)
		rv = make_order(b, msg, &values, fault);
	else if (msg->op->id == YT_OP_PAY_BATCH)
		rv = make_batch(b, msg, &values, fault);
	else
		rv = make_query(msg, &values, fault);
	if (rv != 0)
		return rv;
	what.values = values;
	what.head = make_head(b, msg, wire);
	return what.head == NULL ? YT_ENOMEM : bdl_write(self, &what, out, fault);
}

/* -- reading -------------------------------------------------------------------------------------- */

static int take_head(struct yt_msg *msg, const struct bdl_envelope *e)
{
	struct yt_str day = yt_node_text(e->head, "req_date"), time = yt_node_text(e->head, "req_time"), both;
	const struct yt_op *op = bdl_op_of(yt_node_text(e->head, "tx_code"));
	char text[20];

	msg->head = e->head;
	msg->wire_op = yt_node_text(e->head, "tx_code");
	if (op != NULL)
		msg->op = op;
	msg->number = yt_node_text(e->head, "msg_no");
	msg->institution = yt_node_text(e->head, "corp_no");
	msg->sender = msg->institution;
	msg->operator_id = yt_node_text(e->head, "operator_id");
	msg->content = e->raw_body;
	if (day.n != 8 || time.n != 6)
		return 0;
	both = yt_arena_printf(msg->arena, "%.8s%.6s", day.p, time.p);
	if (both.p == NULL)
		return YT_ENOMEM;
	if (yt_time_parse(both, &msg->sent_ms) != 0)
		return 0;
	msg->valid_from_ms = msg->sent_ms - 300000;
	msg->expires_ms = msg->sent_ms + 300000;
	msg->too_early = msg->too_late = YT_STR("E10007");
	yt_time_print(msg->sent_ms, text);
	msg->time = yt_arena_copy(msg->arena, yt_str(text));
	return msg->time.p != NULL ? 0 : YT_ENOMEM;
}

int bdl_read_file(struct yt_arena *arena, const struct yt_node *values, struct bpf_head *head, struct yt_node **body,
        struct yt_fault *fault)
{
	struct yt_buf octets = { 0 };
	uint8_t digest[32], wanted[32];
	struct yt_str file = { NULL, 0 }, len = yt_node_text(values, "file_len");
	char is[16];
	int rv = yt_base64_read(yt_node_text(values, "file"), &octets);

	if (rv == 0)
		file = yt_arena_copy(arena, yt_buf_view(&octets));
	yt_buf_free(&octets);
	if (rv == YT_EFORMAT)
		return bank_refuse(fault, "Body.Content", "", "is not Base64");
	if (rv != 0 || file.p == NULL)
		return YT_ENOMEM;
	snprintf(is, sizeof(is), "%zu", file.n);
	if (!yt_str_is(len, is))
		return bank_refuse(fault, "Body.FileLen", "", "is not the length of Content");
	yt_sm3(file, digest);
	if (yt_node_text(values, "file_sm3").n != 64 ||
	        yt_hex_read(yt_node_text(values, "file_sm3"), wanted, 32) != 0 || memcmp(digest, wanted, 32) != 0)
		return bank_refuse(fault, "Body.FileSm3", "", "is not the digest of Content");
	return bpf_read_body(arena, file, head, body, fault);
}

/* What the file says must be what the message says of it. */
static int take_file(struct yt_msg *msg, const struct yt_node *values, struct yt_fault *fault)
{
	struct bpf_head h;
	int64_t fen;
	int rv = bdl_read_file(msg->arena, values, &h, &msg->body, fault);
	char n[12];

	if (rv != 0)
		return rv;
	snprintf(n, sizeof(n), "%u", h.n);
	if (h.is_result || !yt_str_eq(h.batch_no, yt_node_text(values, "batch_no")) ||
	        !yt_str_eq(h.corp_no, msg->institution) ||
	        !yt_str_eq(bank_type_of(h.business), yt_node_text(values, "pay_type")))
		return bank_refuse(fault, "Body.Content", "", "is the file of another batch");
	if (!yt_str_is(yt_node_text(values, "pay_cnt"), n) || yt_node_fen(values, "pay_sumamt", &fen) != 0 ||
	        fen != h.fen)
		return bank_refuse(fault, "Body.TotalAmt", "", "and TotalCnt are not what the file has");
	msg->amount_fen = h.fen;
	return 0;
}

static int take_body(struct yt_msg *msg, const struct bdl_envelope *e, struct yt_fault *fault)
{
	const struct bdl_group *group = bdl_group(msg->wire_op, "in");
	struct yt_node *data;
	int rv;

	msg->body = yt_node_new(msg->arena, YT_OBJECT);
	data = msg->body != NULL ? yt_node_add(msg->arena, msg->body, YT_STR("data"), YT_OBJECT) : NULL;
	if (data == NULL)
		return YT_ENOMEM;
	if (group == NULL || msg->op->id == YT_OP_UNREAD) {
		msg->refusal = YT_STR("E10006");
		return bank_refuse(fault, "Head.TxCode", "", "is no transaction of BDL/1.0");
	}
	msg->refusal = YT_STR("E10003");
	rv = bdl_read_rows(msg->arena, group, e->body, data, "Body", fault);
	if (rv != 0)
		return rv;
	if (msg->op->id == YT_OP_PAY_BATCH && yt_str_is(yt_node_text(data, "file_mode"), "I"))
		return take_file(msg, data, fault);
	if (yt_node_fen(data, msg->op->id == YT_OP_PAY_BATCH ? "pay_sumamt" : "pay_amt", &msg->amount_fen) != 0)
		msg->amount_fen = 0;
	return 0;
}

int bdl_decode_request(struct yt_plugin *self, struct yt_str octets, struct yt_msg *msg, struct yt_fault *fault)
{
	struct bdl_envelope e;
	int rv, noted;

	if (bdl_is_answer(octets))
		return bdl_decode_statement(self, octets, msg, fault);
	rv = bdl_read(msg->arena, octets, false, &e, fault);
	if (rv == YT_ENOMEM)
		return rv;
	noted = take_head(msg, &e);
	msg->octets = octets;
	msg->refusal = e.xml.root == NULL ? YT_STR("E10002") : YT_STR("E10003");
	if (rv != 0 || noted != 0)
		return rv != 0 ? rv : noted;
	/* What is ours was signed by us, and is addressed to another. */
	if (msg->sent.n == 0) {
		rv = bdl_verify(self, &e, msg->institution, msg->sent_ms, fault);
		if (rv != 0) {
			msg->refusal = strncmp(fault->path, "Sign", 4) == 0 ? YT_STR("E10004") : YT_STR("E10005");
			return rv;
		}
		msg->is_authentic = true;
	}
	rv = take_body(msg, &e, fault);
	if (rv == 0)
		msg->refusal = (struct yt_str){ NULL, 0 };
	return rv;
}
