/* core/journal/index_take.c - the batch in memory: each record of the log folded into what it will be in the file.
 *
 * Called for every record by index_feed.c; index_store.c writes the batch when it is full or at the end. */
#include "journal/index_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void index_batch_free(struct index_batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		yt_buf_free(&b->entry[i].places);
		yt_buf_free(&b->entry[i].were);
	}
	for (size_t i = 0; i < b->n_kept; i++)
		yt_buf_free(&b->kept[i].record);
	free(b->entry);
	free(b->slot);
	free(b->kept);
	free(b->queries);
	free(b->facts);
	memset(b, 0, sizeof(*b));
}

static uint32_t *find_slot(const struct index_batch *b, uint64_t id)
{
	uint32_t i = (uint32_t)(id * 0x9e3779b97f4a7c15u >> 32) & b->mask;

	while (b->slot[i] != 0 && b->entry[b->slot[i] - 1].x.id != id)
		i = (i + 1) & b->mask;
	return &b->slot[i];
}

static bool grow(struct index_batch *b)
{
	size_t cap = b->cap == 0 ? 1024 : b->cap * 2;
	struct index_entry *entry = realloc(b->entry, cap * sizeof(*entry));
	uint32_t *slot;

	if (entry == NULL)
		return false;
	b->entry = entry;
	slot = calloc(cap * 2, sizeof(*slot));
	if (slot == NULL)
		return false;
	free(b->slot);
	b->slot = slot;
	b->mask = (uint32_t)(cap * 2 - 1);
	b->cap = cap;
	for (size_t i = 0; i < b->n; i++)
		*find_slot(b, b->entry[i].x.id) = (uint32_t)i + 1;
	return true;
}

/* The row of an exchange that began in an earlier batch. */
static int load_entry(struct index *index, uint64_t id, struct index_entry *e)
{
	sqlite3_stmt *st = index_statement(index, ST_GET);
	int rc, rv;

	sqlite3_bind_int64(st, 1, (sqlite3_int64)id);
	rc = sqlite3_step(st);
	rv = rc == SQLITE_ROW ? index_row_read(st, &e->x) : index_error(rc);
	if (rc == SQLITE_ROW && rv == 0) {
		yt_buf_add(
		        &e->places, sqlite3_column_blob(st, COL_PLACES), (size_t)sqlite3_column_bytes(st, COL_PLACES));
		e->is_stored = true;
		e->is_admitted = sqlite3_column_int(st, COL_ADMITTED) != 0;
		e->last_place = e->x.last_pos;
		e->state_was = e->x.state;
		e->columns_were = index_columns_digest(e);
	}
	sqlite3_reset(st);
	return rv;
}

enum entry_begin { ENTRY_OLD, ENTRY_NEW, ENTRY_EITHER };

static enum entry_begin begins_with(enum rec_type type)
{
	if (type == REC_CARRIED || type == REC_PARKED) /* parked also begins: octets that killed their reader */
		return ENTRY_EITHER;
	return type == REC_ACCEPTED || type == REC_REFUSED ? ENTRY_NEW : ENTRY_OLD;
}

/* YT_ENOTFOUND: a later record of an exchange that began before what the log still holds. */
static int entry_of(struct index *index, uint64_t id, enum entry_begin begins, struct index_entry **out)
{
	struct index_batch *b = &index->batch;
	uint32_t *slot;
	int rv;

	if (b->n == b->cap && !grow(b))
		return YT_ENOMEM;
	slot = find_slot(b, id);
	if (*slot == 0) {
		memset(&b->entry[b->n], 0, sizeof(b->entry[b->n]));
		rv = begins == ENTRY_NEW ? 0 : load_entry(index, id, &b->entry[b->n]);
		if (rv != 0)
			return rv;
		if (begins == ENTRY_OLD && !b->entry[b->n].is_stored)
			return YT_ENOTFOUND;
		b->entry[b->n].x.id = id;
		*slot = (uint32_t)++b->n;
	}
	*out = &b->entry[*slot - 1];
	return 0;
}

/* ---- the keeper's own records: the newest of each kind and key ---- */

