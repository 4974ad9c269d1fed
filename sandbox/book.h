/* sandbox/book.h - the platform's own book: persons, visits, fee lines, settlements, messages.
 *
 * No sockets, no JSON on the wire, no clock: transactions.c reads a request, calls the book and
 * writes the answer; control.c shows the book as a ledger.  The caller holds one lock around it.
 *
 * A refusal is its Chinese text (NULL: done), worded as nhsa.md 5.7 has it.  What was booked is never
 * removed: a cancel adds a refund with opposite amounts and marks the original, a reversal marks. */
#ifndef SANDBOX_BOOK_H
#define SANDBOX_BOOK_H

#include "benefit.h"

#include <jansson.h>
#include <stddef.h>

struct book; /* opaque */

struct person {
	char psn_no[31], certno[51], name[51];
	char gend[2], brdy[11];
	char insutype[7], psn_type[7], insuplc[7], emp_name[201];
	bool is_civil_servant;
	bool is_guest;       /* insured in another province: known by number only, never settled here */
	int64_t balance_fen; /* personal account, 310 only */
};

struct fee_line;
struct settlement;

struct visit {
	struct fee_line *lines;         /* all of them, newest first */
	struct settlement *settlements; /* likewise; refunds among them */
	char id[31];
	char own_number[31]; /* ipt_otp_no or ipt_no */
	struct person *person;
	char institution[31];
	char insutype[7], med_type[7], cert_type[4];
	char begntime[20], endtime[20]; /* endtime "" until discharge */
	char diagnosis[201];
	bool is_inpatient, is_cancelled, is_described /* 2203A came */, is_discharged;
};

enum settlement_state { SETTLEMENT_EFFECTIVE, SETTLEMENT_CANCELLED, SETTLEMENT_REVERSED };

struct settlement {
	char id[31];
	struct visit *visit;
	char batch[31]; /* chrg_bchno; "" for a stay */
	char infno[7], msgid[31], institution[31];
	char time[20];
	bool is_refund; /* booked by a cancel, all amounts negated */
	bool uses_account;
	struct settlement *refund;   /* of a cancelled settlement */
	struct settlement *original; /* of a refund */
	enum settlement_state state;
	struct benefit amounts;
	int64_t altered_fen;     /* book_alter: shown in the ledger only */
	char ended_by[31];       /* msgid of the cancel or reversal */
	struct settlement *next; /* of the visit */
	uint64_t told;           /* its fingerprint when book_changes told of it last; stands last */
};

struct fee_line {
	char serial[31], batch[31], code[51];
	struct visit *visit;
	int64_t amount_fen, count_e4;
	double price;
	struct benefit_line split;
	struct settlement *settled; /* NULL: not settled */
	bool is_deleted;
	struct fee_line *next; /* of the visit */
};

struct book_options {
	bool no_dedup;  /* settles a visit and batch again although it is settled */
	bool tombstone; /* remembers a reversal that found nothing: the original then has no effect */
};

struct book *book_new(const char *region); /* region: the first six characters of all ids */
void book_free(struct book *book);
struct book_options *book_options(struct book *book);

struct person *book_person_add(struct book *book, const struct person *person); /* psn_no given by the book */
struct person *book_guest_add(struct book *book, const char *psn_no, const char *insutype, const char *insuplc);
struct person *book_person_by_cert(struct book *book, const char *certno);
struct person *book_person_by_number(struct book *book, const char *psn_no);

/* Sign-in: the newest number of an operator counts, the older ones are invalid from then on. */
const char *book_sign_in(struct book *book, const char *institution, const char *opter);
bool book_sign_is_valid(struct book *book, const char *institution, const char *sign_no);
void book_sign_drop(struct book *book, const char *institution, const char *sign_no);

/* Copies *visit, gives it an id.  msgid: so that 2601 finds an admission. */
const char *book_visit_open(
        struct book *book, const struct visit *visit, const char *msgid, const char *infno, struct visit **out);
/* NULL unless it is open, of this person and institution ("" for any). */
struct visit *book_visit(struct book *book, const char *id, const char *psn_no, const char *institution);
const char *book_visit_cancel(struct book *book, struct visit *visit); /* refused while lines or settlements count */
struct visit *book_visit_at(struct book *book, size_t index);          /* NULL behind the last */

/* All lines or none: a repeated serial of the visit refuses them all. */
const char *book_lines_add(struct book *book, struct fee_line *lines, size_t n_lines);
const char *book_lines_cancel(struct book *book, struct visit *visit, const char *batch, const char *serial);

struct settle_request {
	struct visit *visit;
	const char *batch; /* "" for a stay: all its open lines */
	const char *infno, *msgid, *insutype;
	int64_t total_fen;
	bool may_use_account, is_mid_stay;
	const char *time;
};

const char *book_presettle(struct book *book, const struct settle_request *request, struct benefit *out);
const char *book_settle(struct book *book, const struct settle_request *request, struct settlement **out);
const char *book_settle_cancel(struct book *book, struct visit *visit, const char *setl_id, const char *infno,
        const char *msgid, const char *time, struct settlement **refund);
struct settlement *book_settlement(struct book *book, const char *setl_id);
struct settlement *book_settlement_at(struct book *book, size_t index);

/* 2601.  Reversing a settlement opens its lines again and gives the account its money back; reversing
 * a cancel revives the settlement; reversing an admission cancels the visit. */
const char *book_reverse(
        struct book *book, const char *omsgid, const char *oinfno, const char *psn_no, const char *msgid);
bool book_is_tombstoned(struct book *book, const char *msgid);

/* {"settlements": [...], "double_bookings": n, ...}, see sandbox/README.md. */
json_t *book_ledger(const struct book *book);
/* The same of what is not as it was when this was asked last; without `registered`. */
json_t *book_changes(struct book *book);
/* Adds fen to the basic fund of one booked settlement (setl_id or visit id; NULL: the first), or of
 * the next one if there is none: what the negative test of one-sidedness alters.  Returns its id. */
const char *book_alter(struct book *book, const char *which, int64_t fen);

#endif
