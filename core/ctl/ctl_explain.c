/* core/ctl/ctl_explain.c - `yitong explain`: what the gateway would do with a message, and why.
 *
 * The same steps as engine/asking.c takes, with the same functions, but nothing is sent: decode, who may speak for the
 * institution, each route in order (route_matches), and the octets for the party that the first one leads to. */
#include "ctl/desk.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "engine/route.h"
#include "yitong/charset.h"

struct explaining {
	struct desk desk;
	const char *listener, *origin, *facts_file, *flow_name;
	const struct conf_flow *drawn[2]; /* the way it goes, and what follows */
	bool as_json, is_refused;
	const struct desk_codec *from;
	struct yt_msg *msg;
	struct facts facts;
	struct route_query query;
	enum area_relation relation;
	struct yt_node *tree;
};

/* Says why it would be refused; all that is known so far is printed all the same. */
static void refuse(struct explaining *x, const char *why)
{
	desk_put(&x->desk, x->tree, "refused", yt_arena_copy(x->desk.arena, yt_str(_(why)))); /* printed at the end */
	x->is_refused = true;
}

static uint32_t today(void)
{
	char time[15];

	yt_time_compact(yt_wall_ms(), time);
	time[8] = '\0';
	return (uint32_t)strtoul(time, NULL, 10);
}

/* -- what it is --------------------------------------------------------------------------------- */

static void put_area(struct explaining *x, struct yt_node *areas, const char *name, struct yt_str code)
{
	struct yt_str called = area_name(x->desk.ctl->conf->areas, code, x->query.day);

	if (code.n == 0)
		desk_put(&x->desk, areas, name, yt_str(_("(none)")));
	else
		desk_putf(&x->desk, areas, name, "%.*s%s%.*s", YT_FMT(code), called.n != 0 ? " " : "", YT_FMT(called));
}

static void put_areas(struct explaining *x)
{
	struct yt_node *areas = yt_node_add(x->desk.arena, x->tree, YT_STR("areas"), YT_OBJECT);

	x->relation = area_relate(x->desk.ctl->conf->areas, x->msg->treatment_area, x->msg->insured_area, x->query.day);
	put_area(x, areas, "treatment", x->msg->treatment_area);
	put_area(x, areas, "insured", x->msg->insured_area);
	put_area(x, areas, "institution", x->query.institution_area);
	desk_put(&x->desk, areas, "relation", yt_str(area_relation_name(x->relation)));
}

static void put_message(struct explaining *x)
{
	const struct yt_msg *m = x->msg;
	char fen[24];

	desk_putf(&x->desk, x->tree, "operation", "%s %s", m->op->name, m->op->zh);
	desk_put(&x->desk, x->tree, "wire", m->wire_op);
	desk_put(&x->desk, x->tree, "number", m->number);
	desk_put(&x->desk, x->tree, "institution", m->institution);
	desk_put(&x->desk, x->tree, "changes_state", yt_str(m->op->changes_state ? _("yes") : _("no")));
	if (m->amount_fen != 0) {
		yt_fen_print(m->amount_fen, fen);
		desk_putf(&x->desk, x->tree, "amount", "%s", fen);
	}
}

static const struct conf_listener *listener_of(struct explaining *x)
{
	const struct conf *conf = x->desk.ctl->conf;

	for (uint32_t i = 0; i < conf->n_listeners; i++)
		if (x->listener == NULL || strcmp(conf->listeners[i].name, x->listener) == 0)
			return &conf->listeners[i];
	return NULL;
}

static int read_message(struct explaining *x, const char *file)
{
	const struct conf_listener *listener = listener_of(x);
	struct yt_fault fault = { { 0 }, { 0 } };
	struct yt_str octets;
	int rv;

	if (listener == NULL)
		return x->listener != NULL ? ctl_fail(CTL_CANNOT, "there is no listener %s in %s", x->listener,
		                                     x->desk.ctl->conf_file)
		                           : ctl_fail(CTL_CANNOT, "there is no listener in %s", x->desk.ctl->conf_file);
	rv = desk_read(&x->desk, file, &octets);
	x->from = rv == CTL_OK ? desk_codec(&x->desk, listener->name) : NULL;
	if (x->from == NULL)
		return CTL_CANNOT;
	desk_putf(&x->desk, x->tree, "listener", "%s, format %s", listener->name, x->from->format);
	x->msg = yt_msg_new(x->desk.arena);
	YT_REQUIRE(x->msg != NULL);
	rv = x->from->api->decode_request(x->from->plugin, octets, x->msg, &fault);
	x->query = (struct route_query){ .msg = x->msg, .listener = yt_str(listener->name), .day = today() };
	if (rv != 0)
		refuse(x, yt_arena_printf(x->desk.arena, "%s %s (%s)", fault.path, _(fault.why), _(yt_strerror(rv))).p);
	if (rv != 0 && x->listener == NULL && x->desk.ctl->conf->n_listeners > 1)
		desk_putf(&x->desk, x->tree, "hint",
		        "it was read as what comes in by %s, the first listener; --listener NAME says by which",
		        listener->name);
	return CTL_OK;
}

