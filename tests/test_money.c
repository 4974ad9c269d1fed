/* tests/test_money.c - what must add up (nhsa.md 3.1, insurer.md 2): each rule, its tolerance, its other field names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "yitong/json.h"
#include "yitong/message.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ANSWER (YT_MONEY_SPLIT | YT_MONEY_PAYERS | YT_MONEY_FUNDS)

/* The published 2207 answer's amounts; OTHER replaces what a row is about. */
#define SPLIT                                                                                                          \
	"\"medfee_sumamt\":286.40,\"fulamt_ownpay_amt\":12.00,\"overlmt_selfpay\":0.00,\"preselfpay_amt\":14.40,"      \
	"\"inscp_scp_amt\":260.00,"
#define FUNDS                                                                                                          \
	"\"hifp_pay\":200.00,\"cvlserv_pay\":1.00,\"hifes_pay\":1.00,\"hifmi_pay\":1.00,\"hifob_pay\":1.00,"           \
	"\"hifdm_pay\":1.00,\"maf_pay\":1.00,\"oth_pay\":2.00,\"fund_pay_sumamt\":208.00,"
#define PERSON "\"psn_part_amt\":78.40,\"acct_pay\":50.00,\"psn_cash_pay\":28.40,\"hosp_part_amt\":0.00"
#define MINUS                                                                                                          \
	"{\"setlinfo\":{\"medfee_sumamt\":-286.40,\"fulamt_ownpay_amt\":-12,\"preselfpay_amt\":-14.4,"                 \
	"\"inscp_scp_amt\":-260,\"hifp_pay\":-208,\"fund_pay_sumamt\":-208,\"acct_pay\":-50,"

#define OWN                                                                                                            \
	"\"medfee_sumamt\":90.00,\"psn_cash_pay\":30.00,\"self_in_amt\":25.00,\"preselfpay_amt\":2.00,"                \
	"\"overlmt_selfpay\":1.00,\"fulamt_ownpay_amt\":2.00"
#define LINES                                                                                                          \
	"\"feedetail\":[{\"det_item_fee_sumamt\":88,\"fulamt_ownpay_amt\":0},{\"det_item_fee_sumamt\":2,"              \
	"\"fulamt_ownpay_amt\":2}]"

