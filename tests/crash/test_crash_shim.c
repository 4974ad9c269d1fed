/* tests/crash/test_crash_shim.c - the crash harness's power cut: what was synced stays, the rest may go.
 *
 * Each row runs crash_victim under crash_shim.so for many seeds, drops what was not synced, and looks at
 * one file: every content it is ever found with must be listed in the row, and all listed ones must turn
 * up.  A shim that loses synced bytes fails the first way, one that loses nothing fails the second. */
#include "undo.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SEEDS 48 /* always the same ones, so the outcome is always the same too */
#define MAX_ENDS 6
#define MAX_WORDS 12

struct victim_case {
	const char *it;             /* completes "a power cut ..." */
	const char *does;           /* the victim's arguments */
	const char *file;           /* looked at afterwards */
	const char *ends[MAX_ENDS]; /* its possible contents, one letter a sector; "-": it is not there */
	int64_t kill_in;            /* the shim kills before this effect; 0: the victim kills itself */
};

static const struct victim_case victim_cases[] = {
	{ "leaves what was synced", "write=f:0:1024:a sync=f syncdir kill", "f", { "aa" }, 0 },
	{ "may take a write back", "write=f:0:512:a sync=f syncdir write=f:0:512:b kill", "f", { "a", "b" }, 0 },
	{ "may take one of two sectors", "write=f:0:1024:a sync=f syncdir write=f:0:1024:b kill", "f",
	        { "aa", "ab", "ba", "bb" }, 0 },
	{ "may fall back to any unsynced content",
	        "write=f:0:512:a sync=f syncdir write=f:0:512:b write=f:0:512:c kill", "f", { "a", "b", "c" }, 0 },
	{ "may take a new file's name", "write=f:0:512:a sync=f kill", "f", { "a", "-" }, 0 },
	{ "may take a rename back", "write=f:0:512:a sync=f syncdir move=f:g kill", "g", { "a", "-" }, 0 },
	{ "leaves a synced rename", "write=f:0:512:a sync=f syncdir move=f:g syncdir kill", "g", { "a" }, 0 },
	{ "may bring the replaced file back", "write=f:0:512:a sync=f write=g:0:512:b sync=g syncdir move=f:g kill",
	        "g", { "a", "b" }, 0 },
	{ "may bring a removed file back", "write=f:0:512:a sync=f syncdir remove=f kill", "f", { "a", "-" }, 0 },
	{ "leaves a synced removal", "write=f:0:512:a sync=f syncdir remove=f syncdir kill", "f", { "-" }, 0 },
	{ "may take a cut back", "write=f:0:1024:a sync=f syncdir cut=f:512 kill", "f", { "a", "aa", "a0" }, 0 },
	{ "makes nothing of a sync of another file",
	        "write=f:0:512:a sync=f write=g:0:512:a syncdir write=f:0:512:b sync=g kill", "f", { "a", "b" }, 0 },
	{ "comes at the nth effect", "new=f syncdir write=f:0:512:a sync=f", "f", { "" }, 3 },
};

static char folder[] = "/tmp/yitong-shim-XXXXXX";
static char state[64], dir[64];

/* Runs a program of the build to its end, in the watched folder, under the shim or not; its status. */
static int run_program(bool shimmed, char *const *argv)
{
	char path[256], preload[256];
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		snprintf(path, sizeof(path), "%s/%s", YT_BIN_DIR, argv[0]);
		snprintf(preload, sizeof(preload), "%s/crash_shim.so", YT_BIN_DIR);
		if (shimmed) {
			setenv("LD_PRELOAD", preload, 1);
			setenv("YT_SHIM_ALL", "1", 1);
			setenv("YT_SHIM_DIR", dir, 1);
			setenv("YT_SHIM_STATE", state, 1);
		}
		if (chdir(dir) == 0 && freopen("/dev/null", "w", stdout) != NULL)
			execv(path, argv);
		_exit(127);
	}
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
	return status;
}

