/* plugins/nhsa/wrap_text.c - the text that a wrapped message signs (variant C).
 *
 * All members but signData, encData, extra and the empty ones, in the order of their names, as name=value&;
 * data is the plain business object in one canonical form; key= and the secret come last, and that secret
 * is added by the key services (wrap.c). */
#include <stdlib.h>
#include <string.h>

#include "nhsa_wrap.h"

static int compare(struct yt_str a, struct yt_str b)
{
	int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n); /* UTF-8 sorts as its code points do */

	return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

static int by_name(const void *a, const void *b)
{
	return compare((*(const struct yt_node *const *)a)->name, (*(const struct yt_node *const *)b)->name);
}

static bool is_empty(const struct yt_node *node)
{
	return node->kind == YT_NULL || (node->kind == YT_TEXT && node->text.n == 0) ||
	       (node->kind == YT_ARRAY && node->n == 0);
}

static int put_object(const struct yt_node *object, struct yt_arena *arena, struct yt_buf *out)
{
	const struct yt_node **members = yt_arena_alloc(arena, (object->n + 1) * sizeof(struct yt_node *));
	size_t n = 0;
	int rv = 0;

	if (members == NULL)
		return YT_ENOMEM;
	for (const struct yt_node *member = object->child; member != NULL; member = member->next)
		if (!is_empty(member))
			members[n++] = member;
	qsort(members, n, sizeof(struct yt_node *), by_name);
	yt_buf_byte(out, '{');
	for (size_t i = 0; i < n && rv == 0; i++) {
		if (i > 0)
			yt_buf_byte(out, ',');
		yt_json_write_string(members[i]->name, out);
		yt_buf_byte(out, ':');
		rv = nhsa_wrap_canonical(members[i], arena, out);
	}
	yt_buf_byte(out, '}');
	return rv;
}

int nhsa_wrap_canonical(const struct yt_node *node, struct yt_arena *arena, struct yt_buf *out)
{
	int rv = 0;

	if (node->kind == YT_OBJECT)
		return put_object(node, arena, out);
	if (node->kind != YT_ARRAY) {
		yt_json_write_string(node->text, out); /* numbers and truth values too: as texts */
		return 0;
	}
	yt_buf_byte(out, '[');
	for (const struct yt_node *member = node->child; member != NULL && rv == 0; member = member->next) {
		if (member != node->child)
			yt_buf_byte(out, ',');
		rv = nhsa_wrap_canonical(member, arena, out);
	}
	yt_buf_byte(out, ']');
	return rv;
}

static bool is_signed(struct yt_str name)
{
	return !yt_str_is(name, "signData") && !yt_str_is(name, "encData") && !yt_str_is(name, "extra");
}

int nhsa_wrap_text(
        const struct yt_node *wrapper, const struct yt_node *data, struct yt_arena *arena, struct yt_buf *out)
{
	const struct yt_node **members = yt_arena_alloc(arena, (wrapper->n + 2) * sizeof(struct yt_node *));
	struct yt_node *named = yt_node_new(arena, YT_OBJECT);
	size_t n = 0;
	int rv = 0;

	if (members == NULL || named == NULL)
		return YT_ENOMEM;
	for (const struct yt_node *member = wrapper->child; member != NULL; member = member->next)
		if (is_signed(member->name) && !is_empty(member) && member->kind != YT_OBJECT &&
		        member->kind != YT_ARRAY)
			members[n++] = member;
	named->name = YT_STR("data");
	if (data != NULL)
		members[n++] = named;
	qsort(members, n, sizeof(struct yt_node *), by_name);
	for (size_t i = 0; i < n && rv == 0; i++) {
		yt_buf_str(out, members[i]->name);
		yt_buf_byte(out, '=');
		if (members[i] == named)
			rv = nhsa_wrap_canonical(data, arena, out);
		else
			yt_buf_str(out, members[i]->text);
		yt_buf_byte(out, '&');
	}
	yt_buf_text(out, "key=");
	return rv != 0 ? rv : out->failed ? YT_ENOMEM : 0;
}
