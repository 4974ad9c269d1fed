/* sandbox/insurer.h - 天一甬宁保, simulated: an insurer that decides claims by a stated rule (profile TY/1.0, TY/1.1).
 *
 * insurer_wire.c signs, verifies and opens fields; insurer_check.c holds a claim to the text of the profile;
 * insurer_book.c keeps claims, decides and pays by the clock it is given, insurer_rule.c says by which rule,
 * insurer_listed.c what its list of a day says otherwise;
 * insurer_desk.c has faults, counts and the control port; insurer.c answers a request; insurer_serve.c has the sockets
 * and callbacks.  Book, rule and desk are those of 金惠保 (jinhui.h), too.  The rules, in fen, halves up:
 *   TY  IN_LIST       selfInList + preSelf, 5000.00 a year borne by the person, 60 % of the rest
 *       OUT_LIST      selfOutList without special drugs + overLimitSelf, 5000.00 a year, 50 %
 *       SPECIAL_DRUG  the part outside the catalogue of lines with a listed drug, 50 %
 *   JH  Z01           all four own parts without special drugs, 8000.00 a year, 50 %
 *       Z02           special drugs, 40 % */
#ifndef SANDBOX_INSURER_H
#define SANDBOX_INSURER_H

#include "control_port.h"
#include "fault.h"
#include "h2.h"
#include "http.h"

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INSURER_WINDOW_MS INT64_C(300000) /* how far a signature's time may be from our clock */
#define INSURER_NONCE_MS INT64_C(600000)
#define INSURER_LINES_MAX 5000

/* insurer_rule.c */

struct insurer_liability {
	const char *code;
	const char *parts[4]; /* members of settlement that add up to its base */
	enum {
		INSURER_ALL_LINES,
		INSURER_PLAIN_LINES,
		INSURER_SPECIAL_LINES
	} lines;                /* PLAIN: special drugs are taken off */
	int64_t deductible_fen; /* a person and year */
	int percent;            /* of the rest */
};
/* What tells one insurer from another behind its wire. */
struct insurer_product {
	const char *name, *claim_prefix, *payment_prefix;
	int day_from, serial_digits; /* numbers: prefix, the day's digits from there, a serial */
	const char *not_insured, *below, *used_invoice, *withdrawn; /* refuse codes */
	bool tells; /* decisions are told, and may be paid by the gateway */
	const struct insurer_liability *liabilities;
	size_t n_liabilities;
};
extern const struct insurer_product product_ty, product_jh;

struct insurer_options {
	const struct insurer_product *rule;
	const char *address, *cert, *key, *ca;    /* ca: whom callbacks trust */
	const char *secret_path, *field_key_path; /* one line each: text or hex:...; 32 hex digits */
	const char *keys_folder;                  /* JH: SM2 keys; app_id.pub verifies, jinhui.key signs */
	const char *app_id, *product, *pay_to;    /* pay_to: PERSON or INSTITUTION, TY/1.1 */
	const char *hospitals;                /* that are paid, where it decides at once; commas between; NULL: none */
	const char *special_drugs;            /* list codes, commas between; "" none */
	const char *callback_url;             /* https://host:port of the gateway's listener; NULL: no callbacks */
	const char *ledger_path, *ports_path; /* may be NULL */
	uint16_t port, control_port;
	int64_t decide_ms, pay_ms, callback_minute_ms;
	int64_t sync_ms; /* a decision at once, TY/1.1; 0: decide_ms */
	const char
	        *mandate_banks; /* prefixes of the payee's bankNo whose claims the gateway pays, commas between; NULL */
	bool is_11, is_paid_by_gateway, enrols_all, has_amount_faults;
};

/* A refusal: its code (insurer.md 6.6) decides the status. */
struct insurer_refusal {
	const char *code; /* static; NULL: none */
	char message[160], field[64], claim_no[25];
	int rule; /* 1 to 6, with B1002 */
};
/* Always false. */
bool insurer_refuse(struct insurer_refusal *refusal, const char *code, const char *field, const char *message);
int insurer_status(const char *code); /* of HTTP */

/* insurer_wire.c */

struct insurer_keys {
	unsigned char secret[256], field[16];
	size_t secret_len;
};
int insurer_keys_read(struct insurer_keys *keys, const char *secret_path, const char *field_key_path); /* -1: told */
/* first: the method, or RESPONSE LF status. */
void insurer_mac(const struct insurer_keys *keys, const char *first, const char *path, const char *app_id,
        const char *time, const char *nonce, const char *body, size_t len, char out[65]);
