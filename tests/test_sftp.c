/* tests/test_sftp.c - a party's folder over SSH, against a real OpenSSH server on a free port with keys made for the
 * occasion; skipped with the reason where there is no sshd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/drop.h"
#include "net/drop_fetch.h"

#define SSHD "/usr/sbin/sshd"
#define NAME "PAY_3302990001_20261120_000007.txt"
#define OCTETS "H|1.0|one line\nT|the end\n"
#define OTHERS "H|1.0|another line\nT|the end\n"

/* -- the server ------------------------------------------------------------------------------------ */

struct server {
	char dir[64], there[80], spool[80], key[100], known[100], user[64], port[8];
	pid_t pid;
	bool is_there;
};

static int shell(const char *fmt, ...) YT_PRINTF(1, 2);

static int shell(const char *fmt, ...)
{
	char command[2000];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	return system(command);
}

static uint16_t free_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	close(fd);
	return ntohs(a.sin_port);
}

static bool listens(const struct server *s)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)atoi(s->port)) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), rv = connect(fd, (struct sockaddr *)&a, sizeof(a));

	close(fd);
	return rv == 0;
}

static void write_text(const char *path, const char *fmt, ...) YT_PRINTF(2, 3);

static void write_text(const char *path, const char *fmt, ...)
{
	FILE *file = fopen(path, "w");
	va_list args;

	assert_non_null(file);
	va_start(args, fmt);
	vfprintf(file, fmt, args);
	va_end(args);
	fclose(file);
}

