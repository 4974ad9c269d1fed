/* sandbox/insurer_book.c - the insurer's claims: taken in, accepted, decided by its rule (insurer_rule.c), paid
 * (insurer.h).
 *
 * A claim moves by the clock the caller gives: half of decide_ms after it came it is accepted or rejected, at decide_ms
 * it is decided, pay_ms later it is paid.  Each move is an event for the gateway. */
#include "hub.h"
#include "insurer.h"
#include "text.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 500
#define TWO_DAYS_MS INT64_C(172800000)

enum state { RECEIVED, ACCEPTED, PENDING_DOCS, ADJUDICATED, PAID, REJECTED };

static const char *const state_names[] = { "RECEIVED", "ACCEPTED", "PENDING_DOCS", "ADJUDICATED", "PAID", "REJECTED" };

struct claim {
	char claim_no[25], request_no[23], setl_id[31], certno[64], account_tail[5];
	json_t *body;     /* as it came */
	json_t *result;   /* NULL until decided */
	json_t *payment;  /* the last of payments */
	json_t *payments; /* who sent money or had it come back, in order */
	json_t *days;     /* on which it moved */
	json_t *held;     /* events that are told at its end, with amount fault 84 */
	enum state state;
	int64_t state_ms, move_ms, payable_fen; /* move_ms: when the next timer is due */
	int64_t event_seq;
	int64_t alter_fen; /* by the control port, in the ledger only */
	int ends_in;       /* last two digits of the total, with amount faults; else -1 */
	bool is_recovered, is_withdrawn, has_docs, was_returned, is_at_once;
	struct claim *next;
	uint64_t told; /* its fingerprint when insurer_changes told of it last; stands last */
};

struct insurer_book {
	const struct insurer_options *options;
	json_t *persons;     /* certno -> name */
	json_t *deductibles; /* certno + year -> {"IN_LIST", "OUT_LIST"} */
	json_t *events;      /* not yet taken */
	json_t *by_number;   /* requestNo, claimNo -> claim, as an integer */
	json_t *by_setl_id;  /* of those not withdrawn */
	json_t *refused;     /* settlements whose claim was not taken in, {"setlId", "requestNo", "code"} */
	json_t *listed;      /* what its list of a day is to say otherwise (insurer_listed.c) */
	json_t *by_invoice;  /* code and number -> the claim that was accepted with it */
	struct claim *first, **end;
	uint64_t n_claims, n_events, n_payments;
	struct insurer_counts counts;
};

const struct insurer_options *insurer_book_options(const struct insurer_book *book)
{
	return book->options;
}

struct insurer_counts *insurer_counts(struct insurer_book *book)
{
	return &book->counts;
}

struct insurer_book *insurer_book_new(const struct insurer_options *options)
{
	struct insurer_book *book = must(calloc(1, sizeof(*book)));

	book->options = options;
	book->persons = must(json_object());
	book->deductibles = must(json_object());
	book->events = must(json_array());
	book->by_number = must(json_object());
	book->by_setl_id = must(json_object());
	book->listed = must(json_object());
	book->by_invoice = must(json_object());
	book->refused = must(json_array());
	book->end = &book->first;
	return book;
}

void insurer_book_free(struct insurer_book *book)
{
	while (book->first != NULL) {
		struct claim *claim = book->first;

		book->first = claim->next;
		json_decref(claim->body);
		json_decref(claim->result);
		json_decref(claim->payment);
		json_decref(claim->payments);
		json_decref(claim->days);
		json_decref(claim->held);
		free(claim);
	}
	json_decref(book->persons);
	json_decref(book->deductibles);
	json_decref(book->events);
	json_decref(book->by_number);
	json_decref(book->by_setl_id);
	json_decref(book->listed);
	json_decref(book->by_invoice);
	json_decref(book->refused);
	free(book);
}

static struct claim *look_up(const json_t *index, const char *key)
{
	return (struct claim *)(intptr_t)json_number(index, key, 0);
}

static void remember(json_t *index, const char *key, const struct claim *claim)
{
	json_object_set_new(index, key, json_integer((intptr_t)claim));
}

