/* sandbox/hospital.c - a visit from registration to settlement and back (hospital.h). */
#include "hospital.h"
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_MS 300 /* between two tries of one question */
#define DAY_MS (24 * 3600 * 1000LL)
#define STAY_DAYS 3

struct care *care_new(struct hospital_run *run, struct origin *origin, const struct patient *patient,
        const struct bill *bill, bool is_inpatient, const char *case_name)
{
	struct care *care = must(calloc(1, sizeof(*care)));

	care->origin = origin;
	care->patient = patient;
	care->bill = bill;
	care->is_inpatient = is_inpatient;
	care->case_name = case_name;
	care->total_fen = bill->total_fen;
	care->is_guest = patient_is_guest(patient);
	text_format(care->med_type, sizeof(care->med_type), is_inpatient ? "21" : "11");
	time_text(clock_wall_ms() - (is_inpatient ? STAY_DAYS * DAY_MS : 0), care->begntime);
	pthread_mutex_lock(&run->lock);
	if (run->n_cares == run->room) {
		run->room = run->room == 0 ? 64 : run->room * 2;
		run->cares = must(realloc(run->cares, run->room * sizeof(*run->cares)));
	}
	text_format(care->own_number, sizeof(care->own_number), "%s%s%05zu", run->prefix, is_inpatient ? "ZY" : "MZ",
	        run->n_cares + 1);
	if (!is_inpatient)
		text_format(care->batch, sizeof(care->batch), "B%s%05zu", run->prefix, run->n_cares + 1);
	run->cares[run->n_cares++] = care;
	pthread_mutex_unlock(&run->lock);
	return care;
}

/* One exchange. */

void hospital_count(struct hospital_run *run, const char *infno, enum answer_kind kind, int64_t amount_fen)
{
	static const char *const names[] = { "done", "refused", "unknown", "not_sent" };
	json_t *row;

	pthread_mutex_lock(&run->lock);
	row = json_object_get(run->exchanges, infno);
	if (row == NULL) {
		row = must(json_pack("{s:i, s:i, s:i, s:i, s:i}", "done", 0, "refused", 0, "unknown", 0, "not_sent", 0,
		        "amount_fen", 0));
		json_object_set_new(run->exchanges, infno, row);
	}
	json_object_set_new(row, names[kind], json_integer(json_number(row, names[kind], 0) + 1));
	if (kind == ANSWER_DONE)
		json_object_set_new(row, "amount_fen", json_integer(json_number(row, "amount_fen", 0) + amount_fen));
	pthread_mutex_unlock(&run->lock);
}

void desk_send(struct desk *desk, const struct call *call, int64_t amount_fen, struct answer *out)
{
	struct call timed = *call;

	if (timed.timeout_ms == 0)
		timed.timeout_ms = desk->run->timeout_ms;
	client_call(desk->client, &timed, out);
	hospital_count(desk->run, call->infno, out->kind, amount_fen);
}

