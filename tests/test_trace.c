/* tests/test_trace.c - traceparent in and out (core/engine/trace.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "engine/trace.h"

#define ID "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"

static const struct in_case {
	const char *it, *value;
	const char *id; /* NULL: not taken */
} ins[] = {
	{ "sampled", "00-" ID "-" SPAN "-01", ID },
	{ "not sampled", "00-" ID "-" SPAN "-00", ID },
	{ "of a later version", "cc-" ID "-" SPAN "-01", ID },
	{ "of a later version with more", "cc-" ID "-" SPAN "-01-what", ID },
	{ "of a later version with nonsense behind", "cc-" ID "-" SPAN "-01.what", NULL },
	{ "with more than its version has", "00-" ID "-" SPAN "-01-what", NULL },
	{ "of the version that is none", "ff-" ID "-" SPAN "-01", NULL },
	{ "of zeros", "00-00000000000000000000000000000000-" SPAN "-01", NULL },
	{ "with a parent of zeros", "00-" ID "-0000000000000000-01", NULL },
	{ "in upper case", "00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01", NULL },
	{ "too short", "00-" ID "-" SPAN "-0", NULL },
	{ "without its hyphens", "00_" ID "_" SPAN "_01", NULL },
	{ "empty", "", NULL },
};

static void test_in(void **state)
{
	const struct in_case *c = *state;
	struct yt_header headers[] = { { YT_STR("other"), YT_STR("x") }, { YT_STR("TraceParent"), yt_str(c->value) } };
	char id[33] = "";

	assert_int_equal(trace_from(headers, 2, id), c->id != NULL);
	if (c->id != NULL)
		assert_string_equal(id, c->id);
}

static void two_are_none(void **state)
{
	struct yt_header h = { YT_STR("traceparent"), YT_STR("00-" ID "-" SPAN "-01") };
	struct yt_header headers[] = { h, h };
	char id[33];

	(void)state;
	assert_false(trace_from(headers, 2, id));
	assert_true(trace_from(headers, 1, id));
	assert_false(trace_from(headers, 0, id));
}

/* What leaves has the id that came, or one of ours, and our letters where a parent stands; it can come in again. */
static void what_leaves_can_be_found(void **state)
{
	char letters[9], out[TRACE_PARENT_LEN + 1], again[33];
	struct yt_header h = { YT_STR("traceparent"), { out, TRACE_PARENT_LEN } };

	(void)state;
	trace_letters(ID, letters);
	assert_int_equal(strlen(letters), 8);
	assert_int_equal(strspn(letters, "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"), 8);
	trace_parent(ID, "7B3348LZ", out);
	assert_string_equal(out, "00-" ID "-3742333334384c5a-00");
	trace_parent("", "7B3348LZ", out);
	assert_int_equal(strlen(out), TRACE_PARENT_LEN);
	assert_true(trace_from(&h, 1, again));
	assert_string_not_equal(again, ID);
	assert_string_equal(out + 35, "-3742333334384c5a-00");
}

int main(void)
{
	static struct CMUnitTest tests[sizeof(ins) / sizeof(ins[0]) + 2];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(ins) / sizeof(ins[0]); i++)
		tests[n++] = (struct CMUnitTest){ ins[i].it, test_in, NULL, NULL, (void *)(uintptr_t)&ins[i] };
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(two_are_none);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(what_leaves_can_be_found);
	return _cmocka_run_group_tests("trace", tests, n, NULL, NULL);
}
