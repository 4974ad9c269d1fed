/* tests/test_exchange.c - what the records of an exchange make of it (journal/exchange.h): one fold for the
 * keeper, recovery, the index and the operator's page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "journal/exchange.h"

#define SETTLE YT_OP_OUTPATIENT_SETTLE
#define FEES YT_OP_OUTPATIENT_FEES

/* One letter is one record:
 *   A accepted                      S the main leg leaves          q r s a query, reversal, resend leaves
 *   u d n   its outcome: unknown, done, refused                    L a late success
 *   D N     answered: done, refused                                V reversed
 *   j J     its origin's reversal joins; is refused                P parked
 *   t m o p the answer was taken, missed, offered again, unproved  W decided "done", X "reversed", Y "retry" */
static const struct fold_case {
	const char *it;
	const char *records;
	enum yt_operation op;
	enum exchange_state state;
	bool is_open, holds_key, awaits_delivery, reversal_wanted;
	uint32_t offers, reversals;
} fold_cases[] = {
	{ "admitted, it bars its visit", "AS", SETTLE, X_SENT, true, true, false, false, 0, 0 },
	{ "done, it waits to be fetched", "ASdD", SETTLE, X_DONE, true, false, true, false, 1, 0 },
	{ "done and fetched, it is over", "ASdDt", SETTLE, X_DONE, false, false, false, false, 1, 0 },
	{ "done and missed, it is open with no offer left", "ASdDm", SETTLE, X_DONE, true, false, true, false, 0, 0 },
	{ "missed, offered again, taken", "ASdDmot", SETTLE, X_DONE, false, false, false, false, 1, 0 },
	{ "nobody knows who has it: over, for reconciliation", "ASdDp", SETTLE, X_DONE, false, false, false, false, 1,
	        0 },
	{ "missed more often than offered", "ASdDmm", SETTLE, X_DONE, true, false, true, false, 0, 0 },
	{ "refused, it is over", "ASnN", SETTLE, X_REFUSED, false, false, false, false, 1, 0 },
	{ "unknown, it bars its visit", "ASu", SETTLE, X_UNKNOWN, true, true, false, false, 0, 0 },
	{ "a query proves nothing by leaving", "ASuq", SETTLE, X_UNKNOWN, true, true, false, false, 0, 0 },
	{ "a reversal leaves", "ASur", SETTLE, X_REVERSING, true, true, false, false, 0, 1 },
	{ "reversed, and told so", "ASurVN", SETTLE, X_REVERSED, false, false, false, false, 0, 1 },
	{ "a late success before a reversal: adopted with its answer", "ASuLD", SETTLE, X_DONE, true, false, true,
	        false, 0, 0 },
	{ "a late success after a reversal began: reversed again", "ASurL", SETTLE, X_REVERSING, true, true, false,
	        true, 0, 1 },
	{ "a late success after it was reversed: reversed again", "ASurVNL", SETTLE, X_REVERSING, true, true, false,
	        true, 0, 1 },
	{ "and reversed again, it is over", "ASurVNLrV", SETTLE, X_REVERSED, false, false, false, false, 0, 2 },
	{ "a late success while nothing was begun only waits", "ASuL", SETTLE, X_UNKNOWN, true, true, false, false, 0,
	        0 },
	{ "its origin's reversal joins", "ASuj", SETTLE, X_UNKNOWN, true, true, false, true, 0, 0 },
	{ "joined while its leg is out, then done: open", "ASjdDt", SETTLE, X_DONE, true, false, false, true, 1, 0 },
	{ "joined while its leg is out, then refused: over", "ASjnN", SETTLE, X_REFUSED, false, false, false, false, 1,
	        0 },
	{ "joined, and cannot be reversed: over", "ASujdDJ", FEES, X_DONE, false, false, false, false, 0, 0 },
	{ "undelivered, then reversed", "ASdDmrVN", SETTLE, X_REVERSED, false, false, false, false, 0, 1 },
	{ "parked, it still bars its visit", "ASuP", SETTLE, X_PARKED, true, true, false, false, 0, 0 },
	{ "an operator decides that it stands: open until told", "ASuPW", SETTLE, X_DONE, true, false, false, false, 0,
	        0 },
	{ "... and told so, fetched or not", "ASuPWD", SETTLE, X_DONE, false, false, false, false, 0, 0 },
	{ "an operator decides that it is reversed", "ASurPX", SETTLE, X_REVERSED, true, false, false, false, 0, 1 },
	{ "... and told so", "ASurPXN", SETTLE, X_REVERSED, false, false, false, false, 0, 1 },
	{ "an operator lets machines try again", "ASuPY", SETTLE, X_UNKNOWN, true, true, false, false, 0, 0 },
	{ "... what had begun to be reversed", "ASurPY", SETTLE, X_REVERSING, true, true, false, false, 0, 1 },
	{ "fee lines bar nobody", "ASu", FEES, X_UNKNOWN, true, false, false, false, 0, 0 },
	{ "fee lines done need not be fetched", "ASdD", FEES, X_DONE, false, false, false, false, 1, 0 },
	{ "fee lines sent again, done", "ASusdD", FEES, X_DONE, false, false, false, false, 0, 0 },
};

