/* tests/test_pay_anew.c - an agency orders a payout anew that came to nothing, or says so: one leaves for it, and none
 * while the one before may be paid (P5).  Payments that look the same, however long the first of them waited.  And what
 * an insurer tells of its claim while the payment that it left to us waits.
 *
 * The world is that of tests/flow_world.h. */
#include "flow_world.h"

#include <stdio.h>

#define HEIR "waits: release of %s yuan: another payout was ordered anew for the same one"
#define TWIN "waits: release of 7.00 yuan: the same payee, amount and type within 24 hours"
#define PAYEE "62220200000009"
#define HOUR_MS (INT64_C(3600) * 1000)

static const struct engine_flow payout = { "payout",
	{ { &bank, YT_OP_PAY_ORDER, NULL, false, NULL, NULL }, { &bank, YT_OP_PAY_QUERY, NULL, true, NULL, NULL } }, 2,
	1 };

static void begin(void)
{
	teardown(NULL);
	setup(NULL);
	is_native = true;
	follows = &payout;
}

static void end(void)
{
	follows = NULL;
	is_native = false;
}

static const char *number_of(unsigned nth)
{
	static char number[4][24];

	snprintf(number[nth % 4], sizeof(number[0]), "IN2026092100000000001%u", nth % 10);
	return number[nth % 4];
}

/* The nth payout, made anew for another one; 0: for none. */
static void order(unsigned nth, unsigned anew_for, const char *institution, const char *yuan)
{
	char line[400], orig[96] = "";

	if (anew_for != 0)
		snprintf(orig, sizeof(orig), " askpay=%s", number_of(anew_for));
	snprintf(line, sizeof(line), "PAY inst=%s num=%s | pay=%s yuan=%s to=" PAYEE " named=Wu psn=Wu%s", institution,
	        number_of(nth), number_of(nth), yuan, orig);
	ask(nth, line);
	assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
}

static struct exchange ordered(unsigned nth)
{
	char number[80];

	snprintf(number, sizeof(number), "+/%s", number_of(nth));
	return in_log_of(number);
}

static void nothing_leaves(int64_t ms)
{
	for (int64_t i = 0; i < ms && w.leg == 0; i += 1000)
		later(1000);
	if (w.leg != 0)
		fail_msg("left: %s", w.sent);
}

static void let_fail(unsigned nth)
{
	expect("bank:PAY", 'A');
	expect("bank:ASKPAY", 'F');
	nothing_leaves(20000);
	assert_int_equal(ordered(nth).state, X_REFUSED);
}

static int release(unsigned nth)
{
	int rv = keeper_release(w.keeper, ordered(nth).id, YT_STR("li"), YT_STR("wang"), YT_STR("seen"));

	pump();
	return rv;
}

/* The first leaves; the second waits for two people, of whatever sum and agency it is, however much later, whoever was
 * killed in between. */
static void test_anew_twice(void **state)
{
	static const struct {
		const char *institution, *yuan;
		int64_t after_ms;
		bool is_killed;
	} rows[] = {
		{ "H1", "8.00", 0, false },
		{ "H1", "8.00", 48 * HOUR_MS, true },
		{ "H2", "9.00", 0, false },
		{ "H1", "7.00", 48 * HOUR_MS, false },
	};
	char waits[120];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		begin();
		order(1, 0, H, "7.00");
		let_fail(1);
		w.now += 48 * HOUR_MS; /* as what looks the same it would be held for a day */
		order(2, 1, H, "7.00");
		expect("bank:PAY", 'p');
		w.now += rows[i].after_ms;
		if (rows[i].is_killed)
			kill_all();
		order(3, 1, rows[i].institution, rows[i].yuan);
		nothing_leaves(100000);
		snprintf(waits, sizeof(waits), HEIR, rows[i].yuan);
		assert_string_equal(ordered(3).reason, waits);
		assert_int_equal(release(3), 0);
		expect("bank:PAY", 'p');
		end();
	}
}

/* Of two that wait both are seen. */
static void test_anew_at_once(void **state)
{
	(void)state;
	begin();
	order(1, 0, H, "7.00");
	let_fail(1);
	order(2, 1, H, "7.00"); /* within a day: people look in any case */
	order(3, 1, H, "8.00");
	nothing_leaves(100000);
	assert_int_equal(ordered(2).state, X_UNKNOWN);
	assert_int_equal(strncmp(ordered(3).reason, "waits: release of 8.00 yuan: another payout", 40), 0);
	end();
}

