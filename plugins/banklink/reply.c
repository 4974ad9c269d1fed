/* plugins/banklink/reply.c - answers: what one proves, and how ours are written (bank.md 5.3 to 5.5).
 *
 * Two fields speak of two things: RetType and RetCode of the request, PaySts of the money.  Unknown is all that does
 * not prove itself: a signature that is not the bank's, another request's number, a code or pair that the profile has
 * not. */
#include <stdio.h>
#include <string.h>

#include "bdl.h"

struct answer {
	struct yt_plugin *self;
	const struct yt_msg *msg;
	struct yt_reply *reply;
	struct bdl_envelope e;
	struct yt_str wire;
	struct yt_node *data;
	struct yt_fault fault;
};

static int unknown(struct yt_reply *reply, struct yt_str text)
{
	reply->outcome = YT_UNKNOWN;
	if (text.n > 0)
		reply->text = text;
	return text.p != NULL ? 0 : YT_ENOMEM;
}

static int unknown_fault(struct answer *a)
{
	return unknown(a->reply, yt_arena_printf(a->reply->arena, "%s %s", a->fault.path, a->fault.why));
}

/* Text of the first element of that name in octets of ours; empty when it is not there. */
static struct yt_str element_of(struct yt_str octets, const char *open)
{
	const char *from = octets.n > 0 ? memmem(octets.p, octets.n, open, strlen(open)) : NULL, *to;

	if (from == NULL)
		return (struct yt_str){ NULL, 0 };
	from += strlen(open);
	to = memchr(from, '<', octets.n - (size_t)(from - octets.p));
	return (struct yt_str){ from, to != NULL ? (size_t)(to - from) : 0 };
}

static struct yt_str sent_number(const struct yt_msg *msg)
{
	struct yt_str sent = element_of(msg->sent, "<ReqSeqNo>");

	return sent.n > 0 ? sent : msg->own_number.n > 0 ? msg->own_number : msg->number;
}

/* -- bodies --------------------------------------------------------------------------------------- */

static int read_list(struct answer *a, const char *element, struct yt_node *rows)
{
	const struct bdl_group *group = bdl_group(a->wire, "row");
	char path[48];
	uint32_t i = 0;

	for (const struct yt_node *e = yt_node_get(a->e.body, element); e != NULL; e = yt_xml_next(e)) {
		struct yt_node *row = yt_node_add(a->reply->arena, rows, (struct yt_str){ 0 }, YT_OBJECT);
		int rv;

		snprintf(path, sizeof(path), "Body.%s[%u]", element, i++);
		if (i > BDL_ROWS_MAX)
			return bank_refuse(&a->fault, path, "", "is one too many");
		rv = row == NULL ? YT_ENOMEM : bdl_read_rows(a->reply->arena, group, e, row, path, &a->fault);
		if (rv != 0)
			return rv;
	}
	return 0;
}

/* A page of entries: the statement's own values are those of data. */
static int read_page(struct answer *a)
{
	struct yt_arena *arena = a->reply->arena;
	struct yt_node *rows = yt_node_add(arena, a->reply->body, YT_STR("statement"), YT_ARRAY),
	               *statement = rows != NULL ? yt_node_add(arena, rows, (struct yt_str){ 0 }, YT_OBJECT) : NULL,
	               *entries;
	struct yt_str total = yt_node_text(a->data, "total_cnt");
	char n[16];
	int rv;

	if (statement == NULL)
		return YT_ENOMEM;
	for (const struct yt_node *c = a->data->child; c != NULL; c = c->next)
		if (bdl_put(arena, statement, c->name.p, c->text) !=
		        0) /* names are those of fields.tsv, with their NUL */
			return YT_ENOMEM;
	entries = yt_node_add(arena, statement, YT_STR("entry"), YT_ARRAY);
	rv = entries == NULL ? YT_ENOMEM : read_list(a, "Rec", entries);
	if (rv != 0 || !yt_str_is(yt_node_text(a->data, "page_cnt"), "1"))
		return rv;
	snprintf(n, sizeof(n), "%u", entries->n);
	if (!yt_str_is(total, n))
		return bank_refuse(&a->fault, "Body.TotalRec", "", "is not the number of Rec");
	return 0;
}

