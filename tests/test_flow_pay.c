/* tests/test_flow_pay.c - a payment is never executed twice (P5): what leaves to a bank, whatever it answers and
 * whoever dies meanwhile.
 *
 * The world is that of tests/flow_world.h; each conversation is played once as it stands and once more for each leg
 * with everything killed when that leg has left. */
#include "flow_world.h"

#include <stdio.h>

#define CLAIMED "platform:SETTLE d hub:CLAIM d hub:ASKCLAIM "
#define ACCOUNT "ACCOUNT inst=H1 num=H1-8 | person=P relation=00 named=Lin account=62220200000000"
#define SETTLED "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1 person=P"
#define NOT_FOUND "bank:ASKPAY x bank:ASKPAY x bank:ASKPAY x bank:ASKPAY x " /* 5, 15, 30, ... s: not long enough */

static struct exchange follow_up(void)
{
	return in_log_of("+/A1");
}

static const struct pay_case {
	const char *it, *legs;
	enum exchange_state end;
	enum yt_resolve method; /* 0: as YT_RESOLVE_PAY */
} cases[] = {
	{ "decided, paid, told", CLAIMED "D bank:PAY A bank:ASKPAY P bank:ASKPAY p hub:TELLPAID d", X_DONE, 0 },
	{ "what its bank says of another payment is nothing",
	        CLAIMED "D bank:PAY q bank:ASKPAY q bank:ASKPAY A bank:ASKPAY q bank:ASKPAY p hub:TELLPAID d", X_DONE,
	        0 },
	{ "the insurer pays itself", CLAIMED "O", X_DONE, 0 },
	{ "claimed already, says the insurer: that claim is ours", "platform:SETTLE d hub:CLAIM a hub:ASKCLAIM O",
	        X_DONE, 0 },
	{ "nothing is to be paid", CLAIMED "Z", X_DONE, 0 },
	{ "rejected", CLAIMED "j", X_REFUSED, 0 },
	{ "paid at once: nothing to ask", CLAIMED "D bank:PAY p hub:TELLPAID d", X_DONE, 0 },
	{ "not paid: the insurer hears so, and it waits", CLAIMED "D bank:PAY A bank:ASKPAY F hub:TELLPAID d",
	        X_UNKNOWN, 0 },
	{ "refused by the bank: the claim is not withdrawn", CLAIMED "D bank:PAY r hub:TELLPAID d", X_UNKNOWN, 0 },
	{ "came back", CLAIMED "D bank:PAY A bank:ASKPAY R hub:TELLPAID d", X_UNKNOWN, 0 },
	{ "lost, and the bank has it", CLAIMED "D bank:PAY l bank:ASKPAY P bank:ASKPAY p hub:TELLPAID d", X_DONE, 0 },
	{ "lost, and it was paid", CLAIMED "D bank:PAY l bank:ASKPAY p hub:TELLPAID d", X_DONE, 0 },
	{ "lost, and it failed", CLAIMED "D bank:PAY l bank:ASKPAY F hub:TELLPAID d", X_UNKNOWN, 0 },
	{ "not taken for now, or on its way: that is no refusal", CLAIMED "D bank:PAY b bank:ASKPAY p hub:TELLPAID d",
	        X_DONE, 0 },
	{ "refused on its way: asked all the same", CLAIMED "D bank:PAY g bank:ASKPAY p hub:TELLPAID d", X_DONE, 0 },
	{ "the bank cannot be reached: once more, without a question",
	        CLAIMED "D bank:PAY n bank:PAY n bank:PAY p hub:TELLPAID d", X_DONE, 0 },
	{ "the questions are lost too, and the bank cannot be reached",
	        CLAIMED "D bank:PAY l bank:ASKPAY l bank:ASKPAY n bank:ASKPAY l bank:ASKPAY p hub:TELLPAID d", X_DONE,
	        0 },
	{ "not found for five minutes: the same leaves again",
	        CLAIMED "D bank:PAY l " NOT_FOUND "bank:ASKPAY x bank:ASKPAY x bank:PAY p hub:TELLPAID d", X_DONE, 0 },
	{ "the same under a new message number",
	        CLAIMED "D bank:PAY l " NOT_FOUND "bank:ASKPAY x bank:ASKPAY x bank:PAY A bank:ASKPAY p "
	                "hub:TELLPAID d",
	        X_DONE, YT_RESOLVE_PAY_ANEW },
	{ "not found, then found: it was on its way", CLAIMED "D bank:PAY l " NOT_FOUND "bank:ASKPAY p hub:TELLPAID d",
	        X_DONE, 0 },
	{ "not found, but a question is lost in between: that time does not count",
	        CLAIMED "D bank:PAY l " NOT_FOUND "bank:ASKPAY l bank:ASKPAY x bank:ASKPAY x bank:ASKPAY x bank:PAY p "
	                "hub:TELLPAID d",
	        X_DONE, 0 },
	{ "and what leaves again is lost again",
	        CLAIMED "D bank:PAY l " NOT_FOUND "bank:ASKPAY x bank:ASKPAY x bank:PAY l bank:ASKPAY p hub:TELLPAID d",
	        X_DONE, 0 },
	{ "the insurer does not take what it is told: nothing is undone", CLAIMED "D bank:PAY p hub:TELLPAID r",
	        X_PARKED, 0 },
	{ "cancelled before it left: the claim is withdrawn, nothing is paid",
	        CLAIMED "w platform:CANCEL d hub:WITHDRAW d", X_REVERSED, 0 },
	{ "cancelled when the bank has it: recalled, then withdrawn",
	        CLAIMED "D bank:PAY A bank:ASKPAY P platform:CANCEL d bank:RECALL d hub:WITHDRAW d", X_REVERSED, 0 },
	{ "the recall is lost",
	        CLAIMED "D bank:PAY A bank:ASKPAY P platform:CANCEL d bank:RECALL l bank:RECALL d "
	                "hub:WITHDRAW d",
	        X_REVERSED, 0 },
	{ "too late: it is asked for, and asked back",
	        CLAIMED
	        "D bank:PAY A bank:ASKPAY P platform:CANCEL d bank:RECALL r bank:ASKPAY p hub:TELLPAID d hub:WITHDRAW L",
	        X_DONE, 0 },
	{ "the bank does not know what it has taken: that is no recall",
	        CLAIMED "D bank:PAY A bank:ASKPAY P platform:CANCEL d bank:RECALL x bank:RECALL d hub:WITHDRAW d",
	        X_REVERSED, 0 },
	{ "cancelled when it is paid: the money is asked back",
	        CLAIMED "D bank:PAY p hub:TELLPAID d platform:CANCEL d hub:WITHDRAW L", X_DONE, 0 },
	{ "cancelled when it had failed: the claim is withdrawn",
	        CLAIMED "D bank:PAY A bank:ASKPAY F hub:TELLPAID d platform:CANCEL d hub:WITHDRAW d", X_REVERSED, 0 },
	{ "cancelled when the claim was rejected: nothing is left to withdraw", CLAIMED "j platform:CANCEL d",
	        X_REFUSED, 0 },
	{ "cancelled while its outcome is unknown: found out first",
	        CLAIMED "D bank:PAY l platform:CANCEL d bank:ASKPAY P bank:RECALL d hub:WITHDRAW d", X_REVERSED, 0 },
	{ "cancelled, and it never arrived: it does not leave again",
	        CLAIMED "D bank:PAY l platform:CANCEL d " NOT_FOUND "bank:ASKPAY x bank:ASKPAY x hub:WITHDRAW d",
	        X_REVERSED, 0 },
};

