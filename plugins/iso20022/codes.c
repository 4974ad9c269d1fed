/* plugins/iso20022/codes.c - what statuses and reasons mean for the money (bank.md 3.3).
 *
 * A refusal whose reason is a duplicate or a missing answer proves nothing about the first try: UNKNOWN, never FAILED.
 */
#include <string.h>

#include "iso.h"

#define NONE YT_PAY_STATES /* no change of state */

static const struct {
	char code[5];
	uint8_t state; /* enum yt_pay_state, or NONE */
	bool is_partial, is_alarm;
	const char *advice;
} statuses[] = {
	{ "RCVD", YT_PAY_SENT, false, false, NULL },
	{ "ACTC", YT_PAY_SENT, false, false, NULL },
	{ "ACCP", YT_PAY_ACCEPTED, false, false, NULL },
	{ "ACFC", YT_PAY_ACCEPTED, false, false, NULL },
	{ "ACSP", YT_PAY_PROCESSING, false, false, NULL },
	{ "ACWC", YT_PAY_PROCESSING, false, true, "compare" }, /* accepted with a change */
	{ "ACWP", YT_PAY_PROCESSING, false, false, NULL },
	{ "ACSC", YT_PAY_PAID, false, false, NULL },
	{ "ACCC", YT_PAY_PAID, false, false, NULL },
	{ "PDNG", YT_PAY_PROCESSING, false, false, NULL },
	{ "PART", NONE, true, false, NULL },
	{ "RJCT", YT_PAY_FAILED, false, false, NULL },
	{ "CANC", YT_PAY_CANCELLED, false, false, NULL },
	{ "BLCK", YT_PAY_PROCESSING, false, true, "person" },
	/* What a check of the payee's name found; the money is not affected. */
	{ "RCVC", NONE, false, false, NULL },
	{ "RVCM", NONE, false, false, NULL },
	{ "RVMC", NONE, false, false, "name" },
	{ "RVNM", NONE, false, false, "name" },
	{ "RVNC", NONE, false, false, NULL },
	{ "RVNA", NONE, false, false, NULL },
};

static const struct {
	char code[5];
	uint8_t state; /* with RJCT */
	bool is_alarm;
	const char *advice;
} reasons[] = {
	{ "AC01", YT_PAY_FAILED, false, "account" },
	{ "AC03", YT_PAY_FAILED, false, "account" },
	{ "AC02", YT_PAY_FAILED, true, "payer" },
	{ "AC05", YT_PAY_FAILED, true, "payer" },
	{ "AC13", YT_PAY_FAILED, true, "payer" },
	{ "AC04", YT_PAY_FAILED, false, "account" },
	{ "AC07", YT_PAY_FAILED, false, "account" },
	{ "AC06", YT_PAY_FAILED, false, "person" },
	{ "AC14", YT_PAY_FAILED, false, "account" },
	{ "AC16", YT_PAY_FAILED, false, "account" },
	{ "AG01", YT_PAY_FAILED, false, NULL },
	{ "AG03", YT_PAY_FAILED, false, NULL },
	{ "AM01", YT_PAY_FAILED, false, "program" },
	{ "AM12", YT_PAY_FAILED, false, "program" },
	{ "AM02", YT_PAY_FAILED, false, "limit" },
	{ "AM13", YT_PAY_FAILED, false, "limit" },
	{ "AM14", YT_PAY_FAILED, false, "limit" },
	{ "AM21", YT_PAY_FAILED, false, "limit" },
	{ "AM23", YT_PAY_FAILED, false, "limit" },
	{ "AM03", YT_PAY_FAILED, false, "program" },
	{ "AM11", YT_PAY_FAILED, false, "program" },
	{ "CURR", YT_PAY_FAILED, false, "program" },
	{ "AM04", YT_PAY_FAILED, true, "funds" },
	{ "AM05", YT_PAY_UNKNOWN, false, "query" },
	{ "DUPL", YT_PAY_UNKNOWN, false, "query" },
	{ "AM09", YT_PAY_FAILED, false, "program" },
	{ "AM10", YT_PAY_FAILED, false, "program" },
	{ "AM16", YT_PAY_FAILED, false, "program" },
	{ "AM17", YT_PAY_FAILED, false, "program" },
	{ "AM18", YT_PAY_FAILED, false, "program" },
	{ "AM19", YT_PAY_FAILED, false, "program" },
	{ "AM20", YT_PAY_FAILED, false, "program" },
	{ "BE01", YT_PAY_FAILED, false, "name" },
	{ "BE06", YT_PAY_FAILED, false, "name" },
	{ "BE04", YT_PAY_FAILED, false, NULL },
	{ "BE07", YT_PAY_FAILED, false, NULL },
	{ "BE16", YT_PAY_FAILED, false, NULL },
	{ "BE17", YT_PAY_FAILED, false, NULL },
	{ "BE20", YT_PAY_FAILED, false, NULL },
	{ "BE21", YT_PAY_FAILED, false, NULL },
	{ "BE22", YT_PAY_FAILED, false, NULL },
	{ "CH03", YT_PAY_FAILED, false, "program" },
	{ "CH20", YT_PAY_FAILED, false, "program" },
	{ "CH21", YT_PAY_FAILED, false, "program" },
	{ "CNOR", YT_PAY_FAILED, false, NULL },
	{ "DNOR", YT_PAY_FAILED, false, NULL },
	{ "CUST", YT_PAY_CANCELLED, false, NULL },
	{ "DS02", YT_PAY_CANCELLED, false, NULL },
	{ "DS0A", YT_PAY_FAILED, true, "program" },
	{ "DS0B", YT_PAY_FAILED, true, "program" },
	{ "DS0H", YT_PAY_FAILED, true, "program" },
	{ "DT01", YT_PAY_FAILED, false, NULL },
	{ "DT02", YT_PAY_FAILED, false, NULL },
	{ "DT04", YT_PAY_FAILED, false, NULL },
	{ "DT06", NONE, false, "compare" },
	{ "DU01", YT_PAY_UNKNOWN, false, "query" },
	{ "DU02", YT_PAY_UNKNOWN, false, "query" },
	{ "DU03", YT_PAY_UNKNOWN, false, "query" },
	{ "DU04", YT_PAY_UNKNOWN, false, "query" },
	{ "DU05", YT_PAY_UNKNOWN, false, "query" },
	{ "ED05", YT_PAY_FAILED, false, NULL },
	{ "FF01", YT_PAY_FAILED, false, "program" },
	{ "FF02", YT_PAY_FAILED, false, "program" },
	{ "FF03", YT_PAY_FAILED, false, "program" },
	{ "FF04", YT_PAY_FAILED, false, "program" },
	{ "FF05", YT_PAY_FAILED, false, "program" },
	{ "FF06", YT_PAY_FAILED, false, "program" },
	{ "FF07", YT_PAY_FAILED, false, "program" },
	{ "MD07", YT_PAY_FAILED, false, "person" },
	{ "MS02", YT_PAY_FAILED, false, NULL },
	{ "MS03", YT_PAY_FAILED, false, NULL },
	{ "NARR", YT_PAY_FAILED, false, "text" },
	{ "NOAS", YT_PAY_UNKNOWN, false, "query" },
	{ "AB05", YT_PAY_UNKNOWN, false, "query" },
	{ "AB06", YT_PAY_UNKNOWN, false, "query" },
	{ "AB08", YT_PAY_UNKNOWN, false, "query" },
	{ "RC01", YT_PAY_FAILED, false, "bank" },
	{ "RC02", YT_PAY_FAILED, false, "bank" },
	{ "RC04", YT_PAY_FAILED, false, "bank" },
	{ "RC08", YT_PAY_FAILED, false, "bank" },
	{ "RC10", YT_PAY_FAILED, false, "bank" },
	{ "RC11", YT_PAY_FAILED, false, "bank" },
	{ "RF01", YT_PAY_FAILED, false, "program" },
	{ "RR04", YT_PAY_FAILED, true, NULL },
	{ "FRAD", YT_PAY_FAILED, true, NULL },
	{ "FR01", YT_PAY_FAILED, true, NULL },
	{ "RR10", YT_PAY_FAILED, false, "name" },
	{ "TD01", NONE, false, "fetch" },
	{ "TD02", NONE, false, "fetch" },
	{ "TD03", NONE, false, "fetch" },
	{ "TM01", YT_PAY_FAILED, false, "tomorrow" },
	{ "TS01", NONE, false, NULL },
	{ "TS04", NONE, false, NULL },
};

