/* tests/crash/undo.h - what a power cut would still take back: the file that shim and drop share.
 *
 * crash_shim.c (preloaded into the keeper) notes here, before each effect on a file below the watched
 * folder, how to undo it, and strikes the note out once a sync made the effect durable.  The file is
 * mapped shared, so it outlives SIGKILL.  undo_drop() then plays the power cut: of what is not struck
 * out it takes back a random part, sector by sector and name by name.  The harness steers the shim
 * (when to kill, how far the clock is off) through the head of the same file. */
#ifndef YT_CRASH_UNDO_H
#define YT_CRASH_UNDO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNDO_MAGIC 0x314f444e55545941ull
#define UNDO_BYTES (256u << 20) /* size of the file; sparse */
#define UNDO_SECTOR 512

enum undo_break {                 /* what the shim may be told to get wrong, to see that the harness notices */
	UNDO_BREAK_FILE_SYNC = 1, /* fdatasync and fsync of files make nothing durable */
	UNDO_BREAK_DIR_SYNC = 2   /* fsync of folders makes nothing durable */
};

struct undo_head {
	uint64_t magic;
	_Atomic int64_t clock_step_ms; /* added to the wall clock of every process under the shim */
	_Atomic int64_t kill_in;       /* counts down at every effect; the one that reaches 0 kills itself */
	_Atomic uint32_t kill_after;   /* ... after it was done instead of before */
	_Atomic uint32_t breaks;       /* enum undo_break bits */
	_Atomic uint64_t seed;         /* of the next drop */
	_Atomic uint64_t effects;      /* seen so far */
	_Atomic uint64_t kills;        /* done by kill_in */
	_Atomic uint64_t drops;        /* power cuts played */
	_Atomic uint64_t lost_sectors, lost_names; /* taken back by them */
	_Atomic uint64_t seq;
	_Atomic uint64_t end; /* bytes of entries in use */
	_Atomic uint32_t failed_drops;
	uint32_t zero;
};

enum undo_kind { UNDO_DATA = 1, UNDO_CREATE = 2, UNDO_RENAME = 3, UNDO_UNLINK = 4 };

/* One effect.  DATA: bytes holds the old content of [off, off + n_old), whole sectors; what lies
 * beyond n_old up to n did not exist.  Names: bytes holds the path, and a RENAME's target after it,
 * both with NUL. */
struct undo_entry {
	uint32_t len; /* whole entry, a multiple of 8 */
	uint8_t kind;
	_Atomic uint8_t live;
	uint8_t stashed; /* a link to what was replaced or removed lies in the stash under seq */
	uint8_t zero;
	uint64_t seq;
	uint64_t ino; /* of the file; RENAME: of what was moved */
	uint64_t dir; /* names: inode of the folder whose fsync makes it durable */
	int64_t old_size, off;
	uint64_t n, n_old;
	uint8_t bytes[];
};

/* Maps path, creating it empty; NULL when it cannot. */
struct undo_head *undo_map(const char *path, bool create);
/* The entries in order: *pos starts at 0; NULL at the end. */
struct undo_entry *undo_next(struct undo_head *head, uint64_t *pos);
/* Where a replaced or removed file is kept until its folder is synced: "<state>.stash/<seq>". */
void undo_stash_path(const char *state, uint64_t seq, char *out, size_t size);
/* Plays the power cut on the files below dir and forgets all entries.  -1 when a file could not be
 * put back, which makes the round worthless. */
int undo_drop(struct undo_head *head, const char *state, const char *dir, uint64_t seed);

#endif
