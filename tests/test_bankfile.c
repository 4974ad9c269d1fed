/* tests/test_bankfile.c - the bankfile plugin through the loader: batch files written octet for octet, result files
 * read, and every way in which a file is refused whole (bank.md 6.6). */
#include "bank_peer.h"

#define PAY_SAMPLE "samples/composed/PAY_3302990001_20261120_000007.txt"
#define RES_SAMPLE "samples/composed/RES_3302990001_20261120_000007_01.txt"
#define NUMBER "PAY_3302990001_20261120_000007"

static const char three[] =
        "{\"data\":{\"pay_type\":\"MA\",\"payer_acct\":\"3999020001000000018\",\"pay_cnt\":3,\"pay_sumamt\":\"64390.50\"},"
        "\"payout\":[{\"pay_no\":\"MA20261120000000000002\",\"payee_name\":\"陈晐\",\"psn_cert_type\":\"01\","
        "\"certno\":\"330299199307265047\",\"payee_acct\":\"6299993302000003039\",\"payee_bank_no\":\"105332099046\","
        "\"payee_bank_name\":\"示例建设银行宁波分行\",\"pay_amt\":21463.5,\"purpose\":\"生育津贴\"},"
        "{\"pay_no\":\"MA20261119000000000051\",\"payee_name\":\"周㛃\",\"psn_cert_type\":\"01\","
        "\"certno\":\"330799196901192737\",\"payee_acct\":\"6299993307000004044\",\"payee_bank_no\":\"402338099038\","
        "\"payee_bank_name\":\"示例婺城农商银行\",\"pay_amt\":\"20927.00\",\"purpose\":\"生育津贴\"},"
        "{\"pay_no\":\"MA20261119000000000052\",\"payee_name\":\"何岁安\",\"psn_cert_type\":\"01\","
        "\"certno\":\"330299196109081577\",\"payee_acct\":\"6299993302000005059\",\"payee_bank_no\":\"313332099026\","
        "\"payee_bank_name\":\"示例甬江银行营业部\",\"pay_amt\":\"22000.00\",\"purpose\":\"生育津贴\",\"memo\":\"补发\"}]}";

static struct bank open_bank(void)
{
	static const struct plugin_setting settings[] = { { "corp_no", "3302990001" }, { "limit", "50000" } };

	return bank_open("bankfile", settings, COUNT(settings));
}

static struct yt_msg *batch(struct bank *b, const char *json)
{
	return order_of(b, YT_OP_PAY_BATCH, NUMBER, from_json(b, json));
}

static void assert_octets(struct yt_str is, struct yt_str wanted)
{
	size_t i = 0;

	while (i < is.n && i < wanted.n && is.p[i] == wanted.p[i])
		i++;
	if (i < is.n || i < wanted.n)
		fail_msg("differs at octet %zu of %zu and %zu", i, is.n, wanted.n);
}

/* -- the composed files --------------------------------------------------------------------------- */

static void the_composed_file_is_written_octet_for_octet(void **state)
{
	struct bank b = open_bank();
	struct yt_str wanted = sample(&b, PAY_SAMPLE);

	(void)state;
	NEED(wanted);
	assert_octets(encoded(&b, batch(&b, three)), wanted);
	bank_close(&b);
}

/* Line 2 has 0x7C inside a name, line 3 a character of four octets. */
static void a_separator_inside_a_character_is_none(void **state)
{
	struct bank b = open_bank();
	struct yt_str octets = encoded(&b, batch(&b, three));
	const struct yt_node *rows;
	struct yt_msg *msg = decoded(&b, octets);
	unsigned bars = 0;
	const char *line = strchr(octets.p, '\n') + 1;

	(void)state;
	for (const char *p = line; *p != '\n'; p++)
		bars += *p == '|';
	assert_int_equal(bars, 12); /* eleven separators and one second octet */
	rows = yt_node_get(msg->body, "payout");
	assert_int_equal(rows->n, 3);
	assert_text(yt_node_text(row_at(rows, 0), "payee_name"), "陈晐");
	assert_text(yt_node_text(row_at(rows, 1), "payee_name"), "周㛃");
	assert_text(yt_node_text(row_at(rows, 2), "memo"), "补发");
	assert_text(msg->number, NUMBER);
	assert_text(msg->institution, "3302990001");
	assert_int_equal(msg->amount_fen, 6439050);
	assert_text(yt_node_text(yt_node_get(msg->body, "data"), "batch_date"), "2026-11-20");
	msg->own_number = msg->number;
	assert_octets(encoded(&b, msg), octets);
	bank_close(&b);
}

