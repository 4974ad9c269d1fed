/* core/journal/keeper_follow.c - follow-ups: what follows from a settlement that is done, such as a claim at an
 * insurer.
 *
 *   on_end(), on_late(), on_lease_records() in keeper.c -> keeper_write_all() -> keeper_write_follow_up()
 *   keeper_write_down() -> keeper_end_follow_ups()
 *   keeper_tick() -> keeper_follow_up_may_leave()
 * A worker writes a follow-up down with the answer of what causes it (engine/written.c), so neither can be on disk
 * without the other.  From then on it is an exchange like any that goes by a flow, but nobody waits for its answer.  It
 * is found by the settlement it follows from, and undone when that is cancelled or reversed, however late.  That may
 * have happened before we knew of the settlement's success: so before its first step leaves, we look for that once
 * more. */
#include "journal/keeper_parts.h"

#include <stdio.h>
#include <string.h>

#include "base/words.h"

#define WITHDRAWN_FIRST N_("the claim before it of the same visit is withdrawn first")
#define BEING_UNDONE N_("its settlement is being undone, or people have that")
#define LOOK_MAX_MS 60000 /* longest pause until that is looked at again */
#define FOLLOW_UP_BACK N_("its settlement stands again, and its money is back: pay it anew, or say that it is done")

bool keeper_is_follow_up(const struct rec *rec, uint32_t incarnation)
{
	return rec->type == REC_ACCEPTED && rec->exchange >> 32 == incarnation &&
	       rec_get_u64(rec, REC_T_WORKER) == incarnation &&
	       (rec_get_u64(rec, REC_T_FLAGS) & REC_X_FOLLOW_UP) != 0 && rec_get(rec, REC_T_FLOW).n != 0 &&
	       rec_get(rec, REC_T_NUMBER).n != 0;
}

unsigned keeper_follow_ups_full(const struct keeper *k)
{
	return k->conf.follow_ups == 0 ? 0 : (unsigned)((k->n_follow_ups + k->n_resting) * 100 / k->conf.follow_ups);
}

bool keeper_has_enough_follow_ups(const struct keeper *k)
{
	return keeper_follow_ups_full(k) >= 100;
}

/* -- what belongs to a settlement ----------------------------------------------------------------- */

#define N_CODES 2

/* The codes by which an institution may have asked: its code may change between a settlement and its cancel. */
static void codes_of(const struct keeper *k, const char *institution, const char *codes[N_CODES])
{
	codes[0] = institution;
	codes[1] = k->world.other_code == NULL ? NULL : k->world.other_code(k->world.ctx, institution);
}

/* The follow-up of that number, by either code; *out NULL: there is none.  Anything but 0: the index cannot tell. */
static int find_by_codes(struct keeper *k, const char *institution, struct yt_str number, struct kept **out)
{
	const char *codes[N_CODES];
	struct kept *e;
	int rv = 0;

	*out = NULL;
	codes_of(k, institution, codes);
	for (unsigned i = 0; rv == 0 && *out == NULL && i < N_CODES && codes[i] != NULL; i++) {
		rv = kept_find_number(k, yt_str(codes[i]), number, &e);
		if (rv == 0 && e != NULL && (e->x.flags & REC_X_FOLLOW_UP))
			*out = e;
	}
	return rv;
}

/* *out NULL: nothing follows from it.  Anything but 0: the index cannot tell. */
static int find_follow_up(struct keeper *k, const char *institution, const char *settlement, struct kept **out)
{
	char number[EXCHANGE_NUMBER_MAX];

	*out = NULL;
	return exchange_follow_up_number(settlement, number) ? find_by_codes(k, institution, yt_str(number), out) : 0;
}

/* Takes it into memory.  A settlement may reach us under both codes of its institution: what follows from it does so
 * once. */
