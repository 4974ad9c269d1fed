/* tests/test_nhsa.c - the nhsa plugin through the loader: what it reads, writes, refuses and proves. */
#include "nhsa_codec.h"

#define FACTS YT_SOURCE_DIR "/../shared/formats/nhsa.md"

/* The published examples. */

static bool same(const struct yt_node *a, const struct yt_node *b);

static bool same_members(const struct yt_node *a, const struct yt_node *b)
{
	const struct yt_node *y = b->child;

	if (a->n != b->n)
		return false;
	for (const struct yt_node *x = a->child; x != NULL; x = x->next, y = y->next) {
		const struct yt_node *twin = a->kind == YT_OBJECT ? b->child : y; /* members have any order */

		while (a->kind == YT_OBJECT && twin != NULL && !yt_str_eq(twin->name, x->name))
			twin = twin->next;
		if (twin == NULL || !same(x, twin)) {
			print_message("%.*s differs\n", YT_FMT(x->name));
			return false;
		}
	}
	return true;
}

static bool same(const struct yt_node *a, const struct yt_node *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == YT_OBJECT || a->kind == YT_ARRAY)
		return same_members(a, b);
	if (a->kind == YT_NUMBER)
		return strtod(a->text.p, NULL) == strtod(b->text.p, NULL);
	return yt_str_eq(a->text, b->text);
}

static void assert_same_json(struct codec *c, struct yt_str a, const char *b)
{
	struct yt_node *x, *y;

	assert_int_equal(yt_json_read(c->arena, a, NULL, &x, NULL), 0);
	assert_int_equal(yt_json_read(c->arena, yt_str(b), NULL, &y, NULL), 0);
	if (!same(x, y))
		fail_msg("%.*s\nbecame\n%s", YT_FMT(a), b);
}

static void published_examples_survive_both_ways(void **state)
{
	struct codec c = open_plain();
	struct yt_msg *msg = NULL;
	FILE *facts = fopen(FACTS, "r");
	static char page[1 << 20];
	size_t n, n_seen = 0;

	if (facts == NULL) {
		codec_close(&c);
		print_message("skipped: %s is not there\n", FACTS);
		skip();
	}
	n = fread(page, 1, sizeof(page) - 1, facts);
	fclose(facts);
	page[n] = '\0';
	for (char *at = strstr(page, "```json\n"); at != NULL; at = strstr(at, "```json\n")) {
		char *end = strstr(at += 8, "```");

		assert_non_null(end);
		*end = '\0';
		if (strstr(at, "\"infno\"") != NULL) {
			msg = must_decode(&c, at);
			assert_same_json(&c, yt_str(at), encoded(&c, msg));
		} else if (strstr(at, "\"infcode\"") != NULL && msg != NULL) {
			struct yt_reply *reply = answer(&c, msg, 200, at);

			assert_int_not_equal(reply->outcome, YT_UNKNOWN);
			assert_same_json(&c, yt_str(at), encoded_reply(&c, msg, reply));
			n_seen++;
		}
		at = end + 1;
	}
	assert_true(n_seen >= 7);
	codec_close(&c);
}

/* Requests. */

static void a_settlement_says_who_and_what(void **state)
{
	struct codec c = open_plain();
	struct yt_msg *msg = must_decode(&c, REQUEST("2207", "{ \"data\" : {" DATA_2207 "} }"));

	assert_int_equal(msg->op->id, YT_OP_OUTPATIENT_SETTLE);
	assert_text(msg->wire_op, "2207");
	assert_text(msg->number, "H33021399901202503140941300012");
	assert_text(msg->institution, "H33021399901");
	assert_text(msg->person, "33020000001000000123");
	assert_text(msg->visit, "M1");
	assert_text(msg->batch, "B1");
	assert_text(msg->insured_area, "330213");
	assert_int_equal(msg->amount_fen, 28640);
	/* What "same content" is about: the octets of input as they came. */
	assert_text(msg->content, "{ \"data\" : {" DATA_2207 "} }");
	codec_close(&c);
}

