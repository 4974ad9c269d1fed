/* sandbox/bank.h - a bank, simulated: one ledger and three faces (bank.md 3, 5, 6).
 *
 * bank_book.c keeps accounts, payouts and entries by the clock it is given; bank_link.c speaks BDL/1.0 on the frames of
 * frames.c; bank_batch.c reads lists (BPF/1.0) and writes their results; bank_iso.c and bank_statement.c speak ISO
 * 20022; bank_serve.c has the sockets, the folder, faults and what is told unasked, bank_control.c the control port.
 * What becomes of a payout is chosen by the last two digits of its amount in fen (bank.md 8). */
#ifndef SANDBOX_BANK_H
#define SANDBOX_BANK_H

#include <jansson.h>
#include <libxml/tree.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define BANK_WINDOW_S 300             /* how far a request's time may be from our clock */
#define BANK_FRAME_MAX 1048576        /* octets */
#define BANK_FILE_MAX (16 << 20)      /* octets of a batch file */
#define BANK_DOCUMENT_MAX (32u << 20) /* octets */
#define BANK_LINES_MAX 50000
#define BANK_PAGE_MAX 200

struct bank_options {
	const char *address, *cert, *key, *ca;
	const char *client_cert, *client_key; /* what it shows the gateway */
	const char *sm2_key, *customer_key;   /* ours, private; the customer's, public */
	const char *corp_no, *customer_sn, *cert_sn;
	const char *fund_account, *fund_name;
	const char *gateway_url; /* where documents are told unasked; NULL: nowhere */
	const char *folder;      /* PAY_ files come in FOLDER/out, RES_ files go to FOLDER/in; NULL: none */
	const char *ledger_path, *ports_path;
	const char *day; /* yyyyMMdd, the first business day; NULL: today */
	uint16_t link_port, iso_port, control_port;
	int64_t fund_fen, settle_ms, return_ms, fee_fen;
	int64_t slice; /* octets of an answer written at once; 0: all */
};

/* -- bank_book.c: no sockets, no clock.  The caller holds one lock around it. -- */

enum bank_face { BANK_LINK, BANK_ISO, BANK_FILE };

struct bank_order { /* what the customer asks; UTF-8 */
	char pay_ref[36], payer[36], payer_name[212], payee[36], payee_name[424], payee_bank[16], ccy[4], usage[424];
	char due[9];                           /* yyyyMMdd; "": now */
	char message[36], block[36], uetr[37]; /* of ISO 20022 */
	int64_t amount_fen;
	bool checks_name, is_batch_booked;
	bool is_listed; /* one of several: only 90 to 93 and 98 play */
	enum bank_face face;
};

struct bank_payout {
	struct bank_order order;
	char state[3]; /* PaySts; "": not taken */
	char code[7], serial[25], acct_date[9], acct_time[7];
	char return_serial[25], return_date[9], return_time[7], return_code[7];
	int64_t n_arrived, n_booked, due_ms, return_ms; /* the last two: wall clock, 0: nothing will happen by itself */
	uint64_t told; /* its fingerprint when bank_changes told of it last; stands last */
};

struct bank_entry {
	char account[36], serial[25], date[9], time[7];
	bool is_credit;
	int64_t fen, balance_fen;
	char opposite[36], opposite_name[424], opposite_bank[16], pay_ref[36], usage[424];
	char rev_flag; /* 0 ordinary, 2 return */
	char org_serial[25];
};

struct bank_account {
	char no[36], name[424];
	int64_t balance_fen, day_open_fen;
	bool is_closed, is_customer; /* customer: it pays, and gets statements */
	int64_t sequence;            /* of its statements */
};

enum bank_act {
	BANK_ANSWERS,
	BANK_SILENT,
	BANK_CUTS,        /* in the middle of the answer */
	BANK_SIGNS_WRONG, /* where there are signatures */
};

