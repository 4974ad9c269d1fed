/* core/base/log.c - one line to stderr for each event; whoever runs the process collects them.
 *
 * A line is built on the stack and written with one write(), so that lines of several processes and
 * threads on one stderr stay whole. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "yitong/base.h"

enum { LINES_A_SECOND = 10 };
enum { LONGEST_LINE = 2048 }; /* below PIPE_BUF, up to which a pipe takes a write in one piece */

static char process_name[32] = "yitong";
static enum yt_level least_level = YT_INFO;

void yt_log_setup(const char *process, enum yt_level least)
{
	snprintf(process_name, sizeof(process_name), "%s", process);
	least_level = least;
}

static void (*watcher)(void *ctx, enum yt_level level, const char *text);
static void *watcher_ctx;

void yt_log_watch(void (*watch)(void *ctx, enum yt_level level, const char *text), void *ctx)
{
	watcher = watch;
	watcher_ctx = ctx;
}

static void YT_PRINTF(2, 0) tell_watcher(enum yt_level level, const char *fmt, va_list ap)
{
	char text[LONGEST_LINE];

	vsnprintf(text, sizeof(text), fmt, ap);
	watcher(watcher_ctx, level, text);
}

/* A peer's text with a line break in it must not look like a line of ours. */
static void blank_controls(char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			text[i] = ' ';
}

void yt_log(enum yt_level level, const char *room, const char *fmt, ...)
{
	static const char *const words[] = { "debug", "info", "warn", "error" };
	char line[LONGEST_LINE];
	char when[20];
	int64_t now_ms;
	int n, more;
	va_list ap;

	if (watcher != NULL) {
		va_start(ap, fmt);
		tell_watcher(level, fmt, ap);
		va_end(ap);
	}
	if (level < least_level)
		return;
	now_ms = yt_wall_ms();
	yt_time_print(now_ms, when);
	n = snprintf(
	        line, sizeof(line), "%s.%03d %s %s %s: ", when, (int)(now_ms % 1000), words[level], process_name, room);
	if (n < 0 || (size_t)n > sizeof(line) / 2)
		return;
	va_start(ap, fmt);
	more = vsnprintf(line + n, sizeof(line) - (size_t)n - 1, fmt, ap);
	va_end(ap);
	if (more < 0)
		return;
	n = (size_t)more < sizeof(line) - (size_t)n - 1 ? n + more : (int)sizeof(line) - 2; /* a long line is cut */
	blank_controls(line, (size_t)n);
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return; /* a log that cannot be written has nobody to be told to */
}

bool yt_pace(struct yt_pace *pace, int64_t mono_ms, const char *room, const char *what)
{
	int64_t second = mono_ms / 1000;

	if (second != pace->second) {
		if (pace->n > LINES_A_SECOND)
			yt_log(YT_WARN, room, "%u more %s are not shown", pace->n - LINES_A_SECOND, what);
		pace->second = second;
		pace->n = 0;
	}
	return ++pace->n <= LINES_A_SECOND;
}
