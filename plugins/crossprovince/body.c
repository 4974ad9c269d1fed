/* plugins/crossprovince/body.c - <input> and <output> by the rows of fields.tsv, both directions.
 *
 * Order and count are the schema's: reading walks rows and elements side by side, so that an element that
 * is missing, repeated, misplaced or unknown is named by its path.  What is read becomes a new canonical
 * tree under the national names; writing looks each value up (facts.c) and puts it into its form (value.c). */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ksbw.h"

/* -- writing ------------------------------------------------------------------------------------ */

struct writing {
	struct ksbw_source *s;
	struct yt_xml_writer *w;
	struct yt_fault *fault;
};

static int YT_PRINTF(5, 6)
        refuse_at(struct writing *x, const char *node, int row, const char *name, const char *fmt, ...)
{
	char at[16] = "";
	va_list args;

	if (row >= 0)
		snprintf(at, sizeof(at), "[%d]", row);
	snprintf(x->fault->path, sizeof(x->fault->path), "%s%s%s%s.%s", x->s->root, node != NULL ? "." : "",
	        node != NULL ? node : "", at, name);
	va_start(args, fmt);
	vsnprintf(x->fault->why, sizeof(x->fault->why), fmt, args);
	va_end(args);
	return YT_EFORMAT;
}

static const char *node_of(const struct writing *x, const struct ksbw_field *f)
{
	bool second = f->node[0] != NULL && f->node[1] != NULL && !ksbw_is_inpatient(x->s->msg->op->id);

	return second ? f->node[1] : f->node[0];
}

static int missing(struct writing *x, const struct ksbw_field *f, const char *node, int row)
{
	const char *name = f->name[0] != NULL ? f->name[0] : f->wire;

	if (f->type == KSBW_TransId0)
		return refuse_at(x, node, row, "feedetl_sn",
		        "names neither all lines of one upload nor all that there are: %s withdraws no others; set them off by "
		        "negative lines (init_feedetl_sn)",
		        x->s->schema->number);
	if (f->from == NULL)
		return refuse_at(x, node, row, name, "is missing: %s needs it as %s", x->s->schema->number, f->wire);
	return refuse_at(x, node, row, name, "is missing: %s%s must come first, it brings %s",
	        strcmp(f->from, "0212") == 0 ? "registration " : "", f->from, f->wire);
}

static int put(struct writing *x, const struct ksbw_field *f, const char *node, int row, struct yt_str text)
{
	struct ksbw_value value;
	const char *why = ksbw_to_wire(x->s->k, f, text, &value);

	if (why != NULL)
		return refuse_at(x, node, row, f->name[0] != NULL ? f->name[0] : f->wire, "%s (%s %s)", why,
		        x->s->schema->number, f->wire);
	yt_xml_leaf(x->w, f->wire, value.text);
	return 0;
}

/* A value that may come several times: a list of texts, or one text. */
static int put_list(
        struct writing *x, const struct ksbw_field *f, const char *node, int row, const struct yt_node *list)
{
	int rv = 0;

	if (list->n > f->max)
		return refuse_at(x, node, row, f->name[0], "is there more than %u times", f->max);
	for (const struct yt_node *one = list->child; one != NULL && rv == 0; one = one->next)
		rv = put(x, f, node, row, one->text);
	return rv;
}

static const struct yt_node *list_of(const struct writing *x, const struct ksbw_field *f)
{
	const struct yt_node *list = NULL;

	for (size_t i = 0; i < 3 && f->node[i] != NULL && list == NULL; i++)
		list = yt_node_get(ksbw_object(x->s->body, f->node[i]), f->name[0]);
	if (list == NULL)
		list = yt_node_get(x->s->facts, f->name[0]);
	return list != NULL && list->kind == YT_ARRAY ? list : NULL;
}

/* What the case knows of this fee line beyond the message: its split came with the treating platform's answer. */
static const struct yt_node *known_line(const struct writing *x, const struct ksbw_field *f, const struct yt_node *row)
{
	const struct yt_node *rows = strcmp(f->node[0], "feedetail") == 0 ? yt_node_get(x->s->facts, f->node[0]) : NULL;
	struct yt_str number = yt_node_text(row, "feedetl_sn");

	for (const struct yt_node *line = rows != NULL ? rows->child : NULL; line != NULL; line = line->next)
		if (yt_str_eq(yt_node_text(line, "feedetl_sn"), number))
			return line;
	return NULL;
}

