/* core/ctl/ctl_case.c - `yitong case`: the way of the money of one visit, and what of it is still open.
 *
 * Settlements and their cancels, what follows from them, and what was told beside them, oldest first, each with the
 * parties that were asked.  Found in the index by the visit's number (or by a settlement's or a payment's, which name
 * the visit), and in the part of the log that the index does not have yet. */
#include "ctl/ctl_case.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "yitong/payout.h"

#define EXCHANGES_MAX 1000 /* of one visit */
#define PLACES_MAX 1024    /* commits of one exchange */

struct found {
	struct exchange x;
	struct case_steps steps;
	bool is_sealed;
};

struct telling {
	struct desk desk;
	struct index *index;
	struct ctl_journal journal;
	struct yt_str wanted;
	char visit[40];
	uint64_t id[EXCHANGES_MAX];
	size_t n, n_left_out;
	struct {
		uint64_t id;
		log_pos pos;
	} tail[PLACES_MAX]; /* commits behind the index that have records of these */
	size_t n_tail;
	struct found *found;
	struct ctl_table table;
	bool is_json, is_list;
};

/* ---- finding ------------------------------------------------------------------------------------- */

static bool is_of(const struct telling *t, struct yt_str visit, struct yt_str settlement)
{
	return (visit.n > 0 && (yt_str_eq(visit, t->wanted) || yt_str_is(visit, t->visit))) ||
	       (settlement.n > 0 && yt_str_eq(settlement, t->wanted));
}

static bool is_listed(const struct telling *t, uint64_t id)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->id[i] == id)
			return true;
	return false;
}

static void add(struct telling *t, uint64_t id)
{
	if (!is_listed(t, id) && t->n < EXCHANGES_MAX)
		t->id[t->n++] = id;
}

static int on_row(void *arg, const struct exchange *x)
{
	struct telling *t = arg;

	if (t->visit[0] == '\0')
		memcpy(t->visit, x->visit, sizeof(t->visit));
	add(t, x->id);
	return 0;
}

/* What the index has not come to yet. */
static int on_tail(void *arg, const struct rec *rec, log_pos pos)
{
	struct telling *t = arg;

	if (rec->exchange == 0 || rec->type == REC_READ || rec->type == REC_FACTS)
		return 0;
	if (is_of(t, rec_get(rec, REC_T_VISIT), rec_get(rec, REC_T_SETTLEMENT)))
		add(t, rec->exchange);
	if (!is_listed(t, rec->exchange) || t->n_tail == PLACES_MAX ||
	        (t->n_tail > 0 && t->tail[t->n_tail - 1].id == rec->exchange && t->tail[t->n_tail - 1].pos == pos))
		return 0;
	t->tail[t->n_tail].id = rec->exchange;
	t->tail[t->n_tail++].pos = pos;
	return 0;
}

/* The number of a payment, which names its visit or, of an agency's own, nothing but itself; or of a list, and what
 * tells how it ended. */
static int find_payment(struct telling *t)
{
	static const char *const kinds[] = { "", "list/", "result/" };
	struct index_filter list = { .limit = EXCHANGES_MAX };
	struct exchange x;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct yt_str number = yt_arena_printf(t->desk.arena, "+/%s%.*s", kinds[i], YT_FMT(t->wanted));
		int rv = index_find_follow_up(t->index, number, &x);

		if (rv == 0)
			on_row(t, &x);
		else if (rv != YT_ENOTFOUND)
			return rv;
		t->is_list = t->is_list || (rv == 0 && i > 0);
	}
	list.settlement = yt_arena_printf(t->desk.arena, "list/%.*s", YT_FMT(t->wanted));
	return t->is_list ? index_search(t->index, &list, on_row, t) : 0;
}

