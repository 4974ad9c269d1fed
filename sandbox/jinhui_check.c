/* sandbox/jinhui_check.c - holds a BODY of 金惠保 to the text of the profile (insurer.md 7.4), and makes of a case the
 * claim that the book keeps. */
#include "hub.h"
#include "jinhui.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const form_names[] = { "JH1001", "JH2001", "JH2002", "JH2003", "JH2004", "JH2005" };
static const char *const list_names[] = { "DRUG_LIST", "SERVICE_LIST", "MATERIAL_LIST" };

/* type: C octets of ASCII, Z octets in GB18030, N digits, I at most so many digits, D day, T time, M amount, Q
 * quantity, 3 digest, X content; a small letter may be missing or empty.  node: [] where it is repeated; ITEM stands in
 * three lists. */
static const struct rule {
	unsigned forms;
	const char *node, *field;
	char type;
	unsigned len;
	const char *codes; /* commas around each; NULL: any */
} rules[] = {
	{ 1u << JH1001, "", "NAME", 'Z', 70, NULL },
	{ 1u << JH1001, "", "CERT_TYPE", 'C', 2, ",01,02,03,04,05," },
	{ 1u << JH1001, "", "CERT_NO", 'C', 20, NULL },
	{ 1u << JH1001 | 1u << JH2005, "", "DATE", 'D', 8, NULL },
	{ 1u << JH2001 | 1u << JH2003 | 1u << JH2004, "", "APPLY_NO", 'C', 22, NULL },
	{ 1u << JH2002, "", "APPLY_NO", 'c', 22, NULL },
	{ 1u << JH2002, "", "CASE_NO", 'c', 16, NULL },
	{ 1u << JH2003 | 1u << JH2004, "", "CASE_NO", 'C', 16, NULL },
	{ 1u << JH2001, "", "CASE_TYPE", 'N', 1, ",1,2,3," },
	{ 1u << JH2001, "", "POLICY_NO", 'c', 32, NULL },
	{ 1u << JH2001, "AUTH", "AUTH_NO", 'C', 32, NULL },
	{ 1u << JH2001, "AUTH", "AUTH_DATE", 'D', 8, NULL },
	{ 1u << JH2001, "AUTH", "AUTH_END", 'D', 8, NULL },
	{ 1u << JH2001, "AUTH", "AUTH_SCOPE", 'N', 4, NULL },
	{ 1u << JH2001, "AUTH", "AUTH_WAY", 'N', 1, ",1,2,3," },
	{ 1u << JH2001, "AUTH", "AUTH_SM3", '3', 64, NULL },
	{ 1u << JH2001, "PERSON", "NAME", 'Z', 70, NULL },
	{ 1u << JH2001, "PERSON", "CERT_TYPE", 'C', 2, ",01,02,03,04,05," },
	{ 1u << JH2001, "PERSON", "CERT_NO", 'C', 20, NULL },
	{ 1u << JH2001, "PERSON", "SEX", 'N', 1, ",1,2,9," },
	{ 1u << JH2001, "PERSON", "BIRTH", 'D', 8, NULL },
	{ 1u << JH2001, "PERSON", "MOBILE", 'c', 11, NULL },
	{ 1u << JH2001, "PERSON", "PSN_NO", 'C', 32, NULL },
	{ 1u << JH2001, "PERSON", "AREA", 'N', 6, NULL },
	{ 1u << JH2001, "PAYEE", "RELATION", 'C', 2, ",00,01,02," },
	{ 1u << JH2001, "PAYEE", "NAME", 'Z', 70, NULL },
	{ 1u << JH2001, "PAYEE", "BANK_ACCT", 'C', 35, NULL },
	{ 1u << JH2001, "PAYEE", "BANK_NO", 'N', 12, NULL },
	{ 1u << JH2001, "PAYEE", "BANK_NAME", 'Z', 70, NULL },
	{ 1u << JH2001, "VISIT", "HOSP_CODE", 'C', 12, NULL },
	{ 1u << JH2001, "VISIT", "HOSP_NAME", 'Z', 100, NULL },
	{ 1u << JH2001, "VISIT", "HOSP_LV", 'N', 2, ",31,32,33,21,22,23,11,12,13,90," },
	{ 1u << JH2001, "VISIT", "VISIT_NO", 'C', 30, NULL },
	{ 1u << JH2001, "VISIT", "MED_TYPE", 'C', 6, NULL },
	{ 1u << JH2001, "VISIT", "DEPT", 'z', 50, NULL },
	{ 1u << JH2001, "VISIT", "IN_DATE", 'D', 8, NULL },
	{ 1u << JH2001, "VISIT", "OUT_DATE", 'D', 8, NULL },
	{ 1u << JH2001, "VISIT", "INP_NO", 'c', 30, NULL },
	{ 1u << JH2001, "VISIT", "YD_FLAG", 'N', 1, ",0,1," },
	{ 1u << JH2001, "", "MAIN_DIAG_CODE", 'c', 20, NULL },
	{ 1u << JH2001, "", "MAIN_DIAG_NAME", 'z', 200, NULL },
	{ 1u << JH2001, "OTHER_DIAG[]", "CODE", 'C', 20, NULL },
	{ 1u << JH2001, "OTHER_DIAG[]", "NAME", 'Z', 200, NULL },
	{ 1u << JH2001, "OPER[]", "CODE", 'C', 20, NULL },
	{ 1u << JH2001, "OPER[]", "NAME", 'Z', 200, NULL },
	{ 1u << JH2001, "OPER[]", "OP_DATE", 'D', 8, NULL },
	{ 1u << JH2001, "OPER[]", "MAIN", 'N', 1, ",0,1," },
	{ 1u << JH2001, "SETL", "SETL_ID", 'C', 30, NULL },
	{ 1u << JH2001, "SETL", "SETL_TIME", 'T', 14, NULL },
	{ 1u << JH2001, "SETL", "TOTAL", 'M', 0, NULL },
	{ 1u << JH2001, "SETL", "TC_PAY", 'M', 0, NULL },
	{ 1u << JH2001, "SETL", "DB_PAY", 'M', 0, NULL },
	{ 1u << JH2001, "SETL", "JZ_PAY", 'M', 0, NULL },
	{ 1u << JH2001, "SETL", "QT_PAY", 'M', 0, NULL },
	{ 1u << JH2001, "SETL", "ZH_PAY", 'M', 0, NULL },
	{ 1u << JH2001, "SETL", "XJ_PAY", 'M', 0, NULL },
	{ 1u << JH2001, "SETL", "ML_ZF", 'M', 0, NULL },
	{ 1u << JH2001, "SETL", "XX_ZF", 'M', 0, NULL },
	{ 1u << JH2001, "SETL", "CX_ZF", 'M', 0, NULL },
	{ 1u << JH2001, "SETL", "ML_WZF", 'M', 0, NULL },
	{ 1u << JH2001, "SETL", "QFX", 'm', 0, NULL },
	{ 1u << JH2001, "BILL[]", "BILL_CODE", 'C', 50, NULL },
	{ 1u << JH2001, "BILL[]", "BILL_NO", 'C', 50, NULL },
	{ 1u << JH2001, "BILL[]", "CHK_CODE", 'C', 6, NULL },
	{ 1u << JH2001, "BILL[]", "BILL_DATE", 'D', 8, NULL },
	{ 1u << JH2001, "BILL[]", "BILL_AMT", 'M', 0, NULL },
	{ 1u << JH2001, "ITEM[]", "SEQ", 'N', 6, NULL },
	{ 1u << JH2001, "ITEM[]", "LIST_CODE", 'C', 50, NULL },
	{ 1u << JH2001, "ITEM[]", "ITEM_NAME", 'Z', 200, NULL },
	{ 1u << JH2001, "ITEM[]", "CHRG_LV", 'Z', 2, ",甲,乙,丙," },
	{ 1u << JH2001, "ITEM[]", "QTY", 'Q', 0, NULL },
	{ 1u << JH2001, "ITEM[]", "PRICE", 'M', 0, NULL },
	{ 1u << JH2001, "ITEM[]", "AMT", 'M', 0, NULL },
	{ 1u << JH2001, "ITEM[]", "OWN_AMT", 'M', 0, NULL },
	{ 1u << JH2003, "DOC[]", "DOC_TYPE", 'N', 2, ",01,02,03,04," },
	{ 1u << JH2003, "DOC[]", "FILE_NAME", 'Z', 100, NULL },
	{ 1u << JH2003, "DOC[]", "FILE_TYPE", 'C', 3, ",pdf,jpg,png," },
	{ 1u << JH2003, "DOC[]", "FILE_SM3", '3', 64, NULL },
	{ 1u << JH2003, "DOC[]", "CONTENT", 'X', 2796208, NULL },
	{ 1u << JH2004, "", "REASON", 'N', 1, ",1,2,3," },
	{ 1u << JH2005, "", "PAGE", 'I', 4, NULL },
};
#define N_RULES (sizeof(rules) / sizeof(*rules))

