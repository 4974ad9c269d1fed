/* plugins/bankfile/bankfile.c - profile BPF/1.0, batch files to a bank and its result files, as a codec plugin.
 *
 * core loads it by yt_codec_api, at the end of this file.  A file handed in is a request (pay.batch); a result file is
 * its answer when it is read with what was sent, or the bank's own message (pay.result) when it comes alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf.h"

struct bankfile {
	struct yt_str corp_no, bank;
	int64_t limit_fen;
};

static const struct yt_setting settings[] = {
	{ "corp_no", NULL, "our customer number at the bank, 1 to 10 digits: it stands in names and heads of files" },
	{ "bank", "", "who result files are from, as an institution's code; empty: our customer number" },
	{ "limit", "0", "yuan that one payout may have at most; 0: no limit" }, { NULL, NULL, NULL }
};

/* The same file once more is no second payment: the folder it goes to has it already or is told so by our receipt
 * (core/net/drop_put.c), and a bank that gets it twice answers with the state of the first (6.6). */
static const struct yt_wire_op ops[] = {
	{ "PAY", YT_OP_PAY_BATCH, YT_RESOLVE_RESEND },
	{ "PAY", YT_OP_PAY_ORDER, YT_RESOLVE_RESEND }, /* a file of one line */
	{ "RES", YT_OP_PAY_RESULT, YT_RESOLVE_PARK },
	{ NULL, YT_OP_UNREAD, YT_RESOLVE_NONE },
};

static int open_(struct yt_plugin *self)
{
	struct bankfile *b = calloc(1, sizeof(*b));
	const char *wrong = NULL;

	if (b == NULL)
		return YT_ENOMEM;
	b->corp_no = yt_plugin_setting(self, "corp_no");
	b->bank = yt_plugin_setting(self, "bank");
	if (!bank_is_digits(b->corp_no, 1, 10))
		wrong = "corp_no must be 1 to 10 digits";
	else if (!bank_is_ascii(b->bank, 0, 35))
		wrong = "bank must be at most 35 letters and digits";
	else if (yt_fen_parse(yt_plugin_setting(self, "limit"), &b->limit_fen) != 0 || b->limit_fen < 0)
		wrong = "limit must be an amount in yuan";
	if (wrong != NULL) {
		yt_plugin_log(self, YT_ERROR, "setting %s", wrong);
		free(b);
		return YT_ECONF;
	}
	yt_plugin_ctx_set(self, b);
	return 0;
}

static void close_(struct yt_plugin *self)
{
	free(yt_plugin_ctx(self));
}

#define APART 618033 /* prime to 1,000,000 */

/* -- numbers: the file's name without its end ------------------------------------------------------ */

/* PAY_<CorpNo>_<yyyyMMdd>_<BatchNo> */
static bool split_number(struct yt_str number, struct bpf_head *h)
{
	size_t corp;

	if (number.n < 4 + 1 + 16 || memcmp(number.p, "PAY_", 4) != 0)
		return false;
	corp = number.n - 4 - 16; /* "_yyyyMMdd_nnnnnn" */
	h->corp_no = (struct yt_str){ number.p + 4, corp };
	h->day = (struct yt_str){ number.p + 5 + corp, 8 };
	h->batch_no = (struct yt_str){ number.p + 14 + corp, 6 };
	return number.p[4 + corp] == '_' && number.p[13 + corp] == '_' && bank_is_digits(h->corp_no, 1, 10) &&
	       bank_day(h->day) && bank_is_digits(h->batch_no, 6, 6);
}

static int make_number(
        struct yt_plugin *self, struct yt_arena *arena, int64_t wall_ms, uint64_t serial, struct yt_str *number)
{
	const struct bankfile *b = yt_plugin_ctx(self);
	char time[15];
	/* Six digits a day, and what is counted is all that a worker numbers: each counts on from a place of its own,
	 * and the places of those that follow each other lie as far apart as can be (the golden section).  A number
	 * that is used up is found so before anything is handed over, and the next one is taken; data.batch_no takes
	 * one of the caller's own counting.
	 */
	unsigned batch = (unsigned)((serial / 1000000 * APART + serial % 1000000) % 1000000);

	yt_time_compact(wall_ms, time);
	*number = yt_arena_printf(arena, "PAY_%.*s_%.8s_%06u", YT_FMT(b->corp_no), time, batch);
	return number->p != NULL ? 0 : YT_ENOMEM;
}