/* -- who may send it ---------------------------------------------------------------------------- */

static const char *why_speaks(const struct conf_origin *o, const struct yt_msg *m)
{
	if (conf_origin_speaks_for(o, m->institution, (struct yt_str){ 0 }))
		return "yes: lists the institution";
	if (conf_origin_speaks_for(o, m->institution, m->treatment_area))
		return "yes: speaks for the treatment area";
	return o->areas.n > 0 ? "no: lists neither the institution nor its area" : "no: does not list the institution";
}

static int check_origin(const struct explaining *x)
{
	const struct conf *conf = x->desk.ctl->conf;

	for (uint32_t i = 0; x->origin != NULL && i < conf->n_origins; i++)
		if (strcmp(conf->origins[i].name, x->origin) == 0)
			return CTL_OK;
	return x->origin == NULL
	               ? CTL_OK
	               : ctl_fail(CTL_CANNOT, "there is no origin %s in %s", x->origin, x->desk.ctl->conf_file);
}

static void put_origins(struct explaining *x)
{
	const struct conf *conf = x->desk.ctl->conf;
	struct yt_node *origins = yt_node_add(x->desk.arena, x->tree, YT_STR("origins"), YT_OBJECT);
	const struct conf_origin *chosen = NULL;

	for (uint32_t i = 0; i < conf->n_origins; i++) {
		const struct conf_origin *o = &conf->origins[i];
		const char *why = why_speaks(o, x->msg);

		if (x->origin != NULL && strcmp(o->name, x->origin) != 0)
			continue;
		desk_put(&x->desk, origins, o->name, yt_str(_(why)));
		if (chosen == NULL && *why == 'y')
			chosen = o;
	}
	if (chosen == NULL)
		refuse(x, x->origin != NULL ? "this origin may not speak for the institution"
		                            : "no origin may speak for the institution");
	else
		x->query.origin = yt_str(chosen->name);
}

/* -- where to ----------------------------------------------------------------------------------- */

/* What is missing may be what an earlier step of the flow, or of the case, brings. */
static void put_fault(struct explaining *x, struct yt_node *node, const struct yt_fault *fault, bool may_come)
{
	if (may_come) {
		desk_putf(&x->desk, node, "not_yet", "%s %s (an earlier step's answer, or --facts, may bring it)",
		        fault->path, _(fault->why));
		return;
	}
	desk_putf(&x->desk, node, "cannot_be_said", "%s %s%s%s", fault->path, _(fault->why),
	        x->desk.key_trouble[0] != '\0' ? "; " : "", x->desk.key_trouble);
	x->is_refused = true;
}

/* Octets as people and JSON can read them: what is not UTF-8 is shown in UTF-8, or as Base64. */
static void put_readable(struct explaining *x, struct yt_node *node, struct yt_str octets)
{
	struct yt_buf buf = { 0 };

	if (yt_utf8_check(octets, NULL) == 0) {
		desk_put(&x->desk, node, "octets", octets);
		return;
	}
	if (yt_gb18030_to_utf8(octets, &buf, NULL) == 0) {
		desk_put(&x->desk, node, "charset", YT_STR("GB18030"));
		desk_put(&x->desk, node, "octets", yt_arena_copy(x->desk.arena, yt_buf_view(&buf)));
	} else {
		yt_buf_clear(&buf);
		yt_base64_add(&buf, octets.p, octets.n);
		desk_put(&x->desk, node, "base64", yt_arena_copy(x->desk.arena, yt_buf_view(&buf)));
	}
	yt_buf_free(&buf);
}

