/* core/ctl/ctl_decide.c - `yitong decide` and `yitong confirm`: what no machine may decide, by one person or two.
 *
 * The gateway knows who asks and what needs a second person (process/control_people.c); here is only the asking. */
#include "process/control_ask.h"
#include "ctl/ctl.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

/* ---- decide ------------------------------------------------------------------------------------------ */

#define SAME_NUMBER_MAX 100 /* exchanges that are looked at: agencies count alike */

struct found {
	uint64_t id, open[SAME_NUMBER_MAX];
	size_t n_open;
	char settlement[sizeof(((struct exchange *)0)->settlement)];
};

static int on_row(void *arg, const struct exchange *x)
{
	struct found *found = arg;

	found->id = x->id;
	memcpy(found->settlement, x->settlement, sizeof(found->settlement));
	if (exchange_is_open(x) && found->n_open < SAME_NUMBER_MAX)
		found->open[found->n_open++] = x->id;
	return 0;
}

/* Nobody guesses which one is meant. */
static void tell_which(const struct found *found, const char *word)
{
	char ids[17 * 10 + 1] = "", exchange[20];

	for (size_t i = 0; i < found->n_open && i < 10; i++) {
		ctl_exchange(found->open[i], exchange);
		snprintf(ids + strlen(ids), sizeof(ids) - strlen(ids), " %s", exchange);
	}
	ctl_fail(CTL_FOUND, "%zu open exchanges have the number %s: say which of%s", found->n_open, word, ids);
}

/* What was ordered, or settled, is over; the payment or the claim that follows from it may be what is meant. */
static bool tell_what_follows(struct index *index, const struct found *found, const char *word)
{
	char number[EXCHANGE_NUMBER_MAX];
	struct exchange x;

	if (found->n_open > 0 ||
	        !exchange_follow_up_number(found->settlement[0] != '\0' ? found->settlement : word, number) ||
	        index_find_follow_up(index, yt_str(number), &x) != 0 || !exchange_is_open(&x))
		return false;
	ctl_fail(CTL_FOUND, "%s itself does not wait, what follows from it does: say %s", word, number);
	return true;
}

uint64_t ctl_find_exchange(struct ctl *ctl, const char *word)
{
	struct index_filter by_number = { .number = yt_str(word), .limit = SAME_NUMBER_MAX };
	struct found found = { .n_open = 0 };
	struct index *index = NULL;
	uint64_t id = 0;
	bool is_told;

	if (ctl_parse_exchange(yt_str(word), &id) && strlen(word) == 16)
		return id;
	if (ctl_open_index(ctl, &index) != CTL_OK)
		return 0;
	if (index_search(index, &by_number, on_row, &found) < 0)
		found = (struct found){ .n_open = 0 };
	is_told = tell_what_follows(index, &found, word);
	index_close(index);
	if (is_told)
		return 0;
	if (found.n_open > 1)
		tell_which(&found, word);
	else if (found.id == 0)
		ctl_fail(CTL_FOUND,
		        "no exchange has the number %s; `yitong parked` and `yitong followups` list what waits", word);
	return found.n_open > 1 ? 0 : found.n_open == 1 ? found.open[0] : found.id;
}

int ctl_decide(struct ctl *ctl, int argc, char **argv)
{
	static const char *const results[] = { "done", "refused", "reversed", "retry", "release", "park" };
	struct ctl_who who = { 0 };
	const struct ctl_option own[] = { CTL_WHO_OPTIONS(&who), { NULL } };
	int rv = ctl_options(ctl, "decide", argc, argv, own, NULL);
	bool is_known = false;
	char exchange[20];
	uint64_t id;

	if (rv != CTL_GO_ON)
		return rv;
	if (argc - optind != 2)
		return ctl_usage("decide", "say: decide NUMBER done|refused|reversed|retry|release|park --why TEXT");
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
		is_known = is_known || strcmp(argv[optind + 1], results[i]) == 0;
	if (!is_known)
		return ctl_usage("decide", "a decision is done, refused, reversed, retry, release or park, not \"%s\"",
		        argv[optind + 1]);
	rv = ctl_who("decide", true, &who);
	if (rv != CTL_GO_ON)
		return rv;
	id = ctl_find_exchange(ctl, argv[optind]);
	if (id == 0)
		return CTL_FOUND;
	ctl_exchange(id, exchange);
	return ctl_decide_one(ctl, exchange, argv[optind + 1], who.operator_name, who.reason);
}

/* ---- confirm ------------------------------------------------------------------------------------------- */

