/* core/process/supervisor_desk.c - starts the desk of each configuration, and again when it ends.
 *
 * Nothing waits for it and nothing depends on it: without one the gateway works as ever. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "process/meters.h"
#include "process/supervisor_parts.h"

#define PAUSE_MS 2000 /* before one that ended is started again */

static uv_process_t desk;
static bool is_alive;
static int64_t start_at;

static void on_exit_of_desk(uv_process_t *process, int64_t status, int signal_number)
{
	uv_close((uv_handle_t *)process, NULL);
	is_alive = false;
	if (sup.stopping)
		return;
	if (signal_number != SIGTERM)
		yt_log(YT_WARN, "supervisor", "the desk ended: %s %d", signal_number != 0 ? "signal" : "status",
		        signal_number != 0 ? signal_number : (int)status);
	start_at = yt_mono_ms() + (signal_number == SIGTERM ? 0 : PAUSE_MS);
}

static void start(void)
{
	char pid_text[16];
	char *args[] = { "yitongd", "desk", sup.active_file, pid_text, NULL };

	start_at = 0;
	if (sup.conf->desk.port == 0 || sup.stopping)
		return;
	snprintf(pid_text, sizeof(pid_text), "%d", (int)getpid());
	if (supervisor_spawn(&desk, args, &sup.meters_fd, 1, on_exit_of_desk) == 0)
		is_alive = true;
	else
		start_at = yt_mono_ms() + PAUSE_MS;
}

void desk_renew(void)
{
	if (is_alive)
		uv_process_kill(&desk, SIGTERM); /* on_exit_of_desk() starts the next */
	else
		start();
}

void desk_watch(void)
{
	if (start_at != 0 && !is_alive && yt_mono_ms() >= start_at)
		start();
}