static const struct refusal {
	const char *it;
	const char *octets;
	const char *path, *why;
} refusals[] = {
	{ "no JSON", "{", "(message)", "cannot be read: line 1 column 2" },
	{ "an array", "[]", "(message)", "must be an object" },
	{ "a name given twice", "{\"infno\":\"1101\",\"infno\":\"2207\"}", "(message)",
	        "cannot be read: line 1 column 25" },
	{ "no number", "{\"infno\":\"1101\",\"input\":{}}", "msgid", "is missing" },
	{ "a number too long", "{\"infno\":\"2207\",\"msgid\":\"0123456789012345678901234567890\",\"input\":{}}",
	        "msgid", "is longer than 30 characters" },
	{ "a number that is a path",
	        "{\"infno\":\"2207\",\"msgid\":\"../x\",\"mdtrtarea_admvs\":\"330213\",\"opter_type\":\"1\","
	        "\"opter\":\"1\",\"opter_name\":\"n\",\"inf_time\":\"2025-03-14 09:41:30\",\"fixmedins_code\":\"H1\","
	        "\"fixmedins_name\":\"n\",\"input\":{}}",
	        "msgid", "must be letters and digits" },
	{ "an institution that is a path",
	        "{\"infno\":\"2207\",\"msgid\":\"x\",\"mdtrtarea_admvs\":\"330213\",\"opter_type\":\"1\","
	        "\"opter\":\"1\",\"opter_name\":\"n\",\"inf_time\":\"2025-03-14 09:41:30\",\"fixmedins_code\":\"H/1\","
	        "\"fixmedins_name\":\"n\",\"input\":{}}",
	        "fixmedins_code", "must be letters and digits" },
	{ "no input", "{" HEAD("2207") "\"x\":1}", "input", "is missing" },
	{ "input as a text", REQUEST("2207", "\"x\""), "input", "must be an object" },
	{ "no data", REQUEST("2207", "{}"), "input.data", "is missing" },
	{ "data as rows", REQUEST("2207", "{\"data\":[]}"), "input.data", "must be an object" },
	{ "rows as an object", REQUEST("2204", "{\"feedetail\":{}}"), "input.feedetail",
	        "must be an array of objects" },
	{ "no rows", REQUEST("2204", "{\"feedetail\":[]}"), "input.feedetail", "has no rows" },
	{ "a row that is none", REQUEST("2204", "{\"feedetail\":[1]}"), "input.feedetail[0]", "must be an object" },
	{ "a required field missing", REQUEST("2208", "{\"data\":{\"setl_id\":\"S\",\"mdtrt_id\":\"M\"}}"),
	        "input.data.psn_no", "is missing" },
	{ "a required field null", REQUEST("2208", "{\"data\":{\"setl_id\":null,\"mdtrt_id\":\"M\",\"psn_no\":\"P\"}}"),
	        "input.data.setl_id", "is missing" },
	{ "a required field empty",
	        REQUEST("2208", "{\"data\":{\"setl_id\":\"\",\"mdtrt_id\":\"M\",\"psn_no\":\"P\"}}"),
	        "input.data.setl_id", "is missing" },
	{ "an object for a text", REQUEST("2208", "{\"data\":{\"setl_id\":{},\"mdtrt_id\":\"M\",\"psn_no\":\"P\"}}"),
	        "input.data.setl_id", "must be a text" },
	{ "half a fen", REQUEST("2207", "{\"data\":{\"medfee_sumamt\":\"1.005\"}}"), "input.data.medfee_sumamt",
	        "has more than 2 digits behind the point" },
	{ "an amount in words", REQUEST("2207", "{\"data\":{\"medfee_sumamt\":\"many\"}}"), "input.data.medfee_sumamt",
	        "is not a number" },
	{ "an amount too large", REQUEST("2207", "{\"data\":{\"medfee_sumamt\":123456789012345.00}}"),
	        "input.data.medfee_sumamt", "has more than 14 digits before the point" },
	{ "a day that is none", REQUEST("2201", "{\"data\":{\"begntime\":\"2025-02-30 10:00:00\"}}"),
	        "input.data.begntime", "is not a time (yyyy-MM-dd HH:mm:ss)" },
	{ "a second row's field",
	        REQUEST("2302", "{\"data\":[{\"feedetl_sn\":\"1\",\"mdtrt_id\":\"M\",\"psn_no\":\"P\"},{}]}"),
	        "input.data[1].feedetl_sn", "is missing" },
};

static void a_request_is_refused_with(void **state)
{
	const struct refusal *row = *state;
	struct codec c = open_plain();
	struct yt_msg *msg;

	assert_int_equal(decode(&c, row->octets, &msg), YT_EFORMAT);
	assert_string_equal(c.fault.path, row->path);
	if (strncmp(c.fault.why, row->why, strlen(row->why)) != 0)
		fail_msg("says \"%s\"", c.fault.why);
	codec_close(&c);
}

/* A refusal must be able to name the number it refuses. */
static void a_refused_request_still_has_its_number(void **state)
{
	struct codec c = open_plain();
	struct yt_msg *msg;

	assert_int_equal(decode(&c, REQUEST("2207", "{}"), &msg), YT_EFORMAT);
	assert_text(msg->number, "H33021399901202503140941300012");
	assert_int_equal(msg->op->id, YT_OP_OUTPATIENT_SETTLE);
	assert_int_equal(decode(&c, "{\"infno\":\"2207\",\"msgid\":\"N7\",\"input\":{}}", &msg), YT_EFORMAT);
	assert_string_equal(c.fault.path, "mdtrtarea_admvs");
	assert_text(msg->number, "N7");
	codec_close(&c);
}

static void a_refusal_never_shows_a_value(void **state)
{
	struct codec c = open_plain();
	struct yt_msg *msg;

	assert_int_equal(
	        decode(&c, REQUEST("2201", "{\"data\":{\"psn_no\":\"330213197906152731\",\"begntime\":\"张三\"}}"),
	                &msg),
	        YT_EFORMAT);
	assert_has_not(c.fault.why, "张三");
	assert_has_not(c.fault.path, "3302");
	codec_close(&c);
}

