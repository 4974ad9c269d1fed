/* sandbox/fault.c - the list of armed faults (fault.h). */
#include "fault.h"
#include "text.h"
#include "transactions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
	[FAULT_NONE] = "none",
	[FAULT_DELAY] = "delay",
	[FAULT_EFFECT_THEN_SILENCE] = "effect_then_silence",
	[FAULT_EFFECT_THEN_CUT] = "effect_then_cut",
	[FAULT_CUT] = "cut",
	[FAULT_HELD] = "held",
	[FAULT_HTTP_502_HTML] = "http_502_html",
	[FAULT_CUT_JSON] = "cut_json",
	[FAULT_CUT_BODY] = "cut_body",
	[FAULT_INFCODE_STRING] = "infcode_string",
	[FAULT_OUTPUT_NULL] = "output_null",
	[FAULT_EXTRA_MEMBERS] = "extra_members",
	[FAULT_AMOUNTS_AS_STRINGS] = "amounts_as_strings",
	[FAULT_GBK_BODY] = "gbk_body",
	[FAULT_WRONG_CONTENT_TYPE] = "wrong_content_type",
	[FAULT_SUMS_BREAK_R2] = "sums_break_r2",
	[FAULT_UNKNOWN_FUND] = "unknown_fund",
	[FAULT_GARBAGE] = "garbage",
	[FAULT_DUPLICATE_ANSWER] = "duplicate_answer",
	[FAULT_REFUSE] = "refuse",
	[FAULT_SIGN_EXPIRED] = "sign_expired",
	[FAULT_MAINTENANCE] = "maintenance",
	[FAULT_BUSY] = "busy",
	[FAULT_WRONG_SIGNATURE] = "wrong_signature",
	[FAULT_GOAWAY] = "goaway",
	[FAULT_RESET] = "reset",
	[FAULT_CHUNKED] = "chunked",
	[FAULT_PIECES] = "pieces",
	[FAULT_INTERIM] = "interim",
	[FAULT_TRAILERS] = "trailers",
	[FAULT_SMALL_WINDOW] = "small_window",
	[FAULT_BEYOND_GBK] = "beyond_gbk",
};

#define N_KINDS (sizeof(names) / sizeof(*names))

const char *fault_name(enum fault_kind kind)
{
	return names[kind];
}

static enum fault_kind kind_of(const char *name)
{
	for (size_t kind = 1; kind < N_KINDS; kind++)
		if (strcmp(names[kind], name) == 0)
			return (enum fault_kind)kind;
	return FAULT_NONE;
}

static const char *members_check(const json_t *spec)
{
	static const char *const known[] = { "kind", "infno", "msgid", "omsgid", "visit", "institution", "count",
		"skip", "ms", "from", "text", "no_dedup", "op", "setl_id", "pay_ref", "at", "percent" };
	const char *key;
	json_t *value;
	size_t i;

	json_object_foreach((json_t *)(uintptr_t)spec, key, value)
	{
		for (i = 0; i < sizeof(known) / sizeof(*known) && strcmp(known[i], key) != 0; i++)
			;
		if (i == sizeof(known) / sizeof(*known))
			return "unknown member: known are kind infno msgid omsgid visit institution count skip ms from "
			       "text no_dedup percent, at the insurer op setl_id, at the bank op pay_ref at";
		if ((i >= 6 && i <= 8) || i >= 15 ? !json_is_integer(value)
		        : i == 11                 ? !json_is_boolean(value)
		                                  : !json_is_string(value))
			return "count, skip, ms, at and percent are whole numbers, no_dedup is true or false, all other members are "
			       "texts";
	}
	return NULL;
}

