/* Messages of 天一甬宁保 (TY/1.0, TY/1.1) as the plugin reads and writes them: the composed vectors byte for byte,
 * every call in both directions, and what is refused. */
#include "insurer_peer.h"

#define PLUGIN YT_PLUGIN_DIR "/tianyi.so"

static const char *const usual[] = { "app_id", "gw330299", "key", "mac", "field_key", "field", "version", "1.1",
	"allowed", "*", NULL };

/* The claim of ty_claim_req.json in canonical words, as a flow hands it over. */
static const char claim[] =
        "{\"data\":{\"claim_type\":\"1\",\"policy_no\":\"TY2026330299000123456\",\"psn_name\":\"林晚晴\","
        "\"psn_cert_type\":\"01\",\"certno\":\"330299198804123029\",\"gend\":\"2\",\"brdy\":\"1988-04-12\","
        "\"tel\":\"14100000001\",\"psn_no\":\"33029900000000000000000001\",\"insuplc_admdvs\":\"330299\","
        "\"fixmedins_code\":\"H33029900001\",\"fixmedins_name\":\"宁波甬江示例医院\",\"hosp_lv\":\"31\","
        "\"mdtrt_id\":\"33029920261114000001\",\"med_type\":\"21\",\"dept_name\":\"普外科\","
        "\"begntime\":\"2026-11-14 08:30:00\",\"endtime\":\"2026-11-20\",\"ipt_no\":\"ZY0042117\","
        "\"cross_region\":\"0\",\"act_pay_dedc\":800.00},"
        "\"consent\":{\"auth_no\":\"SQ20261114000000004711\",\"auth_time\":\"2026-11-14 10:21:33\",\"scope\":\"1111\","
        "\"channel\":\"1\",\"expire_date\":\"2027-12-31\","
        "\"evidence_sm3\":\"651b96df59518f631ae23117c3b0db0b6971200a242f4dbc39f7be3065420a69\"},"
        "\"payee\":{\"relation\":\"00\",\"name\":\"林晚晴\",\"bank_acct_no\":\"6299993302000001017\","
        "\"bank_no\":\"313332099026\",\"bank_name\":\"示例甬江银行营业部\"},"
        "\"setlinfo\":{\"setl_id\":\"330299202611200001\",\"setl_time\":\"2026-11-20 15:42:10\","
        "\"medfee_sumamt\":48632.15,\"hifp_pay\":28940.62,\"hifmi_pay\":3000.00,\"hifob_pay\":105.20,"
        "\"fund_pay_sumamt\":32045.82,\"acct_pay\":1200.00,\"psn_cash_pay\":15386.33,\"preselfpay_amt\":1412.50,"
        "\"overlmt_selfpay\":355.40,\"fulamt_ownpay_amt\":6900.00,\"psn_part_amt\":16586.33},"
        "\"diseinfo\":[{\"maindiag_flag\":\"1\",\"diag_code\":\"K80.100\",\"diag_name\":\"胆囊结石伴慢性胆囊炎\"},"
        "{\"maindiag_flag\":\"0\",\"diag_code\":\"E11.900\",\"diag_name\":\"2型糖尿病\"}],"
        "\"oprninfo\":[{\"oprn_oprt_code\":\"51.2300\",\"oprn_oprt_name\":\"腹腔镜下胆囊切除术\","
        "\"oprn_oprt_date\":\"2026-11-16\"}],"
        "\"bill\":[{\"elec_bill_code\":\"33060126\",\"elec_billno_code\":\"0012345678\",\"elec_bill_chkcode\":\"a1b2c3\","
        "\"bill_date\":\"2026-11-20\",\"bill_amt\":48632.15}],"
        "\"feedetail\":["
        "{\"med_list_codg\":\"XJ01DDT999A001010199901\",\"medins_list_name\":\"注射用头孢（示例）\",\"chrgitm_lv\":\"01\","
        "\"cnt\":30.864,\"pric\":400.000000,\"det_item_fee_sumamt\":12345.60,\"fulamt_ownpay_amt\":0,"
        "\"fee_ocur_time\":\"2026-11-15 09:00:00\"},"
        "{\"med_list_codg\":\"XL01EXT999A001010199902\",\"medins_list_name\":\"靶向药（示例，目录外）\",\"chrgitm_lv\":\"03\","
        "\"cnt\":1,\"pric\":6900,\"det_item_fee_sumamt\":6900.00,\"fulamt_ownpay_amt\":6900.00,"
        "\"fee_ocur_time\":\"2026-11-17 09:00:00\"},"
        "{\"med_list_codg\":\"003311020170000\",\"medins_list_name\":\"腹腔镜下胆囊切除术\",\"chrgitm_lv\":\"01\","
        "\"cnt\":1,\"pric\":18500,\"det_item_fee_sumamt\":18500.00,\"fulamt_ownpay_amt\":0,"
        "\"fee_ocur_time\":\"2026-11-16 11:20:00\"},"
        "{\"med_list_codg\":\"C0101010010000099999000000001\",\"medins_list_name\":\"一次性穿刺器（示例）\","
        "\"chrgitm_lv\":\"02\",\"selfpay_prop\":0.1,\"cnt\":1,\"pric\":8886.55,\"det_item_fee_sumamt\":8886.55,"
        "\"fulamt_ownpay_amt\":0,\"fee_ocur_time\":\"2026-11-16 11:20:00\"},"
        "{\"med_list_codg\":\"001109000010000\",\"medins_list_name\":\"普通病房床位费\",\"chrgitm_lv\":\"01\","
        "\"cnt\":6.25,\"pric\":320,\"det_item_fee_sumamt\":2000.00,\"fulamt_ownpay_amt\":0,"
        "\"fee_ocur_time\":\"2026-11-20 08:00:00\"}]}";

