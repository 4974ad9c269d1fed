/* plugins/nhsa/reply.c - an answer: what it proves, and how ours is written.
 *
 * nhsa_decode_reply() decides the outcome.  Only a whole answer proves anything: infcode 0 with what the
 * operation must bring is done, a negative infcode with a business text is refused, all else is unknown,
 * since money may have moved although we cannot read that it did. */
#include <stdio.h>
#include <string.h>

#include "nhsa.h"

#define ERR_MSG_MAX 200 /* characters of an err_msg of our own */

static int unknown(struct yt_reply *reply, struct yt_str why)
{
	reply->outcome = YT_UNKNOWN;
	reply->text = why;
	return why.p != NULL ? 0 : YT_ENOMEM;
}

static bool same_letters(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char x = a[i] >= 'A' && a[i] <= 'Z' ? (char)(a[i] + 32) : a[i];
		char y = b[i] >= 'A' && b[i] <= 'Z' ? (char)(b[i] + 32) : b[i];

		if (x != y)
			return false;
	}
	return true;
}

static bool has_word(const struct nhsa_words *words, struct yt_str text)
{
	for (size_t w = 0; w < words->n; w++)
		for (size_t i = 0; i + words->word[w].n <= text.n; i++)
			if (same_letters(text.p + i, words->word[w].p, words->word[w].n))
				return true;
	return false;
}

/* "0", "-1", "+1": false when it is no whole number. */
static bool code_read(struct yt_str s, int *code)
{
	size_t i = s.n > 0 && (s.p[0] == '-' || s.p[0] == '+');
	int value = 0;

	if (s.n == i || s.n > 9)
		return false;
	for (size_t at = i; at < s.n; at++) {
		if (s.p[at] < '0' || s.p[at] > '9')
			return false;
		value = value * 10 + (s.p[at] - '0');
	}
	*code = s.p[0] == '-' ? -value : value;
	return true;
}

static const struct yt_node *child_of(const struct yt_node *body, const char *name)
{
	const struct yt_node *node = yt_node_get(body, name);

	return node != NULL && node->kind == YT_OBJECT ? node : NULL;
}

static int64_t fen_of(const struct yt_node *node, const char *name)
{
	int64_t fen;

	return yt_node_fen(node, name, &fen) == 0 ? fen : 0;
}

void nhsa_reply_extract(struct yt_reply *reply)
{
	const struct yt_node *setlinfo = child_of(reply->body, "setlinfo");
	const struct yt_node *issued = child_of(reply->body, "data");

	if (issued == NULL)
		issued = child_of(reply->body, "result");
	reply->visit = yt_node_text(setlinfo != NULL ? setlinfo : issued, "mdtrt_id");
	reply->settlement = yt_node_text(setlinfo, "setl_id");
	reply->sign_no = yt_node_text(child_of(reply->body, "signinoutb"), "sign_no");
	if (setlinfo == NULL)
		return;
	reply->amount_fen = fen_of(setlinfo, "medfee_sumamt");
	reply->fund_fen = fen_of(setlinfo, "fund_pay_sumamt");
	reply->account_fen = fen_of(setlinfo, "acct_pay");
	reply->cash_fen = fen_of(setlinfo, yt_node_text(setlinfo, "psn_cash_pay").n > 0   ? "psn_cash_pay"
	                                   : yt_node_text(setlinfo, "pdn_cash_pay").n > 0 ? "pdn_cash_pay"
	                                                                                  : "cash_payamt");
}

/* A success that does not bring what only the centre knows cannot be used: the origin could neither cancel
 * a settlement without its setl_id nor go on with a visit without its mdtrt_id. */
static const char *what_is_missing(const struct yt_msg *msg, const struct yt_reply *reply)
{
	if (msg->op->is_settlement && reply->settlement.n == 0)
		return "success without setl_id";
	if ((msg->op->id == YT_OP_OUTPATIENT_REGISTER || msg->op->id == YT_OP_INPATIENT_ADMIT) && reply->visit.n == 0)
		return "success without mdtrt_id";
	if (msg->op->id == YT_OP_PAYMENT_FEES && yt_node_text(child_of(reply->body, "data"), "payOrdId").n == 0)
		return "success without payOrdId";
	if (msg->op->id == YT_OP_SIGN_IN && reply->sign_no.n == 0)
		return "success without sign_no";
	return NULL;
}

/* Nearly always an object; the answer to 5204 is the array itself. */
static bool is_tree(const struct yt_node *body)
{
	return body != NULL && (body->kind == YT_OBJECT || body->kind == YT_ARRAY);
}

