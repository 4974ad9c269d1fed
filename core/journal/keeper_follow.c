/* core/journal/keeper_follow.c - follow-ups: what follows from a settlement that is done, such as a claim at an
 * insurer.
 *
 *   on_end(), on_late(), on_lease_records() in keeper.c -> keeper_write_all() -> keeper_admit_follow_up()
 *   keeper_write_down() -> keeper_end_follow_ups()
 * A worker writes a follow-up down with the answer of what causes it (engine/written.c), so neither can be on disk
 * without the other.  From then on it is an exchange like any that goes by a flow, but nobody waits for its answer.  It
 * is found by the settlement it follows from, and undone when that is cancelled or reversed, however late. */
#include "journal/keeper_parts.h"

#include <stdio.h>

bool keeper_is_follow_up(const struct rec *rec)
{
	return rec->type == REC_ACCEPTED && (rec_get_u64(rec, REC_T_FLAGS) & REC_X_FOLLOW_UP) != 0 &&
	       rec_get(rec, REC_T_FLOW).n != 0 && rec_get(rec, REC_T_NUMBER).n != 0;
}

bool keeper_admit_follow_up(struct keeper *k, const struct rec *rec)
{
	struct kept *e;

	if (kept_find(k, rec->exchange) != NULL ||
	        (kept_find_number(k, rec_get(rec, REC_T_INSTITUTION), rec_get(rec, REC_T_NUMBER), &e) == 0 &&
	                e != NULL))
		return false; /* the settlement was found out twice */
	e = kept_new(k, rec->exchange);
	keeper_copy_str(e->x.institution, sizeof(e->x.institution), rec_get(rec, REC_T_INSTITUTION));
	keeper_copy_str(e->x.number, sizeof(e->x.number), rec_get(rec, REC_T_NUMBER));
	kept_enter(k, e);
	return true;
}

/* With an insurer that lets everybody wait, thousands may be due. */
bool keeper_leases_enough_follow_ups(const struct keeper *k)
{
	return k->follow_ups_leased >= (k->conf.leases + 1) / 2;
}

/* It is to be undone from its last step back; a parked one by machines again, now that this is wanted. */
static void end_one(struct keeper *k, struct kept *e, uint64_t because)
{
	struct yt_buf buf = { 0 };
	size_t at;

	if (e->x.state == X_PARKED)
		(void)keeper_decide(
		        k, e->x.id, "retry", YT_STR("origin"), YT_STR("the settlement it follows from is undone"));
	at = rec_begin(&buf, REC_JOINED, 0, e->x.id, keeper_wall(k));
	rec_u64(&buf, REC_T_JOINS, because);
	rec_end(&buf, at);
	keeper_write_own(k, &buf);
	yt_buf_free(&buf);
	kept_settle_down(k, e);
}

static void park(struct keeper *k, uint64_t id)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_PARKED, 0, id, keeper_wall(k));

	rec_str(&buf, REC_T_OWNER, YT_STR("operator"));
	rec_str(&buf, REC_T_REASON, YT_STR(FOLLOW_UP_GONE));
	rec_i64(&buf, REC_T_DEADLINE, keeper_wall(k) + FOLLOW_UP_WAIT_MS);
	rec_end(&buf, at);
	keeper_write_own(k, &buf);
	yt_buf_free(&buf);
}

/* Its settlement stands again.  Where nothing of it was undone it goes on; what is being undone is parked when it is.
 */
static void go_on(struct keeper *k, struct kept *e, uint64_t because)
{
	struct yt_buf buf = { 0 };
	size_t at;

	if (e->x.state == X_REVERSED) {
		park(k, e->x.id);
	} else if (e->x.reversal_wanted) {
		at = rec_begin(&buf, REC_JOINED, 0, e->x.id, keeper_wall(k));
		rec_u64(&buf, REC_T_JOINS, because);
		rec_str(&buf, REC_T_RESULT, YT_STR("refused"));
		rec_end(&buf, at);
		keeper_write_own(k, &buf);
		yt_buf_free(&buf);
	}
	kept_settle_down(k, e);
}

void keeper_end_follow_ups(struct keeper *k, const struct exchange *x, bool was_wanted)
{
	const char *over = exchange_ends_follow_up(x), *again = exchange_revives(x);
	char number[EXCHANGE_NUMBER_MAX];
	struct kept *e;

	if ((x->flags & REC_X_FOLLOW_UP) && x->state == X_REVERSED && !was_wanted)
		park(k, x->id); /* its settlement stands again by now */
	if (over == NULL && again == NULL)
		return;
	exchange_follow_up_number(over != NULL ? over : again, number);
	if (kept_find_number(k, yt_str(x->institution), yt_str(number), &e) != 0 || e == NULL)
		return;
	if ((e->x.flags & REC_X_FOLLOW_UP) == 0)
		return;
	if (again != NULL)
		go_on(k, e, x->id);
	else if (!e->x.reversal_wanted && e->x.state != X_REFUSED && e->x.state != X_REVERSED)
		end_one(k, e, x->id);
}
