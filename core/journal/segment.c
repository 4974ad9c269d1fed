/* core/journal/segment.c - makes segment files, and walks from commit to commit through them.
 *
 * log.c prepares, retires and appends through here; recovery, log_scan() and verify.c walk.  The walk
 * decides what is the end of the log and what is damage: only the very last commit may be torn, so a
 * whole commit anywhere behind a bad one is damage.  Beside a running writer such a look can be out of
 * date by the time it is drawn, so before damage is reported the place is read once more. */
#include "journal/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "base/crc32c.h"
#include "journal/octets.h"

#define MAGIC 0x534a5459u /* "YTJS" */
#define VERSION 1
#define CHUNK (256u * 1024) /* bytes read or zeroed at a time */

void segment_name(char out[32], uint32_t no)
{
	snprintf(out, 32, "seg-%010u.ytj", (unsigned)no);
}

int walk_problem(struct log_problem *why, int rv, uint32_t no, uint64_t off, uint64_t number, const char *fmt, ...)
{
	va_list args;

	if (why == NULL)
		return rv;
	*why = (struct log_problem){ .offset = off, .commit_no = number };
	if (no != 0)
		segment_name(why->file, no);
	va_start(args, fmt);
	vsnprintf(why->why, sizeof(why->why), fmt, args);
	va_end(args);
	return rv;
}

/* Which segments there are. */

struct names {
	uint32_t *list;
	size_t n, cap;
	struct yt_buf parts; /* names of *.tmp, each with its NUL */
	bool failed;
};

static void on_name(void *arg, const char *name)
{
	struct names *names = arg;
	char again[32];
	uint32_t no, *grown;
	size_t n = strlen(name);

	if (strncmp(name, "seg-", 4) != 0)
		return;
	if (n > 4 && strcmp(name + n - 4, ".tmp") == 0) {
		yt_buf_add(&names->parts, name, n + 1);
		return;
	}
	no = (uint32_t)strtoul(name + 4, NULL, 10);
	segment_name(again, no);
	if (strcmp(name, again) != 0 || no == 0)
		return;
	if (names->n == names->cap) {
		names->cap = names->cap == 0 ? 64 : names->cap * 2;
		grown = realloc(names->list, names->cap * sizeof(*grown));
		if (grown == NULL) {
			names->failed = true;
			return;
		}
		names->list = grown;
	}
	names->list[names->n++] = no;
}

static int by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

int segment_list(const struct yt_io *io, uint32_t **list, size_t *n)
{
	struct names names = { 0 };
	int rv = io->list(io->ctx, on_name, &names) == 0 ? 0 : YT_EIO;

	if (names.failed)
		rv = YT_ENOMEM;
	yt_buf_free(&names.parts);
	if (rv != 0) {
		free(names.list);
		return rv;
	}
	if (names.n > 0)
		qsort(names.list, names.n, sizeof(*names.list), by_number);
	*list = names.list;
	*n = names.n;
	return 0;
}

int segment_remove_parts(const struct yt_io *io)
{
	struct names names = { 0 };
	int rv = io->list(io->ctx, on_name, &names) == 0 ? 0 : YT_EIO;

	if (names.parts.failed)
		rv = YT_ENOMEM;
	for (size_t at = 0; rv == 0 && at < names.parts.n; at += strlen((char *)names.parts.p + at) + 1)
		if (io->unlink(io->ctx, (char *)names.parts.p + at) != 0)
			rv = YT_EIO;
	yt_buf_free(&names.parts);
	free(names.list);
	return rv;
}

/* Making them. */

int segment_write(const struct yt_io *io, int fd, const void *p, size_t n, uint64_t off)
{
	const uint8_t *at = p;

	while (n > 0) {
		int64_t done = io->pwrite(io->ctx, fd, at, n, (int64_t)off);

		if (done < 0)
			return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? YT_ENOSPC : YT_EIO;
		if (done == 0)
			return YT_EIO;
		at += done;
		off += (uint64_t)done;
		n -= (size_t)done;
	}
	return 0;
}

