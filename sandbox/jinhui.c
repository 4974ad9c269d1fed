/* sandbox/jinhui.c - answers one request of 金惠保: its transaction, its key, its codes (insurer.md 7.3 to 7.6).
 *
 * What is decided is the book's (insurer_book.c); here it is asked, and said in this wire's words. */
#include "jinhui.h"
#include "hub.h"
#include "sm2.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

static const struct {
	const char *inside, *wire, *text;
} codes[] = {
	{ "1001", "1001", "报文无法解析" },
	{ "1002", "1002", "摘要错误" },
	{ "1003", "1003", "签名错误" },
	{ "A0004", "1004", "合作方未登记" },
	{ "A0002", "1005", "时间超出范围" },
	{ "A0003", "1006", "交易流水号重复" },
	{ "1007", "1007", "交易代码不存在" },
	{ "B1001", "2001", "字段缺失或错误" },
	{ "B1002", "2002", "金额不平" },
	{ "B2001", "2003", "未参保" },
	{ "B2002", "2004", "保单未生效" },
	{ "B2004", "2005", "缺少授权" },
	{ "B2006", "2006", "医院或类别不在责任范围" },
	{ "B2007", "2007", "该结算已受理" },
	{ "B3002", "2008", "案件不存在" },
	{ "B3001", "2009", "申请号内容不一致" },
	{ "B3003", "2010", "当前状态不允许" },
	{ "B2003", "2011", "姓名与证件不符" },
	{ "C5001", "9001", "系统忙" },
	{ "C5002", "9999", "未知错误" },
};
#define N_CODES (sizeof(codes) / sizeof(*codes))

static size_t code_at(const char *code)
{
	size_t i = 0;

	while (i < N_CODES - 1 && strcmp(codes[i].inside, code) != 0 && strcmp(codes[i].wire, code) != 0)
		i++;
	return i;
}

const char *jinhui_code(const char *code)
{
	return codes[code_at(code)].wire;
}

int jinhui_init(struct jinhui *jinhui, const struct insurer_options *options)
{
	char path[500];

	*jinhui = (struct jinhui){ .options = options };
	text_format(path, sizeof(path), "%s/%s.pub", options->keys_folder, options->app_id);
	jinhui->partner = sm2_key_read(path, false);
	text_format(path, sizeof(path), "%s/jinhui.key", options->keys_folder);
	jinhui->own = sm2_key_read(path, true);
	jinhui->book = insurer_book_new(options);
	jinhui->numbers = must(json_object());
	jinhui->digests = must(json_object());
	if (jinhui->partner != NULL && jinhui->own != NULL)
		return 0;
	fprintf(stderr, "yitong-sandbox: %s/%s.pub and jinhui.key are needed; certs/make makes them\n",
	        options->keys_folder, options->app_id);
	return -1;
}

void jinhui_end(struct jinhui *jinhui)
{
	EVP_PKEY_free(jinhui->partner);
	EVP_PKEY_free(jinhui->own);
	if (jinhui->book != NULL)
		insurer_book_free(jinhui->book);
	json_decref(jinhui->numbers);
	json_decref(jinhui->digests);
}

/* -- writing -- */

static void put(FILE *out, const char *name, const char *text)
{
	xmlChar *escaped = xmlEncodeSpecialChars(NULL, (const xmlChar *)text);

	fprintf(out, "<%s>%s</%s>", name, (const char *)escaped, name);
	xmlFree(escaped);
}

static void put_fen(FILE *out, const char *name, int64_t fen)
{
	char text[24];

	fen_text(fen, text);
	put(out, name, text);
}

static void put_number(FILE *out, const char *name, int64_t value)
{
	fprintf(out, "<%s>%lld</%s>", name, (long long)value, name);
}

/* 2026-11-20... to 20261120. */
static void put_day(FILE *out, const char *name, const char *day)
{
	char digits[12];

	text_format(digits, sizeof(digits), "%.4s%.2s%.2s", day, strlen(day) < 10 ? "" : day + 5,
	        strlen(day) < 10 ? "" : day + 8);
	put(out, name, digits);
}

static const char *state_of(const json_t *data)
{
	static const char *const states[][2] = { { "RECEIVED", "10" }, { "ACCEPTED", "20" }, { "PENDING_DOCS", "30" },
		{ "ADJUDICATED", "40" }, { "PAID", "50" }, { "REJECTED", "90" } };

	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++)
		if (strcmp(json_text(data, "status"), states[i][0]) == 0)
			return states[i][1];
	return "10";
}

