/* core/process/conf_routes.c - the routes of the configuration as rules (engine/route.h), and the tables they ask.
 *
 * conf.c has filled conf->routes by the table of keys; conf_check.c calls conf_check_routes() once the names are
 * known; workers and `yitong explain` ask conf_route(). */
#include "base/words.h"
#include "process/conf_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/route.h"
#include "process/ring.h"

#define ROUTES_MAX 100000
#define TABLE_BYTES_MAX (16u << 20)

/* -- tables in CSV -- */

int conf_read_table(struct conf *conf, const char *path, struct yt_str *text, const char **why)
{
	FILE *file = fopen(path, "re");
	struct yt_buf buf = { 0 };
	size_t n = 0;

	*why = NULL;
	if (file == NULL)
		return YT_EIO; /* conf_check_file() has told */
	do {
		uint8_t *room = yt_buf_room(&buf, 65536);

		if (room == NULL)
			break;
		n = fread(room, 1, 65536, file);
		buf.n -= 65536 - n;
	} while (n > 0 && buf.n <= TABLE_BYTES_MAX);
	if (ferror(file))
		*why = "cannot be read";
	else if (buf.n > TABLE_BYTES_MAX)
		*why = "has more than 16 MiB";
	fclose(file);
	*text = yt_arena_copy(conf->arena, yt_buf_view(&buf));
	yt_buf_free(&buf);
	return *why != NULL ? YT_EIO : text->p == NULL ? YT_ENOMEM : 0;
}

static void read_areas(struct conf *conf, struct conf_errors *errors)
{
	const char *path = conf->tables.areas, *unread;
	char why[160] = "";
	struct yt_str text;
	uint32_t line = 0;

	if (path == NULL)
		return;
	if (conf_read_table(conf, path, &text, &unread) != 0) {
		if (unread != NULL)
			conf_error_add(errors, 0, 0, "tables.areas: %s %s", path, _(unread));
		return;
	}
	if (area_table_read(conf->arena, text, &conf->areas, &line, why, sizeof(why)) != 0)
		conf_error_add(errors, 0, 0, "tables.areas: %s:%u: %s", path, (unsigned)line, why);
}

/* -- one route as a rule -- */

struct making {
	struct conf *conf;
	struct conf_errors *errors;
	struct conf_route *route;
	struct route_rule *rule;
};

#define WRONG(m, ...) conf_error_add((m)->errors, (m)->route->place.line, (m)->route->place.column, __VA_ARGS__)

static const char *nth_party(const void *arg, size_t i)
{
	const struct conf *conf = arg;

	return i < conf->n_parties ? conf->parties[i].name : NULL;
}

static const char *nth_operation(const void *arg, size_t i)
{
	(void)arg;
	return i < YT_OP_COUNT ? yt_op((enum yt_operation)i)->name : NULL;
}

/* "outpatient.settle", "outpatient.*" or "*.settle". */
static bool covers(struct yt_str word, const char *name)
{
	size_t n = strlen(name);

	if (word.n > 2 && word.p[word.n - 1] == '*' && word.p[word.n - 2] == '.')
		return n >= word.n - 1 && memcmp(name, word.p, word.n - 1) == 0;
	if (word.n > 2 && word.p[0] == '*' && word.p[1] == '.')
		return n >= word.n - 1 && memcmp(name + n - (word.n - 1), word.p + 1, word.n - 1) == 0;
	return yt_str_is(word, name);
}

/* False: one is misspelt, which has been told. */
static bool make_operations(struct making *m)
{
	const struct conf_texts *words = &m->route->operations;
	bool are_known = true;

	m->rule->any_op = words->n == 0;
	for (uint32_t i = 0; i < words->n; i++) {
		bool is_known = false;
		const char *meant;

		for (unsigned op = 0; op < YT_OP_COUNT; op++) {
			if (!covers(words->item[i], yt_op((enum yt_operation)op)->name))
				continue;
			m->rule->ops[op] = is_known = true;
		}
		if (is_known)
			continue;
		are_known = false;
		meant = conf_closest(words->item[i].p, nth_operation, NULL);
		WRONG(m, "operations: there is no operation \"%.*s\"%s%s%s", YT_FMT(words->item[i]),
		        meant == NULL ? "" : _(": did you mean \""), meant == NULL ? "" : meant,
		        meant == NULL ? "" : _("\"?"));
	}
	return are_known;
}

