/* plugins/iso20022/order.c - pain.001: payouts in blocks, one per paying account, business and day (bank.md 3.2).
 *
 * Each payout becomes a flat object of wire values (make_tx), checked as at every bank before; rows.c writes it.
 * Reading is the way back, for what we sent and for orders that others send us. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iso.h"

struct block {
	struct yt_payout first; /* what all of the block share */
	int64_t fen;
	uint32_t n;
};

struct order {
	const struct iso *iso;
	const struct yt_msg *msg;
	struct yt_str number, today;
	struct yt_payout *payouts;
	const struct yt_node **rows; /* of each: its row, for block_no */
	uint8_t *block_of;
	uint32_t n;
	struct block blocks[ISO_BLOCKS_MAX];
	uint32_t n_blocks;
	int64_t fen;
};

/* -- code maps ----------------------------------------------------------------------------------- */

static const char *category_of(const struct yt_payout *p)
{
	return yt_str_is(p->type, "HS") ? "GOVT" : yt_str_is(p->type, "IN") ? "OTHR" : "SSBE";
}

static const char *purpose_of(const struct yt_payout *p)
{
	return yt_str_is(p->type, "HS") ? "HSPC" : yt_str_is(p->type, "IN") ? "INSC" : "SSBE";
}

static const char *service_of(const struct yt_payout *p)
{
	return yt_str_is(p->channel, "H") ? "URGP" : yt_str_is(p->channel, "I") ? "INST" : "NURG";
}

static const char *channel_of(struct yt_str service)
{
	return yt_str_is(service, "URGP") ? "H" : yt_str_is(service, "INST") ? "I" : "S";
}

/* -- gathering ------------------------------------------------------------------------------------ */

static bool same_block(const struct yt_payout *a, const struct yt_payout *b)
{
	return yt_str_eq(a->payer_acct, b->payer_acct) && yt_str_eq(a->payer_name, b->payer_name) &&
	       yt_str_eq(a->payer_bank_no, b->payer_bank_no) && yt_str_eq(a->date, b->date) &&
	       strcmp(category_of(a), category_of(b)) == 0 && strcmp(service_of(a), service_of(b)) == 0;
}

static int put_into_block(struct order *o, uint32_t i, const char *path, struct yt_fault *fault)
{
	struct yt_payout *p = &o->payouts[i];
	uint32_t b = 0;

	while (b < o->n_blocks && !same_block(&o->blocks[b].first, p))
		b++;
	if (b == ISO_BLOCKS_MAX)
		return iso_refuse(fault, path, "", "is of more than 99 paying accounts, businesses and days: split it");
	if (b == o->n_blocks)
		o->blocks[o->n_blocks++].first = *p;
	o->block_of[i] = (uint8_t)b;
	o->blocks[b].n++;
	o->blocks[b].fen += p->amount_fen;
	o->fen += p->amount_fen;
	return 0;
}

static uint32_t count_payouts(const struct yt_node *body)
{
	const struct yt_node *rows = yt_node_get(body, "payout");

	return rows != NULL && rows->kind == YT_ARRAY ? rows->n : 1;
}

static int by_number(const void *a, const void *b)
{
	const struct yt_str *x = a, *y = b; /* all have 22 characters */

	return memcmp(x->p, y->p, YT_PAY_NO_LEN);
}

static int check_unique(struct order *o, struct yt_fault *fault)
{
	struct yt_str *numbers = yt_arena_alloc(o->msg->arena, (o->n + 1) * sizeof(numbers[0]));

	if (numbers == NULL)
		return YT_ENOMEM;
	for (uint32_t i = 0; i < o->n; i++)
		numbers[i] = o->payouts[i].no;
	qsort(numbers, o->n, sizeof(numbers[0]), by_number);
	for (uint32_t i = 1; i < o->n; i++)
		if (yt_str_eq(numbers[i - 1], numbers[i]))
			return iso_refuse(fault, "input.payout", "", "has the same pay_no twice");
	return 0;
}

static int take_payout(struct order *o, const struct yt_node *row, const char *path, struct yt_fault *fault)
{
	struct yt_payout *p = &o->payouts[o->n];
	int rv = yt_payout_read(o->msg->body, row, path, p, fault);

	if (rv == 0)
		rv = yt_payout_check(p, path, o->iso->limit_fen, NULL, fault);
	if (rv != 0)
		return rv;
	if (p->payer_name.n == 0)
		return iso_refuse(fault, path, "payer_name", "is missing");
	if (p->payer_bank_no.n == 0)
		return iso_refuse(
		        fault, path, "payer_bank_no", "is missing: the line number of the paying account's bank");
	if (p->date.n == 0)
		p->date = o->today;
	o->rows[o->n] = row;
	rv = put_into_block(o, o->n, path, fault);
	o->n++;
	return rv;
}

