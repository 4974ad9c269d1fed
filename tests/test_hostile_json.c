/* tests/test_hostile_json.c - octets that are no JSON, at every place where JSON comes in.
 *
 * The public corpus beside the project is put as a whole message, as the value of input and output, and into what is
 * encrypted there (variant B, and the wrapped form C) with good keys and signatures.  Without the corpus the few rows
 * here are tried. */
#include <dirent.h>

#include "nhsa_codec.h"

#define CORPUS YT_SOURCE_DIR "/../shared/corpora/json/test_parsing"
#define APP_ID "EXAMPLEAPPID0001ZZZZ"
#define QUERY                                                                                                          \
	"{\"data\":{\"payOrdId\":\"O1\",\"payToken\":\"T1\",\"orgCodg\":\"H33021399901\",\"idNo\":\"I1\","             \
	"\"userName\":\"示例\",\"idType\":\"01\"}}"
#define QUERY_PATH "/org/local/api/hos/query_order_info"

/* One text: what its name begins with says what must become of it: y accepted, n refused, i either. */
static void check_everywhere(const char *name, struct yt_str text);

/* -- codecs, one for each way of speaking ------------------------------------------------------- */

static struct codec plain, sealed, wrapped;
static struct yt_str good_wrapped;
static size_t n_taken, n_refused;

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

static struct yt_keys *some_keys(void)
{
	struct yt_keys *keys;
	uint8_t random[32];
	char hex[65], why[256];

	yt_random(random, sizeof(random));
	random[0] = 1; /* below the order of the curve */
	for (size_t i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02X", random[i]);
	assert_int_equal(keys_open(&keys, NULL, why, sizeof(why)), 0);
	add_key(keys, "pair", hex, YT_KEY_SM2_PRIVATE); /* both sides have the same: what matters is inside */
	add_key(keys, "client", "CLIENT-ID-16-OCT", YT_KEY_SECRET);
	add_key(keys, "app", "ExampleAppSecret0123456789abcdef", YT_KEY_SECRET);
	return keys;
}

static struct yt_str kept(struct codec *c, struct yt_buf *buf)
{
	struct yt_str s = yt_arena_copy(c->arena, yt_buf_view(buf));

	assert_false(buf->failed);
	yt_buf_free(buf);
	return s;
}

static int open_all(void **state)
{
	static const struct plugin_setting b[] = { { "input_key", "client" }, { "sign_key", "pair" },
		{ "verify_key", "pair" } };
	static const struct plugin_setting c[] = { { "app_id", APP_ID }, { "app_secret", "app" },
		{ "sign_key", "pair" }, { "verify_key", "pair" }, { "app_institution", "H33021399901" } };
	struct yt_msg *msg;
	struct yt_buf out = { 0 };

	alarm(300); /* a reader that stands still ends the program */
	plain = open_plain();
	sealed = open_with(b, COUNT(b), some_keys());
	wrapped = open_with(c, COUNT(c), some_keys());
	msg = must_decode(&plain, REQUEST("6301", QUERY));
	msg->wall_ms = INT64_C(1741915815000);
	assert_int_equal(wrapped.api->encode_request(wrapped.plugin, msg, &out, &wrapped.fault), 0);
	good_wrapped = yt_str(strndup((const char *)out.p, out.n));
	yt_buf_free(&out);
	return 0;
}

static int close_all(void **state)
{
	free((char *)good_wrapped.p);
	codec_close(&plain);
	codec_close(&sealed);
	codec_close(&wrapped);
	return 0;
}

/* -- messages around a text --------------------------------------------------------------------- */

static struct yt_str around(struct codec *c, const char *before, struct yt_str text, const char *behind)
{
	struct yt_buf out = { 0 };

	yt_buf_text(&out, before);
	yt_buf_str(&out, text);
	yt_buf_text(&out, behind);
	return kept(c, &out);
}

static struct yt_str encrypted(struct codec *c, const struct yt_sm4 *how, struct yt_str text, bool as_hex)
{
	struct yt_buf cipher = { 0 }, out = { 0 };

	assert_int_equal(yt_key_sm4_encrypt(c->plugin, how, text, &cipher), 0);
	if (as_hex)
		yt_hex_add(&out, cipher.p, cipher.n, true);
	else
		yt_base64_add(&out, cipher.p, cipher.n);
	yt_buf_free(&cipher);
	return kept(c, &out);
}

static struct yt_str signed_by(struct codec *c, struct yt_str text)
{
	const struct yt_piece user = { YT_STR("client"), true }, piece = YT_PIECE(text);
	struct yt_buf out = { 0 };
	uint8_t signature[64];