static int read_returns(struct answer *a)
{
	struct yt_node *rows = yt_node_add(a->reply->arena, a->reply->body, YT_STR("payout"), YT_ARRAY);
	int rv = rows == NULL ? YT_ENOMEM : read_list(a, "Rtn", rows);

	for (struct yt_node *row = rows != NULL ? rows->child : NULL; row != NULL && rv == 0; row = row->next)
		rv = bdl_put(a->reply->arena, row, "pay_state", yt_str(yt_pay_state_name(YT_PAY_RETURNED)));
	return rv;
}

/* The result file that the answer carries. */
static int read_result(struct answer *a)
{
	struct bpf_head h;
	struct yt_node *body, *data;
	int rv = bdl_read_file(a->reply->arena, a->data, &h, &body, &a->fault);

	if (rv != 0)
		return rv;
	data = yt_node_get(a->msg->body, "data");
	if (!h.is_result || !yt_str_eq(h.batch_no, yt_node_text(data, "batch_no")))
		return bank_refuse(&a->fault, "Body.Content", "", "is no result of the batch that was asked for");
	if (bdl_put(a->reply->arena, yt_node_get(body, "data"), "file_name", yt_node_text(a->data, "file_name")) != 0)
		return YT_ENOMEM;
	a->reply->body = body;
	a->data = yt_node_get(body, "data");
	return 0;
}

static int read_body(struct answer *a)
{
	const struct bdl_group *group = bdl_group(a->wire, "out");
	struct yt_arena *arena = a->reply->arena;
	int rv;

	a->reply->body = yt_node_new(arena, YT_OBJECT);
	a->data = a->reply->body != NULL ? yt_node_add(arena, a->reply->body, YT_STR("data"), YT_OBJECT) : NULL;
	if (a->data == NULL)
		return YT_ENOMEM;
	rv = bdl_read_rows(arena, group, a->e.body, a->data, "Body", &a->fault);
	if (rv != 0)
		return rv;
	switch (a->msg->op->id) {
	case YT_OP_STATEMENT_FETCH:
		return read_page(a);
	case YT_OP_PAY_RETURN_QUERY:
		return read_returns(a);
	case YT_OP_PAY_BATCH_RESULT:
		return read_result(a);
	default:
		return 0;
	}
}

/* -- what it proves ------------------------------------------------------------------------------- */

static bool is_about_payment(const struct yt_msg *msg)
{
	return msg->op->id == YT_OP_PAY_ORDER || msg->op->id == YT_OP_PAY_QUERY || msg->op->id == YT_OP_PAY_RECALL;
}

static bool is_about_batch(const struct yt_msg *msg)
{
	return msg->op->id == YT_OP_PAY_BATCH || msg->op->id == YT_OP_PAY_BATCH_QUERY;
}

static int put_state(struct answer *a, enum yt_pay_state state)
{
	struct yt_arena *arena = a->reply->arena;
	const struct bank_code *c = bank_code(yt_node_text(a->data, "bank_code"));

	if (state != YT_PAY_STATES && bdl_put(arena, a->data, "pay_state", yt_str(yt_pay_state_name(state))) != 0)
		return YT_ENOMEM;
	if (c != NULL && c->advice != NULL && bdl_put(arena, a->data, "pay_advice", yt_str(c->advice)) != 0)
		return YT_ENOMEM;
	return c != NULL && c->is_alarm ? bdl_put(arena, a->data, "pay_alarm", YT_STR("1")) : 0;
}