static void the_composed_result_is_read(void **state)
{
	struct bank b = open_bank();
	struct yt_str octets = sample(&b, RES_SAMPLE);
	const struct yt_node *rows;
	struct yt_reply *reply;
	char why[200];
	struct yt_msg *msg;

	(void)state;
	NEED(octets);
	reply = answered(&b, batch(&b, three), octets);
	if (reply->outcome != YT_DONE)
		fail_msg("%.*s", YT_FMT(reply->text));
	rows = yt_node_get(reply->body, "payout");
	assert_text(yt_node_text(row_at(rows, 0), "pay_state"), "FAILED");
	assert_text(yt_node_text(row_at(rows, 0), "bank_code"), "E20005");
	assert_text(yt_node_text(row_at(rows, 0), "bank_text"), "户名与账号不符");
	assert_text(yt_node_text(row_at(rows, 0), "pay_advice"), "name");
	assert_text(yt_node_text(row_at(rows, 1), "pay_state"), "PAID");
	assert_text(yt_node_text(row_at(rows, 1), "acct_date"), "2026-11-20");
	assert_text(yt_node_text(row_at(rows, 2), "pay_state"), "PROCESSING");
	assert_text(yt_node_text(row_at(rows, 2), "bank_serial"), "BK20261120000072002");
	assert_int_equal(yt_money_check(YT_MONEY_PAYOUTS, reply->body, why, sizeof(why)), 0);
	/* The same file, found in a folder. */
	msg = yt_msg_new(b.arena);
	msg->path = YT_STR("/in/RES_3302990001_20261120_000007_01.txt");
	assert_int_equal(b.api->decode_request(b.plugin, octets, msg, &b.fault), 0);
	assert_int_equal(msg->op->id, YT_OP_PAY_RESULT);
	assert_text(msg->number, "RES_3302990001_20261120_000007_01");
	assert_text(msg->original_number, NUMBER);
	/* Under the name of another batch's result. */
	msg = yt_msg_new(b.arena);
	msg->path = YT_STR("/in/RES_3302990001_20261120_000008_01.txt");
	assert_int_equal(b.api->decode_request(b.plugin, octets, msg, &b.fault), YT_EFORMAT);
	assert_part(b.fault.why, "another file's name");
	/* A name that says nothing is no contradiction. */
	msg = yt_msg_new(b.arena);
	msg->path = YT_STR("/in/from-the-bank.txt");
	assert_int_equal(b.api->decode_request(b.plugin, octets, msg, &b.fault), 0);
	bank_close(&b);
}

/* -- refused before anything is written ----------------------------------------------------------- */

#define ONE(more)                                                                                                      \
	"{\"data\":{\"payer_acct\":\"3999020001000000018\"" more                                                       \
	"},\"payout\":[{\"pay_no\":\"MA20261120000000000002\",\"payee_name\":\"陈晐\",\"payee_acct\":"               \
	"\"6299993302000003039\",\"pay_amt\":\"1.00\",\"purpose\":\"生育津贴\"}]}"
#define WITH(name, purpose, more)                                                                                      \
	"{\"data\":{\"payer_acct\":\"3999020001000000018\"},\"payout\":[{\"pay_no\":\"MA20261120000000000002\","       \
	"\"payee_name\":\"" name                                                                                       \
	"\",\"payee_acct\":\"6299993302000003039\",\"pay_amt\":\"1.00\",\"purpose\":\"" purpose "\"" more "}]}"
#define HAN10 "一二三四五六七八九十"