enum jinhui_form jinhui_form(const char *code)
{
	enum jinhui_form form = JH1001;

	while (form < JINHUI_FORMS && strcmp(form_names[form], code) != 0)
		form++;
	return form;
}

void jinhui_day(const char digits[9], char out[11])
{
	text_format(out, 11, "%.4s-%.2s-%.2s", digits, digits + 4, digits + 6);
}

/* -- values -- */

static bool is_digits(const char *text, size_t n)
{
	return strlen(text) == n && strspn(text, "0123456789") == n;
}

static bool is_day(const char *text)
{
	char time[32];

	text_format(time, sizeof(time), "%.4s-%.2s-%.2sT00:00:00Z", text, text + 4, text + 6);
	return insurer_time_read(time) != -1;
}

static bool is_time(const char *text)
{
	char day[9];

	text_format(day, sizeof(day), "%s", text);
	return is_day(day) && memcmp(text + 8, "24", 2) < 0 && memcmp(text + 10, "60", 2) < 0 &&
	       memcmp(text + 12, "60", 2) < 0;
}

/* 0 or without zeros before it, a point, so many digits. */
static bool is_decimal(const char *text, size_t places)
{
	size_t n = strspn(text, "0123456789");

	return n > 0 && n <= 13 && (text[0] != '0' || n == 1) && text[n] == '.' && is_digits(text + n + 1, places);
}

