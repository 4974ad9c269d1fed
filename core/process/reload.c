/* core/process/reload.c - see reload.h.
 *
 *  - reload_begin()           the operator's file -> octets in memory that nobody else can change
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
#include <unistd.h>

#include "process/supervisor_parts.h"

#define CHECK_MS 10000 /* a check that takes longer is stopped */

static void print_errors(const struct conf_errors *errors)
{
	char line[1024];
	uint32_t i;

	for (i = 0; i < errors->n; i++) {
		conf_error_print(errors, &errors->item[i], line, sizeof(line));
		fputs(line, stderr);
	}
}

int check_main(const char *conf_file, const char *named, int supervisor_pid)
{
	struct conf_errors *errors = calloc(1, sizeof(*errors));
	struct conf *conf = NULL;
	int rv;

	process_follow(supervisor_pid);
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

/* The check under way: there is one at a time. */
static struct {
	uv_process_t process;
	uv_timer_t timer;
	int copy;
	char conf_file[512];
	reload_done done;
	bool runs, was_stopped, ended_well; /* was_stopped: it took too long */
	bool starts_again; /* the file has been named again since: what this check finds counts no more */
} check;

static void begin(void);

/* Reads the very octets that were checked. */
static struct conf *read_checked(void)
{
	struct conf_errors *errors = calloc(1, sizeof(*errors));
	struct conf *conf = NULL;
	char path[32];

	YT_REQUIRE(errors != NULL);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", check.copy);
	if (conf_load(&conf, path, errors) != 0) {
		snprintf(errors->file, sizeof(errors->file), "%.*s", (int)sizeof(errors->file) - 1, check.conf_file);
		print_errors(errors); /* a file it names went away since */
		conf = NULL;
	}
	free(errors);
	return conf;
}

static void end(struct conf *conf)
{
	int copy = check.copy;

	check.runs = false;
	check.copy = -1;
	check.done(conf, copy);
}

/* Only now the handle may serve again. */
static void on_check_closed(uv_handle_t *handle)
{
	(void)handle;
	if (!check.starts_again) {
		end(check.ended_well ? read_checked() : NULL);
		return;
	}
	close(check.copy);
	begin();
}

static void on_check_exit(uv_process_t *process, int64_t status, int signal_number)
{
	uv_timer_stop(&check.timer);
	check.ended_well = signal_number == 0 && status == 0;
	if (signal_number != 0 && !check.was_stopped && !check.starts_again)
		yt_log(YT_ERROR, "supervisor", "%s: the check ended by signal %d: a plugin crashes with these settings",
		        check.conf_file, signal_number);
	uv_close((uv_handle_t *)process, on_check_closed);
}

static void on_check_takes_long(uv_timer_t *timer)
{
	(void)timer;
	yt_log(YT_ERROR, "supervisor",
	        "%s: the check did not end within %d s and is stopped; a plugin waits in its "
	        "open(), or a file does not answer",
	        check.conf_file, CHECK_MS / 1000);
	check.was_stopped = true;
	uv_process_kill(&check.process, SIGKILL);
}

static void begin(void)
{
	char pid_text[16];
	char *args[] = { "yitongd", "check", "/proc/self/fd/3", check.conf_file, pid_text, NULL };
	int rv = UV_EIO;

	check.runs = true;
	check.was_stopped = check.starts_again = false;
	check.copy = copy_to_memory(check.conf_file);
	snprintf(pid_text, sizeof(pid_text), "%d", (int)getpid());
	if (check.copy >= 0) {
		rv = supervisor_spawn(&check.process, args, &check.copy, 1, on_check_exit);
		if (rv != 0)
			yt_log(YT_ERROR, "supervisor", "%s cannot be checked: %s", check.conf_file, uv_strerror(rv));
	}
	if (rv != 0)
		end(NULL);
	else
		uv_timer_start(&check.timer, on_check_takes_long, CHECK_MS, 0);
}

void reload_begin(const char *conf_file, reload_done done)
{
	snprintf(check.conf_file, sizeof(check.conf_file), "%s", conf_file);
	check.done = done;
	if (check.runs) {
		check.starts_again = true;
		uv_process_kill(&check.process, SIGKILL);
		return;
	}
	if (check.timer.loop == NULL)
		uv_timer_init(sup.loop, &check.timer);
	begin();
}

bool reload_is_busy(void)
{
	return check.runs;
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
