/* core/process/conf_pay.c - payments in the configuration: from which account, released by which rule.
 *
 * conf_check.c calls conf_check_payments() after the flows are made; workers take what it made (engine/engine.h). */
#include "base/words.h"
#include "process/conf_parts.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/route.h"
#include "yitong/payout.h"

#define ENOUGH_GAP_MS YT_PAY_ABSENT_APART_MS

static const char *const type_names[] = { "CL", "MA", "HS", "IN" }; /* by enum conf_pay_type */

struct checking {
	struct conf *conf;
	struct conf_errors *errors;
	struct conf_place place;
};

#define WRONG(c, ...) conf_error_add((c)->errors, (c)->place.line, (c)->place.column, __VA_ARGS__)

static int64_t check_yuan(struct checking *c, const char *key, const char *text)
{
	int64_t fen = 0;

	if (text != NULL && (yt_fen_parse(yt_str(text), &fen) != 0 || fen <= 0))
		WRONG(c, "%s must be an amount in yuan above 0, as 5000 or 5000.00, not \"%.40s\"", key, text);
	return fen;
}

static const char *nth_party(const void *arg, size_t i)
{
	const struct conf *conf = arg;

	return i < conf->n_parties ? conf->parties[i].name : NULL;
}

static void check_party(struct checking *c, const char *key, const char *name)
{
	const char *meant;

	if (name == NULL || conf_party(c->conf, yt_str(name)) != NULL)
		return;
	meant = conf_closest(name, nth_party, c->conf);
	WRONG(c, "%s: there is no party \"%s\"%s%s%s", key, name, meant == NULL ? "" : _(": did you mean \""),
	        meant == NULL ? "" : meant, meant == NULL ? "" : _("\"?"));
}

/* Some route says who is asked about accounts: only then one that was not is looked at. */
static bool checks_accounts(const struct conf *conf)
{
	for (uint32_t i = 0; i < conf->n_routes; i++)
		if (conf->routes[i].stays_here && conf->rules[i].ops[YT_OP_ACCOUNT_PUT])
			return true;
	return false;
}

static void make_payer(struct checking *c, const struct conf_payer *p, struct engine_payer *out)
{
	check_party(c, "party", p->party);
	check_party(c, "insurer", p->insurer);
	for (const char *a = p->account; a != NULL && *a != '\0'; a++)
		if (!isalnum((unsigned char)*a)) {
			WRONG(c, "account must be of letters and digits");
			break;
		}
	if (p->bank_no != NULL && !yt_bank_no_is_valid(yt_str(p->bank_no)))
		WRONG(c, "bank_no must be a line number of 12 digits with its check digit, not \"%.40s\"", p->bank_no);
	*out = (struct engine_payer){ .party = p->party,
		.pay_type = type_names[p->pay_type],
		.insurer = p->insurer,
		.account = p->account,
		.name = p->account_name,
		.bank_no = p->bank_no,
		.bank_name = p->bank_name,
		.behalf_name = p->behalf_name,
		.purpose = p->purpose,
		.order_limit_fen = check_yuan(c, "order_limit", p->order_limit),
		.day_limit_fen = check_yuan(c, "day_limit", p->day_limit),
		.account_day_limit_fen = check_yuan(c, "account_day_limit", p->account_day_limit),
		.looks_at_unchecked = p->unchecked_accounts == CONF_UNCHECKED_RELEASE && checks_accounts(c->conf),
		.payer = p->name };
}

/* yyyymmdd; 0: it is no date. */
static uint32_t day_of(const char *text)
{
	char digits[9];
	int64_t ms;

	if (text == NULL || strlen(text) != 10 || yt_time_parse(yt_str(text), &ms) != 0)
		return 0;
	snprintf(digits, sizeof(digits), "%.4s%.2s%.2s", text, text + 5, text + 8);
	return (uint32_t)strtoul(digits, NULL, 10);
}

/* Who signs a rule says when; nobody has signed it tomorrow. */
static void check_signed_on(struct checking *c, const struct conf_release *r, unsigned long today)
{
	uint32_t day = day_of(r->signed_on);

	if (r->signed_on != NULL && day == 0)
		WRONG(c, "signed_on must be a date, as 2026-12-31, not \"%.40s\"", r->signed_on);
	else if (day > today)
		WRONG(c, "signed_on: %s is still to come", r->signed_on);
	else if (r->signature != NULL && r->signed_on == NULL)
		WRONG(c, "signature needs signed_on, the day on which it was made: it is part of what is signed");
}

static void make_release(struct checking *c, const struct conf_release *r, struct engine_release *out)
{
	char today[15];

	*out = (struct engine_release){ type_names[r->pay_type], check_yuan(c, "most", r->most), day_of(r->until) };
	yt_time_compact(yt_wall_ms(), today);
	today[8] = '\0';
	check_signed_on(c, r, strtoul(today, NULL, 10));
	if (out->to_day == 0)
		WRONG(c, "until must be a date, as 2026-12-31, not \"%.40s\"", r->until == NULL ? "" : r->until);
	else if (out->to_day < strtoul(today, NULL, 10))
		conf_warning_add(c->errors, c->place.line, c->place.column,
		        "this release ended on %s: payments of type %s wait for people", r->until,
		        type_names[r->pay_type]);
}

