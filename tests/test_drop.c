/* tests/test_drop.c - files for a party: handed over once under their name, whatever fails or dies in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/drop.h"
#include "net/drop_put.h"
#include "net/files.h"

#define NAME "PAY_3302990001_20261120_000007.txt"
#define OCTETS "H|1.0|one line\nT|the end\n"
#define OTHERS "H|1.0|another line\nT|the end\n"

/* -- calls that fail, or at which the process dies ------------------------------------------------ */

enum { NEVER = -1 };
static int calls_until_fault = NEVER, fault_errno; /* fault_errno 0: it dies, before the call */

/* Folders over a network: a rename that cannot refuse to replace; one that was done, and says that it failed. */
static bool renames_plainly;
static int lost_answer;

static bool is_faulty(void)
{
	if (calls_until_fault == NEVER || calls_until_fault-- > 0)
		return false;
	if (fault_errno == 0)
		_exit(7);
	errno = fault_errno;
	return true;
}

int __real_openat(int folder, const char *name, int flags, int mode);
ssize_t __real_write(int fd, const void *p, size_t n);
int __real_fdatasync(int fd);
int __real_fsync(int fd);
int __real_renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags);
int __real_renameat(int from_folder, const char *from, int to_folder, const char *to);
int __real_unlinkat(int folder, const char *name, int flags);
int __wrap_openat(int folder, const char *name, int flags, int mode);
ssize_t __wrap_write(int fd, const void *p, size_t n);
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);
int __wrap_renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags);
int __wrap_renameat(int from_folder, const char *from, int to_folder, const char *to);
int __wrap_unlinkat(int folder, const char *name, int flags);

int __wrap_openat(int folder, const char *name, int flags, int mode)
{
	return is_faulty() ? -1 : __real_openat(folder, name, flags, mode);
}

ssize_t __wrap_write(int fd, const void *p, size_t n)
{
	if (fd == STDERR_FILENO || calls_until_fault == NEVER)
		return __real_write(fd, p, n); /* the log; libuv's own */
	return is_faulty() ? -1 : __real_write(fd, p, n < 10 ? n : 10);
}

int __wrap_fdatasync(int fd)
{
	return is_faulty() ? -1 : __real_fdatasync(fd);
}

int __wrap_fsync(int fd)
{
	return is_faulty() ? -1 : __real_fsync(fd);
}

int __wrap_renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
	if (is_faulty())
		return -1;
	if (renames_plainly) {
		errno = EINVAL;
		return -1;
	}
	if (__real_renameat2(from_folder, from, to_folder, to, flags) != 0)
		return -1;
	errno = lost_answer;
	return lost_answer == 0 ? 0 : -1;
}

int __wrap_renameat(int from_folder, const char *from, int to_folder, const char *to)
{
	return is_faulty() ? -1 : __real_renameat(from_folder, from, to_folder, to);
}

int __wrap_unlinkat(int folder, const char *name, int flags)
{
	return is_faulty() ? -1 : __real_unlinkat(folder, name, flags);
}

/* -- a party that takes files --------------------------------------------------------------------- */

struct there {
	char folder[64];
	int out, sent;
	unsigned taken; /* files that the party took */
};

static void begin(struct there *t)
{
	char command[200];

	*t = (struct there){ .folder = "/tmp/yt-drop-XXXXXX" };
	assert_non_null(mkdtemp(t->folder));
	snprintf(command, sizeof(command), "mkdir %s/out %s/sent", t->folder, t->folder);
	assert_int_equal(system(command), 0);
	t->out = files_folder(t->folder, "out");
	t->sent = files_folder(t->folder, "sent");
	assert_true(t->out >= 0 && t->sent >= 0);
}

static void end(struct there *t)
{
	char command[200];

	close(t->out);
	close(t->sent);
	snprintf(command, sizeof(command), "rm -r %s", t->folder);
	assert_int_equal(system(command), 0);
}

static bool is_there(const struct there *t)
{
	int rv = files_hold(t->out, NAME, YT_STR(OCTETS));

	assert_true(rv == 1 || rv == -ENOENT); /* never other octets, never a part of them */
	return rv == 1;
}

