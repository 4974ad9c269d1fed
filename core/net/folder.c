/* core/net/folder.c - a folder that others put files in: when it is looked at, which file is taken, where it goes.
 *
 *  - looked at: at the start, when the kernel tells of a change, every look_ms     folder_look()
 *  - a file that has not changed for settle_ms is read                             FREE    -> READING
 *  - it has come to its end: it is moved to taken                                  READING -> CLAIMING
 *  - its message is handed in                                                      CLAIMING -> ASKED
 *  - answered: it is moved to done or refused                                      ASKED   -> PUTTING -> FREE
 *  - LATER: it stays in taken, until a later look                                  ASKED   -> FREE
 *  - not whole yet, or changed meanwhile: until a later look                       READING -> FREE
 * A crash leaves files in taken, which the first look finds: their message is handed in again, and the same message
 * changes nothing (P2).  All work on the disk is in the thread pool, one request per file, one for looking. */
#include "net/folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uthash.h>

#include "net/folder_work.h"

enum state { FREE, READING, CLAIMING, ASKED, PUTTING };

/* A file of the last look that is not under way. */
struct seen {
	char name[FILES_NAME_MAX + 1]; /* the key */
	struct folder_stamp stamp;
	int64_t since_ms;      /* it has been so since */
	int64_t not_before_ms; /* it is not tried again before that */
	uint64_t look;         /* the last that saw it */
	UT_hash_handle hh;
};

struct file {
	struct folder *folder;
	uv_work_t work;
	struct folder_reading reading;
	enum state state;
	uint32_t slot, generation;
	bool gives_up; /* it has been waited for long enough */
	bool is_refused;
	int rv;
	struct yt_buf why;
};

struct folder {
	uv_loop_t *loop;
	uv_timer_t timer;
	uv_fs_event_t event;
	uv_work_t look;
	struct folder_listing listing;
	struct folder_conf conf;
	char *name, *path;
	struct folder_events events;
	struct file *files;
	struct seen *seen;
	uint64_t n_looks;
	size_t at;       /* of the listing: those before it were considered */
	int64_t next_ms; /* when to look again, as far as those say */
	uint32_t n_busy; /* files that are not FREE */
	uint32_t n_handles;
	bool looks, look_again, watches, drains, closes;
	char trouble[300];  /* what the last look failed with; told once, as is this: */
	uint32_t n_strange; /* files that it left alone */
	struct yt_pace pace;
	void (*drained)(void *arg);
	void *drained_arg;
};

static void look_in(struct folder *f, int64_t ms);
static void go_on(struct folder *f);

static int64_t now_ms(const struct folder *f)
{
	return (int64_t)uv_now(f->loop);
}

/* ---- ending ---- */

static void folder_free(struct folder *f)
{
	struct seen *s, *next;

	HASH_ITER(hh, f->seen, s, next)
	{
		HASH_DEL(f->seen, s);
		free(s);
	}
	for (uint32_t i = 0; f->files != NULL && i < f->conf.files; i++) {
		yt_buf_free(&f->files[i].reading.octets);
		yt_buf_free(&f->files[i].why);
	}
	if (f->listing.lock >= 0)
		close(f->listing.lock);
	free(f->listing.entry);
	free(f->files);
	free(f->name);
	free(f->path);
	free(f);
}

/* Whoever ended last: a handle, or the thread pool. */
static void may_free(struct folder *f)
{
	uint32_t n = f->looks;

	for (uint32_t i = 0; i < f->conf.files; i++)
		n += f->files[i].state != FREE && f->files[i].state != ASKED;
	if (f->closes && f->n_handles == 0 && n == 0)
		folder_free(f);
}

static void may_be_drained(struct folder *f)
{
	void (*drained)(void *arg) = f->drained;

	if (!f->drains || f->closes || f->n_busy > 0 || f->looks || drained == NULL)
		return;
	f->drained = NULL;
	if (f->listing.lock >= 0)
		close(f->listing.lock); /* another may go on */
	f->listing.lock = -1;
	drained(f->drained_arg);
}

