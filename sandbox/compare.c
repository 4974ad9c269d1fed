/* sandbox/compare.c - one-sided settlements (compare.h). */
#include "compare.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct comparison {
	json_t *differences;
	json_t *platform_by_setl, *hospital_by_setl; /* setl_id -> row; refunds left out */
	json_t *registered;                          /* own number of a visit -> true */
	json_t *claims_by_setl;                      /* setl_id -> row of an insurer's, also of refused ones */
	json_t *claims;                              /* name of the insurer -> counts */
	json_t *paid_by_ref;                         /* payout number -> fen that payees have by it at the bank */
	json_t *booked_by_ref;                       /* ... fen that payees got by it, come back or not */
	json_t *drawn_by_ref;                        /* ... fen that are gone from the payer's account for it */
	json_t *paid_by_account;                     /* account -> fen that it has by payouts */
	json_t *face_by_ref;                         /* payout number -> the bank's face that it came in by */
	json_t *refs_known;                          /* payout numbers that an insurer was told */
	json_int_t n_one_sided, n_undecided, n_compared, n_foreign, n_double;
};

static bool is_state(const json_t *row, const char *state)
{
	return strcmp(json_text(row, "state"), state) == 0;
}

static void differ(struct comparison *c, const json_t *row, const char *what)
{
	char text[256];

	text_format(text, sizeof(text), "visit %s (%s) settlement %s: %s", json_text(row, "visit"),
	        json_text(row, "own_visit"), json_text(row, "setl_id"), what);
	json_array_append_new(c->differences, json_string(text));
	c->n_one_sided++;
}

static const char *amount_that_differs(const json_t *a, const json_t *b)
{
	static const char *const names[] = { "medfee_fen", "fund_fen", "acct_fen", "cash_fen" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (json_number(a, names[i], 0) != json_number(b, names[i], 0))
			return names[i];
	return NULL;
}

/* Every settlement in force at the platform must be one the hospital believes in. */
static void check_platform_row(struct comparison *c, const json_t *row)
{
	const json_t *theirs = json_object_get(c->hospital_by_setl, json_text(row, "setl_id"));

	if (!is_state(row, "effective"))
		return;
	c->n_compared++;
	c->n_double += json_is_true(json_object_get(row, "is_double"));
	if (theirs == NULL)
		differ(c, row, "in force at the platform, unknown to the hospital");
	else if (!is_state(theirs, "settled"))
		differ(c, row, "in force at the platform, not settled for the hospital");
}

/* Every settlement the hospital believes in must be in force, every cancelled one cancelled, with the
 * same amounts. */
static void check_hospital_row(struct comparison *c, const json_t *row)
{
	const json_t *theirs = json_object_get(c->platform_by_setl, json_text(row, "setl_id"));
	bool is_settled = is_state(row, "settled");
	const char *amount;
	char what[128];

	if (is_state(row, "unknown"))
		c->n_undecided++;
	if (json_is_true(json_object_get(row, "must_be_gone")) &&
	        json_object_get(c->registered, json_text(row, "own_visit")) != NULL)
		differ(c, row, "refused to the hospital, still registered");
	if (!is_settled && !is_state(row, "cancelled"))
		return;
	if (!is_settled)
		c->n_compared++;
	amount = theirs == NULL ? NULL : amount_that_differs(row, theirs);
	if (is_settled && (theirs == NULL || !is_state(theirs, "effective"))) {
		differ(c, row,
		        theirs == NULL ? "settled for the hospital, unknown to the platform"
		                       : "settled for the hospital, not in force at the platform");
	} else if (theirs != NULL && is_state(theirs, is_settled ? "effective" : "cancelled") && amount != NULL) {
		text_format(what, sizeof(what), "%s is %lld for the hospital, %lld at the platform", amount,
		        (long long)json_number(row, amount, 0), (long long)json_number(theirs, amount, 0));
		differ(c, row, what);
	}
}

/* -- claims -- */

static void count_claim(struct comparison *c, const json_t *row, const char *what)
{
	const char *insurer = json_text(row, "insurer");
	json_t *counts = json_object_get(c->claims, insurer);

	if (counts == NULL) {
		counts = must(json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:{}}", "claims", 0, "paid", 0,
		        "refused", 0, "withdrawn", 0, "open", 0, "paid_fen", 0, "corrected", 0, "asked_back", 0,
		        "asked_back_fen", 0, "paid_by"));
		json_object_set_new(c->claims, insurer, counts);
	}
	json_object_set_new(counts, "claims", json_integer(json_number(counts, "claims", 0) + 1));
	json_object_set_new(counts, what, json_integer(json_number(counts, what, 0) + 1));
	json_object_set_new(
	        counts, "paid_fen", json_integer(json_number(counts, "paid_fen", 0) + json_number(row, "paid", 0)));
}