static int write_head(const struct yt_io *io, int fd, struct segment *segment)
{
	uint8_t head[SEGMENT_HEAD] = { 0 }, stamp[8];

	if (RAND_bytes(stamp, sizeof(stamp)) != 1)
		return YT_ENOMEM;
	segment->stamp = get_u64(stamp);
	put_u32(head, MAGIC);
	put_u32(head + 8, VERSION);
	put_u32(head + 12, segment->no);
	put_u64(head + 16, segment->stamp);
	put_u64(head + 24, segment->bytes);
	put_u32(head + 32, segment->flags);
	put_u32(head + 4, yt_crc32c(0, head + 8, sizeof(head) - 8));
	return segment_write(io, fd, head, sizeof(head), 0);
}

static int write_zeros(const struct yt_io *io, int fd, uint64_t bytes)
{
	uint8_t *zeros = calloc(1, CHUNK);
	int rv = zeros == NULL ? YT_ENOMEM : 0;

	for (uint64_t off = 0; rv == 0 && off < bytes; off += CHUNK)
		rv = segment_write(io, fd, zeros, bytes - off < CHUNK ? (size_t)(bytes - off) : CHUNK, off);
	free(zeros);
	return rv;
}

/* Gives a finished file its name; only then, and once the folder is synced, may it be used. */
static int publish(const struct yt_io *io, const char *part, uint32_t no)
{
	char name[32];

	segment_name(name, no);
	if (io->rename(io->ctx, part, name) != 0)
		return errno == ENOSPC ? YT_ENOSPC : YT_EIO;
	return io->sync_dir(io->ctx) == 0 ? 0 : YT_EIO;
}

static void part_name(char out[32], uint32_t no)
{
	snprintf(out, 32, "seg-%010u.tmp", (unsigned)no);
}

