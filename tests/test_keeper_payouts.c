/* tests/test_keeper_payouts.c - the keeper alone (keeper_world.h): orders of payment under a lease, when a cancel, an
 * operator or another word about them comes meanwhile. */
#include "keeper_world.h"

/* The order of a payment, as a worker writes it down before it leaves; what it heard before rides with it. */
static int order_as(uint32_t worker, uint64_t id, const char *pay_no, const char *pay_msg)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_OUTCOME, 0, id, w.wall_ms);

	rec_u8(&buf, REC_T_LEG, REC_LEG_STEP);
	rec_u8(&buf, REC_T_STEP, 1);
	rec_u8(&buf, REC_T_OUTCOME, YT_DONE);
	rec_end(&buf, at);
	at = rec_begin(&buf, REC_SENDING, 0, id, w.wall_ms);
	rec_u8(&buf, REC_T_LEG, REC_LEG_STEP);
	rec_u8(&buf, REC_T_STEP, 2);
	rec_str(&buf, REC_T_PAY_NO, yt_str(pay_no));
	rec_str(&buf, REC_T_PAY_MSG, yt_str(pay_msg));
	rec_end(&buf, at);
	return say(worker, UP_STEP, id, &buf);
}

static int order(uint32_t worker, uint64_t id)
{
	return order_as(worker, id, "IN20260101000000000000", "PM1");
}

/* A word, under a lease of another exchange. */
static void tell_of(uint64_t teller, const char *about)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_NOTICE, 0, teller, w.wall_ms);

	rec_str(&buf, REC_T_ABOUT, yt_str(about));
	rec_str(&buf, REC_T_RESULT, YT_STR("PAID"));
	rec_end(&buf, at);
	at = rec_begin(&buf, REC_DUE, 0, teller, w.wall_ms);
	rec_i64(&buf, REC_T_DUE, w.wall_ms + 3600000);
	rec_end(&buf, at);
	assert_int_equal(say(1, UP_RETURN, teller, &buf), 0);
	commit();
	forget_told();
}

/* Its payment came to nothing, and is made anew under a lease that is out; then something is told about the old one,
 * under another lease. */
static void tell_of_old_while_leased(const char *about)
{
	struct yt_buf buf = { 0 };
	size_t at;

	settle_and_follow();
	later(1);
	assert_int_equal(order(1, FOLLOW_UP(9)), 0);
	commit();
	at = rec_begin(&buf, REC_RESOLVED, 0, FOLLOW_UP(9), w.wall_ms);
	rec_str(&buf, REC_T_RESULT, YT_STR("unpaid"));
	rec_u8(&buf, REC_T_STEP, 2);
	rec_str(&buf, REC_T_CODE, YT_STR("FAILED"));
	rec_end(&buf, at);
	at = rec_begin(&buf, REC_DUE, 0, FOLLOW_UP(9), w.wall_ms);
	rec_i64(&buf, REC_T_DUE, w.wall_ms);
	rec_end(&buf, at);
	assert_int_equal(say(1, UP_RETURN, FOLLOW_UP(9), &buf), 0);
	lose(1, 2, "N2");
	later(REVERSE_AFTER_MS); /* both leases */
	tell_of(2, about);
}

/* A payment had failed, and was paid after all, when a worker has the one that is made anew: that one does not leave,
 * neither under this lease nor under a later one, whoever has released it and whoever was killed. */
static void test_old_one_paid_while_leased(void **state)
{
	static const struct {
		const char *about;
		bool is_killed, is_given_back;
	} cases[] = { { "+/IN20260101000000000000", false, false }, { "+/IN20260101000000000000", true, false },
		{ "+/PM1", false, false }, { "+/PM1", true, false }, { "+/IN20260101000000000000", false, true },
		{ "+/IN20260101000000000000", true, true } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		anew();
		tell_of_old_while_leased(cases[i].about);
		assert_int_equal(followed(9)->state, X_UNKNOWN);
		if (cases[i].is_killed) {
			restart(1);
			held(1, FOLLOW_UP(9));
			ready(1);
		}
		if (cases[i].is_given_back) {
			give_back_due(1, FOLLOW_UP(9), 1);
		} else {
			assert_int_equal(order_as(1, FOLLOW_UP(9), "IN20260101000000000001", "PM2"), 0);
			assert_string_equal(followed(9)->pay_no, "");
		}
		commit();
		assert_int_equal(followed(9)->state, X_PARKED);
		assert_string_equal(followed(9)->pay_no, "");
		assert_int_equal(keeper_release(w.keeper, FOLLOW_UP(9), YT_STR("li"), YT_STR("wang"), YT_STR("seen")),
		        YT_ESTATE);
		forget_told();
		later(FOLLOW_UP_TURN_MS);
		assert_told("");
	}
}