static bool admit(struct keeper *k, const struct rec *rec)
{
	char institution[sizeof(((struct exchange *)NULL)->institution)];
	struct kept *e;

	keeper_copy_str(institution, sizeof(institution), rec_get(rec, REC_T_INSTITUTION));
	if (kept_find(k, rec->exchange) != NULL ||
	        (kept_find_number(k, yt_str(institution), rec_get(rec, REC_T_NUMBER), &e) == 0 && e != NULL) ||
	        (find_by_codes(k, institution, rec_get(rec, REC_T_NUMBER), &e) == 0 && e != NULL))
		return false; /* the settlement was found out twice */
	e = kept_new(k, rec->exchange);
	keeper_copy_str(e->x.institution, sizeof(e->x.institution), rec_get(rec, REC_T_INSTITUTION));
	keeper_copy_str(e->x.number, sizeof(e->x.number), rec_get(rec, REC_T_NUMBER));
	kept_enter(k, e);
	return true;
}

static bool is_done_cancel(const struct exchange *x, const char *const codes[N_CODES], const char *settlement)
{
	const char *over = exchange_ends_follow_up(x);

	return over != NULL && strcmp(over, settlement) == 0 &&
	       (strcmp(x->institution, codes[0]) == 0 || (codes[1] != NULL && strcmp(x->institution, codes[1]) == 0));
}

bool keeper_is_being_cancelled(struct keeper *k, const struct exchange *x)
{
	char key[sizeof(x->business_key)];
	const char *codes[N_CODES];
	const struct kept *e;

	if (x->settlement[0] == '\0')
		return false;
	codes_of(k, x->institution, codes);
	snprintf(key, sizeof(key), EXCHANGE_CANCEL_KEY "%s", x->settlement);
	HASH_FIND(hh_business, k->by_business, key, strlen(key), e);
	for (; e != NULL; e = e->same_business)
		if (exchange_is_cancel(&e->x) && exchange_holds_key(&e->x) &&
		        strcmp(e->x.original, x->settlement) == 0 &&
		        (strcmp(e->x.institution, codes[0]) == 0 ||
		                (codes[1] != NULL && strcmp(e->x.institution, codes[1]) == 0)))
			return true;
	return false;
}

/* The cancel of a settlement that is done; *id 0: none.  Anything but 0: the index cannot tell. */
static int find_cancel(struct keeper *k, const char *institution, const char *settlement, uint64_t *id)
{
	const char *codes[N_CODES];
	char key[sizeof(((struct exchange *)NULL)->business_key)];
	struct exchange x;
	struct kept *e;
	int rv = YT_ENOTFOUND;

	*id = 0;
	codes_of(k, institution, codes);
	snprintf(key, sizeof(key), EXCHANGE_CANCEL_KEY "%s", settlement);
	HASH_FIND(hh_business, k->by_business, key, strlen(key), e);
	for (; e != NULL && *id == 0; e = e->same_business)
		*id = is_done_cancel(&e->x, codes, settlement) ? e->x.id : 0;
	for (unsigned i = 0; *id == 0 && i < N_CODES && codes[i] != NULL && k->world.cancelled != NULL; i++) {
		rv = k->world.cancelled(k->world.ctx, yt_str(codes[i]), yt_str(settlement), &x);
		if (rv != 0 && rv != YT_ENOTFOUND)
			return rv;
		e = rv == 0 ? kept_find(k, x.id) : NULL;
		if (rv == 0 && (e == NULL || is_done_cancel(&e->x, codes, settlement))) /* memory knows better */
			*id = x.id;
	}
	return 0;
}

/* -- a payout is followed up once ------------------------------------------------------------------ */

int keeper_find_payout(struct keeper *k, struct yt_str institution, struct yt_str pay_no, struct kept **out)
{
	char at[sizeof((*out)->x.institution)], number[EXCHANGE_NUMBER_MAX];

	keeper_copy_str(at, sizeof(at), institution);
	keeper_copy_str(number, sizeof(number), pay_no);
	return find_follow_up(k, at, number, out);
}

