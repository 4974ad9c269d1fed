/* tests/test_translation_clinic.c - random out-patient, chronic and pharmacy visits across provinces and back, what
 * else a hospital may say, and what other provinces ask of ours.
 *
 * translation.h says how; test_translation.c has stays. */
#include "translation.h"

#define VISITS 24

#define NO_PLACE "KSBW has no element for it"
#define NO_TABLE "no table has it: what it means is between a hospital and its platform"
#define NUMBERED "the insured side's number of the visit (ykc700) stands in its place"
#define SETTLED_AS "settled is the person that was registered, under that insurance, in the one way there is"
#define REGISTERED_AS "registered is the person that 0211 found, by certificate"
#define ONE_INSURANCE "the insurance in force is said, and only of the one who is asked about"

static struct loss clinic_losses[] = {
	{ "1101", "begntime", "a day there, without its time", 0 },
	{ "1101", "province_member", NO_TABLE, 0 },
	{ "2201", "begntime", "that of 2203 comes later", 0 },
	{ "2201", "mdtrt_cert_type", REGISTERED_AS, 0 },
	{ "2201", "dept_name", "departments have a code there, no name", 0 },
	{ "2201", "caty", NO_PLACE, 0 },
	{ "2201", "province_member", NO_TABLE, 0 },
	{ "2202", "mdtrt_id", NUMBERED, 0 },
	{ "2202", "province_member", NO_TABLE, 0 },
	{ "2203", "mdtrt_id", NUMBERED, 0 },
	{ "2203",
	        "main_cond_dscr dise_name birctrl_type birctrl_matn_date diag_type diag_srt_no diag_name diag_dept "
	        "dise_dor_no dise_dor_name diag_time vali_flag",
	        NO_PLACE, 0 },
	{ "2203", "province_member", NO_TABLE, 0 },
	{ "2204", "mdtrt_id chrg_bchno", NUMBERED, 0 },
	{ "2204", "bilg_dept_codg bilg_dr_codg", "one element for code and name: the name goes", 0 },
	{ "2204",
	        "dise_codg rx_circ_flag sin_dos_dscr used_frqu_dscr prd_days medc_way_dscr acord_dept_codg "
	        "acord_dept_name orders_dr_code orders_dr_name hosp_appr_flag tcmdrug_used_way etip_flag "
	        "etip_hosp_code dscg_tkdrug_flag matn_fee_flag exp_content",
	        NO_PLACE, 0 },
	{ "2204", "province_member", NO_TABLE, 0 },
	{ "2205", "mdtrt_id chrg_bchno", NUMBERED, 0 },
	{ "2205", "psn_no", "otransid 0 says: all lines of the visit", 0 },
	{ "2205", "province_member", NO_TABLE, 0 },
	{ "2206", "mdtrt_id", NUMBERED, 0 },
	{ "2206", "mdtrt_cert_type psn_setlway insutype", SETTLED_AS, 0 },
	{ "2206", "exp_content pub_hosp_rfom_flag", NO_PLACE, 0 },
	{ "2206", "province_member", NO_TABLE, 0 },
	{ "2207", "mdtrt_id chrg_bchno", NUMBERED, 0 },
	{ "2207", "mdtrt_cert_type psn_setlway insutype", SETTLED_AS, 0 },
	{ "2207", "exp_content pub_hosp_rfom_flag minpacunt_drug_trac_cnt mcs_trac_cnt", NO_PLACE, 0 },
	{ "2207", "province_member", NO_TABLE, 0 },
	{ "2208", "mdtrt_id", NUMBERED, 0 },
	{ "2208", "province_member", NO_TABLE, 0 },
	{ "2102", "mdtrt_cert_type", REGISTERED_AS, 0 },
	{ "2102", "exp_content", NO_PLACE, 0 },
	{ "2102", "province_member", NO_TABLE, 0 },
	{ "2102 lines", "bilg_dr_codg", "one element for code and name: the name goes", 0 },
	{ "2102 lines", "rx_circ_flag sin_dos_dscr used_frqu_dscr prd_days medc_way_dscr tcmdrug_used_way", NO_PLACE,
	        0 },
	{ "2102 lines", "province_member", NO_TABLE, 0 },
	{ "2103", "mdtrt_id", NUMBERED, 0 },
	{ "2103", "province_member", NO_TABLE, 0 },
	{ "2601", "omsgid oinfno", "the number and name of what was sent across stand in their place", 0 },
	{ "2601", "province_member", NO_TABLE, 0 },
	{ "0211 answer", "naty age exp_content psn_insu_date emp_name psn_type_lv memo begntime", NO_PLACE, 0 },
	{ "0211 answer", "balc insutype psn_type psn_insu_stas cvlserv_flag insuplc_admdvs", ONE_INSURANCE, 0 },
	{ "0211 answer", "province_member", NO_TABLE, 0 },
};