struct bank_verdict {
	char type;        /* S, F, U */
	const char *code; /* static */
	enum bank_act act;
	struct bank_payout *payout; /* NULL: it is not taken */
};

struct bank_book; /* opaque */
struct bank_book *bank_book_new(const struct bank_options *options, int64_t now_ms);
void bank_book_free(struct bank_book *book);
const char *bank_day(const struct bank_book *book); /* yyyyMMdd, the business day */
/* Opens an account, or sets what it is; balance_fen < 0: as it is. */
struct bank_account *bank_account_set(
        struct bank_book *book, const char *no, const char *name, int64_t balance_fen, bool is_customer);
struct bank_account *bank_account_find(const struct bank_book *book, const char *no);
/* 1 the name fits, 2 it does not, 3 there is no such account. */
int bank_name_check(const struct bank_book *book, const char *no, const char *name);

void bank_order_take(struct bank_book *book, const struct bank_order *order, int64_t now_ms, struct bank_verdict *v);
/* NULL: not found; one that was not taken is not found either. */
struct bank_payout *bank_payout_find(const struct bank_book *book, const char *pay_ref);
/* NULL: cancelled (or it was before); else the code. */
const char *bank_payout_cancel(struct bank_book *book, const char *pay_ref);
/* A paid one comes back with E20004 or E20005; NULL, or what is wrong. */
const char *bank_payout_return(struct bank_book *book, const char *pay_ref, const char *code, int64_t now_ms);
/* Payouts as far as their timers are. */
void bank_book_advance(struct bank_book *book, int64_t now_ms);
int64_t bank_n_moving(const struct bank_book *book);

size_t bank_n_entries(const struct bank_book *book);
const struct bank_entry *bank_entry(const struct bank_book *book, size_t i);
size_t bank_n_returns(const struct bank_book *book);
const struct bank_payout *bank_return(const struct bank_book *book, size_t i); /* in the order they came back */

/* Ends the business day: fees of accounts that paid, a statement of each customer's account as an event, the next day
 * begins and what was ordered for it is paid. */
void bank_day_end(struct bank_book *book, int64_t now_ms, bool is_missing, bool is_twice, bool is_copy);
/* What is to be told unasked: {"kind": "statement", ...}, {"kind": "return" or "report", "pay_ref"}; NULL: nothing. */
json_t *bank_event_next(struct bank_book *book);
json_t *bank_ledger(const struct bank_book *book); /* see sandbox/README.md */
/* Its payouts that are not as they were when this was asked last, and all conflicts. */
json_t *bank_changes(struct bank_book *book);
/* "Forgets" what it has booked: every order is taken as a new one.  To see that the ledger shows it. */
void bank_forget_orders(struct bank_book *book, bool forgets);

const char *bank_code_text(const char *code);   /* in Chinese */
const char *bank_code_reason(const char *code); /* of ISO 20022 */
bool bank_line_number_is_right(const char *number);
void bank_fresh_serial(struct bank_book *book, char out[25]); /* BK, day, eight digits */

/* -- bank_wire.c -- */

struct bank_keys {
	EVP_PKEY *own, *customer;
};
int bank_keys_read(struct bank_keys *keys, const char *own_path, const char *customer_path); /* -1: told */
void bank_keys_free(struct bank_keys *keys);

xmlNodePtr bank_child(xmlNodePtr node, const char *name); /* by its local name; NULL when missing */
xmlNodePtr bank_path(xmlNodePtr node, const char *path);  /* "PmtId/EndToEndId": the first of each */
xmlNodePtr bank_next(xmlNodePtr node);                    /* the next sibling of the same name */
/* Text at a path, "" when missing; cut at size. */
const char *bank_text(xmlNodePtr node, const char *path, char *out, size_t size);
void xml_put(FILE *out, const char *name, const char *text);       /* <name>text</name>, escaped */
void xml_put_fen(FILE *out, const char *name, int64_t fen);        /* 12.30 */
bool bank_amount_read(const char *text, int64_t *fen);             /* two decimals, no zeros in front, above 0 */
void bank_stamp(int64_t now_ms, char day[9], char time[7]);        /* Beijing time */
unsigned char *base64_octets(const char *text, size_t *len);       /* to be freed; NULL: it is none */
const char *xml_refuse(const char *octets, size_t len, int depth); /* DOCTYPE, comment, too deep; NULL: none */
/* The signed part of a message; NULL when there is none. */
const char *bank_signed_part(const char *octets, size_t len, size_t *n);

