/* tests/test_one_stop.c - an insurer decides before a settlement's origin hears (engine/one_stop.c).
 *
 * The world is that of tests/flow_world.h: the hub is the insurer, 50.00 is what the platform leaves in cash.  P6: the
 * settlement is what the platform made it, whatever the insurer does, and its origin waits no longer than it must; P2:
 * who asks again hears what was heard. */
#include "flow_world.h"

#include <stdio.h>

#define BUDGET_MS 1500 /* of the hub */
#define PAUSE_MS 20000

static const struct engine_flow claim = { "claim",
	{ { &hub, YT_OP_CLAIM_SUBMIT, NULL, false, NULL, NULL }, { &hub, YT_OP_CLAIM_QUERY, NULL, true, NULL, NULL } },
	2, 2 };

#define SETTLE "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1"
#define SHOWN "claim=12.34 collect=37.66"

static int begin(void **state)
{
	is_native = true;
	follows = &claim;
	decides_at_once = true;
	platform_settles = YT_RESOLVE_ADOPT;
	return setup(state);
}

static int begin_slow(void **state)
{
	begin(state);
	teardown(state);
	return setup_slow(state);
}

static int end(void **state)
{
	is_native = false;
	follows = NULL;
	decides_at_once = false;
	platform_settles = YT_RESOLVE_REVERSE;
	is_slow = false;
	return teardown(state);
}

static bool shows(const char *what)
{
	return strstr(w.answer, what) != NULL;
}

/* The claim is out, for the first time, and who asked has heard nothing yet. */
static void settle_until_claimed(void)
{
	ask(1, SETTLE);
	expect("platform:SETTLE", 'd');
	assert_int_equal(w.answers, 0);
	assert_string_equal(w.sent_to, "hub");
	assert_true(fake_is(yt_str(w.sent), "CLAIM"));
	assert_non_null(strstr(w.sent, "mode=SYNC"));
}

/* Asked again, on another connection: the same octets. */
static void expect_same_again(uint64_t token)
{
	char heard[sizeof(w.answer)];
	unsigned before = w.answers;

	snprintf(heard, sizeof(heard), "%s", w.answer);
	ask(token, SETTLE);
	assert_int_equal(w.answers, before + 1);
	assert_string_equal(w.answer, heard);
}

/* What the insurer says, and whether the hospital may collect less for it. */
static const struct said_case {
	const char *it;
	char how;
	bool is_shown;
	const char *next; /* of the claim; + and asks for a decision at once, as the very same */
} said_cases[] = {
	{ "decided, for the institution", 'I', true, "hub:ASKCLAIM" },
	{ "decided, for the person", 'O', false, "hub:ASKCLAIM" },
	{ "decided, for the institution, to be paid by us", 'H', false, "hub:ASKCLAIM" },
	{ "decided, more than there is to collect", 'E', false, "hub:ASKCLAIM" },
	{ "taken, not decided", 'd', false, "hub:ASKCLAIM" },
	{ "rejected", 'j', false, "hub:ASKCLAIM" },
	{ "claimed already, as another says", 'a', false, "hub:ASKCLAIM" },
	{ "refused", 'r', false, "nothing" },
	{ "not now", 'b', false, "hub:CLAIM" },
	{ "not connected", 'n', false, "hub:CLAIM" },
	{ "cut off", 'l', false, "hub:CLAIM+" },
};

static void test_what_is_said(void **state)
{
	for (size_t i = 0; i < COUNT(said_cases); i++) {
		const struct said_case *c = &said_cases[i];
		char next[64];
		int64_t asked_at;

		teardown(NULL);
		setup(NULL);
		print_message("%s\n", c->it);
		settle_until_claimed();
		asked_at = w.now;
		reply(c->how);
		assert_int_equal(w.answers, 1); /* at once */
		assert_int_equal(w.now, asked_at);
		assert_true(shows("setl=A1"));
		assert_int_equal(shows(SHOWN), c->is_shown);
		assert_int_equal(shows("claim="), c->is_shown);
		assert_int_equal(state_in_log(), X_DONE);
		expect_same_again(2);
		engine_flushed(w.engine, 1);
		engine_flushed(w.engine, 2);
		await_leg();
		snprintf(next, sizeof(next), "%s:%.*s%s", w.sent_to, (int)strcspn(w.sent, " "), w.sent,
		        strstr(w.sent, "mode=SYNC") != NULL ? "+" : "");
		assert_string_equal(w.leg == 0 ? "nothing" : next, c->next);
	}
}

