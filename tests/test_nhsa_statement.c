/* tests/test_nhsa_statement.c - the detail file of 3202: what is written is read, what is hostile is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "plugin/loader.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SENT_ROW "S1\tM1\tP1\t286.40\t208.00\t50.00\t0"
#define RESULT_ROW "P1\tM1\tnull\tH33021399901202503140941300012\t1\t0\tnull\t286.4\t208\t50"

struct codec {
	struct yt_plugin *plugin;
	const struct yt_codec_api *api;
	struct yt_arena *arena;
	struct yt_fault fault;
};

static struct codec open_with(const struct plugin_setting *settings, size_t n)
{
	struct codec c = { 0 };
	char why[512];

	if (plugin_load(&c.plugin, YT_PLUGIN_DIR "/nhsa.so", "test", settings, n, NULL, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	c.api = plugin_api(c.plugin);
	c.arena = yt_arena_new(0);
	assert_non_null(c.arena);
	return c;
}

static void codec_close(struct codec *c)
{
	plugin_unload(c->plugin);
	yt_arena_free(c->arena);
}

static int read_file(
        struct codec *c, enum yt_statement kind, struct yt_str zip, struct yt_statement_row **rows, size_t *n)
{
	memset(&c->fault, 0, sizeof(c->fault));
	return c->api->statement_read(c->plugin, kind, zip, c->arena, rows, n, &c->fault);
}

/* A zip of stored entries, so that a test can lie in every place of it. */

struct zip {
	struct yt_buf local, central;
	unsigned n;
};

static void put_le(struct yt_buf *out, uint32_t value, int n)
{
	for (int i = 0; i < n; i++)
		yt_buf_byte(out, (uint8_t)(value >> (8 * i)));
}

static uint32_t crc32_of(struct yt_str s)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < s.n; i++) {
		crc ^= (unsigned char)s.p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1)));
	}
	return ~crc;
}

static void put_entry_head(struct yt_buf *out, unsigned flags, struct yt_str name, struct yt_str content, uint32_t size)
{
	put_le(out, 10, 2); /* version needed */
	put_le(out, flags, 2);
	put_le(out, 0, 2); /* stored */
	put_le(out, 0x00210000, 4);
	put_le(out, crc32_of(content), 4);
	put_le(out, (uint32_t)content.n, 4);
	put_le(out, size, 4);
	put_le(out, (uint32_t)name.n, 2);
	put_le(out, 0, 2);
}

static void zip_put(struct zip *zip, const char *name, struct yt_str content, unsigned flags, uint32_t size)
{
	uint32_t at = (uint32_t)zip->local.n;

	put_le(&zip->local, 0x04034b50, 4);
	put_entry_head(&zip->local, flags, yt_str(name), content, size);
	yt_buf_text(&zip->local, name);
	yt_buf_str(&zip->local, content);
	put_le(&zip->central, 0x02014b50, 4);
	put_le(&zip->central, 10, 2);
	put_entry_head(&zip->central, flags, yt_str(name), content, size);
	put_le(&zip->central, 0, 4); /* comment, disk */
	put_le(&zip->central, 0, 4); /* attributes, inside and outside */
	put_le(&zip->central, 0, 2);
	put_le(&zip->central, at, 4);
	yt_buf_text(&zip->central, name);
	zip->n++;
}

static struct yt_str zip_end(struct zip *zip)
{
	uint32_t at = (uint32_t)zip->local.n, n = (uint32_t)zip->central.n;

	yt_buf_str(&zip->local, yt_buf_view(&zip->central));
	put_le(&zip->local, 0x06054b50, 4);
	put_le(&zip->local, 0, 4);
	put_le(&zip->local, zip->n, 2);
	put_le(&zip->local, zip->n, 2);
	put_le(&zip->local, n, 4);
	put_le(&zip->local, at, 4);
	put_le(&zip->local, 0, 2);
	return yt_buf_view(&zip->local);
}

static void zip_free(struct zip *zip)
{
	yt_buf_free(&zip->local);
	yt_buf_free(&zip->central);
}

