/* tests/test_base.c - the ground every room stands on: slices, arena, buffer, money, time, log, checksum. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "alloc_fault.h"
#include "base/arena_guard.h"
#include "base/crc32c.h"
#include "yitong/base.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* --- money --- */

static const struct fen_case {
	const char *text;
	int want; /* result of yt_fen_parse() */
	int64_t fen;
} fen_cases[] = {
	{ "0", 0, 0 }, { "12", 0, 1200 }, { "12.3", 0, 1230 }, { "-12.30", 0, -1230 }, { "12.300", 0, 1230 },
	{ "12.340000000000000000000", 0, 1234 }, { "0.01", 0, 1 }, { "-0.01", 0, -1 }, { "-0", 0, 0 },
	{ "-0.00", 0, 0 }, { "007.10", 0, 710 }, { "0.1", 0, 10 },
	{ "99999999999999.99", 0, INT64_C(9999999999999999) }, { "-99999999999999.99", 0, INT64_C(-9999999999999999) },
	{ "99999999999999.990", 0, INT64_C(9999999999999999) }, { "100000000000000", YT_EFORMAT, 0 },
	{ "-100000000000000.00", YT_EFORMAT, 0 }, { "92233720368547758.07", YT_EFORMAT, 0 },
	{ "99999999999999999999999999999999", YT_EFORMAT, 0 },
	{ "18446744073709551617", YT_EFORMAT, 0 }, /* 2^64 + 1 must not come round as 1 */
	{ "0.001", YT_EFORMAT, 0 }, { "12.345", YT_EFORMAT, 0 }, { "12.3400000001", YT_EFORMAT, 0 },
	{ "", YT_EFORMAT, 0 }, { "-", YT_EFORMAT, 0 }, { ".", YT_EFORMAT, 0 }, { ".5", YT_EFORMAT, 0 },
	{ "5.", YT_EFORMAT, 0 }, { "-.5", YT_EFORMAT, 0 }, { "+1", YT_EFORMAT, 0 }, { "--1", YT_EFORMAT, 0 },
	{ "1e2", YT_EFORMAT, 0 }, { "1,000.00", YT_EFORMAT, 0 }, { "1.2.3", YT_EFORMAT, 0 }, { " 1", YT_EFORMAT, 0 },
	{ "1 ", YT_EFORMAT, 0 }, { "0x10", YT_EFORMAT, 0 }, { "NaN", YT_EFORMAT, 0 },
	{ "\xef\xbc\x91", YT_EFORMAT, 0 }, /* a full-width 1 */
};

static void test_money_is_parsed(void **state)
{
	for (size_t i = 0; i < COUNT(fen_cases); i++) {
		const struct fen_case *row = &fen_cases[i];
		int64_t fen = 4711;

		print_message("amount \"%s\"\n", row->text);
		assert_int_equal(yt_fen_parse(yt_str(row->text), &fen), row->want);
		assert_true(fen == (row->want == 0 ? row->fen : 4711)); /* untouched when refused */
	}
	/* The byte after the slice does not count. */
	int64_t fen;
	assert_int_equal(yt_fen_parse((struct yt_str){ "12.345", 5 }, &fen), 0);
	assert_int_equal(fen, 1234);
	assert_int_equal(yt_fen_parse((struct yt_str){ NULL, 0 }, &fen), YT_EFORMAT);
}

static void test_money_is_printed(void **state)
{
	static const struct {
		int64_t fen;
		const char *want;
	} rows[] = {
		{ 0, "0.00" },
		{ 1, "0.01" },
		{ -1, "-0.01" },
		{ 10, "0.10" },
		{ 99, "0.99" },
		{ 100, "1.00" },
		{ -1230, "-12.30" },
		{ 123456, "1234.56" },
		{ INT64_C(9999999999999999), "99999999999999.99" },
		{ INT64_MAX, "92233720368547758.07" },
		{ INT64_MIN, "-92233720368547758.08" },
	};
	char text[24];

	for (size_t i = 0; i < COUNT(rows); i++) {
		yt_fen_print(rows[i].fen, text);
		assert_string_equal(text, rows[i].want);
	}
}

