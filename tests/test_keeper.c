/* tests/test_keeper.c - the keeper's machine alone (journal/keeper.h): who is admitted, who signs in for all, what
 * operators decide, what is too much, and what is nonsense.
 *
 * The world is keeper_world.h, as for its other subjects: test_keeper_leases.c, _answers.c, _follow.c, _payouts.c and
 * _rest.c.  The simulator plays the same machine under faults; here each rule stands alone. */
#include "keeper_world.h"

/* -- admission ------------------------------------------------------------------------------------ */

/* P1: whatever is asked, nothing leaves before it is on disk. */
static void test_admitted_when_durable(void **state)
{
	up(1);
	forget_told();
	begin(1, (struct asked){ 1, "N1", "c", "settle|V|B", 0, NULL });
	assert_told("");
	commit();
	assert_told("1:admitted 2");
	assert_int_equal(state_of(1), X_SENT);
	ended(1, 1, YT_DONE, "settled");
	assert_told("");
	commit();
	assert_told("1:durable 3");
}

/* What number N1 and a message after it are told; N1 has gone as far as `before` says:
 * a admitted, u unknown, d done, r refused, t done and taken. */
static const struct verdict_case {
	const char *it;
	char before;
	struct asked then;
	const char *closed;
	const char *told;        /* at once ... */
	const char *with_commit; /* ... and with the next commit */
} verdict_cases[] = {
	{ "another number", 't', { 2, "N2", "c", "settle|V|B", 0, NULL }, NULL, "", "2:admitted 2" },
	{ "the same again, done", 't', { 2, "N1", "c", NULL, 0, NULL }, NULL, "2:stored 2=settled", "" },
	{ "the same again, done and not taken: an offer is written down", 'd', { 2, "N1", "c", NULL, 0, NULL }, NULL,
	        "", "2:stored 2=settled" },
	{ "the same again, refused", 'r', { 2, "N1", "c", NULL, 0, NULL }, NULL, "2:stored 2=refused", "" },
	{ "the same while it is in flight", 'a', { 2, "N1", "c", NULL, 0, NULL }, NULL, "2:wait 2", "" },
	{ "the same while it is being found out", 'u', { 2, "N1", "c", NULL, 0, NULL }, NULL, "2:wait 2", "" },
	{ "the same number, other content", 't', { 2, "N1", "d", NULL, 0, NULL }, NULL, "2:conflict 2", "" },
	{ "other content while it is in flight", 'a', { 2, "N1", "d", NULL, 0, NULL }, NULL, "2:conflict 2", "" },
	{ "another settlement of the visit while one is in flight (P13)", 'a', { 2, "N2", "c", "settle|V|B", 0, NULL },
	        NULL, "2:busy 2", "" },
	{ "another settlement of the visit while one is unknown (P13)", 'u', { 2, "N2", "c", "settle|V|B", 0, NULL },
	        NULL, "2:busy 2", "" },
	{ "a settlement of another batch meanwhile", 'u', { 2, "N2", "c", "settle|V|C", 0, NULL }, NULL, "",
	        "2:admitted 2" },
	{ "another settlement of the visit after a refusal", 'r', { 2, "N2", "c", "settle|V|B", 0, NULL }, NULL, "",
	        "2:admitted 2" },
	{ "a new one when the disk is full", 't', { 2, "N2", "c", NULL, 0, NULL }, "full", "2:closed 2", "" },
	{ "a stored answer when the disk is full", 't', { 2, "N1", "c", NULL, 0, NULL }, "full", "2:stored 2=settled",
	        "" },
	{ "its origin's reversal while it is unknown joins", 'u', { 2, "R1", "c", NULL, YT_OP_REVERSE, "N1" }, NULL, "",
	        "2:wait 2" },
	{ "its origin's reversal while it is in flight joins", 'a', { 2, "R1", "c", NULL, YT_OP_REVERSE, "N1" }, NULL,
	        "", "2:wait 2" },
	{ "its origin's reversal of a success is sent on", 't', { 2, "R1", "c", NULL, YT_OP_REVERSE, "N1" }, NULL, "",
	        "2:admitted 2" },
	{ "a reversal of a number nobody knows is sent on", 't', { 2, "R1", "c", NULL, YT_OP_REVERSE, "N9" }, NULL, "",
	        "2:admitted 2" },
};

