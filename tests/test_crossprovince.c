/* tests/test_crossprovince.c - the crossprovince plugin through the loader: what it reads, writes and refuses.
 *
 * The published examples are read out of the format's facts beside the project; without them those tests are
 * skipped. */
#include <libxml/parser.h>
#include <libxml/xmlschemas.h>

#include "crossprovince_peer.h"

#define FACTS YT_SOURCE_DIR "/../shared/formats/crossprovince.md"
#define XSD YT_SOURCE_DIR "/docs/xsd/ksbw-0304.xsd"

/* -- the published examples (8) ----------------------------------------------------------------- */

static char *facts;

static bool facts_read(void)
{
	FILE *f = fopen(FACTS, "r");
	long n;

	if (f == NULL) {
		print_message("%s is not here: the published examples are not checked\n", FACTS);
		return false;
	}
	fseek(f, 0, SEEK_END);
	n = ftell(f);
	rewind(f);
	facts = calloc(1, (size_t)n + 1);
	assert_int_equal(fread(facts, 1, (size_t)n, f), n);
	fclose(f);
	return true;
}

#define NEED_FACTS()                                                                                                   \
	do {                                                                                                           \
		if (facts == NULL && !facts_read())                                                                    \
			skip();                                                                                        \
	} while (0)

/* The XML block behind a heading. */
static struct yt_str example(const char *heading)
{
	const char *at = strstr(facts, heading), *from, *to;

	assert_non_null(at);
	from = strstr(at, "```xml\n");
	assert_non_null(from);
	from += 7;
	to = strstr(from, "```");
	return (struct yt_str){ from, (size_t)(to - from) };
}

/* The hex behind a row's name in the table of 8.3, or behind a key id in the list of public keys. */
static struct yt_str vector(struct world *w, const char *name)
{
	const char *at = strstr(facts, name);
	size_t n;

	assert_non_null(at);
	at += strlen(name);
	at += strspn(at, " |`=");
	n = strspn(at, "0123456789abcdef");
	return yt_arena_copy(w->arena, (struct yt_str){ at, n });
}

static void add_published_keys(struct world *w)
{
	add_key(w, "zj-a", "330000", "330000-2026A", YT_KEY_SM2_PUBLIC, vector(w, "\n330000-2026A").p, INT64_MAX);
	add_key(w, "gs-a", "620000", "620000-2026A", YT_KEY_SM2_PUBLIC, vector(w, "\n620000-2026A").p, INT64_MAX);
}

static void test_published_messages_are_read(void **state)
{
	NEED_FACTS();
	struct world w = world_open();
	struct codec zj = open_with(&w, "330000", NULL, NULL), gs = open_with(&w, "620000", NULL, NULL);
	struct yt_msg *msg;
	struct yt_reply *reply;
	struct yt_node *setlinfo;
	char why[256];

	add_published_keys(&w);
	msg = must_decode(&w, &gs, example("### 8.1"));
	assert_true(msg->is_authentic);
	assert_int_equal(msg->op->id, YT_OP_INPATIENT_SETTLE);
	assert_text(msg->institution, "H33020300999");
	assert_text(msg->visit, "S6210002603060000123");
	assert_int_equal(msg->amount_fen, 2846357);
	assert_int_equal(msg->expires_ms - msg->sent_ms, 30000);
	assert_int_equal(msg->sent_ms - msg->valid_from_ms, 120000);
	assert_text(msg->too_early, "-1005");
	assert_text(msg->too_late, "-1007"); /* only the owner may say so */
	assert_text(yt_node_text(yt_node_get(msg->body, "data"), "endtime"), "2026-03-18");
	msg->sent = example("### 8.1");
	reply = answered(&w, &zj, msg, example("### 8.2"));
	if (reply->outcome != YT_DONE)
		fail_msg("%.*s", YT_FMT(reply->text));
	assert_int_equal(reply->breach.n, 0);
	assert_text(reply->settlement, "A6210002603180000456");
	assert_int_equal(reply->fund_fen, 2131463);
	assert_int_equal(reply->cash_fen, 714894);
	setlinfo = yt_node_get(reply->body, "setlinfo");
	assert_text(yt_node_text(setlinfo, "hifmi_pay"), "4386.84"); /* residents' serious disease, by its fund row */
	assert_text(yt_node_text(setlinfo, "hifob_pay"), "0.00");
	assert_null(yt_node_get(setlinfo, "hifmi_hifob_derived"));
	if (yt_money_check(msg->op->reply_money, reply->body, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	plugin_unload(zj.plugin);
	plugin_unload(gs.plugin);
	world_close(&w);
}

static void test_published_request_is_written(void **state)
{
	static const struct {
		const char *encoding, *digest;
	} rows[] = { { "UTF-8", "request digest, UTF-8" }, { "GB18030", "request digest, same text in GB18030" } };

	NEED_FACTS();
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w = world_open();
		struct codec zj = open_with(&w, "330000", "encoding", rows[i].encoding),
		             gs = open_with(&w, "620000", NULL, NULL);
		struct yt_str octets = encoded(&w, &zj, case_of_8(&w));

		if (i == 0)
			assert_same(element(octets, "input"), element(example("### 8.1"), "input"));
		assert_same(text_of(octets, "digest"), vector(&w, rows[i].digest));
		assert_text(text_of(octets, "transid"), "330000202603181015300000000017");
		assert_text(text_of(octets, "recver"), "620000");
		assert_text(text_of(octets, "sendtime"), "20260318101530");
		must_decode(&w, &gs, octets);
		plugin_unload(zj.plugin);
		plugin_unload(gs.plugin);
		world_close(&w);
	}
}

static void test_published_answer_is_written(void **state)
{
	static const struct {
		const char *encoding, *digest;
	} rows[] = { { "UTF-8", "answer digest, UTF-8" }, { "GB18030", "answer digest, same text in GB18030" } };

	NEED_FACTS();
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w = world_open();
		struct codec zj = open_with(&w, "330000", NULL, NULL),
		             gs = open_with(&w, "620000", "encoding", rows[i].encoding);
		struct yt_msg *msg;
		struct yt_reply *reply;
		struct yt_str octets;

		add_published_keys(&w);
		msg = must_decode(&w, &gs, example("### 8.1"));
		msg->sent = example("### 8.1");
		reply = answered(&w, &zj, msg, example("### 8.2"));
		reply->own_number = YT_STR("620000202603181015310000000342");
		octets = encoded_reply(&w, &gs, msg, reply);
		if (i == 0)
			assert_same(element(octets, "result"), element(example("### 8.2"), "result"));
		assert_same(text_of(octets, "digest"), vector(&w, rows[i].digest));
		assert_text(text_of(octets, "transid"), "620000202603181015310000000342");
		assert_int_equal(answered(&w, &zj, msg, octets)->outcome, YT_DONE);
		plugin_unload(zj.plugin);
		plugin_unload(gs.plugin);
		world_close(&w);
	}
}

