/* plugins/insurer/write.c - a canonical body as the tree an insurer reads (insurer.h).
 *
 * Called by the codecs' encode functions, which then write the tree as JSON or XML.  What the consent does not cover
 * (a part out of scope) and what the agreement does not allow (an optional member) is left out, not blanked. */
#include <stdio.h>
#include <string.h>

#include "insurer.h"

#define ROWS_MAX 5000
#define XML_ROWS_MAX 20 /* further diagnoses, operations of JH (insurer.md 7.4) */
#define FIELDS_MAX 40

/* -- the wire's side ----------------------------------------------------------------------------- */

/* The object at a path with dots below node, made as far as it is missing; rest: what stands behind the last dot.
 * NULL: no memory. */
static struct yt_node *reach(struct yt_arena *arena, struct yt_node *node, struct yt_str path, struct yt_str *rest)
{
	const char *dot;

	while (node != NULL && (dot = memchr(path.p, '.', path.n)) != NULL) {
		struct yt_str name = { path.p, (size_t)(dot - path.p) };
		struct yt_node *next = node->child;

		while (next != NULL && !yt_str_eq(next->name, name))
			next = next->next;
		node = next != NULL ? next : yt_node_add(arena, node, name, YT_OBJECT);
		path = (struct yt_str){ dot + 1, path.n - name.n - 1 };
	}
	*rest = path;
	return node;
}

static struct yt_node *child_object(struct yt_arena *arena, struct yt_node *node, const char *path, enum yt_kind kind)
{
	struct yt_str name;
	struct yt_node *child;

	if (*path == '\0')
		return node;
	node = reach(arena, node, yt_str(path), &name);
	for (child = node != NULL ? node->child : NULL; child != NULL; child = child->next)
		if (yt_str_eq(child->name, name))
			return child;
	return yt_node_add(arena, node, name, kind);
}

/* The flags of a consent as the names of its parts. */
static int put_scope(struct yt_arena *arena, struct yt_node *parent, const struct ins_field *f, struct yt_str flags)
{
	struct yt_node *array = yt_node_add(arena, parent, yt_str(f->wire), YT_ARRAY);
	const char *names = f->codes;

	for (size_t i = 0; i < flags.n; i++) {
		size_t n = strcspn(names, ";");
		struct yt_str name = { names, n };

		if (flags.p[i] == '1' && n > 0 && yt_node_add_text(arena, array, "", name) == NULL)
			return YT_ENOMEM;
		names += n + (names[n] == ';');
	}
	return array != NULL ? 0 : YT_ENOMEM;
}

static int put_value(struct ins_map *m, struct yt_node *parent, const struct ins_field *f, struct yt_str wire)
{
	struct yt_str name;
	struct yt_node *node;

	if (wire.p == NULL)
		return YT_ENOMEM;
	parent = reach(m->arena, parent, yt_str(f->wire), &name);
	node = yt_node_add(m->arena, parent, name, m->is_xml ? YT_TEXT : ins_kind_of(f->type));
	if (node == NULL)
		return YT_ENOMEM;
	node->text = wire;
	return 0;
}

/* -- the canonical side -------------------------------------------------------------------------- */

static int complain(
        struct ins_map *m, const struct ins_group *g, unsigned index, const struct ins_field *f, const char *why)
{
	size_t n = strcspn(f->canon, "|+");
	const char *name = f->canon[0] == '@' ? f->wire : f->canon;
	char path[120];

	if (f->canon[0] == '@')
		n = strlen(name);
	if (g->rows || g->filter != 0)
		snprintf(path, sizeof(path), "%s[%u].%.*s", g->canon, index, (int)n, name);
	else
		snprintf(path, sizeof(path), "%s.%.*s", g->canon, (int)n, name);
	return ins_refuse(m->fault, m->root, path, why);
}

static struct yt_str value_named(
        struct ins_map *m, const struct ins_group *g, const struct yt_node *row, const char *name)
{
	if (row != NULL)
		return yt_node_text(row, name);
	return strcmp(g->canon, "data") == 0 ? ins_find(m, name) : yt_node_text(yt_node_get(m->body, g->canon), name);
}

