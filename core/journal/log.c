/* core/journal/log.c - the log's writing side: recovery at open, one commit at a time, its reserve.
 *
 * The keeper's commit thread: log_open() once, then log_commit() for what is gathered, and only when
 * that has returned 0 are workers told.  Another thread keeps the reserve of prewritten segments
 * (log_prepare) and drops old ones (log_retire).  log_scan() and log_read() are for everybody else.
 *
 * Whatever fails after bytes may have reached the disk leaves the log failed: after a failed fdatasync
 * the kernel may drop the pages and call the next one a success, so there is no second try. */
#include "journal/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal/segment.h"
#include "journal/verify.h"

#define RESERVE_MAX 64
#define LOCK_FILE "lock"
#define CHUNK (64u * 1024)

struct log {
	struct log_conf conf;
	const struct yt_io *io;
	struct commit_coder *coder;
	int lock_fd;
	_Atomic bool failed;
	/* The commit thread's: */
	int fd;               /* of the current segment */
	pthread_mutex_t lock; /* guards what follows; the commit thread alone changes next, segment, off */
	struct commit_place next;
	struct segment segment;
	uint64_t off;                          /* end of the last commit */
	uint32_t newest;                       /* highest number that a segment has */
	struct segment ready[RESERVE_MAX + 1]; /* prewritten, oldest first */
	size_t n_ready;
	pthread_mutex_t making; /* held by whoever adds or drops segments; taken before lock */
};

static int fail(struct log *log, int rv)
{
	if (rv != YT_ENOSPC)
		atomic_store(&log->failed, true);
	return rv;
}

/* Recovery. */

struct replay {
	log_pos from;
	bool met; /* a commit begins or ends at from */
	log_each each;
	void *arg;
};

static int replay_commit(struct log *log, struct walk *w, struct replay *r, const struct commit *commit,
        const uint8_t *bytes, log_pos pos)
{
	const char *text = NULL;
	int rv;

	r->met = r->met || pos == r->from || pos + commit->total == r->from;
	if (r->each == NULL || pos < r->from)
		return 0;
	rv = commit_records(log->coder, bytes, commit, COMMIT_CLEAR_ONLY, NULL, r->each, r->arg, pos, &text);
	if (rv != 0 && text != NULL)
		walk_problem(w->why, rv, w->last_segment.no, w->last_off, commit->number, "%s", text);
	return rv;
}

static int walk_all(struct log *log, struct walk *w, struct replay *r)
{
	struct commit commit;
	const uint8_t *bytes;
	log_pos pos;
	int rv;

	while ((rv = walk_next(w, &commit, &bytes, &pos)) == 0) {
		rv = replay_commit(log, w, r, &commit, bytes, pos);
		if (rv != 0)
			return rv;
	}
	return rv == YT_ENOTFOUND ? 0 : rv;
}

/* Walks from the segment of `from`, or from the one before when that one has no commit: the last
 * commit must be known whatever is to be replayed. */
static int walk_from(struct log *log, struct walk *w, log_pos from, struct replay *r, struct log_problem *why)
{
	uint32_t no = (uint32_t)(from >> 32);
	int rv;

	for (;;) {
		rv = walk_begin(w, log->io, log->coder, from == 0 ? 0 : segment_pos(no, SEGMENT_HEAD), why);
		w->alone = true; /* we hold the lock */
		if (rv == 0)
			rv = walk_all(log, w, r);
		if (rv != 0 || w->number != 0 || w->list[0] >= no)
			return rv;
		walk_end(w);
		no--;
	}
}

/* An empty log is only believed when nothing says that there has been more. */
static int check_empty(const struct walk *w, struct log_problem *why)
{
	if (w->list[0] != 1)
		return walk_problem(
		        why, YT_ECORRUPT, w->list[0], 0, 0, "holds no commit, and the segments before it are gone");
	return 0;
}

/* Zeros what a torn commit left in the walk's segment from `from` on. */
static int zero_behind(struct log *log, struct walk *w, int fd, uint64_t from)
{
	static const uint8_t zeros[CHUNK];

	for (uint64_t off = from; off < w->segment.bytes;) {
		size_t n = w->segment.bytes - off < CHUNK ? (size_t)(w->segment.bytes - off) : CHUNK;
		const uint8_t *p = walk_bytes(w, off, n);
		int rv = 0;

		if (p == NULL)
			return YT_EIO;
		if (memcmp(p, zeros, n) != 0)
			rv = segment_write(log->io, fd, zeros, n, off);
		if (rv != 0)
			return YT_EIO;
		off += n;
	}
	return 0;
}

