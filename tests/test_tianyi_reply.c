/* Answers of 天一甬宁保: what each code proves (insurer.md 6.6), what proves nothing, how the outcome of a claim is
 * found out, and what TY/1.1 has beyond 1.0. */
#include "insurer_claim.h"
#include "insurer_peer.h"

#define PLUGIN YT_PLUGIN_DIR "/tianyi.so"

static const char *const usual[] = { "app_id", "gw330299", "key", "mac", "field_key", "field", "version", "1.1", NULL };
static const char *const old[] = { "app_id", "gw330299", "key", "mac", "field_key", "field", NULL };

static struct yt_msg *submitted(struct world *w, struct codec *c)
{
	struct yt_msg *msg = message(w, YT_OP_CLAIM_SUBMIT, TY_NUMBER, CLAIM_NOW, json(w, CLAIM));

	msg->sent = encoded(w, c, msg);
	msg->settlement = YT_STR("330299202611200001");
	return msg;
}

/* -- codes --------------------------------------------------------------------------------------- */

static const struct code {
	const char *code;
	enum yt_outcome outcome;
	bool may_retry, at_gateway, already_done;
} codes[] = {
	{ "A0001", YT_REFUSED, false, true, false },
	{ "A0002", YT_REFUSED, false, true, false },
	{ "A0003", YT_REFUSED, true, true, false },
	{ "A0004", YT_REFUSED, false, true, false },
	{ "B1001", YT_REFUSED, false, false, false },
	{ "B1002", YT_REFUSED, false, false, false },
	{ "B1003", YT_REFUSED, false, false, false },
	{ "B1004", YT_REFUSED, false, false, false },
	{ "B2001", YT_REFUSED, false, false, false },
	{ "B2002", YT_REFUSED, false, false, false },
	{ "B2003", YT_REFUSED, false, false, false },
	{ "B2004", YT_REFUSED, false, false, false },
	{ "B2005", YT_REFUSED, false, false, false },
	{ "B2006", YT_REFUSED, false, false, false },
	{ "B2007", YT_REFUSED, false, false, true },
	{ "B3001", YT_REFUSED, false, false, false },
	{ "B3002", YT_REFUSED, false, false, false },
	{ "B3003", YT_REFUSED, false, false, false },
	{ "C5001", YT_REFUSED, true, true, false },
	{ "C5002", YT_UNKNOWN, false, false, false },
	{ "C5003", YT_UNKNOWN, false, false, false },
	{ "", YT_UNKNOWN, false, false, false },
};

static void a_code_proves_what_it_says(void **state)
{
	struct world w = world_open();
	struct codec c = open_codec(&w, PLUGIN, usual);
	struct yt_msg *msg = submitted(&w, &c);

	(void)state;
	for (size_t i = 0; i < COUNT(codes); i++) {
		struct yt_str octets = yt_arena_printf(w.arena,
		        "{\"code\":\"%s\",\"message\":\"说明\",\"requestNo\":\"" TY_NUMBER
		        "\",\"data\":{\"claimNo\":\"C1\"}}",
		        codes[i].code);
		struct yt_reply *reply = answered(&w, &c, msg, 409, octets);

		if (reply->outcome != codes[i].outcome || reply->may_retry != codes[i].may_retry ||
		        reply->at_gateway != codes[i].at_gateway || reply->already_done != codes[i].already_done)
			fail_msg("%s: outcome %d, retry %d, at gateway %d, done %d", codes[i].code, (int)reply->outcome,
			        reply->may_retry, reply->at_gateway, reply->already_done);
		if (codes[i].already_done)
			assert_text(reply->number, "C1");
	}
	plugin_unload(c.plugin);
	world_close(&w);
}

/* -- what proves nothing ------------------------------------------------------------------------- */

#define TAKEN                                                                                                          \
	"{\"code\":\"0\",\"message\":\"accepted\",\"requestNo\":\"" TY_NUMBER                                          \
	"\",\"data\":{\"claimNo\":\"TYC2026112000000917\",\"status\":\"RECEIVED\"}}"

