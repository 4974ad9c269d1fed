/* sandbox/insurer.c - answers one request: its header fields, its signature, its call, its key (insurer.md 6.2 to 6.6).
 */
#include "insurer.h"
#include "hub.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JSON_TYPE "application/json"
#define SWEEP_MS 60000
#define SYNC_MS 2000 /* a decision that takes longer comes afterwards */

static const struct {
	const char *code;
	int status;
	const char *message;
} codes[] = {
	{ "A0001", 401, "signature wrong" },
	{ "A0002", 401, "time off" },
	{ "A0003", 401, "nonce used" },
	{ "A0004", 403, "caller unknown" },
	{ "B1001", 400, "field missing or wrong" },
	{ "B1002", 422, "amounts do not add up" },
	{ "B1003", 400, "decryption failed" },
	{ "B1004", 413, "too large" },
	{ "B2001", 404, "not insured" },
	{ "B2002", 422, "policy not in force on the date" },
	{ "B2003", 422, "name and number do not fit" },
	{ "B2004", 403, "consent missing, expired or too small" },
	{ "B2005", 422, "hospital not covered" },
	{ "B2006", 422, "visit type not covered" },
	{ "B2007", 409, "settlement already claimed" },
	{ "B3001", 409, "same key, other content" },
	{ "B3002", 404, "claim unknown" },
	{ "B3003", 409, "not possible in this state" },
	{ "C5001", 503, "busy" },
	{ "C5002", 500, "internal" },
	{ "404", 404, "no such call" },
};
#define N_CODES (sizeof(codes) / sizeof(*codes))

static size_t code_at(const char *code)
{
	size_t i = 0;

	while (i < N_CODES - 1 && strcmp(codes[i].code, code) != 0)
		i++;
	return i;
}

int insurer_status(const char *code)
{
	return codes[code_at(code)].status;
}

/* -- answers -- */

static void put(struct h2_answer *answer, const char *name, const char *value)
{
	answer->headers[answer->n_headers].name = name;
	text_format(answer->headers[answer->n_headers].value, sizeof(answer->headers[0].value), "%s", value);
	answer->n_headers++;
}

/* Signs the body that stands in answer. */
static void sign(struct insurer *insurer, const struct h2_request *request, int64_t now_ms, struct h2_answer *answer)
{
	const char *app_id = h2_header(request, "x-app-id");
	char time[24], nonce[17], first[32], mac[65];

	text_format(time, sizeof(time), "%013lld", (long long)now_ms);
	text_format(first, sizeof(first), "RESPONSE\n%d", answer->status);
	random_hex(nonce, 16);
	insurer_mac(&insurer->keys, first, request->path, app_id == NULL ? "" : app_id, time, nonce, answer->body,
	        answer->len, mac);
	answer->type = JSON_TYPE;
	put(answer, "x-timestamp", time);
	put(answer, "x-nonce", nonce);
	put(answer, "x-sign-alg", "HMAC-SM3");
	put(answer, "x-sign", mac);
}

static void give(struct insurer *insurer, const struct h2_request *request, int status, const char *text,
        int64_t now_ms, struct h2_answer *answer)
{
	answer->status = status;
	answer->body = text_copy(text);
	answer->len = strlen(text);
	sign(insurer, request, now_ms, answer);
}

/* Takes data over. */
static char *envelope(const char *code, const char *message, const char *request_no, json_t *data)
{
	json_t *tree = must(json_pack("{s:s, s:s}", "code", code, "message", message));
	char *text;

	if (*request_no != '\0')
		json_object_set_new(tree, "requestNo", json_string(request_no));
	if (data != NULL)
		json_object_set_new(tree, "data", data);
	text = must(json_dumps(tree, JSON_COMPACT));
	json_decref(tree);
	return text;
}

void insurer_answer_refusal(struct insurer *insurer, const struct h2_request *request,
        const struct insurer_refusal *refusal, int64_t now_ms, struct h2_answer *answer)
{
	json_t *data = must(json_object());
	const char *request_no = h2_header(request, "idempotency-key");
	size_t i = code_at(refusal->code);
	char *text;

	insurer_counts(insurer->book)->refused++;
	if (refusal->field[0] != '\0')
		json_object_set_new(data, "field", json_string(refusal->field));
	if (refusal->rule != 0)
		json_object_set_new(data, "rule", json_integer(refusal->rule));
	if (refusal->claim_no[0] != '\0')
		json_object_set_new(data, "claimNo", json_string(refusal->claim_no));
	text = envelope(refusal->code, refusal->message[0] != '\0' ? refusal->message : codes[i].message,
	        request_no == NULL ? "" : request_no, data);
	if (strcmp(refusal->code, "C5001") == 0)
		put(answer, "retry-after", "1");
	give(insurer, request, codes[i].status, text, now_ms, answer);
	free(text);
}