static const struct unsent {
	const char *it, *json, *path, *why;
} unsent[] = {
	{ "a name with a separator", WITH("陈|晐", "a", ""), "input.payout[0].payee_name", "has a |" },
	{ "a name of 72 octets", WITH(HAN10 HAN10 HAN10 "一二三四五六", "a", ""), "input.payout[0].payee_name",
	        "72 octets in GB18030, of at most 70" },
	{ "a use of 62 octets", WITH("a", HAN10 HAN10 HAN10 "一", ""), "input.payout[0].purpose", "62 octets" },
	{ "an account with letters", WITH("a", "a", ",\"payee_bank_no\":\"\",\"memo\":\"\\u0007\""),
	        "input.payout[0].memo", "control" },
	{ "another bank without its name", WITH("a", "a", ",\"payee_bank_no\":\"105332099046\""),
	        "input.payout[0].payee_bank_name", "is missing" },
	{ "a list that does not add up", ONE(",\"pay_sumamt\":\"2.00\""), "input.data.pay_sumamt", "add up to 1.00" },
	{ "a list of another count", ONE(",\"pay_cnt\":2"), "input.data.pay_sumamt", "there are 1" },
	{ "another batch number than the file's", ONE(",\"batch_no\":\"000008\""), "input.data.batch_no",
	        "is another" },
	{ "two types in one file",
	        "{\"data\":{\"payer_acct\":\"1\"},\"payout\":[{\"pay_no\":\"MA20261120000000000002\",\"payee_name\":\"a\","
	        "\"payee_acct\":\"2\",\"pay_amt\":1,\"purpose\":\"a\"},{\"pay_no\":\"CL20261120000000000002\","
	        "\"payee_name\":\"a\",\"payee_acct\":\"2\",\"pay_amt\":1,\"purpose\":\"a\"}]}",
	        "input.payout[1].pay_type", "one file, one type" },
	{ "two accounts in one file",
	        "{\"data\":{},\"payout\":[{\"pay_no\":\"MA20261120000000000002\",\"payee_name\":\"a\",\"payer_acct\":\"1\","
	        "\"payee_acct\":\"2\",\"pay_amt\":1,\"purpose\":\"a\"},{\"pay_no\":\"MA20261120000000000003\","
	        "\"payer_acct\":\"3\",\"payee_name\":\"a\",\"payee_acct\":\"2\",\"pay_amt\":1,\"purpose\":\"a\"}]}",
	        "input.payout[1].payer_acct", "one file, one account" },
	{ "a payout above the limit",
	        "{\"data\":{\"payer_acct\":\"1\",\"pay_no\":\"MA20261120000000000002\",\"payee_name\":"
	        "\"a\",\"payee_acct\":\"2\",\"pay_amt\":50000.01,\"purpose\":\"a\"}}",
	        "input.data.pay_amt", "limit" },
	{ "a list of nothing", "{\"data\":{},\"payout\":[]}", "input.payout", "is missing" },
};

static void it_is_not_written(void **state)
{
	const struct unsent *row = *state;
	struct bank b = open_bank();
	struct yt_str octets;

	assert_int_not_equal(try_encode(&b, batch(&b, row->json), &octets), 0);
	assert_string_equal(b.fault.path, row->path);
	assert_part(b.fault.why, row->why);
	bank_close(&b);
}

/* -- refused when read ---------------------------------------------------------------------------- */

#define HEAD "H|1.0|3302990001|000007|20261120|02|3999020001000000018|CNY|"
#define D1 "D|000001|MA20261120000000000002|A|||6299|||1.00|a|\n"
#define D2 "D|000002|MA20261120000000000003|B|||6299|||2.50|a|b\n"

