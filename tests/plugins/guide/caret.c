/* tests/plugins/guide/caret.c - a codec written from docs/plugin-guide.md alone: one line, members parted by ^, as
 * programs of hospital counters have long passed them.
 *
 *   request  1101^INSTITUTION^OPERATOR^NUMBER^AREA^INSURED^yyyyMMddHHmmss^psn_no=1|psn_name=...^
 *   answer   0^NUMBER OF THE RECEIVER^TEXT^psn_no=1|...^         another first member: refused
 *
 * For tests/e2e/sdk.sh: a gateway with this listener, and the platform behind it. */
#include <stdio.h>
#include <string.h>

#include <yitong/plugin.h>

enum { OP, INSTITUTION, OPERATOR, NUMBER, AREA, INSURED, TIME, DATA, N_REQUEST };
enum { CODE, REFERENCE, TEXT, RESULT, N_REPLY };

static const struct yt_wire_op ops[] = { { "1101", YT_OP_PERSON_CHECK, YT_RESOLVE_NONE },
	{ "2207", YT_OP_OUTPATIENT_SETTLE, YT_RESOLVE_PARK }, { NULL, YT_OP_UNREAD, YT_RESOLVE_PARK } };

static int refuse(struct yt_fault *fault, const char *path, const char *why)
{
	snprintf(fault->path, sizeof(fault->path), "%s", path);
	snprintf(fault->why, sizeof(fault->why), "%s", why);
	return YT_EFORMAT;
}

/* Exactly n members, each with its ^ behind it, and nothing after the last but a line end. */
static bool split(struct yt_str octets, struct yt_str *member, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *end = octets.n > 0 ? memchr(octets.p, '^', octets.n) : NULL;

		if (end == NULL)
			return false;
		member[i] = (struct yt_str){ octets.p, (size_t)(end - octets.p) };
		octets.p = end + 1;
		octets.n -= member[i].n + 1;
	}
	return octets.n == 0 || yt_str_is(octets, "\n") || yt_str_is(octets, "\r\n");
}

/* "a=1|b=2" as members of an object. */
static int read_pairs(struct yt_arena *arena, struct yt_str pairs, struct yt_node *to)
{
	while (pairs.n > 0) {
		const char *bar = memchr(pairs.p, '|', pairs.n);
		struct yt_str pair = { pairs.p, bar != NULL ? (size_t)(bar - pairs.p) : pairs.n };
		const char *equals = pair.n > 0 ? memchr(pair.p, '=', pair.n) : NULL;
		size_t taken = pair.n + (bar != NULL);
		struct yt_node *node;

		pairs.p += taken;
		pairs.n -= taken;
		if (equals == NULL)
			continue;
		node = yt_node_add(arena, to, (struct yt_str){ pair.p, (size_t)(equals - pair.p) }, YT_TEXT);
		if (node == NULL)
			return YT_ENOMEM;
		node->text = (struct yt_str){ equals + 1, (size_t)(pair.p + pair.n - equals - 1) };
	}
	return 0;
}

static bool can_say(struct yt_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr("^|\r\n", s.p[i]) != NULL) /* a NUL too */
			return false;
	return true;
}

/* Single members, of the business part itself or of objects in it; rows have no place here. */
static bool put_pairs(struct yt_buf *out, const struct yt_node *node)
{
	for (const struct yt_node *c = node != NULL ? node->child : NULL; c != NULL; c = c->next) {
		if (c->kind == YT_OBJECT && !put_pairs(out, c))
			return false;
		if ((c->kind != YT_TEXT && c->kind != YT_NUMBER) || c->text.n == 0)
			continue;
		if (!can_say(c->text) || !can_say(c->name) || memchr(c->name.p, '=', c->name.n) != NULL)
			return false;
		yt_buf_printf(out, "%s%.*s=%.*s", out->n > 0 && out->p[out->n - 1] != '^' ? "|" : "", YT_FMT(c->name),
		        YT_FMT(c->text));
	}
	return true;
}

static const struct yt_wire_op *row_of(struct yt_str wire, const struct yt_op *op)
{
	for (const struct yt_wire_op *row = ops; row->wire != NULL; row++)
		if (op != NULL ? row->op == op->id : yt_str_is(wire, row->wire))
			return row;
	return NULL;
}

static int decode_request(struct yt_plugin *self, struct yt_str octets, struct yt_msg *msg, struct yt_fault *fault)
{
	struct yt_str m[N_REQUEST];
	struct yt_node *data;
	char time[20];
	int64_t ms;

	(void)self;
	if (yt_utf8_check(octets, NULL) != 0)
		return refuse(fault, "(message)", "is not UTF-8");
	if (!split(octets, m, N_REQUEST))
		return refuse(fault, "(message)", "has not eight members, each with a ^ behind it");
	msg->wire_op = m[OP];
	msg->institution = m[INSTITUTION];
	msg->operator_id = m[OPERATOR];
	msg->number = m[NUMBER];
	msg->treatment_area = m[AREA];
	msg->insured_area = m[INSURED];
	if (row_of(m[OP], NULL) == NULL)
		return refuse(fault, "operation", "is none of this format");
	if (m[INSTITUTION].n == 0 || m[NUMBER].n == 0)
		return refuse(fault, m[NUMBER].n == 0 ? "number" : "institution", "is missing");
	if (yt_time_parse(m[TIME], &ms) != 0)
		return refuse(fault, "time", "is not yyyyMMddHHmmss");
	yt_time_print(ms, time);
	msg->time = yt_arena_copy(msg->arena, yt_str(time));
	msg->op = yt_op(row_of(m[OP], NULL)->op);
	msg->content = m[DATA];
	msg->body = yt_node_new(msg->arena, YT_OBJECT);
	data = yt_node_add(msg->arena, msg->body, YT_STR("data"), YT_OBJECT);
	if (msg->time.p == NULL || data == NULL || read_pairs(msg->arena, m[DATA], data) != 0)
		return YT_ENOMEM;
	msg->person = yt_node_text(data, "psn_no");
	msg->visit = yt_node_text(data, "mdtrt_id");
	if (yt_node_fen(data, "medfee_sumamt", &msg->amount_fen) != 0)
		return refuse(fault, "input.data.medfee_sumamt", "is not an amount");
	return 0;
}

