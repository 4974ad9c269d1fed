/* core/ctl/ctl_followups.c - `yitong followups`: what follows from settlements and is not over: claims, payments.
 *
 * One pass over what the index has open.  Totals count all of them, the list has the oldest of those asked for. */
#include "ctl/ctl.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "journal/keeper.h"

#define DEFAULT_LIMIT 100
#define GROUPS_MAX 1000 /* different parties and reasons that are counted one by one */

/* ---- what an open exchange waits for ------------------------------------------------------------- */

#define WAITS "waits: "
#define WAITS_FOR_DOCUMENTS WAITS "documents: "                            /* core/engine/flow.c */
#define WAITS_FOR_ACCOUNT WAITS "account: "                                /* core/engine/account.c */
#define ABOVE_LIMIT "waits: data.pay_amt is above the payer's order_limit" /* core/engine/pay.c */

#define WAITS_FOR_LIST "waits: enrolment list of " /* core/engine/enrolled.c */
#define NOT_ENROLLED "not enrolled: not on the list of "
#define LIST_NOT_ENDED " payouts of the list have not ended" /* core/engine/pay_batch.c */
#define PAYMENT_IS "its payment is "                         /* core/engine/flow.c, flow_pay.c */
#define ASKED_BACK " are to be asked back: "                 /* core/engine/flow.c, core/journal/keeper_follow.c */

/* Of a party: its answer, or its word unasked. */
static bool is_awaited(const struct exchange *x)
{
	return strcmp(x->reason, "its result is awaited") == 0 || strcmp(x->reason, "its bank's word is awaited") == 0;
}

enum follow_kind ctl_follow_kind(const struct exchange *x)
{
	if (x->state == X_PARKED)
		return FOLLOW_PARKED;
	return strncmp(x->reason, WAITS, strlen(WAITS)) == 0 || is_awaited(x) ? FOLLOW_WAITING : FOLLOW_DUE;
}

/* Of the payouts of a list; its result waits for them. */
static bool is_list_open(const char *reason, unsigned *n_open, unsigned *n)
{
	return strstr(reason, LIST_NOT_ENDED) != NULL && sscanf(reason, WAITS "%u of %u", n_open, n) == 2;
}

const char *ctl_owner(const struct exchange *x)
{
	unsigned n_open, n;

	if (x->state == X_PARKED)
		return x->owner[0] != '\0' ? x->owner : N_("operator");
	if (strncmp(x->reason, TALK_WAITS_FOR_RELEASE, strlen(TALK_WAITS_FOR_RELEASE)) == 0)
		return N_("operator"); /* two: `yitong decide NUMBER release` */
	if (strcmp(x->reason, ABOVE_LIMIT) == 0 || strcmp(x->reason, TALK_WAITS_FOR_ROOM) == 0)
		return N_("operator"); /* whose configuration has it; nobody can release it */
	if (strncmp(x->reason, WAITS_FOR_LIST, strlen(WAITS_FOR_LIST)) == 0)
		return N_("operator"); /* who loads it: `yitong enrolment load` */
	if (is_list_open(x->reason, &n_open, &n))
		return N_("gateway"); /* each payout has an owner of its own */
	if (strncmp(x->reason, WAITS, strlen(WAITS)) == 0)
		return N_("institution"); /* it tells what is missing: consent, account, invoices */
	if (is_awaited(x) && x->party[0] != '\0')
		return x->party;
	return N_("gateway");
}

/* " of 60000.00 yuan: WHY", as core/engine/flow_pay.c writes it. */
static void tell_release(const char *rest, char *text, size_t size)
{
	const char *of = " of ", *yuan = strstr(rest, " yuan: ");

	if (strncmp(rest, of, strlen(of)) == 0 && yuan != NULL)
		snprintf(text, size, _("waits for a release of %.*s yuan: %s"), (int)(yuan - rest - strlen(of)),
		        rest + strlen(of), _(yuan + strlen(" yuan: ")));
	else
		snprintf(text, size, _("waits for a release%s"), rest);
}

/* "tianyi is missing", "tianyi is of 2026-11-20, too old", "tianyi cannot be used", as core/engine/enrolled.c writes
 * it.
 */
