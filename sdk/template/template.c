/* template.c - a codec to begin with: one member a line, "name=value", "end" as the last line.
 *
 *   op=1101                    which operation, by the format's own number
 *   number=H33021399901202603140928050001
 *   data.psn_no=3302...        the business part
 *   end
 *
 * An answer has "result=0", or another code and a text.  What each function owes: docs/plugin-guide.md; try it with
 * `yitong plugin check build/template.so`. */
#include <stdio.h>
#include <string.h>

#include <yitong/plugin.h>

static const struct yt_setting settings[] = {
	{ "receiver", "", "system code written into every request; empty: none" },
	{ NULL, NULL, NULL }
};

static const struct yt_wire_op ops[] = {
	{ "1101", YT_OP_PERSON_CHECK, YT_RESOLVE_NONE },          /* a query: ask again */
	{ "2203", YT_OP_OUTPATIENT_VISIT, YT_RESOLVE_RESEND },    /* the same once more does no harm */
	{ "2207", YT_OP_OUTPATIENT_SETTLE, YT_RESOLVE_PARK },     /* money, and no query: an operator decides */
	{ NULL, YT_OP_UNREAD, YT_RESOLVE_PARK } /* end */
};

/* -- lines -------------------------------------------------------------------------------------- */

static int refuse(struct yt_fault *fault, const char *path, const char *why)
{
	snprintf(fault->path, sizeof(fault->path), "%s", path);
	snprintf(fault->why, sizeof(fault->why), "%s", why);
	return YT_EFORMAT;
}

/* The next "name=value"; a name with a value that has no = is the name alone. */
static bool take_line(struct yt_str *rest, struct yt_str *name, struct yt_str *value)
{
	const char *end = rest->n > 0 ? memchr(rest->p, '\n', rest->n) : NULL, *equals;

	if (end == NULL)
		return false; /* a line without its end was cut */
	*name = (struct yt_str){ rest->p, (size_t)(end - rest->p) };
	rest->n -= name->n + 1;
	rest->p = end + 1;
	equals = name->n > 0 ? memchr(name->p, '=', name->n) : NULL;
	*value = (struct yt_str){ "", 0 };
	if (equals != NULL) {
		*value = (struct yt_str){ equals + 1, (size_t)(end - equals - 1) };
		name->n = (size_t)(equals - name->p);
	}
	return true;
}

static bool has(struct yt_str s, char c)
{
	return s.n > 0 && memchr(s.p, c, s.n) != NULL;
}

/* What another format allows and this one does not: it could say things that nobody has said. */
static int put_line(struct yt_buf *out, const char *prefix, struct yt_str name, struct yt_str value, struct yt_fault *fault)
{
	if (has(value, '\n') || has(name, '\n'))
		return refuse(fault, *prefix != '\0' ? "input.data" : "(message)", "has a line end, which this format cannot say");
	if (has(name, '='))
		return refuse(fault, "input.data", "has a member with = in its name, which this format cannot say");
	if (value.n > 0)
		yt_buf_printf(out, "%s%.*s=%.*s\n", prefix, YT_FMT(name), YT_FMT(value));
	return 0;
}

/* Reads members into data, all others by where(); YT_EFORMAT unless the last line is "end". */
static int read_lines(struct yt_arena *arena, struct yt_str octets, void *to,
	struct yt_str *(*where)(void *to, struct yt_str name), struct yt_node *data, struct yt_fault *fault)
{
	struct yt_str name, value;

	if (yt_utf8_check(octets, NULL) != 0)
		return refuse(fault, "(message)", "is not UTF-8");
	while (take_line(&octets, &name, &value)) {
		struct yt_str *at = where(to, name);

		if (yt_str_is(name, "end"))
			return octets.n == 0 ? 0 : refuse(fault, "end", "is not the last line");
		if (at != NULL) {
			*at = value; /* borrowed: the octets live as long as the message */
		} else if (yt_str_starts(name, "data.")) {
			struct yt_node *node = yt_node_add(arena, data, (struct yt_str){ name.p + 5, name.n - 5 }, YT_TEXT);

			if (node == NULL)
				return YT_ENOMEM;
			node->text = value;
		}
	}
	return refuse(fault, "end", "is missing: the message was cut");
}

