/* sandbox/insurer.h - 天一甬宁保, simulated: an insurer that decides claims by a stated rule (profile TY/1.0, TY/1.1).
 *
 * insurer_wire.c signs, verifies and opens fields; insurer_check.c holds a claim to the text of the profile;
 * insurer_book.c keeps claims, decides and pays by the clock it is given; insurer.c answers a request; insurer_serve.c
 * has the sockets, faults, callbacks and the control port.  The rule of TY-SIM, in fen, halves up:
 *   IN_LIST       selfInList + preSelf, 5000.00 a year borne by the person, 60 % of the rest
 *   OUT_LIST      selfOutList without special drugs + overLimitSelf, 5000.00 a year, 50 %
 *   SPECIAL_DRUG  the part outside the catalogue of lines with a listed drug, 50 % */
#ifndef SANDBOX_INSURER_H
#define SANDBOX_INSURER_H

#include "h2.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INSURER_WINDOW_MS INT64_C(300000) /* how far a signature's time may be from our clock */
#define INSURER_NONCE_MS INT64_C(600000)
#define INSURER_LINES_MAX 5000

struct insurer_options {
	const char *address, *cert, *key, *ca;    /* ca: whom callbacks trust */
	const char *secret_path, *field_key_path; /* one line each: text or hex:...; 32 hex digits */
	const char *app_id, *product, *pay_to;    /* pay_to: PERSON or INSTITUTION, TY/1.1 */
	const char *special_drugs;                /* list codes, commas between; "" none */
	const char *callback_url;                 /* https://host:port of the gateway's listener; NULL: no callbacks */
	const char *ledger_path, *ports_path;     /* may be NULL */
	uint16_t port, control_port;
	int64_t decide_ms, pay_ms, callback_minute_ms;
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
/* RFC 3339 to ms since 1970; -1: it is none. */
int64_t insurer_time_read(const char *text);
void insurer_time_text(int64_t wall_ms, char out[26]); /* 2026-11-20T15:44:31+08:00 */
void insurer_day_text(int64_t wall_ms, char out[11]);

/* insurer_book.c: no sockets, no clock.  The caller holds one lock around it. */

struct insurer_book; /* opaque */
struct insurer_book *insurer_book_new(const struct insurer_options *options);
void insurer_book_free(struct insurer_book *book);
void insurer_person_add(struct insurer_book *book, const char *certno, const char *name);
/* NULL unless enrolled.  The name may be "" (enrols_all). */
const char *insurer_person_name(const struct insurer_book *book, const char *certno);
/* {"IN_LIST": fen, "OUT_LIST": fen}: borne in that year so far. */
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
/* {"claims": [...], "double_claims": 0, ...}, see sandbox/README.md. */
json_t *insurer_ledger(const struct insurer_book *book);
int64_t insurer_n_moving(const struct insurer_book *book); /* claims that a timer will still change */
/* The next event not yet taken, {"path", "event"}; NULL: none. */
json_t *insurer_event_next(struct insurer_book *book);

/* insurer.c */

struct insurer {
	const struct insurer_options *options;
	struct insurer_keys keys;
	struct insurer_book *book;
	json_t *answers;  /* idempotency key -> {"sm3", "body"} */
	json_t *nonces;   /* nonce -> until when, ms */
	int64_t swept_ms; /* when those that ended were last forgotten */
	int64_t n_replays, n_other_content, n_second_claims, n_refused;
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