/* -- the schema of 9 ---------------------------------------------------------------------------- */

static void YT_PRINTF(2, 3) say_nothing(void *ctx, const char *fmt, ...)
{
}

static int validated(xmlSchema *schema, struct yt_str octets)
{
	xmlDoc *doc = xmlReadMemory(octets.p, (int)octets.n, NULL, NULL, XML_PARSE_NONET);
	xmlSchemaValidCtxt *ctx = xmlSchemaNewValidCtxt(schema);
	int rv;

	xmlSchemaSetValidErrors(ctx, say_nothing, say_nothing, NULL);
	rv = doc != NULL ? xmlSchemaValidateDoc(ctx, doc) : -1;

	xmlSchemaFreeValidCtxt(ctx);
	xmlFreeDoc(doc);
	return rv;
}

/* Both examples in both encodings, what the plugin writes itself, and some that must not pass. */
static void test_schema_of_settlement(void **state)
{
	NEED_FACTS();
	struct world w = world_open();
	struct codec zj = open_with(&w, "330000", "encoding", "GB18030");
	xmlSchemaParserCtxt *parser = xmlSchemaNewParserCtxt(XSD);
	xmlSchema *schema = xmlSchemaParse(parser);
	static const char *const examples[] = { "### 8.1", "### 8.2" };

	assert_non_null(schema);
	for (size_t i = 0; i < COUNT(examples); i++) {
		const char *utf8 = yt_arena_copy(w.arena, example(examples[i])).p;
		struct yt_str gb = yt_str(replaced(&w, utf8, "encoding=\"UTF-8\"", "encoding=\"GB18030\""));

		assert_int_equal(validated(schema, yt_str(utf8)), 0);
		assert_int_equal(validated(schema, in_charset(&w, gb, YT_GB18030)), 0);
		assert_int_not_equal(validated(schema, yt_str(replaced(&w, utf8, "28463.57", "28463.5"))), 0);
		assert_int_not_equal(validated(schema, yt_str(replaced(&w, utf8, "<expire>30", "<expire>3601"))), 0);
		assert_int_not_equal(validated(schema, yt_str(replaced(&w, utf8, "<sender>", "<x/><sender>"))), 0);
	}
	assert_int_equal(validated(schema, encoded(&w, &zj, case_of_8(&w))), 0);
	xmlSchemaFree(schema);
	xmlSchemaFreeParserCtxt(parser);
	plugin_unload(zj.plugin);
	world_close(&w);
}

/* -- what is refused (7.3, 7.5) ----------------------------------------------------------------- */

