/* core/process/worker_files.c - see worker_files.h.  A file is handed to the engine as a request that came by POST to
 * /in/NAME, so a format that numbers files by their names finds it there. */
#include "process/worker_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct worker_folder {
	struct worker_folder_conf conf;
	struct folder *folder; /* NULL: closed */
	enum yt_outcome told;  /* of the answer that follows at once ... */
	char *why;             /* ... and its text; NULL: none */
};

static uint64_t token_to(const struct worker_folder *f, struct server_token token)
{
	return f->conf.token | (uint64_t)(token.slot & 0xffffff) << 32 | token.generation;
}

static bool is_whole(void *arg, struct yt_str octets)
{
	struct worker_folder *f = arg;
	const struct yt_codec_api *api = f->conf.codec.api;
	bool whole;

	/* Octets that killed a worker here go on to the engine, which takes none such: later, when they are forgotten.
	 */
	if (api->file_is_whole == NULL || engine_is_poison(f->conf.engine, octets))
		return true;
	box_fill(f->conf.box, api->name, "file_is_whole", engine_next_id(f->conf.engine), octets);
	whole = api->file_is_whole(f->conf.codec.plugin, octets);
	box_empty(f->conf.box);
	return whole;
}

static void on_file(void *arg, struct server_token token, struct yt_str name, struct yt_str octets)
{
	struct worker_folder *f = arg;
	char path[256];
	struct engine_request request = { .token = token_to(f, token),
		.listener = f->conf.listener->name,
		.codec = f->conf.codec,
		.by_certificate = true,
		.origin = f->conf.origin,
		.method = YT_STR("POST"),
		.subject = yt_str(f->conf.origin->name),
		.peer = YT_STR("folder"),
		.body = octets };

	snprintf(path, sizeof(path), "/in/%.*s", YT_FMT(name));
	request.path = yt_str(path);
	engine_request(f->conf.engine, &request);
}

static void on_put_away(void *arg, struct server_token token)
{
	struct worker_folder *f = arg;

	engine_flushed(f->conf.engine, token_to(f, token));
}

int worker_folder_open(struct worker_folder **out, uv_loop_t *loop, const struct worker_folder_conf *conf)
{
	const struct conf_listener *l = conf->listener;
	struct worker_folder *f = calloc(1, sizeof(*f));
	struct folder_conf folder = { .name = l->name,
		.path = l->path,
		.files = l->files,
		.file_bytes = conf->file_bytes,
		.look_ms = l->look_ms,
		.settle_ms = l->settle_ms,
		.incomplete_ms = l->incomplete_ms };
	struct folder_events events = { f, is_whole, on_file, on_put_away };

	if (f == NULL)
		return YT_ENOMEM;
	f->conf = *conf;
	*out = f;
	return folder_open(&f->folder, loop, &folder, &events);
}

void worker_folder_verdict(
        struct worker_folder *f, struct server_token token, enum yt_outcome outcome, struct yt_str text)
{
	f->told = outcome;
	free(f->why);
	f->why = text.n > 0 ? strndup(text.p, text.n) : NULL;
}

/* The bank wrote it once, and will not again. */
static void ask_later(struct worker_folder *f, struct server_token token)
{
	folder_answer(f->folder, token, FOLDER_LATER, (struct yt_str){ 0 });
	engine_flushed(f->conf.engine, token_to(f, token)); /* nothing is put away, which would say so */
}

void worker_folder_answer(struct worker_folder *f, struct server_token token, int status, struct yt_str body)
{
	if (f->folder == NULL)
		return; /* closed: it stays in taken */
	if (status == 503 || (status == 200 && f->told == YT_UNKNOWN))
		ask_later(f, token);
	else if (status != 200)
		folder_answer(f->folder, token, FOLDER_REFUSED, body);
	else if (f->told == YT_DONE)
		folder_answer(f->folder, token, FOLDER_DONE, (struct yt_str){ 0 });
	else
		folder_answer(f->folder, token, FOLDER_REFUSED,
		        f->why != NULL ? yt_str(f->why) : YT_STR("refused before, for the reason given then"));
}

void worker_folder_drop(struct worker_folder *f, struct server_token token)
{
	if (f->folder != NULL)
		folder_answer(f->folder, token, FOLDER_LATER, (struct yt_str){ 0 });
}

void worker_folder_drain(struct worker_folder *f, void (*done)(void *arg), void *arg)
{
	folder_drain(f->folder, done, arg);
}

void worker_folder_close(struct worker_folder *f)
{
	if (f->folder != NULL)
		folder_close(f->folder);
	f->folder = NULL; /* the engine may still be told of legs that end now, and answer */
}

void worker_folder_free(struct worker_folder *f)
{
	if (f == NULL)
		return;
	free(f->why);
	free(f);
}
