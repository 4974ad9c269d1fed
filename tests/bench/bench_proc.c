/* tests/bench/bench_proc.c - reads /proc for the load generator, before and after each round.
 *
 * CPU time is taken from each thread's schedstat, which counts the same time as utime + stime of
 * /proc/PID/stat but in ns instead of ticks of 10 ms; a round lasts about a second. */
#include "bench_proc.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_PIDS 256

static int64_t stat_cpu_ns(pid_t pid, const char *thread)
{
	char path[300], text[512], *at;
	unsigned long user = 0, system = 0;
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/stat", (int)pid, thread);
	f = fopen(path, "r");
	if (f == NULL)
		return 0;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	at = strrchr(text, ')');
	if (at == NULL || sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
		return 0;
	return (int64_t)(user + system) * (1000000000 / sysconf(_SC_CLK_TCK));
}

static int64_t thread_cpu_ns(pid_t pid, const char *thread)
{
	char path[300];
	long long ns = 0;
	FILE *f;
	int got;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", (int)pid, thread);
	f = fopen(path, "r");
	if (f == NULL)
		return stat_cpu_ns(pid, thread); /* a kernel without it */
	got = fscanf(f, "%lld", &ns);
	fclose(f);
	return got == 1 ? ns : 0;
}

static int64_t process_cpu_ns(pid_t pid)
{
	char path[64];
	struct dirent *entry;
	int64_t sum = 0;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	if (tasks == NULL)
		return 0;
	while ((entry = readdir(tasks)) != NULL)
		if (isdigit((unsigned char)entry->d_name[0]))
			sum += thread_cpu_ns(pid, entry->d_name);
	closedir(tasks);
	return sum;
}

static pid_t parent_of(const char *pid)
{
	char path[300], text[512], *at;
	int parent = 0;
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	f = fopen(path, "r");
	if (f == NULL)
		return 0;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	at = strrchr(text, ')');
	return at != NULL && sscanf(at + 2, "%*c %d", &parent) == 1 ? parent : 0;
}

/* root and its descendants; parents have smaller numbers or not, so look until nothing new is found. */
static size_t tree(pid_t root, pid_t pids[MAX_PIDS])
{
	size_t n = 1, before = 0;
	struct dirent *entry;
	DIR *proc;

	pids[0] = root;
	while (n != before && (proc = opendir("/proc")) != NULL) {
		before = n;
		while ((entry = readdir(proc)) != NULL && n < MAX_PIDS) {
			pid_t pid = (pid_t)atoi(entry->d_name), parent = pid > 0 ? parent_of(entry->d_name) : 0;
			int has_parent = 0, is_known = 0;

			for (size_t i = 0; i < n && parent > 0; i++) {
				has_parent |= pids[i] == parent;
				is_known |= pids[i] == pid;
			}
			if (has_parent && !is_known)
				pids[n++] = pid;
		}
		closedir(proc);
	}
	return n;
}

int64_t proc_tree_cpu_ns(pid_t root)
{
	pid_t pids[MAX_PIDS];
	size_t n = root > 0 ? tree(root, pids) : 0;
	int64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += process_cpu_ns(pids[i]);
	return sum;
}

static int64_t process_pss_kib(pid_t pid)
{
	char path[64], line[256];
	long kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	f = fopen(path, "r");
	if (f == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "Pss: %ld", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

int64_t proc_tree_pss_kib(pid_t root)
{
	pid_t pids[MAX_PIDS];
	size_t n = root > 0 ? tree(root, pids) : 0;
	int64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += process_pss_kib(pids[i]);
	return sum;
}
