/* tests/test_worker_files.c - a folder that is closed is not answered into (core/process/worker_files.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "process/worker_files.h"

static const char *const parts[] = { "in", "taken", "done", "refused" };

/* The engine may be told of legs that end after the folder was closed, and answers their files. */
static void a_closed_folder_hears_nothing(void **state)
{
	char dir[] = "/tmp/yt-files-XXXXXX", path[64];
	struct conf_listener listener = { .name = "files", .path = dir, .look_ms = 1000, .settle_ms = 10 };
	struct worker_folder_conf conf = { .listener = &listener, .file_bytes = 1000 };
	const struct server_token token = { 0 };
	struct worker_folder *f;
	uv_loop_t loop;

	(void)state;
	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, parts[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	uv_loop_init(&loop);
	assert_int_equal(worker_folder_open(&f, &loop, &conf), 0);
	worker_folder_close(f);
	uv_run(&loop, UV_RUN_DEFAULT); /* the folder's own memory is gone */
	worker_folder_answer(f, token, 503, (struct yt_str){ 0 });
	worker_folder_answer(f, token, 200, YT_STR("{}"));
	worker_folder_drop(f, token);
	worker_folder_close(f); /* once more */
	worker_folder_free(f);
	assert_int_equal(uv_loop_close(&loop), 0);
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, parts[i]);
		rmdir(path);
	}
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_closed_folder_hears_nothing) };

	return cmocka_run_group_tests_name("worker files", tests, NULL, NULL);
}
