/* core/engine/continuity.c - a statement goes on where the one before of its account ended.
 *
 *   flow_read.c flow_ask_facts()   asks for what earlier statements of its accounts said: continuity_keys()
 *   notice.c, with its last lines  compares, and leaves what this one says: continuity_check(), continuity_keep()
 * A gap in the bank's count is a statement that never came; an opening balance that is not the closing one of the day
 * before is money that moved and was told by none (bank.md 3.5).  Either is an alarm, for people: in the log, and in
 * `yitong statement`.  So is one that does not add up.
 * Its lines count all the same: what was booked was booked. */
#include <stdio.h>
#include <string.h>

#include "engine/flow_parts.h"

#define OP "statement.account" /* of the pieces of case facts, which have it under this key: */
#define KEY "s/"               /* and the keyed hash of the account */

struct state {                            /* what a statement says of its account */
	struct yt_str begin, end, number; /* its days, where it names them */
	int64_t open_fen, close_fen;
	uint64_t seq; /* the bank's count of them; 0: none */
	bool has_open, has_close;
};

/* One that stands for a day as a whole: no page of several, no copy, nothing that may still change. */
static bool is_whole(const struct yt_msg *notice, const struct yt_node *row)
{
	const struct yt_node *data = yt_node_get(notice->body, "data");
	struct yt_str pages = yt_node_text(row, "page_cnt");

	return notice->op->id == YT_OP_STATEMENT_NOTICE && yt_node_text(row, "acct").n > 0 &&
	       !yt_str_is(yt_node_text(data, "is_final"), "0") && !yt_str_is(yt_node_text(data, "is_whole"), "0") &&
	       (pages.n == 0 || yt_str_is(pages, "1")) && yt_node_text(row, "copy").n == 0;
}

/* The next of its statements that do, after row; NULL to begin with and at the end. */
static const struct yt_node *next_whole(const struct yt_msg *notice, const struct yt_node *row)
{
	const struct yt_node *all = yt_node_get(notice->body, "statement");

	if (row == NULL)
		row = all == NULL || all->kind != YT_ARRAY ? NULL : all->child;
	else
		row = row->next;
	while (row != NULL && !is_whole(notice, row))
		row = row->next;
	return row;
}

static void key_of(struct engine *e, const struct task *t, const struct yt_node *row, char key[FACTS_KEY_MAX])
{
	struct yt_str text = yt_arena_printf(
	        t->arena, "statement|%.*s|%.*s", YT_FMT(yt_node_text(row, "acct")), YT_FMT(yt_node_text(row, "ccy")));
	uint8_t hash[16];
	size_t n = sizeof(KEY) - 1;

	YT_REQUIRE(text.p != NULL);
	e->world.person(e->world.ctx, text, hash);
	memcpy(key, KEY, sizeof(KEY));
	for (size_t i = 0; i < sizeof(hash); i++)
		n += (size_t)snprintf(key + n, 3, "%02x", hash[i]);
}

unsigned continuity_keys(struct engine *e, const struct task *t, char keys[CONTINUITY_MAX][FACTS_KEY_MAX])
{
	unsigned n = 0;

	for (const struct yt_node *row = NULL; n < CONTINUITY_MAX && (row = next_whole(t->original, row)) != NULL;)
		key_of(e, t, row, keys[n++]);
	return n;
}

static uint64_t count_of(struct yt_str text)
{
	uint64_t n = 0;

	for (size_t i = 0; i < text.n && i < 18; i++)
		n = text.p[i] >= '0' && text.p[i] <= '9' ? n * 10 + (uint64_t)(text.p[i] - '0') : 0;
	return n;
}

static struct yt_str day_of(struct yt_str time)
{
	return (struct yt_str){ time.p, time.n < 10 ? 0 : 10 };
}

/* Of a statement as of what was kept of one. */
static struct state read_state(const struct yt_node *row, struct yt_str number)
{
	struct state s = { .begin = day_of(yt_node_text(row, "begin_date")),
		.end = day_of(yt_node_text(row, "end_date")),
		.number = number,
		.seq = count_of(yt_node_text(row, "sequence_no")) };

	s.has_open = yt_node_text(row, "open_bal").n > 0 && yt_node_fen(row, "open_bal", &s.open_fen) == 0;
	s.has_close = yt_node_text(row, "close_bal").n > 0 && yt_node_fen(row, "close_bal", &s.close_fen) == 0;
	return s;
}

static int compare(struct yt_str a, struct yt_str b)
{
	return memcmp(a.p, b.p, 10);
}

