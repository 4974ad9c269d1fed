/* yitong/message.h - the canonical message: what the gateway understands of a request or answer.
 *
 * The vocabulary is the national one (NHSA data-element names); a codec plugin turns its format's
 * octets into this and back.  Everything in it lives in msg->arena. */
#ifndef YITONG_MESSAGE_H
#define YITONG_MESSAGE_H

#include "yitong/node.h"

/* What a message does, whatever its number in a format.  Order is stored in the journal: append only. */
enum yt_operation {
	YT_OP_UNREAD = 0,                 /* a national transaction without an operation of ours: passed on unread */
	YT_OP_PERSON_CHECK,               /* 1101 */
	YT_OP_OUTPATIENT_REGISTER,        /* 2201 */
	YT_OP_OUTPATIENT_REGISTER_CANCEL, /* 2202 */
	YT_OP_OUTPATIENT_VISIT,           /* 2203, 2203A */
	YT_OP_OUTPATIENT_FEES,            /* 2204 */
	YT_OP_OUTPATIENT_FEES_CANCEL,     /* 2205 */
	YT_OP_OUTPATIENT_PRESETTLE,       /* 2206 */
	YT_OP_OUTPATIENT_SETTLE,          /* 2207 */
	YT_OP_OUTPATIENT_SETTLE_CANCEL,   /* 2208 */
	YT_OP_INPATIENT_FEES,             /* 2301 */
	YT_OP_INPATIENT_FEES_CANCEL,      /* 2302 */
	YT_OP_INPATIENT_PRESETTLE,        /* 2303 */
	YT_OP_INPATIENT_SETTLE,           /* 2304 */
	YT_OP_INPATIENT_SETTLE_CANCEL,    /* 2305 */
	YT_OP_INPATIENT_ADMIT,            /* 2401 */
	YT_OP_INPATIENT_DISCHARGE,        /* 2402 */
	YT_OP_INPATIENT_CHANGE,           /* 2403 */
	YT_OP_INPATIENT_ADMIT_CANCEL,     /* 2404 */
	YT_OP_INPATIENT_DISCHARGE_CANCEL, /* 2405 */
	YT_OP_REVERSE,                    /* 2601 */
	YT_OP_SIGN_IN,                    /* 9001 */
	YT_OP_SIGN_OUT,                   /* 9002 */
	YT_OP_VISIT_QUERY,                /* 5201 */
	YT_OP_SETTLEMENT_QUERY,           /* 5203 */
	YT_OP_PHARMACY_PRESETTLE,         /* 2101 */
	YT_OP_PHARMACY_SETTLE,            /* 2102 */
	YT_OP_PHARMACY_SETTLE_CANCEL,     /* 2103 */
	YT_OP_CREDENTIAL_READ,            /* 1161, 1162, 1163 */
	YT_OP_INSTITUTION_QUERY,          /* 1201 */
	YT_OP_CATALOGUE_DOWNLOAD,         /* 1301 .. 1321 without the paged ones */
	YT_OP_CATALOGUE_QUERY,            /* 1304, 1312, 1316 .. 1319 */
	YT_OP_DICTIONARY_QUERY,           /* 1901 */
	YT_OP_ENTITLEMENT_CHECK,          /* 2001 */
	YT_OP_TRANSFER_FILE,              /* 2501, 2501A */
	YT_OP_TRANSFER_FILE_CANCEL,       /* 2502 */
	YT_OP_CHRONIC_FILE,               /* 2503 */
	YT_OP_CHRONIC_FILE_CANCEL,        /* 2504 */
	YT_OP_DESIGNATION_FILE,           /* 2505 */
	YT_OP_DESIGNATION_FILE_CANCEL,    /* 2506 */
	YT_OP_INJURY_FILE,                /* 2507 */
	YT_OP_REVIEW_BEFORE,              /* 3101 */
	YT_OP_REVIEW_DURING,              /* 3102 */
	YT_OP_REVIEW_FEEDBACK,            /* 3103 */
	YT_OP_RECONCILE_TOTALS,           /* 3201 */
	YT_OP_RECONCILE_DETAILS,          /* 3202 */
	YT_OP_RECONCILE_DAILY,            /* 3211: starts a comparison, books nothing */
	YT_OP_RECONCILE_QUERY,            /* 3209A, 3212, 13203 */
	YT_OP_CLEARING_APPLY,             /* 3203, 3203A */
	YT_OP_CLEARING_APPLY_CANCEL,      /* 3204, 3204A */
	YT_OP_CLEARING_QUERY,             /* 3205A, 3206A */
	YT_OP_REMOTE_CLEARING_QUERY,      /* 3260 */
	YT_OP_REMOTE_CLEARING_CONFIRM,    /* 3261 */
	YT_OP_REMOTE_CLEARING_CONFIRM_CANCEL, /* 3262 */
	YT_OP_STOCK_SALE,                     /* 3505 */
	YT_OP_STOCK_RETURN,                   /* 3506 */
	YT_OP_STOCK_DELETE,                   /* 3507 */
	YT_OP_STOCK_QUERY,                    /* 3508 .. 3513 */
	YT_OP_STAFF_QUERY,                    /* 5101, 5102 */
	YT_OP_DIAGNOSIS_QUERY,                /* 5202 */
	YT_OP_FEES_QUERY,                     /* 5204 */
	YT_OP_MEDICATION_QUERY,               /* 5205 */
	YT_OP_ACCUMULATION_QUERY,             /* 5206 */
	YT_OP_CHRONIC_QUERY,                  /* 5301 */
	YT_OP_DESIGNATION_QUERY,              /* 5302 */
	YT_OP_STAY_QUERY,                     /* 5303 */
	YT_OP_TRANSFER_QUERY,                 /* 5304 */
	YT_OP_REPORT_QUERY,                   /* 5401, 5402 */
	YT_OP_PAYMENT_FEES,                   /* 6201 */
	YT_OP_PAYMENT_ORDER,                  /* 6202 */
	YT_OP_PAYMENT_REFUND,                 /* 6203 */
	YT_OP_PAYMENT_QUERY,                  /* 6301 */
	YT_OP_PAYMENT_REVOKE,                 /* 6401 */
	YT_OP_FILE_UPLOAD,                    /* 9101 */
	YT_OP_FILE_DOWNLOAD,                  /* 9102 */
	YT_OP_LINK,                           /* KSBW P001: sign-in of a province, heartbeat */
	YT_OP_FILING_QUERY,                   /* KSBW P101 */
	YT_OP_FILING_PUSH,                    /* KSBW P102 */
	YT_OP_OUTCOME_QUERY,                  /* KSBW P201: what became of a message */
	/* Claims to commercial insurers.  Their business key is the settlement: one claim each (setl_id). */
	YT_OP_CLAIM_ELIGIBILITY, /* is this person insured */
	YT_OP_CLAIM_QUOTE,       /* what would be paid: nothing is stored */
	YT_OP_CLAIM_SUBMIT,
	YT_OP_CLAIM_QUERY,
	YT_OP_CLAIM_DOCUMENTS, /* what the insurer asked for */
	YT_OP_CLAIM_WITHDRAW,
	YT_OP_CLAIM_PAYMENT,    /* the insurer hears what became of a payment on its mandate */
	YT_OP_CLAIM_RESULT,     /* the insurer tells us what became of a claim */
	YT_OP_CLAIM_STATEMENT,  /* the claims of a day */
	YT_OP_PAY_ORDER,        /* one payout: BDL BD1001, pain.001 with one transfer */
	YT_OP_PAY_BATCH,        /* a list of payouts: BD2001, BPF file, pain.001 */
	YT_OP_PAY_QUERY,        /* what became of one: BD1002, pacs.028 */
	YT_OP_PAY_BATCH_QUERY,  /* BD2002 */
	YT_OP_PAY_BATCH_RESULT, /* fetches the result of a list: BD2003 */
	YT_OP_PAY_RESULT,       /* the bank tells: pain.002, BPF result file */
	YT_OP_PAY_RECALL,       /* please do not pay: BD1003, camt.055 */
	YT_OP_PAY_RETURN,       /* the bank tells of single entries, returns among them: camt.054 */
	YT_OP_PAY_RETURN_QUERY, /* returns since a mark: BD4001 */
	YT_OP_STATEMENT_FETCH,  /* entries of days: BD3002 */
	YT_OP_STATEMENT_NOTICE, /* the bank sends the statement of a day: camt.053 */
	YT_OP_BALANCE_QUERY,    /* BD3001 */
	YT_OP_ACCOUNT_CHECK,    /* does this name belong to this account: BD4002 */
	YT_OP_CONSENT_PUT,      /* a person agrees that an insurer hears of his settlements; it stays here */
	YT_OP_ACCOUNT_PUT,      /* the account of a person that is to be paid; it stays here */
	YT_OP_INVOICE_NOTICE,   /* the electronic invoices of a visit; it stays here */
	YT_OP_SETTLE_NOTICE, /* a settlement that did not pass through us; it stays here, and what follows claims it */
	YT_OP_SETTLE_NOTICE_CANCEL, /* it was cancelled; the claim is withdrawn */
	YT_OP_CLAIM_BACK,           /* ours: a settlement was undone after money was paid for it, which is asked back */
	YT_OP_COUNT
};