/* Makes true what was read: it may be in the page cache only (the process before ended between write
 * and sync, or after a sync that failed).  Earlier commits were synced before the last was begun. */
static int rewrite_tail(struct log *log, struct walk *w, struct log_problem *why)
{
	const uint8_t *tail = NULL;
	int rv = YT_EIO;

	if (w->last_total > 0)
		tail = walk_bytes(w, w->last_off, w->last_total);
	if (tail != NULL || w->last_total == 0)
		rv = w->last_total == 0 ? 0 : segment_write(log->io, log->fd, tail, w->last_total, w->last_off);
	if (rv == 0)
		rv = zero_behind(log, w, log->fd, log->off);
	if (rv == 0 && log->io->fdatasync(log->io->ctx, log->fd) != 0)
		rv = YT_EIO;
	if (rv != 0)
		return walk_problem(why, YT_EIO, w->segment.no, w->last_off, w->number,
		        "the tail cannot be written again: %s", strerror(errno));
	return 0;
}

/* The last commit may have been begun in the segment after.  What that left is no whole commit and can never become
 * one, so nothing rests on these zeros (verify.c tells of remains) and they are not synced: the first commit there is.
 */
static int clean_next(struct log *log, struct walk *w, struct log_problem *why)
{
	int rv;

	if (w->i + 1 >= w->n)
		return 0;
	w->window_n = 0;
	rv = segment_open(log->io, w->list[w->i + 1], O_RDWR, &w->fd, &w->segment);
	if (rv == 0 && (w->segment.flags & SEGMENT_REUSED) == 0)
		rv = zero_behind(log, w, w->fd, SEGMENT_HEAD);
	if (w->fd >= 0)
		log->io->close(log->io->ctx, w->fd);
	w->fd = -1;
	return rv == 0 ? 0
	               : walk_problem(why, YT_EIO, w->list[w->i + 1], 0, 0, "cannot be cleaned: %s", strerror(errno));
}

/* Segments behind the current one are empty.  They are kept when they are of the configured size. */
static int take_reserve(struct log *log, const struct walk *w, struct log_problem *why)
{
	bool fit = true;
	int fd;

	for (size_t i = w->i + 1; i < w->n; i++) {
		struct segment *ready = &log->ready[log->n_ready];

		if (log->n_ready > RESERVE_MAX || segment_open(log->io, w->list[i], O_RDONLY, &fd, ready) != 0) {
			fit = false;
			break;
		}
		log->io->close(log->io->ctx, fd);
		fit = fit && ready->bytes == log->conf.segment_bytes;
		log->n_ready++;
	}
	log->newest = w->list[w->n - 1];
	for (size_t i = w->n; !fit && i > w->i + 1; i--) { /* newest first: no gap, ever */
		char name[32];

		segment_name(name, w->list[i - 1]);
		if (log->io->unlink(log->io->ctx, name) != 0 || log->io->sync_dir(log->io->ctx) != 0)
			return walk_problem(
			        why, YT_EIO, w->list[i - 1], 0, 0, "cannot be removed: %s", strerror(errno));
		log->newest = w->list[i - 1] - 1;
		log->n_ready = 0;
	}
	return 0;
}

/* The walk has come to the end: takes its place as the place to go on writing. */
static int take_end(struct log *log, struct walk *w, struct log_problem *why)
{
	size_t i = 0;
	int rv;

	if (w->number == 0) {
		rv = check_empty(w, why);
		if (rv != 0)
			return rv;
		w->last_segment.no = w->list[0];
		w->last_off = SEGMENT_HEAD;
	}
	while (w->list[i] != w->last_segment.no)
		i++;
	w->i = i;
	w->window_n = 0;
	if (w->fd >= 0)
		log->io->close(log->io->ctx, w->fd);
	rv = segment_open(log->io, w->list[i], O_RDWR, &w->fd, &w->segment);
	if (rv != 0)
		return walk_problem(why, YT_EIO, w->list[i], 0, 0, "cannot be opened for writing: %s", strerror(errno));
	log->fd = w->fd;
	w->fd = -1;
	log->segment = w->segment;
	log->off = w->last_off + w->last_total;
	log->next =
	        (struct commit_place){ .segment = w->segment.no, .stamp = w->segment.stamp, .number = w->number + 1 };
	memcpy(log->next.prev, w->head, HEAD_LEN);
	w->fd = log->fd; /* for walk_bytes() */
	rv = rewrite_tail(log, w, why);
	w->fd = -1;
	if (rv == 0)
		rv = clean_next(log, w, why);
	return rv == 0 ? take_reserve(log, w, why) : rv;
}

