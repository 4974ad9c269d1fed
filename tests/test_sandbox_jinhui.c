/* tests/test_sandbox_jinhui.c - 金惠保, simulated: what it takes, refuses, decides and pays (sandbox/jinhui.h).
 *
 * Requests are written and signed as the profile says and given to jinhui_handle() with a clock of the test's own. */
#include "hub.h"
#include "jinhui.h"
#include "sm2.h"
#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COMPOSED "../shared/formats/samples/composed/"
#define NOW INT64_C(1795162500000) /* 2026-11-20 16:15:00 +08:00, the composed sample's */
#define NUMBER "JH20261120000000000001"
#define DAY_MS INT64_C(86400000)

/* A stay of 14000.00 of which the person bears 12000.00, 10000.00 of it outside the catalogue. */
static const char case_body[] =
        "<BODY><APPLY_NO>" NUMBER "</APPLY_NO><CASE_TYPE>1</CASE_TYPE><POLICY_NO></POLICY_NO>"
        "<AUTH><AUTH_NO>SQ1</AUTH_NO><AUTH_DATE>20261105</AUTH_DATE><AUTH_SCOPE>1111</AUTH_SCOPE><AUTH_WAY>2</AUTH_WAY>"
        "<AUTH_END>20271231</AUTH_END>"
        "<AUTH_SM3>62df319644144b1843d8139e811f3f0093ab71f2a77920692538e55ef4384043</AUTH_SM3></AUTH>"
        "<PERSON><NAME>示例𠮷</NAME><CERT_TYPE>01</CERT_TYPE><CERT_NO>330799198001010017</CERT_NO><SEX>1</SEX>"
        "<BIRTH>19400101</BIRTH><PSN_NO>P1</PSN_NO><AREA>330799</AREA></PERSON>"
        "<PAYEE><RELATION>00</RELATION><NAME>示例𠮷</NAME><BANK_ACCT>6299990000000002022</BANK_ACCT>"
        "<BANK_NO>402338099038</BANK_NO><BANK_NAME>示例银行</BANK_NAME></PAYEE>"
        "<VISIT><HOSP_CODE>H1</HOSP_CODE><HOSP_NAME>示例医院</HOSP_NAME><HOSP_LV>32</HOSP_LV><VISIT_NO>V1</VISIT_NO>"
        "<MED_TYPE>21</MED_TYPE><IN_DATE>20261105</IN_DATE><OUT_DATE>20261120</OUT_DATE><INP_NO>88</INP_NO>"
        "<YD_FLAG>0</YD_FLAG></VISIT><MAIN_DIAG_CODE>I63.900</MAIN_DIAG_CODE><MAIN_DIAG_NAME>脑梗死</MAIN_DIAG_NAME>"
        "<SETL><SETL_ID>S1</SETL_ID><SETL_TIME>20261120161245</SETL_TIME><TOTAL>14000.00</TOTAL><TC_PAY>2000.00</TC_PAY>"
        "<DB_PAY>0.00</DB_PAY><JZ_PAY>0.00</JZ_PAY><QT_PAY>0.00</QT_PAY><ZH_PAY>0.00</ZH_PAY><XJ_PAY>12000.00</XJ_PAY>"
        "<ML_ZF>1500.00</ML_ZF><XX_ZF>500.00</XX_ZF><CX_ZF>0.00</CX_ZF><ML_WZF>10000.00</ML_WZF></SETL>"
        "<BILL><BILL_CODE>33060126</BILL_CODE><BILL_NO>0098765432</BILL_NO><CHK_CODE>9f8e7d</CHK_CODE>"
        "<BILL_DATE>20261120</BILL_DATE><BILL_AMT>14000.00</BILL_AMT></BILL>"
        "<DRUG_LIST><ITEM><SEQ>000001</SEQ><LIST_CODE>XL01</LIST_CODE><ITEM_NAME>药</ITEM_NAME><CHRG_LV>丙</CHRG_LV>"
        "<QTY>4.0000</QTY><PRICE>2500.00</PRICE><AMT>10000.00</AMT><OWN_AMT>10000.00</OWN_AMT></ITEM></DRUG_LIST>"
        "<SERVICE_LIST><ITEM><SEQ>000002</SEQ><LIST_CODE>0011</LIST_CODE><ITEM_NAME>护理</ITEM_NAME><CHRG_LV>甲</CHRG_LV>"
        "<QTY>1.0000</QTY><PRICE>4000.00</PRICE><AMT>4000.00</AMT><OWN_AMT>0.00</OWN_AMT></ITEM></SERVICE_LIST>"
        "<MATERIAL_LIST></MATERIAL_LIST></BODY>";

