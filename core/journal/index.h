/* core/journal/index.h - the SQLite index over the log: found by number, visit, settlement, day ...
 *
 * Derived: it can be deleted and is rebuilt from the log (`yitong index rebuild`).  The keeper's index
 * thread feeds it in batches, the position it has reached is in the same transaction; the keeper asks
 * it for admission keys that have left memory; the yitong command reads it beside a running keeper.
 * WAL, synchronous=NORMAL.  One struct is for one thread. */
#ifndef YT_JOURNAL_INDEX_H
#define YT_JOURNAL_INDEX_H

#include "journal/exchange.h"

struct index;

/* Opens or creates path.  YT_ECORRUPT: it is there but cannot be used (damaged, other schema). */
int index_open(struct index **out, const char *path, bool writable);
void index_close(struct index *index);

/* Everything in [0, position) is in the index. */
log_pos index_position(const struct index *index);
/* Takes the commits of the log in [index_position(), to) into the index: one transaction each some
 * thousand records.  to 0: up to the last commit of the log, which itself is left for the next time, as only
 * the log's writer knows where it ends.  progress may be NULL.  YT_ECORRUPT when the log does not start where it
 * should, or is not the one the index was made from. */
int index_feed(struct index *index, const struct yt_io *io, const struct log_conf *conf, log_pos to,
        void (*progress)(void *arg, log_pos at), void *arg);

struct index_commit {          /* one commit of the log, from the memory of who made it */
	log_pos before;        /* where the log ended before it */
	log_pos pos, end;      /* where it stands, where the log ends now */
	struct yt_str records; /* whole; body fields may be references (log_last_records) */
};
/* The same as index_feed() without reading the log: each commit goes on where the one before ended, the first at
 * index_position().  YT_ESTATE: it does not; nothing was taken, the log must be read. */
int index_feed_commits(struct index *index, const struct index_commit *commits, size_t n);

/* Drops rows of exchanges that are over, began before wall_ms and have no record from position before on, the oldest
 * first and at most max in one transaction; and where the queries of that time were, and pieces of case facts before
 * that position.  *more: call again.  Their numbers bar nothing any more. */
int index_drop_before(struct index *index, log_pos before, int64_t wall_ms, size_t max, bool *more);

/* The exchange that an origin's message number names.  YT_ENOTFOUND. */
int index_find(struct index *index, struct yt_str institution, struct yt_str number, struct exchange *x);
/* The cancel of that settlement that is done.  YT_ENOTFOUND. */
int index_cancelled(struct index *index, struct yt_str institution, struct yt_str settlement, struct exchange *x);
/* The follow-up of that number, of whatever institution, or, where number is "+/" and a payout's or its order's, that
 * pays it. YT_ENOTFOUND. */
int index_find_follow_up(struct index *index, struct yt_str number, struct exchange *x);
/* Follow-ups of that person that wait for something to be told, exchange_waits_for_facts(), the oldest first, at most
 * max. */
int index_waiting(struct index *index, const uint8_t person[16], size_t max,
        void (*each)(void *arg, const struct exchange *x), void *arg);
/* From now on index_find() tells of most new numbers that they are new without reading the file.  For who asks by this
 * struct for every number before it can get into the index: the keeper. */
int index_expect_new(struct index *index);
int index_get(struct index *index, uint64_t exchange, struct exchange *x);
/* Every exchange that is open; stops when each returns other than 0. */
int index_open_exchanges(struct index *index, int (*each)(void *arg, const struct exchange *x), void *arg);
/* Those of them that the keeper loads at start; and of the others, exchange_may_rest(), when each is due. */
int index_awake(struct index *index, int (*each)(void *arg, const struct exchange *x), void *arg);
int index_resting_due(
        struct index *index, void (*each)(void *arg, uint64_t exchange, const struct rest *rest), void *arg);
/* Those that may rest, as they were accepted, from behind *after on, which is moved on; at most max.  YT_ENOTFOUND:
 * there were no more. */
int index_resting(struct index *index, struct exchange_cursor *after, size_t max,
        void (*each)(void *arg, const struct exchange *x), void *arg);
/* Those of that visit, at most max, in any order. */
int index_resting_of_visit(struct index *index, struct yt_str visit, size_t max,
        void (*each)(void *arg, const struct exchange *x), void *arg);
/* Payouts that were made and that no statement has told of yet, the oldest first: exchange_awaits_line(). */
int index_awaits_line(struct index *index, int (*each)(void *arg, const struct exchange *x), void *arg);
/* Statements with lines of no payment known here, the newest first, at most max. */
int index_strays(struct index *index, uint32_t max, int (*each)(void *arg, const struct exchange *x), void *arg);
/* State that is not an exchange's, for the keeper at start, oldest first: of REC_WORKER the last sequence of each
 * of the newest 1024 incarnations, of REC_NUMBER the highest per institution, of REC_SESSION the newest per party,
 * institution and operator, of REC_LANE per party, the newest REC_GENERATION. */
int index_keeper_records(struct index *index, log_each each, void *arg);
/* Commit positions that hold records of an exchange, oldest first; returns how many, at most max. */
int index_positions(struct index *index, uint64_t exchange, log_pos *out, size_t max);

/* Where pieces of the facts of a case (REC_FACTS) stand: the newest, newest first, *n of them, at most max. */
struct fact_place;
int index_facts(struct index *index, struct yt_str case_key, struct fact_place *out, size_t max, size_t *n);

struct index_filter { /* empty members do not filter */
	struct yt_str number, visit, settlement, institution, party, state, day /* yyyy-MM-dd */;
	uint32_t limit; /* 0: 100 */
};
/* Queries (REC_READ) have no rows: they stay in the log, and the index knows only where those of some minutes begin. */
struct index_queries {
	int64_t bucket;   /* wall clock in units of INDEX_BUCKET_MS since 1970, UTC */
	log_pos position; /* of the first commit with one */
	uint64_t n;
};
#define INDEX_BUCKET_MS (1 << 18) /* some four minutes */
/* Where to look for the queries of [from_ms, to_ms): at most max buckets, newest first.  Returns how many. */
int index_query_buckets(struct index *index, int64_t from_ms, int64_t to_ms, struct index_queries *out, size_t max);

/* The time that a filter's day speaks of; all time without one.  YT_EFORMAT: it is no date. */
int index_filter_times(const struct index_filter *filter, int64_t *from_ms, int64_t *to_ms);
/* Exchanges other than queries, newest first; stops when each returns other than 0.  YT_EFORMAT: no such state, or day
 * is not a date. */
int index_search(struct index *index, const struct index_filter *filter,
        int (*each)(void *arg, const struct exchange *x), void *arg);
/* Number of exchanges by state. */
int index_counts(struct index *index, void (*each)(void *arg, enum exchange_state state, uint64_t n), void *arg);

#endif
