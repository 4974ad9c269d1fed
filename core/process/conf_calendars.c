/* core/process/conf_calendars.c - working days of the configuration, and when what follows by a flow is late. */
#include "process/conf_parts.h"

#include <stdio.h>
#include <string.h>

#include "base/words.h"
#include "message/calendar.h"

#define ENDS_SOON_DAYS 30 /* so long before a year of which the table names nothing it is warned about */

static void read_one(struct conf *conf, struct conf_calendar *c, struct conf_errors *errors)
{
	const char *unread;
	char why[160] = "", last[20] = "0000", soon[20];
	struct yt_str text;
	uint32_t line = 0;

	if (conf_read_table(conf, c->file, &text, &unread) != 0) {
		if (unread != NULL)
			conf_error_add(errors, c->place.line, c->place.column, "calendar %s: %s %s", c->name, c->file,
			        _(unread));
		return;
	}
	if (calendar_read(conf->arena, text, &c->days, &line, why, sizeof(why)) != 0) {
		conf_error_add(errors, c->place.line, c->place.column, "calendar %s: %s:%u: %s", c->name, c->file,
		        (unsigned)line, why);
		return;
	}
	if (calendar_last(c->days) != INT64_MIN)
		yt_time_print(calendar_begins_ms(calendar_last(c->days)), last);
	yt_time_print(yt_wall_ms() + ENDS_SOON_DAYS * 86400000LL, soon);
	if (memcmp(last, soon, 4) < 0)
		conf_warning_add(errors, c->place.line, c->place.column,
		        "calendar %s names no day of %.4s: add the holidays of that year, and what is worked for them, to %s",
		        c->name, soon, c->file);
}

static const char *nth_calendar(const void *arg, size_t i)
{
	const struct conf *conf = arg;

	return i < conf->n_calendars ? conf->calendars[i].name : NULL;
}

static void check_flow(const struct conf *conf, struct conf_flow *f, struct conf_errors *errors)
{
	const char *meant;
	uint32_t i = 0;

	if (f->calendar_name == NULL)
		return;
	meant = conf_closest(f->calendar_name, nth_calendar, conf);
	while (i < conf->n_calendars &&
	        (conf->calendars[i].name == NULL || strcmp(conf->calendars[i].name, f->calendar_name) != 0))
		i++;
	if (i == conf->n_calendars)
		conf_error_add(errors, f->place.line, f->place.column,
		        "calendar: there is no \"%s\" in calendars%s%s%s", f->calendar_name,
		        meant == NULL ? _(": add it there") : _(": did you mean \""), meant == NULL ? "" : meant,
		        meant == NULL ? "" : _("\"?"));
	else
		f->days = conf->calendars[i].days;
	if (f->late_after_days == 0 && f->line_after_days == 0)
		conf_error_add(errors, f->place.line, f->place.column,
		        "calendar goes with late_after_days or line_after_days: say after how many working days it is late");
}

void conf_read_calendars(struct conf *conf, struct conf_errors *errors)
{
	for (uint32_t i = 0; i < conf->n_calendars; i++) {
		struct conf_calendar *c = &conf->calendars[i];

		if (c->name == NULL || c->file == NULL)
			continue; /* said already */
		for (uint32_t k = 0; k < i; k++)
			if (conf->calendars[k].name != NULL && strcmp(conf->calendars[k].name, c->name) == 0)
				conf_error_add(errors, c->place.line, c->place.column,
				        "calendar \"%s\" is there twice: the first is on line %u", c->name,
				        (unsigned)conf->calendars[k].place.line);
		read_one(conf, c, errors);
	}
	for (uint32_t i = 0; i < conf->n_flows; i++)
		check_flow(conf, &conf->flows[i], errors);
}

static int64_t end_of_day(const struct conf_flow *flow, int64_t since_ms, uint32_t n)
{
	return n == 0 ? INT64_MAX : calendar_begins_ms(calendar_add(flow->days, calendar_day(since_ms), n) + 1);
}

int64_t conf_late_ms(const struct conf_flow *flow, int64_t since_ms)
{
	return flow == NULL ? INT64_MAX : end_of_day(flow, since_ms, flow->late_after_days);
}

int64_t conf_line_late_ms(const struct conf_flow *flow, int64_t paid_ms)
{
	return flow == NULL ? INT64_MAX : end_of_day(flow, paid_ms, flow->line_after_days);
}
