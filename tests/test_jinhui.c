/* Messages of 金惠保 (JH/2.0) as the plugin reads and writes them: the composed vectors, every transaction in both
 * directions, and what is refused. */
#include "insurer_peer.h"

#define PLUGIN YT_PLUGIN_DIR "/jinhui.so"
#define NUMBER "JH20261120000000000001"
#define NOW "2026-11-20 16:15:00"

static const char *const gateway[] = { "partner", "GW330799", "sign_key", "ours", "verify_key", "theirs", "allowed",
	"*", NULL };
static const char *const insurer[] = { "partner", "GW330799", "sign_key", "theirs", "verify_key", "ours", "allowed",
	"*", NULL };
/* The public halves of the pairs that signed the vectors. */
static const char *const vector_gateway[] = { "partner", "GW330799", "sign_key", "ours", "verify_key", "jhb", "allowed",
	"*", NULL };
static const char *const vector_insurer[] = { "partner", "GW330799", "sign_key", "theirs", "verify_key", "gw",
	"allowed", "*", NULL };

/* The case of jhb_2001_req.xml in canonical words, as a flow hands it over. */
static const char claim[] =
        "{\"data\":{\"policy_no\":\"JHB202633079900012345\",\"psn_name\":\"宋知远\",\"psn_cert_type\":\"01\","
        "\"certno\":\"330799197511034519\",\"gend\":\"1\",\"brdy\":\"1975-11-03\",\"tel\":\"14100000002\","
        "\"psn_no\":\"33079900000000000000000002\",\"insuplc_admdvs\":\"330799\",\"mdtrtarea_admvs\":\"330702\","
        "\"fixmedins_code\":\"H33079900001\",\"fixmedins_name\":\"金华婺江示例医院\",\"hosp_lv\":\"32\","
        "\"mdtrt_id\":\"33079920261105000001\",\"med_type\":\"21\",\"dscg_dept_name\":\"神经内科\","
        "\"begntime\":\"2026-11-05 10:00:00\",\"endtime\":\"2026-11-20 15:00:00\",\"ipt_no\":\"0088213\"},"
        "\"consent\":{\"auth_no\":\"SQ20261105000000000815\",\"auth_time\":\"2026-11-05 11:00:00\",\"scope\":\"1111\","
        "\"channel\":\"2\",\"expire_date\":\"2027-12-31\","
        "\"evidence_sm3\":\"62df319644144b1843d8139e811f3f0093ab71f2a77920692538e55ef4384043\"},"
        "\"payee\":{\"relation\":\"00\",\"name\":\"宋知远\",\"bank_acct_no\":\"6299993307000002022\","
        "\"bank_no\":\"402338099038\",\"bank_name\":\"示例婺城农商银行\"},"
        "\"setlinfo\":{\"setl_id\":\"330799202611200007\",\"setl_time\":\"2026-11-20 16:12:45\","
        "\"medfee_sumamt\":26780.00,\"hifp_pay\":15120.40,\"maf_pay\":800,\"fund_pay_sumamt\":15920.40,"
        "\"acct_pay\":560.00,\"psn_cash_pay\":10299.60,\"preselfpay_amt\":1029.50,\"overlmt_selfpay\":0.00,"
        "\"fulamt_ownpay_amt\":4600.00,\"act_pay_dedc\":600.00},"
        "\"diseinfo\":[{\"maindiag_flag\":\"0\",\"diag_code\":\"I10.x00\",\"diag_name\":\"原发性高血压\"},"
        "{\"maindiag_flag\":\"1\",\"diag_code\":\"I63.900\",\"diag_name\":\"脑梗死\"}],"
        "\"bill\":[{\"elec_bill_code\":\"33060126\",\"elec_billno_code\":\"0098765432\",\"elec_bill_chkcode\":\"9f8e7d\","
        "\"bill_date\":\"2026-11-20\",\"bill_amt\":26780.00}],"
        "\"feedetail\":["
        "{\"med_list_codg\":\"XB01ACT999A001010199903\",\"medins_list_name\":\"抗血小板药（示例）\",\"chrgitm_lv\":\"01\","
        "\"cnt\":100,\"pric\":66,\"det_item_fee_sumamt\":6600.00,\"fulamt_ownpay_amt\":0},"
        "{\"med_list_codg\":\"002103000010000\",\"medins_list_name\":\"颅脑磁共振平扫\",\"chrgitm_lv\":\"01\","
        "\"cnt\":2,\"pric\":790,\"det_item_fee_sumamt\":1580.00,\"fulamt_ownpay_amt\":0},"
        "{\"med_list_codg\":\"C0202020020000099999000000002\",\"medins_list_name\":\"一次性导管（示例）\","
        "\"chrgitm_lv\":\"03\",\"cnt\":2,\"pric\":1000,\"det_item_fee_sumamt\":2000.00,\"fulamt_ownpay_amt\":2000},"
        "{\"med_list_codg\":\"XL01FXT999A001010199904\",\"medins_list_name\":\"营养神经药（示例，目录外）\","
        "\"chrgitm_lv\":\"03\",\"cnt\":13,\"pric\":200,\"det_item_fee_sumamt\":2600.00,\"fulamt_ownpay_amt\":2600},"
        "{\"med_list_codg\":\"001201000040000\",\"medins_list_name\":\"二级护理及治疗（示例）\",\"chrgitm_lv\":\"01\","
        "\"cnt\":100,\"pric\":100,\"det_item_fee_sumamt\":10000.00,\"fulamt_ownpay_amt\":0},"
        "{\"med_list_codg\":\"C0202020020000099999000000003\",\"medins_list_name\":\"留置针及敷料（示例）\","
        "\"chrgitm_lv\":\"02\",\"cnt\":100,\"pric\":40,\"det_item_fee_sumamt\":4000.00,\"fulamt_ownpay_amt\":0}]}";