static int find(struct telling *t)
{
	struct index_filter by_visit = { .visit = t->wanted, .limit = EXCHANGES_MAX },
	                    by_settlement = { .settlement = t->wanted, .limit = EXCHANGES_MAX };
	struct log_problem why = { 0 };
	int rv = index_search(t->index, &by_settlement, on_row, t);

	if (rv == 0)
		rv = find_payment(t);
	if (t->visit[0] != '\0')
		by_visit.visit = yt_str(t->visit);
	if (rv == 0)
		rv = index_search(t->index, &by_visit, on_row, t);
	if (rv != 0)
		return ctl_fail(
		        CTL_CANNOT, "the index cannot be read (%s): `yitong index rebuild`", _(yt_strerror(rv)));
	rv = log_scan(&t->journal.io, &t->journal.conf, index_position(t->index), 0, false, on_tail, t, &why);
	if (rv != 0 && rv != YT_ENOTFOUND)
		return ctl_fail(CTL_CANNOT, "the journal cannot be read: %s",
		        *why.why != '\0' ? _(why.why) : _(yt_strerror(rv)));
	return CTL_OK;
}

/* Money moves by it, or it is what a payer needs to be told; the rest of a visit is left out. */
static bool is_on_the_way(const struct exchange *x)
{
	static const char *const kinds[] = { "claim.", "pay.", "consent.", "account.", "invoice.", "statement.",
		"settle." };
	const struct yt_op *op = yt_op(x->op);

	if (op == NULL || op->is_settlement || (x->flags & REC_X_FOLLOW_UP) || exchange_is_open(x) ||
	        op->id == YT_OP_REVERSE || op->id == YT_OP_OUTPATIENT_SETTLE_CANCEL ||
	        op->id == YT_OP_INPATIENT_SETTLE_CANCEL || op->id == YT_OP_PHARMACY_SETTLE_CANCEL)
		return true;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strncmp(op->name, kinds[i], strlen(kinds[i])) == 0)
			return true;
	return false;
}

static int read_one(struct telling *t, uint64_t id, struct found *f)
{
	struct ctl_records read = { 0 };
	log_pos place[2 * PLACES_MAX];
	int n = index_positions(t->index, id, place, PLACES_MAX), rv;

	if (n < 0)
		return n;
	for (size_t i = 0; i < t->n_tail; i++)
		if (t->tail[i].id == id && (n == 0 || place[n - 1] < t->tail[i].pos))
			place[n++] = t->tail[i].pos;
	rv = ctl_records(&t->journal, id, place, (size_t)n, &read);
	f->x = read.x;
	f->is_sealed = read.is_sealed;
	if (rv == 0 && f->x.id != 0 && is_on_the_way(&f->x))
		case_steps_read(&f->steps, &t->desk, &read);
	yt_buf_free(&read.records);
	return rv;
}

static int oldest_first(const void *a, const void *b)
{
	const struct found *left = a, *right = b;

	if (left->x.accepted_ms != right->x.accepted_ms)
		return left->x.accepted_ms < right->x.accepted_ms ? -1 : 1;
	return left->x.id < right->x.id ? -1 : left->x.id > right->x.id ? 1 : 0;
}

static int read_all(struct telling *t)
{
	size_t n = 0;
	int rv = 0;

	t->found = calloc(t->n + 1, sizeof(*t->found));
	YT_REQUIRE(t->found != NULL);
	for (size_t i = 0; rv == 0 && i < t->n; i++) {
		struct found *f = &t->found[n];

		memset(f, 0, sizeof(*f));
		rv = read_one(t, t->id[i], f);
		if (rv != 0 || f->x.id == 0)
			continue;
		n += is_on_the_way(&f->x);
		t->n_left_out += !is_on_the_way(&f->x);
	}
	t->n = n;
	qsort(t->found, n, sizeof(*t->found), oldest_first);
	return rv == 0 ? CTL_OK
	               : ctl_fail(CTL_CANNOT, "the journal cannot be read (%s): see `yitong journal verify`",
	                         _(yt_strerror(rv)));
}

/* ---- as text --------------------------------------------------------------------------------------- */