static size_t gb18030_len(const char *text)
{
	size_t len;

	free(text_to_gb18030(text, &len));
	return len;
}

static const char *form_check(char type, unsigned len, const char *text)
{
	switch (type) {
	case 'N':
		return is_digits(text, len) ? NULL : "has not the digits it must have";
	case 'I':
		return is_digits(text, strlen(text)) && strlen(text) <= len ? NULL : "is no number of its length";
	case 'D':
		return is_digits(text, 8) && is_day(text) ? NULL : "is no day yyyyMMdd";
	case 'T':
		return is_digits(text, 14) && is_time(text) ? NULL : "is no time yyyyMMddHHmmss";
	case 'M':
		return is_decimal(text, 2) ? NULL : "is no amount with two decimals";
	case 'Q':
		return is_decimal(text, 4) ? NULL : "is no quantity with four decimals";
	case '3':
		return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64 ? NULL : "is no digest in hex";
	case 'Z':
		return gb18030_len(text) <= len ? NULL : "is longer in GB18030 than it may be";
	case 'C':
		for (const char *p = text; *p != '\0'; p++)
			if (*p < 0x21 || *p > 0x7e)
				return "has a character that is no visible ASCII";
		return strlen(text) <= len ? NULL : "is longer than it may be";
	default:
		return strlen(text) <= len ? NULL : "is longer than it may be";
	}
}

static const char *value_check(const struct rule *rule, const char *text)
{
	bool is_optional = rule->type >= 'a' && rule->type <= 'z';
	char type = (char)(is_optional ? rule->type - 'a' + 'A' : rule->type), wanted[40];
	const char *why;

	if (*text == '\0')
		return is_optional ? NULL : "is missing";
	why = form_check(type, rule->len, text);
	if (why != NULL || rule->codes == NULL)
		return why;
	text_format(wanted, sizeof(wanted), ",%.30s,", text);
	return strstr(rule->codes, wanted) != NULL ? NULL : "is none of the codes";
}

/* -- the table -- */

static size_t n_children(xmlNodePtr node, const char *name)
{
	size_t n = 0;

	for (xmlNodePtr c = node == NULL ? NULL : node->children; c != NULL; c = c->next)
		n += c->type == XML_ELEMENT_NODE && strcmp((const char *)c->name, name) == 0;
	return n;
}

