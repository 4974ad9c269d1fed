/* plugins/iso20022/report.c - pain.002: what became of an order (bank.md 3.3).
 *
 * Three levels: a transfer without a status of its own has its block's, a block without one has the message's; PART
 * says to look one level down.  Reading gives a row a payout; writing is our answer to whoever sends us a document. */
#include <stdio.h>
#include <string.h>

#include "iso.h"

/* What one level says. */
struct level {
	struct yt_str status, reason, text;
	struct iso_verdict verdict;
};

#define BLOCKS_MAX 1000 /* of one report */
#define ROWS_MAX 50000

struct reading {
	const struct iso *iso;
	struct yt_arena *arena;
	struct yt_fault *fault;
	struct yt_node *rows, *blocks;
	const struct yt_node *root;
	struct yt_node **index; /* rows by number and by UETR: open addressing */
	uint32_t slots;         /* of index, a power of two; 0: none */
	bool is_asked;          /* rows are those that were asked about, and no others */
	struct level group;
};

static int put(struct yt_arena *arena, struct yt_node *object, const char *name, struct yt_str text)
{
	return text.n == 0 || yt_node_set_text(arena, object, name, text) == 0 ? 0 : YT_ENOMEM;
}

/* -- one level ------------------------------------------------------------------------------------ */

static int add_text(struct yt_arena *arena, struct yt_str *text, struct yt_str more)
{
	if (more.n == 0)
		return 0;
	*text = text->n == 0 ? more : yt_arena_printf(arena, "%.*s; %.*s", YT_FMT(*text), YT_FMT(more));
	return text->p != NULL ? 0 : YT_ENOMEM;
}

/* Least proves what is unknown, and less than "not found" does. */
static bool proves_less(const struct iso_verdict *v, const struct iso_verdict *than)
{
	if (!v->has_state || v->state != YT_PAY_UNKNOWN)
		return false;
	return !than->has_state || than->state != YT_PAY_UNKNOWN || (than->is_absent && !v->is_absent);
}

/* Of several reasons the one that says least about the money counts. */
static int take_reasons(struct reading *r, const struct yt_node *element, struct level *level)
{
	for (const struct yt_node *e = yt_node_get(element, "StsRsnInf"); e != NULL; e = yt_xml_next(e)) {
		struct yt_node *v = yt_node_new(r->arena, YT_OBJECT);
		struct iso_verdict verdict;
		struct yt_str code;
		int rv = v == NULL ? YT_ENOMEM : iso_read_rows(r->arena, &iso_reason, e, v, "StsRsnInf", r->fault);

		for (const struct yt_node *t = yt_node_get(e, "AddtlInf"); rv == 0 && t != NULL; t = yt_xml_next(t))
			rv = add_text(r->arena, &level->text, t->text);
		if (rv != 0)
			return rv;
		code = yt_node_text(v, "code");
		verdict = iso_judge_status(r->iso, level->status, code);
		if (level->reason.n == 0 || proves_less(&verdict, &level->verdict)) {
			level->reason = code;
			level->verdict = verdict;
		}
	}
	return 0;
}

static int take_level(
        struct reading *r, const struct yt_node *element, const struct yt_node *values, struct level *level)
{
	*level = (struct level){ .status = yt_node_text(values, "status") };
	level->verdict = iso_judge_status(r->iso, level->status, level->reason);
	return take_reasons(r, element, level);
}

/* The level that speaks for a transfer: the first that has a status.  PART tells nothing. */
static const struct level *speaker(const struct level *tx, const struct level *block, const struct level *group)
{
	if (tx != NULL && tx->status.n > 0)
		return tx;
	if (block != NULL && block->status.n > 0)
		return block;
	return group;
}