static int fail(struct desk *desk, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int fail(struct desk *desk, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(desk->why, sizeof(desk->why), format, args);
	va_end(args);
	return -1;
}

/* One 9001; 0 once the origin has its new number. */
static int sign_in(struct desk *desk, struct origin *origin, const json_t *input)
{
	char msgid[31];
	struct call call = { .origin = origin, .infno = "9001", .msgid = msgid, .insuplc = "", .input = input };
	struct answer answer;
	int rv = -1;

	origin_msgid(origin, msgid);
	desk_send(desk, &call, 0, &answer);
	if (answer.kind == ANSWER_DONE) {
		pthread_mutex_lock(&origin->lock);
		text_format(origin->sign_no, sizeof(origin->sign_no), "%s",
		        json_text(json_object_get(answer.output, "signinoutb"), "sign_no"));
		pthread_mutex_unlock(&origin->lock);
		rv = 0;
	} else {
		fail(desk, "9001 %s: %s", origin->name, answer.why);
	}
	answer_clear(&answer);
	return rv;
}

int desk_sign_in(struct desk *desk, struct origin *origin, const char *expired)
{
	json_t *input = must(json_pack("{s:{s:s, s:s, s:s}}", "signIn", "opter_no", origin->opter, "mac",
	        "00-00-5E-00-53-01", "ip", "192.0.2.10"));
	int64_t end_ms = clock_steady_ms() + desk->run->budget_ms;
	int rv = 0;

	pthread_mutex_lock(&origin->sign_lock);
	if (strcmp(origin->sign_no, expired) == 0) { /* only written under sign_lock */
		while ((rv = sign_in(desk, origin, input)) != 0 && clock_steady_ms() < end_ms)
			sleep_ms(PAUSE_MS);
		if (rv == 0)
			desk->why[0] = '\0';
	}
	pthread_mutex_unlock(&origin->sign_lock);
	json_decref(input);
	return rv;
}

static bool says(const struct answer *answer, const char *words)
{
	return strstr(answer->why, words) != NULL;
}

static bool is_query(const char *infno)
{
	return infno[0] == '1' || infno[0] == '5' || strcmp(infno, "2206") == 0 || strcmp(infno, "2303") == 0;
}

/* Asks until it is told: queries under a new number each time, changes under the same one.  A line
 * that is there already was taken by an earlier try. */
static int ask(struct desk *desk, struct care *care, const char *infno, json_t *input, struct answer *out)
{
	int64_t end_ms = clock_steady_ms() + desk->run->budget_ms;
	char msgid[31];
	struct call call = { .origin = care->origin,
		.infno = infno,
		.msgid = msgid,
		.input = input,
		.insuplc = strcmp(infno, "1101") == 0 && !care->is_guest ? "" : care->patient->insuplc };

	origin_msgid(care->origin, msgid);
	for (;;) {
		desk_send(desk, &call, 0, out);
		if (out->kind == ANSWER_DONE || (out->kind == ANSWER_REFUSED && says(out, "流水号重复")))
			break;
		if (out->kind == ANSWER_REFUSED && !says(out, "签到编号") && !says(out, "正在核实"))
			break;
		if (clock_steady_ms() >= end_ms)
			break;
		if (out->kind == ANSWER_REFUSED && says(out, "签到编号") && care->origin->signs_in)
			desk_sign_in(desk, care->origin, out->sign_no);
		if (out->kind == ANSWER_REFUSED || is_query(infno))
			origin_msgid(care->origin, msgid);
		answer_clear(out);
		sleep_ms(PAUSE_MS);
	}
	json_decref(input);
	if (out->kind == ANSWER_DONE || says(out, "流水号重复"))
		return 0;
	fail(desk, "%s: %s", infno, out->why);
	answer_clear(out);
	return -1;
}

static int ask_only(struct desk *desk, struct care *care, const char *infno, json_t *input)
{
	struct answer answer;

	if (ask(desk, care, infno, input, &answer) != 0)
		return -1;
	answer_clear(&answer);
	return 0;
}

/* Registration and charges. */

int care_check_person(struct desk *desk, struct care *care)
{
	const struct patient *patient = care->patient;
	struct answer answer;

	if (ask(desk, care, "1101",
	            json_pack("{s:{s:s, s:s, s:s, s:s, s:s, s:s, s:s}}", "data", "mdtrt_cert_type", "02",
	                    "mdtrt_cert_no", patient->certno, "card_sn", "", "begntime", "", "psn_cert_type", "01",
	                    "certno", patient->certno, "psn_name", patient->name),
	            &answer) != 0)
		return -1;
	text_format(care->psn_no, sizeof(care->psn_no), "%s",
	        json_text(json_object_get(answer.output, "baseinfo"), "psn_no"));
	answer_clear(&answer);
	return care->psn_no[0] == '\0' ? fail(desk, "1101: an answer without psn_no") : 0;
}

int care_register(struct desk *desk, struct care *care)
{
	struct answer answer;

	if (care_check_person(desk, care) != 0)
		return -1;
	if (ask(desk, care, care->is_inpatient ? "2401" : "2201",
	            care->is_inpatient ? care_admit_input(care) : care_register_input(care), &answer) != 0)
		return -1;
	text_format(care->visit, sizeof(care->visit), "%s",
	        json_text(json_object_get(answer.output, care->is_inpatient ? "result" : "data"), "mdtrt_id"));
	answer_clear(&answer);
	return care->visit[0] == '\0'
	               ? fail(desk, "%s: an answer without mdtrt_id", care->is_inpatient ? "2401" : "2201")
	               : 0;
}

/* What the platform says of each line adds up to what the pre-settlement has to state. */
static void add_split(struct care *care, const json_t *rows)
{
	const struct {
		const char *name;
		int64_t *sum;
	} parts[] = { { "fulamt_ownpay_amt", &care->full_fen }, { "overlmt_amt", &care->over_fen },
		{ "preselfpay_amt", &care->first_fen }, { "inscp_scp_amt", &care->scope_fen } };
	const json_t *row;
	int64_t fen;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		for (size_t j = 0; j < sizeof(parts) / sizeof(*parts); j++)
			if (fen_read(json_object_get(row, parts[j].name), &fen) == 0)
				*parts[j].sum += fen;
	}
}

