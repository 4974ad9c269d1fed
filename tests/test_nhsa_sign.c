/* tests/test_nhsa_sign.c - the nhsa plugin's header signing, variant A: made and checked. */
#include "nhsa_codec.h"

static const char *vector[4] = { "PAAS1", "1741915815", "6f1c2d3e4a5b4c6d8e9f0a1b2c3d4e5f",
	"922d74cd67dd455917b82f0ff18d2f6d4900548fb94c6760087ab06a9f0c18ab" };
#define VECTOR_MS (INT64_C(1741915815) * 1000)

static struct codec open_signing(const char *prefix, const char *hex)
{
	const struct plugin_setting settings[] = { { "paasid", "PAAS1" }, { "key", "token" }, { "headers", prefix },
		{ "hex", hex } };
	char file[] = "/tmp/yt-nhsa-XXXXXX", why[256];
	struct yt_keys *keys;
	int fd = mkstemp(file);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "ExampleToken0123456789abcdef\n", 29), 29);
	close(fd);
	assert_int_equal(keys_open(&keys, NULL, why, sizeof(why)), 0);
	if (keys_add_secret(keys, "token", file, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	unlink(file);
	return open_with(settings, COUNT(settings), keys);
}

static void fill_headers(struct yt_header headers[4], const char *prefix, char names[4][24])
{
	static const char *const parts[4] = { "-paasid", "-timestamp", "-nonce", "-signature" };

	for (size_t i = 0; i < 4; i++) {
		snprintf(names[i], 24, "%s%s", prefix, parts[i]);
		headers[i].name = yt_str(names[i]);
		headers[i].value = yt_str(vector[i]);
	}
}

static void the_published_signature_is_accepted_once(void **state)
{
	struct codec c = open_signing("x-tif", "lower");
	struct yt_header headers[4];
	char names[4][24];

	fill_headers(headers, "X-Tif", names);
	assert_text(c.api->sender(c.plugin, headers, 4), "PAAS1");
	assert_int_equal(c.api->verify(c.plugin, headers, 4, YT_STR("token"), VECTOR_MS + 179000, &c.fault), 0);
	assert_int_equal(c.api->verify(c.plugin, headers, 4, YT_STR("token"), VECTOR_MS, &c.fault), YT_EDENIED);
	assert_string_equal(c.fault.path, "x-tif-nonce");
	codec_close(&c);
}

static void a_signature_in_upper_case_is_the_same(void **state)
{
	struct codec c = open_signing("x-rio", "lower");
	struct yt_header headers[4];
	char names[4][24];

	fill_headers(headers, "x-rio", names);
	headers[3].value = YT_STR("922D74CD67DD455917B82F0FF18D2F6D4900548FB94C6760087AB06A9F0C18AB");
	assert_int_equal(c.api->verify(c.plugin, headers, 4, YT_STR("token"), VECTOR_MS, &c.fault), 0);
	codec_close(&c);
}

static const struct denial {
	const char *it;
	int header;        /* which of the four is altered */
	const char *value; /* NULL: taken away */
	int64_t clock_ms;
	const char *key;
	const char *path;
} denials[] = {
	{ "no caller", 0, NULL, VECTOR_MS, "token", "x-tif-paasid" },
	{ "no time", 1, NULL, VECTOR_MS, "token", "x-tif-timestamp" },
	{ "no nonce", 2, NULL, VECTOR_MS, "token", "x-tif-nonce" },
	{ "no signature", 3, NULL, VECTOR_MS, "token", "x-tif-signature" },
	{ "a time in words", 1, "now", VECTOR_MS, "token", "x-tif-timestamp" },
	{ "an old time", 1, "1741915815", VECTOR_MS + 181000, "token", "x-tif-timestamp" },
	{ "a time to come", 1, "1741915815", VECTOR_MS - 181000, "token", "x-tif-timestamp" },
	{ "another nonce", 2, "6f1c2d3e4a5b4c6d8e9f0a1b2c3d4e50", VECTOR_MS, "token", "x-tif-signature" },
	{ "a signature one digit off", 3, "922d74cd67dd455917b82f0ff18d2f6d4900548fb94c6760087ab06a9f0c18ac", VECTOR_MS,
	        "token", "x-tif-signature" },
	{ "half a signature", 3, "922d74cd67dd455917b82f0ff18d2f6d", VECTOR_MS, "token", "x-tif-signature" },
	{ "a key we have not", 0, "PAAS1", VECTOR_MS, "other", "x-tif-paasid" },
};

static void a_caller_is_denied_with(void **state)
{
	const struct denial *row = *state;
	struct codec c = open_signing("x-tif", "lower");
	struct yt_header headers[4];
	char names[4][24];

	fill_headers(headers, "x-tif", names);
	headers[row->header].value = yt_str(row->value);
	assert_int_equal(c.api->verify(c.plugin, headers, 4, yt_str(row->key), row->clock_ms, &c.fault), YT_EDENIED);
	assert_string_equal(c.fault.path, row->path);
	codec_close(&c);
}

static void a_header_given_twice_is_denied(void **state)
{
	struct codec c = open_signing("x-tif", "lower");
	struct yt_header headers[5];
	char names[4][24];

	fill_headers(headers, "x-tif", names);
	headers[4] = (struct yt_header){ YT_STR("x-tif-paasid"), YT_STR("PAAS2") };
	assert_int_equal(c.api->sender(c.plugin, headers, 5).n, 0);
	assert_int_equal(c.api->verify(c.plugin, headers, 5, YT_STR("token"), VECTOR_MS, &c.fault), YT_EDENIED);
	codec_close(&c);
}

static void what_we_sign_we_accept(void **state)
{
	struct codec c = open_signing("x-rio", "upper");
	struct yt_header headers[4], again[4];

	assert_int_equal(c.api->sign(c.plugin, c.arena, VECTOR_MS, headers, 4), 4);
	assert_int_equal(c.api->sign(c.plugin, c.arena, VECTOR_MS, again, 4), 4);
	assert_text(headers[0].name, "x-rio-paasid");
	assert_int_equal(headers[2].value.n, 32);
	assert_false(yt_str_eq(headers[2].value, again[2].value));
	for (size_t i = 0; i < 64; i++)
		assert_false(headers[3].value.p[i] >= 'a' && headers[3].value.p[i] <= 'f');
	assert_int_equal(c.api->verify(c.plugin, headers, 4, YT_STR("token"), VECTOR_MS, &c.fault), 0);
	assert_int_equal(c.api->verify(c.plugin, again, 4, YT_STR("token"), VECTOR_MS, &c.fault), 0);
	codec_close(&c);
}

static void without_a_caller_id_nothing_is_signed(void **state)
{
	struct codec c = open_plain();
	struct yt_header headers[4];

	assert_int_equal(c.api->sign(c.plugin, c.arena, VECTOR_MS, headers, 4), 0);
	codec_close(&c);
}

int main(void)
{
	static const struct CMUnitTest single[] = {
		cmocka_unit_test(the_published_signature_is_accepted_once),
		cmocka_unit_test(a_signature_in_upper_case_is_the_same),
		cmocka_unit_test(a_header_given_twice_is_denied),
		cmocka_unit_test(what_we_sign_we_accept),
		cmocka_unit_test(without_a_caller_id_nothing_is_signed),
	};
	static struct CMUnitTest tests[COUNT(single) + COUNT(denials)];
	size_t n = COUNT(single);

	memcpy(tests, single, sizeof(single));
	ROWS(denials, a_caller_is_denied_with);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