static int put_level(struct reading *r, struct yt_node *row, const struct level *level)
{
	struct yt_arena *arena = r->arena;
	int rv = put(arena, row, "bank_status", level->status);

	if (rv == 0)
		rv = put(arena, row, "bank_code", level->reason);
	if (rv == 0)
		rv = put(arena, row, "bank_text", level->text);
	if (rv == 0 && level->verdict.has_state)
		rv = put(arena, row, "pay_state", yt_str(yt_pay_state_name(level->verdict.state)));
	if (rv == 0 && level->verdict.advice != NULL)
		rv = put(arena, row, "pay_advice", yt_str(level->verdict.advice));
	if (rv == 0 && level->verdict.is_alarm)
		rv = put(arena, row, "pay_alarm", YT_STR("1"));
	if (rv == 0 && level->verdict.is_absent)
		rv = put(arena, row, "is_absent", YT_STR("1"));
	return rv;
}

/* -- transfers ------------------------------------------------------------------------------------ */

static bool is_same(struct yt_str a, struct yt_str b)
{
	return a.n > 0 && yt_str_eq(a, b);
}

/* FNV-1a */
static uint32_t hash(struct yt_str s)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 16777619u;
	return h;
}

static bool is_called(const struct yt_node *row, struct yt_str key)
{
	return is_same(key, yt_node_text(row, "pay_no")) || is_same(key, yt_node_text(row, "uetr"));
}

/* A report of ten thousand rows about ten thousand payouts is looked up, not searched. */
static struct yt_node *look_up(const struct reading *r, struct yt_str key)
{
	for (uint32_t h = hash(key), i = 0; key.n > 0 && i < r->slots; h++, i++) {
		struct yt_node *row = r->index[h & (r->slots - 1)];

		if (row == NULL || is_called(row, key))
			return row;
	}
	return NULL;
}

static void enter(struct reading *r, struct yt_node *row, struct yt_str key)
{
	uint32_t h = hash(key);

	if (key.n == 0 || look_up(r, key) != NULL)
		return;
	while (r->index[h & (r->slots - 1)] != NULL)
		h++;
	r->index[h & (r->slots - 1)] = row;
}

static void enter_row(struct reading *r, struct yt_node *row)
{
	enter(r, row, yt_node_text(row, "pay_no"));
	enter(r, row, yt_node_text(row, "uetr"));
}

/* Room for the rows that were asked about and all that the report names, each under two names. */
static int open_index(struct reading *r, const struct yt_node *asked)
{
	const struct yt_node *list = yt_node_get(asked, "payout");
	uint32_t n = list != NULL ? list->n : 1, blocks = 0;

	for (const struct yt_node *e = yt_node_get(r->root, "OrgnlPmtInfAndSts"); e != NULL; e = yt_xml_next(e)) {
		n += yt_xml_count(e, "TxInfAndSts");
		blocks++;
	}
	if (n > ROWS_MAX || blocks > BLOCKS_MAX) {
		iso_refuse(r->fault, "CstmrPmtStsRpt", "", "has more than 1000 blocks or 50000 transfers");
		return YT_ELIMIT;
	}
	for (r->slots = 16; r->slots < n * 4; r->slots *= 2)
		;
	r->index = yt_arena_alloc(r->arena, r->slots * sizeof(r->index[0]));
	return r->index != NULL ? 0 : YT_ENOMEM;
}

/* The payout a row of the report is about: by UETR, then by its number, then by the instruction's. */
static struct yt_node *row_of(struct reading *r, const struct yt_node *told)
{
	struct yt_str no = yt_node_text(told, "pay_no");
	struct yt_node *row = look_up(r, yt_node_text(told, "uetr"));

	if (row == NULL)
		row = look_up(r, no.n > 0 ? no : yt_node_text(told, "instr_no"));
	return row;
}

static const char *const of_level[] = { "bank_status", "bank_code", "bank_text", "pay_state", "pay_advice", "pay_alarm",
	"is_absent" };

/* A row named twice in one report: the later word counts if it may follow, and two that contradict prove nothing. */
static bool may_replace(struct yt_node *row, const struct level *level)
{
	enum yt_pay_state is = yt_pay_state_of(yt_node_text(row, "pay_state"));
	enum yt_pay_step step;

	if (is == YT_PAY_STATES || !level->verdict.has_state)
		return is == YT_PAY_STATES;
	step = yt_pay_follow(is, level->verdict.state);
	if (step == YT_PAY_ALARM)
		yt_node_get(row, "pay_state")->text = yt_str(yt_pay_state_name(YT_PAY_UNKNOWN));
	return step == YT_PAY_TAKE;
}

