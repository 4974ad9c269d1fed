/* plugins/crossprovince/invariants.c - what must add up on one message: I1 to I8 of 5.3.
 *
 * Asked with the canonical business part as body.c reads it, on both sides: a request that breaks a rule
 * is neither sent nor taken (-1010); an answer that breaks one may be booked all the same and is marked
 * (reply.c).  All in integer fen.  What needs the visit's history is not here: whether a registration is
 * this person's and institution's (I8), and I6 over all uploads beyond the sums that facts.c makes. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ksbw.h"

__extension__ typedef __int128 wide;

struct check {
	const struct ksbw *k;
	const struct yt_node *node;
	const char *path;
	struct yt_fault *fault;
};

static bool is_on(const struct check *c, const char *rule)
{
	return (c->k->invariants & 1u << (rule[1] - '0')) != 0;
}

static const char *YT_PRINTF(4, 5)
        broken(const struct check *c, const char *rule, const char *name, const char *fmt, ...)
{
	char text[160];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	snprintf(c->fault->path, sizeof(c->fault->path), "%s.%s", c->path, name);
	snprintf(c->fault->why, sizeof(c->fault->why), "%s: %s", rule, text);
	return rule;
}

static int64_t fen(const struct check *c, const char *name)
{
	int64_t value;

	return yt_node_fen(c->node, name, &value) == 0 ? value : 0; /* its form was checked when it was read */
}

static const char *adds_up(
        const struct check *c, const char *rule, const char *total, const char *const *parts, const char *said)
{
	int64_t sum = 0;
	char left[24], right[24];

	if (!is_on(c, rule))
		return NULL;
	for (; *parts != NULL; parts++)
		sum += fen(c, *parts);
	if (sum == fen(c, total))
		return NULL;
	yt_fen_print(fen(c, total), left);
	yt_fen_print(sum, right);
	return broken(c, rule, total, "is %s, but %s add up to %s", left, said, right);
}

static const char *at_most(const struct check *c, const char *rule, const char *part, const char *whole)
{
	if (!is_on(c, rule) || fen(c, part) <= fen(c, whole))
		return NULL;
	return broken(c, rule, part, "is more than %s", whole);
}

static const char *not_negative(const struct check *c, const char *const *names)
{
	for (; is_on(c, "I7") && *names != NULL; names++)
		if (fen(c, *names) < 0)
			return broken(c, "I7", *names, "is negative");
	return NULL;
}

static const char *const split_of_bill[] = { "inscp_scp_amt", "preselfpay_amt", "fulamt_ownpay_amt", "overlmt_selfpay",
	NULL };
static const char *const split_of_line[] = { "inscp_scp_amt", "preselfpay_amt", "fulamt_ownpay_amt", "overlmt_amt",
	NULL };
static const char *const own_shares[] = { "akc232", "akc233", "akc234", "akc235", NULL };
static const char *const asked_amounts[] = { "medfee_sumamt", "inscp_scp_amt", "akc018", "preselfpay_amt", "akc232",
	"akc233", "akc234", "akc235", "fulamt_ownpay_amt", "overlmt_selfpay", "akc236", NULL };
static const char *const funds[] = { "hifp_pay", "cvlserv_pay", "hifes_pay", "aae045", "hifdm_pay", "maf_pay",
	"oth_pay", NULL };
static const char *const payers[] = { "fund_pay_sumamt", "acct_pay", "psn_cash_pay", NULL };
static const char *const paid_amounts[] = { "medfee_sumamt", "inscp_scp_amt", "act_pay_dedc", "fund_pay_sumamt",
	"hifp_pay", "cvlserv_pay", "hifes_pay", "aae045", "hifdm_pay", "maf_pay", "oth_pay", "acct_pay", "psn_cash_pay",
	NULL };

/* -- requests ----------------------------------------------------------------------------------- */

/* Texts yyyy-MM-dd compare as dates do; a time behind one does not count. */
static int compare_days(struct yt_str a, struct yt_str b)
{
	return memcmp(a.p, b.p, 10);
}

static const char *check_visit(const struct check *c, const struct yt_msg *msg)
{
	struct yt_str visit = yt_node_text(c->node, "ykc700"), from = yt_node_text(c->node, "begntime");
	struct yt_str to = yt_node_text(c->node, "endtime"), now = yt_node_text(c->node, "opt_time");

	if (!is_on(c, "I8"))
		return NULL;
	/* The insured side issued it: its area stands behind the S.  Cities are renamed and merged, provinces not. */
	if (visit.n == 20 && msg->insured_area.n == 6 && memcmp(visit.p + 1, msg->insured_area.p, 2) != 0)
		return broken(c, "I8", "ykc700", "was not issued by the insured area's province");
	if (from.n >= 10 && to.n >= 10 && compare_days(from, to) > 0)
		return broken(c, "I8", "begntime", "is behind endtime");
	if (from.n >= 10 && now.n >= 10 && compare_days(from, now) > 0)
		return broken(c, "I8", "begntime", "is behind the day it was sent");
	if (to.n >= 10 && now.n >= 10 && compare_days(to, now) > 0)
		return broken(c, "I8", "endtime", "is behind the day it was sent");
	return NULL;
}

