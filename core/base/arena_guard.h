/* core/base/arena_guard.h - what core alone may do with an arena.
 *
 * Plugins are handed arenas, and cannot lift their limits. */
#ifndef YT_BASE_ARENA_GUARD_H
#define YT_BASE_ARENA_GUARD_H

#include "yitong/base.h"

/* Its limit is so much higher until it is reset: a message that has reached it is still to be answered. */
void arena_allow(struct yt_arena *arena, size_t more);

/* For `yitong plugin check` (ctl/trial.c); slow, so never in a gateway.  Right after yt_arena_new(): from here on each
 * allocation ends (rounded to 16 bytes) at a page that nobody may touch, and after yt_arena_reset() is not mapped any
 * more. */
void arena_guard(struct yt_arena *arena);

#endif
