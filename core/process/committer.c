/* core/process/committer.c - see committer.h: one thread, one commit at a time. */
#include "process/committer.h"
#include "process/meters.h"

#include <pthread.h>
#include <stdlib.h>

#include "journal/verify.h"

struct committer {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	uv_async_t woken;
	struct log *log;
	struct yt_io io;
	const struct yt_keys *keys;
	_Atomic int64_t anchor_ms;
	int64_t anchored_mono;
	uint64_t anchored_commit;
	uint32_t segment; /* of the last commit: a head is signed soon after a segment closes */
	struct yt_str records;
	bool segment_closed;
	bool has_work, has_result, stop;
	int result;
	log_pos pos;
	committer_done done;
	committer_fresh fresh;
	void *arg;
	bool busy; /* loop's side: from committer_start() to done */
};

static bool anchor_is_due(const struct committer *c)
{
	return c->keys != NULL && log_commit_no(c->log) != c->anchored_commit && log_commit_no(c->log) != 0 &&
	       (yt_mono_ms() - c->anchored_mono >= c->anchor_ms || c->segment_closed);
}

/* The head so far, signed, rides as one more record with these; then it is noted in anchors.txt. */
static int commit_with_anchor(struct committer *c, struct yt_str records, log_pos *pos)
{
	struct yt_buf all = { 0 };
	uint64_t covered = log_commit_no(c->log);
	size_t at;
	int rv;

	yt_buf_str(&all, records);
	at = all.n;
	c->anchored_mono = yt_mono_ms();
	c->segment_closed = false;
	*pos = log_end(c->log);
	if (anchor_record(&all, c->log, c->keys, yt_wall_ms()) != 0 || all.failed) {
		yt_log(YT_ERROR, "keeper", "the journal's head cannot be signed; check the key %s", KEYS_ANCHOR);
		yt_buf_free(&all);
		return records.n > 0 ? log_commit(c->log, records, pos) : 0;
	}
	rv = log_commit(c->log, yt_buf_view(&all), pos);
	if (rv == YT_ENOSPC && records.n == 0)
		rv = 0; /* nobody waits for it: there is another in anchor_ms */
	else if (rv == 0) {
		c->anchored_commit = covered + 1;
		if (anchor_note(&c->io, (struct yt_str){ (const char *)all.p + at, all.n - at }) != 0)
			yt_log(YT_WARN, "keeper", "an anchor could not be noted in %s", ANCHOR_FILE);
	}
	yt_buf_free(&all);
	return rv;
}

static int commit(struct committer *c, log_pos *pos)
{
	struct index_commit fresh = { .before = log_end(c->log) };
	uint64_t began = uv_hrtime();
	int rv = c->records.n == 0 || anchor_is_due(c) ? commit_with_anchor(c, c->records, pos)
	                                               : log_commit(c->log, c->records, pos);

	meters_commit((int64_t)(uv_hrtime() - began) / 1000);
	if (rv != 0 || log_end(c->log) == fresh.before) /* an anchor alone that could not be signed: nothing was made */
		return rv;
	c->segment_closed = c->segment_closed || (c->segment != 0 && *pos >> 32 != c->segment);
	c->segment = (uint32_t)(*pos >> 32);
	fresh.pos = *pos;
	fresh.end = log_end(c->log);
	fresh.records = log_last_records(c->log);
	c->fresh(c->arg, &fresh);
	return 0;
}

static void *run(void *arg)
{
	struct committer *c = arg;

	pthread_mutex_lock(&c->mutex);
	for (;;) {
		log_pos pos = 0;
		int rv;

		while (!c->has_work && !c->stop)
			pthread_cond_wait(&c->cond, &c->mutex);
		if (!c->has_work)
			break;
		c->has_work = false;
		pthread_mutex_unlock(&c->mutex);
		rv = commit(c, &pos);
		pthread_mutex_lock(&c->mutex);
		c->result = rv;
		c->pos = pos;
		c->has_result = true;
		uv_async_send(&c->woken);
	}
	pthread_mutex_unlock(&c->mutex);
	return NULL;
}

static void on_woken(uv_async_t *async)
{
	struct committer *c = async->data;
	bool has_result;

	pthread_mutex_lock(&c->mutex);
	has_result = c->has_result;
	c->has_result = false;
	pthread_mutex_unlock(&c->mutex);
	if (!has_result)
		return;
	c->busy = false;
	c->done(c->arg, c->result, c->pos);
}

int committer_open(struct committer **out, uv_loop_t *loop, struct log *log, const struct yt_io *io,
        const struct yt_keys *keys, int64_t anchor_ms, committer_done done, committer_fresh fresh, void *arg)
{
	struct committer *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return YT_ENOMEM;
	c->log = log;
	c->io = *io;
	c->keys = keys;
	c->anchor_ms = anchor_ms;
	c->anchored_mono = yt_mono_ms();
	c->done = done;
	c->fresh = fresh;
	c->arg = arg;
	pthread_mutex_init(&c->mutex, NULL);
	pthread_cond_init(&c->cond, NULL);
	if (uv_async_init(loop, &c->woken, on_woken) != 0 || pthread_create(&c->thread, NULL, run, c) != 0) {
		free(c);
		return YT_ENOMEM;
	}
	c->woken.data = c;
	*out = c;
	return 0;
}

void committer_set_anchor(struct committer *c, int64_t anchor_ms)
{
	c->anchor_ms = anchor_ms;
}

bool committer_is_idle(const struct committer *c)
{
	return !c->busy;
}

bool committer_owes_anchor(const struct committer *c)
{
	return !c->busy && anchor_is_due(c);
}

void committer_start(struct committer *c, struct yt_str records)
{
	YT_REQUIRE(!c->busy);
	c->busy = true;
	pthread_mutex_lock(&c->mutex);
	c->records = records;
	c->has_work = true;
	pthread_cond_signal(&c->cond);
	pthread_mutex_unlock(&c->mutex);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void committer_close(struct committer *c)
{
	log_pos pos;

	pthread_mutex_lock(&c->mutex);
	c->stop = true;
	pthread_cond_signal(&c->cond);
	pthread_mutex_unlock(&c->mutex);
	pthread_join(c->thread, NULL);
	if (c->keys != NULL && log_commit_no(c->log) != c->anchored_commit && log_commit_no(c->log) != 0)
		(void)commit_with_anchor(c, (struct yt_str){ 0 }, &pos);
	pthread_mutex_destroy(&c->mutex);
	pthread_cond_destroy(&c->cond);
	uv_close((uv_handle_t *)&c->woken, on_closed);
}
