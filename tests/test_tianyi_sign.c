/* The header fields of 天一甬宁保 (insurer.md 6.2): the composed signatures, what each call is sent as, and what is not
 * believed. */
#include "insurer_peer.h"

#define PLUGIN YT_PLUGIN_DIR "/tianyi.so"
#define EVENT_MS INT64_C(1795162124500)
#define EVENT_MAC "55940e74146b02107df760cd91b236eaf69d233e35021d194c6380af2dd6fb40"
#define NUMBER "TY20261120000000000001"

static const char *const usual[] = { "app_id", "gw330299", "key", "mac", "field_key", "field", "version", "1.1", NULL };
static const char *const old[] = { "app_id", "gw330299", "key", "mac", "field_key", "field", NULL };

/* Those of ty_callback.headers.txt. */
static const char *const event_headers[][2] = {
	{ "content-type", "application/json" },
	{ "x-app-id", "gw330299" },
	{ "x-timestamp", "1795162124500" },
	{ "x-nonce", "a1c4e8f00b2d4c69" },
	{ "x-sign-alg", "HMAC-SM3" },
	{ "x-sign", EVENT_MAC },
};

static struct yt_str header_of(const struct yt_http *http, const char *name)
{
	for (size_t i = 0; i < http->n_headers; i++)
		if (yt_str_is(http->headers[i].name, name))
			return http->headers[i].value;
	return (struct yt_str){ NULL, 0 };
}

/* -- the vectors --------------------------------------------------------------------------------- */

/* The claim's signature by hand over its canonical text, so that the host's HMAC is the one meant. */
static void the_composed_text_has_the_composed_code(void **state)
{
	struct world w = world_open();
	struct yt_piece text = YT_PIECE(vector(&w, "ty_claim_req.canonical.txt"));
	struct yt_buf hex = { 0 };
	uint8_t mac[32];

	(void)state;
	assert_int_equal(keys_hmac(w.keys, YT_HMAC_SM3, YT_STR("mac"), &text, 1, mac), 0);
	yt_hex_add(&hex, mac, sizeof(mac), false);
	assert_text(kept(&w, &hex), "dfab5982092591927dc3c8c7da87c3a3e20ed556fa2f0f9e1892caee33b23dbf");
	world_close(&w);
}

static struct yt_http event(struct world *w, struct yt_header *headers)
{
	struct yt_http http = { .method = YT_STR("POST"), .path = YT_STR("/insurer/ty/callback"), .headers = headers };

	for (size_t i = 0; i < COUNT(event_headers); i++)
		headers[i] = (struct yt_header){ yt_str(event_headers[i][0]), yt_str(event_headers[i][1]) };
	http.n_headers = COUNT(event_headers);
	http.body = vector(w, "ty_callback.json");
	return http;
}

static void the_composed_event_is_believed_once(void **state)
{
	struct world w = world_open();
	struct yt_header headers[8];
	struct yt_http http = event(&w, headers);
	struct codec c = open_codec(&w, PLUGIN, usual);

	(void)state;
	assert_text(c.api->sender(c.plugin, headers, http.n_headers), "gw330299");
	assert_int_equal(c.api->http_verify(c.plugin, &http, YT_STR("mac"), EVENT_MS, &w.fault), 0);
	assert_int_equal(c.api->http_verify(c.plugin, &http, YT_STR("mac"), EVENT_MS, &w.fault), YT_EDENIED);
	assert_string_equal(w.fault.path, "x-nonce");
	assert_int_equal(c.api->http_verify(c.plugin, &http, YT_STR("mac"), EVENT_MS + 299000, &w.fault), YT_EDENIED);
	plugin_unload(c.plugin);
	world_close(&w);
}

/* -- what is not believed ------------------------------------------------------------------------ */