static const struct nothing {
	const char *it;
	int status;
	const char *octets;
} nothings[] = {
	{ "no octets", 200, "" },
	{ "a page of a proxy", 502, "<html>Bad Gateway</html>" },
	{ "half an answer", 202, "{\"code\":\"0\",\"message\":\"accepted\",\"requestNo\":\"TY2026112" },
	{ "an array", 202, "[]" },
	{ "a code that is a number", 202, "{\"code\":0,\"data\":{\"claimNo\":\"C1\",\"status\":\"RECEIVED\"}}" },
	{ "a member twice", 202,
	        "{\"code\":\"0\",\"code\":\"B2001\",\"data\":{\"claimNo\":\"C1\",\"status\":\"RECEIVED\"}}" },
	{ "a good code with a bad status", 500, TAKEN },
	{ "a good code with the status of a refusal", 409, TAKEN },
	{ "no data", 202, "{\"code\":\"0\",\"message\":\"accepted\"}" },
	{ "no claim number", 202, "{\"code\":\"0\",\"data\":{\"status\":\"RECEIVED\"}}" },
	{ "a state that is none", 202, "{\"code\":\"0\",\"data\":{\"claimNo\":\"C1\",\"status\":\"FINE\"}}" },
	{ "the answer to another claim", 202,
	        "{\"code\":\"0\",\"requestNo\":\"TY20261120000000000002\",\"data\":{\"claimNo\":\"C1\",\"status\":\"RECEIVED\"}}" },
	{ "data that is a text", 202, "{\"code\":\"0\",\"data\":\"TYC1\"}" },
	{ "something behind it", 202, TAKEN "x" },
};

static void an_answer_proves_nothing(void **state)
{
	const struct nothing *row = *state;
	struct world w = world_open();
	struct codec c = open_codec(&w, PLUGIN, usual);
	struct yt_reply *reply = answered(&w, &c, submitted(&w, &c), row->status, yt_str(row->octets));

	assert_int_equal(reply->outcome, YT_UNKNOWN);
	assert_true(reply->text.n > 0);
	assert_int_equal(answered(&w, &c, submitted(&w, &c), 202, YT_STR(TAKEN))->outcome, YT_DONE);
	plugin_unload(c.plugin);
	world_close(&w);
}

/* Every cut of an answer, and every octet of it turned over in turn: never done with another claim's number. */
static void a_spoiled_answer_is_never_another_claim(void **state)
{
	struct world w = world_open();
	struct codec c = open_codec(&w, PLUGIN, usual);
	struct yt_msg *msg = submitted(&w, &c);

	(void)state;
	for (size_t n = 0; n < sizeof(TAKEN) - 1; n++) {
		struct yt_reply *reply = answered(&w, &c, msg, 202, (struct yt_str){ TAKEN, n });
		char octets[sizeof(TAKEN)];

		assert_int_equal(reply->outcome, YT_UNKNOWN);
		memcpy(octets, TAKEN, sizeof(TAKEN));
		octets[n] ^= 1;
		reply = answered(
		        &w, &c, msg, 202, yt_arena_copy(w.arena, (struct yt_str){ octets, sizeof(TAKEN) - 1 }));
		assert_true(reply->outcome != YT_REFUSED || reply->code.n == 5);
	}
	plugin_unload(c.plugin);
	world_close(&w);
}

/* -- finding out --------------------------------------------------------------------------------- */

#define STATE(request, settlement)                                                                                     \
	"{\"code\":\"0\",\"message\":\"\",\"data\":{\"claimNo\":\"C1\",\"requestNo\":\"" request                       \
	"\",\"setlId\":\"" settlement "\",\"status\":\"ACCEPTED\",\"statusTime\":\"2026-11-20T15:50:00+08:00\"}}"

static const struct judged {
	const char *it;
	int status;
	const char *octets;
	enum yt_judgement want;
} judgements[] = {
	{ "it is there", 200, STATE(TY_NUMBER, "330299202611200001"), YT_FOUND },
	{ "it is unknown there", 404, "{\"code\":\"B3002\",\"message\":\"\"}", YT_ABSENT },
	{ "it is of another settlement", 200, STATE(TY_NUMBER, "330299202611200002"), YT_UNSURE },
	{ "it is another", 200, STATE("TY20261120000000000009", "330299202611200001"), YT_UNSURE },
	{ "it may not be asked", 403, "{\"code\":\"A0004\",\"message\":\"\"}", YT_UNSURE },
	{ "it is a page of a proxy", 404, "<html>not found</html>", YT_UNSURE },
	{ "it is busy", 503, "{\"code\":\"C5001\",\"message\":\"\"}", YT_UNSURE },
};

static void a_lost_answer_is_asked_for(void **state)
{
	const struct judged *row = *state;
	struct world w = world_open();
	struct codec c = open_codec(&w, PLUGIN, usual);
	struct yt_msg *msg = submitted(&w, &c), *query = yt_msg_new(w.arena);
	struct yt_reply *adopted = yt_reply_new(w.arena), *reply;

	assert_int_equal(c.api->query_for(c.plugin, msg, query), 0);
	query->own_number = YT_STR("TY20261120000000000005");
	query->wall_ms = msg->wall_ms;
	query->sent = encoded(&w, &c, query);
	assert_true(yt_str_starts(query->sent, "GET /ins/v1/claims?requestNo=" TY_NUMBER " "));
	reply = answered(&w, &c, query, row->status, yt_str(row->octets));
	assert_int_equal(c.api->judge(c.plugin, msg, reply, adopted), row->want);
	if (row->want == YT_FOUND) {
		assert_int_equal(adopted->outcome, YT_DONE);
		assert_text(adopted->number, "C1");
		assert_text(value_at(adopted->body, "data.claim_state"), "ACCEPTED");
	}
	plugin_unload(c.plugin);
	world_close(&w);
}

