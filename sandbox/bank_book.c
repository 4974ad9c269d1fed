/* sandbox/bank_book.c - accounts, payouts, entries and the business day of the simulated bank (bank.h).
 *
 *  bank_order_take()    known number? -> checks -> what the amount asks for
 *  pay(), give_back()   two entries each: the payer's account and the payee's
 *  bank_book_advance()  what happens later
 *  bank_day_end()       fees, statements, the next day */
#include "bank.h"
#include "text.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct bank_book {
	const struct bank_options *options;
	char day[9];
	uint64_t serial;
	struct bank_account **accounts;
	struct bank_payout **payouts;
	struct bank_entry **entries;
	size_t *returns; /* places in payouts */
	size_t n_accounts, n_payouts, n_entries, n_returns, day_first_entry;
	json_t *account_at, *payout_at; /* number -> place */
	json_t *events, *conflicts;
	int64_t n_moving, n_repeats;
	bool forgets;
};

static const struct {
	const char *code, *reason, *text;
} codes[] = {
	{ "000000", "", "成功" },
	{ "E10001", "FF01", "报文长度错误" },
	{ "E10002", "FF02", "报文无法解析" },
	{ "E10003", "CH21", "字段缺失或格式错误" },
	{ "E10004", "DS0B", "签名错误" },
	{ "E10005", "DS0H", "证书未知或已过期" },
	{ "E10006", "FF03", "交易码未知" },
	{ "E10007", "DT02", "请求时间偏差过大" },
	{ "E10009", "DU01", "请求流水号重复" },
	{ "E20001", "AM04", "余额不足" },
	{ "E20002", "AC06", "付款账号错误" },
	{ "E20003", "AC03", "收款账号不存在" },
	{ "E20004", "AC07", "收款账号已销户" },
	{ "E20005", "BE01", "户名与账号不符" },
	{ "E20006", "RC10", "联行号错误" },
	{ "E20009", "AM12", "金额错误" },
	{ "E20011", "AM11", "币种错误" },
	{ "E20404", "NOOR", "原交易不存在" },
	{ "E20409", "DU04", "付款编号已存在" },
	{ "E20410", "DU04", "付款编号已用于其他付款" },
	{ "E20411", "", "已无法撤销" },
	{ "E20501", "DS0B", "文件摘要错误" },
	{ "E20502", "AM10", "合计不符" },
	{ "E20503", "FF01", "明细行错误" },
	{ "E20504", "DU02", "批次号已使用" },
	{ "E30001", "", "系统忙，未受理" },
	{ "E30002", "AB06", "处理超时，结果未知" },
	{ "E90001", "MS03", "内部错误" },
};

static size_t code_at(const char *code)
{
	size_t i = 0;

	while (i < sizeof(codes) / sizeof(*codes) - 1 && strcmp(codes[i].code, code) != 0)
		i++;
	return i;
}

const char *bank_code_text(const char *code)
{
	return codes[code_at(code)].text;
}

const char *bank_code_reason(const char *code)
{
	return codes[code_at(code)].reason;
}

/* ISO 7064 MOD 11,10 over eleven digits. */
bool bank_line_number_is_right(const char *number)
{
	int p = 10, s;

	if (strlen(number) != 12 || strspn(number, "0123456789") != 12)
		return false;
	for (int i = 0; i < 11; i++) {
		s = (p + number[i] - '0') % 10;
		p = 2 * (s == 0 ? 10 : s) % 11;
	}
	return (11 - p) % 10 == number[11] - '0';
}

/* Room for one more in an array that doubles: a power of two says that it is full. */
static void *grow(void *array, size_t n, size_t size)
{
	return n == 0 || (n & (n - 1)) == 0 ? must(realloc(array, (n == 0 ? 1 : 2 * n) * size)) : array;
}

void bank_fresh_serial(struct bank_book *b, char out[25])
{
	text_format(out, 25, "BK%s%08llu", b->day, (unsigned long long)(++b->serial % 100000000u));
}

/* -- accounts -- */

struct bank_account *bank_account_find(const struct bank_book *b, const char *no)
{
	int64_t at = json_number(b->account_at, no, -1);

	return at < 0 ? NULL : b->accounts[at];
}

struct bank_account *bank_account_set(
        struct bank_book *b, const char *no, const char *name, int64_t balance_fen, bool is_customer)
{
	struct bank_account *a = bank_account_find(b, no);