#define NUMBER "TY20261120000000000001"
#define NOW "2026-11-20 15:44:30"

static struct yt_str body_of(struct yt_str octets)
{
	const char *end = memchr(octets.p, '\n', octets.n);

	assert_non_null(end);
	return (struct yt_str){ end + 1, octets.n - (size_t)(end + 1 - octets.p) };
}

/* -- the vectors --------------------------------------------------------------------------------- */

static void the_composed_claim_is_read_and_written_byte_for_byte(void **state)
{
	struct world w = world_open();
	struct yt_str body = vector(&w, "ty_claim_req.json");
	struct codec c = open_codec(&w, PLUGIN, usual);
	struct yt_msg *msg = decoded(&w, &c, body, "/ins/v1/claims");
	static const struct {
		const char *path, *want;
	} rows[] = {
		{ "data.certno", "330299198804123029" },
		{ "data.tel", "14100000001" },
		{ "payee.bank_acct_no", "6299993302000001017" },
		{ "data.gend", "2" },
		{ "data.psn_cert_type", "01" },
		{ "data.hosp_lv", "31" },
		{ "data.cross_region", "0" },
		{ "data.medfee_sumamt", "48632.15" },
		{ "data.hifmi_pay", "3105.20" },
		{ "data.self_in_amt", "7918.43" },
		{ "consent.scope", "1111" },
		{ "consent.auth_time", "2026-11-14 10:21:33" },
		{ "diseinfo[0].maindiag_flag", "1" },
		{ "feedetail[0].cnt", "30.8640" },
		{ "feedetail[3].selfpay_prop", "0.1000" },
		{ "feedetail[3].list_type", "301" },
		{ "bill[0].elec_bill_chkcode", "a1b2c3" },
	};

	(void)state;
	assert_string_equal(msg->op->name, "claim.submit");
	assert_text(msg->number, NUMBER);
	assert_text(msg->institution, "H33029900001");
	assert_text(msg->settlement, "330299202611200001");
	assert_text(msg->person, "33029900000000000000000001");
	assert_int_equal(msg->amount_fen, 4863215);
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_text(value_at(msg->body, rows[i].path), rows[i].want);
	msg->wall_ms = 1795160670123;
	assert_same(body_of(encoded(&w, &c, msg)), body); /* the cipher texts that were read go on as they are */
	plugin_unload(c.plugin);
	world_close(&w);
}

/* text without the cipher texts, which are new each time */
static struct yt_str without_seals(struct world *w, struct yt_str text)
{
	struct yt_buf out = { 0 };

