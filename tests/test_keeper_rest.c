/* tests/test_keeper_rest.c - the keeper alone (keeper_world.h): follow-ups that wait outside its memory, and how many
 * there may be. */
#include "keeper_world.h"

static struct keeper_counts counts(void)
{
	struct keeper_counts c;

	keeper_count(w.keeper, &c);
	return c;
}

/* The follow-up 9 of a settlement A1 that is over; nothing but it is open. */
static void let_rest(int64_t due_in_ms)
{
	const char *why = w.why;

	teardown(NULL);
	memset(&w, 0, sizeof(w));
	w.why = why;
	w.wall_ms = NOON;
	w.mono_ms = 1000000;
	w.rests = true;
	new_keeper();
	keeper_start(w.keeper);
	up(1);
	begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
	commit();
	settle_followed(1, 1, 9, "+/A1");
	note(1, 1, NULL);
	commit();
	later(1);
	if (due_in_ms >= 0) {
		give_back_due(1, FOLLOW_UP(9), due_in_ms);
	} else {
		struct yt_buf buf = { 0 };
		size_t at = rec_begin(&buf, REC_PARKED, 0, FOLLOW_UP(9), w.wall_ms);

		rec_end(&buf, at);
		assert_int_equal(say(1, UP_RETURN, FOLLOW_UP(9), &buf), 0);
	}
	commit();
	keeper_indexed(w.keeper, w.n_commits); /* not quite all of it */
	assert_int_equal(in_memory(), 1);
	keeper_indexed(w.keeper, w.n_commits + 1);
	assert_int_equal(in_memory(), 0);
	forget_told();
}

/* What waits takes no memory, is counted as what it is, and goes on when it is due. */
static void test_rests_until_due(void **state)
{
	let_rest(60000);
	assert_int_equal(counts().follow_ups, 1);
	assert_int_equal(counts().unknown, 0);
	assert_int_equal(keeper_open(w.keeper), 1);
	assert_int_equal(keeper_open_before(w.keeper, NOON), 0);
	assert_int_equal(keeper_open_before(w.keeper, NOON + 1), 1);
	later(59999);
	assert_told("");
	assert_int_equal(in_memory(), 0);
	w.find_error = YT_EIO;
	later(1);
	assert_told("");
	w.find_error = 0;
	later(FOLLOW_UP_TURN_MS);
	assert_told("1:lease 0/9");
	assert_int_equal(counts().follow_ups, 1);
	assert_int_equal(keeper_open(w.keeper), 1);
	give_back_due(1, FOLLOW_UP(9), 60000);
	commit();
	forget_told();
	keeper_indexed(w.keeper, w.n_commits + 1);
	assert_int_equal(in_memory(), 0);
	assert_int_equal(counts().follow_ups, 1);
	later(60000);
	assert_told("1:lease 0/9");
}

/* It is found by its settlement, and by its own number. */
static void test_rest_is_disturbed(void **state)
{
	struct exchange x;

	let_rest(3600000);
	cancel(2, "C1", "A1", H);
	forget_told();
	later(NOBODY_MS);
	assert_told("1:lease 0/9");
	assert_true(followed(9)->reversal_wanted);
	assert_int_equal(counts().follow_ups, 1);
	let_rest(-1);
	assert_int_equal(counts().follow_ups, 0);
	assert_int_equal(counts().parked, 1);
	assert_int_equal(keeper_get(w.keeper, FOLLOW_UP(9), &x), 0);
	assert_int_equal(x.state, X_PARKED);
	assert_int_equal(keeper_get(w.keeper, FOLLOW_UP(10), &x), YT_ENOTFOUND);
	w.find_error = YT_EIO;
	assert_int_equal(keeper_get(w.keeper, FOLLOW_UP(10), &x), YT_EIO);
	w.find_error = 0;
	keeper_indexed(w.keeper, w.n_commits + 1);
	assert_int_equal(keeper_decide(w.keeper, FOLLOW_UP(10), "retry", YT_STR("li"), YT_STR("seen")), YT_ENOTFOUND);
	assert_int_equal(keeper_decide(w.keeper, FOLLOW_UP(9), "retry", YT_STR("li"), YT_STR("seen")), 0);
	commit();
	later(NOBODY_MS);
	assert_told("1:lease 0/9");
	assert_int_equal(counts().parked, 0);
	assert_int_equal(counts().follow_ups, 1);
}

/* The lane that it waits for goes on. */
static void test_rest_and_lane(void **state)
{
	static const char *const reasons[] = { EXCHANGE_WHY_STOPPED, "away" };

	for (size_t i = 0; i < 2; i++) {
		w.why = reasons[i];
		let_rest(60000);
		keeper_wake_stopped(w.keeper);
		later(1);
		assert_told(i == 0 ? "1:lease 0/9" : "");
	}
}