/* What must add up (nhsa.md 3.1); which rules apply to a request and to its answer. */
enum yt_money_rule {
	YT_MONEY_NONE = 0,
	YT_MONEY_SPLIT = 1 << 0,  /* R1: total = own + over limit + first self-paid + in scope */
	YT_MONEY_PAYERS = 1 << 1, /* R2, R3: total = funds + person + hospital; person = account + cash */
	YT_MONEY_FUNDS = 1 << 2,  /* R4: funds = the sum of the fund fields */
	YT_MONEY_LINES = 1 << 3,  /* R7: each line = round(quantity x price), within one fen */
	/* insurer.md 2, identities 3 to 6: what the person bears = its four parts; total = sum of lines; own part
	 * outside the catalogue = that of the lines; total at most the invoices.  What is not there is not compared. */
	YT_MONEY_CLAIM = 1 << 4,
	YT_MONEY_DECISION = 1 << 5, /* payable_amt = sum of liability rows, where there are any */
	/* bank.md: count and sum of payouts; paid + failed + open = all */
	YT_MONEY_PAYOUTS = 1 << 6,
	/* bank.md 3.5, 5.3: opening balance and booked entries = closing balance; a batch entry = its details */
	YT_MONEY_STATEMENT = 1 << 7
};

struct yt_op {
	enum yt_operation id;
	const char *name;       /* "outpatient.settle" */
	const char *zh;         /* 门诊结算 */
	bool changes_state;     /* pre-settlement and queries do not */
	bool is_settlement;     /* fixes or undoes money: P13 applies */
	bool stays_here;        /* asked of, or told to, the gateway itself, which keeps it: it goes to no party */
	unsigned request_money; /* enum yt_money_rule bits checked before sending */
	unsigned reply_money;   /* checked on the answer: a breach marks it, never withholds it */
};