static void add(json_t *counts, const char *name, json_int_t n)
{
	json_object_set_new(counts, name, json_integer(json_number(counts, name, 0) + n));
}

/* Who has made this payment: the insurer, or the bank for us by this face. */
static const char *payment_by(const struct comparison *c, const json_t *payment)
{
	bool is_ours = strcmp(json_text(payment, "by"), "GATEWAY") == 0;

	return is_ours ? json_text(c->face_by_ref, json_text(payment, "payoutNo")) : "insurer";
}

/* Of what was paid, as a whole and by who paid it last: made anew after it had come back; to be asked back, as its
 * settlement is cancelled since. */
static void count_again(struct comparison *c, const json_t *row, bool is_back)
{
	json_t *counts = json_object_get(c->claims, json_text(row, "insurer")), *by, *payment;
	const char *last = "insurer";
	bool came_back = false;
	size_t i;

	json_array_foreach(json_object_get(row, "payments"), i, payment)
	{
		came_back |= strcmp(json_text(payment, "by"), "GATEWAY") == 0 &&
		             strcmp(json_text(payment, "payState"), "RETURNED") == 0;
		last = payment_by(c, payment);
	}
	by = json_object_get(json_object_get(counts, "paid_by"), last);
	if (by == NULL) {
		by = must(json_pack("{s:i, s:i, s:i}", "paid", 0, "corrected", 0, "asked_back", 0));
		json_object_set_new(json_object_get(counts, "paid_by"), last, by);
	}
	add(counts, "corrected", came_back);
	add(counts, "asked_back", is_back);
	add(counts, "asked_back_fen", is_back ? json_number(row, "paid", 0) : 0);
	add(by, "paid", 1);
	add(by, "corrected", came_back);
	add(by, "asked_back", is_back);
}

/* Each payment went the way that was to pay this hospital's claims. */
static bool went_its_way(const struct comparison *c, const json_t *row, const json_t *theirs)
{
	const char *wanted = json_text(theirs, "paid_over");
	json_t *payment;
	size_t i;

	json_array_foreach(json_object_get(row, "payments"), i, payment)
	{
		if (*wanted != '\0' && strcmp(payment_by(c, payment), wanted) != 0)
			return false;
	}
	return true;
}

/* What the gateway has paid for the insurer stands once at the bank, on one account. */
static bool is_paid_at_bank(struct comparison *c, const json_t *row)
{
	json_int_t told = 0, paid = 0;
	json_t *payment;
	size_t i;

	json_array_foreach(json_object_get(row, "payments"), i, payment)
	{
		const char *ref = json_text(payment, "payoutNo");

		if (strcmp(json_text(payment, "by"), "GATEWAY") != 0)
			continue;
		told += json_number(payment, "amount", 0) *
		        (strcmp(json_text(payment, "payState"), "PAID") == 0 ? 1 : -1);
		if (json_object_get(c->refs_known, ref) == NULL)
			paid += json_number(c->paid_by_ref, ref, 0);
		json_object_set_new(c->refs_known, ref, json_true());
	}
	return told == paid;
}

