/* tests/test_iso20022.c - the iso20022 plugin through the loader: orders written, schema-valid, and what banks say read
 * as done, refused or unknown.
 *
 * The composed and public samples, and the official schemas, are beside the project; without them those tests are
 * skipped. */
#include <sys/stat.h>

#include "bank_peer.h"

#define XSD FACTS "xsd"

static const struct plugin_setting customer[] = { { "customer", "3302990001" },
	{ "initiator", "宁波市医疗保障基金支出户（示例）" } };

static bool has_schemas(void)
{
	struct stat st;

	if (stat(XSD, &st) == 0)
		return true;
	print_message("%s is not here: nothing is held to the official schemas\n", XSD);
	return false;
}

/* With the official schemas where they are there. */
static struct bank open_bank(const char *key, const char *value)
{
	struct plugin_setting settings[4] = { customer[0], customer[1] };
	size_t n = 2;

	if (key != NULL)
		settings[n++] = (struct plugin_setting){ key, value };
	if (has_schemas())
		settings[n++] = (struct plugin_setting){ "schemas", XSD };
	return bank_open("iso20022", settings, n);
}

/* -- orders --------------------------------------------------------------------------------------- */

#define PAYER                                                                                                          \
	"\"payer_acct\":\"3999020001000000018\",\"payer_name\":\"宁波市医疗保障基金支出户（示例）\","  \
	"\"payer_bank_no\":\"102332099018\",\"payer_bank_name\":\"示例工商银行宁波分行\","                   \
	"\"pay_date\":\"2026-11-20\",\"name_check\":\"2\""
#define LIN                                                                                                                    \
	"\"pay_no\":\"CL20261120000000000001\",\"pay_amt\":\"3286.40\",\"payee_acct\":\"6299993302000001017\","                \
	"\"payee_name\":\"林晚晴\",\"payee_bank_no\":\"313332099026\",\"payee_bank_name\":\"示例甬江银行营业部\"," \
	"\"psn_cert_type\":\"01\",\"certno\":\"330299198804123029\",\"psn_name\":\"林晚晴\","                               \
	"\"purpose\":\"零星报销\",\"memo\":\"2026-11-18 结算单 330299202611180099\""
#define CHEN                                                                                                                   \
	"\"pay_no\":\"MA20261120000000000002\",\"pay_amt\":21463.50,\"payee_acct\":\"6299993302000003039\","                   \
	"\"payee_name\":\"陈晐\",\"payee_bank_no\":\"105332099046\",\"payee_bank_name\":\"示例建设银行宁波分行\"," \
	"\"psn_cert_type\":\"01\",\"certno\":\"330299199307265047\",\"purpose\":\"生育津贴\",\"memo\":\"2026-11\""
#define HOSPITAL                                                                                                       \
	"\"pay_no\":\"HS20261120000000000003\",\"pay_amt\":\"186204.77\",\"payee_acct\":\"3999020002000000027\","      \
	"\"payee_name\":\"宁波甬江示例医院\",\"payee_bank_no\":\"313332099026\","                              \
	"\"payee_bank_name\":\"示例甬江银行营业部\",\"purpose\":\"医院日结\",\"memo\":\"2026-11-19 H33029900001\""

static const char one_order[] = "{\"data\":{" PAYER "," LIN "}}";
static const char three_orders[] =
        "{\"data\":{" PAYER ",\"pay_cnt\":3,\"pay_sumamt\":\"210954.67\"},\"payout\":["
        "{" LIN ",\"uetr\":\"3f0a6c1e-5b7d-4c2a-9e11-0d4b8a7c9f21\",\"block_no\":\"PB20261120000000000001\"},"
        "{" CHEN ",\"uetr\":\"8b1d2e3f-4a5c-4d6e-8f70-1a2b3c4d5e6f\"},"
        "{" HOSPITAL ",\"uetr\":\"c0ffee00-1234-4abc-9def-001122334455\",\"block_no\":\"PB20261120000000000002\"}]}";

#define NUMBER "PM20261120000000000100"

static struct yt_msg *order(struct bank *b, const char *json)
{
	struct yt_node *body = from_json(b, json);

	return order_of(b, yt_node_get(body, "payout") != NULL ? YT_OP_PAY_BATCH : YT_OP_PAY_ORDER, NUMBER, body);
}

/* The canonical tree of a document, without white space between elements. */
static struct yt_str tree_of(struct bank *b, struct yt_str octets)
{
	static const struct yt_xml_limits limits = { .depth = 24 };
	struct yt_xml_error err;
	struct yt_xml xml;

	if (yt_xml_read(b->arena, octets, &limits, &xml, &err) != 0)
		fail_msg("%s at %u:%u", err.why, err.line, err.column);
	return json_of(b, xml.root);
}

static void assert_same_tree(struct bank *b, struct yt_str is, struct yt_str wanted)
{
	struct yt_str x = tree_of(b, is), y = tree_of(b, wanted);
	size_t i = 0;

	while (i < x.n && i < y.n && x.p[i] == y.p[i])
		i++;
	if (i < x.n || i < y.n)
		fail_msg("differs at %zu: is ...%.*s, wanted ...%.*s", i, (int)(x.n - i < 80 ? x.n - i : 80), x.p + i,
		        (int)(y.n - i < 80 ? y.n - i : 80), y.p + i);
}

static void the_composed_order_is_written(void **state)
{
	struct bank b = open_bank(NULL, NULL);
	struct yt_str wanted = sample(&b, "samples/composed/pain001_payout.xml");
	struct yt_msg *msg;

	(void)state;
	NEED(wanted);
	msg = order(&b, three_orders);
	msg->own_number = YT_STR("PM20261120000000000001");
	assert_same_tree(&b, encoded(&b, msg), wanted);
	bank_close(&b);
}

static void the_composed_order_is_read(void **state)
{
	struct bank b = open_bank(NULL, NULL);
	struct yt_str octets = sample(&b, "samples/composed/pain001_payout.xml");
	const struct yt_node *row;
	struct yt_msg *msg;

	(void)state;
	NEED(octets);
	msg = decoded(&b, octets);
	assert_int_equal(msg->op->id, YT_OP_PAY_BATCH);
	assert_text(msg->number, "PM20261120000000000001");
	assert_text(msg->institution, "3302990001");
	assert_text(msg->time, "2026-11-20 09:15:02");
	assert_int_equal(msg->amount_fen, 21095467);
	row = row_at(yt_node_get(msg->body, "payout"), 2);
	assert_text(yt_node_text(row, "pay_no"), "HS20261120000000000003");
	assert_text(yt_node_text(row, "pay_type"), "HS");
	assert_text(yt_node_text(row, "payee_name"), "宁波甬江示例医院");
	assert_text(yt_node_text(row, "payer_acct"), "3999020001000000018");
	assert_text(yt_node_text(row, "purpose"), "医院日结");
	assert_text(yt_node_text(row, "memo"), "2026-11-19 H33029900001");
	row = row_at(yt_node_get(msg->body, "payout"), 0);
	assert_text(yt_node_text(row, "psn_cert_type"), "01");
	assert_text(yt_node_text(row, "certno"), "330299198804123029");
	/* What was read is written as it was. */
	msg->own_number = msg->number;
	assert_same_tree(&b, encoded(&b, msg), octets);
	bank_close(&b);
}

/* Counts may have zeros in front: the schema wants digits. */
static void an_order_that_counts_with_zeros_is_read(void **state)
{
	struct bank b = open_bank(NULL, NULL);
	struct yt_str octets = encoded(&b, order(&b, one_order));
	const char *at = memmem(octets.p, octets.n, "<NbOfTxs>1<", 11);
	size_t n;

	(void)state;
	assert_non_null(at);
	n = (size_t)(at + 9 - octets.p);
	octets = yt_arena_printf(b.arena, "%.*s00%.*s", (int)n, octets.p, (int)(octets.n - n), octets.p + n);
	assert_int_equal(decoded(&b, octets)->op->id, YT_OP_PAY_ORDER);
	bank_close(&b);
}

