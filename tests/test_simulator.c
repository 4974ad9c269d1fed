/* tests/test_simulator.c - thousands of bad days, each from its seed, and the books agree in the end.
 *
 * Promises P1, P2, P3, P5 in kind, P8 in kind and P13, over the real engine, keeper, log and rings (sim.h).
 * A seed is a random phase of about a minute of virtual time full of faults, then faults stop and everything must
 * come to rest.  YT_SIM_SEEDS=N plays seeds 1 to N (default 200); YT_SIM_SEED=n plays that one and prints
 * its story. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim.h"

#define SEEDS 200
#define CHAOS_MS 90000
#define REST_MS (20 * 60 * 1000) /* by then everything must have come to rest */

static volatile uint64_t playing;

/* An aborted invariant (YT_REQUIRE, a sanitizer) must say which seed it was. */
static void on_abort(int number)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "\naborted in seed %llu\n", (unsigned long long)playing);

	if (write(2, text, (size_t)n) < 0)
		_exit(3);
}

static void say_open(void *arg, const struct exchange *x)
{
	struct sim *s = arg;

	sim_fail(s, "did not come to rest: exchange %llx, number %s, %s, %s%s", (unsigned long long)x->id, x->number,
	        x->wire_op, exchange_state_name(x->state), x->reversal_wanted ? ", a reversal is wanted" : "");
}

static void did_not_rest(struct sim *s)
{
	uint32_t i;

	if (s->gw.keeper == NULL)
		sim_fail(s, "did not come to rest: no keeper");
	else
		keeper_each_open(s->gw.keeper, say_open, s);
	for (i = 1; i < s->n_asks; i++) {
		const struct ask *a = &s->asks[i];

		if (a->heard == HEARD_NOTHING && !a->abandoned && !a->undone && !a->reversing)
			sim_fail(s, "did not come to rest: the hospital still waits for %s", a->num);
	}
	sim_fail(s, "did not come to rest");
}

static void rest(struct sim *s)
{
	while (!s->failed && s->now < CHAOS_MS && sim_step(s))
		;
	s->calm = true;
	sim_trace(s, "faults stop");
	gateway_calm(s);
	hospitals_calm(s);
	while (!s->failed && sim_step(s)) {
		if (hospitals_are_quiet(s) && gateway_is_quiet(s))
			return;
		if (s->now > CHAOS_MS + REST_MS)
			did_not_rest(s);
	}
}

static bool play(uint64_t seed, bool tracing, struct sim *sum)
{
	struct sim *s = calloc(1, sizeof(*s));
	bool failed;

	YT_REQUIRE(s != NULL);
	playing = seed;
	s->seed = s->random = seed;
	s->tracing = tracing;
	gateway_start(s);
	hospitals_start(s);
	rest(s);
	if (!s->failed)
		sim_check(s);
	failed = s->failed;
	if (failed)
		printf("seed %llu: %s\n", (unsigned long long)seed, s->failure);
	sum->told.remote += s->told.remote;
	sum->told.settled += s->told.settled;
	sum->told.reversed += s->told.reversed;
	sum->told.cancelled += s->told.cancelled;
	sum->told.kills += s->told.kills;
	sum->told.restarts += s->told.restarts;
	sum->told.held += s->told.held;
	sum->told.lost += s->told.lost;
	sum->told.slow += s->told.slow;
	sum->told.one_stops += s->told.one_stops;
	sim_free(s);
	free(s);
	return !failed;
}

static void books_agree_after_any_day(void **state)
{
	const char *one = getenv("YT_SIM_SEED"), *many = getenv("YT_SIM_SEEDS");
	uint64_t first = one != NULL ? strtoull(one, NULL, 10) : 1;
	uint64_t last = one != NULL ? first : many != NULL ? strtoull(many, NULL, 10) : SEEDS, seed, n_failed = 0;
	struct sim *sum = calloc(1, sizeof(*sum));

	assert_non_null(sum);
	for (seed = first; seed <= last; seed++)
		n_failed += !play(seed, one != NULL, sum);
	printf("%llu seeds, %llu failed: %u settled, %u of them across provinces by flows, %u reversed, %u cancelled, %u answers lost, %u held, %u kills, "
	       "%u power failures, %u calls of slow codecs, %u told what an insurer pays\n",
	        (unsigned long long)(last - first + 1), (unsigned long long)n_failed,
	        sum->told.settled + sum->told.remote, sum->told.remote, sum->told.reversed, sum->told.cancelled,
	        sum->told.lost, sum->told.held, sum->told.kills, sum->told.restarts, sum->told.slow,
	        sum->told.one_stops);
	if (last - first >= 20) { /* a quiet day proves nothing */
		assert_true(
		        sum->told.reversed > 0 && sum->told.held > 0 && sum->told.kills > 0 && sum->told.restarts > 0);
		assert_true(sum->told.cancelled > 0 && sum->told.lost > 0 && sum->told.remote > 0);
		assert_true(sum->told.slow > 0 && sum->told.one_stops > 0);
	}
	free(sum);
	assert_int_equal(n_failed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(books_agree_after_any_day),
	};

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGABRT, on_abort);
	yt_log_setup("sim", getenv("YT_SIM_SEED") != NULL ? YT_INFO : (enum yt_level)(YT_ERROR + 1));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
