/* core/engine/pay_batch.c - a list of payouts that an agency orders: looked at as a whole, released as a whole.
 *
 *   asking.c route()  -> pay_batch_is_too_long(), pay_batch_order()
 *                                              every payout can be ordered, or the first that cannot is named
 *   flow.c end_here() -> pay_batch_settlement  it is kept here; one follow-up stands for all of it
 *   flow_pay.c        -> pay_batch_hand_out()  that waits until two people have released the list; then each payout
 *                                              is a follow-up of its own, written with the end of the list's
 *   pay_asked.c       -> pay_batch_key()       the end of each of them is a piece of facts of the list ...
 *   pay_asked.c       -> pay_batch_answer()    ... which pay.batch.query tells
 *   flow.c end_here() -> pay_batch_follow_end()  and so does a follow-up of the list, where its route says how
 * (`result`): it waits until each payout has ended (pay_batch_is_over) and leaves once (pay_batch_result) Nothing of it
 * leaves before, and no payout twice: each goes by its number, like one that was ordered alone. */
#include <stdio.h>
#include <string.h>

#include "base/words.h"
#include "engine/flow_parts.h"
#include "yitong/json.h"
#include "yitong/payout.h"

static const struct yt_node *rows_of(const struct yt_msg *list)
{
	const struct yt_node *rows = yt_node_get(list->body, "payout");

	return rows != NULL && rows->kind == YT_ARRAY ? rows->child : NULL;
}