/* -- bank_batch.c: caller holds the lock -- */

struct bank_batches; /* opaque */
struct bank_batches *bank_batches_new(void);
void bank_batches_free(struct bank_batches *batches);

struct bank_batch {
	char no[7], date[9], name[65], sm3[65], status[3], code[7];
	unsigned bad_line;
	int64_t n[3], fen[3]; /* paid, failed, open */
	unsigned n_results;   /* result files written */
	bool is_final;        /* the last of them was */
};
/* Takes a file in, or answers with what the same number was before (code E20409, or E20504 for another content). */
const struct bank_batch *bank_batch_take(struct bank_batches *batches, struct bank_book *book, const char *corp_no,
        const char *name, const char *octets, size_t len, int64_t now_ms, const char **code);
/* Looks at what its lines have become; NULL: no such batch. */
struct bank_batch *bank_batch_find(
        struct bank_batches *batches, const struct bank_book *book, const char *no, const char *date);
/* The result file in GB18030, to be freed; NULL: it was refused. */
char *bank_batch_result(struct bank_batches *batches, const struct bank_book *book, const struct bank_batch *batch,
        const char *corp_no, size_t *len);
/* name: of the result file nn. */
void bank_batch_result_name(const struct bank_batch *batch, const char *corp_no, unsigned nn, char name[65]);
json_t *bank_batches_json(const struct bank_batches *batches);
/* i counts from 0; NULL: no more.  As it was when last looked at. */
struct bank_batch *bank_batch_at(const struct bank_batches *batches, size_t i);

/* -- one bank: what the faces share; the caller holds the lock -- */

struct bank {
	const struct bank_options *options;
	struct bank_keys keys;
	struct bank_book *book;
	struct bank_batches *batches;
	json_t *seen;     /* ReqSeqNo -> true */
	json_t *messages; /* MsgId of ISO 20022 -> SM3 of its octets */
	uint64_t serial;
	int64_t n_refused, clock_offset_ms;
};
int bank_init(struct bank *bank, const struct bank_options *options, int64_t now_ms); /* -1: told */
void bank_end(struct bank *bank);

struct bank_answer {
	enum bank_act act;
	char *octets; /* to be freed */
	size_t len;
	unsigned status; /* of HTTP */
};
/* Names one message for faults: its transaction or message name, and its payout number ("" none). */
void bank_call(const char *octets, size_t len, char op[16], char pay_ref[36]);

/* bank_link.c: one message of BDL/1.0, without its frame.  refusal: NULL, or the code to refuse it with. */
void bank_link_handle(struct bank *bank, const char *octets, size_t len, const char *refusal, int64_t now_ms,
        struct bank_answer *answer);

/* bank_iso.c: one document of ISO 20022. */
void bank_iso_handle(struct bank *bank, const char *octets, size_t len, int64_t now_ms, struct bank_answer *answer);
/* A pain.002 that tells of one payout, to be freed. */
char *bank_iso_report(struct bank *bank, const struct bank_payout *payout, int64_t now_ms);

/* bank_statement.c: to be freed. */
char *bank_statement_write(struct bank *bank, const json_t *event, int64_t now_ms);
char *bank_return_write(struct bank *bank, const struct bank_payout *payout, int64_t now_ms);

/* bank_serve.c: serves until SIGINT or SIGTERM; returns the exit code. */
int bank_main(const struct bank_options *options);

#endif