static void assert_leg(const char *expected)
{
	char head[64];

	snprintf(head, sizeof(head), "%s:%.*s", w.sent_to, (int)strcspn(w.sent, " "), w.sent);
	assert_string_equal(w.leg == 0 ? "nothing" : head, expected);
}

/* Of each order that leaves: the same payment under the same number, and never before what was sent is surely not
 * there. */
struct orders {
	char number[40], yuan[16], to[32], message[40];
	unsigned n;
	int64_t left_at;
};

static void note_order(struct orders *o, bool is_anew)
{
	char number[40], yuan[16], to[32], message[40];

	if (!fake_is(yt_str(w.sent), "PAY"))
		return;
	fake_value(yt_str(w.sent), "pay", number, sizeof(number));
	fake_value(yt_str(w.sent), "yuan", yuan, sizeof(yuan));
	fake_value(yt_str(w.sent), "to", to, sizeof(to));
	fake_value(yt_str(w.sent), "num", message, sizeof(message));
	assert_int_equal(strlen(number), 22);
	if (o->n > 0) {
		assert_string_equal(number, o->number);
		assert_string_equal(yuan, o->yuan);
		assert_string_equal(to, o->to);
	}
	if (o->left_at != 0) { /* it may have arrived: only after five minutes of "not found" */
		assert_true(w.now - o->left_at >= 300000);
		assert_int_equal(strcmp(message, o->message) != 0, is_anew);
	}
	memcpy(o->number, number, sizeof(number));
	memcpy(o->yuan, yuan, sizeof(yuan));
	memcpy(o->to, to, sizeof(to));
	memcpy(o->message, message, sizeof(message));
	o->n++;
	o->left_at = w.now;
}

static bool is_leg(const char *head)
{
	char got[64];

	snprintf(got, sizeof(got), "%s:%.*s", w.sent_to, (int)strcspn(w.sent, " "), w.sent);
	return w.leg != 0 && strcmp(got, head) == 0;
}

/* Waits for a leg.  Where something was killed, questions of a row "not found" come at other times: there may be one
 * more or less of them until it is long enough.  False: this one is not asked. */
static bool await(const char *expected, char how, bool was_killed)
{
	await_leg();
	while (was_killed && is_leg("bank:ASKPAY") && strcmp(expected, "bank:ASKPAY") != 0) {
		reply('x');
		await_leg();
	}
	if (was_killed && how == 'x' && strcmp(expected, "bank:ASKPAY") == 0 && !is_leg(expected))
		return false;
	assert_leg(expected);
	return true;
}

/* The insurer hears only what it can take in: what it was never told to be paid has not come back. */
static void check_told(const char *leg)
{
	char state[16];

	if (strcmp(leg, "hub:TELLPAID") != 0)
		return;
	fake_value(yt_str(w.sent), "pst", state, sizeof(state));
	assert_true(strcmp(state, "PAID") == 0 || strcmp(state, "FAILED") == 0);
}

static void play(const struct pay_case *c, unsigned killed)
{
	struct orders orders = { .n = 0 };
	char expected[64];
	unsigned n = 0;

	ask(1, ACCOUNT);
	ask(2, SETTLED);
	for (const char *p = c->legs; *p != '\0'; p += *p == ' ') {
		size_t len = strcspn(p, " ");
		char how = p[len + 1];

		snprintf(expected, sizeof(expected), "%.*s", (int)len, p);
		if (strcmp(expected, "platform:CANCEL") == 0)
			ask(3, "CANCEL inst=H1 num=H1-2 | setl=A1");
		if (!await(expected, how, killed != 0 && n >= killed)) {
			p += len + 2;
			continue;
		}
		if (++n == killed && strncmp(expected, "platform:", 9) != 0) {
			kill_all();
			if (fake_is(yt_str(expected + strcspn(expected, ":") + 1), "PAY")) {
				note_order(&orders, c->method == YT_RESOLVE_PAY_ANEW);
				await_leg(); /* it may have arrived: asked for, whatever would have come back */
				assert_leg("bank:ASKPAY");
				reply('p');
				return;
			}
			await_leg();
			if (strcmp(expected, "bank:ASKPAY") == 0 && is_leg("bank:RECALL")) {
				reply('r'); /* it was refused before, and is asked once more */
				await_leg();
			}
			assert_leg(expected);
		}
		note_order(&orders, c->method == YT_RESOLVE_PAY_ANEW);
		check_told(expected);
		if (how == 'n' || how == 'x')
			orders.left_at = how == 'n' ? 0 : orders.left_at;
		reply(how);
		p += len + 2;
	}
	for (int i = 0; i < 7000 && w.leg == 0; i++)
		later(100);
	assert_int_equal(w.leg, 0);
	assert_int_equal(follow_up().state, c->end);
}

static void test_conversations(void **state)
{
	is_native = true;
	follows = &paid_claim;
	platform_settles = YT_RESOLVE_ADOPT;
	for (size_t i = 0; i < COUNT(cases); i++) {
		bank_pays = cases[i].method != 0 ? cases[i].method : YT_RESOLVE_PAY;
		for (unsigned killed = 0; killed < 13; killed++) {
			teardown(NULL);
			setup(NULL);
			print_message("%s, killed at leg %u\n", cases[i].it, killed);
			play(&cases[i], killed);
		}
	}
	bank_pays = YT_RESOLVE_PAY;
	platform_settles = YT_RESOLVE_REVERSE;
	follows = NULL;
	is_native = false;
}

/* Three answers "not found" within seconds are no five minutes, whatever the clock says. */
static void test_a_clock_set_forward(void **state)
{
	is_native = true;
	follows = &paid_claim;
	platform_settles = YT_RESOLVE_ADOPT;
	ask(1, ACCOUNT);
	ask(2, SETTLED);
	expect("platform:SETTLE", 'd');
	expect("hub:CLAIM", 'd');
	expect("hub:ASKCLAIM", 'D');
	expect("bank:PAY", 'l');
	expect("bank:ASKPAY", 'x');
	expect("bank:ASKPAY", 'x');
	w.clock_ahead = INT64_C(10) * 60 * 1000;
	for (int i = 0; i < 4; i++)
		expect("bank:ASKPAY", 'x');
	expect("bank:PAY", 'p');
	platform_settles = YT_RESOLVE_REVERSE;
	follows = NULL;
	is_native = false;
}

/* -- released ------------------------------------------------------------------------------------- */

static void begin_paying(void)
{
	is_native = true;
	follows = &paid_claim;
}

static void end_paying(void)
{
	follows = NULL;
	is_native = false;
}

