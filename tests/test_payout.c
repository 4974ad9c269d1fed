/* tests/test_payout.c - what is true of a payout at every bank (bank.md part 2, 7): numbers, names, states, one order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "yitong/json.h"
#include "yitong/payout.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void assert_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no \"%s\" in \"%s\"", part, text);
}

/* -- check digits ------------------------------------------------------------------------------- */

static const struct number {
	bool (*is_valid)(struct yt_str);
	const char *number;
	bool want;
} numbers[] = {
	{ yt_resident_id_is_valid, "330299198804123029", true },
	{ yt_resident_id_is_valid, "330799196901192737", true },
	{ yt_resident_id_is_valid, "330299198804123028", false },  /* check digit */
	{ yt_resident_id_is_valid, "330299198813123029", false },  /* month 13 */
	{ yt_resident_id_is_valid, "33029919880412302", false },   /* short */
	{ yt_resident_id_is_valid, "3302991988041230290", false }, /* long */
	{ yt_resident_id_is_valid, "33029919880412302x", false },
	{ yt_resident_id_is_valid, "", false },
	{ yt_card_is_valid, "6299993302000001017", true },
	{ yt_card_is_valid, "6299993302000003039", true },
	{ yt_card_is_valid, "6299993302000001018", false },
	{ yt_card_is_valid, "629999330200000", false },
	{ yt_card_is_valid, "6299993302000001O17", false },
	{ yt_bank_no_is_valid, "102332099018", true },
	{ yt_bank_no_is_valid, "313332099026", true },
	{ yt_bank_no_is_valid, "105332099046", true },
	{ yt_bank_no_is_valid, "402338099038", true },
	{ yt_bank_no_is_valid, "102332099019", false },
	{ yt_bank_no_is_valid, "10233209901", false },
	{ yt_bank_no_is_valid, "10233209901a", false },
	{ yt_bank_no_is_known, "402338099038", true },
	{ yt_bank_no_is_known, "999338099038", false },
	{ yt_bank_no_is_known, "", false },
	{ yt_pay_no_is_valid, "CL20261120000000000001", true },
	{ yt_pay_no_is_valid, "HS20240229000000000001", true },
	{ yt_pay_no_is_valid, "CL20250229000000000001", false }, /* no such day */
	{ yt_pay_no_is_valid, "XX20261120000000000001", false },
	{ yt_pay_no_is_valid, "CL2026112000000000001", false },
	{ yt_pay_no_is_valid, "CL2026112000000000000A", false },
};

static void check_digits_are_looked_at(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(numbers); i++)
		if (numbers[i].is_valid(yt_str(numbers[i].number)) != numbers[i].want)
			fail_msg("row %zu: \"%s\" is not %s", i, numbers[i].number,
			        numbers[i].want ? "valid" : "invalid");
}

/* -- names -------------------------------------------------------------------------------------- */

static const struct name {
	const char *a, *b;
	bool want;
} names[] = {
	{ "林晚晴", "林晚晴", true },
	{ "林 晚\xe3\x80\x80晴", "林晚晴", true }, /* full-width blank */
	{ "古丽·阿依木", "古丽•阿依木", true },
	{ "古丽·阿依木", "古丽．阿依木", true },
	{ "古丽·阿依木", "古丽阿依木", false },
	{ "ＬＩ　ＭＩＮＧ", "LI MING", true },
	{ "宁波（示例）", "宁波(示例)", true },
	{ "LI MING", "Li Ming", false },
	{ "周㛃", "周洁", false }, /* rare characters stay what they are */
	{ "陈晐", "陈", false },
	{ "陈", "陈晐", false },
	{ "", "", false },
	{ " ", "\xe3\x80\x80", false },
	{ "\xff", "\xff", false },
};

static void names_fit_or_do_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		if (yt_account_name_fits(yt_str(names[i].a), yt_str(names[i].b)) != names[i].want)
			fail_msg("%s and %s", names[i].a, names[i].b);
		assert_int_equal(yt_account_name_fits(yt_str(names[i].b), yt_str(names[i].a)), names[i].want);
	}
}

/* -- states ------------------------------------------------------------------------------------- */

