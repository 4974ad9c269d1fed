/* sandbox/transactions.c - the national transactions (transactions.h).
 *
 * One handler per transaction number: it reads the business part, calls the book, and returns the
 * refusal's text or NULL with the output.  The table at the end says which fields must be there. */
#include "transactions.h"
#include "text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct call {
	const struct transaction_context *context;
	struct book *book;
	const json_t *envelope, *input, *data; /* data: the business node the table names */
	const char *infno, *msgid, *institution;
	char now[20];
	char text[200]; /* room for a refusal that names a field */
	json_t *output; /* handler's result, NULL for none */
};

static const char no_visit[] = "就诊信息不存在或已撤销";

static const char *field(const struct call *call, const char *name)
{
	return json_text(call->data, name);
}

static struct visit *visit_of(const struct call *call, const json_t *node)
{
	return book_visit(call->book, json_text(node, "mdtrt_id"), json_text(node, "psn_no"), call->institution);
}

static const char *amount_of(struct call *call, const json_t *node, const char *name, int64_t *fen)
{
	if (fen_read(json_object_get(node, name), fen) == 0)
		return NULL;
	text_format(call->text, sizeof(call->text), "金额格式错误：%s", name);
	return call->text;
}

/* Sessions. */

static const char *sign_in(struct call *call)
{
	const char *number = book_sign_in(call->book, call->institution, field(call, "opter_no"));

	call->output = json_pack("{s:{s:s, s:s}}", "signinoutb", "sign_time", call->now, "sign_no", number);
	return NULL;
}

static const char *sign_out(struct call *call)
{
	if (!book_sign_is_valid(call->book, call->institution, field(call, "sign_no")))
		return "签到编号无效或已过期";
	book_sign_drop(call->book, call->institution, field(call, "sign_no"));
	call->output = json_pack("{s:{s:s}}", "signoutoutb", "sign_time", call->now);
	return NULL;
}

/* Persons. */

static double age_of(const struct person *person, const char *today)
{
	int year = 0, month = 0, day = 0, y = 0, m = 0, d = 0;

	sscanf(person->brdy, "%d-%d-%d", &year, &month, &day);
	sscanf(today, "%d-%d-%d", &y, &m, &d);
	return floor(((y - year) * 12 + (m - month) - (d < day)) / 1.2) / 10;
}

static const char *person_check(struct call *call)
{
	const char *certno = field(call, "certno");
	const struct person *person;

	if (*certno == '\0')
		certno = field(call, "mdtrt_cert_no");
	person = book_person_by_cert(call->book, certno);
	if (person == NULL || (*field(call, "psn_name") != '\0' && strcmp(field(call, "psn_name"), person->name) != 0))
		return "未查询到参保信息";
	call->output = json_pack("{s:{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o},"
	                         " s:[{s:o, s:s, s:s, s:s, s:s, s:n, s:s, s:s, s:s}], s:[]}",
	        "baseinfo", "psn_no", person->psn_no, "psn_cert_type", "01", "certno", person->certno, "psn_name",
	        person->name, "gend", person->gend, "naty", "01", "brdy", person->brdy, "age",
	        json_decimal(age_of(person, call->now), 1), "insuinfo", "balc", json_fen(person->balance_fen),
	        "insutype", person->insutype, "psn_type", person->psn_type, "psn_insu_stas", "1", "psn_insu_date",
	        "2004-07-01", "paus_insu_date", "cvlserv_flag", person->is_civil_servant ? "1" : "0", "insuplc_admdvs",
	        person->insuplc, "emp_name", person->emp_name, "idetinfo");
	return NULL;
}

/* Visits. */

/* Of another province: it registers and splits his lines, his own province settles. */
static bool is_insured_elsewhere(const struct call *call)
{
	const char *area = json_text(call->envelope, "insuplc_admdvs");

	return strlen(area) == 6 && strncmp(area, call->context->region, 2) != 0;
}

static const char *visit_open(struct call *call, struct visit *visit, const char *own_number, struct visit **out)
{
	visit->person = book_person_by_number(call->book, field(call, "psn_no"));
	if (visit->person == NULL && is_insured_elsewhere(call))
		visit->person = book_guest_add(call->book, field(call, "psn_no"), field(call, "insutype"),
		        json_text(call->envelope, "insuplc_admdvs"));
	if (visit->person == NULL)
		return "未查询到参保信息";
	if (strcmp(visit->person->insutype, field(call, "insutype")) != 0)
		return "险种与参保信息不符";
	text_format(visit->own_number, sizeof(visit->own_number), "%s", own_number);
	text_format(visit->institution, sizeof(visit->institution), "%s", call->institution);
	text_format(visit->insutype, sizeof(visit->insutype), "%s", field(call, "insutype"));
	text_format(visit->cert_type, sizeof(visit->cert_type), "%s", field(call, "mdtrt_cert_type"));
	text_format(visit->begntime, sizeof(visit->begntime), "%s", field(call, "begntime"));
	return book_visit_open(call->book, visit, call->msgid, call->infno, out);
}

