/* core/net/drop.c - files for one party: who waits, who is put there, what came of it.
 *
 * process/worker_parties.c opens it.  A file:
 *  - waits for the thread                                             WAITING
 *  - the thread puts it where the party takes files (drop_put.c)      WAITING -> RUNNING
 *  - it is told how that ended, on the loop                           RUNNING -> gone
 *  - its deadline comes first: LANE_NOT_SENT where it still waits,
 *    LANE_TIMED_OUT where the thread is at it; then what comes of
 *    it is told as late                                               RUNNING -> LATE -> gone
 * One lock guards the two lists; nothing but pointers moves under it.  What ends inside drop_send() is told in the
 * loop's next turn. */
#include "net/drop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <utlist.h>

#include "net/drop_fetch.h"
#include "net/drop_put.h"
#include "net/files.h"

enum { CHECK_MS = 50 };

enum phase { WAITING, RUNNING, LATE };

struct job {
	struct job *prev, *next;
	uint64_t id;
	int64_t deadline_ms, begun_ms;
	enum phase phase;
	enum lane_end end;
	int status;
	char why[DROP_WHY_MAX];
	char name[FILES_NAME_MAX + 1];
	size_t n;
	char octets[];
};

struct drop {
	uv_async_t back;
	uv_timer_t timer;
	uv_thread_t thread;
	uv_mutex_t lock;
	uv_cond_t given;
	char *name, *folder;
	uint32_t queue;
	struct job *waiting, *running, *ended; /* running: one, the thread's but for its phase */
	uint32_t n_waiting, n_handles;
	bool stops;
	lane_done done;
	void *arg;
	struct yt_pace pace;
	struct lane_state counts;
	struct sftp *sftp; /* NULL: a folder here; the thread's, but for sftp_stop() */
	struct drop_fetch fetched;
	uint32_t fetch_ms, file_bytes;
	int64_t next_fetch_ms;
	bool fetch_failed; /* told once */
};

/* ---- in the thread ---- */

static int open_folder(const struct drop *d, const char *name, char why[DROP_WHY_MAX])
{
	int fd = files_folder(d->folder, name);

	if (fd < 0)
		snprintf(why, DROP_WHY_MAX, "folder %.200s/%s cannot be used: %s", d->folder, name, strerror(-fd));
	return fd;
}

static void put_into(struct place *place, int sent, struct job *job)
{
	job->end = drop_put(place, sent, job->name, (struct yt_str){ job->octets, job->n }, &job->status, job->why);
}

static void put_here(const struct drop *d, int sent, struct job *job)
{
	struct place_here here;
	int out = open_folder(d, "out", job->why);

	if (out < 0)
		return;
	place_here(&here, out);
	put_into(&here.place, sent, job);
	close(out);
}

/* A connection for each file: they are few, and one that rests is one that breaks. */
static void put_there(const struct drop *d, int sent, struct job *job)
{
	if (sftp_connect(d->sftp, job->why) == 0)
		put_into(sftp_place(d->sftp), sent, job);
	sftp_disconnect(d->sftp);
}

/* Folders are opened anew for each file: they may be mounted, or made, while we run.  The lock keeps other workers out.
 */
static void put(const struct drop *d, struct job *job)
{
	int sent = open_folder(d, "sent", job->why);

	job->end = LANE_NOT_SENT;
	if (sent < 0)
		return;
	if (flock(sent, LOCK_EX) != 0)
		snprintf(job->why, sizeof(job->why), "folder sent cannot be locked: %s", strerror(errno));
	else if (d->sftp != NULL)
		put_there(d, sent, job);
	else
		put_here(d, sent, job);
	close(sent); /* and with it the lock */
}

