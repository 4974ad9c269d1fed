/* sandbox/transactions.h - the national transactions as the sandbox platform answers them.
 *
 * platform.c has read one request over HTTPS and checked who sends it; here it is read as a
 * transaction, booked in book.c and answered as nhsa.md section 3 lays out.  The caller holds the
 * book's lock. */
#ifndef SANDBOX_TRANSACTIONS_H
#define SANDBOX_TRANSACTIONS_H

#include "book.h"

enum sign_check { SIGN_OFF, SIGN_GIVEN /* empty passes, a wrong number does not */, SIGN_REQUIRED };

struct transaction_context {
	struct book *book;
	const char *region; /* of the platform: first six digits of its own numbers */
	enum sign_check sign_check;
	int64_t now_ms;
};

/* The whole answer envelope, the caller's to json_decref.  Never NULL. */
json_t *transaction_run(const struct transaction_context *context, const json_t *request);
/* A refusal in the envelope's form. */
json_t *transaction_refusal(const struct transaction_context *context, const char *text);
/* The visit a request is about, whatever node it stands in: mdtrt_id, else ipt_otp_no or ipt_no; "". */
const char *transaction_visit(const json_t *request);

#endif
