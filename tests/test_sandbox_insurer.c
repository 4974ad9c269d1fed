/* tests/test_sandbox_insurer.c - the simulated insurer: what it takes, refuses, decides and pays (sandbox/insurer.h).
 *
 * Requests are signed as the profile says and given to insurer_handle() with a clock of the test's own. */
#include "hub.h"
#include "insurer.h"
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
#define NUMBER "TY20261120000000000001"
#define NOW INT64_C(1795160670123) /* 2026-11-20 15:44:30 +08:00, the composed sample's */
#define CERTNO "330299198804123029"

/* -- an insurer and its caller -- */

static struct desk {
	struct insurer_options options;
	struct insurer insurer;
	struct h2_answer answer;
	json_t *claim, *told, *ledger; /* told: the answer as a tree */
	int64_t now_ms;
	unsigned n_nonces;
} desk;

static int desk_open(void **state)
{
	desk = (struct desk){ .now_ms = NOW };
	desk.options = (struct insurer_options){ .rule = &product_ty,
		.app_id = "gw330299",
		.product = "TYYNB-2026",
		.pay_to = "PERSON",
		.special_drugs = "XL01SPECIAL",
		.decide_ms = 1000,
		.pay_ms = 500,
		.enrols_all = true };
	desk.insurer = (struct insurer){ .options = &desk.options,
		.book = insurer_book_new(&desk.options),
		.answers = json_object(),
		.nonces = json_object() };
	for (unsigned char i = 0; i < 32; i++)
		desk.insurer.keys.secret[i] = i;
	desk.insurer.keys.secret_len = 32;
	for (unsigned char i = 0; i < 16; i++)
		desk.insurer.keys.field[i] = (unsigned char)(i * 0x11);
	return 0;
}

static int desk_close(void **state)
{
	json_decref(desk.claim);
	json_decref(desk.told);
	json_decref(desk.ledger);
	free(desk.answer.body);
	insurer_end(&desk.insurer);
	return 0;
}

static json_t *sealed(const char *clear)
{
	static const unsigned char iv[16] = { 1, 2, 3 };
	char *text = insurer_seal_field(&desk.insurer.keys, clear, iv);
	json_t *value = json_string(text);

	free(text);
	return value;
}

static json_t *from_text(const char *text)
{
	json_error_t error;
	json_t *tree = json_loads(text, 0, &error);

	if (tree == NULL)
		fail_msg("%s", error.text);
	return tree;
}

/* A stay of 48632.15 of which the person bears 16586.33, with one fee line inside and one outside the catalogue. */
static json_t *a_claim(void)
{
	json_t *claim = from_text(
	        "{\"requestNo\":\"" NUMBER "\",\"claimType\":\"INPATIENT\",\"productCode\":\"TYYNB-2026\","
	        "\"consent\":{\"authNo\":\"SQ1\",\"authTime\":\"2026-11-14T10:21:33+08:00\","
	        "\"scope\":[\"SETTLEMENT\",\"FEE_DETAIL\",\"DIAGNOSIS\",\"INVOICE\"],\"channel\":\"FACE\","
	        "\"expireDate\":\"2027-12-31\","
	        "\"evidenceSm3\":\"651b96df59518f631ae23117c3b0db0b6971200a242f4dbc39f7be3065420a69\"},"
	        "\"insured\":{\"name\":\"林晚晴\",\"certType\":\"ID_CARD\",\"gender\":\"F\",\"birthday\":\"1988-04-12\","
	        "\"psnNo\":\"33029900000000000000000001\",\"insuAreaCode\":\"330299\"},"
	        "\"payee\":{\"relation\":\"SELF\",\"name\":\"林晚晴\",\"bankNo\":\"313332099026\",\"bankName\":\"示例银行\"},"
	        "\"visit\":{\"hospitalCode\":\"H33029900001\",\"hospitalName\":\"示例医院\",\"hospitalLevel\":\"3A\","
	        "\"visitNo\":\"V1\",\"medType\":\"21\",\"admitDate\":\"2026-11-14\",\"dischargeDate\":\"2026-11-20\","
	        "\"inpatientNo\":\"ZY1\",\"crossRegion\":false},"
	        "\"diagnoses\":[{\"seq\":1,\"main\":true,\"code\":\"K80.100\",\"name\":\"胆囊结石\"}],"
	        "\"settlement\":{\"setlId\":\"S1\",\"setlTime\":\"2026-11-20T15:42:10+08:00\",\"totalFee\":4863215,"
	        "\"basicFundPay\":2894062,\"seriousIllnessPay\":310520,\"medicalAidPay\":0,\"otherFundPay\":0,"
	        "\"fundPayTotal\":3204582,\"acctPay\":120000,\"cashPay\":1538633,\"selfInList\":791843,\"preSelf\":141250,"
	        "\"overLimitSelf\":35540,\"selfOutList\":690000},"
	        "\"invoices\":[{\"billCode\":\"33060126\",\"billNo\":\"0012345678\",\"checkCode\":\"a1b2c3\","
	        "\"issueDate\":\"2026-11-20\",\"amount\":4863215}],"
	        "\"feeItems\":[{\"seq\":1,\"catalog\":\"SERVICE\",\"listCode\":\"001\",\"name\":\"手术\",\"chargeLevel\":\"A\","
	        "\"selfRatio\":\"0.0000\",\"qty\":\"1.0000\",\"unitPrice\":4173215,\"amount\":4173215,\"selfOut\":0,"
	        "\"feeTime\":\"2026-11-16T11:20:00+08:00\"},"
	        "{\"seq\":2,\"catalog\":\"DRUG\",\"listCode\":\"XL01\",\"name\":\"靶向药\",\"chargeLevel\":\"C\","
	        "\"selfRatio\":\"1.0000\",\"qty\":\"2.0000\",\"unitPrice\":345000,\"amount\":690000,\"selfOut\":690000,"
	        "\"feeTime\":\"2026-11-17T09:00:00+08:00\"}],"
	        "\"callbackPath\":\"/insurer/ty/callback\"}");
	json_t *insured = json_object_get(claim, "insured");
	char digest[65];

	sm3_hex(CERTNO, strlen(CERTNO), digest);
	json_object_set_new(insured, "certNo", sealed(CERTNO));
	json_object_set_new(insured, "certNoSm3", json_string(digest));
	json_object_set_new(json_object_get(claim, "payee"), "bankAcctNo", sealed("6299993302000001017"));
	return claim;
}