/* -- who asks -- */

static void forget_nonces(struct insurer *insurer, int64_t now_ms)
{
	void *next;
	const char *key;
	json_t *until;

	json_object_foreach_safe(insurer->nonces, next, key, until)
	{
		if (json_integer_value(until) <= now_ms)
			json_object_del(insurer->nonces, key);
	}
	insurer->swept_ms = now_ms;
}

static bool nonce_is_new(struct insurer *insurer, const char *nonce, int64_t now_ms)
{
	if (now_ms - insurer->swept_ms > SWEEP_MS)
		forget_nonces(insurer, now_ms);
	if (json_number(insurer->nonces, nonce, 0) > now_ms)
		return false;
	json_object_set_new(insurer->nonces, nonce, json_integer(now_ms + INSURER_NONCE_MS));
	return true;
}

static bool head_check(
        struct insurer *insurer, const struct h2_request *r, int64_t now_ms, struct insurer_refusal *refusal)
{
	const char *app_id = h2_header(r, "x-app-id"), *time = h2_header(r, "x-timestamp");
	const char *nonce = h2_header(r, "x-nonce"), *algorithm = h2_header(r, "x-sign-alg");
	int64_t off_ms;
	char mac[65];

	if (app_id == NULL || strcmp(app_id, insurer->options->app_id) != 0)
		return insurer_refuse(refusal, "A0004", "x-app-id", "is not known here");
	if (time == NULL || strlen(time) != 13 || strspn(time, "0123456789") != 13)
		return insurer_refuse(refusal, "A0002", "x-timestamp", "is not 13 digits of ms since 1970");
	off_ms = strtoll(time, NULL, 10) - now_ms;
	if (off_ms > INSURER_WINDOW_MS || off_ms < -INSURER_WINDOW_MS)
		return insurer_refuse(refusal, "A0002", "x-timestamp", "is more than 300 s from our clock");
	if (nonce == NULL || strlen(nonce) < 16 || strlen(nonce) > 32 ||
	        strspn(nonce, "0123456789abcdef") != strlen(nonce))
		return insurer_refuse(refusal, "B1001", "x-nonce", "is not 16 to 32 of 0-9 a-f");
	if (algorithm == NULL || strcmp(algorithm, "HMAC-SM3") != 0)
		return insurer_refuse(refusal, "A0001", "x-sign-alg", "is not HMAC-SM3");
	insurer_mac(&insurer->keys, r->method, r->path, app_id, time, nonce, r->body, r->len, mac);
	if (!insurer_is_same(h2_header(r, "x-sign"), mac))
		return insurer_refuse(refusal, "A0001", "x-sign", "does not fit");
	if (!nonce_is_new(insurer, nonce, now_ms))
		return insurer_refuse(refusal, "A0003", "x-nonce", "was used before");
	return true;
}

/* -- which call -- */

enum call { NO_CALL, ELIGIBILITY, CLAIMS, QUOTE, QUERY, DOCUMENTS, WITHDRAW, PAYMENT, RECONCILIATION };

static const char *const call_names[] = { "", "eligibility", "claims", "quote", "query", "documents", "withdraw",
	"payment", "reconciliation" };

/* claim_no: also the day of a reconciliation; request_no: also its page. */
struct target {
	enum call call;
	char claim_no[25], request_no[25];
};

static bool is_plain(const char *text, size_t n)
{
	return n > 0 && n < 25 && strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_") >= n;
}

static void get_target(const char *path, struct target *t)
{
	const char *rest;

	if (strncmp(path, "/ins/v1/claims?requestNo=", 25) == 0 && is_plain(path + 25, strlen(path + 25))) {
		t->call = QUERY;
		text_format(t->request_no, sizeof(t->request_no), "%s", path + 25);
	} else if (strncmp(path, "/ins/v1/claims/", 15) == 0 && is_plain(path + 15, strlen(path + 15))) {
		t->call = QUERY;
		text_format(t->claim_no, sizeof(t->claim_no), "%s", path + 15);
	} else if (strncmp(path, "/ins/v1/reconciliation/", 23) == 0 && strlen(path) >= 33) {
		rest = path + 33;
		t->call = *rest == '\0' || strncmp(rest, "?page=", 6) == 0 ? RECONCILIATION : NO_CALL;
		text_format(t->claim_no, sizeof(t->claim_no), "%.10s", path + 23);
		text_format(t->request_no, sizeof(t->request_no), "%s", *rest == '\0' ? "1" : rest + 6);
	}
}