static void tell_list(const char *rest, char *text, size_t size)
{
	int n = (int)strcspn(rest, " ");
	const char *state = rest + n;

	if (strcmp(state, " is missing") == 0)
		snprintf(text, size, _("waits for the enrolment list of %.*s: it is missing"), n, rest);
	else if (strncmp(state, " is of ", 7) == 0)
		snprintf(text, size, _("waits for a newer enrolment list of %.*s than that of %.10s"), n, rest,
		        state + 7);
	else
		snprintf(text, size, _("waits for the enrolment list of %.*s: it cannot be used"), n, rest);
}

/* "7500.00 yuan paid by NUMBER are to be asked back: its settlement was undone". */
static void tell_asked_back(const char *reason, const char *by, const char *back, char *text, size_t size)
{
	const char *no = by + strlen(" yuan paid by ");

	snprintf(text, size, _("%.*s yuan paid under %.*s are to be asked back: its settlement was undone"),
	        (int)(by - reason), reason, (int)(back - no), no);
}

void ctl_reason(const char *reason, char *text, size_t size)
{
	const char *rest = reason + strlen(NOT_ENROLLED), *of, *back;

	if (strncmp(reason, WAITS_FOR_LIST, strlen(WAITS_FOR_LIST)) == 0)
		tell_list(reason + strlen(WAITS_FOR_LIST), text, size);
	else if (strncmp(reason, NOT_ENROLLED, strlen(NOT_ENROLLED)) == 0 && (of = strstr(rest, " of ")) != NULL)
		snprintf(text, size, _("not enrolled: not on the list of %.*s of %.10s"), (int)(of - rest), rest,
		        of + 4);
	else if (strncmp(reason, KEEPER_NUMBER_USED, strlen(KEEPER_NUMBER_USED)) == 0)
		snprintf(text, size, _("a payout's number was used before, nothing is paid: %s"),
		        reason + strlen(KEEPER_NUMBER_USED));
	else if (strncmp(reason, KEEPER_NOT_NOTHING, strlen(KEEPER_NOT_NOTHING)) == 0)
		snprintf(text, size, _("the payout before has not come to nothing: %s"),
		        reason + strlen(KEEPER_NOT_NOTHING));
	else if (strncmp(reason, PAYMENT_IS, strlen(PAYMENT_IS)) == 0)
		snprintf(text, size, _("its payment is %s"), reason + strlen(PAYMENT_IS));
	else if ((of = strstr(reason, " yuan paid by ")) != NULL && (back = strstr(of, ASKED_BACK)) != NULL)
		tell_asked_back(reason, of, back, text, size);
	else
		snprintf(text, size, "%s", _(reason));
}

void ctl_waits_for(const struct exchange *x, char *text, size_t size)
{
	const char *reason = x->reason;
	unsigned n_open, n;

	if (strncmp(reason, TALK_WAITS_FOR_RELEASE, strlen(TALK_WAITS_FOR_RELEASE)) == 0)
		tell_release(reason + strlen(TALK_WAITS_FOR_RELEASE), text, size);
	else if (strncmp(reason, WAITS_FOR_ACCOUNT, strlen(WAITS_FOR_ACCOUNT)) == 0 ||
	         strncmp(reason, WAITS_FOR_DOCUMENTS, strlen(WAITS_FOR_DOCUMENTS)) == 0)
		snprintf(text, size, "%s", _(reason));
	else if (strcmp(reason, ABOVE_LIMIT) == 0 || strcmp(reason, TALK_WAITS_FOR_ROOM) == 0)
		snprintf(text, size, "%s", _(reason));
	else if (strncmp(reason, WAITS_FOR_LIST, strlen(WAITS_FOR_LIST)) == 0)
		ctl_reason(reason, text, size);
	else if (is_list_open(reason, &n_open, &n))
		snprintf(text, size, _("waits for the payouts of the list: %u of %u have not ended"), n_open, n);
	else if (strncmp(reason, WAITS, strlen(WAITS)) == 0)
		snprintf(text, size, _("waits for what is missing: %s"), reason + strlen(WAITS));
	else if (reason[0] != '\0')
		ctl_reason(reason, text, size);
	else
		snprintf(text, size, "%s", _(exchange_state_name(x->state)));
}