static const struct lie {
	const char *it;
	size_t header; /* of event_headers, replaced by value (NULL: taken out); 0: none */
	const char *value;
	const char *method, *path, *body_from, *body_to; /* NULL: as they are */
	const char *key;
	int64_t late_ms;
	const char *where; /* header named in the refusal */
} lies[] = {
	{ "another code", 5, "55940e74146b02107df760cd91b236eaf69d233e35021d194c6380af2dd6fb41", NULL, NULL, NULL, NULL,
	        "mac", 0, "x-sign" },
	{ "a code in capitals", 5, "55940E74146B02107DF760CD91B236EAF69D233E35021D194C6380AF2DD6FB40", NULL, NULL, NULL,
	        NULL, "mac", 0, "x-sign" },
	{ "half a code", 5, "55940e74146b0210", NULL, NULL, NULL, NULL, "mac", 0, "x-sign" },
	{ "no code", 5, NULL, NULL, NULL, NULL, NULL, "mac", 0, "x-sign" },
	{ "another amount", 0, NULL, NULL, NULL, "372626", "972626", "mac", 0, "x-sign" },
	{ "another path", 0, NULL, NULL, "/insurer/ty/callback?x=1", NULL, NULL, "mac", 0, "x-sign" },
	{ "another method", 0, NULL, "PUT", NULL, NULL, NULL, "mac", 0, "x-sign" },
	{ "another caller", 1, "gw330298", NULL, NULL, NULL, NULL, "mac", 0, "x-sign" },
	{ "no caller", 1, NULL, NULL, NULL, NULL, NULL, "mac", 0, "x-app-id" },
	{ "another time", 2, "1795162124501", NULL, NULL, NULL, NULL, "mac", 0, "x-sign" },
	{ "seconds for milliseconds", 2, "1795162124", NULL, NULL, NULL, NULL, "mac", 0, "x-timestamp" },
	{ "a time that is none", 2, "17951621245x0", NULL, NULL, NULL, NULL, "mac", 0, "x-timestamp" },
	{ "an old time", 0, NULL, NULL, NULL, NULL, NULL, "mac", 300001, "x-timestamp" },
	{ "a time to come", 0, NULL, NULL, NULL, NULL, NULL, "mac", -300001, "x-timestamp" },
	{ "another nonce", 3, "a1c4e8f00b2d4c68", NULL, NULL, NULL, NULL, "mac", 0, "x-sign" },
	{ "a short nonce", 3, "a1c4e8f00b2d4c6", NULL, NULL, NULL, NULL, "mac", 0, "x-nonce" },
	{ "a nonce in capitals", 3, "A1C4E8F00B2D4C69", NULL, NULL, NULL, NULL, "mac", 0, "x-nonce" },
	{ "another algorithm", 4, "HMAC-SHA256", NULL, NULL, NULL, NULL, "mac", 0, "x-sign-alg" },
	{ "another secret", 0, NULL, NULL, NULL, NULL, NULL, "other", 0, "x-sign" },
	{ "a secret that is not there", 0, NULL, NULL, NULL, NULL, NULL, "nobody", 0, "x-app-id" },
};

static void an_event_is_not_believed_with(void **state)
{
	const struct lie *row = *state;
	struct world w = world_open();
	struct yt_header headers[8];
	struct yt_http http = event(&w, headers);
	struct codec c = open_codec(&w, PLUGIN, usual);

	if (row->header != 0)
		headers[row->header].value = yt_str(row->value);
	if (row->method != NULL)
		http.method = yt_str(row->method);
	if (row->path != NULL)
		http.path = yt_str(row->path);
	http.body = changed(&w, http.body, row->body_from, row->body_to);
	assert_int_equal(
	        c.api->http_verify(c.plugin, &http, yt_str(row->key), EVENT_MS + row->late_ms, &w.fault), YT_EDENIED);
	assert_string_equal(w.fault.path, row->where);
	/* What was refused leaves no nonce behind. */
	http = event(&w, headers);
	assert_int_equal(c.api->http_verify(c.plugin, &http, YT_STR("mac"), EVENT_MS, &w.fault), 0);
	plugin_unload(c.plugin);
	world_close(&w);
}

static void a_header_twice_is_none(void **state)
{
	struct world w = world_open();
	struct yt_header headers[8];
	struct yt_http http = event(&w, headers);
	struct codec c = open_codec(&w, PLUGIN, usual);

	(void)state;
	headers[http.n_headers++] = (struct yt_header){ YT_STR("X-Sign"), YT_STR(EVENT_MAC) };
	assert_int_equal(c.api->http_verify(c.plugin, &http, YT_STR("mac"), EVENT_MS, &w.fault), YT_EDENIED);
	assert_string_equal(w.fault.path, "x-sign");
	plugin_unload(c.plugin);
	world_close(&w);
}

