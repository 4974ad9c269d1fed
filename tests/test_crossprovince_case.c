/* tests/test_crossprovince_case.c - a visit as the hospital says it, in national messages, said across provinces.
 *
 * The hospital's octets go through the nhsa plugin; what the messages and answers leave behind (engine/facts.h) is
 * laid together, and the crossprovince plugin must be able to write each message of the visit from it. */
#include "crossprovince_peer.h"

#include "engine/facts.h"

#define HEAD(infno)                                                                                                    \
	"\"infno\":\"" infno "\",\"msgid\":\"H33020300999202603181015300001\",\"mdtrtarea_admvs\":\"330200\","         \
	"\"insuplc_admdvs\":\"621000\",\"recer_sys_code\":\"YBXT\",\"infver\":\"V1.0\",\"opter_type\":\"1\","          \
	"\"opter\":\"S0007\",\"opter_name\":\"收费员七\",\"inf_time\":\"2026-03-18 10:15:30\","                    \
	"\"fixmedins_code\":\"H33020300999\",\"fixmedins_name\":\"宁波甬东示例医院\",\"sign_no\":\"S1\","
#define REQUEST(infno, input) "{" HEAD(infno) "\"input\":" input "}"
#define PERSON "62100000000000000000876543"

struct visit {
	struct world w;
	struct codec nhsa, zj, gs;
	struct facts facts;
	unsigned n_sent;
};

static void begin(struct visit *v)
{
	struct plugin_setting settings[] = { { "recer_sys_code", "YBXT" } };
	char why[512];

	v->w = world_open();
	v->zj = open_with(&v->w, "330000", NULL, NULL);
	v->gs = open_with(&v->w, "620000", NULL, NULL);
	if (plugin_load(&v->nhsa.plugin, YT_PLUGIN_DIR "/nhsa.so", "test", settings, 1, v->w.keys, why, sizeof(why)) !=
	        0)
		fail_msg("%s", why);
	v->nhsa.api = plugin_api(v->nhsa.plugin);
	facts_begin(&v->facts, v->w.arena);
}

static void end(struct visit *v)
{
	plugin_unload(v->nhsa.plugin);
	plugin_unload(v->zj.plugin);
	plugin_unload(v->gs.plugin);
	world_close(&v->w);
}

/* What a national request and its answer leave behind. */
static struct yt_msg *said(struct visit *v, const char *request, const char *answer, struct yt_reply **reply)
{
	struct yt_msg *msg = must_decode(&v->w, &v->nhsa, yt_str(request));

	*reply = answered(
	        &v->w, &v->nhsa, msg, answer != NULL ? yt_str(answer) : YT_STR("{\"infcode\":0,\"output\":{}}"));
	if ((*reply)->outcome != YT_DONE)
		fail_msg("%.*s", YT_FMT((*reply)->text));
	facts_add(&v->facts, facts_piece(v->w.arena, msg, *reply));
	return msg;
}

/* The same message across provinces, read by the other side; its answer's facts are kept. */
static struct yt_msg *across(struct visit *v, const struct yt_msg *msg, enum yt_operation op, const char *result)
{
	struct yt_msg *own, *read;
	struct yt_reply *reply;
	struct doc a = ksbw_answer;
	char why[200];

