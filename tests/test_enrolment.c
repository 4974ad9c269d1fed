/* tests/test_enrolment.c - an insurer's list: what a text of it may be, what its file keeps, and who is found in it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message/calendar.h"
#include "message/enrolment.h"

/* Invented, with valid check digits. */
#define ANNA "330299197511034511"
#define BO "330299198001010012"
#define CHEN "33029919900307003X"
#define PASS "E12345678"
#define SM3_OF_ABCDE "3d3c180892e9f4b1f0a311f30aedda636b3c1d8eaca4eb76a158117a729898ac"

static struct {
	char folder[64], file[96];
	struct yt_keys *keys;
	struct enrolment_key key;
	uint64_t fault_line;
	char fault[200];
	unsigned n_faults;
} t;

static void put(const char *path, const void *octets, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, octets, n), n);
	close(fd);
}

static void add_secret(const char *name, const char *value)
{
	char path[128], why[200];

	snprintf(path, sizeof(path), "%s/%s", t.folder, name);
	put(path, value, strlen(value));
	assert_int_equal(keys_add_secret(t.keys, name, path, why, sizeof(why)), 0);
}

static int setup(void **state)
{
	char why[200];

	(void)state;
	memset(&t, 0, sizeof(t));
	snprintf(t.folder, sizeof(t.folder), "/tmp/yt-enrolment-XXXXXX");
	assert_non_null(mkdtemp(t.folder));
	snprintf(t.file, sizeof(t.file), "%s/tianyi.list", t.folder);
	assert_int_equal(keys_open(&t.keys, NULL, why, sizeof(why)), 0);
	add_secret("list-key", "one");
	add_secret("other-key", "two");
	t.key = (struct enrolment_key){ t.keys, YT_STR("list-key"), YT_STR("tianyi") };
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	keys_close(t.keys);
	snprintf(command, sizeof(command), "rm -rf %s", t.folder);
	return system(command);
}

static void on_fault(void *ctx, uint64_t line, const char *why)
{
	(void)ctx;
	if (t.n_faults++ > 0)
		return;
	t.fault_line = line;
	snprintf(t.fault, sizeof(t.fault), "%s", why);
}

static int64_t day_of(const char *text)
{
	int64_t ms;

	assert_int_equal(yt_time_parse(yt_str(text), &ms), 0);
	return calendar_day(ms);
}

static int64_t noon_of(const char *text)
{
	return calendar_begins_ms(day_of(text)) + 12 * 3600000;
}

static int read_octets(struct yt_str text, struct enrolment_load *load)
{
	t.n_faults = 0;
	t.fault[0] = '\0';
	*load = (struct enrolment_load){ .key = t.key, .text = text, .fault = on_fault, .day = INT64_MIN };
	return enrolment_read(load);
}

static int read_text(const char *text, struct enrolment_load *load)
{
	return read_octets(yt_str(text), load);
}