static void test_money_printed_is_parsed_again(void **state)
{
	uint64_t x = 88172645463325252u;

	for (int i = 0; i < 100000; i++) {
		int64_t fen, again;
		char text[24];

		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		fen = (int64_t)(x >> (x & 63)) % INT64_C(10000000000000000);
		yt_fen_print(fen, text);
		assert_int_equal(yt_fen_parse(yt_str(text), &again), 0);
		assert_true(fen == again);
	}
}

/* --- time --- */

#define HOUR_MS INT64_C(3600000)
#define AT_2026_11_22_UTC INT64_C(1795305600000) /* date -u -d 2026-11-22 +%s */

static const struct time_case {
	const char *text;
	int want;
	int64_t wall_ms;
} time_cases[] = {
	{ "1970-01-01 08:00:00", 0, 0 },
	{ "19700101080000", 0, 0 },
	{ "19700101080000001", 0, 1 },
	{ "1970-01-01", 0, -8 * HOUR_MS },
	{ "1969-12-31 23:59:59", 0, -8 * HOUR_MS - 1000 },
	{ "2026-11-22 08:00:00", 0, AT_2026_11_22_UTC },
	{ "20261122100000123", 0, AT_2026_11_22_UTC + 2 * HOUR_MS + 123 },
	{ "2026-11-22", 0, AT_2026_11_22_UTC - 8 * HOUR_MS },
	{ "2000-02-29", 0, INT64_C(951753600000) },
	{ "2024-02-29 00:00:00", 0, INT64_C(1709136000000) },
	{ "0001-01-01", 0, INT64_C(-62135625600000) },
	{ "9999-12-31 23:59:59", 0, INT64_C(253402271999000) },
	{ "1900-02-29", YT_EFORMAT, 0 }, /* a century is no leap year ... */
	{ "2100-02-29", YT_EFORMAT, 0 },
	{ "2023-02-29", YT_EFORMAT, 0 },
	{ "2024-02-30", YT_EFORMAT, 0 },
	{ "2024-04-31", YT_EFORMAT, 0 },
	{ "2024-13-01", YT_EFORMAT, 0 },
	{ "2024-00-10", YT_EFORMAT, 0 },
	{ "2024-01-00", YT_EFORMAT, 0 },
	{ "2024-01-32", YT_EFORMAT, 0 },
	{ "0000-01-01", YT_EFORMAT, 0 },
	{ "2024-01-01 24:00:00", YT_EFORMAT, 0 },
	{ "2024-01-01 23:60:00", YT_EFORMAT, 0 },
	{ "2024-01-01 23:59:60", YT_EFORMAT, 0 },
	{ "2024-01-01T23:59:59", YT_EFORMAT, 0 },
	{ "2024/01/01", YT_EFORMAT, 0 },
	{ "2024-1-01", YT_EFORMAT, 0 },
	{ "2024-01-01 ", YT_EFORMAT, 0 },
	{ "20240101", YT_EFORMAT, 0 },
	{ "2024010112000", YT_EFORMAT, 0 },
	{ "+024-01-01", YT_EFORMAT, 0 },
	{ "2024-01-0a", YT_EFORMAT, 0 },
	{ "yyyy-MM-dd", YT_EFORMAT, 0 },
	{ "", YT_EFORMAT, 0 },
};

static void check_times(void)
{
	for (size_t i = 0; i < COUNT(time_cases); i++) {
		const struct time_case *row = &time_cases[i];
		int64_t wall_ms = 4711;

		print_message("time \"%s\"\n", row->text);
		assert_int_equal(yt_time_parse(yt_str(row->text), &wall_ms), row->want);
		assert_true(wall_ms == (row->want == 0 ? row->wall_ms : 4711));
	}
}

