/* tests/crash/crash_act.c - the acts of violence, one a round, in turn and at random moments. */
#include "crash_run.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_WORKERS 16
#define BURST 1000

static pid_t one_of(const struct world *w, const char *role)
{
	pid_t pids[MAX_WORKERS];
	size_t n = world_children(w, role, pids, MAX_WORKERS);

	return n == 0 ? 0 : pids[dice() % n];
}

static void kill_one(struct world *w, const char *role, int signal, char *note, size_t size)
{
	pid_t pid = one_of(w, role);
	size_t used = strlen(note);

	if (pid > 0)
		kill(pid, signal);
	snprintf(note + used, size - used, "%s%s %d", used > 0 ? ", " : "", role, (int)pid);
}

static void kill_worker(struct world *w, char *note, size_t size)
{
	kill_one(w, "worker", SIGKILL, note, size);
}

static void kill_keeper(struct world *w, char *note, size_t size)
{
	kill_one(w, "keeper", SIGKILL, note, size);
}

static void kill_both(struct world *w, char *note, size_t size)
{
	kill_one(w, "keeper", SIGKILL, note, size);
	kill_one(w, "worker", SIGKILL, note, size);
}

/* The keeper kills itself before or after its nth write, sync, rename ... from now on. */
static void kill_at_write(struct world *w, char *note, size_t size)
{
	int64_t n = 1 + (int64_t)(dice() % 60), end = now_ms() + 5000;
	uint64_t kills = w->shim->kills;

	w->shim->kill_after = dice() % 2 == 0;
	w->shim->kill_in = n;
	while (w->shim->kills == kills && now_ms() < end)
		sleep_ms(5);
	snprintf(note, size, "%s journal call %lld%s", w->shim->kill_after ? "after" : "before", (long long)n,
	        w->shim->kills == kills ? " (did not come)" : "");
	w->shim->kill_in = 0;
}

/* And once more while the restarted keeper recovers: its first calls rewrite the tail. */
static void kill_in_recovery(struct world *w, char *note, size_t size)
{
	int64_t n = 1 + (int64_t)(dice() % 6), end = now_ms() + 5000;
	uint64_t kills = w->shim->kills;

	w->shim->kill_after = dice() % 2 == 0;
	kill_one(w, "keeper", SIGKILL, note, size);
	w->shim->kill_in = n;
	while (w->shim->kills == kills && now_ms() < end)
		sleep_ms(5);
	w->shim->kill_in = 0;
	snprintf(note + strlen(note), size - strlen(note), ", then at call %lld of the next", (long long)n);
}

static void kill_supervisor(struct world *w, char *note, size_t size)
{
	snprintf(note, size, "supervisor %d", (int)w->supervisor);
	world_stop_gateway(w, SIGKILL);
	sleep_ms((int64_t)(dice() % 500));
	world_start_gateway(w);
}

static void restart(struct world *w, char *note, size_t size)
{
	snprintf(note, size, "SIGTERM to %d", (int)w->supervisor);
	world_stop_gateway(w, SIGTERM);
	world_start_gateway(w);
}

static void stop_worker(struct world *w, char *note, size_t size)
{
	pid_t pid = one_of(w, "worker");
	int64_t ms = 500 + (int64_t)(dice() % 2000);

	if (pid > 0)
		kill(pid, SIGSTOP);
	sleep_ms(ms);
	if (pid > 0)
		kill(pid, SIGCONT);
	snprintf(note, size, "worker %d for %lld ms", (int)pid, (long long)ms);
}

static void reload(struct world *w, char *note, size_t size)
{
	json_t *armed =
	        world_control("POST", "/fault", "{\"kind\":\"delay\",\"infno\":\"2201\",\"count\":1000,\"ms\":1000}");

	json_decref(armed);
	traffic_burst(BURST, 1500);
	kill(w->supervisor, SIGHUP);
	snprintf(note, size, "SIGHUP with %d registrations out", BURST);
}

static void reload_mend(struct world *w, char *note, size_t size)
{
	traffic_burst_end();
	json_decref(world_control("DELETE", "/fault", NULL));
}

static void delete_index_files(struct world *w)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	char path[700];

	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s%s", w->index, ends[i]);
		unlink(path);
	}
}

static void rebuild_index(struct world *w)
{
	char out[4096];

	if (world_yitong(w, "index rebuild", out, sizeof(out)) != 0) {
		fprintf(stderr, "crash: yitong index rebuild failed:\n%s\n", out);
		exit(2);
	}
}

static void index_while_stopped(struct world *w, char *note, size_t size)
{
	snprintf(note, size, "rebuilt by the yitong command");
	world_stop_gateway(w, SIGTERM);
	delete_index_files(w);
	rebuild_index(w);
	world_start_gateway(w);
}

/* A whole restart after it, as the operator who rebuilds it would do. */
static void index_while_running(struct world *w, char *note, size_t size)
{
	snprintf(note, size, "then the supervisor killed");
	delete_index_files(w);
	sleep_ms((int64_t)(dice() % 500));
	world_stop_gateway(w, SIGKILL);
	rebuild_index(w);
	world_start_gateway(w);
}

static void clock_back(struct world *w, char *note, size_t size)
{
	int64_t step_ms = -(int64_t)(1000 + dice() % 100000);

	w->shim->clock_step_ms = step_ms;
	snprintf(note, size, "%lld ms", (long long)step_ms);
	sleep_ms(500);
	if (dice() % 2 == 0) {
		snprintf(note + strlen(note), size - strlen(note), ", ");
		kill_one(w, "keeper", SIGKILL, note + strlen(note), size - strlen(note));
	}
}

static void clock_mend(struct world *w, char *note, size_t size)
{
	sleep_ms(1000);
	w->shim->clock_step_ms = 0;
}

const struct act acts[] = {
	{ "keeper killed", kill_keeper, NULL },
	{ "killed at a journal call", kill_at_write, NULL },
	{ "worker killed", kill_worker, NULL },
	{ "keeper and worker killed", kill_both, NULL },
	{ "killed in recovery", kill_in_recovery, NULL },
	{ "supervisor killed", kill_supervisor, NULL },
	{ "killed at a journal call", kill_at_write, NULL },
	{ "worker stopped", stop_worker, NULL },
	{ "clock stepped back", clock_back, clock_mend },
	{ "reload", reload, reload_mend },
	{ "index deleted, stopped", index_while_stopped, NULL },
	{ "index deleted, running", index_while_running, NULL },
	{ "restart", restart, NULL },
	{ "killed at a journal call", kill_at_write, NULL },
};
const size_t n_acts = sizeof(acts) / sizeof(acts[0]);