	assert_int_equal(facts_gather(&v->facts, msg), 0);
	own = facts_compose(&v->facts, msg, yt_op(op));
	own->number = yt_arena_printf(v->w.arena, "20260318101530%010u", ++v->n_sent);
	own->sent = encoded(&v->w, &v->zj, own);
	read = must_decode(&v->w, &v->gs, own->sent);
	a.transno = yt_arena_copy(v->w.arena, read->wire_op).p;
	a.reftransid = yt_arena_copy(v->w.arena, read->number).p;
	a.body = result;
	reply = answered(&v->w, &v->zj, own, sealed(&v->w, &a));
	if (reply->outcome != YT_DONE)
		fail_msg("%.*s", YT_FMT(reply->text));
	facts_add(&v->facts, facts_piece(v->w.arena, own, reply));
	if (op == YT_OP_INPATIENT_FEES)
		facts_add(&v->facts, facts_upload(v->w.arena, msg, read->number));
	/* A hospital's answer adds up by the national rules, too. */
	if (yt_money_check(own->op->reply_money, reply->body, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	return read;
}

#define ANSWER_1101                                                                                                    \
	"{\"infcode\":0,\"output\":{\"baseinfo\":{\"psn_no\":\"" PERSON "\",\"psn_cert_type\":\"01\",\"certno\":"      \
	"\"621002197203164015\",\"psn_name\":\"苏望川\",\"gend\":\"1\",\"brdy\":\"1972-03-16\",\"age\":54},"        \
	"\"insuinfo\":"                                                                                                \
	"[{\"balc\":0,\"insutype\":\"390\",\"psn_type\":\"31\",\"psn_insu_stas\":\"1\",\"cvlserv_flag\":\"0\","        \
	"\"insuplc_admdvs\":\"621000\"}],\"idetinfo\":[]}}"
#define REQUEST_1101                                                                                                   \
	REQUEST("1101",                                                                                                \
	        "{\"data\":{\"mdtrt_cert_type\":\"02\",\"mdtrt_cert_no\":\"621002197203164015\",\"psn_cert_type\":"    \
	        "\"01\",\"certno\":\"621002197203164015\",\"psn_name\":\"苏望川\"}}")
#define REQUEST_2401                                                                                                         \
	REQUEST("2401",                                                                                                      \
	        "{\"mdtrtinfo\":{\"psn_no\":\"" PERSON "\",\"insutype\":\"390\",\"begntime\":\"2026-03-06 08:30:00\","       \
	        "\"mdtrt_cert_type\":\"02\",\"mdtrt_cert_no\":\"621002197203164015\",\"med_type\":\"21\",\"ipt_no\":"        \
	        "\"ZY26030600731\","                                                                                         \
	        "\"atddr_no\":\"D1\",\"chfpdr_name\":\"医生\",\"adm_diag_dscr\":\"腰椎间盘突出\",\"adm_dept_codg\":" \
	        "\"A03\","                                                                                                   \
	        "\"adm_dept_name\":\"骨科\",\"adm_bed\":\"12\",\"dscg_maindiag_code\":\"M51.202\",\"dscg_maindiag_"        \
	        "name\":"                                                                                                    \
	        "\"腰椎间盘突出\",\"trum_flag\":\"0\"},\"diseinfo\":[]}")
#define LINE(sn, item, amount, own, type)                                                                              \
	"{\"feedetl_sn\":\"" sn "\",\"mdtrt_id\":\"330200M1\",\"psn_no\":\"" PERSON                                    \
	"\",\"med_type\":\"21\",\"fee_ocur_time\":"                                                                    \
	"\"2026-03-10 08:00:00\",\"med_list_codg\":\"" item "\",\"medins_list_codg\":\"H-" item                        \
	"\",\"det_item_fee_sumamt\":" amount ",\"cnt\":1,\"pric\":" amount                                             \
	",\"bilg_dept_codg\":\"A03\",\"bilg_dept_name\":\"骨科\",\"bilg_dr_codg\":\"D1\","                           \
	"\"bilg_dr_name\":\"医生\"}"
#define SPLIT(sn, in, own, out, over, level, type)                                                                     \
	"{\"feedetl_sn\":\"" sn                                                                                        \
	"\",\"det_item_fee_sumamt\":0,\"cnt\":1,\"pric\":0,\"pric_uplmt_amt\":0,\"inscp_scp_amt\":" in                 \
	",\"preselfpay_amt\":" own ",\"fulamt_ownpay_amt\":" out ",\"overlmt_amt\":" over ",\"chrgitm_lv\":\"" level   \
	"\",\"med_chrgitm_type\":\"" type "\",\"lmt_used_flag\":\"0\"}"
#define CHECKED                                                                                                        \
	"<result><errorcode>0</errorcode><dupflag>0</dupflag><output><aac001>" PERSON "</aac001><aac043>01</aac043>"   \
	"<aac044>621002197203164015</aac044><aac003>苏望川</aac003><aac004>1</aac004><aac006>19720316</aac006>"     \
	"<aae140>390</aae140><ykc021>31</ykc021></output></result>"
#define REGISTERED                                                                                                     \
	"<result><errorcode>0</errorcode><dupflag>0</dupflag><output><ykc700>S6210002603060000123</ykc700>"            \
	"<ykc021>31</ykc021><aae140>390</aae140></output></result>"
#define UPLOADED                                                                                                       \
	"<result><errorcode>0</errorcode><dupflag>0</dupflag><output><okcnt>2</okcnt><oksum>180.00</oksum></output></" \
	"result>"
#define STATE                                                                                                          \
	"<result><errorcode>0</errorcode><dupflag>0</dupflag><output><ykc700>S6210002603060000123</ykc700>"            \
	"<akc068>1</akc068></output></result>"
#define SETTLED                                                                                                        \
	"<result><errorcode>0</errorcode><dupflag>0</dupflag><output><aaz216>A6210002603180000456</aaz216>"            \
	"<ykc700>S6210002603060000123</ykc700><akc194>20260318101531</akc194><ykc706>20260318</ykc706><aae140>390</"   \
	"aae140>"                                                                                                      \
	"<ykc021>31</ykc021><akc264>180.00</akc264><ake171>140.00</ake171><aka151>0.00</aka151><ake149>100.00</"       \
	"ake149>"                                                                                                      \
	"<ake039>100.00</ake039><ake035>0.00</ake035><ake026>0.00</ake026><aae045>0.00</aae045><ake032>0.00</ake032>"  \
	"<ake181>0.00</ake181><ake173>0.00</ake173><ake038>0.00</ake038><akb067>80.00</akb067><aae240>0.00</aae240>"   \
	"<ake105>0</ake105><detail/></output></result>"
#define CANCELLED                                                                                                      \
	"<result><errorcode>0</errorcode><dupflag>0</dupflag><output><aaz216>A6210002603180000457</aaz216>"            \
	"<oaaz216>A6210002603180000456</oaaz216><akc194>20260318110001</akc194><ykc706>20260318</ykc706>"              \
	"<akc264>-180.00</akc264><ake149>-100.00</ake149><ake038>0.00</ake038><akb067>-80.00</akb067></output></"      \
	"result>"

static void assert_element(const struct yt_msg *read, const char *name, const char *want)
{
	assert_text(text_of(read->octets, name), want);
}

static void test_in_patient(void **state)
{
	struct visit v = { 0 };
	struct yt_msg *msg, *read;
	struct yt_reply *split;

	begin(&v);
	msg = said(&v, REQUEST_1101, ANSWER_1101, &split);
	read = across(&v, msg, YT_OP_PERSON_CHECK, CHECKED);
	assert_element(read, "aac044", "621002197203164015");
	assert_element(read, "ake007", "20260318");
	msg = said(&v, REQUEST_2401, "{\"infcode\":0,\"output\":{\"result\":{\"mdtrt_id\":\"330200M1\"}}}", &split);
	read = across(&v, msg, YT_OP_INPATIENT_ADMIT, REGISTERED);
	assert_element(read, "aac003", "苏望川");
	assert_element(read, "ake007", "20260306083000");
	assert_element(read, "akc193", "M51.202");
	msg = said(&v,
	        REQUEST("2301", "{\"feedetail\":[" LINE("1", "X01", "100", "0", "09") "," LINE(
	                                "2", "X02", "80", "0", "01") "]}"),
	        "{\"infcode\":0,\"output\":{\"result\":[" SPLIT("2", "60", "10", "5", "5", "02", "01") "," SPLIT(
	                "1", "80", "15", "5", "0", "01", "09") "]}}",
	        &split);
	read = across(&v, msg, YT_OP_INPATIENT_FEES, UPLOADED);
	assert_element(read, "ykc700", "S6210002603060000123");
	assert_element(read, "ake171", "80.00");
	msg = said(&v,
	        REQUEST("2402",
	                "{\"dscginfo\":{\"mdtrt_id\":\"330200M1\",\"psn_no\":\"" PERSON "\",\"insutype\":\"390\","
	                "\"endtime\":\"2026-03-18 "
	                "09:00:00\",\"dscg_dept_codg\":\"A03\",\"dscg_dept_name\":\"骨科\",\"dscg_way\":\"1\"},"
	                "\"diseinfo\":[{\"mdtrt_id\":\"330200M1\",\"psn_no\":\"" PERSON
	                "\",\"diag_type\":\"1\",\"maindiag_flag\":\"1\","
	                "\"diag_srt_no\":1,\"diag_code\":\"M51.200\",\"diag_name\":\"腰椎间盘疾病\",\"diag_dept\":"
	                "\"A03\",\"dise_dor_no\":\"D1\","
	                "\"dise_dor_name\":\"医生\",\"diag_time\":\"2026-03-18 09:00:00\"}]}"),
	        NULL, &split);
	read = across(&v, msg, YT_OP_INPATIENT_DISCHARGE, STATE);
	assert_element(read, "ykc702", "20260318");
	assert_element(read, "akc196", "M51.200");
	msg = said(&v,
	        REQUEST("2304", "{\"data\":{\"psn_no\":\"" PERSON "\",\"mdtrt_cert_type\":\"02\",\"medfee_sumamt\":180,"
	                        "\"psn_setlway\":\"01\",\"mdtrt_id\":\"330200M1\",\"insutype\":\"390\",\"acct_used_"
	                        "flag\":\"0\",\"mid_setl_flag\":\"0\","
	                        "\"invono\":\"NB1\"}}"),
	        "{\"infcode\":0,\"output\":{\"setlinfo\":{\"setl_id\":\"1\"}}}", &split);
	read = across(&v, msg, YT_OP_INPATIENT_SETTLE, SETTLED);
	assert_element(read, "akc264", "180.00");
	assert_element(read, "ake171", "140.00");
	assert_element(read, "akc018", "80.00");
	assert_element(read, "akc228", "25.00");
	assert_element(read, "akc232", "15.00");
	assert_element(read, "akc235", "10.00");
	assert_element(read, "akc236", "5.00");
	assert_element(read, "feecnt", "2");
	assert_element(read, "ykc701", "20260306");
	assert_element(read, "ykc702", "20260318");
	msg = must_decode(&v.w, &v.nhsa,
	        YT_STR(REQUEST("2305", "{\"data\":{\"mdtrt_id\":\"330200M1\",\"setl_id\":"
	                               "\"A6210002603180000456\",\"psn_no\":\"" PERSON "\"}}")));
	read = across(&v, msg, YT_OP_INPATIENT_SETTLE_CANCEL, CANCELLED);
	assert_element(read, "aaz216", "A6210002603180000456");
	assert_element(read, "akb067", "-80.00");
	end(&v);
}

/* A withdrawal of lines by their numbers, which the platform has, said as 0302 has it: an upload, or all. */
static const struct withdrawal {
	const char *lines;    /* that 2302 names */
	const char *otransid; /* NULL: it cannot be said */
} withdrawals[] = { { "3", "330000202603181015300000000004" }, { "2 1", "330000202603181015300000000003" },
	{ "1 2 3", "0" }, { "0000", "0" }, { "1", NULL }, { "1 3", NULL }, { "1 1", NULL }, { "3 4", NULL },
	{ "4", NULL } };

static const char *withdrawal_of(struct visit *v, const char *lines)
{
	struct yt_buf out = { 0 };
	struct yt_str rows;

	for (const char *p = lines; *p != '\0'; p += strcspn(p, " "), p += *p == ' ')
		yt_buf_printf(&out, "%s{\"feedetl_sn\":\"%.*s\",\"mdtrt_id\":\"330200M1\",\"psn_no\":\"" PERSON "\"}",
		        out.n > 0 ? "," : "", (int)strcspn(p, " "), p);
	rows = kept(&v->w, &out);
	return yt_arena_printf(v->w.arena, REQUEST("2302", "{\"data\":[%.*s]}"), YT_FMT(rows)).p;
}

static void upload(struct visit *v, const char *request, const char *answer)
{
	struct yt_reply *split;
	struct yt_msg *msg = said(v, request, answer, &split);

	across(v, msg, YT_OP_INPATIENT_FEES, UPLOADED);
}

static void test_lines_are_withdrawn(void **state)
{
	struct yt_reply *ignored;
	struct visit v = { 0 };

	begin(&v);
	across(&v, said(&v, REQUEST_1101, ANSWER_1101, &ignored), YT_OP_PERSON_CHECK, CHECKED);
	across(&v,
	        said(&v, REQUEST_2401, "{\"infcode\":0,\"output\":{\"result\":{\"mdtrt_id\":\"330200M1\"}}}", &ignored),
	        YT_OP_INPATIENT_ADMIT, REGISTERED);
	upload(&v,
	        REQUEST("2301", "{\"feedetail\":[" LINE("1", "X01", "100", "0", "09") "," LINE(
	                                "2", "X02", "80", "0", "01") "]}"),
	        "{\"infcode\":0,\"output\":{\"result\":[" SPLIT("2", "60", "10", "5", "5", "02", "01") "," SPLIT(
	                "1", "80", "15", "5", "0", "01", "09") "]}}");
	upload(&v, REQUEST("2301", "{\"feedetail\":[" LINE("3", "X01", "100", "0", "09") "]}"),
	        "{\"infcode\":0,\"output\":{\"result\":[" SPLIT("3", "80", "15", "5", "0", "01", "09") "]}}");
	for (size_t i = 0; i < COUNT(withdrawals); i++) {
		struct yt_msg *msg = must_decode(&v.w, &v.nhsa, yt_str(withdrawal_of(&v, withdrawals[i].lines))), *own;
		struct yt_buf out = { 0 };
		int rv;

		assert_int_equal(facts_gather(&v.facts, msg), 0);
		own = facts_compose(&v.facts, msg, yt_op(YT_OP_INPATIENT_FEES_CANCEL));
		own->number = YT_STR("202603181015300000000099");
		rv = v.zj.api->encode_request(v.zj.plugin, own, &out, &v.w.fault);
		if (withdrawals[i].otransid == NULL) {
			assert_int_equal(rv, YT_EFORMAT);
			assert_string_equal(v.w.fault.path, "input.data.feedetl_sn");
			assert_non_null(strstr(v.w.fault.why, "init_feedetl_sn"));
			yt_buf_free(&out);
			continue;
		}
		assert_int_equal(rv, 0);
		assert_text(text_of(kept(&v.w, &out), "otransid"), withdrawals[i].otransid);
	}
	end(&v);
}

static void test_out_patient_registers_with_its_diagnosis(void **state)
{
	struct visit v = { 0 };
	struct yt_msg *msg, *read;
	struct yt_reply *split;

	begin(&v);
	said(&v, REQUEST_1101, ANSWER_1101, &split);
	said(&v,
	        REQUEST("2201", "{\"data\":{\"psn_no\":\"" PERSON
	                        "\",\"insutype\":\"390\",\"begntime\":\"2026-03-18 09:30:00\","
	                        "\"mdtrt_cert_type\":\"02\",\"mdtrt_cert_no\":\"621002197203164015\",\"ipt_otp_no\":"
	                        "\"MZ1\",\"atddr_no\":\"D1\",\"dr_name\":"
	                        "\"医生\",\"dept_code\":\"B01\",\"dept_name\":\"内科\",\"caty\":\"A03\"}}"),
	        "{\"infcode\":0,\"output\":{\"data\":{\"mdtrt_id\":\"330200M2\",\"psn_no\":\"" PERSON
	        "\",\"ipt_otp_no\":\"MZ1\"}}}",
	        &split);
	msg = said(&v,
	        REQUEST("2203",
	                "{\"mdtrtinfo\":{\"mdtrt_id\":\"330200M2\",\"psn_no\":\"" PERSON "\",\"med_type\":\"14\","
	                "\"begntime\":\"2026-03-18 "
	                "09:30:00\",\"dise_codg\":\"M03900\"},\"diseinfo\":[{\"diag_type\":\"1\",\"diag_srt_no\":1,"
	                "\"diag_code\":\"I10.x00\",\"diag_name\":\"高血压\",\"diag_dept\":\"B01\",\"dise_dor_no\":"
	                "\"D1\",\"dise_dor_name\":\"医生\","
	                "\"diag_time\":\"2026-03-18 09:30:00\",\"vali_flag\":\"1\"}]}"),
	        NULL, &split);
	read = across(&v, msg, YT_OP_OUTPATIENT_REGISTER, REGISTERED);
	assert_int_equal(read->op->id, YT_OP_OUTPATIENT_REGISTER);
	assert_element(read, "aka130", "13");
	assert_element(read, "dise_codg", "M03900");
	assert_element(read, "akc050", "高血压");
	assert_element(read, "akc190", "MZ1");
	end(&v);
}

/* The hub's question reaches the platform behind us; a token only where that format knows it as a secret. */
static void test_person_check_for_the_platform(void **state)
{
	struct visit v = { 0 };
	struct doc q = ksbw_request;
	struct yt_msg *msg;
	struct yt_str octets;

	begin(&v);
	q.transno = "0211";
	q.body = "<input><aab299>330200</aab299><akb026>H33020300999</akb026><akb021>示例医院</akb021><aab301>621000</"
	         "aab301>"
	         "<aac043>01</aac043><aac044>621002197203164015</aac044><aac003>苏望川</aac003><ecqrcode>TOKEN123</"
	         "ecqrcode>"
	         "<aka130>11</aka130><ake007>20260318</ake007></input>";
	msg = must_decode(&v.w, &v.gs, sealed(&v.w, &q));
	assert_text(yt_node_text(yt_node_get(msg->body, "data"), "mdtrt_cert_type"), "01");
	assert_text(yt_node_text(yt_node_get(msg->body, "data"), "mdtrt_cert_no"), "TOKEN123");
	assert_null(yt_node_get(yt_node_get(msg->body, "data"), "ecqrcode"));
	assert_text(text_of(encoded(&v.w, &v.zj, msg), "ecqrcode"), "TOKEN123");
	msg->wire_op = YT_STR("1101"); /* number and operator are the engine's */
	msg->operator_id = YT_STR("YT9001");
	octets = encoded(&v.w, &v.nhsa, msg);
	msg = must_decode(&v.w, &v.nhsa, octets);
	assert_int_equal(msg->n_secrets, 1);
	assert_text(yt_node_text(yt_node_get(msg->body, "data"), "begntime"), "2026-03-18 00:00:00");
	end(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_patient),
		cmocka_unit_test(test_lines_are_withdrawn),
		cmocka_unit_test(test_out_patient_registers_with_its_diagnosis),
		cmocka_unit_test(test_person_check_for_the_platform),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