/* A claim of visit n, its settlement's answer A1 or as settled says, is decided; what leaves next is for the test. */
static void decide(unsigned n, char how)
{
	char line[120];

	snprintf(line, sizeof(line), "SETTLE inst=H1 num=H1-1%u | visit=V%u batch=B%u person=P", n, n, n);
	ask(10 + n, line);
	await_leg();
	assert_leg("platform:SETTLE");
	reply(n == 2 ? 's' : 'd');
	expect("hub:CLAIM", 'd');
	expect("hub:ASKCLAIM", how);
}

static void nothing_leaves(int64_t ms)
{
	for (int64_t i = 0; i < ms && w.leg == 0; i += 1000)
		later(1000);
	if (w.leg != 0)
		fail_msg("left: %s", w.sent);
}

static int release(const char *number, const char *maker, const char *checker)
{
	int rv = keeper_release(
	        w.keeper, in_log_of(number).id, yt_str(maker), yt_str(checker), YT_STR("seen and checked"));

	pump();
	return rv;
}

static const struct release_case {
	const char *it, *account, *waits;
	char how;
	int64_t later_ms;
} release_cases[] = {
	{ "by a rule", ACCOUNT, NULL, 'D', 0 },
	{ "more than the rule lets", ACCOUNT, "waits: release of 2000.00 yuan: no rule releases it", 'M', 0 },
	{ "the rule has ended", ACCOUNT, "waits: release of 12.34 yuan: no rule releases it", 'D',
	        INT64_C(120) * 24 * 3600 * 1000 },
	{ "a guardian's account", "ACCOUNT inst=H1 num=H1-8 | person=P relation=01 named=Wang account=62220200000000",
	        "waits: release of 12.34 yuan: the account is not compared with the person", 'D', 0 },
	{ "another record of ours has paid it, as the insurer says", ACCOUNT,
	        "waits: release of 12.34 yuan: the insurer says that this claim is paid", 'T', 0 },
	{ "parts that do not add up to what was decided", ACCOUNT,
	        "waits: release of 12.34 yuan: the insurer's decision does not add up", '%', 0 },
};

static void hear_breach(void *ctx, enum yt_level level, const char *text)
{
	if (level == YT_ERROR && strstr(text, "at hub: the answer does not add up: data.payable_amt is 12.34") != NULL)
		(*(unsigned *)ctx)++;
}

/* A decision whose parts do not add up is told of as every answer is (P4), and what was decided is paid when two people
 * say so. */
static void test_uneven_decision(void **state)
{
	unsigned heard = 0;

	begin_paying();
	ask(1, ACCOUNT);
	yt_log_watch(hear_breach, &heard);
	decide(1, '%');
	nothing_leaves(20000);
	yt_log_watch(NULL, NULL);
	assert_int_equal(heard, 1);
	end_paying();
}

/* Without a rule it waits by name until two people have released exactly it, whatever is killed meanwhile. */
static void test_release(void **state)
{
	for (size_t i = 0; i < COUNT(release_cases); i++) {
		const struct release_case *c = &release_cases[i];

		teardown(NULL);
		setup(NULL);
		begin_paying();
		w.now = c->later_ms;
		ask(1, c->account);
		decide(1, c->how);
		if (c->waits == NULL) {
			expect("bank:PAY", 'p');
			end_paying();
			continue;
		}
		nothing_leaves(100000);
		assert_string_equal(follow_up().reason, c->waits);
		assert_int_equal(release("+/A1", "li", "li"), YT_EDENIED);
		assert_int_equal(release("+/A1", "li", ""), YT_EDENIED);
		kill_all();
		nothing_leaves(100000);
		assert_int_equal(
		        keeper_release(w.keeper, follow_up().id, YT_STR("li"), YT_STR("wang"), YT_STR("seen")), 0);
		commit();
		kill_all(); /* it is on the disk */
		expect("bank:PAY", 'p');
		assert_int_equal(release("+/A1", "li", "wang"), YT_ESTATE);
		end_paying();
	}
}

/* What people saw and released, while a worker had it that did not know either of what was told meanwhile. */
static void release_what_was(const char *account)
{
	struct message held;

	hold_facts(&held);
	ask(2, account);
	assert_int_equal(keeper_release(w.keeper, follow_up().id, YT_STR("li"), YT_STR("wang"), YT_STR("seen")), 0);
	let_go(&held);
}

/* What was released is not what would leave now: another account was told meanwhile. */
static void test_release_of_another(void **state)
{
	char to[32];

	begin_paying();
	ask(1, ACCOUNT);
	decide(1, 'M');
	nothing_leaves(20000);
	release_what_was("ACCOUNT inst=H1 num=H1-9 | person=P relation=00 named=Lin account=62220200000001");
	nothing_leaves(100000);
	assert_false(follow_up().released);
	assert_int_equal(release("+/A1", "li", "wang"), 0);
	await_leg();
	assert_leg("bank:PAY");
	fake_value(yt_str(w.sent), "to", to, sizeof(to));
	assert_string_equal(to, "62220200000001");
	reply('p');
	end_paying();
}

/* The same account, but another holder's name (or bank) than people have released. */
static void test_release_of_another_name(void **state)
{
	char named[32];

	begin_paying();
	ask(1, "ACCOUNT inst=H1 num=H1-8 | person=P relation=01 named=Wang account=62220200000000");
	decide(1, 'D');
	nothing_leaves(20000);
	release_what_was("ACCOUNT inst=H1 num=H1-9 | person=P relation=01 named=Chen account=62220200000000");
	nothing_leaves(100000);
	assert_false(follow_up().released);
	assert_int_equal(release("+/A1", "li", "wang"), 0);
	await_leg();
	assert_leg("bank:PAY");
	fake_value(yt_str(w.sent), "named", named, sizeof(named));
	assert_string_equal(named, "Chen");
	reply('p');
	end_paying();
}

/* Its bank could not be reached, so it surely stayed: it stays while its settlement is being cancelled. */
static void test_cancelled_while_it_stays(void **state)
{
	for (const char *how = "dr"; *how != '\0'; how++) {
		uint64_t leg;

		teardown(NULL);
		setup(NULL);
		begin_paying();
		ask(1, ACCOUNT);
		decide(1, 'D');
		expect("bank:PAY", 'n');
		ask(3, "CANCEL inst=H1 num=H1-2 | setl=A1");
		assert_leg("platform:CANCEL");
		leg = w.leg;
		w.leg = 0;
		nothing_leaves(20000);
		w.leg = leg;
		reply(*how);
		if (*how == 'd')
			expect("hub:WITHDRAW", 'd');
		else
			expect("bank:PAY", 'p');
		end_paying();
	}
}

