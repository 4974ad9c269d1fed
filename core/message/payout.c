/* core/message/payout.c - checks and states of payouts, and what entries prove of them (bank.md parts 2, 3.3, 3.5, 7).
 *
 * Called by the bank codecs before they write an order; by flows and clearing for what banks say.  Pure functions. */
#include "yitong/payout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "yitong/charset.h"
#include "yitong/plugin.h"

/* -- states ------------------------------------------------------------------------------------- */

static const char *const state_names[YT_PAY_STATES] = { "NEW", "SENT", "ACCEPTED", "PROCESSING", "UNKNOWN", "PAID",
	"FAILED", "CANCELLED", "RETURNED" };

const char *yt_pay_state_name(enum yt_pay_state state)
{
	YT_REQUIRE((unsigned)state < YT_PAY_STATES);
	return state_names[state];
}

enum yt_pay_state yt_pay_state_of(struct yt_str name)
{
	unsigned i = 0;

	while (i < YT_PAY_STATES && !yt_str_is(name, state_names[i]))
		i++;
	return (enum yt_pay_state)i;
}

enum yt_outcome yt_pay_outcome(enum yt_pay_state state)
{
	switch (state) {
	case YT_PAY_ACCEPTED:
	case YT_PAY_PROCESSING:
	case YT_PAY_SENT:
	case YT_PAY_PAID:
	case YT_PAY_RETURNED:
		return YT_DONE;
	case YT_PAY_FAILED:
	case YT_PAY_CANCELLED:
		return YT_REFUSED;
	default:
		return YT_UNKNOWN;
	}
}

/* Row: what is known; column: what a report says, in the order of the states.  A return is proof that it was paid, so
 * it counts from any state but a refusal; what a bank cannot say now takes nothing back that it has said. */
enum yt_pay_step yt_pay_follow(enum yt_pay_state is, enum yt_pay_state told)
{
	static const char steps[YT_PAY_STATES][YT_PAY_STATES + 1] = {
		/* NSAPUPFCR */
		"-++++++++", /* NEW */
		"--+++++++", /* SENT */
		"---++++++", /* ACCEPTED */
		"----+++++", /* PROCESSING */
		"-+++-++++", /* UNKNOWN */
		"------!!+", /* PAID */
		"-----!-!!", /* FAILED */
		"-----!!-!", /* CANCELLED */
		"------!!-", /* RETURNED */
	};
	char step;

	YT_REQUIRE((unsigned)is < YT_PAY_STATES && (unsigned)told < YT_PAY_STATES);
	step = steps[is][told];
	return step == '+' ? YT_PAY_TAKE : step == '-' ? YT_PAY_IGNORE : YT_PAY_ALARM;
}

int64_t yt_pay_ask_after_ms(unsigned n)
{
	static const int64_t pauses_ms[] = { 5000, 15000, 30000, 60000, 120000, 300000, 600000 };
	const unsigned last = sizeof(pauses_ms) / sizeof(pauses_ms[0]) - 1;

	return pauses_ms[n < last ? n : last];
}

/* -- check digits ------------------------------------------------------------------------------- */

static bool is_digits(struct yt_str s, size_t least, size_t most)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n >= least && s.n <= most;
}

/* yyyyMMdd that is a day. */
static bool is_day(const char *p)
{
	char text[11];
	int64_t ms;

	snprintf(text, sizeof(text), "%.4s-%.2s-%.2s", p, p + 4, p + 6);
	return is_digits((struct yt_str){ p, 8 }, 8, 8) && yt_time_parse(yt_str(text), &ms) == 0;
}

bool yt_resident_id_is_valid(struct yt_str number)
{
	static const unsigned char weights[17] = { 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2 };
	unsigned sum = 0;

	if (number.n != 18 || !is_digits((struct yt_str){ number.p, 17 }, 17, 17) || !is_day(number.p + 6))
		return false;
	for (size_t i = 0; i < 17; i++)
		sum += (unsigned)(number.p[i] - '0') * weights[i];
	return number.p[17] == "10X98765432"[sum % 11];
}

bool yt_card_is_valid(struct yt_str number)
{
	unsigned sum = 0;

	if (!is_digits(number, 16, 19))
		return false;
	for (size_t i = 0; i < number.n; i++) {
		unsigned digit = (unsigned)(number.p[number.n - 1 - i] - '0');

		if (i % 2 == 1)
			digit = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
		sum += digit;
	}
	return sum % 10 == 0;
}

bool yt_bank_no_is_valid(struct yt_str number)
{
	unsigned p = 10;

	if (!is_digits(number, 12, 12))
		return false;
	for (size_t i = 0; i < 11; i++) {
		unsigned s = (p + (unsigned)(number.p[i] - '0')) % 10;

		p = 2 * (s == 0 ? 10 : s) % 11;
	}
	return (11 - p) % 10 == (unsigned)(number.p[11] - '0');
}

