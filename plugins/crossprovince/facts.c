/* plugins/crossprovince/facts.c - where a value is found when a message is written.
 *
 * body.c asks here for each element outside of rows.  A cross-province message carries more than a local
 * one: what this message does not say, the case's earlier messages said (struct yt_msg.facts), or it
 * follows from them.  Searched in this order: by each canonical name of the row, the object it belongs to and the other
 * objects of the business part; by each name again, the message's own members and the facts; then the facts by the
 * element's name; then what can be derived; then the row's default.  Nothing is invented: sums are sums of accepted
 * lines whose split the treating platform made. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "ksbw.h"

/* In the order in which they are looked into; the last only for what names person and visit. */
static const char *const objects[] = { "data", "mdtrtinfo", "dscginfo", "adminfo", "setlinfo", "baseinfo", "result",
	"druginfo", "refmedin", "insuinfo", "idetinfo", "feedetail" };
#define N_PLAIN 9
#define FEES 11
_Static_assert(sizeof(objects) / sizeof(objects[0]) == KSBW_OBJECTS, "each object has its place");

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

static struct yt_str message_member(const struct yt_msg *msg, struct yt_str name)
{
	static const struct {
		struct yt_str name;
		size_t at; /* in struct yt_msg */
	} members[] = {
#define MEMBER(name, member) { { name, sizeof(name) - 1 }, offsetof(struct yt_msg, member) }
		MEMBER("mdtrtarea_admvs", treatment_area),
		MEMBER("insuplc_admdvs", insured_area),
		MEMBER("fixmedins_code", institution),
		MEMBER("fixmedins_name", institution_name),
		MEMBER("opter", operator_id),
		MEMBER("psn_no", person),
		MEMBER("mdtrt_id", visit),
		MEMBER("ipt_no", own_visit),
		MEMBER("chrg_bchno", batch),
		MEMBER("setl_id", settlement),
		MEMBER("msgid", number),
		MEMBER("inf_time", time),
#undef MEMBER
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (yt_str_eq(members[i].name, name))
			return *(const struct yt_str *)((const char *)msg + members[i].at);
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

/* -- members by name ---------------------------------------------------------------------------- */

/* A few characters tell names apart: reading all of each name cost more than the comparisons it saved. */
static size_t bucket_of(struct yt_str name)
{
	const uint8_t *p = (const uint8_t *)name.p;

	return name.n == 0 ? 0 : (name.n + p[0] * 3u + p[name.n / 2] * 5u + p[name.n - 1] * 7u) % KSBW_BUCKETS;
}

static void put_member(struct ksbw_index *x, struct ksbw_member *m, const struct yt_node *node, size_t place)
{
	struct ksbw_bucket *bucket = &x->buckets[bucket_of(node->name)];

	m->node = node;
	m->place = place;
	m->next = NULL;
	if (bucket->first == NULL)
		bucket->first = m;
	else
		bucket->last->next = m;
	bucket->last = m;
}

/* Made when it is first asked: a message asks for some sixty elements, each of which may stand in a dozen objects.  A
 * bucket has its members in the order of objects[], and at last the tree's own. */
static const struct ksbw_index *index_of(struct ksbw_source *s, struct ksbw_index *x, const struct yt_node *tree)
{
	const struct yt_node *object[KSBW_OBJECTS + 1];
	struct ksbw_member *m;
	size_t n = 1;

	if (x->known)
		return x;
	x->known = true;
	for (size_t i = 0; i <= KSBW_OBJECTS; i++) {
		object[i] = i < KSBW_OBJECTS ? ksbw_object(tree, objects[i]) : tree;
		n += object[i] != NULL ? object[i]->n : 0;
	}
	m = yt_arena_alloc(s->arena, n * sizeof(*m));
	s->no_memory = s->no_memory || m == NULL;
	for (size_t i = 0; i <= KSBW_OBJECTS && m != NULL; i++)
		for (const struct yt_node *c = object[i] != NULL ? object[i]->child : NULL; c != NULL; c = c->next)
			put_member(x, m++, c, i);
	return x;
}

/* The first of that name from m on, or NULL. */
static const struct ksbw_member *named(const struct ksbw_member *m, struct yt_str name)
{
	while (m != NULL && !yt_str_eq(m->node->name, name))
		m = m->next;
	return m;
}

/* The first of that name in the object of that place, or NULL. */
static const struct yt_node *node_at(const struct ksbw_member *m, struct yt_str name, size_t place)
{
	for (m = named(m, name); m != NULL && m->place != place;)
		m = named(m->next, name);
	return m != NULL ? m->node : NULL;
}

static struct yt_str text_of(const struct yt_node *node)
{
	return node != NULL && (node->kind == YT_TEXT || node->kind == YT_NUMBER) ? node->text
	                                                                          : (struct yt_str){ NULL, 0 };
}

static struct yt_str text_at(const struct ksbw_member *m, struct yt_str name, size_t place)
{
	return text_of(node_at(m, name, place));
}

static const struct ksbw_member *members_of(
        struct ksbw_source *s, struct ksbw_index *x, const struct yt_node *tree, struct yt_str name)
{
	return tree != NULL ? index_of(s, x, tree)->buckets[bucket_of(name)].first : NULL;
}

/* Place of a row's node ("insuinfo[1]"); KSBW_OBJECTS: none of those. */
static size_t place_of(const char *node)
{
	size_t n = strcspn(node, "["), i;

	for (i = 0; i < KSBW_OBJECTS; i++)
		if (strncmp(objects[i], node, n) == 0 && objects[i][n] == '\0')
			break;
	return i;
}

static struct yt_str in_tree(struct ksbw_source *s, struct ksbw_index *x, const struct yt_node *tree,
        const struct ksbw_field *f, const char *wanted)
{
	struct yt_str name = yt_str(wanted), found = { NULL, 0 };
	const struct ksbw_member *m = named(members_of(s, x, tree, name), name);

	for (size_t i = 0; m != NULL && i < 3 && f->node[i] != NULL && found.n == 0; i++) {
		size_t place = place_of(f->node[i]);

		if (place < KSBW_OBJECTS)
			found = text_at(m, name, place);
	}
	for (; m != NULL && m->place < N_PLAIN && found.n == 0; m = named(m->next, name))
		found = text_of(m->node);
	/* Fee lines name their visit and person each. */
	if (found.n == 0 && !is_amount_type(f->type) && f->type != KSBW_T14 && f->type != KSBW_D8)
		found = text_at(m, name, FEES);
	return found;
}

/* What the case knows by that name, outside of its objects. */
static struct yt_str known(struct ksbw_source *s, const char *wanted)
{
	struct yt_str name = yt_str(wanted);

	return text_at(members_of(s, &s->in_facts, s->facts, name), name, KSBW_OBJECTS);
}

/* As yt_node_get() of the case's facts. */
static const struct yt_node *known_node(struct ksbw_source *s, struct yt_str name)
{
	return node_at(members_of(s, &s->in_facts, s->facts, name), name, KSBW_OBJECTS);
}

/* A change says what has changed, and nothing that the case knew before. */
static bool is_change(struct ksbw_source *s, const struct ksbw_field *f)
{
	return f->min == 0 && strcmp(s->schema->number, "0213") == 0;
}

/* Under whichever of its names: what the message says itself comes before what the case knew. */
static struct yt_str said_now(struct ksbw_source *s, const struct ksbw_field *f)
{
	struct yt_str found = { NULL, 0 };

	for (size_t i = 0; i < 3 && f->name[i] != NULL && f->node[0] != NULL && !fits(f, found); i++)
		found = in_tree(s, &s->in_body, s->body, f, f->name[i]);
	return fits(f, found) ? found : (struct yt_str){ NULL, 0 };
}

/* Where a value stands that the business part itself does not have. */
static struct yt_str elsewhere(struct ksbw_source *s, const struct ksbw_field *f, const char *name)
{
	struct yt_str found = { NULL, 0 };

	if (!s->is_reply)
		found = message_member(s->msg, yt_str(name));
	if (!fits(f, found) && !is_change(s, f))
		found = known(s, name);
	if (!fits(f, found) && !is_change(s, f))
		found = in_tree(s, &s->in_facts, s->facts, f, name);
	/* An answer may leave out who and which visit it is about; never an amount. */
	if (!fits(f, found) && s->is_reply && f->min > 0 && !is_amount_type(f->type) && f->type != KSBW_SetlNo &&
	        s->msg->body != NULL)
		found = in_tree(s, &s->in_request, s->msg->body, f, name);
	return fits(f, found) ? found : (struct yt_str){ NULL, 0 };
}

static struct yt_str by_name(struct ksbw_source *s, const struct ksbw_field *f, const char *name)
{
	struct yt_str found = { NULL, 0 };

	if (f->node[0] != NULL)
		found = in_tree(s, &s->in_body, s->body, f, name);
	return fits(f, found) ? found : elsewhere(s, f, name);
}

/* -- sums over the accepted lines --------------------------------------------------------------- */

static const struct yt_node *lines_of(struct ksbw_source *s)
{
	const struct yt_node *rows = known_node(s, YT_STR("feedetail"));

	/* A composed settlement brings its lines along. */
	if (rows == NULL && (strcmp(s->schema->number, "0303") == 0 || strcmp(s->schema->number, "0304") == 0))
		rows = yt_node_get(s->body, "feedetail");
	return rows != NULL && rows->kind == YT_ARRAY && rows->n > 0 ? rows : NULL;
}

/* What a fee line's amounts go into; an element of the settlement each. */
enum {
	SUM_TOTAL,
	SUM_IN_SCOPE,
	SUM_CLASS_A,
	SUM_OWN_SHARE,
	SUM_DRUG,
	SUM_TREATMENT,
	SUM_MATERIAL,
	SUM_OTHER,
	SUM_OUTSIDE,
	SUM_OVER,
	SUM_BED
};

static const char *const sum_elements[KSBW_SUMS] = { "akc264", "ake171", "akc018", "akc228", "akc232", "akc233",
	"akc234", "akc235", "akc253", "akc268", "akc236" };

/* Which own share: what is neither drug, material nor other is treatment; a bed is other (7.6 has no bed there). */
static size_t share_of(const struct ksbw *k, const struct yt_node *row, bool *is_bed)
{
	struct yt_str kind = ksbw_map_right(&k->line_kinds, yt_node_text(row, "med_chrgitm_type"));

	*is_bed = yt_str_is(kind, "bed");
	return yt_str_is(kind, "drug")               ? SUM_DRUG
	       : yt_str_is(kind, "material")         ? SUM_MATERIAL
	       : yt_str_is(kind, "other") || *is_bed ? SUM_OTHER
	                                             : SUM_TREATMENT;
}

/* False when the line has no such amount: then nothing can be said of a sum. */
static bool add_amount(const struct yt_node *row, const char *name, int64_t *a, int64_t *b)
{
	int64_t fen;

	if (yt_fen_parse(yt_node_text(row, name), &fen) != 0)
		return false;
	*a += fen;
	if (b != NULL)
		*b += fen;
	return true;
}

/* All sums at once: a stay has hundreds of lines. */
static bool add_up(const struct ksbw *k, const struct yt_node *rows, int64_t sum[KSBW_SUMS])
{
	memset(sum, 0, KSBW_SUMS * sizeof(sum[0]));
	for (const struct yt_node *row = rows->child; row != NULL; row = row->next) {
		bool is_bed, is_class_a = yt_str_is(yt_node_text(row, "chrgitm_lv"), "01"); /* 甲 */
		size_t share = share_of(k, row, &is_bed);

		if (!add_amount(row, "det_item_fee_sumamt", &sum[SUM_TOTAL], NULL) ||
		        !add_amount(row, "inscp_scp_amt", &sum[SUM_IN_SCOPE], is_class_a ? &sum[SUM_CLASS_A] : NULL) ||
		        !add_amount(row, "preselfpay_amt", &sum[SUM_OWN_SHARE], &sum[share]) ||
		        !add_amount(row, "fulamt_ownpay_amt", &sum[SUM_OUTSIDE], NULL) ||
		        !add_amount(row, "overlmt_amt", &sum[SUM_OVER], is_bed ? &sum[SUM_BED] : NULL))
			return false;
	}
	return true;
}

/* A line without its split makes no sum: the element is then missing, and says so. */
static struct yt_str sum_lines(struct ksbw_source *s, const struct ksbw_field *f, bool *no_memory)
{
	const struct yt_node *rows = lines_of(s);
	char printed[24];
	struct yt_str kept;
	size_t i = 0;

	while (i < KSBW_SUMS && strcmp(sum_elements[i], f->wire) != 0)
		i++;
	if (rows == NULL || i == KSBW_SUMS)
		return (struct yt_str){ NULL, 0 };
	if (!s->is_added) {
		s->is_added = true;
		s->adds_up = add_up(s->k, rows, s->sum);
	}
	if (!s->adds_up)
		return (struct yt_str){ NULL, 0 };
	yt_fen_print(s->sum[i], printed);
	kept = yt_arena_copy(s->arena, yt_str(printed));
	*no_memory = kept.p == NULL;
	return kept;
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
	char digits[24], *at = digits + sizeof(digits);
	int64_t value;
	uint64_t rest;

	if (!ksbw_scaled(text, &value))
		return false;
	rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
	*--at = '|';
	for (int i = 0; i < 5 || rest > 0; i++, rest /= 10) { /* a stay has hundreds of lines: no printf() */
		*--at = (char)('0' + rest % 10);
		if (i == 3)
			*--at = '.';
	}
	if (value < 0)
		*--at = '-';
	yt_buf_add(out, at, (size_t)(digits + sizeof(digits) - at));
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
	yt_buf_str(out, yt_str(amount));
	yt_buf_byte(out, '\n');
	return true;
}

int ksbw_fee_hash(struct yt_arena *arena, const struct yt_node *rows, char out[65])
{
	const struct yt_node **sorted =
	        yt_arena_alloc(arena, (rows->n > 0 ? rows->n : 1) * sizeof(const struct yt_node *));
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

static struct yt_str anywhere(struct ksbw_source *s, const char *name)
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

static const struct yt_node *diagnosis_rows(struct ksbw_source *s)
{
	const struct yt_node *rows = yt_node_get(s->body, "diseinfo");

	if ((rows == NULL || rows->kind != YT_ARRAY || rows->n == 0) && strcmp(s->schema->number, "0213") != 0)
		rows = known_node(s, YT_STR("diseinfo"));
	return rows != NULL && rows->kind == YT_ARRAY ? rows : NULL;
}

/* One that was struck out (2203's 有效标志) is none. */
static bool holds(const struct yt_node *row)
{
	return !yt_str_is(yt_node_text(row, "vali_flag"), "0");
}

/* The main diagnosis (nth 0: the one marked so, or the first), then the others in their order. */
static struct yt_str diagnosis(struct ksbw_source *s, unsigned nth, const char *member)
{
	const struct yt_node *rows = diagnosis_rows(s), *first = rows != NULL ? rows->child : NULL, *main_row = NULL;

	for (const struct yt_node *row = first; row != NULL; row = row->next)
		if (holds(row) && (main_row == NULL || yt_str_is(yt_node_text(row, "maindiag_flag"), "1")))
			main_row = row;
	if (nth == 0)
		return yt_node_text(main_row, member);
	for (const struct yt_node *row = first; row != NULL; row = row->next)
		if (row != main_row && holds(row) && --nth == 0)
			return yt_node_text(row, member);
	return (struct yt_str){ NULL, 0 };
}

/* A pharmacy's customer has no visit: the registered disease he buys for, or that drugs are handed out (ICD-10 Z76.0).
 */
static struct yt_str purchase(struct ksbw_source *s, const char *wire)
{
	bool is_name = strcmp(wire, "akc050") == 0;
	struct yt_str disease;

	if ((!is_name && strcmp(wire, "akc193") != 0) || !yt_str_is(anywhere(s, "med_type"), "41"))
		return (struct yt_str){ NULL, 0 };
	disease = anywhere(s, is_name ? "dise_name" : "dise_codg");
	return disease.n != 0 ? disease : is_name ? YT_STR("药店购药") : YT_STR("Z76.000");
}

static struct yt_str diagnosis_for(struct ksbw_source *s, const char *wire)
{
	if (diagnosis_rows(s) == NULL)
		return purchase(s, wire);
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
static struct yt_str newer_diagnosis(struct ksbw_source *s, const struct ksbw_field *f)
{
	const struct yt_node *rows = yt_node_get(s->body, "diseinfo");

	if (s->is_reply || rows == NULL || rows->kind != YT_ARRAY || rows->n == 0)
		return (struct yt_str){ NULL, 0 };
	for (size_t i = 0; i < 3 && f->name[i] != NULL; i++)
		if (in_tree(s, &s->in_body, s->body, f, f->name[i]).n > 0)
			return (struct yt_str){ NULL, 0 };
	return diagnosis_for(s, f->wire);
}

static struct yt_str credential(struct ksbw_source *s, const char *wire)
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

/* Every line of the registration: a charge batch of an out-patient is one registration there, and 2205 names
 * no single line. */
static bool all_lines(struct ksbw_source *s)
{
	return yt_str_is(anywhere(s, "feedetl_sn"), "0000") || s->msg->op->id == YT_OP_OUTPATIENT_FEES_CANCEL;
}

/* How many of rows are lines of the upload; empty: all of them. */
static size_t count_lines(const struct yt_node *rows, struct yt_str upload)
{
	size_t n = 0;

	for (const struct yt_node *c = rows == NULL ? NULL : rows->child; c != NULL; c = c->next)
		n += upload.n == 0 || yt_str_eq(yt_node_text(c, "uploaded_as"), upload);
	return n;
}

static const struct yt_node *line_named(const struct yt_node *rows, struct yt_str serial)
{
	const struct yt_node *c = rows == NULL ? NULL : rows->child;

	while (c != NULL && !yt_str_eq(yt_node_text(c, "feedetl_sn"), serial))
		c = c->next;
	return c;
}

/* 2302 names lines; 0302 withdraws one upload by its number, or all that there are.  Empty: these lines are neither. */
static struct yt_str upload_of(struct ksbw_source *s)
{
	const struct yt_node *named = yt_node_get(s->body, "data"), *rows = lines_of(s), *line;
	struct yt_str first = { NULL, 0 };
	bool is_one = true;

	if (all_lines(s))
		return YT_STR("0");
	if (named == NULL || named->kind != YT_ARRAY || named->n == 0)
		return first;
	for (const struct yt_node *c = named->child; c != NULL; c = c->next) {
		line = line_named(rows, yt_node_text(c, "feedetl_sn"));
		if (line == NULL ||
		        line_named(&(struct yt_node){ .child = c->next }, yt_node_text(c, "feedetl_sn")) != NULL)
			return (struct yt_str){ NULL, 0 }; /* not there, or named twice */
		if (c == named->child)
			first = yt_node_text(line, "uploaded_as");
		is_one = is_one && first.n > 0 && yt_str_eq(yt_node_text(line, "uploaded_as"), first);
	}
	if (is_one && count_lines(rows, first) == named->n)
		return first;
	return count_lines(rows, (struct yt_str){ NULL, 0 }) == named->n ? YT_STR("0") : (struct yt_str){ NULL, 0 };
}

static struct yt_str derived(struct ksbw_source *s, const struct ksbw_field *f, bool *no_memory)
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
	if (strcmp(w, "otransid") == 0 && f->type == KSBW_TransId0)
		return upload_of(s);
	if (rows != NULL && strcmp(w, "feecnt") == 0)
		return yt_arena_printf(s->arena, "%u", rows->n);
	if (rows != NULL && strcmp(w, "feehash") == 0)
		return ksbw_fee_hash(s->arena, rows, hash) == 0 ? yt_arena_copy(s->arena, yt_str(hash))
		                                                : (struct yt_str){ NULL, 0 };
	return sum_lines(s, f, no_memory);
}

/* Two amounts that the wire has as one. */
static struct yt_str sum_of_names(struct ksbw_source *s, const struct ksbw_field *f, bool *no_memory)
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

struct yt_str ksbw_find(struct ksbw_source *s, const struct ksbw_field *f, bool *no_memory)
{
	struct yt_str found = { NULL, 0 };

	*no_memory = false;
	if (f->type == KSBW_AmtSum)
		found = sum_of_names(s, f, no_memory);
	else if (f->min > 0)
		found = newer_diagnosis(s, f);
	if (found.n == 0 && f->type != KSBW_AmtSum && s->facts != NULL)
		found = said_now(s, f);
	for (size_t i = 0; i < 3 && f->name[i] != NULL && found.n == 0 && f->type != KSBW_AmtSum; i++)
		found = s->facts != NULL ? elsewhere(s, f, f->name[i]) : by_name(s, f, f->name[i]);
	if (found.n == 0 && !*no_memory && !is_change(s, f)) {
		found = known(s, f->wire);
		if (!fits(f, found))
			found = (struct yt_str){ NULL, 0 };
	}
	if (found.n == 0 && !*no_memory && !s->is_reply && may_derive(f))
		found = derived(s, f, no_memory);
	if (found.n == 0 && !*no_memory && f->fallback != NULL && f->min > 0)
		found = yt_str(f->fallback);
	*no_memory = *no_memory || s->no_memory;
	return found;
}