/* Under which key a record stays; false when nothing of it is kept. */
static bool key_of(const struct rec *rec, enum rec_type type, char *key, size_t size)
{
	switch (type) {
	case REC_WORKER: /* ten digits: text order is number order */
		snprintf(key, size, "%010u", (unsigned)rec_get_u64(rec, REC_T_WORKER));
		return true;
	case REC_NUMBER:
		snprintf(key, size, "%.*s", YT_FMT(rec_get(rec, REC_T_INSTITUTION)));
		return true;
	case REC_SESSION:
		snprintf(key, size, "%.*s|%.*s|%.*s", YT_FMT(rec_get(rec, REC_T_PARTY)),
		        YT_FMT(rec_get(rec, REC_T_INSTITUTION)), YT_FMT(rec_get(rec, REC_T_OPERATOR)));
		return true;
	case REC_GENERATION:
		snprintf(key, size, "newest");
		return true;
	case REC_LANE:
		snprintf(key, size, "%.*s", YT_FMT(rec_get(rec, REC_T_PARTY)));
		return true;
	case REC_ROOM: /* begins with its day */
		snprintf(key, size, "%.*s", YT_FMT(rec_get(rec, REC_T_LIMIT_KEY)));
		return true;
	default:
		return false;
	}
}

/* Whether rec says more than what is kept: the highest number and sequence, of the others the newest. */
static bool is_newer(const struct rec *rec, struct yt_str kept, enum rec_type type)
{
	struct rec old;
	size_t used;

	if (rec_read(kept, &old, &used) != 0)
		return true;
	if (type == REC_WORKER)
		return rec_get_u64(rec, REC_T_SEQ) >= rec_get_u64(&old, REC_T_SEQ);
	if (type == REC_NUMBER && rec_get_i64(rec, REC_T_SECOND) != rec_get_i64(&old, REC_T_SECOND))
		return rec_get_i64(rec, REC_T_SECOND) > rec_get_i64(&old, REC_T_SECOND);
	if (type == REC_NUMBER)
		return rec_get_u64(rec, REC_T_SERIAL) >= rec_get_u64(&old, REC_T_SERIAL);
	return true;
}

static int load_kept(struct index *index, struct index_kept *kept)
{
	sqlite3_stmt *st = index_statement(index, ST_KEPT_GET);
	int rc;

	sqlite3_bind_int(st, 1, kept->kind);
	sqlite3_bind_text(st, 2, kept->key, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		kept->pos = (log_pos)sqlite3_column_int64(st, 0);
		yt_buf_add(&kept->record, sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1));
	}
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return kept->record.failed ? YT_ENOMEM : index_error(rc);
}

static int kept_of(struct index *index, enum rec_type kind, const char *key, struct index_kept **out)
{
	struct index_batch *b = &index->batch;
	struct index_kept *kept;
	int rv;

	for (size_t i = b->n_kept; i-- > 0;) { /* the newest first: a batch repeats the same few */
		if (b->kept[i].kind == (int)kind && strcmp(b->kept[i].key, key) == 0) {
			*out = &b->kept[i];
			return 0;
		}
	}
	if (b->n_kept == b->cap_kept) {
		size_t cap = b->cap_kept == 0 ? 16 : b->cap_kept * 2;

		kept = realloc(b->kept, cap * sizeof(*kept));
		if (kept == NULL)
			return YT_ENOMEM;
		b->kept = kept;
		b->cap_kept = cap;
	}
	kept = &b->kept[b->n_kept];
	memset(kept, 0, sizeof(*kept));
	kept->kind = (int)kind;
	snprintf(kept->key, sizeof(kept->key), "%s", key);
	rv = load_kept(index, kept);
	if (rv != 0) {
		yt_buf_free(&kept->record);
		return rv;
	}
	b->n_kept++;
	*out = kept;
	return 0;
}

