/* tests/faulty_io.c - the disk in memory behind the tests of the journal. */
#include "faulty_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR 512
#define N_FDS 64
#define N_NAMES 256
#define N_FOLDERS 2

struct inode {
	struct inode *next;
	uint8_t *cache, *disk; /* both of cap bytes */
	bool *dirty;           /* per sector */
	size_t size, disk_size, cap;
};

struct name {
	char text[64];
	struct inode *inode;
};

struct names {
	struct name at[N_NAMES];
	size_t n;
};

struct change {                /* of the folder, not synced yet */
	char from[64], to[64]; /* from empty: create; to empty: unlink */
	struct inode *inode;
};

struct folder {
	struct faulty *f;
	struct names now, disk;
	struct change changes[N_NAMES];
	size_t n_changes;
	bool locked;
};

struct faulty {
	struct folder folders[N_FOLDERS];
	struct inode *inodes;
	struct {
		struct inode *inode;
		struct folder *locks;
	} fds[N_FDS];
	uint64_t random, calls, countdown;
	enum faulty_kind kind;
	int error;
	bool dead, in_hook;
	const char *only;
	void (*hook)(void *arg);
	void *hook_arg;
};

uint64_t faulty_random(struct faulty *f, uint64_t below)
{
	uint64_t z = f->random += 0x9e3779b97f4a7c15u; /* splitmix64 */

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (z ^ z >> 31) % below;
}

static void *need(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

struct faulty *faulty_new(uint64_t seed)
{
	struct faulty *f = need(calloc(1, sizeof(*f)));

	f->random = seed;
	for (size_t i = 0; i < N_FOLDERS; i++)
		f->folders[i].f = f;
	return f;
}

void faulty_free(struct faulty *f)
{
	struct inode *i, *next;

	for (i = f->inodes; i != NULL; i = next) {
		next = i->next;
		free(i->cache);
		free(i->disk);
		free(i->dirty);
		free(i);
	}
	free(f);
}

void faulty_arm(struct faulty *f, uint64_t n, enum faulty_kind kind, int error)
{
	f->countdown = n;
	f->kind = kind;
	f->error = error;
	f->only = NULL;
}

void faulty_only(struct faulty *f, const char *call)
{
	f->only = call;
}

bool faulty_is_dead(const struct faulty *f)
{
	return f->dead;
}

uint64_t faulty_calls(const struct faulty *f)
{
	return f->calls;
}

void faulty_hook(struct faulty *f, void (*hook)(void *arg), void *arg)
{
	f->hook = hook;
	f->hook_arg = arg;
}

enum meets { MEETS_NOTHING, MEETS_FAULT, MEETS_DEATH };

/* Counts the call; tells what it meets. */
static enum meets meet(struct faulty *f, const char *call)
{
	if (f->hook != NULL && !f->in_hook) {
		f->in_hook = true;
		f->hook(f->hook_arg);
		f->in_hook = false;
	}
	errno = EIO;
	if (f->dead)
		return MEETS_DEATH;
	f->calls++;
	if (f->countdown == 0 || (f->only != NULL && strcmp(f->only, call) != 0) || --f->countdown > 0)
		return MEETS_NOTHING;
	if (f->kind == FAULTY_KILL)
		f->dead = true;
	else
		errno = f->error;
	return MEETS_FAULT;
}

static struct name *find(struct names *names, const char *text)
{
	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->at[i].text, text) == 0)
			return &names->at[i];
	return NULL;
}

/* Takes a change of the folder into a set of names. */
static void apply(struct names *names, const struct change *c)
{
	struct name *from = find(names, c->from), *to;

	if (c->from[0] != '\0' && from == NULL)
		return; /* what made that name was lost */
	if (from != NULL)
		*from = names->at[--names->n];
	if (c->to[0] == '\0')
		return;
	to = find(names, c->to);
	if (to == NULL) {
		if (names->n == N_NAMES)
			abort();
		to = &names->at[names->n++];
		snprintf(to->text, sizeof(to->text), "%s", c->to);
	}
	to->inode = c->inode;
}

static void change(struct folder *folder, const char *from, const char *to, struct inode *inode)
{
	struct change *c;

	if (folder->n_changes == N_NAMES) /* an old one reaches the disk by itself */
		apply(&folder->disk, &folder->changes[0]),
		        memmove(folder->changes, folder->changes + 1, --folder->n_changes * sizeof(*c));
	c = &folder->changes[folder->n_changes++];
	snprintf(c->from, sizeof(c->from), "%s", from);
	snprintf(c->to, sizeof(c->to), "%s", to);
	c->inode = inode;
	apply(&folder->now, c);
}

static int new_fd(struct faulty *f, struct inode *inode, struct folder *locks)
{
	for (int fd = 0; fd < N_FDS; fd++) {
		if (f->fds[fd].inode == NULL) {
			f->fds[fd].inode = inode;
			f->fds[fd].locks = locks;
			return fd;
		}
	}
	abort();
}

