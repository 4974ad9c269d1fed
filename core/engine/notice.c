/* core/engine/notice.c - what a party tells us unasked: an insurer's decision, a bank's word about payments.
 *
 * A notice comes in by a listener like any request and stays here (asking.c, flow_here): it is admitted by its own
 * number, so a repeat hears the first answer, and leased at once:
 *  - notice_end()    from flow_decide(): finds its lines, and those that a lease before this one has told
 *  - notice_go_on()  records of the next ones go to the keeper, which brings them to the follow-ups they speak of
 *                    (journal/keeper_notice.c); when they are durable it is called again, and the last go with the
 *                    answer.  So the day of a whole province takes no more memory, and holds nobody up longer, than a
 *                    few hundred lines do, and what is told is not told again, whatever dies.
 * What was told decides nothing where its party can be asked: the follow-up asks, and the answer to that does.  A
 * bank's words are kept as facts of each payment besides, for banks that cannot be asked (result files). */
#include <stdio.h>
#include <string.h>

#include "engine/flow_parts.h"
#include "yitong/json.h"
#include "yitong/payout.h"

bool notice_is(enum yt_operation op)
{
	return op == YT_OP_CLAIM_RESULT || op == YT_OP_PAY_RESULT || op == YT_OP_PAY_RETURN ||
	       op == YT_OP_STATEMENT_NOTICE;
}

enum { LINES_AT_ONCE = 250, PIECE_BYTES = 1 << 18 }; /* told in one message, and what is kept of them, as it came */

enum item_kind { ITEM_LISTED, ITEM_PAYOUT, ITEM_WHOLE, ITEM_BATCH, ITEM_LINE };

struct item { /* what one line of a notice says */
	enum item_kind kind;
	const struct yt_node *row,
	        *entry; /* entry: that a detail belongs to, or the line itself; NULL: of no statement */
};

struct notice_lines {
	struct item *item;
	uint32_t n, at; /* at: those before it are told, with what is on its way */
};

/* A line of a statement, that is final. */
struct line {
	struct yt_str booked, serial; /* its day; the bank's number */
	int64_t fen;                  /* -1: it says none */
	uint8_t digest[4][16];        /* of each type of payment that it may be */
	unsigned n_digests;           /* 0: it names no account */
	struct yt_str msg;            /* of an entry for a whole message: ours, which orders one payment */
	struct yt_str uetr,
	        paid_as; /* what it names besides its number; the bank's of the debit it is, or takes back */
	bool is_of_part; /* of a day that is not over: more will be told, and this once more */
};

/* One that is spoken of: number is the settlement of a claim, the number of a payout or of a list.  fen: -1, it says
 * none. */
static void write_about(struct engine *e, struct task *t, struct yt_str number, uint32_t seq, struct yt_str state,
        int64_t fen, const struct line *line)
{
	size_t at = rec_begin(&t->receipt, REC_NOTICE, 0, t->id, engine_wall(e));
	struct yt_str about = yt_arena_printf(t->arena, "+/%.*s", YT_FMT(number));

	rec_str(&t->receipt, REC_T_NUMBER, t->original->number);
	if (number.n > 0)
		rec_str(&t->receipt, REC_T_ABOUT, about);
	if (seq != 0)
		rec_u32(&t->receipt, REC_T_SERIAL, seq);
	rec_str(&t->receipt, REC_T_RESULT, state);
	if (line == NULL && fen >= 0)
		rec_i64(&t->receipt, REC_T_AMOUNT, fen);
	if (line != NULL) {
		rec_str(&t->receipt, REC_T_BOOKED, line->booked);
		rec_str(&t->receipt, REC_T_REFERENCE, line->serial);
		if (line->fen >= 0)
			rec_i64(&t->receipt, REC_T_AMOUNT, line->fen);
		if (line->is_of_part)
			rec_u32(&t->receipt, REC_T_FLAGS, REC_X_PART);
		for (unsigned i = 0; i < line->n_digests; i++)
			rec_bytes(&t->receipt, REC_T_PAY_DIGEST, line->digest[i], sizeof(line->digest[i]));
		rec_str(&t->receipt, REC_T_UETR, line->uetr);
		rec_str(&t->receipt, REC_T_PAY_SERIAL, line->paid_as);
		if (number.n == 0)
			rec_str(&t->receipt, REC_T_PAY_MSG, line->msg);
	}
	rec_end(&t->receipt, at);
}