static void leg(struct yt_buf *buf, enum rec_type type, enum rec_leg which)
{
	size_t at = rec_begin(buf, type, 0, 7, 1000);

	rec_u8(buf, REC_T_LEG, (uint8_t)which);
	rec_end(buf, at);
}

static void outcome(struct yt_buf *buf, enum rec_type type, enum yt_outcome which, unsigned flags)
{
	size_t at = rec_begin(buf, type, 0, 7, 1000);

	rec_u8(buf, REC_T_LEG, REC_LEG_MAIN);
	rec_u8(buf, REC_T_OUTCOME, (uint8_t)which);
	rec_u32(buf, REC_T_FLAGS, flags);
	rec_end(buf, at);
}

static void word(struct yt_buf *buf, enum rec_type type, const char *result)
{
	size_t at = rec_begin(buf, type, 0, 7, 1000);

	rec_str(buf, REC_T_RESULT, yt_str(result));
	rec_end(buf, at);
}

static void accepted(struct yt_buf *buf, enum yt_operation op)
{
	size_t at = rec_begin(buf, REC_ACCEPTED, 0, 7, 1000);

	rec_str(buf, REC_T_INSTITUTION, YT_STR("H33021399901"));
	rec_str(buf, REC_T_NUMBER, YT_STR("N1"));
	rec_u8(buf, REC_T_OPERATION, (uint8_t)op);
	rec_str(buf, REC_T_BUSINESS_KEY, YT_STR("settle|V|B"));
	if (yt_op(op)->is_settlement)
		rec_u32(buf, REC_T_FLAGS, REC_X_SETTLEMENT);
	rec_end(buf, at);
}

static void add(struct yt_buf *buf, char letter, enum yt_operation op)
{
	switch (letter) {
	case 'A':
		accepted(buf, op);
		break;
	case 'S':
		leg(buf, REC_SENDING, REC_LEG_MAIN);
		break;
	case 'q':
		leg(buf, REC_SENDING, REC_LEG_QUERY);
		break;
	case 'r':
		leg(buf, REC_SENDING, REC_LEG_REVERSAL);
		break;
	case 's':
		leg(buf, REC_SENDING, REC_LEG_RESEND);
		break;
	case 'u':
		outcome(buf, REC_OUTCOME, YT_UNKNOWN, 0);
		break;
	case 'd':
		outcome(buf, REC_OUTCOME, YT_DONE, 0);
		break;
	case 'n':
		outcome(buf, REC_OUTCOME, YT_REFUSED, 0);
		break;
	case 'L':
		outcome(buf, REC_OUTCOME, YT_DONE, REC_X_LATE);
		break;
	case 'D':
		outcome(buf, REC_ANSWERED, YT_DONE, 0);
		break;
	case 'N':
		outcome(buf, REC_ANSWERED, YT_REFUSED, 0);
		break;
	case 'V':
		word(buf, REC_REVERSED, "reversed");
		break;
	case 'j':
		word(buf, REC_JOINED, NULL);
		break;
	case 'J':
		word(buf, REC_JOINED, "refused");
		break;
	case 'P':
		word(buf, REC_PARKED, NULL);
		break;
	case 't':
		word(buf, REC_DELIVERED, NULL);
		break;
	case 'm':
		word(buf, REC_DELIVERED, "missed");
		break;
	case 'o':
		word(buf, REC_DELIVERED, "offered");
		break;
	case 'p':
		word(buf, REC_DELIVERED, "unproved");
		break;
	case 'W':
		word(buf, REC_DECIDED, "done");
		break;
	case 'X':
		word(buf, REC_DECIDED, "reversed");
		break;
	case 'Y':
		word(buf, REC_DECIDED, "retry");
		break;
	default:
		fail_msg("no record %c", letter);
	}
}