/* The sum of several members; nothing when none is there. */
static const char *sum_of(
        struct ins_map *m, const struct ins_group *g, const struct yt_node *row, const char *names, struct yt_str *out)
{
	int64_t sum = 0, fen;
	bool found = false;
	char name[64], text[24];

	while (*names != '\0') {
		size_t n = strcspn(names, "+");
		struct yt_str value;

		snprintf(name, sizeof(name), "%.*s", (int)n, names);
		value = value_named(m, g, row, name);
		found = found || value.n > 0;
		if (value.n > 0 && yt_fen_parse(value, &fen) != 0)
			return "is not an amount in yuan with two decimals";
		sum += value.n > 0 ? fen : 0;
		names += n + (names[n] == '+');
	}
	yt_fen_print(sum, text);
	if (found)
		*out = yt_arena_copy(m->arena, yt_str(text));
	return NULL;
}

static const char *value_of(struct ins_map *m, const struct ins_group *g, const struct yt_node *row, unsigned index,
        const struct ins_field *f, struct yt_str *out)
{
	const char *names = f->canon;
	char name[64];

	*out = (struct yt_str){ NULL, 0 };
	if (strchr(names, '+') != NULL)
		return sum_of(m, g, row, names, out);
	while (*names != '\0' && out->n == 0) {
		size_t n = strcspn(names, "|");

		snprintf(name, sizeof(name), "%.*s", (int)n, names);
		*out = name[0] == '@' ? ins_derived(m, name, row, index) : value_named(m, g, row, name);
		names += n + (names[n] == '|');
	}
	return NULL;
}

/* Whether a name, or the object it stands in, is in the list of what may leave. */
static bool is_allowed(const struct ins_map *m, const struct ins_group *g, const struct ins_field *f)
{
	struct yt_str list = m->allowed;
	char full[96];

	snprintf(full, sizeof(full), "%s%s%s", g->node, *g->node != '\0' && f != NULL ? "." : "",
	        f != NULL ? f->wire : "");
	while (list.n > 0) {
		size_t n = 0;

		while (n < list.n && list.p[n] != ';')
			n++;
		if ((n == 1 && list.p[0] == '*') || (n == strlen(full) && memcmp(list.p, full, n) == 0) ||
		        (*g->node != '\0' && n == strlen(g->node) && memcmp(list.p, g->node, n) == 0))
			return true;
		n += n < list.n;
		list = (struct yt_str){ list.p + n, list.n - n };
	}
	return false;
}

static bool is_covered(const struct ins_map *m, const struct ins_group *g)
{
	size_t at = g->part == 'F' ? 1 : g->part == 'D' ? 2 : 3;

	return g->part == 0 || m->scope == NULL || (strlen(m->scope) == 4 && m->scope[at] == '1');
}

/* Whether name is an optional member, or rows that may be left out. */
static bool is_optional(const struct ins_group *g, struct yt_str name)
{
	size_t n = strlen(g->node), at = n > 0 ? n + 1 : 0;

	if (!g->needed && n > 0 && yt_str_is(name, g->node))
		return true;
	if (name.n <= at || memcmp(name.p, g->node, n) != 0 || (n > 0 && name.p[n] != '.'))
		return false;
	for (unsigned i = 0; i < g->n; i++)
		if (g->fields[i].must == INS_MAY &&
		        yt_str_is((struct yt_str){ name.p + at, name.n - at }, g->fields[i].wire))
			return true;
	return false;
}

bool ins_is_agreement(const struct ins_schema *schemas, struct yt_str list)
{
	while (list.n > 0) {
		bool found = list.n == 1 && list.p[0] == '*';
		size_t n = 0;

		while (n < list.n && list.p[n] != ';')
			n++;
		for (const struct ins_schema *s = schemas; s->wire != NULL && !found; s++)
			for (unsigned i = 0; i < s->n_in && !found; i++)
				found = is_optional(&s->in[i], (struct yt_str){ list.p, n });
		if (!found)
			return false;
		n += n < list.n;
		list = (struct yt_str){ list.p + n, list.n - n };
	}
	return true;
}

/* -- groups -------------------------------------------------------------------------------------- */