/* The payment that msg is about; an order made anew names the one before beside its own. */
static struct yt_str payment_of(const struct yt_msg *msg, const struct yt_node *data)
{
	struct yt_str no = { 0 };

	if (msg->op->id != YT_OP_PAY_ORDER)
		no = yt_node_text(data, "orig_pay_no");
	return no.n > 0 ? no : yt_node_text(data, "pay_no");
}

/* PaySts of the answer.  A recall is done when the payment is cancelled, refused when it is paid. */
static int take_state(struct answer *a)
{
	struct yt_reply *reply = a->reply;
	const struct yt_node *asked = yt_node_get(a->msg->body, "data");
	struct yt_str no = payment_of(a->msg, asked), told = yt_node_text(a->data, "pay_no");
	enum yt_pay_state state = bank_state(yt_node_text(a->data, "bank_status"), yt_node_text(a->data, "bank_code"));

	if (no.n == 0 && yt_node_get(a->msg->body, "payout") != NULL)
		no = yt_node_text(yt_node_get(a->msg->body, "payout")->child, "pay_no");
	if (!yt_str_eq(no, told) && (told.n > 0 || a->msg->op->id != YT_OP_PAY_RECALL))
		return unknown(reply, YT_STR("the answer is about another payment"));
	if (put_state(a, state) != 0)
		return YT_ENOMEM;
	if (state == YT_PAY_STATES)
		return unknown(reply, YT_STR("PaySts is no state of the profile"));
	if (yt_node_text(a->data, "bank_code").n > 0) {
		reply->code = yt_node_text(a->data, "bank_code");
		reply->text = yt_node_text(a->data, "bank_text");
	}
	if (a->msg->op->id == YT_OP_PAY_RECALL)
		reply->outcome = state == YT_PAY_CANCELLED                          ? YT_DONE
		                 : state == YT_PAY_PAID || state == YT_PAY_RETURNED ? YT_REFUSED
		                                                                    : YT_UNKNOWN;
	else if (a->msg->op->id == YT_OP_PAY_QUERY)
		reply->outcome = state == YT_PAY_UNKNOWN ? YT_UNKNOWN : YT_DONE;
	else
		reply->outcome = yt_pay_outcome(state);
	return 0;
}

/* BatchSts: 01 taken, 02 checked, 03 running, 04 finished (the lines stand in the result file), 05 refused. */
static int take_batch(struct answer *a)
{
	struct yt_str sts = yt_node_text(a->data, "batch_status"), code = yt_node_text(a->data, "bank_code");
	const struct bank_code *c = bank_code(code);
	enum yt_pay_state state = YT_PAY_UNKNOWN;

	if (!yt_str_eq(yt_node_text(a->data, "batch_no"), yt_node_text(yt_node_get(a->msg->body, "data"), "batch_no")))
		return unknown(a->reply, YT_STR("the answer is about another batch"));
	if (yt_str_is(sts, "01"))
		state = YT_PAY_ACCEPTED;
	else if (yt_str_is(sts, "02") || yt_str_is(sts, "03") || yt_str_is(sts, "04"))
		state = YT_PAY_PROCESSING;
	else if (yt_str_is(sts, "05") && c != NULL && c->meaning == BANK_FAILED)
		state = YT_PAY_FAILED;
	if (put_state(a, state) != 0)
		return YT_ENOMEM;
	a->reply->code = code;
	a->reply->text = yt_node_text(a->data, "bank_text");
	a->reply->outcome = yt_pay_outcome(state);
	if (a->msg->op->id == YT_OP_PAY_BATCH_QUERY && state != YT_PAY_UNKNOWN)
		a->reply->outcome = YT_DONE;
	return 0;
}

