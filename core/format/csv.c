/* core/format/csv.c - see csv.h; used by the configuration when it reads its tables (process/conf_tables.c). */
#include "base/words.h"
#include "format/csv.h"

#include <stdio.h>
#include <string.h>

#define VALUE_MAX 4096 /* bytes of one value */

static int wrong(struct csv *csv, const char *why)
{
	snprintf(csv->why, sizeof(csv->why), "%s", _(why));
	return YT_EFORMAT;
}

/* One value from rest; *ends: it was the line's last. */
static int take_value(struct csv *csv, struct yt_arena *arena, struct yt_str *value, bool *ends)
{
	const char *p = csv->rest.p, *end = p + csv->rest.n, *from;
	bool has_doubled = false;
	size_t n = 0;

	if (p < end && *p == '"') {
		for (from = ++p;; p++) {
			if (p >= end)
				return wrong(csv, "a quoted value has no closing quote");
			if (*p == '\n')
				csv->next_line++;
			if (*p != '"')
				continue;
			if (p + 1 >= end || p[1] != '"')
				break;
			has_doubled = true;
			p++;
		}
		*value = (struct yt_str){ from, (size_t)(p - from) };
		p++;
	} else {
		for (from = p; p < end && *p != ',' && *p != '\n' && *p != '\r'; p++)
			if (*p == '"')
				return wrong(csv, "a quote inside an unquoted value: quote the whole value");
		*value = (struct yt_str){ from, (size_t)(p - from) };
	}
	if (p + 1 < end && p[0] == '\r' && p[1] == '\n')
		p++;
	if (p < end && *p != ',' && *p != '\n')
		return wrong(csv, "a comma or the line's end must follow a quoted value");
	*ends = p >= end || *p == '\n';
	csv->rest.p = p < end ? p + 1 : end;
	csv->rest.n = (size_t)(end - csv->rest.p);
	if (value->n > VALUE_MAX)
		return wrong(csv, "a value is longer than 4096 bytes");
	if (has_doubled && arena == NULL)
		return wrong(csv, "a column's name has a quote in it");
	if (has_doubled) {
		char *copy = yt_arena_alloc(arena, value->n);

		if (copy == NULL)
			return YT_ENOMEM;
		for (size_t i = 0; i < value->n; i++) {
			copy[n++] = value->p[i];
			i += value->p[i] == '"';
		}
		*value = (struct yt_str){ copy, n };
	}
	return 0;
}

/* To the next line that says something; false at the end. */
static bool skip_lines(struct csv *csv)
{
	while (csv->rest.n > 0 && (csv->rest.p[0] == '#' || csv->rest.p[0] == '\n' || csv->rest.p[0] == '\r')) {
		const char *end = memchr(csv->rest.p, '\n', csv->rest.n);
		size_t n = end == NULL ? csv->rest.n : (size_t)(end - csv->rest.p) + 1;

		csv->rest.p += n;
		csv->rest.n -= n;
		csv->next_line++;
	}
	csv->line = csv->next_line;
	return csv->rest.n > 0;
}

static int find_name(const char *const *names, struct yt_str name)
{
	for (int i = 0; names[i] != NULL; i++)
		if (yt_str_is(name, names[i]))
			return i;
	return -1;
}

int csv_open(struct csv *csv, struct yt_str text, const char *const *names, uint32_t n_required)
{
	uint32_t seen = 0;
	struct yt_str name;
	bool ends = false;
	int rv, at;

	memset(csv, 0, sizeof(*csv));
	csv->rest = text;
	csv->next_line = 1;
	if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0) {
		csv->rest.p += 3;
		csv->rest.n -= 3;
	}
	while (names[csv->n_wanted] != NULL)
		csv->n_wanted++;
	YT_REQUIRE(csv->n_wanted <= CSV_COLUMNS_MAX);
	if (!skip_lines(csv))
		return wrong(csv, "the file is empty: its first line must name the columns");
	while (!ends) {
		if (csv->n_columns >= CSV_COLUMNS_MAX)
			return wrong(csv, "more than 32 columns");
		rv = take_value(csv, NULL, &name, &ends);
		if (rv != 0)
			return rv;
		at = find_name(names, name);
		if (at < 0 || (seen >> at & 1)) {
			snprintf(csv->why, sizeof(csv->why), _("column \"%.*s\" %s"), (int)(name.n < 60 ? name.n : 60),
			        name.p, at < 0 ? _("is not known") : _("is there twice"));
			return YT_EFORMAT;
		}
		seen |= 1u << at;
		csv->place[csv->n_columns++] = at;
	}
	csv->next_line++;
	for (uint32_t i = 0; i < n_required; i++) {
		if (seen >> i & 1)
			continue;
		snprintf(csv->why, sizeof(csv->why), _("column \"%s\" is missing"), names[i]);
		return YT_EFORMAT;
	}
	return 0;
}

int csv_next(struct csv *csv, struct yt_arena *arena, struct yt_str *values)
{
	bool ends = false;
	uint32_t i;
	int rv;

	if (!skip_lines(csv))
		return YT_ENOTFOUND;
	memset(values, 0, csv->n_wanted * sizeof(*values));
	for (i = 0; !ends; i++) {
		if (i >= csv->n_columns)
			return wrong(csv, "more values than columns");
		rv = take_value(csv, arena, &values[csv->place[i]], &ends);
		if (rv != 0)
			return rv;
	}
	csv->next_line++;
	if (i < csv->n_columns)
		return wrong(csv, "fewer values than columns");
	return 0;
}
