/* core/process/supervisor_keeper.c - the keeper process, and the channel on which it hears who is up and who is gone.
 *
 * A keeper that starts anew is told of every worker, also of dead ones whose rings it must still read. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "process/supervisor_parts.h"
#include "process/meters.h"

/* -- telling ------------------------------------------------------------------------------------ */

void supervisor_begin_msg(enum channel_kind kind)
{
	memset(&sup.msg, 0, offsetof(struct channel_msg, text));
	sup.msg.kind = kind;
	sup.msg.n_text = 0;
}

struct telling *supervisor_keep_msg(void)
{
	size_t n = offsetof(struct channel_msg, text) + sup.msg.n_text;
	struct telling *t = malloc(sizeof(*t) + n);

	YT_REQUIRE(t != NULL);
	t->n_text = sup.msg.n_text;
	memcpy(t->bytes, &sup.msg, n);
	return t;
}

void supervisor_take_msg(const struct telling *t)
{
	memcpy(&sup.msg, t->bytes, offsetof(struct channel_msg, text) + t->n_text);
	sup.msg.n_text = t->n_text;
}

/* What it must know is told in order, however slow it is.  A keeper that is not up hears all when it is. */
void supervisor_tell(void)
{
	int rv = sup.untold != NULL ? YT_EAGAIN : 0;
	struct telling *t;

	if (!sup.keeper_ready)
		return;
	if (rv == 0)
		rv = channel_send(sup.channel_fd, &sup.msg);
	if (rv == YT_EAGAIN) {
		t = supervisor_keep_msg();
		DL_APPEND(sup.untold, t);
	}
}

void supervisor_tell_untold(void)
{
	struct telling *t;

	while (sup.keeper_ready && (t = sup.untold) != NULL) {
		supervisor_take_msg(t);
		if (channel_send(sup.channel_fd, &sup.msg) == YT_EAGAIN)
			return;
		DL_DELETE(sup.untold, t);
		free(t);
	}
}

static void forget_untold(void)
{
	struct telling *t;

	while ((t = sup.untold) != NULL) {
		DL_DELETE(sup.untold, t);
		free(t);
	}
}

void supervisor_tell_up(struct member *m)
{
	if (!sup.keeper_ready || m->told_up)
		return;
	supervisor_begin_msg(CHANNEL_WORKER_UP);
	sup.msg.worker = m->id;
	sup.msg.pid = (uint32_t)m->process.pid;
	sup.msg.generation = m->generation;
	sup.msg.n_fds = 3;
	sup.msg.fds[0] = m->area_fd;
	sup.msg.fds[1] = m->wake_keeper;
	sup.msg.fds[2] = m->wake_worker;
	supervisor_tell();
	m->told_up = true;
}

void supervisor_tell_about(struct member *m, enum channel_kind kind)
{
	supervisor_begin_msg(kind);
	sup.msg.worker = m->id;
	supervisor_tell();
}

void supervisor_tell_generation(void)
{
	supervisor_begin_msg(CHANNEL_CONFIGURE);
	sup.msg.number = sup.generation;
	sup.msg.n_text = (uint32_t)snprintf(sup.msg.text, sizeof(sup.msg.text), "%s", sup.active_file);
	supervisor_tell();
}

/* -- its life ----------------------------------------------------------------------------------- */

static void close_channel(void)
{
	if (!sup.channel_open)
		return;
	uv_poll_stop(&sup.channel);
	uv_close((uv_handle_t *)&sup.channel, NULL);
	close(sup.channel_fd);
	sup.channel_open = false;
}

