/* core/journal/keeper_notice.c - what a party tells unasked, brought to the follow-up that it speaks of.
 *
 *   on_lease_records() in keeper.c -> keeper_take_notices(), keeper_told_meanwhile()
 * A notice is an exchange like any that stays here (engine/notice.c).  With its end the follow-up gets a record of it,
 * in the same commit, so its sender hears "taken" only when both are on disk; a repeat hears the stored answer and does
 * nothing.  One of many lines comes in pieces, each with how far it has come, so that none counts twice whoever
 * dies.  A follow-up under way is due at once: its own query decides, whatever was told, and whatever was not.  One
 * that has ended otherwise than its party says now is parked: people must look. */
#include "journal/keeper_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/words.h"

#define SAYS_OTHERWISE "its party says otherwise now, after it had ended: look at what it was told"
#define OTHERWISE_PAID N_("another sum or account than was ordered")
#define HAS_TOLD "its party has told something"
#define SPEAKS_OF_NOTHING "nothing that it speaks of is known here"
#define SPEAKS_OF_SOME "nothing that some of its lines speak of is known here"
#define SPEAKS_OF_OTHERS "what it speaks of was asked of another party, not of the one that tells"

/* ---- payouts in memory ---- */

static struct payout *payout_find(struct keeper *k, const char *number)
{
	struct payout *p = NULL;

	if (number[0] != 0)
		HASH_FIND_STR(k->payouts, number, p);
	return p;
}

static void note_number(struct keeper *k, struct kept *e, const char *number, const char *pay_no)
{
	struct payout *p = payout_find(k, number);

	if (p != NULL && p->exchange != e->x.id)
		p->is_shared = true;
	if (number[0] == 0 || p != NULL)
		return;
	p = calloc(1, sizeof(*p));
	YT_REQUIRE(p != NULL);
	keeper_copy_str(p->number, sizeof(p->number), yt_str(number));
	keeper_copy_str(p->pay_no, sizeof(p->pay_no), yt_str(pay_no));
	p->exchange = e->x.id;
	LL_PREPEND(e->payouts, p);
	HASH_ADD_STR(k->payouts, number, p);
}

/* One that came to nothing. */
static void note_old(struct keeper *k, struct kept *e, const char *number, const char *message, const char *end)
{
	struct payout *old;

	note_number(k, e, number, number);
	note_number(k, e, message, number);
	old = payout_find(k, number);
	if (old != NULL && old->exchange == e->x.id)
		keeper_copy_str(old->end, sizeof(old->end), yt_str(end));
}

void keeper_note_payout(struct keeper *k, struct kept *e)
{
	char serial[EXCHANGE_SERIAL_KEY];

	note_number(k, e, e->x.pay_no, e->x.pay_no);
	note_number(k, e, e->x.pay_msg, e->x.pay_no);
	note_number(k, e, e->x.pay_uetr, e->x.pay_no);
	exchange_serial_key(yt_str(e->x.pay_serial), e->x.pay_fen, serial);
	note_number(k, e, serial, e->x.pay_no);
	if (e->x.back_no[0] == '\0')
		return;
	note_old(k, e, e->x.back_no, e->x.back_msg, e->x.back_state);
	for (unsigned i = 0; i < EXCHANGE_PAYOUTS_OLDER && e->x.older[i].no[0] != '\0'; i++)
		note_old(k, e, e->x.older[i].no, e->x.older[i].msg, e->x.older[i].state);
}

void keeper_drop_payouts(struct keeper *k, struct kept *e)
{
	struct payout *p, *next;

	LL_FOREACH_SAFE(e->payouts, p, next)
	{
		HASH_DEL(k->payouts, p);
		free(p);
	}
	e->payouts = NULL;
}

/* ---- what is spoken of ---- */

/* By what comes behind the two octets of ours. */
static struct payout *payout_spoken_of(struct keeper *k, struct yt_str about)
{
	char number[sizeof(((struct payout *)0)->number)];

	if (about.n <= 2 || about.n - 2 >= sizeof(number))
		return NULL;
	keeper_copy_str(number, sizeof(number), (struct yt_str){ about.p + 2, about.n - 2 });
	return payout_find(k, number);
}

static struct kept *find_in_memory(struct keeper *k, struct yt_str number)
{
	struct payout *p = payout_spoken_of(k, number);
	struct kept *e;