void insurer_person_add(struct insurer_book *book, const char *certno, const char *name)
{
	json_object_set_new(book->persons, certno, json_string(name));
}

char *insurer_list(const struct insurer_book *book, int64_t now_ms)
{
	size_t room = 64 + 65 * json_object_size(book->persons), n;
	char *text = must(malloc(room)), day[11], digest[65];
	const char *certno;
	json_t *name;

	insurer_day_text(now_ms, day);
	text_format(text, room, "#day %s\n#count %zu\n", day, json_object_size(book->persons));
	n = strlen(text);
	json_object_foreach(book->persons, certno, name)
	{
		sm3_hex(certno, strlen(certno), digest);
		text_format(text + n, room - n, "%s\n", book->options->rule == &product_ty ? digest : certno);
		n += strlen(text + n);
	}
	return text;
}

const char *insurer_person_name(const struct insurer_book *book, const char *certno)
{
	const json_t *name = json_object_get(book->persons, certno);

	return name != NULL ? json_string_value(name) : book->options->enrols_all ? "" : NULL;
}

json_t *insurer_deductibles(struct insurer_book *book, const char *certno, const char *year)
{
	const struct insurer_product *rule = book->options->rule;
	char key[72];
	json_t *used;

	text_format(key, sizeof(key), "%s %.4s", certno, year);
	used = json_object_get(book->deductibles, key);
	if (used == NULL) {
		used = must(json_object());
		for (size_t i = 0; i < rule->n_liabilities; i++)
			if (rule->liabilities[i].deductible_fen > 0)
				json_object_set_new(used, rule->liabilities[i].code, json_integer(0));
		json_object_set_new(book->deductibles, key, used);
	}
	return used;
}

static void use_deductibles(struct insurer_book *book, struct claim *claim, int64_t sign)
{
	const json_t *visit = json_object_get(claim->body, "visit");
	json_t *used = insurer_deductibles(book, claim->certno, json_text(visit, "dischargeDate"));
	json_t *list = json_object_get(claim->result, "liabilities"), *row;
	size_t i;

	json_array_foreach(list, i, row)
	{
		const char *code = json_text(row, "code");

		if (json_object_get(used, code) != NULL)
			json_object_set_new(used, code,
			        json_integer(json_number(used, code, 0) + sign * json_number(row, "deductible", 0)));
	}
}

/* -- showing -- */

/* What GET and the events have in common. */
static json_t *show(const struct claim *claim)
{
	json_t *data = must(json_pack("{s:s, s:s, s:s, s:s}", "claimNo", claim->claim_no, "requestNo",
	        claim->request_no, "setlId", claim->setl_id, "status", state_names[claim->state]));
	char time[26], day[11];

	if (claim->result != NULL)
		json_object_set(data, "result", claim->result);
	if (claim->payment != NULL)
		json_object_set(data, "payment", claim->payment);
	if (claim->state == PENDING_DOCS) {
		insurer_day_text(claim->state_ms + INT64_C(10) * 86400000, day);
		json_object_set_new(data, "docs",
		        json_pack("[{s:s, s:s, s:s}]", "type", "INVOICE_IMAGE", "note", "请补充发票影像", "dueDate",
		                day));
	}
	insurer_time_text(claim->state_ms, time);
	json_object_set_new(data, "statusTime", json_string(time));
	return data;
}

static void tell(struct insurer_book *book, struct claim *claim)
{
	json_t *event, *about;
	char id[25], time[26], digits[18];

	claim->event_seq++;
	if (book->options->callback_url == NULL || claim->ends_in == 83)
		return;
	time_digits(claim->state_ms, digits);
	text_format(id, sizeof(id), "EV%.8s%09llu", digits, (unsigned long long)++book->n_events);
	insurer_time_text(claim->state_ms, time);
	event = must(json_pack("{s:s, s:s, s:I, s:s}", "eventId", id, "eventType", "CLAIM_STATUS", "eventSeq",
	        (json_int_t)claim->event_seq, "occurTime", time));
	about = show(claim);
	json_object_del(about, "statusTime");
	json_object_update(event, about);
	json_decref(about);
	about = must(json_pack("{s:s, s:o}", "path", json_text(claim->body, "callbackPath"), "event", event));
	if (claim->ends_in == 84) { /* the last first, and each twice */
		json_array_insert(claim->held, 0, about);
		json_array_insert(claim->held, 0, about);
	} else {
		json_array_append(book->events, about);
	}
	json_decref(about);
	if (claim->move_ms == INT64_MAX) {
		json_array_extend(book->events, claim->held);
		json_array_clear(claim->held);
	}
}