int keeper_find_order(struct keeper *k, struct yt_str institution, struct yt_str pay_no, struct kept **out)
{
	char at[sizeof((*out)->x.institution)];
	const char *codes[N_CODES];
	struct kept *e;
	int rv = keeper_find_payout(k, institution, pay_no, out);

	if (*out != NULL && (*out)->x.op != YT_OP_PAY_ORDER)
		*out = NULL; /* it follows from a settlement of that number */
	keeper_copy_str(at, sizeof(at), institution);
	codes_of(k, at, codes);
	for (unsigned i = 0; rv == 0 && *out == NULL && i < N_CODES && codes[i] != NULL; i++) {
		rv = kept_find_number(k, yt_str(codes[i]), pay_no, &e);
		if (rv == 0 && e != NULL && e->x.op == YT_OP_PAY_ORDER)
			*out = e;
	}
	return rv;
}

static void park_for(struct keeper *k, const struct kept *e, const char *reason, struct yt_str pay_no)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_PARKED, 0, e->x.id, keeper_wall(k));
	char why[sizeof(e->x.reason)];

	snprintf(why, sizeof(why), "%s%.*s", reason, YT_FMT(pay_no));
	yt_log(YT_ERROR, "keeper", "exchange %016llx parked: %s", (unsigned long long)e->x.id, why);
	rec_str(&buf, REC_T_OWNER, YT_STR("operator"));
	rec_str(&buf, REC_T_REASON, yt_str(why));
	rec_i64(&buf, REC_T_DEADLINE, keeper_wall(k) + FOLLOW_UP_WAIT_MS);
	rec_end(&buf, at);
	keeper_write_own(k, &buf);
	yt_buf_free(&buf);
}

bool keeper_parks_used_number(struct keeper *k, const struct kept *cause, struct yt_str payload)
{
	struct kept *before;
	struct rec rec;
	size_t used;

	for (; rec_read(payload, &rec, &used) == 0; payload.p += used, payload.n -= used) {
		if (rec.type != REC_ACCEPTED || rec_get_u64(&rec, REC_T_OPERATION) != YT_OP_PAY_ORDER ||
		        keeper_find_payout(
		                k, rec_get(&rec, REC_T_INSTITUTION), rec_get(&rec, REC_T_SETTLEMENT), &before) != 0 ||
		        before == NULL)
			continue;
		park_for(k, cause, KEEPER_NUMBER_USED, rec_get(&rec, REC_T_SETTLEMENT));
		return true;
	}
	return false;
}

bool keeper_parks_too_early(struct keeper *k, struct kept *e, struct yt_str payload)
{
	char about[EXCHANGE_NUMBER_MAX];
	struct kept *before;
	struct rec rec;
	size_t used;
	int rv;

	for (; rec_read(payload, &rec, &used) == 0; payload.p += used, payload.n -= used) {
		struct yt_str orig = rec_get(&rec, REC_T_ORIG_PAY_NO);

		if (rec.type != REC_DUE || orig.n == 0)
			continue;
		snprintf(about, sizeof(about), "+/%.*s", YT_FMT(orig));
		rv = keeper_find_spoken_of(k, yt_str(about), &before);
		if (rv != 0)
			kept_set_due(k, e, keeper_mono(k) + FOLLOW_UP_TURN_MS);
		else if (before != NULL && (exchange_is_open(&before->x) || before->x.state == X_DONE))
			park_for(k, e, KEEPER_NOT_NOTHING, orig);
		else
			continue;
		return true;
	}
	return false;
}

/* -- its settlement is undone, or stands again ------------------------------------------------------ */

static void write_joined(struct keeper *k, uint64_t id, uint64_t because, const char *result)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_JOINED, 0, id, keeper_wall(k));

	rec_u64(&buf, REC_T_JOINS, because);
	rec_str(&buf, REC_T_RESULT, yt_str(result));
	rec_end(&buf, at);
	keeper_write_own(k, &buf);
	yt_buf_free(&buf);
}

