/* core/process/worker_conf.c - the engine's questions about the configuration, answered.
 *
 * worker_process.c has a copy of its own of what was checked before (conf.h); the engine gets pointers into it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/day_list.h"
#include "engine/route.h"
#include "process/worker_parts.h"

static const struct engine_origin *origin_of(struct worker *w, const struct conf_origin *o)
{
	return o == NULL ? NULL : &w->origins[o - w->conf->origins];
}

static const struct engine_origin *origin_by_subject(void *ctx, struct yt_str subject)
{
	struct worker *w = ctx;

	return origin_of(w, conf_origin_by_subject(w->conf, subject));
}

static const struct engine_origin *origin_by_caller(void *ctx, struct yt_str caller, struct yt_str *key)
{
	struct worker *w = ctx;
	const struct conf_origin *o = conf_origin_by_caller(w->conf, caller);

	if (o != NULL)
		*key = yt_str(o->key);
	return origin_of(w, o);
}

static bool speaks_for(void *ctx, const struct engine_origin *origin, const struct yt_msg *msg)
{
	struct worker *w = ctx;

	if (w->tellers <= origin && origin < w->tellers + w->conf->n_parties)
		return true; /* for itself: it was asked */
	return conf_origin_may(w->conf, &w->conf->origins[origin - w->origins], msg->institution, msg->treatment_area);
}

static const struct engine_institution *institution_by_code(void *ctx, struct yt_str code)
{
	struct worker *w = ctx;
	const struct conf_institution *i = conf_institution(w->conf, code);

	return i == NULL ? NULL : &w->institutions[i - w->conf->institutions];
}

static const struct engine_party *party_by_name(void *ctx, const char *name)
{
	struct worker *w = ctx;
	const struct conf_party *p = conf_party(w->conf, yt_str(name));

	return p == NULL ? NULL : &w->parties[p - w->conf->parties].engine;
}

/* yyyymmdd of a moment in business time. */
static uint32_t business_day(int64_t wall_ms)
{
	char time[15];

	yt_time_compact(wall_ms, time);
	time[8] = 0;
	return (uint32_t)strtoul(time, NULL, 10);
}

static const struct engine_party *route(void *ctx, const struct yt_msg *msg, const struct engine_origin *origin,
        const char *listener, struct engine_way *way)
{
	struct worker *w = ctx;
	const struct conf_institution *i = conf_institution(w->conf, msg->institution);
	const struct route_query query = { .msg = msg,
		.listener = yt_str(listener),
		.origin = yt_str(origin->name),
		.institution_area = yt_str(i == NULL ? NULL : i->area),
		.day = business_day(yt_wall_ms()) };
	const struct conf_route *r = conf_route(w->conf, &query);

	if (r == NULL)
		return NULL;
	way->rule = r->name;
	way->stays_here = r->stays_here;
	way->flow = r->flow == NULL ? NULL : &w->flows[r->flow - w->conf->flows];
	way->then = r->then == NULL ? NULL : &w->flows[r->then - w->conf->flows];
	way->tells = r->result == NULL ? NULL : &w->flows[r->result - w->conf->flows];
	way->quote = r->quote == NULL ? NULL : &w->parties[r->quote - w->conf->parties].engine;
	way->quote_member = r->quote_member;
	way->one_stop = r->one_stop == NULL ? NULL : &w->parties[r->one_stop - w->conf->parties].engine;
	way->one_stop_member = r->one_stop_member;
	return &w->parties[r->party - w->conf->parties].engine;
}

static const struct engine_flow *flow_by_name(void *ctx, const char *name)
{
	struct worker *w = ctx;
	const struct conf_flow *f = conf_flow(w->conf, yt_str(name));

	return f == NULL ? NULL : &w->flows[f - w->conf->flows];
}

static bool keeps_facts(void *ctx, const struct yt_msg *msg, struct yt_str insured)
{
	struct worker *w = ctx;

	return w->conf->cases.relations != 0 &&
	       (w->conf->cases.relations >>
	                       area_relate(w->conf->areas, msg->treatment_area, insured, business_day(yt_wall_ms())) &
	               1) != 0;
}

/* What was fetched came by its party; as whose octets it is kept. */
static const struct engine_codec *party_codec(const struct worker *w, uint32_t party)
{
	static const struct engine_codec day_list = { &day_list_codec, NULL };
	const struct engine_codec *codec = &w->parties[party].engine.codec;

	return day_list_is_of(codec->api) ? &day_list : codec;
}

static const struct engine_codec *listener_codec(void *ctx, const char *name)
{
	struct worker *w = ctx;
	uint32_t i;

	for (i = 0; i < w->conf->n_listeners; i++) {
		if (strcmp(w->conf->listeners[i].name, name) == 0)
			return &w->listeners[i].codec;
	}
	for (i = 0; i < w->conf->n_parties; i++) {
		if (strcmp(w->conf->parties[i].name, name) == 0)
			return party_codec(w, i);
	}
	return NULL;
}

/* -- taken over ---------------------------------------------------------------------------------- */

void worker_take_flows(struct worker *w)
{
	const struct conf *c = w->conf;

	w->flows = calloc(c->n_flows + 1, sizeof(*w->flows));
	YT_REQUIRE(w->flows != NULL);
	for (uint32_t i = 0; i < c->n_flows; i++) {
		struct engine_flow *f = &w->flows[i];

		f->name = c->flows[i].name;
		f->n = c->flows[i].n_steps;
		f->answer = c->flows[i].answer;
		for (unsigned step = 0; step < f->n; step++) {
			const struct conf_step *from = &c->flows[i].step[step];

			f->steps[step] = (struct engine_flow_step){ &w->parties[from->party - c->parties].engine,
				(enum yt_operation)from->op, from->unless, from->is_kept, from->only_with,
				from->equals };
		}
	}
}

