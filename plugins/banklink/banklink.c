/* plugins/banklink/banklink.c - profile BDL/1.0, direct link to a bank (银企直联), as a codec plugin.
 *
 * core loads it by yt_codec_api, at the end of this file.  Messages are XML in GB18030 with an SM2 signature inside,
 * one after the other on a stream, each behind eight digits (frame.c). */
#include <stdlib.h>
#include <string.h>

#include "bdl.h"

static const struct yt_setting settings[] = {
	{ "corp_no", NULL, "our customer number, 1 to 10 digits; the SM2 key with this owner signs" },
	{ "operator", NULL, "our operator at the bank (OpNo), 1 to 8 characters" },
	{ "bank", "bank", "owner of the keys that the bank signs with" },
	{ "signatures", "yes", "no: none is made and none is checked; for measuring, never for money: yes or no" },
	{ "own_bank", "",
	        "first three digits of the bank's line numbers: payees there are paid within the bank; empty: those "
	        "without a line number" },
	{ "name_check", "1", "where an order does not say: 0 no, 1 name, 2 name and identity number" },
	{ "channel", "S", "where an order does not say: S bank's choice, B bulk, H large value, I instant" },
	{ "limit", "0", "yuan that one payout may have at most; 0: no limit" }, { NULL, NULL, NULL }
};

/* Why each row resolves as it does: README.md. */
static const struct yt_wire_op ops[] = {
	{ "BD0001", YT_OP_LINK, YT_RESOLVE_NONE },
	{ "BD1001", YT_OP_PAY_ORDER, YT_RESOLVE_PAY_ANEW },
	{ "BD1002", YT_OP_PAY_QUERY, YT_RESOLVE_NONE },
	{ "BD1003", YT_OP_PAY_RECALL, YT_RESOLVE_PAY_ANEW },
	{ "BD2001", YT_OP_PAY_BATCH, YT_RESOLVE_PAY_ANEW },
	{ "BD2002", YT_OP_PAY_BATCH_QUERY, YT_RESOLVE_NONE },
	{ "BD2003", YT_OP_PAY_BATCH_RESULT, YT_RESOLVE_NONE },
	{ "BD3001", YT_OP_BALANCE_QUERY, YT_RESOLVE_NONE },
	{ "BD3002", YT_OP_STATEMENT_FETCH, YT_RESOLVE_NONE },
	{ "BD4001", YT_OP_PAY_RETURN_QUERY, YT_RESOLVE_NONE },
	{ "BD4002", YT_OP_ACCOUNT_CHECK, YT_RESOLVE_NONE },
	{ NULL, YT_OP_UNREAD, YT_RESOLVE_NONE },
};

const struct yt_op *bdl_op_of(struct yt_str wire)
{
	for (const struct yt_wire_op *op = ops; op->wire != NULL; op++)
		if (yt_str_is(wire, op->wire))
			return yt_op(op->op);
	return NULL;
}

struct yt_str bdl_wire_of(enum yt_operation id)
{
	for (const struct yt_wire_op *op = ops; op->wire != NULL; op++)
		if (op->op == id)
			return yt_str(op->wire);
	return (struct yt_str){ NULL, 0 };
}

static bool is_one_of(struct yt_str s, const char *set)
{
	return s.n == 1 && s.p[0] != '\0' && strchr(set, s.p[0]) != NULL;
}

static const char *take_settings(struct yt_plugin *self, struct bdl *b)
{
	struct yt_str signs = yt_plugin_setting(self, "signatures");

	b->corp_no = yt_plugin_setting(self, "corp_no");
	b->operator_id = yt_plugin_setting(self, "operator");
	b->bank = yt_plugin_setting(self, "bank");
	b->own_bank = yt_plugin_setting(self, "own_bank");
	b->name_check = yt_plugin_setting(self, "name_check");
	b->channel = yt_plugin_setting(self, "channel");
	b->signs = yt_str_is(signs, "yes");
	if (!bank_is_digits(b->corp_no, 1, 10))
		return "corp_no must be 1 to 10 digits";
	if (!bank_is_ascii(b->operator_id, 1, 8))
		return "operator must be 1 to 8 characters";
	if (!bank_is_ascii(b->bank, 1, 64))
		return "bank must be the owner of a key, 1 to 64 characters";
	if (b->own_bank.n > 0 && !bank_is_digits(b->own_bank, 3, 3))
		return "own_bank must be three digits";
	if (!is_one_of(b->name_check, "012"))
		return "name_check must be 0, 1 or 2";
	if (!is_one_of(b->channel, "SBHI"))
		return "channel must be S, B, H or I";
	if (!b->signs && !yt_str_is(signs, "no"))
		return "signatures must be yes or no";
	if (yt_fen_parse(yt_plugin_setting(self, "limit"), &b->limit_fen) != 0 || b->limit_fen < 0)
		return "limit must be an amount in yuan";
	return NULL;
}

/* Nothing could be sent, or no answer believed: `yitong check` says so before the first payment finds out.  One that
 * has ended is told of by the core. */
static void warn_of_missing_key(struct yt_plugin *self, const char *setting, enum yt_key_kind kind, const char *then)
{
	struct yt_str owner = yt_plugin_setting(self, setting);
	struct yt_key key;

	if (yt_key_find(self, owner, (struct yt_str){ "", 0 }, kind, yt_wall_ms(), &key) != YT_ENOTFOUND)
		return;
	yt_plugin_log(self, YT_WARN, "keys has no %s with owner \"%.*s\" (setting %s), so %s: add it",
	        kind == YT_KEY_SM2_PRIVATE ? "sm2-private" : "sm2-public", YT_FMT(owner), setting, then);
}

static int open_(struct yt_plugin *self)
{
	struct bdl *b = calloc(1, sizeof(*b));
	const char *wrong;

	if (b == NULL)
		return YT_ENOMEM;
	wrong = take_settings(self, b);
	if (wrong != NULL) {
		yt_plugin_log(self, YT_ERROR, "setting %s", wrong);
		free(b);
		return YT_ECONF;
	}
	if (b->signs) {
		warn_of_missing_key(self, "corp_no", YT_KEY_SM2_PRIVATE, "nothing can be sent to it");
		warn_of_missing_key(self, "bank", YT_KEY_SM2_PUBLIC, "no answer of it is believed");
	}
	yt_plugin_ctx_set(self, b);
	return 0;
}

static void close_(struct yt_plugin *self)
{
	free(yt_plugin_ctx(self));
}

/* ReqSeqNo: the day and twelve digits. */
static int make_number(
        struct yt_plugin *self, struct yt_arena *arena, int64_t wall_ms, uint64_t serial, struct yt_str *number)
{
	char time[15];

	(void)self;
	yt_time_compact(wall_ms, time);
	*number = yt_arena_printf(arena, "%.8s%012llu", time, (unsigned long long)(serial % 1000000000000ull));
	return number->p != NULL ? 0 : YT_ENOMEM;
}

YT_CODEC_PLUGIN(.name = "banklink", .content_type = "application/xml; charset=GB18030", .settings = settings,
        .ops = ops, .open = open_, .close = close_, .decode_request = bdl_decode_request,
        .encode_reply = bdl_encode_reply, .encode_request = bdl_encode_request, .decode_reply = bdl_decode_reply,
        .query_for = bdl_query_for, .judge = bdl_judge, .make_number = make_number, .is_slow = true,
        .frame_next = bdl_frame_next, .frame_put = bdl_frame_put);
