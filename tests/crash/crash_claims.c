/* tests/crash/crash_claims.c - what follows from settlements: each that stands is claimed once at the insurer, and what
 * that leaves to us to pay is paid once at the bank.
 *
 * claims_person() tells the gateway what a claim needs of a person before his first visit: who he is (1101), that he
 * has agreed, where his money goes (format intake).  claims_check() holds the ledgers of insurer and bank against the
 * platform's, none of them the gateway's own (payouts that agencies order: crash_orders.c):
 *  - a settlement in force has one claim, decided, or people know that it stands again; none has two, and no claim is
 * of a settlement that nobody asked for
 *  - a cancelled one has none, or one that was withdrawn; where it was paid before that, people have it to ask back
 *  - no payout is booked twice or under two contents; what the insurer was told of is booked so, and what is booked it
 *    was told of, but for what is parked */
#include "crash_run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TELL_MS 60000
#define BANK_LOSES 5 /* percent of the bank's answers */
/* By then all follow-ups have come to their end, also those whose pause began anew as the keeper started when the clock
 * had been set back (crash_act.c). */
#define SETTLE_MS 150000

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

void card_number(uint64_t serial, char out[20])
{
	int sum = 0;

	snprintf(out, 20, "6299993302%08d", (int)(serial % 100000000));
	for (int i = 0; i < 18; i++) {
		int digit = (out[17 - i] - '0') * (i % 2 == 0 ? 2 : 1);

		sum += digit > 9 ? digit - 9 : digit;
	}
	out[18] = (char)('0' + (10 - sum % 10) % 10);
	out[19] = '\0';
}

/* Those whose account is at a bank that begins with 105 are paid by the gateway: three of four, each another way. */
bool claims_person(struct world *w, struct hospital *h, const char *name)
{
	char card[20];
	bool is_ours = h->number % 4 != 3;
	static const char intake[] =
	        "{\"operation\":\"%s\",\"number\":\"%s-%s\",\"institution\":\"%s\",\"psn_no\":\"%s\",%s}";
	char *person = message_person(h, name);
	bool is_told = tell(h, w->gateway_port, "/fsi/api/rsfComIfsService/callService", "\"infcode\":0", person);

	card_number(strtoull(h->person + strlen(h->person) - 8, NULL, 10), card);
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
	static const char *const losses[BANK_LOSES] = { "effect_then_silence", "effect_then_cut", "effect_then_cut",
		"effect_then_silence", "wrong_signature" };
	static const char *const at_bank[] = { "effect_then_silence", "effect_then_cut", "cut", "busy",
		"wrong_signature" };
	static const char *const calls[] = { "claims", "claims", "query", "withdraw" };
	static const char *const orders[] = { "BD1001", "BD1002", "pain.001" };
	char spec[160];

	json_decref(insurer_control("DELETE", "/fault", NULL));
	json_decref(bank_control("DELETE", "/fault", NULL));
	for (int i = 0; i < BANK_LOSES; i++) { /* of whatever is asked of it, one in a hundred each way */
		snprintf(spec, sizeof(spec), "{\"kind\":\"%s\",\"percent\":1}", losses[i]);
		json_decref(bank_control("POST", "/fault", spec));
	}
	for (int i = 0; i < 2; i++) {
		snprintf(spec, sizeof(spec), "{\"kind\":\"%s\",\"op\":\"%s\",\"count\":%d,\"skip\":%d}",
		        at_bank[dice() % 5], orders[dice() % 3], 1 + (int)(dice() % 2), (int)(dice() % 4));
		json_decref(bank_control("POST", "/fault", spec));
	}
	for (int i = 0; i < 3; i++) {
		snprintf(spec, sizeof(spec), "{\"kind\":\"%s\",\"op\":\"%s\",\"count\":%d,\"skip\":%d}",
		        kinds[dice() % 7], calls[dice() % 4], 1 + (int)(dice() % 3), (int)(dice() % 10));
		json_decref(insurer_control("POST", "/fault", spec));
	}
}

/* -- checked afterwards ------------------------------------------------------------------------ */

#define ASK_FIRST_MS 1000 /* a settlement's end is asked of the gateway only so long after it changed, and then ... */
#define ASK_MOST_MS 8000  /* ... each time after twice as long: most have come to it by themselves then */

#define N_HOW 3 /* ways in which it may say so, at most */

/* Whether the gateway is to be asked about a settlement that has been open so long. */
static bool is_due(const char *setl_id)
{
	json_t *when = json_object_get(books.open_settlements, setl_id); /* {from, next}, true: just opened */
	int64_t now = now_ms(), from, wait;

	if (!json_is_object(when)) {
		json_object_set_new(books.open_settlements, setl_id,
		        json_pack("{s:I, s:I}", "from", (json_int_t)now, "next", (json_int_t)(now + ASK_FIRST_MS)));
		return false;
	}
	if (now < book_number(when, "next"))
		return false;
	from = book_number(when, "from");
	wait = now - from < ASK_MOST_MS ? now - from : ASK_MOST_MS;
	json_object_set_new(when, "next", json_integer(now + wait));
	return true;
}

