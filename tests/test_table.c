/* tests/test_table.c - the table engine: one value at a time, then groups, rows and paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "yitong/json.h"
#include "yitong/table.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct yt_field value_fields[] = {
	{ "c", 1, 'C', 0, 0, 4, NULL, "文", "text", NULL },
	{ "x", 1, 'C', 0, YT_FIELD_ANY, 4, NULL, "任意", "text or object", NULL },
	{ "n", 1, 'N', 2, 0, 8, NULL, "金额", "amount", NULL },
	{ "q", 1, 'N', 4, 0, 8, NULL, "数量", "quantity", NULL },
	{ "i", 1, 'N', 0, 0, 2, NULL, "序号", "whole number", NULL },
	{ "f", 1, 'N', 0, 0, 0, NULL, "任意数", "number without limits", NULL },
	{ "d", 1, 'D', 0, 0, 0, NULL, "日期", "date", NULL },
	{ "t", 1, 'T', 0, 0, 0, NULL, "时间", "time", NULL },
};
static const struct yt_group value_group = { "", false, false, COUNT(value_fields), value_fields, NULL, { 0, 0 }, NULL,
	0, false };

static const struct value {
	const char *it; /* also the value as sent */
	char field;
	const char *sent, *kept; /* JSON; kept NULL: refused */
	const char *why;
} values[] = {
	{ "a text", 'c', "\"ab\"", "\"ab\"", NULL },
	{ "a number for a text", 'c', "12.0", "\"12.0\"", NULL },
	{ "a truth for a text", 'c', "true", "\"true\"", NULL },
	{ "null stays null", 'c', "null", "null", NULL },
	{ "empty stays empty", 'c', "\"\"", "\"\"", NULL },
	{ "four characters of three octets", 'c', "\"一二三四\"", "\"一二三四\"", NULL },
	{ "five characters", 'c', "\"一二三四五\"", NULL, "is longer than 4 characters" },
	{ "an array for a text", 'c', "[]", NULL, "must be a text" },
	{ "an object where any is fine", 'x', "{\"a\":1}", "{\"a\":1}", NULL },
	{ "a large object where any is fine", 'x', "{\"abc\":\"0123456789\"}", NULL, "is longer than 4 characters" },
	{ "an amount", 'n', "12.34", "12.34", NULL },
	{ "a whole amount", 'n', "12", "12.00", NULL },
	{ "an amount with one decimal", 'n', "12.3", "12.30", NULL },
	{ "an amount with a zero more", 'n', "12.340", "12.34", NULL },
	{ "an amount as a text", 'n', "\"12.34\"", "12.34", NULL },
	{ "an amount with blanks", 'n', "\" 12.34 \"", "12.34", NULL },
	{ "an amount with plus", 'n', "\"+12.34\"", "12.34", NULL },
	{ "an amount with leading zeros", 'n', "\"0012.34\"", "12.34", NULL },
	{ "an amount below one", 'n', "\"0.05\"", "0.05", NULL },
	{ "a negative amount", 'n', "\"-7\"", "-7.00", NULL },
	{ "an amount with exponent", 'n', "1.2E+3", "1200.00", NULL },
	{ "an amount with negative exponent", 'n', "1234e-2", "12.34", NULL },
	{ "Java's zero", 'n', "0E-8", "0.00", NULL },
	{ "Java's zero as a text", 'n', "\"0E-8\"", "0.00", NULL },
	{ "minus zero", 'n', "\"-0\"", "0.00", NULL },
	{ "an empty amount", 'n', "\"\"", "null", NULL },
	{ "no amount", 'n', "null", "null", NULL },
	{ "six digits before the point", 'n', "123456.78", "123456.78", NULL },
	{ "seven digits before the point", 'n', "1234567.00", NULL, "has more than 6 digits before the point" },
	{ "seven digits by exponent", 'n', "1E6", NULL, "has more than 6 digits before the point" },
	{ "three decimals", 'n', "1.001", NULL, "has more than 2 digits behind the point" },
	{ "a huge exponent", 'n', "1E999", NULL, "is not a number" },
	{ "a tiny exponent", 'n', "1E-999", NULL, "is not a number" },
	{ "a long exponent", 'n', "1E1000", NULL, "is not a number" },
	{ "words", 'n', "\"12a\"", NULL, "is not a number" },
	{ "two points", 'n', "\"1.2.3\"", NULL, "is not a number" },
	{ "a point at the end", 'n', "\"12.\"", NULL, "is not a number" },
	{ "a point at the start", 'n', "\".5\"", NULL, "is not a number" },
	{ "a minus alone", 'n', "\"-\"", NULL, "is not a number" },
	{ "a comma", 'n', "\"1,000.00\"", NULL, "is not a number" },
	{ "hexadecimal", 'n', "\"0x10\"", NULL, "is not a number" },
	{ "not a number", 'n', "\"NaN\"", NULL, "is not a number" },
	{ "a truth", 'n', "true", NULL, "is not a number" },
	{ "an object", 'n', "{}", NULL, "is not a number" },
	{ "a quantity keeps its digits", 'q', "1.5", "1.5", NULL },
	{ "a quantity as a text", 'q', "\"1.50\"", "1.5", NULL },
	{ "a quantity with five decimals", 'q', "1.00001", NULL, "has more than 4 digits behind the point" },
	{ "a whole number", 'i', "\"7\"", "7", NULL },
	{ "a whole number with zeros behind", 'i', "7.00", "7", NULL },
	{ "a whole number with a half", 'i', "7.5", NULL, "has more than 0 digits behind the point" },
	{ "a whole number too large", 'i', "100", NULL, "has more than 2 digits before the point" },
	{ "any number", 'f', "-123456789012", "-123456789012", NULL },
	{ "a date", 'd', "\"2025-03-14\"", "\"2025-03-14\"", NULL },
	{ "a date with a time", 'd', "\"2025-03-14 09:30:00\"", "\"2025-03-14\"", NULL },
	{ "a compact date", 'd', "\"20250314\"", "\"2025-03-14\"", NULL },
	{ "a compact date as a number", 'd', "20250314", "\"2025-03-14\"", NULL },
	{ "a date with slashes", 'd', "\"2025/03/14\"", "\"2025-03-14\"", NULL },
	{ "the day before leap day", 'd', "\"2024-02-29\"", "\"2024-02-29\"", NULL },
	{ "no leap day", 'd', "\"2025-02-29\"", NULL, "is not a date (yyyy-MM-dd)" },
	{ "month 13", 'd', "\"2025-13-01\"", NULL, "is not a date (yyyy-MM-dd)" },
	{ "a date in words", 'd', "\"today\"", NULL, "is not a date (yyyy-MM-dd)" },
	{ "a time", 't', "\"2025-03-14 09:30:00\"", "\"2025-03-14 09:30:00\"", NULL },
	{ "a time without time", 't', "\"2025-03-14\"", "\"2025-03-14 00:00:00\"", NULL },
	{ "a time without seconds", 't', "\"2025-03-14 09:30\"", "\"2025-03-14 09:30:00\"", NULL },
	{ "a time with T and fraction", 't', "\"2025-03-14T09:30:00.123\"", "\"2025-03-14 09:30:00\"", NULL },
	{ "a time with our zone", 't', "\"2025-03-14T09:30:00.000+08:00\"", "\"2025-03-14 09:30:00\"", NULL },
	{ "a compact time", 't', "\"20250314093000\"", "\"2025-03-14 09:30:00\"", NULL },
	{ "a compact time with milliseconds", 't', "20250314093000123", "\"2025-03-14 09:30:00\"", NULL },
	{ "a time in another zone", 't', "\"2025-03-14T09:30:00Z\"", NULL, "is not a time (yyyy-MM-dd HH:mm:ss)" },
	{ "hour 24", 't', "\"2025-03-14 24:00:00\"", NULL, "is not a time (yyyy-MM-dd HH:mm:ss)" },
	{ "an empty time", 't', "\"\"", "\"\"", NULL },
};

