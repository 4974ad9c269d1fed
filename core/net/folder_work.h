/* core/net/folder_work.h - what a watched folder does to the disk; in the thread pool, for folder.c alone. */
#ifndef YT_NET_FOLDER_WORK_H
#define YT_NET_FOLDER_WORK_H

#include "net/files.h"
#include "net/folder.h"

/* What makes a file the same at two looks. */
struct folder_stamp {
	uint64_t size, inode;
	int64_t changed_ns;
};

struct folder_entry {
	char name[FILES_NAME_MAX + 1];
	struct folder_stamp stamp;
	bool is_taken; /* it lies in taken already */
};

struct folder_listing {
	int lock; /* in: descriptor of taken that holds the lock, or -1; out as well */
	bool is_locked;
	struct folder_entry *entry; /* by name, those in taken first; the caller's to free */
	size_t n;
	uint32_t n_strange; /* files that stay where they are, as their names are not plain */
	char why[300];      /* empty: all is well */
};
void folder_look(const char *path, struct folder_listing *listing);

struct folder_reading {
	struct folder_entry entry;
	size_t most;
	struct yt_buf octets;
	int rv; /* 0; -EFBIG; other -errno, -EAGAIN: it changed meanwhile */
};
/* Where it stands; it is not moved. */
void folder_read(const char *path, struct folder_reading *reading);
/* Moves what was read to taken, unless it changed meanwhile: -EAGAIN; or -errno.  0 also if it lies there. */
int folder_claim(const char *path, const struct folder_entry *entry);
/* From taken to done or refused; there is one of that name with other octets: as NAME.1 and so on.  0 or -errno. */
int folder_put_away(const char *path, const char *name, bool is_refused, struct yt_str why);

#endif