#define SETTLEMENT_UNDONE "the settlement it follows from is undone"

/* It is to be undone from its last step back, at once, whatever it waits for: until then its party may pay.  A parked
 * one by machines again, now that this is wanted. */
static void end_one(struct keeper *k, struct kept *e, uint64_t because)
{
	if (e->x.state == X_PARKED)
		(void)keeper_decide(k, e->x.id, "retry", YT_STR("origin"), YT_STR(SETTLEMENT_UNDONE));
	write_joined(k, e->x.id, because, NULL);
	e->ended = e->holder != 0;
	if (!e->ended && exchange_is_open(&e->x))
		keeper_due_now(k, e, SETTLEMENT_UNDONE);
	kept_settle_down(k, e);
}

void keeper_ended_meanwhile(struct keeper *k, struct kept *e)
{
	e->ended = false;
	if (!exchange_is_open(&e->x) || !e->x.reversal_wanted || e->x.state == X_PARKED || e->holder != 0)
		return;
	keeper_due_now(k, e, SETTLEMENT_UNDONE);
	kept_settle_down(k, e);
	if (e->due_mono > keeper_mono(k))
		kept_set_due(k, e, keeper_mono(k)); /* that was for going on */
}

static void park(struct keeper *k, uint64_t id, const char *reason)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_PARKED, 0, id, keeper_wall(k));

	rec_str(&buf, REC_T_OWNER, YT_STR("operator"));
	rec_u32(&buf, REC_T_FLAGS, REC_X_HELD);
	rec_str(&buf, REC_T_REASON, yt_str(reason));
	rec_i64(&buf, REC_T_DEADLINE, keeper_wall(k) + FOLLOW_UP_WAIT_MS);
	rec_end(&buf, at);
	keeper_write_own(k, &buf);
	yt_buf_free(&buf);
}

/* What asks the money of that back; *out NULL: none.  Anything but 0: the index cannot tell. */
static int find_claim_back(struct keeper *k, const struct exchange *x, struct kept **out)
{
	char number[EXCHANGE_NUMBER_MAX];

	*out = NULL;
	return exchange_claim_back_number(x->settlement, number) ? find_by_codes(k, x->institution, yt_str(number), out)
	                                                         : 0;
}

/* Its settlement stands again.  Where nothing of it was undone it goes on; what is being undone is parked when it is.
 * Money that was to be asked back stays paid, and is asked back anew when it is undone once more; what people have got
 * back already is to be paid again, by them.  Anything but 0: the index cannot tell. */
static int go_on(struct keeper *k, struct kept *e, uint64_t because)
{
	struct kept *back = NULL;
	int rv = 0;

	if (e->x.claimed_back)
		rv = keeper_end_claim_back(k, &e->x, "reversed", "origin", "its settlement stands again");
	if (rv == YT_ESTATE)
		rv = find_claim_back(k, &e->x, &back);
	if (rv != 0)
		return rv;
	if (back != NULL && back->x.state == X_DONE && e->x.state != X_PARKED) {
		yt_log(YT_ERROR, "keeper", "exchange %016llx parked: %s", (unsigned long long)e->x.id, FOLLOW_UP_BACK);
		park(k, e->x.id, FOLLOW_UP_BACK);
	} else if (e->x.state == X_REVERSED) {
		park(k, e->x.id, FOLLOW_UP_GONE);
	} else if (e->x.reversal_wanted || (e->x.claimed_back && e->x.state != X_PARKED)) {
		write_joined(k, e->x.id, because, "refused");
	}
	kept_settle_down(k, e);
	return 0;
}

int keeper_end_claim_back(
        struct keeper *k, const struct exchange *x, const char *result, const char *who, const char *why)
{
	struct kept *e;
	int rv = find_claim_back(k, x, &e);