/* What may stand in the clear; else empty. */
static struct yt_str clear(struct yt_str text)
{
	return pay_is_serial(text) ? text : (struct yt_str){ 0 };
}

/* -- claims ----------------------------------------------------------------------------------------- */

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
	        is_returned ? YT_STR("RETURNED") : yt_node_text(data, "claim_state"), -1, NULL);
}

/* -- an insurer's list of a day --------------------------------------------------------------------- */

/* What it decided, or has paid: until then a sum says nothing. */
static int64_t sum_of(const struct yt_node *row, struct yt_str state)
{
	bool is_paid = yt_str_is(state, "PAID") || yt_str_is(state, "RETURNED");
	int64_t fen = -1;

	if (!is_paid && !yt_str_is(state, "ADJUDICATED"))
		return -1;
	if (is_paid && yt_node_text(row, "paid_amt").n > 0 && yt_node_fen(row, "paid_amt", &fen) == 0)
		return fen;
	return yt_node_text(row, "payable_amt").n > 0 && yt_node_fen(row, "payable_amt", &fen) == 0 ? fen : -1;
}

static void write_listed(struct engine *e, struct task *t, const struct yt_node *row)
{
	struct yt_str day = yt_node_text(yt_node_get(t->original->body, "data"), "stmt_date");
	bool is_returned = yt_str_is(yt_node_text(row, "pay_state"), "RETURNED");
	struct yt_str state = is_returned ? YT_STR("RETURNED") : yt_node_text(row, "claim_state");
	int64_t fen = sum_of(row, state);
	size_t at = rec_begin(&t->receipt, REC_NOTICE, 0, t->id, engine_wall(e));

	rec_str(&t->receipt, REC_T_NUMBER, t->original->number);
	rec_str(&t->receipt, REC_T_ABOUT, yt_arena_printf(t->arena, "+/%.*s", YT_FMT(yt_node_text(row, "setl_id"))));
	rec_u32(&t->receipt, REC_T_FLAGS, REC_X_LISTING);
	rec_str(&t->receipt, REC_T_CODE, state);
	if (fen >= 0)
		rec_i64(&t->receipt, REC_T_AMOUNT, fen);
	rec_str(&t->receipt, REC_T_BOOKED, day);
	rec_str(&t->receipt, REC_T_REFERENCE, clear(yt_node_text(row, "claim_no")));
	rec_str(&t->receipt, REC_T_PAY_BY, yt_node_text(row, "pay_by"));
	rec_str(&t->receipt, REC_T_PAY_SERIAL, clear(yt_node_text(row, "bank_serial")));
	rec_end(&t->receipt, at);
}

/* -- payments --------------------------------------------------------------------------------------- */

struct telling { /* of some lines of a notice */
	struct engine *e;
	struct task *t;
	struct yt_node *pieces; /* array: what is kept of each payment ... */
	struct yt_str *keys;    /* ... under these */
	unsigned n, n_strays;   /* strays: lines that name no payment */
	size_t bytes;           /* of the texts of pieces */
	bool is_final;          /* during the day a bank may still take back what it shows */
	bool is_part;           /* of a day that is not over */
};

static struct yt_str first_of(const struct yt_node *row, const char *a, const char *b)
{
	struct yt_str text = yt_node_text(row, a);

	return text.n > 0 ? text : yt_node_text(row, b);
}

