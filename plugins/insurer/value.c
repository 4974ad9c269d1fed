/* plugins/insurer/value.c - one value between the canonical body and the wire (insurer.h); called by write.c, read.c.
 *
 * Amounts are moved as digits and integers, never as floating point. */
#include <stdlib.h>
#include <string.h>

#include "insurer.h"

#define FEN_MAX INT64_C(99999999999)          /* of insurer.md 6.4, type A */
#define YUAN_MAX_FEN INT64_C(999999999999999) /* 13 digits before the point (7.4, type M) */
#define SEALED "SM4:"

bool ins_is_amount(const struct ins_field *f)
{
	return f->type == INS_FEN || f->type == INS_YUAN;
}

enum yt_kind ins_kind_of(char type)
{
	return type == INS_INTEGER || type == INS_FEN ? YT_NUMBER : type == INS_FLAG ? YT_BOOL : YT_TEXT;
}

static struct yt_str cut(struct yt_str s, size_t from, size_t n)
{
	return (struct yt_str){ s.p + from, n };
}

static bool is_digits(struct yt_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

/* -- codes -------------------------------------------------------------------------------------- */

/* The next "canonical=wire" of a map; false at its end. */
static bool next_pair(struct yt_str *map, struct yt_str *canon, struct yt_str *wire)
{
	const char *stop, *equals;
	struct yt_str pair;

	if (map->n == 0)
		return false;
	stop = memchr(map->p, ';', map->n);
	pair = cut(*map, 0, stop != NULL ? (size_t)(stop - map->p) : map->n);
	*map = cut(*map, pair.n + (stop != NULL), map->n - pair.n - (stop != NULL));
	equals = pair.n > 0 ? memchr(pair.p, '=', pair.n) : NULL;
	*canon = cut(pair, 0, equals != NULL ? (size_t)(equals - pair.p) : pair.n);
	*wire = equals != NULL ? cut(pair, canon->n + 1, pair.n - canon->n - 1) : *canon;
	return true;
}

static bool covers(struct yt_str pattern, struct yt_str code)
{
	if (pattern.n > 0 && pattern.p[pattern.n - 1] == '*')
		return code.n >= pattern.n - 1 && memcmp(pattern.p, code.p, pattern.n - 1) == 0;
	return yt_str_eq(pattern, code);
}

struct yt_str ins_code_to_wire(struct yt_str codes, struct yt_str canon)
{
	struct yt_str left, right;

	while (canon.n > 0 && next_pair(&codes, &left, &right))
		if (covers(left, canon))
			return yt_str_is(right, "*") ? canon : right;
	return (struct yt_str){ NULL, 0 };
}

struct yt_str ins_code_from_wire(struct yt_str codes, struct yt_str wire)
{
	struct yt_str left, right;

	while (wire.n > 0 && next_pair(&codes, &left, &right)) {
		if (yt_str_is(right, "*"))
			return wire;
		if (yt_str_eq(right, wire) && memchr(left.p, '*', left.n) == NULL)
			return left;
	}
	return (struct yt_str){ NULL, 0 };
}

bool ins_is_map(struct yt_str map, const char *rights)
{
	struct yt_str left, right;

	while (next_pair(&map, &left, &right)) {
		struct yt_str all = yt_str(rights), one, same;
		bool found = false;

		while (!found && next_pair(&all, &one, &same))
			found = yt_str_eq(one, right);
		if (!found || left.n == 0 || left.p == right.p)
			return false;
	}
	return true;
}

static struct yt_str codes_of(const struct ins_map *m, const struct ins_field *f)
{
	return m->levels.n > 0 && strcmp(f->canon, "hosp_lv") == 0 ? m->levels : yt_str(f->codes);
}

/* -- texts and their lengths --------------------------------------------------------------------- */

static const char *check_text(const struct ins_field *f, struct yt_str s)
{
	size_t n = 0, i;
	struct yt_buf octets = { 0 };

	for (i = 0; i < s.n && f->type != INS_OCTETS; i++)
		n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
	if (f->type == INS_OCTETS) {
		int rv = yt_utf8_to_gb18030(s, &octets, NULL);

		n = octets.n;
		yt_buf_free(&octets);
		if (rv != 0)
			return "has a character that GB18030 does not have";
	}
	if (f->max > 0 && n > f->max)
		return f->type == INS_OCTETS ? "is longer than the octets it may have"
		                             : "is longer than the characters it may have";
	if (f->type == INS_DIGITS && !is_digits(s))
		return "must be digits";
	return NULL;
}

/* -- numbers ------------------------------------------------------------------------------------- */

bool ins_scaled(struct yt_str text, int64_t *out)
{
	int64_t value = 0;
	int behind = -1;

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c == '.' && behind < 0 && i > 0) {
			behind = 0;
			continue;
		}
		if (c < '0' || c > '9' || (behind == 4 && c != '0') || value > INT64_C(99999999999999))
			return false;
		if (behind == 4)
			continue;
		value = value * 10 + (c - '0');
		behind += behind >= 0;
	}
	if (text.n == 0 || behind == 0)
		return false;
	for (behind = behind < 0 ? 0 : behind; behind < 4; behind++)
		value *= 10;
	*out = value;
	return true;
}