static void value(void **state)
{
	const struct value *row = *state;
	struct yt_arena *arena = yt_arena_new(0);
	struct yt_buf out = { 0 };
	struct yt_fault fault;
	char sent[128], kept[128];
	struct yt_node *body;
	int rv;

	snprintf(sent, sizeof(sent), "{\"%c\":%s}", row->field, row->sent);
	assert_int_equal(yt_json_read(arena, yt_str(sent), NULL, &body, NULL), 0);
	rv = yt_table_run(&value_group, 1, "", YT_TABLE_STRICT, arena, body, &fault, NULL);
	if (row->kept == NULL) {
		assert_int_equal(rv, YT_EFORMAT);
		assert_string_equal(fault.why, row->why);
		snprintf(kept, sizeof(kept), "%s", sent); /* a refused value is left as it came */
	} else {
		if (rv != 0)
			fail_msg("%s", fault.why);
		snprintf(kept, sizeof(kept), "{\"%c\":%s}", row->field, row->kept);
	}
	yt_json_write(body, &out);
	yt_buf_byte(&out, '\0');
	assert_string_equal((char *)out.p, kept);
	/* What we keep is what we write: running over it again changes nothing. */
	if (row->kept != NULL) {
		assert_int_equal(yt_table_run(&value_group, 1, "", YT_TABLE_STRICT, arena, body, &fault, NULL), 0);
		yt_buf_clear(&out);
		yt_json_write(body, &out);
		yt_buf_byte(&out, '\0');
		assert_string_equal((char *)out.p, kept);
	}
	yt_buf_free(&out);
	yt_arena_free(arena);
}

