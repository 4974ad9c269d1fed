/* tests/crash/crash_claims.c - what follows from settlements: each that stands is claimed once at the insurer.
 *
 * claims_person() tells the gateway what a claim needs of a person before his first visit: who he is (1101), that he
 * has agreed, where his money goes (format intake).  claims_check() holds the insurer's ledger against the hospitals'
 * book and the platform's ledger, none of them the gateway's own:
 *  - a settlement in force has one claim, decided; none has two, and no claim is of a settlement that nobody asked for
 *  - a cancelled one has none, or one that was withdrawn; where the insurer had paid before that, the follow-up is
 * parked for people */
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

bool claims_person(struct world *w, struct hospital *h, const char *name)
{
	static const char intake[] =
	        "{\"operation\":\"%s\",\"number\":\"%s-%s\",\"institution\":\"%s\",\"psn_no\":\"%s\",%s}";
	char *person = message_person(h, name);
	bool is_told = tell(h, w->gateway_port, "/fsi/api/rsfComIfsService/callService", "\"infcode\":0", person);

	return is_told &&
	       tell(h, w->intake_port, "/intake", "\"code\":\"0\"",
	               printed(intake, "consent.put", h->person, "C", h->institution, h->person,
	                       "\"consent\":{\"auth_no\":\"SQ1\",\"auth_time\":\"2026-01-01 08:00:00\",\"scope\":\"1000\","
	                       "\"channel\":\"1\",\"expire_date\":\"2099-12-31\",\"evidence_sm3\":"
	                       "\"651b96df59518f631ae23117c3b0db0b6971200a242f4dbc39f7be3065420a69\"}")) &&
	       tell(h, w->intake_port, "/intake", "\"code\":\"0\"",
	               printed(intake, "account.put", h->person, "A", h->institution, h->person,
	                       "\"payee\":{\"relation\":\"00\",\"name\":\"示例\",\"bank_acct_no\":\"6299993302000001017\","
	                       "\"bank_no\":\"313332099026\",\"bank_name\":\"示例甬江银行\"}"));
}

/* Calls to the insurer that go wrong in this round. */
void claims_arm_faults(void)
{
	static const char *const kinds[] = { "effect_then_silence", "effect_then_cut", "cut", "busy", "wrong_signature",
		"goaway", "reset" };
	static const char *const calls[] = { "claims", "claims", "query", "withdraw" };
	char spec[160];

	json_decref(insurer_control("DELETE", "/fault", NULL));
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
};

static const char *text(const json_t *row, const char *name)
{
	const char *value = json_string_value(json_object_get(row, name));

	return value == NULL ? "" : value;
}

static struct books open_books(void)
{
	struct books b = { json_object(), json_object() };
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
	json_decref(insurer);
	json_decref(platform);
	return b;
}

static void close_books(struct books *b)
{
	json_decref(b->claims);
	json_decref(b->standing);
}

/* Nothing more is to come: paid, refused, or decided without money (insurer.md 6.4). */
static bool is_over(const json_t *row)
{
	return strcmp(text(row, "status"), "PAID") == 0 || strcmp(text(row, "status"), "REJECTED") == 0 ||
	       (strcmp(text(row, "status"), "ADJUDICATED") == 0 &&
	               json_integer_value(json_object_get(row, "payable")) == 0);
}

/* An operator's, as its money has to be asked back. */
static bool is_parked(struct world *w, const char *setl_id)
{
	static char out[65536];
	char args[160];

	snprintf(args, sizeof(args), "show '+/%s'", setl_id);
	return world_yitong(w, args, out, sizeof(out)) == 0 && strstr(out, "parked") != NULL;
}

/* What is wrong with the claims of one settlement; NULL: nothing. */
static const char *wrong_with(struct world *w, const char *setl_id, const char *state, const json_t *rows)
{
	const json_t *first = json_array_get(rows, 0);

	if (json_array_size(rows) > 1)
		return "DOUBLED: claimed more than once";
	if (strcmp(state, "effective") == 0) {
		if (first == NULL)
			return "ONE-SIDED: in force, and not claimed";
		if (json_is_true(json_object_get(first, "is_withdrawn")))
			return "ONE-SIDED: in force, and its claim withdrawn";
		return is_over(first) ? NULL : "its claim is neither paid nor over";
	}
	if (first == NULL || json_is_true(json_object_get(first, "is_withdrawn")))
		return NULL;
	if (strcmp(text(first, "status"), "REJECTED") == 0)
		return NULL; /* nothing is paid: there is nothing to withdraw */
	return strcmp(text(first, "status"), "PAID") == 0 && is_parked(w, setl_id)
	               ? NULL
	               : "ONE-SIDED: cancelled, and its claim stands";
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
		const char *why = wrong_with(w, setl_id, json_string_value(value), json_object_get(b.claims, setl_id));

		n += why != NULL;
		if (why != NULL && is_last && n <= 20)
			printf("    WRONG settlement %s, %s at the platform, %s at the insurer: %s\n", setl_id,
			        json_string_value(value),
			        text(json_array_get(json_object_get(b.claims, setl_id), 0), "status"), why);
	}
	json_object_foreach(b.claims, setl_id, value)
	{
		bool is_there = json_object_get(b.standing, setl_id) != NULL;

		n += !is_there;
		if (!is_there && is_last)
			printf("    WRONG claim of settlement %s: the platform has none\n", setl_id);
	}
	close_books(&b);
	return n;
}

int claims_check(struct world *w)
{
	int64_t end = now_ms() + SETTLE_MS;

	while (compare(w, false) != 0 && now_ms() < end)
		sleep_ms(300);
	return compare(w, true);
}