static void fetch(struct drop *d)
{
	char why[DROP_WHY_MAX] = "";
	int n = drop_fetch(&d->fetched, d->sftp, d->folder, d->file_bytes, why);

	if (n > 0)
		yt_log(YT_INFO, "net", "%s: %d files fetched", d->name, n);
	if (n < 0 && !d->fetch_failed)
		yt_log(YT_WARN, "net", "%s: files cannot be fetched: %s; tried every %u s", d->name, why,
		        (unsigned)((d->fetch_ms + 999) / 1000));
	else if (n >= 0 && d->fetch_failed)
		yt_log(YT_INFO, "net", "%s: files can be fetched again", d->name);
	d->fetch_failed = n < 0;
	d->next_fetch_ms = yt_mono_ms() + d->fetch_ms;
}

/* Nothing is to be put: waits for that, or until files are fetched again.  With the lock. */
static void rest(struct drop *d)
{
	int64_t ms = d->next_fetch_ms - yt_mono_ms();

	if (d->fetch_ms == 0) {
		uv_cond_wait(&d->given, &d->lock);
	} else if (ms > 0) {
		(void)uv_cond_timedwait(&d->given, &d->lock, (uint64_t)ms * 1000000);
	} else {
		uv_mutex_unlock(&d->lock);
		fetch(d);
		uv_mutex_lock(&d->lock);
	}
}

static void work(void *arg)
{
	struct drop *d = arg;
	struct job *job;

	prctl(PR_SET_NAME, "yitong-files");
	uv_mutex_lock(&d->lock);
	while (!d->stops) {
		if (d->waiting == NULL) {
			rest(d);
			continue;
		}
		job = d->running = d->waiting;
		DL_DELETE(d->waiting, job);
		d->n_waiting--;
		job->phase = RUNNING;
		uv_mutex_unlock(&d->lock);
		put(d, job);
		uv_mutex_lock(&d->lock);
		d->running = NULL;
		DL_APPEND(d->ended, job);
		uv_async_send(&d->back);
	}
	uv_mutex_unlock(&d->lock);
}

/* ---- telling ends ---- */

static void tell(struct drop *d, struct job *job)
{
	struct lane_result result = { .end = job->end,
		.status = job->status,
		.why = job->end == LANE_ANSWERED ? "handed over" : job->why,
		.late = job->phase == LATE,
		.took_ms = yt_mono_ms() - job->begun_ms };

	if (!result.late) {
		d->counts.answered += job->end == LANE_ANSWERED;
		d->counts.lost += job->end == LANE_LOST;
		d->counts.not_sent += job->end == LANE_NOT_SENT;
	}
	if (job->end != LANE_ANSWERED && yt_pace(&d->pace, yt_mono_ms(), "net", "files not handed over"))
		yt_log(YT_WARN, "net", "%s: file %s is not handed over: %s", d->name, job->name, job->why);
	if (!result.late || job->end == LANE_ANSWERED)
		d->done(d->arg, job->id, &result);
	free(job);
}

static void tell_all(struct drop *d)
{
	struct job *ended, *job, *next;

	uv_mutex_lock(&d->lock);
	ended = d->ended;
	d->ended = NULL;
	uv_mutex_unlock(&d->lock);
	DL_FOREACH_SAFE(ended, job, next)
	tell(d, job);
}

static void on_back(uv_async_t *back)
{
	tell_all(back->data);
}

static void end_waiting(struct drop *d, struct job *job, const char *why)
{
	DL_DELETE(d->waiting, job);
	d->n_waiting--;
	job->end = LANE_NOT_SENT;
	snprintf(job->why, sizeof(job->why), "%s", why);
	DL_APPEND(d->ended, job);
}

static void on_check(uv_timer_t *timer)
{
	struct drop *d = timer->data;
	struct lane_result late = { .end = LANE_TIMED_OUT, .why = "the file was not handed over in time" };
	int64_t now = yt_mono_ms();
	struct job *job, *next;
	uint64_t late_id = 0;
	bool is_late = false, is_idle;

	uv_mutex_lock(&d->lock);
	DL_FOREACH_SAFE(d->waiting, job, next)
	{
		if (job->deadline_ms <= now)
			end_waiting(d, job, "files before it took too long");
	}
	job = d->running;
	if (job != NULL && job->phase == RUNNING && job->deadline_ms <= now) {
		job->phase = LATE;
		late_id = job->id; /* the job may end as soon as the lock is open */
		is_late = true;
	}
	is_idle = d->waiting == NULL && d->running == NULL;
	uv_mutex_unlock(&d->lock);
	d->counts.timed_out += is_late;
	if (is_late)
		d->done(d->arg, late_id, &late);
	tell_all(d);
	if (is_idle)
		uv_timer_stop(timer);
}