static const struct yt_field row_fields[] = {
	{ "a", 1, 'C', 0, YT_FIELD_REQUIRED, 2, NULL, "甲", "first", NULL },
	{ "b", 1, 'N', 2, 0, 16, NULL, "乙", "second", NULL },
	{ "cc", 2, 'C', 0, YT_FIELD_REQUIRED, 2, "yes_no", "丙", "third", NULL },
};
static const struct yt_group groups[] = {
	{ "data", false, true, COUNT(row_fields), row_fields, NULL, { 5, 0 }, NULL, 0, false },
	{ "rows", true, false, COUNT(row_fields), row_fields, NULL, { 5, 0 }, NULL, 0, false },
};

static const struct shape {
	const char *it, *body;
	const char *path, *why; /* strict; NULL: well */
	unsigned breaches;      /* lenient */
} shapes[] = {
	{ "all is there", "{\"data\":{\"a\":\"1\",\"b\":2,\"cc\":\"3\"},\"rows\":[{\"cc\":1,\"b\":2,\"a\":3}]}", NULL,
	        NULL, 0 },
	{ "unknown members at every level", "{\"x\":1,\"data\":{\"y\":{},\"a\":\"1\",\"z\":[],\"cc\":\"3\"}}", NULL,
	        NULL, 0 },
	{ "no rows where none are needed", "{\"data\":{\"a\":\"1\",\"cc\":\"3\"},\"rows\":[]}", NULL, NULL, 0 },
	{ "rows are null where none are needed", "{\"data\":{\"a\":\"1\",\"cc\":\"3\"},\"rows\":null}", NULL, NULL, 0 },
	{ "the last one is missing", "{\"data\":{\"a\":\"1\"}}", "input.data.cc", "is missing", 1 },
	{ "a required one is empty", "{\"data\":{\"a\":\"\",\"cc\":\"3\"}}", "input.data.a", "is missing", 1 },
	{ "a required one is null", "{\"data\":{\"a\":\"1\",\"cc\":null}}", "input.data.cc", "is missing", 1 },
	{ "both are missing", "{\"data\":{}}", "input.data.a", "is missing", 2 },
	{ "the node is missing", "{}", "input.data", "is missing", 1 },
	{ "the node is a text", "{\"data\":\"x\"}", "input.data", "must be an object", 1 },
	{ "the third row",
	        "{\"data\":{\"a\":\"1\",\"cc\":\"3\"},\"rows\":[{\"a\":1,\"cc\":1},{\"a\":1,\"cc\":1},{\"a\":123,"
	        "\"cc\":1}]}",
	        "input.rows[2].a", "is longer than 2 characters", 1 },
	{ "a row is missing a field", "{\"data\":{\"a\":\"1\",\"cc\":\"3\"},\"rows\":[{\"a\":1}]}", "input.rows[0].cc",
	        "is missing", 1 },
	{ "a row is a number", "{\"data\":{\"a\":\"1\",\"cc\":\"3\"},\"rows\":[{\"a\":1,\"cc\":2},7]}", "input.rows[1]",
	        "must be an object", 1 },
	{ "rows are an object", "{\"data\":{\"a\":\"1\",\"cc\":\"3\"},\"rows\":{\"a\":1}}", "input.rows",
	        "must be an array of objects", 1 },
};

