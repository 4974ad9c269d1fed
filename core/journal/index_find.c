/* core/journal/index_find.c - questions to the index: by number, by id, what is open, filters, counts.
 *
 * Asked by the keeper's machine (admission keys that have left memory) and by the yitong command. */
#include "journal/index_parts.h"

#include <stdio.h>
#include <string.h>

#define DAY_MS 86400000

/* Reads the one row that a bound statement gives. */
static int one_row(sqlite3_stmt *st, struct exchange *x)
{
	int rc = sqlite3_step(st), rv;

	if (rc == SQLITE_DONE)
		rv = YT_ENOTFOUND;
	else
		rv = rc == SQLITE_ROW ? index_row_read(st, x) : index_error(rc);
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return rv;
}

static int all_rows(sqlite3_stmt *st, int (*each)(void *arg, const struct exchange *x), void *arg)
{
	struct exchange x;
	int rc, rv = 0;

	while (rv == 0 && (rc = sqlite3_step(st)) != SQLITE_DONE) {
		rv = rc == SQLITE_ROW ? index_row_read(st, &x) : index_error(rc);
		if (rv == 0)
			rv = each(arg, &x);
	}
	return rv;
}

static void bind_str(sqlite3_stmt *st, int at, struct yt_str s)
{
	sqlite3_bind_text(st, at, s.n == 0 ? "" : s.p, (int)s.n, SQLITE_STATIC);
}

int index_find(struct index *index, struct yt_str institution, struct yt_str number, struct exchange *x)
{
	sqlite3_stmt *st = index_statement(index, ST_FIND);
	int rc, rv = YT_ENOTFOUND;

	if (index->seen != NULL && index_seen_is_new(index->seen, institution, number))
		return YT_ENOTFOUND;
	sqlite3_bind_int64(st, 1, index_key(number));
	bind_str(st, 2, institution);
	while (rv == YT_ENOTFOUND && (rc = sqlite3_step(st)) != SQLITE_DONE) {
		rv = rc == SQLITE_ROW ? index_row_read(st, x) : index_error(rc);
		if (rv == 0 && !yt_str_is(number, x->number))
			rv = YT_ENOTFOUND; /* another number with the same key */
	}
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return rv;
}

int index_cancelled(struct index *index, struct yt_str institution, struct yt_str settlement, struct exchange *x)
{
	sqlite3_stmt *st = index_statement(index, ST_CANCELLED);
	int rc, rv = YT_ENOTFOUND;

	sqlite3_bind_int64(st, 1, index_key(settlement));
	bind_str(st, 2, institution);
	while (rv == YT_ENOTFOUND && (rc = sqlite3_step(st)) != SQLITE_DONE) {
		rv = rc == SQLITE_ROW ? index_row_read(st, x) : index_error(rc);
		if (rv == 0 && (x->state != X_DONE || !yt_str_is(settlement, x->original)))
			rv = YT_ENOTFOUND; /* refused, or of another settlement with the same key */
	}
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return rv;
}

/* The first of the rows of a bound statement that is a follow-up; where number is given, of that one. */
static int first_follow_up(sqlite3_stmt *st, struct yt_str number, struct exchange *x)
{
	int rc, rv = YT_ENOTFOUND;

	while (rv == YT_ENOTFOUND && (rc = sqlite3_step(st)) != SQLITE_DONE) {
		rv = rc == SQLITE_ROW ? index_row_read(st, x) : index_error(rc);
		if (rv == 0 && ((number.n > 0 && !yt_str_is(number, x->number)) || (x->flags & REC_X_FOLLOW_UP) == 0))
			rv = YT_ENOTFOUND;
	}
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return rv;
}

int index_find_follow_up(struct index *index, struct yt_str number, struct exchange *x)
{
	sqlite3_stmt *st = index_statement(index, ST_FIND_ANY);
	int rv;

	sqlite3_bind_int64(st, 1, index_key(number));
	rv = first_follow_up(st, number, x);
	if (rv != YT_ENOTFOUND || number.n <= 2)
		return rv;
	st = index_statement(index, ST_FIND_PAYOUT);
	bind_str(st, 1, (struct yt_str){ number.p + 2, number.n - 2 });
	return first_follow_up(st, (struct yt_str){ 0 }, x);
}

