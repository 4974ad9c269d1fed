/* core/engine/route.c - see route.h; engine.c asks it for each message, after it was decoded and allowed.
 *
 * Each rule stands in one bucket: by institution where it lists some, else by insured area, treatment area or the
 * institution's area, else among those that may take anything.  A message looks into the few buckets its own
 * values name and takes the rule with the lowest number that matches. */
#include "engine/route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

enum kind { BY_INSTITUTION = 'i', BY_INSURED = 'p', BY_TREATMENT = 't', BY_AREA = 'a' };

struct bucket {
	char key[40];    /* kind, then value */
	uint32_t *rules; /* ascending */
	uint32_t n, room;
	UT_hash_handle hh;
};

struct router {
	const struct route_rule *rules;
	const struct area_table *areas;
	struct bucket *buckets;
	struct bucket general;
};

/* -- one rule ----------------------------------------------------------------------------------- */

static bool is_listed(const struct route_texts *texts, struct yt_str value)
{
	for (uint32_t i = 0; i < texts->n; i++)
		if (yt_str_eq(texts->item[i], value))
			return true;
	return texts->n == 0;
}

static bool has_prefix(const struct route_texts *prefixes, struct yt_str value)
{
	for (uint32_t i = 0; i < prefixes->n; i++)
		if (value.n >= prefixes->item[i].n && memcmp(value.p, prefixes->item[i].p, prefixes->item[i].n) == 0)
			return true;
	return prefixes->n == 0;
}

/* First member of that name, in the business part itself or in an object inside it. */
static struct yt_str member(const struct yt_node *node, struct yt_str name)
{
	struct yt_str found = { 0 };

	if (node == NULL || node->kind != YT_OBJECT)
		return found;
	for (const struct yt_node *c = node->child; c != NULL; c = c->next)
		if ((c->kind == YT_TEXT || c->kind == YT_NUMBER) && yt_str_eq(c->name, name))
			return c->text;
	for (const struct yt_node *c = node->child; c != NULL && found.n == 0; c = c->next)
		found = member(c, name);
	return found;
}

bool route_matches(
        const struct route_rule *rule, const struct route_query *q, enum area_relation relation, const char **why)
{
	const struct yt_msg *msg = q->msg;

	*why = NULL;
	if (!rule->any_op && !rule->ops[msg->op->id])
		*why = "operations";
	else if (!is_listed(&rule->listeners, q->listener))
		*why = "listeners";
	else if (!is_listed(&rule->origins, q->origin))
		*why = "origins";
	else if (!is_listed(&rule->institutions, msg->institution))
		*why = "institutions";
	else if (!has_prefix(&rule->areas, q->institution_area))
		*why = "areas";
	else if (!has_prefix(&rule->treatment, msg->treatment_area))
		*why = "treatment";
	else if (!has_prefix(&rule->insured, msg->insured_area))
		*why = "insured";
	else if (rule->relations != 0 && (rule->relations >> relation & 1) == 0)
		*why = "relation";
	else if (rule->insutypes.n != 0 && !is_listed(&rule->insutypes, member(msg->body, YT_STR("insutype"))))
		*why = "insutypes";
	for (uint32_t i = 0; *why == NULL && i < rule->n_fields; i++)
		if (!is_listed(&rule->fields[i].values, member(msg->body, rule->fields[i].name)))
			*why = rule->fields[i].name.p;
	return *why == NULL;
}

/* -- buckets ------------------------------------------------------------------------------------ */

static bool make_key(char key[40], enum kind kind, struct yt_str value)
{
	if (value.n == 0 || value.n > 38)
		return false;
	key[0] = (char)kind;
	memcpy(key + 1, value.p, value.n);
	key[value.n + 1] = 0;
	return true;
}

static bool bucket_add(struct bucket *b, uint32_t rule)
{
	if (b->n == b->room) {
		uint32_t room = b->room == 0 ? 4 : b->room * 2;
		uint32_t *rules = realloc(b->rules, room * sizeof(*rules));

		if (rules == NULL)
			return false;
		b->rules = rules;
		b->room = room;
	}
	if (b->n == 0 || b->rules[b->n - 1] != rule)
		b->rules[b->n++] = rule;
	return true;
}