static int put_cell(struct writing *x, const struct ksbw_field *f, const struct yt_node *row_node,
        const struct yt_node *known, int row)
{
	const struct yt_node *list = f->max > 1 ? yt_node_get(row_node, f->name[0]) : NULL;
	struct yt_str text = { NULL, 0 };

	if (list != NULL && list->kind == YT_ARRAY)
		return put_list(x, f, f->node[0], row, list);
	for (size_t i = 0; i < 3 && f->name[i] != NULL && text.n == 0; i++)
		text = yt_node_text(row_node, f->name[i]);
	for (size_t i = 0; i < 3 && f->name[i] != NULL && text.n == 0; i++)
		text = yt_node_text(known, f->name[i]);
	if (text.n == 0 && f->min > 0 && f->fallback != NULL)
		text = yt_str(f->fallback);
	if (text.n > 0)
		return put(x, f, f->node[0], row, text);
	return f->min > 0 ? missing(x, f, f->node[0], row) : 0;
}

/* A pharmacy has its lines elsewhere; a message without any takes those that the case knows. */
static const struct yt_node *rows_for(const struct writing *x, const struct ksbw_field *f)
{
	const struct yt_node *rows = yt_node_get(x->s->body, f->node[0]);

	if (rows != NULL || strcmp(f->node[0], "feedetail") != 0)
		return rows;
	rows = yt_node_get(x->s->body, "drugdetail");
	return rows != NULL ? rows : yt_node_get(x->s->facts, "feedetail");
}

static int put_rows(struct writing *x, const struct ksbw_field *f)
{
	const struct yt_node *rows = rows_for(x, f);
	uint32_t n = rows != NULL && rows->kind == YT_ARRAY ? rows->n : 0, indent = x->w->indent;
	int rv = 0, at = 0;

	if (n < f->min || n > f->max)
		return refuse_at(x, NULL, -1, f->node[0], "has %u rows, %s takes %u to %u", n, x->s->schema->number,
		        f->min, f->max);
	if (f->wrap != NULL)
		yt_xml_start(x->w, f->wrap);
	for (const struct yt_node *row = n > 0 ? rows->child : NULL; row != NULL && rv == 0; row = row->next, at++) {
		const struct yt_node *known = known_line(x, f, row);

		yt_xml_start(x->w, f->wire);
		x->w->indent = 0; /* a row stands in one line (8.2) */
		for (size_t i = 0; i < f->n_rows && rv == 0; i++)
			rv = put_cell(x, &f->rows[i], row, known, at);
		yt_xml_end(x->w);
		x->w->indent = indent;
	}
	if (f->wrap != NULL)
		yt_xml_end(x->w);
	return rv;
}

static int put_field(struct writing *x, const struct ksbw_field *f)
{
	const struct yt_node *list;
	struct yt_str text;
	bool no_memory;

	if (f->type == KSBW_Rows)
		return put_rows(x, f);
	list = f->max > 1 ? list_of(x, f) : NULL;
	if (list != NULL)
		return put_list(x, f, node_of(x, f), -1, list);
	text = ksbw_find(x->s, f, &no_memory);
	if (no_memory)
		return YT_ENOMEM;
	if (text.n > 0)
		return put(x, f, node_of(x, f), -1, text);
	return f->min > 0 ? missing(x, f, node_of(x, f), -1) : 0;
}

int ksbw_write_body(struct ksbw_source *s, const struct ksbw_field *fields, size_t n, struct yt_xml_writer *w,
        struct yt_fault *fault)
{
	struct writing x = { s, w, fault };
	int rv = 0;

	for (size_t i = 0; i < n && rv == 0; i++)
		rv = put_field(&x, &fields[i]);
	return rv;
}

/* -- reading ------------------------------------------------------------------------------------ */

struct reading {
	const struct ksbw *k;
	struct yt_arena *arena;
	struct yt_node *body;
	bool inpatient;
	struct yt_fault *fault;
	/* Where it is read: "input", "input.detail", "output.row[2]"; the last two NULL outside of rows. */
	const char *root, *wrap, *row;
	unsigned at;
	/* Most values go where the one before them went. */
	const char *object_name;
	struct yt_node *object;
};

static int refuse_child(struct reading *x, const char *name, const char *why)
{
	char row[32] = "";

	if (x->row != NULL)
		snprintf(row, sizeof(row), ".%.16s[%u]", x->row, x->at);
	snprintf(x->fault->path, sizeof(x->fault->path), "%s%s%s%s.%.64s", x->root, x->wrap != NULL ? "." : "",
	        x->wrap != NULL ? x->wrap : "", row, name);
	snprintf(x->fault->why, sizeof(x->fault->why), "%s", why);
	return YT_EFORMAT;
}

/* Elements are named alike but for their last character (aac001, aac003): it is looked at first. */
static bool is_named(const struct yt_node *node, const char *name, size_t n)
{
	return node != NULL && node->name.n == n && node->name.p[n - 1] == name[n - 1] &&
	       memcmp(node->name.p, name, n) == 0;
}

