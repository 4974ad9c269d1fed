/* tests/test_keeper_answers.c - the keeper alone (keeper_world.h): answers that come late, that nobody fetches, that
 * are amended, and reversals that join. */
#include "keeper_world.h"

/* The joined reversal is answered when its target is undone: by its own lease, after the target's. */
static void test_join(void **state)
{
	up(1);
	lose(1, 1, "N1");
	begin(1, (struct asked){ 2, "R1", "c", NULL, YT_OP_REVERSE, "N1" });
	commit();
	forget_told();
	later(0); /* its origin asks for it: no waiting */
	assert_told("1:lease 0/1");
	assert_int_equal(step(1, 1, REC_LEG_REVERSAL), 0);
	commit();
	give_back_reversed(1, 1, "reversed");
	commit();
	forget_told();
	later(0);
	assert_told("1:lease 0/2");
}

/* -- late answers --------------------------------------------------------------------------------- */

static void test_late_adopted(void **state)
{
	up(1);
	lose(1, 1, "N1");
	late(1, 1, "settled");
	assert_told("");
	commit();
	assert_told("1:stored 3=settled 1:durable 4");
	assert_int_equal(state_of(1), X_DONE);
}

/* What was due to be found out is not due any more: a success waits to be fetched, however late it came. */
static void test_late_is_not_due(void **state)
{
	up(1);
	lose(1, 1, "N1");
	late(1, 1, "settled");
	commit();
	note(1, 1, "missed");
	forget_told();
	later(REVERSE_AFTER_MS);
	assert_told("");
	later(UNDELIVERED_MS);
	assert_told("1:lease 0/1");
}

/* P13 over two exchanges of one visit: while an older success of it is being reversed, the end of a newer one
 * does not free it. */
static void test_key_passes_on(void **state)
{
	up(1);
	begin(1, (struct asked){ 1, "N1", "c", "settle|V|B", 0, NULL });
	commit();
	ended(1, 1, YT_DONE, "settled");
	commit();
	note(1, 1, "missed");
	later(UNDELIVERED_MS);
	begin(1, (struct asked){ 2, "N2", "c", "settle|V|B", 0, NULL });
	assert_int_equal(step(1, 1, REC_LEG_REVERSAL), 0);
	commit();
	ended(1, 2, YT_REFUSED, "refused");
	commit();
	forget_told();
	begin(1, (struct asked){ 3, "N3", "c", "settle|V|B", 0, NULL });
	commit();
	assert_told("1:busy 8");
}

/* However many settlements of other visits stand in memory, the end of one looks at none of them; that of one whose
 * visit had others looks at those. */
static void test_end_looks_at_its_visit_only(void **state)
{
	struct keeper_conf many = conf;
	char number[16], business[32];
	uint64_t id;

	many.exchanges = 100;
	keeper_configure(w.keeper, &many);
	up(1);
	for (id = 1; id <= 60; id++) {
		snprintf(number, sizeof(number), "N%u", (unsigned)id);
		snprintf(business, sizeof(business), "settle|V%u|B", (unsigned)id);
		begin(1, (struct asked){ id, number, "c", business, 0, NULL });
	}
	commit();
	for (id = 1; id <= 60; id++)
		ended(1, id, YT_DONE, "settled");
	commit();
	assert_int_equal(w.keeper->n_looked_at, 0);
	begin(1, (struct asked){ 61, "N61", "c", "settle|V1|B", 0, NULL });
	assert_int_equal(w.keeper->n_looked_at, 1);
	begin(1, (struct asked){ 62, "N62", "c", "settle|V1|B", 0, NULL });
	assert_int_equal(w.keeper->n_looked_at, 2);
}

