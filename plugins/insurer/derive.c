/* plugins/insurer/derive.c - members of a claim that are computed, and what must hold across its rows (insurer.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "insurer.h"

#define DOCUMENT_MAX (2u << 20)

int ins_refuse(struct yt_fault *fault, const char *prefix, const char *path, const char *why)
{
	snprintf(fault->path, sizeof(fault->path), "%s%s%s", prefix, *prefix != '\0' && *path != '\0' ? "." : "", path);
	snprintf(fault->why, sizeof(fault->why), "%s", why);
	return YT_EFORMAT;
}

/* -- finding ------------------------------------------------------------------------------------- */

/* What the message's head says beside its business part. */
static struct yt_str of_head(const struct yt_msg *msg, const char *name)
{
	const struct {
		const char *name;
		struct yt_str value;
	} rows[] = {
		{ "psn_no", msg->person },
		{ "mdtrt_id", msg->visit },
		{ "setl_id", msg->settlement },
		{ "fixmedins_code", msg->institution },
		{ "fixmedins_name", msg->institution_name },
		{ "insuplc_admdvs", msg->insured_area },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].value;
	return (struct yt_str){ NULL, 0 };
}

static struct yt_str find_one(const struct ins_map *m, const char *name)
{
	struct yt_str value = yt_node_text(yt_node_get(m->body, "data"), name);
	const struct yt_node *object = value.n == 0 && m->body != NULL ? m->body->child : NULL;

	for (; object != NULL && value.n == 0; object = object->next)
		value = yt_node_text(object, name);
	if (value.n == 0)
		value = yt_node_text(m->facts, name);
	if (value.n == 0 && m->msg != NULL && strcmp(m->root, "input") == 0)
		value = of_head(m->msg, name);
	return value;
}

struct yt_str ins_find(const struct ins_map *m, const char *names)
{
	struct yt_str value = { NULL, 0 };
	char name[64];

	while (*names != '\0' && value.n == 0) {
		size_t n = strcspn(names, "|");

		snprintf(name, sizeof(name), "%.*s", (int)n, names);
		value = find_one(m, name);
		names += n + (names[n] == '|');
	}
	return value;
}

/* -- computed members ---------------------------------------------------------------------------- */

static struct yt_str sm3_hex(struct yt_arena *arena, struct yt_str octets)
{
	struct yt_buf hex = { 0 };
	uint8_t digest[32];
	struct yt_str text;

	yt_sm3(octets, digest);
	yt_hex_add(&hex, digest, sizeof(digest), false);
	text = yt_arena_copy(arena, yt_buf_view(&hex));
	yt_buf_free(&hex);
	return text;
}

static struct yt_str self_in(struct ins_map *m)
{
	static const char *const names[] = { "acct_pay", "psn_cash_pay", "preselfpay_amt", "overlmt_selfpay",
		"fulamt_ownpay_amt" };
	int64_t fen, sum = 0;
	char text[24];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct yt_str value = find_one(m, names[i]);

		if (value.n > 0 && yt_fen_parse(value, &fen) == 0)
			sum += i < 2 ? fen : -fen;
		else if (value.n > 0)
			return (struct yt_str){ NULL, 0 };
	}
	yt_fen_print(sum, text);
	return sum < 0 ? (struct yt_str){ NULL, 0 } : yt_arena_copy(m->arena, yt_str(text));
}

/* National codes: consumables begin with C and have 27 characters, services are digits, the others are drugs. */
static struct yt_str catalogue(struct yt_str code)
{
	if (code.n == 0)
		return (struct yt_str){ NULL, 0 };
	if (code.p[0] == 'C' && code.n >= 27)
		return YT_STR("301");
	return code.p[0] >= '0' && code.p[0] <= '9' ? YT_STR("201") : YT_STR("101");
}

/* Class 甲 none, 丙 all; 乙 what the platform's split of the line says, rounded half up to four places. */
static struct yt_str self_ratio(struct ins_map *m, const struct yt_node *row)
{
	struct yt_str level = yt_node_text(row, "chrgitm_lv"), none = { NULL, 0 };
	int64_t own, amount, ratio;

