/* core/journal/index.c - the SQLite file: opening it, and the log's records into it batch by batch.
 *
 * The keeper's index thread calls index_feed() whenever the log has grown.  Per batch of some thousand
 * records:
 *  - index_take() folds each record into its exchange, in memory  (exchange_apply)
 *  - index_flush() writes each exchange once, the keeper's own records and the position, all in one
 *    transaction, so that a crash leaves the index at the end of a whole batch
 * Questions are in index_find.c. */
#include "journal/index_parts.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define APPLICATION_ID 0x59544958 /* "YTIX" */
#define SCHEMA_VERSION 5          /* raised with every change of schema or fold: older files are rebuilt */
#define BATCH_EXCHANGES 4000
#define BATCH_RECORDS 16384
#define WORKERS_KEPT 1024 /* incarnations whose last sequence is remembered */

static const char schema[] =
        "CREATE TABLE exchange (id INTEGER PRIMARY KEY, number_key INTEGER, visit_key INTEGER, settlement_key INTEGER,"
        " bucket INTEGER NOT NULL, institution TEXT NOT NULL, party TEXT NOT NULL, accepted_ms INTEGER NOT NULL,"
        " state INTEGER NOT NULL, is_open INTEGER NOT NULL, admitted INTEGER NOT NULL, fold BLOB NOT NULL,"
        " places BLOB NOT NULL);"
        "CREATE INDEX by_number ON exchange (number_key) WHERE number_key IS NOT NULL;"
        "CREATE INDEX by_visit ON exchange (visit_key) WHERE visit_key IS NOT NULL;"
        "CREATE INDEX by_settlement ON exchange (settlement_key) WHERE settlement_key IS NOT NULL;"
        "CREATE INDEX by_bucket ON exchange (bucket, institution, party);"
        "CREATE INDEX by_open ON exchange (accepted_ms) WHERE is_open = 1;"
        "CREATE TABLE queries (bucket INTEGER PRIMARY KEY, position INTEGER NOT NULL, n INTEGER NOT NULL);"
        "CREATE TABLE counted (state INTEGER PRIMARY KEY, n INTEGER NOT NULL);"
        "CREATE TABLE kept (kind INTEGER NOT NULL, key TEXT NOT NULL, pos INTEGER NOT NULL, record BLOB NOT NULL,"
        " PRIMARY KEY (kind, key)) WITHOUT ROWID;"
        "CREATE TABLE facts (key TEXT NOT NULL, pos INTEGER NOT NULL, exchange INTEGER NOT NULL,"
        " PRIMARY KEY (key, pos, exchange)) WITHOUT ROWID;"
        "CREATE TABLE reached (one INTEGER PRIMARY KEY CHECK (one = 1), position INTEGER NOT NULL,"
        " last_commit INTEGER NOT NULL, last_digest INTEGER NOT NULL);"
        "INSERT INTO reached VALUES (1, 0, 0, 0);";

