/* core/engine/texts.h - every answer of our own: one catalogue of Chinese texts with numbers.
 *
 * A cashier reads out the number and the 8-character trace; asking.c, leg.c and resolve.c use no other words
 * towards an origin.  At most 200 characters each (nhsa.md 1.3, err_msg). */
#ifndef YT_ENGINE_TEXTS_H
#define YT_ENGINE_TEXTS_H

#include "yitong/base.h"

enum text_id {                 /* numbers are stable: they are in manuals */
	TEXT_UNREADABLE = 101, /* %s: path of the field */
	TEXT_TOO_LARGE = 102,
	TEXT_NOT_ALLOWED = 103, /* institution that this certificate may not speak for */
	TEXT_RESERVED_NUMBER = 104,
	TEXT_UNKNOWN_INSTITUTION = 105,
	TEXT_DOES_NOT_ADD_UP = 106,
	TEXT_NO_ROUTE = 107,
	TEXT_CANNOT_EXPRESS = 108, /* %s: path of the field */
	TEXT_NOT_BELIEVED = 109,   /* signature, time, nonce or caller; %s: which */
	TEXT_CONFLICT = 201,
	TEXT_BUSY = 202, /* P13 */
	TEXT_NOT_ACCEPTED = 203,
	TEXT_NOT_NOW = 204, /* the party: refused for now; %s: its code */
	TEXT_NOT_CONNECTED = 301,
	TEXT_QUERY_FAILED = 302,
	TEXT_STOPPED = 303,            /* an operator stopped the party's lane */
	TEXT_REVERSED = 401,           /* 结算未成功，已冲正，可重新结算 */
	TEXT_CANCEL_FAILED = 402,      /* the settlement stands */
	TEXT_NOT_DONE = 403,           /* proved absent */
	TEXT_NOTHING_TO_REVERSE = 406, /* no such transaction came through here */
	TEXT_DECIDED = 405,            /* warn_msg of a success that an operator decided: details by query */
	TEXT_NO_LIST = 407,            /* asked for, and not known here */
	TEXT_NO_PAYOUT = 408,
	TEXT_UNKNOWN = 404,   /* with the code agreed with that origin: not known yet, being found out */
	TEXT_MARKED = 501,    /* warn_msg: the answer's amounts do not add up */
	TEXT_PAY_WAITS = 601, /* of a payout that its agency asks for: nothing of it has left yet; ... */
	TEXT_PAY_HELD = 602,  /* ... and it waits for people; %s: why */
	TEXT_PAY_SENT = 603,
	TEXT_PAY_UNKNOWN = 604,
	TEXT_PAY_PAID = 605,
	TEXT_PAY_FAILED = 606,  /* %s: why */
	TEXT_PAY_RETURNED = 607 /* %s: why */
};

/* The text with its number and the trace, in arena.  detail: a path, or a path and what is wrong with it in the English
 * of struct yt_fault, which is said in Chinese; or Chinese that begins with a Chinese character; may be empty. */
struct yt_str text_make(struct yt_arena *arena, enum text_id id, struct yt_str detail, const char *trace);
/* The same; zh is Chinese, whatever it begins with. */
struct yt_str text_say(struct yt_arena *arena, enum text_id id, struct yt_str zh, const char *trace);
/* "Y101 input.data.psn_no is missing", "Y107 no route matches, nothing was sent": the same for journal and log, in
 * arena. */
struct yt_str text_english(struct yt_arena *arena, enum text_id id, struct yt_str detail);
/* detail.c: "input.data.psn_no is missing" as 缺少 input.data.psn_no; what is in no catalogue keeps its path alone. */
struct yt_str text_detail(struct yt_arena *arena, struct yt_str english);
/* The catalogue, for documentation and tests: false past the end. */
bool text_at(size_t i, enum text_id *id, const char **zh, const char **en);

#endif