/* places: 4 as it is; 2 a percentage, of which the last two are nothing. */
static const char *put_scaled(struct ins_map *m, int64_t value, int places, struct yt_str *out)
{
	if (places == 2 && value % 100 != 0)
		return "has more than two decimals as a percentage";
	*out = places == 4 ? yt_arena_printf(
	                             m->arena, "%lld.%04lld", (long long)(value / 10000), (long long)(value % 10000))
	                   : yt_arena_printf(m->arena, "%lld.%02lld", (long long)(value / 10000),
	                             (long long)(value % 10000 / 100));
	return NULL;
}

static const char *amount_to_wire(
        struct ins_map *m, const struct ins_field *f, struct yt_str canon, struct yt_str *wire)
{
	char text[24];
	int64_t fen;

	if (yt_fen_parse(canon, &fen) != 0)
		return "is not an amount in yuan with two decimals";
	if (fen < 0)
		return "is negative, which this insurer cannot be told";
	if (fen > (f->type == INS_FEN ? FEN_MAX : YUAN_MAX_FEN))
		return "is larger than an amount may be";
	if (f->type == INS_FEN) {
		*wire = yt_arena_printf(m->arena, "%lld", (long long)fen);
		return NULL;
	}
	yt_fen_print(fen, text);
	*wire = yt_arena_copy(m->arena, yt_str(text));
	return NULL;
}

static const char *amount_from_wire(
        struct ins_map *m, const struct ins_field *f, struct yt_str wire, struct yt_str *out)
{
	char text[24];
	int64_t fen = 0;

	if (f->type == INS_FEN) {
		if (!is_digits(wire) || wire.n > 11 || (wire.n > 1 && wire.p[0] == '0'))
			return "must be a whole number of fen, 0 to 99999999999";
		for (size_t i = 0; i < wire.n; i++)
			fen = fen * 10 + (wire.p[i] - '0');
	} else if (wire.n < 4 || wire.n > 16 || wire.p[wire.n - 3] != '.' || wire.p[0] == '-' ||
	           (wire.p[0] == '0' && wire.n > 4) || yt_fen_parse(wire, &fen) != 0) {
		return "must be yuan with two decimals and at most 13 digits before them";
	}
	yt_fen_print(fen, text);
	*out = yt_arena_copy(m->arena, yt_str(text));
	return NULL;
}

static const char *scaled_from_wire(
        struct ins_map *m, const struct ins_field *f, struct yt_str wire, struct yt_str *out)
{
	size_t places = f->type == INS_PERCENT ? 2 : 4;
	int64_t value;

	if (wire.n < places + 2 || wire.p[wire.n - places - 1] != '.' || !ins_scaled(wire, &value))
		return places == 4 ? "must be a number with four decimals" : "must be a percentage with two decimals";
	if (places == 2)
		value /= 100;
	return put_scaled(m, value, 4, out);
}

/* -- days and times ------------------------------------------------------------------------------ */

/* A canonical day or time of at least n characters; *ms may be NULL. */
static bool is_time(struct yt_str s, size_t n, int64_t *ms)
{
	int64_t at;

	return (s.n == 10 || s.n == 19) && s.n >= n && s.p[4] == '-' && yt_time_parse(s, ms != NULL ? ms : &at) == 0;
}

static const char *time_to_wire(struct ins_map *m, const struct ins_field *f, struct yt_str canon, struct yt_str *wire)
{
	if (!is_time(canon, 10, NULL))
		return "must be a day, yyyy-MM-dd, or a time, yyyy-MM-dd HH:mm:ss";
	/* JH has days where TY has times: one of which only the day is known began with it. */
	if (canon.n == 10 && (f->type == INS_TIME || f->type == INS_SECOND))
		canon = yt_arena_printf(m->arena, "%.10s 00:00:00", canon.p);
	if (canon.p == NULL)
		return "cannot be written: no memory";
	if (f->type == INS_DATE)
		*wire = cut(canon, 0, 10);
	else if (f->type == INS_DAY)
		*wire = yt_arena_printf(m->arena, "%.4s%.2s%.2s", canon.p, canon.p + 5, canon.p + 8);
	else if (f->type == INS_TIME)
		*wire = yt_arena_printf(m->arena, "%.10sT%.8s+08:00", canon.p, canon.p + 11);
	else
		*wire = yt_arena_printf(m->arena, "%.4s%.2s%.2s%.2s%.2s%.2s", canon.p, canon.p + 5, canon.p + 8,
		        canon.p + 11, canon.p + 14, canon.p + 17);
	return NULL;
}

