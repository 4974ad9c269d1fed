/* tests/bench/bench_body.c - the requests of one hospital: 1101 and 2207 of a person insured here, about 2 KB each, and
 * a visit of one insured in another province, from 1101 to 2207.
 *
 * Message numbers count up from the second the generator started, 9,000 to a second (the gateway keeps
 * the last thousand for its own), so a run never uses one twice. */
#include "bench_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define INSTITUTION "H33021399901"
#define SERIALS 9000
#define GUEST "31011500000000004217" /* psn_no; insured in Shanghai */
#define GUEST_CERTNO "310115197906152735"

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

static int person(char *out, size_t size, const char *certno, const char *name)
{
	char extra[700];

	filler(extra, 690);
	return snprintf(out, size,
	        "{\"data\":{\"mdtrt_cert_type\":\"02\",\"mdtrt_cert_no\":\"%s\",\"card_sn\":\"\",\"begntime\":\"\","
	        "\"psn_cert_type\":\"01\",\"certno\":\"%s\",\"psn_name\":\"%s\",\"exp_content\":\"%s\"}}",
	        certno, certno, name, extra);
}

static int settlement(char *out, size_t size, const char *psn_no, const char *certno, unsigned long long visit)
{
	char extra[700];

	filler(extra, 500);
	return snprintf(out, size,
	        "{\"data\":{\"psn_no\":\"%s\",\"mdtrt_cert_type\":\"02\",\"mdtrt_cert_no\":\"%s\",\"med_type\":\"11\","
	        "\"medfee_sumamt\":286.40,\"psn_setlway\":\"01\",\"mdtrt_id\":\"330200M%013llu\","
	        "\"chrg_bchno\":\"B%019llu\",\"insutype\":\"310\",\"acct_used_flag\":\"1\",\"invono\":\"\","
	        "\"fulamt_ownpay_amt\":12.00,\"overlmt_selfpay\":0.00,\"preselfpay_amt\":14.40,"
	        "\"inscp_scp_amt\":260.00,\"exp_content\":\"%s\"}}",
	        psn_no, certno, visit, visit, extra);
}

static int registration(char *out, size_t size, unsigned long long visit)
{
	return snprintf(out, size,
	        "{\"data\":{\"psn_no\":\"" GUEST "\",\"insutype\":\"310\",\"begntime\":\"2026-03-14 09:02:11\","
	        "\"mdtrt_cert_type\":\"02\",\"mdtrt_cert_no\":\"" GUEST_CERTNO "\",\"ipt_otp_no\":\"M%013llu\","
	        "\"atddr_no\":\"D33021300011\",\"dr_name\":\"示例医师\",\"dept_code\":\"A03\",\"dept_name\":\"内科\","
	        "\"caty\":\"A03\"}}",
	        visit);
}

static int description(char *out, size_t size, unsigned long long visit)
{
	return snprintf(out, size,
	        "{\"mdtrtinfo\":{\"mdtrt_id\":\"330200M%013llu\",\"psn_no\":\"" GUEST "\",\"med_type\":\"11\","
	        "\"begntime\":\"2026-03-14 09:02:11\",\"main_cond_dscr\":\"咳嗽三天\",\"dise_codg\":\"\","
	        "\"dise_name\":\"\"},\"diseinfo\":[{\"diag_type\":\"1\",\"diag_srt_no\":1,\"diag_code\":\"J06.900\","
	        "\"diag_name\":\"急性上呼吸道感染\",\"diag_dept\":\"内科\",\"dise_dor_no\":\"D33021300011\","
	        "\"dise_dor_name\":\"示例医师\",\"diag_time\":\"2026-03-14 09:10:00\",\"vali_flag\":\"1\"}]}",
	        visit);
}