	for (size_t i = 0; i < text.n; i++) {
		if (text.n - i > 5 && memcmp(text.p + i, "\"SM4:", 5) == 0) {
			for (i++; text.p[i] != '"';)
				i++;
		}
		yt_buf_byte(&out, (uint8_t)text.p[i]);
	}
	return kept(w, &out);
}

static void a_claim_is_written_from_a_canonical_message(void **state)
{
	struct world w = world_open();
	struct yt_str body = vector(&w, "ty_claim_req.json");
	struct codec c = open_codec(&w, PLUGIN, usual);
	struct yt_msg *msg = message(&w, YT_OP_CLAIM_SUBMIT, NUMBER, NOW, json(&w, claim)), *back;
	struct yt_str octets = encoded(&w, &c, msg);

	(void)state;
	assert_same(without_seals(&w, body_of(octets)), without_seals(&w, body));
	back = decoded(&w, &c, octets, "");
	assert_text(value_at(back->body, "data.certno"), "330299198804123029");
	assert_text(value_at(back->body, "payee.bank_acct_no"), "6299993302000001017");
	plugin_unload(c.plugin);
	world_close(&w);
}

static void the_composed_answer_is_read_and_written(void **state)
{
	struct world w = world_open();
	struct yt_str body = vector(&w, "ty_claim_rsp.json");
	struct codec c = open_codec(&w, PLUGIN, usual);
	struct yt_msg *msg = message(&w, YT_OP_CLAIM_SUBMIT, NUMBER, NOW, json(&w, claim));
	struct yt_buf out = { 0 };
	struct yt_reply *reply;

	(void)state;
	msg->sent = encoded(&w, &c, msg);
	msg->path = YT_STR("/where/it/came/in"); /* what was sent tells its own */
	reply = answered(&w, &c, msg, 202, body);
	assert_int_equal(reply->outcome, YT_DONE);
	assert_text(reply->number, "TYC2026112000000917");
	assert_text(value_at(reply->body, "data.claim_state"), "RECEIVED");
	assert_text(value_at(reply->body, "data.received_time"), "2026-11-20 15:44:31");
	reply->text = (struct yt_str){ NULL, 0 };
	msg->number = msg->own_number;
	assert_int_equal(c.api->encode_reply(c.plugin, msg, reply, &out), 0);
	assert_same(kept(&w, &out), body);
	plugin_unload(c.plugin);
	world_close(&w);
}

static void the_composed_event_is_read_written_and_acknowledged(void **state)
{
	struct world w = world_open();
	struct yt_str body = vector(&w, "ty_callback.json");
	struct codec c = open_codec(&w, PLUGIN, usual);
	struct yt_msg *msg = decoded(&w, &c, body, "/insurer/ty/callback");
	struct yt_reply *reply = yt_reply_new(w.arena);
	struct yt_buf out = { 0 };

	(void)state;
	assert_string_equal(msg->op->name, "claim.result");
	assert_text(msg->number, "EV20261120000000031");
	assert_text(msg->institution, "TIANYI");
	assert_text(msg->settlement, "330299202611200001");
	assert_text(value_at(msg->body, "data.claim_state"), "ADJUDICATED");
	assert_text(value_at(msg->body, "data.payable_amt"), "3726.26");
	assert_text(value_at(msg->body, "data.pay_by"), "INSURER");
	assert_text(value_at(msg->body, "data.event_seq"), "3");
	assert_text(value_at(msg->body, "liability[0].ratio"), "0.6000");
	assert_text(value_at(msg->body, "liability[1].pay_amt"), "1127.70");
	assert_same(body_of(encoded(&w, &c, msg)), body);
	reply->outcome = YT_DONE;
	assert_int_equal(c.api->encode_reply(c.plugin, msg, reply, &out), 0);
	assert_text(kept(&w, &out), "{\"code\":\"0\"}");
	plugin_unload(c.plugin);
	world_close(&w);
}

/* -- paths --------------------------------------------------------------------------------------- */