static const struct file {
	const char *it;
	const char *lines;   /* before the trailer */
	const char *trailer; /* NULL: count and total of `head`, with the right digest */
	const char *path, *why;
} files[] = {
	{ "nothing", "", "", "(file)", "is empty" },
	{ "no trailer", HEAD "2|3.50\n" D1 D2, "", "trailer", "is not T" },
	{ "no end of the last line", HEAD "2|3.50\n" D1 D2, "T|2|3.50|00", "trailer", "does not end with LF" },
	{ "another digest", HEAD "2|3.50\n" D1 D2,
	        "T|2|3.50|0000000000000000000000000000000000000000000000000000000000000000\n", "trailer",
	        "another digest" },
	{ "a digest that is none", HEAD "2|3.50\n" D1 D2, "T|2|3.50|xyz\n", "trailer", "64 hexadecimal digits" },
	{ "another count in the trailer", HEAD "2|3.50\n" D1 D2, "3|3.50", "trailer", "another count" },
	{ "another total in the trailer", HEAD "2|3.50\n" D1 D2, "2|3.51", "trailer", "another count or total" },
	{ "one detail too few", HEAD "2|3.50\n" D1, NULL, "line 1 field 9", "another count" },
	{ "details of another sum", HEAD "2|3.51\n" D1 D2, NULL, "line 1 field 10", "is not the sum" },
	{ "a gap", HEAD "2|3.50\n" D1 "D|000003|MA20261120000000000003|B|||6299|||2.50|a|b\n", NULL, "line 3 field 2",
	        "leaves a gap" },
	{ "a payout twice", HEAD "2|2.00\n" D1 "D|000002|MA20261120000000000002|B|||6299|||1.00|a|b\n", NULL, "(file)",
	        "twice" },
	{ "a field too few", HEAD "1|1.00\nD|000001|MA20261120000000000002|A|||6299|||1.00|a\n", NULL, "line 2",
	        "has 11 fields instead of 12" },
	{ "a field too many", HEAD "1|1.00\nD|000001|MA20261120000000000002|A|||6299|||1.00|a||\n", NULL, "line 2",
	        "has 13 fields" },
	{ "CR LF", HEAD "1|1.00\r\n" D1, NULL, "line 1", "CR" },
	{ "an empty line", HEAD "1|1.00\n\n" D1, NULL, "line 2", "is empty" },
	{ "octets that are no GB18030", HEAD "1|1.00\nD|000001|MA1|\xff|||6299|||1.00|a|\n", NULL, "line 2",
	        "no GB18030" },
	{ "half a character at the end of a field", HEAD "1|1.00\nD|000001|MA1|\x95|||6299|||1.00|a|\n", NULL, "line 2",
	        "fields instead of 12" },
	{ "a character of four octets that takes the separator in",
	        HEAD "1|1.00\nD|000001|MA1|\x82\x30|1|||6299|||1.00|a|\n", NULL, "line 2", "no GB18030" },
	{ "a control character", HEAD "1|1.00\nD|000001|MA1|\x07|||6299|||1.00|a|\n", NULL, "line 2", "control" },
	{ "an amount with zeros in front", HEAD "1|1.00\nD|000001|MA1|A|||6299|||01.00|a|\n", NULL, "line 2 field 10",
	        "zeros in front" },
	{ "an amount with one decimal", HEAD "1|1.00\nD|000001|MA1|A|||6299|||1.0|a|\n", NULL, "line 2 field 10",
	        "too short" },
	{ "an amount with a sign", HEAD "1|1.00\nD|000001|MA1|A|||6299|||-1.00|a|\n", NULL, "line 2 field 10",
	        "amount like" },
	{ "an amount of nothing", HEAD "1|1.00\nD|000001|MA1|A|||6299|||0.00|a|\n", NULL, "line 2 field 10",
	        "amount like" },
	{ "a count with zeros in front", HEAD "01|1.00\n" D1, "1|1.00", "line 1 field 9", "zeros in front" },
	{ "an account with letters", HEAD "1|1.00\nD|000001|MA1|A|||62x9|||1.00|a|\n", NULL, "line 2 field 7",
	        "digits" },
	{ "a paper without its number", HEAD "1|1.00\nD|000001|MA1|A|01||6299|||1.00|a|\n", NULL, "line 2 field 6",
	        "is missing" },
	{ "a bank without its name", HEAD "1|1.00\nD|000001|MA1|A|||6299|105332099046||1.00|a|\n", NULL,
	        "line 2 field 9", "is missing" },
	{ "a short line number", HEAD "1|1.00\nD|000001|MA1|A|||6299|10533209904|b|1.00|a|\n", NULL, "line 2 field 8",
	        "12 digits" },
	{ "no name", HEAD "1|1.00\nD|000001|MA1||||6299|||1.00|a|\n", NULL, "line 2 field 4", "is missing" },
	{ "a result line in a batch", HEAD "1|1.00\nR|000001|MA1|A|||6299|||1.00|a|\n", NULL, "line 2 field 1",
	        "is not D" },
	{ "another version", "H|2.0|3302990001|000007|20261120|02|39|CNY|1|1.00\n" D1, "1|1.00", "line 1 field 2",
	        "version 1.0" },
	{ "another currency", "H|1.0|3302990001|000007|20261120|02|39|USD|1|1.00\n" D1, "1|1.00", "line 1 field 8",
	        "CNY" },
	{ "another business", "H|1.0|3302990001|000007|20261120|09|39|CNY|1|1.00\n" D1, "1|1.00", "line 1 field 6",
	        "business" },
	{ "a day that is none", "H|1.0|3302990001|000007|20261320|02|39|CNY|1|1.00\n" D1, "1|1.00", "line 1 field 5",
	        "yyyyMMdd" },
	{ "a result that does not add up", HEAD "1|1.00|1|1.00|1|1.00|0|0.00\nR|000001|MA1|6299|1.00|04|000000|||| \n",
	        "1|1.00", "line 1", "does not add up" },
	{ "a result that counts a failure as paid",
	        HEAD "1|1.00|1|1.00|0|0.00|0|0.00\nR|000001|MA1|6299|1.00|05|E20005|a|||\n", "1|1.00",
	        "line 1 field 11", "what is paid" },
	{ "a result that counts what is open as failed",
	        HEAD "1|1.00|0|0.00|1|1.00|0|0.00\nR|000001|MA1|6299|1.00|03|000000|a|||\n", "1|1.00",
	        "line 1 field 13", "what failed" },
	{ "another customer's result",
	        "H|1.0|3302990002|000007|20261120|02|39|CNY|1|1.00|1|1.00|0|0.00|0|0.00\n"
	        "R|000001|MA1|6299|1.00|04|000000|a|||\n",
	        "1|1.00", "line 1 field 3", "another customer" },
	{ "a result with a state that is none",
	        HEAD "1|1.00|1|1.00|0|0.00|0|0.00\nR|000001|MA1|6299|1.00|09|000000|a|||\n", "1|1.00", "line 2 field 6",
	        "no state" },
};