/* The message for one party under node; NULL when it cannot be made.  may_come: it is not the first step. */
static struct yt_msg *put_octets(struct explaining *x, struct yt_node *node, const struct conf_party *party,
        const struct yt_op *op, bool may_come)
{
	const struct desk_codec *to = desk_codec(&x->desk, party->name);
	struct yt_fault fault = { { 0 }, { 0 } };
	struct yt_buf buf = { 0 };
	struct yt_msg *out;
	int rv;

	desk_putf(&x->desk, node, "party", "%s, format %s, %s", party->name, party->format, party->url);
	if (to == NULL) {
		x->is_refused = true;
		return NULL;
	}
	out = desk_outward(&x->desk, x->from, to, x->msg, &x->facts, op);
	YT_REQUIRE(out != NULL);
	if (op == x->msg->op && op->changes_state && to->api->make_number == NULL &&
	        strcmp(x->from->format, to->format) != 0 && op->id != YT_OP_REVERSE)
		desk_put(&x->desk, node, "note",
		        yt_str(_("outside of a flow this is refused: the format makes no numbers of ours")));
	rv = to->api->encode_request(to->plugin, out, &buf, &fault);
	out->sent = yt_arena_copy(x->desk.arena, yt_buf_view(&buf));
	if (rv != 0) {
		put_fault(x, node, &fault, may_come && rv == YT_EFORMAT);
	} else {
		put_readable(x, node, out->sent);
	}
	yt_buf_free(&buf);
	return rv == 0 ? out : NULL;
}

static void put_undoing(struct explaining *x, struct yt_node *node, const struct conf_step *step,
        const struct yt_op *op, const struct yt_msg *said)
{
	const struct desk_codec *to = desk_codec(&x->desk, step->party->name);
	struct yt_msg *undo = yt_msg_new(x->desk.arena);

	if (step->is_kept || !op->changes_state)
		desk_put(&x->desk, node, "undone_by",
		        yt_str(step->is_kept ? _("nothing: it is kept") : _("nothing: it changes nothing")));
	else if (said == NULL || to == NULL || undo == NULL)
		return;
	else if (to->api->reversal_of == NULL || to->api->reversal_of(to->plugin, said, undo) != 0)
		desk_put(&x->desk, node, "undone_by", yt_str(_("no machine: an operator decides")));
	else
		desk_putf(&x->desk, node, "undone_by", "%s %.*s", undo->op->name, YT_FMT(undo->wire_op));
}

static void put_flow(struct explaining *x, const struct conf_flow *flow)
{
	struct yt_node *steps = yt_node_add(x->desk.arena, x->tree, YT_STR("steps"), YT_ARRAY);

	x->drawn[0] = flow;
	desk_putf(&x->desk, x->tree, "answer", "that of step %u", (unsigned)flow->answer);
	for (uint32_t i = 0; i < flow->n_steps; i++) {
		const struct conf_step *step = &flow->step[i];
		const struct yt_op *op = step->op == YT_OP_COUNT ? x->msg->op : yt_op((enum yt_operation)step->op);
		struct yt_node *node = yt_node_add(x->desk.arena, steps, (struct yt_str){ 0 }, YT_OBJECT);
		const char *name = step->unless != NULL ? step->unless : step->only_with;
		struct yt_str has = name == NULL ? (struct yt_str){ 0 } : facts_get(&x->facts, name);

		desk_putf(&x->desk, node, "step", "%u, %s %s", (unsigned)i + 1, op->name, op->zh);
		if (step->only_with != NULL && has.n == 0) {
			desk_putf(&x->desk, node, "left_out", "the case has no %s", name);
			continue;
		}
		if (step->equals != NULL && !yt_str_is(has, step->equals)) {
			desk_putf(&x->desk, node, "left_out", "the case has %s = %.*s already", name, YT_FMT(has));
			continue;
		}
		if (step->unless != NULL && has.n != 0) {
			desk_putf(&x->desk, node, "left_out", "the case has %s = %.*s already", name, YT_FMT(has));
			continue;
		}
		if (name != NULL)
			desk_putf(&x->desk, node, "needed",
			        step->unless != NULL ? "the case has no %s yet" : "the case has a %s", name);
		put_undoing(x, node, step, op, put_octets(x, node, step->party, op, i > 0));
	}
}

