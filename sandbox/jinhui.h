/* sandbox/jinhui.h - 金惠保, simulated: profile JH/2.0, HTTPS and XML in GB18030 around the book of insurer.h.
 *
 * jinhui_wire.c reads, verifies, writes and signs a document; jinhui_check.c holds a BODY to the text of the profile
 * and makes of a case what the book keeps (the claim in TY's form); jinhui.c answers a request; jinhui_serve.c has the
 * sockets and faults.  Codes inside are those of TY (insurer.md 6.6) where JH has one that means the same, else JH's;
 * jinhui_code() says how they go out. */
#ifndef SANDBOX_JINHUI_H
#define SANDBOX_JINHUI_H

#include "insurer.h"

#include <libxml/tree.h>
#include <openssl/evp.h>

#define JINHUI_WINDOW_MS INT64_C(600000) /* how far TRANS_TIME may be from our clock */
#define JINHUI_BODY_MAX (8u << 20)

struct jinhui {
	const struct insurer_options *options; /* app_id is PARTNER_NO */
	struct insurer_book *book;
	EVP_PKEY *partner, *own;
	json_t *numbers;    /* TRANS_NO that came */
	json_t *digests;    /* TRANS_CODE APPLY_NO -> the DIGEST it was done with */
	bool is_beyond_gbk; /* the next answer has such characters */
};
int jinhui_init(struct jinhui *jinhui, const struct insurer_options *options); /* -1: told */
void jinhui_end(struct jinhui *jinhui);

/* jinhui_wire.c */

struct jinhui_message {
	xmlDocPtr doc;
	xmlNodePtr body; /* NULL: HEAD and BODY could not be found */
	char code[7], partner[9], number[25], time[15], digest[65];
};
/* Document, digest, signature, time; false with the refusal, message may be answered all the same.  To be freed. */
bool jinhui_read(const struct jinhui *jinhui, const char *octets, size_t len, int64_t now_ms,
        struct jinhui_message *message, struct insurer_refusal *refusal);
void jinhui_message_free(struct jinhui_message *message);
/* The whole answer, to be freed.  code: on the wire; body: the elements of BODY in UTF-8. */
char *jinhui_answer(const struct jinhui *jinhui, const struct jinhui_message *asked, const char *code, const char *text,
        const char *body, int64_t now_ms, size_t *len);

/* jinhui_check.c */

enum jinhui_form { JH1001, JH2001, JH2002, JH2003, JH2004, JH2005, JINHUI_FORMS };
/* JINHUI_FORMS: no such transaction. */
enum jinhui_form jinhui_form(const char *code);
bool jinhui_check(enum jinhui_form form, xmlNodePtr body, struct insurer_refusal *refusal);
/* The case of a JH2001 in TY's form, consent and sums checked; NULL: refused.  Numbers and amounts are there in any
 * case when it has been checked. */
json_t *jinhui_claim(xmlNodePtr body, int64_t now_ms, struct insurer_refusal *refusal);
bool jinhui_documents_check(xmlNodePtr body, struct insurer_refusal *refusal);
void jinhui_day(const char digits[9], char out[11]); /* 20261120 to 2026-11-20 */

/* jinhui.c */

const char *jinhui_code(const char *code); /* as it stands in RES_CODE */
/* Answers what jinhui_read() made; is_read and refusal: what it said.  The caller holds the lock. */
char *jinhui_handle(struct jinhui *jinhui, const struct jinhui_message *message, bool is_read,
        struct insurer_refusal *refusal, int64_t now_ms, size_t *len);
/* An answer that refuses and does nothing else. */
char *jinhui_refuse(const struct jinhui *jinhui, const struct jinhui_message *message, const char *code, int64_t now_ms,
        size_t *len);

/* jinhui_serve.c: serves until SIGINT or SIGTERM; returns the exit code. */
int jinhui_main(const struct insurer_options *options);

#endif
