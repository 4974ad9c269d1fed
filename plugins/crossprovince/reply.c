/* plugins/crossprovince/reply.c - an answer: what it proves, and how ours is written.
 *
 * ksbw_decode_reply() decides the outcome (7.7).  Success and refusal are believed only of an answer whose
 * signature and digest are good, that names our message, and that comes from the business owner (the
 * recver of our request): only the owner has looked into its own store.  All else is unknown. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ksbw.h"

enum { RETRY_AFTER_MAX_S = 86400 };

static int unknown(struct yt_reply *reply, struct yt_str why)
{
	reply->outcome = YT_UNKNOWN;
	reply->text = why;
	return why.p != NULL ? 0 : YT_ENOMEM;
}

static int unknown_fault(struct yt_reply *reply, const char *what, const struct yt_fault *fault)
{
	return unknown(reply, yt_arena_printf(reply->arena, "%s: %s %s", what, fault->path, fault->why));
}

static int code_number(struct yt_str code)
{
	int value = 0;

	if (code.n < 2 || code.n > 6 || code.p[0] != '-')
		return 0;
	for (size_t i = 1; i < code.n; i++) {
		if (code.p[i] < '0' || code.p[i] > '9')
			return 0;
		value = value * 10 + (code.p[i] - '0');
	}
	return -value;
}

enum ksbw_class ksbw_class_of(struct yt_str code)
{
	static const struct {
		int from, to;
		enum ksbw_class class;
	} classes[] = {
		{ -1010, -1001, KSBW_F },
		{ -2009, -2001, KSBW_F },
		{ -3012, -3001, KSBW_F },
		{ -3022, -3021, KSBW_F },
		{ -4004, -4001, KSBW_F },
		{ -9001, -9001, KSBW_U },
		{ -9004, -9002, KSBW_R },
	};
	int number = code_number(code);

	if (yt_str_is(code, "0"))
		return KSBW_DONE;
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (number >= classes[i].from && number <= classes[i].to)
			return classes[i].class;
	return KSBW_U; /* also what nobody knows */
}

/* -- decoding ----------------------------------------------------------------------------------- */

struct result {
	struct yt_str code, text, dupflag;
	const struct yt_node *output;
};

static const char *read_result(const struct yt_node *node, struct result *r)
{
	const struct yt_node *at = node->child;

	memset(r, 0, sizeof(*r));
	if (at == NULL || !yt_str_is(at->name, "errorcode") || at->kind != YT_TEXT)
		return "answer has no errorcode at its beginning";
	r->code = at->text;
	at = at->next;
	if (at != NULL && yt_str_is(at->name, "errormsg")) {
		r->text = at->text;
		at = at->next;
	}
	if (at == NULL || !yt_str_is(at->name, "dupflag") || !(yt_str_is(at->text, "0") || yt_str_is(at->text, "1")))
		return "answer has no dupflag of 0 or 1 behind errorcode and errormsg";
	r->dupflag = at->text;
	at = at->next;
	if (at != NULL && yt_str_is(at->name, "output")) {
		r->output = at;
		at = at->next;
	}
	return at != NULL ? "answer has more in its result than the profile" : NULL;
}

static int64_t fen_of(const struct yt_node *node, const char *name)
{
	int64_t fen;

	return yt_node_fen(node, name, &fen) == 0 ? fen : 0;
}

static void extract(struct yt_reply *reply)
{
	static const char *const objects[] = { "setlinfo", "result", "data" };

	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
		const struct yt_node *node = ksbw_object(reply->body, objects[i]);

		if (reply->visit.n == 0)
			reply->visit = yt_node_text(node, "mdtrt_id");
		if (reply->settlement.n == 0)
			reply->settlement = yt_node_text(node, "setl_id");
		if (i > 0 || node == NULL)
			continue;
		reply->amount_fen = fen_of(node, "medfee_sumamt");
		reply->fund_fen = fen_of(node, "fund_pay_sumamt");
		reply->account_fen = fen_of(node, "acct_pay");
		reply->cash_fen = fen_of(node, "psn_cash_pay");
	}
}