	HASH_FIND(hh_business, k->by_business, number.p, number.n, e);
	for (; e != NULL; e = e->same_business)
		if (yt_str_is(number, e->x.number))
			return e;
	return p == NULL ? NULL : kept_find(k, p->exchange);
}

int keeper_find_spoken_of(struct keeper *k, struct yt_str number, struct kept **out)
{
	struct exchange x;
	int rv;

	*out = find_in_memory(k, number);
	if (*out != NULL || k->world.find_follow_up == NULL)
		return 0;
	rv = k->world.find_follow_up(k->world.ctx, number, &x);
	if (rv == 0)
		*out = kept_take(k, &x);
	return rv == YT_ENOTFOUND ? 0 : rv;
}

/* *out NULL: it is not known, or the index cannot tell. */
static void find(struct keeper *k, struct yt_str number, struct kept **out)
{
	(void)keeper_find_spoken_of(k, number, out);
}

static bool is_word(const char *word, const char *a, const char *b, const char *c)
{
	return yt_str_is(yt_str(word), a) || yt_str_is(yt_str(word), b) || yt_str_is(yt_str(word), c);
}

/* Its money had left before it was back, or was asked back: statements tell of that, too, and later. */
static bool had_left(const struct exchange *x)
{
	return x->claimed_back || yt_str_is(yt_str(x->unpaid_as), "RETURNED");
}

/* What ended one way, and is said to be another. */
static bool says_otherwise(const struct exchange *x, const char *told_before)
{
	const char *now = x->told_state;

	if (x->state != X_DONE && yt_str_is(yt_str(now), "PAID") && had_left(x))
		return false;
	if (x->state == X_DONE && x->claimed_back && is_word(now, "REJECTED", "", ""))
		return false; /* its insurer tells of the withdrawal that it has allowed */
	if (is_word(now, "RETURNED", "", "") && x->state == X_REFUSED && x->pay_no[0] != 0)
		return false; /* it had ended as a payment that came to nothing */
	if (x->state == X_DONE && x->pay_no[0] != 0 && is_word(now, "PAID", "RETURNED", ""))
		return false; /* what we told its insurer, who tells it back; a bank's word is doubt */
	if (is_word(now, "RETURNED", "REVOKED", "DIFFERS"))
		return true;
	if (x->state == X_DONE)
		return is_word(now, "REJECTED", "FAILED", "CANCELLED") ||
		       (is_word(told_before, "PAID", "REJECTED", "RETURNED") && !yt_str_is(yt_str(now), told_before));
	return yt_str_is(yt_str(now), "PAID");
}

static void park(struct keeper *k, struct kept *e)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_PARKED, 0, e->x.id, keeper_wall(k));

	rec_str(&buf, REC_T_OWNER, YT_STR("operator"));
	rec_u32(&buf, REC_T_FLAGS, REC_X_HELD);
	rec_str(&buf, REC_T_REASON, YT_STR(SAYS_OTHERWISE));
	rec_i64(&buf, REC_T_DEADLINE, keeper_wall(k) + FOLLOW_UP_WAIT_MS);
	rec_end(&buf, at);
	keeper_write_own(k, &buf);
	yt_buf_free(&buf);
}

void keeper_due_in(struct keeper *k, struct kept *e, int64_t pause_ms, const char *reason)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_DUE, 0, e->x.id, keeper_wall(k));

	rec_i64(&buf, REC_T_DUE, keeper_wall(k) + pause_ms);
	rec_str(&buf, REC_T_REASON, yt_str(reason));
	rec_end(&buf, at);
	keeper_write_own(k, &buf);
	yt_buf_free(&buf);
}

void keeper_due_now(struct keeper *k, struct kept *e, const char *reason)
{
	keeper_due_in(k, e, 0, reason);
}

/* Machines stopped on its way forward, so they may go on now that there is news; what is to be undone, or had ended, or
 * people hold, or was to be looked at by them, is people's. */
static bool may_go_on(const struct exchange *x)
{
	return x->state == X_PARKED && (x->flags & REC_X_HELD) == 0 && !x->answered && !x->reversal_wanted &&
	       x->reversals == 0;
}