static void load_text(const char *text)
{
	struct enrolment_load load;
	char why[300] = "";

	assert_int_equal(read_text(text, &load), 0);
	if (enrolment_write(&load, t.file, 1, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	free(load.rows);
}

static bool is_on(const struct enrolment *list, const char *certno)
{
	uint8_t row[ENROLMENT_ROW];

	assert_int_equal(enrolment_row(&t.key, yt_str(certno), row), 0);
	return enrolment_has(list, row);
}

/* -- a text ----------------------------------------------------------------------------------------- */

static const struct text_case {
	const char *it, *text;
	uint64_t n, n_twice;
	uint64_t line; /* of its first fault; 0: it has none */
	const char *fault;
	size_t len; /* 0: to the first zero */
} texts[] = {
	{ "numbers, with LF", "#day 2026-11-22\n" ANNA "\n" CHEN "\n", 2, 0, 0, NULL, 0 },
	{ "a heading, CRLF, a byte-order mark, no end of the last line",
	        "\xef\xbb\xbf"
	        "certno\r\n#day 2026-11-22\r\n" ANNA "\r\n\r\n" PASS,
	        2, 0, 0, NULL, 0 },
	{ "the same person twice, once in small letters", "#day 2026-11-22\n" CHEN "\n33029919900307003x\n" ANNA "\n",
	        2, 1, 0, NULL, 0 },
	{ "as many as it says", "#day 2026-11-22\n#count 2\n" ANNA "\n" CHEN "\n", 2, 0, 0, NULL, 0 },
	{ "a check digit that is wrong", "#day 2026-11-22\n" ANNA "\n330299197511034519\n", 0, 0, 3,
	        "is no number of an identity paper", 0 },
	{ "two columns", "#day 2026-11-22\n" ANNA ",one\n", 0, 0, 2, "is no number of an identity paper", 0 },
	{ "octets that are no text", "#day 2026-11-22\n" ANNA "\n\xff\xfe" PASS "\n", 0, 0, 3,
	        "is no number of an identity paper", 0 },
	{ "UTF-16", "#day 2026-11-22\n" ANNA "\nE\0A\0B\0C\0D\0\n", 0, 0, 3, "is no number of an identity paper",
	        sizeof("#day 2026-11-22\n" ANNA "\n0123456789\n") - 1 },
	{ "cut short, by what it says", "#day 2026-11-22\n#count 3\n" ANNA "\n" CHEN "\n", 0, 0, 4,
	        "there are more or fewer numbers than #count says", 0 },
	{ "of no day", ANNA "\n", 0, 0, 1, "nothing says which day it is of", 0 },
	{ "of a day that is none", "#day 2026-02-30\n" ANNA "\n", 0, 0, 1, "#day must name a day", 0 },
	{ "of two days", "#day 2026-11-22\n#day 2026-11-23\n" ANNA "\n", 0, 0, 2, "#day says another day", 0 },
	{ "of nobody", "#day 2026-11-22\n", 0, 0, 1, "there is no number in it", 0 },
	{ "empty", "", 0, 0, 0, "there is no number in it", 0 },
};

static void test_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const struct text_case *c = &texts[i];
		struct enrolment_load load;
		int rv = read_octets((struct yt_str){ c->text, c->len > 0 ? c->len : strlen(c->text) }, &load);

		print_message("%s\n", c->it);
		assert_int_equal(rv, c->fault == NULL ? 0 : YT_EFORMAT);
		if (c->fault == NULL)
			assert_true(load.n_rows == c->n && load.n_twice == c->n_twice);
		else
			assert_true(t.fault_line == c->line && strncmp(t.fault, c->fault, strlen(c->fault)) == 0);
		free(load.rows);
	}
}

/* Every fault is told, not only the first. */
static void test_all_faults(void **state)
{
	struct enrolment_load load;

	(void)state;
	assert_int_equal(read_text("#day 2026-11-22\nx\n" ANNA "\ny\nz\n", &load), YT_EFORMAT);
	assert_int_equal(load.n_faults, 3);
	assert_int_equal(t.n_faults, 3);
	assert_int_equal(t.fault_line, 2);
	free(load.rows);
}

/* The day may be told beside the text, but not another one. */
static void test_day_beside(void **state)
{
	struct enrolment_load load = { .key = t.key, .text = YT_STR(ANNA "\n"), .day = day_of("2026-11-21") };

	(void)state;
	assert_int_equal(enrolment_read(&load), 0);
	assert_int_equal(load.day, day_of("2026-11-21"));
	free(load.rows);
	load = (struct enrolment_load){
		.key = t.key, .text = YT_STR("#day 2026-11-22\n" ANNA "\n"), .day = day_of("2026-11-21")
	};
	assert_int_equal(enrolment_read(&load), YT_EFORMAT);
	free(load.rows);
}

/* As many as a list may have, and one more. */
static void test_too_many(void **state)
{
	struct enrolment_load load = { .key = t.key,
		.text = YT_STR("#day 2026-11-22\n" ANNA "\n" CHEN "\n" PASS "\n"),
		.fault = on_fault,
		.day = INT64_MIN,
		.most = 3 };

	(void)state;
	assert_int_equal(enrolment_read(&load), 0);
	free(load.rows);
	load.rows = NULL;
	load.n_rows = 0;
	load.most = 2;
	assert_int_equal(enrolment_read(&load), YT_EFORMAT);
	assert_int_equal(t.fault_line, 4);
	assert_non_null(strstr(t.fault, "more numbers than a list may have: 20000000"));
	free(load.rows);
	assert_int_equal(ENROLMENT_ROWS_MAX, 20000000); /* as that and docs/claims.md say */
}

