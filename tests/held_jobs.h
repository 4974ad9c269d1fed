/* tests/held_jobs.h - the threads of slow codecs, played by hand: a job waits until the test lets it run.
 *
 * For the engine's tests.  jobs_take() is the world's run(); jobs_run_one() runs the oldest one and brings it back. */
#ifndef YT_HELD_JOBS_H
#define YT_HELD_JOBS_H

#include "engine/engine.h"

static struct held_jobs {
	struct engine_job *first;
	bool crowded;     /* new ones are not taken */
	bool hasty;       /* they have run before the engine knows that they were taken; they still come back later */
	unsigned unboxed; /* without what the black box needs */
	const char *running; /* the function; NULL: none of them */
} jobs;

static void jobs_run(struct engine_job *job)
{
	jobs.unboxed +=
	        job->exchange == 0 || (job->octets.n == 0 && job->codec.api->file_name == NULL) || job->what == NULL;
	jobs.running = job->what;
	engine_job_run(job);
	jobs.running = NULL;
}

static int jobs_take(void *ctx, struct engine_job *job)
{
	struct engine_job **end = &jobs.first;

	if (jobs.crowded && job->is_new)
		return YT_ENOSPC;
	while (*end != NULL)
		end = &(*end)->next;
	job->next = NULL;
	*end = job;
	if (jobs.hasty)
		jobs_run(job);
	return 0;
}

static bool jobs_run_one(struct engine *engine)
{
	struct engine_job *job = jobs.first;

	if (job == NULL)
		return false;
	jobs.first = job->next;
	if (!jobs.hasty)
		jobs_run(job);
	engine_coded(engine, job);
	return true;
}

/* Before the engine ends, which frees them. */
static inline void jobs_forget(void)
{
	jobs.first = NULL;
}

#endif