static struct desk {
	struct insurer_options options;
	struct jinhui jinhui;
	EVP_PKEY *partner, *own;
	int64_t now_ms;
	unsigned n_numbers;
	char number[25]; /* of the last request */
	char *answer;
	size_t len;
	xmlDocPtr told;
	char text[400];
} desk;

static int desk_open(void **state)
{
	(void)state;
	desk = (struct desk){ .now_ms = NOW };
	desk.options = (struct insurer_options){ .rule = &product_jh,
		.app_id = "GW330799",
		.special_drugs = "XL01SPECIAL",
		.decide_ms = 1000,
		.pay_ms = 500,
		.enrols_all = true };
	desk.partner = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
	desk.own = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
	assert_non_null(desk.partner);
	EVP_PKEY_up_ref(desk.partner);
	EVP_PKEY_up_ref(desk.own);
	desk.jinhui = (struct jinhui){ .options = &desk.options,
		.book = insurer_book_new(&desk.options),
		.partner = desk.partner,
		.own = desk.own,
		.numbers = json_object(),
		.digests = json_object() };
	return 0;
}

static int desk_close(void **state)
{
	(void)state;
	xmlFreeDoc(desk.told);
	free(desk.answer);
	jinhui_end(&desk.jinhui);
	EVP_PKEY_free(desk.partner);
	EVP_PKEY_free(desk.own);
	return 0;
}

/* -- a request and its answer -- */

static const char *told(const char *path)
{
	xmlNodePtr node = xmlDocGetRootElement(desk.told);
	char step[32];

	for (const char *at = path; *at != '\0'; at += strcspn(at, "/"), at += *at == '/') {
		text_format(step, sizeof(step), "%.*s", (int)strcspn(at, "/"), at);
		if (strchr(at, '/') == NULL)
			return hub_text(node, step, desk.text, sizeof(desk.text));
		node = hub_child(node, step);
	}
	return "";
}

static const char *give(const char *octets, size_t len)
{
	struct insurer_refusal refusal = { .code = NULL };
	struct jinhui_message m;
	bool is_read = jinhui_read(&desk.jinhui, octets, len, desk.now_ms, &m, &refusal);

	free(desk.answer);
	desk.answer = jinhui_handle(&desk.jinhui, &m, is_read, &refusal, desk.now_ms, &desk.len);
	jinhui_message_free(&m);
	xmlFreeDoc(desk.told);
	desk.told = xmlReadMemory(desk.answer, (int)desk.len, NULL, NULL, XML_PARSE_NOERROR);
	assert_non_null(desk.told);
	return told("HEAD/RES_CODE");
}

/* Octets of a document; head: what stands in HEAD before DIGEST, NULL as it must be.  To be freed. */
static char *document(const char *code, const char *body, const char *prolog, const char *head, size_t *len)
{
	size_t n_body;
	char *octets = text_to_gb18030(body, &n_body), digest[65], *sign, *out, usual[300], time[18];

	sm3_hex(octets, n_body, digest);
	sign = sm2_sign_der(desk.partner, digest, 64);
	time_digits(desk.now_ms, time);
	text_format(desk.number, sizeof(desk.number), "%.22s%02u", NUMBER, ++desk.n_numbers);
	text_format(usual, sizeof(usual),
	        "<VERSION>2.0</VERSION><TRANS_CODE>%s</TRANS_CODE><PARTNER_NO>GW330799</PARTNER_NO><TRANS_NO>%s</TRANS_NO>"
	        "<TRANS_TIME>%.14s</TRANS_TIME>",
	        code, desk.number, time);
	out = malloc(n_body + 1200);
	*len = (size_t)sprintf(out, "%s<JHB><HEAD>%s<DIGEST>%s</DIGEST><SIGN>%s</SIGN></HEAD>",
	        prolog != NULL ? prolog : "<?xml version=\"1.0\" encoding=\"GB18030\"?>", head != NULL ? head : usual,
	        digest, sign);
	memcpy(out + *len, octets, n_body);
	*len += n_body;
	*len += (size_t)sprintf(out + *len, "</JHB>");
	free(sign);
	free(octets);
	return out;
}

