/* tests/test_slow.c - threads of slow codecs (process/slow.h) under the real engine, and whose black box it was when
 * one of them died (box.h).
 *
 * Three listeners: two instances of a slow codec, whose decode_request() notes that it began and waits until it is let
 * go, and one of a codec that is not slow.  Everybody is refused after decoding, so a request that was decoded is
 * answered. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_codec.h"
#include "process/slow.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { SLOW_A, SLOW_B, QUICK, LISTENERS };
enum { QUEUE = 2 };

static struct {
	uv_loop_t loop;
	struct engine *engine;
	struct slow *slow;
	struct boxes *boxes; /* shared with children */
	struct yt_codec_api api[LISTENERS];
	uv_sem_t began[LISTENERS], go[LISTENERS];
	char plugin[LISTENERS];     /* their addresses stand for instances */
	unsigned at_once, too_many; /* of SLOW_A: only ever touched in its thread */
	char answered[40];          /* tokens in order, a letter each; in upper case what was turned away */
	bool aborts, faults;
} w;

static void write_nowhere(void)
{
	*(volatile char *)mmap(NULL, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) = 1;
}

/* -- the slow codec ------------------------------------------------------------------------------- */

static int held_decode(struct yt_plugin *self, struct yt_str octets, struct yt_msg *msg, struct yt_fault *fault)
{
	size_t i = (size_t)((char *)self - w.plugin);

	if (i == SLOW_A && ++w.at_once > 1)
		w.too_many++;
	uv_sem_post(&w.began[i]);
	uv_sem_wait(&w.go[i]);
	if (w.aborts)
		abort();
	if (w.faults)
		write_nowhere();
	if (i == SLOW_A)
		w.at_once--;
	return fake_codec.decode_request(NULL, octets, msg, fault);
}

/* -- the engine's world --------------------------------------------------------------------------- */

static int64_t w_time(void *ctx)
{
	return 1790000000000;
}

static void w_random(void *ctx, void *out, size_t n)
{
	memset(out, 7, n);
}

static int w_submit(void *ctx, const struct talk *talk)
{
	return 0;
}

static void w_answer(void *ctx, uint64_t token, int status, const char *content_type, struct yt_str body)
{
	char c = (char)((status == 200 ? 'a' : 'A') + (int)token - 1);

	strncat(w.answered, &c, 1);
}

static void w_drop(void *ctx, uint64_t token)
{
}

static void w_person(void *ctx, struct yt_str person, uint8_t out[16])
{
	memset(out, 7, 16);
}

static void w_box(void *ctx, const char *plugin, const char *what, uint64_t exchange, struct yt_str octets)
{
	if (what == NULL)
		box_empty(&w.boxes->box[BOX_LOOP]);
	else
		box_fill(&w.boxes->box[BOX_LOOP], plugin, what, exchange, octets);
}

static bool w_quarantined(void *ctx, struct yt_str octets)
{
	return false;
}

static int w_run(void *ctx, struct engine_job *job)
{
	return slow_give(w.slow, job);
}

static const struct engine_origin origin = { .name = "hospital", .unknown_style = ENGINE_HOLD, .timeout_ms = 8000 };

static const struct engine_origin *c_subject(void *ctx, struct yt_str subject)
{
	return &origin;
}

static bool c_speaks_for(void *ctx, const struct engine_origin *o, const struct yt_msg *msg)
{
	return false;
}

static void on_done(void *arg, struct engine_job *job)
{
	engine_coded(w.engine, job);
}

static void start(void)
{
	struct engine_conf conf = { .origin_by_subject = c_subject, .speaks_for = c_speaks_for, .exchanges = 100 };
	struct engine_world world = { .wall_ms = w_time,
		.mono_ms = w_time,
		.random = w_random,
		.submit = w_submit,
		.answer = w_answer,
		.drop = w_drop,
		.person = w_person,
		.box = w_box,
		.quarantined = w_quarantined,
		.run = w_run };

	assert_int_equal(uv_loop_init(&w.loop), 0);
	assert_int_equal(slow_open(&w.slow, &w.loop, w.boxes, QUEUE, on_done, NULL), 0);
	for (size_t i = 0; i < LISTENERS; i++) {
		w.api[i] = fake_codec;
		w.api[i].name = i == QUICK ? "quick" : "slow";
		if (i == QUICK)
			continue;
		w.api[i].decode_request = held_decode;
		w.api[i].is_slow = true;
		uv_sem_init(&w.began[i], 0);
		uv_sem_init(&w.go[i], 0);
		assert_int_equal(slow_add(w.slow, (struct yt_plugin *)(void *)&w.plugin[i]), 0);
	}
	w.engine = engine_new(&conf, &world);
	assert_non_null(w.engine);
	yt_log_setup("test", (enum yt_level)(YT_ERROR + 1));
}