static const char *outpatient_register(struct call *call)
{
	struct visit visit = { .is_inpatient = false }, *opened;
	const char *refusal = visit_open(call, &visit, field(call, "ipt_otp_no"), &opened);

	if (refusal != NULL)
		return refusal;
	call->output = json_pack("{s:{s:s, s:s, s:s}}", "data", "mdtrt_id", opened->id, "psn_no",
	        opened->person->psn_no, "ipt_otp_no", opened->own_number);
	return NULL;
}

static const char *inpatient_admit(struct call *call)
{
	struct visit visit = { .is_inpatient = true, .is_described = true }, *opened;
	const char *refusal;

	text_format(visit.med_type, sizeof(visit.med_type), "%s", field(call, "med_type"));
	text_format(visit.diagnosis, sizeof(visit.diagnosis), "%s", field(call, "dscg_maindiag_name"));
	refusal = visit_open(call, &visit, field(call, "ipt_no"), &opened);
	if (refusal != NULL)
		return refusal;
	call->output = json_pack("{s:{s:s}}", "result", "mdtrt_id", opened->id);
	return NULL;
}

/* 2202, 2404 */
static const char *visit_cancel(struct call *call)
{
	struct visit *visit = visit_of(call, call->data);

	if (visit == NULL)
		return no_visit;
	if (visit->is_inpatient != (strcmp(call->infno, "2404") == 0))
		return "就诊类别与撤销交易不符";
	if (visit->is_discharged)
		return "已办理出院，不能撤销入院";
	return book_visit_cancel(call->book, visit);
}

static const char *outpatient_describe(struct call *call)
{
	struct visit *visit = visit_of(call, call->data);
	const json_t *diagnoses = json_object_get(call->input, "diseinfo");

	if (visit == NULL || visit->is_inpatient)
		return no_visit;
	if (json_array_size(diagnoses) == 0)
		return "缺少必填项：diseinfo";
	text_format(visit->med_type, sizeof(visit->med_type), "%s", field(call, "med_type"));
	text_format(
	        visit->diagnosis, sizeof(visit->diagnosis), "%s", json_text(json_array_get(diagnoses, 0), "diag_name"));
	visit->is_described = true;
	return NULL;
}

static const char *inpatient_discharge(struct call *call)
{
	struct visit *visit = visit_of(call, call->data);

	if (visit == NULL || !visit->is_inpatient)
		return no_visit;
	if (visit->is_discharged)
		return "已办理出院，不能重复办理";
	visit->is_discharged = true;
	text_format(visit->endtime, sizeof(visit->endtime), "%s", field(call, "endtime"));
	return NULL;
}

static const char *inpatient_change(struct call *call)
{
	struct visit *visit = visit_of(call, call->data);

	if (visit == NULL || !visit->is_inpatient)
		return no_visit;
	text_format(visit->diagnosis, sizeof(visit->diagnosis), "%s", field(call, "dscg_maindiag_name"));
	return NULL;
}

static const char *inpatient_discharge_cancel(struct call *call)
{
	struct visit *visit = visit_of(call, call->data);

	if (visit == NULL || !visit->is_inpatient)
		return no_visit;
	if (!visit->is_discharged)
		return "未办理出院，不能撤销";
	for (const struct settlement *s = visit->settlements; s != NULL; s = s->next)
		if (!s->is_refund && s->state == SETTLEMENT_EFFECTIVE)
			return "已结算，不能撤销出院";
	visit->is_discharged = false;
	visit->endtime[0] = '\0';
	return NULL;
}

/* Fee lines. */

static const char *line_read(struct call *call, const json_t *row, struct visit *visit, struct fee_line *line)
{
	/* A pharmacy has no department, no doctor and no charge batches. */
	bool is_purchase = strcmp(call->infno, "2101") == 0;
	const char *const needs[] = { "feedetl_sn", "med_list_codg", "medins_list_codg", "fee_ocur_time",
		is_purchase ? NULL : "bilg_dept_codg", "bilg_dr_codg", NULL };
	const json_t *count = json_object_get(row, "cnt"), *price = json_object_get(row, "pric");
	const char *refusal;

	for (size_t i = 0; needs[i] != NULL; i++) {
		if (*json_text(row, needs[i]) != '\0')
			continue;
		text_format(call->text, sizeof(call->text), "缺少必填项：%s", needs[i]);
		return call->text;
	}
	memset(line, 0, sizeof(*line));
	line->visit = visit;
	text_format(line->serial, sizeof(line->serial), "%s", json_text(row, "feedetl_sn"));
	text_format(line->batch, sizeof(line->batch), "%s", json_text(row, "chrg_bchno"));
	text_format(line->code, sizeof(line->code), "%s", json_text(row, "med_list_codg"));
	refusal = amount_of(call, row, "det_item_fee_sumamt", &line->amount_fen);
	if (refusal != NULL)
		return refusal;
	line->price = json_is_string(price) ? atof(json_string_value(price)) : json_number_value(price);
	line->count_e4 =
	        llround((json_is_string(count) ? atof(json_string_value(count)) : json_number_value(count)) * 1e4);
	if (llabs(llround(line->price * (double)line->count_e4 / 100) - line->amount_fen) > 1) {
		text_format(call->text, sizeof(call->text), "明细金额不等于数量乘单价：%s", line->serial);
		return call->text;
	}
	if (!visit->is_inpatient && !is_purchase && line->batch[0] == '\0')
		return "缺少必填项：chrg_bchno";
	benefit_split_line(line->code, line->amount_fen, line->count_e4, &line->split);
	return NULL;
}

