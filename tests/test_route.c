/* tests/test_route.c - areas, tables in CSV, and which rule takes a message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/route.h"
#include "format/csv.h"
#include "message/area.h"
#include "yitong/json.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* -- tables in CSV -- */

static const struct table {
	const char *it, *text;
	int rv;
	uint32_t line;
	const char *told; /* the rows as read, or part of why not */
} tables[] = {
	{ "plain rows", "code,name\n33,a\n31,b\n", YT_ENOTFOUND, 0, "[33|a|][31|b|]" },
	{ "any order of columns, a byte-order mark, CRLF", "\xef\xbb\xbfname,code\r\na,33\r\n", YT_ENOTFOUND, 0,
	        "[33|a|]" },
	{ "no newline at the end", "code,name\n33,a", YT_ENOTFOUND, 0, "[33|a|]" },
	{ "comments and empty lines", "# what\n\ncode\n# more\n33\n\n31\n", YT_ENOTFOUND, 0, "[33||][31||]" },
	{ "quotes, doubled quotes, a comma and a newline inside", "code,name\n\"3,\n3\",\"a\"\"b\"\n", YT_ENOTFOUND, 0,
	        "[3,\n3|a\"b|]" },
	{ "an empty file", "", YT_EFORMAT, 1, "first line" },
	{ "an unknown column", "code,nmae\n33,a\n", YT_EFORMAT, 1, "\"nmae\" is not known" },
	{ "a column twice", "code,code\n33,a\n", YT_EFORMAT, 1, "there twice" },
	{ "a missing column", "name\na\n", YT_EFORMAT, 1, "\"code\" is missing" },
	{ "a quote in a column's name", "\"co\"\"de\"\n33\n", YT_EFORMAT, 1, "quote in it" },
	{ "quoted names of columns", "\"code\",\"name\"\n33,a\n", YT_ENOTFOUND, 0, "[33|a|]" },
	{ "too few values", "code,name\n33\n", YT_EFORMAT, 2, "fewer" },
	{ "too many values", "code\n33\n31,a\n", YT_EFORMAT, 3, "more" },
	{ "a quote in the middle", "code\n3\"3\n", YT_EFORMAT, 2, "unquoted" },
	{ "an open quote", "code\n\"33\n", YT_EFORMAT, 2, "closing" },
	{ "text behind a quote", "code\n\"33\"1\n", YT_EFORMAT, 2, "must follow" },
	{ "the line is counted over newlines in quotes", "code\n\"3\n3\"\n3\"\n", YT_EFORMAT, 4, "unquoted" },
};

static void test_csv(void **state)
{
	static const char *const names[] = { "code", "name", "rest", NULL };

	(void)state;
	for (size_t i = 0; i < COUNT(tables); i++) {
		const struct table *t = &tables[i];
		char *heap = strdup(t->text); /* so that a byte read too far is seen */
		struct yt_arena *arena = yt_arena_new(0);
		struct yt_buf told = { 0 };
		struct yt_str v[3];
		struct csv csv;
		int rv = csv_open(&csv, (struct yt_str){ heap, strlen(t->text) }, names, 1);

		while (rv == 0 && (rv = csv_next(&csv, arena, v)) == 0)
			yt_buf_printf(&told, "[%.*s|%.*s|%.*s]", YT_FMT(v[0]), YT_FMT(v[1]), YT_FMT(v[2]));
		yt_buf_byte(&told, 0);
		print_message("%s\n", t->it);
		assert_int_equal(rv, t->rv);
		if (rv == YT_ENOTFOUND) {
			assert_string_equal((char *)told.p, t->told);
		} else {
			assert_int_equal(csv.line, t->line);
			assert_non_null(strstr(csv.why, t->told));
		}
		yt_buf_free(&told);
		yt_arena_free(arena);
		free(heap);
	}
}

/* -- areas -- */

static const char areas_csv[] = "code,pool,successor,from,to,name\n"
                                "31,31,,,,上海市\n"
                                "330204,,330212,,2016-09-30,江东区\n"
                                "330283,,330213,,2016-11-16,奉化市\n"
                                "3399,3399,,,,省本级\n"
                                "429004,4290,,,2020-12-31,一池\n"
                                "429004,429004,,2021-01-01,,自立一池\n";