/* A cancel of its settlement is under way: its payment waits until that has an outcome, and leaves only when the
 * settlement stands. */
static void test_order_while_cancelling(void **state)
{
	static const enum yt_outcome outcomes[] = { YT_REFUSED, YT_DONE };

	for (size_t i = 0; i < 4; i++) {
		struct yt_buf buf = { 0 };
		size_t at;

		anew();
		settle_and_follow();
		later(1); /* the lease, in which the order is made */
		at = rec_begin(&buf, REC_DUE, 0, FOLLOW_UP(9), w.wall_ms);
		rec_i64(&buf, REC_T_DUE, w.wall_ms + 1);
		rec_bytes(&buf, REC_T_PAY_DIGEST, "0123456789abcdef", 16);
		rec_end(&buf, at);
		if (i >= 2) { /* the cancel comes when a worker has it under the next lease */
			assert_int_equal(say(1, UP_RETURN, FOLLOW_UP(9), &buf), 0);
			commit();
			later(1);
		}
		begin(1,
		        (struct asked){ 2, "C1", "c", EXCHANGE_CANCEL_KEY "A1", YT_OP_OUTPATIENT_SETTLE_CANCEL, "A1" });
		commit();
		forget_told();
		assert_int_equal(i < 2 ? say(1, UP_RETURN, FOLLOW_UP(9), &buf) : order(1, FOLLOW_UP(9)), 0);
		commit();
		yt_buf_byte(&w.told, 0);
		if (i >= 2)
			assert_non_null(strstr((const char *)w.told.p, "1:moot"));
		assert_string_equal(followed(9)->pay_no, "");
		forget_told();
		later(10 * FOLLOW_UP_TURN_MS);
		assert_told("");
		ended(1, 2, outcomes[i % 2], "ok");
		commit();
		forget_told();
		later(2 * FOLLOW_UP_TURN_MS);
		assert_told("1:lease 0/9");
		assert_int_equal(followed(9)->reversal_wanted, outcomes[i % 2] == YT_DONE);
	}
}

/* What asks money back is people's with the return that writes it: no worker need have seen it before it can end. */
static void test_claim_back_is_parked(void **state)
{
	struct yt_buf buf = { 0 };
	size_t at;

	up(1);
	settle_and_follow();
	later(1); /* the lease */
	at = rec_begin(&buf, REC_ACCEPTED, 0, FOLLOW_UP(10), w.wall_ms);
	rec_str(&buf, REC_T_INSTITUTION, YT_STR(H));
	rec_str(&buf, REC_T_NUMBER, YT_STR("back/A1"));
	rec_u8(&buf, REC_T_OPERATION, YT_OP_CLAIM_BACK);
	rec_str(&buf, REC_T_SETTLEMENT, YT_STR("A1"));
	rec_u32(&buf, REC_T_WORKER, 1);
	rec_i64(&buf, REC_T_AMOUNT, 1234);
	rec_str(&buf, REC_T_REFERENCE, YT_STR("IN20260101000000000000"));
	rec_str(&buf, REC_T_FLOW, YT_STR("here"));
	rec_u32(&buf, REC_T_FLAGS, REC_X_FOLLOW_UP);
	rec_end(&buf, at);
	add_answer(&buf, FOLLOW_UP(9), YT_DONE, NULL);
	assert_int_equal(say(1, UP_RETURN, FOLLOW_UP(9), &buf), 0);
	commit();
	assert_int_equal(followed(10)->state, X_PARKED);
	assert_string_equal(followed(10)->reason,
	        "12.34 yuan paid by IN20260101000000000000 are to be asked back: its settlement was undone");
	assert_int_equal(keeper_decide(w.keeper, FOLLOW_UP(10), "done", YT_STR("party"), YT_STR("it came back")), 0);
	commit();
	assert_int_equal(followed(10)->state, X_DONE);
}

/* Its settlement is undone while a worker has it, and the keeper is killed: it is undone when it comes back, not when
 * it was to go on. */
static void test_ended_while_leased_survives(void **state)
{
	up(1);
	settle_and_follow();
	later(1); /* the lease */
	cancel(2, "C1", "A1", H);
	restart(1);
	held(1, FOLLOW_UP(9));
	ready(1);
	give_back_due(1, FOLLOW_UP(9), 3600000);
	commit();
	forget_told();
	later(1);
	assert_told("1:lease 0/9");
}

