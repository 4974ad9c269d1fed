/* core/journal/segment.h - the files the log consists of, and the walk along the commits in them.
 *
 * Segment n is the file seg-<n as 10 digits>.ytj: a 512-byte header, then commits back to back, then
 * what was there before: zeros, or another segment's stale bytes when the file was used again.  Every
 * use of a file has a random stamp, in its header and in each commit, so stale bytes are never taken
 * for commits, and nobody who sends us messages can forge one inside a message.
 *
 *   0 u32 magic  4 u32 CRC32C of bytes 8 to 512  8 u32 version  12 u32 segment  16 u64 stamp
 *  24 u64 bytes  32 u32 flags  then zeros */
#ifndef YT_JOURNAL_SEGMENT_H
#define YT_JOURNAL_SEGMENT_H

#include "journal/commit.h"

#define SEGMENT_MIN (1u << 20)
#define SEGMENT_HEAD 512  /* one sector: the first commit begins after it */
#define SEGMENT_REUSED 1u /* flag: behind the last commit there are stale bytes */

struct segment {
	uint32_t no, flags;
	uint64_t stamp, bytes;
	uint64_t has; /* bytes that the file has, as segment_open() found it: fewer when it was cut short */
};

void segment_name(char out[32], uint32_t no);
static inline log_pos segment_pos(uint32_t no, uint64_t offset)
{
	return (log_pos)no << 32 | offset;
}

/* Numbers of the segments in the folder, ascending; *list is the caller's to free. */
int segment_list(const struct yt_io *io, uint32_t **list, size_t *n);
/* Removes what a crash left half made. */
int segment_remove_parts(const struct yt_io *io);
/* YT_ENOTFOUND: no such file any more; YT_ECORRUPT: its header is not that of segment no (segment->no), or the file is
 * shorter than the header says; YT_EIO. */
int segment_open(const struct yt_io *io, uint32_t no, int flags, int *fd, struct segment *segment);
/* Makes a segment ready for use: written with zeros, synced, then named.  YT_ENOSPC leaves nothing. */
int segment_create(const struct yt_io *io, uint32_t no, uint64_t bytes, struct segment *segment);
/* The same out of a retired one, of the same size: no zeros, its blocks are already there. */
int segment_reuse(const struct yt_io *io, uint32_t old, uint32_t no, uint64_t bytes, struct segment *segment);
/* Writes all n bytes; a full disk is YT_ENOSPC. */
int segment_write(const struct yt_io *io, int fd, const void *p, size_t n, uint64_t off);

/* The walk, commit after commit, over the segments.  It may run beside the writer. */
struct walk {
	const struct yt_io *io;
	struct commit_coder *coder;
	struct log_problem *why;
	uint32_t *list; /* segments */
	size_t n, i;    /* i: where we are */
	int fd;         /* -1: none open */
	struct segment segment;
	uint64_t off; /* of the next commit */
	bool midway;  /* began behind commits that were not read: any number may come first */
	bool alone;   /* nobody writes meanwhile: what vanishes is damage */
	int error;    /* errno of a read that failed: then nothing is the end or damage */
	/* The commit before: */
	uint64_t number; /* 0: none yet */
	uint8_t head[HEAD_LEN];
	struct segment last_segment;
	uint64_t last_off;
	uint32_t last_total;
	/* A part of the file in memory: */
	uint8_t *window;
	uint64_t window_off;
	size_t window_n, window_cap;
};

/* Begins at position from (0: the oldest commit).  YT_ENOTFOUND: that segment is retired, or there
 * is no segment at all; YT_ECORRUPT: one is missing. */
int walk_begin(
        struct walk *w, const struct yt_io *io, struct commit_coder *coder, log_pos from, struct log_problem *why);
/* The next whole commit, borrowed until the next call.  YT_ENOTFOUND: the end; what stands there
 * may be a torn commit.  YT_ECORRUPT, YT_EIO with why. */
int walk_next(struct walk *w, struct commit *commit, const uint8_t **bytes, log_pos *pos);
/* n bytes of the current segment at off, borrowed; NULL when they cannot be had. */
const uint8_t *walk_bytes(struct walk *w, uint64_t off, size_t n);
void walk_end(struct walk *w);
/* Fills why. */
int walk_problem(struct log_problem *why, int rv, uint32_t no, uint64_t off, uint64_t number, const char *fmt, ...)
        YT_PRINTF(6, 7);

#endif