static void test_time_is_parsed_as_utc8(void **state)
{
	check_times();
}

/* A machine set to another zone must not move a settlement to another day. */
static void test_time_ignores_tz(void **state)
{
	static const char *const zones[] = { "UTC0", "NewYork5", "Far-14", ":Asia/Shanghai", "right/UTC" };
	char text[20];

	for (size_t i = 0; i < COUNT(zones); i++) {
		assert_int_equal(setenv("TZ", zones[i], 1), 0);
		tzset();
		check_times();
		yt_time_print(AT_2026_11_22_UTC + 17 * HOUR_MS, text);
		assert_string_equal(text, "2026-11-23 01:00:00");
	}
	unsetenv("TZ");
	tzset();
}

static void test_time_is_printed_as_utc8(void **state)
{
	static const struct {
		int64_t wall_ms;
		const char *print, *compact;
	} rows[] = {
		{ 0, "1970-01-01 08:00:00", "19700101080000" },
		{ -1, "1970-01-01 07:59:59", "19700101075959" },
		{ AT_2026_11_22_UTC + 16 * HOUR_MS, "2026-11-23 00:00:00", "20261123000000" },
		{ AT_2026_11_22_UTC + 16 * HOUR_MS - 1, "2026-11-22 23:59:59", "20261122235959" },
		{ INT64_C(1709136000000) - 1, "2024-02-28 23:59:59", "20240228235959" },
		{ INT64_C(1709136000000), "2024-02-29 00:00:00", "20240229000000" },
		{ INT64_C(1709222400000), "2024-03-01 00:00:00", "20240301000000" },
		{ INT64_MAX, "9999-12-31 23:59:59", "99991231235959" }, /* never longer than its room */
		{ INT64_MIN, "0001-01-01 00:00:00", "00010101000000" },
	};
	char print[20], compact[15];

	for (size_t i = 0; i < COUNT(rows); i++) {
		yt_time_print(rows[i].wall_ms, print);
		assert_string_equal(print, rows[i].print);
		yt_time_compact(rows[i].wall_ms, compact);
		assert_string_equal(compact, rows[i].compact);
	}
}

/* Every day of ten thousand years follows the day before it, and reads back as itself. */
static void test_calendar_counts_every_day(void **state)
{
	int64_t wall_ms, read_ms;
	int year = 1, month = 1, day = 1;
	char want[20], text[20];

	assert_int_equal(yt_time_parse(YT_STR("0001-01-01"), &wall_ms), 0);
	for (; year < 10000; wall_ms += 24 * HOUR_MS) {
		static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
		int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

		for (int i = 0, v = year; i < 4; i++, v /= 10)
			want[3 - i] = (char)('0' + v % 10);
		memcpy(want + 4,
		        (char[]){ '-', (char)('0' + month / 10), (char)('0' + month % 10), '-', (char)('0' + day / 10),
		                (char)('0' + day % 10) },
		        6);
		memcpy(want + 10, " 00:00:00", 10);
		yt_time_print(wall_ms, text);
		assert_string_equal(text, want);
		assert_int_equal(yt_time_parse(yt_str(want), &read_ms), 0);
		assert_true(read_ms == wall_ms);
		if (++day > lengths[month - 1] + (month == 2 && leap)) {
			day = 1;
			if (++month > 12) {
				month = 1;
				year++;
			}
		}
	}
}

static void test_clocks_count_ms(void **state)
{
	int64_t mono_ms = yt_mono_ms();
	int64_t before_s = time(NULL);
	int64_t wall_ms = yt_wall_ms();

	/* time() may be a tick behind. */
	assert_true(wall_ms >= before_s * 1000 && wall_ms < (time(NULL) + 2) * 1000);
	assert_true(yt_mono_ms() >= mono_ms);
}

/* --- slices --- */

