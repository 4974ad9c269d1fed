/* core/message/value.c - one value: read leniently, left in the one form that we write.
 *
 * Called by table.c for every member that a row names.  Amounts never pass through a floating-point
 * number: digits are moved as digits. */
#include <string.h>

#include "message/table.h"

#define DIGITS_MAX 48 /* significant digits of a number that we look at; the widest row has 16 */

bool value_is_absent(const struct yt_node *node)
{
	return node->kind == YT_NULL || (node->kind == YT_TEXT && node->text.n == 0);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A text longer in bytes than max may still be short enough in characters. */
static bool text_fits(struct yt_str text, unsigned max)
{
	size_t n = 0;

	if (max == 0 || text.n <= max)
		return true;
	for (size_t i = 0; i < text.n; i++)
		n += ((unsigned char)text.p[i] & 0xC0) != 0x80;
	return n <= max;
}

static const char *text_normalise(const struct yt_field *field, struct yt_node *node, int *arg)
{
	if (node->kind == YT_OBJECT || node->kind == YT_ARRAY) {
		*arg = field->max;
		if ((field->flags & YT_FIELD_ANY) == 0)
			return "must be a text";
		/* Octets, since nobody counts the characters of a tree: 4 is the longest character. */
		return field->max > 0 && node->raw_len > 4u * field->max ? "is longer than %d characters" : NULL;
	}
	*arg = field->max;
	if (node->kind == YT_BOOL && (field->flags & YT_FIELD_ANY) != 0)
		return NULL;
	if (!text_fits(node->text, field->max))
		return "is longer than %d characters";
	node->kind = YT_TEXT;
	return NULL;
}

/* value = 0.d1 d2 ... dn x 10^point, without leading or (behind the point) trailing zeros. */
struct decimal {
	char digits[DIGITS_MAX];
	int n, point;
	bool negative;
};

static struct yt_str trimmed(struct yt_str s)
{
	while (s.n > 0 && s.p[0] == ' ')
		s.p++, s.n--;
	while (s.n > 0 && s.p[s.n - 1] == ' ')
		s.n--;
	return s;
}

/* "E+2", "e-8": Java's BigDecimal writes numbers so; at is behind the E. */
static bool exponent_read(struct yt_str s, size_t at, int *exponent)
{
	bool negative = at < s.n && s.p[at] == '-';
	int value = 0;

	if (at < s.n && (s.p[at] == '-' || s.p[at] == '+'))
		at++;
	if (at == s.n || s.n - at > 3)
		return false;
	for (; at < s.n; at++) {
		if (!is_digit(s.p[at]))
			return false;
		value = value * 10 + (s.p[at] - '0');
	}
	*exponent = negative ? -value : value;
	return true;
}

static bool decimal_push(struct decimal *d, char c, bool behind_point)
{
	if (!is_digit(c))
		return false;
	if (d->n == 0 && c == '0') { /* leading zero: only its place counts, and only behind the point */
		d->point -= behind_point;
		return true;
	}
	if (d->n == DIGITS_MAX)
		return false;
	d->digits[d->n++] = c;
	d->point += !behind_point;
	return true;
}

static bool decimal_read(struct yt_str s, struct decimal *d)
{
	bool behind_point = false;
	int exponent = 0;
	size_t i = 0, n_digits = 0;

	s = trimmed(s);
	d->n = d->point = 0;
	d->negative = s.n > 0 && s.p[0] == '-';
	if (s.n > 0 && (s.p[0] == '-' || s.p[0] == '+'))
		i = 1;
	for (; i < s.n && s.p[i] != 'e' && s.p[i] != 'E'; i++) {
		if (s.p[i] == '.' && !behind_point && n_digits > 0) {
			behind_point = true;
			continue;
		}
		if (!decimal_push(d, s.p[i], behind_point))
			return false;
		n_digits++;
	}
	if (n_digits == 0 || s.p[i - 1] == '.' || (i < s.n && !exponent_read(s, i + 1, &exponent)))
		return false;
	while (d->n > 0 && d->n > d->point + exponent && d->digits[d->n - 1] == '0')
		d->n--;
	d->point = d->n == 0 ? 0 : d->point + exponent;
	return true;
}

/* Writes d with exactly n_behind digits behind the point; out has room for every point below it. */
static size_t decimal_print(const struct decimal *d, int n_behind, char out[2 * DIGITS_MAX + 8])
{
	size_t at = 0;

	if (d->negative && d->n > 0)
		out[at++] = '-';
	if (d->point <= 0)
		out[at++] = '0';
	for (int i = 0; i < d->point; i++)
		out[at++] = i < d->n ? d->digits[i] : '0';
	if (n_behind > 0)
		out[at++] = '.';
	for (int i = d->point; i < d->point + n_behind; i++)
		out[at++] = i >= 0 && i < d->n ? d->digits[i] : '0';
	return at;
}

/* Most numbers already stand as we want them: plain digits, no superfluous zero in front. */
static bool number_is_plain(const struct yt_field *field, const struct yt_node *node)
{
	struct yt_str s = node->text;
	size_t first, i, n_behind = 0;

	if (node->kind != YT_NUMBER || s.n == 0)
		return false;
	first = s.p[0] == '-';
	for (i = first; i < s.n && is_digit(s.p[i]); i++)
		;
	if (i == first || (s.p[first] == '0' && i > first + 1))
		return false;
	if (field->max > 0 && i - first > (size_t)(field->max - field->decimals))
		return false;
	if (i < s.n) {
		if (s.p[i] != '.')
			return false;
		for (n_behind = 0; i + 1 + n_behind < s.n; n_behind++)
			if (!is_digit(s.p[i + 1 + n_behind]))
				return false;
		if (n_behind == 0)
			return false;
	}
	return field->decimals == 2 ? n_behind == 2 : n_behind <= field->decimals;
}

static const char *number_normalise(
        const struct yt_field *field, struct yt_arena *arena, struct yt_node *node, int *arg, bool *no_memory)
{
	char printed[2 * DIGITS_MAX + 8];
	struct decimal d;
	struct yt_str kept;
	int n_behind;

	if (number_is_plain(field, node))
		return NULL;
	if ((node->kind != YT_TEXT && node->kind != YT_NUMBER) || !decimal_read(node->text, &d) ||
	        d.point > DIGITS_MAX || d.n - d.point > DIGITS_MAX)
		return "is not a number";
	n_behind = d.n > d.point ? d.n - d.point : 0;
	*arg = field->decimals;
	if (field->max > 0 && n_behind > field->decimals)
		return "has more than %d digits behind the point";
	*arg = field->max - field->decimals;
	if (field->max > 0 && d.point > field->max - field->decimals)
		return "has more than %d digits before the point";
	if (field->decimals == 2)
		n_behind = 2;
	kept = yt_arena_copy(arena, (struct yt_str){ printed, decimal_print(&d, n_behind, printed) });
	*no_memory = kept.p == NULL;
	if (kept.p == NULL)
		return NULL;
	node->kind = YT_NUMBER;
	node->text = kept;
	return NULL;
}

/* Takes n digits from *s; false when there are fewer. */
static bool take(struct yt_str *s, size_t n, char *out)
{
	if (s->n < n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_digit(s->p[i]))
			return false;
	memcpy(out, s->p, n);
	s->p += n;
	s->n -= n;
	return true;
}

static bool skip(struct yt_str *s, const char *any_of)
{
	if (s->n == 0 || strchr(any_of, s->p[0]) == NULL)
		return false;
	s->p++;
	s->n--;
	return true;
}

/* What may follow the seconds: a fraction, which is dropped, and our own zone. */
static bool tail_is_known(struct yt_str s)
{
	if (skip(&s, "."))
		while (s.n > 0 && is_digit(s.p[0]))
			s.p++, s.n--;
	return s.n == 0 || yt_str_is(s, "+08:00") || yt_str_is(s, "+0800");
}

/* Reads every form of date and time seen; out becomes "yyyy-MM-dd HH:mm:ss". */
static bool moment_read(struct yt_str s, char out[20])
{
	bool compact;

	memcpy(out, "0000-00-00 00:00:00", 20);
	s = trimmed(s);
	if (!take(&s, 4, out))
		return false;
	compact = !skip(&s, "-/.");
	if (!take(&s, 2, out + 5) || (!compact && !skip(&s, "-/.")) || !take(&s, 2, out + 8))
		return false;
	if (s.n == 0)
		return true;
	if (!compact && !skip(&s, " T"))
		return false;
	if (!take(&s, 2, out + 11) || (!compact && !skip(&s, ":")) || !take(&s, 2, out + 14))
		return false;
	if (s.n == 0)
		return !compact;
	if ((!compact && !skip(&s, ":")) || !take(&s, 2, out + 17))
		return false;
	return compact ? s.n == 0 || (s.n == 3 && take(&s, 3, (char[3]){ 0 })) : tail_is_known(s);
}

static const char *moment_normalise(
        const struct yt_field *field, struct yt_arena *arena, struct yt_node *node, bool *no_memory)
{
	const char *why = field->type == 'D' ? "is not a date (yyyy-MM-dd)" : "is not a time (yyyy-MM-dd HH:mm:ss)";
	size_t n = field->type == 'D' ? 10 : 19;
	char whole[20];
	int64_t ms;
	struct yt_str kept;

	if (node->kind == YT_TEXT && node->text.n == n && node->text.p[4] == '-' && yt_time_parse(node->text, &ms) == 0)
		return NULL;
	if ((node->kind != YT_TEXT && node->kind != YT_NUMBER) || !moment_read(node->text, whole) ||
	        yt_time_parse(yt_str(whole), &ms) != 0)
		return why;
	kept = yt_arena_copy(arena, (struct yt_str){ whole, n });
	*no_memory = kept.p == NULL;
	if (kept.p == NULL)
		return NULL;
	node->kind = YT_TEXT;
	node->text = kept;
	return NULL;
}

const char *value_normalise(
        const struct yt_field *field, struct yt_arena *arena, struct yt_node *node, int *arg, bool *no_memory)
{
	*no_memory = false;
	if (value_is_absent(node)) {
		if (field->type == 'N')
			node->kind = YT_NULL; /* an empty text is no number for a strict reader */
		return NULL;
	}
	switch (field->type) {
	case 'N':
		return number_normalise(field, arena, node, arg, no_memory);
	case 'D':
	case 'T':
		return moment_normalise(field, arena, node, no_memory);
	default:
		return text_normalise(field, node, arg);
	}
}
