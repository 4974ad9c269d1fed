/* core/journal/record.h - what is written down about an exchange, as fields in a record.
 *
 * A worker builds records (engine/), the ring carries them to the keeper, the keeper's pure machine
 * folds them into its state (keeper.c), the log seals and stores them (log.c), the index and the
 * yitong command read them back.  One form everywhere, so that the keeper copies and never re-codes:
 *
 *   u32 len      whole record, bytes, little-endian like all numbers here
 *   u8  type     enum rec_type
 *   u8  flags    REC_NOWAIT ...
 *   u16 n        number of fields
 *   u64 exchange
 *   i64 wall_ms  when it was written down, ms since 1970 UTC
 *   n fields:    u16 tag, u16 zero, u32 len, len bytes
 *
 * Tags from REC_BODY on hold octets of messages: the log encrypts them; all other fields are clear
 * and hold no personal data (a person is a keyed hash). */
#ifndef YT_JOURNAL_RECORD_H
#define YT_JOURNAL_RECORD_H

#include "yitong/base.h"

#define REC_HEAD 24 /* bytes before the first field */

enum rec_type {            /* stored: append only */
	REC_ACCEPTED = 1,  /* a request was admitted: who, what, digest, request octets */
	REC_SENDING = 2,   /* a leg may leave from now on: party, number, exact octets */
	REC_OUTCOME = 3,   /* what came back for a leg, or that its outcome is unknown and why */
	REC_ANSWERED = 4,  /* the final answer to the origin; durable before its first byte */
	REC_DELIVERED = 5, /* the answer's last byte was taken by the origin's connection; with REC_T_RESULT
	                    * "offered" it is handed out once more, "missed": that offer was not taken,
	                    * "unproved": nobody can say whether it was */
	REC_RESOLVED = 6,  /* an unknown outcome became done or refused, by which evidence; "forsaken": REC_X_FORSAKEN;
	                    * "unpaid": a payment of a
	                    * flow came to nothing (REC_T_CODE: as what), from its step on it is done anew;
	                    * "claimed back": what was paid is asked back by an exchange of its own */
	REC_REVERSED = 7,  /* the effect is proved undone (冲正) */
	REC_PARKED = 8,    /* machines stop here: owner and deadline */
	REC_DECIDED = 9,   /* an operator's decision */
	REC_DUE = 10,      /* next try not before REC_T_DUE; with REC_T_RESULT "untold" what follows from the settlement
	                    * it ends could not be looked for, "told": it was */
	REC_READ = 11,     /* a query, whole in one record; may be lost in a crash */
	REC_REFUSED = 12,  /* refused before anything was sent; may be lost in a crash */
	REC_WORKER = 13,   /* a worker came up: its incarnation */
	REC_NUMBER = 14,   /* own message number handed out: institution, second, serial */
	REC_SESSION = 15,  /* sign_no of an operator of ours at a party */
	REC_ANCHOR = 16,   /* signed head of the chain */
	REC_GENERATION = 17, /* a configuration became active */
	REC_CLOCK = 18,      /* the wall clock stepped: from, to */
	REC_JOINED = 19,     /* an origin's own reversal joined the resolution of another exchange; with
	                      * REC_T_RESULT "refused" that one stands, as it cannot be reversed */
	REC_CARRIED = 20,    /* written again from a segment that was dropped: fields as in the original */
	REC_GONE = 21,       /* a worker was reaped: its open exchanges are unknown from here */
	REC_AUDIT = 22,      /* somebody revealed or changed something: who, what, why */
	REC_FACTS = 23,      /* what a message leaves behind for later ones of its case (engine/facts.h) */
	REC_LANE = 24,       /* an operator stopped a party's lane or let it go on: party, result, who, why */
	REC_NOTICE = 25,     /* what a party told unasked (engine/notice.c): on its own exchange REC_T_ABOUT; on the
	                      * follow-up that it speaks of REC_T_JOINS names that exchange.  Of a statement's line
	                      * REC_T_BOOKED, REC_T_AMOUNT, REC_T_REFERENCE (the bank's serial), REC_T_PAY_DIGEST; of
	                      * a row of an insurer's list (REC_X_LISTING) REC_T_BOOKED its day, REC_T_CODE its state,
	                      * REC_T_PAY_BY and REC_T_PAY_SERIAL where it says who paid; REC_T_RESULT only if it is news */
	REC_ROOM = 26        /* limits of a day (journal/keeper_room.c).  By a worker: REC_T_AMOUNT is asked for under
	                      * each REC_T_LIMIT_KEY with its REC_T_LIMIT; the answer: REC_T_SERIAL, the day as yyyymmdd;
	                      * of no exchange: what a day came to under REC_T_LIMIT_KEY */
};

