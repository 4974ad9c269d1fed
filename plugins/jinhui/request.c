/* plugins/jinhui/request.c - a request: from octets to the canonical message, and back.
 *
 * jh_encode_request() is what the gateway does daily; what it wrote is read once more as the other side will, and
 * checked: consent, days and sums (plugins/insurer/derive.c).  jh_decode_request() is the insurer's place. */
#include <stdio.h>
#include <string.h>

#include "jinhui.h"

void jh_map(struct yt_plugin *self, struct yt_arena *arena, const struct yt_msg *msg, struct yt_fault *fault,
        struct ins_map *map)
{
	const struct jh *jh = yt_plugin_ctx(self);

	*map = (struct ins_map){ .self = self,
		.arena = arena,
		.fault = fault,
		.msg = msg,
		.root = "input",
		.is_xml = true,
		.allowed = YT_STR("*"),
		.levels = jh->levels,
		.types = jh->types };
}

/* The funds' total is not on the wire: it is their sum. */
static int add_fund(struct yt_arena *arena, struct yt_node *body)
{
	static const char *const names[] = { "hifp_pay", "hifmi_pay", "maf_pay", "oth_pay" };
	struct yt_node *data = yt_node_get(body, "data");
	int64_t sum = 0, fen;

	for (size_t i = 0; i < 4; i++)
		if (yt_node_fen(data, names[i], &fen) == 0)
			sum += fen;
	return yt_node_add_fen(arena, data, "fund_pay_sumamt", sum) != NULL ? 0 : YT_ENOMEM;
}

/* An empty BODY is read as a text. */
static const struct yt_node *body_of(const struct yt_node *body)
{
	static const struct yt_node empty = { .kind = YT_OBJECT };

	return body->kind == YT_TEXT && body->text.n == 0 ? &empty : body;
}

static int read_business(struct ins_map *map, const struct yt_msg *msg, const struct yt_node *wire,
        struct yt_node *body, const char *path)
{
	const struct ins_schema *schema = jh_schema(yt_str(jh_wire_of(msg->op->id)));
	const struct yt_node *data = yt_node_add(map->arena, body, YT_STR("data"), YT_OBJECT);
	int rv = data != NULL ? 0 : YT_ENOMEM;

	map->body = body;
	if (rv == 0)
		rv = ins_read(map, schema->in, schema->n_in, body_of(wire), body);
	if (rv == 0 && msg->op->id == YT_OP_CLAIM_SUBMIT)
		rv = add_fund(map->arena, body);
	if (rv == 0 && msg->op->id == YT_OP_CLAIM_SUBMIT)
		return ins_check_claim(map, body, path, false);
	if (rv == 0 && msg->op->id == YT_OP_CLAIM_DOCUMENTS)
		return ins_check_documents(map, body, path);
	if (rv == 0 && msg->op->id == YT_OP_CLAIM_QUERY && yt_node_text(data, "request_no").n == 0 &&
	        yt_node_text(data, "claim_no").n == 0)
		return ins_refuse(
		        map->fault, path, "data.request_no", "is missing, and so is claim_no: one must say which case");
	return rv;
}

/* -- we are asked ------------------------------------------------------------------------------- */

/* Tries of one message differ in the last two characters only, where it is one of this plugin. */
static struct yt_str stem(struct yt_str number)
{
	struct yt_str begin = { number.p, INS_NUMBER_LEN };

	return number.n == INS_NUMBER_LEN + 2 && jh_is_number(begin) ? begin : number;
}

