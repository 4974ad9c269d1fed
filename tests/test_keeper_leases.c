/* tests/test_keeper_leases.c - the keeper alone (keeper_world.h): who finds out what is unknown, when, with which
 * numbers of ours; workers and keepers that die; lanes that are stopped. */
#include "keeper_world.h"

/* A lease is handed out when due, not before, to one worker. */
static void test_lease(void **state)
{
	up(1);
	up(2);
	lose(1, 1, "N1");
	later(REVERSE_AFTER_MS - 1);
	assert_told("");
	keeper_tick(w.keeper);
	w.mono_ms++;
	keeper_tick(w.keeper);
	assert_told(""); /* its numbers are not durable yet */
	commit();
	assert_true(yt_str_eq(yt_buf_view(&w.told), YT_STR("1:lease 0/1 ")) ||
	            yt_str_eq(yt_buf_view(&w.told), YT_STR("2:lease 0/1 ")));
	forget_told();
	later(10 * 24 * 3600000LL); /* no clock ends a lease */
	assert_told("");
}

static void test_lease_ends(void **state)
{
	uint32_t worker, other;

	up(1);
	up(2);
	lose(1, 1, "N1");
	worker = lend(1);
	other = 3 - worker;
	assert_int_equal(step(other, 1, REC_LEG_REVERSAL), YT_ECORRUPT); /* not its lease: it is to be killed */
	keeper_worker_gone(w.keeper, worker); /* a death ends it: handed out again at once, to the other */
	later(0);
	assert_int_equal(holder_of_lease(), other);
	forget_told();
	assert_int_equal(step(other, 1, REC_LEG_REVERSAL), 0);
	commit();
	give_back_due(other, 1, 5000); /* so does a return */
	commit();
	forget_told();
	later(4999);
	assert_told("");
	later(1);
	assert_int_equal(holder_of_lease(), other);
}

static int tell_piece(uint32_t worker, uint64_t id, uint32_t before, uint32_t lines)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_NOTICE, 0, id, w.wall_ms);

	rec_u32(&buf, REC_T_SERIAL, before);
	rec_u32(&buf, REC_T_LINES, lines);
	rec_u32(&buf, REC_T_STRAYS, 1);
	rec_end(&buf, at);
	return say(worker, UP_STEP, id, &buf);
}

/* Lines of a notice: those that stand on disk are not written again, and none is left out. */
static void test_pieces(void **state)
{
	uint32_t worker;

	up(1);
	lose(1, 1, "N1");
	worker = lend(1);
	forget_told();
	assert_int_equal(tell_piece(worker, 1, 0, 250), 0);
	commit_untold(); /* the keeper dies before it says so */
	restart(1);
	forget_told();
	held(worker, 1);
	assert_int_equal(tell_piece(worker, 1, 0, 250), 0);
	commit();
	assert_true(memmem(w.told.p, w.told.n, "1:durable", 9) != NULL);
	assert_int_equal(on_disk(1)->told_seq, 250);
	assert_int_equal(on_disk(1)->strays, 1);
	assert_int_equal(tell_piece(worker, 1, 250, 500), 0);
	commit();
	assert_int_equal(on_disk(1)->told_seq, 500);
	assert_int_equal(on_disk(1)->strays, 2);
	assert_int_equal(tell_piece(worker, 1, 750, 1000), YT_ECORRUPT);
}

/* A pause is never longer than configured, whatever the wall clock did meanwhile. */
static void test_clock_step(void **state)
{
	uint32_t worker;

	up(1);
	lose(1, 1, "N1");
	worker = lend(1);
	assert_int_equal(step(worker, 1, REC_LEG_REVERSAL), 0);
	commit();
	w.wall_ms += 8 * 3600000; /* written down by a worker before the step back */
	{
		struct yt_buf buf = { 0 };
		size_t at = rec_begin(&buf, REC_DUE, 0, 1, w.wall_ms);

		rec_i64(&buf, REC_T_DUE, w.wall_ms + 5000);
		rec_end(&buf, at);
		w.wall_ms -= 8 * 3600000;
		assert_int_equal(say(worker, UP_RETURN, 1, &buf), 0);
	}
	commit();
	forget_told();
	later(conf.longest_wait_ms);
	assert_true(w.told.n > 0);
}

