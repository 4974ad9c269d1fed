/* plugins/crossprovince/value.c - one value between its wire form (7.5) and the canonical one.
 *
 * Reading is strict: what the profile does not allow is refused, never repaired.  Writing takes what a
 * national message may hold and makes the one form of the profile.  Amounts stay digits throughout. */
#include <stdio.h>
#include <string.h>

#include "ksbw.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool ksbw_is_digits(struct yt_str s, size_t n)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_digit(s.p[i]))
			return false;
	return s.n == n;
}

bool ksbw_is_number(enum ksbw_type type)
{
	return type == KSBW_Amt || type == KSBW_NegAmt || type == KSBW_AmtSum || type == KSBW_Qty ||
	       type == KSBW_Pric || type == KSBW_Int;
}

static bool is_zero(struct yt_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= '1' && s.p[i] <= '9')
			return false;
	return true;
}

bool ksbw_is_amount(struct yt_str s)
{
	size_t first = s.n > 0 && s.p[0] == '-', whole = s.n - first - 3;

	if (s.n < first + 4 || whole > 14 || s.p[s.n - 3] != '.' || (first == 1 && is_zero(s)))
		return false;
	for (size_t i = first; i < s.n; i++)
		if (i != s.n - 3 && !is_digit(s.p[i]))
			return false;
	return whole == 1 || s.p[first] != '0';
}

/* "-12.5": at most 12 digits before and 4 behind the point, zeros beyond them allowed where strict is not set. */
static bool is_decimal(struct yt_str s, bool strict, size_t *kept)
{
	size_t i = s.n > 0 && s.p[0] == '-', first = i, behind;

	while (i < s.n && is_digit(s.p[i]))
		i++;
	if (i == first || i - first > 12 || (i - first > 1 && s.p[first] == '0') || (first == 1 && is_zero(s)))
		return false;
	*kept = i;
	if (i == s.n)
		return true;
	if (s.p[i++] != '.' || i == s.n)
		return false;
	for (behind = 0; i < s.n; i++, behind++)
		if (!is_digit(s.p[i]) || (behind >= 4 && (strict || s.p[i] != '0')))
			return false;
	*kept += 1 + (behind < 4 ? behind : 4);
	return true;
}

bool ksbw_scaled(struct yt_str s, int64_t *out)
{
	bool negative = s.n > 0 && s.p[0] == '-', seen_point = false;
	int behind = 0;
	size_t kept;

	*out = 0;
	if (!is_decimal(s, false, &kept))
		return false;
	for (size_t i = negative; i < kept; i++) {
		if (s.p[i] == '.') {
			seen_point = true;
			continue;
		}
		*out = *out * 10 + (s.p[i] - '0'); /* at most 16 digits */
		behind += seen_point;
	}
	for (; behind < 4; behind++)
		*out *= 10;
	if (negative)
		*out = -*out;
	return true;
}

static bool in_list(const char *list, struct yt_str s)
{
	while (*list != '\0') {
		size_t n = strcspn(list, ",");

		if (n == s.n && memcmp(list, s.p, n) == 0)
			return true;
		list += n + (list[n] == ',');
	}
	return false;
}

static const char *check_text(struct yt_str s, size_t max)
{
	size_t n = 0;

	if (s.n == 0)
		return "is empty";
	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
	if (n <= max)
		return NULL;
	return max == 20    ? "is longer than 20 characters"
	       : max == 50  ? "is longer than 50 characters"
	       : max == 200 ? "is longer than 200 characters"
	                    : "is longer than 400 characters";
}

static bool is_hex(struct yt_str s, size_t n)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_digit(s.p[i]) && (s.p[i] < 'a' || s.p[i] > 'f'))
			return false;
	return s.n == n;
}

static bool is_code(struct yt_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_alnum(s.p[i]))
			return false;
	return s.n >= 1 && s.n <= 6;
}

static bool is_transno(struct yt_str s)
{
	return ksbw_is_digits(s, 4) || (s.n == 4 && s.p[0] == 'P' && ksbw_is_digits((struct yt_str){ s.p + 1, 3 }, 3));
}

static bool is_lettered(struct yt_str s, char letter)
{
	return s.n == 20 && s.p[0] == letter && ksbw_is_digits((struct yt_str){ s.p + 1, 19 }, 19);
}