static int add_person(const struct yt_msg *msg, struct yt_reply *reply)
{
	struct yt_node *rows = yt_node_get(reply->body, "insuinfo");

	if (rows == NULL || rows->child == NULL)
		return 0;
	if (yt_node_add_text(reply->arena, rows->child, "insuplc_admdvs", msg->insured_area) == NULL ||
	        yt_node_add_text(reply->arena, rows->child, "psn_insu_stas", YT_STR("1")) == NULL)
		return YT_ENOMEM;
	return 0;
}

static int take_done(const struct ksbw *k, const struct yt_msg *msg, const struct ksbw_schema *schema,
        const struct yt_node *output, const struct yt_node *asked, struct yt_reply *reply)
{
	struct yt_str number = yt_str(schema->number);
	struct yt_fault fault;
	int rv;

	if (schema->n_out == 0)
		return 0; /* an acknowledgement */
	if (output == NULL)
		return unknown(reply, YT_STR("success without output"));
	rv = ksbw_read_body(k, reply->arena, output, "output", schema->out, schema->n_out,
	        ksbw_is_inpatient(msg->op->id), &reply->body, &fault);
	if (rv != 0)
		return rv == YT_ENOMEM ? rv : unknown_fault(reply, "answer breaks the schema", &fault);
	if (ksbw_check_reply(k, number, asked, reply->body, &fault) != NULL)
		reply->breach = yt_arena_printf(reply->arena, "%s %s", fault.path, fault.why);
	if (yt_str_is(number, "0303") || yt_str_is(number, "0304"))
		rv = ksbw_complete_settlement(k, msg, asked, reply);
	else if (yt_str_is(number, "0305"))
		rv = ksbw_complete_cancel(msg, asked, reply);
	else if (yt_str_is(number, "0211"))
		rv = add_person(msg, reply);
	extract(reply);
	return rv;
}

/* What was refused before anybody looked into a store says nothing about an earlier try of the same octets. */
static bool is_before_store(struct yt_str code)
{
	int number = code_number(code);

	return (number <= -1001 && number >= -1005) || number == -1008 || number == -1009;
}

/* "retryafter" and a number of seconds in a busy party's text (7.7, -9003): what stands between is not prescribed. */
static int64_t retry_after_ms(struct yt_str text)
{
	static const char word[] = "retryafter";
	const char *at = text.n == 0 ? NULL : memmem(text.p, text.n, word, sizeof(word) - 1);
	const char *end = text.p + text.n;
	int64_t seconds = 0;

	for (at = at == NULL ? end : at + sizeof(word) - 1; at < end && memchr("=: ", *at, 3) != NULL; at++)
		;
	for (; at < end && *at >= '0' && *at <= '9' && seconds < RETRY_AFTER_MAX_S; at++)
		seconds = seconds * 10 + (*at - '0');
	return (seconds < RETRY_AFTER_MAX_S ? seconds : RETRY_AFTER_MAX_S) * 1000;
}

/* What withdraws says so of what had been withdrawn: the registration, which its owner once issued to us, is not there
 * any more, nor are its lines and its discharge. */
static bool is_withdrawn(const char *number, struct yt_str code)
{
	static const struct {
		const char number[5], code[6];
	} told[] = { { "0305", "-3006" }, { "0214", "-3001" }, { "0302", "-3001" }, { "0216", "-3001" },
		{ "0216", "-3011" } };

	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		if (strcmp(told[i].number, number) == 0 && yt_str_is(code, told[i].code))
			return true;
	return false;
}

static void take_refused(
        const struct ksbw_schema *schema, struct yt_reply *reply, enum ksbw_class class, bool is_stored)
{
	reply->outcome = YT_REFUSED;
	reply->may_retry = class == KSBW_R;
	reply->retry_after_ms = reply->may_retry ? retry_after_ms(reply->text) : 0;
	/* A busy party may say so before it looks for the first try's answer, which it would have marked. */
	reply->at_gateway = is_before_store(reply->code) || (reply->may_retry && !is_stored);
	reply->already_done = is_withdrawn(schema->number, reply->code);
}