static void take(struct there *t)
{
	if (is_there(t)) {
		assert_int_equal(unlinkat(t->out, NAME, 0), 0);
		t->taken++;
	}
}

static unsigned count(const char *folder, const char *name)
{
	char path[100];
	struct dirent *e;
	unsigned n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_non_null(d = opendir(path));
	while ((e = readdir(d)) != NULL)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(d);
	return n;
}

static enum lane_end put(const struct there *t, const char *octets, int *status, char why[DROP_WHY_MAX])
{
	struct place_here here;

	*status = 0;
	place_here(&here, t->out);
	return drop_put(&here.place, t->sent, NAME, yt_str(octets), status, why);
}

static void assert_put(const struct there *t, const char *octets, int wanted)
{
	char why[DROP_WHY_MAX];
	int status;

	if (put(t, octets, &status, why) != LANE_ANSWERED)
		fail_msg("%s", why);
	assert_int_equal(status, wanted);
}

/* -- one file ------------------------------------------------------------------------------------- */

static void a_file_is_handed_over_once(void **state)
{
	struct there t;

	(void)state;
	begin(&t);
	assert_put(&t, OCTETS, YT_FILE_HANDED_OVER);
	assert_true(is_there(&t));
	assert_put(&t, OCTETS, YT_FILE_HANDED_OVER);
	assert_int_equal(count(t.folder, "out"), 1);
	assert_int_equal(count(t.folder, "sent"), 1);
	take(&t);
	assert_put(&t, OCTETS, YT_FILE_HANDED_OVER); /* the party has it, so it is not written again */
	assert_int_equal(count(t.folder, "out"), 0);
	end(&t);
}

static void a_name_never_gets_other_octets(void **state)
{
	struct there t;

	(void)state;
	begin(&t);
	assert_put(&t, OCTETS, YT_FILE_HANDED_OVER);
	assert_put(&t, OTHERS, YT_FILE_NAME_TAKEN);
	assert_true(is_there(&t));
	take(&t);
	assert_put(&t, OTHERS, YT_FILE_NAME_TAKEN); /* nor when the party has taken the first */
	assert_int_equal(count(t.folder, "out"), 0);
	end(&t);
	begin(&t);
	assert_int_equal(files_write(t.out, NAME, YT_STR(OCTETS)), 0); /* somebody else's, or our receipts are lost */
	assert_put(&t, OTHERS, YT_FILE_NAME_TAKEN);
	assert_put(&t, OCTETS, YT_FILE_HANDED_OVER);
	end(&t);
}

static void names_are_plain(void **state)
{
	static const char *const wrong[] = { "", ".hidden", "../out", "a/b", "a b", "a\nb", "a\\b", "a;b", "名" };
	struct place_here here;
	char why[DROP_WHY_MAX], longest[FILES_NAME_MAX + 2];
	struct there t;
	int status;

	(void)state;
	begin(&t);
	place_here(&here, t.out);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(drop_put(&here.place, t.sent, wrong[i], YT_STR(OCTETS), &status, why), LANE_NOT_SENT);
	memset(longest, 'a', sizeof(longest));
	longest[FILES_NAME_MAX + 1] = '\0';
	assert_int_equal(drop_put(&here.place, t.sent, longest, YT_STR(OCTETS), &status, why), LANE_NOT_SENT);
	longest[FILES_NAME_MAX] = '\0';
	assert_int_equal(drop_put(&here.place, t.sent, longest, YT_STR(OCTETS), &status, why), LANE_ANSWERED);
	end(&t);
}

/* -- faults --------------------------------------------------------------------------------------- */

