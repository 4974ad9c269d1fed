/* tests/crash/undo.c - takes back a random part of what was never synced.
 *
 * Called by the shim when a keeper starts (so that no keeper ever sees bytes that a power cut could
 * have taken) and by crash_drop.  Names first, newest first; then, per file, its size; then every
 * 512-byte sector falls back to one of the contents it has had since its last sync.  Speaks to the
 * kernel by syscall(), as it also runs inside the library that replaces write() and its kin. */
#include "undo.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_FILES 4096

struct undo_head *undo_map(const char *path, bool create)
{
	int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0600);
	struct undo_head *head = NULL;

	if (fd < 0)
		return NULL;
	if (!create || syscall(SYS_ftruncate, fd, (long)UNDO_BYTES) == 0)
		head = mmap(NULL, UNDO_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	syscall(SYS_close, fd);
	if (head == NULL || head == MAP_FAILED)
		return NULL;
	if (create)
		head->magic = UNDO_MAGIC;
	if (head->magic == UNDO_MAGIC)
		return head;
	munmap(head, UNDO_BYTES);
	return NULL;
}

struct undo_entry *undo_next(struct undo_head *head, uint64_t *pos)
{
	struct undo_entry *e;

	if (*pos >= atomic_load(&head->end))
		return NULL;
	e = (struct undo_entry *)(void *)((uint8_t *)(head + 1) + *pos);
	*pos += e->len;
	return e;
}

void undo_stash_path(const char *state, uint64_t seq, char *out, size_t size)
{
	snprintf(out, size, "%s.stash/%llu", state, (unsigned long long)seq);
}

/* splitmix64: small, and the same on every machine for the same seed. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* How much of this power cut's unsynced work is lost: all of it, none, or a coin per piece. */
enum mood { LOSE_ALL, LOSE_NONE, LOSE_SOME };

struct drop {
	struct undo_head *head;
	const char *state;
	uint64_t random;
	enum mood mood;
	int rv;
};

static bool is_lost(struct drop *d)
{
	if (d->mood != LOSE_SOME)
		return d->mood == LOSE_ALL;
	return (next_random(&d->random) & 1) != 0;
}

static uint64_t inode_at(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 ? (uint64_t)st.st_ino : 0;
}

static void name_back(struct drop *d, const struct undo_entry *e)
{
	const char *path = (const char *)e->bytes, *target = path + strlen(path) + 1;
	char stash[4200];

	undo_stash_path(d->state, e->seq, stash, sizeof(stash));
	if (e->kind == UNDO_CREATE && inode_at(path) == e->ino) {
		syscall(SYS_unlinkat, AT_FDCWD, path, 0);
	} else if (e->kind == UNDO_RENAME && inode_at(path) == 0 && inode_at(target) == e->ino) {
		syscall(SYS_renameat2, AT_FDCWD, target, AT_FDCWD, path, 0);
		if (e->stashed)
			syscall(SYS_linkat, AT_FDCWD, stash, AT_FDCWD, target, 0);
	} else if (e->kind == UNDO_UNLINK && e->stashed && inode_at(path) == 0) {
		syscall(SYS_linkat, AT_FDCWD, stash, AT_FDCWD, path, 0);
	} else {
		return;
	}
	atomic_fetch_add(&d->head->lost_names, 1);
}

static void names_back(struct drop *d, struct undo_entry **live, size_t n)
{
	char stash[4200];

	for (size_t i = n; i-- > 0;) {
		if (live[i]->kind == UNDO_DATA)
			continue;
		if (is_lost(d))
			name_back(d, live[i]);
		undo_stash_path(d->state, live[i]->seq, stash, sizeof(stash));
		if (live[i]->stashed)
			syscall(SYS_unlinkat, AT_FDCWD, stash, 0);
	}
}

/* nftw() has no argument for its caller: what was found in the folder. */
static struct {
	char *path[MAX_FILES];
	uint64_t ino[MAX_FILES];
	size_t n;
} found;

static int on_file(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)at;
	if (type == FTW_F && found.n < MAX_FILES) {
		found.path[found.n] = strdup(path);
		found.ino[found.n++] = (uint64_t)st->st_ino;
	}
	return 0;
}

struct touch {
	uint64_t sector;
	const struct undo_entry *by;
};

static int by_sector(const void *a, const void *b)
{
	const struct touch *x = a, *y = b;

	if (x->sector != y->sector)
		return x->sector < y->sector ? -1 : 1;
	return x->by->seq < y->by->seq ? -1 : x->by->seq > y->by->seq;
}

