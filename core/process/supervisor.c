/* core/process/supervisor.c - yitongd itself: owns the listening sockets, starts, restarts and reloads.
 *
 * No plugins, no messages, no journal.  It binds one socket per listener and worker slot (SO_REUSEPORT),
 * makes each worker's shared memory, starts keeper and workers with them, and tells the keeper over the
 * channel who is up and who is gone.
 *  - a child ends                 started again at once, slower if it keeps ending
 *  - a worker was killed          its black box goes to the keeper, its octets into quarantine
 *  - SIGHUP                       check; ask the keeper what is open; then a new generation of workers, and
 *                                 when all of it is up the old one drains
 *  - SIGTERM, SIGINT              workers drain, then the keeper writes down what is left
 * Shared memory of a dead worker is kept until the keeper says that what was on it is on disk. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utlist.h>
#include <uv.h>

#include "process/channel.h"
#include "process/process.h"
#include "process/reload.h"
#include "process/ring.h"

#define TIMER_MS 20
#define RESTART_MS_MAX 5000
#define QUARANTINE_MS (10 * 60 * 1000)
#define KILL_GRACE_MS 5000
#define LISTENERS_MAX 64
#define UNBURIED_MAX 64  /* dead workers whose last words are not written down */
#define MEMBERS_MAX 512  /* workers, dead and alive, with which a reload may begin; the keeper's BURIED_MAX is above */

struct member { /* one worker process, living or not yet buried */
	uint32_t id, slot, generation;
	uv_process_t process;
	struct area area;
	int area_fd, wake_keeper, wake_worker;
	bool alive, drains, told_up;
	int64_t kill_at;
	uint32_t beats;       /* as last seen on its board ... */
	int64_t silent_ms;    /* ... and for how long, as far as we ourselves were awake */
	struct telling *crash; /* what it died of, told to every keeper until it is buried */
	struct member *prev, *next;
};

struct telling { /* a message to the keeper, kept */
	struct telling *prev, *next;
	uint32_t n_text;
	char bytes[]; /* struct channel_msg up to its text, and the text */
};

struct slot {
	int fds[LISTENERS_MAX];
	int64_t start_at; /* monotonic; 0: nothing to start */
	uint32_t fast_deaths;
	int64_t started_at;
};

static struct {
	uv_loop_t *loop;
	uv_signal_t sigterm, sigint, sighup;
	uv_timer_t timer;
	uv_process_t keeper;
	uv_poll_t channel;
	int channel_fd, quarantine_fd;
	struct quarantine *quarantine;
	struct conf *conf;        /* active */
	const char *conf_file;    /* as named by the operator */
	char active_file[512];    /* the checked copy that children read */
	struct conf *next_conf;   /* checked, waiting for the keeper's word */
	struct member *members;
	struct telling *untold;   /* no room on the channel yet, in order */
	struct slot *slots;
	uint32_t n_slots, next_id, generation;
	uint32_t check_no; /* of the CHANNEL_CHECK that next_conf waits for */
	bool keeper_alive, keeper_ready, keeper_was_ready, channel_open, stopping, finishing, announced, was_up;
	bool waits_for_keeper; /* said so in the log */
	int64_t keeper_start_at, stop_deadline, ticked_at;
	uint32_t keeper_fast_deaths;
	int64_t keeper_started_at;
	int exit_code;
	struct channel_msg msg;
} sup;

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

/* -- listening sockets -------------------------------------------------------------------------- */

static int bind_one(const struct conf_listener *l, uint32_t port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_PASSIVE }, *found = NULL;
	char service[16];
	int fd = -1, one = 1;

	snprintf(service, sizeof(service), "%u", port);
	if (getaddrinfo(l->address, service, &hints, &found) != 0)
		return -1;
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
			setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) != 0 ||
			bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, 1024) != 0)) {
		close(fd);
		fd = -1;
	}
	freeaddrinfo(found);
	return fd;
}