static const struct sum {
	const char *it;
	unsigned rules;
	const char *body;
	bool holds;
	const char *why; /* part of the text of a breach */
} sums[] = {
	{ "the published answer adds up", ANSWER, "{\"setlinfo\":{" SPLIT FUNDS PERSON "}}", true, NULL },
	{ "amounts as texts add up", ANSWER,
	        "{\"setlinfo\":{\"medfee_sumamt\":\"10\",\"inscp_scp_amt\":\"10.00\",\"acct_pay\":\"\",\"psn_part_"
	        "amt\":\"10.0\","
	        "\"psn_cash_pay\":\"10\",\"hosp_part_amt\":null}}",
	        true, NULL },
	{ "R1: one fen too much", YT_MONEY_SPLIT,
	        "{\"data\":{\"medfee_sumamt\":286.41,\"fulamt_ownpay_amt\":12.00,\"overlmt_selfpay\":0.00,\"preselfpay_"
	        "amt\":14.40,"
	        "\"inscp_scp_amt\":260.00}}",
	        false, "data.medfee_sumamt is 286.41" },
	{ "R1: parts left out are not compared", YT_MONEY_SPLIT, "{\"data\":{\"medfee_sumamt\":286.41}}", true, NULL },
	{ "R1: parts sent empty are not compared", YT_MONEY_SPLIT,
	        "{\"data\":{\"medfee_sumamt\":286.41,\"fulamt_ownpay_amt\":\"\",\"overlmt_selfpay\":null,\"preselfpay_"
	        "amt\":\"\","
	        "\"inscp_scp_amt\":\"\"}}",
	        true, NULL },
	{ "R1: one part alone is compared", YT_MONEY_SPLIT,
	        "{\"data\":{\"medfee_sumamt\":286.41,\"inscp_scp_amt\":286.40}}", false, "add up to 286.40" },
	{ "R2: the hospital's part is missing", YT_MONEY_PAYERS,
	        "{\"setlinfo\":{\"medfee_sumamt\":100.00,\"fund_pay_sumamt\":60.00,\"psn_part_amt\":30.00,\"acct_pay\":"
	        "10.00,"
	        "\"psn_cash_pay\":20.00}}",
	        false, "setlinfo.medfee_sumamt is 100.00" },
	{ "R2: the hospital's part is there", YT_MONEY_PAYERS,
	        "{\"setlinfo\":{\"medfee_sumamt\":100.00,\"fund_pay_sumamt\":60.00,\"psn_part_amt\":30.00,\"acct_pay\":"
	        "10.00,"
	        "\"psn_cash_pay\":20.00,\"hosp_part_amt\":10.00}}",
	        true, NULL },
	{ "R3: person is not account and cash", YT_MONEY_PAYERS,
	        "{\"setlinfo\":{\"medfee_sumamt\":100.00,\"fund_pay_sumamt\":60.00,\"psn_part_amt\":40.00,\"acct_pay\":"
	        "10.00,"
	        "\"psn_cash_pay\":29.99}}",
	        false, "psn_part_amt" },
	{ "R4: a fund is missing", YT_MONEY_FUNDS, "{\"setlinfo\":{\"fund_pay_sumamt\":208.00,\"hifp_pay\":207.99}}",
	        false, "the fund fields" },
	{ "R4: no fund is said", YT_MONEY_FUNDS, "{\"setlinfo\":{\"fund_pay_sumamt\":208.00}}", false,
	        "the fund fields" },
	{ "R4: a cancel that says totals alone", ANSWER,
	        "{\"setlinfo\":{\"medfee_sumamt\":-25.00,\"fund_pay_sumamt\":-20.00,\"acct_pay\":-1.00,\"psn_cash_pay\":-4.00}}",
	        true, NULL },
	{ "R4: the fund of the disabled counts", YT_MONEY_FUNDS,
	        "{\"setlinfo\":{\"fund_pay_sumamt\":208.00,\"hifp_pay\":200.00,\"hifdm_pay\":8.00}}", true, NULL },
	{ "a cancel without person's amount, misspelt cash", ANSWER,
	        MINUS "\"psn_part_amt\":null,\"pdn_cash_pay\":-28.40}}", true, NULL },
	{ "a cancel with cash one fen off", ANSWER, MINUS "\"psn_part_amt\":null,\"pdn_cash_pay\":-28.41}}", false,
	        "medfee_sumamt is -286.40" },
	{ "a cancel whose sign is wrong", ANSWER, MINUS "\"pdn_cash_pay\":28.40}}", false, NULL },
	{ "a settlement query's names", ANSWER,
	        "{\"setlinfo\":{" SPLIT FUNDS "\"psn_pay\":78.40,\"acct_pay\":50.00,\"cash_payamt\":28.40}}", true,
	        NULL },
	{ "a settlement query that does not add up", ANSWER,
	        "{\"setlinfo\":{" SPLIT FUNDS "\"psn_pay\":78.40,\"acct_pay\":50.00,\"cash_payamt\":28.39}}", false,
	        "psn_part_amt (psn_pay) is 78.40" },
	{ "half a fen is no amount", ANSWER, "{\"setlinfo\":{\"medfee_sumamt\":0.005}}", false, "is not an amount" },
	{ "an object is no amount", ANSWER, "{\"setlinfo\":{\"medfee_sumamt\":{}}}", false, "is not an amount" },
	{ "no rule, no breach", YT_MONEY_NONE, "{\"setlinfo\":{\"medfee_sumamt\":1.00}}", true, NULL },
	{ "nothing to check", ANSWER | YT_MONEY_LINES, "{}", true, NULL },
	{ "R7: a line is quantity times price", YT_MONEY_LINES,
	        "{\"feedetail\":[{\"det_item_fee_sumamt\":3.33,\"cnt\":3.0000,\"pric\":1.11}]}", true, NULL },
	{ "R7: one fen is tolerated", YT_MONEY_LINES,
	        "{\"feedetail\":[{\"det_item_fee_sumamt\":3.34,\"cnt\":\"3\",\"pric\":\"1.110000\"}]}", true, NULL },
	{ "R7: two fen are not", YT_MONEY_LINES,
	        "{\"feedetail\":[{\"det_item_fee_sumamt\":3.33,\"cnt\":3,\"pric\":1.11},{\"det_item_fee_sumamt\":3.35,"
	        "\"cnt\":3,"
	        "\"pric\":1.11}]}",
	        false, "feedetail[1].det_item_fee_sumamt is 3.35" },
	{ "R7: half a fen rounds away from zero", YT_MONEY_LINES,
	        "{\"feedetail\":[{\"det_item_fee_sumamt\":0.02,\"cnt\":1,\"pric\":0.005}]}", true, NULL },
	{ "R7: less than half a fen does not round up", YT_MONEY_LINES,
	        "{\"feedetail\":[{\"det_item_fee_sumamt\":0.02,\"cnt\":1,\"pric\":0.004999}]}", false, NULL },
	{ "R7: a refund line", YT_MONEY_LINES,
	        "{\"feedetail\":[{\"det_item_fee_sumamt\":-3.33,\"cnt\":-3,\"pric\":1.11}]}", true, NULL },
	{ "R7: a refund line with the wrong sign", YT_MONEY_LINES,
	        "{\"feedetail\":[{\"det_item_fee_sumamt\":3.33,\"cnt\":-3,\"pric\":1.11}]}", false, NULL },
	{ "R7: the largest line there can be", YT_MONEY_LINES,
	        "{\"feedetail\":[{\"det_item_fee_sumamt\":99999999999999.99,\"cnt\":999999999999.9999,\"pric\":"
	        "9999999999.999999}]}",
	        false, "add up to" },
	{ "R7: a line whose product needs more than 64 bits", YT_MONEY_LINES,
	        "{\"feedetail\":[{\"det_item_fee_sumamt\":99999999000000.00,\"cnt\":100000000,\"pric\":999999.99}]}",
	        true, NULL },
	{ "a claim's own parts are what the person bears", YT_MONEY_CLAIM, "{\"data\":{" OWN "}}", true, NULL },
	{ "a claim's own parts are one fen short", YT_MONEY_CLAIM, "{\"data\":{" OWN ",\"x\":0,\"acct_pay\":0.01}}",
	        false, "psn_cash_pay is 30.01, but self_in_amt" },
	{ "without the share inside the catalogue they are not compared", YT_MONEY_CLAIM,
	        "{\"data\":{\"psn_cash_pay\":30.00,\"preselfpay_amt\":1}}", true, NULL },
	{ "a claim's lines and invoices", YT_MONEY_CLAIM, "{\"data\":{" OWN "}," LINES ",\"bill\":[{\"bill_amt\":90}]}",
	        true, NULL },
	{ "one invoice may cover more", YT_MONEY_CLAIM, "{\"data\":{" OWN "},\"bill\":[{\"bill_amt\":90.01}]}", true,
	        NULL },
	{ "invoices may not cover less", YT_MONEY_CLAIM,
	        "{\"data\":{" OWN "},\"bill\":[{\"bill_amt\":40},{\"bill_amt\":49.99}]}", false,
	        "the invoices add up to 89.99" },
	{ "a claim's lines are not its total", YT_MONEY_CLAIM,
	        "{\"data\":{" OWN "},\"feedetail\":[{\"det_item_fee_sumamt\":90.01,\"fulamt_ownpay_amt\":2}]}", false,
	        "the fee lines add up to 90.01" },
	{ "a claim's lines say another part outside the catalogue", YT_MONEY_CLAIM,
	        "{\"data\":{" OWN "},\"feedetail\":[{\"det_item_fee_sumamt\":90,\"fulamt_ownpay_amt\":1.99}]}", false,
	        "those of the fee lines add up to 1.99" },
	{ "a claim with a line that is no amount", YT_MONEY_CLAIM,
	        "{\"data\":{" OWN "},\"feedetail\":[{\"det_item_fee_sumamt\":\"x\"}]}", false,
	        "feedetail[0].det_item_fee_sumamt is not an amount" },
	{ "a decision is the sum of its liabilities", YT_MONEY_DECISION,
	        "{\"data\":{\"payable_amt\":3},\"liability\":[{\"pay_amt\":1},{\"pay_amt\":2}]}", true, NULL },
	{ "a decision without liabilities is not compared", YT_MONEY_DECISION, "{\"data\":{\"payable_amt\":3}}", true,
	        NULL },
	{ "a decision that was paid", YT_MONEY_DECISION,
	        "{\"data\":{\"payable_amt\":\"3.00\",\"paid_amt\":3,\"pay_state\":\"PAID\"}}", true, NULL },
	{ "a decision of which another sum was paid", YT_MONEY_DECISION,
	        "{\"data\":{\"payable_amt\":3,\"paid_amt\":\"2.99\",\"pay_state\":\"PAID\"}}", false,
	        "payable_amt is 3.00, but paid_amt add up to 2.99" },
	{ "a decision one fen off", YT_MONEY_DECISION,
	        "{\"data\":{\"payable_amt\":3.01},\"liability\":[{\"pay_amt\":1},{\"pay_amt\":2}]}", false,
	        "the liabilities add up to 3.00" },
	{ "R7: a quantity finer than its field", YT_MONEY_LINES,
	        "{\"feedetail\":[{\"det_item_fee_sumamt\":1.00,\"cnt\":0.00001,\"pric\":1}]}", false,
	        "is not a decimal number" },
	{ "a list of payouts adds up", YT_MONEY_PAYOUTS,
	        "{\"data\":{\"pay_cnt\":2,\"pay_sumamt\":\"3.00\"},\"payout\":[{\"pay_amt\":1},{\"pay_amt\":\"2.00\"}]}",
	        true, NULL },
	{ "a list of payouts that is a fen off", YT_MONEY_PAYOUTS,
	        "{\"data\":{\"pay_sumamt\":\"3.01\"},\"payout\":[{\"pay_amt\":1},{\"pay_amt\":\"2.00\"}]}", false,
	        "data.pay_sumamt is 3.01, but the rows of payout add up to 3.00" },
	{ "a list of payouts with one too few", YT_MONEY_PAYOUTS,
	        "{\"data\":{\"pay_cnt\":3},\"payout\":[{\"pay_amt\":1},{\"pay_amt\":\"2.00\"}]}", false,
	        "data.pay_cnt is 3, but there are 2" },
	{ "a list of payouts with one of nothing", YT_MONEY_PAYOUTS,
	        "{\"data\":{},\"payout\":[{\"pay_amt\":1},{\"pay_amt\":0}]}", false, "payout[1].pay_amt must be more" },
	{ "a report of payouts without amounts", YT_MONEY_PAYOUTS,
	        "{\"data\":{},\"payout\":[{\"pay_state\":\"PAID\"}]}", true, NULL },
	{ "a bank's totals add up", YT_MONEY_PAYOUTS,
	        "{\"data\":{\"pay_cnt\":3,\"pay_sumamt\":6,\"ok_cnt\":1,\"ok_amt\":1,\"fail_cnt\":1,\"fail_amt\":2,"
	        "\"open_cnt\":1,\"open_amt\":3}}",
	        true, NULL },
	{ "a bank's amounts do not add up", YT_MONEY_PAYOUTS,
	        "{\"data\":{\"pay_cnt\":3,\"pay_sumamt\":6,\"ok_cnt\":1,\"ok_amt\":1,\"fail_cnt\":1,\"fail_amt\":2,"
	        "\"open_cnt\":1,\"open_amt\":2}}",
	        false, "ok_amt, fail_amt and open_amt add up to 5.00" },
	{ "a bank's counts do not add up", YT_MONEY_PAYOUTS,
	        "{\"data\":{\"pay_cnt\":3,\"pay_sumamt\":6,\"ok_cnt\":1,\"ok_amt\":1,\"fail_cnt\":1,\"fail_amt\":2,"
	        "\"open_cnt\":2,\"open_amt\":3}}",
	        false, "data.pay_cnt is 3, but there are 4" },
#define STATEMENT(close, more)                                                                                            \
	"{\"statement\":[{\"open_bal\":10,\"close_bal\":" close more                                                      \
	",\"entry\":[{\"dc_flag\":\"D\",\"entry_amt\":3,\"bal_amt\":7,\"detail\":[{\"entry_amt\":1},{\"entry_amt\":2}]}," \
	"{\"dc_flag\":\"C\",\"entry_amt\":1,\"bal_amt\":8},{\"dc_flag\":\"D\",\"entry_amt\":5,\"entry_state\":\"PDNG\"}]}]}"
	{ "a statement adds up", YT_MONEY_STATEMENT, STATEMENT("8", ""), true, NULL },
	{ "a statement with an entry missing", YT_MONEY_STATEMENT, STATEMENT("7.99", ""), false,
	        "statement[0].close_bal is 7.99, but open_bal and the entries add up to 8.00" },
	{ "a page of a statement adds up by itself", YT_MONEY_STATEMENT, STATEMENT("99", ",\"page_cnt\":\"3\""), true,
	        NULL },
	{ "a running balance that breaks", YT_MONEY_STATEMENT,
	        "{\"statement\":[{\"open_bal\":10,\"close_bal\":8,\"entry\":[{\"dc_flag\":\"D\",\"entry_amt\":3,"
	        "\"bal_amt\":7},{\"dc_flag\":\"C\",\"entry_amt\":1,\"bal_amt\":9}]}]}",
	        false, "statement[0].entry[1].bal_amt is 9.00" },
	{ "a batch entry that is not its details", YT_MONEY_STATEMENT,
	        "{\"statement\":[{\"open_bal\":10,\"close_bal\":7,\"entry\":[{\"dc_flag\":\"D\",\"entry_amt\":3,"
	        "\"detail\":[{\"entry_amt\":1},{\"entry_amt\":1}]}]}]}",
	        false, "its details add up to 2.00" },
	{ "an entry without direction", YT_MONEY_STATEMENT,
	        "{\"statement\":[{\"open_bal\":10,\"close_bal\":7,\"entry\":[{\"entry_amt\":3}]}]}", false,
	        "entry[0].dc_flag is neither D nor C" },
	{ "a notice without balances is not added up", YT_MONEY_STATEMENT,
	        "{\"statement\":[{\"entry\":[{\"dc_flag\":\"C\",\"entry_amt\":3}]}]}", true, NULL },
};

