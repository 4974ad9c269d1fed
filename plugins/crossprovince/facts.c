/* plugins/crossprovince/facts.c - where a value is found when a message is written.
 *
 * body.c asks here for each element outside of rows.  A cross-province message carries more than a local
 * one: what this message does not say, the case's earlier messages said (struct yt_msg.facts), or it
 * follows from them.  Searched in this order, by each canonical name of the row: the object it belongs to, the other
 * objects of the business part, the message's own members, the facts; then the facts by the element's
 * name; then what can be derived; then the row's default.  Nothing is invented: sums are sums of accepted
 * lines whose split the treating platform made. */
#include <stdlib.h>
#include <string.h>

#include "ksbw.h"

static const char *const objects[] = { "data", "mdtrtinfo", "dscginfo", "adminfo", "setlinfo", "baseinfo", "result",
	"druginfo", "refmedin" };

static bool is_amount_type(uint8_t type)
{
	return ksbw_is_number((enum ksbw_type)type);
}

/* -- objects ------------------------------------------------------------------------------------ */

/* The insurance that is in force; employee and resident insurance come before the additional ones. */
static const struct yt_node *insurance_of(const struct yt_node *rows)
{
	const struct yt_node *second = NULL;

	for (const struct yt_node *row = rows->child; row != NULL; row = row->next) {
		struct yt_str type = yt_node_text(row, "insutype"), status = yt_node_text(row, "psn_insu_stas");
		bool is_basic = yt_str_is(type, "310") || yt_str_is(type, "390") || yt_str_is(type, "340");

		if (status.n > 0 && !yt_str_is(status, "1"))
			continue;
		if (is_basic)
			return row;
		if (second == NULL)
			second = row;
	}
	return second != NULL ? second : rows->child;
}

const struct yt_node *ksbw_object(const struct yt_node *body, const char *name)
{
	size_t n = strcspn(name, "[");
	char plain[32];
	const struct yt_node *node;

	if (body == NULL || n >= sizeof(plain))
		return NULL;
	memcpy(plain, name, n);
	plain[n] = '\0';
	node = yt_node_get(body, plain);
	if (node != NULL && node->kind == YT_ARRAY)
		node = strcmp(plain, "insuinfo") == 0 ? insurance_of(node) : node->child;
	return node != NULL && node->kind == YT_OBJECT ? node : NULL;
}

/* -- by name ------------------------------------------------------------------------------------ */

static struct yt_str message_member(const struct yt_msg *msg, const char *name)
{
	const struct {
		const char *name;
		struct yt_str value;
	} members[] = {
		{ "mdtrtarea_admvs", msg->treatment_area },
		{ "insuplc_admdvs", msg->insured_area },
		{ "fixmedins_code", msg->institution },
		{ "fixmedins_name", msg->institution_name },
		{ "opter", msg->operator_id },
		{ "psn_no", msg->person },
		{ "mdtrt_id", msg->visit },
		{ "ipt_no", msg->own_visit },
		{ "chrg_bchno", msg->batch },
		{ "setl_id", msg->settlement },
		{ "msgid", msg->number },
		{ "inf_time", msg->time },
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (strcmp(members[i].name, name) == 0)
			return members[i].value;
	return (struct yt_str){ NULL, 0 };
}

/* Both provinces number visits and settlements: the insured side's numbers are known by their form. */
static bool fits(const struct ksbw_field *f, struct yt_str s)
{
	if (f->type == KSBW_RegNo)
		return s.n == 20 && s.p[0] == 'S';
	if (f->type == KSBW_SetlNo)
		return s.n == 20 && s.p[0] == 'A';
	return s.n > 0;
}

static struct yt_str in_body(const struct yt_node *body, const struct ksbw_field *f, const char *name)
{
	struct yt_str s = { NULL, 0 };