static void make_relations(struct making *m)
{
	const struct conf_texts *words = &m->route->relation;

	for (uint32_t i = 0; i < words->n; i++) {
		unsigned r = AREA_UNKNOWN;

		while (r <= AREA_CROSS_PROVINCE &&
		        !yt_str_is(words->item[i], area_relation_name((enum area_relation)r)))
			r++;
		if (r > AREA_CROSS_PROVINCE)
			WRONG(m, "relation must be same-city, same-province, cross-province or unknown, not \"%.*s\"",
			        YT_FMT(words->item[i]));
		else
			m->rule->relations |= 1u << r;
	}
}

static void check_names_of(struct making *m, const char *key, const struct conf_texts *names, enum conf_map map)
{
	for (uint32_t i = 0; i < names->n; i++)
		if (conf_map_find(m->conf, map, names->item[i]) == UINT32_MAX)
			WRONG(m, "%s: there is no \"%.*s\"", key, YT_FMT(names->item[i]));
}

/* "14|16" into its values. */
static struct route_texts split_values(struct making *m, const char *text)
{
	struct route_texts values = { NULL, 1 };
	struct yt_str *item;
	uint32_t n = 0;

	for (const char *p = text; *p != '\0'; p++)
		values.n += *p == '|';
	values.item = item = yt_arena_alloc(m->conf->arena, values.n * sizeof(*item));
	if (item == NULL)
		return (struct route_texts){ 0 };
	for (const char *p = text; n < values.n; n++) {
		item[n].p = p;
		item[n].n = strcspn(p, "|");
		p += item[n].n + 1;
	}
	return values;
}

static void make_fields(struct making *m)
{
	const struct conf_settings *fields = &m->route->fields;

	if (fields->n > ROUTE_FIELDS_MAX)
		WRONG(m, "fields: more than %d", ROUTE_FIELDS_MAX);
	for (uint32_t i = 0; i < fields->n && i < ROUTE_FIELDS_MAX; i++) {
		m->rule->fields[i].name = yt_str(fields->item[i].key);
		m->rule->fields[i].values = split_values(m, fields->item[i].value);
		m->rule->n_fields++;
	}
}

static const char *nth_flow(const void *arg, size_t i)
{
	const struct conf *conf = arg;

	return i < conf->n_flows ? conf->flows[i].name : NULL;
}

static const struct conf_flow *find_flow(struct making *m, const char *name)
{
	const struct conf_flow *flow = conf_flow(m->conf, yt_str(name));
	const char *meant;

	if (flow == NULL) {
		meant = conf_closest(name, nth_flow, m->conf);
		WRONG(m, "route to unknown flow \"%s\"%s%s%s", name,
		        meant == NULL ? _(": add it to flows") : _(": did you mean \""), meant == NULL ? "" : meant,
		        meant == NULL ? "" : _("\"?"));
	}
	return flow;
}

/* What follows is made of facts alone: it has no message of its own that could go on as it came. */
static void make_then(struct making *m)
{
	struct conf_route *r = m->route;
	static const enum yt_operation from[] = { YT_OP_OUTPATIENT_SETTLE, YT_OP_INPATIENT_SETTLE,
		YT_OP_PHARMACY_SETTLE };
	bool any = m->rule->any_op;

	if (r->then_name == NULL)
		return;
	if (r->then == NULL)
		r->then = find_flow(m, r->then_name);
	for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++)
		any = any || m->rule->ops[from[i]];
	if (!any && !r->stays_here)
		WRONG(m, "`then` follows settlements: this route serves none");
	if (m->conf->cases.facts.n == 0 && !r->stays_here)
		WRONG(m, "`then` needs the facts of its cases: say in cases.facts of which visits they are kept");
	for (uint32_t i = 0; r->then != NULL && i < r->then->n_steps; i++)
		if (r->then->step[i].op == YT_OP_COUNT)
			WRONG(m,
			        "step %u of flow %s names no operation: what follows a settlement has no request to pass on",
			        (unsigned)i + 1, r->then_name);
}

