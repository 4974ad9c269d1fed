/* core/journal/keeper_list.c - a row of an insurer's list of a day, held against the claim that it speaks of.
 *
 *   keeper_take_notices() -> keeper_tell_listed() -> keeper_go_on_told()   (keeper_notice.c)
 * A list comes the day after, and once more whenever it is asked for: what the newest one said is remembered, and only
 * what differs from that is looked at.  A claim under way is asked about, as after a callback; one that has ended as
 * the list says has its proof; one that has ended otherwise is people's. */
#include "journal/keeper_parts.h"

#include <string.h>

#include "base/words.h"

#define OTHER_PAYER N_("its insurer's list says that another has paid it than it ended with")
#define OTHER_SUM N_("its insurer's list says another sum than it ended with")
#define OTHER_STATE N_("its insurer's list says another state than it ended with")

struct row {
	struct yt_str state, day, paid_by, serial;
	int64_t fen; /* -1: it says none */
};

static struct row read_row(const struct rec *notice)
{
	bool has_sum = rec_get(notice, REC_T_AMOUNT).n != 0;

	return (struct row){ .state = rec_get(notice, REC_T_CODE),
		.day = rec_get(notice, REC_T_BOOKED),
		.paid_by = rec_get(notice, REC_T_PAY_BY),
		.serial = rec_get(notice, REC_T_PAY_SERIAL),
		.fen = has_sum ? rec_get_i64(notice, REC_T_AMOUNT) : -1 };
}

/* Its order has left, and may have been paid. */
static bool is_being_paid(const struct exchange *x)
{
	return exchange_is_open(x) && x->pay_no[0] != '\0' && (x->flags & REC_X_STAYED) == 0;
}

static bool is_paid_by_us(const struct exchange *x)
{
	return strcmp(x->paid_by, "GATEWAY") == 0 || is_being_paid(x);
}

/* What was paid, by whom: its bank's number is the one that we told, where we paid.  Of a claim paid anew a day before
 * that has the number of the payment that came back. */
static bool names_other_payer(const struct exchange *x, const struct row *row)
{
	const char *payer = is_paid_by_us(x) ? "GATEWAY" : x->paid_by;

	if (payer[0] == '\0' || strcmp(payer, "NOBODY") == 0)
		return false;
	if (row->paid_by.n > 0 && !yt_str_eq(row->paid_by, yt_str(payer)))
		return true;
	return is_paid_by_us(x) && x->back_no[0] == '\0' && yt_str_is(row->state, "PAID") && row->serial.n > 0 &&
	       x->pay_serial[0] != '\0' && !yt_str_eq(row->serial, yt_str(x->pay_serial));
}

/* As it was listed before, by whom it was paid too; or of a day before that. */
static bool is_known(const struct exchange *x, const struct row *row)
{
	bool is_same =
	        x->listed_day != 0 && yt_str_eq(row->state, yt_str(x->listed_state)) && row->fen == x->listed_fen;

	return exchange_day(row->day) < x->listed_day ||
	       (is_same && (!names_other_payer(x, row) || strcmp(x->told_state, "DIFFERS") == 0));
}

/* What a list says of what ended otherwise; NULL: that is no other. */
static const char *why_otherwise(const struct exchange *x, const struct row *row)
{
	bool is_paid = yt_str_is(row->state, "PAID"), is_back = yt_str_is(row->state, "RETURNED");

	if (x->claimed_back)
		return NULL;    /* its money is asked back, by people */
	if (x->state != X_DONE) /* refused, or undone before it was paid; what had left and is back is told still */
		return (is_paid || is_back) && row->fen != 0 && strcmp(x->unpaid_as, "RETURNED") != 0 ? OTHER_STATE
		                                                                                      : NULL;
	if (is_back && is_paid_by_us(x) && x->back_no[0] != '\0')
		return NULL; /* the payment before this one */
	if (yt_str_is(row->state, "REJECTED") || is_back)
		return OTHER_STATE;
	if (names_other_payer(x, row))
		return OTHER_PAYER;
	return x->paid_by[0] != '\0' && row->fen >= 0 && row->fen != x->decided_fen ? OTHER_SUM : NULL;
}

/* Of one under way: until its money may have left any word is, then only what ends it. */
static bool is_news(const struct exchange *x, const struct row *row)
{
	if (yt_str_eq(row->state, yt_str(x->told_state)))
		return false;
	return x->pay_no[0] == '\0' || yt_str_is(row->state, "PAID") || yt_str_is(row->state, "REJECTED") ||
	       yt_str_is(row->state, "RETURNED");
}

/* Our order is out, and another has paid: what becomes of the order is found out, and then it is people's. */
static bool pays_twice(const struct exchange *x, const struct row *row)
{
	return is_being_paid(x) && yt_str_is(row->state, "PAID") && names_other_payer(x, row);
}

static void write_row(struct keeper *k, struct kept *e, const struct rec *notice, const struct row *row, bool is_told,
        const char *why)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_NOTICE, 0, e->x.id, keeper_wall(k));

	rec_u64(&buf, REC_T_JOINS, notice->exchange);
	rec_str(&buf, REC_T_NUMBER, rec_get(notice, REC_T_NUMBER));
	rec_u32(&buf, REC_T_FLAGS, REC_X_LISTING);
	rec_str(&buf, REC_T_CODE, row->state);
	if (row->fen >= 0)
		rec_i64(&buf, REC_T_AMOUNT, row->fen);
	rec_str(&buf, REC_T_BOOKED, row->day);
	rec_str(&buf, REC_T_REFERENCE, rec_get(notice, REC_T_REFERENCE));
	if (is_told)
		rec_str(&buf, REC_T_RESULT,
		        why == NULL || strcmp(why, OTHER_STATE) == 0 ? row->state : YT_STR("DIFFERS"));
	rec_str(&buf, REC_T_REASON, yt_str(why));
	rec_end(&buf, at);
	keeper_write_own(k, &buf);
	yt_buf_free(&buf);
}

void keeper_tell_listed(struct keeper *k, struct kept *e, const struct rec *notice)
{
	struct row row = read_row(notice);
	bool is_open = exchange_is_open(&e->x);
	const char *why;
	bool is_told;

	if (is_known(&e->x, &row)) {
		kept_settle_down(k, e);
		return;
	}
	why = !is_open ? why_otherwise(&e->x, &row) : pays_twice(&e->x, &row) ? OTHER_PAYER : NULL;
	is_told = why != NULL || (is_open && is_news(&e->x, &row));
	write_row(k, e, notice, &row, is_told, why);
	if (is_open && why != NULL)
		yt_log(YT_ERROR, "keeper", "exchange %016llx: %s is under way, and " OTHER_PAYER,
		        (unsigned long long)e->x.id, e->x.pay_no);
	if (is_told)
		keeper_go_on_told(k, e, !is_open && why != NULL);
	else
		kept_settle_down(k, e);
}
