/* core/process/indexer.h - the keeper's thread that feeds the index and keeps prewritten segments ready.
 *
 * Everything slow that no commit waits for: SQLite batches, zeroing of reserve segments.  Commits are taken from
 * the memory of the committing thread; at start, and when it has fallen behind, they are read from the log.  The loop
 * hears by an async wake how far the index has come. */
#ifndef YT_PROCESS_INDEXER_H
#define YT_PROCESS_INDEXER_H

#include <uv.h>

#include "journal/index.h"

struct indexer;
typedef void (*indexer_done)(void *arg, log_pos position);
/* index: writable, the indexer's from here on. */
int indexer_open(struct indexer **out, uv_loop_t *loop, struct index *index, struct log *log, const struct yt_io *io,
        const struct log_conf *conf, indexer_done done, void *arg);
/* From the committing thread: a durable commit, copied, so that the log need not be read for it.  What does not fit is
 * left to be read. */
void indexer_offer(struct indexer *indexer, const struct index_commit *commit);
log_pos indexer_position(const struct indexer *indexer);
/* False while it cannot be fed, as on a full disk: it is tried again.  For ever once it does not fit the log. */
bool indexer_is_usable(const struct indexer *indexer);
/* Drops the segments before that position, soon; what was needed of them is written again and durable.  Then rows of
 * the index, a few at a time, whose exchanges are over, not in the log any more and began before rows_before_ms. */
void indexer_retire(struct indexer *indexer, log_pos before, int64_t rows_before_ms);
/* Feeds what is left, closes the index and ends the thread; frees after the loop has run. */
void indexer_close(struct indexer *indexer);

#endif