/* All payouts of a list leave for the keeper in one message, and what is told of them comes back in half a ring. */
static void check_list_room(struct making *m)
{
	const struct conf_limits *limits = &m->conf->limits;
	const uint32_t kib = CONF_LIST_ROW_KIB * limits->list_rows;

	if (!m->route->stays_here || !m->rule->ops[YT_OP_PAY_BATCH])
		return;
	if (limits->ring_mib * 1024 < kib)
		WRONG(m,
		        "lists of %u payouts (limits.list_rows) do not fit in ring_mib: %u: make it %u, or list_rows at most %u",
		        (unsigned)limits->list_rows, (unsigned)limits->ring_mib, (unsigned)(kib + 1023) / 1024,
		        (unsigned)(limits->ring_mib * 1024 / CONF_LIST_ROW_KIB));
	if (m->conf->journal.segment_mib * 1024 < 2 * kib)
		WRONG(m,
		        "lists of %u payouts (limits.list_rows) do not fit in segment_mib: %u: make it %u, or list_rows at most %u",
		        (unsigned)limits->list_rows, (unsigned)m->conf->journal.segment_mib,
		        (unsigned)(2 * kib + 1023) / 1024,
		        (unsigned)(m->conf->journal.segment_mib * 1024 / (2 * CONF_LIST_ROW_KIB)));
}

/* Tells the end of a list: nothing else has one. */
static void make_result(struct making *m)
{
	struct conf_route *r = m->route;

	if (r->result_name == NULL)
		return;
	r->result = find_flow(m, r->result_name);
	if (!r->stays_here || !m->rule->ops[YT_OP_PAY_BATCH])
		WRONG(m, "`result` tells what became of a list: this route is not of pay.batch alone with `then`");
	else if (r->result != NULL && (r->result->n_steps != 1 || r->result->step[0].op != YT_OP_PAY_BATCH_RESULT))
		WRONG(m, "result: flow %s must have one step, PARTY:pay.batch.result", r->result_name);
}

static const struct conf_party *find_insurer(struct making *m, const char *key, const char *name)
{
	const struct conf_party *party = conf_party(m->conf, yt_str(name));
	const char *meant;

	if (party != NULL)
		return party;
	meant = conf_closest(name, nth_party, m->conf);
	WRONG(m, "%s of unknown party \"%s\"%s%s%s", key, name,
	        meant == NULL ? _(": add it to parties") : _(": did you mean \""), meant == NULL ? "" : meant,
	        meant == NULL ? "" : _("\"?"));
	return NULL;
}

/* Asked about pre-settlements; that its format has quotes is seen when the plugins are there. */
static void make_quote(struct making *m)
{
	static const enum yt_operation about[] = { YT_OP_OUTPATIENT_PRESETTLE, YT_OP_INPATIENT_PRESETTLE,
		YT_OP_PHARMACY_PRESETTLE };
	struct conf_route *r = m->route;
	bool any = m->rule->any_op;

	if (r->quote_name == NULL)
		return;
	for (size_t i = 0; i < sizeof(about) / sizeof(about[0]); i++)
		any = any || m->rule->ops[about[i]];
	if (!any)
		WRONG(m, "`quote` is about pre-settlements: this route serves none");
	if (m->conf->cases.facts.n == 0)
		WRONG(m, "`quote` needs the facts of its cases: say in cases.facts of which visits they are kept");
	r->quote = find_insurer(m, "quote", r->quote_name);
}

static bool hands_claim_in(const struct conf_flow *flow, const struct conf_party *party)
{
	uint32_t i = 0;

	while (i < flow->n_steps && (flow->step[i].party != party || flow->step[i].op != YT_OP_CLAIM_SUBMIT))
		i++;
	return i < flow->n_steps;
}

/* Decides the claim that follows, before a settlement's origin hears. */
static void make_one_stop(struct making *m)
{
	struct conf_route *r = m->route;

	if (r->one_stop_name == NULL)
		return;
	r->one_stop = find_insurer(m, "one_stop", r->one_stop_name);
	if (r->to == NULL)
		WRONG(m, "`one_stop` needs `to`: what one party has answered can be kept while an insurer decides");
	if (r->one_stop == NULL)
		return;
	if (r->one_stop->pays != CONF_PAYS_INSTITUTION)
		WRONG(m,
		        "one_stop: %s pays persons: only what goes to the institution may lower what that collects; say "
		        "`pays: institution` of it, if it does so",
		        r->one_stop_name);
	if (r->then_name == NULL || (r->then != NULL && !hands_claim_in(r->then, r->one_stop)))
		WRONG(m, "one_stop: give `then` a flow with the step %s:claim.submit, which is what %s decides",
		        r->one_stop_name, r->one_stop_name);
}

