/* core/base/text.c - slices of bytes that somebody else owns. */
#include "yitong/base.h"

bool yt_str_starts(struct yt_str s, const char *prefix)
{
	struct yt_str head = yt_str(prefix);

	return s.n >= head.n && yt_str_eq((struct yt_str){ s.p, head.n }, head);
}