static void what_is_read_leniently_is_written_strictly(void **state)
{
	static const char loose[] =
	        REQUEST("2303", "{\"data\":{\"psn_no\":33020000001000000123,\"mdtrt_cert_type\":\"02\","
	                        "\"medfee_sumamt\":\"1.2E+3\",\"psn_setlway\":\"01\",\"mdtrt_id\":\"M1\",\"insutype\":"
	                        "310,\"mid_setl_flag\":\"0\","
	                        "\"fulamt_ownpay_amt\":\"\",\"overlmt_selfpay\":null,\"preselfpay_amt\":5,\"dscgTime\":"
	                        "\"2025-03-20T08:00:00.000\","
	                        "\"mdtrt_mode\":0,\"exp_content\":{\"a\":[1.50]}},\"extra\":[true]}");
	struct codec c = open_plain();
	const char *strict = encoded(&c, must_decode(&c, loose));

	assert_has(strict, "\"psn_no\":\"33020000001000000123\"");
	assert_has(strict, "\"medfee_sumamt\":1200.00,");
	assert_has(strict, "\"insutype\":\"310\"");
	assert_has(strict, "\"fulamt_ownpay_amt\":null");
	assert_has(strict, "\"overlmt_selfpay\":null");
	assert_has(strict, "\"preselfpay_amt\":5.00");
	assert_has(strict, "\"dscgTime\":\"2025-03-20\"");
	assert_has(strict, "\"mdtrt_mode\":0");
	assert_has(strict, "\"exp_content\":{\"a\":[1.50]}");
	assert_has(strict, "\"extra\":[true]");
	assert_has_not(strict, "dev_no"); /* what the sender left out stays out */
	codec_close(&c);
}

static void an_unread_transaction_passes_octet_for_octet(void **state)
{
	struct codec c = open_plain();
	struct yt_msg *msg = must_decode(&c, REQUEST("13203A", "{ \"data\": {\"x\": 1.10, \"psn_no\":\"P1\"} }"));

	assert_int_equal(msg->op->id, YT_OP_UNREAD);
	assert_text(msg->person, "P1");
	assert_has(encoded(&c, msg), "\"input\":{ \"data\": {\"x\": 1.10, \"psn_no\":\"P1\"} }}");
	codec_close(&c);
}

/* Their fields are not public, but that they only read is known: nobody has to decide about a lost answer. */
static void a_query_without_rows_passes_octet_for_octet(void **state)
{
	struct codec c = open_plain();
	struct yt_msg *msg = must_decode(&c, REQUEST("5102", "{ \"data\": {\"prac_psn_type\": 1.10} }"));

	assert_int_equal(msg->op->id, YT_OP_STAFF_QUERY);
	assert_false(msg->op->changes_state);
	assert_has(encoded(&c, msg), "\"input\":{ \"data\": {\"prac_psn_type\": 1.10} }}");
	codec_close(&c);
}

/* What is in order goes on to the letter, whatever its spaces; one value out of order, or changed by us, and the whole
 * part is written anew. */
static void what_is_in_order_passes_octet_for_octet(void **state)
{
	static const struct order {
		const char *came, *goes;
	} orders[] = {
		{ "{ \"data\" :{" DATA_CANCEL ",\"x\":[1.50,true,null]} }",
		        "\"input\":{ \"data\" :{" DATA_CANCEL ",\"x\":[1.50,true,null]} }}" },
		{ "{ \"data\" :{\"setl_id\":7,\"mdtrt_id\":\"M1\",\"psn_no\":\"P1\"} }",
		        "\"input\":{\"data\":{\"setl_id\":\"7\",\"mdtrt_id\":\"M1\",\"psn_no\":\"P1\"}}}" },
		{ "{ \"data\" :{\"setl_id\":\"\\u0053\",\"mdtrt_id\":\"M1\",\"psn_no\":\"P1\"} }",
		        "\"input\":{\"data\":{\"setl_id\":\"S\",\"mdtrt_id\":\"M1\",\"psn_no\":\"P1\"}}}" },
	};
	struct codec c = open_plain();
	struct yt_msg *msg;
	char request[1024];

	for (size_t i = 0; i < COUNT(orders); i++) {
		snprintf(request, sizeof(request), "{" HEAD("2208") "\"input\":%s}", orders[i].came);
		msg = must_decode(&c, request);
		assert_has(encoded(&c, msg), orders[i].goes);
	}
	snprintf(request, sizeof(request), "{" HEAD("2208") "\"input\":%s}", orders[0].came);
	msg = must_decode(&c, request);
	yt_node_set_text(c.arena, yt_node_get(msg->body, "data"), "setl_id", YT_STR("S2"));
	assert_has(encoded(&c, msg), "\"input\":{\"data\":{\"setl_id\":\"S2\",");
	codec_close(&c);
}