bool insurer_is_same(const char *given, const char wanted[65]); /* in constant time */
/* The clear text of "SM4:...", to be freed; NULL when it cannot be opened. */
char *insurer_open_field(const struct insurer_keys *keys, const char *sealed);
char *insurer_seal_field(const struct insurer_keys *keys, const char *clear, const unsigned char iv[16]);
void random_hex(char *out, size_t n_digits); /* and a NUL */

/* insurer_check.c */

enum insurer_form {
	INSURER_CLAIM,
	INSURER_QUOTE,
	INSURER_ELIGIBILITY,
	INSURER_DOCUMENTS,
	INSURER_WITHDRAW,
	INSURER_PAYMENT
};
/* certno: receives the clear number, at least 64 bytes; "" where the form has none. */
bool insurer_check(const struct insurer_keys *keys, enum insurer_form form, const json_t *body, int64_t now_ms,
        char certno[64], struct insurer_refusal *refusal);
/* The identities 1 to 6 and the rows' numbers, of a claim in TY's form. */
bool insurer_money_check(const json_t *body, struct insurer_refusal *refusal);
/* {"content": Base64, "sm3"}: at most 2 MiB, and the digest fits. */
bool insurer_document_check(const json_t *row, struct insurer_refusal *refusal);
/* RFC 3339 to ms since 1970; -1: it is none. */
int64_t insurer_time_read(const char *text);
void insurer_time_text(int64_t wall_ms, char out[26]); /* 2026-11-20T15:44:31+08:00 */
void insurer_day_text(int64_t wall_ms, char out[11]);

/* insurer_book.c: no sockets, no clock.  The caller holds one lock around it. */

/* Whom it pays of a claim or quote that it answers at once. */
const char *insurer_pays_to(const struct insurer_options *options, const json_t *body);

struct insurer_book;    /* opaque */
struct insurer_counts { /* of the ledger */
	int64_t replays, other_content, second_claims, payments_refused, events_taken, refused;
};
struct insurer_book *insurer_book_new(const struct insurer_options *options);
void insurer_book_free(struct insurer_book *book);
const struct insurer_options *insurer_book_options(const struct insurer_book *book);
struct insurer_counts *insurer_counts(struct insurer_book *book);
void insurer_person_add(struct insurer_book *book, const char *certno, const char *name);
/* NULL unless enrolled.  The name may be "" (enrols_all). */
const char *insurer_person_name(const struct insurer_book *book, const char *certno);
/* Its daily list, as the gateway's docs/claims.md has it: TY gives SM3 digests, JH numbers.  To be freed. */
char *insurer_list(const struct insurer_book *book, int64_t now_ms);
/* By liability, {"IN_LIST": fen, "OUT_LIST": fen}: borne in that year so far. */
json_t *insurer_deductibles(struct insurer_book *book, const char *certno, const char *year);
/* What would be paid for this body now: {"payable", "liabilities", ...}; nothing is kept. */
json_t *insurer_reckon(struct insurer_book *book, const json_t *body, const char *certno);

/* Moves every claim as far as its timers are. */
void insurer_book_advance(struct insurer_book *book, int64_t now_ms);
/* Takes a claim in; answers its data, or NULL and refusal.  is_at_once: decides without waiting (mode SYNC). */
json_t *insurer_claim_take(struct insurer_book *book, const json_t *body, const char *certno, int64_t now_ms,
        bool is_at_once, struct insurer_refusal *refusal);
/* The account its money goes to, of which payments show the last four. */
void insurer_claim_account(struct insurer_book *book, const char *request_no, const char *account);
/* claim_no or request_no, the other ""; the answer's data as GET has it; NULL: no such claim. */
json_t *insurer_claim_show(const struct insurer_book *book, const char *claim_no, const char *request_no);
json_t *insurer_claim_withdraw(
        struct insurer_book *book, const char *claim_no, int64_t now_ms, struct insurer_refusal *refusal);
json_t *insurer_claim_documents(
        struct insurer_book *book, const char *claim_no, int64_t now_ms, struct insurer_refusal *refusal);
json_t *insurer_claim_payment(struct insurer_book *book, const char *claim_no, const json_t *body, int64_t now_ms,
        struct insurer_refusal *refusal);