static int recover(struct log *log, log_pos from, log_each each, void *arg, struct log_problem *why)
{
	struct replay r = { .from = from, .met = from == 0, .each = each, .arg = arg };
	struct walk w;
	int rv = walk_from(log, &w, from, &r, why);

	if (rv == 0)
		rv = take_end(log, &w, why);
	if (rv == 0 && !r.met)
		rv = walk_problem(why, YT_ECORRUPT, (uint32_t)(from >> 32), from & UINT32_MAX, 0,
		        "no commit begins or ends here; the log ends at segment %u offset %llu",
		        (unsigned)log->segment.no, (unsigned long long)log->off);
	walk_end(&w);
	return rv;
}

static void on_evidence(void *arg, const char *name)
{
	if (strcmp(name, ANCHOR_FILE) == 0)
		*(bool *)arg = true;
}

static int create_first(struct log *log, struct log_problem *why)
{
	bool was_more = false;
	struct segment first;
	int rv;

	if (log->io->list(log->io->ctx, on_evidence, &was_more) != 0)
		return walk_problem(why, YT_EIO, 0, 0, 0, "the journal folder cannot be listed: %s", strerror(errno));
	if (was_more)
		return walk_problem(why, YT_ECORRUPT, 0, 0, 0,
		        "the folder has " ANCHOR_FILE
		        " but no segments: the journal is gone; restore it, or move that file away to begin anew");
	rv = segment_create(log->io, 1, log->conf.segment_bytes, &first);
	if (rv != 0)
		return walk_problem(why, rv, 1, 0, 0, "cannot be created: %s", strerror(errno));
	return 0;
}

static int open_folder(struct log *log, log_pos from, log_each each, void *arg, struct log_problem *why)
{
	uint32_t *list = NULL;
	size_t n;
	int rv;

	if (log->io->lock != NULL) {
		log->lock_fd = log->io->lock(log->io->ctx, LOCK_FILE);
		if (log->lock_fd < 0 && (errno == EWOULDBLOCK || errno == EAGAIN))
			return walk_problem(why, YT_EAGAIN, 0, 0, 0, "another process has this journal open");
		if (log->lock_fd < 0)
			return walk_problem(
			        why, YT_EIO, 0, 0, 0, "the lock file cannot be opened: %s", strerror(errno));
	}
	/* What the folder shows may not be on disk yet; nothing is built on it before it is. */
	if (segment_remove_parts(log->io) != 0 || log->io->sync_dir(log->io->ctx) != 0 ||
	        segment_list(log->io, &list, &n) != 0)
		return walk_problem(why, YT_EIO, 0, 0, 0, "the journal folder cannot be used: %s", strerror(errno));
	free(list);
	if (n == 0 && from != 0)
		return walk_problem(why, YT_ECORRUPT, (uint32_t)(from >> 32), from & UINT32_MAX, 0,
		        "is not there: the folder holds no segments");
	rv = n == 0 ? create_first(log, why) : 0;
	return rv == 0 ? recover(log, from, each, arg, why) : rv;
}

static int check_conf(const struct log_conf *conf, struct log_problem *why)
{
	if (conf->segment_bytes < SEGMENT_MIN || conf->segment_bytes > SEGMENT_MAX || conf->segment_bytes % 4096 != 0)
		return walk_problem(why, YT_ECONF, 0, 0, 0, "segment size must be 1 to 256 MiB, in whole KiB of 4");
	if (conf->reserve_segments < 1 || conf->reserve_segments > RESERVE_MAX)
		return walk_problem(why, YT_ECONF, 0, 0, 0, "reserve must be 1 to %d segments", RESERVE_MAX);
	return 0;
}

