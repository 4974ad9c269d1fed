/* core/net/folder.h - inbound by files: a folder in which others put messages, each a file.
 *
 * One worker opens it per listener of kind folder (process/worker_files.c).  Below path are the folders
 *   in       where files are put
 *   taken    a file whose message is being worked on; it is found there again after a crash
 *   done     files whose message was answered, refused those whose message was refused, each with NAME.why.txt
 * All must be on one file system.  Of several processes that open the same folder one works, by a lock on taken; the
 * others wait for it to go away.  Nothing on the loop touches a disk: that is the thread pool's. */
#ifndef YT_NET_FOLDER_H
#define YT_NET_FOLDER_H

#include <uv.h>

#include "net/server.h"

#define FOLDER_LISTED_MAX 10000 /* files of one look; the others are seen by the next */
#define FOLDER_FILES_MAX 256    /* at once */

struct folder_conf {
	const char *name; /* of the listener, for the log */
	const char *path;
	uint32_t files;         /* at once, 1 .. FOLDER_FILES_MAX */
	uint32_t file_bytes;    /* a larger one is refused */
	uint32_t look_ms;       /* the folder is looked at so often, and whenever the kernel says that it changed */
	uint32_t settle_ms;     /* a file is taken when size, time and inode have been the same for so long */
	uint32_t incomplete_ms; /* one that has not come to its end stays for so long, then it is refused */
};

enum folder_verdict {
	FOLDER_DONE = 1, /* to done */
	FOLDER_REFUSED,  /* to refused, with why beside it */
	FOLDER_LATER     /* stays, and is handed in again after look_ms */
};

/* Called from the loop only, never from inside a folder_ function. */
struct folder_events {
	void *arg;
	/* Whether these octets have come to the end of their message. */
	bool (*is_whole)(void *arg, struct yt_str octets);
	/* One file; name as it was in `in`.  To be answered once by folder_answer(), from inside or later. */
	void (*on_file)(void *arg, struct server_token token, struct yt_str name, struct yt_str octets);
	/* It lies where the verdict wanted it. */
	void (*on_put_away)(void *arg, struct server_token token);
};

struct folder;
int folder_open(
        struct folder **out, uv_loop_t *loop, const struct folder_conf *conf, const struct folder_events *events);
/* why: copied; text for people, with FOLDER_REFUSED.  Stale tokens are ignored. */
void folder_answer(struct folder *folder, struct server_token token, enum folder_verdict verdict, struct yt_str why);
/* Takes nothing any more and lets go of the folder; done(arg) when nothing is under way.  Once. */
void folder_drain(struct folder *folder, void (*done)(void *arg), void *arg);
/* Frees it after the loop has run; what was not answered stays in taken. */
void folder_close(struct folder *folder);

#endif
