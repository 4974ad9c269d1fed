/* plugins/jinhui/reply.c - an answer, both directions, and what its code proves (insurer.md 7.6).
 *
 * Only an answer with HTTP status 200, a good digest and the insurer's signature, to this very request, proves
 * anything; all else is unknown and found out by resolve.c. */
#include <stdio.h>
#include <string.h>

#include "jinhui.h"

static const struct ins_code rows[] = {
	{ "1001", INS_ON_ITS_WAY, true, 0 },
	{ "1002", INS_ON_ITS_WAY, true, 0 },
	{ "1003", INS_ON_ITS_WAY, true, 0 },
	{ "1004", INS_ON_ITS_WAY, true, 0 },
	{ "1005", INS_ON_ITS_WAY, true, 0 },
	{ "1006", INS_ON_ITS_WAY, false, 0 }, /* with another TRANS_NO it is another try */
	{ "1007", INS_ON_ITS_WAY, true, 0 },
	{ "2001", INS_REFUSED, true, 0 },
	{ "2002", INS_REFUSED, true, 0 },
	{ "2003", INS_REFUSED, false, 0 },
	{ "2004", INS_REFUSED, false, 0 },
	{ "2005", INS_REFUSED, false, 0 },
	{ "2006", INS_REFUSED, false, 0 },
	{ "2007", INS_THERE, false, 0 },
	{ "2008", INS_REFUSED, false, 0 },
	{ "2009", INS_REFUSED, true, 0 },
	{ "2010", INS_REFUSED, false, 0 },
	{ "2011", INS_REFUSED, false, 0 },
	{ "9001", INS_RETRY, false, 0 },
	{ "9999", INS_UNKNOWN, false, 0 },
	{ NULL, INS_UNKNOWN, false, 0 },
};

static const struct ins_own own[] = {
	{ 101, "2001" },
	{ 102, "1001" },
	{ 103, "1004" },
	{ 106, "2002" },
	{ 108, "2001" },
	{ 201, "2009" },
	{ 202, "9001" },
	{ 203, "9001" },
	{ 301, "9001" },
	{ 302, "9001" },
	{ 404, "9999" },
	{ 0, NULL },
};

const struct ins_codes jh_codes = {
	.rows = rows, .own = own, .done = "0000", .busy = "9001", .used = "1006", .absent = "2008", .too_late = "2010"
};

/* -- we ask ------------------------------------------------------------------------------------- */

int jh_sent(struct yt_arena *arena, const struct yt_msg *msg, struct jh_head *head, struct yt_str *apply_no,
        struct yt_str *case_no)
{
	struct yt_str octets = msg->sent.n > 0 ? msg->sent : msg->octets;
	struct yt_fault fault;
	struct jh_message m;
	int rv = octets.n > 0 ? jh_read(arena, octets, false, &m, &fault) : YT_ENOTFOUND;

	if (rv != 0)
		return rv;
	*head = m.head;
	*apply_no = yt_node_text(m.body, "APPLY_NO");
	if (case_no != NULL)
		*case_no = yt_node_text(m.body, "CASE_NO");
	return 0;
}

static int unknown(struct yt_reply *reply, const char *path, const char *why)
{
	reply->outcome = YT_UNKNOWN;
	reply->text = yt_arena_printf(reply->arena, "%s%s%s", path, *path != '\0' ? " " : "", why);
	return reply->text.p != NULL ? 0 : YT_ENOMEM;
}

static bool same_stem(struct yt_str a, struct yt_str b)
{
	if (yt_str_eq(a, b))
		return true;
	return a.n == INS_NUMBER_LEN + 2 && b.n == a.n && memcmp(a.p, b.p, INS_NUMBER_LEN) == 0 &&
	       jh_is_number((struct yt_str){ a.p, INS_NUMBER_LEN });
}

static int refused(struct yt_plugin *self, const struct yt_msg *msg, struct yt_reply *reply, const struct yt_node *body)
{
	const struct ins_code *c = ins_code_at(&jh_codes, reply->code);

	if (c == NULL || c->class == INS_UNKNOWN)
		return unknown(reply, "", "the insurer does not say whether it took it");
	return ins_refused(self, &jh_codes, c, msg, reply, yt_node_text(body, "CASE_NO"));
}

static int done(struct yt_plugin *self, const struct yt_msg *msg, const struct jh_message *m, struct yt_str apply_no,
        struct yt_str case_no, struct yt_reply *reply)
{
	static const struct yt_node empty = { .kind = YT_OBJECT };
	const struct ins_schema *schema = jh_schema(m->head.code);
	const struct yt_node *wire = m->body->kind == YT_OBJECT ? m->body : &empty,
	                     *data = yt_node_get(reply->body, "data");
	struct yt_fault fault = { { 0 }, { 0 } };
	struct yt_str about;
	struct ins_map map;
	int rv;

	jh_map(self, reply->arena, msg, &fault, &map);
	map.root = "output";
	map.body = reply->body;
	rv = ins_read(&map, schema->out, schema->n_out, wire, reply->body);
	if (rv != 0)
		return rv == YT_ENOMEM ? rv : unknown(reply, fault.path, fault.why);
	about = yt_node_text(data, "request_no");
	if (about.n > 0 && apply_no.n > 0 && !yt_str_eq(about, apply_no))
		return unknown(reply, "APPLY_NO", "is that of another case");
	about = yt_node_text(data, "claim_no");
	if (about.n > 0 && case_no.n > 0 && !yt_str_eq(about, case_no))
		return unknown(reply, "CASE_NO", "is that of another case");
	if (msg->op->id == YT_OP_CLAIM_QUERY && ins_lacks_amount(data))
		return unknown(reply, "PAY_AMT", "is missing: a decided case must say how much");
	reply->outcome = YT_DONE;
	reply->number = yt_node_text(data, "claim_no");
	if (msg->op->id == YT_OP_CLAIM_QUERY && ins_is_under_way(data))
		reply->again_ms = ((const struct jh *)yt_plugin_ctx(self))->ask_again_s * INT64_C(1000);
	return 0;
}

