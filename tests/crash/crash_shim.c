/* tests/crash/crash_shim.c - LD_PRELOAD library: stands between the keeper and the kernel's files.
 *
 * Loaded into every process of the gateway by the harness (crash_run.c); watches files only in the one
 * whose first argument is "keeper" (or in any, with YT_SHIM_ALL=1: the shim's own test).
 *   YT_SHIM_DIR    the watched folder, absolute (the journal)
 *   YT_SHIM_STATE  the undo file (undo.h), made by the harness
 * Each effect: note how to undo it - kill if it is the nth - do it - strike out if it was a sync.
 * At the start of a keeper what its predecessor never synced is dropped, before its first open().
 * Not seen: writes by mmap and through stdio; the journal uses neither. */
#include "undo.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define MAX_FD 4096
#define SHIM __attribute__((visibility("default")))

static struct undo_head *head; /* NULL: not set up, do nothing */
static bool watching;          /* this process is the keeper */
static char dir[PATH_MAX], state[PATH_MAX];
static size_t dir_len;
static _Atomic uint64_t watched[MAX_FD]; /* inode of a watched open file or folder, 0 otherwise */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* --- which files ------------------------------------------------------------------------- */

static bool is_below(const char *path)
{
	return strncmp(path, dir, dir_len) == 0 && (path[dir_len] == '\0' || path[dir_len] == '/');
}

static bool path_of_fd(int fd, char out[PATH_MAX])
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, out, PATH_MAX - 1);
	if (n <= 0)
		return false;
	out[n] = '\0';
	return true;
}

/* path as seen from the folder fd `at`, made absolute; false when it is not below the watched one. */
static bool full_path(int at, const char *path, char out[PATH_MAX])
{
	char base[PATH_MAX] = "";

	if (path[0] != '/' && !(at == AT_FDCWD ? getcwd(base, sizeof(base)) != NULL : path_of_fd(at, base)))
		return false;
	if (snprintf(out, PATH_MAX, "%s%s%s", base, path[0] == '/' ? "" : "/", path) >= PATH_MAX)
		return false;
	return is_below(out);
}

static uint64_t fd_inode(int fd)
{
	return watching && fd >= 0 && fd < MAX_FD ? atomic_load(&watched[fd]) : 0;
}

static uint64_t path_inode(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 ? (uint64_t)st.st_ino : 0;
}

static uint64_t folder_inode(const char *path)
{
	char copy[PATH_MAX];
	char *slash;

	snprintf(copy, sizeof(copy), "%s", path);
	slash = strrchr(copy, '/');
	if (slash == NULL)
		return 0;
	*slash = '\0';
	return path_inode(copy);
}

/* --- notes ------------------------------------------------------------------------------- */

static void strike_out(struct undo_entry *e)
{
	char stash[PATH_MAX + 32];

	e->live = 0;
	if (!e->stashed)
		return;
	undo_stash_path(state, e->seq, stash, sizeof(stash));
	syscall(SYS_unlinkat, AT_FDCWD, stash, 0);
}

/* Room for one entry of n bytes; NULL when even an empty file has none.  A full file counts as
 * written back by the kernel, which it may do at any time.  Caller holds the lock. */
static struct undo_entry *entry_room(size_t n)
{
	uint64_t len = (sizeof(struct undo_entry) + n + 7) & ~7ull, pos = 0;
	struct undo_entry *e;

	if (len > UNDO_BYTES / 2)
		return NULL;
	if (sizeof(*head) + head->end + len > UNDO_BYTES) {
		while ((e = undo_next(head, &pos)) != NULL)
			strike_out(e);
		head->end = 0;
	}
	e = (struct undo_entry *)(void *)((uint8_t *)(head + 1) + head->end);
	memset(e, 0, sizeof(*e));
	e->len = (uint32_t)len;
	e->seq = ++head->seq;
	e->live = 1;
	return e;
}

/* The entry counts from here on: a kill before leaves it out as a whole. */
static void entry_done(struct undo_entry *e)
{
	atomic_thread_fence(memory_order_release);
	atomic_fetch_add(&head->end, e->len);
}

/* Notes that [off, off + n) of fd is about to change, or to be cut off. */
static void note_data(int fd, uint64_t ino, int64_t off, uint64_t n)
{
	struct undo_entry *e;
	struct stat st;
	int64_t from = off & ~(int64_t)(UNDO_SECTOR - 1);
	uint64_t whole = ((uint64_t)(off - from) + n + UNDO_SECTOR - 1) & ~(uint64_t)(UNDO_SECTOR - 1), old = 0;
	ssize_t got;
	int read_fd;
	char path[64];

	if (fstat(fd, &st) != 0 || n == 0)
		return;
	if (st.st_size > from)
		old = (uint64_t)(st.st_size - from) < whole ? (uint64_t)(st.st_size - from) : whole;
	pthread_mutex_lock(&lock);
	e = entry_room(old);
	if (e != NULL) {
		e->kind = UNDO_DATA;
		e->ino = ino;
		e->old_size = st.st_size;
		e->off = from;
		e->n = whole;
		/* A second descriptor: fd may be open for writing only. */
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		read_fd = old == 0 ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
		got = read_fd < 0 ? 0 : pread(read_fd, e->bytes, old, from);
		e->n_old = got > 0 ? (uint64_t)got : 0;
		if (read_fd >= 0)
			syscall(SYS_close, read_fd);
		entry_done(e);
	}
	pthread_mutex_unlock(&lock);
}