static json_t *line_json(const struct fee_line *line)
{
	const struct benefit_line *split = &line->split;

	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:s, s:s}", "feedetl_sn",
	        line->serial, "det_item_fee_sumamt", json_fen(line->amount_fen), "cnt",
	        json_decimal((double)line->count_e4 / 1e4, 4), "pric", json_decimal(line->price, 6), "pric_uplmt_amt",
	        json_fen(split->ceiling_fen == 0 ? 99999999 : split->ceiling_fen), "selfpay_prop",
	        json_decimal((double)split->selfpay_permille / 1000, 4), "fulamt_ownpay_amt", json_fen(split->full_fen),
	        "overlmt_amt", json_fen(split->over_fen), "preselfpay_amt", json_fen(split->first_fen), "inscp_scp_amt",
	        json_fen(split->scope_fen), "chrgitm_lv", split->class_code, "med_chrgitm_type", split->kind_code,
	        "lmt_used_flag", "0", "memo", "");
}

static const char *lines_read(struct call *call, const json_t *rows, struct fee_line *lines)
{
	bool is_inpatient = strcmp(call->infno, "2301") == 0;
	struct visit *visit = visit_of(call, json_array_get(rows, 0));
	const char *refusal = NULL;
	const json_t *row;
	size_t i;

	if (visit == NULL || visit->is_inpatient != is_inpatient)
		return no_visit;
	if (!visit->is_described)
		return "未上传就诊信息，不能上传明细";
	json_array_foreach(rows, i, row)
	{
		if (visit_of(call, row) != visit)
			return "一次上传的明细须属于同一就诊";
		refusal = line_read(call, row, visit, &lines[i]);
		if (refusal != NULL)
			return refusal;
	}
	refusal = book_lines_add(call->book, lines, json_array_size(rows));
	if (refusal != NULL)
		return refusal;
	call->output = json_pack("{s:[]}", "result");
	for (i = 0; i < json_array_size(rows); i++)
		json_array_append_new(json_object_get(call->output, "result"), line_json(&lines[i]));
	return NULL;
}

/* 2204, 2301 */
static const char *lines_upload(struct call *call)
{
	const json_t *rows = json_object_get(call->input, "feedetail");
	struct fee_line *lines;
	const char *refusal;

	if (json_array_size(rows) == 0)
		return "缺少必填项：feedetail";
	if (json_array_size(rows) > 300)
		return "一次上传的明细不能超过300条";
	lines = must(calloc(json_array_size(rows), sizeof(*lines)));
	refusal = lines_read(call, rows, lines);
	free(lines);
	return refusal;
}

static const char *outpatient_lines_cancel(struct call *call)
{
	struct visit *visit = visit_of(call, call->data);

	if (visit == NULL || visit->is_inpatient)
		return no_visit;
	return book_lines_cancel(call->book, visit, field(call, "chrg_bchno"), "");
}

static const char *inpatient_lines_cancel(struct call *call)
{
	const json_t *rows = json_object_get(call->input, "data"), *row;
	const char *refusal = NULL;
	struct visit *visit;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		visit = visit_of(call, row);
		if (visit == NULL || !visit->is_inpatient)
			return no_visit;
		refusal = book_lines_cancel(call->book, visit, "", json_text(row, "feedetl_sn"));
		if (refusal != NULL)
			return refusal;
	}
	return i == 0 ? "缺少必填项：data" : NULL;
}

/* Settlements. */

