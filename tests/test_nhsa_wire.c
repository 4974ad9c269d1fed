/* tests/test_nhsa_wire.c - the nhsa plugin around its messages: paths, secrets, signatures, encryption. */
#include "nhsa_codec.h"

/* Paths. */

static const struct path_case {
	const char *it;
	struct plugin_setting settings[2];
	const char *wire, *want; /* NULL: there is none */
} path_cases[] = {
	{ "one address for all", { { "path", "one" } }, "2207", "/fsi/api/rsfComIfsService/callService" },
	{ "files have their own", { { "path", "one" } }, "9101", "/fsi/api/fileupload/upload" },
	{ "a number is appended", { { "path", "number" } }, "2207", "/fsi/api/rsfComIfsService/callService/2207" },
	{ "a service is appended", { { "path", "service" } }, "2207",
	        "/fsi/api/rsfComIfsService/callService/outpatientSettleService/saveSettletmentV2" },
	{ "a variant has its own service", { { "path", "service" } }, "2207A",
	        "/fsi/api/rsfComIfsService/callService/outpatientSettleService/saveSettletment" },
	{ "a catalogue is named by its number", { { "path", "service" } }, "1305",
	        "/fsi/api/rsfComIfsService/callService/catalogdownservice/downCatalog1305" },
	{ "a service that nobody told", { { "path", "service" } }, "1312", NULL },
	{ "a service of this province",
	        { { "path", "service" }, { "paths", "1312=catalogqueryservice/query;9101=/up" } }, "1312",
	        "/fsi/api/rsfComIfsService/callService/catalogqueryservice/query" },
	{ "an address of this province",
	        { { "path", "service" }, { "paths", "1312=catalogqueryservice/query;9101=/up" } }, "9101", "/up" },
};

static void a_path(void **state)
{
	const struct path_case *row = *state;
	struct codec c = open_with(row->settings, row->settings[1].key != NULL ? 2 : 1, NULL);
	struct yt_str path;
	int rv = c.api->path(
	        c.plugin, yt_str(row->wire), YT_STR("/fsi/api/rsfComIfsService/callService"), c.arena, &path);

	assert_int_equal(rv, row->want != NULL ? 0 : YT_ENOTFOUND);
	if (row->want != NULL)
		assert_text(path, row->want);
	codec_close(&c);
}

static const struct wrong_setting {
	const char *it;
	struct plugin_setting setting;
} wrong_settings[] = {
	{ "a shape that is none", { "path", "all" } },
	{ "a file form that is none", { "file_form", "hex" } },
	{ "a number too long", { "numbers", "2207=2207AAA" } },
	{ "a number without another", { "numbers", "2207" } },
	{ "a review that never ends", { "review_ms", "0" } },
	{ "a review that may do anything", { "review_without_answer", "maybe" } },
	{ "a path without number", { "paths", "=x" } },
	{ "a number without path", { "paths", "2207=" } },
	{ "a number that is none", { "paths", "outpatient=x" } },
};

static void a_setting_is_refused_that_is(void **state)
{
	const struct wrong_setting *row = *state;
	struct yt_plugin *plugin;
	char why[512];

	assert_int_equal(
	        plugin_load(&plugin, YT_PLUGIN_DIR "/nhsa.so", "test", &row->setting, 1, NULL, why, sizeof(why)),
	        YT_ECONF);
}

/* Secrets. */

static void put_hash(void *ctx, struct yt_str secret, struct yt_buf *out)
{
	yt_buf_printf(out, "#%zu%s", secret.n, (const char *)ctx);
}

static const struct secret_case {
	const char *it;
	const char *wire;
	bool is_answer;
	const char *octets, *want; /* NULL: nothing to blank */
} secret_cases[] = {
	{ "the number of an electronic credential", "2201", false,
	        "{ \"input\": {\"data\":{\"mdtrt_cert_type\":\"01\", \"mdtrt_cert_no\" : "
	        "\"TOKEN\",\"psn_no\":\"P1\"}}}",
	        "{ \"input\": {\"data\":{\"mdtrt_cert_type\":\"01\", \"mdtrt_cert_no\" : "
	        "\"#5!\",\"psn_no\":\"P1\"}}}" },
	{ "the number of an identity card", "2201", false,
	        "{\"input\":{\"data\":{\"mdtrt_cert_type\":\"02\",\"mdtrt_cert_no\":\"TOKEN\"}}}", NULL },
	{ "a decoded token and its picture", "1162", true,
	        "{\"infcode\":0,\"output\":{\"ecQrCode\":\"Q\\u0041\",\"userName\":\"王\",\"ecToken\":\"TTT\"}}",
	        "{\"infcode\":0,\"output\":{\"ecQrCode\":\"#2!\",\"userName\":\"王\",\"ecToken\":\"#3!\"}}" },
	{ "an empty token", "1162", true, "{\"output\":{\"ecToken\":\"\",\"authNo\":null}}", NULL },
	{ "no business part", "1162", true, "{\"infcode\":-1}", NULL },
	{ "a transaction without secrets", "2203", false, "{\"input\":", NULL },
	{ "a transaction that nobody knows", "2999", false, "{\"input\":", NULL },
};

