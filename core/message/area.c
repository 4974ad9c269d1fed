/* core/message/area.c - see area.h; asked by the routes (engine/route.c).
 *
 * Rows stand sorted by code and day, so that a code is found by bisection: 6 digits, then 4, then 2.  What no row
 * covers goes by its digits. */
#include "base/words.h"
#include "message/area.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/csv.h"

#define ROWS_MAX 100000
#define HOPS_MAX 8 /* codes that follow each other when areas are merged again and again */

struct row {
	struct yt_str code, pool, successor, name;
	uint32_t from, to; /* yyyymmdd, both included */
};

struct area_table {
	struct row *rows;
	uint32_t n;
};

const char *area_relation_name(enum area_relation relation)
{
	static const char *const names[] = { "unknown", "same-city", "same-province", "cross-province" };

	return (size_t)relation < sizeof(names) / sizeof(names[0]) ? names[relation] : "?";
}

static bool is_digits(struct yt_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

static int by_code(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	size_t n = x->code.n < y->code.n ? x->code.n : y->code.n;
	int rv = memcmp(x->code.p, y->code.p, n);

	if (rv != 0 || x->code.n != y->code.n)
		return rv != 0 ? rv : x->code.n < y->code.n ? -1 : 1;
	return x->from < y->from ? -1 : x->from > y->from;
}

/* yyyy-mm-dd to yyyymmdd; an empty one to fallback. */
static int read_day(struct yt_str text, uint32_t fallback, uint32_t *day)
{
	int64_t ms;
	char print[20];

	*day = fallback;
	if (text.n == 0)
		return 0;
	if (text.n != 10 || yt_time_parse(text, &ms) != 0)
		return YT_EFORMAT;
	yt_time_print(ms, print);
	*day = (uint32_t)(atoi(print) * 10000 + atoi(print + 5) * 100 + atoi(print + 8));
	return 0;
}

static const char *read_row(const struct yt_str *v, struct row *row)
{
	row->code = v[0];
	row->pool = v[1];
	row->successor = v[2];
	row->name = v[5];
	if ((v[0].n != 2 && v[0].n != 4 && v[0].n != 6) || !is_digits(v[0]))
		return "code must be 2, 4 or 6 digits";
	if ((v[1].n != 0 && v[1].n != 2 && v[1].n != 4 && v[1].n != 6) || !is_digits(v[1]))
		return "pool must be 2, 4 or 6 digits, or empty for the code's first four";
	if (v[2].n != 0 && (v[2].n != 6 || v[0].n != 6 || !is_digits(v[2])))
		return "successor must be 6 digits, of a code of 6 digits";
	if (read_day(v[3], 0, &row->from) != 0 || read_day(v[4], 99991231, &row->to) != 0)
		return "from and to must be days as 2016-09-30, or empty";
	if (row->from > row->to)
		return "it ends before it begins";
	if (v[2].n != 0 && v[4].n == 0)
		return "a code with a successor must say when it ended";
	return NULL;
}

int area_table_read(
        struct yt_arena *arena, struct yt_str csv, struct area_table **out, uint32_t *line, char *why, size_t size)
{
	static const char *const names[] = { "code", "pool", "successor", "from", "to", "name", NULL };
	struct area_table *table = yt_arena_alloc(arena, sizeof(*table));
	struct yt_str text = yt_arena_copy(arena, csv), values[6];
	uint32_t room = 0;
	const char *wrong;
	struct csv reader;
	int rv;

	for (size_t i = 0; i < text.n; i++)
		room += text.p[i] == '\n';
	if (table != NULL)
		table->rows = yt_arena_alloc(arena, (room + 1) * sizeof(struct row));
	if (table == NULL || table->rows == NULL || (csv.n > 0 && text.p == NULL))
		return YT_ENOMEM;
	rv = csv_open(&reader, text, names, 1);
	while (rv == 0 && (rv = csv_next(&reader, arena, values)) == 0) {
		wrong = table->n >= ROWS_MAX ? "more than 100000 rows" : read_row(values, &table->rows[table->n]);
		if (wrong != NULL) {
			snprintf(reader.why, sizeof(reader.why), "%s", _(wrong));
			rv = YT_EFORMAT;
		} else {
			table->n++;
		}
	}
	if (rv != YT_ENOTFOUND) {
		*line = reader.line;
		snprintf(why, size, "%s", reader.why);
		return rv;
	}
	qsort(table->rows, table->n, sizeof(struct row), by_code);
	*out = table;
	return 0;
}

/* The row of exactly this code that holds on that day; ended: the newest that had ended by then, if none holds. */
static const struct row *find(
        const struct area_table *table, struct yt_str code, uint32_t day, const struct row **ended)
{
	struct row key = { .code = code, .from = day };
	uint32_t low = 0, high = table->n;

	while (low < high) { /* first row behind (code, day) */
		uint32_t middle = (low + high) / 2;

		if (by_code(&table->rows[middle], &key) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ended = NULL;
	if (low == 0 || !yt_str_eq(table->rows[low - 1].code, code))
		return NULL;
	if (table->rows[low - 1].to >= day)
		return &table->rows[low - 1];
	*ended = &table->rows[low - 1];
	return NULL;
}

/* The longest row that covers code. */
static const struct row *cover(const struct area_table *table, struct yt_str code, uint32_t day)
{
	const struct row *row, *ended;

	for (size_t n = code.n; table != NULL && n >= 2; n -= 2) {
		row = find(table, (struct yt_str){ code.p, n }, day, &ended);
		if (row != NULL)
			return row;
	}
	return NULL;
}

/* An abolished code counts as the one that followed it. */
static struct yt_str today(const struct area_table *table, struct yt_str code, uint32_t day)
{
	const struct row *ended;

	for (unsigned hops = 0; table != NULL && hops < HOPS_MAX; hops++) {
		if (find(table, code, day, &ended) != NULL || ended == NULL || ended->successor.n == 0)
			break;
		code = ended->successor;
	}
	return code;
}

static struct yt_str pool_of(const struct area_table *table, struct yt_str code, uint32_t day)
{
	const struct row *row = cover(table, code, day);

	return row != NULL && row->pool.n != 0 ? row->pool : (struct yt_str){ code.p, 4 };
}

enum area_relation area_relate(
        const struct area_table *table, struct yt_str treatment, struct yt_str insured, uint32_t day)
{
	if (treatment.n != 6 || insured.n != 6 || !is_digits(treatment) || !is_digits(insured))
		return AREA_UNKNOWN;
	treatment = today(table, treatment, day);
	insured = today(table, insured, day);
	if (yt_str_eq(pool_of(table, treatment, day), pool_of(table, insured, day)))
		return AREA_SAME_CITY;
	return memcmp(treatment.p, insured.p, 2) == 0 ? AREA_SAME_PROVINCE : AREA_CROSS_PROVINCE;
}

struct yt_str area_name(const struct area_table *table, struct yt_str code, uint32_t day)
{
	const struct row *row = is_digits(code) ? cover(table, code, day) : NULL;

	return row != NULL ? row->name : (struct yt_str){ 0 };
}
