/* core/engine/pay_batch.c - a list of payouts that an agency orders: looked at as a whole, released as a whole.
 *
 *   asking.c route()  -> pay_batch_try()       every payout can be ordered, or the first that cannot is named
 *   flow.c end_here() -> pay_batch_settlement  it is kept here; one follow-up stands for all of it
 *   flow_pay.c        -> pay_batch_hand_out()  that waits until two people have released the list; then each payout
 *                                              is a follow-up of its own, written with the end of the list's
 * Nothing of it leaves before, and no payout twice: each goes by its number, like one that was ordered alone. */
#include <stdio.h>
#include <string.h>

#include "base/words.h"
#include "engine/flow_parts.h"
#include "yitong/payout.h"

static const struct yt_node *rows_of(const struct yt_msg *list)
{
	const struct yt_node *rows = yt_node_get(list->body, "payout");

	return rows != NULL && rows->kind == YT_ARRAY ? rows->child : NULL;
}

static bool is_of_list(struct yt_str name)
{
	return yt_str_is(name, "batch_no") || yt_str_is(name, "pay_cnt") || yt_str_is(name, "pay_sumamt");
}

static bool put_members(struct yt_arena *arena, struct yt_node *to, const struct yt_node *from)
{
	char name[40];

	for (const struct yt_node *c = from == NULL ? NULL : from->child; c != NULL; c = c->next) {
		if (c->text.n == 0 || is_of_list(c->name))
			continue;
		snprintf(name, sizeof(name), "%.*s", YT_FMT(c->name));
		if (yt_node_set_text(arena, to, yt_arena_copy(arena, yt_str(name)).p, c->text) != 0)
			return false;
	}
	return true;
}

/* A payout of the list as its agency would have ordered it alone; NULL: out of memory. */
static struct yt_msg *alone(struct yt_arena *arena, const struct yt_msg *list, const struct yt_node *row)
{
	struct yt_msg *msg = yt_msg_new(arena);
	struct yt_node *data;

	if (msg == NULL)
		return NULL;
	msg->op = yt_op(YT_OP_PAY_ORDER);
	msg->institution = list->institution;
	msg->number = yt_node_text(row, "pay_no");
	msg->body = yt_node_new(arena, YT_OBJECT);
	data = yt_node_add(arena, msg->body, YT_STR("data"), YT_OBJECT);
	if (data == NULL || !put_members(arena, data, yt_node_get(list->body, "data")) ||
	        !put_members(arena, data, row) || yt_node_fen(data, "pay_amt", &msg->amount_fen) != 0)
		return NULL;
	return msg;
}

int pay_batch_try(struct engine *e, const struct work *w, struct yt_fault *fault)
{
	const struct engine_party *bank;
	struct work one = *w;
	char path[sizeof(fault->path)];
	unsigned i = 0;

	for (const struct yt_node *row = rows_of(w->msg); row != NULL; row = row->next, i++) {
		one.msg = alone(w->arena, w->msg, row);
		if (one.msg != NULL && pay_order_try(e, &one, &bank, fault) != NULL)
			continue;
		if (one.msg == NULL)
			snprintf(fault->why, sizeof(fault->why), "is too much");
		snprintf(path, sizeof(path), "%.120s", strncmp(fault->path, "data", 4) == 0 ? fault->path + 4 : "");
		snprintf(fault->path, sizeof(fault->path), "payout[%u]%s", i, path);
		return YT_EFORMAT;
	}
	return 0;
}

struct yt_str pay_batch_settlement(const struct yt_msg *list)
{
	return yt_arena_printf(
	        list->arena, "list/%.*s", YT_FMT(yt_node_text(yt_node_get(list->body, "data"), "batch_no")));
}

static void wait_for_people(struct engine *e, struct task *t)
{
	char reason[120];

	snprintf(reason, sizeof(reason), "waits: release of %.*s yuan: %s",
	        YT_FMT(yt_node_text(yt_node_get(t->original->body, "data"), "pay_sumamt")),
	        N_("a list of payouts, as a whole"));
	task_try_later(e, t, reason);
}

/* The follow-up of one payout, as if it had been ordered alone; it knows that its list was released. */
static bool hand_out(struct engine *e, struct task *t, const struct yt_node *row)
{
	struct yt_msg *msg = alone(t->arena, t->original, row);
	struct yt_reply done = { .arena = t->arena, .outcome = YT_DONE };
	struct yt_buf octets = { 0 };
	struct call c;

	if (msg == NULL)
		return false;
	msg->wire_op = undo_wire_op(&t->codec, YT_OP_PAY_ORDER);
	c = call_encode_request(&t->codec, msg, t->id, t->request, &octets);
	c.t = t;
	call_here(e, &c);
	done.settlement = msg->number;
	done.amount_fen = msg->amount_fen;
	if (c.rv == 0)
		written_follow_up(&t->receipt, e,
		        &(struct follow_cause){ .id = t->id,
		                .then = t->x.flow,
		                .codec = &t->codec,
		                .listener = t->x.listener,
		                .trace = t->x.trace,
		                .request = yt_buf_view(&octets),
		                .is_listed = true },
		        msg, &done);
	yt_buf_free(&octets);
	return c.rv == 0;
}

void pay_batch_hand_out(struct engine *e, struct task *t)
{
	struct yt_reply *reply = yt_reply_new(t->arena);

	if (!t->x.released) {
		wait_for_people(e, t);
		return;
	}
	YT_REQUIRE(reply != NULL);
	for (const struct yt_node *row = rows_of(t->original); row != NULL; row = row->next)
		if (!hand_out(e, t, row)) {
			yt_buf_clear(&t->receipt);
			task_park(e, t, "a payout of the list cannot be written");
			return;
		}
	reply->code = YT_STR("0");
	task_resolve_done(e, t, reply, "its payouts follow, each for itself");
}