int log_open(struct log **out, const struct log_conf *conf, const struct yt_io *io, log_pos from, log_each each,
        void *arg, struct log_problem *why)
{
	struct log *log;
	int rv = check_conf(conf, why);

	if (rv != 0)
		return rv;
	log = calloc(1, sizeof(*log));
	if (log == NULL)
		return YT_ENOMEM;
	*log = (struct log){ .conf = *conf, .io = io, .lock_fd = -1, .fd = -1 };
	pthread_mutex_init(&log->lock, NULL);
	pthread_mutex_init(&log->making, NULL);
	log->coder = commit_coder_new();
	rv = log->coder == NULL ? YT_ENOMEM : open_folder(log, from, each, arg, why);
	if (rv == 0) {
		rv = log_prepare(log);
		if (rv == YT_ENOSPC)
			rv = 0; /* log_room() tells, and the keeper takes no new work */
		else if (rv != 0)
			walk_problem(why, rv, 0, 0, 0, "the reserve cannot be made: %s", strerror(errno));
	}
	if (rv != 0) {
		log_close(log);
		return rv;
	}
	*out = log;
	return 0;
}

void log_close(struct log *log)
{
	if (log == NULL)
		return;
	if (log->fd >= 0)
		log->io->close(log->io->ctx, log->fd);
	if (log->lock_fd >= 0)
		log->io->close(log->io->ctx, log->lock_fd);
	commit_coder_free(log->coder);
	pthread_mutex_destroy(&log->making);
	pthread_mutex_destroy(&log->lock);
	free(log);
}

/* The reserve. */

static size_t n_ready(struct log *log)
{
	size_t n;

	pthread_mutex_lock(&log->lock);
	n = log->n_ready;
	pthread_mutex_unlock(&log->lock);
	return n;
}

static void add_ready(struct log *log, const struct segment *segment)
{
	pthread_mutex_lock(&log->lock);
	YT_REQUIRE(log->n_ready <= RESERVE_MAX);
	log->ready[log->n_ready++] = *segment;
	log->newest = segment->no;
	pthread_mutex_unlock(&log->lock);
}

/* log->making is held, so newest stands still. */
static int make_ready(struct log *log, size_t wanted)
{
	struct segment made;
	int rv = 0;

	while (rv == 0 && n_ready(log) < wanted) {
		if (log->newest == UINT32_MAX)
			return YT_ELIMIT;
		rv = segment_create(log->io, log->newest + 1, log->conf.segment_bytes, &made);
		if (rv == 0)
			add_ready(log, &made);
	}
	return rv;
}

int log_prepare(struct log *log)
{
	int rv;

	if (atomic_load(&log->failed))
		return YT_EIO;
	pthread_mutex_lock(&log->making);
	rv = make_ready(log, log->conf.reserve_segments);
	pthread_mutex_unlock(&log->making);
	if (rv == 0 && log->conf.keys != NULL)
		rv = seal_prepare(log->conf.keys);
	return rv == 0 ? 0 : fail(log, rv);
}

static int retire_one(struct log *log, uint32_t no)
{
	struct segment old, made;
	char name[32];
	int fd, rv = segment_open(log->io, no, O_RDONLY, &fd, &old);

	if (rv != 0)
		return YT_EIO;
	log->io->close(log->io->ctx, fd);
	if (old.bytes == log->conf.segment_bytes && n_ready(log) < log->conf.reserve_segments) {
		rv = segment_reuse(log->io, no, log->newest + 1, old.bytes, &made);
		if (rv == 0)
			add_ready(log, &made);
		return rv == YT_ENOSPC ? YT_EIO : rv;
	}
	segment_name(name, no);
	/* Synced one by one: a crash must not leave a gap in the numbers. */
	if (log->io->unlink(log->io->ctx, name) != 0 || log->io->sync_dir(log->io->ctx) != 0)
		return YT_EIO;
	return 0;
}

int log_retire(struct log *log, log_pos before)
{
	uint32_t *list = NULL, current, limit = (uint32_t)(before >> 32);
	size_t n = 0;
	int rv;

	if (atomic_load(&log->failed))
		return YT_EIO;
	pthread_mutex_lock(&log->making);
	pthread_mutex_lock(&log->lock);
	current = log->segment.no;
	pthread_mutex_unlock(&log->lock);
	if (limit > current)
		limit = current;
	rv = segment_list(log->io, &list, &n);
	for (size_t i = 0; rv == 0 && i < n && list[i] < limit; i++)
		rv = retire_one(log, list[i]);
	pthread_mutex_unlock(&log->making);
	free(list);
	return rv == 0 ? 0 : fail(log, rv);
}