/* What follows once this is done, step by step: made of the case's facts, so of octets there is nothing to show. */
static void put_then(struct explaining *x, const struct conf_flow *flow, const char *when)
{
	struct yt_node *then = yt_node_add(x->desk.arena, x->tree, YT_STR("then"), YT_OBJECT), *steps;

	YT_REQUIRE(then != NULL);
	x->drawn[1] = flow;
	desk_put(&x->desk, then, "flow", yt_str(flow->name));
	desk_put(&x->desk, then, "when", yt_str(when));
	steps = yt_node_add(x->desk.arena, then, YT_STR("steps"), YT_ARRAY);
	for (uint32_t i = 0; i < flow->n_steps; i++) {
		const struct conf_step *step = &flow->step[i];
		const struct yt_op *op = yt_op((enum yt_operation)step->op);
		struct yt_node *node = yt_node_add(x->desk.arena, steps, (struct yt_str){ 0 }, YT_OBJECT);

		desk_putf(&x->desk, node, "step", "%u, %s %s", (unsigned)i + 1, op->name, op->zh);
		desk_put(&x->desk, node, "party", yt_str(step->party->name));
		if (step->only_with != NULL && step->equals != NULL)
			desk_putf(&x->desk, node, "only_where", "the case's %s is %s", step->only_with, step->equals);
		else if (step->only_with != NULL)
			desk_putf(&x->desk, node, "only_where", "the case has a %s", step->only_with);
		else if (step->unless != NULL)
			desk_putf(&x->desk, node, "only_where", "the case has no %s yet", step->unless);
		if (step->party->enrolment != NULL &&
		        (op->id == YT_OP_CLAIM_SUBMIT || op->id == YT_OP_CLAIM_ELIGIBILITY))
			desk_putf(&x->desk, node, "only_for", "people on its enrolment list");
	}
}

static const struct conf_route *put_routes(struct explaining *x)
{
	const struct conf *conf = x->desk.ctl->conf;
	struct yt_node *routes = yt_node_add(x->desk.arena, x->tree, YT_STR("routes"), YT_OBJECT);
	const char *why;

	for (uint32_t i = 0; i < conf->n_routes; i++) {
		const struct conf_route *r = &conf->routes[i];

		if (!route_matches(&conf->rules[i], &x->query, x->relation, &why)) {
			desk_putf(&x->desk, routes, r->name, "no: %s", _(why));
			continue;
		}
		desk_putf(&x->desk, routes, r->name,
		        r->flow != NULL ? "yes: flow %s"
		        : r->stays_here ? "yes: here, then %s"
		                        : "yes: party %s",
		        r->flow != NULL ? r->flow_name
		        : r->stays_here ? r->then_name
		                        : r->to);
		return r;
	}
	return NULL;
}

static void follow(struct explaining *x, const struct conf_route *route)
{
	struct yt_node *to;

	if (route == NULL) {
		refuse(x, "no route takes it");
	} else if (x->msg->op->id == YT_OP_REVERSE &&
	           (route->flow != NULL || strcmp(route->party->format, x->from->format) != 0)) {
		desk_put(&x->desk, x->tree, "joins",
		        yt_str(_("the journal knows what it reverses, and undoes that as its party wants it")));
	} else if (route->flow != NULL) {
		put_flow(x, route->flow);
	} else if (route->stays_here) { /* its order is made later, with the payer's account: no octets yet */
		put_then(x, route->then, _("it is kept here, and answered; nobody waits for it"));
		return;
	} else {
		to = yt_node_add(x->desk.arena, x->tree, YT_STR("goes_to"), YT_OBJECT);
		put_octets(x, to, route->party, x->msg->op, false);
	}
	if (route != NULL && route->quote != NULL &&
	        (x->msg->op->id == YT_OP_OUTPATIENT_PRESETTLE || x->msg->op->id == YT_OP_INPATIENT_PRESETTLE ||
	                x->msg->op->id == YT_OP_PHARMACY_PRESETTLE))
		desk_put(&x->desk, x->tree, "quote", yt_str(route->quote_name));
	if (route != NULL && route->one_stop != NULL && x->msg->op->is_settlement)
		desk_putf(&x->desk, x->tree, "one_stop",
		        "%s has %u ms to decide; what it pays the institution is shown in %s", route->one_stop_name,
		        (unsigned)route->one_stop->quote_timeout_ms, route->one_stop_member);
	if (route != NULL && route->then != NULL &&
	        (x->msg->op->id == YT_OP_OUTPATIENT_SETTLE || x->msg->op->id == YT_OP_INPATIENT_SETTLE ||
	                x->msg->op->id == YT_OP_PHARMACY_SETTLE))
		put_then(x, route->then,
		        route->one_stop == NULL ? _("the settlement is done; nobody waits for it")
		                                : _("the settlement is done, and its answer kept"));
}