/* What a request may have that it should not; NULL: as it must be. */
struct odd_head {
	const char *app_id, *time, *nonce, *algorithm, *mac, *key;
};

static void add(struct h2_request *r, const char *name, const char *value)
{
	r->headers[r->n_headers++] = (struct h2_header){ (char *)(uintptr_t)name, (char *)(uintptr_t)value };
}

static int send_odd(const char *method, const char *path, const char *body, const char *key, const struct odd_head *odd)
{
	struct h2_request r = { .method = (char *)(uintptr_t)method,
		.path = (char *)(uintptr_t)path,
		.body = (char *)(uintptr_t)body,
		.len = strlen(body) };
	const char *app_id = odd->app_id != NULL ? odd->app_id : "gw330299";
	char time[24], nonce[24], mac[65];

	text_format(time, sizeof(time), "%013lld", (long long)desk.now_ms);
	text_format(nonce, sizeof(nonce), "%016x", desk.n_nonces++);
	if (odd->time != NULL)
		text_format(time, sizeof(time), "%s", odd->time);
	if (odd->nonce != NULL)
		text_format(nonce, sizeof(nonce), "%s", odd->nonce);
	insurer_mac(&desk.insurer.keys, method, path, app_id, time, nonce, body, r.len, mac);
	add(&r, "content-type", "application/json");
	add(&r, "x-app-id", app_id);
	add(&r, "x-timestamp", time);
	add(&r, "x-nonce", nonce);
	add(&r, "x-sign-alg", odd->algorithm != NULL ? odd->algorithm : "HMAC-SM3");
	add(&r, "x-sign", odd->mac != NULL ? odd->mac : mac);
	add(&r, "x-ty-version", "1.1");
	add(&r, "idempotency-key", odd->key != NULL ? odd->key : key);
	free(desk.answer.body);
	desk.answer = (struct h2_answer){ .status = 0 };
	insurer_handle(&desk.insurer, &r, desk.now_ms, &desk.answer);
	json_decref(desk.told);
	desk.told = from_text(desk.answer.body);
	return desk.answer.status;
}

static int ask(const char *method, const char *path, json_t *body)
{
	static const struct odd_head usual = { NULL };
	char *text = body == NULL ? strdup("") : json_dumps(body, JSON_COMPACT);
	int status = send_odd(method, path, text, json_text(body, "requestNo"), &usual);

	free(text);
	return status;
}

static int hand_in(const char *number, const char *setl_id)
{
	json_decref(desk.claim);
	desk.claim = a_claim();
	json_object_set_new(desk.claim, "requestNo", json_string(number));
	json_object_set_new(json_object_get(desk.claim, "settlement"), "setlId", json_string(setl_id));
	return ask("POST", "/ins/v1/claims", desk.claim);
}

static const char *code(void)
{
	return json_text(desk.told, "code");
}

static const json_t *data(void)
{
	return json_object_get(desk.told, "data");
}

static const char *status_after(int64_t ms)
{
	desk.now_ms = NOW + ms;
	assert_int_equal(ask("GET", "/ins/v1/claims?requestNo=" NUMBER, NULL), 200);
	return json_text(data(), "status");
}

static const char *answer_header(const char *name)
{
	for (size_t i = 0; i < desk.answer.n_headers; i++)
		if (strcmp(desk.answer.headers[i].name, name) == 0)
			return desk.answer.headers[i].value;
	return "";
}

/* -- the composed vectors -- */

static char *composed(const char *name, size_t *len)
{
	char path[200];

	text_format(path, sizeof(path), COMPOSED "%s", name);
	if (access(path, R_OK) == 0)
		return file_read(path, len);
	print_message("%s is not there\n", path);
	skip();
	return NULL;
}