static void test_slices(void **state)
{
	static const struct yt_str empty = { NULL, 0 };

	assert_true(yt_str(NULL).n == 0 && yt_str(NULL).p == NULL);
	assert_true(yt_str_eq(empty, YT_STR("")));
	assert_true(yt_str_eq((struct yt_str){ "a\0b", 3 }, (struct yt_str){ "a\0b", 3 }));
	assert_false(yt_str_eq((struct yt_str){ "a\0b", 3 }, (struct yt_str){ "a\0c", 3 }));
	assert_false(yt_str_eq(YT_STR("ab"), YT_STR("abc")));
	assert_true(yt_str_is((struct yt_str){ "2207A", 4 }, "2207"));
	assert_false(yt_str_is(YT_STR("2207"), "2207A"));
	assert_true(yt_str_is(empty, "") && yt_str_is(empty, NULL));
	assert_true(yt_str_starts(YT_STR("2207A"), "2207"));
	assert_true(yt_str_starts(YT_STR("2207"), ""));
	assert_true(yt_str_starts(empty, ""));
	assert_false(yt_str_starts(empty, "2"));
	assert_false(yt_str_starts(YT_STR("220"), "2207"));
}

static void test_every_error_has_its_word(void **state)
{
	for (int error = 0; error >= YT_ESTATE; error--) {
		assert_string_not_equal(yt_strerror(error), "unknown error");
		for (int other = error + 1; other <= 0; other++)
			assert_string_not_equal(yt_strerror(error), yt_strerror(other));
	}
	assert_string_equal(yt_strerror(YT_ESTATE - 1), "unknown error");
	assert_string_equal(yt_strerror(1), "unknown error");
}

/* --- arena --- */

static void assert_zeroed(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(p[i], 0);
}

/* Allocates many sizes, checks each and leaves dirt behind.  Returns bytes allocated. */
static size_t soil(struct yt_arena *arena, size_t n_allocations)
{
	size_t bytes = 0;

	for (size_t i = 0; i < n_allocations; i++) {
		size_t size = i % 7 == 6 ? 5000 * i : i * 37 % 211;
		uint8_t *p = yt_arena_alloc(arena, size);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		assert_zeroed(p, size);
		memset(p, 0xa5, size);
		bytes += size;
	}
	return bytes;
}

static void test_arena_zeroes_and_aligns(void **state)
{
	struct yt_arena *arena = yt_arena_new(0);

	for (size_t round = 0; round < 20; round++) {
		soil(arena, 10 * round);
		yt_arena_reset(arena);
	}
	yt_arena_free(arena);
	yt_arena_free(NULL);
}

static void test_arena_allocations_do_not_overlap(void **state)
{
	struct yt_arena *arena = yt_arena_new(0);
	uint8_t *p[300];

	for (size_t i = 0; i < COUNT(p); i++) {
		p[i] = yt_arena_alloc(arena, 1 + i * 131 % 9000);
		memset(p[i], (int)i, 1 + i * 131 % 9000);
	}
	for (size_t i = 0; i < COUNT(p); i++)
		for (size_t k = 0; k < 1 + i * 131 % 9000; k++)
			assert_int_equal(p[i][k], (uint8_t)i);
	assert_ptr_not_equal(yt_arena_alloc(arena, 0), yt_arena_alloc(arena, 0));
	yt_arena_free(arena);
}

