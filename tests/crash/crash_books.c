/* tests/crash/crash_books.c - the ledgers of platform, insurer and bank, as far as they have told them: none of them is
 * the gateway's own.
 *
 * books_refresh() asks for what changed since it was asked last and lays it over what is there, so that a round costs
 * what happened in it and not what happened before; what changed is open again until a check finds it right.  Asked
 * for the whole it forgets all that and reads the ledgers anew: then everything is open. */
#include "crash_run.h"

#include <stdio.h>
#include <stdlib.h>

#include <string.h>

struct books books;

const char *book_text(const json_t *row, const char *name)
{
	const char *value = json_string_value(json_object_get(row, name));

	return value == NULL ? "" : value;
}

long long book_number(const json_t *row, const char *name)
{
	return json_integer_value(json_object_get(row, name));
}

static void forget(void)
{
	json_t **all[] = { &books.standing, &books.claims, &books.payouts, &books.told, &books.unsent, &books.parked,
		&books.untold, &books.open_settlements, &books.open_payouts, &books.looked_up };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		json_decref(*all[i]);
		*all[i] = json_object();
	}
}

static void take_settlement(json_t *row)
{
	const char *setl_id = book_text(row, "setl_id");
	struct message *m;

	if (strcmp(book_text(row, "kind"), "settle") != 0)
		return;
	json_object_set(books.standing, setl_id, row);
	json_object_set_new(books.open_settlements, setl_id, json_true());
	m = message_numbered(book_text(row, "msgid"));
	if (m == NULL) {
		json_object_set(books.unsent, setl_id, row);
		return;
	}
	json_decref(m->booked);
	m->booked = json_incref(row);
	m->is_judged = false;
}

/* An order that left the bank's books as it should stands there once more, or the insurer was told of it. */
static void reckon_payout(const char *number)
{
	const json_t *row = json_object_get(books.payouts, number);
	bool is_claims = order_numbered(number) == NULL;
	bool is_booked = book_number(row, "booked") > 0 && json_object_get(row, "returned") == NULL;

	json_object_set_new(books.open_payouts, number, json_true());
	if (is_claims && is_booked && json_object_get(books.told, number) == NULL)
		json_object_set_new(books.untold, number, json_true());
	else
		json_object_del(books.untold, number);
}

static void take_claim(json_t *row)
{
	const char *setl_id = book_text(row, "setlId");
	json_t *of_settlement = json_object_get(books.claims, setl_id), *payment;
	size_t i;

	if (of_settlement == NULL) {
		of_settlement = json_object();
		json_object_set_new(books.claims, setl_id, of_settlement);
	}
	json_object_set(of_settlement, book_text(row, "claimNo"), row);
	json_object_set_new(books.open_settlements, setl_id, json_true());
	json_array_foreach(json_object_get(row, "payments"), i, payment)
	{
		if (strcmp(book_text(payment, "by"), "GATEWAY") != 0)
			continue;
		json_object_set(books.told, book_text(payment, "payoutNo"), payment);
		reckon_payout(book_text(payment, "payoutNo"));
	}
}

static void take_payout(json_t *row)
{
	json_object_set(books.payouts, book_text(row, "pay_ref"), row);
	reckon_payout(book_text(row, "pay_ref"));
}

static void take_all(json_t *ledger, const char *rows, void (*take)(json_t *row))
{
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(ledger, rows), i, row) take(row);
}

/* False: an answer was lost, and with it the changes that it told of. */
static bool take_books(bool whole)
{
	const char *path = whole ? "/ledger" : "/changes";
	json_t *platform = world_control("GET", path, NULL), *insurer = insurer_control("GET", path, NULL),
	       *bank = bank_control("GET", path, NULL);
	bool has_all = platform != NULL && insurer != NULL && bank != NULL;

	if (whole && has_all)
		forget();
	take_all(platform, "settlements", take_settlement);
	take_all(insurer, "claims", take_claim);
	take_all(bank, "payouts", take_payout);
	books.n_double = book_number(platform, "double_bookings");
	books.n_repeated = json_array_size(json_object_get(platform, "repeated_numbers"));
	books.n_visits = book_number(platform, "visits");
	books.n_conflicts = json_array_size(json_object_get(bank, "conflicts"));
	books.n_bank_double = book_number(bank, "double_bookings"); /* by its entries; only the whole ledger has it */
	json_decref(platform);
	json_decref(insurer);
	json_decref(bank);
	return has_all;
}

void books_refresh(bool whole)
{
	if (books.standing == NULL)
		forget();
	for (int tries = 0; tries < 5; tries++) {
		if (take_books(whole || tries > 0))
			return;
	}
	fprintf(stderr, "crash: a ledger cannot be read\n");
	exit(2);
}
