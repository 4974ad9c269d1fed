/* plugins/iso20022/rows.c - one group of elements by its rows, from texts and to texts.
 *
 * Written in the order of the rows, which is the schema's; elements around a value are opened and closed as the paths
 * of neighbouring rows differ.  Read leniently: lengths are the schema's affair, forms are checked where a value is
 * worked with. */
#include <stdio.h>
#include <string.h>

#include "iso.h"

/* -- values --------------------------------------------------------------------------------------- */

static size_t characters(struct yt_str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

static bool all_of(struct yt_str s, const char *set)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\0' || strchr(set, s.p[i]) == NULL)
			return false;
	return s.n > 0;
}

static bool is_uuid4(struct yt_str s)
{
	for (size_t i = 0; i < s.n && s.n == 36; i++) {
		bool is_hyphen = i == 8 || i == 13 || i == 18 || i == 23;
		const char *set = is_hyphen ? "-" : i == 14 ? "4" : i == 19 ? "89ab" : "0123456789abcdef";

		if (s.p[i] == '\0' || strchr(set, s.p[i]) == NULL)
			return false;
	}
	return s.n == 36;
}

static bool is_day(struct yt_str s)
{
	int64_t ms;

	return s.n == 10 && yt_time_parse(s, &ms) == 0;
}

bool iso_counts(struct yt_str digits, uint32_t n)
{
	char wanted[16];

	while (digits.n > 1 && digits.p[0] == '0') {
		digits.p++;
		digits.n--;
	}
	snprintf(wanted, sizeof(wanted), "%u", n);
	return yt_str_is(digits, wanted);
}

/* Minutes east of Greenwich of what ends a time, "Z" or "+08:00"; false: no zone, so it is Beijing's. */
static bool take_zone(struct yt_str s, int *minutes)
{
	const char *z = s.p + s.n - 6;

	*minutes = 0;
	if (s.p[s.n - 1] == 'Z')
		return true;
	if (s.n < 25 || (z[0] != '+' && z[0] != '-') || z[3] != ':')
		return false;
	*minutes = ((z[1] - '0') * 10 + z[2] - '0') * 60 + (z[4] - '0') * 10 + z[5] - '0';
	if (z[0] == '-')
		*minutes = -*minutes;
	return *minutes >= -14 * 60 && *minutes <= 14 * 60;
}

int iso_time_read(struct yt_str s, char out[20])
{
	int64_t ms;
	int minutes;

	if (s.n < 19 || s.p[10] != 'T')
		return YT_EFORMAT;
	snprintf(out, 20, "%.10s %.8s", s.p, s.p + 11);
	if (s.n == 19 || !take_zone(s, &minutes))
		minutes = 8 * 60;
	if (yt_time_parse(yt_str(out), &ms) != 0)
		return YT_EFORMAT;
	yt_time_print(ms + (8 * 60 - minutes) * INT64_C(60000), out);
	return 0;
}

/* The day in Beijing of a time that may be another zone's. */
static struct yt_str beijing_day(struct yt_arena *arena, struct yt_str s)
{
	char time[20];

	if (iso_time_read(s, time) != 0)
		return (struct yt_str){ s.p, 10 };
	return yt_arena_copy(arena, (struct yt_str){ time, 10 });
}

