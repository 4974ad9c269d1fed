/* core/journal/io.c - the real files under struct yt_io: one folder, reached by its descriptor. */
#include "journal/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct folder {
	_Atomic int fd; /* -1: not there yet */
	char path[];
};

/* The folder's descriptor.  When it does not exist and create is set it is made, and made durable in
 * its parent. */
static int folder_fd(struct folder *f, bool create)
{
	char parent[PATH_MAX];
	int fd = atomic_load(&f->fd), up, none = -1;

	if (fd >= 0)
		return fd;
	fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && create) {
		if (mkdir(f->path, 0700) != 0 && errno != EEXIST)
			return -1;
		if (snprintf(parent, sizeof(parent), "%s/..", f->path) >= (int)sizeof(parent)) {
			errno = ENAMETOOLONG;
			return -1;
		}
		up = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (up < 0 || fsync(up) != 0) {
			if (up >= 0)
				close(up);
			return -1;
		}
		close(up);
		fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd >= 0 && !atomic_compare_exchange_strong(&f->fd, &none, fd)) {
		close(fd); /* another thread was first */
		fd = none;
	}
	return fd;
}

static int io_open(void *ctx, const char *path, int flags, int mode)
{
	int dir = folder_fd(ctx, (flags & O_CREAT) != 0);

	return dir < 0 ? -1 : openat(dir, path, flags | O_CLOEXEC | O_NOFOLLOW, mode);
}

static int io_close(void *ctx, int fd)
{
	return close(fd);
}

static int64_t io_pread(void *ctx, int fd, void *buf, size_t n, int64_t off)
{
	ssize_t got;

	do
		got = pread(fd, buf, n, off);
	while (got < 0 && errno == EINTR);
	return got;
}

static int64_t io_pwrite(void *ctx, int fd, const void *buf, size_t n, int64_t off)
{
	ssize_t done;

	do
		done = pwrite(fd, buf, n, off);
	while (done < 0 && errno == EINTR);
	return done;
}

static int io_fdatasync(void *ctx, int fd)
{
	return fdatasync(fd);
}

static int io_ftruncate(void *ctx, int fd, int64_t size)
{
	return ftruncate(fd, size);
}

static int64_t io_size(void *ctx, int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_size : -1;
}

static int io_rename(void *ctx, const char *from, const char *to)
{
	int dir = folder_fd(ctx, false);

	return dir < 0 ? -1 : renameat(dir, from, dir, to);
}

static int io_unlink(void *ctx, const char *path)
{
	int dir = folder_fd(ctx, false);

	return dir < 0 ? -1 : unlinkat(dir, path, 0);
}

static int io_sync_dir(void *ctx)
{
	int dir = folder_fd(ctx, true);

	return dir < 0 ? -1 : fsync(dir);
}

static int io_list(void *ctx, void (*each)(void *arg, const char *name), void *arg)
{
	int dir = folder_fd(ctx, false), fd;
	struct dirent *entry;
	DIR *stream;

	if (dir < 0)
		return errno == ENOENT ? 0 : -1;                   /* not there yet: nothing in it */
	fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* a place of its own in the list */
	stream = fd < 0 ? NULL : fdopendir(fd);
	if (stream == NULL) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (errno = 0, (entry = readdir(stream)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			each(arg, entry->d_name);
	fd = errno;
	closedir(stream);
	errno = fd;
	return fd == 0 ? 0 : -1;
}

static int io_lock(void *ctx, const char *path)
{
	int fd = io_open(ctx, path, O_RDWR | O_CREAT, 0600), error;

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
		error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

int yt_io_folder(const char *folder, struct yt_io *io)
{
	size_t n = strlen(folder);
	struct folder *f = malloc(sizeof(*f) + n + 1);

	if (f == NULL)
		return YT_ENOMEM;
	atomic_init(&f->fd, -1);
	memcpy(f->path, folder, n + 1);
	if (folder_fd(f, false) < 0 && errno != ENOENT) {
		free(f);
		return YT_EIO;
	}
	*io = (struct yt_io){ .ctx = f,
		.open = io_open,
		.close = io_close,
		.pread = io_pread,
		.pwrite = io_pwrite,
		.fdatasync = io_fdatasync,
		.ftruncate = io_ftruncate,
		.size = io_size,
		.rename = io_rename,
		.unlink = io_unlink,
		.sync_dir = io_sync_dir,
		.list = io_list,
		.lock = io_lock };
	return 0;
}

void yt_io_close(struct yt_io *io)
{
	struct folder *f = io->ctx;

	if (f == NULL)
		return;
	if (atomic_load(&f->fd) >= 0)
		close(atomic_load(&f->fd));
	free(f);
	io->ctx = NULL;
}
