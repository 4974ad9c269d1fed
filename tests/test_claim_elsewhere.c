/* tests/test_claim_elsewhere.c - a claim of somebody insured here and treated in another province.
 *
 * The hub's messages of his stay (0212, 0301, 0215, 0304) and our platform's answers are read as the gateway reads them
 * when it passes them on; what they leave behind (engine/facts.h), with his consent, account and invoices, must be all
 * that the insurers' plugins ask for. */
#include "crossprovince_peer.h"

#include "engine/facts.h"

#define PERSON "33020000000000000000876543"
#define VISIT "S3302002603060000123"
#define DONE(output) "<result><errorcode>0</errorcode><dupflag>0</dupflag><output>" output "</output></result>"
#define PARTY "<aab299>621000</aab299><akb026>H62100000001</akb026><akb021>陇东示例医院</akb021><aab301>330213</aab301>"
#define WHO "<aac001>" PERSON "</aac001><aac043>01</aac043><aac044>330213198804123023</aac044><aac003>林晚晴</aac003>"
#define BY "<aae011>收费01</aae011><aae036>20260318101530</aae036>"
#define ROW(sn, code, amount, first, own, level)                                                                       \
	"<row><ykc610>" sn "</ykc610><akc221>20260310080000</akc221><yka111>09</yka111><ake001>" code                  \
	"</ake001><ake002>药</ake002><ake005>" code "</ake005><ake006>药</ake006><akc226>1.0000</akc226>"             \
	"<akc225>" amount "00</akc225><akc264>" amount "</akc264><akc228>" first "</akc228><akc253>" own               \
	"</akc253><akc268>0.00</akc268><ake171>80.00</ake171><aka065>" level "</aka065></row>"

static const struct step {
	const char *transno, *asked, *answer;
} steps[] = {
	{ "0211",
	        "<input>" PARTY "<aac043>01</aac043><aac044>330213198804123023</aac044><aac003>林晚晴</aac003>"
	        "<aka130>21</aka130><ake007>20260306</ake007></input>",
	        DONE(WHO "<aac004>2</aac004><aac006>19880412</aac006><aae140>390</aae140><ykc021>31</ykc021>") },
	{ "0212",
	        "<input>" PARTY WHO "<aae140>390</aae140><aka130>21</aka130><akc190>ZY731</akc190><emerg>0</emerg>"
	        "<trauma>0</trauma><ake007>20260306083000</ake007><akc050>胆囊结石</akc050><akc193>K80.100</akc193>" BY
	        "</input>",
	        DONE("<ykc700>" VISIT "</ykc700><ykc021>31</ykc021><aae140>390</aae140>") },
	{ "0301",
	        "<input>" PARTY "<ykc700>" VISIT "</ykc700><aac001>" PERSON
	        "</aac001><akc190>ZY731</akc190><pageno>1</pageno><detail>" ROW(
	                "0001", "XJ01DDT999A001010199901", "100.00", "15.00", "5.00", "02")
	                ROW("0002", "XB01ACT999A001010199909", "80.00", "0.00", "0.00", "01") "</detail>" BY "</input>",
	        DONE("<okcnt>2</okcnt><oksum>180.00</oksum>") },
	{ "0215",
	        "<input>" PARTY "<ykc700>" VISIT "</ykc700><aac001>" PERSON
	        "</aac001><akc190>ZY731</akc190><ykc701>20260306</ykc701><ykc702>20260318</ykc702><akc196>K80.100</akc196>"
	        "<akc185>胆囊结石</akc185><diag><akc196>K80.100</akc196><akc185>胆囊结石</akc185>"
	        "<mainflag>1</mainflag></diag><ykc195>1</ykc195>" BY "</input>",
	        DONE("<ykc700>" VISIT "</ykc700><akc068>0</akc068>") },
	{ "0304",
	        "<input>" PARTY "<ykc700>" VISIT "</ykc700>" WHO
	        "<aka130>21</aka130><aae072>GS1</aae072><yzz021>ZY731-1</yzz021><akc264>180.00</akc264><ake171>160.00</ake171>"
	        "<akc018>80.00</akc018><akc228>15.00</akc228><akc232>15.00</akc232><akc233>0.00</akc233>"
	        "<akc234>0.00</akc234><akc235>0.00</akc235><akc253>5.00</akc253><akc268>0.00</akc268><akc236>0.00</akc236>"
	        "<feecnt>2</feecnt><feehash>db29cc7e96b5992cec39d2e48c459721eb08bf5daa019261b01f043a033dfe73</feehash>"
	        "<ake170>0</ake170><ake122>1</ake122><ykc701>20260306</ykc701><ykc702>20260318</ykc702>" BY "</input>",
	        DONE("<aaz216>A3302002603180000456</aaz216><ykc700>" VISIT "</ykc700><akc194>20260318101531</akc194>"
	             "<ykc706>20260318</ykc706><aae140>390</aae140><ykc021>31</ykc021><akc264>180.00</akc264>"
	             "<ake171>160.00</ake171><aka151>0.00</aka151><ake149>100.00</ake149><ake039>100.00</ake039>"
	             "<ake035>0.00</ake035><ake026>0.00</ake026><aae045>0.00</aae045><ake032>0.00</ake032>"
	             "<ake181>0.00</ake181><ake173>0.00</ake173><ake038>0.00</ake038><akb067>80.00</akb067>"
	             "<aae240>0.00</aae240><ake105>0</ake105><detail/>") },
};