static void test_fold(void **state)
{
	const struct fold_case *row = *state;
	struct exchange x;
	struct yt_buf buf = { 0 };
	struct rec rec;
	log_pos pos = 0;
	const char *p;
	size_t used;

	memset(&x, 0, sizeof(x));
	for (p = row->records; *p != 0; p++) {
		yt_buf_clear(&buf);
		add(&buf, *p, row->op);
		assert_int_equal(rec_read(yt_buf_view(&buf), &rec, &used), 0);
		exchange_apply(&x, &rec, ++pos);
	}
	assert_string_equal(exchange_state_name(x.state), exchange_state_name(row->state));
	assert_int_equal(exchange_is_open(&x), row->is_open);
	assert_int_equal(exchange_holds_key(&x), row->holds_key);
	assert_int_equal(exchange_awaits_delivery(&x), row->awaits_delivery);
	assert_int_equal(x.reversal_wanted, row->reversal_wanted);
	assert_int_equal(x.offers, row->offers);
	assert_int_equal(x.reversals, row->reversals);
	assert_int_equal(x.accepted_pos, 1);
	assert_int_equal(x.last_pos, pos);
	yt_buf_free(&buf);
}

/* An answer that is not durable yet is nowhere: neither it nor the one it replaces may be told. */
static void test_places(void **state)
{
	struct exchange x;
	struct yt_buf buf = { 0 };
	struct rec rec;
	size_t used;

	memset(&x, 0, sizeof(x));
	outcome(&buf, REC_ANSWERED, YT_DONE, 0);
	assert_int_equal(rec_read(yt_buf_view(&buf), &rec, &used), 0);
	exchange_apply(&x, &rec, 0);
	assert_int_equal(x.answered_pos, 0);
	exchange_place(&x, &rec, 40);
	assert_int_equal(x.answered_pos, 40);
	exchange_apply(&x, &rec, 0);
	assert_int_equal(x.answered_pos, 0);
	assert_int_equal(x.last_pos, 40);
	yt_buf_free(&buf);
}

/* -- flows -------------------------------------------------------------------------------------- */

/* Two letters are one record; the second names the step:
 *   >1 it leaves   +1 done   -1 refused   ?1 unknown   ^1 what undoes it leaves   v1 that is done   ~1 that is unknown
 *   !1 that is refused */
static const struct flow_case {
	const char *it;
	const char *records;
	enum exchange_state state;
	uint32_t step, step_state, refused_step, attempts, reversals;
	bool undoing;
} flow_cases[] = {
	{ "admitted, it is worked off at once", "", X_UNKNOWN, 0, STEP_NONE, 0, 0, 0, false },
	{ "the first leaves", ">1", X_UNKNOWN, 1, STEP_OUT, 0, 0, 0, false },
	{ "and is done", ">1+1", X_UNKNOWN, 1, STEP_DONE, 0, 0, 0, false },
	{ "the second leaves", ">1+1>2", X_UNKNOWN, 2, STEP_OUT, 0, 0, 0, false },
	{ "it is unknown, twice", ">1+1>2?2>2?2", X_UNKNOWN, 2, STEP_OUT, 0, 2, 0, false },
	{ "and done in the end: the next has its pauses from anew", ">1+1>2?2>2+2", X_UNKNOWN, 2, STEP_DONE, 0, 0, 0,
	        false },
	{ "the second is refused", ">1+1>2-2", X_UNKNOWN, 2, STEP_REFUSED, 2, 0, 0, false },
	{ "the second is refused unsent", ">1+1-2", X_UNKNOWN, 2, STEP_REFUSED, 2, 0, 0, false },
	{ "the first is being undone", ">1+1>2-2^1", X_REVERSING, 1, STEP_OUT, 2, 0, 1, true },
	{ "that is unknown", ">1+1>2-2^1~1", X_REVERSING, 1, STEP_OUT, 2, 1, 1, true },
	{ "again, and it is undone", ">1+1>2-2^1~1^1v1", X_REVERSING, 1, STEP_DONE, 2, 0, 2, true },
	{ "what undoes it is refused: the step that ended all stays", ">1+1>2-2^1!1", X_REVERSING, 1, STEP_REFUSED, 2,
	        0, 1, true },
	{ "no such step: only the octets are kept", ">1+1>9^9-9", X_UNKNOWN, 1, STEP_REFUSED, 0, 0, 0, false },
	{ "no step at all", ">0^0-0", X_UNKNOWN, 0, STEP_REFUSED, 0, 0, 0, false },
};