static const struct follow {
	enum yt_pay_state is, told;
	enum yt_pay_step want;
} follows[] = {
	{ YT_PAY_SENT, YT_PAY_ACCEPTED, YT_PAY_TAKE },
	{ YT_PAY_SENT, YT_PAY_PAID, YT_PAY_TAKE },
	{ YT_PAY_PROCESSING, YT_PAY_ACCEPTED, YT_PAY_IGNORE },
	{ YT_PAY_PROCESSING, YT_PAY_UNKNOWN, YT_PAY_TAKE },
	{ YT_PAY_UNKNOWN, YT_PAY_SENT, YT_PAY_TAKE },
	{ YT_PAY_UNKNOWN, YT_PAY_FAILED, YT_PAY_TAKE },
	{ YT_PAY_UNKNOWN, YT_PAY_NEW, YT_PAY_IGNORE },
	{ YT_PAY_PAID, YT_PAY_PAID, YT_PAY_IGNORE },
	{ YT_PAY_PAID, YT_PAY_PROCESSING, YT_PAY_IGNORE },
	{ YT_PAY_PAID, YT_PAY_UNKNOWN, YT_PAY_IGNORE },
	{ YT_PAY_PAID, YT_PAY_FAILED, YT_PAY_ALARM },
	{ YT_PAY_PAID, YT_PAY_CANCELLED, YT_PAY_ALARM },
	{ YT_PAY_PAID, YT_PAY_RETURNED, YT_PAY_TAKE },
	{ YT_PAY_PROCESSING, YT_PAY_RETURNED, YT_PAY_TAKE },
	{ YT_PAY_FAILED, YT_PAY_PAID, YT_PAY_ALARM },
	{ YT_PAY_FAILED, YT_PAY_FAILED, YT_PAY_IGNORE },
	{ YT_PAY_FAILED, YT_PAY_RETURNED, YT_PAY_ALARM },
	{ YT_PAY_RETURNED, YT_PAY_PAID, YT_PAY_IGNORE },
	{ YT_PAY_RETURNED, YT_PAY_FAILED, YT_PAY_ALARM },
};

static void states_go_forward_only(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(follows); i++)
		if (yt_pay_follow(follows[i].is, follows[i].told) != follows[i].want)
			fail_msg("%s after %s", yt_pay_state_name(follows[i].told), yt_pay_state_name(follows[i].is));
	for (unsigned is = 0; is < YT_PAY_STATES; is++) {
		enum yt_pay_state s = (enum yt_pay_state)is;

		assert_int_equal(yt_pay_follow(s, s), YT_PAY_IGNORE);
		assert_int_not_equal(yt_pay_follow(s, YT_PAY_NEW), YT_PAY_TAKE);
		assert_int_equal(yt_pay_state_of(yt_str(yt_pay_state_name(s))), s);
	}
	assert_int_equal(yt_pay_state_of(YT_STR("paid")), YT_PAY_STATES);
	assert_int_equal(yt_pay_outcome(YT_PAY_UNKNOWN), YT_UNKNOWN);
	assert_int_equal(yt_pay_outcome(YT_PAY_ACCEPTED), YT_DONE);
	assert_int_equal(yt_pay_outcome(YT_PAY_RETURNED), YT_DONE);
	assert_int_equal(yt_pay_outcome(YT_PAY_FAILED), YT_REFUSED);
	assert_int_equal(yt_pay_outcome(YT_PAY_CANCELLED), YT_REFUSED);
}

/* -- one payout --------------------------------------------------------------------------------- */

static const struct {
	const char *name, *value;
} good[] = { { "pay_no", "CL20261120000000000001" }, { "pay_type", "CL" }, { "pay_amt", "3286.40" },
	{ "payer_acct", "3999020001000000018" }, { "payer_name", "宁波市医疗保障基金支出户（示例）" },
	{ "payer_bank_no", "102332099018" }, { "payee_acct", "6299993302000001017" }, { "payee_name", "林晚晴" },
	{ "payee_bank_no", "313332099026" }, { "psn_cert_type", "01" }, { "certno", "330299198804123029" },
	{ "psn_name", "林 晚晴" }, { "purpose", "零星报销" } };

