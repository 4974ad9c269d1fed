/* core/ctl/ctl_messages.c - `yitong messages`: exchanges by what the index knows of them, queries from the log. */
#include "ctl/ctl.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_LIMIT 100
#define SPARE 1024 /* exchanges found beyond the limit before the oldest are cut off */

struct listing {
	const struct ctl *ctl;
	struct ctl_table table;
	bool is_json;
	uint32_t n;
};

/* The newest of what was found, from the index and from the log. */
struct newest {
	const struct index_filter *filter;
	const char *trace; /* "" for any */
	struct exchange *x;
	size_t n, limit;
	uint32_t n_rows; /* of the index that were looked through for the trace */
};

struct asked {
	struct index_filter filter;
	char trace[9];
	bool is_json;
};

static bool is_undelivered(const struct exchange *x)
{
	return x->state == X_DONE && exchange_is_open(x);
}

static void put_json(const struct ctl *ctl, const struct exchange *x)
{
	const struct yt_op *op = ctl_operation(ctl, x);
	bool follows = (x->flags & REC_X_FOLLOW_UP) != 0 &&
	               x->op != YT_OP_CLAIM_BACK; /* wire number and amount it has are its settlement's */
	struct yt_buf out = { 0 };
	char text[20];

	yt_buf_byte(&out, '{');
	ctl_exchange(x->id, text);
	ctl_json_member(&out, "exchange", yt_str(text));
	ctl_json_member(&out, "state", yt_str(exchange_state_name(x->state)));
	ctl_json_member(&out, "operation", yt_str(op == NULL ? "unread" : op->name));
	ctl_json_member(&out, "wire_op", yt_str(follows ? "" : x->wire_op));
	ctl_json_member(&out, "flow", yt_str(x->flow));
	ctl_json_member(&out, "institution", yt_str(x->institution));
	ctl_json_member(&out, "number", yt_str(x->number));
	ctl_json_member(&out, "party", yt_str(x->party));
	ctl_json_member(&out, "visit", yt_str(x->visit));
	ctl_json_member(&out, "settlement", yt_str(x->settlement));
	ctl_json_member(&out, "original", yt_str(x->original));
	ctl_json_member(&out, "reference", yt_str(x->reference));
	ctl_json_member(&out, "code", yt_str(x->code));
	ctl_json_member(&out, "reason", yt_str(x->reason));
	ctl_json_member(&out, "trace", yt_str(x->trace));
	ctl_json_number(&out, "amount_fen", ctl_own_fen(x));
	ctl_json_number(&out, "fund_fen", x->fund_fen);
	ctl_json_number(&out, "account_fen", x->account_fen);
	ctl_json_number(&out, "cash_fen", x->cash_fen);
	ctl_json_number(&out, "accepted_ms", x->accepted_ms);
	ctl_json_number(&out, "closed_ms", x->closed_ms);
	ctl_json_number(&out, "attempts", x->attempts);
	ctl_json_number(&out, "reversals", x->reversals);
	yt_buf_printf(&out, ",\"open\":%s,\"answered\":%s,\"delivered\":%s,\"money_breach\":%s,\"late\":%s}\n",
	        exchange_is_open(x) ? "true" : "false", x->answered ? "true" : "false", x->delivered ? "true" : "false",
	        x->flags & REC_X_MONEY_BREACH ? "true" : "false", x->flags & REC_X_LATE ? "true" : "false");
	ctl_print_buf(&out, stdout);
}

static void put_heading(struct ctl_table *t)
{
	static const char *const heading[] = { "TIME (UTC+8)", "STATE", "OP", "INSTITUTION", "NUMBER", "PARTY", "YUAN",
		"VISIT", "SETTLEMENT", "EXCHANGE" };

	ctl_table_begin(t, sizeof(heading) / sizeof(heading[0]), 1u << 6);
	for (size_t i = 0; i < sizeof(heading) / sizeof(heading[0]); i++)
		ctl_table_cell(t, CTL_PLAIN, "%s", _(heading[i]));
}

static const char *or_dash(const char *text)
{
	return *text == '\0' ? "-" : text;
}