/* Notes a change of names, keeping a link to what is about to lose its name (keep, or NULL). */
static void note_name(enum undo_kind kind, const char *path, const char *target, uint64_t ino, const char *keep)
{
	size_t n_path = strlen(path) + 1, n_target = strlen(target) + 1;
	char stash[PATH_MAX + 32];
	struct undo_entry *e;

	pthread_mutex_lock(&lock);
	e = entry_room(n_path + n_target);
	if (e != NULL) {
		e->kind = (uint8_t)kind;
		e->ino = ino;
		e->dir = folder_inode(kind == UNDO_RENAME ? target : path);
		memcpy(e->bytes, path, n_path);
		memcpy(e->bytes + n_path, target, n_target);
		undo_stash_path(state, e->seq, stash, sizeof(stash));
		e->stashed = keep != NULL && syscall(SYS_linkat, AT_FDCWD, keep, AT_FDCWD, stash, 0) == 0;
		entry_done(e);
	}
	pthread_mutex_unlock(&lock);
}

/* A new file: old notes about its inode number were about another file. */
static void forget_data(uint64_t ino)
{
	struct undo_entry *e;

	pthread_mutex_lock(&lock);
	for (uint64_t pos = 0; (e = undo_next(head, &pos)) != NULL;)
		if (e->kind == UNDO_DATA && e->ino == ino)
			e->live = 0;
	pthread_mutex_unlock(&lock);
}

/* fd was synced: all of its effects numbered up to seq are durable. */
static void note_synced(uint64_t ino, uint64_t seq)
{
	struct undo_entry *e;
	bool any = false;

	pthread_mutex_lock(&lock);
	for (uint64_t pos = 0; (e = undo_next(head, &pos)) != NULL;) {
		bool is_data = e->kind == UNDO_DATA;
		uint32_t broken = is_data ? UNDO_BREAK_FILE_SYNC : UNDO_BREAK_DIR_SYNC;

		if (e->live && e->seq <= seq && (is_data ? e->ino : e->dir) == ino && !(head->breaks & broken))
			strike_out(e);
		any = any || e->live;
	}
	if (!any)
		head->end = 0;
	pthread_mutex_unlock(&lock);
}

/* --- the nth effect ---------------------------------------------------------------------- */

static void die_if(bool due)
{
	if (!due)
		return;
	head->kills++;
	syscall(SYS_kill, getpid(), SIGKILL);
}

/* Before an effect; true when the process has to die right after it. */
static bool effect_begins(void)
{
	int64_t left = head->kill_in;

	head->effects++;
	while (left > 0 && !atomic_compare_exchange_weak(&head->kill_in, &left, left - 1))
		;
	if (left != 1)
		return false;
	die_if(!head->kill_after);
	return true;
}

#define EFFECT(result, call)                                                                                           \
	do {                                                                                                           \
		bool dies_after_ = effect_begins();                                                                    \
		(result) = (call);                                                                                     \
		die_if(dies_after_);                                                                                   \
	} while (0)

/* --- set-up ------------------------------------------------------------------------------ */

__attribute__((constructor)) static void shim_start(int argc, char **argv)
{
	const char *watch = getenv("YT_SHIM_DIR"), *file = getenv("YT_SHIM_STATE");
	char stash[PATH_MAX + 32];

	if (watch == NULL || file == NULL)
		return;
	snprintf(dir, sizeof(dir), "%s", watch);
	snprintf(state, sizeof(state), "%s", file);
	dir_len = strlen(dir);
	head = undo_map(state, false);
	if (head == NULL) {
		fprintf(stderr, "crash_shim: cannot map %s\n", state);
		abort();
	}
	watching = getenv("YT_SHIM_ALL") != NULL || (argc > 1 && strcmp(argv[1], "keeper") == 0);
	if (!watching)
		return;
	snprintf(stash, sizeof(stash), "%s.stash", state);
	syscall(SYS_mkdirat, AT_FDCWD, stash, 0700);
	if (head->end > 0 && undo_drop(head, state, dir, head->seed++) != 0)
		fprintf(stderr, "crash_shim: a drop failed\n");
}

