/* plugins/insurer/read.c - the tree an insurer wrote as a canonical body (insurer.h).
 *
 * Called by the codecs' decode functions, and by their encode functions on what was just written, so that it can be
 * checked as the other side will.  Members no row names are left alone, as the profiles want it; null and empty
 * texts are no values. */
#include <stdio.h>
#include <string.h>

#include "insurer.h"

#define ROWS_MAX 5000
#define XML_ROWS_MAX 20

static int complain(
        const struct ins_map *m, const struct ins_group *g, unsigned index, const char *name, const char *why)
{
	char path[160];

	if (g->rows)
		snprintf(path, sizeof(path), "%s[%u]%s%s", g->node, index, *name != '\0' ? "." : "", name);
	else
		snprintf(path, sizeof(path), "%s%s%s", g->node, *g->node != '\0' && *name != '\0' ? "." : "", name);
	return ins_refuse(m->fault, "", path, why);
}

static struct yt_node *member(const struct yt_node *node, struct yt_str name)
{
	struct yt_node *c = node != NULL && node->kind == YT_OBJECT ? node->child : NULL;

	while (c != NULL && !yt_str_eq(c->name, name))
		c = c->next;
	return c;
}

static bool is_twice(const struct ins_map *m, const struct yt_node *found)
{
	return m->is_xml && found != NULL && yt_xml_next(found) != NULL;
}

/* What stands at a path with dots; NULL: nothing, or null.  *twice: a single element is there more often. */
static struct yt_node *at_path(
        const struct ins_map *m, const struct yt_node *node, const char *path, bool rows, bool *twice)
{
	struct yt_node *found = (struct yt_node *)node;

	*twice = false;
	while (*path != '\0' && found != NULL) {
		size_t n = strcspn(path, ".");

		found = member(found, (struct yt_str){ path, n });
		path += n + (path[n] == '.');
		*twice = *twice || (is_twice(m, found) && !(rows && *path == '\0'));
	}
	return found != NULL && found->kind == YT_NULL ? NULL : found;
}

/* -- the canonical side -------------------------------------------------------------------------- */

static struct yt_node *reach(struct yt_arena *arena, struct yt_node *body, const char *canon, enum yt_kind kind)
{
	struct yt_node *node = yt_node_get(body, canon);

	return node != NULL ? node : yt_node_add(arena, body, yt_str(canon), kind);
}

static int put(struct ins_map *m, struct yt_node *object, const struct ins_field *f, struct yt_str value)
{
	size_t n = strcspn(f->canon, "|+");
	struct yt_str name = { f->canon, n };
	struct yt_node *node;

	if (value.p == NULL)
		return YT_ENOMEM;
	node = yt_node_add(m->arena, object, name,
	        ins_is_amount(f) || f->type == INS_DECIMAL || f->type == INS_PERCENT ? YT_NUMBER : YT_TEXT);
	if (node == NULL)
		return YT_ENOMEM;
	node->text = value;
	return 0;
}

/* -- one member ---------------------------------------------------------------------------------- */

/* Names of the parts of a consent as flags. */
static const char *take_scope(
        struct ins_map *m, const struct ins_field *f, const struct yt_node *node, struct yt_str *out)
{
	char flags[8] = "0000";

	if (node->kind != YT_ARRAY)
		return "must be an array of names";
	for (const struct yt_node *c = node->child; c != NULL; c = c->next) {
		const char *names = f->codes;
		size_t at = 0, n = strcspn(names, ";");

		while (n > 0 && (c->kind != YT_TEXT || c->text.n != n || memcmp(c->text.p, names, n) != 0)) {
			names += n + (names[n] == ';');
			n = strcspn(names, ";");
			at++;
		}
		if (n == 0 || at > 3)
			return "has a name that is no part of a claim";
		flags[at] = '1';
	}
	*out = yt_arena_copy(m->arena, yt_str(flags));
	return NULL;
}

static int put_tree(struct ins_map *m, struct yt_node *object, const struct ins_field *f, const struct yt_node *tree)
{
	struct yt_node *copy = yt_node_add(m->arena, object, yt_str(f->canon), (enum yt_kind)tree->kind);

	if (copy == NULL)
		return YT_ENOMEM;
	copy->child = tree->child;
	copy->last = tree->last;
	copy->text = tree->text;
	copy->n = tree->n;
	return 0;
}

static int take_member(struct ins_map *m, const struct ins_group *g, unsigned index, const struct ins_field *f,
        const struct yt_node *node, struct yt_node *object)
{
	bool twice;
	const struct yt_node *value = at_path(m, node, f->wire, false, &twice);
	struct yt_str canon = { NULL, 0 };
	const char *why;

	if (twice)
		return complain(m, g, index, f->wire, "is there more than once");
	if (value == NULL || (value->kind == YT_TEXT && value->text.n == 0)) {
		if (f->must == INS_MUST || f->must == INS_ZERO)
			return complain(m, g, index, f->wire, "is missing");
		return 0;
	}
	if (f->type == INS_ANYTHING)
		return put_tree(m, object, f, value);
	why = f->type == INS_SCOPE ? take_scope(m, f, value, &canon) : ins_from_wire(m, f, value, &canon);
	if (why != NULL)
		return complain(m, g, index, f->wire, why);
	if (canon.p == NULL)
		return YT_ENOMEM;
	if (strcmp(f->canon, "scope") == 0)
		m->scope = canon.p;
	if (f->canon[0] != '@')
		return put(m, object, f, canon);
	why = ins_derived_read(m, f->canon, canon, object, index);
	return why != NULL ? complain(m, g, index, f->wire, why) : 0;
}