/* Each call fails once.  NOT_SENT is said only where the party cannot see the file, and the next try hands it over. */
static void a_disk_that_fails_loses_and_doubles_nothing(void **state)
{
	static const int errors[] = { ENOSPC, EIO, EACCES };
	char why[DROP_WHY_MAX];
	int n, status, n_not_sent = 0;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		for (n = 0, status = 0; n < 100; n++) {
			enum lane_end how;
			struct there t;

			begin(&t);
			calls_until_fault = n;
			fault_errno = errors[i];
			how = put(&t, OCTETS, &status, why);
			if (calls_until_fault != NEVER && how == LANE_ANSWERED) { /* it never came to the nth call */
				calls_until_fault = NEVER;
				end(&t);
				break;
			}
			calls_until_fault = NEVER;
			if (how == LANE_NOT_SENT) {
				n_not_sent++;
				assert_false(is_there(&t));
				assert_non_null(strstr(why, strerror(errors[i])));
			} else if (how == LANE_ANSWERED) {
				assert_true(is_there(&t));
			}
			assert_put(&t, OCTETS, YT_FILE_HANDED_OVER);
			assert_true(is_there(&t));
			assert_int_equal(count(t.folder, "out"), 1);
			end(&t);
		}
		assert_in_range(n, 15, 99);
	}
	assert_in_range(n_not_sent, 3 * 8, 3 * 99);
}

/* The process dies before each call in turn.  takes: the party takes the file while nobody looks. */
static void dies_at_each_call(bool takes)
{
	unsigned n_died = 0;
	int wait_status;

	for (int n = 0; n < 100; n++) {
		char why[DROP_WHY_MAX];
		struct there t;
		int status;
		pid_t pid;

		begin(&t);
		assert_true((pid = fork()) >= 0);
		if (pid == 0) {
			calls_until_fault = n;
			fault_errno = 0;
			_exit(put(&t, OCTETS, &status, why) == LANE_ANSWERED ? 0 : 1);
		}
		assert_int_equal(waitpid(pid, &wait_status, 0), pid);
		assert_true(WIFEXITED(wait_status));
		n_died += WEXITSTATUS(wait_status) == 7;
		if (takes)
			take(&t);
		assert_put(&t, OCTETS, YT_FILE_HANDED_OVER);
		take(&t);
		assert_int_equal(t.taken, 1);
		assert_put(&t, OCTETS, YT_FILE_HANDED_OVER);
		take(&t);
		assert_int_equal(t.taken, 1);
		end(&t);
		if (WEXITSTATUS(wait_status) == 0)
			break;
		assert_int_equal(WEXITSTATUS(wait_status), 7);
	}
	assert_in_range(n_died, 15, 99);
}

static void a_kill_at_any_call_leaves_one_file(void **state)
{
	(void)state;
	dies_at_each_call(false);
}

static void a_kill_at_any_call_leaves_one_file_that_was_taken(void **state)
{
	(void)state;
	dies_at_each_call(true);
}

static void a_folder_without_noreplace_is_no_worse(void **state)
{
	struct there t;

	(void)state;
	renames_plainly = true;
	dies_at_each_call(true);
	begin(&t);
	assert_int_equal(files_write(t.out, NAME, YT_STR(OTHERS)), 0);
	assert_put(&t, OCTETS, YT_FILE_NAME_TAKEN);
	assert_int_equal(files_write(t.out, "another", YT_STR(OCTETS)), 0);
	assert_int_equal(files_place(t.out, "another", t.out, NAME), -EEXIST);
	renames_plainly = false;
	end(&t);
}

static void a_lost_answer_to_a_rename_is_not_taken_for_no(void **state)
{
	static const int errors[] = { EIO, ETIMEDOUT, ESTALE, ENOENT };
	char why[DROP_WHY_MAX];
	struct there t;
	int status;

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		begin(&t);
		lost_answer = errors[i];
		assert_int_equal(put(&t, OCTETS, &status, why), LANE_LOST);
		lost_answer = 0;
		take(&t);
		assert_put(&t, OCTETS, YT_FILE_HANDED_OVER);
		assert_int_equal(count(t.folder, "out"), 0); /* not there a second time */
		end(&t);
	}
}

/* Ours was taken, and something else stands under its name: to refuse it would be to pay it again. */
static void what_came_after_ours_does_not_undo_it(void **state)
{
	char why[DROP_WHY_MAX];
	struct there t;
	int status;

	(void)state;
	begin(&t);
	lost_answer = EIO;
	assert_int_equal(put(&t, OCTETS, &status, why), LANE_LOST);
	lost_answer = 0;
	take(&t);
	assert_int_equal(files_write(t.out, NAME, YT_STR(OTHERS)), 0);
	assert_put(&t, OCTETS, YT_FILE_HANDED_OVER);
	assert_put(&t, OTHERS, YT_FILE_NAME_TAKEN);
	end(&t);
}

