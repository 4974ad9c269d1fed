/* tests/test_worker_files.c - where a file goes by what the engine says of it; a folder that is closed is not answered
 * into (core/process/worker_files.c).  The engine is this test: --wrap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "process/worker_files.h"

static const char *const parts[] = { "in", "taken", "done", "refused" };

#define LISTENER (1ULL << 56) /* which one, in a token */
#define NEXT 77               /* number of the next request */
#define DROPPED 0             /* for a status: not answered at all */

/* What the engine says of a file, each time that it is handed in. */
struct said {
	int status;
	enum yt_outcome outcome;
	const char *text;
};

struct row {
	const char *it;
	struct said said[2];
	unsigned n_said;
	const char *folder, *why; /* where the file lies then, and what the file beside it says; NULL: there is none */
};

struct world {
	char dir[32];
	uv_loop_t loop;
	uv_timer_t limit;
	struct worker_folder *folder;
	const struct row *row;
	unsigned n_asked, n_over; /* handed in; said to be over, which the engine waits for */
	bool is_poison;
};
static struct world w;

void __wrap_engine_request(struct engine *engine, const struct engine_request *request);
void __wrap_engine_flushed(struct engine *engine, uint64_t token);
bool __wrap_engine_is_poison(const struct engine *engine, struct yt_str octets);
uint64_t __wrap_engine_next_id(const struct engine *engine);

void __wrap_engine_request(struct engine *engine, const struct engine_request *request)
{
	struct server_token token = { (uint32_t)(request->token >> 32) & 0xffffff, (uint32_t)request->token };
	const struct said *said;

	assert_true(w.n_asked < w.row->n_said);
	said = &w.row->said[w.n_asked++];
	assert_true(yt_str_is(request->path, "/in/a.txt") && yt_str_is(request->body, "one\n"));
	if (said->status == DROPPED) {
		worker_folder_drop(w.folder, token);
		return;
	}
	if (said->status == 200)
		worker_folder_verdict(w.folder, token, said->outcome, yt_str(said->text));
	worker_folder_answer(w.folder, token, said->status, yt_str(said->text));
}

void __wrap_engine_flushed(struct engine *engine, uint64_t token)
{
	w.n_over++;
	if (w.n_asked == w.row->n_said)
		uv_stop(&w.loop); /* it is put away */
}

bool __wrap_engine_is_poison(const struct engine *engine, struct yt_str octets)
{
	return w.is_poison;
}

uint64_t __wrap_engine_next_id(const struct engine *engine)
{
	return NEXT;
}

static void on_limit(uv_timer_t *timer)
{
	fail_msg("%s: it took more than 20 s", w.row->it);
}

static void make_folders(char *dir)
{
	char path[64];

	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, parts[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
}

static void remove_folders(const char *dir)
{
	char path[64];

	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, parts[i]);
		assert_int_equal(rmdir(path), 0);
	}
	assert_int_equal(rmdir(dir), 0);
}

static void put(const char *folder, const char *name, const char *text)
{
	char path[80];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/%s", w.dir, folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0 && fclose(f) == 0);
}

/* Whether it lies there with that text, which is taken away then; text NULL: whether it is not there. */
static bool takes(const char *folder, const char *name, const char *text)
{
	char path[80], is[200] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/%s", w.dir, folder, name);
	f = fopen(path, "r");
	if (f == NULL || text == NULL)
		return f == NULL && text == NULL;
	is[fread(is, 1, sizeof(is) - 1, f)] = '\0';
	fclose(f);
	return strcmp(is, text) == 0 && unlink(path) == 0;
}

/* ---- tests ---- */

/* One file, until it lies where the row says. */
static void hand_in(
        const struct row *row, const struct yt_codec_api *api, const struct engine_origin *origin, struct box *box)
{
	struct conf_listener listener = {
		.name = "files", .path = w.dir, .files = 2, .look_ms = 20, .settle_ms = 1, .incomplete_ms = 3600000
	};
	struct worker_folder_conf conf = { .listener = &listener,
		.file_bytes = 1000,
		.codec = { .api = api },
		.origin = origin,
		.box = box,
		.token = LISTENER };

	print_message("  %s\n", row->it);
	w.row = row;
	w.n_asked = w.n_over = 0;
	put("in", "a.txt", "one\n");
	uv_loop_init(&w.loop);
	uv_timer_init(&w.loop, &w.limit);
	uv_timer_start(&w.limit, on_limit, 20000, 0);
	assert_int_equal(worker_folder_open(&w.folder, &w.loop, &conf), 0);
	uv_run(&w.loop, UV_RUN_DEFAULT);
	assert_int_equal(w.n_over, w.n_asked - (w.row->said[0].status == DROPPED));
	assert_int_equal(w.n_asked, row->n_said);
	assert_true(takes(row->folder, "a.txt", "one\n"));
	assert_true(takes("refused", "a.txt.why.txt", row->why));
	worker_folder_close(w.folder);
	uv_close((uv_handle_t *)&w.limit, NULL);
	uv_run(&w.loop, UV_RUN_DEFAULT);
	worker_folder_free(w.folder);
	assert_int_equal(uv_loop_close(&w.loop), 0);
}