/* xmllint, where it is installed: a reader of schemas that shares nothing with the plugin's calls. */
static void xmllint(struct yt_str octets, const char *schema)
{
	char file[] = "/tmp/yt-iso-XXXXXX", command[512];
	int fd = mkstemp(file), status;

	if (access("/usr/bin/xmllint", X_OK) != 0) {
		unlink(file);
		print_message("xmllint is not installed\n");
		return;
	}
	assert_int_equal(write(fd, octets.p, octets.n), octets.n);
	close(fd);
	snprintf(command, sizeof(command), "/usr/bin/xmllint --nonet --noout --schema %s/%s.xsd %s 2>/dev/null", XSD,
	        schema, file);
	status = system(command);
	unlink(file);
	assert_int_equal(status, 0);
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static void random_text(struct yt_buf *out, uint32_t *seed, unsigned most)
{
	static const char *const parts[] = { "宁", "波", "林", "晐", "㛃", "·", "A", "z", "&", "<", "\"", "（", "𠮷",
		"9" };
	unsigned n = 1 + next_random(seed) % most;

	while (n-- > 0)
		yt_buf_text(out, parts[next_random(seed) % COUNT(parts)]);
}

static void random_payout(struct yt_buf *out, uint32_t *seed, unsigned i)
{
	static const char *const types[] = { "CL", "MA", "HS", "IN" };
	static const char *const banks[] = { "102332099018", "313332099026", "105332099046", "402338099038" };
	const char *type = types[next_random(seed) % 4];
	uint32_t channel = next_random(seed) % 4;

	yt_buf_printf(out, "%s{\"pay_no\":\"%s20261120%012u\",\"pay_amt\":%u.%02u,\"payer_acct\":\"399902000%u\"",
	        i > 0 ? "," : "", type, i, 1 + next_random(seed) % 900000, next_random(seed) % 100,
	        next_random(seed) % 3);
	yt_buf_text(out, ",\"payer_name\":\"支出户\",\"payer_bank_no\":\"102332099018\",\"payee_name\":");
	for (unsigned k = 0; k < 2; k++) {
		struct yt_buf text = { 0 };

		random_text(&text, seed, k == 0 ? 140 : 60);
		yt_json_write_string(yt_buf_view(&text), out);
		yt_buf_free(&text);
		yt_buf_text(out, k == 0 ? ",\"purpose\":" : "");
	}
	yt_buf_printf(out, ",\"payee_acct\":\"%u%u\"", 62000000 + next_random(seed) % 99999, next_random(seed));
	if (next_random(seed) % 3 > 0)
		yt_buf_printf(out, ",\"payee_bank_no\":\"%s\"", banks[next_random(seed) % 4]);
	if (next_random(seed) % 2 > 0)
		yt_buf_text(out, ",\"payee_bank_name\":\"示例银行\"");
	if (next_random(seed) % 2 > 0)
		yt_buf_text(out, ",\"memo\":\"补发 2026-11\",\"behalf_name\":\"示例保险公司\"");
	if (next_random(seed) % 2 > 0)
		yt_buf_printf(out, ",\"psn_cert_type\":\"%s\",\"certno\":\"330299198804123029\",\"name_check\":\"2\"",
		        next_random(seed) % 2 > 0 ? "01" : "08");
	yt_buf_printf(out, ",\"pay_channel\":\"%c\"}", "SBHI"[channel]);
}

/* 200 payouts in messages of 1 to 20, both editions: each document keeps to the official schema, and read back says the
 * same. */
static void random_payouts_keep_to_the_schema(void **state)
{
	static const char *const editions[] = { "09", "03" };
	uint32_t seed = 20261122;

	(void)state;
	if (!has_schemas())
		skip();
	for (size_t e = 0; e < 2; e++) {
		struct bank b = open_bank("edition", editions[e]);
		unsigned i = 0;

		while (i < 200) {
			unsigned n = 1 + next_random(&seed) % 20;
			struct yt_buf json = { 0 };
			struct yt_str octets;
			struct yt_msg *msg;

			n = i + n > 200 ? 200 - i : n;
			yt_buf_text(&json, "{\"data\":{},\"payout\":[");
			for (unsigned k = 0; k < n; k++)
				random_payout(&json, &seed, i++ * 2 + (k == 0));
			yt_buf_text(&json, "]}");
			/* The comma that a first row must not have. */
			yt_buf_byte(&json, 0);
			assert_false(json.failed);
			memmove(strstr((char *)json.p, "[,") != NULL ? strstr((char *)json.p, "[,") + 1
			                                             : (char *)json.p,
			        strstr((char *)json.p, "[,") != NULL ? strstr((char *)json.p, "[,") + 2
			                                             : (char *)json.p,
			        strstr((char *)json.p, "[,") != NULL ? strlen(strstr((char *)json.p, "[,")) - 1 : 0);
			msg = order(&b, (char *)json.p);
			octets = encoded(&b, msg);
			xmllint(octets, e == 0 ? "pain.001.001.09" : "pain.001.001.03");
			msg = decoded(&b, octets);
			msg->own_number = msg->number;
			assert_same_tree(&b, encoded(&b, msg), octets);
			yt_buf_free(&json);
		}
		bank_close(&b);
	}
}

static const struct refused_order {
	const char *it, *json, *path, *why;
} refused_orders[] = {
	{ "an order without the payer's bank", "{\"data\":{\"payer_acct\":\"1\",\"payer_name\":\"a\"," LIN "}}",
	        "input.data.payer_bank_no", "is missing" },
	{ "an order without a payer's name",
	        "{\"data\":{\"payer_acct\":\"1\",\"payer_bank_no\":\"102332099018\"," LIN "}}", "input.data.payer_name",
	        "is missing" },
	{ "an order with a wrong line number",
	        "{\"data\":{\"payer_acct\":\"1\",\"payer_name\":\"a\",\"payer_bank_no\":\"102332099019\"," LIN "}}",
	        "input.data.payer_bank_no", "check digit" },
	{ "a list with one that is not a person's account",
	        "{\"data\":{" PAYER "},\"payout\":[{" CHEN "},{" LIN ",\"psn_name\":\"林晚\"}]}",
	        "input.payout[1].payee_name", "psn_name" },
	{ "a list with the same payout twice", "{\"data\":{" PAYER "},\"payout\":[{" LIN "},{" CHEN "},{" LIN "}]}",
	        "input.payout", "same pay_no twice" },
	{ "a list of nothing", "{\"data\":{" PAYER "},\"payout\":[]}", "input.payout", "1 to 3 go" },
	{ "a list of too many", "{\"data\":{" PAYER "},\"payout\":[{" LIN "},{" CHEN "},{" HOSPITAL "},{}]}",
	        "input.payout", "has 4 payouts: 1 to 3 go" },
	{ "an order of too much", "{\"data\":{" PAYER "," HOSPITAL "}}", "input.data.pay_amt", "above the limit" },
	{ "an order with a bad UETR", "{\"data\":{" PAYER "," LIN ",\"uetr\":\"3F0A\"}}", "input.data.uetr", "UUID" },
};

static void it_is_refused_unsent(void **state)
{
	const struct refused_order *row = *state;
	struct plugin_setting settings[] = { customer[0], { "limit", "100000" }, { "payouts_max", "3" } };
	struct bank b = bank_open("iso20022", settings, COUNT(settings));
	struct yt_str octets;

	/* A second psn_name is the one that counts for the row: the tree keeps the first, so the row is cleared. */
	struct yt_node *body = from_json(&b, row->json);
	const struct yt_node *last = row_at(yt_node_get(body, "payout"), 1);

	for (struct yt_node *c = last != NULL ? last->child : NULL; c != NULL; c = c->next)
		if (yt_str_is(c->name, "psn_name") && strcmp(row->path, "input.payout[1].payee_name") == 0)
			c->text = YT_STR("林晚");
	assert_int_not_equal(
	        try_encode(&b,
	                order_of(&b, yt_node_get(body, "payout") != NULL ? YT_OP_PAY_BATCH : YT_OP_PAY_ORDER, NUMBER,
	                        body),
	                &octets),
	        0);
	assert_string_equal(b.fault.path, row->path);
	assert_part(b.fault.why, row->why);
	bank_close(&b);
}

/* The same payout has the same UETR whenever it is written, another has another. */
static void a_uetr_belongs_to_its_payout(void **state)
{
	struct bank b = open_bank(NULL, NULL);
	struct yt_msg *first = decoded(&b, encoded(&b, order(&b, one_order))),
	              *again = decoded(&b, encoded(&b, order(&b, one_order))),
	              *other = decoded(&b, encoded(&b, order(&b, "{\"data\":{" PAYER "," CHEN "}}")));
	struct yt_str uetr = yt_node_text(yt_node_get(first->body, "data"), "uetr");

	(void)state;
	assert_int_equal(uetr.n, 36);
	assert_true(yt_str_eq(uetr, yt_node_text(yt_node_get(again->body, "data"), "uetr")));
	assert_false(yt_str_eq(uetr, yt_node_text(yt_node_get(other->body, "data"), "uetr")));
	assert_int_equal(first->op->id, YT_OP_PAY_ORDER);
	assert_text(yt_node_text(yt_node_get(first->body, "data"), "block_no"), "PB20261120000000000101");
	bank_close(&b);
}

/* -- what the bank says --------------------------------------------------------------------------- */

#define REPORT(group, more)                                                                                             \
	"<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10\"><CstmrPmtStsRpt><GrpHdr><MsgId>SR1</MsgId>" \
	"<CreDtTm>2026-11-20T09:22:40+08:00</CreDtTm></GrpHdr><OrgnlGrpInfAndSts><OrgnlMsgId>" NUMBER                   \
	"</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>" group "</OrgnlGrpInfAndSts>" more                   \
	"</CstmrPmtStsRpt></Document>"
#define BLOCK(more)                                                                                                    \
	"<OrgnlPmtInfAndSts><OrgnlPmtInfId>PB20261120000000000101</OrgnlPmtInfId>" more "</OrgnlPmtInfAndSts>"
#define TX(more) "<TxInfAndSts><OrgnlEndToEndId>CL20261120000000000001</OrgnlEndToEndId>" more "</TxInfAndSts>"
#define OF(amount) "<OrgnlTxRef><Amt><InstdAmt Ccy=\"CNY\">" amount "</InstdAmt></Amt></OrgnlTxRef>"
#define REASON(code) "<StsRsnInf><Rsn><Cd>" code "</Cd></Rsn></StsRsnInf>"
#define RJCT(code) "<TxSts>RJCT</TxSts>" REASON(code)

static const struct report {
	const char *it, *octets;
	enum yt_outcome outcome;
	const char *state, *code;
} reports[] = {
	{ "a paid transfer", REPORT("<GrpSts>ACSC</GrpSts>", BLOCK(TX("<TxSts>ACSC</TxSts>"))), YT_DONE, "PAID",
	        "ACSC" },
	{ "a message taken as a whole", REPORT("<GrpSts>ACCP</GrpSts>", ""), YT_DONE, "ACCEPTED", "ACCP" },
	{ "a block at work", REPORT("<GrpSts>PART</GrpSts>", BLOCK("<PmtInfSts>ACSP</PmtInfSts>")), YT_DONE,
	        "PROCESSING", "ACSP" },
	{ "a transfer without a status of its own",
	        REPORT("<GrpSts>PART</GrpSts>", BLOCK("<PmtInfSts>PDNG</PmtInfSts>" TX(""))), YT_DONE, "PROCESSING",
	        "PDNG" },
	{ "a part that is not named", REPORT("<GrpSts>PART</GrpSts>", ""), YT_UNKNOWN, "", "PART" },
	{ "a name that does not fit", REPORT("<GrpSts>PART</GrpSts>", BLOCK(TX(RJCT("BE01")))), YT_REFUSED, "FAILED",
	        "BE01" },
	{ "a refused message",
	        REPORT("<GrpSts>RJCT</GrpSts><StsRsnInf><Rsn><Cd>FF01</Cd></Rsn><AddtlInf>a</AddtlInf></StsRsnInf>",
	                ""),
	        YT_REFUSED, "FAILED", "FF01" },
	{ "a message that came twice",
	        REPORT("<GrpSts>RJCT</GrpSts><StsRsnInf><Rsn><Cd>DU01</Cd></Rsn></StsRsnInf>", ""), YT_UNKNOWN,
	        "UNKNOWN", "DU01" },
	{ "a duplicate by content", REPORT("<GrpSts>PART</GrpSts>", BLOCK(TX(RJCT("AM05")))), YT_UNKNOWN, "UNKNOWN",
	        "AM05" },
	{ "a duplicate end-to-end number", REPORT("", BLOCK(TX(RJCT("DU04")))), YT_UNKNOWN, "UNKNOWN", "DU04" },
	{ "a duplicate of a kind that is new", REPORT("", BLOCK(TX(RJCT("DU99")))), YT_UNKNOWN, "UNKNOWN", "DU99" },
	{ "no answer from the other bank", REPORT("", BLOCK(TX(RJCT("AB05")))), YT_UNKNOWN, "UNKNOWN", "AB05" },
	{ "no answer at all", REPORT("", BLOCK(TX(RJCT("NOAS")))), YT_UNKNOWN, "UNKNOWN", "NOAS" },
	{ "a clearing that timed out", REPORT("", BLOCK(TX(RJCT("AB01")))), YT_UNKNOWN, "UNKNOWN", "AB01" },
	{ "a settlement that timed out", REPORT("", BLOCK(TX(RJCT("AB03")))), YT_UNKNOWN, "UNKNOWN", "AB03" },
	{ "an agent that was off line", REPORT("", BLOCK(TX(RJCT("AB07")))), YT_UNKNOWN, "UNKNOWN", "AB07" },
	{ "our own bank that timed out", REPORT("", BLOCK(TX(RJCT("AB11")))), YT_UNKNOWN, "UNKNOWN", "AB11" },
	{ "a payment that is not found", REPORT("", BLOCK(TX(RJCT("NOOR")))), YT_UNKNOWN, "UNKNOWN", "NOOR" },
	{ "a reason of the bank's own list", REPORT("", BLOCK(TX(RJCT("XX77")))), YT_UNKNOWN, "UNKNOWN", "XX77" },
	{ "a refusal for a reason nobody listed", REPORT("", BLOCK(TX(RJCT("XX78")))), YT_REFUSED, "FAILED", "XX78" },
	{ "a refusal without a reason", REPORT("", BLOCK(TX("<TxSts>RJCT</TxSts>"))), YT_REFUSED, "FAILED", "RJCT" },
	{ "a refusal with two reasons, one of them a duplicate",
	        REPORT("",
	                BLOCK(TX(
	                        "<TxSts>RJCT</TxSts><StsRsnInf><Rsn><Cd>BE01</Cd></Rsn></StsRsnInf><StsRsnInf><Rsn><Cd>"
	                        "DU04</Cd></Rsn></StsRsnInf>"))),
	        YT_UNKNOWN, "UNKNOWN", "DU04" },
	{ "a cancelled transfer", REPORT("", BLOCK(TX("<TxSts>CANC</TxSts>"))), YT_REFUSED, "CANCELLED", "CANC" },
	{ "one that its customer cancelled", REPORT("", BLOCK(TX(RJCT("CUST")))), YT_REFUSED, "CANCELLED", "CUST" },
	{ "a status nobody knows", REPORT("", BLOCK(TX("<TxSts>XXXX</TxSts>"))), YT_UNKNOWN, "", "XXXX" },
	{ "a check of the name only", REPORT("", BLOCK(TX("<TxSts>RVNM</TxSts>"))), YT_UNKNOWN, "", "RVNM" },
	{ "one transfer with two words that follow",
	        REPORT("", BLOCK(TX("<TxSts>ACSP</TxSts>") TX("<TxSts>ACSC</TxSts>"))), YT_DONE, "PAID", "ACSC" },
	{ "one transfer with two words in the wrong order",
	        REPORT("", BLOCK(TX("<TxSts>ACSC</TxSts>") TX("<TxSts>ACSP</TxSts>"))), YT_DONE, "PAID", "ACSC" },
	{ "one transfer with two words that contradict", REPORT("", BLOCK(TX("<TxSts>ACSC</TxSts>") TX(RJCT("BE01")))),
	        YT_UNKNOWN, "UNKNOWN", "ACSC" },
	{ "a word that names our sum", REPORT("", BLOCK(TX("<TxSts>ACSC</TxSts>" OF("3286.4")))), YT_DONE, "PAID",
	        "ACSC" },
	{ "a word that names another sum", REPORT("", BLOCK(TX("<TxSts>ACSC</TxSts>" OF("3286.41")))), YT_UNKNOWN,
	        "UNKNOWN", "ACSC" },
	{ "a refusal that names another sum", REPORT("", BLOCK(TX(RJCT("BE01") OF("3286.41")))), YT_UNKNOWN, "UNKNOWN",
	        "BE01" },
	{ "a word that has the instruction's number alone",
	        REPORT("",
	                BLOCK("<TxInfAndSts><OrgnlInstrId>CL20261120000000000001</OrgnlInstrId><OrgnlEndToEndId>NOTPROVIDED"
	                      "</OrgnlEndToEndId>" RJCT("BE01") "</TxInfAndSts>")),
	        YT_REFUSED, "FAILED", "BE01" },
	{ "another transfer's word",
	        REPORT("",
	                BLOCK("<TxInfAndSts><OrgnlEndToEndId>CL20261120000000000009</OrgnlEndToEndId><TxSts>ACSC</TxSts>"
	                      "</TxInfAndSts>")),
	        YT_UNKNOWN, "", "" },
};

static void it_means(void **state)
{
	const struct report *row = *state;
	struct bank b = open_bank("unknown_reasons", "XX76,XX77");
	struct yt_msg *msg = order(&b, one_order);
	struct yt_reply *reply;
	const struct yt_node *data;

	msg->sent = encoded(&b, msg);
	reply = answered(&b, msg, yt_str(row->octets));
	data = yt_node_get(reply->body, "data");
	if (reply->outcome != row->outcome)
		fail_msg("outcome %d: %.*s", (int)reply->outcome, YT_FMT(reply->text));
	assert_text(yt_node_text(data, "pay_state"), row->state);
	assert_text(reply->code, row->code);
	bank_close(&b);
}

/* What is told unasked says of which sum it is where the bank does, so that whoever waits can compare. */
static void a_pushed_report_names_its_sum(void **state)
{
	struct bank b = open_bank(NULL, NULL);
	struct yt_msg *msg = decoded(&b, yt_str(REPORT("", BLOCK(TX("<TxSts>ACSC</TxSts>" OF("9.9"))))));

	(void)state;
	assert_text(yt_node_text(row_at(yt_node_get(msg->body, "payout"), 0), "pay_amt"), "9.90");
	bank_close(&b);
}

static void the_composed_report_is_read(void **state)
{
	struct bank b = open_bank(NULL, NULL);
	struct yt_str octets = sample(&b, "samples/composed/pain002_payout.xml");
	const struct yt_node *rows;
	struct yt_reply *reply;
	struct yt_msg *msg;

	(void)state;
	NEED(octets);
	msg = order(&b, three_orders);
	msg->own_number = YT_STR("PM20261120000000000001");
	msg->sent = encoded(&b, msg);
	reply = answered(&b, msg, octets);
	assert_int_equal(reply->outcome, YT_DONE);
	assert_int_equal(reply->breach.n, 0);
	rows = yt_node_get(reply->body, "payout");
	assert_int_equal(rows->n, 3);
	assert_text(yt_node_text(row_at(rows, 0), "pay_state"), "PAID");
	assert_text(yt_node_text(row_at(rows, 0), "bank_serial"), "BK2026112000071188");
	assert_text(yt_node_text(row_at(rows, 1), "pay_state"), "FAILED");
	assert_text(yt_node_text(row_at(rows, 1), "bank_code"), "BE01");
	assert_text(yt_node_text(row_at(rows, 1), "bank_text"), "户名与账号不符");
	assert_text(yt_node_text(row_at(rows, 2), "pay_state"), "PROCESSING");
	assert_text(yt_node_text(row_at(rows, 2), "block_no"), "PB20261120000000000002");
	/* The same document, pushed to us. */
	msg = decoded(&b, octets);
	assert_int_equal(msg->op->id, YT_OP_PAY_RESULT);
	assert_text(msg->number, "SR20261120000000700311");
	rows = yt_node_get(msg->body, "payout");
	assert_int_equal(rows->n, 3);
	assert_text(yt_node_text(row_at(rows, 2), "pay_no"), "HS20261120000000000003");
	assert_text(yt_node_text(row_at(rows, 2), "pay_state"), "PROCESSING");
	/* What is said of a block as a whole is there for who knows its payouts. */
	rows = yt_node_get(msg->body, "block");
	assert_int_equal(rows->n, 2);
	assert_text(yt_node_text(row_at(rows, 0), "bank_status"), "PART");
	assert_text(yt_node_text(row_at(rows, 1), "block_no"), "PB20261120000000000002");
	assert_text(yt_node_text(row_at(rows, 1), "pay_state"), "PROCESSING");
	bank_close(&b);
}

/* Ten thousand payouts go into one message and are told of in one report; more than a report may have is refused. */
static void a_message_has_at_most_10000_payouts(void **state)
{
	struct bank b = bank_open("iso20022", customer, 2);
	struct yt_node *body = from_json(&b,
	                       "{\"data\":{" PAYER ",\"payee_acct\":\"62\",\"payee_name\":\"a\",\"purpose\":\"b\"},"
	                       "\"payout\":[]}"),
	               *rows = yt_node_get(body, "payout");
	struct yt_msg *msg = order_of(&b, YT_OP_PAY_BATCH, NUMBER, body);
	struct yt_buf report = { 0 };
	struct yt_reply *reply;
	struct yt_str octets;

	(void)state;
	yt_buf_text(&report,
	        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10\"><CstmrPmtStsRpt><GrpHdr><MsgId>a"
	        "</MsgId><CreDtTm>b</CreDtTm></GrpHdr><OrgnlGrpInfAndSts><OrgnlMsgId>" NUMBER
	        "</OrgnlMsgId><OrgnlMsgNmId>c</OrgnlMsgNmId></OrgnlGrpInfAndSts><OrgnlPmtInfAndSts><OrgnlPmtInfId>d"
	        "</OrgnlPmtInfId>");
	for (unsigned i = 0; i < 10001; i++) {
		struct yt_node *row = yt_node_add(b.arena, rows, (struct yt_str){ 0 }, YT_OBJECT);

		yt_node_add_text(b.arena, row, "pay_no", yt_arena_printf(b.arena, "CL20261120%012u", i));
		yt_node_add_fen(b.arena, row, "pay_amt", 100);
		yt_buf_printf(&report,
		        "<TxInfAndSts><OrgnlEndToEndId>CL20261120%012u</OrgnlEndToEndId><TxSts>ACSC</TxSts>"
		        "</TxInfAndSts>",
		        10000 - i);
	}
	yt_buf_text(&report, "</OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>");
	assert_int_equal(try_encode(&b, msg, &octets), YT_ELIMIT);
	assert_part(b.fault.why, "10001 payouts: 1 to 10000");
	for (struct yt_node *row = rows->child; row != NULL; row = row->next)
		if (row->next != NULL && row->next->next == NULL)
			row->next = NULL, rows->last = row, rows->n = 10000;
	msg->sent = encoded(&b, msg);
	reply = answered(&b, msg, yt_buf_view(&report));
	assert_int_equal(reply->outcome, YT_DONE);
	rows = yt_node_get(reply->body, "payout");
	assert_int_equal(rows->n, 10000);
	for (const struct yt_node *row = rows->child; row != NULL; row = row->next)
		assert_text(yt_node_text(row, "pay_state"), "PAID");
	yt_buf_clear(&report);
	yt_buf_text(&report, "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10\"><CstmrPmtStsRpt>");
	for (unsigned i = 0; i < 1001; i++)
		yt_buf_text(&report, "<OrgnlPmtInfAndSts/>");
	yt_buf_text(&report,
	        "<GrpHdr><MsgId>a</MsgId><CreDtTm>b</CreDtTm></GrpHdr><OrgnlGrpInfAndSts><OrgnlMsgId>c</OrgnlMsgId>"
	        "<OrgnlMsgNmId>d</OrgnlMsgNmId></OrgnlGrpInfAndSts></CstmrPmtStsRpt></Document>");
	assert_int_equal(try_decode(&b, yt_buf_view(&report), &msg), YT_ELIMIT);
	assert_part(b.fault.why, "1000 blocks");
	yt_buf_free(&report);
	bank_close(&b);
}

static const struct no_answer {
	const char *it;
	int status;
	const char *octets, *why;
} no_answers[] = {
	{ "no octets", 202, "", "without a report" },
	{ "an error of HTTP", 502, REPORT("<GrpSts>ACSC</GrpSts>", ""), "HTTP status 502" },
	{ "a page of a proxy", 200, "<html><body>busy</body></html>", "Document" },
	{ "no XML", 200, "OK", "cannot be read" },
	{ "a DOCTYPE", 200, "<!DOCTYPE a><Document/>", "DOCTYPE" },
	{ "another message's report", 200,
	        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10\"><CstmrPmtStsRpt><GrpHdr><MsgId>SR1</MsgId>"
	        "<CreDtTm>2026-11-20T09:22:40+08:00</CreDtTm></GrpHdr><OrgnlGrpInfAndSts><OrgnlMsgId>PM1</OrgnlMsgId>"
	        "<OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId><GrpSts>RJCT</GrpSts></OrgnlGrpInfAndSts></CstmrPmtStsRpt>"
	        "</Document>",
	        "another message" },
	{ "a report without a number", 200,
	        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.03\"><CstmrPmtStsRpt><GrpHdr/></CstmrPmtStsRpt>"
	        "</Document>",
	        "GrpHdr" },
};

static void it_proves_nothing(void **state)
{
	const struct no_answer *row = *state;
	struct bank b = open_bank(NULL, NULL);
	struct yt_msg *msg = order(&b, one_order);
	struct yt_reply *reply = yt_reply_new(b.arena);

	msg->sent = encoded(&b, msg);
	assert_int_equal(b.api->decode_reply(b.plugin, msg, row->status, yt_str(row->octets), reply), 0);
	assert_int_equal(reply->outcome, YT_UNKNOWN);
	assert_part(yt_arena_copy(b.arena, reply->text).p, row->why);
	bank_close(&b);
}

/* -- statements ----------------------------------------------------------------------------------- */

static void the_composed_day_is_read(void **state)
{
	struct bank b = open_bank(NULL, NULL);
	struct yt_str octets = sample(&b, "samples/composed/camt053_day.xml");
	const struct yt_node *statement, *entries, *batch;
	struct yt_msg *msg;
	char why[200];

	(void)state;
	NEED(octets);
	msg = decoded(&b, octets);
	assert_int_equal(msg->op->id, YT_OP_STATEMENT_NOTICE);
	assert_text(msg->number, "ST20261120399902000118");
	if (yt_money_check(msg->op->request_money, msg->body, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	statement = row_at(yt_node_get(msg->body, "statement"), 0);
	assert_text(yt_node_text(statement, "acct"), "3999020001000000018");
	assert_text(yt_node_text(statement, "open_bal"), "1000000.00");
	assert_text(yt_node_text(statement, "close_bal"), "767566.83");
	assert_text(yt_node_text(statement, "begin_date"), "2026-11-20");
	entries = yt_node_get(statement, "entry");
	assert_int_equal(entries->n, 6);
	assert_text(yt_node_text(row_at(entries, 0), "pay_no"), "CL20261120000000000001");
	assert_text(yt_node_text(row_at(entries, 0), "opp_name"), "林晚晴");
	assert_text(yt_node_text(row_at(entries, 0), "rev_flag"), "0");
	batch = row_at(entries, 2);
	assert_text(yt_node_text(batch, "block_no"), "PB20261119000000000009");
	assert_text(yt_node_text(batch, "batch_cnt"), "2");
	assert_int_equal(yt_node_get(batch, "detail")->n, 2);
	assert_text(yt_node_text(row_at(yt_node_get(batch, "detail"), 0), "opp_name"), "周㛃");
	assert_text(yt_node_text(row_at(yt_node_get(batch, "detail"), 1), "entry_amt"), "22000.00");
	assert_text(yt_node_text(row_at(entries, 4), "rev_flag"), "2");
	assert_text(yt_node_text(row_at(entries, 4), "return_code"), "AC07");
	assert_text(yt_node_text(row_at(entries, 4), "pay_no"), "CL20261119000000000044");
	assert_text(yt_node_text(row_at(entries, 5), "entry_text"), "转账手续费");
	bank_close(&b);
}

static void the_composed_return_is_read(void **state)
{
	struct bank b = open_bank(NULL, NULL);
	struct yt_str octets = sample(&b, "samples/composed/camt054_return.xml");
	const struct yt_node *entry;
	struct yt_msg *msg;

	(void)state;
	NEED(octets);
	msg = decoded(&b, octets);
	assert_int_equal(msg->op->id, YT_OP_PAY_RETURN);
	entry = row_at(yt_node_get(row_at(yt_node_get(msg->body, "statement"), 0), "entry"), 0);
	assert_text(yt_node_text(entry, "pay_no"), "CL20261119000000000044");
	assert_text(yt_node_text(entry, "entry_amt"), "12000.00");
	assert_text(yt_node_text(entry, "rev_flag"), "2");
	assert_text(yt_node_text(entry, "return_code"), "AC07");
	assert_text(yt_node_text(entry, "opp_name"), "宋知远");
	bank_close(&b);
}

#define CAMT(space, root, inner)                                                                                       \
	"<Document xmlns=\"" space "\"><" root                                                                         \
	"><GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-11-21T01:10:00</CreDtTm></GrpHdr>" inner "</" root "></Document>"
#define ISO "urn:iso:std:iso:20022:tech:xsd:"
#define BAL(kind, amt, dir)                                                                                            \
	"<Bal><Tp><CdOrPrtry><Cd>" kind "</Cd></CdOrPrtry></Tp><Amt Ccy=\"CNY\">" amt "</Amt><CdtDbtInd>" dir          \
	"</CdtDbtInd><Dt><Dt>2026-11-20</Dt></Dt></Bal>"
#define STMT(more)                                                                                                     \
	"<Stmt><Id>S1</Id><CreDtTm>2026-11-21T01:10:00</CreDtTm><Acct><Id><Othr><Id>39</Id></Othr></Id></Acct>" more   \
	"</Stmt>"
#define NTRY2(amt, dir, more)                                                                                          \
	"<Ntry><Amt Ccy=\"CNY\">" amt "</Amt><CdtDbtInd>" dir                                                          \
	"</CdtDbtInd><Sts>BOOK</Sts><BookgDt><DtTm>2026-11-20T09:00:00.5+08:00</DtTm></BookgDt><BkTxCd/>" more         \
	"</Ntry>"
#define DETAIL(no, amt) "<TxDtls><Refs><EndToEndId>" no "</EndToEndId></Refs><Amt Ccy=\"CNY\">" amt "</Amt></TxDtls>"
#define CLEAN BAL("OPBD", "10.00", "CRDT") BAL("CLBD", "7", "CRDT")

static const struct statement {
	const char *it, *octets;
	const char *says; /* part of the body as JSON; NULL: refused, ... */
	const char *path, *why;
	bool adds_up;
} statements[] = {
	{ "the classic edition",
	        CAMT(ISO "camt.053.001.02", "BkToCstmrStmt",
	                STMT(CLEAN NTRY2("3.000", "DBIT",
	                        "<NtryDtls><TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs>"
	                        "<AmtDtls><TxAmt><Amt Ccy=\"CNY\">3</Amt></TxAmt></AmtDtls>"
	                        "<RltdPties><Cdtr><Nm>甲</Nm></Cdtr></RltdPties></TxDtls></NtryDtls>"))),
	        "\"dc_flag\":\"D\",\"entry_state\":\"BOOK\",\"book_date\":\"2026-11-20\"", NULL, NULL, true },
	{ "the other party's name of the classic edition",
	        CAMT(ISO "camt.053.001.02", "BkToCstmrStmt",
	                STMT(CLEAN NTRY2("3.00", "DBIT",
	                        "<NtryDtls><TxDtls><RltdPties><Cdtr><Nm>甲</Nm></Cdtr></RltdPties>"
	                        "</TxDtls></NtryDtls>"))),
	        "\"opp_name\":\"甲\"", NULL, NULL, true },
	{ "a payer's name of what came in",
	        CAMT(ISO "camt.053.001.04", "BkToCstmrStmt",
	                STMT(BAL("PRCD", "4.00", "CRDT") BAL("CLBD", "7", "CRDT") NTRY2("3.00", "CRDT",
	                        "<NtryDtls><TxDtls><Refs><EndToEndId>X1</EndToEndId></Refs><RltdPties>"
	                        "<Dbtr><Nm>乙</Nm></Dbtr><Cdtr><Nm>我们</Nm></Cdtr></RltdPties></TxDtls>"
	                        "</NtryDtls>"))),
	        "\"opp_name\":\"乙\"", NULL, NULL, true },
	{ "an overdrawn account",
	        CAMT(ISO "camt.053.001.02", "BkToCstmrStmt",
	                STMT(BAL("OPBD", "1.00", "DBIT") BAL("CLBD", "4", "DBIT") NTRY2("3.00", "DBIT", ""))),
	        "\"open_bal\":-1.00,\"close_bal\":-4.00", NULL, NULL, true },
	{ "a missing entry", CAMT(ISO "camt.053.001.02", "BkToCstmrStmt", STMT(CLEAN NTRY2("2.99", "DBIT", ""))),
	        "\"entry_amt\"", NULL, NULL, false },
	{ "a first page",
	        CAMT(ISO "camt.053.001.08", "BkToCstmrStmt",
	                STMT("<StmtPgntn><PgNb>1</PgNb><LastPgInd>false</LastPgInd></StmtPgntn>" BAL(
	                        "OPBD", "10.00", "CRDT"))),
	        "\"page_cnt\":\"0\"", NULL, NULL, true },
	{ "two statements", CAMT(ISO "camt.053.001.02", "BkToCstmrStmt", STMT("") STMT("")), "\"entry\":[]},{", NULL,
	        NULL, true },
	{ "another prefix",
	        "<x:Document xmlns:x=\"" ISO
	        "camt.053.001.02\"><x:BkToCstmrStmt><x:GrpHdr><x:MsgId>M1</x:MsgId><x:CreDtTm>"
	        "2026-11-21T01:10:00</x:CreDtTm></x:GrpHdr><x:Stmt><x:Id>S1</x:Id></x:Stmt></x:BkToCstmrStmt></x:Document>",
	        "\"statement_no\":\"S1\"", NULL, NULL, true },
	{ "a national flavour",
	        CAMT("http://www.six-interbank-clearing.com/de/camt.053.001.04.ch.02.xsd", "BkToCstmrStmt", STMT("")),
	        "\"statement_no\":\"S1\"", NULL, NULL, true },
	{ "an envelope of the bank's",
	        "<Envelope><AppHdr xmlns=\"urn:iso:std:iso:20022:tech:xsd:head.001.001.02\"><BizMsgIdr>x</BizMsgIdr></AppHdr>" CAMT(
	                ISO "camt.053.001.02", "BkToCstmrStmt", STMT("")) "</Envelope>",
	        "\"statement_no\":\"S1\"", NULL, NULL, true },
	{ "during the day", CAMT(ISO "camt.052.001.08", "BkToCstmrAcctRpt", "<Rpt><Id>R1</Id></Rpt>"),
	        "\"is_final\":\"0\"", NULL, NULL, true },
	{ "no namespace", "<Document><BkToCstmrStmt/></Document>", NULL, "Document", "no namespace", false },
	{ "a message that nobody reads here", CAMT(ISO "camt.060.001.05", "AcctRptgReq", ""), NULL, "Document",
	        "not read here", false },
	{ "another root than the namespace says", CAMT(ISO "camt.053.001.02", "BkToCstmrAcctRpt", ""), NULL, "Document",
	        "another element", false },
	{ "no statement", CAMT(ISO "camt.053.001.04", "BkToCstmrStmt", ""), NULL, "Stmt", "is missing", false },
	{ "an amount with a part of a fen",
	        CAMT(ISO "camt.053.001.04", "BkToCstmrStmt", STMT(NTRY2("3.001", "DBIT", ""))), NULL,
	        "Stmt[0]/Ntry[0]/Amt", "two decimals", false },
	{ "an amount below nothing", CAMT(ISO "camt.053.001.04", "BkToCstmrStmt", STMT(NTRY2("-3.00", "DBIT", ""))),
	        NULL, "Stmt[0]/Ntry[0]/Amt", "two decimals", false },
	{ "an entry without status",
	        CAMT(ISO "camt.053.001.04", "BkToCstmrStmt",
	                STMT("<Ntry><Amt Ccy=\"CNY\">1</Amt><CdtDbtInd>DBIT</CdtDbtInd></Ntry>")),
	        NULL, "Stmt[0]/Ntry[0].Sts", "is missing", false },
	{ "a summary that counts others",
	        CAMT(ISO "camt.053.001.04", "BkToCstmrStmt",
	                STMT("<TxsSummry><TtlNtries><NbOfNtries>2</NbOfNtries></TtlNtries></TxsSummry>" NTRY2(
	                        "3", "DBIT", ""))),
	        NULL, "Stmt[0].TxsSummry", "counts other entries", false },
	{ "a summary of another sum",
	        CAMT(ISO "camt.053.001.04", "BkToCstmrStmt",
	                STMT("<TxsSummry><TtlDbtNtries><NbOfNtries>1</NbOfNtries><Sum>4</Sum></TtlDbtNtries></TxsSummry>" NTRY2(
	                        "3", "DBIT", ""))),
	        NULL, "Stmt[0].TxsSummry", "another sum", false },
	{ "a summary with zeros in front",
	        CAMT(ISO "camt.053.001.04", "BkToCstmrStmt",
	                STMT("<TxsSummry><TtlNtries><NbOfNtries>001</NbOfNtries><Sum>3.0</Sum></TtlNtries></TxsSummry>" NTRY2(
	                        "3", "DBIT", ""))),
	        "\"entry_cnt\":\"001\"", NULL, NULL, true },
	{ "a summary of both directions",
	        CAMT(ISO "camt.053.001.04", "BkToCstmrStmt",
	                STMT("<TxsSummry><TtlNtries><NbOfNtries>2</NbOfNtries><Sum>5</Sum></TtlNtries></TxsSummry>" NTRY2(
	                        "3", "DBIT", "") NTRY2("2", "CRDT", ""))),
	        "\"entry_cnt\":\"2\"", NULL, NULL, true },
	{ "a summary that is the difference of both directions",
	        CAMT(ISO "camt.053.001.04", "BkToCstmrStmt",
	                STMT("<TxsSummry><TtlNtries><NbOfNtries>2</NbOfNtries><Sum>1</Sum></TtlNtries></TxsSummry>" NTRY2(
	                        "3", "DBIT", "") NTRY2("2", "CRDT", ""))),
	        "\"entry_cnt\":\"2\"", NULL, NULL, true },
	{ "a summary of another total",
	        CAMT(ISO "camt.053.001.04", "BkToCstmrStmt",
	                STMT("<TxsSummry><TtlNtries><NbOfNtries>2</NbOfNtries><Sum>4</Sum></TtlNtries></TxsSummry>" NTRY2(
	                        "3", "DBIT", "") NTRY2("2", "CRDT", ""))),
	        NULL, "Stmt[0].TxsSummry", "another sum", false },
	{ "a block whose details are elsewhere",
	        CAMT(ISO "camt.053.001.08", "BkToCstmrStmt",
	                STMT(NTRY2("3", "DBIT",
	                        "<NtryDtls><Btch><PmtInfId>PB1</PmtInfId><NbOfTxs>3</NbOfTxs></Btch></NtryDtls>"))),
	        "\"block_no\":\"PB1\",\"batch_cnt\":\"3\"", NULL, NULL, true },
	{ "the one block of a message of ours",
	        CAMT(ISO "camt.053.001.08", "BkToCstmrStmt",
	                STMT(NTRY2("3", "DBIT",
	                        "<NtryDtls><Btch><PmtInfId>PB20261120000000000101</PmtInfId></Btch></NtryDtls>"))),
	        "\"block_no\":\"PB20261120000000000101\",\"orig_msg_no\":\"PM20261120000000000100\"", NULL, NULL,
	        true },
	{ "a second block of ours",
	        CAMT(ISO "camt.053.001.08", "BkToCstmrStmt",
	                STMT(NTRY2("3", "DBIT",
	                        "<NtryDtls><Btch><PmtInfId>PB20261120000000000102</PmtInfId></Btch></NtryDtls>"))),
	        "\"block_no\":\"PB20261120000000000102\",\"rev_flag\"", NULL, NULL, true },
	{ "one entry for two blocks",
	        CAMT(ISO "camt.053.001.08", "BkToCstmrStmt",
	                STMT(NTRY2("3", "DBIT",
	                        "<NtryDtls><Btch><PmtInfId>PB1</PmtInfId><NbOfTxs>01</NbOfTxs></Btch>" DETAIL("A1",
	                                "1") "</NtryDtls><NtryDtls><Btch><PmtInfId>PB2</PmtInfId><NbOfTxs>1</NbOfTxs>"
	                                     "</Btch>" DETAIL("A2", "2") "</NtryDtls>"))),
	        "\"pay_no\":\"A2\",\"entry_amt\":\"2.00\",\"ccy\":\"CNY\",\"block_no\":\"PB2\"}],\"rev_flag\"", NULL,
	        NULL, true },
	{ "a credit that the bank takes back",
	        CAMT(ISO "camt.053.001.02", "BkToCstmrStmt",
	                STMT("<Ntry><Amt Ccy=\"CNY\">1</Amt><CdtDbtInd>DBIT</CdtDbtInd><RvslInd>true</RvslInd><Sts>BOOK</Sts>"
	                     "<NtryDtls><TxDtls><RltdPties><Dbtr><Nm>乙</Nm></Dbtr><Cdtr><Nm>我们</Nm></Cdtr></RltdPties>"
	                     "</TxDtls></NtryDtls></Ntry>")),
	        "\"opp_name\":\"乙\",\"rev_flag\":\"1\"", NULL, NULL, true },
	{ "the other side's bank",
	        CAMT(ISO "camt.053.001.08", "BkToCstmrStmt",
	                STMT(NTRY2("1", "DBIT",
	                        "<NtryDtls><TxDtls><RltdPties><Cdtr><Pty><Nm>甲</Nm></Pty></Cdtr></RltdPties><RltdAgts>"
	                        "<CdtrAgt><FinInstnId><ClrSysMmbId><MmbId>105332099046</MmbId></ClrSysMmbId></FinInstnId>"
	                        "</CdtrAgt></RltdAgts></TxDtls></NtryDtls>"))),
	        "\"opp_bank_no\":\"105332099046\"", NULL, NULL, true },
	{ "an hour of another zone",
	        CAMT(ISO "camt.053.001.08", "BkToCstmrStmt",
	                STMT("<Ntry><Amt Ccy=\"CNY\">1</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>"
	                     "<BookgDt><DtTm>2026-11-20T16:00:00.25Z</DtTm></BookgDt><ValDt><DtTm>2026-11-20T15:59:59Z</DtTm>"
	                     "</ValDt></Ntry>")),
	        "\"book_date\":\"2026-11-21\",\"value_date\":\"2026-11-20\"", NULL, NULL, true },
	{ "an hour of a zone west of Greenwich",
	        CAMT(ISO "camt.053.001.08", "BkToCstmrStmt",
	                STMT("<Ntry><Amt Ccy=\"CNY\">1</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>"
	                     "<BookgDt><DtTm>2026-12-31T12:30:00-04:30</DtTm></BookgDt></Ntry>")),
	        "\"book_date\":\"2027-01-01\"", NULL, NULL, true },
	{ "no number", "<Document xmlns=\"" ISO "camt.053.001.04\"><BkToCstmrStmt><GrpHdr/></BkToCstmrStmt></Document>",
	        NULL, "GrpHdr/MsgId", "is missing", false },
};

/* Without the schemas, so that each reaches the plugin's own checks. */
static void a_statement(void **state)
{
	const struct statement *row = *state;
	struct bank b = bank_open("iso20022", customer, 2);
	struct yt_msg *msg;
	char why[200] = "";
	int rv = try_decode(&b, yt_str(row->octets), &msg);

	if (row->says == NULL) {
		assert_int_equal(rv, YT_EFORMAT);
		assert_string_equal(b.fault.path, row->path);
		assert_part(b.fault.why, row->why);
		bank_close(&b);
		return;
	}
	if (rv != 0)
		fail_msg("%s %s", b.fault.path, b.fault.why);
	assert_part(json_of(&b, msg->body).p, row->says);
	if ((yt_money_check(YT_MONEY_STATEMENT, msg->body, why, sizeof(why)) == 0) != row->adds_up)
		fail_msg("%s", why);
	bank_close(&b);
}

/* Public documents of banks and test suites: what they hold is counted by hand. */
static const struct published {
	const char *file;
	enum yt_operation op;
	unsigned statements, entries;
	const char *first_amt;
} publisheds[] = {
	{ "camt.053.001.08__genkgo__camt053-v8.xml", YT_OP_STATEMENT_NOTICE, 1, 1, "8.85" },
	{ "camt.054.001.08__genkgo__camt054-v8.xml", YT_OP_PAY_RETURN, 1, 1, "200000.00" },
	{ "pain.002.001.03__svapnil__pain-002-v3-txn-reject.xml", YT_OP_PAY_RESULT, 0, 0, NULL },
	{ "pain.002.001.10__hbci4j__test-pain-parse-0020110-03.xml", YT_OP_PAY_RESULT, 0, 0, NULL },
	/* Its head counts one transfer, and there are two. */
	{ "pain.001.001.03__svapnil__sepa-pain-001-v3-multiple-pmtinf.xml", YT_OP_UNREAD, 0, 0, NULL },
	{ "pain.001.001.09__php-sepa-xml__pain-001-001-09.xml", YT_OP_PAY_ORDER, 0, 0, NULL },
};

static void a_public_document_is_read(void **state)
{
	const struct published *row = *state;
	struct bank b = open_bank(NULL, NULL);
	const struct yt_node *statements_;
	struct yt_str octets;
	struct yt_msg *msg;
	char name[160];

	snprintf(name, sizeof(name), "samples/%s", row->file);
	octets = sample(&b, name);
	NEED(octets);
	if (row->op == YT_OP_UNREAD) {
		assert_int_equal(try_decode(&b, octets, &msg), YT_EFORMAT);
		assert_part(b.fault.path, "NbOfTxs");
		bank_close(&b);
		return;
	}
	msg = decoded(&b, octets);
	assert_int_equal(msg->op->id, row->op);
	statements_ = yt_node_get(msg->body, "statement");
	assert_int_equal(statements_ != NULL ? statements_->n : 0, row->statements);
	if (row->statements > 0) {
		const struct yt_node *entries = yt_node_get(statements_->child, "entry");

		assert_int_equal(entries->n, row->entries);
		assert_text(yt_node_text(entries->child, "entry_amt"), row->first_amt);
	}
	bank_close(&b);
}

/* Business time is Beijing's, whatever zone a document is written in; lines of one text are one. */
static void another_zone_is_beijings_time(void **state)
{
	static const char *const rows[][2] = {
		{ "2026-11-20T09:22:40+08:00", "2026-11-20 09:22:40" },
		{ "2026-11-20T09:22:40", "2026-11-20 09:22:40" },
		{ "2026-11-20T18:22:40.958Z", "2026-11-21 02:22:40" },
		{ "2026-11-20T18:33:13.303+01:00", "2026-11-21 01:33:13" },
	};
	struct bank b = bank_open("iso20022", customer, 2);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct yt_str octets = yt_arena_printf(b.arena,
		        "<Document xmlns=\"" ISO
		        "camt.053.001.08\"><BkToCstmrStmt><GrpHdr><MsgId>M1</MsgId><CreDtTm>%s</CreDtTm>"
		        "</GrpHdr>" STMT(NTRY2("3", "DBIT",
		                "<NtryDtls><TxDtls><RmtInf><Ustrd>a </Ustrd><Ustrd>b</Ustrd></RmtInf></TxDtls></NtryDtls>")) "</BkToCstmrStmt></Document>",
		        rows[i][0]);
		struct yt_msg *msg = decoded(&b, octets);

		assert_text(msg->time, rows[i][1]);
		assert_part(json_of(&b, msg->body).p, "\"purpose\":\"a b\"");
	}
	bank_close(&b);
}

/* -- recalls and queries -------------------------------------------------------------------------- */

#define RECALLED                                                                                                           \
	"{\"data\":{\"orig_pay_no\":\"HS20261120000000000003\",\"orig_msg_no\":\"PM20261120000000000001\","                \
	"\"orig_block_no\":\"PB20261120000000000002\",\"uetr\":\"c0ffee00-1234-4abc-9def-001122334455\","                  \
	"\"pay_amt\":\"186204.77\",\"payer_name\":\"宁波市医疗保障基金支出户（示例）\",\"payer_bank_no\":" \
	"\"102332099018\",\"payer_bank_name\":\"示例工商银行宁波分行\",\"recall_reason\":\"AM09\"}}"

static struct yt_msg *recall(struct bank *b)
{
	struct yt_msg *msg = order_of(b, YT_OP_PAY_RECALL, "CX20261120000000000001", from_json(b, RECALLED));

	msg->time = YT_STR("2026-11-20 10:02:11");
	return msg;
}

static void the_composed_recall_is_written(void **state)
{
	struct bank b = open_bank(NULL, NULL);
	struct yt_str wanted = sample(&b, "samples/composed/camt055_cancel.xml"), octets;
	struct yt_msg *msg;

	(void)state;
	NEED(wanted);
	octets = encoded(&b, recall(&b));
	assert_same_tree(&b, octets, wanted);
	msg = decoded(&b, wanted);
	assert_int_equal(msg->op->id, YT_OP_PAY_RECALL);
	msg->own_number = msg->number;
	assert_same_tree(&b, encoded(&b, msg), wanted);
	bank_close(&b);
}

#define RESOLUTION(more)                                                                                                   \
	"<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.029.001.09\"><RsltnOfInvstgtn><Assgnmt><Id>R1</Id><Assgnr>" \
	"<Pty><Nm>a</Nm></Pty></Assgnr><Assgne><Pty><Nm>b</Nm></Pty></Assgne><CreDtTm>2026-11-20T10:05:00+08:00</CreDtTm>" \
	"</Assgnmt>" more "</RsltnOfInvstgtn></Document>"
#define CXL(no, status)                                                                                                \
	"<CxlDtls><OrgnlPmtInfAndSts><OrgnlPmtInfId>PB1</OrgnlPmtInfId><TxInfAndSts><OrgnlEndToEndId>" no              \
	"</OrgnlEndToEndId><TxCxlSts>" status "</TxCxlSts></TxInfAndSts></OrgnlPmtInfAndSts></CxlDtls>"

static const struct recalled {
	const char *it, *octets;
	enum yt_outcome outcome;
} recalleds[] = {
	{ "a recall that is accepted", RESOLUTION("<Sts><Conf>CNCL</Conf></Sts>" CXL("HS20261120000000000003", "ACCR")),
	        YT_DONE },
	{ "a recall that is refused", RESOLUTION("<Sts><Conf>RJCR</Conf></Sts>" CXL("HS20261120000000000003", "RJCR")),
	        YT_REFUSED },
	{ "a recall that is not decided",
	        RESOLUTION("<Sts><Conf>PDCR</Conf></Sts>" CXL("HS20261120000000000003", "PDCR")), YT_UNKNOWN },
	{ "a recall of another payout",
	        RESOLUTION("<Sts><Conf>CNCL</Conf></Sts>" CXL("HS20261120000000000009", "ACCR")), YT_UNKNOWN },
	{ "a recall of which the whole is said",
	        RESOLUTION("<Sts><Conf>CNCL</Conf></Sts><CxlDtls><OrgnlGrpInfAndSts><OrgnlMsgId>PM20261120000000000001"
	                   "</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId></OrgnlGrpInfAndSts></CxlDtls>"),
	        YT_DONE },
	{ "a recall that is answered with nothing", "", YT_UNKNOWN },
};

static void a_recall(void **state)
{
	const struct recalled *row = *state;
	struct bank b = open_bank(NULL, NULL);
	struct yt_msg *msg = recall(&b);
	struct yt_reply *reply;

	msg->sent = encoded(&b, msg);
	reply = answered(&b, msg, yt_str(row->octets));
	if (reply->outcome != row->outcome)
		fail_msg("outcome %d: %.*s", (int)reply->outcome, YT_FMT(reply->text));
	bank_close(&b);
}

static const struct finding {
	const char *it, *octets;
	enum yt_judgement want;
	enum yt_outcome adopted;
} findings[] = {
	{ "found paid", REPORT("", BLOCK(TX("<TxSts>ACSC</TxSts>"))), YT_FOUND, YT_DONE },
	{ "found refused", REPORT("", BLOCK(TX(RJCT("AC03")))), YT_FOUND, YT_REFUSED },
	{ "found at work", REPORT("", BLOCK(TX("<TxSts>PDNG</TxSts>"))), YT_FOUND, YT_DONE },
	{ "not found", REPORT("", BLOCK(TX(RJCT("NOOR")))), YT_ABSENT, 0 },
	{ "not known", REPORT("", BLOCK(TX(RJCT("AB06")))), YT_UNSURE, 0 },
	{ "not known, and not found", REPORT("", BLOCK(TX(RJCT("AB06") REASON("NOOR")))), YT_UNSURE, 0 },
	{ "not found, and not known", REPORT("", BLOCK(TX(RJCT("NOOR") REASON("AB06")))), YT_UNSURE, 0 },
	{ "a duplicate", REPORT("", BLOCK(TX(RJCT("DU03")))), YT_UNSURE, 0 },
	{ "no answer", "", YT_UNSURE, 0 },
};

static void a_lost_order_is(void **state)
{
	const struct finding *row = *state;
	struct bank b = open_bank(NULL, NULL);
	struct yt_msg *original = order(&b, one_order), *query = yt_msg_new(b.arena), *read;
	struct yt_reply *adopted = yt_reply_new(b.arena), *answer;

	original->sent = encoded(&b, original);
	assert_int_equal(b.api->query_for(b.plugin, original, query), 0);
	query->own_number = YT_STR("PM20261120000000000200");
	query->time = YT_STR("2026-11-20 09:20:02");
	query->sent = encoded(&b, query);
	read = decoded(&b, query->sent);
	assert_text(yt_node_text(yt_node_get(read->body, "data"), "orig_pay_no"), "CL20261120000000000001");
	assert_text(yt_node_text(yt_node_get(read->body, "data"), "orig_msg_no"), NUMBER);
	answer = answered(&b, query, yt_str(row->octets));
	assert_int_equal(b.api->judge(b.plugin, original, answer, adopted), row->want);
	if (row->want == YT_FOUND)
		assert_int_equal(adopted->outcome, row->adopted);
	bank_close(&b);
}

static void a_bank_that_cannot_be_asked_is_not(void **state)
{
	struct bank b = open_bank("status_request", "no");
	struct yt_msg *original = order(&b, one_order), *query = yt_msg_new(b.arena);

	(void)state;
	original->sent = encoded(&b, original);
	assert_int_equal(b.api->query_for(b.plugin, original, query), YT_ENOTFOUND);
	bank_close(&b);
}

/* -- the schemas ---------------------------------------------------------------------------------- */

/* A document that breaks its schema is refused with its path and without its values. */
static void what_breaks_its_schema_is_refused(void **state)
{
	struct bank b = open_bank(NULL, NULL);
	static const char octets[] = CAMT(
	        ISO "camt.053.001.08", "BkToCstmrStmt", "<Stmt><Id>S1</Id><Secret>6299993302000001017</Secret></Stmt>");
	struct yt_msg *msg;

	(void)state;
	if (!has_schemas()) {
		bank_close(&b);
		skip();
	}
	assert_int_equal(try_decode(&b, YT_STR(octets), &msg), YT_EFORMAT);
	assert_string_equal(b.fault.path, "Document/BkToCstmrStmt/Stmt/Secret");
	assert_part(b.fault.why, "does not keep to the schema");
	assert_null(strstr(b.fault.why, "6299"));
	bank_close(&b);
	b = open_bank("check_incoming", "no");
	assert_int_equal(try_decode(&b, YT_STR(octets), &msg), 0);
	bank_close(&b);
}

static void a_folder_without_schemas_is_refused(void **state)
{
	struct plugin_setting settings[] = { customer[0], { "schemas", YT_SOURCE_DIR "/docs" } };
	struct yt_plugin *plugin;
	char why[512];

	(void)state;
	assert_int_equal(
	        plugin_load(&plugin, YT_PLUGIN_DIR "/iso20022.so", "test", settings, 2, NULL, why, sizeof(why)),
	        YT_ECONF);
}

/* -- the table of reasons (3.3), out of the facts --------------------------------------------------- */

static void assert_reason(struct bank *b, const char *code, const char *reaction)
{
	char octets[1600];
	struct yt_msg *msg = order(b, one_order);
	struct yt_reply *reply;
	enum yt_outcome want = YT_REFUSED;

	snprintf(octets, sizeof(octets), REPORT("", BLOCK(TX(RJCT("%.4s")))), code);
	reply = answered(b, msg, yt_str(octets));
	if (strstr(reaction, "UNKNOWN") != NULL || strstr(reaction, "retry the fetch") != NULL ||
	        strncmp(reaction, "note only", 9) == 0 || strcmp(code, "DT06") == 0)
		want = YT_UNKNOWN;
	if (reply->outcome != want)
		fail_msg("%s is %d, not %d (%s)", code, (int)reply->outcome, (int)want, reaction);
}

/* Every code that the facts name, ranges too, has the reaction that they give. */
static void every_reason_means_what_the_facts_say(void **state)
{
	struct bank b = bank_open("iso20022", customer, 2);
	struct yt_str facts = sample(&b, "bank.md");
	const char *at, *end;
	unsigned n = 0;

	(void)state;
	NEED(facts);
	at = strstr(facts.p, "**Reasons**");
	assert_non_null(at);
	end = strstr(at, "Return reasons");
	for (at = strstr(at, "| AC01"); at != NULL && at < end;
	        at = strchr(at, '\n') != NULL ? strchr(at, '\n') + 1 : NULL) {
		char codes[120], reaction[200] = "", *p, last[5] = "";
		const char *cell;

		if (at[0] != '|')
			break;
		snprintf(codes, sizeof(codes), "%.*s", (int)strcspn(at + 2, "|"), at + 2);
		cell = strchr(strchr(at + 2, '|') + 1, '|');
		snprintf(reaction, sizeof(reaction), "%.*s", (int)strcspn(cell + 2, "|\n"), cell + 2);
		for (p = codes; *p != '\0';) {
			char code[5];

			if (strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") < 4) {
				p++;
				continue;
			}
			snprintf(code, sizeof(code), "%.4s", p);
			/* FF03-FF07: those between too. */
			if (last[0] != '\0' && memcmp(p - 3, "\xe2\x80\x93", 3) == 0)
				for (char c = (char)(last[3] + 1); c < code[3]; c++, n++) {
					last[3] = c;
					assert_reason(&b, last, reaction);
				}
			assert_reason(&b, code, reaction);
			snprintf(last, sizeof(last), "%s", code);
			n++;
			p += 4;
		}
	}
	assert_true(n >= 85);
	bank_close(&b);
}

#define SINGLE(fn) cmocka_unit_test(fn)

int main(void)
{
	static struct CMUnitTest tests[128 + COUNT(reports)] = {
		SINGLE(the_composed_order_is_written),
		SINGLE(the_composed_order_is_read),
		SINGLE(an_order_that_counts_with_zeros_is_read),
		SINGLE(random_payouts_keep_to_the_schema),
		SINGLE(a_uetr_belongs_to_its_payout),
		SINGLE(the_composed_report_is_read),
		SINGLE(a_pushed_report_names_its_sum),
		SINGLE(the_composed_day_is_read),
		SINGLE(the_composed_return_is_read),
		SINGLE(another_zone_is_beijings_time),
		SINGLE(the_composed_recall_is_written),
		SINGLE(a_bank_that_cannot_be_asked_is_not),
		SINGLE(what_breaks_its_schema_is_refused),
		SINGLE(a_folder_without_schemas_is_refused),
		SINGLE(every_reason_means_what_the_facts_say),
		SINGLE(a_message_has_at_most_10000_payouts),
	};
	size_t n = 13;

	for (size_t i = 0; i < COUNT(refused_orders); i++)
		tests[n++] = (struct CMUnitTest){ refused_orders[i].it, it_is_refused_unsent, NULL, NULL,
			(void *)&refused_orders[i] };
	for (size_t i = 0; i < COUNT(reports); i++)
		tests[n++] = (struct CMUnitTest){ reports[i].it, it_means, NULL, NULL, (void *)&reports[i] };
	for (size_t i = 0; i < COUNT(no_answers); i++)
		tests[n++] =
		        (struct CMUnitTest){ no_answers[i].it, it_proves_nothing, NULL, NULL, (void *)&no_answers[i] };
	for (size_t i = 0; i < COUNT(recalleds); i++)
		tests[n++] = (struct CMUnitTest){ recalleds[i].it, a_recall, NULL, NULL, (void *)&recalleds[i] };
	for (size_t i = 0; i < COUNT(findings); i++)
		tests[n++] = (struct CMUnitTest){ findings[i].it, a_lost_order_is, NULL, NULL, (void *)&findings[i] };
	for (size_t i = 0; i < COUNT(statements); i++)
		tests[n++] = (struct CMUnitTest){ statements[i].it, a_statement, NULL, NULL, (void *)&statements[i] };
	for (size_t i = 0; i < COUNT(publisheds); i++)
		tests[n++] = (struct CMUnitTest){ publisheds[i].file, a_public_document_is_read, NULL, NULL,
			(void *)&publisheds[i] };
	return _cmocka_run_group_tests("iso20022", tests, n, NULL, NULL);
}
