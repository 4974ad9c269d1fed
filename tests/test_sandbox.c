/* tests/test_sandbox.c - the sandbox's own rules: who pays what, what its book keeps, what one-sided is.
 *
 * Everything judged by the sandbox (one_sided, double bookings) rests on these. */
#include "benefit.h"
#include "book.h"
#include "compare.h"
#include "fault.h"
#include "http.h"
#include "hub.h"
#include "people.h"
#include "signature.h"
#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <cmocka.h>

/* Benefit. */

static const struct line_case {
	const char *it; /* completes "a fee line ..." */
	const char *code;
	int64_t amount_fen, count_e4;
	int64_t full_fen, over_fen, first_fen, scope_fen;
} line_cases[] = {
	{ "of class 01 is all in scope", "XA10B3", 12345, 10000, 0, 0, 0, 12345 },
	{ "of class 02 has a tenth paid first", "XA10B7", 1005, 10000, 0, 0, 101, 904 },
	{ "of class 03 is self-funded", "XA10B9", 12345, 10000, 12345, 0, 0, 0 },
	{ "above its ceiling pays that part", "C14027", 150000, 20000, 0, 50000, 10000, 90000 },
	{ "given back is the mirror of its original", "C14027", -150000, -20000, 0, -50000, -10000, -90000 },
	{ "without a digit is class 01", "X", 1, 10000, 0, 0, 0, 1 },
	{ "of a listed drug has half paid first", "XL01XEA297A001010178046", 17972, 10000, 0, 0, 8986, 8986 },
	{ "of a bed is above its ceiling by the day", "001109000010000-110900002", 84000, 120000, 0, 12000, 0, 72000 },
};

static void test_line(void **state)
{
	const struct line_case *row = *state;
	struct benefit_line split;

	benefit_split_line(row->code, row->amount_fen, row->count_e4, &split);
	assert_int_equal(split.full_fen, row->full_fen);
	assert_int_equal(split.over_fen, row->over_fen);
	assert_int_equal(split.first_fen, row->first_fen);
	assert_int_equal(split.scope_fen, row->scope_fen);
	assert_int_equal(split.full_fen + split.over_fen + split.first_fen + split.scope_fen, row->amount_fen);
}

static const struct settle_case {
	const char *it; /* completes "a settlement ..." */
	struct benefit_input in;
	int64_t deductible_fen, hifp_fen, second_fen, cvlserv_fen, account_fen, cash_fen;
} settle_cases[] = {
	{ "of an employee out-patient", { "310", false, false, true, 5000, 1200, 0, 1440, 26000 }, 0, 20800, 0, 0, 5000,
	        2840 },
	{ "without the account pays cash", { "310", false, false, false, 5000, 1200, 0, 1440, 26000 }, 0, 20800, 0, 0,
	        0, 7840 },
	{ "of a resident has no account", { "390", false, false, true, 5000, 0, 0, 0, 10001 }, 0, 5001, 0, 0, 0, 5000 },
	{ "of a stay subtracts the deductible", { "390", true, false, false, 0, 0, 0, 0, 100000 }, 50000, 35000, 0, 0,
	        0, 65000 },
	{ "below the deductible leaves all to the person", { "310", true, false, true, 0, 0, 0, 0, 40000 }, 40000, 0, 0,
	        0, 0, 40000 },
	{ "of a long stay reaches the serious illness fund",
	        { "390", true, false, false, 0, 153020, 41000, 268015, 8050000 }, 50000, 5600000, 570000, 0, 0,
	        2342035 },
	{ "of a civil servant is topped up", { "310", false, true, true, 1000, 0, 0, 0, 10000 }, 0, 8000, 0, 1000, 1000,
	        0 },
	{ "of a veteran is paid whole", { "340", true, false, true, 0, 0, 0, 0, 777 }, 0, 777, 0, 0, 0, 0 },
};

static void assert_rules_hold(const struct benefit *b)
{
	assert_int_equal(b->total_fen, b->full_fen + b->over_fen + b->first_fen + b->scope_fen);   /* R1 */
	assert_int_equal(b->total_fen, b->fund_fen + b->person_fen + b->hospital_fen);             /* R2 */
	assert_int_equal(b->person_fen, b->account_fen + b->cash_fen);                             /* R3 */
	assert_int_equal(b->fund_fen, b->hifp_fen + b->cvlserv_fen + b->hifmi_fen + b->hifob_fen); /* R4 */
}

static void test_settle(void **state)
{
	const struct settle_case *row = *state;
	struct benefit b;

	benefit_settle(&row->in, &b);
	assert_rules_hold(&b);
	assert_int_equal(b.deductible_fen, row->deductible_fen);
	assert_int_equal(b.hifp_fen, row->hifp_fen);
	assert_int_equal(b.hifmi_fen + b.hifob_fen, row->second_fen);
	assert_int_equal(b.cvlserv_fen, row->cvlserv_fen);
	assert_int_equal(b.account_fen, row->account_fen);
	assert_int_equal(b.cash_fen, row->cash_fen);
	assert_int_equal(b.balance_after_fen, row->in.balance_fen - row->account_fen);
}

/* Whatever the bill: no fen appears or disappears, and nobody pays less than nothing. */
static void test_rules_hold_for_any_bill(void **state)
{
	static const char *const insutypes[] = { "310", "390", "340", "510" };
	uint64_t random = 7;

	for (int i = 0; i < 20000; i++) {
		struct benefit_input in = { .insutype = insutypes[random_below(&random, 4)],
			.is_inpatient = random_below(&random, 2),
			.is_civil_servant = random_below(&random, 2),
			.may_use_account = random_below(&random, 2),
			.balance_fen = (int64_t)random_below(&random, 1000000),
			.full_fen = (int64_t)random_below(&random, 500000),
			.over_fen = (int64_t)random_below(&random, 500000),
			.first_fen = (int64_t)random_below(&random, 500000),
			.scope_fen = (int64_t)random_below(&random, 90000000) };
		struct benefit b;

		benefit_settle(&in, &b);
		assert_rules_hold(&b);
		assert_true(b.hifp_fen >= 0 && b.hifmi_fen >= 0 && b.hifob_fen >= 0 && b.cvlserv_fen >= 0);
		assert_true(b.cash_fen >= 0 && b.account_fen >= 0 && b.balance_after_fen >= 0);
		assert_true(b.deductible_fen <= b.scope_fen || b.scope_fen < 0);
	}
}

/* The book. */

struct desk {
	struct book *book;
	struct visit *visit;
	struct settlement *settled;
};

static void visit_with_line(struct desk *desk)
{
	const struct person person = { .certno = "330299198001010016",
		.name = "示例",
		.insutype = "310",
		.insuplc = "330213",
		.balance_fen = 3000 };
	struct visit visit = { .institution = "H33021399901", .insutype = "310", .own_number = "MZ1" };
	struct fee_line line = { .serial = "1", .batch = "B1", .code = "X1", .amount_fen = 10000, .count_e4 = 10000 };

	visit.person = book_person_add(desk->book, &person);
	assert_null(book_visit_open(desk->book, &visit, "OPEN1", "2201", &desk->visit));
	line.visit = desk->visit;
	assert_null(book_lines_add(desk->book, &line, 1));
}