/* ---- gathering --------------------------------------------------------------------------------------- */

struct group {
	char key[240]; /* party | kind | what it waits for */
	char party[32], why[160];
	enum follow_kind kind;
	uint64_t n;
	int64_t oldest_ms, fen; /* fen: together, of those that name their sum */
	UT_hash_handle hh;
};

struct gathering {
	struct ctl *ctl;
	enum follow_kind only; /* 0: any */
	bool is_json;
	size_t limit;
	struct exchange *x; /* the oldest of those asked for, and some more */
	size_t n;
	uint64_t n_all, n_asked;
	struct group *groups;
};

static const char *const kinds[] = {
	[FOLLOW_WAITING] = N_("waiting"), [FOLLOW_DUE] = N_("due"), [FOLLOW_PARKED] = N_("parked")
};

static int oldest_first(const void *a, const void *b)
{
	const struct exchange *left = a, *right = b;

	if (left->accepted_ms != right->accepted_ms)
		return left->accepted_ms < right->accepted_ms ? -1 : 1;
	return left->id < right->id ? -1 : left->id > right->id ? 1 : 0;
}

/* The sum that a reason begins with, behind skip; what comes behind " yuan" into *rest. */
static bool take_sum(const char *reason, size_t skip, int64_t *fen, const char **rest)
{
	const char *sum = reason + skip, *end = strlen(reason) > skip ? strstr(sum, " yuan") : NULL;

	if (end == NULL || yt_fen_parse((struct yt_str){ sum, (size_t)(end - sum) }, fen) != 0)
		return false;
	*rest = end + strlen(" yuan");
	return true;
}

/* Without what each has of its own, as a sum and a number: those go together.  The sum; 0: it names none. */
static int64_t same_for_all(const struct exchange *x, char *why, size_t size)
{
	size_t release = strlen(TALK_WAITS_FOR_RELEASE " of ");
	unsigned n_open, n;
	const char *rest;
	int64_t fen = 0;

	if (strncmp(x->reason, TALK_WAITS_FOR_RELEASE " of ", release) == 0 &&
	        take_sum(x->reason, release, &fen, &rest) && strncmp(rest, ": ", 2) == 0)
		snprintf(why, size, _("waits for a release: %s"), _(rest + 2));
	else if (strstr(x->reason, ASKED_BACK) != NULL && take_sum(x->reason, 0, &fen, &rest))
		snprintf(why, size, "%s", _("to be asked back: its settlement was undone"));
	else if (is_list_open(x->reason, &n_open, &n))
		snprintf(why, size, "%s", _("waits for the payouts of a list"));
	else
		ctl_waits_for(x, why, size);
	return fen;
}

static void count(struct gathering *g, const struct exchange *x)
{
	enum follow_kind kind = ctl_follow_kind(x);
	struct group *group;
	char key[sizeof(group->key)], why[sizeof(group->why)];
	int64_t fen = same_for_all(x, why, sizeof(why));

	snprintf(key, sizeof(key), "%s|%d|%s", x->party, (int)kind, why);
	HASH_FIND_STR(g->groups, key, group);
	if (group == NULL && HASH_COUNT(g->groups) >= GROUPS_MAX) {
		snprintf(key, sizeof(key), "%s", "other");
		HASH_FIND_STR(g->groups, key, group);
	}
	if (group == NULL) {
		group = calloc(1, sizeof(*group));
		YT_REQUIRE(group != NULL);
		memcpy(group->key, key, sizeof(key));
		group->kind = kind;
		group->oldest_ms = x->accepted_ms;
		if (strcmp(key, "other") != 0) {
			memcpy(group->party, x->party, sizeof(group->party));
			memcpy(group->why, why, sizeof(group->why));
		}
		HASH_ADD_STR(g->groups, key, group);
	}
	group->n++;
	group->fen += fen;
	if (x->accepted_ms < group->oldest_ms)
		group->oldest_ms = x->accepted_ms;
}

