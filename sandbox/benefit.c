/* sandbox/benefit.c - the benefit rule (benefit.h states it). */
#include "benefit.h"

#include <stddef.h>
#include <string.h>

/* What the last digit of a code does not say. */
static const struct item {
	const char *code, *class_code, *kind_code;
	int64_t selfpay_permille, ceiling_fen;
} items[] = {
	{ "XL01XEA297A001010178046", "02", "09", 500, 0 },     /* a negotiated drug */
	{ "002504030010000-250403014", "02", "05", 250, 0 },   /* a treatment */
	{ "C0201070270000000000028", "02", "08", 500, 50000 }, /* an implant */
	{ "001109000010000-110900002", "01", "01", 0, 6000 },  /* a bed, a day */
};

static const struct item *item_of(const char *code)
{
	for (size_t i = 0; i < sizeof(items) / sizeof(*items); i++)
		if (strcmp(items[i].code, code) == 0)
			return &items[i];
	return NULL;
}

static const char *kind_of(const char *code)
{
	switch (code[0]) {
	case 'X':
		return "09";
	case 'Z':
		return "11";
	case 'C':
		return "08";
	default:
		return strncmp(code, "001109", 6) == 0 ? "01" : "05";
	}
}

static int64_t share(int64_t amount_fen, int64_t permille)
{
	int64_t scaled = amount_fen * permille;

	return (scaled + (scaled < 0 ? -500 : 500)) / 1000;
}

static int64_t lesser(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t above(int64_t amount, int64_t threshold)
{
	return amount > threshold ? amount - threshold : 0;
}

void benefit_split_line(const char *code, int64_t amount_fen, int64_t count_e4, struct benefit_line *out)
{
	size_t len = strlen(code);
	char last = len == 0 ? '0' : code[len - 1];
	int64_t sign = amount_fen < 0 ? -1 : 1;
	int64_t size = amount_fen * sign, allowed;
	const struct item *item = item_of(code);

	memset(out, 0, sizeof(*out));
	out->kind_code = item != NULL ? item->kind_code : kind_of(code);
	out->class_code = item != NULL                 ? item->class_code
	                  : last == '9'                ? "03"
	                  : last >= '6' && last <= '8' ? "02"
	                                               : "01";
	out->selfpay_permille = item != NULL                 ? item->selfpay_permille
	                        : last == '9'                ? 1000
	                        : last >= '6' && last <= '8' ? 100
	                                                     : 0;
	out->ceiling_fen = item != NULL ? item->ceiling_fen : code[0] == 'C' ? 50000 : 0;
	if (out->selfpay_permille == 1000) {
		out->full_fen = amount_fen;
		return;
	}
	if (out->ceiling_fen > 0) {
		allowed = out->ceiling_fen * (count_e4 < 0 ? -count_e4 : count_e4) / 10000;
		out->over_fen = above(size, allowed) * sign;
	}
	out->first_fen = share(amount_fen - out->over_fen, out->selfpay_permille);
	out->scope_fen = amount_fen - out->over_fen - out->first_fen;
}

static int64_t ratio(const struct benefit_input *in)
{
	if (strcmp(in->insutype, "310") == 0)
		return in->is_inpatient ? 850 : 800;
	if (strcmp(in->insutype, "390") == 0)
		return in->is_inpatient ? 700 : 500;
	return strcmp(in->insutype, "340") == 0 ? 1000 : 500;
}

static int64_t deductible(const struct benefit_input *in)
{
	if (!in->is_inpatient)
		return 0;
	if (strcmp(in->insutype, "310") == 0)
		return 60000;
	return strcmp(in->insutype, "390") == 0 ? 50000 : 0;
}

void benefit_settle(const struct benefit_input *in, struct benefit *out)
{
	bool is_employee = strcmp(in->insutype, "310") == 0;
	int64_t scope = in->scope_fen > 0 ? in->scope_fen : 0; /* a bill of refunds only: nothing to pay for */
	int64_t rest;

	memset(out, 0, sizeof(*out));
	out->full_fen = in->full_fen;
	out->over_fen = in->over_fen;
	out->first_fen = in->first_fen;
	out->scope_fen = in->scope_fen;
	out->total_fen = in->full_fen + in->over_fen + in->first_fen + in->scope_fen;
	out->deductible_fen = lesser(scope, deductible(in));
	out->ratio_permille = ratio(in);
	out->hifp_fen = share(scope - out->deductible_fen, out->ratio_permille);
	rest = scope - out->hifp_fen;
	if (strcmp(in->insutype, "390") == 0)
		out->hifmi_fen = share(above(rest, 1500000), 600);
	if (is_employee)
		out->hifob_fen = share(above(rest, 1000000), 800);
	rest -= out->hifmi_fen + out->hifob_fen;
	if (is_employee && in->is_civil_servant)
		out->cvlserv_fen = share(rest, 500);
	out->fund_fen = out->hifp_fen + out->hifmi_fen + out->hifob_fen + out->cvlserv_fen;
	out->person_fen = out->total_fen - out->fund_fen;
	if (is_employee && in->may_use_account && out->person_fen > 0)
		out->account_fen = lesser(in->balance_fen > 0 ? in->balance_fen : 0, out->person_fen);
	out->cash_fen = out->person_fen - out->account_fen;
	out->balance_after_fen = in->balance_fen - out->account_fen;
}
