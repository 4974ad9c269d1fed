/* plugins/banklink/resolve.c - finding out what became of a payment, a recall or a batch whose answer was lost (bank.md
 * part 2, 5.3, 5.4): BD1002 and BD2002 by the number that never changes. */
#include <string.h>

#include "bdl.h"

static struct yt_str element_of(struct yt_str octets, const char *open)
{
	const char *from = octets.n > 0 ? memmem(octets.p, octets.n, open, strlen(open)) : NULL, *to;

	if (from == NULL)
		return (struct yt_str){ NULL, 0 };
	from += strlen(open);
	to = memchr(from, '<', octets.n - (size_t)(from - octets.p));
	return (struct yt_str){ from, to != NULL ? (size_t)(to - from) : 0 };
}

/* The day that stands in what was sent; its file's for a batch, whose name ends with day and number. */
static struct yt_str sent_day(struct yt_arena *arena, const struct yt_msg *msg, bool is_batch)
{
	struct yt_str day = element_of(msg->sent, is_batch ? "<FileName>" : "<ReqDate>");

	if (is_batch)
		day = day.n > 19 ? (struct yt_str){ day.p + day.n - 19, 8 } : (struct yt_str){ NULL, 0 };
	return bank_day_in(arena, day);
}

static int fill_payment(const struct yt_msg *original, struct yt_node *data, struct yt_msg *query)
{
	const struct yt_node *asked = yt_node_get(original->body, "data"),
	                     *rows = yt_node_get(original->body, "payout");
	bool is_recall = original->op->id == YT_OP_PAY_RECALL;
	struct yt_str no = yt_node_text(asked, is_recall ? "orig_pay_no" : "pay_no"), day;

	if (no.n == 0 && rows != NULL)
		no = yt_node_text(rows->child, "pay_no");
	if (no.n == 0)
		return YT_ENOTFOUND;
	/* Of a recall the payment's own day, which is not that of the recall's request. */
	day = is_recall ? yt_node_text(asked, "orig_date") : sent_day(query->arena, original, false);
	query->op = yt_op(YT_OP_PAY_QUERY);
	query->wire_op = YT_STR("BD1002");
	if (bdl_put(query->arena, data, "orig_pay_no", yt_arena_copy(query->arena, no)) != 0)
		return YT_ENOMEM;
	return bdl_put(query->arena, data, "orig_date", day);
}

static int fill_batch(const struct yt_msg *original, struct yt_node *data, struct yt_msg *query)
{
	const struct yt_node *asked = yt_node_get(original->body, "data");
	struct yt_str no = yt_node_text(asked, "batch_no"), day = sent_day(query->arena, original, true);

	if (day.n == 0)
		day = yt_node_text(asked, "batch_date");
	if (no.n == 0 || day.n == 0)
		return YT_ENOTFOUND;
	query->op = yt_op(YT_OP_PAY_BATCH_QUERY);
	query->wire_op = YT_STR("BD2002");
	if (bdl_put(query->arena, data, "batch_no", yt_arena_copy(query->arena, no)) != 0)
		return YT_ENOMEM;
	return bdl_put(query->arena, data, "batch_date", day);
}

int bdl_query_for(struct yt_plugin *self, const struct yt_msg *original, struct yt_msg *query)
{
	struct yt_node *data;

	(void)self;
	query->institution = original->institution;
	query->body = yt_node_new(query->arena, YT_OBJECT);
	data = query->body != NULL ? yt_node_add(query->arena, query->body, YT_STR("data"), YT_OBJECT) : NULL;
	if (data == NULL)
		return YT_ENOMEM;
	switch (original->op->id) {
	case YT_OP_PAY_ORDER:
	case YT_OP_PAY_RECALL:
		return fill_payment(original, data, query);
	case YT_OP_PAY_BATCH:
		return fill_batch(original, data, query);
	default:
		return YT_ENOTFOUND;
	}
}

static enum yt_judgement adopt(const struct yt_reply *answer, enum yt_outcome outcome, struct yt_reply *adopted)
{
	adopted->outcome = outcome;
	adopted->body = answer->body;
	adopted->code = answer->code;
	adopted->text = answer->text;
	adopted->number = answer->number;
	return YT_FOUND;
}

/* A recall took effect when the payment is cancelled, did not when it is paid; while it waits, nobody has heard of it.
 */
static enum yt_judgement judge_recall(enum yt_pay_state state, const struct yt_reply *answer, struct yt_reply *adopted)
{
	switch (state) {
	case YT_PAY_CANCELLED:
		return adopt(answer, YT_DONE, adopted);
	case YT_PAY_PAID:
	case YT_PAY_RETURNED:
	case YT_PAY_FAILED:
		return adopt(answer, YT_REFUSED, adopted);
	case YT_PAY_ACCEPTED:
		return YT_ABSENT;
	default: /* waits for approval, or the bank is at work: it may still be cancelled */
		return YT_UNSURE;
	}
}

enum yt_judgement bdl_judge(
        struct yt_plugin *self, const struct yt_msg *original, const struct yt_reply *answer, struct yt_reply *adopted)
{
	enum yt_pay_state state = yt_pay_state_of(yt_node_text(yt_node_get(answer->body, "data"), "pay_state"));

	(void)self;
	if (answer->never_happened)
		return original->op->id == YT_OP_PAY_RECALL ? YT_UNSURE : YT_ABSENT;
	if (answer->outcome != YT_DONE || state == YT_PAY_STATES || state == YT_PAY_UNKNOWN)
		return YT_UNSURE;
	if (original->op->id == YT_OP_PAY_RECALL)
		return judge_recall(state, answer, adopted);
	return adopt(answer, yt_pay_outcome(state), adopted);
}
