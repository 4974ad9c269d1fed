/* plugins/jinhui/resolve.c - numbers of ours, and finding out what became of a case whose answer was lost.
 *
 * JH2002 is asked with our number alone.  Unknown there (2008): the same BODY again, which its digest makes safe also
 * when the first try is still on its way (insurer.md 7.5).  All other transactions are repeated as they are. */
#include "jinhui.h"

int jh_make_number(
        struct yt_plugin *self, struct yt_arena *arena, int64_t wall_ms, uint64_t serial, struct yt_str *number)
{
	(void)self;
	return ins_make_number("JH", arena, wall_ms, serial, number);
}

int jh_query_for(struct yt_plugin *self, const struct yt_msg *original, struct yt_msg *query)
{
	struct jh_head sent;
	struct yt_str number;
	int rv;

	(void)self;
	if (original->op->id != YT_OP_CLAIM_SUBMIT)
		return YT_ENOTFOUND;
	rv = jh_sent(query->arena, original, &sent, &number, NULL);
	if (rv != 0 || number.n == 0)
		return rv == YT_ENOMEM ? rv : YT_ENOTFOUND;
	return ins_query_for(original, "JH2002", number, query);
}

enum yt_judgement jh_judge(
        struct yt_plugin *self, const struct yt_msg *original, const struct yt_reply *answer, struct yt_reply *adopted)
{
	struct jh_head sent;
	struct yt_str number = { NULL, 0 };

	(void)self;
	if (jh_sent(adopted->arena, original, &sent, &number, NULL) != 0)
		number.n = 0;
	return ins_judge(&jh_codes, number, answer, adopted);
}
