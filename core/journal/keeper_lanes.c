/* core/journal/keeper_lanes.c - which parties' lanes an operator has stopped; see keeper_set_lane() in keeper.h.
 *
 * A record says so, newest first in the index, so it outlives keepers and gateways.  Workers see it on their boards
 * (process/control_lanes.c) and send nothing new for such a party; what is leased for it comes back and waits, and is
 * due at once when the lane goes on. */
#include "journal/keeper_parts.h"

#include <stdlib.h>
#include <string.h>

struct stopped_lane {
	struct keeper_lane lane;
	UT_hash_handle hh;
};

static struct stopped_lane *find(const struct keeper *k, const char *party)
{
	struct stopped_lane *s;

	HASH_FIND_STR(k->lanes, party, s);
	return s;
}

static void forget(struct keeper *k, struct stopped_lane *s)
{
	HASH_DEL(k->lanes, s);
	free(s);
}

void keeper_keep_lane(struct keeper *k, const struct rec *rec)
{
	struct stopped_lane *s;
	char party[sizeof(s->lane.party)];

	keeper_copy_str(party, sizeof(party), rec_get(rec, REC_T_PARTY));
	s = find(k, party);
	if (s != NULL)
		forget(k, s);
	if (!yt_str_is(rec_get(rec, REC_T_RESULT), "stopped"))
		return;
	s = calloc(1, sizeof(*s));
	YT_REQUIRE(s != NULL);
	memcpy(s->lane.party, party, sizeof(party));
	keeper_copy_str(s->lane.operator_name, sizeof(s->lane.operator_name), rec_get(rec, REC_T_OPERATOR));
	keeper_copy_str(s->lane.reason, sizeof(s->lane.reason), rec_get(rec, REC_T_REASON));
	s->lane.since_ms = rec_get(rec, REC_T_SINCE).n == 8 ? rec_get_i64(rec, REC_T_SINCE) : rec->wall_ms;
	HASH_ADD_STR(k->lanes, lane.party, s);
}

static void write_lane(struct keeper *k, const struct keeper_lane *lane, const char *result)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_LANE, 0, 0, keeper_wall(k));

	rec_str(&buf, REC_T_PARTY, yt_str(lane->party));
	rec_str(&buf, REC_T_RESULT, yt_str(result));
	rec_str(&buf, REC_T_OPERATOR, yt_str(lane->operator_name));
	rec_str(&buf, REC_T_REASON, yt_str(lane->reason));
	rec_i64(&buf, REC_T_SINCE, lane->since_ms);
	rec_end(&buf, at);
	keeper_note(k, yt_buf_view(&buf));
	yt_buf_free(&buf);
}

static bool was_stopped(const struct exchange *x)
{
	return strcmp(x->reason, EXCHANGE_WHY_STOPPED) == 0;
}

static void wake_resting(void *arg, const struct exchange *x)
{
	struct keeper *k = arg;

	if (was_stopped(x) && x->state != X_PARKED)
		keeper_heap_push(keeper_share_of(k, x)->due, (struct due){ keeper_mono(k), x->id });
}

#define LOOKED_AT_MAX 100000 /* of those that rest: more would hold everybody up, they go on at their own times */

void keeper_wake_stopped(struct keeper *k)
{
	struct kept *e, *next;

	HASH_ITER(hh_id, k->by_id, e, next)
	{
		if (e->holder == 0 && e->due_mono != 0 && exchange_is_open(&e->x) && was_stopped(&e->x))
			kept_set_due(k, e, keeper_mono(k));
	}
	if (k->n_resting <= LOOKED_AT_MAX)
		(void)keeper_each_resting(k, wake_resting, k);
}

int keeper_set_lane(
        struct keeper *k, struct yt_str party, bool is_stopped, struct yt_str operator_name, struct yt_str reason)
{
	struct keeper_lane lane = { .since_ms = keeper_wall(k) };
	struct rec rec;
	size_t used, before = k->pending.n;

	keeper_copy_str(lane.party, sizeof(lane.party), party);
	keeper_copy_str(lane.operator_name, sizeof(lane.operator_name), operator_name);
	keeper_copy_str(lane.reason, sizeof(lane.reason), reason);
	if ((find(k, lane.party) != NULL) == is_stopped)
		return YT_ESTATE;
	if (is_stopped && HASH_COUNT(k->lanes) >= KEEPER_LANES_MAX)
		return YT_ELIMIT;
	write_lane(k, &lane, is_stopped ? "stopped" : "started");
	YT_REQUIRE(rec_read((struct yt_str){ (const char *)k->pending.p + before, k->pending.n - before }, &rec,
	                   &used) == 0);
	keeper_keep_lane(k, &rec);
	return 0;
}

bool keeper_lane_is_stopped(const struct keeper *k, const char *party)
{
	return find(k, party) != NULL;
}

void keeper_each_stopped(const struct keeper *k, void (*each)(void *arg, const struct keeper_lane *lane), void *arg)
{
	for (const struct stopped_lane *s = k->lanes; s != NULL; s = s->hh.next)
		each(arg, &s->lane);
}

void keeper_carry_lanes(struct keeper *k)
{
	for (const struct stopped_lane *s = k->lanes; s != NULL; s = s->hh.next)
		write_lane(k, &s->lane, "stopped");
}

void keeper_free_lanes(struct keeper *k)
{
	struct stopped_lane *s, *next;

	HASH_ITER(hh, k->lanes, s, next)
	forget(k, s);
}