static void post_target(const char *path, struct target *t)
{
	size_t n;

	if (strcmp(path, "/ins/v1/eligibility") == 0)
		t->call = ELIGIBILITY;
	if (strcmp(path, "/ins/v1/claims") == 0)
		t->call = CLAIMS;
	if (strcmp(path, "/ins/v1/claims/quote") == 0)
		t->call = QUOTE;
	if (t->call != NO_CALL || strncmp(path, "/ins/v1/claims/", 15) != 0)
		return;
	n = strcspn(path + 15, "/");
	if (!is_plain(path + 15, n) || path[15 + n] != '/')
		return;
	text_format(t->claim_no, sizeof(t->claim_no), "%.*s", (int)n, path + 15);
	for (int call = DOCUMENTS; call <= PAYMENT; call++)
		if (strcmp(path + 16 + n, call_names[call]) == 0)
			t->call = (enum call)call;
}

static struct target target_of(const struct h2_request *request)
{
	struct target t = { .call = NO_CALL };

	if (strcmp(request->method, "GET") == 0)
		get_target(request->path, &t);
	else if (strcmp(request->method, "POST") == 0)
		post_target(request->path, &t);
	return t;
}

const char *insurer_call(const struct h2_request *request)
{
	return call_names[target_of(request).call];
}

/* -- the calls -- */

struct asked {
	struct insurer *insurer;
	const struct h2_request *request;
	struct target target;
	json_t *body;
	char certno[64];
	int64_t now_ms;
	bool is_11; /* both sides */
};

static json_t *eligibility(struct asked *a, struct insurer_refusal *refusal)
{
	const struct insurer_options *o = a->insurer->options;
	const char *name = insurer_person_name(a->insurer->book, a->certno), *date = json_text(a->body, "date");
	json_t *policies = must(json_array());
	char policy[33], start[11], end[11], digest[65];

	if (name != NULL && *name != '\0' && strcmp(name, json_text(a->body, "name")) != 0) {
		json_decref(policies);
		insurer_refuse(refusal, "B2003", "name", "and number do not fit");
		return NULL;
	}
	sm3_hex(a->certno, strlen(a->certno), digest); /* a policy's number says nothing of its person */
	text_format(policy, sizeof(policy), "TY%.4s%.16s", date, digest);
	text_format(start, sizeof(start), "%.4s-01-01", date);
	text_format(end, sizeof(end), "%.4s-12-31", date);
	if (name != NULL)
		json_array_append_new(
		        policies, json_pack("{s:s, s:s, s:s, s:s, s:O}", "policyNo", policy, "productCode", o->product,
		                          "startDate", start, "endDate", end, "deductibleUsed",
		                          insurer_deductibles(a->insurer->book, a->certno, date)));
	return must(json_pack("{s:b, s:o}", "insured", name != NULL, "policies", policies));
}

static json_t *quote(struct asked *a, struct insurer_refusal *refusal)
{
	json_t *reckoned, *liabilities, *row, *short_rows, *data;
	char number[33], until[26];
	int64_t deductible = 0;
	size_t i;

	if (insurer_person_name(a->insurer->book, a->certno) == NULL) {
		insurer_refuse(refusal, "B2001", "", "not insured");
		return NULL;
	}
	reckoned = insurer_reckon(a->insurer->book, a->body, a->certno);
	liabilities = json_object_get(reckoned, "liabilities");
	short_rows = must(json_array());
	json_array_foreach(liabilities, i, row)
	{
		deductible += json_number(row, "deductible", 0);
		json_array_append_new(short_rows, json_pack("{s:O, s:O}", "code", json_object_get(row, "code"),
		                                          "amount", json_object_get(row, "pay")));
	}
	text_format(number, sizeof(number), "TYQ%013lld%06llu", (long long)a->now_ms,
	        (unsigned long long)++a->insurer->serial);
	insurer_time_text(a->now_ms + INT64_C(3600000), until);
	data = must(json_pack("{s:s, s:O, s:I, s:o, s:s, s:s}", "quoteNo", number, "payable",
	        json_object_get(reckoned, "payable"), "deductibleUsed", (json_int_t)deductible, "liabilities",
	        short_rows, "payTo", insurer_pays_to(a->insurer->options, a->body), "validUntil", until));
	json_decref(reckoned);
	return data;
}