static void a_sent_file_is_read_as_it_was_written(void **state)
{
	const struct yt_statement_row rows[] = {
		{ .settlement = YT_STR("S1"),
		        .visit = YT_STR("M1"),
		        .person = YT_STR("P1"),
		        .amount_fen = 28640,
		        .fund_fen = 20800,
		        .account_fen = 5000 },
		{ .settlement = YT_STR("S2"),
		        .visit = YT_STR("M1"),
		        .person = YT_STR("P1"),
		        .is_refund = true,
		        .amount_fen = -28640,
		        .fund_fen = -20800,
		        .account_fen = -5000 },
	};
	struct codec c = open_with(NULL, 0);
	struct yt_buf zip = { 0 }, again = { 0 };
	struct yt_statement_row *read;
	size_t n;

	assert_int_equal(
	        c.api->statement_write(c.plugin, YT_STATEMENT_SENT, YT_STR("202503"), rows, COUNT(rows), &zip), 0);
	assert_int_equal(
	        c.api->statement_write(c.plugin, YT_STATEMENT_SENT, YT_STR("202503"), rows, COUNT(rows), &again), 0);
	assert_true(yt_str_eq(yt_buf_view(&zip), yt_buf_view(&again)));
	assert_memory_equal(zip.p, "PK\3\4", 4);
	assert_memory_equal(zip.p + 30, "202503.txt", 10);
	assert_int_equal(read_file(&c, YT_STATEMENT_SENT, yt_buf_view(&zip), &read, &n), 0);
	assert_int_equal(n, 2);
	for (size_t i = 0; i < n; i++) {
		assert_true(
		        yt_str_eq(read[i].settlement, rows[i].settlement) && yt_str_eq(read[i].person, rows[i].person));
		assert_int_equal(read[i].amount_fen, rows[i].amount_fen);
		assert_int_equal(read[i].account_fen, rows[i].account_fen);
		assert_int_equal(read[i].is_refund, rows[i].is_refund);
	}
	yt_buf_free(&zip);
	yt_buf_free(&again);
	codec_close(&c);
}

static void a_result_is_read_as_it_was_written(void **state)
{
	const struct yt_statement_row rows[] = {
		{ .settlement = YT_STR("S1"),
		        .visit = YT_STR("M1"),
		        .person = YT_STR("P1"),
		        .number = YT_STR("N1"),
		        .result = YT_STR("1"),
		        .memo = YT_STR("中心多"),
		        .has_amounts = true,
		        .amount_fen = 1 },
		{ .person = YT_STR("P1"), .number = YT_STR("N2"), .result = YT_STR("2"), .amount_fen = 7 },
	};
	struct codec c = open_with(NULL, 0);
	struct yt_buf zip = { 0 };
	struct yt_statement_row *read;
	size_t n;

	assert_int_equal(
	        c.api->statement_write(c.plugin, YT_STATEMENT_RESULT, YT_STR("x"), rows, COUNT(rows), &zip), 0);
	assert_memory_equal(zip.p + 30, "result.txt", 10);
	assert_int_equal(read_file(&c, YT_STATEMENT_RESULT, yt_buf_view(&zip), &read, &n), 0);
	assert_int_equal(n, 2);
	assert_true(read[0].has_amounts && read[0].amount_fen == 1 && yt_str_is(read[0].memo, "中心多"));
	assert_true(!read[1].has_amounts && read[1].amount_fen == 0 && read[1].settlement.n == 0);
	assert_true(yt_str_is(read[1].number, "N2") && yt_str_is(read[1].result, "2"));
	yt_buf_free(&zip);
	codec_close(&c);
}

static const struct text_case {
	const char *it;
	enum yt_statement kind;
	const char *text;
	size_t n;               /* rows */
	const char *path, *why; /* NULL: well */
} text_cases[] = {
	{ "one line without its end", YT_STATEMENT_SENT, SENT_ROW, 1, NULL, NULL },
	{ "lines with LF, empty ones and a trailing TAB", YT_STATEMENT_SENT, SENT_ROW "\t\n\r\n" SENT_ROW "\n\n", 2,
	        NULL, NULL },
	{ "a byte-order mark", YT_STATEMENT_SENT, "\xEF\xBB\xBF" SENT_ROW "\r\n", 1, NULL, NULL },
	{ "no line at all", YT_STATEMENT_SENT, "", 0, NULL, NULL },
	{ "a result in GB18030", YT_STATEMENT_RESULT, "P1\tM1\tS1\tN1\t1\t0\t\xD6\xD0\xD0\xC4\t1\t1\t1\r\n", 1, NULL,
	        NULL },
	{ "a result that stops after the flag", YT_STATEMENT_RESULT, "P1\tM1\tS1\tN1\t1\t0\r\n", 1, NULL, NULL },
	{ "a null where a text must be", YT_STATEMENT_SENT, SENT_ROW "\nnull\tM1\tP1\t1\t1\t1\t0\n", 0,
	        "line 2, setl_id", "is missing" },
	{ "a line that stops early", YT_STATEMENT_SENT, "S1\tM1\tP1\t1.00\r\n", 0, "line 1, fund_pay_sumamt",
	        "is missing" },
	{ "an amount that is none", YT_STATEMENT_SENT, "S1\tM1\tP1\t1.001\t1\t1\t0\n", 0, "line 1, medfee_sumamt",
	        "is not an amount in yuan" },
	{ "a flag that is none", YT_STATEMENT_SENT, "S1\tM1\tP1\t1\t1\t1\t2\n", 0, "line 1, refd_setl_flag",
	        "must be 0 or 1" },
	{ "a column too many", YT_STATEMENT_SENT, SENT_ROW "\tx\n", 0, "line 1, row",
	        "has more columns than the format" },
	{ "a result where a sent file is meant", YT_STATEMENT_SENT, RESULT_ROW "\n", 0, "line 1, setl_id", NULL },
	{ "octets that are no text", YT_STATEMENT_SENT, "\xFF\xFF\xFF\n", 0, "text", "is neither UTF-8 nor GB18030" },
};