/* It ended under a lease that did not know of the word yet. */
static void doubt(struct keeper *k, struct kept *e)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_NOTICE, 0, e->x.id, keeper_wall(k));

	rec_u64(&buf, REC_T_JOINS, e->x.id);
	rec_str(&buf, REC_T_RESULT, YT_STR("RETURNED"));
	rec_str(&buf, REC_T_PAY_NO, yt_str(e->x.pay_no));
	rec_end(&buf, at);
	keeper_write_own(k, &buf);
	yt_buf_free(&buf);
}

void keeper_go_on_told(struct keeper *k, struct kept *e, bool is_otherwise)
{
	if (is_otherwise) {
		yt_log(YT_ERROR, "keeper", "exchange %016llx had ended as %s, and its party says %s now: parked",
		        (unsigned long long)e->x.id, exchange_state_name(e->x.state), e->x.told_state);
		park(k, e);
	} else if (may_go_on(&e->x) && keeper_decide(k, e->x.id, "retry", YT_STR("party"), YT_STR(HAS_TOLD)) == 0) {
		keeper_due_now(k, e, HAS_TOLD);
	} else if (e->x.state == X_PARKED) {
		yt_log(YT_WARN, "keeper", "exchange %016llx is parked, and its party says %s now",
		        (unsigned long long)e->x.id, e->x.told_state);
	} else if (exchange_is_open(&e->x) && e->holder == 0 && !e->x.must_answer) {
		keeper_due_now(k, e, HAS_TOLD); /* one that is leased: keeper_told_meanwhile() */
	}
	kept_settle_down(k, e);
}

/* A follow-up after what it was told: told_before is the word before that one. */
static void go_on(struct keeper *k, struct kept *e, const char *told_before)
{
	if (e->x.claimed_back && e->x.state == X_DONE && is_word(e->x.told_state, "RETURNED", "", "")) {
		keeper_end_claim_back(k, &e->x, "done", "party", "its bank says that the money came back");
		return;
	}
	if (e->x.state == X_DONE && e->x.doubted && !e->x.reversal_wanted)
		doubt(k, e);
	keeper_go_on_told(k, e, !exchange_is_open(&e->x) && says_otherwise(&e->x, told_before));
}

/* What a line says beside its state goes on with it. */
static void copy_line(struct yt_buf *buf, const struct rec *notice)
{
	rec_str(buf, REC_T_BOOKED, rec_get(notice, REC_T_BOOKED));
	rec_str(buf, REC_T_REFERENCE, rec_get(notice, REC_T_REFERENCE));
	if (rec_get(notice, REC_T_AMOUNT).n != 0)
		rec_i64(buf, REC_T_AMOUNT, rec_get_i64(notice, REC_T_AMOUNT));
}

/* One without our number has a digest for each type of payment that it may be of. */
static bool has_digest(const struct rec *notice, const uint8_t digest[16])
{
	struct rec_field field;
	size_t at = 0;

	while (rec_next(notice, &at, &field))
		if (field.tag == REC_T_PAY_DIGEST && field.value.n == 16 &&
		        memcmp(field.value.p, digest, PAY_DIGEST_SAME) == 0)
			return true;
	return false;
}

/* A debit under its number, of another sum, or to another account where the line names one; or less than all of what is
 * asked back. */
static bool differs(const struct exchange *x, const struct rec *notice)
{
	struct yt_str digest = rec_get(notice, REC_T_PAY_DIGEST), fen = rec_get(notice, REC_T_AMOUNT);
	bool is_other_sum = fen.n != 0 && x->pay_fen != 0 && rec_get_i64(notice, REC_T_AMOUNT) != x->pay_fen;

	if (x->claimed_back && yt_str_is(rec_get(notice, REC_T_RESULT), "RETURNED"))
		return is_other_sum;
	if (rec_get(notice, REC_T_BOOKED).n == 0 || !yt_str_is(rec_get(notice, REC_T_RESULT), "PAID"))
		return false;
	if (digest.n == sizeof(x->pay_digest) && x->pay_fen != 0)
		return !has_digest(notice, x->pay_digest);
	return is_other_sum;
}

/* Which payout of an exchange. */
struct spoken {
	struct yt_str number; /* as it was named; of an old one the payout's own; empty: named by the settlement */
	const char *end;      /* as what an old one ended, NULL: it is the one under way */
};