#define PARTY "<aab299>330200</aab299><akb026>H33020300999</akb026><akb021>示例医院</akb021><aab301>621000</aab301>"
#define OPER "<aae011>收费05</aae011><aae036>20260318101530</aae036>"
#define BILL_OF(amounts, from, to)                                                                                     \
	"<input>" PARTY "<ykc700>S6210002603060000123</ykc700><aac001>62100000000000000000876543</aac001>"             \
	"<aac043>01</aac043><aac044>621002197203164015</aac044><aac003>苏望川</aac003><aka130>21</aka130>"          \
	"<aae072>NB1</aae072><yzz021>Z1</yzz021>" amounts "<feecnt>2</feecnt>"                                         \
	"<feehash>db29cc7e96b5992cec39d2e48c459721eb08bf5daa019261b01f043a033dfe73</feehash><ake170>0</ake170>"        \
	"<ake122>0</ake122><ykc701>" from "</ykc701><ykc702>" to "</ykc702>" OPER "</input>"
#define AMOUNTS                                                                                                        \
	"<akc264>100.00</akc264><ake171>70.00</ake171><akc018>50.00</akc018><akc228>20.00</akc228><akc232>5.00</"      \
	"akc232>"                                                                                                      \
	"<akc233>5.00</akc233><akc234>5.00</akc234><akc235>5.00</akc235><akc253>6.00</akc253><akc268>4.00</akc268>"    \
	"<akc236>4.00</akc236>"
#define BILL BILL_OF(AMOUNTS, "20260306", "20260318")

/* Changes to a good request 0304: in its body before it is sealed, or in the sealed octets. */
static const struct refused_case {
	const char *it;
	bool after_sealing;
	const char *part, *by;
	const char *code, *path;
	bool is_authentic;
} refused_cases[] = {
	{ "amount with one decimal", false, "<akc264>100.00", "<akc264>100.0", "-1002", "input.akc264", true },
	{ "amount without a whole part", false, "<akc264>100.00", "<akc264>.50", "-1002", "input.akc264", true },
	{ "amount with a separator", false, "<akc264>100.00", "<akc264>1,00.00", "-1002", "input.akc264", true },
	{ "amount with 15 digits", false, "<akc264>100.00", "<akc264>100000000000000.00", "-1002", "input.akc264",
	        true },
	{ "amount with a leading zero", false, "<akc264>100.00", "<akc264>0100.00", "-1002", "input.akc264", true },
	{ "negative zero", false, "<akc264>100.00", "<akc264>-0.00", "-1002", "input.akc264", true },
	{ "negative amount (I7)", false, "<akc253>6.00</akc253><akc268>4.00", "<akc253>-6.00</akc253><akc268>16.00",
	        "-1010", "input.data.fulamt_ownpay_amt", true },
	{ "parts that do not add up (I1)", false, "<akc253>6.00", "<akc253>6.01", "-1010", "input.data.medfee_sumamt",
	        true },
	{ "own shares that do not add up (I2)", false, "<akc232>5.00", "<akc232>5.01", "-1010",
	        "input.data.preselfpay_amt", true },
	{ "bed above the limit's total (I2)", false, "<akc236>4.00", "<akc236>4.01", "-1010", "input.data.akc236",
	        true },
	{ "class 甲 above the range (I2)", false, "<akc018>50.00", "<akc018>70.01", "-1010", "input.data.akc018",
	        true },
	{ "admission behind discharge (I8)", false, "<ykc701>20260306", "<ykc701>20260319", "-1010",
	        "input.data.begntime", true },
	{ "discharge behind settlement (I8)", false, "<ykc702>20260318", "<ykc702>20260319", "-1010",
	        "input.data.endtime", true },
	{ "registration of another province (I8)", false, "S621000", "S520100", "-1010", "input.data.ykc700", true },
	{ "day that is none", false, "<ykc701>20260306", "<ykc701>20260230", "-1002", "input.ykc701", true },
	{ "care category that no map knows", false, "<aka130>21", "<aka130>77", "-1002", "input.aka130", true },
	{ "missing element", false, "<aka130>21</aka130>", "", "-1002", "input.aka130", true },
	{ "element twice", false, "<aka130>21</aka130>", "<aka130>21</aka130><aka130>21</aka130>", "-1002",
	        "input.aka130", true },
	{ "elements in another order", false, "<ake170>0</ake170><ake122>0</ake122>",
	        "<ake122>0</ake122><ake170>0</ake170>", "-1002", "input.ake170", true },
	{ "unknown element", false, "<aka130>", "<what/><aka130>", "-1002", "input.what", true },
	{ "attribute", false, "<aka130>", "<aka130 a=\"1\">", "-1002", "input.aka130", true },
	{ "empty element", false, "<aae072>NB1</aae072>", "<aae072/>", "-1002", "input.aae072", true },
	{ "name of 51 characters", false, "苏望川",
	        "苏望川苏望川苏望川苏望川苏望川苏望川苏望川苏望川苏望川苏望川苏望川苏望川苏望川苏望川苏望川苏望川苏望"
	        "川",
	        "-1002", "input.aac003", true },
	{ "body about other areas", false, "<aab301>621000</aab301><ykc700>", "<aab301>621100</aab301><ykc700>",
	        "-1002", "input.aab301", true },
	{ "encrypted body", false, "<input>", "<input enc=\"SM4\">", "-1002", "input", false },
	{ "one octet of the body changed", true, "<aae072>NB1", "<aae072>NB2", "-1003", "head.digest", false },
	{ "one octet of the head changed", true, "<expire>30", "<expire>31", "-1004", "head.sign", false },
	{ "key of nobody", true, "<keyid>330000-TEST", "<keyid>330000-NONE", "-1004", "head.keyid", false },
	{ "another province's key", true, "<keyid>330000-TEST", "<keyid>620000-TEST", "-1004", "head.keyid", false },
	{ "key that had ended", true, "<keyid>330000-TEST", "<keyid>330000-OLD", "-1004", "head.keyid", false },
	{ "number of another area", true, "<transid>330000", "<transid>340000", "-1002", "head.transid", false },
	{ "unknown element of the head", true, "<expire>30", "<x/><expire>30", "-1002", "head.expire", false },
	{ "element behind the head's last", true, "</sign>", "</sign><x/>", "-1002", "head.x", false },
	{ "expiry of 3601 s", true, "<expire>30", "<expire>3601", "-1002", "head.expire", false },
	{ "no expiry", true, "<expire>30", "<expire>0", "-1002", "head.expire", false },
	{ "another version", true, "ver=\"1.0\"", "ver=\"1.1\"", "-1002", "ksbw.@ver", false },
	{ "second input (signature wrapping)", true, "</ksbw>", "<input><aab299>330200</aab299></input></ksbw>",
	        "-1002", "ksbw", false },
	{ "input before the signed one", true, "</head>", "</head><input/>", "-1002", "ksbw", false },
	{ "second head", true, "</ksbw>", "<head/></ksbw>", "-1002", "ksbw", false },
	{ "head around the head", true, "<head>", "<head><head/>", "-1002", "head.transno", false },
	{ "entity", true, "<ksbw", "<!DOCTYPE ksbw [<!ENTITY a \"aaaa\">]><ksbw", "-1001", "(message)", false },
	{ "external DTD", true, "<ksbw", "<!DOCTYPE ksbw SYSTEM \"file:///etc/passwd\"><ksbw", "-1001", "(message)",
	        false },
	{ "processing instruction", true, "<ksbw", "<?a b?><ksbw", "-1001", "(message)", false },
	{ "depth of 9", true, "<aae072>NB1", "<aae072><a><b><c><d><e><f><g>x</g></f></e></d></c></b></a>", "-1001",
	        "(message)", false },
	{ "element that is not closed", true, "</head>", "", "-1001", "(message)", false },
	{ "wrong label", true, "encoding=\"UTF-8\"", "encoding=\"UTF-16\"", "-1001", "(message)", false },
};