static const struct payout_row {
	const char *it;             /* "a payout ..." */
	const char *member, *value; /* replaces; NULL value: left out */
	const char *member2, *value2;
	int64_t limit_fen;
	const char *path, *why; /* of the refusal; NULL: it is taken */
	unsigned warnings;
} payout_rows[] = {
	{ "is taken", NULL, NULL, NULL, NULL, 0, NULL, NULL, 0 },
	{ "is taken at its limit", NULL, NULL, NULL, NULL, 328640, NULL, NULL, 0 },
	{ "is refused above its limit", NULL, NULL, NULL, NULL, 328639, "pay_amt", "limit of one order, 3286.39", 0 },
	{ "of nothing is refused", "pay_amt", "0.00", NULL, NULL, 0, "pay_amt", "more than 0", 0 },
	{ "below nothing is refused", "pay_amt", "-1.00", NULL, NULL, 0, "pay_amt", "more than 0", 0 },
	{ "of a part of a fen is refused", "pay_amt", "1.005", NULL, NULL, 0, "pay_amt", "two decimals", 0 },
	{ "without an amount is refused", "pay_amt", NULL, NULL, NULL, 0, "pay_amt", "is missing", 0 },
	{ "in dollars is refused", "ccy", "USD", NULL, NULL, 0, "ccy", "other currency", 0 },
	{ "in yuan is taken", "ccy", "CNY", NULL, NULL, 0, NULL, NULL, 0 },
	{ "without a number is refused", "pay_no", NULL, NULL, NULL, 0, "pay_no", "is missing", 0 },
	{ "with a number of another form is refused", "pay_no", "1", NULL, NULL, 0, "pay_no", "twelve digits", 0 },
	{ "of another type than its number is refused", "pay_type", "HS", NULL, NULL, 0, "pay_type", "begins with", 0 },
	{ "has the type of its number", "pay_type", NULL, NULL, NULL, 0, NULL, NULL, 0 },
	{ "made anew for one that failed is taken", "orig_pay_no", "CL20261119000000000009", NULL, NULL, 0, NULL, NULL,
	        0 },
	{ "made anew for itself is refused", "orig_pay_no", "CL20261120000000000001", NULL, NULL, 0, "orig_pay_no",
	        "came to nothing", 0 },
	{ "made anew for no payout is refused", "orig_pay_no", "7", NULL, NULL, 0, "orig_pay_no", "came to nothing",
	        0 },
	{ "without a payer is refused", "payer_acct", NULL, NULL, NULL, 0, "payer_acct", "is missing", 0 },
	{ "to no account is refused", "payee_acct", NULL, NULL, NULL, 0, "payee_acct", "is missing", 0 },
	{ "to nobody is refused", "payee_name", NULL, NULL, NULL, 0, "payee_name", "is missing", 0 },
	{ "for nothing is refused", "purpose", NULL, NULL, NULL, 0, "purpose", "is missing", 0 },
	{ "to an account with a sign in it is refused", "payee_acct", "6299-9933", NULL, NULL, 0, "payee_acct",
	        "letters and digits", 0 },
	{ "from an account with a sign in it is refused", "payer_acct", "1|2", NULL, NULL, 0, "payer_acct",
	        "letters and digits", 0 },
	{ "to a line number with a wrong check digit is refused", "payee_bank_no", "313332099027", NULL, NULL, 0,
	        "payee_bank_no", "check digit", 0 },
	{ "from a line number with a wrong check digit is refused", "payer_bank_no", "102332099019", NULL, NULL, 0,
	        "payer_bank_no", "check digit", 0 },
	{ "to a bank we do not know is only warned about", "payee_bank_no", "999332099028", NULL, NULL, 0, NULL, NULL,
	        YT_PAYOUT_WARN_BANK },
	{ "to a card that fails Luhn is only warned about", "payee_acct", "6299993302000001018", NULL, NULL, 0, NULL,
	        NULL, YT_PAYOUT_WARN_CARD },
	{ "to a short account is not held to Luhn", "payee_acct", "123456789012345", NULL, NULL, 0, NULL, NULL, 0 },
	{ "of a resident with a wrong check digit is refused", "certno", "330299198804123028", NULL, NULL, 0, "certno",
	        "resident identity", 0 },
	{ "of a passport's holder is taken", "certno", "E12345678", "psn_cert_type", "03", 0, NULL, NULL, 0 },
	{ "of a paper nobody names is taken", "certno", "E12345678", "psn_cert_type", NULL, 0, NULL, NULL, 0 },
	{ "to another's account is refused", "psn_name", "宋知远", NULL, NULL, 0, "payee_name", "psn_name", 0 },
	{ "to another's account is taken when nobody says whose it is", "psn_name", NULL, NULL, NULL, 0, NULL, NULL,
	        0 },
	{ "with a control character is refused", "purpose", "a\x01", NULL, NULL, 0, "purpose", "control", 0 },
	{ "with a tab is refused", "purpose", "a\tb", NULL, NULL, 0, "purpose", "control", 0 },
	{ "with a private-use character is refused", "payee_name", "\xee\x80\x80", "psn_name", NULL, 0, "payee_name",
	        "private-use", 0 },
	{ "on a day that is none is refused", "pay_date", "2026-02-30", NULL, NULL, 0, "pay_date", "yyyy-MM-dd", 0 },
	{ "on a day is taken", "pay_date", "2026-11-20", NULL, NULL, 0, NULL, NULL, 0 },
};