static void forget_level(struct yt_node *row)
{
	for (size_t i = 0; i < sizeof(of_level) / sizeof(of_level[0]); i++) {
		struct yt_node *node = yt_node_get(row, of_level[i]);

		if (node != NULL)
			node->text = (struct yt_str){ NULL, 0 };
	}
}

/* A word about another sum than was ordered is none about our payout, whatever its number says. */
static void compare_sum(const struct yt_node *row, const struct yt_node *told, struct level *level)
{
	int64_t ordered, named;

	if (yt_node_text(row, "pay_amt").n == 0 || yt_node_text(told, "pay_amt").n == 0 ||
	        yt_node_fen(row, "pay_amt", &ordered) != 0 || yt_node_fen(told, "pay_amt", &named) != 0 ||
	        ordered == named)
		return;
	level->verdict = (struct iso_verdict){
		.has_state = true, .state = YT_PAY_UNKNOWN, .is_alarm = true, .advice = "compare"
	};
}

static int take_tx(struct reading *r, const struct yt_node *element, const struct level *block, struct yt_str block_no,
        const char *path)
{
	static const char *const kept[] = { "pay_no", "uetr", "pay_amt", "report_row", "bank_serial",
		"clearing_serial" };
	struct yt_node *told = yt_node_new(r->arena, YT_OBJECT), *row, *no;
	struct level level, counts;
	int rv = told == NULL ? YT_ENOMEM : iso_read_rows(r->arena, &iso_pain002_tx, element, told, path, r->fault);

	if (rv == 0)
		rv = iso_read_rows(r->arena, &iso_pain002_after, element, told, path, r->fault);
	if (rv == 0)
		rv = take_level(r, element, told, &level);
	if (rv != 0)
		return rv;
	no = yt_node_get(told, "pay_no");
	if (no != NULL && yt_str_is(no->text, "NOTPROVIDED"))
		no->text = (struct yt_str){ NULL, 0 };
	row = row_of(r, told);
	if (row == NULL && r->is_asked)
		return 0; /* a payout of another message: it says nothing of ours */
	if (row == NULL)
		row = yt_node_add(r->arena, r->rows, (struct yt_str){ 0 }, YT_OBJECT);
	if (row == NULL)
		return YT_ENOMEM;
	counts = *speaker(&level, block, &r->group);
	compare_sum(row, told, &counts);
	if (yt_node_text(told, "pay_no").n == 0)
		rv = put(r->arena, told, "pay_no", yt_node_text(told, "instr_no"));
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]) && rv == 0; i++)
		if (yt_node_text(row, kept[i]).n == 0)
			rv = put(r->arena, row, kept[i], yt_node_text(told, kept[i]));
	if (rv == 0)
		rv = put(r->arena, row, "block_no", block_no);
	if (rv == 0)
		rv = put(r->arena, row, "is_named", YT_STR("1"));
	if (rv == 0)
		enter_row(r, row);
	if (rv != 0 || !may_replace(row, &counts))
		return rv;
	forget_level(row);
	return put_level(r, row, &counts);
}

/* Payouts of a block, or of the message, that no row names. */
static int take_unnamed(struct reading *r, struct yt_str block_no, const struct level *level)
{
	int rv = 0;

	if (!r->is_asked) /* each row is one that was named */
		return 0;
	for (struct yt_node *row = r->rows->child; row != NULL && rv == 0; row = row->next) {
		if (yt_node_get(row, "is_named") != NULL ||
		        (block_no.n > 0 && !yt_str_eq(block_no, yt_node_text(row, "block_no"))))
			continue;
		if (block_no.n > 0)
			rv = put(r->arena, row, "is_named", YT_STR("1"));
		if (rv == 0)
			rv = put_level(r, row, level);
	}
	return rv;
}

/* Who was not asked about cannot know which payouts a block has: its word is kept for whoever does. */
static int keep_block(struct reading *r, struct yt_str block_no, const struct level *level)
{
	struct yt_node *row = r->is_asked ? NULL : yt_node_add(r->arena, r->blocks, (struct yt_str){ 0 }, YT_OBJECT);

	if (r->is_asked)
		return 0;
	return row == NULL || put(r->arena, row, "block_no", block_no) != 0 ? YT_ENOMEM : put_level(r, row, level);
}