	if (a == NULL) {
		a = must(calloc(1, sizeof(*a)));
		b->accounts = grow(b->accounts, b->n_accounts, sizeof(struct bank_account *));
		json_object_set_new(b->account_at, no, json_integer((json_int_t)b->n_accounts));
		b->accounts[b->n_accounts++] = a;
		text_format(a->no, sizeof(a->no), "%s", no);
	}
	if (*name != '\0')
		text_format(a->name, sizeof(a->name), "%s", name);
	if (balance_fen >= 0)
		a->day_open_fen = a->balance_fen = balance_fen;
	a->is_customer |= is_customer;
	return a;
}

/* The next character of a name as names are compared: no blanks, full-width forms as ASCII, one middle dot. */
static unsigned name_char(const unsigned char **p)
{
	for (;;) {
		unsigned c = **p, n = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;

		if (c == 0)
			return 0;
		++*p;
		c = n == 0 ? c : c & (0x3fu >> n);
		for (; n > 0 && (**p & 0xc0) == 0x80; n--)
			c = c << 6 | (*(*p)++ & 0x3fu);
		if (c == ' ' || c == '\t' || c == 0x3000 || c == 0xa0)
			continue;
		if (c == 0x2022 || c == 0xff0e)
			return 0xb7;
		return c > 0xff00 && c < 0xff5f ? c - 0xfee0 : c;
	}
}

static bool is_same_name(const char *one, const char *other)
{
	const unsigned char *a = (const unsigned char *)one, *b = (const unsigned char *)other;
	unsigned c;

	do {
		c = name_char(&a);
		if (c != name_char(&b))
			return false;
	} while (c != 0);
	return true;
}

int bank_name_check(const struct bank_book *b, const char *no, const char *name)
{
	const struct bank_account *a = bank_account_find(b, no);

	if (a == NULL || a->is_closed)
		return 3;
	return is_same_name(a->name, name) ? 1 : 2;
}

/* -- entries -- */

static struct bank_entry *book_entry(
        struct bank_book *b, struct bank_account *a, bool is_credit, int64_t fen, const char *serial, int64_t now_ms)
{
	struct bank_entry *e = must(calloc(1, sizeof(*e)));
	char day[9];

	b->entries = grow(b->entries, b->n_entries, sizeof(struct bank_entry *));
	b->entries[b->n_entries++] = e;
	a->balance_fen += is_credit ? fen : -fen;
	text_format(e->account, sizeof(e->account), "%s", a->no);
	text_format(e->serial, sizeof(e->serial), "%s", serial);
	text_format(e->date, sizeof(e->date), "%s", b->day);
	bank_stamp(now_ms, day, e->time);
	e->is_credit = is_credit;
	e->fen = fen;
	e->balance_fen = a->balance_fen;
	e->rev_flag = '0';
	return e;
}

/* Of one payout, on one side. */
static struct bank_entry *book_side(struct bank_book *b, const struct bank_payout *p, bool is_payer, bool is_return,
        const char *serial, int64_t now_ms)
{
	const struct bank_order *o = &p->order;
	struct bank_account *payer = bank_account_find(b, o->payer), *payee = bank_account_find(b, o->payee);
	struct bank_entry *e =
	        book_entry(b, is_payer ? payer : payee, is_payer == is_return, o->amount_fen, serial, now_ms);

	text_format(e->opposite, sizeof(e->opposite), "%s", is_payer ? o->payee : o->payer);
	text_format(e->opposite_name, sizeof(e->opposite_name), "%s", is_payer ? o->payee_name : o->payer_name);
	text_format(e->opposite_bank, sizeof(e->opposite_bank), "%s", is_payer ? o->payee_bank : "");
	text_format(e->pay_ref, sizeof(e->pay_ref), "%s", o->pay_ref);
	text_format(e->usage, sizeof(e->usage), "%s", is_return ? "退汇" : o->usage);
	if (is_return) {
		e->rev_flag = '2';
		text_format(e->org_serial, sizeof(e->org_serial), "%s", p->serial);
	}
	return e;
}

/* -- what becomes of a payout -- */

static void set_state(struct bank_payout *p, const char *state, const char *code)
{
	text_format(p->state, sizeof(p->state), "%s", state);
	text_format(p->code, sizeof(p->code), "%s", code);
}

static void tell(struct bank_book *b, const char *kind, const struct bank_payout *p)
{
	if (p->order.face == BANK_ISO || strcmp(kind, "return") == 0)
		json_array_append_new(b->events, json_pack("{s:s, s:s}", "kind", kind, "pay_ref", p->order.pay_ref));
}