	for (size_t i = 0; i < 3 && f->node[i] != NULL && s.n == 0; i++)
		s = yt_node_text(ksbw_object(body, f->node[i]), name);
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]) && s.n == 0; i++)
		s = yt_node_text(ksbw_object(body, objects[i]), name);
	/* Fee lines name their visit and person each. */
	if (s.n == 0 && !is_amount_type(f->type) && f->type != KSBW_T14 && f->type != KSBW_D8)
		s = yt_node_text(ksbw_object(body, "feedetail"), name);
	return s;
}

/* A change says what has changed, and nothing that the case knew before. */
static bool is_change(const struct ksbw_source *s, const struct ksbw_field *f)
{
	return f->min == 0 && strcmp(s->schema->number, "0213") == 0;
}

static struct yt_str by_name(const struct ksbw_source *s, const struct ksbw_field *f, const char *name)
{
	struct yt_str found = { NULL, 0 };

	if (f->node[0] != NULL)
		found = in_body(s->body, f, name);
	if (!fits(f, found) && !s->is_reply)
		found = message_member(s->msg, name);
	if (!fits(f, found) && !is_change(s, f))
		found = yt_node_text(s->facts, name);
	if (!fits(f, found) && !is_change(s, f))
		found = in_body(s->facts, f, name);
	/* An answer may leave out who and which visit it is about; never an amount. */
	if (!fits(f, found) && s->is_reply && f->min > 0 && !is_amount_type(f->type) && f->type != KSBW_SetlNo && s->msg->body != NULL)
		found = in_body(s->msg->body, f, name);
	return fits(f, found) ? found : (struct yt_str){ NULL, 0 };
}

/* -- sums over the accepted lines --------------------------------------------------------------- */

static const struct yt_node *lines_of(const struct ksbw_source *s)
{
	const struct yt_node *rows = yt_node_get(s->facts, "feedetail");

	/* A composed settlement brings its lines along. */
	if (rows == NULL && (strcmp(s->schema->number, "0303") == 0 || strcmp(s->schema->number, "0304") == 0))
		rows = yt_node_get(s->body, "feedetail");
	return rows != NULL && rows->kind == YT_ARRAY && rows->n > 0 ? rows : NULL;
}

struct line_sum {
	const char *element, *amount, *kind; /* kind: of the line's item ("drug"), NULL for all */
	const char *level;                   /* 甲 is 01, NULL for all */
};

static const struct line_sum line_sums[] = {
	{ "akc264", "det_item_fee_sumamt", NULL, NULL },
	{ "ake171", "inscp_scp_amt", NULL, NULL },
	{ "akc018", "inscp_scp_amt", NULL, "01" },
	{ "akc228", "preselfpay_amt", NULL, NULL },
	{ "akc232", "preselfpay_amt", "drug", NULL },
	{ "akc233", "preselfpay_amt", "treatment", NULL },
	{ "akc234", "preselfpay_amt", "material", NULL },
	{ "akc235", "preselfpay_amt", "other", NULL },
	{ "akc253", "fulamt_ownpay_amt", NULL, NULL },
	{ "akc268", "overlmt_amt", NULL, NULL },
	{ "akc236", "overlmt_amt", "bed", NULL },
};

/* "bed" is also part of "other" own share: 7.6 has no bed there. */
static bool counts(const struct ksbw *k, const struct line_sum *sum, const struct yt_node *row)
{
	struct yt_str kind = ksbw_map_right(&k->line_kinds, yt_node_text(row, "med_chrgitm_type"));

	if (sum->level != NULL && !yt_str_is(yt_node_text(row, "chrgitm_lv"), sum->level))
		return false;
	if (sum->kind == NULL)
		return true;
	if (kind.n == 0)
		kind = YT_STR("treatment");
	return yt_str_is(kind, sum->kind) || (strcmp(sum->kind, "other") == 0 && yt_str_is(kind, "bed"));
}

