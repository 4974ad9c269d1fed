/* core/ctl/ctl_show.c - `yitong show`: one exchange as its records tell it, step by step.
 *
 * The index says in which commits its records are, the part of the log behind the index is looked
 * through, and each commit is read whole.  Bodies are masked (mask.c); --raw is audited by the keeper
 * before anything is read. */
#include "ctl/ctl.h"

#include <getopt.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process/control_ask.h"

#define PLACES_MAX 4096

struct showing {
	struct ctl *ctl;
	struct index *index;
	struct ctl_journal journal;
	struct yt_str wanted; /* as typed */
	char trace[9];        /* of what was typed, when it may be one */
	uint32_t n_rows;      /* looked through for it */
	bool was_cut;         /* and there was more */
	uint64_t id;
	log_pos place[PLACES_MAX];
	size_t n_places;
	struct yt_buf records;                 /* of the exchange, whole, back to back */
	struct exchange x;                     /* folded from them */
	char followed_by[EXCHANGE_NUMBER_MAX]; /* "" nothing, or none is in the index */
	bool is_raw, has_bodies, is_json, bodies_are_sealed;
	struct ctl_who who;
};

/* ---- finding it ---- */

static int on_candidate(void *arg, const struct exchange *x)
{
	struct showing *s = arg;
	struct exchange admitted;

	if (index_find(s->index, yt_str(x->institution), yt_str(x->number), &admitted) == 0)
		s->id = admitted.id; /* not its refused doubles */
	else
		s->id = x->id;
	return 1;
}

static int on_row(void *arg, const struct exchange *x)
{
	struct showing *s = arg;

	s->was_cut = ++s->n_rows == CTL_TRACE_ROWS;
	if (strcmp(x->trace, s->trace) != 0)
		return 0;
	s->id = x->id;
	return 1;
}

static bool is_wanted(const struct showing *s, const struct rec *rec)
{
	uint64_t id;

	return yt_str_eq(rec_get(rec, REC_T_NUMBER), s->wanted) ||
	       (ctl_parse_exchange(s->wanted, &id) && id == rec->exchange) ||
	       (*s->trace != '\0' && yt_str_is(rec_get(rec, REC_T_TRACE), s->trace));
}

static int find_in_index(struct showing *s)
{
	const struct index_filter newest = { .limit = CTL_TRACE_ROWS };
	struct index_filter by_number = { .number = s->wanted, .limit = 1 };
	uint64_t id;
	int rv;

	if (ctl_parse_exchange(s->wanted, &id) && index_get(s->index, id, &s->x) == 0)
		s->id = id;
	rv = s->id != 0 ? 0 : index_search(s->index, &by_number, on_candidate, s);
	if (rv == 0 && s->id == 0 && *s->trace != '\0')
		rv = index_search(s->index, &newest, on_row, s);
	if (rv < 0)
		return ctl_fail(
		        CTL_CANNOT, "the index cannot be read (%s): `yitong index rebuild`", _(yt_strerror(rv)));
	rv = s->id == 0 ? 0 : index_positions(s->index, s->id, s->place, PLACES_MAX);
	if (rv < 0)
		return ctl_fail(
		        CTL_CANNOT, "the index cannot be read (%s): `yitong index rebuild`", _(yt_strerror(rv)));
	s->n_places = (size_t)rv;
	return CTL_OK;
}

/* What the index has not come to yet. */
static int on_tail(void *arg, const struct rec *rec, log_pos pos)
{
	struct showing *s = arg;

	if (s->id == 0 && (rec->type == REC_ACCEPTED || rec->type == REC_READ || rec->type == REC_REFUSED) &&
	        is_wanted(s, rec))
		s->id = rec->exchange;
	if (s->id != 0 && rec->exchange == s->id && s->n_places < PLACES_MAX &&
	        (s->n_places == 0 || s->place[s->n_places - 1] < pos))
		s->place[s->n_places++] = pos;
	return 0;
}