bool yt_bank_no_is_known(struct yt_str number)
{
	static const char known[] = "102 103 104 105 301 302 303 307 308 309 310 313 402 403 ";

	for (const char *p = known; number.n >= 3 && *p != '\0'; p += 4)
		if (memcmp(p, number.p, 3) == 0)
			return true;
	return false;
}

static bool is_type(struct yt_str type)
{
	return yt_str_is(type, "CL") || yt_str_is(type, "MA") || yt_str_is(type, "HS") || yt_str_is(type, "IN");
}

bool yt_pay_no_is_valid(struct yt_str number)
{
	return number.n == YT_PAY_NO_LEN && is_type((struct yt_str){ number.p, 2 }) && is_day(number.p + 2) &&
	       is_digits((struct yt_str){ number.p + 10, 12 }, 12, 12);
}

/* -- names -------------------------------------------------------------------------------------- */

/* The next character of text that is UTF-8; 0 at its end. */
static uint32_t take_character(struct yt_str *text)
{
	const unsigned char *p = (const unsigned char *)text->p;
	unsigned n = text->n == 0 ? 0 : p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	uint32_t c = n < 2 ? (n == 0 ? 0 : p[0]) : p[0] & (0x7fu >> n);

	for (unsigned i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3fu);
	text->p += n;
	text->n -= n;
	return c;
}

static bool is_white(uint32_t c)
{
	return c == ' ' || (c >= 0x09 && c <= 0x0d) || c == 0x85 || c == 0xa0 || (c >= 0x2000 && c <= 0x200b) ||
	       c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000 || c == 0xfeff;
}

/* The next character that counts in a comparison. */
static uint32_t take_compared(struct yt_str *text)
{
	uint32_t c;

	do
		c = take_character(text);
	while (is_white(c));
	if (c == 0x2022 || c == 0xff0e) /* before the full-width forms, of which the second is one */
		return 0xb7;
	return c >= 0xff01 && c <= 0xff5e ? c - 0xfee0 : c;
}

bool yt_account_name_fits(struct yt_str a, struct yt_str b)
{
	uint32_t x, y;
	bool is_empty = true;

	if (yt_utf8_check(a, NULL) != 0 || yt_utf8_check(b, NULL) != 0)
		return false;
	do {
		x = take_compared(&a);
		y = take_compared(&b);
		if (x != y)
			return false;
		is_empty = is_empty && x == 0;
	} while (x != 0);
	return !is_empty;
}

/* -- one payout --------------------------------------------------------------------------------- */

static int refuse(struct yt_fault *fault, const char *path, const char *member, const char *why)
{
	snprintf(fault->path, sizeof(fault->path), "%s.%s", path, member);
	snprintf(fault->why, sizeof(fault->why), "%s", why);
	return YT_EFORMAT;
}

bool yt_payout_next(const struct yt_node *body, const struct yt_node **row, char *path, size_t size)
{
	const struct yt_node *rows = yt_node_get(body, "payout");
	unsigned i = 0;

	if (rows == NULL || rows->kind != YT_ARRAY) {
		if (*row != NULL)
			return false;
		*row = yt_node_get(body, "data");
		snprintf(path, size, "input.data");
		return *row != NULL && (*row)->kind == YT_OBJECT;
	}
	if (*row == NULL) {
		*row = rows->child;
	} else {
		i = (unsigned)strtoul(strchr(path, '[') + 1, NULL, 10) + 1;
		*row = (*row)->next;
	}
	snprintf(path, size, "input.payout[%u]", i);
	return *row != NULL;
}

static struct yt_str trimmed(struct yt_str s)
{
	while (s.n > 0 && (s.p[0] == ' ' || (s.p[0] >= '\t' && s.p[0] <= '\r'))) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || (s.p[s.n - 1] >= '\t' && s.p[s.n - 1] <= '\r')))
		s.n--;
	return s;
}

static const struct {
	const char *name;
	size_t at; /* in struct yt_payout */
} members[] = {
#define MEMBER(name, member)                                                                                           \
	{                                                                                                              \
		name, offsetof(struct yt_payout, member)                                                               \
	}
	MEMBER("pay_no", no),
	MEMBER("pay_type", type),
	MEMBER("pay_date", date),
	MEMBER("payer_acct", payer_acct),
	MEMBER("payer_name", payer_name),
	MEMBER("payer_bank_no", payer_bank_no),
	MEMBER("payer_bank_name", payer_bank_name),
	MEMBER("payee_acct", payee_acct),
	MEMBER("payee_name", payee_name),
	MEMBER("payee_bank_no", payee_bank_no),
	MEMBER("payee_bank_name", payee_bank_name),
	MEMBER("psn_cert_type", cert_type),
	MEMBER("certno", certno),
	MEMBER("psn_name", psn_name),
	MEMBER("purpose", purpose),
	MEMBER("memo", memo),
	MEMBER("orig_pay_no", orig_no),
	MEMBER("behalf_name", behalf_name),
	MEMBER("pay_channel", channel),
	MEMBER("name_check", name_check),
	MEMBER("uetr", uetr),
#undef MEMBER
};

