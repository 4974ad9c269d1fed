/* tests/test_keeper_follow.c - the keeper alone (keeper_world.h): what follows from a settlement, and what its cancel
 * means for that. */
#include "keeper_world.h"

/* What follows from a settlement ends with that alone: an origin's reversal that names it is of nothing we know, and
 * what an origin gave such a number is no follow-up. */
static void test_follow_up_has_no_origin(void **state)
{
	up(1);
	begin(1, (struct asked){ 1, "N1", "c", "settle|V|B", 0, NULL });
	commit();
	settle_followed(1, 1, 9, "+/A1");
	commit();
	begin(1, (struct asked){ 3, "+/A2", "c", NULL, 0, NULL });
	commit();
	ended(1, 3, YT_DONE, "ok");
	commit();
	forget_told();
	begin(1, (struct asked){ 2, "R1", "c", NULL, YT_OP_REVERSE, "+/A1" });
	commit();
	assert_told("1:admitted 6");
	ended(1, 2, YT_DONE, "ok");
	commit();
	assert_int_equal(followed(9)->state, X_UNKNOWN);
	begin(1, (struct asked){ 4, "C1", "c", NULL, YT_OP_OUTPATIENT_SETTLE_CANCEL, "A2" });
	commit();
	ended(1, 4, YT_DONE, "ok");
	commit();
	assert_false(on_disk(3)->reversal_wanted);
	assert_false(followed(9)->reversal_wanted);
	w.asks_as = "H-OLD"; /* its code has changed meanwhile */
	begin(1, (struct asked){ 5, "C2", "c", NULL, YT_OP_OUTPATIENT_SETTLE_CANCEL, "A1" });
	commit();
	ended(1, 5, YT_DONE, "ok");
	commit();
	assert_true(followed(9)->reversal_wanted);
}

/* Somebody waits for it, at the worker that wrote it down: it is leased there, and before those that are due longer. */
static void test_follow_up_waited_for(void **state)
{
	for (unsigned worker = 1; worker <= 2; worker++) {
		struct yt_buf buf = { 0 };

		anew();
		up(2);
		begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
		commit();
		settle_followed(1, 1, 9, "+/A1");
		w.mono_ms += 1000; /* nobody had the time for it */
		w.is_one_stop = true;
		begin(worker, (struct asked){ 2, "N2", "c", NULL, 0, NULL });
		commit();
		add_outcome(&buf, 2, REC_LEG_MAIN, YT_DONE, 0);
		add_answer(&buf, 2, YT_DONE, "reply");
		add_follow_up(&buf, worker, (uint64_t)worker << 32 | 8, "+/A2");
		assert_int_equal(say(worker, UP_END, 2, &buf), 0);
		commit();
		forget_told();
		keeper_tick(w.keeper);
		w.is_one_stop = false;
		commit();
		assert_told(worker == 1 ? "1:lease 0/8" : "2:lease 0/8");
	}
}

/* A claim that somebody waited for is told whether the answer says what it came to, also after all has left memory;
 * and that it does not, where its settlement has left the index, too. */
static void test_follow_up_knows_answer(void **state)
{
	for (unsigned amended = 0; amended < 3; amended++) {
		struct rec lease;
		size_t used;

		anew();
		w.is_one_stop = true;
		begin(1, (struct asked){ 1, amended == 2 ? "N7" : "N1", "c", NULL, 0, NULL });
		commit();
		settle_followed(1, 1, 9, "+/A1");
		w.is_one_stop = false;
		commit();
		if (amended == 1)
			assert_int_equal(amend(1, 1, YT_DONE, "with"), 0);
		note(1, 1, NULL);
		commit();
		keeper_indexed(w.keeper, w.n_commits + 1);
		keeper_tick(w.keeper);
		commit();
		assert_int_equal(rec_read(yt_buf_view(&w.leased), &lease, &used), 0);
		assert_true(yt_str_is(rec_get(&lease, REC_T_RESULT), amended == 1 ? "amended" : "unamended"));
	}
}

/* What waits an hour for its result does not wait when its settlement is cancelled, and neither does what a worker
 * gives back to wait after that. */
