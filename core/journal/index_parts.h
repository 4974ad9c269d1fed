/* core/journal/index_parts.h - what the parts of the index share; nobody else but its test includes it.
 *
 *   index.c        schema, statements, open
 *   index_feed.c   follows the log
 *   index_take.c   a record into the batch in memory
 *   index_store.c  the batch into the file
 *   index_row.c    struct exchange <-> columns and folded rest
 *   index_find.c   questions
 *   index_facts.c  where the pieces of case facts stand
 *   index_seen.c   which numbers need no question
 *   index_drop.c   what is older than the log */
#ifndef YT_JOURNAL_INDEX_PARTS_H
#define YT_JOURNAL_INDEX_PARTS_H

#include <sqlite3.h>

#include "journal/index.h"

/* Order of the columns in every SELECT that index_row_read() reads, and of the parameters of INSERT.
 *
 * The SQL indexes are on numbers that grow with time wherever they can: a new row then goes to the end of each,
 * and a batch of a thousand exchanges touches a few dozen pages.  Indexes on the texts themselves, which begin with
 * the institution, touched a page each (27 us an exchange instead of 6, measured with 4,000 institutions). */
#define INDEX_COLUMNS                                                                                                  \
	"id, number_key, visit_key, settlement_key, bucket, institution, party, accepted_ms, state, is_open, "         \
	"admitted,"                                                                                                    \
	" fold, places, cancels_key, rest_due_ms, rest_set_ms, waits_key"
enum index_column {
	COL_ID,
	COL_NUMBER_KEY,
	COL_VISIT_KEY,
	COL_SETTLEMENT_KEY,
	COL_BUCKET,
	COL_INSTITUTION,
	COL_PARTY,
	COL_ACCEPTED,
	COL_STATE,
	COL_OPEN,
	COL_ADMITTED,
	COL_FOLD,
	COL_PLACES,
	COL_CANCELS_KEY,
	COL_REST_DUE,
	COL_REST_SET,
	COL_WAITS_KEY
};
/* In COL_OPEN: it is over, is the keeper's to load at start, or may rest here, due at COL_REST_DUE, as was said at
 * COL_REST_SET; or it is over, and a statement is still to tell of its payment, or is a statement with lines of no
 * payment known here. */
enum index_open { INDEX_OVER, INDEX_OPEN, INDEX_RESTS, INDEX_LINE = -1, INDEX_STRAYS = -2 };
#define INDEX_PARKED (-1) /* in COL_REST_DUE: nobody but people go on with it */

#define INDEX_BUCKET(ms) ((ms) >> 18) /* of INDEX_BUCKET_MS */

enum index_statement {
	ST_GET,
	ST_INSERT,
	ST_REPLACE,
	ST_UPDATE,
	ST_UPDATE_FOLD,
	ST_FIND,
	ST_CANCELLED,
	ST_FIND_ANY,
	ST_FIND_PAYOUT,
	ST_PAYOUT_ADD,
	ST_PAYOUTS_DROP,
	ST_WAITING,
	ST_RESTING_OF_VISIT,
	ST_HIGHEST,
	ST_OPEN,
	ST_LINES,
	ST_STRAYS,
	ST_AWAKE,
	ST_RESTING,
	ST_RESTING_DUE,
	ST_OLD,
	ST_DROP,
	ST_QUERIES_OLD,
	ST_QUERIES_DROP,
	ST_COUNT_ADD,
	ST_COUNTS,
	ST_POSITION_SET,
	ST_KEEP,
	ST_KEPT_GET,
	ST_KEPT_ALL,
	ST_KEPT_OLD,
	ST_BUCKET,
	ST_QUERIES_ADD,
	ST_QUERIES,
	ST_FACT_ADD,
	ST_FACTS,
	ST_FACTS_OLD,
	ST_FACTS_DROP,
	ST_BEGIN,
	ST_COMMIT,
	ST_ROLLBACK,
	ST_N
};

