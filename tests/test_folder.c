/* tests/test_folder.c - a folder that others put files in: each whole file is handed in once, and lies afterwards where
 * its verdict wanted it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/files.h"
#include "net/folder.h"

#define ALL_MAX 64

/* A process with such a folder; its loop. */
struct box {
	char path[64];
	uv_loop_t loop;
	uv_timer_t limit;
	struct folder *folder;
	struct folder_conf conf;
	enum folder_verdict verdict; /* 0: it is not answered */
	unsigned n, n_away, wanted, wanted_away;
	struct server_token token[ALL_MAX];
	char name[ALL_MAX][FILES_NAME_MAX + 1], octets[ALL_MAX][64];
	bool drained;
};

static bool is_whole(void *arg, struct yt_str octets)
{
	return octets.n >= 2 && memcmp(octets.p + octets.n - 2, "T\n", 2) == 0;
}

static void may_stop(struct box *b)
{
	if (b->n >= b->wanted && b->n_away >= b->wanted_away)
		uv_stop(&b->loop);
}

static void on_file(void *arg, struct server_token token, struct yt_str name, struct yt_str octets)
{
	struct box *b = arg;

	assert_true(b->n < ALL_MAX);
	snprintf(b->name[b->n], sizeof(b->name[0]), "%.*s", YT_FMT(name));
	snprintf(b->octets[b->n], sizeof(b->octets[0]), "%.*s", (int)(octets.n < 60 ? octets.n : 60), octets.p);
	b->token[b->n++] = token;
	if (b->verdict != 0)
		folder_answer(b->folder, token, b->verdict, YT_STR("line 3 field 10 is no amount"));
	may_stop(b);
}

static void on_put_away(void *arg, struct server_token token)
{
	struct box *b = arg;

	b->n_away++;
	may_stop(b);
}

static void on_limit(uv_timer_t *timer)
{
	fail_msg("it took more than 20 s");
}

static void make(struct box *b)
{
	char command[200];

	*b = (struct box){ .path = "/tmp/yt-folder-XXXXXX", .verdict = FOLDER_DONE };
	assert_non_null(mkdtemp(b->path));
	snprintf(command, sizeof(command), "cd %s && mkdir in taken done refused", b->path);
	assert_int_equal(system(command), 0);
	b->conf = (struct folder_conf){ .name = "bank",
		.path = b->path,
		.files = 2,
		.file_bytes = 40,
		.look_ms = 20,
		.settle_ms = 1,
		.incomplete_ms = 3600000 };
}

static void start(struct box *b)
{
	struct folder_events events = { b, is_whole, on_file, on_put_away };

	assert_int_equal(uv_loop_init(&b->loop), 0);
	uv_timer_init(&b->loop, &b->limit);
	uv_timer_start(&b->limit, on_limit, 20000, 0);
	assert_int_equal(folder_open(&b->folder, &b->loop, &b->conf, &events), 0);
}

static void stop(struct box *b)
{
	folder_close(b->folder);
	uv_close((uv_handle_t *)&b->limit, NULL);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&b->loop), 0);
}

static void forget(struct box *b)
{
	char command[200];

	snprintf(command, sizeof(command), "rm -r %s", b->path);
	assert_int_equal(system(command), 0);
}

static void put(struct box *b, const char *folder, const char *name, const char *text)
{
	int fd = files_folder(b->path, folder);

	assert_true(fd >= 0);
	assert_int_equal(files_write(fd, name, yt_str(text)), 0);
	close(fd);
}

static bool lies(struct box *b, const char *folder, const char *name, const char *text)
{
	int fd = files_folder(b->path, folder), rv;

	assert_true(fd >= 0);
	rv = files_hold(fd, name, yt_str(text));
	close(fd);
	assert_true(rv >= 0 || rv == -ENOENT);
	return rv == 1;
}

static bool is_in(struct box *b, const char *folder, const char *name)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/%s/%s", b->path, folder, name);
	return access(path, F_OK) == 0;
}

static void run(struct box *b, unsigned wanted, unsigned wanted_away)
{
	b->wanted = wanted;
	b->wanted_away = wanted_away;
	if (b->n < wanted || b->n_away < wanted_away)
		uv_run(&b->loop, UV_RUN_DEFAULT);
}

/* Looks go by, so that what should not happen had its time: a file that is put there now goes its way. */
static void let_pass(struct box *b, const char *name)
{
	enum folder_verdict before = b->verdict;

	b->verdict = FOLDER_DONE;
	for (unsigned i = 0; i < 2; i++) {
		put(b, "in", name, "pass T\n");
		run(b, b->n + 1, b->n_away + 1);
		assert_string_equal(b->name[b->n - 1], name);
	}
	b->verdict = before;
}

/* -- tests ---------------------------------------------------------------------------------------- */