static void the_composed_claim_is_taken(void **state)
{
	size_t len;
	char *body = composed("ty_claim_req.json", &len);
	const struct odd_head head = {
		.nonce = "7f3c1a9e5b2d4c68",
		.mac = "dfab5982092591927dc3c8c7da87c3a3e20ed556fa2f0f9e1892caee33b23dbf",
	};

	assert_int_equal(send_odd("POST", "/ins/v1/claims", body, NUMBER, &head), 202);
	assert_string_equal(json_text(data(), "status"), "RECEIVED");
	assert_string_equal(status_after(1000), "ADJUDICATED");
	assert_int_equal(json_number(json_object_get(data(), "result"), "payable", 0), 372626);
	free(body);
}

static void the_composed_event_has_the_signature_we_make(void **state)
{
	size_t len;
	char *body = composed("ty_callback.json", &len), mac[65];

	insurer_mac(&desk.insurer.keys, "POST", "/insurer/ty/callback", "gw330299", "1795162124500", "a1c4e8f00b2d4c69",
	        body, len, mac);
	assert_string_equal(mac, "55940e74146b02107df760cd91b236eaf69d233e35021d194c6380af2dd6fb40");
	free(body);
}

static void an_answer_is_signed(void **state)
{
	char mac[65];

	assert_int_equal(hand_in(NUMBER, "S1"), 202);
	insurer_mac(&desk.insurer.keys, "RESPONSE\n202", "/ins/v1/claims", "gw330299", answer_header("x-timestamp"),
	        answer_header("x-nonce"), desk.answer.body, desk.answer.len, mac);
	assert_string_equal(answer_header("x-sign"), mac);
	assert_string_equal(answer_header("x-sign-alg"), "HMAC-SM3");
}

/* -- who asks -- */

static const struct head_case {
	const char *it; /* completes "a request ..." */
	struct odd_head head;
	const char *code;
	int status;
} head_cases[] = {
	{ "of an unknown caller is A0004", { .app_id = "gw1" }, "A0004", 403 },
	{ "301 s old is A0002", { .time = "1795160369123" }, "A0002", 401 },
	{ "with 12 digits of time is A0002", { .time = "179516067012" }, "A0002", 401 },
	{ "with a short nonce is B1001", { .nonce = "7f3c1a9e5b2d4c6" }, "B1001", 400 },
	{ "with another algorithm is A0001", { .algorithm = "HMAC-SHA256" }, "A0001", 401 },
	{ "with another signature is A0001",
	        { .mac = "dfab5982092591927dc3c8c7da87c3a3e20ed556fa2f0f9e1892caee33b23dbf" }, "A0001", 401 },
	{ "with another key than its number is B1001", { .key = "TY20261120000000000009" }, "B1001", 400 },
};

static void test_head(void **state)
{
	const struct head_case *row = *state;
	char *body;

	desk_open(NULL);
	desk.claim = a_claim();
	body = json_dumps(desk.claim, JSON_COMPACT);
	assert_int_equal(send_odd("POST", "/ins/v1/claims", body, NUMBER, &row->head), row->status);
	assert_string_equal(code(), row->code);
	free(body);
	desk_close(NULL);
}

static void a_nonce_serves_once_in_ten_minutes(void **state)
{
	const struct odd_head head = { .nonce = "7f3c1a9e5b2d4c68" };
	const char *path = "/ins/v1/claims?requestNo=" NUMBER;

	assert_int_equal(send_odd("GET", path, "", "", &head), 404);
	assert_int_equal(send_odd("GET", path, "", "", &head), 401);
	assert_string_equal(code(), "A0003");
	desk.now_ms += INSURER_NONCE_MS;
	assert_int_equal(send_odd("GET", path, "", "", &head), 404);
}

/* -- what is refused -- */