/* The newest query of that number: rows of queries are not in the index. */
static int on_query(void *arg, const struct rec *rec, log_pos pos)
{
	struct showing *s = arg;

	if (is_wanted(s, rec)) {
		s->id = rec->exchange;
		s->place[0] = pos;
		s->n_places = 1;
	}
	return 0;
}

static int is_found(void *arg)
{
	return ((const struct showing *)arg)->id != 0;
}

static int not_found(const struct showing *s)
{
	return ctl_fail(CTL_FOUND,
	        "no exchange has the number%s %.*s%s; `yitong messages` searches by visit, settlement and day",
	        *s->trace == '\0' ? "" : _(" or trace"), YT_FMT(s->wanted),
	        s->was_cut ? _(", as far as was looked (older exchanges: `yitong messages --trace TRACE --day DAY`)")
	                   : "");
}

static int find(struct showing *s)
{
	struct log_problem why = { 0 };
	int rv = find_in_index(s);

	if (rv != CTL_OK)
		return rv;
	if (s->id == 0)
		s->was_cut |= ctl_each_query(s->index, &s->journal, INT64_MIN / 2, INT64_MAX / 2, on_query, is_found,
		                      s) == YT_ELIMIT;
	if (s->id != 0 && s->n_places > 0 && index_get(s->index, s->id, &s->x) == YT_ENOTFOUND)
		return CTL_OK; /* a query is one record */
	rv = log_scan(&s->journal.io, &s->journal.conf, index_position(s->index), 0, false, on_tail, s, &why);
	if (rv != 0 && rv != YT_ENOTFOUND)
		return ctl_fail(CTL_CANNOT, "the journal cannot be read: %s",
		        *why.why != '\0' ? _(why.why) : _(yt_strerror(rv)));
	if (s->id == 0)
		return not_found(s);
	return CTL_OK;
}

/* ---- reading it ---- */

static int read_records(struct showing *s)
{
	struct ctl_records read = { 0 };
	int rv = ctl_records(&s->journal, s->id, s->place, s->n_places, &read);

	s->records = read.records;
	s->x = read.x;
	s->bodies_are_sealed = read.is_sealed;
	if (rv != 0)
		return ctl_fail(
		        CTL_CANNOT, "the journal cannot be read (%s): see `yitong journal verify`", _(yt_strerror(rv)));
	if (s->records.n == 0)
		return ctl_fail(CTL_FOUND, "all records of that exchange are past their retention");
	return CTL_OK;
}

static int on_follow_up(void *arg, const struct exchange *x)
{
	struct showing *s = arg;

	snprintf(s->followed_by, sizeof(s->followed_by), "%s", x->number);
	return 0;
}

/* A claim, a payment: what follows from a settlement has a number made of it. */
static void find_follow_up(struct showing *s)
{
	char number[EXCHANGE_NUMBER_MAX];
	struct index_filter by_number = { .limit = 1 };

	if ((s->x.flags & REC_X_FOLLOW_UP) != 0 || exchange_is_cancel(&s->x) || s->x.settlement[0] == '\0' ||
	        !exchange_follow_up_number(s->x.settlement, number))
		return;
	by_number.number = yt_str(number);
	(void)index_search(s->index, &by_number, on_follow_up, s); /* without it all else is shown */
}

/* ---- raw: only when it is written down who looked ---- */

const char *ctl_user(void)
{
	const char *sudo = getenv("SUDO_USER");
	const struct passwd *pw = getpwuid(getuid());

	return sudo != NULL ? sudo : pw != NULL ? pw->pw_name : "unknown";
}

