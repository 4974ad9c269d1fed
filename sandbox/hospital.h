/* sandbox/hospital.h - what a hospital does with a visit, and what it believes of it.
 *
 * cases.c says which visits there are and what shall go wrong; here a visit is opened, settled and
 * cancelled as hospital systems do it: they go by the answer (infcode 0: it is so; below 0: it is not
 * so; nothing: ask again, reverse, or try under a new number, by policy).  What it believes is the
 * hospitals' ledger, which compare.c holds against the platform's. */
#ifndef SANDBOX_HOSPITAL_H
#define SANDBOX_HOSPITAL_H

#include "client.h"
#include "people.h"

enum belief {
	BELIEF_OPEN, /* not settled */
	BELIEF_SETTLED,
	BELIEF_CANCELLED,
	BELIEF_UNKNOWN, /* asked until the budget was used up, and still not told */
};

#define CARE_UNKNOWN_MAX 16 /* settlement numbers of one visit without an answer; more are forgotten */

/* One visit of one patient, out or in. */
struct care {
	struct origin *origin;
	const struct patient *patient;
	const struct bill *bill;
	bool is_inpatient, is_pharmacy;
	bool is_guest;                /* insured in another province */
	char med_type[7], disease[7]; /* disease: dise_codg, "" for none */
	char own_number[31], batch[31], begntime[20];
	char psn_no[31], visit[31];                       /* from the platform's answers */
	int64_t full_fen, over_fen, first_fen, scope_fen; /* from the pre-settlement */
	int64_t quote_fen; /* what an insurer would pay, shown beside that; -1: nothing was shown */
	int64_t claim_fen; /* what an insurer pays the hospital, shown beside the settlement; -1: nothing was shown */
	enum belief belief;
	char msgid[31], setl_id[31], refund_setl_id[31]; /* of the settlement believed in */
	int64_t total_fen, fund_fen, account_fen, cash_fen;
	unsigned n_reversed, n_resettled, n_own_2601;
	char unknown[CARE_UNKNOWN_MAX][31]; /* numbers sent and not answered so far */
	size_t n_unknown;
	char refusal[200];                    /* the last one heard */
	int64_t hifp_fen, hifmi_fen, maf_fen; /* of the fund: basic, serious disease, aid */
	bool must_be_gone;                    /* refused: registered nowhere in the end */
	const char *paid_over;                /* the bank's face that must pay its claim; NULL: the insurer pays */
	bool is_asked_back;                   /* cancelled after its claim was paid */
	bool is_claimed;                      /* once settled, the person's insurer must know of it */
	bool may_break_sums;                  /* the platform was told to answer sums that do not add up */
	const char *case_name;
};

/* What all hospitals of a run share. */
struct hospital_run {
	char prefix[13];      /* of every own number in this run */
	int64_t timeout_ms;   /* how long a hospital waits for one answer */
	int64_t budget_ms;    /* how long it goes on asking what became of a settlement */
	pthread_mutex_t lock; /* of the members below */
	struct care **cares;
	size_t n_cares, room;
	json_t *exchanges; /* infno -> {"done": n, ...} */
};

/* One hospital clerk: a thread's view. */
struct desk {
	struct client *client;
	struct hospital_run *run;
	char why[400]; /* why the last step failed */
};

struct care *care_new(struct hospital_run *run, struct origin *origin, const struct patient *patient,
        const struct bill *bill, bool is_inpatient, const char *case_name);

const char *care_settle_infno(const struct care *care);
const char *care_cancel_infno(const struct care *care);
void hospital_count(struct hospital_run *run, const char *infno, enum answer_kind kind, int64_t amount_fen);

/* expired: the sign_no that was refused, "" at the start.  Does nothing if another clerk has signed in
 * since: each sign-in ends the number before it. */
int desk_sign_in(struct desk *desk, struct origin *origin, const char *expired);
/* One exchange, counted; no repeats.  timeout_ms 0: the run's. */
void desk_send(struct desk *desk, const struct call *call, int64_t amount_fen, struct answer *out);

/* All up to the pre-settlement; 0, or -1 with desk->why. */
int care_open(struct desk *desk, struct care *care);
/* 1101 alone. */
int care_check_person(struct desk *desk, struct care *care);
/* The first steps alone, so that a fault can be put between: 1101 and 2201 or 2401; then the rest. */
int care_register(struct desk *desk, struct care *care);
int care_charge(struct desk *desk, struct care *care);

void care_remember(struct care *care, const char *msgid); /* as sent and not answered */
void care_settle_call(struct care *care, const char *msgid, const json_t *input, struct call *call);
/* Settles until it knows: care->belief is SETTLED, OPEN (refused: care->refusal) or UNKNOWN.  first: the
 * answer to msgid, where it has been sent already; else NULL and msgid may be NULL.  policy: how. */
void care_settle(
        struct desk *desk, struct care *care, enum unknown_policy policy, const char *msgid, struct answer *first);
/* Takes a settlement's answer into the books; 0, or -1 with desk->why if its sums break R1 to R4. */
int care_book(struct desk *desk, struct care *care, const char *msgid, const struct answer *answer);

/* Likewise until it knows: CANCELLED, or SETTLED as before. */
void care_cancel(struct desk *desk, struct care *care);
/* 2205 and 2202; 2405, 2302 and 2404.  Each 0, or -1 with desk->why. */
int care_undo_lines(struct desk *desk, struct care *care);
int care_undo_visit(struct desk *desk, struct care *care);

/* inputs.c: what the messages of a visit say. */
json_t *care_register_input(const struct care *care);
json_t *care_admit_input(const struct care *care);
json_t *care_describe_input(const struct care *care);
json_t *care_line_input(const struct care *care, size_t i, const char *time);
json_t *care_discharge_input(const struct care *care);
json_t *care_settle_input(const struct care *care);
json_t *care_cancel_input(const struct care *care);

/* {"run": prefix, "settlements": [...]}: what the hospitals believe. */
json_t *hospital_ledger(struct hospital_run *run);
void hospital_run_free(struct hospital_run *run);

#endif