/* A bank writes its result once: what the engine cannot judge yet is no refusal. */
static void a_file_goes_where_the_engine_says(void **state)
{
	static const struct row rows[] = {
		{ "taken", { { 200, YT_DONE, "" } }, 1, "done", NULL },
		{ "not known yet", { { 200, YT_UNKNOWN, "it belongs to no order" }, { 200, YT_DONE, "" } }, 2, "done",
		        NULL },
		{ "not known yet, then refused", { { 200, YT_UNKNOWN, "not yet" }, { 200, YT_REFUSED, "line 3" } }, 2,
		        "refused", "line 3\n" },
		{ "no room", { { 503, 0, "busy" }, { 200, YT_DONE, "" } }, 2, "done", NULL },
		{ "nobody knows", { { DROPPED, 0, "" }, { 200, YT_DONE, "" } }, 2, "done", NULL },
		{ "refused", { { 200, YT_REFUSED, "line 3 has no amount" } }, 1, "refused", "line 3 has no amount\n" },
		{ "refused without words", { { 200, YT_REFUSED, "" } }, 1, "refused",
		        "refused before, for the reason given then\n" },
		{ "unreadable", { { 400, 0, "no message" } }, 1, "refused", "no message\n" },
	};
	const struct engine_origin origin = { .name = "bank" };
	const struct yt_codec_api api = { 0 };

	(void)state;
	snprintf(w.dir, sizeof(w.dir), "/tmp/yt-files-XXXXXX");
	make_folders(w.dir);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		hand_in(&rows[i], &api, &origin, NULL);
	}
	remove_folders(w.dir);
}

/* The engine may be told of legs that end after the folder was closed, and answers their files. */
static void a_closed_folder_hears_nothing(void **state)
{
	char dir[] = "/tmp/yt-files-XXXXXX";
	struct conf_listener listener = { .name = "files", .path = dir, .look_ms = 1000, .settle_ms = 10 };
	struct worker_folder_conf conf = { .listener = &listener, .file_bytes = 1000 };
	const struct server_token token = { 0 };
	struct worker_folder *f;
	uv_loop_t loop;

	(void)state;
	make_folders(dir);
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
	remove_folders(dir);
}

static struct box *boxed;

static bool looks_into_box(struct yt_plugin *self, struct yt_str octets)
{
	(void)self, (void)octets;
	assert_false(w.is_poison);               /* it died of them before */
	assert_int_equal(boxed->exchange, NEXT); /* they are parked under it */
	assert_string_equal(boxed->what, "file_is_whole");
	return true;
}

/* A file that killed a worker in file_is_whole would kill each one that comes after it (P8). */
static void octets_that_killed_are_not_looked_at_again(void **state)
{
	static const struct row rows[] = {
		{ "looked at", { { 200, YT_DONE, "" } }, 1, "done", NULL },
		{ "not looked at again", { { 503, 0, "poison" }, { 200, YT_REFUSED, "unreadable" } }, 2, "refused",
		        "unreadable\n" },
	};
	const struct engine_origin origin = { .name = "bank" };
	const struct yt_codec_api api = { .name = "fake", .file_is_whole = looks_into_box };

	(void)state;
	boxed = calloc(1, sizeof(*boxed));
	assert_non_null(boxed);
	snprintf(w.dir, sizeof(w.dir), "/tmp/yt-files-XXXXXX");
	make_folders(w.dir);
	for (size_t i = 0; i < 2; i++) {
		w.is_poison = i == 1;
		hand_in(&rows[i], &api, &origin, boxed);
	}
	w.is_poison = false;
	remove_folders(w.dir);
	free(boxed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_goes_where_the_engine_says),
		cmocka_unit_test(a_closed_folder_hears_nothing),
		cmocka_unit_test(octets_that_killed_are_not_looked_at_again),
	};

	return cmocka_run_group_tests_name("worker files", tests, NULL, NULL);
}
