/* tests/test_follow.c - what follows from a settlement: when it leaves, what it waits for, how it ends or is undone.
 *
 * The world is that of tests/flow_world.h. */
#include "flow_world.h"

#include <stdio.h>

/* A claim, and the question what has been decided. */
static const struct engine_flow claim = { "claim",
	{ { &hub, YT_OP_OUTPATIENT_REGISTER, NULL, false, NULL, NULL },
	        { &hub, YT_OP_PERSON_CHECK, NULL, true, NULL, NULL } },
	2, 2 };

static struct exchange follow_up(void)
{
	return in_log_flagged(REC_X_FOLLOW_UP);
}

/* As in struct scenario; + before a leg: a cancel is asked before it is answered. */
static const struct follow_case {
	const char *it, *legs;
	enum exchange_state end;
} follow_cases[] = {
	{ "a claim follows", "platform:SETTLE d hub:REGISTER d hub:READ d", X_DONE },
	{ "nothing follows from a refusal", "platform:SETTLE r", X_NONE },
	{ "lost, and found out: it follows all the same",
	        "platform:SETTLE l platform:SETTLE d hub:REGISTER d hub:READ d", X_DONE },
	{ "lost, cancelled, and found out: nothing follows", "platform:SETTLE l platform:CANCEL d platform:SETTLE d",
	        X_REVERSED },
	{ "the insurer cannot be reached: again, not refused",
	        "platform:SETTLE d hub:REGISTER n hub:REGISTER n hub:REGISTER d hub:READ d", X_DONE },
	{ "busy more often than an origin would wait for",
	        "platform:SETTLE d hub:REGISTER b hub:REGISTER b hub:REGISTER b hub:REGISTER b hub:REGISTER d hub:READ d",
	        X_DONE },
	{ "lost twice", "platform:SETTLE d hub:REGISTER l hub:REGISTER l hub:REGISTER d hub:READ d", X_DONE },
	{ "not decided yet: asked again",
	        "platform:SETTLE d hub:REGISTER d hub:READ w hub:READ w hub:READ w hub:READ d", X_DONE },
	{ "the insurer refuses", "platform:SETTLE d hub:REGISTER r", X_REFUSED },
	{ "refused on its way, by a gateway or a clock: that is no word of the insurer's",
	        "platform:SETTLE d hub:REGISTER g hub:REGISTER g hub:REGISTER d hub:READ d", X_DONE },
	{ "lost, then busy: of the first try that says nothing",
	        "platform:SETTLE d hub:REGISTER l hub:REGISTER G hub:REGISTER d hub:READ d", X_DONE },
	{ "lost, cancelled, then busy: found out first, then withdrawn",
	        "platform:SETTLE d hub:REGISTER l platform:CANCEL d hub:REGISTER G hub:REGISTER d hub:REVERSE d",
	        X_REVERSED },
	{ "cancelled before it was decided",
	        "platform:SETTLE d hub:REGISTER d hub:READ w platform:CANCEL d hub:REVERSE d", X_REVERSED },
	{ "cancelled when it was done", "platform:SETTLE d hub:REGISTER d hub:READ d platform:CANCEL d hub:REVERSE d",
	        X_REVERSED },
	{ "the withdrawal is lost",
	        "platform:SETTLE d hub:REGISTER d hub:READ d platform:CANCEL d hub:REVERSE l hub:REVERSE d",
	        X_REVERSED },
	{ "a refused cancel ends nothing", "platform:SETTLE d hub:REGISTER d hub:READ d platform:CANCEL r", X_DONE },
};