static int put_members(struct ins_map *m, const struct ins_group *g, struct yt_node *node, const struct yt_node *row,
        unsigned index, const struct yt_str *values)
{
	int rv = 0;

	for (unsigned i = 0; i < g->n && rv == 0; i++) {
		const struct ins_field *f = &g->fields[i];
		struct yt_str wire;
		const char *why;

		if (f->type == INS_SCOPE && values[i].n > 0) {
			rv = put_scope(m->arena, node, f, values[i]);
		} else if (values[i].n > 0) {
			why = ins_to_wire(m, f, values[i], &wire);
			rv = why != NULL ? complain(m, g, index, f, why) : put_value(m, node, f, wire);
		} else if (f->must == INS_EMPTY) {
			rv = put_value(m, node, f, YT_STR(""));
		} else if (f->must == INS_ZERO) {
			rv = ins_to_wire(m, f, YT_STR("0"), &wire) == NULL ? put_value(m, node, f, wire) : YT_EFORMAT;
		} else if (f->must == INS_MUST) {
			rv = complain(m, g, index, f, "is missing");
		}
	}
	return rv;
}

/* A member that is a tree of its own is taken as it is. */
static int put_trees(struct ins_map *m, const struct ins_group *g, struct yt_node *node, const struct yt_node *row)
{
	for (unsigned i = 0; i < g->n; i++) {
		const struct yt_node *tree = yt_node_get(row, g->fields[i].canon);
		struct yt_node *copy;

		if (g->fields[i].type != INS_ANYTHING || tree == NULL || m->is_xml)
			continue;
		copy = yt_node_add(m->arena, node, yt_str(g->fields[i].wire), (enum yt_kind)tree->kind);
		if (copy == NULL)
			return YT_ENOMEM;
		copy->child = tree->child;
		copy->last = tree->last;
		copy->text = tree->text;
		copy->n = tree->n;
	}
	return 0;
}

/* Finds the values of one object or row; how many there are beside those written in any case. */
static int take_values(struct ins_map *m, const struct ins_group *g, const struct yt_node *row, unsigned index,
        struct yt_str *values, unsigned *n)
{
	*n = 0;
	YT_REQUIRE(g->n <= FIELDS_MAX);
	for (unsigned i = 0; i < g->n; i++) {
		const struct ins_field *f = &g->fields[i];
		const char *why = NULL;

		values[i] = (struct yt_str){ NULL, 0 };
		if (f->type != INS_ANYTHING && (f->must != INS_MAY || is_allowed(m, g, f)))
			why = value_of(m, g, row, index, f, &values[i]);
		if (why != NULL)
			return complain(m, g, index, f, why);
		*n += values[i].n > 0;
	}
	return 0;
}

static int write_object(struct ins_map *m, const struct ins_group *g, const struct yt_node *row, struct yt_node *wire)
{
	struct yt_str values[FIELDS_MAX];
	struct yt_node *node;
	unsigned n;
	int rv = take_values(m, g, row, 0, values, &n);

	if (rv != 0)
		return rv;
	node = g->node[0] != '\0' ? NULL : wire;
	for (const struct yt_node *c = wire->child; c != NULL && node == NULL; c = c->next)
		if (yt_str_is(c->name, g->node))
			node = (struct yt_node *)c;
	if (node == NULL && n == 0 && !g->needed)
		return 0;
	if (node == NULL)
		node = child_object(m->arena, wire, g->node, YT_OBJECT);
	return node != NULL ? put_members(m, g, node, row, 0, values) : YT_ENOMEM;
}

static bool is_of_filter(struct ins_map *m, const struct ins_group *g, const struct yt_node *row)
{
	struct yt_str type;

	if (g->filter == 0)
		return true;
	if (g->filter == 'm' || g->filter == 'o')
		return yt_str_is(yt_node_text(row, "maindiag_flag"), "1") == (g->filter == 'm');
	type = yt_node_text(row, "list_type");
	if (type.n == 0)
		type = ins_derived(m, "@catalogue", row, 0);
	return type.n > 0 ? type.p[0] == g->filter : g->filter == '1';
}