static bool field_check(const struct rule *rule, xmlNodePtr parent, struct insurer_refusal *refusal)
{
	xmlChar *text = xmlNodeGetContent(hub_child(parent, rule->field));
	const char *why = n_children(parent, rule->field) > 1 ? "is there more than once"
	                                                      : value_check(rule, text == NULL ? "" : (char *)text);
	char field[64];

	xmlFree(text);
	if (why == NULL)
		return true;
	text_format(field, sizeof(field), "%s%s%s", rule->node, *rule->node == '\0' ? "" : "/", rule->field);
	return insurer_refuse(refusal, "B1001", field, why);
}

static bool rows_check(const struct rule *rule, xmlNodePtr parent, const char *name, struct insurer_refusal *refusal)
{
	for (xmlNodePtr c = parent == NULL ? NULL : parent->children; c != NULL; c = c->next)
		if (c->type == XML_ELEMENT_NODE && strcmp((const char *)c->name, name) == 0 &&
		        !field_check(rule, c, refusal))
			return false;
	return true;
}

static bool rule_check(const struct rule *rule, xmlNodePtr body, struct insurer_refusal *refusal)
{
	size_t n = strcspn(rule->node, "[");
	char name[16];

	text_format(name, sizeof(name), "%.*s", (int)n, rule->node);
	if (rule->node[n] != '[') {
		if (*name != '\0' && n_children(body, name) != 1)
			return insurer_refuse(refusal, "B1001", name, "must be there once");
		return field_check(rule, *name == '\0' ? body : hub_child(body, name), refusal);
	}
	if (strcmp(name, "ITEM") != 0)
		return rows_check(rule, body, name, refusal);
	for (size_t i = 0; i < 3; i++)
		if (!rows_check(rule, hub_child(body, list_names[i]), name, refusal))
			return false;
	return true;
}

bool jinhui_check(enum jinhui_form form, xmlNodePtr body, struct insurer_refusal *refusal)
{
	char number[32], other[32];

	for (size_t i = 0; i < N_RULES; i++)
		if ((rules[i].forms >> form & 1u) != 0 && !rule_check(&rules[i], body, refusal))
			return false;
	hub_text(body, "APPLY_NO", number, sizeof(number));
	if (*number != '\0' && (strncmp(number, "JH", 2) != 0 || !is_digits(number + 2, 20)))
		return insurer_refuse(refusal, "B1001", "APPLY_NO", "is not JH, a day in 8 digits and 12 more");
	if (form == JH2002 && *number == '\0' && *hub_text(body, "CASE_NO", other, sizeof(other)) == '\0')
		return insurer_refuse(refusal, "B1001", "APPLY_NO", "and CASE_NO are both missing");
	return form != JH2003 || n_children(body, "DOC") > 0 || insurer_refuse(refusal, "B1001", "DOC", "is missing");
}

/* -- consent -- */

/* A part is there exactly when its flag is 1. */
static bool parts_check(xmlNodePtr body, const char *scope, struct insurer_refusal *refusal)
{
	char text[24];
	size_t n_lists = 0, n_lines = 0, n_bills = n_children(body, "BILL");
	bool has_diagnosis = *hub_text(body, "MAIN_DIAG_CODE", text, sizeof(text)) != '\0';
	bool has_more = n_children(body, "OTHER_DIAG") + n_children(body, "OPER") > 0;

	for (size_t i = 0; i < 3; i++) {
		n_lists += n_children(body, list_names[i]) == 1;
		n_lines += n_children(hub_child(body, list_names[i]), "ITEM");
	}
	if ((scope[1] != '1' && n_lines > 0) || (scope[2] != '1' && (has_diagnosis || has_more)) ||
	        (scope[3] != '1' && n_bills > 0))
		return insurer_refuse(refusal, "B2004", "AUTH/AUTH_SCOPE", "does not cover all that is there");
	if (scope[1] == '1' && (n_lists != 3 || n_lines == 0))
		return insurer_refuse(refusal, "B1001", "ITEM", "or one of its three lists is missing");
	if (scope[2] == '1' && (!has_diagnosis || *hub_text(body, "MAIN_DIAG_NAME", text, sizeof(text)) == '\0'))
		return insurer_refuse(refusal, "B1001", "MAIN_DIAG_CODE", "or its name is missing");
	if (n_children(body, "OTHER_DIAG") > 20 || n_children(body, "OPER") > 20)
		return insurer_refuse(refusal, "B1001", "OTHER_DIAG", "or OPER is there more than 20 times");
	return scope[3] != '1' || n_bills > 0 || insurer_refuse(refusal, "B1001", "BILL", "is missing");
}