static void test_arena_keeps_to_its_limit(void **state)
{
	struct yt_arena *arena = yt_arena_new(1000);

	for (int round = 0; round < 2; round++) {
		assert_non_null(yt_arena_alloc(arena, 999));
		assert_null(yt_arena_alloc(arena, 2));
		assert_null(yt_arena_alloc(arena, SIZE_MAX));
		assert_null(yt_arena_alloc(arena, SIZE_MAX - 40));
		assert_null(yt_arena_copy(arena, YT_STR("x")).p); /* with its NUL: two bytes */
		assert_null(yt_arena_printf(arena, "%s", "x").p);
		assert_non_null(yt_arena_alloc(arena, 1)); /* a refusal took nothing */
		assert_null(yt_arena_alloc(arena, 1));
		arena_allow(arena, 2); /* that much more, until it is reset */
		assert_null(yt_arena_alloc(arena, 3));
		assert_non_null(yt_arena_copy(arena, YT_STR("x")).p);
		assert_null(yt_arena_alloc(arena, 1));
		yt_arena_reset(arena); /* all of it is there again */
	}
	yt_arena_free(arena);
	arena = yt_arena_new(0);
	assert_null(yt_arena_alloc(arena, SIZE_MAX)); /* no limit, but no such memory */
	assert_null(yt_arena_alloc(arena, SIZE_MAX - 15));
	assert_non_null(yt_arena_alloc(arena, 1));
	yt_arena_free(arena);
}

/* A reset arena serves the next message of usual size without the allocator. */
static void test_arena_reset_keeps_what_is_usual(void **state)
{
	struct yt_arena *arena = yt_arena_new(0);

	soil(arena, 50);
	yt_arena_reset(arena);
	n_allocs = 0;
	for (int i = 0; i < 100; i++) {
		assert_non_null(yt_arena_alloc(arena, 4000));
		for (int k = 0; k < 5; k++)
			assert_non_null(yt_arena_alloc(arena, 3000));
		yt_arena_reset(arena);
	}
	assert_int_equal(n_allocs, 0);
	yt_arena_free(arena);
}

static void test_arena_reset_gives_large_blocks_back(void **state)
{
	struct yt_arena *arena = yt_arena_new(0);

	for (int i = 0; i < 3; i++) {
		n_allocs = 0;
		assert_non_null(yt_arena_alloc(arena, 1 << 20));
		yt_arena_reset(arena);
		assert_int_equal(n_allocs, 1);
	}
	yt_arena_free(arena);
}

/* A copy is not cleared first, and ends with a NUL all the same. */
static void test_arena_copies_end_in_used_memory(void **state)
{
	struct yt_arena *arena = yt_arena_new(0);
	struct yt_str s;

	memset(yt_arena_alloc(arena, 64), 0xa5, 64);
	yt_arena_reset(arena);
	s = yt_arena_copy(arena, YT_STR("中"));
	assert_memory_equal(s.p, "中", sizeof("中"));
	yt_arena_free(arena);
}

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>

/* In the sanitized build, what is kept beyond its message or read past its end is reported. */
static void test_arena_hides_what_is_not_handed_out(void **state)
{
	struct yt_arena *arena = yt_arena_new(0);
	char *p = yt_arena_alloc(arena, 30);

	assert_false(__asan_address_is_poisoned(p + 29));
	assert_true(__asan_address_is_poisoned(p + 30));
	yt_arena_reset(arena);
	assert_true(__asan_address_is_poisoned(p));
	yt_arena_free(arena);
}
#endif

/* One large allocation does not cost the rest of the block that small ones come from. */
static void test_arena_large_allocation_leaves_the_block_open(void **state)
{
	struct yt_arena *arena = yt_arena_new(0);

	assert_non_null(yt_arena_alloc(arena, 16));
	n_allocs = 0;
	assert_non_null(yt_arena_alloc(arena, 1 << 20));
	assert_non_null(yt_arena_alloc(arena, 16));
	assert_int_equal(n_allocs, 1);
	yt_arena_free(arena);
}

