/* sandbox/insurer_check.c - holds what comes in to the text of the profile (insurer.md 2, 6.4): types and lengths by
 * table, consent, enciphered fields, digests, the identities of money. */
#include "hub.h"
#include "insurer.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define AMOUNT_MAX INT64_C(99999999999)
#define DOCUMENT_MAX (2u << 20)

/* Bits of the forms that have a field. */
#define C (1u << INSURER_CLAIM)
#define Q (1u << INSURER_QUOTE)
#define E (1u << INSURER_ELIGIBILITY)
#define P (1u << INSURER_PAYMENT)
#define CQ (C | Q)

/* type: S text, I integer, B boolean, D day, T time, F decimal with four places, A fen, E enciphered, 3 digest;
 * a capital must be there, a small letter may be missing. */
static const struct rule {
	unsigned forms;
	const char *node; /* "" top; rows[] */
	const char *field;
	char type;
	unsigned len;
	const char *codes; /* commas around each; NULL: any */
} rules[] = {
	{ C | Q | E | P | 1u << INSURER_DOCUMENTS | 1u << INSURER_WITHDRAW, "", "requestNo", 'S', 22, NULL },
	{ CQ, "", "claimType", 'S', 18, ",INPATIENT,OUTPATIENT_SPECIAL,DRUGSTORE," },
	{ CQ, "", "policyNo", 's', 32, NULL },
	{ CQ | E, "", "productCode", 'S', 16, NULL },
	{ CQ, "consent", "authNo", 'S', 32, NULL },
	{ CQ, "consent", "authTime", 'T', 0, NULL },
	{ CQ, "consent", "channel", 'S', 8, ",FACE,APP,COUNTER," },
	{ CQ, "consent", "expireDate", 'D', 0, NULL },
	{ C, "consent", "evidenceSm3", '3', 64, NULL },
	{ CQ, "insured", "name", 'S', 70, NULL },
	{ CQ, "insured", "certType", 'S', 16, ",ID_CARD,PASSPORT,HK_MO_PERMIT,TW_PERMIT,FOREIGN_PERMIT," },
	{ CQ, "insured", "certNo", 'E', 200, NULL },
	{ CQ, "insured", "certNoSm3", '3', 64, NULL },
	{ CQ, "insured", "gender", 'S', 1, ",M,F,U," },
	{ CQ, "insured", "birthday", 'D', 0, NULL },
	{ CQ, "insured", "mobile", 'e', 200, NULL },
	{ CQ, "insured", "psnNo", 'S', 32, NULL },
	{ CQ, "insured", "insuAreaCode", 'S', 6, NULL },
	{ C, "payee", "relation", 'S', 12, ",SELF,GUARDIAN,HEIR," },
	{ C, "payee", "name", 'S', 70, NULL },
	{ C, "payee", "bankAcctNo", 'E', 200, NULL },
	{ C, "payee", "bankNo", 'S', 12, NULL },
	{ C, "payee", "bankName", 'S', 70, NULL },
	{ CQ, "visit", "hospitalCode", 'S', 12, NULL },
	{ CQ, "visit", "hospitalName", 'S', 100, NULL },
	{ CQ, "visit", "hospitalLevel", 'S', 2, ",3A,3B,3C,2A,2B,2C,1A,1B,1C,NA," },
	{ CQ, "visit", "visitNo", 'S', 30, NULL },
	{ CQ, "visit", "medType", 'S', 6, NULL },
	{ CQ, "visit", "deptName", 's', 50, NULL },
	{ CQ, "visit", "admitDate", 'D', 0, NULL },
	{ CQ, "visit", "dischargeDate", 'D', 0, NULL },
	{ CQ, "visit", "inpatientNo", 's', 30, NULL },
	{ CQ, "visit", "crossRegion", 'B', 0, NULL },
	{ CQ, "diagnoses[]", "seq", 'I', 0, NULL },
	{ CQ, "diagnoses[]", "main", 'B', 0, NULL },
	{ CQ, "diagnoses[]", "code", 'S', 20, NULL },
	{ CQ, "diagnoses[]", "name", 'S', 200, NULL },
	{ CQ, "operations[]", "seq", 'I', 0, NULL },
	{ CQ, "operations[]", "main", 'B', 0, NULL },
	{ CQ, "operations[]", "code", 'S', 20, NULL },
	{ CQ, "operations[]", "name", 'S', 200, NULL },
	{ CQ, "operations[]", "date", 'D', 0, NULL },
	{ C, "settlement", "setlId", 'S', 30, NULL },
	{ C, "settlement", "setlTime", 'T', 0, NULL },
	{ CQ, "settlement", "totalFee", 'A', 0, NULL },
	{ CQ, "settlement", "basicFundPay", 'A', 0, NULL },
	{ CQ, "settlement", "seriousIllnessPay", 'A', 0, NULL },
	{ CQ, "settlement", "medicalAidPay", 'A', 0, NULL },
	{ CQ, "settlement", "otherFundPay", 'A', 0, NULL },
	{ CQ, "settlement", "fundPayTotal", 'A', 0, NULL },
	{ CQ, "settlement", "acctPay", 'A', 0, NULL },
	{ CQ, "settlement", "cashPay", 'A', 0, NULL },
	{ CQ, "settlement", "selfInList", 'A', 0, NULL },
	{ CQ, "settlement", "preSelf", 'A', 0, NULL },
	{ CQ, "settlement", "overLimitSelf", 'A', 0, NULL },
	{ CQ, "settlement", "selfOutList", 'A', 0, NULL },
	{ CQ, "settlement", "dedcStd", 'a', 0, NULL },
	{ C, "invoices[]", "billCode", 'S', 50, NULL },
	{ C, "invoices[]", "billNo", 'S', 50, NULL },
	{ C, "invoices[]", "checkCode", 'S', 6, NULL },
	{ C, "invoices[]", "issueDate", 'D', 0, NULL },
	{ C, "invoices[]", "amount", 'A', 0, NULL },
	{ CQ, "feeItems[]", "seq", 'I', 0, NULL },
	{ CQ, "feeItems[]", "catalog", 'S', 8, ",DRUG,SERVICE,MATERIAL," },
	{ CQ, "feeItems[]", "listCode", 'S', 50, NULL },
	{ CQ, "feeItems[]", "name", 'S', 200, NULL },
	{ CQ, "feeItems[]", "chargeLevel", 'S', 1, ",A,B,C," },
	{ CQ, "feeItems[]", "selfRatio", 'F', 0, NULL },
	{ CQ, "feeItems[]", "qty", 'F', 0, NULL },
	{ CQ, "feeItems[]", "unitPrice", 'A', 0, NULL },
	{ CQ, "feeItems[]", "amount", 'A', 0, NULL },
	{ CQ, "feeItems[]", "selfOut", 'A', 0, NULL },
	{ CQ, "feeItems[]", "feeTime", 'T', 0, NULL },
	{ C, "", "mode", 's', 8, ",SYNC,ASYNC," },
	{ C, "", "quoteNo", 's', 32, NULL },
	{ C, "", "callbackPath", 'S', 200, NULL },
	{ E, "", "name", 'S', 70, NULL },
	{ E, "", "certNo", 'E', 200, NULL },
	{ E, "", "certNoSm3", '3', 64, NULL },
	{ E, "", "date", 'D', 0, NULL },
	{ 1u << INSURER_DOCUMENTS, "docs[]", "type", 'S', 16,
	        ",MEDICAL_RECORD,INVOICE_IMAGE,RELATION_PROOF,BANK_CARD," },
	{ 1u << INSURER_DOCUMENTS, "docs[]", "fileName", 'S', 100, NULL },
	{ 1u << INSURER_DOCUMENTS, "docs[]", "mime", 'S', 16, ",application/pdf,image/jpeg,image/png," },
	{ 1u << INSURER_DOCUMENTS, "docs[]", "sm3", '3', 64, NULL },
	{ 1u << INSURER_DOCUMENTS, "docs[]", "content", 'S', 2796208, NULL },
	{ 1u << INSURER_WITHDRAW, "", "reason", 'S', 20, ",SETL_REVERSED,CONSENT_WITHDRAWN,SENT_BY_MISTAKE," },
	{ 1u << INSURER_WITHDRAW, "", "newSetlId", 's', 30, NULL },
	{ P, "", "payoutNo", 'S', 22, NULL },
	{ P, "", "status", 'S', 16, ",PAID,FAILED,RETURNED," },
	{ P, "", "payTime", 'T', 0, NULL },
	{ P, "", "bankSerial", 's', 32, NULL },
	{ P, "", "amount", 'A', 0, NULL },
	{ P, "", "reason", 's', 200, NULL },
};
#define N_RULES (sizeof(rules) / sizeof(*rules))