static int take_block(struct reading *r, const struct yt_node *element, uint32_t b)
{
	struct yt_node *v = yt_node_new(r->arena, YT_OBJECT);
	struct level level;
	struct yt_str block_no;
	char path[96];
	uint32_t i = 0;
	int rv;

	snprintf(path, sizeof(path), "CstmrPmtStsRpt/OrgnlPmtInfAndSts[%u]", b);
	rv = v == NULL ? YT_ENOMEM : iso_read_rows(r->arena, &iso_pain002_block, element, v, path, r->fault);
	if (rv == 0)
		rv = take_level(r, element, v, &level);
	block_no = yt_node_text(v, "block_no");
	for (const struct yt_node *tx = yt_node_get(element, "TxInfAndSts"); tx != NULL && rv == 0;
	        tx = yt_xml_next(tx)) {
		snprintf(path, sizeof(path), "CstmrPmtStsRpt/OrgnlPmtInfAndSts[%u]/TxInfAndSts[%u]", b, i++);
		rv = take_tx(r, tx, &level, block_no, path);
	}
	if (rv != 0 || level.status.n == 0)
		return rv;
	rv = keep_block(r, block_no, &level);
	return rv == 0 ? take_unnamed(r, block_no, &level) : rv;
}

/* -- the whole ------------------------------------------------------------------------------------ */

/* Payouts that were asked about have a row from the beginning. */
static int begin_rows(struct reading *r, const struct yt_node *asked)
{
	static const char *const kept[] = { "pay_no", "uetr", "block_no", "pay_amt" };
	const struct yt_node *from = NULL;
	char path[64];

	while (asked != NULL && yt_payout_next(asked, &from, path, sizeof(path))) {
		struct yt_node *row = yt_node_add(r->arena, r->rows, (struct yt_str){ 0 }, YT_OBJECT);

		if (row == NULL || put(r->arena, row, "pay_no", yt_node_text(from, "orig_pay_no")) != 0)
			return YT_ENOMEM;
		for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
			if (put(r->arena, row, kept[i], yt_node_text(from, kept[i])) != 0)
				return YT_ENOMEM;
		enter_row(r, row);
	}
	return 0;
}

/* How many transfers the bank counts, where it says so. */
static int put_counts(struct reading *r, const struct yt_node *element, struct yt_node *data)
{
	uint64_t n = 0;
	bool is_told = false;

	for (const struct yt_node *e = yt_node_get(element, "NbOfTxsPerSts"); e != NULL; e = yt_xml_next(e)) {
		struct yt_str text = yt_node_text(e, "DtldNbOfTxs");
		uint64_t one = 0;

		for (size_t i = 0; i < text.n && i < 15; i++)
			one = one * 10 + (uint64_t)(text.p[i] - '0') % 10;
		n += one;
		is_told = true;
	}
	return is_told ? put(r->arena, data, "told_cnt", yt_arena_printf(r->arena, "%llu", (unsigned long long)n)) : 0;
}

/* One payout that was asked about alone stands in data, as it was asked. */
static int fold(struct reading *r, const struct yt_node *asked, struct yt_node *data)
{
	if (asked == NULL || yt_node_get(asked, "payout") != NULL || r->rows->n != 1)
		return 1;
	for (const struct yt_node *c = r->rows->child->child; c != NULL; c = c->next)
		if (!yt_str_is(c->name, "is_named") &&
		        put(r->arena, data, c->name.p, yt_node_text(r->rows->child, c->name.p)) != 0)
			return YT_ENOMEM;
	return 0;
}

static void drop_marks(struct yt_node *rows)
{
	for (struct yt_node *row = rows->child; row != NULL; row = row->next)
		for (struct yt_node **at = &row->child; *at != NULL;) {
			if (!yt_str_is((*at)->name, "is_named") && ((*at)->kind != YT_TEXT || (*at)->text.n > 0)) {
				row->last = *at;
				at = &(*at)->next;
			} else {
				*at = (*at)->next;
				row->n--;
			}
		}
}

