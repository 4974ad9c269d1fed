/* plugins/jinhui/resolve.c - numbers of ours, and finding out what became of a case whose answer was lost.
 *
 * JH2002 is asked with our number alone.  Unknown there (2008): the same BODY again, which its digest makes safe also
 * when the first try is still on its way (insurer.md 7.5).  All other transactions are repeated as they are. */
#include <string.h>

#include "jinhui.h"

int jh_make_number(
        struct yt_plugin *self, struct yt_arena *arena, int64_t wall_ms, uint64_t serial, struct yt_str *number)
{
	char time[15];

	(void)self;
	yt_time_compact(wall_ms, time);
	*number = yt_arena_printf(arena, "JH%.8s%012llu", time, (unsigned long long)(serial % UINT64_C(1000000000000)));
	return number->p != NULL ? 0 : YT_ENOMEM;
}

static struct yt_str keep(struct yt_arena *arena, struct yt_str s)
{
	return s.n > 0 ? yt_arena_copy(arena, s) : (struct yt_str){ "", 0 };
}

int jh_query_for(struct yt_plugin *self, const struct yt_msg *original, struct yt_msg *query)
{
	struct jh_head sent;
	struct yt_str number;
	struct yt_node *data;
	int rv;

	(void)self;
	if (original->op->id != YT_OP_CLAIM_SUBMIT)
		return YT_ENOTFOUND;
	rv = jh_sent(query->arena, original, &sent, &number, NULL);
	if (rv != 0 || number.n == 0)
		return rv == YT_ENOMEM ? rv : YT_ENOTFOUND;
	query->op = yt_op(YT_OP_CLAIM_QUERY);
	query->wire_op = YT_STR("JH2002");
	query->institution = keep(query->arena, original->institution);
	query->person = keep(query->arena, original->person);
	query->visit = keep(query->arena, original->visit);
	query->settlement = keep(query->arena, original->settlement);
	query->body = yt_node_new(query->arena, YT_OBJECT);
	data = yt_node_add(query->arena, query->body, YT_STR("data"), YT_OBJECT);
	number = keep(query->arena, number);
	if (number.p == NULL || query->institution.p == NULL || query->person.p == NULL || query->visit.p == NULL ||
	        query->settlement.p == NULL || yt_node_add_text(query->arena, data, "request_no", number) == NULL)
		return YT_ENOMEM;
	return 0;
}

enum yt_judgement jh_judge(
        struct yt_plugin *self, const struct yt_msg *original, const struct yt_reply *answer, struct yt_reply *adopted)
{
	const struct yt_node *data = yt_node_get(answer->body, "data");
	struct jh_head sent;
	struct yt_str number;

	(void)self;
	if (answer->outcome == YT_REFUSED && yt_str_is(answer->code, "2008"))
		return YT_ABSENT;
	if (answer->outcome != YT_DONE || jh_sent(adopted->arena, original, &sent, &number, NULL) != 0 ||
	        number.n == 0 || !yt_str_eq(yt_node_text(data, "request_no"), number))
		return YT_UNSURE;
	adopted->outcome = YT_DONE;
	adopted->code = YT_STR("0000");
	adopted->text = answer->text;
	adopted->number = yt_node_text(data, "claim_no");
	adopted->body = answer->body;
	return YT_FOUND;
}
