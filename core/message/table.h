/* core/message/table.h - how one value is brought into the form its row asks for.
 *
 * table.c walks the members and finds their rows; value.c looks at one value.  Kept apart so that each
 * can be read and tested alone. */
#ifndef YT_MESSAGE_TABLE_H
#define YT_MESSAGE_TABLE_H

#include "yitong/table.h"

/* The value counts as absent: null or an empty text. */
bool value_is_absent(const struct yt_node *node);

/* Normalises node by its row.  Returns NULL when it is well, else what is wrong with it as a printf
 * format for at most one int, *arg; node is then as it was.  *no_memory is set when the arena is full. */
const char *value_normalise(
        const struct yt_field *field, struct yt_arena *arena, struct yt_node *node, int *arg, bool *no_memory);

#endif