static void put(struct yt_arena *arena, struct yt_node *data, const char *name, const char *value)
{
	struct yt_node *at = yt_node_get(data, name);

	if (value == NULL && at != NULL)
		at->kind = YT_NULL, at->text = (struct yt_str){ 0 };
	else if (value != NULL)
		assert_int_equal(yt_node_set_text(arena, data, name, yt_str(value)), 0);
}

static void a_payout(void **state)
{
	const struct payout_row *row = *state;
	struct yt_arena *arena = yt_arena_new(0);
	struct yt_node *body = yt_node_new(arena, YT_OBJECT), *data;
	const struct yt_node *at = NULL;
	struct yt_fault fault = { "", "" };
	struct yt_payout p;
	unsigned warnings = 99;
	char path[64];
	int rv;

	data = yt_node_add(arena, body, YT_STR("data"), YT_OBJECT);
	for (size_t i = 0; i < COUNT(good); i++)
		put(arena, data, good[i].name, good[i].value);
	if (row->member != NULL)
		put(arena, data, row->member, row->value);
	if (row->member2 != NULL)
		put(arena, data, row->member2, row->value2);
	assert_true(yt_payout_next(body, &at, path, sizeof(path)));
	rv = yt_payout_read(body, at, path, &p, &fault);
	if (rv == 0)
		rv = yt_payout_check(&p, path, row->limit_fen, &warnings, &fault);
	if (row->why == NULL) {
		if (rv != 0)
			fail_msg("%s %s", fault.path, fault.why);
		assert_int_equal(warnings, row->warnings);
	} else {
		assert_int_equal(rv, YT_EFORMAT);
		assert_has(fault.path, row->path);
		assert_has(fault.path, "input.data.");
		assert_has(fault.why, row->why);
	}
	assert_false(yt_payout_next(body, &at, path, sizeof(path)));
	yt_arena_free(arena);
}

static void rows_take_what_they_share_from_data(void **state)
{
	static const char json[] =
	        "{\"data\":{\"payer_acct\":\"1\",\"pay_type\":\"MA\"},\"payout\":[{\"pay_amt\":1.5},{\"pay_amt\":2,"
	        "\"payer_acct\":\" 2 \"}]}";
	struct yt_arena *arena = yt_arena_new(0);
	const struct yt_node *row = NULL;
	struct yt_node *body;
	struct yt_fault fault;
	struct yt_payout p;
	char path[64];

	(void)state;
	assert_int_equal(yt_json_read(arena, yt_str(json), NULL, &body, NULL), 0);
	assert_true(yt_payout_next(body, &row, path, sizeof(path)));
	assert_string_equal(path, "input.payout[0]");
	assert_int_equal(yt_payout_read(body, row, path, &p, &fault), 0);
	assert_true(yt_str_is(p.payer_acct, "1"));
	assert_int_equal(p.amount_fen, 150);
	assert_true(yt_payout_next(body, &row, path, sizeof(path)));
	assert_string_equal(path, "input.payout[1]");
	assert_int_equal(yt_payout_read(body, row, path, &p, &fault), 0);
	assert_true(yt_str_is(p.payer_acct, "2"));
	assert_true(yt_str_is(p.type, "MA"));
	assert_false(yt_payout_next(body, &row, path, sizeof(path)));
	row = NULL;
	assert_false(yt_payout_next(yt_node_new(arena, YT_OBJECT), &row, path, sizeof(path)));
	yt_arena_free(arena);
}

