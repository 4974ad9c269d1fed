/* tests/test_translation.c - random in-patient visits, from a hospital's national octets across provinces and back.
 *
 * translation.h says how; test_translation_clinic.c has out-patients and pharmacies. */
#include "translation.h"

#define VISITS 24

#define NO_PLACE "KSBW has no element for it"
#define NO_TABLE "no table has it: what it means is between a hospital and its platform"
#define NUMBERED "the insured side's number of the visit (ykc700) stands in its place"
#define SETTLED_AS "settled is the person that was registered, under that insurance, in the one way there is"
#define ONLY_HERE                                                                                                      \
	"main_cond_dscr dise_name oprn_oprt_code oprn_oprt_name fpsc_no matn_type birctrl_type latechb_flag geso_val " \
	"fetts fetus_cnt pret_flag birctrl_matn_date dise_type_code exp_content mdtrt_grp_type diag_type "             \
	"maindiag_flag diag_srt_no adm_cond diag_dept dise_dor_no dise_dor_name diag_time"

static struct loss stay_losses[] = {
	{ "1101", "begntime", "a day there, without its time", 0 },
	{ "1101", "province_member", NO_TABLE, 0 },
	{ "2401", "mdtrt_cert_type", "registered is the person that 0211 found, by certificate", 0 },
	{ "2401", "adm_dept_name", "departments have a code there, no name", 0 },
	{ "2401", "dscg_maindiag_name", "one diagnosis has one text there; adm_diag_dscr comes first", 0 },
	{ "2401", ONLY_HERE " diag_name", NO_PLACE, 0 },
	{ "2401", "rel_ttp_flag", "said is only that an injury has no third party (nothird)", 0 },
	{ "2401", "province_member", NO_TABLE, 0 },
	{ "2403", "mdtrt_id", NUMBERED, 0 },
	{ "2403", "mdtrt_cert_type", "registered is the person that 0211 found, by certificate", 0 },
	{ "2403", "adm_dept_name", "departments have a code there, no name", 0 },
	{ "2403", "dscg_maindiag_name", "one diagnosis has one text there; adm_diag_dscr comes first", 0 },
	{ "2403", ONLY_HERE " diag_name endtime", NO_PLACE, 0 },
	{ "2403", "rel_ttp_flag", "said is only that an injury has no third party (nothird)", 0 },
	{ "2403", "province_member", NO_TABLE, 0 },
	{ "2301", "mdtrt_id", NUMBERED, 0 },
	{ "2301", "med_type", "of the visit, not of a line", 0 },
	{ "2301", "bilg_dept_codg bilg_dr_codg", "one element for code and name: the name goes", 0 },
	{ "2301",
	        "drord_no acord_dept_codg acord_dept_name orders_dr_code orders_dr_name hosp_appr_flag "
	        "tcmdrug_used_way etip_flag etip_hosp_code dscg_tkdrug_flag matn_fee_flag memo exp_content",
	        NO_PLACE, 0 },
	{ "2301", "province_member", NO_TABLE, 0 },
	{ "2302", "mdtrt_id", NUMBERED, 0 },
	{ "2302", "feedetl_sn psn_no", "otransid 0 says: all lines of the visit", 0 },
	{ "2402", "mdtrt_id", NUMBERED, 0 },
	{ "2402", "insutype", "is that of the registration", 0 },
	{ "2402", "endtime", "a day there, without its time", 0 },
	{ "2402", "diag_srt_no", "the order of the rows says it", 0 },
	{ "2402", "oprn_oprt_code oprn_oprt_name", "an operation has a day there, which 2402 does not say", 0 },
	{ "2402",
	        "dise_codg dise_name fpsc_no matn_type birctrl_type latechb_flag geso_val fetts fetus_cnt pret_flag "
	        "birctrl_matn_date cop_flag dscg_dept_codg dscg_dept_name dscg_bed die_date exp_content diag_type "
	        "diag_dept dise_dor_no dise_dor_name diag_time",
	        NO_PLACE, 0 },
	{ "2402", "province_member", NO_TABLE, 0 },
	{ "2405", "mdtrt_id", NUMBERED, 0 },
	{ "2405", "exp_content", NO_PLACE, 0 },
	{ "2405", "province_member", NO_TABLE, 0 },
	{ "2404", "mdtrt_id", NUMBERED, 0 },
	{ "2404", "exp_content", NO_PLACE, 0 },
	{ "2404", "province_member", NO_TABLE, 0 },
	{ "2303", "mdtrt_id", NUMBERED, 0 },
	{ "2303", "mdtrt_cert_type psn_setlway insutype", SETTLED_AS, 0 },
	{ "2303", "exp_content", NO_PLACE, 0 },
	{ "2303", "province_member", NO_TABLE, 0 },
	{ "2304", "mdtrt_id", NUMBERED, 0 },
	{ "2304", "mdtrt_cert_type psn_setlway insutype", SETTLED_AS, 0 },
	{ "2304", "exp_content", NO_PLACE, 0 },
	{ "2304", "province_member", NO_TABLE, 0 },
	{ "2305", "mdtrt_id", NUMBERED, 0 },
	{ "2305", "exp_content", NO_PLACE, 0 },
	{ "2305", "province_member", NO_TABLE, 0 },
};

/* -- a visit ------------------------------------------------------------------------------------ */

static void admit(struct visit *v)
{
	struct yt_msg *msg = said(v, random_request(v, "2401", "mdtrtinfo", "diseinfo", 1 + rnd(3)),
	        "{\"infcode\":0,\"output\":{\"result\":{\"mdtrt_id\":\"330200M1\"}}}");

	across(v, msg, YT_OP_INPATIENT_ADMIT, registered(v));
}