/* NULL, or what is wrong with a value that is to be written. */
static const char *check_written(const struct iso_row *row, struct yt_str text)
{
	int64_t fen;

	if (row->max > 0 && row->type != 'A' && row->type != 'S' && characters(text) > row->max)
		return "is longer than ISO 20022 has room for";
	switch (row->type) {
	case 'I':
		return all_of(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") ? NULL : "must be A-Z and 0-9 only";
	case 'N':
		return all_of(text, "0123456789") ? NULL : "must be digits";
	case 'A':
	case 'S':
		return yt_fen_parse(text, &fen) == 0 && fen > 0 ? NULL : "is no amount above 0";
	case 'U':
		return is_uuid4(text) ? NULL : "is no version 4 UUID in lower case";
	case 'D':
		return is_day(text) ? NULL : "is not a day yyyy-MM-dd";
	default:
		return NULL;
	}
}

/* The canonical text of a value that was read; .p NULL: it cannot be read, and *why says why. */
static struct yt_str take(struct yt_arena *arena, const struct iso_row *row, struct yt_str text, const char **why)
{
	struct yt_str none = { NULL, 0 };
	char amount[24];
	int64_t fen;

	*why = "is not understood";
	switch (row->type) {
	case 'A':
	case 'S':
		*why = "is not an amount with at most two decimals";
		if (yt_fen_parse(text, &fen) != 0 || (row->type == 'A' && fen < 0))
			return none;
		yt_fen_print(fen, amount);
		return yt_arena_copy(arena, yt_str(amount));
	case 'N':
		*why = "is not a number";
		return all_of(text, "0123456789") && text.n <= 18 ? text : none;
	case 'D':
	case 'E':
		*why = "is not a day yyyy-MM-dd";
		if (text.n > 10 && row->type == 'E')
			text = beijing_day(arena, text);
		else if (text.n > 10 && (text.p[10] == 'Z' || text.p[10] == '+' || text.p[10] == '-'))
			text.n = 10; /* a zone behind the day */
		return is_day(text) ? text : none;
	case 'B':
		*why = "is neither true nor false";
		if (yt_str_is(text, "true") || yt_str_is(text, "1"))
			return YT_STR("1");
		return yt_str_is(text, "false") || yt_str_is(text, "0") ? YT_STR("0") : none;
	default:
		return text;
	}
}

/* -- writing -------------------------------------------------------------------------------------- */

static bool is_written(const struct iso_row *row, const struct yt_node *values, char edition, struct yt_str *text)
{
	if (row->edition == 'r' || (row->edition != ' ' && row->edition != edition))
		return false;
	*text = row->name != NULL ? yt_node_text(values, row->name) : yt_str(row->fixed);
	if (row->condition != NULL && yt_node_text(values, row->condition).n == 0)
		return false;
	return text->n > 0;
}

static size_t depth_of(const struct iso_row *row)
{
	size_t n = 0;

	while (row->at[n] != NULL)
		n++;
	return n;
}

/* Closes and opens so that the parents of row are what is open. */
static void move_to(struct yt_xml_writer *w, const struct iso_row *row, const char **open, size_t *n_open)
{
	size_t parents = depth_of(row) - 1, same = 0;

	while (same < *n_open && same < parents && strcmp(open[same], row->at[same]) == 0)
		same++;
	while (*n_open > same) {
		yt_xml_end(w);
		(*n_open)--;
	}
	while (*n_open < parents) {
		open[*n_open] = row->at[*n_open];
		yt_xml_start(w, open[(*n_open)++]);
	}
}

static void write_leaf(struct yt_xml_writer *w, const struct iso_row *row, struct yt_str text)
{
	char amount[24];
	int64_t fen = 0;

	yt_xml_start(w, row->at[depth_of(row) - 1]);
	if (row->type == 'A')
		yt_xml_attribute(w, "Ccy", YT_STR("CNY"));
	if (row->type == 'A' || row->type == 'S') {
		(void)yt_fen_parse(text, &fen);
		yt_fen_print(fen, amount);
		text = yt_str(amount);
	} else if (row->type == 'B') {
		text = yt_str_is(text, "1") ? YT_STR("true") : YT_STR("false");
	}
	yt_xml_text(w, text);
	yt_xml_end(w);
}

int iso_write_rows(struct yt_xml_writer *w, const struct iso_group *group, const struct yt_node *values, char edition,
        const char *path, struct yt_fault *fault)
{
	const char *open[6];
	size_t n_open = 0;

	for (size_t i = 0; i < group->n; i++) {
		const struct iso_row *row = &group->rows[i];
		const char *why = NULL;
		struct yt_str text;

		if (!is_written(row, values, edition, &text)) {
			if (row->is_needed && row->name != NULL && (row->edition == ' ' || row->edition == edition))
				return iso_refuse(fault, path, row->name, "is missing");
			continue;
		}
		if (row->name != NULL)
			why = check_written(row, text);
		if (why != NULL)
			return iso_refuse(fault, path, row->name, why);
		move_to(w, row, open, &n_open);
		write_leaf(w, row, text);
	}
	while (n_open-- > 0)
		yt_xml_end(w);
	return 0;
}

/* -- reading -------------------------------------------------------------------------------------- */

const struct yt_node *iso_at(const struct yt_node *element, const char *path)
{
	char name[32];

	while (element != NULL && *path != '\0') {
		size_t n = strcspn(path, "/");

		snprintf(name, sizeof(name), "%.*s", (int)n, path);
		element = yt_node_get(element, name);
		path += n + (path[n] == '/');
	}
	return element;
}

static const struct yt_node *find(const struct yt_node *element, const struct iso_row *row)
{
	for (size_t i = 0; row->at[i] != NULL && element != NULL; i++)
		element = yt_node_get(element, row->at[i]);
	return element != NULL && element->kind == YT_TEXT ? element : NULL;
}

static struct yt_str without_blanks(struct yt_str s)
{
	while (s.n > 0 && strchr(" \t\r\n", s.p[0]) != NULL) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && strchr(" \t\r\n", s.p[s.n - 1]) != NULL)
		s.n--;
	return s;
}