/* The only way into a state. */
static void move(struct insurer_book *book, struct claim *claim, enum state state, int64_t when_ms, int64_t next_ms)
{
	char day[11];

	claim->state = state;
	claim->state_ms = when_ms;
	claim->move_ms = next_ms;
	insurer_day_text(when_ms, day);
	json_object_set_new(claim->days, day, json_true());
	tell(book, claim);
}

/* -- timers -- */

/* Whether the gateway is to pay it: all, or those whose payee has his account at one of the named banks. */
static bool is_mandated(const struct insurer_book *book, const struct claim *claim)
{
	const char *bank = json_text(json_object_get(claim->body, "payee"), "bankNo"),
	           *at = book->options->mandate_banks;
	size_t n;

	if (!book->options->rule->tells)
		return false; /* its wire has no word for it */
	for (; at != NULL && *at != '\0'; at += n, at += *at == ',') {
		n = strcspn(at, ",");
		if (n > 0 && strncmp(bank, at, n) == 0)
			return true;
	}
	return book->options->is_paid_by_gateway;
}

static void set_result(
        struct insurer_book *book, struct claim *claim, json_t *result, const char *code, const char *why)
{
	const struct insurer_options *o = book->options;
	bool is_by_gateway = is_mandated(book, claim);
	char day[11];

	claim->payable_fen = json_number(result, "payable", 0);
	json_object_set_new(result, "refuseCode", json_string(code));
	json_object_set_new(result, "refuseReason", json_string(why));
	json_object_set_new(result, "payBy", json_string(is_by_gateway ? "GATEWAY" : "INSURER"));
	if (o->is_11) /* a mandate is to pay the person: the gateway knows no hospital's account */
		json_object_set_new(result, "payTo",
		        json_string(claim->is_at_once && !is_by_gateway ? insurer_pays_to(o, claim->body) : o->pay_to));
	insurer_day_text(claim->state_ms + INT64_C(86400000), day);
	json_object_set_new(result, "expectPayDate", json_string(day));
	json_decref(claim->result);
	claim->result = result;
}

static void reject(struct insurer_book *book, struct claim *claim, int64_t when_ms, const char *code, const char *why)
{
	if (claim->result != NULL && claim->state == ADJUDICATED)
		use_deductibles(book, claim, -1);
	set_result(book, claim, must(json_pack("{s:i, s:[]}", "payable", 0, "liabilities")), code, why);
	move(book, claim, REJECTED, when_ms, INT64_MAX);
}

/* One invoice, one claim.  False: another one in force has an invoice of this; else they are this one's from now on. */
static bool take_invoices(struct insurer_book *book, struct claim *claim)
{
	json_t *bills = json_object_get(claim->body, "invoices"), *bill;
	char key[512];
	size_t i;

	for (int is_free = 0; is_free < 2; is_free++) {
		json_array_foreach(bills, i, bill)
		{
			const struct claim *other;

			text_format(key, sizeof(key), "%s %s", json_text(bill, "billCode"), json_text(bill, "billNo"));
			other = look_up(book->by_invoice, key);
			if (other != NULL && other != claim && other->state != REJECTED)
				return false;
			if (is_free)
				remember(book->by_invoice, key, claim);
		}
	}
	return true;
}

static void accept_claim(struct insurer_book *book, struct claim *claim)
{
	const struct insurer_product *rule = book->options->rule;
	int64_t half_ms = book->options->decide_ms - book->options->decide_ms / 2;

	if (!rule->tells && claim->ends_in == 83)
		half_ms = TWO_DAYS_MS; /* it tells nothing, so this is when it is asked in vain */
	if (insurer_person_name(book, claim->certno) == NULL || claim->ends_in == 82)
		reject(book, claim, claim->move_ms, rule->not_insured, "未参保");
	else if (!take_invoices(book, claim))
		reject(book, claim, claim->move_ms, rule->used_invoice, "发票已理赔");
	else
		move(book, claim, ACCEPTED, claim->move_ms, claim->move_ms + half_ms);
}