/* The file of a row, with the digest that its lines have. */
static struct yt_str file_of(struct bank *b, const char *lines, const char *trailer)
{
	struct yt_buf out = { 0 };
	struct yt_str octets;
	uint8_t digest[32];

	yt_buf_text(&out, lines);
	if (trailer != NULL && (trailer[0] == '\0' || trailer[0] == 'T')) {
		yt_buf_text(&out, trailer);
	} else {
		const char *totals = strstr(lines, "CNY|");
		size_t n = totals != NULL ? strcspn(totals + 4, "\r\n") : 0;

		yt_sm3(yt_buf_view(&out), digest);
		if (trailer != NULL)
			yt_buf_printf(&out, "T|%s|", trailer);
		else
			yt_buf_printf(&out, "T|%.*s|", (int)n, totals != NULL ? totals + 4 : "");
		yt_hex_add(&out, digest, 32, false);
		yt_buf_byte(&out, '\n');
	}
	octets = yt_arena_copy(b->arena, yt_buf_view(&out));
	yt_buf_free(&out);
	return octets;
}

static void it_is_refused_whole(void **state)
{
	const struct file *row = *state;
	struct bank b = open_bank();
	struct yt_msg *msg;

	assert_int_equal(try_decode(&b, file_of(&b, row->lines, row->trailer), &msg), YT_EFORMAT);
	assert_string_equal(b.fault.path, row->path);
	assert_part(b.fault.why, row->why);
	bank_close(&b);
}

