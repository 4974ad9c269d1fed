/* core/engine/day_list.c - see day_list.h.
 *
 *   {"party":"tianyi","data":{"stmt_date":"2026-11-20","page":"1","pages":"1"},"claims":[{"setl_id":"S1", ...}]}
 * No name and no paper is in it: an insurer lists claims by their numbers (insurer.md 6.3, 7.4). */
#include "engine/day_list.h"

#include <stdio.h>

#include "base/sha256.h"
#include "yitong/json.h"

static const struct yt_wire_op ops[] = { { "claims", YT_OP_STATEMENT_NOTICE, YT_RESOLVE_RESEND },
	{ NULL, YT_OP_UNREAD, YT_RESOLVE_PARK } };

static const char *const of_day[] = { "stmt_date", "page", NULL }, *const of_pages[] = { "pages", "total", NULL },
                         *const of_claim[] = { "setl_id", "claim_no", "request_no", "claim_state", "state_time",
	                         "payable_amt", "pay_by", "paid_amt", "pay_state", "pay_time", "bank_serial", NULL };

static bool speaks(const struct yt_codec_api *party, enum yt_operation op)
{
	const struct yt_wire_op *row = party->ops;

	while (row->wire != NULL && row->op != op)
		row++;
	return row->wire != NULL;
}

bool day_list_is_of(const struct yt_codec_api *party)
{
	return speaks(party, YT_OP_CLAIM_STATEMENT) && !speaks(party, YT_OP_STATEMENT_FETCH);
}

const struct yt_codec_api *day_list_codec_of(const struct yt_codec_api *party)
{
	return day_list_is_of(party) ? &day_list_codec : party;
}

/* -- written ------------------------------------------------------------------------------------- */

static int copy(struct yt_arena *arena, struct yt_node *to, const struct yt_node *from, const char *const *names)
{
	for (; *names != NULL; names++) {
		struct yt_str text = yt_node_text(from, *names);

		if (text.n > 0 && yt_node_add_text(arena, to, *names, text) == NULL)
			return YT_ENOMEM;
	}
	return 0;
}

int day_list_write(struct yt_arena *arena, struct yt_str party, const struct yt_node *asked, const struct yt_node *told,
        struct yt_buf *out)
{
	const struct yt_node *claims = yt_node_get(told, "claims");
	struct yt_node *root = yt_node_new(arena, YT_OBJECT), *data, *rows, *row;
	int rv;

	if (root == NULL || yt_node_add_text(arena, root, "party", party) == NULL)
		return YT_ENOMEM;
	data = yt_node_add(arena, root, YT_STR("data"), YT_OBJECT);
	rows = yt_node_add(arena, root, YT_STR("claims"), YT_ARRAY);
	if (data == NULL || rows == NULL)
		return YT_ENOMEM;
	rv = copy(arena, data, yt_node_get(asked, "data"), of_day);
	if (rv == 0)
		rv = copy(arena, data, yt_node_get(told, "data"), of_pages);
	for (const struct yt_node *c = claims == NULL ? NULL : claims->child; rv == 0 && c != NULL; c = c->next) {
		row = yt_node_add(arena, rows, (struct yt_str){ 0 }, YT_OBJECT);
		rv = row == NULL ? YT_ENOMEM : copy(arena, row, c, of_claim);
	}
	if (rv == 0)
		yt_json_write(root, out);
	return rv == 0 && out->failed ? YT_ENOMEM : rv;
}

/* -- read ---------------------------------------------------------------------------------------- */

static int is_none(struct yt_fault *fault, const char *path, const char *why)
{
	snprintf(fault->path, sizeof(fault->path), "%s", path);
	snprintf(fault->why, sizeof(fault->why), "%s", why);
	return YT_EFORMAT;
}

/* Of what it says, so that nothing else may ever have it. */
static struct yt_str number_of(struct yt_arena *arena, const struct yt_node *data, struct yt_str octets)
{
	uint8_t digest[SHA256_LEN];
	char hex[17];

	yt_sha256(&octets, 1, digest);
	for (size_t i = 0; i < 8; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return yt_arena_printf(arena, "%.*s-%.*s-%s", YT_FMT(yt_node_text(data, "stmt_date")),
	        YT_FMT(yt_node_text(data, "page")), hex);
}

static int decode_request(struct yt_plugin *self, struct yt_str octets, struct yt_msg *msg, struct yt_fault *fault)
{
	static const struct yt_json_limits limits = { .depth = 4, .nodes = 200000 };
	struct yt_json_error err;
	int rv = yt_json_read(msg->arena, octets, &limits, &msg->body, &err);

	(void)self;
	msg->op = yt_op(YT_OP_STATEMENT_NOTICE);
	msg->wire_op = yt_str(ops[0].wire);
	if (rv != 0)
		return rv == YT_ENOMEM ? rv : is_none(fault, "(message)", err.why);
	msg->institution = yt_node_text(msg->body, "party");
	msg->content = octets;
	msg->number = number_of(msg->arena, yt_node_get(msg->body, "data"), octets);
	if (yt_node_get(msg->body, "claims") == NULL || msg->institution.n == 0 || msg->number.n == 0)
		return is_none(fault, "(message)", "is no list of a day's claims");
	return 0;
}

/* Nobody hears it: it was asked for here. */
static int encode_reply(
        struct yt_plugin *self, const struct yt_msg *msg, const struct yt_reply *reply, struct yt_buf *out)
{
	(void)self;
	(void)msg;
	yt_buf_text(out, reply->outcome == YT_DONE ? "{\"code\":\"0\"}" : "{\"code\":\"1\"}");
	return out->failed ? YT_ENOMEM : 0;
}

const struct yt_codec_api day_list_codec = { .abi_major = YT_ABI_MAJOR,
	.abi_minor = YT_ABI_MINOR,
	.size = sizeof(struct yt_codec_api),
	.name = "day-list",
	.content_type = "application/json; charset=utf-8",
	.ops = ops,
	.decode_request = decode_request,
	.encode_reply = encode_reply };