/* The lexical rules of 7.5, without the types that change their form between both sides. */
static const char *check_form(const struct ksbw_field *f, struct yt_str s)
{
	switch (f->type) {
	case KSBW_Area:
		return ksbw_is_digits(s, 6) ? NULL : "is not an area code of 6 digits";
	case KSBW_Int:
		return s.n <= 9 && ksbw_is_digits(s, s.n) && s.n > 0 ? NULL
		                                                     : "is not a whole number of at most 9 digits";
	case KSBW_SInt:
		if (s.n > 0 && s.p[0] == '-')
			s.p++, s.n--;
		return s.n > 0 && s.n <= 9 && ksbw_is_digits(s, s.n) ? NULL : "is not a whole number";
	case KSBW_Code:
		return is_code(s) ? NULL : "is not a code of 1 to 6 letters or digits";
	case KSBW_C20:
		return check_text(s, 20);
	case KSBW_C50:
		return check_text(s, 50);
	case KSBW_C200:
		return check_text(s, 200);
	case KSBW_C400:
		return check_text(s, 400);
	case KSBW_RegNo:
		return is_lettered(s, 'S') ? NULL : "is not a registration number: S and 19 digits";
	case KSBW_SetlNo:
		return is_lettered(s, 'A') ? NULL : "is not a settlement number: A and 19 digits";
	case KSBW_TransNo:
		return is_transno(s) ? NULL : "is not a transaction number";
	case KSBW_TransId:
		return ksbw_is_digits(s, KSBW_NUMBER_LEN) ? NULL : "is not a message number of 30 digits";
	case KSBW_TransId0:
		return ksbw_is_digits(s, KSBW_NUMBER_LEN) || yt_str_is(s, "0") ? NULL : "is neither 30 digits nor 0";
	case KSBW_YN:
		return yt_str_is(s, "0") || yt_str_is(s, "1") ? NULL : "is neither 0 nor 1";
	case KSBW_Hex64:
		return is_hex(s, 64) ? NULL : "is not 64 lower-case hex digits";
	case KSBW_Hex130:
		return is_hex(s, 130) ? NULL : "is not 130 lower-case hex digits";
	case KSBW_Enum:
		return in_list(f->codes, s) ? NULL : "is none of the values allowed here";
	default:
		return s.n > 0 ? NULL : "is empty";
	}
}

/* -- code maps ---------------------------------------------------------------------------------- */

const char *ksbw_map_read(struct yt_str list, struct ksbw_map *map)
{
	const char *at = list.p, *end = list.p + list.n;

	while (at < end) {
		const char *stop = memchr(at, ';', (size_t)(end - at)), *equals;
		size_t n = (size_t)((stop != NULL ? stop : end) - at);

		equals = memchr(at, '=', n);
		if (n == 1 && *at == '*')
			map->passes = true;
		else if (n > 0 && (equals == NULL || equals == at || equals == at + n - 1))
			return "wants code=code;code=code, or * at the end";
		else if (n > 0 && map->n == KSBW_MAP_MAX)
			return "has more than 64 pairs";
		else if (n > 0)
			map->pair[map->n++] = (struct ksbw_pair){ { at, (size_t)(equals - at) },
				{ equals + 1, (size_t)(at + n - equals - 1) } };
		at += n + 1;
	}
	return NULL;
}

struct yt_str ksbw_map_right(const struct ksbw_map *map, struct yt_str code)
{
	for (size_t i = 0; i < map->n; i++)
		if (yt_str_eq(map->pair[i].left, code))
			return map->pair[i].right;
	return map->passes ? code : (struct yt_str){ NULL, 0 };
}

static struct yt_str map_left(const struct ksbw_map *map, struct yt_str code)
{
	for (size_t i = 0; i < map->n; i++)
		if (yt_str_eq(map->pair[i].right, code))
			return map->pair[i].left;
	return map->passes ? code : (struct yt_str){ NULL, 0 };
}

static const struct ksbw_map *map_of(const struct ksbw *k, const struct ksbw_field *f)
{
	for (size_t i = 0; f->type == KSBW_Code && f->codes != NULL && i < KSBW_MAPS; i++)
		if (strcmp(k->map[i].name, f->codes) == 0)
			return &k->map[i];
	return NULL;
}

/* -- to the wire -------------------------------------------------------------------------------- */

/* Eight digits are taken as a date, too; the time of a date-time is dropped. */
static const char *moment_to_wire(struct yt_str s, size_t n, struct ksbw_value *out)
{
	const char *why = n == 8 ? "is not a date" : "is not a time";
	char hyphens[11];
	int64_t ms;

	if (ksbw_is_digits(s, 8)) {
		snprintf(hyphens, sizeof(hyphens), "%.4s-%.2s-%.2s", s.p, s.p + 4, s.p + 6);
		s = yt_str(hyphens);
	}
	if (yt_time_parse(s, &ms) != 0 || s.p[0] < '1' || s.p[0] > '2')
		return why;
	yt_time_compact(ms, out->tmp);
	out->text = (struct yt_str){ out->tmp, n };
	return NULL;
}