/* -- its file ------------------------------------------------------------------------------------------ */

static char *read_whole(size_t *n)
{
	struct stat st;
	char *octets;
	int fd = open(t.file, O_RDONLY);

	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	octets = calloc(1, (size_t)st.st_size + 1);
	assert_non_null(octets);
	*n = (size_t)st.st_size;
	assert_int_equal(read(fd, octets, *n), *n);
	close(fd);
	return octets;
}

static void test_look_up(void **state)
{
	struct enrolment *list;
	char why[300], *octets;
	size_t n;

	(void)state;
	load_text("#day 2026-11-22\n" ANNA "\n" CHEN "\n" PASS "\n");
	assert_int_equal(enrolment_open(&list, t.file, &t.key, why, sizeof(why)), 0);
	assert_int_equal(enrolment_count(list), 3);
	assert_int_equal(enrolment_day(list), day_of("2026-11-22"));
	assert_true(is_on(list, ANNA) && is_on(list, CHEN) && is_on(list, "33029919900307003x") && is_on(list, PASS));
	assert_false(is_on(list, BO) || is_on(list, "E12345679"));
	enrolment_close(list);
	octets = read_whole(&n);
	assert_int_equal(n, 64 + 3 * ENROLMENT_ROW);
	assert_null(memmem(octets, n, ANNA, 8)); /* no number, and no part of one */
	free(octets);
}

/* A number and its SM3 are the same person: the insurer may hand over either. */
static void test_digests(void **state)
{
	uint8_t by_number[ENROLMENT_ROW], by_digest[ENROLMENT_ROW], other[ENROLMENT_ROW];
	char capitals[65] = SM3_OF_ABCDE;

	(void)state;
	for (size_t i = 0; i < 64; i++)
		capitals[i] = (char)(capitals[i] >= 'a' ? capitals[i] - 32 : capitals[i]);
	assert_int_equal(enrolment_row(&t.key, YT_STR("abcde"), by_number), 0);
	assert_int_equal(enrolment_row(&t.key, YT_STR(SM3_OF_ABCDE), by_digest), 0);
	assert_int_equal(enrolment_row(&t.key, yt_str(capitals), other), 0);
	assert_memory_equal(by_number, by_digest, ENROLMENT_ROW);
	assert_memory_equal(by_number, other, ENROLMENT_ROW);
	assert_int_equal(enrolment_row(&t.key, YT_STR("abcd"), other), YT_EFORMAT);
	capitals[63] = 'G';
	assert_int_equal(enrolment_row(&t.key, yt_str(capitals), other), YT_EFORMAT);
}