/* What the code of a refusal says to a clerk, as PayRetCode of a body would. */
static int put_refusal(struct answer *a)
{
	struct yt_arena *arena = a->reply->arena;

	a->reply->body = yt_node_new(arena, YT_OBJECT);
	a->data = a->reply->body != NULL ? yt_node_add(arena, a->reply->body, YT_STR("data"), YT_OBJECT) : NULL;
	if (a->data == NULL || bdl_put(arena, a->data, "bank_code", a->reply->code) != 0 ||
	        bdl_put(arena, a->data, "bank_text", a->reply->text) != 0)
		return YT_ENOMEM;
	return put_state(a, YT_PAY_STATES);
}

/* A refused request.  Its body, where it has one, is not looked at: a refusal says nothing of the money. */
static int take_refusal(struct answer *a, const struct bank_code *c)
{
	bool asks = a->msg->op->id == YT_OP_PAY_QUERY || a->msg->op->id == YT_OP_PAY_BATCH_QUERY ||
	            a->msg->op->id == YT_OP_PAY_BATCH_RESULT;

	if ((is_about_payment(a->msg) || is_about_batch(a->msg)) && put_refusal(a) != 0)
		return YT_ENOMEM;
	if (c == NULL || c->meaning == BANK_UNKNOWN || c->meaning == BANK_DONE)
		return unknown(a->reply, a->reply->text.n > 0 ? a->reply->text : YT_STR("a code that proves nothing"));
	/* That it is too late to cancel something says nothing of what was not to be cancelled. */
	if (yt_str_is(a->reply->code, "E20411") && a->msg->op->id != YT_OP_PAY_RECALL)
		return unknown(a->reply, YT_STR("a code that proves nothing"));
	if (c->meaning == BANK_ABSENT && !asks && a->msg->op->id != YT_OP_PAY_RECALL)
		return unknown(a->reply, a->reply->text.n > 0 ? a->reply->text : YT_STR("not found"));
	a->reply->outcome = YT_REFUSED;
	a->reply->never_happened = c->meaning == BANK_ABSENT;
	a->reply->at_gateway = c->is_before;
	return 0;
}

static int take_answer(struct answer *a)
{
	struct yt_str type = yt_node_text(a->e.head, "ret_type");
	const struct bank_code *c;
	int rv;

	a->reply->code = yt_node_text(a->e.head, "ret_code");
	a->reply->text = yt_node_text(a->e.head, "ret_msg");
	a->reply->number = yt_node_text(a->e.head, "rsp_no");
	c = bank_code(a->reply->code);
	if (yt_str_is(type, "F"))
		return take_refusal(a, c);
	if (!yt_str_is(type, "S") || c == NULL || c->meaning != BANK_DONE)
		return unknown(a->reply, a->reply->text.n > 0 ? a->reply->text : YT_STR("the bank does not know"));
	rv = read_body(a);
	if (rv != 0)
		return rv == YT_ENOMEM ? rv : unknown_fault(a);
	if (is_about_payment(a->msg))
		return take_state(a);
	if (is_about_batch(a->msg))
		return take_batch(a);
	a->reply->outcome = YT_DONE;
	return 0;
}

int bdl_decode_reply(
        struct yt_plugin *self, const struct yt_msg *msg, int http_status, struct yt_str octets, struct yt_reply *reply)
{
	const struct bdl *b = yt_plugin_ctx(self);
	struct answer a = { .self = self, .msg = msg, .reply = reply, .wire = bdl_wire_of(msg->op->id) };
	int64_t now = 0;
	int rv;