	if (rv == 0 && e != NULL)
		rv = !exchange_is_open(&e->x) ? YT_ESTATE
		     : e->x.state != X_PARKED ? YT_EAGAIN /* people let it be looked at once more */
		                              : keeper_decide(k, e->x.id, result, yt_str(who), yt_str(why));
	if (rv != 0 && rv != YT_ESTATE)
		yt_log(YT_ERROR, "keeper", "exchange %016llx: its money is asked back, which %s could not end: %s",
		        (unsigned long long)x->id, who, why);
	return rv;
}

/* From the beginning, or once more when its settlement had stood again meanwhile, also where people had given it up. */
static void ask_back(struct keeper *k, const struct exchange *x, const struct rec *asked)
{
	char reason[160], yuan[24];

	yt_fen_print(rec_get_i64(asked, REC_T_AMOUNT), yuan);
	snprintf(reason, sizeof(reason), "%s yuan paid by %.*s are to be asked back: its settlement was undone", yuan,
	        YT_FMT(rec_get(asked, REC_T_REFERENCE)));
	park(k, x->id, reason);
}

void keeper_write_follow_up(struct keeper *k, const struct rec *rec)
{
	bool asks_back = rec_get_u64(rec, REC_T_OPERATION) == YT_OP_CLAIM_BACK, is_new = admit(k, rec);
	struct exchange of = { .id = 0 };
	struct kept *e = kept_find(k, rec->exchange);

	if (is_new)
		keeper_write_down(k, rec);
	if (!asks_back)
		return;
	keeper_copy_str(of.institution, sizeof(of.institution), rec_get(rec, REC_T_INSTITUTION));
	keeper_copy_str(of.settlement, sizeof(of.settlement), rec_get(rec, REC_T_SETTLEMENT));
	if (!is_new)
		(void)find_claim_back(k, &of, &e);
	if (e != NULL && (is_new || e->x.state == X_REVERSED || e->x.state == X_REFUSED))
		ask_back(k, &e->x, rec);
	if (e != NULL)
		kept_settle_down(k, e);
}

bool keeper_waits_for_release(const struct exchange *x)
{
	return x->state == X_UNKNOWN && (x->flags & REC_X_FOLLOW_UP) != 0 && !x->reversal_wanted &&
	       strncmp(x->reason, TALK_WAITS_FOR_RELEASE, strlen(TALK_WAITS_FOR_RELEASE)) == 0;
}

int keeper_release(
        struct keeper *k, uint64_t exchange, struct yt_str maker, struct yt_str checker, struct yt_str reason)
{
	struct yt_buf buf = { 0 };
	struct kept *e;
	size_t at;
	int rv = keeper_wake(k, exchange, &e);

	if (e == NULL)
		return rv != 0 ? rv : YT_ENOTFOUND;
	if (maker.n == 0 || checker.n == 0 || yt_str_eq(maker, checker))
		return YT_EDENIED;
	if (!keeper_waits_for_release(&e->x) || e->x.released)
		return YT_ESTATE;
	at = rec_begin(&buf, REC_DECIDED, 0, exchange, keeper_wall(k));
	rec_str(&buf, REC_T_RESULT, YT_STR("release"));
	rec_bytes(&buf, REC_T_PAY_DIGEST, e->x.pay_digest, sizeof(e->x.pay_digest));
	rec_str(&buf, REC_T_OWNER, maker);
	rec_str(&buf, REC_T_OPERATOR, checker);
	rec_str(&buf, REC_T_REASON, reason);
	rec_end(&buf, at);
	keeper_write_own(k, &buf);
	yt_buf_free(&buf);
	if (e->holder == 0)
		kept_set_due(k, e, keeper_mono(k));
	return 0;
}

