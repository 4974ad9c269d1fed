/* plugins/tianyi/request.c - a request: from octets to the canonical message, and back.
 *
 * ty_decode_request() serves the listener where the insurer tells decisions, and, with the gateway in the insurer's
 * place, all its calls.  ty_encode_request() writes a call; what it wrote is read once more as the other side will,
 * and checked: consent, dates and sums (plugins/insurer/derive.c). */
#include <stdio.h>
#include <string.h>

#include "tianyi.h"

/* Members that stand in the path instead of the body. */
static const char *const in_path[] = { "claimNo", "date", "requestNo", "page" };

void ty_map(struct yt_plugin *self, struct yt_arena *arena, const struct yt_msg *msg, struct yt_fault *fault,
        struct ins_map *map)
{
	const struct ty *ty = yt_plugin_ctx(self);

	*map = (struct ins_map){ .self = self,
		.arena = arena,
		.fault = fault,
		.msg = msg,
		.root = "input",
		.allowed = YT_STR("*"),
		.levels = ty->levels,
		.key = ty->field_key,
		.product = ty->product,
		.callback = ty->callback_path,
		.types = ty->types };
}

/* JSON as the profile has it: no name twice, an object at the top. */
int ty_read_json(struct yt_arena *arena, struct yt_str octets, struct yt_node **root, const char **why)
{
	static const struct yt_json_limits limits = { .depth = 8, .nodes = 120000 };
	struct yt_json_error err;
	int rv;

	if (octets.n > TY_BODY_MAX) {
		*why = "is larger than 4 MiB (B1004): this claim must be handed in by hand";
		return YT_ELIMIT;
	}
	rv = yt_json_read(arena, octets, &limits, root, &err);
	*why = rv == 0 ? NULL : err.why;
	if (rv == 0 && err.duplicate != NULL)
		*why = "has a member name that its object already has";
	else if (rv == 0 && (*root)->kind != YT_OBJECT)
		*why = "is no JSON object";
	return rv == 0 && *why != NULL ? YT_EFORMAT : rv;
}

static bool is_claim(enum yt_operation op)
{
	return op == YT_OP_CLAIM_SUBMIT || op == YT_OP_CLAIM_QUOTE;
}

static int check(const struct ins_map *map, const struct yt_msg *msg, const struct yt_node *body, const char *path)
{
	if (is_claim(msg->op->id))
		return ins_check_claim(map, body, path, msg->op->id == YT_OP_CLAIM_QUOTE);
	return msg->op->id == YT_OP_CLAIM_DOCUMENTS ? ins_check_documents(map, body, path) : 0;
}

/* -- we are asked ------------------------------------------------------------------------------- */

/* What stands in the path, as members of the tree: the rows of fields.tsv then know of no path. */
static int take_path(struct yt_arena *arena, const struct ty_call *call, struct yt_node *root)
{
	bool is_statement = strcmp(call->wire, "reconciliation") == 0;
	struct yt_str page = call->page.n > 0 ? call->page : YT_STR("1");

	if (call->claim.n > 0 && yt_node_set_text(arena, root, is_statement ? "date" : "claimNo", call->claim) != 0)
		return YT_ENOMEM;
	if (call->request.n > 0 && yt_node_set_text(arena, root, "requestNo", call->request) != 0)
		return YT_ENOMEM;
	return is_statement && yt_node_add_number(arena, root, "page", page) == NULL ? YT_ENOMEM : 0;
}

static void take_head(const struct ty *ty, struct yt_msg *msg)
{
	const struct yt_node *data = yt_node_get(msg->body, "data");

	msg->institution = yt_node_text(data, "fixmedins_code");
	msg->institution_name = yt_node_text(data, "fixmedins_name");
	if (msg->institution.n == 0)
		msg->institution = ty->insurer;
	msg->insured_area = yt_node_text(data, "insuplc_admdvs");
	msg->person = yt_node_text(data, "psn_no");
	msg->visit = yt_node_text(data, "mdtrt_id");
	msg->settlement = yt_node_text(data, "setl_id");
	if (yt_node_fen(data, "medfee_sumamt", &msg->amount_fen) != 0)
		msg->amount_fen = 0;
}