int jh_decode_reply(
        struct yt_plugin *self, const struct yt_msg *msg, int http_status, struct yt_str octets, struct yt_reply *reply)
{
	const struct jh *jh = yt_plugin_ctx(self);
	struct yt_fault fault = { { 0 }, { 0 } };
	struct jh_head sent = { .sent_ms = 0 };
	struct yt_str apply_no = { NULL, 0 }, case_no = { NULL, 0 };
	struct jh_message m;
	int rv;

	reply->body = yt_node_new(reply->arena, YT_OBJECT);
	if (yt_node_add(reply->arena, reply->body, YT_STR("data"), YT_OBJECT) == NULL)
		return YT_ENOMEM;
	if (http_status != 0 && http_status != 200)
		return unknown(reply, "", "the HTTP status is not 200: nobody knows whether it was taken");
	rv = jh_read(reply->arena, octets, true, &m, &fault);
	if (rv == 0)
		rv = jh_verify(self, &m, jh->verify_key, &fault);
	if (rv != 0)
		return rv == YT_ENOMEM ? rv : unknown(reply, fault.path, fault.why);
	rv = jh_sent(reply->arena, msg, &sent, &apply_no, &case_no);
	if (rv == YT_ENOMEM)
		return rv;
	if (rv != 0 || !yt_str_eq(sent.code, m.head.code) || !yt_str_eq(sent.partner, m.head.partner) ||
	        !same_stem(sent.number, m.head.number) || jh_schema(m.head.code) == NULL)
		return unknown(reply, "HEAD", "is that of the answer to another request");
	reply->octets = octets;
	reply->code = m.head.res_code;
	reply->text = m.head.res_msg;
	if (yt_str_is(reply->code, "0000"))
		return done(self, msg, &m, apply_no, case_no, reply);
	return refused(self, msg, reply, m.body);
}

/* -- we are asked ------------------------------------------------------------------------------- */

/* At most 100 characters, which GB18030 has: a text that cannot be written must not keep a refusal back. */
static struct yt_str short_text(struct yt_arena *arena, struct yt_str text)
{
	struct yt_buf octets = { 0 };
	size_t n = 0, characters = 0;

	while (n < text.n && (characters < 100 || ((unsigned char)text.p[n] & 0xC0) == 0x80))
		characters += ((unsigned char)text.p[n++] & 0xC0) != 0x80;
	text.n = n;
	if (yt_utf8_to_gb18030(text, &octets, NULL) != 0)
		text = YT_STR("");
	yt_buf_free(&octets);
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < 0x20)
			return YT_STR("");
	return yt_arena_copy(arena, text);
}

static struct yt_node *answer_body(struct yt_plugin *self, const struct yt_msg *msg, const struct yt_reply *reply,
        struct yt_arena *arena, struct jh_head *head)
{
	const struct ins_schema *schema = jh_schema(msg->wire_op);
	struct yt_node *body = yt_node_new(arena, YT_OBJECT);
	struct yt_fault fault = { { 0 }, { 0 } };
	struct ins_map map;

	jh_map(self, arena, msg, &fault, &map);
	map.root = "output";
	map.body = reply->body;
	if (schema != NULL && ins_write(&map, schema->out, schema->n_out, body) == 0)
		return body;
	/* It is done, or may be: what cannot be said must not read as refused. */
	yt_plugin_log(
	        self, YT_ERROR, "the answer to %s cannot be written: %s %s", msg->op->name, fault.path, fault.why);
	head->res_code = YT_STR("9999");
	return yt_node_new(arena, YT_OBJECT);
}

int jh_encode_reply(struct yt_plugin *self, const struct yt_msg *msg, const struct yt_reply *reply, struct yt_buf *out)
{
	const struct jh *jh = yt_plugin_ctx(self);
	struct yt_arena *arena = reply->arena != NULL ? reply->arena : msg->arena;
	struct jh_head head = { .code = yt_node_text(msg->head, "TRANS_CODE"),
		.partner = jh->partner,
		.number = yt_node_text(msg->head, "TRANS_NO"),
		.res_code = YT_STR("0000"),
		.res_msg = short_text(arena, reply->text) };
	struct yt_fault fault = { { 0 }, { 0 } };
	struct yt_node *body;
	char time[15];

	yt_time_compact(reply->wall_ms != 0 ? reply->wall_ms : msg->sent_ms, time);
	head.time = yt_arena_copy(arena, yt_str(time));
	if (head.code.n == 0)
		head.code = YT_STR("JH0000"); /* not even the number of the transaction could be read */
	if (head.number.n == 0)
		head.number = YT_STR("0");
	if (reply->outcome == YT_DONE) {
		body = answer_body(self, msg, reply, arena, &head);
		if (head.res_msg.n == 0)
			head.res_msg = msg->op->id == YT_OP_CLAIM_SUBMIT ? YT_STR("受理成功") : YT_STR("成功");
	} else {
		head.res_code = ins_refusal_code(&jh_codes, msg, reply);
		body = yt_node_new(arena, YT_OBJECT);
	}
	if (body == NULL || head.time.p == NULL || head.res_msg.p == NULL)
		return YT_ENOMEM;
	return jh_seal(self, &head, body, out, &fault);
}