static void add_person(json_t *info, const struct person *person, const struct call *call)
{
	json_object_set_new(info, "psn_no", json_string(person->psn_no));
	json_object_set_new(info, "psn_name", json_string(person->name));
	json_object_set_new(info, "psn_cert_type", json_string("01"));
	json_object_set_new(info, "certno", json_string(person->certno));
	json_object_set_new(info, "gend", json_string(person->gend));
	json_object_set_new(info, "naty", json_string("01"));
	json_object_set_new(info, "brdy", json_string(person->brdy));
	json_object_set_new(info, "age", json_decimal(age_of(person, call->now), 1));
	json_object_set_new(info, "insutype", json_string(person->insutype));
	json_object_set_new(info, "psn_type", json_string(person->psn_type));
	json_object_set_new(info, "cvlserv_flag", json_string(person->is_civil_servant ? "1" : "0"));
}

static void add_amounts(json_t *info, const struct benefit *a, const char *person_name, const char *cash_name)
{
	const struct {
		const char *name;
		int64_t fen;
	} amounts[] = {
		{ "medfee_sumamt", a->total_fen },
		{ "fulamt_ownpay_amt", a->full_fen },
		{ "overlmt_selfpay", a->over_fen },
		{ "preselfpay_amt", a->first_fen },
		{ "inscp_scp_amt", a->scope_fen },
		{ "act_pay_dedc", a->deductible_fen },
		{ "hifp_pay", a->hifp_fen },
		{ "cvlserv_pay", a->cvlserv_fen },
		{ "hifes_pay", 0 },
		{ "hifmi_pay", a->hifmi_fen },
		{ "hifob_pay", a->hifob_fen },
		{ "hifdm_pay", 0 },
		{ "maf_pay", 0 },
		{ "oth_pay", 0 },
		{ "fund_pay_sumamt", a->fund_fen },
		{ person_name, a->person_fen },
		{ "acct_pay", a->account_fen },
		{ cash_name, a->cash_fen },
		{ "hosp_part_amt", a->hospital_fen },
		{ "balc", a->balance_after_fen },
		{ "acct_mulaid_pay", 0 },
	};

	for (size_t i = 0; i < sizeof(amounts) / sizeof(*amounts); i++)
		json_object_set_new(info, amounts[i].name, json_fen(amounts[i].fen));
	json_object_set_new(info, "pool_prop_selfpay", json_decimal((double)a->ratio_permille / 1000, 4));
}

static void add_clearing(json_t *info, const struct visit *visit)
{
	json_object_set_new(info, "clr_optins", json_string(visit->person->insuplc));
	json_object_set_new(info, "clr_way", json_string("1"));
	json_object_set_new(info, "clr_type", json_string(visit->is_inpatient ? "21" : "11"));
}

static void detail_add(json_t *rows, const char *type, const char *name, int64_t fund_fen, int64_t scope_fen)
{
	if (fund_fen == 0)
		return;
	json_array_append_new(rows, json_pack("{s:s, s:o, s:o, s:o, s:s, s:s}", "fund_pay_type", type, "inscp_scp_amt",
	                                    json_fen(scope_fen), "crt_payb_lmt_amt", json_fen(2000000), "fund_payamt",
	                                    json_fen(fund_fen), "fund_pay_type_name", name, "setl_proc_info", ""));
}

static json_t *details(const struct benefit *a, const char *insutype)
{
	json_t *rows = must(json_array());

	if (strcmp(insutype, "390") == 0)
		detail_add(rows, "390100", "城乡居民基本医疗保险基金", a->hifp_fen, a->scope_fen);
	else if (strcmp(insutype, "340") == 0)
		detail_add(rows, "340100", "离休人员医疗保障基金", a->hifp_fen, a->scope_fen);
	else
		detail_add(rows, "310100", "职工基本医疗保险统筹基金", a->hifp_fen, a->scope_fen);
	detail_add(rows, "390200", "城乡居民大病医疗保险基金", a->hifmi_fen, a->scope_fen - a->hifp_fen);
	detail_add(rows, "330100", "大额医疗费用补助基金", a->hifob_fen, a->scope_fen - a->hifp_fen);
	detail_add(rows, "320100", "公务员医疗补助基金", a->cvlserv_fen, a->scope_fen - a->hifp_fen - a->hifob_fen);
	detail_add(rows, "310200", "职工基本医疗保险个人账户", a->account_fen, 0);
	return rows;
}

static json_t *settlement_output(const struct call *call, const struct visit *visit, const struct benefit *amounts,
        const char *setl_id, const char *medins_setl_id)
{
	json_t *info = must(json_pack("{s:s}", "mdtrt_id", visit->id));

	if (setl_id != NULL)
		json_object_set_new(info, "setl_id", json_string(setl_id));
	add_person(info, visit->person, call);
	json_object_set_new(info, "setl_time", json_string(call->now));
	json_object_set_new(info, "mdtrt_cert_type", json_string(visit->cert_type));
	json_object_set_new(info, "med_type", json_string(visit->med_type));
	add_amounts(info, amounts, "psn_part_amt", "psn_cash_pay");
	json_object_set_new(info, "medins_setl_id", json_string(medins_setl_id));
	add_clearing(info, visit);
	return must(json_pack("{s:o, s:o}", "setlinfo", info, "setldetail", details(amounts, visit->person->insutype)));
}