static void test_arena_survives_failing_memory(void **state)
{
	struct yt_arena *arena;
	int n_failed = 0;

	allocs_until_fault = 0;
	assert_null(yt_arena_new(0));
	arena = yt_arena_new(0);
	for (int i = 0; i < 100; i++) {
		size_t size = i % 2 == 0 ? 3000 : 300000; /* the latter gets a block of its own */
		uint8_t *p;

		allocs_until_fault = i % 3 == 0 ? 0 : -1;
		p = yt_arena_alloc(arena, size);
		allocs_until_fault = -1;
		if (p == NULL) {
			n_failed++;
			p = yt_arena_alloc(arena, size); /* memory is back: so is the arena */
		}
		assert_non_null(p);
		memset(p, 1, size);
	}
	assert_true(n_failed >= 17); /* each large one that was hit */
	yt_arena_free(arena);
	arena = yt_arena_new(1000000);
	allocs_until_fault = 0;
	assert_null(yt_arena_alloc(arena, 900000));
	assert_non_null(yt_arena_alloc(arena, 900000)); /* the failure did not count against the limit */
	yt_arena_free(arena);
}

static void test_arena_texts(void **state)
{
	struct yt_arena *arena = yt_arena_new(0);
	struct yt_str s = yt_arena_copy(arena, (struct yt_str){ "a\0bc", 3 });

	assert_true(yt_str_eq(s, (struct yt_str){ "a\0b", 3 }));
	assert_int_equal(s.p[3], '\0');
	s = yt_arena_copy(arena, (struct yt_str){ NULL, 0 });
	assert_string_equal(s.p, "");
	assert_null(yt_arena_copy(arena, (struct yt_str){ "", SIZE_MAX }).p);
	for (int width = 1; width < 9000; width = width < 300 ? width + 1 : width * 3 / 2) {
		s = yt_arena_printf(arena, "%*d", width, 7);
		assert_int_equal(s.n, width);
		assert_int_equal(strlen(s.p), width);
		assert_int_equal(s.p[width - 1], '7');
	}
	assert_true(yt_str_is(yt_arena_printf(arena, "%s", ""), ""));
	yt_arena_free(arena);
}

/* --- buffer --- */

static void append_one_of_each(struct yt_buf *buf)
{
	uint8_t *room;

	yt_buf_text(buf, "ab");
	yt_buf_byte(buf, 'c');
	yt_buf_str(buf, YT_STR("de"));
	yt_buf_str(buf, (struct yt_str){ NULL, 0 });
	yt_buf_add(buf, "fg", 2);
	yt_buf_printf(buf, "%s%d", "h", 1);
	room = yt_buf_room(buf, 2);
	if (room != NULL)
		memcpy(room, "ij", 2);
}

static void test_buf_grows_at_every_boundary(void **state)
{
	for (size_t before = 0; before < 1100; before++) {
		struct yt_buf buf = { 0 };

		for (size_t i = 0; i < before; i++)
			yt_buf_byte(&buf, (uint8_t)i);
		append_one_of_each(&buf);
		assert_false(buf.failed);
		assert_int_equal(buf.n, before + 11);
		assert_true(buf.cap >= buf.n);
		for (size_t i = 0; i < before; i++)
			assert_int_equal(buf.p[i], (uint8_t)i);
		assert_memory_equal(buf.p + before, "abcdefgh1ij", 11);
		assert_true(yt_str_eq(yt_buf_view(&buf), (struct yt_str){ (char *)buf.p, buf.n }));
		yt_buf_free(&buf);
		assert_true(buf.p == NULL && buf.n == 0 && buf.cap == 0);
	}
}

/* Memory that fails leaves what was there, and nothing is appended behind the gap. */
static void test_buf_keeps_what_was_there_when_memory_fails(void **state)
{
	static const char digits[] = "0123456789";
	int n = 0;
	bool failed = true;

	for (; failed && n < 20; n++) {
		struct yt_buf buf = { 0 };

		allocs_until_fault = n;
		for (int i = 0; i < 300; i++)
			yt_buf_add(&buf, digits, 10);
		yt_buf_printf(&buf, "%d", 1);
		yt_buf_byte(&buf, 'x');
		allocs_until_fault = -1;
		failed = buf.failed;
		assert_int_equal(buf.n % 10, failed ? 0 : 2);
		for (size_t i = 0; i < buf.n / 10 * 10; i++)
			assert_int_equal(buf.p[i], digits[i % 10]);
		if (failed) { /* memory is back, the gap is still there */
			size_t before = buf.n;

			yt_buf_byte(&buf, 'x');
			assert_null(yt_buf_room(&buf, 1));
			assert_int_equal(buf.n, before);
		}
		yt_buf_clear(&buf);
		yt_buf_text(&buf, "again");
		assert_true(yt_str_is(yt_buf_view(&buf), "again"));
		yt_buf_free(&buf);
	}
	assert_int_equal(n, 4); /* 1024 doubled twice to 4096: three calls failed once each, then none */
}