/* A claim in force is one of a settlement that counts, of the same amount, once; what was decided is paid once. */
static void check_claim(struct comparison *c, const json_t *row)
{
	const json_t *theirs = json_object_get(c->hospital_by_setl, json_text(row, "setlId"));
	const char *status = json_text(row, "status");
	bool is_paid = strcmp(status, "PAID") == 0, is_over = strcmp(status, "REJECTED") == 0;
	bool is_withdrawn = json_is_true(json_object_get(row, "is_withdrawn"));
	bool is_back, is_at_bank = is_paid_at_bank(c, row); /* whatever else is wrong, its payouts are known */

	count_claim(c, row, is_withdrawn ? "withdrawn" : is_over ? "refused" : is_paid ? "paid" : "open");
	if (theirs == NULL) {
		differ(c, row, "claimed at the insurer, unknown to the hospital");
		return;
	}
	c->n_compared++;
	c->n_double += json_is_true(json_object_get(row, "is_double"));
	is_back = is_paid && is_state(theirs, "cancelled") && json_is_true(json_object_get(row, "is_recovered"));
	if (is_paid)
		count_again(c, row, is_back);
	if (is_back != json_is_true(json_object_get(theirs, "is_asked_back")))
		differ(c, theirs, "is not asked back as it must be after its cancel");
	else if (!is_over && !is_back && !is_state(theirs, "settled"))
		differ(c, theirs, "in force at the insurer, not settled for the hospital");
	else if (json_number(row, "totalFee", 0) != json_number(theirs, "medfee_fen", 0))
		differ(c, theirs, "another amount at the insurer");
	else if (json_number(row, "paid", 0) != (is_paid ? json_number(row, "payable", 0) : 0))
		differ(c, theirs, "the insurer's payments are not what it decided");
	else if (!is_at_bank)
		differ(c, theirs, "the insurer was told of payments that the bank has not, or has otherwise");
	else if (!went_its_way(c, row, theirs))
		differ(c, theirs, "was paid by another channel than its route asks for");
}

/* The rows of an insurer's ledger, by settlement; a withdrawn one gives way to the next. */
static void index_claims(struct comparison *c, const json_t *parties)
{
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(parties, "refused"), i, row)
	{
		if (json_object_get(c->claims_by_setl, json_text(row, "setlId")) == NULL &&
		        json_object_get(c->hospital_by_setl, json_text(row, "setlId")) != NULL)
			count_claim(c, row, "refused"); /* once, however often it was tried */
		json_object_set(c->claims_by_setl, json_text(row, "setlId"), row);
	}
	json_array_foreach(json_object_get(parties, "claims"), i, row)
	        json_object_set(c->claims_by_setl, json_text(row, "setlId"), row);
}

static void check_claims(struct comparison *c, const json_t *hospitals, const json_t *parties)
{
	const char *run = json_text(hospitals, "run");
	json_t *row;
	size_t i;

	if (json_object_get(parties, "claims") == NULL)
		return; /* no insurer is there */
	index_claims(c, parties);
	json_array_foreach(json_object_get(parties, "claims"), i, row)
	{
		if (strncmp(json_text(row, "ownVisit"), run, strlen(run)) == 0) {
			check_claim(c, row);
		} else {
			is_paid_at_bank(c, row); /* its payouts are known */
			c->n_foreign++;
		}
	}
	json_array_foreach(json_object_get(hospitals, "settlements"), i, row)
	{
		if (json_is_true(json_object_get(row, "is_claimed")) && is_state(row, "settled") &&
		        json_object_get(c->claims_by_setl, json_text(row, "setl_id")) == NULL)
			differ(c, row, "settled for the hospital, not claimed at the insurer");
	}
}

/* -- payouts -- */

/* Two bookings under one number add up, and so differ from what was decided. */
static void sum_entries(struct comparison *c, const json_t *parties)
{
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(parties, "entries"), i, row)
	{
		const char *ref = json_text(row, "pay_ref");
		bool is_return = *json_text(row, "reversal") != '\0',
		     is_credit = strcmp(json_text(row, "dc"), "C") == 0;
		json_int_t fen = json_number(row, "amount_fen", 0);

		if (*ref == '\0')
			continue;
		if (is_credit == is_return) { /* the payer's side */
			add(c->drawn_by_ref, ref, is_return ? -fen : fen);
			continue;
		}
		add(c->paid_by_ref, ref, is_return ? -fen : fen);
		add(c->booked_by_ref, ref, is_return ? 0 : fen);
		add(c->paid_by_account, json_text(row, "account"), is_return ? -fen : fen);
	}
	json_array_foreach(json_object_get(parties, "payouts"), i, row)
	        json_object_set_new(c->face_by_ref, json_text(row, "pay_ref"), json_string(json_text(row, "face")));
}

static void differ_at_bank(struct comparison *c, const char *ref, const char *what)
{
	char text[160];

	text_format(text, sizeof(text), "payout %s: %s", ref, what);
	json_array_append_new(c->differences, json_string(text));
	c->n_one_sided++;
}