static void grow(struct inode *i, size_t size)
{
	size_t cap = i->cap;

	if (size <= cap)
		return;
	i->cap = (size * 2 + SECTOR - 1) / SECTOR * SECTOR;
	i->cache = need(realloc(i->cache, i->cap));
	i->disk = need(realloc(i->disk, i->cap));
	i->dirty = need(realloc(i->dirty, i->cap / SECTOR));
	memset(i->cache + cap, 0, i->cap - cap);
	memset(i->disk + cap, 0, i->cap - cap);
	memset(i->dirty + cap / SECTOR, 0, (i->cap - cap) / SECTOR);
}

static int f_open(void *ctx, const char *path, int flags, int mode)
{
	struct folder *folder = ctx;
	struct faulty *f = folder->f;
	struct inode *inode;
	struct name *name;

	if (meet(f, "open") != MEETS_NOTHING)
		return -1;
	name = find(&folder->now, path);
	if (name == NULL && (flags & O_CREAT) == 0) {
		errno = ENOENT;
		return -1;
	}
	if (name != NULL) {
		inode = name->inode;
		if ((flags & O_TRUNC) != 0)
			inode->size = 0;
		return new_fd(f, inode, NULL);
	}
	inode = need(calloc(1, sizeof(*inode)));
	inode->next = f->inodes;
	f->inodes = inode;
	change(folder, "", path, inode);
	return new_fd(f, inode, NULL);
}

static int f_close(void *ctx, int fd)
{
	struct faulty *f = ((struct folder *)ctx)->f;

	if (f->dead)
		return -1;
	if (f->fds[fd].locks != NULL)
		f->fds[fd].locks->locked = false;
	f->fds[fd].inode = NULL;
	return 0;
}

static int64_t f_pread(void *ctx, int fd, void *buf, size_t n, int64_t off)
{
	struct faulty *f = ((struct folder *)ctx)->f;
	struct inode *i = f->fds[fd].inode;

	if (meet(f, "pread") != MEETS_NOTHING)
		return -1;
	if ((size_t)off >= i->size)
		return 0;
	if (n > i->size - (size_t)off)
		n = i->size - (size_t)off;
	memcpy(buf, i->cache + off, n);
	return (int64_t)n;
}

/* Writes bytes to the cache; a part of them, by whole sectors, when the call meets its end. */
static int64_t f_pwrite(void *ctx, int fd, const void *buf, size_t n, int64_t off)
{
	struct faulty *f = ((struct folder *)ctx)->f;
	struct inode *i = f->fds[fd].inode;
	enum meets met = meet(f, "pwrite");
	size_t at = (size_t)off, end = at + n, next;
	int error = errno;

	if (met == MEETS_DEATH)
		return -1;
	grow(i, end);
	for (; at < end; at = next) {
		next = (at / SECTOR + 1) * SECTOR;
		if (next > end)
			next = end;
		if (met == MEETS_FAULT && faulty_random(f, 2) == 0)
			continue;
		memcpy(i->cache + at, (const uint8_t *)buf + (at - (size_t)off), next - at);
		i->dirty[at / SECTOR] = true;
		if (next > i->size)
			i->size = next;
	}
	errno = error;
	return met == MEETS_NOTHING ? (int64_t)n : -1;
}

static void sector_to_disk(struct inode *i, size_t s)
{
	size_t end = (s + 1) * SECTOR < i->size ? (s + 1) * SECTOR : i->size;

	memcpy(i->disk + s * SECTOR, i->cache + s * SECTOR, SECTOR);
	if (end > i->disk_size)
		i->disk_size = end;
}

static int f_fdatasync(void *ctx, int fd)
{
	struct faulty *f = ((struct folder *)ctx)->f;
	struct inode *i = f->fds[fd].inode;
	enum meets met = meet(f, "fdatasync");
	int error = errno;

	if (met == MEETS_DEATH || (met == MEETS_FAULT && f->dead))
		return -1;
	for (size_t s = 0; s * SECTOR < i->size; s++) {
		if (i->dirty[s] && (met == MEETS_NOTHING || faulty_random(f, 2) == 0))
			sector_to_disk(i, s);
		i->dirty[s] = false; /* also when it failed */
	}
	if (met == MEETS_NOTHING)
		i->disk_size = i->size;
	errno = error;
	return met == MEETS_NOTHING ? 0 : -1;
}

static int f_ftruncate(void *ctx, int fd, int64_t size)
{
	struct faulty *f = ((struct folder *)ctx)->f;
	struct inode *i = f->fds[fd].inode;

	if (meet(f, "ftruncate") != MEETS_NOTHING)
		return -1;
	grow(i, (size_t)size);
	if ((size_t)size < i->size)
		memset(i->cache + size, 0, i->size - (size_t)size);
	i->size = (size_t)size;
	return 0;
}