/* RFC 3339 with any offset; parts of a second are dropped. */
static bool read_rfc3339(struct yt_str s, int64_t *ms)
{
	char plain[20];
	size_t i = 19;
	int64_t offset;

	if (s.n < 20 || (s.p[10] != 'T' && s.p[10] != 't'))
		return false;
	memcpy(plain, s.p, 19);
	plain[10] = ' ';
	plain[19] = '\0';
	if (!is_time(yt_str(plain), 19, ms))
		return false;
	if (s.p[i] == '.')
		for (i++; i < s.n && i < 30 && s.p[i] >= '0' && s.p[i] <= '9';)
			i++;
	if (i + 1 == s.n && (s.p[i] == 'Z' || s.p[i] == 'z')) {
		*ms += INT64_C(8) * 3600000; /* read as UTC+8, it was UTC */
		return true;
	}
	if (i + 6 != s.n || (s.p[i] != '+' && s.p[i] != '-') || s.p[i + 3] != ':' || !is_digits(cut(s, i + 1, 2)) ||
	        !is_digits(cut(s, i + 4, 2)))
		return false;
	offset = ((s.p[i + 1] - '0') * 10 + s.p[i + 2] - '0') * 60 + (s.p[i + 4] - '0') * 10 + s.p[i + 5] - '0';
	*ms += (8 * 60 - (s.p[i] == '-' ? -offset : offset)) * 60000;
	return true;
}

static const char *time_from_wire(struct ins_map *m, const struct ins_field *f, struct yt_str wire, struct yt_str *out)
{
	char text[20];
	int64_t ms;

	switch (f->type) {
	case INS_DATE:
		*out = wire;
		return wire.n == 10 && is_time(wire, 10, NULL) ? NULL : "must be a day, yyyy-MM-dd";
	case INS_TIME:
		if (!read_rfc3339(wire, &ms))
			return "must be a time with its offset, 2026-11-20T15:42:10+08:00";
		yt_time_print(ms, text);
		*out = yt_arena_copy(m->arena, yt_str(text));
		return NULL;
	default:
		if (wire.n != (f->type == INS_DAY ? 8 : 14) || !is_digits(wire))
			return f->type == INS_DAY ? "must be a day, yyyyMMdd" : "must be a time, yyyyMMddHHmmss";
		*out = f->type == INS_DAY ? yt_arena_printf(m->arena, "%.4s-%.2s-%.2s", wire.p, wire.p + 4, wire.p + 6)
		                          : yt_arena_printf(m->arena, "%.4s-%.2s-%.2s %.2s:%.2s:%.2s", wire.p,
		                                    wire.p + 4, wire.p + 6, wire.p + 8, wire.p + 10, wire.p + 12);
		return out->p == NULL || is_time(*out, 10, NULL) ? NULL : "is no day or time that there is";
	}
}

/* -- encrypted values ---------------------------------------------------------------------------- */

static const char *unseal(struct ins_map *m, struct yt_str wire, struct yt_str *clear)
{
	struct yt_buf octets = { 0 }, plain = { 0 };
	struct yt_sm4 how = { .key = m->key, .mode = YT_SM4_CBC };
	const char *why = NULL;

	if (!yt_str_starts(wire, SEALED) || yt_base64_read(cut(wire, 4, wire.n - 4), &octets) != 0 || octets.n < 32) {
		why = "must be SM4: and Base64 of 16 octets and the cipher text";
	} else {
		how.iv = (struct yt_str){ (const char *)octets.p, 16 };
		if (yt_key_sm4_decrypt(
		            m->self, &how, (struct yt_str){ (const char *)octets.p + 16, octets.n - 16 }, &plain) != 0)
			why = "cannot be decrypted with the key agreed (setting field_key)";
		else if (yt_utf8_check(yt_buf_view(&plain), NULL) != 0)
			why = "is no text once decrypted";
		else
			*clear = yt_arena_copy(m->arena, yt_buf_view(&plain));
	}
	yt_buf_free(&octets);
	yt_buf_free(&plain);
	return why;
}

