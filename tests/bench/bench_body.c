/* tests/bench/bench_body.c - the requests: 1101 and 2207 of one hospital, about 2 KB each.
 *
 * Message numbers count up from the second the generator started, 9,000 to a second (the gateway keeps
 * the last thousand for its own), so a run never uses one twice. */
#include "bench_load.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define INSTITUTION "H33021399901"
#define SERIALS 9000

static uint64_t n_requests;

static void number(char out[48])
{
	static time_t base;
	time_t second;
	struct tm tm;

	if (base == 0)
		base = time(NULL);
	second = base + (time_t)(n_requests / SERIALS) + 8 * 3600; /* business time is UTC+8 */
	gmtime_r(&second, &tm);
	snprintf(out, 48, INSTITUTION "%04d%02d%02d%02d%02d%02d%04d", (tm.tm_year + 1900) % 10000,
	        (tm.tm_mon + 1) % 100, tm.tm_mday % 100, tm.tm_hour % 100, tm.tm_min % 100, tm.tm_sec % 100,
	        (int)(n_requests % SERIALS));
}

/* Text of a length, such as a signature or a device's report has: digits that differ by request. */
static void filler(char *out, size_t n)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+/";
	uint64_t state = n_requests * 0x9e3779b97f4a7c15ull + 1;

	for (size_t i = 0; i < n; i++) {
		state = state * 6364136223846793005ull + 1442695040888963407ull;
		out[i] = digits[state >> 58];
	}
	out[n] = '\0';
}

static int input_of(enum load_op op, char *out, size_t size)
{
	char extra[700];

	filler(extra, op == LOAD_SETTLE ? 500 : 690);
	if (op == LOAD_QUERY)
		return snprintf(out, size,
		        "{\"data\":{\"mdtrt_cert_type\":\"02\",\"mdtrt_cert_no\":\"330213197906152731\",\"card_sn\":"
		        "\"\","
		        "\"begntime\":\"\",\"psn_cert_type\":\"01\",\"certno\":\"330213197906152731\",\"psn_name\":"
		        "\"示例甲\","
		        "\"exp_content\":\"%s\"}}",
		        extra);
	return snprintf(out, size,
	        "{\"data\":{\"psn_no\":\"33020000001000000123\",\"mdtrt_cert_type\":\"02\","
	        "\"mdtrt_cert_no\":\"330213197906152731\",\"med_type\":\"11\",\"medfee_sumamt\":286.40,"
	        "\"psn_setlway\":\"01\",\"mdtrt_id\":\"330200M%013llu\",\"chrg_bchno\":\"B%019llu\",\"insutype\":"
	        "\"310\","
	        "\"acct_used_flag\":\"1\",\"invono\":\"\",\"fulamt_ownpay_amt\":12.00,\"overlmt_selfpay\":0.00,"
	        "\"preselfpay_amt\":14.40,\"inscp_scp_amt\":260.00,\"exp_content\":\"%s\"}}",
	        (unsigned long long)n_requests, (unsigned long long)n_requests, extra);
}

size_t load_request(enum load_op op, char *out, size_t size)
{
	char msgid[48], input[2048], device[230], signature[345], body[3072];
	int n;

	n_requests++;
	number(msgid);
	filler(device, sizeof(device) - 1);
	filler(signature, sizeof(signature) - 1);
	input_of(op, input, sizeof(input));
	n = snprintf(body, sizeof(body),
	        "{\"infno\":\"%s\",\"msgid\":\"%s\",\"mdtrtarea_admvs\":\"330213\",\"insuplc_admdvs\":\"330213\","
	        "\"recer_sys_code\":\"YBXT\",\"dev_no\":\"\",\"dev_safe_info\":\"%s\",\"cainfo\":\"%s\",\"signtype\":"
	        "\"\","
	        "\"infver\":\"V1.0\",\"opter_type\":\"1\",\"opter\":\"S0007\",\"opter_name\":\"收费员七\","
	        "\"inf_time\":\"%.4s-%.2s-%.2s %.2s:%.2s:%.2s\",\"fixmedins_code\":\"" INSTITUTION
	        "\",\"fixmedins_name\":\"示例市第一医院\",\"sign_no\":\"330200G0000012345678\",\"input\":%s}",
	        op == LOAD_QUERY ? "1101" : "2207", msgid, device, signature, msgid + 12, msgid + 16, msgid + 18,
	        msgid + 20, msgid + 22, msgid + 24, input);
	return (size_t)snprintf(out, size,
	        "POST /fsi/api/rsfComIfsService/callService HTTP/1.1\r\nHost: 127.0.0.1\r\n"
	        "Content-Type: application/json; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s",
	        n, body);
}