static void change(struct visit *v)
{
	struct yt_msg *msg =
	        said(v, random_request(v, "2403", "adminfo", "diseinfo", 1 + rnd(3)), "{\"infcode\":0,\"output\":{}}");

	across(v, msg, YT_OP_INPATIENT_CHANGE, STATE_IS("1"));
}

static void upload(struct visit *v)
{
	const char *split, *octets = random_lines(v, "2301", NULL, "feedetail", true, &split);
	struct yt_msg *msg =
	        said(v, octets, yt_arena_printf(v->w.arena, "{\"infcode\":0,\"output\":{\"result\":[%s]}}", split).p);

	across(v, msg, YT_OP_INPATIENT_FEES, uploaded(v));
}

/* All of the uploads: a single line cannot be taken out of one there (test_crossprovince_case.c has what can). */
static void withdraw_fees(struct visit *v)
{
	static const char all[] =
	        "{\"data\":[{\"feedetl_sn\":\"0000\",\"mdtrt_id\":\"330200M1\",\"psn_no\":\"" PERSON "\"}]}";
	struct yt_msg *msg = said(v, request(v, "2302", all), "{\"infcode\":0,\"output\":{}}");

	across(v, msg, YT_OP_INPATIENT_FEES_CANCEL, withdrawn(v));
	v->line = 0;
	msg = said(v, random_request(v, "2302", NULL, "data", 1), NULL);
	assert_refused(v, msg, YT_OP_INPATIENT_FEES_CANCEL, "input.data.feedetl_sn", "0302 withdraws no others");
}

static void discharge(struct visit *v)
{
	struct yt_msg *msg =
	        said(v, random_request(v, "2402", "dscginfo", "diseinfo", 1 + rnd(3)), "{\"infcode\":0,\"output\":{}}");

	across(v, msg, YT_OP_INPATIENT_DISCHARGE, STATE_IS("0"));
}

static void settle(struct visit *v)
{
	across(v, said(v, random_request(v, "2303", "data", NULL, 0), NULL), YT_OP_INPATIENT_PRESETTLE,
	        settled(v, false));
	across(v, said(v, random_request(v, "2304", "data", NULL, 0), NULL), YT_OP_INPATIENT_SETTLE, settled(v, true));
}

/* Everything is taken back, last thing first. */
static void undo(struct visit *v)
{
	across(v, said(v, random_request(v, "2305", "data", NULL, 0), NULL), YT_OP_INPATIENT_SETTLE_CANCEL,
	        reversed(v));
	across(v, said(v, random_request(v, "2405", "data", NULL, 0), NULL), YT_OP_INPATIENT_DISCHARGE_CANCEL,
	        STATE_IS("1"));
	across(v, said(v, random_request(v, "2404", "data", NULL, 0), NULL), YT_OP_INPATIENT_ADMIT_CANCEL,
	        STATE_IS("0"));
}

static void begin_stay(struct visit *v, unsigned i)
{
	begin(v, i % 2 == 0 ? "UTF-8" : "GB18030");
	v->med_type = "21";
	v->setlement = "A6210002603180000456";
	check_person(v);
}

static void test_random_visits(void **state)
{
	losses = stay_losses, n_losses = COUNT(stay_losses);
	for (unsigned i = 0; i < VISITS; i++) {
		struct visit v;

		begin_stay(&v, i);
		admit(&v);
		change(&v);
		upload(&v);
		withdraw_fees(&v);
		upload(&v);
		discharge(&v);
		settle(&v);
		undo(&v);
		end(&v);
	}
	assert_int_equal(n_wrong, 0);
	assert_losses_are_told();
}

/* National texts may be longer and codes others than KSBW has them: nothing is cut, the field is named. */
static void test_what_does_not_fit_is_named(void **state)
{
	static const struct {
		const char *member, *value, *path;
	} rows[] = {
		{ "ipt_no", "ZY2603060073112345678", "input.mdtrtinfo.ipt_no" },
		{ "adm_bed", "十二楼东区重症监护病房第三十四号病床之二", NULL },
		{ "adm_bed", "十二楼东区重症监护病房第三十四号病床之二乙", "input.mdtrtinfo.adm_bed" },
		{ "med_type", "9907", "input.mdtrtinfo.med_type" },
		{ "insutype", "999", "input.mdtrtinfo.insutype" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct visit v;
		struct yt_buf out = { 0 };
		struct yt_msg *msg;
		struct yt_node *node;
		int rv;

		begin_stay(&v, 0);
		msg = said(&v, random_request(&v, "2401", "mdtrtinfo", "diseinfo", 1), NULL);
		node = yt_node_get(yt_node_get(msg->body, "mdtrtinfo"), rows[i].member);
		assert_non_null(node);
		node->text = yt_str(rows[i].value);
		assert_int_equal(facts_gather(&v.facts, msg), 0);
		msg = facts_compose(&v.facts, msg, yt_op(YT_OP_INPATIENT_ADMIT));
		msg->number = YT_STR("202603181015300000000099");
		memset(&v.w.fault, 0, sizeof(v.w.fault));
		rv = v.zj.api->encode_request(v.zj.plugin, msg, &out, &v.w.fault);
		if (rv != (rows[i].path != NULL ? YT_EFORMAT : 0) ||
		        strcmp(v.w.fault.path, rows[i].path != NULL ? rows[i].path : "") != 0)
			fail_msg("%s %s: %d %s %s", rows[i].member, rows[i].value, rv, v.w.fault.path, v.w.fault.why);
		yt_buf_free(&out);
		end(&v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_visits),
		cmocka_unit_test(test_what_does_not_fit_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