/* -- numbers of our own --------------------------------------------------------------------------- */

struct number {
	int64_t second;
	uint64_t serial;
};

static struct number number_of_lease(void)
{
	struct rec rec;
	size_t used;

	assert_int_equal(rec_read(yt_buf_view(&w.leased), &rec, &used), 0);
	return (struct number){ rec_get_i64(&rec, REC_T_SECOND), rec_get_u64(&rec, REC_T_SERIAL) };
}

static void next_lease(void)
{
	give_back_due(1, 1, 1);
	commit();
	later(1);
}

static void assert_after(struct number a, struct number b)
{
	assert_true(b.second > a.second || (b.second == a.second && b.serial >= a.serial + 4));
	assert_true(b.serial >= conf.serial_from && b.serial + 3 <= conf.serial_to);
}

/* Never given twice: not in one second, not when the block is used up, the clock steps back, or we restart. */
static void test_numbers(void **state)
{
	struct number a, b;
	int i;

	up(1);
	lose(1, 1, "N1");
	lend(1);
	a = number_of_lease();
	for (i = 0; i < 6; i++, a = b) { /* 8 numbers a second */
		next_lease();
		b = number_of_lease();
		assert_after(a, b);
	}
	w.wall_ms -= 6 * 3600000;
	next_lease();
	b = number_of_lease();
	assert_after(a, b);
	restart(1);
	held(1, 1);
	ready(1);
	next_lease();
	assert_after(b, number_of_lease());
}

/* -- workers and keepers die ---------------------------------------------------------------------- */

static void test_worker_dies(void **state)
{
	up(1);
	up(2);
	begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
	commit();
	begin(2, (struct asked){ 2, "N1", "c", NULL, 0, NULL });
	keeper_worker_gone(w.keeper, 1);
	commit();
	assert_int_equal(state_of(1), X_UNKNOWN);
	forget_told();
	later(REVERSE_AFTER_MS);
	assert_told("2:lease 0/1");
	keeper_worker_gone(w.keeper, 2); /* nobody waits any more, nobody is there */
	later(1000);
	assert_told("");
	up(3);
	forget_told();
	later(1000);
	assert_told("3:lease 0/1");
}

/* It died before it could hear that its leg may leave: there is nothing to find out. */
static void test_worker_dies_unadmitted(void **state)
{
	up(1);
	up(2);
	begin(1, (struct asked){ 1, "N1", "c", "settle|V|B", 0, NULL });
	keeper_worker_gone(w.keeper, 1);
	commit();
	forget_told(); /* what a dead worker is told is dropped by the process */
	assert_int_equal(state_of(1), X_REFUSED);
	begin(2, (struct asked){ 2, "N1", "c", "settle|V|B", 0, NULL });
	assert_told("2:wait 2"); /* a worker writes the answer that says so */
	begin(2, (struct asked){ 3, "N2", "c", "settle|V|B", 0, NULL });
	commit();
	assert_told("2:admitted 3");
}

/* But a keeper before us may have said it already. */
static void test_worker_dies_admitted_before(void **state)
{
	struct asked a = { 1, "N1", "c", NULL, 0, NULL };
	struct yt_buf buf = beginning(1, &a);

	up(1);
	begin(1, a);
	commit_untold();
	restart(1);
	assert_int_equal(say_again(1, UP_BEGIN, 1, &buf), 0);
	keeper_worker_gone(w.keeper, 1);
	commit();
	assert_int_equal(state_of(1), X_UNKNOWN);
}

