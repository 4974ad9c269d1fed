/* core/base/error.c - the words for results, and the end of the process when an invariant of our own broke.
 *
 * Lowest file of the lowest room: every other file may call it. */
#include <stdlib.h>

#include "yitong/base.h"

const char *yt_strerror(int error)
{
	switch (error) {
	case 0:
		return "ok";
	case YT_ENOMEM:
		return "out of memory";
	case YT_EFORMAT:
		return "malformed";
	case YT_ELIMIT:
		return "over a limit";
	case YT_ECONF:
		return "configuration error";
	case YT_EIO:
		return "input/output error";
	case YT_ENOSPC:
		return "no space";
	case YT_EAGAIN:
		return "try again";
	case YT_ENOTFOUND:
		return "not found";
	case YT_ECORRUPT:
		return "corrupt";
	case YT_EDENIED:
		return "denied";
	case YT_ESTATE:
		return "wrong state";
	default:
		return "unknown error";
	}
}

void yt_require_failed(const char *cond, const char *file, int line)
{
	yt_log(YT_ERROR, "base", "invariant broken at %s:%d: %s", file, line, cond);
	abort();
}