static void cell_time(struct telling *t, int64_t wall_ms)
{
	char time[20];

	yt_time_print(wall_ms, time);
	ctl_table_cell(&t->table, CTL_PLAIN, "%s", time);
}

static void add_text(struct yt_buf *out, const char *name, struct yt_str value)
{
	if (value.n > 0)
		yt_buf_printf(
		        out, "%s%s%s%.*s", out->n == 0 ? "" : _(", "), name, *name == '\0' ? "" : " ", YT_FMT(value));
}

static void add_yuan(struct yt_buf *out, const char *name, int64_t fen)
{
	char yuan[24];

	ctl_yuan(fen, yuan);
	add_text(out, name, yt_str(yuan));
}

static void cell_details(struct telling *t, struct yt_buf *details)
{
	yt_buf_byte(details, 0);
	YT_REQUIRE(!details->failed);
	ctl_table_cell(&t->table, CTL_PLAIN, "%s", (const char *)details->p);
	yt_buf_free(details);
}

static void put_exchange(struct telling *t, const struct found *f)
{
	const struct exchange *x = &f->x;
	const struct yt_op *op = yt_op(x->op);
	bool follows = (x->flags & REC_X_FOLLOW_UP) != 0;
	bool checks_account = follows && x->op == YT_OP_ACCOUNT_PUT; /* its code is what the bank's answer counts as */
	struct yt_buf details = { 0 };
	char yuan[24] = "", why[600];

	cell_time(t, x->accepted_ms);
	if (follows)
		ctl_table_cell(&t->table, CTL_BOLD, _("follows: %s"), ctl_flow(x));
	else
		ctl_table_cell(
		        &t->table, CTL_BOLD, "%s %s", op == NULL ? x->wire_op : op->name, op == NULL ? "" : op->zh);
	ctl_table_cell(&t->table, CTL_PLAIN, "%s", follows ? "" : x->party);
	ctl_table_cell(&t->table, ctl_state_colour(x->state), "%s",
	        _(x->state == X_DONE && exchange_is_open(x) ? "undelivered" : exchange_state_name(x->state)));
	if (ctl_own_fen(x) != 0)
		ctl_yuan(ctl_own_fen(x), yuan);
	ctl_table_cell(&t->table, CTL_PLAIN, "%s", yuan);
	ctl_table_cell(&t->table, CTL_PLAIN, "%s", x->number);
	if (x->state == X_DONE && !follows && (x->fund_fen != 0 || x->account_fen != 0 || x->cash_fen != 0)) {
		add_yuan(&details, _("fund"), x->fund_fen);
		add_yuan(&details, _("account"), x->account_fen);
		add_yuan(&details, _("cash"), x->cash_fen);
	}
	/* Of an account it is the gateway's own number, of what is ordered the number that stands there already. */
	if (!follows && op != NULL && op->id != YT_OP_ACCOUNT_PUT && op->id != YT_OP_PAY_ORDER &&
	        op->id != YT_OP_PAY_BATCH)
		add_text(&details, _("settlement"), yt_str(x->settlement));
	add_text(&details,
	        follows                  ? _("follows")
	        : x->op == YT_OP_REVERSE ? _("reverses")
	                                 : _("cancels"),
	        yt_str(x->original));
	if (x->op == YT_OP_CLAIM_BACK)
		add_text(&details, _("paid by"),
		        yt_str(strcmp(x->code, "INSURER") == 0 ? _("its insurer") : _("the gateway")));
	else if (strspn(x->code, "0") < strlen(x->code) && !checks_account)
		add_text(&details, _("code"), yt_str(x->code));
	if (x->flags & REC_X_MONEY_BREACH)
		add_text(&details, "", yt_str(_("does not add up")));
	if (x->flags & REC_X_AMENDED)
		add_text(&details, "", yt_str(_("its answer says what the insurer pays")));
	if (follows && (x->state == X_REFUSED ? f->steps.is_refused : checks_account && x->state == X_DONE)) {
		ctl_reason(f->steps.ended_why, why, sizeof(why));
		add_text(&details, "", yt_str(why));
	}
	cell_details(t, &details);
}

