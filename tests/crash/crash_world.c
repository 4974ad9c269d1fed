/* tests/crash/crash_world.c - the gateway and the platform as processes, and what can be asked of them. */
#include "crash_run.h"

#include <ctype.h>
#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MS 20000

static void broken(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
static void broken(const char *fmt, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "crash: ");
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\n");
	exit(2);
}

/* argv[0] is a program in bin; its output is appended to dir/log. */
static pid_t spawn(const struct world *w, const char *log, bool shimmed, const char *const *argv)
{
	char path[700], text[1400];
	pid_t pid = fork();
	int fd;

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(path, sizeof(path), "%s/%s", w->dir, log);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
	dup2(fd, 1);
	dup2(fd, 2);
	if (shimmed) {
		snprintf(text, sizeof(text), "%s/crash_shim.so", w->bin);
		setenv("LD_PRELOAD", text, 1);
		setenv("YT_SHIM_DIR", w->journal, 1);
		setenv("YT_SHIM_STATE", w->state, 1);
	}
	snprintf(path, sizeof(path), "%s/%s", w->bin, argv[0]);
	execv(path, (char **)(uintptr_t)argv);
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	_exit(127);
}

static const char *control_port, *insurer_control_port, *bank_control_port; /* once they are started */

void world_open(struct world *w, const char *bin)
{
	char path[700];

	w->bin = bin;
	snprintf(w->state, sizeof(w->state), "%s/undo", w->dir);
	w->shim = undo_map(w->state, true);
	if (w->shim == NULL)
		broken("cannot make %s", w->state);
	snprintf(path, sizeof(path), "%s.stash", w->state);
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

void world_start_platform(struct world *w)
{
	const char *argv[] = { "yitong-sandbox", "platform", "--port", w->platform_port, "--control-port",
		w->control_port, "--certs", w->certs, NULL };
	int64_t end = now_ms() + START_MS;
	json_t *stats;

	control_port = w->control_port;
	w->platform = spawn(w, "platform.log", false, argv);
	while ((stats = world_control("GET", "/stats", NULL)) == NULL) {
		if (now_ms() > end || waitpid(w->platform, NULL, WNOHANG) != 0)
			broken("the platform did not come up; see %s/platform.log", w->dir);
		sleep_ms(50);
	}
	json_decref(stats);
}

/* Starts one of them and waits until its control port answers. */
static pid_t start_other(const struct world *w, const char *log, const char *const *argv,
        json_t *(*ask)(const char *method, const char *path, const char *body))
{
	int64_t end = now_ms() + START_MS;
	pid_t pid = spawn(w, log, false, argv);
	json_t *stats;

	while ((stats = ask("GET", "/stats", NULL)) == NULL) {
		if (now_ms() > end || waitpid(pid, NULL, WNOHANG) != 0)
			broken("%s did not come up; see %s/%s", argv[1], w->dir, log);
		sleep_ms(50);
	}
	json_decref(stats);
	return pid;
}

/* Everybody is insured; it decides and pays within a second, or leaves that to the gateway (claims_person). */
void world_start_insurer(struct world *w)
{
	char url[64];
	const char *argv[] = { "yitong-sandbox", "insurer", "--port", w->insurer_port, "--control-port",
		w->insurer_control_port, "--certs", w->certs, "--version", "1.1", "--enrol-all", "--decide-ms", "300",
		"--pay-ms", "700", "--mandate-banks", "105", "--callback-url", url, "--callback-minute-ms", "300",
		NULL };

	snprintf(url, sizeof(url), "https://127.0.0.1:%s", w->decisions_port);
	insurer_control_port = w->insurer_control_port;
	w->insurer = start_other(w, "insurer.log", argv, insurer_control);
}

/* What becomes of a payout is chosen by its amount's last digits (yitong-sandbox bank --help). */
void world_start_bank(struct world *w)
{
	char folder[600];
	const char *argv[] = { "yitong-sandbox", "bank", "--link-port", w->bank_port, "--iso-port", w->bank_iso_port,
		"--control-port", w->bank_control_port, "--certs", w->certs, "--settle-ms", "500", "--return-ms", "700",
		"--folder", folder, NULL };

	snprintf(folder, sizeof(folder), "%s/bank-file", w->dir);
	bank_control_port = w->bank_control_port;
	w->bank = start_other(w, "bank.log", argv, bank_control);
}

void world_start_gateway(struct world *w)
{
	const char *argv[] = { "yitongd", "--conf", w->conf, NULL };
	int64_t end = now_ms() + START_MS;
	pid_t pids[64];

	w->supervisor = spawn(w, "gateway.log", true, argv);
	while (world_children(w, "worker", pids, 64) == 0 || world_pending(w) < 0) {
		if (now_ms() > end || waitpid(w->supervisor, NULL, WNOHANG) != 0)
			broken("the gateway did not come up; see %s/gateway.log", w->dir);
		sleep_ms(50);
	}
}

/* Words of /proc/PID/cmdline, and its parent. */
static bool is_child(pid_t pid, pid_t parent, const char *role)
{
	char path[64], text[512], *at;
	int ppid = 0;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	if (f == NULL)
		return false;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	at = strrchr(text, ')');
	if (at == NULL || at[2] == 'Z' || sscanf(at + 3, "%d", &ppid) != 1 || ppid != parent)
		return false;
	if (role == NULL)
		return true;
	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	f = fopen(path, "r");
	if (f == NULL)
		return false;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	return strlen(text) + 1 < n && strcmp(text + strlen(text) + 1, role) == 0;
}

static size_t children_of(pid_t parent, const char *role, pid_t *out, size_t max)
{
	struct dirent *entry;
	size_t n = 0;
	DIR *proc = opendir("/proc");

	while (proc != NULL && n < max && (entry = readdir(proc)) != NULL)
		if (isdigit((unsigned char)entry->d_name[0]) && is_child((pid_t)atoi(entry->d_name), parent, role))
			out[n++] = (pid_t)atoi(entry->d_name);
	if (proc != NULL)
		closedir(proc);
	return n;
}

size_t world_children(const struct world *w, const char *role, pid_t *out, size_t max)
{
	return children_of(w->supervisor, role, out, max);
}

/* The children have to die with the supervisor: wait for each of them by pid. */
void world_stop_gateway(struct world *w, int signal)
{
	int64_t end = now_ms() + START_MS;
	pid_t pids[64];
	size_t n = world_children(w, NULL, pids, 64);

	if (signal != 0)
		kill(w->supervisor, signal);
	while (waitpid(w->supervisor, NULL, WNOHANG) == 0) {
		if (now_ms() > end)
			broken("the supervisor did not end after signal %d", signal);
		sleep_ms(10);
	}
	for (size_t i = 0; i < n; i++) {
		while (kill(pids[i], 0) == 0) {
			if (now_ms() > end)
				broken("process %d outlived its supervisor", (int)pids[i]);
			sleep_ms(10);
		}
	}
	w->supervisor = 0;
}

void world_close(struct world *w)
{
	if (w->supervisor > 0)
		world_stop_gateway(w, SIGTERM);
	if (w->platform > 0 && kill(w->platform, SIGTERM) == 0)
		waitpid(w->platform, NULL, 0);
	if (w->insurer > 0 && kill(w->insurer, SIGTERM) == 0)
		waitpid(w->insurer, NULL, 0);
	if (w->bank > 0 && kill(w->bank, SIGTERM) == 0)
		waitpid(w->bank, NULL, 0);
	w->platform = w->insurer = w->bank = 0;
}

struct reply {
	char *p;
	size_t n;
};

static size_t on_reply(char *bytes, size_t size, size_t n, void *arg)
{
	struct reply *reply = arg;
	char *p = realloc(reply->p, reply->n + size * n + 1);

	if (p == NULL)
		return 0;
	reply->p = p;
	memcpy(p + reply->n, bytes, size * n);
	reply->n += size * n;
	return size * n;
}

static json_t *control(const char *port, const char *method, const char *path, const char *body)
{
	struct reply reply = { 0 };
	CURL *curl = curl_easy_init();
	json_t *tree = NULL;
	char url[128];
	long status = 0;

	snprintf(url, sizeof(url), "http://127.0.0.1:%s%s", port, path);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 30000L);
	if (body != NULL)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_reply);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply);
	if (curl_easy_perform(curl) == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200)
		tree = json_loadb(reply.p, reply.n, 0, NULL);
	else if (status != 0)
		broken("control %s %s: %ld %.*s", method, path, status, (int)reply.n, reply.p);
	curl_easy_cleanup(curl);
	free(reply.p);
	return tree;
}