static void run_server(struct server *s)
{
	char conf[100], log[100];

	snprintf(conf, sizeof(conf), "%s/conf", s->dir);
	snprintf(log, sizeof(log), "%s/log", s->dir);
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0) {
		execl(SSHD, SSHD, "-D", "-f", conf, "-E", log, (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 200 && !listens(s); i++) {
		assert_int_equal(waitpid(s->pid, NULL, WNOHANG), 0);
		usleep(50000);
	}
	assert_true(listens(s));
}

/* Its sessions too, each of which has left its group: that is what a lost connection is. */
static void kill_with_children(pid_t pid)
{
	char path[64];
	FILE *children;
	int child;

	kill(pid, SIGSTOP); /* no new ones meanwhile */
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	children = fopen(path, "r");
	while (children != NULL && fscanf(children, "%d", &child) == 1)
		kill_with_children(child);
	if (children != NULL)
		fclose(children);
	kill(pid, SIGKILL);
}

static void stop_server(struct server *s)
{
	if (s->pid > 0) {
		kill_with_children(s->pid);
		waitpid(s->pid, NULL, 0);
	}
	s->pid = 0;
}

static int set_up(void **state)
{
	static struct server s;
	const struct passwd *me = getpwuid(getuid());
	const char *dir = s.dir;

	s = (struct server){ .dir = "/tmp/yt-sftp-XXXXXX" };
	*state = &s;
	if (access(SSHD, X_OK) != 0 || access("/usr/bin/ssh-keygen", X_OK) != 0 || me == NULL) {
		print_message("skipped: there is no " SSHD " (package openssh-server)\n");
		return 0;
	}
	assert_non_null(mkdtemp(s.dir));
	snprintf(s.there, sizeof(s.there), "%s/there", dir);
	snprintf(s.spool, sizeof(s.spool), "%s/spool", dir);
	snprintf(s.key, sizeof(s.key), "%s/key", dir);
	snprintf(s.known, sizeof(s.known), "%s/known", dir);
	snprintf(s.user, sizeof(s.user), "%s", me->pw_name);
	snprintf(s.port, sizeof(s.port), "%u", free_port());
	assert_int_equal(
	        shell("cd %s && ssh-keygen -q -t ed25519 -N '' -f key && ssh-keygen -q -t ed25519 -N '' -f host && "
	              "ssh-keygen -q -t ed25519 -N '' -f stranger && cp key.pub allowed && chmod 600 allowed && "
	              "echo \"[127.0.0.1]:%s $(cut -d' ' -f1,2 host.pub)\" >known && "
	              "echo \"[127.0.0.1]:%s $(cut -d' ' -f1,2 stranger.pub)\" >known-other && : >known-none",
	                dir, s.port, s.port),
	        0);
	snprintf(s.known, sizeof(s.known), "%s/conf", dir);
	write_text(s.known,
	        "Port %s\nListenAddress 127.0.0.1\nHostKey %s/host\nAuthorizedKeysFile %s/allowed\nStrictModes no\n"
	        "UsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPidFile none\n"
	        "PermitRootLogin prohibit-password\nSubsystem sftp internal-sftp\n",
	        s.port, dir, dir);
	snprintf(s.known, sizeof(s.known), "%s/known", dir);
	if (getuid() == 0 && access("/run/sshd", F_OK) != 0)
		mkdir("/run/sshd", 0755); /* sshd wants it for privilege separation */
	run_server(&s);
	s.is_there = true;
	return 0;
}

static int tear_down(void **state)
{
	struct server *s = *state;

	if (!s->is_there)
		return 0;
	stop_server(s);
	return shell("rm -r %s", s->dir);
}

/* Folders as new, for each test. */
static struct server *fresh(void **state)
{
	struct server *s = *state;

	if (!s->is_there)
		skip();
	if (s->pid == 0)
		run_server(s);
	assert_int_equal(
	        shell("cd %s && rm -rf there spool && mkdir -p there/out there/in spool/in spool/sent spool/fetched",
	                s->dir),
	        0);
	return s;
}

static struct sftp_conf conf_of(const struct server *s)
{
	return (struct sftp_conf){ .host = "127.0.0.1",
		.port = s->port,
		.user = s->user,
		.folder = s->there,
		.key_file = s->key,
		.known_hosts = s->known,
		.connect_ms = 10000,
		.answer_ms = 10000 };
}

static bool holds(const char *folder, const char *name, const char *file, const char *text)
{
	int fd = files_folder(folder, name), rv;

	assert_true(fd >= 0);
	rv = files_hold(fd, file, yt_str(text));
	close(fd);
	assert_true(rv >= 0 || rv == -ENOENT);
	return rv == 1;
}

static unsigned count(const char *folder, const char *name)
{
	char command[200], text[16] = "";
	FILE *pipe;

	snprintf(command, sizeof(command), "ls -A %s/%s | wc -l", folder, name);
	assert_non_null(pipe = popen(command, "r"));
	assert_non_null(fgets(text, sizeof(text), pipe));
	pclose(pipe);
	return (unsigned)atoi(text);
}

/* -- putting ---------------------------------------------------------------------------------------- */

/* breaks: at that call to the place, counted from 0, the server and its sessions are killed, before or after it. */
struct breaking {
	struct place place; /* first */
	struct place *real;
	struct server *server;
	int calls, at;
	bool after, halves; /* the rename links, and dies then */
};

static void may_break(struct breaking *b, bool after)
{
	if (b->after == after && b->calls == b->at)
		stop_server(b->server);
}

#define BREAKING(name, call, ...)                                                                                      \
	static int breaking_##name(struct place *place, ##__VA_ARGS__, char why[DROP_WHY_MAX])                         \
	{                                                                                                              \
		struct breaking *b = (struct breaking *)place;                                                         \
		int rv;                                                                                                \
                                                                                                                       \
		may_break(b, false);                                                                                   \
		rv = call;                                                                                             \
		may_break(b, true);                                                                                    \
		b->calls++;                                                                                            \
		return rv;                                                                                             \
	}
BREAKING(look, b->real->look(b->real, name, octets, why), const char *name, struct yt_str octets)
BREAKING(write, b->real->write(b->real, name, octets, why), const char *name, struct yt_str octets)
static int half_rename(struct breaking *b, const char *from, const char *to, char why[DROP_WHY_MAX])
{
	int rv;

	if (b->halves) {
		assert_int_equal(shell("ln %s/out/%s %s/out/%s", b->server->there, from, b->server->there, to), 0);
		stop_server(b->server);
	}
	rv = b->real->rename(b->real, from, to, why);
	return rv;
}
BREAKING(rename, half_rename(b, from, to, why), const char *from, const char *to)
BREAKING(remove, b->real->remove(b->real, name, why), const char *name)
BREAKING(sync, b->real->sync(b->real, why))

enum { NOWHERE = 99, BY_HALVES = 100 };

static enum lane_end put(struct server *s, const char *octets, int *status, char why[DROP_WHY_MAX], int at, bool after)
{
	struct sftp_conf conf = conf_of(s);
	struct sftp *sftp = sftp_new(&conf);
	struct breaking b = { { breaking_look, breaking_write, breaking_rename, breaking_remove, breaking_sync, true },
		sftp_place(sftp), s, 0, at, after, at == BY_HALVES };
	int sent = files_folder(s->spool, "sent");
	enum lane_end end = LANE_NOT_SENT;

	*status = 0;
	if (sftp_connect(sftp, why) == 0)
		end = drop_put(&b.place, sent, NAME, yt_str(octets), status, why);
	if (b.calls <= at)
		assert_true(at >= NOWHERE); /* each row breaks something */
	close(sent);
	sftp_free(sftp);
	return end;
}

static void assert_put(struct server *s, const char *octets, int wanted)
{
	char why[DROP_WHY_MAX];
	int status;

	if (put(s, octets, &status, why, NOWHERE, false) != LANE_ANSWERED)
		fail_msg("%s", why);
	assert_int_equal(status, wanted);
}

static void a_file_is_put_there_once(void **state)
{
	struct server *s = fresh(state);

	assert_put(s, OCTETS, YT_FILE_HANDED_OVER);
	assert_true(holds(s->there, "out", NAME, OCTETS));
	assert_put(s, OCTETS, YT_FILE_HANDED_OVER);
	assert_put(s, OTHERS, YT_FILE_NAME_TAKEN);
	assert_true(holds(s->there, "out", NAME, OCTETS));
	assert_int_equal(count(s->there, "out"), 1);
	assert_int_equal(shell("rm %s/out/*", s->there), 0);
	assert_put(s, OCTETS, YT_FILE_HANDED_OVER); /* taken: not written again */
	assert_int_equal(count(s->there, "out"), 0);
	/* Our receipts are lost: what lies there says it. */
	assert_int_equal(shell("rm -r %s/sent && mkdir %s/sent && printf '%s' >%s/out/" NAME, s->spool, s->spool,
	                         "H|1.0|one line\\nT|the end\\n", s->there),
	        0);
	assert_put(s, OTHERS, YT_FILE_NAME_TAKEN);
	assert_put(s, OCTETS, YT_FILE_HANDED_OVER);
}

/* The connection is lost before and after each step.  What may be there is unknown, and is found out by asking; it
 * comes once. */
static void a_lost_connection_is_found_out(void **state)
{
	char why[DROP_WHY_MAX];
	unsigned n_lost = 0;
	int status;

	for (int at = 0; at < 5; at++) { /* look, write, sync, rename, sync */
		for (int after = 0; after < 2; after++) {
			struct server *s = fresh(state);
			enum lane_end end = put(s, OCTETS, &status, why, at, after != 0);
			bool is_there = holds(s->there, "out", NAME, OCTETS);

			if (end == LANE_NOT_SENT)
				assert_false(is_there);
			n_lost += end == LANE_LOST;
			if (is_there && at % 2 == 1) /* the party may take it meanwhile */
				assert_int_equal(shell("mv %s/out/" NAME " %s/", s->there, s->there), 0);
			run_server(s);
			if (end == LANE_LOST && !is_there) {
				assert_int_equal(put(s, OCTETS, &status, why, NOWHERE, false), LANE_LOST);
				assert_non_null(
				        strstr(why, "ask it, and only if it has none remove sent/." NAME ".begun"));
				assert_int_equal(shell("rm %s/sent/." NAME ".begun", s->spool), 0);
			}
			assert_put(s, OCTETS, YT_FILE_HANDED_OVER);
			assert_true(holds(s->there, "out", NAME, OCTETS) != holds(s->dir, "there", NAME, OCTETS));
			assert_put(s, OTHERS, YT_FILE_NAME_TAKEN);
			stop_server(s);
		}
	}
	assert_in_range(n_lost, 1, 5);
}

/* The server dies when the file has its name, and its old one too, and the party takes it at once: it does not lie
 * there a second time by itself, whatever stands under its name then. */
static void half_a_rename_hands_over_once(void **state)
{
	char why[DROP_WHY_MAX];
	int status;

	for (int replaced = 0; replaced < 2; replaced++) {
		struct server *s = fresh(state);

		assert_int_equal(put(s, OCTETS, &status, why, BY_HALVES, false), LANE_LOST);
		assert_true(holds(s->there, "out", NAME, OCTETS) && holds(s->there, "out", "." NAME ".part", OCTETS));
		assert_int_equal(shell("mv %s/out/" NAME " %s/", s->there, s->there), 0);
		if (replaced)
			assert_int_equal(shell("echo other >%s/out/" NAME, s->there), 0);
		run_server(s);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(put(s, OCTETS, &status, why, NOWHERE, false), LANE_LOST);
			assert_non_null(strstr(why, "ask it"));
			assert_false(holds(s->there, "out", NAME, OCTETS));
		}
		stop_server(s);
	}
}