/* -- the party's thread --------------------------------------------------------------------------- */

struct heard {
	uv_loop_t loop;
	struct drop *drop;
	unsigned n, wanted;
	struct {
		uint64_t id;
		enum lane_end end;
		int status;
		bool late;
		char why[DROP_WHY_MAX];
	} of[8];
};

static void on_done(void *arg, uint64_t id, const struct lane_result *result)
{
	struct heard *h = arg;

	assert_true(h->n < 8);
	h->of[h->n].id = id;
	h->of[h->n].end = result->end;
	h->of[h->n].status = result->status;
	h->of[h->n].late = result->late;
	snprintf(h->of[h->n].why, DROP_WHY_MAX, "%s", result->why);
	if (++h->n == h->wanted)
		uv_stop(&h->loop);
}

static void hear(struct heard *h, unsigned wanted)
{
	h->wanted = wanted;
	while (h->n < wanted)
		uv_run(&h->loop, UV_RUN_DEFAULT);
}

static void open_drop(struct heard *h, const char *folder, uint32_t queue)
{
	struct drop_conf conf = { .name = "bank", .folder = folder, .queue = queue };

	memset(h, 0, sizeof(*h));
	assert_int_equal(uv_loop_init(&h->loop), 0);
	assert_int_equal(drop_open(&h->drop, &h->loop, &conf, on_done, h), 0);
}

static void close_drop(struct heard *h)
{
	drop_close(h->drop);
	h->wanted = 0;
	uv_run(&h->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&h->loop), 0);
}

static int64_t soon(void)
{
	return yt_mono_ms() + 60000;
}

static void ends_are_told_on_the_loop(void **state)
{
	struct heard h;
	struct there t;

	(void)state;
	begin(&t);
	open_drop(&h, t.folder, 4);
	drop_send(h.drop, 1, YT_STR(NAME), YT_STR(OCTETS), soon());
	assert_int_equal(h.n, 0);
	hear(&h, 1);
	assert_int_equal(h.of[0].id, 1);
	assert_int_equal(h.of[0].end, LANE_ANSWERED);
	assert_int_equal(h.of[0].status, YT_FILE_HANDED_OVER);
	assert_true(is_there(&t));
	drop_send(h.drop, 2, YT_STR(NAME), YT_STR(OTHERS), soon());
	hear(&h, 2);
	assert_int_equal(h.of[1].status, YT_FILE_NAME_TAKEN);
	drop_send(h.drop, 3, YT_STR("../" NAME), YT_STR(OCTETS), soon());
	drop_send(h.drop, 4, YT_STR("x.txt"), YT_STR(OCTETS), yt_mono_ms()); /* no time is left */
	hear(&h, 4);
	assert_int_equal(h.of[2].end, LANE_NOT_SENT);
	assert_int_equal(h.of[3].end, LANE_NOT_SENT);
	close_drop(&h);
	end(&t);
}

/* What is missing is named; nothing left; it goes as soon as it is there. */
static void a_missing_folder_is_named(void **state)
{
	static const char *const missing[] = { "out", "sent" };
	char path[100];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct heard h;
		struct there t;

		begin(&t);
		open_drop(&h, t.folder, 4);
		snprintf(path, sizeof(path), "%s/%s", t.folder, missing[i]);
		assert_int_equal(rmdir(path), 0);
		drop_send(h.drop, 1, YT_STR(NAME), YT_STR(OCTETS), soon());
		hear(&h, 1);
		assert_int_equal(h.of[0].end, LANE_NOT_SENT);
		assert_non_null(strstr(h.of[0].why, path));
		assert_non_null(strstr(h.of[0].why, "No such file"));
		assert_int_equal(mkdir(path, 0755), 0);
		drop_send(h.drop, 2, YT_STR(NAME), YT_STR(OCTETS), soon());
		hear(&h, 2);
		assert_int_equal(h.of[1].end, LANE_ANSWERED);
		close_drop(&h);
		end(&t);
	}
}