static struct world jh_world(void)
{
	struct world w = world_open();

	make_sm2(&w, "ours");
	make_sm2(&w, "theirs");
	if (access(COMPOSED "test_jhb_sm2_pub.pem", R_OK) == 0) {
		add_key_file(&w, "jhb", YT_KEY_SM2_PUBLIC, COMPOSED "test_jhb_sm2_pub.pem");
		add_key_file(&w, "gw", YT_KEY_SM2_PUBLIC, COMPOSED "test_gateway_sm2_pub.pem");
	}
	return w;
}

static struct yt_str part(struct yt_str octets, const char *from, const char *to)
{
	const char *begin = memmem(octets.p, octets.n, from, strlen(from));
	const char *end = memmem(octets.p, octets.n, to, strlen(to));

	assert_non_null(begin);
	assert_non_null(end);
	return (struct yt_str){ begin, (size_t)(end - begin) + strlen(to) };
}

static struct yt_str body_of(struct yt_str octets)
{
	return part(octets, "<BODY>", "</BODY>");
}

/* -- the vectors --------------------------------------------------------------------------------- */

static void the_composed_case_is_read_and_written_byte_for_byte(void **state)
{
	struct world w = jh_world();
	struct yt_str octets = vector(&w, "jhb_2001_req.xml"), written;
	struct codec c = open_codec(&w, PLUGIN, vector_insurer);
	struct yt_msg *msg = decoded(&w, &c, octets, "");
	static const struct {
		const char *path, *want;
	} rows[] = {
		{ "data.psn_name", "宋知远" },
		{ "data.certno", "330799197511034519" },
		{ "data.hosp_lv", "32" },
		{ "data.medfee_sumamt", "26780.00" },
		{ "data.fund_pay_sumamt", "15920.40" },
		{ "data.self_in_amt", "5230.10" },
		{ "consent.scope", "1111" },
		{ "diseinfo[0].maindiag_flag", "1" },
		{ "diseinfo[0].diag_code", "I63.900" },
		{ "diseinfo[1].maindiag_flag", "0" },
		{ "feedetail[0].list_type", "101" },
		{ "feedetail[2].list_type", "201" },
		{ "feedetail[5].list_type", "301" },
		{ "feedetail[1].cnt", "13.0000" },
		{ "feedetail[1].chrgitm_lv", "03" },
	};

	(void)state;
	assert_string_equal(msg->op->name, "claim.submit");
	assert_text(msg->number, NUMBER);
	assert_text(msg->sender, "GW330799");
	assert_text(msg->settlement, "330799202611200007");
	assert_true(msg->is_authentic);
	assert_int_equal(msg->amount_fen, 2678000);
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_text(value_at(msg->body, rows[i].path), rows[i].want);
	msg->wall_ms = msg->sent_ms;
	written = encoded(&w, &c, msg);
	assert_same(body_of(written), body_of(octets));
	assert_same(part(written, "<DIGEST>", "</DIGEST>"), part(octets, "<DIGEST>", "</DIGEST>"));
	plugin_unload(c.plugin);
	world_close(&w);
}