#define CONSENT                                                                                                        \
	"{\"op\":\"consent.put\",\"set\":{\"auth_no\":\"SQ1\"},\"parts\":{\"consent\":{\"auth_no\":\"SQ1\","           \
	"\"auth_time\":\"2026-03-06 10:21:33\",\"scope\":\"1111\",\"channel\":\"1\",\"expire_date\":\"2099-12-31\","   \
	"\"evidence_sm3\":\"651b96df59518f631ae23117c3b0db0b6971200a242f4dbc39f7be3065420a69\"}}}"
#define ACCOUNT                                                                                                        \
	"{\"op\":\"account.put\",\"set\":{},\"parts\":{\"payee\":{\"relation\":\"00\",\"name\":\"林晚晴\","         \
	"\"bank_acct_no\":\"6299993302000001017\",\"bank_no\":\"313332099026\",\"bank_name\":\"示例银行\"}}}"
#define INVOICE                                                                                                        \
	"{\"op\":\"invoice.notice\",\"set\":{},\"parts\":{\"bill\":[{\"elec_bill_code\":\"62100126\","                 \
	"\"elec_billno_code\":\"1\",\"elec_bill_chkcode\":\"a1b2c3\",\"bill_date\":\"2026-03-18\",\"bill_amt\":"       \
	"\"180.00\"}]}}"

/* The level of a hospital elsewhere stands in the gateway's own table of institutions (cross_name_institution). */
#define LEVEL "{\"op\":\"institution\",\"set\":{\"hosp_lv\":\"31\"}}"

struct told {
	struct yt_msg *msg;
	struct yt_reply *reply;
};

/* One message and its answer, as the gateway reads both; what they leave behind is in facts. */
static struct told pass_on(struct world *w, struct codec *c, struct facts *facts, unsigned i)
{
	struct doc q = ksbw_request, a = ksbw_answer;
	struct told told;

	q.transno = a.transno = steps[i].transno;
	q.body = steps[i].asked;
	q.transid = a.reftransid = yt_arena_printf(w->arena, "6200002026031810153000000000%02u", i).p;
	q.sender = a.recver = "620000";
	q.recver = a.sender = "330000";
	q.treating = a.treating = "621000";
	q.insured = a.insured = "330213";
	q.key = "gs";
	q.keyid = "620000-TEST";
	a.key = "zj";
	a.keyid = "330000-TEST";
	a.transid = "330000202603181015310000000042";
	a.body = steps[i].answer;
	told.msg = must_decode(w, c, sealed(w, &q));
	told.msg->sent = told.msg->octets;
	told.reply = answered(w, c, told.msg, sealed(w, &a));
	if (told.reply->outcome != YT_DONE)
		fail_msg("%s: %.*s", steps[i].transno, YT_FMT(told.reply->text));
	facts_add(facts, facts_piece(w->arena, told.msg, told.reply));
	return told;
}

/* Each message of the visit is found by what the others of it are found by. */
static void assert_one_case(const struct told *told, const char *transno)
{
	static const uint8_t nobody[16];
	char keys[FACTS_KEYS_MAX][FACTS_KEY_MAX];

	assert_int_equal(facts_keys(told->msg, told->reply, nobody, keys), 1);
	assert_string_equal(keys[0], "v/H62100000001/" VISIT);
	if (strcmp(transno, "0301") != 0)
		assert_text(told->msg->person, PERSON);
}