static void what_is_there_and_what_comes_is_handed_in(void **state)
{
	struct box b;

	(void)state;
	make(&b);
	put(&b, "in", "b.txt", "two T\n");
	put(&b, "in", "a.txt", "one T\n");
	start(&b);
	run(&b, 2, 2);
	assert_string_equal(b.octets[0][0] == 'o' ? b.name[0] : b.name[1], "a.txt");
	assert_true(lies(&b, "done", "a.txt", "one T\n") && lies(&b, "done", "b.txt", "two T\n"));
	put(&b, "in", "c.txt", "three T\n");
	run(&b, 3, 3);
	assert_string_equal(b.name[2], "c.txt");
	assert_string_equal(b.octets[2], "three T\n");
	assert_false(is_in(&b, "in", "c.txt") || is_in(&b, "taken", "c.txt"));
	stop(&b);
	forget(&b);
}

static void a_refused_file_has_its_reason_beside_it(void **state)
{
	struct box b;

	(void)state;
	make(&b);
	b.verdict = FOLDER_REFUSED;
	put(&b, "in", "a.txt", "one T\n");
	start(&b);
	run(&b, 1, 1);
	assert_true(lies(&b, "refused", "a.txt", "one T\n"));
	assert_true(lies(&b, "refused", "a.txt.why.txt", "line 3 field 10 is no amount\n"));
	/* One too large is refused unread. */
	put(&b, "in", "large.txt", "0123456789012345678901234567890123456789 T\n");
	run(&b, 1, 2);
	assert_true(lies(&b, "refused", "large.txt.why.txt", "has 43 octets; 40 may come in (limits.body_kib)\n"));
	assert_int_equal(b.n, 1);
	stop(&b);
	forget(&b);
}

/* Whoever writes in place is waited for; unfinished and strange names are left alone. */
static void half_a_file_is_waited_for(void **state)
{
	struct box b;

	(void)state;
	make(&b);
	put(&b, "in", "half.txt", "one");
	put(&b, "in", "c.txt.tmp", "one T\n");
	put(&b, "in", ".hidden", "one T\n");
	put(&b, "in", "strange name", "one T\n");
	start(&b);
	let_pass(&b, "z1.txt");
	let_pass(&b, "z2.txt");
	assert_true(is_in(&b, "in", "half.txt"));
	put(&b, "in", "half.txt", "one and a half T\n");
	run(&b, b.n + 1, b.n_away + 1);
	assert_string_equal(b.octets[b.n - 1], "one and a half T\n");
	assert_true(is_in(&b, "in", "c.txt.tmp") && is_in(&b, "in", ".hidden") && is_in(&b, "in", "strange name"));
	stop(&b);
	/* Not for ever. */
	put(&b, "in", "half.txt", "one");
	b.conf.incomplete_ms = 50;
	b.n = b.n_away = 0;
	start(&b);
	run(&b, 0, 1);
	assert_int_equal(b.n, 0);
	assert_true(lies(&b, "refused", "half.txt", "one"));
	stop(&b);
	forget(&b);
}

/* Without an answer it stays in taken: after a crash, and when there is no verdict yet. */
static void what_was_taken_is_handed_in_again(void **state)
{
	struct box b;

	(void)state;
	make(&b);
	b.verdict = 0;
	put(&b, "in", "a.txt", "one T\n");
	start(&b);
	run(&b, 1, 0);
	assert_true(is_in(&b, "taken", "a.txt"));
	stop(&b);
	assert_true(is_in(&b, "taken", "a.txt"));
	b.n = 0;
	b.verdict = FOLDER_LATER;
	start(&b);
	run(&b, 3, 0); /* asked until there is one */
	b.verdict = FOLDER_DONE;
	run(&b, 4, 1);
	for (unsigned i = 0; i < 4; i++)
		assert_string_equal(b.octets[i], "one T\n");
	assert_true(lies(&b, "done", "a.txt", "one T\n"));
	stop(&b);
	forget(&b);
}

/* The same file once more lies there once; another of that name lies beside it. */
static void nothing_that_was_put_away_is_lost(void **state)
{
	struct box b;

	(void)state;
	make(&b);
	start(&b);
	for (unsigned i = 0; i < 3; i++) {
		put(&b, "in", "a.txt", i < 2 ? "one T\n" : "two T\n");
		run(&b, i + 1, i + 1);
	}
	assert_true(lies(&b, "done", "a.txt", "one T\n") && lies(&b, "done", "a.txt.1", "two T\n"));
	assert_false(is_in(&b, "done", "a.txt.2"));
	b.verdict = FOLDER_REFUSED;
	for (unsigned i = 3; i < 5; i++) {
		put(&b, "in", "r.txt", i == 3 ? "one T\n" : "two T\n");
		run(&b, i + 1, i + 1);
	}
	assert_true(lies(&b, "refused", "r.txt.1", "two T\n"));
	assert_true(is_in(&b, "refused", "r.txt.why.txt") && is_in(&b, "refused", "r.txt.1.why.txt"));
	stop(&b);
	forget(&b);
}