static int gather(struct order *o, struct yt_fault *fault)
{
	uint32_t n = count_payouts(o->msg->body);
	const struct yt_node *row = NULL;
	struct yt_arena *arena = o->msg->arena;
	char path[64] = "";
	int rv = 0;

	if (n == 0 || n > o->iso->payouts_max) {
		iso_refuse(fault, "input.payout", "", "");
		snprintf(fault->why, sizeof(fault->why), "has %u payouts: 1 to %u go into one message", n,
		        o->iso->payouts_max);
		return n == 0 ? YT_EFORMAT : YT_ELIMIT;
	}
	o->payouts = yt_arena_alloc(arena, n * sizeof(o->payouts[0]));
	o->rows = yt_arena_alloc(arena, n * sizeof(o->rows[0]));
	o->block_of = yt_arena_alloc(arena, n);
	if (o->payouts == NULL || o->rows == NULL || o->block_of == NULL)
		return YT_ENOMEM;
	while (rv == 0 && yt_payout_next(o->msg->body, &row, path, sizeof(path)))
		rv = take_payout(o, row, path, fault);
	if (rv == 0 && o->n == 0)
		rv = iso_refuse(fault, "input.data.pay_no", "", "is missing");
	return rv == 0 ? check_unique(o, fault) : rv;
}

/* -- writing -------------------------------------------------------------------------------------- */

static int put(struct yt_arena *arena, struct yt_node *object, const char *name, struct yt_str text)
{
	return text.n == 0 || yt_node_add_text(arena, object, name, text) != NULL ? 0 : YT_ENOMEM;
}

static int put_fen(struct yt_arena *arena, struct yt_node *object, const char *name, int64_t fen)
{
	return yt_node_add_fen(arena, object, name, fen) != NULL ? 0 : YT_ENOMEM;
}

static int put_count(struct yt_arena *arena, struct yt_node *object, const char *name, uint32_t n)
{
	return put(arena, object, name, yt_arena_printf(arena, "%u", n));
}

static int write_head(struct order *o, struct iso_writing *doc, struct yt_fault *fault)
{
	struct yt_arena *arena = o->msg->arena;
	struct yt_node *head = yt_node_new(arena, YT_OBJECT);
	struct yt_str initiator = o->iso->initiator.n > 0 ? o->iso->initiator : o->payouts[0].payer_name;
	int rv = head == NULL ? YT_ENOMEM : put(arena, head, "msg_no", o->number);

	if (rv == 0)
		rv = put(arena, head, "created", iso_time(arena, o->msg->wall_ms, o->msg->time));
	if (rv == 0)
		rv = put_count(arena, head, "pay_cnt", o->n);
	if (rv == 0)
		rv = put_fen(arena, head, "pay_sumamt", o->fen);
	if (rv == 0)
		rv = put(arena, head, "initiator_name", initiator);
	if (rv == 0)
		rv = put(arena, head, "customer_no", o->iso->customer);
	yt_xml_start(&doc->w, "GrpHdr");
	if (rv == 0)
		rv = iso_write_rows(&doc->w, &iso_pain001_head, head, o->iso->edition, "head", fault);
	yt_xml_end(&doc->w);
	return rv;
}

/* PmtInfId: PB and the digits of the message's number, whose last two count blocks; behind a number that is not made so
 * the count is appended.  What the body says itself comes first. */
static struct yt_str block_number(struct order *o, uint32_t b)
{
	struct yt_str n = o->number;

	for (uint32_t i = 0; i < o->n; i++)
		if (o->block_of[i] == b && yt_node_text(o->rows[i], "block_no").n > 0)
			return yt_node_text(o->rows[i], "block_no");
	if (n.n == 22 && n.p[0] == 'P' && n.p[1] == 'M' && n.p[20] == '0' && n.p[21] == '0')
		return yt_arena_printf(o->msg->arena, "PB%.18s%02u", n.p + 2, b + 1);
	return yt_arena_printf(o->msg->arena, "%.*s%02u", (int)(n.n < 33 ? n.n : 33), n.p, b + 1);
}

static struct yt_node *make_block(struct order *o, uint32_t b)
{
	struct yt_arena *arena = o->msg->arena;
	struct yt_node *v = yt_node_new(arena, YT_OBJECT);
	const struct block *block = &o->blocks[b];
	const struct yt_payout *p = &block->first;
	bool is_high = yt_str_is(p->channel, "H");