static void a_text(void **state)
{
	const struct text_case *row = *state;
	struct codec c = open_with(NULL, 0);
	struct zip zip = { 0 };
	struct yt_statement_row *rows;
	struct yt_str text = yt_str(row->text);
	size_t n;
	int rv;

	zip_put(&zip, "a.txt", text, 0, (uint32_t)text.n);
	rv = read_file(&c, row->kind, zip_end(&zip), &rows, &n);
	if (row->path == NULL) {
		if (rv != 0)
			fail_msg("%s %s", c.fault.path, c.fault.why);
		assert_int_equal(n, row->n);
	} else {
		assert_int_equal(rv, YT_EFORMAT);
		if (row->why != NULL)
			assert_string_equal(c.fault.why, row->why);
		if (row->why != NULL)
			assert_string_equal(c.fault.path, row->path);
	}
	zip_free(&zip);
	codec_close(&c);
}

static void assert_refused(struct codec *c, struct yt_str octets, int rv, const char *why)
{
	struct yt_statement_row *rows;
	size_t n;

	assert_int_equal(read_file(c, YT_STATEMENT_SENT, octets, &rows, &n), rv);
	assert_string_equal(c->fault.why, why);
}

static void a_zip_is_refused_that_has_not_one_text(void **state)
{
	struct codec c = open_with(NULL, 0);
	struct zip two = { 0 }, none = { 0 }, many = { 0 };

	zip_put(&two, "a.txt", YT_STR(SENT_ROW), 0, sizeof(SENT_ROW) - 1);
	zip_put(&two, "b.txt", YT_STR(SENT_ROW), 0, sizeof(SENT_ROW) - 1);
	assert_refused(&c, zip_end(&two), YT_EFORMAT, "has more than one .txt file");
	zip_put(&none, "a.csv", YT_STR(SENT_ROW), 0, sizeof(SENT_ROW) - 1);
	assert_refused(&c, zip_end(&none), YT_EFORMAT, "has no .txt file");
	for (int i = 0; i < 9; i++)
		zip_put(&many, (const char *[]){ "0", "1", "2", "3", "4", "5", "6", "7", "a.txt" }[i], YT_STR("x"), 0,
		        1);
	assert_refused(&c, zip_end(&many), YT_EFORMAT, "has more than 8 entries");
	zip_free(&two);
	zip_free(&none);
	zip_free(&many);
	codec_close(&c);
}

static void a_zip_is_refused_that_lies(void **state)
{
	struct codec c = open_with(NULL, 0);
	struct zip longer = { 0 }, shorter = { 0 }, sealed = { 0 }, good = { 0 };
	struct yt_str octets;

	zip_put(&longer, "a.txt", YT_STR(SENT_ROW), 0, sizeof(SENT_ROW) + 100);
	assert_refused(&c, zip_end(&longer), YT_EFORMAT, "is damaged or longer than it says");
	zip_put(&shorter, "a.txt", YT_STR(SENT_ROW), 0, 10);
	assert_refused(&c, zip_end(&shorter), YT_EFORMAT, "is damaged or longer than it says");
	zip_put(&sealed, "a.txt", YT_STR(SENT_ROW), 1, sizeof(SENT_ROW) - 1);
	assert_refused(&c, zip_end(&sealed), YT_EFORMAT, "is encrypted");
	zip_put(&good, "a.txt", YT_STR(SENT_ROW), 0, sizeof(SENT_ROW) - 1);
	octets = zip_end(&good);
	good.local.p[40] ^= 1; /* in the text: the checksum tells */
	assert_refused(&c, octets, YT_EFORMAT, "is damaged or longer than it says");
	assert_refused(&c, YT_STR("{\"infcode\":0}"), YT_EFORMAT, "is no zip file");
	assert_refused(&c, YT_STR(""), YT_EFORMAT, "has no .txt file");
	zip_free(&longer);
	zip_free(&shorter);
	zip_free(&sealed);
	zip_free(&good);
	codec_close(&c);
}

