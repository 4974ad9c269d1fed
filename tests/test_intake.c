/* tests/test_intake.c - what the gateway itself is told (plugins/intake): taken whole, or refused with the path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "format/keys.h"
#include "plugin/loader.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SM3 "62df319644144b1843d8139e811f3f0093ab71f2a77920692538e55ef4384043"
#define CONSENT                                                                                                         \
	"{\"operation\":\"consent.put\",\"number\":\"A-1\",\"institution\":\"H33021399901\",\"psn_no\":\"3302990001\"," \
	"\"consent\":{\"auth_no\":\"SQ1\",\"auth_time\":\"2026-11-05 09:30:00\",\"scope\":\"1110\","                    \
	"\"channel\":\"2\",\"expire_date\":\"2027-12-31\",\"evidence_sm3\":\"" SM3 "\",\"more\":\"kept\"}}"
#define ACCOUNT                                                                                                         \
	"{\"operation\":\"account.put\",\"number\":\"A-2\",\"institution\":\"H33021399901\",\"psn_no\":\"3302990001\"," \
	"\"payee\":{\"relation\":\"00\",\"name\":\"沈䶮\",\"bank_acct_no\":\"6299993307000002022\",\"bank_no\":"      \
	"\"402338099038\",\"bank_name\":\"示例银行\"}}"
#define INVOICE                                                                                                            \
	"{\"operation\":\"invoice.notice\",\"number\":\"A-3\",\"institution\":\"H33021399901\",\"mdtrt_id\":\"V1\","       \
	"\"bill\":[{\"elec_bill_code\":\"33060126\",\"elec_billno_code\":\"0098765432\",\"elec_bill_chkcode\":\"9f8e7d\"," \
	"\"bill_date\":\"2026-11-20\",\"bill_amt\":\"26780.00\"}]}"

#define PAYOUT                                                                                                           \
	"{\"operation\":\"pay.order\",\"number\":\"CL20261120000000000001\",\"institution\":\"330299\","                 \
	"\"data\":{\"pay_no\":\"CL20261120000000000001\",\"pay_amt\":\"812.50\",\"payee_acct\":\"6299993307000002022\"," \
	"\"payee_name\":\"沈䶮\",\"payee_bank_no\":\"402338099038\",\"payee_bank_name\":\"示例银行\","             \
	"\"psn_name\":\"沈䶮\",\"purpose\":\"零星报销\"}}"

#define SETTLED                                                                                                           \
	"{\"operation\":\"settle.notice\",\"number\":\"A-4\",\"institution\":\"H33021399901\",\"psn_no\":\"3302990001\"," \
	"\"mdtrt_id\":\"V1\",\"insuplc_admdvs\":\"330213\",\"setlinfo\":{\"setl_id\":\"S77\",\"setl_time\":\"2026-11-20 " \
	"15:42:10\",\"psn_name\":\"沈䶮\",\"psn_cert_type\":\"01\",\"certno\":\"330299198804123029\",\"gend\":\"2\","   \
	"\"brdy\":\"1988-04-12\",\"med_type\":\"21\",\"begntime\":\"2026-11-14 08:30:00\",\"medfee_sumamt\":\"100.00\","  \
	"\"fund_pay_sumamt\":\"50.00\",\"hifp_pay\":\"50.00\",\"acct_pay\":\"0.00\",\"psn_cash_pay\":\"50.00\","          \
	"\"preselfpay_amt\":\"20.00\",\"overlmt_selfpay\":\"0.00\",\"fulamt_ownpay_amt\":\"10.00\","                      \
	"\"inscp_scp_amt\":\"70.00\"},\"diseinfo\":[{\"diag_code\":\"K80.100\",\"diag_name\":\"胆囊结石\","           \
	"\"maindiag_flag\":\"1\"}],\"feedetail\":[{\"feedetl_sn\":\"1\",\"med_list_codg\":\"003311020170000\",\"cnt\":1," \
	"\"pric\":\"100.00\",\"det_item_fee_sumamt\":\"100.00\",\"fulamt_ownpay_amt\":\"10.00\"}]}"
#define LISTED                                                                                                          \
	"{\"operation\":\"pay.batch\",\"number\":\"LIST2026112001\",\"institution\":\"330299\",\"data\":{\"batch_no\":" \
	"\"LIST2026112001\",\"pay_cnt\":\"2\",\"pay_sumamt\":\"820.00\",\"purpose\":\"生育津贴\"},\"payout\":[{"    \
	"\"pay_no\":\"MA20261120000000000001\",\"pay_amt\":\"812.50\",\"payee_acct\":\"6299993307000002022\","          \
	"\"payee_name\":\"沈䶮\"},{\"pay_no\":\"MA20261120000000000002\",\"pay_amt\":\"7.50\",\"payee_acct\":"        \
	"\"6299993302000001017\",\"payee_name\":\"林晚晴\",\"psn_name\":\"林晚晴\"}]}"
#define ASKED                                                                                                          \
	"{\"operation\":\"pay.batch.query\",\"number\":\"A-9\",\"institution\":\"330299\",\"data\":{\"batch_no\":\"L1\"}}"
#define ASKED_ONE                                                                                                      \
	"{\"operation\":\"pay.query\",\"number\":\"A-10\",\"institution\":\"330299\",\"data\":{\"pay_no\":"            \
	"\"CL20261120000000000001\"}}"
#define UNSETTLED                                                                                                      \
	"{\"operation\":\"settle.cancel\",\"number\":\"A-5\",\"institution\":\"H33021399901\",\"setl_id\":\"S77\"}"

static struct yt_plugin *plugin;
static const struct yt_codec_api *api;
static struct yt_arena *arena;

static int setup(void **state)
{
	char why[512];

	(void)state;
	if (plugin_load(&plugin, YT_PLUGIN_DIR "/intake.so", "test", NULL, 0, NULL, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	api = plugin_api(plugin);
	arena = yt_arena_new(0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	plugin_unload(plugin);
	yt_arena_free(arena);
	return 0;
}

static const struct taken {
	const char *text;
	enum yt_operation op;
	const char *object, *name, *value;
} taken[] = {
	{ CONSENT, YT_OP_CONSENT_PUT, "consent", "auth_no", "SQ1" },
	{ ACCOUNT, YT_OP_ACCOUNT_PUT, "payee", "name", "沈䶮" },
	{ INVOICE, YT_OP_INVOICE_NOTICE, "bill", NULL, NULL },
	{ PAYOUT, YT_OP_PAY_ORDER, "data", "pay_amt", "812.50" },
	{ LISTED, YT_OP_PAY_BATCH, "data", "pay_cnt", "2" },
	{ ASKED, YT_OP_PAY_BATCH_QUERY, "data", "batch_no", "L1" },
	{ ASKED_ONE, YT_OP_PAY_QUERY, "data", "pay_no", "CL20261120000000000001" },
	{ SETTLED, YT_OP_SETTLE_NOTICE, "setlinfo", "inscp_scp_amt", "70.00" },
	{ UNSETTLED, YT_OP_SETTLE_NOTICE_CANCEL, NULL, NULL, NULL },
};

/* Read, written, read again: the same. */
static void test_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(taken); i++) {
		struct yt_msg *msg = yt_msg_new(arena), *again = yt_msg_new(arena);
		struct yt_buf out = { 0 };
		struct yt_fault fault;
		char why[200];

		assert_int_equal(api->decode_request(plugin, yt_str(taken[i].text), msg, &fault), 0);
		assert_int_equal(msg->op->id, taken[i].op);
		assert_true(msg->op->stays_here || msg->op->id == YT_OP_PAY_ORDER || msg->op->id == YT_OP_PAY_BATCH ||
		            msg->op->id == YT_OP_PAY_BATCH_QUERY || msg->op->id == YT_OP_PAY_QUERY ||
		            msg->op->id == YT_OP_SETTLE_NOTICE); /* these by what their route says */
		assert_int_equal(yt_money_check(msg->op->request_money, msg->body, why, sizeof(why)), 0);
		assert_int_equal(api->encode_request(plugin, msg, &out, &fault), 0);
		assert_int_equal(api->decode_request(plugin, yt_buf_view(&out), again, &fault), 0);
		assert_true(yt_str_eq(again->number, msg->number) && yt_str_eq(again->institution, msg->institution));
		assert_true(yt_str_eq(again->person, msg->person) && yt_str_eq(again->visit, msg->visit));
		assert_true(yt_str_eq(again->settlement, msg->settlement) && again->amount_fen == msg->amount_fen);
		assert_true(yt_str_eq(again->insured_area, msg->insured_area));
		if (taken[i].name != NULL)
			assert_true(yt_str_is(yt_node_text(yt_node_get(again->body, taken[i].object), taken[i].name),
			        taken[i].value));
		yt_buf_free(&out);
	}
}

