/* core/message/money.c - what must add up on one business part (nhsa.md 3.1, insurer.md 2, bank.md 3.5, promise P4).
 *
 * The engine calls it before a settlement leaves (a breach is refused unsent) and on the answer (a
 * breach marks it).  All in integer fen; quantity times price in 128 bits. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "yitong/message.h"

__extension__ typedef __int128 wide;

#define CNT_DECIMALS 4                  /* of a quantity */
#define PRIC_DECIMALS 6                 /* of a unit price */
#define FEN_PER_LINE INT64_C(100000000) /* 10^(4 + 6 - 2): from quantity x price to fen */

static const char *const split_fields[] = { "fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "inscp_scp_amt" };
static const char *const fund_fields[] = { "hifp_pay", "cvlserv_pay", "hifes_pay", "hifmi_pay", "hifob_pay",
	"hifdm_pay", "maf_pay", "oth_pay" };
/* One amount under its names: settlement, settlement query, cancel (misspelt there by the specification). */
static const char *const person_names[] = { "psn_part_amt", "psn_pay", NULL };
static const char *const cash_names[] = { "psn_cash_pay", "pdn_cash_pay", "cash_payamt", NULL };

struct check {
	const struct yt_node *node;
	const char *path; /* of node, for texts */
	char *why;
	size_t size;
};

static bool has_value(const struct yt_node *member)
{
	return member != NULL && member->kind != YT_NULL && !(member->kind == YT_TEXT && member->text.n == 0);
}

/* member: what stands under name, NULL for nothing. */
static int amount_in(const struct check *check, const struct yt_node *member, const char *name, int64_t *fen)
{
	*fen = 0;
	if (!has_value(member))
		return 0;
	if ((member->kind == YT_TEXT || member->kind == YT_NUMBER) && yt_fen_parse(member->text, fen) == 0)
		return 0;
	snprintf(check->why, check->size, "%s.%s is not an amount in yuan with two decimals", check->path, name);
	return YT_EFORMAT;
}

static int amount(const struct check *check, const char *name, int64_t *fen)
{
	return amount_in(check, yt_node_get(check->node, name), name, fen);
}

/* The first of names that is there; *found tells whether one is. */
static int amount_of(const struct check *check, const char *const *names, int64_t *fen, bool *found)
{
	*fen = 0;
	*found = false;
	for (; *names != NULL; names++) {
		const struct yt_node *member = yt_node_get(check->node, *names);

		if (has_value(member)) {
			*found = true;
			return amount_in(check, member, *names, fen);
		}
	}
	return 0;
}

static int sum_of(const struct check *check, const char *const *names, size_t n, int64_t *sum, size_t *n_present)
{
	*sum = 0;
	*n_present = 0;
	for (size_t i = 0; i < n; i++) {
		const struct yt_node *member = yt_node_get(check->node, names[i]);
		int64_t fen;
		int rv = amount_in(check, member, names[i], &fen);

		if (rv != 0)
			return rv;
		*n_present += has_value(member);
		*sum += fen; /* at most 8 amounts below 10^16 fen */
	}
	return 0;
}

static int unequal(const struct check *check, const char *what, int64_t is, const char *parts, int64_t adds_to)
{
	char left[24], right[24];

	yt_fen_print(is, left);
	yt_fen_print(adds_to, right);
	snprintf(check->why, check->size, "%s.%s is %s, but %s add up to %s", check->path, what, left, parts, right);
	return YT_EFORMAT;
}

/* R1.  A request may leave all four parts out: then there is nothing to compare. */
static int check_split(const struct check *check)
{
	int64_t total, sum;
	size_t n_present;
	int rv = amount(check, "medfee_sumamt", &total);

	if (rv == 0)
		rv = sum_of(check, split_fields, 4, &sum, &n_present);
	if (rv != 0 || n_present == 0 || sum == total)
		return rv;
	return unequal(check, "medfee_sumamt", total,
	        "fulamt_ownpay_amt, overlmt_selfpay, preselfpay_amt and inscp_scp_amt", sum);
}

/* R2 and R3.  A cancel may leave the person's amount out: then account and cash stand for it. */
static int check_payers(const struct check *check)
{
	int64_t total, fund, hospital, person, account, cash;
	bool has_person, has_cash;
	int rv = amount(check, "medfee_sumamt", &total);

	if (rv == 0)
		rv = amount(check, "fund_pay_sumamt", &fund);
	if (rv == 0)
		rv = amount(check, "hosp_part_amt", &hospital);
	if (rv == 0)
		rv = amount(check, "acct_pay", &account);
	if (rv == 0)
		rv = amount_of(check, cash_names, &cash, &has_cash);
	if (rv == 0)
		rv = amount_of(check, person_names, &person, &has_person);
	if (rv != 0)
		return rv;
	if (has_person && person != account + cash)
		return unequal(check, "psn_part_amt (psn_pay)", person, "acct_pay and cash", account + cash);
	if (total != fund + account + cash + hospital)
		return unequal(check, "medfee_sumamt", total, "fund_pay_sumamt, person and hosp_part_amt",
		        fund + account + cash + hospital);
	return 0;
}

/* R4.  The answer to a cancel may say totals alone, as that of another province does (KSBW 0305). */
static int check_funds(const struct check *check)
{
	int64_t fund, sum;
	size_t n_present;
	int rv = amount(check, "fund_pay_sumamt", &fund);

	if (rv == 0)
		rv = sum_of(check, fund_fields, sizeof(fund_fields) / sizeof(fund_fields[0]), &sum, &n_present);
	if (rv != 0 || sum == fund || (fund < 0 && n_present == 0))
		return rv;
	return unequal(check, "fund_pay_sumamt", fund, "the fund fields hifp_pay .. oth_pay", sum);
}

/* A plain decimal as an integer of 1/10^decimals; digits beyond must be 0. */
static bool scaled(struct yt_str text, int decimals, int64_t *out)
{
	bool negative = text.n > 0 && text.p[0] == '-';
	size_t i = negative;
	int behind = -1; /* digits behind the point so far */
	int64_t value = 0;

	if (text.n == i)
		return false;
	for (; i < text.n; i++) {
		char c = text.p[i];

		if (c == '.' && behind < 0) {
			behind = 0;
			continue;
		}
		if (c < '0' || c > '9' || (behind >= decimals && c != '0'))
			return false;
		if (behind >= decimals)
			continue;
		if (value > INT64_C(99999999999999999))
			return false;
		value = value * 10 + (c - '0');
		behind += behind >= 0;
	}
	for (behind = behind < 0 ? 0 : behind; behind < decimals; behind++) {
		if (value > INT64_C(99999999999999999))
			return false;
		value *= 10;
	}
	*out = negative ? -value : value;
	return true;
}

/* R7, within one fen since centres round differently. */
static int check_line(const struct check *check)
{
	int64_t fen, cnt, pric, line_fen;
	wide product, rounded;
	int rv = amount(check, "det_item_fee_sumamt", &fen);

	if (rv != 0)
		return rv;
	if (!scaled(yt_node_text(check->node, "cnt"), CNT_DECIMALS, &cnt) ||
	        !scaled(yt_node_text(check->node, "pric"), PRIC_DECIMALS, &pric)) {
		snprintf(
		        check->why, check->size, "%s.cnt or %s.pric is not a decimal number", check->path, check->path);
		return YT_EFORMAT;
	}
	product = (wide)cnt * pric;
	rounded = (product < 0 ? product - FEN_PER_LINE / 2 : product + FEN_PER_LINE / 2) / FEN_PER_LINE;
	if (rounded - fen <= 1 && fen - rounded <= 1)
		return 0;
	line_fen = rounded > INT64_MAX ? INT64_MAX : rounded < INT64_MIN ? INT64_MIN : (int64_t)rounded;
	return unequal(check, "det_item_fee_sumamt", fen, "cnt times pric", line_fen);
}

static int check_lines(const struct yt_node *body, char *why, size_t size)
{
	static const char *const names[] = { "feedetail", "result", "drugdetail" };
	char path[48];

	for (size_t g = 0; g < sizeof(names) / sizeof(names[0]); g++) {
		const struct yt_node *rows = yt_node_get(body, names[g]);
		const struct yt_node *row = rows != NULL && rows->kind == YT_ARRAY ? rows->child : NULL;

		for (unsigned i = 0; row != NULL; row = row->next, i++) {
			struct check check = { row, path, why, size };
			int rv;

			snprintf(path, sizeof(path), "%s[%u]", names[g], i);
			rv = check_line(&check);
			if (rv != 0)
				return rv;
		}
	}
	return 0;
}

/* The sum of one amount over the rows of an array; *n rows. */
static int rows_sum(const struct check *check, const struct yt_node *body, const char *rows_name, const char *name,
        int64_t *sum, size_t *n)
{
	const struct yt_node *rows = yt_node_get(body, rows_name);
	const struct yt_node *row = rows != NULL && rows->kind == YT_ARRAY ? rows->child : NULL;
	char path[48];

	*sum = 0;
	for (*n = 0; row != NULL; row = row->next, (*n)++) {
		struct check at = { row, path, check->why, check->size };
		int64_t fen;
		int rv;

		snprintf(path, sizeof(path), "%s[%zu]", rows_name, *n);
		rv = amount(&at, name, &fen);
		if (rv != 0)
			return rv;
		if (__builtin_add_overflow(*sum, fen, sum)) {
			snprintf(check->why, check->size, "%s: the sum of %s is larger than amounts may be", rows_name,
			        name);
			return YT_EFORMAT;
		}
	}
	return 0;
}

/* insurer.md 2, identity 3: only where the share inside the catalogue is said. */
static int check_own_parts(const struct check *check)
{
	static const char *const parts[] = { "self_in_amt", "preselfpay_amt", "overlmt_selfpay", "fulamt_ownpay_amt" };
	int64_t account, cash, sum;
	bool has_cash;
	size_t n;
	int rv;

	if (!has_value(yt_node_get(check->node, "self_in_amt")))
		return 0;
	rv = amount(check, "acct_pay", &account);
	if (rv == 0)
		rv = amount_of(check, cash_names, &cash, &has_cash);
	if (rv == 0)
		rv = sum_of(check, parts, 4, &sum, &n);
	if (rv != 0 || sum == account + cash)
		return rv;
	return unequal(check, "acct_pay and psn_cash_pay", account + cash,
	        "self_in_amt, preselfpay_amt, overlmt_selfpay and fulamt_ownpay_amt", sum);
}

/* Identities 4 to 6. */
static int check_claim(const struct check *check, const struct yt_node *body)
{
	int64_t total, outside, lines, lines_outside, bills;
	size_t n_lines, n_bills;
	int rv = check_own_parts(check);

	if (rv == 0)
		rv = amount(check, "medfee_sumamt", &total);
	if (rv == 0)
		rv = amount(check, "fulamt_ownpay_amt", &outside);
	if (rv == 0)
		rv = rows_sum(check, body, "feedetail", "det_item_fee_sumamt", &lines, &n_lines);
	if (rv == 0)
		rv = rows_sum(check, body, "feedetail", "fulamt_ownpay_amt", &lines_outside, &n_lines);
	if (rv == 0)
		rv = rows_sum(check, body, "bill", "bill_amt", &bills, &n_bills);
	if (rv != 0)
		return rv;
	if (n_lines > 0 && lines != total)
		return unequal(check, "medfee_sumamt", total, "the fee lines", lines);
	if (n_lines > 0 && lines_outside != outside)
		return unequal(check, "fulamt_ownpay_amt", outside, "those of the fee lines", lines_outside);
	/* One invoice may cover several settlements. */
	if (n_bills > 0 && bills < total)
		return unequal(check, "medfee_sumamt", total, "the invoices", bills);
	return 0;
}

static int check_decision(const struct check *check, const struct yt_node *body)
{
	int64_t payable, sum, paid;
	size_t n;
	int rv = amount(check, "payable_amt", &payable);

	if (rv == 0)
		rv = amount(check, "paid_amt", &paid);
	if (rv == 0 && has_value(yt_node_get(check->node, "paid_amt")) &&
	        has_value(yt_node_get(check->node, "payable_amt")) && paid != payable)
		return unequal(check, "payable_amt", payable, "paid_amt", paid);
	if (rv == 0)
		rv = rows_sum(check, body, "liability", "pay_amt", &sum, &n);
	if (rv != 0 || n == 0 || sum == payable)
		return rv;
	return unequal(check, "payable_amt", payable, "the liabilities", sum);
}

/* -- banks --------------------------------------------------------------------------------------- */

/* Adds member of each row up; false with why when one is no amount, or not more than 0 where it must be. */
static int sum_rows(const struct check *check, const struct yt_node *rows, const char *name, int64_t *sum)
{
	char path[64];
	unsigned i = 0;

	*sum = 0;
	for (const struct yt_node *row = rows->child; row != NULL; row = row->next, i++) {
		struct check one = { row, path, check->why, check->size };
		int64_t fen;
		int rv;

		snprintf(path, sizeof(path), "%.40s[%u]", check->path, i);
		rv = amount(&one, name, &fen);
		if (rv != 0)
			return rv;
		if (fen <= 0 || *sum > INT64_MAX - fen) {
			snprintf(check->why, check->size, "%s.%s must be more than 0", path, name);
			return YT_EFORMAT;
		}
		*sum += fen;
	}
	return 0;
}

/* A count that is there must be n. */
static int check_count(const struct check *check, const char *name, uint64_t n)
{
	struct yt_str text = yt_node_text(check->node, name);
	char wanted[24];

	snprintf(wanted, sizeof(wanted), "%llu", (unsigned long long)n);
	if (text.n == 0 || yt_str_is(text, wanted))
		return 0;
	snprintf(check->why, check->size, "%s.%s is %.*s, but there are %s", check->path, name,
	        (int)(text.n < 20 ? text.n : 20), text.p, wanted);
	return YT_EFORMAT;
}

/* What a bank says of a list: paid, failed and open amounts add up to all of it, and so do their counts. */
static int check_parts(const struct check *check)
{
	static const char *const amounts[] = { "ok_amt", "fail_amt", "open_amt" };
	static const char *const counts[] = { "ok_cnt", "fail_cnt", "open_cnt" };
	int64_t total, sum, n = 0, one;
	size_t n_present;
	int rv = sum_of(check, amounts, 3, &sum, &n_present);

	if (rv != 0 || n_present < 3 || !has_value(yt_node_get(check->node, "pay_sumamt")))
		return rv;
	rv = amount(check, "pay_sumamt", &total);
	if (rv == 0 && total != sum)
		rv = unequal(check, "pay_sumamt", total, "ok_amt, fail_amt and open_amt", sum);
	for (size_t i = 0; i < 3 && rv == 0; i++) {
		if (!scaled(yt_node_text(check->node, counts[i]), 0, &one))
			return 0; /* a bank that gives no counts */
		n += one;
	}
	return rv != 0 || n < 0 ? rv : check_count(check, "pay_cnt", (uint64_t)n);
}

static int check_payouts(const struct yt_node *body, char *why, size_t size)
{
	const struct yt_node *data = yt_node_get(body, "data"), *rows = yt_node_get(body, "payout");
	struct check check = { data, "data", why, size }, list = { rows, "payout", why, size };
	int64_t total, sum;
	int rv;

	/* Reports name payouts without their amounts. */
	if (rows == NULL || rows->kind != YT_ARRAY || !has_value(yt_node_get(rows->child, "pay_amt")))
		return data != NULL ? check_parts(&check) : 0;
	rv = sum_rows(&list, rows, "pay_amt", &sum);
	if (rv != 0 || data == NULL)
		return rv;
	rv = check_count(&check, "pay_cnt", rows->n);
	if (rv == 0 && has_value(yt_node_get(data, "pay_sumamt"))) {
		rv = amount(&check, "pay_sumamt", &total);
		if (rv == 0 && total != sum)
			rv = unequal(&check, "pay_sumamt", total, "the rows of payout", sum);
	}
	return rv != 0 ? rv : check_parts(&check);
}

/* Details of one direction add up to their entry; without amounts of their own they are only listed. */
static int check_details(const struct check *check, struct yt_str direction, int64_t fen)
{
	const struct yt_node *rows = yt_node_get(check->node, "detail");
	int64_t sum = 0, one;

	if (rows == NULL || rows->kind != YT_ARRAY || rows->n == 0)
		return 0;
	for (const struct yt_node *row = rows->child; row != NULL; row = row->next) {
		struct yt_str own = yt_node_text(row, "dc_flag");
		struct check inner = { row, "detail", check->why, check->size };
		int rv = amount(&inner, "entry_amt", &one);

		if (rv != 0 || !has_value(yt_node_get(row, "entry_amt")))
			return rv;
		sum += own.n > 0 && !yt_str_eq(own, direction) ? -one : one;
	}
	return sum == fen ? 0 : unequal(check, "entry_amt", fen, "its details", sum);
}

/* One entry's amount with its sign; one that is not booked counts 0. */
static int signed_entry(const struct check *check, int64_t *fen)
{
	struct yt_str direction = yt_node_text(check->node, "dc_flag"),
	              state = yt_node_text(check->node, "entry_state");
	int rv = amount(check, "entry_amt", fen);

	if (rv == 0 && !yt_str_is(direction, "D") && !yt_str_is(direction, "C")) {
		snprintf(check->why, check->size, "%s.dc_flag is neither D nor C", check->path);
		rv = YT_EFORMAT;
	}
	if (rv == 0)
		rv = check_details(check, direction, *fen);
	if (state.n != 0 && !yt_str_is(state, "BOOK"))
		*fen = 0;
	else if (yt_str_is(direction, "D"))
		*fen = -*fen;
	return rv;
}

static int check_one_statement(const struct check *check)
{
	const struct yt_node *entries = yt_node_get(check->node, "entry");
	struct yt_str pages = yt_node_text(check->node, "page_cnt");
	int64_t open, close, at = 0;
	char path[64];
	int rv = amount(check, "open_bal", &open);
	unsigned i = 0;

	if (rv == 0)
		rv = amount(check, "close_bal", &close);
	for (const struct yt_node *entry = entries != NULL && entries->kind == YT_ARRAY ? entries->child : NULL;
	        rv == 0 && entry != NULL; entry = entry->next, i++) {
		struct check one = { entry, path, check->why, check->size };
		int64_t fen, bal;

		snprintf(path, sizeof(path), "%.40s.entry[%u]", check->path, i);
		rv = signed_entry(&one, &fen);
		if (rv != 0)
			break;
		at += fen;
		if (!has_value(yt_node_get(entry, "bal_amt")))
			continue;
		rv = amount(&one, "bal_amt", &bal);
		if (rv == 0 && i == 0 && pages.n != 0 && !yt_str_is(pages, "1"))
			open = bal - fen; /* a page in the middle: it begins where it begins */
		if (rv == 0 && bal != open + at)
			rv = unequal(&one, "bal_amt", bal, "the balance before and the entry", open + at);
	}
	/* A statement without balances, or a page of several, shows its sum only as a whole. */
	if (rv != 0 || (pages.n != 0 && !yt_str_is(pages, "1")) || !has_value(yt_node_get(check->node, "open_bal")) ||
	        !has_value(yt_node_get(check->node, "close_bal")))
		return rv;
	return open + at == close ? 0 : unequal(check, "close_bal", close, "open_bal and the entries", open + at);
}

static int check_statements(const struct yt_node *body, char *why, size_t size)
{
	const struct yt_node *rows = yt_node_get(body, "statement");
	char path[48];
	unsigned i = 0;
	int rv = 0;

	for (const struct yt_node *row = rows != NULL && rows->kind == YT_ARRAY ? rows->child : NULL;
	        rv == 0 && row != NULL; row = row->next, i++) {
		struct check check = { row, path, why, size };

		snprintf(path, sizeof(path), "statement[%u]", i);
		rv = check_one_statement(&check);
	}
	return rv;
}

int yt_money_check(unsigned rules, const struct yt_node *body, char *why, size_t size)
{
	const struct yt_node *node = yt_node_get(body, "setlinfo");
	struct check check = { node, "setlinfo", why, size };
	int rv = 0;

	if (size > 0)
		why[0] = '\0';
	if (node == NULL || node->kind != YT_OBJECT) {
		check.node = yt_node_get(body, "data");
		check.path = "data";
	}
	if (check.node != NULL && check.node->kind == YT_OBJECT) {
		if ((rules & YT_MONEY_CLAIM) != 0)
			rv = check_claim(&check, body);
		if (rv == 0 && (rules & YT_MONEY_DECISION) != 0)
			rv = check_decision(&check, body);
		if (rv == 0 && (rules & YT_MONEY_SPLIT) != 0)
			rv = check_split(&check);
		if (rv == 0 && (rules & YT_MONEY_PAYERS) != 0)
			rv = check_payers(&check);
		if (rv == 0 && (rules & YT_MONEY_FUNDS) != 0)
			rv = check_funds(&check);
	}
	if (rv == 0 && (rules & YT_MONEY_LINES) != 0)
		rv = check_lines(body, why, size);
	if (rv == 0 && (rules & YT_MONEY_PAYOUTS) != 0)
		rv = check_payouts(body, why, size);
	if (rv == 0 && (rules & YT_MONEY_STATEMENT) != 0)
		rv = check_statements(body, why, size);
	return rv;
}