static int take_head(struct yt_msg *msg, const struct jh_message *m)
{
	const struct jh_head *head = &m->head;
	char time[20];

	msg->head = yt_node_new(msg->arena, YT_OBJECT);
	if (msg->head == NULL || yt_node_add_text(msg->arena, msg->head, "TRANS_CODE", head->code) == NULL ||
	        yt_node_add_text(msg->arena, msg->head, "PARTNER_NO", head->partner) == NULL ||
	        yt_node_add_text(msg->arena, msg->head, "TRANS_NO", head->number) == NULL)
		return YT_ENOMEM;
	msg->wire_op = head->code;
	msg->number = stem(head->number);
	msg->sender = msg->institution = head->partner;
	msg->content = m->raw;
	if (head->sent_ms == 0)
		return 0;
	msg->sent_ms = head->sent_ms;
	msg->valid_from_ms = head->sent_ms - JH_WINDOW_MS;
	msg->expires_ms = head->sent_ms + JH_WINDOW_MS;
	msg->too_early = msg->too_late = YT_STR("1005");
	yt_time_print(head->sent_ms, time);
	msg->time = yt_arena_copy(msg->arena, yt_str(time));
	return msg->time.p != NULL ? 0 : YT_ENOMEM;
}

static void take_business(struct yt_msg *msg)
{
	const struct yt_node *data = yt_node_get(msg->body, "data");

	if (yt_node_text(data, "fixmedins_code").n > 0)
		msg->institution = yt_node_text(data, "fixmedins_code");
	msg->institution_name = yt_node_text(data, "fixmedins_name");
	msg->insured_area = yt_node_text(data, "insuplc_admdvs");
	msg->person = yt_node_text(data, "psn_no");
	msg->visit = yt_node_text(data, "mdtrt_id");
	msg->settlement = yt_node_text(data, "setl_id");
	if (yt_node_fen(data, "medfee_sumamt", &msg->amount_fen) != 0)
		msg->amount_fen = 0;
}

static int read_case(struct yt_plugin *self, struct jh_message *m, struct yt_msg *msg, struct yt_fault *fault)
{
	const struct jh *jh = yt_plugin_ctx(self);
	const struct yt_wire_op *row = jh_row(m->head.code);
	struct ins_map map;
	int rv;

	m->refusal = "1004";
	if (!yt_str_eq(m->head.partner, jh->partner))
		return ins_refuse(
		        fault, "", "HEAD.PARTNER_NO", "is not the partner that is configured (setting partner)");
	m->refusal = "1007";
	if (row == NULL)
		return ins_refuse(fault, "", "HEAD.TRANS_CODE", "is no transaction of this profile");
	msg->op = yt_op(row->op);
	jh_map(self, msg->arena, msg, fault, &map);
	rv = read_business(&map, msg, m->body, msg->body, "");
	m->refusal = rv == YT_EFORMAT && strstr(fault->why, "add up to") != NULL ? "2002" : "2001";
	take_business(msg);
	if (map.number.n > 0)
		msg->number = map.number;
	return rv;
}

int jh_decode_request(struct yt_plugin *self, struct yt_str octets, struct yt_msg *msg, struct yt_fault *fault)
{
	const struct jh *jh = yt_plugin_ctx(self);
	struct jh_message m;
	int rv = jh_read(msg->arena, octets, false, &m, fault);

	msg->body = yt_node_new(msg->arena, YT_OBJECT);
	if (msg->body == NULL || (rv != YT_ENOMEM && take_head(msg, &m) != 0))
		return YT_ENOMEM;
	if (rv == 0) {
		msg->octets = octets;
		/* One of ours, read back, is signed with our own key. */
		rv = jh_verify(self, &m, msg->sent.n > 0 ? jh->sign_key : jh->verify_key, fault);
		msg->is_authentic = rv == 0;
	}
	if (rv == 0)
		rv = read_case(self, &m, msg, fault);
	if (rv != 0 && rv != YT_ENOMEM)
		msg->refusal = yt_str(m.refusal);
	return rv;
}

/* -- we ask ------------------------------------------------------------------------------------- */

static struct yt_str number_of(const struct yt_msg *msg)
{
	bool is_claim = msg->op->id == YT_OP_CLAIM_SUBMIT; /* its number stands in BODY and has a form of its own */
	struct yt_str number = msg->own_number.n > 0 ? msg->own_number : msg->number;

	if (is_claim && !jh_is_number(number))
		number = msg->number;
	return (is_claim && !jh_is_number(number)) || number.n > 24 ? (struct yt_str){ NULL, 0 } : number;
}

