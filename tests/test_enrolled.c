/* tests/test_enrolled.c - an insurer that keeps a list: of whom nothing leaves for it, who waits, who goes on.
 *
 * The world is that of tests/flow_world.h; its list has one person on it, or is not there. */
#include "flow_world.h"

#include <stdio.h>

static const struct engine_party insurer = { .name = "hub",
	.codec = { &hub_api, NULL },
	.query_timeout_ms = 1000,
	.change_timeout_ms = 2000,
	.late_ms = 500,
	.server_delay_ms = 500,
	.by_list = true };

static const struct engine_flow claim = { "claim", { { &insurer, YT_OP_CLAIM_SUBMIT, NULL, false, "auth_no", NULL } },
	1, 1 };
static const struct engine_flow asked_first = { "asked-first",
	{ { &insurer, YT_OP_CLAIM_ELIGIBILITY, NULL, false, NULL, NULL },
	        { &insurer, YT_OP_CLAIM_SUBMIT, NULL, false, "auth_no", NULL } },
	2, 2 };

static struct exchange follow_up(void)
{
	return in_log_flagged(REC_X_FOLLOW_UP);
}

static void settle(const struct engine_flow *by, bool has_agreed)
{
	is_native = needs_consent = true;
	follows = by;
	if (has_agreed)
		ask(1, "CONSENT inst=H1 num=H1-9 | person=P auth=SQ1");
	ask(2, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1 person=P");
	expect("platform:SETTLE", 'd');
}

static int begin(void **state)
{
	list_is = ENROLMENT_CURRENT;
	list_of = "E1234567";
	return setup(state);
}

static int end(void **state)
{
	follows = NULL;
	is_native = needs_consent = false;
	list_is = ENROLMENT_MISSING;
	return teardown(state);
}

static void nothing_leaves(void)
{
	for (int i = 0; i < 200; i++)
		later(100);
	assert_int_equal(w.leg, 0);
}

static void test_on_it(void **state)
{
	settle(&claim, true);
	expect("hub:CLAIM", 'd');
	assert_int_equal(follow_up().state, X_DONE);
}

/* No claim, and that is to be seen. */
static void test_not_on_it(void **state)
{
	list_of = "E7654321";
	settle(&claim, true);
	nothing_leaves();
	assert_int_equal(follow_up().state, X_REFUSED);
	assert_true(log_has("not enrolled: not on the list of hub of 2026-11-22"));
	ask(3, "CANCEL inst=H1 num=H1-2 | setl=A1");
	expect("platform:CANCEL", 'd'); /* and nothing to withdraw */
	nothing_leaves();
}

/* Neither sent nor dropped while nobody can say: it waits by name, and goes when the list is there. */
static void test_waits(void **state)
{
	static const struct {
		enum enrolment_state is;
		const char *reason;
	} rows[] = { { ENROLMENT_MISSING, "waits: enrolment list of hub is missing" },
		{ ENROLMENT_UNUSABLE, "waits: enrolment list of hub cannot be used" },
		{ ENROLMENT_OLD, "waits: enrolment list of hub is of 2026-11-22, too old" } };

	for (size_t i = 0; i < COUNT(rows); i++) {
		end(NULL);
		begin(NULL);
		list_is = rows[i].is;
		settle(&claim, true);
		nothing_leaves();
		assert_int_equal(follow_up().state, X_UNKNOWN);
		assert_string_equal(follow_up().reason, rows[i].reason);
		kill_all();
		nothing_leaves();
		list_is = ENROLMENT_CURRENT;
		expect("hub:CLAIM", 'd');
		assert_int_equal(follow_up().state, X_DONE);
	}
}

/* Cancelled while it waits for a list that never comes: it is over, nothing leaves. */
static void test_cancelled_while_it_waits(void **state)
{
	list_is = ENROLMENT_MISSING;
	settle(&claim, true);
	nothing_leaves();
	ask(3, "CANCEL inst=H1 num=H1-2 | setl=A1");
	expect("platform:CANCEL", 'd');
	nothing_leaves();
	assert_int_equal(follow_up().state, X_REVERSED);
}

/* What was handed in goes on whatever the list says: a lost one leaves once more, a settled one is withdrawn. */
static void test_handed_in(void **state)
{
	settle(&claim, true);
	expect("hub:CLAIM", 'l');
	list_of = "E7654321";
	expect("hub:CLAIM", 'd');
	list_is = ENROLMENT_MISSING;
	assert_int_equal(follow_up().state, X_DONE);
	ask(3, "CANCEL inst=H1 num=H1-2 | setl=A1");
	expect("platform:CANCEL", 'd');
	expect("hub:WITHDRAW", 'd');
	assert_int_equal(follow_up().state, X_REVERSED);
}

/* The insurer is asked about nobody who has not agreed, or is not on its list. */
static void test_asked_of_whom(void **state)
{
	settle(&asked_first, false);
	nothing_leaves();
	assert_string_equal(follow_up().reason, "waits: consent.auth_no is missing");
	ask(3, "CONSENT inst=H1 num=H1-9 | person=P auth=SQ1");
	expect("hub:ELIGIBLE", 'd');
	expect("hub:CLAIM", 'd');
	assert_int_equal(follow_up().state, X_DONE);
	end(NULL);
	begin(NULL);
	list_of = "E7654321";
	settle(&asked_first, true);
	nothing_leaves();
	assert_int_equal(follow_up().state, X_REFUSED);
}

/* It says that he is not: no claim. */
static void test_not_insured(void **state)
{
	settle(&asked_first, true);
	expect("hub:ELIGIBLE", 'j');
	nothing_leaves();
	assert_int_equal(follow_up().state, X_REFUSED);
	assert_true(log_has("not insured, says the insurer"));
}

/* It cannot be asked, or its answer is lost: it is asked again, nothing is believed of it. */
static void test_asked_again(void **state)
{
	settle(&asked_first, true);
	expect("hub:ELIGIBLE", 'l');
	expect("hub:ELIGIBLE", 'n');
	expect("hub:ELIGIBLE", 'd');
	expect("hub:CLAIM", 'd');
	assert_int_equal(follow_up().state, X_DONE);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = { TEST(test_on_it), TEST(test_not_on_it), TEST(test_waits),
		TEST(test_cancelled_while_it_waits), TEST(test_handed_in), TEST(test_asked_of_whom),
		TEST(test_not_insured), TEST(test_asked_again) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