static void make_flow(struct making *m)
{
	struct conf_route *r = m->route;

	r->flow = find_flow(m, r->flow_name);
	if (r->flow == NULL)
		return;
	if (r->flow->steps.n < 2)
		WRONG(m, "flow %s has one step: route to its party", r->flow_name);
	r->party = r->flow->step[0].party;
	if (m->rule->any_op)
		WRONG(m, "a route to a flow must name its operations: flow %s serves some, not all", r->flow_name);
	for (unsigned op = 0; op < YT_OP_COUNT; op++)
		if (m->rule->ops[op] && !yt_op((enum yt_operation)op)->changes_state)
			WRONG(m, "%s is a query: a flow serves requests that change state",
			        yt_op((enum yt_operation)op)->name);
}

/* What an agency orders, or tells of a settlement elsewhere, is kept here; what follows pays or claims it; an account
 * is, and what follows asks a bank about it.  One kind a route: what follows from the one cannot follow from the other.
 */
static bool is_kept_here(const struct route_rule *rule)
{
	unsigned n = 0;

	for (unsigned op = 0; op < YT_OP_COUNT; op++) {
		if (rule->any_op || (rule->ops[op] && op != YT_OP_PAY_ORDER && op != YT_OP_PAY_BATCH &&
		                            op != YT_OP_SETTLE_NOTICE && op != YT_OP_ACCOUNT_PUT))
			return false;
		n += rule->ops[op];
	}
	return n == 1;
}

static void make_party(struct making *m)
{
	struct conf_route *r = m->route;
	const char *meant;

	if (r->to == NULL && r->flow_name == NULL && r->then_name != NULL && is_kept_here(m->rule)) {
		r->stays_here = true;
		r->then = find_flow(m, r->then_name);
		if (r->then != NULL && r->then->n_steps > 0)
			r->party = r->then->step[0].party;
		return;
	}
	if ((r->to == NULL) == (r->flow_name == NULL)) {
		WRONG(m, "a route leads to a party (`to`) or by a flow (`flow`): give one of the two");
		return;
	}
	if (r->to == NULL) {
		make_flow(m);
		return;
	}
	r->party = conf_party(m->conf, yt_str(r->to));
	if (r->party != NULL)
		return;
	meant = conf_closest(r->to, nth_party, m->conf);
	WRONG(m, "route to unknown party \"%s\"%s%s%s", r->to,
	        meant == NULL ? _(": add it to parties") : _(": did you mean \""), meant == NULL ? "" : meant,
	        meant == NULL ? "" : _("\"?"));
}

#define AS_TEXTS(texts) ((struct route_texts){ (texts).item, (texts).n })

static void make_rule(struct making *m)
{
	const struct conf_route *r = m->route;
	bool are_known;

	*m->rule = (struct route_rule){ .name = r->name,
		.target = r,
		.listeners = AS_TEXTS(r->listeners),
		.origins = AS_TEXTS(r->origins),
		.institutions = AS_TEXTS(r->institutions),
		.insutypes = AS_TEXTS(r->insutypes),
		.areas = AS_TEXTS(r->areas),
		.treatment = AS_TEXTS(r->treatment),
		.insured = AS_TEXTS(r->insured) };
	are_known = make_operations(m);
	make_relations(m);
	make_fields(m);
	check_names_of(m, "listeners", &r->listeners, CONF_BY_LISTENER);
	check_names_of(m, "origins", &r->origins, CONF_BY_ORIGIN);
	if (!are_known) /* what it serves decides where it may lead */
		return;
	make_party(m);
	make_then(m);
	make_result(m);
	check_list_room(m);
	make_quote(m);
	make_one_stop(m);
}

static bool takes_all(const struct route_rule *rule)
{
	return rule->any_op && rule->relations == 0 && rule->n_fields == 0 && rule->listeners.n == 0 &&
	       rule->origins.n == 0 && rule->institutions.n == 0 && rule->insutypes.n == 0 && rule->areas.n == 0 &&
	       rule->treatment.n == 0 && rule->insured.n == 0;
}

/* -- flows -- */