static void only_a_claim_is_asked_for(void **state)
{
	struct world w = world_open();
	struct codec c = open_codec(&w, PLUGIN, usual);
	struct yt_msg *msg = message(&w, YT_OP_CLAIM_WITHDRAW, TY_NUMBER, CLAIM_NOW,
	        json(&w, "{\"data\":{\"claim_no\":\"C1\",\"withdraw_reason\":\"2\"}}"));
	struct yt_str number, again;

	(void)state;
	msg->sent = encoded(&w, &c, msg);
	assert_int_equal(c.api->query_for(c.plugin, msg, yt_msg_new(w.arena)), YT_ENOTFOUND);
	assert_int_equal(c.api->make_number(c.plugin, w.arena, msg->wall_ms, 7, &number), 0);
	assert_text(number, "TY20261120000000000007");
	assert_int_equal(c.api->make_number(c.plugin, w.arena, msg->wall_ms, 8, &again), 0);
	assert_false(yt_str_eq(number, again));
	plugin_unload(c.plugin);
	world_close(&w);
}

/* -- 1.1 ----------------------------------------------------------------------------------------- */

static void a_quote_is_a_claim_without_what_is_not_there_yet(void **state)
{
	static const char *const gone[] = { "setlId", "setlTime", "invoices", "payee", "evidenceSm3", "callbackPath" };
	struct world w = world_open();
	struct codec c = open_codec(&w, PLUGIN, usual), o = open_codec(&w, PLUGIN, old);
	struct yt_msg *msg = message(&w, YT_OP_CLAIM_QUOTE, TY_NUMBER, CLAIM_NOW, json(&w, CLAIM));
	struct yt_str octets = encoded(&w, &c, msg);
	struct yt_reply *reply;

	(void)state;
	assert_true(yt_str_starts(octets, "POST /ins/v1/claims/quote\n"));
	assert_non_null(memmem(octets.p, octets.n, "\"authNo\"", 8));
	for (size_t i = 0; i < COUNT(gone); i++)
		assert_null(memmem(octets.p, octets.n, gone[i], strlen(gone[i])));
	msg->sent = octets;
	reply = answered(&w, &c, msg, 200,
	        YT_STR("{\"code\":\"0\",\"message\":\"\",\"requestNo\":\"" TY_NUMBER
	               "\",\"data\":{\"quoteNo\":\"Q1\",\"payable\":12345,\"deductibleUsed\":0,\"liabilities\":[{\"code\":"
	               "\"IN_LIST\",\"amount\":12345}],\"payTo\":\"INSTITUTION\",\"validUntil\":\"2026-11-20T18:00:00+08:00\"}}"));
	assert_int_equal(reply->outcome, YT_DONE);
	assert_text(value_at(reply->body, "data.payable_amt"), "123.45");
	assert_text(value_at(reply->body, "data.pay_to"), "INSTITUTION");
	assert_text(value_at(reply->body, "data.valid_until"), "2026-11-20 18:00:00");
	/* TY/1.0 has none: refused before it is sent, or by an insurer that does not know the path. */
	assert_int_equal(try_encode(&w, &o, msg, &octets), YT_EFORMAT);
	assert_non_null(strstr(w.fault.why, "TY/1.1"));
	reply = answered(&w, &c, msg, 404, YT_STR("404 page not found"));
	assert_int_equal(reply->outcome, YT_REFUSED);
	assert_int_equal(answered(&w, &c, msg, 503, YT_STR("busy"))->outcome, YT_UNKNOWN);
	plugin_unload(c.plugin);
	plugin_unload(o.plugin);
	world_close(&w);
}

