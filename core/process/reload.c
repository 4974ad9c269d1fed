/* core/process/reload.c - see reload.h.
 *
 *  - reload_take()            the operator's file -> octets in memory that nobody else can change
 *  - check_main()             a child reads them and loads every plugin: what crashes there crashes not here
 *  - reload_needs_restart()   what a running keeper cannot change
 *  - reload_write()           the octets that were checked -> the file that children read */
#include "process/reload.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "process/process.h"

#define CHECK_MS 10000 /* a check that takes longer is stopped: meanwhile nothing is restarted */

static void print_errors(const struct conf_errors *errors)
{
	char line[1024];
	uint32_t i;

	for (i = 0; i < errors->n; i++) {
		conf_error_print(errors, &errors->item[i], line, sizeof(line));
		fputs(line, stderr);
	}
}

int check_main(const char *conf_file, const char *named)
{
	struct conf_errors *errors = calloc(1, sizeof(*errors));
	struct conf *conf = NULL;
	int rv;

	YT_REQUIRE(errors != NULL);
	if (conf_load(&conf, conf_file, errors) == 0)
		conf_check_plugins(conf, errors);
	snprintf(errors->file, sizeof(errors->file), "%s", named);
	print_errors(errors);
	rv = errors->n_errors != 0 ? 2 : 0;
	conf_free(conf);
	free(errors);
	return rv;
}

/* Copies at most one octet more than a configuration may have: conf_load() then says that it is too large. */
static int copy_all(int from, int to)
{
	char buf[65536];
	size_t done = 0;
	ssize_t n;

	while (done <= CONF_BYTES_MAX && (n = read(from, buf, sizeof(buf))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || write(to, buf, (size_t)n) != n)
			return YT_EIO;
		done += (size_t)n;
	}
	return 0;
}

static int copy_to_memory(const char *file)
{
	int from = open(file, O_RDONLY | O_CLOEXEC), copy = -1;

	if (from >= 0)
		copy = memfd_create("yitong-conf", MFD_CLOEXEC);
	if (copy >= 0 && copy_all(from, copy) != 0) {
		close(copy);
		copy = -1;
	}
	if (copy < 0)
		yt_log(YT_ERROR, "supervisor", "%s cannot be read: %s", file, strerror(errno));
	if (from >= 0)
		close(from);
	return copy;
}

/* Waits for the child; one that does not end is stopped. */
static bool ended_well(pid_t pid, const char *conf_file)
{
	const struct timespec pause = { 0, 10 * 1000000 };
	int64_t deadline = yt_mono_ms() + CHECK_MS;
	int status = -1;
	pid_t rv;

	while ((rv = waitpid(pid, &status, WNOHANG)) == 0 || (rv < 0 && errno == EINTR)) {
		if (rv == 0 && yt_mono_ms() >= deadline) {
			yt_log(YT_ERROR, "supervisor", "%s: the check did not end within %d s and is stopped; a plugin waits in its "
				"open(), or a file does not answer", conf_file, CHECK_MS / 1000);
			kill(pid, SIGKILL);
			deadline = INT64_MAX;
		}
		nanosleep(&pause, NULL);
	}
	if (rv == pid && WIFSIGNALED(status) && deadline != INT64_MAX)
		yt_log(YT_ERROR, "supervisor", "%s: the check ended by signal %d: a plugin crashes with these settings",
			conf_file, WTERMSIG(status));
	return rv == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool checks_in_child(int copy, const char *conf_file)
{
	char path[32];
	int supervisor = (int)getpid();
	pid_t pid = fork();

	if (pid == 0) {
		process_follow(supervisor); /* what is ignored stays so in the program */
		fcntl(copy, F_SETFD, 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", copy);
		execl("/proc/self/exe", "yitongd", "check", path, conf_file, (char *)NULL);
		_exit(127);
	}
	if (pid < 0)
		yt_log(YT_ERROR, "supervisor", "%s cannot be checked: %s", conf_file, strerror(errno));
	return pid > 0 && ended_well(pid, conf_file);
}

struct conf *reload_take(const char *conf_file, int *copy)
{
	struct conf_errors *errors = calloc(1, sizeof(*errors));
	struct conf *conf = NULL;
	char path[32];
	int fd = copy_to_memory(conf_file);

	YT_REQUIRE(errors != NULL);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd >= 0 && checks_in_child(fd, conf_file) && conf_load(&conf, path, errors) != 0) {
		snprintf(errors->file, sizeof(errors->file), "%s", conf_file);
		print_errors(errors); /* a file it names went away since */
		conf = NULL;
	}
	free(errors);
	if (conf == NULL && fd >= 0)
		close(fd);
	else
		*copy = fd;
	return conf;
}

int reload_write(int copy, const char *path)
{
	int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int rv = to >= 0 && lseek(copy, 0, SEEK_SET) == 0 ? copy_all(copy, to) : YT_EIO;

	if (to >= 0 && close(to) != 0)
		rv = YT_EIO;
	return rv;
}

static bool differ(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a != b : strcmp(a, b) != 0;
}

const char *reload_needs_restart(const struct conf *now, const struct conf *next)
{
	const struct conf_journal *a = &now->journal, *b = &next->journal;
	const struct {
		const char *key;
		bool differs;
	} keys[] = {
		{ "gateway.run_dir", differ(now->gateway.run_dir, next->gateway.run_dir) },
		{ "journal.folder", differ(a->folder, b->folder) },
		{ "journal.index", differ(a->index, b->index) },
		{ "journal.keys", differ(a->keys, b->keys) },
		{ "journal.data_keys", differ(a->data_keys, b->data_keys) },
		{ "journal.segment_mib", a->segment_mib != b->segment_mib },
		{ "journal.reserve_segments", a->reserve_segments != b->reserve_segments },
	};
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (keys[i].differs)
			return keys[i].key;
	}
	return NULL;
}