/* What a worker has may be leaving: people take back, or hold, only what nobody has. */
static void test_withdrawn_while_leased(void **state)
{
	static const char *const words[] = { "refused", "park" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		anew();
		settle_and_follow();
		later(1); /* the lease */
		assert_int_equal(keeper_decide(w.keeper, FOLLOW_UP(9), words[i], YT_STR("li"), YT_STR("x")), YT_EAGAIN);
		give_back_due(1, FOLLOW_UP(9), 60000);
		commit();
		assert_int_equal(keeper_decide(w.keeper, FOLLOW_UP(9), words[i], YT_STR("li"), YT_STR("x")), 0);
		commit();
		forget_told();
		later(70000);
		assert_told(i == 0 ? "1:lease 0/9" : ""); /* for the answer that says so */
		assert_int_equal(followed(9)->state, i == 0 ? X_REFUSED : X_PARKED);
	}
}

/* P5: a worker was about to order a payment when its settlement was cancelled: the order does not leave, whoever was
 * killed meanwhile, and the claim is undone at once. */
static void test_order_of_cancelled(void **state)
{
	for (unsigned restarts = 0; restarts < 2; restarts++) {
		anew();
		settle_and_follow();
		later(1); /* the lease */
		cancel(2, "C1", "A1", H);
		if (restarts)
			restart(1);
		forget_told();
		assert_int_equal(order(1, FOLLOW_UP(9)), 0);
		commit();
		assert_told("1:moot 6");
		assert_string_equal(followed(9)->pay_no, "");
		assert_int_equal(followed(9)->step_state, STEP_DONE); /* of the claim: what was heard counts */
		if (restarts)
			ready(1);
		forget_told();
		later(1);
		assert_told("1:lease 0/9");
	}
}

/* Undone before anything of it left, and its settlement stands again: that it is parked for, no word of a party ends.
 */
static void test_gone_is_not_taken_on(void **state)
{
	up(1);
	begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
	commit();
	cancel(2, "C1", "A1", H);
	settle_followed(1, 1, 9, "+/A1");
	commit();
	later(1);
	commit();
	assert_int_equal(followed(9)->state, X_REVERSED);
	begin(1, (struct asked){ 3, "R1", "c", NULL, YT_OP_REVERSE, "C1" });
	commit();
	ended(1, 3, YT_DONE, "ok");
	commit();
	assert_int_equal(followed(9)->state, X_PARKED);
	assert_string_equal(followed(9)->reason, FOLLOW_UP_GONE);
	lose(1, 4, "N4");
	later(REVERSE_AFTER_MS);
	tell_of(4, "+/A1");
	assert_string_equal(followed(9)->told_state, "PAID");
	assert_int_equal(followed(9)->state, X_PARKED);
	later(FOLLOW_UP_TURN_MS);
	assert_told("");
}

static void ask_for(uint32_t worker, const char *pay_no)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_FACTS, REC_NOWAIT, 77, w.wall_ms);

	rec_str(&buf, REC_T_CASE, YT_STR("o/X/Y"));
	rec_str(&buf, REC_T_INSTITUTION, YT_STR(H));
	rec_str(&buf, REC_T_ABOUT, yt_str(pay_no));
	rec_end(&buf, at);
	assert_int_equal(say(worker, UP_FACTS, 77, &buf), 0);
}

/* Whoever asks for an order hears nothing of it that a crash could take back, and not that there is none when the index
 * cannot tell.  What follows from a settlement of that number is no order. */
static void test_asked_for(void **state)
{
	up(1);
	up(2);
	forget_told();
	ask_for(2, "P1");
	assert_told("2:facts 2"); /* none */
	begin(1, (struct asked){ 5, "P1", "c", NULL, YT_OP_PAY_ORDER, NULL });
	ask_for(2, "P1");
	assert_told("");
	commit();
	assert_told("1:admitted 2 2:facts 3=sent");
	ask_for(2, "P1");
	assert_told("2:facts 4=sent");
	w.find_error = YT_EIO;
	ask_for(2, "P9");
	assert_told("2:facts 5=error");
	ask_for(2, "P1");
	assert_told("2:facts 6=error"); /* what pays it may be there */
	w.find_error = 0;
	settle_and_follow();
	assert_int_not_equal(followed(9)->id, 0);
	forget_told();
	ask_for(2, "A1");
	assert_told("2:facts 7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_order_of_cancelled),
		TEST(test_withdrawn_while_leased),
		TEST(test_order_while_cancelling),
		TEST(test_ended_while_leased_survives),
		TEST(test_old_one_paid_while_leased),
		TEST(test_gone_is_not_taken_on),
		TEST(test_claim_back_is_parked),
		TEST(test_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