static void blanking(void **state)
{
	const struct secret_case *row = *state;
	struct codec c = open_with(NULL, 0, NULL);
	struct yt_buf out = { 0 };
	int rv = c.api->blank(
	        c.plugin, yt_str(row->wire), row->is_answer, c.arena, yt_str(row->octets), put_hash, "!", &out);

	assert_int_equal(rv, row->want != NULL ? 1 : 0);
	assert_text(yt_buf_view(&out), row->want != NULL ? row->want : "");
	yt_buf_free(&out);
	codec_close(&c);
}

static void what_cannot_be_read_is_not_called_clean(void **state)
{
	struct codec c = open_with(NULL, 0, NULL);
	struct yt_buf out = { 0 };

	assert_int_equal(c.api->blank(c.plugin, YT_STR("1162"), true, c.arena, YT_STR("{\"output\":{\"ecToken\":\"T"),
	                         put_hash, "", &out),
	        YT_EFORMAT);
	assert_int_equal(out.n, 0);
	codec_close(&c);
}

static void a_message_says_how_many_secrets_it_has(void **state)
{
	struct codec c = open_with(NULL, 0, NULL);
	struct yt_msg *msg = yt_msg_new(c.arena);
	struct yt_reply *reply = yt_reply_new(c.arena);

	assert_int_equal(
	        c.api->decode_request(c.plugin,
	                YT_STR(REQUEST("1101", "{\"data\":{\"mdtrt_cert_type\":\"01\",\"mdtrt_cert_no\":\"T\"}}")), msg,
	                &c.fault),
	        0);
	assert_int_equal(msg->n_secrets, 1);
	msg = yt_msg_new(c.arena);
	assert_int_equal(
	        c.api->decode_request(c.plugin,
	                YT_STR(REQUEST("1101", "{\"data\":{\"mdtrt_cert_type\":\"03\",\"mdtrt_cert_no\":\"T\"}}")), msg,
	                &c.fault),
	        0);
	assert_int_equal(msg->n_secrets, 0);
	msg->wire_op = YT_STR("1162");
	msg->op = yt_op(YT_OP_CREDENTIAL_READ);
	assert_int_equal(c.api->decode_reply(c.plugin, msg, 200,
	                         YT_STR("{\"infcode\":0,\"output\":{\"ecToken\":\"T\",\"authNo\":\"A\"}}"), reply),
	        0);
	assert_int_equal(reply->n_secrets, 2);
	codec_close(&c);
}

/* Signing at an API bus (variant A2). */

#define BUS_MS INT64_C(1741915815000)