static const char *state_of(const struct case_step *s)
{
	if (s->is_awaited)
		return N_("awaited");
	return s->outcome == YT_DONE      ? N_("done")
	       : s->outcome == YT_REFUSED ? N_("refused")
	       : s->outcome == YT_UNKNOWN ? N_("unknown")
	                                  : N_("sent");
}

/* What its insurer decided, what its bank was ordered; -1: no money is meant. */
static int64_t step_fen(const struct case_step *s)
{
	const char *name = s->op == NULL                    ? NULL
	                   : s->op->id == YT_OP_CLAIM_QUERY ? "payable_amt"
	                   : s->op->id == YT_OP_PAY_ORDER   ? "pay_amt"
	                                                    : NULL;
	int64_t fen = -1;

	return s->leg == REC_LEG_STEP && name != NULL && s->said != NULL && yt_node_fen(s->said, name, &fen) == 0 ? fen
	                                                                                                          : -1;
}

/* A canonical member, in Chinese by a name of its own. */
static void add_said(struct yt_buf *out, const struct yt_node *member)
{
	const char *word = case_word(member->name, member->text);
	char name[40];

	snprintf(name, sizeof(name), "%.*s", YT_FMT(member->name));
	add_text(out, _(name), word == NULL ? member->text : yt_str(word));
}

static void put_step(struct telling *t, const struct case_step *s)
{
	struct yt_buf details = { 0 };
	char name[80], why[600], yuan[24] = "";
	int64_t fen = step_fen(s);

	cell_time(t, s->last_ms);
	case_step_name(s, name, sizeof(name));
	ctl_table_cell(&t->table, CTL_PLAIN, "  %s", name);
	ctl_table_cell(&t->table, CTL_PLAIN, "%s", s->party);
	ctl_table_cell(&t->table, CTL_PLAIN, "%s", _(state_of(s)));
	if (fen >= 0)
		ctl_yuan(fen, yuan);
	ctl_table_cell(&t->table, CTL_PLAIN, "%s", yuan);
	ctl_table_cell(&t->table, CTL_PLAIN, "%s", s->number);
	for (const struct yt_node *m = s->said == NULL ? NULL : s->said->child; m != NULL; m = m->next)
		add_said(&details, m);
	if (s->pay_no[0] != '\0' && (s->said == NULL || yt_node_get(s->said, "pay_no") == NULL))
		add_text(&details, _("pay_no"), yt_str(s->pay_no));
	if (s->orig_pay_no[0] != '\0')
		add_text(&details, _("orig_pay_no"), yt_str(s->orig_pay_no));
	if (s->code[0] != '\0' && s->outcome != YT_DONE)
		add_text(&details, _("code"), yt_str(s->code));
	ctl_reason(s->reason, why, sizeof(why));
	add_text(&details, "", yt_str(why));
	if (s->note[0] != '\0' && s->op != NULL && s->op->id != YT_OP_CLAIM_PAYMENT) /* of the order before it */
		add_text(&details, "", yt_str(_(s->note)));
	if (s->n_sent > 1)
		yt_buf_printf(&details, _("%ssent %u times"), details.n == 0 ? "" : _(", "), (unsigned)s->n_sent);
	cell_details(t, &details);
}

static const char *line_state_of(const struct case_line *l)
{
	enum yt_pay_state state = yt_pay_state_of(yt_str(l->state));

	return state == YT_PAY_PAID ? N_("booked") : state == YT_PAY_RETURNED ? N_("returned") : N_("differs");
}

