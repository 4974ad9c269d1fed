/* core/process/supervisor.c - yitongd itself: owns the listening sockets, starts, restarts and reloads.
 *
 * No plugins, no messages, no journal.  It binds one socket per listener and worker slot (SO_REUSEPORT),
 * makes each worker's shared memory, starts keeper and workers with them, and tells the keeper over the
 * channel who is up and who is gone.
 *  - a child ends                 started again at once, slower if it keeps ending
 *  - a worker was killed          its black box goes to the keeper, its octets into quarantine
 *  - SIGHUP                       check; ask the keeper what is open; then a new generation of workers, and
 *                                 when all of it is up the old one drains
 *  - SIGTERM, SIGINT              nobody is let in any more, workers drain, then the keeper writes down what is left
 * supervisor_parts.h says which file has what. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "process/meters.h"
#include "process/supervisor_parts.h"

#define RESTART_MS_MAX 5000
#define YOUNG_MS 2000     /* a child that ends before it is so old died young */
#define DEATHS_AT_ONCE 4u /* in a row: one message can cost two, where it went wrong and where that is found out */

struct supervisor sup;

void process_follow(int supervisor_pid)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGINT, SIG_IGN); /* a terminal sends these to all of us; what is to be done the supervisor says */
	signal(SIGHUP, SIG_IGN);
	if (getppid() != supervisor_pid)
		_exit(0);
}

void process_guard(enum conf_profile profile)
{
	struct rlimit none = { 0, 0 };

	if (profile != CONF_PRODUCTION)
		return;
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0); /* a core that goes to a program knows no limit */
}

/* -- children ----------------------------------------------------------------------------------- */

/* Starts this same program with other arguments; fds[i] becomes descriptor 3 + i. */
int supervisor_spawn(uv_process_t *process, char **args, const int *fds, int n_fds, uv_exit_cb on_exit)
{
	uv_stdio_container_t stdio[3 + 5 + LISTENERS_MAX];
	/* The very same file, even if another stands at its path by now: all processes are of one version. */
	uv_process_options_t options = {
		.exit_cb = on_exit, .file = "/proc/self/exe", .args = args, .stdio = stdio, .stdio_count = 3 + n_fds
	};
	int i;

	for (i = 0; i < 3 + n_fds; i++) {
		stdio[i].flags = i >= 3 && fds[i - 3] < 0 ? UV_IGNORE : UV_INHERIT_FD; /* a listener without a socket */
		stdio[i].data.fd = i < 3 ? i : fds[i - 3];
	}
	return uv_spawn(sup.loop, process, &options);
}

int64_t supervisor_restart_pause(uint32_t *young_deaths, int64_t lived_ms)
{
	uint32_t over;

	*young_deaths = lived_ms < YOUNG_MS ? *young_deaths + 1 : 0;
	if (*young_deaths <= DEATHS_AT_ONCE)
		return 0;
	over = *young_deaths - DEATHS_AT_ONCE;
	return over > 6 ? RESTART_MS_MAX : 50ll << over;
}

int64_t supervisor_restart_at(uint32_t *young_deaths, int64_t started_at)
{
	int64_t now = yt_mono_ms();

	return now + supervisor_restart_pause(young_deaths, now - started_at);
}

/* A first start that cannot succeed ends at once, with the reason in the log. */
void supervisor_give_up(const char *why)
{
	struct member *m;

	yt_log(YT_ERROR, "supervisor", "%s; yitongd ends", why);
	sup.stopping = true;
	sup.exit_code = 2;
	DL_FOREACH(sup.members, m)
	{
		if (m->alive)
			uv_process_kill(&m->process, SIGTERM);
	}
	if (sup.keeper_alive)
		uv_process_kill(&sup.keeper, SIGTERM);
	uv_stop(sup.loop);
}

/* -- stopping and the clock --------------------------------------------------------------------- */

static void on_stop_signal(uv_signal_t *signal, int number)
{
	struct member *m;

	if (sup.stopping)
		return;
	yt_log(YT_INFO, "supervisor", "stopping: workers drain, then the journal is closed");
	sup.stopping = true;
	reload_drop(); /* else the keeper's word would begin a generation that nobody ends */
	/* Were ours left open, callers would wait unheard until all workers are gone. */
	sockets_shut(sup.slots, sup.n_slots);
	DL_FOREACH(sup.members, m)
	worker_drain(m);
}