static const char *const statements[ST_N] = {
	[ST_GET] = "SELECT " INDEX_COLUMNS " FROM exchange WHERE id = ?1",
	[ST_INSERT] = "INSERT INTO exchange (" INDEX_COLUMNS ")"
	              " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
	/* An id that came twice must not make the index unusable for ever. */
	[ST_REPLACE] = "INSERT OR REPLACE INTO exchange (" INDEX_COLUMNS ")"
	               " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
	[ST_UPDATE] = "UPDATE exchange SET number_key = ?2, visit_key = ?3, settlement_key = ?4, bucket = ?5,"
	              " institution = ?6, party = ?7, accepted_ms = ?8, state = ?9, is_open = ?10, admitted = ?11, "
	              "fold = ?12,"
	              " places = ?13 WHERE id = ?1",
	[ST_UPDATE_FOLD] = "UPDATE exchange SET state = ?9, fold = ?12, places = ?13 WHERE id = ?1",
	[ST_FIND] = "SELECT " INDEX_COLUMNS " FROM exchange INDEXED BY by_number"
	            " WHERE number_key = ?1 AND institution = ?2 AND admitted = 1 ORDER BY rowid",
	[ST_HIGHEST] = "SELECT " INDEX_COLUMNS " FROM exchange INDEXED BY by_number WHERE number_key > 0"
	               " ORDER BY number_key DESC LIMIT ?1",
	[ST_BUCKET] = "SELECT max(bucket) FROM exchange INDEXED BY by_bucket WHERE bucket < ?1",
	[ST_QUERIES_ADD] = "INSERT INTO queries VALUES (?1, ?2, ?3) ON CONFLICT (bucket) DO UPDATE SET n = n + excluded.n",
	[ST_QUERIES] = "SELECT bucket, position, n FROM queries WHERE bucket <= ?1 AND bucket >= ?2 ORDER BY bucket DESC",
	[ST_OPEN] = "SELECT " INDEX_COLUMNS " FROM exchange INDEXED BY by_open WHERE is_open = 1 ORDER BY accepted_ms",
	[ST_OLD] = "SELECT " INDEX_COLUMNS " FROM exchange INDEXED BY by_bucket WHERE bucket < ?1 AND is_open = 0"
	           " ORDER BY bucket",
	[ST_DROP] = "DELETE FROM exchange WHERE id = ?1",
	[ST_QUERIES_OLD] = "SELECT total(n) FROM queries WHERE bucket < ?1 AND position < ?2",
	[ST_QUERIES_DROP] = "DELETE FROM queries WHERE bucket < ?1 AND position < ?2",
	[ST_COUNT_ADD] = "INSERT INTO counted VALUES (?1, ?2) ON CONFLICT (state) DO UPDATE SET n = n + excluded.n",
	[ST_COUNTS] = "SELECT state, n FROM counted WHERE n > 0 ORDER BY state",
	[ST_POSITION_SET] = "UPDATE reached SET position = ?1, last_commit = ?2, last_digest = ?3",
	[ST_KEEP] = "INSERT OR REPLACE INTO kept VALUES (?1, ?2, ?3, ?4)",
	[ST_KEPT_GET] = "SELECT pos, record FROM kept WHERE kind = ?1 AND key = ?2",
	[ST_KEPT_ALL] = "SELECT pos, record FROM kept ORDER BY pos, kind, key",
	[ST_KEPT_OLD] = "DELETE FROM kept WHERE kind = ?1 AND key < ?2",
	[ST_FACT_ADD] = "INSERT OR IGNORE INTO facts VALUES (?1, ?2, ?3)",
	[ST_FACTS] = "SELECT pos, exchange FROM facts WHERE key = ?1 ORDER BY pos, exchange LIMIT ?2",
	[ST_BEGIN] = "BEGIN IMMEDIATE",
	[ST_COMMIT] = "COMMIT",
	[ST_ROLLBACK] = "ROLLBACK",
};

int index_error(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_NOMEM:
		return YT_ENOMEM;
	case SQLITE_FULL:
		return YT_ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return YT_EAGAIN;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_ERROR: /* a table or column is not as we make it */
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_FORMAT:
		return YT_ECORRUPT;
	default:
		return YT_EIO;
	}
}

sqlite3_stmt *index_statement(struct index *index, enum index_statement which)
{
	if (index->st[which] == NULL)
		sqlite3_prepare_v3(
		        index->db, statements[which], -1, SQLITE_PREPARE_PERSISTENT, &index->st[which], NULL);
	return index->st[which];
}

int index_run(struct index *index, enum index_statement which)
{
	sqlite3_stmt *st = index_statement(index, which);
	int rc;

	if (st == NULL)
		return index_error(sqlite3_errcode(index->db));
	rc = sqlite3_step(st);
	sqlite3_reset(st);
	return index_error(rc);
}

/* ---- open ---- */

static int pragma(struct index *index, const char *sql)
{
	return index_error(sqlite3_exec(index->db, sql, NULL, NULL, NULL));
}

/* Small on purpose: the file's hot pages are in the system's cache anyway. */
static int set_up(struct index *index)
{
	int rv;

	sqlite3_busy_timeout(index->db, 5000);
	rv = pragma(index, "PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0; PRAGMA trusted_schema = OFF");
	if (rv == 0 && index->is_writable)
		rv = pragma(index, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -2048;"
		                   " PRAGMA wal_autocheckpoint = 2000; PRAGMA journal_size_limit = 16777216");
	else if (rv == 0)
		rv = pragma(index, "PRAGMA cache_size = -512");
	return rv;
}

static int make_schema(struct index *index)
{
	char sql[80];
	int rv = pragma(index, "BEGIN IMMEDIATE");

	if (rv == 0)
		rv = pragma(index, schema);
	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION_ID,
	        SCHEMA_VERSION);
	if (rv == 0)
		rv = pragma(index, sql);
	if (rv == 0)
		rv = pragma(index, "COMMIT");
	else
		pragma(index, "ROLLBACK");
	return rv;
}

static int ask_number(struct index *index, const char *sql, int64_t *number)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(index->db, sql, -1, &st, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*number = sqlite3_column_int64(st, 0);
	else if (rc == SQLITE_DONE)
		rc = SQLITE_CORRUPT; /* the row must be there */
	sqlite3_finalize(st);
	return index_error(rc);
}