/* -- requests ------------------------------------------------------------------------------------ */

static struct yt_str *member_of_request(void *to, struct yt_str name)
{
	struct yt_msg *m = to;
	const struct {
		const char *name;
		struct yt_str *at;
	} members[] = { { "op", &m->wire_op }, { "number", &m->number }, { "institution", &m->institution },
		{ "operator", &m->operator_id }, { "area", &m->treatment_area }, { "insured", &m->insured_area }, { "time", &m->time } };

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (yt_str_is(name, members[i].name))
			return members[i].at;
	return NULL;
}

static const struct yt_wire_op *op_of(struct yt_str wire)
{
	for (const struct yt_wire_op *op = ops; op->wire != NULL; op++)
		if (yt_str_is(wire, op->wire))
			return op;
	return NULL;
}

static int decode_request(struct yt_plugin *self, struct yt_str octets, struct yt_msg *msg, struct yt_fault *fault)
{
	struct yt_node *data;
	int rv;

	(void)self;
	msg->body = yt_node_new(msg->arena, YT_OBJECT);
	data = yt_node_add(msg->arena, msg->body, YT_STR("data"), YT_OBJECT);
	if (data == NULL)
		return YT_ENOMEM;
	rv = read_lines(msg->arena, octets, msg, member_of_request, data, fault);
	if (rv != 0)
		return rv;
	if (op_of(msg->wire_op) == NULL)
		return refuse(fault, "op", "is no operation of this format");
	if (msg->number.n == 0)
		return refuse(fault, "number", "is missing");
	if (msg->institution.n == 0)
		return refuse(fault, "institution", "is missing");
	msg->op = yt_op(op_of(msg->wire_op)->op);
	msg->person = yt_node_text(data, "psn_no");
	msg->visit = yt_node_text(data, "mdtrt_id");
	if (yt_node_fen(data, "medfee_sumamt", &msg->amount_fen) != 0)
		return refuse(fault, "input.data.medfee_sumamt", "is not an amount");
	msg->content = octets;
	return 0;
}

/* Texts and numbers of the business part's data; this format has no place for rows. */
static int put_data(struct yt_buf *out, const struct yt_node *body, struct yt_fault *fault)
{
	const struct yt_node *data = yt_node_get(body, "data");
	int rv = 0;

	for (const struct yt_node *c = data != NULL ? data->child : NULL; c != NULL && rv == 0; c = c->next)
		if (c->kind == YT_TEXT || c->kind == YT_NUMBER)
			rv = put_line(out, "data.", c->name, c->text, fault);
	return rv;
}

/* Another format has other numbers: the operation tells. */
static const char *wire_of(const struct yt_msg *msg)
{
	for (const struct yt_wire_op *op = ops; op->wire != NULL; op++)
		if (op->op == msg->op->id)
			return op->wire;
	return NULL;
}

static int encode_request(struct yt_plugin *self, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault)
{
	const char *wire = wire_of(msg);
	int rv;

	if (wire == NULL)
		return refuse(fault, "(message)", "is an operation that this format does not have");
	rv = put_line(out, "", YT_STR("op"), yt_str(wire), fault);
	if (rv == 0)
		rv = put_line(out, "", YT_STR("number"), msg->own_number.n > 0 ? msg->own_number : msg->number, fault);
	if (rv == 0)
		rv = put_line(out, "", YT_STR("receiver"), yt_plugin_setting(self, "receiver"), fault);
	if (rv == 0)
		rv = put_line(out, "", YT_STR("institution"), msg->institution, fault);
	if (rv == 0)
		rv = put_line(out, "", YT_STR("operator"), msg->operator_id, fault);
	if (rv == 0)
		rv = put_line(out, "", YT_STR("area"), msg->treatment_area, fault);
	if (rv == 0)
		rv = put_line(out, "", YT_STR("insured"), msg->insured_area, fault);
	if (rv == 0)
		rv = put_line(out, "", YT_STR("time"), msg->time, fault);
	if (rv == 0)
		rv = put_data(out, msg->body, fault);
	yt_buf_text(out, "end\n");
	return rv != 0 ? rv : out->failed ? YT_ENOMEM : 0;
}