static bool is_of_list(struct yt_str name)
{
	return yt_str_is(name, "pay_cnt") || yt_str_is(name, "pay_sumamt");
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

void pay_batch_blame(struct yt_fault *fault, unsigned row)
{
	char path[128]; /* leaves room for the row before it */

	snprintf(path, sizeof(path), "%s", strncmp(fault->path, "data", 4) == 0 ? fault->path + 4 : "");
	snprintf(fault->path, sizeof(fault->path), "payout[%u]%s", row, path);
}

bool pay_batch_is_too_long(const struct engine *e, const struct yt_msg *list, struct yt_fault *fault)
{
	const struct yt_node *rows = yt_node_get(list->body, "payout");

	if (e->conf.list_rows == 0 || rows == NULL || rows->n <= e->conf.list_rows)
		return false;
	snprintf(fault->path, sizeof(fault->path), "payout");
	snprintf(fault->why, sizeof(fault->why),
	        "has %u payouts, and one list may have %u (limits.list_rows): hand in several lists", (unsigned)rows->n,
	        (unsigned)e->conf.list_rows);
	return true;
}

const struct yt_node *pay_batch_first(const struct yt_msg *list)
{
	return rows_of(list);
}

struct yt_msg *pay_batch_order(struct engine *e, const struct work *w, struct yt_arena *arena,
        const struct yt_node *row, const struct engine_party **bank, struct yt_fault *fault)
{
	struct work one = *w;

	one.arena = arena;
	one.msg = alone(arena, w->msg, row);
	if (one.msg != NULL)
		return pay_order_try(e, &one, bank, fault);
	snprintf(fault->why, sizeof(fault->why), "is too much");
	return NULL;
}

struct yt_str pay_batch_settlement(const struct yt_msg *list)
{
	return yt_arena_printf(
	        list->arena, "list/%.*s", YT_FMT(yt_node_text(yt_node_get(list->body, "data"), "batch_no")));
}

static void wait_for_people(struct engine *e, struct task *t)
{
	char reason[120];

	snprintf(reason, sizeof(reason), PAY_WAITS_FOR_RELEASE "%.*s" PAY_RELEASE_WHY "%s",
	        YT_FMT(yt_node_text(yt_node_get(t->original->body, "data"), "pay_sumamt")),
	        N_("a list of payouts, as a whole"));
	task_try_later(e, t, reason);
}

/* The follow-up of one payout, as if it had been ordered alone; it knows that its list was released.  False: it cannot
 * be written. */
static bool hand_out(struct engine *e, struct task *t, struct yt_arena *arena, const struct yt_node *row)
{
	struct yt_msg *msg = alone(arena, t->original, row);
	struct yt_reply done = { .arena = arena, .outcome = YT_DONE };
	struct yt_buf octets = { 0 };
	uint64_t id = 0;
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
		id = written_follow_up(&t->receipt, e,
		        &(struct follow_cause){ .id = t->id,
		                .then = t->x.flow,
		                .codec = &t->codec,
		                .listener = t->x.listener,
		                .trace = t->x.trace,
		                .request = yt_buf_view(&octets),
		                .is_listed = true },
		        msg, &done);
	yt_buf_free(&octets);
	return id != 0;
}

void pay_batch_hand_out(struct engine *e, struct task *t)
{
	struct yt_reply *reply = yt_reply_new(t->arena);
	struct yt_arena *arena;
	bool is_written = true;

	if (!t->x.released) {
		wait_for_people(e, t);
		return;
	}
	YT_REQUIRE(reply != NULL);
	for (const struct yt_node *row = rows_of(t->original); is_written && row != NULL; row = row->next) {
		arena = engine_arena(e);
		is_written = hand_out(e, t, arena, row);
		engine_arena_back(e, arena);
	}
	if (!is_written) {
		yt_buf_clear(&t->receipt);
		task_park(e, t, "a payout of the list cannot be written");
		return;
	}
	reply->code = YT_STR("0");
	task_resolve_done(e, t, reply, "its payouts follow, each for itself");
}

/* -- what became of it ------------------------------------------------------------------------------ */

/* The list itself and the end of each of its payouts are pieces under this key. */
static bool key_of(struct yt_str institution, struct yt_str batch_no, char key[FACTS_KEY_MAX])
{
	return batch_no.n > 0 &&
	       snprintf(key, FACTS_KEY_MAX, "l/%.*s/%.*s", YT_FMT(institution), YT_FMT(batch_no)) < FACTS_KEY_MAX;
}

void pay_batch_key(const struct task *t, char key[FACTS_KEY_MAX])
{
	struct yt_str batch = { NULL, 0 };

	if (t->original->op->id == YT_OP_PAY_BATCH)
		batch = yt_node_text(yt_node_get(t->original->body, "data"), "batch_no");
	else if (t->original->op->id == YT_OP_PAY_ORDER)
		batch = pay_member(t->original, "batch_no");
	if (!key_of(t->original->institution, batch, key))
		key[0] = '\0';
}

void pay_batch_keep(struct engine *e, struct task *t)
{
	const struct yt_node *data = yt_node_get(t->original->body, "data");
	struct yt_node *piece = yt_node_new(t->arena, YT_OBJECT), *rows, *row;
	char key[FACTS_KEY_MAX];

	rows = piece == NULL ? NULL : yt_node_add(t->arena, piece, YT_STR("rows"), YT_ARRAY);
	if (rows == NULL || !key_of(t->original->institution, yt_node_text(data, "batch_no"), key))
		return;
	for (const struct yt_node *r = rows_of(t->original); r != NULL; r = r->next) {
		row = yt_node_add(t->arena, rows, (struct yt_str){ 0 }, YT_OBJECT);
		YT_REQUIRE(row != NULL &&
		           yt_node_add_text(t->arena, row, "pay_no", yt_node_text(r, "pay_no")) != NULL &&
		           yt_node_add_text(t->arena, row, "pay_amt", yt_node_text(r, "pay_amt")) != NULL);
	}
	pay_write_piece(e, t, key, NULL, piece);
}

void pay_batch_key_asked(const struct yt_msg *query, char key[FACTS_KEY_MAX])
{
	if (!key_of(query->institution, yt_node_text(yt_node_get(query->body, "data"), "batch_no"), key))
		key[0] = '\0';
}

/* The newest piece about each payout, and what is told of the list as a whole, which takes the place of all before. */
struct end {
	const struct yt_node *piece;
	UT_hash_handle hh; /* by pay_no */
};

struct ends {
	struct end *by_no;
	const struct yt_node *all;
};

/* ends_free() is the caller's. */
static struct ends ends_of(struct yt_arena *arena, const struct facts *facts)
{
	struct ends ends = { NULL, NULL };

	for (const struct yt_node *p = facts->pieces->child; p != NULL; p = p->next) {
		struct yt_str pay_no = yt_node_text(p, "pay_no");
		struct end *end = NULL;

		if (pay_no.n == 0 && yt_node_text(p, "list").n > 0) {
			HASH_CLEAR(hh, ends.by_no);
			ends.all = p;
		}
		if (pay_no.n == 0)
			continue;
		HASH_FIND(hh, ends.by_no, pay_no.p, pay_no.n, end);
		if (end == NULL) {
			end = yt_arena_alloc(arena, sizeof(*end));
			YT_REQUIRE(end != NULL);
			HASH_ADD_KEYPTR(hh, ends.by_no, pay_no.p, pay_no.n, end);
		}
		end->piece = p;
	}
	return ends;
}

static void ends_free(struct ends *ends)
{
	HASH_CLEAR(hh, ends->by_no);
}

/* NULL: it has not ended. */
static const struct yt_node *end_of(const struct ends *ends, const struct yt_node *row)
{
	struct yt_str pay_no = yt_node_text(row, "pay_no");
	const struct end *end = NULL;

	HASH_FIND(hh, ends->by_no, pay_no.p, pay_no.n, end);
	return end != NULL ? end->piece : ends->all;
}

static void tell_payout(
        struct yt_arena *arena, struct yt_node *to, const struct yt_node *row, const struct yt_node *end)
{
	struct yt_node *told = yt_node_add(arena, to, (struct yt_str){ 0 }, YT_OBJECT);

	YT_REQUIRE(told != NULL);
	for (const struct yt_node *c = row->child; c != NULL; c = c->next)
		YT_REQUIRE(
		        yt_node_set_text(arena, told, yt_arena_printf(arena, "%.*s", YT_FMT(c->name)).p, c->text) == 0);
	for (const struct yt_node *c = end == NULL ? NULL : end->child; c != NULL; c = c->next)
		YT_REQUIRE(yt_node_set_text(arena, told,
		                   yt_str_is(c->name, "list") ? "pay_state"
		                                              : yt_arena_printf(arena, "%.*s", YT_FMT(c->name)).p,
		                   c->text) == 0);
	if (end == NULL)
		YT_REQUIRE(yt_node_set_text(arena, told, "pay_state", YT_STR("OPEN")) == 0);
}

static void tell_payouts(
        struct yt_arena *arena, struct yt_node *to, const struct facts *facts, const struct yt_node *rows)
{
	struct ends ends = ends_of(arena, facts);

	for (const struct yt_node *r = rows->child; r != NULL; r = r->next)
		tell_payout(arena, to, r, end_of(&ends, r));
	ends_free(&ends);
}

/* The rows of the list, as it was taken; NULL: it was not. */
static const struct yt_node *rows_kept(const struct facts *facts)
{
	const struct yt_node *rows = NULL;

	for (const struct yt_node *p = facts->pieces->child; rows == NULL && p != NULL; p = p->next)
		rows = yt_node_get(p, "rows");
	return rows;
}

struct yt_node *pay_batch_answer(struct yt_arena *arena, const struct facts *facts)
{
	const struct yt_node *rows = rows_kept(facts);
	struct yt_node *body, *told;

	if (rows == NULL)
		return NULL;
	body = yt_node_new(arena, YT_OBJECT);
	told = yt_node_add(arena, body, YT_STR("payout"), YT_ARRAY);
	YT_REQUIRE(told != NULL);
	tell_payouts(arena, told, facts, rows);
	return body;
}

/* -- its end is told ---------------------------------------------------------------------------------- */

void pay_batch_follow_end(struct engine *e, struct task *t)
{
	struct yt_reply done = { .arena = t->arena, .outcome = YT_DONE };
	const struct work *w;

	HASH_FIND(hh_id, e->by_id, &t->id, sizeof(t->id), w); /* who handed it in waits: else it is not taken */
	if (w == NULL || w->tells == NULL)
		return;
	done.settlement = yt_arena_printf(
	        t->arena, "result/%.*s", YT_FMT(yt_node_text(yt_node_get(t->original->body, "data"), "batch_no")));
	(void)written_follow_up(&t->receipt, e,
	        &(struct follow_cause){ .id = t->id,
	                .then = w->tells->name,
	                .codec = &t->codec,
	                .listener = t->x.listener,
	                .trace = t->x.trace,
	                .request = t->request },
	        t->original, &done);
}

bool pay_batch_is_over(struct engine *e, struct task *t)
{
	const struct yt_node *rows = rows_kept(&t->run->facts);
	struct ends ends = ends_of(t->arena, &t->run->facts);
	unsigned n = 0, n_open = 0;
	char reason[96];

	for (const struct yt_node *r = rows == NULL ? NULL : rows->child; r != NULL; r = r->next, n++)
		n_open += end_of(&ends, r) == NULL;
	ends_free(&ends);
	if (n > 0 && n_open == 0)
		return true;
	snprintf(reason, sizeof(reason), EXCHANGE_WAITS "%u of %u payouts of the list have not ended", n_open, n);
	task_try_later(e, t, reason);
	return false;
}

struct yt_msg *pay_batch_result(struct engine *e, struct task *t)
{
	const struct yt_node *rows = rows_kept(&t->run->facts), *asked = yt_node_get(t->original->body, "data");
	static const char *const names[] = { "batch_no", "pay_cnt", "pay_sumamt" };
	struct yt_msg *msg = yt_msg_new(t->arena);
	struct yt_node *data, *told;

	if (msg == NULL || rows == NULL)
		return NULL;
	msg->op = yt_op(YT_OP_PAY_BATCH_RESULT);
	msg->wire_op = undo_wire_op(&t->party->codec, msg->op->id);
	msg->institution = t->original->institution;
	msg->number = yt_arena_printf(t->arena, "RES-%.*s", YT_FMT(yt_node_text(asked, "batch_no")));
	msg->body = yt_node_new(t->arena, YT_OBJECT);
	data = yt_node_add(t->arena, msg->body, YT_STR("data"), YT_OBJECT);
	told = yt_node_add(t->arena, msg->body, YT_STR("payout"), YT_ARRAY);
	YT_REQUIRE(data != NULL && told != NULL);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		YT_REQUIRE(yt_node_add_text(t->arena, data, names[i], yt_node_text(asked, names[i])) != NULL);
	tell_payouts(t->arena, told, &t->run->facts, rows);
	(void)e;
	return msg;
}
