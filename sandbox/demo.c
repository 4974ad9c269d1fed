/* sandbox/demo.c - the hospitals' demonstration: chooses visits, plays them many at once, compares (cases.h).
 *
 * hospitals_main makes the plan (one entry per visit), threads take entries until none is left, then everybody is asked
 * for quiet and the ledgers are compared; report.c tells what came out. */
#include "cases.h"
#include "compare.h"
#include "play.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct case_table *const tables[] = { &guest_cases, &away_cases, &away_claim_cases, &claim_cases,
	&jinhui_cases, &mandate_cases, &returned_cases, &back_cases, &jinhui_back_cases, &one_stop_cases,
	&reordered_cases, &allowance_cases, &local_cases };

#define JINHUA_PEOPLE 20
#define LISTS_WAIT_MS 60000

#define N_TABLES (sizeof(tables) / sizeof(*tables))

void cases_print(void)
{
	static const char *const remarks[] = { [WHO_LOCAL] = "",
		[WHO_GUEST] = " (needs --hub-control-url)",
		[WHO_AWAY] = " (needs --province-control-url)",
		[WHO_AWAY_CLAIM] = " (needs --province-control-url and --insurer-control-url)",
		[WHO_CLAIM] = " (needs --insurer-control-url)",
		[WHO_JINHUI] = " (needs --jinhui-control-url)",
		[WHO_NOBODY] = " (needs --bank-control-url)",
		[WHO_MANDATE] = " (needs --insurer-control-url and --bank-control-url)",
		[WHO_CLERK] = " (needs --bank-control-url and --clerk)" };

	for (size_t t = N_TABLES; t-- > 0;)
		for (size_t i = 0; i < tables[t]->n_kinds; i++) {
			const struct case_kind *kind = &tables[t]->kinds[i];

			printf("  %-20s %2d  %s%s%s\n", kind->name, kind->count, kind->what, remarks[tables[t]->who],
			        kind->needs_gateway && tables[t]->who == WHO_LOCAL ? " (not with --direct)" : "");
		}
}

/* The plan. */

static bool is_known(const char *name)
{
	for (size_t t = 0; t < N_TABLES; t++)
		for (size_t i = 0; i < tables[t]->n_kinds; i++)
			if (strcmp(tables[t]->kinds[i].name, name) == 0)
				return true;
	return false;
}

/* A name that no case has, in --only; NULL: all are known. */
static const char *unknown_name(const char *only)
{
	static char name[64];

	for (const char *at = only; at != NULL && *at != '\0'; at += strcspn(at, ","), at += *at == ',') {
		text_format(name, sizeof(name), "%.*s", (int)strcspn(at, ","), at);
		if (!is_known(name))
			return name;
	}
	return NULL;
}

static bool is_wanted(const struct hospitals_options *options, const struct case_kind *kind)
{
	const char *at = options->only;
	size_t len = strlen(kind->name);

	if (options->is_direct && kind->needs_gateway)
		return false;
	for (; at != NULL && *at != '\0'; at += strcspn(at, ","), at += *at == ',')
		if (strncmp(at, kind->name, len) == 0 && (at[len] == ',' || at[len] == '\0'))
			return true;
	return options->only == NULL;
}

static void plan_add(struct demo *demo, const struct case_table *table, const struct case_kind *kind, size_t count)
{
	demo->plans = must(realloc(demo->plans, (demo->n_plans + count + 1) * sizeof(*demo->plans)));
	for (size_t i = 0; i < count; i++)
		demo->plans[demo->n_plans++] = (struct plan){ .table = table, .kind = kind, .number = i };
}

static bool is_possible(const struct hospitals_options *options, enum who who)
{
	switch (who) {
	case WHO_GUEST:
		return options->hub_url != NULL;
	case WHO_AWAY:
		return options->province_url != NULL;
	case WHO_AWAY_CLAIM:
		return options->province_url != NULL && options->insurer_url != NULL;
	case WHO_CLAIM:
		return options->insurer_url != NULL;
	case WHO_JINHUI:
		return options->jinhui_url != NULL;
	case WHO_NOBODY:
		return options->bank_url != NULL && options->intake_url != NULL;
	case WHO_CLERK:
		return options->bank_url != NULL && options->intake_url != NULL && options->clerk != NULL;
	case WHO_MANDATE:
		return options->insurer_url != NULL && options->bank_url != NULL;
	default:
		return true;
	}
}

