/* sandbox/play.h - one visit being played: what the cases of cases.c, remote.c, away.c and claims.c share with demo.c.
 */
#ifndef SANDBOX_PLAY_H
#define SANDBOX_PLAY_H

#include "cases.h"
#include "hospital.h"

#include <stdatomic.h>

struct demo;

struct play { /* one visit being played by one thread */
	struct demo *demo;
	struct desk desk;
	struct care *care;
	const char *argument;    /* of the case */
	size_t number;           /* of its case, from 0 */
	bool is_mandate;         /* the gateway pays for the insurer */
	const char *insurer_url; /* where the person's insurer tells its ledger; NULL: no claim is awaited */
};

#define ORIGIN_HOLDING (-2)

struct case_kind {
	const char *name, *what;
	int count; /* visits in the full demonstration */
	const char *argument;
	int (*run)(struct play *play);
	int origin;    /* -1: in turn; ORIGIN_HOLDING: of those whose connection is kept until the outcome is known */
	char patients; /* 'o' out, 'i' in, 'b' both in turn */
	bool needs_gateway;
};

enum who {
	WHO_LOCAL,      /* insured and treated here */
	WHO_GUEST,      /* insured in another province */
	WHO_AWAY,       /* insured here, treated in another province */
	WHO_AWAY_CLAIM, /* like WHO_AWAY, and with 天一甬宁保 beside it */
	WHO_CLAIM,      /* insured and treated here, and with 天一甬宁保 beside it */
	WHO_JINHUI,     /* insured in Jinhua, treated here, and with 金惠保 beside it */
	WHO_NOBODY,     /* nobody is treated: a payout is ordered */
	WHO_MANDATE,    /* like WHO_CLAIM; the gateway pays for the insurer */
	WHO_CLERK,      /* like WHO_NOBODY, and somebody looks at the gateway's own words */
};

struct case_table {
	const struct case_kind *kinds;
	size_t n_kinds;
	enum who who;
};

int claim_case_silent(struct play *play);   /* of people who agree to nothing */
int claim_case_stranger(struct play *play); /* of people who agree, and are on no list */
/* Told what a claim needs, of a visit that is open, by who speaks for the hospital; its bill is large enough for one.
 */
void play_big_bill(struct play *play);
int play_agree_but_account(struct play *play); /* consent and invoices alone */
/* An account of the person's at a bank whose payments are left to the gateway, where one is played.  what: makes the
 * message's number, two that are told of one stay need two. */
int play_tell_account(struct play *play, const char *what, const char *account);
json_t *play_claim_of(struct play *play, const char *setl_id); /* as play_claim(), of another settlement */
int play_agree(struct play *play);
int play_await_claim(struct play *play, const char *status); /* as the insurer's own books have it */
json_t *play_claim(struct play *play);                       /* the same, all of it; NULL: none.  To be released. */
int play_arm_insurer(struct play *play, const char *op, const char *kind); /* for calls about this hospital */
extern const struct case_table local_cases, guest_cases, away_cases, away_claim_cases, claim_cases, jinhui_cases,
        mandate_cases, returned_cases, back_cases, jinhui_back_cases, one_stop_cases, allowance_cases, reordered_cases;

struct plan {
	const struct case_table *table;
	const struct case_kind *kind;
	size_t number;
};

struct demo {
	const struct hospitals_options *options;
	struct hospital_run run;
	struct traffic traffic;
	const struct patient **locals, **guests, **jinhua; /* of traffic */
	size_t n_locals, n_guests, n_jinhua;
	struct plan *plans;
	size_t n_plans;
	atomic_size_t next, n_finished;
	bool has_colour;
	pthread_mutex_t print_lock; /* also of unexpected and by_case */
	json_t *unexpected;
	json_t *orders;  /* payouts: {"pay_ref", "account", "amount_fen", "is_paid", "face", "wrong_account"} */
	json_t *by_case; /* name -> {"visits", "as_expected", ...} */
};

/* -1, with the text in play->desk.why. */
int play_fail(struct play *play, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Arms one fault for exactly this visit and transaction at the platform; each 0 or -1 with desk.why. */
int play_arm(struct play *play, const char *infno, const char *visit, const char *kind, int64_t ms);
int play_expect(struct play *play, enum belief belief);
/* Tells the gateway one message of the intake form; takes message over. */
int play_intake(struct play *play, json_t *message);
/* An account from any text, 629999, twelve digits and the Luhn digit: no two payouts of one amount shall go to one
 * account on one day, for which the gateway would wait for people. */
void play_account(const char *seed, char out[20]);
/* Calls the bank's control port; takes body over. */
int play_at_bank(struct play *play, const char *call, json_t *body);
/* The bank knows this account under that name. */
int play_open_account(struct play *play, const char *account, const char *name);
/* What the gateway shows of what pays a payout, or follows from a settlement: its state, and a step that says word. */
bool play_clerk_sees(struct play *play, const char *number, const char *state, const char *word);
/* It must stand once at the right account and not at the wrong one, under another number than the one before. */
int play_paid_anew(struct play *play, const char *wrong, const char *right, const char *ref, const char *before);

struct ordered { /* a payout that is ordered */
	const char *pay_no, *account, *amount;
	const char *face; /* of the bank, that it must come in by */
	const char
	        *wrong; /* the account that its money came back from before; NULL: it is ordered for the first time */
	bool is_paid;   /* it is to stay so */
};
/* Remembers it for the comparison. */
void play_ordered(struct play *play, const struct ordered *ordered);
/* Up to the pre-settlement, then a fault for the settlement. */
int play_open_and_arm(struct play *play, const char *kind, int64_t ms);
int play_settle(struct play *play); /* must end as settled */
int play_normal(struct play *play); /* from the beginning of the visit */
int play_cancel(struct play *play); /* ... and all of it undone */

/* report.c: what ledgers_compare() and the cases found, for people and as the file of --report (0, or -1). */
void report_print(struct demo *demo, const json_t *result);
int report_write(struct demo *demo, json_t *result);

#endif
