/* tests/test_record.c - records: what is built reads back, and no bytes at all mislead the reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "journal/octets.h"
#include "journal/record.h"

static void build(struct yt_buf *buf)
{
	size_t begun = rec_begin(buf, REC_ACCEPTED, REC_NOWAIT, 77, 1790000000123);

	rec_str(buf, REC_T_INSTITUTION, YT_STR("H33021399901"));
	rec_str(buf, REC_T_NUMBER, (struct yt_str){ 0 });
	rec_u8(buf, REC_T_OPERATION, 9);
	rec_u32(buf, REC_T_ATTEMPT, 70000);
	rec_u64(buf, REC_T_JOINS, UINT64_MAX - 1);
	rec_i64(buf, REC_T_AMOUNT, -1230);
	rec_bytes(buf, REC_T_REQUEST, "{}", 2);
	rec_end(buf, begun);
	assert_false(buf->failed);
}

/* What was built is read back field by field; an empty text left no field. */
static void test_reads_back(void **state)
{
	struct yt_buf buf = { 0 };
	struct rec rec;
	size_t used;

	build(&buf);
	build(&buf);
	assert_int_equal(rec_read(yt_buf_view(&buf), &rec, &used), 0);
	assert_int_equal(used, buf.n / 2);
	assert_int_equal(rec.type, REC_ACCEPTED);
	assert_int_equal(rec.flags, REC_NOWAIT);
	assert_int_equal(rec.exchange, 77);
	assert_int_equal(rec.wall_ms, 1790000000123);
	assert_int_equal(rec.n, 6);
	assert_true(yt_str_is(rec_get(&rec, REC_T_INSTITUTION), "H33021399901"));
	assert_int_equal(rec_get(&rec, REC_T_NUMBER).n, 0);
	assert_int_equal(rec_get_u64(&rec, REC_T_OPERATION), 9);
	assert_int_equal(rec_get_u64(&rec, REC_T_ATTEMPT), 70000);
	assert_true(rec_get_u64(&rec, REC_T_JOINS) == UINT64_MAX - 1);
	assert_int_equal(rec_get_i64(&rec, REC_T_AMOUNT), -1230);
	assert_int_equal(rec_get_u64(&rec, REC_T_INSTITUTION), 0); /* not a number's length */
	assert_true(yt_str_is(rec_get(&rec, REC_T_REQUEST), "{}"));
	yt_buf_free(&buf);
}

static void test_end_of_bytes(void **state)
{
	struct rec rec;
	size_t used;

	assert_int_equal(rec_read((struct yt_str){ 0 }, &rec, &used), YT_ENOTFOUND);
}

static const struct bad_case {
	const char *it; /* completes "a record is refused when ..." */
	size_t at;
	uint8_t value;
} bad_cases[] = {
	{ "its length is below the head", 0, 23 },
	{ "its length is beyond the bytes", 3, 1 },
	{ "it has no type", 4, 0 },
	{ "it counts more fields than it has", 6, 7 },
	{ "it counts fewer fields than it has", 6, 5 },
	{ "a field's spare bytes are used", REC_HEAD + 2, 1 },
	{ "a field reaches beyond the record", REC_HEAD + 5, 1 },
	{ "a field's length is the largest", REC_HEAD + 7, 0xff },
};

static void test_bad(void **state)
{
	const struct bad_case *row = *state;
	struct yt_buf buf = { 0 };
	struct rec rec;
	size_t used;

	build(&buf);
	buf.p[row->at] = row->value;
	assert_int_equal(rec_read(yt_buf_view(&buf), &rec, &used), YT_ECORRUPT);
	yt_buf_free(&buf);
}

/* Every prefix is refused, and read from memory of exactly its size (ASan watches the edge). */
static void test_every_prefix(void **state)
{
	struct yt_buf buf = { 0 };
	struct rec rec;
	size_t used;

	build(&buf);
	for (size_t n = 1; n < buf.n; n++) {
		char *exact = malloc(n);

		memcpy(exact, buf.p, n);
		assert_int_equal(rec_read((struct yt_str){ exact, n }, &rec, &used), YT_ECORRUPT);
		free(exact);
	}
	yt_buf_free(&buf);
}

static void test_too_many_fields(void **state)
{
	struct yt_buf buf = { 0 };
	size_t begun = rec_begin(&buf, REC_READ, 0, 1, 1);

	for (int i = 0; i <= UINT16_MAX; i++)
		rec_u8(&buf, REC_T_LEG, 1);
	rec_end(&buf, begun);
	assert_true(buf.failed);
	yt_buf_free(&buf);
}

static void test_names(void **state)
{
	for (unsigned type = REC_ACCEPTED; type <= REC_GONE; type++)
		assert_string_not_equal(rec_type_name((enum rec_type)type), "unknown");
	for (uint16_t tag = REC_T_INSTITUTION; tag <= REC_T_COMMIT; tag++)
		assert_string_not_equal(rec_tag_name(tag), "unknown");
	for (uint16_t tag = REC_T_REQUEST; tag <= REC_T_REPLY; tag++)
		assert_string_not_equal(rec_tag_name(tag), "unknown");
	assert_string_equal(rec_type_name((enum rec_type)200), "unknown");
	assert_string_equal(rec_tag_name(UINT16_MAX), "unknown");
	assert_string_equal(rec_tag_name(0), "unknown");
}

/* Only what is nothing but reads and refusals may be dropped. */
static void test_may_be_lost(void **state)
{
	static const struct {
		const char *what;
		enum rec_type types[3];
		bool may;
	} cases[] = {
		{ "nothing", { 0 }, false },
		{ "a read", { REC_READ }, true },
		{ "refusals", { REC_REFUSED, REC_REFUSED }, true },
		{ "a delivery", { REC_DELIVERED }, false },
		{ "a session", { REC_SESSION }, false },
		{ "a read and an outcome", { REC_READ, REC_OUTCOME }, false },
	};
	size_t i, j;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct yt_buf buf = { 0 };

		for (j = 0; j < 3 && cases[i].types[j] != 0; j++)
			rec_end(&buf, rec_begin(&buf, cases[i].types[j], 0, 1, 2));
		if (rec_may_be_lost(yt_buf_view(&buf)) != cases[i].may)
			fail_msg("%s", cases[i].what);
		yt_buf_text(&buf, "x");
		assert_false(rec_may_be_lost(yt_buf_view(&buf))); /* nonsense is the keeper's to find out */
		yt_buf_free(&buf);
	}
}

int main(void)
{
	enum { N_BAD = sizeof(bad_cases) / sizeof(bad_cases[0]) };
	struct CMUnitTest tests[5 + N_BAD] = {
		cmocka_unit_test(test_reads_back),
		cmocka_unit_test(test_end_of_bytes),
		cmocka_unit_test(test_every_prefix),
		cmocka_unit_test(test_too_many_fields),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_may_be_lost),
	};

	for (size_t i = 0; i < N_BAD; i++)
		tests[5 + i] = (struct CMUnitTest){ .name = bad_cases[i].it,
			.test_func = test_bad,
			.initial_state = (void *)(uintptr_t)&bad_cases[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
