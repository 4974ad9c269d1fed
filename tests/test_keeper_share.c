/* tests/test_keeper_share.c - the keeper alone (keeper_world.h): follow-ups of one party that lets everybody wait, and
 * those of others (P7). */
#include "keeper_world.h"

/* So many leases for follow-ups. */
static void give_follow_ups(uint32_t leases)
{
	struct keeper_conf wide = conf;

	wide.leases = leases * 2;
	wide.exchanges = 100;
	keeper_configure(w.keeper, &wide);
}

/* Settlement `id`, over; FOLLOW_UP(id) goes by that flow. */
static void follow(uint64_t id, const char *flow)
{
	char number[8], follow_up[8];

	snprintf(number, sizeof(number), "N%u", (unsigned)id);
	snprintf(follow_up, sizeof(follow_up), "+/A%u", (unsigned)id);
	begin(1, (struct asked){ id, number, "c", NULL, 0, NULL });
	commit();
	w.flow = flow;
	settle_followed(1, id, id, follow_up);
	note(1, id, NULL);
	commit();
}

static unsigned n_leased(const char *flow)
{
	const struct kept *e;
	unsigned n = 0;

	for (e = w.keeper->by_id; e != NULL; e = e->hh_id.next)
		n += e->holder != 0 && strcmp(e->x.flow, flow) == 0;
	return n;
}

#define N_CLAIMS 10

/* Claims at an insurer that lets each of them hang, and a payment at a bank behind them; eight leases. */
static void owe_claims_and_payment(void)
{
	up(1);
	give_follow_ups(0);
	for (uint64_t id = 1; id <= N_CLAIMS + 1; id++) {
		w.mono_ms++;
		follow(id, id <= N_CLAIMS ? "claim" : "pay");
	}
	give_follow_ups(8);
	later(1);
	forget_told();
}

/* It has never all leases, and gets one more when one comes back: others' leave at once. */
static void test_hanging_party(void **state)
{
	(void)state;
	owe_claims_and_payment();
	assert_int_equal(n_leased("claim"), 4);
	assert_int_equal(n_leased("pay"), 1);
	follow(20, "pay");
	forget_told();
	later(1);
	assert_told("1:lease 0/20");
	give_back_due(1, FOLLOW_UP(20), 3600000);
	commit();
	forget_told();
	later(1);
	assert_told(""); /* what that one leaves is not for those that hang */
	give_back_due(1, FOLLOW_UP(1), 3600000);
	commit();
	forget_told();
	later(1);
	assert_told("1:lease 0/5");
	assert_int_equal(n_leased("claim"), 4);
}

/* Nor when a keeper after this one hears who has what. */
static void test_hanging_party_survives(void **state)
{
	(void)state;
	owe_claims_and_payment();
	restart(1);
	give_follow_ups(8);
	for (uint64_t id = 1; id <= 4; id++)
		held(1, FOLLOW_UP(id));
	ready(1);
	forget_told();
	later(REVERSE_AFTER_MS);
	assert_told("1:lease 0/11");
}

/* One that has gone on to the bank under its lease asks the insurer no more. */
static void test_goes_on_to_another(void **state)
{
	struct yt_buf buf = { 0 };
	size_t at = 0;

	(void)state;
	owe_claims_and_payment();
	at = rec_begin(&buf, REC_SENDING, 0, FOLLOW_UP(1), w.wall_ms);
	rec_u8(&buf, REC_T_LEG, REC_LEG_STEP);
	rec_u32(&buf, REC_T_STEP, 2);
	rec_str(&buf, REC_T_PARTY, YT_STR("bank"));
	rec_end(&buf, at);
	assert_int_equal(say(1, UP_STEP, FOLLOW_UP(1), &buf), 0);
	commit();
	forget_told();
	later(1);
	assert_told(""); /* three are free, and three ask the insurer */
	give_back_due(1, FOLLOW_UP(11), 3600000);
	commit();
	forget_told();
	later(1);
	assert_told("1:lease 0/5");
	give_back_due(1, FOLLOW_UP(1), 1000); /* the bank knows nothing yet: it is the bank's that are due */
	commit();
	forget_told();
	later(1000);
	assert_told("1:lease 0/1");
}

/* An insurer tells of claims whose payments wait, by its list of a day, and lets everybody wait who asks what it means:
 * the bank's are none the fewer. */