static struct yt_str good_request(struct world *w, const struct refused_case *row)
{
	struct doc q = ksbw_request;
	bool before = row != NULL && !row->after_sealing;
	struct yt_str octets;

	q.body = before ? replaced(w, BILL, row->part, row->by) : BILL;
	octets = sealed(w, &q);
	return row != NULL && row->after_sealing ? yt_str(replaced(w, octets.p, row->part, row->by)) : octets;
}

static void test_what_is_refused(void **state)
{
	struct world w = world_open();
	struct codec gs = open_with(&w, "620000", NULL, NULL);
	struct yt_msg *msg;

	must_decode(&w, &gs, good_request(&w, NULL));
	for (size_t i = 0; i < COUNT(refused_cases); i++) {
		const struct refused_case *row = &refused_cases[i];
		struct yt_str reply_octets;
		struct yt_reply *reply = yt_reply_new(w.arena);

		if (decode(&w, &gs, good_request(&w, row), &msg) == 0)
			fail_msg("%s: is taken", row->it);
		if (strcmp(w.fault.path, row->path) != 0 || !yt_str_is(msg->refusal, row->code))
			fail_msg("%s: %.*s %s %s", row->it, YT_FMT(msg->refusal), w.fault.path, w.fault.why);
		assert_int_equal(msg->is_authentic, row->is_authentic);
		/* Whatever it was, an answer can be written, and says so. */
		reply->outcome = YT_REFUSED;
		reply->code = YT_STR("-1");
		reply->wall_ms = 1773800130000;
		reply_octets = encoded_reply(&w, &gs, msg, reply);
		assert_text(text_of(reply_octets, "errorcode"), row->code);
	}
	plugin_unload(gs.plugin);
	world_close(&w);
}