/* No lease before the request can be read back. */
static void test_lease_waits_for_disk(void **state)
{
	struct yt_str records;

	up(1);
	up(2);
	begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
	ended(1, 1, YT_UNKNOWN, NULL);
	keeper_take(w.keeper, &records); /* a slow disk ... */
	keeper_worker_gone(w.keeper, 1);
	forget_told();
	w.mono_ms += REVERSE_AFTER_MS;
	keeper_tick(w.keeper);
	assert_told("");
	yt_buf_str(&w.commits[w.n_commits++], records);
	keeper_committed(w.keeper, w.n_commits);
	commit();
	forget_told();
	later(1000);
	assert_told("2:lease 0/1");
}

/* The message was on the ring and not written down: the next keeper decides it as if new. */
static void test_restart_unwritten(void **state)
{
	struct asked a = { 1, "N1", "c", NULL, 0, NULL };
	struct yt_buf buf = beginning(1, &a);

	up(1);
	begin(1, a);
	restart(1);
	forget_told();
	assert_int_equal(say_again(1, UP_BEGIN, 1, &buf), 0);
	commit();
	assert_told("1:admitted 2");
}

/* It was written down, and the keeper did not live to say so. */
static void test_restart_written(void **state)
{
	struct asked a = { 1, "N1", "c", NULL, 0, NULL };
	struct yt_buf buf = beginning(1, &a);
	size_t n;

	up(1);
	begin(1, a);
	commit_untold();
	restart(1);
	forget_told();
	n = w.n_commits;
	assert_int_equal(say_again(1, UP_BEGIN, 1, &buf), 0);
	commit();
	assert_told("1:admitted 2");
	assert_int_equal(state_of(1), X_SENT);
	assert_true(w.n_commits - n <= 1);
}

static void test_restart_end_written(void **state)
{
	struct yt_buf buf = { 0 };

	up(1);
	begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
	commit();
	ended(1, 1, YT_DONE, "settled");
	commit_untold();
	restart(1);
	forget_told();
	add_outcome(&buf, 1, REC_LEG_MAIN, YT_DONE, 0);
	add_answer(&buf, 1, YT_DONE, "settled");
	assert_int_equal(say_again(1, UP_END, 1, &buf), 0);
	commit();
	assert_true(w.told.n > 0); /* durable, or wait and then stored: never nonsense, never written twice */
	assert_int_equal(on_disk(1)->offers, 1);
}

/* A dead worker's ring, read by two keepers: how far the first had written is written down with it. */
static void test_restart_after_death(void **state)
{
	struct yt_buf buf = { 0 };

	up(1);
	begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
	commit();
	ended(1, 1, YT_UNKNOWN, NULL);
	keeper_worker_gone(w.keeper, 1);
	commit_untold();
	restart(1);
	add_outcome(&buf, 1, REC_LEG_MAIN, YT_UNKNOWN, 0);
	assert_int_equal(say_again(1, UP_END, 1, &buf), 0);
}

/* Nobody gets a lease before every worker has said which it holds; what is held goes on where it is. */
static void test_restart_leases(void **state)
{
	struct yt_buf none = { 0 };
	uint32_t worker;

	up(1);
	up(2);
	lose(1, 1, "N1");
	worker = lend(1);
	restart(2);
	assert_told("1:restarted 0/0 2:restarted 0/0");
	later(REVERSE_AFTER_MS * 2);
	assert_told("");
	assert_int_equal(say(3 - worker, UP_READY, (uint64_t)w.mono_ms + 5, &none), 0); /* to another keeper */
	w.mono_ms -= REVERSE_AFTER_MS * 2; /* the epoch is the time of restart */
	ready(3 - worker);
	w.mono_ms += REVERSE_AFTER_MS * 2;
	later(1000);
	assert_told("");
	held(worker, 1);
	w.mono_ms -= REVERSE_AFTER_MS * 2 + 1000;
	ready(worker);
	w.mono_ms += REVERSE_AFTER_MS * 2 + 1000;
	later(REVERSE_AFTER_MS);
	assert_told("");
	assert_int_equal(step(worker, 1, REC_LEG_REVERSAL), 0);
	commit();
	assert_true(
	        strstr((give_back_reversed(worker, 1, "reversed"), commit(), yt_buf_byte(&w.told, 0), (char *)w.told.p),
	                "durable") != NULL);
}