/* Anything but 0: the index cannot tell what follows from it. */
static int tell_follow_up(struct keeper *k, const struct exchange *x)
{
	const char *over = exchange_ends_follow_up(x), *again = exchange_revives(x);
	struct kept *e;
	int rv;

	if (over == NULL && again == NULL)
		return 0;
	rv = find_follow_up(k, x->institution, over != NULL ? over : again, &e);
	if (rv != 0 || e == NULL)
		return rv;
	if (over != NULL && e->x.state == X_REFUSED && e->x.pay_no[0] != '\0')
		park(k, e->x.id, FOLLOW_UP_GONE); /* only its payment came to nothing: what was claimed stands yet, and
		                                     is undone */
	if (again != NULL)
		rv = go_on(k, e, x->id);
	else if (!e->x.reversal_wanted && !e->x.claimed_back && e->x.state != X_REFUSED && e->x.state != X_REVERSED)
		end_one(k, e, x->id);
	return rv;
}

/* Written down, so that a keeper after us owes it too. */
static void note_telling(struct keeper *k, const struct kept *e, const char *result)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_DUE, 0, e->x.id, keeper_wall(k));

	rec_str(&buf, REC_T_RESULT, yt_str(result));
	rec_end(&buf, at);
	keeper_write_own(k, &buf);
	yt_buf_free(&buf);
}

void keeper_undone_in_vain(struct keeper *k, struct kept *e, enum exchange_state before, bool was_wanted)
{
	if ((e->x.flags & REC_X_FOLLOW_UP) && before != X_REVERSED && e->x.state == X_REVERSED && !was_wanted)
		park(k, e->x.id, FOLLOW_UP_GONE);
}

/* It is withdrawn, or people have it: the claim of the same visit that waits for that goes on at once. */
static void wake_next_of_visit(struct keeper *k, const struct kept *first)
{
	struct kept *e;

	if ((first->x.flags & REC_X_FOLLOW_UP) == 0 || first->x.visit[0] == '\0' ||
	        (first->x.state != X_PARKED && exchange_is_open(&first->x)))
		return;
	HASH_FIND(hh_person, k->by_person, first->x.person, sizeof(first->x.person), e);
	for (; e != NULL; e = e->same_person)
		if (e->holder == 0 && e->due_mono != 0 && strcmp(e->x.reason, WITHDRAWN_FIRST) == 0 &&
		        strcmp(e->x.visit, first->x.visit) == 0)
			kept_set_due(k, e, keeper_mono(k));
}

void keeper_end_follow_ups(struct keeper *k, struct kept *e)
{
	bool owes = (e->x.flags & REC_X_UNTOLD) != 0;

	wake_next_of_visit(k, e);
	if ((tell_follow_up(k, &e->x) != 0) != owes)
		note_telling(k, e, owes ? "told" : "untold");
}

void keeper_tell_follow_ups_again(struct keeper *k, struct kept *e)
{
	if (tell_follow_up(k, &e->x) == 0)
		note_telling(k, e, "told");
	kept_settle_down(k, e);
}

/* -- before it leaves ----------------------------------------------------------------------------- */

/* What it follows from was undone before anybody knew that it had been done: nothing of it leaves.  Of a list each
 * payout's end is told (engine/pay_batch.c), and only a worker can say it: when people have decided this one's. */
static void end_unsent(struct keeper *k, struct kept *e, uint64_t because, const char *why)
{
	struct yt_buf buf = { 0 };
	size_t at;

	if (e->x.flags & REC_X_LISTED) {
		park(k, e->x.id, why);
		kept_settle_down(k, e);
		return;
	}
	write_joined(k, e->x.id, because, NULL);
	at = rec_begin(&buf, REC_REVERSED, 0, e->x.id, keeper_wall(k));
	rec_u64(&buf, REC_T_JOINS, because);
	rec_str(&buf, REC_T_REASON, yt_str(why));
	rec_end(&buf, at);
	keeper_write_own(k, &buf);
	yt_buf_free(&buf);
	kept_settle_down(k, e);
}

