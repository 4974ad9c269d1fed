/* core/message/calendar.c - see calendar.h; asked for the deadlines of what follows from settlements (`yitong late`).
 */
#include "message/calendar.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/words.h"
#include "format/csv.h"

#define DAY_MS 86400000LL
#define ZONE_MS (8 * 3600 * 1000LL) /* business time is UTC+8 */

struct named_day {
	int64_t day;
	bool is_working;
};

struct calendar {
	struct named_day *days; /* sorted */
	uint32_t n;
};

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

int64_t calendar_day(int64_t wall_ms)
{
	return floor_div(wall_ms + ZONE_MS, DAY_MS);
}

int64_t calendar_begins_ms(int64_t day)
{
	return day * DAY_MS - ZONE_MS;
}

static int by_day(const void *a, const void *b)
{
	const struct named_day *left = a, *right = b;

	return left->day < right->day ? -1 : left->day > right->day;
}

static const char *read_row(const struct yt_str *values, struct named_day *day)
{
	int64_t ms;

	if (values[0].n != 10 || yt_time_parse(values[0], &ms) != 0)
		return N_("date must be a day as 2026-10-01");
	if (!yt_str_is(values[1], "yes") && !yt_str_is(values[1], "no"))
		return N_("working must be yes or no");
	day->day = calendar_day(ms);
	day->is_working = yt_str_is(values[1], "yes");
	return NULL;
}

static int read_rows(struct csv *reader, struct yt_arena *arena, struct calendar *c)
{
	struct yt_str values[3];
	const char *wrong;
	int rv;

	while ((rv = csv_next(reader, arena, values)) == 0) {
		wrong = c->n >= CALENDAR_ROWS_MAX ? N_("more than 4000 rows") : read_row(values, &c->days[c->n]);
		for (uint32_t i = 0; wrong == NULL && i < c->n; i++)
			if (c->days[i].day == c->days[c->n].day)
				wrong = N_("that day is there twice");
		if (wrong != NULL) {
			snprintf(reader->why, sizeof(reader->why), "%s", _(wrong));
			return YT_EFORMAT;
		}
		c->n++;
	}
	return rv;
}

int calendar_read(
        struct yt_arena *arena, struct yt_str csv, struct calendar **out, uint32_t *line, char *why, size_t size)
{
	static const char *const names[] = { "date", "working", "note", NULL };
	struct calendar *c = yt_arena_alloc(arena, sizeof(*c));
	uint32_t room = 1;
	struct csv reader;
	int rv;

	for (size_t i = 0; i < csv.n; i++)
		room += csv.p[i] == '\n';
	if (c == NULL || (c->days = yt_arena_alloc(arena, room * sizeof(*c->days))) == NULL)
		return YT_ENOMEM;
	c->n = 0;
	rv = csv_open(&reader, csv, names, 2);
	if (rv == 0)
		rv = read_rows(&reader, arena, c);
	if (rv != YT_ENOTFOUND) {
		*line = reader.line;
		snprintf(why, size, "%s", reader.why);
		return rv;
	}
	qsort(c->days, c->n, sizeof(*c->days), by_day);
	*out = c;
	return 0;
}

bool calendar_is_working(const struct calendar *c, int64_t day)
{
	const struct named_day key = { day, false }, *named = NULL;
	int64_t weekday = day + 4 - floor_div(day + 4, 7) * 7; /* 1970-01-01 was a Thursday; 0: Sunday */

	if (c != NULL && c->n > 0)
		named = bsearch(&key, c->days, c->n, sizeof(*c->days), by_day);
	return named != NULL ? named->is_working : weekday != 0 && weekday != 6;
}

int64_t calendar_add(const struct calendar *c, int64_t day, uint32_t n)
{
	int64_t rests = 0;

	while (n > 0) {
		day++;
		if (calendar_is_working(c, day))
			n--, rests = 0;
		else if (++rests > CALENDAR_ROWS_MAX + 7) /* a table cannot name more: never for ever */
			break;
	}
	return day;
}

int64_t calendar_last(const struct calendar *c)
{
	return c == NULL || c->n == 0 ? INT64_MIN : c->days[c->n - 1].day;
}