/* Every cut and every changed octet is survived. */
static void a_damaged_zip_is_survived(void **state)
{
	const struct yt_statement_row row = {
		.settlement = YT_STR("S1"), .visit = YT_STR("M1"), .person = YT_STR("P1")
	};
	struct codec c = open_with(NULL, 0);
	struct yt_statement_row *rows;
	struct yt_buf zip = { 0 };
	size_t n;

	assert_int_equal(c.api->statement_write(c.plugin, YT_STATEMENT_SENT, YT_STR("a"), &row, 1, &zip), 0);
	for (size_t i = 0; i < zip.n; i++) {
		assert_int_not_equal(
		        read_file(&c, YT_STATEMENT_SENT, (struct yt_str){ (char *)zip.p, i }, &rows, &n), 0);
		zip.p[i] ^= 0x55;
		(void)read_file(&c, YT_STATEMENT_SENT, yt_buf_view(&zip), &rows, &n);
		zip.p[i] ^= 0x55;
		yt_arena_reset(c.arena);
	}
	yt_buf_free(&zip);
	codec_close(&c);
}

/* 40,000 equal rows: 1.4 MB that pack to almost nothing. */
static void a_bomb_is_not_unpacked(void **state)
{
	static const struct plugin_setting small[] = { { "file_max_mib", "1" } },
	                                   tight[] = { { "file_max_ratio", "20" } },
	                                   wide[] = { { "file_max_ratio", "1000" } };
	static struct yt_statement_row many[40000];
	struct codec c = open_with(wide, 1);
	struct yt_buf zip = { 0 };
	struct yt_statement_row *rows;
	size_t n;

	for (size_t i = 0; i < COUNT(many); i++)
		many[i] = (struct yt_statement_row){
			.settlement = YT_STR("S1"), .visit = YT_STR("M1"), .person = YT_STR("P1")
		};
	assert_int_equal(c.api->statement_write(c.plugin, YT_STATEMENT_SENT, YT_STR("a"), many, COUNT(many), &zip), 0);
	assert_int_equal(read_file(&c, YT_STATEMENT_SENT, yt_buf_view(&zip), &rows, &n), 0);
	assert_int_equal(n, COUNT(many));
	codec_close(&c);
	c = open_with(small, 1);
	assert_refused(&c, yt_buf_view(&zip), YT_ELIMIT, "unpacks to more than the setting file_max_mib");
	codec_close(&c);
	c = open_with(tight, 1);
	assert_refused(&c, yt_buf_view(&zip), YT_ELIMIT, "packs its text tighter than the setting file_max_ratio");
	codec_close(&c);
	yt_buf_free(&zip);
}

static void what_cannot_stand_in_the_file_is_not_written(void **state)
{
	const struct yt_statement_row bad[] = {
		{ .settlement = YT_STR("S\t1"), .visit = YT_STR("M1"), .person = YT_STR("P1") },
		{ .settlement = YT_STR("S1"), .visit = YT_STR("M\r1"), .person = YT_STR("P1") },
		{ .settlement = YT_STR("S1"), .visit = YT_STR("M1") },
	};
	struct codec c = open_with(NULL, 0);
	struct yt_buf zip = { 0 };

	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(
		        c.api->statement_write(c.plugin, YT_STATEMENT_SENT, YT_STR("a"), &bad[i], 1, &zip), YT_EFORMAT);
	assert_int_equal(
	        c.api->statement_write(c.plugin, YT_STATEMENT_SENT, YT_STR("../a"), NULL, 0, &zip), YT_EFORMAT);
	assert_int_equal(zip.n, 0);
	yt_buf_free(&zip);
	codec_close(&c);
}

int main(void)
{
	static const struct CMUnitTest single[] = {
		cmocka_unit_test(a_sent_file_is_read_as_it_was_written),
		cmocka_unit_test(a_result_is_read_as_it_was_written),
		cmocka_unit_test(a_zip_is_refused_that_has_not_one_text),
		cmocka_unit_test(a_zip_is_refused_that_lies),
		cmocka_unit_test(a_damaged_zip_is_survived),
		cmocka_unit_test(a_bomb_is_not_unpacked),
		cmocka_unit_test(what_cannot_stand_in_the_file_is_not_written),
	};
	static struct CMUnitTest tests[COUNT(single) + COUNT(text_cases)];
	size_t n = COUNT(single);

	memcpy(tests, single, sizeof(single));
	for (size_t i = 0; i < COUNT(text_cases); i++)
		tests[n++] = (struct CMUnitTest){
			.name = text_cases[i].it, .test_func = a_text, .initial_state = (void *)&text_cases[i]
		};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
