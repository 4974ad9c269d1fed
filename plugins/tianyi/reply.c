/* plugins/tianyi/reply.c - an answer, both directions, and what its code proves (insurer.md 6.6).
 *
 * Done only with code 0 and all that must be there; refused only by a code that says nothing was taken; all else,
 * also an answer that cannot be read, is unknown and found out by resolve.c. */
#include <stdio.h>
#include <string.h>

#include "tianyi.h"

enum { NOT_BELIEVED = 109 }; /* the gateway's own text for who fails http_verify */

static const struct ins_code rows[] = {
	{ "A0001", INS_ON_ITS_WAY, true, 401 },
	{ "A0002", INS_ON_ITS_WAY, true, 401 },
	{ "A0003", INS_ON_ITS_WAY, false, 401 }, /* with a new nonce it is another try */
	{ "A0004", INS_ON_ITS_WAY, true, 403 },
	{ "B1001", INS_REFUSED, true, 400 },
	{ "B1002", INS_REFUSED, true, 422 },
	{ "B1003", INS_REFUSED, true, 400 },
	{ "B1004", INS_REFUSED, false, 413 },
	{ "B2001", INS_REFUSED, false, 404 },
	{ "B2002", INS_REFUSED, false, 422 },
	{ "B2003", INS_REFUSED, false, 422 },
	{ "B2004", INS_REFUSED, false, 403 },
	{ "B2005", INS_REFUSED, false, 422 },
	{ "B2006", INS_REFUSED, false, 422 },
	{ "B2007", INS_THERE, false, 409 },
	{ "B3001", INS_REFUSED, true, 409 },
	{ "B3002", INS_REFUSED, false, 404 },
	{ "B3003", INS_REFUSED, false, 409 },
	{ "C5001", INS_RETRY, false, 503 },
	{ "C5002", INS_UNKNOWN, false, 500 },
	{ NULL, INS_UNKNOWN, false, 0 },
};

static const struct ins_own own[] = {
	{ 101, "B1001" },
	{ 102, "B1004" },
	{ 103, "A0004" },
	{ 106, "B1002" },
	{ 108, "B1001" },
	{ 201, "B3001" },
	{ 202, "C5001" },
	{ 203, "C5001" },
	{ 301, "C5001" },
	{ 302, "C5001" },
	{ 404, "C5002" },
	{ 0, NULL },
};

const struct ins_codes ty_codes = {
	.rows = rows, .own = own, .done = "0", .busy = "C5001", .used = "A0003", .absent = "B3002", .too_late = "B3003"
};

int ty_status_of(struct yt_str code, const struct yt_msg *msg)
{
	const struct ins_code *c = ins_code_at(&ty_codes, code);

	if (c != NULL)
		return c->status;
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

static int refused(struct yt_plugin *self, const struct yt_msg *msg, struct yt_reply *reply, const struct yt_node *data)
{
	const struct ins_code *c = ins_code_at(&ty_codes, reply->code);

	if (c == NULL || c->class == INS_UNKNOWN)
		return unknown(reply, "the insurer does not say whether it took it");
	return ins_refused(self, &ty_codes, c, msg, reply, yt_node_text(data, "claimNo"));
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
	const struct yt_node *canonical = yt_node_get(reply->body, "data");
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
	if (msg->op->id == YT_OP_CLAIM_QUERY && ins_lacks_amount(canonical))
		return unknown(reply, "a decided claim must say how much (result.payable)");
	reply->outcome = YT_DONE;
	reply->number = yt_node_text(canonical, "claim_no");
	reply->settlement = yt_node_text(canonical, "setl_id");
	if (msg->op->id == YT_OP_CLAIM_QUERY && ins_is_under_way(canonical))
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
	if (http_status == 404 && msg->op->id == YT_OP_CLAIM_QUOTE && ins_code_at(&ty_codes, reply->code) == NULL) {
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
		struct yt_str header, code;
	} not_believed[] = {
		{ { "x-timestamp", 11 }, { "A0002", 5 } },
		{ { "x-nonce", 7 }, { "A0003", 5 } },
		{ { "x-sign", 6 }, { "A0001", 5 } },
		{ { "x-sign-alg", 10 }, { "A0001", 5 } },
	};

	if (reply->own_text != NOT_BELIEVED)
		return ins_refusal_code(&ty_codes, msg, reply);
	for (size_t i = 0; i < sizeof(not_believed) / sizeof(not_believed[0]); i++)
		if (yt_str_eq(msg->refusal, not_believed[i].header))
			return not_believed[i].code;
	return YT_STR("A0004"); /* nobody has that caller id */
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