enum rec_flag {
	REC_NOWAIT = 1 << 0, /* nobody waits for it: it rides with the next commit */
	REC_ERASED = 1 << 7  /* set by the log when read: it had body fields, their day's key was destroyed */
};

enum rec_tag {                  /* stored: append only */
	REC_T_INSTITUTION = 1,  /* fixmedins_code */
	REC_T_NUMBER = 2,       /* msgid of the origin, or our own in a leg of ours */
	REC_T_WIRE_OP = 3,      /* "2207" */
	REC_T_OPERATION = 4,    /* u8 enum yt_operation */
	REC_T_DIGEST = 5,       /* 32 bytes: SHA-256 of operation, institution, business octets */
	REC_T_BUSINESS_KEY = 6, /* P13: what must not be changed twice at once */
	REC_T_PARTY = 7,        /* name of the party a leg goes to */
	REC_T_VISIT = 8,
	REC_T_BATCH = 9,
	REC_T_SETTLEMENT = 10, /* setl_id */
	REC_T_PERSON = 11,     /* 16 bytes: keyed hash of psn_no */
	REC_T_AMOUNT = 12,     /* i64 fen, medfee_sumamt */
	REC_T_FUND = 13,       /* i64 fen */
	REC_T_ACCOUNT = 14,    /* i64 fen */
	REC_T_CASH = 15,       /* i64 fen */
	REC_T_OUTCOME = 16,    /* u8 enum yt_outcome */
	REC_T_CODE = 17,       /* the party's code */
	REC_T_REASON = 18,     /* short English word or sentence of ours: "timeout", "connection cut" */
	REC_T_REFERENCE = 19,  /* inf_refmsgid */
	REC_T_LEG = 20,        /* u8 enum rec_leg */
	REC_T_DUE = 21,        /* i64 wall ms */
	REC_T_ATTEMPT = 22,    /* u32 */
	REC_T_LISTENER = 23,
	REC_T_PARTY_OF_ORIGIN = 24, /* party by certificate or signature */
	REC_T_TRACE = 25,           /* 8 characters */
	REC_T_JOINS = 26,           /* u64 exchange */
	REC_T_WORKER = 27,          /* u32 incarnation */
	REC_T_SECOND = 28,          /* i64 seconds since 1970 UTC */
	REC_T_SERIAL = 29,          /* u32 */
	REC_T_SIGN_NO = 30,
	REC_T_OPERATOR = 31,
	REC_T_OWNER = 32,
	REC_T_DEADLINE = 33,   /* i64 wall ms */
	REC_T_FLAGS = 34,      /* u32 enum rec_exchange_flag */
	REC_T_GENERATION = 35, /* u32 */
	REC_T_TREATMENT_AREA = 36,
	REC_T_INSURED_AREA = 37,
	REC_T_ORIGINAL = 38, /* omsgid of a reversal */
	REC_T_HEAD = 39,     /* 32 bytes: chain head */
	REC_T_SIGNATURE = 40,
	REC_T_KEY_NAME = 41,
	REC_T_POSITION = 42,      /* u64 log position */
	REC_T_SEQ = 43,           /* u64: last ring sequence of the worker, kept with each batch */
	REC_T_FROM = 44,          /* i64 wall ms */
	REC_T_SINCE = 45,         /* i64 wall ms: when the outcome became unknown */
	REC_T_ELAPSED = 46,       /* u32 ms a leg took */
	REC_T_ORIGINAL_TYPE = 47, /* u8 enum rec_type of a carried record */
	REC_T_STATE = 48,         /* opaque: a carried exchange folded into one */
	REC_T_RESULT = 49,        /* sign-off or decision word: "done", "refused", "reversed" */
	REC_T_COMMIT = 50,        /* u64 commit number that an anchor signs */
	REC_T_QUIET = 51,         /* u64 ms since the newest octets that may still take effect; in a lease only */
	REC_T_CASE = 52,          /* key of a case; one record may have several */
	REC_T_FLOW = 53,          /* name of the flow an exchange goes by */
	REC_T_STEP = 54,          /* u8: which of its steps a leg is, from 1 */
	REC_T_THEN = 55,          /* the flow that follows once it is done (REC_X_FOLLOW_UP) */
	REC_T_ABOUT = 56,         /* number of a follow-up that a notice speaks of; one record may have several */
	REC_T_PAY_NO = 57,        /* number of a payout; in a lease what is left of it when its type is taken off */
	REC_T_PAY_DIGEST = 58,    /* 16 bytes: keyed hash of a payout's payee, amount and type (PAY_DIGEST_SAME) */
	REC_T_PAY_MSG = 59,       /* number of our message that orders a payout, as its bank names it */
	REC_T_BOOKED = 60,        /* "2026-11-20": a bank's statement has a line of that day about it; of a notice */
	REC_T_STRAYS = 61,        /* u32 lines of a statement that tell of no payment known here; of its notice */
	REC_T_LIMIT_KEY = 62,     /* what a limit is about; one record may have several, ... */
	REC_T_LIMIT = 63,         /* ... each followed by what it may have, i64 fen */
	REC_T_UETR = 64,          /* of a payout, where its bank's format has one; of a notice: what it names */
	REC_T_PAY_SERIAL = 65,    /* its bank's number for it; of a notice: of the debit that it speaks of */
	REC_T_ORIG_PAY_NO = 66,   /* of the payout that came to nothing and that this one is made anew for */
	REC_T_PAY_BY =
	        67, /* who has paid what an insurer decided, "INSURER", "GATEWAY", "NOBODY"; beside its REC_T_AMOUNT */
	REC_T_LINES = 68, /* u32: so many of a notice's lines are told, with those told just now; REC_T_SERIAL before */
	REC_T_CLEAR_END = 69, /* raised with each tag before it: the memory a reader of clear fields needs */
	REC_BODY = 128,
	REC_T_REQUEST = 128,   /* octets the origin sent */
	REC_T_SENT = 129,      /* octets we sent, business part as covered by a signature */
	REC_T_RECEIVED = 130,  /* octets that came back */
	REC_T_REPLY = 131,     /* octets we answer with */
	REC_T_FACTS = 132,     /* JSON, a piece of case facts */
	REC_T_UNDO_SENT = 133, /* octets of the leg that undoes a step just now, or takes it back */
	REC_T_STEP_SENT = 136, /* and the seven behind it: octets sent in each step of a flow ... */
	REC_T_STEP_GOT = 144   /* ... and what came back */
};
#define REC_STEPS_MAX 8 /* of a flow */