/* By the bank's count, else by days; both have to be there. */
static bool is_before(const struct state *a, const struct state *b)
{
	if (a->seq != 0 && b->seq != 0)
		return a->seq < b->seq;
	return a->end.n > 0 && b->begin.n > 0 && compare(a->end, b->begin) < 0;
}

static bool is_later(const struct state *a, const struct state *b)
{
	if (a->seq != 0 && b->seq != 0)
		return a->seq > b->seq;
	return a->end.n > 0 && (b->end.n == 0 || compare(a->end, b->end) >= 0);
}

/* The one before; false: none was told yet. */
static bool find_before(const struct task *t, const char *key, const struct state *now, struct state *before)
{
	bool is_found = false;

	for (const struct yt_node *p = t->run->facts.pieces->child; p != NULL; p = p->next) {
		struct state s = read_state(p, yt_node_text(p, "number"));

		if (!yt_str_is(yt_node_text(p, "op"), OP) || !yt_str_is(yt_node_text(p, "account"), key) ||
		        !is_before(&s, now) || (is_found && !is_later(&s, before)))
			continue;
		*before = s;
		is_found = true;
	}
	return is_found;
}

static unsigned check_one(const struct task *t, const struct state *now, const struct state *before)
{
	char open[24], close[24];

	if (now->seq != 0 && before->seq != 0 && now->seq != before->seq + 1) {
		yt_log(YT_ERROR, "engine",
		        "exchange %016llx: statement %.*s is number %llu of its account, and the one before that came is %llu: "
		        "ask the bank for those between",
		        (unsigned long long)t->id, YT_FMT(now->number), (unsigned long long)now->seq,
		        (unsigned long long)before->seq);
		return REC_X_GAP;
	}
	if (!now->has_open || !before->has_close || now->open_fen == before->close_fen)
		return 0;
	yt_fen_print(now->open_fen, open);
	yt_fen_print(before->close_fen, close);
	yt_log(YT_ERROR, "engine",
	        "exchange %016llx: statement %.*s opens with %s yuan, and the one before, %.*s, closes with %s: ask the bank",
	        (unsigned long long)t->id, YT_FMT(now->number), open, YT_FMT(before->number), close);
	return REC_X_BALANCE;
}

/* From its opening balance by its entries to its closing one, and each entry by its details. */
static unsigned check_sums(const struct task *t)
{
	char why[200] = "";

	if (yt_money_check(t->original->op->request_money, t->original->body, why, sizeof(why)) == 0)
		return 0;
	yt_log(YT_ERROR, "engine", "exchange %016llx: statement %.*s does not add up: %s: ask the bank",
	        (unsigned long long)t->id, YT_FMT(t->original->number), why);
	return REC_X_UNEVEN;
}

unsigned continuity_check(struct engine *e, const struct task *t)
{
	char key[FACTS_KEY_MAX];
	struct state now, before = { 0 };
	unsigned flags = check_sums(t), n = 0;

	for (const struct yt_node *row = NULL; n < CONTINUITY_MAX && (row = next_whole(t->original, row)) != NULL;
	        n++) {
		key_of(e, t, row, key);
		now = read_state(row, t->original->number);
		if (find_before(t, key, &now, &before))
			flags |= check_one(t, &now, &before);
	}
	return flags;
}

unsigned continuity_keep(
        struct engine *e, const struct task *t, struct yt_node *pieces, struct yt_str keys[CONTINUITY_MAX])
{
	static const char *const names[] = { "begin_date", "end_date", "open_bal", "close_bal", "sequence_no" };
	char key[FACTS_KEY_MAX];
	struct yt_node *piece;
	unsigned n = 0;

	for (const struct yt_node *row = NULL; n < CONTINUITY_MAX && (row = next_whole(t->original, row)) != NULL;) {
		key_of(e, t, row, key);
		keys[n] = yt_arena_copy(t->arena, yt_str(key));
		piece = yt_node_add(t->arena, pieces, (struct yt_str){ 0 }, YT_OBJECT);
		YT_REQUIRE(yt_node_add_text(t->arena, piece, "op", YT_STR(OP)) != NULL &&
		           yt_node_add_text(t->arena, piece, "account", keys[n++]) != NULL &&
		           yt_node_add_text(t->arena, piece, "number", t->original->number) != NULL);
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (yt_node_text(row, names[i]).n > 0)
				YT_REQUIRE(yt_node_add_text(t->arena, piece, names[i], yt_node_text(row, names[i])) !=
				           NULL);
	}
	return n;
}