/* ---- sending ---- */

void drop_send(struct drop *d, uint64_t id, struct yt_str name, struct yt_str octets, int64_t deadline_ms)
{
	struct job *job = calloc(1, sizeof(*job) + octets.n);
	const char *why = NULL;

	YT_REQUIRE(job != NULL); /* a lost end would leave an exchange waiting for ever */
	job->id = id;
	job->begun_ms = yt_mono_ms();
	d->counts.sent++;
	job->deadline_ms = deadline_ms;
	job->n = octets.n;
	if (octets.n > 0)
		memcpy(job->octets, octets.p, octets.n);
	snprintf(job->name, sizeof(job->name), "%.*s", name.n <= FILES_NAME_MAX ? (int)name.n : 0, name.p);
	uv_mutex_lock(&d->lock);
	if (d->n_waiting >= d->queue && d->waiting != NULL)
		why = "queue is full";
	else if (deadline_ms <= job->begun_ms)
		why = "no time is left";
	DL_APPEND(d->waiting, job);
	d->n_waiting++;
	if (why != NULL)
		end_waiting(d, job, why);
	else
		uv_cond_signal(&d->given);
	uv_mutex_unlock(&d->lock);
	if (why != NULL)
		uv_async_send(&d->back);
	else
		uv_timer_start(&d->timer, on_check, CHECK_MS, CHECK_MS);
}

void drop_state(struct drop *d, struct lane_state *out)
{
	*out = d->counts;
	uv_mutex_lock(&d->lock);
	out->busy = d->running != NULL;
	out->queued = d->n_waiting;
	uv_mutex_unlock(&d->lock);
}

/* ---- life ---- */

static void drop_free(struct drop *d)
{
	uv_cond_destroy(&d->given);
	uv_mutex_destroy(&d->lock);
	sftp_free(d->sftp);
	free(d->fetched.entry);
	free(d->name);
	free(d->folder);
	free(d);
}

int drop_open(struct drop **out, uv_loop_t *loop, const struct drop_conf *conf, lane_done done, void *arg)
{
	struct drop *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return YT_ENOMEM;
	YT_REQUIRE(uv_mutex_init(&d->lock) == 0 && uv_cond_init(&d->given) == 0);
	d->name = strdup(conf->name);
	d->folder = strdup(conf->folder);
	d->queue = conf->queue;
	d->done = done;
	d->arg = arg;
	d->sftp = conf->sftp != NULL ? sftp_new(conf->sftp) : NULL;
	d->fetch_ms = conf->sftp != NULL ? conf->fetch_ms : 0;
	d->file_bytes = conf->file_bytes;
	if (d->name == NULL || d->folder == NULL || (conf->sftp != NULL && d->sftp == NULL) ||
	        uv_async_init(loop, &d->back, on_back) != 0) {
		drop_free(d);
		return YT_ENOMEM;
	}
	uv_timer_init(loop, &d->timer);
	d->back.data = d->timer.data = d;
	d->n_handles = 2;
	YT_REQUIRE(uv_thread_create(&d->thread, work, d) == 0);
	*out = d;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct drop *d = handle->data;

	if (--d->n_handles > 0)
		return;
	tell_all(d);
	drop_free(d);
}

void drop_close(struct drop *d)
{
	uv_mutex_lock(&d->lock);
	d->stops = true;
	while (d->waiting != NULL)
		end_waiting(d, d->waiting, "the party is closed");
	uv_cond_signal(&d->given);
	uv_mutex_unlock(&d->lock);
	if (d->sftp != NULL)
		sftp_stop(d->sftp);
	uv_thread_join(&d->thread);
	uv_close((uv_handle_t *)&d->back, on_closed);
	uv_close((uv_handle_t *)&d->timer, on_closed);
}
