/* plugins/tianyi/resolve.c - numbers of ours, and finding out what became of a claim whose answer was lost.
 *
 * A claim is asked for by its own number.  Unknown there (B3002): the same octets again, which the number makes safe
 * also when the first try is still on its way (insurer.md 6.5).  All other calls are repeated as they are. */
#include "tianyi.h"

int ty_make_number(
        struct yt_plugin *self, struct yt_arena *arena, int64_t wall_ms, uint64_t serial, struct yt_str *number)
{
	(void)self;
	return ins_make_number("TY", arena, wall_ms, serial, number);
}

int ty_query_for(struct yt_plugin *self, const struct yt_msg *original, struct yt_msg *query)
{
	struct yt_str number = ty_sent_number(yt_plugin_ctx(self), original, query->arena);

	if (original->op->id != YT_OP_CLAIM_SUBMIT || !ty_is_number(number))
		return YT_ENOTFOUND;
	return ins_query_for(original, "query", number, query);
}

enum yt_judgement ty_judge(
        struct yt_plugin *self, const struct yt_msg *original, const struct yt_reply *answer, struct yt_reply *adopted)
{
	struct yt_str settlement = yt_node_text(yt_node_get(answer->body, "data"), "setl_id");
	struct yt_str number = ty_sent_number(yt_plugin_ctx(self), original, adopted->arena);
	enum yt_judgement judgement = ins_judge(&ty_codes, number, answer, adopted);

	if (judgement != YT_FOUND)
		return judgement;
	adopted->settlement = settlement;
	return original->settlement.n == 0 || yt_str_eq(original->settlement, settlement) ? YT_FOUND : YT_UNSURE;
}