/* -- what a result proves ------------------------------------------------------------------------- */

#define RES(head, line) HEAD "1|1.00|" head "\nR|000001|MA20261120000000000002|6299993302000003039|1.00|" line "\n"

static const struct result {
	const char *it, *lines;
	enum yt_outcome outcome;
	const char *state;
} results[] = {
	{ "paid, but another payment", RES("1|1.00|0|0.00|0|0.00", "04|E20410|a|||"), YT_UNKNOWN, "UNKNOWN" },
	{ "paid, and refused", RES("1|1.00|0|0.00|0|0.00", "04|E20005|a|||"), YT_UNKNOWN, "UNKNOWN" },
	{ "taken", RES("0|0.00|0|0.00|1|1.00", "01|000000||||"), YT_DONE, "ACCEPTED" },
	{ "waits for approval", RES("0|0.00|0|0.00|1|1.00", "02|000000||||"), YT_DONE, "PROCESSING" },
	{ "paid", RES("1|1.00|0|0.00|0|0.00", "04|000000||BK1|20261120|101502"), YT_DONE, "PAID" },
	{ "failed", RES("0|0.00|1|1.00|0|0.00", "05|E20003|a|||"), YT_REFUSED, "FAILED" },
	{ "failed for no reason", RES("0|0.00|1|1.00|0|0.00", "05|000000|a|||"), YT_UNKNOWN, "UNKNOWN" },
	{ "failed for a reason nobody knows", RES("0|0.00|1|1.00|0|0.00", "05|E29999|a|||"), YT_UNKNOWN, "UNKNOWN" },
	{ "failed since it took too long", RES("0|0.00|1|1.00|0|0.00", "05|E30002|a|||"), YT_UNKNOWN, "UNKNOWN" },
	{ "paid before", RES("1|1.00|0|0.00|0|0.00", "04|E20409|a|||"), YT_DONE, "PAID" },
	{ "come back", RES("0|0.00|0|0.00|1|1.00", "06|000000|a|||"), YT_DONE, "RETURNED" },
	{ "being examined", RES("0|0.00|0|0.00|1|1.00", "07|E30002|a|||"), YT_UNKNOWN, "UNKNOWN" },
	{ "cancelled", RES("0|0.00|1|1.00|0|0.00", "08|000000|a|||"), YT_REFUSED, "CANCELLED" },
	{ "another account",
	        HEAD "1|1.00|1|1.00|0|0.00|0|0.00\nR|000001|MA20261120000000000002|6299|1.00|04|000000||||\n",
	        YT_UNKNOWN, NULL },
	{ "another amount",
	        HEAD
	        "1|2.00|1|2.00|0|0.00|0|0.00\nR|000001|MA20261120000000000002|6299993302000003039|2.00|04|000000||||\n",
	        YT_UNKNOWN, NULL },
	{ "another batch",
	        "H|1.0|3302990001|000008|20261120|02|39|CNY|1|1.00|1|1.00|0|0.00|0|0.00\n"
	        "R|000001|MA20261120000000000002|6299993302000003039|1.00|04|000000||||\n",
	        YT_UNKNOWN, NULL },
	{ "the file itself", HEAD "1|1.00\n" D1, YT_UNKNOWN, NULL },
};

static void it_means(void **state)
{
	const struct result *row = *state;
	struct bank b = open_bank();
	const char *totals = strstr(row->lines, "CNY|") + 4;
	char trailer[32];
	struct yt_reply *reply;

	snprintf(trailer, sizeof(trailer), "%.6s", totals);
	reply = answered(&b, batch(&b, ONE("")), file_of(&b, row->lines, trailer));
	if (reply->outcome != row->outcome)
		fail_msg("outcome %d: %.*s", (int)reply->outcome, YT_FMT(reply->text));
	if (row->state != NULL)
		assert_text(yt_node_text(yt_node_get(reply->body, "payout")->child, "pay_state"), row->state);
	bank_close(&b);
}