static void test_verdict(void **state)
{
	const struct verdict_case *row = *state;
	struct yt_buf buf;

	setup(NULL);
	up(1);
	up(2);
	begin(1, (struct asked){ 1, "N1", "c", "settle|V|B", 0, NULL });
	commit();
	if (row->before != 'a')
		ended(1, 1,
		        row->before == 'u'   ? YT_UNKNOWN
		        : row->before == 'r' ? YT_REFUSED
		                             : YT_DONE,
		        row->before == 'r' ? "refused" : "settled");
	commit();
	if (row->before == 't')
		note(1, 1, NULL);
	commit();
	forget_told();
	w.closed = row->closed;
	buf = beginning(2, &row->then);
	assert_int_equal(say(2, UP_BEGIN, row->then.id, &buf), 0);
	assert_told(row->told);
	commit();
	assert_told(row->with_commit);
	teardown(NULL);
}

/* All who asked the same are told the same, when it is durable. */
static void test_waiters(void **state)
{
	up(1);
	up(2);
	begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
	begin(2, (struct asked){ 2, "N1", "c", NULL, 0, NULL }); /* in the same millisecond */
	commit();
	begin(1, (struct asked){ 3, "N1", "c", NULL, 0, NULL });
	forget_told();
	ended(1, 1, YT_DONE, "settled");
	assert_told("");
	commit();
	assert_told("2:stored 2=settled 1:stored 3=settled 1:durable 4");
}

/* Admission keys that have left memory are found in the index; when that fails nothing is admitted. */
static void test_index(void **state)
{
	up(1);
	settle(1, 1, "N1");
	note(1, 1, NULL);
	commit();
	keeper_indexed(w.keeper, w.n_commits + 1);
	assert_int_equal(in_memory(), 0);
	begin(1, (struct asked){ 2, "N1", "c", NULL, 0, NULL });
	assert_told("1:stored 5=settled");
	keeper_indexed(w.keeper, w.n_commits + 1);
	w.find_error = YT_EIO;
	begin(1, (struct asked){ 3, "N1", "c", NULL, 0, NULL });
	commit();
	assert_told("1:wait 6"); /* silence: neither "did not happen" nor a second settlement */
}

static void test_too_many(void **state)
{
	char number[4] = "N0";
	uint64_t id;

	up(1);
	for (id = 1; id <= conf.exchanges; id++) {
		number[1] = (char)('0' + id);
		begin(1, (struct asked){ id, number, "c", NULL, 0, NULL });
	}
	commit();
	forget_told();
	begin(1, (struct asked){ 20, "M1", "c", NULL, 0, NULL });
	assert_told("1:closed 10");
}

/* A reversal that overtook its original (two rings, a stopped worker): the original must not leave any more. */
static void test_tombstone(void **state)
{
	up(1);
	up(2);
	begin(2, (struct asked){ 2, "R1", "c", NULL, YT_OP_REVERSE, "N1" });
	commit();
	forget_told();
	begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
	commit();
	assert_told("1:closed 2");
}

/* A forwarded reversal bars its original's visit while it is out, and undoes it when it succeeded. */
static void test_forwarded_reversal(void **state)
{
	up(1);
	begin(1, (struct asked){ 1, "N1", "c", "settle|V|B", 0, NULL });
	commit();
	ended(1, 1, YT_DONE, "settled");
	commit();
	note(1, 1, NULL);
	begin(1, (struct asked){ 2, "R1", "c", NULL, YT_OP_REVERSE, "N1" });
	commit();
	forget_told();
	begin(1, (struct asked){ 3, "N3", "c", "settle|V|B", 0, NULL });
	assert_told("1:busy 6");
	ended(1, 2, YT_DONE, "reversed");
	commit();
	assert_int_equal(state_of(1), X_REVERSED);
	begin(1, (struct asked){ 4, "N4", "c", "settle|V|B", 0, NULL });
	commit();
	assert_told("1:durable 7 1:admitted 8");
}