const char *fault_arm(struct faults *faults, const json_t *spec, int64_t now_ms)
{
	struct fault *fault, **end = &faults->first;
	const char *wrong = json_is_object(spec) ? members_check(spec) : "a JSON object is needed";

	if (wrong != NULL)
		return wrong;
	if (kind_of(json_text(spec, "kind")) == FAULT_NONE)
		return "unknown kind: see yitong-sandbox --help";
	if (json_number(spec, "percent", 100) < 1 || json_number(spec, "percent", 100) > 100)
		return "percent is 1 to 100";
	fault = must(calloc(1, sizeof(*fault)));
	fault->kind = kind_of(json_text(spec, "kind"));
	text_format(fault->infno, sizeof(fault->infno), "%s",
	        json_text(spec, *json_text(spec, "op") != '\0' ? "op" : "infno"));
	text_format(fault->msgid, sizeof(fault->msgid), "%s", json_text(spec, "msgid"));
	text_format(fault->omsgid, sizeof(fault->omsgid), "%s", json_text(spec, "omsgid"));
	text_format(fault->visit, sizeof(fault->visit), "%s%s%s", json_text(spec, "visit"), json_text(spec, "setl_id"),
	        json_text(spec, "pay_ref"));
	text_format(fault->institution, sizeof(fault->institution), "%s", json_text(spec, "institution"));
	text_format(fault->text, sizeof(fault->text), "%s", json_text(spec, "text"));
	fault->percent = json_number(spec, "percent", 100);
	fault->count = json_number(spec, "count", fault->percent < 100 ? INT64_MAX : 1);
	fault->skip = json_number(spec, "skip", 0);
	fault->ms = json_number(spec, "ms", 0);
	fault->at = json_number(spec, "at", 0);
	fault->from_arrival = strcmp(json_text(spec, "from"), "arrival") == 0;
	fault->no_dedup = json_is_true(json_object_get(spec, "no_dedup"));
	if (fault->kind == FAULT_MAINTENANCE)
		fault->until_ms = now_ms + fault->ms;
	while (*end != NULL)
		end = &(*end)->next;
	*end = fault;
	return NULL;
}

static bool is_same(const char *wanted, const char *is)
{
	return *wanted == '\0' || strcmp(wanted, is) == 0;
}

static bool matches(const struct fault *fault, const json_t *request)
{
	const json_t *data = json_object_get(json_object_get(request, "input"), "data");

	return is_same(fault->infno, json_text(request, "infno")) &&
	       is_same(fault->msgid, json_text(request, "msgid")) &&
	       is_same(fault->institution, json_text(request, "fixmedins_code")) &&
	       is_same(fault->omsgid, json_text(data, "omsgid")) &&
	       (fault->visit[0] == '\0' || strcmp(fault->visit, transaction_visit(request)) == 0);
}

static bool is_over(const struct fault *fault, int64_t now_ms)
{
	return fault->kind == FAULT_MAINTENANCE ? now_ms >= fault->until_ms : fault->count <= 0;
}

void fault_take(struct faults *faults, const json_t *request, int64_t now_ms, struct fault *taken)
{
	memset(taken, 0, sizeof(*taken));
	for (struct fault *fault = faults->first; fault != NULL; fault = fault->next) {
		if (is_over(fault, now_ms) || !matches(fault, request))
			continue;
		if (fault->skip > 0) {
			fault->skip--;
			continue;
		}
		if (fault->percent < 100 && (int64_t)random_below(&faults->random, 100) >= fault->percent)
			continue;
		fault->count--;
		fault->n_taken++;
		faults->n_taken++;
		*taken = *fault;
		return;
	}
}

json_t *fault_list(const struct faults *faults, int64_t now_ms)
{
	json_t *list = must(json_array());

	for (const struct fault *fault = faults->first; fault != NULL; fault = fault->next)
		if (!is_over(fault, now_ms))
			json_array_append_new(
			        list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "kind", names[fault->kind],
			                      "infno", fault->infno, "msgid", fault->msgid, "visit", fault->visit,
			                      "institution", fault->institution, "ms", (json_int_t)fault->ms, "left",
			                      (json_int_t)(fault->count > 0 ? fault->count : 0), "taken",
			                      (json_int_t)fault->n_taken));
	return list;
}

void fault_clear(struct faults *faults)
{
	struct fault *next;

	for (struct fault *fault = faults->first; fault != NULL; fault = next) {
		next = fault->next;
		free(fault);
	}
	faults->first = NULL;
}