static int read_levels(struct reading *r, const struct yt_node *data)
{
	const struct yt_node *group = yt_node_get(r->root, "OrgnlGrpInfAndSts");
	uint32_t b = 0;
	int rv = take_level(r, group, data, &r->group);

	for (const struct yt_node *e = yt_node_get(r->root, "OrgnlPmtInfAndSts"); e != NULL && rv == 0;
	        e = yt_xml_next(e))
		rv = take_block(r, e, b++);
	return rv == 0 ? take_unnamed(r, (struct yt_str){ NULL, 0 }, &r->group) : rv;
}

static void hang(struct yt_node *body, struct yt_node *rows, const char *name)
{
	rows->name = yt_str(name);
	rows->next = NULL;
	body->last->next = rows;
	body->last = rows;
	body->n++;
}

int iso_read_report(const struct iso *iso, struct yt_arena *arena, const struct iso_document *doc,
        const struct yt_node *asked, struct yt_node **body, struct yt_fault *fault)
{
	struct reading r = { .iso = iso, .arena = arena, .fault = fault, .root = doc->root, .is_asked = asked != NULL };
	struct yt_node *data;
	int rv;

	*body = yt_node_new(arena, YT_OBJECT);
	data = *body != NULL ? yt_node_add(arena, *body, YT_STR("data"), YT_OBJECT) : NULL;
	r.rows = yt_node_new(arena, YT_ARRAY);
	r.blocks = yt_node_new(arena, YT_ARRAY);
	if (data == NULL || r.rows == NULL || r.blocks == NULL)
		return YT_ENOMEM;
	rv = iso_read_rows(
	        arena, &iso_pain002_head, yt_node_get(doc->root, "GrpHdr"), data, "CstmrPmtStsRpt/GrpHdr", fault);
	if (rv == 0)
		rv = iso_read_rows(arena, &iso_pain002_group, yt_node_get(doc->root, "OrgnlGrpInfAndSts"), data,
		        "CstmrPmtStsRpt/OrgnlGrpInfAndSts", fault);
	if (rv == 0)
		rv = put_counts(&r, yt_node_get(doc->root, "OrgnlGrpInfAndSts"), data);
	if (rv == 0)
		rv = open_index(&r, asked);
	if (rv == 0)
		rv = begin_rows(&r, asked);
	if (rv == 0)
		rv = read_levels(&r, data);
	if (rv == 0)
		rv = put_level(&r, data, &r.group);
	if (rv == 0)
		rv = fold(&r, asked, data);
	if (rv < 0)
		return rv;
	if (rv == 1 && r.rows->n > 0) {
		drop_marks(r.rows);
		hang(*body, r.rows, "payout");
	}
	if (r.blocks->n > 0)
		hang(*body, r.blocks, "block");
	return 0;
}

/* -- writing -------------------------------------------------------------------------------------- */

static const char *status_of(enum yt_pay_state state)
{
	static const char *const of[YT_PAY_STATES] = { "PDNG", "ACTC", "ACCP", "ACSP", "PDNG", "ACSC", "RJCT", "CANC",
		"ACSC" };

	return state == YT_PAY_STATES ? "PDNG" : of[state];
}

/* A text of any length as AddtlInf of 105 characters each, cut between characters. */
static void write_text(struct yt_xml_writer *w, struct yt_str text)
{
	size_t n, characters;

	for (unsigned lines = 0; text.n > 0 && lines < 4; lines++, text.p += n, text.n -= n) {
		characters = 0;
		for (n = 0; n < text.n; n++)
			if (((unsigned char)text.p[n] & 0xc0) != 0x80 && characters++ == 105)
				break;
		yt_xml_leaf(w, "AddtlInf", (struct yt_str){ text.p, n });
	}
}

static void write_reason(struct yt_xml_writer *w, struct yt_str code, struct yt_str text)
{
	yt_xml_start(w, "StsRsnInf");
	yt_xml_start(w, "Rsn");
	yt_xml_leaf(w, "Cd", iso_reason_is_known(code) ? code : YT_STR("NARR"));
	yt_xml_end(w);
	write_text(w, text);
	yt_xml_end(w);
}