static void an_answer_in_order_passes_octet_for_octet(void **state)
{
	static const struct order {
		const char *came, *goes;
	} orders[] = {
		{ "{\"setlinfo\": {\"setl_id\":\"S9\",\"medfee_sumamt\":286.40}}",
		        "\"output\":{\"setlinfo\": {\"setl_id\":\"S9\",\"medfee_sumamt\":286.40}}}" },
		{ "{\"setlinfo\": {\"setl_id\":\"S9\",\"medfee_sumamt\":\"286.40\"}}",
		        "\"output\":{\"setlinfo\":{\"setl_id\":\"S9\",\"medfee_sumamt\":286.40}}}" },
	};
	struct codec c = open_plain();
	struct yt_msg *msg = must_decode(&c, REQUEST("2207", "{\"data\":{" DATA_2207 "}}"));
	char octets[512];

	for (size_t i = 0; i < COUNT(orders); i++) {
		snprintf(octets, sizeof(octets),
		        "{\"infcode\":0,\"inf_refmsgid\":\"R1\",\"err_msg\":\"\",\"output\":%s}", orders[i].came);
		assert_has(encoded_reply(&c, msg, answer(&c, msg, 200, octets)), orders[i].goes);
	}
	codec_close(&c);
}

static void a_gbk_request_is_understood(void **state)
{
	struct codec c = open_plain();
	struct yt_msg *msg = must_decode(&c,
	        "{\"infno\":\"1101\",\"msgid\":\"N1\",\"mdtrtarea_admvs\":\"330213\",\"opter_type\":\"1\","
	        "\"opter\":\"1\",\"opter_name\":\"\xca\xd5\xb7\xd1\xd4\xb1\",\"inf_time\":\"2025-03-14 09:41:30\","
	        "\"fixmedins_code\":\"H1\",\"fixmedins_name\":\"n\",\"input\":{\"data\":{\"mdtrt_cert_type\":\"02\","
	        "\"mdtrt_cert_no\":\"1\",\"psn_name\":\"\xca\xbe\xc0\xfd\xbc\xd7\"}}}");

	assert_text(msg->operator_name, "收费员");
	assert_text(yt_node_text(yt_node_get(msg->body, "data"), "psn_name"), "示例甲");
	codec_close(&c);
}

static void the_envelope_is_what_the_province_wants(void **state)
{
	static const struct plugin_setting settings[] = { { "recer_sys_code", "MBS_LOCAL" },
		{ "extra_members", "fixmedins_soft_fcty=示例软件;app_id=7" } };
	struct codec c = open_with(settings, COUNT(settings), NULL);
	struct yt_msg *msg = must_decode(&c,
	        "{" HEAD("2208") "\"app_id\":\"old\",\"mystery\":{\"a\":1},\"input\":{\"data\":{" DATA_CANCEL "}}}");
	const char *out;

	msg->sign_no = YT_STR("OURS"); /* the engine's session */
	out = encoded(&c, msg);
	assert_has(out, "\"recer_sys_code\":\"MBS_LOCAL\"");
	assert_has(out, "\"fixmedins_soft_fcty\":\"示例软件\"");
	assert_has(out, "\"app_id\":\"7\"");
	assert_has_not(out, "old");
	assert_has(out, "\"mystery\":{\"a\":1}");
	assert_has(out, "\"sign_no\":\"OURS\"");
	assert_has_not(out, "\"S1\",\"input\"");
	codec_close(&c);
}

static void without_a_receiving_system_nothing_is_written(void **state)
{
	struct codec c = open_plain();
	struct yt_msg *msg = must_decode(&c, REQUEST("2208", "{\"data\":{" DATA_CANCEL "}}"));
	struct yt_buf out = { 0 };

	yt_node_set_text(c.arena, msg->head, "recer_sys_code", YT_STR(""));
	assert_int_equal(c.api->encode_request(c.plugin, msg, &out, &c.fault), YT_EFORMAT);
	assert_string_equal(c.fault.path, "recer_sys_code");
	assert_int_equal(out.n, 0);
	yt_buf_free(&out);
	codec_close(&c);
}

