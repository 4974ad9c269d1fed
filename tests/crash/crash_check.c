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
#define OLDER_ASKED 150 /* of the earlier rounds' messages so many are asked again each round, in turn */
#define N_ASKERS 2

static int n_wrong;
static pthread_mutex_t telling = PTHREAD_MUTEX_INITIALIZER;

static void wrong(struct message *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void wrong(struct message *m, const char *fmt, ...)
{
	va_list args;

	if (m != NULL && m->is_told)
		return;
	if (m != NULL)
		m->is_told = true;
	pthread_mutex_lock(&telling);
	n_wrong++;
	printf("    WRONG ");
	if (m != NULL)
		printf("%s %s (visit %s, round %d, %d tries): ", m->infno, m->msgid, m->visit, m->round, m->tries);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	pthread_mutex_unlock(&telling);
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

/* One of the two hospitals' messages: each is asked over a connection of its own. */
struct asking {
	const char *hospital;
	struct message **messages;
	size_t n;
};

static void *ask_all(void *arg)
{
	const struct asking *a = arg;

	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->messages[i]->hospital, a->hospital) == 0)
			check_same_answer(a->messages[i]);
	return NULL;
}

/* Those of this round, those without an answer, and of the others some, going on where the last round stopped. */
static size_t choose(struct message **chosen, int round, bool everything)
{
	static struct message *older;
	size_t n = 0;

	for (struct message *m = said.newest; m != NULL; m = m->next)
		if (!m->is_told && (everything || m->round >= round || m->answer == NULL))
			chosen[n++] = m;
	for (int i = 0; i < OLDER_ASKED && !everything; i++) {
		older = older == NULL || older->next == NULL ? said.newest : older->next;
		if (older == NULL)
			break;
		if (!older->is_told && older->round < round && older->answer != NULL)
			chosen[n++] = older;
	}
	return n;
}

static void check_answers(int round, bool everything)
{
	static const char *const names[N_ASKERS] = { "hospital-one", "hospital-two" };
	struct message **chosen = calloc(said.n_messages + OLDER_ASKED, sizeof(*chosen));
	size_t n = choose(chosen, round, everything);
	struct asking askings[N_ASKERS];
	pthread_t threads[N_ASKERS];

	for (int i = 0; i < N_ASKERS; i++) {
		askings[i] = (struct asking){ names[i], chosen, n };
		pthread_create(&threads[i], NULL, ask_all, &askings[i]);
	}
	for (int i = 0; i < N_ASKERS; i++)
		pthread_join(threads[i], NULL);
	free(chosen);
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

		if (fen != book_number(row, pairs[i][1]))
			wrong(m, "%s told as %lld fen, booked as %lld", pairs[i][0], fen,
			        book_number(row, pairs[i][1]));
	}
	json_decref(answer);
}

static void check_settlement(struct message *m)
{
	json_t *row = m->booked;
	const char *state = row == NULL ? "absent" : book_text(row, "state");
	const char *want = m->is_cancelled ? "cancelled" : "effective";

	if (m->answer == NULL)
		return; /* told as wrong already */
	if (m->infcode != 0 && strcmp(state, "effective") == 0)
		wrong(m, "ONE-SIDED: refused to the hospital, in force at the platform: %s", m->answer);
	if (m->infcode == 0 && strcmp(state, want) != 0)
		wrong(m, "ONE-SIDED: success at the hospital%s, %s at the platform",
		        m->is_cancelled ? ", cancelled" : "", state);
	if (m->infcode == 0 && row != NULL && strcmp(m->settlement, book_text(row, "setl_id")) != 0)
		wrong(m, "told as settlement %s, booked as %s", m->settlement, book_text(row, "setl_id"));
	if (m->infcode == 0 && row != NULL)
		check_amounts(m, row);
}

static void check_ledger(bool everything)
{
	const char *setl_id;
	json_t *row;

	books_refresh(everything);
	json_object_foreach(books.unsent, setl_id, row)
	        wrong(NULL, "settlement %s of message %s: no hospital sent that", setl_id, book_text(row, "msgid"));
	json_object_clear(books.unsent);
	if (books.n_double != 0)
		wrong(NULL, "DOUBLED: %lld settlements of what was settled already", books.n_double);
	if (books.n_repeated != 0)
		wrong(NULL, "DOUBLED: %zu message numbers took effect twice", books.n_repeated);
	if (books.n_visits > (long long)said.n_registers)
		wrong(NULL, "DOUBLED: %lld visits from %zu registrations", books.n_visits, said.n_registers);
	for (struct message *m = said.newest; m != NULL; m = m->next) {
		if (strcmp(m->infno, "2207") != 0 || (m->is_judged && !everything))
			continue;
		check_settlement(m);
		m->is_judged = m->answer != NULL && !m->is_told;
	}
}

int check_all(int round, bool everything)
{
	n_wrong = 0;
	check_answers(round, everything);
	check_ledger(everything);
	return n_wrong;
}

/* -- the journal ------------------------------------------------------------------------------- */

/* It is read from its beginning each time, which takes the longer the more rounds there were: beside what waits. */
static pthread_t verifier;
static char verified[65536];
static int verify_status;

static void *verify(void *arg)
{
	verify_status = world_yitong(arg, "journal verify", verified, sizeof(verified));
	return NULL;
}

void check_journal_begin(struct world *w)
{
	pthread_create(&verifier, NULL, verify, w);
}

int check_journal_end(void)
{
	pthread_join(verifier, NULL);
	if (verify_status == 0)
		return 0;
	printf("    WRONG yitong journal verify:\n%s\n", verified);
	return 1;
}