static void test_buf_refuses_what_cannot_be(void **state)
{
	struct yt_buf buf = { 0 };

	yt_buf_text(&buf, "kept");
	assert_null(yt_buf_room(&buf, SIZE_MAX));
	assert_true(buf.failed);
	assert_true(yt_str_is(yt_buf_view(&buf), "kept"));
	yt_buf_free(&buf);
	assert_non_null(yt_buf_room(&buf, 0)); /* NULL always means failure */
	yt_buf_free(&buf);
}

/* --- log --- */

/* What one call of yt_log() writes. */
static size_t logged(enum yt_level least, enum yt_level level, const char *text, char *out, size_t size)
{
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);
	size_t n;

	assert_non_null(file);
	assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
	yt_log_setup("worker-1", least);
	yt_log(level, "room", "%s", text);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	rewind(file);
	n = fread(out, 1, size - 1, file);
	out[n] = '\0';
	fclose(file);
	yt_log_setup("test", YT_INFO);
	return n;
}

static void test_log_writes_one_line(void **state)
{
	static const char shape[] = "dddd-dd-dd dd:dd:dd.ddd ";
	char line[8192], text[6000];
	size_t n = logged(YT_INFO, YT_WARN, "a peer's \r\nline\x1b[31m of two", line, sizeof(line));

	for (size_t i = 0; i < sizeof(shape) - 1; i++)
		assert_true(shape[i] == 'd' ? line[i] >= '0' && line[i] <= '9' : line[i] == shape[i]);
	assert_string_equal(line + sizeof(shape) - 1, "warn worker-1 room: a peer's   line [31m of two\n");

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	n = logged(YT_DEBUG, YT_DEBUG, text, line, sizeof(line)); /* a long one is cut, and still one line */
	assert_true(n > 1500 && n <= 4096);
	assert_ptr_equal(strchr(line, '\n'), line + n - 1);
	assert_int_equal(line[n - 2], 'x');
}

static void test_log_leaves_out_lower_levels(void **state)
{
	char line[256];

	assert_int_equal(logged(YT_INFO, YT_DEBUG, "x", line, sizeof(line)), 0);
	assert_int_equal(logged(YT_ERROR, YT_WARN, "x", line, sizeof(line)), 0);
	assert_true(logged(YT_ERROR, YT_ERROR, "x", line, sizeof(line)) > 0);
	assert_true(logged(YT_DEBUG, YT_DEBUG, "x", line, sizeof(line)) > 0);
}

/* What a flood of one kind of lines leaves in the log: ten a second, and then how many were left out. */
static void test_log_keeps_a_pace(void **state)
{
	struct yt_pace pace = { 0 };
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO), shown = 0;
	char text[256] = "";

	(void)state;
	for (int i = 0; i < 25; i++)
		shown += yt_pace(&pace, 5000 + i, "room", "knocks");
	assert_int_equal(shown, 10);
	assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
	assert_true(yt_pace(&pace, 6000, "room", "knocks"));
	assert_true(yt_pace(&pace, 9000, "room", "knocks")); /* nothing was left out before it, so nothing is said */
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	rewind(file);
	assert_non_null(fgets(text, sizeof(text), file));
	assert_non_null(strstr(text, " room: 15 more knocks are not shown\n"));
	assert_null(fgets(text, sizeof(text), file));
	fclose(file);
}