static int ask(struct ctl *ctl, const char *request, struct yt_arena *arena, struct yt_node **answer)
{
	char why[300];
	int rv = ctl_conf(ctl);

	if (rv == CTL_OK &&
	        control_ask(ctl->conf->gateway.run_dir, yt_str(request), arena, answer, why, sizeof(why)) != 0)
		rv = ctl_fail(CTL_CANNOT, "%s", why);
	return rv;
}

static int list(struct ctl *ctl, bool is_json, struct yt_arena *arena)
{
	static const char *const heading[] = { "PROPOSAL", "SINCE (UTC+8)", "EXCHANGE", "NUMBER", "WAITS FOR",
		"DECISION", "OPERATOR", "REASON" };
	struct ctl_table table;
	struct yt_node *answer;
	const struct yt_node *all;
	int rv = ask(ctl, "{\"do\":\"proposals\"}", arena, &answer);

	if (rv != CTL_OK)
		return rv;
	all = control_node(answer, "proposals");
	if (all == NULL || all->child == NULL)
		return ctl_fail(CTL_FOUND, "no decision waits for a second person");
	for (const struct yt_node *one = all->child; is_json && one != NULL; one = one->next) {
		struct yt_buf json = { 0 };

		yt_json_write(one, &json);
		yt_buf_byte(&json, '\n');
		ctl_print_buf(&json, stdout);
	}
	if (is_json)
		return CTL_OK;
	ctl_table_begin(&table, 8, 0);
	for (size_t i = 0; i < 8; i++)
		ctl_table_cell(&table, CTL_PLAIN, "%s", _(heading[i]));
	for (const struct yt_node *one = all->child; one != NULL; one = one->next) {
		struct exchange x = { .state = X_PARKED };
		char since[20], result[16], why[160];

		yt_time_print((int64_t)control_number(one, "since_ms"), since);
		snprintf(result, sizeof(result), "%.*s", YT_FMT(control_text(one, "result")));
		snprintf(x.reason, sizeof(x.reason), "%.*s", YT_FMT(control_text(one, "waits")));
		ctl_waits_for(&x, why, sizeof(why));
		ctl_table_cell(&table, CTL_BOLD, "%.*s", YT_FMT(control_text(one, "proposal")));
		ctl_table_cell(&table, CTL_PLAIN, "%s", since);
		ctl_table_cell(&table, CTL_PLAIN, "%.*s", YT_FMT(control_text(one, "exchange")));
		ctl_table_cell(&table, CTL_PLAIN, "%.*s", YT_FMT(control_text(one, "number")));
		ctl_table_cell(&table, CTL_PLAIN, "%s", why);
		ctl_table_cell(&table, CTL_PLAIN, "%s", _(result));
		ctl_table_cell(&table, CTL_PLAIN, "%.*s", YT_FMT(control_text(one, "operator")));
		ctl_table_cell(&table, CTL_PLAIN, "%.*s", YT_FMT(control_text(one, "reason")));
	}
	ctl_table_print(ctl, &table, stdout);
	return CTL_OK;
}

static int confirm(struct ctl *ctl, const char *id, const struct ctl_who *who, struct yt_arena *arena)
{
	struct yt_buf request = { 0 };
	struct yt_node *answer;
	int rv;

	yt_buf_byte(&request, '{');
	ctl_json_member(&request, "do", YT_STR("confirm"));
	ctl_json_member(&request, "proposal", yt_str(id));
	ctl_json_member(&request, "operator", yt_str(who->operator_name));
	yt_buf_byte(&request, '}');
	yt_buf_byte(&request, 0);
	YT_REQUIRE(!request.failed);
	rv = ask(ctl, (const char *)request.p, arena, &answer);
	if (rv == CTL_OK)
		printf(_("Confirmed; the lists follow within a second or two.\n"));
	yt_buf_free(&request);
	return rv;
}

int ctl_confirm(struct ctl *ctl, int argc, char **argv)
{
	struct ctl_who who = { 0 };
	const struct ctl_option own[] = { { "operator", .text = &who.operator_name }, { NULL } };
	struct yt_arena *arena;
	bool is_json = false;
	int rv = ctl_options(ctl, "confirm", argc, argv, own, &is_json);

	if (rv == CTL_GO_ON)
		rv = ctl_who("confirm", false, &who);
	if (rv != CTL_GO_ON)
		return rv;
	if (argc - optind > 1)
		return ctl_usage("confirm", "one proposal at a time");
	arena = yt_arena_new(4 << 20);
	YT_REQUIRE(arena != NULL);
	rv = optind == argc ? list(ctl, is_json, arena) : confirm(ctl, argv[optind], &who, arena);
	yt_arena_free(arena);
	return rv;
}