static struct engine_fetch *fetch_of(struct worker *w, uint32_t party, const char *account)
{
	for (uint32_t i = 0; i < w->n_fetches; i++)
		if (w->fetches[i].party == &w->parties[party].engine && strcmp(w->fetches[i].account, account) == 0)
			return &w->fetches[i];
	return NULL;
}

static void take_fetch(struct worker *w, uint32_t party, const char *account)
{
	const struct conf_party *p = &w->conf->parties[party];
	struct engine_fetch *f = &w->fetches[w->n_fetches++];

	f->party = &w->parties[party].engine;
	f->origin = &w->tellers[party];
	f->account = account;
	f->days = p->statement_days;
	for (uint32_t i = 0; i < p->statement_at.n; i++)
		f->at_min[f->n_at++] = (uint16_t)conf_minute(p->statement_at.item[i]);
}

void worker_take_fetches(struct worker *w)
{
	const struct conf *c = w->conf;

	w->tellers = calloc(c->n_parties + 1, sizeof(*w->tellers));
	w->fetches = calloc(c->n_payers + c->n_parties + 1, sizeof(*w->fetches));
	YT_REQUIRE(w->tellers != NULL && w->fetches != NULL);
	for (uint32_t i = 0; i < c->n_parties; i++)
		w->tellers[i] = (struct engine_origin){ .name = c->parties[i].name,
			.party = c->parties[i].name,
			.unknown_style = ENGINE_HOLD,
			.timeout_ms = 60000 };
	for (uint32_t i = 0; w->slot == 0 && i < c->n_payers; i++) {
		const struct conf_party *p = conf_party(c, yt_str(c->payers[i].party));
		uint32_t party = (uint32_t)(p - c->parties);

		if (p->statement_at.n > 0 && fetch_of(w, party, c->payers[i].account) == NULL)
			take_fetch(w, party, c->payers[i].account);
	}
	for (uint32_t i = 0; w->slot == 0 && i < c->n_parties; i++)
		if (c->parties[i].statement_at.n > 0 && !conf_party_has_account(c, &c->parties[i]))
			take_fetch(w, i, NULL);
}

static void take_origin(const struct conf *conf, struct engine_origin *to, const struct conf_origin *from)
{
	static const enum engine_unknown_style styles[] = {
		[CONF_HOLD] = ENGINE_HOLD, [CONF_SILENCE] = ENGINE_SILENCE, [CONF_CODE] = ENGINE_CODE
	};

	*to = (struct engine_origin){ .name = from->name,
		.party = conf_origin_party(conf, from),
		.unknown_style = styles[from->unknown_style],
		.timeout_ms = from->timeout_ms };
	snprintf(to->unknown_code, sizeof(to->unknown_code), "%u", from->unknown_code);
}

void worker_take_people(struct worker *w)
{
	const struct conf *c = w->conf;
	uint32_t i;

	w->origins = calloc(c->n_origins + 1, sizeof(*w->origins));
	w->institutions = calloc(c->n_institutions + 1, sizeof(*w->institutions));
	YT_REQUIRE(w->origins != NULL && w->institutions != NULL);
	for (i = 0; i < c->n_origins; i++)
		take_origin(c, &w->origins[i], &c->origins[i]);
	for (i = 0; i < c->n_institutions; i++)
		w->institutions[i] = (struct engine_institution){ c->institutions[i].code, c->institutions[i].name,
			c->institutions[i].area, c->institutions[i].sign_in == CONF_SIGN_IN_PASS,
			c->institutions[i].operator_id, c->institutions[i].operator_name, c->institutions[i].from_day,
			c->institutions[i].to_day, c->institutions[i].level };
}

static int64_t shortest_origin(const struct conf *conf)
{
	int64_t least = 60000;
	uint32_t i;

	for (i = 0; i < conf->n_origins; i++) {
		if (conf->origins[i].timeout_ms < least)
			least = conf->origins[i].timeout_ms;
	}
	return least;
}

void worker_engine_conf(struct worker *w, struct engine_conf *conf)
{
	const struct conf *c = w->conf;

	*conf = (struct engine_conf){ .origin_by_subject = origin_by_subject,
		.origin_by_caller = origin_by_caller,
		.speaks_for = speaks_for,
		.institution = institution_by_code,
		.route = route,
		.flow = flow_by_name,
		.keeps_facts = keeps_facts,
		.party = party_by_name,
		.listener = listener_codec,
		.ctx = w,
		.serial_from = c->numbers.serial_from,
		.serial_to = c->numbers.serial_to,
		.exchanges = c->limits.exchanges,
		.list_rows = c->limits.list_rows,
		.statement_lines = c->limits.statement_lines,
		.message_bytes = conf_message_bytes(c),
		.retry_ms = c->resolution.retry_ms,
		.retry_max_ms = c->resolution.retry_max_ms,
		.park_after_ms = c->resolution.park_after_ms,
		.follow_up_retry_max_ms = c->resolution.follow_up_retry_max_ms,
		.follow_up_park_after_ms = c->resolution.follow_up_park_after_ms,
		.payers = c->engine_payers,
		.releases = c->engine_releases,
		.n_payers = c->n_payers,
		.n_releases = c->n_releases,
		.fetches = w->fetches,
		.n_fetches = w->n_fetches,
		.pay_ask_max_ms = c->resolution.pay_ask_max_ms,
		.pay_absent_gap_ms = c->resolution.pay_absent_gap_ms,
		.busy_tries = c->resolution.busy_tries,
		.busy_retry_ms = c->resolution.busy_retry_ms,
		.margin_ms = shortest_origin(c) / 20 };
	if (conf->margin_ms > 2000)
		conf->margin_ms = 2000;
}