/* Whether the gateway says so of what follows from a settlement. */
static bool has_ended(struct world *w, const char *setl_id, const char *const how[N_HOW])
{
	static char out[65536];
	char args[160];

	for (int i = 0; i < N_HOW; i++)
		if (how[i] != NULL && strcmp(book_text(books.looked_up, setl_id), how[i]) == 0)
			return true;
	snprintf(args, sizeof(args), "show '+/%s'", setl_id);
	if (!is_due(setl_id) || world_yitong(w, args, out, sizeof(out)) != 0)
		return false;
	for (int i = 0; i < N_HOW; i++) {
		if (how[i] == NULL || strstr(out, how[i]) == NULL)
			continue;
		json_object_set_new(books.looked_up, setl_id, json_string(how[i]));
		return true;
	}
	return false;
}

static bool is(const json_t *row, const char *status)
{
	return strcmp(book_text(row, "status"), status) == 0;
}

/* As much is paid for another settlement there, so it may be to the same person: people are to look, which happens by
 * chance. */
static bool has_twin(const char *setl_id, const json_t *claim)
{
	const char *where = book_text(json_object_get(books.standing, setl_id), "institution"), *other, *number;
	json_t *rows, *row;

	json_object_foreach(books.claims, other, rows)
	{
		if (strcmp(other, setl_id) == 0 ||
		        strcmp(book_text(json_object_get(books.standing, other), "institution"), where) != 0)
			continue;
		json_object_foreach(rows, number, row)
		{
			if (book_number(row, "payable") == book_number(claim, "payable"))
				return true;
		}
	}
	return false;
}

/* Of a settlement that stands.  Nothing more is to come: paid, refused, or decided without money (insurer.md 6.4); or
 * it was ours to pay, the bank could not, and people are asked. */
static const char *wrong_standing(struct world *w, const char *setl_id, const json_t *claim)
{
	static const char *const again[N_HOW] = { "stands again" };
	static const char *const peoples[N_HOW] = { "came back from this account" }; /* it did, or never got there */
	static const char *const twins[N_HOW] = { "the same payee, amount and type within 24 hours" };

	if (claim == NULL)
		return "ONE-SIDED: in force, and not claimed";
	if (json_is_true(json_object_get(claim, "is_withdrawn"))) /* its cancel was never fetched, and reversed */
		return has_ended(w, setl_id, again) ? NULL : "ONE-SIDED: in force, and its claim withdrawn";
	if (is(claim, "PAID") || is(claim, "REJECTED") ||
	        (is(claim, "ADJUDICATED") && book_number(claim, "payable") == 0))
		return NULL;
	if (is(claim, "ADJUDICATED") && has_ended(w, setl_id, peoples))
		return NULL;
	if (is(claim, "ADJUDICATED") && has_twin(setl_id, claim) && has_ended(w, setl_id, twins))
		return NULL;
	return "its claim is neither paid nor over";
}

static const char *wrong_cancelled(struct world *w, const char *setl_id, const json_t *claim)
{
	static const char *const peoples[N_HOW] = { "asked back", "parked", "not undone yet: it was refused" };

	if (claim == NULL || json_is_true(json_object_get(claim, "is_withdrawn")) || is(claim, "REJECTED"))
		return NULL;
	if (!has_ended(w, setl_id, peoples))
		return "ONE-SIDED: cancelled, and its claim stands";
	json_object_set_new(books.parked, setl_id, json_true());
	return NULL;
}

/* What is wrong with the claims of one settlement; NULL: nothing. */
static const char *wrong_settlement(struct world *w, const char *setl_id)
{
	const json_t *row = json_object_get(books.standing, setl_id);
	json_t *rows = json_object_get(books.claims, setl_id);
	const json_t *claim = json_object_iter_value(json_object_iter(rows));

	json_object_del(books.parked, setl_id);
	if (row == NULL)
		return "claimed, and the platform has no such settlement";
	if (json_object_size(rows) > 1)
		return "DOUBLED: claimed more than once";
	return strcmp(book_text(row, "state"), "effective") == 0 ? wrong_standing(w, setl_id, claim)
	                                                         : wrong_cancelled(w, setl_id, claim);
}

/* Of a number the bank has booked under, or the insurer was told of. */
static const char *wrong_payout(const char *ref)
{
	const json_t *payout = json_object_get(books.payouts, ref), *told = json_object_get(books.told, ref);
	struct order *order = order_numbered(ref);

	if (book_number(payout, "booked") > 1)
		return "DOUBLED: booked more than once";
	if (order != NULL)
		return order_wrong(order, payout);
	if (told != NULL && book_number(payout, "booked") != 1)
		return "ONE-SIDED: the insurer was told of it, the bank has not booked it";
	if (told != NULL && book_number(payout, "amount_fen") != book_number(told, "amount"))
		return "ONE-SIDED: booked with another amount than the insurer was told";
	return NULL;
}