static const char *ask(const char *code, const char *body)
{
	size_t len;
	char *octets = document(code, body, NULL, NULL, &len);
	const char *res = give(octets, len);

	free(octets);
	return res;
}

/* The case with one piece of its text replaced; to be freed. */
static char *changed(const char *from, const char *to)
{
	const char *at = strstr(case_body, from);
	char *out = NULL;

	assert_non_null(at);
	assert_true(asprintf(&out, "%.*s%s%s", (int)(at - case_body), case_body, to, at + strlen(from)) > 0);
	return out;
}

static const char *hand_in(const char *from, const char *to)
{
	char *body = changed(from, to);
	const char *res = ask("JH2001", body);

	free(body);
	return res;
}

static const char *state_after(int64_t ms)
{
	desk.now_ms = NOW + ms;
	assert_string_equal(ask("JH2002", "<BODY><APPLY_NO>" NUMBER "</APPLY_NO><CASE_NO></CASE_NO></BODY>"), "0000");
	return told("BODY/CASE_STS");
}

/* -- the composed case -- */

static void the_composed_case_is_taken(void **state)
{
	size_t len;
	char *body;
	EVP_PKEY *key = sm2_key_read(COMPOSED "test_gateway_sm2_pub.pem", false);

	(void)state;
	if (access(COMPOSED "jhb_2001_req.xml", R_OK) != 0) {
		EVP_PKEY_free(key);
		print_message(COMPOSED " is not there\n");
		skip();
	}
	body = file_read(COMPOSED "jhb_2001_req.xml", &len);
	EVP_PKEY_free(desk.jinhui.partner);
	desk.jinhui.partner = key;
	assert_string_equal(give(body, len), "0000");
	assert_string_equal(told("BODY/CASE_NO"), "JHA26112000001");
	free(body);
	EVP_PKEY_up_ref(desk.partner);
	EVP_PKEY_free(desk.jinhui.partner);
	desk.jinhui.partner = desk.partner;
	assert_string_equal(state_after(2000), "50");
	assert_string_equal(told("BODY/PAY_AMT"), "1429.80");
	assert_string_equal(told("BODY/ADJ_DATE"), "20261120");
	assert_string_equal(told("BODY/DUTY/BASE_AMT"), "10859.60");
	assert_string_equal(told("BODY/DUTY/DEDC_AMT"), "8000.00");
	assert_string_equal(told("BODY/DUTY/RATIO"), "50.00");
}

/* -- the envelope -- */

static void an_answer_is_signed_over_its_body(void **state)
{
	char digest[65], sign[130];
	const char *raw;
	size_t n;

	(void)state;
	assert_string_equal(ask("JH2001", case_body), "0000");
	raw = xml_raw_part(desk.answer, desk.len, "BODY", &n);
	sm3_hex(raw, n, digest);
	assert_string_equal(told("HEAD/DIGEST"), digest);
	text_format(sign, sizeof(sign), "%s", told("HEAD/SIGN"));
	assert_true(sm2_der_is_right(desk.own, digest, 64, sign));
	assert_string_equal(told("HEAD/TRANS_NO"), desk.number);
	assert_string_equal(told("HEAD/RES_MSG"), "受理成功");
	desk.jinhui.is_beyond_gbk = true;
	assert_string_equal(state_after(0), "10");
	assert_string_equal(told("HEAD/RES_MSG"), "成功（𠮷㐀）");
}

#define HEAD(version, code, partner, number, time)                                                                     \
	"<VERSION>" version "</VERSION><TRANS_CODE>" code "</TRANS_CODE><PARTNER_NO>" partner                          \
	"</PARTNER_NO><TRANS_NO>" number "</TRANS_NO><TRANS_TIME>" time "</TRANS_TIME>"