static void decide(struct insurer_book *book, struct claim *claim)
{
	bool is_by_us = !is_mandated(book, claim);
	int64_t when_ms = claim->move_ms;
	json_t *result;

	if (claim->ends_in == 81 && !claim->has_docs) {
		move(book, claim, PENDING_DOCS, when_ms, INT64_MAX);
		return;
	}
	result = insurer_reckon(book, claim->body, claim->certno);
	claim->state_ms = when_ms;
	set_result(book, claim, result, json_number(result, "payable", 0) > 0 ? "" : book->options->rule->below,
	        json_number(result, "payable", 0) > 0 ? "" : "未超过免赔额");
	use_deductibles(book, claim, 1);
	move(book, claim, ADJUDICATED, when_ms,
	        is_by_us && claim->payable_fen > 0 ? when_ms + book->options->pay_ms : INT64_MAX);
}

/* by: INSURER, GATEWAY; payout_no: the payer's number of it where it is the gateway, else "". */
static void set_payment(struct claim *claim, const char *by, const char *payout_no, const char *time,
        const char *serial, const char *state)
{
	json_t *before = claim->payment; /* of which serial may be */

	claim->payment = must(json_pack("{s:s, s:s, s:s, s:I, s:s}", "payTime", time, "bankSerial", serial, "acctTail",
	        claim->account_tail, "amount", (json_int_t)claim->payable_fen, "payState", state));
	json_array_append_new(claim->payments,
	        json_pack("{s:s, s:s, s:s, s:s, s:I, s:s}", "by", by, "payoutNo", payout_no, "bankSerial", serial,
	                "payTime", time, "amount", (json_int_t)claim->payable_fen, "payState", state));
	json_decref(before);
}

/* Pays; with amount fault 88 it comes back, and is paid once more. */
static void pay(struct insurer_book *book, struct claim *claim)
{
	const struct insurer_product *rule = book->options->rule;
	bool goes_on = claim->ends_in == 88 && !claim->was_returned, is_return = goes_on && claim->state == PAID;
	int64_t when_ms = claim->move_ms;
	char time[26], digits[18], serial[33];

	time_digits(when_ms, digits);
	text_format(serial, sizeof(serial), "%s%.8s%0*llu", rule->payment_prefix, digits, rule->serial_digits,
	        (unsigned long long)(is_return ? book->n_payments : ++book->n_payments));
	insurer_time_text(when_ms, time);
	set_payment(claim, "INSURER", "", time, is_return ? json_text(claim->payment, "bankSerial") : serial,
	        is_return ? "RETURNED" : "PAID");
	claim->was_returned |= is_return;
	move(book, claim, PAID, when_ms, goes_on ? when_ms + book->options->pay_ms : INT64_MAX);
}

static void step(struct insurer_book *book, struct claim *claim)
{
	switch (claim->state) {
	case RECEIVED:
		accept_claim(book, claim);
		break;
	case ACCEPTED:
		decide(book, claim);
		break;
	case ADJUDICATED:
	case PAID:
		pay(book, claim);
		break;
	default:
		claim->move_ms = INT64_MAX;
	}
}

void insurer_book_advance(struct insurer_book *book, int64_t now_ms)
{
	for (struct claim *claim = book->first; claim != NULL; claim = claim->next)
		while (claim->move_ms <= now_ms)
			step(book, claim);
}

/* -- calls -- */

static struct claim *find(const struct insurer_book *book, const char *claim_no, const char *request_no)
{
	return look_up(book->by_number, *claim_no != '\0' ? claim_no : request_no);
}

static struct claim *find_by_settlement(const struct insurer_book *book, const char *setl_id)
{
	struct claim *claim = look_up(book->by_setl_id, setl_id);

	return claim != NULL && !claim->is_withdrawn ? claim : NULL;
}

