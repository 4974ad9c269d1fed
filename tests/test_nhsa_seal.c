/* tests/test_nhsa_seal.c - the nhsa plugin's encryption: variant B and the wrapped form C, as asker and as asked.
 *
 * Two instances talk: one asks with its own key, the other answers with its own; both know the other's.  Keys
 * are drawn anew in each test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "format/keys.h"
#include "plugin/loader.h"

#include "../plugins/nhsa/wrap_text.c" /* nobody else sees the text that is signed */

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define APP_ID "EXAMPLEAPPID0001ZZZZ"
#define APP_SECRET "ExampleAppSecret0123456789abcdef"
#define SENT_MS INT64_C(1741915815000)

#define HEAD(infno)                                                                                                    \
	"\"infno\":\"" infno "\",\"msgid\":\"H33021399901202503140941300012\",\"mdtrtarea_admvs\":\"330213\","         \
	"\"insuplc_admdvs\":\"330213\",\"recer_sys_code\":\"YBXT\",\"infver\":\"V1.0\",\"opter_type\":\"1\","          \
	"\"opter\":\"S0007\",\"opter_name\":\"收费员七\",\"inf_time\":\"2025-03-14 09:41:30\","                    \
	"\"fixmedins_code\":\"H33021399901\",\"fixmedins_name\":\"示例市第一医院\",\"sign_no\":\"S1\","
#define REQUEST(infno, input) "{" HEAD(infno) "\"input\":" input "}"
#define CANCEL "{\"data\":{\"mdtrt_id\":\"M1\",\"psn_no\":\"P1\",\"ipt_otp_no\":\"䶮㛃𠮷\"}}"
#define QUERY                                                                                                          \
	"{\"data\":{\"payOrdId\":\"O1\",\"payToken\":\"T1\",\"orgCodg\":\"H33021399901\",\"idNo\":\"I1\","             \
	"\"userName\":\"䶮㛃𠮷\",\"idType\":\"01\",\"amt\":28.40,\"none\":null,\"rows\":[]}}"

struct codec {
	struct yt_plugin *plugin;
	const struct yt_codec_api *api;
	struct yt_arena *arena;
	struct yt_keys *keys;
	struct yt_fault fault;
};

static char hex_of_asker[65], hex_of_asked[65];

