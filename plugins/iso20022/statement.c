/* plugins/iso20022/statement.c - camt.053, camt.052, camt.054: entries of our accounts (bank.md 3.5).
 *
 * Canonical: `statement` rows with their balances, each with `entry` rows.  An entry with one detail has that detail's
 * members itself; one with several has `detail` rows.  Whether all adds up is YT_MONEY_STATEMENT's to say. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iso.h"

struct reading {
	struct yt_arena *arena;
	struct yt_fault *fault;
	const char *root;
	char path[120];
};

static int put(struct yt_arena *arena, struct yt_node *object, const char *name, struct yt_str text)
{
	return text.n == 0 || yt_node_set_text(arena, object, name, text) == 0 ? 0 : YT_ENOMEM;
}

static int put_direction(struct yt_arena *arena, struct yt_node *row)
{
	struct yt_node *node = yt_node_get(row, "direction");

	(void)arena;
	if (node == NULL)
		return 0;
	node->name = YT_STR("dc_flag");
	node->text = yt_str_is(node->text, "DBIT")   ? YT_STR("D")
	             : yt_str_is(node->text, "CRDT") ? YT_STR("C")
	                                             : node->text;
	return 0;
}

/* -- balances ------------------------------------------------------------------------------------- */

static int take_balance(struct reading *r, const struct yt_node *element, struct yt_node *statement)
{
	struct yt_node *v = yt_node_new(r->arena, YT_OBJECT);
	const char *name = NULL;
	struct yt_str kind;
	int64_t fen = 0;
	int rv = v == NULL ? YT_ENOMEM : iso_read_rows(r->arena, &iso_camt_balance, element, v, r->path, r->fault);

	if (rv != 0)
		return rv;
	kind = yt_node_text(v, "kind");
	if (yt_str_is(kind, "OPBD") || yt_str_is(kind, "PRCD"))
		name = "open_bal";
	else if (yt_str_is(kind, "CLBD"))
		name = "close_bal";
	else if (yt_str_is(kind, "CLAV"))
		name = "available_bal";
	/* PRCD stands for an OPBD that is not there; the first of a kind counts. */
	if (name == NULL || (yt_node_get(statement, name) != NULL && !yt_str_is(kind, "OPBD")))
		return 0;
	if (yt_node_fen(v, "amount", &fen) != 0)
		return YT_EFORMAT;
	if (yt_str_is(yt_node_text(v, "direction"), "DBIT"))
		fen = -fen;
	if (yt_node_get(statement, name) != NULL) {
		char text[24];

		yt_fen_print(fen, text);
		return put(r->arena, statement, name, yt_arena_copy(r->arena, yt_str(text)));
	}
	return yt_node_add_fen(r->arena, statement, name, fen) != NULL ? 0 : YT_ENOMEM;
}

/* -- entries -------------------------------------------------------------------------------------- */

/* 2: money that came back; 1: the bank takes an entry back; 0: ordinary. */
static struct yt_str reversal_of(const struct yt_node *entry)
{
	bool is_credit = yt_str_is(yt_node_text(entry, "dc_flag"), "C");
	bool is_return =
	        yt_str_is(yt_node_text(entry, "sub_family"), "RRTN") || yt_node_text(entry, "return_code").n > 0;

	if (is_credit && is_return)
		return YT_STR("2");
	return yt_str_is(yt_node_text(entry, "is_reversal"), "1") ? (is_credit ? YT_STR("2") : YT_STR("1"))
	                                                          : YT_STR("0");
}

static bool is_provided(struct yt_str s)
{
	return s.n > 0 && !yt_str_is(s, "NOTPROVIDED");
}

static bool is_reversal(const struct yt_node *row)
{
	return yt_str_is(yt_node_text(row, "sub_family"), "RRTN") || yt_str_is(yt_node_text(row, "is_reversal"), "1") ||
	       yt_node_text(row, "return_code").n > 0;
}

/* The other side's name, account and bank under one name, whichever side we are: of what comes back it is who it was of
 * the entry before.  A number that is none is left out. */