static const struct refused {
	const char *text, *replace, *by, *path;
} refusals[] = {
	{ CONSENT, "consent.put", "consent.set", "operation" },
	{ CONSENT, "\"A-1\"", "\"\"", "number" },
	{ CONSENT, "\"A-1\"", "\"+/1\"", "number" },
	{ CONSENT, "\"A-1\"", "\"1234567890123456789012345678901234567\"", "number" },
	{ CONSENT, "H33021399901", "", "institution" },
	{ CONSENT, "3302990001", "", "psn_no" },
	{ CONSENT, "\"consent\":{", "\"consents\":{", "consent" },
	{ CONSENT, "\"SQ1\"", "\"\"", "consent.auth_no" },
	{ CONSENT, "\"SQ1\"", "\"123456789012345678901234567890123\"", "consent.auth_no" },
	{ CONSENT, "\"channel\":\"2\"", "\"channel\":\"4\"", "consent.channel" },
	{ ACCOUNT, "\"relation\":\"00\"", "\"relation\":\"03\"", "payee.relation" },
	{ ACCOUNT, "402338099038", "402338099039", "payee.bank_no" },
	{ ACCOUNT, "沈䶮", "　 ", "payee.name" },
	{ ACCOUNT, "沈䶮", "沈\\u0007䶮", "payee.name" },
	{ ACCOUNT, "沈䶮", "沈\\ue863", "payee.name" },
	{ CONSENT, "\"1110\"", "\"1120\"", "consent.scope" },
	{ CONSENT, "\"1110\"", "\"111\"", "consent.scope" },
	{ CONSENT, "2026-11-05", "2026-11-31", "consent.auth_time" },
	{ CONSENT, "2027-12-31", "2027-13-31", "consent.expire_date" },
	{ CONSENT, "62df", "62DF", "consent.evidence_sm3" },
	{ CONSENT, "\"channel\":\"2\"", "\"channel\":\"app\"", "consent.channel" },
	{ CONSENT, "\"channel\":\"2\"", "\"channel\":\"2\",\"channel\":\"3\"", "(message)" },
	{ CONSENT, "}}", "}", "(message)" },
	{ ACCOUNT, "402338099038", "40233809903", "payee.bank_no" },
	{ ACCOUNT, "6299993307000002022", "62999933O7000002022", "payee.bank_acct_no" },
	{ ACCOUNT, "\"name\":\"沈䶮\",", "", "payee.name" },
	{ PAYOUT, "\"number\":\"CL2026", "\"number\":\"CL2025", "data.pay_no" },
	{ PAYOUT, "812.50", "0.00", "data.pay_amt" },
	{ PAYOUT, "812.50", "812.505", "data.pay_amt" },
	{ PAYOUT, "\"psn_name\":\"沈䶮\"", "\"psn_name\":\"沈龑\"", "data.payee_name" },
	{ PAYOUT, "402338099038", "402338099039", "data.payee_bank_no" },
	{ PAYOUT, "\"payee_acct\":\"6299993307000002022\",", "", "data.payee_acct" },
	{ PAYOUT, "\"data\":{", "\"payout\":[],\"data\":{", "data" },
	{ SETTLED, "\"V1\"", "\"\"", "mdtrt_id" },
	{ SETTLED, "3302990001", "", "psn_no" },
	{ SETTLED, "\"330213\"", "\"33021\"", "insuplc_admdvs" },
	{ SETTLED, "\"setlinfo\":", "\"settled\":", "setlinfo" },
	{ SETTLED, "S77", "", "setlinfo.setl_id" },
	{ SETTLED, "S77", "1234567890123456789012345678901", "setlinfo.setl_id" },
	{ SETTLED, "\"acct_pay\":\"0.00\",", "", "setlinfo.acct_pay" },
	{ SETTLED, "\"psn_cash_pay\":\"50.00\"", "\"psn_cash_pay\":\"-50.00\"", "setlinfo.psn_cash_pay" },
	{ SETTLED, "\"medfee_sumamt\":\"100.00\"", "\"medfee_sumamt\":\"0.00\"", "setlinfo.medfee_sumamt" },
	{ SETTLED, "\"diag_code\":\"K80.100\",", "", "diseinfo[0].diag_code" },
	{ SETTLED, "\"feedetl_sn\":\"1\",", "", "feedetail[0].feedetl_sn" },
	{ SETTLED, "\"feedetail\":[{", "\"feedetail\":[1,{", "feedetail[0]" },
	{ UNSETTLED, "S77", "", "setl_id" },
	{ ASKED, "L1", "", "data.batch_no" },
	{ ASKED_ONE, "\"CL2", "\"+/CL2", "data.pay_no" },
	{ ASKED_ONE, "\"pay_no\"", "\"orig_pay_no\"", "data.pay_no" },
	{ LISTED, "\"batch_no\":\"LIST", "\"batch_no\":\"LAST", "data.batch_no" },
	{ LISTED, "\"pay_cnt\":\"2\",", "", "data.pay_cnt" },
	{ LISTED, "\"820.00\"", "\"0.00\"", "data.pay_sumamt" },
	{ LISTED, "\"purpose\"", "\"pay_amt\"", "data" },
	{ LISTED, "\"payout\":[", "\"payouts\":[", "payout" },
	{ LISTED, "\"payout\":[", "\"payout\":[1,", "payout[0]" },
	{ LISTED, "0000000002\",\"pay_amt\"", "0000000001\",\"pay_amt\"", "payout[1].pay_no" },
	{ LISTED, "\"7.50\"", "\"7.505\"", "payout[1].pay_amt" },
	{ LISTED, "\"psn_name\":\"林晚晴\"", "\"psn_name\":\"林晚\"", "payout[1].payee_name" },
	{ INVOICE, "\"V1\"", "\"\"", "mdtrt_id" },
	{ INVOICE, "26780.00", "26780.001", "bill[0].bill_amt" },
	{ INVOICE, "26780.00", "-1.00", "bill[0].bill_amt" },
	{ INVOICE, "9f8e7d", "9f8e7", "bill[0].elec_bill_chkcode" },
};

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refusals); i++) {
		const struct refused *r = &refusals[i];
		const char *at = strstr(r->text, r->replace);
		struct yt_msg *msg = yt_msg_new(arena);
		struct yt_fault fault = { { 0 }, { 0 } };
		char text[2000];

		assert_non_null(at);
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - r->text), r->text, r->by, at + strlen(r->replace));
		assert_int_equal(api->decode_request(plugin, yt_str(text), msg, &fault), YT_EFORMAT);
		assert_string_equal(fault.path, r->path);
		assert_true(fault.why[0] != '\0');
	}
}