static const struct pair {
	const char *it, *treatment, *insured;
	uint32_t day;
	enum area_relation digits, table;
} pairs[] = {
	{ "one city", "330203", "330212", 20261122, AREA_SAME_CITY, AREA_SAME_CITY },
	{ "two cities of a province", "330203", "330700", 20261122, AREA_SAME_PROVINCE, AREA_SAME_PROVINCE },
	{ "two provinces", "330200", "621000", 20261122, AREA_CROSS_PROVINCE, AREA_CROSS_PROVINCE },
	{ "a municipality is one pool", "310115", "310000", 20261122, AREA_SAME_PROVINCE, AREA_SAME_CITY },
	{ "a municipality's districts and counties", "310115", "310230", 20261122, AREA_SAME_PROVINCE, AREA_SAME_CITY },
	{ "the province's own pool is none of its cities'", "330106", "339900", 20261122, AREA_SAME_PROVINCE,
	        AREA_SAME_PROVINCE },
	{ "the corps is no part of Xinjiang", "660100", "650100", 20261122, AREA_CROSS_PROVINCE, AREA_CROSS_PROVINCE },
	{ "an abolished code counts as its successor", "330204", "330203", 20261122, AREA_SAME_CITY, AREA_SAME_CITY },
	{ "a pool that split: before", "429004", "429005", 20200601, AREA_SAME_CITY, AREA_SAME_CITY },
	{ "a pool that split: after", "429004", "429005", 20261122, AREA_SAME_CITY, AREA_SAME_PROVINCE },
	{ "no insured area yet", "330203", "", 20261122, AREA_UNKNOWN, AREA_UNKNOWN },
	{ "no digits", "330203", "33O212", 20261122, AREA_UNKNOWN, AREA_UNKNOWN },
	{ "too long", "3302030", "330212", 20261122, AREA_UNKNOWN, AREA_UNKNOWN },
};

static void test_areas(void **state)
{
	struct yt_arena *arena = yt_arena_new(0);
	struct area_table *table = NULL;
	uint32_t line = 0;
	char why[160];

	(void)state;
	assert_int_equal(area_table_read(arena, yt_str(areas_csv), &table, &line, why, sizeof(why)), 0);
	for (size_t i = 0; i < COUNT(pairs); i++) {
		const struct pair *p = &pairs[i];

		print_message("%s\n", p->it);
		assert_int_equal(area_relate(NULL, yt_str(p->treatment), yt_str(p->insured), p->day), p->digits);
		assert_int_equal(area_relate(table, yt_str(p->treatment), yt_str(p->insured), p->day), p->table);
	}
	assert_true(yt_str_is(area_name(table, YT_STR("310115"), 20261122), "上海市"));
	assert_int_equal(area_name(table, YT_STR("440100"), 20261122).n, 0);
	yt_arena_free(arena);
}

static const struct bad_area {
	const char *row, *why;
} bad_areas[] = {
	{ "331,,,,,x", "2, 4 or 6" },
	{ "33o204,,,,,x", "2, 4 or 6" },
	{ "330204,3,,,,x", "pool" },
	{ "3302,,330212,,2016-09-30,x", "successor" },
	{ "330204,,330212,,,x", "when it ended" },
	{ "330204,,,2016-13-01,,x", "days as" },
	{ "330204,,,2016-02-01,2016-01-31,x", "before it begins" },
};

static void test_bad_areas(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad_areas); i++) {
		struct yt_arena *arena = yt_arena_new(0);
		struct yt_str text =
		        yt_arena_printf(arena, "code,pool,successor,from,to,name\n31,,,,,\n%s\n", bad_areas[i].row);
		struct area_table *table = NULL;
		uint32_t line = 0;
		char why[160] = "";

		print_message("%s\n", bad_areas[i].row);
		assert_int_equal(area_table_read(arena, text, &table, &line, why, sizeof(why)), YT_EFORMAT);
		assert_int_equal(line, 3);
		assert_non_null(strstr(why, bad_areas[i].why));
		yt_arena_free(arena);
	}
}

