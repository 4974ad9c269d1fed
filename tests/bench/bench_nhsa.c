/* tests/bench/bench_nhsa.c - the stub as a province's platform: 1101 is answered with a person, 2201 with a visit, 2204
 * with how its lines are split, 2207 with a settlement of exactly the amounts that bench_load sends (they add up, R1 to
 * R5), anything else with an empty success. */
#include "bench_stub.h"

#include <stdio.h>
#include <string.h>

#include "bench_tls.h"

static int settlement(char *out, size_t size, uint64_t number, const char *body, size_t n)
{
	size_t n_visit, n_msgid, n_person;
	const char *visit = bench_json_value(body, n, "mdtrt_id", &n_visit);
	const char *msgid = bench_json_value(body, n, "msgid", &n_msgid);
	const char *person = bench_json_value(body, n, "psn_no", &n_person);

	return snprintf(out, size,
	        "\"output\":{\"setlinfo\":{\"mdtrt_id\":\"%.*s\",\"setl_id\":\"330200S%013llu\",\"psn_no\":\"%.*s\","
	        "\"psn_name\":\"示例甲\",\"psn_cert_type\":\"01\",\"certno\":\"330213197906152731\",\"gend\":\"1\","
	        "\"insutype\":\"310\",\"psn_type\":\"1101\",\"cvlserv_flag\":\"0\",\"setl_time\":\"2026-03-14 "
	        "09:41:30\","
	        "\"med_type\":\"11\",\"medfee_sumamt\":286.40,\"fulamt_ownpay_amt\":12.00,\"overlmt_selfpay\":0.00,"
	        "\"preselfpay_amt\":14.40,\"inscp_scp_amt\":260.00,\"act_pay_dedc\":0.00,\"hifp_pay\":208.00,"
	        "\"pool_prop_selfpay\":0.8000,\"cvlserv_pay\":0.00,\"hifes_pay\":0.00,\"hifmi_pay\":0.00,\"hifob_pay\":"
	        "0.00,"
	        "\"maf_pay\":0.00,\"oth_pay\":0.00,\"fund_pay_sumamt\":208.00,\"psn_part_amt\":78.40,\"acct_pay\":50."
	        "00,"
	        "\"psn_cash_pay\":28.40,\"hosp_part_amt\":0.00,\"balc\":1810.42,\"acct_mulaid_pay\":0.00,"
	        "\"medins_setl_id\":\"%.*s\",\"clr_optins\":\"330213\",\"clr_way\":\"1\",\"clr_type\":\"11\"},"
	        "\"setldetail\":[{\"fund_pay_type\":\"310100\",\"inscp_scp_amt\":260.00,\"crt_payb_lmt_amt\":20000.00,"
	        "\"fund_payamt\":208.00}]}",
	        (int)n_visit, visit, (unsigned long long)number, (int)n_person, person, (int)n_msgid, msgid);
}

static int person(char *out, size_t size)
{
	return snprintf(out, size,
	        "\"output\":{\"baseinfo\":{\"psn_no\":\"33020000001000000123\",\"psn_cert_type\":\"01\","
	        "\"certno\":\"330213197906152731\",\"psn_name\":\"示例甲\",\"gend\":\"1\",\"naty\":\"01\","
	        "\"brdy\":\"1979-06-15\",\"age\":46.7},\"insuinfo\":[{\"balc\":1860.42,\"insutype\":\"310\","
	        "\"psn_type\":\"1101\",\"psn_insu_stas\":\"1\",\"psn_insu_date\":\"2004-07-01\",\"paus_insu_date\":"
	        "null,"
	        "\"cvlserv_flag\":\"0\",\"insuplc_admdvs\":\"330213\",\"emp_name\":\"示例机械有限公司\"},"
	        "{\"balc\":0.00,\"insutype\":\"510\",\"psn_type\":\"1101\",\"psn_insu_stas\":\"1\","
	        "\"psn_insu_date\":\"2004-07-01\",\"paus_insu_date\":null,\"cvlserv_flag\":\"0\","
	        "\"insuplc_admdvs\":\"330213\",\"emp_name\":\"示例机械有限公司\"}],\"idetinfo\":[{\"psn_idet_type\":"
	        "\"10\","
	        "\"psn_type_lv\":\"\",\"memo\":\"%060d\",\"begntime\":\"2020-01-01 00:00:00\",\"endtime\":\"\"}]}",
	        0);
}

