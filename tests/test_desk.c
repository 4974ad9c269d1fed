/* tests/test_desk.c - what monitoring hears (core/process/desk_process.c, meters.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "process/desk.h"
#include "process/meters.h"
#include "yitong/json.h"

#define WORKER "{\"connections\":2,\"in_flight\":3}"

static const struct state_case {
	const char *it, *status; /* NULL: the keeper does not answer */
	const char *why;         /* NULL: ready */
	const char *shown;       /* in the metrics */
} states[] = {
	{ "ready with all up",
	        "{\"accepting\":true,\"index\":{\"usable\":true,\"lag_bytes\":7},\"workers\":[" WORKER "," WORKER "],"
	        "\"exchanges\":{\"parked\":4}}",
	        NULL, "yitong_exchanges{state=\"parked\"} 4\n" },
	{ "sums its workers", "{\"accepting\":true,\"index\":{\"usable\":true},\"workers\":[" WORKER "," WORKER "]}",
	        NULL, "yitong_in_flight 6\n" },
	{ "not ready without keeper", NULL, "the keeper does not answer", "yitong_keeper_up 0\n" },
	{ "not ready with one worker of two",
	        "{\"accepting\":true,\"index\":{\"usable\":true},\"workers\":[" WORKER "]}", "not every worker is up",
	        "yitong_workers 1\n" },
	{ "not ready without index",
	        "{\"accepting\":true,\"index\":{\"usable\":false},\"workers\":[" WORKER "," WORKER "]}",
	        "the index is not usable", "yitong_index_usable 0\n" },
	{ "not ready with a full disk",
	        "{\"accepting\":false,\"index\":{\"usable\":true},\"workers\":[" WORKER "," WORKER "]}",
	        "state changes are not accepted (disk or index)", "yitong_accepting 0\n" },
	{ "not ready by what it cannot read", "{}", "the index is not usable", "yitong_keeper_up 1\n" },
};

static void test_state(void **state)
{
	const struct state_case *c = *state;
	struct yt_arena *arena = yt_arena_new(0);
	struct yt_node *status = NULL;
	struct yt_buf out = { 0 };
	const char *why;

	if (c->status != NULL)
		assert_int_equal(yt_json_read(arena, yt_str(c->status), NULL, &status, NULL), 0);
	assert_int_equal(desk_is_ready(status, 2, &why), c->why == NULL);
	if (c->why != NULL)
		assert_string_equal(why, c->why);
	desk_print_state(status, &out);
	yt_buf_byte(&out, 0);
	assert_non_null(strstr((const char *)out.p, c->shown));
	yt_buf_free(&out);
	yt_arena_free(arena);
}

/* Two writers, one after the other, add to what the reader sums. */
static void counters_are_summed_over_their_writers(void **state)
{
	struct conf_listener listener = { .name = "hospitals" };
	struct conf_party party = { .name = "platform" };
	struct conf conf = { .listeners = &listener, .n_listeners = 1, .parties = &party, .n_parties = 1 };
	struct yt_buf out = { 0 };
	int fd = meters_make();
	const char *text;

	(void)state;
	assert_true(fd >= 0);
	for (uint32_t block = 0; block < 2; block++) {
		assert_int_equal(meters_open(fd, block), 0);
		meters_request(0, YT_OP_COUNT, METER_TURNED_AWAY, 0);
		meters_request(0, 1, METER_ANSWERED, 3000);
		meters_request(METER_LISTENERS, 1, METER_ANSWERED, 3000); /* nowhere */
		meters_leg(0, METER_LEG_LOST, 600000000);
		meters_leg(1000, METER_LEG_LOST, 1);
		meters_commit(1500);
	}
	meters_print(meters_all(), &conf, &out);
	yt_buf_byte(&out, 0);
	text = (const char *)out.p;
	assert_non_null(strstr(
	        text, "yitong_requests_total{listener=\"hospitals\",operation=\"none\",outcome=\"turned_away\"} 2\n"));
	assert_non_null(strstr(text, "outcome=\"answered\"} 2\n"));
	assert_non_null(strstr(text, "yitong_request_seconds_bucket{listener=\"hospitals\",le=\"0.002\"} 2\n"));
	assert_non_null(strstr(text, "yitong_request_seconds_bucket{listener=\"hospitals\",le=\"0.005\"} 4\n"));
	assert_non_null(strstr(text, "yitong_request_seconds_sum{listener=\"hospitals\"} 0.006000\n"));
	assert_non_null(strstr(text, "yitong_legs_total{party=\"platform\",outcome=\"lost\"} 2\n"));
	assert_non_null(strstr(text, "yitong_leg_seconds_bucket{party=\"platform\",le=\"120\"} 0\n"));
	assert_non_null(strstr(text, "yitong_leg_seconds_bucket{party=\"platform\",le=\"+Inf\"} 2\n"));
	assert_non_null(strstr(text, "yitong_commit_seconds_count 2\n"));
	yt_buf_free(&out);
	close(fd);
}

int main(void)
{
	static struct CMUnitTest tests[sizeof(states) / sizeof(states[0]) + 1];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		tests[n++] = (struct CMUnitTest){ states[i].it, test_state, NULL, NULL, (void *)(uintptr_t)&states[i] };
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(counters_are_summed_over_their_writers);
	return _cmocka_run_group_tests("desk", tests, n, NULL, NULL);
}