static void watch_stop(void)
{
	if (!sup.stopping || !workers_are_dead())
		return;
	if (!sup.finishing && sup.keeper_ready) {
		sup.finishing = true;
		sup.stop_deadline = yt_mono_ms() + 30000;
		yt_log(YT_INFO, "supervisor", "workers are gone: the keeper writes down what is left");
		supervisor_begin_msg(CHANNEL_FINISH);
		supervisor_tell();
	}
	if ((sup.finishing && !sup.keeper_alive) || (!sup.keeper_alive && sup.keeper_young_deaths > DEATHS_AT_ONCE)) {
		sup.exit_code = sup.finishing && sup.keeper_ended_well ? 0 : 1;
		uv_stop(sup.loop);
	} else if (sup.finishing && yt_mono_ms() > sup.stop_deadline) {
		yt_log(YT_ERROR, "supervisor", "the keeper does not end; it is killed (what is on disk stays)");
		uv_process_kill(&sup.keeper, SIGKILL);
		sup.exit_code = 1;
		uv_stop(sup.loop);
	}
}

static void on_timer(uv_timer_t *timer)
{
	int64_t now = yt_mono_ms();
	struct member *m;
	uint32_t s;

	workers_watch_beats(now - sup.ticked_at);
	sup.ticked_at = now;

	if (sup.keeper_start_at != 0 && now >= sup.keeper_start_at && (!sup.stopping || !sup.finishing))
		supervisor_start_keeper();
	for (s = 0; s < sup.n_slots && !sup.stopping; s++) {
		if (sup.slots[s].start_at != 0 && now >= sup.slots[s].start_at)
			worker_start(s);
	}
	DL_FOREACH(sup.members, m)
	{
		if (m->alive && m->kill_at != 0 && now >= m->kill_at) {
			yt_log(YT_WARN, "supervisor", "worker %u did not drain in time; it is killed", m->slot);
			uv_process_kill(&m->process, SIGKILL);
			m->kill_at = 0;
		}
	}
	supervisor_tell_untold();
	desk_watch();
	workers_watch_generations();
	watch_stop();
}

/* -- start -------------------------------------------------------------------------------------- */

static void on_signal(uv_signal_t *handle, uv_signal_cb cb, int number)
{
	uv_signal_init(sup.loop, handle);
	uv_signal_start(handle, cb, number);
}

static int make_quarantine(void)
{
	sup.quarantine_fd = memfd_create("yitong-quarantine", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (sup.quarantine_fd < 0 || ftruncate(sup.quarantine_fd, sizeof(struct quarantine)) != 0)
		return YT_EIO;
	sup.quarantine =
	        mmap(NULL, sizeof(struct quarantine), PROT_READ | PROT_WRITE, MAP_SHARED, sup.quarantine_fd, 0);
	if (sup.quarantine == MAP_FAILED) /* from here on workers can only read it */
		return YT_EIO;
	return fcntl(sup.quarantine_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) ==
	                       0
	               ? 0
	               : YT_EIO;
}

int supervisor_main(const char *conf_file)
{
	sup.conf_file = conf_file;
	sup.loop = uv_default_loop();
	signal(SIGPIPE, SIG_IGN);
	sup.meters_fd = meters_make();
	if (sup.meters_fd < 0 || make_quarantine() != 0 || reload_first() != 0)
		return 2;
	supervisor_start_keeper();
	on_signal(&sup.sigterm, on_stop_signal, SIGTERM);
	on_signal(&sup.sigint, on_stop_signal, SIGINT);
	on_signal(&sup.sighup, reload_on_sighup, SIGHUP);
	uv_timer_init(sup.loop, &sup.timer);
	sup.ticked_at = yt_mono_ms();
	uv_timer_start(&sup.timer, on_timer, TIMER_MS, TIMER_MS);
	uv_run(sup.loop, UV_RUN_DEFAULT);
	if (sup.exit_code == 0)
		unlink(sup.active_file);
	yt_log(YT_INFO, "supervisor", "stopped");
	return sup.exit_code;
}