	if (yt_str_is(level, "01"))
		return YT_STR("0");
	if (yt_str_is(level, "03"))
		return YT_STR("1");
	if (yt_node_text(row, "preselfpay_amt").n == 0 || yt_node_fen(row, "preselfpay_amt", &own) != 0 ||
	        yt_node_fen(row, "det_item_fee_sumamt", &amount) != 0 || amount <= 0 || own < 0 || own > amount ||
	        amount > INT64_C(100000000000000))
		return none;
	ratio = (own * 20000 + amount) / (2 * amount);
	return yt_arena_printf(m->arena, "%lld.%04lld", (long long)(ratio / 10000), (long long)(ratio % 10000));
}

/* A visit that is no stay has one day. */
static struct yt_str visit_day(const struct ins_map *m)
{
	struct yt_str type = ins_find(m, "claim_type");

	if (type.n == 0)
		type = ins_code_to_wire(m->types, find_one(m, "med_type"));
	return type.n > 0 && !yt_str_is(type, "1") ? ins_find(m, "begntime|begndate") : (struct yt_str){ NULL, 0 };
}

/* Treated outside the own region: another city (the first four digits). */
static struct yt_str cross_region(const struct ins_map *m)
{
	struct yt_str insured = find_one(m, "insuplc_admdvs"), treated = find_one(m, "mdtrtarea_admvs");

	if (treated.n == 0 && m->msg != NULL)
		treated = m->msg->treatment_area;
	if (insured.n < 4 || treated.n < 4)
		return (struct yt_str){ NULL, 0 };
	return memcmp(insured.p, treated.p, 4) == 0 ? YT_STR("0") : YT_STR("1");
}

static struct yt_str today(const struct ins_map *m)
{
	char time[20];

	if (m->now_ms == 0)
		return (struct yt_str){ NULL, 0 };
	yt_time_print(m->now_ms, time);
	return yt_arena_copy(m->arena, (struct yt_str){ time, 10 });
}

static struct yt_str content_sm3(struct ins_map *m, const struct yt_node *row)
{
	struct yt_buf octets = { 0 };
	struct yt_str digest;

	(void)yt_base64_read(yt_node_text(row, "content"), &octets); /* what is none is refused by name later */
	digest = sm3_hex(m->arena, yt_buf_view(&octets));
	yt_buf_free(&octets);
	return digest;
}

struct yt_str ins_derived(struct ins_map *m, const char *name, const struct yt_node *row, unsigned index)
{
	struct yt_str none = { NULL, 0 };

	if (strcmp(name, "@number") == 0)
		return m->number;
	if (strcmp(name, "@product") == 0)
		return m->product;
	if (strcmp(name, "@callback") == 0)
		return m->callback;
	if (strcmp(name, "@claim_type") == 0)
		return ins_code_to_wire(m->types, find_one(m, "med_type"));
	if (strcmp(name, "@certno_sm3") == 0)
		return find_one(m, "certno").n > 0 ? sm3_hex(m->arena, find_one(m, "certno")) : none;
	if (strcmp(name, "@content_sm3") == 0)
		return content_sm3(m, row);
	if (strcmp(name, "@row") == 0)
		return yt_arena_printf(m->arena, "%u", index + 1);
	if (strcmp(name, "@line") == 0)
		return yt_arena_printf(m->arena, "%06u", ++m->n_lines);
	if (strcmp(name, "@first") == 0)
		return index == 0 ? YT_STR("1") : YT_STR("0");
	if (strcmp(name, "@self_in") == 0)
		return self_in(m);
	if (strcmp(name, "@catalogue") == 0)
		return catalogue(yt_node_text(row, "med_list_codg"));
	if (strcmp(name, "@self_ratio") == 0)
		return self_ratio(m, row);
	if (strcmp(name, "@visit_day") == 0)
		return visit_day(m);
	if (strcmp(name, "@claim") == 0)
		return m->claim;
	if (strcmp(name, "@cross") == 0)
		return cross_region(m);
	if (strcmp(name, "@today") == 0)
		return today(m);
	if (strcmp(name, "@event") == 0)
		return YT_STR("CLAIM_STATUS");
	yt_require_failed(name, __FILE__, __LINE__); /* a row of fields.tsv is mistyped */
}

/* Numbers of fee lines are there once over all lists. */
static const char *take_line(struct ins_map *m, struct yt_str value)
{
	unsigned long n = value.n == 6 ? strtoul(value.p, NULL, 10) : 0;

	if (n == 0 || n > 5000)
		return "must be 000001 to 005000";
	if ((m->seen[n / 64] >> n % 64 & 1) != 0)
		return "is the number of another line";
	m->seen[n / 64] |= UINT64_C(1) << n % 64;
	return NULL;
}