/* The first of a visit may leave memory before the others: they are found all the same. */
static void test_key_outlives_the_first(void **state)
{
	up(1);
	begin(1, (struct asked){ 1, "N1", "c", "settle|V|B", 0, NULL });
	commit();
	ended(1, 1, YT_REFUSED, "refused");
	commit();
	begin(1, (struct asked){ 2, "N2", "c", "settle|V|B", 0, NULL });
	commit();
	keeper_indexed(w.keeper, 100);
	assert_int_equal(in_memory(), 1);
	forget_told();
	begin(1, (struct asked){ 3, "N3", "c", "settle|V|B", 0, NULL });
	assert_told("1:busy 5");
	ended(1, 2, YT_REFUSED, "refused");
	commit();
	keeper_indexed(w.keeper, 100);
	assert_int_equal(in_memory(), 0);
	forget_told();
	begin(1, (struct asked){ 4, "N4", "c", "settle|V|B", 0, NULL });
	commit();
	assert_told("1:admitted 7");
}

static void test_late_after_reversal(void **state)
{
	up(1);
	lose(1, 1, "N1");
	lend(1);
	assert_int_equal(step(1, 1, REC_LEG_REVERSAL), 0);
	commit();
	give_back_reversed(1, 1, "reversed");
	commit();
	forget_told();
	late(1, 1, "settled");
	commit();
	assert_told("1:moot 6");
	assert_int_equal(state_of(1), X_REVERSING); /* it must be reversed once more */
	later(0);
	assert_told("1:lease 0/1");
}

static void test_late_for_nobody(void **state)
{
	up(1);
	settle(1, 1, "N1");
	late(1, 1, "settled twice?");
	late(1, 99, "of whom?");
	commit();
	assert_told("1:moot 4 1:moot 5");
}

/* After a restart a lease may be out that this keeper has not heard of; its reversal may be on the ring. */
static void test_late_before_ready(void **state)
{
	up(1);
	up(2);
	lose(1, 1, "N1");
	lend(1);
	restart(2);
	ready(1);
	late(1, 1, "settled");
	commit();
	assert_int_equal(state_of(1), X_UNKNOWN); /* noted, not believed */
}

/* -- who has the answer --------------------------------------------------------------------------- */

static void test_delivered(void **state)
{
	up(1);
	settle(1, 1, "N1");
	note(1, 1, NULL);
	commit();
	later(UNDELIVERED_MS + 1);
	assert_told("");
	assert_int_equal(keeper_open(w.keeper), 0);
}

static void test_missed_is_reversed(void **state)
{
	up(1);
	settle(1, 1, "N1");
	note(1, 1, "missed");
	later(UNDELIVERED_MS - 1);
	assert_told("");
	later(1);
	assert_told("1:lease 0/1");
	assert_int_equal(step(1, 1, REC_LEG_REVERSAL), 0);
	commit();
	give_back_reversed(1, 1, "reversed");
	commit();
	forget_told();
	begin(1, (struct asked){ 2, "N1", "c", NULL, 0, NULL });
	assert_told("1:stored 7=reversed");
}

/* It may have been heard: the worker died with it on the wire. */
static void test_unproved_is_not_reversed(void **state)
{
	up(1);
	settle(1, 1, "N1");
	keeper_worker_gone(w.keeper, 1);
	up(2);
	forget_told();
	later(UNDELIVERED_MS);
	later(UNDELIVERED_MS);
	assert_told("");
	assert_int_equal(keeper_open(w.keeper), 0);
	assert_true(on_disk(1)->flags & REC_X_UNPROVED);
}

/* Nor where a worker that waits has named itself to a new keeper when its answer was on its way to the disk. */
static void test_waited_for_over_a_restart(void **state)
{
	struct yt_buf buf = { 0 };
	size_t at;

	(void)state;
	up(1);
	lose(1, 1, "N1");
	later(REVERSE_AFTER_MS);
	restart(1);
	held(1, 1);
	ready(1);
	forget_told();
	at = rec_begin(&buf, REC_RESOLVED, 0, 1, w.wall_ms);
	rec_end(&buf, at);
	add_answer(&buf, 1, YT_DONE, "settled");
	assert_int_equal(say(1, UP_RETURN, 1, &buf), 0);
	at = rec_begin(&buf, REC_REFUSED, 0, 1, w.wall_ms);
	rec_str(&buf, REC_T_INSTITUTION, YT_STR(H));
	rec_str(&buf, REC_T_NUMBER, YT_STR("N1"));
	rec_end(&buf, at);
	assert_int_equal(say(1, UP_WAIT, 1, &buf), 0);
	commit();
	yt_buf_byte(&w.told, 0);
	assert_non_null(strstr((const char *)w.told.p, "=settled"));
	commit();
	restart(0); /* and what the worker says of its delivery is lost */
	forget_told();
	later(UNDELIVERED_MS);
	later(UNDELIVERED_MS);
	assert_told("");
	assert_true(on_disk(1)->flags & REC_X_UNPROVED);
}