static struct yt_str name_in(struct yt_str path)
{
	const char *slash = path.n > 0 ? memrchr(path.p, '/', path.n) : NULL;

	return slash != NULL ? (struct yt_str){ slash + 1, path.n - (size_t)(slash + 1 - path.p) } : path;
}

/* A result must be ours, and what its name says where that has the profile's form (6.6). */
static int check_result(
        const struct bankfile *b, const struct yt_msg *msg, const struct bpf_head *h, struct yt_fault *fault)
{
	struct yt_str name = name_in(msg->path);
	char wanted[48];

	if (!yt_str_eq(h->corp_no, b->corp_no))
		return bank_refuse(
		        fault, "line 1 field 3", "", "is another customer's number than the setting corp_no");
	snprintf(
	        wanted, sizeof(wanted), "RES_%.*s_%.*s_%.*s_", YT_FMT(h->corp_no), YT_FMT(h->day), YT_FMT(h->batch_no));
	if (yt_str_starts(name, "RES_") && !yt_str_starts(name, wanted))
		return bank_refuse(fault, "line 1", "", "is of another batch: it has another file's name");
	return 0;
}

/* The name of a result file where its path is known, else one that its content makes. */
static struct yt_str result_number(const struct yt_msg *msg, const struct bpf_head *h, struct yt_str octets)
{
	struct yt_str name = name_in(msg->path);
	uint8_t digest[32];

	if (yt_str_starts(name, "RES_") && name.n > 8 && name.n < 64 && memcmp(name.p + name.n - 4, ".txt", 4) == 0)
		return (struct yt_str){ name.p, name.n - 4 };
	yt_sm3(octets, digest);
	return yt_arena_printf(msg->arena, "RES_%.*s_%.*s_%.*s_%02x%02x%02x%02x", YT_FMT(h->corp_no), YT_FMT(h->day),
	        YT_FMT(h->batch_no), digest[0], digest[1], digest[2], digest[3]);
}

/* -- files in folders ------------------------------------------------------------------------------ */

/* By the head line: H|1.0|CorpNo|BatchNo|day|... */
static int file_name(struct yt_plugin *self, struct yt_str octets, struct yt_arena *arena, struct yt_str *name)
{
	const char *end = memchr(octets.p, '\n', octets.n), *from = octets.p, *bar;
	struct yt_str field[5] = { { NULL, 0 } };
	unsigned n = 0;

	(void)self;
	for (; end != NULL && n < 5 && (bar = memchr(from, '|', (size_t)(end - from))) != NULL; from = bar + 1)
		field[n++] = (struct yt_str){ from, (size_t)(bar - from) };
	if (n < 5 || !yt_str_is(field[0], "H") || !bank_is_digits(field[2], 1, 10) || !bank_is_digits(field[3], 6, 6) ||
	        !bank_day(field[4]))
		return YT_EFORMAT;
	*name = yt_arena_printf(arena, "PAY_%.*s_%.*s_%.*s.txt", YT_FMT(field[2]), YT_FMT(field[4]), YT_FMT(field[3]));
	return name->p != NULL ? 0 : YT_ENOMEM;
}

/* Its last line is the trailer, and ended. */
static bool file_is_whole(struct yt_plugin *self, struct yt_str octets)
{
	const char *before;

	(void)self;
	if (octets.n < 3 || octets.p[octets.n - 1] != '\n')
		return false;
	before = memrchr(octets.p, '\n', octets.n - 1);
	return before != NULL && octets.p + octets.n - before > 3 && before[1] == 'T' && before[2] == '|';
}

/* -- requests ------------------------------------------------------------------------------------- */

static int decode_request(struct yt_plugin *self, struct yt_str octets, struct yt_msg *msg, struct yt_fault *fault)
{
	const struct bankfile *b = yt_plugin_ctx(self);
	struct bpf_head h = { 0 };
	int rv = bpf_read_body(msg->arena, octets, &h, &msg->body, fault);

	msg->institution = h.is_result && b->bank.n > 0 ? b->bank : h.corp_no.n > 0 ? h.corp_no : b->corp_no;
	if (h.corp_no.n == 0)
		return rv;
	msg->wire_op = h.is_result ? YT_STR("RES") : YT_STR("PAY");
	msg->op = yt_op(h.is_result ? YT_OP_PAY_RESULT : YT_OP_PAY_BATCH);
	msg->original_number =
	        yt_arena_printf(msg->arena, "PAY_%.*s_%.*s_%.*s", YT_FMT(h.corp_no), YT_FMT(h.day), YT_FMT(h.batch_no));
	msg->number = h.is_result ? result_number(msg, &h, octets) : msg->original_number;
	msg->content = octets;
	msg->amount_fen = h.fen;
	if (!h.is_result)
		msg->original_number = (struct yt_str){ NULL, 0 };
	if (rv == 0 && h.is_result)
		rv = check_result(b, msg, &h, fault);
	return rv != 0 || msg->number.p != NULL ? rv : YT_ENOMEM;
}