static const struct head_case {
	const char *it; /* completes "a document ..." */
	const char *prolog, *head, *code;
} head_cases[] = {
	{ "600 s old is taken", NULL, HEAD("2.0", "JH2001", "GW330799", "T1", "20261120160500"), "0000" },
	{ "601 s old is 1005", NULL, HEAD("2.0", "JH2001", "GW330799", "T1", "20261120160459"), "1005" },
	{ "with half a time is 2001", NULL, HEAD("2.0", "JH2001", "GW330799", "T1", "20261120"), "2001" },
	{ "of another version is 2001", NULL, HEAD("1.0", "JH2001", "GW330799", "T1", "20261120161500"), "2001" },
	{ "of an unknown partner is 1004", NULL, HEAD("2.0", "JH2001", "GW1", "T1", "20261120161500"), "1004" },
	{ "with an unknown transaction is 1007", NULL, HEAD("2.0", "JH2009", "GW330799", "T1", "20261120161500"),
	        "1007" },
	{ "without a number is 2001", NULL, HEAD("2.0", "JH2001", "GW330799", "", "20261120161500"), "2001" },
	{ "with a DOCTYPE is 1001", "<?xml version=\"1.0\" encoding=\"GB18030\"?><!DOCTYPE JHB>", NULL, "1001" },
	{ "said to be in GBK is 1001", "<?xml version=\"1.0\" encoding=\"GBK\"?>", NULL, "1001" },
};

static void test_head(void **state)
{
	const struct head_case *row = *state;
	size_t len;
	char *octets;

	desk_open(NULL);
	octets = document("JH2001", case_body, row->prolog, row->head, &len);
	assert_string_equal(give(octets, len), row->code);
	free(octets);
	desk_close(NULL);
}

static void a_changed_body_or_signature_is_refused(void **state)
{
	size_t len;
	char *octets = document("JH2001", case_body, NULL, NULL, &len), *at;

	(void)state;
	at = memmem(octets, len, "14000.00", 8);
	*at = '2';
	assert_string_equal(give(octets, len), "1002");
	*at = '1';
	EVP_PKEY_free(desk.jinhui.partner);
	desk.jinhui.partner = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
	assert_string_equal(give(octets, len), "1003");
	free(octets);
}

static void a_number_serves_once(void **state)
{
	size_t len;
	char *octets = document("JH2001", case_body, NULL, NULL, &len);

	(void)state;
	assert_string_equal(give(octets, len), "0000");
	assert_string_equal(give(octets, len), "1006");
	free(octets);
}

/* -- what is refused -- */

