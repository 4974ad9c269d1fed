/* core/process/conf_yaml.c - the configuration file as a tree of nodes that know their line and column.
 *
 * First step of conf_load().  Only what a configuration needs of YAML is taken: one document of maps,
 * lists and scalars.  Anchors, aliases, tags and merge keys are refused by name, since they let one line change
 * a value far away, or a small file become a large one. */
#include "base/words.h"
#include "process/conf_parts.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define DEPTH_MAX 16
#define NODES_MAX 200000

struct reading {
	yaml_parser_t parser;
	struct yt_arena *arena;
	struct conf_errors *errors;
	struct yt_str bytes;
	struct conf_node *stack[DEPTH_MAX];
	size_t depth;
	uint32_t n_nodes;
	struct conf_node *root;
	struct conf_node pending_key; /* key of the map member whose value comes next */
	bool has_key;
	int rv; /* YT_ECONF once something is wrong that ends the reading */
};

static uint32_t line_of(yaml_mark_t mark)
{
	return (uint32_t)mark.line + 1;
}

static uint32_t column_of(yaml_mark_t mark)
{
	return (uint32_t)mark.column + 1;
}

static void refuse(struct reading *r, yaml_mark_t at, const char *why)
{
	conf_error_add(r->errors, line_of(at), column_of(at), "%s", _(why));
	r->rv = YT_ECONF;
}

/* libyaml tells of a tab only as a character that cannot start a token. */
static bool line_is_indented_by_tab(const struct reading *r, size_t line)
{
	const char *p = r->bytes.p, *end = p + r->bytes.n;

	while (line-- > 0 && p != NULL) {
		p = memchr(p, '\n', (size_t)(end - p));
		p = p == NULL ? NULL : p + 1;
	}
	while (p != NULL && p < end && *p == ' ')
		p++;
	return p != NULL && p < end && *p == '\t';
}

static void report_parser_problem(struct reading *r)
{
	const yaml_parser_t *p = &r->parser;
	yaml_mark_t at = p->problem_mark;

	r->rv = YT_ECONF;
	if (p->error == YAML_MEMORY_ERROR) {
		r->rv = YT_ENOMEM;
		return;
	}
	if (p->error == YAML_READER_ERROR) {
		conf_error_add(r->errors, line_of(p->mark), column_of(p->mark),
		        "not readable as UTF-8 text (%s): save the file as UTF-8", p->problem);
		return;
	}
	if (line_is_indented_by_tab(r, at.line)) {
		refuse(r, at, "a tab: indent with spaces, YAML allows nothing else");
		return;
	}
	conf_error_add(r->errors, line_of(at), column_of(at),
	        "not YAML: %s%s%s: check indentation, colons and quotes here",
	        p->problem == NULL ? _("cannot be read") : p->problem, p->context == NULL ? "" : ", ",
	        p->context == NULL ? "" : p->context);
}

static struct conf_node *add_node(struct reading *r, enum conf_node_kind kind, yaml_mark_t at)
{
	struct conf_node *parent = r->depth == 0 ? NULL : r->stack[r->depth - 1];
	struct conf_node *node;

	if (++r->n_nodes > NODES_MAX) {
		refuse(r, at, "more than 200000 values: split what is configured over several gateways");
		return NULL;
	}
	node = yt_arena_alloc(r->arena, sizeof(*node));
	if (node == NULL) {
		r->rv = YT_ENOMEM;
		return NULL;
	}
	node->kind = kind;
	node->line = node->key_line = line_of(at);
	node->column = node->key_column = column_of(at);
	if (r->has_key) {
		node->key = r->pending_key.text;
		node->key_line = r->pending_key.line;
		node->key_column = r->pending_key.column;
		r->has_key = false;
	}
	if (parent == NULL)
		r->root = node;
	else if (parent->child == NULL)
		parent->child = parent->last = node;
	else
		parent->last = parent->last->next = node;
	if (parent != NULL)
		parent->n++;
	return node;
}

static bool expects_key(const struct reading *r)
{
	return r->depth > 0 && r->stack[r->depth - 1]->kind == CONF_MAP && !r->has_key;
}