static void fail(struct bank_book *b, struct bank_payout *p, const char *code)
{
	set_state(p, "05", code);
	text_format(p->acct_date, sizeof(p->acct_date), "%s", b->day);
}

static void pay(struct bank_book *b, struct bank_payout *p, int64_t now_ms)
{
	struct bank_account *payer = bank_account_find(b, p->order.payer);
	char day[9];

	if (payer->balance_fen < p->order.amount_fen) {
		fail(b, p, "E20001");
		return;
	}
	if (bank_account_find(b, p->order.payee) == NULL)
		bank_account_set(b, p->order.payee, p->order.payee_name, 0, false);
	if (p->serial[0] == '\0' || p->n_booked > 0)
		bank_fresh_serial(b, p->serial);
	book_side(b, p, true, false, p->serial, now_ms);
	book_side(b, p, false, false, p->serial, now_ms);
	p->n_booked++;
	set_state(p, "04", "000000");
	bank_stamp(now_ms, day, p->acct_time);
	text_format(p->acct_date, sizeof(p->acct_date), "%s", b->day);
}

static void give_back(struct bank_book *b, struct bank_payout *p, const char *code, int64_t now_ms)
{
	char day[9];
	size_t at = (size_t)json_number(b->payout_at, p->order.pay_ref, 0);

	bank_fresh_serial(b, p->return_serial);
	book_side(b, p, true, true, p->return_serial, now_ms);
	book_side(b, p, false, true, p->return_serial, now_ms);
	text_format(p->return_date, sizeof(p->return_date), "%s", b->day);
	bank_stamp(now_ms, day, p->return_time);
	text_format(p->return_code, sizeof(p->return_code), "%s", code);
	text_format(p->state, sizeof(p->state), "06");
	b->returns = grow(b->returns, b->n_returns, sizeof(size_t));
	b->returns[b->n_returns++] = at;
	tell(b, "return", p);
}

static void wait_until(struct bank_book *b, int64_t *timer_ms, int64_t ms)
{
	*timer_ms = ms > 0 ? ms : 1;
	b->n_moving++;
}

/* The refusal of an order that no amount asks for; NULL: none. */
static const char *order_check(const struct bank_book *b, const struct bank_order *o)
{
	const struct bank_account *payer = bank_account_find(b, o->payer), *payee = bank_account_find(b, o->payee);

	if (strcmp(o->ccy, "CNY") != 0)
		return "E20011";
	if (o->amount_fen <= 0)
		return "E20009";
	if (payer == NULL || !payer->is_customer || payer->is_closed)
		return "E20002";
	if (payer->balance_fen < o->amount_fen)
		return "E20001";
	if (*o->payee_bank != '\0' && !bank_line_number_is_right(o->payee_bank))
		return "E20006";
	if (payee != NULL && payee->is_closed)
		return "E20004";
	return payee != NULL && o->checks_name && !is_same_name(payee->name, o->payee_name) ? "E20005" : NULL;
}

/* bank.md 8.  95 and 99 are of the first try: whoever asks again, having been told that there is nothing, is paid. */
static void behave(struct bank_book *b, struct bank_payout *p, int64_t now_ms, struct bank_verdict *v)
{
	int tail = (int)(p->order.amount_fen % 100);
	bool is_first = p->n_arrived == 1, is_single = !p->order.is_listed;

	if (tail == 90) {
		set_state(p, "01", "000000");
		bank_fresh_serial(b, p->serial);
		wait_until(b, &p->due_ms, now_ms + b->options->settle_ms);
	} else if (tail == 98) {
		set_state(p, "07", "E30002");
		wait_until(b, &p->due_ms, now_ms + b->options->settle_ms);
		*v = (struct bank_verdict){ .type = 'U', .code = "E30002" };
	} else if (tail == 91 || tail == 92) {
		fail(b, p, tail == 91 ? "E20005" : "E20004");
		if (tail == 92)
			*v = (struct bank_verdict){ .type = 'F', .code = "E20004" };
	} else if (is_single && is_first && (tail == 95 || tail == 99)) {
		v->act = tail == 95 ? BANK_SILENT : BANK_ANSWERS;
		v->type = 'F';
		v->code = "E30001";
	} else {
		pay(b, p, now_ms);
		if (tail == 93 && strcmp(p->state, "04") == 0)
			wait_until(b, &p->return_ms, now_ms + b->options->return_ms);
		if (is_single && (tail == 94 || tail == 96 || tail == 97))
			v->act = tail == 94 ? BANK_SILENT : tail == 96 ? BANK_CUTS : BANK_SIGNS_WRONG;
	}
}