int ksbw_take_result(struct yt_plugin *self, const struct yt_msg *msg, struct yt_str number,
        const struct yt_node *result, bool by_owner, const struct yt_node *asked, struct yt_reply *reply)
{
	const struct ksbw_schema *schema = ksbw_schema(number);
	struct result r;
	const char *why = read_result(result, &r);
	enum ksbw_class class;
	int rv = 0;

	if (why != NULL || schema == NULL)
		return unknown(
		        reply, yt_str(why != NULL ? why : "answer to a transaction that the profile does not have"));
	reply->code = r.code;
	reply->text = r.text;
	class = ksbw_class_of(r.code);
	if (!by_owner)
		return unknown(reply,
		        yt_arena_printf(reply->arena, "%.*s said by another than the business owner", YT_FMT(r.code)));
	if (class == KSBW_U)
		return 0; /* stays unknown, with the party's own text */
	/* Whether an octet was sent on only the one who had the connection knows (7.7). */
	if (yt_str_is(r.code, "-9002"))
		return unknown(reply, YT_STR("not delivered, said by another than our own connection"));
	reply->outcome = YT_DONE;
	if (class == KSBW_DONE)
		rv = take_done(yt_plugin_ctx(self), msg, schema, r.output, asked, reply);
	else
		take_refused(schema, reply, class, yt_str_is(r.dupflag, "1"));
	return rv;
}

/* NULL, or why this is no answer to our message. */
static const char *is_not_ours(const struct ksbw_head *sent, const struct ksbw_head *head)
{
	char wanted = yt_str_is(sent->msgtype, "N") ? 'K' : 'A';

	if (head->msgtype.p[0] != wanted)
		return "answer is of another kind (head.msgtype)";
	if (!yt_str_eq(head->transno, sent->transno))
		return "answer is to another transaction (head.transno)";
	if (!yt_str_eq(head->reftransid, sent->transid))
		return "answer is to another message (head.reftransid)";
	if (!yt_str_eq(head->recver, sent->sender))
		return "answer is for somebody else (head.recver)";
	if (!yt_str_eq(head->treatment_area, sent->treatment_area) ||
	        !yt_str_eq(head->insured_area, sent->insured_area))
		return "answer is about other areas (head.aab299, head.aab301)";
	return NULL;
}

int ksbw_decode_reply(
        struct yt_plugin *self, const struct yt_msg *msg, int http_status, struct yt_str octets, struct yt_reply *reply)
{
	struct ksbw_envelope e;
	struct ksbw_head sent;
	struct yt_node *asked;
	struct yt_fault fault;
	struct ksbw_trouble t = { &fault, NULL };
	const char *why;
	int rv;

	reply->outcome = YT_UNKNOWN;
	if (http_status != 0 && (http_status < 200 || http_status > 299))
		return unknown(reply, yt_arena_printf(reply->arena, "HTTP status %d", http_status));
	if (octets.n == 0)
		return unknown(reply, YT_STR("answer is empty"));
	if (!ksbw_sent(self, reply->arena, msg, &sent, &asked))
		return unknown(reply, YT_STR("what was sent cannot be read back, so no answer can be matched to it"));
	rv = ksbw_read(self, reply->arena, octets, &e, &t);
	if (rv == 0)
		rv = ksbw_verify(self, &e, &t);
	if (rv != 0)
		return rv == YT_ENOMEM ? rv : unknown_fault(reply, "answer cannot be believed", &fault);
	why = is_not_ours(&sent, &e.head);
	if (why != NULL)
		return unknown(reply, yt_str(why));
	reply->head =
	        yt_node_new(reply->arena, YT_OBJECT); /* empty: another format would take our members for its own */
	reply->number = e.head.transid;
	reply->octets = octets;
	if (reply->head == NULL)
		return YT_ENOMEM;
	return ksbw_take_result(self, msg, sent.transno, e.body, yt_str_eq(e.head.sender, sent.recver), asked, reply);
}

/* -- encoding ----------------------------------------------------------------------------------- */

/* Cuts at most n characters off the front. */
static struct yt_str characters(struct yt_str s, size_t n)
{
	size_t at = 0;

	for (; at < s.n; at++)
		if (((unsigned char)s.p[at] & 0xC0) != 0x80 && n-- == 0)
			break;
	return (struct yt_str){ s.p, at };
}