static const char *settle_read(struct call *call, struct settle_request *request)
{
	bool is_inpatient = call->infno[1] == '3';

	memset(request, 0, sizeof(*request));
	request->visit = visit_of(call, call->data);
	if (request->visit == NULL || request->visit->is_inpatient != is_inpatient)
		return no_visit;
	if (!is_inpatient && *field(call, "chrg_bchno") == '\0')
		return "缺少必填项：chrg_bchno";
	request->batch = is_inpatient ? "" : field(call, "chrg_bchno");
	request->infno = call->infno;
	request->msgid = call->msgid;
	request->insutype = request->visit->insutype;
	request->may_use_account = strcmp(field(call, "acct_used_flag"), "1") == 0;
	request->is_mid_stay = strcmp(field(call, "mid_setl_flag"), "1") == 0;
	request->time = call->now;
	if (strcmp(field(call, "insutype"), request->visit->insutype) != 0)
		return "险种与就诊登记不符";
	return amount_of(call, call->data, "medfee_sumamt", &request->total_fen);
}

/* 2206, 2303 */
static const char *presettle(struct call *call)
{
	struct settle_request request;
	struct benefit amounts;
	const char *refusal = settle_read(call, &request);

	if (refusal == NULL && request.visit->person->is_guest)
		refusal = "异地参保人员由参保地结算";
	if (refusal == NULL)
		refusal = book_presettle(call->book, &request, &amounts);
	if (refusal == NULL)
		call->output = settlement_output(call, request.visit, &amounts, NULL, call->msgid);
	return refusal;
}

/* 2101: splits and computes, books nothing.  Other provinces' people, too: their own province needs the split. */
static const char *purchase_presettle(struct call *call)
{
	const json_t *rows = json_object_get(call->input, "drugdetail"), *row;
	const struct person *person = book_person_by_number(call->book, field(call, "psn_no"));
	struct person stranger = { .brdy = "1970-01-01" };
	struct visit visit = { .person = &stranger };
	struct benefit_input in = { .insutype = field(call, "insutype") };
	json_t *cut = must(json_array());
	const char *refusal = person == NULL && !is_insured_elsewhere(call) ? "未查询到参保信息" : NULL;
	struct benefit amounts;
	struct fee_line line;
	size_t i;

	text_format(visit.med_type, sizeof(visit.med_type), "%s", field(call, "med_type"));
	text_format(stranger.psn_no, sizeof(stranger.psn_no), "%s", field(call, "psn_no"));
	text_format(stranger.insutype, sizeof(stranger.insutype), "%s", in.insutype);
	if (person != NULL)
		stranger = *person;
	in.may_use_account = strcmp(field(call, "acct_used_flag"), "1") == 0;
	in.balance_fen = stranger.balance_fen;
	json_array_foreach(rows, i, row)
	{
		refusal = refusal == NULL ? line_read(call, row, &visit, &line) : refusal;
		if (refusal != NULL)
			break;
		in.full_fen += line.split.full_fen;
		in.over_fen += line.split.over_fen;
		in.first_fen += line.split.first_fen;
		in.scope_fen += line.split.scope_fen;
		json_array_append_new(cut, line_json(&line));
	}
	if (refusal != NULL || i == 0) {
		json_decref(cut);
		return refusal != NULL ? refusal : "缺少必填项：drugdetail";
	}
	benefit_settle(&in, &amounts);
	call->output = settlement_output(call, &visit, &amounts, NULL, call->msgid);
	json_object_set_new(call->output, "detlcutinfo", cut);
	return NULL;
}

/* 2207, 2304 */
static const char *settle(struct call *call)
{
	struct settle_request request;
	struct settlement *s;
	const char *refusal = settle_read(call, &request);

	if (refusal == NULL && request.visit->person->is_guest)
		refusal = "异地参保人员由参保地结算";
	if (refusal == NULL)
		refusal = book_settle(call->book, &request, &s);
	if (refusal == NULL)
		call->output = settlement_output(call, request.visit, &s->amounts, s->id, s->msgid);
	return refusal;
}

/* 2208, 2305: a new setl_id, all amounts negated; 2208 misspells its cash field */
static const char *settle_cancel(struct call *call)
{
	struct visit *visit = visit_of(call, call->data);
	struct settlement *refund;
	const char *refusal;
	json_t *info;

	if (visit == NULL)
		return no_visit;
	refusal = book_settle_cancel(
	        call->book, visit, field(call, "setl_id"), call->infno, call->msgid, call->now, &refund);
	if (refusal != NULL)
		return refusal;
	info = must(json_pack("{s:s, s:s, s:s, s:s}", "mdtrt_id", visit->id, "setl_id", refund->id, "setl_time",
	        call->now, "medins_setl_id", refund->original->msgid));
	add_amounts(info, &refund->amounts, "psn_part_amt", visit->is_inpatient ? "psn_cash_pay" : "pdn_cash_pay");
	add_clearing(info, visit);
	call->output = json_pack(
	        "{s:o, s:o}", "setlinfo", info, "setldetail", details(&refund->amounts, visit->person->insutype));
	return NULL;
}