/* A core that gives header fields alone can neither sign nor check: nothing may pass by that. */
static void header_fields_alone_prove_nothing(void **state)
{
	struct world w = world_open();
	struct yt_header headers[8], made[8];
	struct yt_http http = event(&w, headers);
	struct codec c = open_codec(&w, PLUGIN, usual);

	(void)state;
	assert_int_equal(
	        c.api->verify(c.plugin, headers, http.n_headers, YT_STR("mac"), EVENT_MS, &w.fault), YT_EDENIED);
	assert_int_equal(c.api->sign(c.plugin, w.arena, EVENT_MS, made, 8), YT_ESTATE);
	plugin_unload(c.plugin);
	world_close(&w);
}

/* -- what we send -------------------------------------------------------------------------------- */

#define PERSON "\"psn_name\":\"林晚晴\",\"certno\":\"330299198804123029\""
#define DOC "\"docs\":[{\"doc_type\":\"01\",\"file_name\":\"a.pdf\",\"file_type\":\"pdf\",\"content\":\"MTIz\"}]"

static const struct call {
	enum yt_operation op;
	const char *body, *method, *path;
} calls[] = {
	{ YT_OP_CLAIM_ELIGIBILITY, "{\"data\":{" PERSON "}}", "POST", "/ins/v1/eligibility" },
	{ YT_OP_CLAIM_QUERY, "{\"data\":{\"claim_no\":\"TYC2026112000000917\"}}", "GET",
	        "/ins/v1/claims/TYC2026112000000917" },
	{ YT_OP_CLAIM_QUERY, "{\"data\":{\"request_no\":\"TY20261120000000000001\"}}", "GET",
	        "/ins/v1/claims?requestNo=TY20261120000000000001" },
	{ YT_OP_CLAIM_DOCUMENTS, "{\"data\":{\"claim_no\":\"C1\"}," DOC "}", "POST", "/ins/v1/claims/C1/documents" },
	{ YT_OP_CLAIM_WITHDRAW, "{\"data\":{\"claim_no\":\"C1\",\"withdraw_reason\":\"1\",\"new_setl_id\":\"S2\"}}",
	        "POST", "/ins/v1/claims/C1/withdraw" },
	{ YT_OP_CLAIM_PAYMENT,
	        "{\"data\":{\"claim_no\":\"C1\",\"payout_no\":\"P1\",\"pay_state\":\"PAID\",\"pay_time\":\"2026-11-21 09:00:00\","
	        "\"paid_amt\":1.00}}",
	        "POST", "/ins/v1/claims/C1/payment" },
	{ YT_OP_CLAIM_STATEMENT, "{\"data\":{\"stmt_date\":\"2026-11-20\",\"page\":\"2\"}}", "GET",
	        "/ins/v1/reconciliation/2026-11-20?page=2" },
};

static void a_call_is_sent_as_the_profile_has_it(void **state)
{
	const struct call *row = *state;
	struct world w = world_open();
	struct codec c = open_codec(&w, PLUGIN, usual), o = open_codec(&w, PLUGIN, old);
	struct yt_msg *msg = message(&w, row->op, NUMBER, "2026-11-20 16:00:00", json(&w, row->body));
	struct yt_str octets = encoded(&w, &c, msg);
	struct yt_header headers[12], others[12];
	struct yt_http first = { .headers = headers, .n_headers = 12 }, again = { .headers = others, .n_headers = 12 };
	bool is_get = strcmp(row->method, "GET") == 0;

	assert_int_equal(c.api->http_request(c.plugin, octets, YT_STR("/"), w.arena, EVENT_MS, &first), 0);
	assert_text(first.method, row->method);
	assert_text(first.path, row->path);
	assert_int_equal(first.body.n == 0, is_get);
	assert_text(header_of(&first, is_get ? "x-trace-id" : "idempotency-key"), NUMBER);
	assert_text(header_of(&first, "x-ty-version"), "1.1");
	assert_int_equal(c.api->http_verify(c.plugin, &first, YT_STR("mac"), EVENT_MS, &w.fault), 0);
	/* Another try is the same but for time, nonce and signature; an old insurer hears of no version. */
	assert_int_equal(o.api->http_request(o.plugin, octets, YT_STR("/"), w.arena, EVENT_MS + 1, &again), 0);
	assert_same(again.body, first.body);
	assert_false(yt_str_eq(header_of(&again, "x-nonce"), header_of(&first, "x-nonce")));
	assert_int_equal(header_of(&again, "x-ty-version").n, 0);
	/* A party behind a path of its own. */
	again.n_headers = 12;
	assert_int_equal(c.api->http_request(c.plugin, octets, YT_STR("/ty/"), w.arena, EVENT_MS, &again), 0);
	assert_true(yt_str_starts(again.path, "/ty/ins/v1/"));
	/* Read by who is asked, as the listener gives it. */
	if (!is_get)
		assert_text(decoded(&w, &c, first.body, row->path)->number, NUMBER);
	assert_int_equal(decoded(&w, &c, first.body, row->path)->op->id, row->op);
	plugin_unload(c.plugin);
	plugin_unload(o.plugin);
	world_close(&w);
}

