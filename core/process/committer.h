/* core/process/committer.h - the keeper's thread that makes commits durable, one at a time.
 *
 * The keeper's loop hands over what its machine gathered (committer_start) and goes on with the rings;
 * the loop hears by an async wake that the commit is on disk.  Anchors are made here too, since a signature
 * takes longer than a commit. */
#ifndef YT_PROCESS_COMMITTER_H
#define YT_PROCESS_COMMITTER_H

#include <uv.h>

#include "format/keys.h"
#include "journal/index.h"

struct committer;
/* done: on the loop; result is log_commit()'s.  keys: for anchors; NULL: none are made. */
typedef void (*committer_done)(void *arg, int result, log_pos pos);
/* fresh: on the committing thread, for each durable commit before done; its records are borrowed. */
typedef void (*committer_fresh)(void *arg, const struct index_commit *commit);
int committer_open(struct committer **out, uv_loop_t *loop, struct log *log, const struct yt_io *io,
        const struct yt_keys *keys, int64_t anchor_ms, committer_done done, committer_fresh fresh, void *arg);
void committer_set_anchor(struct committer *committer, int64_t anchor_ms); /* from now on */
bool committer_is_idle(const struct committer *committer);
/* It is idle, and commits since the last signed head are older than they should be unsigned (or a segment closed): a
 * commit without records is to be started where there are none.  Heads that sign nothing but an anchor are never owed.
 */
bool committer_owes_anchor(const struct committer *committer);
/* records: borrowed until done.  Empty: an anchor alone, of a committer that owes one. */
void committer_start(struct committer *committer, struct yt_str records);
/* Signs the head once more and ends the thread; frees after the loop has run. */
void committer_close(struct committer *committer);

#endif