static uint32_t port_of(int fd)
{
	struct sockaddr_storage address;
	socklen_t n = sizeof(address);
	char service[16];

	if (getsockname(fd, (struct sockaddr *)&address, &n) != 0 ||
		getnameinfo((struct sockaddr *)&address, n, NULL, 0, service, sizeof(service), NI_NUMERICSERV) != 0)
		return 0;
	return (uint32_t)strtoul(service, NULL, 10);
}

/* One socket per slot, so that a worker that died leaves its queue to the next one. */
static int bind_listener(const struct conf *conf, uint32_t i, struct slot *slots, uint32_t n_slots)
{
	const struct conf_listener *l = &conf->listeners[i];
	uint32_t port = l->port, s;

	for (s = 0; s < n_slots; s++) {
		slots[s].fds[i] = bind_one(l, port);
		if (slots[s].fds[i] < 0) {
			yt_log(YT_ERROR, "supervisor", "listener %s: cannot listen on %s port %u: %s", l->name, l->address,
				port, strerror(errno));
			return YT_ECONF;
		}
		port = port_of(slots[s].fds[i]);
	}
	yt_log(YT_INFO, "supervisor", "listener %s on %s port %u", l->name, l->address, port);
	return 0;
}

static bool same_socket(const struct conf_listener *a, const struct conf_listener *b)
{
	return strcmp(a->address, b->address) == 0 && a->port == b->port;
}

static struct slot *new_slots(uint32_t n)
{
	struct slot *slots = calloc(n, sizeof(*slots));
	uint32_t s, i;

	YT_REQUIRE(slots != NULL);
	for (s = 0; s < n; s++) {
		for (i = 0; i < LISTENERS_MAX; i++)
			slots[s].fds[i] = -1;
	}
	return slots;
}

static void close_slots(struct slot *slots, uint32_t n)
{
	uint32_t s, i;

	for (s = 0; s < n; s++) {
		for (i = 0; i < LISTENERS_MAX; i++) {
			if (slots[s].fds[i] >= 0)
				close(slots[s].fds[i]);
		}
	}
	free(slots);
}

/* Sockets for a configuration: those that stay are taken over, so that no connection is refused. */
static int bind_all(const struct conf *conf, struct slot **out)
{
	struct slot *slots = new_slots(conf->gateway.workers);
	uint32_t i, j, s;

	YT_REQUIRE(conf->n_listeners <= LISTENERS_MAX);
	for (i = 0; i < conf->n_listeners; i++) {
		for (j = 0; sup.conf != NULL && j < sup.conf->n_listeners; j++) {
			if (same_socket(&sup.conf->listeners[j], &conf->listeners[i]))
				break;
		}
		if (sup.conf == NULL || j == sup.conf->n_listeners) {
			if (bind_listener(conf, i, slots, conf->gateway.workers) != 0)
				goto fail;
			continue;
		}
		for (s = 0; s < conf->gateway.workers; s++) {
			slots[s].fds[i] = s < sup.n_slots ? fcntl(sup.slots[s].fds[j], F_DUPFD_CLOEXEC, 0) :
				bind_one(&conf->listeners[i], port_of(sup.slots[0].fds[j]));
			if (slots[s].fds[i] < 0) {
				yt_log(YT_ERROR, "supervisor", "listener %s: no socket for worker %u: %s", conf->listeners[i].name, s,
					strerror(errno));
				goto fail;
			}
		}
	}
	*out = slots;
	return 0;
fail:
	close_slots(slots, conf->gateway.workers);
	return YT_ECONF;
}

/* -- children ----------------------------------------------------------------------------------- */

/* Starts this same program with other arguments; fds[i] becomes descriptor 3 + i. */
static int spawn(uv_process_t *process, char **args, const int *fds, int n_fds, uv_exit_cb on_exit)
{
	uv_stdio_container_t stdio[3 + 4 + LISTENERS_MAX];
	/* The very same file, even if another stands at its path by now: all processes are of one version. */
	uv_process_options_t options = { .exit_cb = on_exit, .file = "/proc/self/exe", .args = args, .stdio = stdio,
		.stdio_count = 3 + n_fds };
	int i;

	for (i = 0; i < 3 + n_fds; i++) {
		stdio[i].flags = UV_INHERIT_FD;
		stdio[i].data.fd = i < 3 ? i : fds[i - 3];
	}
	return uv_spawn(sup.loop, process, &options);
}