bool iso_list_has(struct yt_str list, struct yt_str word)
{
	while (list.n > 0 && word.n > 0) {
		const char *comma = memchr(list.p, ',', list.n);
		size_t n = comma != NULL ? (size_t)(comma - list.p) : list.n;

		if (yt_str_eq((struct yt_str){ list.p, n }, word))
			return true;
		n += comma != NULL;
		list.p += n;
		list.n -= n;
	}
	return false;
}

bool iso_reason_is_known(struct yt_str code)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (yt_str_is(code, reasons[i].code))
			return true;
	return false;
}

/* A refusal: what its reason leaves of it. */
static void judge_refusal(const struct iso *iso, struct yt_str reason, struct iso_verdict *v)
{
	uint8_t state = YT_PAY_FAILED;

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (yt_str_is(reason, reasons[i].code)) {
			state = reasons[i].state;
			v->is_alarm = reasons[i].is_alarm;
			v->advice = reasons[i].advice;
		}
	/* Each duplicate and each missing answer on the way (timed out, off line, broken off), also one that is new. */
	if (yt_str_starts(reason, "DU") || yt_str_starts(reason, "AB"))
		state = YT_PAY_UNKNOWN;
	if (iso_list_has(iso->unknown, reason))
		state = YT_PAY_UNKNOWN;
	if (iso_list_has(iso->absent, reason)) {
		state = YT_PAY_UNKNOWN; /* not found is not failed: said twice it is, and that is the caller's to count
		                         */
		v->is_absent = true;
	}
	if (state == YT_PAY_UNKNOWN)
		v->advice = "query";
	/* A refusal with a note for a reason is none that could be relied on. */
	v->state = state == NONE ? YT_PAY_UNKNOWN : (enum yt_pay_state)state;
	v->has_state = true;
}

struct iso_verdict iso_judge_status(const struct iso *iso, struct yt_str status, struct yt_str reason)
{
	struct iso_verdict v = { .advice = NULL };

	if (status.n == 0)
		return v;
	if (yt_str_is(status, "RJCT")) {
		judge_refusal(iso, reason, &v);
		return v;
	}
	v.is_alarm = true;
	v.advice = "status";
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (yt_str_is(status, statuses[i].code)) {
			v.is_alarm = statuses[i].is_alarm;
			v.advice = statuses[i].advice;
			v.is_partial = statuses[i].is_partial;
			v.has_state = statuses[i].state != NONE;
			v.state = v.has_state ? (enum yt_pay_state)statuses[i].state : YT_PAY_UNKNOWN;
		}
	return v;
}