static int audit(struct showing *s)
{
	struct yt_arena *arena = yt_arena_new(1 << 20);
	struct yt_buf request = { 0 };
	struct yt_node *answer;
	char id[20], why[300];
	int rv;

	YT_REQUIRE(arena != NULL);
	ctl_exchange(s->id, id);
	yt_buf_byte(&request, '{');
	ctl_json_member(&request, "do", YT_STR("audit"));
	ctl_json_member(&request, "act", YT_STR("show raw"));
	ctl_json_member(&request, "exchange", yt_str(id));
	ctl_json_member(&request, "operator", yt_str(s->who.operator_name));
	ctl_json_member(&request, "reason", yt_str(s->who.reason));
	yt_buf_byte(&request, '}');
	rv = control_ask(s->ctl->conf->gateway.run_dir, yt_buf_view(&request), arena, &answer, why, sizeof(why));
	yt_buf_free(&request);
	yt_arena_free(arena);
	if (rv == 0)
		return CTL_OK;
	return ctl_fail(CTL_CANNOT, "raw text is not shown, as it cannot be written down who looked: %s", why);
}

/* ---- printing ---- */

enum field_kind { F_TEXT, F_REASON, F_LEG, F_OUTCOME, F_MS, F_TIME, F_NUMBER, F_EXCHANGE };

static const struct field {
	enum rec_tag tag;
	enum field_kind kind;
	const char *before;
} fields[] = {
	{ REC_T_LISTENER, F_TEXT, N_("by") },
	{ REC_T_LEG, F_LEG, "" },
	{ REC_T_PARTY, F_TEXT, N_("to") },
	{ REC_T_OUTCOME, F_OUTCOME, "" },
	{ REC_T_ABOUT, F_TEXT, N_("about") },
	{ REC_T_RESULT, F_REASON, "" },
	{ REC_T_CODE, F_TEXT, N_("code") },
	{ REC_T_REASON, F_REASON, "" },
	{ REC_T_OPERATOR, F_TEXT, N_("operator") },
	{ REC_T_OWNER, F_TEXT, N_("for") },
	{ REC_T_ATTEMPT, F_NUMBER, N_("try") },
	{ REC_T_JOINS, F_EXCHANGE, N_("joins exchange") },
	{ REC_T_ORIGINAL, F_TEXT, N_("of") },
	{ REC_T_SETTLEMENT, F_TEXT, N_("settlement") },
	{ REC_T_REFERENCE, F_TEXT, N_("their number") },
	{ REC_T_PAY_NO, F_TEXT, "pay_no" },
	{ REC_T_ORIG_PAY_NO, F_TEXT, "orig_pay_no" },
	{ REC_T_UETR, F_TEXT, "uetr" },
	{ REC_T_PAY_SERIAL, F_TEXT, "bank_serial" },
	{ REC_T_DUE, F_TIME, N_("next try") },
	{ REC_T_DEADLINE, F_TIME, N_("until") },
	{ REC_T_ELAPSED, F_MS, N_("after") },
};

static const char *leg_name(uint64_t leg)
{
	static const char *const names[] = { "", N_("main leg"), N_("query"), N_("reversal"), N_("sign-in"),
		N_("same octets again"), N_("step of its flow"), N_("what undoes a step"),
		N_("what takes a step back to do it again") };

	return leg < sizeof(names) / sizeof(names[0]) ? _(names[leg]) : _("leg");
}

static const char *outcome_name(uint64_t outcome)
{
	return outcome == YT_DONE      ? _("done")
	       : outcome == YT_REFUSED ? _("refused")
	       : outcome == YT_UNKNOWN ? _("unknown")
	                               : "?";
}