static void active_path(char *path, size_t size, const struct conf *conf, uint32_t generation)
{
	snprintf(path, size, "%s/active-%u.yaml", conf->gateway.run_dir, generation);
}

static void clear_msg(enum channel_kind kind)
{
	memset(&sup.msg, 0, offsetof(struct channel_msg, text));
	sup.msg.kind = kind;
	sup.msg.n_text = 0;
}

static struct telling *keep_msg(void)
{
	size_t n = offsetof(struct channel_msg, text) + sup.msg.n_text;
	struct telling *t = malloc(sizeof(*t) + n);

	YT_REQUIRE(t != NULL);
	t->n_text = sup.msg.n_text;
	memcpy(t->bytes, &sup.msg, n);
	return t;
}

static void take_msg(const struct telling *t)
{
	memcpy(&sup.msg, t->bytes, offsetof(struct channel_msg, text) + t->n_text);
	sup.msg.n_text = t->n_text;
}

/* What it must know is told in order, however slow it is.  A keeper that is not up hears all when it is. */
static void tell_keeper(void)
{
	int rv = sup.untold != NULL ? YT_EAGAIN : 0;
	struct telling *t;

	if (!sup.keeper_ready)
		return;
	if (rv == 0)
		rv = channel_send(sup.channel_fd, &sup.msg);
	if (rv == YT_EAGAIN) {
		t = keep_msg();
		DL_APPEND(sup.untold, t);
	}
}

