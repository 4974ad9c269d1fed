/* plugins/tianyi/reply.c - an answer, both directions, and what its code proves (insurer.md 6.6).
 *
 * Done only with code 0 and all that must be there; refused only by a code that says nothing was taken; all else,
 * also an answer that cannot be read, is unknown and found out by resolve.c. */
#include <stdio.h>
#include <string.h>

#include "tianyi.h"

enum { NOT_BELIEVED = 109 }; /* the gateway's own text for who fails http_verify */

enum code_class { REFUSED, RETRY, ON_ITS_WAY, UNKNOWN, THERE };

static const struct {
	const char *code;
	int status;
	enum code_class class;
	bool alarms; /* somebody must look: keys, clocks, a program error */
} codes[] = {
	{ "A0001", 401, ON_ITS_WAY, true },
	{ "A0002", 401, ON_ITS_WAY, true },
	{ "A0003", 401, ON_ITS_WAY, false }, /* with a new nonce it is another try */
	{ "A0004", 403, ON_ITS_WAY, true },
	{ "B1001", 400, REFUSED, true },
	{ "B1002", 422, REFUSED, true },
	{ "B1003", 400, REFUSED, true },
	{ "B1004", 413, REFUSED, false },
	{ "B2001", 404, REFUSED, false },
	{ "B2002", 422, REFUSED, false },
	{ "B2003", 422, REFUSED, false },
	{ "B2004", 403, REFUSED, false },
	{ "B2005", 422, REFUSED, false },
	{ "B2006", 422, REFUSED, false },
	{ "B2007", 409, THERE, false },
	{ "B3001", 409, REFUSED, true },
	{ "B3002", 404, REFUSED, false },
	{ "B3003", 409, REFUSED, false },
	{ "C5001", 503, RETRY, false },
	{ "C5002", 500, UNKNOWN, false },
};
#define N_CODES (sizeof(codes) / sizeof(codes[0]))

static size_t code_at(struct yt_str code)
{
	size_t i = 0;

	while (i < N_CODES && !yt_str_is(code, codes[i].code))
		i++;
	return i;
}

int ty_status_of(struct yt_str code, const struct yt_msg *msg)
{
	size_t i = code_at(code);

	if (i < N_CODES)
		return codes[i].status;
	return msg->op->id == YT_OP_CLAIM_SUBMIT ? 202 : 200;
}

/* -- we ask ------------------------------------------------------------------------------------- */

struct yt_str ty_sent_number(const struct ty *ty, const struct yt_msg *msg, struct yt_arena *arena)
{
	struct ty_call call;
	struct yt_node *root;
	const char *why;

	if (msg->sent.n == 0)
		return ty_is_number(msg->own_number) ? msg->own_number : msg->number;
	ty_call_read(ty, msg->sent, (struct yt_str){ NULL, 0 }, &call);
	if (call.verb == TY_GET)
		return call.number;
	if (ty_read_json(arena, call.body, &root, &why) != 0)
		return (struct yt_str){ NULL, 0 };
	return yt_node_text(root, msg->op->id == YT_OP_CLAIM_RESULT ? "eventId" : "requestNo");
}

static int unknown(struct yt_reply *reply, const char *why)
{
	reply->outcome = YT_UNKNOWN;
	reply->text =
	        yt_arena_printf(reply->arena, "%s%s%.*s", why, reply->text.n > 0 ? ": " : "", YT_FMT(reply->text));
	return reply->text.p != NULL ? 0 : YT_ENOMEM;
}

static void take_reply_head(struct yt_reply *reply)
{
	const struct yt_node *data = yt_node_get(reply->body, "data");

	reply->number = yt_node_text(data, "claim_no");
	reply->settlement = yt_node_text(data, "setl_id");
}

static int refused(struct yt_plugin *self, const struct yt_msg *msg, struct yt_reply *reply, const struct yt_node *data)
{
	size_t i = code_at(reply->code);
	struct yt_node *body = yt_node_get(reply->body, "data");
	struct yt_str claim = yt_node_text(data, "claimNo");

	if (i == N_CODES || codes[i].class == UNKNOWN)
		return unknown(reply, "the insurer does not say whether it took it");
	reply->outcome = YT_REFUSED;
	reply->may_retry = codes[i].class == RETRY || yt_str_is(reply->code, "A0003");
	reply->at_gateway =
	        codes[i].class == ON_ITS_WAY || codes[i].class == RETRY; /* busy: as little of an earlier try */
	reply->too_late = msg->op->id == YT_OP_CLAIM_WITHDRAW && yt_str_is(reply->code, "B3003");
	if (codes[i].alarms)
		yt_plugin_log(self, YT_ERROR, "%s was refused with %s: keys, clock or our own program", msg->op->name,
		        codes[i].code);
	if (codes[i].class != THERE)
		return 0;
	reply->already_done = claim.n > 0; /* its number is ours from now on */
	if (claim.n > 0 && yt_node_add_text(reply->arena, body, "claim_no", claim) == NULL)
		return YT_ENOMEM;
	take_reply_head(reply);
	return 0;
}

