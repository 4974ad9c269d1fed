/* core/engine/flow_parts.h - what flow.c, flow_read.c and flow_send.c share; nobody else includes it.
 *
 *   flow_read.c   a lease of a flow begins: what its steps sent and got is read back, its case's facts are asked for
 *   flow.c        what to do now, and what an answer proves
 *   flow_send.c   the message of a step, or of its undoing, is made, written down and leaves
 *   flow_pay.c    a payment: when it may leave, how its outcome is found out; pay.c has its messages, pay_announced.c
 *                 sees others like it */
#ifndef YT_ENGINE_FLOW_PARTS_H
#define YT_ENGINE_FLOW_PARTS_H

#include "engine/work.h"
#include "yitong/payout.h"

struct flow_run {
	const struct engine_flow *flow;
	struct facts facts;
	struct yt_str sent[REC_STEPS_MAX], got[REC_STEPS_MAX], undo_sent;
	struct yt_msg *said[REC_STEPS_MAX]; /* as the step's party was asked */
	struct yt_reply *heard[REC_STEPS_MAX];
	bool is_again;                /* what is out had left before */
	bool is_kept;                 /* the same octets stand in the journal already */
	const struct yt_msg *renewed; /* what had left and goes out again with another sign_no; NULL: nothing */
	bool was_asked;               /* what became of a claim that cannot be withdrawn, under this lease */
	bool lacks_secret;            /* the request is known without its credentials only */
	struct pay_order *order;      /* that is about to leave */
	struct notice_lines *lines;   /* of a notice, told piece by piece; NULL: it is none, or not begun */
	struct yt_str pay_digits;     /* of its number, of this lease; empty: it has one, or needs none yet */
};

/* flow_read.c; steps count from 1 */
const struct engine_flow_step *flow_step_at(const struct task *t, unsigned step);
const struct yt_op *flow_op_of(const struct task *t, unsigned step);
/* The request itself, for a party that speaks its format: it goes on as it came. */
bool flow_is_verbatim(const struct task *t, unsigned step);
/* What a step's message leaves behind, or NULL; of one in another format only what its answer brought. */
struct yt_node *flow_piece_of(struct task *t, unsigned step);
void flow_learn(struct task *t, unsigned step); /* it counts from here on, for the steps behind it */

/* flow.c */
void flow_decide(struct engine *e, struct task *t);
unsigned flow_claim_query_step(const struct task *t); /* from 1; 0: the flow asks for no claim */
/* A step that cannot be said in its party's format, since the case lacks something: as if it had been refused. */
void flow_refuse_unsent(struct engine *e, struct task *t, const struct yt_fault *fault);

/* notice.c */
#define NOTICE_LOOK_MS (3600 * INT64_C(1000)) /* what is told wakes who waits for it; this is only to be sure */
#define NOTICE_KEY "n/"                       /* with a payout's number: the case key of what its bank told unasked */
void notice_end(struct engine *e, struct task *t);
/* The case keys of what is told of the payment of this flow; empty: there is none yet. */
void notice_keys(const struct task *t, char keys[2][FACTS_KEY_MAX]);
/* What a bank that cannot be asked has told of it, as the answer to a pay.query would say it; NULL: nothing yet. */
struct yt_reply *notice_told(struct engine *e, const struct task *t);
/* It has told that exactly its sum came back, which an answer about the order need not say; NULL: it has not. */
struct yt_reply *notice_returned(const struct task *t);
void notice_learn(struct engine *e, struct task *t); /* and as a fact for its steps */
void notice_await(struct engine *e, struct task *t); /* until it tells, or for too long */
/* The step would ask a bank that cannot be asked. */
bool notice_is_awaited(struct engine *e, const struct task *t, unsigned step);

/* continuity.c: whether a statement goes on where the one before of its account ended */
enum { CONTINUITY_MAX = 4 }; /* accounts of one statement; of more the first ones are compared */
/* Where earlier statements of its accounts left what they said.  Returns how many. */
unsigned continuity_keys(struct engine *e, const struct task *t, char keys[CONTINUITY_MAX][FACTS_KEY_MAX]);
/* REC_X_GAP, REC_X_BALANCE, REC_X_UNEVEN, together or 0; the log says which and why. */
unsigned continuity_check(struct engine *e, const struct task *t);
/* Adds what it says to pieces, and under which keys; returns how many. */
unsigned continuity_keep(
        struct engine *e, const struct task *t, struct yt_node *pieces, struct yt_str keys[CONTINUITY_MAX]);

/* enrolled.c */
#define ENROLLED_LIST_OF "enrolment list of "
/* The step may leave, as far as its party's list goes: he is on it, or the party keeps none.  False: the lease is given
 * back, to wait for the list, or it has ended, as he is not on it. */
