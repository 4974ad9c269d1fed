/* tests/faulty_io.h - a disk in memory under struct yt_io, that fails and forgets as real ones do.
 *
 * What was written is seen by every reader at once (the page cache), but it is on the disk only once
 * fdatasync returned; a name only once sync_dir returned.  A power cut keeps any subset of the unsynced
 * 512-byte sectors and any beginning, or any subset, of the unsynced renames, creates and unlinks.  A failed fdatasync
 * loses some of the sectors and calls them clean, as Linux does. */
#ifndef YT_FAULTY_IO_H
#define YT_FAULTY_IO_H

#include "journal/log.h"

enum faulty_kind {
	FAULTY_ERROR, /* that call fails with an errno; nothing of it is done, or a part of a write */
	FAULTY_KILL   /* the process ends within that call: every call from it on does nothing */
};

enum faulty_end {
	FAULTY_EXIT, /* the process is gone, the page cache lives on */
	FAULTY_POWER /* the machine is off: only the disk is left */
};

struct faulty;

struct faulty *faulty_new(uint64_t seed);
void faulty_free(struct faulty *f);
/* The table over folder 0 or 1 of the disk. */
void faulty_io(struct faulty *f, unsigned folder, struct yt_io *io);

/* The n-th call from now (1: the next) meets the fault.  0: none will. */
void faulty_arm(struct faulty *f, uint64_t n, enum faulty_kind kind, int error);
bool faulty_is_dead(const struct faulty *f);
uint64_t faulty_calls(const struct faulty *f); /* made so far */
/* Calls hook before each call (readers beside a writer); it may make calls of its own. */
void faulty_hook(struct faulty *f, void (*hook)(void *arg), void *arg);
/* Ends the process: descriptors and locks are gone. */
void faulty_end(struct faulty *f, enum faulty_end how);

/* Only these n calls count for faulty_arm(): "open", "pwrite", ... NULL: all. */
void faulty_only(struct faulty *f, const char *call);

/* A file's bytes as any reader sees them, to look at and to damage; NULL: no such file. */
uint8_t *faulty_bytes(struct faulty *f, unsigned folder, const char *name, size_t *n);
/* The disk, not the cache, has these octets anywhere, in a file that still has a name or not. */
bool faulty_on_disk(const struct faulty *f, const void *octets, size_t n);
uint64_t faulty_random(struct faulty *f, uint64_t below);

#endif