static void describe_field(struct yt_buf *out, const struct field *f, const struct rec *rec)
{
	struct yt_str value = rec_get(rec, f->tag);
	char time[24], reason[512], told[600];

	if (value.n == 0)
		return;
	yt_buf_printf(out, "%s%s%s", out->n == 0 ? "" : _(", "), _(f->before), *f->before == '\0' ? "" : " ");
	switch (f->kind) {
	case F_TEXT:
		yt_buf_str(out, value);
		break;
	case F_REASON:
		snprintf(reason, sizeof(reason), "%.*s", YT_FMT(value));
		ctl_reason(reason, told, sizeof(told));
		yt_buf_text(out, told);
		break;
	case F_LEG:
		yt_buf_text(out, leg_name(rec_get_u64(rec, f->tag)));
		break;
	case F_OUTCOME:
		yt_buf_text(out, outcome_name(rec_get_u64(rec, f->tag)));
		break;
	case F_MS:
		yt_buf_printf(out, "%llu ms", (unsigned long long)rec_get_u64(rec, f->tag));
		break;
	case F_TIME:
		ctl_time(rec_get_i64(rec, f->tag), time);
		yt_buf_text(out, time);
		break;
	case F_NUMBER:
		yt_buf_printf(out, "%llu", (unsigned long long)rec_get_u64(rec, f->tag));
		break;
	case F_EXCHANGE:
		ctl_exchange(rec_get_u64(rec, f->tag), time);
		yt_buf_text(out, time);
		break;
	}
}

static void describe(struct yt_buf *out, const struct rec *rec)
{
	struct rec_field field;
	size_t at = 0;

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		describe_field(out, &fields[i], rec);
	/* The origin's own stands in the head; here are those of our legs. */
	if (rec->type != REC_ACCEPTED && rec->type != REC_READ && rec->type != REC_REFUSED &&
	        rec_get(rec, REC_T_NUMBER).n > 0)
		yt_buf_printf(out, _("%snumber %.*s"), out->n == 0 ? "" : _(", "), YT_FMT(rec_get(rec, REC_T_NUMBER)));
	while (rec_next(rec, &at, &field))
		if (field.tag >= REC_BODY)
			yt_buf_printf(out, _("%s%s of %zu bytes"), out->n == 0 ? "" : _(", "),
			        _(rec_tag_name(field.tag)), field.value.n);
	yt_buf_byte(out, 0);
}

/* Chinese characters take two columns, which printf() does not know. */
static void print_label(const char *label)
{
	printf("  %s%*s", _(label), (int)(13 - ctl_width(yt_str(_(label)))), "");
}

static void print_line(const char *label, const char *text)
{
	struct yt_buf clean = { 0 };

	if (*text != '\0') {
		ctl_clean(&clean, yt_str(text));
		print_label(label);
		printf("%.*s\n", YT_FMT(yt_buf_view(&clean)));
	}
	yt_buf_free(&clean);
}

/* Who pays what is known from a success only, and not from one that an operator decided. */
static bool has_amounts(const struct exchange *x)
{
	return x->state == X_DONE && (x->fund_fen != 0 || x->account_fen != 0 || x->cash_fen != 0);
}

static void print_head(const struct showing *s)
{
	const struct exchange *x = &s->x;
	const struct yt_op *op = ctl_operation(s->ctl, x);
	bool follows = (x->flags & REC_X_FOLLOW_UP) != 0;
	char total[24], fund[24], account[24], cash[24], id[20];

	ctl_exchange(x->id, id);
	printf(_("Exchange %s  %s %s %s  %s%s%s%s%s\n"), id, op == NULL ? "" : op->name, op == NULL ? "" : op->zh,
	        follows ? ctl_flow(x) : x->wire_op, ctl_colour(s->ctl, ctl_state_colour(x->state)),
	        _(exchange_state_name(x->state)), ctl_colour(s->ctl, CTL_PLAIN),
	        x->flags & REC_X_MONEY_BREACH ? _(", DOES NOT ADD UP") : "",
	        x->flags & REC_X_LATE ? _(", answered late") : "");
	print_line("institution", x->institution);
	print_line("number", x->number);
	print_line("trace", x->trace);
	print_line("party", x->party);
	print_line("visit", x->visit);
	print_line("batch", x->batch);
	print_line("settlement", x->settlement);
	if (follows)
		print_line("follows", x->original);
	else if (x->op == YT_OP_REVERSE)
		print_line("reverses", x->original);
	else
		print_line("cancels", x->original);
	print_line("followed by", s->followed_by);
	ctl_yuan(x->amount_fen, total);
	if (has_amounts(x)) {
		ctl_yuan(x->fund_fen, fund);
		ctl_yuan(x->account_fen, account);
		ctl_yuan(x->cash_fen, cash);
		print_label("amount");
		printf(_("%s yuan: fund %s, account %s, cash %s\n"), total, fund, account, cash);
	} else if (x->amount_fen != 0 && !follows) {
		print_label("amount");
		printf(_("%s yuan asked for\n"), total);
	}
	if (x->state == X_DONE && !x->delivered && (x->flags & REC_X_SETTLEMENT))
		print_line("delivery", _("not proved: the origin did not take the answer"));
}