/* Root loads it, the workers' user reads it. */
static void test_owner(void **state)
{
	struct stat st;
	mode_t mask;

	(void)state;
	if (geteuid() != 0) {
		print_message("only root can tell\n");
		skip();
	}
	assert_int_equal(chown(t.folder, 65534, 65533), 0);
	mask = umask(077);
	load_text("#day 2026-11-22\n" ANNA "\n");
	umask(mask);
	assert_int_equal(stat(t.file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(st.st_uid, 65534);
	assert_int_equal(st.st_gid, 65533);
}

/* The key was there for reading, and has gone. */
static void test_key_gone(void **state)
{
	struct enrolment_load load;
	char why[300] = "";

	(void)state;
	assert_int_equal(read_text("#day 2026-11-22\n" ANNA "\n", &load), 0);
	load.key.name = YT_STR("no-key");
	assert_int_not_equal(enrolment_write(&load, t.file, 1, why, sizeof(why)), 0);
	assert_non_null(strstr(why, "its enrolment_key is not here"));
	free(load.rows);
}

/* Who has the file of another insurer, or another key, finds nobody: not that nobody is enrolled. */
static void test_other_key(void **state)
{
	struct enrolment_key other = t.key;
	struct enrolment *list;
	char why[300];

	(void)state;
	load_text("#day 2026-11-22\n" ANNA "\n");
	other.name = YT_STR("other-key");
	assert_int_equal(enrolment_open(&list, t.file, &other, why, sizeof(why)), YT_EDENIED);
	other = t.key;
	other.party = YT_STR("jinhui");
	assert_int_equal(enrolment_open(&list, t.file, &other, why, sizeof(why)), YT_EDENIED);
	assert_non_null(strstr(why, "another enrolment_key"));
	other.name = YT_STR("no-key");
	assert_int_equal(enrolment_open(&list, t.file, &other, why, sizeof(why)), YT_EDENIED);
	assert_int_equal(unlink(t.file), 0);
	assert_int_equal(enrolment_open(&list, t.file, &t.key, why, sizeof(why)), YT_ENOTFOUND);
}

/* Every octet counts: no change of one leaves a list that is believed, and neither does a shorter or longer file. */
static void test_damaged(void **state)
{
	struct enrolment *list;
	char why[300], *octets;
	size_t n;
	int rv;

	(void)state;
	load_text("#day 2026-11-22\n" ANNA "\n" CHEN "\n" PASS "\n" BO "\n");
	octets = read_whole(&n);
	for (size_t i = 0; i < n; i++) {
		octets[i] ^= 1;
		put(t.file, octets, n);
		rv = enrolment_open(&list, t.file, &t.key, why, sizeof(why));
		if (rv != YT_ECORRUPT)
			fail_msg("octet %zu: %d", i, rv);
		octets[i] ^= 1;
	}
	for (size_t len = 0; len < n; len++) {
		put(t.file, octets, len);
		assert_int_equal(enrolment_open(&list, t.file, &t.key, why, sizeof(why)), YT_ECORRUPT);
	}
	put(t.file, octets, n + 1); /* calloc()ed one longer */
	assert_int_equal(enrolment_open(&list, t.file, &t.key, why, sizeof(why)), YT_ECORRUPT);
	assert_non_null(strstr(why, "tianyi.list"));
	put(t.file, octets, n);
	assert_int_equal(enrolment_open(&list, t.file, &t.key, why, sizeof(why)), 0);
	enrolment_close(list);
	free(octets);
}

/* Rows out of order, with checksums that fit: somebody who is there would not be found. */
static void test_unsorted(void **state)
{
	struct enrolment_load load;
	uint8_t swap[ENROLMENT_ROW];
	char why[300] = "";

	(void)state;
	assert_int_equal(read_text("#day 2026-11-22\n" ANNA "\n" CHEN "\n" PASS "\n", &load), 0);
	memcpy(swap, load.rows, ENROLMENT_ROW);
	memcpy(load.rows, load.rows + ENROLMENT_ROW, ENROLMENT_ROW);
	memcpy(load.rows + ENROLMENT_ROW, swap, ENROLMENT_ROW);
	assert_int_equal(enrolment_write(&load, t.file, 1, why, sizeof(why)), YT_ECORRUPT);
	assert_int_equal(access(t.file, F_OK), -1); /* and nothing is left of it */
	free(load.rows);
}

/* -- a file that is replaced --------------------------------------------------------------------------------- */

static enum enrolment_state now(struct enrolment_watch *watch, int64_t mono_ms, const char *day, bool *is_there)
{
	const struct enrolment *list;
	enum enrolment_state state = enrolment_now(watch, mono_ms, noon_of(day), &list);

	*is_there = list != NULL && is_on(list, ANNA);
	return state;
}

static void test_watch(void **state)
{
	struct enrolment_watch watch = { .file = t.file, .key = t.key, .max_age_days = 2 };
	bool is_there;

	(void)state;
	assert_int_equal(now(&watch, 5000, "2026-11-22", &is_there), ENROLMENT_MISSING);
	load_text("#day 2026-11-22\n" ANNA "\n");
	assert_int_equal(now(&watch, 5999, "2026-11-22", &is_there), ENROLMENT_MISSING); /* not looked yet */
	assert_int_equal(now(&watch, 6000, "2026-11-22", &is_there), ENROLMENT_CURRENT);
	assert_true(is_there);
	assert_int_equal(now(&watch, 6000, "2026-11-24", &is_there), ENROLMENT_CURRENT);
	assert_int_equal(now(&watch, 6000, "2026-11-25", &is_there), ENROLMENT_OLD);
	assert_int_equal(now(&watch, 6000, "2026-11-20", &is_there), ENROLMENT_CURRENT); /* a clock that was set back */
	load_text("#day 2026-11-25\n" CHEN "\n");
	assert_int_equal(now(&watch, 7000, "2026-11-25", &is_there), ENROLMENT_CURRENT);
	assert_false(is_there);
	put(t.file, "YTENROL1 and no more", 20);
	assert_int_equal(now(&watch, 8000, "2026-11-25", &is_there), ENROLMENT_UNUSABLE);
	assert_int_equal(unlink(t.file), 0);
	assert_int_equal(now(&watch, 9000, "2026-11-25", &is_there), ENROLMENT_MISSING);
	enrolment_watch_end(&watch);
}

/* Who has the old list open goes on reading it, whole, while it is replaced. */
static void test_swap_under_readers(void **state)
{
	struct enrolment *old, *new;
	char why[300];

	(void)state;
	load_text("#day 2026-11-22\n" ANNA "\n" BO "\n");
	assert_int_equal(enrolment_open(&old, t.file, &t.key, why, sizeof(why)), 0);
	load_text("#day 2026-11-23\n" CHEN "\n");
	assert_int_equal(enrolment_open(&new, t.file, &t.key, why, sizeof(why)), 0);
	assert_true(is_on(old, ANNA) && is_on(old, BO) && !is_on(old, CHEN));
	assert_true(is_on(new, CHEN) && !is_on(new, ANNA));
	enrolment_close(old);
	enrolment_close(new);
}

/* A disk that takes nothing leaves the list that is there. */
static void test_not_written(void **state)
{
	struct enrolment_load load;
	struct enrolment *list;
	char why[5000] = "", beside[160];

	(void)state;
	load_text("#day 2026-11-22\n" ANNA "\n");
	assert_int_equal(read_text("#day 2026-11-23\n" CHEN "\n", &load), 0);
	snprintf(beside, sizeof(beside), "%s.%ld.tmp", t.file, (long)getpid());
	assert_int_equal(mkdir(beside, 0700), 0); /* where it would be written first */
	assert_int_equal(enrolment_write(&load, t.file, 1, why, sizeof(why)), YT_EIO);
	assert_non_null(strstr(why, "cannot write"));
	assert_int_equal(enrolment_open(&list, t.file, &t.key, why, sizeof(why)), 0);
	assert_true(is_on(list, ANNA));
	enrolment_close(list);
	free(load.rows);
}

/* Many: each that is in is found, each that is not is not. */
static void test_many(void **state)
{
	enum { MANY = 20000 };
	struct enrolment_load load;
	struct yt_buf text = { 0 };
	struct enrolment *list;
	char number[20], why[300];

	(void)state;
	yt_buf_text(&text, "#day 2026-11-22\n");
	for (unsigned i = 0; i < MANY; i++)
		yt_buf_printf(&text, "P%07u\n", i * 2);
	load = (struct enrolment_load){ .key = t.key, .text = yt_buf_view(&text), .day = INT64_MIN };
	assert_int_equal(enrolment_read(&load), 0);
	assert_int_equal(enrolment_write(&load, t.file, 1, why, sizeof(why)), 0);
	assert_int_equal(enrolment_open(&list, t.file, &t.key, why, sizeof(why)), 0);
	for (unsigned i = 0; i < 2 * MANY; i++) {
		snprintf(number, sizeof(number), "P%07u", i);
		if (is_on(list, number) != (i % 2 == 0))
			fail_msg("%s", number);
	}
	enrolment_close(list);
	yt_buf_free(&text);
	free(load.rows);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = { TEST(test_text), TEST(test_all_faults), TEST(test_day_beside),
		TEST(test_too_many), TEST(test_look_up), TEST(test_digests), TEST(test_other_key), TEST(test_damaged),
		TEST(test_unsorted), TEST(test_watch), TEST(test_swap_under_readers), TEST(test_not_written),
		TEST(test_many), TEST(test_owner), TEST(test_key_gone) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
