/* core/ctl/ctl_audit.c - `yitong audit`: who revealed or decided what, and when the configuration changed.
 *
 * Read from the log itself, oldest first: what was shown raw (REC_AUDIT), what an operator decided about parked
 * exchanges (REC_DECIDED) and each configuration that became active (REC_GENERATION).  The index has no rows of
 * these; where a day is asked for, it tells from where on to read. */
#include "ctl/ctl.h"

#include <getopt.h>
#include <string.h>

#define LATER_MAX 10000 /* records later than the day, before the rest is taken to be later too */

/* As core/process/control_people.c writes them. */
#define LOADED "enrolment load "
#define CHECKED "enrolment check "
#define PROPOSED "proposed "
#define CONFIRMED "confirmed "

struct auditing {
	struct yt_str operator_name; /* "" for any */
	int64_t from_ms, to_ms;
	uint64_t n_later;
	struct ctl_table table;
	bool is_json;
	uint32_t n;
};

struct act {
	int64_t wall_ms;
	struct yt_str operator_name, reason;
	char what[96], exchange[20];
};

static void read_exchange(const struct rec *rec, struct act *act)
{
	struct yt_str named = rec_get(rec, REC_T_NUMBER); /* what an audit is about is not part of that exchange */
	uint64_t id;

	if (rec->exchange != 0)
		ctl_exchange(rec->exchange, act->exchange);
	else if (ctl_parse_exchange(named, &id))
		ctl_exchange(id, act->exchange);
}

/* False: nobody's act. */
static bool read_act(const struct rec *rec, struct act *act)
{
	struct yt_str word = rec_get(rec, REC_T_RESULT), digest = rec_get(rec, REC_T_DIGEST);

	memset(act, 0, sizeof(*act));
	act->wall_ms = rec->wall_ms;
	act->operator_name = rec_get(rec, REC_T_OPERATOR);
	act->reason = rec_get(rec, REC_T_REASON);
	if (rec->type == REC_AUDIT && yt_str_starts(word, PROPOSED)) {
		snprintf(act->what, sizeof(act->what), _("proposed %.*s"), (int)(word.n - strlen(PROPOSED)),
		        word.p + strlen(PROPOSED));
	} else if (rec->type == REC_AUDIT && yt_str_starts(word, CONFIRMED)) {
		snprintf(act->what, sizeof(act->what), _("confirmed %.*s"), (int)(word.n - strlen(CONFIRMED)),
		        word.p + strlen(CONFIRMED));
	} else if (rec->type == REC_AUDIT && yt_str_starts(word, LOADED)) {
		snprintf(act->what, sizeof(act->what), _("enrolment load %.*s"), (int)(word.n - strlen(LOADED)),
		        word.p + strlen(LOADED));
	} else if (rec->type == REC_AUDIT && yt_str_starts(word, CHECKED)) {
		snprintf(act->what, sizeof(act->what), _("enrolment check %.*s"), (int)(word.n - strlen(CHECKED)),
		        word.p + strlen(CHECKED));
	} else if (rec->type == REC_AUDIT) {
		snprintf(act->what, sizeof(act->what), "%.*s", YT_FMT(word));
	} else if (rec->type == REC_DECIDED && rec_get(rec, REC_T_OWNER).n > 0 && !yt_str_is(word, "park")) {
		/* Who holds something needs nobody's word; its owner is who is to look at it. */
		snprintf(act->what, sizeof(act->what), _("decided %.*s, as %.*s proposed"), YT_FMT(word),
		        YT_FMT(rec_get(rec, REC_T_OWNER)));
	} else if (rec->type == REC_DECIDED) {
		snprintf(act->what, sizeof(act->what), _("decided %.*s"), YT_FMT(word));
	} else if (rec->type == REC_LANE) {
		snprintf(act->what, sizeof(act->what),
		        yt_str_is(word, "stopped") ? _("lane %.*s stopped") : _("lane %.*s started"),
		        YT_FMT(rec_get(rec, REC_T_PARTY)));
	} else if (rec->type == REC_GENERATION && digest.n >= 4) {
		const uint8_t *d = (const uint8_t *)digest.p;

		snprintf(act->what, sizeof(act->what), _("configuration %llu active, %02x%02x%02x%02x"),
		        (unsigned long long)rec_get_u64(rec, REC_T_GENERATION), d[0], d[1], d[2], d[3]);
	} else {
		return false;
	}
	read_exchange(rec, act);
	return true;
}

static bool is_asked_for(const struct auditing *a, const struct act *act)
{
	if (act->wall_ms < a->from_ms || act->wall_ms >= a->to_ms)
		return false;
	if (a->operator_name.n == 0)
		return !yt_str_is(act->operator_name, "keeper");
	return yt_str_eq(a->operator_name, act->operator_name);
}

