/* core/ctl/ctl_late.c - `yitong late`: what is past its deadline, the oldest first; exit status 1 for cron.
 *
 * What follows from a settlement is late by its flow (late_after_days, calendar), what it has paid when no statement
 * tells of that (line_after_days); what is parked by the deadline of who is to decide it.  One pass over what the index
 * has open, one over payouts without a line. */
#include "ctl/ctl.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_LIMIT 100

struct late {
	struct exchange x;
	int64_t deadline_ms;
};

struct gathering {
	struct ctl *ctl;
	int64_t now_ms;
	size_t limit, n;
	uint64_t n_all;
	struct late *late; /* the oldest deadlines, and some more */
	bool is_json;
};

static int oldest_first(const void *a, const void *b)
{
	const struct late *left = a, *right = b;

	if (left->deadline_ms != right->deadline_ms)
		return left->deadline_ms < right->deadline_ms ? -1 : 1;
	return left->x.id < right->x.id ? -1 : left->x.id > right->x.id ? 1 : 0;
}

/* INT64_MAX: it has none. */
static int64_t deadline_of(const struct conf *conf, const struct exchange *x)
{
	int64_t by_flow = INT64_MAX, by_person = INT64_MAX;

	if ((x->flags & REC_X_FOLLOW_UP) != 0)
		by_flow = conf_late_ms(conf_flow(conf, yt_str(x->flow)), x->accepted_ms);
	if (x->state == X_PARKED && x->deadline_ms != 0)
		by_person = x->deadline_ms;
	return by_flow < by_person ? by_flow : by_person;
}

static int take(struct gathering *g, const struct exchange *x, int64_t deadline_ms)
{
	if (deadline_ms > g->now_ms)
		return 0;
	g->n_all++;
	if (g->n == 2 * g->limit) {
		qsort(g->late, g->n, sizeof(*g->late), oldest_first);
		g->n = g->limit;
	}
	g->late[g->n].x = *x;
	g->late[g->n++].deadline_ms = deadline_ms;
	return 0;
}

static int on_open(void *arg, const struct exchange *x)
{
	struct gathering *g = arg;

	return take(g, x, deadline_of(g->ctl->conf, x));
}

/* Paid, as its bank or its insurer has said, and no statement or list tells of it. */
static int on_unlined(void *arg, const struct exchange *x)
{
	struct gathering *g = arg;

	return take(g, x, ctl_line_late_ms(g->ctl->conf, x));
}

int64_t ctl_line_late_ms(const struct conf *conf, const struct exchange *x)
{
	const struct conf_flow *flow = conf_flow(conf, yt_str(x->flow));

	if (flow == NULL || (x->pay_no[0] == '\0' && !conf_flow_is_listed(flow)))
		return INT64_MAX;
	return conf_line_late_ms(flow, x->closed_ms);
}

void ctl_unproved(const struct exchange *x, char *text, size_t size)
{
	if (x->pay_no[0] == '\0')
		snprintf(text, size, "%s", _("paid by its insurer, and no daily list tells of it"));
	else
		snprintf(text, size, _("paid under %s, and no statement tells of it"), x->pay_no);
}

static bool waits_for_lines(const struct conf *conf)
{
	for (uint32_t i = 0; i < conf->n_flows; i++)
		if (conf->flows[i].line_after_days > 0)
			return true;
	return false;
}

static const char *owner_of(const struct exchange *x)
{
	return exchange_is_open(x) ? ctl_owner(x) : N_("operator");
}

static void why_of(const struct exchange *x, char *text, size_t size)
{
	if (exchange_is_open(x))
		ctl_waits_for(x, text, size);
	else
		ctl_unproved(x, text, size);
}

static void put_json(const struct gathering *g, const struct late *l)
{
	struct yt_buf out = { 0 };
	char id[20];

	ctl_exchange(l->x.id, id);
	yt_buf_byte(&out, '{');
	ctl_json_member(&out, "exchange", yt_str(id));
	ctl_json_number(&out, "deadline_ms", l->deadline_ms);
	ctl_json_number(&out, "late_ms", g->now_ms - l->deadline_ms);
	ctl_json_number(&out, "since_ms", l->x.accepted_ms);
	ctl_json_member(&out, "flow", yt_str(l->x.flow));
	ctl_json_member(&out, "party", yt_str(l->x.party));
	ctl_json_member(&out, "institution", yt_str(l->x.institution));
	ctl_json_member(&out, "number", yt_str(l->x.number));
	ctl_json_member(&out, "visit", yt_str(l->x.visit));
	ctl_json_member(&out, "settlement", yt_str(l->x.settlement));
	ctl_json_member(&out, "state", yt_str(exchange_state_name(l->x.state)));
	ctl_json_member(&out, "reason",
	        yt_str(exchange_is_open(&l->x)   ? l->x.reason
	                : l->x.pay_no[0] == '\0' ? "paid by its insurer, and no daily list tells of it"
	                                         : "paid, and no statement tells of it"));
	if (!exchange_is_open(&l->x))
		ctl_json_member(&out, "pay_no", yt_str(l->x.pay_no));
	ctl_json_member(&out, "owner", yt_str(owner_of(&l->x)));
	yt_buf_text(&out, "}\n");
	ctl_print_buf(&out, stdout);
}

