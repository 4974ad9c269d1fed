/* core/process/slow.h - threads of slow codecs (yt_codec_api.is_slow), so that the worker's loop serves others
 * meanwhile.
 *
 * One thread per plugin instance, and so one call of it at a time, in the order they were given; of many instances some
 * share one.  The worker gives it the engine's jobs (engine.h, engine_world.run) and gets them back on its loop. */
#ifndef YT_PROCESS_SLOW_H
#define YT_PROCESS_SLOW_H

#include <uv.h>

#include "engine/engine.h"
#include "process/box.h"

enum { SLOW_THREADS = BOXES - BOX_SLOW };

struct slow;

/* done: called on the loop for each job that has run.  boxes: of this worker.  queue: jobs of new requests that may
 * wait behind the one that a thread has. */
int slow_open(struct slow **out, uv_loop_t *loop, struct boxes *boxes, uint32_t queue,
        void (*done)(void *arg, struct engine_job *job), void *arg);
/* Gives an instance its thread.  YT_ENOMEM. */
int slow_add(struct slow *slow, const struct yt_plugin *plugin);
/* YT_ENOSPC: job->is_new, and so many wait for its thread. */
int slow_give(struct slow *slow, struct engine_job *job);
/* False: a thread is still at the job that it was at when this was asked last. */
bool slow_moves(struct slow *slow);
/* The jobs that run come to their end, the others are dropped; nothing comes back any more.  Then the loop must run to
 * its end, and slow_free(). */
void slow_stop(struct slow *slow);
void slow_free(struct slow *slow); /* NULL is fine */

#endif