/* -- out-patients ------------------------------------------------------------------------------- */

static struct yt_msg *register_at_home(struct visit *v)
{
	return said(v, random_request(v, "2201", "data", NULL, 0),
	        "{\"infcode\":0,\"output\":{\"data\":{\"mdtrt_id\":\"330200M1\",\"psn_no\":\"" PERSON
	        "\",\"ipt_otp_no\":\"MZ1\"}}}");
}

/* Each charge batch is registered on its own, at its first upload: of what three messages have said. */
static void upload(struct visit *v, const struct yt_msg *registered_at_home, const struct yt_msg *visited)
{
	const char *split, *octets = random_lines(v, "2204", NULL, "feedetail", false, &split);
	struct yt_msg *own, *read,
	        *msg = said(v, octets,
	                yt_arena_printf(v->w.arena, "{\"infcode\":0,\"output\":{\"result\":[%s]}}", split).p);

	read = asked_across(v, msg, YT_OP_OUTPATIENT_REGISTER, &own);
	assert_int_equal(read->op->id, YT_OP_OUTPATIENT_REGISTER);
	assert_text(text_of(own->sent, "emerg"), strcmp(v->med_type, "13") == 0 ? "1" : "0");
	assert_arrives("2201", registered_at_home->body, read->body);
	assert_arrives("2203", visited->body, read->body);
	answered_across(v, msg, own, registered(v));
	across(v, msg, YT_OP_OUTPATIENT_FEES, uploaded(v));
}

static void settle(struct visit *v)
{
	across(v, said(v, random_request(v, "2206", "data", NULL, 0), NULL), YT_OP_OUTPATIENT_PRESETTLE,
	        settled(v, false));
	across(v, said(v, random_request(v, "2207", "data", NULL, 0), NULL), YT_OP_OUTPATIENT_SETTLE, settled(v, true));
}

static void undo(struct visit *v)
{
	across(v, said(v, random_request(v, "2208", "data", NULL, 0), NULL), YT_OP_OUTPATIENT_SETTLE_CANCEL,
	        reversed(v));
	across(v, said(v, random_request(v, "2205", "data", NULL, 0), "{\"infcode\":0,\"output\":{}}"),
	        YT_OP_OUTPATIENT_FEES_CANCEL, withdrawn(v));
	across(v, said(v, random_request(v, "2202", "data", NULL, 0), NULL), YT_OP_OUTPATIENT_REGISTER_CANCEL,
	        STATE_IS("0"));
}

static void begin_clinic(struct visit *v, unsigned i, const char *med_type)
{
	begin(v, i % 2 == 0 ? "UTF-8" : "GB18030");
	v->med_type = med_type;
	v->setlement = "A6210002603180000456";
	check_person(v);
}

static void test_random_out_patients(void **state)
{
	static const char *const types[] = { "11", "13", "14" };

	for (unsigned i = 0; i < VISITS; i++) {
		struct yt_msg *registered_at_home, *visited;
		struct visit v;

		begin_clinic(&v, i, types[i % COUNT(types)]);
		registered_at_home = register_at_home(&v);
		visited = said(&v, random_request(&v, "2203", "mdtrtinfo", "diseinfo", 1 + rnd(3)),
		        "{\"infcode\":0,\"output\":{}}");
		upload(&v, registered_at_home, visited);
		settle(&v);
		undo(&v);
		end(&v);
	}
	assert_int_equal(n_wrong, 0);
}

/* What 2203 says of a diagnosis that does not hold any more is no diagnosis; said again, it takes the old ones' place.
 */
static void test_diagnoses_that_do_not_hold(void **state)
{
	struct yt_msg *msg, *own;
	struct visit v;
	const char *split;

	begin_clinic(&v, 0, "11");
	register_at_home(&v);
	said(&v, random_request(&v, "2203", "mdtrtinfo", "diseinfo", 3), "{\"infcode\":0,\"output\":{}}");
	v.struck_out = 0;
	msg = said(&v, random_request(&v, "2203", "mdtrtinfo", "diseinfo", 3), "{\"infcode\":0,\"output\":{}}");
	asked_across(&v, msg, YT_OP_OUTPATIENT_REGISTER, &own);
	assert_text(text_of(own->sent, "akc193"), "I10.x01");
	assert_text(text_of(own->sent, "ykc601"), "I10.x02");
	assert_null(memmem(own->sent.p, own->sent.n, "ykc602", 6));
	msg = said(&v, random_lines(&v, "2204", NULL, "feedetail", false, &split), NULL);
	asked_across(&v, msg, YT_OP_OUTPATIENT_REGISTER, &own);
	assert_text(text_of(own->sent, "akc193"), "I10.x01");
	assert_text(text_of(own->sent, "ykc601"), "I10.x02");
	assert_null(memmem(own->sent.p, own->sent.n, "ykc602", 6));
	end(&v);
}