static void money(void **state)
{
	const struct sum *row = *state;
	struct yt_arena *arena = yt_arena_new(0);
	struct yt_node *body;
	char why[256];
	int rv;

	assert_int_equal(yt_json_read(arena, yt_str(row->body), NULL, &body, NULL), 0);
	rv = yt_money_check(row->rules, body, why, sizeof(why));
	if (rv != (row->holds ? 0 : YT_EFORMAT))
		fail_msg("%s", why);
	if (row->why != NULL && strstr(why, row->why) == NULL)
		fail_msg("says \"%s\"", why);
	yt_arena_free(arena);
}

static void a_short_buffer_is_never_overrun(void **state)
{
	struct yt_arena *arena = yt_arena_new(0);
	struct yt_node *body;
	char why[9] = "........";

	assert_int_equal(
	        yt_json_read(arena, YT_STR("{\"data\":{\"medfee_sumamt\":1,\"inscp_scp_amt\":2}}"), NULL, &body, NULL),
	        0);
	assert_int_equal(yt_money_check(YT_MONEY_SPLIT, body, why, 8), YT_EFORMAT);
	assert_int_equal(why[7], '\0');
	yt_arena_free(arena);
}

/* The table says of every operation what it does: a settlement is one that changes money. */
static void every_operation_has_its_row(void **state)
{
	for (int id = 0; id < YT_OP_COUNT; id++) {
		const struct yt_op *op = yt_op((enum yt_operation)id);

		assert_int_equal(op->id, id);
		assert_true(strlen(op->name) > 0 && strlen(op->zh) > 0);
		if (op->is_settlement)
			assert_true(op->changes_state && op->reply_money != 0);
		for (int other = 0; other < id; other++)
			assert_string_not_equal(op->name, yt_op((enum yt_operation)other)->name);
	}
	assert_true(yt_op(YT_OP_UNREAD)->changes_state);
	assert_false(yt_op(YT_OP_OUTPATIENT_PRESETTLE)->changes_state);
	assert_true(yt_op(YT_OP_PAY_ORDER)->changes_state);
	assert_false(yt_op(YT_OP_PAY_QUERY)->changes_state);
	assert_string_equal(yt_op_business_key(YT_OP_PAY_ORDER), "pay_no");
	assert_null(yt_op_business_key(YT_OP_PAY_QUERY));
}

static void a_new_answer_is_unknown(void **state)
{
	struct yt_arena *arena = yt_arena_new(0);

	assert_int_equal(yt_reply_new(arena)->outcome, YT_UNKNOWN);
	assert_int_equal(yt_msg_new(arena)->op->id, YT_OP_UNREAD);
	yt_arena_free(arena);
}

int main(void)
{
	static const struct CMUnitTest single[] = {
		cmocka_unit_test(a_short_buffer_is_never_overrun),
		cmocka_unit_test(every_operation_has_its_row),
		cmocka_unit_test(a_new_answer_is_unknown),
	};
	static struct CMUnitTest tests[COUNT(single) + COUNT(sums)];
	size_t n = COUNT(single);

	memcpy(tests, single, sizeof(single));
	for (size_t i = 0; i < COUNT(sums); i++)
		tests[n++] = (struct CMUnitTest){
			.name = sums[i].it, .test_func = money, .initial_state = (void *)&sums[i]
		};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