static int64_t sync_ms(const struct insurer_options *options)
{
	return options->sync_ms != 0 ? options->sync_ms : options->decide_ms;
}

static json_t *claims(struct asked *a, struct insurer_refusal *refusal, int *status)
{
	struct insurer *insurer = a->insurer;
	bool is_at_once =
	        a->is_11 && strcmp(json_text(a->body, "mode"), "SYNC") == 0 && sync_ms(insurer->options) <= SYNC_MS;
	json_t *data = insurer_claim_take(insurer->book, a->body, a->certno, a->now_ms, is_at_once, refusal);
	int64_t total = json_number(json_object_get(a->body, "settlement"), "totalFee", 0);
	char *account;

	*status = is_at_once ? 200 : 202;
	if (data == NULL && strcmp(refusal->code, "B2007") == 0)
		insurer_counts(insurer->book)->second_claims++;
	if (data == NULL)
		return NULL;
	account = insurer_open_field(&insurer->keys, json_text(json_object_get(a->body, "payee"), "bankAcctNo"));
	insurer_claim_account(insurer->book, json_text(a->body, "requestNo"), account == NULL ? "" : account);
	free(account);
	if (insurer->options->has_amount_faults && total % 100 == 89) { /* taken, and told that it had been before */
		insurer_refuse(refusal, "B2007", "", "this settlement is claimed already");
		text_format(refusal->claim_no, sizeof(refusal->claim_no), "%s", json_text(data, "claimNo"));
		json_decref(data);
		return NULL;
	}
	return data;
}

static json_t *run(struct asked *a, struct insurer_refusal *refusal, int *status)
{
	struct insurer_book *book = a->insurer->book;
	const struct target *t = &a->target;
	json_t *data = NULL;

	*status = 200;
	switch (t->call) {
	case ELIGIBILITY:
		return eligibility(a, refusal);
	case CLAIMS:
		return claims(a, refusal, status);
	case QUOTE:
		return quote(a, refusal);
	case QUERY:
		data = insurer_claim_show(book, t->claim_no, t->request_no);
		if (data == NULL)
			insurer_refuse(refusal, "B3002", "", "no such claim");
		return data;
	case DOCUMENTS:
		return insurer_claim_documents(book, t->claim_no, a->now_ms, refusal);
	case WITHDRAW:
		return insurer_claim_withdraw(book, t->claim_no, a->now_ms, refusal);
	case PAYMENT:
		return insurer_claim_payment(book, t->claim_no, a->body, a->now_ms, refusal);
	case RECONCILIATION:
		return insurer_reconciliation(book, t->claim_no, atoi(t->request_no));
	case NO_CALL:
		break;
	}
	insurer_refuse(refusal, "404", "", "no such call");
	return NULL;
}

/* -- keys -- */

static bool is_kept(enum call call)
{
	return call == CLAIMS || call == DOCUMENTS || call == WITHDRAW || call == PAYMENT;
}

/* Whether this key was answered before: then that answer, or what is wrong, stands in answer. */
static bool is_known_key(struct asked *a, const char *digest, struct h2_answer *answer)
{
	struct insurer *insurer = a->insurer;
	struct insurer_refusal refusal = { .code = NULL };
	json_t *kept = json_object_get(insurer->answers, json_text(a->body, "requestNo"));

	if (kept == NULL)
		return false;
	if (strcmp(json_text(kept, "sm3"), digest) != 0 || strcmp(json_text(kept, "path"), a->request->path) != 0) {
		insurer_counts(insurer->book)->other_content++;
		insurer_refuse(&refusal, "B3001", "", "this key came with other content before");
		insurer_answer_refusal(insurer, a->request, &refusal, a->now_ms, answer);
		return true;
	}
	insurer_counts(insurer->book)->replays++;
	put(answer, "x-replay", "1");
	give(insurer, a->request, 200, json_text(kept, "body"), a->now_ms, answer);
	return true;
}

/* -- one request -- */

