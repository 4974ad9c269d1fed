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

/* -- octets from the log ---------------------------------------------------------------------------- */

#define N_LARGE (KP_UNPACKED + 2)

static void add_octets(struct yt_buf *buf, uint64_t exchange, const char *what, unsigned no)
{
	size_t at = rec_begin(buf, REC_FACTS, 0, exchange, 0);
	char text[40];

	snprintf(text, sizeof(text), "%s %u of %u", what, no, (unsigned)exchange);
	rec_str(buf, REC_T_FACTS, yt_str(text));
	rec_end(buf, at);
}

static int ignore(void *arg, const struct rec *rec, log_pos pos)
{
	return 0;
}

/* Of each exchange two words, in n records and one of another. */
static log_pos commit_words(struct keeper_process *p, unsigned no, unsigned n)
{
	struct yt_buf buf = { 0 };
	log_pos pos;

	for (unsigned i = 0; i < n; i++)
		add_octets(&buf, 1 + i % (n / 2), i < n / 2 ? "first" : "last", no);
	rec_end(&buf, rec_begin(&buf, REC_FACTS, 0, 9999, 0));
	assert_int_equal(log_commit(p->log, yt_buf_view(&buf), &pos), 0);
	yt_buf_free(&buf);
	return pos;
}

static void assert_fetched(struct keeper_process *p, log_pos pos, uint64_t exchange, const char *want)
{
	struct yt_buf got = { 0 };
	int rv = kp_fetch(p, pos, exchange, REC_T_FACTS, &got);

	assert_int_equal(rv, want == NULL ? YT_ENOTFOUND : 0);
	assert_true(want == NULL || yt_str_is(yt_buf_view(&got), want));
	yt_buf_free(&got);
}

static unsigned count_unpacked(const struct keeper_process *p)
{
	unsigned n = 0;

	for (size_t i = 0; i < KP_UNPACKED; i++)
		n += p->unpacked[i].n > 0;
	return n;
}

/* What is found is the same whether its commit is unpacked for it or was before; only large ones stay so. */
static void octets_are_found(void **state)
{
	struct keeper_process *p = calloc(1, sizeof(*p));
	char folder[] = "/tmp/test_keeper_process.XXXXXX", want[40], command[80];
	struct log_problem why;
	log_pos small, large[N_LARGE];

	assert_non_null(p);
	assert_non_null(mkdtemp(folder));
	p->log_conf = (struct log_conf){ .segment_bytes = 1 << 20, .reserve_segments = 1 };
	assert_int_equal(yt_io_folder(folder, &p->io), 0);
	assert_int_equal(log_open(&p->log, &p->log_conf, &p->io, 0, ignore, NULL, &why), 0);
	small = commit_words(p, 77, 20);
	for (unsigned i = 0; i < N_LARGE; i++)
		large[i] = commit_words(p, i, 300);
	for (unsigned round = 0; round < 3; round++) {
		assert_fetched(p, small, 3, "last 77 of 3");
		assert_int_equal(count_unpacked(p), round == 0 ? 0 : KP_UNPACKED);
		for (unsigned i = 0; i < N_LARGE; i++) {
			snprintf(want, sizeof(want), "last %u of 1", i);
			assert_fetched(p, large[i], 1, want);
			snprintf(want, sizeof(want), "last %u of 150", i);
			assert_fetched(p, large[i], 150, want);
			assert_fetched(p, large[i], 151, NULL);
			assert_fetched(p, large[i], 9999, NULL);
		}
	}
	kp_fetch_forget(p);
	assert_int_equal(count_unpacked(p), 0);
	assert_fetched(p, large[0], 1, "last 0 of 1");
	kp_fetch_forget(p);
	log_close(p->log);
	yt_io_close(&p->io);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	assert_int_equal(system(command), 0);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(settings_reach_the_machine),
		cmocka_unit_test(octets_are_found), cmocka_unit_test(what_is_open_holds_what_it_needs) };

	return cmocka_run_group_tests_name("keeper process", tests, NULL, NULL);
}
