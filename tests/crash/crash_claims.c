/* tests/crash/crash_claims.c - what follows from settlements: each that stands is claimed once at the insurer, and what
 * that leaves to us to pay is paid once at the bank.
 *
 * claims_person() tells the gateway what a claim needs of a person before his first visit: who he is (1101), that he
 * has agreed, where his money goes (format intake).  claims_check() holds the ledgers of insurer and bank against the
 * platform's, none of them the gateway's own:
 *  - a settlement in force has one claim, decided, or people know that it stands again; none has two, and no claim is
 * of a settlement that nobody asked for
 *  - a cancelled one has none, or one that was withdrawn; where it was paid before that, the follow-up is parked for
 *    people, or asks for it until it is
 *  - no payout is booked twice or under two contents; what the insurer was told of is booked so, and what is booked it
 *    was told of, but for what is parked */
#include "crash_run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TELL_MS 60000
#define SETTLE_MS 60000 /* by then all follow-ups have come to their end */

/* -- told before ------------------------------------------------------------------------------- */

static bool tell(struct hospital *h, const char *port, const char *path, const char *good, char *body)
{
	int64_t end = now_ms() + TELL_MS;
	bool is_told = false;

	while (!is_told && now_ms() < end) {
		char *answer = NULL;
		size_t n = 0;
		long status = traffic_post_to(h, port, path, body, 5000, &answer, &n);

		is_told = status == 200 && answer != NULL && strstr(answer, good) != NULL;
		free(answer);
		if (!is_told)
			sleep_ms(100);
	}
	if (!is_told)
		printf("    WRONG the gateway takes nothing about a person: %s\n", body);
	free(body);
	return is_told;
}