static void who_it_is_is_checked(void **state)
{
	struct server *s = fresh(state);
	const struct {
		const char *file, *words;
	} rows[] = { { "known-other", "another one stands in known_hosts" },
		{ "known-none", "it does not stand in known_hosts" },
		{ "no-such-file", "known_hosts cannot be read" } };
	struct sftp_conf conf = conf_of(s);
	char why[DROP_WHY_MAX], path[100];
	struct sftp *sftp;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", s->dir, rows[i].file);
		conf.known_hosts = path;
		sftp = sftp_new(&conf);
		assert_int_equal(sftp_connect(sftp, why), PLACE_FAILED);
		if (strstr(why, rows[i].words) == NULL)
			fail_msg("%s", why);
		sftp_free(sftp);
	}
	conf = conf_of(s);
	snprintf(path, sizeof(path), "%s/stranger", s->dir);
	conf.key_file = path;
	sftp = sftp_new(&conf);
	assert_int_equal(sftp_connect(sftp, why), PLACE_FAILED);
	assert_non_null(strstr(why, "does not take our key"));
	sftp_free(sftp);
	conf = conf_of(s);
	snprintf(path, sizeof(path), "%u", free_port());
	conf.port = path;
	sftp = sftp_new(&conf);
	assert_int_equal(sftp_connect(sftp, why), PLACE_FAILED);
	assert_non_null(strstr(why, "Connection refused"));
	sftp_stop(sftp);
	assert_int_equal(sftp_connect(sftp, why), PLACE_FAILED);
	assert_non_null(strstr(why, "canceled"));
	sftp_free(sftp);
}