	(void)http_status;
	if (octets.n == 0 || a.wire.n == 0)
		return unknown(reply, YT_STR("no answer"));
	rv = bdl_read(reply->arena, octets, true, &a.e, &a.fault);
	if (rv == YT_ENOMEM)
		return rv;
	if (rv != 0)
		return unknown_fault(&a);
	if (yt_time_parse(yt_arena_printf(reply->arena, "%.*s%.*s", YT_FMT(yt_node_text(a.e.head, "rsp_date")),
	                          YT_FMT(yt_node_text(a.e.head, "rsp_time"))),
	            &now) != 0)
		return unknown(reply, YT_STR("Head.RspTime is no time"));
	rv = bdl_verify(self, &a.e, b->bank, now, &a.fault);
	if (rv != 0)
		return rv == YT_ENOMEM ? rv : unknown_fault(&a);
	if (!yt_str_eq(yt_node_text(a.e.head, "tx_code"), a.wire) ||
	        !yt_str_eq(yt_node_text(a.e.head, "corp_no"), b->corp_no) ||
	        !yt_str_eq(yt_node_text(a.e.head, "msg_no"), sent_number(msg)))
		return unknown(reply, YT_STR("the answer is to another request"));
	reply->octets = octets;
	reply->head = a.e.head;
	return take_answer(&a);
}

/* -- what was fetched ----------------------------------------------------------------------------- */

bool bdl_is_answer(struct yt_str octets)
{
	const char *body = octets.n > 0 ? memmem(octets.p, octets.n, "<Body>", 6) : NULL;
	size_t n = body != NULL ? (size_t)(body - octets.p) : octets.n;

	return n > 0 && memmem(octets.p, n, "<RetType>", 9) != NULL;
}

/* What it says, without the mark of the page behind it, which is another one each time. */
static struct yt_str content_of(struct yt_arena *arena, struct yt_str body)
{
	const char *from = memmem(body.p, body.n, "<PosStr>", 8),
	           *to = from != NULL ? memmem(from, body.n - (size_t)(from - body.p), "</PosStr>", 9) : NULL;

	if (to == NULL)
		return body;
	return yt_arena_printf(arena, "%.*s%.*s", (int)(from - body.p), body.p, (int)(body.p + body.n - to), to);
}