const char *ins_derived_read(
        struct ins_map *m, const char *name, struct yt_str value, const struct yt_node *row, unsigned index)
{
	struct yt_str wanted;

	if (strcmp(name, "@number") == 0) {
		m->number = value;
		return NULL;
	}
	if (strcmp(name, "@line") == 0)
		return take_line(m, value);
	wanted = ins_derived(m, name, row, index);
	if (wanted.p == NULL || yt_str_eq(wanted, value))
		return NULL;
	return strcmp(name, "@row") == 0 ? "must count the rows from 1" : "is not what it must be by the other members";
}

static struct yt_node *copy_members(struct yt_arena *arena, const struct yt_node *row)
{
	struct yt_node *copy = yt_node_new(arena, YT_OBJECT);

	for (const struct yt_node *c = row->child; c != NULL; c = c->next)
		if (yt_node_add_text(arena, copy, "", c->text) != NULL)
			*copy->last = (struct yt_node){ .name = c->name, .text = c->text, .kind = c->kind };
	return copy;
}

const struct yt_node *ins_whole_fen(struct ins_map *m, const struct yt_node *line)
{
	struct yt_str price = yt_node_text(line, "pric"), count = yt_node_text(line, "cnt");
	struct yt_str amount = yt_node_text(line, "det_item_fee_sumamt"), name = yt_node_text(line, "medins_list_name");
	struct yt_node *whole;
	int64_t fen;

	if (price.n == 0 || yt_fen_parse(price, &fen) == 0)
		return line;
	if (name.n == 0)
		name = yt_node_text(line, "hilist_name");
	if (name.n == 0)
		name = yt_node_text(line, "med_list_codg");
	whole = copy_members(m->arena, line);
	if (whole == NULL || yt_node_set_text(m->arena, whole, "cnt", YT_STR("1")) != 0 ||
	        yt_node_set_text(m->arena, whole, "pric", amount) != 0 ||
	        yt_node_set_text(m->arena, whole, "medins_list_name",
	                yt_arena_printf(m->arena, "%.*s[%.*s*%.*s]", YT_FMT(name), YT_FMT(count), YT_FMT(price))) != 0)
		return NULL;
	return whole;
}

/* -- what must hold ------------------------------------------------------------------------------ */

static bool is_scope(struct yt_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '0' && s.p[i] != '1')
			return false;
	return s.n == 4 && s.p[0] == '1';
}

static int refuse_scope(const struct ins_map *m, const char *path)
{
	return ins_refuse(m->fault, path, "consent.scope",
	        "must be four flags, of which the first (settlement) is 1: without consent nothing is sent");
}

int ins_take_scope(struct ins_map *m)
{
	struct yt_str scope = yt_node_text(yt_node_get(m->body, "consent"), "scope");

	if (!is_scope(scope))
		return refuse_scope(m, m->root);
	scope = yt_arena_copy(m->arena, scope);
	m->scope = scope.p;
	return scope.p != NULL ? 0 : YT_ENOMEM;
}

static int check_consent(const struct ins_map *m, const struct yt_node *consent, const char *path)
{
	struct yt_str scope = yt_node_text(consent, "scope"), end = yt_node_text(consent, "expire_date");
	struct yt_str begin = yt_node_text(consent, "auth_time"), day = today(m);
	int64_t begin_ms;

	if (!is_scope(scope))
		return refuse_scope(m, path);
	if (day.n == 10 && end.n == 10 && memcmp(end.p, day.p, 10) < 0)
		return ins_refuse(
		        m->fault, path, "consent.expire_date", "has passed: the person must give consent again");
	if (m->now_ms != 0 && yt_time_parse(begin, &begin_ms) == 0 && begin_ms > m->now_ms)
		return ins_refuse(
		        m->fault, path, "consent.auth_time", "is in the future: the consent is not valid yet");
	return 0;
}

static int check_diagnoses(const struct ins_map *m, const struct yt_node *rows, const char *path)
{
	unsigned n_main = 0;

	for (const struct yt_node *row = rows != NULL ? rows->child : NULL; row != NULL; row = row->next)
		n_main += yt_str_is(yt_node_text(row, "maindiag_flag"), "1");
	if (rows == NULL || n_main == 1)
		return 0;
	return ins_refuse(m->fault, path, "diseinfo", INS_ONE_MAIN);
}