/* The lines of one day of a stay; an out-patient has one day. */
static int upload_day(struct desk *desk, struct care *care, size_t day, size_t n_days)
{
	json_t *rows = must(json_array());
	struct answer answer;
	char time[20];

	time_text(clock_wall_ms() - (int64_t)(n_days - day) * DAY_MS + (n_days == 1 ? DAY_MS : 0), time);
	for (size_t i = day; i < care->bill->n_lines; i += n_days)
		json_array_append_new(rows, care_line_input(care, i, time));
	if (json_array_size(rows) == 0) {
		json_decref(rows);
		return 0;
	}
	if (ask(desk, care, care->is_inpatient ? "2301" : "2204", json_pack("{s:o}", "feedetail", rows), &answer) != 0)
		return -1;
	add_split(care, json_object_get(answer.output, "result"));
	answer_clear(&answer);
	return 0;
}

/* What a commercial insurer pays, or would pay, stands beside the platform's sums, and what is then left to pay fits
 * both. */
static int read_insurer(const json_t *output, const char *member, int64_t *payable_fen)
{
	const json_t *shown = json_object_get(output, member);
	int64_t cash = 0, collect = 0;
	bool is_less = strcmp(json_text(shown, "pay_to"), "INSTITUTION") == 0;

	*payable_fen = -1;
	if (shown == NULL)
		return 0;
	fen_read(json_object_get(json_object_get(output, "setlinfo"), "psn_cash_pay"), &cash);
	fen_read(json_object_get(shown, "payable_amt"), payable_fen);
	fen_read(json_object_get(shown, "collect_amt"), &collect);
	return *payable_fen >= 0 && collect == cash - (is_less ? *payable_fen : 0) ? 0 : -1;
}

static int presettle(struct desk *desk, struct care *care)
{
	const json_t *info;
	int rv;
	struct answer answer;

	if (ask(desk, care, care->is_inpatient ? "2303" : "2206", care_settle_input(care), &answer) != 0)
		return -1;
	info = json_object_get(answer.output, "setlinfo");
	fen_read(json_object_get(info, "fulamt_ownpay_amt"), &care->full_fen);
	fen_read(json_object_get(info, "overlmt_selfpay"), &care->over_fen);
	fen_read(json_object_get(info, "preselfpay_amt"), &care->first_fen);
	fen_read(json_object_get(info, "inscp_scp_amt"), &care->scope_fen);
	rv = read_insurer(answer.output, "commercial_quote", &care->quote_fen);
	answer_clear(&answer);
	return rv;
}

int care_charge(struct desk *desk, struct care *care)
{
	size_t n_days = care->is_inpatient ? STAY_DAYS : 1;

	care->full_fen = care->over_fen = care->first_fen = care->scope_fen = 0;
	if (!care->is_inpatient && ask_only(desk, care, "2203A", care_describe_input(care)) != 0)
		return -1;
	for (size_t day = 0; day < n_days; day++)
		if (upload_day(desk, care, day, n_days) != 0)
			return -1;
	if (care->is_inpatient && ask_only(desk, care, "2402", care_discharge_input(care)) != 0)
		return -1;
	return presettle(desk, care);
}

int care_open(struct desk *desk, struct care *care)
{
	return care_register(desk, care) == 0 ? care_charge(desk, care) : -1;
}

/* Settlement. */

struct sums {
	int64_t total, full, over, first, scope, fund, person, account, cash, hospital;
	int64_t funds[8];
};

