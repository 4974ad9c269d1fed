/* core/message/node.c - builds and asks the tree that every format is read into and written from. */
#include <string.h>

#include "yitong/node.h"

struct yt_node *yt_node_new(struct yt_arena *arena, enum yt_kind kind)
{
	struct yt_node *node = yt_arena_alloc(arena, sizeof(*node));

	if (node != NULL)
		node->kind = (uint8_t)kind;
	return node;
}

struct yt_node *yt_node_add(struct yt_arena *arena, struct yt_node *parent, struct yt_str name, enum yt_kind kind)
{
	struct yt_node *node;

	if (parent == NULL || (parent->kind != YT_OBJECT && parent->kind != YT_ARRAY))
		return NULL;
	node = yt_node_new(arena, kind);
	if (node == NULL)
		return NULL;
	node->name = name;
	if (parent->last != NULL)
		parent->last->next = node;
	else
		parent->child = node;
	parent->last = node;
	parent->n++;
	return node;
}

static struct yt_node *add_scalar(
        struct yt_arena *arena, struct yt_node *parent, const char *name, enum yt_kind kind, struct yt_str text)
{
	struct yt_node *node = yt_node_add(arena, parent, yt_str(name), kind);

	if (node != NULL)
		node->text = text;
	return node;
}

struct yt_node *yt_node_add_text(struct yt_arena *arena, struct yt_node *parent, const char *name, struct yt_str text)
{
	return add_scalar(arena, parent, name, YT_TEXT, text);
}

struct yt_node *yt_node_add_number(
        struct yt_arena *arena, struct yt_node *parent, const char *name, struct yt_str digits)
{
	return add_scalar(arena, parent, name, YT_NUMBER, digits);
}

struct yt_node *yt_node_add_fen(struct yt_arena *arena, struct yt_node *parent, const char *name, int64_t fen)
{
	char digits[24];
	struct yt_str kept;

	yt_fen_print(fen, digits);
	kept = yt_arena_copy(arena, yt_str(digits));
	return kept.p != NULL ? add_scalar(arena, parent, name, YT_NUMBER, kept) : NULL;
}

struct yt_node *yt_node_get(const struct yt_node *node, const char *name)
{
	size_t n = strlen(name);

	if (node == NULL || node->kind != YT_OBJECT)
		return NULL;
	for (struct yt_node *member = node->child; member != NULL; member = member->next) {
		if (member->name.n != n)
			continue;
		/* Names of one length mostly differ at their beginning or end (xxx_pay): most calls are saved. */
		if (n == 0 || (member->name.p[n - 1] == name[n - 1] && member->name.p[0] == name[0] &&
		                      memcmp(member->name.p, name, n) == 0))
			return member;
	}
	return NULL;
}

struct yt_str yt_node_text(const struct yt_node *node, const char *name)
{
	const struct yt_node *member = yt_node_get(node, name);

	if (member == NULL || (member->kind != YT_TEXT && member->kind != YT_NUMBER))
		return (struct yt_str){ NULL, 0 };
	return member->text;
}

int yt_node_fen(const struct yt_node *node, const char *name, int64_t *fen)
{
	const struct yt_node *member = yt_node_get(node, name);

	if (member == NULL || member->kind == YT_NULL || (member->kind == YT_TEXT && member->text.n == 0)) {
		*fen = 0;
		return 0;
	}
	if (member->kind != YT_TEXT && member->kind != YT_NUMBER)
		return YT_EFORMAT;
	return yt_fen_parse(member->text, fen);
}

int yt_node_set_text(struct yt_arena *arena, struct yt_node *object, const char *name, struct yt_str text)
{
	struct yt_node *member = yt_node_get(object, name);

	if (object == NULL || object->kind != YT_OBJECT)
		return YT_ESTATE;
	if (member == NULL)
		return yt_node_add_text(arena, object, name, text) != NULL ? 0 : YT_ENOMEM;
	member->kind = YT_TEXT;
	member->text = text;
	member->child = NULL;
	member->last = NULL;
	member->n = 0;
	member->raw_off = 0; /* it is no longer what stood in the input */
	member->raw_len = 0;
	return 0;
}

/* input: begins where the offsets of node and all below it count from. */
static bool is_as_read(const struct yt_node *node, const char *input)
{
	const char *raw = input + node->raw_off;

	if (node->raw_len == 0)
		return false; /* made, not read */
	switch (node->kind) {
	case YT_NULL:
		return *raw == 'n';
	case YT_TEXT: /* one with escapes was copied, and is written without those it does not need */
		return node->text.p == raw + 1 && node->text.n + 2 == node->raw_len;
	case YT_OBJECT:
	case YT_ARRAY:
		for (const struct yt_node *member = node->child; member != NULL; member = member->next)
			if (!is_as_read(member, input))
				return false;
		return true;
	default:
		return node->text.p == raw && node->text.n == node->raw_len;
	}
}

bool yt_node_is_as_read(const struct yt_node *node, struct yt_str raw)
{
	return node != NULL && raw.n > 0 && node->raw_len == raw.n && is_as_read(node, raw.p - node->raw_off);
}
