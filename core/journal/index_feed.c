/* core/journal/index_feed.c - follows the log: its commits read back, or from the memory of who made them, batch by
 * batch into the index.  The index thread's way in (process/indexer.c), and that of `yitong index rebuild`. */
#include "journal/index_parts.h"

#define BATCH_EXCHANGES 4000
#define BATCH_RECORDS 16384

struct feeding {
	struct index *index;
	void (*progress)(void *arg, log_pos at);
	void *arg;
	bool holds_back;    /* the end is not known: the last commit is left for the next time */
	struct yt_buf held; /* its records */
	log_pos commit;
	bool has_commit;
	int rv;
};

static bool batch_is_full(const struct index_batch *b)
{
	return b->n >= BATCH_EXCHANGES || b->n_records >= BATCH_RECORDS;
}

/* A new commit begins at pos: all before it is whole. */
static int at_commit(struct feeding *f, log_pos pos)
{
	struct yt_str held = yt_buf_view(&f->held);
	struct rec rec;
	size_t used;
	int rv = 0;

	for (; rv == 0 && rec_read(held, &rec, &used) == 0; held.p += used, held.n -= used)
		rv = index_take(f->index, &rec, f->commit);
	yt_buf_clear(&f->held);
	if (rv == 0 && batch_is_full(&f->index->batch)) {
		rv = index_flush(f->index, pos);
		if (rv == 0 && f->progress != NULL)
			f->progress(f->arg, pos);
	}
	f->commit = pos;
	f->has_commit = true;
	return rv;
}

static int on_record(void *arg, const struct rec *rec, log_pos pos)
{
	struct feeding *f = arg;

	if (!f->has_commit || pos != f->commit)
		f->rv = at_commit(f, pos);
	if (f->rv != 0)
		return f->rv;
	if (!f->holds_back) {
		f->rv = index_take(f->index, rec, pos);
		return f->rv;
	}
	yt_buf_str(&f->held, rec->whole);
	f->rv = f->held.failed ? YT_ENOMEM : 0;
	return f->rv;
}

static int digest_record(void *arg, const struct rec *rec, log_pos pos)
{
	struct index_batch *b = arg;

	if (b->n_records > 0 && pos != b->last_commit)
		return 0;
	index_note_commit(b, rec, pos);
	return 0;
}

/* The commit that was taken last must still be in the log as it was: else this is another journal's index, and to
 * believe its numbers would be to refuse or repeat the wrong messages. */
static int check_origin(struct index *index, const struct yt_io *io, const struct log_conf *conf, log_pos to)
{
	struct index_batch b = { 0 };
	int rv;

	if (to != 0 && to < index->position)
		return YT_ECORRUPT;
	if (index->is_checked || index->last_digest == 0)
		return 0;
	rv = log_scan(io, conf, index->last_commit, index->last_commit + 1, false, digest_record, &b, NULL);
	if (rv == YT_ENOTFOUND) /* retired meanwhile: if more is missing, the scan will say so */
		return 0;
	if (rv != 0 && rv != YT_ECORRUPT)
		return rv;
	if (rv != 0 || b.last_commit != index->last_commit || b.digest != index->last_digest)
		return YT_ECORRUPT;
	index->is_checked = true;
	return 0;
}

int index_feed(struct index *index, const struct yt_io *io, const struct log_conf *conf, log_pos to,
        void (*progress)(void *arg, log_pos at), void *arg)
{
	struct feeding f = { .index = index, .progress = progress, .arg = arg, .holds_back = to == 0 };
	int rv;

	if (!index->is_writable)
		return YT_ESTATE;
	rv = check_origin(index, io, conf, to);
	if (rv != 0 || (to != 0 && to == index->position))
		return rv;
	rv = log_scan(io, conf, index->position, to, false, on_record, &f, NULL);
	if (f.rv != 0)
		rv = f.rv;
	if (rv == YT_ENOTFOUND && index->position != 0)
		rv = YT_ECORRUPT; /* what comes next is retired: only a rebuild helps */
	if (rv == 0 && (to != 0 || f.has_commit))
		rv = index_flush(index, to != 0 ? to : f.commit);
	if (rv == 0 && progress != NULL)
		progress(arg, index->position);
	index_batch_free(&index->batch);
	yt_buf_free(&f.held);
	return rv;
}

static int take_commit(struct index *index, const struct index_commit *commit)
{
	struct yt_str rest = commit->records;
	struct rec rec;
	size_t used;
	int rv;

	for (; (rv = rec_read(rest, &rec, &used)) == 0; rest.p += used, rest.n -= used) {
		rv = index_take(index, &rec, commit->pos);
		if (rv != 0)
			return rv;
	}
	if (rv != YT_ENOTFOUND)
		return rv;
	return batch_is_full(&index->batch) ? index_flush(index, commit->end) : 0;
}

int index_feed_commits(struct index *index, const struct index_commit *commits, size_t n)
{
	log_pos at = index->position;
	int rv = 0;

	if (!index->is_writable)
		return YT_ESTATE;
	for (size_t i = 0; i < n; at = commits[i++].end)
		if (commits[i].before != at)
			return YT_ESTATE;
	for (size_t i = 0; rv == 0 && i < n; i++)
		rv = take_commit(index, &commits[i]);
	if (rv == 0 && index->position != at)
		rv = index_flush(index, at);
	index_batch_free(&index->batch);
	return rv;
}
