/* tests/test_supervisor.c - when the supervisor starts a child again that has ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "process/supervisor_parts.h"

/* What makes one worker die and the finding out of it the next, twice over, costs nobody a pause (P8). */
static void a_child_that_dies_young_waits_only_when_it_keeps_dying(void **state)
{
	static const int64_t pause_ms[] = { 0, 0, 0, 0, 100, 200, 400, 800, 1600, 3200, 5000, 5000 };
	uint32_t young_deaths = 0;

	for (size_t i = 0; i < sizeof(pause_ms) / sizeof(pause_ms[0]); i++)
		assert_int_equal(supervisor_restart_pause(&young_deaths, 1999), pause_ms[i]);
	young_deaths = UINT32_MAX - 1;
	assert_int_equal(supervisor_restart_pause(&young_deaths, 0), 5000);
}

static void a_child_that_lived_long_starts_anew(void **state)
{
	uint32_t young_deaths = 40;

	assert_int_equal(supervisor_restart_pause(&young_deaths, 2000), 0);
	assert_int_equal(supervisor_restart_pause(&young_deaths, 10), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_child_that_dies_young_waits_only_when_it_keeps_dying),
		cmocka_unit_test(a_child_that_lived_long_starts_anew),
	};

	return cmocka_run_group_tests_name("supervisor", tests, NULL, NULL);
}
