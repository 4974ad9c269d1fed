/* tests/test_committer.c - the thread that makes commits durable, and when it owes a signed head (process/committer.h).
 *
 * A journal in a folder of its own, a signer that only counts, and terms of nothing or for ever, so that no clock is
 * waited for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "journal/verify.h"
#include "process/committer.h"

#define FOR_EVER (1000LL * 365 * 24 * 3600 * 1000)

static struct world {
	char folder[64];
	struct yt_io io;
	struct log_conf conf;
	struct log *log;
	struct yt_keys *keys;
	struct committer *committer;
	uv_loop_t loop;
	unsigned n_signed, n_done, n_fresh, n_anchors;
	int sign_result, result;
	log_pos pos;
} w;

static int sign(void *ctx, struct yt_str name, struct yt_str data, struct yt_buf *signature)
{
	assert_true(yt_str_is(name, KEYS_ANCHOR));
	w.n_signed++;
	if (w.sign_result == 0)
		yt_buf_text(signature, "signed");
	return w.sign_result;
}

static const struct keys_backend backend = { .name = "counting", .sign_sm2 = sign };

static void on_done(void *arg, int result, log_pos pos)
{
	w.n_done++;
	w.result = result;
	w.pos = pos;
	uv_stop(&w.loop);
}

static void on_fresh(void *arg, const struct index_commit *commit)
{
	w.n_fresh++;
	assert_true(commit->end > commit->before);
}

static void start(int64_t anchor_ms)
{
	assert_int_equal(
	        committer_open(&w.committer, &w.loop, w.log, &w.io, w.keys, anchor_ms, on_done, on_fresh, NULL), 0);
}

static int setup(void **state)
{
	struct log_problem why;

	memset(&w, 0, sizeof(w));
	strcpy(w.folder, "/tmp/yt-committer-XXXXXX");
	assert_non_null(mkdtemp(w.folder));
	w.conf = (struct log_conf){ .segment_bytes = 1 << 20, .reserve_segments = 1 };
	assert_int_equal(yt_io_folder(w.folder, &w.io), 0);
	assert_int_equal(log_open(&w.log, &w.conf, &w.io, 0, NULL, NULL, &why), 0);
	assert_int_equal(keys_open_backend(&w.keys, &backend, NULL), 0);
	assert_int_equal(uv_loop_init(&w.loop), 0);
	return 0;
}

static int teardown(void **state)
{
	char command[96];

	if (w.committer != NULL)
		committer_close(w.committer);
	uv_run(&w.loop, UV_RUN_DEFAULT);
	uv_loop_close(&w.loop);
	log_close(w.log);
	yt_io_close(&w.io);
	keys_close(w.keys);
	snprintf(command, sizeof(command), "rm -r %s", w.folder);
	return system(command);
}

/* n records of exchanges, each of so many bytes, as one commit; or none. */
static void commit(unsigned n, size_t bytes)
{
	struct yt_buf buf = { 0 };
	unsigned done = w.n_done;

	for (unsigned i = 0; i < n; i++) {
		size_t at = rec_begin(&buf, REC_READ, 0, i + 1, 1790000000000);
		char *body = calloc(1, bytes);

		rec_bytes(&buf, REC_T_REASON, body, bytes);
		rec_end(&buf, at);
		free(body);
	}
	committer_start(w.committer, yt_buf_view(&buf));
	assert_false(committer_is_idle(w.committer));
	assert_false(committer_owes_anchor(w.committer));
	uv_run(&w.loop, UV_RUN_DEFAULT);
	assert_int_equal(w.n_done, done + 1);
	assert_int_equal(w.result, 0);
	assert_true(committer_is_idle(w.committer));
	yt_buf_free(&buf);
}

static int count_anchor(void *arg, const struct rec *rec, log_pos pos)
{
	w.n_anchors += rec->type == REC_ANCHOR;
	return 0;
}

static unsigned anchors(void)
{
	struct log_problem why;

	w.n_anchors = 0;
	assert_int_equal(log_scan(&w.io, &w.conf, 0, 0, false, count_anchor, NULL, &why), 0);
	return w.n_anchors;
}

/* When traffic stops, the tail is signed in an idle moment: once, and never an anchor for an anchor. */
static void test_idle_tail(void **state)
{
	start(0);
	assert_false(committer_owes_anchor(w.committer)); /* an empty journal has no head */
	commit(1, 10);                                    /* nothing before it to be signed */
	assert_int_equal(anchors(), 0);
	assert_true(committer_owes_anchor(w.committer));
	commit(0, 0);
	assert_int_equal(anchors(), 1);
	assert_int_equal(log_commit_no(w.log), 2);
	assert_int_equal(w.n_fresh, 2); /* the index hears of it: positions must follow each other */
	assert_false(committer_owes_anchor(w.committer));
	commit(1, 10); /* what was before it is signed: none rides with it */
	assert_int_equal(anchors(), 1);
	assert_true(committer_owes_anchor(w.committer));
}

/* Before its time nothing is owed, while traffic goes on nor after it. */
static void test_not_yet(void **state)
{
	start(FOR_EVER);
	commit(1, 10);
	commit(1, 10);
	assert_false(committer_owes_anchor(w.committer));
	assert_int_equal(w.n_signed, 0);
	committer_set_anchor(w.committer, 0);
	assert_true(committer_owes_anchor(w.committer));
	commit(1, 10); /* it rides with what comes */
	assert_int_equal(anchors(), 1);
	assert_false(committer_owes_anchor(w.committer));
	commit(1, 10);
	committer_set_anchor(w.committer, FOR_EVER); /* a reload, just before the thread takes it up */
	commit(0, 0);
	assert_int_equal(anchors(), 2);
}

/* A segment that closes is signed at once, also when nothing comes after it. */
static void test_segment_closed(void **state)
{
	start(FOR_EVER);
	for (unsigned i = 0; w.pos >> 32 < 2; i++) {
		assert_true(i < 10);
		assert_false(committer_owes_anchor(w.committer));
		commit(4, 60000);
	}
	assert_true(committer_owes_anchor(w.committer));
	commit(0, 0);
	assert_int_equal(anchors(), 1);
	assert_false(committer_owes_anchor(w.committer));
}

/* A signer that fails holds nothing up: alone nothing is written, with records they are. */
static void test_signer_fails(void **state)
{
	start(0);
	commit(1, 10);
	w.sign_result = YT_EIO;
	commit(0, 0);
	assert_int_equal(w.n_signed, 1);
	assert_int_equal(log_commit_no(w.log), 1);
	assert_int_equal(w.n_fresh, 1);
	commit(1, 10);
	assert_int_equal(w.n_signed, 2);
	assert_int_equal(log_commit_no(w.log), 2);
	assert_int_equal(w.n_fresh, 2);
	assert_int_equal(anchors(), 0);
}

static void test_no_keys(void **state)
{
	keys_close(w.keys);
	w.keys = NULL;
	start(0);
	commit(1, 10);
	assert_false(committer_owes_anchor(w.committer));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_idle_tail), TEST(test_not_yet), TEST(test_segment_closed),
		TEST(test_signer_fails), TEST(test_no_keys) };

	yt_log_setup("test", YT_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