	assert_int_equal(yt_key_sm2_sign(c->plugin, YT_STR("pair"), &user, &piece, 1, signature), 0);
	yt_base64_add(&out, signature, sizeof(signature));
	return kept(c, &out);
}

/* Variant B: before ends with a quote for the cipher text, behind begins with the quote after the signature. */
static struct yt_str sealed_in(const char *before, struct yt_str text, const char *behind)
{
	static const struct yt_sm4 how = { .key = { "client", 6 }, .mode = YT_SM4_ECB };
	struct yt_str cipher = encrypted(&sealed, &how, text, false), cainfo = signed_by(&sealed, text);
	struct yt_buf out = { 0 };

	yt_buf_text(&out, before);
	yt_buf_str(&out, cipher);
	yt_buf_text(&out, "\",\"encType\":\"SM4\",\"signtype\":\"SM2\",\"cainfo\":\"");
	yt_buf_str(&out, cainfo);
	yt_buf_text(&out, behind);
	return kept(&sealed, &out);
}

/* Form C: the signature is over the text that was read, so of what cannot be read there is none that is good. */
static struct yt_str wrapped_around(struct yt_str text)
{
	static const struct yt_sm4 how = {
		.key = { "app", 3 }, .derive = { APP_ID, sizeof(APP_ID) - 1 }, .mode = YT_SM4_ECB
	};
	struct yt_buf out = { 0 };
	struct yt_node *root;