/* "there is no party "zhejang": did you mean "zhejiang"?" */
static const char *unknown(
        struct conf *conf, const char *fmt, struct yt_str word, const char *(*nth)(const void *arg, size_t i))
{
	struct yt_str copy = yt_arena_copy(conf->arena, word);
	const char *meant = copy.p == NULL ? NULL : conf_closest(copy.p, nth, conf);
	struct yt_str said = yt_arena_printf(conf->arena, _(fmt), YT_FMT(word));

	if (meant == NULL || said.p == NULL)
		return said.p == NULL ? "" : said.p;
	return yt_arena_printf(conf->arena, "%s%s%s%s", said.p, _(": did you mean \""), meant, _("\"?")).p;
}

/* The condition behind the question mark: "fact", "!fact" or "fact=VALUE".  NULL, or what is wrong with it. */
static const char *make_condition(struct conf *conf, const char *mark, struct conf_step *step)
{
	const char *sign = strchr(mark, '=');

	if (*mark == '!' && sign != NULL)
		return _("a condition is ?fact, ?!fact or ?fact=VALUE");
	if (*mark == '!')
		step->only_with = mark + 1;
	else if (sign == NULL)
		step->unless = mark;
	else
		step->only_with = yt_arena_copy(conf->arena, (struct yt_str){ mark, (size_t)(sign - mark) }).p;
	step->equals = sign == NULL ? NULL : sign + 1;
	return sign != NULL && (sign == mark || sign[1] == '\0') ? _("a condition is ?fact, ?!fact or ?fact=VALUE")
	                                                         : NULL;
}

/* "!party:operation" and its condition into its parts.  NULL, or what is wrong with it. */
static const char *make_step(struct conf *conf, struct yt_str word, struct conf_step *step)
{
	const char *end = word.p + word.n, *colon, *mark;
	struct yt_str party, operation;
	const char *wrong;

	step->is_kept = word.n > 0 && word.p[0] == '!';
	word.p += step->is_kept;
	colon = memchr(word.p, ':', (size_t)(end - word.p));
	mark = memchr(word.p, '?', (size_t)(end - word.p));
	wrong = mark == NULL ? NULL : make_condition(conf, mark + 1, step);
	if (wrong != NULL)
		return wrong;
	end = mark == NULL ? end : mark;
	party = (struct yt_str){ word.p, (size_t)((colon == NULL ? end : colon) - word.p) };
	step->party = conf_party(conf, party);
	if (step->party == NULL)
		return unknown(conf, "there is no party \"%.*s\"", party, nth_party);
	step->op = YT_OP_COUNT;
	if (colon == NULL)
		return NULL;
	operation = (struct yt_str){ colon + 1, (size_t)(end - colon - 1) };
	for (step->op = 0; step->op < YT_OP_COUNT; step->op++)
		if (yt_str_is(operation, yt_op((enum yt_operation)step->op)->name))
			return NULL;
	return unknown(conf, "there is no operation \"%.*s\"", operation, nth_operation);
}

/* What follows from something else answers nobody; what a misspelt `then` means is not judged. */
static bool is_answered(const struct conf *conf, const struct conf_flow *flow)
{
	bool follows = false;

	for (uint32_t i = 0; i < conf->n_routes; i++) {
		if (conf->routes[i].flow_name != NULL && strcmp(conf->routes[i].flow_name, flow->name) == 0)
			return true;
		follows = follows ||
		          (conf->routes[i].result_name != NULL && strcmp(conf->routes[i].result_name, flow->name) == 0);
		follows = follows || (conf->routes[i].then_name != NULL &&
		                             (strcmp(conf->routes[i].then_name, flow->name) == 0 ||
		                                     conf_flow(conf, yt_str(conf->routes[i].then_name)) == NULL));
	}
	return !follows;
}

static void make_flows(struct conf *conf, struct conf_errors *errors)
{
	for (uint32_t i = 0; i < conf->n_flows; i++) {
		struct conf_flow *f = &conf->flows[i];
		const char *wrong = NULL;

		if (strcmp(f->name, "here") == 0)
			conf_error_add(errors, f->place.line, f->place.column,
			        "a flow cannot be called here: that is what is asked of the gateway itself");
		if (f->steps.n < 1 || f->steps.n > sizeof(f->step) / sizeof(f->step[0])) {
			conf_error_add(errors, f->place.line, f->place.column, "a flow has one to eight steps");
			continue;
		}
		for (f->n_steps = 0; wrong == NULL && f->n_steps < f->steps.n; f->n_steps++) {
			wrong = make_step(conf, f->steps.item[f->n_steps], &f->step[f->n_steps]);
			if (wrong != NULL)
				conf_error_add(errors, f->place.line, f->place.column, "step %u, \"%.*s\": %s",
				        (unsigned)f->n_steps + 1, YT_FMT(f->steps.item[f->n_steps]), wrong);
		}
		if (f->answer == 0) /* out of range: told where it was read */
			continue;
		if (f->answer > f->steps.n ||
		        (wrong == NULL && is_answered(conf, f) &&
		                (f->step[f->answer - 1].unless != NULL || f->step[f->answer - 1].only_with != NULL)))
			conf_error_add(errors, f->place.line, f->place.column,
			        "answer: step %u is not there or may be left out: name one that is always done",
			        (unsigned)f->answer);
	}
}