/* Of what follows a claim: the claim's own number, where its message was the one this is made of. */
static struct yt_str claim_of(const struct yt_msg *msg)
{
	if (jh_is_number(msg->original_number))
		return msg->original_number;
	return jh_is_number(msg->number) && !yt_str_eq(msg->number, msg->own_number) ? msg->number
	                                                                             : (struct yt_str){ NULL, 0 };
}

static int make_head(const struct jh *jh, const struct yt_msg *msg, struct yt_str number, struct jh_head *head,
        struct yt_fault *fault)
{
	int64_t now_ms = msg->wall_ms;
	char time[15];

	memset(head, 0, sizeof(*head));
	if (now_ms == 0 && yt_time_parse(msg->time, &now_ms) != 0)
		return ins_refuse(fault, "", "(time)", "is missing: the time of sending is made of it");
	yt_time_compact(now_ms, time);
	head->sent_ms = now_ms;
	head->code = yt_str(jh_wire_of(msg->op->id));
	head->partner = jh->partner;
	head->number = jh_is_number(number) ? yt_arena_printf(msg->arena, "%.*s00", YT_FMT(number)) : number;
	head->time = yt_arena_copy(msg->arena, yt_str(time));
	return head->number.p != NULL && head->time.p != NULL ? 0 : YT_ENOMEM;
}

/* The funds' total must be what the parts sent add up to, since it is not sent itself. */
static int check_fund(const struct ins_map *map, const struct yt_node *written)
{
	int64_t said, sum;
	struct yt_str given = ins_find(map, "fund_pay_sumamt");

	if (given.n == 0 ||
	        (yt_fen_parse(given, &said) == 0 &&
	                yt_node_fen(yt_node_get(written, "data"), "fund_pay_sumamt", &sum) == 0 && said == sum))
		return 0;
	return ins_refuse(map->fault, "input.data", "fund_pay_sumamt", "is not what the funds add up to");
}

static int check_written(const struct ins_map *map, const struct yt_msg *msg, const struct yt_node *wire)
{
	struct ins_map again = *map;
	struct yt_node *body = yt_node_new(map->arena, YT_OBJECT);
	int rv;

	again.facts = NULL;
	again.scope = NULL;
	memset(again.seen, 0, sizeof(again.seen));
	rv = body == NULL ? YT_ENOMEM : read_business(&again, msg, wire, body, "input");
	return rv == 0 && msg->op->id == YT_OP_CLAIM_SUBMIT ? check_fund(map, body) : rv;
}

int jh_encode_request(struct yt_plugin *self, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault)
{
	const struct jh *jh = yt_plugin_ctx(self);
	const char *wire = jh_wire_of(msg->op->id);
	const struct ins_schema *schema = jh_schema(yt_str(wire));
	struct yt_node *body = yt_node_new(msg->arena, YT_OBJECT);
	struct jh_head head;
	struct ins_map map;
	int rv;

	if (schema == NULL)
		return ins_refuse(fault, "", "(operation)", "cannot be said to this insurer");
	jh_map(self, msg->arena, msg, fault, &map);
	map.body = msg->body;
	map.facts = msg->facts;
	map.number = number_of(msg);
	map.claim = claim_of(msg);
	if (map.number.n == 0)
		return ins_refuse(fault, "", "(number)", "must be JH, 8 digits of the day and 12 of a serial");
	rv = make_head(jh, msg, map.number, &head, fault);
	map.now_ms = head.sent_ms;
	if (msg->op->id == YT_OP_CLAIM_SUBMIT || msg->op->id == YT_OP_CLAIM_ELIGIBILITY)
		map.allowed = jh->allowed;
	if (rv == 0 && msg->op->id == YT_OP_CLAIM_SUBMIT)
		rv = ins_take_scope(&map);
	if (rv == 0)
		rv = ins_write(&map, schema->in, schema->n_in, body);
	if (rv == 0)
		rv = check_written(&map, msg, body);
	if (rv == 0)
		rv = jh_seal(self, &head, body, out, fault);
	return rv;
}
