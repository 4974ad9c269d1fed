/* yitong/node.h - the tree a message's business part is kept in: objects, arrays and texts.
 *
 * The JSON reader fills it (core/format/json.c), tables check and normalise it (core/message/),
 * plugins write it out in their own format.  Numbers keep their digits as written; an amount
 * becomes fen only when asked (yt_node_fen).  Members nobody knows stay where they were. */
#ifndef YITONG_NODE_H
#define YITONG_NODE_H

#include "yitong/base.h"

enum yt_kind { YT_NULL, YT_BOOL, YT_NUMBER, YT_TEXT, YT_OBJECT, YT_ARRAY };

struct yt_node {
	struct yt_node *next;  /* next member of the same object or array */
	struct yt_node *child; /* first member; OBJECT and ARRAY only */
	struct yt_node *last;  /* last member */
	struct yt_str name;    /* member name, decoded UTF-8; empty in arrays and at the root */
	struct yt_str text;    /* TEXT decoded UTF-8; NUMBER digits as written; BOOL true or false */
	uint32_t raw_off;      /* where the value stood in the input read, bytes ... */
	uint32_t raw_len;      /* ... 0 when it was not read but made */
	uint32_t n;            /* number of members */
	uint8_t kind;          /* enum yt_kind */
};

/* All return NULL when the arena is exhausted; names and texts are borrowed, not copied. */
struct yt_node *yt_node_new(struct yt_arena *arena, enum yt_kind kind);
/* Appends a new member to an OBJECT (name) or ARRAY (name {0}).  parent NULL gives NULL, so calls chain. */
struct yt_node *yt_node_add(struct yt_arena *arena, struct yt_node *parent, struct yt_str name, enum yt_kind kind);
struct yt_node *yt_node_add_text(struct yt_arena *arena, struct yt_node *parent, const char *name, struct yt_str text);
struct yt_node *yt_node_add_number(
        struct yt_arena *arena, struct yt_node *parent, const char *name, struct yt_str digits);
struct yt_node *yt_node_add_fen(struct yt_arena *arena, struct yt_node *parent, const char *name, int64_t fen);

/* First member of that name; NULL when node is NULL, is no object or has none. */
struct yt_node *yt_node_get(const struct yt_node *node, const char *name);
/* Text of a TEXT or NUMBER member, else the empty slice. */
struct yt_str yt_node_text(const struct yt_node *node, const char *name);
/* Amount of a NUMBER or TEXT member.  Missing, null and "" count as 0 (nhsa.md 3.1). */
int yt_node_fen(const struct yt_node *node, const char *name, int64_t *fen);
/* Sets a member's text in place, adding it if missing. */
int yt_node_set_text(struct yt_arena *arena, struct yt_node *object, const char *name, struct yt_str text);

/* raw: the octets that node was read from.  True if every value below it still is what stands there, so that raw may be
 * written in its place; false for NULL, made nodes and texts with escapes.  A member taken out is not noticed. */
bool yt_node_is_as_read(const struct yt_node *node, struct yt_str raw);

#endif