static struct yt_str sum_lines(const struct ksbw_source *s, const struct ksbw_field *f, bool *no_memory)
{
	const struct yt_node *rows = lines_of(s);
	int64_t total = 0, fen;
	char printed[24];
	struct yt_str kept;

	for (size_t i = 0; rows != NULL && i < sizeof(line_sums) / sizeof(line_sums[0]); i++) {
		const struct line_sum *sum = &line_sums[i];

		if (strcmp(sum->element, f->wire) != 0)
			continue;
		for (const struct yt_node *row = rows->child; row != NULL; row = row->next) {
			if (!counts(s->k, sum, row))
				continue;
			/* A line without its split makes no sum: the element is then missing, and says so. */
			if (yt_node_text(row, sum->amount).n == 0 || yt_node_fen(row, sum->amount, &fen) != 0)
				return (struct yt_str){ NULL, 0 };
			total += fen;
		}
		yt_fen_print(total, printed);
		kept = yt_arena_copy(s->arena, yt_str(printed));
		*no_memory = kept.p == NULL;
		return kept;
	}
	return (struct yt_str){ NULL, 0 };
}

static int by_number(const void *a, const void *b)
{
	struct yt_str x = yt_node_text(*(const struct yt_node *const *)a, "feedetl_sn");
	struct yt_str y = yt_node_text(*(const struct yt_node *const *)b, "feedetl_sn");
	int order = memcmp(x.p != NULL ? x.p : "", y.p != NULL ? y.p : "", x.n < y.n ? x.n : y.n);

	return order != 0 ? order : (x.n > y.n) - (x.n < y.n);
}

/* Four decimals, as the hash has it. */
static bool add_scaled(struct yt_buf *out, struct yt_str text)
{
	int64_t value;

	if (!ksbw_scaled(text, &value))
		return false;
	yt_buf_printf(out, "%s%lld.%04lld|", value < 0 ? "-" : "", (long long)(value < 0 ? -value : value) / 10000,
	        (long long)(value < 0 ? -value : value) % 10000);
	return true;
}

static bool add_line(struct yt_buf *out, const struct yt_node *row)
{
	char amount[24];
	int64_t fen;

	yt_buf_str(out, yt_node_text(row, "feedetl_sn"));
	yt_buf_byte(out, '|');
	yt_buf_str(out, yt_node_text(row, "med_list_codg"));
	yt_buf_byte(out, '|');
	if (!add_scaled(out, yt_node_text(row, "cnt")) || !add_scaled(out, yt_node_text(row, "pric")) ||
	        yt_node_fen(row, "det_item_fee_sumamt", &fen) != 0)
		return false;
	yt_fen_print(fen, amount);
	yt_buf_printf(out, "%s\n", amount);
	return true;
}

int ksbw_fee_hash(struct yt_arena *arena, const struct yt_node *rows, char out[65])
{
	const struct yt_node **sorted = yt_arena_alloc(arena, (rows->n > 0 ? rows->n : 1) * sizeof(const struct yt_node *));
	struct yt_buf text = { 0 }, hex = { 0 };
	uint8_t digest[32];
	size_t n = 0;
	int rv = 0;

	if (sorted == NULL)
		return YT_ENOMEM;
	for (const struct yt_node *row = rows->child; row != NULL; row = row->next)
		sorted[n++] = row;
	qsort(sorted, n, sizeof(const struct yt_node *), by_number);
	for (size_t i = 0; i < n && rv == 0; i++)
		rv = add_line(&text, sorted[i]) ? 0 : YT_EFORMAT;
	if (rv == 0)
		rv = text.failed ? YT_ENOMEM : 0;
	if (rv == 0) {
		yt_sm3(yt_buf_view(&text), digest);
		yt_hex_add(&hex, digest, sizeof(digest), false);
		rv = hex.failed ? YT_ENOMEM : 0;
	}
	if (rv == 0) {
		memcpy(out, hex.p, 64);
		out[64] = '\0';
	}
	yt_buf_free(&text);
	yt_buf_free(&hex);
	return rv;
}

