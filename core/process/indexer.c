/* core/process/indexer.c - see indexer.h: one thread, woken every INDEX_PAUSE_MS. */
#include "process/indexer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define INDEX_PAUSE_MS 200

struct indexer {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	uv_async_t woken;
	struct index *index;
	struct log *log;
	struct yt_io io;
	struct log_conf conf;
	_Atomic uint64_t position, retire_before;
	_Atomic bool failing, broken; /* the last try failed; no try will help: only a rebuild */
	bool stop, disk_full;
	indexer_done done;
	void *arg;
};

static void prepare(struct indexer *x)
{
	int rv = log_prepare(x->log);

	if (rv != 0 && !x->disk_full)
		yt_log(YT_ERROR, "keeper", "no room for another journal segment: %s; new state changes are refused when "
			"the reserve is touched", yt_strerror(rv));
	x->disk_full = rv != 0;
}

static void feed(struct indexer *x)
{
	log_pos end = log_end(x->log);
	int rv;

	if (x->broken || index_position(x->index) >= end)
		return;
	rv = index_feed(x->index, &x->io, &x->conf, end, NULL, NULL);
	if (rv == YT_ECORRUPT)
		yt_log(YT_ERROR, "keeper", "the index does not fit the journal; state changes are refused until `yitong index rebuild` "
			"has rebuilt it");
	else if (rv != 0 && !x->failing)
		yt_log(YT_ERROR, "keeper", "the index cannot be fed: %s; state changes are refused until it can be again (is its "
			"disk full?)", yt_strerror(rv));
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
}

static void *run(void *arg)
{
	struct indexer *x = arg;
	bool stop = false;

	while (!stop) {
		struct timespec until;

		prepare(x);
		feed(x);
		retire(x);
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
	feed(x);
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

void indexer_retire(struct indexer *x, log_pos before)
{
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
	pthread_mutex_destroy(&x->mutex);
	pthread_cond_destroy(&x->cond);
	uv_close((uv_handle_t *)&x->woken, on_closed);
}