/* Every row of the tables is guarded: required ones when missing, limited ones when too long. */
static void every_row_is_checked(void **state)
{
	FILE *rows = fopen(YT_SOURCE_DIR "/plugins/nhsa/fields.tsv", "r");
	char line[1024];
	size_t n_missing = 0, n_long = 0;
	struct codec c = open_plain();

	assert_non_null(rows);
	while (fgets(line, sizeof(line), rows) != NULL) {
		char wire[16], side[8], node[32], field[64], type, length[16], need;
		char octets[8192], text[4100], path[160];
		struct yt_msg *msg;
		bool is_rows;

		if (line[0] == '#' ||
		        sscanf(line, "%15[^\t]\t%7[^\t]\t%31[^\t]\t%63[^\t]\t%c\t%15[^\t]\t%c", wire, side, node, field,
		                &type, length, &need) != 7 ||
		        strcmp(side, "in") != 0 || strcmp(wire, "ENVELOPE") == 0)
			continue;
		is_rows = strstr(node, "[]") != NULL;
		node[strcspn(node, "[")] = '\0';
		snprintf(path, sizeof(path), "input.%s%s.%s", node, is_rows ? "[0]" : "", field);
		if (type == 'C' && atoi(length) > 0 && atoi(length) < 4000) {
			memset(text, 'x', (size_t)atoi(length) + 1);
			text[atoi(length) + 1] = '\0';
			snprintf(octets, sizeof(octets), "{" HEAD("%s") "\"input\":{\"%s\":%s{\"%s\":\"%s\"}%s}}", wire,
			        node, is_rows ? "[" : "", field, text, is_rows ? "]" : "");
			/* Only the node under test is there, so an earlier one may be missed first. */
			assert_int_equal(decode(&c, octets, &msg), YT_EFORMAT);
			if (strcmp(c.fault.why, "is missing") != 0) {
				assert_string_equal(c.fault.path, path);
				n_long++;
			}
		}
		if (need == 'Y') {
			snprintf(octets, sizeof(octets), "{" HEAD("%s") "\"input\":{\"%s\":%s{\"%s\":null}%s}}", wire,
			        node, is_rows ? "[" : "", field, is_rows ? "]" : "");
			assert_int_equal(decode(&c, octets, &msg), YT_EFORMAT);
			assert_string_equal(c.fault.why, "is missing");
			n_missing++;
		}
		yt_arena_reset(c.arena);
	}
	fclose(rows);
	assert_true(n_missing > 150 && n_long > 200);
	codec_close(&c);
}

/* Answers. */

#define SETLINFO                                                                                                       \
	"\"setl_id\":\"S9\",\"mdtrt_id\":\"M1\",\"medfee_sumamt\":\"286.4\",\"fund_pay_sumamt\":208,"                  \
	"\"acct_pay\":50.0,\"psn_cash_pay\":28.40"

static const struct outcome {
	const char *it;
	const char *infno, *input;
	int status;
	const char *octets;
	enum yt_outcome want;
	const char *text; /* NULL: not looked at */
} outcomes[] = {
	{ "infcode 0", "2207", "{\"data\":{" DATA_2207 "}}", 200,
	        "{\"infcode\":0,\"output\":{\"setlinfo\":{" SETLINFO "}}}", YT_DONE, NULL },
	{ "infcode 0 as a text", "2207", "{\"data\":{" DATA_2207 "}}", 200,
	        "{\"infcode\":\"0\",\"output\":{\"setlinfo\":{" SETLINFO "}}}", YT_DONE, NULL },
	{ "a byte-order mark", "2208", "{\"data\":{" DATA_CANCEL "}}", 200,
	        "\xEF\xBB\xBF{\"infcode\":0,\"output\":{\"setlinfo\":{" SETLINFO "}}}", YT_DONE, NULL },
	{ "no transport status", "2208", "{\"data\":{" DATA_CANCEL "}}", 0,
	        "{\"infcode\":0,\"output\":{\"setlinfo\":{" SETLINFO "}}}", YT_DONE, NULL },
	{ "success without setl_id", "2207", "{\"data\":{" DATA_2207 "}}", 200,
	        "{\"infcode\":0,\"output\":{\"setlinfo\":{}}}", YT_UNKNOWN, "success without setl_id" },
	{ "success without output", "2207", "{\"data\":{" DATA_2207 "}}", 200, "{\"infcode\":0,\"output\":null}",
	        YT_UNKNOWN, "success without setl_id" },
	{ "a registration without visit", "2201", "{\"data\":{" DATA_2201 "}}", 200, "{\"infcode\":0,\"output\":{}}",
	        YT_UNKNOWN, "success without mdtrt_id" },
	{ "an upload without output", "2202", "{\"data\":{\"psn_no\":\"P\",\"mdtrt_id\":\"M\",\"ipt_otp_no\":\"O\"}}",
	        200, "{\"infcode\":0}", YT_DONE, NULL },
	{ "a business refusal", "2207", "{\"data\":{" DATA_2207 "}}", 200,
	        "{\"infcode\":-1,\"err_msg\":\"存在未结算明细\"}", YT_REFUSED, "存在未结算明细" },
	{ "a refusal with code 1", "2207", "{\"data\":{" DATA_2207 "}}", 200,
	        "{\"infcode\":1,\"err_msg\":\"存在未结算明细\"}", YT_REFUSED, NULL },
	{ "a refusal without text", "2207", "{\"data\":{" DATA_2207 "}}", 200, "{\"infcode\":-1,\"err_msg\":\"\"}",
	        YT_UNKNOWN, NULL },
	{ "code 1 without text", "2207", "{\"data\":{" DATA_2207 "}}", 200, "{\"infcode\":1}", YT_UNKNOWN, NULL },
	{ "the other region timed out", "2207", "{\"data\":{" DATA_2207 "}}", 200,
	        "{\"infcode\":-1,\"err_msg\":\"参保地系统超时\"}", YT_UNKNOWN, "参保地系统超时" },
	{ "Read TimeOut", "2207", "{\"data\":{" DATA_2207 "}}", 200, "{\"infcode\":-1,\"err_msg\":\"Read TimeOut\"}",
	        YT_UNKNOWN, NULL },
	{ "HTTP 502 with a page", "2207", "{\"data\":{" DATA_2207 "}}", 502, "<html>", YT_UNKNOWN, "HTTP status 502" },
	{ "HTTP 500 with a whole refusal", "2207", "{\"data\":{" DATA_2207 "}}", 500,
	        "{\"infcode\":-1,\"err_msg\":\"x\"}", YT_UNKNOWN, NULL },
	{ "HTTP 302", "2207", "{\"data\":{" DATA_2207 "}}", 302, "{\"infcode\":-1,\"err_msg\":\"x\"}", YT_UNKNOWN,
	        NULL },
	{ "nothing", "2207", "{\"data\":{" DATA_2207 "}}", 200, "", YT_UNKNOWN, "answer is empty" },
	{ "a page", "2207", "{\"data\":{" DATA_2207 "}}", 200, "<html></html>", YT_UNKNOWN, NULL },
	{ "cut JSON", "2207", "{\"data\":{" DATA_2207 "}}", 200, "{\"infcode\":0,\"output\":{\"setlinfo\":{" SETLINFO,
	        YT_UNKNOWN, NULL },
	{ "no infcode", "2207", "{\"data\":{" DATA_2207 "}}", 401, "{\"error\":\"认证参数不完整\"}", YT_UNKNOWN,
	        "answer has no infcode" },
	{ "infcode null", "2207", "{\"data\":{" DATA_2207 "}}", 200, "{\"infcode\":null,\"err_msg\":\"x\"}", YT_UNKNOWN,
	        NULL },
	{ "an array", "2207", "{\"data\":{" DATA_2207 "}}", 200, "[0]", YT_UNKNOWN, NULL },
	{ "two infcodes", "2207", "{\"data\":{" DATA_2207 "}}", 200,
	        "{\"infcode\":-1,\"err_msg\":\"x\",\"infcode\":0,\"output\":{\"setlinfo\":{" SETLINFO "}}}", YT_UNKNOWN,
	        NULL },
	{ "a GBK refusal", "2207", "{\"data\":{" DATA_2207 "}}", 200,
	        "{\"infcode\":-1,\"err_msg\":\"\xd2\xd1\xbd\xe1\xcb\xe3\"}", YT_REFUSED, "已结算" },
};