static void put_case(FILE *out, const json_t *data)
{
	put(out, "APPLY_NO", json_text(data, "requestNo"));
	put(out, "CASE_NO", json_text(data, "claimNo"));
	put(out, "CASE_STS", state_of(data));
}

static void put_duties(FILE *out, const json_t *result)
{
	json_t *list = json_object_get(result, "liabilities"), *row;
	char ratio[10];
	size_t i;

	json_array_foreach(list, i, row)
	{
		text_format(ratio, sizeof(ratio), "%d.00", atoi(json_text(row, "ratio") + 2) / 100); /* of "0.5000" */
		fputs("<DUTY>", out);
		put(out, "DUTY_CODE", json_text(row, "code"));
		put_fen(out, "BASE_AMT", json_number(row, "base", 0));
		put_fen(out, "DEDC_AMT", json_number(row, "deductible", 0));
		put(out, "RATIO", ratio);
		put_fen(out, "DUTY_PAY", json_number(row, "pay", 0));
		fputs("</DUTY>", out);
	}
}

static void put_result(FILE *out, const json_t *data)
{
	const json_t *result = json_object_get(data, "result"), *payment = json_object_get(data, "payment");
	const json_t *doc = json_array_get(json_object_get(data, "docs"), 0);
	char decided[11], expected[26];

	if (result != NULL) { /* it is paid on the day after the decision */
		text_format(expected, sizeof(expected), "%sT00:00:00+08:00", json_text(result, "expectPayDate"));
		insurer_day_text(insurer_time_read(expected) - DAY_MS, decided);
		put_day(out, "ADJ_DATE", decided);
		put_fen(out, "PAY_AMT", json_number(result, "payable", 0));
		put_duties(out, result);
	}
	if (payment != NULL) {
		put_day(out, "PAY_DATE", json_text(payment, "payTime"));
		put(out, "PAY_SERIAL", json_text(payment, "bankSerial"));
	}
	put(out, "REFUSE_CODE", json_text(result, "refuseCode"));
	put(out, "REFUSE_MSG", json_text(result, "refuseReason"));
	if (doc == NULL)
		return;
	fputs("<NEED_DOC><DOC_TYPE>02</DOC_TYPE>", out);
	put(out, "DOC_NOTE", json_text(doc, "note"));
	put_day(out, "DUE_DATE", json_text(doc, "dueDate"));
	fputs("</NEED_DOC>", out);
}

/* -- transactions: each false with the refusal, or true with the BODY in out -- */

struct asked {
	struct jinhui *jinhui;
	const struct jinhui_message *message;
	enum jinhui_form form;
	int64_t now_ms;
	char apply_no[32], case_no[32];
};

static bool insured(struct asked *a, FILE *out, struct insurer_refusal *refusal)
{
	char certno[32], name[80], date[12], digest[65], number[33];
	const char *known;
	json_t *used;

	hub_text(a->message->body, "CERT_NO", certno, sizeof(certno));
	hub_text(a->message->body, "DATE", date, sizeof(date));
	known = insurer_person_name(a->jinhui->book, certno);
	if (known != NULL && *known != '\0' &&
	        strcmp(known, hub_text(a->message->body, "NAME", name, sizeof(name))) != 0)
		return insurer_refuse(refusal, "B2003", "NAME", "and CERT_NO do not fit");
	put(out, "INSURED", known != NULL ? "1" : "0");
	if (known == NULL)
		return true;
	used = insurer_deductibles(a->jinhui->book, certno, date);
	sm3_hex(certno, strlen(certno), digest); /* a policy's number says nothing of its person */
	text_format(number, sizeof(number), "JHB%.4s%.17s", date, digest);
	fputs("<POLICY>", out);
	put(out, "POLICY_NO", number);
	fprintf(out, "<BGN_DATE>%.4s0101</BGN_DATE><END_DATE>%.4s1231</END_DATE>", date, date);
	put_fen(out, "DEDC_USED", json_number(used, "Z01", 0));
	fputs("</POLICY>", out);
	return true;
}

