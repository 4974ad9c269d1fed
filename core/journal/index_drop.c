/* core/journal/index_drop.c - takes out of the index what the log has long dropped.
 *
 * Called by the index thread after segments were retired, again and again, a batch each time, so that feeding is not
 * held up.  What is still open stays, as does whatever has a record in the segments that are left. */
#include "journal/index_parts.h"

#include <stdlib.h>

struct dropping {
	uint64_t *id;
	size_t n;
	int64_t counts[X_READ + 1]; /* rows dropped, by state */
};

/* The oldest rows that may go, at most max. */
static int find_old(struct index *index, log_pos before, int64_t wall_ms, size_t max, struct dropping *d)
{
	sqlite3_stmt *st = index_statement(index, ST_OLD);
	struct exchange x;
	int rc, rv = 0;

	sqlite3_bind_int64(st, 1, INDEX_BUCKET(wall_ms));
	while (rv == 0 && d->n < max && (rc = sqlite3_step(st)) != SQLITE_DONE) {
		rv = rc == SQLITE_ROW ? index_row_read(st, &x) : index_error(rc);
		if (rv != 0 || x.last_pos >= before)
			continue;
		d->id[d->n++] = x.id;
		d->counts[x.state]--;
	}
	sqlite3_reset(st);
	return rv;
}

static int drop_row(struct index *index, uint64_t id)
{
	static const enum index_statement of_it[] = { ST_PAYOUTS_DROP, ST_DROP };
	int rv = 0;

	for (size_t i = 0; rv == 0 && i < sizeof(of_it) / sizeof(of_it[0]); i++) {
		sqlite3_bind_int64(index_statement(index, of_it[i]), 1, (sqlite3_int64)id);
		rv = index_run(index, of_it[i]);
	}
	return rv;
}

/* Where the queries of that time began: one row each few minutes, so all at once. */
static int drop_queries(struct index *index, log_pos before, int64_t wall_ms, struct dropping *d)
{
	static const enum index_statement steps[] = { ST_QUERIES_OLD, ST_QUERIES_DROP };
	int rc = SQLITE_DONE;

	for (size_t i = 0; i < 2 && (rc == SQLITE_DONE || rc == SQLITE_ROW); i++) {
		sqlite3_stmt *st = index_statement(index, steps[i]);

		sqlite3_bind_int64(st, 1, INDEX_BUCKET(wall_ms));
		sqlite3_bind_int64(st, 2, (sqlite3_int64)before);
		rc = sqlite3_step(st);
		if (rc == SQLITE_ROW)
			d->counts[X_READ] -= sqlite3_column_int64(st, 0);
		sqlite3_reset(st);
	}
	return index_error(rc);
}

int index_drop_before(struct index *index, log_pos before, int64_t wall_ms, size_t max, bool *more)
{
	struct dropping d = { .id = malloc(max * sizeof(*d.id)) };
	int rv = d.id == NULL ? YT_ENOMEM : find_old(index, before, wall_ms, max, &d);

	*more = rv == 0 && d.n == max;
	if (rv == 0)
		rv = index_run(index, ST_BEGIN);
	if (rv != 0)
		goto out;
	for (size_t i = 0; rv == 0 && i < d.n; i++)
		rv = drop_row(index, d.id[i]);
	if (rv == 0)
		rv = drop_queries(index, before, wall_ms, &d);
	if (rv == 0)
		rv = index_facts_drop(index, before, max, more);
	if (rv == 0)
		rv = index_store_counts(index, d.counts);
	if (rv == 0)
		rv = index_run(index, ST_COMMIT);
	if (rv != 0)
		index_run(index, ST_ROLLBACK);
out:
	free(d.id);
	return rv;
}