/* The hospital's own number of the visit is in ours, so that bench_load knows it. */
static int registration(char *out, size_t size, const char *body, size_t n)
{
	size_t n_own, n_person;
	const char *own = bench_json_value(body, n, "ipt_otp_no", &n_own);
	const char *person_no = bench_json_value(body, n, "psn_no", &n_person);

	return snprintf(out, size,
	        "\"output\":{\"data\":{\"mdtrt_id\":\"330200%.*s\",\"psn_no\":\"%.*s\",\"ipt_otp_no\":\"%.*s\"}}",
	        (int)n_own, own, (int)n_person, person_no, (int)n_own, own);
}

/* The three lines of bench_load: 144.00 of which a tenth is borne, 130.40 in scope, 12.00 outside. */
static int split_lines(char *out, size_t size, const char *body, size_t n)
{
	static const char *const lines[] = {
		"144.00,\"cnt\":1.0000,\"pric\":144.000000,\"fulamt_ownpay_amt\":0.00,\"overlmt_amt\":0.00,"
		"\"preselfpay_amt\":14.40,\"inscp_scp_amt\":129.60,\"chrgitm_lv\":\"02\",\"med_chrgitm_type\":\"09\"",
		"130.40,\"cnt\":1.0000,\"pric\":130.400000,\"fulamt_ownpay_amt\":0.00,\"overlmt_amt\":0.00,"
		"\"preselfpay_amt\":0.00,\"inscp_scp_amt\":130.40,\"chrgitm_lv\":\"01\",\"med_chrgitm_type\":\"03\"",
		"12.00,\"cnt\":1.0000,\"pric\":12.000000,\"fulamt_ownpay_amt\":12.00,\"overlmt_amt\":0.00,"
		"\"preselfpay_amt\":0.00,\"inscp_scp_amt\":0.00,\"chrgitm_lv\":\"03\",\"med_chrgitm_type\":\"14\"",
	};
	int n_out = snprintf(out, size, "\"output\":{\"result\":[");
	const char *at = body;
	size_t n_serial;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		at = bench_json_value(at, (size_t)(body + n - at), "feedetl_sn", &n_serial);
		if (at == NULL)
			return n_out;
		n_out += snprintf(out + n_out, size - (size_t)n_out,
		        "%s{\"feedetl_sn\":\"%.*s\",\"pric_uplmt_amt\":999999.99,\"selfpay_prop\":0.0000,\"lmt_used_flag\":"
		        "\"0\",\"memo\":\"\",\"det_item_fee_sumamt\":%s}",
		        i == 0 ? "" : ",", (int)n_serial, at, lines[i]);
	}
	return n_out + snprintf(out + n_out, size - (size_t)n_out, "]}");
}

size_t nhsa_answer(char *out, size_t size, uint64_t number, const char *body, size_t n)
{
	size_t n_infno;
	const char *infno = bench_json_value(body, n, "infno", &n_infno);
	char asked[5] = "";
	int n_text = snprintf(out, size,
	        "{\"infcode\":0,\"inf_refmsgid\":\"33020020260314094130%010llu\",\"refmsg_time\":\"20260314094130455\","
	        "\"respond_time\":\"20260314094130666\",\"err_msg\":\"\",",
	        (unsigned long long)number);

	if (n_infno == 4)
		memcpy(asked, infno, 4);
	size -= (size_t)n_text + 2;
	if (strcmp(asked, "2207") == 0)
		n_text += settlement(out + n_text, size, number, body, n);
	else if (strcmp(asked, "1101") == 0)
		n_text += person(out + n_text, size);
	else if (strcmp(asked, "2201") == 0)
		n_text += registration(out + n_text, size, body, n);
	else if (strcmp(asked, "2204") == 0)
		n_text += split_lines(out + n_text, size, body, n);
	else
		n_text += snprintf(out + n_text, size, "\"output\":null");
	out[n_text++] = '}';
	return (size_t)n_text;
}