static int read_body(struct yt_plugin *self, const struct ty_call *call, struct yt_msg *msg, struct yt_fault *fault)
{
	const struct ins_schema *schema = ty_schema(call->wire);
	struct yt_node *root = NULL, *sealed;
	const char *why = NULL;
	struct ins_map map;
	int rv;

	if (call->verb == TY_GET)
		rv = (root = yt_node_new(msg->arena, YT_OBJECT)) != NULL ? 0 : YT_ENOMEM;
	else
		rv = ty_read_json(msg->arena, call->body, &root, &why);
	if (rv != 0)
		return why != NULL ? (ins_refuse(fault, "", "(message)", why), rv) : rv;
	ty_map(self, msg->arena, msg, fault, &map);
	map.body = msg->body;
	msg->head = yt_node_new(msg->arena, YT_OBJECT);
	sealed = yt_node_add(msg->arena, msg->head, YT_STR("sealed"), YT_OBJECT);
	map.sealed_out = sealed;
	if (sealed == NULL || yt_node_add(msg->arena, msg->body, YT_STR("data"), YT_OBJECT) == NULL)
		return YT_ENOMEM;
	rv = take_path(msg->arena, call, root);
	if (rv == 0)
		rv = ins_read(&map, schema->in, schema->n_in, root, msg->body);
	if (map.number.n > 0)
		msg->number = map.number;
	take_head(yt_plugin_ctx(self), msg);
	return rv == 0 ? check(&map, msg, msg->body, "") : rv;
}

int ty_decode_request(struct yt_plugin *self, struct yt_str octets, struct yt_msg *msg, struct yt_fault *fault)
{
	const struct ty *ty = yt_plugin_ctx(self);
	const struct yt_wire_op *row = ty_ops;
	struct ty_call call;
	int rv;

	ty_call_read(ty, octets, msg->path, &call);
	msg->body = yt_node_new(msg->arena, YT_OBJECT);
	msg->content = call.body;
	msg->institution = ty->insurer;
	msg->refusal = YT_STR("B1001");
	if (msg->body == NULL)
		return YT_ENOMEM;
	if (call.wire == NULL)
		return ins_refuse(fault, "", "(path)", "is no call of this profile, or not with this method");
	while (strcmp(row->wire, call.wire) != 0)
		row++;
	msg->op = yt_op(row->op);
	msg->wire_op = yt_str(row->wire);
	msg->number = call.number;
	rv = read_body(self, &call, msg, fault);
	if (rv == YT_ELIMIT)
		msg->refusal = YT_STR("B1004");
	else if (rv == YT_EFORMAT && is_claim(msg->op->id) && strstr(fault->why, "add up to") != NULL)
		msg->refusal = YT_STR("B1002");
	else if (rv == 0)
		msg->refusal = (struct yt_str){ NULL, 0 };
	return rv;
}

/* -- we ask ------------------------------------------------------------------------------------- */

static struct yt_str number_of(const struct yt_msg *msg)
{
	bool any = msg->op->id == YT_OP_CLAIM_RESULT; /* an event's number is of its sender's making */

	if (ty_is_number(msg->own_number) || (any && msg->own_number.n > 0))
		return msg->own_number;
	return ty_is_number(msg->number) || any ? msg->number : (struct yt_str){ NULL, 0 };
}

static struct yt_node *unlink_member(struct yt_node *object, const char *name)
{
	struct yt_node *before = NULL, *node = object->child;

	for (; node != NULL && !yt_str_is(node->name, name); node = node->next)
		before = node;
	if (node == NULL)
		return NULL;
	*(before != NULL ? &before->next : &object->child) = node->next;
	if (object->last == node)
		object->last = before;
	object->n--;
	return node;
}

/* Moves from the tree what stands in the path. */
static void give_path(struct ty_call *call, struct yt_node *root)
{
	struct yt_str *const to[] = { &call->claim, &call->claim, &call->request, &call->page };
	size_t n = call->verb == TY_GET ? 4 : 1; /* a POST keeps its number */

	if (strcmp(call->wire, "callback") == 0)
		return;
	for (size_t i = 0; i < n; i++) {
		struct yt_node *node = unlink_member(root, in_path[i]);

		if (node != NULL)
			*to[i] = node->text;
	}
}

static int64_t now_of(const struct yt_msg *msg)
{
	int64_t now_ms = msg->wall_ms;

	return now_ms != 0 || yt_time_parse(msg->time, &now_ms) == 0 ? now_ms : 0;
}