/* What an agency has ordered stands once at the bank, on that account, where it was to be paid; else not at all. */
static void check_order(struct comparison *c, const json_t *order, const json_t *payouts)
{
	const char *ref = json_text(order, "pay_ref"), *wanted = json_text(order, "face"), *payee = "", *face = "";
	json_int_t fen = json_number(c->paid_by_ref, ref, 0);
	json_t *row;
	size_t i;

	json_array_foreach(payouts, i, row)
	{
		if (strcmp(json_text(row, "pay_ref"), ref) != 0)
			continue;
		payee = json_text(row, "payee");
		face = json_text(row, "face");
	}
	c->n_compared++;
	if (fen != (json_is_true(json_object_get(order, "is_paid")) ? json_number(order, "amount_fen", 0) : 0))
		differ_at_bank(c, ref, "the bank has not paid what its agency ordered");
	else if (strcmp(payee, json_text(order, "account")) != 0)
		differ_at_bank(c, ref, "went to another account than ordered");
	else if (*wanted != '\0' && strcmp(face, wanted) != 0)
		differ_at_bank(c, ref, "went by another channel than its payee's bank asks for");
}

/* Ordered anew after its money had come back: nothing stays at the wrong account, that sum stands at the right one. */
static json_int_t check_reordered(struct comparison *c, const json_t *orders)
{
	json_int_t n = 0;
	json_t *order;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)orders, i, order)
	{
		const char *wrong = json_text(order, "wrong_account");

		if (*wrong == '\0')
			continue;
		if (json_number(c->paid_by_account, wrong, 0) == 0 &&
		        json_number(c->paid_by_account, json_text(order, "account"), 0) ==
		                json_number(order, "amount_fen", -1))
			n++;
		else
			differ_at_bank(c, json_text(order, "pay_ref"),
			        "was ordered anew, and is not paid once at the right account");
	}
	return n;
}

/* What is paid for an insurer must be known to it; and no number may have been used for two payments. */
static json_t *check_payouts(struct comparison *c, const json_t *hospitals, const json_t *parties)
{
	json_int_t n = 0, n_paid = 0, n_returned = 0, sum = 0, fen, booked, ordered;
	json_t *row, *by_face = must(json_object());
	size_t i;

	json_array_foreach(json_object_get(parties, "payouts"), i, row)
	{
		const char *ref = json_text(row, "pay_ref"), *face = json_text(row, "face");

		fen = json_number(c->paid_by_ref, ref, 0);
		booked = json_number(c->booked_by_ref, ref, 0);
		ordered = json_number(row, "amount_fen", 0);
		n++;
		if (fen > 0)
			json_object_set_new(by_face, face, json_integer(json_number(by_face, face, 0) + 1));
		n_paid += fen > 0;
		n_returned += strncmp(json_text(row, "state"), "06", 2) == 0;
		sum += fen;
		if (fen != 0 && strncmp(ref, "IN", 2) == 0 && json_object_get(c->refs_known, ref) == NULL)
			differ_at_bank(c, ref, "paid by the bank, known to no insurer");
		if ((fen != 0 && fen != ordered) || (booked != 0 && booked != ordered))
			differ_at_bank(c, ref, "booked otherwise than ordered");
		else if (fen != json_number(c->drawn_by_ref, ref, 0))
			differ_at_bank(c, ref, "the payer's account has not lost what the payee's got");
	}
	json_array_foreach(json_object_get(hospitals, "orders"), i, row)
	        check_order(c, row, json_object_get(parties, "payouts"));
	json_array_foreach(json_object_get(parties, "conflicts"), i, row)
	        differ_at_bank(c, json_text(row, "pay_ref"), "used for two different payments");
	return must(json_pack("{s:I, s:I, s:I, s:I, s:I, s:o}", "ordered", n, "paid", n_paid, "returned", n_returned,
	        "reordered", check_reordered(c, json_object_get(hospitals, "orders")), "paid_fen", sum, "paid_by",
	        by_face));
}