static void let_teller_hang(bool order_stayed)
{
	up(1);
	give_follow_ups(0);
	for (uint64_t id = 1; id <= N_CLAIMS; id++) {
		struct kept *e;

		w.mono_ms++;
		follow(id, "claim");
		e = kept_find(w.keeper, FOLLOW_UP(id));
		e->x.step = order_stayed ? 2 : 1;
		e->x.step_state = order_stayed ? STEP_ANEW : STEP_DONE;
		e->x.flags |= REC_X_UNASKED | (order_stayed ? REC_X_STAYED : 0u);
		keeper_copy_str(e->x.pay_no, sizeof(e->x.pay_no), order_stayed ? YT_STR("IN1") : YT_STR(""));
		keeper_copy_str(e->x.party, sizeof(e->x.party), YT_STR("insurer"));
		kept_settle_down(w.keeper, e);
	}
	follow(N_CLAIMS + 1, "pay");
	give_follow_ups(8);
	later(1);
	assert_int_equal(n_leased("claim"), 4);
	assert_int_equal(n_leased("pay"), 1);
}

/* Nor under another name, which a reload gives it. */
static void test_renamed_party(void **state)
{
	(void)state;
	owe_claims_and_payment();
	w.is_renamed = true;
	for (uint64_t id = 1; id <= 4; id++)
		give_back_due(1, FOLLOW_UP(id), 3600000);
	commit();
	later(1);
	assert_int_equal(n_leased("claim"), 4);
	for (uint64_t id = 5; id <= 8; id++)
		give_back_due(1, FOLLOW_UP(id), 3600000);
	commit();
	later(1);
	assert_int_equal(n_leased("claim"), 2); /* all that were due */
}

static void test_teller_hangs(void **state)
{
	(void)state;
	let_teller_hang(false);
}

static void test_teller_hangs_of_orders_that_stayed(void **state)
{
	(void)state;
	let_teller_hang(true);
}

/* A platform lets everything that is found out hang: a follow-up leaves. */
static void test_hanging_platform(void **state)
{
	struct keeper_counts c;

	(void)state;
	up(1);
	give_follow_ups(8);
	follow(1, "pay");
	later(1);
	give_back_due(1, FOLLOW_UP(1), REVERSE_AFTER_MS + 1);
	for (uint64_t id = 2; id < 22; id++) {
		char number[8];

		snprintf(number, sizeof(number), "N%u", (unsigned)id);
		begin(1, (struct asked){ id, number, "c", NULL, 0, NULL });
		commit();
		ended(1, id, YT_UNKNOWN, NULL);
	}
	commit();
	later(REVERSE_AFTER_MS);
	keeper_count(w.keeper, &c);
	assert_int_equal(c.leased, 14);
	assert_int_equal(n_leased("pay"), 0);
	later(1);
	assert_int_equal(n_leased("pay"), 1);
}

#define N_RESTING 20000
#define N_PAYING 3

static void let_many_rest(void)
{
	teardown(NULL);
	memset(&w, 0, sizeof(w));
	w.wall_ms = NOON;
	w.mono_ms = 1000000;
	w.rests = true;
	w.n_made_up = N_RESTING;
	w.n_paying = N_PAYING;
	new_keeper();
	for (uint64_t i = 0; i < w.n_made_up; i++)
		keeper_rest(w.keeper, FOLLOW_UP(1000 + i), &(struct rest){ w.wall_ms + (int64_t)(i / 10), 0, false });
	keeper_start(w.keeper);
	up(1);
	give_follow_ups(8);
	w.wall_ms += N_RESTING;
	w.mono_ms += N_RESTING; /* all of them are due, the bank's last */
}

/* A backlog in the index: no turn reads much of it, each row is read once, and what is behind it leaves when they have
 * been; then none is read before a lease comes back. */
static void test_resting_backlog(void **state)
{
	unsigned turns;

	(void)state;
	let_many_rest();
	for (turns = 0; n_leased("pay") == 0 && turns < 10 * N_RESTING; turns++) {
		w.n_got = 0;
		later(1);
		assert_in_range(w.n_got, 0, 110);
		assert_int_equal(n_leased("claim"), 4);
		assert_in_range(in_memory(), 4, 7);
	}
	assert_in_range(turns, N_RESTING / 6, N_RESTING / 4); /* nor is a millisecond's pause enough between them */
	later(20);
	assert_int_equal(n_leased("pay"), 2); /* as many as are free then */
	w.n_got = 0;
	later(60000);
	assert_int_equal(w.n_got, 0);
	give_back_due(1, FOLLOW_UP(1000), 3600000);
	commit();
	forget_told();
	later(1);
	assert_int_equal(n_leased("claim"), 3);
	assert_int_equal(n_leased("pay"), N_PAYING); /* it has fewer */
	assert_int_equal(w.n_got, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_hanging_party),
		TEST(test_hanging_party_survives),
		TEST(test_goes_on_to_another),
		TEST(test_teller_hangs),
		TEST(test_teller_hangs_of_orders_that_stayed),
		TEST(test_renamed_party),
		TEST(test_hanging_platform),
		TEST(test_resting_backlog),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