static bool hand_in(struct asked *a, FILE *out, struct insurer_refusal *refusal)
{
	struct insurer_book *book = a->jinhui->book;
	json_t *claim = jinhui_claim(a->message->body, a->now_ms, refusal), *data = NULL;
	int64_t total = json_number(json_object_get(claim, "settlement"), "totalFee", 0);
	bool has_faults = a->jinhui->options->has_amount_faults;
	const char *certno = json_text(json_object_get(claim, "insured"), "certNo");

	if (claim == NULL)
		return false;
	if (insurer_person_name(book, certno) == NULL || (has_faults && total % 100 == 82))
		insurer_refuse(refusal, "B2001", "", "");
	else
		data = insurer_claim_take(book, claim, certno, a->now_ms, false, refusal);
	if (data != NULL)
		insurer_claim_account(book, a->apply_no, json_text(json_object_get(claim, "payee"), "bankAcctNo"));
	if (data != NULL && has_faults && total % 100 == 89) { /* taken, and told that it had been before */
		insurer_refuse(refusal, "B2007", "", "");
		text_format(refusal->claim_no, sizeof(refusal->claim_no), "%s", json_text(data, "claimNo"));
	} else if (data != NULL) {
		json_object_set_new(data, "requestNo", json_string(a->apply_no));
		put_case(out, data);
	} else if (strcmp(refusal->code, "B2007") == 0) {
		insurer_counts(book)->second_claims++;
	} else {
		insurer_claim_refused(book, claim, jinhui_code(refusal->code));
	}
	json_decref(claim);
	json_decref(data);
	return refusal->code == NULL;
}

/* The case that both numbers mean, as far as they are given; NULL and the refusal: none. */
static json_t *find(struct asked *a, struct insurer_refusal *refusal)
{
	json_t *data = insurer_claim_show(a->jinhui->book, a->case_no, a->case_no[0] != '\0' ? "" : a->apply_no);

	if (data != NULL && (a->apply_no[0] == '\0' || strcmp(json_text(data, "requestNo"), a->apply_no) == 0))
		return data;
	json_decref(data);
	insurer_refuse(refusal, "B3002", "", "");
	return NULL;
}

static bool query(struct asked *a, FILE *out, struct insurer_refusal *refusal)
{
	json_t *data = find(a, refusal);

	if (data == NULL)
		return false;
	put_case(out, data);
	put_result(out, data);
	json_decref(data);
	return true;
}

/* Documents and withdrawals. */
static bool change(struct asked *a, FILE *out, struct insurer_refusal *refusal)
{
	json_t *data = find(a, refusal), *done = NULL;

	if (data != NULL && a->form == JH2004)
		done = insurer_claim_withdraw(a->jinhui->book, a->case_no, a->now_ms, refusal);
	else if (data != NULL && jinhui_documents_check(a->message->body, refusal))
		done = insurer_claim_documents(a->jinhui->book, a->case_no, a->now_ms, refusal);
	json_decref(data);
	if (done == NULL)
		return false;
	json_object_set_new(done, "requestNo", json_string(a->apply_no));
	put_case(out, done);
	json_decref(done);
	return true;
}

static void put_day_row(FILE *out, const json_t *row)
{
	fputs("<CASE>", out);
	put(out, "APPLY_NO", json_text(row, "requestNo"));
	put(out, "CASE_NO", json_text(row, "claimNo"));
	put(out, "SETL_ID", json_text(row, "setlId"));
	put(out, "CASE_STS", state_of(row));
	put_fen(out, "PAY_AMT", json_number(json_object_get(row, "result"), "payable", 0));
	put_day(out, "PAY_DATE", json_text(json_object_get(row, "payment"), "payTime"));
	fputs("</CASE>", out);
}

static bool day_list(struct asked *a, FILE *out)
{
	char digits[12], day[11], page[8];
	int64_t pages = 1, total = 0, total_fen = 0;
	json_t *list, *row, *wanted = NULL;
	size_t i;

	jinhui_day(hub_text(a->message->body, "DATE", digits, sizeof(digits)), day);
	hub_text(a->message->body, "PAGE", page, sizeof(page));
	for (int64_t n = 1; n <= pages; n++) {
		list = insurer_reconciliation(a->jinhui->book, day, (int)n);
		pages = json_number(list, "pages", 1);
		total = json_number(list, "total", 0);
		json_array_foreach(json_object_get(list, "claims"), i, row) total_fen +=
		        json_number(json_object_get(row, "result"), "payable", 0);
		if (n == atoi(page))
			wanted = json_incref(list);
		json_decref(list);
	}
	put_number(out, "PAGE_CNT", pages);
	put_number(out, "TOTAL_CNT", total);
	put_fen(out, "TOTAL_PAY", total_fen);
	json_array_foreach(json_object_get(wanted, "claims"), i, row) put_day_row(out, row);
	json_decref(wanted);
	return true;
}