const char *insurer_claim_settlement(const struct insurer_book *book, const char *claim_no); /* "" unknown */
json_t *insurer_reconciliation(const struct insurer_book *book, const char *day, int page);
/* Takes down that a claim was refused at the door; body: the claim, in TY's form. */
void insurer_claim_refused(struct insurer_book *book, const json_t *body, const char *code);
/* {"claims": [...], "double_claims": 0, ...}, see sandbox/README.md. */
json_t *insurer_ledger(const struct insurer_book *book);
/* Its claims that are not as they were when this was asked last, without is_double. */
json_t *insurer_changes(struct insurer_book *book);
/* So many fen in the ledger only, for testing that a comparison finds it; false: no such claim. */
bool insurer_alter(struct insurer_book *book, const char *setl_id, int64_t fen);
/* What its list of a day says of a settlement from now on, in the list only: {"setl_id", "day": also on that day's,
 * "status", "payable" in fen}; one of which it has no claim gets a row of its own. */
void insurer_say(struct insurer_book *book, const json_t *said);
int64_t insurer_n_moving(const struct insurer_book *book); /* claims that a timer will still change */
/* The next event not yet taken, {"path", "event"}; NULL: none. */
json_t *insurer_event_next(struct insurer_book *book);

/* insurer_listed.c: rows of a day's list that are not as the book has them; listed: settlement -> what insurer_say()
 * was given. */
bool insurer_listed_on(const json_t *listed, const char *setl_id, const char *day);
json_t *insurer_listed_row(const json_t *listed, const char *setl_id, json_t *row); /* row, changed */
/* Appends them where rows is not NULL; how many there are. */
int insurer_listed_strays(const json_t *listed, const char *day, json_t *rows);

/* insurer_desk.c: what every simulated insurer has besides its wire.  All but the two servers needs the lock. */

struct insurer_desk {
	const struct insurer_options *options;
	pthread_mutex_t lock;
	struct insurer_book *book;
	struct faults faults;
	const enum fault_kind *playable; /* up to FAULT_NONE */
	json_t *calls;                   /* name -> how many arrived */
	json_t *seen;                    /* requestNo -> how often, with amount faults */
	int64_t n_requests, n_undelivered, n_delivered;
	struct control_port control;
};
void insurer_desk_open(struct insurer_desk *desk, const struct insurer_options *options, struct insurer_book *book,
        const enum fault_kind *playable);
void insurer_desk_close(struct insurer_desk *desk); /* the book stays */
/* Counts a request and takes the fault that was armed for it, or that its total in fen asks for; kind NONE: none.
 * call: its name; is_claim: it hands one in. */
void insurer_desk_fault(struct insurer_desk *desk, const char *call, const char *number, const char *setl_id,
        const char *hospital, bool is_claim, int64_t total_fen, int64_t now_ms, struct fault *fault);
/* The control port on 127.0.0.1; NULL after telling. */
struct http_server *insurer_desk_serve(struct insurer_desk *desk);
/* Tells where it serves, and control_wait(). */
void insurer_desk_wait(const struct insurer_desk *desk, const char *url, uint16_t port, uint16_t control_port);
int insurer_desk_write(struct insurer_desk *desk); /* the ledger, when it ends; -1: told */

/* insurer.c */

struct insurer {
	const struct insurer_options *options;
	struct insurer_keys keys;
	struct insurer_book *book;
	json_t *answers;  /* idempotency key -> {"sm3", "body"} */
	json_t *nonces;   /* nonce -> until when, ms */
	int64_t swept_ms; /* when those that ended were last forgotten */
	uint64_t serial;
};
/* The name of the call that faults are armed for: claims, query, quote, withdraw ...; "" none. */
const char *insurer_call(const struct h2_request *request);
/* Answers one request, signed; the caller holds the lock. */
void insurer_handle(
        struct insurer *insurer, const struct h2_request *request, int64_t now_ms, struct h2_answer *answer);
/* A signed refusal; message NULL: the code's own. */
void insurer_answer_refusal(struct insurer *insurer, const struct h2_request *request,
        const struct insurer_refusal *refusal, int64_t now_ms, struct h2_answer *answer);
int insurer_init(struct insurer *insurer, const struct insurer_options *options); /* -1: told */
void insurer_end(struct insurer *insurer);

/* insurer_serve.c: serves until SIGINT or SIGTERM; returns the exit code. */
int insurer_main(const struct insurer_options *options);

#endif
