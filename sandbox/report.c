/* sandbox/report.c - what came out of the hospitals' demonstration: tables for people, a file for programs (play.h). */
#include "play.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Who paid: the insurer itself, or we, by one of the bank's faces. */
static void print_paid_by(const json_t *paid_by)
{
	const char *by;
	json_t *row;

	json_object_foreach((json_t *)(uintptr_t)paid_by, by, row)
	        printf("  paid by %-9s %4lld, of these %lld came back and were paid anew, %lld are asked back\n", by,
	                (long long)json_number(row, "paid", 0), (long long)json_number(row, "corrected", 0),
	                (long long)json_number(row, "asked_back", 0));
}

static void print_claims(const json_t *claims)
{
	const char *name;
	char amount[24];
	json_t *row;

	json_object_foreach((json_t *)(uintptr_t)claims, name, row)
	{
		fen_text(json_number(row, "paid_fen", 0), amount);
		printf("\nclaims at %s: %lld, of these %lld paid (%s), %lld refused, %lld withdrawn, %lld open; "
		       "%lld came back and were paid anew, %lld are asked back\n",
		        name, (long long)json_number(row, "claims", 0), (long long)json_number(row, "paid", 0), amount,
		        (long long)json_number(row, "refused", 0), (long long)json_number(row, "withdrawn", 0),
		        (long long)json_number(row, "open", 0), (long long)json_number(row, "corrected", 0),
		        (long long)json_number(row, "asked_back", 0));
		print_paid_by(json_object_get(row, "paid_by"));
	}
}

static void print_payouts(const json_t *payouts)
{
	char amount[24];

	fen_text(json_number(payouts, "paid_fen", 0), amount);
	printf("\npayouts at the bank: %lld, of these %lld paid (%s); %lld came back and were ordered anew\n",
	        (long long)json_number(payouts, "ordered", 0), (long long)json_number(payouts, "paid", 0), amount,
	        (long long)json_number(payouts, "reordered", 0));
}

void report_print(struct demo *demo, const json_t *result)
{
	json_t *row, *difference;
	const char *name;
	char amount[24];
	size_t i;

	printf("\n%-8s %7s %8s %8s %9s %16s\n", "message", "done", "refused", "unknown", "not sent", "yuan");
	json_object_foreach(demo->run.exchanges, name, row)
	{
		fen_text(json_number(row, "amount_fen", 0), amount);
		printf("%-8s %7lld %8lld %8lld %9lld %16s\n", name, (long long)json_number(row, "done", 0),
		        (long long)json_number(row, "refused", 0), (long long)json_number(row, "unknown", 0),
		        (long long)json_number(row, "not_sent", 0), amount);
	}
	printf("\n%-20s %7s %12s %9s %14s %11s\n", "case", "visits", "as expected", "reversed", "settled again",
	        "slowest ms");
	json_object_foreach(demo->by_case, name, row)
	        printf("%-20s %7lld %12lld %9lld %14lld %11lld\n", name, (long long)json_number(row, "visits", 0),
	                (long long)json_number(row, "as_expected", 0), (long long)json_number(row, "reversed", 0),
	                (long long)json_number(row, "resettled", 0), (long long)json_number(row, "slowest_ms", 0));
	print_claims(json_object_get(result, "claims"));
	if (demo->options->bank_url != NULL)
		print_payouts(json_object_get(result, "payouts"));
	putchar('\n');
	json_array_foreach(demo->unexpected, i, difference) printf("unexpected: %s\n", json_string_value(difference));
	json_array_foreach(json_object_get(result, "differences"), i, difference)
	        printf("one-sided: %s\n", json_string_value(difference));
	printf("one-sided settlements: %lld of %lld compared; double bookings: %lld; undecided: %lld; unexpected: "
	       "%zu\n",
	        (long long)json_number(result, "one_sided", -1), (long long)json_number(result, "compared", 0),
	        (long long)json_number(result, "double_bookings", -1), (long long)json_number(result, "undecided", 0),
	        json_array_size(demo->unexpected));
}

int report_write(struct demo *demo, json_t *result)
{
	json_int_t n_reversed = 0, n_resettled = 0;
	json_t *report;
	char *text;
	int rv;

	if (demo->options->report_path == NULL)
		return 0;
	for (size_t i = 0; i < demo->run.n_cares; i++) {
		n_reversed += demo->run.cares[i]->n_reversed;
		n_resettled += demo->run.cares[i]->n_resettled;
	}
	report = must(json_pack("{s:O, s:O, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:O, s:O, s:O, s:O}", "exchanges",
	        demo->run.exchanges, "cases", demo->by_case, "one_sided",
	        (json_int_t)json_number(result, "one_sided", -1), "compared",
	        (json_int_t)json_number(result, "compared", 0), "double_bookings",
	        (json_int_t)json_number(result, "double_bookings", -1), "undecided",
	        (json_int_t)json_number(result, "undecided", 0), "reversed", n_reversed, "resettled", n_resettled,
	        "visits", (json_int_t)demo->run.n_cares, "unexpected", demo->unexpected, "differences",
	        json_object_get(result, "differences"), "claims", json_object_get(result, "claims"), "payouts",
	        json_object_get(result, "payouts")));
	text = must(json_dumps(report, JSON_INDENT(1)));
	rv = file_write(demo->options->report_path, text, strlen(text));
	free(text);
	json_decref(report);
	return rv;
}