	if (v == NULL || put(arena, v, "block_no", block_number(o, b)) != 0 ||
	        put(arena, v, "batch_booking", o->iso->books_batches ? YT_STR("1") : YT_STR("0")) != 0 ||
	        put_count(arena, v, "block_cnt", block->n) != 0 || put_fen(arena, v, "block_amt", block->fen) != 0 ||
	        put(arena, v, "priority", is_high ? YT_STR("HIGH") : YT_STR("NORM")) != 0 ||
	        put(arena, v, "service_level", yt_str(service_of(p))) != 0 ||
	        put(arena, v, "category", yt_str(category_of(p))) != 0 || put(arena, v, "pay_date", p->date) != 0 ||
	        put(arena, v, "payer_name", p->payer_name) != 0 || put(arena, v, "payer_acct", p->payer_acct) != 0 ||
	        put(arena, v, "payer_bank_no", p->payer_bank_no) != 0 ||
	        put(arena, v, "payer_bank_name", p->payer_bank_name) != 0)
		return NULL;
	return v;
}

/* The identity number goes out only to a bank that compares it. */
static int put_identity(struct yt_arena *arena, struct yt_node *v, const struct yt_payout *p)
{
	if (!yt_str_is(p->name_check, "2") || p->certno.n == 0)
		return 0;
	if (put(arena, v, "certno", p->certno) != 0)
		return YT_ENOMEM;
	if (yt_str_is(p->cert_type, "01"))
		return put(arena, v, "cert_scheme", YT_STR("NIDN"));
	return yt_str_is(p->cert_type, "08") ? put(arena, v, "cert_scheme", YT_STR("CCPT")) : 0;
}

static struct yt_node *make_tx(struct order *o, const struct yt_payout *p)
{
	struct yt_arena *arena = o->msg->arena;
	struct yt_node *v = yt_node_new(arena, YT_OBJECT);
	struct yt_str uetr = p->uetr, text = p->purpose;
	char made[37];

	if (uetr.n == 0) {
		yt_pay_uetr(o->iso->customer, p->no, made);
		uetr = yt_arena_copy(arena, yt_str(made));
	}
	if (p->memo.n > 0)
		text = yt_arena_printf(arena, "%.*s %.*s", YT_FMT(p->purpose), YT_FMT(p->memo));
	if (v == NULL || uetr.p == NULL || text.p == NULL || put(arena, v, "instr_no", p->no) != 0 ||
	        put(arena, v, "pay_no", p->no) != 0 || put(arena, v, "uetr", uetr) != 0 ||
	        put_fen(arena, v, "pay_amt", p->amount_fen) != 0 || put(arena, v, "behalf_name", p->behalf_name) != 0 ||
	        put(arena, v, "payee_bank_no", p->payee_bank_no) != 0 ||
	        put(arena, v, "payee_bank_name", p->payee_bank_name) != 0 ||
	        put(arena, v, "payee_name", p->payee_name) != 0 || put_identity(arena, v, p) != 0 ||
	        put(arena, v, "payee_acct", p->payee_acct) != 0 ||
	        put(arena, v, "purpose_code", yt_str(purpose_of(p))) != 0 || put(arena, v, "remittance", text) != 0)
		return NULL;
	return v;
}

static int write_block(struct order *o, uint32_t b, struct iso_writing *doc, struct yt_fault *fault)
{
	struct yt_node *v = make_block(o, b);
	bool is_list = yt_node_get(o->msg->body, "payout") != NULL;
	char path[64];
	int rv = v == NULL ? YT_ENOMEM : 0;

	yt_xml_start(&doc->w, "PmtInf");
	if (rv == 0)
		rv = iso_write_rows(&doc->w, &iso_pain001_block, v, o->iso->edition, "input.data", fault);
	for (uint32_t i = 0; i < o->n && rv == 0; i++) {
		if (o->block_of[i] != b)
			continue;
		snprintf(path, sizeof(path), is_list ? "input.payout[%u]" : "input.data", i);
		v = make_tx(o, &o->payouts[i]);
		yt_xml_start(&doc->w, "CdtTrfTxInf");
		rv = v == NULL ? YT_ENOMEM : iso_write_rows(&doc->w, &iso_pain001_tx, v, o->iso->edition, path, fault);
		yt_xml_end(&doc->w);
	}
	yt_xml_end(&doc->w);
	return rv;
}

