/* tests/test_plugin.c - the loader: which files it takes, how tables of other ages fit, settings, host services. */
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

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define VARIANT(name) YT_PLUGIN_DIR "/test/" name ".so"

static void assert_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no \"%s\" in \"%s\"", part, text);
}

static const struct refusal {
	const char *it;
	const char *file;
	struct plugin_setting setting[2];
	size_t n;
	int want;
	const char *why;
} refusals[] = {
	{ "there is no file", VARIANT("nothing"), { { 0 } }, 0, YT_ECONF, "cannot be read" },
	{ "the file is a folder", YT_PLUGIN_DIR "/test", { { 0 } }, 0, YT_EDENIED, "not a regular file" },
	{ "the file is no library", YT_SOURCE_DIR "/CMakeLists.txt", { { 0 } }, 0, YT_ECONF, "cannot be loaded" },
	{ "the library is no plugin", VARIANT("nosymbol"), { { 0 } }, 0, YT_ECONF, "has no yt_codec_api" },
	{ "the ABI has another major", VARIANT("major"), { { 0 } }, 0, YT_ECONF, "rebuild the plugin" },
	{ "the table is too small to hold a name", VARIANT("tiny"), { { 0 } }, 0, YT_ECONF, "only 16 bytes" },
	{ "the name has forbidden characters", VARIANT("misnamed"), { { 0 } }, 0, YT_ECONF, "a-z, 0-9 and -" },
	{ "there is no content type", VARIANT("untyped"), { { 0 } }, 0, YT_ECONF, "content type" },
	{ "a required setting is missing", VARIANT("settings"), { { "may", "x" } }, 1, YT_ECONF,
	        "needs the setting \"must\"" },
	{ "a setting is unknown", VARIANT("settings"), { { "must", "x" }, { "mst", "x" } }, 2, YT_ECONF,
	        "has no setting \"mst\"; it has: must, may" },
	{ "a setting is given twice", VARIANT("settings"), { { "must", "x" }, { "must", "y" } }, 2, YT_ECONF,
	        "given twice" },
	{ "open() refuses", VARIANT("unwilling"), { { 0 } }, 0, YT_ECONF, "refused its settings: it did not say why" },
	{ "open() refuses a setting", VARIANT("settings"), { { "must", "x" }, { "may", "never" } }, 2, YT_ECONF,
	        "plugin settings refused its settings: setting may is never good" },
};

static void a_plugin_is_refused_if(void **state)
{
	const struct refusal *row = *state;
	struct yt_plugin *plugin;
	char why[512];
	struct plugin_problem problem = { why, sizeof(why), "" };

	assert_int_equal(
	        plugin_load_telling(&plugin, row->file, "one", row->setting, row->n, NULL, &problem), row->want);
	assert_null(plugin);
	assert_has(why, row->why);
	assert_string_equal(
	        problem.key, row->n == 0 || strstr(row->why, "needs") != NULL ? "" : row->setting[row->n - 1].key);
}