static int setup(void **state)
{
	memset(&w, 0, sizeof(w));
	w.boxes = mmap(NULL, sizeof(*w.boxes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(w.boxes != MAP_FAILED);
	return 0;
}

static int setup_started(void **state)
{
	setup(state);
	start();
	return 0;
}

static int teardown(void **state)
{
	munmap(w.boxes, sizeof(*w.boxes));
	return 0;
}

static int teardown_started(void **state)
{
	for (size_t i = 0; i < 10 * QUICK; i++) /* a test that failed half-way ends too */
		uv_sem_post(&w.go[i % QUICK]);
	slow_stop(w.slow);
	uv_run(&w.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w.loop), 0);
	slow_free(w.slow);
	engine_free(w.engine);
	for (size_t i = 0; i < QUICK; i++) {
		uv_sem_destroy(&w.began[i]);
		uv_sem_destroy(&w.go[i]);
	}
	return teardown(state);
}

/* -- what happens --------------------------------------------------------------------------------- */

static void ask(uint64_t token, size_t listener)
{
	char line[40];
	struct engine_request r = { .token = token,
		.listener = "door",
		.codec = { &w.api[listener], (struct yt_plugin *)(void *)&w.plugin[listener] },
		.by_certificate = true,
		.method = YT_STR("POST"),
		.subject = YT_STR("hospital") };

	snprintf(line, sizeof(line), "READ inst=H1 num=N%llu", (unsigned long long)token);
	r.body = yt_str(line);
	engine_request(w.engine, &r);
}

/* The loop turns until so many are answered. */
static void until(size_t answers)
{
	while (strlen(w.answered) < answers)
		uv_run(&w.loop, UV_RUN_ONCE);
}

/* The one that waits is served last, and nobody else waits for it: not on the loop, not in another instance. */
static void others_are_served_meanwhile(void **state)
{
	ask(1, SLOW_A);
	uv_sem_wait(&w.began[SLOW_A]);
	ask(2, QUICK);
	assert_string_equal(w.answered, "b");
	ask(3, SLOW_B);
	uv_sem_post(&w.go[SLOW_B]);
	until(2);
	assert_string_equal(w.answered, "bc");
	uv_sem_post(&w.go[SLOW_A]);
	until(3);
	assert_string_equal(w.answered, "bca");
}

/* An answer is a second job, behind those that wait already. */
static void one_at_a_time_in_order(void **state)
{
	ask(1, SLOW_A);
	uv_sem_wait(&w.began[SLOW_A]);
	ask(2, SLOW_A);
	ask(3, SLOW_A);
	for (int i = 0; i < 3; i++)
		uv_sem_post(&w.go[SLOW_A]);
	until(3);
	assert_string_equal(w.answered, "abc");
	assert_int_equal(w.too_many, 0);
}

static void many_waiting_are_enough(void **state)
{
	ask(1, SLOW_A);
	uv_sem_wait(&w.began[SLOW_A]);
	for (uint64_t i = 2; i <= 5; i++)
		ask(i, SLOW_A);
	assert_string_equal(w.answered, "DE"); /* QUEUE of them wait */
	ask(6, SLOW_B);                        /* has a queue of its own */
	assert_string_equal(w.answered, "DE");
	for (int i = 0; i < 3; i++)
		uv_sem_post(&w.go[SLOW_A]);
	uv_sem_post(&w.go[SLOW_B]);
	until(6);
}

/* By which the worker stops its heart when a codec hangs. */
static void a_thread_that_hangs_does_not_move(void **state)
{
	assert_true(slow_moves(w.slow));
	ask(1, SLOW_A);
	uv_sem_wait(&w.began[SLOW_A]);
	assert_true(slow_moves(w.slow)); /* it has only begun */
	assert_false(slow_moves(w.slow));
	assert_false(slow_moves(w.slow));
	uv_sem_post(&w.go[SLOW_A]);
	until(1);
	assert_true(slow_moves(w.slow));
}

/* The one that runs comes to its end, those that wait are dropped with their engine; neither leaks. */
static void what_waits_is_dropped_at_the_end(void **state)
{
	ask(1, SLOW_A);
	uv_sem_wait(&w.began[SLOW_A]);
	ask(2, SLOW_A);
	ask(3, SLOW_A);
	for (int i = 0; i < 3; i++)
		uv_sem_post(&w.go[SLOW_A]);
}

/* More instances than there are threads: they share them, and each still has one call at a time. */
static void many_instances_share_threads(void **state)
{
	static char more[2 * SLOW_THREADS];
	struct yt_codec_api api = fake_codec;
	struct engine_request r = { .listener = "door",
		.by_certificate = true,
		.method = YT_STR("POST"),
		.subject = YT_STR("hospital"),
		.body = YT_STR("READ inst=H1 num=N1") };

	api.is_slow = true;
	for (size_t i = 0; i < COUNT(more); i++)
		assert_int_equal(slow_add(w.slow, (struct yt_plugin *)(void *)&more[i]), 0);
	for (size_t i = 0; i < COUNT(more); i++) {
		r.token = i + 1;
		r.codec = (struct engine_codec){ &api, (struct yt_plugin *)(void *)&more[i] };
		engine_request(w.engine, &r);
		until(i + 1);
	}
}

/* -- who died ------------------------------------------------------------------------------------- */

static const struct death {
	const char *it;
	bool thread_is_in, loop_is_in; /* a plugin */
	enum { THREAD, LOOP, KILLED, FAULT, THREAD_FAULT } dies;
	const char *plugin; /* whose box it is; NULL: nobody's */
} deaths[] = {
	{ "a thread dies while the loop is in a plugin", true, true, THREAD, "slow" },
	{ "a thread dies while the loop is in none", true, false, THREAD, "slow" },
	{ "the loop dies in a plugin while a thread is in one", true, true, LOOP, "quick" },
	{ "the loop dies in a plugin alone", false, true, LOOP, "quick" },
	{ "the loop dies in code of ours while a thread is in a plugin", true, false, LOOP, NULL },
	{ "a fault of the loop in a plugin", true, true, FAULT, "quick" },
	{ "a fault of a thread in a plugin while another thread is in one", true, true, THREAD_FAULT, "slow" },
	{ "killed while a thread hangs in a plugin", true, true, KILLED, "slow" },
	{ "killed while the loop hangs in a plugin", false, true, KILLED, "quick" },
	{ "killed in no plugin", false, false, KILLED, NULL },
};

static void die(const struct death *d)
{
	signal(SIGSEGV, SIG_DFL); /* else the test's own handler, or a sanitizer's, has the last word */
	start();
	box_watch(w.boxes);
	w.aborts = d->dies == THREAD;
	w.faults = d->dies == THREAD_FAULT;
	if (d->thread_is_in) {
		ask(1, SLOW_A);
		uv_sem_wait(&w.began[SLOW_A]);
	}
	if (d->dies == THREAD_FAULT) {
		ask(2, SLOW_B);
		uv_sem_wait(&w.began[SLOW_B]);
	}
	if (d->loop_is_in)
		box_fill(&w.boxes->box[BOX_LOOP], "quick", "decode_request", 9, YT_STR("READ num=N9"));
	switch (d->dies) {
	case THREAD:
	case THREAD_FAULT:
		uv_sem_post(&w.go[SLOW_A]);
		pause();
		break;
	case LOOP:
		abort();
	case KILLED:
		kill(getpid(), SIGKILL);
		break;
	case FAULT:
		write_nowhere();
		break;
	}
	_exit(99);
}

static void test_death(void **state)
{
	const struct death *d = *state;
	const struct box *box;
	pid_t child = fork();
	int status;

	if (child == 0)
		die(d);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 99);
	box = box_of_death(w.boxes);
	if (d->plugin == NULL) {
		assert_null(box);
		return;
	}
	assert_non_null(box);
	assert_string_equal(box->plugin, d->plugin);
	assert_string_equal(box->what, "decode_request");
	assert_true(box->exchange == (strcmp(d->plugin, "slow") == 0 ? 1 : 9));
	assert_int_equal(memcmp(box->octets, "READ", 4), 0);
	assert_int_equal(box->octets[box->n_octets - 1], strcmp(d->plugin, "slow") == 0 ? '1' : '9');
}