static bool put(struct router *r, enum kind kind, const struct route_texts *values, uint32_t rule)
{
	struct bucket *b;
	char key[40];

	for (uint32_t i = 0; i < values->n; i++) {
		if (!make_key(key, kind, values->item[i]))
			return bucket_add(
			        &r->general, rule); /* longer than any that is asked for: it just costs time */
		HASH_FIND_STR(r->buckets, key, b);
		if (b == NULL) {
			b = calloc(1, sizeof(*b));
			if (b == NULL)
				return false;
			memcpy(b->key, key, sizeof(key));
			HASH_ADD_STR(r->buckets, key, b);
		}
		if (!bucket_add(b, rule))
			return false;
	}
	return true;
}

static bool sort_in(struct router *r, uint32_t i)
{
	const struct route_rule *rule = &r->rules[i];

	if (rule->institutions.n != 0)
		return put(r, BY_INSTITUTION, &rule->institutions, i);
	if (rule->insured.n != 0)
		return put(r, BY_INSURED, &rule->insured, i);
	if (rule->treatment.n != 0)
		return put(r, BY_TREATMENT, &rule->treatment, i);
	if (rule->areas.n != 0)
		return put(r, BY_AREA, &rule->areas, i);
	return bucket_add(&r->general, i);
}

struct router *router_new(const struct route_rule *rules, uint32_t n, const struct area_table *areas)
{
	struct router *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->rules = rules;
	r->areas = areas;
	for (uint32_t i = 0; i < n; i++) {
		if (!sort_in(r, i)) {
			router_free(r);
			return NULL;
		}
	}
	return r;
}

void router_free(struct router *r)
{
	struct bucket *b, *next;

	if (r == NULL)
		return;
	HASH_ITER(hh, r->buckets, b, next)
	{
		HASH_DEL(r->buckets, b);
		free(b->rules);
		free(b);
	}
	free(r->general.rules);
	free(r);
}

/* -- a message ---------------------------------------------------------------------------------- */

struct search {
	const struct router *router;
	const struct route_query *query;
	enum area_relation relation;
	uint32_t best; /* lowest rule that matches so far, UINT32_MAX for none */
};

static void look(struct search *s, const struct bucket *b)
{
	const char *why;

	for (uint32_t i = 0; b != NULL && i < b->n && b->rules[i] < s->best; i++)
		if (route_matches(&s->router->rules[b->rules[i]], s->query, s->relation, &why))
			s->best = b->rules[i];
}

static void look_up(struct search *s, enum kind kind, struct yt_str value)
{
	struct bucket *b;
	char key[40];

	if (!make_key(key, kind, value))
		return;
	HASH_FIND_STR(s->router->buckets, key, b);
	look(s, b);
}

/* A prefix of an area has 2, 4 or 6 digits. */
static void look_up_area(struct search *s, enum kind kind, struct yt_str area)
{
	for (size_t n = 2; n <= area.n && n <= 6; n += 2)
		look_up(s, kind, (struct yt_str){ area.p, n });
}

const struct route_rule *router_match(
        const struct router *router, const struct route_query *query, enum area_relation *relation)
{
	const struct yt_msg *msg = query->msg;
	struct search s = { .router = router, .query = query, .best = UINT32_MAX };

	s.relation = area_relate(router->areas, msg->treatment_area, msg->insured_area, query->day);
	if (relation != NULL)
		*relation = s.relation;
	look(&s, &router->general);
	if (router->buckets != NULL) {
		look_up(&s, BY_INSTITUTION, msg->institution);
		look_up_area(&s, BY_INSURED, msg->insured_area);
		look_up_area(&s, BY_TREATMENT, msg->treatment_area);
		look_up_area(&s, BY_AREA, query->institution_area);
	}
	return s.best == UINT32_MAX ? NULL : &router->rules[s.best];
}