/* The row of an operation; never NULL for a value below YT_OP_COUNT. */
const struct yt_op *yt_op(enum yt_operation id);

/* The member of `data` that says what a payment pays: no two that are open at once may have the same (P5).  NULL: the
 * operation has none of this kind. */
const char *yt_op_business_key(enum yt_operation id);

struct yt_msg {
	struct yt_arena *arena;
	const struct yt_op *op;
	struct yt_str wire_op;     /* the format's own number, "2207"; preset where it is known before decode_request */
	struct yt_str number;      /* sender's message number, msgid */
	struct yt_str institution; /* fixmedins_code: who it is for, checked against the certificate */
	struct yt_str institution_name;
	struct yt_str operator_id; /* opter */
	struct yt_str operator_name;
	struct yt_str sign_no;
	struct yt_str treatment_area; /* mdtrtarea_admvs */
	struct yt_str insured_area;   /* insuplc_admdvs; may be empty */
	struct yt_str time;           /* inf_time as sent */
	/* Taken out of the business part where the operation has them, else empty. */
	struct yt_str person;           /* psn_no */
	struct yt_str visit;            /* mdtrt_id */
	struct yt_str own_visit;        /* ipt_otp_no or ipt_no: the institution's number before mdtrt_id exists */
	struct yt_str batch;            /* chrg_bchno */
	struct yt_str settlement;       /* setl_id */
	struct yt_str original_number;  /* omsgid of a reversal */
	struct yt_str original_wire_op; /* oinfno of a reversal */
	int64_t amount_fen;             /* medfee_sumamt; 0 when it has none */
	struct yt_str content;          /* raw octets of the business part: "same content" (P2) is about these */
	const void *passed;   /* codec's own: the table that body obeyed when it was read from content; else NULL */
	struct yt_node *head; /* envelope as an object, business part left out; unknown members kept */
	struct yt_node *body; /* business part: the value of `input` or `output` */
	size_t n_secrets;     /* values of body that must not be kept in clear (yt_table_secrets) */
	struct yt_str path;   /* set by the caller of decode_request: the path that was asked; empty: not told */
	/* Of formats whose messages carry their own number, time and signature (crossprovince.md 7).
	 * Filled by decode_request, where the format has it: */
	struct yt_str octets; /* the whole message as it came: a codec of the same format may pass it on unchanged */
	struct yt_str sender; /* the end party that sent it, "330000" */
	bool is_authentic;    /* its key, signature and digest are good: a stored answer may be given, whatever else is
	                         wrong */
	int64_t sent_ms, expires_ms; /* when it was sent, and until when it may be executed, by its sender's clock; 0:
	                                not said */
	struct yt_str refusal;       /* the format's own code for what *fault says */
	int64_t valid_from_ms;       /* before that its sender's clock is wrong; 0: not said */
	struct yt_str too_early,
	        too_late; /* the code for refusal when it came before valid_from_ms, after expires_ms */
	/* Filled by who asks for an encoding, where the codec makes numbers (make_number): */
	struct yt_str own_number; /* ours for this message at the party asked; empty: number is */
	int64_t wall_ms;          /* written as the time of sending; 0: time is */
	/* What was sent to the party asked: decode_reply, query_for, judge and reversal_of read number, time and digest
	 * there. */
	struct yt_str sent;
	/* What earlier messages of the case brought, by canonical names: an object, whose member feedetail has the
	 * accepted fee lines with their split; NULL: none.  What a message does not say itself is taken from here. */
	const struct yt_node *facts;
};