/* Its bank has not found it for five minutes: the same does not leave again while its settlement is being cancelled. */
static void test_cancelled_while_not_found(void **state)
{
	(void)state;
	for (const char *how = "dr"; *how != '\0'; how++) {
		uint64_t leg, asked_ms;

		teardown(NULL);
		setup(NULL);
		begin_paying();
		ask(1, ACCOUNT);
		decide(1, 'D');
		expect("bank:PAY", 'l');
		for (int i = 0; i < 5; i++)
			expect("bank:ASKPAY", 'x');
		ask(3, "CANCEL inst=H1 num=H1-2 | setl=A1");
		assert_leg("platform:CANCEL");
		leg = w.leg;
		w.leg = 0;
		asked_ms = (uint64_t)w.now;
		for (int i = 0; i < 3; i++)
			expect("bank:ASKPAY", 'x');
		assert_in_range((uint64_t)w.now - asked_ms, 3 * 60000, 3600000); /* asked on, and not each second */
		w.leg = leg;
		reply(*how);
		expect("bank:ASKPAY", 'x');
		if (*how == 'd')
			expect("hub:WITHDRAW", 'd');
		else
			expect("bank:PAY", 'p');
		end_paying();
	}
}

/* Nobody releases what is above the account's limit. */
static void test_order_limit(void **state)
{
	begin_paying();
	ask(1, ACCOUNT);
	decide(1, 'V');
	nothing_leaves(100000);
	assert_string_equal(follow_up().reason, "waits: data.pay_amt is above the payer's order_limit");
	assert_int_equal(release("+/A1", "li", "wang"), YT_ESTATE);
	nothing_leaves(100000);
	end_paying();
}

#define TWIN "waits: release of 12.34 yuan: the same payee, amount and type within 24 hours"

/* The same payee, amount and type twice within a day: the second one waits for people though a rule would release it;
 * a day and an hour after the first was announced it does not. */
static void test_twins(void **state)
{
	for (unsigned next_day = 0; next_day < 2; next_day++) {
		teardown(NULL);
		setup(NULL);
		begin_paying();
		ask(1, ACCOUNT);
		decide(1, 'D');
		expect("bank:PAY", 'p');
		expect("hub:TELLPAID", 'd');
		if (next_day)
			w.now += INT64_C(25) * 3600 * 1000;
		kill_all();
		decide(2, 'D');
		if (next_day) {
			expect("bank:PAY", 'p');
			end_paying();
			continue;
		}
		nothing_leaves(100000);
		assert_string_equal(in_log_of("+/A2").reason, TWIN);
		assert_int_equal(release("+/A2", "li", "wang"), 0);
		expect("bank:PAY", 'p');
		assert_string_not_equal(in_log_of("+/A2").pay_no, in_log_of("+/A1").pay_no);
		end_paying();
	}
}

/* What its insurer is told leaves under a lease of its own: those that asked the bank do not hang there. */
static void test_a_lease_asks_one(void **state)
{
	begin_paying();
	ask(1, ACCOUNT);
	decide(1, 'D');
	expect("bank:PAY", 'A');
	expect("bank:ASKPAY", 'p');
	await_leg();
	assert_leg("hub:TELLPAID");
	assert_string_equal(follow_up().reason, "its next step asks another party");
	reply('d');
	assert_int_equal(follow_up().state, X_DONE);
	end_paying();
}

/* One that has not left is seen as well: of two that nobody has paid yet, neither leaves by a rule. */
static void test_twins_that_wait(void **state)
{
	begin_paying();
	ask(1, "ACCOUNT inst=H1 num=H1-7 | person=P relation=01 named=Wang account=62220200000000");
	decide(1, 'D');
	nothing_leaves(20000);
	ask(2, ACCOUNT); /* the same account, the person's own: a rule would let it leave */
	decide(2, 'D');
	nothing_leaves(100000);
	assert_string_equal(in_log_of("+/A1").reason, TWIN);
	assert_string_equal(in_log_of("+/A2").reason, TWIN);
	kill_all();
	assert_int_equal(release("+/A2", "li", "wang"), 0);
	expect("bank:PAY", 'p');
	expect("hub:TELLPAID", 'd');
	nothing_leaves(100000);
	assert_string_equal(in_log_of("+/A1").reason, TWIN);
	end_paying();
}

/* What it lacks is told by name: nobody has said to which account. */
static void test_waits_for_account(void **state)
{
	begin_paying();
	decide(1, 'D');
	nothing_leaves(20000);
	assert_int_equal(strncmp(follow_up().reason, "waits: data.payee_acct", 22), 0);
	ask(1, ACCOUNT);
	expect("bank:PAY", 'p');
	end_paying();
}

/* -- an agency's own ------------------------------------------------------------------------------ */

static const struct engine_flow payout = { "payout",
	{ { &bank, YT_OP_PAY_ORDER, NULL, false, NULL, NULL }, { &bank, YT_OP_PAY_QUERY, NULL, true, NULL, NULL } }, 2,
	1 };

#define PAYOUT_SHORT "IN2026092100000000001" /* and a digit */
#define PAYOUT_NO "IN20260921000000000007"
#define PAYOUT "PAY inst=H1 num=" PAYOUT_NO " | pay=" PAYOUT_NO " yuan=7.00 to=62220200000009 named=Wu psn=Wu"

/* It is kept here, answered when it is on the disk, and paid once by what follows, whatever is killed. */
static void test_payout(void **state)
{
	char number[40];

	for (unsigned killed = 0; killed < 4; killed++) {
		teardown(NULL);
		setup(NULL);
		is_native = true;
		follows = &payout;
		ask(1, PAYOUT);
		if (killed == 1)
			kill_all();
		later(100);
		assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
		await_leg();
		assert_leg("bank:PAY");
		fake_value(yt_str(w.sent), "pay", number, sizeof(number));
		assert_string_equal(number, PAYOUT_NO);
		if (killed == 2) {
			kill_all();
			expect("bank:ASKPAY", 'A');
		} else {
			reply('A');
		}
		await_leg();
		if (killed == 3)
			kill_all();
		expect("bank:ASKPAY", 'p');
		nothing_leaves(700000);
		assert_int_equal(in_log_of("+/" PAYOUT_NO).state, X_DONE);
		ask(2, PAYOUT); /* the same: once */
		assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
		ask(3, "PAY inst=H1 num=" PAYOUT_NO " | pay=" PAYOUT_NO " yuan=8.00 to=62220200000009 named=Wu psn=Wu");
		assert_int_equal(strncmp(w.answer, "REFUSED", 7), 0);
		nothing_leaves(700000);
		end_paying();
	}
}

/* All are killed when it has just been written down: it was not answered, so it is refused for now, and the same is
 * taken when it is asked again. */
static void test_payout_killed_at_once(void **state)
{
	struct engine_request r = { .token = 1,
		.listener = "door",
		.codec = codec,
		.by_certificate = true,
		.method = YT_STR("POST"),
		.subject = YT_STR("hospital"),
		.body = YT_STR(PAYOUT) };
	struct message *m;

	(void)state;
	for (unsigned killed = 0; killed < 2; killed++) {
		teardown(NULL);
		setup(NULL);
		is_native = true;
		follows = &payout;
		pump();
		engine_request(w.engine, &r);
		run_jobs();
		m = &w.queue[w.first++ % COUNT(w.queue)];
		m->talk.payload = yt_buf_view(&m->payload);
		assert_int_equal(keeper_message(w.keeper, 1, &m->talk), 0);
		commit();
		assert_int_equal(in_log_of(PAYOUT_NO).state, X_UNKNOWN);
		kill_all();
		nothing_leaves(20000);
		assert_int_equal(in_log_of(PAYOUT_NO).state, X_REFUSED);
		if (killed)
			kill_all();
		ask(2, PAYOUT);
		assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
		expect("bank:PAY", 'A');
		expect("bank:ASKPAY", 'p');
		ask(3, PAYOUT);
		assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
		nothing_leaves(700000);
		end_paying();
	}
}