/* The last field that stands in an element of this name; -1: none. */
static int last_field(const struct ksbw_field *fields, size_t n, const struct yt_node *node)
{
	int i = (int)n - 1;

	while (i >= 0 && !(fields[i].wrap != NULL ? is_named(node, fields[i].wrap, strlen(fields[i].wrap))
	                                          : is_named(node, fields[i].wire, fields[i].wire_n)))
		i--;
	return i;
}

/* An element where the schema has none.  Kept ones stand in body.unknown. */
static int stray(struct reading *x, const struct ksbw_field *fields, size_t n, struct yt_node *node)
{
	char name[72];
	struct yt_node *kept, *copy;

	snprintf(name, sizeof(name), "%.*s", (int)(node->name.n < 64 ? node->name.n : 64), node->name.p);
	if (name[0] == '@')
		return refuse_child(x, name, "is an attribute, and there is none here");
	if (last_field(fields, n, node) >= 0)
		return refuse_child(x, name, "stands in the wrong place or too often");
	if (!x->k->keeps_unknown)
		return refuse_child(x, name, "is an element that the profile does not have (setting unknown_elements)");
	kept = yt_node_get(x->body, "unknown");
	if (kept == NULL)
		kept = yt_node_add(x->arena, x->body, YT_STR("unknown"), YT_OBJECT);
	copy = yt_node_add(x->arena, kept, node->name, (enum yt_kind)node->kind);
	if (copy == NULL)
		return YT_ENOMEM;
	copy->text = node->text;
	copy->child = node->child;
	copy->last = node->last;
	copy->n = node->n;
	return 0;
}

static struct yt_node *object_in(struct reading *x, const struct ksbw_field *f)
{
	const char *name = f->node[0] == NULL ? "data" : f->node[1] != NULL && !x->inpatient ? f->node[1] : f->node[0];
	struct yt_node *node = NULL;
	struct yt_str text;
	size_t n;

	if (name == x->object_name)
		return x->object;
	n = strcspn(name, "[");
	text = (struct yt_str){ name, n };
	for (struct yt_node *have = x->body->child; have != NULL; have = have->next)
		if (yt_str_eq(have->name, text))
			node = have;
	if (node == NULL)
		node = yt_node_add(x->arena, x->body, text, name[n] == '[' ? YT_ARRAY : YT_OBJECT);
	if (node != NULL && node->kind == YT_ARRAY)
		node = node->child != NULL ? node->child
		                           : yt_node_add(x->arena, node, (struct yt_str){ NULL, 0 }, YT_OBJECT);
	if (node != NULL) {
		x->object_name = name;
		x->object = node;
	}
	return node;
}

static int add_value(
        struct reading *x, const struct ksbw_field *f, struct yt_node *to, const char *name, struct yt_str text)
{
	enum yt_kind kind = ksbw_is_number((enum ksbw_type)f->type) ? YT_NUMBER : YT_TEXT;
	struct yt_node *made;

	if (f->max > 1) {
		struct yt_node *list = yt_node_get(to, name);

		if (list == NULL)
			list = yt_node_add(x->arena, to, yt_str(name), YT_ARRAY);
		made = yt_node_add(x->arena, list, (struct yt_str){ NULL, 0 }, kind);
	} else {
		made = yt_node_add(x->arena, to, yt_str(name), kind);
	}
	if (made == NULL)
		return YT_ENOMEM;
	made->text = text;
	return 0;
}

static int take_value(struct reading *x, const struct ksbw_field *f, const struct yt_node *node, struct yt_node *to)
{
	struct ksbw_value value;
	const char *why;
	int rv;

	if (node->kind != YT_TEXT || node->n > 0)
		return refuse_child(x, f->wire, "must be a text without elements or attributes");
	why = ksbw_from_wire(x->k, f, node->text, &value);
	if (why != NULL)
		return refuse_child(x, f->wire, why);
	if (value.text.p == value.tmp)
		value.text = yt_arena_copy(x->arena, value.text);
	if (value.text.p == NULL || to == NULL)
		return YT_ENOMEM;
	rv = add_value(x, f, to, f->type == KSBW_AmtSum ? f->wire : f->name[0], value.text);
	/* The insured side's numbers are also the national ones, where nobody else issued any. */
	if (rv == 0 && (f->type == KSBW_RegNo || f->type == KSBW_SetlNo) && f->name[1] != NULL)
		rv = add_value(x, f, to, f->name[1], value.text);
	return rv;
}

static int take_fields(
        struct reading *x, const struct ksbw_field *fields, size_t n, struct yt_node *first, struct yt_node *row);