static struct spoken spoken_of(struct keeper *k, const struct kept *e, struct yt_str about)
{
	struct yt_str number = { about.p + 2, about.n - 2 };
	const struct payout *p = payout_spoken_of(k, about);

	if (yt_str_is(number, e->x.pay_no) || yt_str_is(number, e->x.pay_msg))
		return (struct spoken){ number, NULL };
	if (p == NULL || p->exchange != e->x.id || strcmp(p->pay_no, e->x.pay_no) == 0)
		return (struct spoken){ { 0 }, NULL }; /* or by a message that its order left with before */
	number = yt_str(p->pay_no);
	p = payout_find(k, p->pay_no);
	return (struct spoken){ number, p == NULL ? "" : p->end };
}

/* Of one that came to nothing, and was perhaps made anew: only that it was paid after all is news. */
static bool was_paid_after_all(const struct spoken *old, struct yt_str state)
{
	return old->end != NULL && yt_str_is(state, "PAID") && strcmp(old->end, "RETURNED") != 0;
}

static void tell_of_old(struct keeper *k, struct kept *e, const struct spoken *old)
{
	yt_log(YT_ERROR, "keeper", "exchange %016llx: its bank had said %s of payout %.*s, and says PAID now: parked",
	        (unsigned long long)e->x.id, old->end, YT_FMT(old->number));
	if (e->holder != 0)
		return; /* no order of it leaves any more: keeper_hold_told() */
	park(k, e);
	kept_settle_down(k, e);
}

static void tell(struct keeper *k, struct kept *e, const struct rec *notice, struct yt_str about)
{
	struct yt_str state = rec_get(notice, REC_T_RESULT);
	struct spoken spoken = spoken_of(k, e, about);
	bool is_old_one = spoken.end != NULL, is_paid = was_paid_after_all(&spoken, state);
	bool is_other = !is_old_one && differs(&e->x, notice);
	uint32_t seq = (uint32_t)rec_get_u64(notice, REC_T_SERIAL);
	bool is_old = seq != 0 && seq <= e->x.told_seq;
	char before[sizeof(e->x.told_state)];
	struct yt_buf buf = { 0 };
	size_t at;

	/* An insurer's word is held against what it had said before, not against a bank's. */
	keeper_copy_str(before, sizeof(before), yt_str((e->x.flags & REC_X_COUNTED) ? e->x.told_state : ""));
	at = rec_begin(&buf, REC_NOTICE, 0, e->x.id, keeper_wall(k));
	rec_u64(&buf, REC_T_JOINS, notice->exchange);
	rec_str(&buf, REC_T_NUMBER, rec_get(notice, REC_T_NUMBER));
	if (seq != 0)
		rec_u32(&buf, REC_T_SERIAL, seq);
	rec_str(&buf, REC_T_RESULT, is_other ? YT_STR("DIFFERS") : state);
	copy_line(&buf, notice);
	if (is_other) {
		yt_log(YT_ERROR, "keeper", "exchange %016llx: of %s a statement tells " OTHERWISE_PAID,
		        (unsigned long long)e->x.id, e->x.pay_no);
		rec_str(&buf, REC_T_REASON, YT_STR(OTHERWISE_PAID));
	}
	rec_str(&buf, REC_T_PAY_NO, spoken.number);
	if (is_paid)
		rec_u32(&buf, REC_T_FLAGS, REC_X_HELD);
	if (is_old)
		rec_str(&buf, REC_T_REASON, YT_STR("older than what was told before"));
	rec_end(&buf, at);
	keeper_write_own(k, &buf);
	yt_buf_free(&buf);
	if (is_paid)
		tell_of_old(k, e, &spoken);
	else if (!is_old_one &&
	         !is_old) /* without a count words come in any order: the one before says nothing of this one */
		go_on(k, e, seq != 0 ? before : "");
}

/* Kept, answered, and nobody's: it can be found by its operation, and stands in the log. */
static void note_stray(struct keeper *k, const struct rec *notice, const char *why)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_NOTICE, 0, notice->exchange, keeper_wall(k));

	yt_log(YT_ERROR, "keeper", "exchange %016llx: a party told something, and %s",
	        (unsigned long long)notice->exchange, why);
	rec_str(&buf, REC_T_REASON, yt_str(why));
	rec_end(&buf, at);
	keeper_write_own(k, &buf);
	yt_buf_free(&buf);
}