static void an_answer_with(void **state)
{
	const struct outcome *row = *state;
	struct codec c = open_plain();
	char octets[4096];
	struct yt_reply *reply;

	snprintf(octets, sizeof(octets), "{" HEAD("%s") "\"input\":%s}", row->infno, row->input);
	reply = answer(&c, must_decode(&c, octets), row->status, row->octets);
	assert_int_equal(reply->outcome, row->want);
	if (row->text != NULL)
		assert_text(reply->text, row->text);
	codec_close(&c);
}

static void a_settlement_answer_brings_the_amounts(void **state)
{
	struct codec c = open_plain();
	struct yt_msg *msg = must_decode(&c, REQUEST("2207", "{\"data\":{" DATA_2207 "}}"));
	struct yt_reply *reply = answer(&c, msg, 200,
	        "{\"infcode\":\"0\",\"inf_refmsgid\":\"R1\",\"secret_sauce\":7,"
	        "\"err_msg\":null,\"output\":{\"setlinfo\":{" SETLINFO ",\"age\":45.66,\"cashPayamt\":\"28.4\"}}}");
	const char *out = encoded_reply(&c, msg, reply);

	assert_text(reply->settlement, "S9");
	assert_text(reply->visit, "M1");
	assert_text(reply->number, "R1");
	assert_int_equal(reply->amount_fen, 28640);
	assert_int_equal(reply->fund_fen, 20800);
	assert_int_equal(reply->account_fen, 5000);
	assert_int_equal(reply->cash_fen, 2840);
	assert_has(out, "\"infcode\":0,");
	assert_has(out, "\"medfee_sumamt\":286.40,");
	assert_has(out, "\"secret_sauce\":7");
	assert_has(out, "\"age\":45.66"); /* beyond its row: left as it came, the answer is booked */
	assert_has(out, "\"cashPayamt\":\"28.4\"");
	codec_close(&c);
}