static int refuse_element(struct yt_fault *fault, const char *path, const struct iso_row *row, const char *why)
{
	char member[128] = "";
	size_t n = 0;

	for (size_t i = 0; row->at[i] != NULL && n < sizeof(member); i++)
		n += (size_t)snprintf(member + n, sizeof(member) - n, "%s%s", i > 0 ? "/" : "", row->at[i]);
	snprintf(fault->path, sizeof(fault->path), "%.100s/%.55s", path, member);
	snprintf(fault->why, sizeof(fault->why), "%s", why);
	return YT_EFORMAT;
}

/* A currency that an amount has stands beside it. */
static int take_currency(struct yt_arena *arena, struct yt_node *out, const struct yt_node *amount)
{
	struct yt_str ccy = yt_xml_attr(amount, "Ccy");

	if (ccy.n == 0 || yt_node_text(out, "ccy").n != 0)
		return 0;
	return yt_node_set_text(arena, out, "ccy", ccy);
}

/* A text of several lines, each an element of its own. */
static struct yt_str join_lines(struct yt_arena *arena, const struct yt_node *at, struct yt_str text)
{
	struct yt_buf all = { 0 };

	if (yt_xml_next(at) == NULL)
		return text;
	yt_buf_str(&all, text);
	while ((at = yt_xml_next(at)) != NULL) {
		struct yt_str line = without_blanks(at->kind == YT_TEXT ? at->text : (struct yt_str){ NULL, 0 });

		if (line.n > 0)
			yt_buf_byte(&all, ' ');
		yt_buf_str(&all, line);
	}
	text = all.failed ? (struct yt_str){ NULL, 0 } : yt_arena_copy(arena, yt_buf_view(&all));
	yt_buf_free(&all);
	return text;
}

int iso_read_rows(struct yt_arena *arena, const struct iso_group *group, const struct yt_node *element,
        struct yt_node *out, const char *path, struct yt_fault *fault)
{
	for (size_t i = 0; i < group->n; i++) {
		const struct iso_row *row = &group->rows[i];
		const struct yt_node *at = row->name != NULL ? find(element, row) : NULL;
		struct yt_str text;
		const char *why;

		if (row->name == NULL || yt_node_get(out, row->name) != NULL)
			continue;
		text = at != NULL ? without_blanks(at->text) : (struct yt_str){ NULL, 0 };
		if (text.n == 0) {
			bool is_last = i + 1 == group->n || group->rows[i + 1].name == NULL ||
			               strcmp(group->rows[i + 1].name, row->name) != 0;

			if (row->is_needed && is_last)
				return refuse_element(fault, path, row, "is missing");
			continue;
		}
		if (row->type == 'T')
			text = join_lines(arena, at, text);
		text = take(arena, row, text, &why);
		if (text.p == NULL)
			return refuse_element(fault, path, row, why);
		if (yt_node_add_text(arena, out, row->name, text) == NULL)
			return YT_ENOMEM;
		if (row->type == 'A' && take_currency(arena, out, at) != 0)
			return YT_ENOMEM;
	}
	return 0;
}
