/* core/journal/exchange.h - one exchange as its records tell it: a fold over the log.
 *
 * The keeper's machine (keeper.c) folds each record it writes, recovery folds each record it reads
 * back, the index (index.c) and `yitong show` fold the same way: one function decides what a record
 * means, so that memory, disk and page cannot disagree. */
#ifndef YT_JOURNAL_EXCHANGE_H
#define YT_JOURNAL_EXCHANGE_H

#include "journal/log.h"
#include "yitong/message.h"

enum exchange_state {
	X_NONE = 0,
	X_ACCEPTED = 1,  /* admitted, nothing may have left */
	X_SENT = 2,      /* its leg may have left; a worker waits for the answer */
	X_UNKNOWN = 3,   /* the outcome is unknown and being found out */
	X_REVERSING = 4, /* a reversal has begun: a late success means reverse again */
	X_DONE = 5,      /* took effect, answer stored */
	X_REFUSED = 6,   /* surely no effect, answer stored */
	X_REVERSED = 7,  /* its effect is proved undone */
	X_PARKED = 8,    /* waits for an operator */
	X_READ = 9       /* a query; nothing follows from it */
};
const char *exchange_state_name(enum exchange_state state); /* "unknown" */

enum exchange_step { /* of a flow: what became of the step named last */
	STEP_NONE = 0,
	STEP_OUT = 1, /* its leg may have left */
	STEP_DONE = 2,
	STEP_REFUSED = 3,
	STEP_TAKING = 5, /* it had been done, but nobody knows its answer: its withdrawal may have left ... */
	STEP_TAKEN = 6,  /* ... and is done: the same leaves once more */
	STEP_ANEW = 4    /* surely without effect: it, or its undoing, leaves once more under another number */
};

#define EXCHANGE_WHY_STOPPED "an operator has stopped its party's lane" /* why its next try waits */

#define EXCHANGE_WAITS "waits: " /* how the reason begins of what lacks something that its case may bring */

#define EXCHANGE_NUMBER_MAX 40 /* bytes of a message number with the NUL */

/* So many octets of a pay_digest stand for the payee's account, amount and type, by which payments are the same; the
 * others for the holder's name and the bank, which people release too. */
#define PAY_DIGEST_SAME 12

#define ROOM_NAME_MAX 64 /* bytes of what a day's limit is about, with the NUL */

/* A payout that came to nothing, as long as its claim is known: its bank may say yet that it was paid. */
struct exchange_payout {
	char no[24], msg[40], state[16];
};
#define EXCHANGE_PAYOUTS_OLDER 4 /* beside the newest one that came to nothing, and the one under way */

struct exchange {
	uint64_t id;
	enum exchange_state state;
	unsigned flags; /* enum rec_exchange_flag */
	enum yt_operation op;
	char institution[32], number[EXCHANGE_NUMBER_MAX], wire_op[16], party[32], listener[32], trace[12];
	char business_key[96], visit[40], batch[40], settlement[40], original[40];
	char treatment_area[8], insured_area[8], code[16], reason[96], reference[40], owner[32];
	uint8_t digest[32], person[16];
	int64_t amount_fen, fund_fen, account_fen, cash_fen;
	int64_t accepted_ms, closed_ms, unknown_since_ms, due_ms, deadline_ms; /* wall clock; 0: none */
	int64_t due_set_ms; /* when due_ms was said, by the same clock */
	uint32_t attempts;  /* legs spent on finding out */
	uint32_t reversals; /* of which reversals */
	uint32_t worker;    /* incarnation that holds its leg while X_SENT */
	uint32_t offers;    /* answers on their way to the origin, of which is not known whether it has them */
	uint64_t joins;     /* an origin's reversal: the exchange it joined, else 0 */
	bool answered, delivered, reversal_wanted;
	char told_state[16]; /* of a follow-up: what its party told unasked, the newest of it, and its count; ... */
	uint32_t told_seq;   /* of a notice: how many of its lines are told */
	bool told;           /* ... it was not asked since then */
	bool must_answer;    /* an operator decided: a worker is to write the answer that says so */
	log_pos accepted_pos, sent_pos, answered_pos, last_pos;
	char flow[32];         /* the flow it goes by, step after step under a lease; empty: one leg */
	char then[32];         /* the flow that follows once it is done (written_follow_up in engine/); empty: none */
	uint32_t step;         /* the newest one, from 1; while undoing the one that is undone */
	uint32_t step_state;   /* enum exchange_step */
	uint32_t refused_step; /* the one that ended it; 0: none */
	bool undoing;          /* a step was refused or the whole is unwanted: what was done is undone */
	/* Of a payment that is one of its steps (engine/flow_pay.c). */
	char pay_no[24];        /* its number since it may have left, for ever; empty: it never did */
	char pay_msg[40];       /* of the message that left last with it */
	char pay_uetr[40];      /* its UETR; empty: it has none */
	char pay_serial[40];    /* its bank's number for it; empty: not told yet */
	uint8_t pay_digest[16]; /* of the order that is about to leave; zeros: none is.  PAY_DIGEST_SAME */
	int64_t pay_fen;        /* its amount */
	bool has_line;      /* a statement has told of its debit, as it was ordered; or a list that its insurer paid */
	char unpaid_as[16]; /* as what it ended where it came to nothing and ends so: "RETURNED", "FAILED" */
	char back_no[24]; /* the newest payout that came to nothing and is to be made anew, under another number; ... */
	char back_msg[40];      /* ... of the message that left last with it; ... */
	char back_state[16];    /* ... as what it ended, "RETURNED" ... */
	uint8_t back_payee[16]; /* ... and to whom it went, as a keyed hash of account, name and bank */
	struct exchange_payout older[EXCHANGE_PAYOUTS_OLDER]; /* those before that, oldest first */
	bool doubted;        /* its bank has told that the money came back: it is asked once more */
	bool claimed_back;   /* its settlement was undone after it was paid: the money is asked back by a record of its
	                        own */
	char paid_by[12];    /* who paid what its insurer decided, as REC_T_PAY_BY; empty: not known, ... */
	int64_t decided_fen; /* ... and how much that is */
	uint32_t listed_day; /* yyyymmdd: of the newest of its insurer's lists that told of it; 0: none has ... */
	char listed_state[16]; /* ... what that said, and how much; -1: it says none */
	int64_t listed_fen;
	uint32_t strays;   /* of a statement: its lines that tell of no payment known here */
	uint32_t room_day; /* yyyymmdd: that day's limits have room for it (keeper_room.c), ... */
	int64_t room_fen;  /* ... for so much, ... */
	char room_of[ROOM_NAME_MAX], room_to[ROOM_NAME_MAX]; /* ... under these names */
	bool released;                                       /* exactly that order, by people */
	uint32_t asks;     /* how often its bank was asked about it since it left last */
	uint32_t absents;  /* answers "not found" one after the other ... */
	int64_t absent_ms; /* ... and when the first of them came, wall clock; 0: none */
	uint32_t adopted;  /* a bit for each step whose answer was found out by asking: what it "got" is ours */
	log_pos step_sent[REC_STEPS_MAX], step_got[REC_STEPS_MAX], undo_sent;
};