static void put_json(const struct act *act)
{
	struct yt_buf out = { 0 };

	yt_buf_byte(&out, '{');
	ctl_json_number(&out, "wall_ms", act->wall_ms);
	ctl_json_member(&out, "operator", act->operator_name);
	ctl_json_member(&out, "act", yt_str(act->what));
	ctl_json_member(&out, "exchange", yt_str(act->exchange));
	ctl_json_member(&out, "reason", act->reason);
	yt_buf_text(&out, "}\n");
	ctl_print_buf(&out, stdout);
}

static void put_row(struct auditing *a, const struct act *act)
{
	static const char *const heading[] = { "TIME (UTC+8)", "OPERATOR", "ACT", "EXCHANGE", "REASON" };
	char time[20];

	if (a->n == 0) {
		ctl_table_begin(&a->table, 5, 0);
		for (size_t i = 0; i < 5; i++)
			ctl_table_cell(&a->table, CTL_PLAIN, "%s", _(heading[i]));
	}
	yt_time_print(act->wall_ms, time);
	ctl_table_cell(&a->table, CTL_PLAIN, "%s", time);
	ctl_table_cell(
	        &a->table, CTL_BOLD, "%.*s", YT_FMT(act->operator_name.n > 0 ? act->operator_name : YT_STR("-")));
	ctl_table_cell(&a->table, CTL_PLAIN, "%s", _(act->what));
	ctl_table_cell(&a->table, CTL_PLAIN, "%s", *act->exchange == '\0' ? "-" : act->exchange);
	ctl_table_cell(&a->table, CTL_PLAIN, "%.*s", YT_FMT(act->reason.n > 0 ? act->reason : YT_STR("-")));
}

static int on_record(void *arg, const struct rec *rec, log_pos pos)
{
	struct auditing *a = arg;
	struct act act;

	(void)pos;
	if (rec->wall_ms >= a->to_ms + INDEX_BUCKET_MS && ++a->n_later >= LATER_MAX)
		return 1; /* the log has gone past that day */
	if (!read_act(rec, &act) || !is_asked_for(a, &act))
		return 0;
	if (a->is_json)
		put_json(&act);
	else
		put_row(a, &act);
	a->n++;
	return 0;
}

/* A position that lies before that day; 0, the oldest record, when the index cannot tell one. */
static log_pos day_begins(struct ctl *ctl, int64_t from_ms)
{
	struct index_queries before;
	struct index *index = NULL;
	log_pos pos = 0;

	if (index_open(&index, ctl->conf->journal.index, false) != 0)
		return 0;
	if (index_query_buckets(index, INT64_MIN / 2, from_ms - INDEX_BUCKET_MS, &before, 1) == 1)
		pos = before.position;
	index_close(index);
	return pos;
}

static int list(struct ctl *ctl, struct auditing *a, bool is_one_day)
{
	struct log_problem why = { 0 };
	struct ctl_journal j;
	log_pos from;
	int rv = ctl_open_journal(ctl, false, &j);

	if (rv == CTL_OK) {
		from = is_one_day ? day_begins(ctl, a->from_ms) : 0;
		rv = log_scan(&j.io, &j.conf, from, 0, false, on_record, a, &why);
		if (rv == YT_ENOTFOUND && from != 0) /* past its retention */
			rv = log_scan(&j.io, &j.conf, 0, 0, false, on_record, a, &why);
		if (a->n > 0 && !a->is_json)
			ctl_table_print(ctl, &a->table, stdout);
		if (rv < 0)
			rv = ctl_fail(CTL_CANNOT,
			        "the journal cannot be read to its end (%s): see `yitong journal verify`",
			        *why.why != '\0' ? why.why : _(yt_strerror(rv)));
		else
			rv = a->n > 0 ? CTL_OK : ctl_fail(CTL_FOUND, "nothing found");
	}
	ctl_close_journal(&j);
	return rv;
}

int ctl_audit(struct ctl *ctl, int argc, char **argv)
{
	struct auditing a = { 0 };
	const char *day_text = NULL, *operator_name = NULL;
	const struct ctl_option own[] = { { "day", .text = &day_text }, { "operator", .text = &operator_name },
		{ NULL } };
	int rv = ctl_options(ctl, "audit", argc, argv, own, &a.is_json);
	struct index_filter day = { .day = yt_str(day_text) };

	if (rv != CTL_GO_ON)
		return rv;
	a.operator_name = yt_str(operator_name);
	if (optind < argc)
		return ctl_usage(
		        "audit", "what is \"%s\"? A day goes with --day, a name with --operator", argv[optind]);
	if (index_filter_times(&day, &a.from_ms, &a.to_ms) != 0)
		return ctl_usage("audit", "--day must be a date such as 2026-11-22, not \"%.*s\"", YT_FMT(day.day));
	return list(ctl, &a, day.day.n > 0);
}