static const struct hint {
	const char *it, *infno, *input, *text;
	bool already_done, never_happened, session_expired, at_gateway;
} hints[] = {
	{ "a fee line that is there", "2204", NULL, "费用明细流水号重复", true, false, false, false },
	{ "a settlement that is there", "2207", "{\"data\":{" DATA_2207 "}}", "已结算，不能重复结算", false, false,
	        false, false },
	{ "fee lines that are gone", "2205", "{\"data\":{\"mdtrt_id\":\"M\",\"chrg_bchno\":\"B\",\"psn_no\":\"P\"}}",
	        "费用明细不存在", true, false, false, false },
	{ "a registration that is gone", "2202",
	        "{\"data\":{\"mdtrt_id\":\"M\",\"ipt_otp_no\":\"B\",\"psn_no\":\"P\"}}", "就诊信息不存在或已撤销", true,
	        false, false, false },
	{ "a stay that is over", "2402", "{\"dscginfo\":{" DSCGINFO "}}", "已办理出院，不能重复办理", true, false,
	        false, false },
	{ "a stay that is not over", "2405", "{\"data\":{\"mdtrt_id\":\"M\",\"psn_no\":\"P\"}}", "未办理出院，不能撤销",
	        true, false, false, false },
	{ "fee lines for a stay that is over", "2301", NULL, "已办理出院", false, false, false, false },
	{ "a visit that is gone", "2207", "{\"data\":{" DATA_2207 "}}", "就诊信息不存在或已撤销", false, false, false,
	        false },
	{ "no original", "2601", "{\"data\":{\"psn_no\":\"P\",\"omsgid\":\"M\",\"oinfno\":\"2207\"}}",
	        "原交易不存在或已冲正", false, true, false, false },
	{ "no original of another", "2207", "{\"data\":{" DATA_2207 "}}", "原交易不存在或已冲正", false, false, false,
	        false },
	{ "an old session", "2207", "{\"data\":{" DATA_2207 "}}", "签到编号无效或已过期", false, false, true, false },
	{ "a wrong time on the way", "2205", "{\"data\":{\"mdtrt_id\":\"M\",\"chrg_bchno\":\"B\",\"psn_no\":\"P\"}}",
	        "时间戳超出范围", false, false, false, true },
	{ "a wrong signature on the way", "2601", "{\"data\":{\"psn_no\":\"P\",\"omsgid\":\"M\",\"oinfno\":\"2207\"}}",
	        "签名错误", false, false, false, true },
	{ "no caller on the way", "2204", NULL, "认证参数不完整", false, false, false, true },
};

static void a_refusal_for(void **state)
{
	const struct hint *row = *state;
	struct codec c = open_plain();
	struct yt_msg *msg = yt_msg_new(c.arena);
	char octets[4096];
	struct yt_reply *reply;

	snprintf(octets, sizeof(octets), "{" HEAD("%s") "\"input\":%s}", row->infno,
	        row->input != NULL ? row->input : "{}");
	if (row->input != NULL)
		msg = must_decode(&c, octets);
	else
		(void)decode(&c, octets, &msg); /* only its operation matters */
	snprintf(octets, sizeof(octets), "{\"infcode\":-1,\"err_msg\":\"%s\"}", row->text);
	reply = answer(&c, msg, 200, octets);
	assert_int_equal(reply->outcome, YT_REFUSED);
	assert_int_equal(reply->already_done, row->already_done);
	assert_int_equal(reply->never_happened, row->never_happened);
	assert_int_equal(reply->session_expired, row->session_expired);
	assert_int_equal(reply->at_gateway, row->at_gateway);
	codec_close(&c);
}

static void a_refusal_of_ours_is_whole_and_short(void **state)
{
	struct codec c = open_plain();
	struct yt_msg *msg = must_decode(&c, REQUEST("2207", "{\"data\":{" DATA_2207 "}}"));
	struct yt_reply *reply = yt_reply_new(c.arena);
	struct yt_buf text = { 0 };
	struct yt_node *root;

	for (int i = 0; i < 300; i++)
		yt_buf_text(&text, "结");
	reply->outcome = YT_REFUSED;
	reply->number = YT_STR("330213202503140941300000000001");
	reply->text = yt_buf_view(&text);
	reply->wall_ms = INT64_C(1741916490456);
	assert_int_equal(yt_json_read(c.arena, yt_str(encoded_reply(&c, msg, reply)), NULL, &root, NULL), 0);
	assert_text(yt_node_text(root, "infcode"), "-1");
	assert_text(yt_node_text(root, "inf_refmsgid"), "330213202503140941300000000001");
	assert_text(yt_node_text(root, "refmsg_time"), "20250314094130456");
	assert_text(yt_node_text(root, "respond_time"), "20250314094130456");
	assert_int_equal(yt_node_text(root, "err_msg").n, 600); /* 200 characters of 3 octets */
	assert_int_equal(yt_node_get(root, "output")->kind, YT_NULL);
	yt_buf_free(&text);
	codec_close(&c);
}

static const struct wrong_setting {
	const char *it;
	struct plugin_setting setting;
} wrong_settings[] = {
	{ "a prefix nobody uses", { "headers", "x-abc" } },
	{ "a case that is none", { "hex", "Upper" } },
	{ "a caller without key", { "paasid", "P" } },
	{ "a window that is no number", { "window_s", "3m" } },
	{ "a window of zero", { "window_s", "0" } },
	{ "a window of a day", { "window_s", "86400" } },
	{ "an extra member without value sign", { "extra_members", "abc" } },
	{ "an extra member that exists", { "extra_members", "msgid=1" } },
	{ "a receiving system too long", { "recer_sys_code", "01234567890" } },
};

static void a_setting_is_refused_that_is(void **state)
{
	const struct wrong_setting *row = *state;
	struct yt_plugin *plugin;
	char why[512];

	yt_log_setup("test", YT_ERROR + 1);
	assert_int_equal(
	        plugin_load(&plugin, YT_PLUGIN_DIR "/nhsa.so", "test", &row->setting, 1, NULL, why, sizeof(why)),
	        YT_ECONF);
	assert_null(plugin);
}