static const struct refusal_case {
	const char *it;            /* completes "a claim ..." */
	const char *where, *value; /* object.member; JSON, NULL: left out */
	const char *code;
	int rule;
} refusal_cases[] = {
	{ "whose funds do not add up breaks rule 1", "settlement.medicalAidPay", "1", "B1002", 1 },
	{ "whose payers do not add up breaks rule 2", "settlement.totalFee", "4863216", "B1002", 2 },
	{ "whose own parts do not add up breaks rule 3", "settlement.preSelf", "141251", "B1002", 3 },
	{ "whose line is not quantity times price breaks rule 4", "feeItems.qty", "\"1.0001\"", "B1002", 4 },
	{ "whose lines say another own part breaks rule 5", "feeItems.selfOut", "1", "B1002", 5 },
	{ "whose invoice is too small breaks rule 6", "invoices.amount", "4863214", "B1002", 6 },
	{ "without a name is B1001", "insured.name", NULL, "B1001", 0 },
	{ "with a null name is B1001", "insured.name", "null", "B1001", 0 },
	{ "with an amount as text is B1001", "settlement.cashPay", "\"1538633\"", "B1001", 0 },
	{ "with a negative amount is B1001", "settlement.cashPay", "-1", "B1001", 0 },
	{ "with an unknown code is B1001", "visit.hospitalLevel", "\"4A\"", "B1001", 0 },
	{ "with 31 characters of a number is B1001", "visit.visitNo", "\"1234567890123456789012345678901\"", "B1001",
	        0 },
	{ "with a 30 February is B1001", "visit.admitDate", "\"2026-02-30\"", "B1001", 0 },
	{ "with a time without offset is B1001", "settlement.setlTime", "\"2026-11-20T15:42:10\"", "B1001", 0 },
	{ "with a quantity of two places is B1001", "feeItems.qty", "\"1.00\"", "B1001", 0 },
	{ "with a number in clear is B1003", "insured.certNo", "\"" CERTNO "\"", "B1003", 0 },
	{ "with another digest is B1001", "insured.certNoSm3",
	        "\"1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b\"", "B1001", 0 },
	{ "without a main diagnosis is B1001", "diagnoses.main", "false", "B1001", 0 },
	{ "of a stay without its number is B1001", "visit.inpatientNo", NULL, "B1001", 0 },
	{ "discharged before admission is B1001", "visit.dischargeDate", "\"2026-11-13\"", "B1001", 0 },
	{ "settled before discharge is B1001", "settlement.setlTime", "\"2026-11-19T15:42:10+08:00\"", "B1001", 0 },
	{ "whose consent has ended is B2004", "consent.expireDate", "\"2026-11-19\"", "B2004", 0 },
	{ "whose consent begins tomorrow is B2004", "consent.authTime", "\"2026-11-21T10:00:00+08:00\"", "B2004", 0 },
	{ "with lines outside the consent is B2004", "consent.scope", "[\"SETTLEMENT\",\"DIAGNOSIS\",\"INVOICE\"]",
	        "B2004", 0 },
	{ "whose consent lacks the settlement is B2004", "consent.scope", "[\"FEE_DETAIL\",\"DIAGNOSIS\",\"INVOICE\"]",
	        "B2004", 0 },
};

static void test_refusal(void **state)
{
	const struct refusal_case *row = *state;
	const char *dot = strchr(row->where, '.');
	char node[32];
	json_t *object;

	desk_open(NULL);
	desk.claim = a_claim();
	text_format(node, sizeof(node), "%.*s", (int)(dot - row->where), row->where);
	object = json_object_get(desk.claim, node);
	object = json_is_array(object) ? json_array_get(object, 0) : object;
	json_object_del(object, dot + 1);
	if (row->value != NULL)
		json_object_set_new(object, dot + 1, json_loads(row->value, JSON_DECODE_ANY, NULL));
	ask("POST", "/ins/v1/claims", desk.claim);
	assert_string_equal(code(), row->code);
	assert_int_equal(json_number(data(), "rule", 0), row->rule);
	assert_int_equal(insurer_status(code()), desk.answer.status);
	desk_close(NULL);
}

/* -- the rule -- */

static const struct rule_case {
	const char *it; /* completes "a decision ..." */
	int64_t self_in, pre_self, over, self_out, used_in, used_out;
	const char *list_code; /* of the line outside the catalogue */
	int64_t in, out, special;
} rule_cases[] = {
	{ "is the example's", 791843, 141250, 35540, 690000, 0, 0, "XL01", 259856, 112770, 0 },
	{ "below both deductibles is nothing", 400000, 99999, 0, 500000, 0, 0, "XL01", 0, 0, 0 },
	{ "one fen above rounds half up", 500001, 0, 0, 500001, 0, 0, "XL01", 1, 1, 0 },
	{ "goes on where the year's deductible stands", 300000, 0, 0, 300000, 400000, 500000, "XL01", 120000, 150000,
	        0 },
	{ "of a special drug has no deductible", 0, 0, 0, 690001, 0, 0, "XL01SPECIAL", 0, 0, 345001 },
};

static void test_rule(void **state)
{
	const struct rule_case *row = *state;
	json_t *s, *used, *got, *list;
	const int64_t pays[] = { row->in, row->out, row->special };

	desk_open(NULL);
	desk.claim = a_claim();
	s = json_object_get(desk.claim, "settlement");
	json_object_set_new(s, "selfInList", json_integer(row->self_in));
	json_object_set_new(s, "preSelf", json_integer(row->pre_self));
	json_object_set_new(s, "overLimitSelf", json_integer(row->over));
	json_object_set_new(s, "selfOutList", json_integer(row->self_out));
	s = json_array_get(json_object_get(desk.claim, "feeItems"), 1);
	json_object_set_new(s, "listCode", json_string(row->list_code));
	json_object_set_new(s, "selfOut", json_integer(row->self_out));
	used = insurer_deductibles(desk.insurer.book, CERTNO, "2026");
	json_object_set_new(used, "IN_LIST", json_integer(row->used_in));
	json_object_set_new(used, "OUT_LIST", json_integer(row->used_out));
	got = insurer_reckon(desk.insurer.book, desk.claim, CERTNO);
	list = json_object_get(got, "liabilities");
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(json_number(json_array_get(list, i), "pay", -1), pays[i]);
	assert_int_equal(json_number(got, "payable", -1), row->in + row->out + row->special);
	json_decref(got);
	desk_close(NULL);
}