/* What the gateway refuses itself, by the number of its text, in codes of the profile. */
static const struct {
	uint16_t text;
	struct yt_str code;
} own_refusals[] = {
#define CODE(text, code)                                                                                               \
	{                                                                                                              \
		text,                                                                                                  \
		{                                                                                                      \
			code, sizeof(code) - 1                                                                         \
		}                                                                                                      \
	}
	CODE(101, "-1002"),
	CODE(102, "-1002"),
	CODE(103, "-1008"),
	CODE(104, "-1006"),
	CODE(105, "-1008"),
	CODE(106, "-1010"),
	CODE(107, "-1009"),
	CODE(108, "-1002"),
	CODE(201, "-1006"),
	CODE(202, "-9003"),
	CODE(203, "-9003"),
	CODE(301, "-9003"),
	CODE(302, "-9001"),
	CODE(401, "-3006"),
	CODE(402, "-3003"),
	CODE(403, "-9003"),
	CODE(404, "-9009"),
	CODE(406, "-3005"),
#undef CODE
};

/* A refusal that came from elsewhere has no code of this profile; what is refused for good is class F. */
static struct yt_str refusal_code(const struct yt_msg *msg, const struct yt_reply *reply)
{
	enum ksbw_class class = ksbw_class_of(reply->code);

	if (class == KSBW_F || class == KSBW_R || yt_str_is(reply->code, "-9001") || yt_str_is(reply->code, "-9009") ||
	        yt_str_is(reply->code, "-9999"))
		return reply->code;
	/* A code agreed for "not known yet" is no negative one. */
	if (reply->code.n > 0 && reply->code.p[0] != '-')
		return YT_STR("-9009");
	if (msg->refusal.n > 0)
		return msg->refusal;
	for (size_t i = 0; i < sizeof(own_refusals) / sizeof(own_refusals[0]); i++)
		if (own_refusals[i].text == reply->own_text)
			return own_refusals[i].code;
	if (reply->may_retry)
		return YT_STR("-9003");
	return msg->op->id == YT_OP_PERSON_CHECK || msg->op->id == YT_OP_FILING_QUERY ? YT_STR("-2001")
	                                                                              : YT_STR("-3001");
}

/* The engine gives the stored answer's octets (oanswer); the profile wants its <result> and digest. */
static int add_stored_result(struct yt_plugin *self, struct yt_reply *reply)
{
	struct yt_node *data = yt_node_get(reply->body, "data");
	struct yt_str stored = yt_node_text(data, "oanswer"), text, digest;
	struct yt_buf base64 = { 0 }, hex = { 0 };
	struct ksbw_envelope e;
	struct yt_fault fault;
	struct ksbw_trouble t = { &fault, NULL };
	uint8_t sm3[32];

	if (stored.n == 0 || ksbw_read(self, reply->arena, stored, &e, &t) != 0)
		return 0;
	yt_sm3(e.raw, sm3);
	yt_hex_add(&hex, sm3, sizeof(sm3), false);
	yt_base64_add(&base64, e.raw.p, e.raw.n);
	text = yt_arena_copy(reply->arena, yt_buf_view(&base64));
	digest = yt_arena_copy(reply->arena, yt_buf_view(&hex));
	yt_buf_free(&base64);
	yt_buf_free(&hex);
	if (text.p == NULL || digest.p == NULL || yt_node_set_text(reply->arena, data, "oresult", text) != 0 ||
	        yt_node_set_text(reply->arena, data, "oresdigest", digest) != 0)
		return YT_ENOMEM;
	return 0;
}

struct answer {
	struct yt_str code, text;
	const struct ksbw_schema *output; /* NULL: none */
};

static int write_output(const struct ksbw *k, const struct yt_msg *msg, const struct yt_reply *reply,
        const struct ksbw_schema *schema, struct yt_xml_writer *w, struct yt_fault *fault)
{
	struct ksbw_source s = { .k = k,
		.msg = msg,
		.body = reply->body,
		.arena = reply->arena,
		.root = "output",
		.schema = schema,
		.is_reply = true };
	int rv;

	yt_xml_start(w, "output");
	rv = ksbw_write_body(&s, schema->out, schema->n_out, w, fault);
	yt_xml_end(w);
	return rv;
}