/* A row of its insurer's list: beside what it ended with. */
static void put_listing(struct telling *t, const struct case_line *l)
{
	const char *word = case_word(YT_STR("claim_state"), yt_str(l->state));
	struct yt_buf details = { 0 };
	char yuan[24] = "";

	cell_time(t, l->wall_ms);
	ctl_table_cell(&t->table, CTL_PLAIN, "  %s", _("insurer's daily list"));
	ctl_table_cell(&t->table, CTL_PLAIN, "%s", "");
	ctl_table_cell(&t->table, l->why[0] == '\0' ? CTL_PLAIN : CTL_RED, "%s", word == NULL ? l->state : word);
	if (l->fen >= 0)
		ctl_yuan(l->fen, yuan);
	ctl_table_cell(&t->table, CTL_PLAIN, "%s", yuan);
	ctl_table_cell(&t->table, CTL_PLAIN, "%s", l->number);
	add_text(&details, _("stmt_date"), yt_str(l->booked));
	add_text(&details, _("claim_no"), yt_str(l->serial));
	if (l->why[0] != '\0')
		add_text(&details, "", yt_str(_(l->why)));
	cell_details(t, &details);
}

static void put_line(struct telling *t, const struct found *f, const struct case_line *l)
{
	bool is_fine = yt_pay_state_of(yt_str(l->state)) == YT_PAY_PAID, is_line = l->booked[0] != '\0';
	const char *word = case_word(YT_STR("pay_state"), yt_str(l->state));
	struct yt_buf details = { 0 };
	char yuan[24] = "";

	if (l->is_listing) {
		put_listing(t, l);
		return;
	}
	cell_time(t, l->wall_ms);
	ctl_table_cell(&t->table, CTL_PLAIN, "  %s", is_line ? _("statement line") : _("its bank tells"));
	ctl_table_cell(&t->table, CTL_PLAIN, "%s", "");
	if (is_line)
		ctl_table_cell(&t->table, is_fine ? CTL_PLAIN : CTL_RED, "%s", _(line_state_of(l)));
	else
		ctl_table_cell(&t->table, CTL_PLAIN, "%s", word == NULL ? l->state : word);
	if (l->fen >= 0)
		ctl_yuan(l->fen, yuan);
	ctl_table_cell(&t->table, CTL_PLAIN, "%s", yuan);
	ctl_table_cell(&t->table, CTL_PLAIN, "%s", l->number);
	add_text(&details, _("pay_no"), yt_str(l->pay_no[0] != '\0' ? l->pay_no : f->x.pay_no));
	add_text(&details, _("book_date"), yt_str(l->booked));
	add_text(&details, _("bank_serial"), yt_str(l->serial));
	cell_details(t, &details);
}

/* The one leg of an exchange stands in its own row already. */
static bool is_worth_a_row(const struct found *f, const struct case_step *s)
{
	return s->leg != REC_LEG_MAIN || f->x.flow[0] != '\0';
}

/* What was asked and what its bank told, as it came. */
static void put_way(struct telling *t, const struct found *f)
{
	size_t k = 0;

	for (size_t i = 0; i < f->steps.n; i++) {
		for (; k < f->steps.n_lines && f->steps.line[k].wall_ms < f->steps.item[i].last_ms; k++)
			put_line(t, f, &f->steps.line[k]);
		if (is_worth_a_row(f, &f->steps.item[i]))
			put_step(t, &f->steps.item[i]);
	}
	for (; k < f->steps.n_lines; k++)
		put_line(t, f, &f->steps.line[k]);
}

/* Paid, and where statements or lists come in, none has told of it yet; false: nobody waits for that. */
static bool print_unlined(const struct telling *t, const struct exchange *x, bool is_first)
{
	int64_t late_ms = ctl_line_late_ms(t->desk.ctl->conf, x);
	char why[100], when[20];

	if (!exchange_awaits_line(x) || late_ms == INT64_MAX)
		return false;
	if (is_first)
		printf(_("\nstill open:\n"));
	ctl_unproved(x, why, sizeof(why));
	printf("  %s  %s", x->number, why);
	yt_time_print(late_ms, when);
	printf(_(", late from %s"), when);
	printf("\n");
	return true;
}