static const char *check_bill(const struct check *c)
{
	const char *rule = adds_up(c, "I1", "medfee_sumamt", split_of_bill,
	        "inscp_scp_amt, preselfpay_amt, fulamt_ownpay_amt and overlmt_selfpay");

	if (rule == NULL)
		rule = adds_up(c, "I2", "preselfpay_amt", own_shares, "akc232, akc233, akc234 and akc235");
	if (rule == NULL)
		rule = at_most(c, "I2", "akc236", "overlmt_selfpay");
	if (rule == NULL)
		rule = at_most(c, "I2", "akc018", "inscp_scp_amt");
	return rule == NULL ? not_negative(c, asked_amounts) : rule;
}

static const char *check_line(const struct check *c)
{
	int64_t cnt, pric;
	wide off;

	if (is_on(c, "I6") && ksbw_scaled(yt_node_text(c->node, "cnt"), &cnt) &&
	        ksbw_scaled(yt_node_text(c->node, "pric"), &pric)) {
		off = (wide)cnt * pric - (wide)fen(c, "det_item_fee_sumamt") * 1000000; /* in 10^-8 yuan */
		if (off > 5000000 || off < -5000000)
			return broken(c, "I6", "det_item_fee_sumamt", "is more than 0.05 off cnt times pric");
		if (cnt < 0 && yt_node_text(c->node, "init_feedetl_sn").n == 0)
			return broken(
			        c, "I6", "init_feedetl_sn", "is missing: a negative line names the line it sets off");
	}
	return adds_up(c, "I1", "det_item_fee_sumamt", split_of_line,
	        "inscp_scp_amt, preselfpay_amt, fulamt_ownpay_amt and overlmt_amt");
}

static bool is_seen(const struct yt_node *rows, const struct yt_node *row)
{
	for (const struct yt_node *other = rows->child; other != row; other = other->next)
		if (yt_str_eq(yt_node_text(other, "feedetl_sn"), yt_node_text(row, "feedetl_sn")))
			return true;
	return false;
}

static const char *check_lines(const struct ksbw *k, const struct yt_node *rows, struct yt_fault *fault)
{
	const char *rule = NULL;
	char path[48];
	unsigned at = 0;

	for (const struct yt_node *row = rows != NULL ? rows->child : NULL; row != NULL && rule == NULL;
	        row = row->next) {
		struct check c = { k, row, path, fault };

		snprintf(path, sizeof(path), "input.feedetail[%u]", at++);
		if (is_on(&c, "I6") && is_seen(rows, row))
			return broken(&c, "I6", "feedetl_sn", "is the number of an earlier line");
		rule = check_line(&c);
	}
	return rule;
}

/* 0305: the same three payers, all negative by their type. */
static const char *check_reversal(const struct check *c)
{
	return adds_up(c, "I4", "medfee_sumamt", payers, "fund_pay_sumamt, acct_pay and psn_cash_pay");
}

static const char *check_totals(const struct check *c, const struct yt_node *rows)
{
	int64_t count = 0, total = 0, fund = 0, value;
	char text[24];

	for (const struct yt_node *row = rows != NULL ? rows->child : NULL; row != NULL; row = row->next) {
		struct yt_str n = yt_node_text(row, "cnt");

		for (value = 0; n.n > 0; n.p++, n.n--)
			value = value * 10 + (*n.p - '0');
		count += value;
		total += yt_node_fen(row, "medfee_sumamt", &value) == 0 ? value : 0;
		fund += yt_node_fen(row, "fund_pay_sumamt", &value) == 0 ? value : 0;
	}
	snprintf(text, sizeof(text), "%" PRId64, count);
	if (!yt_str_is(yt_node_text(c->node, "totcnt"), text))
		return broken(c, "I6", "totcnt", "is not the rows' sum %s", text);
	if (fen(c, "totakc264") != total)
		return broken(c, "I6", "totakc264", "is not the rows' sum");
	return fen(c, "totake149") != fund ? broken(c, "I6", "totake149", "is not the rows' sum") : NULL;
}

const char *ksbw_check_request(
        const struct ksbw *k, struct yt_str number, const struct yt_msg *msg, struct yt_fault *fault)
{
	struct check c = { k, ksbw_object(msg->body, "data"), "input.data", fault };
	const char *rule = NULL;

	if (yt_str_is(number, "0303") || yt_str_is(number, "0304"))
		rule = check_bill(&c);
	else if (yt_str_is(number, "0301"))
		rule = check_lines(k, yt_node_get(msg->body, "feedetail"), fault);
	else if (yt_str_is(number, "0305"))
		rule = check_reversal(&c);
	else if (yt_str_is(number, "P301") && is_on(&c, "I6"))
		rule = check_totals(&c, yt_node_get(msg->body, "total"));
	if (yt_str_is(number, "0215")) {
		c.node = ksbw_object(msg->body, "dscginfo");
		c.path = "input.dscginfo";
	}
	return rule == NULL && c.node != NULL ? check_visit(&c, msg) : rule;
}

