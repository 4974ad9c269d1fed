/* core/net/folder_work.c - see folder_work.h. */
#include "net/folder_work.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	NAMES_MAX = 1000,    /* of files that were put away under one name */
	SAME_MAX = 64 << 20, /* larger ones are never looked at whether they are the same: limits.body_kib ends here */
};

static bool stamp_of(int folder, const char *name, struct folder_stamp *stamp)
{
	struct stat st;

	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
		return false;
	*stamp = (struct folder_stamp){ (uint64_t)st.st_size, st.st_ino,
		(int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec };
	return true;
}

/* ---- looking ---- */

static void add(struct folder_listing *l, int folder, const char *name, bool is_taken)
{
	struct folder_entry *e = &l->entry[l->n];

	if (files_name_is_unfinished(name))
		return;
	if (!files_name_is_plain(yt_str(name))) {
		l->n_strange++;
		return;
	}
	if (!stamp_of(folder, name, &e->stamp))
		return; /* gone, or no file */
	snprintf(e->name, sizeof(e->name), "%s", name);
	e->is_taken = is_taken;
	l->n++;
}

static void list(struct folder_listing *l, const char *path, const char *name, bool is_taken)
{
	int fd = files_folder(path, name);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *d;

	if (dir == NULL) {
		snprintf(l->why, sizeof(l->why), "folder %.200s/%s cannot be used: %s", path, name,
		        strerror(fd < 0 ? -fd : errno));
		if (fd >= 0)
			close(fd);
		return;
	}
	while (l->n < FOLDER_LISTED_MAX && (d = readdir(dir)) != NULL)
		add(l, fd, d->d_name, is_taken);
	closedir(dir);
}

static int by_name(const void *a, const void *b)
{
	const struct folder_entry *x = a, *y = b;

	return x->is_taken != y->is_taken ? y->is_taken - x->is_taken : strcmp(x->name, y->name);
}

/* Ours as long as the descriptor is open, in this process alone. */
static bool take_lock(struct folder_listing *l, const char *path)
{
	if (l->lock >= 0)
		return true;
	l->lock = files_folder(path, "taken");
	if (l->lock < 0) {
		snprintf(l->why, sizeof(l->why), "folder %.200s/taken cannot be used: %s", path, strerror(-l->lock));
		l->lock = -1;
		return false;
	}
	if (flock(l->lock, LOCK_EX | LOCK_NB) == 0)
		return true;
	close(l->lock);
	l->lock = -1;
	return false; /* another one works here */
}

void folder_look(const char *path, struct folder_listing *l)
{
	l->entry = NULL;
	l->n = l->n_strange = 0;
	l->why[0] = '\0';
	l->is_locked = take_lock(l, path);
	if (!l->is_locked)
		return;
	l->entry = calloc(FOLDER_LISTED_MAX, sizeof(*l->entry));
	if (l->entry == NULL) {
		snprintf(l->why, sizeof(l->why), "out of memory");
		return;
	}
	list(l, path, "taken", true);
	list(l, path, "in", false);
	qsort(l->entry, l->n, sizeof(*l->entry), by_name);
}

/* ---- one file ---- */

static bool is_same(const struct folder_stamp *a, const struct folder_stamp *b)
{
	return a->size == b->size && a->inode == b->inode && a->changed_ns == b->changed_ns;
}

void folder_read(const char *path, struct folder_reading *r)
{
	int folder = files_folder(path, r->entry.is_taken ? "taken" : "in");
	struct folder_stamp now;

	if (folder < 0) {
		r->rv = folder;
		return;
	}
	r->rv = files_read(folder, r->entry.name, r->most, &r->octets);
	if (r->rv == 0 && (!stamp_of(folder, r->entry.name, &now) || !is_same(&now, &r->entry.stamp)))
		r->rv = -EAGAIN;
	close(folder);
}

static int open_two(const char *path, const char *a, const char *b, int fd[2])
{
	fd[0] = files_folder(path, a);
	if (fd[0] < 0)
		return fd[0];
	fd[1] = files_folder(path, b);
	if (fd[1] >= 0)
		return 0;
	close(fd[0]);
	return fd[1];
}

static void close_two(const int fd[2])
{
	close(fd[0]);
	close(fd[1]);
}

/* Afterwards nobody can put another file there under this name; a writer who still has it open is found out by its
 * stamp. */
int folder_claim(const char *path, const struct folder_entry *e)
{
	struct folder_stamp now;
	int fd[2], rv;

	if (e->is_taken)
		return 0;
	rv = open_two(path, "in", "taken", fd);
	if (rv != 0)
		return rv;
	rv = files_place(fd[0], e->name, fd[1], e->name);
	if (rv == 0 && (!stamp_of(fd[1], e->name, &now) || !is_same(&now, &e->stamp)))
		rv = -EAGAIN; /* read anew from taken */
	close_two(fd);
	return rv;
}

/* ---- putting away ---- */

/* 1: the same file lies there already. */
static int place_once(const int fd[2], const char *name, const char *as)
{
	struct yt_buf is = { 0 };
	int rv = files_place(fd[0], name, fd[1], as);

	if (rv != -EEXIST)
		return rv;
	if (files_read(fd[0], name, SAME_MAX, &is) == 0 && files_hold(fd[1], as, yt_buf_view(&is)) == 1)
		rv = unlinkat(fd[0], name, 0) == 0 ? 1 : -errno;
	yt_buf_free(&is);
	return rv;
}

static int place_beside(const int fd[2], const char *name, char as[FILES_NAME_MAX + 16])
{
	int rv = -EEXIST;

	snprintf(as, FILES_NAME_MAX + 16, "%s", name);
	for (int i = 1; rv == -EEXIST && i < NAMES_MAX; i++) {
		rv = place_once(fd, name, as);
		if (rv == -EEXIST)
			snprintf(as, FILES_NAME_MAX + 16, "%s.%d", name, i);
	}
	return rv;
}

int folder_put_away(const char *path, const char *name, bool is_refused, struct yt_str why)
{
	char as[FILES_NAME_MAX + 16], reason[FILES_NAME_MAX + 32];
	int fd[2], rv = open_two(path, "taken", is_refused ? "refused" : "done", fd);

	if (rv != 0)
		return rv;
	rv = place_beside(fd, name, as);
	if (rv >= 0 && is_refused) {
		snprintf(reason, sizeof(reason), "%s.why.txt", as);
		rv = files_write(fd[1], reason, why);
	}
	if (rv >= 0)
		rv = files_sync(fd[1]);
	close_two(fd);
	return rv < 0 ? rv : 0;
}