/* Whether the answer is about what was asked. */
static bool is_about(const struct ty *ty, const struct yt_msg *msg, const struct yt_reply *reply, struct yt_str request)
{
	const struct yt_node *data = yt_node_get(reply->body, "data");
	struct ty_call call = { 0 };

	if (msg->sent.n > 0)
		ty_call_read(ty, msg->sent, (struct yt_str){ NULL, 0 }, &call);
	if (msg->op->id == YT_OP_CLAIM_QUERY)
		return (call.request.n == 0 || yt_str_eq(call.request, yt_node_text(data, "request_no"))) &&
		       (call.claim.n == 0 || yt_str_eq(call.claim, yt_node_text(data, "claim_no")));
	return request.n == 0 || yt_str_eq(request, ty_sent_number(ty, msg, reply->arena));
}

static int done(struct yt_plugin *self, const struct yt_msg *msg, const struct yt_node *root, struct yt_reply *reply)
{
	const struct ins_schema *schema = ty_schema(ty_wire_of(msg->op->id));
	const struct yt_node *data = yt_node_get(root, "data"), empty = { .kind = YT_OBJECT };
	struct yt_fault fault = { { 0 }, { 0 } };
	struct ins_map map;
	int rv;

	ty_map(self, reply->arena, msg, &fault, &map);
	map.root = "output";
	map.body = reply->body;
	rv = ins_read(&map, schema->out, schema->n_out, data != NULL ? data : &empty, reply->body);
	if (rv == YT_ENOMEM)
		return rv;
	if (rv != 0) {
		reply->text = yt_arena_printf(reply->arena, "data.%s %s", fault.path, fault.why);
		return unknown(reply, "the answer cannot be understood");
	}
	if (!is_about(yt_plugin_ctx(self), msg, reply, yt_node_text(root, "requestNo")))
		return unknown(reply, "the answer is about another claim");
	reply->outcome = YT_DONE;
	take_reply_head(reply);
	if (msg->op->id == YT_OP_CLAIM_QUERY && ins_is_under_way(yt_node_get(reply->body, "data")))
		reply->again_ms = ((const struct ty *)yt_plugin_ctx(self))->ask_again_s * INT64_C(1000);
	return 0;
}

int ty_decode_reply(
        struct yt_plugin *self, const struct yt_msg *msg, int http_status, struct yt_str octets, struct yt_reply *reply)
{
	struct yt_node *root = NULL;
	const char *why = NULL;
	int rv = ty_read_json(reply->arena, octets, &root, &why);

	if (rv == YT_ENOMEM)
		return rv;
	reply->body = yt_node_new(reply->arena, YT_OBJECT);
	if (yt_node_add(reply->arena, reply->body, YT_STR("data"), YT_OBJECT) == NULL)
		return YT_ENOMEM;
	if (ty_wire_of(msg->op->id) == NULL)
		return unknown(reply, "no such operation here");
	if (rv == 0 && yt_node_get(root, "code") != NULL && yt_node_get(root, "code")->kind == YT_TEXT)
		reply->code = yt_node_text(root, "code");
	if (http_status == 404 && msg->op->id == YT_OP_CLAIM_QUOTE && code_at(reply->code) == N_CODES) {
		reply->outcome = YT_REFUSED; /* TY/1.0 has no quotes */
		reply->code = YT_STR("404");
		reply->text = YT_STR("this insurer gives no quotes");
		return 0;
	}
	if (rv != 0)
		return unknown(reply, why);
	reply->text = yt_node_text(root, "message");
	if (!yt_str_is(reply->code, "0"))
		return refused(self, msg, reply, yt_node_get(root, "data"));
	if (http_status != 0 && http_status != 200 && http_status != 202)
		return unknown(reply, "the HTTP status and the code do not fit");
	return done(self, msg, root, reply);
}

/* -- we are asked ------------------------------------------------------------------------------- */