static int setup(void **state)
{
	struct desk *desk = calloc(1, sizeof(*desk));

	desk->book = book_new("330200");
	visit_with_line(desk);
	*state = desk;
	return 0;
}

static int teardown(void **state)
{
	struct desk *desk = *state;

	book_free(desk->book);
	free(desk);
	return 0;
}

static const char *settle(struct desk *desk, const char *msgid)
{
	struct settle_request request = { .visit = desk->visit,
		.batch = "B1",
		.infno = "2207",
		.msgid = msgid,
		.insutype = "310",
		.total_fen = 10000,
		.may_use_account = true,
		.time = "2025-03-14 09:41:30" };

	return book_settle(desk->book, &request, &desk->settled);
}

static const char *cancel(struct desk *desk, const char *msgid, struct settlement **refund)
{
	return book_settle_cancel(
	        desk->book, desk->visit, desk->settled->id, "2208", msgid, "2025-03-14 10:00:00", refund);
}

static const char *reverse(struct desk *desk, const char *omsgid, const char *oinfno)
{
	return book_reverse(desk->book, omsgid, oinfno, desk->visit->person->psn_no, "R1");
}

static void test_settles_once(void **state)
{
	struct desk *desk = *state;

	assert_null(settle(desk, "M1"));
	assert_int_equal(desk->visit->person->balance_fen, 1000); /* 80.00 by the fund, 20.00 of the account */
	assert_string_equal(settle(desk, "M2"), "已结算，不能重复结算");
	assert_string_equal(settle(desk, "M1"), "已结算，不能重复结算"); /* it does not know its own numbers again */
}

static void test_sum_of_lines_must_match(void **state)
{
	struct desk *desk = *state;
	struct settle_request request = { .visit = desk->visit,
		.batch = "B1",
		.infno = "2207",
		.msgid = "M1",
		.insutype = "310",
		.total_fen = 9999,
		.time = "" };

	assert_string_equal(book_settle(desk->book, &request, &desk->settled), "明细费用合计与医疗费总额不符");
	request.batch = "B2";
	assert_string_equal(book_settle(desk->book, &request, &desk->settled), "无待结算的费用明细");
}

static void test_lines_are_not_taken_twice(void **state)
{
	struct desk *desk = *state;
	struct fee_line line = { .serial = "1", .batch = "B2", .code = "X1", .visit = desk->visit, .amount_fen = 1 };

	assert_string_equal(book_lines_add(desk->book, &line, 1), "费用明细流水号重复");
}

static void test_cancel_gives_back_and_refuses_again(void **state)
{
	struct desk *desk = *state;
	struct settlement *refund;

	assert_null(settle(desk, "M1"));
	assert_null(cancel(desk, "C1", &refund));
	assert_int_equal(refund->amounts.total_fen, -10000);
	assert_int_equal(desk->visit->person->balance_fen, 3000);
	assert_string_equal(cancel(desk, "C2", &refund), "该结算已撤销，不能重复撤销");
	assert_null(settle(desk, "M2")); /* its lines are open again */
}

static void test_reversal_of_a_settlement(void **state)
{
	struct desk *desk = *state;

	assert_string_equal(reverse(desk, "M1", "2207"), "原交易不存在或已冲正");
	assert_null(settle(desk, "M1"));
	assert_string_equal(reverse(desk, "M1", "2204"), "该交易不允许冲正");
	assert_string_equal(reverse(desk, "M1", "2304"), "原交易不存在或已冲正");
	assert_null(reverse(desk, "M1", "2207"));
	assert_int_equal(desk->settled->state, SETTLEMENT_REVERSED);
	assert_int_equal(desk->visit->person->balance_fen, 3000);
	assert_string_equal(reverse(desk, "M1", "2207"), "原交易不存在或已冲正");
	assert_null(settle(desk, "M2"));
}

static void test_reversal_of_a_cancel_revives(void **state)
{
	struct desk *desk = *state;
	struct settlement *refund;

	assert_null(settle(desk, "M1"));
	assert_null(cancel(desk, "C1", &refund));
	assert_null(reverse(desk, "C1", "2208"));
	assert_int_equal(desk->settled->state, SETTLEMENT_EFFECTIVE);
	assert_int_equal(desk->visit->person->balance_fen, 1000);
	assert_string_equal(settle(desk, "M2"), "已结算，不能重复结算");
	assert_null(cancel(desk, "C2", &refund));
	assert_null(settle(desk, "M3"));
	assert_string_equal(reverse(desk, "C2", "2208"), "该交易不允许冲正"); /* settled anew since */
}

static size_t n_changed(struct book *book, const char *state)
{
	json_t *changes = book_changes(book), *row;
	size_t n = 0, i;

	json_array_foreach(json_object_get(changes, "settlements"), i, row) n +=
	        strcmp(json_text(row, "state"), state) == 0;
	json_decref(changes);
	return n;
}

/* What was told of is not told of again, until it changes. */
static void test_changes(void **state)
{
	struct desk *desk = *state;
	struct settlement *refund;

	assert_null(settle(desk, "M1"));
	assert_int_equal(n_changed(desk->book, "effective"), 1);
	assert_int_equal(n_changed(desk->book, "effective"), 0);
	assert_non_null(book_alter(desk->book, NULL, 1));
	assert_int_equal(n_changed(desk->book, "effective"), 1);
	assert_null(cancel(desk, "C1", &refund));
	assert_int_equal(n_changed(desk->book, "cancelled"), 1);
	assert_int_equal(n_changed(desk->book, "cancelled"), 0);
}

/* Held back until after its reversal found nothing: it takes effect, and a second reversal finds it. */
static void test_late_effect_needs_a_second_reversal(void **state)
{
	struct desk *desk = *state;

	assert_non_null(reverse(desk, "M1", "2207"));
	assert_null(settle(desk, "M1"));
	assert_false(book_is_tombstoned(desk->book, "M1"));
	assert_null(reverse(desk, "M1", "2207"));
	book_options(desk->book)->tombstone = true;
	assert_non_null(reverse(desk, "M2", "2207"));
	assert_true(book_is_tombstoned(desk->book, "M2"));
}

static void test_doubling_shows(void **state)
{
	struct desk *desk = *state;
	struct settlement *first;
	json_t *ledger;

	assert_null(settle(desk, "M1"));
	first = desk->settled;
	book_options(desk->book)->no_dedup = true;
	assert_null(settle(desk, "M1"));
	ledger = book_ledger(desk->book);
	assert_int_equal(json_number(ledger, "double_bookings", -1), 1);
	assert_int_equal(json_array_size(json_object_get(ledger, "repeated_numbers")), 1);
	json_decref(ledger);
	book_options(desk->book)->no_dedup = false;
	assert_null(reverse(desk, "M1", "2207")); /* the newest of that number */
	assert_int_equal(first->state, SETTLEMENT_EFFECTIVE);
	assert_string_equal(settle(desk, "M2"), "已结算，不能重复结算");
	assert_string_equal(book_lines_cancel(desk->book, desk->visit, "B1", ""), "明细已结算，不能撤销");
	ledger = book_ledger(desk->book);
	assert_int_equal(json_number(ledger, "double_bookings", -1), 0);
	json_decref(ledger);
	assert_null(reverse(desk, "M1", "2207")); /* the other one */
	assert_int_equal(first->state, SETTLEMENT_REVERSED);
	assert_null(book_lines_cancel(desk->book, desk->visit, "B1", ""));
}

