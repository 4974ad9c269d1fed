/* tests/test_crossprovince_tables.c - every transaction of the profile with random messages, both encodings.
 *
 * What the plugin reads and writes again must be the same octets. */
#include "crossprovince_random.h"

static const char *const numbers[] = { "P001", "P101", "P102", "0211", "0212", "0213", "0214", "0215", "0216", "0301",
	"0302", "0303", "0304", "0305", "1301", "P201", "P301", "P302" };

static void assert_round_trip(
        struct world *w, struct codec *zj, struct codec *gs, const char *number, enum yt_charset charset)
{
	struct doc q = ksbw_request, a = ksbw_answer;
	struct yt_msg *msg;
	struct yt_reply *reply;
	struct yt_str octets;

	q.transno = a.transno = number;
	if (strcmp(number, "P102") == 0)
		q.msgtype = "N", a.msgtype = "K";
	q.charset = a.charset = charset;
	q.body = random_body(w, number, "in").p;
	a.body = random_body(w, number, "out").p;
	octets = sealed(w, &q);
	if (decode(w, gs, octets, &msg) != 0)
		fail_msg("%s: %s %s\n%s", number, w->fault.path, w->fault.why, q.body);
	assert_text(msg->wire_op, number);
	assert_same(element(encoded(w, zj, msg), "input"), in_charset(w, yt_str(q.body), charset));
	msg->sent = octets;
	reply = answered(w, zj, msg, sealed(w, &a));
	if (reply->outcome != YT_DONE)
		fail_msg("%s: %.*s\n%s", number, YT_FMT(reply->text), a.body);
	assert_same(element(encoded_reply(w, gs, msg, reply), "result"), in_charset(w, yt_str(a.body), charset));
}

static void test_every_transaction_round_trips(void **state)
{
	static const enum yt_charset charsets[] = { YT_UTF8, YT_GB18030 };

	lines_read();
	for (size_t i = 0; i < COUNT(numbers) * COUNT(charsets); i++) {
		struct world w = world_open();
		enum yt_charset charset = charsets[i % 2];
		/* Random amounts add up to nothing. */
		struct plugin_setting settings[] = { { "area", "330000" }, { "encoding", yt_charset_name(charset) },
			{ "invariants", "" } };
		struct codec zj, gs;
		char why[256];

		assert_int_equal(plugin_load(&zj.plugin, YT_PLUGIN_DIR "/crossprovince.so", "zj", settings, 3, w.keys,
		                         why, sizeof(why)),
		        0);
		settings[0].value = "620000";
		assert_int_equal(plugin_load(&gs.plugin, YT_PLUGIN_DIR "/crossprovince.so", "gs", settings, 3, w.keys,
		                         why, sizeof(why)),
		        0);
		zj.api = plugin_api(zj.plugin);
		gs.api = plugin_api(gs.plugin);
		for (int n = 0; n < 12; n++)
			assert_round_trip(&w, &zj, &gs, numbers[i / 2], charset);
		plugin_unload(zj.plugin);
		plugin_unload(gs.plugin);
		world_close(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_transaction_round_trips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