static void test_what_is_too_large_or_not_for_us(void **state)
{
	struct world w = world_open();
	struct codec gs = open_with(&w, "620000", NULL, NULL), sh = open_with(&w, "310000", NULL, NULL);
	struct codec hop = open_with(&w, "310000", "relay", "yes"),
	             lenient = open_with(&w, "620000", "unknown_elements", "keep");
	struct yt_str good = good_request(&w, NULL);
	char *large = calloc(1, 4194305);
	struct yt_buf out = { 0 };
	struct yt_msg *msg;
	struct doc q = ksbw_request;

	memset(large, ' ', 4194305);
	memcpy(large, good.p, good.n);
	assert_int_equal(decode(&w, &gs, (struct yt_str){ large, 4194304 }, &msg), 0);
	assert_int_equal(decode(&w, &gs, (struct yt_str){ large, 4194305 }, &msg), YT_ELIMIT);
	free(large);
	assert_int_equal(decode(&w, &gs, YT_STR(""), &msg), YT_EFORMAT);
	assert_int_equal(decode(&w, &sh, good, &msg), YT_EFORMAT);
	assert_text(msg->refusal, "-1009");
	/* A province, by its own good signature, about where another treats. */
	q.body = BILL;
	q.treating = "440100";
	assert_int_equal(decode(&w, &gs, sealed(&w, &q), &msg), YT_EDENIED);
	assert_text(msg->refusal, "-1008");
	assert_string_equal(w.fault.path, "head.sender");
	q.treating = ksbw_request.treating;
	/* A hop reads the head, and passes the octets on as they came. */
	msg = must_decode(&w, &hop, good);
	/* Nobody knows it under the hop's name: "never seen" would be said of what stands. */
	assert_int_equal(hop.api->query_for(hop.plugin, msg, yt_msg_new(w.arena)), YT_ENOTFOUND);
	assert_int_equal(hop.api->reversal_of(hop.plugin, msg, yt_msg_new(w.arena)), YT_ENOTFOUND);
	assert_text(msg->too_late, "-9001");
	assert_int_equal(hop.api->encode_request(hop.plugin, msg, &out, &w.fault), 0);
	assert_same(yt_buf_view(&out), good);
	yt_buf_free(&out);
	/* Ignore and keep: the digest is over the unknown element too. */
	q.body = replaced(&w, BILL, "<aka130>", "<what>1</what><aka130>");
	msg = must_decode(&w, &lenient, sealed(&w, &q));
	assert_text(yt_node_text(yt_node_get(msg->body, "unknown"), "what"), "1");
	assert_text(yt_node_text(yt_node_get(msg->body, "data"), "med_type"), "21");
	plugin_unload(gs.plugin);
	plugin_unload(sh.plugin);
	plugin_unload(hop.plugin);
	plugin_unload(lenient.plugin);
	world_close(&w);
}

/* GBK and GB2312 labels are read as GB18030, a byte-order mark in UTF-8 is harmless to the digest. */
static void test_labels_of_old_counterparts(void **state)
{
	struct world w = world_open();
	struct codec gs = open_with(&w, "620000", NULL, NULL);
	struct doc q = ksbw_request;
	struct yt_str octets;
	struct yt_msg *msg;

	q.charset = YT_GB18030;
	q.body = replaced(&w, BILL, "苏望川", "䶮㛃𠮷");
	octets = sealed(&w, &q);
	msg = must_decode(&w, &gs, yt_str(replaced(&w, octets.p, "GB18030", "GBK")));
	assert_text(yt_node_text(yt_node_get(msg->body, "data"), "psn_name"), "䶮㛃𠮷");
	must_decode(&w, &gs, yt_str(replaced(&w, octets.p, "GB18030", "gb2312")));
	plugin_unload(gs.plugin);
	world_close(&w);
}

/* -- what a request of ours needs --------------------------------------------------------------- */

static struct yt_node *without(struct world *w, const struct yt_node *object, const char *name)
{
	struct yt_node *copy = yt_node_new(w->arena, YT_OBJECT);

	for (const struct yt_node *node = object->child; node != NULL; node = node->next)
		if (!yt_str_is(node->name, name))
			yt_node_add(w->arena, copy, node->name, (enum yt_kind)node->kind)->text = node->text;
	return copy;
}

static void assert_not_written(
        struct world *w, struct codec *c, const struct yt_msg *msg, const char *path, const char *why)
{
	struct yt_buf out = { 0 };