/* One exchange of the batch that is being gathered. */
struct index_entry {
	struct exchange x;
	struct yt_buf places; /* positions of its commits, see index_places_add() */
	struct yt_buf were;   /* names of earlier payouts that x does not say any more, each with its NUL */
	log_pos last_place;
	uint64_t columns_were; /* digest of what is in SQL indexes as stored; to leave them alone if equal */
	enum exchange_state state_was;
	bool is_stored;   /* there is a row */
	bool is_admitted; /* its number bars others: it was accepted, not refused at the door or read */
};

/* A record of the keeper's own that is to be stored; see keep_record() in index_take.c. */
struct index_kept {
	char key[112];
	struct yt_buf record;
	log_pos pos;
	int kind;
};

struct index_fact { /* a piece of case facts under one of its keys */
	char key[96];
	log_pos pos;
	uint64_t exchange;
	int64_t wall_ms;
};

struct index_batch {
	struct index_entry *entry;
	size_t n, cap;
	uint32_t *slot; /* hash of ids: entry number + 1 */
	uint32_t mask;
	struct index_kept *kept;
	size_t n_kept, cap_kept;
	struct index_queries *queries; /* those of the batch, by bucket */
	size_t n_queries;
	struct index_fact *facts;
	size_t n_facts, cap_facts;
	size_t n_records;
	log_pos last_commit; /* of the records in it */
	uint64_t digest;     /* of that commit's records */
};

struct index {
	sqlite3 *db;
	sqlite3_stmt *st[ST_N];
	bool is_writable;
	bool is_checked; /* that the log is the one the index was made from */
	log_pos position, last_commit;
	uint64_t last_digest;
	struct index_seen *seen; /* NULL: every question goes to SQLite */
	struct index_batch batch;
};

int index_error(int sqlite_rc); /* YT_E... */
/* The statement, ready to be bound; sqlite3_reset() it after use.  NULL when it cannot be prepared. */
sqlite3_stmt *index_statement(struct index *index, enum index_statement which);
int index_run(struct index *index, enum index_statement which);     /* one that gives no rows */
int index_store_counts(struct index *index, const int64_t *counts); /* by state, added to what is counted */

/* index_row.c */
/* What a text is indexed by: its last digits where it ends in a count or time, else a hash; never 0. */
int64_t index_key(struct yt_str text);
int64_t index_person_key(const uint8_t person[16]); /* the same of a keyed hash */
void index_fold_write(const struct exchange *x, struct yt_buf *out);
int index_row_read(sqlite3_stmt *row, struct exchange *x);
int index_row_bind(sqlite3_stmt *st, const struct index_entry *e, struct yt_buf *scratch);
int index_store_payouts(struct index *index, const struct index_entry *e);
uint64_t index_columns_digest(const struct index_entry *e);
void index_places_add(struct index_entry *e, log_pos pos);
size_t index_places_read(struct yt_str places, log_pos *out, size_t max);

/* index_find.c: the n highest numbers that end in a count or time, highest first. */
int index_highest_numbers(struct index *index, uint32_t n, int (*each)(void *arg, const struct exchange *x), void *arg);

/* index_facts.c */
int index_facts_take(struct index_batch *batch, const struct rec *rec, log_pos pos);
int index_facts_store(struct index *index);
/* At most max of those before that position, in the transaction that is open; *more is set when there may be others. */
int index_facts_drop(struct index *index, log_pos before, size_t max, bool *more);

/* index_seen.c: this number cannot be in the index; it is remembered as asked for. */
bool index_seen_is_new(struct index_seen *seen, struct yt_str institution, struct yt_str number);

/* By the batch's last commit one sees whether a log is the one that an index was made from. */
void index_note_commit(struct index_batch *batch, const struct rec *rec, log_pos pos);
/* Takes one record into the batch; index_flush() stores the batch and position in one transaction. */
int index_take(struct index *index, const struct rec *rec, log_pos pos);
int index_flush(struct index *index, log_pos position);
void index_batch_free(struct index_batch *batch);

#endif
