/* core/process/worker_files.h - a worker's ends of messages that are files: listeners of kind folder.
 *
 *   net/folder.c -> a file is a request of its listener's origin -> engine
 *   engine -> verdict and answer -> the file goes to done or refused (net/folder.c) */
#ifndef YT_PROCESS_WORKER_FILES_H
#define YT_PROCESS_WORKER_FILES_H

#include "engine/engine.h"
#include "net/folder.h"
#include "process/box.h"
#include "process/conf.h"

struct worker_folder_conf {
	const struct conf_listener *listener;
	uint32_t file_bytes;
	struct engine *engine;
	struct engine_codec codec;
	const struct engine_origin *origin;
	struct box *box;
	uint64_t token; /* that of a file without its own part: which listener */
};

struct worker_folder;
/* conf is copied, what it points at lives longer. */
int worker_folder_open(struct worker_folder **out, uv_loop_t *loop, const struct worker_folder_conf *conf);
/* What the answer says that follows: engine_world.verdict. */
void worker_folder_verdict(
        struct worker_folder *folder, struct server_token token, enum yt_outcome outcome, struct yt_str text);
/* status 200: as the verdict said, YT_UNKNOWN: later; 503: later; else it is refused with body for a reason. */
void worker_folder_answer(struct worker_folder *folder, struct server_token token, int status, struct yt_str body);
void worker_folder_drop(struct worker_folder *folder, struct server_token token); /* nobody knows yet: later */
void worker_folder_drain(struct worker_folder *folder, void (*done)(void *arg), void *arg);
void worker_folder_close(struct worker_folder *folder); /* before the loop's last run */
void worker_folder_free(struct worker_folder *folder);  /* after it; NULL is fine */

#endif
