/* core/process/indexer.c - see indexer.h: one thread, woken every INDEX_PAUSE_MS. */
#include "process/indexer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define INDEX_PAUSE_MS 200
#define DROPPED_AT_ONCE 500      /* rows in each pause: some 10 ms */
#define OFFERED_WAKES (1u << 20) /* bytes waiting in memory: not for the pause's end then */
#define OFFERED_MAX (4u << 20)   /* what is more is read from the log */

struct offered { /* commits in memory */
	struct index_commit *commit;
	size_t n, cap;
	struct yt_buf records; /* of all of them, back to back */
};

struct indexer {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	uv_async_t woken;
	struct index *index;
	struct log *log;
	struct yt_io io;
	struct log_conf conf;
	struct offered offered; /* guarded by mutex */
	_Atomic uint64_t position, retire_before;
	_Atomic int64_t rows_before_ms;
	log_pos drop_before;          /* 0: no rows are to be dropped; the thread's own */
	_Atomic bool failing, broken; /* the last try failed; no try will help: only a rebuild */
	bool stop, disk_full;
	indexer_done done;
	void *arg;
};

static void prepare(struct indexer *x)
{
	int rv = log_prepare(x->log);

	if (rv != 0 && !x->disk_full)
		yt_log(YT_ERROR, "keeper",
		        "no room for another journal segment: %s; new state changes are refused when "
		        "the reserve is touched",
		        yt_strerror(rv));
	x->disk_full = rv != 0;
}

static void offered_free(struct offered *o)
{
	yt_buf_free(&o->records);
	free(o->commit);
	*o = (struct offered){ 0 };
}

/* False: it does not fit; the gap it leaves is seen by the positions. */
static bool offered_add(struct offered *o, const struct index_commit *commit)
{
	if (o->records.n + commit->records.n > OFFERED_MAX)
		return false;
	if (o->n == o->cap) {
		size_t cap = o->cap == 0 ? 64 : 2 * o->cap;
		struct index_commit *grown = realloc(o->commit, cap * sizeof(*grown));

		if (grown == NULL)
			return false;
		o->commit = grown;
		o->cap = cap;
	}
	yt_buf_str(&o->records, commit->records);
	if (o->records.failed)
		return false;
	o->commit[o->n++] = *commit;
	return true;
}

void indexer_offer(struct indexer *x, const struct index_commit *commit)
{
	pthread_mutex_lock(&x->mutex);
	if (!offered_add(&x->offered, commit) || x->offered.records.n >= OFFERED_WAKES)
		pthread_cond_signal(&x->cond);
	pthread_mutex_unlock(&x->mutex);
}

/* From memory what can be had from there.  YT_ESTATE: the log must be read. */
static int feed_offered(struct indexer *x)
{
	struct offered o;
	const char *at;
	size_t skipped = 0;
	int rv;

	pthread_mutex_lock(&x->mutex);
	o = x->offered;
	x->offered = (struct offered){ 0 };
	pthread_mutex_unlock(&x->mutex);
	at = (const char *)o.records.p;
	for (size_t i = 0; i < o.n; at += o.commit[i++].records.n) {
		o.commit[i].records.p = at; /* the buffer moved while it grew */
		if (o.commit[i].end <= index_position(x->index))
			skipped = i + 1; /* read from the log meanwhile */
	}
	rv = skipped == o.n ? YT_ESTATE : index_feed_commits(x->index, o.commit + skipped, o.n - skipped);
	offered_free(&o);
	return rv;
}