static const struct refusal_case {
	const char *it; /* completes "a case ..." */
	const char *from, *to, *code;
} refusal_cases[] = {
	{ "as it must be is taken", "SQ1", "SQ1", "0000" },
	{ "with an attribute is 1001", "<AUTH>", "<AUTH a=\"1\">", "1001" },
	{ "in a namespace is 1001", "<AUTH>", "<AUTH xmlns=\"u\">", "1001" },
	{ "without a name is 2001", "<NAME>示例𠮷</NAME><CERT", "<CERT", "2001" },
	{ "with two names is 2001", "<SEX>", "<NAME>二</NAME><SEX>", "2001" },
	{ "with a name of 71 octets is 2001", "示例𠮷</NAME><CERT",
	        "示例示例示例示例示例示例示例示例示例示例示例示例示例示例示例示例示例1𠮷</NAME><CERT", "2001" },
	{ "with an unknown level is 2001", "<HOSP_LV>32", "<HOSP_LV>34", "2001" },
	{ "with an amount of one decimal is 2001", "14000.00</TOTAL>", "14000.0</TOTAL>", "2001" },
	{ "with a zero before an amount is 2001", "14000.00</TOTAL>", "014000.00</TOTAL>", "2001" },
	{ "with a quantity of two places is 2001", "<QTY>4.0000", "<QTY>4.00", "2001" },
	{ "with a 30 February is 2001", "<IN_DATE>20261105", "<IN_DATE>20260230", "2001" },
	{ "with an hour 24 is 2001", "20261120161245", "20261120241245", "2001" },
	{ "with another form of number is 2001", "<APPLY_NO>JH", "<APPLY_NO>TY", "2001" },
	{ "without a stay's number is 2001", "<INP_NO>88</INP_NO>", "", "2001" },
	{ "discharged after it was settled is 2001", "<OUT_DATE>20261120", "<OUT_DATE>20261121", "2001" },
	{ "with a line twice is 2001", "<SEQ>000002", "<SEQ>000001", "2001" },
	{ "with only two lists is 2001", "<MATERIAL_LIST></MATERIAL_LIST>", "", "2001" },
	{ "without its main diagnosis is 2001", "<MAIN_DIAG_CODE>I63.900</MAIN_DIAG_CODE>", "", "2001" },
	{ "whose payers do not add up is 2002", "<TC_PAY>2000.00", "<TC_PAY>2000.01", "2002" },
	{ "whose own parts do not add up is 2002", "<XX_ZF>500.00", "<XX_ZF>500.01", "2002" },
	{ "whose line is no product is 2002", "<QTY>1.0000", "<QTY>1.0010", "2002" },
	{ "whose lines say another own part is 2002", "<OWN_AMT>0.00", "<OWN_AMT>0.01", "2002" },
	{ "with too small an invoice is 2002", "<BILL_AMT>14000.00", "<BILL_AMT>13999.99", "2002" },
	{ "whose consent has ended is 2005", "<AUTH_END>20271231", "<AUTH_END>20261119", "2005" },
	{ "whose consent begins tomorrow is 2005", "<AUTH_DATE>20261105", "<AUTH_DATE>20261121", "2005" },
	{ "whose consent lacks the settlement is 2005", "<AUTH_SCOPE>1111", "<AUTH_SCOPE>0111", "2005" },
	{ "with lines outside the consent is 2005", "<AUTH_SCOPE>1111", "<AUTH_SCOPE>1011", "2005" },
	{ "with invoices outside the consent is 2005", "<AUTH_SCOPE>1111", "<AUTH_SCOPE>1110", "2005" },
};

static void test_refusal(void **state)
{
	const struct refusal_case *row = *state;

	desk_open(NULL);
	assert_string_equal(hand_in(row->from, row->to), row->code);
	desk_close(NULL);
}

static void who_is_not_insured_is_refused_at_once(void **state)
{
	json_t *ledger;

	(void)state;
	desk.options.enrols_all = false;
	assert_string_equal(ask("JH2001", case_body), "2003");
	ledger = insurer_ledger(desk.jinhui.book);
	assert_string_equal(json_text(json_array_get(json_object_get(ledger, "refused"), 0), "code"), "2003");
	json_decref(ledger);
	insurer_person_add(desk.jinhui.book, "330799198001010017", "另一人");
	assert_string_equal(ask("JH2001", case_body), "2011");
	insurer_person_add(desk.jinhui.book, "330799198001010017", "示例𠮷");
	assert_string_equal(ask("JH2001", case_body), "0000");
}

/* -- what becomes of a case -- */

static void a_case_runs_to_payment(void **state)
{
	(void)state;
	assert_string_equal(ask("JH2001", case_body), "0000");
	assert_string_equal(told("BODY/CASE_STS"), "10");
	assert_string_equal(state_after(499), "10");
	assert_string_equal(state_after(500), "20");
	assert_string_equal(told("BODY/PAY_AMT"), "");
	assert_string_equal(state_after(1000), "40");
	assert_string_equal(told("BODY/PAY_AMT"), "2000.00"); /* half of 12000.00 - 8000.00 */
	assert_string_equal(told("BODY/PAY_SERIAL"), "");
	assert_string_equal(state_after(1500), "50");
	assert_string_equal(told("BODY/PAY_SERIAL"), "JHPAY2026112000001");
	assert_string_equal(told("BODY/PAY_DATE"), "20261120");
	assert_string_equal(told("BODY/REFUSE_CODE"), "");
}

static void special_drugs_have_their_own_duty(void **state)
{
	(void)state;
	assert_string_equal(hand_in("<LIST_CODE>XL01<", "<LIST_CODE>XL01SPECIAL<"), "0000");
	assert_string_equal(state_after(1500), "50");
	assert_string_equal(told("BODY/PAY_AMT"), "4000.00"); /* 40 % of 10000.00, nothing of 2000.00 below 8000.00 */
}