static void a_deductible_is_borne_once_a_year(void **state)
{
	assert_int_equal(hand_in(NUMBER, "S1"), 202);
	assert_string_equal(status_after(1000), "ADJUDICATED");
	assert_int_equal(hand_in("TY20261120000000000002", "S2"), 202);
	desk.now_ms += 1000;
	ask("GET", "/ins/v1/claims?requestNo=TY20261120000000000002", NULL);
	assert_string_equal(json_text(data(), "status"), "REJECTED"); /* the same invoice */
	assert_string_equal(json_text(json_object_get(data(), "result"), "refuseCode"), "R104");
	assert_int_equal(json_number(insurer_deductibles(desk.insurer.book, CERTNO, "2026"), "IN_LIST", 0), 500000);
}

/* -- keys and states -- */

static void a_key_gives_the_first_answer_again(void **state)
{
	char first[400];

	assert_int_equal(hand_in(NUMBER, "S1"), 202);
	text_format(first, sizeof(first), "%s", desk.answer.body);
	assert_string_equal(status_after(5000), "PAID");
	assert_int_equal(ask("POST", "/ins/v1/claims", desk.claim), 200);
	assert_string_equal(answer_header("x-replay"), "1");
	assert_string_equal(desk.answer.body, first);
	json_object_set_new(desk.claim, "policyNo", json_string("P2"));
	assert_int_equal(ask("POST", "/ins/v1/claims", desk.claim), 409);
	assert_string_equal(code(), "B3001");
}

static int withdraw(const char *claim_no, const char *number)
{
	char path[80];
	json_t *body = json_pack("{s:s, s:s}", "requestNo", number, "reason", "SETL_REVERSED");
	int status;

	text_format(path, sizeof(path), "/ins/v1/claims/%s/withdraw", claim_no);
	status = ask("POST", path, body);
	json_decref(body);
	return status;
}

static void a_settlement_is_claimed_once_until_withdrawn(void **state)
{
	char claim_no[25];

	assert_int_equal(hand_in(NUMBER, "S1"), 202);
	text_format(claim_no, sizeof(claim_no), "%s", json_text(data(), "claimNo"));
	assert_int_equal(hand_in("TY20261120000000000002", "S1"), 409);
	assert_string_equal(code(), "B2007");
	assert_string_equal(json_text(data(), "claimNo"), claim_no);
	assert_int_equal(withdraw(claim_no, "TY20261120000000000003"), 200);
	assert_string_equal(json_text(data(), "status"), "REJECTED");
	assert_int_equal(withdraw(claim_no, "TY20261120000000000003"), 200);
	assert_string_equal(answer_header("x-replay"), "1");
	assert_int_equal(withdraw(claim_no, "TY20261120000000000004"), 409);
	assert_string_equal(code(), "B3003");
	assert_int_equal(hand_in("TY20261120000000000002", "S1"), 202);
}

static void a_claim_runs_to_payment(void **state)
{
	char claim_no[25];

	assert_int_equal(hand_in(NUMBER, "S1"), 202);
	text_format(claim_no, sizeof(claim_no), "%s", json_text(data(), "claimNo"));
	assert_string_equal(status_after(499), "RECEIVED");
	assert_string_equal(status_after(500), "ACCEPTED");
	assert_string_equal(status_after(999), "ACCEPTED");
	assert_string_equal(status_after(1000), "ADJUDICATED");
	assert_string_equal(status_after(1499), "ADJUDICATED");
	assert_string_equal(status_after(1500), "PAID");
	assert_int_equal(json_number(json_object_get(data(), "payment"), "amount", 0), 372626);
	assert_string_equal(json_text(json_object_get(data(), "payment"), "acctTail"), "1017");
	assert_int_equal(withdraw(claim_no, "TY20261120000000000003"), 409);
	assert_string_equal(code(), "B3003");
}

static void a_withdrawn_decision_gives_its_deductible_back(void **state)
{
	char claim_no[25];

	assert_int_equal(hand_in(NUMBER, "S1"), 202);
	text_format(claim_no, sizeof(claim_no), "%s", json_text(data(), "claimNo"));
	assert_string_equal(status_after(1000), "ADJUDICATED");
	assert_int_equal(withdraw(claim_no, "TY20261120000000000003"), 200);
	assert_int_equal(json_number(insurer_deductibles(desk.insurer.book, CERTNO, "2026"), "IN_LIST", -1), 0);
	assert_string_equal(status_after(9000), "REJECTED");
}

static void who_is_not_enrolled_is_rejected(void **state)
{
	desk.options.enrols_all = false;
	assert_int_equal(hand_in(NUMBER, "S1"), 202);
	assert_string_equal(status_after(500), "REJECTED");
	insurer_person_add(desk.insurer.book, CERTNO, "林晚晴");
	assert_int_equal(hand_in("TY20261120000000000002", "S2"), 202);
	insurer_person_add(desk.insurer.book, CERTNO, "另一人");
	assert_int_equal(hand_in("TY20261120000000000003", "S3"), 422);
	assert_string_equal(code(), "B2003");
}