/* Committing. */

/* Goes on in the next prewritten segment; makes one here and now when there is none. */
static int roll(struct log *log)
{
	struct segment next;
	int fd, rv = 0;

	if (n_ready(log) == 0) {
		pthread_mutex_lock(&log->making);
		rv = make_ready(log, 1);
		pthread_mutex_unlock(&log->making);
	}
	if (rv != 0)
		return rv;
	pthread_mutex_lock(&log->lock);
	next = log->ready[0];
	pthread_mutex_unlock(&log->lock);
	rv = segment_open(log->io, next.no, O_RDWR, &fd, &next);
	if (rv != 0)
		return YT_EIO;
	log->io->close(log->io->ctx, log->fd);
	log->fd = fd;
	pthread_mutex_lock(&log->lock);
	log->next.segment = next.no;
	log->next.stamp = next.stamp;
	log->segment = next;
	log->off = SEGMENT_HEAD;
	log->n_ready--;
	memmove(log->ready, log->ready + 1, log->n_ready * sizeof(log->ready[0]));
	pthread_mutex_unlock(&log->lock);
	return 0;
}

/* One write, one sync; what a full disk says here would break the promise of prewritten segments. */
static int write_commit(struct log *log, struct yt_str bytes)
{
	if (segment_write(log->io, log->fd, bytes.p, bytes.n, log->off) != 0)
		return YT_EIO;
	return log->io->fdatasync(log->io->ctx, log->fd) == 0 ? 0 : YT_EIO;
}

size_t log_commit_max(const struct log *log)
{
	return (size_t)log->conf.segment_bytes - SEGMENT_HEAD - COMMIT_HEAD;
}

int log_commit(struct log *log, struct yt_str records, log_pos *pos)
{
	uint8_t head[HEAD_LEN];
	struct yt_str bytes;
	uint32_t total;
	int rv;

	if (atomic_load(&log->failed))
		return YT_EIO;
	rv = commit_pack(log->coder, records, (size_t)log->conf.segment_bytes - SEGMENT_HEAD, &total);
	if (rv != 0)
		return rv;
	if (log->off + total > log->segment.bytes)
		rv = roll(log);
	if (rv == 0)
		rv = commit_finish(log->coder, &log->next, log->conf.keys, &bytes);
	if (rv == 0)
		rv = write_commit(log, bytes);
	if (rv == 0) {
		*pos = segment_pos(log->segment.no, log->off);
		rv = commit_chain(log->coder, (const uint8_t *)bytes.p, total, head);
	}
	if (rv != 0)
		return fail(log, rv);
	pthread_mutex_lock(&log->lock);
	log->next.number++;
	memcpy(log->next.prev, head, HEAD_LEN);
	log->off += total;
	pthread_mutex_unlock(&log->lock);
	return 0;
}

struct yt_str log_last_records(const struct log *log)
{
	return commit_clear(log->coder);
}

/* The lock is not part of what const promises. */
static struct log *locked(const struct log *log)
{
	struct log *l = (struct log *)(uintptr_t)log;

	pthread_mutex_lock(&l->lock);
	return l;
}

uint64_t log_room(const struct log *log)
{
	struct log *l = locked(log);
	uint64_t room = l->segment.bytes - l->off;

	for (size_t i = 0; i < l->n_ready; i++)
		room += l->ready[i].bytes - SEGMENT_HEAD;
	pthread_mutex_unlock(&l->lock);
	return room;
}

log_pos log_end(const struct log *log)
{
	struct log *l = locked(log);
	log_pos end = segment_pos(l->segment.no, l->off);

	pthread_mutex_unlock(&l->lock);
	return end;
}

uint64_t log_commit_no(const struct log *log)
{
	struct log *l = locked(log);
	uint64_t number = l->next.number - 1;

	pthread_mutex_unlock(&l->lock);
	return number;
}

void log_head(const struct log *log, uint8_t head[32])
{
	struct log *l = locked(log);

	memcpy(head, l->next.prev, HEAD_LEN);
	pthread_mutex_unlock(&l->lock);
}

/* Reading. */