/* The tables in turn, so that what takes long comes first in each. */
static void plan_make(struct demo *demo)
{
	const struct case_kind *filler = &local_cases.kinds[local_cases.n_kinds - 1];
	bool is_over = false;

	for (size_t i = 0; !is_over; i++) {
		is_over = true;
		for (size_t t = 0; t < N_TABLES; t++) {
			if (i >= tables[t]->n_kinds)
				continue;
			is_over = false;
			if (is_possible(demo->options, tables[t]->who) &&
			        is_wanted(demo->options, &tables[t]->kinds[i]))
				plan_add(demo, tables[t], &tables[t]->kinds[i], (size_t)tables[t]->kinds[i].count);
		}
	}
	if (is_wanted(demo->options, filler) && (long)demo->n_plans < demo->options->visits)
		plan_add(demo, &local_cases, filler, (size_t)demo->options->visits - demo->n_plans);
}

/* Playing it. */

static struct origin *origin_for(const struct demo *demo, const struct plan *plan, size_t index)
{
	size_t which = plan->kind->origin >= 0 ? (size_t)plan->kind->origin : (index + plan->number) % ORIGINS_MAX;

	if (plan->table->who == WHO_AWAY || plan->table->who == WHO_AWAY_CLAIM)
		return demo->options->away;
	if (plan->kind->origin == ORIGIN_HOLDING) /* hospital-one and the clinic */
		which = plan->number % 2 * 2;
	return &demo->options->origins[which];
}

static void tell(struct demo *demo, const struct play *play, const struct case_kind *kind, int rv, int64_t ms)
{
	static const char *const beliefs[] = { "not settled", "settled", "cancelled", "unknown" };
	const struct care *care = play->care;
	char amount[24], fund[24], cash[24];
	size_t n_finished = atomic_fetch_add(&demo->n_finished, 1) + 1;
	const char *colour = !demo->has_colour ? "" : rv == 0 ? "\033[32m" : "\033[31m";

	if (demo->options->is_quiet && rv == 0)
		return;
	fen_text(care->total_fen, amount);
	fen_text(care->fund_fen, fund);
	fen_text(care->account_fen + care->cash_fen, cash);
	printf("%4zu/%zu %s%-4s%s %-18s %s %s %s %-11s %10s = %s + %s%s%s  %lld ms%s%s\n", n_finished, demo->n_plans,
	        colour, rv == 0 ? "ok" : "BAD", demo->has_colour ? "\033[0m" : "", kind->name,
	        care->is_inpatient ? "in " : "out", care->origin->institution,
	        care->visit[0] == '\0' ? "-" : care->visit, beliefs[care->belief], amount, fund, cash,
	        care->n_reversed > 0 ? ", reversed" : "", care->n_resettled > 0 ? ", settled again" : "", (long long)ms,
	        rv == 0 ? "" : "  ", rv == 0 ? "" : play->desk.why);
	fflush(stdout);
}

static void take_down(struct demo *demo, const struct play *play, const struct case_kind *kind, int rv, int64_t ms)
{
	json_t *row;
	char text[600];

	pthread_mutex_lock(&demo->print_lock);
	row = json_object_get(demo->by_case, kind->name);
	if (row == NULL) {
		row = must(json_pack("{s:i, s:i, s:i, s:i, s:i}", "visits", 0, "as_expected", 0, "reversed", 0,
		        "resettled", 0, "slowest_ms", 0));
		json_object_set_new(demo->by_case, kind->name, row);
	}
	json_object_set_new(row, "visits", json_integer(json_number(row, "visits", 0) + 1));
	json_object_set_new(row, "as_expected", json_integer(json_number(row, "as_expected", 0) + (rv == 0)));
	json_object_set_new(row, "reversed", json_integer(json_number(row, "reversed", 0) + play->care->n_reversed));
	json_object_set_new(row, "resettled", json_integer(json_number(row, "resettled", 0) + play->care->n_resettled));
	if (ms > json_number(row, "slowest_ms", 0))
		json_object_set_new(row, "slowest_ms", json_integer(ms));
	if (rv != 0) {
		text_format(text, sizeof(text), "%s, visit %s (%s): %s", kind->name, play->care->visit,
		        play->care->own_number, play->desk.why);
		json_array_append_new(demo->unexpected, json_string(text));
	}
	tell(demo, play, kind, rv, ms);
	pthread_mutex_unlock(&demo->print_lock);
}