static int decode_done(const struct yt_msg *msg, struct yt_reply *reply)
{
	const struct yt_table *table = nhsa_table(msg->wire_op);
	struct yt_fault fault;
	const char *missing;
	int rv = 0;

	if (table != NULL && is_tree(reply->body))
		rv = yt_table_run(
		        table->out, table->n_out, "output", YT_TABLE_LENIENT, reply->arena, reply->body, &fault, NULL);
	if (rv != 0)
		return rv;
	reply->passed = table;
	if (table != NULL && is_tree(reply->body))
		reply->n_secrets = yt_table_secrets(table->out, table->n_out, reply->body, NULL, 0);
	nhsa_reply_extract(reply);
	missing = what_is_missing(msg, reply);
	if (missing != NULL)
		return unknown(reply, yt_str(missing));
	reply->outcome = YT_DONE;
	return 0;
}

/* The words by which a centre refuses what it has done already; NULL: it has none for this operation. */
static const struct nhsa_words *done_words(const struct nhsa *nhsa, enum yt_operation op)
{
	switch (op) {
	case YT_OP_OUTPATIENT_FEES:
	case YT_OP_INPATIENT_FEES:
		return &nhsa->lines_there;
	case YT_OP_OUTPATIENT_FEES_CANCEL:
	case YT_OP_INPATIENT_FEES_CANCEL:
	case YT_OP_OUTPATIENT_REGISTER_CANCEL:
	case YT_OP_INPATIENT_ADMIT_CANCEL:
	case YT_OP_TRANSFER_FILE_CANCEL:
	case YT_OP_CHRONIC_FILE_CANCEL:
	case YT_OP_DESIGNATION_FILE_CANCEL:
	case YT_OP_CLEARING_APPLY_CANCEL:
	case YT_OP_STOCK_DELETE:
		return &nhsa->entries_gone;
	case YT_OP_INPATIENT_DISCHARGE:
		return &nhsa->discharged;
	case YT_OP_INPATIENT_DISCHARGE_CANCEL:
		return &nhsa->not_discharged;
	default:
		return NULL;
	}
}

static int decode_refused(const struct nhsa *nhsa, const struct yt_msg *msg, struct yt_reply *reply)
{
	const struct nhsa_words *done = done_words(nhsa, msg->op->id);

	if (reply->text.n == 0)
		return unknown(reply, YT_STR("failure code without a text"));
	if (has_word(&nhsa->unknown, reply->text))
		return 0; /* stays unknown, with the party's own text */
	reply->outcome = YT_REFUSED;
	reply->session_expired = has_word(&nhsa->session_expired, reply->text);
	reply->at_gateway = has_word(&nhsa->gateway, reply->text);
	reply->already_done = done != NULL && has_word(done, reply->text);
	reply->never_happened = msg->op->id == YT_OP_REVERSE && has_word(&nhsa->never_happened, reply->text);
	return 0;
}

/* A refusal of ours or of what stands between comes open; an answer of the centre does not. */
static int open_output(struct yt_plugin *self, struct yt_str *text, struct yt_reply *reply, const char **why)
{
	const struct nhsa *nhsa = yt_plugin_ctx(self);

	if (reply->body == NULL || nhsa->input_key.n == 0 || reply->body->kind != YT_TEXT)
		return 0;
	return nhsa_seal_open(self, reply->arena, reply->head, &reply->body, true, text, why);
}

/* The wrapped answer of a payment. */
static int decode_wrapped(
        struct yt_plugin *self, const struct yt_msg *msg, struct yt_node *root, struct yt_reply *reply)
{
	const char *why;
	int rv = nhsa_unwrap_reply(self, root, reply, &why);

	if (rv != 0)
		return rv == YT_ENOMEM ? rv : unknown(reply, yt_str(why));
	if (yt_str_is(reply->code, "0"))
		return decode_done(msg, reply);
	return decode_refused(yt_plugin_ctx(self), msg, reply);
}