/* -- sign-ins ------------------------------------------------------------------------------------- */

static int ask_session(uint32_t worker, const char *dead)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_SESSION, 0, 0, w.wall_ms);

	rec_str(&buf, REC_T_PARTY, YT_STR("zhejiang"));
	rec_str(&buf, REC_T_INSTITUTION, YT_STR(H));
	rec_str(&buf, REC_T_OPERATOR, YT_STR("YT9001"));
	rec_str(&buf, REC_T_SIGN_NO, yt_str(dead));
	rec_end(&buf, at);
	return say(worker, UP_SESSION, 0, &buf);
}

static void signed_in(uint32_t worker, const char *sign_no)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_SESSION, 0, 0, w.wall_ms);

	rec_str(&buf, REC_T_PARTY, YT_STR("zhejiang"));
	rec_str(&buf, REC_T_INSTITUTION, YT_STR(H));
	rec_str(&buf, REC_T_OPERATOR, YT_STR("YT9001"));
	rec_str(&buf, REC_T_SIGN_NO, yt_str(sign_no));
	rec_end(&buf, at);
	assert_int_equal(say(worker, UP_NOTE, 0, &buf), 0);
}

/* One signs in for all; its number is durable first. */
static void test_sign_in(void **state)
{
	up(1);
	up(2);
	forget_told();
	ask_session(1, NULL);
	ask_session(2, NULL);
	assert_told("");
	commit();
	assert_told("1:session 2=grant");
	signed_in(1, "G1");
	assert_told("2:session 2=G1");
	ask_session(2, NULL);
	assert_told("2:session 3=G1");
	ask_session(2, "G1"); /* the party does not take it any more */
	commit();
	assert_told("2:session 4=grant");
	ask_session(1, "G1"); /* somebody is at it */
	signed_in(2, "G2");
	assert_told("1:session 4=G2");
	ask_session(1, "G1"); /* known to be dead, and another is there */
	assert_told("1:session 5=G2");
	w.wall_ms += 24 * 3600000; /* midnight */
	ask_session(1, NULL);
	commit();
	assert_told("1:session 6=grant");
}

static void test_sign_in_fails(void **state)
{
	up(1);
	up(2);
	ask_session(1, NULL);
	ask_session(2, NULL);
	commit();
	forget_told();
	signed_in(1, NULL); /* it could not: the next one tries */
	commit();
	assert_told("2:session 2=grant");
	ask_session(1, NULL);
	keeper_worker_gone(w.keeper, 2); /* it died over it */
	commit();
	assert_told("1:session 4=grant");
}

/* A worker that asks again (after a restart of ours) has one place in the queue, for its newest question. */
static void test_sign_in_asked_again(void **state)
{
	up(1);
	up(2);
	ask_session(1, NULL);
	ask_session(2, NULL);
	ask_session(2, NULL);
	commit();
	forget_told();
	signed_in(1, NULL);
	commit();
	assert_told("2:session 3=grant");
}

static void test_sign_in_survives(void **state)
{
	up(1);
	ask_session(1, NULL);
	commit();
	signed_in(1, "G1");
	commit();
	restart(1);
	forget_told();
	ask_session(1, NULL);
	assert_told("1:session 4=G1");
}

/* -- operators, memory, nonsense ------------------------------------------------------------------ */

static void test_decide(void **state)
{
	struct yt_buf buf = { 0 };
	size_t at;

	up(1);
	lose(1, 1, "N1");
	lend(1);
	at = rec_begin(&buf, REC_PARKED, 0, 1, w.wall_ms);
	rec_end(&buf, at);
	assert_int_equal(say(1, UP_RETURN, 1, &buf), 0);
	commit();
	forget_told();
	later(24 * 3600000);
	assert_told(""); /* machines stop here */
	assert_int_equal(keeper_decide(w.keeper, 2, "reversed", YT_STR("chen"), YT_STR("by phone")), YT_ENOTFOUND);
	assert_int_equal(keeper_decide(w.keeper, 1, "reversed", YT_STR("chen"), YT_STR("by phone")), 0);
	commit();
	assert_int_equal(state_of(1), X_REVERSED);
	assert_int_equal(keeper_decide(w.keeper, 1, "done", YT_STR("chen"), YT_STR("again")), YT_ESTATE);
	forget_told();
	begin(1, (struct asked){ 2, "N1", "c", NULL, 0, NULL });
	assert_told("1:wait 5"); /* there are no octets to tell: silence */
	begin(1, (struct asked){ 3, "N3", "c", "settle|V|B", 0, NULL });
	commit();
	assert_told("1:admitted 6"); /* and the visit is free */
}