static bool consent_check(xmlNodePtr body, int64_t now_ms, struct insurer_refusal *refusal)
{
	xmlNodePtr auth = hub_child(body, "AUTH");
	char scope[8], day[12], today[18];

	time_digits(now_ms, today);
	today[8] = '\0';
	hub_text(auth, "AUTH_SCOPE", scope, sizeof(scope));
	if (strspn(scope, "01") != 4)
		return insurer_refuse(refusal, "B1001", "AUTH/AUTH_SCOPE", "is not four of 0 and 1");
	if (scope[0] != '1')
		return insurer_refuse(refusal, "B2004", "AUTH/AUTH_SCOPE", "does not cover the settlement");
	if (strcmp(hub_text(auth, "AUTH_END", day, sizeof(day)), today) < 0)
		return insurer_refuse(refusal, "B2004", "AUTH/AUTH_END", "has passed");
	if (strcmp(hub_text(auth, "AUTH_DATE", day, sizeof(day)), today) > 0)
		return insurer_refuse(refusal, "B2004", "AUTH/AUTH_DATE", "is in the future");
	return parts_check(body, scope, refusal);
}

/* -- the case as the book keeps it -- */

static void put_text(json_t *object, const char *name, xmlNodePtr node, const char *field)
{
	char text[210];

	json_object_set_new(object, name, json_string(hub_text(node, field, text, sizeof(text))));
}

static void put_fen(json_t *object, const char *name, xmlNodePtr node, const char *field)
{
	json_object_set_new(object, name, json_integer(hub_fen(node, field)));
}

static json_t *settlement_of(xmlNodePtr setl)
{
	static const char *const names[][2] = { { "totalFee", "TOTAL" }, { "basicFundPay", "TC_PAY" },
		{ "seriousIllnessPay", "DB_PAY" }, { "medicalAidPay", "JZ_PAY" }, { "otherFundPay", "QT_PAY" },
		{ "acctPay", "ZH_PAY" }, { "cashPay", "XJ_PAY" }, { "selfInList", "ML_ZF" }, { "preSelf", "XX_ZF" },
		{ "overLimitSelf", "CX_ZF" }, { "selfOutList", "ML_WZF" } };
	json_t *s = must(json_object());
	int64_t fund = 0;

	put_text(s, "setlId", setl, "SETL_ID");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		put_fen(s, names[i][0], setl, names[i][1]);
	for (size_t i = 1; i <= 4; i++)
		fund += hub_fen(setl, names[i][1]);
	json_object_set_new(s, "fundPayTotal", json_integer(fund)); /* not on this wire */
	return s;
}

static json_t *line_of(xmlNodePtr item, size_t number)
{
	json_t *line = must(json_pack("{s:I}", "seq", (json_int_t)number));

	put_text(line, "listCode", item, "LIST_CODE");
	put_text(line, "qty", item, "QTY");
	put_fen(line, "unitPrice", item, "PRICE");
	put_fen(line, "amount", item, "AMT");
	put_fen(line, "selfOut", item, "OWN_AMT");
	return line;
}

/* Of all three lists; NULL: a number is there twice. */
static json_t *lines_of(xmlNodePtr body)
{
	json_t *lines = must(json_array()), *seen = must(json_object());
	char number[8];
	bool is_twice = false;

	for (size_t i = 0; i < 3; i++) {
		xmlNodePtr list = hub_child(body, list_names[i]);

		for (xmlNodePtr c = list == NULL ? NULL : list->children; c != NULL; c = c->next) {
			if (c->type != XML_ELEMENT_NODE || strcmp((const char *)c->name, "ITEM") != 0)
				continue;
			hub_text(c, "SEQ", number, sizeof(number));
			is_twice |= json_object_get(seen, number) != NULL;
			json_object_set_new(seen, number, json_true());
			json_array_append_new(lines, line_of(c, json_array_size(lines) + 1));
		}
	}
	json_decref(seen);
	if (!is_twice)
		return lines;
	json_decref(lines);
	return NULL;
}

