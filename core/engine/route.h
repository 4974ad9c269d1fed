/* core/engine/route.h - where a message goes: ordered rules, the first that matches wins.
 *
 * The configuration makes the rules (process/conf_routes.c), the engine asks for each message, `yitong explain` asks
 * and prints why.  Rules are sorted into buckets by what they are narrowest in, so that the cost of a message
 * does not grow with the number of rules or institutions. */
#ifndef YT_ENGINE_ROUTE_H
#define YT_ENGINE_ROUTE_H

#include "message/area.h"
#include "yitong/message.h"

#define ROUTE_FIELDS_MAX 8 /* of one rule */

struct route_texts { /* empty: any */
	const struct yt_str *item;
	uint32_t n;
};

struct route_field { /* a member of the business part, found at any depth outside arrays */
	struct yt_str name;
	struct route_texts values;
};

struct route_rule {
	const char *name;
	const void *target; /* the caller's: party or flow */
	bool ops[YT_OP_COUNT];
	bool any_op;
	unsigned relations; /* bit 1 << enum area_relation; 0: any */
	struct route_texts listeners, origins, institutions, insutypes;
	struct route_texts areas;     /* prefixes of the institution's area */
	struct route_texts treatment; /* prefixes of mdtrtarea_admvs */
	struct route_texts insured;   /* prefixes of insuplc_admdvs */
	struct route_field fields[ROUTE_FIELDS_MAX];
	uint32_t n_fields;
};

struct route_query {
	const struct yt_msg *msg;
	struct yt_str listener, origin;
	struct yt_str institution_area; /* empty when the institution is not known */
	uint32_t day;                   /* yyyymmdd, business time */
};

struct router;

/* rules: borrowed, as areas, which may be NULL.  NULL when out of memory. */
struct router *router_new(const struct route_rule *rules, uint32_t n, const struct area_table *areas);
void router_free(struct router *router);
/* The first rule that matches, or NULL.  *relation (may be NULL): how the message's areas stand. */
const struct route_rule *router_match(
        const struct router *router, const struct route_query *query, enum area_relation *relation);
/* Whether one rule matches; if not, *why names the criterion ("insured"): what `yitong explain` prints. */
bool route_matches(
        const struct route_rule *rule, const struct route_query *query, enum area_relation relation, const char **why);

#endif
