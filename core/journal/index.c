/* core/journal/index.c - the SQLite file: its schema, all its statements, opening it.
 *
 * The keeper's index thread calls index_feed() whenever the log has grown.  Per batch of some thousand
 * records:
 *  - index_take() folds each record into its exchange, in memory  (index_take.c; exchange_apply)
 *  - index_flush() writes each exchange once, the keeper's own records and the position, all in one
 *    transaction, so that a crash leaves the index at the end of a whole batch  (index_store.c)
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
#define SCHEMA_VERSION 27         /* raised with every change of schema or fold: older files are rebuilt */

static const char schema[] =
        "CREATE TABLE exchange (id INTEGER PRIMARY KEY, number_key INTEGER, visit_key INTEGER, settlement_key INTEGER,"
        " bucket INTEGER NOT NULL, institution TEXT NOT NULL, party TEXT NOT NULL, accepted_ms INTEGER NOT NULL,"
        " state INTEGER NOT NULL, is_open INTEGER NOT NULL, admitted INTEGER NOT NULL, fold BLOB NOT NULL,"
        " places BLOB NOT NULL, cancels_key INTEGER, rest_due_ms INTEGER, rest_set_ms INTEGER, waits_key INTEGER);"
        "CREATE INDEX by_number ON exchange (number_key) WHERE number_key IS NOT NULL;"
        "CREATE INDEX by_visit ON exchange (visit_key) WHERE visit_key IS NOT NULL;"
        "CREATE INDEX by_settlement ON exchange (settlement_key) WHERE settlement_key IS NOT NULL;"
        "CREATE INDEX by_cancelled ON exchange (cancels_key) WHERE cancels_key IS NOT NULL;"
        "CREATE INDEX by_bucket ON exchange (bucket, institution, party);"
        "CREATE INDEX by_open ON exchange (accepted_ms, is_open, rest_due_ms, rest_set_ms) WHERE is_open > 0;"
        "CREATE INDEX by_line ON exchange (is_open, accepted_ms) WHERE is_open < 0;"
        "CREATE INDEX by_waiting ON exchange (waits_key) WHERE waits_key IS NOT NULL;"
        "CREATE TABLE queries (bucket INTEGER PRIMARY KEY, position INTEGER NOT NULL, n INTEGER NOT NULL);"
        "CREATE TABLE counted (state INTEGER PRIMARY KEY, n INTEGER NOT NULL);"
        "CREATE TABLE kept (kind INTEGER NOT NULL, key TEXT NOT NULL, pos INTEGER NOT NULL, record BLOB NOT NULL,"
        " PRIMARY KEY (kind, key)) WITHOUT ROWID;"
        "CREATE TABLE facts (n INTEGER PRIMARY KEY, key TEXT NOT NULL, pos INTEGER NOT NULL, exchange INTEGER NOT NULL,"
        " wall_ms INTEGER NOT NULL);"
        "CREATE INDEX by_case ON facts (key, pos);"
        "CREATE TABLE payout (number TEXT PRIMARY KEY, exchange INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE INDEX by_paying ON payout (exchange);"
        "CREATE TABLE reached (one INTEGER PRIMARY KEY CHECK (one = 1), position INTEGER NOT NULL,"
        " last_commit INTEGER NOT NULL, last_digest INTEGER NOT NULL);"
        "INSERT INTO reached VALUES (1, 0, 0, 0);";