/* The board is written by a process that may have gone mad. */
static void a_box_that_is_not_there_is_nobodys(void **state)
{
	w.boxes->box[1].busy = 1;
	for (uint32_t i = BOXES + 1; i < BOXES + 3; i++) {
		w.boxes->died_in = i;
		assert_null(box_of_death(w.boxes));
	}
	w.boxes->died_in = UINT32_MAX;
	assert_null(box_of_death(w.boxes));
}

#define PLAY(test) cmocka_unit_test_setup_teardown(test, setup_started, teardown_started)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLAY(others_are_served_meanwhile),
		PLAY(one_at_a_time_in_order),
		PLAY(many_waiting_are_enough),
		PLAY(a_thread_that_hangs_does_not_move),
		PLAY(what_waits_is_dropped_at_the_end),
		PLAY(many_instances_share_threads),
		cmocka_unit_test_setup_teardown(a_box_that_is_not_there_is_nobodys, setup, teardown),
	};
	struct CMUnitTest dying[COUNT(deaths)];

	for (size_t i = 0; i < COUNT(deaths); i++)
		dying[i] =
		        (struct CMUnitTest){ deaths[i].it, test_death, setup, teardown, (void *)(uintptr_t)&deaths[i] };
	/* Children first: they start from a process with one thread. */
	return cmocka_run_group_tests(dying, NULL, NULL) + cmocka_run_group_tests(tests, NULL, NULL);
}