/* -- rules -- */

#define TEXTS(...)                                                                                                     \
	{                                                                                                              \
		(const struct yt_str[]){ __VA_ARGS__ },                                                                \
		        sizeof((const struct yt_str[]){ __VA_ARGS__ }) / sizeof(struct yt_str)                         \
	}
#define S(text)                                                                                                        \
	{                                                                                                              \
		text, sizeof(text) - 1                                                                                 \
	}

static const struct route_rule rules[] = {
	{ .name = "one",
	        .any_op = true,
	        .institutions = TEXTS(S("H33020000001"), S("H33020000002")),
	        .relations = 1u << AREA_CROSS_PROVINCE },
	{ .name = "chronic",
	        .ops = { [YT_OP_OUTPATIENT_SETTLE] = true },
	        .insured = TEXTS(S("62")),
	        .n_fields = 1,
	        .fields = { { S("med_type"), TEXTS(S("14"), S("16")) } } },
	{ .name = "gansu", .any_op = true, .insured = TEXTS(S("62")) },
	{ .name = "employee", .any_op = true, .insutypes = TEXTS(S("310")), .areas = TEXTS(S("3302")) },
	{ .name = "listener", .any_op = true, .listeners = TEXTS(S("hub")) },
	{ .name = "origin", .any_op = true, .origins = TEXTS(S("clinic")) },
	{ .name = "treatment", .any_op = true, .treatment = TEXTS(S("3303"), S("330212")) },
	{ .name = "remote", .any_op = true, .relations = 1u << AREA_CROSS_PROVINCE | 1u << AREA_SAME_PROVINCE },
	{ .name = "rest", .ops = { [YT_OP_PERSON_CHECK] = true, [YT_OP_OUTPATIENT_SETTLE] = true } },
};

static const struct asked {
	const char *it;
	enum yt_operation op;
	const char *listener, *origin, *institution, *area, *treatment, *insured, *body;
	const char *rule; /* NULL: none */
} asks[] = {
	{ "nothing known of the insured area", YT_OP_PERSON_CHECK, "", "", "H1", "330100", "330100", "", "{}", "rest" },
	{ "an operation no rule takes", YT_OP_SIGN_IN, "", "", "H1", "330100", "330100", "", "{}", NULL },
	{ "an institution's own rule comes first", YT_OP_PERSON_CHECK, "", "", "H33020000002", "330200", "330200",
	        "621000", "{}", "one" },
	{ "but only for what it is about", YT_OP_PERSON_CHECK, "", "", "H33020000002", "330200", "330200", "330200",
	        "{}", "rest" },
	{ "the lower number wins over the narrower", YT_OP_OUTPATIENT_SETTLE, "", "", "H33020000001", "330200",
	        "330200", "621000", "{\"data\":{\"med_type\":\"14\"}}", "one" },
	{ "a field inside an object", YT_OP_OUTPATIENT_SETTLE, "", "", "H1", "330200", "330200", "621000",
	        "{\"data\":{\"med_type\":\"14\"}}", "chronic" },
	{ "another value of it", YT_OP_OUTPATIENT_SETTLE, "", "", "H1", "330200", "330200", "621000",
	        "{\"data\":{\"med_type\":\"11\"}}", "gansu" },
	{ "a field in rows does not count", YT_OP_OUTPATIENT_SETTLE, "", "", "H1", "330200", "330200", "621000",
	        "{\"rows\":[{\"med_type\":\"14\"}]}", "gansu" },
	{ "an insurance type in an area", YT_OP_PERSON_CHECK, "", "", "H1", "330200", "330200", "330200",
	        "{\"data\":{\"insutype\":\"310\"}}", "employee" },
	{ "in another area not", YT_OP_PERSON_CHECK, "", "", "H1", "330100", "330100", "330100",
	        "{\"data\":{\"insutype\":\"310\"}}", "rest" },
	{ "a listener", YT_OP_INPATIENT_SETTLE, "hub", "", "H1", "310100", "310100", "330200", "{}", "listener" },
	{ "an origin", YT_OP_INPATIENT_SETTLE, "", "clinic", "H1", "330100", "330100", "330100", "{}", "origin" },
	{ "a treatment area of four digits", YT_OP_INPATIENT_SETTLE, "", "", "H1", "330300", "330399", "330399", "{}",
	        "treatment" },
	{ "and one of six", YT_OP_INPATIENT_SETTLE, "", "", "H1", "330212", "330212", "330212", "{}", "treatment" },
	{ "another province", YT_OP_INPATIENT_SETTLE, "", "", "H1", "330100", "330100", "110100", "{}", "remote" },
	{ "another city", YT_OP_INPATIENT_SETTLE, "", "", "H1", "330100", "330100", "330500", "{}", "remote" },
	{ "the same city", YT_OP_INPATIENT_SETTLE, "", "", "H1", "330100", "330100", "330100", "{}", NULL },
};