static const char *const statements[ST_N] = {
	[ST_GET] = "SELECT " INDEX_COLUMNS " FROM exchange WHERE id = ?1",
	[ST_INSERT] = "INSERT INTO exchange (" INDEX_COLUMNS ")"
	              " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
	/* An id that came twice must not make the index unusable for ever. */
	[ST_REPLACE] = "INSERT OR REPLACE INTO exchange (" INDEX_COLUMNS ")"
	               " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
	[ST_UPDATE] =
	        "UPDATE exchange SET number_key = ?2, visit_key = ?3, settlement_key = ?4, bucket = ?5,"
	        " institution = ?6, party = ?7, accepted_ms = ?8, state = ?9, is_open = ?10, admitted = ?11, "
	        "fold = ?12,"
	        " places = ?13, cancels_key = ?14, rest_due_ms = ?15, rest_set_ms = ?16, waits_key = ?17 WHERE id = ?1",
	[ST_UPDATE_FOLD] = "UPDATE exchange SET state = ?9, fold = ?12, places = ?13 WHERE id = ?1",
	[ST_FIND] = "SELECT " INDEX_COLUMNS " FROM exchange INDEXED BY by_number"
	            " WHERE number_key = ?1 AND institution = ?2 AND admitted = 1 ORDER BY rowid",
	[ST_CANCELLED] = "SELECT " INDEX_COLUMNS " FROM exchange INDEXED BY by_cancelled"
	                 " WHERE cancels_key = ?1 AND institution = ?2",
	[ST_FIND_ANY] = "SELECT " INDEX_COLUMNS " FROM exchange INDEXED BY by_number"
	                " WHERE number_key = ?1 AND admitted = 1 ORDER BY rowid",
	[ST_FIND_PAYOUT] = "SELECT " INDEX_COLUMNS " FROM exchange"
	                   " WHERE id = (SELECT exchange FROM payout WHERE number = ?1)",
	[ST_PAYOUT_ADD] = "INSERT OR IGNORE INTO payout VALUES (?1, ?2)",
	[ST_PAYOUTS_DROP] = "DELETE FROM payout WHERE exchange = ?1",
	[ST_WAITING] = "SELECT " INDEX_COLUMNS " FROM exchange INDEXED BY by_waiting"
	               " WHERE waits_key = ?1 ORDER BY rowid",
	[ST_RESTING_OF_VISIT] = "SELECT " INDEX_COLUMNS " FROM exchange INDEXED BY by_visit"
	                        " WHERE visit_key = ?1 AND is_open = 2",
	[ST_HIGHEST] = "SELECT " INDEX_COLUMNS " FROM exchange INDEXED BY by_number WHERE number_key > 0"
	               " ORDER BY number_key DESC LIMIT ?1",
	[ST_BUCKET] = "SELECT max(bucket) FROM exchange INDEXED BY by_bucket WHERE bucket < ?1",
	[ST_QUERIES_ADD] =
	        "INSERT INTO queries VALUES (?1, ?2, ?3) ON CONFLICT (bucket) DO UPDATE SET n = n + excluded.n",
	[ST_QUERIES] =
	        "SELECT bucket, position, n FROM queries WHERE bucket <= ?1 AND bucket >= ?2 ORDER BY bucket DESC",
	[ST_OPEN] = "SELECT " INDEX_COLUMNS " FROM exchange INDEXED BY by_open WHERE is_open > 0 ORDER BY accepted_ms",
	[ST_LINES] = "SELECT " INDEX_COLUMNS " FROM exchange INDEXED BY by_line WHERE is_open < 0 AND is_open = -1"
	             " ORDER BY accepted_ms",
	[ST_STRAYS] = "SELECT " INDEX_COLUMNS " FROM exchange INDEXED BY by_line WHERE is_open < 0 AND is_open = -2"
	              " ORDER BY accepted_ms DESC LIMIT ?1",
	[ST_AWAKE] = "SELECT " INDEX_COLUMNS " FROM exchange INDEXED BY by_open WHERE is_open > 0 AND is_open = 1"
	             " ORDER BY accepted_ms",
	[ST_RESTING] = "SELECT " INDEX_COLUMNS " FROM exchange INDEXED BY by_open WHERE is_open > 0 AND is_open = 2"
	               " AND (accepted_ms, id) > (?1, ?2) ORDER BY accepted_ms, id LIMIT ?3",
	/* Of the SQL index alone: a million in a fraction of a second. */
	[ST_RESTING_DUE] =
	        "SELECT id, rest_due_ms, rest_set_ms FROM exchange INDEXED BY by_open WHERE is_open > 0 AND is_open = 2",
	[ST_OLD] = "SELECT " INDEX_COLUMNS " FROM exchange INDEXED BY by_bucket WHERE bucket < ?1 AND is_open <= 0"
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
	[ST_FACT_ADD] = "INSERT INTO facts (key, pos, exchange, wall_ms) VALUES (?1, ?2, ?3, ?4)",
	[ST_FACTS] =
	        "SELECT pos, exchange, wall_ms FROM facts INDEXED BY by_case WHERE key = ?1 ORDER BY pos DESC LIMIT ?2",
	[ST_FACTS_OLD] = "SELECT n, pos FROM facts ORDER BY n LIMIT ?1",
	[ST_FACTS_DROP] = "DELETE FROM facts WHERE n <= ?1",
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

/* SQLite takes a last page that is cut short for a whole one, and says so only when somebody reads it.  With a WAL
 * beside it that page may stand there. */
static bool is_cut(const char *path, off_t size)
{
	char wal[4096];
	struct stat st;

	snprintf(wal, sizeof(wal), "%s-wal", path);
	return size % 512 != 0 && (stat(wal, &st) != 0 || st.st_size == 0);
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
	if (!is_new && is_cut(path, st.st_size))
		return YT_ECORRUPT;
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