static int write_row(
        struct ins_map *m, const struct ins_group *g, const struct yt_node *row, unsigned index, struct yt_node *array)
{
	struct yt_node *node = yt_node_add(m->arena, array, (struct yt_str){ NULL, 0 }, YT_OBJECT);
	struct yt_str values[FIELDS_MAX];
	unsigned n;
	int rv;

	if (strcmp(g->canon, "feedetail") == 0)
		row = ins_whole_fen(m, row);
	if (node == NULL || row == NULL)
		return YT_ENOMEM;
	rv = take_values(m, g, row, index, values, &n);
	if (rv == 0)
		rv = put_members(m, g, node, row, index, values);
	return rv == 0 ? put_trees(m, g, node, row) : rv;
}

static const struct yt_node *rows_of(const struct ins_map *m, const char *canon)
{
	const struct yt_node *rows = yt_node_get(m->body, canon);

	return rows != NULL && rows->kind == YT_ARRAY ? rows : yt_node_get(m->facts, canon);
}

static int complain_rows(struct ins_map *m, const struct ins_group *g, const char *why)
{
	char path[64];

	snprintf(path, sizeof(path), "%s[0]", g->canon);
	return ins_refuse(m->fault, m->root, path, why);
}

static int write_rows(struct ins_map *m, const struct ins_group *g, struct yt_node *wire)
{
	const struct yt_node *rows = rows_of(m, g->canon);
	const struct yt_node *row = rows != NULL && rows->kind == YT_ARRAY ? rows->child : NULL;
	unsigned most = m->is_xml && (g->filter == 'o' || strcmp(g->canon, "oprninfo") == 0) ? XML_ROWS_MAX : ROWS_MAX;
	struct yt_node *array = NULL;
	struct yt_str rest;
	unsigned i = 0, n = 0;
	int rv = 0;

	if (m->is_xml && reach(m->arena, wire, yt_str(g->node), &rest) == NULL)
		return YT_ENOMEM; /* DRUG_LIST stands there also when nothing is in it */
	for (; row != NULL && rv == 0; row = row->next, i++) {
		if (!is_of_filter(m, g, row))
			continue;
		if (++n > most)
			return complain_rows(m, g, "there are more rows than this insurer takes");
		if (array == NULL)
			array = child_object(m->arena, wire, g->node, YT_ARRAY);
		rv = array != NULL ? write_row(m, g, row, i, array) : YT_ENOMEM;
	}
	if (rv == 0 && m->n_lines > ROWS_MAX) /* over all lists */
		return complain_rows(m, g, "there are more rows than this insurer takes");
	return rv == 0 && n == 0 && g->needed ? complain_rows(m, g, "is missing: at least one is needed") : rv;
}

/* The main one among rows, as members of an object. */
static int write_main(struct ins_map *m, const struct ins_group *g, struct yt_node *wire)
{
	const struct yt_node *rows = rows_of(m, g->canon);
	const struct yt_node *row = rows != NULL && rows->kind == YT_ARRAY ? rows->child : NULL, *found = NULL;

	for (; row != NULL; row = row->next) {
		if (!is_of_filter(m, g, row))
			continue;
		if (found != NULL)
			return ins_refuse(m->fault, m->root, "diseinfo", INS_ONE_MAIN);
		found = row;
	}
	if (found != NULL)
		return write_object(m, g, found, wire);
	return ins_refuse(
	        m->fault, m->root, "diseinfo[0].maindiag_flag", "must be 1 for one of the diagnoses: the main one");
}

int ins_write(struct ins_map *m, const struct ins_group *groups, size_t n, struct yt_node *wire)
{
	int rv = wire != NULL ? 0 : YT_ENOMEM;

	for (size_t i = 0; i < n && rv == 0; i++) {
		const struct ins_group *g = &groups[i];

		if (!is_covered(m, g) || (g->rows && !g->needed && !m->is_xml && !is_allowed(m, g, NULL)))
			continue;
		if (m->is_xml && strcmp(g->canon, "oprninfo") == 0 && !is_allowed(m, g, NULL))
			continue;
		rv = g->rows          ? write_rows(m, g, wire)
		     : g->filter != 0 ? write_main(m, g, wire)
		                      : write_object(m, g, NULL, wire);
	}
	return rv;
}
