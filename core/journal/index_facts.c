/* core/journal/index_facts.c - where the pieces of case facts stand (REC_FACTS), by case.
 *
 * index_take.c and index_store.c take and store them with each batch; the keeper asks index_facts() for what its memory
 * does not hold (keeper_facts.c).  The key names no person: his number stands in it as a keyed hash. */
#include "journal/index_parts.h"
#include "journal/keeper.h"

#include <stdlib.h>
#include <string.h>

static int add(struct index_batch *b, struct yt_str key, log_pos pos, const struct rec *rec)
{
	struct index_fact *f;

	if (key.n == 0 || key.n >= sizeof(f->key))
		return 0;
	if (b->n_facts == b->cap_facts) {
		size_t cap = b->cap_facts == 0 ? 64 : b->cap_facts * 2;

		f = realloc(b->facts, cap * sizeof(*f));
		if (f == NULL)
			return YT_ENOMEM;
		b->facts = f;
		b->cap_facts = cap;
	}
	f = &b->facts[b->n_facts++];
	memset(f, 0, sizeof(*f));
	memcpy(f->key, key.p, key.n);
	f->pos = pos;
	f->exchange = rec->exchange;
	f->wall_ms = rec->wall_ms;
	return 0;
}

int index_facts_take(struct index_batch *b, const struct rec *rec, log_pos pos)
{
	struct rec_field field;
	size_t at = 0;
	int rv = 0;

	while (rv == 0 && rec_next(rec, &at, &field))
		if (field.tag == REC_T_CASE)
			rv = add(b, field.value, pos, rec);
	return rv;
}

int index_facts_store(struct index *index)
{
	const struct index_batch *b = &index->batch;
	sqlite3_stmt *st = b->n_facts > 0 ? index_statement(index, ST_FACT_ADD) : NULL;
	int rv = 0;

	for (size_t i = 0; rv == 0 && i < b->n_facts; i++) {
		sqlite3_bind_text(st, 1, b->facts[i].key, -1, SQLITE_STATIC);
		sqlite3_bind_int64(st, 2, (sqlite3_int64)b->facts[i].pos);
		sqlite3_bind_int64(st, 3, (sqlite3_int64)b->facts[i].exchange);
		sqlite3_bind_int64(st, 4, b->facts[i].wall_ms);
		rv = index_error(sqlite3_step(st));
		sqlite3_reset(st);
	}
	return rv;
}

int index_facts(struct index *index, struct yt_str case_key, struct fact_place *out, size_t max, size_t *n)
{
	sqlite3_stmt *st = index_statement(index, ST_FACTS);
	int rc = SQLITE_ROW;

	*n = 0;
	if (st == NULL)
		return index_error(sqlite3_errcode(index->db));
	sqlite3_bind_text(st, 1, case_key.p, (int)case_key.n, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)max);
	while (*n < max && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		out[*n].pos = (log_pos)sqlite3_column_int64(st, 0);
		out[*n].exchange = (uint64_t)sqlite3_column_int64(st, 1);
		out[(*n)++].wall_ms = sqlite3_column_int64(st, 2);
	}
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return index_error(rc);
}

/* They stand in the order of the log, so the oldest come first. */
int index_facts_drop(struct index *index, log_pos before, size_t max, bool *more)
{
	sqlite3_stmt *st = index_statement(index, ST_FACTS_OLD);
	int64_t last = 0;
	size_t n = 0;
	int rc;

	sqlite3_bind_int64(st, 1, (sqlite3_int64)max);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW && (log_pos)sqlite3_column_int64(st, 1) < before) {
		last = sqlite3_column_int64(st, 0);
		n++;
	}
	sqlite3_reset(st);
	*more = *more || n == max;
	if (n == 0 || index_error(rc) != 0)
		return index_error(rc);
	st = index_statement(index, ST_FACTS_DROP);
	sqlite3_bind_int64(st, 1, last);
	return index_run(index, ST_FACTS_DROP);
}