static int take_row(
        struct reading *x, const struct ksbw_field *f, struct yt_node *node, struct yt_node *array, unsigned at)
{
	struct yt_node *row = yt_node_add(x->arena, array, (struct yt_str){ NULL, 0 }, YT_OBJECT);
	int rv;

	if (row == NULL)
		return YT_ENOMEM;
	x->row = f->wire;
	x->at = at;
	rv = node->kind == YT_OBJECT ? take_fields(x, f->rows, f->n_rows, node->child, row)
	                             : refuse_child(x, f->rows[0].wire, "is missing");
	x->row = NULL;
	return rv;
}

/* Rows from *node on; *node then is the first element behind them. */
static int take_rows(struct reading *x, const struct ksbw_field *f, struct yt_node **node)
{
	struct yt_node *array = yt_node_get(x->body, f->node[0]);
	unsigned n = 0;
	int rv = 0;

	if (array == NULL)
		array = yt_node_add(x->arena, x->body, yt_str(f->node[0]), YT_ARRAY);
	if (array == NULL)
		return YT_ENOMEM;
	for (; rv == 0 && is_named(*node, f->wire, f->wire_n); *node = (*node)->next) {
		if (n == f->max)
			return refuse_child(x, f->wire, "comes more often than the profile allows");
		rv = take_row(x, f, *node, array, n++);
	}
	if (rv == 0 && n < f->min)
		return refuse_child(x, f->wire, "is missing: there must be at least one");
	return rv;
}

static int take_wrapped(struct reading *x, const struct ksbw_field *f, struct yt_node **node)
{
	struct yt_node *inside;
	int rv;

	if (!is_named(*node, f->wrap, strlen(f->wrap)))
		return refuse_child(x, f->wrap, "is missing");
	if ((*node)->kind == YT_TEXT && ((*node)->text.n > 0 || (*node)->n > 0))
		return refuse_child(x, f->wrap, "must hold elements only");
	inside = (*node)->child;
	x->wrap = f->wrap;
	rv = take_rows(x, f, &inside);
	if (rv == 0 && inside != NULL)
		rv = stray(x, f, 1, inside);
	x->wrap = NULL;
	*node = (*node)->next;
	return rv;
}

static int take_field(struct reading *x, const struct ksbw_field *f, struct yt_node **node, struct yt_node *row)
{
	unsigned n = 0;
	int rv = 0;

	if (f->type == KSBW_Rows)
		return f->wrap != NULL ? take_wrapped(x, f, node) : take_rows(x, f, node);
	for (; rv == 0 && n < f->max && is_named(*node, f->wire, f->wire_n); *node = (*node)->next, n++)
		rv = take_value(x, f, *node, row != NULL ? row : object_in(x, f));
	if (rv == 0 && n < f->min)
		return refuse_child(x, f->wire, "is missing or stands in the wrong place");
	return rv;
}

/* row: the object the values go to; NULL: each has its own place in the body. */
static int take_fields(
        struct reading *x, const struct ksbw_field *fields, size_t n, struct yt_node *first, struct yt_node *row)
{
	struct yt_node *node = first, *seen = NULL;
	int rv = 0, last = -1; /* field of seen */

	for (size_t i = 0; i <= n && rv == 0; i++) {
		bool is_next = i < n && fields[i].wrap == NULL && is_named(node, fields[i].wire, fields[i].wire_n);

		while (rv == 0 && !is_next && node != NULL && node != seen) {
			last = last_field(fields, n, node);
			seen = node;
			if (last < 0) {
				rv = stray(x, fields, n, node);
				node = node->next;
			}
		}
		/* Named for what it is, not for what is missing in its place. */
		if (rv == 0 && i < n && !is_next && node != NULL && last < (int)i)
			return stray(x, fields, n, node);
		if (rv == 0 && i < n)
			rv = take_field(x, &fields[i], &node, row);
	}
	return rv == 0 && node != NULL ? stray(x, fields, n, node) : rv;
}

int ksbw_read_body(const struct ksbw *k, struct yt_arena *arena, const struct yt_node *element, const char *root,
        const struct ksbw_field *fields, size_t n, bool inpatient, struct yt_node **body, struct yt_fault *fault)
{
	struct reading x = { .k = k, .arena = arena, .inpatient = inpatient, .fault = fault, .root = root };

	x.body = yt_node_new(arena, YT_OBJECT);
	if (x.body == NULL)
		return YT_ENOMEM;
	*body = x.body;
	if (element->kind == YT_TEXT && (element->text.n > 0 || element->n > 0))
		return refuse_child(&x, "(text)", "must hold elements only");
	return take_fields(&x, fields, n, element->child, NULL);
}