static void test_newest_sign_in_counts(void **state)
{
	struct desk *desk = *state;
	char first[31];

	text_format(first, sizeof(first), "%s", book_sign_in(desk->book, "H1", "S1"));
	assert_true(book_sign_is_valid(desk->book, "H1", first));
	assert_true(
	        book_sign_is_valid(desk->book, "H1", book_sign_in(desk->book, "H1", "YT9001"))); /* another operator */
	assert_true(book_sign_is_valid(desk->book, "H1", first));
	book_sign_in(desk->book, "H1", "S1");
	assert_false(book_sign_is_valid(desk->book, "H1", first));
	assert_false(book_sign_is_valid(desk->book, "H2", first));
}

/* One-sided. */

#define PLATFORM_ROW(state, fund)                                                                                      \
	"{\"kind\":\"settle\",\"own_visit\":\"run1MZ1\",\"setl_id\":\"S1\",\"state\":\"" state                         \
	"\",\"medfee_fen\":100,\"fund_fen\":" fund ",\"acct_fen\":0,\"cash_fen\":20}"
#define HOSPITAL_ROW(setl_id, state)                                                                                   \
	"{\"own_visit\":\"run1MZ1\",\"setl_id\":\"" setl_id "\",\"state\":\"" state                                    \
	"\",\"medfee_fen\":100,\"fund_fen\":80,\"acct_fen\":0,\"cash_fen\":20}"

static const struct side_case {
	const char *it; /* completes "one-sided: ..." */
	const char *platform, *hospital;
	int one_sided, undecided;
} side_cases[] = {
	{ "settled on both sides is not", PLATFORM_ROW("effective", "80"), HOSPITAL_ROW("S1", "settled"), 0, 0 },
	{ "nothing on both sides is not", "", "", 0, 0 },
	{ "one fen of difference is", PLATFORM_ROW("effective", "81"), HOSPITAL_ROW("S1", "settled"), 1, 0 },
	{ "in force and not settled is", PLATFORM_ROW("effective", "80"), HOSPITAL_ROW("", "open"), 1, 0 },
	{ "in force and unknown is, and undecided", PLATFORM_ROW("effective", "80"), HOSPITAL_ROW("", "unknown"), 1,
	        1 },
	{ "reversed and not settled is not", PLATFORM_ROW("reversed", "80"), HOSPITAL_ROW("", "open"), 0, 0 },
	{ "reversed and settled is", PLATFORM_ROW("reversed", "80"), HOSPITAL_ROW("S1", "settled"), 1, 0 },
	{ "settled and unheard of is", "", HOSPITAL_ROW("S1", "settled"), 1, 0 },
	{ "cancelled on both sides is not", PLATFORM_ROW("cancelled", "80"), HOSPITAL_ROW("S1", "cancelled"), 0, 0 },
	{ "cancelled with another amount is", PLATFORM_ROW("cancelled", "79"), HOSPITAL_ROW("S1", "cancelled"), 1, 0 },
	{ "in force and cancelled is", PLATFORM_ROW("effective", "80"), HOSPITAL_ROW("S1", "cancelled"), 1, 0 },
	{ "cancelled and settled is", PLATFORM_ROW("cancelled", "80"), HOSPITAL_ROW("S1", "settled"), 1, 0 },
	{ "settled twice is",
	        PLATFORM_ROW("effective", "80") ",{\"kind\":\"settle\",\"own_visit\":\"run1MZ1\",\"setl_id\":"
	                                        "\"S2\",\"state\":\"effective\",\"is_double\":true}",
	        HOSPITAL_ROW("S1", "settled"), 1, 0 },
	{ "another run's settlement is not",
	        "{\"kind\":\"settle\",\"own_visit\":\"run2MZ1\",\"setl_id\":\"S9\","
	        "\"state\":\"effective\"}",
	        "", 0, 0 },
};

static void test_side(void **state)
{
	const struct side_case *row = *state;
	char text[2048];
	json_t *platform, *hospitals, *result;

	text_format(text, sizeof(text), "{\"settlements\":[%s]}", row->platform);
	platform = json_loads(text, 0, NULL);
	text_format(text, sizeof(text), "{\"run\":\"run1\",\"settlements\":[%s]}", row->hospital);
	hospitals = json_loads(text, 0, NULL);
	assert_non_null(platform);
	assert_non_null(hospitals);
	result = ledgers_compare(hospitals, platform);
	assert_int_equal(json_number(result, "one_sided", -1), row->one_sided);
	assert_int_equal(json_number(result, "undecided", -1), row->undecided);
	assert_int_equal(json_array_size(json_object_get(result, "differences")), row->one_sided);
	json_decref(result);
	json_decref(platform);
	json_decref(hospitals);
}

