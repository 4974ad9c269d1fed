/* core/base/text.c - slices of bytes that somebody else owns. */
#include <string.h>

#include "yitong/base.h"

struct yt_str yt_str(const char *nul_terminated)
{
	if (nul_terminated == NULL)
		return (struct yt_str){ NULL, 0 };
	return (struct yt_str){ nul_terminated, strlen(nul_terminated) };
}

bool yt_str_eq(struct yt_str a, struct yt_str b)
{
	/* The empty slice may have no pointer, which memcmp() must not see. */
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool yt_str_is(struct yt_str a, const char *nul_terminated)
{
	return yt_str_eq(a, yt_str(nul_terminated));
}

bool yt_str_starts(struct yt_str s, const char *prefix)
{
	struct yt_str head = yt_str(prefix);

	return s.n >= head.n && yt_str_eq((struct yt_str){ s.p, head.n }, head);
}