static void tell_untold(void)
{
	struct telling *t;

	while (sup.keeper_ready && (t = sup.untold) != NULL) {
		take_msg(t);
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

static void tell_up(struct member *m)
{
	if (!sup.keeper_ready || m->told_up)
		return;
	clear_msg(CHANNEL_WORKER_UP);
	sup.msg.worker = m->id;
	sup.msg.pid = (uint32_t)m->process.pid;
	sup.msg.generation = m->generation;
	sup.msg.n_fds = 3;
	sup.msg.fds[0] = m->area_fd;
	sup.msg.fds[1] = m->wake_keeper;
	sup.msg.fds[2] = m->wake_worker;
	tell_keeper();
	m->told_up = true;
}

static void tell_about(struct member *m, enum channel_kind kind)
{
	clear_msg(kind);
	sup.msg.worker = m->id;
	tell_keeper();
}

static void bury(struct member *m)
{
	DL_DELETE(sup.members, m);
	area_unmap(&m->area);
	close(m->area_fd);
	close(m->wake_keeper);
	close(m->wake_worker);
	free(m->crash);
	free(m);
}

/* What it was handling when it died: to the keeper, and not to be decoded again for a while. */
static void read_black_box(struct member *m)
{
	const struct board *b = m->area.board;
	struct quarantine *q = sup.quarantine;
	uint32_t n_octets = b->n_octets < BOX_OCTETS ? b->n_octets : BOX_OCTETS, at;
	char plugin[32], what[32];

	if (atomic_load(&b->busy) == 0)
		return;
	snprintf(plugin, sizeof(plugin), "%.31s", b->plugin);
	snprintf(what, sizeof(what), "%.31s", b->what);
	yt_log(YT_ERROR, "supervisor", "worker %u died in plugin %s, %s, exchange %016llx", m->slot, plugin, what,
		(unsigned long long)b->exchange);
	clear_msg(CHANNEL_CRASHED);
	sup.msg.worker = m->id;
	sup.msg.number = b->exchange;
	at = (uint32_t)snprintf(sup.msg.text, sizeof(sup.msg.text), "%s", plugin) + 1;
	at += (uint32_t)snprintf(sup.msg.text + at, sizeof(sup.msg.text) - at, "%s", what) + 1;
	memcpy(sup.msg.text + at, b->octets, n_octets);
	sup.msg.n_text = at + n_octets;
	m->crash = keep_msg();
	tell_keeper();
	at = atomic_load(&q->n) % QUARANTINE_SLOTS;
	EVP_Digest(b->octets, n_octets, q->slot[at].digest, NULL, EVP_sha256(), NULL);
	q->slot[at].until_mono_ms = yt_mono_ms() + QUARANTINE_MS;
	atomic_fetch_add(&q->n, 1);
}

/* Pauses before a restart grow while a child keeps dying young. */
static int64_t restart_at(uint32_t *fast_deaths, int64_t started_at)
{
	int64_t now = yt_mono_ms(), pause;

	*fast_deaths = now - started_at < 2000 ? *fast_deaths + 1 : 0;
	pause = *fast_deaths < 2 ? 1 : 50ll << (*fast_deaths < 8 ? *fast_deaths : 8);
	return now + (pause < RESTART_MS_MAX ? pause : RESTART_MS_MAX);
}

/* A first start that cannot succeed ends at once, with the reason in the log. */
static void give_up(const char *why)
{
	struct member *m;

	yt_log(YT_ERROR, "supervisor", "%s; yitongd ends", why);
	sup.stopping = true;
	sup.exit_code = 2;
	DL_FOREACH(sup.members, m) {
		if (m->alive)
			uv_process_kill(&m->process, SIGTERM);
	}
	if (sup.keeper_alive)
		uv_process_kill(&sup.keeper, SIGTERM);
	uv_stop(sup.loop);
}

static bool lives(uint32_t generation)
{
	struct member *m;

	DL_FOREACH(sup.members, m) {
		if (m->alive && m->generation == generation)
			return true;
	}
	return false;
}

static void remove_active(uint32_t generation)
{
	char path[512];

	active_path(path, sizeof(path), sup.conf, generation);
	unlink(path);
}

static void on_worker_exit(uv_process_t *process, int64_t status, int signal_number)
{
	struct member *m = process->data;
	struct slot *slot = m->slot < sup.n_slots ? &sup.slots[m->slot] : NULL;

	m->alive = false;
	uv_close((uv_handle_t *)process, NULL);
	if (signal_number != 0 || status != 0)
		yt_log(YT_ERROR, "supervisor", "worker %u (generation %u) ended: %s %d", m->slot, m->generation,
			signal_number != 0 ? "signal" : "status", signal_number != 0 ? signal_number : (int)status);
	if (signal_number != 0)
		read_black_box(m);
	tell_about(m, CHANNEL_WORKER_GONE);
	if (m->generation != sup.generation && !lives(m->generation))
		remove_active(m->generation);
	if (!sup.was_up && signal_number == 0 && status == 2 && !sup.stopping) {
		give_up("a worker cannot start");
		return;
	}
	if (!sup.stopping && !m->drains && m->generation == sup.generation && slot != NULL)
		slot->start_at = restart_at(&slot->fast_deaths, slot->started_at);
}

static struct member *member_new(uint32_t slot)
{
	struct member *m = calloc(1, sizeof(*m));

	YT_REQUIRE(m != NULL);
	m->id = ++sup.next_id;
	m->slot = slot;
	m->generation = sup.generation;
	m->area_fd = area_make(sup.conf->limits.ring_mib);
	m->wake_keeper = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	m->wake_worker = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (m->area_fd < 0 || m->wake_keeper < 0 || m->wake_worker < 0 || area_map(&m->area, m->area_fd) != 0) {
		yt_log(YT_ERROR, "supervisor", "no shared memory for a worker: %s", strerror(errno));
		free(m);
		return NULL;
	}
	return m;
}

static uint32_t n_members(bool dead_only)
{
	struct member *m;
	uint32_t n = 0;

	DL_FOREACH(sup.members, m)
		n += !dead_only || !m->alive;
	return n;
}

/* Workers that die faster than a keeper can write down what was on their rings must wait for it. */
static bool may_start(struct slot *slot)
{
	if (n_members(true) < UNBURIED_MAX)
		return true;
	if (!sup.waits_for_keeper)
		yt_log(YT_ERROR, "supervisor", "%u dead workers wait for the keeper to write down their last words; no more are "
			"started meanwhile", n_members(true));
	sup.waits_for_keeper = true;
	slot->start_at = yt_mono_ms() + 1000;
	return false;
}

static void start_worker(uint32_t s)
{
	struct slot *slot = &sup.slots[s];
	struct member *m;
	char slot_text[16], generation_text[16], pid_text[16];
	char *args[] = { "yitongd", "worker", sup.active_file, pid_text, slot_text, generation_text, NULL };
	int fds[4 + LISTENERS_MAX], rv;
	uint32_t i;

	if (!may_start(slot))
		return;
	m = member_new(s);
	sup.waits_for_keeper = false;
	slot->start_at = 0;
	slot->started_at = yt_mono_ms();
	if (m == NULL) {
		slot->start_at = yt_mono_ms() + 1000;
		return;
	}
	snprintf(pid_text, sizeof(pid_text), "%d", (int)getpid());
	snprintf(slot_text, sizeof(slot_text), "%u", s);
	snprintf(generation_text, sizeof(generation_text), "%u", sup.generation);
	fds[0] = m->area_fd;
	fds[1] = m->wake_keeper;
	fds[2] = m->wake_worker;
	fds[3] = sup.quarantine_fd;
	for (i = 0; i < sup.conf->n_listeners; i++)
		fds[4 + i] = slot->fds[i];
	m->process.data = m;
	DL_APPEND(sup.members, m);
	rv = spawn(&m->process, args, fds, (int)(4 + sup.conf->n_listeners), on_worker_exit);
	if (rv != 0) {
		yt_log(YT_ERROR, "supervisor", "a worker cannot be started: %s", uv_strerror(rv));
		slot->start_at = yt_mono_ms() + 1000;
		bury(m);
		return;
	}
	m->alive = true;
	tell_up(m);
}

/* -- the keeper --------------------------------------------------------------------------------- */

static void close_channel(void)
{
	if (!sup.channel_open)
		return;
	uv_poll_stop(&sup.channel);
	uv_close((uv_handle_t *)&sup.channel, NULL);
	close(sup.channel_fd);
	sup.channel_open = false;
}

/* A checked configuration that waits for the keeper's word is forgotten. */
static void drop_next(void)
{
	conf_free(sup.next_conf);
	sup.next_conf = NULL;
}

static void on_keeper_exit(uv_process_t *process, int64_t status, int signal_number)
{
	struct member *m;

	uv_close((uv_handle_t *)process, NULL);
	sup.keeper_alive = false;
	sup.keeper_ready = false;
	if (sup.next_conf != NULL)
		yt_log(YT_ERROR, "supervisor", "the keeper ended before it had checked %s; generation %u stays active, reload again",
			sup.conf_file, sup.generation);
	drop_next();
	forget_untold();
	DL_FOREACH(sup.members, m)
		m->told_up = false;
	if (sup.finishing && signal_number == 0 && status == 0)
		return;
	if (!sup.keeper_was_ready && signal_number == 0 && status == 2) { /* it said why: no use in trying again */
		give_up("the keeper cannot start");
		return;
	}
	yt_log(YT_ERROR, "supervisor", "the keeper ended: %s %d", signal_number != 0 ? "signal" : "status",
		signal_number != 0 ? signal_number : (int)status);
	sup.keeper_start_at = restart_at(&sup.keeper_fast_deaths, sup.keeper_started_at);
}

static void tell_generation(void)
{
	clear_msg(CHANNEL_CONFIGURE);
	sup.msg.number = sup.generation;
	sup.msg.n_text = (uint32_t)snprintf(sup.msg.text, sizeof(sup.msg.text), "%s", sup.active_file);
	tell_keeper();
}

/* A keeper is up: it hears of every worker, also of dead ones whose rings it must still read. */
static void on_keeper_ready(void)
{
	struct member *m;

	sup.keeper_ready = true;
	sup.keeper_was_ready = true;
	DL_FOREACH(sup.members, m) {
		tell_up(m);
		if (m->crash != NULL) {
			take_msg(m->crash);
			tell_keeper();
		}
		if (!m->alive)
			tell_about(m, CHANNEL_WORKER_GONE);
		else if (m->drains)
			tell_about(m, CHANNEL_WORKER_DRAINS);
	}
	tell_generation();
}

static struct member *member_of(uint32_t id)
{
	struct member *m;

	DL_FOREACH(sup.members, m) {
		if (m->id == id)
			return m;
	}
	return NULL;
}

static void activate(struct conf *conf);

static void on_checked(const struct channel_msg *msg)
{
	struct conf *conf = sup.next_conf;

	if (conf == NULL || msg->generation != sup.check_no)
		return; /* of a file that a newer one has replaced */
	sup.next_conf = NULL;
	if (msg->number == 0) {
		activate(conf);
		return;
	}
	if (msg->number == UINT64_MAX)
		yt_log(YT_ERROR, "supervisor", "the keeper cannot read its copy of %s; generation %u stays active", sup.conf_file,
			sup.generation);
	else
		yt_log(YT_ERROR, "supervisor", "%s is not activated: %llu open exchanges still need %.*s, which it drops; "
			"generation %u stays active", sup.conf_file, (unsigned long long)msg->number, (int)msg->n_text,
			msg->text, sup.generation);
	conf_free(conf);
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
			on_checked(&sup.msg);
			break;
		case CHANNEL_BURIED:
			m = member_of(sup.msg.worker);
			if (m != NULL && !m->alive)
				bury(m);
			break;
		case CHANNEL_KILL:
			m = member_of(sup.msg.worker);
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

static void start_keeper(void)
{
	char pid_text[16];
	char *args[] = { "yitongd", "keeper", sup.active_file, pid_text, NULL };
	int pair[2], size = 1 << 20, rv;

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
	rv = spawn(&sup.keeper, args, &pair[1], 1, on_keeper_exit);
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

/* -- configuration ------------------------------------------------------------------------------ */

/* Held until we end: a second yitongd here would overwrite what our children read. */
static int lock_run_dir(const char *run_dir)
{
	char path[512];
	int fd;

	mkdir(run_dir, 0700);
	snprintf(path, sizeof(path), "%s/lock", run_dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (fd >= 0 && errno == EWOULDBLOCK)
		yt_log(YT_ERROR, "supervisor", "another yitongd runs with run_dir %s: stop it, or give this one its own", run_dir);
	else
		yt_log(YT_ERROR, "supervisor", "%s cannot be locked: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return YT_ECONF;
}

/* Checks the operator's file and leaves a copy of what was checked at path; NULL after having said why. */
static struct conf *check_conf(char *path, size_t size, uint32_t generation)
{
	const char *key = NULL;
	int copy = -1;
	struct conf *conf = reload_take(sup.conf_file, &copy);

	if (conf == NULL)
		return NULL;
	if (sup.conf != NULL)
		key = reload_needs_restart(sup.conf, conf);
	active_path(path, size, conf, generation);
	if (sup.conf == NULL && lock_run_dir(conf->gateway.run_dir) != 0) {
		; /* said why */
	} else if (key != NULL) {
		yt_log(YT_ERROR, "supervisor", "%s changes %s: that needs a restart", sup.conf_file, key);
	} else if (reload_write(copy, path) != 0) {
		yt_log(YT_ERROR, "supervisor", "cannot write %s: %s", path, strerror(errno));
	} else {
		close(copy);
		return conf;
	}
	close(copy);
	conf_free(conf);
	return NULL;
}

static void activate(struct conf *conf)
{
	struct slot *slots;
	struct conf *old = sup.conf;
	uint32_t s;

	if (bind_all(conf, &slots) != 0) {
		yt_log(YT_ERROR, "supervisor", "%s is not activated; generation %u stays active", sup.conf_file, sup.generation);
		conf_free(conf);
		return;
	}
	if (old != NULL)
		close_slots(sup.slots, sup.n_slots);
	sup.slots = slots;
	sup.n_slots = conf->gateway.workers;
	sup.conf = conf;
	sup.generation++;
	sup.announced = false;
	active_path(sup.active_file, sizeof(sup.active_file), conf, sup.generation);
	yt_log_setup("yitongd", conf->gateway.log_level);
	process_guard(conf->gateway.profile);
	for (s = 0; s < sup.n_slots; s++)
		start_worker(s);
	tell_generation();
	conf_free(old);
}

static void on_sighup(uv_signal_t *signal, int number)
{
	char path[512];
	struct conf *conf;

	if (sup.stopping)
		return;
	yt_log(YT_INFO, "supervisor", "reload: checking %s", sup.conf_file);
	if (n_members(false) >= MEMBERS_MAX) {
		yt_log(YT_ERROR, "supervisor", "%u workers of earlier configurations still drain; generation %u stays active, "
			"reload later", n_members(false), sup.generation);
		return;
	}
	drop_next(); /* a newer file counts, whatever the keeper says of the one before it */
	if (!sup.keeper_ready) {
		yt_log(YT_ERROR, "supervisor", "the keeper is not up, so what is open cannot be known; generation %u stays active, "
			"reload later", sup.generation);
		return;
	}
	conf = check_conf(path, sizeof(path), sup.generation + 1);
	if (conf == NULL) {
		yt_log(YT_ERROR, "supervisor", "%s is not used; generation %u stays active", sup.conf_file, sup.generation);
		return;
	}
	sup.next_conf = conf;
	clear_msg(CHANNEL_CHECK);
	sup.msg.generation = ++sup.check_no;
	sup.msg.n_text = (uint32_t)snprintf(sup.msg.text, sizeof(sup.msg.text), "%s", path);
	tell_keeper();
}

/* -- stopping and the clock --------------------------------------------------------------------- */

static void drain(struct member *m)
{
	if (!m->alive || m->drains)
		return;
	m->drains = true;
	m->kill_at = yt_mono_ms() + sup.conf->gateway.drain_ms + KILL_GRACE_MS;
	tell_about(m, CHANNEL_WORKER_DRAINS);
	uv_process_kill(&m->process, SIGTERM);
}

static void on_stop_signal(uv_signal_t *signal, int number)
{
	struct member *m;

	if (sup.stopping)
		return;
	yt_log(YT_INFO, "supervisor", "stopping: workers drain, then the journal is closed");
	sup.stopping = true;
	DL_FOREACH(sup.members, m)
		drain(m);
}

/* When every worker of the newest generation is welcome, those of older ones drain. */
static void watch_generations(void)
{
	struct member *m;
	uint32_t up = 0;

	DL_FOREACH(sup.members, m) {
		if (m->alive && m->generation == sup.generation && atomic_load(&m->area.board->incarnation) != 0)
			up++;
	}
	if (up < sup.n_slots || sup.stopping)
		return;
	if (!sup.announced) {
		sup.announced = true;
		sup.was_up = true;
		yt_log(YT_INFO, "supervisor", "ready: generation %u, %u workers", sup.generation, up);
	}
	DL_FOREACH(sup.members, m) {
		if (m->generation != sup.generation)
			drain(m);
	}
}

static bool all_dead(void)
{
	struct member *m;

	DL_FOREACH(sup.members, m) {
		if (m->alive)
			return false;
	}
	return true;
}

static void watch_stop(void)
{
	if (!sup.stopping || !all_dead())
		return;
	if (!sup.finishing && sup.keeper_ready) {
		sup.finishing = true;
		sup.stop_deadline = yt_mono_ms() + 30000;
		clear_msg(CHANNEL_FINISH);
		tell_keeper();
	}
	if ((sup.finishing && !sup.keeper_alive) || (!sup.keeper_alive && sup.keeper_fast_deaths > 3)) {
		sup.exit_code = sup.finishing ? 0 : 1;
		uv_stop(sup.loop);
	} else if (sup.finishing && yt_mono_ms() > sup.stop_deadline) {
		yt_log(YT_ERROR, "supervisor", "the keeper does not end; it is killed (what is on disk stays)");
		uv_process_kill(&sup.keeper, SIGKILL);
		sup.exit_code = 1;
		uv_stop(sup.loop);
	}
}

/* A worker that is stuck holds its share of the clients, and a new keeper waits for its word. */
static void watch_beats(int64_t passed_ms)
{
	int64_t most_ms = sup.conf->gateway.heartbeat_ms;
	struct member *m;

	if (passed_ms > 10 * TIMER_MS)
		passed_ms = 10 * TIMER_MS; /* we stood still ourselves, perhaps all of us */
	DL_FOREACH(sup.members, m) {
		uint32_t beats = atomic_load(&m->area.board->beats);

		m->silent_ms = beats == m->beats ? m->silent_ms + passed_ms : 0;
		m->beats = beats;
		if (!m->alive || most_ms == 0 || m->silent_ms < most_ms)
			continue;
		yt_log(YT_ERROR, "supervisor", "worker %u (generation %u) has stood still for %lld ms; it is killed", m->slot,
			m->generation, (long long)m->silent_ms);
		uv_process_kill(&m->process, SIGKILL);
		m->silent_ms = 0;
	}
}

static void on_timer(uv_timer_t *timer)
{
	int64_t now = yt_mono_ms();
	struct member *m;
	uint32_t s;

	watch_beats(now - sup.ticked_at);
	sup.ticked_at = now;

	if (sup.keeper_start_at != 0 && now >= sup.keeper_start_at && (!sup.stopping || !sup.finishing))
		start_keeper();
	for (s = 0; s < sup.n_slots && !sup.stopping; s++) {
		if (sup.slots[s].start_at != 0 && now >= sup.slots[s].start_at)
			start_worker(s);
	}
	DL_FOREACH(sup.members, m) {
		if (m->alive && m->kill_at != 0 && now >= m->kill_at) {
			yt_log(YT_WARN, "supervisor", "worker %u did not drain in time; it is killed", m->slot);
			uv_process_kill(&m->process, SIGKILL);
			m->kill_at = 0;
		}
	}
	tell_untold();
	watch_generations();
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
	sup.quarantine = mmap(NULL, sizeof(struct quarantine), PROT_READ | PROT_WRITE, MAP_SHARED, sup.quarantine_fd, 0);
	if (sup.quarantine == MAP_FAILED) /* from here on workers can only read it */
		return YT_EIO;
	return fcntl(sup.quarantine_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) == 0 ?
		0 : YT_EIO;
}

int supervisor_main(const char *conf_file)
{
	char path[512];
	struct conf *conf;

	sup.conf_file = conf_file;
	sup.loop = uv_default_loop();
	signal(SIGPIPE, SIG_IGN);
	conf = check_conf(path, sizeof(path), 1);
	if (conf == NULL)
		return 2;
	if (make_quarantine() != 0)
		return 2;
	activate(conf);
	if (sup.conf == NULL)
		return 2;
	start_keeper();
	on_signal(&sup.sigterm, on_stop_signal, SIGTERM);
	on_signal(&sup.sigint, on_stop_signal, SIGINT);
	on_signal(&sup.sighup, on_sighup, SIGHUP);
	uv_timer_init(sup.loop, &sup.timer);
	sup.ticked_at = yt_mono_ms();
	uv_timer_start(&sup.timer, on_timer, TIMER_MS, TIMER_MS);
	uv_run(sup.loop, UV_RUN_DEFAULT);
	if (sup.exit_code == 0)
		unlink(sup.active_file);
	yt_log(YT_INFO, "supervisor", "stopped");
	return sup.exit_code;
}