/* By which payments are the same, without saying to whom they go. */
static const char *hex_of(const uint8_t *digest, char hex[2 * PAY_DIGEST_SAME + 1])
{
	for (size_t i = 0; i < PAY_DIGEST_SAME; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return hex;
}

/* A payment's piece: what the bank said of it, for whoever waits for that; no name and no account. */
static bool keep_piece(struct telling *s, struct yt_str number, const struct yt_node *row, struct yt_str state,
        const struct line *line)
{
	static const char *const names[] = { "bank_status", "bank_code", "bank_text", "pay_advice", "pay_alarm",
		"bank_serial", "acct_date", "fee_amt", "return_code", "return_text", "return_date", "return_serial",
		NULL };
	struct yt_str amount = first_of(row, "pay_amt", "entry_amt");
	struct yt_arena *arena = s->t->arena;
	char hex[2 * PAY_DIGEST_SAME + 1];
	struct yt_node *piece = yt_node_add(arena, s->pieces, (struct yt_str){ 0 }, YT_OBJECT), *told;
	bool is_made = piece != NULL && yt_node_add_text(arena, piece, "op", YT_STR("pay.result")) != NULL &&
	               yt_node_add_text(arena, piece, "pay_no", number) != NULL &&
	               yt_node_add_text(arena, piece, "party", yt_str(s->t->x.party)) != NULL;

	told = is_made ? yt_node_add(arena, piece, YT_STR("told"), YT_OBJECT) : NULL;
	is_made = told != NULL && yt_node_add_text(arena, told, "pay_state", state) != NULL;
	if (is_made && amount.n > 0)
		is_made = yt_node_add_text(arena, piece, "pay_amt", amount) != NULL;
	if (is_made && line != NULL && line->n_digests > 0)
		is_made = yt_node_add_text(arena, piece, "digest",
		                  yt_arena_printf(arena, "%s", hex_of(line->digest[0], hex))) != NULL;
	for (const char *const *name = names; is_made && *name != NULL; name++) {
		struct yt_str value = yt_node_text(row, *name);

		is_made = value.n == 0 || yt_node_add_text(arena, told, *name, value) != NULL;
		s->bytes += value.n;
	}
	return is_made;
}

/* One payment, or a whole list, that it says something of. */
static void tell(struct telling *s, struct yt_str number, const struct yt_node *row, struct yt_str state,
        const struct line *line)
{
	struct yt_str key, amount = first_of(row, "pay_amt", "entry_amt");
	int64_t fen = -1;

	if (number.n > 0)
		pay_tell_alarm(s->t, number, row);
	if (number.n == 0 || state.n == 0)
		return;
	key = yt_arena_printf(s->t->arena, NOTICE_KEY "%.*s", YT_FMT(number));
	YT_REQUIRE(key.p != NULL && keep_piece(s, number, row, state, line));
	if (amount.n == 0 || yt_fen_parse(amount, &fen) != 0)
		fen = -1;
	s->keys[s->n++] = key;
	write_about(s->e, s->t, number, 0, state, fen, line);
}

/* A detail says what differs from its entry. */
static struct yt_str of_row(const struct yt_node *row, const struct yt_node *entry, const char *name)
{
	struct yt_str text = yt_node_text(row, name);

	return text.n > 0 ? text : yt_node_text(entry, name);
}

/* To whom, how much: of a line without a number of each type that it may be. */
static void digest_line(struct telling *s, struct yt_str number, struct yt_str account, struct line *line)
{
	static const char types[] = "CLMAHSIN";

	if (line->fen < 0 || account.n == 0 || memchr(account.p, '*', account.n) != NULL)
		return; /* some banks show the end of an account only */
	for (size_t i = 0; i + 1 < sizeof(types) && (i == 0 || number.n == 0); i += 2)
		pay_digest(s->e, s->t, account, line->fen, (struct yt_str){ number.n > 2 ? number.p : types + i, 2 },
		        line->digest[line->n_digests++]);
}

/* Banks that book in batches name the message alone, or its one block. */
static bool is_of_message(const struct yt_node *row, const struct yt_node *entry)
{
	struct yt_str n = yt_node_text(row, "batch_cnt");

	return row == entry && yt_node_get(row, "detail") == NULL && (n.n == 0 || yt_str_is(n, "1"));
}

/* Its day, and what it says that is no personal data; false: it has no day, so it is no line. */
static bool read_line(struct telling *s, const struct yt_node *row, const struct yt_node *entry, struct line *line)
{
	bool is_credit = yt_str_is(of_row(row, entry, "dc_flag"), "C");

	memset(line, 0, sizeof(*line));
	line->booked = of_row(row, entry, "book_date");
	line->serial = clear(of_row(row, entry, "bank_serial"));
	if (yt_node_fen(row, "entry_amt", &line->fen) != 0)
		line->fen = -1;
	digest_line(s, yt_node_text(row, "pay_no"), yt_node_text(row, "opp_acct"), line);
	line->uetr = clear(yt_node_text(row, "uetr"));
	line->paid_as =
	        is_credit ? clear(of_row(row, entry, "orig_bank_serial")) : clear(yt_node_text(row, "bank_serial"));
	line->msg = is_of_message(row, entry) ? clear(yt_node_text(row, "orig_msg_no")) : (struct yt_str){ 0 };
	line->is_of_part = s->is_part;
	return line->booked.n == 10;
}

/* A line without our number: by the UETR, our message's or the bank's own number the keeper may know what it tells of.
 */
static void tell_unnamed(struct telling *s, struct yt_str state, const struct line *line, bool is_line)
{
	if (!is_line || (line->uetr.n == 0 && line->msg.n == 0 && line->paid_as.n == 0)) {
		s->n_strays += !s->is_part;
		return;
	}
	write_about(s->e, s->t, (struct yt_str){ 0 }, 0, state, line->fen, line);
}

/* What was booked is a fact, whoever told of it (bank.md 3.5). */
static void tell_line(struct telling *s, const struct yt_node *row, const struct yt_node *entry)
{
	struct yt_str number = yt_node_text(row, "pay_no"),
	              state = yt_str(yt_pay_state_name(yt_pay_entry_state(entry)));
	struct line line;
	bool is_line = read_line(s, row, entry, &line) && s->is_final;

	if (number.n > 0)
		tell(s, number, row, state, is_line ? &line : NULL);
	else if (s->is_final)
		tell_unnamed(s, state, &line, is_line);
}

static void tell_item(struct telling *s, const struct item *item)
{
	const struct yt_node *row = item->row;

	switch (item->kind) {
	case ITEM_LISTED:
		write_listed(s->e, s->t, row);
		break;
	case ITEM_PAYOUT:
		tell(s, first_of(row, "pay_no", "orig_pay_no"), row, yt_node_text(row, "pay_state"), NULL);
		break;
	case ITEM_WHOLE:
		tell(s, yt_node_text(row, "orig_msg_no"), row, yt_node_text(row, "pay_state"), NULL);
		break;
	case ITEM_BATCH:
		tell(s, yt_node_text(row, "batch_no"), row, first_of(row, "pay_state", "batch_state"), NULL);
		break;
	case ITEM_LINE:
		tell_line(s, row, item->entry);
		break;
	}
}

/* How far it has come, where that takes more than one message, and its lines that speak of no payment; those whose
 * number nobody knows the keeper counts. */
static void write_progress(const struct telling *s, uint32_t before, unsigned flags)
{
	const struct notice_lines *lines = s->t->run->lines;
	bool is_piece = before > 0 || lines->at < lines->n;
	size_t at;

	if (!is_piece && s->n_strays == 0 && flags == 0)
		return;
	at = rec_begin(&s->t->receipt, REC_NOTICE, 0, s->t->id, engine_wall(s->e));
	if (is_piece) {
		rec_u32(&s->t->receipt, REC_T_SERIAL, before);
		rec_u32(&s->t->receipt, REC_T_LINES, lines->at);
	}
	rec_u32(&s->t->receipt, REC_T_STRAYS, s->n_strays);
	if (flags != 0)
		rec_u32(&s->t->receipt, REC_T_FLAGS, flags);
	rec_end(&s->t->receipt, at);
}

/* One record for all: of several of an exchange in one commit the last counts. */
static void keep_pieces(const struct telling *s)
{
	struct yt_buf json = { 0 };
	size_t at;

	yt_json_write(s->pieces, &json);
	if (json.failed || json.n > FACTS_BYTES_MAX / 2) {
		yt_log(YT_ERROR, "engine", "exchange %016llx: what it says of %u payments is too much to be kept",
		        (unsigned long long)s->t->id, s->n);
	} else {
		at = rec_begin(&s->t->receipt, REC_FACTS, 0, s->t->id, engine_wall(s->e));
		for (unsigned i = 0; i < s->n; i++)
			rec_str(&s->t->receipt, REC_T_CASE, s->keys[i]);
		rec_str(&s->t->receipt, REC_T_FACTS, yt_buf_view(&json));
		rec_end(&s->t->receipt, at);
	}
	yt_buf_free(&json);
}

static void tell_some(struct telling *s, uint32_t most)
{
	const struct yt_msg *notice = s->t->original;
	const struct yt_node *data = yt_node_get(notice->body, "data");
	struct notice_lines *lines = s->t->run->lines;
	uint32_t before = lines->at;
	unsigned flags = 0;

	s->pieces = yt_node_new(s->t->arena, YT_ARRAY);
	s->keys = yt_arena_alloc(s->t->arena, (most + CONTINUITY_MAX) * sizeof(*s->keys));
	YT_REQUIRE(s->pieces != NULL && s->keys != NULL);
	s->is_final = notice->op->id == YT_OP_STATEMENT_NOTICE && !yt_str_is(yt_node_text(data, "is_final"), "0");
	s->is_part = yt_str_is(yt_node_text(data, "is_whole"), "0");
	while (lines->at < lines->n && lines->at - before < most && s->bytes < PIECE_BYTES)
		tell_item(s, &lines->item[lines->at++]);
	if (lines->at == lines->n) {
		flags = continuity_check(s->e, s->t);
		s->n += continuity_keep(s->e, s->t, s->pieces, s->keys + s->n);
	}
	if (s->n > 0)
		keep_pieces(s);
	write_progress(s, before, flags);
}

/* The next of its lines, in memory that those after them use again. */
static void write_lines(struct engine *e, struct task *t)
{
	struct telling s = { .e = e, .t = t };
	struct yt_arena *own = t->arena;

	t->arena = engine_arena(e);
	tell_some(&s, e->conf.lines_at_once != 0 ? e->conf.lines_at_once : LINES_AT_ONCE);
	engine_arena_back(e, t->arena);
	t->arena = own;
}

/* -- its lines ---------------------------------------------------------------------------------------- */

static void put(
        struct item *out, uint32_t *n, enum item_kind kind, const struct yt_node *row, const struct yt_node *entry)
{
	if (out != NULL)
		out[*n] = (struct item){ kind, row, entry };
	(*n)++;
}

static void put_entry(struct item *out, uint32_t *n, const struct yt_node *entry)
{
	const struct yt_node *details = yt_node_get(entry, "detail");

	if (yt_pay_entry_state(entry) == YT_PAY_STATES)
		return; /* it is not booked */
	if (details == NULL || yt_node_text(entry, "pay_no").n > 0)
		put(out, n, ITEM_LINE, entry, entry);
	for (const struct yt_node *d = details == NULL ? NULL : details->child; d != NULL; d = d->next)
		put(out, n, ITEM_LINE, d, entry);
}

/* In an order that is the same whenever the same octets are read.  out NULL: they are only counted. */
static uint32_t items_of(const struct yt_msg *notice, struct item *out)
{
	const struct yt_node *data = yt_node_get(notice->body, "data"), *claims = yt_node_get(notice->body, "claims"),
	                     *statements = yt_node_get(notice->body, "statement"), *row = NULL, *entries;
	char path[64];
	uint32_t n = 0;

	for (const struct yt_node *c = claims == NULL ? NULL : claims->child; c != NULL; c = c->next)
		put(out, &n, ITEM_LISTED, c, NULL);
	if (claims != NULL)
		return n;
	while (yt_payout_next(notice->body, &row, path, sizeof(path)))
		if (first_of(row, "pay_no", "orig_pay_no").n > 0)
			put(out, &n, ITEM_PAYOUT, row, NULL);
	if (yt_node_text(data, "orig_msg_no").n > 0) /* of our message as a whole, which here has one payment */
		put(out, &n, ITEM_WHOLE, data, NULL);
	if (yt_node_text(data, "batch_no").n > 0)
		put(out, &n, ITEM_BATCH, data, NULL);
	for (const struct yt_node *one = statements == NULL ? NULL : statements->child; one != NULL; one = one->next) {
		entries = yt_node_get(one, "entry");
		for (row = entries == NULL ? NULL : entries->child; row != NULL; row = row->next)
			put_entry(out, &n, row);
	}
	return n;
}

bool notice_is_too_long(const struct engine *e, const struct yt_msg *notice, struct yt_fault *fault)
{
	uint32_t n = e->conf.statement_lines == 0 ? 0 : items_of(notice, NULL);

	if (n <= e->conf.statement_lines)
		return false;
	snprintf(fault->path, sizeof(fault->path), "statement");
	snprintf(fault->why, sizeof(fault->why),
	        "has %u lines, and one statement may have %u (limits.statement_lines): raise it", (unsigned)n,
	        (unsigned)e->conf.statement_lines);
	yt_log(YT_ERROR, "engine", "message %.*s of %.*s: %s %s", YT_FMT(notice->number), YT_FMT(notice->institution),
	        fault->path, fault->why);
	return true;
}

/* Those that a lease before this one has told are behind it. */
static struct notice_lines *lines_of(const struct task *t)
{
	struct notice_lines *lines = yt_arena_alloc(t->arena, sizeof(*lines));

	YT_REQUIRE(lines != NULL);
	lines->n = items_of(t->original, NULL);
	lines->at = t->x.told_seq < lines->n ? t->x.told_seq : lines->n;
	lines->item = yt_arena_alloc(t->arena, (lines->n + 1) * sizeof(*lines->item));
	YT_REQUIRE(lines->item != NULL);
	items_of(t->original, lines->item);
	return lines;
}

/* -- who waits for it -------------------------------------------------------------------------------- */

/* Its number since it may have left: that it was asked under, or the keeper's. */
static struct yt_str number_of(const struct task *t)
{
	if (t->x.pay_no[0] != 0)
		return yt_str(t->x.pay_no);
	return t->original->op->id == YT_OP_PAY_ORDER ? pay_member(t->original, "pay_no") : (struct yt_str){ 0 };
}

static void make_key(struct yt_str number, char key[FACTS_KEY_MAX])
{
	key[0] = 0;
	if (number.n > 0 && number.n + sizeof(NOTICE_KEY) <= FACTS_KEY_MAX)
		snprintf(key, FACTS_KEY_MAX, NOTICE_KEY "%.*s", YT_FMT(number));
}

void notice_keys(const struct task *t, char keys[2][FACTS_KEY_MAX])
{
	bool follows = task_is_follow_up(t);

	make_key(follows ? number_of(t) : (struct yt_str){ 0 }, keys[0]);
	make_key(follows ? yt_str(t->x.pay_msg) : (struct yt_str){ 0 }, keys[1]);
}

static bool is_about(const struct task *t, const struct yt_node *piece)
{
	struct yt_str number = yt_node_text(piece, "pay_no");

	return number.n > 0 && (yt_str_eq(number, number_of(t)) || yt_str_is(number, t->x.pay_msg));
}

/* Of what one bank has, no other one can say what became of it. */
static bool is_of_its_bank(const struct task *t, const struct yt_node *piece)
{
	unsigned step = t->run->flow == NULL ? 0 : pay_order_step(t);
	const struct engine_party *asked = step == 0 ? NULL : flow_step_at(t, step)->party;
	struct yt_str told = yt_node_text(piece, "party");

	if (asked == NULL || yt_str_is(told, asked->name))
		return asked != NULL;
	for (unsigned i = 0; i < ENGINE_TELLERS && asked->told_by[i] != NULL; i++)
		if (yt_str_is(told, asked->told_by[i]))
			return true;
	return false;
}

/* It speaks of another sum or account: of another's payment under that number, or of something that only people
 * understand. */
static bool is_of_another(const struct task *t, const struct yt_node *piece)
{
	unsigned step = t->run->flow == NULL ? 0 : pay_order_step(t);
	const struct yt_msg *order = step == 0 ? NULL : t->run->said[step - 1];
	struct yt_str told = yt_node_text(piece, "pay_amt"), ordered = pay_member(order, "pay_amt");
	struct yt_str digest = yt_node_text(piece, "digest");
	char hex[2 * PAY_DIGEST_SAME + 1];
	int64_t told_fen = -1, fen = -1;

	if (digest.n > 0 && !yt_str_is(digest, hex_of(t->x.pay_digest, hex)))
		return true;
	if (told.n == 0 || ordered.n == 0)
		return false;
	return yt_fen_parse(told, &told_fen) != 0 || yt_fen_parse(ordered, &fen) != 0 || told_fen != fen;
}

/* Its format has no question, or its settings say that this bank answers none. */
static bool cannot_be_asked(struct engine *e, const struct task *t)
{
	unsigned step = t->run->flow == NULL ? 0 : pay_order_step(t);
	const struct engine_codec *codec = step == 0 ? NULL : &flow_step_at(t, step)->party->codec;
	const struct yt_msg *order = step == 0 ? NULL : t->run->said[step - 1];
	struct yt_msg *unused;
	int rv;

	if (codec == NULL || codec->api->query_for == NULL || order == NULL)
		return codec != NULL && codec->api->query_for == NULL;
	unused = yt_msg_new(t->arena);
	YT_REQUIRE(unused != NULL);
	engine_box(e, codec, "query_for", t->id, t->request);
	rv = codec->api->query_for(codec->plugin, order, unused);
	engine_unbox(e);
	return rv == YT_ENOTFOUND;
}

bool notice_is_awaited(struct engine *e, const struct task *t, unsigned step)
{
	return flow_op_of(t, step)->id == YT_OP_PAY_QUERY && cannot_be_asked(e, t);
}

void notice_await(struct engine *e, struct task *t)
{
	if (task_pause(e, t) < 0)
		task_park(e, t, "its bank has not told what became of a payment: look in its statement");
	else
		task_go_on_in(e, t, NOTICE_LOOK_MS, "its bank's word is awaited");
}

/* The newest word that counts: reports come in any order, and states only go forward (bank.md 3.3). */
static const struct yt_node *word_of(const struct task *t)
{
	const struct yt_node *word = NULL;
	enum yt_pay_state is = YT_PAY_NEW, told;

	for (const struct yt_node *p = t->run->facts.pieces->child; p != NULL; p = p->next) {
		if (!yt_str_is(yt_node_text(p, "op"), "pay.result") || !is_about(t, p) || !is_of_its_bank(t, p) ||
		        is_of_another(t, p))
			continue;
		told = yt_pay_state_of(yt_node_text(yt_node_get(p, "told"), "pay_state"));
		if (told == YT_PAY_STATES || yt_pay_follow(is, told) != YT_PAY_TAKE)
			continue;
		is = told;
		word = yt_node_get(p, "told");
	}
	return word;
}

static struct yt_reply *as_answer(const struct task *t, const struct yt_node *word)
{
	struct yt_reply *reply = word == NULL ? NULL : yt_reply_new(t->arena);
	struct yt_node *data, *to;

	if (reply == NULL)
		return NULL;
	reply->outcome = YT_DONE;
	reply->body = yt_node_new(t->arena, YT_OBJECT);
	data = yt_node_add(t->arena, reply->body, YT_STR("data"), YT_OBJECT);
	YT_REQUIRE(data != NULL);
	for (const struct yt_node *c = word->child; c != NULL; c = c->next) {
		to = yt_node_add(t->arena, data, c->name, YT_TEXT);
		YT_REQUIRE(to != NULL);
		to->text = c->text;
	}
	return reply;
}

struct yt_reply *notice_told(struct engine *e, const struct task *t)
{
	return cannot_be_asked(e, t) ? as_answer(t, word_of(t)) : NULL;
}

struct yt_reply *notice_returned(const struct task *t)
{
	const struct yt_node *word = NULL;

	for (const struct yt_node *p = t->run->facts.pieces->child; p != NULL; p = p->next)
		if (yt_str_is(yt_node_text(p, "op"), "pay.result") && is_about(t, p) && is_of_its_bank(t, p) &&
		        yt_node_text(p, "pay_amt").n > 0 && !is_of_another(t, p) &&
		        yt_str_is(yt_node_text(yt_node_get(p, "told"), "pay_state"), "RETURNED"))
			word = yt_node_get(p, "told");
	return as_answer(t, word);
}

void notice_learn(struct engine *e, struct task *t)
{
	struct yt_reply *told = notice_told(e, t);
	struct yt_msg asked = *t->original;

	if (told == NULL)
		return;
	asked.op = yt_op(YT_OP_PAY_QUERY);
	asked.body = NULL;
	facts_add(&t->run->facts, facts_piece(t->arena, &asked, told));
}

/* -- the end ----------------------------------------------------------------------------------------- */

static void end_kept(struct engine *e, struct task *t)
{
	struct yt_reply *reply = yt_reply_new(t->arena);

	YT_REQUIRE(reply != NULL);
	reply->code = YT_STR("0");
	task_resolve_done(e, t, reply, "kept here");
}

/* The next lines; with the last of them its answer. */
static void tell_on(struct engine *e, struct task *t)
{
	write_lines(e, t);
	if (t->run->lines->at < t->run->lines->n)
		task_submit(e, t, UP_STEP, yt_buf_view(&t->receipt));
	else
		end_kept(e, t);
}

void notice_end(struct engine *e, struct task *t)
{
	if (t->original->op->id == YT_OP_CLAIM_RESULT) {
		write_claim(e, t);
		end_kept(e, t);
	} else {
		t->run->lines = lines_of(t);
		tell_on(e, t);
	}
}

bool notice_go_on(struct engine *e, struct task *t)
{
	if (t->run == NULL || t->run->lines == NULL)
		return false;
	yt_buf_clear(&t->receipt); /* that is on the disk */
	tell_on(e, t);
	return true;
}

bool notice_say_again(struct engine *e, struct task *t)
{
	if (t->run == NULL || t->run->lines == NULL)
		return false;
	task_submit(e, t, UP_STEP, yt_buf_view(&t->receipt));
	return true;
}