/* Also finds files that are cut short, empty or no database: SQLite looks at the first page for it. */
static int check_identity(struct index *index)
{
	int64_t id = 0, version = 0;
	int rv;

	sqlite3_busy_timeout(index->db, 5000);
	rv = ask_number(index, "PRAGMA application_id", &id);
	if (rv == 0)
		rv = ask_number(index, "PRAGMA user_version", &version);
	return rv == 0 && (id != APPLICATION_ID || version != SCHEMA_VERSION) ? YT_ECORRUPT : rv;
}

static int read_reached(struct index *index)
{
	int64_t digest = 0, position = 0, last = 0;
	int rv = ask_number(index, "SELECT position FROM reached", &position);

	if (rv == 0)
		rv = ask_number(index, "SELECT last_commit FROM reached", &last);
	if (rv == 0)
		rv = ask_number(index, "SELECT last_digest FROM reached", &digest);
	index->position = (log_pos)position;
	index->last_commit = (log_pos)last;
	index->last_digest = (uint64_t)digest;
	return rv;
}

/* A statement that cannot be prepared tells of a table or index that is not there. */
static int check_statements(struct index *index)
{
	for (int i = 0; i < ST_N; i++)
		if (index_statement(index, (enum index_statement)i) == NULL)
			return index_error(sqlite3_errcode(index->db));
	return 0;
}