static int encode_request(struct yt_plugin *self, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault)
{
	const struct yt_wire_op *row = row_of((struct yt_str){ 0 }, msg->op);
	struct yt_str number = msg->own_number.n > 0 ? msg->own_number : msg->number;
	struct yt_buf pairs = { 0 };
	int64_t ms = msg->wall_ms;
	char time[15];
	int rv = 0;

	(void)self;
	if (row == NULL)
		return refuse(fault, "(message)", "is an operation that this format does not have");
	if (ms == 0 && yt_time_parse(msg->time, &ms) != 0)
		return refuse(fault, "inf_time", "is missing");
	if (!can_say(number) || !can_say(msg->institution) || !can_say(msg->operator_id) ||
	        !can_say(msg->treatment_area) || !can_say(msg->insured_area))
		return refuse(fault, "(message)", "has a ^, a | or a line end in a member of the envelope");
	if (!put_pairs(&pairs, msg->body))
		rv = refuse(fault, "input.data", "has a ^, a | or a line end, which this format cannot say");
	yt_time_compact(ms, time);
	if (rv == 0)
		yt_buf_printf(out, "%s^%.*s^%.*s^%.*s^%.*s^%.*s^%s^%.*s^\n", row->wire, YT_FMT(msg->institution),
		        YT_FMT(msg->operator_id), YT_FMT(number), YT_FMT(msg->treatment_area),
		        YT_FMT(msg->insured_area), time, YT_FMT(yt_buf_view(&pairs)));
	if (rv == 0 && (out->failed || pairs.failed))
		rv = YT_ENOMEM;
	yt_buf_free(&pairs);
	return rv;
}

static int decode_reply(
        struct yt_plugin *self, const struct yt_msg *msg, int http_status, struct yt_str octets, struct yt_reply *reply)
{
	struct yt_str m[N_REPLY];
	struct yt_node *data;

	(void)self, (void)msg;
	reply->outcome = YT_UNKNOWN;
	reply->text = YT_STR("not an answer of four members");
	if ((http_status != 200 && http_status != 0) || yt_utf8_check(octets, NULL) != 0 ||
	        !split(octets, m, N_REPLY) || m[CODE].n == 0)
		return 0;
	reply->body = yt_node_new(reply->arena, YT_OBJECT);
	data = yt_node_add(reply->arena, reply->body, YT_STR("data"), YT_OBJECT);
	if (data == NULL || read_pairs(reply->arena, m[RESULT], data) != 0)
		return YT_ENOMEM;
	reply->outcome = yt_str_is(m[CODE], "0") ? YT_DONE : YT_REFUSED;
	reply->code = m[CODE];
	reply->number = m[REFERENCE];
	reply->text = m[TEXT];
	reply->content = m[RESULT];
	reply->visit = yt_node_text(data, "mdtrt_id");
	reply->settlement = yt_node_text(data, "setl_id");
	return 0;
}

/* A refusal's text is somebody else's: what cannot be said in it is left out, never the refusal. */
static void put_text(struct yt_buf *out, struct yt_str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (strchr("^|\r\n", text.p[i]) == NULL)
			yt_buf_byte(out, (uint8_t)text.p[i]);
}

static int encode_reply(
        struct yt_plugin *self, const struct yt_msg *msg, const struct yt_reply *reply, struct yt_buf *out)
{
	struct yt_buf pairs = { 0 };
	int rv = put_pairs(&pairs, reply->body) ? 0 : YT_EFORMAT;

	(void)self, (void)msg;
	if (rv == 0) {
		put_text(out, reply->outcome == YT_DONE                           ? YT_STR("0")
		              : reply->code.n > 0 && !yt_str_is(reply->code, "0") ? reply->code
		                                                                  : YT_STR("-1"));
		yt_buf_byte(out, '^');
		put_text(out, reply->number);
		yt_buf_byte(out, '^');
		put_text(out, reply->text);
		yt_buf_byte(out, '^');
		yt_buf_str(out, yt_buf_view(&pairs));
		yt_buf_text(out, "^\n");
		rv = out->failed || pairs.failed ? YT_ENOMEM : 0;
	}
	yt_buf_free(&pairs);
	return rv;
}

YT_CODEC_PLUGIN(.name = "caret", .content_type = "text/plain; charset=utf-8", .ops = ops,
        .decode_request = decode_request, .encode_reply = encode_reply, .encode_request = encode_request,
        .decode_reply = decode_reply);