static int complete_detail(struct yt_arena *arena, struct yt_node *row, const struct yt_node *entry)
{
	bool is_out = yt_str_is(yt_node_text(entry, "dc_flag"), "D") != (is_reversal(entry) || is_reversal(row));
	static const char *const names[2][3] = { { "payer_name", "payer_acct", "payer_bank_no" },
		{ "payee_name", "payee_acct", "payee_bank_no" } };
	unsigned side = is_out ? 1 : 0;
	struct yt_node *no = yt_node_get(row, "pay_no");
	int rv;

	if (yt_node_text(row, names[side][0]).n == 0 && yt_node_text(row, names[side][1]).n == 0)
		side = 1 - side;
	rv = put(arena, row, "opp_name", yt_node_text(row, names[side][0]));
	if (no != NULL && !is_provided(no->text))
		no->text = (struct yt_str){ NULL, 0 };
	if (rv == 0)
		rv = put(arena, row, "opp_acct", yt_node_text(row, names[side][1]));
	return rv == 0 ? put(arena, row, "opp_bank_no", yt_node_text(row, names[side][2])) : rv;
}

static uint32_t count_details(const struct yt_node *element)
{
	uint32_t n = 0;

	for (const struct yt_node *d = yt_node_get(element, "NtryDtls"); d != NULL; d = yt_xml_next(d))
		n += yt_xml_count(d, "TxDtls");
	return n;
}

static int take_detail(struct reading *r, const struct yt_node *tx, struct yt_node *row)
{
	int rv = iso_read_rows(r->arena, &iso_camt_detail, tx, row, r->path, r->fault);

	return rv == 0 ? put_direction(r->arena, row) : rv;
}

/* An amount in another currency than the entry's is the customer's affair: it is not what was booked. */
static void drop_foreign_amount(struct yt_node *row, struct yt_str ccy)
{
	struct yt_node *amount = yt_node_get(row, "entry_amt"), *other = yt_node_get(row, "ccy");

	if (amount == NULL || other == NULL || yt_str_eq(other->text, ccy))
		return;
	amount->kind = YT_NULL;
	amount->text = (struct yt_str){ NULL, 0 };
}

/* Members of a detail that is the only one, or of a block, become its entry's where that lacks them. */
static int give_entry(struct yt_arena *arena, struct yt_node *entry, const struct yt_node *from)
{
	int rv = 0;

	/* Names are those of fields.tsv, with their NUL. */
	for (const struct yt_node *c = from->child; c != NULL && rv == 0; c = c->next)
		if (c->text.n > 0 && yt_node_get(entry, c->name.p) == NULL)
			rv = put(arena, entry, c->name.p, c->text);
	return rv;
}

/* One NtryDtls with its block.  An entry may stand for several blocks: then each detail says whose it is.  Banks give
 * fewer details than the block counts, so that is none of its own: whether they add up is YT_MONEY_STATEMENT's. */
static int take_block(
        struct reading *r, const struct yt_node *d, bool is_only, struct yt_node *entry, struct yt_node *rows)
{
	struct yt_node *block = yt_node_new(r->arena, YT_OBJECT);
	int rv = block == NULL ? YT_ENOMEM : iso_read_rows(r->arena, &iso_camt_batch, d, block, r->path, r->fault);

	if (rv == 0 && is_only)
		rv = give_entry(r->arena, entry, block);
	for (const struct yt_node *tx = yt_node_get(d, "TxDtls"); tx != NULL && rv == 0; tx = yt_xml_next(tx)) {
		struct yt_node *row = yt_node_add(r->arena, rows, (struct yt_str){ 0 }, YT_OBJECT);

		rv = row == NULL ? YT_ENOMEM : take_detail(r, tx, row);
		if (rv == 0)
			rv = complete_detail(r->arena, row, entry);
		if (rv == 0)
			drop_foreign_amount(row, yt_node_text(entry, "ccy"));
		if (rv == 0 && !is_only && yt_node_text(row, "block_no").n == 0)
			rv = put(r->arena, row, "block_no", yt_node_text(block, "block_no"));
	}
	return rv;
}