static const char *reverse(struct call *call)
{
	return book_reverse(
	        call->book, field(call, "omsgid"), field(call, "oinfno"), field(call, "psn_no"), call->msgid);
}

/* Reconciliation and queries. */

struct totals {
	int64_t total_fen, fund_fen, account_fen, count;
};

static void totals_add(struct totals *totals, const struct call *call, const struct settlement *s)
{
	const struct visit *visit = s->visit;
	bool counts_refunds = strcmp(field(call, "refd_setl_flag"), "0") != 0;

	if (s->state == SETTLEMENT_REVERSED || strcmp(s->institution, call->institution) != 0 ||
	        strcmp(visit->insutype, field(call, "insutype")) != 0 ||
	        strcmp(visit->is_inpatient ? "21" : "11", field(call, "clr_type")) != 0 ||
	        strcmp(visit->person->insuplc, field(call, "setl_optins")) != 0 ||
	        strncmp(s->time, field(call, "stmt_begndate"), 10) < 0 ||
	        strncmp(s->time, field(call, "stmt_enddate"), 10) > 0)
		return;
	if (!counts_refunds && (s->is_refund || s->state == SETTLEMENT_CANCELLED))
		return;
	totals->total_fen += s->amounts.total_fen;
	totals->fund_fen += s->amounts.fund_fen;
	totals->account_fen += s->amounts.account_fen;
	totals->count++;
}

static const char *reconcile_totals(struct call *call)
{
	struct totals own = { 0 }, theirs = { 0 };
	const struct settlement *s;
	bool is_equal;

	for (size_t i = 0; (s = book_settlement_at(call->book, i)) != NULL; i++)
		totals_add(&own, call, s);
	if (fen_read(json_object_get(call->data, "medfee_sumamt"), &theirs.total_fen) != 0 ||
	        fen_read(json_object_get(call->data, "fund_pay_sumamt"), &theirs.fund_fen) != 0 ||
	        fen_read(json_object_get(call->data, "acct_pay"), &theirs.account_fen) != 0)
		return "金额格式错误";
	theirs.count = json_number(call->data, "fixmedins_setl_cnt", 0);
	is_equal = memcmp(&own, &theirs, sizeof(own)) == 0;
	call->output =
	        json_pack("{s:{s:s, s:s, s:s}}", "stmtinfo", "setl_optins", field(call, "setl_optins"), "stmt_rslt",
	                is_equal                   ? "0"
	                : own.count > theirs.count ? "1"
	                : own.count < theirs.count ? "2"
	                                           : "3",
	                "stmt_rslt_dscr", is_equal ? "对平" : "不平");
	return NULL;
}

static json_t *visit_json(const struct call *call, const struct visit *visit)
{
	json_t *row = must(json_object());

	add_person(row, visit->person, call);
	json_object_update_new(
	        row, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "mdtrt_id", visit->id,
	                     "ipt_otp_no", visit->own_number, "begntime", visit->begntime, "endtime", visit->endtime,
	                     "mdtrt_cert_type", visit->cert_type, "med_type", visit->med_type, "dscg_maindiag_name",
	                     visit->diagnosis, "insu_optins", visit->person->insuplc, "inhosp_stas",
	                     visit->is_inpatient && !visit->is_discharged ? "1" : "0", "vali_flag", "1"));
	return row;
}

/* 5201: the visits in force of one person; empty criteria do not restrict. */
static const char *visits_query(struct call *call)
{
	const char *from = field(call, "begntime"), *to = field(call, "endtime");
	const char *med_type = field(call, "med_type"), *id = field(call, "mdtrt_id");
	json_t *rows = must(json_array());
	const struct visit *visit;

	for (size_t i = 0; (visit = book_visit_at(call->book, i)) != NULL; i++) {
		if (visit->is_cancelled || strcmp(visit->person->psn_no, field(call, "psn_no")) != 0 ||
		        strcmp(visit->institution, call->institution) != 0 ||
		        (*id != '\0' && strcmp(visit->id, id) != 0) ||
		        (*med_type != '\0' && visit->med_type[0] != '\0' && strcmp(visit->med_type, med_type) != 0) ||
		        (*from != '\0' && strncmp(visit->begntime, from, strlen(from)) < 0) ||
		        (*to != '\0' && strncmp(visit->begntime, to, strlen(to)) > 0))
			continue;
		json_array_append_new(rows, visit_json(call, visit));
	}
	call->output = json_pack("{s:o}", "mdtrtinfo", rows);
	return NULL;
}