/* -- pharmacies --------------------------------------------------------------------------------- */

/* 2102 is four steps: 2101 at home, which splits the lines; 0212, 0301 and 0304 across. */
static void purchase(struct visit *v)
{
	const char *split, *octets = random_lines(v, "2102", "druginfo", "drugdetail", false, &split);
	struct yt_msg *msg = said(v, octets, NULL), *own, *read, *registered_as;
	struct yt_msg *at_home = facts_compose(&v->facts, msg, yt_op(YT_OP_PHARMACY_PRESETTLE));
	struct yt_reply *home;

	at_home->wire_op = YT_STR("2101");
	home = answered(&v->w, &v->nhsa, at_home,
	        yt_str(yt_arena_printf(v->w.arena,
	                "{\"infcode\":0,\"output\":{\"setlinfo\":{\"medfee_sumamt\":%s},\"detlcutinfo\":[%s]}}",
	                money(&v->w, v->total_fen), split)
	                        .p));
	assert_int_equal(home->outcome, YT_DONE);
	facts_add(&v->facts, facts_piece(v->w.arena, at_home, home));
	registered_as = asked_across(v, msg, YT_OP_OUTPATIENT_REGISTER, &own);
	assert_int_equal(registered_as->op->id, YT_OP_OUTPATIENT_REGISTER);
	answered_across(v, msg, own, registered(v));
	read = asked_across(v, msg, YT_OP_OUTPATIENT_FEES, &own);
	assert_arrives("2102 lines", yt_node_get(msg->body, "drugdetail"), read->body);
	answered_across(v, msg, own, uploaded(v));
	read = asked_across(v, msg, YT_OP_PHARMACY_SETTLE, &own);
	assert_int_equal(read->op->id, YT_OP_PHARMACY_SETTLE);
	/* What it says of the purchase stands in one of two messages. */
	yt_node_get(registered_as->body, "data")->last->next = yt_node_get(read->body, "data")->child;
	assert_arrives("2102", yt_node_get(msg->body, "druginfo"), registered_as->body);
	answered_across(v, msg, own, settled(v, true));
}

static void test_random_purchases(void **state)
{
	for (unsigned i = 0; i < VISITS; i++) {
		struct visit v;

		begin_clinic(&v, i, "41");
		purchase(&v);
		across(&v, said(&v, random_request(&v, "2103", "data", NULL, 0), NULL), YT_OP_PHARMACY_SETTLE_CANCEL,
		        reversed(&v));
		end(&v);
	}
	assert_int_equal(n_wrong, 0);
}

/* -- what a hospital may say beside visits ------------------------------------------------------ */

/* A hospital's 2601 names a number that means nothing across provinces: the gateway knows what it became. */
static void test_reversals(void **state)
{
	static const char *const originals[] = { "2207", "2304", "2102" };

	for (unsigned i = 0; i < 2 * COUNT(originals); i++) {
		struct yt_msg *msg, *own, reversal, *read;
		const char *split;
		struct visit v;

		begin_clinic(&v, i, "41");
		v.original = originals[i % 3];
		msg = said(&v, random_lines(&v, "2102", "druginfo", "drugdetail", false, &split), NULL);
		facts_add(&v.facts, json(&v.w, "{\"set\":{\"ykc700\":\"" REGISTRATION "\"}}"));
		asked_across(&v, msg, YT_OP_OUTPATIENT_REGISTER, &own);
		reversal = *yt_msg_new(v.w.arena);
		assert_int_equal(v.zj.api->reversal_of(v.zj.plugin, own, &reversal), 0);
		reversal.own_number = YT_STR("330000202603181017300000000077");
		reversal.wall_ms = INT64_C(1773800250000);
		reversal.time = YT_STR("2026-03-18 10:17:30");
		read = must_decode(&v.w, &v.gs, encoded(&v.w, &v.zj, &reversal));
		assert_int_equal(read->op->id, YT_OP_REVERSE);
		assert_text(read->original_wire_op, "0212");
		assert_same(read->original_number, text_of(own->sent, "transid"));
		msg = said(&v, random_request(&v, "2601", "data", NULL, 0), NULL);
		assert_refused(&v, msg, YT_OP_REVERSE, "input.data.otransno", "0304 must come first");
		facts_add(
		        &v.facts, json(&v.w, "{\"set\":{\"otransno\":\"0304\",\"otransid\":"
		                             "\"330000202603181015300000000099\",\"osendtime\":\"20260318101530\"}}"));
		across(&v, msg, YT_OP_REVERSE, SAID_OK "<effect>1</effect>" SAID_END);
		end(&v);
	}
	assert_int_equal(n_wrong, 0);
}