/* By digest, as the profile has them; of a day, with their number. */
static void its_list_has_its_people(void **state)
{
	char *list;

	insurer_person_add(desk.insurer.book, CERTNO, "林晚晴");
	list = insurer_list(desk.insurer.book, insurer_time_read("2026-11-22T00:30:00+08:00"));
	assert_string_equal(
	        list, "#day 2026-11-22\n#count 1\nbbda0b1a86126b7c62f8e61bdb84bfd79c4b739a926f9432526bfd259947e1c4\n");
	free(list);
}

static void the_gateway_pays_on_mandate(void **state)
{
	json_t *body = from_text("{\"requestNo\":\"TY20261120000000000005\",\"payoutNo\":\"P1\",\"status\":\"PAID\","
	                         "\"payTime\":\"2026-11-21T09:00:00+08:00\",\"bankSerial\":\"B1\",\"amount\":372625}");
	char path[80];

	desk.options.is_paid_by_gateway = true;
	assert_int_equal(hand_in(NUMBER, "S1"), 202);
	text_format(path, sizeof(path), "/ins/v1/claims/%s/payment", json_text(data(), "claimNo"));
	assert_string_equal(status_after(90000), "ADJUDICATED");
	assert_string_equal(json_text(json_object_get(data(), "result"), "payBy"), "GATEWAY");
	assert_int_equal(ask("POST", path, body), 400); /* a fen short */
	json_object_set_new(body, "amount", json_integer(372626));
	assert_int_equal(ask("POST", path, body), 200);
	assert_string_equal(status_after(90001), "PAID");
	json_decref(body);
}

static void a_day_has_the_claims_that_moved_on_it(void **state)
{
	const int64_t day_ms = INT64_C(86400000);

	desk.options.pay_ms = 2 * day_ms; /* received and decided on the 20th, paid on the 22nd */
	assert_int_equal(hand_in(NUMBER, "S1"), 202);
	desk.now_ms += 3 * day_ms;
	assert_int_equal(ask("GET", "/ins/v1/reconciliation/2026-11-20", NULL), 200);
	assert_int_equal(json_number(data(), "total", -1), 1);
	assert_int_equal(ask("GET", "/ins/v1/reconciliation/2026-11-21?page=1", NULL), 200);
	assert_int_equal(json_number(data(), "total", -1), 0);
	assert_int_equal(ask("GET", "/ins/v1/reconciliation/2026-11-22?page=1", NULL), 200);
	assert_int_equal(json_array_size(json_object_get(data(), "claims")), 1);
	assert_int_equal(ask("GET", "/ins/v1/reconciliation/2026-11-22?page=2", NULL), 200);
	assert_int_equal(json_array_size(json_object_get(data(), "claims")), 0);
}

/* Its list of a day as it is told to be, in the list only; and a row of a claim that it does not have. */
static void a_list_of_a_day_says_otherwise(void **state)
{
	json_t *said = json_pack(
	        "{s:s, s:s, s:s, s:i}", "setl_id", "S1", "day", "2026-11-25", "status", "REJECTED", "payable", 7);
	const char *claim_no;
	char path[80];

	assert_int_equal(hand_in(NUMBER, "S1"), 202);
	claim_no = json_text(data(), "claimNo");
	text_format(path, sizeof(path), "/ins/v1/claims/%s", claim_no);
	insurer_say(desk.insurer.book, said);
	json_object_set_new(said, "setl_id", json_string("S9"));
	insurer_say(desk.insurer.book, said);
	json_decref(said);
	assert_int_equal(ask("GET", "/ins/v1/reconciliation/2026-11-25?page=1", NULL), 200);
	assert_int_equal(json_array_size(json_object_get(data(), "claims")), 2);
	for (size_t i = 0; i < 2; i++) {
		const json_t *row = json_array_get(json_object_get(data(), "claims"), i);

		assert_string_equal(json_text(row, "setlId"), i == 0 ? "S1" : "S9");
		assert_string_equal(json_text(row, "status"), "REJECTED");
		assert_int_equal(json_number(json_object_get(row, "result"), "payable", -1), 7);
	}
	assert_int_equal(ask("GET", path, NULL), 200);
	assert_string_equal(json_text(data(), "status"), "RECEIVED");
}

/* The total of the claim ends in cents; the basic fund pays the difference. */
static int hand_in_ending(int cents)
{
	static const char *const in_settlement[] = { "totalFee", "basicFundPay", "fundPayTotal" };
	json_t *s, *line, *bill;

	desk.options.has_amount_faults = true;
	json_decref(desk.claim);
	desk.claim = a_claim();
	s = json_object_get(desk.claim, "settlement");
	line = json_array_get(json_object_get(desk.claim, "feeItems"), 0);
	bill = json_array_get(json_object_get(desk.claim, "invoices"), 0);
	for (size_t i = 0; i < 3; i++)
		json_object_set_new(
		        s, in_settlement[i], json_integer(json_number(s, in_settlement[i], 0) - 15 + cents));
	json_object_set_new(line, "unitPrice", json_integer(4173200 + cents));
	json_object_set_new(line, "amount", json_integer(4173200 + cents));
	json_object_set_new(bill, "amount", json_integer(4863200 + cents));
	return ask("POST", "/ins/v1/claims", desk.claim);
}