int index_waiting(struct index *index, const uint8_t person[16], size_t max,
        void (*each)(void *arg, const struct exchange *x), void *arg)
{
	sqlite3_stmt *st = index_statement(index, ST_WAITING);
	struct exchange x;
	int rc, rv = 0;

	sqlite3_bind_int64(st, 1, index_person_key(person));
	while (rv == 0 && max > 0 && (rc = sqlite3_step(st)) != SQLITE_DONE) {
		rv = rc == SQLITE_ROW ? index_row_read(st, &x) : index_error(rc);
		if (rv != 0 || memcmp(x.person, person, sizeof(x.person)) != 0)
			continue; /* another person with the same key */
		max--;
		each(arg, &x);
	}
	sqlite3_reset(st);
	return rv;
}

int index_resting_of_visit(struct index *index, struct yt_str visit, size_t max,
        void (*each)(void *arg, const struct exchange *x), void *arg)
{
	sqlite3_stmt *st = index_statement(index, ST_RESTING_OF_VISIT);
	struct exchange x;
	int rc, rv = 0;

	sqlite3_bind_int64(st, 1, index_key(visit));
	while (rv == 0 && max > 0 && (rc = sqlite3_step(st)) != SQLITE_DONE) {
		rv = rc == SQLITE_ROW ? index_row_read(st, &x) : index_error(rc);
		if (rv != 0 || !yt_str_is(visit, x.visit))
			continue; /* another visit with the same key */
		max--;
		each(arg, &x);
	}
	sqlite3_reset(st);
	return rv;
}

int index_highest_numbers(struct index *index, uint32_t n, int (*each)(void *arg, const struct exchange *x), void *arg)
{
	sqlite3_stmt *st = index_statement(index, ST_HIGHEST);
	int rv;

	sqlite3_bind_int64(st, 1, n);
	rv = all_rows(st, each, arg);
	sqlite3_reset(st);
	return rv;
}

int index_get(struct index *index, uint64_t exchange, struct exchange *x)
{
	sqlite3_stmt *st = index_statement(index, ST_GET);

	sqlite3_bind_int64(st, 1, (sqlite3_int64)exchange);
	return one_row(st, x);
}

int index_open_exchanges(struct index *index, int (*each)(void *arg, const struct exchange *x), void *arg)
{
	sqlite3_stmt *st = index_statement(index, ST_OPEN);
	int rv = all_rows(st, each, arg);

	sqlite3_reset(st);
	return rv;
}

int index_awaits_line(struct index *index, int (*each)(void *arg, const struct exchange *x), void *arg)
{
	sqlite3_stmt *st = index_statement(index, ST_LINES);
	int rv = all_rows(st, each, arg);

	sqlite3_reset(st);
	return rv;
}

int index_strays(struct index *index, uint32_t max, int (*each)(void *arg, const struct exchange *x), void *arg)
{
	sqlite3_stmt *st = index_statement(index, ST_STRAYS);
	int rv;

	sqlite3_bind_int64(st, 1, max);
	rv = all_rows(st, each, arg);
	sqlite3_reset(st);
	return rv;
}

int index_awake(struct index *index, int (*each)(void *arg, const struct exchange *x), void *arg)
{
	sqlite3_stmt *st = index_statement(index, ST_AWAKE);
	int rv = all_rows(st, each, arg);

	sqlite3_reset(st);
	return rv;
}

int index_resting_due(
        struct index *index, void (*each)(void *arg, uint64_t exchange, const struct rest *rest), void *arg)
{
	sqlite3_stmt *st = index_statement(index, ST_RESTING_DUE);
	int rc, rv = 0;

	while (rv == 0 && (rc = sqlite3_step(st)) != SQLITE_DONE) {
		struct rest rest = { sqlite3_column_int64(st, 1), sqlite3_column_int64(st, 2), false };

		rv = index_error(rc);
		rest.is_parked = rest.due_ms == INDEX_PARKED;
		if (rv == 0)
			each(arg, (uint64_t)sqlite3_column_int64(st, 0), &rest);
	}
	sqlite3_reset(st);
	return rv;
}

int index_resting(struct index *index, struct exchange_cursor *after, size_t max,
        void (*each)(void *arg, const struct exchange *x), void *arg)
{
	sqlite3_stmt *st = index_statement(index, ST_RESTING);
	struct exchange x;
	size_t n = 0;
	int rc, rv = 0;

	sqlite3_bind_int64(st, 1, after->accepted_ms);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)after->id);
	sqlite3_bind_int64(st, 3, (sqlite3_int64)max);
	while (rv == 0 && (rc = sqlite3_step(st)) != SQLITE_DONE) {
		rv = rc == SQLITE_ROW ? index_row_read(st, &x) : index_error(rc);
		if (rv != 0)
			break;
		n++;
		*after = (struct exchange_cursor){ x.accepted_ms, x.id };
		each(arg, &x);
	}
	sqlite3_reset(st);
	return rv == 0 && n < max ? YT_ENOTFOUND : rv;
}