/* How an answer reads.  UNKNOWN is a state, never a failure (P3). */
enum yt_outcome { YT_DONE = 1, YT_REFUSED = 2, YT_UNKNOWN = 3 };

struct yt_reply {
	struct yt_arena *arena;
	enum yt_outcome outcome;
	struct yt_str code;       /* the party's own code, "-1" */
	struct yt_str text;       /* its text, whole */
	struct yt_str number;     /* the receiver's number, inf_refmsgid */
	struct yt_str visit;      /* mdtrt_id the party issued, else empty */
	struct yt_str settlement; /* setl_id the party issued, else empty */
	struct yt_str sign_no;    /* of a sign-in */
	int64_t amount_fen, fund_fen, account_fen,
	        cash_fen;     /* medfee_sumamt, fund_pay_sumamt, acct_pay, psn_cash_pay */
	bool already_done;    /* refused, but only since it had been done before */
	bool never_happened;  /* refused: the original of a reversal is not there */
	bool session_expired; /* refused: sign in again, then the same call */
	bool at_gateway;      /* refused on its way (signature, time): of what an earlier try did it says nothing */
	bool never_left;      /* set by the caller of decode_reply: YT_FILE_NAME_TAKEN; true of each earlier try, too */
	int64_t wall_ms; /* set by the caller of encode_reply: time written into an answer of ours; 0 leaves it out */
	struct yt_node *head;  /* envelope members but the business part; NULL: an answer of ours */
	struct yt_node *body;  /* NULL when there is none */
	struct yt_str content; /* raw octets of body, and ... */
	const void *passed;    /* ... the table that it went through, as in struct yt_msg */
	struct yt_str raw;     /* the answer is a file and no tree: its octets, passed on as they are; else empty */
	size_t n_secrets;      /* values of body that must not be kept in clear (yt_table_secrets) */
	struct yt_str octets;  /* decode_reply, where the format signs: the whole answer as it came */
	struct yt_str
	        own_number; /* set by the caller of encode_reply: ours for this answer, where the codec makes numbers */
	bool may_retry;     /* refused, for now: the same may be asked again later with a new number */
	struct yt_str breach;   /* done, but it does not add up: passed on marked (P4); else empty */
	int64_t retry_after_ms; /* with may_retry: not before then, as the party says; 0: it does not say */
	uint16_t own_text; /* a refusal of the gateway's own: the number of its text (engine/texts.h); 0: the party's */
	bool too_late;     /* refused: what this would undo cannot be undone any more, as a claim that is paid */
	int64_t again_ms;  /* done, but what was asked for is not there yet: the same is asked again after so long; 0:
	                      final */
};

/* What makes a refusal readable: the path of the field and what is wrong with it. */
struct yt_fault {
	char path[160]; /* "input.data.psn_no", "input.feedetail[3].cnt" */
	char why[200];  /* English, no personal data */
};

struct yt_msg *yt_msg_new(struct yt_arena *arena);     /* zeroed, op = YT_OP_UNREAD */
struct yt_reply *yt_reply_new(struct yt_arena *arena); /* zeroed, outcome = YT_UNKNOWN */

/* Checks the rules of `rules` on one business part.  On a breach returns YT_EFORMAT and writes into
 * why what does not add up, with the fields and amounts; at most size bytes with the NUL. */
int yt_money_check(unsigned rules, const struct yt_node *body, char *why, size_t size);

#endif
