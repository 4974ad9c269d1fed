/* core/engine/pay_limits.c - what an account of ours may pay in a day, and what one payee's account may get.
 *
 * flow_pay.c asks before an order leaves for the first time.  Only the keeper knows what left today, from whatever
 * worker and over restarts (journal/keeper_room.c): the lease goes back with the question, and the next one knows the
 * answer (x.room_day).  What has no room waits: for the next day, or for another configuration. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/flow_parts.h"

static uint32_t today(const struct engine *e)
{
	char time[15];

	yt_time_compact(engine_wall(e), time);
	time[8] = '\0';
	return (uint32_t)strtoul(time, NULL, 10);
}

static void put_limit(struct task *t, struct yt_str key, int64_t most_fen)
{
	YT_REQUIRE(key.p != NULL);
	rec_str(&t->receipt, REC_T_LIMIT_KEY, key);
	rec_i64(&t->receipt, REC_T_LIMIT, most_fen);
}

/* Whose account it is, is nobody's to read. */
static struct yt_str key_of_account(struct engine *e, struct task *t, struct yt_str account)
{
	uint8_t hash[16];
	char hex[33];

	e->world.person(e->world.ctx, account, hash);
	for (size_t i = 0; i < sizeof(hash); i++)
		snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	return yt_arena_printf(t->arena, "to/%s", hex);
}

bool pay_has_room(struct engine *e, struct task *t, const struct pay_order *order)
{
	const struct engine_payer *p = order->payer;
	size_t at;

	if ((p->day_limit_fen == 0 && p->account_day_limit_fen == 0) || t->x.room_day == today(e))
		return true;
	at = rec_begin(&t->receipt, REC_ROOM, 0, t->id, engine_wall(e));
	rec_i64(&t->receipt, REC_T_AMOUNT, order->amount_fen);
	if (p->day_limit_fen > 0)
		put_limit(t, yt_arena_printf(t->arena, "of/%s", p->payer), p->day_limit_fen);
	if (p->account_day_limit_fen > 0)
		put_limit(t, key_of_account(e, t, order->payee), p->account_day_limit_fen);
	rec_end(&t->receipt, at);
	task_still_waits(e, t, TALK_WAITS_FOR_ROOM);
	return false;
}
