/* plugins/banklink/rows.c - elements of one object by their rows, from texts and to texts (bank.md 5.2, 5.3). */
#include <stdio.h>
#include <string.h>

#include "bdl.h"

const struct bdl_group *bdl_group(struct yt_str wire, const char *side)
{
	for (const struct bdl_group *g = bdl_groups; g->name != NULL; g++)
		if (strlen(g->name) == wire.n + 1 + strlen(side) && memcmp(g->name, wire.p, wire.n) == 0 &&
		        g->name[wire.n] == '_' && strcmp(g->name + wire.n + 1, side) == 0)
			return g;
	return NULL;
}

int bdl_put(struct yt_arena *arena, struct yt_node *object, const char *name, struct yt_str text)
{
	return text.n == 0 || yt_node_set_text(arena, object, name, text) == 0 ? 0 : YT_ENOMEM;
}

/* NULL, or what is wrong with a value on the wire that is not empty.  n: its octets in GB18030. */
static const char *check(const struct bdl_row *row, struct yt_str text, size_t n)
{
	int64_t fen;

	if (row->max > 0 && n > row->max)
		return "is too long";
	switch (row->type) {
	case 'C':
		return bank_is_ascii(text, 1, text.n) ? NULL : "must be printable ASCII";
	case 'N':
	case '#':
		return bank_is_digits(text, 1, text.n) ? NULL : "must be digits";
	case '6':
		return bank_is_digits(text, 6, 6) ? NULL : "is not a time HHmmss";
	case '8':
	case 'D':
		return bank_day(text) ? NULL : "is not a day yyyyMMdd";
	case 'A':
	case 'F':
	case 'B':
		return bank_amount(text, row->type != 'A', row->type == 'B', &fen)
		               ? NULL
		               : "is not an amount like 12.30, without zeros in front";
	case 'K':
		return bank_type_of(text).n > 0 ? NULL : "is no business: 01 to 04";
	default:
		return NULL;
	}
}

/* -- writing -------------------------------------------------------------------------------------- */

static int refuse(struct yt_fault *fault, const char *path, const struct bdl_row *row, const char *why)
{
	return bank_refuse(fault, path, row->name, why);
}

/* The wire's form of a canonical value; empty when there is none. */
static struct yt_str wire_form(const struct bdl_row *row, const struct yt_node *values, struct yt_arena *arena)
{
	struct yt_str text = yt_node_text(values, row->name);
	char amount[24];
	int64_t fen;

	if (text.n == 0)
		return text;
	switch (row->type) {
	case 'D':
		return bank_day_out(arena, text);
	case 'K':
		return yt_str(bank_business_of(text));
	case 'A':
	case 'F':
	case 'B':
		if (yt_fen_parse(text, &fen) != 0)
			return text;
		yt_fen_print(fen, amount);
		return yt_arena_copy(arena, yt_str(amount));
	default:
		return text;
	}
}

static int write_row(struct yt_xml_writer *w, const struct bdl_row *row, struct yt_str text, const char *path,
        struct yt_fault *fault)
{
	uint32_t code = 0;
	const char *why = NULL;
	size_t n = row->type == 'X' ? text.n : bank_octets(text, &code, &why);

	if (why != NULL) {
		refuse(fault, path, row, "");
		snprintf(fault->why, sizeof(fault->why), "cannot be written in GB18030: U+%04X", code);
		return YT_EFORMAT;
	}
	why = check(row, text, n);
	if (why != NULL)
		return refuse(fault, path, row, why);
	yt_xml_leaf(w, row->element, text);
	return 0;
}

int bdl_write_rows(struct yt_xml_writer *w, const struct bdl_group *group, const struct yt_node *values,
        const char *path, struct yt_arena *arena, struct yt_fault *fault)
{
	for (size_t i = 0; i < group->n; i++) {
		const struct bdl_row *row = &group->rows[i];
		struct yt_str text = wire_form(row, values, arena);
		int rv = 0;

		if (text.n > 0)
			rv = write_row(w, row, text, path, fault);
		else if (row->need == 'Y')
			rv = refuse(fault, path, row, "is missing");
		else if (row->need == 'E')
			yt_xml_leaf(w, row->element, YT_STR(""));
		if (rv != 0)
			return rv;
	}
	return 0;
}

/* -- reading -------------------------------------------------------------------------------------- */

/* The canonical form; .p NULL: no memory. */
static struct yt_str canonical(const struct bdl_row *row, struct yt_str text, struct yt_arena *arena)
{
	if (row->type == 'D')
		return bank_day_in(arena, text);
	while (row->type == '#' && text.n > 1 && text.p[0] == '0') {
		text.p++;
		text.n--;
	}
	return row->type == 'K' ? bank_type_of(text) : text;
}

static int read_row(struct yt_arena *arena, const struct bdl_row *row, const struct yt_node *at, struct yt_node *out,
        const char *path, struct yt_fault *fault)
{
	uint32_t code;
	const char *why;
	size_t n = row->type == 'Z' ? bank_octets(at->text, &code, &why) : at->text.n;
	struct yt_str text;

	why = check(row, at->text, n);
	if (why != NULL)
		return bank_refuse(fault, path, row->element, why);
	text = canonical(row, at->text, arena);
	return text.p != NULL && yt_node_add_text(arena, out, row->name, text) != NULL ? 0 : YT_ENOMEM;
}

int bdl_read_rows(struct yt_arena *arena, const struct bdl_group *group, const struct yt_node *element,
        struct yt_node *out, const char *path, struct yt_fault *fault)
{
	for (size_t i = 0; i < group->n; i++) {
		const struct bdl_row *row = &group->rows[i];
		const struct yt_node *at = yt_node_get(element, row->element);
		int rv = 0;

		if (at != NULL && (at->kind != YT_TEXT || at->n > 0))
			return bank_refuse(fault, path, row->element, "must be a text without elements or attributes");
		if (at != NULL && yt_xml_count(element, row->element) > 1)
			return bank_refuse(fault, path, row->element, "is there twice");
		if (at != NULL && at->text.n > 0)
			rv = read_row(arena, row, at, out, path, fault);
		else if (row->need == 'Y' || (row->need == 'E' && at == NULL))
			rv = bank_refuse(fault, path, row->element, "is missing");
		if (rv != 0)
			return rv;
	}
	return 0;
}