/* -- finding out, matching ------------------------------------------------------------------------ */

static void the_bank_is_asked_after_growing_pauses(void **state)
{
	static const int64_t want_s[] = { 5, 15, 30, 60, 120, 300, 600, 600 };

	(void)state;
	for (unsigned i = 0; i < COUNT(want_s); i++)
		assert_int_equal(yt_pay_ask_after_ms(i), want_s[i] * 1000);
	assert_int_equal(yt_pay_ask_after_ms(1000), 600000);
	assert_true(YT_PAY_ABSENT_APART_MS >= 300000);
}

static const struct entry {
	const char *it, *json;
	enum yt_pay_state state;
} entries[] = {
	{ "that is a debit", "{\"dc_flag\":\"D\"}", YT_PAY_PAID },
	{ "that is a credit", "{\"dc_flag\":\"C\"}", YT_PAY_RETURNED },
	{ "that is not booked", "{\"dc_flag\":\"D\",\"entry_state\":\"PDNG\"}", YT_PAY_STATES },
	{ "that is booked", "{\"dc_flag\":\"D\",\"entry_state\":\"BOOK\"}", YT_PAY_PAID },
	{ "that takes a credit back", "{\"dc_flag\":\"D\",\"rev_flag\":\"1\"}", YT_PAY_STATES },
};

static void an_entry(void **state)
{
	const struct entry *row = *state;
	struct yt_arena *arena = yt_arena_new(0);
	struct yt_node *entry;

	assert_int_equal(yt_json_read(arena, yt_str(row->json), NULL, &entry, NULL), 0);
	assert_int_equal(yt_pay_entry_state(entry), row->state);
	yt_arena_free(arena);
}

/* One for a payout, whenever it is asked for, in the form of version 4. */
static void a_uetr_is_a_payouts_own(void **state)
{
	char one[37], again[37], other[37];

	(void)state;
	yt_pay_uetr(YT_STR("6001"), YT_STR("CL20261120000000000001"), one);
	yt_pay_uetr(YT_STR("6001"), YT_STR("CL20261120000000000001"), again);
	yt_pay_uetr(YT_STR("6001"), YT_STR("CL20261120000000000002"), other);
	assert_string_equal(one, again);
	assert_string_not_equal(one, other);
	assert_int_equal(strlen(one), 36);
	assert_int_equal(one[14], '4');
	assert_non_null(strchr("89ab", one[19]));
}

int main(void)
{
	static struct CMUnitTest tests[COUNT(payout_rows) + COUNT(entries) + 6] = {
		cmocka_unit_test(check_digits_are_looked_at),
		cmocka_unit_test(a_uetr_is_a_payouts_own),
		cmocka_unit_test(names_fit_or_do_not),
		cmocka_unit_test(states_go_forward_only),
		cmocka_unit_test(rows_take_what_they_share_from_data),
		cmocka_unit_test(the_bank_is_asked_after_growing_pauses),
	};

	for (size_t i = 0; i < COUNT(payout_rows); i++)
		tests[6 + i] = (struct CMUnitTest){ payout_rows[i].it, a_payout, NULL, NULL, (void *)&payout_rows[i] };
	for (size_t i = 0; i < COUNT(entries); i++)
		tests[6 + COUNT(payout_rows) + i] =
		        (struct CMUnitTest){ entries[i].it, an_entry, NULL, NULL, (void *)&entries[i] };
	return cmocka_run_group_tests_name("a payout", tests, NULL, NULL);
}