/* -- answers ------------------------------------------------------------------------------------ */

static const char *check_fund_rows(const struct check *c, const struct yt_node *rows)
{
	int64_t sum = 0, value;
	char left[24], right[24];

	if (!is_on(c, "I3") || rows == NULL || rows->n == 0)
		return NULL;
	for (const struct yt_node *row = rows->child; row != NULL; row = row->next)
		sum += yt_node_fen(row, "fund_payamt", &value) == 0 ? value : 0;
	if (sum == fen(c, "fund_pay_sumamt"))
		return NULL;
	yt_fen_print(fen(c, "fund_pay_sumamt"), left);
	yt_fen_print(sum, right);
	return broken(c, "I3", "fund_pay_sumamt", "is %s, but the fund rows add up to %s", left, right);
}

/* An answer says again what was asked about; of a reversal a request not yet written may have the settlement's sign. */
static const char *check_echo(
        const struct check *c, const struct yt_node *asked, const char *const *amounts, bool negative)
{
	const struct yt_node *data = ksbw_object(asked, "data");
	struct yt_str visit = yt_node_text(c->node, "ykc700"), wanted = yt_node_text(data, "ykc700");
	int64_t value;

	if (!is_on(c, "I5") || data == NULL)
		return NULL;
	if (visit.n > 0 && wanted.n > 0 && !yt_str_eq(visit, wanted))
		return broken(c, "I5", "ykc700", "is not the one that was asked about");
	for (; *amounts != NULL; amounts++)
		if (yt_node_text(data, *amounts).n > 0 && yt_node_fen(data, *amounts, &value) == 0 &&
		        (negative && value > 0 ? -value : value) != fen(c, *amounts))
			return broken(c, "I5", *amounts, "is not the amount that was asked about");
	return NULL;
}

static const char *check_settled(const struct check *c, const struct yt_node *asked, const struct yt_node *body)
{
	static const char *const echoed[] = { "medfee_sumamt", "inscp_scp_amt", NULL };
	const char *rule =
	        adds_up(c, "I3", "fund_pay_sumamt", funds, "ake039, ake035, ake026, aae045, ake032, ake181 and ake173");

	if (rule == NULL)
		rule = check_fund_rows(c, yt_node_get(body, "setldetail"));
	if (rule == NULL)
		rule = adds_up(c, "I4", "medfee_sumamt", payers, "fund_pay_sumamt, acct_pay and psn_cash_pay");
	if (rule == NULL)
		rule = check_echo(c, asked, echoed, false);
	if (rule == NULL && is_on(c, "I7") && fen(c, "acct_pay") != 0 &&
	        yt_str_is(yt_node_text(ksbw_object(asked, "data"), "acct_used_flag"), "0"))
		rule = broken(c, "I7", "acct_pay", "is paid though the account was not to be used");
	return rule == NULL ? not_negative(c, paid_amounts) : rule;
}

static const char *check_reversed(const struct check *c, const struct yt_node *asked)
{
	static const char *const echoed[] = { "medfee_sumamt", "fund_pay_sumamt", "acct_pay", "psn_cash_pay", NULL };
	const struct yt_node *data = ksbw_object(asked, "data");
	struct yt_str original = yt_node_text(c->node, "init_setl_id"), wanted = yt_node_text(data, "aaz216");

	if (wanted.n > 0 && is_on(c, "I5") && !yt_str_eq(original, wanted))
		return broken(c, "I5", "init_setl_id", "is not the settlement that was to be reversed");
	return check_echo(c, asked, echoed, true);
}

static const char *check_upload(const struct check *c, const struct yt_node *asked)
{
	const struct yt_node *rows = yt_node_get(asked, "feedetail");
	int64_t sum = 0, value;
	char count[16];

	if (!is_on(c, "I6") || rows == NULL)
		return NULL;
	for (const struct yt_node *row = rows->child; row != NULL; row = row->next)
		sum += yt_node_fen(row, "det_item_fee_sumamt", &value) == 0 ? value : 0;
	snprintf(count, sizeof(count), "%u", rows->n);
	if (!yt_str_is(yt_node_text(c->node, "okcnt"), count))
		return broken(c, "I6", "okcnt", "is not the number of lines sent, %s", count);
	return fen(c, "oksum") != sum ? broken(c, "I6", "oksum", "is not the sum of the lines sent") : NULL;
}

const char *ksbw_check_reply(const struct ksbw *k, struct yt_str number, const struct yt_node *asked,
        const struct yt_node *body, struct yt_fault *fault)
{
	struct check c = { k, ksbw_object(body, "setlinfo"), "output.setlinfo", fault };

	if (c.node != NULL && (yt_str_is(number, "0303") || yt_str_is(number, "0304")))
		return check_settled(&c, asked, body);
	if (c.node != NULL && yt_str_is(number, "0305"))
		return check_reversed(&c, asked);
	c.node = ksbw_object(body, "data");
	c.path = "output.data";
	return c.node != NULL && yt_str_is(number, "0301") ? check_upload(&c, asked) : NULL;
}
