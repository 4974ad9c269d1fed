/* core/journal/talk.h - what a worker and the keeper say to each other over their rings.
 *
 * Up: the worker's engine (engine/) submits records and asks for a verdict.  Down: the keeper's machine
 * (keeper.c) answers, always after what it answers for is durable.  The payload of both is records
 * (record.h).  The rings themselves are process/ring.c; here is only the form. */
#ifndef YT_JOURNAL_TALK_H
#define YT_JOURNAL_TALK_H

#include "journal/record.h"

enum talk_kind {
	/* up */
	UP_HELLO = 1,  /* a worker is up and wants its incarnation */
	UP_BEGIN = 2,  /* accepted + sending of a state-changing request: wants admission */
	UP_END = 3,    /* outcome, and answered where it is known: the leg is over */
	UP_LATE = 4,   /* an answer after its outcome had been unknown */
	UP_STEP = 5,   /* records under a lease, more to come */
	UP_RETURN = 6, /* the last records under a lease: it goes back */
	UP_NOTE = 7,   /* nobody waits for these: read, refused, delivered, session */
	UP_HELD = 8,   /* after a keeper's restart: the lease named is still held */
	UP_READY = 9,  /* after a keeper's restart: all held leases have been named; exchange as in DOWN_RESTARTED */
	UP_WAIT = 10,  /* after a keeper's restart: still waiting for this exchange; record with INSTITUTION, NUMBER */
	UP_SESSION = 11, /* wants a sign_no: record with PARTY, INSTITUTION, OPERATOR, and SIGN_NO of a dead one */
	UP_FACTS = 12,   /* wants the facts of cases: one record with CASE fields; see keeper_on_facts() */
	UP_AGAIN = 13,   /* outcome, a refusal for now, and sending under another number: wants to leave once more */
	UP_AMEND =
	        14, /* answered once more: what an insurer decided stands in it now, and nobody heard the one before */
	/* down */
	DOWN_WELCOME = 32,   /* exchange = incarnation */
	DOWN_ADMITTED = 33,  /* the leg may leave */
	DOWN_STORED = 34,    /* here is the answer: one record with OUTCOME and REPLY */
	DOWN_WAIT = 35,      /* the same message is in flight (exchange): DOWN_STORED follows */
	DOWN_CONFLICT = 36,  /* same number, other content */
	DOWN_BUSY = 37,      /* P13: another settlement of the visit is being found out (exchange) */
	DOWN_CLOSED = 38,    /* not accepted now: record with REASON, or none; nothing was kept */
	DOWN_DURABLE = 39,   /* the records of that seq are on disk */
	DOWN_LEASE = 40,     /* work off this exchange: one record, see keeper_lease() in keeper_turn.c */
	DOWN_RESTARTED = 41, /* a new keeper (exchange: its epoch): name what you hold, ask again what you wait for */
	DOWN_SESSION = 43, /* record with SIGN_NO; or with SECOND and SERIAL: sign in yourself, then note REC_SESSION */
	DOWN_FACTS = 44,   /* REC_FACTS records, oldest first; or none; first of all an order that was asked for */
	DOWN_LET_GO =
	        45,    /* of what a DOWN_WAIT had said: people have it, and no worker is left that could tell its end */
	DOWN_MOOT = 42 /* UP_LATE came too late: nothing to be done by you */
};

/* The reason under which a lease goes back for which a day's limits have no room. */
#define TALK_WAITS_FOR_ROOM "waits: data.pay_amt is above what is left today of day_limit or account_day_limit"

/* How the reason begins of what waits until two people release it. */
#define TALK_WAITS_FOR_RELEASE "waits: release"

struct talk {
	uint64_t seq; /* up: the worker's count; down: the seq it answers, 0 for none */
	uint64_t exchange;
	enum talk_kind kind;
	struct yt_str payload; /* records, borrowed */
};

#endif