static const struct asked_for {
	const char *path, *body;
	const char *op;          /* NULL: no call of the profile */
	const char *member, *is; /* of the business part; NULL: none */
} asked_for[] = {
	{ "/ins/v1/claims/TYC1", "", "claim.query", "data.claim_no", "TYC1" },
	{ "/ins/v1/claims?requestNo=TY20261120000000000001", "", "claim.query", "data.request_no", NUMBER },
	{ "/ins/v1/reconciliation/2026-11-20?page=2", "", "claim.statement", "data.page", "2" },
	{ "/ins/v1/reconciliation/2026-11-20", "", "claim.statement", "data.stmt_date", "2026-11-20" },
	{ "/ins/v1/claims/TYC1/withdraw", "{\"requestNo\":\"" NUMBER "\",\"reason\":\"CONSENT_WITHDRAWN\"}",
	        "claim.withdraw", "data.withdraw_reason", "2" },
	{ "/ins/v1/claims", "", NULL, NULL, NULL },
	{ "/ins/v1/claims/", "", NULL, NULL, NULL },
	{ "/ins/v1/claims/a/b", "", NULL, NULL, NULL },
	{ "/ins/v1/claims/..%2Fx", "", NULL, NULL, NULL },
	{ "/ins/v1/claims/TYC1?x=1", "", NULL, NULL, NULL },
	{ "/ins/v1/claims?requestNo=", "", NULL, NULL, NULL },
	{ "/ins/v1/claims?requestno=1", "", NULL, NULL, NULL },
	{ "/ins/v1/reconciliation/2026-11-20?page=1&page=2", "", NULL, NULL, NULL },
	{ "/ins/v1/claims/TYC1/withdraw?x=1", "{}", NULL, NULL, NULL },
	{ "/ins/v1/claims/TYC1/withdrawal", "{}", NULL, NULL, NULL },
	{ "/ins/v1/claims/TYC1", "{}", NULL, NULL, NULL },
	{ "/insurer/ty/callback", "", NULL, NULL, NULL },
	{ "/insurer/ty/callback/", "{}", NULL, NULL, NULL },
	{ "/", "{}", NULL, NULL, NULL },
};

static void a_path_says_which_call_it_is(void **state)
{
	struct world w = world_open();
	struct codec c = open_codec(&w, PLUGIN, usual);

	(void)state;
	for (size_t i = 0; i < COUNT(asked_for); i++) {
		struct yt_msg *msg = yt_msg_new(w.arena);
		int rv;

		msg->path = yt_str(asked_for[i].path);
		rv = c.api->decode_request(c.plugin, yt_str(asked_for[i].body), msg, &w.fault);
		if (rv != (asked_for[i].op != NULL ? 0 : YT_EFORMAT))
			fail_msg("%s: %d %s %s", asked_for[i].path, rv, w.fault.path, w.fault.why);
		if (asked_for[i].op == NULL) {
			assert_int_equal(msg->op->id, YT_OP_UNREAD);
			continue;
		}
		assert_string_equal(msg->op->name, asked_for[i].op);
		assert_text(value_at(msg->body, asked_for[i].member), asked_for[i].is);
	}
	plugin_unload(c.plugin);
	world_close(&w);
}

/* Octets of ours begin with a request line; those of a peer are a body, whatever they begin with. */
static void a_body_does_not_choose_its_call(void **state)
{
	struct world w = world_open();
	struct codec c = open_codec(&w, PLUGIN, usual);
	struct yt_msg *msg = yt_msg_new(w.arena);

	(void)state;
	msg->path = YT_STR("/insurer/ty/callback");
	assert_int_equal(c.api->decode_request(c.plugin,
	                         YT_STR("POST /ins/v1/claims/TYC1/withdraw\n{\"requestNo\":\"" NUMBER
	                                "\",\"reason\":\"SENT_BY_MISTAKE\"}"),
	                         msg, &w.fault),
	        YT_EFORMAT);
	assert_string_equal(msg->op->name, "claim.result");
	plugin_unload(c.plugin);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_composed_claim_is_read_and_written_byte_for_byte),
		cmocka_unit_test(a_claim_is_written_from_a_canonical_message),
		cmocka_unit_test(the_composed_answer_is_read_and_written),
		cmocka_unit_test(the_composed_event_is_read_written_and_acknowledged),
		cmocka_unit_test(a_path_says_which_call_it_is),
		cmocka_unit_test(a_body_does_not_choose_its_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