static void test_follow_up_of_cancelled_is_due(void **state)
{
	for (unsigned leased = 0; leased < 2; leased++) {
		up(1);
		settle_and_follow();
		later(1);
		if (!leased)
			give_back_due(1, FOLLOW_UP(9), 3600000);
		commit();
		cancel(2, "C1", "A1", H);
		if (leased)
			give_back_due(1, FOLLOW_UP(9), 3600000);
		commit();
		forget_told();
		later(1);
		assert_told("1:lease 0/9");
		teardown(NULL);
		setup(NULL);
	}
}

/* However many are due, half of the leases are for what somebody waits for. */
static void test_follow_ups_leave_leases(void **state)
{
	up(1);
	for (uint64_t i = 1; i <= 3; i++) {
		static const char *const names[] = { "N1", "N2", "N3" }, *const numbers[] = { "+/A1", "+/A2" };

		begin(1, (struct asked){ i, names[i - 1], "c", NULL, 0, NULL });
		commit();
		if (i < 3)
			settle_followed(1, i, 8 + i, numbers[i - 1]);
		else
			ended(1, i, YT_UNKNOWN, NULL);
		commit();
	}
	forget_told();
	later(1);
	assert_told("1:lease 0/9");
	later(REVERSE_AFTER_MS);
	assert_told("1:lease 0/3");
	give_back_due(1, FOLLOW_UP(9), 60000);
	commit();
	forget_told();
	later(FOLLOW_UP_TURN_MS);
	assert_told("1:lease 0/10");
}

/* Its settlement is cancelled while the outcome is unknown here (the hospital has the number from the platform): what
 * follows when it is found out never leaves, whatever the keeper still has in memory. */
static void test_follow_up_of_cancelled(void **state)
{
	static const struct {
		bool in_memory;
		const char *institution;
	} rows[] = { { true, H }, { false, H }, { true, "H-OLD" }, { false, "H-OLD" } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct yt_buf buf = { 0 };

		anew();
		lose(1, 1, "N1");
		cancel(2, "C1", "A1", rows[i].institution);
		if (!rows[i].in_memory) {
			note(1, 2, NULL);
			commit();
			keeper_indexed(w.keeper, w.n_commits + 1);
		}
		assert_int_equal(in_memory(), rows[i].in_memory ? 2 : 1);
		w.index_lags = rows[i].in_memory;
		later(REVERSE_AFTER_MS);
		add_answer(&buf, 1, YT_DONE, "found");
		add_follow_up(&buf, 1, FOLLOW_UP(9), "+/A1");
		assert_int_equal(say(1, UP_RETURN, 1, &buf), 0);
		commit();
		forget_told();
		later(1);
		assert_told("");
		assert_int_equal(followed(9)->state, X_REVERSED);
		assert_false(exchange_is_open(followed(9)));
	}
}

/* A cancel that was refused, or of another settlement, bars nothing. */
static void test_follow_up_of_uncancelled(void **state)
{
	up(1);
	begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
	begin(1, (struct asked){ 2, "C1", "c", EXCHANGE_CANCEL_KEY "A1", YT_OP_OUTPATIENT_SETTLE_CANCEL, "A1" });
	commit();
	ended(1, 2, YT_REFUSED, "no");
	cancel(3, "C2", "A2", H);
	settle_followed(1, 1, 9, "+/A1");
	commit();
	forget_told();
	later(1);
	assert_told("1:lease 0/9");
}

/* Its settlement is found to be done while its origin has asked to undo it: nothing leaves before that is over.  Of a
 * list its agency hears what becomes of each payout, so people see to it. */
static void test_follow_up_of_undone(void **state)
{
	for (unsigned listed = 0; listed < 2; listed++) {
		struct yt_buf buf = { 0 };

		anew();
		w.pays = w.is_listed = listed != 0;
		w.then = "claim";
		lose(1, 1, "N1");
		w.then = NULL;
		begin(1, (struct asked){ 2, "R1", "c", NULL, YT_OP_REVERSE, "N1" });
		commit();
		later(1);
		add_answer(&buf, 1, YT_DONE, "found");
		add_follow_up(&buf, 1, FOLLOW_UP(9), "+/A1");
		assert_int_equal(say(1, UP_RETURN, 1, &buf), 0);
		commit();
		forget_told();
		later(FOLLOW_UP_TURN_MS);
		assert_told("1:lease 0/1");
		give_back_reversed(1, 1, "undone");
		commit();
		later(FOLLOW_UP_TURN_MS);
		assert_int_equal(followed(9)->state, listed ? X_PARKED : X_REVERSED);
		assert_int_equal(followed(9)->reversals, 0);
	}
}