static int take_notice(const struct bdl *b, struct answer *a, struct yt_msg *msg, int64_t told_ms)
{
	struct yt_str end = yt_node_text(a->data, "end_date");
	uint8_t digest[32];
	char hex[17] = "", time[20];

	msg->content = content_of(msg->arena, a->e.raw_body);
	if (msg->content.p == NULL)
		return YT_ENOMEM;
	yt_sm3(msg->content, digest);
	for (size_t i = 0; i < 8; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	yt_time_print(told_ms, time);
	msg->op = yt_op(YT_OP_STATEMENT_NOTICE);
	msg->body = a->reply->body;
	msg->institution = msg->sender = b->bank;
	msg->number =
	        yt_arena_printf(msg->arena, "%.*s-%.*s-%s", YT_FMT(end), YT_FMT(yt_node_text(a->data, "page_no")), hex);
	msg->sent_ms = told_ms;
	msg->time = yt_arena_copy(msg->arena, yt_str(time));
	if (msg->number.p == NULL || msg->time.p == NULL || end.n != 10)
		return YT_ENOMEM;
	return bdl_put(msg->arena, a->data, "is_whole", memcmp(end.p, time, 10) < 0 ? YT_STR("1") : YT_STR("0"));
}

/* Form, signature, and that it is a page of entries, of our customer number. */
static int read_notice(struct yt_plugin *self, struct answer *a, int64_t *told_ms, struct yt_fault *fault)
{
	const struct bdl *b = yt_plugin_ctx(self);
	int rv = bdl_read(a->msg->arena, a->msg->octets, true, &a->e, fault);

	if (rv != 0)
		return rv;
	if (yt_time_parse(yt_arena_printf(a->msg->arena, "%.*s%.*s", YT_FMT(yt_node_text(a->e.head, "rsp_date")),
	                          YT_FMT(yt_node_text(a->e.head, "rsp_time"))),
	            told_ms) != 0)
		return bank_refuse(fault, "Head.RspTime", "", "is no time");
	rv = bdl_verify(self, &a->e, b->bank, *told_ms, fault);
	if (rv != 0)
		return rv;
	if (!yt_str_eq(yt_node_text(a->e.head, "tx_code"), a->wire))
		return bank_refuse(
		        fault, "Head.TxCode", "", "is an answer that nobody here asked for: BD3002 alone is taken");
	if (!yt_str_eq(yt_node_text(a->e.head, "corp_no"), b->corp_no))
		return bank_refuse(fault, "Head.CorpNo", "", "is another customer's");
	if (!yt_str_is(yt_node_text(a->e.head, "ret_type"), "S") ||
	        !yt_str_is(yt_node_text(a->e.head, "ret_code"), "000000"))
		return bank_refuse(fault, "Head.RetCode", "", "refuses: it has no entries");
	rv = read_body(a);
	if (rv != 0)
		*fault = a->fault;
	return rv;
}

int bdl_decode_statement(struct yt_plugin *self, struct yt_str octets, struct yt_msg *msg, struct yt_fault *fault)
{
	struct yt_msg asked = { .arena = msg->arena, .op = yt_op(YT_OP_STATEMENT_FETCH), .octets = octets };
	struct answer a = { .self = self, .msg = &asked, .wire = bdl_wire_of(YT_OP_STATEMENT_FETCH) };
	int64_t told_ms = 0;
	int rv;

	a.reply = yt_reply_new(msg->arena);
	if (a.reply == NULL)
		return YT_ENOMEM;
	msg->octets = octets;
	msg->wire_op = a.wire;
	msg->refusal = YT_STR("E10003");
	rv = read_notice(self, &a, &told_ms, fault);
	msg->head = a.e.head;
	if (rv == 0)
		rv = take_notice(yt_plugin_ctx(self), &a, msg, told_ms);
	if (rv == 0)
		msg->refusal = (struct yt_str){ NULL, 0 };
	msg->is_authentic = rv == 0;
	return rv;
}

/* -- writing -------------------------------------------------------------------------------------- */

/* As much of a text as 200 octets of GB18030 take, in whole characters that it has. */
static struct yt_str short_text(struct yt_str text)
{
	uint32_t code;
	const char *why;

	if (text.n > 200)
		text.n = 200;
	while (text.n > 0 && (bank_octets(text, &code, &why) == 0 || bank_octets(text, &code, &why) > 200))
		text.n--;
	return text;
}

static struct yt_node *make_head(const struct bdl *b, const struct yt_msg *msg, const struct yt_reply *reply)
{
	struct yt_arena *arena = reply->arena;
	struct yt_node *h = yt_node_new(arena, YT_OBJECT);
	const struct bank_code *c = bank_code(reply->code);
	bool is_done = reply->outcome == YT_DONE;
	struct yt_str code = is_done                           ? YT_STR("000000")
	                     : c != NULL && c->ret_type == 'F' ? reply->code
	                     : bank_code(msg->refusal) != NULL ? msg->refusal
	                     : reply->may_retry                ? YT_STR("E30001")
	                                                       : YT_STR("E10003"),
	              now, text = short_text(reply->text);
	char time[15];

	yt_time_compact(reply->wall_ms != 0 ? reply->wall_ms : bdl_now(msg), time);
	now = yt_arena_copy(arena, yt_str(time));
	if (h == NULL || now.p == NULL ||
	        bdl_put(arena, h, "tx_code", bank_is_ascii(msg->wire_op, 6, 6) ? msg->wire_op : YT_STR("BD0000")) !=
	                0 ||
	        bdl_put(arena, h, "version", YT_STR("1.0")) != 0 ||
	        bdl_put(arena, h, "corp_no", bank_is_digits(msg->institution, 1, 10) ? msg->institution : b->corp_no) !=
	                0 ||
	        (bank_is_ascii(msg->number, 1, 20) && bdl_put(arena, h, "msg_no", msg->number) != 0) ||
	        bdl_put(arena, h, "rsp_no",
	                bank_is_ascii(reply->own_number, 1, 24) ? reply->own_number : YT_STR("0")) != 0 ||
	        bdl_put(arena, h, "rsp_date", (struct yt_str){ now.p, 8 }) != 0 ||
	        bdl_put(arena, h, "rsp_time", (struct yt_str){ now.p + 8, 6 }) != 0 ||
	        bdl_put(arena, h, "ret_type", is_done ? YT_STR("S") : YT_STR("F")) != 0 ||
	        bdl_put(arena, h, "ret_code", code) != 0 ||
	        bdl_put(arena, h, "ret_msg", is_done && text.n == 0 ? YT_STR("成功") : text) != 0)
		return NULL;
	return h;
}

/* What our answer says, and what follows from the request where it does not. */
static struct yt_node *make_values(const struct yt_msg *msg, const struct yt_reply *reply)
{
	struct yt_arena *arena = reply->arena;
	const struct yt_node *rows = yt_node_get(reply->body, "statement"), *from[2];
	struct yt_node *v = yt_node_new(arena, YT_OBJECT);
	enum yt_pay_state state;
	struct yt_str no;

	from[0] = yt_node_get(msg->body, "data");
	from[1] = rows != NULL && rows->kind == YT_ARRAY ? rows->child : yt_node_get(reply->body, "data");
	for (size_t k = 0; k < 2 && v != NULL; k++)
		for (const struct yt_node *c = from[k] != NULL ? from[k]->child : NULL; c != NULL; c = c->next) {
			struct yt_str name = yt_arena_copy(arena, c->name);

			if (name.p == NULL)
				return NULL;
			if ((c->kind == YT_TEXT || c->kind == YT_NUMBER) && name.n > 0 &&
			        bdl_put(arena, v, name.p, c->text) != 0)
				return NULL;
		}
	if (v == NULL)
		return NULL;
	state = yt_pay_state_of(yt_node_text(yt_node_get(reply->body, "data"), "pay_state"));
	no = payment_of(msg, v);
	if (bdl_put(arena, v, "pay_no", no) != 0 ||
	        bdl_put(arena, v, "bank_status", state != YT_PAY_STATES ? yt_str(bank_sts(state)) : YT_STR("01")) != 0)
		return NULL;
	if (yt_node_text(v, "batch_status").n == 0 && bdl_put(arena, v, "batch_status", YT_STR("01")) != 0)
		return NULL;
	if (yt_node_text(v, "bank_code").n == 0 && bdl_put(arena, v, "bank_code", YT_STR("000000")) != 0)
		return NULL;
	return v;
}

int bdl_encode_reply(struct yt_plugin *self, const struct yt_msg *msg, const struct yt_reply *reply, struct yt_buf *out)
{
	const struct bdl *b = yt_plugin_ctx(self);
	struct bdl_writing what = { .is_answer = true };
	struct yt_fault fault;
	const struct yt_node *rows;

	what.now_ms = reply->wall_ms != 0 ? reply->wall_ms : bdl_now(msg);
	what.head = make_head(b, msg, reply);
	if (what.head == NULL)
		return YT_ENOMEM;
	if (reply->outcome == YT_DONE &&
	        msg->op->id != YT_OP_STATEMENT_NOTICE) { /* what was told hears that it is taken */
		what.group = bdl_group(msg->wire_op, "out");
		what.row_group = bdl_group(msg->wire_op, "row");
		what.values = make_values(msg, reply);
		if (what.values == NULL)
			return YT_ENOMEM;
		rows = yt_node_get(reply->body, "statement");
		what.list = msg->op->id == YT_OP_STATEMENT_FETCH && rows != NULL ? yt_node_get(rows->child, "entry")
		            : msg->op->id == YT_OP_PAY_RETURN_QUERY              ? yt_node_get(reply->body, "payout")
		                                                                 : NULL;
		what.row_name = msg->op->id == YT_OP_STATEMENT_FETCH ? "Rec" : "Rtn";
	}
	return bdl_write(self, &what, out, &fault);
}