static void flow_record(struct yt_buf *buf, char what, unsigned step)
{
	bool is_out = what == '>' || what == '^', is_undo = strchr("^v~!", what) != NULL;
	size_t at = rec_begin(buf, is_out ? REC_SENDING : REC_OUTCOME, 0, 7, 1000);

	rec_u8(buf, REC_T_LEG, is_undo ? REC_LEG_UNDO : REC_LEG_STEP);
	rec_u8(buf, REC_T_STEP, (uint8_t)step);
	if (is_out)
		rec_str(buf, REC_T_PARTY, YT_STR("zhejiang"));
	else
		rec_u8(buf, REC_T_OUTCOME,
		        what == '-' || what == '!'   ? YT_REFUSED
		        : what == '?' || what == '~' ? YT_UNKNOWN
		                                     : YT_DONE);
	rec_end(buf, at);
}

static void flow_accepted(struct yt_buf *buf)
{
	size_t at = rec_begin(buf, REC_ACCEPTED, 0, 7, 1000);

	rec_u8(buf, REC_T_OPERATION, SETTLE);
	rec_u32(buf, REC_T_FLAGS, REC_X_SETTLEMENT);
	rec_str(buf, REC_T_FLOW, YT_STR("two-legs"));
	rec_end(buf, at);
}

static void apply_all(struct exchange *x, struct yt_buf *buf, log_pos *pos)
{
	struct yt_str rest = yt_buf_view(buf);
	struct rec rec;
	size_t used;

	for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used)
		exchange_apply(x, &rec, ++*pos);
	yt_buf_free(buf);
}

static void test_flow_fold(void **state)
{
	const struct flow_case *c = *state;
	struct exchange x;
	struct yt_buf buf = { 0 };
	log_pos pos = 0;

	memset(&x, 0, sizeof(x));
	flow_accepted(&buf);
	for (const char *p = c->records; *p != '\0'; p += 2)
		flow_record(&buf, p[0], (unsigned)(p[1] - '0'));
	apply_all(&x, &buf, &pos);
	assert_string_equal(x.flow, "two-legs");
	assert_int_equal(x.unknown_since_ms, 1000);
	assert_int_equal(x.state, c->state);
	assert_int_equal(x.step, c->step);
	assert_int_equal(x.step_state, c->step_state);
	assert_int_equal(x.refused_step, c->refused_step);
	assert_int_equal(x.attempts, c->attempts);
	assert_int_equal(x.reversals, c->reversals);
	assert_int_equal(x.undoing, c->undoing);
	assert_true(exchange_is_open(&x));
	assert_true(exchange_holds_key(&x));
}

/* Where each step's octets stand; carried, all that there are stand in one record, and nothing else is looked for. */
static void test_flow_places(void **state)
{
	struct exchange x, was;
	struct yt_buf buf = { 0 };
	log_pos pos = 0;
	size_t at;

	memset(&x, 0, sizeof(x));
	flow_accepted(&buf);       /* 1 */
	flow_record(&buf, '>', 1); /* 2 */
	flow_record(&buf, '+', 1); /* 3 */
	flow_record(&buf, '>', 8); /* 4 */
	flow_record(&buf, '?', 8); /* 5 */
	flow_record(&buf, '^', 1); /* 6 */
	flow_record(&buf, 'v', 1); /* 7 */
	flow_record(&buf, '>', 9); /* 8: none */
	apply_all(&x, &buf, &pos);
	assert_int_equal(x.accepted_pos, 1);
	assert_int_equal(x.sent_pos, 0);
	assert_int_equal(x.step_sent[0], 2);
	assert_int_equal(x.step_got[0], 3);
	assert_int_equal(x.step_sent[7], 4);
	assert_int_equal(x.step_got[7], 5);
	assert_int_equal(x.undo_sent, 6);
	assert_int_equal(x.step_sent[1] + x.step_got[1], 0);
	at = rec_begin(&buf, REC_SENDING, 0, 7, 1000);
	rec_u8(&buf, REC_T_LEG, REC_LEG_STEP);
	rec_u8(&buf, REC_T_STEP, 1);
	rec_u32(&buf, REC_T_ATTEMPT, 1); /* the same octets, kept already */
	rec_end(&buf, at);
	apply_all(&x, &buf, &pos);
	assert_int_equal(x.step_sent[0], 2);
	was = x;
	at = rec_begin(&buf, REC_CARRIED, 0, 7, 1000);
	rec_bytes(&buf, REC_T_STATE, &was, sizeof(was));
	rec_end(&buf, at);
	pos = 99;
	apply_all(&x, &buf, &pos);
	assert_int_equal(x.accepted_pos, 100);
	for (unsigned i = 0; i < REC_STEPS_MAX; i++) {
		assert_int_equal(x.step_sent[i], was.step_sent[i] != 0 ? 100 : 0);
		assert_int_equal(x.step_got[i], was.step_got[i] != 0 ? 100 : 0);
	}
	assert_int_equal(x.undo_sent, 100);
}