int yt_payout_read(const struct yt_node *body, const struct yt_node *row, const char *path, struct yt_payout *out,
        struct yt_fault *fault)
{
	const struct yt_node *data = yt_node_get(body, "data");
	struct yt_str amount = yt_node_text(row, "pay_amt"), ccy = yt_node_text(row, "ccy");

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		struct yt_str *member = (struct yt_str *)((char *)out + members[i].at);

		*member = trimmed(yt_node_text(row, members[i].name));
		if (member->n == 0)
			*member = trimmed(yt_node_text(data, members[i].name));
	}
	if (out->type.n == 0 && out->no.n >= 2)
		out->type = (struct yt_str){ out->no.p, 2 };
	if (ccy.n == 0)
		ccy = yt_node_text(data, "ccy");
	if (ccy.n != 0 && !yt_str_is(ccy, "CNY"))
		return refuse(fault, path, "ccy", "is another currency than CNY");
	if (amount.n == 0)
		return refuse(fault, path, "pay_amt", "is missing");
	if (yt_fen_parse(amount, &out->amount_fen) != 0)
		return refuse(fault, path, "pay_amt", "is not an amount in yuan with two decimals");
	return 0;
}

struct yt_str yt_payout_remark(const struct yt_payout *payout, char text[YT_PAYOUT_REMARK])
{
	if (payout->memo.n > 0 || payout->orig_no.n == 0)
		return payout->memo;
	snprintf(text, YT_PAYOUT_REMARK, "原付款编号 %.*s", YT_PAY_NO_LEN, payout->orig_no.p);
	return yt_str(text);
}

bool yt_payout_is_to_person(const struct yt_payout *payout)
{
	return !yt_str_is(payout->type, "HS");
}

const char *yt_payout_text_fault(struct yt_str text)
{
	uint32_t c;

	if (yt_utf8_check(text, NULL) != 0)
		return "is not UTF-8";
	while (text.n > 0) {
		c = take_character(&text);
		if (c < 0x20 || (c >= 0x7f && c < 0xa0))
			return "has a control character";
		if ((c >= 0xe000 && c <= 0xf8ff) || c >= 0xf0000 || (c & 0xfffe) == 0xfffe)
			return "has a private-use character: enter the name in characters of Unicode";
	}
	return NULL;
}

static bool is_account(struct yt_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'A' && s.p[i] <= 'Z') ||
		            (s.p[i] >= 'a' && s.p[i] <= 'z')))
			return false;
	return s.n >= 1 && s.n <= 34;
}

static int check_number(const struct yt_payout *p, const char *path, struct yt_fault *fault)
{
	if (p->no.n == 0)
		return refuse(fault, path, "pay_no", "is missing");
	if (!yt_pay_no_is_valid(p->no))
		return refuse(fault, path, "pay_no", "is not CL, MA, HS or IN, a day yyyyMMdd and twelve digits");
	if (!yt_str_eq(p->type, (struct yt_str){ p->no.p, 2 }))
		return refuse(fault, path, "pay_type", "is not what pay_no begins with");
	if (p->orig_no.n > 0 && (!yt_pay_no_is_valid(p->orig_no) || yt_str_eq(p->orig_no, p->no)))
		return refuse(fault, path, "orig_pay_no", "is not the number of the payout that came to nothing");
	return 0;
}

static int check_amount(const struct yt_payout *p, const char *path, int64_t limit_fen, struct yt_fault *fault)
{
	if (p->amount_fen <= 0)
		return refuse(fault, path, "pay_amt", "must be more than 0");
	if (limit_fen > 0 && p->amount_fen > limit_fen) {
		refuse(fault, path, "pay_amt", "");
		snprintf(fault->why, sizeof(fault->why),
		        "is above the limit of one order, %lld.%02lld yuan: split it or have the limit raised",
		        (long long)(limit_fen / 100), (long long)(limit_fen % 100));
		return YT_EFORMAT;
	}
	return 0;
}