/* What caused it, where that does not stand or may not; NULL: it stands, or is older than what we know. */
static int find_fallen_cause(struct keeper *k, const struct exchange *x, struct kept **cause)
{
	int rv = x->original[0] == 0 ? YT_ENOTFOUND
	                             : kept_find_number(k, yt_str(x->institution), yt_str(x->original), cause);

	if (rv != 0 || (*cause != NULL && ((*cause)->x.then[0] == 0 ||
	                                          ((*cause)->x.state == X_DONE && !(*cause)->x.reversal_wanted))))
		*cause = NULL;
	return rv == YT_ENOTFOUND ? 0 : rv;
}

/* Of two, under two codes, not both may end for the other. */
static bool is_older_follow_up(const struct exchange *a, const struct exchange *b)
{
	return (a->flags & REC_X_FOLLOW_UP) != 0 &&
	       (a->accepted_ms != b->accepted_ms ? a->accepted_ms < b->accepted_ms : a->id < b->id);
}

/* The one that was there before it, by either code; *id 0: none.  Anything but 0: the index cannot tell. */
static int find_first(struct keeper *k, const struct exchange *x, uint64_t *id)
{
	const char *codes[N_CODES];
	struct exchange first;

	*id = 0;
	codes_of(k, x->institution, codes);
	for (unsigned i = 0; *id == 0 && i < N_CODES && codes[i] != NULL; i++) {
		int rv = k->world.find(k->world.ctx, yt_str(codes[i]), yt_str(x->number), &first);

		if (rv != 0 && rv != YT_ENOTFOUND)
			return rv;
		if (rv == 0 && first.id != x->id && (i == 0 || is_older_follow_up(&first, x)))
			*id = first.id;
	}
	return 0;
}

/* 1: it may leave; 0: it was ended; negative: that cannot be told now. */
static int look_once_more(struct keeper *k, struct kept *e)
{
	struct kept *cause;
	uint64_t first, cancel;
	int rv = find_first(k, &e->x, &first);

	if (rv != 0)
		return rv;
	if (first != 0 && e->x.op == YT_OP_PAY_ORDER) { /* each order has one: here the number is another's */
		park_for(k, e, KEEPER_NUMBER_USED, yt_str(e->x.settlement));
		kept_settle_down(k, e);
		return 0;
	}
	if (first != 0) { /* the index could not be asked when it came */
		end_unsent(k, e, first, "its settlement was found out twice, this follows from it already");
		return 0;
	}
	rv = find_fallen_cause(k, &e->x, &cause);
	if (rv == 0)
		rv = find_cancel(k, e->x.institution, e->x.settlement, &cancel);
	if (rv != 0)
		return rv;
	if (cancel != 0)
		end_unsent(k, e, cancel, "its settlement was cancelled before it could leave");
	else if (cause != NULL && (cause->x.state == X_REVERSED || cause->x.state == X_REFUSED))
		end_unsent(k, e, cause->x.id, "its settlement was undone before it could leave");
	else
		return cause == NULL ? 1
		                     : YT_ESTATE; /* its settlement is being undone, or that is people's to decide */
	return 0;
}

/* -- the order in a case --------------------------------------------------------------------------- */

#define OF_VISIT_MAX 100 /* that rest; all are seen that are in memory, where those that are undone stay */

struct looking {
	struct keeper *k;
	const struct exchange *x;
	bool is_behind;
};

/* It belongs to the visit and another settlement of it, and is taken back. */
static bool goes_first(struct keeper *k, const struct exchange *first, const struct exchange *x)
{
	const char *codes[N_CODES];

	codes_of(k, x->institution, codes);
	return first->id != x->id && exchange_may_rest(first) && keeper_is_being_undone(first) &&
	       strcmp(first->visit, x->visit) == 0 && strcmp(first->settlement, x->settlement) != 0 &&
	       (strcmp(first->institution, codes[0]) == 0 ||
	               (codes[1] != NULL && strcmp(first->institution, codes[1]) == 0));
}