/* What a hospital settles with its own centre, and files there, is no province's business: refused by name. */
static void test_what_stays_at_home(void **state)
{
	static const struct {
		const char *wire, *node, *path, *why;
	} rows[] = {
		{ "3201", "data", "input.data.ykc706", "is missing" },
		{ "3202", "data", "input.data.ykc706", "is missing" },
		{ "2501", "refmedin", "(message)", "KSBW 1.0 does not have" },
		{ "2503", "data", "(message)", "KSBW 1.0 does not have" },
		{ "2505", "data", "(message)", "KSBW 1.0 does not have" },
		{ "1162", "data", "(message)", "KSBW 1.0 does not have" },
		{ "5203", "data", "(message)", "KSBW 1.0 does not have" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct yt_msg *msg;
		struct visit v;

		begin_clinic(&v, (unsigned)i, "11");
		msg = said(&v, random_request(&v, rows[i].wire, rows[i].node, NULL, 0), NULL);
		assert_refused(&v, msg, msg->op->id, rows[i].path, rows[i].why);
		end(&v);
	}
}

/* -- what other provinces ask of ours ----------------------------------------------------------- */

static const char *national_number(struct visit *v, enum yt_operation op)
{
	for (const struct yt_wire_op *row = v->nhsa.api->ops; row->wire != NULL; row++)
		if (row->op == op)
			return row->wire;
	return "";
}

/* msg, which came from the hub, as our own platform hears it; NULL: it is refused by a path. */
static struct yt_msg *at_home(struct visit *v, struct yt_msg *msg)
{
	struct yt_buf out = { 0 };
	struct yt_msg *own;
	int rv;

	assert_int_equal(facts_gather(&v->facts, msg), 0);
	own = facts_compose(&v->facts, msg, msg->op);
	own->wire_op = yt_str(national_number(v, msg->op->id));
	own->number = YT_STR("H33020300999202603181015300001");
	memset(&v->w.fault, 0, sizeof(v->w.fault));
	rv = v->nhsa.api->encode_request(v->nhsa.plugin, own, &out, &v->w.fault);
	if (rv != 0 && (rv != YT_EFORMAT || v->w.fault.path[0] == '\0' || v->w.fault.why[0] == '\0'))
		fail_msg("%.*s: %d without a path", YT_FMT(msg->wire_op), rv);
	return rv == 0 ? must_decode(&v->w, &v->nhsa, kept(&v->w, &out)) : (yt_buf_free(&out), NULL);
}

/* A platform is asked who somebody is.  All else goes to our province in its own format; said nationally, it lacks what
 * only hospitals say, and the first such member is named. */
static const struct asked {
	const char *number, *path; /* which are refused, separated by a space; NULL: none */
} asked_of_us[] = {
	{ "0211", NULL },
	{ "0212", "input.mdtrtinfo.psn_no input.data.mdtrt_cert_type" },
	{ "0213", "input.adminfo.psn_no" },
	{ "0214", NULL },
	{ "0215", "input.dscginfo.insutype input.dscginfo.dscg_way" },
	{ "0216", NULL },
	{ "0301", "input.feedetail[0].mdtrt_id" },
	{ "0302", "input.data" },
	{ "0303", "input.data.mdtrt_cert_type input.data.invono input.druginfo" },
	{ "0304", "input.data.mdtrt_cert_type input.data.invono input.druginfo" },
	{ "0305", NULL },
	{ "1301", "input.data.psn_no input.data.omsgid" },
	{ "P001", "(message)" },
	{ "P101", "(message)" },
	{ "P102", "(message)" },
	{ "P201", "(message)" },
	{ "P301", "input.data.insutype" },
	{ "P302", "input.data.clr_type" },
};

static void ask(struct visit *v, const struct asked *asked, enum yt_charset charset)
{
	struct doc q = ksbw_request;
	struct yt_msg *msg, *heard;

	plugin_unload(v->gs.plugin);
	v->gs = open_with(&v->w, "620000", "invariants", ""); /* random amounts add up to nothing */
	q.transno = asked->number;
	q.msgtype = strcmp(asked->number, "P102") == 0 ? "N" : "Q";
	q.charset = charset;
	q.body = random_body(&v->w, asked->number, "in").p;
	msg = must_decode(&v->w, &v->gs, sealed(&v->w, &q));
	heard = at_home(v, msg);
	if (heard != NULL && asked->path != NULL)
		fail_msg("%s can be said", asked->number);
	if (heard == NULL && (asked->path == NULL || strstr(asked->path, v->w.fault.path) == NULL))
		fail_msg("%s: %s %s", asked->number, v->w.fault.path, v->w.fault.why);
	if (heard != NULL)
		assert_arrives(asked->number, msg->body, heard->body);
}

static void test_requests_from_the_hub(void **state)
{
	lines_read();
	for (unsigned i = 0; i < 8 * COUNT(asked_of_us); i++) {
		struct visit v;

		begin(&v, "UTF-8");
		ask(&v, &asked_of_us[i % COUNT(asked_of_us)], i % 2 == 0 ? YT_UTF8 : YT_GB18030);
		end(&v);
	}
	assert_int_equal(n_wrong, 0);
}

/* What our platform says of a person of ours is said to the hub, in either encoding. */
static void test_answers_to_the_hub(void **state)
{
	lines_read();
	for (unsigned i = 0; i < VISITS; i++) {
		struct doc q = ksbw_request;
		struct yt_msg *msg;
		struct yt_reply *reply, *heard;
		struct visit v;

		begin(&v, i % 2 == 0 ? "UTF-8" : "GB18030");
		q.transno = "0211";
		q.body = random_body(&v.w, "0211", "in").p;
		msg = must_decode(&v.w, &v.gs, sealed(&v.w, &q));
		reply = answered(&v.w, &v.nhsa, at_home(&v, msg),
		        yt_str(yt_arena_printf(v.w.arena,
		                "{\"infcode\":0,\"output\":{\"baseinfo\":{\"psn_no\":\"" PERSON
		                "\",\"psn_cert_type\":\"01\",\"certno\":\"" CERTIFICATE
		                "\",\"psn_name\":\"%s\",\"gend\":\"2\",\"naty\":\"01\",\"brdy\":\"1972-03-16\",\"age\":54,"
		                "\"exp_content\":\"%s\",\"province_member\":\"䶮\"},\"insuinfo\":[{\"balc\":12.5,"
		                "\"insutype\":\"390\",\"psn_type\":\"31\",\"psn_insu_stas\":\"1\",\"psn_insu_date\":"
		                "\"2001-01-01\",\"cvlserv_flag\":\"0\",\"insuplc_admdvs\":\"621000\",\"emp_name\":\"%s\"},"
		                "{\"balc\":7,\"insutype\":\"510\",\"psn_type\":\"32\",\"psn_insu_stas\":\"2\","
		                "\"cvlserv_flag\":\"1\",\"insuplc_admdvs\":\"621000\"}],\"idetinfo\":[{\"psn_idet_type\":"
		                "\"12\",\"psn_type_lv\":\"1\",\"memo\":\"%s\",\"begntime\":\"2020-01-01 00:00:00\"}]}}",
		                v.person, name(&v.w, 20), name(&v.w, 20), name(&v.w, 20))
		                        .p));
		assert_int_equal(reply->outcome, YT_DONE);
		msg->sent = sealed(&v.w, &q);
		heard = answered(&v.w, &v.zj, msg, encoded_reply(&v.w, &v.gs, msg, reply));
		if (heard->outcome != YT_DONE)
			fail_msg("%.*s", YT_FMT(heard->text));
		assert_arrives("0211 answer", reply->body, heard->body);
		end(&v);
	}
	assert_int_equal(n_wrong, 0);
}

/* -- the lists ---------------------------------------------------------------------------------- */

static void test_losses_are_all_told(void **state)
{
	assert_losses_are_told();
}

static int list_losses(void **state)
{
	losses = clinic_losses, n_losses = COUNT(clinic_losses);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_out_patients), cmocka_unit_test(test_diagnoses_that_do_not_hold),
		cmocka_unit_test(test_random_purchases), cmocka_unit_test(test_reversals),
		cmocka_unit_test(test_what_stays_at_home), cmocka_unit_test(test_requests_from_the_hub),
		cmocka_unit_test(test_answers_to_the_hub),
		cmocka_unit_test(test_losses_are_all_told), /* what those above have lost */
	};

	return cmocka_run_group_tests(tests, list_losses, NULL);
}