/* Two agencies that count alike: the bank would say of the second one what became of the first, so it does not leave.
 */
static void test_payout_of_the_same_number(void **state)
{
	for (unsigned killed = 0; killed < 2; killed++) {
		teardown(NULL);
		setup(NULL);
		is_native = true;
		follows = &payout;
		ask(1, PAYOUT);
		expect("bank:PAY", 'A');
		expect("bank:ASKPAY", 'p');
		w.now += INT64_C(48) * 3600 * 1000;
		if (killed)
			kill_all();
		ask(2, "PAY inst=H2 num=" PAYOUT_NO " | pay=" PAYOUT_NO " yuan=8.00 to=62220200000009 named=Wu psn=Wu");
		assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
		nothing_leaves(700000);
		assert_true(log_has("another payment has its number"));
		end_paying();
	}
}

static void park(uint64_t exchange)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_PARKED, 0, exchange, w.now);

	rec_str(&buf, REC_T_REASON, YT_STR("look at it"));
	rec_end(&buf, at);
	keeper_note(w.keeper, yt_buf_view(&buf));
	yt_buf_free(&buf);
	pump();
}

/* An order that could not leave was paid by hand, and people said so: machines that are told to try again later undo
 * the claim, and never pay. */
static void test_paid_by_hand(void **state)
{
	uint64_t id;

	begin_paying();
	ask(1, ACCOUNT);
	decide(1, 'D');
	expect("bank:PAY", 'n');
	id = follow_up().id;
	park(id);
	assert_int_equal(keeper_decide(w.keeper, id, "done", YT_STR("li"), YT_STR("paid by hand")), 0);
	pump();
	later(1000);
	assert_int_equal(follow_up().state, X_DONE);
	park(id);
	assert_int_equal(keeper_decide(w.keeper, id, "retry", YT_STR("li"), YT_STR("it came back")), 0);
	expect("hub:WITHDRAW", 'd');
	nothing_leaves(700000);
	assert_int_equal(follow_up().state, X_PARKED); /* its settlement stands: people see to that */
	assert_int_equal(keeper_decide(w.keeper, id, "reversed", YT_STR("li"), YT_STR("claimed by hand")), 0);
	pump();
	later(1000);
	assert_int_equal(follow_up().state, X_REVERSED);
	end_paying();
}

/* What can never be paid is refused while its agency listens, and nothing of it waits.  What was taken before is not
 * refused when it comes again. */
static void test_payout_that_cannot_be_sent(void **state)
{
	static const struct {
		const char *order, *why;
	} rows[] = {
		{ "yuan=5000.01 to=62220200000009 named=Wu psn=Wu", "data.pay_amt 超过付款账户的单笔限额" },
		{ "yuan=7.00 to=62220200000009 named=Wu psn=Li", "payee_name" },
		{ "yuan=7.00 to=62220200000009 named=Wu psn=Wu purpose=NEVER", "purpose" },
	};
	char line[200];

	is_native = true;
	follows = &payout;
	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(line, sizeof(line), "PAY inst=H1 num=%s%zu | pay=%s%zu %s", PAYOUT_SHORT, i, PAYOUT_SHORT, i,
		        rows[i].order);
		ask(10 + i, line);
		later(100);
		if (strncmp(w.answer, "REFUSED", 7) != 0 || strstr(w.answer, rows[i].why) == NULL)
			fail_msg("%s: %s", rows[i].order, w.answer);
		ask(20 + i, line); /* the same again hears the same */
		later(100);
		assert_int_equal(strncmp(w.answer, "REFUSED", 7), 0);
		nothing_leaves(20000);
		snprintf(line, sizeof(line), "+/%s%zu", PAYOUT_SHORT, i);
		assert_int_equal(in_log_of(line).id, 0);
	}
	ask(1, PAYOUT);
	expect("bank:PAY", 'p');
	bank_takes_none = true;
	ask(2, PAYOUT);
	later(100);
	assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
	bank_takes_none = false;
	end_paying();
}

static void order(unsigned nth, const char *yuan, const char *to)
{
	char line[200];

	snprintf(line, sizeof(line), "PAY inst=H1 num=%s%u | pay=%s%u yuan=%s to=%s named=Wu psn=Wu", PAYOUT_SHORT, nth,
	        PAYOUT_SHORT, nth, yuan, to);
	ask(nth, line);
	assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
}

static struct exchange ordered(unsigned nth)
{
	char number[48];

	snprintf(number, sizeof(number), "+/%s%u", PAYOUT_SHORT, nth);
	return in_log_of(number);
}

/* What a payer pays in a day, and what one account gets, has an end whoever is killed meanwhile: what is above waits
 * for the next day, and nobody can release it. */
static void test_day_limits(void **state)
{
	static const struct engine_payer limited[] = { { "bank", "IN", NULL, "6001", "fund", "313332099026", "bank",
		"insurer", "claim", 500000, 2000, 1500, "claims", false } };
	const struct engine_payer *const payers = conf.payers;
	const uint32_t n_payers = conf.n_payers;

	for (unsigned killed = 0; killed < 2; killed++) {
		teardown(NULL);
		conf.payers = limited;
		conf.n_payers = 1;
		setup(NULL);
		is_native = true;
		follows = &payout;
		order(1, "7.00", "62220200000009");
		expect("bank:PAY", 'p');
		order(2, "8.01", "62220200000009");
		nothing_leaves(20000);
		assert_string_equal(ordered(2).reason, TALK_WAITS_FOR_ROOM);
		assert_int_equal(keeper_release(w.keeper, ordered(2).id, YT_STR("li"), YT_STR("wang"), YT_STR("now")),
		        YT_ESTATE);
		if (killed)
			kill_all();
		order(3, "8.00", "62220200000009");
		expect("bank:PAY", 'p');
		order(4, "12.00", "62220200000017");
		nothing_leaves(20000);
		assert_string_equal(ordered(4).reason, TALK_WAITS_FOR_ROOM);
		if (killed)
			kill_all();
		order(5, "5.00", "62220200000025");
		expect("bank:PAY", 'p');
		nothing_leaves(20000);
		w.now += INT64_C(24) * 3600 * 1000; /* one of the two: together they are above the payer's day again */
		expect("bank:PAY", 'p');
		nothing_leaves(20000);
		assert_int_equal((ordered(2).state == X_DONE) + (ordered(4).state == X_DONE), 1);
		w.now += INT64_C(24) * 3600 * 1000;
		expect("bank:PAY", 'p');
		assert_int_equal((ordered(2).state == X_DONE) + (ordered(4).state == X_DONE), 2);
		conf.payers = payers;
		conf.n_payers = n_payers;
		end_paying();
	}
}

