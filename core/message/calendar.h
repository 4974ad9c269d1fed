/* core/message/calendar.h - working days: a deadline "next working day" over weekends and days moved (调休).
 *
 * Saturday and Sunday rest, all others are worked, but for the days a table names: holidays, and the Saturdays and
 * Sundays that are worked for them.  Days are counted from 1970-01-01 in business time (UTC+8); everything here is
 * pure. */
#ifndef YT_MESSAGE_CALENDAR_H
#define YT_MESSAGE_CALENDAR_H

#include "yitong/base.h"

#define CALENDAR_ROWS_MAX 4000 /* days that a table may name */

struct calendar;

/* Reads the CSV (columns date, working, note; date 2026-10-01, working yes or no).  Lives in arena.
 * 0; YT_EFORMAT with *line and why (at most size bytes with the NUL); YT_ENOMEM. */
int calendar_read(
        struct yt_arena *arena, struct yt_str csv, struct calendar **out, uint32_t *line, char *why, size_t size);

/* The day of a moment, and the moment at which a day begins. */
int64_t calendar_day(int64_t wall_ms);
int64_t calendar_begins_ms(int64_t day);

/* calendar NULL: weekdays alone. */
bool calendar_is_working(const struct calendar *calendar, int64_t day);
/* The n-th working day after day; day itself for n 0. */
int64_t calendar_add(const struct calendar *calendar, int64_t day, uint32_t n);
/* The last day that the table names: behind it only weekdays count, so a new table is due.  INT64_MIN: none. */
int64_t calendar_last(const struct calendar *calendar);

#endif