/* bank.md 5.4: payer, payee account, amount and currency make the content. */
static bool is_same_order(const struct bank_order *a, const struct bank_order *b)
{
	return strcmp(a->payer, b->payer) == 0 && strcmp(a->payee, b->payee) == 0 && a->amount_fen == b->amount_fen &&
	       strcmp(a->ccy, b->ccy) == 0;
}

static void known(struct bank_book *b, struct bank_payout *p, const struct bank_order *o, struct bank_verdict *v)
{
	if (is_same_order(&p->order, o)) {
		b->n_repeats++;
		p->n_arrived++;
		v->code = "E20409";
		return;
	}
	json_array_append_new(b->conflicts, json_pack("{s:s, s:s, s:I, s:s, s:I}", "pay_ref", o->pay_ref, "first_payee",
	                                            p->order.payee, "first_fen", (json_int_t)p->order.amount_fen,
	                                            "payee", o->payee, "amount_fen", (json_int_t)o->amount_fen));
	*v = (struct bank_verdict){ .type = 'F', .code = "E20410" };
}

static struct bank_payout *payout_at(const struct bank_book *b, const char *pay_ref)
{
	int64_t at = json_number(b->payout_at, pay_ref, -1);

	return at < 0 ? NULL : b->payouts[at];
}

void bank_order_take(struct bank_book *b, const struct bank_order *o, int64_t now_ms, struct bank_verdict *v)
{
	struct bank_payout *p = payout_at(b, o->pay_ref);
	const char *wrong = order_check(b, o);

	*v = (struct bank_verdict){ .type = 'S', .code = "000000" };
	if (p != NULL && p->state[0] != '\0' && !b->forgets) {
		known(b, p, o, v);
		v->payout = p;
		return;
	}
	if (p == NULL) {
		p = must(calloc(1, sizeof(*p)));
		b->payouts = grow(b->payouts, b->n_payouts, sizeof(struct bank_payout *));
		json_object_set_new(b->payout_at, o->pay_ref, json_integer((json_int_t)b->n_payouts));
		b->payouts[b->n_payouts++] = p;
	}
	p->order = *o;
	p->n_arrived++;
	if (wrong != NULL) {
		fail(b, p, wrong);
		v->type = 'F';
		v->code = wrong;
	} else if (strcmp(o->due, b->day) > 0) {
		set_state(p, "01", "000000");
	} else {
		behave(b, p, now_ms, v);
	}
	v->payout = p->state[0] == '\0' ? NULL : p;
}

struct bank_payout *bank_payout_find(const struct bank_book *b, const char *pay_ref)
{
	struct bank_payout *p = payout_at(b, pay_ref);

	return p == NULL || p->state[0] == '\0' ? NULL : p;
}

const char *bank_payout_cancel(struct bank_book *b, const char *pay_ref)
{
	struct bank_payout *p = bank_payout_find(b, pay_ref);

	if (p == NULL)
		return "E20404";
	if (strcmp(p->state, "08") == 0)
		return NULL;
	if (strcmp(p->state, "01") != 0)
		return "E20411";
	b->n_moving -= p->due_ms != 0;
	p->due_ms = 0;
	set_state(p, "08", "000000");
	return NULL;
}

const char *bank_payout_return(struct bank_book *b, const char *pay_ref, const char *code, int64_t now_ms)
{
	struct bank_payout *p = bank_payout_find(b, pay_ref);

	if (p == NULL || strcmp(p->state, "04") != 0)
		return "pay_ref names no payout that is paid";
	if (strcmp(code, "E20004") != 0 && strcmp(code, "E20005") != 0)
		return "code is E20004 (account closed) or E20005 (name does not fit)";
	b->n_moving -= p->return_ms != 0;
	p->return_ms = 0;
	give_back(b, p, code, now_ms);
	return NULL;
}

void bank_book_advance(struct bank_book *b, int64_t now_ms)
{
	for (size_t i = 0; i < b->n_payouts && b->n_moving > 0; i++) {
		struct bank_payout *p = b->payouts[i];

		if (p->due_ms != 0 && p->due_ms <= now_ms) {
			p->due_ms = 0;
			b->n_moving--;
			if (strcmp(p->state, "07") == 0)
				fail(b, p, "E20003");
			else
				pay(b, p, now_ms);
			tell(b, "report", p);
		}
		if (p->return_ms != 0 && p->return_ms <= now_ms) {
			p->return_ms = 0;
			b->n_moving--;
			give_back(b, p, "E20004", now_ms);
		}
	}
}