/* Its time is over: the hospital hears the platform, and the claim is the one that is out, with its number. */
static void test_too_late(void **state)
{
	char first[sizeof(w.sent)];

	settle_until_claimed();
	snprintf(first, sizeof(first), "%s", w.sent);
	later(BUDGET_MS - 1);
	assert_int_equal(w.answers, 0);
	later(1);
	assert_int_equal(w.answers, 1);
	assert_true(shows("setl=A1") && !shows("claim="));
	reply('I'); /* decided after all: the answer that was heard stands */
	assert_int_equal(w.answers, 1);
	expect_same_again(2);
	assert_false(shows("claim="));
	expect("hub:ASKCLAIM", 'I');
	assert_string_not_equal(first, w.sent);
}

static void test_lost_is_the_same_claim(void **state)
{
	char first[sizeof(w.sent)];

	settle_until_claimed();
	snprintf(first, sizeof(first), "%s", w.sent);
	reply('l');
	assert_int_equal(w.answers, 1);
	await_leg();
	assert_string_equal(w.sent, first); /* the same octets, so the same claim */
	reply('I');
	assert_int_equal(w.answers, 1);
	expect_same_again(2);
}

/* Worker and keeper die while the insurer thinks: the platform's answer is what there is, and it stays so. */
static void test_killed_before_decision(void **state)
{
	char first[sizeof(w.sent)];

	settle_until_claimed();
	snprintf(first, sizeof(first), "%s", w.sent);
	kill_all();
	ask(2, SETTLE);
	assert_int_equal(w.answers, 1);
	assert_true(shows("setl=A1") && !shows("claim="));
	await_leg();
	assert_string_equal(w.sent, first);
	reply('I');
	expect_same_again(3);
}

static void test_killed_after_decision(void **state)
{
	settle_until_claimed();
	reply('I');
	assert_true(shows(SHOWN));
	kill_all();
	expect_same_again(2);
	assert_true(shows(SHOWN));
}

/* Who asks again while the insurer thinks hears what is kept; then nobody hears another answer. */
static void test_asked_again_meanwhile(void **state)
{
	settle_until_claimed();
	ask(2, SETTLE);
	assert_int_equal(w.answers, 1);
	assert_false(shows("claim="));
	reply('I');
	assert_int_equal(w.answers, 2);
	assert_false(shows("claim="));
	expect_same_again(3);
}

/* Nobody waits any more: it is decided all the same, and who asks again hears that. */
static void test_gone_meanwhile(void **state)
{
	settle_until_claimed();
	engine_gone(w.engine, 1);
	reply('I');
	assert_int_equal(w.answers, 0);
	ask(2, SETTLE);
	assert_int_equal(w.answers, 1);
	assert_true(shows(SHOWN));
	expect_same_again(3);
}

static struct exchange claim_in_log(void)
{
	return in_log_flagged(REC_X_ONE_STOP);
}

/* The insurer pays the institution.  Where that does not know it has collected all, and people must see to it. */
static const struct told_case {
	const char *it;
	bool is_late, is_killed;
	char decided;
	enum exchange_state end;
} told_cases[] = {
	{ "told", false, false, 'I', X_DONE },
	{ "told, and all is killed", false, true, 'I', X_DONE },
	{ "not told, but the person is paid", true, false, 'O', X_DONE },
	{ "not told", true, false, 'I', X_PARKED },
	{ "not told, and all is killed", true, true, 'I', X_PARKED },
};