static struct yt_str refusal_code(const struct yt_msg *msg, const struct yt_reply *reply)
{
	static const struct {
		uint16_t text; /* number of the gateway's own text */
		struct yt_str code;
	} own[] = {
		{ 101, { "B1001", 5 } },
		{ 102, { "B1004", 5 } },
		{ 103, { "A0004", 5 } },
		{ 106, { "B1002", 5 } },
		{ 108, { "B1001", 5 } },
		{ 201, { "B3001", 5 } },
		{ 202, { "C5001", 5 } },
		{ 203, { "C5001", 5 } },
		{ 301, { "C5001", 5 } },
		{ 302, { "C5001", 5 } },
		{ 404, { "C5002", 5 } },
	};
	static const struct {
		struct yt_str header, code;
	} not_believed[] = {
		{ { "x-timestamp", 11 }, { "A0002", 5 } },
		{ { "x-nonce", 7 }, { "A0003", 5 } },
		{ { "x-sign", 6 }, { "A0001", 5 } },
		{ { "x-sign-alg", 10 }, { "A0001", 5 } },
	};
	size_t i = code_at(reply->code);

	if (reply->own_text == NOT_BELIEVED) {
		for (i = 0; i < sizeof(not_believed) / sizeof(not_believed[0]); i++)
			if (yt_str_eq(msg->refusal, not_believed[i].header))
				return not_believed[i].code;
		return YT_STR("A0004"); /* nobody has that caller id */
	}
	/* One who asks whether the person is insured may hear so; an unknown outcome must not read as refused. */
	if (i < N_CODES)
		return reply->code;
	if (msg->refusal.n > 0)
		return msg->refusal;
	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (own[i].text == reply->own_text)
			return own[i].code;
	return reply->may_retry ? YT_STR("C5001") : YT_STR("B3003");
}

static struct yt_node *answer_data(
        struct yt_plugin *self, const struct yt_msg *msg, const struct yt_reply *reply, struct yt_arena *arena)
{
	const struct ins_schema *schema = ty_schema(ty_wire_of(msg->op->id));
	struct yt_node *data = yt_node_new(arena, YT_OBJECT);
	struct yt_fault fault = { { 0 }, { 0 } };
	struct ins_map map;

	if (schema == NULL)
		return NULL;
	ty_map(self, arena, msg, &fault, &map);
	map.root = "output";
	map.body = reply->body;
	if (ins_write(&map, schema->out, schema->n_out, data) == 0)
		return data;
	yt_plugin_log(
	        self, YT_ERROR, "the answer to %s cannot be written: %s %s", msg->op->name, fault.path, fault.why);
	return NULL;
}

int ty_encode_reply(struct yt_plugin *self, const struct yt_msg *msg, const struct yt_reply *reply, struct yt_buf *out)
{
	struct yt_arena *arena = reply->arena != NULL ? reply->arena : msg->arena;
	bool is_done = reply->outcome == YT_DONE, is_event = msg->op->id == YT_OP_CLAIM_RESULT;
	struct yt_str code = is_done ? YT_STR("0") : refusal_code(msg, reply), text = reply->text;
	struct yt_node *root = yt_node_new(arena, YT_OBJECT), *data = NULL, *node;

	if (is_done && !is_event) {
		data = answer_data(self, msg, reply, arena);
		if (data == NULL)
			code = YT_STR("C5002"); /* it is done: what cannot be said must not read as refused */
		data = data != NULL ? data : yt_node_new(arena, YT_OBJECT);
	}
	if (text.n == 0 && is_done)
		text = msg->op->id == YT_OP_CLAIM_SUBMIT ? YT_STR("accepted") : YT_STR("ok");
	if (yt_node_add_text(arena, root, "code", code) == NULL)
		return YT_ENOMEM;
	if (!is_done || !is_event)
		yt_node_add_text(arena, root, "message", text);
	if (msg->number.n > 0 && !is_event && msg->op->changes_state)
		yt_node_add_text(arena, root, "requestNo", msg->number);
	if (data != NULL && data->n > 0) {
		node = yt_node_add(arena, root, YT_STR("data"), YT_OBJECT);
		if (node == NULL)
			return YT_ENOMEM;
		node->child = data->child;
		node->last = data->last;
		node->n = data->n;
	}
	yt_json_write(root, out);
	return out->failed ? YT_ENOMEM : 0;
}

struct yt_str ty_code_in(struct yt_str octets)
{
	static const char begin[] = "{\"code\":\"";
	const char *end;
	size_t n = sizeof(begin) - 1;

	if (octets.n <= n || memcmp(octets.p, begin, n) != 0)
		return (struct yt_str){ NULL, 0 };
	end = memchr(octets.p + n, '"', octets.n - n);
	return end != NULL ? (struct yt_str){ octets.p + n, (size_t)(end - octets.p) - n } : (struct yt_str){ NULL, 0 };
}