static void assert_claimed(struct world *w, const char *plugin, const struct plugin_setting *settings, size_t n,
        const struct yt_msg *claim, const char *number)
{
	struct yt_msg said = *claim;
	struct yt_buf out = { 0 };
	struct codec insurer;
	char why[512];

	if (plugin_load(&insurer.plugin, plugin, "test", settings, n, w->keys, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	insurer.api = plugin_api(insurer.plugin);
	said.own_number = yt_str(number);
	if (insurer.api->encode_request(insurer.plugin, &said, &out, &w->fault) != 0)
		fail_msg("%s: %s %s", plugin, w->fault.path, w->fault.why);
	assert_true(out.n > 0);
	yt_buf_free(&out);
	plugin_unload(insurer.plugin);
}

static void test_stay(void **state)
{
	static const struct plugin_setting tianyi[] = { { "app_id", "gw330299" }, { "key", "mac" },
		{ "field_key", "field" } };
	static const struct plugin_setting jinhui[] = { { "partner", "GW330799" }, { "sign_key", "zj" },
		{ "verify_key", "zj" } };
	static const char *const kept_here[] = { CONSENT, ACCOUNT, INVOICE, LEVEL };
	struct world w = world_open();
	struct codec c = open_with(&w, "330000", "relay", "yes");
	struct told told = { NULL, NULL };
	struct yt_msg *claim;
	struct facts facts;

	(void)state;
	add_key(&w, "mac", "gw330299", "", YT_KEY_SECRET, "another secret", INT64_MAX);
	add_key(&w, "field", "gw330299", "", YT_KEY_SM4, "00112233445566778899aabbccddeeff", INT64_MAX);
	facts_begin(&facts, w.arena);
	for (unsigned i = 0; i < COUNT(steps); i++) {
		told = pass_on(&w, &c, &facts, i);
		if (i > 0)
			assert_one_case(&told, steps[i].transno);
	}
	assert_int_equal(told.msg->op->id, YT_OP_INPATIENT_SETTLE);
	assert_text(told.reply->settlement, "A3302002603180000456");
	for (unsigned i = 0; i < COUNT(kept_here); i++)
		assert_int_equal(facts_read(&facts, yt_str(kept_here[i])), 0);
	assert_int_equal(facts_gather(&facts, told.msg), 0);
	claim = facts_compose(&facts, told.msg, yt_op(YT_OP_CLAIM_SUBMIT));
	assert_non_null(claim);
	claim->settlement = told.reply->settlement;
	claim->time = YT_STR("2026-03-18 10:20:00");
	assert_claimed(&w, YT_PLUGIN_DIR "/tianyi.so", tianyi, COUNT(tianyi), claim, "TY20260318000000000001");
	assert_claimed(&w, YT_PLUGIN_DIR "/jinhui.so", jinhui, COUNT(jinhui), claim, "JH20260318000000000001");
	plugin_unload(c.plugin);
	world_close(&w);
}

/* 0305 withdraws what was claimed for the settlement that it names. */
static void test_cancel(void **state)
{
	static const char body[] = "<input>" PARTY WHO "<ykc700>" VISIT "</ykc700><aaz216>A3302002603180000456</aaz216>"
	                           "<yzz021>ZY731-2</yzz021><akc264>-180.00</akc264><ake149>-100.00</ake149>"
	                           "<ake038>0.00</ake038><akb067>-80.00</akb067><aae013>退费</aae013>" BY "</input>";
	struct world w = world_open();
	struct codec c = open_with(&w, "330000", "relay", "yes");
	struct doc q = ksbw_request;
	struct yt_msg *msg;

	(void)state;
	q.transno = "0305";
	q.body = body;
	q.transid = "620000202603181015300000000099";
	q.sender = "620000";
	q.recver = "330000";
	q.treating = "621000";
	q.insured = "330213";
	q.key = "gs";
	q.keyid = "620000-TEST";
	msg = must_decode(&w, &c, sealed(&w, &q));
	assert_int_equal(msg->op->id, YT_OP_INPATIENT_SETTLE_CANCEL);
	assert_text(msg->settlement, "A3302002603180000456");
	assert_text(msg->institution, "H62100000001");
	plugin_unload(c.plugin);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_stay), cmocka_unit_test(test_cancel) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