/* 5203.  A cancelled settlement keeps its amounts and has refd_setl_flag 1 and the refund's number in
 * refd_setl_id and exp_content; asked by the refund's own number, the negated amounts come and
 * init_setl_id names the settlement.  A reversed one is as if it had never been. */
static const char *settlement_query(struct call *call)
{
	struct visit *visit = visit_of(call, call->data);
	const struct settlement *s = book_settlement(call->book, field(call, "setl_id"));
	char content[64] = "";
	json_t *info;

	if (visit == NULL)
		return no_visit;
	if (s == NULL || s->visit != visit || s->state == SETTLEMENT_REVERSED)
		return "结算信息不存在";
	if (s->refund != NULL)
		text_format(content, sizeof(content), "refd_setl_id=%s", s->refund->id);
	info = must(json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "setl_id", s->id,
	        "mdtrt_id", visit->id, "fixmedins_code", s->institution, "fixmedins_name",
	        json_text(call->envelope, "fixmedins_name"), "pay_loc", "2", "begndate", visit->begntime, "enddate",
	        visit->endtime[0] == '\0' ? visit->begntime : visit->endtime, "setl_time", s->time, "med_type",
	        visit->med_type, "medins_setl_id", s->msgid, "refd_setl_flag",
	        s->is_refund || s->state == SETTLEMENT_CANCELLED ? "1" : "0", "exp_content", content, "mdtrt_cert_type",
	        visit->cert_type));
	json_object_set_new(info, "year", json_stringn(s->time, 4));
	if (s->refund != NULL)
		json_object_set_new(info, "refd_setl_id", json_string(s->refund->id));
	if (s->original != NULL)
		json_object_set_new(info, "init_setl_id", json_string(s->original->id));
	add_person(info, visit->person, call);
	add_amounts(info, &s->amounts, "psn_pay", "cash_payamt");
	add_clearing(info, visit);
	call->output =
	        json_pack("{s:o, s:o}", "setlinfo", info, "setldetail", details(&s->amounts, visit->person->insutype));
	return NULL;
}

static const struct transaction {
	const char *infno, *node; /* node: the object the needed fields stand in; NULL: the handler looks itself */
	const char *(*run)(struct call *call);
	const char *needs[8];
} transactions[] = {
	{ "9001", "signIn", sign_in, { "opter_no", "mac", "ip" } },
	{ "9002", "signOut", sign_out, { "sign_no", "opter_no" } },
	{ "1101", "data", person_check, { "mdtrt_cert_type", "mdtrt_cert_no" } },
	{ "2101", "druginfo", purchase_presettle,
	        { "psn_no", "mdtrt_cert_type", "begntime", "insutype", "acct_used_flag", "med_type" } },
	{ "2201", "data", outpatient_register,
	        { "psn_no", "insutype", "begntime", "mdtrt_cert_type", "ipt_otp_no", "atddr_no", "dept_code" } },
	{ "2202", "data", visit_cancel, { "psn_no", "mdtrt_id", "ipt_otp_no" } },
	{ "2203", "mdtrtinfo", outpatient_describe, { "mdtrt_id", "psn_no", "med_type", "begntime" } },
	{ "2203A", "mdtrtinfo", outpatient_describe, { "mdtrt_id", "psn_no", "med_type", "begntime" } },
	{ "2204", NULL, lines_upload, { NULL } },
	{ "2205", "data", outpatient_lines_cancel, { "mdtrt_id", "chrg_bchno", "psn_no" } },
	{ "2206", "data", presettle,
	        { "psn_no", "mdtrt_cert_type", "med_type", "mdtrt_id", "chrg_bchno", "insutype" } },
	{ "2207", "data", settle,
	        { "psn_no", "mdtrt_cert_type", "med_type", "mdtrt_id", "chrg_bchno", "insutype", "acct_used_flag" } },
	{ "2208", "data", settle_cancel, { "setl_id", "mdtrt_id", "psn_no" } },
	{ "2301", NULL, lines_upload, { NULL } },
	{ "2302", NULL, inpatient_lines_cancel, { NULL } },
	{ "2303", "data", presettle, { "psn_no", "mdtrt_cert_type", "mdtrt_id", "insutype", "mid_setl_flag" } },
	{ "2304", "data", settle,
	        { "psn_no", "mdtrt_cert_type", "mdtrt_id", "insutype", "mid_setl_flag", "acct_used_flag" } },
	{ "2305", "data", settle_cancel, { "setl_id", "mdtrt_id", "psn_no" } },
	{ "2401", "mdtrtinfo", inpatient_admit,
	        { "psn_no", "insutype", "begntime", "mdtrt_cert_type", "med_type", "ipt_no", "dscg_maindiag_code" } },
	{ "2402", "dscginfo", inpatient_discharge,
	        { "mdtrt_id", "psn_no", "insutype", "endtime", "dscg_dept_codg", "dscg_way" } },
	{ "2403", "adminfo", inpatient_change, { "mdtrt_id", "psn_no", "begntime", "med_type" } },
	{ "2404", "data", visit_cancel, { "mdtrt_id", "psn_no" } },
	{ "2405", "data", inpatient_discharge_cancel, { "mdtrt_id", "psn_no" } },
	{ "2601", "data", reverse, { "psn_no", "omsgid", "oinfno" } },
	{ "3201", "data", reconcile_totals,
	        { "insutype", "clr_type", "setl_optins", "stmt_begndate", "stmt_enddate" } },
	{ "5201", "data", visits_query, { "psn_no" } },
	{ "5203", "data", settlement_query, { "psn_no", "setl_id", "mdtrt_id" } },
};