bool enrolled_may_leave(struct engine *e, struct task *t, unsigned step);
/* The insurer was asked and says that he is not insured: it has ended. */
bool enrolled_has_ended(struct engine *e, struct task *t);

/* flow_send.c */
/* Makes the octets of the step t->x.step (or of its undoing, by t->leg) and writes it down. */
void flow_go(struct engine *e, struct task *t);
/* Octets that may have left before, once more. */
void flow_send_again(struct engine *e, struct task *t);

/* A message of ours: number, time, and where institutions sign in, our own operator.  before: it keeps that one's
 * number; NULL: a new one.  False: the institution is not configured any more. */
bool flow_number(struct engine *e, struct task *t, const struct yt_msg *before);
/* Nobody waits for it, so it waits for what it lacks rather than leave with blanks. */
void flow_wait(struct engine *e, struct task *t, const struct yt_fault *fault);

/* pay.c: a payment's messages, and what its bank's answers say */
struct pay_order {
	struct yt_msg *msg;
	const struct engine_payer *payer;
	struct yt_str no, type, payee; /* no empty: the next lease brings its digits */
	int64_t amount_fen;
	uint8_t digest[16];  /* keyed hash of payee, amount and type */
	uint8_t to_whom[16]; /* keyed hash of the payee's account, name and bank */
	bool is_own;         /* the account's name was compared with the person's, or it is no person's */
	unsigned warnings;   /* enum yt_payout_warning */
	bool is_unchecked;   /* of a claim: no bank has said that it is that name's account */
};

/* The step at which a payment is ordered, from 1; 0: none.  A flow has one at most. */
unsigned pay_order_step(const struct task *t);
/* The payout that came to nothing and that this one is made anew for; empty: none is said.  And the case key of all
 * that are made anew for it. */
struct yt_str pay_anew_for(const struct task *t);
void pay_anew_key(const struct task *t, char key[FACTS_KEY_MAX]);
void pay_anew_key_of(struct yt_str pay_no, char key[FACTS_KEY_MAX]); /* that came to nothing; empty: it is no number */
/* A member of an order, as its row or its whole has it; empty: none. */
struct yt_str pay_member(const struct yt_msg *order, const char *name);
/* NULL: it cannot be ordered yet, *fault says why. */
struct pay_order *pay_order_make(struct engine *e, struct task *t, struct yt_fault *fault);
/* What may stand in the clear as a number of a bank's. */
bool pay_is_serial(struct yt_str text);
/* Its bank's number for the payment, into the record that is being written, where the answer tells it. */
void pay_write_serial(struct task *t, const struct yt_reply *reply);
/* Of payee's account, amount and type: the keyed hash that stands in pay_order.digest. */
void pay_digest(
        struct engine *e, struct task *t, struct yt_str payee, int64_t fen, struct yt_str type, uint8_t out[16]);
/* The keyed hash of to whom money goes, as in pay_order.to_whom. */
void pay_hash_payee(struct engine *e, struct task *t, struct yt_str account, struct yt_str name, struct yt_str bank_no,
        uint8_t out[16]);
struct yt_msg *pay_recall_make(struct engine *e, struct task *t); /* NULL: it was never ordered, or out of memory */
struct yt_msg *pay_told_make(struct engine *e, struct task *t);   /* claim.payment; NULL: out of memory */
/* What an answer to an order or to a question about it proves: DONE with data.pay_state, FAILED where no money moves;
 * else unknown. */
void pay_take(const struct task *t, const struct yt_op *op, struct yt_reply *reply);
/* An error in the log where row, what a bank says of a payout, has pay_alarm; of an answer that is heard just now. */
void pay_tell_alarm(const struct task *t, struct yt_str pay_no, const struct yt_node *row);
void pay_tell_answer_alarm(const struct task *t, const struct yt_reply *reply);
bool pay_is_final(const struct task *t); /* nothing more is heard of it by asking */
bool pay_was_made(const struct task *t); /* its money is with the payee */
/* Before it ever left, by its insurer: a claim that was ours already, and another record of ours may have paid. */
bool pay_was_told(const struct task *t);
bool pay_may_have_left(const struct exchange *x); /* the order that was made last */
/* Its insurer has told something since its order may have left, of which its bank has nothing. */
bool pay_has_news(const struct task *t);
bool pay_came_to_nothing(const struct task *t); /* its money stayed with us, or is back */
/* The hash of to whom the payment of this flow went, as in struct pay_order. */
void pay_to_whom(struct engine *e, struct task *t, uint8_t digest[16]);
/* It is made anew to another account once that is told: of a claim, which stands whatever became of the money. */
bool pay_goes_anew(const struct task *t);