/* Cut anywhere a file is refused: digest and trailer see to it. */
static void a_cut_file_is_refused(void **state)
{
	struct bank b = open_bank();
	struct yt_str whole = encoded(&b, batch(&b, three));
	struct yt_msg *msg;

	(void)state;
	for (size_t n = 0; n < whole.n; n++)
		assert_int_not_equal(try_decode(&b, (struct yt_str){ whole.p, n }, &msg), 0);
	bank_close(&b);
}

/* 50,000 payouts are a file, one more is refused. */
static void a_file_has_at_most_50000_details(void **state)
{
	struct bank b = open_bank();
	struct yt_node *body = yt_node_new(b.arena, YT_OBJECT), *data, *rows;
	struct yt_str octets;
	struct yt_msg *msg;

	(void)state;
	data = yt_node_add(b.arena, body, YT_STR("data"), YT_OBJECT);
	rows = yt_node_add(b.arena, body, YT_STR("payout"), YT_ARRAY);
	yt_node_add_text(b.arena, data, "payer_acct", YT_STR("39"));
	yt_node_add_text(b.arena, data, "payee_name", YT_STR("陈晐"));
	yt_node_add_text(b.arena, data, "payee_acct", YT_STR("62"));
	yt_node_add_text(b.arena, data, "purpose", YT_STR("生育津贴"));
	for (unsigned i = 0; i < 50001; i++) {
		struct yt_node *row = yt_node_add(b.arena, rows, (struct yt_str){ 0 }, YT_OBJECT);

		yt_node_add_text(b.arena, row, "pay_no", yt_arena_printf(b.arena, "MA20261120%012u", i));
		yt_node_add_fen(b.arena, row, "pay_amt", 1 + i);
	}
	assert_int_equal(try_encode(&b, order_of(&b, YT_OP_PAY_BATCH, NUMBER, body), &octets), YT_ELIMIT);
	assert_part(b.fault.why, "50000");
	for (struct yt_node *row = rows->child; row != NULL; row = row->next)
		if (row->next != NULL && row->next->next == NULL)
			row->next = NULL, rows->last = row, rows->n = 50000;
	octets = encoded(&b, order_of(&b, YT_OP_PAY_BATCH, NUMBER, body));
	msg = decoded(&b, octets);
	assert_int_equal(yt_node_get(msg->body, "payout")->n, 50000);
	assert_int_equal(msg->amount_fen, INT64_C(50000) * 50001 / 2);
	bank_close(&b);
}

/* -- as files in folders --------------------------------------------------------------------------- */

static const struct yt_reply *told_of_file(struct bank *b, const struct yt_msg *msg, int status)
{
	struct yt_reply *reply = yt_reply_new(b->arena);

	assert_int_equal(b->api->decode_reply(b->plugin, msg, status, (struct yt_str){ NULL, 0 }, reply), 0);
	return reply;
}