int iso_write_order(const struct iso *iso, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault)
{
	struct order *o = yt_arena_alloc(msg->arena, sizeof(*o));
	struct iso_writing doc;
	size_t from = out->n;
	int rv;

	if (o == NULL)
		return YT_ENOMEM;
	o->iso = iso;
	o->msg = msg;
	o->number = msg->own_number.n > 0 ? msg->own_number : msg->number;
	o->today = iso_time(msg->arena, msg->wall_ms, msg->time);
	if (o->today.p == NULL)
		return YT_ENOMEM;
	o->today.n = 10;
	rv = gather(o, fault);
	if (rv != 0)
		return rv;
	iso_begin(
	        &doc, msg->arena, iso->edition == '9' ? "pain.001.001.09" : "pain.001.001.03", "CstmrCdtTrfInitn", out);
	rv = write_head(o, &doc, fault);
	for (uint32_t b = 0; b < o->n_blocks && rv == 0; b++)
		rv = write_block(o, b, &doc, fault);
	if (rv == 0)
		return iso_end(iso, &doc, fault);
	out->n = from;
	return rv;
}

/* -- reading -------------------------------------------------------------------------------------- */

static int move_text(struct yt_arena *arena, struct yt_node *v, const char *from, const char *to, struct yt_str text)
{
	struct yt_node *node = yt_node_get(v, from);

	(void)arena;
	if (node == NULL)
		return 0;
	node->name = yt_str(to);
	node->text = text;
	return 0;
}

/* What stands in the block's place or in the codes of others becomes what a payout says itself. */
static int complete_tx(struct yt_arena *arena, struct yt_node *v, const struct yt_node *block)
{
	static const char *const shared[] = { "block_no", "pay_date", "payer_name", "payer_acct", "payer_bank_no",
		"payer_bank_name" };
	struct yt_str no = yt_node_text(v, "pay_no"), text = yt_node_text(v, "remittance"),
	              scheme = yt_node_text(v, "cert_scheme");
	const char *blank = text.n > 0 ? memchr(text.p, ' ', text.n) : NULL;
	int rv = 0;

	for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]) && rv == 0; i++)
		rv = put(arena, v, shared[i], yt_node_text(block, shared[i]));
	if (rv == 0)
		rv = put(arena, v, "pay_channel", yt_str(channel_of(yt_node_text(block, "service_level"))));
	if (rv == 0 && yt_pay_no_is_valid(no))
		rv = put(arena, v, "pay_type", (struct yt_str){ no.p, 2 });
	if (rv == 0 && yt_node_text(v, "certno").n > 0)
		rv = put(arena, v, "name_check", YT_STR("2"));
	if (rv == 0 && scheme.n > 0)
		rv = move_text(arena, v, "cert_scheme", "psn_cert_type",
		        yt_str_is(scheme, "NIDN")   ? YT_STR("01")
		        : yt_str_is(scheme, "CCPT") ? YT_STR("08")
		                                    : YT_STR("99"));
	if (rv == 0 && blank != NULL) {
		size_t n = (size_t)(blank - text.p);

		rv = put(arena, v, "memo", (struct yt_str){ blank + 1, text.n - n - 1 });
		text.n = n;
	}
	return rv == 0 ? move_text(arena, v, "remittance", "purpose", text) : rv;
}

struct reading {
	struct yt_arena *arena;
	struct yt_node *rows; /* array */
	int64_t fen;
	uint32_t n;
	struct yt_fault *fault;
};

static int read_tx(struct reading *r, const struct yt_node *element, const struct yt_node *block, const char *path)
{
	struct yt_node *v = yt_node_add(r->arena, r->rows, (struct yt_str){ 0 }, YT_OBJECT);
	int64_t fen;
	int rv = v == NULL ? YT_ENOMEM : iso_read_rows(r->arena, &iso_pain001_tx, element, v, path, r->fault);

	if (rv != 0)
		return rv;
	if (yt_node_fen(v, "pay_amt", &fen) != 0 || fen <= 0)
		return iso_refuse(r->fault, path, "Amt/InstdAmt", "must be more than 0");
	r->fen += fen;
	r->n++;
	return complete_tx(r->arena, v, block);
}

/* Totals are there to be compared. */
static int check_total(struct reading *r, const struct yt_node *v, const char *cnt, const char *amt, uint32_t n,
        int64_t fen, const char *path)
{
	int64_t told;

	if (yt_node_text(v, cnt).n > 0 && !iso_counts(yt_node_text(v, cnt), n))
		return iso_refuse(r->fault, path, "NbOfTxs", "is not the number of transfers");
	if (yt_node_text(v, amt).n > 0 && (yt_node_fen(v, amt, &told) != 0 || told != fen))
		return iso_refuse(r->fault, path, "CtrlSum", "is not the sum of the transfers");
	return 0;
}

