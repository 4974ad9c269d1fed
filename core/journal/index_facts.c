/* core/journal/index_facts.c - where the pieces of case facts stand (REC_FACTS), by case.
 *
 * index.c takes and stores them with each batch; the keeper asks index_facts() for what its memory does not hold
 * (keeper_facts.c).  The key names no person: his number stands in it as a keyed hash. */
#include "journal/index_parts.h"
#include "journal/keeper.h"

#include <stdlib.h>
#include <string.h>

static int add(struct index_batch *b, struct yt_str key, log_pos pos, uint64_t exchange)
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
	f->exchange = exchange;
	return 0;
}

int index_facts_take(struct index_batch *b, const struct rec *rec, log_pos pos)
{
	struct rec_field field;
	size_t at = 0;
	int rv = 0;

	while (rv == 0 && rec_next(rec, &at, &field))
		if (field.tag == REC_T_CASE)
			rv = add(b, field.value, pos, rec->exchange);
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
		rv = index_error(sqlite3_step(st));
		sqlite3_reset(st);
	}
	return rv;
}

size_t index_facts(struct index *index, struct yt_str case_key, struct fact_place *out, size_t max)
{
	sqlite3_stmt *st = index_statement(index, ST_FACTS);
	size_t n = 0;

	if (st == NULL)
		return 0;
	sqlite3_bind_text(st, 1, case_key.p, (int)case_key.n, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)max);
	while (n < max && sqlite3_step(st) == SQLITE_ROW) {
		out[n].pos = (log_pos)sqlite3_column_int64(st, 0);
		out[n++].exchange = (uint64_t)sqlite3_column_int64(st, 1);
	}
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return n;
}