/* How the reason begins of what two people must release; the sum follows, and why. */
#define PAY_WAITS_FOR_RELEASE TALK_WAITS_FOR_RELEASE " of "
#define PAY_RELEASE_WHY " yuan: "

/* pay_batch.c: a list of payouts waits for two people, or each of its payouts becomes a follow-up of its own */
void pay_batch_hand_out(struct engine *e, struct task *t);
void pay_batch_keep(struct engine *e, struct task *t); /* what it holds, for who asks later */
/* The case key under which a list and the ends of its payouts are kept; empty: t is of no list. */
void pay_batch_key(const struct task *t, char key[FACTS_KEY_MAX]);
/* Every payout of the list has ended; false: the lease is given back, to wait. */
bool pay_batch_is_over(struct engine *e, struct task *t);
struct yt_msg *pay_batch_result(struct engine *e, struct task *t); /* what became of each; NULL: it cannot be made */
struct yt_str pay_batch_settlement(const struct yt_msg *list);     /* under which all of it follows */

/* pay_asked.c: what became of a payout, for its agency's question, and for its list's.  Pieces of facts under its own
 * number and its institution's code, and under its list's key. */
void pay_note_taken(struct engine *e, struct task *t); /* it was ordered alone */
void pay_note_end(struct engine *e, struct task *t);   /* its bank has said what became of it; of a claim's nothing */
/* The piece under key, and under also unless that is NULL. */
void pay_write_piece(struct engine *e, struct task *t, const char *key, const char *also, const struct yt_node *piece);

/* account.c: what a bank says of an account that a person has named */
/* Under which the question about the account that t tells of follows; one for each telling. */
struct yt_str account_settlement(const struct task *t);
/* Says so in the piece of facts that t leaves behind, where it is. */
void account_is_asked_about(const struct task *t, struct yt_node *piece);
struct yt_msg *account_question(struct engine *e, struct task *t); /* NULL: it cannot be made */
void account_end(struct engine *e, struct task *t);                /* the bank has answered, or refused */
/* Why a claim is not paid to that account now, and by nobody's release; NULL: it may be, order->is_unchecked. */
const char *account_lacks(const struct task *t, struct pay_order *order);

/* pay_announced.c: of two orders that are alike at least one sees the other */
void pay_warn(struct engine *e, const struct task *t, const struct pay_order *order); /* in the log */
void pay_announce(struct engine *e, struct task *t, const struct pay_order *order);   /* the lease goes back with it */
/* Another order was announced within 24 hours of this one: the same payee, amount and type. */
bool pay_has_twin(const struct engine *e, const struct task *t);
bool pay_has_heir(const struct task *t); /* another is made anew for the same payout */
bool pay_has_namesake(const struct task *t, const struct pay_order *order);
/* Too long for those like it to see that it left: it is announced once more. */
bool pay_was_announced_long_ago(const struct engine *e, const struct task *t);

/* pay_limits.c: the day's limits have room for it; false: the lease is given back, and the next one knows */
bool pay_has_room(struct engine *e, struct task *t, const struct pay_order *order);

/* flow_pay.c */
/* A step of a payment that is not due: nothing is to be paid, asked or told. */
bool flow_pay_is_left_out(const struct task *t, unsigned step);
/* Its order is made, checked and released; false: the lease is given back. */
bool flow_pay_may_leave(struct engine *e, struct task *t);
/* The message of a step about a payment, or of its undoing; NULL: it cannot be made. */
struct yt_msg *flow_pay_compose(struct engine *e, struct task *t);
/* An order has perhaps left, or what its bank made of it is not known. */
void flow_pay_find_out(struct engine *e, struct task *t);
/* What came back for an order, a question about it or its recall. */
void flow_pay_leg(
        struct engine *e, struct task *t, enum engine_leg_end end, struct yt_reply *reply, struct yt_str body);
/* It cannot be recalled, and nobody has said yet what became of it: undoing waits for that. */
bool flow_pay_is_open(const struct task *t, unsigned before);
void flow_pay_await(struct engine *e, struct task *t);
/* Its bank has told that it came back: it is asked, before anything else is done. */
void flow_pay_doubt(struct engine *e, struct task *t);
/* It came to nothing, and the insurer heard so: on record under its number, and made anew under another one. */
void flow_pay_anew(struct engine *e, struct task *t);
bool flow_pay_is_about(const struct task *t, unsigned step); /* that step orders a payment or asks about it */
/* What an order's answer came to, as it was found out by asking: octets of ours.  False: they cannot be read. */
bool flow_pay_read(const struct task *t, struct yt_str got, struct yt_reply *reply);

#endif