static void make_cases(struct conf *conf, struct conf_errors *errors)
{
	for (uint32_t i = 0; i < conf->cases.facts.n; i++) {
		unsigned r = AREA_SAME_CITY;

		while (r <= AREA_CROSS_PROVINCE &&
		        !yt_str_is(conf->cases.facts.item[i], area_relation_name((enum area_relation)r)))
			r++;
		if (r > AREA_CROSS_PROVINCE)
			conf_error_add(errors, 0, 0,
			        "cases.facts must be same-city, same-province or cross-province, not \"%.*s\"",
			        YT_FMT(conf->cases.facts.item[i]));
		else
			conf->cases.relations |= 1u << r;
	}
}

void conf_check_routes(struct conf *conf, struct conf_errors *errors)
{
	const struct conf_route *takes_all_before = NULL;

	read_areas(conf, errors);
	make_flows(conf, errors);
	make_cases(conf, errors);
	if (conf->n_parties > BOARD_LANES)
		conf_error_add(errors, conf->parties[BOARD_LANES].place.line, conf->parties[BOARD_LANES].place.column,
		        "more than %d parties: a second gateway takes the others", BOARD_LANES);
	if (conf->n_routes > ROUTES_MAX) {
		conf_error_add(errors, conf->routes[ROUTES_MAX].place.line, conf->routes[ROUTES_MAX].place.column,
		        "more than %d routes: use areas instead of a route per institution", ROUTES_MAX);
		return;
	}
	conf->rules = yt_arena_alloc(conf->arena, (conf->n_routes + 1) * sizeof(*conf->rules));
	if (conf->rules == NULL)
		return;
	for (uint32_t i = 0; i < conf->n_routes; i++) {
		struct making m = { conf, errors, &conf->routes[i], &conf->rules[i] };

		make_rule(&m);
		if (takes_all_before != NULL)
			conf_warning_add(errors, m.route->place.line, m.route->place.column,
			        "never reached: the route on line %u takes everything",
			        (unsigned)takes_all_before->place.line);
		else if (takes_all(m.rule))
			takes_all_before = m.route;
	}
	conf->router = router_new(conf->rules, conf->n_routes, conf->areas);
}

/* -- asked -- */

const struct conf_route *conf_route(const struct conf *conf, const struct route_query *query)
{
	const struct route_rule *rule = conf->router == NULL ? NULL : router_match(conf->router, query, NULL);

	return rule == NULL ? NULL : rule->target;
}

const struct conf_party *conf_local_party(const struct conf *conf, struct yt_str institution)
{
	const struct conf_institution *inst = conf_institution(conf, institution);
	struct yt_str area = yt_str(inst == NULL ? NULL : inst->area);
	struct yt_msg msg = { .op = yt_op(YT_OP_OUTPATIENT_SETTLE),
		.institution = institution,
		.treatment_area = area,
		.insured_area = area };
	const struct conf_route *route;

	/* Whoever asks by whichever door: a rule that names one does not make the institution known to all. */
	for (uint32_t i = 0; i < conf->n_routes; i++) {
		struct route_rule rule = conf->rules[i];
		struct route_query query = { .msg = &msg, .institution_area = area };
		const char *why;

		if (conf->n_routes > 1024)
			break;
		rule.listeners.n = rule.origins.n = rule.insutypes.n = rule.n_fields = 0;
		if (route_matches(&rule, &query, area_relate(conf->areas, area, area, 0), &why))
			return conf->routes[i].party;
	}
	route = conf_route(conf, &(struct route_query){ .msg = &msg, .institution_area = area });
	return route == NULL ? NULL : route->party;
}