/* --- files ------------------------------------------------------------------------------- */

static int shim_open(int at, const char *path, int flags, mode_t mode)
{
	char full[PATH_MAX];
	struct stat st;
	bool ours = watching && full_path(at, path, full), is_new;
	int fd;

	if (!ours)
		return (int)syscall(SYS_openat, at, path, flags, mode);
	is_new = (flags & O_CREAT) && path_inode(full) == 0;
	if ((flags & O_TRUNC) && !is_new && stat(full, &st) == 0 && st.st_size > 0) {
		fd = (int)syscall(SYS_openat, AT_FDCWD, full, O_RDONLY | O_CLOEXEC, 0);
		if (fd >= 0) {
			note_data(fd, (uint64_t)st.st_ino, 0, (uint64_t)st.st_size);
			syscall(SYS_close, fd);
		}
	}
	if (is_new || (flags & O_TRUNC))
		EFFECT(fd, (int)syscall(SYS_openat, at, path, flags, mode));
	else
		fd = (int)syscall(SYS_openat, at, path, flags, mode);
	if (fd < 0 || fd >= MAX_FD || fstat(fd, &st) != 0)
		return fd;
	atomic_store(&watched[fd], (uint64_t)st.st_ino);
	if (is_new) {
		forget_data((uint64_t)st.st_ino);
		note_name(UNDO_CREATE, full, "", (uint64_t)st.st_ino, NULL);
	}
	return fd;
}

static mode_t mode_of(int flags, va_list args)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

#define OPEN_LIKE(name)                                                                                                \
	SHIM int name(const char *path, int flags, ...)                                                                \
	{                                                                                                              \
		va_list args;                                                                                          \
		mode_t mode;                                                                                           \
                                                                                                                       \
		va_start(args, flags);                                                                                 \
		mode = mode_of(flags, args);                                                                           \
		va_end(args);                                                                                          \
		return shim_open(AT_FDCWD, path, flags, mode);                                                         \
	}
#define OPENAT_LIKE(name)                                                                                              \
	SHIM int name(int at, const char *path, int flags, ...)                                                        \
	{                                                                                                              \
		va_list args;                                                                                          \
		mode_t mode;                                                                                           \
                                                                                                                       \
		va_start(args, flags);                                                                                 \
		mode = mode_of(flags, args);                                                                           \
		va_end(args);                                                                                          \
		return shim_open(at, path, flags, mode);                                                               \
	}
OPEN_LIKE(open)
OPEN_LIKE(open64)
OPENAT_LIKE(openat)
OPENAT_LIKE(openat64)

