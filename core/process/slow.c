/* core/process/slow.c - threads of slow codecs; see slow.h.
 *
 *   slow_give()   a job goes behind those that wait for its instance's thread      on the loop
 *   work()        takes the first, fills its black box in, runs it                 in the thread
 *   on_back()     those that have run go to the engine, in that order              on the loop
 * One lock guards all queues; nothing but a few pointers moves under it. */
#include "process/slow.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>

struct queue {
	struct engine_job *first, *last;
	uint32_t n;
};

struct slow_thread {
	struct slow *slow;
	uint32_t index;
	uv_thread_t id;
	uv_cond_t given;
	struct queue queue;
	uint64_t begun, seen; /* jobs; as slow_moves() saw it last */
	bool runs;
};

struct slow {
	uv_async_t back;
	uv_mutex_t lock;
	struct slow_thread thread[SLOW_THREADS];
	uint32_t n_threads, n_instances, most;
	const struct yt_plugin **instance; /* i has thread i % SLOW_THREADS */
	struct queue done;
	struct boxes *boxes;
	bool stops;
	void (*on_done)(void *arg, struct engine_job *job);
	void *arg;
};

static void put(struct queue *q, struct engine_job *job)
{
	job->next = NULL;
	if (q->first == NULL)
		q->first = job;
	else
		q->last->next = job;
	q->last = job;
	q->n++;
}

static struct engine_job *take(struct queue *q)
{
	struct engine_job *job = q->first;

	q->first = job->next;
	q->n--;
	return job;
}

static void run(struct slow_thread *t, struct engine_job *job)
{
	struct box *box = &t->slow->boxes->box[BOX_SLOW + t->index];

	box_fill(box, job->codec.api->name, job->what, job->exchange, job->octets);
	engine_job_run(job);
	box_empty(box);
}

static void work(void *arg)
{
	struct slow_thread *t = arg;
	struct slow *s = t->slow;
	struct engine_job *job;

	prctl(PR_SET_NAME, "yitong-slow");
	box_is_mine(BOX_SLOW + t->index);
	uv_mutex_lock(&s->lock);
	while (!s->stops) {
		if (t->queue.first == NULL) {
			uv_cond_wait(&t->given, &s->lock);
			continue;
		}
		job = take(&t->queue);
		t->begun++;
		t->runs = true;
		uv_mutex_unlock(&s->lock);
		run(t, job);
		uv_mutex_lock(&s->lock);
		t->runs = false;
		put(&s->done, job);
		uv_async_send(&s->back);
	}
	uv_mutex_unlock(&s->lock);
}

static void on_back(uv_async_t *back)
{
	struct slow *s = back->data;
	struct engine_job *job, *next;

	uv_mutex_lock(&s->lock);
	job = s->done.first;
	s->done = (struct queue){ NULL, NULL, 0 };
	uv_mutex_unlock(&s->lock);
	for (; job != NULL; job = next) {
		next = job->next; /* it is gone after this */
		s->on_done(s->arg, job);
	}
}

int slow_open(struct slow **out, uv_loop_t *loop, struct boxes *boxes, uint32_t queue,
        void (*done)(void *arg, struct engine_job *job), void *arg)
{
	struct slow *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return YT_ENOMEM;
	s->boxes = boxes;
	s->most = queue;
	s->on_done = done;
	s->arg = arg;
	YT_REQUIRE(uv_mutex_init(&s->lock) == 0 && uv_async_init(loop, &s->back, on_back) == 0);
	s->back.data = s;
	*out = s;
	return 0;
}

/* Signals for the process are the loop's; those of a fault the thread lets in itself (box_is_mine()). */
static int start(struct slow_thread *t)
{
	sigset_t all, before;
	int rv;

	YT_REQUIRE(uv_cond_init(&t->given) == 0);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rv = uv_thread_create(&t->id, work, t);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rv != 0)
		uv_cond_destroy(&t->given);
	return rv == 0 ? 0 : YT_ENOMEM;
}

int slow_add(struct slow *s, const struct yt_plugin *plugin)
{
	struct slow_thread *t = &s->thread[s->n_threads];
	const struct yt_plugin **more = realloc(s->instance, (s->n_instances + 1) * sizeof(*more));

	if (more == NULL)
		return YT_ENOMEM;
	s->instance = more;
	if (s->n_threads < SLOW_THREADS) {
		t->slow = s;
		t->index = s->n_threads;
		if (start(t) != 0)
			return YT_ENOMEM;
		s->n_threads++;
	}
	s->instance[s->n_instances++] = plugin;
	return 0;
}

static struct slow_thread *thread_of(struct slow *s, const struct yt_plugin *plugin)
{
	uint32_t i = 0;

	while (i < s->n_instances && s->instance[i] != plugin)
		i++;
	YT_REQUIRE(i < s->n_instances);
	return &s->thread[i % SLOW_THREADS];
}

int slow_give(struct slow *s, struct engine_job *job)
{
	struct slow_thread *t = thread_of(s, job->codec.plugin);
	int rv = 0;

	uv_mutex_lock(&s->lock);
	if (job->is_new && t->queue.n + t->runs > s->most) { /* whether the first is taken yet or not */
		rv = YT_ENOSPC;
	} else {
		put(&t->queue, job);
		uv_cond_signal(&t->given);
	}
	uv_mutex_unlock(&s->lock);
	return rv;
}

bool slow_moves(struct slow *s)
{
	bool moves = true;

	uv_mutex_lock(&s->lock);
	for (uint32_t i = 0; i < s->n_threads; i++) {
		struct slow_thread *t = &s->thread[i];

		moves = moves && !(t->runs && t->begun == t->seen);
		t->seen = t->begun;
	}
	uv_mutex_unlock(&s->lock);
	return moves;
}

void slow_stop(struct slow *s)
{
	uv_mutex_lock(&s->lock);
	s->stops = true;
	for (uint32_t i = 0; i < s->n_threads; i++)
		uv_cond_signal(&s->thread[i].given);
	uv_mutex_unlock(&s->lock);
	for (uint32_t i = 0; i < s->n_threads; i++)
		uv_thread_join(&s->thread[i].id);
	uv_close((uv_handle_t *)&s->back, NULL);
}

void slow_free(struct slow *s)
{
	if (s == NULL)
		return;
	for (uint32_t i = 0; i < s->n_threads; i++)
		uv_cond_destroy(&s->thread[i].given);
	uv_mutex_destroy(&s->lock);
	free(s->instance);
	free(s);
}