static void octets_of_others_are_not_sent(void **state)
{
	static const char *const rows[] = { "", "{\"requestNo\":\"x\"}", "GET /else x\n",
		"POST /ins/v1/claims\n{\"a\":1}", "POST /ins/v1/claims/x/y/withdraw\n{}", "DELETE /ins/v1/claims\n" };
	struct world w = world_open();
	struct codec c = open_codec(&w, PLUGIN, usual);
	struct yt_header headers[12];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct yt_http http = { .headers = headers, .n_headers = 12 };

		assert_int_equal(c.api->http_request(c.plugin, yt_str(rows[i]), YT_STR("/"), w.arena, EVENT_MS, &http),
		        YT_EFORMAT);
	}
	plugin_unload(c.plugin);
	world_close(&w);
}

/* -- answers ------------------------------------------------------------------------------------- */

static const struct status_row {
	const char *code; /* NULL: done */
	enum yt_operation op;
	int status;
} statuses[] = {
	{ NULL, YT_OP_CLAIM_SUBMIT, 202 },
	{ NULL, YT_OP_CLAIM_QUERY, 200 },
	{ NULL, YT_OP_CLAIM_RESULT, 200 },
	{ "B3002", YT_OP_CLAIM_QUERY, 404 },
	{ "B2007", YT_OP_CLAIM_SUBMIT, 409 },
	{ "B1002", YT_OP_CLAIM_SUBMIT, 422 },
	{ "B1004", YT_OP_CLAIM_SUBMIT, 413 },
	{ "A0004", YT_OP_CLAIM_SUBMIT, 403 },
	{ "C5001", YT_OP_CLAIM_SUBMIT, 503 },
};

static void an_answer_is_signed_with_its_status_and_path(void **state)
{
	struct world w = world_open();
	struct codec c = open_codec(&w, PLUGIN, usual);

	(void)state;
	for (size_t i = 0; i < COUNT(statuses); i++) {
		const struct status_row *row = &statuses[i];
		struct yt_msg *msg = message(&w, row->op, NUMBER, "2026-11-20 16:00:00", json(&w, "{\"data\":{}}"));
		struct yt_reply *reply = yt_reply_new(w.arena);
		struct yt_header headers[8];
		struct yt_http http = { .headers = headers, .n_headers = 8 };
		struct yt_buf out = { 0 };
		struct yt_str octets;

		msg->path = YT_STR("/ins/v1/claims");
		reply->outcome = row->code == NULL ? YT_DONE : YT_REFUSED;
		reply->code = yt_str(row->code);
		reply->body =
		        json(&w, "{\"data\":{\"claim_no\":\"C1\",\"claim_state\":\"RECEIVED\",\"request_no\":\"" NUMBER
		                 "\",\"setl_id\":\"S1\"}}");
		assert_int_equal(c.api->encode_reply(c.plugin, msg, reply, &out), 0);
		octets = kept(&w, &out);
		assert_int_equal(
		        c.api->http_reply(c.plugin, msg, reply, octets, YT_STR("mac"), w.arena, EVENT_MS, &http), 0);
		assert_int_equal(http.status, row->status);
		assert_int_equal(c.api->http_verify_reply(c.plugin, octets, &http, EVENT_MS, &w.fault), 0);
		http.status++;
		assert_int_equal(c.api->http_verify_reply(c.plugin, octets, &http, EVENT_MS, &w.fault), YT_EDENIED);
		http.status--;
		http.path = YT_STR("/ins/v1/claims/quote");
		assert_int_equal(c.api->http_verify_reply(c.plugin, octets, &http, EVENT_MS, &w.fault), YT_EDENIED);
		http.path = msg->path;
		http.body = YT_STR("{\"code\":\"0\"} ");
		assert_int_equal(c.api->http_verify_reply(c.plugin, octets, &http, EVENT_MS, &w.fault), YT_EDENIED);
		http.body = octets;
		http.n_headers = 0;
		assert_int_equal(c.api->http_verify_reply(c.plugin, octets, &http, EVENT_MS, &w.fault), YT_EDENIED);
	}
	plugin_unload(c.plugin);
	world_close(&w);
}