static int scan(struct walk *w, const struct log_conf *conf, log_pos to, bool with_bodies, log_each each, void *arg)
{
	struct commit commit;
	const uint8_t *bytes;
	const char *text;
	log_pos pos;
	int rv;

	for (;;) {
		if (to != 0 && segment_pos(w->segment.no, w->off) >= to)
			return 0;
		rv = walk_next(w, &commit, &bytes, &pos);
		if (rv == YT_ENOTFOUND && to != 0)
			return walk_problem(w->why, YT_ECORRUPT, w->segment.no, w->off, w->number + 1,
			        "the log ends before segment %u offset %u", (unsigned)(to >> 32), (unsigned)to);
		if (rv != 0)
			return rv == YT_ENOTFOUND ? 0 : rv;
		if (to != 0 && pos >= to)
			return 0;
		text = NULL;
		rv = commit_records(w->coder, bytes, &commit, with_bodies ? COMMIT_WITH_BODIES : COMMIT_CLEAR_ONLY,
		        conf->keys, each, arg, pos, &text);
		if (rv != 0 && text != NULL)
			walk_problem(w->why, rv, w->segment.no, pos & UINT32_MAX, commit.number, "%s", text);
		if (rv != 0)
			return rv;
	}
}

int log_scan(const struct yt_io *io, const struct log_conf *conf, log_pos from, log_pos to, bool with_bodies,
        log_each each, void *arg, struct log_problem *why)
{
	struct commit_coder *coder = commit_coder_new();
	struct walk w;
	int rv;

	if (coder == NULL)
		return YT_ENOMEM;
	rv = walk_begin(&w, io, coder, from, why);
	if (rv == 0)
		rv = scan(&w, conf, to, with_bodies, each, arg);
	walk_end(&w);
	commit_coder_free(coder);
	return rv;
}

/* Reads n bytes; YT_ENOTFOUND when the file ends before. */
static int read_all(const struct yt_io *io, int fd, uint8_t *p, size_t n, uint64_t off)
{
	while (n > 0) {
		int64_t got = io->pread(io->ctx, fd, p, n, (int64_t)off);

		if (got <= 0)
			return got < 0 ? YT_EIO : YT_ECORRUPT;
		p += got;
		n -= (size_t)got;
		off += (uint64_t)got;
	}
	return 0;
}

/* The bytes of the commit at off, appended to buf. */
static int read_commit(const struct yt_io *io, int fd, const struct segment *segment, uint64_t off, struct yt_buf *buf,
        struct commit *commit)
{
	uint8_t head[COMMIT_HEAD], *p;
	int rv;

	if (off < SEGMENT_HEAD || off + COMMIT_HEAD > segment->bytes)
		return YT_ECORRUPT;
	rv = read_all(io, fd, head, sizeof(head), off);
	if (rv != 0)
		return rv;
	if (!commit_parse(head, commit) || commit->segment != segment->no || commit->stamp != segment->stamp ||
	        off + commit->total > segment->bytes)
		return YT_ECORRUPT;
	p = yt_buf_room(buf, commit->total);
	if (p == NULL)
		return YT_ENOMEM;
	rv = read_all(io, fd, p, commit->total, off);
	if (rv != 0)
		return rv;
	return commit_parse(p, commit) && commit->total == buf->n && commit_whole(p, commit) ? 0 : YT_ECORRUPT;
}

int log_read(const struct yt_io *io, const struct log_conf *conf, log_pos pos, log_each each, void *arg)
{
	struct commit_coder *coder = commit_coder_new();
	struct yt_buf buf = { 0 };
	struct segment segment, now;
	struct commit commit;
	const char *text;
	int fd = -1, rv, again;

	if (coder == NULL)
		return YT_ENOMEM;
	rv = segment_open(io, (uint32_t)(pos >> 32), O_RDONLY, &fd, &segment);
	if (rv == 0)
		rv = read_commit(io, fd, &segment, pos & UINT32_MAX, &buf, &commit);
	if (fd >= 0)
		io->close(io->ctx, fd);
	if (rv == YT_ECORRUPT && segment_open(io, (uint32_t)(pos >> 32), O_RDONLY, &again, &now) == YT_ENOTFOUND)
		rv = YT_ENOTFOUND; /* retired while we read */
	else if (rv == YT_ECORRUPT && again >= 0)
		io->close(io->ctx, again);
	if (rv == 0)
		rv = commit_records(coder, buf.p, &commit, COMMIT_WITH_BODIES, conf->keys, each, arg, pos, &text);
	yt_buf_free(&buf);
	commit_coder_free(coder);
	return rv;
}