int index_keeper_records(struct index *index, log_each each, void *arg)
{
	sqlite3_stmt *st = index_statement(index, ST_KEPT_ALL);
	struct rec rec;
	size_t used;
	int rc, rv = 0;

	while (rv == 0 && (rc = sqlite3_step(st)) != SQLITE_DONE) {
		struct yt_str bytes = { sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1) };

		rv = index_error(rc);
		if (rv == 0 && rec_read(bytes, &rec, &used) != 0)
			rv = YT_ECORRUPT;
		if (rv == 0)
			rv = each(arg, &rec, (log_pos)sqlite3_column_int64(st, 0));
	}
	sqlite3_reset(st);
	return rv;
}

int index_positions(struct index *index, uint64_t exchange, log_pos *out, size_t max)
{
	sqlite3_stmt *st = index_statement(index, ST_GET);
	int rc, n = 0;

	sqlite3_bind_int64(st, 1, (sqlite3_int64)exchange);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		n = (int)index_places_read((struct yt_str){ sqlite3_column_blob(st, COL_PLACES),
		                                   (size_t)sqlite3_column_bytes(st, COL_PLACES) },
		        out, max);
	sqlite3_reset(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? n : index_error(rc);
}

int index_counts(struct index *index, void (*each)(void *arg, enum exchange_state state, uint64_t n), void *arg)
{
	sqlite3_stmt *st = index_statement(index, ST_COUNTS);
	int rc;

	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		each(arg, (enum exchange_state)sqlite3_column_int(st, 0), (uint64_t)sqlite3_column_int64(st, 1));
	sqlite3_reset(st);
	return index_error(rc);
}

int index_query_buckets(struct index *index, int64_t from_ms, int64_t to_ms, struct index_queries *out, size_t max)
{
	sqlite3_stmt *st = index_statement(index, ST_QUERIES);
	size_t n = 0;
	int rc = SQLITE_DONE;

	sqlite3_bind_int64(st, 1, INDEX_BUCKET(to_ms - 1));
	sqlite3_bind_int64(st, 2, INDEX_BUCKET(from_ms));
	while (n < max && (rc = sqlite3_step(st)) == SQLITE_ROW)
		out[n++] = (struct index_queries){ sqlite3_column_int64(st, 0), (log_pos)sqlite3_column_int64(st, 1),
			(uint64_t)sqlite3_column_int64(st, 2) };
	sqlite3_reset(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? (int)n : index_error(rc);
}

int index_filter_times(const struct index_filter *filter, int64_t *from_ms, int64_t *to_ms)
{
	*from_ms = INT64_MIN / 2;
	*to_ms = INT64_MAX / 2;
	if (filter->day.n == 0)
		return 0;
	if (filter->day.n != 10 || yt_time_parse(filter->day, from_ms) != 0)
		return YT_EFORMAT;
	*to_ms = *from_ms + DAY_MS;
	return 0;
}

/* ---- search ---- */

struct searching {
	struct index *index;
	const struct index_filter *filter;
	int state; /* -1: any */
	int64_t from_ms, to_ms;
	uint32_t left;
	int (*each)(void *arg, const struct exchange *x);
	void *arg;
};

static int state_number(struct yt_str name, int *state)
{
	*state = -1;
	if (name.n == 0)
		return 0;
	for (int i = X_ACCEPTED; i <= X_READ; i++)
		if (yt_str_is(name, exchange_state_name((enum exchange_state)i)))
			*state = i;
	return *state < 0 ? YT_EFORMAT : 0;
}

static bool state_is_open(int state)
{
	struct exchange x = { .state = (enum exchange_state)state };

	return state >= 0 && exchange_is_open(&x);
}

/* The narrowest of SQLite's indexes for the filter, named, as there are no statistics to choose by. */
static const char *first_condition(const struct searching *s)
{
	if (s->filter->number.n > 0)
		return "by_number WHERE number_key = ?1";
	if (s->filter->settlement.n > 0)
		return "by_settlement WHERE settlement_key = ?2";
	if (s->filter->visit.n > 0)
		return "by_visit WHERE visit_key = ?3";
	if (state_is_open(s->state))
		return "by_open WHERE is_open > 0";
	return "by_bucket WHERE bucket = ?4";
}

static bool goes_by_bucket(const struct searching *s)
{
	return s->filter->number.n == 0 && s->filter->settlement.n == 0 && s->filter->visit.n == 0 &&
	       !state_is_open(s->state);
}

static int prepare(struct searching *s, sqlite3_stmt **st)
{
	const struct index_filter *f = s->filter;
	char sql[512];
	int rc;

	snprintf(sql, sizeof(sql),
	        "SELECT " INDEX_COLUMNS " FROM exchange INDEXED BY %s%s%s%s"
	        " AND accepted_ms >= ?8 AND accepted_ms < ?9 ORDER BY accepted_ms DESC, id DESC",
	        first_condition(s), f->institution.n > 0 ? " AND institution = ?5" : "",
	        f->party.n > 0 ? " AND party = ?6" : "", s->state >= 0 ? " AND state = ?7" : "");
	rc = sqlite3_prepare_v2(s->index->db, sql, -1, st, NULL);
	if (rc != SQLITE_OK)
		return index_error(rc);
	sqlite3_bind_int64(*st, 1, index_key(f->number));
	sqlite3_bind_int64(*st, 2, index_key(f->settlement));
	sqlite3_bind_int64(*st, 3, index_key(f->visit));
	bind_str(*st, 5, f->institution);
	bind_str(*st, 6, f->party);
	sqlite3_bind_int(*st, 7, s->state);
	sqlite3_bind_int64(*st, 8, s->from_ms);
	sqlite3_bind_int64(*st, 9, s->to_ms);
	return 0;
}

/* Keys of the SQL indexes are not the texts themselves. */
static bool texts_match(const struct index_filter *f, const struct exchange *x)
{
	return (f->number.n == 0 || yt_str_is(f->number, x->number)) &&
	       (f->settlement.n == 0 || yt_str_is(f->settlement, x->settlement)) &&
	       (f->visit.n == 0 || yt_str_is(f->visit, x->visit));
}

static int take_rows(struct searching *s, sqlite3_stmt *st)
{
	struct exchange x;
	int rc, rv = 0;

	while (rv == 0 && s->left > 0 && (rc = sqlite3_step(st)) != SQLITE_DONE) {
		rv = rc == SQLITE_ROW ? index_row_read(st, &x) : index_error(rc);
		if (rv != 0 || !texts_match(s->filter, &x))
			continue;
		s->left--;
		rv = s->each(s->arg, &x);
	}
	sqlite3_reset(st);
	return rv;
}

/* The newest bucket before *bucket that has anything; YT_ENOTFOUND. */
static int older_bucket(struct index *index, int64_t *bucket)
{
	sqlite3_stmt *st = index_statement(index, ST_BUCKET);
	int rc, rv;

	sqlite3_bind_int64(st, 1, *bucket);
	rc = sqlite3_step(st);
	rv = rc == SQLITE_ROW ? 0 : index_error(rc);
	if (rc == SQLITE_ROW && sqlite3_column_type(st, 0) == SQLITE_NULL)
		rv = YT_ENOTFOUND;
	*bucket = rv == 0 ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_reset(st);
	return rv;
}

static int search_buckets(struct searching *s, sqlite3_stmt *st)
{
	int64_t bucket = INDEX_BUCKET(s->to_ms - 1) + 1;
	int rv = 0;

	while (rv == 0 && s->left > 0) {
		rv = older_bucket(s->index, &bucket);
		if (rv != 0 || bucket < INDEX_BUCKET(s->from_ms))
			break;
		sqlite3_bind_int64(st, 4, bucket);
		rv = take_rows(s, st);
	}
	return rv == YT_ENOTFOUND ? 0 : rv;
}

int index_search(struct index *index, const struct index_filter *filter,
        int (*each)(void *arg, const struct exchange *x), void *arg)
{
	struct searching s = { .index = index,
		.filter = filter,
		.each = each,
		.arg = arg,
		.left = filter->limit == 0 ? 100 : filter->limit };
	sqlite3_stmt *st = NULL;
	int rv = state_number(filter->state, &s.state);

	if (rv == 0)
		rv = index_filter_times(filter, &s.from_ms, &s.to_ms);
	if (rv == 0)
		rv = prepare(&s, &st);
	if (rv == 0)
		rv = goes_by_bucket(&s) ? search_buckets(&s, st) : take_rows(&s, st);
	sqlite3_finalize(st);
	return rv;
}
