/* tests/test_keeper_process.c - what is configured reaches the keeper's machine, in its units. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "process/keeper_process.h"

#define DAY_MS (24LL * 3600 * 1000)

static void settings_reach_the_machine(void **state)
{
	struct conf_party parties[] = { { .late_ms = 1, .server_delay_ms = 2 },
		{ .late_ms = 60000, .server_delay_ms = 180000 }, { .late_ms = 3 } };
	struct conf conf = { .numbers = { .serial_from = 9000, .serial_to = 9999 },
		.resolution = { .reverse_after_ms = 15000, .undelivered_ms = 1800000, .retry_max_ms = 7000 },
		.cases = { .facts_days = 400 },
		.limits = { .ring_mib = 4, .exchanges = 100 },
		.gateway = { .workers = 3 },
		.parties = parties,
		.n_parties = 3 };
	struct keeper_conf k;

	memset(&k, 0xff, sizeof(k));
	kp_conf_of_machine(&k, &conf);
	assert_int_equal(k.serial_from, 9000);
	assert_int_equal(k.serial_to, 9999);
	assert_int_equal(k.reverse_after_ms, 15000);
	assert_int_equal(k.undelivered_ms, 1800000);
	assert_int_equal(k.longest_wait_ms, 240000 + 1000); /* the slowest party's */
	assert_int_equal(k.facts_ms, 400 * DAY_MS);
	assert_int_equal(k.message_bytes, (4 << 20) - 4096);
	assert_int_equal(k.exchanges, 100 * 3 * 2);
	conf.resolution.retry_max_ms = 300000;
	conf.cases.facts_days = 36500; /* more than 32 bits of milliseconds */
	kp_conf_of_machine(&k, &conf);
	assert_int_equal(k.longest_wait_ms, 300000 + 1000);
	assert_int_equal(k.facts_ms, 36500 * DAY_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(settings_reach_the_machine) };

	return cmocka_run_group_tests_name("keeper process", tests, NULL, NULL);
}