static int open_db(struct index *index, const char *path)
{
	int flags = SQLITE_OPEN_NOMUTEX |
	            (index->is_writable ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
	struct stat st;
	bool is_new = stat(path, &st) != 0;
	int rv;

	if (is_new && errno != ENOENT)
		return YT_EIO;
	if (is_new && !index->is_writable)
		return YT_ENOTFOUND;
	rv = index_error(sqlite3_open_v2(path, &index->db, flags, NULL));
	if (rv != 0)
		return rv;
	sqlite3_extended_result_codes(index->db, 1);
	rv = is_new ? 0 : check_identity(index); /* before anything is changed in what may be somebody else's */
	if (rv == 0)
		rv = set_up(index);
	if (rv == 0 && is_new)
		rv = make_schema(index);
	if (rv == 0)
		rv = read_reached(index);
	if (rv == 0)
		rv = check_statements(index);
	return rv;
}

/* Nobody reads SQLite's memory statistics, and keeping them takes a lock at each allocation. */
static void set_up_sqlite(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

int index_open(struct index **out, const char *path, bool writable)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct index *index = calloc(1, sizeof(*index));
	int rv;

	pthread_once(&once, set_up_sqlite);
	if (index == NULL)
		return YT_ENOMEM;
	index->is_writable = writable;
	rv = open_db(index, path);
	if (rv != 0) {
		index_close(index);
		return rv;
	}
	*out = index;
	return 0;
}

void index_close(struct index *index)
{
	if (index == NULL)
		return;
	for (int i = 0; i < ST_N; i++)
		sqlite3_finalize(index->st[i]);
	index_batch_free(&index->batch);
	free(index->seen);
	sqlite3_close(index->db);
	free(index);
}

log_pos index_position(const struct index *index)
{
	return index->position;
}

/* ---- the batch in memory ---- */

void index_batch_free(struct index_batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		yt_buf_free(&b->entry[i].places);
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

static void note_commit(struct index_batch *b, const struct rec *rec, log_pos pos)
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

int index_take(struct index *index, const struct rec *rec, log_pos pos)
{
	struct index_entry *e;
	int rv;

	note_commit(&index->batch, rec, pos);
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
	exchange_apply(&e->x, rec, pos);
	return 0;
}

/* ---- the batch into the file ---- */

static int store_entry(struct index *index, const struct index_entry *e, struct yt_buf *scratch, int64_t *counts)
{
	bool columns_are_same = e->is_stored && index_columns_digest(e) == e->columns_were;
	sqlite3_stmt *st = index_statement(index, !e->is_stored      ? ST_INSERT
	                                          : columns_are_same ? ST_UPDATE_FOLD
	                                                             : ST_UPDATE);
	int rc = SQLITE_OK, rv = index_row_bind(st, e, scratch);

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
	if (rv != 0 || kept->kind != REC_WORKER || strtoul(kept->key, NULL, 10) <= WORKERS_KEPT)
		return rv;
	st = index_statement(index, ST_KEPT_OLD);
	snprintf(oldest, sizeof(oldest), "%010lu", strtoul(kept->key, NULL, 10) - WORKERS_KEPT);
	sqlite3_bind_int(st, 1, REC_WORKER);
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

/* ---- following the log ---- */

struct feeding {
	struct index *index;
	void (*progress)(void *arg, log_pos at);
	void *arg;
	bool holds_back;    /* the end is not known: the last commit is left for the next time */
	struct yt_buf held; /* its records */
	log_pos commit;
	bool has_commit;
	int rv;
};

static bool batch_is_full(const struct index_batch *b)
{
	return b->n >= BATCH_EXCHANGES || b->n_records >= BATCH_RECORDS;
}

/* A new commit begins at pos: all before it is whole. */
static int at_commit(struct feeding *f, log_pos pos)
{
	struct yt_str held = yt_buf_view(&f->held);
	struct rec rec;
	size_t used;
	int rv = 0;

	for (; rv == 0 && rec_read(held, &rec, &used) == 0; held.p += used, held.n -= used)
		rv = index_take(f->index, &rec, f->commit);
	yt_buf_clear(&f->held);
	if (rv == 0 && batch_is_full(&f->index->batch)) {
		rv = index_flush(f->index, pos);
		if (rv == 0 && f->progress != NULL)
			f->progress(f->arg, pos);
	}
	f->commit = pos;
	f->has_commit = true;
	return rv;
}

static int on_record(void *arg, const struct rec *rec, log_pos pos)
{
	struct feeding *f = arg;

	if (!f->has_commit || pos != f->commit)
		f->rv = at_commit(f, pos);
	if (f->rv != 0)
		return f->rv;
	if (!f->holds_back) {
		f->rv = index_take(f->index, rec, pos);
		return f->rv;
	}
	yt_buf_str(&f->held, rec->whole);
	f->rv = f->held.failed ? YT_ENOMEM : 0;
	return f->rv;
}

static int digest_record(void *arg, const struct rec *rec, log_pos pos)
{
	struct index_batch *b = arg;

	if (b->n_records > 0 && pos != b->last_commit)
		return 0;
	note_commit(b, rec, pos);
	return 0;
}

/* The commit that was taken last must still be in the log as it was: else this is another journal's index, and to
 * believe its numbers would be to refuse or repeat the wrong messages. */
static int check_origin(struct index *index, const struct yt_io *io, const struct log_conf *conf, log_pos to)
{
	struct index_batch b = { 0 };
	int rv;

	if (to != 0 && to < index->position)
		return YT_ECORRUPT;
	if (index->is_checked || index->last_digest == 0)
		return 0;
	rv = log_scan(io, conf, index->last_commit, index->last_commit + 1, false, digest_record, &b, NULL);
	if (rv == YT_ENOTFOUND) /* retired meanwhile: if more is missing, the scan will say so */
		return 0;
	if (rv != 0 && rv != YT_ECORRUPT)
		return rv;
	if (rv != 0 || b.last_commit != index->last_commit || b.digest != index->last_digest)
		return YT_ECORRUPT;
	index->is_checked = true;
	return 0;
}

int index_feed(struct index *index, const struct yt_io *io, const struct log_conf *conf, log_pos to,
        void (*progress)(void *arg, log_pos at), void *arg)
{
	struct feeding f = { .index = index, .progress = progress, .arg = arg, .holds_back = to == 0 };
	int rv;

	if (!index->is_writable)
		return YT_ESTATE;
	rv = check_origin(index, io, conf, to);
	if (rv != 0 || (to != 0 && to == index->position))
		return rv;
	rv = log_scan(io, conf, index->position, to, false, on_record, &f, NULL);
	if (f.rv != 0)
		rv = f.rv;
	if (rv == YT_ENOTFOUND && index->position != 0)
		rv = YT_ECORRUPT; /* what comes next is retired: only a rebuild helps */
	if (rv == 0 && (to != 0 || f.has_commit))
		rv = index_flush(index, to != 0 ? to : f.commit);
	if (rv == 0 && progress != NULL)
		progress(arg, index->position);
	index_batch_free(&index->batch);
	yt_buf_free(&f.held);
	return rv;
}

static int take_commit(struct index *index, const struct index_commit *commit)
{
	struct yt_str rest = commit->records;
	struct rec rec;
	size_t used;
	int rv;

	for (; (rv = rec_read(rest, &rec, &used)) == 0; rest.p += used, rest.n -= used) {
		rv = index_take(index, &rec, commit->pos);
		if (rv != 0)
			return rv;
	}
	if (rv != YT_ENOTFOUND)
		return rv;
	return batch_is_full(&index->batch) ? index_flush(index, commit->end) : 0;
}

int index_feed_commits(struct index *index, const struct index_commit *commits, size_t n)
{
	log_pos at = index->position;
	int rv = 0;

	if (!index->is_writable)
		return YT_ESTATE;
	for (size_t i = 0; i < n; at = commits[i++].end)
		if (commits[i].before != at)
			return YT_ESTATE;
	for (size_t i = 0; rv == 0 && i < n; i++)
		rv = take_commit(index, &commits[i]);
	if (rv == 0 && index->position != at)
		rv = index_flush(index, at);
	index_batch_free(&index->batch);
	return rv;
}
