/* core/engine/notice.c - what a party tells us unasked: an insurer's decision, a bank's word about a payment.
 *
 * A notice comes in by a listener like any request and stays here (asking.c, flow_here): it is admitted by its own
 * number, so a repeat hears the first answer, and leased at once. flow.c flow_decide() -> notice_end()   the record of
 * what it speaks of goes with its answer; the keeper brings it to the follow-up (journal/keeper_notice.c) What was told
 * decides nothing: the follow-up asks, and the answer to that does. */
#include "engine/flow_parts.h"

bool notice_is(enum yt_operation op)
{
	return op == YT_OP_CLAIM_RESULT;
}

/* One that is spoken of: number is the settlement of a claim. */
static void write_about(struct engine *e, struct task *t, struct yt_str number, uint32_t seq, struct yt_str state)
{
	size_t at = rec_begin(&t->receipt, REC_NOTICE, 0, t->id, engine_wall(e));
	struct yt_str about = yt_arena_printf(t->arena, "+/%.*s", YT_FMT(number));

	rec_str(&t->receipt, REC_T_NUMBER, t->original->number);
	rec_str(&t->receipt, REC_T_ABOUT, about);
	if (seq != 0)
		rec_u32(&t->receipt, REC_T_SERIAL, seq);
	rec_str(&t->receipt, REC_T_RESULT, state);
	rec_end(&t->receipt, at);
}

static uint32_t count_of(struct yt_str text)
{
	uint64_t n = 0;

	for (size_t i = 0; i < text.n && n <= UINT32_MAX; i++)
		n = text.p[i] >= '0' && text.p[i] <= '9' ? n * 10 + (uint64_t)(text.p[i] - '0') : UINT64_MAX;
	return n <= UINT32_MAX ? (uint32_t)n : 0;
}

/* Its state; money that came back is none of its own there (insurer.md 6.5). */
static void write_claim(struct engine *e, struct task *t)
{
	const struct yt_node *data = yt_node_get(t->original->body, "data");
	bool is_returned = yt_str_is(yt_node_text(data, "pay_state"), "RETURNED");

	write_about(e, t, t->original->settlement, count_of(yt_node_text(data, "event_seq")),
	        is_returned ? YT_STR("RETURNED") : yt_node_text(data, "claim_state"));
}

void notice_end(struct engine *e, struct task *t)
{
	struct yt_reply *reply = yt_reply_new(t->arena);

	YT_REQUIRE(reply != NULL);
	reply->code = YT_STR("0");
	write_claim(e, t);
	task_resolve_done(e, t, reply, "kept here");
}