int64_t bank_n_moving(const struct bank_book *b)
{
	return b->n_moving;
}

size_t bank_n_entries(const struct bank_book *b)
{
	return b->n_entries;
}

const struct bank_entry *bank_entry(const struct bank_book *b, size_t i)
{
	return b->entries[i];
}

size_t bank_n_returns(const struct bank_book *b)
{
	return b->n_returns;
}

const struct bank_payout *bank_return(const struct bank_book *b, size_t i)
{
	return b->payouts[b->returns[i]];
}

/* -- the business day -- */

const char *bank_day(const struct bank_book *b)
{
	return b->day;
}

static void next_day(char day[9])
{
	struct tm tm = { 0 };
	time_t at;

	strptime(day, "%Y%m%d", &tm);
	at = timegm(&tm) + 86400;
	gmtime_r(&at, &tm);
	strftime(day, 9, "%Y%m%d", &tm);
}

static bool has_paid_today(const struct bank_book *b, const struct bank_account *a)
{
	for (size_t i = b->day_first_entry; i < b->n_entries; i++)
		if (strcmp(b->entries[i]->account, a->no) == 0 && !b->entries[i]->is_credit)
			return true;
	return false;
}

static void account_day_end(
        struct bank_book *b, struct bank_account *a, int64_t now_ms, bool is_missing, bool is_twice, bool is_copy)
{
	char serial[25];
	json_t *event;

	if (b->options->fee_fen > 0 && has_paid_today(b, a) && a->balance_fen >= b->options->fee_fen) {
		bank_fresh_serial(b, serial);
		text_format(book_entry(b, a, false, b->options->fee_fen, serial, now_ms)->usage, 64, "手续费");
	}
	event = must(json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:b, s:b}", "kind", "statement", "account",
	        a->no, "day", b->day, "sequence", (json_int_t)++a->sequence, "open_fen", (json_int_t)a->day_open_fen,
	        "close_fen", (json_int_t)a->balance_fen, "first", (json_int_t)b->day_first_entry, "last",
	        (json_int_t)b->n_entries, "missing", is_missing, "copy", false));
	json_array_append(b->events, event);
	if (is_twice)
		json_array_append(b->events, event);
	if (is_copy) {
		json_t *copy = json_copy(event);

		json_object_set_new(copy, "copy", json_true());
		json_array_append_new(b->events, copy);
	}
	json_decref(event);
}

void bank_day_end(struct bank_book *b, int64_t now_ms, bool is_missing, bool is_twice, bool is_copy)
{
	for (size_t i = 0; i < b->n_accounts; i++)
		if (b->accounts[i]->is_customer)
			account_day_end(b, b->accounts[i], now_ms, is_missing, is_twice, is_copy);
	for (size_t i = 0; i < b->n_accounts; i++)
		b->accounts[i]->day_open_fen = b->accounts[i]->balance_fen;
	b->day_first_entry = b->n_entries;
	next_day(b->day);
	for (size_t i = 0; i < b->n_payouts; i++) {
		struct bank_payout *p = b->payouts[i];

		if (strcmp(p->state, "01") != 0 || p->due_ms != 0 || strcmp(p->order.due, b->day) > 0)
			continue;
		pay(b, p, now_ms);
		tell(b, "report", p);
	}
}

json_t *bank_event_next(struct bank_book *b)
{
	json_t *event = json_array_get(b->events, 0);

	if (event == NULL)
		return NULL;
	json_incref(event);
	json_array_remove(b->events, 0);
	return event;
}

/* -- the ledger -- */

static json_t *payout_json(const struct bank_payout *p)
{
	static const char *const faces[] = { "link", "iso20022", "file" };
	const struct bank_order *o = &p->order;
	json_t *row = must(json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:I, s:I}", "pay_ref",
	        o->pay_ref, "face", faces[o->face], "payer", o->payer, "payee", o->payee, "payee_name", o->payee_name,
	        "amount_fen", (json_int_t)o->amount_fen, "state", p->state[0] == '\0' ? "not taken" : p->state, "code",
	        p->code, "serial", p->serial, "acct_date", p->acct_date, "arrived", (json_int_t)p->n_arrived, "booked",
	        (json_int_t)p->n_booked));

	if (p->return_code[0] != '\0')
		json_object_set_new(row, "returned",
		        json_pack("{s:s, s:s, s:s}", "serial", p->return_serial, "date", p->return_date, "code",
		                p->return_code));
	return row;
}