/* What fails, or does not leave in the end, leaves its room to others, whoever is killed meanwhile. */
static void test_day_limit_and_failures(void **state)
{
	static const struct engine_payer limited[] = { { "bank", "IN", NULL, "6001", "fund", "313332099026", "bank",
		"insurer", "claim", 500000, 1500, 1500, "claims", false } };
	const struct engine_payer *const payers = conf.payers;
	const uint32_t n_payers = conf.n_payers;

	(void)state;
	for (unsigned killed = 0; killed < 2; killed++) {
		teardown(NULL);
		conf.payers = limited;
		conf.n_payers = 1;
		setup(NULL);
		is_native = true;
		follows = &payout;
		order(1, "7.00", "62220200000009");
		expect("bank:PAY", 'A');
		if (killed)
			kill_all();
		order(2, "8.50", "62220200000009");
		expect("bank:ASKPAY", 'F');
		assert_int_equal(ordered(1).state, X_REFUSED);
		expect("bank:PAY", 'p');
		nothing_leaves(20000);
		order(3, "6.60", "62220200000009"); /* together above it by ten fen */
		nothing_leaves(20000);
		assert_string_equal(ordered(3).reason, TALK_WAITS_FOR_ROOM);
		order(4, "6.50", "62220200000009");
		expect("bank:PAY", 'n');
		if (killed)
			kill_all();
		assert_int_equal(
		        keeper_decide(w.keeper, ordered(4).id, "refused", YT_STR("li"), YT_STR("not wanted")), 0);
		order(5, "6.40", "62220200000009");
		expect("bank:PAY", 'p');
		conf.payers = payers;
		conf.n_payers = n_payers;
		end_paying();
	}
}

/* What comes back is no part of the day any more: it is paid again, to another account, on the same day. */
static void test_day_limit_and_returns(void **state)
{
	static const struct engine_payer limited[] = { { "bank", "IN", NULL, "6001", "fund", "313332099026", "bank",
		"insurer", "claim", 500000, 2000, 0, "claims", false } };
	const struct engine_payer *const payers = conf.payers;
	const uint32_t n_payers = conf.n_payers;

	teardown(NULL);
	conf.payers = limited;
	conf.n_payers = 1;
	setup(NULL);
	begin_paying();
	ask(1, ACCOUNT);
	decide(1, 'D');
	expect("bank:PAY", 'A');
	expect("bank:ASKPAY", 'R');
	expect("hub:TELLPAID", 'd');
	ask(2, "ACCOUNT inst=H1 num=H1-9 | person=P relation=00 named=Lin account=62220200000001");
	expect("bank:PAY", 'p');
	conf.payers = payers;
	conf.n_payers = n_payers;
	end_paying();
}

/* Whoever has no room all day asks less and less often, though each ask is written down. */
static void test_day_limit_is_asked_for_seldom(void **state)
{
	static const struct engine_payer limited[] = { { "bank", "IN", NULL, "6001", "fund", "313332099026", "bank",
		"insurer", "claim", 500000, 600, 0, "claims", false } };
	const struct engine_payer *const payers = conf.payers;
	const uint32_t n_payers = conf.n_payers;
	unsigned asked = 0;

	teardown(NULL);
	conf.payers = limited;
	conf.n_payers = 1;
	setup(NULL);
	is_native = true;
	follows = &payout;
	order(1, "7.00", "62220200000009");
	nothing_leaves(600000);
	for (size_t i = 0; i < w.n_commits; i++)
		asked += memmem(w.commits[i].p, w.commits[i].n, TALK_WAITS_FOR_ROOM, strlen(TALK_WAITS_FOR_ROOM)) !=
		         NULL;
	assert_in_range(asked, 2, 120); /* 8 s is the longest pause here, 1 s the first */
	conf.payers = payers;
	conf.n_payers = n_payers;
	end_paying();
}

/* A bank that works on a payment for ever is asked no more than on any other without an end: people ask it.  When they
 * have, machines go on. */
static void test_processed_for_ever(void **state)
{
	is_native = true;
	follows = &payout;
	ask(1, PAYOUT);
	expect("bank:PAY", 'A');
	for (int day = 0; day < 7; day++) {
		expect("bank:ASKPAY", 'P');
		w.now += INT64_C(24) * 3600 * 1000;
	}
	expect("bank:ASKPAY", 'P');
	nothing_leaves(700000);
	assert_int_equal(in_log_of("+/" PAYOUT_NO).state, X_PARKED);
	assert_true(log_has("its bank has said no final word about a payment"));
	assert_int_equal(
	        keeper_decide(w.keeper, in_log_of("+/" PAYOUT_NO).id, "retry", YT_STR("li"), YT_STR("asked")), 0);
	expect("bank:ASKPAY", 'P');
	expect("bank:ASKPAY", 'p');
	nothing_leaves(700000);
	assert_int_equal(in_log_of("+/" PAYOUT_NO).state, X_DONE);
	end_paying();
}

#define LIST(all, y1)                                                                                                  \
	"LIST inst=H1 num=L1 | list=L1 all=" all " named=Wu psn=Wu p1=" PAYOUT_SHORT "1 y1=" y1                        \
	" t1=62220200000009 p2=" PAYOUT_SHORT "2 y2=7.00 t2=62220200000017"
#define LIST_WAITS "waits: release of 2007.00 yuan: a list of payouts, as a whole"

/* Nothing of a list leaves before two people have released all of it at once; then each payout goes its own way, once,
 * whoever is killed. */
static void test_list(void **state)
{
	static const struct engine_payer limited[] = { { "bank", "IN", NULL, "6001", "fund", "313332099026", "bank",
		"insurer", "claim", 500000, 200000, 0, "claims", false } }; /* so that one leaves a day */
	const struct engine_payer *const payers = conf.payers;
	const uint32_t n_payers = conf.n_payers;
	uint64_t list;

	for (unsigned killed = 0; killed < 4; killed++) {
		teardown(NULL);
		conf.payers = limited;
		conf.n_payers = 1;
		setup(NULL);
		is_native = true;
		follows = &payout;
		ask(1, LIST("2007.00", "2000.00"));
		assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
		nothing_leaves(20000);
		assert_string_equal(in_log_of("+/list/L1").reason, LIST_WAITS);
		if (killed == 1)
			kill_all();
		list = in_log_of("+/list/L1").id;
		assert_int_equal(
		        keeper_release(w.keeper, list, YT_STR("li"), YT_STR("li"), YT_STR("both")), YT_EDENIED);
		assert_int_equal(keeper_release(w.keeper, list, YT_STR("li"), YT_STR("wang"), YT_STR("seen")), 0);
		commit();
		if (killed == 2)
			kill_all();
		ask(2, LIST("2007.00", "2000.00"));
		expect("bank:PAY", 'p');
		if (killed == 3)
			kill_all();
		nothing_leaves(20000);
		assert_int_equal(in_log_of("+/list/L1").state, X_DONE);
		assert_int_equal((ordered(1).state == X_DONE) + (ordered(2).state == X_DONE), 1);
		w.now += INT64_C(24) * 3600 * 1000;
		expect("bank:PAY", 'p');
		nothing_leaves(20000);
		assert_int_equal((ordered(1).state == X_DONE) + (ordered(2).state == X_DONE), 2);
		conf.payers = payers;
		conf.n_payers = n_payers;
		end_paying();
	}
}