enum rec_leg {
	REC_LEG_MAIN = 1,
	REC_LEG_QUERY = 2,
	REC_LEG_REVERSAL = 3,
	REC_LEG_SIGN_IN = 4,
	REC_LEG_RESEND = 5,
	REC_LEG_STEP = 6,
	REC_LEG_UNDO = 7,
	REC_LEG_TAKE = 8 /* takes a step back, so that it can be done once more */
};

enum rec_exchange_flag {
	REC_X_SETTLEMENT = 1 << 0,   /* P13 holds its business key */
	REC_X_MONEY_BREACH = 1 << 1, /* the answer does not add up: passed on marked, barred from claims */
	REC_X_LATE = 1 << 2,         /* the answer came after the outcome had been unknown */
	REC_X_FOREIGN = 1 << 4,      /* its party has another format: a reversal of its origin's joins it, always */
	REC_X_SECRET = 1 << 5,       /* its octets are kept without the credentials in them: they are not sent again */
	REC_X_ANEW = 1 << 6,         /* of a step's outcome: refused for now, it is to leave under another number */
	REC_X_UNSENT = 1 << 7,       /* no leg of it will leave: it hears what is known of it, or a refusal */
	REC_X_FOLLOW_UP = 1 << 8,    /* nobody asked for it: it follows from another exchange, by a flow */
	REC_X_RELAYED = 1 << 9,      /* went on as it came, under its sender's own number and signature */
	REC_X_UNTOLD = 1 << 10,      /* what follows from the settlement it ended, or revived, was not looked for yet */
	REC_X_ONE_STOP = 1 << 11,    /* a follow-up for whose insurer the settlement's origin waits, at that worker */
	REC_X_AMENDED = 1 << 12,     /* a settlement whose answer says what an insurer pays */
	REC_X_SURE = 1 << 13,    /* of a step's outcome: what a bank had told unasked was asked for, and this is it */
	REC_X_LISTED = 1 << 14,  /* a payout of a list that two people have released as a whole */
	REC_X_HELD = 1 << 15,    /* people's: neither a party's word nor a rule takes it on, until they decide */
	REC_X_DIFFERS = 1 << 16, /* a statement told of another sum or account than was ordered, or its insurer's list
	                            of another sum than it ends with: people's at its end */
	REC_X_STAYED = 1 << 17,  /* of an order's outcome: it surely did not leave, as its bank could not be reached */
	REC_X_PART = 1 << 18,    /* of a notice: a line of a day that is not over, it is told again with all of them */
	REC_X_COUNTED =
	        1 << 19, /* the newest word about it has a count: one with a higher count is newer, no other is */
	REC_X_FORSAKEN = 1 << 20, /* nothing of it left, and who asked waited no more: its number may come again */
	REC_X_UNASKED = 1 << 21,  /* its insurer told something, and nothing has left since */
	REC_X_LISTING = 1 << 22,  /* of a notice: a row of an insurer's list of a day (journal/keeper_list.c) */
	REC_X_GAP = 1 << 23,      /* of a statement: by its bank's count one before it has not come */
	REC_X_BALANCE = 1 << 24,  /* ... it opens with another balance than the one before closes with */
	REC_X_UNEVEN = 1 << 25,   /* ... its balances and its lines, or an entry and its details, do not add up */
	REC_X_DOUBTS = REC_X_GAP | REC_X_BALANCE | REC_X_UNEVEN,
	REC_X_UNPROVED = 1 << 3 /* whether its origin has the answer cannot be known: reconciliation tells */
};