static void shape(void **state)
{
	const struct shape *row = *state;
	struct yt_arena *arena = yt_arena_new(0);
	struct yt_fault fault = { 0 };
	struct yt_node *body;
	unsigned breaches;
	int rv;

	assert_int_equal(yt_json_read(arena, yt_str(row->body), NULL, &body, NULL), 0);
	rv = yt_table_run(groups, COUNT(groups), "input", YT_TABLE_STRICT, arena, body, &fault, NULL);
	assert_int_equal(rv, row->path != NULL ? YT_EFORMAT : 0);
	assert_string_equal(fault.path, row->path != NULL ? row->path : "");
	assert_string_equal(fault.why, row->why != NULL ? row->why : "");
	memset(&fault, 0, sizeof(fault));
	assert_int_equal(
	        yt_table_run(groups, COUNT(groups), "input", YT_TABLE_LENIENT, arena, body, &fault, &breaches), 0);
	assert_int_equal(breaches, row->breaches);
	assert_string_equal(fault.path, row->path != NULL ? row->path : "");
	yt_arena_free(arena);
}

static void paths_have_no_empty_parts(void **state)
{
	static const struct yt_group whole = { "", false, true, COUNT(row_fields), row_fields, NULL, { 5, 0 }, NULL, 0,
		false };
	struct yt_arena *arena = yt_arena_new(0);
	struct yt_fault fault;
	struct yt_node *body;

	assert_int_equal(yt_json_read(arena, YT_STR("{}"), NULL, &body, NULL), 0);
	assert_int_equal(yt_table_run(&whole, 1, "", YT_TABLE_STRICT, arena, body, &fault, NULL), YT_EFORMAT);
	assert_string_equal(fault.path, "a");
	assert_int_equal(yt_table_run(&whole, 1, "input", YT_TABLE_STRICT, arena, body, &fault, NULL), YT_EFORMAT);
	assert_string_equal(fault.path, "input.a");
	assert_int_equal(yt_table_run(groups, 1, "", YT_TABLE_STRICT, arena, body, &fault, NULL), YT_EFORMAT);
	assert_string_equal(fault.path, "data");
	yt_arena_free(arena);
}

static const struct yt_field token_fields[] = {
	{ "token", 5, 'C', 0, YT_FIELD_SECRET, 4, NULL, "令牌", "token", "" },
	{ "kind", 4, 'C', 0, 0, 2, NULL, "类别", "kind", NULL },
	{ "no", 2, 'C', 0, YT_FIELD_SECRET | YT_FIELD_REQUIRED, 4, NULL, "号码", "number", "kind=01" },
};
static const struct yt_group deepest = { "c", true, false, COUNT(token_fields), token_fields, NULL, { 4, 0 }, NULL, 0,
	true };