void play_ordered(struct play *play, const struct ordered *ordered)
{
	int64_t fen = 0;

	fen_parse(ordered->amount, &fen);
	pthread_mutex_lock(&play->demo->print_lock);
	json_array_append_new(
	        play->demo->orders, must(json_pack("{s:s, s:s, s:I, s:b, s:s, s:s*}", "pay_ref", ordered->pay_no,
	                                    "account", ordered->account, "amount_fen", (json_int_t)fen, "is_paid",
	                                    ordered->is_paid, "face", ordered->face, "wrong_account", ordered->wrong)));
	pthread_mutex_unlock(&play->demo->print_lock);
}

static bool is_of_ningbo(const struct plan *plan)
{
	return plan->table->who == WHO_CLAIM || plan->table->who == WHO_MANDATE || plan->table->who == WHO_AWAY_CLAIM;
}

/* Who has told a consent has claims follow from each stay: such people have no stays but those of the claim cases, and
 * who has told none has no others either, as far as a file has enough people.  Of these the first agree to nothing, as
 * many behind them are on no insurer's list. */
static size_t silent_people(const struct demo *demo, size_t *n_reserved)
{
	size_t n_claims = 0;

	for (size_t i = 0; i < demo->n_plans; i++)
		n_claims += is_of_ningbo(&demo->plans[i]);
	*n_reserved = n_claims < demo->n_locals / 2 ? n_claims : demo->n_locals / 2;
	return *n_reserved / 8;
}

/* Claims before this entry of the plan: those that tell another account in their midst, or all others. */
static size_t claims_before(const struct demo *demo, size_t index, bool tells_anew)
{
	size_t n = 0;

	for (size_t i = 0; i < index; i++)
		n += is_of_ningbo(&demo->plans[i]) && (demo->plans[i].table == &returned_cases) == tells_anew;
	return n;
}

/* An account is the person's: who tells another one in the midst of a stay has no other stay, as far as there are
 * enough people, as that one's account would take its place; the others come in turn, so that a person's are far apart.
 */
static const struct patient *claimant_for(
        const struct demo *demo, const struct plan *plan, size_t index, size_t first, size_t n)
{
	size_t n_alone = claims_before(demo, demo->n_plans, true);
	bool tells_anew = plan->table == &returned_cases;

	if (n_alone >= n)
		return demo->locals[first + index % n];
	if (tells_anew)
		return demo->locals[first + claims_before(demo, index, true)];
	return demo->locals[first + n_alone + claims_before(demo, index, false) % (n - n_alone)];
}

static const struct patient *patient_for(const struct demo *demo, const struct plan *plan, size_t index)
{
	size_t n_reserved, n_silent = silent_people(demo, &n_reserved);

	if (plan->table->who == WHO_GUEST)
		return demo->guests[index % demo->n_guests];
	if (plan->table->who == WHO_JINHUI && demo->n_jinhua > 2) /* who has no other stays */
		return demo->jinhua[plan->kind->run == claim_case_silent     ? 0
		                    : plan->kind->run == claim_case_stranger ? 1
		                                                             : 2 + index % (demo->n_jinhua - 2)];
	if (plan->table->who == WHO_JINHUI)
		return demo->jinhua[index % demo->n_jinhua];
	if (n_silent == 0)
		return demo->locals[index % demo->n_locals];
	if (!is_of_ningbo(plan))
		return demo->locals[n_reserved + index % (demo->n_locals - n_reserved)];
	if (plan->kind->run == claim_case_silent)
		return demo->locals[index % n_silent];
	if (plan->kind->run == claim_case_stranger)
		return demo->locals[n_silent + index % n_silent];
	return claimant_for(demo, plan, index, 2 * n_silent, n_reserved - 2 * n_silent);
}

/* The bank's face that pays what an insurer leaves to us, by hospital (conf/province.yaml, routes). */
static const char *const paid_over[ORIGINS_MAX] = { "link", "iso20022", "file" };