static int keep_record(struct index *index, const struct rec *rec, log_pos pos)
{
	enum rec_type type =
	        rec->type == REC_CARRIED ? (enum rec_type)rec_get_u64(rec, REC_T_ORIGINAL_TYPE) : rec->type;
	struct index_kept *kept;
	char key[sizeof(kept->key)];
	int rv;

	if (!key_of(rec, type, key, sizeof(key)))
		return 0;
	rv = kept_of(index, type, key, &kept);
	if (rv != 0 || !is_newer(rec, yt_buf_view(&kept->record), type))
		return rv;
	yt_buf_clear(&kept->record);
	yt_buf_str(&kept->record, rec->whole);
	kept->pos = pos;
	return kept->record.failed ? YT_ENOMEM : 0;
}

/* ---- one record ---- */

void index_note_commit(struct index_batch *b, const struct rec *rec, log_pos pos)
{
	if (pos != b->last_commit || b->n_records == 0)
		b->digest = 0xcbf29ce484222325u;
	b->last_commit = pos;
	b->digest = (b->digest ^ rec->exchange) * 0x100000001b3u;
	b->digest = (b->digest ^ (uint64_t)rec->wall_ms) * 0x100000001b3u;
	b->digest = (b->digest ^ (uint64_t)rec->type) * 0x100000001b3u;
	b->n_records++;
}

/* Queries are most of the traffic and nothing follows from them: they have no rows of their own, only where in
 * the log those of some minutes begin. */
static int note_query(struct index_batch *b, const struct rec *rec, log_pos pos)
{
	int64_t bucket = INDEX_BUCKET(rec->wall_ms);
	struct index_queries *queries;

	for (size_t i = b->n_queries; i-- > 0;) {
		if (b->queries[i].bucket == bucket) {
			b->queries[i].n++;
			return 0;
		}
	}
	queries = realloc(b->queries, (b->n_queries + 1) * sizeof(*queries));
	if (queries == NULL)
		return YT_ENOMEM;
	b->queries = queries;
	b->queries[b->n_queries++] = (struct index_queries){ bucket, pos, 1 };
	return 0;
}

/* By what its bank may still speak of a payout, when a later one takes its place within one batch.  Its own number and
 * its order's are in the row (exchange.older). */
static void apply_payout(struct index_entry *e, const struct rec *rec, log_pos pos)
{
	char uetr[sizeof(e->x.pay_uetr)], serial[EXCHANGE_SERIAL_KEY], now[EXCHANGE_SERIAL_KEY];

	memcpy(uetr, e->x.pay_uetr, sizeof(uetr));
	exchange_serial_key(yt_str(e->x.pay_serial), e->x.pay_fen, serial);
	exchange_apply(&e->x, rec, pos);
	exchange_serial_key(yt_str(e->x.pay_serial), e->x.pay_fen, now);
	if (uetr[0] != '\0' && strcmp(uetr, e->x.pay_uetr) != 0)
		yt_buf_add(&e->were, uetr, strlen(uetr) + 1);
	if (serial[0] != '\0' && strcmp(serial, now) != 0)
		yt_buf_add(&e->were, serial, strlen(serial) + 1);
}

int index_take(struct index *index, const struct rec *rec, log_pos pos)
{
	struct index_entry *e;
	int rv;

	index_note_commit(&index->batch, rec, pos);
	if (rec->type == REC_READ)
		return note_query(&index->batch, rec, pos);
	if (rec->type == REC_FACTS)
		return index_facts_take(&index->batch, rec, pos);
	if (rec->exchange == 0 || rec->type == REC_NUMBER || rec->type == REC_SESSION)
		return keep_record(index, rec, pos);
	rv = entry_of(index, rec->exchange, begins_with(rec->type), &e);
	if (rv != 0)
		return rv == YT_ENOTFOUND ? 0 : rv;
	if (rec->type == REC_ACCEPTED || (rec->type == REC_CARRIED && !e->is_stored))
		e->is_admitted = true;
	index_places_add(e, pos);
	if (e->x.pay_no[0] != '\0')
		apply_payout(e, rec, pos);
	else
		exchange_apply(&e->x, rec, pos);
	e->is_admitted = e->is_admitted && (e->x.flags & REC_X_FORSAKEN) == 0;
	return 0;
}