/* -- flows that pay -------------------------------------------------------------------------------- */

static bool is_asked_for(const struct conf *conf, const struct conf_flow *flow)
{
	for (uint32_t i = 0; i < conf->n_routes; i++)
		if (conf->routes[i].flow_name != NULL && strcmp(conf->routes[i].flow_name, flow->name) == 0)
			return true;
	return false;
}

static const struct conf_step *step_of(const struct conf_flow *flow, enum yt_operation op)
{
	for (uint32_t i = 0; i < flow->n_steps; i++)
		if (flow->step[i].op == op)
			return &flow->step[i];
	return NULL;
}

static bool has_payer(const struct conf *conf, const struct conf_step *order, const struct conf_step *claim)
{
	for (uint32_t i = 0; i < conf->n_payers; i++) {
		const struct conf_payer *p = &conf->payers[i];

		if (strcmp(p->party, order->party->name) != 0)
			continue;
		if (claim == NULL || (p->pay_type == CONF_PAY_IN &&
		                             (p->insurer == NULL || strcmp(p->insurer, claim->party->name) == 0)))
			return true;
	}
	return false;
}

/* It follows an account that was told, and asks about that alone; no other flow asks so. */
static void check_asking(struct checking *c, const struct conf_flow *flow)
{
	bool asks = step_of(flow, YT_OP_ACCOUNT_CHECK) != NULL, follows_others = false, follows_accounts = false;

	for (uint32_t i = 0; i < c->conf->n_routes; i++) {
		const struct conf_route *r = &c->conf->routes[i];
		bool is_account = r->stays_here && c->conf->rules[i].ops[YT_OP_ACCOUNT_PUT];

		follows_accounts = follows_accounts || (r->then == flow && is_account);
		follows_others = follows_others || (r->then == flow && !is_account) || r->flow == flow;
	}
	if (follows_accounts && (!asks || flow->n_steps > 1))
		WRONG(c, "flow %s follows account.put: it has one step, BANK:account.check", flow->name);
	else if (asks && follows_others)
		WRONG(c, "flow %s asks about an account: it can only follow (`then`) account.put", flow->name);
}

static void check_flow(struct checking *c, const struct conf_flow *flow)
{
	const struct conf_step *order = step_of(flow, YT_OP_PAY_ORDER), *query = step_of(flow, YT_OP_PAY_QUERY);
	const struct conf_step *claim = step_of(flow, YT_OP_CLAIM_SUBMIT);
	uint32_t n = 0;

	for (uint32_t i = 0; i < flow->n_steps; i++)
		n += flow->step[i].op == YT_OP_PAY_ORDER;
	if (n > 1)
		WRONG(c, "flow %s orders %u payments: one flow, one payment", flow->name, (unsigned)n);
	if (query != NULL && (order == NULL || query < order || query->party != order->party))
		WRONG(c, "flow %s asks about a payment that no step before has ordered at that party", flow->name);
	if (order == NULL)
		return;
	if (is_asked_for(c->conf, flow))
		WRONG(c, "flow %s pays: it can only follow (`then`), as nobody may wait for a payment", flow->name);
	if (has_payer(c->conf, order, claim))
		return;
	if (claim == NULL)
		WRONG(c, "flow %s pays by %s, and no account is given for that: add one to payers", flow->name,
		        order->party->name);
	else
		WRONG(c,
		        "flow %s pays by %s, and no account is given for that: add one to payers with pay_type IN and insurer %s, or none",
		        flow->name, order->party->name, claim->party->name);
}

void conf_check_payments(struct conf *conf, struct conf_errors *errors)
{
	struct checking c = { .conf = conf, .errors = errors };

	conf->engine_payers = yt_arena_alloc(conf->arena, (conf->n_payers + 1) * sizeof(*conf->engine_payers));
	conf->engine_releases = yt_arena_alloc(conf->arena, (conf->n_releases + 1) * sizeof(*conf->engine_releases));
	if (conf->engine_payers == NULL || conf->engine_releases == NULL)
		return;
	for (uint32_t i = 0; i < conf->n_payers; i++) {
		c.place = conf->payers[i].place;
		make_payer(&c, &conf->payers[i], &conf->engine_payers[i]);
	}
	for (uint32_t i = 0; i < conf->n_releases; i++) {
		c.place = conf->releases[i].place;
		make_release(&c, &conf->releases[i], &conf->engine_releases[i]);
	}
	for (uint32_t i = 0; i < conf->n_flows; i++) {
		c.place = conf->flows[i].place;
		check_asking(&c, &conf->flows[i]);
		check_flow(&c, &conf->flows[i]);
	}
	if (conf->n_payers > 0 && conf->resolution.pay_absent_gap_ms < ENOUGH_GAP_MS)
		conf_warning_add(errors, 0, 0,
		        "resolution.pay_absent_gap_ms is less than five minutes: a payment still on its way to a bank may leave "
		        "a second time");
}