static void play_plan(struct demo *demo, struct client *client, size_t index)
{
	const struct plan *plan = &demo->plans[index];
	const struct traffic *traffic = &demo->traffic;
	bool is_inpatient = plan->kind->patients == 'i' || (plan->kind->patients == 'b' && plan->number % 3 == 2);
	const struct patient *patient = patient_for(demo, plan, index);
	struct play play = { .demo = demo,
		.argument = plan->kind->argument,
		.number = plan->number,
		.is_mandate = plan->table->who == WHO_MANDATE,
		.insurer_url = plan->table->who == WHO_JINHUI ? demo->options->jinhui_url : demo->options->insurer_url,
		.desk = { .client = client, .run = &demo->run } };
	int64_t start_ms = clock_steady_ms();
	int rv;

	play.care = care_new(&demo->run, origin_for(demo, plan, index), patient,
	        &traffic->bills[index % traffic->n_bills], is_inpatient, plan->kind->name);
	if (play.is_mandate)
		play.care->paid_over = paid_over[play.care->origin - demo->options->origins];
	rv = plan->kind->run(&play);
	if (rv != 0 && play.desk.why[0] == '\0')
		play_fail(&play, "not as expected");
	take_down(demo, &play, plan->kind, rv, clock_steady_ms() - start_ms);
}

static void *clerk(void *context)
{
	struct demo *demo = context;
	struct client *client = client_new();
	size_t index;

	while ((index = atomic_fetch_add(&demo->next, 1)) < demo->n_plans)
		play_plan(demo, client, index);
	client_free(client);
	return NULL;
}

static void play_all(struct demo *demo)
{
	size_t n_threads = (size_t)demo->options->threads;
	pthread_t *threads = must(calloc(n_threads, sizeof(*threads)));

	for (size_t i = 0; i < n_threads; i++)
		if (pthread_create(&threads[i], NULL, clerk, demo) != 0)
			must(NULL);
	for (size_t i = 0; i < n_threads; i++)
		pthread_join(threads[i], NULL);
	free(threads);
}

/* Before and after. */

static int people_come(struct demo *demo)
{
	struct traffic *traffic = &demo->traffic;
	size_t n_guests = demo->options->hub_url == NULL ? 0 : demo->n_plans / 2 + 1;
	size_t n_jinhua = demo->options->jinhui_url == NULL ? 0 : JINHUA_PEOPLE;

	if (demo->options->traffic_path == NULL)
		traffic_invent(traffic, demo->options->seed, demo->n_plans, n_jinhua, n_guests);
	else if (traffic_read(traffic, demo->options->traffic_path) != 0)
		return -1;
	traffic_complete(traffic, demo->options->seed, demo->n_plans, n_jinhua, n_guests);
	demo->locals = must(calloc(traffic->n_patients, sizeof(*demo->locals)));
	demo->guests = must(calloc(traffic->n_patients, sizeof(*demo->guests)));
	demo->jinhua = must(calloc(traffic->n_patients, sizeof(*demo->jinhua)));
	for (size_t i = 0; i < traffic->n_patients; i++) {
		if (patient_is_guest(&traffic->patients[i]))
			demo->guests[demo->n_guests++] = &traffic->patients[i];
		else if (patient_is_of_jinhua(&traffic->patients[i]) && demo->options->jinhui_url != NULL)
			demo->jinhua[demo->n_jinhua++] = &traffic->patients[i];
		else
			demo->locals[demo->n_locals++] = &traffic->patients[i];
	}
	return 0;
}

/* Each person's number at the platform is the one that other provinces know, too. */
static void add_numbers(json_t *persons, const json_t *numbers)
{
	json_t *row;
	size_t i;

	json_array_foreach(persons, i, row)
	        json_object_set_new(row, "psn_no", json_string(json_text(numbers, json_text(row, "certno"))));
}

static int people_add(struct client *client, const char *url, json_t *persons, json_t **numbers)
{
	json_t *answer = client_control(client, url, "/persons", persons);

	if (numbers != NULL)
		*numbers = json_deep_copy(json_object_get(answer, "psn_no"));
	json_decref(answer);
	return answer == NULL ? -1 : 0;
}

/* Some that agree are on no insurer's list: of Ningbo as many as agree to nothing, of Jinhua the second. */
static bool is_stranger(const struct demo *demo, const char *certno)
{
	size_t n_reserved, n_silent = silent_people(demo, &n_reserved);

	for (size_t i = n_silent; i < 2 * n_silent; i++)
		if (strcmp(demo->locals[i]->certno, certno) == 0)
			return true;
	return demo->n_jinhua > 2 && strcmp(demo->jinhua[1]->certno, certno) == 0;
}

