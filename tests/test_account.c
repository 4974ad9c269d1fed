/* tests/test_account.c - the account that a person names: a claim that waits for it goes on as soon as it is told.
 *
 * The world is that of tests/flow_world.h. */
#include "flow_world.h"

#include <stdio.h>

#define ACCOUNT "ACCOUNT inst=H1 num=H1-8 | person=P relation=00 named=Lin account=62220200000000"
#define AT_ONCE_MS 3000
#define LONG_MS 900000 /* a claim that waits is tried no sooner by itself */

static void begin(void)
{
	is_native = true;
	follows = &paid_claim;
	conf.follow_up_retry_max_ms = LONG_MS;
	conf.follow_up_park_after_ms = 100 * LONG_MS;
}

static void end(void)
{
	follow_ups_rest = index_has_all = false;
	conf.follow_up_retry_max_ms = 8000;
	conf.follow_up_park_after_ms = 600000;
	follows = NULL;
	is_native = false;
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

/* A claim is decided, and its account is not known. */
static void decide_a_claim(void)
{
	ask(1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1 person=P");
	expect("platform:SETTLE", 'd');
	expect("hub:CLAIM", 'd');
	expect("hub:ASKCLAIM", 'D');
}

/* -- it goes on as soon as it is told ---------------------------------------------------------------- */

static const struct woken_case {
	const char *it;
	bool rests;             /* in the index alone ... */
	bool dies;              /* all is killed when the account is on the disk */
	int64_t after_ms;       /* that it has waited */
	const char *told, *leg; /* what is told, what leaves then */
} woken_cases[] = {
	{ "goes on", false, false, LONG_MS, ACCOUNT, "bank:PAY" },
	{ "goes on from its rest", true, false, LONG_MS, ACCOUNT, "bank:PAY" },
	{ "goes on after a restart", false, true, LONG_MS, ACCOUNT, "bank:PAY" },
	{ "goes on from its rest after a restart", true, true, LONG_MS, ACCOUNT, "bank:PAY" },
	{ "goes on after it was parked", false, false, 102 * LONG_MS, ACCOUNT, "bank:PAY" },
	{ "goes on after it was parked, from its rest", true, true, 102 * LONG_MS, ACCOUNT, "bank:PAY" },
	{ "waits on when another's account is told", false, false, LONG_MS,
	        "ACCOUNT inst=H1 num=H1-8 | person=Q relation=00 named=Lin account=62220200000000", "nothing" },
};

static void test_woken(void **state)
{
	for (size_t i = 0; i < COUNT(woken_cases); i++) {
		const struct woken_case *c = &woken_cases[i];

		teardown(NULL);
		follow_ups_rest = index_has_all = c->rests;
		begin();
		setup(NULL);
		decide_a_claim();
		assert_leaves("nothing", c->after_ms);
		assert_int_equal(strncmp(in_log_of("+/A1").reason, "waits: data.payee_acct", 22), 0);
		if (c->rests)
			keeper_indexed(w.keeper, w.n_commits + 1);
		ask(2, c->told);
		if (c->dies)
			kill_all();
		print_message("a claim that waits for its account %s\n", c->it);
		assert_leaves(c->leg, AT_ONCE_MS);
		end();
	}
}

/* A worker has looked for the account already when it is told, and says afterwards that it lacks. */
static void test_told_meanwhile(void **state)
{
	struct message held;

	teardown(NULL);
	begin();
	setup(NULL);
	decide_a_claim();
	assert_leaves("nothing", 5 * LONG_MS); /* its pauses have grown */
	hold_facts(&held);
	ask(2, ACCOUNT);
	let_go(&held);
	assert_leaves("bank:PAY", AT_ONCE_MS);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_woken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_told_meanwhile, setup, teardown),
	};

	return flow_world_run(tests, COUNT(tests));
}