static bool run(struct asked *a, FILE *out, struct insurer_refusal *refusal)
{
	switch (a->form) {
	case JH1001:
		return insured(a, out, refusal);
	case JH2001:
		return hand_in(a, out, refusal);
	case JH2002:
		return query(a, out, refusal);
	case JH2003:
	case JH2004:
		return change(a, out, refusal);
	default:
		return day_list(a, out);
	}
}

/* -- one request -- */

/* A repeat is answered with the present state, other content under the same number is not taken (7.5). */
static bool is_repeat(struct asked *a, FILE *out, struct insurer_refusal *refusal)
{
	char key[48];
	const json_t *kept;
	json_t *data;

	text_format(key, sizeof(key), "%s %s", a->message->code, a->apply_no);
	kept = json_object_get(a->jinhui->digests, key);
	if (kept == NULL || a->form == JH2002 || a->apply_no[0] == '\0')
		return false;
	if (strcmp(json_string_value(kept), a->message->digest) != 0) {
		insurer_counts(a->jinhui->book)->other_content++;
		insurer_refuse(refusal, "B3001", "", "");
		return true;
	}
	insurer_counts(a->jinhui->book)->replays++;
	data = insurer_claim_show(a->jinhui->book, "", a->apply_no);
	put_case(out, data);
	json_decref(data);
	return true;
}

static void remember(struct asked *a, const struct insurer_refusal *refusal)
{
	char key[48];
	bool is_taken = refusal->code == NULL || insurer_claim_settlement(a->jinhui->book, a->apply_no)[0] != '\0';

	text_format(key, sizeof(key), "%s %s", a->message->code, a->apply_no);
	if ((a->form == JH2001 && is_taken) || ((a->form == JH2003 || a->form == JH2004) && refusal->code == NULL))
		json_object_set_new(a->jinhui->digests, key, json_string(a->message->digest));
}

static void take(struct asked *a, FILE *out, struct insurer_refusal *refusal)
{
	if (json_object_get(a->jinhui->numbers, a->message->number) != NULL) {
		insurer_refuse(refusal, "A0003", "", "");
		return;
	}
	json_object_set_new(a->jinhui->numbers, a->message->number, json_true());
	if (!jinhui_check(a->form, a->message->body, refusal) || is_repeat(a, out, refusal))
		return;
	run(a, out, refusal);
	remember(a, refusal);
}

static char *refusal_text(const struct insurer_refusal *refusal)
{
	size_t i = code_at(refusal->code);
	char *text;

	if (asprintf(&text, "%s%s%.80s", codes[i].text, refusal->message[0] == '\0' ? "" : ": ", refusal->message) < 0)
		text = must(NULL);
	return text;
}

char *jinhui_handle(struct jinhui *jinhui, const struct jinhui_message *message, bool is_read,
        struct insurer_refusal *refusal, int64_t now_ms, size_t *len)
{
	struct asked a = { .jinhui = jinhui, .message = message, .form = jinhui_form(message->code), .now_ms = now_ms };
	char *body, *text, *octets;
	size_t n;
	FILE *out = must(open_memstream(&body, &n));

	insurer_book_advance(jinhui->book, now_ms);
	if (is_read) {
		hub_text(message->body, "APPLY_NO", a.apply_no, sizeof(a.apply_no));
		hub_text(message->body, "CASE_NO", a.case_no, sizeof(a.case_no));
		take(&a, out, refusal);
	}
	if (refusal->code != NULL && refusal->claim_no[0] != '\0')
		put(out, "CASE_NO", refusal->claim_no);
	fclose(out);
	insurer_counts(jinhui->book)->refused += refusal->code != NULL;
	text = refusal->code == NULL ? text_copy(a.form == JH2001 ? "受理成功" : "成功") : refusal_text(refusal);
	octets = jinhui_answer(
	        jinhui, message, refusal->code == NULL ? "0000" : jinhui_code(refusal->code), text, body, now_ms, len);
	free(text);
	free(body);
	return octets;
}

char *jinhui_refuse(const struct jinhui *jinhui, const struct jinhui_message *message, const char *code, int64_t now_ms,
        size_t *len)
{
	return jinhui_answer(jinhui, message, jinhui_code(code), codes[code_at(code)].text, "", now_ms, len);
}