/* Each insurer knows those of its own city. */
static int enrol(const struct demo *demo, struct client *client, const json_t *locals)
{
	const char *const urls[] = { demo->options->insurer_url, demo->options->jinhui_url };
	int rv = 0;

	for (size_t insurer = 0; insurer < 2 && rv == 0; insurer++) {
		json_t *persons = must(json_array()), *row;
		size_t i;

		json_array_foreach((json_t *)(uintptr_t)locals, i, row)
		{
			bool is_of_jinhua = strncmp(json_text(row, "insuplc_admdvs"), "3307", 4) == 0;

			if (is_of_jinhua == (insurer == 1) && !is_stranger(demo, json_text(row, "certno")))
				json_array_append(persons, row);
		}
		if (urls[insurer] != NULL)
			rv = people_add(client, urls[insurer], persons, NULL);
		json_decref(persons);
	}
	return rv;
}

static int register_people(struct demo *demo, struct client *client)
{
	json_t *locals = traffic_persons(&demo->traffic, false), *guests = traffic_persons(&demo->traffic, true);
	json_t *numbers = NULL;
	int rv = people_add(client, demo->options->control_url, locals, &numbers);

	add_numbers(locals, numbers);
	if (rv == 0 && demo->options->hub_url != NULL)
		rv = people_add(client, demo->options->hub_url, guests, NULL);
	if (rv == 0 && demo->options->province_url != NULL)
		rv = people_add(client, demo->options->province_url, locals, NULL);
	if (rv == 0)
		rv = enrol(demo, client, locals);
	json_decref(numbers);
	json_decref(locals);
	json_decref(guests);
	return rv;
}

/* Whoever loads the insurers' lists into the gateway takes the file away when that is done. */
static int wait_for_lists(const char *path)
{
	int64_t end_ms = clock_steady_ms() + LISTS_WAIT_MS;

	if (path == NULL)
		return 0;
	if (file_write(path, "", 0) != 0)
		return -1;
	while (access(path, F_OK) == 0) {
		if (clock_steady_ms() > end_ms) {
			fprintf(stderr, "yitong-sandbox: %s is still there: the lists were not loaded\n", path);
			return -1;
		}
		sleep_ms(50);
	}
	return 0;
}

static int prepare(struct demo *demo, struct client *client)
{
	const struct hospitals_options *options = demo->options;
	struct desk desk = { .client = client, .run = &demo->run };

	if (register_people(demo, client) != 0 || wait_for_lists(options->people_path) != 0)
		return -1;
	for (size_t i = 0; i < ORIGINS_MAX; i++) {
		if (!options->origins[i].signs_in || desk_sign_in(&desk, &options->origins[i], "") == 0)
			continue;
		fprintf(stderr, "yitong-sandbox: the hospital could not sign in: %s\n", desk.why);
		return -1;
	}
	return 0;
}

/* What a judge may ask for, to see that the comparison finds it: one of this run's settlements in each book. */
static void alter_ledgers(struct demo *demo, struct client *client)
{
	const char *const urls[] = { demo->options->control_url, demo->options->hub_url, demo->options->province_url,
		demo->options->insurer_url, demo->options->jinhui_url };
	bool is_done[5] = { false };
	json_t *body;

	for (size_t i = 0; i < demo->run.n_cares; i++) {
		const struct care *care = demo->run.cares[i];
		size_t book = care->origin == demo->options->away   ? 2
		              : care->is_guest                      ? 1
		              : !care->is_claimed                   ? 0
		              : patient_is_of_jinhua(care->patient) ? 4
		                                                    : 3;

		if (care->belief != BELIEF_SETTLED || is_done[book])
			continue;
		body = must(
		        json_pack("{s:I, s:s}", "fen", (json_int_t)demo->options->alter_fen, "setl_id", care->setl_id));
		json_decref(client_control(client, urls[book], "/alter", body));
		json_decref(body);
		is_done[book] = true;
	}
}

/* The ledgers of platform, hub, province, insurers and bank as one: settlement numbers differ everywhere.  NULL when
 * one cannot be had. */