	assert_int_equal(c->api->encode_request(c->plugin, msg, &out, &w->fault), YT_EFORMAT);
	assert_int_equal(out.n, 0);
	if (strcmp(w->fault.path, path) != 0 || strstr(w->fault.why, why) == NULL)
		fail_msg("%s %s", w->fault.path, w->fault.why);
	yt_buf_free(&out);
}

static void test_missing_facts_are_named(void **state)
{
	static const struct {
		const char *fact, *path, *why;
	} rows[] = {
		{ "ykc700", "input.data.ykc700", "registration 0212 must come first" },
		{ "psn_name", "input.data.psn_name", "0211 must come first" },
		{ "certno", "input.data.certno", "0211 must come first" },
		{ "med_type", "input.data.med_type", "0212 must come first" },
		{ "akc018", "input.data.akc018", "2204/2301 answer must come first" },
		{ "feehash", "input.data.feehash", "0301 must come first" },
		{ "begntime", "input.data.begntime", "0212 must come first" },
	};
	struct world w = world_open();
	struct codec zj = open_with(&w, "330000", NULL, NULL);

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct yt_msg *msg = case_of_8(&w);

		msg->facts = without(&w, msg->facts, rows[i].fact);
		assert_not_written(&w, &zj, msg, rows[i].path, rows[i].why);
	}
	plugin_unload(zj.plugin);
	world_close(&w);
}

static void test_what_cannot_be_said(void **state)
{
	struct world w = world_open();
	struct codec zj = open_with(&w, "330000", NULL, NULL);
	struct yt_msg *msg = case_of_8(&w);
	struct yt_node *data = yt_node_get(msg->body, "data");

	yt_node_add_text(w.arena, data, "hosp_part_amt", YT_STR("0.01"));
	assert_not_written(&w, &zj, msg, "input.data.hosp_part_amt", "borne by the hospital");
	msg = case_of_8(&w);
	yt_node_set_text(w.arena, yt_node_get(msg->body, "data"), "overlmt_selfpay", YT_STR("236.01"));
	assert_not_written(&w, &zj, msg, "input.data.medfee_sumamt", "I1");
	msg = case_of_8(&w);
	msg->insured_area = YT_STR("");
	assert_not_written(&w, &zj, msg, "insuplc_admdvs", "1101");
	msg = case_of_8(&w);
	msg->op = yt_op(YT_OP_STOCK_SALE);
	assert_not_written(&w, &zj, msg, "(message)", "does not have");
	msg = case_of_8(&w);
	msg->operator_id = YT_STR("a\x01");
	assert_not_written(&w, &zj, msg, "input/aae011", "U+0001");
	plugin_unload(zj.plugin);
	world_close(&w);
}

#define LINE(sn, code, cnt, pric, amount, in, level, type)                                                             \
	"{\"feedetl_sn\":\"" sn "\",\"med_list_codg\":\"" code "\",\"medins_list_codg\":\"H1\",\"cnt\":" cnt           \
	",\"pric\":" pric ",\"det_item_fee_sumamt\":" amount ",\"fee_ocur_time\":\"2026-03-10 08:00:00\","             \
	"\"inscp_scp_amt\":" in                                                                                        \
	",\"preselfpay_amt\":0,\"fulamt_ownpay_amt\":0,\"overlmt_amt\":0,\"chrgitm_lv\":\"" level                      \
	"\",\"med_chrgitm_type\":\"" type "\""
/* The three lines of 8.4, out of order. */
#define LINES                                                                                                          \
	"[" LINE("0003", "ZD03AAA0002", "-1", "136.8", "-136.8", "-136.8", "02",                                       \
	        "05") ",\"init_feedetl_sn\":\"0002\"}," LINE("0001", "ZD03AAA0001", "2", "12.5", "25", "25", "01",     \
	        "09") "}," LINE("0002", "ZD03AAA0002", "1", "136.8", "136.8", "136.8", "02", "05") "}]"