static void print_open(const struct telling *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct exchange *x = &t->found[i].x;
		char why[160], when[20];
		int64_t late_ms;

		if (!exchange_is_open(x)) {
			n += print_unlined(t, x, n == 0);
			continue;
		}
		if (n++ == 0)
			printf(_("\nstill open:\n"));
		ctl_waits_for(x, why, sizeof(why));
		printf("  %s  %s", x->number[0] != '\0' ? x->number : x->wire_op, why);
		printf(_("; next: %s"), _(ctl_owner(x)));
		if (x->due_ms != 0 || x->deadline_ms != 0) {
			yt_time_print(x->due_ms != 0 ? x->due_ms : x->deadline_ms, when);
			printf(x->due_ms != 0 ? _(", next try %s") : _(", until %s"), when);
		}
		late_ms = conf_late_ms(conf_flow(t->desk.ctl->conf, yt_str(x->flow)), x->accepted_ms);
		if ((x->flags & REC_X_FOLLOW_UP) != 0 && late_ms != INT64_MAX) {
			yt_time_print(late_ms, when);
			printf(_(", late from %s"), when);
		}
		printf("\n");
	}
	if (n == 0)
		printf(_("\nnothing is open\n"));
}

static void print(struct telling *t)
{
	static const char *const heading[] = { "TIME (UTC+8)", "WHAT", "PARTY", "STATE", "YUAN", "NUMBER", "DETAILS" };
	const struct conf_institution *institution =
	        conf_institution(t->desk.ctl->conf, yt_str(t->found[0].x.institution));
	bool is_sealed = false;

	printf(_("visit %s, institution %s %s\n\n"), t->visit[0] != '\0' ? t->visit : "-", t->found[0].x.institution,
	        institution == NULL ? "" : institution->name);
	ctl_table_begin(&t->table, 7, 1u << 4);
	for (size_t i = 0; i < 7; i++)
		ctl_table_cell(&t->table, CTL_PLAIN, "%s", _(heading[i]));
	for (size_t i = 0; i < t->n; i++) {
		put_exchange(t, &t->found[i]);
		is_sealed = is_sealed || (t->found[i].is_sealed && t->found[i].steps.n > 0);
		put_way(t, &t->found[i]);
	}
	ctl_table_print(t->desk.ctl, &t->table, stdout);
	print_open(t);
	if (t->is_list)
		printf(_(
		        "each payout of the list has a case of its own, by its number; what waits of them: `yitong followups`\n"));
	if (t->n_left_out > 0)
		printf(_("%zu other messages of the visit: `yitong messages --visit %s`\n"), t->n_left_out, t->visit);
	if (is_sealed)
		printf(_("What parties said is encrypted and the keys are not here: numbers and amounts of claims and "
		         "payments are missing.\n"));
}

/* ---- as JSON ----------------------------------------------------------------------------------------- */

static void json_number(struct telling *t, struct yt_node *object, const char *name, int64_t value)
{
	struct yt_str digits = yt_arena_printf(t->desk.arena, "%lld", (long long)value);

	YT_REQUIRE(yt_node_add_number(t->desk.arena, object, name, digits) != NULL);
}

