/* sandbox/fault.h - what shall go wrong: a list of armed faults, taken by the requests they match.
 *
 * Armed through the control port (control.c), played by platform.c, hub.c, insurer_serve.c, jinhui_serve.c and
 * bank_serve.c.  The caller holds their lock. */
#ifndef SANDBOX_FAULT_H
#define SANDBOX_FAULT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum fault_kind {
	FAULT_NONE,
	FAULT_DELAY,               /* takes effect, answers ms later */
	FAULT_EFFECT_THEN_SILENCE, /* takes effect, never answers; the connection stays until the client leaves */
	FAULT_EFFECT_THEN_CUT,     /* takes effect, closes without an answer */
	FAULT_CUT,                 /* closes before any effect: the request never arrived */
	FAULT_HELD,                /* silent; takes effect ms after the client has left (or after arrival) */
	FAULT_HTTP_502_HTML,       /* takes effect, a proxy answers 502 with a page */
	FAULT_CUT_JSON,            /* takes effect; half of the JSON text, in a well-formed HTTP answer */
	FAULT_CUT_BODY,            /* takes effect; half of the announced bytes, then closed */
	FAULT_INFCODE_STRING,      /* "0" instead of 0 */
	FAULT_OUTPUT_NULL,         /* takes effect, success with output null */
	FAULT_EXTRA_MEMBERS,       /* members nobody knows, at every level */
	FAULT_AMOUNTS_AS_STRINGS,
	FAULT_GBK_BODY,           /* the answer is in GBK */
	FAULT_WRONG_CONTENT_TYPE, /* text/html over good JSON */
	FAULT_SUMS_BREAK_R2,      /* psn_part_amt is one fen too high in the answer (the book is right) */
	FAULT_UNKNOWN_FUND,       /* a fund_pay_type nobody knows */
	FAULT_GARBAGE,            /* takes effect; the answer is no HTTP */
	FAULT_DUPLICATE_ANSWER,   /* takes effect; the same answer twice on the connection */
	FAULT_REFUSE,             /* no effect; a business refusal, text from "text" */
	FAULT_SIGN_EXPIRED,       /* no effect; the sign_no becomes invalid */
	FAULT_MAINTENANCE,        /* everything is answered 503 for ms, no effect */
	FAULT_BUSY,               /* these four insurers only: no effect, refused for now (C5001) */
	FAULT_WRONG_SIGNATURE,    /* takes effect; the answer's signature does not fit */
	FAULT_GOAWAY,             /* HTTP/2: no effect, GOAWAY says that this stream was not handled */
	FAULT_RESET,              /* HTTP/2: takes effect, RST_STREAM */
	FAULT_CHUNKED,      /* these three 金惠保 only: takes effect; its good answer does not say its length */
	FAULT_PIECES,       /* ... comes a few octets at a time */
	FAULT_INTERIM,      /* takes effect; a 103 comes before the answer (HTTP/2) */
	FAULT_TRAILERS,     /* ... the answer has trailers */
	FAULT_SMALL_WINDOW, /* ... requests after it may send 16 octets at a time */
	FAULT_BEYOND_GBK,   /* ... has characters of four octets, which GBK does not have */
};

struct fault {
	enum fault_kind kind;
	char infno[16], msgid[31], omsgid[31], visit[31], institution[31]; /* "" matches all */
	int64_t count, skip, ms, until_ms, n_taken;
	int64_t percent; /* of the requests that match are struck; 100: all */
	int64_t at;      /* octets, of cut_body at the bank */
	bool from_arrival;
	bool no_dedup; /* its effect is booked although the visit and batch are settled already */
	char text[200];
	struct fault *next;
};

struct faults {
	struct fault *first;
	int64_t n_taken;
	uint64_t random; /* of percent */
};

const char *fault_name(enum fault_kind kind);
/* NULL, or what is wrong with spec. */
const char *fault_arm(struct faults *faults, const json_t *spec, int64_t now_ms);
/* The first fault that matches this request is copied to taken and used up by one; else kind NONE. */
void fault_take(struct faults *faults, const json_t *request, int64_t now_ms, struct fault *taken);
/* Those that can still strike; what was taken of all of them is faults.n_taken. */
json_t *fault_list(const struct faults *faults, int64_t now_ms);
void fault_clear(struct faults *faults);

#endif
