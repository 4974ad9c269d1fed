/* sandbox/client.h - a hospital's side of one exchange: envelope, signature, HTTPS by libcurl, answer.
 *
 * hospital.c decides what to send and what to believe; here it goes out and comes back. */
#ifndef SANDBOX_CLIENT_H
#define SANDBOX_CLIENT_H

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define ORIGINS_MAX 3

/* What a hospital does when no answer, or an unreadable one, comes. */
enum unknown_policy {
	POLICY_ASK_AGAIN, /* the same message, same number, until an answer comes */
	POLICY_OWN_2601,  /* its own reversal, then a new settlement */
	POLICY_BLIND,     /* the same visit under a new number, without a reversal */
};

struct origin {
	const char *name;
	const char *url, *ca;
	const char *cert, *key; /* NULL: none */
	const char *sign_id;    /* NULL: no signature headers */
	char *sign_token;
	const char *institution, *institution_name, *area, *opter;
	enum unknown_policy policy;
	bool signs_in;
	pthread_mutex_t lock;   /* of the members below */
	unsigned serial;        /* 1-8999: 9000 and up belong to the gateway */
	char serial_second[15]; /* the second that serial counts in */
	char sign_no[31];
	pthread_mutex_t sign_lock; /* held while signing in, taken before lock */
};

enum answer_kind {
	ANSWER_DONE,     /* infcode 0 */
	ANSWER_REFUSED,  /* a business refusal, or HTTP 4xx: did not happen */
	ANSWER_UNKNOWN,  /* silence, a cut, 5xx, unreadable */
	ANSWER_NOT_SENT, /* no connection at all */
	ANSWER_KINDS
};

struct answer {
	enum answer_kind kind;
	long status; /* HTTP, 0 without one */
	char *text;  /* octets as received, NUL ended; never NULL */
	size_t len;
	json_t *root;     /* NULL when unreadable */
	json_t *output;   /* borrowed from root; may be NULL */
	char why[256];    /* err_msg, or what went wrong below it */
	char sign_no[31]; /* that the request carried */
	int64_t ms;
};

struct call {
	struct origin *origin;
	const char *infno, *msgid, *insuplc;
	const char *institution; /* NULL: the origin's own */
	const json_t *input;
	int64_t timeout_ms;
	bool in_gbk; /* the body in GBK, as old hospital systems send it */
	bool bad_signature;
};

struct client; /* one per thread */

struct client *client_new(void);
void client_free(struct client *client);
/* out: to be cleared with answer_clear. */
void client_call(struct client *client, const struct call *call, struct answer *out);
void answer_clear(struct answer *answer);
/* Sends octets as they are to the control port (method GET without a body); NULL unless HTTP 200 with
 * JSON, told on stderr. */
json_t *client_control(struct client *client, const char *base_url, const char *path, const json_t *body);

/* institution + yyyyMMddHHmmss + 4 digits; never the same again. */
void origin_msgid(struct origin *origin, char out[31]);

#endif