/* As many payouts as a gateway may let a list have; twice: the last one has that one's number. */
static int decode_long(unsigned twice, struct yt_msg *msg, struct yt_fault *fault)
{
	struct yt_buf text = { 0 };
	int rv;

	yt_buf_text(&text, "{\"operation\":\"pay.batch\",\"number\":\"L1\",\"institution\":\"330299\",\"data\":"
	                   "{\"batch_no\":\"L1\",\"pay_cnt\":\"10000\",\"pay_sumamt\":\"75000.00\"},\"payout\":[");
	for (unsigned i = 0; i < 10000; i++)
		yt_buf_printf(&text,
		        "%s{\"pay_no\":\"MA20261120%012u\",\"pay_amt\":\"7.50\",\"payee_acct\":\"6299993302000001017\","
		        "\"payee_name\":\"林晚晴\",\"psn_name\":\"林晚晴\","
		        "\"payee_bank_no\":\"102332099026\",\"payee_bank_name\":\"示例银行\",\"purpose\":"
		        "\"生育津贴\",\"memo\":\"十一月\"}",
		        i == 0 ? "" : ",", i == 9999 ? twice : i);
	yt_buf_text(&text, "]}");
	assert_false(text.failed);
	rv = api->decode_request(plugin, yt_arena_copy(arena, yt_buf_view(&text)), msg, fault);
	yt_buf_free(&text);
	return rv;
}

