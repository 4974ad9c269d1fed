/* sandbox/insurer_rule.c - what the two insurers differ in: numbers, refuse codes, and the rule that decides
 * (insurer.h).
 */
#include "insurer.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

static const struct insurer_liability ty_liabilities[] = {
	{ "IN_LIST", { "selfInList", "preSelf" }, INSURER_ALL_LINES, 500000, 60 },
	{ "OUT_LIST", { "selfOutList", "overLimitSelf" }, INSURER_PLAIN_LINES, 500000, 50 },
	{ "SPECIAL_DRUG", { NULL }, INSURER_SPECIAL_LINES, 0, 50 },
};

static const struct insurer_liability jh_liabilities[] = {
	{ "Z01", { "selfInList", "preSelf", "selfOutList", "overLimitSelf" }, INSURER_PLAIN_LINES, 800000, 50 },
	{ "Z02", { NULL }, INSURER_SPECIAL_LINES, 0, 40 },
};

const struct insurer_product product_ty = { .name = "天一甬宁保",
	.claim_prefix = "TYC",
	.payment_prefix = "TYPAY",
	.day_from = 0,
	.serial_digits = 8,
	.not_insured = "B2001",
	.below = "R101",
	.used_invoice = "R104",
	.withdrawn = "W001",
	.tells = true,
	.liabilities = ty_liabilities,
	.n_liabilities = sizeof(ty_liabilities) / sizeof(*ty_liabilities) };

const struct insurer_product product_jh = { .name = "金惠保",
	.claim_prefix = "JHA",
	.payment_prefix = "JHPAY",
	.day_from = 2,
	.serial_digits = 5,
	.not_insured = "2003",
	.below = "Y001",
	.used_invoice = "Y004",
	.withdrawn = "Y009",
	.liabilities = jh_liabilities,
	.n_liabilities = sizeof(jh_liabilities) / sizeof(*jh_liabilities) };

static bool is_listed(const char *list, const char *code)
{
	char wanted[64], all[1024];

	text_format(wanted, sizeof(wanted), ",%s,", code);
	text_format(all, sizeof(all), ",%s,", list == NULL ? "" : list);
	return strstr(all, wanted) != NULL;
}

static bool is_special(const struct insurer_options *options, const char *code)
{
	return is_listed(options->special_drugs, code);
}

const char *insurer_pays_to(const struct insurer_options *options, const json_t *body)
{
	bool is_agreed = is_listed(options->hospitals, json_text(json_object_get(body, "visit"), "hospitalCode"));

	return is_agreed ? "INSTITUTION" : options->pay_to;
}

/* The part outside the catalogue of lines with a listed drug. */
static int64_t special_fen(const struct insurer_options *options, const json_t *body)
{
	json_t *lines = json_object_get(body, "feeItems"), *line;
	int64_t sum = 0;
	size_t i;

	json_array_foreach(lines, i, line)
	{
		if (is_special(options, json_text(line, "listCode")))
			sum += json_number(line, "selfOut", 0);
	}
	return sum;
}

/* One liability; percent of what the deductible leaves, half up. */
static int64_t add_liability(json_t *list, const struct insurer_liability *l, int64_t base_fen, int64_t used_fen)
{
	int64_t left_fen = l->deductible_fen - used_fen, deductible_fen = base_fen < left_fen ? base_fen : left_fen;
	int64_t pay_fen = ((base_fen - deductible_fen) * l->percent + 50) / 100;
	char ratio[8];

	text_format(ratio, sizeof(ratio), "0.%02d00", base_fen > 0 ? l->percent : 0);
	json_array_append_new(
	        list, json_pack("{s:s, s:I, s:I, s:s, s:I}", "code", l->code, "base", (json_int_t)base_fen,
	                      "deductible", (json_int_t)deductible_fen, "ratio", ratio, "pay", (json_int_t)pay_fen));
	return pay_fen;
}

json_t *insurer_reckon(struct insurer_book *book, const json_t *body, const char *certno)
{
	const struct insurer_options *options = insurer_book_options(book);
	const json_t *s = json_object_get(body, "settlement"), *visit = json_object_get(body, "visit");
	json_t *used = insurer_deductibles(book, certno, json_text(visit, "dischargeDate")), *list = must(json_array());
	int64_t special = special_fen(options, body), payable = 0;

	for (size_t i = 0; i < options->rule->n_liabilities; i++) {
		const struct insurer_liability *l = &options->rule->liabilities[i];
		int64_t base = l->lines == INSURER_SPECIAL_LINES ? special
		               : l->lines == INSURER_PLAIN_LINES ? -special
		                                                 : 0;

		for (size_t k = 0; k < 4 && l->parts[k] != NULL; k++)
			base += json_number(s, l->parts[k], 0);
		payable += add_liability(list, l, base, json_number(used, l->code, 0));
	}
	return must(json_pack("{s:I, s:o}", "payable", (json_int_t)payable, "liabilities", list));
}