static void test_sums_and_hash_of_lines(void **state)
{
	struct world w = world_open();
	struct codec zj = open_with(&w, "330000", NULL, NULL);
	struct yt_msg *msg = case_of_8(&w);
	struct yt_str octets;

	msg->body = json(&w, "{\"data\":{\"medfee_sumamt\":25,\"dscgTime\":\"2026-03-18\"}}");
	msg->facts = json(&w, "{\"ykc700\":\"S6210002603060000123\",\"psn_no\":\"P1\",\"psn_cert_type\":\"01\","
	                      "\"certno\":\"621002197203164015\",\"psn_name\":\"苏望川\",\"med_type\":\"21\","
	                      "\"begntime\":\"2026-03-06 08:30:00\",\"psn_name\":\"said twice\","
	                      "\"feedetail\":" LINES "}");
	octets = encoded(&w, &zj, msg);
	assert_text(text_of(octets, "aac003"), "苏望川");
	assert_text(text_of(octets, "feecnt"), "3");
	assert_text(text_of(octets, "feehash"), "9c2158252e487968e1a87d59782904a7a6709b8bec29b7f1976aa84afbb3f49e");
	assert_text(text_of(octets, "akc018"), "25.00");
	assert_text(text_of(octets, "ake171"), "25.00");
	assert_text(text_of(octets, "akc232"), "0.00");
	assert_text(text_of(octets, "yzz021"), "H33020300999-ZY26030600731-1");
	/* SM3 of "0001|ZD03AAA0001|0.5000|0.0500|0.03" and a line end */
	msg->body = json(&w, "{\"data\":{\"medfee_sumamt\":0.03,\"dscgTime\":\"2026-03-18\"}}");
	yt_node_get(msg->facts, "feedetail")->child =
	        json(&w, "[" LINE("0001", "ZD03AAA0001", "0.5", "0.05", "0.03", "0.03", "01", "09") "}]")->child;
	yt_node_get(msg->facts, "feedetail")->n = 1;
	assert_text(text_of(encoded(&w, &zj, msg), "feehash"),
	        "5683e0e2a1534432c462fce0a324df089f3de369739817c0b0e5d9618b08fba2");
	plugin_unload(zj.plugin);
	world_close(&w);
}

static struct yt_msg *upload(struct world *w, const char *rows)
{
	struct yt_msg *msg = case_of_8(w);

	msg->op = yt_op(YT_OP_INPATIENT_FEES);
	msg->body = yt_node_new(w->arena, YT_OBJECT);
	yt_node_add(w->arena, msg->body, YT_STR("feedetail"), YT_ARRAY)->child = json(w, rows)->child;
	yt_node_get(msg->body, "feedetail")->n = json(w, rows)->n;
	msg->facts = json(w, "{\"ykc700\":\"S6210002603060000123\",\"psn_no\":\"P1\",\"ipt_no\":\"Z1\"}");
	return msg;
}

static void test_fee_upload(void **state)
{
	struct world w = world_open();
	struct codec zj = open_with(&w, "330000", NULL, NULL), gs = open_with(&w, "620000", NULL, NULL);
	struct yt_str octets = encoded(&w, &zj, upload(&w, LINES));
	struct yt_buf rows = { 0 };

	assert_int_equal(yt_node_get(must_decode(&w, &gs, octets)->body, "feedetail")->n, 3);
	assert_not_written(&w, &zj, upload(&w, "[" LINE("1", "A", "1", "5.00", "5.06", "5.06", "01", "09") "}]"),
	        "input.feedetail[0].det_item_fee_sumamt", "I6");
	assert_not_written(&w, &zj, upload(&w, "[" LINE("1", "A", "-1", "5", "-5", "-5", "01", "09") "}]"),
	        "input.feedetail[0].init_feedetl_sn", "I6");
	assert_not_written(&w, &zj, upload(&w, "[" LINE("1", "A", "1", "5", "5", "4", "01", "09") "}]"),
	        "input.feedetail[0].det_item_fee_sumamt", "I1");
	assert_not_written(&w, &zj, upload(&w, "[" LINE("1", "A", "1", "5.00001", "5", "5", "01", "09") "}]"),
	        "input.feedetail[0].pric", "4 behind the point");
	assert_not_written(&w, &zj, upload(&w, "[{\"feedetl_sn\":\"1\",\"fee_ocur_time\":\"2026-03-10 08:00:00\"}]"),
	        "input.feedetail[0].med_chrgitm_type", "2204/2301 answer must come first");
	for (int n = 300; n <= 301; n++) {
		yt_buf_clear(&rows);
		for (int i = 0; i < n; i++)
			yt_buf_printf(
			        &rows, "%s" LINE("%d", "A", "1", "5", "5", "5", "01", "09") "}", i == 0 ? "[" : ",", i);
		yt_buf_text(&rows, "]");
		yt_buf_byte(&rows, 0);
		if (n == 300)
			must_decode(&w, &gs, encoded(&w, &zj, upload(&w, (char *)rows.p)));
		else
			assert_not_written(&w, &zj, upload(&w, (char *)rows.p), "input.feedetail", "takes 1 to 300");
	}
	yt_buf_free(&rows);
	plugin_unload(zj.plugin);
	plugin_unload(gs.plugin);
	world_close(&w);
}