/* -- answers -------------------------------------------------------------------------------------- */

static struct yt_str *member_of_reply(void *to, struct yt_str name)
{
	struct yt_reply *r = to;

	return yt_str_is(name, "result") ? &r->code : yt_str_is(name, "text") ? &r->text : yt_str_is(name, "number") ? &r->number : NULL;
}

/* Only a whole answer proves anything: all else is unknown, which the gateway then finds out. */
static int decode_reply(struct yt_plugin *self, const struct yt_msg *msg, int http_status, struct yt_str octets,
	struct yt_reply *reply)
{
	struct yt_fault fault = { { 0 }, { 0 } };
	struct yt_node *data;
	int rv;

	(void)self, (void)msg;
	reply->body = yt_node_new(reply->arena, YT_OBJECT);
	data = yt_node_add(reply->arena, reply->body, YT_STR("data"), YT_OBJECT);
	if (data == NULL)
		return YT_ENOMEM;
	reply->outcome = YT_UNKNOWN;
	rv = read_lines(reply->arena, octets, reply, member_of_reply, data, &fault);
	if (rv == YT_ENOMEM)
		return rv;
	if (rv != 0 || reply->code.n == 0 || (http_status != 200 && http_status != 0)) {
		reply->text = YT_STR("not an answer of this format");
		return 0;
	}
	reply->outcome = yt_str_is(reply->code, "0") ? YT_DONE : YT_REFUSED;
	reply->visit = yt_node_text(data, "mdtrt_id");
	reply->settlement = yt_node_text(data, "setl_id");
	reply->content = octets;
	return 0;
}

/* A party's text may have many lines, and a refusal must always be said: in one. */
static struct yt_str in_one_line(struct yt_arena *arena, struct yt_str text)
{
	struct yt_str copy = yt_arena_copy(arena, text);

	if (copy.p == NULL)
		return (struct yt_str){ 0 }; /* without its words rather than not at all */
	for (size_t i = 0; i < copy.n; i++)
		if (copy.p[i] == '\n')
			((char *)(uintptr_t)copy.p)[i] = ' '; /* ours: it was just copied */
	return copy;
}

static int encode_reply(struct yt_plugin *self, const struct yt_msg *msg, const struct yt_reply *reply, struct yt_buf *out)
{
	struct yt_fault fault = { { 0 }, { 0 } };
	int rv = put_line(out, "", YT_STR("result"), reply->outcome == YT_DONE ? YT_STR("0") : reply->code, &fault);

	(void)self, (void)msg;
	if (rv == 0)
		rv = put_line(out, "", YT_STR("text"), in_one_line(reply->arena, reply->text), &fault);
	if (rv == 0)
		rv = put_line(out, "", YT_STR("number"), reply->number, &fault);
	if (rv == 0)
		rv = put_data(out, reply->body, &fault);
	yt_buf_text(out, "end\n");
	return rv != 0 ? rv : out->failed ? YT_ENOMEM : 0;
}

YT_CODEC_PLUGIN(.name = "template", .content_type = "text/plain; charset=utf-8", .settings = settings, .ops = ops,
	.decode_request = decode_request, .encode_reply = encode_reply, .encode_request = encode_request,
	.decode_reply = decode_reply);