static const json_t *ledger_row(size_t i)
{
	json_decref(desk.ledger);
	desk.ledger = insurer_ledger(desk.insurer.book);
	return json_array_get(json_object_get(desk.ledger, "claims"), i);
}

static void an_amount_asks_for_documents(void **state)
{
	json_t *body = from_text("{\"requestNo\":\"TY20261120000000000005\",\"docs\":[{\"type\":\"INVOICE_IMAGE\","
	                         "\"fileName\":\"a.png\",\"mime\":\"image/png\",\"content\":\"YWJj\","
	                         "\"sm3\":\"66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0\"}]}");
	char path[80];

	assert_int_equal(hand_in_ending(81), 202);
	text_format(path, sizeof(path), "/ins/v1/claims/%s/documents", json_text(data(), "claimNo"));
	assert_string_equal(status_after(9000), "PENDING_DOCS");
	assert_string_equal(json_text(json_array_get(json_object_get(data(), "docs"), 0), "type"), "INVOICE_IMAGE");
	assert_int_equal(ask("POST", path, body), 200);
	assert_string_equal(status_after(20000), "PAID");
	json_decref(body);
}

static size_t n_changed(void)
{
	json_t *tree = insurer_changes(desk.insurer.book);
	size_t n = json_array_size(json_object_get(tree, "claims"));

	json_decref(tree);
	return n;
}

/* Also when only its payments are more. */
static void what_changed_is_told_once(void **state)
{
	assert_int_equal(hand_in_ending(88), 202);
	assert_int_equal(n_changed(), 1);
	assert_int_equal(n_changed(), 0);
	assert_string_equal(status_after(1500), "PAID");
	assert_int_equal(n_changed(), 1);
	assert_string_equal(status_after(2000), "PAID");
	assert_int_equal(n_changed(), 1);
	assert_int_equal(n_changed(), 0);
}

static void an_amount_has_its_payment_come_back(void **state)
{
	assert_int_equal(hand_in_ending(88), 202);
	assert_string_equal(status_after(1500), "PAID");
	assert_string_equal(json_text(json_object_get(data(), "payment"), "payState"), "PAID");
	assert_string_equal(status_after(2000), "PAID");
	assert_string_equal(json_text(json_object_get(data(), "payment"), "payState"), "RETURNED");
	assert_string_equal(status_after(2500), "PAID");
	assert_string_equal(json_text(json_object_get(data(), "payment"), "payState"), "PAID");
	assert_int_equal(json_array_size(json_object_get(ledger_row(0), "payments")), 3);
	assert_int_equal(json_number(ledger_row(0), "paid", 0), json_number(ledger_row(0), "payable", -1));
}

static void an_amount_is_taken_and_refused_as_taken(void **state)
{
	assert_int_equal(hand_in_ending(89), 409);
	assert_string_equal(code(), "B2007");
	assert_string_equal(json_text(data(), "claimNo"), "TYC2026112000000001");
	assert_string_equal(status_after(1500), "PAID");
}

static void check_events(int cents, const int64_t *sequence, size_t n)
{
	desk.options.callback_url = "https://gateway";
	assert_int_equal(hand_in_ending(cents), 202);
	assert_string_equal(status_after(9000), "PAID");
	for (size_t i = 0; i < n; i++) {
		json_t *row = insurer_event_next(desk.insurer.book);

		assert_string_equal(json_text(row, "path"), "/insurer/ty/callback");
		assert_int_equal(json_number(json_object_get(row, "event"), "eventSeq", 0), sequence[i]);
		json_decref(row);
	}
	assert_null(insurer_event_next(desk.insurer.book));
}

static void each_move_is_told(void **state)
{
	check_events(0, (const int64_t[]){ 1, 2, 3, 4 }, 4);
}

static void an_amount_is_told_nothing(void **state)
{
	check_events(83, NULL, 0);
}

static void an_amount_is_told_twice_and_backwards(void **state)
{
	check_events(84, (const int64_t[]){ 4, 4, 3, 3, 2, 2, 1, 1 }, 8);
}

static void only_ty_11_quotes(void **state)
{
	json_t *body = a_claim();

	assert_int_equal(ask("POST", "/ins/v1/claims/quote", body), 404);
	desk.options.is_11 = true;
	json_object_del(body, "invoices");
	json_object_del(body, "payee");
	json_object_del(json_object_get(body, "settlement"), "setlId");
	json_object_del(json_object_get(body, "settlement"), "setlTime");
	assert_int_equal(ask("POST", "/ins/v1/claims/quote", body), 200);
	assert_int_equal(json_number(data(), "payable", 0), 372626);
	assert_string_equal(json_text(data(), "payTo"), "PERSON");
	assert_int_equal(json_number(insurer_deductibles(desk.insurer.book, CERTNO, "2026"), "IN_LIST", -1), 0);
	json_decref(body);
}