static void feed(struct indexer *x, bool to_the_end)
{
	log_pos end = log_end(x->log);
	int rv;

	if (x->broken || index_position(x->index) >= end)
		return;
	rv = feed_offered(x);
	if (rv == YT_ESTATE || (rv == 0 && to_the_end))
		rv = index_feed(x->index, &x->io, &x->conf, end, NULL, NULL);
	if (rv == YT_ECORRUPT)
		yt_log(YT_ERROR, "keeper",
		        "the index does not fit the journal; state changes are refused until `yitong index rebuild` "
		        "has rebuilt it");
	else if (rv != 0 && !x->failing)
		yt_log(YT_ERROR, "keeper",
		        "the index cannot be fed: %s; state changes are refused until it can be again (is its "
		        "disk full?)",
		        yt_strerror(rv));
	else if (rv == 0 && x->failing)
		yt_log(YT_INFO, "keeper", "the index is fed again");
	x->broken = rv == YT_ECORRUPT;
	x->failing = rv != 0;
	x->position = index_position(x->index);
	uv_async_send(&x->woken);
}

static void retire(struct indexer *x)
{
	log_pos before = x->retire_before;

	if (before == 0 || index_position(x->index) < before)
		return;
	x->retire_before = 0;
	if (log_retire(x->log, before) != 0)
		yt_log(YT_ERROR, "keeper", "segments past their retention could not be dropped");
	x->drop_before = before & ~(log_pos)UINT32_MAX; /* where the oldest one left begins */
}

static void drop_rows(struct indexer *x)
{
	bool more = false;

	if (x->drop_before == 0 || x->failing)
		return;
	if (index_drop_before(x->index, x->drop_before, x->rows_before_ms, DROPPED_AT_ONCE, &more) != 0)
		yt_log(YT_WARN, "keeper",
		        "rows past their retention could not be dropped from the index; it is tried again");
	else if (!more)
		x->drop_before = 0;
}

static void *run(void *arg)
{
	struct indexer *x = arg;
	bool stop = false;

	while (!stop) {
		struct timespec until;

		prepare(x);
		feed(x, false);
		retire(x);
		drop_rows(x);
		clock_gettime(CLOCK_MONOTONIC, &until); /* the wall clock may step */
		until.tv_nsec += INDEX_PAUSE_MS * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;
		pthread_mutex_lock(&x->mutex);
		if (!x->stop)
			pthread_cond_timedwait(&x->cond, &x->mutex, &until);
		stop = x->stop;
		pthread_mutex_unlock(&x->mutex);
	}
	feed(x, true);
	return NULL;
}

static void on_woken(uv_async_t *async)
{
	struct indexer *x = async->data;

	x->done(x->arg, x->position);
}

int indexer_open(struct indexer **out, uv_loop_t *loop, struct index *index, struct log *log, const struct yt_io *io,
        const struct log_conf *conf, indexer_done done, void *arg)
{
	struct indexer *x = calloc(1, sizeof(*x));
	pthread_condattr_t monotonic;

	if (x == NULL)
		return YT_ENOMEM;
	x->index = index;
	x->log = log;
	x->io = *io;
	x->conf = *conf;
	x->done = done;
	x->arg = arg;
	x->position = index_position(index);
	pthread_mutex_init(&x->mutex, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&x->cond, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (uv_async_init(loop, &x->woken, on_woken) != 0 || pthread_create(&x->thread, NULL, run, x) != 0) {
		free(x);
		return YT_ENOMEM;
	}
	x->woken.data = x;
	*out = x;
	return 0;
}

log_pos indexer_position(const struct indexer *x)
{
	return x->position;
}

void indexer_retire(struct indexer *x, log_pos before, int64_t rows_before_ms)
{
	x->rows_before_ms = rows_before_ms;
	x->retire_before = before;
}

bool indexer_is_usable(const struct indexer *x)
{
	return !x->failing;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void indexer_close(struct indexer *x)
{
	pthread_mutex_lock(&x->mutex);
	x->stop = true;
	pthread_cond_signal(&x->cond);
	pthread_mutex_unlock(&x->mutex);
	pthread_join(x->thread, NULL);
	index_close(x->index);
	offered_free(&x->offered);
	pthread_mutex_destroy(&x->mutex);
	pthread_cond_destroy(&x->cond);
	uv_close((uv_handle_t *)&x->woken, on_closed);
}