json_t *world_control(const char *method, const char *path, const char *body)
{
	return control(control_port, method, path, body);
}

json_t *insurer_control(const char *method, const char *path, const char *body)
{
	return control(insurer_control_port, method, path, body);
}

json_t *bank_control(const char *method, const char *path, const char *body)
{
	return control(bank_control_port, method, path, body);
}

int world_yitong(const struct world *w, const char *args, char *out, size_t size)
{
	char command[2048];
	int status;
	size_t n;
	FILE *f;

	snprintf(command, sizeof(command), "'%s/yitong' --conf '%s' %s 2>&1", w->bin, w->conf, args);
	f = popen(command, "r");
	if (f == NULL)
		return -1;
	n = fread(out, 1, size - 1, f);
	out[n] = '\0';
	while (fgetc(f) != EOF)
		; /* what does not fit */
	status = pclose(f);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int64_t world_pending(const struct world *w)
{
	char out[8192];
	json_t *tree, *pending, *follow_ups;
	int64_t n = -1;

	if (world_yitong(w, "status --json", out, sizeof(out)) != 0)
		return -1;
	tree = json_loads(out, 0, NULL);
	pending = json_object_get(tree, "pending");
	follow_ups = json_object_get(json_object_get(tree, "exchanges"), "follow_ups");
	if (json_is_integer(pending) && json_is_integer(follow_ups))
		n = json_integer_value(pending) - json_integer_value(follow_ups);
	json_decref(tree);
	return n;
}