static void test_long(void **state)
{
	struct yt_fault fault = { { 0 }, { 0 } };
	struct yt_msg *msg = yt_msg_new(arena);
	struct yt_str name;

	(void)state;
	assert_int_equal(decode_long(9999, msg, &fault), 0);
	assert_int_equal(yt_node_get(msg->body, "payout")->n, 10000);
	assert_int_equal(api->file_name(plugin, msg->content, arena, &name), 0); /* what is told of it is no shorter */
	assert_true(yt_str_is(name, "RES_330299_L1.json"));
	assert_int_equal(decode_long(17, yt_msg_new(arena), &fault), YT_EFORMAT);
	assert_string_equal(fault.path, "payout[9999].pay_no");
}

/* What a question hears stands beside the code, where the question has it. */
static void test_told(void **state)
{
	static const struct {
		const char *asked, *told;
	} rows[] = {
		{ ASKED, "{\"number\":\"A-9\",\"code\":\"0\",\"text\":\"\",\"payout\":[{\"pay_no\":\"X\"}]}" },
		{ ASKED_ONE, "{\"number\":\"A-10\",\"code\":\"0\",\"text\":\"\",\"data\":{\"pay_no\":\"X\"}}" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct yt_msg *msg = yt_msg_new(arena);
		struct yt_reply *reply = yt_reply_new(arena);
		struct yt_buf out = { 0 };
		struct yt_fault fault;
		struct yt_node *told;

		assert_int_equal(api->decode_request(plugin, yt_str(rows[i].asked), msg, &fault), 0);
		reply->outcome = YT_DONE;
		reply->body = yt_node_new(arena, YT_OBJECT);
		told = yt_node_add(
		        arena, reply->body, i == 0 ? YT_STR("payout") : YT_STR("data"), i == 0 ? YT_ARRAY : YT_OBJECT);
		if (i == 0)
			told = yt_node_add(arena, told, (struct yt_str){ 0 }, YT_OBJECT);
		assert_non_null(yt_node_add_text(arena, told, "pay_no", YT_STR("X")));
		assert_int_equal(api->encode_reply(plugin, msg, reply, &out), 0);
		yt_buf_byte(&out, 0);
		assert_string_equal((const char *)out.p, rows[i].told);
		yt_buf_free(&out);
	}
}

/* An empty array is no invoice. */
static void test_no_invoice(void **state)
{
	struct yt_msg *msg = yt_msg_new(arena);
	struct yt_fault fault;

	(void)state;
	assert_int_equal(
	        api->decode_request(plugin,
	                YT_STR("{\"operation\":\"invoice.notice\",\"number\":\"1\",\"institution\":\"H\",\"mdtrt_id\":\"V\",\"bill\":[]}"),
	                msg, &fault),
	        YT_EFORMAT);
	assert_string_equal(fault.path, "bill");
}

/* -- signed files ------------------------------------------------------------------------------------ */

#define RESULT                                                                                                               \
	"{\"operation\":\"pay.batch.result\",\"number\":\"RES-L1\",\"institution\":\"H33021399901\",\"data\":{\"batch_no\":" \
	"\"L1\",\"pay_cnt\":\"1\",\"pay_sumamt\":\"7.00\"},\"payout\":[{\"pay_no\":\"MA1\",\"pay_state\":\"PAID\"}]}"

static void add_sm2(struct yt_keys *keys, const char *name)
{
	char file[] = "/tmp/yt-intake-XXXXXX", why[256];
	struct keys_spec spec = {
		.name = name, .file = file, .kind = YT_KEY_SM2_PRIVATE, .from_ms = INT64_MIN, .to_ms = INT64_MAX
	};
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
	FILE *out = fdopen(mkstemp(file), "w");

	assert_true(key != NULL && out != NULL);
	assert_int_equal(PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(out);
	if (keys_add(keys, &spec, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	unlink(file);
	EVP_PKEY_free(key);
}

static struct yt_plugin *instance(struct yt_keys *keys, const char *setting, const char *key)
{
	const struct plugin_setting settings[] = { { setting, key } };
	struct yt_plugin *made;
	char why[512];

	if (plugin_load(&made, YT_PLUGIN_DIR "/intake.so", "test", settings, 1, keys, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	return made;
}

static const struct signed_case {
	const char *it;         /* a message ... */
	const char *key, *text; /* by whom it is signed; NULL: by nobody */
	const char *from, *to;  /* what is altered in it afterwards; NULL: nothing */
	const char *path;       /* where it comes from; empty: it is ours, read back */
	const char *wrong;      /* what its refusal names; NULL: it is taken */
} signed_cases[] = {
	{ "signed by its sender", "theirs", LISTED, NULL, NULL, "/in/a.json", NULL },
	{ "signed by another", "others", LISTED, NULL, NULL, "/in/a.json", "(signature)" },
	{ "signed by nobody", NULL, LISTED, NULL, NULL, "/in/a.json", "(signature)" },
	{ "altered", "theirs", LISTED, "330299", "330298", "/in/a.json", "(signature)" },
	{ "whose signature is altered", "theirs", LISTED, "#SM2 M", "#SM2 N", "/in/a.json", "(signature)" },
	{ "whose signature is no base64", "theirs", LISTED, "#SM2 M", "#SM2 *", "/in/a.json", "(signature)" },
	{ "of ours, read back", NULL, LISTED, NULL, NULL, "", NULL },
	{ "of ours, signed, read back", "others", RESULT, NULL, NULL, "", NULL },
	{ "that only we write", "theirs", RESULT, NULL, NULL, "/in/a.json", "operation" },
};

static char *altered(struct yt_str text, const char *from, const char *to)
{
	char *copy = strndup(text.p, text.n), *at = from == NULL ? NULL : strstr(copy, from);

	assert_true(copy != NULL && (from == NULL || at != NULL));
	if (at != NULL)
		memcpy(at, to, strlen(to));
	return copy;
}

static void test_signed(void **state)
{
	struct yt_plugin *reader;
	struct yt_keys *keys;
	char why[256];

	(void)state;
	assert_int_equal(keys_open(&keys, NULL, why, sizeof(why)), 0);
	add_sm2(keys, "theirs");
	add_sm2(keys, "others");
	reader = instance(keys, "verify_key", "theirs");
	for (size_t i = 0; i < COUNT(signed_cases); i++) {
		const struct signed_case *c = &signed_cases[i];
		struct yt_plugin *writer = c->key == NULL ? NULL : instance(keys, "sign_key", c->key);
		struct yt_msg *msg = yt_msg_new(arena), *read = yt_msg_new(arena);
		struct yt_fault fault = { { 0 }, { 0 } };
		struct yt_buf out = { 0 };
		char *text;

		print_message("a message %s\n", c->it);
		assert_int_equal(api->decode_request(plugin, yt_str(c->text), msg, &fault), 0);
		assert_int_equal(api->encode_request(writer != NULL ? writer : plugin, msg, &out, &fault), 0);
		text = altered(yt_buf_view(&out), c->from, c->to);
		assert_int_equal(api->file_is_whole(reader, yt_str(text)), c->key != NULL);
		assert_false(api->file_is_whole(reader, (struct yt_str){ text, strlen(text) - 1 }));
		read->path = yt_str(c->path);
		assert_int_equal(
		        api->decode_request(reader, yt_str(text), read, &fault), c->wrong == NULL ? 0 : YT_EFORMAT);
		assert_string_equal(fault.path, c->wrong == NULL ? "" : c->wrong);
		assert_true(c->wrong != NULL || (read->content.n > 0 && read->content.p[read->content.n - 1] != '\0' &&
		                                        memmem(read->content.p, read->content.n, "#SM2", 4) == NULL));
		free(text);
		yt_buf_free(&out);
		if (writer != NULL)
			plugin_unload(writer);
	}
	plugin_unload(reader);
	keys_close(keys);
}

/* A file's name is its list's, so that what tells of one list is one file. */
static void test_file_name(void **state)
{
	struct yt_str name;

	(void)state;
	assert_int_equal(api->file_name(plugin, YT_STR(RESULT), arena, &name), 0);
	assert_true(yt_str_is(name, "RES_H33021399901_L1.json"));
	assert_int_equal(api->file_name(plugin, YT_STR(CONSENT), arena, &name), YT_EFORMAT);
	assert_int_equal(api->file_name(plugin, YT_STR("{\"institution\":\"../x\",\"data\":{\"batch_no\":\"1\"}}"),
	                         arena, &name),
	        YT_EFORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(test_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_signed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_invoice, setup, teardown) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