/* A worker that is waiting asks again; what is over is told, what is not known is not refused. */
static void test_restart_waits(void **state)
{
	struct yt_buf buf = { 0 };
	size_t at;

	up(1);
	lose(1, 1, "N1");
	restart(1);
	ready(1);
	forget_told();
	at = rec_begin(&buf, REC_CARRIED, 0, 1, w.wall_ms);
	rec_str(&buf, REC_T_INSTITUTION, YT_STR(H));
	rec_str(&buf, REC_T_NUMBER, YT_STR("N1"));
	rec_end(&buf, at);
	assert_int_equal(say(1, UP_WAIT, 1, &buf), 0);
	at = rec_begin(&buf, REC_CARRIED, 0, 9, w.wall_ms);
	rec_str(&buf, REC_T_INSTITUTION, YT_STR(H));
	rec_str(&buf, REC_T_NUMBER, YT_STR("N9"));
	rec_end(&buf, at);
	assert_int_equal(say(1, UP_WAIT, 9, &buf), 0);
	assert_told("");
	late(1, 1, "settled");
	commit();
	assert_told("1:stored 5=settled 1:durable 7");
}

/* Told "busy" by a keeper that died; the next one reads the message again and admits it: the worker, which has
 * refused it, ends it, and its number is free for nobody's money. */
static void test_admitted_again(void **state)
{
	struct yt_buf buf = { 0 };
	size_t at;

	up(1);
	begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
	commit();
	at = rec_begin(&buf, REC_REFUSED, REC_NOWAIT, 1, w.wall_ms);
	rec_str(&buf, REC_T_INSTITUTION, YT_STR(H));
	rec_str(&buf, REC_T_NUMBER, YT_STR("N1"));
	rec_end(&buf, at);
	assert_int_equal(say(1, UP_NOTE, 1, &buf), 0); /* its refusal was noted before */
	forget_told();
	ended(1, 1, YT_REFUSED, NULL);
	commit();
	assert_told("1:durable 4");
	assert_int_equal(keeper_open(w.keeper), 0);
	begin(1, (struct asked){ 2, "N1", "c", NULL, 0, NULL });
	assert_told("1:wait 5"); /* a worker writes the answer that says so */
}

/* -- lanes ------------------------------------------------------------------------------------------ */

static void count_stopped(void *arg, const struct keeper_lane *lane)
{
	++*(unsigned *)arg;
	assert_string_equal(lane->party, "zhejiang");
	assert_string_equal(lane->operator_name, "li");
	assert_string_equal(lane->reason, "their maintenance");
	assert_true(lane->since_ms == NOON);
}