static const char *seal(struct ins_map *m, const struct ins_field *f, struct yt_str clear, struct yt_str *wire)
{
	struct yt_str before = yt_node_text(m->sealed, f->wire), was = { NULL, 0 };
	uint8_t iv[16];
	struct yt_sm4 how = { .key = m->key, .mode = YT_SM4_CBC, .iv = { (const char *)iv, sizeof(iv) } };
	struct yt_buf octets = { 0 }, text = { 0 };
	int rv;

	if (before.n > 0 && unseal(m, before, &was) == NULL && yt_str_eq(was, clear)) {
		*wire = before; /* passed on within the format: not encrypted twice */
		return NULL;
	}
	yt_random(iv, sizeof(iv));
	yt_buf_add(&octets, iv, sizeof(iv));
	rv = yt_key_sm4_encrypt(m->self, &how, clear, &octets);
	yt_buf_text(&text, SEALED);
	yt_base64_add(&text, octets.p, octets.n);
	if (rv == 0 && !text.failed)
		*wire = yt_arena_copy(m->arena, yt_buf_view(&text));
	yt_buf_free(&octets);
	yt_buf_free(&text);
	return rv == 0 ? NULL : "cannot be encrypted: there is no such key (setting field_key)";
}

/* -- both directions ----------------------------------------------------------------------------- */

const char *ins_to_wire(struct ins_map *m, const struct ins_field *f, struct yt_str canon, struct yt_str *wire)
{
	int64_t value;
	const char *why;

	*wire = canon;
	if (f->codes != NULL && f->type != INS_SCOPE) {
		*wire = ins_code_to_wire(codes_of(m, f), canon);
		if (wire->n == 0)
			return "is no code that this insurer has a word for";
	}
	switch (f->type) {
	case INS_FEN:
	case INS_YUAN:
		return amount_to_wire(m, f, canon, wire);
	case INS_DECIMAL:
	case INS_PERCENT:
		if (!ins_scaled(canon, &value) || (f->type == INS_PERCENT && value > INT64_C(99999999)))
			return "must be a number with at most four decimals";
		return put_scaled(
		        m, f->type == INS_PERCENT ? value * 100 : value, f->type == INS_PERCENT ? 2 : 4, wire);
	case INS_DATE:
	case INS_DAY:
	case INS_TIME:
	case INS_SECOND:
		return time_to_wire(m, f, canon, wire);
	case INS_FLAG:
		if (!yt_str_is(canon, "0") && !yt_str_is(canon, "1"))
			return "must be 0 or 1";
		*wire = yt_str_is(canon, "1") ? YT_STR("true") : YT_STR("false");
		return NULL;
	case INS_INTEGER:
		if (!is_digits(canon) || canon.n > f->max || (canon.n > 1 && canon.p[0] == '0'))
			return "must be a whole number";
		return NULL;
	case INS_SEALED:
		why = seal(m, f, canon, wire);
		return why != NULL || wire->n <= f->max ? why : "is too long once encrypted";
	default:
		return check_text(f, *wire);
	}
}

const char *ins_from_wire(
        struct ins_map *m, const struct ins_field *f, const struct yt_node *wire, struct yt_str *canon)
{
	const char *why = NULL;

	*canon = wire->text;
	if (wire->kind != (m->is_xml ? YT_TEXT : ins_kind_of(f->type)))
		return "is another kind of value than it must be";
	switch (f->type) {
	case INS_FEN:
	case INS_YUAN:
		return amount_from_wire(m, f, wire->text, canon);
	case INS_DECIMAL:
	case INS_PERCENT:
		return scaled_from_wire(m, f, wire->text, canon);
	case INS_DATE:
	case INS_DAY:
	case INS_TIME:
	case INS_SECOND:
		return time_from_wire(m, f, wire->text, canon);
	case INS_FLAG:
		*canon = yt_str_is(wire->text, "true") ? YT_STR("1") : YT_STR("0");
		return NULL;
	case INS_INTEGER:
		if (!is_digits(wire->text) || wire->text.n > f->max || (wire->text.n > 1 && wire->text.p[0] == '0'))
			return "must be a whole number";
		return NULL;
	case INS_SEALED:
		why = unseal(m, wire->text, canon);
		if (why == NULL && m->sealed_out != NULL && m->sealed_out->n < INS_SEALED_MAX &&
		        yt_node_add_text(m->arena, m->sealed_out, f->wire, wire->text) == NULL)
			canon->p = NULL;
		return why;
	default:
		why = check_text(f, wire->text);
	}
	if (why == NULL && f->codes != NULL) {
		*canon = ins_code_from_wire(codes_of(m, f), wire->text);
		if (canon->n == 0)
			why = "has a code that is not known here";
	}
	return why;
}