static json_t *answer(const struct transaction_context *context, int infcode, const char *text, json_t *output)
{
	static unsigned long long serial;
	char digits[18], number[40];

	time_digits(context->now_ms, digits);
	text_format(number, sizeof(number), "%.6s%.14s%010llu", context->region, digits, ++serial);
	return must(json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:o}", "infcode", infcode, "inf_refmsgid", number,
	        "refmsg_time", digits, "respond_time", digits, "err_msg", text, "warn_msg", "", "output",
	        output == NULL ? json_null() : output));
}

json_t *transaction_refusal(const struct transaction_context *context, const char *text)
{
	return answer(context, -1, text, NULL);
}

static const struct transaction *transaction_find(const char *infno)
{
	for (size_t i = 0; i < sizeof(transactions) / sizeof(*transactions); i++)
		if (strcmp(transactions[i].infno, infno) == 0)
			return &transactions[i];
	return NULL;
}

static const char *missing(struct call *call, const json_t *node, const char *const *names, size_t n_names)
{
	for (size_t i = 0; i < n_names && names[i] != NULL; i++) {
		if (*json_text(node, names[i]) != '\0')
			continue;
		text_format(call->text, sizeof(call->text), "缺少必填项：%s", names[i]);
		return call->text;
	}
	return NULL;
}

static const char *envelope_check(struct call *call, const struct transaction *transaction)
{
	static const char *const needs[] = { "infno", "msgid", "mdtrtarea_admvs", "recer_sys_code", "infver",
		"opter_type", "opter", "opter_name", "inf_time", "fixmedins_code", "fixmedins_name" };
	const char *sign_no = json_text(call->envelope, "sign_no");
	const char *refusal = missing(call, call->envelope, needs, sizeof(needs) / sizeof(*needs));
	bool is_session = call->infno[0] == '9';

	if (refusal != NULL)
		return refusal;
	if (transaction == NULL)
		return "不支持的交易编号";
	if (strlen(call->msgid) > 30)
		return "发送方报文ID超过30位";
	if (!is_session && call->context->sign_check != SIGN_OFF &&
	        (*sign_no != '\0' || call->context->sign_check == SIGN_REQUIRED) &&
	        !book_sign_is_valid(call->book, call->institution, sign_no))
		return "签到编号无效或已过期";
	if (transaction->node == NULL)
		return NULL;
	return missing(call, call->data, transaction->needs, sizeof(transaction->needs) / sizeof(*transaction->needs));
}

json_t *transaction_run(const struct transaction_context *context, const json_t *request)
{
	struct call call = { .context = context,
		.book = context->book,
		.envelope = request,
		.input = json_object_get(request, "input"),
		.infno = json_text(request, "infno"),
		.msgid = json_text(request, "msgid"),
		.institution = json_text(request, "fixmedins_code") };
	const struct transaction *transaction = transaction_find(call.infno);
	const char *refusal;

	if (transaction != NULL && transaction->node != NULL)
		call.data = json_object_get(call.input, transaction->node);
	time_text(context->now_ms, call.now);
	refusal = envelope_check(&call, transaction);
	if (refusal == NULL && book_is_tombstoned(call.book, call.msgid))
		refusal = "该报文已冲正";
	if (refusal == NULL)
		refusal = transaction->run(&call);
	return answer(context, refusal == NULL ? 0 : -1, refusal == NULL ? "" : refusal, call.output);
}

const char *transaction_visit(const json_t *request)
{
	static const char *const names[] = { "mdtrt_id", "ipt_otp_no", "ipt_no" };
	json_t *input = json_object_get(request, "input"), *node;
	const char *key;

	json_object_foreach(input, key, node)
	{
		const json_t *object = json_is_array(node) ? json_array_get(node, 0) : node;

		for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
			if (*json_text(object, names[i]) != '\0')
				return json_text(object, names[i]);
	}
	return "";
}