static void on_scalar(struct reading *r, const yaml_event_t *ev)
{
	struct yt_str text = { (const char *)ev->data.scalar.value, ev->data.scalar.length };
	struct yt_str copy;
	struct conf_node *node;

	if (memchr(text.p, 0, text.n) != NULL) {
		refuse(r, ev->start_mark, "a NUL character in a text: remove it");
		return;
	}
	copy = yt_arena_copy(r->arena, text);
	if (copy.p == NULL) {
		r->rv = YT_ENOMEM;
		return;
	}
	if (expects_key(r)) {
		if (yt_str_is(text, "<<")) {
			refuse(r, ev->start_mark, "merge keys (<<) are not used here: write the values out");
			return;
		}
		r->pending_key.text = copy.p;
		r->pending_key.line = line_of(ev->start_mark);
		r->pending_key.column = column_of(ev->start_mark);
		r->has_key = true;
		return;
	}
	node = add_node(r, CONF_SCALAR, ev->start_mark);
	if (node == NULL)
		return;
	node->text = copy.p;
	node->len = copy.n;
	node->is_plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static void on_open(struct reading *r, enum conf_node_kind kind, yaml_mark_t at)
{
	struct conf_node *node;

	if (expects_key(r)) {
		refuse(r, at, "a key must be a plain word");
		return;
	}
	if (r->depth == DEPTH_MAX) {
		refuse(r, at, "nested deeper than 16 levels: no key here needs that");
		return;
	}
	node = add_node(r, kind, at);
	if (node != NULL)
		r->stack[r->depth++] = node;
}

static int by_key(const void *a, const void *b)
{
	const struct conf_node *const *x = a, *const *y = b;
	int order = strcmp((*x)->key, (*y)->key);

	if (order != 0)
		return order;
	return (*x)->key_line < (*y)->key_line ? -1 : (*x)->key_line > (*y)->key_line;
}

/* By sorting: a map of names may have thousands of members. */
static void check_duplicates(struct reading *r, struct conf_node *map)
{
	struct conf_node **all, *node;
	size_t n = 0;

	if (map->n < 2)
		return;
	all = malloc(map->n * sizeof(struct conf_node *));
	if (all == NULL) {
		r->rv = YT_ENOMEM;
		return;
	}
	for (node = map->child; node != NULL; node = node->next)
		all[n++] = node;
	qsort(all, n, sizeof(struct conf_node *), by_key);
	for (size_t i = 1; i < n; i++) {
		if (strcmp(all[i - 1]->key, all[i]->key) == 0)
			conf_error_add(r->errors, all[i]->key_line, all[i]->key_column,
			        "\"%.60s\" is given twice: it stands on line %u already, keep one", all[i]->key,
			        (unsigned)all[i - 1]->key_line);
	}
	free(all);
}

static void on_close(struct reading *r)
{
	struct conf_node *node = r->stack[--r->depth];

	if (node->kind == CONF_MAP)
		check_duplicates(r, node);
}

static const yaml_char_t *anchor_of(const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		return ev->data.scalar.anchor;
	case YAML_SEQUENCE_START_EVENT:
		return ev->data.sequence_start.anchor;
	case YAML_MAPPING_START_EVENT:
		return ev->data.mapping_start.anchor;
	default:
		return NULL;
	}
}

static const yaml_char_t *tag_of(const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		return ev->data.scalar.tag;
	case YAML_SEQUENCE_START_EVENT:
		return ev->data.sequence_start.tag;
	case YAML_MAPPING_START_EVENT:
		return ev->data.mapping_start.tag;
	default:
		return NULL;
	}
}

static void on_event(struct reading *r, const yaml_event_t *ev)
{
	if (ev->type == YAML_ALIAS_EVENT || anchor_of(ev) != NULL) {
		refuse(r, ev->start_mark,
		        "anchors (&) and aliases (*) are not used here: write the value out, "
		        "or quote a text that begins with one of them");
		return;
	}
	if (tag_of(ev) != NULL) {
		refuse(r, ev->start_mark, "tags (!) are not used here: remove it, or quote a text that begins with it");
		return;
	}
	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (r->root != NULL)
			refuse(r, ev->start_mark, "a second document (---): one file is one configuration");
		break;
	case YAML_SCALAR_EVENT:
		on_scalar(r, ev);
		break;
	case YAML_MAPPING_START_EVENT:
		on_open(r, CONF_MAP, ev->start_mark);
		break;
	case YAML_SEQUENCE_START_EVENT:
		on_open(r, CONF_LIST, ev->start_mark);
		break;
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		on_close(r);
		break;
	default:
		break;
	}
}

int conf_yaml_read(struct yt_arena *arena, struct yt_str bytes, struct conf_errors *errors, struct conf_node **root)
{
	struct reading r = { .arena = arena, .errors = errors, .bytes = bytes };
	yaml_event_t ev;
	bool at_end = false;

	if (!yaml_parser_initialize(&r.parser))
		return YT_ENOMEM;
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)bytes.p, bytes.n);
	while (r.rv == 0 && !at_end) {
		if (!yaml_parser_parse(&r.parser, &ev)) {
			report_parser_problem(&r);
			break;
		}
		at_end = ev.type == YAML_STREAM_END_EVENT;
		on_event(&r, &ev);
		yaml_event_delete(&ev);
	}
	yaml_parser_delete(&r.parser);
	if (r.rv == 0)
		*root = r.root;
	return r.rv;
}

struct conf_node *conf_node_get(const struct conf_node *map, const char *key)
{
	if (map == NULL || map->kind != CONF_MAP)
		return NULL;
	for (struct conf_node *node = map->child; node != NULL; node = node->next)
		if (strcmp(node->key, key) == 0)
			return node;
	return NULL;
}

const char *conf_node_kind_name(const struct conf_node *node)
{
	if (node->kind == CONF_MAP)
		return "a group of keys";
	if (node->kind == CONF_LIST)
		return "a list";
	return node->len == 0 ? "empty" : "a single value";
}