static void a_number_is_one_case(void **state)
{
	(void)state;
	assert_string_equal(ask("JH2001", case_body), "0000");
	desk.now_ms += 1000;
	assert_string_equal(ask("JH2001", case_body), "0000");
	assert_string_equal(told("BODY/CASE_NO"), "JHA26112000001");
	assert_string_equal(told("BODY/CASE_STS"), "40"); /* the present state */
	assert_string_equal(hand_in("SQ1", "SQ2"), "2009");
	assert_string_equal(hand_in(NUMBER, "JH20261120000000000002"), "2007");
	assert_string_equal(told("BODY/CASE_NO"), "JHA26112000001");
	assert_int_equal(insurer_counts(desk.jinhui.book)->replays, 1);
	assert_int_equal(insurer_counts(desk.jinhui.book)->other_content, 1);
	assert_int_equal(insurer_counts(desk.jinhui.book)->second_claims, 1);
}

#define WITHDRAW(number)                                                                                               \
	"<BODY><APPLY_NO>" number "</APPLY_NO><CASE_NO>JHA26112000001</CASE_NO><REASON>1</REASON></BODY>"

static void a_withdrawn_case_may_be_handed_in_anew(void **state)
{
	(void)state;
	assert_string_equal(ask("JH2001", case_body), "0000");
	assert_string_equal(ask("JH2004", WITHDRAW("JH20261120000000000009")), "2008");
	assert_string_equal(ask("JH2004", WITHDRAW(NUMBER)), "0000");
	assert_string_equal(told("BODY/CASE_STS"), "90");
	assert_string_equal(ask("JH2004", WITHDRAW(NUMBER)), "0000"); /* the same content again */
	assert_string_equal(state_after(9000), "90");
	assert_string_equal(told("BODY/REFUSE_CODE"), "Y009");
	assert_string_equal(hand_in(NUMBER, "JH20261120000000000002"), "0000");
}

static void a_paid_case_is_not_withdrawn(void **state)
{
	(void)state;
	assert_string_equal(ask("JH2001", case_body), "0000");
	assert_string_equal(state_after(1500), "50");
	assert_string_equal(ask("JH2004", WITHDRAW(NUMBER)), "2010");
}

static void a_day_has_its_list(void **state)
{
	(void)state;
	assert_string_equal(ask("JH2001", case_body), "0000");
	desk.now_ms += DAY_MS;
	assert_string_equal(ask("JH2005", "<BODY><DATE>20261120</DATE><PAGE>1</PAGE></BODY>"), "0000");
	assert_string_equal(told("BODY/TOTAL_CNT"), "1");
	assert_string_equal(told("BODY/TOTAL_PAY"), "2000.00");
	assert_string_equal(told("BODY/CASE/SETL_ID"), "S1");
	assert_string_equal(told("BODY/CASE/PAY_DATE"), "20261120");
	assert_string_equal(ask("JH2005", "<BODY><DATE>20261121</DATE><PAGE>1</PAGE></BODY>"), "0000");
	assert_string_equal(told("BODY/TOTAL_CNT"), "0");
}

static void insured_is_who_is_enrolled(void **state)
{
	static const char body[] = "<BODY><NAME>示例𠮷</NAME><CERT_TYPE>01</CERT_TYPE>"
	                           "<CERT_NO>330799198001010017</CERT_NO><DATE>20261120</DATE></BODY>";

	(void)state;
	assert_string_equal(ask("JH2001", case_body), "0000");
	assert_string_equal(state_after(1000), "40");
	assert_string_equal(ask("JH1001", body), "0000");
	assert_string_equal(told("BODY/INSURED"), "1");
	assert_string_equal(told("BODY/POLICY/DEDC_USED"), "8000.00");
	desk.options.enrols_all = false;
	assert_string_equal(ask("JH1001", body), "0000");
	assert_string_equal(told("BODY/INSURED"), "0");
}

/* -- what an amount asks for -- */

