/* What 天一甬宁保 says of a claim that was asked for: whether that is the end of it, or it is to be asked for again. */
#include "insurer_peer.h"

#define PLUGIN YT_PLUGIN_DIR "/tianyi.so"

static const char *const usual[] = { "app_id", "gw330299", "key", "mac", "field_key", "field", "ask_again_s", "1800",
	NULL };

static const struct row {
	const char *it, *members;
	int64_t again_ms; /* -1: it proves nothing */
} rows[] = {
	{ "taken in", "\"status\":\"RECEIVED\"", 1800000 },
	{ "accepted", "\"status\":\"ACCEPTED\"", 1800000 },
	{ "papers are wanted", "\"status\":\"PENDING_DOCS\"", 1800000 },
	{ "decided, the insurer is to pay",
	        "\"status\":\"ADJUDICATED\",\"result\":{\"payable\":100,\"payBy\":\"INSURER\"}", 1800000 },
	{ "decided, we are to pay", "\"status\":\"ADJUDICATED\",\"result\":{\"payable\":100,\"payBy\":\"GATEWAY\"}",
	        0 },
	{ "decided, nothing is paid", "\"status\":\"ADJUDICATED\",\"result\":{\"payable\":0,\"payBy\":\"INSURER\"}",
	        0 },
	{ "paid", "\"status\":\"PAID\",\"result\":{\"payable\":100},\"payment\":{\"amount\":100,\"payState\":\"PAID\"}",
	        0 },
	{ "paid, and come back",
	        "\"status\":\"PAID\",\"result\":{\"payable\":100},\"payment\":{\"amount\":100,\"payState\":\"RETURNED\"}",
	        1800000 },
	{ "rejected",
	        "\"status\":\"REJECTED\",\"result\":{\"payable\":0,\"refuseCode\":\"R101\",\"refuseReason\":\"x\"}",
	        0 },
	{ "decided, without a word how much", "\"status\":\"ADJUDICATED\",\"result\":{\"payBy\":\"INSURER\"}", -1 },
	{ "decided, without a decision", "\"status\":\"ADJUDICATED\"", -1 },
	{ "paid, without a word how much", "\"status\":\"PAID\",\"payment\":{\"amount\":100,\"payState\":\"PAID\"}",
	        -1 },
};

static void what_is_under_way_is_asked_for_again(void **state)
{
	struct world w = world_open();
	struct codec c = open_codec(&w, PLUGIN, usual);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct yt_msg *msg = message(&w, YT_OP_CLAIM_QUERY, "TY20261120000000000002", "2026-11-20 15:44:30",
		        json(&w, "{\"data\":{\"claim_no\":\"TYC2026112000000917\"}}"));
		struct yt_reply *reply;
		char text[600];

		snprintf(text, sizeof(text),
		        "{\"code\":\"0\",\"message\":\"\",\"data\":{\"claimNo\":\"TYC2026112000000917\",\"requestNo\":"
		        "\"TY20261120000000000001\",\"setlId\":\"330299202611200001\",%s}}",
		        rows[i].members);
		msg->sent = encoded(&w, &c, msg);
		reply = answered(&w, &c, msg, 200, yt_str(text));
		if (reply->outcome != (rows[i].again_ms < 0 ? YT_UNKNOWN : YT_DONE))
			fail_msg("%s: %d %.*s", rows[i].it, (int)reply->outcome, YT_FMT(reply->text));
		if (rows[i].again_ms >= 0 && reply->again_ms != rows[i].again_ms)
			fail_msg("%s: again after %lld", rows[i].it, (long long)reply->again_ms);
	}
	plugin_unload(c.plugin);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_under_way_is_asked_for_again) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