/* -- what follows from something else ----------------------------------------------------------- */

static struct yt_str anywhere(const struct ksbw_source *s, const char *name)
{
	struct ksbw_field any = { .type = KSBW_C200, .node = { "data", NULL, NULL } };

	return by_name(s, &any, name);
}

/* Optional elements stay away unless the message itself brings what they are derived of. */
static bool may_derive(const struct ksbw_field *f)
{
	static const char *const optional[] = { "ecqrcode", "nothird", "ykc601", "ykc602" };

	for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]) && f->min == 0; i++)
		if (strcmp(f->wire, optional[i]) == 0)
			return true;
	return f->min > 0;
}

static const struct yt_node *diagnosis_rows(const struct ksbw_source *s)
{
	const struct yt_node *rows = yt_node_get(s->body, "diseinfo");

	if ((rows == NULL || rows->kind != YT_ARRAY || rows->n == 0) && strcmp(s->schema->number, "0213") != 0)
		rows = yt_node_get(s->facts, "diseinfo");
	return rows != NULL && rows->kind == YT_ARRAY ? rows : NULL;
}

/* The main diagnosis (nth 0: the one marked so, or the first), then the others in their order. */
static struct yt_str diagnosis(const struct ksbw_source *s, unsigned nth, const char *member)
{
	const struct yt_node *rows = diagnosis_rows(s), *main_row = rows != NULL ? rows->child : NULL;

	for (const struct yt_node *row = main_row; row != NULL; row = row->next)
		if (yt_str_is(yt_node_text(row, "maindiag_flag"), "1"))
			main_row = row;
	if (nth == 0)
		return yt_node_text(main_row, member);
	for (const struct yt_node *row = rows != NULL ? rows->child : NULL; row != NULL; row = row->next)
		if (row != main_row && --nth == 0)
			return yt_node_text(row, member);
	return (struct yt_str){ NULL, 0 };
}

static struct yt_str diagnosis_for(const struct ksbw_source *s, const char *wire)
{
	if (strcmp(wire, "akc050") == 0 || strcmp(wire, "akc185") == 0)
		return diagnosis(s, 0, "diag_name");
	if (strcmp(wire, "akc193") == 0 || strcmp(wire, "akc196") == 0)
		return diagnosis(s, 0, "diag_code");
	if (strcmp(wire, "ykc601") == 0)
		return diagnosis(s, 1, "diag_code");
	if (strcmp(wire, "ykc602") == 0)
		return diagnosis(s, 2, "diag_code");
	return (struct yt_str){ NULL, 0 };
}

/* Rows of this message say more than what the case knew before: a discharge has another diagnosis than the
 * admission. */
static struct yt_str newer_diagnosis(const struct ksbw_source *s, const struct ksbw_field *f)
{
	const struct yt_node *rows = yt_node_get(s->body, "diseinfo");

	if (s->is_reply || rows == NULL || rows->kind != YT_ARRAY || rows->n == 0)
		return (struct yt_str){ NULL, 0 };
	for (size_t i = 0; i < 3 && f->name[i] != NULL; i++)
		if (in_body(s->body, f, f->name[i]).n > 0)
			return (struct yt_str){ NULL, 0 };
	return diagnosis_for(s, f->wire);
}

static struct yt_str credential(const struct ksbw_source *s, const char *wire)
{
	struct yt_str type = anywhere(s, "mdtrt_cert_type"), number = anywhere(s, "mdtrt_cert_no");
	bool is_id_card = yt_str_is(type, "02");

	if (strcmp(wire, "ecqrcode") == 0 && yt_str_is(type, "01"))
		return number;
	if (strcmp(wire, "aac044") == 0 && is_id_card)
		return number;
	if (strcmp(wire, "aac043") == 0 && (is_id_card || anywhere(s, "certno").n == 18))
		return YT_STR("01");
	return (struct yt_str){ NULL, 0 };
}