static void tell_wrong(bool is_last, int *n, const char *what, const char *which, const char *why)
{
	(*n)++;
	if (is_last && *n <= 20)
		printf("    WRONG %s %s: %s\n", what, which, why);
}

/* Whether the payment is of a settlement that people have, whose insurer need not have heard of it. */
static bool is_of_parked(struct world *w, const char *number)
{
	static char out[1 << 20];
	char args[80];
	const char *setl_id;
	json_t *value;

	snprintf(args, sizeof(args), "case %s --json", number);
	if (world_yitong(w, args, out, sizeof(out)) != 0)
		return false;
	json_object_foreach(books.parked, setl_id, value)
	{
		if (strstr(out, setl_id) != NULL)
			return true;
	}
	return false;
}

static void compare_whole(struct world *w, bool is_last, int *n)
{
	const char *number;
	json_t *value;

	if (books.n_conflicts > 0)
		tell_wrong(is_last, n, "payouts", "", "one number was used for two payments");
	if (books.n_bank_double > 0)
		tell_wrong(is_last, n, "payouts", "", "DOUBLED: two debits under one number");
	json_object_foreach(books.untold, number, value)
	{
		if (!is_of_parked(w, number))
			tell_wrong(
			        is_last, n, "payout", number, "ONE-SIDED: booked at the bank, unknown to the insurer");
	}
}

/* How much of what is open is wrong; is_last: tells what. */
static int compare(struct world *w, bool is_last)
{
	const char *key;
	json_t *value;
	void *next;
	int n = 0;

	json_object_foreach_safe(books.open_settlements, next, key, value)
	{
		const char *why = wrong_settlement(w, key);

		if (why != NULL)
			tell_wrong(is_last, &n, "settlement", key, why);
		else
			json_object_del(books.open_settlements, key);
	}
	json_object_foreach_safe(books.open_payouts, next, key, value)
	{
		const char *why = wrong_payout(key);

		if (why != NULL)
			tell_wrong(is_last, &n, "payout", key, why);
		else
			json_object_del(books.open_payouts, key);
	}
	compare_whole(w, is_last, &n);
	return n;
}

/* What waits for people is none of the gateway's; all else must have come to its end. */
static bool is_peoples(const char *kind, const char *reason)
{
	return strcmp(kind, "parked") == 0 || strncmp(reason, "waits: release of", 17) == 0 ||
	       strstr(reason, "not undone yet: it was refused") != NULL; /* until it is parked, after some minutes */
}

/* How much is open that is not people's; is_last: tells it. */
static int open_wrong(struct world *w, bool is_last)
{
	static char out[32 << 20];
	int n = 0, status = world_yitong(w, "followups --json --limit 100000", out, sizeof(out));

	if (status != 0 && status != 1) { /* 1: there are none */
		tell_wrong(is_last, &n, "yitong", "followups", out);
		return n;
	}
	for (char *rest = out, *line; (line = strsep(&rest, "\n")) != NULL;) {
		json_t *row = json_loads(line, 0, NULL);

		if (row == NULL && line[0] != '\0')
			tell_wrong(is_last, &n, "line of yitong followups", "", line);
		if (row != NULL && !is_peoples(book_text(row, "kind"), book_text(row, "reason")))
			tell_wrong(is_last, &n, "follow-up", book_text(row, "number"), book_text(row, "reason"));
		json_decref(row);
	}
	return n;
}

int claims_check_open(struct world *w)
{
	int64_t end = now_ms() + SETTLE_MS;

	while (open_wrong(w, false) > 0 && now_ms() < end)
		sleep_ms(500);
	return open_wrong(w, true);
}

size_t claims_seen, payouts_seen, orders_seen, claims_paid_by[N_FACES];

static void count_faces(void)
{
	static const char *const faces[N_FACES] = { "link", "iso20022", "file" };
	const char *number;
	json_t *payout;

	memset(claims_paid_by, 0, sizeof(claims_paid_by));
	json_object_foreach(books.payouts, number, payout)
	{
		for (size_t i = 0; i < N_FACES && order_numbered(number) == NULL; i++)
			claims_paid_by[i] +=
			        book_number(payout, "booked") == 1 && strcmp(book_text(payout, "face"), faces[i]) == 0;
	}
}

int claims_check(struct world *w, bool everything)
{
	int64_t end = now_ms() + SETTLE_MS;
	int n_wrong;

	books_refresh(everything);
	orders_seen = orders_open(w, everything);
	while ((n_wrong = compare(w, false)) > 0 && now_ms() < end) {
		sleep_ms(300); /* the ledgers are read one after the other, while payments go on */
		books_refresh(false);
	}
	if (n_wrong > 0)
		n_wrong = compare(w, true);
	claims_seen = json_object_size(books.claims);
	payouts_seen = json_object_size(books.payouts);
	count_faces();
	return n_wrong;
}