/* Admission, discharge, settlement: in this order, by days. */
static int check_days(const struct ins_map *m, const struct yt_node *data, const char *path)
{
	static const char *const names[] = { "begntime", "endtime", "setl_time" };
	struct yt_str before = { NULL, 0 }, day;

	for (size_t i = 0; i < 3; i++, before = day.n >= 10 ? day : before) {
		day = yt_node_text(data, names[i]);
		if (day.n < 10 || before.n < 10 || memcmp(before.p, day.p, 10) <= 0)
			continue;
		return ins_refuse(m->fault, path, i == 1 ? "data.endtime" : "data.setl_time",
		        i == 1 ? "is before the admission (begntime)" : "is before the discharge (endtime)");
	}
	return 0;
}

int ins_check_claim(const struct ins_map *m, const struct yt_node *body, const char *path, bool is_quote)
{
	const struct yt_node *data = yt_node_get(body, "data");
	char why[200], at[48];
	int rv = check_consent(m, yt_node_get(body, "consent"), path);

	if (rv == 0)
		rv = check_diagnoses(m, yt_node_get(body, "diseinfo"), path);
	if (rv == 0)
		rv = check_days(m, data, path);
	if (rv != 0)
		return rv;
	if (yt_str_is(yt_node_text(data, "claim_type"), "1") && yt_node_text(data, "ipt_no").n == 0)
		return ins_refuse(
		        m->fault, path, "data.ipt_no", "is missing: a hospital stay has an in-patient number");
	if (m->scope != NULL && m->scope[1] == '1' && yt_node_get(body, "feedetail") == NULL)
		return ins_refuse(m->fault, path, "feedetail[0]", "is missing: at least one fee line is needed");
	rv = yt_money_check(YT_MONEY_PAYERS | YT_MONEY_FUNDS | YT_MONEY_LINES | YT_MONEY_CLAIM, body, why, sizeof(why));
	if (rv == 0)
		return 0;
	snprintf(at, sizeof(at), "%s%sdata", path, *path != '\0' ? "." : "");
	return ins_refuse(m->fault, at, is_quote ? "medfee_sumamt" : "setl_id", why);
}

bool ins_lacks_amount(const struct yt_node *data)
{
	struct yt_str state = yt_node_text(data, "claim_state");

	return (yt_str_is(state, "ADJUDICATED") || yt_str_is(state, "PAID")) &&
	       yt_node_text(data, "payable_amt").n == 0;
}

/* Nothing more is to come of what was rejected, paid for good, decided without money, or is ours to
 * pay. */
bool ins_is_under_way(const struct yt_node *data)
{
	struct yt_str state = yt_node_text(data, "claim_state");
	int64_t payable = 0;

	if (yt_str_is(state, "REJECTED"))
		return false;
	if (yt_str_is(state, "PAID"))
		return yt_str_is(yt_node_text(data, "pay_state"), "RETURNED");
	if (yt_str_is(state, "ADJUDICATED"))
		return yt_node_fen(data, "payable_amt", &payable) == 0 && payable > 0 &&
		       !yt_str_is(yt_node_text(data, "pay_by"), "GATEWAY");
	return true;
}

int ins_check_documents(const struct ins_map *m, const struct yt_node *body, const char *path)
{
	const struct yt_node *rows = yt_node_get(body, "docs");
	unsigned i = 0;

	for (const struct yt_node *row = rows != NULL ? rows->child : NULL; row != NULL; row = row->next, i++) {
		struct yt_buf octets = { 0 }, hex = { 0 };
		const char *why = NULL;
		uint8_t digest[32];
		char at[48];

		if (yt_base64_read(yt_node_text(row, "content"), &octets) != 0)
			why = "must be Base64 in one line";
		else if (octets.n > DOCUMENT_MAX)
			why = "is larger than 2 MiB";
		yt_sm3(yt_buf_view(&octets), digest);
		yt_hex_add(&hex, digest, sizeof(digest), false);
		if (why == NULL && !yt_str_eq(yt_buf_view(&hex), yt_node_text(row, "sm3")))
			why = "has another SM3 than is said (sm3)";
		yt_buf_free(&octets);
		yt_buf_free(&hex);
		snprintf(at, sizeof(at), "docs[%u].content", i);
		if (why != NULL)
			return ins_refuse(m->fault, path, at, why);
	}
	return 0;
}
