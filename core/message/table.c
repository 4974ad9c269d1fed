/* core/message/table.c - the table engine: runs a plugin's rows over a business part.
 *
 * A plugin's decode and encode functions call yt_table_run().  Members mostly come in the order of
 * the rows, so each is first compared with the row after the last one found; a name index made with
 * the rows answers for all others, known or not, in a few steps. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "message/table.h"

struct place;

struct run {
	enum yt_table_mode mode;
	const char *root;
	struct yt_arena *arena;
	struct yt_fault *fault;
	unsigned breaches;
	const struct place *place;
};

/* Where the run is: a group, inside a row of the one around it. */
struct place {
	const struct place *outer; /* NULL: the business part */
	const struct yt_group *group;
	int row; /* -1: the node is one object */
};

static size_t path_add(char *out, size_t size, size_t at, const char *name, int row)
{
	int n = 0;

	if (name[0] != '\0' && at < size)
		n = snprintf(out + at, size - at, "%s%s", at > 0 ? "." : "", name);
	at += (size_t)n;
	n = row >= 0 && at < size ? snprintf(out + at, size - at, "[%d]", row) : 0;
	return at + (size_t)n;
}

static size_t path_of(const struct run *run, const struct place *place, char *out, size_t size)
{
	if (place == NULL)
		return path_add(out, size, 0, run->root, -1);
	return path_add(out, size, path_of(run, place->outer, out, size), place->group->node, place->row);
}

static void path_write(const struct run *run, const char *field, char *out, size_t size)
{
	out[0] = '\0';
	path_add(out, size, path_of(run, run->place, out, size), field, -1);
}

/* One breach.  Strict: the end of the run.  Lenient: counted, the first one told. */
static int YT_PRINTF(3, 4) breach(struct run *run, const char *field, const char *why, ...)
{
	va_list args;

	if (run->breaches++ == 0 && run->fault != NULL) {
		path_write(run, field, run->fault->path, sizeof(run->fault->path));
		va_start(args, why);
		vsnprintf(run->fault->why, sizeof(run->fault->why), why, args);
		va_end(args);
	}
	return run->mode == YT_TABLE_STRICT ? YT_EFORMAT : 0;
}

int yt_table_find(const struct yt_group *group, struct yt_str name, unsigned *cursor)
{
	const struct yt_field *fields = group->fields;
	unsigned at = *cursor < group->n ? *cursor : 0;

	if (group->n > 0 && fields[at].name_n == name.n && memcmp(fields[at].name, name.p, name.n) == 0) {
		*cursor = at + 1;
		return (int)at;
	}
	for (unsigned i = 0; group->slots == NULL && i < group->n; i++) {
		if (fields[i].name_n == name.n && memcmp(fields[i].name, name.p, name.n) == 0) {
			*cursor = i + 1;
			return (int)i;
		}
	}
	if (group->slots == NULL)
		return -1;
	for (unsigned slot = yt_table_slot(name); group->slots[slot] != 0; slot = (slot + 1) % YT_SLOTS) {
		at = group->slots[slot] - 1u;
		if (fields[at].name_n == name.n && memcmp(fields[at].name, name.p, name.n) == 0) {
			*cursor = at + 1;
			return (int)at;
		}
	}
	return -1;
}

static int check_missing(struct run *run, const struct yt_group *group, const uint64_t seen[2])
{
	for (unsigned word = 0; word < 2; word++) {
		uint64_t missing = group->need[word] & ~seen[word];

		while (missing != 0) {
			unsigned bit = (unsigned)__builtin_ctzll(missing);
			int rv = breach(run, group->fields[word * 64 + bit].name, "is missing");

			if (rv != 0)
				return rv;
			missing &= missing - 1;
		}
	}
	return 0;
}

static int run_group(struct run *run, const struct yt_group *group, struct yt_node *body);

static int run_inner(struct run *run, const struct yt_group *group, struct yt_node *object)
{
	int rv = 0;

	for (unsigned i = 0; i < group->n_inner && rv == 0; i++)
		rv = run_group(run, &group->inner[i], object);
	return rv;
}

static int run_object(struct run *run, const struct yt_group *group, struct yt_node *object)
{
	uint64_t seen[2] = { 0, 0 };
	unsigned cursor = 0;
	int missing;

	for (struct yt_node *member = object->child; member != NULL; member = member->next) {
		int i = yt_table_find(group, member->name, &cursor), arg = 0, rv;
		const char *why;
		bool no_memory;

		if (i < 0)
			continue;
		why = value_normalise(&group->fields[i], run->arena, member, &arg, &no_memory);
		if (no_memory)
			return YT_ENOMEM;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		rv = why != NULL ? breach(run, group->fields[i].name, why, arg) : 0;
#pragma GCC diagnostic pop
		if (rv != 0)
			return rv;
		if (!value_is_absent(member))
			seen[i / 64] |= UINT64_C(1) << (i % 64);
	}
	missing = check_missing(run, group, seen);
	return missing != 0 || group->n_inner == 0 ? missing : run_inner(run, group, object);
}

static int run_rows(struct run *run, struct place *place, struct yt_node *array)
{
	int rv = 0;

	if (array->n == 0 && place->group->required)
		return breach(run, "", "has no rows");
	place->row = 0;
	for (struct yt_node *row = array->child; row != NULL && rv == 0; row = row->next) {
		rv = row->kind == YT_OBJECT ? run_object(run, place->group, row) : breach(run, "", "must be an object");
		place->row++;
	}
	return rv;
}