static void a_case_is_written_from_a_canonical_message(void **state)
{
	struct world w = jh_world();
	struct yt_str octets = vector(&w, "jhb_2001_req.xml");
	struct codec c = open_codec(&w, PLUGIN, gateway);
	struct yt_msg *msg = message(&w, YT_OP_CLAIM_SUBMIT, NUMBER, NOW, json(&w, claim));

	(void)state;
	assert_same(body_of(encoded(&w, &c, msg)), body_of(octets));
	plugin_unload(c.plugin);
	world_close(&w);
}

/* What was sent for the vectors' answers: only HEAD and APPLY_NO count. */
static struct yt_msg *asked(struct world *w, const char *name, enum yt_operation op)
{
	struct yt_msg *msg = message(w, op, NUMBER, NOW, json(w, "{\"data\":{}}"));

	msg->sent = vector(w, name);
	return msg;
}

static void the_composed_answers_are_read(void **state)
{
	struct world w = jh_world();
	struct yt_msg *submit = asked(&w, "jhb_2001_req.xml", YT_OP_CLAIM_SUBMIT);
	struct yt_msg *query = asked(&w, "jhb_2002_req.xml", YT_OP_CLAIM_QUERY);
	struct codec c = open_codec(&w, PLUGIN, vector_gateway);
	struct yt_reply *reply = answered(&w, &c, submit, 200, vector(&w, "jhb_2001_ack.xml"));

	(void)state;
	assert_int_equal(reply->outcome, YT_DONE);
	assert_text(reply->number, "JHA26112000077");
	assert_text(value_at(reply->body, "data.claim_state"), "RECEIVED");
	assert_text(reply->text, "受理成功");
	reply = answered(&w, &c, query, 200, vector(&w, "jhb_2002_rsp.xml"));
	assert_int_equal(reply->outcome, YT_DONE);
	assert_text(value_at(reply->body, "data.claim_state"), "PAID");
	assert_text(value_at(reply->body, "data.payable_amt"), "1429.80");
	assert_text(value_at(reply->body, "data.pay_time"), "2026-11-21");
	assert_text(value_at(reply->body, "data.bank_serial"), "JHPAY2026112100231");
	assert_text(value_at(reply->body, "liability[0].liability_code"), "Z01");
	assert_text(value_at(reply->body, "liability[0].ratio"), "0.5000");
	assert_text(value_at(reply->body, "liability[0].pay_amt"), "1429.80");
	plugin_unload(c.plugin);
	world_close(&w);
}

static void the_composed_answers_are_written(void **state)
{
	struct world w = jh_world();
	struct yt_str question = vector(&w, "jhb_2002_req.xml"), answer = vector(&w, "jhb_2002_rsp.xml"), written;
	struct codec c = open_codec(&w, PLUGIN, vector_gateway), i = open_codec(&w, PLUGIN, vector_insurer);
	struct yt_msg *query = asked(&w, "jhb_2002_req.xml", YT_OP_CLAIM_QUERY);
	struct yt_reply *reply = answered(&w, &c, query, 200, answer);
	struct yt_buf out = { 0 };
	struct yt_msg *msg = decoded(&w, &i, question, "");

	(void)state;
	assert_string_equal(msg->op->name, "claim.query");
	assert_text(value_at(msg->body, "data.claim_no"), "JHA26112000077");
	msg->wall_ms = msg->sent_ms;
	assert_same(body_of(encoded(&w, &i, msg)), body_of(question));
	reply->wall_ms = msg->sent_ms + 1000;
	assert_int_equal(i.api->encode_reply(i.plugin, msg, reply, &out), 0);
	written = kept(&w, &out);
	assert_same(part(written, "<?xml", "</DIGEST>"), part(answer, "<?xml", "</DIGEST>"));
	assert_same(body_of(written), body_of(answer));
	plugin_unload(c.plugin);
	plugin_unload(i.plugin);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_composed_case_is_read_and_written_byte_for_byte),
		cmocka_unit_test(a_case_is_written_from_a_canonical_message),
		cmocka_unit_test(the_composed_answers_are_read),
		cmocka_unit_test(the_composed_answers_are_written),
	};

	(void)insurer;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