static int encode_request(struct yt_plugin *self, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault)
{
	const struct bankfile *b = yt_plugin_ctx(self);
	struct yt_str batch = yt_node_text(yt_node_get(msg->body, "data"), "batch_no");
	struct bpf_head h = { 0 };

	if (msg->op->id != YT_OP_PAY_BATCH && msg->op->id != YT_OP_PAY_ORDER)
		return bank_refuse(fault, "(operation)", "", "is none that a batch file asks for");
	if (!split_number(msg->own_number.n > 0 ? msg->own_number : msg->number, &h))
		return bank_refuse(fault, "(number)", "",
		        "is not PAY_, customer number, day and six digits: the file's name is the message's number");
	if (!yt_str_eq(h.corp_no, b->corp_no))
		return bank_refuse(fault, "(number)", "", "has another customer number than the setting corp_no");
	if (batch.n > 0 && !yt_str_eq(batch, h.batch_no))
		return bank_refuse(fault, "input.data.batch_no", "", "is another than the message's number ends with");
	return bpf_write(&h, msg->body, b->limit_fen, out, fault);
}

/* -- answers -------------------------------------------------------------------------------------- */

static int encode_reply(
        struct yt_plugin *self, const struct yt_msg *msg, const struct yt_reply *reply, struct yt_buf *out)
{
	const struct bankfile *b = yt_plugin_ctx(self);
	const struct yt_node *data = yt_node_get(msg->body, "data");
	struct bpf_head h = { .corp_no = b->corp_no, .batch_no = YT_STR("000000"), .day = YT_STR("19700101") };
	bool is_done = reply->outcome == YT_DONE;

	(void)split_number(msg->number, &h);
	h.business = YT_STR("01");
	if (bank_business_of(yt_node_text(data, "pay_type")) != NULL)
		h.business = yt_str(bank_business_of(yt_node_text(data, "pay_type")));
	h.payer_acct = bank_is_digits(yt_node_text(data, "payer_acct"), 1, 35) ? yt_node_text(data, "payer_acct")
	                                                                       : YT_STR("0");
	return bpf_write_result(&h, msg->body, is_done ? reply->body : NULL, is_done ? YT_PAY_ACCEPTED : YT_PAY_FAILED,
	        is_done                          ? YT_STR("000000")
	        : bank_code(reply->code) != NULL ? reply->code
	                                         : YT_STR("E10003"),
	        reply->text, out);
}

static int unknown(struct yt_reply *reply, struct yt_str text)
{
	reply->outcome = YT_UNKNOWN;
	reply->text = text;
	return text.p != NULL ? 0 : YT_ENOMEM;
}

/* Each line must be about the payout that stood there. */
static const char *compare(const struct yt_node *asked, const struct yt_node *told)
{
	const struct yt_node *a = NULL, *t = NULL;
	char pa[64], pt[64];
	int64_t x, y;
	bool has_a, has_t;

	for (;;) {
		has_a = yt_payout_next(asked, &a, pa, sizeof(pa));
		has_t = yt_payout_next(told, &t, pt, sizeof(pt));
		if (!has_a || !has_t)
			return has_a == has_t ? NULL : "the result has other lines than were sent";
		if (!yt_str_eq(yt_node_text(a, "pay_no"), yt_node_text(t, "pay_no")) ||
		        !yt_str_eq(yt_node_text(a, "payee_acct"), yt_node_text(t, "payee_acct")) ||
		        yt_node_fen(a, "pay_amt", &x) != 0 || yt_node_fen(t, "pay_amt", &y) != 0 || x != y)
			return "a line of the result is about another payout than was sent there";
	}
}

static enum yt_outcome outcome_of(const struct yt_node *told)
{
	uint32_t n = 0, n_done = 0, n_refused = 0;
	const struct yt_node *row = NULL;
	char path[64];