static int take_members(struct ins_map *m, const struct ins_group *g, unsigned index, const struct yt_node *node,
        struct yt_node *object)
{
	int rv = object != NULL ? 0 : YT_ENOMEM;

	for (unsigned i = 0; i < g->n && rv == 0; i++)
		rv = take_member(m, g, index, &g->fields[i], node, object);
	return rv;
}

/* -- groups -------------------------------------------------------------------------------------- */

/* What the wire says by where a row stands. */
static int put_filter(struct ins_map *m, const struct ins_group *g, struct yt_node *row)
{
	static const char *const lists[] = { "101", "201", "301" };
	const char *name = g->filter == 'm' || g->filter == 'o' ? "maindiag_flag" : "list_type";
	const char *value = g->filter == 'm'   ? "1"
	                    : g->filter == 'o' ? "0"
	                    : g->filter != 0   ? lists[g->filter - '1']
	                                       : NULL;

	if (value == NULL)
		return row != NULL ? 0 : YT_ENOMEM;
	return yt_node_add_text(m->arena, row, name, yt_str(value)) != NULL ? 0 : YT_ENOMEM;
}

static int take_row(
        struct ins_map *m, const struct ins_group *g, unsigned index, const struct yt_node *node, struct yt_node *rows)
{
	struct yt_node *row;
	int rv;

	if (node->kind != YT_OBJECT)
		return complain(m, g, index, "", "must be an object with members");
	row = yt_node_add(m->arena, rows, (struct yt_str){ NULL, 0 }, YT_OBJECT);
	rv = put_filter(m, g, row);
	return rv == 0 ? take_members(m, g, index, node, row) : rv;
}

static int read_rows(struct ins_map *m, const struct ins_group *g, const struct yt_node *wire, struct yt_node *body)
{
	unsigned most = m->is_xml && (g->filter == 'o' || strcmp(g->canon, "oprninfo") == 0) ? XML_ROWS_MAX : ROWS_MAX;
	bool twice;
	const struct yt_node *node = at_path(m, wire, g->node, true, &twice), *rows = node;
	struct yt_node *out;
	unsigned n = 0;
	int rv = 0;

	if (twice)
		return complain(m, g, 0, "", "stands in an element that is there more than once");
	if (node != NULL && node->kind != YT_ARRAY && !m->is_xml)
		return complain(m, g, 0, "", "must be an array of rows");
	if (node != NULL && node->kind == YT_ARRAY)
		node = rows->child;
	if (m->is_xml && node != NULL && node->kind == YT_TEXT && node->text.n == 0 && yt_xml_next(node) == NULL)
		node = NULL; /* an empty element is an optional one left out */
	if (node == NULL)
		return 0;
	out = reach(m->arena, body, g->canon, YT_ARRAY);
	for (; node != NULL && rv == 0; node = rows->kind == YT_ARRAY ? node->next : yt_xml_next(node)) {
		if (n == most)
			return complain(m, g, n, "", "is one row more than may be there");
		rv = out != NULL ? take_row(m, g, n++, node, out) : YT_ENOMEM;
	}
	return rv;
}

static int read_object(struct ins_map *m, const struct ins_group *g, const struct yt_node *wire, struct yt_node *body)
{
	bool twice;
	const struct yt_node *node = at_path(m, wire, g->node, false, &twice);
	struct yt_node *object;
	int rv = 0;

	if (twice)
		return complain(m, g, 0, "", "is there more than once");
	if (node == NULL && !g->needed)
		return 0;
	if (node == NULL)
		return complain(m, g, 0, "", "is missing");
	if (node->kind != YT_OBJECT)
		return complain(m, g, 0, "", "must be an object with members");
	if (g->filter == 0)
		return take_members(m, g, 0, node, reach(m->arena, body, g->canon, YT_OBJECT));
	object =
	        yt_node_add(m->arena, reach(m->arena, body, g->canon, YT_ARRAY), (struct yt_str){ NULL, 0 }, YT_OBJECT);
	rv = put_filter(m, g, object);
	return rv == 0 ? take_members(m, g, 0, node, object) : rv;
}

/* Whether something stands where a group has its values. */
static bool is_there(const struct ins_map *m, const struct ins_group *g, const struct yt_node *wire)
{
	bool twice;
	const struct yt_node *node = at_path(m, wire, g->node, g->rows, &twice);

	if (node != NULL && g->node[0] == '\0')
		return at_path(m, node, g->fields[0].wire, false, &twice) != NULL;
	return node != NULL && (node->kind != YT_ARRAY || node->n > 0) && (node->kind != YT_TEXT || node->text.n > 0);
}

int ins_read(
        struct ins_map *m, const struct ins_group *groups, size_t n, const struct yt_node *wire, struct yt_node *body)
{
	int rv = body != NULL ? 0 : YT_ENOMEM;

	for (size_t i = 0; i < n && rv == 0; i++) {
		const struct ins_group *g = &groups[i];
		bool covered = g->part == 0 || m->scope == NULL ||
		               m->scope[g->part == 'F'   ? 1
		                        : g->part == 'D' ? 2
		                                         : 3] == '1';
		bool there = g->part != 0 && is_there(m, g, wire);

		if (!covered && there)
			return complain(m, g, 0, "", "is there although the consent does not cover it");
		if (!covered)
			continue;
		if (g->rows && g->needed && !is_there(m, g, wire))
			return complain(m, g, 0, "", "is missing");
		rv = g->rows ? read_rows(m, g, wire, body) : read_object(m, g, wire, body);
	}
	return rv;
}