static struct yt_str derived(const struct ksbw_source *s, const struct ksbw_field *f, bool *no_memory)
{
	const char *w = f->wire;
	const struct yt_node *rows = lines_of(s);
	struct yt_str found = diagnosis_for(s, w);
	char hash[65];

	if (found.n > 0)
		return found;
	if (strncmp(w, "aac04", 5) == 0 || strcmp(w, "ecqrcode") == 0)
		return credential(s, w);
	if (strcmp(w, "ake007") == 0 || strcmp(w, "aae036") == 0)
		return s->msg->time;
	/* Nobody checks the name; one that we were not told is better the code than missing. */
	if (strcmp(w, "akb021") == 0)
		return s->msg->institution;
	if (strcmp(w, "aka130") == 0 && f->from == NULL)
		return YT_STR("11");
	if (strcmp(w, "emerg") == 0) {
		struct yt_str type = anywhere(s, "med_type");

		return yt_str_is(type, "13") || yt_str_is(type, "24") ? YT_STR("1") : YT_STR("0");
	}
	if (strcmp(w, "nothird") == 0 && yt_str_is(anywhere(s, "rel_ttp_flag"), "0") &&
	        yt_str_is(anywhere(s, "trum_flag"), "1"))
		return YT_STR("1");
	if (strcmp(w, "otransid") == 0 && f->type == KSBW_TransId0 && yt_str_is(anywhere(s, "feedetl_sn"), "0000"))
		return YT_STR("0");
	if (rows != NULL && strcmp(w, "feecnt") == 0)
		return yt_arena_printf(s->arena, "%u", rows->n);
	if (rows != NULL && strcmp(w, "feehash") == 0)
		return ksbw_fee_hash(s->arena, rows, hash) == 0 ? yt_arena_copy(s->arena, yt_str(hash))
		                                                : (struct yt_str){ NULL, 0 };
	return sum_lines(s, f, no_memory);
}

/* Two amounts that the wire has as one. */
static struct yt_str sum_of_names(const struct ksbw_source *s, const struct ksbw_field *f, bool *no_memory)
{
	struct yt_str kept;
	char printed[24];
	int64_t total = 0;
	bool found = false;

	for (size_t i = 0; i < 3 && f->name[i] != NULL; i++) {
		struct yt_str part = by_name(s, f, f->name[i]);
		int64_t fen;

		if (part.n == 0)
			continue;
		if (yt_fen_parse(part, &fen) != 0)
			return part; /* refused by its form */
		total += fen;
		found = true;
	}
	if (!found)
		return (struct yt_str){ NULL, 0 };
	yt_fen_print(total, printed);
	kept = yt_arena_copy(s->arena, yt_str(printed));
	*no_memory = kept.p == NULL;
	return kept;
}

struct yt_str ksbw_find(const struct ksbw_source *s, const struct ksbw_field *f, bool *no_memory)
{
	struct yt_str found = { NULL, 0 };

	*no_memory = false;
	if (f->type == KSBW_AmtSum)
		found = sum_of_names(s, f, no_memory);
	else if (f->min > 0)
		found = newer_diagnosis(s, f);
	for (size_t i = 0; i < 3 && f->name[i] != NULL && found.n == 0 && f->type != KSBW_AmtSum; i++)
		found = by_name(s, f, f->name[i]);
	if (found.n == 0 && !*no_memory && !is_change(s, f)) {
		found = yt_node_text(s->facts, f->wire);
		if (!fits(f, found))
			found = (struct yt_str){ NULL, 0 };
	}
	if (found.n == 0 && !*no_memory && !s->is_reply && may_derive(f))
		found = derived(s, f, no_memory);
	if (found.n == 0 && !*no_memory && f->fallback != NULL && f->min > 0)
		found = yt_str(f->fallback);
	return found;
}