/* Who tells was asked by what it speaks of: a bank says nothing of what another one pays. */
static bool may_tell(struct keeper *k, const struct kept *e, uint64_t notice)
{
	const struct kept *n = kept_find(k, notice);

	if (k->world.flow_asks == NULL)
		return true;
	if (n == NULL || n->x.party[0] == '\0')
		return false;
	return strcmp(n->x.party, e->x.party) == 0 || k->world.flow_asks(k->world.ctx, e->x.flow, n->x.party);
}

enum taken { NOBODYS, ANOTHERS, ITS_OWN };

/* The index knows it by a name that none of its payouts has any more: of one that came to nothing, whose numbers alone
 * are remembered.  Of several, one that was never paid, so that it being paid is looked at. */
static struct payout *note_former(struct keeper *k, struct kept *e, const char *name)
{
	const char *number = e->x.back_no;

	for (unsigned i = 0; i < EXCHANGE_PAYOUTS_OLDER && strcmp(e->x.back_state, "RETURNED") == 0; i++)
		if (e->x.older[i].no[0] != '\0' && strcmp(e->x.older[i].state, "RETURNED") != 0)
			number = e->x.older[i].no;
	if (number[0] == '\0')
		return NULL;
	note_number(k, e, name, number);
	return payout_find(k, name);
}

/* The payout that goes by that name, brought into memory; NULL: none does, or two. */
static struct payout *known_as(struct keeper *k, struct yt_str name)
{
	char about[EXCHANGE_SERIAL_KEY + 2];
	struct payout *p;
	struct kept *e;

	if (name.n == 0 || name.n + 2 >= sizeof(about))
		return NULL;
	memcpy(about, "+/", 2);
	keeper_copy_str(about + 2, sizeof(about) - 2, name);
	find(k, yt_str(about), &e);
	p = e == NULL ? NULL : payout_spoken_of(k, yt_str(about));
	if (e != NULL && p == NULL)
		p = note_former(k, e, about + 2);
	return p != NULL && p->exchange == e->x.id && !p->is_shared ? p : NULL;
}

/* A line without the payment's number: the UETR is its own, and our message orders it alone; a bank's number counts
 * with sum, account and bank, as other banks may have the same.  What two speak of is nobody's: it is never guessed. */
static enum taken take_unnamed(struct keeper *k, const struct rec *notice)
{
	char key[EXCHANGE_SERIAL_KEY], about[32];
	struct payout *by_ours = known_as(k, rec_get(notice, REC_T_UETR)), *by_serial, *p;
	struct kept *e;

	exchange_serial_key(rec_get(notice, REC_T_PAY_SERIAL), rec_get_i64(notice, REC_T_AMOUNT), key);
	by_serial = known_as(k, yt_str(key));
	if (by_ours == NULL)
		by_ours = known_as(k, rec_get(notice, REC_T_PAY_MSG));
	p = by_ours != NULL ? by_ours : by_serial;
	e = p == NULL ? NULL : kept_find(k, p->exchange);
	if (e == NULL || (by_serial != NULL && by_serial->exchange != p->exchange) ||
	        (by_ours == NULL && differs(&e->x, notice)))
		return NOBODYS;
	if (!may_tell(k, e, notice->exchange))
		return ANOTHERS;
	snprintf(about, sizeof(about), "+/%s", p->pay_no);
	tell(k, e, notice, yt_str(about));
	return ITS_OWN;
}

static enum taken take(struct keeper *k, const struct rec *notice)
{
	enum taken taken = NOBODYS;
	struct rec_field field;
	struct kept *e;
	size_t at = 0;

	while (rec_next(notice, &at, &field)) {
		if (field.tag != REC_T_ABOUT || field.value.n <= 2)
			continue;
		find(k, field.value, &e);
		if (e == NULL || e->x.id == notice->exchange)
			continue;
		if (!may_tell(k, e, notice->exchange)) {
			taken = taken == NOBODYS ? ANOTHERS : taken;
			continue;
		}
		taken = ITS_OWN;
		if ((rec_get_u64(notice, REC_T_FLAGS) & REC_X_LISTING) != 0)
			keeper_tell_listed(k, e, notice);
		else
			tell(k, e, notice, field.value);
	}
	return taken;
}