static int write_result(const struct ksbw *k, const struct yt_msg *msg, const struct yt_reply *reply,
        const struct answer *a, struct yt_buf *out, struct yt_fault *fault)
{
	struct yt_xml_error err = { 0 };
	struct yt_xml_writer w;
	int rv = 0;

	yt_buf_clear(out);
	yt_xml_begin(&w, out, k->charset);
	w.indent = 2;
	w.level = 1;
	yt_xml_start(&w, "result");
	yt_xml_leaf(&w, "errorcode", a->code);
	if (a->text.n > 0)
		yt_xml_leaf(&w, "errormsg", characters(a->text, KSBW_TEXT_MAX));
	yt_xml_leaf(&w, "dupflag", YT_STR("0"));
	if (a->output != NULL)
		rv = write_output(k, msg, reply, a->output, &w, fault);
	if (rv != 0)
		return rv;
	yt_xml_end(&w);
	rv = yt_xml_done(&w, &err);
	return rv == YT_EFORMAT ? ksbw_refuse(fault, rv, err.path, "has a character that cannot be written") : rv;
}

/* Nobody across provinces can bear it: refused before anything is booked, unknown after. */
static bool has_hospital_part(const struct yt_reply *reply)
{
	return fen_of(ksbw_object(reply->body, "setlinfo"), "hosp_part_amt") != 0;
}

static struct yt_str own_number(const struct ksbw *k, struct yt_arena *arena, struct yt_str given, int64_t wall_ms)
{
	char number[KSBW_NUMBER_LEN + 1];
	uint64_t serial;

	if (ksbw_is_digits(given, KSBW_NUMBER_LEN))
		return given;
	yt_random(&serial, sizeof(serial));
	ksbw_number(k, wall_ms, serial, number);
	return yt_arena_copy(arena, yt_str(number));
}

/* The answer's head: the request's, turned round.  A request without a readable head is answered all the same. */
static int answer_head(const struct ksbw *k, struct yt_arena *arena, const struct yt_msg *msg, struct yt_str number,
        int64_t wall_ms, struct ksbw_head *head)
{
	struct ksbw_head asked;
	char time[15];

	ksbw_head_of(msg->head, &asked);
	memset(head, 0, sizeof(*head));
	head->sent_ms = wall_ms > 0 ? wall_ms : asked.sent_ms;
	yt_time_compact(head->sent_ms, time);
	head->transno = asked.transno.n > 0 ? asked.transno : YT_STR("0000");
	head->msgtype = yt_str_is(asked.msgtype, "N") ? YT_STR("K") : YT_STR("A");
	head->reftransid = asked.transid.n > 0 ? asked.transid : YT_STR("000000000000000000000000000000");
	head->sender = k->area;
	head->recver = asked.sender.n > 0 ? asked.sender : k->hub;
	head->treatment_area = asked.treatment_area.n > 0 ? asked.treatment_area : YT_STR("000000");
	head->insured_area = asked.insured_area.n > 0 ? asked.insured_area : YT_STR("000000");
	head->sendtime = yt_arena_copy(arena, yt_str(time));
	head->transid = own_number(k, arena, number, head->sent_ms);
	head->expire = yt_arena_printf(arena, "%lld", (long long)k->expire_s);
	return head->sendtime.p != NULL && head->transid.p != NULL && head->expire.p != NULL ? 0 : YT_ENOMEM;
}

