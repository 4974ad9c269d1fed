/* core/base/arena_guard.h - an arena that catches who writes or reads beyond what it was given.
 *
 * For `yitong plugin check` (ctl/trial.c): slow, so never in a gateway. */
#ifndef YT_BASE_ARENA_GUARD_H
#define YT_BASE_ARENA_GUARD_H

#include "yitong/base.h"

/* Right after yt_arena_new(): from here on each allocation ends (rounded to 16 bytes) at a page that nobody may touch,
 * and after yt_arena_reset() is not mapped any more. */
void arena_guard(struct yt_arena *arena);

#endif