bool insurer_refuse(struct insurer_refusal *refusal, const char *code, const char *field, const char *message)
{
	refusal->code = code;
	text_format(refusal->field, sizeof(refusal->field), "%s", field);
	text_format(refusal->message, sizeof(refusal->message), "%s%s%s", field, *field == '\0' ? "" : " ", message);
	return false;
}

/* -- values -- */

static bool digits_are(const char *text, const char *form) /* form: 9 a digit, all else itself */
{
	for (; *form != '\0'; form++, text++)
		if (*form == '9' ? *text < '0' || *text > '9' : *text != *form)
			return false;
	return true;
}

static bool is_day(const char *text)
{
	static const int lengths[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year, month, day;

	if (!digits_are(text, "9999-99-99") || sscanf(text, "%d-%d-%d", &year, &month, &day) != 3)
		return false;
	if (month == 2 && day == 29 && (year % 4 != 0 || (year % 100 == 0 && year % 400 != 0)))
		return false;
	return month >= 1 && month <= 12 && day >= 1 && day <= lengths[month - 1];
}

int64_t insurer_time_read(const char *text)
{
	struct tm tm = { 0 };
	const char *zone = text + 19;
	int hours = 0, minutes = 0;

	if (strnlen(text, 40) < 20 || !is_day(text) || !digits_are(text + 10, "T99:99:99"))
		return -1;
	sscanf(text, "%d-%d-%dT%d:%d:%d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec);
	if (tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 59)
		return -1;
	if (*zone == '.')
		zone += 1 + strspn(zone + 1, "0123456789");
	if (strcmp(zone, "Z") != 0) {
		if (strlen(zone) != 6 || (*zone != '+' && *zone != '-') || !digits_are(zone + 1, "99:99"))
			return -1;
		sscanf(zone + 1, "%d:%d", &hours, &minutes);
		hours = *zone == '-' ? -hours : hours;
		minutes = *zone == '-' ? -minutes : minutes;
	}
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	return ((int64_t)timegm(&tm) - hours * 3600 - minutes * 60) * 1000;
}

void insurer_time_text(int64_t wall_ms, char out[26])
{
	char text[20];

	time_text(wall_ms, text);
	text[10] = 'T';
	text_format(out, 26, "%s+08:00", text);
}

void insurer_day_text(int64_t wall_ms, char out[11])
{
	char text[20];

	time_text(wall_ms, text);
	text_format(out, 11, "%.10s", text);
}

static size_t n_characters(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* Ten thousandths of a text with exactly four places; -1. */
static int64_t e4_read(const char *text)
{
	size_t whole = strspn(text, "0123456789");

	if (whole == 0 || whole > 9 || text[whole] != '.' || strspn(text + whole + 1, "0123456789") != 4 ||
	        text[whole + 5] != '\0')
		return -1;
	return strtoll(text, NULL, 10) * 10000 + strtoll(text + whole + 1, NULL, 10);
}

static const char *text_check(const struct insurer_keys *keys, const struct rule *rule, const char *text)
{
	char wanted[203], *clear;

	if (n_characters(text) > rule->len && rule->len > 0)
		return "is longer than the profile allows";
	text_format(wanted, sizeof(wanted), ",%s,", text);
	if (rule->codes != NULL && (strchr(text, ',') != NULL || strstr(rule->codes, wanted) == NULL))
		return "is none of the codes";
	switch (rule->type) {
	case 'D':
		return is_day(text) ? NULL : "is no day yyyy-MM-dd";
	case 'T':
		return insurer_time_read(text) >= 0 ? NULL : "is no time of RFC 3339 with its offset";
	case 'F':
		return e4_read(text) >= 0 ? NULL : "is no decimal with four places";
	case '3':
		return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64 ? NULL
		                                                                    : "is no digest in 64 hex digits";
	case 'E':
	case 'e':
		clear = insurer_open_field(keys, text);
		free(clear);
		return clear != NULL ? NULL : "cannot be deciphered";
	default:
		return NULL;
	}
}

static const char *value_check(const struct insurer_keys *keys, const struct rule *rule, const json_t *value)
{
	bool is_optional = rule->type >= 'a' && rule->type <= 'z';

	if (value == NULL || json_is_null(value) || (json_is_string(value) && json_string_length(value) == 0))
		return is_optional ? NULL : "is missing";
	switch (rule->type) {
	case 'B':
		return json_is_boolean(value) ? NULL : "is neither true nor false";
	case 'I':
		return json_is_integer(value) ? NULL : "is no integer";
	case 'A':
	case 'a':
		return json_is_integer(value) && json_integer_value(value) >= 0 &&
		                       json_integer_value(value) <= AMOUNT_MAX
		               ? NULL
		               : "is no amount in fen, 0 to 99999999999";
	default:
		return json_is_string(value) ? text_check(keys, rule, json_string_value(value)) : "is no text";
	}
}

/* -- the table -- */

static bool field_check(
        const struct insurer_keys *keys, const struct rule *rule, const json_t *object, struct insurer_refusal *refusal)
{
	const char *why = value_check(keys, rule, json_object_get(object, rule->field));
	char field[64];

	if (why == NULL)
		return true;
	text_format(field, sizeof(field), "%s%s%s", rule->node, *rule->node == '\0' ? "" : ".", rule->field);
	return insurer_refuse(refusal, strcmp(why, "cannot be deciphered") == 0 ? "B1003" : "B1001", field, why);
}

static bool table_check(
        const struct insurer_keys *keys, enum insurer_form form, const json_t *body, struct insurer_refusal *refusal)
{
	for (size_t i = 0; i < N_RULES; i++) {
		const struct rule *rule = &rules[i];
		char node[16];
		json_t *object, *row;
		size_t k, n = strcspn(rule->node, "[");
		bool is_list = rule->node[n] == '[';

		if ((rule->forms & 1u << form) == 0)
			continue;
		text_format(node, sizeof(node), "%.*s", (int)n, rule->node);
		object = *node == '\0' ? (json_t *)(uintptr_t)body : json_object_get(body, node);
		if (!is_list && !json_is_object(object))
			return insurer_refuse(refusal, "B1001", node, "is missing");
		if (is_list && object != NULL && !json_is_null(object) && !json_is_array(object))
			return insurer_refuse(refusal, "B1001", node, "is no array");
		if (!is_list && !field_check(keys, rule, object, refusal))
			return false;
		json_array_foreach(object, k, row)
		{
			if (!field_check(keys, rule, row, refusal))
				return false;
		}
	}
	return true;
}

static bool number_check(const json_t *body, struct insurer_refusal *refusal)
{
	const char *number = json_text(body, "requestNo");

	if (strlen(number) == 22 && digits_are(number, "TY99999999999999999999"))
		return true;
	return insurer_refuse(refusal, "B1001", "requestNo", "is not TY, a day in 8 digits and 12 more");
}

/* certNo in clear, held against its digest. */
static bool person_check(const struct insurer_keys *keys, const json_t *object, const char *path, char certno[64],
        struct insurer_refusal *refusal)
{
	char *clear = insurer_open_field(keys, json_text(object, "certNo")), digest[65];

	text_format(certno, 64, "%s", clear == NULL ? "" : clear);
	free(clear);
	sm3_hex(certno, strlen(certno), digest);
	if (strcmp(digest, json_text(object, "certNoSm3")) == 0)
		return true;
	return insurer_refuse(refusal, "B1001", path, "is not the digest of certNo");
}

/* -- consent -- */

static bool scope_has(const json_t *scope, const char *part)
{
	json_t *row;
	size_t i;

	json_array_foreach(scope, i, row)
	{
		if (json_is_string(row) && strcmp(json_string_value(row), part) == 0)
			return true;
	}
	return false;
}

/* A part is there exactly when it is in scope; operations may be missing. */
static bool parts_check(
        const json_t *body, const json_t *scope, enum insurer_form form, struct insurer_refusal *refusal)
{
	static const struct {
		const char *part, *node;
		bool must;
	} parts[] = { { "DIAGNOSIS", "diagnoses", true }, { "DIAGNOSIS", "operations", false },
		{ "FEE_DETAIL", "feeItems", true }, { "INVOICE", "invoices", true } };

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		size_t n = json_array_size(json_object_get(body, parts[i].node));
		bool is_in_scope = scope_has(scope, parts[i].part);

		if (form == INSURER_QUOTE && i == 3)
			continue;
		if (n > 0 && !is_in_scope)
			return insurer_refuse(refusal, "B2004", parts[i].node, "is outside the scope of the consent");
		if (n == 0 && is_in_scope && parts[i].must)
			return insurer_refuse(
			        refusal, "B1001", parts[i].node, "is missing, though the consent covers it");
	}
	return true;
}

static bool consent_check(const json_t *body, enum insurer_form form, int64_t now_ms, struct insurer_refusal *refusal)
{
	const json_t *consent = json_object_get(body, "consent"), *scope = json_object_get(consent, "scope");
	char today[11];
	json_t *row;
	size_t i;

	if (!json_is_array(scope))
		return insurer_refuse(refusal, "B1001", "consent.scope", "is no array");
	json_array_foreach(scope, i, row)
	{
		const char *part = json_is_string(row) ? json_string_value(row) : "";

		if (strcmp(part, "SETTLEMENT") != 0 && strcmp(part, "FEE_DETAIL") != 0 &&
		        strcmp(part, "DIAGNOSIS") != 0 && strcmp(part, "INVOICE") != 0)
			return insurer_refuse(refusal, "B1001", "consent.scope", "has a part that nobody knows");
	}
	insurer_day_text(now_ms, today);
	if (!scope_has(scope, "SETTLEMENT"))
		return insurer_refuse(refusal, "B2004", "consent.scope", "does not cover the settlement");
	if (strcmp(json_text(consent, "expireDate"), today) < 0)
		return insurer_refuse(refusal, "B2004", "consent.expireDate", "has passed");
	if (insurer_time_read(json_text(consent, "authTime")) > now_ms + INSURER_WINDOW_MS)
		return insurer_refuse(refusal, "B2004", "consent.authTime", "is in the future");
	return parts_check(body, scope, form, refusal);
}

/* -- money -- */

__extension__ typedef __int128 wide; /* quantity times price may need 84 bits */

static int64_t fen(const json_t *object, const char *name)
{
	return json_number(object, name, 0);
}

static bool rule_broken(struct insurer_refusal *refusal, int rule, const char *message)
{
	refusal->rule = rule;
	return insurer_refuse(refusal, "B1002", "", message);
}

static bool lines_check(const json_t *body, const json_t *s, struct insurer_refusal *refusal)
{
	json_t *lines = json_object_get(body, "feeItems"), *line;
	int64_t sum = 0, outside = 0;
	size_t i;

	if (json_array_size(lines) == 0)
		return true;
	if (json_array_size(lines) > INSURER_LINES_MAX)
		return insurer_refuse(refusal, "B1001", "feeItems", "has more than 5000 rows");
	json_array_foreach(lines, i, line)
	{
		int64_t qty = e4_read(json_text(line, "qty")), off;

		if (fen(line, "seq") != (int64_t)i + 1)
			return insurer_refuse(refusal, "B1001", "feeItems[].seq", "does not count the rows from 1");
		off = (int64_t)(((wide)qty * fen(line, "unitPrice") + 5000) / 10000) - fen(line, "amount");
		if (off > 1 || off < -1)
			return rule_broken(refusal, 4, "a fee line is not its quantity times its price");
		sum += fen(line, "amount");
		outside += fen(line, "selfOut");
	}
	if (sum != fen(s, "totalFee"))
		return rule_broken(refusal, 4, "the fee lines do not add up to totalFee");
	if (outside != fen(s, "selfOutList"))
		return rule_broken(refusal, 5, "the lines' selfOut do not add up to selfOutList");
	return true;
}

bool insurer_money_check(const json_t *body, struct insurer_refusal *refusal)
{
	const json_t *s = json_object_get(body, "settlement"), *bills = json_object_get(body, "invoices");
	int64_t own = fen(s, "acctPay") + fen(s, "cashPay"), billed = 0;
	json_t *bill;
	size_t i;

	if (fen(s, "basicFundPay") + fen(s, "seriousIllnessPay") + fen(s, "medicalAidPay") + fen(s, "otherFundPay") !=
	        fen(s, "fundPayTotal"))
		return rule_broken(refusal, 1, "the funds do not add up to fundPayTotal");
	if (fen(s, "fundPayTotal") + own != fen(s, "totalFee"))
		return rule_broken(refusal, 2, "funds, account and cash do not add up to totalFee");
	if (fen(s, "selfInList") + fen(s, "preSelf") + fen(s, "overLimitSelf") + fen(s, "selfOutList") != own)
		return rule_broken(refusal, 3, "the own parts do not add up to acctPay + cashPay");
	if (!lines_check(body, s, refusal))
		return false;
	json_array_foreach(bills, i, bill) billed += fen(bill, "amount");
	if (json_array_size(bills) > 0 && billed < fen(s, "totalFee"))
		return rule_broken(refusal, 6, "the invoices are less than totalFee");
	return true;
}

static bool rows_check(const json_t *body, struct insurer_refusal *refusal)
{
	json_t *rows = json_object_get(body, "diagnoses"), *row;
	size_t i, n_main = 0;

	json_array_foreach(rows, i, row) n_main += json_is_true(json_object_get(row, "main"));
	if (json_array_size(rows) > 0 && n_main != 1)
		return insurer_refuse(refusal, "B1001", "diagnoses", "must have exactly one main diagnosis");
	return true;
}

static bool claim_check(const json_t *body, enum insurer_form form, int64_t now_ms, struct insurer_refusal *refusal)
{
	const json_t *visit = json_object_get(body, "visit"), *s = json_object_get(body, "settlement");
	char day[11];

	if (strcmp(json_text(body, "claimType"), "INPATIENT") == 0 && *json_text(visit, "inpatientNo") == '\0')
		return insurer_refuse(refusal, "B1001", "visit.inpatientNo", "is missing: a stay has one");
	if (form == INSURER_CLAIM && json_text(body, "callbackPath")[0] != '/')
		return insurer_refuse(refusal, "B1001", "callbackPath", "does not begin with /");
	if (!consent_check(body, form, now_ms, refusal) || !rows_check(body, refusal) ||
	        !insurer_money_check(body, refusal))
		return false;
	if (strcmp(json_text(visit, "admitDate"), json_text(visit, "dischargeDate")) > 0)
		return insurer_refuse(refusal, "B1001", "visit.dischargeDate", "is before the admission");
	if (form == INSURER_QUOTE)
		return true;
	insurer_day_text(insurer_time_read(json_text(s, "setlTime")), day);
	return strcmp(json_text(visit, "dischargeDate"), day) <= 0 ||
	       insurer_refuse(refusal, "B1001", "settlement.setlTime", "is before the discharge");
}

/* -- documents -- */

bool insurer_document_check(const json_t *row, struct insurer_refusal *refusal)
{
	const char *content = json_text(row, "content");
	size_t len = strlen(content);
	char *octets = must(malloc(len / 4 * 3 + 3)), digest[65];
	int n = len % 4 != 0 ? -1 : EVP_DecodeBlock((unsigned char *)octets, (const unsigned char *)content, (int)len);

	if (n >= 0 && len >= 4)
		n -= content[len - 2] == '=' ? 2 : content[len - 1] == '=';
	sm3_hex(octets, n < 0 ? 0 : (size_t)n, digest);
	free(octets);
	if (n < 0 || (size_t)n > DOCUMENT_MAX)
		return insurer_refuse(refusal, "B1001", "docs[].content", "is no Base64 of at most 2 MiB");
	return strcmp(digest, json_text(row, "sm3")) == 0 ||
	       insurer_refuse(refusal, "B1001", "docs[].sm3", "is not the digest of content");
}

static bool documents_check(const json_t *body, struct insurer_refusal *refusal)
{
	json_t *rows = json_object_get(body, "docs"), *row;
	size_t i;

	if (json_array_size(rows) == 0)
		return insurer_refuse(refusal, "B1001", "docs", "is missing");
	json_array_foreach(rows, i, row)
	{
		if (!insurer_document_check(row, refusal))
			return false;
	}
	return true;
}

bool insurer_check(const struct insurer_keys *keys, enum insurer_form form, const json_t *body, int64_t now_ms,
        char certno[64], struct insurer_refusal *refusal)
{
	certno[0] = '\0';
	if (!table_check(keys, form, body, refusal) || !number_check(body, refusal))
		return false;
	switch (form) {
	case INSURER_CLAIM:
	case INSURER_QUOTE:
		return person_check(keys, json_object_get(body, "insured"), "insured.certNoSm3", certno, refusal) &&
		       claim_check(body, form, now_ms, refusal);
	case INSURER_ELIGIBILITY:
		return person_check(keys, body, "certNoSm3", certno, refusal);
	case INSURER_DOCUMENTS:
		return documents_check(body, refusal);
	case INSURER_WITHDRAW:
	case INSURER_PAYMENT:
		return true;
	}
	return true;
}