static void put(struct listing *l, const struct exchange *x)
{
	const struct yt_op *op = ctl_operation(l->ctl, x);
	bool follows = (x->flags & REC_X_FOLLOW_UP) != 0;
	char time[20], yuan[24] = "-", id[20];

	if (l->is_json) {
		l->n++;
		put_json(l->ctl, x);
		return;
	}
	if (l->n++ == 0)
		put_heading(&l->table);
	yt_time_print(x->accepted_ms, time);
	if (ctl_own_fen(x) != 0)
		ctl_yuan(ctl_own_fen(x), yuan);
	ctl_table_cell(&l->table, CTL_PLAIN, "%s", time);
	if (is_undelivered(x))
		ctl_table_cell(&l->table, CTL_YELLOW, "%s", _("undelivered"));
	else
		ctl_table_cell(&l->table, ctl_state_colour(x->state), "%s", _(exchange_state_name(x->state)));
	ctl_table_cell(&l->table, CTL_PLAIN, "%s", or_dash(!follows ? x->wire_op : op != NULL ? op->name : x->flow));
	ctl_table_cell(&l->table, CTL_PLAIN, "%s", or_dash(x->institution));
	ctl_table_cell(&l->table, CTL_PLAIN, "%s", or_dash(x->number));
	ctl_table_cell(&l->table, CTL_PLAIN, "%s", or_dash(x->party));
	ctl_table_cell(&l->table, CTL_PLAIN, "%s", yuan);
	ctl_table_cell(&l->table, CTL_PLAIN, "%s", or_dash(x->visit));
	ctl_table_cell(&l->table, CTL_PLAIN, "%s", or_dash(x->settlement));
	ctl_exchange(x->id, id);
	ctl_table_cell(&l->table, CTL_DIM, "%s", id);
}

static int newest_first(const void *a, const void *b)
{
	const struct exchange *left = a, *right = b;

	if (left->accepted_ms != right->accepted_ms)
		return left->accepted_ms < right->accepted_ms ? 1 : -1;
	return left->id < right->id ? 1 : left->id > right->id ? -1 : 0;
}

static void cut(struct newest *found)
{
	qsort(found->x, found->n, sizeof(*found->x), newest_first);
	if (found->n > found->limit)
		found->n = found->limit;
}

static int on_exchange(void *arg, const struct exchange *x)
{
	struct newest *found = arg;

	found->n_rows++;
	if (*found->trace != '\0' && strcmp(found->trace, x->trace) != 0)
		return 0;
	if (found->n == found->limit + SPARE)
		cut(found);
	found->x[found->n++] = *x;
	return 0;
}

static bool is_or_empty(struct yt_str wanted, const char *text)
{
	return wanted.n == 0 || yt_str_is(wanted, text);
}

/* All but state and day. */
static bool is_asked_for(const struct index_filter *f, const struct exchange *x)
{
	return is_or_empty(f->number, x->number) && is_or_empty(f->visit, x->visit) &&
	       is_or_empty(f->settlement, x->settlement) && is_or_empty(f->institution, x->institution) &&
	       is_or_empty(f->party, x->party);
}

static int on_query(void *arg, const struct rec *rec, log_pos pos)
{
	struct newest *found = arg;
	struct exchange x;

	memset(&x, 0, sizeof(x));
	exchange_apply(&x, rec, pos);
	if (is_asked_for(found->filter, &x))
		on_exchange(found, &x);
	return 0;
}

static int on_open(void *arg, const struct exchange *x)
{
	struct newest *found = arg;
	const struct index_filter *f = found->filter;
	int64_t from_ms, to_ms;

	(void)index_filter_times(f, &from_ms, &to_ms);
	if (is_asked_for(f, x) && x->accepted_ms >= from_ms && x->accepted_ms < to_ms &&
	        (yt_str_is(f->state, "open") || is_undelivered(x)))
		on_exchange(found, x);
	return 0;
}

/* What follows is older than all that was found. */
static int has_enough(void *arg)
{
	const struct newest *found = arg;
	size_t n_queries = 0;

	if (*found->trace != '\0' && found->n > 0)
		return 1;
	for (size_t i = 0; i < found->n; i++)
		n_queries += found->x[i].state == X_READ;
	return n_queries >= found->limit;
}

static int find_queries(struct ctl *ctl, struct index *index, struct newest *found)
{
	struct ctl_journal journal;
	int64_t from_ms, to_ms;
	int rv;

	if (index_filter_times(found->filter, &from_ms, &to_ms) != 0)
		return YT_EFORMAT;
	if (ctl_open_journal(ctl, false, &journal) != CTL_OK)
		return 0; /* it has said why; what the index has is shown */
	rv = ctl_each_query(index, &journal, from_ms, to_ms, on_query, has_enough, found);
	ctl_close_journal(&journal);
	if (rv == YT_ELIMIT)
		fprintf(stderr,
		        _("yitong: only the newest %d records of the journal were looked through for queries; "
		          "--day looks at another day\n"),
		        CTL_QUERY_RECORDS);
	else if (rv != 0)
		fprintf(stderr, _("yitong: queries are left out, the journal cannot be read (%s)\n"),
		        _(yt_strerror(rv)));
	return 0;
}