static struct claim *claim_new(struct insurer_book *book, const json_t *body, const char *certno, int64_t now_ms)
{
	struct claim *claim = must(calloc(1, sizeof(*claim)));
	const struct insurer_product *rule = book->options->rule;
	const json_t *s = json_object_get(body, "settlement");
	char digits[18];

	time_digits(now_ms, digits);
	text_format(claim->claim_no, sizeof(claim->claim_no), "%s%.*s%0*llu", rule->claim_prefix, 8 - rule->day_from,
	        digits + rule->day_from, rule->serial_digits, (unsigned long long)++book->n_claims);
	text_format(claim->request_no, sizeof(claim->request_no), "%s", json_text(body, "requestNo"));
	text_format(claim->setl_id, sizeof(claim->setl_id), "%s", json_text(s, "setlId"));
	text_format(claim->certno, sizeof(claim->certno), "%s", certno);
	claim->body = json_deep_copy(body);
	claim->ends_in = book->options->has_amount_faults ? (int)(json_number(s, "totalFee", 0) % 100) : -1;
	claim->days = must(json_object());
	claim->payments = must(json_array());
	claim->held = must(json_array());
	*book->end = claim;
	book->end = &claim->next;
	remember(book->by_number, claim->claim_no, claim);
	remember(book->by_number, claim->request_no, claim);
	remember(book->by_setl_id, claim->setl_id, claim);
	move(book, claim, RECEIVED, now_ms, now_ms + book->options->decide_ms / 2);
	return claim;
}

void insurer_claim_account(struct insurer_book *book, const char *request_no, const char *account)
{
	struct claim *claim = find(book, "", request_no);
	size_t n = strlen(account);

	if (claim != NULL)
		text_format(claim->account_tail, sizeof(claim->account_tail), "%s", account + (n > 4 ? n - 4 : 0));
}

json_t *insurer_claim_take(struct insurer_book *book, const json_t *body, const char *certno, int64_t now_ms,
        bool is_at_once, struct insurer_refusal *refusal)
{
	const json_t *s = json_object_get(body, "settlement"), *insured = json_object_get(body, "insured");
	const char *name = insurer_person_name(book, certno);
	struct claim *claim = find_by_settlement(book, json_text(s, "setlId"));
	char time[26];
	json_t *data;

	if (claim != NULL) {
		insurer_refuse(refusal, "B2007", "", "this settlement is claimed already");
		text_format(refusal->claim_no, sizeof(refusal->claim_no), "%s", claim->claim_no);
		return NULL;
	}
	if (name != NULL && *name != '\0' && strcmp(name, json_text(insured, "name")) != 0) {
		insurer_refuse(refusal, "B2003", "insured.name", "and number do not fit");
		return NULL;
	}
	claim = claim_new(book, body, certno, now_ms);
	claim->is_at_once = is_at_once;
	if (is_at_once) {
		for (int i = 0; i < 2 && claim->state != REJECTED; i++) {
			claim->move_ms = now_ms;
			step(book, claim);
		}
		return show(claim);
	}
	insurer_time_text(now_ms, time);
	data = json_pack("{s:s, s:s, s:s}", "claimNo", claim->claim_no, "status", "RECEIVED", "receivedTime", time);
	return must(data);
}

json_t *insurer_claim_show(const struct insurer_book *book, const char *claim_no, const char *request_no)
{
	struct claim *claim = find(book, claim_no, request_no);

	return claim == NULL ? NULL : show(claim);
}

const char *insurer_claim_settlement(const struct insurer_book *book, const char *claim_no)
{
	struct claim *claim = find(book, claim_no, "");

	return claim == NULL || *claim_no == '\0' ? "" : claim->setl_id;
}

static json_t *claim_status(const struct claim *claim)
{
	return must(json_pack("{s:s, s:s}", "claimNo", claim->claim_no, "status", state_names[claim->state]));
}

/* The claim when it is in one of the states (bits); else NULL and refusal. */
static struct claim *find_in(
        struct insurer_book *book, const char *claim_no, unsigned states, struct insurer_refusal *refusal)
{
	struct claim *claim = find(book, claim_no, "");