static void file_put(const char *folder, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	text_format(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* What one side booked may stand in several ledgers: a guest's settlement in the hub's. */
static void test_many_ledgers(void **state)
{
	char folder[] = "/tmp/yitong-ledgers-XXXXXX", paths[3][64], command[64];
	char *parties[] = { paths[1], paths[2] };

	(void)state;
	assert_non_null(mkdtemp(folder));
	file_put(folder, "0", "{\"run\":\"run1\",\"settlements\":[" HOSPITAL_ROW("S1", "settled") "]}");
	file_put(folder, "1", "{\"settlements\":[],\"registered\":[]}");
	file_put(folder, "2", "{\"settlements\":[" PLATFORM_ROW("effective", "80") "]}");
	for (int i = 0; i < 3; i++)
		text_format(paths[i], sizeof(paths[i]), "%s/%d", folder, i);
	assert_int_equal(compare_main(paths[0], parties, 1), 1);
	assert_int_equal(compare_main(paths[0], parties, 2), 0);
	parties[1] = "/nonexistent";
	assert_int_equal(compare_main(paths[0], parties, 2), 2);
	text_format(command, sizeof(command), "rm -rf %s", folder);
	assert_int_equal(system(command), 0);
}

/* Control. */

/* As many as said of all that match, without an end. */
static void test_a_share_of_the_requests_is_struck(void **state)
{
	json_t *spec = json_loads("{\"kind\":\"cut\",\"percent\":5}", 0, NULL), *odd;
	json_t *request = json_loads("{\"infno\":\"2207\"}", 0, NULL);
	struct faults faults = { 0 };
	struct fault taken;
	int n = 0;

	(void)state;
	assert_null(fault_arm(&faults, spec, 0));
	for (int i = 0; i < 10000; i++) {
		fault_take(&faults, request, 0, &taken);
		n += taken.kind == FAULT_CUT;
	}
	assert_in_range(n, 400, 600);
	for (int percent = 0; percent <= 101; percent += 101) {
		odd = json_pack("{s:s, s:i}", "kind", "cut", "percent", percent);
		assert_string_equal(fault_arm(&faults, odd, 0), "percent is 1 to 100");
		json_decref(odd);
	}
	fault_clear(&faults);
	json_decref(spec);
	json_decref(request);
}

static void test_spent_faults_are_not_listed(void **state)
{
	json_t *spec = json_loads("{\"kind\":\"cut\",\"infno\":\"2207\",\"count\":2}", 0, NULL);
	json_t *rest = json_loads("{\"kind\":\"maintenance\",\"ms\":1000}", 0, NULL);
	json_t *request = json_loads("{\"infno\":\"2207\"}", 0, NULL), *list;
	struct faults faults = { 0 };
	struct fault taken;

	(void)state;
	assert_null(fault_arm(&faults, spec, 0));
	for (size_t left = 2; left > 0; left--) {
		list = fault_list(&faults, 0);
		assert_int_equal(json_array_size(list), 1);
		assert_int_equal(json_number(json_array_get(list, 0), "left", 0), left);
		json_decref(list);
		fault_take(&faults, request, 0, &taken);
		assert_int_equal(taken.kind, FAULT_CUT);
	}
	assert_null(fault_arm(&faults, rest, 0));
	list = fault_list(&faults, 999);
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(json_text(json_array_get(list, 0), "kind"), "maintenance");
	json_decref(list);
	list = fault_list(&faults, 1000);
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
	fault_clear(&faults);
	json_decref(request);
	json_decref(rest);
	json_decref(spec);
}

static enum MHD_Result never_asked(void *context, struct http_request *request)
{
	(void)context;
	return http_hang_up(request);
}

/* Two copies on one port would each hear half of what is sent, and two ledgers would be wrong. */
static void test_a_port_is_held_once(void **state)
{
	struct http_server_options options = { .address = "127.0.0.1", .handler = never_asked };
	struct http_server *first = http_start(&options);

	(void)state;
	assert_non_null(first);
	options.port = http_port(first);
	assert_null(http_start(&options));
	http_stop(first);
	first = http_start(&options); /* at once: what lingers of closed connections does not hold it */
	assert_non_null(first);
	http_stop(first);
}

/* Texts. */

static void test_amounts_keep_two_decimals(void **state)
{
	json_t *tree = json_pack("{s:o, s:o, s:s}", "a", json_fen(28640), "b", json_fen(-5), "c", "x");
	char *text = json_render(tree, false);
	int64_t fen = 0;

	assert_string_equal(text, "{\"a\":286.40,\"b\":-0.05,\"c\":\"x\"}");
	free(text);
	text = json_render(tree, true);
	assert_string_equal(text, "{\"a\":\"286.40\",\"b\":\"-0.05\",\"c\":\"x\"}");
	free(text);
	json_decref(tree);
	assert_int_equal(fen_parse("286.4", &fen), 0);
	assert_int_equal(fen, 28640);
	assert_int_equal(fen_parse("286.405", &fen), -1);
	assert_int_equal(fen_parse("", &fen), -1);
	assert_int_equal(fen_parse("1e3", &fen), -1);
}

#define CLAIM_ROW(status, fee, paid)                                                                                   \
	"{\"insurer\":\"甲\",\"ownVisit\":\"run1MZ1\",\"setlId\":\"S1\",\"status\":\"" status "\",\"totalFee\":" fee   \
	",\"payable\":7,\"paid\":" paid "}"
#define CLAIMED_ROW(state)                                                                                             \
	"{\"own_visit\":\"run1MZ1\",\"setl_id\":\"S1\",\"state\":\"" state                                             \
	"\",\"medfee_fen\":100,\"fund_fen\":80,\"acct_fen\":0,\"cash_fen\":20,\"is_claimed\":true}"

static const struct claim_side_case {
	const char *it; /* completes "one-sided: ..." */
	const char *hospital, *claim, *refused;
	int one_sided;
} claim_side_cases[] = {
	{ "a paid claim is not", CLAIMED_ROW("settled"), CLAIM_ROW("PAID", "100", "7"), "", 0 },
	{ "a claim unheard of is", CLAIMED_ROW("settled"), "", "", 1 },
	{ "a claim refused at the door is not", CLAIMED_ROW("settled"), "", "{\"insurer\":\"甲\",\"setlId\":\"S1\"}",
	        0 },
	{ "a claim of another amount is", CLAIMED_ROW("settled"), CLAIM_ROW("PAID", "101", "7"), "", 1 },
	{ "a claim paid twice is", CLAIMED_ROW("settled"), CLAIM_ROW("PAID", "100", "14"), "", 1 },
	{ "a claim paid before it is said is", CLAIMED_ROW("settled"), CLAIM_ROW("ADJUDICATED", "100", "7"), "", 1 },
	{ "a claim of a cancelled settlement is", CLAIMED_ROW("cancelled"), CLAIM_ROW("PAID", "100", "7"), "", 1 },
	{ "a rejected one of it is not", CLAIMED_ROW("cancelled"), CLAIM_ROW("REJECTED", "100", "0"), "", 0 },
	{ "a claim of nobody's settlement is", "", CLAIM_ROW("PAID", "100", "7"), "", 1 },
};

static void test_claim_side(void **state)
{
	const struct claim_side_case *row = *state;
	char text[1024];
	json_t *hospitals, *parties, *result;
	bool is_cancelled = strstr(row->hospital, "cancelled") != NULL;

	text_format(text, sizeof(text), "{\"run\":\"run1\",\"settlements\":[%s]}", row->hospital);
	hospitals = json_loads(text, 0, NULL);
	text_format(text, sizeof(text), "{\"settlements\":[%s],\"claims\":[%s],\"refused\":[%s]}",
	        *row->hospital == '\0' ? ""
	        : is_cancelled         ? PLATFORM_ROW("cancelled", "80")
	                               : PLATFORM_ROW("effective", "80"),
	        row->claim, row->refused);
	parties = json_loads(text, 0, NULL);
	assert_non_null(hospitals);
	assert_non_null(parties);
	result = ledgers_compare(hospitals, parties);
	assert_int_equal(json_number(result, "one_sided", -1), row->one_sided);
	json_decref(result);
	json_decref(hospitals);
	json_decref(parties);
}

#define ORDER(ref, fen) "{\"pay_ref\":\"" ref "\",\"amount_fen\":" fen "}"
/* One side each of a booking, and both. */
#define GOT(ref, fen) "{\"pay_ref\":\"" ref "\",\"dc\":\"C\",\"reversal\":\"\",\"amount_fen\":" fen "}"
#define DRAWN(ref, fen) "{\"pay_ref\":\"" ref "\",\"dc\":\"D\",\"reversal\":\"\",\"amount_fen\":" fen "}"
#define GIVEN_BACK(ref, fen) "{\"pay_ref\":\"" ref "\",\"dc\":\"D\",\"reversal\":\"return\",\"amount_fen\":" fen "}"
#define HAD_BACK(ref, fen) "{\"pay_ref\":\"" ref "\",\"dc\":\"C\",\"reversal\":\"return\",\"amount_fen\":" fen "}"
#define BOOKED(ref, fen) DRAWN(ref, fen) "," GOT(ref, fen)
#define BACK(ref, fen) GIVEN_BACK(ref, fen) "," HAD_BACK(ref, fen)
#define TOLD_BACK(ref) "{\"by\":\"GATEWAY\",\"payoutNo\":\"" ref "\",\"payState\":\"RETURNED\",\"amount\":7}"
#define TOLD(ref) "{\"by\":\"GATEWAY\",\"payoutNo\":\"" ref "\",\"payState\":\"PAID\",\"amount\":7}"

static const struct payout_side_case {
	const char *it; /* completes "one-sided: ..." */
	const char *told, *payouts, *entries, *conflicts;
	int one_sided;
} payout_side_cases[] = {
	{ "a payout of ours for an insurer is not", TOLD("IN1"), ORDER("IN1", "7"), BOOKED("IN1", "7"), "", 0 },
	{ "a payout told and not made is", TOLD("IN1"), "", "", "", 1 },
	{ "a payout told and come back is", TOLD("IN1"), ORDER("IN1", "7"), BOOKED("IN1", "7") "," BACK("IN1", "7"), "",
	        1 },
	{ "a payout booked twice is, in both ways", TOLD("IN1"), ORDER("IN1", "7"),
	        BOOKED("IN1", "7") "," BOOKED("IN1", "7"), "", 2 },
	{ "a second payout that nobody was told is", TOLD("IN1"), ORDER("IN1", "7") "," ORDER("IN2", "7"),
	        BOOKED("IN1", "7") "," BOOKED("IN2", "7"), "", 1 },
	{ "a payout of another amount is", TOLD("IN1"), ORDER("IN1", "8"), BOOKED("IN1", "8"), "", 1 },
	{ "a payout for a claim that is wrong otherwise is told once", TOLD("IN1"), ORDER("IN1", "7"),
	        BOOKED("IN1", "7"), "", 1 },
	{ "an order that failed is not", TOLD("IN1"), ORDER("IN1", "7") "," ORDER("IN2", "7"), BOOKED("IN1", "7"), "",
	        0 },
	{ "a maternity allowance is not", TOLD("IN1"), ORDER("IN1", "7") "," ORDER("MA2", "7"),
	        BOOKED("IN1", "7") "," BOOKED("MA2", "7"), "", 0 },
	{ "a payout drawn otherwise than it arrived is", TOLD("IN1"), ORDER("IN1", "7"),
	        DRAWN("IN1", "8") "," GOT("IN1", "7"), "", 1 },
	{ "a payout that came back to us otherwise than it was given is", TOLD("IN1"),
	        ORDER("IN1", "7") "," ORDER("MA2", "7"),
	        BOOKED("IN1", "7") "," BOOKED("MA2", "7") "," GIVEN_BACK("MA2", "7") "," HAD_BACK("MA2", "6"), "", 1 },
	{ "a payout of another sum than ordered is, though it came back", TOLD("IN1"),
	        ORDER("IN1", "7") "," ORDER("MA2", "7"), BOOKED("IN1", "7") "," BOOKED("MA2", "8") "," BACK("MA2", "8"),
	        "", 1 },
	{ "a number of two payments is", TOLD("IN1"), ORDER("IN1", "7"), BOOKED("IN1", "7"), "{\"pay_ref\":\"IN1\"}",
	        1 },
};

static void test_payout_side(void **state)
{
	const struct payout_side_case *row = *state;
	char text[4096];
	json_t *hospitals, *parties, *result;

	hospitals = json_loads("{\"run\":\"run1\",\"settlements\":[" CLAIMED_ROW("settled") "]}", 0, NULL);
	text_format(text, sizeof(text),
	        "{\"settlements\":[%s],\"claims\":[{\"insurer\":\"甲\",\"ownVisit\":\"run1MZ1\",\"setlId\":\"S1\","
	        "\"status\":\"PAID\",\"totalFee\":%d,\"payable\":7,\"paid\":7,\"payments\":[%s]}],\"payouts\":[%s],"
	        "\"entries\":[%s],\"conflicts\":[%s]}",
	        PLATFORM_ROW("effective", "80"), strstr(row->it, "wrong otherwise") != NULL ? 101 : 100, row->told,
	        row->payouts, row->entries, row->conflicts);
	parties = json_loads(text, 0, NULL);
	assert_non_null(hospitals);
	assert_non_null(parties);
	result = ledgers_compare(hospitals, parties);
	assert_int_equal(json_number(result, "one_sided", -1), row->one_sided);
	json_decref(result);
	json_decref(hospitals);
	json_decref(parties);
}

/* A claim left to us is paid the way that its hospital's route names, and counted by who paid it last. */
static void test_paid_over(void **state)
{
	static const struct {
		const char *wanted, *payments, *payouts, *entries, *by;
		int one_sided, corrected;
	} rows[] = {
		{ "file", TOLD("IN1"), "{\"pay_ref\":\"IN1\",\"amount_fen\":7,\"face\":\"file\"}", BOOKED("IN1", "7"),
		        "file", 0, 0 },
		{ "iso20022", TOLD("IN1"), "{\"pay_ref\":\"IN1\",\"amount_fen\":7,\"face\":\"file\"}",
		        BOOKED("IN1", "7"), "file", 1, 0 },
		{ "link", "{\"by\":\"INSURER\",\"payState\":\"PAID\"}", "", "", "insurer", 1, 0 },
		{ "link", TOLD("IN1") "," TOLD_BACK("IN1") "," TOLD("IN2"),
		        "{\"pay_ref\":\"IN1\",\"amount_fen\":7,\"face\":\"link\"},{\"pay_ref\":\"IN2\",\"amount_fen\":7,"
		        "\"face\":\"link\"}",
		        BOOKED("IN1", "7") "," BACK("IN1", "7") "," BOOKED("IN2", "7"), "link", 0, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		json_t *hospitals =
		        json_loads("{\"run\":\"run1\",\"settlements\":[" CLAIMED_ROW("settled") "]}", 0, NULL);
		json_t *parties, *result, *by;
		char text[4096];

		json_object_set_new(json_array_get(json_object_get(hospitals, "settlements"), 0), "paid_over",
		        json_string(rows[i].wanted));
		text_format(text, sizeof(text),
		        "{\"settlements\":[%s],\"claims\":[{\"insurer\":\"甲\",\"ownVisit\":\"run1MZ1\",\"setlId\":\"S1\","
		        "\"status\":\"PAID\",\"totalFee\":100,\"payable\":7,\"paid\":7,\"payments\":[%s]}],\"payouts\":[%s],"
		        "\"entries\":[%s]}",
		        PLATFORM_ROW("effective", "80"), rows[i].payments, rows[i].payouts, rows[i].entries);
		parties = json_loads(text, 0, NULL);
		assert_non_null(parties);
		result = ledgers_compare(hospitals, parties);
		assert_int_equal(json_number(result, "one_sided", -1), rows[i].one_sided);
		by = json_object_get(json_object_get(json_object_get(result, "claims"), "甲"), "paid_by");
		assert_int_equal(json_object_size(by), 1);
		by = json_object_get(by, rows[i].by);
		assert_int_equal(json_number(by, "paid", -1), 1);
		assert_int_equal(json_number(by, "corrected", -1), rows[i].corrected);
		assert_int_equal(json_number(by, "asked_back", -1), 0);
		json_decref(result);
		json_decref(hospitals);
		json_decref(parties);
	}
}

/* What an agency has ordered: paid once, to that account, over that channel. */
static void test_order_side(void **state)
{
	static const struct {
		const char *payouts, *entries;
		int one_sided;
	} rows[] = {
		{ "{\"pay_ref\":\"MA1\",\"amount_fen\":7,\"payee\":\"A\",\"face\":\"file\"}", BOOKED("MA1", "7"), 0 },
		{ "{\"pay_ref\":\"MA1\",\"amount_fen\":7,\"payee\":\"A\",\"face\":\"link\"}", BOOKED("MA1", "7"), 1 },
		{ "{\"pay_ref\":\"MA1\",\"amount_fen\":7,\"payee\":\"B\",\"face\":\"file\"}", BOOKED("MA1", "7"), 1 },
		{ "{\"pay_ref\":\"MA1\",\"amount_fen\":7,\"payee\":\"A\",\"face\":\"file\"}", "", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		json_t *hospitals = json_loads("{\"run\":\"run1\",\"orders\":[{\"pay_ref\":\"MA1\",\"account\":\"A\","
		                               "\"amount_fen\":7,\"is_paid\":true,\"face\":\"file\"}]}",
		        0, NULL);
		json_t *parties, *result;
		char text[1024];

		text_format(
		        text, sizeof(text), "{\"payouts\":[%s],\"entries\":[%s]}", rows[i].payouts, rows[i].entries);
		parties = json_loads(text, 0, NULL);
		result = ledgers_compare(hospitals, parties);
		assert_int_equal(json_number(result, "one_sided", -1), rows[i].one_sided);
		json_decref(result);
		json_decref(hospitals);
		json_decref(parties);
	}
}

#define AT(ref, account, fen)                                                                                          \
	DRAWN(ref, fen)                                                                                                \
	",{\"pay_ref\":\"" ref "\",\"account\":\"" account "\",\"dc\":\"C\",\"reversal\":\"\",\"amount_fen\":" fen "}"
#define OFF(ref, account, fen)                                                                                         \
	HAD_BACK(ref, fen)                                                                                             \
	",{\"pay_ref\":\"" ref "\",\"account\":\"" account                                                             \
	"\",\"dc\":\"D\",\"reversal\":\"return\",\"amount_fen\":" fen "}"

/* Came back from a wrong account and was ordered anew: once on the right one, nothing on the wrong one. */
static void test_reordered_side(void **state)
{
	static const struct {
		const char *entries;
		int one_sided, reordered;
	} rows[] = {
		{ AT("MA1", "A", "7") "," OFF("MA1", "A", "7") "," AT("MA2", "B", "7"), 0, 1 },
		{ AT("MA1", "A", "7") "," AT("MA2", "B", "7"), 2, 0 },
		{ AT("MA1", "A", "7") "," OFF("MA1", "A", "7"), 2, 0 },
		{ AT("MA1", "A", "7") "," OFF("MA1", "A", "7") "," AT("MA2", "B", "7") "," AT("MA3", "B", "7"), 1, 0 },
		{ AT("MA1", "A", "7") "," OFF("MA1", "A", "7") "," AT("MA2", "B", "7") "," AT("MA3", "A", "7"), 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		json_t *hospitals =
		        json_loads("{\"run\":\"run1\",\"orders\":[{\"pay_ref\":\"MA1\",\"account\":\"A\","
		                   "\"amount_fen\":7,\"is_paid\":false},{\"pay_ref\":\"MA2\",\"account\":\"B\","
		                   "\"amount_fen\":7,\"is_paid\":true,\"wrong_account\":\"A\"}]}",
		                0, NULL);
		json_t *parties, *result;
		char text[4096];

		text_format(text, sizeof(text),
		        "{\"payouts\":[{\"pay_ref\":\"MA1\",\"amount_fen\":7,\"payee\":\"A\"},"
		        "{\"pay_ref\":\"MA2\",\"amount_fen\":7,\"payee\":\"B\"}],\"entries\":[%s]}",
		        rows[i].entries);
		parties = json_loads(text, 0, NULL);
		result = ledgers_compare(hospitals, parties);
		assert_int_equal(json_number(result, "one_sided", -1), rows[i].one_sided);
		assert_int_equal(json_number(json_object_get(result, "payouts"), "reordered", -1), rows[i].reordered);
		json_decref(result);
		json_decref(hospitals);
		json_decref(parties);
	}
}

/* The published vector of the header signature. */
static void test_signature_vector(void **state)
{
	assert_true(signature_is_right("1741915815", "ExampleToken0123456789abcdef", "6f1c2d3e4a5b4c6d8e9f0a1b2c3d4e5f",
	        "922D74cd67dd455917b82f0ff18d2f6d4900548fb94c6760087ab06a9f0c18ab"));
	assert_false(
	        signature_is_right("1741915816", "ExampleToken0123456789abcdef", "6f1c2d3e4a5b4c6d8e9f0a1b2c3d4e5f",
	                "922d74cd67dd455917b82f0ff18d2f6d4900548fb94c6760087ab06a9f0c18ab"));
}

static void test_invented_people(void **state)
{
	struct traffic one, same, other;

	assert_int_equal(certno_check_digit("33021319790615273"), '1'); /* of the published example */
	traffic_invent(&one, 5, 50, 3, 4);
	traffic_invent(&same, 5, 50, 3, 4);
	traffic_invent(&other, 6, 50, 3, 4);
	for (size_t i = 0; i < one.n_patients; i++) {
		assert_int_equal(one.patients[i].certno[17], certno_check_digit(one.patients[i].certno));
		assert_string_equal(one.patients[i].certno, same.patients[i].certno);
		assert_int_equal(one.bills[i].total_fen, same.bills[i].total_fen);
		assert_true(one.bills[i].total_fen > 0);
	}
	assert_string_not_equal(one.patients[0].certno, other.patients[0].certno);
	traffic_free(&one);
	traffic_free(&same);
	traffic_free(&other);
}

/* The hub. */

static struct {
	struct hub_book *book;
	struct hub_keys *keys;
	int64_t now_ms, late_ms; /* late_ms: how long a message is on its way */
	char time[18];           /* in every number */
	const struct hub_result *result;
	bool is_repeat;
} hub;

static void key_write(const char *folder, const char *area)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
	char path[300];
	FILE *file;

	text_format(path, sizeof(path), "%s/%s.key", folder, area);
	file = fopen(path, "we");
	assert_non_null(file);
	PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
	fclose(file);
	text_format(path, sizeof(path), "%s/%s.pub", folder, area);
	file = fopen(path, "we");
	assert_non_null(file);
	PEM_write_PUBKEY(file, key);
	fclose(file);
	EVP_PKEY_free(key);
}

static char hub_folder[] = "/tmp/yt-hub-XXXXXX";

static int hub_setup(void **state)
{
	json_t *person = json_pack("{s:s, s:s, s:s, s:s, s:b, s:s}", "certno", "621002197203164015", "name", "苏望川",
	        "insutype", "390", "insuplc_admdvs", "621000", "aid", 1, "psn_no", "62100000000000000000876543");

	memcpy(hub_folder, "/tmp/yt-hub-XXXXXX", sizeof(hub_folder));
	if (mkdtemp(hub_folder) == NULL)
		return -1;
	key_write(hub_folder, "330000");
	key_write(hub_folder, "620000");
	hub.keys = hub_keys_open(hub_folder);
	hub.book = hub_book_new(30);
	hub.now_ms = clock_wall_ms();
	hub.late_ms = 0;
	time_digits(hub.now_ms, hub.time);
	hub_person_add(hub.book, person);
	json_decref(person);
	return 0;
}

static int hub_teardown(void **state)
{
	static const char *const names[] = { "330000.key", "330000.pub", "620000.key", "620000.pub" };
	char path[300];

	for (size_t i = 0; i < 4; i++) {
		text_format(path, sizeof(path), "%s/%s", hub_folder, names[i]);
		remove(path);
	}
	remove(hub_folder);
	hub_book_free(hub.book);
	hub_keys_close(hub.keys);
	return 0;
}

/* Sends input (without its tags) as transno with the serial, in either encoding; returns the code. */
static int hub_ask(const char *transno, int serial, bool is_gb18030, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

static char hub_transid[31], hub_digest[65];

static int hub_ask(const char *transno, int serial, bool is_gb18030, const char *format, ...)
{
	static struct hub_message heard;
	char input[4000] = "<input>", refused[128], *octets;
	struct hub_message m = { .expire_s = 30, .is_gb18030 = is_gb18030 };
	const char *why = "";
	va_list args;
	size_t len;

	va_start(args, format);
	vsnprintf(input + 7, sizeof(input) - 20, format, args);
	va_end(args);
	strcat(input, "</input>");
	text_format(m.transno, sizeof(m.transno), "%s", transno);
	text_format(m.msgtype, sizeof(m.msgtype), "Q");
	text_format(m.sender, sizeof(m.sender), "330000");
	text_format(m.recver, sizeof(m.recver), "620000");
	text_format(m.aab299, sizeof(m.aab299), "330200");
	text_format(m.aab301, sizeof(m.aab301), "621000");
	text_format(m.transid, sizeof(m.transid), "330000%.14s%010d", hub.time, serial);
	octets = hub_request(hub.keys, &m, input, hub.now_ms, &len);
	hub_message_free(&heard);
	assert_int_equal(hub_read(hub.keys, octets, len, &heard, &why), 0);
	free(octets);
	memcpy(hub_transid, heard.transid, sizeof(hub_transid));
	memcpy(hub_digest, heard.digest, sizeof(hub_digest));
	hub.result = hub_book_run(hub.book, hub.keys, &heard, hub.now_ms + hub.late_ms, &hub.is_repeat, refused);
	hub_message_free(&heard);
	return hub.result->code;
}

#define HUB_PERSON                                                                                                     \
	"<aac001>62100000000000000000876543</aac001><aac044>621002197203164015</aac044><aac003>苏望川</aac003>"
#define HUB_PARTY "<akb026>H33020300999</akb026>"
#define HUB_LINES                                                                                                      \
	"<detail><row><ykc610>0001</ykc610><ake001>ZD03AAA0001</ake001><akc226>1</akc226><akc225>28463.57</akc225>"    \
	"<akc264>28463.57</akc264><akc228>2715.17</akc228><akc253>1820.40</akc253><akc268>236.00</akc268>"             \
	"<ake171>23692.00</ake171></row></detail>"

static char hub_visit[21];

static void hub_taken(const char *name, char *out, size_t size)
{
	const char *at = hub.result->output == NULL ? NULL : strstr(hub.result->output, name);

	assert_non_null(at);
	text_format(out, size, "%.20s", at + strlen(name));
}

static void hub_open(bool is_gb18030)
{
	assert_int_equal(
	        hub_ask("0212", 1, is_gb18030, HUB_PARTY HUB_PERSON "<aka130>21</aka130><akc190>ZY1</akc190>"), 0);
	hub_taken("<ykc700>", hub_visit, sizeof(hub_visit));
	assert_int_equal(hub_ask("0301", 2, is_gb18030, HUB_PARTY "<ykc700>%s</ykc700>" HUB_LINES, hub_visit), 0);
}

static int hub_settle(int serial, bool is_gb18030, const char *total)
{
	static const char listed[] = "0001|ZD03AAA0001|1.0000|28463.5700|28463.57\n";
	char hash[65];

	sm3_hex(listed, sizeof(listed) - 1, hash);
	return hub_ask("0304", serial, is_gb18030,
	        HUB_PARTY HUB_PERSON "<ykc700>%s</ykc700><akc264>%s</akc264><ake171>23692.00</ake171><feecnt>1</feecnt>"
	                             "<feehash>%s</feehash><ake122>0</ake122>",
	        hub_visit, total, hash);
}

static json_int_t hub_in_force(void)
{
	json_t *ledger = hub_book_ledger(hub.book), *row;
	json_int_t n = 0;
	size_t i;

	json_array_foreach(json_object_get(ledger, "settlements"), i, row) n +=
	        strcmp(json_text(row, "kind"), "settle") == 0 && strcmp(json_text(row, "state"), "effective") == 0;
	json_decref(ledger);
	return n;
}

static void test_hub_settles_as_published(void **state)
{
	static const char *const amounts[] = { "<ake039>11380.60</ake039>", "<aae045>4386.84</aae045>",
		"<ake181>5547.19</ake181>", "<ake149>21314.63</ake149>", "<akb067>7148.94</akb067>",
		"<aka151>3000.00</aka151>" };

	for (int is_gb18030 = 0; is_gb18030 < 2; is_gb18030++) {
		if (is_gb18030) {
			hub_teardown(state);
			hub_setup(state);
		}
		hub_open(is_gb18030);
		assert_int_equal(hub_settle(3, is_gb18030, "28463.57"), 0);
		for (size_t i = 0; i < sizeof(amounts) / sizeof(*amounts); i++)
			assert_non_null(strstr(hub.result->output, amounts[i]));
		assert_int_equal(hub_in_force(), 1);
	}
}

static void test_hub_knows_a_message_again(void **state)
{
	hub_open(false);
	assert_int_equal(hub_settle(3, false, "28463.57"), 0);
	assert_false(hub.is_repeat);
	hub.now_ms += 60000; /* long expired: the stored answer wins */
	assert_int_equal(hub_settle(3, false, "28463.57"), 0);
	assert_true(hub.is_repeat);
	assert_int_equal(hub_settle(3, false, "28463.58"), -1006); /* other content */
	assert_int_equal(hub_settle(4, false, "28463.57"), -3004); /* another number: settled already */
	assert_int_equal(hub_in_force(), 1);
}

static void test_hub_lines_must_agree(void **state)
{
	hub_open(false);
	assert_int_equal(hub_settle(3, false, "28463.58"), -3010);
	assert_int_equal(hub_ask("0301", 4, false, HUB_PARTY "<ykc700>%s</ykc700>" HUB_LINES, hub_visit), -3022);
	assert_int_equal(hub_in_force(), 0);
}

static int hub_reverse(int serial, const char *transid)
{
	return hub_ask("1301", serial, false, HUB_PARTY "<otransno>0304</otransno><otransid>%s</otransid>", transid);
}

static void test_hub_reverses(void **state)
{
	char transid[31];

	hub_open(false);
	assert_int_equal(hub_settle(3, false, "28463.57"), 0);
	memcpy(transid, hub_transid, sizeof(transid));
	assert_int_equal(hub_reverse(4, transid), 0);
	assert_non_null(strstr(hub.result->output, "<effect>1</effect>"));
	assert_int_equal(hub_in_force(), 0);
	assert_int_equal(hub_reverse(5, transid), 0);
	assert_non_null(strstr(hub.result->output, "<effect>3</effect>"));
}

static void test_hub_tombstone_beats_the_original(void **state)
{
	char transid[31];

	hub_open(false);
	text_format(transid, sizeof(transid), "330000%.14s%010d", hub.time, 3);
	assert_int_equal(hub_reverse(4, transid), 0);
	assert_non_null(strstr(hub.result->output, "<effect>2</effect>"));
	assert_int_equal(hub_settle(3, false, "28463.57"), -3006);
	assert_int_equal(hub_in_force(), 0);
}

static int hub_outcome(int serial, const char *transid, const char *digest)
{
	return hub_ask("P201", serial, false,
	        HUB_PARTY "<otransno>0304</otransno><otransid>%s</otransid><odigest>%s</odigest>", transid, digest);
}

static void test_hub_tells_an_outcome(void **state)
{
	char transid[31], digest[65];

	hub_open(false);
	text_format(transid, sizeof(transid), "330000%.14s%010d", hub.time, 3);
	assert_int_equal(hub_outcome(9, transid, "x"), 0);
	assert_non_null(strstr(hub.result->output, "<ostate>5</ostate>")); /* it may still come */
	hub.now_ms += 32000;
	assert_int_equal(hub_outcome(10, transid, "x"), 0);
	assert_non_null(strstr(hub.result->output, "<ostate>0</ostate>"));
	assert_int_equal(hub_settle(3, false, "28463.57"), 0);
	memcpy(transid, hub_transid, sizeof(transid));
	memcpy(digest, hub_digest, sizeof(digest));
	assert_int_equal(hub_outcome(5, transid, digest), 0);
	assert_non_null(strstr(hub.result->output, "<ostate>2</ostate><oresult>"));
	assert_int_equal(hub_outcome(6, transid, "of other content"), -1006);
	assert_int_equal(hub_reverse(7, transid), 0);
	assert_int_equal(hub_outcome(8, transid, digest), 0);
	assert_non_null(strstr(hub.result->output, "<ostate>4</ostate>"));
}

static void test_hub_expiry(void **state)
{
	hub_open(false);
	hub.late_ms = 31000;
	assert_int_equal(hub_settle(3, false, "28463.57"), -1007);
	assert_int_equal(hub_in_force(), 0);
	hub.late_ms = 29000;
	assert_int_equal(hub_settle(4, false, "28463.57"), 0);
}

/* crossprovince.md 8.4 */
static void test_hub_digests(void **state)
{
	static const char three[] = "0001|ZD03AAA0001|2.0000|12.5000|25.00\n0002|ZD03AAA0002|1.0000|136.8000|136.80\n"
	                            "0003|ZD03AAA0002|-1.0000|136.8000|-136.80\n";
	char digest[65];

	sm3_hex("abc", 3, digest);
	assert_string_equal(digest, "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
	sm3_hex(three, sizeof(three) - 1, digest);
	assert_string_equal(digest, "9c2158252e487968e1a87d59782904a7a6709b8bec29b7f1976aa84afbb3f49e");
}

#define N(rows) (sizeof(rows) / sizeof(*(rows)))
#define HUB_TEST(test) cmocka_unit_test_setup_teardown(test, hub_setup, hub_teardown)
#define BOOK_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	static const struct CMUnitTest fixed[] = {
		cmocka_unit_test(test_rules_hold_for_any_bill),
		BOOK_TEST(test_settles_once),
		BOOK_TEST(test_sum_of_lines_must_match),
		BOOK_TEST(test_lines_are_not_taken_twice),
		BOOK_TEST(test_cancel_gives_back_and_refuses_again),
		BOOK_TEST(test_reversal_of_a_settlement),
		BOOK_TEST(test_reversal_of_a_cancel_revives),
		BOOK_TEST(test_late_effect_needs_a_second_reversal),
		BOOK_TEST(test_doubling_shows),
		BOOK_TEST(test_changes),
		BOOK_TEST(test_newest_sign_in_counts),
		cmocka_unit_test(test_many_ledgers),
		cmocka_unit_test(test_a_share_of_the_requests_is_struck),
		cmocka_unit_test(test_spent_faults_are_not_listed),
		cmocka_unit_test(test_a_port_is_held_once),
		cmocka_unit_test(test_amounts_keep_two_decimals),
		cmocka_unit_test(test_paid_over),
		cmocka_unit_test(test_order_side),
		cmocka_unit_test(test_reordered_side),
		cmocka_unit_test(test_signature_vector),
		cmocka_unit_test(test_invented_people),
		HUB_TEST(test_hub_settles_as_published),
		HUB_TEST(test_hub_knows_a_message_again),
		HUB_TEST(test_hub_lines_must_agree),
		HUB_TEST(test_hub_reverses),
		HUB_TEST(test_hub_tombstone_beats_the_original),
		HUB_TEST(test_hub_tells_an_outcome),
		HUB_TEST(test_hub_expiry),
		cmocka_unit_test(test_hub_digests),
	};
	struct CMUnitTest tests[N(fixed) + N(line_cases) + N(settle_cases) + N(side_cases) + N(claim_side_cases) +
	                        N(payout_side_cases)];
	size_t n = N(fixed);

	memcpy(tests, fixed, sizeof(fixed));
	for (size_t i = 0; i < N(line_cases); i++)
		tests[n++] = (struct CMUnitTest){ line_cases[i].it, test_line, NULL, NULL,
			(void *)(uintptr_t)&line_cases[i] };
	for (size_t i = 0; i < N(settle_cases); i++)
		tests[n++] = (struct CMUnitTest){ settle_cases[i].it, test_settle, NULL, NULL,
			(void *)(uintptr_t)&settle_cases[i] };
	for (size_t i = 0; i < N(side_cases); i++)
		tests[n++] = (struct CMUnitTest){ side_cases[i].it, test_side, NULL, NULL,
			(void *)(uintptr_t)&side_cases[i] };
	for (size_t i = 0; i < N(claim_side_cases); i++)
		tests[n++] = (struct CMUnitTest){ claim_side_cases[i].it, test_claim_side, NULL, NULL,
			(void *)(uintptr_t)&claim_side_cases[i] };
	for (size_t i = 0; i < N(payout_side_cases); i++)
		tests[n++] = (struct CMUnitTest){ payout_side_cases[i].it, test_payout_side, NULL, NULL,
			(void *)(uintptr_t)&payout_side_cases[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