/* While the one before may be paid, or is, nothing leaves for it; people let it be looked at again when that is over.
 */
static void test_anew_too_early(void **state)
{
	static const struct {
		const char *it;
		char how; /* its bank's last word */
		bool is_killed, leaves;
	} rows[] = {
		{ "it came to nothing in the end", 'F', false, true },
		{ "and everything was killed", 'F', true, true },
		{ "it was paid", 'p', false, false },
		{ "it was paid, and everything was killed", 'p', true, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t leg;

		print_message("%s\n", rows[i].it);
		begin();
		order(1, 0, H, "7.00");
		expect("bank:PAY", 'A');
		await_leg();
		leg = w.leg;
		w.leg = 0;
		order(2, 1, H, "8.00");
		nothing_leaves(20000);
		assert_int_equal(ordered(2).state, X_PARKED);
		assert_int_equal(strncmp(ordered(2).reason, KEEPER_NOT_NOTHING, sizeof(KEEPER_NOT_NOTHING) - 1), 0);
		assert_non_null(strstr(ordered(2).reason, number_of(1)));
		w.leg = leg;
		reply(rows[i].how);
		nothing_leaves(100000);
		if (rows[i].is_killed)
			kill_all();
		assert_int_equal(
		        keeper_decide(w.keeper, ordered(2).id, "retry", YT_STR("li"), YT_STR("it has ended")), 0);
		pump();
		if (rows[i].leaves) {
			expect("bank:PAY", 'p');
		} else {
			nothing_leaves(100000);
			assert_int_equal(ordered(2).state, X_PARKED);
		}
		end();
	}
}

/* Of one that is not known here its agency's word counts. */
static void test_anew_for_a_stranger(void **state)
{
	(void)state;
	begin();
	order(2, 1, H, "7.00");
	expect("bank:PAY", 'p');
	end();
}

/* The first waited for its bank for longer than a day, and left: one like it an hour after that waits for people, and
 * does not leave as nobody looks for a day. */
static void test_twin_of_what_waited(void **state)
{
	const int64_t park_after_ms = conf.follow_up_park_after_ms;

	(void)state;
	conf.follow_up_park_after_ms = 7 * 24 * HOUR_MS;
	begin();
	order(1, 0, H, "7.00");
	expect("bank:PAY", 'n');
	w.now += 30 * HOUR_MS;
	expect("bank:PAY", 'p');
	w.now += HOUR_MS;
	kill_all();
	order(2, 0, H, "7.00");
	nothing_leaves(100000);
	assert_string_equal(ordered(2).reason, TWIN);
	w.now += 26 * HOUR_MS;
	nothing_leaves(100000);
	assert_string_equal(ordered(2).reason, TWIN);
	order(3, 0, H, "9.00");
	expect("bank:PAY", 'p');
	assert_int_equal(release(2), 0);
	expect("bank:PAY", 'p');
	end();
	conf.follow_up_park_after_ms = park_after_ms;
}

/* -- told while it waits ----------------------------------------------------------------------------- */

#define RELEASE "waits: release of 12.34 yuan: "
#define GUARDIAN RELEASE "the account is not compared with the person"

static int release_claim(void)
{
	return keeper_release(w.keeper, in_log_of("+/A1").id, YT_STR("li"), YT_STR("wang"), YT_STR("seen"));
}

/* What the insurer tells of a claim, decided and to be paid by us, that waits for people is asked for before its order
 * leaves, also when they have released it: it may have paid, or taken its decision back. */
static void test_told_while_it_waits(void **state)
{
	static const struct {
		const char *it, *told;
		char how;      /* it is asked then */
		char released; /* - not, b before a worker looked at it, w while it did */
		bool is_killed;
		const char *waits; /* NULL: it has ended */
		enum exchange_state end;
	} rows[] = {
		{ "it has paid itself", "PAID", 'K', '-', false, NULL, X_DONE },
		{ "it has paid itself, and people release it", "PAID", 'K', 'w', false, NULL, X_DONE },
		{ "it has paid itself, and its order is about to leave", "PAID", 'K', 'b', false, NULL, X_DONE },
		{ "it has paid itself, and all were killed", "PAID", 'K', 'b', true, NULL, X_DONE },
		{ "it rejects it now", "REJECTED", 'j', '-', false, NULL, X_REFUSED },
		{ "it says that it is paid: people had released it before", "PAID", 'T', 'b', false,
		        RELEASE "the insurer says that this claim is paid", X_UNKNOWN },
		{ "it has decided as before", "ADJUDICATED", 'D', '-', false, GUARDIAN, X_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct message held;
		char line[80];

		print_message("%s\n", rows[i].it);
		begin();
		follows = &paid_claim;
		ask(1, "ACCOUNT inst=H1 num=H1-8 | person=P relation=01 named=Wang account=62220200000000");
		ask(2, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1 person=P");
		expect("platform:SETTLE", 'd');
		expect("hub:CLAIM", 'd');
		expect("hub:ASKCLAIM", 'D');
		nothing_leaves(20000);
		assert_string_equal(in_log_of("+/A1").reason, GUARDIAN);
		snprintf(line, sizeof(line), "TOLD inst=HUB num=E1 | setl=A1 seq=5 told=%s", rows[i].told);
		if (rows[i].released == 'b')
			assert_int_equal(release_claim(), 0);
		if (rows[i].released != '-') /* a worker looks at it just then */
			hold_facts(&held);
		if (rows[i].released == 'w')
			assert_int_equal(release_claim(), 0);
		ask(3, line);
		if (rows[i].released != '-')
			let_go(&held);
		assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
		if (rows[i].is_killed)
			kill_all();
		expect("hub:ASKCLAIM", rows[i].how);
		nothing_leaves(100000);
		assert_int_equal(in_log_of("+/A1").state, rows[i].end);
		if (rows[i].waits != NULL)
			assert_string_equal(in_log_of("+/A1").reason, rows[i].waits);
		end();
	}
}

/* Its bank could not be reached, so its order, which people had released, surely stayed: its insurer is asked before it
 * leaves, also when a worker is about to send it once more, and it leaves if that stands by its decision. */
static void test_told_while_it_stays(void **state)
{
	static const struct {
		const char *it, *told;
		char how; /* the insurer is asked then */
		bool about_to_leave, is_killed;
	} rows[] = {
		{ "it has paid itself", "PAID", 'K', false, false },
		{ "it has paid itself, and the order is about to leave", "PAID", 'K', true, false },
		{ "it rejects it now", "REJECTED", 'j', false, false },
		{ "it has decided as before", "ADJUDICATED", 'D', false, false },
		{ "it has decided as before, and the order is about to leave", "ADJUDICATED", 'D', true, false },
		{ "it has decided as before, and all were killed", "ADJUDICATED", 'D', false, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct exchange stayed;
		struct message held;
		char line[80];

		print_message("%s\n", rows[i].it);
		begin();
		follows = &paid_claim;
		ask(1, "ACCOUNT inst=H1 num=H1-8 | person=P relation=01 named=Wang account=62220200000000");
		ask(2, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1 person=P");
		expect("platform:SETTLE", 'd');
		expect("hub:CLAIM", 'd');
		expect("hub:ASKCLAIM", 'D');
		nothing_leaves(20000);
		assert_int_equal(release_claim(), 0);
		expect("bank:PAY", 'n');
		stayed = in_log_of("+/A1");
		if (rows[i].about_to_leave)
			hold_facts(&held);
		snprintf(line, sizeof(line), "TOLD inst=HUB num=E1 | setl=A1 seq=5 told=%s", rows[i].told);
		ask(3, line);
		if (rows[i].about_to_leave)
			let_go(&held);
		if (rows[i].is_killed)
			kill_all();
		expect("hub:ASKCLAIM", rows[i].how);
		if (rows[i].how == 'D') {
			expect("bank:PAY", 'p');
			expect("hub:TELLPAID", 'd');
		}
		nothing_leaves(100000);
		assert_int_equal(in_log_of("+/A1").state, rows[i].how == 'j' ? X_REFUSED : X_DONE);
		assert_string_equal(in_log_of("+/A1").pay_no, stayed.pay_no);
		end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_anew_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(test_anew_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_anew_too_early, setup, teardown),
		cmocka_unit_test_setup_teardown(test_anew_for_a_stranger, setup, teardown),
		cmocka_unit_test_setup_teardown(test_twin_of_what_waited, setup, teardown),
		cmocka_unit_test_setup_teardown(test_told_while_it_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_told_while_it_stays, setup, teardown),
	};

	return flow_world_run(tests, COUNT(tests));
}
