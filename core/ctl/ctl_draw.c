/* core/ctl/ctl_draw.c - a flow as a small picture: its steps in order, and what follows each of their answers.
 *
 * `yitong explain --flow NAME`, and behind what `yitong explain FILE` says of a message that goes by one.  What
 * machines do about an unknown outcome and what undoes a step is what engine/proof.c tells flow.c and `yitong check`.
 * Nothing of it depends on the time or the terminal; no line is wider than 100 columns, Chinese characters taking two.
 */
#include "ctl/desk.h"

#include <stdarg.h>
#include <string.h>

#include "engine/proof.h"

enum { WIDTH = 100, LABEL = 9 };

struct drawing {
	struct desk *desk;
	const struct conf_flow *flow;
	bool follows; /* from something: nobody waits for it */
	FILE *out;
};

/* -- lines ------------------------------------------------------------------------------------------ */

static size_t character(const char *p)
{
	unsigned char c = (unsigned char)*p;

	return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* As much of text as fits: whole words, or whole characters where they are wide. */
static size_t fitting(const char *text, size_t width)
{
	size_t n = 0, least = 0, used = 0;

	while (text[n] != '\0') {
		size_t one = character(text + n), wide = ctl_width((struct yt_str){ text + n, one });

		if (used + wide > width)
			return least > 0 ? least : n;
		used += wide;
		n += one;
		if (text[n] == ' ' || wide == 2)
			least = n;
	}
	return n;
}

static void put_row(const struct drawing *d, const char *label, const char *fmt, ...) YT_PRINTF(3, 4);
static void put_row(const struct drawing *d, const char *label, const char *fmt, ...)
{
	size_t pad = LABEL - ctl_width(yt_str(label)), n;
	char text[600], *p = text;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	do {
		n = fitting(p, WIDTH - 6 - LABEL);
		fprintf(d->out, "  |   %s%*s%.*s\n", label, (int)pad, "", (int)n, p);
		p += n;
		p += strspn(p, " ");
		label = "";
		pad = LABEL;
	} while (*p != '\0');
}

/* "10 min"; nothing that is configured is asked for by the millisecond. */
static const char *span(int64_t ms, char out[32])
{
	int64_t s = ms / 1000;

	if (s % 86400 == 0 && s > 0)
		snprintf(out, 32, _("%lld days"), (long long)(s / 86400));
	else if (s % 3600 == 0 && s > 0)
		snprintf(out, 32, _("%lld h"), (long long)(s / 3600));
	else if (s % 60 == 0 && s > 0)
		snprintf(out, 32, _("%lld min"), (long long)(s / 60));
	else
		snprintf(out, 32, _("%lld s"), (long long)s);
	return out;
}

/* -- a step ------------------------------------------------------------------------------------------- */

static const struct yt_op *op_of(const struct conf_step *step)
{
	return step->op == YT_OP_COUNT ? NULL : yt_op((enum yt_operation)step->op);
}

static const struct desk_codec *codec_of(const struct drawing *d, const struct conf_step *step)
{
	return desk_codec(d->desk, step->party->name);
}

static bool is_undone(const struct conf_step *step, const struct yt_op *op)
{
	return !step->is_kept && (op == NULL || op->changes_state);
}

static void put_condition(const struct drawing *d, const struct conf_step *step)
{
	if (step->only_with != NULL && step->equals != NULL)
		put_row(d, _("if"), _("the case's %s is %s; else it is left out"), step->only_with, step->equals);
	else if (step->only_with != NULL)
		put_row(d, _("if"), _("the case has %s; else it is left out"), step->only_with);
	else if (step->unless != NULL)
		put_row(d, _("if"), _("the case has no %s yet; else it is left out"), step->unless);
}

static void put_refused(const struct drawing *d, uint32_t i)
{
	const struct yt_op *op = op_of(&d->flow->step[i]);
	char undone[64] = "", one[16];

	for (uint32_t k = i; k-- > 0;)
		if (is_undone(&d->flow->step[k], op_of(&d->flow->step[k]))) {
			snprintf(one, sizeof(one), "%s%u", undone[0] == '\0' ? "" : ", ", (unsigned)k + 1);
			strcat(undone, one); /* eight steps at most */
		}
	if (d->follows && op != NULL && (op->id == YT_OP_PAY_ORDER || op->id == YT_OP_PAY_QUERY))
		put_row(d, _("refused"),
		        _("no money moved: a claim's is made anew, under another number, when another account is told or two people release it; an agency's ends"));
	else if (op != NULL && op->id == YT_OP_CLAIM_PAYMENT)
		put_row(d, _("refused"), "%s", _("nothing is undone: an operator agrees with it, then decides"));
	else if (undone[0] != '\0')
		put_row(d, _("refused"), _("the flow ends; undone before that, in this order: %s"), undone);
	else
		put_row(d, _("refused"), _("the flow ends; nothing is to be undone"));
}

static const char *what_of(enum yt_resolve method)
{
	switch (method) {
	case YT_RESOLVE_NONE:
		return N_("it changes nothing: asked again");
	case YT_RESOLVE_RESEND:
		return N_("the same octets again, until it answers");
	case YT_RESOLVE_QUERY:
		return N_("asked what became of it; the same octets again if it surely has none");
	case YT_RESOLVE_REVERSE:
		return N_("never sent again: undone by its number");
	case YT_RESOLVE_QUERY_REVERSE:
		return N_("asked what became of it; undone by its number if it was surely not done");
	case YT_RESOLVE_ADOPT:
		return N_("asked what it kept, and that counts; undone by its number where nobody says");
	case YT_RESOLVE_PAY:
	case YT_RESOLVE_PAY_ANEW:
		return N_(
		        "its bank is asked by the payout's number; it leaves again, under the same number, only if it was not found twice");
	default:
		return N_("an operator decides");
	}
}

static void put_unknown(const struct drawing *d, const struct conf_step *step, const struct yt_op *op)
{
	const struct desk_codec *codec = codec_of(d, step);

	if (op == NULL) {
		put_row(d, _("unknown"), "%s", _("as the operation that is asked for"));
		return;
	}
	for (const struct yt_wire_op *o = codec == NULL ? NULL : codec->api->ops; o != NULL && o->wire != NULL; o++)
		if (o->op == op->id) {
			put_row(d, _("unknown"), "%s", _(what_of(op->changes_state ? o->resolve : YT_RESOLVE_NONE)));
			return;
		}
}

static void put_undo(const struct drawing *d, const struct conf_step *step, const struct yt_op *op)
{
	const struct desk_codec *codec = codec_of(d, step);
	enum yt_operation undo = YT_OP_COUNT;

	if (op != NULL && codec != NULL)
		undo = proof_undone_by(codec->api, op->id);
	if (op != NULL && !op->changes_state)
		put_row(d, _("undo"), "%s", _("nothing: it changes nothing"));
	else if (step->is_kept)
		put_row(d, _("undo"), "%s", _("nothing: it is kept"));
	else if (op == NULL)
		put_row(d, _("undo"), "%s", _("as the operation that is asked for"));
	else if (undo == YT_OP_COUNT)
		put_row(d, _("undo"), "%s", _("no machine: an operator decides"));
	else
		put_row(d, _("undo"), "%s %s", yt_op(undo)->name, yt_op(undo)->zh);
}

/* Who is to do what it waits for, and until when. */
static void put_waits(const struct drawing *d, const struct conf_step *step, const struct yt_op *op)
{
	const struct conf_resolution *r = &d->desk->ctl->conf->resolution;
	char most[32], park[32], ask[32];

	span(d->follows ? r->follow_up_retry_max_ms : r->retry_max_ms, most);
	span(d->follows ? r->follow_up_park_after_ms : r->park_after_ms, park);
	if (!d->follows) {
		put_row(d, _("waits"), _("for %s: the gateway, every %s at the longest; after %s an operator"),
		        step->party->name, most, park);
		return;
	}
	if (op != NULL && op->id == YT_OP_CLAIM_SUBMIT)
		put_row(d, _("waits"), _("for consent, account, invoice: who tells them; no deadline"));
	else if (op != NULL && op->id == YT_OP_PAY_ORDER)
		put_row(d, _("waits"),
		        _("for a release where no rule covers it: two people; for the account: who tells it; for room under a day's limit: the next day; no deadline"));
	else if (op != NULL && op->id == YT_OP_CLAIM_QUERY)
		put_row(d, _("waits"), _("for the decision of %s; no deadline while it says that none is made"),
		        step->party->name);
	else if (op != NULL && op->id == YT_OP_PAY_QUERY)
		put_row(d, _("waits"), _("for the word of %s, asked every %s at the longest; after %s an operator"),
		        step->party->name, span(r->pay_ask_max_ms > 0 ? r->pay_ask_max_ms : 600000, ask), park);
	put_row(d, _("away"), _("for %s: the gateway, every %s at the longest; after %s an operator"),
	        step->party->name, most, park);
}

static void draw_step(const struct drawing *d, uint32_t i)
{
	const struct conf_step *step = &d->flow->step[i];
	const struct yt_op *op = op_of(step);

	fprintf(d->out, "  |\n [%u] %s%s%s -> %s\n", (unsigned)i + 1,
	        op == NULL ? _("the operation that is asked for") : op->name, op == NULL ? "" : " ",
	        op == NULL ? "" : op->zh, step->party->name);
	put_condition(d, step);
	if (i + 1 < d->flow->n_steps)
		put_row(d, _("done"), _("goes on with [%u]"), (unsigned)i + 2);
	else
		put_row(d, _("done"), "%s", _("the flow is done"));
	put_refused(d, i);
	put_unknown(d, step, op);
	put_undo(d, step, op);
	put_waits(d, step, op);
}

/* -- a flow --------------------------------------------------------------------------------------------- */

/* A route names it as what follows, and none as the way itself. */
static bool does_follow(const struct conf *conf, const struct conf_flow *flow)
{
	bool follows = false;

	for (uint32_t i = 0; i < conf->n_routes; i++) {
		if (conf->routes[i].flow == flow)
			return false;
		follows = follows || conf->routes[i].then == flow;
	}
	return follows;
}

/* Where it comes from. */
static void put_routes(const struct drawing *d)
{
	const struct conf *conf = d->desk->ctl->conf;
	char names[560] = "";

	for (uint32_t i = 0; i < conf->n_routes; i++) {
		const struct conf_route *r = &conf->routes[i];
		size_t n = strlen(names);

		if (r->flow == d->flow || r->then == d->flow || r->result == d->flow)
			snprintf(names + n, sizeof(names) - n, "%s%s", n == 0 ? "" : ", ", r->name);
	}
	put_row(d, _("routes"), "%s", names[0] == '\0' ? _("none leads here: it is never used") : names);
}

void ctl_draw_flow(struct desk *desk, const struct conf_flow *flow, FILE *out)
{
	const struct drawing d = { desk, flow, does_follow(desk->ctl->conf, flow), out };
	char days[80];

	if (flow->calendar_name == NULL)
		snprintf(days, sizeof(days), "%s", _("Monday to Friday"));
	else
		snprintf(days, sizeof(days), _("calendar %s"), flow->calendar_name);
	fprintf(out, _("flow %s, %u steps"), flow->name, (unsigned)flow->n_steps);
	fputs(d.follows ? _(": follows from something else\n") : "\n", out);
	put_routes(&d);
	for (uint32_t i = 0; i < flow->n_steps; i++)
		draw_step(&d, i);
	fputs("  |\n  v\n", out);
	if (!d.follows)
		fprintf(out, _(" done: its origin hears the answer of [%u]\n"), (unsigned)flow->answer);
	else
		fprintf(out, _(" done: what [%u] was answered is its outcome\n"), (unsigned)flow->answer);
	if (flow->late_after_days > 0)
		fprintf(out, _("       late after working day %u (%s)\n"), (unsigned)flow->late_after_days, days);
	if (flow->line_after_days > 0 && conf_flow_is_listed(flow))
		fprintf(out, _("       then its insurer's daily list, late after working day %u (%s)\n"),
		        (unsigned)flow->line_after_days, days);
	if (flow->line_after_days > 0 && (!conf_flow_is_listed(flow) || conf_flow_does(flow, YT_OP_PAY_ORDER)))
		fprintf(out, _("       then the bank's statement line, late after working day %u (%s)\n"),
		        (unsigned)flow->line_after_days, days);
}