static char *printed(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static char *printed(const char *fmt, ...)
{
	char *text;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		abort();
	va_end(args);
	return text;
}

/* A card with its check digit (Luhn), one for each person. */
static void card_of(const struct hospital *h, char out[20])
{
	int sum = 0;

	snprintf(out, 20, "6299993302%08d", (int)(strtoull(h->person + strlen(h->person) - 8, NULL, 10) % 100000000));
	for (int i = 0; i < 18; i++) {
		int digit = (out[17 - i] - '0') * (i % 2 == 0 ? 2 : 1);

		sum += digit > 9 ? digit - 9 : digit;
	}
	out[18] = (char)('0' + (10 - sum % 10) % 10);
	out[19] = '\0';
}

/* Those whose account is at a bank that begins with 105 are paid by the gateway. */
bool claims_person(struct world *w, struct hospital *h, const char *name)
{
	char card[20];
	bool is_ours = h->number % 2 == 0;
	static const char intake[] =
	        "{\"operation\":\"%s\",\"number\":\"%s-%s\",\"institution\":\"%s\",\"psn_no\":\"%s\",%s}";
	char *person = message_person(h, name);
	bool is_told = tell(h, w->gateway_port, "/fsi/api/rsfComIfsService/callService", "\"infcode\":0", person);

	card_of(h, card);
	return is_told &&
	       tell(h, w->intake_port, "/intake", "\"code\":\"0\"",
	               printed(intake, "consent.put", h->person, "C", h->institution, h->person,
	                       "\"consent\":{\"auth_no\":\"SQ1\",\"auth_time\":\"2026-01-01 08:00:00\",\"scope\":\"1000\","
	                       "\"channel\":\"1\",\"expire_date\":\"2099-12-31\",\"evidence_sm3\":"
	                       "\"651b96df59518f631ae23117c3b0db0b6971200a242f4dbc39f7be3065420a69\"}")) &&
	       tell(h, w->intake_port, "/intake", "\"code\":\"0\"",
	               printed("{\"operation\":\"account.put\",\"number\":\"%s-A\",\"institution\":\"%s\",\"psn_no\":\"%s\",\"payee\":"
	                       "{\"relation\":\"00\",\"name\":\"%s\",\"bank_acct_no\":\"%s\",\"bank_no\":\"%s\",\"bank_name\":"
	                       "\"%s\"}}",
	                       h->person, h->institution, h->person, name, card,
	                       is_ours ? "105332099046" : "313332099026",
	                       is_ours ? "示例建设银行宁波分行" : "示例甬江银行营业部"));
}

/* Calls to the insurer that go wrong in this round. */
void claims_arm_faults(void)
{
	static const char *const kinds[] = { "effect_then_silence", "effect_then_cut", "cut", "busy", "wrong_signature",
		"goaway", "reset" };
	static const char *const at_bank[] = { "effect_then_silence", "effect_then_cut", "cut", "busy",
		"wrong_signature" };
	static const char *const calls[] = { "claims", "claims", "query", "withdraw" };
	char spec[160];

	json_decref(insurer_control("DELETE", "/fault", NULL));
	json_decref(bank_control("DELETE", "/fault", NULL));
	for (int i = 0; i < 2; i++) {
		snprintf(spec, sizeof(spec), "{\"kind\":\"%s\",\"op\":\"%s\",\"count\":%d,\"skip\":%d}",
		        at_bank[dice() % 5], dice() % 3 == 0 ? "BD1002" : "BD1001", 1 + (int)(dice() % 2),
		        (int)(dice() % 4));
		json_decref(bank_control("POST", "/fault", spec));
	}
	for (int i = 0; i < 3; i++) {
		snprintf(spec, sizeof(spec), "{\"kind\":\"%s\",\"op\":\"%s\",\"count\":%d,\"skip\":%d}",
		        kinds[dice() % 7], calls[dice() % 4], 1 + (int)(dice() % 3), (int)(dice() % 10));
		json_decref(insurer_control("POST", "/fault", spec));
	}
}

/* -- checked afterwards ------------------------------------------------------------------------ */

struct books {
	json_t *claims;   /* setl_id -> array of the insurer's rows */
	json_t *standing; /* setl_id -> state at the platform, of settlements */
	json_t *bank;     /* its ledger */
	json_t *payouts;  /* number -> its row there */
	int n_parked;     /* payouts that were made of what is not wanted any more, at most */
};

size_t claims_seen, payouts_seen;
static json_t *looked_up; /* setl_id -> how its follow-up ended, asked of the gateway once */

static const char *text(const json_t *row, const char *name)
{
	const char *value = json_string_value(json_object_get(row, name));

	return value == NULL ? "" : value;
}

static long long number(const json_t *row, const char *name)
{
	return json_integer_value(json_object_get(row, name));
}

static struct books open_books(void)
{
	struct books b = { json_object(), json_object(), bank_control("GET", "/ledger", NULL), json_object(), 0 };
	json_t *insurer = insurer_control("GET", "/ledger", NULL), *platform = world_control("GET", "/ledger", NULL),
	       *row;
	size_t i;

	json_array_foreach(json_object_get(insurer, "claims"), i, row)
	{
		if (json_object_get(b.claims, text(row, "setlId")) == NULL)
			json_object_set_new(b.claims, text(row, "setlId"), json_array());
		json_array_append(json_object_get(b.claims, text(row, "setlId")), row);
	}
	json_array_foreach(json_object_get(platform, "settlements"), i, row)
	{
		if (strcmp(text(row, "kind"), "settle") == 0)
			json_object_set(b.standing, text(row, "setl_id"), json_object_get(row, "state"));
	}
	json_array_foreach(json_object_get(b.bank, "payouts"), i, row)
	        json_object_set(b.payouts, text(row, "pay_ref"), row);
	json_decref(insurer);
	json_decref(platform);
	return b;
}

static void close_books(struct books *b)
{
	json_decref(b->claims);
	json_decref(b->standing);
	json_decref(b->bank);
	json_decref(b->payouts);
}

/* Whether the gateway says so of what follows from a settlement. */
static bool has_ended(struct world *w, const char *setl_id, const char *how)
{
	static char out[65536];
	char args[160];

	looked_up = looked_up == NULL ? json_object() : looked_up;
	if (strcmp(text(looked_up, setl_id), how) == 0)
		return true;
	snprintf(args, sizeof(args), "show '+/%s'", setl_id);
	if (world_yitong(w, args, out, sizeof(out)) != 0 || strstr(out, how) == NULL)
		return false;
	json_object_set_new(looked_up, setl_id, json_string(how));
	return true;
}

static bool is(const json_t *row, const char *status)
{
	return strcmp(text(row, "status"), status) == 0;
}

/* Of a settlement that stands.  Nothing more is to come: paid, refused, or decided without money (insurer.md 6.4); or
 * it was ours to pay, and the bank could not. */
static const char *wrong_standing(struct world *w, const char *setl_id, const json_t *claim)
{
	if (claim == NULL)
		return "ONE-SIDED: in force, and not claimed";
	if (json_is_true(json_object_get(claim, "is_withdrawn"))) /* its cancel was never fetched, and reversed */
		return has_ended(w, setl_id, "stands again") ? NULL : "ONE-SIDED: in force, and its claim withdrawn";
	if (is(claim, "PAID") || is(claim, "REJECTED") || (is(claim, "ADJUDICATED") && number(claim, "payable") == 0))
		return NULL;
	if (is(claim, "ADJUDICATED") && has_ended(w, setl_id, "refused"))
		return NULL;
	return "its claim is neither paid nor over";
}

static const char *wrong_cancelled(struct world *w, const char *setl_id, const json_t *claim, struct books *b)
{
	if (claim == NULL || json_is_true(json_object_get(claim, "is_withdrawn")) || is(claim, "REJECTED"))
		return NULL;
	if (!has_ended(w, setl_id, "parked") && !has_ended(w, setl_id, "not undone yet: it was refused"))
		return "ONE-SIDED: cancelled, and its claim stands";
	b->n_parked++;
	return NULL;
}

/* What is wrong with the claims of one settlement; NULL: nothing. */
static const char *wrong_with(struct world *w, const char *setl_id, const char *state, struct books *b)
{
	const json_t *rows = json_object_get(b->claims, setl_id);

	if (json_array_size(rows) > 1)
		return "DOUBLED: claimed more than once";
	return strcmp(state, "effective") == 0 ? wrong_standing(w, setl_id, json_array_get(rows, 0))
	                                       : wrong_cancelled(w, setl_id, json_array_get(rows, 0), b);
}

static void tell_wrong(bool is_last, int *n, const char *what, const char *which, const char *why)
{
	(*n)++;
	if (is_last && *n <= 20)
		printf("    WRONG %s %s: %s\n", what, which, why);
}

/* What the insurer was told of our payments, taken out of those of the bank. */
static void compare_told(const json_t *claim, json_t *unnamed, struct books *b, bool is_last, int *n)
{
	json_t *payment;
	size_t i;

	json_array_foreach(json_object_get(claim, "payments"), i, payment)
	{
		const char *ref = text(payment, "payoutNo");
		const json_t *payout = json_object_get(b->payouts, ref);

		if (strcmp(text(payment, "by"), "GATEWAY") != 0)
			continue;
		json_object_del(unnamed, ref);
		if (payout == NULL || number(payout, "booked") != 1)
			tell_wrong(is_last, n, "payout", ref,
			        "ONE-SIDED: the insurer was told of it, the bank has not booked it");
		else if (number(payout, "amount_fen") != number(payment, "amount"))
			tell_wrong(is_last, n, "payout", ref,
			        "ONE-SIDED: booked with another amount than the insurer was told");
	}
}

static void compare_payouts(struct books *b, bool is_last, int *n)
{
	json_t *unnamed = json_object(), *rows, *row;
	const char *key;
	size_t i;

	json_object_foreach(b->payouts, key, row)
	{
		if (number(row, "booked") > 1)
			tell_wrong(is_last, n, "payout", key, "DOUBLED: booked more than once");
		if (number(row, "booked") > 0 && json_object_get(row, "returned") == NULL)
			json_object_set_new(unnamed, key, json_true());
	}
	if (json_array_size(json_object_get(b->bank, "conflicts")) > 0)
		tell_wrong(is_last, n, "payouts", "", "one number was used for two payments");
	json_object_foreach(b->claims, key, rows)
	{
		json_array_foreach(rows, i, row) compare_told(row, unnamed, b, is_last, n);
	}
	if ((int)json_object_size(unnamed) > b->n_parked)
		tell_wrong(is_last, n, "payouts", json_object_iter_key(json_object_iter(unnamed)),
		        "ONE-SIDED: booked at the bank, unknown to the insurer");
	json_decref(unnamed);
}

/* How much is wrong; is_last: tells what. */
static int compare(struct world *w, bool is_last)
{
	struct books b = open_books();
	const char *setl_id;
	json_t *value;
	int n = 0;

	json_object_foreach(b.standing, setl_id, value)
	{
		const char *why = wrong_with(w, setl_id, json_string_value(value), &b);

		if (why != NULL)
			tell_wrong(is_last, &n, "settlement", setl_id, why);
	}
	json_object_foreach(b.claims, setl_id, value)
	{
		if (json_object_get(b.standing, setl_id) == NULL)
			tell_wrong(is_last, &n, "claim of settlement", setl_id, "the platform has none");
	}
	compare_payouts(&b, is_last, &n);
	claims_seen = json_object_size(b.claims);
	payouts_seen = json_object_size(b.payouts);
	close_books(&b);
	return n;
}

int claims_check(struct world *w)
{
	int64_t end = now_ms() + SETTLE_MS;

	while (now_ms() < end) {
		if (compare(w, false) == 0)
			return 0;
		sleep_ms(300); /* the ledgers are read one after the other, while payments go on */
	}
	return compare(w, true);
}