static json_t *entry_json(const struct bank_entry *e)
{
	return must(json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:s, s:s}", "account", e->account,
	        "serial", e->serial, "date", e->date, "time", e->time, "dc", e->is_credit ? "C" : "D", "amount_fen",
	        (json_int_t)e->fen, "balance_fen", (json_int_t)e->balance_fen, "opposite", e->opposite, "pay_ref",
	        e->pay_ref, "reversal", e->rev_flag == '2' ? "return" : "", "of_serial", e->org_serial));
}

/* Counted from the entries, not from what the payouts believe: debits of payers under one number, beyond the first. */
static int64_t double_bookings(const struct bank_book *b)
{
	json_t *seen = must(json_object());
	int64_t n = 0;

	for (size_t i = 0; i < b->n_entries; i++) {
		const struct bank_entry *e = b->entries[i];

		if (e->is_credit || e->rev_flag != '0' || *e->pay_ref == '\0')
			continue;
		n += json_object_get(seen, e->pay_ref) != NULL;
		json_object_set_new(seen, e->pay_ref, json_true());
	}
	json_decref(seen);
	return n;
}

json_t *bank_ledger(const struct bank_book *b)
{
	json_t *accounts = must(json_array()), *payouts = must(json_array()), *entries = must(json_array());

	for (size_t i = 0; i < b->n_accounts; i++)
		json_array_append_new(accounts,
		        json_pack("{s:s, s:s, s:I, s:b, s:b}", "account", b->accounts[i]->no, "name",
		                b->accounts[i]->name, "balance_fen", (json_int_t)b->accounts[i]->balance_fen, "closed",
		                b->accounts[i]->is_closed, "customer", b->accounts[i]->is_customer));
	for (size_t i = 0; i < b->n_payouts; i++)
		json_array_append_new(payouts, payout_json(b->payouts[i]));
	for (size_t i = 0; i < b->n_entries; i++)
		json_array_append_new(entries, entry_json(b->entries[i]));
	return must(json_pack("{s:s, s:o, s:o, s:o, s:I, s:O, s:I}", "day", b->day, "accounts", accounts, "payouts",
	        payouts, "entries", entries, "double_bookings", (json_int_t)double_bookings(b), "conflicts",
	        b->conflicts, "repeats", (json_int_t)b->n_repeats));
}

json_t *bank_changes(struct bank_book *b)
{
	json_t *payouts = must(json_array());

	for (size_t i = 0; i < b->n_payouts; i++) {
		struct bank_payout *p = b->payouts[i];
		uint64_t now = fingerprint(0, p, offsetof(struct bank_payout, told));

		if (now == p->told)
			continue;
		p->told = now;
		json_array_append_new(payouts, payout_json(p));
	}
	return must(json_pack("{s:o, s:O}", "payouts", payouts, "conflicts", b->conflicts));
}

void bank_forget_orders(struct bank_book *b, bool forgets)
{
	b->forgets = forgets;
}

/* -- life -- */

struct bank_book *bank_book_new(const struct bank_options *options, int64_t now_ms)
{
	struct bank_book *b = must(calloc(1, sizeof(*b)));
	char time[7];

	b->options = options;
	b->account_at = must(json_object());
	b->payout_at = must(json_object());
	b->events = must(json_array());
	b->conflicts = must(json_array());
	bank_stamp(now_ms, b->day, time);
	if (options->day != NULL)
		text_format(b->day, sizeof(b->day), "%s", options->day);
	bank_account_set(b, options->fund_account, options->fund_name, options->fund_fen, true);
	return b;
}

void bank_book_free(struct bank_book *b)
{
	for (size_t i = 0; i < b->n_accounts; i++)
		free(b->accounts[i]);
	for (size_t i = 0; i < b->n_payouts; i++)
		free(b->payouts[i]);
	for (size_t i = 0; i < b->n_entries; i++)
		free(b->entries[i]);
	free(b->accounts);
	free(b->payouts);
	free(b->entries);
	free(b->returns);
	json_decref(b->account_at);
	json_decref(b->payout_at);
	json_decref(b->events);
	json_decref(b->conflicts);
	free(b);
}