	while (yt_payout_next(told, &row, path, sizeof(path))) {
		enum yt_pay_state state = yt_pay_state_of(yt_node_text(row, "pay_state"));

		n++;
		n_done += state != YT_PAY_STATES && yt_pay_outcome(state) == YT_DONE;
		n_refused += state != YT_PAY_STATES && yt_pay_outcome(state) == YT_REFUSED;
	}
	return n_done > 0 ? YT_DONE : n > 0 && n_refused == n ? YT_REFUSED : YT_UNKNOWN;
}

static bool put_sent(struct yt_arena *arena, struct yt_node *row, const struct yt_node *asked)
{
	static const char *const same[] = { "pay_no", "payee_acct", "pay_amt" };
	bool made = yt_node_add_text(arena, row, "pay_state", yt_str(yt_pay_state_name(YT_PAY_SENT))) != NULL;

	for (size_t i = 0; made && i < sizeof(same) / sizeof(same[0]); i++)
		made = yt_node_add_text(arena, row, same[i], yt_node_text(asked, same[i])) != NULL;
	return made;
}

/* The bank has the file and has said nothing: each of its payouts is SENT, and the result file tells the rest (7). */
static int handed_over(const struct yt_msg *msg, struct yt_reply *reply)
{
	bool is_list = yt_node_get(msg->body, "payout") != NULL, made;
	const struct yt_node *asked = NULL;
	struct yt_node *to;
	char path[64];

	reply->body = yt_node_new(reply->arena, YT_OBJECT);
	to = yt_node_add(
	        reply->arena, reply->body, is_list ? YT_STR("payout") : YT_STR("data"), is_list ? YT_ARRAY : YT_OBJECT);
	made = to != NULL;
	while (made && yt_payout_next(msg->body, &asked, path, sizeof(path)))
		made = put_sent(reply->arena,
		        is_list ? yt_node_add(reply->arena, to, (struct yt_str){ NULL, 0 }, YT_OBJECT) : to, asked);
	reply->outcome = made ? YT_DONE : YT_UNKNOWN;
	return made ? 0 : YT_ENOMEM;
}

/* Another file had that name before: this one was not handed over, by no earlier try either. */
static int name_taken(struct yt_reply *reply)
{
	reply->outcome = YT_REFUSED;
	reply->code = YT_STR("E20504");
	reply->text = YT_STR("a file of that name was handed over before, with other octets: the number is used up");
	return 0;
}

static int decode_reply(
        struct yt_plugin *self, const struct yt_msg *msg, int http_status, struct yt_str octets, struct yt_reply *reply)
{
	struct yt_fault fault = { "", "" };
	struct bpf_head h = { 0 }, sent = { 0 };
	const char *wrong;
	int rv;

	(void)self;
	if (http_status == YT_FILE_HANDED_OVER)
		return handed_over(msg, reply);
	if (http_status == YT_FILE_NAME_TAKEN)
		return name_taken(reply);
	if (octets.n == 0)
		return unknown(reply, YT_STR("no result file"));
	rv = bpf_read_body(reply->arena, octets, &h, &reply->body, &fault);
	if (rv == YT_ENOMEM)
		return rv;
	if (rv != 0)
		return unknown(reply, yt_arena_printf(reply->arena, "%s %s", fault.path, fault.why));
	if (!h.is_result || !split_number(msg->own_number.n > 0 ? msg->own_number : msg->number, &sent) ||
	        !yt_str_eq(h.corp_no, sent.corp_no) || !yt_str_eq(h.day, sent.day) ||
	        !yt_str_eq(h.batch_no, sent.batch_no))
		return unknown(reply, YT_STR("the answer is no result of this batch"));
	wrong = compare(msg->body, reply->body);
	if (wrong != NULL)
		return unknown(reply, yt_str(wrong));
	reply->octets = octets;
	reply->outcome = outcome_of(reply->body);
	reply->amount_fen = h.fen;
	reply->code = yt_node_text(yt_node_get(yt_node_get(reply->body, "payout")->child, "bank_code") != NULL
	                                   ? yt_node_get(reply->body, "payout")->child
	                                   : NULL,
	        "bank_code");
	return 0;
}

YT_CODEC_PLUGIN(.name = "bankfile", .content_type = "text/plain; charset=GB18030", .settings = settings, .ops = ops,
        .open = open_, .close = close_, .decode_request = decode_request, .encode_reply = encode_reply,
        .encode_request = encode_request, .decode_reply = decode_reply, .make_number = make_number, .is_slow = true,
        .file_name = file_name, .file_is_whole = file_is_whole);