static void play_follow_up(const struct follow_case *c, unsigned killed)
{
	char expected[64], head[64];
	unsigned n = 0;

	ask(1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1");
	for (const char *p = c->legs; *p != '\0'; p += *p == ' ') {
		size_t len = strcspn(p, " ");
		char how = p[len + 1];

		snprintf(expected, sizeof(expected), "%.*s", (int)len, p);
		if (strcmp(expected, "platform:CANCEL") == 0)
			ask(2, "CANCEL inst=H1 num=H1-2 | setl=A1");
		await_leg();
		snprintf(head, sizeof(head), "%s:%.*s", w.sent_to, (int)strcspn(w.sent, " "), w.sent);
		assert_string_equal(w.leg == 0 ? "nothing" : head, expected);
		if (++n == killed && strncmp(head, "hub:", 4) == 0) { /* asked again, or the same octets once more */
			kill_all();
			await_leg();
			snprintf(head, sizeof(head), "%s:%.*s", w.sent_to, (int)strcspn(w.sent, " "), w.sent);
			assert_string_equal(w.leg == 0 ? "nothing" : head, expected);
		}
		reply(how);
		p += len + 2;
	}
	for (int i = 0; i < 400 && w.leg == 0; i++)
		later(100);
	assert_int_equal(w.leg, 0);
}

/* It is on disk with the answer that causes it, leaves without anybody waiting, survives whatever is killed, and is
 * undone with its settlement. */
static void test_follow_up(void **state)
{
	is_native = true;
	follows = &claim;
	platform_settles = YT_RESOLVE_ADOPT;
	for (size_t i = 0; i < COUNT(follow_cases); i++) {
		for (unsigned killed = 0; killed < 7; killed++) {
			teardown(NULL);
			setup(NULL);
			print_message("%s, killed at leg %u\n", follow_cases[i].it, killed);
			play_follow_up(&follow_cases[i], killed);
			assert_int_equal(follow_up().state, follow_cases[i].end);
			assert_true(w.answers >= 1);
		}
	}
	platform_settles = YT_RESOLVE_REVERSE;
	follows = NULL;
	is_native = false;
}

/* A reversal that is passed on as it came ends what follows, too. */
static void test_follow_up_of_a_relayed_settlement(void **state)
{
	is_native = relays = true;
	follows = &claim;
	ask(1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1");
	expect("platform:SETTLE", 'd');
	expect("hub:REGISTER", 'd');
	expect("hub:READ", 'd');
	ask(2, "REVERSE inst=H1 num=H1-3 | orig=H1-1 origop=SETTLE");
	expect("platform:REVERSE", 'd');
	expect("hub:REVERSE", 'd');
	assert_int_equal(follow_up().state, X_REVERSED);
	follows = NULL;
	is_native = relays = false;
}

/* Nobody waits for it: its settlement was answered before it left. */
static void test_follow_up_waits_for_nobody(void **state)
{
	is_native = true;
	follows = &claim;
	ask(1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1");
	expect("platform:SETTLE", 'd');
	assert_int_equal(w.answers, 1);
	assert_int_equal(strncmp(w.answer, "DONE visit=V1 setl=A1", 21), 0);
	expect("hub:REGISTER", 'd');
	expect("hub:READ", 'd');
	assert_int_equal(w.answers, 1);
	follows = NULL;
	is_native = false;
}

#define TOLD "SETTLED inst=H1 num=A-1 | person=P visit=V1 setl=S77 amt=900 fee=9.00 cash=9.00"
#define TOLD_AGAIN "SETTLED inst=H1 num=A-2 | person=P visit=V1 setl=S77 amt=900 fee=9.00 cash=9.00"

/* A settlement that did not pass through us is claimed once however often it is told, and its claim is withdrawn when
 * it is told to be cancelled, also if that comes first. */
static void test_told_settlement(void **state)
{
	for (unsigned killed = 0; killed < 3; killed++) {
		teardown(NULL);
		setup(NULL);
		is_native = true;
		follows = &claim;
		ask(1, TOLD);
		assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
		assert_int_equal(follow_up().amount_fen, 900);
		if (killed == 1)
			kill_all();
		expect("hub:REGISTER", 'd');
		ask(2, TOLD);
		assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
		ask(3, TOLD_AGAIN);
		assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
		expect("hub:READ", 'd');
		later(100);
		assert_int_equal(w.leg, 0);
		assert_int_equal(follow_up().state, X_DONE);
		ask(4, "UNSETTLED inst=H1 num=A-3 | setl=S77");
		assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
		if (killed == 2)
			kill_all();
		expect("hub:REVERSE", 'd');
		assert_int_equal(follow_up().state, X_REVERSED);
	}
	teardown(NULL);
	setup(NULL);
	ask(1, "UNSETTLED inst=H1 num=A-3 | setl=S77");
	ask(2, TOLD);
	assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
	later(100);
	assert_int_equal(w.leg, 0);
	assert_int_equal(follow_up().state, X_REVERSED);
	follows = NULL;
	is_native = false;
}

/* No answer of a platform stands behind it, so it must add up when it comes. */
static void test_told_settlement_adds_up(void **state)
{
	is_native = true;
	follows = &claim;
	ask(1, "SETTLED inst=H1 num=A-1 | person=P visit=V1 setl=S77 fee=9.00 cash=8.00");
	assert_int_equal(strncmp(w.answer, "REFUSED", 7), 0);
	later(100);
	assert_int_equal(w.leg, 0);
	assert_int_equal(follow_up().id, 0);
	follows = NULL;
	is_native = false;
}

/* What stays here goes to nobody, is answered when it is kept, and once. */
static void test_kept_here(void **state)
{
	for (unsigned killed = 0; killed < 2; killed++) {
		teardown(NULL);
		setup(NULL);
		is_native = true;
		ask(1, "CONSENT inst=H1 num=H1-9 | person=P auth=SQ1");
		if (killed != 0)
			kill_all();
		later(100);
		assert_int_equal(w.leg, 0);
		assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
		assert_int_equal(state_in_log(), X_DONE);
		ask(2, "CONSENT inst=H1 num=H1-9 | person=P auth=SQ1");
		assert_int_equal(w.answers, 2);
		assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
		ask(3, "CONSENT inst=H1 num=H1-9 | person=P auth=SQ2");
		assert_int_equal(strncmp(w.answer, "REFUSED", 7), 0);
		ask(4, "CONSENT inst=H1 num=H1-10 | person=P");
		is_native = false;
	}
}

static unsigned n_pauses(void)
{
	unsigned n = 0;

	for (size_t i = 0; i < w.n_commits; i++) {
		struct yt_str rest = yt_buf_view(&w.commits[i]);
		struct rec rec;
		size_t used;

		for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used)
			n += rec.type == REC_DUE;
	}
	return n;
}

/* A claim does not leave with blanks: it waits for the consent, and goes when that has come. */
static void test_follow_up_waits_for_facts(void **state)
{
	static const struct engine_flow consented = { "consented",
		{ { &hub, YT_OP_CLAIM_SUBMIT, NULL, false, NULL, NULL } }, 1, 1 };

	is_native = needs_consent = true;
	follows = &consented;
	ask(1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1 person=P");
	expect("platform:SETTLE", 'd');
	for (int i = 0; i < 200; i++)
		later(100);
	assert_int_equal(w.leg, 0);
	assert_int_equal(follow_up().state, X_UNKNOWN);
	assert_string_equal(follow_up().reason, "waits: consent.auth_no is missing");
	assert_in_range(n_pauses(), 3, 6); /* they grow: it may wait for a week */
	ask(2, "CONSENT inst=H1 num=H1-9 | person=P auth=SQ1");
	await_leg();
	assert_int_equal(strncmp(w.sent, "CLAIM auth=SQ1 name=one level=31 ", 33), 0);
	reply('l');
	await_leg();
	assert_int_equal(strncmp(w.sent, "CLAIM auth=SQ1 ", 15), 0); /* the same once more: its number makes it one */
	reply('d');
	assert_int_equal(follow_up().state, X_DONE);
	ask(3, "CANCEL inst=H1 num=H1-2 | setl=A1");
	expect("platform:CANCEL", 'd');
	await_leg();
	assert_int_equal(strncmp(w.sent, "WITHDRAW claim=C77 why=1 ", 25), 0);
	kill_all();
	await_leg();
	reply('d');
	assert_int_equal(follow_up().state, X_REVERSED);
	follows = NULL;
	is_native = needs_consent = false;
}

/* What became of it is its end: a claim that was decided against is none that was done. */
static void test_follow_up_is_rejected(void **state)
{
	static const struct engine_flow decided = { "decided",
		{ { &hub, YT_OP_CLAIM_SUBMIT, NULL, false, NULL, NULL },
		        { &hub, YT_OP_CLAIM_QUERY, NULL, true, NULL, NULL } },
		2, 2 };

	is_native = true;
	follows = &decided;
	ask(1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1");
	expect("platform:SETTLE", 'd');
	expect("hub:CLAIM", 'd');
	expect("hub:ASKCLAIM", 'j');
	assert_int_equal(follow_up().state, X_REFUSED);
	assert_string_equal(follow_up().code, "R104");
	follows = NULL;
	is_native = false;
}

/* Consents are the person's, invoices the visit's, whatever else the message names. */
static void test_kept_where_it_belongs(void **state)
{
	static const struct {
		const char *asks, *key;
	} rows[] = { { "CONSENT inst=H1 num=H1-9 | person=P visit=V7 auth=SQ1", "p/" },
		{ "INVOICE inst=H1 num=H1-10 | person=P visit=V7 bill=B1", "v/H1/V7" },
		{ "SETTLED inst=H1 num=H1-11 | person=P visit=V7 setl=S77", "v/H1/V7" } };

	is_native = true;
	for (size_t i = 0; i < COUNT(rows); i++) {
		unsigned n = 0;

		teardown(NULL);
		setup(NULL);
		ask(1, rows[i].asks);
		for (size_t c = 0; c < w.n_commits; c++) {
			struct yt_str rest = yt_buf_view(&w.commits[c]);
			struct rec rec;
			size_t used;

			for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used) {
				struct rec_field field;
				size_t pos = 0;

				while (rec.type == REC_FACTS && rec_next(&rec, &pos, &field)) {
					if (field.tag != REC_T_CASE)
						continue;
					n++;
					assert_true(yt_str_starts(field.value, rows[i].key));
				}
			}
		}
		assert_int_equal(n, 1);
	}
	is_native = false;
}

/* Whoever agreed to no claim has none: its steps hang on the consent. */
static void test_follow_up_without_steps(void **state)
{
	static const struct engine_flow asked_for = { "asked-for",
		{ { &hub, YT_OP_CLAIM_SUBMIT, NULL, false, "auth_no", NULL } }, 1, 1 };

	is_native = needs_consent = true;
	follows = &asked_for;
	ask(1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1 person=P");
	expect("platform:SETTLE", 'd');
	for (int i = 0; i < 100; i++)
		later(100);
	assert_int_equal(w.leg, 0);
	assert_int_equal(follow_up().state, X_REFUSED);
	teardown(NULL);
	setup(NULL);
	ask(1, "CONSENT inst=H1 num=H1-9 | person=P auth=SQ1");
	ask(2, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1 person=P");
	expect("platform:SETTLE", 'd');
	expect("hub:CLAIM", 'd');
	assert_int_equal(follow_up().state, X_DONE);
	follows = NULL;
	is_native = needs_consent = false;
}

/* The step that would have told its end is left out, another was done: no refusal, and undone in its turn. */
static void test_follow_up_with_some_steps(void **state)
{
	static const struct engine_flow some = { "some",
		{ { &hub, YT_OP_OUTPATIENT_REGISTER, NULL, false, NULL, NULL },
		        { &hub, YT_OP_CLAIM_SUBMIT, NULL, false, "auth_no", NULL } },
		2, 2 };

	is_native = true;
	follows = &some;
	ask(1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1 person=P");
	expect("platform:SETTLE", 'd');
	expect("hub:REGISTER", 'd');
	later(100);
	assert_int_equal(w.leg, 0);
	assert_int_equal(follow_up().state, X_DONE);
	ask(2, "CANCEL inst=H1 num=H1-2 | setl=A1");
	expect("platform:CANCEL", 'd');
	expect("hub:REVERSE", 'd');
	assert_int_equal(follow_up().state, X_REVERSED);
	follows = NULL;
	is_native = false;
}

/* Its settlement is cancelled when what was claimed cannot be read any more: nobody may hear that it was withdrawn. */
static void test_follow_up_erased(void **state)
{
	is_native = true;
	follows = &claim;
	ask(1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1");
	expect("platform:SETTLE", 'd');
	expect("hub:REGISTER", 'd');
	expect("hub:READ", 'd');
	assert_int_equal(follow_up().state, X_DONE);
	steps_are_erased = true;
	ask(2, "CANCEL inst=H1 num=H1-2 | setl=A1");
	expect("platform:CANCEL", 'd');
	for (int i = 0; i < 20; i++)
		later(100);
	steps_are_erased = false;
	assert_int_equal(w.leg, 0);
	assert_int_equal(follow_up().state, X_PARKED);
	follows = NULL;
	is_native = false;
}

/* After its time it is an operator's. */
static void test_follow_up_is_parked(void **state)
{
	for (const char *how = "nb"; *how != '\0'; how++) { /* away, busy */
		teardown(NULL);
		setup(NULL);
		is_native = true;
		follows = &claim;
		ask(1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1");
		expect("platform:SETTLE", 'd');
		engine_flushed(w.engine, 1);
		for (int i = 0; i < 200 && follow_up().state != X_PARKED; i++) {
			await_leg();
			if (w.leg != 0)
				reply(*how);
		}
		assert_int_equal(follow_up().state, X_PARKED);
		assert_true(w.now > 600000);
	}
	follows = NULL;
	is_native = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(test_follow_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follow_up_waits_for_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follow_up_is_parked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follow_up_waits_for_facts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follow_up_without_steps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follow_up_is_rejected, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kept_where_it_belongs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follow_up_with_some_steps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follow_up_erased, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follow_up_of_a_relayed_settlement, setup, teardown),
		cmocka_unit_test_setup_teardown(test_told_settlement, setup, teardown),
		cmocka_unit_test_setup_teardown(test_told_settlement_adds_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kept_here, setup, teardown) };
	return flow_world_run(tests, COUNT(tests));
}