/* Each detail in an object of its own; of the only one what the entry lacks becomes the entry's. */
static int take_details(struct reading *r, const struct yt_node *element, struct yt_node *entry)
{
	uint32_t n = count_details(element), blocks = 0;
	struct yt_node *rows =
	        n > 1 ? yt_node_add(r->arena, entry, YT_STR("detail"), YT_ARRAY) : yt_node_new(r->arena, YT_ARRAY);
	int rv = rows == NULL ? YT_ENOMEM : 0;

	for (const struct yt_node *d = yt_node_get(element, "NtryDtls"); d != NULL; d = yt_xml_next(d))
		blocks += yt_node_get(d, "Btch") != NULL;
	for (const struct yt_node *d = yt_node_get(element, "NtryDtls"); d != NULL && rv == 0; d = yt_xml_next(d))
		rv = take_block(r, d, blocks <= 1, entry, rows);
	return n == 1 && rv == 0 ? give_entry(r->arena, entry, rows->child) : rv;
}

/* An entry for a block alone: of the first one of a message of ours (order.c, block_number) that is known, too. */
static int name_message(struct yt_arena *arena, struct yt_node *entry)
{
	struct yt_str block = yt_node_text(entry, "block_no"), number;

	if (block.n != 22 || memcmp(block.p, "PB", 2) != 0 || memcmp(block.p + 20, "01", 2) != 0 ||
	        yt_node_text(entry, "orig_msg_no").n > 0)
		return 0;
	number = yt_arena_printf(arena, "PM%.18s00", block.p + 2);
	return number.p == NULL ? YT_ENOMEM : put(arena, entry, "orig_msg_no", number);
}

static int take_entry(struct reading *r, const struct yt_node *element, struct yt_node *entry)
{
	int rv = iso_read_rows(r->arena, &iso_camt_entry, element, entry, r->path, r->fault);
	struct yt_str state;

	if (rv == 0)
		rv = put_direction(r->arena, entry);
	if (rv == 0)
		rv = take_details(r, element, entry);
	if (rv == 0)
		rv = name_message(r->arena, entry);
	state = yt_node_text(entry, "entry_state");
	if (rv == 0 && state.n == 0)
		rv = iso_refuse(r->fault, r->path, "Sts", "is missing: only booked entries count");
	return rv == 0 ? put(r->arena, entry, "rev_flag", reversal_of(entry)) : rv;
}

/* -- a statement ---------------------------------------------------------------------------------- */

/* Counts and sums that the bank gives beside its entries. */
static int check_summary(struct reading *r, const struct yt_node *statement, const struct yt_node *entries)
{
	int64_t sum[3] = { 0, 0, 0 }, told, fen;
	uint32_t n[3] = { 0, 0, 0 };
	static const char *const names[3][2] = { { "credit_cnt", "credit_amt" }, { "debit_cnt", "debit_amt" },
		{ "entry_cnt", "total_amt" } };

	for (const struct yt_node *e = entries->child; e != NULL; e = e->next) {
		unsigned side = yt_str_is(yt_node_text(e, "dc_flag"), "D");

		if (yt_node_fen(e, "entry_amt", &fen) != 0)
			return YT_EFORMAT;
		sum[side] += fen;
		n[side]++;
	}
	n[2] = n[0] + n[1];
	sum[2] = sum[0] + sum[1];
	for (unsigned i = 0; i < 3; i++) {
		struct yt_str count = yt_node_text(statement, names[i][0]);

		if (count.n > 0 && !iso_counts(count, n[i]))
			return iso_refuse(r->fault, r->path, "TxsSummry", "counts other entries than there are");
		if (yt_node_text(statement, names[i][1]).n == 0)
			continue;
		/* Of all entries ISO wants the sum; some banks write what is left of it. */
		if (yt_node_fen(statement, names[i][1], &told) != 0 ||
		        (told != sum[i] && (i < 2 || told != llabs(sum[0] - sum[1]))))
			return iso_refuse(r->fault, r->path, "TxsSummry", "has another sum than its entries");
	}
	return 0;
}