static void a_decision_may_come_at_once(void **state)
{
	desk.options.is_11 = true;
	desk.claim = a_claim();
	json_object_set_new(desk.claim, "mode", json_string("SYNC"));
	assert_int_equal(ask("POST", "/ins/v1/claims", desk.claim), 200);
	assert_string_equal(json_text(data(), "status"), "ADJUDICATED");
	assert_int_equal(json_number(json_object_get(data(), "result"), "payable", 0), 372626);
	assert_int_equal(desk.answer.delay_ms, 1000);
}

/* Only a hospital it has agreed with is paid, and only what is decided before that has collected all; but for its
 * quotes. */
static void an_agreed_hospital_is_paid_at_once(void **state)
{
	static const struct {
		const char *hospitals, *mode, *pays;
		int status;
		const char *mandate_banks; /* a mandate is to pay the person */
	} rows[] = { { "H3302,H33029900001", "SYNC", "INSTITUTION", 200, NULL },
		{ "H330299", "SYNC", "PERSON", 200, NULL }, { "H33029900001", "ASYNC", "PERSON", 202, NULL },
		{ "H33029900001", "SYNC", "PERSON", 200, "313332" } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		desk_close(NULL);
		desk_open(NULL);
		desk.options.is_11 = true;
		desk.options.sync_ms = 300;
		desk.options.hospitals = rows[i].hospitals;
		desk.options.mandate_banks = rows[i].mandate_banks;
		desk.claim = a_claim();
		json_object_set_new(desk.claim, "mode", json_string(rows[i].mode));
		assert_int_equal(ask("POST", "/ins/v1/claims", desk.claim), rows[i].status);
		assert_int_equal(desk.answer.delay_ms, rows[i].status == 200 ? 300 : 0);
		assert_string_equal(status_after(1500), rows[i].mandate_banks == NULL ? "PAID" : "ADJUDICATED");
		assert_string_equal(json_text(json_object_get(data(), "result"), "payTo"), rows[i].pays);
	}
}

/* With a mandate for some banks only: who pays follows from the payee's bank. */
static void a_bank_decides_who_pays(void **state)
{
	desk.options.mandate_banks = "402,313332";
	assert_int_equal(hand_in(NUMBER, "S1"), 202);
	assert_string_equal(status_after(1500), "ADJUDICATED");
	assert_string_equal(json_text(json_object_get(data(), "result"), "payBy"), "GATEWAY");
	assert_string_equal(status_after(9000), "ADJUDICATED");
	desk.options.mandate_banks = "402,3133321";
	desk.now_ms = NOW + 10000;
	desk.claim = (json_decref(desk.claim), a_claim());
	json_object_set_new(desk.claim, "requestNo", json_string("TY20261120000000000002"));
	json_object_set_new(json_object_get(desk.claim, "settlement"), "setlId", json_string("S2"));
	json_object_set_new(
	        json_array_get(json_object_get(desk.claim, "invoices"), 0), "billNo", json_string("0012345679"));
	assert_int_equal(ask("POST", "/ins/v1/claims", desk.claim), 202);
	desk.now_ms = NOW + 12000;
	assert_int_equal(ask("GET", "/ins/v1/claims?requestNo=TY20261120000000000002", NULL), 200);
	assert_string_equal(json_text(json_object_get(data(), "result"), "payBy"), "INSURER");
	assert_string_equal(json_text(data(), "status"), "PAID");
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
		DESK(the_composed_claim_is_taken),
		DESK(the_composed_event_has_the_signature_we_make),
		DESK(an_answer_is_signed),
		DESK(a_nonce_serves_once_in_ten_minutes),
		DESK(a_deductible_is_borne_once_a_year),
		DESK(a_key_gives_the_first_answer_again),
		DESK(a_settlement_is_claimed_once_until_withdrawn),
		DESK(a_claim_runs_to_payment),
		DESK(a_withdrawn_decision_gives_its_deductible_back),
		DESK(who_is_not_enrolled_is_rejected),
		DESK(its_list_has_its_people),
		DESK(the_gateway_pays_on_mandate),
		DESK(a_bank_decides_who_pays),
		DESK(a_day_has_the_claims_that_moved_on_it),
		DESK(a_list_of_a_day_says_otherwise),
		DESK(an_amount_asks_for_documents),
		DESK(what_changed_is_told_once),
		DESK(an_amount_has_its_payment_come_back),
		DESK(an_amount_is_taken_and_refused_as_taken),
		DESK(each_move_is_told),
		DESK(an_amount_is_told_nothing),
		DESK(an_amount_is_told_twice_and_backwards),
		DESK(only_ty_11_quotes),
		DESK(a_decision_may_come_at_once),
		DESK(an_agreed_hospital_is_paid_at_once),
	};
	struct CMUnitTest tests[N(fixed) + N(head_cases) + N(refusal_cases) + N(rule_cases)];
	size_t n = N(fixed);

	memcpy(tests, fixed, sizeof(fixed));
	ROWS(head_cases, test_head);
	ROWS(refusal_cases, test_refusal);
	ROWS(rule_cases, test_rule);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