static void add_key(struct yt_keys *keys, const char *name, const char *text, enum yt_key_kind kind)
{
	char path[] = "/tmp/yitong-key-XXXXXX", why[256];
	struct keys_spec spec = { .name = name, .file = path, .kind = kind, .from_ms = INT64_MIN, .to_ms = INT64_MAX };
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, 0600), 0);
	close(fd);
	if (keys_add(keys, &spec, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	unlink(path);
}

static int draw_keys(void **state)
{
	char *const hex[] = { hex_of_asker, hex_of_asked };

	for (size_t k = 0; k < 2; k++) {
		uint8_t random[32];

		yt_random(random, sizeof(random));
		random[0] = 1; /* below the order of the curve */
		for (size_t i = 0; i < 32; i++)
			snprintf(hex[k] + 2 * i, 3, "%02X", random[i]);
	}
	return 0;
}

static struct codec open_side(bool asks, const struct plugin_setting *settings, size_t n)
{
	struct codec c = { 0 };
	char why[512];

	assert_int_equal(keys_open(&c.keys, NULL, why, sizeof(why)), 0);
	add_key(c.keys, "ours", asks ? hex_of_asker : hex_of_asked, YT_KEY_SM2_PRIVATE);
	add_key(c.keys, "theirs", asks ? hex_of_asked : hex_of_asker, YT_KEY_SM2_PRIVATE);
	add_key(c.keys, "client", "CLIENT-ID-16-OCT", YT_KEY_SECRET);
	add_key(c.keys, "app", APP_SECRET, YT_KEY_SECRET);
	if (plugin_load(&c.plugin, YT_PLUGIN_DIR "/nhsa.so", "test", settings, n, c.keys, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	c.api = plugin_api(c.plugin);
	c.arena = yt_arena_new(0);
	assert_non_null(c.arena);
	return c;
}

static struct codec open_sealed(bool asks)
{
	static const struct plugin_setting settings[] = { { "input_key", "client" }, { "sign_key", "ours" },
		{ "verify_key", "theirs" } };

	return open_side(asks, settings, COUNT(settings));
}

static struct codec open_wrapped(bool asks)
{
	static const struct plugin_setting settings[] = { { "app_id", APP_ID }, { "app_secret", "app" },
		{ "sign_key", "ours" }, { "verify_key", "theirs" }, { "app_institution", "H33021399901" } };

	return open_side(asks, settings, COUNT(settings));
}

static struct codec open_plain(void)
{
	return open_side(true, NULL, 0);
}

static void codec_close(struct codec *c)
{
	plugin_unload(c->plugin);
	yt_arena_free(c->arena);
	keys_close(c->keys);
}

static void assert_text(struct yt_str s, const char *want)
{
	if (!yt_str_is(s, want))
		fail_msg("is \"%.*s\", wants \"%s\"", YT_FMT(s), want);
}

static void assert_has_not(struct yt_str text, const char *part)
{
	char *copy = strndup(text.p, text.n);

	assert_null(strstr(copy, part));
	free(copy);
}

static int decode(struct codec *c, struct yt_str octets, const char *path, struct yt_msg **msg)
{
	*msg = yt_msg_new(c->arena);
	(*msg)->path = yt_str(path);
	memset(&c->fault, 0, sizeof(c->fault));
	return c->api->decode_request(c->plugin, octets, *msg, &c->fault);
}

static struct yt_msg *must_decode(struct codec *c, struct yt_str octets, const char *path)
{
	struct yt_msg *msg;

	if (decode(c, octets, path, &msg) != 0)
		fail_msg("%s %s", c->fault.path, c->fault.why);
	return msg;
}

static struct yt_str encoded(struct codec *c, const struct yt_msg *msg)
{
	struct yt_buf out = { 0 };
	struct yt_str kept;

	if (c->api->encode_request(c->plugin, msg, &out, &c->fault) != 0)
		fail_msg("%s %s", c->fault.path, c->fault.why);
	kept = yt_arena_copy(c->arena, yt_buf_view(&out));
	yt_buf_free(&out);
	return kept;
}

static struct yt_str encoded_reply(struct codec *c, const struct yt_msg *msg, const struct yt_reply *reply)
{
	struct yt_buf out = { 0 };
	struct yt_str kept;

	assert_int_equal(c->api->encode_reply(c->plugin, msg, reply, &out), 0);
	kept = yt_arena_copy(c->arena, yt_buf_view(&out));
	yt_buf_free(&out);
	return kept;
}

static struct yt_reply *answer(struct codec *c, const struct yt_msg *msg, struct yt_str octets)
{
	struct yt_reply *reply = yt_reply_new(c->arena);

	assert_int_equal(c->api->decode_reply(c->plugin, msg, 200, octets, reply), 0);
	return reply;
}

static struct yt_str written(struct codec *c, const struct yt_node *node)
{
	struct yt_buf out = { 0 };
	struct yt_str kept;

	yt_json_write(node, &out);
	kept = yt_arena_copy(c->arena, yt_buf_view(&out));
	yt_buf_free(&out);
	return kept;
}

/* The octets with the first value of a member replaced. */
static struct yt_str with(struct codec *c, struct yt_str octets, const char *member, const char *value)
{
	struct yt_node *root;

	assert_int_equal(yt_json_read(c->arena, octets, NULL, &root, NULL), 0);
	assert_int_equal(yt_node_set_text(c->arena, root, member, yt_str(value)), 0);
	return written(c, root);
}

static struct yt_str member(struct codec *c, struct yt_str octets, const char *name)
{
	struct yt_node *root;

	assert_int_equal(yt_json_read(c->arena, octets, NULL, &root, NULL), 0);
	return yt_node_text(root, name);
}

/* Variant B. */

static void a_sealed_request_is_read_by_the_other_side(void **state)
{
	struct codec plain = open_plain(), asker = open_sealed(true), asked = open_sealed(false);
	struct yt_msg *msg = must_decode(&plain, YT_STR(REQUEST("2202", CANCEL)), NULL), *read;
	struct yt_str octets = encoded(&asker, msg), again;

	assert_has_not(octets, "\"M1\"");
	assert_text(member(&asker, octets, "encType"), "SM4");
	assert_text(member(&asker, octets, "signtype"), "SM2");
	assert_int_equal(member(&asker, octets, "cainfo").n, 88);
	read = must_decode(&asked, octets, NULL);
	assert_text(written(&asked, read->body), CANCEL);
	assert_text(read->content, CANCEL);
	assert_text(read->visit, "M1");
	/* To a party that speaks openly nothing of it is left. */
	again = encoded(&plain, read);
	assert_has_not(again, "encType");
	assert_has_not(again, "SM2");
	assert_int_equal(member(&plain, again, "cainfo").n, 0);
	codec_close(&plain);
	codec_close(&asker);
	codec_close(&asked);
}

static void an_unread_transaction_is_sealed_as_it_came(void **state)
{
	struct codec plain = open_plain(), asker = open_sealed(true), asked = open_sealed(false);
	struct yt_msg *msg = must_decode(&plain, YT_STR(REQUEST("13203A", "{ \"x\": 1.10 }")), NULL);

	assert_text(must_decode(&asked, encoded(&asker, msg), NULL)->content, "{ \"x\": 1.10 }");
	codec_close(&plain);
	codec_close(&asker);
	codec_close(&asked);
}

static const struct sealed_case {
	const char *it;
	const char *member, *value;
	const char *path, *why;
} sealed_cases[] = {
	{ "a signature that is none", "cainfo", "AAAA", "input", "is not what cainfo signs (setting verify_key)" },
	{ "no signature", "cainfo", "", "input", "is not what cainfo signs (setting verify_key)" },
	{ "no cipher text", "input", "plain", "input", "cannot be decrypted with the key of the setting input_key" },
	{ "another cipher text", "input", "AAAAAAAAAAAAAAAAAAAAAA==", "input",
	        "cannot be decrypted with the key of the setting input_key" },
};

static void a_sealed_request_is_refused_with(void **state)
{
	const struct sealed_case *row = *state;
	struct codec plain = open_plain(), asker = open_sealed(true), asked = open_sealed(false);
	struct yt_msg *msg = must_decode(&plain, YT_STR(REQUEST("2202", CANCEL)), NULL), *read;

	assert_int_equal(
	        decode(&asked, with(&asked, encoded(&asker, msg), row->member, row->value), NULL, &read), YT_EFORMAT);
	assert_string_equal(asked.fault.path, row->path);
	assert_string_equal(asked.fault.why, row->why);
	assert_text(read->number, "H33021399901202503140941300012"); /* a refusal can name it */
	codec_close(&plain);
	codec_close(&asker);
	codec_close(&asked);
}

static void an_open_request_is_refused_where_sealing_is_agreed(void **state)
{
	struct codec asked = open_sealed(false);
	struct yt_msg *msg;

	assert_int_equal(decode(&asked, YT_STR(REQUEST("2202", CANCEL)), NULL, &msg), YT_EFORMAT);
	assert_string_equal(asked.fault.why, "must be encrypted (setting input_key)");
	codec_close(&asked);
}

static void another_ones_signature_is_refused(void **state)
{
	struct codec plain = open_plain(), asked = open_sealed(false);
	struct yt_msg *msg = must_decode(&plain, YT_STR(REQUEST("2202", CANCEL)), NULL), *read;

	assert_int_equal(decode(&asked, encoded(&asked, msg), NULL, &read), YT_EFORMAT);
	assert_string_equal(asked.fault.why, "is not what cainfo signs (setting verify_key)");
	codec_close(&plain);
	codec_close(&asked);
}

static void a_sealed_answer_is_read_by_the_asker(void **state)
{
	struct codec asker = open_sealed(true), asked = open_sealed(false), plain = open_plain();
	struct yt_msg *msg = must_decode(&plain, YT_STR(REQUEST("5301", "{\"data\":{\"psn_no\":\"P1\"}}")), NULL);
	struct yt_reply *reply = answer(&plain, msg,
	        YT_STR("{\"infcode\":0,\"inf_refmsgid\":\"R1\",\"output\":{\"feedetail\":[{\"opsp_dise_name\":\"㛃\"}]}"
	               "}"));
	struct yt_str octets = encoded_reply(&asked, msg, reply);

	assert_has_not(octets, "㛃");
	reply = answer(&asker, msg, octets);
	assert_int_equal(reply->outcome, YT_DONE);
	assert_text(written(&asker, reply->body), "{\"feedetail\":[{\"opsp_dise_name\":\"㛃\"}]}");
	assert_has_not(encoded_reply(&plain, msg, reply), "encType");
	assert_int_equal(
	        answer(&asker, msg, with(&asker, octets, "output", "AAAAAAAAAAAAAAAAAAAAAA=="))->outcome, YT_UNKNOWN);
	assert_int_equal(answer(&asker, msg, with(&asker, octets, "cainfo", "AAAA"))->outcome, YT_UNKNOWN);
	reply = answer(&asker, msg, YT_STR("{\"infcode\":-1,\"err_msg\":\"签名错误\",\"output\":{}}"));
	assert_int_equal(reply->outcome, YT_REFUSED);
	codec_close(&asker);
	codec_close(&asked);
	codec_close(&plain);
}

/* Variant C. */

static void the_published_sign_text_is_ours(void **state)
{
	static const char wrapper_text[] =
	        "{\"version\":\"2.0.1\",\"appId\":\"" APP_ID "\",\"timestamp\":\"1741915815000\",\"signType\":\"SM2\","
	        "\"encType\":\"SM4\",\"encData\":\"00\",\"signData\":\"AA\",\"extra\":\"x\",\"transType\":\"\"}";
	static const char data_text[] =
	        "{\"payOrdId\":\"ORD202503140000000001\",\"orgCodg\":\"H33021399901\",\"ext\":{\"b\":1,\"a\":\"x\"},"
	        "\"amt\":28.40,\"no\":\"\",\"nil\":null,\"rows\":[]}";
	static const char want[] =
	        "appId=" APP_ID "&data={\"amt\":\"28.40\",\"ext\":{\"a\":\"x\",\"b\":\"1\"},\"orgCodg\":"
	        "\"H33021399901\",\"payOrdId\":\"ORD202503140000000001\"}&encType=SM4&signType=SM2&"
	        "timestamp=1741915815000&version=2.0.1&key=";
	static const char digest_hex[] = "ece54a8a09a55aeb2714ab58d2fc48a9dae8a1a27cf6a8b65941f7cd95042ff7";
	struct yt_arena *arena = yt_arena_new(0);
	struct yt_node *wrapper, *data;
	struct yt_buf text = { 0 };
	uint8_t digest[32];

	assert_int_equal(yt_json_read(arena, yt_str(wrapper_text), NULL, &wrapper, NULL), 0);
	assert_int_equal(yt_json_read(arena, yt_str(data_text), NULL, &data, NULL), 0);
	assert_int_equal(nhsa_wrap_text(wrapper, data, arena, &text), 0);
	assert_text(yt_buf_view(&text), want);
	yt_buf_text(&text, APP_SECRET);
	yt_sm3(yt_buf_view(&text), digest);
	for (size_t i = 0; i < 32; i++) {
		unsigned byte;

		assert_int_equal(sscanf(digest_hex + 2 * i, "%2x", &byte), 1);
		assert_int_equal(digest[i], byte);
	}
	yt_buf_free(&text);
	yt_arena_free(arena);
}

static void the_published_cipher_text_is_ours(void **state)
{
	static const char want[] = "C390E3FE61A9D7DCE642BB03ADAFEBD287481979A6F65F987DE0C06E233240101C24EE004361B668"
	                           "98E25F17A99A635E";
	struct codec c = open_wrapped(true);
	struct yt_sm4 how = { .key = YT_STR("app"), .derive = YT_STR(APP_ID), .mode = YT_SM4_ECB };
	struct yt_buf sealed = { 0 };

	assert_int_equal(
	        yt_key_sm4_encrypt(c.plugin, &how, YT_STR("{\"payOrdId\":\"ORD202503140000000001\"}"), &sealed), 0);
	assert_int_equal(sealed.n * 2, sizeof(want) - 1);
	for (size_t i = 0; i < sealed.n; i++) {
		unsigned byte;

		assert_int_equal(sscanf(want + 2 * i, "%2x", &byte), 1);
		assert_int_equal(sealed.p[i], byte);
	}
	yt_buf_free(&sealed);
	codec_close(&c);
}

#define QUERY_PATH "/org/local/api/hos/query_order_info"

static struct yt_str wrapped_query(struct codec *asker)
{
	struct codec plain = open_plain();
	struct yt_msg *msg = must_decode(&plain, YT_STR(REQUEST("6301", QUERY)), NULL);
	struct yt_str octets;

	msg->wall_ms = SENT_MS;
	octets = encoded(asker, msg);
	codec_close(&plain);
	return octets;
}

static void a_wrapped_request_is_read_by_the_other_side(void **state)
{
	struct codec asker = open_wrapped(true), asked = open_wrapped(false), plain = open_plain();
	struct yt_str octets = wrapped_query(&asker), path;
	struct yt_msg *msg;

	assert_int_equal(asker.api->path(asker.plugin, YT_STR("6301"), YT_STR("/x"), asker.arena, &path), 0);
	assert_text(path, QUERY_PATH);
	assert_has_not(octets, "payOrdId"); /* two letters may stand in a signature */
	assert_text(member(&asker, octets, "timestamp"), "1741915815000");
	msg = must_decode(&asked, octets, QUERY_PATH "?x=1");
	assert_int_equal(msg->op->id, YT_OP_PAYMENT_QUERY);
	assert_text(written(&asked, msg->body), QUERY);
	assert_text(msg->institution, "H33021399901");
	assert_text(msg->treatment_area, "330213");
	assert_text(msg->time, "2025-03-14 09:30:15");
	assert_int_equal(msg->number.n, 30);
	assert_int_equal(msg->n_secrets, 1);
	/* Read again later, when what is known is the transaction and no longer the path. */
	msg = yt_msg_new(asked.arena);
	msg->wire_op = YT_STR("6301");
	assert_int_equal(asked.api->decode_request(asked.plugin, octets, msg, &asked.fault), 0);
	assert_int_equal(msg->op->id, YT_OP_PAYMENT_QUERY);
	/* The same once more has the same number. */
	assert_true(yt_str_eq(must_decode(&asked, octets, QUERY_PATH)->number, msg->number));
	assert_int_equal(decode(&plain, with(&plain, octets, "transType", "6301"), NULL, &msg), YT_EFORMAT);
	assert_string_equal(plain.fault.why, "is wrapped, which needs the setting app_id");
	codec_close(&asker);
	codec_close(&asked);
	codec_close(&plain);
}

static const struct wrapped_case {
	const char *it;
	const char *path;
	const char *member, *value;
	const char *why; /* NULL: well */
} wrapped_cases[] = {
	{ "its path", QUERY_PATH, "extra", "not signed", NULL },
	{ "no path and no transType", NULL, "extra", "x",
	        "does not say which transaction it is, neither by its path nor by transType" },
	{ "a path of something else", "/fsi/api/callService", "extra", "x",
	        "does not say which transaction it is, neither by its path nor by transType" },
	{ "a transType that is not signed", NULL, "transType", "6301",
	        "signData is not the sender's signature (setting verify_key)" },
	{ "a changed time", QUERY_PATH, "timestamp", "1741915815001",
	        "signData is not the sender's signature (setting verify_key)" },
	{ "a time that is none", QUERY_PATH, "timestamp", "now", "has a timestamp that is no number" },
	{ "another application", QUERY_PATH, "appId", "EXAMPLEAPPID0002ZZZZ",
	        "appId is another than the setting app_id" },
	{ "another cipher text", QUERY_PATH, "encData", "00112233445566778899AABBCCDDEEFF",
	        "encData cannot be decrypted with the secret of the setting app_secret" },
	{ "no cipher text", QUERY_PATH, "encData", "xyz",
	        "encData cannot be decrypted with the secret of the setting app_secret" },
	{ "no signature", QUERY_PATH, "signData", "", "signData is not the sender's signature (setting verify_key)" },
};

static void a_wrapped_request_with(void **state)
{
	const struct wrapped_case *row = *state;
	struct codec asker = open_wrapped(true), asked = open_wrapped(false);
	struct yt_str octets = with(&asked, wrapped_query(&asker), row->member, row->value);
	struct yt_msg *msg;

	assert_int_equal(decode(&asked, octets, row->path, &msg), row->why != NULL ? YT_EFORMAT : 0);
	assert_string_equal(asked.fault.why, row->why != NULL ? row->why : "");
	codec_close(&asker);
	codec_close(&asked);
}

static void an_open_payment_is_refused_where_wrapping_is_agreed(void **state)
{
	struct codec asked = open_wrapped(false);
	struct yt_msg *msg;

	assert_int_equal(decode(&asked, YT_STR(REQUEST("6301", QUERY)), NULL, &msg), YT_EFORMAT);
	assert_string_equal(asked.fault.why, "must be wrapped (setting app_id)");
	(void)must_decode(&asked, YT_STR(REQUEST("2202", CANCEL)), NULL); /* all else has its envelope */
	codec_close(&asked);
}

static void a_wrapped_answer_is_read_by_the_asker(void **state)
{
	struct codec asker = open_wrapped(true), asked = open_wrapped(false), plain = open_plain();
	struct yt_str request = wrapped_query(&asker), octets;
	struct yt_msg *msg = must_decode(&asked, request, QUERY_PATH);
	struct yt_reply *reply = answer(&plain, msg,
	        YT_STR("{\"infcode\":0,\"output\":{\"data\":{\"payOrdId\":\"O1\",\"ordStas\":\"6\",\"feeSumamt\":\"28."
	               "4\"}}}"));

	reply->wall_ms = SENT_MS;
	octets = encoded_reply(&asked, msg, reply);
	assert_has_not(octets, "payOrdId"); /* two letters may stand in a signature */
	assert_text(member(&asked, octets, "code"), "0");
	reply = answer(&asker, msg, octets);
	assert_int_equal(reply->outcome, YT_DONE);
	assert_text(
	        written(&asker, reply->body), "{\"data\":{\"payOrdId\":\"O1\",\"ordStas\":\"6\",\"feeSumamt\":28.40}}");
	/* A success that its sender did not sign proves nothing. */
	assert_int_equal(answer(&asker, msg, with(&asker, octets, "signData", ""))->outcome, YT_UNKNOWN);
	assert_int_equal(answer(&asker, msg, with(&asker, octets, "timestamp", "1741915815001"))->outcome, YT_UNKNOWN);
	assert_int_equal(answer(&asker, msg, with(&asker, octets, "code", "1"))->outcome, YT_UNKNOWN);
	reply = answer(&asker, msg, YT_STR("{\"code\":\"360053\",\"message\":\"订单不存在\",\"success\":false}"));
	assert_int_equal(reply->outcome, YT_REFUSED);
	assert_text(reply->text, "订单不存在");
	assert_int_equal(answer(&asker, msg, YT_STR("{\"code\":500,\"message\":\"系统繁忙\"}"))->outcome, YT_UNKNOWN);
	/* A refusal of ours, signed. */
	octets = encoded_reply(&asked, msg, reply);
	assert_text(member(&asked, octets, "code"), "360053");
	assert_int_equal(answer(&asker, msg, octets)->outcome, YT_REFUSED);
	assert_int_equal(answer(&asker, msg, with(&asker, octets, "message", "系统"))->outcome, YT_UNKNOWN);
	codec_close(&asker);
	codec_close(&asked);
	codec_close(&plain);
}

/* Who speaks wrapped is refused so. */
static void a_refusal_of_a_wrapped_request_is_wrapped(void **state)
{
	struct codec asker = open_wrapped(true), asked = open_wrapped(false);
	struct yt_str octets = with(&asked, wrapped_query(&asker), "timestamp", "1741915815001");
	struct yt_reply *reply = yt_reply_new(asked.arena);
	struct yt_msg *msg;

	assert_int_equal(decode(&asked, octets, QUERY_PATH, &msg), YT_EFORMAT);
	reply->outcome = YT_REFUSED;
	reply->code = YT_STR("-1");
	reply->text = YT_STR("签名错误");
	reply->wall_ms = SENT_MS;
	octets = encoded_reply(&asked, msg, reply);
	assert_text(member(&asked, octets, "code"), "-1");
	assert_int_equal(member(&asked, octets, "signData").n, 88);
	reply = answer(&asker, msg, octets);
	assert_int_equal(reply->outcome, YT_REFUSED);
	assert_true(reply->at_gateway);
	codec_close(&asker);
	codec_close(&asked);
}

static const struct wrong_setting {
	const char *it;
	struct plugin_setting settings[3];
	size_t n;
} wrong_settings[] = {
	{ "an application without its secret", { { "app_id", APP_ID } }, 1 },
	{ "an application without keys", { { "app_id", APP_ID }, { "app_secret", "app" } }, 2 },
	{ "an application without the other side's key",
	        { { "app_id", APP_ID }, { "app_secret", "app" }, { "sign_key", "ours" } }, 3 },
	{ "an application id of 15 characters", { { "app_id", "123456789012345" }, { "app_secret", "app" } }, 2 },
	{ "a clock that is none", { { "wrap_time", "minutes" } }, 1 },
	{ "a user id that is none", { { "wrap_user_id", "me" } }, 1 },
};

static void a_setting_is_refused_that_is(void **state)
{
	const struct wrong_setting *row = *state;
	struct yt_plugin *plugin;
	char why[512];

	assert_int_equal(
	        plugin_load(&plugin, YT_PLUGIN_DIR "/nhsa.so", "test", row->settings, row->n, NULL, why, sizeof(why)),
	        YT_ECONF);
}

#define ROWS(table, function)                                                                                          \
	for (size_t i = 0; i < COUNT(table); i++)                                                                      \
		tests[n++] = (struct CMUnitTest)                                                                       \
		{                                                                                                      \
			.name = table[i].it, .test_func = function, .initial_state = (void *)&table[i]                 \
		}

/* Who signs each message is called in a thread of its own; who does not is spared the way there. */
static void only_an_instance_that_signs_is_slow(void **state)
{
	struct codec sealed = open_sealed(true), wrapped = open_wrapped(false), plain = open_plain();

	assert_true(sealed.api->is_slow);
	assert_true(wrapped.api->is_slow);
	assert_false(plain.api->is_slow);
	codec_close(&sealed);
	codec_close(&wrapped);
	codec_close(&plain);
}

int main(void)
{
	static const struct CMUnitTest single[] = {
		cmocka_unit_test(only_an_instance_that_signs_is_slow),
		cmocka_unit_test(a_sealed_request_is_read_by_the_other_side),
		cmocka_unit_test(an_unread_transaction_is_sealed_as_it_came),
		cmocka_unit_test(an_open_request_is_refused_where_sealing_is_agreed),
		cmocka_unit_test(another_ones_signature_is_refused),
		cmocka_unit_test(a_sealed_answer_is_read_by_the_asker),
		cmocka_unit_test(the_published_sign_text_is_ours),
		cmocka_unit_test(the_published_cipher_text_is_ours),
		cmocka_unit_test(a_wrapped_request_is_read_by_the_other_side),
		cmocka_unit_test(an_open_payment_is_refused_where_wrapping_is_agreed),
		cmocka_unit_test(a_wrapped_answer_is_read_by_the_asker),
		cmocka_unit_test(a_refusal_of_a_wrapped_request_is_wrapped),
	};
	static struct CMUnitTest
	        tests[COUNT(single) + COUNT(sealed_cases) + COUNT(wrapped_cases) + COUNT(wrong_settings)];
	size_t n = COUNT(single);

	memcpy(tests, single, sizeof(single));
	ROWS(sealed_cases, a_sealed_request_is_refused_with);
	ROWS(wrapped_cases, a_wrapped_request_with);
	ROWS(wrong_settings, a_setting_is_refused_that_is);
	return cmocka_run_group_tests(tests, draw_keys, NULL);
}