/* A file of one line for a secret; what is in it is made up. */
static void write_secret(const char *path, const char *secret)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(secret, file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

static struct codec open_bus(const char *unit)
{
	const struct plugin_setting settings[] = { { "headers", "api-bus" }, { "paasid", "EXAMPLEAK" },
		{ "key", "bus" }, { "api_name", "hssServives" }, { "api_time", unit } };
	char path[] = "/tmp/yitong-secret-XXXXXX", why[256];
	int fd = mkstemp(path);
	struct yt_keys *keys;

	assert_true(fd >= 0);
	close(fd);
	write_secret(path, "EXAMPLESK");
	assert_int_equal(keys_open(&keys, NULL, why, sizeof(why)), 0);
	assert_int_equal(keys_add_secret(keys, "bus", path, why, sizeof(why)), 0);
	unlink(path);
	return open_with(settings, COUNT(settings), keys);
}

static void the_published_signature_of_the_bus_is_ours(void **state)
{
	struct codec c = open_bus("ms");
	struct yt_header headers[8];

	assert_int_equal(c.api->sign(c.plugin, c.arena, BUS_MS, headers, 8), 5);
	assert_text(headers[4].name, "_api_signature");
	assert_text(headers[4].value, "fRCgonQMRZYofDLpl7KbLw+d4Ss=");
	assert_text(headers[2].value, "1741915815000");
	assert_text(c.api->sender(c.plugin, headers, 5), "EXAMPLEAK");
	assert_int_equal(c.api->verify(c.plugin, headers, 5, YT_STR("bus"), BUS_MS, &c.fault), 0);
	assert_int_equal(c.api->sign(c.plugin, c.arena, BUS_MS, headers, 4), 0);
	codec_close(&c);
	c = open_bus("s");
	assert_int_equal(c.api->sign(c.plugin, c.arena, BUS_MS, headers, 8), 5);
	assert_text(headers[2].value, "1741915815");
	assert_int_equal(c.api->verify(c.plugin, headers, 5, YT_STR("bus"), BUS_MS + 100000, &c.fault), 0);
	codec_close(&c);
}

static const struct bus_denial {
	const char *it;
	int header;        /* which of the five is spoilt; 5: none */
	const char *value; /* NULL: left out */
	int64_t late_ms;
	const char *why;
} bus_denials[] = {
	{ "no signature", 4, NULL, 0, "is missing or given more than once" },
	{ "another signature", 4, "fRCgonQMRZYofDLpl7KbLw+d4St=", 0, "does not fit the other headers and the secret" },
	{ "a short signature", 4, "fRCg", 0, "does not fit the other headers and the secret" },
	{ "another service", 1, "hssServices", 0, "does not fit the other headers and the secret" },
	{ "no time", 2, "yesterday", 0, "is not a time in seconds or milliseconds since 1970" },
	{ "an old time", 5, NULL, 181000, "is too far from our clock (setting window_s)" },
	{ "a time to come", 5, NULL, -181000, "is too far from our clock (setting window_s)" },
};

static void a_caller_of_the_bus_is_denied_with(void **state)
{
	const struct bus_denial *row = *state;
	struct codec c = open_bus("ms");
	struct yt_header headers[8];
	size_t n = 5;

	assert_int_equal(c.api->sign(c.plugin, c.arena, BUS_MS, headers, 8), 5);
	if (row->header < 5 && row->value != NULL)
		headers[row->header].value = yt_str(row->value);
	else if (row->header < 5)
		n = 4;
	assert_int_equal(
	        c.api->verify(c.plugin, headers, n, YT_STR("bus"), BUS_MS + row->late_ms, &c.fault), YT_EDENIED);
	assert_string_equal(c.fault.why, row->why);
	codec_close(&c);
}

/* What a province calls and wants its own way. */

#define UPLOAD(in)                                                                                                     \
	REQUEST("9101", "{\"fsUploadIn\":{\"in\":" in ",\"filename\":\"a.zip\",\"fixmedins_code\":\"H33021399901\"}}")

static const struct form {
	const char *it;
	struct plugin_setting setting;
	const char *octets;
	const char *want; /* part of what is written; NULL: refused */
} forms[] = {
	{ "bytes to Base64", { "file_form", "base64" }, UPLOAD("[80,75,3,4,-1,255,\t-128]"),
	        "\"in\":\"UEsDBP//gA==\"" },
	{ "Base64 stays", { "file_form", "base64" }, UPLOAD("\"UEsDBA==\""), "\"in\":\"UEsDBA==\"" },
	{ "Base64 to bytes", { "file_form", "bytes" }, UPLOAD("\"UEsDBP//gA==\""), "\"in\":[80,75,3,4,-1,-1,-128]" },
	{ "bytes stay", { "file_form", "bytes" }, UPLOAD("[80,75]"), "\"in\":[80,75]" },
	{ "either is kept", { "file_form", "keep" }, UPLOAD("[80, 75]"), "\"in\":[80, 75]" },
	{ "a byte that is none", { "file_form", "base64" }, UPLOAD("[80,256]"), NULL },
	{ "a byte below all", { "file_form", "base64" }, UPLOAD("[-129]"), NULL },
	{ "a byte that is a text", { "file_form", "base64" }, UPLOAD("[\"80\"]"), NULL },
	{ "a text that is no Base64", { "file_form", "bytes" }, UPLOAD("\"UEsD!A==\""), NULL },
	{ "a Base64 that is cut", { "file_form", "bytes" }, UPLOAD("\"UEsDB\""), NULL },
	{ "another number", { "numbers", "2206=2206A;2202=2299" },
	        REQUEST("2202", "{\"data\":{\"psn_no\":\"P1\",\"mdtrt_id\":\"M1\",\"ipt_otp_no\":\"O1\"}}"),
	        "{\"infno\":\"2299\"," },
	{ "a number that stays", { "numbers", "2206=2206A" },
	        REQUEST("2202", "{\"data\":{\"psn_no\":\"P1\",\"mdtrt_id\":\"M1\",\"ipt_otp_no\":\"O1\"}}"),
	        "{\"infno\":\"2202\"," },
};

static void a_form(void **state)
{
	const struct form *row = *state;
	struct codec c = open_with(&row->setting, 1, NULL);
	struct yt_msg *msg = yt_msg_new(c.arena);
	struct yt_buf out = { 0 };
	int rv;

	assert_int_equal(c.api->decode_request(c.plugin, yt_str(row->octets), msg, &c.fault), 0);
	rv = c.api->encode_request(c.plugin, msg, &out, &c.fault);
	yt_buf_byte(&out, '\0');
	assert_int_equal(rv, row->want != NULL ? 0 : YT_EFORMAT);
	if (row->want != NULL)
		assert_non_null(strstr((char *)out.p, row->want));
	else
		assert_string_equal(c.fault.path, "input.fsUploadIn.in");
	yt_buf_free(&out);
	codec_close(&c);
}

static void a_renamed_transaction_goes_to_its_own_path(void **state)
{
	const struct plugin_setting settings[] = { { "numbers", "2207=2207A" }, { "path", "service" } };
	struct codec c = open_with(settings, COUNT(settings), NULL);
	struct yt_str path;

	assert_int_equal(c.api->path(c.plugin, YT_STR("2207"), YT_STR("/fsi/api/"), c.arena, &path), 0);
	assert_text(path, "/fsi/api/outpatientSettleService/saveSettletment");
	codec_close(&c);
}

/* Reviews. */

static void a_review_without_an_answer_lets_treatment_go_on(void **state)
{
	const struct plugin_setting open[] = { { "review_ms", "1500" } },
	                            closed[] = { { "review_without_answer", "refuse" } };
	struct codec c = open_with(open, 1, NULL);
	struct yt_msg *msg = yt_msg_new(c.arena);
	struct yt_reply *instead = yt_reply_new(c.arena);
	struct yt_buf out = { 0 };

	msg->wire_op = YT_STR("3101");
	msg->op = yt_op(YT_OP_REVIEW_BEFORE);
	assert_int_equal(c.api->patience(c.plugin, msg, instead), 1500);
	assert_int_equal(instead->outcome, YT_DONE);
	assert_int_equal(c.api->encode_reply(c.plugin, msg, instead, &out), 0);
	yt_buf_byte(&out, '\0');
	assert_non_null(strstr((char *)out.p, "\"infcode\":0,"));
	assert_non_null(strstr((char *)out.p, "\"output\":{\"result\":[]}"));
	assert_non_null(strstr((char *)out.p, "本次未审核"));
	msg->op = yt_op(YT_OP_OUTPATIENT_SETTLE); /* nothing else is ever answered so */
	instead = yt_reply_new(c.arena);
	assert_int_equal(c.api->patience(c.plugin, msg, instead), 0);
	assert_int_equal(instead->outcome, YT_UNKNOWN);
	codec_close(&c);
	c = open_with(closed, 1, NULL);
	msg = yt_msg_new(c.arena);
	instead = yt_reply_new(c.arena);
	msg->op = yt_op(YT_OP_REVIEW_DURING);
	assert_int_equal(c.api->patience(c.plugin, msg, instead), 3000);
	assert_int_equal(instead->outcome, YT_UNKNOWN);
	yt_buf_free(&out);
	codec_close(&c);
}

int main(void)
{
	static const struct CMUnitTest single[] = {
		cmocka_unit_test(the_published_signature_of_the_bus_is_ours),
		cmocka_unit_test(a_renamed_transaction_goes_to_its_own_path),
		cmocka_unit_test(a_review_without_an_answer_lets_treatment_go_on),
		cmocka_unit_test(what_cannot_be_read_is_not_called_clean),
		cmocka_unit_test(a_message_says_how_many_secrets_it_has),
	};
	static struct CMUnitTest tests[COUNT(single) + COUNT(path_cases) + COUNT(wrong_settings) + COUNT(secret_cases) +
	                               COUNT(bus_denials) + COUNT(forms)];
	size_t n = COUNT(single);

	memcpy(tests, single, sizeof(single));
	ROWS(path_cases, a_path);
	ROWS(wrong_settings, a_setting_is_refused_that_is);
	ROWS(secret_cases, blanking);
	ROWS(forms, a_form);
	ROWS(bus_denials, a_caller_of_the_bus_is_denied_with);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