/* A day may be erased when nothing is open that came by its end. */
static void test_open_before(void **state)
{
	int64_t first = w.wall_ms;

	up(1);
	begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
	later(1000);
	begin(1, (struct asked){ 2, "N2", "c", NULL, YT_OP_OUTPATIENT_FEES, NULL });
	commit();
	assert_int_equal(keeper_open_before(w.keeper, first), 0);
	assert_int_equal(keeper_open_before(w.keeper, first + 1), 1);
	assert_int_equal(keeper_open_before(w.keeper, first + 1001), 2);
	assert_int_equal(keeper_open(w.keeper), 2);
	ended(1, 2, YT_DONE, "done");
	commit();
	assert_int_equal(keeper_open_before(w.keeper, first + 1001), 1);
}

/* The worker died before it was told that it may answer: surely nobody heard. */
static void test_unoffered_is_reversed(void **state)
{
	up(1);
	begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
	commit();
	ended(1, 1, YT_DONE, "settled");
	keeper_worker_gone(w.keeper, 1);
	commit();
	up(2);
	forget_told();
	later(UNDELIVERED_MS);
	assert_told("2:lease 0/1");
}

/* Fetched while the reversal's step was on its way: it does not leave. */
static void test_moot(void **state)
{
	up(1);
	settle(1, 1, "N1");
	note(1, 1, "missed");
	later(UNDELIVERED_MS);
	assert_told("1:lease 0/1");
	begin(1, (struct asked){ 2, "N1", "c", NULL, 0, NULL }); /* asked again: it must wait for the lease */
	assert_told("1:wait 5");
	note(1, 1, NULL); /* an older offer was taken after all */
	assert_int_equal(step(1, 1, REC_LEG_REVERSAL), 0);
	assert_told("1:moot 7 1:stored 5=settled");
}

/* What an insurer decided stands in the answer that everybody hears from then on. */
static void test_amended(void **state)
{
	up(1);
	up(2);
	settle(1, 1, "N1");
	forget_told();
	assert_int_equal(amend(1, 1, YT_DONE, "with"), 0);
	assert_told(""); /* not before it is on disk */
	begin(2, (struct asked){ 2, "N1", "c", NULL, 0, NULL });
	assert_told("2:wait 2");
	commit();
	assert_told("2:stored 2=with 1:durable 4");
	restart(2);
	ready(1);
	ready(2);
	forget_told();
	begin(2, (struct asked){ 3, "N1", "c", NULL, 0, NULL });
	commit();
	assert_told("2:stored 4=with");
	assert_int_equal(state_of(1), X_DONE);
}

/* Its worker dies with it: it may have been heard, as any answer that was handed out. */
static void test_amended_is_not_reversed(void **state)
{
	up(1);
	settle(1, 1, "N1");
	assert_int_equal(amend(1, 1, YT_DONE, "with"), 0);
	commit();
	keeper_worker_gone(w.keeper, 1);
	up(2);
	forget_told();
	later(UNDELIVERED_MS);
	later(UNDELIVERED_MS);
	assert_told("");
}

