/* tests/test_ctl_queries.c - queries are found in the log itself, from where the index says that those of some minutes
 * begin (ctl/ctl_queries.c): all of them, each once, and no further than asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/ctl.h"
#undef CTL_QUERY_RECORDS
#define CTL_QUERY_RECORDS 20000 /* one that a test can reach */
#include "../core/ctl/ctl_queries.c"

#define B (4000000 * (int64_t)INDEX_BUCKET_MS)
#define M INDEX_BUCKET_MS

static struct world {
	char folder[64], path[96];
	struct ctl_journal journal;
	struct log *log;
	struct index *index;
	struct yt_buf buf, said;
	unsigned stop_after, stop_between; /* 0: never */
} w;

static int setup(void **state)
{
	struct log_problem why;

	memset(&w, 0, sizeof(w));
	strcpy(w.folder, "/tmp/yt-ctl-queries-XXXXXX");
	assert_non_null(mkdtemp(w.folder));
	snprintf(w.path, sizeof(w.path), "%s/index.db", w.folder);
	w.journal.conf = (struct log_conf){ .segment_bytes = 1 << 20, .reserve_segments = 1 };
	assert_int_equal(yt_io_folder(w.folder, &w.journal.io), 0);
	assert_int_equal(log_open(&w.log, &w.journal.conf, &w.journal.io, 0, NULL, NULL, &why), 0);
	assert_int_equal(index_open(&w.index, w.path, true), 0);
	return 0;
}

static int teardown(void **state)
{
	char command[96];

	index_close(w.index);
	log_close(w.log);
	yt_io_close(&w.journal.io);
	yt_buf_free(&w.buf);
	yt_buf_free(&w.said);
	snprintf(command, sizeof(command), "rm -r %s", w.folder);
	return system(command);
}

static void add(enum rec_type type, uint64_t id, int64_t wall_ms)
{
	size_t at = rec_begin(&w.buf, type, 0, id, wall_ms);

	rec_end(&w.buf, at);
}

static void commit(void)
{
	log_pos pos;

	assert_int_equal(log_commit(w.log, yt_buf_view(&w.buf), &pos), 0);
	yt_buf_clear(&w.buf);
}

static void feed(void)
{
	assert_int_equal(index_feed(w.index, &w.journal.io, &w.journal.conf, log_end(w.log), NULL, NULL), 0);
}

/* Three commits that the index has, with queries 1 to 4 of three buckets, and one with 5 that it does not have. */
static void fill(void)
{
	add(REC_READ, 1, B + 1);
	add(REC_ACCEPTED, 90, B + 2);
	commit();
	add(REC_READ, 2, B + M + 5);
	add(REC_READ, 3, B + 3); /* another worker's, a little late */
	commit();
	add(REC_READ, 4, B + 2 * M);
	commit();
	feed();
	add(REC_READ, 5, B + 2 * M + 7);
	commit();
}

static int on_query(void *arg, const struct rec *rec, log_pos pos)
{
	yt_buf_printf(&w.said, "%llu ", (unsigned long long)rec->exchange);
	return w.stop_after != 0 && --w.stop_after == 0 ? 7 : 0;
}

static int on_between(void *arg)
{
	yt_buf_text(&w.said, "| ");
	return w.stop_between != 0 && --w.stop_between == 0;
}

static int ask(int64_t from_ms, int64_t to_ms)
{
	int rv;

	yt_buf_clear(&w.said);
	rv = ctl_each_query(w.index, &w.journal, from_ms, to_ms, on_query, on_between, NULL);
	yt_buf_byte(&w.said, 0);
	return rv;
}

static void assert_found(int64_t from_ms, int64_t to_ms, const char *want)
{
	assert_int_equal(ask(from_ms, to_ms), 0);
	assert_string_equal((char *)w.said.p, want);
}

static void test_ranges(void **state)
{
	static const struct range {
		int64_t from_ms, to_ms;
		const char *found;
	} ranges[] = {
		{ INT64_MIN / 2, INT64_MAX / 2, "4 5 | 2 3 | 1 | " },
		{ B, B + M, "1 3 | " },
		{ B + 1, B + 3, "1 | " },
		{ B + 2, B + 4, "3 | " },
		{ B + M, B + 2 * M, "2 | " },
		{ B + M, B + 2 * M + 1, "4 | 2 | " },
		{ B + 2 * M + 7, B + 2 * M + 8, "5 | " },
		{ B - M, B, "" },
		{ B + 3 * M, INT64_MAX / 2, "" },
	};

	fill();
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		assert_found(ranges[i].from_ms, ranges[i].to_ms, ranges[i].found);
}

/* Minutes of which the index has heard nothing at all. */
static void test_behind_the_index(void **state)
{
	assert_found(B, B + M, ""); /* no journal to speak of */
	fill();
	add(REC_READ, 6, B + 9 * M);
	commit();
	assert_found(B + 9 * M, B + 10 * M, "6 ");
}

static void test_stops(void **state)
{
	fill();
	w.stop_after = 1;
	assert_int_equal(ask(INT64_MIN / 2, INT64_MAX / 2), 7);
	assert_string_equal((char *)w.said.p, "4 ");
	w.stop_between = 2;
	assert_found(INT64_MIN / 2, INT64_MAX / 2, "4 5 | 2 3 | ");
	assert_int_equal(ctl_each_query(w.index, &w.journal, B, B + M, on_query, NULL, NULL), 0);
}

/* The clock stepped back: a bucket of long ago begins last, and still each query is found once. */
static void test_clock_stepped_back(void **state)
{
	fill();
	add(REC_READ, 6, B - 5 * M);
	commit();
	add(REC_READ, 7, B + 3 * M);
	commit();
	feed();
	assert_found(INT64_MIN / 2, INT64_MAX / 2, "7 | 6 | 4 5 | 2 3 | 1 | ");
}

/* Neither goes on for ever: the records that may be looked through, and those later than what is asked for. */
static void test_limits(void **state)
{
	fill();
	for (unsigned i = 0; i < 9990; i++)
		add(REC_CLOCK, 0, B + 2 * M);
	for (unsigned i = 0; i < 20; i++)
		add(REC_CLOCK, 0, B + 2 * M - 1); /* so little later is what a clock may do */
	commit();
	add(REC_READ, 8, B + 4); /* of the first bucket, very late */
	commit();
	feed();
	assert_found(B, B + M, "1 3 8 | ");
	for (unsigned i = 0; i < 20; i++)
		add(REC_CLOCK, 0, B + 2 * M);
	commit();
	add(REC_READ, 9, B + 4);
	commit();
	feed();
	assert_found(B, B + M, "1 3 8 | ");
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned n = 0; n < 9000; n++)
			add(REC_CLOCK, 0, B);
		commit();
	}
	add(REC_READ, 10, B + M + 9);
	commit();
	feed();
	assert_int_equal(ask(INT64_MIN / 2, INT64_MAX / 2), YT_ELIMIT);
}

/* What is asked for begins in a segment that was dropped: the rest is found, and that is no error. */
static void test_retired(void **state)
{
	fill();
	while (log_end(w.log) >> 32 < 3) {
		for (unsigned i = 0; i < 8000; i++)
			add(REC_CLOCK, 0, B + 2 * M);
		commit();
	}
	add(REC_READ, 11, B + 4 * M);
	commit();
	feed();
	assert_int_equal(log_retire(w.log, log_end(w.log)), 0);
	assert_found(INT64_MIN / 2, INT64_MAX / 2, "11 | ");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_ranges), TEST(test_behind_the_index), TEST(test_stops),
		TEST(test_clock_stepped_back), TEST(test_limits), TEST(test_retired) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