static void file_free(struct file *file, int64_t not_before_ms)
{
	struct folder *f = file->folder;
	struct seen *s;

	HASH_FIND_STR(f->seen, file->reading.entry.name, s);
	if (s != NULL && not_before_ms > 0)
		s->not_before_ms = not_before_ms;
	yt_buf_free(&file->reading.octets);
	yt_buf_free(&file->why);
	file->state = FREE;
	file->generation++;
	f->n_busy--;
	if (f->closes) {
		may_free(f);
		return;
	}
	look_in(f, not_before_ms > 0 ? not_before_ms - now_ms(f) : (int64_t)f->conf.look_ms);
	go_on(f);
	may_be_drained(f);
}

static void tell_trouble(struct file *file, const char *what, int rv)
{
	struct folder *f = file->folder;

	if (yt_pace(&f->pace, yt_mono_ms(), "net", "files that cannot be moved"))
		yt_log(YT_WARN, "net", "%s: file %s/%s cannot be %s: %s; tried again", f->name, f->path,
		        file->reading.entry.name, what, strerror(-rv));
}

/* ---- putting away ---- */

static void put_away(uv_work_t *work)
{
	struct file *file = work->data;

	file->rv = folder_claim(file->folder->path, &file->reading.entry); /* what is refused unread lies in `in` */
	if (file->rv == 0)
		file->rv = folder_put_away(
		        file->folder->path, file->reading.entry.name, file->is_refused, yt_buf_view(&file->why));
}

static void on_put(uv_work_t *work, int status)
{
	struct file *file = work->data;
	struct folder *f = file->folder;

	if (file->rv != 0)
		tell_trouble(file, "put away", file->rv);
	if (!f->closes)
		f->events.on_put_away(f->events.arg, (struct server_token){ file->slot, file->generation });
	file_free(file, file->rv != 0 ? now_ms(f) + f->conf.look_ms : 0);
}

static void refuse(struct file *file, const char *why)
{
	yt_log(YT_WARN, "net", "%s: file %s is refused: %s", file->folder->name, file->reading.entry.name, why);
	file->is_refused = true;
	yt_buf_printf(&file->why, "%s\n", why);
	file->state = PUTTING;
	uv_queue_work(file->folder->loop, &file->work, put_away, on_put);
}

void folder_answer(struct folder *f, struct server_token token, enum folder_verdict verdict, struct yt_str why)
{
	struct file *file = token.slot < f->conf.files ? &f->files[token.slot] : NULL;

	if (file == NULL || file->state != ASKED || file->generation != token.generation)
		return;
	if (verdict == FOLDER_LATER) {
		file_free(file, now_ms(f) + f->conf.look_ms);
		return;
	}
	file->reading.entry.is_taken = true;
	file->is_refused = verdict == FOLDER_REFUSED;
	yt_buf_str(&file->why, why);
	yt_buf_text(&file->why, "\n");
	file->state = PUTTING;
	uv_queue_work(f->loop, &file->work, put_away, on_put);
}

/* ---- taking ---- */

static void claim(uv_work_t *work)
{
	struct file *file = work->data;

	file->rv = folder_claim(file->folder->path, &file->reading.entry);
}

static void on_claimed(uv_work_t *work, int status)
{
	struct file *file = work->data;
	struct folder *f = file->folder;

	if (file->rv != 0 && file->rv != -EAGAIN && file->rv != -ENOENT)
		tell_trouble(file, "taken", file->rv);
	if (file->rv != 0 || f->closes || f->drains) {
		file_free(file, file->rv != 0 ? now_ms(f) + f->conf.look_ms : 0);
		return;
	}
	file->state = ASKED;
	f->events.on_file(f->events.arg, (struct server_token){ file->slot, file->generation },
	        yt_str(file->reading.entry.name), yt_buf_view(&file->reading.octets));
}

static void read_it(uv_work_t *work)
{
	struct file *file = work->data;

	folder_read(file->folder->path, &file->reading);
}