/* It went on before it was due, and is due later now: it is not asked for at the time that it had before. */
static void test_rests_longer(void **state)
{
	w.why = EXCHANGE_WHY_STOPPED;
	let_rest(60000);
	w.why = "away";
	begin(1, (struct asked){ 2, "N2", "c", NULL, 0, NULL });
	commit();
	settle_followed(1, 2, 10, "+/A2"); /* another one, due before that time */
	note(1, 2, NULL);
	commit();
	later(1);
	give_back_due(1, FOLLOW_UP(10), 30000);
	commit();
	forget_told();
	keeper_wake_stopped(w.keeper);
	later(1);
	assert_told("1:lease 0/9");
	give_back_due(1, FOLLOW_UP(9), 3600000);
	commit();
	keeper_indexed(w.keeper, w.n_commits + 1);
	assert_int_equal(in_memory(), 0);
	forget_told();
	later(30000);
	assert_told("1:lease 0/10");
	give_back_due(1, FOLLOW_UP(10), 7000000);
	commit();
	forget_told();
	later(30000);
	assert_told("");
	keeper_indexed(w.keeper, w.n_commits + 1);
	later(3539999);
	assert_told("");
	later(1);
	assert_told("1:lease 0/9");
}

/* What is being undone stays in memory: how long nothing of it has left is known there alone, and grows. */
static void test_undone_does_not_rest(void **state)
{
	struct rec rec;
	size_t used;

	let_rest(3600000);
	cancel(2, "C1", "A1", H);
	note(1, 2, NULL);
	commit();
	later(NOBODY_MS);
	for (uint64_t i = 0; i < 3; i++) {
		assert_int_equal(rec_read(yt_buf_view(&w.leased), &rec, &used), 0);
		assert_int_equal(rec_get_u64(&rec, REC_T_QUIET), NOBODY_MS + i * 5000);
		give_back_due(1, FOLLOW_UP(9), 5000);
		commit();
		keeper_indexed(w.keeper, w.n_commits + 1);
		assert_int_equal(in_memory(), 1);
		later(5000);
	}
}

/* A keeper after this one reads when it is due, and nothing else; a lease from the one before is known. */
static void test_rest_survives(void **state)
{
	let_rest(60000);
	restart(1);
	ready(1);
	forget_told();
	assert_int_equal(in_memory(), 0);
	assert_int_equal(counts().follow_ups, 1);
	later(59990);
	assert_told("");
	later(10);
	assert_told("1:lease 0/9");
	restart(1);
	held(1, FOLLOW_UP(9));
	ready(1);
	forget_told();
	later(120000);
	assert_told("");
	give_back_due(1, FOLLOW_UP(9), 5000);
	commit();
	assert_told("1:durable 9");
	restart(1);
	give_back_due(1, FOLLOW_UP(9), 7000); /* said to a keeper that did not live to write it */
	commit();
	ready(1);
	forget_told();
	later(6999);
	assert_told("");
	later(1);
	assert_told("1:lease 0/9");
}

static void set_clock(int64_t by_ms)
{
	w.wall_ms += by_ms;
	keeper_clock_stepped(w.keeper, by_ms);
}

/* In minutes: how long it is to rest and has rested when the keeper goes down, how far the clock is set meanwhile, how
 * far it is set again, how long after, and when it is due, from when the keeper is up again. */
static const struct clock_case {
	const char *it;
	int64_t rests, rested, set, again, after, due;
} clocks[] = {
	{ "as it was said", 60, 10, 0, 0, 0, 50 },
	{ "a little back: its own pause", 60, 10, -30, 0, 0, 60 },
	{ "a day back: its own pause", 60, 10, -1440, 0, 0, 60 },
	{ "a day back, and mended: as it was said", 60, 10, -1440, 1440, 20, 50 },
	{ "by less than it had rested, which nobody can know", 60, 40, -20, 0, 0, 40 },
	{ "which is seen when it is mended", 60, 40, -20, 20, 10, 20 },
	{ "mended when it was due long since", 60, 40, -20, 20, 30, 30 },
	{ "forward: it is due", 60, 10, 1440, 0, 0, 0 },
	{ "forward a little", 60, 10, 30, 0, 0, 20 },
	{ "set forward and back again while the keeper is up: nothing waits longer", 60, 10, 30, -30, 5, 20 },
};

static void test_rest_and_clock(void **state)
{
	const int64_t minute = 60000;

	(void)state;
	for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		const struct clock_case *c = &clocks[i];
		int64_t first = c->again != 0 ? c->after : 0;

		print_message("%s\n", c->it);
		let_rest(c->rests * minute);
		later(c->rested * minute);
		w.wall_ms += c->set * minute;
		restart(1);
		ready(1);
		forget_told();
		if (first > 0) {
			later(first * minute);
			set_clock(c->again * minute);
		}
		if (c->due > first) {
			later((c->due - first) * minute - 1);
			assert_told("");
		}
		later(1);
		assert_told("1:lease 0/9");
	}
}

