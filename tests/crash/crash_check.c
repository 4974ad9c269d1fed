/* tests/crash/crash_check.c - what must be true once it is quiet.
 *
 * The hospitals' book against the platform's ledger, neither of them the gateway's own:
 *  - asked again, every answered message gets the same bytes, every abandoned one gets its answer (P2)
 *  - a settlement answered with success is in force, or cancelled by a cancel that was answered with
 *    success; one answered with a refusal is not in force; amounts are as told (nothing one-sided)
 *  - no visit and batch is settled twice, no message number took effect twice, no settlement is there
 *    that no hospital asked for, and no more visits than registrations
 *  - `yitong journal verify` is clean */
#include "crash_run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_AGAIN_MS 30000
#define OLDER_SHARE 20 /* of the earlier rounds' messages, one in so many is asked again each round */

static int n_wrong;

static void wrong(struct message *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void wrong(struct message *m, const char *fmt, ...)
{
	va_list args;

	if (m != NULL && m->is_told)
		return;
	if (m != NULL)
		m->is_told = true;
	n_wrong++;
	printf("    WRONG ");
	if (m != NULL)
		printf("%s %s (visit %s, round %d, %d tries): ", m->infno, m->msgid, m->visit, m->round, m->tries);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
}

/* Asks until there is an answer; NULL when there is none in time. */
static char *ask_again(struct message *m, bool *is_first)
{
	struct hospital *h = traffic_asker(m->hospital);
	int64_t end = now_ms() + ASK_AGAIN_MS;

	*is_first = m->answer == NULL;
	while (now_ms() < end) {
		char *answer = NULL;
		size_t n = 0;
		long status = traffic_post(h, m->body, 12000, &answer, &n);

		m->tries++;
		if (status == 200 && !*is_first)
			return answer;
		if (status == 200 && message_answered(m, answer, n)) {
			free(answer);
			return m->answer;
		}
		free(answer);
		sleep_ms(100);
	}
	return NULL;
}

static void check_same_answer(struct message *m)
{
	bool is_first;
	char *answer = ask_again(m, &is_first);

	if (answer == NULL)
		wrong(m, "no answer within %d s after it was quiet: %s", ASK_AGAIN_MS / 1000,
		        traffic_asker(m->hospital)->error);
	else if (!is_first && strcmp(answer, m->answer) != 0)
		wrong(m, "another answer than before:\n      before: %s\n      now:    %s", m->answer, answer);
	if (!is_first)
		free(answer);
}

/* Numbers of all messages, and the settlements that a cancel answered with success ended: sets. */
static json_t *numbers, *cancelled;

static void collect(void)
{
	numbers = json_object();
	cancelled = json_object();
	for (struct message *m = said.newest; m != NULL; m = m->next) {
		json_object_set_new(numbers, m->msgid, json_true());
		if (m->cancels[0] != '\0' && m->answer != NULL && m->infcode == 0)
			json_object_set_new(cancelled, m->cancels, json_true());
	}
}

static const char *text(json_t *row, const char *name)
{
	const char *value = json_string_value(json_object_get(row, name));

	return value == NULL ? "" : value;
}

/* msgid -> row of the platform's settlement. */
static json_t *rows_by_number(json_t *ledger)
{
	json_t *index = json_object(), *row;
	size_t i;

	json_array_foreach(json_object_get(ledger, "settlements"), i, row)
	{
		if (strcmp(text(row, "kind"), "settle") == 0)
			json_object_set(index, text(row, "msgid"), row);
		if (strcmp(text(row, "kind"), "settle") == 0 && json_object_get(numbers, text(row, "msgid")) == NULL)
			wrong(NULL, "settlement %s of message %s: no hospital sent that", text(row, "setl_id"),
			        text(row, "msgid"));
	}
	return index;
}

static void check_amounts(struct message *m, json_t *row)
{
	json_t *answer = json_loads(m->answer, JSON_DECODE_INT_AS_REAL, NULL);
	json_t *info = json_object_get(json_object_get(answer, "output"), "setlinfo");
	static const char *const pairs[][2] = { { "medfee_sumamt", "medfee_fen" }, { "fund_pay_sumamt", "fund_fen" },
		{ "acct_pay", "acct_fen" }, { "psn_cash_pay", "cash_fen" } };

	for (size_t i = 0; i < 4; i++) {
		json_t *told = json_object_get(info, pairs[i][0]);
		double yuan = json_is_string(told) ? atof(json_string_value(told)) : json_number_value(told);
		long long fen = (long long)(yuan * 100 + 0.5);

		if (fen != json_integer_value(json_object_get(row, pairs[i][1])))
			wrong(m, "%s told as %lld fen, booked as %lld", pairs[i][0], fen,
			        (long long)json_integer_value(json_object_get(row, pairs[i][1])));
	}
	json_decref(answer);
}

static void check_settlement(struct message *m, json_t *row)
{
	const char *state = row == NULL ? "absent" : text(row, "state");
	bool is_cancelled = json_object_get(cancelled, m->msgid) != NULL;
	const char *want = is_cancelled ? "cancelled" : "effective";

	if (m->answer == NULL)
		return; /* told as wrong already */
	if (m->infcode != 0 && strcmp(state, "effective") == 0)
		wrong(m, "ONE-SIDED: refused to the hospital, in force at the platform: %s", m->answer);
	if (m->infcode == 0 && strcmp(state, want) != 0)
		wrong(m, "ONE-SIDED: success at the hospital%s, %s at the platform", is_cancelled ? ", cancelled" : "",
		        state);
	if (m->infcode == 0 && row != NULL && strcmp(m->settlement, text(row, "setl_id")) != 0)
		wrong(m, "told as settlement %s, booked as %s", m->settlement, text(row, "setl_id"));
	if (m->infcode == 0 && row != NULL)
		check_amounts(m, row);
}

static void check_ledger(void)
{
	json_t *ledger = world_control("GET", "/ledger", NULL), *rows;
	size_t n_repeated = json_array_size(json_object_get(ledger, "repeated_numbers"));
	long long n_double = json_integer_value(json_object_get(ledger, "double_bookings"));
	long long n_visits = json_integer_value(json_object_get(ledger, "visits"));

	collect();
	rows = rows_by_number(ledger);
	if (n_double != 0)
		wrong(NULL, "DOUBLED: %lld settlements of what was settled already", n_double);
	if (n_repeated != 0)
		wrong(NULL, "DOUBLED: %zu message numbers took effect twice", n_repeated);
	if (n_visits > (long long)said.n_registers)
		wrong(NULL, "DOUBLED: %lld visits from %zu registrations", n_visits, said.n_registers);
	for (struct message *m = said.newest; m != NULL; m = m->next)
		if (strcmp(m->infno, "2207") == 0)
			check_settlement(m, json_object_get(rows, m->msgid));
	json_decref(rows);
	json_decref(ledger);
	json_decref(numbers);
	json_decref(cancelled);
}

static void check_journal(struct world *w)
{
	static char out[65536];

	if (world_yitong(w, "journal verify", out, sizeof(out)) != 0)
		wrong(NULL, "yitong journal verify:\n%s", out);
}

int check_all(struct world *w, int round, bool everything)
{
	int i = 0;

	n_wrong = 0;
	for (struct message *m = said.newest; m != NULL; m = m->next, i++)
		if (!m->is_told &&
		        (everything || m->round >= round || m->answer == NULL || (i + round) % OLDER_SHARE == 0))
			check_same_answer(m);
	check_ledger();
	check_journal(w);
	return n_wrong;
}