static void print(const struct gathering *g)
{
	static const char *const heading[] = { "DEADLINE (UTC+8)", "LATE", "FLOW", "PARTY", "NUMBER", "VISIT", "OWNER",
		"WAITS FOR" };
	struct ctl_table table;

	ctl_table_begin(&table, 8, 1u << 1);
	for (size_t i = 0; i < 8; i++)
		ctl_table_cell(&table, CTL_PLAIN, "%s", _(heading[i]));
	for (size_t i = 0; i < g->n; i++) {
		const struct late *l = &g->late[i];
		int64_t hours = (g->now_ms - l->deadline_ms) / 3600000;
		char deadline[20], why[160];

		yt_time_print(l->deadline_ms, deadline);
		why_of(&l->x, why, sizeof(why));
		ctl_table_cell(&table, CTL_PLAIN, "%s", deadline);
		if (hours >= 48)
			ctl_table_cell(&table, CTL_RED, _("%lld days"), (long long)hours / 24);
		else
			ctl_table_cell(&table, CTL_YELLOW, _("%lld hours"), (long long)hours);
		ctl_table_cell(&table, CTL_PLAIN, "%s", l->x.flow[0] != '\0' ? ctl_flow(&l->x) : l->x.wire_op);
		ctl_table_cell(&table, CTL_PLAIN, "%s", l->x.party[0] != '\0' ? l->x.party : "-");
		ctl_table_cell(&table, CTL_PLAIN, "%s", l->x.number);
		ctl_table_cell(&table, CTL_PLAIN, "%s", l->x.visit[0] != '\0' ? l->x.visit : "-");
		ctl_table_cell(&table, CTL_BOLD, "%s", _(owner_of(&l->x)));
		ctl_table_cell(&table, CTL_PLAIN, "%s", why);
	}
	ctl_table_print(g->ctl, &table, stdout);
	if (g->n_all > g->n)
		printf(_("the oldest %zu of %llu; --limit shows more\n"), g->n, (unsigned long long)g->n_all);
}

static int list(struct gathering *g)
{
	struct index *index = NULL;
	int rv = ctl_open_index(g->ctl, &index);

	if (rv != CTL_OK)
		return rv;
	g->late = malloc(2 * g->limit * sizeof(*g->late));
	YT_REQUIRE(g->late != NULL);
	rv = index_open_exchanges(index, on_open, g);
	if (rv == 0 && waits_for_lines(g->ctl->conf))
		rv = index_awaits_line(index, on_unlined, g);
	index_close(index);
	qsort(g->late, g->n, sizeof(*g->late), oldest_first);
	if (g->n > g->limit)
		g->n = g->limit;
	if (rv != 0)
		rv = ctl_fail(CTL_CANNOT, "the index cannot be read (%s): `yitong index rebuild`", _(yt_strerror(rv)));
	for (size_t i = 0; rv == 0 && g->is_json && i < g->n; i++)
		put_json(g, &g->late[i]);
	if (rv == 0 && !g->is_json && g->n > 0)
		print(g);
	if (rv == 0 && !g->is_json && g->n == 0)
		printf(_("nothing is late\n"));
	free(g->late);
	return rv != 0 ? rv : g->n_all > 0 ? CTL_FOUND : CTL_OK;
}

int ctl_late(struct ctl *ctl, int argc, char **argv)
{
	struct gathering g = { .ctl = ctl, .limit = DEFAULT_LIMIT, .now_ms = yt_wall_ms() };
	const char *at = NULL, *limit = NULL;
	const struct ctl_option own[] = { { "at", .text = &at }, { "limit", .text = &limit }, { NULL } };
	int rv = ctl_options(ctl, "late", argc, argv, own, &g.is_json);
	uint32_t n;

	if (rv != CTL_GO_ON)
		return rv;
	if (at != NULL && yt_time_parse(yt_str(at), &g.now_ms) != 0)
		return ctl_usage("late", "--at must be a date or a time (\"2026-11-22 08:00:00\"), not \"%s\"", at);
	if (limit != NULL && !ctl_number(limit, 100000, &n))
		return ctl_usage("late", "--limit must be 1 to 100000");
	if (limit != NULL)
		g.limit = n;
	if (optind < argc)
		return ctl_usage("late", "what is \"%s\"?", argv[optind]);
	return list(&g);
}
