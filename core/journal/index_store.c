/* core/journal/index_store.c - the batch into the file, in one transaction with the position it reaches. */
#include "journal/index_parts.h"

#include <stdio.h>
#include <stdlib.h>

#define WORKERS_KEPT 1024 /* incarnations whose last sequence is remembered */

static int store_entry(struct index *index, const struct index_entry *e, struct yt_buf *scratch, int64_t *counts)
{
	bool columns_are_same = e->is_stored && index_columns_digest(e) == e->columns_were;
	sqlite3_stmt *st = index_statement(index, !e->is_stored      ? ST_INSERT
	                                          : columns_are_same ? ST_UPDATE_FOLD
	                                                             : ST_UPDATE);
	int rc = SQLITE_OK, rv = e->were.failed ? YT_ENOMEM : index_row_bind(st, e, scratch);

	if (rv == 0)
		rc = sqlite3_step(st);
	sqlite3_reset(st);
	if (!e->is_stored && (rc & 0xff) == SQLITE_CONSTRAINT) { /* seldom: OR REPLACE makes each insertion dearer */
		st = index_statement(index, ST_REPLACE);
		rv = index_row_bind(st, e, scratch);
		rc = rv == 0 ? sqlite3_step(st) : SQLITE_OK;
		sqlite3_reset(st);
	}
	if (rv == 0)
		rv = index_error(rc);
	if (rv == 0 && (!columns_are_same || e->were.n > 0))
		rv = index_store_payouts(index, e);
	counts[e->x.state]++;
	if (e->is_stored)
		counts[e->state_was]--;
	return rv;
}

static int store_queries(struct index *index, int64_t *counts)
{
	const struct index_batch *b = &index->batch;
	sqlite3_stmt *st = index_statement(index, ST_QUERIES_ADD);
	int rv = 0;

	for (size_t i = 0; rv == 0 && i < b->n_queries; i++) {
		sqlite3_bind_int64(st, 1, b->queries[i].bucket);
		sqlite3_bind_int64(st, 2, (sqlite3_int64)b->queries[i].position);
		sqlite3_bind_int64(st, 3, (sqlite3_int64)b->queries[i].n);
		rv = index_error(sqlite3_step(st));
		sqlite3_reset(st);
		counts[X_READ] += (int64_t)b->queries[i].n;
	}
	return rv;
}

int index_store_counts(struct index *index, const int64_t *counts)
{
	sqlite3_stmt *st = index_statement(index, ST_COUNT_ADD);
	int rv = 0;

	for (int state = 0; rv == 0 && state <= X_READ; state++) {
		if (counts[state] == 0)
			continue;
		sqlite3_bind_int(st, 1, state);
		sqlite3_bind_int64(st, 2, counts[state]);
		rv = index_error(sqlite3_step(st));
		sqlite3_reset(st);
	}
	return rv;
}

#define DAY_MS (24 * INT64_C(3600000))

/* Below which key records of that kind are of no use any more; false: all are. */
static bool oldest_kept(const struct index_kept *kept, char oldest[16])
{
	char time[15];
	struct rec rec;
	size_t used;

	if (kept->kind == REC_WORKER && strtoul(kept->key, NULL, 10) > WORKERS_KEPT) {
		snprintf(oldest, 16, "%010lu", strtoul(kept->key, NULL, 10) - WORKERS_KEPT);
		return true;
	}
	if (kept->kind != REC_ROOM || rec_read(yt_buf_view(&kept->record), &rec, &used) != 0)
		return false;
	yt_time_compact(rec.wall_ms - DAY_MS, time); /* sums of days: yesterday's are kept for clocks that step */
	snprintf(oldest, 16, "%.8s", time);
	return true;
}

static int store_kept(struct index *index, const struct index_kept *kept)
{
	sqlite3_stmt *st = index_statement(index, ST_KEEP);
	char oldest[16];
	int rv;

	sqlite3_bind_int(st, 1, kept->kind);
	sqlite3_bind_text(st, 2, kept->key, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 3, (sqlite3_int64)kept->pos);
	sqlite3_bind_blob(st, 4, kept->record.p, (int)kept->record.n, SQLITE_STATIC);
	rv = index_error(sqlite3_step(st));
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	if (rv != 0 || !oldest_kept(kept, oldest))
		return rv;
	st = index_statement(index, ST_KEPT_OLD);
	sqlite3_bind_int(st, 1, kept->kind);
	sqlite3_bind_text(st, 2, oldest, -1, SQLITE_TRANSIENT);
	return index_run(index, ST_KEPT_OLD);
}

static int store_position(struct index *index, log_pos position)
{
	const struct index_batch *b = &index->batch;
	sqlite3_stmt *st = index_statement(index, ST_POSITION_SET);
	log_pos last = b->n_records > 0 ? b->last_commit : index->last_commit;
	uint64_t digest = b->n_records > 0 ? b->digest : index->last_digest;
	int rv;

	sqlite3_bind_int64(st, 1, (sqlite3_int64)position);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)last);
	sqlite3_bind_int64(st, 3, (sqlite3_int64)digest);
	rv = index_run(index, ST_POSITION_SET);
	if (rv == 0)
		rv = index_run(index, ST_COMMIT);
	if (rv != 0)
		return rv;
	index->position = position;
	index->last_commit = last;
	index->last_digest = digest;
	return 0;
}

int index_flush(struct index *index, log_pos position)
{
	struct index_batch *b = &index->batch;
	int64_t counts[X_READ + 1] = { 0 };
	struct yt_buf scratch = { 0 };
	int rv = index_run(index, ST_BEGIN);

	if (rv != 0)
		goto out;
	for (size_t i = 0; rv == 0 && i < b->n; i++)
		rv = store_entry(index, &b->entry[i], &scratch, counts);
	if (rv == 0)
		rv = store_queries(index, counts);
	if (rv == 0)
		rv = index_store_counts(index, counts);
	for (size_t i = 0; rv == 0 && i < b->n_kept; i++)
		rv = store_kept(index, &b->kept[i]);
	if (rv == 0)
		rv = index_facts_store(index);
	if (rv == 0)
		rv = store_position(index, position);
	if (rv != 0)
		index_run(index, ST_ROLLBACK);
out:
	yt_buf_free(&scratch);
	index_batch_free(b);
	return rv;
}
