/* core/engine/pay_announced.c - an order is announced before it leaves, so that others like it are seen.
 *
 *   flow_pay.c flow_pay_may_leave() -> pay_announce()   written down as a piece of facts, and the lease goes back
 *   the next lease                  -> pay_has_...()     what others have announced under the same keys: payee, amount
 *                                                        and type (facts.h), number, the payout that is made anew
 * Who of two comes first sees the other at the latest when he leaves: both wait for people rather than both leave. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/flow_parts.h"
#include "yitong/json.h"
#include "yitong/payout.h"

#define TWIN_MS (24 * INT64_C(3600) * 1000) /* so long the same payee, amount and type need people */
#define ANNOUNCED_MS (3600 * INT64_C(1000)) /* an order leaves at most so long after it was announced */

/* Written down before anybody looks for others like it, or of its number: of two at the same time at least one sees the
 * other. */
void pay_announce(struct engine *e, struct task *t, const struct pay_order *order)
{
	struct exchange announced = t->x;
	char key[FACTS_KEY_MAX], named[2][FACTS_KEY_MAX], anew[FACTS_KEY_MAX];
	struct yt_buf piece = { 0 };
	size_t at;

	memcpy(announced.pay_digest, order->digest, sizeof(order->digest));
	facts_pay_key(announced.pay_digest, key);
	yt_buf_printf(&piece,
	        "{\"op\":\"pay.order\",\"exchange\":\"%016" PRIx64 "\",\"at\":\"%" PRId64
	        "\",\"pay_no\":\"%.*s\",\"orig_pay_no\":\"%.*s\",\"ordered_by\":",
	        t->id, engine_wall(e), YT_FMT(order->no), YT_FMT(pay_anew_for(t)));
	yt_json_write_string(cross_institution(e, t->original->institution), &piece);
	yt_buf_text(&piece, "}");
	YT_REQUIRE(!piece.failed);
	notice_keys(t, named); /* the first: by its number, where that is known yet */
	pay_anew_key(t, anew);
	at = rec_begin(&t->receipt, REC_FACTS, 0, t->id, engine_wall(e));
	rec_str(&t->receipt, REC_T_CASE, yt_str(key));
	rec_str(&t->receipt, REC_T_CASE, yt_str(named[0]));
	rec_str(&t->receipt, REC_T_CASE, yt_str(anew));
	rec_str(&t->receipt, REC_T_FACTS, yt_buf_view(&piece));
	rec_end(&t->receipt, at);
	yt_buf_free(&piece);
	at = rec_begin(&t->receipt, REC_DUE, 0, t->id, engine_wall(e));
	rec_i64(&t->receipt, REC_T_DUE, engine_wall(e) + 1);
	rec_bytes(&t->receipt, REC_T_PAY_DIGEST, order->digest, sizeof(order->digest));
	rec_i64(&t->receipt, REC_T_AMOUNT, order->amount_fen);
	if (!pay_goes_anew(t)) /* what a claim is paid anew for is its own */
		rec_str(&t->receipt, REC_T_ORIG_PAY_NO, pay_anew_for(t));
	rec_str(&t->receipt, REC_T_REASON, YT_STR("a payment is about to leave"));
	rec_end(&t->receipt, at);
	task_give_back(e, t);
}

/* What may be right all the same: the order leaves, and the log says what to look at if it comes back. */
void pay_warn(struct engine *e, const struct task *t, const struct pay_order *order)
{
	if (order->warnings == 0 || !yt_pace(&e->doubtful, engine_mono(e), "engine", "payees that may be mistyped"))
		return;
	if (order->warnings & YT_PAYOUT_WARN_CARD)
		yt_log(YT_WARN, "engine", "exchange %016llx: payout %.*s: its payee's card fails its check digit",
		        (unsigned long long)t->id, YT_FMT(order->no));
	if (order->warnings & YT_PAYOUT_WARN_BANK)
		yt_log(YT_WARN, "engine",
		        "exchange %016llx: payout %.*s: its payee's line number is of a bank not known here",
		        (unsigned long long)t->id, YT_FMT(order->no));
}

static bool is_own(const struct task *t, const struct yt_node *announced)
{
	char own[17];

	snprintf(own, sizeof(own), "%016" PRIx64, t->id);
	return yt_str_is(yt_node_text(announced, "exchange"), own);
}

static bool is_announced(const struct yt_node *piece)
{
	return yt_str_is(yt_node_text(piece, "op"), "pay.order");
}

/* Wall clock. */
static int64_t time_of(const struct yt_node *announced)
{
	char at[24];

	snprintf(at, sizeof(at), "%.*s", YT_FMT(yt_node_text(announced, "at")));
	return strtoll(at, NULL, 10);
}

/* Another order was announced within a day of this time. */
static bool has_twin_at(const struct task *t, int64_t ms)
{
	for (const struct yt_node *p = t->run->facts.pieces->child; p != NULL; p = p->next)
		if (is_announced(p) && !is_own(t, p) && llabs(ms - time_of(p)) < TWIN_MS + ANNOUNCED_MS)
			return true;
	return false;
}

/* Now, or when this one was announced: what was held for people does not leave as nobody looked for a day. */
bool pay_has_twin(const struct engine *e, const struct task *t)
{
	bool has = has_twin_at(t, engine_wall(e));

	for (const struct yt_node *p = t->run->facts.pieces->child; p != NULL && !has; p = p->next)
		has = is_announced(p) && is_own(t, p) && has_twin_at(t, time_of(p));
	return has;
}

/* Another order is made anew for the same payout, whatever its sum, and whenever that was. */
bool pay_has_heir(const struct task *t)
{
	struct yt_str before = pay_anew_for(t);

	for (const struct yt_node *p = t->run->facts.pieces->child; p != NULL && before.n > 0; p = p->next)
		if (is_announced(p) && !is_own(t, p) && yt_str_eq(yt_node_text(p, "orig_pay_no"), before))
			return true;
	return false;
}

/* It waited since: one like it that comes tomorrow would not see that this one left today. */
bool pay_was_announced_long_ago(const struct engine *e, const struct task *t)
{
	const struct yt_node *newest = NULL;

	for (const struct yt_node *p = t->run->facts.pieces->child; p != NULL; p = p->next)
		if (is_announced(p) && is_own(t, p))
			newest = p;
	return newest != NULL && engine_wall(e) - time_of(newest) >= ANNOUNCED_MS;
}

/* Another order had its number before, from an agency that counts alike: its bank would take the second one for the
 * first, and what it says of that for this one's fate. */
bool pay_has_namesake(const struct task *t, const struct pay_order *order)
{
	for (const struct yt_node *p = t->run->facts.pieces->child; p != NULL && order->no.n > 0; p = p->next)
		if (is_announced(p) && yt_str_eq(yt_node_text(p, "pay_no"), order->no))
			return !is_own(t, p);
	return false;
}
