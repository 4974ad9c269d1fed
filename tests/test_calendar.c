/* tests/test_calendar.c - working days over weekends, holidays, and Saturdays that are worked (message/calendar.h). */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "message/calendar.h"

/* 2026-10-01 is a Thursday. */
static const char days[] = "\xef\xbb\xbf# made for this test\r\n"
                           "date,working,note\r\n"
                           "2026-10-07,no,国庆\r\n"
                           "2026-10-01,no,国庆\r\n"
                           "2026-10-02,no,\"国庆, 第二天\"\r\n"
                           "2026-10-05,no,国庆\r\n"
                           "2026-10-06,no,国庆\r\n"
                           "2026-10-10,yes,调休\r\n"
                           "2026-11-23,no,a Monday\r\n"
                           "2027-01-01,no,元旦\r\n";

static int64_t day_of(const char *text)
{
	int64_t ms;

	assert_int_equal(yt_time_parse(yt_str(text), &ms), 0);
	return calendar_day(ms);
}

static const struct add_case {
	const char *it, *from;
	uint32_t n;
	const char *want, *weekdays_only;
} adds[] = {
	{ "nothing is added", "2026-11-21", 0, "2026-11-21", "2026-11-21" },
	{ "the next day", "2026-11-24", 1, "2026-11-25", "2026-11-25" },
	{ "Friday over a weekend and a Monday that rests", "2026-11-20", 1, "2026-11-24", "2026-11-23" },
	{ "Saturday counts from itself", "2026-11-21", 1, "2026-11-24", "2026-11-23" },
	{ "Sunday too", "2026-11-22", 1, "2026-11-24", "2026-11-23" },
	{ "over a week of holidays", "2026-09-30", 1, "2026-10-08", "2026-10-01" },
	{ "a Saturday that is worked", "2026-10-09", 1, "2026-10-10", "2026-10-12" },
	{ "from that Saturday", "2026-10-10", 1, "2026-10-12", "2026-10-12" },
	{ "several days over both", "2026-10-08", 3, "2026-10-12", "2026-10-13" },
	{ "the end of a year", "2026-12-31", 1, "2027-01-04", "2027-01-01" },
	{ "the end of February", "2028-02-28", 1, "2028-02-29", "2028-02-29" },
	{ "before 1970", "1969-12-31", 1, "1970-01-01", "1970-01-01" },
	{ "ten days", "2026-09-30", 10, "2026-10-20", "2026-10-14" },
};

static void test_add(void **state)
{
	struct yt_arena *arena = yt_arena_new(0);
	struct calendar *calendar = NULL;
	uint32_t line = 0;
	char why[160] = "";

	(void)state;
	assert_int_equal(calendar_read(arena, yt_str(days), &calendar, &line, why, sizeof(why)), 0);
	for (size_t i = 0; i < sizeof(adds) / sizeof(adds[0]); i++) {
		if (calendar_add(calendar, day_of(adds[i].from), adds[i].n) != day_of(adds[i].want))
			fail_msg("%s", adds[i].it);
		if (calendar_add(NULL, day_of(adds[i].from), adds[i].n) != day_of(adds[i].weekdays_only))
			fail_msg("%s, by weekdays", adds[i].it);
	}
	assert_true(calendar_last(calendar) == day_of("2027-01-01"));
	assert_true(calendar_last(NULL) == INT64_MIN);
	yt_arena_free(arena);
}

/* A day is one of business time, whatever TZ says. */
static void test_day(void **state)
{
	int64_t ms;

	(void)state;
	assert_int_equal(yt_time_parse(YT_STR("2026-11-22 23:59:59"), &ms), 0);
	assert_true(calendar_day(ms) == day_of("2026-11-22"));
	assert_true(calendar_day(ms + 1000) == day_of("2026-11-23"));
	assert_true(calendar_begins_ms(day_of("2026-11-23")) == ms + 1000);
}

static void test_wrong(void **state)
{
	static const struct {
		const char *csv;
		uint32_t line;
		const char *why;
	} rows[] = {
		{ "date,working\n2026-10-01,no\n2026-13-01,no\n", 3, "date must be a day" },
		{ "date,working\n2026-10-01 08:00:00,no\n", 2, "date must be a day" },
		{ "date,working\n2026-10-01,maybe\n", 2, "working must be yes or no" },
		{ "date,working\n2026-10-01,\n", 2, "working must be yes or no" },
		{ "date,working\n2026-10-01,no\n2026-10-01,yes\n", 3, "twice" },
		{ "date,note\n2026-10-01,x\n", 1, "working" },
		{ "date,wroking\n", 1, "wroking" },
		{ "", 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct yt_arena *arena = yt_arena_new(0);
		struct calendar *calendar = NULL;
		uint32_t line = 0;
		char why[160] = "";

		assert_int_equal(
		        calendar_read(arena, yt_str(rows[i].csv), &calendar, &line, why, sizeof(why)), YT_EFORMAT);
		if (rows[i].line != 0)
			assert_int_equal(line, rows[i].line);
		if (strstr(why, rows[i].why) == NULL)
			fail_msg("%s: %s", rows[i].csv, why);
		yt_arena_free(arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_day),
		cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