	assert_int_equal(yt_json_read(wrapped.arena, good_wrapped, NULL, &root, NULL), 0);
	assert_int_equal(yt_node_set_text(wrapped.arena, root, "encData", encrypted(&wrapped, &how, text, true)), 0);
	yt_json_write(root, &out);
	return kept(&wrapped, &out);
}

/* -- what must become of it --------------------------------------------------------------------- */

static void check_request(struct codec *c, const char *place, const char *name, struct yt_str octets)
{
	struct yt_msg *msg = yt_msg_new(c->arena);
	int rv;

	msg->path = YT_STR(QUERY_PATH);
	memset(&c->fault, 0, sizeof(c->fault));
	rv = c->api->decode_request(c->plugin, octets, msg, &c->fault);
	if (rv == 0 && name[0] == 'n')
		fail_msg("%s as %s is taken", name, place);
	if (rv != 0 && ((rv != YT_EFORMAT && rv != YT_ELIMIT) || c->fault.path[0] == '\0' || c->fault.why[0] == '\0'))
		fail_msg("%s as %s: %d, \"%s\" %s", name, place, rv, c->fault.path, c->fault.why);
	n_taken += rv == 0;
	n_refused += rv != 0;
}

static void check_answer(struct codec *c, const char *place, const char *name, const char *asked, struct yt_str octets)
{
	struct yt_msg *msg = must_decode(&plain, asked);
	struct yt_reply *reply = yt_reply_new(c->arena);

	assert_int_equal(c->api->decode_reply(c->plugin, msg, 200, octets, reply), 0);
	if (name[0] == 'n' && reply->outcome != YT_UNKNOWN)
		fail_msg("%s as %s proves %d", name, place, (int)reply->outcome);
	if (reply->outcome == YT_UNKNOWN && reply->text.n == 0)
		fail_msg("%s as %s is unknown without a reason", name, place);
	n_taken += reply->outcome != YT_UNKNOWN;
	n_refused += reply->outcome == YT_UNKNOWN;
}

static void check_everywhere(const char *name, struct yt_str text)
{
	static const char settle[] = REQUEST("2207", "{\"data\":{" DATA_2207 "}}"),
	                  query[] = REQUEST("5301", "{\"data\":{\"psn_no\":\"P1\"}}"),
	                  unread[] = REQUEST("13203A", "{}"), order[] = REQUEST("6301", QUERY);

	check_request(&plain, "a message", name, text);
	check_request(&plain, "input", name, around(&plain, "{" HEAD("2207") "\"input\":", text, "}"));
	check_request(
	        &plain, "input that nobody reads", name, around(&plain, "{" HEAD("13203A") "\"input\":", text, "}"));
	check_request(&plain, "input.data", name, around(&plain, "{" HEAD("2208") "\"input\":{\"data\":", text, "}}"));
	check_request(&plain, "an unknown member", name,
	        around(&plain, "{" HEAD("2208") "\"x\":", text, ",\"input\":{\"data\":{" DATA_CANCEL "}}}"));
	check_request(&sealed, "a message", name, text);
	check_request(&sealed, "sealed input", name, sealed_in("{" HEAD("2208") "\"input\":\"", text, "\"}"));
	check_request(&sealed, "sealed input that nobody reads", name,
	        sealed_in("{" HEAD("13203A") "\"input\":\"", text, "\"}"));
	check_request(&wrapped, "a message", name, text);
	check_request(&wrapped, "wrapped data", name, wrapped_around(text));
	check_answer(&plain, "an answer", name, settle, text);
	check_answer(&plain, "output", name, settle, around(&plain, "{\"infcode\":0,\"output\":", text, "}"));
	check_answer(&plain, "output of a query", name, query, around(&plain, "{\"infcode\":0,\"output\":", text, "}"));
	check_answer(&plain, "output that nobody reads", name, unread,
	        around(&plain, "{\"infcode\":0,\"output\":", text, "}"));
	check_answer(&plain, "infcode", name, query, around(&plain, "{\"infcode\":", text, ",\"output\":{}}"));
	check_answer(&sealed, "sealed output", name, query, sealed_in("{\"infcode\":0,\"output\":\"", text, "\"}"));
	check_answer(&wrapped, "a wrapped answer", name, order, text);
	check_answer(&wrapped, "wrapped data of an answer", name, order,
	        around(&wrapped, "{\"code\":0,\"success\":true,", wrapped_around(text), "}"));
}

/* -- texts -------------------------------------------------------------------------------------- */

static void test_few_at_every_place(void **state)
{
	static const struct {
		const char *name;
		struct yt_str text;
	} rows[] = {
#define TEXT(name, text)                                                                                               \
	{                                                                                                              \
		name,                                                                                                  \
		{                                                                                                      \
			text, sizeof(text) - 1                                                                         \
		}                                                                                                      \
	}
		TEXT("y object", "{}"),
		TEXT("y array", "[]"),
		TEXT("y text", "\"\""),
		TEXT("y number", "-0.0e+1"),
		TEXT("y truth", "true"),
		TEXT("y nothing", "null"),
		TEXT("n nothing at all", ""),
		TEXT("n open object", "{"),
		TEXT("n open array", "[1,"),
		TEXT("n open text", "\"a"),
		TEXT("n comma", "{\"a\":1,}"),
		TEXT("n two values", "{}{}"),
		TEXT("n NUL", "{\"a\":\"\0\"}"),
		TEXT("n NUL behind", "{}\0"),
		TEXT("n comment", "{/**/}"),
		TEXT("n NaN", "[NaN]"),
		TEXT("n leading zero", "[01]"),
		TEXT("n plus", "[+1]"),
		TEXT("n half an escape", "[\"\\u00\"]"),
		TEXT("i overlong, which GB18030 has too", "[\"\xc0\xaf\"]"),
		TEXT("i surrogate in UTF-8, which may be GB18030", "[\"\xed\xa0\x80\"]"),
		TEXT("n single quotes", "{'a':1}"),
		TEXT("n name without quotes", "{a:1}"),
		TEXT("i GBK", "[\"\xcb\xd5\"]"),
		TEXT("n UTF-16", "[\0]\0"),
		TEXT("i lone surrogate", "[\"\\ud800\"]"),
		TEXT("i name twice", "{\"data\":1,\"data\":2}"),
		TEXT("i large number", "[1e9999]"),
#undef TEXT
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		check_everywhere(rows[i].name, rows[i].text);
}

static void check_file(const char *name)
{
	static char text[1 << 20];
	char path[512];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", CORPUS, name);
	f = fopen(path, "r");
	assert_non_null(f);
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	check_everywhere(name, (struct yt_str){ text, n });
	yt_arena_reset(plain.arena);
	yt_arena_reset(sealed.arena);
	yt_arena_reset(wrapped.arena);
}

static void test_corpus_at_every_place(void **state)
{
	DIR *dir = opendir(CORPUS);
	struct dirent *entry;

	if (dir == NULL) {
		print_message("skipped: no corpus at %s\n", CORPUS);
		skip();
	}
	n_taken = n_refused = 0;
	while ((entry = readdir(dir)) != NULL)
		if (strstr(entry->d_name, ".json") != NULL)
			check_file(entry->d_name);
	closedir(dir);
	print_message("corpus at 18 places: %zu taken, %zu refused\n", n_taken, n_refused);
	assert_true(n_taken > 0 && n_refused > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_few_at_every_place),
		cmocka_unit_test(test_corpus_at_every_place),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