/* What is closed leaves memory only when the index has all of it. */
static void test_memory(void **state)
{
	up(1);
	settle(1, 1, "N1");
	note(1, 1, NULL);
	keeper_indexed(w.keeper, w.n_commits + 1);
	assert_int_equal(in_memory(), 1); /* the note is not durable yet */
	commit();
	keeper_indexed(w.keeper, w.n_commits);
	assert_int_equal(in_memory(), 1);
	keeper_indexed(w.keeper, w.n_commits + 1);
	assert_int_equal(in_memory(), 0);
	lose(1, 2, "N2");
	keeper_indexed(w.keeper, w.n_commits + 1);
	assert_int_equal(in_memory(), 1); /* open */
}

static void test_nonsense(void **state)
{
	struct yt_buf buf = { 0 }, none = { 0 };
	struct asked a = { 1, "N1", "c", NULL, 0, NULL };
	struct talk talk = { .seq = 1, .kind = UP_READY };

	up(1);
	assert_int_equal(keeper_message(w.keeper, 1, &talk), YT_ECORRUPT); /* a sequence number it has had */
	assert_int_equal(keeper_message(w.keeper, 7, &talk), YT_ECORRUPT); /* a worker nobody knows */
	assert_int_equal(say(1, (enum talk_kind)77, 1, &none), YT_ECORRUPT);
	assert_int_equal(say(1, DOWN_ADMITTED, 1, &none), YT_ECORRUPT);
	assert_int_equal(say(1, UP_BEGIN, 1, &none), YT_ECORRUPT);
	buf = beginning(1, &a);
	assert_int_equal(say(1, UP_BEGIN, 2, &buf), YT_ECORRUPT); /* records of another exchange */
	begin(1, a);
	commit();
	yt_buf_text(&buf, "not a record");
	assert_int_equal(say(1, UP_END, 1, &buf), YT_ECORRUPT);
	give_back_due(1, 9, 1); /* of an exchange that is over: moot, not nonsense */
	assert_int_equal(step(1, 1, REC_LEG_REVERSAL), YT_ECORRUPT); /* without a lease */
	ended(1, 1, YT_UNKNOWN, NULL);
	up(2);
	add_outcome(&buf, 1, REC_LEG_MAIN, YT_DONE, 0);
	assert_int_equal(say(2, UP_END, 1, &buf), YT_ECORRUPT); /* another worker's leg */
	add_answer(&buf, 1, YT_DONE, "reply");
	assert_int_equal(say(1, UP_LATE, 1, &buf), YT_ECORRUPT); /* an answer without what came of it */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_admitted_when_durable),
		TEST(test_waiters),
		TEST(test_index),
		TEST(test_too_many),
		TEST(test_tombstone),
		TEST(test_forwarded_reversal),
		TEST(test_sign_in),
		TEST(test_sign_in_fails),
		TEST(test_sign_in_asked_again),
		TEST(test_sign_in_survives),
		TEST(test_decide),
		TEST(test_memory),
		TEST(test_nonsense),
	};
	struct CMUnitTest verdicts[sizeof(verdict_cases) / sizeof(verdict_cases[0])];
	size_t i;

	for (i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++)
		verdicts[i] = (struct CMUnitTest){ verdict_cases[i].it, test_verdict, NULL, NULL,
			(void *)(uintptr_t)&verdict_cases[i] };
	return cmocka_run_group_tests(tests, NULL, NULL) + cmocka_run_group_tests(verdicts, NULL, NULL);
}