/* Another worker has the folder: the thread waits for it, and who waits behind. */
static void what_waits_is_bounded_in_number_and_time(void **state)
{
	struct heard h;
	struct there t;
	unsigned n[5] = { 0 };

	(void)state;
	begin(&t);
	assert_int_equal(flock(t.sent, LOCK_EX), 0);
	open_drop(&h, t.folder, 1);
	drop_send(h.drop, 1, YT_STR(NAME), YT_STR(OCTETS), yt_mono_ms() + 300);
	hear(&h, 1); /* by then the thread is at it */
	assert_int_equal(h.of[0].end, LANE_TIMED_OUT);
	drop_send(h.drop, 2, YT_STR("b.txt"), YT_STR(OCTETS), yt_mono_ms() + 300);
	drop_send(h.drop, 3, YT_STR("c.txt"), YT_STR(OCTETS), soon());
	hear(&h, 3);
	assert_int_equal(h.of[1].id, 3);
	assert_string_equal(h.of[1].why, "queue is full");
	assert_int_equal(h.of[2].id, 2);
	assert_int_equal(h.of[2].end, LANE_NOT_SENT);
	assert_int_equal(flock(t.sent, LOCK_UN), 0);
	hear(&h, 4); /* it was handed over after all */
	assert_int_equal(h.of[3].id, 1);
	assert_true(h.of[3].late);
	assert_int_equal(h.of[3].end, LANE_ANSWERED);
	for (unsigned i = 0; i < 4; i++)
		n[h.of[i].id]++;
	assert_true(n[1] == 2 && n[2] == 1 && n[3] == 1);
	close_drop(&h);
	assert_int_equal(count(t.folder, "out"), 1);
	end(&t);
}

static void closing_tells_what_waits(void **state)
{
	struct heard h;
	struct there t;

	(void)state;
	begin(&t);
	open_drop(&h, t.folder, 8);
	for (uint64_t id = 1; id <= 4; id++) {
		char name[16];

		snprintf(name, sizeof(name), "f%u.txt", (unsigned)id);
		drop_send(h.drop, id, yt_str(name), YT_STR(OCTETS), soon());
	}
	close_drop(&h);
	assert_int_equal(h.n, 4);
	for (unsigned i = 0; i < 4; i++) {
		char name[16];

		snprintf(name, sizeof(name), "f%u.txt", (unsigned)h.of[i].id);
		assert_int_equal(faccessat(t.out, name, F_OK, 0) == 0, h.of[i].end == LANE_ANSWERED);
	}
	end(&t);
}

/* What one test leaves of it when it fails is no other one's. */
static int no_faults(void **state)
{
	calls_until_fault = NEVER;
	renames_plainly = false;
	lost_answer = 0;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_teardown(a_file_is_handed_over_once, no_faults),
		cmocka_unit_test_teardown(a_name_never_gets_other_octets, no_faults),
		cmocka_unit_test_teardown(names_are_plain, no_faults),
		cmocka_unit_test_teardown(a_disk_that_fails_loses_and_doubles_nothing, no_faults),
		cmocka_unit_test_teardown(a_kill_at_any_call_leaves_one_file, no_faults),
		cmocka_unit_test_teardown(a_folder_without_noreplace_is_no_worse, no_faults),
		cmocka_unit_test_teardown(a_lost_answer_to_a_rename_is_not_taken_for_no, no_faults),
		cmocka_unit_test_teardown(what_came_after_ours_does_not_undo_it, no_faults),
		cmocka_unit_test_teardown(a_kill_at_any_call_leaves_one_file_that_was_taken, no_faults),
		cmocka_unit_test_teardown(ends_are_told_on_the_loop, no_faults),
		cmocka_unit_test_teardown(a_missing_folder_is_named, no_faults),
		cmocka_unit_test_teardown(what_waits_is_bounded_in_number_and_time, no_faults),
		cmocka_unit_test_teardown(closing_tells_what_waits, no_faults) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