SHIM int creat(const char *path, mode_t mode)
{
	return shim_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

SHIM int close(int fd)
{
	if (fd >= 0 && fd < MAX_FD)
		atomic_store(&watched[fd], 0);
	return (int)syscall(SYS_close, fd);
}

static int64_t write_at(int fd)
{
	struct stat st;

	if ((fcntl(fd, F_GETFL) & O_APPEND) && fstat(fd, &st) == 0)
		return st.st_size;
	return lseek(fd, 0, SEEK_CUR);
}

/* A descriptor opened with O_DSYNC or O_SYNC: each write is durable when it returns. */
static void written(int fd, uint64_t ino)
{
	if (fcntl(fd, F_GETFL) & O_DSYNC)
		note_synced(ino, head->seq);
}

static ssize_t shim_pwritev(int fd, const struct iovec *iov, int n, int64_t off, bool positioned)
{
	uint64_t ino = fd_inode(fd), bytes = 0;
	ssize_t rv;

	if (ino == 0)
		return positioned ? syscall(SYS_pwritev, fd, iov, n, (long)off, 0L) : syscall(SYS_writev, fd, iov, n);
	for (int i = 0; i < n; i++)
		bytes += iov[i].iov_len;
	note_data(fd, ino, positioned ? off : write_at(fd), bytes);
	EFFECT(rv, positioned ? syscall(SYS_pwritev, fd, iov, n, (long)off, 0L) : syscall(SYS_writev, fd, iov, n));
	written(fd, ino);
	return rv;
}

SHIM ssize_t write(int fd, const void *buf, size_t n)
{
	if (fd_inode(fd) == 0)
		return syscall(SYS_write, fd, buf, n);
	return shim_pwritev(fd, &(struct iovec){ (void *)(uintptr_t)buf, n }, 1, 0, false);
}

SHIM ssize_t writev(int fd, const struct iovec *iov, int n)
{
	return shim_pwritev(fd, iov, n, 0, false);
}

SHIM ssize_t pwrite(int fd, const void *buf, size_t n, off_t off)
{
	if (fd_inode(fd) == 0)
		return syscall(SYS_pwrite64, fd, buf, n, (long)off);
	return shim_pwritev(fd, &(struct iovec){ (void *)(uintptr_t)buf, n }, 1, off, true);
}

SHIM ssize_t pwrite64(int fd, const void *buf, size_t n, off64_t off)
{
	return pwrite(fd, buf, n, off);
}

SHIM ssize_t pwritev(int fd, const struct iovec *iov, int n, off_t off)
{
	return shim_pwritev(fd, iov, n, off, true);
}

SHIM ssize_t pwritev64(int fd, const struct iovec *iov, int n, off64_t off)
{
	return shim_pwritev(fd, iov, n, off, true);
}

SHIM int ftruncate(int fd, off_t size)
{
	uint64_t ino = fd_inode(fd);
	struct stat st;
	int rv;

	if (ino == 0 || fstat(fd, &st) != 0)
		return (int)syscall(SYS_ftruncate, fd, (long)size);
	if (size < st.st_size)
		note_data(fd, ino, size, (uint64_t)(st.st_size - size));
	else if (size > st.st_size)
		note_data(fd, ino, st.st_size, (uint64_t)(size - st.st_size));
	EFFECT(rv, (int)syscall(SYS_ftruncate, fd, (long)size));
	return rv;
}

SHIM int ftruncate64(int fd, off64_t size)
{
	return ftruncate(fd, size);
}

SHIM int fallocate(int fd, int mode, off_t off, off_t len)
{
	uint64_t ino = fd_inode(fd);
	int rv;

	if (ino == 0)
		return (int)syscall(SYS_fallocate, fd, mode, (long)off, (long)len);
	note_data(fd, ino, off, (uint64_t)len);
	EFFECT(rv, (int)syscall(SYS_fallocate, fd, mode, (long)off, (long)len));
	return rv;
}

SHIM int fallocate64(int fd, int mode, off64_t off, off64_t len)
{
	return fallocate(fd, mode, off, len);
}

SHIM int posix_fallocate(int fd, off_t off, off_t len)
{
	return fallocate(fd, 0, off, len) == 0 ? 0 : errno;
}

SHIM int posix_fallocate64(int fd, off64_t off, off64_t len)
{
	return posix_fallocate(fd, off, len);
}

static int shim_sync(int fd, long number)
{
	uint64_t ino = fd_inode(fd), seq;
	int rv;

	if (ino == 0)
		return (int)syscall(number, fd);
	seq = head->seq; /* what other threads write from here on may or may not be covered: it is not */
	EFFECT(rv, (int)syscall(number, fd));
	if (rv == 0)
		note_synced(ino, seq);
	return rv;
}

SHIM int fsync(int fd)
{
	return shim_sync(fd, SYS_fsync);
}

SHIM int fdatasync(int fd)
{
	return shim_sync(fd, SYS_fdatasync);
}

/* --- names ------------------------------------------------------------------------------- */

SHIM int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags)
{
	char full_from[PATH_MAX], full_to[PATH_MAX];
	bool ours = watching && full_path(from_at, from, full_from) && full_path(to_at, to, full_to);
	int rv;

	if (!ours)
		return (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
	note_name(UNDO_RENAME, full_from, full_to, path_inode(full_from), path_inode(full_to) ? full_to : NULL);
	EFFECT(rv, (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags));
	return rv;
}

SHIM int renameat(int from_at, const char *from, int to_at, const char *to)
{
	return renameat2(from_at, from, to_at, to, 0);
}

SHIM int rename(const char *from, const char *to)
{
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

SHIM int unlinkat(int at, const char *path, int flags)
{
	char full[PATH_MAX];
	int rv;

	if (!watching || (flags & AT_REMOVEDIR) || !full_path(at, path, full))
		return (int)syscall(SYS_unlinkat, at, path, flags);
	note_name(UNDO_UNLINK, full, "", path_inode(full), full);
	EFFECT(rv, (int)syscall(SYS_unlinkat, at, path, flags));
	return rv;
}

SHIM int unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

/* --- the wall clock ---------------------------------------------------------------------- */

SHIM int clock_gettime(clockid_t id, struct timespec *out)
{
	int rv = (int)syscall(SYS_clock_gettime, id, out);
	int64_t step_ms = head == NULL ? 0 : head->clock_step_ms, ns;

	if (rv != 0 || step_ms == 0 || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE))
		return rv;
	ns = (int64_t)out->tv_nsec + step_ms % 1000 * 1000000;
	out->tv_sec += step_ms / 1000 + (ns < 0 ? -1 : ns >= 1000000000);
	out->tv_nsec = ns < 0 ? ns + 1000000000 : ns % 1000000000;
	return 0;
}

SHIM int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	out->tv_sec = now.tv_sec;
	out->tv_usec = now.tv_nsec / 1000;
	return 0;
}

SHIM time_t time(time_t *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (out != NULL)
		*out = now.tv_sec;
	return now.tv_sec;
}
