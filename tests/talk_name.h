/* tests/talk_name.h - the kinds of messages between a worker and the keeper (journal/talk.h), as tests write them. */
#ifndef TALK_NAME_H
#define TALK_NAME_H

#include <stddef.h>

#include "journal/talk.h"

#define TALK_NAMES (DOWN_LET_GO + 1) /* kinds are below this; not all have a name */

/* "?" for none. */
static inline const char *talk_name(size_t kind)
{
	static const char *const names[TALK_NAMES] = { [UP_HELLO] = "hello",
		[UP_BEGIN] = "begin",
		[UP_END] = "end",
		[UP_LATE] = "late",
		[UP_STEP] = "step",
		[UP_RETURN] = "return",
		[UP_NOTE] = "note",
		[UP_HELD] = "held",
		[UP_READY] = "ready",
		[UP_WAIT] = "wait",
		[UP_SESSION] = "session",
		[UP_AGAIN] = "again",
		[UP_AMEND] = "amend",
		[DOWN_WELCOME] = "welcome",
		[DOWN_ADMITTED] = "admitted",
		[DOWN_STORED] = "stored",
		[DOWN_WAIT] = "wait",
		[DOWN_CONFLICT] = "conflict",
		[DOWN_BUSY] = "busy",
		[DOWN_CLOSED] = "closed",
		[DOWN_DURABLE] = "durable",
		[DOWN_LEASE] = "lease",
		[DOWN_RESTARTED] = "restarted",
		[DOWN_SESSION] = "session",
		[DOWN_MOOT] = "moot",
		[DOWN_FACTS] = "facts",
		[DOWN_LET_GO] = "letgo" };

	return kind < TALK_NAMES && names[kind] != NULL ? names[kind] : "?";
}

#endif