static int read_block(struct reading *r, const struct yt_node *element, uint32_t b)
{
	struct yt_node *v = yt_node_new(r->arena, YT_OBJECT);
	uint32_t before = r->n, i = 0;
	int64_t fen = r->fen;
	char path[96];
	int rv;

	snprintf(path, sizeof(path), "CstmrCdtTrfInitn/PmtInf[%u]", b);
	rv = v == NULL ? YT_ENOMEM : iso_read_rows(r->arena, &iso_pain001_block, element, v, path, r->fault);
	for (const struct yt_node *tx = yt_node_get(element, "CdtTrfTxInf"); tx != NULL && rv == 0;
	        tx = yt_xml_next(tx)) {
		snprintf(path, sizeof(path), "CstmrCdtTrfInitn/PmtInf[%u]/CdtTrfTxInf[%u]", b, i++);
		rv = r->n < ISO_PAYOUTS_MAX ? read_tx(r, tx, v, path) : YT_ELIMIT;
		if (rv == YT_ELIMIT)
			iso_refuse(r->fault, path, "", "is more than 10000 transfers in one message");
	}
	snprintf(path, sizeof(path), "CstmrCdtTrfInitn/PmtInf[%u]", b);
	return rv != 0 ? rv : check_total(r, v, "block_cnt", "block_amt", r->n - before, r->fen - fen, path);
}

/* One transfer is an order, several are a list. */
static int give_body(struct reading *r, const struct yt_node *head, struct yt_msg *msg)
{
	struct yt_arena *arena = r->arena;
	struct yt_node *data;

	msg->op = yt_op(r->n == 1 ? YT_OP_PAY_ORDER : YT_OP_PAY_BATCH);
	msg->amount_fen = r->fen;
	msg->body = yt_node_new(arena, YT_OBJECT);
	data = msg->body != NULL ? yt_node_add(arena, msg->body, YT_STR("data"), YT_OBJECT) : NULL;
	if (data == NULL)
		return YT_ENOMEM;
	if (r->n == 1) {
		*data = *r->rows->child;
		data->name = YT_STR("data");
		data->next = NULL;
		return 0;
	}
	if (put_count(arena, data, "pay_cnt", r->n) != 0 || put_fen(arena, data, "pay_sumamt", r->fen) != 0 ||
	        put(arena, data, "batch_no", yt_node_text(head, "msg_no")) != 0)
		return YT_ENOMEM;
	r->rows->name = YT_STR("payout");
	r->rows->next = NULL;
	data->next = r->rows;
	msg->body->last = r->rows;
	msg->body->n++;
	return 0;
}

int iso_read_order(const struct iso *iso, const struct iso_document *doc, struct yt_msg *msg, struct yt_fault *fault)
{
	struct reading r = { .arena = msg->arena, .fault = fault };
	struct yt_node *head = yt_node_new(msg->arena, YT_OBJECT);
	const struct yt_node *element = yt_node_get(doc->root, "GrpHdr");
	uint32_t b = 0;
	int rv;

	(void)iso;
	r.rows = yt_node_new(msg->arena, YT_ARRAY);
	if (head == NULL || r.rows == NULL)
		return YT_ENOMEM;
	rv = iso_read_rows(msg->arena, &iso_pain001_head, element, head, "CstmrCdtTrfInitn/GrpHdr", fault);
	msg->number = yt_node_text(head, "msg_no");
	msg->institution = yt_node_text(head, "customer_no");
	for (const struct yt_node *p = yt_node_get(doc->root, "PmtInf"); p != NULL && rv == 0; p = yt_xml_next(p))
		rv = read_block(&r, p, b++);
	if (rv == 0 && r.n == 0)
		rv = iso_refuse(fault, "CstmrCdtTrfInitn/PmtInf", "", "has no transfer");
	if (rv == 0)
		rv = check_total(&r, head, "pay_cnt", "pay_sumamt", r.n, r.fen, "CstmrCdtTrfInitn/GrpHdr");
	return rv != 0 ? rv : give_body(&r, head, msg);
}

/* Enough of the octets to know the number: the first MsgId is GrpHdr's. */
struct yt_str iso_sent_number(const struct yt_msg *msg)
{
	struct yt_str s = msg->sent;
	const char *from = s.n > 0 ? memmem(s.p, s.n, "<MsgId>", 7) : NULL, *to;

	if (from == NULL)
		return msg->own_number.n > 0 ? msg->own_number : msg->number;
	from += 7;
	to = memmem(from, s.n - (size_t)(from - s.p), "<", 1);
	return (struct yt_str){ from, to != NULL ? (size_t)(to - from) : 0 };
}