static int decode_json(struct yt_plugin *self, const struct yt_msg *msg, struct yt_str octets, struct yt_reply *reply)
{
	const struct nhsa *nhsa = yt_plugin_ctx(self);
	const char *why;
	struct yt_json_error err = { 0 };
	struct yt_node *root;
	struct yt_str text;
	int code, rv;

	if (octets.n >= 3 && memcmp(octets.p, "\xEF\xBB\xBF", 3) == 0) {
		octets.p += 3; /* a byte-order mark: wrong, harmless */
		octets.n -= 3;
	}
	rv = nhsa_read_json(reply->arena, octets, &text, &root, &err);
	if (rv == YT_ENOMEM)
		return rv;
	if (rv != 0)
		return unknown(reply, yt_arena_printf(reply->arena, "answer cannot be read: line %u column %u: %s",
		                              err.line, err.column, err.why != NULL ? err.why : ""));
	if (root->kind != YT_OBJECT)
		return unknown(reply, YT_STR("answer is not a JSON object"));
	if (nhsa->app_id.n > 0 && nhsa_is_payment(msg->op->id) && yt_node_get(root, "infcode") == NULL)
		return decode_wrapped(self, msg, root, reply);
	reply->body = nhsa_unlink(root, "output");
	reply->head = root;
	if (reply->body != NULL && reply->body->kind == YT_NULL)
		reply->body = NULL;
	rv = open_output(self, &text, reply, &why);
	if (rv != 0)
		return rv == YT_ENOMEM ? rv : unknown(reply, yt_arena_printf(reply->arena, "answer %s", why));
	if (reply->body != NULL)
		reply->content = (struct yt_str){ text.p + reply->body->raw_off, reply->body->raw_len };
	rv = yt_table_run(nhsa_envelope.out, nhsa_envelope.n_out, "", YT_TABLE_LENIENT, reply->arena, root, NULL, NULL);
	if (rv != 0)
		return rv;
	reply->code = yt_node_text(root, "infcode");
	reply->text = yt_node_text(root, "err_msg");
	reply->number = yt_node_text(root, "inf_refmsgid");
	if (!code_read(reply->code, &code))
		return unknown(reply, YT_STR("answer has no infcode"));
	/* A few systems use 1 for failure: no positive code was ever seen for success. */
	return code == 0 ? decode_done(msg, reply) : decode_refused(nhsa, msg, reply);
}