static void on_read(uv_work_t *work, int status)
{
	struct file *file = work->data;
	struct folder *f = file->folder;
	const struct folder_reading *r = &file->reading;
	char why[160];

	if (f->closes || f->drains) {
		file_free(file, 0);
	} else if (r->rv == -EFBIG) {
		snprintf(why, sizeof(why), "has %llu octets; %u may come in (limits.body_kib)",
		        (unsigned long long)r->entry.stamp.size, (unsigned)f->conf.file_bytes);
		refuse(file, why);
	} else if (r->rv != 0) {
		if (r->rv != -EAGAIN && r->rv != -ENOENT)
			tell_trouble(file, "read", r->rv);
		file_free(file, now_ms(f) + f->conf.look_ms);
	} else if (f->events.is_whole(f->events.arg, yt_buf_view(&r->octets))) {
		file->state = CLAIMING;
		uv_queue_work(f->loop, &file->work, claim, on_claimed);
	} else if (file->gives_up) {
		snprintf(why, sizeof(why),
		        "has not come to its end and has not changed for %u s: its last line is missing",
		        (unsigned)(f->conf.incomplete_ms / 1000));
		refuse(file, why);
	} else {
		file_free(file, now_ms(f) + f->conf.look_ms);
	}
}

static struct file *free_file(struct folder *f)
{
	for (uint32_t i = 0; i < f->conf.files; i++)
		if (f->files[i].state == FREE)
			return &f->files[i];
	return NULL;
}

static void start(struct folder *f, struct file *file, const struct folder_entry *e, int64_t since_ms)
{
	file->reading = (struct folder_reading){ .entry = *e, .most = f->conf.file_bytes };
	file->gives_up = now_ms(f) - since_ms >= (int64_t)f->conf.incomplete_ms;
	file->state = READING;
	f->n_busy++;
	uv_queue_work(f->loop, &file->work, read_it, on_read);
}

/* ---- looking ---- */

static bool is_under_way(const struct folder *f, const char *name)
{
	for (uint32_t i = 0; i < f->conf.files; i++)
		if (f->files[i].state != FREE && strcmp(f->files[i].reading.entry.name, name) == 0)
			return true;
	return false;
}

static struct seen *remember(struct folder *f, const struct folder_entry *e)
{
	struct seen *s;

	HASH_FIND_STR(f->seen, e->name, s);
	if (s == NULL) {
		s = calloc(1, sizeof(*s));
		YT_REQUIRE(s != NULL);
		memcpy(s->name, e->name, sizeof(s->name));
		s->since_ms = now_ms(f);
		s->stamp = e->stamp;
		HASH_ADD_STR(f->seen, name, s);
	} else if (memcmp(&s->stamp, &e->stamp, sizeof(s->stamp)) != 0) {
		s->since_ms = now_ms(f);
		s->stamp = e->stamp;
	}
	s->look = f->n_looks;
	return s;
}

/* One entry: when it may be taken, if that is not now; 0: it was, or it is under way; -1: no room. */
static int64_t consider(struct folder *f, const struct folder_entry *e)
{
	struct seen *s = remember(f, e);
	int64_t from = e->is_taken ? 0 : s->since_ms + f->conf.settle_ms;
	struct file *file;

	if (from < s->not_before_ms)
		from = s->not_before_ms;
	if (is_under_way(f, e->name))
		return 0;
	if (from > now_ms(f))
		return from;
	file = free_file(f);
	if (file == NULL)
		return -1;
	start(f, file, e, s->since_ms);
	return 0;
}

static void forget_gone(struct folder *f)
{
	struct seen *s, *next;

	HASH_ITER(hh, f->seen, s, next)
	{
		if (s->look == f->n_looks || is_under_way(f, s->name))
			continue;
		HASH_DEL(f->seen, s);
		free(s);
	}
}

static void note_trouble(struct folder *f)
{
	const struct folder_listing *l = &f->listing;

	if (strcmp(f->trouble, l->why) != 0 && l->why[0] != '\0')
		yt_log(YT_ERROR, "net", "%s: %s", f->name, l->why);
	else if (strcmp(f->trouble, l->why) != 0)
		yt_log(YT_INFO, "net", "%s: folder %s can be used again", f->name, f->path);
	snprintf(f->trouble, sizeof(f->trouble), "%s", l->why);
	if (l->n_strange > f->n_strange)
		yt_log(YT_WARN, "net", "%s: %u files in %s/in are left alone: names are letters, digits and . _ - only",
		        f->name, (unsigned)l->n_strange, f->path);
	f->n_strange = l->n_strange;
}

static void on_event(uv_fs_event_t *event, const char *name, int events, int status)
{
	look_in(event->data, 0);
}