/* Whether it may leave cannot be told while the index cannot be read: it waits, and a second one for the same
 * settlement, which nobody could know of, does not leave at all, by
 * whichever code of its institution. */
static void test_follow_up_waits_for_index(void **state)
{
	static const char *const codes[] = { H, "H-OLD", H };

	for (size_t i = 0; i < 3; i++) {
		struct yt_buf buf = { 0 };

		teardown(NULL);
		setup(NULL);
		w.pays = i == 2;
		up(1);
		begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
		begin(1, (struct asked){ 2, "N2", "c", NULL, 0, NULL });
		commit();
		settle_followed(1, 1, 9, "+/A1");
		commit();
		later(1);
		add_answer(&buf, FOLLOW_UP(9), YT_REFUSED, NULL);
		assert_int_equal(say(1, UP_RETURN, FOLLOW_UP(9), &buf), 0);
		commit();
		keeper_indexed(w.keeper, w.n_commits + 1);
		w.find_error = YT_EIO;
		w.asks_as = codes[i];
		settle_followed(1, 2, 10, "+/A1");
		w.asks_as = NULL;
		begin(1, (struct asked){ 3, "N3", "c", NULL, 0, NULL });
		commit();
		forget_told();
		later(FOLLOW_UP_TURN_MS);
		assert_told("");
		assert_int_equal(followed(10)->state, X_UNKNOWN);
		w.find_error = 0;
		later(FOLLOW_UP_TURN_MS);
		assert_told("");
		assert_int_equal(followed(10)->state, w.pays ? X_PARKED : X_REVERSED); /* a payout is nobody's twin */
	}
}

/* A settlement that is told under both codes of its institution is followed once, whichever comes first. */
static void test_follow_up_under_two_codes(void **state)
{
	static const char *const codes[][2] = { { H, "H-OLD" }, { "H-OLD", H } };

	for (size_t i = 0; i < 4; i++) {
		struct yt_buf buf = { 0 };

		anew();
		w.asks_as = codes[i / 2][0];
		settle_and_follow();
		if (i % 2 != 0) { /* it has left memory */
			later(1);
			add_answer(&buf, FOLLOW_UP(9), YT_DONE, NULL);
			assert_int_equal(say(1, UP_RETURN, FOLLOW_UP(9), &buf), 0);
			commit();
			keeper_indexed(w.keeper, w.n_commits + 1);
		}
		w.asks_as = codes[i / 2][1];
		begin(1, (struct asked){ 2, "S1", "c", NULL, 0, NULL });
		commit();
		settle_followed(1, 2, 10, "+/A1");
		commit();
		w.asks_as = NULL;
		assert_null(followed(10));
	}
}

/* A cancel is done when the index cannot be read, and its claim is in no memory: it is looked for until it is found,
 * also by the keeper after this one. */
static void test_cancel_tells_later(void **state)
{
	for (unsigned restarts = 0; restarts < 2; restarts++) {
		struct yt_buf buf = { 0 };

		anew();
		settle_and_follow();
		later(1);
		add_answer(&buf, FOLLOW_UP(9), YT_DONE, NULL);
		assert_int_equal(say(1, UP_RETURN, FOLLOW_UP(9), &buf), 0);
		note(1, 1, NULL);
		commit();
		later(1); /* its answer was decided by nobody: it needs none */
		begin(1,
		        (struct asked){ 2, "C1", "c", EXCHANGE_CANCEL_KEY "A1", YT_OP_OUTPATIENT_SETTLE_CANCEL, "A1" });
		commit();
		keeper_indexed(w.keeper, w.n_commits + 1);
		assert_int_equal(in_memory(), 1);
		w.find_error = YT_EIO;
		ended(1, 2, YT_DONE, "ok");
		note(1, 2, NULL);
		commit();
		forget_told();
		later(FOLLOW_UP_TURN_MS);
		assert_told("");
		if (restarts != 0) {
			restart(1);
			ready(1);
			forget_told();
			later(FOLLOW_UP_TURN_MS);
			assert_told("");
		}
		assert_false(followed(9)->reversal_wanted);
		w.find_error = 0;
		later(FOLLOW_UP_TURN_MS);
		assert_true(followed(9)->reversal_wanted);
		later(NOBODY_MS);
		assert_told("1:lease 0/9");
		assert_false(exchange_is_open(on_disk(2)));
	}
}

