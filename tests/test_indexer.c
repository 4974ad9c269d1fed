/* tests/test_indexer.c - the index thread: what is offered from memory is not read from the log, and what is not
 * offered is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process/indexer.h"

static struct world {
	char folder[64], path[96];
	struct yt_io io, seen; /* seen: the same files, as the index thread sees them */
	struct log_conf conf;
	struct log *log;
	struct index *index;
	struct indexer *indexer;
	uv_loop_t loop;
	_Atomic bool reads_fail;
	unsigned long n_exchanges;
} w;

static int64_t failing_pread(void *ctx, int fd, void *buf, size_t n, int64_t off)
{
	if (w.reads_fail) {
		errno = EIO;
		return -1;
	}
	return w.io.pread(ctx, fd, buf, n, off);
}

static void on_indexed(void *arg, log_pos position)
{
}

static int open_world(void **state)
{
	struct log_problem why;

	memset(&w, 0, sizeof(w));
	strcpy(w.folder, "/tmp/test_indexer.XXXXXX");
	assert_non_null(mkdtemp(w.folder));
	snprintf(w.path, sizeof(w.path), "%s/index.db", w.folder);
	w.conf = (struct log_conf){ .segment_bytes = 32 << 20, .reserve_segments = 1 };
	assert_int_equal(yt_io_folder(w.folder, &w.io), 0);
	w.seen = w.io;
	w.seen.pread = failing_pread;
	assert_int_equal(log_open(&w.log, &w.conf, &w.io, 0, NULL, NULL, &why), 0);
	assert_int_equal(index_open(&w.index, w.path, true), 0);
	assert_int_equal(index_feed(w.index, &w.io, &w.conf, log_end(w.log), NULL, NULL), 0);
	assert_int_equal(uv_loop_init(&w.loop), 0);
	assert_int_equal(indexer_open(&w.indexer, &w.loop, w.index, w.log, &w.seen, &w.conf, on_indexed, NULL), 0);
	return 0;
}

/* The thread's end feeds what is left. */
static void end_thread(void)
{
	if (w.indexer == NULL)
		return;
	indexer_close(w.indexer);
	w.indexer = NULL;
	uv_run(&w.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w.loop), 0);
}

static int close_world(void **state)
{
	char command[160];

	end_thread();
	log_close(w.log);
	yt_io_close(&w.io);
	snprintf(command, sizeof(command), "rm -rf %s", w.folder);
	return system(command);
}

/* A commit with an exchange, padded to some size. */
static void commit(bool is_offered, size_t padding)
{
	struct index_commit fresh = { .before = log_end(w.log) };
	struct yt_buf buf = { 0 };
	char *pad = calloc(1, padding + 1);
	size_t at = rec_begin(&buf, REC_ACCEPTED, 0, ++w.n_exchanges, 1);

	memset(pad, 'x', padding);
	rec_str(&buf, REC_T_NUMBER, yt_str("1"));
	rec_str(&buf, REC_T_REASON, (struct yt_str){ pad, padding });
	rec_str(&buf, REC_T_REQUEST, YT_STR("octets that stay in the commit"));
	rec_end(&buf, at);
	free(pad);
	assert_int_equal(log_commit(w.log, yt_buf_view(&buf), &fresh.pos), 0);
	yt_buf_free(&buf);
	fresh.end = log_end(w.log);
	fresh.records = log_last_records(w.log);
	if (is_offered)
		indexer_offer(w.indexer, &fresh);
}

/* Turns the loop until the thread has come to the log's end. */
static void catch_up(void)
{
	for (unsigned i = 0; indexer_position(w.indexer) != log_end(w.log); i++) {
		assert_true(i < 2000);
		usleep(5000);
		uv_run(&w.loop, UV_RUN_NOWAIT);
	}
}

static void assert_all_there(void)
{
	struct index *reader;
	struct exchange x;

	end_thread();
	assert_int_equal(index_open(&reader, w.path, false), 0);
	assert_int_equal(index_position(reader), log_end(w.log));
	for (unsigned long i = 1; i <= w.n_exchanges; i++)
		assert_int_equal(index_get(reader, i, &x), 0);
	index_close(reader);
}

/* With a log that cannot be read, so that it can only have come from memory.  (The thread may look between a commit and
 * its offer; then it tries to read and fails, and takes it from memory when it looks again.) */
static void test_offered(void **state)
{
	w.reads_fail = true;
	for (unsigned i = 0; i < 5; i++) {
		commit(true, 0);
		catch_up();
	}
	assert_all_there();
}

static void test_not_offered(void **state)
{
	for (unsigned i = 0; i < 5; i++)
		commit(i % 2 == 0, 0);
	catch_up();
	assert_all_there();
}

/* More than memory is to hold, in commits that come faster than the thread. */
static void test_too_much(void **state)
{
	for (unsigned i = 0; i < 12; i++)
		commit(true, 1 << 20);
	catch_up();
	commit(true, 0);
	commit(false, 0);
	commit(true, 0);
	assert_all_there();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_offered, open_world, close_world),
		cmocka_unit_test_setup_teardown(test_not_offered, open_world, close_world),
		cmocka_unit_test_setup_teardown(test_too_much, open_world, close_world),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