/* Whatever allocation fails, memory that is short proves nothing and is nobody's fault. */
static void short_memory_is_told_as_such(void **state)
{
	struct codec c = open_plain();
	struct yt_str request =
	        YT_STR(REQUEST("2208", "{\"data\":{\"setl_id\":1,\"mdtrt_id\":\"M1\",\"psn_no\":\"P1\"}}"));
	struct yt_str answered =
	        YT_STR("{\"infcode\":\"0\",\"output\":" REFUND("\"refd_setl_flag\":1,\"brdy\":\"19790615\",") "}");
	struct yt_msg *original = must_decode(&c, REQUEST("2208", "{\"data\":{" DATA_CANCEL "}}"));
	size_t n_short = 0, limit;
	bool done = false;

	for (limit = 512; !done && limit < (1 << 20); limit += 48) {
		struct yt_arena *tight = yt_arena_new(limit);
		struct yt_msg *msg = yt_msg_new(tight), *query = yt_msg_new(tight), *reversal = yt_msg_new(tight);
		struct yt_reply *reply = yt_reply_new(tight), *adopted = yt_reply_new(tight);
		int rv = YT_ENOMEM;

		if (adopted != NULL && reversal != NULL && query != NULL && msg != NULL)
			rv = c.api->decode_request(c.plugin, request, msg, &c.fault);
		if (rv == 0)
			rv = c.api->query_for(c.plugin, msg, query);
		if (rv == 0)
			rv = c.api->reversal_of(c.plugin, msg, reversal);
		if (rv == 0) {
			assert_text(reversal->insured_area, "330213");
			rv = c.api->decode_reply(c.plugin, query, 200, answered, reply);
		}
		assert_true(rv == 0 || rv == YT_ENOMEM);
		if (rv == 0 && reply->outcome == YT_DONE) {
			enum yt_judgement judgement = c.api->judge(c.plugin, original, reply, adopted);

			assert_int_not_equal(judgement, YT_ABSENT);
			done = judgement == YT_FOUND;
		} else if (rv == 0) {
			assert_int_equal(reply->outcome, YT_UNKNOWN);
		}
		n_short += !done;
		yt_arena_free(tight);
	}
	assert_true(done && n_short > 20);
	codec_close(&c);
}

/* The README's table of settings is the code's. */
static void the_readme_tells_every_setting(void **state)
{
	static char page[1 << 16];
	struct codec c = open_plain();
	FILE *readme = fopen(YT_SOURCE_DIR "/plugins/nhsa/README.md", "r");
	size_t n_rows = 0;

	assert_non_null(readme);
	page[fread(page, 1, sizeof(page) - 1, readme)] = '\0';
	fclose(readme);
	for (const struct yt_setting *setting = c.api->settings; setting->key != NULL; setting++, n_rows++) {
		char row[256];

		snprintf(row, sizeof(row), setting->fallback[0] != '\0' ? "| `%s` | `%s` |" : "| `%s` | (empty) |",
		        setting->key, setting->fallback);
		assert_has(page, row);
		assert_true(strlen(setting->doc) > 0);
	}
	for (const char *at = page; (at = strstr(at, "\n| `")) != NULL; at++)
		n_rows--;
	assert_int_equal(n_rows, 0); /* and it tells no other */
	codec_close(&c);
}

int main(void)
{
	static const struct CMUnitTest single[] = {
		cmocka_unit_test(published_examples_survive_both_ways),
		cmocka_unit_test(a_settlement_says_who_and_what),
		cmocka_unit_test(a_refused_request_still_has_its_number),
		cmocka_unit_test(a_refusal_never_shows_a_value),
		cmocka_unit_test(what_is_read_leniently_is_written_strictly),
		cmocka_unit_test(an_unread_transaction_passes_octet_for_octet),
		cmocka_unit_test(a_query_without_rows_passes_octet_for_octet),
		cmocka_unit_test(what_is_in_order_passes_octet_for_octet),
		cmocka_unit_test(an_answer_in_order_passes_octet_for_octet),
		cmocka_unit_test(a_gbk_request_is_understood),
		cmocka_unit_test(the_envelope_is_what_the_province_wants),
		cmocka_unit_test(without_a_receiving_system_nothing_is_written),
		cmocka_unit_test(every_row_is_checked),
		cmocka_unit_test(a_settlement_answer_brings_the_amounts),
		cmocka_unit_test(a_refusal_of_ours_is_whole_and_short),
		cmocka_unit_test(the_readme_tells_every_setting),
		cmocka_unit_test(short_memory_is_told_as_such),
	};
	static struct CMUnitTest
	        tests[COUNT(single) + COUNT(refusals) + COUNT(outcomes) + COUNT(hints) + COUNT(wrong_settings)];
	size_t n = COUNT(single);

	memcpy(tests, single, sizeof(single));
	ROWS(refusals, a_request_is_refused_with);
	ROWS(outcomes, an_answer_with);
	ROWS(hints, a_refusal_for);
	ROWS(wrong_settings, a_setting_is_refused_that_is);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