static json_t *bills_of(xmlNodePtr body)
{
	json_t *bills = must(json_array()), *bill;

	for (xmlNodePtr c = body->children; c != NULL; c = c->next) {
		if (c->type != XML_ELEMENT_NODE || strcmp((const char *)c->name, "BILL") != 0)
			continue;
		bill = must(json_object());
		put_text(bill, "billCode", c, "BILL_CODE");
		put_text(bill, "billNo", c, "BILL_NO");
		put_fen(bill, "amount", c, "BILL_AMT");
		json_array_append_new(bills, bill);
	}
	return bills;
}

static bool days_check(xmlNodePtr body, struct insurer_refusal *refusal)
{
	xmlNodePtr visit = hub_child(body, "VISIT");
	char in[12], out[12], settled[16], number[32], type[4];

	hub_text(visit, "IN_DATE", in, sizeof(in));
	hub_text(visit, "OUT_DATE", out, sizeof(out));
	hub_text(hub_child(body, "SETL"), "SETL_TIME", settled, sizeof(settled));
	if (strcmp(in, out) > 0 || strncmp(out, settled, 8) > 0)
		return insurer_refuse(refusal, "B1001", "VISIT/OUT_DATE", "is before IN_DATE or after SETL_TIME");
	return strcmp(hub_text(body, "CASE_TYPE", type, sizeof(type)), "1") != 0 ||
	       *hub_text(visit, "INP_NO", number, sizeof(number)) != '\0' ||
	       insurer_refuse(refusal, "B1001", "VISIT/INP_NO", "is missing: a stay has one");
}

json_t *jinhui_claim(xmlNodePtr body, int64_t now_ms, struct insurer_refusal *refusal)
{
	xmlNodePtr person = hub_child(body, "PERSON"), payee = hub_child(body, "PAYEE");
	json_t *claim = must(json_pack("{s:{}, s:{}, s:{}}", "insured", "payee", "visit")), *lines = lines_of(body);
	char day[12], out[11];

	put_text(claim, "requestNo", body, "APPLY_NO");
	put_text(json_object_get(claim, "insured"), "name", person, "NAME");
	put_text(json_object_get(claim, "insured"), "certNo", person, "CERT_NO");
	put_text(json_object_get(claim, "payee"), "bankNo", payee, "BANK_NO");
	put_text(json_object_get(claim, "payee"), "bankAcctNo", payee, "BANK_ACCT");
	put_text(json_object_get(claim, "visit"), "inpatientNo", hub_child(body, "VISIT"), "INP_NO");
	jinhui_day(hub_text(hub_child(body, "VISIT"), "OUT_DATE", day, sizeof(day)), out);
	json_object_set_new(json_object_get(claim, "visit"), "dischargeDate", json_string(out));
	json_object_set_new(claim, "settlement", settlement_of(hub_child(body, "SETL")));
	json_object_set_new(claim, "invoices", bills_of(body));
	if (lines == NULL)
		insurer_refuse(refusal, "B1001", "ITEM/SEQ", "is there twice");
	else
		json_object_set_new(claim, "feeItems", lines);
	if (lines != NULL && consent_check(body, now_ms, refusal) && days_check(body, refusal) &&
	        insurer_money_check(claim, refusal))
		return claim;
	json_decref(claim);
	return NULL;
}

bool jinhui_documents_check(xmlNodePtr body, struct insurer_refusal *refusal)
{
	bool is_good = true;

	for (xmlNodePtr c = body->children; c != NULL && is_good; c = c->next) {
		xmlChar *content;
		char digest[66];
		json_t *row;

		if (c->type != XML_ELEMENT_NODE || strcmp((const char *)c->name, "DOC") != 0)
			continue;
		content = xmlNodeGetContent(hub_child(c, "CONTENT"));
		row = must(json_pack("{s:s, s:s}", "content", (char *)content, "sm3",
		        hub_text(c, "FILE_SM3", digest, sizeof(digest))));
		is_good = insurer_document_check(row, refusal);
		json_decref(row);
		xmlFree(content);
	}
	return is_good;
}