static const struct yt_group deeper = { "b", true, false, COUNT(row_fields), row_fields, NULL, { 5, 0 }, &deepest, 1,
	true };
static const struct yt_group deep = { "a", false, true, COUNT(token_fields), token_fields, NULL, { 0, 0 }, &deeper, 1,
	true };
static const struct yt_group bare = { "", true, false, COUNT(row_fields), row_fields, NULL, { 5, 0 }, NULL, 0, false };

static const struct depth {
	const char *it, *body;
	const struct yt_group *group;
	const char *path; /* NULL: well */
} depths[] = {
	{ "nodes inside nodes", "{\"a\":{\"b\":[{\"a\":1,\"cc\":2,\"c\":[{\"no\":\"1\"}]}]}}", &deep, NULL },
	{ "nodes inside are missing", "{\"a\":{}}", &deep, NULL },
	{ "a node inside is no array", "{\"a\":{\"b\":{}}}", &deep, "in.a.b" },
	{ "a row inside lacks a member", "{\"a\":{\"b\":[{\"a\":1,\"cc\":2},{\"a\":1}]}}", &deep, "in.a.b[1].cc" },
	{ "a row two deep lacks a member",
	        "{\"a\":{\"b\":[{\"a\":1,\"cc\":2,\"c\":[{\"no\":1},{\"no\":2},{\"token\":1}]}]}}", &deep,
	        "in.a.b[0].c[2].no" },
	{ "a value two deep is too long", "{\"a\":{\"b\":[{\"a\":1,\"cc\":2,\"c\":[{\"no\":\"12345\"}]}]}}", &deep,
	        "in.a.b[0].c[0].no" },
	{ "the message is the rows", "[{\"a\":1,\"cc\":2}]", &bare, NULL },
	{ "the message is rows and one is wrong", "[{\"a\":1,\"cc\":2},{\"a\":1}]", &bare, "in[1].cc" },
};

static void depth(void **state)
{
	const struct depth *row = *state;
	struct yt_arena *arena = yt_arena_new(0);
	struct yt_fault fault = { 0 };
	struct yt_node *body;

	assert_int_equal(yt_json_read(arena, yt_str(row->body), NULL, &body, NULL), 0);
	assert_int_equal(yt_table_run(row->group, 1, "in", YT_TABLE_STRICT, arena, body, &fault, NULL),
	        row->path != NULL ? YT_EFORMAT : 0);
	assert_string_equal(fault.path, row->path != NULL ? row->path : "");
	yt_arena_free(arena);
}

static void secrets_are_found_where_they_are_some(void **state)
{
	static const char text[] =
	        "{\"a\":{\"token\":\"t1\",\"no\":\"n0\",\"kind\":\"02\",\"b\":[{\"a\":1,\"cc\":2,\"c\":["
	        "{\"token\":null,\"no\":\"n1\",\"kind\":\"01\"},{\"token\":\"\",\"no\":\"n2\"},{\"no\":7,\"kind\":1}]}]"
	        "}}";
	struct yt_arena *arena = yt_arena_new(0);
	struct yt_node *body, *secrets[2];

	assert_int_equal(yt_json_read(arena, yt_str(text), NULL, &body, NULL), 0);
	assert_int_equal(yt_table_run(&deep, 1, "", YT_TABLE_STRICT, arena, body, NULL, NULL), 0);
	assert_int_equal(yt_table_secrets(&deep, 1, body, NULL, 0), 2);
	assert_int_equal(yt_table_secrets(&deep, 1, body, secrets, 2), 2);
	assert_true(yt_str_is(secrets[0]->text, "t1") && yt_str_is(secrets[1]->text, "n1"));
	assert_memory_equal(text + secrets[1]->raw_off, "\"n1\"", secrets[1]->raw_len);
	assert_int_equal(yt_table_secrets(groups, COUNT(groups), body, secrets, 2), 0);
	yt_arena_free(arena);
}