/* 9102 is answered by the file itself, or by an envelope that says why not; a zip begins with PK. */
static bool begins_as_object(struct yt_str octets)
{
	size_t at = octets.n >= 3 && memcmp(octets.p, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;

	while (at < octets.n && strchr(" \t\r\n", octets.p[at]) != NULL && octets.p[at] != '\0')
		at++;
	return at < octets.n && octets.p[at] == '{';
}

int nhsa_decode_reply(
        struct yt_plugin *self, const struct yt_msg *msg, int http_status, struct yt_str octets, struct yt_reply *reply)
{
	bool may_speak = http_status == 0 || (http_status >= 200 && http_status < 300) ||
	                 (http_status >= 400 && http_status < 500);

	reply->outcome = YT_UNKNOWN;
	/* A 5xx comes from something between us and the centre: what the centre did it cannot know. */
	if (!may_speak)
		return unknown(reply, yt_arena_printf(reply->arena, "HTTP status %d", http_status));
	if (octets.n == 0)
		return unknown(reply, YT_STR("answer is empty"));
	if (msg->op->id == YT_OP_FILE_DOWNLOAD && http_status < 300 && !begins_as_object(octets)) {
		reply->outcome = YT_DONE;
		reply->code = YT_STR("0");
		reply->raw = octets;
		return 0;
	}
	return decode_json(self, msg, octets, reply);
}

/* Cuts at most n characters off the front. */
static struct yt_str characters(struct yt_str s, size_t n)
{
	size_t at = 0;

	for (; at < s.n; at++)
		if (((unsigned char)s.p[at] & 0xC0) != 0x80 && n-- == 0)
			break;
	return (struct yt_str){ s.p, at };
}

static void put_code(const struct yt_reply *reply, struct yt_buf *out, bool *first)
{
	int code;

	if (reply->outcome == YT_DONE)
		code = 0;
	else if (!code_read(reply->code, &code) || code == 0)
		code = -1;
	nhsa_put_name(out, first, YT_STR("infcode"));
	if (code == 0)
		yt_buf_byte(out, '0');
	else
		yt_buf_printf(out, "%d", code);
}

/* A member of the envelope that an answer from elsewhere may have brought and ours must have. */
static void put_text(
        const struct yt_reply *reply, const char *name, struct yt_str ours, struct yt_buf *out, bool *first)
{
	const struct yt_node *kept = yt_node_get(reply->head, name);

	nhsa_put_name(out, first, yt_str(name));
	if (kept != NULL && kept->kind != YT_NULL)
		yt_json_write(kept, out);
	else
		yt_json_write_string(ours, out);
}

/* The centre refused, but only since it had done the same before: for the origin that is a success, and
 * what the centre said goes where no client reads a failure. */
static bool is_turned(const struct yt_reply *reply)
{
	int code;

	return reply->outcome == YT_DONE && code_read(yt_node_text(reply->head, "infcode"), &code) && code != 0;
}

static void put_texts(const struct yt_reply *reply, struct yt_buf *out, bool *first)
{
	if (is_turned(reply)) {
		nhsa_put_name(out, first, YT_STR("err_msg"));
		yt_json_write_string(YT_STR(""), out);
		nhsa_put_name(out, first, YT_STR("warn_msg"));
		yt_json_write_string(yt_node_text(reply->head, "err_msg"), out);
		return;
	}
	/* A text of ours obeys the table; what came from the centre is never cut. */
	put_text(reply, "err_msg", reply->outcome == YT_DONE ? YT_STR("") : characters(reply->text, ERR_MSG_MAX), out,
	        first);
	if (yt_node_get(reply->head, "warn_msg") != NULL)
		put_text(reply, "warn_msg", YT_STR(""), out, first);
}

static void put_times(const struct yt_reply *reply, struct yt_buf *out, bool *first)
{
	char time[24];

	if (reply->wall_ms > 0) {
		yt_time_compact(reply->wall_ms, time);
		snprintf(time + 14, sizeof(time) - 14, "%03u", (unsigned)(reply->wall_ms % 1000) % 1000u);
	}
	if (reply->wall_ms > 0 || yt_node_get(reply->head, "refmsg_time") != NULL)
		put_text(reply, "refmsg_time", (struct yt_str){ time, 17 }, out, first);
	if (reply->wall_ms > 0 || yt_node_get(reply->head, "respond_time") != NULL)
		put_text(reply, "respond_time", (struct yt_str){ time, 17 }, out, first);
}

static bool is_written(struct yt_str name)
{
	return yt_str_is(name, "infcode") || yt_str_is(name, "inf_refmsgid") || yt_str_is(name, "refmsg_time") ||
	       yt_str_is(name, "respond_time") || yt_str_is(name, "err_msg") || yt_str_is(name, "warn_msg");
}

static int put_output(
        struct yt_plugin *self, const struct yt_reply *reply, bool as_it_came, struct yt_buf *out, bool *first)
{
	const struct nhsa *nhsa = yt_plugin_ctx(self);
	bool sealed = nhsa->input_key.n > 0 && reply->body != NULL;
	struct yt_buf plain = { 0 }, *to = sealed ? &plain : out;
	int rv = 0;

	if (sealed) {
		nhsa_put_name(out, first, YT_STR("encType"));
		yt_buf_text(out, "\"SM4\"");
	}
	nhsa_put_name(out, first, YT_STR("output"));
	if (as_it_came)
		yt_buf_str(to, reply->content);
	else if (reply->body != NULL)
		yt_json_write(reply->body, to);
	else
		yt_buf_text(to, "null");
	if (sealed)
		rv = plain.failed ? YT_ENOMEM : nhsa_seal_put(self, yt_buf_view(&plain), out);
	yt_buf_free(&plain);
	return rv;
}

int nhsa_encode_reply(
        struct yt_plugin *self, const struct yt_msg *msg, const struct yt_reply *reply, struct yt_buf *out)
{
	const struct nhsa *nhsa = yt_plugin_ctx(self);
	const struct yt_table *table = nhsa_table(msg->wire_op);
	/* What decode read and nobody changed since goes on octet for octet. */
	bool as_it_came = reply->passed == table && yt_node_is_as_read(reply->body, reply->content);
	bool first = true;
	int rv = 0;

	if (reply->raw.n > 0) {
		yt_buf_str(out, reply->raw);
		return out->failed ? YT_ENOMEM : 0;
	}
	if (table != NULL && !as_it_came && is_tree(reply->body))
		rv = yt_table_run(
		        table->out, table->n_out, "output", YT_TABLE_LENIENT, reply->arena, reply->body, NULL, NULL);
	if (rv != 0)
		return rv;
	if (nhsa->app_id.n > 0 && nhsa_is_payment(msg->op->id))
		return nhsa_wrap_reply(self, msg, reply, out);
	yt_buf_byte(out, '{');
	put_code(reply, out, &first);
	put_text(reply, "inf_refmsgid", reply->number, out, &first);
	put_times(reply, out, &first);
	put_texts(reply, out, &first);
	for (const struct yt_node *node = reply->head != NULL ? reply->head->child : NULL; node != NULL;
	        node = node->next) {
		if (is_written(node->name))
			continue;
		nhsa_put_name(out, &first, node->name);
		yt_json_write(node, out);
	}
	rv = put_output(self, reply, as_it_came, out, &first);
	yt_buf_byte(out, '}');
	return rv != 0 ? rv : out->failed ? YT_ENOMEM : 0;
}