/* Its settlement is undone: what an operator finds done of it is undone, too. */
static void test_follow_up_done_unwanted(void **state)
{
	static const struct {
		const char *word;
		bool is_wanted;
	} rows[] = { { "done", true }, { "retry", true }, { "refused", false }, { "reversed", false } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct yt_buf buf = { 0 };
		size_t at;

		anew();
		settle_and_follow();
		later(1);
		cancel(2, "C1", "A1", H);
		at = rec_begin(&buf, REC_PARKED, 0, FOLLOW_UP(9), w.wall_ms);
		rec_end(&buf, at);
		assert_int_equal(say(1, UP_RETURN, FOLLOW_UP(9), &buf), 0);
		commit();
		assert_int_equal(keeper_decide(w.keeper, FOLLOW_UP(9), rows[i].word, YT_STR("li"), YT_STR("seen")), 0);
		commit();
		assert_int_equal(followed(9)->reversal_wanted, rows[i].is_wanted);
	}
}

/* How long it has been tried in vain: a claim that is asked for again and again has not been, and a withdrawal begins
 * anew. */
static void test_follow_up_clock(void **state)
{
	struct yt_buf buf = { 0 };
	struct rec rec;
	size_t used;

	up(1);
	settle_and_follow();
	for (unsigned i = 0; i < 4; i++) {
		static const enum yt_outcome heard[] = { YT_UNKNOWN, YT_DONE, YT_UNKNOWN };
		static const uint64_t want[] = { 1, 60001, 60000, 120001 };

		later(1);
		assert_int_equal(rec_read(yt_buf_view(&w.leased), &rec, &used), 0);
		assert_int_equal(rec_get_u64(&rec, REC_T_ELAPSED), want[i]);
		if (i == 3)
			break;
		add_outcome(&buf, FOLLOW_UP(9), REC_LEG_STEP, heard[i], heard[i] == YT_DONE ? REC_X_ANEW : 0);
		assert_int_equal(say(1, UP_STEP, FOLLOW_UP(9), &buf), 0);
		give_back_due(1, FOLLOW_UP(9), 60000);
		commit();
		later(60000);
	}
	cancel(2, "C1", "A1", H);
	give_back_due(1, FOLLOW_UP(9), 1000);
	commit();
	later(1000);
	assert_int_equal(rec_read(yt_buf_view(&w.leased), &rec, &used), 0);
	assert_int_equal(rec_get_u64(&rec, REC_T_ELAPSED), 1000);
}

/* It has no origin that would wait at the worker that wrote it down. */
static void test_follow_up_leaves_draining(void **state)
{
	up(1);
	up(2);
	begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
	commit();
	settle_followed(1, 1, 9, "+/A1");
	keeper_worker_drains(w.keeper, 1);
	commit();
	forget_told();
	later(1);
	assert_told("2:lease 0/9");
}