/* It outlives keepers, and retention; what waited for it is due when it goes on. */
static void test_stopped_lane(void **state)
{
	struct yt_buf buf = { 0 };
	uint64_t exchange;
	unsigned n = 0;
	size_t at;

	up(1);
	assert_int_equal(keeper_set_lane(w.keeper, YT_STR("zhejiang"), false, YT_STR("li"), YT_STR("x")), YT_ESTATE);
	assert_int_equal(
	        keeper_set_lane(w.keeper, YT_STR("zhejiang"), true, YT_STR("li"), YT_STR("their maintenance")), 0);
	assert_int_equal(keeper_set_lane(w.keeper, YT_STR("zhejiang"), true, YT_STR("li"), YT_STR("x")), YT_ESTATE);
	commit();
	begin(1, (struct asked){ .id = 1, .number = "1" });
	commit();
	ended(1, 1, YT_UNKNOWN, NULL);
	commit();
	later(5000);
	assert_int_equal(keeper_carry(w.keeper, 3, 1 << 20, &exchange), 1); /* the first commits are dropped */
	commit();
	yt_buf_clear(&w.commits[1]);
	restart(1);
	assert_true(keeper_lane_is_stopped(w.keeper, "zhejiang"));
	keeper_each_stopped(w.keeper, count_stopped, &n);
	assert_int_equal(n, 1);

	ready(1);
	later(REVERSE_AFTER_MS);
	forget_told();
	at = rec_begin(&buf, REC_DUE, 0, 1, w.wall_ms);
	rec_i64(&buf, REC_T_DUE, w.wall_ms + 250000);
	rec_str(&buf, REC_T_REASON, YT_STR(EXCHANGE_WHY_STOPPED));
	rec_end(&buf, at);
	assert_int_equal(say(1, UP_RETURN, 1, &buf), 0);
	commit();
	forget_told();
	later(1000);
	assert_told("");
	assert_int_equal(keeper_set_lane(w.keeper, YT_STR("zhejiang"), false, YT_STR("li"), YT_STR("over")), 0);
	assert_false(keeper_lane_is_stopped(w.keeper, "zhejiang"));
	commit();
	later(1);
	assert_told(""); /* workers do not know yet */
	keeper_wake_stopped(w.keeper);
	later(1);
	assert_told("1:lease 0/1");
	restart(1);
	assert_false(keeper_lane_is_stopped(w.keeper, "zhejiang"));
}

static void park(uint32_t worker, uint64_t id)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_PARKED, 0, id, w.wall_ms);

	rec_end(&buf, at);
	assert_int_equal(say(worker, UP_RETURN, id, &buf), 0);
	commit();
}

static bool was_told(const char *what)
{
	yt_buf_byte(&w.told, 0);
	w.told.n--;
	return strstr((const char *)w.told.p, what) != NULL;
}

/* Once all workers drain nobody is given a lease, and so nobody hears what people decide: who waits for what they have
 * is let go.  Not at a reload, when other workers go on, and not of what may still be found out. */
static void test_let_go(void **state)
{
	enum { PARKED, LEASED, LATE, N_CASES };

	for (unsigned i = PARKED; i < N_CASES; i++) {
		uint32_t holder = 0;

		teardown(NULL);
		setup(NULL);
		up(1);
		up(2);
		lose(1, 1, "N1"); /* by its third message, and waits for it */
		if (i != LATE) {
			later(REVERSE_AFTER_MS);
			holder = holder_of_lease();
		}
		if (i == PARKED)
			park(holder, 1);
		forget_told();
		keeper_worker_drains(w.keeper, 1);
		assert_told("");
		keeper_worker_drains(w.keeper, 2);
		assert_told(i == PARKED ? "1:letgo 3" : "");
		if (i == LATE)
			continue;
		if (i == LEASED) {
			park(holder, 1);
			assert_true(was_told("1:letgo 3"));
		}
		forget_told();
		begin(2, (struct asked){ 2, "N1", "c", "settle|V|B", 0, NULL });
		assert_true(was_told("2:wait") && was_told(" 2:letgo"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_stopped_lane),
		TEST(test_lease),
		TEST(test_let_go),
		TEST(test_pieces),
		TEST(test_lease_ends),
		TEST(test_clock_step),
		TEST(test_numbers),
		TEST(test_worker_dies),
		TEST(test_worker_dies_unadmitted),
		TEST(test_worker_dies_admitted_before),
		TEST(test_lease_waits_for_disk),
		TEST(test_restart_unwritten),
		TEST(test_restart_written),
		TEST(test_restart_end_written),
		TEST(test_restart_after_death),
		TEST(test_restart_leases),
		TEST(test_restart_waits),
		TEST(test_admitted_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