static void assert_list(const char *state, const char *other)
{
	static uint64_t token = 100;
	char want[2][80];

	ask(token++, "ASKLIST inst=H1 num=Q1 | list=L1");
	later(10);
	snprintf(want[0], sizeof(want[0]), PAYOUT_SHORT "1=%s", state);
	snprintf(want[1], sizeof(want[1]), PAYOUT_SHORT "2=%s", other);
	if (strncmp(w.answer, "DONE", 4) != 0 || strstr(w.answer, want[0]) == NULL || strstr(w.answer, want[1]) == NULL)
		fail_msg("wants %s, %s: %s", want[0], want[1], w.answer);
}

/* Whoever ordered a list is told what became of each payout, over restarts; nobody else is. */
static void test_list_is_asked_for(void **state)
{
	static const struct engine_payer limited[] = { { "bank", "IN", NULL, "6001", "fund", "313332099026", "bank",
		"insurer", "claim", 500000, 200000, 0, "claims", false } };
	const struct engine_payer *const payers = conf.payers;
	const uint32_t n_payers = conf.n_payers;
	bool first;

	teardown(NULL);
	conf.payers = limited;
	conf.n_payers = 1;
	setup(NULL);
	is_native = true;
	follows = &payout;
	ask(1, LIST("2007.00", "2000.00"));
	assert_list("OPEN", "OPEN");
	ask(2, "ASKLIST inst=H2 num=Q1 | list=L1");
	later(10);
	assert_int_equal(strncmp(w.answer, "REFUSED", 7), 0);
	assert_int_equal(
	        keeper_release(w.keeper, in_log_of("+/list/L1").id, YT_STR("li"), YT_STR("wang"), YT_STR("seen")), 0);
	expect("bank:PAY", 'p');
	nothing_leaves(20000);
	first = ordered(1).state == X_DONE;
	assert_list(first ? "PAID" : "OPEN", first ? "OPEN" : "PAID");
	kill_all();
	w.now += INT64_C(24) * 3600 * 1000;
	expect("bank:PAY", 'r');
	nothing_leaves(20000);
	assert_list(first ? "PAID" : "FAILED", first ? "FAILED" : "PAID");
	conf.payers = payers;
	conf.n_payers = n_payers;
	end_paying();
}

/* One payout that cannot be ordered, or that its bank's format does not take, and the list is refused with its row; so
 * is one whose sum is another. */
static void test_list_that_cannot_be_sent(void **state)
{
	static const struct {
		const char *list, *why;
	} rows[] = { { LIST("5007.01", "5000.01"), "payout[0].pay_amt" },
		{ LIST("2007.00", "2000.00") " u2=NEVER", "payout[1].purpose" },
		{ LIST("2006.00", "2000.00"), "pay_sumamt" } };

	for (size_t i = 0; i < COUNT(rows); i++) {
		teardown(NULL);
		setup(NULL);
		is_native = true;
		follows = &payout;
		ask(1, rows[i].list);
		later(100);
		if (strncmp(w.answer, "REFUSED", 7) != 0 || strstr(w.answer, rows[i].why) == NULL)
			fail_msg("%s: %s", rows[i].list, w.answer);
		nothing_leaves(20000);
		assert_int_equal(in_log_of("+/list/L1").id, 0);
		end_paying();
	}
}

/* A payout's number is for one payout, in whatever way that was ordered: whoever comes second with it hears so, or a
 * list with it is people's as a whole.  Nothing is dropped in silence. */
static void test_number_used_before(void **state)
{
	struct exchange list;

	for (unsigned killed = 0; killed < 2; killed++) {
		teardown(NULL);
		setup(NULL);
		is_native = true;
		follows = &payout;
		order(2, "7.00", "62220200000017");
		expect("bank:PAY", 'r');
		nothing_leaves(20000);
		assert_int_equal(ordered(2).state, X_REFUSED);
		ask(3, LIST("2007.00", "2000.00"));
		nothing_leaves(20000);
		assert_int_equal(release("+/list/L1", "li", "wang"), 0);
		if (killed)
			kill_all();
		nothing_leaves(20000);
		list = in_log_of("+/list/L1");
		assert_int_equal(list.state, X_PARKED);
		assert_non_null(strstr(list.reason, KEEPER_NUMBER_USED PAYOUT_SHORT "2"));
		assert_int_equal(ordered(1).id, 0);
		assert_int_equal(keeper_decide(w.keeper, list.id, "retry", YT_STR("li"), YT_STR("once more")), 0);
		nothing_leaves(20000);
		assert_int_equal(in_log_of("+/list/L1").state, X_PARKED);
		assert_int_equal(keeper_decide(w.keeper, list.id, "reversed", YT_STR("li"), YT_STR("anew")), 0);
		nothing_leaves(20000);
		end_paying();
	}
}

/* The other way round: it stands in a list that was released. */
static void test_number_used_by_a_list(void **state)
{
	static const struct engine_payer limited[] = { { "bank", "IN", NULL, "6001", "fund", "313332099026", "bank",
		"insurer", "claim", 500000, 200000, 0, "claims", false } }; /* so that one leaves a day */
	const struct engine_payer *const payers = conf.payers;
	const uint32_t n_payers = conf.n_payers;

	teardown(NULL);
	conf.payers = limited;
	conf.n_payers = 1;
	setup(NULL);
	is_native = true;
	follows = &payout;
	ask(1, LIST("2007.00", "2000.00"));
	nothing_leaves(3000);
	assert_int_equal(release("+/list/L1", "li", "wang"), 0);
	expect("bank:PAY", 'p');
	ask(2, "PAY inst=H1 num=" PAYOUT_SHORT "2 | pay=" PAYOUT_SHORT "2 yuan=8.00 to=62220200000017 named=Wu psn=Wu");
	assert_int_equal(strncmp(w.answer, "REFUSED", 7), 0);
	assert_non_null(strstr(w.answer, "已用于其他内容"));
	nothing_leaves(20000);
	conf.payers = payers;
	conf.n_payers = n_payers;
	end_paying();
}

static const struct withdraw_case {
	const char *it, *order, *legs;
	const char *word;
	int rv;
} withdraw_cases[] = {
	{ "waits for a release", "2000.00", "", "refused", 0 },
	{ "its bank could not be reached", "7.00", "n", "refused", 0 },
	{ "it may have left", "7.00", "l", "refused", YT_ESTATE },
	{ "its bank has it", "7.00", "A", "refused", YT_ESTATE },
	{ "waits, and is not parked", "2000.00", "", "done", YT_ESTATE },
	{ "waits, and is held", "2000.00", "", "park", 0 },
	{ "could not be reached, and is held", "7.00", "n", "park", 0 },
	{ "it may have left, and is held", "7.00", "l", "park", YT_ESTATE },
	{ "its bank has it, and it is held", "7.00", "A", "park", YT_ESTATE },
};

