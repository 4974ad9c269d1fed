/* tests/test_account.c - the account that a person names: its bank is asked about it before anything is paid to it, and
 * a claim that waits for it goes on as soon as it is told.
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

/* -- its bank is asked about it first ----------------------------------------------------------------- */

static const struct engine_flow asking = { "asking", { { &bank, YT_OP_ACCOUNT_CHECK, NULL, true, NULL, NULL } }, 1, 1 };

#define OTHER "ACCOUNT inst=H1 num=H1-9 | person=P relation=00 named=Lin account=62220200000001"
#define BY_PEOPLE "waits: release of 12.34 yuan: no bank has checked the account"
#define ASKED "waits: account: its bank has not said yet whose it is"
#define ANOTHERS "waits: account: its holder has another name, says its bank"
#define REFUSED "waits: account: its bank refuses it"
#define PEOPLE "waits: account: people have refused it"

static const struct checked_case {
	const char *it;     /* an account ... */
	const char *script; /* A, B: it is told, the other one is; C: the claim is decided; D, R: people end the
	                       question, done or refused; else the legs to the bank and what that says; in the end
	                       nothing more leaves */
	const char *waits;  /* for what the claim does then; NULL: it is paid ... */
	const char *to;     /* ... to this account */
	bool is_trusted;    /* people do not look at those that nobody has checked */
} checked_cases[] = {
	{ "whose name fits is paid", "A CHECK1 C PAYp", NULL, "62220200000000", false },
	{ "is asked about when the claim waits for it already", "C A CHECK1 PAYp", NULL, "62220200000000", false },
	{ "is not paid before its bank has said so", "A CHECKl C CHECKl", ASKED, NULL, false },
	{ "is asked about until its bank answers", "A CHECKl CHECKn CHECKb CHECKl C CHECK1 PAYp", NULL,
	        "62220200000000", false },
	{ "of another name is never paid", "A CHECK2 C", ANOTHERS, NULL, false },
	{ "of another name, told after the claim, neither", "C A CHECK2", ANOTHERS, NULL, false },
	{ "that its bank refuses is never paid", "A CHECKr C", REFUSED, NULL, false },
	{ "of another name gives way to one that fits", "A CHECK2 C B CHECK1 PAYp", NULL, "62220200000001", false },
	{ "that fits gives way to the one told later", "A CHECK1 B CHECK2 C", ANOTHERS, NULL, false },
	{ "that fits says nothing of the one told later", "A CHECK1 B CHECKl C CHECKl", ASKED, NULL, false },
	{ "that its bank cannot tell of is people's", "A CHECK3 C", BY_PEOPLE, NULL, false },
	{ "that its bank cannot tell of is paid if so configured", "A CHECK3 C PAYp", NULL, "62220200000000", true },
	{ "of another name is not paid even so", "A CHECK2 C", ANOTHERS, NULL, true },
	{ "of which people say that it is right is looked at once more", "A CHECKl D C", BY_PEOPLE, NULL, false },
	{ "of which people say that it is right is paid if so configured", "A CHECKl C D PAYp", NULL, "62220200000000",
	        true },
	{ "that people refuse is never paid", "A CHECKl R C", PEOPLE, NULL, true },
	{ "is not paid before its bank has said so even so", "A CHECKl C CHECKl", ASKED, NULL, true },
};

static void one_leg(const char *leg, bool is_killed)
{
	char how = leg[strlen(leg) - 1], head[40], to[32], number[40], again[40];
	bool is_payment = strncmp(leg, "PAY", 3) == 0;

	snprintf(head, sizeof(head), "bank:%.*s", (int)strlen(leg) - 1, leg);
	assert_leaves(head, is_payment ? AT_ONCE_MS : LONG_MS);
	fake_value(yt_str(w.sent), "to", to, sizeof(to));
	fake_value(yt_str(w.sent), "num", number, sizeof(number));
	if (is_killed && !is_payment) { /* asked once more, in a message of its own: a bank takes none twice */
		kill_all();
		assert_leaves(head, LONG_MS);
		fake_value(yt_str(w.sent), "num", again, sizeof(again));
		assert_string_not_equal(again, number);
	}
	reply(how);
	if (is_payment)
		expect("hub:TELLPAID", 'd');
}

/* The question about the account told with number H1-8, once its bank has been silent for too long. */
static void decide_question(const char *word)
{
	char number[40];

	snprintf(number, sizeof(number), "+/account/%016llx", (unsigned long long)in_log_of("H1-8").id);
	while (in_log_of(number).state != X_PARKED) {
		assert_leaves("bank:CHECK", 10 * LONG_MS);
		reply('l');
	}
	assert_int_equal(
	        keeper_decide(w.keeper, in_log_of(number).id, word, YT_STR("li"), YT_STR("seen the passbook")), 0);
	pump();
}

static void play(const struct checked_case *c, unsigned killed)
{
	char script[120], *rest = script;
	const char *word;
	unsigned n = 0;

	snprintf(script, sizeof(script), "%s", c->script);
	while ((word = strsep(&rest, " ")) != NULL) {
		if (strcmp(word, "C") == 0)
			decide_a_claim();
		else if (strcmp(word, "D") == 0 || strcmp(word, "R") == 0)
			decide_question(word[0] == 'D' ? "done" : "refused");
		else if (strlen(word) > 1)
			one_leg(word, ++n == killed);
		else
			ask(word[0] == 'A' ? 2 : 3, word[0] == 'A' ? ACCOUNT : OTHER);
	}
}

static void assert_checked(const struct checked_case *c)
{
	struct exchange x;

	if (c->waits == NULL || strcmp(c->waits, ASKED) != 0)
		assert_leaves("nothing", 2 * LONG_MS);
	x = in_log_of("+/A1");
	if (c->waits == NULL) {
		assert_int_equal(x.state, X_DONE);
		return;
	}
	assert_int_equal(x.state, X_UNKNOWN);
	assert_string_equal(x.reason, c->waits);
	if (strcmp(c->waits, BY_PEOPLE) != 0)
		assert_int_equal(
		        keeper_release(w.keeper, x.id, YT_STR("li"), YT_STR("wang"), YT_STR("seen")), YT_ESTATE);
}

static void test_checked(void **state)
{
	for (size_t i = 0; i < COUNT(checked_cases); i++) {
		const struct checked_case *c = &checked_cases[i];

		print_message("an account %s\n", c->it);
		for (unsigned killed = 0; killed < 3; killed++) {
			teardown(NULL);
			begin();
			follows_account = &asking;
			world_payers[0].looks_at_unchecked = !c->is_trusted;
			setup(NULL);
			play(c, killed);
			assert_checked(c);
			assert_true(c->to == NULL || log_has(c->to));
			follows_account = NULL;
			world_payers[0].looks_at_unchecked = false;
			end();
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_woken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_checked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_told_meanwhile, setup, teardown),
	};

	return flow_world_run(tests, COUNT(tests));
}