/* Building: rec_begin(), fields, rec_end().  All append to buf; check buf->failed at the end. */
size_t rec_begin(struct yt_buf *buf, enum rec_type type, unsigned flags, uint64_t exchange, int64_t wall_ms);
void rec_bytes(struct yt_buf *buf, enum rec_tag tag, const void *p, size_t n);
void rec_str(struct yt_buf *buf, enum rec_tag tag, struct yt_str s); /* nothing when empty */
void rec_u8(struct yt_buf *buf, enum rec_tag tag, uint8_t v);
void rec_u32(struct yt_buf *buf, enum rec_tag tag, uint32_t v);
void rec_u64(struct yt_buf *buf, enum rec_tag tag, uint64_t v);
void rec_i64(struct yt_buf *buf, enum rec_tag tag, int64_t v);
void rec_end(struct yt_buf *buf, size_t begun); /* begun: what rec_begin() returned */

/* Reading: a view of one record, borrowed from the bytes. */
struct rec {
	enum rec_type type;
	unsigned flags;
	uint64_t exchange;
	int64_t wall_ms;
	struct yt_str whole; /* the record's bytes */
	uint16_t n;
};

struct rec_field {
	uint16_t tag;
	struct yt_str value;
};

/* The first record of bytes.  *used: its length.  Checks every bound; bytes may be hostile.
 * Returns 0, YT_ENOTFOUND at the end of bytes, YT_ECORRUPT. */
int rec_read(struct yt_str bytes, struct rec *rec, size_t *used);
/* The next field; start with *pos = 0.  False at the end. */
bool rec_next(const struct rec *rec, size_t *pos, struct rec_field *field);
struct yt_str rec_get(const struct rec *rec, enum rec_tag tag); /* empty when missing */
uint64_t rec_number(struct yt_str value);                       /* of a u8, u32, u64 or i64 field; 0 when empty */
uint64_t rec_get_u64(const struct rec *rec, enum rec_tag tag);  /* u8, u32, u64 alike; 0 when missing */
int64_t rec_get_i64(const struct rec *rec, enum rec_tag tag);
/* All of these only say what was asked or refused: nothing rests on them, and a gateway short of room may drop them. */
bool rec_may_be_lost(struct yt_str records);
const char *rec_type_name(enum rec_type type); /* "accepted" */
const char *rec_tag_name(uint16_t tag);        /* "institution" */

#endif