static void a_missing_folder_there_is_named(void **state)
{
	struct server *s = fresh(state);
	char why[DROP_WHY_MAX], path[100];
	int status;

	assert_int_equal(shell("rmdir %s/out", s->there), 0);
	assert_int_equal(put(s, OCTETS, &status, why, 99, false), LANE_NOT_SENT);
	snprintf(path, sizeof(path), "%s/out/", s->there);
	assert_non_null(strstr(why, path));
	assert_non_null(strstr(why, "no such file or folder"));
	assert_int_equal(shell("mkdir %s/out", s->there), 0);
	assert_put(s, OCTETS, YT_FILE_HANDED_OVER);
}

/* -- fetching --------------------------------------------------------------------------------------- */

static int fetch(struct server *s, struct drop_fetch *f)
{
	struct sftp_conf conf = conf_of(s);
	struct sftp *sftp = sftp_new(&conf);
	char why[DROP_WHY_MAX] = "";
	int n = drop_fetch(f, sftp, s->spool, 30, why);

	sftp_free(sftp);
	if (n < 0)
		print_message("%s\n", why);
	return n;
}

static void what_rests_there_is_fetched_once(void **state)
{
	struct server *s = fresh(state);
	struct drop_fetch f = { NULL, 0 };

	assert_int_equal(
	        shell("cd %s/in && printf one >a.txt && printf two >b.txt.part && printf two >.c && printf two >'d e' && "
	              "printf 0123456789012345678901234567890 >large.txt && mkdir folder.txt",
	                s->there),
	        0);
	assert_int_equal(fetch(s, &f), 0); /* the first round only looks */
	assert_int_equal(fetch(s, &f), 1);
	assert_true(holds(s->spool, "in", "a.txt", "one"));
	assert_int_equal(count(s->spool, "in"), 1);
	assert_int_equal(shell("rm %s/in/a.txt", s->spool), 0); /* a listener takes it */
	assert_int_equal(fetch(s, &f), 0);
	free(f.entry);
	f = (struct drop_fetch){ NULL, 0 }; /* after a restart too */
	assert_int_equal(fetch(s, &f), 0);
	assert_int_equal(fetch(s, &f), 0);
	/* Another file of that name comes as well. */
	assert_int_equal(shell("printf three >%s/in/a.txt", s->there), 0);
	assert_int_equal(fetch(s, &f), 0);
	assert_int_equal(fetch(s, &f), 1);
	assert_true(holds(s->spool, "in", "a.txt", "three"));
	/* What grows waits; what is gone leaves no receipt. */
	assert_int_equal(shell("printf x >%s/in/g.txt && rm %s/in/a.txt", s->there, s->there), 0);
	assert_int_equal(fetch(s, &f), 0);
	assert_int_equal(shell("printf y >>%s/in/g.txt", s->there), 0);
	assert_int_equal(fetch(s, &f), 0);
	assert_int_equal(fetch(s, &f), 1);
	assert_true(holds(s->spool, "in", "g.txt", "xy"));
	assert_int_equal(count(s->spool, "fetched"), 1);
	assert_int_equal(shell("rm -r %s/in", s->there), 0);
	assert_int_equal(fetch(s, &f), -1);
	free(f.entry);
}