	if (claim == NULL || *claim_no == '\0') {
		insurer_refuse(refusal, "B3002", "", "no such claim");
		return NULL;
	}
	if ((states & 1u << claim->state) != 0)
		return claim;
	insurer_refuse(refusal, "B3003", "", "not possible in this state");
	return NULL;
}

json_t *insurer_claim_withdraw(
        struct insurer_book *book, const char *claim_no, int64_t now_ms, struct insurer_refusal *refusal)
{
	unsigned states = 1u << RECEIVED | 1u << ACCEPTED | 1u << PENDING_DOCS | 1u << ADJUDICATED;
	struct claim *claim = find_in(book, claim_no, states, refusal), *paid = find(book, claim_no, "");

	if (claim == NULL && paid != NULL && *claim_no != '\0')
		paid->is_recovered |= paid->state == PAID; /* a case by hand (insurer.md 6.5) */
	if (claim == NULL)
		return NULL;
	claim->is_withdrawn = true;
	reject(book, claim, now_ms, book->options->rule->withdrawn, "已撤回");
	return claim_status(claim);
}

json_t *insurer_claim_documents(
        struct insurer_book *book, const char *claim_no, int64_t now_ms, struct insurer_refusal *refusal)
{
	struct claim *claim = find_in(book, claim_no, 1u << PENDING_DOCS, refusal);

	if (claim == NULL)
		return NULL;
	claim->has_docs = true;
	move(book, claim, ACCEPTED, now_ms, now_ms + book->options->decide_ms / 2);
	return claim_status(claim);
}

json_t *insurer_claim_payment(struct insurer_book *book, const char *claim_no, const json_t *body, int64_t now_ms,
        struct insurer_refusal *refusal)
{
	struct claim *claim = find_in(book, claim_no, 1u << ADJUDICATED | 1u << PAID, refusal);
	const char *status = json_text(body, "status");
	bool is_return = strcmp(status, "RETURNED") == 0;

	if (claim == NULL)
		return NULL;
	if (!is_mandated(book, claim) || claim->payable_fen == 0 || (is_return && claim->state != PAID) ||
	        (strcmp(status, "PAID") == 0 && claim->state == PAID && !claim->was_returned)) {
		book->counts.payments_refused++;
		insurer_refuse(refusal, "B3003", "", "no payment is awaited");
		return NULL;
	}
	if (strcmp(status, "FAILED") != 0 && json_number(body, "amount", 0) != claim->payable_fen) {
		insurer_refuse(refusal, "B1001", "amount", "is not what was decided");
		return NULL;
	}
	if (strcmp(status, "FAILED") != 0) {
		set_payment(claim, "GATEWAY", json_text(body, "payoutNo"), json_text(body, "payTime"),
		        json_text(body, "bankSerial"), status);
		claim->was_returned = is_return;
		move(book, claim, PAID, now_ms, INT64_MAX);
	}
	return claim_status(claim);
}

json_t *insurer_reconciliation(const struct insurer_book *book, const char *day, int page)
{
	json_t *rows = must(json_array());
	int n = 0, n_strays;

	for (const struct claim *claim = book->first; claim != NULL; claim = claim->next) {
		if (json_object_get(claim->days, day) == NULL && !insurer_listed_on(book->listed, claim->setl_id, day))
			continue;
		if (n / PAGE == page - 1)
			json_array_append_new(rows, insurer_listed_row(book->listed, claim->setl_id, show(claim)));
		n++;
	}
	n_strays = insurer_listed_strays(book->listed, day, page == 1 ? rows : NULL);
	return must(json_pack("{s:s, s:i, s:i, s:i, s:o}", "date", day, "page", page, "pages",
	        n == 0 ? 1 : (n + PAGE - 1) / PAGE, "total", n + n_strays, "claims", rows));
}

/* -- what the control port shows -- */

void insurer_claim_refused(struct insurer_book *book, const json_t *body, const char *code)
{
	const char *setl_id = json_text(json_object_get(body, "settlement"), "setlId");

	if (*setl_id != '\0')
		json_array_append_new(
		        book->refused, json_pack("{s:s, s:s, s:s, s:s}", "insurer", book->options->rule->name, "setlId",
		                               setl_id, "requestNo", json_text(body, "requestNo"), "code", code));
}