static void print_steps(const struct showing *s)
{
	static const char *const heading[] = { "TIME (UTC+8)", "+MS", "STEP", "WHAT" };
	struct yt_str rest = yt_buf_view(&s->records);
	struct ctl_table table;
	int64_t first_ms = 0;
	struct rec rec;
	size_t used;

	ctl_table_begin(&table, 4, 1u << 1);
	for (int i = 0; i < 4; i++)
		ctl_table_cell(&table, CTL_PLAIN, "%s", _(heading[i]));
	for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used) {
		struct yt_buf what = { 0 };
		char time[24];

		first_ms = first_ms == 0 ? rec.wall_ms : first_ms;
		describe(&what, &rec);
		ctl_time(rec.wall_ms, time);
		ctl_table_cell(&table, CTL_PLAIN, "%s", time);
		ctl_table_cell(&table, CTL_DIM, "%lld", (long long)(rec.wall_ms - first_ms));
		ctl_table_cell(&table, CTL_BOLD, "%s", _(rec_type_name(rec.type)));
		ctl_table_cell(&table, CTL_PLAIN, "%s", (const char *)what.p);
		yt_buf_free(&what);
	}
	ctl_table_print(s->ctl, &table, stdout);
}

static void print_bodies(const struct showing *s)
{
	struct yt_str rest = yt_buf_view(&s->records);
	struct rec rec;
	size_t used, n = 0;

	for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used) {
		struct rec_field field;
		size_t at = 0;

		if (rec.flags & REC_ERASED)
			printf(_("\nThe bodies of %s were erased: their day's key is destroyed.\n"),
			        _(rec_type_name(rec.type)));

		while (rec_next(&rec, &at, &field)) {
			struct yt_buf out = { 0 };

			if (field.tag < REC_BODY)
				continue;
			n++;
			printf("\n%s%s%s (%s)\n    ", ctl_colour(s->ctl, CTL_BOLD), _(rec_tag_name(field.tag)),
			        ctl_colour(s->ctl, CTL_PLAIN), _(rec_type_name(rec.type)));
			ctl_body(&out, field.value, s->is_raw);
			yt_buf_byte(&out, '\n');
			ctl_print_buf(&out, stdout);
		}
	}
	if (s->bodies_are_sealed)
		printf(_("\nThe bodies are encrypted and the keys are not here.\n"));
	else if (!s->is_raw && n > 0)
		printf(_("\n「***(n)」 stands for n characters that are not shown; --raw --reason TEXT shows them.\n"));
}