/* Handed over: the bank has the payouts and has said nothing of them. */
static void what_is_handed_over_is_sent(void **state)
{
	struct bank b = open_bank();
	const struct yt_msg *list = batch(&b, three);
	const struct yt_reply *reply = told_of_file(&b, list, YT_FILE_HANDED_OVER);
	const struct yt_node *rows = yt_node_get(reply->body, "payout");

	(void)state;
	assert_int_equal(reply->outcome, YT_DONE);
	assert_int_equal(rows->n, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_text(yt_node_text(row_at(rows, i), "pay_state"), "SENT");
	assert_text(yt_node_text(row_at(rows, 1), "pay_no"), "MA20261119000000000051");
	reply = told_of_file(&b,
	        order_of(&b, YT_OP_PAY_ORDER, NUMBER,
	                from_json(&b, "{\"data\":{\"pay_no\":\"MA20261120000000000002\"}}")),
	        YT_FILE_HANDED_OVER);
	assert_text(yt_node_text(yt_node_get(reply->body, "data"), "pay_state"), "SENT");
	assert_text(yt_node_text(yt_node_get(reply->body, "data"), "pay_no"), "MA20261120000000000002");
	/* One whose name another file had is surely not at the bank. */
	reply = told_of_file(&b, list, YT_FILE_NAME_TAKEN);
	assert_int_equal(reply->outcome, YT_REFUSED);
	assert_text(reply->code, "E20504");
	/* And nothing at all, as from a party over HTTP, proves nothing. */
	assert_int_equal(told_of_file(&b, list, 200)->outcome, YT_UNKNOWN);
	bank_close(&b);
}

/* Of ten workers, one after the other or at once, none takes another's name, nor its own once more. */
static void a_day_has_names_enough(void **state)
{
	static bool is_taken[1000000];
	struct bank b = open_bank();

	(void)state;
	for (uint64_t worker = 8; worker < 18; worker++)
		for (uint64_t count = 1; count <= 3000; count++) {
			struct yt_str name;
			unsigned batch;

			assert_int_equal(
			        b.api->make_number(b.plugin, b.arena, 1795147200000LL, worker * 1000000 + count, &name),
			        0);
			assert_int_equal(name.n, strlen("PAY_3302990001_20261120_000000"));
			batch = (unsigned)strtoul(name.p + name.n - 6, NULL, 10);
			assert_false(is_taken[batch]);
			is_taken[batch] = true;
		}
	bank_close(&b);
}

static void a_file_is_called_after_its_head(void **state)
{
	static const char *const wrong[] = { "", "H|1.0|3302990001|000007|20261120",
		"H|1.0|3302990001|000007|20261120\n", "T|1.0|3302990001|000007|20261120|02|\n",
		"H|1.0|33x2990001|000007|20261120|02|\n", "H|1.0|3302990001|../007|20261120|02|\n",
		"H|1.0|3302990001|000007|20261320|02|\n", "{}\n" };
	struct bank b = open_bank();
	struct yt_str name;

	(void)state;
	assert_int_equal(b.api->file_name(b.plugin, encoded(&b, batch(&b, three)), b.arena, &name), 0);
	assert_text(name, NUMBER ".txt");
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_int_equal(b.api->file_name(b.plugin, yt_str(wrong[i]), b.arena, &name), YT_EFORMAT);
	bank_close(&b);
}

/* Cut anywhere it is waited for; what has more behind its trailer is read, and refused. */
static void half_a_file_is_not_whole(void **state)
{
	struct bank b = open_bank();
	struct yt_str whole = encoded(&b, batch(&b, three));

	(void)state;
	for (size_t n = 0; n < whole.n; n++)
		assert_false(b.api->file_is_whole(b.plugin, (struct yt_str){ whole.p, n }));
	assert_true(b.api->file_is_whole(b.plugin, whole));
	bank_close(&b);
}

int main(void)
{
	static struct CMUnitTest tests[16 + COUNT(unsent) + COUNT(files) + COUNT(results)] = {
		cmocka_unit_test(the_composed_file_is_written_octet_for_octet),
		cmocka_unit_test(a_separator_inside_a_character_is_none),
		cmocka_unit_test(the_composed_result_is_read),
		cmocka_unit_test(a_cut_file_is_refused),
		cmocka_unit_test(a_file_has_at_most_50000_details),
		cmocka_unit_test(what_is_handed_over_is_sent),
		cmocka_unit_test(a_day_has_names_enough),
		cmocka_unit_test(a_file_is_called_after_its_head),
		cmocka_unit_test(half_a_file_is_not_whole),
	};
	size_t n = 8;

	for (size_t i = 0; i < COUNT(unsent); i++)
		tests[n++] = (struct CMUnitTest){ unsent[i].it, it_is_not_written, NULL, NULL, (void *)&unsent[i] };
	for (size_t i = 0; i < COUNT(files); i++)
		tests[n++] = (struct CMUnitTest){ files[i].it, it_is_refused_whole, NULL, NULL, (void *)&files[i] };
	for (size_t i = 0; i < COUNT(results); i++)
		tests[n++] = (struct CMUnitTest){ results[i].it, it_means, NULL, NULL, (void *)&results[i] };
	return _cmocka_run_group_tests("bankfile", tests, n, NULL, NULL);
}