/* Members that an older plugin never knew are NULL, not what stands in memory behind its table. */
static void an_older_plugin_has_null_for_what_it_never_knew(void **state)
{
	struct yt_plugin *plugin;
	char why[512];

	if (plugin_load(&plugin, VARIANT("older"), "one", NULL, 0, NULL, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	assert_string_equal(plugin_api(plugin)->name, "older");
	assert_null(plugin_api(plugin)->open);
	assert_null(plugin_api(plugin)->decode_request);
	plugin_unload(plugin);
}

static void a_newer_plugin_loads_without_what_we_do_not_know(void **state)
{
	struct yt_plugin *plugin;
	char why[512];

	if (plugin_load(&plugin, VARIANT("newer"), "one", NULL, 0, NULL, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	assert_int_equal(plugin_api(plugin)->abi_minor, YT_ABI_MINOR + 1);
	plugin_unload(plugin);
}

static void settings_are_the_given_or_the_default_ones(void **state)
{
	char must[] = "given", why[512];
	const struct plugin_setting settings[] = { { "must", must } };
	struct yt_plugin *plugin;
	struct yt_header header;

	assert_int_equal(plugin_load(&plugin, VARIANT("settings"), "one", settings, 1, NULL, why, sizeof(why)), 0);
	memset(must, 'x', sizeof(must) - 1); /* ours were copies */
	assert_true(yt_str_is(plugin_api(plugin)->sender(plugin, &header, 0), "given"));
	assert_true(yt_str_is(plugin_api(plugin)->sender(plugin, &header, 1), "default"));
	plugin_unload(plugin);
}

static void two_instances_keep_their_own(void **state)
{
	const struct plugin_setting first = { "must", "1" }, second = { "must", "2" };
	struct yt_plugin *a, *b;
	struct yt_header header;
	char why[512];

	assert_int_equal(plugin_load(&a, VARIANT("settings"), "a", &first, 1, NULL, why, sizeof(why)), 0);
	assert_int_equal(plugin_load(&b, VARIANT("settings"), "b", &second, 1, NULL, why, sizeof(why)), 0);
	assert_true(yt_str_is(plugin_api(a)->sender(a, &header, 0), "1"));
	assert_true(yt_str_is(plugin_api(b)->sender(b, &header, 0), "2"));
	assert_string_equal(plugin_name(b), "b");
	plugin_unload(a);
	assert_int_equal(*(int *)yt_plugin_ctx(b), 1); /* open() and close() are paired */
	plugin_unload(b);
}

static void copy_file(const char *from, const char *to, mode_t mode)
{
	static char bytes[1 << 22];
	FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
	size_t n;

	assert_non_null(in);
	assert_non_null(out);
	n = fread(bytes, 1, sizeof(bytes), in);
	assert_int_equal(fwrite(bytes, 1, n, out), n);
	fclose(in);
	fclose(out);
	assert_int_equal(chmod(to, mode), 0);
}

static const struct trust {
	const char *it;
	mode_t mode;
	bool foreign; /* belongs to another user */
	bool renamed;
	int want;
	const char *why;
} trusts[] = {
	{ "a file that only its owner writes is taken", 0755, false, false, 0, "" },
	{ "a file that its group may write is refused", 0775, false, false, YT_EDENIED, "chmod go-w" },
	{ "a file that all may write is refused", 0757, false, false, YT_EDENIED, "chmod go-w" },
	{ "a stranger's file is refused", 0755, true, false, YT_EDENIED, "chown it" },
	{ "a file under another plugin's name is refused", 0755, false, true, YT_ECONF, "rename it to newer.so" },
};

static void trust_in_a_file(void **state)
{
	const struct trust *row = *state;
	char folder[] = "/tmp/yt-plugin-XXXXXX", file[64], why[512] = "";
	struct yt_plugin *plugin = NULL;
	int rv;

	if (row->foreign && geteuid() != 0) {
		print_message("skipped: only root can give a file away\n");
		skip();
	}
	assert_non_null(mkdtemp(folder));
	snprintf(file, sizeof(file), "%s/%s.so", folder, row->renamed ? "nhsa" : "newer");
	copy_file(VARIANT("newer"), file, row->mode);
	if (row->foreign)
		assert_int_equal(chown(file, 65534, 65534), 0);
	rv = plugin_load(&plugin, file, "one", NULL, 0, NULL, why, sizeof(why));
	plugin_unload(plugin);
	unlink(file);
	rmdir(folder);
	assert_int_equal(rv, row->want);
	assert_has(why, row->why);
}

static const struct pin {
	const char *it, *octets, *sha256;
	int want;
	const char *why;
} pins[] = {
	{ "a file with the digest that is pinned is taken", "abc",
	        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 0, "" },
	{ "a digest in capitals is the same one", "abc",
	        "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD", 0, "" },
	{ "a file with another digest is refused", "abd",
	        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", YT_EDENIED,
	        "has SHA-256 a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9" },
	{ "a digest that is cut is refused", "abc", "ba7816bf8f01cfea414140de5dae2223", YT_ECONF, "64 hex digits" },
	{ "a digest of other letters is refused", "abc",
	        "za7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", YT_ECONF, "64 hex digits" },
	{ "a pinned file that is not there is refused", NULL,
	        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", YT_ECONF, "cannot be read" },
};

static void a_pin(void **state)
{
	const struct pin *row = *state;
	char file[] = "/tmp/yt-pin-XXXXXX", why[512] = "";
	int fd = mkstemp(file);

	assert_true(fd >= 0);
	if (row->octets != NULL)
		assert_int_equal(write(fd, row->octets, strlen(row->octets)), strlen(row->octets));
	else
		unlink(file);
	close(fd);
	assert_int_equal(plugin_check_digest(file, row->sha256, why, sizeof(why)), row->want);
	unlink(file);
	assert_has(why, row->why);
}

/* nhsa.md 1.4, test vector */
static void the_published_digest_is_reproduced(void **state)
{
	const struct plugin_setting setting = { "must", "1" };
	char file[] = "/tmp/yt-secret-XXXXXX", why[512], out[65];
	struct yt_plugin *plugin;
	struct yt_keys *keys;
	int fd = mkstemp(file);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "ExampleToken0123456789abcdef\n", 29), 29);
	close(fd);
	assert_int_equal(keys_open(&keys, NULL, why, sizeof(why)), 0);
	assert_int_equal(keys_add_secret(keys, "token", file, why, sizeof(why)), 0);
	unlink(file);
	assert_int_equal(plugin_load(&plugin, VARIANT("settings"), "one", &setting, 1, keys, why, sizeof(why)), 0);
	assert_int_equal(yt_key_sha256_wrapped(plugin, YT_STR("token"), YT_STR("1741915815"),
	                         YT_STR("6f1c2d3e4a5b4c6d8e9f0a1b2c3d4e5f1741915815"), false, out),
	        0);
	assert_string_equal(out, "922d74cd67dd455917b82f0ff18d2f6d4900548fb94c6760087ab06a9f0c18ab");
	assert_int_equal(yt_key_sha256_wrapped(plugin, YT_STR("token"), YT_STR("1741915815"),
	                         YT_STR("6f1c2d3e4a5b4c6d8e9f0a1b2c3d4e5f1741915815"), true, out),
	        0);
	assert_string_equal(out, "922D74CD67DD455917B82F0FF18D2F6D4900548FB94C6760087AB06A9F0C18AB");
	assert_int_equal(
	        yt_key_sha256_wrapped(plugin, YT_STR("other"), YT_STR(""), YT_STR(""), true, out), YT_ENOTFOUND);
	assert_string_equal(out, "");
	plugin_unload(plugin);
	keys_close(keys);
}

static void random_bytes_differ(void **state)
{
	uint8_t a[300], b[300];

	yt_random(a, sizeof(a));
	yt_random(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
}

#define ROWS(table, function)                                                                                          \
	for (size_t i = 0; i < COUNT(table); i++)                                                                      \
		tests[n++] = (struct CMUnitTest)                                                                       \
		{                                                                                                      \
			.name = table[i].it, .test_func = function, .initial_state = (void *)&table[i]                 \
		}

/* What authors of plugins test with (yitong/host.h): the same table without a file. */
static void a_table_of_this_program_is_adopted(void **state)
{
	static const struct yt_setting declared[] = { { "must", NULL, "doc" }, { NULL, NULL, NULL } };
	static const struct yt_codec_api table = { .abi_major = YT_ABI_MAJOR,
		.abi_minor = YT_ABI_MINOR,
		.size = sizeof(struct yt_codec_api),
		.name = "here",
		.content_type = "text/plain",
		.settings = declared };
	const struct plugin_setting must = { "must", "x" }, other = { "must", "y" }, none = { "nothing", "y" };
	struct yt_plugin *plugin;
	char why[200];

	(void)state;
	assert_int_equal(plugin_adopt(&plugin, &table, "one", NULL, 0, NULL, why, sizeof(why)), YT_ECONF);
	assert_has(why, "needs the setting \"must\"");
	assert_int_equal(plugin_adopt(&plugin, &table, "one", &must, 1, NULL, why, sizeof(why)), 0);
	assert_true(yt_str_is(yt_plugin_setting(plugin, "must"), "x"));
	assert_int_equal(plugin_open_again(plugin, &none), YT_ENOTFOUND);
	assert_int_equal(plugin_open_again(plugin, &other), YT_ENOTFOUND); /* it has no open() */
	assert_true(yt_str_is(yt_plugin_setting(plugin, "must"), "x"));
	plugin_unload(plugin);
}

/* Only its table: a plugin that would refuse its settings can be listed. */
static void a_plugin_is_looked_at_without_being_opened(void **state)
{
	struct yt_plugin *plugin;
	char why[200];

	(void)state;
	assert_int_equal(plugin_look(&plugin, VARIANT("unwilling"), why, sizeof(why)), 0);
	assert_string_equal(plugin_api(plugin)->name, "unwilling");
	plugin_unload(plugin);
	assert_int_equal(plugin_look(&plugin, VARIANT("nosymbol"), why, sizeof(why)), YT_ECONF);
	assert_null(plugin);
}

int main(void)
{
	static const struct CMUnitTest single[] = {
		cmocka_unit_test(an_older_plugin_has_null_for_what_it_never_knew),
		cmocka_unit_test(a_newer_plugin_loads_without_what_we_do_not_know),
		cmocka_unit_test(settings_are_the_given_or_the_default_ones),
		cmocka_unit_test(two_instances_keep_their_own),
		cmocka_unit_test(the_published_digest_is_reproduced),
		cmocka_unit_test(random_bytes_differ),
		cmocka_unit_test(a_table_of_this_program_is_adopted),
		cmocka_unit_test(a_plugin_is_looked_at_without_being_opened),
	};
	static struct CMUnitTest tests[COUNT(single) + COUNT(refusals) + COUNT(trusts) + COUNT(pins)];
	size_t n = COUNT(single);

	memcpy(tests, single, sizeof(single));
	ROWS(refusals, a_plugin_is_refused_if);
	ROWS(trusts, trust_in_a_file);
	ROWS(pins, a_pin);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