/* A page of several is summed up with the others. */
static bool is_whole(const struct yt_node *data, const struct yt_node *statement)
{
	struct yt_str page = yt_node_text(statement, "page_no"), last = yt_node_text(statement, "is_last_page");

	if (page.n == 0) {
		page = yt_node_text(data, "page_no");
		last = yt_node_text(data, "is_last_page");
	}
	return page.n == 0 || (yt_str_is(page, "1") && yt_str_is(last, "1"));
}

static int take_statement(
        struct reading *r, const struct yt_node *element, const struct yt_node *data, struct yt_node *statement)
{
	char head[64];
	struct yt_node *entries;
	uint32_t i = 0;
	int rv;

	snprintf(head, sizeof(head), "%.63s", r->path);
	rv = iso_read_rows(r->arena, &iso_camt_statement, element, statement, r->path, r->fault);
	for (const struct yt_node *b = yt_node_get(element, "Bal"); b != NULL && rv == 0; b = yt_xml_next(b)) {
		snprintf(r->path, sizeof(r->path), "%s/Bal[%u]", head, i++);
		rv = take_balance(r, b, statement);
	}
	entries = rv == 0 ? yt_node_add(r->arena, statement, YT_STR("entry"), YT_ARRAY) : NULL;
	if (rv == 0 && entries == NULL)
		rv = YT_ENOMEM;
	i = 0;
	for (const struct yt_node *e = yt_node_get(element, "Ntry"); e != NULL && rv == 0; e = yt_xml_next(e)) {
		struct yt_node *entry = yt_node_add(r->arena, entries, (struct yt_str){ 0 }, YT_OBJECT);

		snprintf(r->path, sizeof(r->path), "%s/Ntry[%u]", head, i++);
		rv = entry == NULL ? YT_ENOMEM : take_entry(r, e, entry);
	}
	snprintf(r->path, sizeof(r->path), "%s", head);
	if (rv == 0 && !is_whole(data, statement))
		return put(r->arena, statement, "page_cnt", YT_STR("0")); /* more than one; how many nobody says */
	return rv == 0 ? check_summary(r, statement, entries) : rv;
}

static const char *rows_of(const char *wire)
{
	return strcmp(wire, "camt.052") == 0 ? "Rpt" : strcmp(wire, "camt.053") == 0 ? "Stmt" : "Ntfctn";
}

int iso_read_statements(
        struct yt_arena *arena, const struct iso_document *doc, struct yt_node **body, struct yt_fault *fault)
{
	struct reading r = { .arena = arena, .fault = fault };
	const char *name = rows_of(doc->wire);
	struct yt_node *data, *rows;
	uint32_t i = 0;
	int rv;

	*body = yt_node_new(arena, YT_OBJECT);
	data = *body != NULL ? yt_node_add(arena, *body, YT_STR("data"), YT_OBJECT) : NULL;
	rows = data != NULL ? yt_node_add(arena, *body, YT_STR("statement"), YT_ARRAY) : NULL;
	if (rows == NULL)
		return YT_ENOMEM;
	rv = iso_read_rows(arena, &iso_camt_head, yt_node_get(doc->root, "GrpHdr"), data, "GrpHdr", fault);
	for (const struct yt_node *e = yt_node_get(doc->root, name); e != NULL && rv == 0; e = yt_xml_next(e)) {
		struct yt_node *row = yt_node_add(arena, rows, (struct yt_str){ 0 }, YT_OBJECT);

		snprintf(r.path, sizeof(r.path), "%s[%u]", name, i++);
		rv = row == NULL ? YT_ENOMEM : take_statement(&r, e, data, row);
	}
	if (rv == 0 && i == 0)
		rv = iso_refuse(fault, name, "", "is missing");
	/* During the day a bank may still take back what it shows. */
	return rv == 0 ? put(arena, data, "is_final", strcmp(doc->wire, "camt.052") == 0 ? YT_STR("0") : YT_STR("1"))
	               : rv;
}