/* -- telling ------------------------------------------------------------------------------------- */

static void a_signature_is_explained(void **state)
{
	static const struct {
		size_t header; /* of the event's, given value; 0: none */
		const char *value, *path, *says;
		int rv;
	} rows[] = {
		{ 0, NULL, "/insurer/ty/callback", "verified: yes, HMAC-SM3 with <secret mac>", 0 },
		{ 0, NULL, "/insurer/ty/other", "verified: no: 2 secrets were tried", YT_EDENIED },
		{ 0, NULL, "", "must begin with the request line", YT_EDENIED },
		{ 3, "a1c4e8f00b2d4c68", "/insurer/ty/callback", "verified: no", YT_EDENIED },
		{ 5, "", "/insurer/ty/callback", "", YT_ENOTFOUND },
	};
	const struct yt_str keys[] = { YT_STR("other"), YT_STR("mac") };
	struct world w = world_open();
	struct yt_header headers[10];
	struct yt_http http = event(&w, headers);
	struct codec c = open_codec(&w, PLUGIN, usual);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct yt_buf out = { 0 };
		struct yt_str told;

		http = event(&w, headers);
		if (rows[i].header != 0)
			headers[rows[i].header].value = yt_str(rows[i].value);
		headers[http.n_headers++] = (struct yt_header){ YT_STR(":method"), YT_STR("POST") };
		headers[http.n_headers++] = (struct yt_header){ YT_STR(":path"), yt_str(rows[i].path) };
		assert_int_equal(c.api->explain_signature(c.plugin, headers, http.n_headers, http.body, keys, 2,
		                         EVENT_MS, w.arena, &out),
		        rows[i].rv);
		told = kept(&w, &out);
		if (memmem(told.p, told.n, rows[i].says, strlen(rows[i].says)) == NULL)
			fail_msg("row %zu: %.*s", i, YT_FMT(told));
	}
	plugin_unload(c.plugin);
	world_close(&w);
}

int main(void)
{
	enum { N_LIES = COUNT(lies), N_CALLS = COUNT(calls), N_PLAIN = 7 };
	struct CMUnitTest tests[N_PLAIN + N_LIES + N_CALLS] = {
		cmocka_unit_test(the_composed_text_has_the_composed_code),
		cmocka_unit_test(the_composed_event_is_believed_once),
		cmocka_unit_test(a_header_twice_is_none),
		cmocka_unit_test(header_fields_alone_prove_nothing),
		cmocka_unit_test(octets_of_others_are_not_sent),
		cmocka_unit_test(an_answer_is_signed_with_its_status_and_path),
		cmocka_unit_test(a_signature_is_explained),
	};

	for (size_t i = 0; i < N_LIES; i++)
		tests[N_PLAIN + i] = (struct CMUnitTest){ .name = lies[i].it,
			.test_func = an_event_is_not_believed_with,
			.initial_state = (void *)(uintptr_t)&lies[i] };
	for (size_t i = 0; i < N_CALLS; i++)
		tests[N_PLAIN + N_LIES + i] = (struct CMUnitTest){ .name = calls[i].path,
			.test_func = a_call_is_sent_as_the_profile_has_it,
			.initial_state = (void *)(uintptr_t)&calls[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
