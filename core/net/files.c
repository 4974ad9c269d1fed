/* core/net/files.c - see files.h. */
#include "net/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

bool files_name_is_plain(struct yt_str name)
{
	if (name.n == 0 || name.n > FILES_NAME_MAX || name.p[0] == '.')
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
		            c == '_' || c == '-'))
			return false;
	}
	return true;
}

bool files_name_is_unfinished(const char *name)
{
	static const char *const ends[] = { ".tmp", ".part", ".filepart", ".writing" };
	size_t n = strlen(name);

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (n > strlen(ends[i]) && strcmp(name + n - strlen(ends[i]), ends[i]) == 0)
			return true;
	return name[0] == '.';
}

int files_folder(const char *path, const char *name)
{
	char whole[4096];
	int fd;

	if ((size_t)snprintf(whole, sizeof(whole), "%s%s%s", path, name == NULL ? "" : "/", name == NULL ? "" : name) >=
	        sizeof(whole))
		return -ENAMETOOLONG;
	fd = open(whole, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int write_all(int fd, struct yt_str octets)
{
	while (octets.n > 0) {
		ssize_t n = write(fd, octets.p, octets.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		octets.p += n;
		octets.n -= (size_t)n;
	}
	return fdatasync(fd) != 0 ? -errno : 0;
}

int files_write(int folder, const char *name, struct yt_str octets)
{
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640), rv;

	if (fd < 0)
		return -errno;
	rv = write_all(fd, octets);
	if (close(fd) != 0 && rv == 0)
		rv = -errno; /* some file systems tell only now that the disk is full */
	if (rv != 0)
		unlinkat(folder, name, 0);
	return rv;
}

int files_read(int folder, const char *name, size_t most, struct yt_buf *out)
{
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), rv = 0;
	size_t from = out->n, n = 0;
	struct stat st;
	uint8_t *p = NULL;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0)
		rv = -errno;
	else if (!S_ISREG(st.st_mode))
		rv = -EINVAL;
	else if ((uint64_t)st.st_size > most)
		rv = -EFBIG;
	else if (st.st_size > 0 && (p = yt_buf_room(out, (size_t)st.st_size)) == NULL)
		rv = -ENOMEM;
	while (rv == 0 && n < (size_t)st.st_size) {
		ssize_t got = read(fd, p + n, (size_t)st.st_size - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			rv = got < 0 ? -errno : -EAGAIN; /* it became shorter meanwhile */
		else
			n += (size_t)got;
	}
	close(fd);
	if (rv != 0)
		out->n = from;
	return rv;
}

int files_hold(int folder, const char *name, struct yt_str octets)
{
	struct yt_buf is = { 0 };
	int rv = files_read(folder, name, octets.n, &is);

	if (rv == 0)
		rv = yt_str_eq(yt_buf_view(&is), octets);
	else if (rv == -EFBIG || rv == -EINVAL || rv == -ELOOP)
		rv = 0; /* something else altogether stands there */
	yt_buf_free(&is);
	return rv;
}

int files_place(int from_folder, const char *from, int to_folder, const char *to)
{
	struct stat there;

	if (renameat2(from_folder, from, to_folder, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	/* File systems such as NFS.  Not by a second link: who dies before the first one is gone leaves both.  Nobody
	 * but us names files there, one process at a time. */
	if (fstatat(to_folder, to, &there, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	if (errno != ENOENT || renameat(from_folder, from, to_folder, to) != 0)
		return -errno;
	return 0;
}

int files_sync(int folder)
{
	return fsync(folder) != 0 ? -errno : 0;
}
