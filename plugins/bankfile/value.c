/* plugins/bankfile/value.c - forms of values that BDL/1.0 and BPF/1.0 have in common (bank.md 5.2, 5.3, 6). */
#include <stdio.h>
#include <string.h>

#include "bpf.h"

bool bank_is_digits(struct yt_str s, size_t least, size_t most)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n >= least && s.n <= most;
}

bool bank_is_ascii(struct yt_str s, size_t least, size_t most)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 || s.p[i] > 0x7e)
			return false;
	return s.n >= least && s.n <= most;
}

bool bank_amount(struct yt_str s, bool may_be_zero, bool may_be_negative, int64_t *fen)
{
	bool is_negative = s.n > 0 && s.p[0] == '-';
	struct yt_str whole = { s.p + is_negative, s.n - is_negative };

	if ((is_negative && !may_be_negative) || whole.n < 4 || whole.n > 16 || whole.p[whole.n - 3] != '.')
		return false;
	whole.n -= 3;
	if (!bank_is_digits(whole, 1, 13) || (whole.n > 1 && whole.p[0] == '0') ||
	        !bank_is_digits((struct yt_str){ s.p + s.n - 2, 2 }, 2, 2) || yt_fen_parse(s, fen) != 0)
		return false;
	return may_be_zero || *fen != 0;
}

bool bank_day(struct yt_str s)
{
	char text[11];
	int64_t ms;

	if (!bank_is_digits(s, 8, 8))
		return false;
	snprintf(text, sizeof(text), "%.4s-%.2s-%.2s", s.p, s.p + 4, s.p + 6);
	return yt_time_parse(yt_str(text), &ms) == 0;
}

struct yt_str bank_day_out(struct yt_arena *arena, struct yt_str day)
{
	if (day.n != 10)
		return day;
	return yt_arena_printf(arena, "%.4s%.2s%.2s", day.p, day.p + 5, day.p + 8);
}

struct yt_str bank_day_in(struct yt_arena *arena, struct yt_str day)
{
	if (!bank_day(day))
		return (struct yt_str){ NULL, 0 };
	return yt_arena_printf(arena, "%.4s-%.2s-%.2s", day.p, day.p + 4, day.p + 6);
}

size_t bank_octets(struct yt_str text, uint32_t *code, const char **why)
{
	struct yt_charset_error err = { 0 };
	struct yt_buf out = { 0 };
	int rv = yt_utf8_to_gb18030(text, &out, &err);
	size_t n = out.n;

	yt_buf_free(&out);
	*why = rv == 0 ? NULL : err.why != NULL ? err.why : "cannot be written";
	*code = err.code_point;
	return rv == 0 ? n : 0;
}

int bank_refuse(struct yt_fault *fault, const char *path, const char *member, const char *why)
{
	snprintf(fault->path, sizeof(fault->path), "%.90s%s%.60s", path, member[0] != '\0' ? "." : "", member);
	snprintf(fault->why, sizeof(fault->why), "%.190s", why);
	return YT_EFORMAT;
}

static const char *const businesses[][2] = { { "CL", "01" }, { "MA", "02" }, { "HS", "03" }, { "IN", "04" } };

const char *bank_business_of(struct yt_str pay_type)
{
	for (size_t i = 0; i < sizeof(businesses) / sizeof(businesses[0]); i++)
		if (yt_str_is(pay_type, businesses[i][0]))
			return businesses[i][1];
	return NULL;
}

struct yt_str bank_type_of(struct yt_str business)
{
	for (size_t i = 0; i < sizeof(businesses) / sizeof(businesses[0]); i++)
		if (yt_str_is(business, businesses[i][1]))
			return yt_str(businesses[i][0]);
	return (struct yt_str){ NULL, 0 };
}