static bool body_check(struct asked *a, struct insurer_refusal *refusal)
{
	static const enum insurer_form forms[] = { [ELIGIBILITY] = INSURER_ELIGIBILITY,
		[CLAIMS] = INSURER_CLAIM,
		[QUOTE] = INSURER_QUOTE,
		[DOCUMENTS] = INSURER_DOCUMENTS,
		[WITHDRAW] = INSURER_WITHDRAW,
		[PAYMENT] = INSURER_PAYMENT };
	const char *key = h2_header(a->request, "idempotency-key");

	if (key == NULL || strcmp(key, json_text(a->body, "requestNo")) != 0)
		return insurer_refuse(refusal, "B1001", "idempotency-key", "is not the requestNo of the body");
	if (!insurer_check(&a->insurer->keys, forms[a->target.call], a->body, a->now_ms, a->certno, refusal))
		return false;
	if (json_object_get(a->body, "productCode") != NULL &&
	        strcmp(json_text(a->body, "productCode"), a->insurer->options->product) != 0)
		return insurer_refuse(refusal, "B2002", "productCode", "is no product in force here");
	return true;
}

static bool body_read(struct asked *a, struct insurer_refusal *refusal)
{
	const char *type = h2_header(a->request, "content-type");
	json_error_t error;

	if (type == NULL || strncmp(type, JSON_TYPE, strlen(JSON_TYPE)) != 0)
		return insurer_refuse(refusal, "B1001", "content-type", "is not application/json");
	a->body = json_loadb(a->request->body, a->request->len, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(a->body))
		return insurer_refuse(refusal, "B1001", "", "the body is no JSON object");
	return true;
}

/* false: refused.  true: answer is complete. */
static bool take(struct asked *a, struct insurer_refusal *refusal, struct h2_answer *answer)
{
	bool is_post = strcmp(a->request->method, "POST") == 0;
	char digest[65], *text;
	json_t *data;
	int status;

	if (a->target.call == NO_CALL || (a->target.call == QUOTE && !a->is_11))
		return insurer_refuse(refusal, "404", "", "no such call");
	if (is_post && !body_read(a, refusal))
		return false;
	sm3_hex(a->request->body, a->request->len, digest);
	if (is_kept(a->target.call) && is_known_key(a, digest, answer))
		return true;
	if (is_post && !body_check(a, refusal))
		return false;
	data = run(a, refusal, &status);
	if (data == NULL && a->target.call == CLAIMS && strcmp(refusal->code, "B2007") != 0)
		insurer_claim_refused(a->insurer->book, a->body, refusal->code);
	if (data == NULL)
		return false;
	text = envelope("0", a->target.call == CLAIMS ? "accepted" : "ok", json_text(a->body, "requestNo"), data);
	if (is_kept(a->target.call))
		json_object_set_new(a->insurer->answers, json_text(a->body, "requestNo"),
		        json_pack("{s:s, s:s, s:s}", "sm3", digest, "path", a->request->path, "body", text));
	if (status == 200 && a->target.call == CLAIMS)
		answer->delay_ms = sync_ms(a->insurer->options);
	give(a->insurer, a->request, status, text, a->now_ms, answer);
	free(text);
	return true;
}

void insurer_handle(struct insurer *insurer, const struct h2_request *request, int64_t now_ms, struct h2_answer *answer)
{
	struct asked a = { .insurer = insurer, .request = request, .target = target_of(request), .now_ms = now_ms };
	struct insurer_refusal refusal = { .code = NULL };
	const char *version = h2_header(request, "x-ty-version");

	a.is_11 = insurer->options->is_11 && version != NULL && strcmp(version, "1.1") == 0;
	insurer_book_advance(insurer->book, now_ms);
	if (request->is_too_large)
		insurer_refuse(&refusal, "B1004", "", "the body is larger than 4 MiB");
	if (refusal.code != NULL || !head_check(insurer, request, now_ms, &refusal) || !take(&a, &refusal, answer))
		insurer_answer_refusal(insurer, request, &refusal, now_ms, answer);
	json_decref(a.body);
}

int insurer_init(struct insurer *insurer, const struct insurer_options *options)
{
	*insurer = (struct insurer){ .options = options };
	if (insurer_keys_read(&insurer->keys, options->secret_path, options->field_key_path) != 0)
		return -1;
	insurer->book = insurer_book_new(options);
	insurer->answers = must(json_object());
	insurer->nonces = must(json_object());
	return 0;
}

void insurer_end(struct insurer *insurer)
{
	if (insurer->book != NULL)
		insurer_book_free(insurer->book);
	json_decref(insurer->answers);
	json_decref(insurer->nonces);
}