/* A text of a record that is longer than we keep is cut, not written beyond. */
static void test_long_texts(void **state)
{
	struct exchange x;
	struct yt_buf buf = { 0 };
	struct rec rec;
	char long_text[300];
	size_t used, at = rec_begin(&buf, REC_ACCEPTED, 0, 7, 1000);

	memset(long_text, 'x', sizeof(long_text));
	memset(&x, 0, sizeof(x));
	rec_bytes(&buf, REC_T_INSTITUTION, long_text, sizeof(long_text));
	rec_bytes(&buf, REC_T_NUMBER, long_text, sizeof(long_text));
	rec_bytes(&buf, REC_T_BUSINESS_KEY, long_text, sizeof(long_text));
	rec_bytes(&buf, REC_T_DIGEST, long_text, 31); /* not a digest */
	rec_end(&buf, at);
	assert_int_equal(rec_read(yt_buf_view(&buf), &rec, &used), 0);
	exchange_apply(&x, &rec, 1);
	assert_int_equal(strlen(x.institution), sizeof(x.institution) - 1);
	assert_int_equal(strlen(x.number), sizeof(x.number) - 1);
	assert_int_equal(strlen(x.business_key), sizeof(x.business_key) - 1);
	assert_int_equal(x.digest[0], 0);
	yt_buf_free(&buf);
}

/* Parked while its settlement was cancelled: it does not stand after all because an operator lets machines try again,
 * or finds that it was done. */
static void test_follow_up_stays_unwanted(void **state)
{
	struct exchange x;
	struct yt_buf buf = { 0 };
	log_pos pos = 0;
	size_t at = rec_begin(&buf, REC_ACCEPTED, 0, 7, 1000);

	memset(&x, 0, sizeof(x));
	rec_str(&buf, REC_T_FLOW, YT_STR("claim"));
	rec_u32(&buf, REC_T_FLAGS, REC_X_FOLLOW_UP);
	rec_end(&buf, at);
	add(&buf, 'j', SETTLE);
	add(&buf, 'P', SETTLE);
	add(&buf, 'Y', SETTLE);
	apply_all(&x, &buf, &pos);
	assert_string_equal(exchange_state_name(x.state), "unknown");
	assert_true(x.reversal_wanted);
	add(&buf, 'P', SETTLE);
	add(&buf, 'W', SETTLE);
	apply_all(&x, &buf, &pos);
	assert_string_equal(
	        exchange_state_name(x.state), "done"); /* an operator found that it was handed in: it is undone */
	assert_true(x.reversal_wanted);
	assert_true(exchange_is_open(&x));
}

/* Cut, the number of what follows would be that of another settlement's. */
static void test_follow_up_number(void **state)
{
	char number[EXCHANGE_NUMBER_MAX];

	assert_true(exchange_follow_up_number("330000100000000001234567890123", number));
	assert_string_equal(number, "+/330000100000000001234567890123");
	assert_true(exchange_follow_up_number("1234567890123456789012345678901234567", number));
	assert_string_equal(number, "+/1234567890123456789012345678901234567");
	assert_false(exchange_follow_up_number("12345678901234567890123456789012345678", number));
	assert_string_equal(number, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_follow_up_stays_unwanted),
		cmocka_unit_test(test_follow_up_number),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_long_texts),
		cmocka_unit_test(test_flow_places),
	};
	struct CMUnitTest folds[sizeof(fold_cases) / sizeof(fold_cases[0])];
	struct CMUnitTest flows[sizeof(flow_cases) / sizeof(flow_cases[0])];
	size_t i;

	for (i = 0; i < sizeof(folds) / sizeof(folds[0]); i++)
		folds[i] = (struct CMUnitTest){ fold_cases[i].it, test_fold, NULL, NULL,
			(void *)(uintptr_t)&fold_cases[i] };
	for (i = 0; i < sizeof(flows) / sizeof(flows[0]); i++)
		flows[i] = (struct CMUnitTest){ flow_cases[i].it, test_flow_fold, NULL, NULL,
			(void *)(uintptr_t)&flow_cases[i] };
	return cmocka_run_group_tests(tests, NULL, NULL) + cmocka_run_group_tests(folds, NULL, NULL) +
	       cmocka_run_group_tests(flows, NULL, NULL);
}