static int on_open(void *arg, const struct exchange *x)
{
	struct gathering *g = arg;

	if ((x->flags & REC_X_FOLLOW_UP) == 0)
		return 0;
	g->n_all++;
	count(g, x);
	if (g->only != 0 && ctl_follow_kind(x) != g->only)
		return 0;
	g->n_asked++;
	if (g->n == 2 * g->limit) {
		qsort(g->x, g->n, sizeof(*g->x), oldest_first);
		g->n = g->limit;
	}
	g->x[g->n++] = *x;
	return 0;
}

/* ---- telling -------------------------------------------------------------------------------------------- */

static void put_json(const struct exchange *x)
{
	struct yt_buf out = { 0 };
	char id[20];

	ctl_exchange(x->id, id);
	yt_buf_byte(&out, '{');
	ctl_json_member(&out, "exchange", yt_str(id));
	ctl_json_member(&out, "kind", yt_str(kinds[ctl_follow_kind(x)]));
	ctl_json_member(&out, "flow", yt_str(x->flow));
	ctl_json_number(&out, "step", x->step);
	ctl_json_member(&out, "party", yt_str(x->party));
	ctl_json_member(&out, "institution", yt_str(x->institution));
	ctl_json_member(&out, "number", yt_str(x->number));
	ctl_json_member(&out, "visit", yt_str(x->visit));
	ctl_json_member(&out, "settlement", yt_str(x->settlement));
	ctl_json_member(&out, "state", yt_str(exchange_state_name(x->state)));
	ctl_json_member(&out, "reason", yt_str(x->reason));
	ctl_json_member(&out, "owner", yt_str(ctl_owner(x)));
	ctl_json_number(&out, "since_ms", x->accepted_ms);
	ctl_json_number(&out, "due_ms", x->due_ms);
	ctl_json_number(&out, "deadline_ms", x->deadline_ms);
	ctl_json_number(&out, "attempts", x->attempts);
	yt_buf_text(&out, "}\n");
	ctl_print_buf(&out, stdout);
}

static void print_list(const struct gathering *g)
{
	static const char *const heading[] = { "SINCE (UTC+8)", "FLOW", "PARTY", "NUMBER", "VISIT", "NEXT TRY", "UNTIL",
		"OWNER", "WAITS FOR" };
	struct ctl_table table;

	ctl_table_begin(&table, 9, 0);
	for (size_t i = 0; i < 9; i++)
		ctl_table_cell(&table, CTL_PLAIN, "%s", _(heading[i]));
	for (size_t i = 0; i < g->n; i++) {
		const struct exchange *x = &g->x[i];
		char since[20], due[20] = "-", until[20] = "-", why[160];
		bool is_late = x->deadline_ms != 0 && x->deadline_ms < yt_wall_ms();

		yt_time_print(x->accepted_ms, since);
		if (x->due_ms != 0)
			yt_time_print(x->due_ms, due);
		if (x->state == X_PARKED && x->deadline_ms != 0)
			yt_time_print(x->deadline_ms, until);
		ctl_waits_for(x, why, sizeof(why));
		ctl_table_cell(&table, CTL_PLAIN, "%s", since);
		ctl_table_cell(&table, CTL_PLAIN, "%s", ctl_flow(x));
		ctl_table_cell(&table, CTL_PLAIN, "%s", x->party[0] != '\0' ? x->party : "-");
		ctl_table_cell(&table, CTL_PLAIN, "%s", x->number);
		ctl_table_cell(&table, CTL_PLAIN, "%s", x->visit[0] != '\0' ? x->visit : "-");
		ctl_table_cell(&table, CTL_PLAIN, "%s", due);
		ctl_table_cell(&table, is_late && x->state == X_PARKED ? CTL_RED : CTL_PLAIN, "%s", until);
		ctl_table_cell(&table, CTL_PLAIN, "%s", _(ctl_owner(x)));
		ctl_table_cell(&table, ctl_state_colour(x->state), "%s", why);
	}
	ctl_table_print(g->ctl, &table, stdout);
}

static int most_first(struct group *a, struct group *b)
{
	if (a->n != b->n)
		return a->n > b->n ? -1 : 1;
	return strcmp(a->key, b->key);
}