static void on_keeper_exit(uv_process_t *process, int64_t status, int signal_number)
{
	struct member *m;

	uv_close((uv_handle_t *)process, NULL);
	sup.keeper_alive = false;
	sup.keeper_ready = false;
	sup.keeper_ended_well = signal_number == 0 && status == 0;
	if (sup.next_conf != NULL)
		yt_log(YT_ERROR, "supervisor",
		        "the keeper ended before it had checked %s; generation %u stays active, reload again",
		        sup.conf_file, sup.generation);
	reload_drop();
	forget_untold();
	DL_FOREACH(sup.members, m)
	m->told_up = false;
	if (sup.finishing && sup.keeper_ended_well)
		return;
	if (!sup.keeper_was_ready && signal_number == 0 && status == 2) { /* it said why: no use in trying again */
		supervisor_give_up("the keeper cannot start");
		return;
	}
	if (sup.keeper_ended_well) { /* it was asked to, to begin anew: `yitong index rebuild` */
		yt_log(YT_INFO, "supervisor", "the keeper ended as it was asked to; it is started again");
		sup.keeper_start_at = yt_mono_ms();
		return;
	}
	meters_all()->keeper_deaths++;
	yt_log(YT_ERROR, "supervisor", "the keeper ended: %s %d", signal_number != 0 ? "signal" : "status",
	        signal_number != 0 ? signal_number : (int)status);
	sup.keeper_start_at = supervisor_restart_at(&sup.keeper_young_deaths, sup.keeper_started_at);
}

/* A keeper is up: it hears of every worker, also of dead ones whose rings it must still read. */
static void on_keeper_ready(void)
{
	struct member *m;

	sup.keeper_ready = true;
	sup.keeper_was_ready = true;
	DL_FOREACH(sup.members, m)
	{
		supervisor_tell_up(m);
		if (m->crash != NULL) {
			supervisor_take_msg(m->crash);
			supervisor_tell();
		}
		if (!m->alive)
			supervisor_tell_about(m, CHANNEL_WORKER_GONE);
		else if (m->drains)
			supervisor_tell_about(m, CHANNEL_WORKER_DRAINS);
	}
	supervisor_tell_generation();
}

static void on_channel(uv_poll_t *poll, int status, int events)
{
	struct member *m;
	int rv;

	while ((rv = channel_receive(sup.channel_fd, &sup.msg)) == 0) {
		switch (sup.msg.kind) {
		case CHANNEL_READY:
			on_keeper_ready();
			break;
		case CHANNEL_CHECKED:
			reload_answered(&sup.msg);
			break;
		case CHANNEL_BURIED:
			m = worker_of(sup.msg.worker);
			if (m != NULL && !m->alive)
				worker_bury(m);
			break;
		case CHANNEL_KILL:
			m = worker_of(sup.msg.worker);
			if (m != NULL && m->alive)
				uv_process_kill(&m->process, SIGKILL);
			break;
		default:
			break;
		}
	}
	if (rv == YT_ENOTFOUND)
		close_channel();
}

void supervisor_start_keeper(void)
{
	char pid_text[16];
	char *args[] = { "yitongd", "keeper", sup.active_file, pid_text, NULL };
	int pair[2], fds[2], size = 1 << 20, rv;

	sup.keeper_start_at = 0;
	sup.keeper_started_at = yt_mono_ms();
	close_channel();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
		sup.keeper_start_at = yt_mono_ms() + 1000;
		return;
	}
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	snprintf(pid_text, sizeof(pid_text), "%d", (int)getpid());
	fds[0] = pair[1];
	fds[1] = sup.meters_fd;
	rv = supervisor_spawn(&sup.keeper, args, fds, 2, on_keeper_exit);
	close(pair[1]);
	sup.channel_fd = pair[0];
	uv_poll_init(sup.loop, &sup.channel, sup.channel_fd);
	uv_poll_start(&sup.channel, UV_READABLE, on_channel);
	sup.channel_open = true;
	if (rv != 0) {
		yt_log(YT_ERROR, "supervisor", "the keeper cannot be started: %s", uv_strerror(rv));
		sup.keeper_start_at = yt_mono_ms() + 1000;
		return;
	}
	sup.keeper_alive = true;
}