static int64_t f_size(void *ctx, int fd)
{
	struct faulty *f = ((struct folder *)ctx)->f;

	return meet(f, "size") != MEETS_NOTHING ? -1 : (int64_t)f->fds[fd].inode->size;
}

static int f_rename(void *ctx, const char *from, const char *to)
{
	struct folder *folder = ctx;
	struct name *name;

	if (meet(folder->f, "rename") != MEETS_NOTHING)
		return -1;
	name = find(&folder->now, from);
	if (name == NULL) {
		errno = ENOENT;
		return -1;
	}
	change(folder, from, to, name->inode);
	return 0;
}

static int f_unlink(void *ctx, const char *path)
{
	struct folder *folder = ctx;

	if (meet(folder->f, "unlink") != MEETS_NOTHING)
		return -1;
	if (find(&folder->now, path) == NULL) {
		errno = ENOENT;
		return -1;
	}
	change(folder, path, "", NULL);
	return 0;
}

static int f_sync_dir(void *ctx)
{
	struct folder *folder = ctx;

	if (meet(folder->f, "sync_dir") != MEETS_NOTHING)
		return -1;
	folder->disk = folder->now;
	folder->n_changes = 0;
	return 0;
}

static int f_list(void *ctx, void (*each)(void *arg, const char *name), void *arg)
{
	struct folder *folder = ctx;

	if (meet(folder->f, "list") != MEETS_NOTHING)
		return -1;
	for (size_t i = 0; i < folder->now.n; i++)
		each(arg, folder->now.at[i].text);
	return 0;
}

static int f_lock(void *ctx, const char *path)
{
	struct folder *folder = ctx;
	int fd;

	if (folder->locked) {
		errno = EWOULDBLOCK;
		return -1;
	}
	fd = f_open(ctx, path, O_RDWR | O_CREAT, 0600);
	if (fd >= 0) {
		folder->f->fds[fd].locks = folder;
		folder->locked = true;
	}
	return fd;
}

void faulty_io(struct faulty *f, unsigned folder, struct yt_io *io)
{
	*io = (struct yt_io){ .ctx = &f->folders[folder],
		.open = f_open,
		.close = f_close,
		.pread = f_pread,
		.pwrite = f_pwrite,
		.fdatasync = f_fdatasync,
		.ftruncate = f_ftruncate,
		.size = f_size,
		.rename = f_rename,
		.unlink = f_unlink,
		.sync_dir = f_sync_dir,
		.list = f_list,
		.lock = f_lock };
}

/* What is left of a file: each unsynced sector with a chance of keep in four. */
static void lose_sectors(struct faulty *f, struct inode *i, uint64_t keep)
{
	for (size_t s = 0; s * SECTOR < i->size; s++) {
		if (i->dirty[s] && faulty_random(f, 4) < keep)
			sector_to_disk(i, s);
		i->dirty[s] = false;
	}
	if (i->cap > 0)
		memcpy(i->cache, i->disk, i->cap);
	i->size = i->disk_size;
}

/* A beginning of the folder's unsynced changes is kept, or, as not all file systems keep their order,
 * any subset. */
static void lose_changes(struct faulty *f, struct folder *folder)
{
	bool ordered = faulty_random(f, 2) == 0;
	size_t n = ordered ? faulty_random(f, folder->n_changes + 1) : folder->n_changes;

	for (size_t k = 0; k < n; k++)
		if (ordered || faulty_random(f, 2) == 0)
			apply(&folder->disk, &folder->changes[k]);
}

void faulty_end(struct faulty *f, enum faulty_end how)
{
	uint64_t keep = faulty_random(f, 5);

	memset(f->fds, 0, sizeof(f->fds));
	for (size_t i = 0; i < N_FOLDERS; i++) {
		struct folder *folder = &f->folders[i];

		folder->locked = false;
		if (how == FAULTY_EXIT)
			continue;
		lose_changes(f, folder);
		folder->n_changes = 0;
		folder->now = folder->disk;
	}
	for (struct inode *i = f->inodes; i != NULL && how == FAULTY_POWER; i = i->next)
		lose_sectors(f, i, keep);
	f->dead = false;
	f->countdown = 0;
}

uint8_t *faulty_bytes(struct faulty *f, unsigned folder, const char *name, size_t *n)
{
	struct name *found = find(&f->folders[folder].now, name);

	if (found == NULL)
		return NULL;
	*n = found->inode->size;
	return found->inode->cache;
}

bool faulty_on_disk(const struct faulty *f, const void *octets, size_t n)
{
	for (const struct inode *i = f->inodes; i != NULL; i = i->next)
		for (size_t at = 0; at + n <= i->cap; at++)
			if (memcmp(i->disk + at, octets, n) == 0)
				return true;
	return false;
}
