/* core/ctl/ctl_lane.c - `yitong lane`: the ways to the parties: what they do now, stopping one and letting it go on. */
#include "process/control_ask.h"
#include "ctl/ctl.h"

#include <getopt.h>
#include <string.h>

struct asking {
	const char *party, *act; /* NULL: all; NULL: only shown */
	struct ctl_who who;
	bool is_json;
};

static int ask(struct ctl *ctl, struct yt_buf *request, struct yt_arena *arena, struct yt_node **answer)
{
	char why[300];
	int rv = ctl_conf(ctl);

	if (rv == CTL_OK) {
		YT_REQUIRE(!request->failed);
		rv = control_ask(ctl->conf->gateway.run_dir, yt_buf_view(request), arena, answer, why, sizeof(why));
		if (rv != 0)
			rv = ctl_fail(CTL_CANNOT, "%s", why);
	}
	yt_buf_free(request);
	return rv;
}

/* ---- shown ------------------------------------------------------------------------------------------- */

static bool is_true(const struct yt_node *lane, const char *name)
{
	return yt_str_is(control_text(lane, name), "true");
}

static void cell_number(struct ctl_table *table, const struct yt_node *lane, const char *name)
{
	ctl_table_cell(table, CTL_PLAIN, "%llu", (unsigned long long)control_number(lane, name));
}

static void put_row(struct ctl_table *table, const struct yt_node *lane)
{
	static const char *const counts[] = { "connections", "busy", "queued", "sent", "answered", "timed_out", "lost",
		"not_sent" };
	bool is_stopped = is_true(lane, "stopped");
	int64_t failed_ms = (int64_t)control_number(lane, "failed_ms");
	char time[20] = "-", why[64];

	ctl_table_cell(table, CTL_BOLD, "%.*s", YT_FMT(control_text(lane, "party")));
	ctl_table_cell(table, is_stopped ? CTL_RED : CTL_GREEN, "%s", is_stopped ? _("stopped") : _("open"));
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		cell_number(table, lane, counts[i]);
	if (failed_ms != 0)
		yt_time_print(failed_ms, time);
	snprintf(why, sizeof(why), "%.*s", YT_FMT(control_text(lane, "failed_why")));
	ctl_table_cell(table, CTL_PLAIN, "%s", time);
	ctl_table_cell(table, CTL_PLAIN, "%s", failed_ms != 0 ? _(why) : "-");
}

static void print_stopped(const struct yt_node *lane)
{
	char since[20];

	if (!is_true(lane, "stopped"))
		return;
	yt_time_print((int64_t)control_number(lane, "since_ms"), since);
	printf(_("%.*s is stopped since %s by %.*s: %.*s\n"), YT_FMT(control_text(lane, "party")), since,
	        YT_FMT(control_text(lane, "operator")), YT_FMT(control_text(lane, "reason")));
}

static void print_json(const struct yt_node *lane)
{
	struct yt_buf out = { 0 };

	yt_json_write(lane, &out);
	yt_buf_byte(&out, '\n');
	ctl_print_buf(&out, stdout);
}

static void print(const struct ctl *ctl, const struct yt_node *lanes, const struct asking *a)
{
	static const char *const heading[] = { "PARTY", "LANE", "CONNECTIONS", "BUSY", "QUEUED", "SENT", "ANSWERED",
		"TIMED OUT", "LOST", "NOT SENT", "LAST FAILURE", "WHY" };
	struct ctl_table table;

	if (!a->is_json) {
		ctl_table_begin(&table, 12, 0x3fcu);
		for (size_t i = 0; i < 12; i++)
			ctl_table_cell(&table, CTL_PLAIN, "%s", _(heading[i]));
	}
	for (const struct yt_node *lane = lanes->child; lane != NULL; lane = lane->next) {
		if (a->party != NULL && !yt_str_is(control_text(lane, "party"), a->party))
			continue;
		if (a->is_json)
			print_json(lane);
		else
			put_row(&table, lane);
	}
	if (a->is_json)
		return;
	ctl_table_print(ctl, &table, stdout);
	for (const struct yt_node *lane = lanes->child; lane != NULL; lane = lane->next)
		if (a->party == NULL || yt_str_is(control_text(lane, "party"), a->party))
			print_stopped(lane);
}

static int show(struct ctl *ctl, const struct asking *a)
{
	struct yt_arena *arena = yt_arena_new(16 << 20);
	struct yt_buf request = { 0 };
	const struct yt_node *lanes;
	struct yt_node *answer;
	bool any = false;
	int rv;

	YT_REQUIRE(arena != NULL);
	yt_buf_text(&request, "{\"do\":\"lanes\"}");
	rv = ask(ctl, &request, arena, &answer);
	if (rv == CTL_OK) {
		lanes = control_node(answer, "lanes");
		for (const struct yt_node *lane = lanes == NULL ? NULL : lanes->child; lane != NULL; lane = lane->next)
			any = any || a->party == NULL || yt_str_is(control_text(lane, "party"), a->party);
		if (any)
			print(ctl, lanes, a);
		else
			rv = ctl_fail(CTL_FOUND, "there is no party %s", a->party == NULL ? "" : a->party);
	}
	yt_arena_free(arena);
	return rv;
}

/* ---- stopped, started ----------------------------------------------------------------------------------- */

static int set(struct ctl *ctl, const struct asking *a)
{
	struct yt_arena *arena = yt_arena_new(1 << 20);
	struct yt_buf request = { 0 };
	struct yt_node *answer;
	int rv;

	YT_REQUIRE(arena != NULL);
	yt_buf_byte(&request, '{');
	ctl_json_member(&request, "do", YT_STR("lane"));
	ctl_json_member(&request, "party", yt_str(a->party));
	ctl_json_member(&request, "act", yt_str(a->act));
	ctl_json_member(&request, "operator", yt_str(a->who.operator_name));
	ctl_json_member(&request, "reason", yt_str(a->who.reason));
	yt_buf_byte(&request, '}');
	rv = ask(ctl, &request, arena, &answer);
	if (rv == CTL_OK && strcmp(a->act, "stop") == 0)
		printf(_("Nothing new leaves for %s, until somebody starts it again.  What is on its way goes on.\n"),
		        a->party);
	else if (rv == CTL_OK)
		printf(_("%s is open again; what waited for that goes on now.\n"), a->party);
	yt_arena_free(arena);
	return rv;
}

static int with_arguments(struct ctl *ctl, struct asking *a, int argc, char **argv)
{
	int rv;

	if (argc - optind > 2)
		return ctl_usage("lane", "say: lane [PARTY [stop|start]]");
	a->party = optind < argc ? argv[optind] : NULL;
	a->act = optind + 1 < argc ? argv[optind + 1] : NULL;
	if (a->act == NULL)
		return show(ctl, a);
	if (strcmp(a->act, "stop") != 0 && strcmp(a->act, "start") != 0)
		return ctl_usage("lane", "a lane is stopped or started with stop and start, not \"%s\"", a->act);
	rv = ctl_who("lane", true, &a->who);
	return rv == CTL_GO_ON ? set(ctl, a) : rv;
}

int ctl_lane(struct ctl *ctl, int argc, char **argv)
{
	struct asking a = { 0 };
	const struct ctl_option own[] = { CTL_WHO_OPTIONS(&a.who), { NULL } };
	int rv = ctl_options(ctl, "lane", argc, argv, own, &a.is_json);

	if (rv != CTL_GO_ON)
		return rv;
	return with_arguments(ctl, &a, argc, argv);
}