/* -- the party's thread ----------------------------------------------------------------------------- */

struct heard {
	uv_loop_t loop;
	unsigned n;
	enum lane_end end;
	int status;
	char why[DROP_WHY_MAX];
};

static void on_done(void *arg, uint64_t id, const struct lane_result *result)
{
	struct heard *h = arg;

	h->n++;
	h->end = result->end;
	h->status = result->status;
	snprintf(h->why, sizeof(h->why), "%s", result->why);
	uv_stop(&h->loop);
}

static void the_thread_puts_and_fetches(void **state)
{
	struct server *s = fresh(state);
	const struct sftp_conf sftp = conf_of(s);
	struct drop_conf conf = {
		.name = "bank", .folder = s->spool, .queue = 4, .sftp = &sftp, .fetch_ms = 50, .file_bytes = 1000
	};
	struct heard h = { .n = 0 };
	struct drop *drop;

	assert_int_equal(shell("printf one >%s/in/RES.txt", s->there), 0);
	assert_int_equal(uv_loop_init(&h.loop), 0);
	assert_int_equal(drop_open(&drop, &h.loop, &conf, on_done, &h), 0);
	drop_send(drop, 1, YT_STR(NAME), YT_STR(OCTETS), yt_mono_ms() + 30000);
	uv_run(&h.loop, UV_RUN_DEFAULT);
	assert_int_equal(h.end, LANE_ANSWERED);
	assert_int_equal(h.status, YT_FILE_HANDED_OVER);
	for (int i = 0; i < 400 && !holds(s->spool, "in", "RES.txt", "one"); i++)
		usleep(50000);
	assert_true(holds(s->spool, "in", "RES.txt", "one"));
	stop_server(s);
	drop_send(drop, 2, YT_STR("b.txt"), YT_STR(OCTETS), yt_mono_ms() + 30000);
	uv_run(&h.loop, UV_RUN_DEFAULT);
	assert_int_equal(h.n, 2);
	assert_int_equal(h.end, LANE_NOT_SENT);
	assert_non_null(strstr(h.why, "Connection refused"));
	drop_close(drop);
	uv_run(&h.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&h.loop), 0);
}

/* A server that is connected to and never says a word: closing does not wait for it, as a stop of the gateway would. */
static void closing_waits_for_no_server(void **state)
{
	struct server *s = fresh(state);
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), peer;
	struct sftp_conf sftp = conf_of(s);
	struct drop_conf conf = {
		.name = "bank", .folder = s->spool, .queue = 4, .sftp = &sftp, .fetch_ms = 50, .file_bytes = 1000
	};
	struct heard h = { .n = 0 };
	struct drop *drop;
	char port[8];

	assert_int_equal(bind(listener, (struct sockaddr *)&at, size), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &size), 0);
	snprintf(port, sizeof(port), "%u", (unsigned)ntohs(at.sin_port));
	sftp.host = "127.0.0.1";
	sftp.port = port;
	sftp.connect_ms = sftp.answer_ms = 3600000;
	assert_int_equal(uv_loop_init(&h.loop), 0);
	assert_int_equal(drop_open(&drop, &h.loop, &conf, on_done, &h), 0);
	peer = accept(listener, NULL, NULL); /* the thread is there, and waits */
	assert_true(peer >= 0);
	drop_send(drop, 1, YT_STR(NAME), YT_STR(OCTETS), yt_mono_ms() + 3600000);
	alarm(120);
	drop_close(drop);
	uv_run(&h.loop, UV_RUN_DEFAULT);
	alarm(0);
	assert_int_equal(h.end, LANE_NOT_SENT);
	assert_int_equal(uv_loop_close(&h.loop), 0);
	close(peer);
	close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_file_is_put_there_once),
		cmocka_unit_test(a_lost_connection_is_found_out), cmocka_unit_test(who_it_is_is_checked),
		cmocka_unit_test(half_a_rename_hands_over_once), cmocka_unit_test(a_missing_folder_there_is_named),
		cmocka_unit_test(what_rests_there_is_fetched_once), cmocka_unit_test(the_thread_puts_and_fetches),
		cmocka_unit_test(closing_waits_for_no_server) };

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