/* With and without the name index the same row is found, whatever the cursor says. */
static void a_name_is_found_from_anywhere(void **state)
{
	static uint8_t slots[YT_SLOTS];
	struct yt_group group = { "", false, false, COUNT(row_fields), row_fields, NULL, { 0, 0 }, NULL, 0, false };

	for (unsigned i = 0; i < COUNT(row_fields); i++)
		slots[yt_table_slot((struct yt_str){ row_fields[i].name, row_fields[i].name_n })] = (uint8_t)(i + 1);
	for (int indexed = 0; indexed < 2; indexed++) {
		group.slots = indexed ? slots : NULL;
		for (unsigned at = 0; at < 5; at++) {
			for (int i = 0; i < (int)COUNT(row_fields); i++) {
				unsigned cursor = at;

				assert_int_equal(yt_table_find(&group, yt_str(row_fields[i].name), &cursor), i);
				assert_int_equal(cursor, i + 1);
				assert_int_equal(yt_table_find(&group, YT_STR("unknown"), &cursor), -1);
				assert_int_equal(yt_table_find(&group, YT_STR(""), &cursor), -1);
			}
		}
	}
}

static void a_full_arena_is_no_breach(void **state)
{
	static const char text[] = "{\"data\":{\"a\":\"1\",\"b\":2,\"cc\":\"3\"}}";
	size_t limit;
	int rv = YT_ENOMEM;

	for (limit = 64; rv != 0 && limit < 65536; limit += 16) {
		struct yt_arena *arena = yt_arena_new(limit);
		struct yt_node *body;

		assert_non_null(arena);
		rv = yt_json_read(arena, yt_str(text), NULL, &body, NULL);
		if (rv == 0)
			rv = yt_table_run(groups, 1, "", YT_TABLE_STRICT, arena, body, NULL, NULL);
		assert_true(rv == 0 || rv == YT_ENOMEM);
		yt_arena_free(arena);
	}
	assert_int_equal(rv, 0);
}

static void a_table_prints_itself(void **state)
{
	static const struct yt_table table = { "2207", groups, NULL, COUNT(groups), 0 };
	struct yt_buf out = { 0 };

	yt_table_print_markdown(&table, &out);
	yt_buf_byte(&out, '\0');
	assert_non_null(strstr((char *)out.p, "### 2207\n"));
	assert_non_null(strstr((char *)out.p, "request `rows[]`\n"));
	assert_non_null(strstr((char *)out.p, "| b | N | 16,2 | N |  | 乙 | second |\n"));
	assert_non_null(strstr((char *)out.p, "| cc | C | 2 | Y | yes_no | 丙 | third |\n"));
	yt_buf_free(&out);
}

#define ROWS(table, function)                                                                                          \
	for (size_t i = 0; i < COUNT(table); i++)                                                                      \
		tests[n++] = (struct CMUnitTest)                                                                       \
		{                                                                                                      \
			.name = table[i].it, .test_func = function, .initial_state = (void *)&table[i]                 \
		}

int main(void)
{
	static const struct CMUnitTest single[] = {
		cmocka_unit_test(paths_have_no_empty_parts),
		cmocka_unit_test(secrets_are_found_where_they_are_some),
		cmocka_unit_test(a_name_is_found_from_anywhere),
		cmocka_unit_test(a_full_arena_is_no_breach),
		cmocka_unit_test(a_table_prints_itself),
	};
	static struct CMUnitTest tests[COUNT(single) + COUNT(values) + COUNT(shapes) + COUNT(depths)];
	size_t n = COUNT(single);

	memcpy(tests, single, sizeof(single));
	ROWS(values, value);
	ROWS(shapes, shape);
	ROWS(depths, depth);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