static void json_step(struct telling *t, struct yt_node *steps, const struct case_step *s)
{
	static const char *const legs[] = { [REC_LEG_MAIN] = "main",
		[REC_LEG_QUERY] = "query",
		[REC_LEG_REVERSAL] = "reversal",
		[REC_LEG_SIGN_IN] = "sign_in",
		[REC_LEG_RESEND] = "resend",
		[REC_LEG_STEP] = "step",
		[REC_LEG_UNDO] = "undo",
		[REC_LEG_TAKE] = "take_back" };
	struct yt_node *one = yt_node_add(t->desk.arena, steps, (struct yt_str){ 0 }, YT_OBJECT), *said;

	YT_REQUIRE(one != NULL);
	if ((size_t)s->leg < sizeof(legs) / sizeof(legs[0]))
		desk_put(&t->desk, one, "leg", yt_str(legs[s->leg]));
	json_number(t, one, "step", s->step);
	desk_put(&t->desk, one, "operation", yt_str(s->op == NULL ? NULL : s->op->name));
	desk_put(&t->desk, one, "party", yt_arena_copy(t->desk.arena, yt_str(s->party)));
	desk_put(&t->desk, one, "number", yt_arena_copy(t->desk.arena, yt_str(s->number)));
	desk_put(&t->desk, one, "state", yt_str(state_of(s)));
	if (s->orig_pay_no[0] != '\0')
		desk_put(&t->desk, one, "orig_pay_no", yt_arena_copy(t->desk.arena, yt_str(s->orig_pay_no)));
	desk_put(&t->desk, one, "code", yt_str(s->code));
	desk_put(&t->desk, one, "reason", yt_str(s->reason));
	desk_put(&t->desk, one, "note", yt_str(s->note));
	json_number(t, one, "sent", s->n_sent);
	json_number(t, one, "first_ms", s->first_ms);
	json_number(t, one, "last_ms", s->last_ms);
	if (s->said == NULL)
		return;
	said = yt_node_add(t->desk.arena, one, YT_STR("said"), YT_OBJECT);
	YT_REQUIRE(said != NULL);
	said->child = s->said->child;
	said->last = s->said->last;
	said->n = s->said->n;
}

static void json_line(struct telling *t, struct yt_node *lines, const struct case_line *l)
{
	struct yt_node *one = yt_node_add(t->desk.arena, lines, (struct yt_str){ 0 }, YT_OBJECT);
	bool is_line = l->booked[0] != '\0';

	YT_REQUIRE(one != NULL);
	desk_put(&t->desk, one, l->is_listing ? "list" : is_line ? "statement" : "told_by", yt_str(l->number));
	desk_put(&t->desk, one, "state", yt_str(l->state));
	if (l->is_listing) {
		desk_put(&t->desk, one, "stmt_date", yt_str(l->booked));
		desk_put(&t->desk, one, "claim_no", yt_str(l->serial));
		desk_put(&t->desk, one, "reason", yt_str(l->why));
	} else if (is_line) {
		desk_put(&t->desk, one, "book_date", yt_str(l->booked));
		desk_put(&t->desk, one, "bank_serial", yt_str(l->serial));
	}
	json_number(t, one, "told_ms", l->wall_ms);
	if (l->fen >= 0)
		json_number(t, one, "amount_fen", l->fen);
}

static void json_exchange(struct telling *t, struct yt_node *all, const struct found *f)
{
	struct yt_node *one = yt_node_add(t->desk.arena, all, (struct yt_str){ 0 }, YT_OBJECT), *steps;
	const struct exchange *x = &f->x;
	const struct yt_op *op = yt_op(x->op);
	char id[20];

	YT_REQUIRE(one != NULL);
	ctl_exchange(x->id, id);
	desk_put(&t->desk, one, "exchange", yt_arena_copy(t->desk.arena, yt_str(id)));
	desk_put(&t->desk, one, "operation", yt_str(op == NULL ? NULL : op->name));
	desk_put(&t->desk, one, "follows_by", yt_str((x->flags & REC_X_FOLLOW_UP) != 0 ? x->flow : NULL));
	desk_put(&t->desk, one, "institution", yt_str(x->institution));
	desk_put(&t->desk, one, "number", yt_str(x->number));
	desk_put(&t->desk, one, "party", yt_str(x->party));
	desk_put(&t->desk, one, "state", yt_str(exchange_state_name(x->state)));
	desk_put(&t->desk, one, "settlement", yt_str(x->settlement));
	desk_put(&t->desk, one, "original", yt_str(x->original));
	desk_put(&t->desk, one, "code", yt_str(x->code));
	json_number(t, one, "accepted_ms", x->accepted_ms);
	json_number(t, one, "closed_ms", x->closed_ms);
	json_number(t, one, "amount_fen", x->amount_fen);
	json_number(t, one, "fund_fen", x->fund_fen);
	json_number(t, one, "account_fen", x->account_fen);
	json_number(t, one, "cash_fen", x->cash_fen);
	if (exchange_is_open(x)) {
		desk_put(&t->desk, one, "reason", yt_str(x->reason));
		desk_put(&t->desk, one, "owner", yt_str(ctl_owner(x)));
		json_number(t, one, "due_ms", x->due_ms);
		json_number(t, one, "deadline_ms", x->deadline_ms);
	}
	steps = yt_node_add(t->desk.arena, one, YT_STR("steps"), YT_ARRAY);
	for (size_t k = 0; k < f->steps.n; k++)
		json_step(t, steps, &f->steps.item[k]);
	desk_put(&t->desk, one, "pay_no", yt_str(x->pay_no));
	if (f->steps.n_lines == 0)
		return;
	steps = yt_node_add(t->desk.arena, one, YT_STR("lines"), YT_ARRAY);
	for (size_t k = 0; k < f->steps.n_lines; k++)
		json_line(t, steps, &f->steps.line[k]);
}

