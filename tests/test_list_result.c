/* tests/test_list_result.c - who ordered a list of payouts is told its end once, when each of them has one.
 *
 * The world is that of tests/flow_world.h; its hub takes what tells of a list. */
#include "flow_world.h"

#include <stdio.h>

#define NO "IN2026092100000000001" /* and a digit */
#define LIST                                                                                                           \
	"LIST inst=H1 num=L1 | list=L1 all=14.00 named=Wu psn=Wu p1=" NO "1 y1=7.00 t1=62220200000009 p2=" NO          \
	"2 y2=7.00 t2=62220200000017"
#define WAITS "waits: 1 of 2 payouts of the list have not ended"
#define AT_ONCE_MS 3000
#define LONG_MS 900000

static const struct engine_flow payout = { "payout",
	{ { &bank, YT_OP_PAY_ORDER, NULL, false, NULL, NULL }, { &bank, YT_OP_PAY_QUERY, NULL, true, NULL, NULL } }, 2,
	1 };
static const struct engine_flow telling = { "telling", { { &hub, YT_OP_PAY_BATCH_RESULT, NULL, true, NULL, NULL } }, 1,
	1 };

/* So that one of the two leaves a day: this world has one leg at a time. */
static const struct engine_payer limited[] = { { "bank", "IN", NULL, "6001", "fund", "313332099026", "bank", "insurer",
	"claim", 500000, 1000, 0, "claims", false } };
static const struct engine_payer *payers;
static uint32_t n_payers;

static void begin(void)
{
	teardown(NULL);
	payers = conf.payers;
	n_payers = conf.n_payers;
	conf.payers = limited;
	conf.n_payers = 1;
	conf.follow_up_retry_max_ms = LONG_MS;
	conf.follow_up_park_after_ms = 100 * LONG_MS;
	is_native = true;
	follows = &payout;
	tells_lists = &telling;
	setup(NULL);
}

static void end(void)
{
	conf.follow_up_retry_max_ms = 8000;
	conf.follow_up_park_after_ms = 600000;
	conf.payers = payers;
	conf.n_payers = n_payers;
	is_native = false;
	follows = tells_lists = NULL;
}

/* What leaves within so long; "nothing". */
static void assert_leaves(const char *head, int64_t within_ms)
{
	char got[64] = "nothing";

	pump();
	for (int64_t i = 0; i < within_ms && w.leg == 0; i += 500)
		later(500);
	if (w.leg != 0)
		snprintf(got, sizeof(got), "%s:%.*s", w.sent_to, (int)strcspn(w.sent, " "), w.sent);
	assert_string_equal(got, head);
}

static void decide(const char *number, const char *result)
{
	assert_int_equal(keeper_decide(w.keeper, in_log_of(number).id, result, YT_STR("li"), YT_STR("seen")), 0);
	pump();
}

static const struct told_case {
	const char *it; /* a list ... */
	const char
	        *script; /* R: released, X: taken back; else how the bank answers an order; 1, 2: people end that one */
	const char *ends[2]; /* of its payouts */
} told_cases[] = {
	{ "whose payouts are paid", "Rpp", { "PAID", "PAID" } },
	{ "of which one is refused", "Rpr", { NULL, "FAILED" } },
	{ "of which one comes to nothing", "RpF", { NULL, "FAILED" } },
	{ "of which people end one that waits", "Rp2", { "PAID", "FAILED" } },
	{ "that people take back as a whole", "X", { "CANCELLED", "CANCELLED" } },
};

static void pay(char how)
{
	assert_leaves("bank:PAY", 2 * LONG_MS);
	reply(how);
	if (w.leg == 0)
		later(500);
	if (w.leg != 0)
		return; /* that was the last one */
	w.now += INT64_C(24) * 3600 * 1000;
}

static void release(void)
{
	assert_int_equal(
	        keeper_release(w.keeper, in_log_of("+/list/L1").id, YT_STR("li"), YT_STR("wang"), YT_STR("seen")), 0);
	pump();
}

static void play(const struct told_case *c)
{
	ask(1, LIST);
	assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
	assert_leaves("nothing", LONG_MS);
	for (const char *p = c->script; *p != '\0'; p++) {
		if (*p == 'R')
			release();
		else if (*p == 'X')
			decide("+/list/L1", "refused");
		else if (*p == '2')
			decide(in_log_of("+/" NO "1").state == X_UNKNOWN ? "+/" NO "1" : "+/" NO "2", "refused");
		else
			pay(*p);
	}
}