/* Lines that add up to the settlement's 286.40; bench_nhsa.c has how they are split. */
static int fees(char *out, size_t size, unsigned long long visit)
{
	static const struct {
		const char *code, *amount;
	} lines[] = { { "XN02BEB021A001010102548", "144.00" }, { "001201000010000-120100004", "130.40" },
		{ "001102000010000-110200009", "12.00" } };
	int n = snprintf(out, size, "{\"feedetail\":[");

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		n += snprintf(out + n, size - (size_t)n,
		        "%s{\"feedetl_sn\":\"%015llu-%zu\",\"mdtrt_id\":\"330200M%013llu\",\"psn_no\":\"" GUEST "\","
		        "\"chrg_bchno\":\"B%019llu\",\"fee_ocur_time\":\"2026-03-14 09:20:00\",\"med_list_codg\":\"%s\","
		        "\"medins_list_codg\":\"%s\",\"det_item_fee_sumamt\":%s,\"cnt\":1,\"pric\":%s,"
		        "\"bilg_dept_codg\":\"A03\",\"bilg_dept_name\":\"内科\",\"bilg_dr_codg\":\"D33021300011\","
		        "\"bilg_dr_name\":\"示例医师\",\"hosp_appr_flag\":\"1\",\"rx_circ_flag\":\"0\"}",
		        i == 0 ? "" : ",", visit, i + 1, visit, visit, lines[i].code, lines[i].code, lines[i].amount,
		        lines[i].amount);
	return n + snprintf(out + n, size - (size_t)n, "]}");
}

static int input_of(enum load_op op, unsigned long long visit, char *out, size_t size)
{
	switch (op) {
	case LOAD_QUERY:
		return person(out, size, "330213197906152731", "示例甲");
	case LOAD_PERSON:
		return person(out, size, GUEST_CERTNO, "示例丙");
	case LOAD_REGISTER:
		return registration(out, size, visit);
	case LOAD_VISIT:
		return description(out, size, visit);
	case LOAD_FEES:
		return fees(out, size, visit);
	case LOAD_CROSS:
		return settlement(out, size, GUEST, GUEST_CERTNO, visit);
	default:
		return settlement(out, size, "33020000001000000123", "330213197906152731", n_requests);
	}
}

static char message[LOAD_BODY_BYTES];
static size_t n_message, msgid_at;

void load_body_file(const char *path)
{
	FILE *in = fopen(path, "r");
	size_t n_msgid = 0;
	const char *at;

	n_message = in == NULL ? 0 : fread(message, 1, sizeof(message), in);
	at = bench_json_value(message, n_message, "msgid", &n_msgid);
	if (in == NULL || n_message == sizeof(message) || at == NULL || n_msgid != 30) {
		fprintf(stderr, "bench_load: %s has no message of less than %zu octets\n", path, sizeof(message));
		exit(1);
	}
	msgid_at = (size_t)(at - message);
	fclose(in);
}

/* The file's, with a number of its own. */
static size_t from_file(char *out, const char *msgid)
{
	memcpy(out, message, n_message);
	memcpy(out + msgid_at, msgid, 30);
	return n_message;
}

size_t load_body(enum load_op op, uint64_t visit, char *out, size_t size)
{
	static const char *const numbers[LOAD_OPS] = { "1101", "2207", "1101", "2201", "2203", "2204", "2207" };
	char msgid[48], input[3072], device[230], signature[345];
	bool is_guest = op >= LOAD_PERSON;

	n_requests++;
	number(msgid);
	if (op == LOAD_FILE)
		return from_file(out, msgid);
	filler(device, sizeof(device) - 1);
	filler(signature, sizeof(signature) - 1);
	input_of(op, visit, input, sizeof(input));
	return (size_t)snprintf(out, size,
	        "{\"infno\":\"%s\",\"msgid\":\"%s\",\"mdtrtarea_admvs\":\"330213\",\"insuplc_admdvs\":\"%s\","
	        "\"recer_sys_code\":\"YBXT\",\"dev_no\":\"\",\"dev_safe_info\":\"%s\",\"cainfo\":\"%s\",\"signtype\":"
	        "\"\","
	        "\"infver\":\"V1.0\",\"opter_type\":\"1\",\"opter\":\"S0007\",\"opter_name\":\"收费员七\","
	        "\"inf_time\":\"%.4s-%.2s-%.2s %.2s:%.2s:%.2s\",\"fixmedins_code\":\"" INSTITUTION
	        "\",\"fixmedins_name\":\"示例市第一医院\",\"sign_no\":\"330200G0000012345678\",\"input\":%s}",
	        numbers[op], msgid, is_guest ? "310115" : "330213", device, signature, msgid + 12, msgid + 16,
	        msgid + 18, msgid + 20, msgid + 22, msgid + 24, input);
}

uint64_t load_visits(uint64_t n)
{
	static uint64_t next = 1;

	next += n;
	return next - n;
}
