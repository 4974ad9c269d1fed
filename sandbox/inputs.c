/* sandbox/inputs.c - what a hospital writes into its messages (hospital.h): a visit as the input of each transaction.
 */
#include "hospital.h"
#include "text.h"

#include <string.h>

const char *care_settle_infno(const struct care *care)
{
	return care->is_pharmacy ? "2102" : care->is_inpatient ? "2304" : "2207";
}

const char *care_cancel_infno(const struct care *care)
{
	return care->is_pharmacy ? "2103" : care->is_inpatient ? "2305" : "2208";
}

json_t *care_register_input(const struct care *care)
{
	return must(json_pack("{s:{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}}", "data", "psn_no",
	        care->psn_no, "insutype", care->patient->insutype, "begntime", care->begntime, "mdtrt_cert_type", "02",
	        "mdtrt_cert_no", care->patient->certno, "ipt_otp_no", care->own_number, "atddr_no", "D33021300011",
	        "dr_name", "示例医师", "dept_code", "A03", "dept_name", "内科", "caty", "A03"));
}

static json_t *diagnosis(const struct care *care)
{
	json_t *row = must(json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:s}", "diag_type", "1", "diag_srt_no", 1,
	        "diag_code", "J06.900", "diag_name", "急性上呼吸道感染", "diag_dept", "内科", "dise_dor_no",
	        "D33021300011", "dise_dor_name", "示例医师", "diag_time", care->begntime));

	if (care->is_inpatient) {
		json_object_set_new(row, "psn_no", json_string(care->psn_no));
		json_object_set_new(row, "maindiag_flag", json_string("1"));
	} else {
		json_object_set_new(row, "vali_flag", json_string("1"));
	}
	return row;
}

json_t *care_admit_input(const struct care *care)
{
	return must(json_pack("{s:{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}, s:[o]}",
	        "mdtrtinfo", "psn_no", care->psn_no, "insutype", care->patient->insutype, "begntime", care->begntime,
	        "mdtrt_cert_type", "02", "mdtrt_cert_no", care->patient->certno, "med_type", "21", "ipt_no",
	        care->own_number, "atddr_no", "D33021300011", "chfpdr_name", "示例医师", "adm_diag_dscr",
	        "急性上呼吸道感染", "adm_dept_codg", "A03", "adm_dept_name", "内科", "adm_bed", "0312",
	        "dscg_maindiag_code", "J06.900", "dscg_maindiag_name", "急性上呼吸道感染", "diseinfo",
	        diagnosis(care)));
}

json_t *care_line_input(const struct care *care, size_t i, const char *time)
{
	const struct bill_line *line = &care->bill->lines[i];
	char serial[31];
	json_t *row;

	/* 20 characters: more do not fit between provinces. */
	text_format(serial, sizeof(serial), "%.12s%s%03zu", care->own_number, care->own_number + 14, i + 1);
	row = must(json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:s, s:s, s:s, s:s, s:s}", "feedetl_sn",
	        serial, "mdtrt_id", care->visit, "psn_no", care->psn_no, "fee_ocur_time", time, "med_list_codg",
	        line->code, "medins_list_codg", line->code, "det_item_fee_sumamt", json_fen(line->amount_fen), "cnt",
	        json_decimal((double)line->count_e4 / 1e4, 4), "pric", json_decimal((double)line->price_fen / 100, 6),
	        "bilg_dept_codg", "A03", "bilg_dept_name", "内科", "bilg_dr_codg", "D33021300011", "bilg_dr_name",
	        "示例医师", "hosp_appr_flag", "1"));
	if (care->is_inpatient) {
		json_object_set_new(row, "med_type", json_string("21"));
	} else {
		if (!care->is_pharmacy)
			json_object_set_new(row, "chrg_bchno", json_string(care->batch));
		json_object_set_new(row, "rx_circ_flag", json_string("0"));
	}
	return row;
}

json_t *care_describe_input(const struct care *care)
{
	return must(json_pack("{s:{s:s, s:s, s:s, s:s, s:s, s:s, s:s}, s:[o]}", "mdtrtinfo", "mdtrt_id", care->visit,
	        "psn_no", care->psn_no, "med_type", care->med_type, "begntime", care->begntime, "main_cond_dscr",
	        "咳嗽三天", "dise_codg", care->disease, "dise_name", care->disease[0] == '\0' ? "" : "示例慢特病",
	        "diseinfo", diagnosis(care)));
}

json_t *care_discharge_input(const struct care *care)
{
	char now[20];
	json_t *disease = diagnosis(care);

	time_text(clock_wall_ms(), now);
	json_object_set_new(disease, "mdtrt_id", json_string(care->visit));
	return must(json_pack("{s:{s:s, s:s, s:s, s:s, s:s, s:s, s:s}, s:[o]}", "dscginfo", "mdtrt_id", care->visit,
	        "psn_no", care->psn_no, "insutype", care->patient->insutype, "endtime", now, "dscg_dept_codg", "A03",
	        "dscg_dept_name", "内科", "dscg_way", "1", "diseinfo", disease));
}

/* 2101 and 2102: a purchase is registered, charged and settled by one message. */
static json_t *purchase_input(const struct care *care)
{
	json_t *rows = must(json_array());

	for (size_t i = 0; i < care->bill->n_lines; i++)
		json_array_append_new(rows, care_line_input(care, i, care->begntime));
	return must(json_pack("{s:{s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:s}, s:o}", "druginfo", "psn_no", care->psn_no,
	        "mdtrt_cert_type", "02", "mdtrt_cert_no", care->patient->certno, "begntime", care->begntime,
	        "medfee_sumamt", json_fen(care->bill->total_fen), "insutype", care->patient->insutype, "acct_used_flag",
	        "1", "med_type", care->med_type, "drugdetail", rows));
}

json_t *care_settle_input(const struct care *care)
{
	json_t *data;

	if (care->is_pharmacy)
		return purchase_input(care);
	data = must(json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "psn_no",
	        care->psn_no, "mdtrt_cert_type", "02", "mdtrt_cert_no", care->patient->certno, "med_type",
	        care->med_type, "medfee_sumamt", json_fen(care->bill->total_fen), "psn_setlway", "01", "mdtrt_id",
	        care->visit, "insutype", care->patient->insutype, "acct_used_flag", "1", "invono", "",
	        "fulamt_ownpay_amt", json_fen(care->full_fen), "overlmt_selfpay", json_fen(care->over_fen),
	        "preselfpay_amt", json_fen(care->first_fen), "inscp_scp_amt", json_fen(care->scope_fen)));

	if (care->disease[0] != '\0')
		json_object_set_new(data, "dise_codg", json_string(care->disease));
	if (care->is_inpatient) {
		json_object_set_new(data, "mid_setl_flag", json_string("0"));
		json_object_del(data, "med_type"); /* 2303 and 2304 know it from the admission */
	} else {
		json_object_set_new(data, "chrg_bchno", json_string(care->batch));
	}
	return must(json_pack("{s:o}", "data", data));
}

json_t *care_cancel_input(const struct care *care)
{
	return must(json_pack("{s:{s:s, s:s, s:s}}", "data", "setl_id", care->setl_id, "mdtrt_id", care->visit,
	        "psn_no", care->psn_no));
}