static void test_lines_that_are_refused_are_named(void **state)
{
	static const struct {
		const char *part, *by, *path;
	} rows[] = {
		{ "<ake001>ZD03AAA0001", "<x/><ake001>ZD03AAA0001", "input.detail.row[1].x" },
		{ "<ake001>ZD03AAA0001", "<ake001/><ake001>ZD03AAA0001", "input.detail.row[1].ake001" },
		{ "</detail>", "<row>x</row></detail>", "input.detail.row[3].ykc610" },
		{ "</detail>", "<x/></detail>", "input.detail.x" },
		{ "</detail>", "</detail><x/>", "input.x" },
	};
	struct world w = world_open();
	struct codec zj = open_with(&w, "330000", NULL, NULL), gs = open_with(&w, "620000", NULL, NULL);
	struct yt_str octets = encoded(&w, &zj, upload(&w, LINES));
	struct doc q = ksbw_request;
	struct yt_msg *msg;

	q.transno = "0301";
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct yt_str good = yt_arena_copy(w.arena, element(octets, "input"));

		q.body = replaced(&w, good.p, rows[i].part, rows[i].by);
		assert_int_equal(decode(&w, &gs, sealed(&w, &q), &msg), YT_EFORMAT);
		assert_string_equal(w.fault.path, rows[i].path);
	}
	plugin_unload(zj.plugin);
	plugin_unload(gs.plugin);
	world_close(&w);
}

/* -- settings ----------------------------------------------------------------------------------- */

static void test_settings(void **state)
{
	static const struct {
		const char *key, *value;
		bool is_good;
	} rows[] = {
		{ "hub", "100000", true },
		{ "hub", "10000", false },
		{ "hub", "10000a", false },
		{ "encoding", "GB18030", true },
		{ "encoding", "GBK", false },
		{ "expire_s", "1", true },
		{ "expire_s", "3600", true },
		{ "expire_s", "3601", false },
		{ "expire_s", "0", false },
		{ "expire_s", "x", false },
		{ "unknown_elements", "keep", true },
		{ "unknown_elements", "maybe", false },
		{ "relay", "yes", true },
		{ "relay", "1", false },
		{ "signatures", "no", true },
		{ "invariants", "", true },
		{ "invariants", "I1,I8", true },
		{ "invariants", "I9", false },
		{ "invariants", "I1,", true },
		{ "invariants", "I1I2", false },
		{ "receivers", "66=660000;6212=629900", true },
		{ "receivers", "66=66", false },
		{ "med_type", "11=11;*", true },
		{ "med_type", "11", false },
		{ "med_type", "=11", false },
		{ "med_type", "11=", false },
	};
	struct world w = world_open();

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct plugin_setting settings[] = { { "area", "330000" }, { rows[i].key, rows[i].value } };
		struct yt_plugin *plugin = NULL;
		char why[512];
		int rv = plugin_load(
		        &plugin, YT_PLUGIN_DIR "/crossprovince.so", "test", settings, 2, w.keys, why, sizeof(why));

		if ((rv == 0) != rows[i].is_good)
			fail_msg("%s: %s gives %d", rows[i].key, rows[i].value, rv);
		if (rv == 0)
			plugin_unload(plugin);
	}
	world_close(&w);
}

static void test_receivers_and_missing_keys(void **state)
{
	struct world w = world_open();
	struct codec zj = open_with(&w, "330000", "receivers", "62=620001;6210=629900"),
	             none = open_with(&w, "440000", NULL, NULL);
	struct yt_buf out = { 0 };

	assert_text(text_of(encoded(&w, &zj, case_of_8(&w)), "recver"), "629900"); /* the longest prefix */
	assert_int_equal(none.api->encode_request(none.plugin, case_of_8(&w), &out, &w.fault), YT_ENOTFOUND);
	assert_string_equal(w.fault.path, "head.keyid");
	yt_buf_free(&out);
	plugin_unload(zj.plugin);
	plugin_unload(none.plugin);
	world_close(&w);
}

/* Who signs each message is called in a thread of its own; who does not is spared the way there. */
static void test_only_who_signs_is_slow(void **state)
{
	struct world w = world_open();
	struct codec signs = open_with(&w, "330000", NULL, NULL), plain = open_with(&w, "330000", "signatures", "no");

	assert_true(signs.api->is_slow);
	assert_false(plain.api->is_slow);
	plugin_unload(signs.plugin);
	plugin_unload(plain.plugin);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_who_signs_is_slow),
		cmocka_unit_test(test_published_messages_are_read),
		cmocka_unit_test(test_published_request_is_written),
		cmocka_unit_test(test_published_answer_is_written),
		cmocka_unit_test(test_schema_of_settlement),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_what_is_too_large_or_not_for_us),
		cmocka_unit_test(test_labels_of_old_counterparts),
		cmocka_unit_test(test_missing_facts_are_named),
		cmocka_unit_test(test_what_cannot_be_said),
		cmocka_unit_test(test_sums_and_hash_of_lines),
		cmocka_unit_test(test_fee_upload),
		cmocka_unit_test(test_lines_that_are_refused_are_named),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_receivers_and_missing_keys),
	};
	int rv = cmocka_run_group_tests(tests, NULL, NULL);

	free(facts);
	return rv;
}
