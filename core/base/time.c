/* core/base/time.c - clocks, and the business time that messages carry: always UTC+8.
 *
 * The calendar is our own arithmetic: localtime_r() and mktime() follow TZ, and with a "right/"
 * time zone even gmtime_r() counts leap seconds.  A front-end machine set to another zone must not
 * move a settlement to another day. */
#include <time.h>

#include "yitong/base.h"

#define DAY_MS INT64_C(86400000)
#define UTC8_MS INT64_C(28800000)
#define DAYS_TO_1970 719162 /* from 0001-01-01 */
#define DAYS_TO_10000 3652059

static const short days_before_month[13] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365 };

static int64_t clock_ms(clockid_t clock)
{
	struct timespec t;

	YT_REQUIRE(clock_gettime(clock, &t) == 0);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t yt_wall_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

int64_t yt_mono_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

static bool is_leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days from 0001-01-01 to the first day of year. */
static int days_before_year(int year)
{
	int past = year - 1;

	return past * 365 + past / 4 - past / 100 + past / 400;
}

/* Days in the year before month (0 .. 12). */
static int days_before(int year, int month)
{
	return days_before_month[month] + (month > 1 && is_leap(year));
}

struct moment {
	int year, month, day, hour, minute, second, ms; /* month from 0, day from 1 */
};

static struct moment moment_of(int64_t wall_ms)
{
	const int64_t first = -DAYS_TO_1970 * DAY_MS - UTC8_MS;
	const int64_t last = (DAYS_TO_10000 - DAYS_TO_1970) * DAY_MS - UTC8_MS - 1;
	int64_t since = (wall_ms < first ? first : wall_ms > last ? last : wall_ms) - first;
	int days = (int)(since / DAY_MS);
	int ms = (int)(since % DAY_MS);
	struct moment m = { .year = (int)(days * INT64_C(400) / 146097) + 1 }; /* exact or one too small */

	if (days >= days_before_year(m.year + 1))
		m.year++;
	days -= days_before_year(m.year);
	m.month = days / 32; /* exact or one too small */
	if (days >= days_before(m.year, m.month + 1))
		m.month++;
	m.day = days - days_before(m.year, m.month) + 1;
	m.hour = ms / 3600000;
	m.minute = ms / 60000 % 60;
	m.second = ms / 1000 % 60;
	m.ms = ms % 1000;
	return m;
}

static char *put(char *out, int value, int n_digits)
{
	for (int i = n_digits; i > 0; i--) {
		out[i - 1] = (char)('0' + value % 10);
		value /= 10;
	}
	return out + n_digits;
}

void yt_time_compact(int64_t wall_ms, char out[15])
{
	struct moment m = moment_of(wall_ms);

	out = put(out, m.year, 4);
	out = put(out, m.month + 1, 2);
	out = put(out, m.day, 2);
	out = put(out, m.hour, 2);
	out = put(out, m.minute, 2);
	out = put(out, m.second, 2);
	*out = '\0';
}

void yt_time_print(int64_t wall_ms, char out[20])
{
	struct moment m = moment_of(wall_ms);

	out = put(out, m.year, 4);
	*out++ = '-';
	out = put(out, m.month + 1, 2);
	*out++ = '-';
	out = put(out, m.day, 2);
	*out++ = ' ';
	out = put(out, m.hour, 2);
	*out++ = ':';
	out = put(out, m.minute, 2);
	*out++ = ':';
	out = put(out, m.second, 2);
	*out = '\0';
}

/* Reads text by shape, in which a letter stands for one digit of a field and all else for itself. */
static bool read_shape(struct yt_str text, const char *shape, struct moment *m)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		int *field = shape[i] == 'y'   ? &m->year
		             : shape[i] == 'M' ? &m->month
		             : shape[i] == 'd' ? &m->day
		             : shape[i] == 'H' ? &m->hour
		             : shape[i] == 'm' ? &m->minute
		             : shape[i] == 's' ? &m->second
		             : shape[i] == 'S' ? &m->ms
		                               : NULL;

		if (field == NULL ? c != shape[i] : c < '0' || c > '9')
			return false;
		if (field != NULL)
			*field = *field * 10 + (c - '0');
	}
	m->month--;
	return true;
}

static bool moment_exists(const struct moment *m)
{
	return m->year >= 1 && m->month >= 0 && m->month < 12 && m->day >= 1 &&
	       m->day <= days_before(m->year, m->month + 1) - days_before(m->year, m->month) && m->hour < 24 &&
	       m->minute < 60 && m->second < 60;
}

int yt_time_parse(struct yt_str text, int64_t *wall_ms)
{
	struct moment m = { 0 };
	const char *shape;

	switch (text.n) {
	case 10:
		shape = "yyyy-MM-dd";
		break;
	case 14:
		shape = "yyyyMMddHHmmss";
		break;
	case 17:
		shape = "yyyyMMddHHmmssSSS";
		break;
	case 19:
		shape = "yyyy-MM-dd HH:mm:ss";
		break;
	default:
		return YT_EFORMAT;
	}
	if (!read_shape(text, shape, &m) || !moment_exists(&m))
		return YT_EFORMAT;
	*wall_ms = (days_before_year(m.year) + days_before(m.year, m.month) + m.day - 1 - DAYS_TO_1970) * DAY_MS +
	           (m.hour * 60 + m.minute) * INT64_C(60000) + m.second * INT64_C(1000) + m.ms - UTC8_MS;
	return 0;
}