/* What has been sent and not come back. */
static int64_t paid_fen(const struct claim *claim)
{
	json_t *row;
	int64_t sum = 0;
	size_t i;

	json_array_foreach(claim->payments, i, row) sum +=
	        json_number(row, "amount", 0) * (strcmp(json_text(row, "payState"), "PAID") == 0 ? 1 : -1);
	return sum;
}

static json_t *ledger_row(const struct insurer_book *book, const struct claim *claim)
{
	json_t *row = show(claim);

	json_object_set_new(row, "insurer", json_string(book->options->rule->name));
	json_object_set_new(
	        row, "ownVisit", json_string(json_text(json_object_get(claim->body, "visit"), "inpatientNo")));
	json_object_set_new(row, "totalFee",
	        json_integer(
	                json_number(json_object_get(claim->body, "settlement"), "totalFee", 0) + claim->alter_fen));
	json_object_set_new(row, "payable", json_integer(claim->payable_fen));
	json_object_set(row, "payments", claim->payments);
	json_object_set_new(row, "paid", json_integer(paid_fen(claim)));
	json_object_set_new(row, "is_withdrawn", json_boolean(claim->is_withdrawn));
	json_object_set_new(row, "is_recovered", json_boolean(claim->is_recovered));
	return row;
}

json_t *insurer_ledger(const struct insurer_book *book)
{
	const struct insurer_counts *n = &book->counts;
	json_t *rows = must(json_array()), *seen = must(json_object());
	int64_t n_double = 0;

	for (const struct claim *claim = book->first; claim != NULL; claim = claim->next) {
		bool is_double = claim->state != REJECTED && json_object_get(seen, claim->setl_id) != NULL;
		json_t *row = ledger_row(book, claim);

		n_double += is_double;
		if (claim->state != REJECTED)
			json_object_set_new(seen, claim->setl_id, json_true());
		json_object_set_new(row, "is_double", json_boolean(is_double));
		json_array_append_new(rows, row);
	}
	json_decref(seen);
	return must(json_pack("{s:s, s:o, s:O, s:I, s:I, s:I, s:I, s:I, s:I}", "insurer", book->options->rule->name,
	        "claims", rows, "refused", book->refused, "double_claims", (json_int_t)n_double, "replays",
	        (json_int_t)n->replays, "second_claims", (json_int_t)n->second_claims, "other_content",
	        (json_int_t)n->other_content, "payments_refused", (json_int_t)n->payments_refused, "events_taken",
	        (json_int_t)n->events_taken));
}

json_t *insurer_changes(struct insurer_book *book)
{
	json_t *rows = must(json_array());

	for (struct claim *claim = book->first; claim != NULL; claim = claim->next) {
		uint64_t now = fingerprint(json_array_size(claim->payments), claim, offsetof(struct claim, told));

		if (now == claim->told)
			continue;
		claim->told = now;
		json_array_append_new(rows, ledger_row(book, claim));
	}
	return must(json_pack("{s:o}", "claims", rows));
}

bool insurer_alter(struct insurer_book *book, const char *setl_id, int64_t fen)
{
	struct claim *claim = find_by_settlement(book, setl_id);

	if (claim != NULL)
		claim->alter_fen += fen;
	return claim != NULL;
}

void insurer_say(struct insurer_book *book, const json_t *said)
{
	const char *setl_id = json_text(said, "setl_id");
	json_t *row = must(json_deep_copy(said));

	json_object_set_new(row, "is_stray", json_boolean(find_by_settlement(book, setl_id) == NULL));
	json_object_set_new(book->listed, setl_id, row);
}

int64_t insurer_n_moving(const struct insurer_book *book)
{
	int64_t n = 0;

	for (const struct claim *claim = book->first; claim != NULL; claim = claim->next)
		n += claim->move_ms != INT64_MAX;
	return n;
}

json_t *insurer_event_next(struct insurer_book *book)
{
	json_t *event = json_array_get(book->events, 0);

	json_incref(event);
	if (event != NULL)
		json_array_remove(book->events, 0);
	return event;
}