static int run_node(struct run *run, struct place *place, struct yt_node *node)
{
	const struct yt_group *group = place->group;

	if (node == NULL || value_is_absent(node))
		return group->required ? breach(run, "", "is missing") : 0;
	if (group->rows)
		return node->kind == YT_ARRAY ? run_rows(run, place, node)
		                              : breach(run, "", "must be an array of objects");
	return node->kind == YT_OBJECT ? run_object(run, group, node) : breach(run, "", "must be an object");
}

static int run_group(struct run *run, const struct yt_group *group, struct yt_node *body)
{
	struct place place = { .outer = run->place, .group = group, .row = -1 };
	int rv;

	run->place = &place;
	rv = run_node(run, &place, group->node[0] == '\0' ? body : yt_node_get(body, group->node));
	run->place = place.outer;
	return rv;
}

int yt_table_run(const struct yt_group *groups, size_t n, const char *root, enum yt_table_mode mode,
        struct yt_arena *arena, struct yt_node *body, struct yt_fault *fault, unsigned *breaches)
{
	struct run run = { .mode = mode, .root = root, .arena = arena, .fault = fault };
	int rv = 0;

	for (size_t i = 0; i < n && rv == 0; i++)
		rv = run_group(&run, &groups[i], body);
	if (breaches != NULL)
		*breaches = run.breaches;
	return rv;
}

/* "mdtrt_cert_type=01": does that member have that value? */
static bool is_secret(const struct yt_field *field, const struct yt_node *object)
{
	const char *equals = strchr(field->secret, '=');
	struct yt_str name = { field->secret, equals != NULL ? (size_t)(equals - field->secret) : 0 };

	if (equals == NULL)
		return true;
	for (const struct yt_node *member = object->child; member != NULL; member = member->next)
		if (yt_str_eq(member->name, name))
			return yt_str_is(member->text, equals + 1);
	return false;
}

struct secrets {
	struct yt_node **out;
	size_t n, max;
};

static void secrets_of_group(const struct yt_group *group, const struct yt_node *body, struct secrets *secrets);

static void secrets_of_object(const struct yt_group *group, const struct yt_node *object, struct secrets *secrets)
{
	unsigned cursor = 0;

	for (struct yt_node *member = object->child; member != NULL; member = member->next) {
		int i = yt_table_find(group, member->name, &cursor);

		if (i < 0 || (group->fields[i].flags & YT_FIELD_SECRET) == 0 || value_is_absent(member) ||
		        !is_secret(&group->fields[i], object))
			continue;
		if (secrets->n < secrets->max)
			secrets->out[secrets->n] = member;
		secrets->n++;
	}
	for (unsigned i = 0; i < group->n_inner; i++)
		secrets_of_group(&group->inner[i], object, secrets);
}

static void secrets_of_group(const struct yt_group *group, const struct yt_node *body, struct secrets *secrets)
{
	const struct yt_node *node = group->node[0] == '\0' ? body : yt_node_get(body, group->node);

	if (!group->has_secret || node == NULL)
		return;
	if (node->kind == YT_OBJECT)
		secrets_of_object(group, node, secrets);
	for (const struct yt_node *row = node->kind == YT_ARRAY ? node->child : NULL; row != NULL; row = row->next)
		if (row->kind == YT_OBJECT)
			secrets_of_object(group, row, secrets);
}

size_t yt_table_secrets(
        const struct yt_group *groups, size_t n, const struct yt_node *body, struct yt_node **out, size_t max)
{
	struct secrets secrets = { .out = out, .max = max };

	for (size_t i = 0; i < n; i++)
		secrets_of_group(&groups[i], body, &secrets);
	return secrets.n;
}

static void print_groups(
        const struct yt_group *groups, size_t n, const char *side, const char *around, struct yt_buf *out)
{
	for (size_t g = 0; g < n; g++) {
		char path[160];

		snprintf(path, sizeof(path), "%s%s%s%s", around, around[0] != '\0' ? "." : "",
		        groups[g].node[0] != '\0' ? groups[g].node : "(message)", groups[g].rows ? "[]" : "");
		yt_buf_printf(out, "\n%s `%s`\n\n", side, path);
		yt_buf_text(out, "| field | type | length | required | codes | 中文 | English "
		                 "|\n|---|---|---|---|---|---|---|\n");
		for (unsigned i = 0; i < groups[g].n; i++) {
			const struct yt_field *f = &groups[g].fields[i];

			yt_buf_printf(out, "| %s | %c | ", f->name, f->type);
			if (f->max > 0)
				yt_buf_printf(out, f->decimals > 0 ? "%d,%d" : "%d", f->max, f->decimals);
			yt_buf_printf(out, " | %s | %s | %s | %s |\n", f->flags & YT_FIELD_REQUIRED ? "Y" : "N",
			        f->codes != NULL ? f->codes : "", f->zh, f->en);
		}
		print_groups(groups[g].inner, groups[g].n_inner, side, path, out);
	}
}

void yt_table_print_markdown(const struct yt_table *table, struct yt_buf *out)
{
	yt_buf_printf(out, "### %s\n", table->wire);
	print_groups(table->in, table->n_in, "request", "", out);
	print_groups(table->out, table->n_out, "answer", "", out);
}