/* Woken for another reason while the clock is back, it goes on to rest, and no longer than it would have. */
static void test_woken_while_back(void **state)
{
	struct exchange x;

	(void)state;
	let_rest(3600000);
	w.wall_ms -= 24 * 3600000;
	restart(1);
	ready(1);
	forget_told();
	later(600000);
	assert_int_equal(keeper_get(w.keeper, FOLLOW_UP(9), &x), 0);
	keeper_indexed(w.keeper, w.n_commits + 1);
	assert_int_equal(in_memory(), 0);
	later(3000000 - 1);
	assert_told("");
	later(1);
	assert_told("1:lease 0/9");
}

/* Its octets are written again before their segment goes, whether it rests or not. */
static void test_rest_is_carried(void **state)
{
	uint64_t exchange;
	log_pos before;
	int rv, n;

	let_rest(3600000);
	before = w.n_commits + 1;
	for (n = 0; (rv = keeper_carry(w.keeper, before, SIZE_MAX, &exchange)) == 0 && n < 10; n++) {
		commit();
		keeper_indexed(w.keeper, w.n_commits + 1);
	}
	assert_int_equal(rv, 1);
	commit();
	assert_true(followed(9)->accepted_pos >= before);
	keeper_indexed(w.keeper, w.n_commits + 1);
	assert_int_equal(in_memory(), 0);
	assert_int_equal(counts().follow_ups, 1);
	w.find_error = YT_EIO;
	assert_int_equal(keeper_carry(w.keeper, w.n_commits + 1, SIZE_MAX, &exchange), YT_EIO);
	w.find_error = 0;
	let_rest(3600000);
	before = w.n_commits + 1;
	assert_int_equal(keeper_carry(w.keeper, before, SIZE_MAX, &exchange), 0); /* woken: not carried yet ... */
	keeper_indexed(w.keeper, w.n_commits + 1);                                /* ... so it may not lie down */
	assert_int_equal(in_memory(), 1);
}

/* Twenty thousand that wait take no more memory than those that are being worked off, and a cancel is as quick. */
static void test_many_rest(void **state)
{
	struct keeper_conf half = conf;

	let_rest(3600000);
	w.n_made_up = 20000;
	half.leases = 10;
	keeper_configure(w.keeper, &half);
	for (uint64_t i = 0; i < w.n_made_up; i++)
		keeper_rest(w.keeper, FOLLOW_UP(1000 + i),
		        &(struct rest){ w.wall_ms + (int64_t)(i * 7919 % w.n_made_up), 0, false });
	assert_int_equal(counts().follow_ups, 20001);
	assert_int_equal(keeper_open(w.keeper), 20001);
	assert_int_equal(in_memory(), 0);
	later(30000);                         /* all of them are due */
	assert_int_equal(counts().leased, 3); /* one party has no more than it leaves free of five */
	assert_int_equal(in_memory(), 3);
	assert_int_equal(counts().follow_ups, 20001);
	cancel(2, "C1", "A1", H);
	assert_true(followed(9)->reversal_wanted);
	assert_in_range(in_memory(), 5, 5);
}

/* Beyond the limit nothing is taken on that something would follow from; all else is, and what is open is no exchange
 * in flight. */
static void test_follow_up_limit(void **state)
{
	struct keeper_conf few = conf;

	let_rest(60000);
	few.follow_ups = 1;
	few.exchanges = 1;
	keeper_configure(w.keeper, &few);
	later(60000); /* it is in memory now, and leased */
	keeper_indexed(w.keeper, w.n_commits + 1);
	forget_told();
	w.then = "claim";
	begin(1, (struct asked){ 2, "N2", "c", NULL, 0, NULL });
	commit();
	assert_told("1:closed 6");
	assert_true(counts().has_enough);
	assert_int_equal(keeper_follow_ups_full(w.keeper), 100);
	w.then = NULL;
	begin(1, (struct asked){ 3, "N3", "c", NULL, 0, NULL });
	commit();
	assert_told("1:admitted 7");
	begin(1, (struct asked){ 4, "N4", "c", NULL, 0, NULL });
	commit();
	assert_told("1:closed 8"); /* of exchanges only one */
	few.follow_ups = 2;
	few.exchanges = 2;
	keeper_configure(w.keeper, &few);
	assert_int_equal(keeper_follow_ups_full(w.keeper), 50);
	w.then = "claim";
	begin(1, (struct asked){ 2, "N2", "c", NULL, 0, NULL });
	commit();
	assert_told("1:admitted 9");
	assert_false(counts().has_enough);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rests_until_due),
		TEST(test_rests_longer),
		TEST(test_rest_is_disturbed),
		TEST(test_undone_does_not_rest),
		TEST(test_rest_survives),
		TEST(test_rest_and_lane),
		TEST(test_rest_and_clock),
		TEST(test_woken_while_back),
		TEST(test_rest_is_carried),
		TEST(test_many_rest),
		TEST(test_follow_up_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