/* A clerk need not wait until machines give it up: what surely has not left is held, or ends, and never leaves. */
static void test_withdrawn(void **state)
{
	char line[160];
	uint64_t id;

	for (size_t i = 0; i < COUNT(withdraw_cases); i++) {
		const struct withdraw_case *c = &withdraw_cases[i];

		teardown(NULL);
		setup(NULL);
		print_message("%s\n", c->it);
		is_native = true;
		follows = &payout;
		snprintf(line, sizeof(line), "PAY inst=H1 num=%s | pay=%s yuan=%s to=62220200000009 named=Wu psn=Wu",
		        PAYOUT_NO, PAYOUT_NO, c->order);
		ask(1, line);
		for (const char *leg = c->legs; *leg != '\0'; leg++)
			expect("bank:PAY", *leg);
		if (*c->legs == '\0')
			nothing_leaves(3000);
		id = in_log_of("+/" PAYOUT_NO).id;
		assert_int_equal(keeper_decide(w.keeper, id, c->word, YT_STR("li"), YT_STR("wrong account")), c->rv);
		pump();
		if (c->rv == 0) {
			commit();
			kill_all();
			nothing_leaves(700000);
			assert_int_equal(
			        in_log_of("+/" PAYOUT_NO).state, strcmp(c->word, "park") == 0 ? X_PARKED : X_REFUSED);
		}
		if (c->rv == 0 && strcmp(c->word, "park") == 0) {
			assert_int_equal(in_log_of("+/" PAYOUT_NO).deadline_ms != 0, 1);
			assert_int_equal(keeper_decide(w.keeper, id, "park", YT_STR("li"), YT_STR("x")), YT_ESTATE);
			assert_int_equal(keeper_decide(w.keeper, id, "retry", YT_STR("li"), YT_STR("it is right")), 0);
			if (*c->legs != '\0')
				expect("bank:PAY", 'p');
			else
				assert_int_equal(release("+/" PAYOUT_NO, "li", "wang"), YT_ESTATE); /* as yet */
		}
		end_paying();
	}
}

static void hear_warning(void *ctx, enum yt_level level, const char *text)
{
	if (level == YT_WARN && strstr(text, PAYOUT_NO " came to nothing, its payment is FAILED: account") != NULL)
		(*(unsigned *)ctx)++;
}

/* It came to nothing: refused, with what a clerk shall do; the log says so, as nobody waits for it any more. */
static void test_payout_failed(void **state)
{
	unsigned heard = 0;

	is_native = true;
	follows = &payout;
	ask(1, PAYOUT);
	expect("bank:PAY", 'A');
	yt_log_watch(hear_warning, &heard);
	expect("bank:ASKPAY", 'F');
	nothing_leaves(700000);
	yt_log_watch(NULL, NULL);
	assert_int_equal(heard, 1);
	assert_int_equal(in_log_of("+/" PAYOUT_NO).state, X_REFUSED);
	assert_true(log_has("its payment is FAILED: account"));
	end_paying();
}

static void hear(void *ctx, enum yt_level level, const char *text)
{
	if (level == YT_ERROR && strstr(text, "people look now: its bank says FAILED of") != NULL)
		(*(unsigned *)ctx)++;
}

/* What its bank says is everybody's trouble, as an account without money: the log has it as an error. */
static void test_alarm(void **state)
{
	unsigned heard = 0;

	is_native = true;
	follows = &payout;
	ask(1, PAYOUT);
	expect("bank:PAY", 'A');
	yt_log_watch(hear, &heard);
	expect("bank:ASKPAY", '!');
	nothing_leaves(1000);
	yt_log_watch(NULL, NULL);
	assert_int_equal(heard, 1);
	end_paying();
}

static void hear_card(void *ctx, enum yt_level level, const char *text)
{
	if (level == YT_WARN && strstr(text, "fails its check digit") != NULL)
		(*(unsigned *)ctx)++;
}

/* A card whose check digit is wrong may be an account all the same: it leaves, and the log has a warning. */
static void test_wrong_card(void **state)
{
	static const char *const cards[] = { "6299993307000002023", "6299993307000002022", "622202000000" };
	unsigned heard = 0;

	is_native = true;
	follows = &payout;
	yt_log_watch(hear_card, &heard);
	for (unsigned i = 0; i < COUNT(cards); i++) {
		order(i + 1, "7.00", cards[i]);
		expect("bank:PAY", 'p');
		assert_int_equal(heard, 1);
	}
	yt_log_watch(NULL, NULL);
	end_paying();
}

/* An answer about another sum than was ordered is no word of this payment: it is asked for again. */
static void test_another_sum(void **state)
{
	is_native = true;
	follows = &payout;
	ask(1, PAYOUT);
	expect("bank:PAY", '#');
	expect("bank:ASKPAY", '#');
	expect("bank:ASKPAY", 'p');
	nothing_leaves(700000);
	assert_int_equal(in_log_of("+/" PAYOUT_NO).state, X_DONE);
	end_paying();
}

int main(void)
{
	conf.follow_up_park_after_ms = INT64_C(7) * 24 * 3600 * 1000;
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(test_conversations, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_clock_set_forward, setup, teardown),
		cmocka_unit_test_setup_teardown(test_release, setup, teardown),
		cmocka_unit_test_setup_teardown(test_release_of_another, setup, teardown),
		cmocka_unit_test_setup_teardown(test_release_of_another_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_order_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancelled_while_it_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancelled_while_not_found, setup, teardown),
		cmocka_unit_test_setup_teardown(test_day_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_day_limit_and_failures, setup, teardown),
		cmocka_unit_test_setup_teardown(test_day_limit_and_returns, setup, teardown),
		cmocka_unit_test_setup_teardown(test_day_limit_is_asked_for_seldom, setup, teardown),
		cmocka_unit_test_setup_teardown(test_list, setup, teardown),
		cmocka_unit_test_setup_teardown(test_list_is_asked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(test_list_that_cannot_be_sent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_number_used_before, setup, teardown),
		cmocka_unit_test_setup_teardown(test_number_used_by_a_list, setup, teardown),
		cmocka_unit_test_setup_teardown(test_twins, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_lease_asks_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_twins_that_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(test_waits_for_account, setup, teardown),
		cmocka_unit_test_setup_teardown(test_payout, setup, teardown),
		cmocka_unit_test_setup_teardown(test_payout_of_the_same_number, setup, teardown),
		cmocka_unit_test_setup_teardown(test_payout_killed_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_paid_by_hand, setup, teardown),
		cmocka_unit_test_setup_teardown(test_payout_that_cannot_be_sent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_processed_for_ever, setup, teardown),
		cmocka_unit_test_setup_teardown(test_withdrawn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_alarm, setup, teardown),
		cmocka_unit_test_setup_teardown(test_uneven_decision, setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_sum, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_card, setup, teardown),
		cmocka_unit_test_setup_teardown(test_payout_failed, setup, teardown) };
	return flow_world_run(tests, COUNT(tests));
}