/* The old content of one sector before entry e, clipped to size. */
static void sector_back(struct drop *d, int fd, const struct touch *t, int64_t size)
{
	uint8_t old[UNDO_SECTOR] = { 0 };
	int64_t at = (int64_t)t->sector * UNDO_SECTOR;
	uint64_t skip = (uint64_t)(at - t->by->off), n = 0;

	if (skip < t->by->n_old)
		n = t->by->n_old - skip < UNDO_SECTOR ? t->by->n_old - skip : UNDO_SECTOR;
	memcpy(old, t->by->bytes + skip, n);
	n = size - at < UNDO_SECTOR ? (uint64_t)(size - at) : UNDO_SECTOR;
	if (at < size && syscall(SYS_pwrite64, fd, old, n, (long)at) != (long)n)
		d->rv = -1;
	atomic_fetch_add(&d->head->lost_sectors, 1);
}

static void sectors_back(struct drop *d, int fd, struct touch *touches, size_t n, int64_t size)
{
	size_t end;

	qsort(touches, n, sizeof(*touches), by_sector);
	for (size_t i = 0; i < n; i = end) {
		size_t pick;

		for (end = i; end < n && touches[end].sector == touches[i].sector;)
			end++;
		if (!is_lost(d))
			continue;
		pick = d->mood == LOSE_ALL ? 0 : (size_t)(next_random(&d->random) % (end - i));
		sector_back(d, fd, &touches[i + pick], size);
	}
}

static int64_t size_back(struct drop *d, int64_t synced, int64_t now)
{
	int64_t low = synced < now ? synced : now, high = synced < now ? now : synced;
	uint64_t dice = next_random(&d->random);

	if (low == high || d->mood == LOSE_NONE)
		return now;
	if (d->mood == LOSE_ALL)
		return synced;
	return dice % 3 == 0 ? synced : dice % 3 == 1 ? now : low + (int64_t)(dice / 3 % (uint64_t)(high - low + 1));
}

static size_t collect(struct undo_entry **live, size_t n, uint64_t ino, struct touch *out, int64_t *synced)
{
	size_t n_out = 0;

	for (size_t i = 0; i < n; i++) {
		if (live[i]->kind != UNDO_DATA || live[i]->ino != ino)
			continue;
		if (*synced < 0)
			*synced = live[i]->old_size;
		for (uint64_t off = 0; off < live[i]->n; off += UNDO_SECTOR, n_out++)
			if (out != NULL)
				out[n_out] = (struct touch){ ((uint64_t)live[i]->off + off) / UNDO_SECTOR, live[i] };
	}
	return n_out;
}

static void file_back(struct drop *d, const char *path, uint64_t ino, struct undo_entry **live, size_t n)
{
	int64_t synced = -1, size;
	size_t n_touches = collect(live, n, ino, NULL, &synced);
	struct touch *touches;
	struct stat st;
	int fd;

	if (synced < 0)
		return;
	touches = calloc(n_touches + 1, sizeof(*touches));
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
	if (touches == NULL || fd < 0 || fstat(fd, &st) != 0) {
		d->rv = -1;
	} else {
		collect(live, n, ino, touches, &synced);
		size = size_back(d, synced, st.st_size);
		if (size != st.st_size && syscall(SYS_ftruncate, fd, (long)size) != 0)
			d->rv = -1;
		sectors_back(d, fd, touches, n_touches, size);
	}
	if (fd >= 0)
		syscall(SYS_close, fd);
	free(touches);
}

static void drop_all(struct drop *d, const char *dir, struct undo_entry **live, size_t n)
{
	names_back(d, live, n);
	found.n = 0;
	if (nftw(dir, on_file, 16, FTW_PHYS) != 0)
		d->rv = -1;
	for (size_t i = 0; i < found.n; i++) {
		file_back(d, found.path[i], found.ino[i], live, n);
		free(found.path[i]);
	}
}

int undo_drop(struct undo_head *head, const char *state, const char *dir, uint64_t seed)
{
	struct drop d = { .head = head, .state = state, .random = seed };
	struct undo_entry *e, **live = NULL;
	uint64_t dice = next_random(&d.random) % 8;
	size_t n = 0;

	d.mood = dice < 2 ? LOSE_ALL : dice == 2 ? LOSE_NONE : LOSE_SOME;
	for (uint64_t pos = 0; (e = undo_next(head, &pos)) != NULL;)
		n += e->live != 0;
	live = calloc(n + 1, sizeof(*live));
	if (live == NULL)
		return -1;
	n = 0;
	for (uint64_t pos = 0; (e = undo_next(head, &pos)) != NULL;)
		if (e->live)
			live[n++] = e;
	if (n > 0)
		drop_all(&d, dir, live, n);
	free(live);
	atomic_store(&head->end, 0);
	atomic_fetch_add(&head->drops, n > 0);
	atomic_fetch_add(&head->failed_drops, d.rv != 0);
	return d.rv;
}