/* The total ends in cents; the basic fund pays the difference. */
static const char *hand_in_ending(const char *cents)
{
	static const char *const amounts[] = { "14000.00</TOTAL>", "2000.00</TC_PAY>", "14000.00</BILL_AMT>",
		"4000.00</PRICE>", "4000.00</AMT><OWN_AMT>0.00" };
	char *body = text_copy(case_body);
	const char *res;

	desk.options.has_amount_faults = true;
	for (size_t i = 0; i < sizeof(amounts) / sizeof(*amounts); i++)
		memcpy(strchr(strstr(body, amounts[i]), '.') + 1, cents, 2);
	res = ask("JH2001", body);
	free(body);
	return res;
}

static void an_amount_asks_for_documents(void **state)
{
	static const char docs[] =
	        "<BODY><APPLY_NO>" NUMBER "</APPLY_NO><CASE_NO>JHA26112000001</CASE_NO><DOC><DOC_TYPE>02</DOC_TYPE>"
	        "<FILE_NAME>a.png</FILE_NAME><FILE_TYPE>png</FILE_TYPE>"
	        "<FILE_SM3>66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0</FILE_SM3>"
	        "<CONTENT>YWJj</CONTENT></DOC></BODY>";

	(void)state;
	assert_string_equal(hand_in_ending("81"), "0000");
	assert_string_equal(state_after(9000), "30");
	assert_string_equal(told("BODY/NEED_DOC/DOC_TYPE"), "02");
	assert_string_equal(ask("JH2003", docs), "0000");
	assert_string_equal(state_after(20000), "50");
}

static void an_amount_is_not_insured(void **state)
{
	(void)state;
	assert_string_equal(hand_in_ending("82"), "2003");
}

static void an_amount_is_decided_after_two_days(void **state)
{
	(void)state;
	assert_string_equal(hand_in_ending("83"), "0000");
	assert_string_equal(state_after(2 * DAY_MS), "20");
	assert_string_equal(state_after(2 * DAY_MS + 1500), "50");
}

static void an_amount_has_its_payment_made_again(void **state)
{
	(void)state;
	assert_string_equal(hand_in_ending("88"), "0000");
	assert_string_equal(state_after(1500), "50");
	assert_string_equal(told("BODY/PAY_SERIAL"), "JHPAY2026112000001");
	assert_string_equal(state_after(2500), "50");
	assert_string_equal(told("BODY/PAY_SERIAL"), "JHPAY2026112000002");
}

static void an_amount_is_taken_and_refused_as_taken(void **state)
{
	(void)state;
	assert_string_equal(hand_in_ending("89"), "2007");
	assert_string_equal(told("BODY/CASE_NO"), "JHA26112000001");
	assert_string_equal(state_after(1500), "50");
}

#define N(rows) (sizeof(rows) / sizeof(*(rows)))
#define DESK(test) cmocka_unit_test_setup_teardown(test, desk_open, desk_close)
#define ROWS(rows, test)                                                                                               \
	for (size_t i = 0; i < N(rows); i++)                                                                           \
		tests[n++] = (struct CMUnitTest)                                                                       \
		{                                                                                                      \
			(rows)[i].it, test, NULL, NULL, (void *)(uintptr_t) & (rows)[i]                                \
		}

int main(void)
{
	static const struct CMUnitTest fixed[] = {
		DESK(the_composed_case_is_taken),
		DESK(an_answer_is_signed_over_its_body),
		DESK(a_changed_body_or_signature_is_refused),
		DESK(a_number_serves_once),
		DESK(who_is_not_insured_is_refused_at_once),
		DESK(a_case_runs_to_payment),
		DESK(special_drugs_have_their_own_duty),
		DESK(a_number_is_one_case),
		DESK(a_withdrawn_case_may_be_handed_in_anew),
		DESK(a_paid_case_is_not_withdrawn),
		DESK(a_day_has_its_list),
		DESK(insured_is_who_is_enrolled),
		DESK(an_amount_asks_for_documents),
		DESK(an_amount_is_not_insured),
		DESK(an_amount_is_decided_after_two_days),
		DESK(an_amount_has_its_payment_made_again),
		DESK(an_amount_is_taken_and_refused_as_taken),
	};
	struct CMUnitTest tests[N(fixed) + N(head_cases) + N(refusal_cases)];
	size_t n = N(fixed);

	memcpy(tests, fixed, sizeof(fixed));
	ROWS(head_cases, test_head);
	ROWS(refusal_cases, test_refusal);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