/* One letter a sector: its character when all bytes agree, 0 for zeros, ? for a mixture. */
static void content_of(const char *path, char out[16])
{
	uint8_t sector[512];
	int fd = open(path, O_RDONLY);
	ssize_t n;
	size_t i = 0;

	strcpy(out, "-");
	if (fd < 0)
		return;
	while ((n = read(fd, sector, sizeof(sector))) > 0 && i < 14) {
		out[i] = sector[0] == 0 ? '0' : (char)sector[0];
		for (ssize_t k = 1; k < n; k++)
			if (sector[k] != sector[0])
				out[i] = '?';
		i++;
	}
	out[i] = '\0';
	close(fd);
}

/* An empty folder and an empty undo file. */
static void fresh(int64_t kill_in, int seed)
{
	static const char *const files[] = { "f", "g" };
	struct undo_head *head;
	char path[128];

	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		unlink(path);
	}
	unlink(state);
	head = undo_map(state, true);
	assert_non_null(head);
	head->kill_in = kill_in;
	head->seed = (uint64_t)seed;
	munmap(head, UNDO_BYTES);
}

/* Odd seeds: by the tool.  Even ones: as a restarted keeper does it, before its first open(). */
static void drop(int seed)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", seed);
	if (seed % 2 == 1)
		assert_int_equal(run_program(false, (char *[]){ "crash_drop", dir, state, number, NULL }), 0);
	else
		assert_int_equal(run_program(true, (char *[]){ "crash_victim", NULL }), 0);
}

static void run_victim(const struct victim_case *row, int seed, char content[16])
{
	char words[512], path[128], *argv[MAX_WORDS + 2] = { "crash_victim" }, *rest = words;
	bool listed = false;
	int status;

	snprintf(words, sizeof(words), "%s", row->does);
	for (int i = 1; i <= MAX_WORDS && rest != NULL; i++)
		argv[i] = strsep(&rest, " ");
	fresh(row->kill_in, seed);
	status = run_program(true, argv);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	drop(seed);
	snprintf(path, sizeof(path), "%s/%s", dir, row->file);
	content_of(path, content);
	for (int i = 0; i < MAX_ENDS && row->ends[i] != NULL; i++)
		listed = listed || strcmp(row->ends[i], content) == 0;
	if (!listed)
		fail_msg("seed %d: %s holds \"%s\"", seed, row->file, content);
}

static unsigned found_ends(const struct victim_case *row)
{
	char content[16];
	unsigned seen = 0;

	for (int seed = 1; seed <= SEEDS; seed++) {
		run_victim(row, seed, content);
		for (unsigned i = 0; i < MAX_ENDS && row->ends[i] != NULL; i++)
			if (strcmp(row->ends[i], content) == 0)
				seen |= 1u << i;
	}
	return seen;
}

static void test_victim(void **arg)
{
	const struct victim_case *row = *arg;
	unsigned seen = found_ends(row);

	for (unsigned i = 0; i < MAX_ENDS && row->ends[i] != NULL; i++)
		if (!(seen & 1u << i))
			fail_msg("%s was never found as \"%s\"", row->file, row->ends[i]);
}

int main(void)
{
	enum { N = sizeof(victim_cases) / sizeof(victim_cases[0]) };
	struct CMUnitTest tests[N];
	int rv;

	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(state, sizeof(state), "%s/state", folder);
	snprintf(dir, sizeof(dir), "%s/j", folder);
	for (size_t i = 0; i < N; i++)
		tests[i] = (struct CMUnitTest){ victim_cases[i].it, test_victim, NULL, NULL,
			(void *)(uintptr_t)&victim_cases[i] };
	if (mkdir(dir, 0700) != 0)
		return 1;
	rv = cmocka_run_group_tests_name("crash shim", tests, NULL, NULL);
	fresh(0, 0);
	unlink(state);
	snprintf(state + strlen(state), sizeof(state) - strlen(state), ".stash");
	rmdir(state);
	rmdir(dir);
	rmdir(folder);
	return rv;
}