static void print_json(const struct showing *s)
{
	bool follows = (s->x.flags & REC_X_FOLLOW_UP) != 0;
	struct yt_str rest = yt_buf_view(&s->records);
	struct yt_buf out = { 0 };
	struct rec rec;
	size_t used;
	char id[20];

	ctl_exchange(s->id, id);
	yt_buf_byte(&out, '{');
	ctl_json_member(&out, "exchange", yt_str(id));
	ctl_json_member(&out, "state", yt_str(exchange_state_name(s->x.state)));
	ctl_json_member(&out, "institution", yt_str(s->x.institution));
	ctl_json_member(&out, "number", yt_str(s->x.number));
	ctl_json_member(&out, "wire_op", yt_str(follows ? "" : s->x.wire_op));
	ctl_json_member(&out, "flow", yt_str(s->x.flow));
	ctl_json_member(&out, "followed_by", yt_str(s->followed_by));
	ctl_json_member(&out, "trace", yt_str(s->x.trace));
	ctl_json_number(&out, "amount_fen", follows ? 0 : s->x.amount_fen);
	yt_buf_text(&out, ",\"steps\":[");
	for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used) {
		struct yt_buf what = { 0 };

		describe(&what, &rec);
		yt_buf_printf(&out, "%s{", out.p[out.n - 1] == '[' ? "" : ",");
		ctl_json_number(&out, "wall_ms", rec.wall_ms);
		ctl_json_member(&out, "step", yt_str(rec_type_name(rec.type)));
		ctl_json_member(&out, "what", yt_str((const char *)what.p));
		yt_buf_byte(&out, '}');
		yt_buf_free(&what);
	}
	yt_buf_text(&out, "]}\n");
	ctl_print_buf(&out, stdout);
}

static int show(struct showing *s)
{
	int rv = ctl_open_index(s->ctl, &s->index);

	if (rv == CTL_OK)
		rv = ctl_open_journal(s->ctl, false, &s->journal);
	if (rv == CTL_OK)
		rv = find(s);
	if (rv == CTL_OK && s->is_raw)
		rv = audit(s);
	if (rv == CTL_OK && s->has_bodies && s->ctl->conf->journal.keys != NULL &&
	        access(s->ctl->conf->journal.keys, R_OK | X_OK) == 0) {
		ctl_close_journal(&s->journal);
		rv = ctl_open_journal(s->ctl, true, &s->journal);
	}
	if (rv == CTL_OK)
		rv = read_records(s);
	if (rv != CTL_OK)
		return rv;
	find_follow_up(s);
	if (s->is_json) {
		print_json(s);
		return CTL_OK;
	}
	print_head(s);
	printf("\n");
	print_steps(s);
	if (s->has_bodies)
		print_bodies(s);
	return CTL_OK;
}

static int with_arguments(struct showing *s, int argc, char **argv)
{
	int rv;

	if (optind + 1 != argc)
		return ctl_usage("show", "say which: one message number, exchange or trace");
	rv = s->is_raw ? ctl_who("show", true, &s->who) : CTL_GO_ON;
	if (rv != CTL_GO_ON)
		return rv;
	if (s->is_raw && s->is_json)
		return ctl_usage("show", "--json has no bodies: leave --raw out");
	s->wanted = yt_str(argv[optind]);
	if (!ctl_parse_trace(s->wanted, s->trace))
		*s->trace = '\0';
	s->has_bodies = s->has_bodies && !s->is_json;
	rv = show(s);
	index_close(s->index);
	ctl_close_journal(&s->journal);
	yt_buf_free(&s->records);
	return rv;
}

int ctl_show(struct ctl *ctl, int argc, char **argv)
{
	bool is_raw = false, no_bodies = false, is_json = false;
	struct ctl_who who = { 0 };
	const struct ctl_option own[] = { { "raw", .flag = &is_raw }, CTL_WHO_OPTIONS(&who),
		{ "no-bodies", .flag = &no_bodies }, { NULL } };
	int rv = ctl_options(ctl, "show", argc, argv, own, &is_json);
	struct showing *s;

	if (rv != CTL_GO_ON)
		return rv;
	s = calloc(1, sizeof(*s));
	YT_REQUIRE(s != NULL);
	s->ctl = ctl;
	s->is_raw = is_raw;
	s->has_bodies = !no_bodies;
	s->is_json = is_json;
	s->who = who;
	rv = with_arguments(s, argc, argv);
	free(s);
	return rv;
}