static int check_texts(const struct yt_payout *p, const char *path, struct yt_fault *fault)
{
	static const char *const musts[] = { "payer_acct", "payee_acct", "payee_name", "purpose" };

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		const struct yt_str *text = (const struct yt_str *)((const char *)p + members[i].at);
		const char *why = yt_payout_text_fault(*text);

		for (size_t k = 0; why == NULL && k < sizeof(musts) / sizeof(musts[0]); k++)
			if (text->n == 0 && strcmp(musts[k], members[i].name) == 0)
				why = "is missing";
		if (why != NULL)
			return refuse(fault, path, members[i].name, why);
	}
	return 0;
}

static int check_accounts(const struct yt_payout *p, const char *path, unsigned *warnings, struct yt_fault *fault)
{
	if (!is_account(p->payer_acct))
		return refuse(fault, path, "payer_acct", "is not 1 to 34 letters and digits");
	if (!is_account(p->payee_acct))
		return refuse(fault, path, "payee_acct", "is not 1 to 34 letters and digits");
	if (p->payer_bank_no.n > 0 && !yt_bank_no_is_valid(p->payer_bank_no))
		return refuse(fault, path, "payer_bank_no", "is not a line number of 12 digits with its check digit");
	if (p->payee_bank_no.n > 0 && !yt_bank_no_is_valid(p->payee_bank_no))
		return refuse(fault, path, "payee_bank_no", "is not a line number of 12 digits with its check digit");
	if (p->payee_bank_no.n > 0 && !yt_bank_no_is_known(p->payee_bank_no))
		*warnings |= YT_PAYOUT_WARN_BANK;
	if (yt_payout_is_to_person(p) && is_digits(p->payee_acct, 16, 19) && !yt_card_is_valid(p->payee_acct))
		*warnings |= YT_PAYOUT_WARN_CARD;
	return 0;
}

static int check_person(const struct yt_payout *p, const char *path, struct yt_fault *fault)
{
	if (yt_str_is(p->cert_type, "01") && p->certno.n > 0 && !yt_resident_id_is_valid(p->certno))
		return refuse(fault, path, "certno",
		        "is no resident identity number: 18 characters with a birthday and the check digit");
	if (yt_payout_is_to_person(p) && p->psn_name.n > 0 && !yt_account_name_fits(p->payee_name, p->psn_name))
		return refuse(fault, path, "payee_name",
		        "is not psn_name: an account of another's needs a clerk's order without psn_name");
	return 0;
}

int yt_payout_check(
        const struct yt_payout *payout, const char *path, int64_t limit_fen, unsigned *warnings, struct yt_fault *fault)
{
	unsigned found = 0;
	int rv = check_number(payout, path, fault);
	int64_t ms;

	if (rv == 0)
		rv = check_amount(payout, path, limit_fen, fault);
	if (rv == 0)
		rv = check_texts(payout, path, fault);
	if (rv == 0 && payout->date.n > 0 && (payout->date.n != 10 || yt_time_parse(payout->date, &ms) != 0))
		rv = refuse(fault, path, "pay_date", "is not a day yyyy-MM-dd");
	if (rv == 0)
		rv = check_accounts(payout, path, &found, fault);
	if (rv == 0)
		rv = check_person(payout, path, fault);
	if (rv == 0 && warnings != NULL)
		*warnings = found;
	return rv;
}

/* -- the interbank reference ------------------------------------------------------------------------ */

void yt_pay_uetr(struct yt_str owner, struct yt_str pay_no, char out[37])
{
	static const char digits[] = "0123456789abcdef";
	char text[128];
	uint8_t d[32];
	size_t at = 0;

	snprintf(text, sizeof(text), "%.*s|%.*s", (int)(owner.n < 60 ? owner.n : 60), owner.p,
	        (int)(pay_no.n < 60 ? pay_no.n : 60), pay_no.p);
	yt_sm3(yt_str(text), d);
	d[6] = (uint8_t)(0x40 | (d[6] & 0x0f)); /* version 4 */
	d[8] = (uint8_t)(0x80 | (d[8] & 0x3f)); /* variant 10 */
	for (size_t i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			out[at++] = '-';
		out[at++] = digits[d[i] >> 4];
		out[at++] = digits[d[i] & 15];
	}
	out[at] = '\0';
}

/* -- statements ----------------------------------------------------------------------------------- */

enum yt_pay_state yt_pay_entry_state(const struct yt_node *entry)
{
	struct yt_str state = yt_node_text(entry, "entry_state"), direction = yt_node_text(entry, "dc_flag"),
	              reversal = yt_node_text(entry, "rev_flag");

	if (state.n > 0 && !yt_str_is(state, "BOOK"))
		return YT_PAY_STATES;
	if (yt_str_is(direction, "C"))
		return YT_PAY_RETURNED;
	/* A debit that takes a credit back says nothing of a payment. */
	return yt_str_is(direction, "D") && !yt_str_is(reversal, "1") ? YT_PAY_PAID : YT_PAY_STATES;
}
