/* yitong/payout.h - what is true of a payout at every bank: its members, its checks, its states.
 *
 * The codecs of bank channels (iso20022, banklink, bankfile) call it before they write an order, and use its states for
 * what a bank answers; flows and clearing use the same.  Section numbers are those of bank.md.
 *
 * A payout stands in the canonical body as `data` (pay.order), or as a row of `payout` with what all rows share in
 * `data` (pay.batch).  Its members: docs/payments.md. */
#ifndef YITONG_PAYOUT_H
#define YITONG_PAYOUT_H

#include "yitong/message.h"

#define YT_PAY_NO_LEN 22 /* CL, MA, HS or IN, yyyyMMdd, twelve digits */

/* Part 7.  Kept as text in the member pay_state. */
enum yt_pay_state {
	YT_PAY_NEW = 0,
	YT_PAY_SENT,       /* the bank has the octets, nothing is known yet */
	YT_PAY_ACCEPTED,   /* taken */
	YT_PAY_PROCESSING, /* the bank is at work */
	YT_PAY_UNKNOWN,    /* nobody can say: ask, never pay again */
	YT_PAY_PAID,       /* our account was debited; it may still come back */
	YT_PAY_FAILED,     /* surely not paid */
	YT_PAY_CANCELLED,  /* surely not paid, by our wish or a clerk's at the bank */
	YT_PAY_RETURNED,   /* paid, and come back */
	YT_PAY_STATES
};
const char *yt_pay_state_name(enum yt_pay_state state); /* "PAID" */
/* YT_PAY_STATES: no such state. */
enum yt_pay_state yt_pay_state_of(struct yt_str name);
/* What the state says of the order that was sent: the bank has it (DONE, whatever became of the money), no money moves
 * for it (REFUSED), or neither is proved (UNKNOWN). */
enum yt_outcome yt_pay_outcome(enum yt_pay_state state);

/* Reports come in any order and more than once (3.3). */
enum yt_pay_step {
	YT_PAY_TAKE,   /* the new state counts */
	YT_PAY_IGNORE, /* stored, but says nothing new */
	YT_PAY_ALARM   /* contradicts what is final: people look */
};
enum yt_pay_step yt_pay_follow(enum yt_pay_state is, enum yt_pay_state told);

/* When an unknown payment is asked for the nth time (from 0) after the time before: 5, 15, 30, 60, 120, 300 s, then
 * every 10 minutes, until a final state or the statement of the day (part 2 rule 2). */
int64_t yt_pay_ask_after_ms(unsigned n);
/* Two answers "not found" prove absence when they are so far apart and the bank could be reached in between (rule 3).
 */
#define YT_PAY_ABSENT_APART_MS 300000

/* Check digits of part 2; each looks at the form too. */
bool yt_resident_id_is_valid(struct yt_str number); /* 18 characters; the birthday must be a date */
bool yt_card_is_valid(struct yt_str number);        /* Luhn; 16 to 19 digits */
bool yt_bank_no_is_valid(struct yt_str number);     /* 联行号, 12 digits, ISO 7064 MOD 11,10 */
bool yt_bank_no_is_known(struct yt_str number);     /* its first three digits name a bank we know */
bool yt_pay_no_is_valid(struct yt_str number);

/* Whether two names are the same holder's (rule 10): white space out, full-width letters, digits and brackets as
 * half-width ones, one middle dot; rare characters are not converted.  False for what is no UTF-8 or empty. */
bool yt_account_name_fits(struct yt_str a, struct yt_str b);

/* A payout's UETR where nobody has given it one: the same each time it is asked for, version 4 in form.  owner: who
 * pays, as customer or account. */
void yt_pay_uetr(struct yt_str owner, struct yt_str pay_no, char out[37]);

struct yt_payout {
	struct yt_str no, type; /* type: CL, MA, HS, IN; of the number where the member is missing */
	struct yt_str payer_acct, payer_name, payer_bank_no, payer_bank_name;
	struct yt_str payee_acct, payee_name, payee_bank_no, payee_bank_name;
	struct yt_str cert_type, certno, psn_name; /* of the person paid for, national codes */
	struct yt_str purpose, memo, behalf_name, channel, name_check, uetr;
	struct yt_str orig_no; /* the payout that came to nothing and is made anew by this one; or empty */
	struct yt_str date;    /* yyyy-MM-dd; empty: today */
	int64_t amount_fen;
};

enum yt_payout_warning {
	YT_PAYOUT_WARN_CARD = 1 << 0, /* a person's account of 16 to 19 digits fails Luhn */
	YT_PAYOUT_WARN_BANK = 1 << 1  /* line number of a bank we do not know */
};

/* The payouts of a body: the rows of `payout`, or `data` itself.  Begin with *row NULL; false after the last.
 * path: of that payout, "input.data" or "input.payout[3]"; at least 64 octets. */
bool yt_payout_next(const struct yt_node *body, const struct yt_node **row, char *path, size_t size);
/* Reads one: each member from row, else from body's data.  Texts are borrowed, blanks around them left out.
 * YT_EFORMAT with *fault: amount or currency cannot be read. */
int yt_payout_read(const struct yt_node *body, const struct yt_node *row, const char *path, struct yt_payout *out,
        struct yt_fault *fault);
/* What a bank keeps beside it as a remark: memo, else, made in text, the number of the payout it is made anew for; or
 * empty. */
#define YT_PAYOUT_REMARK 64
struct yt_str yt_payout_remark(const struct yt_payout *payout, char text[YT_PAYOUT_REMARK]);
/* NULL, or why no bank takes a text: it has controls, private-use characters or what XML lacks (3.6). */
const char *yt_payout_text_fault(struct yt_str text);
/* What holds at every bank: number and type, amount above 0 and at most limit_fen (0: no limit), accounts, names and
 * texts, line numbers, check digit of a resident id, account name against psn_name.  0 with *warnings (may be NULL)
 * set, or YT_EFORMAT with *fault, which says no value of a person's. */
int yt_payout_check(const struct yt_payout *payout, const char *path, int64_t limit_fen, unsigned *warnings,
        struct yt_fault *fault);
/* The state that an entry of a statement (a row of `entry`, or of its `detail`) proves of what it tells of: PAID of a
 * debit, RETURNED of a credit; YT_PAY_STATES: it is not booked. */
enum yt_pay_state yt_pay_entry_state(const struct yt_node *entry);

/* A person is paid, not a company: all types but HS. */
bool yt_payout_is_to_person(const struct yt_payout *payout);

#endif