static int check_written(struct ins_map *map, const struct ins_schema *schema, const struct yt_node *root)
{
	struct ins_map again = *map;
	struct yt_node *body = yt_node_new(map->arena, YT_OBJECT);
	int rv = yt_node_add(map->arena, body, YT_STR("data"), YT_OBJECT) != NULL ? 0 : YT_ENOMEM;

	again.body = body;
	again.facts = NULL;
	again.scope = NULL;
	if (rv == 0)
		rv = ins_read(&again, schema->in, schema->n_in, root, body);
	return rv == 0 ? check(&again, map->msg, body, "input") : rv;
}

static int put_request(const struct ty *ty, const struct yt_msg *msg, struct ty_call *call, const struct yt_node *root,
        struct yt_buf *out, struct yt_fault *fault)
{
	struct yt_str path;
	size_t before = out->n;
	int rv = ty_call_path(ty, call, msg->arena, &path);

	if (rv == YT_EFORMAT)
		return ins_refuse(fault, "input.data", strcmp(call->wire, "query") == 0 ? "request_no" : "claim_no",
		        "is missing or has characters that no number of a claim has");
	if (rv != 0)
		return rv;
	yt_buf_printf(out, "%s %.*s", call->verb == TY_GET ? "GET" : "POST", YT_FMT(path));
	if (call->verb == TY_GET)
		yt_buf_printf(out, " %.*s", YT_FMT(call->number));
	yt_buf_byte(out, '\n');
	before = out->n;
	if (call->verb == TY_POST)
		yt_json_write(root, out);
	if (out->failed)
		return YT_ENOMEM;
	if (out->n - before <= TY_BODY_MAX)
		return 0;
	ins_refuse(fault, "", "(message)", "is larger than 4 MiB (B1004): this claim must be handed in by hand");
	return YT_ELIMIT;
}

const char *ty_lacks(struct yt_plugin *self, enum yt_operation op)
{
	const struct ty *ty = yt_plugin_ctx(self);

	return op == YT_OP_CLAIM_QUOTE && !ty->is_11 ? "needs an insurer with TY/1.1 (setting version)" : NULL;
}

int ty_encode_request(struct yt_plugin *self, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault)
{
	const struct ty *ty = yt_plugin_ctx(self);
	const char *wire = ty_wire_of(msg->op->id);
	const struct ins_schema *schema = ty_schema(wire);
	struct ty_call call = { .wire = wire };
	struct yt_node *root = yt_node_new(msg->arena, YT_OBJECT);
	struct ins_map map;
	int rv;

	if (schema == NULL)
		return ins_refuse(fault, "", "(operation)", "cannot be said to this insurer");
	if (ty_lacks(self, msg->op->id) != NULL)
		return ins_refuse(fault, "", "(operation)", ty_lacks(self, msg->op->id));
	ty_map(self, msg->arena, msg, fault, &map);
	map.body = msg->body;
	map.facts = msg->facts;
	map.sealed = yt_node_get(msg->head, "sealed");
	map.number = call.number = number_of(msg);
	map.now_ms = now_of(msg);
	if (is_claim(msg->op->id) || msg->op->id == YT_OP_CLAIM_ELIGIBILITY)
		map.allowed = ty->allowed;
	if (map.number.n == 0)
		return ins_refuse(fault, "", "(number)", "must be TY, 8 digits of the day and 12 of a serial");
	call.verb = msg->op->id == YT_OP_CLAIM_QUERY || msg->op->id == YT_OP_CLAIM_STATEMENT ? TY_GET : TY_POST;
	rv = is_claim(msg->op->id) ? ins_take_scope(&map) : 0;
	if (rv == 0)
		rv = ins_write(&map, schema->in, schema->n_in, root);
	if (rv == 0 && msg->op->id == YT_OP_CLAIM_SUBMIT && !ty->is_11) {
		unlink_member(root, "mode");
		unlink_member(root, "quoteNo");
	}
	if (rv == 0)
		rv = check_written(&map, schema, root);
	if (rv != 0)
		return rv == YT_ENOTFOUND ? YT_EFORMAT : rv;
	give_path(&call, root);
	return put_request(ty, msg, &call, root, out, fault);
}
