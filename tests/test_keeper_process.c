/* tests/test_keeper_process.c - what is configured reaches the keeper's machine, in its units; what is open holds what
 * it needs of a configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process/keeper_process.h"

#define DAY_MS (24LL * 3600 * 1000)

static void settings_reach_the_machine(void **state)
{
	struct conf_party parties[] = { { .late_ms = 1, .server_delay_ms = 2 },
		{ .late_ms = 60000, .server_delay_ms = 180000 }, { .late_ms = 3 } };
	struct conf conf = { .numbers = { .serial_from = 9000, .serial_to = 9999 },
		.resolution = { .reverse_after_ms = 15000, .undelivered_ms = 1800000, .retry_max_ms = 7000 },
		.cases = { .facts_days = 400 },
		.limits = { .ring_mib = 4, .exchanges = 100 },
		.gateway = { .workers = 3 },
		.parties = parties,
		.n_parties = 3 };
	struct keeper_conf k;

	memset(&k, 0xff, sizeof(k));
	kp_conf_of_machine(&k, &conf);
	assert_int_equal(k.serial_from, 9000);
	assert_int_equal(k.serial_to, 9999);
	assert_int_equal(k.reverse_after_ms, 15000);
	assert_int_equal(k.undelivered_ms, 1800000);
	assert_int_equal(k.longest_wait_ms, 240000 + 1000); /* the slowest party's */
	assert_int_equal(k.facts_ms, 400 * DAY_MS);
	assert_int_equal(k.message_bytes, (4 << 20) - 4096);
	assert_int_equal(k.exchanges, 100 * 3 * 2);
	conf.resolution.retry_max_ms = 300000;
	conf.cases.facts_days = 36500; /* more than 32 bits of milliseconds */
	kp_conf_of_machine(&k, &conf);
	assert_int_equal(k.longest_wait_ms, 300000 + 1000);
	assert_int_equal(k.facts_ms, 36500 * DAY_MS);
}

/* A listener "door" and parties "bank" and "centre", each in its format; NULL: it is not there. */
struct formats {
	const char *door, *bank, *centre;
};

static const struct needs_case {
	const char *party, *listener; /* of the exchange that is open */
	struct formats next;
	const char *needs; /* "": nothing that is dropped */
} needs_cases[] = {
	{ "centre", "door", { "a", "b", "c" }, "" },
	{ "centre", "door", { "a", NULL, "c" }, "" },
	{ "centre", "door", { NULL, "b", "c" }, "listener door in its format" },
	{ "centre", "door", { "x", "b", "c" }, "listener door in its format" },
	{ "centre", "door", { "a", "b", NULL }, "party centre in its format" },
	{ "centre", "door", { "a", "b", "x" }, "party centre in its format" },
	{ "bank", "bank", { "a", "b", "c" }, "" }, /* what was fetched of it */
	{ "bank", "bank", { NULL, "b", NULL }, "" },
	{ "bank", "bank", { "a", NULL, "c" }, "party bank in its format" },
	{ "bank", "bank", { "a", "x", "c" }, "party bank in its format" },
	{ "", "", { NULL, NULL, NULL }, "" },
};

static void put_listener(FILE *f, const char *name, unsigned port, const char *format)
{
	if (format != NULL)
		fprintf(f,
		        "  - { name: %s, kind: mtls, address: 127.0.0.1, port: %u, format: %s, cert: c, key: k,"
		        " client_ca: c }\n",
		        name, port, format);
}

static void put_party(FILE *f, const char *name, const char *format)
{
	if (format != NULL)
		fprintf(f, "  - { name: %s, format: %s, url: \"https://127.0.0.1:9/\", ca: c }\n", name, format);
}

static struct conf *conf_with(const struct formats *formats)
{
	char path[] = "/tmp/test-keeper-process-XXXXXX";
	int fd = mkstemp(path);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	struct conf_errors errors = { .n = 0 };
	struct conf *conf = NULL;

	assert_non_null(f);
	fprintf(f, "gateway: { profile: development }\nlisteners:\n");
	put_listener(f, "other", 8001, "a");
	put_listener(f, "door", 8002, formats->door);
	fprintf(f, "parties:\n");
	put_party(f, "other", "a");
	put_party(f, "bank", formats->bank);
	put_party(f, "centre", formats->centre);
	fprintf(f, "origins:\n  - { name: one, subject: one, institutions: [H33021399901], timeout_ms: 180000 }\n"
	           "institutions:\n  - { code: H33021399901, name: one, area: \"330213\", operator: YT9001 }\n"
	           "routes:\n  - { name: all, to: other }\n");
	fclose(f);
	if (conf_load_with(&conf, path, CONF_NO_FILES, &errors) != 0)
		fail_msg("line %u: %s", (unsigned)errors.item[0].line, errors.item[0].text);
	unlink(path);
	return conf;
}

static void what_is_open_holds_what_it_needs(void **state)
{
	struct conf *now = conf_with(&(struct formats){ "a", "b", "c" });

	(void)state;
	for (size_t i = 0; i < sizeof(needs_cases) / sizeof(needs_cases[0]); i++) {
		const struct needs_case *c = &needs_cases[i];
		struct conf *next = conf_with(&c->next);
		struct kp_checking checking = { now, next, 0, { 0 } };
		struct exchange x;

		memset(&x, 0, sizeof(x));
		snprintf(x.party, sizeof(x.party), "%s", c->party);
		snprintf(x.listener, sizeof(x.listener), "%s", c->listener);
		kp_check_each(&checking, &x);
		assert_string_equal(checking.what, c->needs);
		assert_int_equal(checking.n, c->needs[0] != '\0');
		conf_free(next);
	}
	conf_free(now);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(settings_reach_the_machine),
		cmocka_unit_test(what_is_open_holds_what_it_needs) };

	return cmocka_run_group_tests_name("keeper process", tests, NULL, NULL);
}