static void check(struct explaining *x)
{
	const struct conf_institution *institution = conf_institution(x->desk.ctl->conf, x->msg->institution);
	char why[200] = "";

	if (institution != NULL) {
		x->query.institution_area = yt_str(institution->area);
		if (institution->sign_in == CONF_SIGN_IN_OWN)
			desk_put(&x->desk, x->tree, "sign_no",
			        yt_str(_("the gateway's own, filled in when it is sent")));
	} else if (x->from->api->sign_in_for != NULL) {
		refuse(x, "the institution is not configured");
	}
	put_areas(x);
	put_origins(x);
	if (x->msg->op->request_money != 0 &&
	        yt_money_check(x->msg->op->request_money, x->msg->body, why, sizeof(why)) != 0)
		refuse(x, why);
}

static int explain(struct explaining *x, const char *file)
{
	int rv = desk_open(&x->desk, x->desk.ctl, true);

	if (rv != CTL_OK)
		return rv;
	x->tree = yt_node_new(x->desk.arena, YT_OBJECT);
	rv = check_origin(x);
	if (rv == CTL_OK)
		rv = read_message(x, file);
	if (rv == CTL_OK)
		rv = desk_facts(&x->desk, x->facts_file, x->msg, &x->facts);
	if (rv != CTL_OK)
		return rv;
	put_message(x);
	if (!x->is_refused) {
		check(x);
		if (x->msg->op->stays_here)
			desk_put(&x->desk, x->tree, "stays_here",
			        yt_str(_(
			                "it goes to no party: it is kept, encrypted, for later messages of the case")));
		else
			follow(x, put_routes(x));
	}
	if (x->as_json)
		desk_print_json(x->tree, stdout);
	else
		desk_print(x->tree, stdout);
	for (size_t i = 0; !x->as_json && i < 2; i++)
		if (x->drawn[i] != NULL) {
			fputc('\n', stdout);
			ctl_draw_flow(&x->desk, x->drawn[i], stdout);
		}
	return x->is_refused ? CTL_FOUND : CTL_OK;
}

static int draw(struct explaining *x)
{
	const struct conf_flow *flow;
	const struct conf *conf;
	char names[900] = "";
	int rv = desk_open(&x->desk, x->desk.ctl, true);

	if (rv != CTL_OK)
		return rv;
	conf = x->desk.ctl->conf;
	flow = conf_flow(conf, yt_str(x->flow_name));
	for (uint32_t i = 0; flow == NULL && i < conf->n_flows && strlen(names) < sizeof(names) - 40; i++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), " %s", conf->flows[i].name);
	if (flow == NULL)
		return ctl_fail(CTL_CANNOT, "there is no flow %s in %s: it has%s", x->flow_name, x->desk.ctl->conf_file,
		        names[0] == '\0' ? _(" none") : names);
	ctl_draw_flow(&x->desk, flow, stdout);
	return CTL_OK;
}

int ctl_explain(struct ctl *ctl, int argc, char **argv)
{
	struct explaining x = { .desk.ctl = ctl };
	const struct ctl_option own[] = { { "listener", .text = &x.listener }, { "origin", .text = &x.origin },
		{ "facts", .text = &x.facts_file }, { "flow", .text = &x.flow_name },
		{ "plugins", .text = &x.desk.plugin_dir }, { NULL } };
	int rv = ctl_options(ctl, "explain", argc, argv, own, &x.as_json);

	if (rv != CTL_GO_ON)
		return rv;
	if (argc - optind != (x.flow_name == NULL))
		return ctl_usage("explain", x.flow_name == NULL ? "name one file, - for standard input"
		                                                : "name a flow or a file, not both");
	rv = x.flow_name == NULL ? explain(&x, argv[optind]) : draw(&x);
	desk_close(&x.desk);
	return rv;
}