/* A statement has entries of all kinds. */
static bool may_be_stray(struct keeper *k, uint64_t notice)
{
	const struct kept *e = kept_find(k, notice);

	return e == NULL || e->x.op != YT_OP_STATEMENT_NOTICE;
}

/* Lines with payout numbers that are nobody's here; listed by `yitong statement`. */
static void note_strays(struct keeper *k, uint64_t statement, uint32_t n)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_NOTICE, 0, statement, keeper_wall(k));

	rec_u32(&buf, REC_T_STRAYS, n);
	rec_end(&buf, at);
	keeper_write_own(k, &buf);
	yt_buf_free(&buf);
}

/* In the log, once: of one told in pieces all that there are, with its last one. */
static void tell_strays(struct keeper *k, uint64_t statement, uint32_t n, bool is_piece)
{
	const struct kept *e = is_piece ? kept_find(k, statement) : NULL;

	if (is_piece)
		n = e == NULL || exchange_is_open(&e->x) ? 0 : e->x.strays;
	if (n > 0)
		yt_log(YT_WARN, "keeper",
		        "exchange %016llx: %u lines of a statement or list %s: `yitong statement` lists them",
		        (unsigned long long)statement, n,
		        is_piece ? "tell of nothing known here" : "have numbers that are not known here");
}

/* What a worker says of how far it has come. */
static bool is_progress(const struct rec *rec)
{
	return rec->type == REC_NOTICE && rec_get(rec, REC_T_LINES).n != 0;
}

int keeper_check_piece(const struct kept *e, struct yt_str payload, bool *is_known)
{
	struct rec rec;
	size_t used;

	*is_known = false;
	for (; rec_read(payload, &rec, &used) == 0; payload.p += used, payload.n -= used) {
		if (!is_progress(&rec))
			continue;
		*is_known = rec_get_u64(&rec, REC_T_SERIAL) < e->x.told_seq;
		return rec_get_u64(&rec, REC_T_SERIAL) > e->x.told_seq ? YT_ECORRUPT : 0;
	}
	return 0;
}

void keeper_take_notices(struct keeper *k, struct yt_str payload)
{
	struct rec rec, first = { 0 };
	enum taken most = NOBODYS, taken;
	bool has_others = false, is_piece = false;
	uint32_t n_strays = 0;
	size_t used;

	for (; rec_read(payload, &rec, &used) == 0; payload.p += used, payload.n -= used) {
		is_piece = is_piece || is_progress(&rec);
		if (rec.type != REC_NOTICE || is_progress(&rec))
			continue;
		first = first.whole.n == 0 ? rec : first;
		taken = take(k, &rec);
		if (taken == NOBODYS && rec_get(&rec, REC_T_ABOUT).n == 0 && rec_get(&rec, REC_T_BOOKED).n != 0)
			taken = take_unnamed(k, &rec);
		n_strays += taken != ITS_OWN && rec_get(&rec, REC_T_BOOKED).n != 0 &&
		            (rec_get_u64(&rec, REC_T_FLAGS) & REC_X_PART) == 0;
		has_others = has_others || taken == ANOTHERS;
		most = taken > most ? taken : most;
	}
	if (n_strays > 0)
		note_strays(k, first.exchange, n_strays);
	tell_strays(k, first.exchange, n_strays, is_piece);
	if (has_others)
		note_stray(k, &first, SPEAKS_OF_OTHERS);
	else if (first.whole.n != 0 && most == NOBODYS && may_be_stray(k, first.exchange))
		note_stray(k, &first, is_piece ? SPEAKS_OF_SOME : SPEAKS_OF_NOTHING);
}

void keeper_told_meanwhile(struct keeper *k, struct kept *e)
{
	go_on(k, e, "");
}

/* What is to be undone is undone first, whoever was paid. */
void keeper_hold_told(struct keeper *k, struct kept *e)
{
	bool is_over = !exchange_is_open(&e->x);
	unsigned why = is_over ? REC_X_HELD | REC_X_DIFFERS : e->x.reversal_wanted ? 0 : REC_X_HELD;

	if (e->x.state == X_PARKED || e->holder != 0 || (e->x.flags & why) == 0)
		return;
	park(k, e);
	kept_settle_down(k, e);
}