/* Whatever its size, it is not read to see whether it lies there already. */
static void a_huge_file_is_refused_unread(void **state)
{
	struct box b;

	(void)state;
	make(&b);
	start(&b);
	for (unsigned i = 0; i < 2; i++) {
		int in = files_folder(b.path, "in"), fd = openat(in, "huge.txt.part", O_WRONLY | O_CREAT, 0600);

		assert_true(fd >= 0 && ftruncate(fd, (65 << 20)) == 0);
		close(fd);
		assert_int_equal(renameat(in, "huge.txt.part", in, "huge.txt"), 0);
		close(in);
		run(&b, 0, i + 1);
	}
	assert_true(is_in(&b, "refused", "huge.txt") && is_in(&b, "refused", "huge.txt.1"));
	stop(&b);
	forget(&b);
}

static void no_more_than_files_are_under_way(void **state)
{
	char name[16];
	struct box b;

	(void)state;
	make(&b);
	b.verdict = 0;
	for (unsigned i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "f%02u.txt", i);
		put(&b, "in", name, "one T\n");
	}
	start(&b);
	run(&b, 2, 0);
	for (unsigned i = 0; i < 50; i++)
		uv_run(&b.loop, UV_RUN_NOWAIT);
	assert_int_equal(b.n, 2); /* conf.files */
	b.verdict = FOLDER_DONE;
	folder_answer(b.folder, b.token[0], FOLDER_DONE, YT_STR(""));
	folder_answer(b.folder, b.token[0], FOLDER_REFUSED, YT_STR("")); /* stale */
	folder_answer(b.folder, b.token[1], FOLDER_DONE, YT_STR(""));
	run(&b, 20, 20);
	for (unsigned i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "f%02u.txt", i);
		assert_true(is_in(&b, "done", name));
	}
	assert_int_equal(b.n, 20);
	stop(&b);
	forget(&b);
}

static void on_drained(void *arg)
{
	struct box *b = arg;

	b->drained = true;
	uv_stop(&b->loop);
}

/* Of two processes one works; the other goes on when the first has let go, and finds what it had not taken. */
static void one_process_works_at_a_time(void **state)
{
	struct box b, other;

	(void)state;
	make(&b);
	b.verdict = 0;
	put(&b, "in", "a.txt", "one T\n");
	start(&b);
	run(&b, 1, 0);
	other = (struct box){ .conf = b.conf, .verdict = FOLDER_DONE };
	memcpy(other.path, b.path, sizeof(b.path));
	other.conf.path = other.path;
	start(&other);
	for (unsigned i = 0; i < 20; i++) {
		uv_run(&other.loop, UV_RUN_ONCE);
		put(&b, "in", "b.txt", "two T\n");
	}
	assert_int_equal(other.n, 0);
	folder_drain(b.folder, on_drained, &b);
	assert_false(b.drained);
	folder_answer(b.folder, b.token[0], FOLDER_DONE, YT_STR(""));
	while (!b.drained)
		uv_run(&b.loop, UV_RUN_DEFAULT);
	assert_true(lies(&b, "done", "a.txt", "one T\n")); /* what it had taken it finished */
	run(&other, 1, 1);
	assert_string_equal(other.name[0], "b.txt");
	stop(&b);
	stop(&other);
	forget(&b);
}

/* What is missing is said; it goes on as soon as it is there. */
static void a_folder_that_comes_back_is_used(void **state)
{
	static const char *const missing[] = { "in", "taken", "done" };
	char path[100], away[100];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct box b;

		make(&b);
		snprintf(path, sizeof(path), "%s/%s", b.path, missing[i]);
		snprintf(away, sizeof(away), "%s/away", b.path);
		put(&b, "in", "a.txt", "one T\n");
		assert_int_equal(rename(path, away), 0);
		start(&b);
		for (unsigned n = 0; n < 20; n++)
			uv_run(&b.loop, UV_RUN_ONCE);
		assert_int_equal(rename(away, path), 0);
		run(&b, b.n + (i < 2), b.n_away + 1);
		while (!is_in(&b, "done", "a.txt"))
			run(&b, b.n, b.n_away + 1);
		stop(&b);
		forget(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_there_and_what_comes_is_handed_in),
		cmocka_unit_test(a_refused_file_has_its_reason_beside_it), cmocka_unit_test(half_a_file_is_waited_for),
		cmocka_unit_test(what_was_taken_is_handed_in_again),
		cmocka_unit_test(nothing_that_was_put_away_is_lost), cmocka_unit_test(a_huge_file_is_refused_unread),
		cmocka_unit_test(no_more_than_files_are_under_way), cmocka_unit_test(one_process_works_at_a_time),
		cmocka_unit_test(a_folder_that_comes_back_is_used) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