/* What follows has a number of the worker that says so. */
static void test_follow_up_of_another(void **state)
{
	static const struct {
		uint32_t worker;
		uint64_t id;
	} rows[] = { { 2, FOLLOW_UP(9) }, { 1, 2ull << 32 | 9 }, { 1, 9 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct yt_buf buf = { 0 };

		anew();
		begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
		commit();
		add_outcome(&buf, 1, REC_LEG_MAIN, YT_DONE, 0);
		add_answer(&buf, 1, YT_DONE, "reply");
		add_follow_up(&buf, rows[i].worker, rows[i].id, "+/A1");
		assert_int_equal(say(1, UP_END, 1, &buf), YT_ECORRUPT);
		assert_int_equal(in_memory(), 1);
	}
}

/* Settlement 1 of a visit is cancelled and its claim withdrawn, at which its insurer is away for a minute. */
static void withdraw(void)
{
	struct keeper_conf wide = conf;
	struct yt_buf buf = { 0 };
	size_t at;

	up(1);
	wide.leases = 16;
	keeper_configure(w.keeper, &wide);
	w.visit = "V1";
	settle_and_follow();
	later(1);
	at = rec_begin(&buf, REC_SENDING, 0, FOLLOW_UP(9), w.wall_ms);
	rec_u8(&buf, REC_T_LEG, REC_LEG_STEP);
	rec_u32(&buf, REC_T_STEP, 1);
	rec_end(&buf, at);
	assert_int_equal(say(1, UP_STEP, FOLLOW_UP(9), &buf), 0);
	cancel(2, "C1", "A1", H);
	give_back_due(1, FOLLOW_UP(9), 1);
	commit();
	later(1);
	give_back_due(1, FOLLOW_UP(9), 60000);
	commit();
	forget_told();
}

/* It is settled anew: an insurer that has both claims refuses the second one, so that waits until the first one is
 * withdrawn, or people have it; another visit's does not. */
static void test_follow_ups_of_a_visit(void **state)
{
	static const struct {
		const char *it;
		bool restarts, is_parked;
	} rows[] = {
		{ "withdrawn", false, false },
		{ "withdrawn, and a keeper comes after this one", true, false },
		{ "people have it", false, true },
		{ "people have it after a restart", true, true },
	};
	size_t n_commits;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("%s\n", rows[i].it);
		teardown(NULL);
		memset(&w, 0, sizeof(w));
		w.wall_ms = NOON;
		w.mono_ms = 1000000;
		w.rests = true;
		new_keeper();
		keeper_start(w.keeper);
		withdraw();
		begin(1, (struct asked){ 3, "N3", "c", NULL, 0, NULL });
		commit();
		settle_followed(1, 3, 10, "+/A3");
		commit();
		begin(1, (struct asked){ 4, "N4", "c", NULL, 0, NULL });
		commit();
		w.visit = "V2";
		settle_followed(1, 4, 11, "+/A4");
		commit();
		if (rows[i].restarts) {
			struct keeper_conf wide = conf;

			restart(1);
			wide.leases = 16;
			keeper_configure(w.keeper, &wide);
			ready(1);
		}
		forget_told();
		later(1);
		assert_told("1:lease 0/11");
		n_commits = w.n_commits;
		later(30000);
		assert_told("");
		assert_string_equal(followed(10)->reason, "the claim before it of the same visit is withdrawn first");
		assert_in_range(w.n_commits, n_commits, n_commits + 1); /* which is written once ... */
		assert_true(keeper_tick(w.keeper) > w.mono_ms + 20000); /* ... and looked at seldom */
		later(30000);
		assert_told("1:lease 0/9");
		if (rows[i].is_parked) {
			struct yt_buf buf = { 0 };
			size_t at = rec_begin(&buf, REC_PARKED, 0, FOLLOW_UP(9), w.wall_ms);

			rec_end(&buf, at);
			assert_int_equal(say(1, UP_RETURN, FOLLOW_UP(9), &buf), 0);
		} else {
			give_back_reversed(1, FOLLOW_UP(9), "withdrawn");
		}
		commit();
		forget_told();
		later(1);
		assert_told("1:lease 0/10");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_follow_up_has_no_origin),
		TEST(test_follow_up_waited_for),
		TEST(test_follow_up_knows_answer),
		TEST(test_follow_up_of_cancelled_is_due),
		TEST(test_follow_ups_leave_leases),
		TEST(test_follow_up_of_cancelled),
		TEST(test_follow_up_of_uncancelled),
		TEST(test_follow_up_of_undone),
		TEST(test_follow_up_waits_for_index),
		TEST(test_follow_up_under_two_codes),
		TEST(test_cancel_tells_later),
		TEST(test_follow_up_done_unwanted),
		TEST(test_follow_up_clock),
		TEST(test_follow_up_leaves_draining),
		TEST(test_follow_up_of_another),
		TEST(test_follow_ups_of_a_visit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