/* Somebody may have heard the answer that is kept: it stays, and who wanted to amend it hears it. */
static void test_amended_too_late(void **state)
{
	up(1);
	up(2);
	settle(1, 1, "N1");
	begin(2, (struct asked){ 2, "N1", "c", NULL, 0, NULL });
	commit();
	forget_told();
	assert_int_equal(amend(1, 1, YT_DONE, "with"), 0);
	commit();
	assert_told("1:stored 4=settled");
	note(2, 1, "missed"); /* that one surely did not */
	commit();
	assert_int_equal(amend(1, 1, YT_DONE, "with"), 0);
	commit();
	assert_told("1:stored 5=settled"); /* but the worker itself may have given what it was told */
	assert_int_equal(amend(2, 1, YT_DONE, "with"), YT_ECORRUPT); /* not its leg */
	assert_int_equal(amend(1, 1, YT_REFUSED, "with"), YT_ECORRUPT);
}

/* A keeper dies when it has written that down, or had refused to: the next one says what is kept. */
static void test_amended_before(void **state)
{
	struct yt_buf buf = { 0 };

	for (unsigned refused = 0; refused < 2; refused++) {
		anew();
		up(2);
		settle(1, 1, "N1");
		if (refused)
			begin(2, (struct asked){ 2, "N1", "c", NULL, 0, NULL });
		assert_int_equal(amend(1, 1, YT_DONE, "with"), 0);
		note(1, 77, NULL); /* what comes behind it is on disk, too */
		commit_untold();
		restart(2);
		ready(2);
		forget_told();
		w.seq[1]--; /* read once more */
		add_amendment(&buf, 1, YT_DONE, "with");
		assert_int_equal(say_again(1, UP_AMEND, 1, &buf), 0);
		w.seq[1]++;
		ready(1);
		commit();
		assert_told(refused ? "1:stored 4=settled" : "1:stored 4=with");
	}
}

/* Nothing of it left, and who asked waits no more: it is refused for now, and its number is free again, whatever the
 * index knows, over restarts. */
static void test_forsaken(void **state)
{
	struct yt_buf buf = { 0 };
	size_t at;

	(void)state;
	for (unsigned restarted = 0; restarted < 2; restarted++) {
		teardown(NULL);
		setup(NULL);
		up(1);
		lose(1, 1, "N1");
		later(REVERSE_AFTER_MS);
		begin(1, (struct asked){ 2, "N1", "c", NULL, 0, NULL });
		commit();
		forget_told();
		at = rec_begin(&buf, REC_RESOLVED, 0, 1, w.wall_ms);
		rec_str(&buf, REC_T_RESULT, YT_STR("forsaken"));
		rec_end(&buf, at);
		add_answer(&buf, 1, YT_REFUSED, "later");
		assert_int_equal(say(1, UP_RETURN, 1, &buf), 0);
		commit();
		assert_told("1:closed 3 1:closed 4 1:durable 5"); /* who waits is to ask once more */
		if (restarted) {
			restart(1);
			ready(1);
		}
		begin(1, (struct asked){ 3, "N1", "other", NULL, 0, NULL });
		commit();
		forget_told();
		ended(1, 3, YT_DONE, "settled");
		commit();
		begin(1, (struct asked){ 4, "N1", "other", NULL, 0, NULL });
		commit();
		assert_int_equal(state_of(1), X_REFUSED);
		yt_buf_byte(&w.told, 0);
		assert_non_null(strstr((const char *)w.told.p, "=settled"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_join),
		TEST(test_late_adopted),
		TEST(test_late_is_not_due),
		TEST(test_key_passes_on),
		TEST(test_end_looks_at_its_visit_only),
		TEST(test_key_outlives_the_first),
		TEST(test_late_after_reversal),
		TEST(test_late_for_nobody),
		TEST(test_late_before_ready),
		TEST(test_delivered),
		TEST(test_missed_is_reversed),
		TEST(test_open_before),
		TEST(test_unproved_is_not_reversed),
		TEST(test_waited_for_over_a_restart),
		TEST(test_amended),
		TEST(test_amended_is_not_reversed),
		TEST(test_amended_too_late),
		TEST(test_amended_before),
		TEST(test_unoffered_is_reversed),
		TEST(test_moot),
		TEST(test_forsaken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