static void a_decision_may_come_at_once(void **state)
{
	struct world w = world_open();
	struct codec c = open_codec(&w, PLUGIN, usual), o = open_codec(&w, PLUGIN, old);
	struct yt_str text =
	        changed(&w, YT_STR(CLAIM), "\"policy_no\"", "\"mode\":\"SYNC\",\"quote_no\":\"Q1\",\"policy_no\"");
	struct yt_msg *msg = message(&w, YT_OP_CLAIM_SUBMIT, TY_NUMBER, CLAIM_NOW, json(&w, text.p));
	struct yt_str octets = encoded(&w, &c, msg);
	struct yt_reply *reply;

	(void)state;
	assert_non_null(memmem(octets.p, octets.n, "\"mode\":\"SYNC\",\"quoteNo\":\"Q1\"", 28));
	msg->sent = octets;
	reply = answered(&w, &c, msg, 200,
	        YT_STR("{\"code\":\"0\",\"message\":\"\",\"requestNo\":\"" TY_NUMBER
	               "\",\"data\":{\"claimNo\":\"C1\",\"status\":\"ADJUDICATED\",\"result\":{\"payable\":500,\"payBy\":"
	               "\"INSURER\",\"payTo\":\"INSTITUTION\"}}}"));
	assert_int_equal(reply->outcome, YT_DONE);
	assert_text(value_at(reply->body, "data.claim_state"), "ADJUDICATED");
	assert_text(value_at(reply->body, "data.payable_amt"), "5.00");
	assert_text(value_at(reply->body, "data.pay_to"), "INSTITUTION");
	/* An insurer of 1.0 is not told of a mode that it does not have. */
	octets = encoded(&w, &o, msg);
	assert_null(memmem(octets.p, octets.n, "SYNC", 4));
	assert_null(memmem(octets.p, octets.n, "quoteNo", 7));
	plugin_unload(c.plugin);
	plugin_unload(o.plugin);
	world_close(&w);
}

/* -- settings ------------------------------------------------------------------------------------ */

static void settings_that_make_no_sense_are_refused(void **state)
{
	static const struct {
		const char *key, *value;
		bool fine;
	} rows[] = {
		{ "app_id", "", false },
		{ "app_id", "gw 330299", false },
		{ "app_id", "123456789012345678901234567890123", false },
		{ "version", "1.2", false },
		{ "product_code", "", false },
		{ "callback_path", "insurer", false },
		{ "callback_path", "/ins/v1/claims", false },
		{ "callback_path", "/a b", false },
		{ "allowed", "*", true },
		{ "allowed", "", true },
		{ "allowed", "operations;insured.mobile", true },
		{ "allowed", "insured.certNo", false }, /* it must be there: this list would not keep it back */
		{ "allowed", "insured.telephone", false },
		{ "allowed", "operations,insured.mobile", false },
		{ "window_s", "0", false },
		{ "window_s", "3601", false },
		{ "window_s", "x", false },
		{ "window_s", "3600", true },
		{ "ask_again_s", "0", false },
		{ "ask_again_s", "86400", true },
		{ "ask_again_s", "86401", false },
		{ "insurer", "", false },
		{ "claim_types", "21=1;14*=2", true },
		{ "claim_types", "", true },
		{ "claim_types", "21=4", false },
		{ "claim_types", "21", false },
		{ "claim_types", "=1", false },
		{ "hospital_levels", "02=3A;99=NA", true },
		{ "hospital_levels", "02=31", false },
	};
	struct world w = world_open();

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct plugin_setting given[] = { { "key", "mac" }, { "field_key", "field" }, { "app_id", "gw330299" },
			{ rows[i].key, rows[i].value } };
		bool is_app = strcmp(rows[i].key, "app_id") == 0;
		struct yt_plugin *plugin = NULL;
		char why[512];
		int rv;

		if (is_app)
			given[2] = given[3];
		rv = plugin_load(&plugin, PLUGIN, "test", given, is_app ? 3 : 4, w.keys, why, sizeof(why));
		if (rv != (rows[i].fine ? 0 : YT_ECONF))
			fail_msg("%s = \"%s\": %d", rows[i].key, rows[i].value, rv);
		plugin_unload(plugin);
	}
	world_close(&w);
}

int main(void)
{
	enum { N_NOTHINGS = COUNT(nothings), N_JUDGED = COUNT(judgements), N_PLAIN = 6 };
	struct CMUnitTest tests[N_PLAIN + N_NOTHINGS + N_JUDGED] = {
		cmocka_unit_test(a_code_proves_what_it_says),
		cmocka_unit_test(a_spoiled_answer_is_never_another_claim),
		cmocka_unit_test(only_a_claim_is_asked_for),
		cmocka_unit_test(a_quote_is_a_claim_without_what_is_not_there_yet),
		cmocka_unit_test(a_decision_may_come_at_once),
		cmocka_unit_test(settings_that_make_no_sense_are_refused),
	};

	for (size_t i = 0; i < N_NOTHINGS; i++)
		tests[N_PLAIN + i] = (struct CMUnitTest){ .name = nothings[i].it,
			.test_func = an_answer_proves_nothing,
			.initial_state = (void *)(uintptr_t)&nothings[i] };
	for (size_t i = 0; i < N_JUDGED; i++)
		tests[N_PLAIN + N_NOTHINGS + i] = (struct CMUnitTest){ .name = judgements[i].it,
			.test_func = a_lost_answer_is_asked_for,
			.initial_state = (void *)(uintptr_t)&judgements[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