static void test_refund(void **state)
{
	for (size_t i = 0; i < COUNT(told_cases); i++) {
		const struct told_case *c = &told_cases[i];

		teardown(NULL);
		setup(NULL);
		print_message("%s\n", c->it);
		settle_until_claimed();
		if (c->is_late)
			later(BUDGET_MS);
		reply(c->decided);
		assert_int_equal(shows(SHOWN), !c->is_late);
		engine_flushed(w.engine, 1);
		await_leg();
		if (c->is_killed) {
			kill_all();
			await_leg();
		}
		expect("hub:ASKCLAIM", c->decided);
		later(5000);
		assert_int_equal(w.leg, 0);
		assert_int_equal(claim_in_log().state, c->end);
	}
}

/* A cancelled settlement takes its claim with it. */
static void test_cancelled(void **state)
{
	settle_until_claimed();
	reply('I');
	engine_flushed(w.engine, 1);
	expect("hub:ASKCLAIM", 'w');
	ask(2, "CANCEL inst=H1 num=H1-2 | setl=A1");
	expect("platform:CANCEL", 'd');
	expect("hub:WITHDRAW", 'd');
}

/* One more settlement of another visit; its claim ends when its insurer has said something. */
static void settle(uint64_t token, char how)
{
	char line[64];

	snprintf(line, sizeof(line), "SETTLE inst=H1 num=H1-%u | visit=V%u batch=B1", (unsigned)token, (unsigned)token);
	ask(token, line);
	expect("platform:SETTLE", how);
}

static void end_claim(const char *mode)
{
	await_leg();
	assert_true(fake_is(yt_str(w.sent), "CLAIM"));
	assert_int_equal(strstr(w.sent, "mode=SYNC") != NULL, *mode != '\0');
	reply('I');
	expect("hub:ASKCLAIM", 'd');
}

/* After two that let everybody wait nobody waits, until one of them has decided at once again. */
static void test_breaker(void **state)
{
	static const char numbers[] = "dstuv"; /* of their settlements */

	for (unsigned i = 0; i < 2; i++) {
		settle(i + 1, numbers[i]);
		assert_int_equal(w.answers, i);
		later(BUDGET_MS);
		assert_int_equal(w.answers, i + 1);
		end_claim("SYNC"); /* the one that is out */
	}
	settle(3, numbers[2]);
	assert_int_equal(w.answers, 3);
	end_claim("");
	later(PAUSE_MS);
	for (unsigned i = 3; i < 5; i++) {
		settle(i + 1, numbers[i]);
		assert_int_equal(w.answers, i);
		end_claim("SYNC");
		assert_int_equal(w.answers, i + 1);
		assert_true(shows(SHOWN));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(test_what_is_said, begin, end),
		cmocka_unit_test_setup_teardown(test_too_late, begin, end),
		cmocka_unit_test_setup_teardown(test_lost_is_the_same_claim, begin, end),
		cmocka_unit_test_setup_teardown(test_killed_before_decision, begin, end),
		cmocka_unit_test_setup_teardown(test_killed_after_decision, begin, end),
		cmocka_unit_test_setup_teardown(test_asked_again_meanwhile, begin, end),
		cmocka_unit_test_setup_teardown(test_gone_meanwhile, begin, end),
		cmocka_unit_test_setup_teardown(test_refund, begin, end),
		cmocka_unit_test_setup_teardown(test_cancelled, begin, end),
		cmocka_unit_test_setup_teardown(test_breaker, begin, end) };
	struct CMUnitTest slow[COUNT(tests)];
	int rv = _cmocka_run_group_tests("tests", tests, COUNT(tests), NULL, NULL);

	for (size_t i = 0; i < COUNT(tests); i++) {
		slow[i] = tests[i];
		slow[i].setup_func = begin_slow;
	}
	return rv + _cmocka_run_group_tests("slow codecs", slow, COUNT(slow), NULL, NULL);
}
