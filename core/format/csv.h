/* core/format/csv.h - reads tables that people keep in spreadsheets: areas, institutions.
 *
 * RFC 4180 with a header line: commas, double quotes, CRLF or LF, UTF-8 with or without a byte-order mark.
 * Lines that are empty or begin with # are skipped.  Columns are found by name, so their order is free;
 * a column nobody asked for is an error, since a misspelt name would else be silently ignored. */
#ifndef YT_FORMAT_CSV_H
#define YT_FORMAT_CSV_H

#include "yitong/base.h"

#define CSV_COLUMNS_MAX 32

struct csv {
	struct yt_str rest;
	uint32_t line; /* of the row read last, from 1 */
	uint32_t next_line;
	int place[CSV_COLUMNS_MAX]; /* of the file's columns: index into the wanted names */
	uint32_t n_columns, n_wanted;
	char why[160]; /* what is wrong, after YT_EFORMAT */
};

/* Reads the header line.  names: NULL-terminated, at most CSV_COLUMNS_MAX; the first n_required must be there.
 * 0, or YT_EFORMAT with csv->line and why. */
int csv_open(struct csv *csv, struct yt_str text, const char *const *names, uint32_t n_required);
/* The next row into values, in the order of names; a column the file lacks is empty.  Values are copied to arena
 * only where they were quoted with doubled quotes, else borrowed from the text.
 * 0, YT_ENOTFOUND at the end, YT_EFORMAT with line and why, YT_ENOMEM. */
int csv_next(struct csv *csv, struct yt_arena *arena, struct yt_str *values);

#endif