static void write_row(struct yt_xml_writer *w, const struct yt_node *row)
{
	enum yt_pay_state state = yt_pay_state_of(yt_node_text(row, "pay_state"));

	yt_xml_start(w, "TxInfAndSts");
	yt_xml_leaf(w, "OrgnlInstrId", yt_node_text(row, "pay_no"));
	yt_xml_leaf(w, "OrgnlEndToEndId", yt_node_text(row, "pay_no"));
	yt_xml_leaf(w, "TxSts", yt_str(status_of(state)));
	if (state == YT_PAY_FAILED)
		write_reason(w, yt_node_text(row, "bank_code"), yt_node_text(row, "bank_text"));
	if (yt_node_text(row, "bank_serial").n > 0)
		yt_xml_leaf(w, "AcctSvcrRef", yt_node_text(row, "bank_serial"));
	yt_xml_end(w);
}

/* Rows of the answer in one block after the other, as they were asked. */
static void write_rows(struct yt_xml_writer *w, const struct yt_msg *msg, const struct yt_reply *reply)
{
	const struct yt_node *row = NULL, *first = NULL;
	char path[64];

	if (reply->outcome != YT_DONE || !yt_payout_next(msg->body, &first, path, sizeof(path)) ||
	        yt_node_text(first, "block_no").n == 0)
		return;
	yt_xml_start(w, "OrgnlPmtInfAndSts");
	yt_xml_leaf(w, "OrgnlPmtInfId", yt_node_text(first, "block_no"));
	while (yt_payout_next(reply->body, &row, path, sizeof(path)))
		if (yt_node_text(row, "pay_no").n > 0 && yt_node_text(row, "pay_state").n > 0)
			write_row(w, row);
	yt_xml_end(w);
}

static struct yt_str group_status(const struct yt_msg *msg, const struct yt_reply *reply)
{
	struct yt_str state = yt_node_text(yt_node_get(reply->body, "data"), "pay_state");
	const struct yt_node *rows = yt_node_get(reply->body, "payout");

	if (reply->outcome != YT_DONE)
		return YT_STR("RJCT");
	if (rows != NULL && rows->n > 1)
		return YT_STR("PART");
	if (state.n > 0)
		return yt_str(status_of(yt_pay_state_of(state)));
	return msg->op->id == YT_OP_PAY_ORDER || msg->op->id == YT_OP_PAY_BATCH ? YT_STR("ACCP") : YT_STR("ACTC");
}

int iso_write_report(const struct iso *iso, const struct yt_msg *msg, const struct yt_reply *reply, struct yt_buf *out)
{
	struct yt_str number = reply->own_number.n > 0 ? reply->own_number : YT_STR("SR0");
	struct yt_str original = msg->number.n > 0 && msg->number.n <= 35 ? msg->number : YT_STR("NOTPROVIDED");
	struct yt_str name = yt_node_text(msg->head, "message");
	struct iso_writing doc;
	struct yt_fault fault;

	if (name.n == 0)
		name = msg->wire_op.n > 0 && msg->wire_op.n <= 35 ? msg->wire_op : YT_STR("NOTPROVIDED");
	iso_begin(&doc, reply->arena, "pain.002.001.10", "CstmrPmtStsRpt", out);
	yt_xml_start(&doc.w, "GrpHdr");
	yt_xml_leaf(&doc.w, "MsgId", (struct yt_str){ number.p, number.n > 35 ? 35 : number.n });
	yt_xml_leaf(&doc.w, "CreDtTm", iso_time(reply->arena, reply->wall_ms, msg->time));
	yt_xml_end(&doc.w);
	yt_xml_start(&doc.w, "OrgnlGrpInfAndSts");
	yt_xml_leaf(&doc.w, "OrgnlMsgId", original);
	yt_xml_leaf(&doc.w, "OrgnlMsgNmId", name);
	yt_xml_leaf(&doc.w, "GrpSts", group_status(msg, reply));
	if (reply->outcome != YT_DONE)
		write_reason(&doc.w, reply->code, reply->text);
	yt_xml_end(&doc.w);
	write_rows(&doc.w, msg, reply);
	return iso_end(iso, &doc, &fault);
}