static int compose(struct yt_plugin *self, const struct yt_msg *msg, const struct yt_reply *reply, struct yt_buf *body)
{
	const struct ksbw *k = yt_plugin_ctx(self);
	const struct ksbw_schema *schema = ksbw_schema(msg->wire_op);
	struct answer a = { .text = reply->text };
	struct yt_fault fault = { { 0 }, { 0 } };
	int rv;

	a.code = reply->outcome == YT_DONE ? YT_STR("0") : refusal_code(msg, reply);
	if (reply->outcome == YT_DONE && schema != NULL && schema->n_out > 0)
		a.output = schema;
	if (a.output != NULL && has_hospital_part(reply)) {
		a.code = msg->op->changes_state ? YT_STR("-9999") : YT_STR("-1010");
		a.text = YT_STR("医院负担金额跨省无法表达 (hosp_part_amt)");
		a.output = NULL;
	}
	rv = write_result(k, msg, reply, &a, body, &fault);
	if (rv != YT_EFORMAT)
		return rv;
	/* It is booked, or may be: that we cannot say it must not read as "did not happen". */
	yt_plugin_log(
	        self, YT_ERROR, "answer to %.*s cannot be written: %s %s", YT_FMT(msg->wire_op), fault.path, fault.why);
	a = (struct answer){ .code = YT_STR("-9999"),
		.text = yt_arena_printf(reply->arena, "应答无法写出 (%s)", fault.path) };
	return a.text.p == NULL ? YT_ENOMEM : write_result(k, msg, reply, &a, body, &fault);
}

/* An answer of this format to this very message, which is not ours to change. */
static bool is_passed_on(const struct ksbw *k, const struct yt_msg *msg, const struct yt_reply *reply)
{
	char wanted[64];
	int n = snprintf(wanted, sizeof(wanted), "<reftransid>%.*s</reftransid>", YT_FMT(msg->number));
	size_t within = reply->octets.n < 1024 ? reply->octets.n : 1024;

	return k->relays && msg->number.n == KSBW_NUMBER_LEN && within > 0 && n < (int)sizeof(wanted) &&
	       memmem(reply->octets.p, within, wanted, (size_t)n) != NULL;
}

int ksbw_encode_reply(
        struct yt_plugin *self, const struct yt_msg *msg, const struct yt_reply *reply, struct yt_buf *out)
{
	const struct ksbw *k = yt_plugin_ctx(self);
	struct yt_reply copy = *reply;
	struct yt_buf body = { 0 };
	struct yt_fault fault;
	struct ksbw_head head;
	int rv;

	if (is_passed_on(k, msg, reply)) {
		yt_buf_str(out, reply->octets);
		return out->failed ? YT_ENOMEM : 0;
	}
	if (copy.arena == NULL)
		copy.arena = msg->arena;
	rv = answer_head(k, copy.arena, msg, reply->own_number, reply->wall_ms, &head);
	if (rv == 0 && msg->op->id == YT_OP_OUTCOME_QUERY && reply->outcome == YT_DONE)
		rv = add_stored_result(self, &copy);
	if (rv == 0)
		rv = compose(self, msg, &copy, &body);
	if (rv == 0)
		rv = ksbw_seal(self, &head, yt_buf_view(&body), k->charset, head.sent_ms, out, &fault);
	yt_buf_free(&body);
	return rv;
}

int ksbw_repeat_reply(struct yt_plugin *self, const struct yt_msg *msg, struct yt_str stored, struct yt_str number,
        int64_t wall_ms, struct yt_buf *out)
{
	static const char was[] = "<dupflag>0</dupflag>";
	const struct ksbw *k = yt_plugin_ctx(self);
	struct yt_buf body = { 0 };
	struct ksbw_envelope e;
	struct ksbw_head head;
	struct yt_fault fault;
	struct ksbw_trouble t = { &fault, NULL };
	char *mark;
	int rv = ksbw_read(self, msg->arena, stored, &e, &t);

	if (rv == 0 &&
	        !yt_str_eq(e.head.sender, k->area)) { /* another's answer: only its sender may mark and sign it */
		yt_buf_str(out, stored);
		return out->failed ? YT_ENOMEM : 0;
	}
	if (rv == 0)
		rv = answer_head(k, msg->arena, msg, number, wall_ms, &head);
	if (rv != 0)
		return rv;
	yt_buf_str(&body, e.raw);
	/* In both charsets a text has its < as a reference, so this is the element. */
	mark = body.failed ? NULL : memmem(body.p, body.n, was, sizeof(was) - 1);
	if (mark != NULL)
		mark[9] = '1';
	rv = body.failed ? YT_ENOMEM
	                 : ksbw_seal(self, &head, yt_buf_view(&body), e.xml.charset, head.sent_ms, out, &fault);
	yt_buf_free(&body);
	return rv;
}