/* It is told with the end of the last of them, in one message, and that once, whoever dies when it has left. */
static void test_told(void **state)
{
	for (size_t i = 0; i < COUNT(told_cases); i++) {
		for (unsigned killed = 0; killed < 2; killed++) {
			const struct told_case *c = &told_cases[i];
			char octets[sizeof(w.sent)], row[2][40];

			print_message("a list %s\n", c->it);
			begin();
			play(c);
			assert_leaves("hub:RESULTS", AT_ONCE_MS);
			for (size_t k = 0; k < 2; k++) {
				fake_value(yt_str(w.sent), k == 0 ? NO "1" : NO "2", row[k], sizeof(row[k]));
				assert_true(row[k][0] != '\0' && strcmp(row[k], "OPEN") != 0);
			}
			for (size_t k = 0; k < 2; k++) /* of two orders either may be the first */
				assert_true(c->ends[k] == NULL || strcmp(row[0], c->ends[k]) == 0 ||
				            strcmp(row[1], c->ends[k]) == 0);
			memcpy(octets, w.sent, sizeof(octets));
			if (killed != 0) {
				kill_all();
				assert_leaves("hub:RESULTS", LONG_MS);
				assert_string_equal(w.sent, octets);
			}
			reply('d');
			assert_leaves("nothing", 2 * LONG_MS);
			assert_int_equal(in_log_of("+/result/L1").state, X_DONE);
			end();
		}
	}
}

/* Nothing is told of a list before its last payout has ended, and why says how many have not. */
static void test_waits(void **state)
{
	begin();
	ask(1, LIST);
	release();
	pay('p');
	assert_string_equal(in_log_of("+/result/L1").reason, WAITS);
	assert_leaves("bank:PAY", 2 * LONG_MS);
	reply('p');
	assert_leaves("hub:RESULTS", AT_ONCE_MS);
	end();
}

/* Each look at a list goes through all of it: when one payout has ended, others soon will. */
static void test_looks_seldom(void **state)
{
	int64_t due_ms;

	begin();
	ask(1, LIST);
	assert_leaves("nothing", LONG_MS); /* by itself it looks seldom by now */
	release();
	assert_leaves("bank:PAY", 2 * LONG_MS);
	reply('p');
	due_ms = in_log_of("+/result/L1").due_ms;
	assert_int_equal(due_ms, w_time(NULL) + 1000);
	later(500);
	assert_int_equal(in_log_of("+/result/L1").due_ms, due_ms);
	later(500);
	assert_true(in_log_of("+/result/L1").due_ms > due_ms);
	assert_string_equal(in_log_of("+/result/L1").reason, WAITS);
	end();
}

/* A list that cannot be handed out waits for people, and what they decide is told. */
static void test_parked(void **state)
{
	char row[40];

	begin();
	ask(2, "PAY inst=H1 num=" NO "2 | pay=" NO "2 yuan=7.00 to=62220200000017 named=Wu psn=Wu");
	pay('p');
	ask(1, LIST);
	release();
	assert_leaves("nothing", LONG_MS);
	assert_int_equal(in_log_of("+/list/L1").state, X_PARKED);
	decide("+/list/L1", "reversed");
	assert_leaves("hub:RESULTS", AT_ONCE_MS);
	for (unsigned i = 1; i <= 2; i++) {
		fake_value(yt_str(w.sent), i == 1 ? NO "1" : NO "2", row, sizeof(row));
		assert_string_equal(row, "CANCELLED");
	}
	end();
}

/* limits.list_rows */
static void test_too_long(void **state)
{
	for (unsigned rows = 1; rows <= 2; rows++) {
		conf.list_rows = rows;
		begin();
		ask(1, LIST);
		assert_int_equal(strncmp(w.answer, rows == 1 ? "REFUSED" : "DONE", 4), 0);
		assert_true(rows == 2 || strstr(w.answer, "payout 有 2 笔，一批最多 1 笔") != NULL);
		assert_int_equal(in_log_of("+/list/L1").id != 0, rows == 2);
		assert_int_equal(in_log_of("+/result/L1").id != 0, rows == 2);
		end();
		conf.list_rows = 0;
	}
}

/* A route without `result`: as ever. */
static void test_untold(void **state)
{
	begin();
	tells_lists = NULL;
	ask(1, LIST);
	release();
	pay('p');
	pay('p');
	assert_leaves("nothing", LONG_MS);
	assert_int_equal(in_log_of("+/result/L1").id, 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_untold, setup, teardown),
		cmocka_unit_test_setup_teardown(test_looks_seldom, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_parked, setup, teardown),
	};

	return flow_world_run(tests, COUNT(tests));
}