/* Where the kernel tells nothing (a network's file system) looking does. */
static void watch(struct folder *f)
{
	char in[4096];

	if (f->watches || f->listing.lock < 0)
		return;
	snprintf(in, sizeof(in), "%s/in", f->path);
	f->watches = uv_fs_event_start(&f->event, on_event, in, 0) == 0;
}

/* As many of the files listed as there is room for; whoever ends goes on here.  Behind the last: when to look again. */
static void go_on(struct folder *f)
{
	struct folder_listing *l = &f->listing;
	int64_t at = 0;

	if (f->looks || f->closes || f->drains || l->entry == NULL)
		return;
	while (f->at < l->n && (at = consider(f, &l->entry[f->at])) >= 0) {
		if (at > 0 && at < f->next_ms)
			f->next_ms = at;
		f->at++;
	}
	if (f->at < l->n)
		return;
	if (l->why[0] == '\0')
		forget_gone(f);
	free(l->entry);
	l->entry = NULL;
	l->n = f->at = 0;
	look_in(f, f->look_again ? 0 : f->next_ms - now_ms(f));
	f->look_again = false;
}

static void on_looked(uv_work_t *work, int status)
{
	struct folder *f = work->data;

	f->looks = false;
	if (f->closes) {
		may_free(f);
		return;
	}
	if (f->drains) {
		may_be_drained(f);
		return;
	}
	note_trouble(f);
	f->n_looks++;
	f->at = 0;
	f->next_ms = now_ms(f) + f->conf.look_ms;
	watch(f);
	if (f->listing.entry == NULL)
		look_in(f, f->conf.look_ms); /* another has the lock, or it cannot be used */
	else
		go_on(f);
}

static void look_now(uv_work_t *work)
{
	struct folder *f = work->data;

	folder_look(f->path, &f->listing);
}

static void start_look(struct folder *f)
{
	f->looks = true;
	uv_queue_work(f->loop, &f->look, look_now, on_looked);
}

static void on_timer(uv_timer_t *timer)
{
	struct folder *f = timer->data;

	if (f->looks || f->listing.entry != NULL)
		f->look_again = true;
	else
		start_look(f);
}

/* No later than that, if nothing sooner is set. */
static void look_in(struct folder *f, int64_t ms)
{
	uint64_t wait = ms > 0 ? (uint64_t)ms : 0;

	if (f->closes || f->drains)
		return;
	if (wait == 0 && (f->looks || f->listing.entry != NULL)) {
		f->look_again = true;
		return;
	}
	if (!uv_is_active((uv_handle_t *)&f->timer) || uv_timer_get_due_in(&f->timer) > wait)
		uv_timer_start(&f->timer, on_timer, wait, 0);
}

/* ---- life ---- */

int folder_open(
        struct folder **out, uv_loop_t *loop, const struct folder_conf *conf, const struct folder_events *events)
{
	struct folder *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return YT_ENOMEM;
	f->loop = loop;
	f->conf = *conf;
	f->events = *events;
	f->listing.lock = -1;
	f->name = strdup(conf->name);
	f->path = strdup(conf->path);
	f->files = calloc(conf->files, sizeof(*f->files));
	if (f->name == NULL || f->path == NULL || f->files == NULL) {
		folder_free(f);
		return YT_ENOMEM;
	}
	for (uint32_t i = 0; i < conf->files; i++) {
		f->files[i].folder = f;
		f->files[i].slot = i;
		f->files[i].work.data = &f->files[i];
	}
	uv_timer_init(loop, &f->timer);
	uv_fs_event_init(loop, &f->event);
	f->timer.data = f->event.data = f->look.data = f;
	f->n_handles = 2;
	start_look(f);
	*out = f;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct folder *f = handle->data;

	f->n_handles--;
	may_free(f);
}

void folder_drain(struct folder *f, void (*done)(void *arg), void *arg)
{
	f->drains = true;
	f->drained = done;
	f->drained_arg = arg;
	uv_timer_stop(&f->timer);
	uv_fs_event_stop(&f->event);
	if (f->n_busy == 0 && !f->looks)
		uv_timer_start(&f->timer, on_timer, 0, 0); /* not from inside: the look tells */
}

void folder_close(struct folder *f)
{
	f->closes = true;
	uv_close((uv_handle_t *)&f->timer, on_closed);
	uv_close((uv_handle_t *)&f->event, on_closed);
}