static void test_broken_invariant_aborts(void **state)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		signal(SIGABRT, SIG_DFL);
		close(STDERR_FILENO);
		YT_REQUIRE(1 + 1 == 2);
		YT_REQUIRE(1 + 1 == 3);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

/* --- checksum --- */

/* Vectors of RFC 3720, B.4, and the usual check value. */
static void test_crc32c_vectors(void **state)
{
	uint8_t zeros[32] = { 0 }, ones[32], up[32], down[32];
	const struct {
		const void *p;
		size_t n;
		uint32_t want;
	} rows[] = {
		{ "", 0, 0 },
		{ "123456789", 9, 0xe3069283 },
		{ zeros, 32, 0x8a9136aa },
		{ ones, 32, 0x62a8ab43 },
		{ up, 32, 0x46dd794e },
		{ down, 32, 0x113fdb5c },
	};

	for (int i = 0; i < 32; i++) {
		ones[i] = 0xff;
		up[i] = (uint8_t)i;
		down[i] = (uint8_t)(31 - i);
	}
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(yt_crc32c(0, rows[i].p, rows[i].n), rows[i].want);
		assert_int_equal(yt_crc32c_software(0, rows[i].p, rows[i].n), rows[i].want);
	}
}

/* Both ways agree at every length and alignment, and the parts in turn give the whole. */
static void test_crc32c_ways_agree(void **state)
{
	static uint8_t bytes[20000];
	uint32_t x = 1;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)((x = x * 1664525 + 1013904223) >> 24);
	for (size_t n = 0; n < sizeof(bytes) - 8; n = n < 4000 ? n + 1 : n + 997) {
		const uint8_t *p = bytes + n % 8;
		uint32_t whole = yt_crc32c(0, p, n);

		assert_int_equal(whole, yt_crc32c_software(0, p, n));
		assert_int_equal(whole, yt_crc32c(yt_crc32c(0, p, n / 3), p + n / 3, n - n / 3));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_money_is_parsed),
		cmocka_unit_test(test_money_is_printed),
		cmocka_unit_test(test_money_printed_is_parsed_again),
		cmocka_unit_test(test_time_is_parsed_as_utc8),
		cmocka_unit_test(test_time_ignores_tz),
		cmocka_unit_test(test_time_is_printed_as_utc8),
		cmocka_unit_test(test_calendar_counts_every_day),
		cmocka_unit_test(test_clocks_count_ms),
		cmocka_unit_test(test_slices),
		cmocka_unit_test(test_every_error_has_its_word),
		cmocka_unit_test(test_arena_zeroes_and_aligns),
		cmocka_unit_test(test_arena_allocations_do_not_overlap),
		cmocka_unit_test(test_arena_keeps_to_its_limit),
		cmocka_unit_test(test_arena_reset_keeps_what_is_usual),
		cmocka_unit_test(test_arena_reset_gives_large_blocks_back),
		cmocka_unit_test(test_arena_copies_end_in_used_memory),
#if defined(__SANITIZE_ADDRESS__)
		cmocka_unit_test(test_arena_hides_what_is_not_handed_out),
#endif
		cmocka_unit_test(test_arena_large_allocation_leaves_the_block_open),
		cmocka_unit_test(test_arena_survives_failing_memory),
		cmocka_unit_test(test_arena_texts),
		cmocka_unit_test(test_buf_grows_at_every_boundary),
		cmocka_unit_test(test_buf_keeps_what_was_there_when_memory_fails),
		cmocka_unit_test(test_buf_refuses_what_cannot_be),
		cmocka_unit_test(test_log_writes_one_line),
		cmocka_unit_test(test_log_leaves_out_lower_levels),
		cmocka_unit_test(test_log_keeps_a_pace),
		cmocka_unit_test(test_broken_invariant_aborts),
		cmocka_unit_test(test_crc32c_vectors),
		cmocka_unit_test(test_crc32c_ways_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