int segment_create(const struct yt_io *io, uint32_t no, uint64_t bytes, struct segment *segment)
{
	char part[32];
	int fd, rv;

	*segment = (struct segment){ .no = no, .bytes = bytes };
	part_name(part, no);
	fd = io->open(io->ctx, part, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		return errno == ENOSPC || errno == EDQUOT ? YT_ENOSPC : YT_EIO;
	/* Real zeros, not a hole: a later write into the file must never need space. */
	rv = write_zeros(io, fd, bytes);
	if (rv == 0)
		rv = write_head(io, fd, segment);
	if (rv == 0 && io->fdatasync(io->ctx, fd) != 0)
		rv = errno == ENOSPC || errno == EDQUOT ? YT_ENOSPC : YT_EIO; /* allocated late: nothing was promised */
	io->close(io->ctx, fd);
	if (rv == 0)
		rv = publish(io, part, no);
	if (rv == YT_ENOSPC)
		io->unlink(io->ctx, part);
	return rv;
}

int segment_reuse(const struct yt_io *io, uint32_t old, uint32_t no, uint64_t bytes, struct segment *segment)
{
	char name[32], part[32];
	int fd, rv;

	*segment = (struct segment){ .no = no, .bytes = bytes, .flags = SEGMENT_REUSED };
	segment_name(name, old);
	part_name(part, no);
	/* First off its old name for good, then the new header: were it the other way round, a crash could
	 * bring the old name back over the new header. */
	if (io->rename(io->ctx, name, part) != 0 || io->sync_dir(io->ctx) != 0)
		return YT_EIO;
	fd = io->open(io->ctx, part, O_RDWR, 0);
	if (fd < 0)
		return YT_EIO;
	rv = write_head(io, fd, segment);
	if (rv == 0 && io->fdatasync(io->ctx, fd) != 0)
		rv = YT_EIO;
	io->close(io->ctx, fd);
	return rv == 0 ? publish(io, part, no) : rv;
}

static bool read_head(const struct yt_io *io, int fd, struct segment *segment)
{
	uint8_t head[SEGMENT_HEAD];

	if (io->pread(io->ctx, fd, head, sizeof(head), 0) != sizeof(head))
		return false;
	if (get_u32(head) != MAGIC || get_u32(head + 8) != VERSION ||
	        get_u32(head + 4) != yt_crc32c(0, head + 8, sizeof(head) - 8))
		return false;
	*segment = (struct segment){ .no = get_u32(head + 12),
		.stamp = get_u64(head + 16),
		.bytes = get_u64(head + 24),
		.flags = get_u32(head + 32) };
	return segment->bytes >= SEGMENT_MIN && segment->bytes <= SEGMENT_MAX;
}

int segment_open(const struct yt_io *io, uint32_t no, int flags, int *fd, struct segment *segment)
{
	char name[32];

	segment_name(name, no);
	/* Between our opening it and reading its header the writer may have used it again; then the name
	 * was gone before the header was changed, so the second try does not find it. */
	for (int tries = 0; tries < 2; tries++) {
		*fd = io->open(io->ctx, name, flags, 0);
		if (*fd < 0)
			return errno == ENOENT ? YT_ENOTFOUND : YT_EIO;
		*segment = (struct segment){ 0 };
		if (read_head(io, *fd, segment) && segment->no == no) {
			int64_t has = io->size(io->ctx, *fd);

			segment->has = has > 0 ? (uint64_t)has : 0;
			if (segment->has >= segment->bytes)
				return 0;
		}
		io->close(io->ctx, *fd);
		*fd = -1;
	}
	return YT_ECORRUPT;
}

/* The walk. */

const uint8_t *walk_bytes(struct walk *w, uint64_t off, size_t n)
{
	size_t want = n > CHUNK ? n : CHUNK;
	uint8_t *grown;

	if (off + n > w->segment.bytes || w->fd < 0)
		return NULL;
	if (off >= w->window_off && off + n <= w->window_off + w->window_n)
		return w->window + (off - w->window_off);
	if (want > w->window_cap) {
		grown = realloc(w->window, want);
		if (grown == NULL) {
			w->error = ENOMEM;
			return NULL;
		}
		w->window = grown;
		w->window_cap = want;
	}
	w->window_off = off;
	w->window_n = 0;
	while (w->window_n < n) {
		int64_t got = w->io->pread(
		        w->io->ctx, w->fd, w->window + w->window_n, want - w->window_n, (int64_t)(off + w->window_n));

		if (got <= 0) {
			w->error = got < 0 ? errno : EIO;
			return NULL;
		}
		w->window_n += (size_t)got;
	}
	return w->window;
}

/* The commit at off of the current segment, if a whole one stands there. */
static const uint8_t *commit_at(struct walk *w, uint64_t off, struct commit *commit)
{
	const uint8_t *p = walk_bytes(w, off, COMMIT_HEAD);

	if (p == NULL || !commit_parse(p, commit))
		return NULL;
	if (commit->segment != w->segment.no || commit->stamp != w->segment.stamp)
		return NULL;
	p = walk_bytes(w, off, commit->total);
	if (p == NULL || !commit_whole(p, commit))
		return NULL;
	return commit_parse(p, commit) ? p : NULL; /* again: the window may have moved under its pointers */
}

static const uint8_t *commit_at_anew(struct walk *w, uint64_t off, struct commit *commit)
{
	w->window_n = 0;
	return commit_at(w, off, commit);
}

/* Looks for a whole commit in the current segment from off on. */
static bool find_commit(struct walk *w, uint64_t off, struct commit *commit)
{
	while (off + COMMIT_HEAD <= w->segment.bytes) {
		const uint8_t *p = walk_bytes(w, off, COMMIT_HEAD);
		size_t n = 0, in_window = (size_t)(w->window_off + w->window_n - off);

		if (p == NULL)
			return false;
		while (n + COMMIT_HEAD <= in_window && !commit_may_be(p + n))
			n += 8;
		off += n;
		if (n + COMMIT_HEAD > in_window)
			continue;
		if (commit_at(w, off, commit) != NULL)
			return true;
		off += 8;
	}
	return false;
}

static void leave_segment(struct walk *w)
{
	if (w->fd >= 0)
		w->io->close(w->io->ctx, w->fd);
	w->fd = -1;
	w->window_n = 0;
}

/* Goes to segment i of the list, at its first commit. */
static int enter_segment(struct walk *w, size_t i)
{
	int rv;

	leave_segment(w);
	w->i = i;
	w->off = SEGMENT_HEAD;
	rv = segment_open(w->io, w->list[i], O_RDONLY, &w->fd, &w->segment);
	if (rv == YT_EIO)
		return walk_problem(w->why, rv, w->list[i], 0, w->number, "cannot be opened: %s", strerror(errno));
	if (rv == YT_ECORRUPT && w->segment.no == w->list[i] && w->segment.has < w->segment.bytes)
		return walk_problem(w->why, rv, w->list[i], w->segment.has, w->number,
		        "is cut short: it has %llu bytes of %llu; put back a copy of the whole file",
		        (unsigned long long)w->segment.has, (unsigned long long)w->segment.bytes);
	if (rv == YT_ECORRUPT)
		return walk_problem(w->why, rv, w->list[i], 0, w->number, "its header is damaged or another segment's");
	return rv;
}

static int list_anew(struct walk *w)
{
	free(w->list);
	w->list = NULL;
	w->n = 0;
	if (segment_list(w->io, &w->list, &w->n) != 0)
		return walk_problem(
		        w->why, YT_EIO, 0, 0, 0, "the journal folder cannot be listed: %s", strerror(errno));
	return 0;
}

/* Reads the list; one taken while the writer renames may lack a name, so a gap is looked at twice. */
static int list_whole(struct walk *w, uint32_t from)
{
	uint32_t missing = 0;
	int rv;

	for (int tries = 0; tries < 2; tries++) {
		missing = 0;
		rv = list_anew(w);
		if (rv != 0)
			return rv;
		for (size_t i = 1; i < w->n && missing == 0; i++)
			if (w->list[i] != w->list[i - 1] + 1 && w->list[i] > from)
				missing = w->list[i - 1] + 1;
		if (missing == 0)
			return 0;
	}
	return walk_problem(w->why, YT_ECORRUPT, missing, 0, 0, "is missing, though later segments are there");
}

/* Enters the first segment from number no on. */
static int enter_first(struct walk *w, uint32_t no)
{
	size_t i = 0;
	int rv = list_whole(w, no);

	if (rv != 0)
		return rv;
	while (i < w->n && w->list[i] < no)
		i++;
	return i == w->n ? YT_ENOTFOUND : enter_segment(w, i);
}

int walk_begin(
        struct walk *w, const struct yt_io *io, struct commit_coder *coder, log_pos from, struct log_problem *why)
{
	uint32_t no = (uint32_t)(from >> 32);
	int rv;

	*w = (struct walk){ .io = io, .coder = coder, .why = why, .fd = -1 };
	do
		rv = enter_first(w, no);
	while (rv == YT_ENOTFOUND && from == 0 && w->n > 0); /* retired between our listing and opening it */
	if (rv == 0 && from != 0 && w->segment.no != no)
		rv = YT_ENOTFOUND;
	if (rv == YT_ENOTFOUND)
		return walk_problem(why, rv, no, from & UINT32_MAX, 0,
		        from == 0 ? "there is no journal here" : "has been retired or never was");
	if (rv == 0 && from != 0) {
		w->off = from & UINT32_MAX;
		w->midway = w->off > SEGMENT_HEAD;
	}
	return rv;
}

void walk_end(struct walk *w)
{
	leave_segment(w);
	free(w->list);
	free(w->window);
	w->list = NULL;
	w->window = NULL;
}

/* The file was given to another segment while we read it.  0, YT_ENOTFOUND: it was, YT_EIO. */
static int segment_is_there(struct walk *w)
{
	struct segment now;
	int fd, rv = segment_open(w->io, w->segment.no, O_RDONLY, &fd, &now);

	if (rv == 0)
		w->io->close(w->io->ctx, fd);
	if (rv == 0 && now.stamp != w->segment.stamp)
		return YT_ENOTFOUND;
	if (rv == YT_EIO)
		return walk_problem(w->why, rv, w->segment.no, 0, w->number, "cannot be opened: %s", strerror(errno));
	return rv == YT_ENOTFOUND ? rv : 0;
}

/* Goes on with the oldest segment that is left; what was retired meanwhile is not asked for. */
static int skip_retired(struct walk *w)
{
	if (w->alone)
		return walk_problem(w->why, YT_ECORRUPT, w->list[w->i], 0, w->number, "vanished while it was read");
	w->number = 0;
	w->midway = true;
	return enter_first(w, w->list[w->i] + 1);
}

/* A whole commit stands in a segment behind the bad place.  Tells whether there is one, and whether it
 * is the expected next one, at the begin of the next segment.  Leaves the walk there. */
static int find_behind(struct walk *w, struct commit *found, bool *follows)
{
	struct commit first;
	size_t from = w->i;

	*follows = false;
	for (size_t i = from + 1; i < w->n; i++) {
		int rv = enter_segment(w, i);

		if (rv == YT_ENOTFOUND)
			continue; /* an unused one, withdrawn */
		if (rv != 0)
			return rv;
		if (find_commit(w, SEGMENT_HEAD, found)) {
			bool next = found->number == w->number + 1 || (w->number == 0 && w->midway);

			*follows = i == from + 1 && next && commit_at(w, SEGMENT_HEAD, &first) != NULL;
			return 0;
		}
	}
	return YT_ENOTFOUND;
}

static int damage(struct walk *w, uint32_t no, uint64_t off, const struct commit *behind)
{
	if (w->number == 0)
		return walk_problem(w->why, YT_ECORRUPT, no, off, 0,
		        "no commit can be read here, but the later commit %llu is whole",
		        (unsigned long long)behind->number);
	return walk_problem(w->why, YT_ECORRUPT, no, off, w->number + 1,
	        "commit %llu is damaged or missing, but the later commit %llu is whole",
	        (unsigned long long)w->number + 1, (unsigned long long)behind->number);
}

/* No whole commit stands at w->off.  0: the walk stands at one now, or where one has come to stand
 * meanwhile; YT_ENOTFOUND: that was the end. */
static int resolve_end(struct walk *w)
{
	size_t here = w->i;
	uint32_t no = w->segment.no;
	uint64_t off = w->off;
	struct commit behind;
	bool follows, within;
	int rv, back;

	rv = segment_is_there(w);
	if (rv != 0)
		return rv == YT_ENOTFOUND ? skip_retired(w) : rv;
	within = find_commit(w, off + 8, &behind);
	if (within) {
		if (commit_at_anew(w, off, &(struct commit){ 0 }) != NULL)
			return 0;
		return damage(w, no, off, &behind);
	}
	rv = find_behind(w, &behind, &follows);
	if ((rv == 0 && follows) || (rv != 0 && rv != YT_ENOTFOUND))
		return rv;
	back = enter_segment(w, here);
	if (back != 0)
		return back == YT_ENOTFOUND ? skip_retired(w) : back;
	w->off = off;
	if (rv == YT_ENOTFOUND)
		return rv;
	return commit_at_anew(w, off, &(struct commit){ 0 }) != NULL ? 0 : damage(w, no, off, &behind);
}

static int check_chain(struct walk *w, const struct commit *commit)
{
	if (w->number == 0)
		return 0;
	if (commit->number != w->number + 1)
		return walk_problem(w->why, YT_ECORRUPT, w->segment.no, w->off, commit->number,
		        "commit %llu stands where %llu belongs", (unsigned long long)commit->number,
		        (unsigned long long)w->number + 1);
	if (memcmp(commit->prev, w->head, HEAD_LEN) != 0)
		return walk_problem(w->why, YT_ECORRUPT, w->segment.no, w->off, commit->number,
		        "the chain is broken: commit %llu does not continue the one before it",
		        (unsigned long long)commit->number);
	return 0;
}

int walk_next(struct walk *w, struct commit *commit, const uint8_t **bytes, log_pos *pos)
{
	const uint8_t *p = commit_at(w, w->off, commit);
	int rv;

	while (p == NULL) {
		rv = w->error != 0 ? YT_ENOTFOUND : resolve_end(w);
		if (w->error != 0)
			return walk_problem(w->why, YT_EIO, w->segment.no, w->off, w->number + 1, "cannot be read: %s",
			        strerror(w->error));
		if (rv != 0)
			return rv;
		p = commit_at(w, w->off, commit);
	}
	rv = check_chain(w, commit);
	if (rv == 0)
		rv = commit_chain(w->coder, p, commit->total, w->head);
	if (rv != 0)
		return rv;
	w->number = commit->number;
	w->last_segment = w->segment;
	w->last_off = w->off;
	w->last_total = commit->total;
	*bytes = p;
	*pos = segment_pos(w->segment.no, w->off);
	w->off += commit->total;
	return 0;
}