static const char *amount_to_wire(struct yt_str s, bool negative, struct ksbw_value *out)
{
	int64_t fen;

	if (yt_fen_parse(s, &fen) != 0)
		return "is not an amount in yuan with two decimals";
	yt_fen_print(negative && fen > 0 ? -fen : fen, out->tmp);
	out->text = yt_str(out->tmp);
	return NULL;
}

static const char *decimal_to_wire(const struct ksbw_field *f, struct yt_str s, struct ksbw_value *out)
{
	size_t kept;

	if (!is_decimal(s, false, &kept))
		return "is not a decimal number with at most 12 digits before and 4 behind the point";
	if (f->type == KSBW_Pric && s.p[0] == '-')
		return "is negative";
	out->text.n = kept;
	return NULL;
}

const char *ksbw_to_wire(const struct ksbw *k, const struct ksbw_field *f, struct yt_str text, struct ksbw_value *out)
{
	const struct ksbw_map *map = map_of(k, f);

	out->text = text;
	switch (f->type) {
	case KSBW_D8:
		return moment_to_wire(text, 8, out);
	case KSBW_T14:
		return moment_to_wire(text, 14, out);
	case KSBW_Amt:
	case KSBW_AmtSum:
		return amount_to_wire(text, false, out);
	case KSBW_NegAmt:
		return amount_to_wire(text, true, out);
	case KSBW_Qty:
	case KSBW_Pric:
		return decimal_to_wire(f, text, out);
	case KSBW_Refund:
		out->text = yt_str_is(text, "1") ? YT_STR("-1") : YT_STR("1");
		return yt_str_is(text, "0") || yt_str_is(text, "1") ? NULL : "is neither 0 (settlement) nor 1 (refund)";
	default:
		break;
	}
	if (map != NULL) {
		out->text = ksbw_map_right(map, text);
		if (out->text.n == 0)
			return "has a code that the plugin's map for it does not know";
	}
	return check_form(f, out->text);
}

/* -- from the wire ------------------------------------------------------------------------------ */

static const char *moment_from_wire(struct yt_str s, size_t n, struct ksbw_value *out)
{
	static const char between[14] = { [4] = '-', [6] = '-', [8] = ' ', [10] = ':', [12] = ':' };
	const char *why = n == 8 ? "is not a date of 8 digits" : "is not a time of 14 digits";
	char *at = out->tmp;
	int64_t ms;

	if (!ksbw_is_digits(s, n) || s.p[0] < '1' || s.p[0] > '2')
		return why;
	for (size_t i = 0; i < n; i++) {
		if (between[i] != '\0')
			*at++ = between[i];
		*at++ = s.p[i];
	}
	*at = '\0';
	out->text = yt_str(out->tmp);
	return yt_time_parse(out->text, &ms) == 0 ? NULL : why;
}

const char *ksbw_from_wire(const struct ksbw *k, const struct ksbw_field *f, struct yt_str text, struct ksbw_value *out)
{
	const struct ksbw_map *map = map_of(k, f);
	const char *why;
	size_t kept;

	out->text = text;
	switch (f->type) {
	case KSBW_D8:
		return moment_from_wire(text, 8, out);
	case KSBW_T14:
		return moment_from_wire(text, 14, out);
	case KSBW_Amt:
	case KSBW_AmtSum:
		return ksbw_is_amount(text) ? NULL : "is not an amount with exactly two decimals";
	case KSBW_NegAmt:
		return ksbw_is_amount(text) && (text.p[0] == '-' || is_zero(text))
		               ? NULL
		               : "is not a negative amount with two decimals";
	case KSBW_Qty:
	case KSBW_Pric:
		return is_decimal(text, true, &kept) && (f->type == KSBW_Qty || text.p[0] != '-')
		               ? NULL
		               : "is not a decimal number with at most 12 digits before and 4 behind the point";
	case KSBW_Refund:
		out->text = yt_str_is(text, "1") ? YT_STR("0") : YT_STR("1");
		return yt_str_is(text, "1") || yt_str_is(text, "-1") ? NULL : "is neither 1 nor -1";
	default:
		break;
	}
	why = check_form(f, text);
	if (why == NULL && map != NULL) {
		out->text = map_left(map, text);
		if (out->text.n == 0)
			return "has a code that the plugin's map for it does not know";
	}
	return why;
}