static void look_at(void *arg, const struct exchange *x)
{
	struct looking *l = arg;
	const struct kept *e = kept_find(l->k, x->id); /* memory knows better */

	l->is_behind = l->is_behind || goes_first(l->k, e != NULL ? &e->x : x, l->x);
}

/* A visit that was settled anew is claimed anew when the claim before is withdrawn: an insurer that has both refuses
 * the second, for its invoice.  1: none is before it; negative: one is, or the index cannot tell. */
static int await_withdrawal(struct keeper *k, const struct exchange *x)
{
	struct looking l = { k, x, false };
	const struct kept *e;
	int rv = 0;

	if (x->visit[0] == '\0')
		return 1;
	HASH_FIND(hh_person, k->by_person, x->person, sizeof(x->person), e);
	for (; e != NULL && !l.is_behind; e = e->same_person)
		l.is_behind = goes_first(k, &e->x, x);
	if (!l.is_behind && k->n_resting > 0 && k->world.of_visit != NULL)
		rv = k->world.of_visit(k->world.ctx, yt_str(x->visit), OF_VISIT_MAX, look_at, &l);
	return rv != 0 ? rv : l.is_behind ? YT_ESTATE : 1;
}

/* Its order is made, and it has not left yet, or surely stayed when it was to. */
static bool is_about_to_pay(const struct exchange *x)
{
	static const uint8_t none[sizeof(x->pay_digest)];

	return (x->pay_no[0] == '\0' || (x->flags & REC_X_STAYED)) && memcmp(x->pay_digest, none, sizeof(none)) != 0;
}

/* What it waits for is written down once, unless it waits for something anyhow; then it is looked at seldom.  NULL: the
 * index cannot tell. */
static void look_later(struct keeper *k, struct kept *e, const char *why)
{
	bool has_reason = why == NULL || strcmp(e->x.reason, why) == 0 ||
	                  strncmp(e->x.reason, EXCHANGE_WAITS, sizeof(EXCHANGE_WAITS) - 1) == 0;
	int64_t waited = keeper_wall(k) - e->x.due_set_ms, in = FOLLOW_UP_TURN_MS;
	struct yt_buf buf = { 0 };
	size_t at;

	if (has_reason) {
		if (why != NULL && waited > in)
			in = waited < LOOK_MAX_MS ? waited : LOOK_MAX_MS;
		kept_set_due(k, e, keeper_mono(k) + in);
		return;
	}
	at = rec_begin(&buf, REC_DUE, 0, e->x.id, keeper_wall(k));
	rec_i64(&buf, REC_T_DUE, keeper_wall(k) + in);
	rec_str(&buf, REC_T_REASON, yt_str(why));
	rec_end(&buf, at);
	keeper_write_own(k, &buf);
	yt_buf_free(&buf);
}

bool keeper_follow_up_may_leave(struct keeper *k, struct kept *e)
{
	const char *why = NULL;
	int rv = 1;

	if ((e->x.flags & REC_X_FOLLOW_UP) == 0 || e->x.op == YT_OP_CLAIM_BACK || e->x.reversal_wanted ||
	        e->x.must_answer)
		return true;
	if (e->x.step == 0)
		rv = look_once_more(k, e);
	if (rv == YT_ESTATE)
		why = BEING_UNDONE;
	if (rv > 0 && e->x.step == 0) {
		rv = await_withdrawal(k, &e->x);
		why = rv == YT_ESTATE ? WITHDRAWN_FIRST : NULL;
	}
	if (rv > 0 && is_about_to_pay(&e->x) && keeper_is_being_cancelled(k, &e->x))
		rv = YT_EAGAIN;
	if (rv < 0)
		look_later(k, e, why);
	return rv > 0;
}