static int search(struct index *index, struct newest *found)
{
	struct index_filter filter = *found->filter;
	int64_t from_ms, to_ms;
	int rv;

	if (yt_str_is(filter.state, "open") || yt_str_is(filter.state, "undelivered"))
		return index_filter_times(&filter, &from_ms, &to_ms) != 0 ? YT_EFORMAT
		                                                          : index_open_exchanges(index, on_open, found);
	if (*found->trace != '\0')
		filter.limit = CTL_TRACE_ROWS;
	rv = index_search(index, &filter, on_exchange, found);
	if (rv == 0 && found->n == 0 && *found->trace != '\0' && found->n_rows >= CTL_TRACE_ROWS)
		fprintf(stderr,
		        _("yitong: only the newest %d exchanges were looked through for that trace; "
		          "--day or --institution looks at others\n"),
		        CTL_TRACE_ROWS);
	return rv;
}

/* What index_search() calls YT_EFORMAT. */
static int wrong_filter(const struct index_filter *filter)
{
	int64_t from_ms, to_ms;

	if (index_filter_times(filter, &from_ms, &to_ms) != 0)
		return ctl_usage(
		        "messages", "--day must be a date such as 2026-11-22, not \"%.*s\"", YT_FMT(filter->day));
	return ctl_usage("messages",
	        "--state must be one of accepted, sent, unknown, reversing, done, refused, reversed, parked or read, open, "
	        "or undelivered, not \"%.*s\"",
	        YT_FMT(filter->state));
}

/* A state's name in the chosen language is taken too: that is what the list shows. */
static struct yt_str state_of(const char *word)
{
	for (int state = X_ACCEPTED; state <= X_READ; state++)
		if (strcmp(word, _(exchange_state_name((enum exchange_state)state))) == 0)
			return yt_str(exchange_state_name((enum exchange_state)state));
	return yt_str(strcmp(word, _("undelivered")) == 0 ? "undelivered" : word);
}

static int list(struct ctl *ctl, const struct asked *asked)
{
	const struct index_filter *filter = &asked->filter;
	struct newest found = {
		.filter = filter, .trace = asked->trace, .limit = filter->limit == 0 ? DEFAULT_LIMIT : filter->limit
	};
	struct listing l = { .ctl = ctl, .is_json = asked->is_json };
	struct index *index = NULL;
	int rv = ctl_open_index(ctl, &index);

	if (rv != CTL_OK)
		return rv;
	found.x = malloc((found.limit + SPARE) * sizeof(*found.x));
	YT_REQUIRE(found.x != NULL);
	rv = search(index, &found);
	if (rv == 0 && is_or_empty(filter->state, "read") && has_enough(&found) == 0)
		rv = find_queries(ctl, index, &found);
	index_close(index);
	cut(&found);
	for (size_t i = 0; i < found.n; i++)
		put(&l, &found.x[i]);
	free(found.x);
	if (l.n > 0 && !l.is_json)
		ctl_table_print(ctl, &l.table, stdout);
	if (rv == YT_EFORMAT)
		return wrong_filter(filter);
	if (rv != 0)
		return ctl_fail(
		        CTL_CANNOT, "the index cannot be read (%s): `yitong index rebuild`", _(yt_strerror(rv)));
	if (l.n == 0)
		return ctl_fail(CTL_FOUND, "nothing found; what came in during the last second may not be listed yet");
	return CTL_OK;
}

int ctl_messages(struct ctl *ctl, int argc, char **argv)
{
	struct asked asked = { 0 };
	struct index_filter *f = &asked.filter;
	const char *number = NULL, *visit = NULL, *settlement = NULL, *institution = NULL, *party = NULL, *trace = NULL,
	           *state = NULL, *day = NULL, *limit = NULL;
	const struct ctl_option own[] = { { "number", .text = &number }, { "visit", .text = &visit },
		{ "settlement", .text = &settlement }, { "institution", .text = &institution },
		{ "party", .text = &party }, { "trace", .text = &trace }, { "state", .text = &state },
		{ "day", .text = &day }, { "limit", .text = &limit }, { NULL } };
	int rv = ctl_options(ctl, "messages", argc, argv, own, &asked.is_json);

	if (rv != CTL_GO_ON)
		return rv;
	f->number = yt_str(number);
	f->visit = yt_str(visit);
	f->settlement = yt_str(settlement);
	f->institution = yt_str(institution);
	f->party = yt_str(party);
	f->day = yt_str(day);
	if (state != NULL)
		f->state = state_of(state);
	if (limit != NULL && !ctl_number(limit, 100000, &f->limit))
		return ctl_usage("messages", "--limit must be 1 to 100000");
	if (trace != NULL && !ctl_parse_trace(yt_str(trace), asked.trace))
		return ctl_usage("messages", "--trace is eight letters and digits such as 7B3348LZ, not \"%s\"", trace);
	if (optind < argc)
		return ctl_usage(
		        "messages", "what is \"%s\"? A number goes with --number, a visit with --visit", argv[optind]);
	return list(ctl, &asked);
}