static json_t *ledgers_fetch(struct demo *demo, struct client *client)
{
	const char *const urls[] = { demo->options->hub_url, demo->options->province_url, demo->options->insurer_url,
		demo->options->jinhui_url, demo->options->bank_url };
	json_t *all = client_control(client, demo->options->control_url, "/ledger", NULL), *one;

	for (size_t i = 0; all != NULL && i < sizeof(urls) / sizeof(*urls); i++) {
		if (urls[i] == NULL)
			continue;
		one = client_control(client, urls[i], "/ledger", NULL);
		if (one == NULL) {
			json_decref(all);
			return NULL;
		}
		ledger_join(all, one);
		json_decref(one);
	}
	return all;
}

static void quiesce(struct demo *demo, struct client *client)
{
	const char *const urls[] = { demo->options->hub_url, demo->options->control_url, demo->options->province_url,
		demo->options->insurer_url, demo->options->jinhui_url, demo->options->bank_url };
	json_t *body = must(json_pack("{s:i}", "timeout_ms", 30000));

	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++)
		if (urls[i] != NULL)
			json_decref(client_control(client, urls[i], "/quiesce", body));
	json_decref(body);
}

/* After quiescence; NULL when a ledger cannot be had. */
static json_t *compare(struct demo *demo, struct client *client)
{
	json_t *books, *hospitals, *result = NULL;
	char *text;

	quiesce(demo, client);
	if (demo->options->alter_fen != 0)
		alter_ledgers(demo, client);
	books = ledgers_fetch(demo, client);
	hospitals = hospital_ledger(&demo->run);
	json_object_set(hospitals, "orders", demo->orders);
	if (demo->options->ledger_path != NULL) {
		text = must(json_dumps(hospitals, JSON_INDENT(1)));
		file_write(demo->options->ledger_path, text, strlen(text));
		free(text);
	}
	if (books != NULL)
		result = ledgers_compare(hospitals, books);
	json_decref(books);
	json_decref(hospitals);
	return result;
}

static int conclude(struct demo *demo, struct client *client)
{
	json_t *result = compare(demo, client);
	bool is_good;

	if (result == NULL)
		return 1;
	report_print(demo, result);
	is_good = json_number(result, "one_sided", -1) == 0 && json_number(result, "double_bookings", -1) == 0 &&
	          (demo->options->is_tolerant ||
	                  (json_array_size(demo->unexpected) == 0 && json_number(result, "undecided", -1) == 0));
	if (report_write(demo, result) != 0)
		is_good = false;
	json_decref(result);
	return is_good ? 0 : 1;
}

int hospitals_main(const struct hospitals_options *options)
{
	struct demo demo = { .options = options,
		.print_lock = PTHREAD_MUTEX_INITIALIZER,
		.run = { .timeout_ms = options->timeout_ms,
		        .budget_ms = options->budget_ms,
		        .lock = PTHREAD_MUTEX_INITIALIZER },
		.has_colour = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL };
	struct client *client = client_new();
	int code = 1;

	/* Own numbers of different runs against one platform must differ: time and process make them so. */
	text_format(demo.run.prefix, sizeof(demo.run.prefix), "%08llx%04x",
	        (unsigned long long)(clock_wall_ms() / 1000) & 0xffffffffu, (unsigned)getpid() & 0xffffu);
	demo.run.exchanges = must(json_object());
	demo.unexpected = must(json_array());
	demo.orders = must(json_array());
	demo.by_case = must(json_object());
	plan_make(&demo);
	if (unknown_name(options->only) != NULL) {
		fprintf(stderr,
		        "yitong-sandbox: --only: there is no case \"%s\"; see yitong-sandbox hospitals --help\n",
		        unknown_name(options->only));
		code = 2;
	} else if (demo.n_plans == 0) {
		fputs("yitong-sandbox: no case is left to play; see yitong-sandbox hospitals --help for their names\n",
		        stderr);
		code = 2;
	} else if (people_come(&demo) != 0) {
		code = 2;
	} else if (prepare(&demo, client) == 0) {
		play_all(&demo);
		code = conclude(&demo, client);
	}
	client_free(client);
	traffic_free(&demo.traffic);
	hospital_run_free(&demo.run);
	free(demo.plans);
	free(demo.locals);
	free(demo.guests);
	free(demo.jinhua);
	json_decref(demo.unexpected);
	json_decref(demo.orders);
	json_decref(demo.by_case);
	return code;
}