static struct yt_msg *message(struct yt_arena *arena, const struct asked *a)
{
	struct yt_msg *msg = yt_msg_new(arena);

	msg->op = yt_op(a->op);
	msg->institution = yt_str(a->institution);
	msg->treatment_area = yt_str(a->treatment);
	msg->insured_area = yt_str(a->insured);
	assert_int_equal(yt_json_read(arena, yt_str(a->body), NULL, &msg->body, NULL), 0);
	return msg;
}

static void test_rules(void **state)
{
	struct router *router = router_new(rules, COUNT(rules), NULL);

	(void)state;
	assert_non_null(router);
	for (size_t i = 0; i < COUNT(asks); i++) {
		struct yt_arena *arena = yt_arena_new(0);
		struct route_query q = { .msg = message(arena, &asks[i]),
			.listener = yt_str(asks[i].listener),
			.origin = yt_str(asks[i].origin),
			.institution_area = yt_str(asks[i].area),
			.day = 20261122 };
		const struct route_rule *rule, *first = NULL;
		enum area_relation relation;
		const char *why;

		print_message("%s\n", asks[i].it);
		rule = router_match(router, &q, &relation);
		assert_string_equal(rule == NULL ? "none" : rule->name, asks[i].rule == NULL ? "none" : asks[i].rule);
		for (size_t r = COUNT(rules); r-- > 0;) /* the same, rule by rule */
			if (route_matches(&rules[r], &q, relation, &why))
				first = &rules[r];
		assert_ptr_equal(rule, first);
		yt_arena_free(arena);
	}
	router_free(router);
}

#define MANY 10000

/* With many rules the first that matches is still found, and few are looked at: counted, not timed. */
static void test_many_rules(void **state)
{
	struct route_rule *many = calloc(MANY + 1, sizeof(*many));
	struct yt_arena *arena = yt_arena_new(0);
	struct asked a = { "", YT_OP_OUTPATIENT_SETTLE, "", "", "", "330200", "330200", "330200", "{}", NULL };
	struct router *router;

	(void)state;
	for (uint32_t i = 0; i < MANY; i++) {
		struct yt_str *one = yt_arena_alloc(arena, sizeof(*one));

		*one = yt_arena_printf(arena, "H%011u", i);
		many[i] = (struct route_rule){ .name = one->p, .any_op = true, .institutions = { one, 1 } };
	}
	many[MANY] = (struct route_rule){ .name = "rest", .any_op = true };
	router = router_new(many, MANY + 1, NULL);
	assert_non_null(router);
	for (uint32_t i = 0; i < MANY; i += 997) {
		struct route_query q = {
			.msg = message(arena, &a), .institution_area = YT_STR("330200"), .day = 20261122
		};

		((struct yt_msg *)q.msg)->institution = yt_str(many[i].name);
		assert_ptr_equal(router_match(router, &q, NULL), &many[i]);
	}
	router_free(router);
	yt_arena_free(arena);
	free(many);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_csv), cmocka_unit_test(test_areas),
		cmocka_unit_test(test_bad_areas), cmocka_unit_test(test_rules), cmocka_unit_test(test_many_rules) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