static void print_totals(struct gathering *g)
{
	static const char *const heading[] = { "COUNT", "YUAN", "KIND", "PARTY", "OLDEST (UTC+8)", "WAITS FOR" };
	struct ctl_table table;

	HASH_SORT(g->groups, most_first);
	printf("\n");
	ctl_table_begin(&table, 6, 1u << 0 | 1u << 1);
	for (size_t i = 0; i < 6; i++)
		ctl_table_cell(&table, CTL_PLAIN, "%s", _(heading[i]));
	for (const struct group *group = g->groups; group != NULL; group = group->hh.next) {
		char oldest[20], yuan[24] = "-";

		if (group->fen != 0)
			ctl_yuan(group->fen, yuan);
		yt_time_print(group->oldest_ms, oldest);
		ctl_table_cell(&table, CTL_PLAIN, "%llu", (unsigned long long)group->n);
		ctl_table_cell(&table, CTL_PLAIN, "%s", yuan);
		ctl_table_cell(&table, CTL_PLAIN, "%s", _(kinds[group->kind]));
		ctl_table_cell(&table, CTL_PLAIN, "%s", group->party[0] != '\0' ? group->party : "-");
		ctl_table_cell(&table, CTL_PLAIN, "%s", oldest);
		ctl_table_cell(
		        &table, CTL_PLAIN, "%s", strcmp(group->key, "other") == 0 ? _("other reasons") : group->why);
	}
	ctl_table_print(g->ctl, &table, stdout);
}

static void free_groups(struct gathering *g)
{
	struct group *group, *next;

	HASH_ITER(hh, g->groups, group, next)
	{
		HASH_DEL(g->groups, group);
		free(group);
	}
}

static int list(struct gathering *g)
{
	struct index *index = NULL;
	int rv = ctl_open_index(g->ctl, &index);

	if (rv != CTL_OK)
		return rv;
	g->x = malloc(2 * g->limit * sizeof(*g->x));
	YT_REQUIRE(g->x != NULL);
	rv = index_open_exchanges(index, on_open, g);
	index_close(index);
	qsort(g->x, g->n, sizeof(*g->x), oldest_first);
	if (g->n > g->limit)
		g->n = g->limit;
	if (rv == 0 && g->is_json) {
		for (size_t i = 0; i < g->n; i++)
			put_json(&g->x[i]);
	} else if (rv == 0 && g->n > 0) {
		print_list(g);
		if (g->n_asked > g->n)
			printf(_("the oldest %zu of %llu; --limit shows more\n"), g->n, (unsigned long long)g->n_asked);
		print_totals(g);
	}
	free(g->x);
	free_groups(g);
	if (rv != 0)
		return ctl_fail(
		        CTL_CANNOT, "the index cannot be read (%s): `yitong index rebuild`", _(yt_strerror(rv)));
	if (g->n_asked == 0)
		return ctl_fail(CTL_FOUND,
		        g->n_all == 0 ? N_("nothing that follows from a settlement is pending")
		                      : N_("none of that kind is pending; without it `yitong followups` lists all"));
	return CTL_OK;
}

int ctl_followups(struct ctl *ctl, int argc, char **argv)
{
	struct gathering g = { .ctl = ctl, .limit = DEFAULT_LIMIT };
	bool waiting = false, due = false, parked = false;
	const char *limit = NULL;
	const struct ctl_option own[] = { { "waiting", .flag = &waiting }, { "due", .flag = &due },
		{ "parked", .flag = &parked }, { "limit", .text = &limit }, { NULL } };
	int rv = ctl_options(ctl, "followups", argc, argv, own, &g.is_json);
	uint32_t n;

	if (rv != CTL_GO_ON)
		return rv;
	if (limit != NULL && !ctl_number(limit, 100000, &n))
		return ctl_usage("followups", "--limit must be 1 to 100000");
	if (limit != NULL)
		g.limit = n;
	if (waiting + due + parked > 1)
		return ctl_usage("followups", "one of --waiting, --due and --parked at a time");
	if (waiting || due || parked)
		g.only = waiting ? FOLLOW_WAITING : due ? FOLLOW_DUE : FOLLOW_PARKED;
	if (optind < argc)
		return ctl_usage("followups", "what is \"%s\"?", argv[optind]);
	return list(&g);
}