static void print_json(struct telling *t)
{
	struct yt_node *tree = yt_node_new(t->desk.arena, YT_OBJECT), *all;
	int64_t n_open = 0;

	YT_REQUIRE(tree != NULL);
	desk_put(&t->desk, tree, "visit", yt_str(t->visit));
	desk_put(&t->desk, tree, "institution", yt_str(t->found[0].x.institution));
	for (size_t i = 0; i < t->n; i++)
		n_open += exchange_is_open(&t->found[i].x);
	json_number(t, tree, "open", n_open);
	json_number(t, tree, "left_out", (int64_t)t->n_left_out);
	all = yt_node_add(t->desk.arena, tree, YT_STR("exchanges"), YT_ARRAY);
	for (size_t i = 0; i < t->n; i++)
		json_exchange(t, all, &t->found[i]);
	desk_print_json(tree, stdout);
}

/* ---- the command -------------------------------------------------------------------------------------- */

static int tell(struct telling *t)
{
	const struct conf *conf;
	bool has_keys;
	int rv = desk_open(&t->desk, t->desk.ctl, true);

	if (rv != CTL_OK)
		return rv;
	conf = t->desk.ctl->conf;
	has_keys = conf->journal.keys != NULL && access(conf->journal.keys, R_OK | X_OK) == 0;
	rv = ctl_open_index(t->desk.ctl, &t->index);
	if (rv == CTL_OK)
		rv = ctl_open_journal(t->desk.ctl, has_keys, &t->journal);
	if (rv == CTL_OK)
		rv = find(t);
	if (rv == CTL_OK)
		rv = read_all(t);
	if (rv != CTL_OK)
		return rv;
	if (t->n == 0)
		return ctl_fail(CTL_FOUND,
		        t->n_left_out > 0 ? N_("nothing of that visit has to do with money: `yitong messages --visit` "
		                               "lists what there is")
		                          : N_("no visit, settlement or payment has that number"));
	if (t->is_json)
		print_json(t);
	else
		print(t);
	return CTL_OK;
}

int ctl_case(struct ctl *ctl, int argc, char **argv)
{
	struct telling *t;
	bool is_json = false;
	int rv = ctl_options(ctl, "case", argc, argv, NULL, &is_json);

	if (rv != CTL_GO_ON)
		return rv;
	if (optind + 1 != argc || *argv[optind] == '\0')
		return ctl_usage("case", "say which: the number of one visit, settlement or payment");
	t = calloc(1, sizeof(*t));
	YT_REQUIRE(t != NULL);
	t->desk.ctl = ctl;
	t->is_json = is_json;
	t->wanted = yt_str(argv[optind]);
	rv = tell(t);
	index_close(t->index);
	ctl_close_journal(&t->journal);
	desk_close(&t->desk);
	free(t->found);
	free(t);
	return rv;
}