static int sums_read(const json_t *info, struct sums *sums)
{
	const struct {
		const char *name;
		int64_t *fen;
	} fields[] = {
		{ "medfee_sumamt", &sums->total },
		{ "fulamt_ownpay_amt", &sums->full },
		{ "overlmt_selfpay", &sums->over },
		{ "preselfpay_amt", &sums->first },
		{ "inscp_scp_amt", &sums->scope },
		{ "fund_pay_sumamt", &sums->fund },
		{ "psn_part_amt", &sums->person },
		{ "acct_pay", &sums->account },
		{ "psn_cash_pay", &sums->cash },
		{ "hosp_part_amt", &sums->hospital },
		{ "hifp_pay", &sums->funds[0] },
		{ "cvlserv_pay", &sums->funds[1] },
		{ "hifes_pay", &sums->funds[2] },
		{ "hifmi_pay", &sums->funds[3] },
		{ "hifob_pay", &sums->funds[4] },
		{ "hifdm_pay", &sums->funds[5] },
		{ "maf_pay", &sums->funds[6] },
		{ "oth_pay", &sums->funds[7] },
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (fen_read(json_object_get(info, fields[i].name), fields[i].fen) != 0)
			return -1;
	return 0;
}

/* R1 to R4 of nhsa.md 3.1. */
static const char *sums_broken(const struct sums *s)
{
	int64_t funds = 0;

	for (size_t i = 0; i < 8; i++)
		funds += s->funds[i];
	if (s->total != s->full + s->over + s->first + s->scope)
		return "R1";
	if (s->total != s->fund + s->person + s->hospital)
		return "R2";
	if (s->person != s->account + s->cash)
		return "R3";
	return s->fund != funds ? "R4" : NULL;
}

int care_book(struct desk *desk, struct care *care, const char *msgid, const struct answer *answer)
{
	const json_t *info = json_object_get(answer->output, "setlinfo");
	struct sums sums = { 0 };
	const char *broken;

	care->belief = BELIEF_SETTLED;
	text_format(care->msgid, sizeof(care->msgid), "%s", msgid);
	text_format(care->setl_id, sizeof(care->setl_id), "%s", json_text(info, "setl_id"));
	if (sums_read(info, &sums) != 0)
		return fail(desk, "settled, but an amount of the answer is unreadable");
	care->total_fen = sums.total;
	care->fund_fen = sums.fund;
	care->account_fen = sums.account;
	care->cash_fen = sums.cash;
	care->hifp_fen = sums.funds[0];
	care->hifmi_fen = sums.funds[3];
	care->maf_fen = sums.funds[6];
	if (care->is_pharmacy) /* registered by its settlement */
		text_format(care->visit, sizeof(care->visit), "%s", json_text(info, "mdtrt_id"));
	if (read_insurer(answer->output, "commercial_claim", &care->claim_fen) != 0)
		return fail(desk, "settled, but what an insurer pays and what is left to collect do not fit");
	broken = sums_broken(&sums);
	return broken == NULL || care->may_break_sums ? 0 : fail(desk, "settled, but the answer breaks %s", broken);
}

void care_settle_call(struct care *care, const char *msgid, const json_t *input, struct call *call)
{
	memset(call, 0, sizeof(*call));
	call->origin = care->origin;
	call->infno = care_settle_infno(care);
	call->msgid = msgid;
	call->input = input;
	call->insuplc = care->patient->insuplc;
}

/* The hospital's own reversal, until it is told that the original does not count. */
static bool own_2601(struct desk *desk, struct care *care, const char *omsgid, const char *oinfno, int64_t end_ms)
{
	json_t *input = must(
	        json_pack("{s:{s:s, s:s, s:s}}", "data", "psn_no", care->psn_no, "omsgid", omsgid, "oinfno", oinfno));
	struct call call = {
		.origin = care->origin, .infno = "2601", .input = input, .insuplc = care->patient->insuplc
	};
	bool is_reversed = false;
	struct answer answer;
	char msgid[31];

	origin_msgid(care->origin, msgid);
	call.msgid = msgid;
	while (!is_reversed && clock_steady_ms() < end_ms) {
		desk_send(desk, &call, 0, &answer);
		is_reversed = answer.kind == ANSWER_DONE || says(&answer, "原交易不存在或已冲正");
		if (answer.kind == ANSWER_REFUSED)
			origin_msgid(care->origin, msgid); /* that number has its answer */
		answer_clear(&answer);
		if (!is_reversed)
			sleep_ms(PAUSE_MS);
	}
	json_decref(input);
	care->n_own_2601++;
	care->n_reversed += is_reversed;
	return is_reversed;
}

void care_remember(struct care *care, const char *msgid)
{
	for (size_t i = 0; i < care->n_unknown; i++)
		if (strcmp(care->unknown[i], msgid) == 0)
			return;
	if (care->n_unknown < CARE_UNKNOWN_MAX)
		text_format(care->unknown[care->n_unknown++], 31, "%s", msgid);
}

static void forget(struct care *care, const char *msgid)
{
	for (size_t i = 0; i < care->n_unknown; i++) {
		if (strcmp(care->unknown[i], msgid) != 0)
			continue;
		memmove(care->unknown[i], care->unknown[i + 1], (--care->n_unknown - i) * sizeof(*care->unknown));
		return;
	}
}

/* What to do after one answer: nothing more, the same number, or a new one. */
enum step { STEP_END, STEP_SAME, STEP_NEW };

static enum step after_refusal(struct desk *desk, struct care *care, const struct answer *answer, char *msgid)
{
	text_format(care->refusal, sizeof(care->refusal), "%.199s", answer->why);
	forget(care, msgid);
	if (says(answer, "已冲正") || says(answer, "可重新结算")) {
		care->n_reversed++;
		care->n_resettled++;
		return STEP_NEW;
	}
	if (says(answer, "可重新办理")) { /* it was never booked */
		care->n_resettled++;
		return STEP_NEW;
	}
	if (says(answer, "签到编号") && care->origin->signs_in)
		return desk_sign_in(desk, care->origin, answer->sign_no) == 0 ? STEP_NEW : STEP_END;
	if (says(answer, "正在核实"))
		return STEP_NEW;
	if (care->n_unknown == 0)
		return STEP_END;
	/* Above all 已结算: then an earlier number must have counted, and that one is asked again. */
	text_format(msgid, 31, "%s", care->unknown[0]);
	return STEP_SAME;
}

static enum step after_silence(
        struct desk *desk, struct care *care, enum unknown_policy policy, const char *msgid, int64_t end_ms)
{
	if (policy == POLICY_ASK_AGAIN)
		return STEP_SAME;
	if (policy == POLICY_OWN_2601) {
		if (!own_2601(desk, care, msgid, care_settle_infno(care), end_ms))
			return STEP_SAME;
		forget(care, msgid);
		care->belief = BELIEF_OPEN;
		care->n_resettled++;
	}
	return STEP_NEW;
}

/* One answer to the settlement msgid, which becomes the number to ask next. */
static enum step after_answer(struct desk *desk, struct care *care, enum unknown_policy policy,
        const struct answer *answer, char *msgid, int64_t end_ms)
{
	enum step step;

	switch (answer->kind) {
	case ANSWER_DONE:
		forget(care, msgid);
		care_book(desk, care, msgid, answer);
		return STEP_END;
	case ANSWER_REFUSED:
		step = after_refusal(desk, care, answer, msgid);
		care->belief = care->n_unknown == 0 ? BELIEF_OPEN : BELIEF_UNKNOWN;
		return step;
	case ANSWER_NOT_SENT:
		return STEP_SAME;
	default:
		care_remember(care, msgid);
		care->belief = BELIEF_UNKNOWN;
		return after_silence(desk, care, policy, msgid, end_ms);
	}
}

void care_settle(
        struct desk *desk, struct care *care, enum unknown_policy policy, const char *given, struct answer *first)
{
	int64_t end_ms = clock_steady_ms() + desk->run->budget_ms;
	json_t *input = care_settle_input(care);
	char msgid[31];
	enum step step;
	struct answer answer;
	struct call call;

	if (given == NULL)
		origin_msgid(care->origin, msgid);
	else
		text_format(msgid, sizeof(msgid), "%s", given);
	care_settle_call(care, msgid, input, &call);
	for (;;) {
		if (first == NULL)
			desk_send(desk, &call, care->bill->total_fen, &answer);
		else
			answer = *first;
		first = NULL;
		step = after_answer(desk, care, policy, &answer, msgid, end_ms);
		answer_clear(&answer);
		if (step == STEP_END || clock_steady_ms() >= end_ms)
			break;
		if (step == STEP_NEW)
			origin_msgid(care->origin, msgid);
		sleep_ms(PAUSE_MS);
	}
	json_decref(input);
}

/* Cancel. */

static enum step after_cancel(struct desk *desk, struct care *care, const struct answer *answer)
{
	if (answer->kind == ANSWER_DONE) {
		care->belief = BELIEF_CANCELLED;
		text_format(care->refund_setl_id, sizeof(care->refund_setl_id), "%s",
		        json_text(json_object_get(answer->output, "setlinfo"), "setl_id"));
		return STEP_END;
	}
	if (answer->kind != ANSWER_REFUSED)
		return STEP_SAME;
	text_format(care->refusal, sizeof(care->refusal), "%.199s", answer->why);
	if (says(answer, "不能重复撤销")) { /* an earlier try took effect */
		care->belief = BELIEF_CANCELLED;
		return STEP_END;
	}
	if (says(answer, "签到编号") && care->origin->signs_in)
		return desk_sign_in(desk, care->origin, answer->sign_no) == 0 ? STEP_NEW : STEP_END;
	if (says(answer, "已冲正") || says(answer, "未成功")) {
		care->n_reversed++; /* the cancel is undone: the settlement stands, and is cancelled anew */
		return STEP_NEW;
	}
	return says(answer, "正在核实") ? STEP_NEW : STEP_END;
}

void care_cancel(struct desk *desk, struct care *care)
{
	int64_t end_ms = clock_steady_ms() + desk->run->budget_ms;
	json_t *input = care_cancel_input(care);
	enum step step = STEP_SAME;
	struct answer answer;
	char msgid[31];
	struct call call = { .origin = care->origin,
		.infno = care_cancel_infno(care),
		.msgid = msgid,
		.input = input,
		.insuplc = care->patient->insuplc };

	origin_msgid(care->origin, msgid);
	while (step != STEP_END && clock_steady_ms() < end_ms) {
		desk_send(desk, &call, care->total_fen, &answer);
		step = after_cancel(desk, care, &answer);
		if (answer.kind == ANSWER_UNKNOWN)
			care->belief = BELIEF_UNKNOWN;
		else if (answer.kind == ANSWER_REFUSED && care->belief == BELIEF_UNKNOWN)
			care->belief = BELIEF_SETTLED;
		answer_clear(&answer);
		if (step == STEP_NEW)
			origin_msgid(care->origin, msgid);
		if (step != STEP_END)
			sleep_ms(PAUSE_MS);
	}
	json_decref(input);
}

int care_undo_lines(struct desk *desk, struct care *care)
{
	if (!care->is_inpatient)
		return ask_only(desk, care, "2205",
		        json_pack("{s:{s:s, s:s, s:s}}", "data", "mdtrt_id", care->visit, "chrg_bchno", "0000",
		                "psn_no", care->psn_no));
	if (ask_only(desk, care, "2405",
	            json_pack("{s:{s:s, s:s}}", "data", "mdtrt_id", care->visit, "psn_no", care->psn_no)) != 0)
		return -1;
	return ask_only(desk, care, "2302",
	        json_pack("{s:[{s:s, s:s, s:s}]}", "data", "feedetl_sn", "0000", "mdtrt_id", care->visit, "psn_no",
	                care->psn_no));
}

int care_undo_visit(struct desk *desk, struct care *care)
{
	if (care->is_inpatient)
		return ask_only(desk, care, "2404",
		        json_pack("{s:{s:s, s:s}}", "data", "mdtrt_id", care->visit, "psn_no", care->psn_no));
	return ask_only(desk, care, "2202",
	        json_pack("{s:{s:s, s:s, s:s}}", "data", "psn_no", care->psn_no, "mdtrt_id", care->visit, "ipt_otp_no",
	                care->own_number));
}

/* The ledger. */

static json_t *care_json(const struct care *care)
{
	static const char *const beliefs[] = { "open", "settled", "cancelled", "unknown" };

	return must(json_pack(
	        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:i, s:i, s:i, s:b, s:b, s:b, s:s*}",
	        "own_visit", care->own_number, "visit", care->visit, "batch", care->batch, "institution",
	        care->origin->institution, "case", care->case_name, "state", beliefs[care->belief], "msgid",
	        care->msgid, "setl_id", care->setl_id, "refund_setl_id", care->refund_setl_id, "medfee_fen",
	        (json_int_t)care->total_fen, "fund_fen", (json_int_t)care->fund_fen, "acct_fen",
	        (json_int_t)care->account_fen, "cash_fen", (json_int_t)care->cash_fen, "reversed",
	        (int)care->n_reversed, "resettled", (int)care->n_resettled, "own_2601", (int)care->n_own_2601,
	        "must_be_gone", care->must_be_gone, "is_claimed", care->is_claimed, "is_asked_back",
	        care->is_asked_back, "paid_over", care->paid_over));
}

json_t *hospital_ledger(struct hospital_run *run)
{
	json_t *rows = must(json_array());

	pthread_mutex_lock(&run->lock);
	for (size_t i = 0; i < run->n_cares; i++)
		json_array_append_new(rows, care_json(run->cares[i]));
	pthread_mutex_unlock(&run->lock);
	return must(json_pack("{s:s, s:o}", "run", run->prefix, "settlements", rows));
}

void hospital_run_free(struct hospital_run *run)
{
	for (size_t i = 0; i < run->n_cares; i++)
		free(run->cares[i]);
	free(run->cares);
	json_decref(run->exchanges);
}