/* What is kept in memory of one that rests: when it is due, when that was said, wall clock; or people have it. */
struct rest {
	int64_t due_ms, set_ms;
	bool is_parked;
};

/* Takes one record of this exchange into account.  pos: of its commit. */
void exchange_apply(struct exchange *x, const struct rec *rec, log_pos pos);
/* Only the position of a record applied before with pos 0, now that it is durable. */
void exchange_place(struct exchange *x, const struct rec *rec, log_pos pos);
/* A success that its origin has perhaps not got yet; reversed in the end if it surely has not (offers 0). */
bool exchange_awaits_delivery(const struct exchange *x);
/* Something still has to happen: it must survive in memory and over retention. */
bool exchange_is_open(const struct exchange *x);
/* It cancels the settlement that its `original` names. */
bool exchange_is_cancel(const struct exchange *x);
/* A follow-up that is open: it may be in the index alone until it is due (keeper_rest.c). */
bool exchange_may_rest(const struct exchange *x);
/* A follow-up that goes on when somebody tells what its case lacks, an account, a consent, an invoice; also one that
 * was parked as that took too long, unless people hold it. */
bool exchange_waits_for_facts(const struct exchange *x);
/* "2026-11-20" as yyyymmdd. */
uint32_t exchange_day(struct yt_str day);
/* Its insurer has paid what it decided, by itself. */
bool exchange_is_paid_by_insurer(const struct exchange *x);
/* It was paid, and no statement, or list of the insurer that paid, has told of that yet. */
bool exchange_awaits_line(const struct exchange *x);
/* A statement with lines that tell of no payment known here, or that does not go on where the one before ended. */
bool exchange_has_strays(const struct exchange *x);
struct exchange_cursor { /* a place in the order in which exchanges were accepted */
	int64_t accepted_ms;
	uint64_t id;
};
/* A settlement that was cancelled or reversed, or the cancel of one: what follows from the settlement named in it is
 * not wanted any more.  That settlement; NULL: none. */
const char *exchange_ends_follow_up(const struct exchange *x);
/* A cancel that was reversed: its settlement stands again.  That settlement; NULL: none. */
const char *exchange_revives(const struct exchange *x);
/* The number of what follows from that settlement: one a settlement, and no message of an origin has it.  False: it is
 * too long to be told from others, nothing follows from it. */
bool exchange_follow_up_number(const char *settlement, char out[EXCHANGE_NUMBER_MAX]);
/* How a payout is found by its bank's number for it and the sum: banks may have the same numbers.  out empty: without
 * either it is not. */
#define EXCHANGE_SERIAL_KEY 64
void exchange_serial_key(struct yt_str serial, int64_t fen, char out[EXCHANGE_SERIAL_KEY]);
/* The number of the record by which its money is asked back; as above. */
bool exchange_claim_back_number(const char *settlement, char out[EXCHANGE_NUMBER_MAX]);
/* Business key (P13) of the cancel of a settlement: EXCHANGE_CANCEL_KEY with its number. */
#define EXCHANGE_CANCEL_KEY "cancel|"
/* There is room to remember one more payout that came to nothing; else it is people's. */
bool exchange_may_pay_anew(const struct exchange *x);
/* A follow-up that waits, of which surely nothing has left, or not yet its payment: people may take it back, ... */
bool exchange_may_be_withdrawn(const struct exchange *x);
/* ... or stop it before it goes on by itself. */
bool exchange_may_be_held(const struct exchange *x);
/* Its business key bars others (P13), a settlement's or a flow's: sent, unknown, being reversed or parked. */
bool exchange_holds_key(const struct exchange *x);

#endif