json_t *ledgers_compare(const json_t *hospitals, const json_t *platform)
{
	struct comparison c = { .differences = must(json_array()),
		.platform_by_setl = must(json_object()),
		.hospital_by_setl = must(json_object()),
		.registered = must(json_object()),
		.claims_by_setl = must(json_object()),
		.claims = must(json_object()),
		.paid_by_ref = must(json_object()),
		.booked_by_ref = must(json_object()),
		.drawn_by_ref = must(json_object()),
		.paid_by_account = must(json_object()),
		.face_by_ref = must(json_object()),
		.refs_known = must(json_object()) };
	json_t *payouts;
	const char *run = json_text(hospitals, "run");
	json_t *row;
	size_t i;

	json_array_foreach(
	        json_object_get(platform, "settlements"), i, row) if (strcmp(json_text(row, "kind"), "settle") == 0)
	        json_object_set(c.platform_by_setl, json_text(row, "setl_id"), row);
	json_array_foreach(json_object_get(hospitals, "settlements"), i, row) if (*json_text(row, "setl_id") != '\0')
	        json_object_set(c.hospital_by_setl, json_text(row, "setl_id"), row);
	json_array_foreach(json_object_get(platform, "settlements"), i, row)
	{
		if (strncmp(json_text(row, "own_visit"), run, strlen(run)) != 0)
			c.n_foreign++;
		else if (strcmp(json_text(row, "kind"), "settle") == 0)
			check_platform_row(&c, row);
	}
	json_array_foreach(json_object_get(platform, "registered"), i, row)
	        json_object_set_new(c.registered, json_string_value(row), json_true());
	json_array_foreach(json_object_get(hospitals, "settlements"), i, row) check_hospital_row(&c, row);
	sum_entries(&c, platform);
	check_claims(&c, hospitals, platform);
	payouts = check_payouts(&c, hospitals, platform);
	json_decref(c.paid_by_ref);
	json_decref(c.booked_by_ref);
	json_decref(c.drawn_by_ref);
	json_decref(c.paid_by_account);
	json_decref(c.face_by_ref);
	json_decref(c.refs_known);
	json_decref(c.claims_by_setl);
	json_decref(c.registered);
	json_decref(c.platform_by_setl);
	json_decref(c.hospital_by_setl);
	return must(json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "one_sided", c.n_one_sided, "undecided",
	        c.n_undecided, "compared", c.n_compared, "foreign", c.n_foreign, "double_bookings", c.n_double,
	        "differences", c.differences, "claims", c.claims, "payouts", payouts));
}

static json_t *ledger_load(const char *path)
{
	json_error_t error;
	json_t *ledger = json_load_file(path, 0, &error);

	if (ledger == NULL)
		fprintf(stderr, "yitong-sandbox: %s: line %d column %d: %s\n", path, error.line, error.column,
		        error.text);
	else if (!json_is_array(json_object_get(ledger, "settlements")) &&
	         !json_is_array(json_object_get(ledger, "claims")) &&
	         !json_is_array(json_object_get(ledger, "payouts")))
		fprintf(stderr,
		        "yitong-sandbox: %s: no ledger: it has no array \"settlements\", \"claims\" or \"payouts\"\n",
		        path);
	else
		return ledger;
	json_decref(ledger);
	return NULL;
}

void ledger_join(json_t *all, const json_t *one)
{
	static const char *const names[] = { "settlements", "registered", "claims", "refused", "payouts", "entries",
		"conflicts" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (json_object_get(one, names[i]) == NULL)
			continue;
		if (json_object_get(all, names[i]) == NULL)
			json_object_set_new(all, names[i], must(json_array()));
		json_array_extend(json_object_get(all, names[i]), json_object_get(one, names[i]));
	}
}

/* The ledgers of all parties as one; NULL after telling which cannot be read. */
static json_t *ledgers_load(char **paths, int n)
{
	json_t *all = must(json_object()), *one;

	for (int i = 0; i < n; i++) {
		one = ledger_load(paths[i]);
		if (one == NULL) {
			json_decref(all);
			return NULL;
		}
		ledger_join(all, one);
		json_decref(one);
	}
	return all;
}

int compare_main(const char *hospitals_path, char **party_paths, int n)
{
	json_t *hospitals = ledger_load(hospitals_path), *parties = ledgers_load(party_paths, n), *result;
	char *text;
	int code = 2;

	if (hospitals != NULL && parties != NULL) {
		result = ledgers_compare(hospitals, parties);
		text = must(json_dumps(result, JSON_INDENT(1)));
		puts(text);
		free(text);
		code = json_number(result, "one_sided", 1) == 0 && json_number(result, "double_bookings", 1) == 0 ? 0
		                                                                                                  : 1;
		json_decref(result);
	}
	json_decref(hospitals);
	json_decref(parties);
	return code;
}
