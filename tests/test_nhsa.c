/* tests/test_nhsa.c - the nhsa plugin through the loader: what it reads, writes, refuses and proves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "format/keys.h"
#include "plugin/loader.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define FACTS YT_SOURCE_DIR "/../shared/formats/nhsa.md"

/* An envelope whose every member is well; what stands behind it is the test's. */
#define HEAD(infno)                                                                                                    \
	"\"infno\":\"" infno "\",\"msgid\":\"H33021399901202503140941300012\",\"mdtrtarea_admvs\":\"330213\","         \
	"\"insuplc_admdvs\":\"330213\",\"recer_sys_code\":\"YBXT\",\"infver\":\"V1.0\",\"opter_type\":\"1\","          \
	"\"opter\":\"S0007\",\"opter_name\":\"收费员七\",\"inf_time\":\"2025-03-14 09:41:30\","                    \
	"\"fixmedins_code\":\"H33021399901\",\"fixmedins_name\":\"示例市第一医院\",\"sign_no\":\"S1\","
#define REQUEST(infno, input) "{" HEAD(infno) "\"input\":" input "}"

#define DATA_2207                                                                                                      \
	"\"psn_no\":\"33020000001000000123\",\"mdtrt_cert_type\":\"02\",\"mdtrt_cert_no\":\"C1\",\"med_type\":\"11\"," \
	"\"medfee_sumamt\":286.40,\"psn_setlway\":\"01\",\"mdtrt_id\":\"M1\",\"chrg_bchno\":\"B1\",\"insutype\":"      \
	"\"310\","                                                                                                     \
	"\"acct_used_flag\":\"1\""
#define DATA_CANCEL "\"setl_id\":\"S1\",\"mdtrt_id\":\"M1\",\"psn_no\":\"P1\""
#define DATA_2201                                                                                                      \
	"\"psn_no\":\"P1\",\"insutype\":\"310\",\"begntime\":\"2025-03-14 09:30:00\",\"mdtrt_cert_type\":\"02\","      \
	"\"mdtrt_cert_no\":\"C1\",\"ipt_otp_no\":\"O1\",\"atddr_no\":\"D1\",\"dr_name\":\"医\",\"dept_code\":\"1\","  \
	"\"dept_name\":\"科\",\"caty\":\"A01\""

#define DSCGINFO                                                                                                       \
	"\"mdtrt_id\":\"M1\",\"psn_no\":\"P1\",\"insutype\":\"310\",\"endtime\":\"2025-03-14 08:00:00\","              \
	"\"dscg_dept_codg\":\"1\",\"dscg_dept_name\":\"n\",\"dscg_way\":\"1\""

struct codec {
	struct yt_plugin *plugin;
	const struct yt_codec_api *api;
	struct yt_arena *arena;
	struct yt_keys *keys;
	struct yt_fault fault;
};

static struct codec open_with(const struct plugin_setting *settings, size_t n, struct yt_keys *keys)
{
	struct codec c = { .keys = keys };
	char why[512];

	if (plugin_load(&c.plugin, YT_PLUGIN_DIR "/nhsa.so", "test", settings, n, keys, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	c.api = plugin_api(c.plugin);
	c.arena = yt_arena_new(0);
	assert_non_null(c.arena);
	return c;
}

static struct codec open_plain(void)
{
	return open_with(NULL, 0, NULL);
}

static void codec_close(struct codec *c)
{
	plugin_unload(c->plugin);
	yt_arena_free(c->arena);
	keys_close(c->keys);
}

static int decode(struct codec *c, const char *octets, struct yt_msg **msg)
{
	*msg = yt_msg_new(c->arena);
	memset(&c->fault, 0, sizeof(c->fault));
	/* Messages borrow from their octets, and the tests reuse their buffers. */
	return c->api->decode_request(c->plugin, yt_arena_copy(c->arena, yt_str(octets)), *msg, &c->fault);
}

static struct yt_msg *must_decode(struct codec *c, const char *octets)
{
	struct yt_msg *msg;

	if (decode(c, octets, &msg) != 0)
		fail_msg("%s %s", c->fault.path, c->fault.why);
	return msg;
}

static struct yt_reply *answer(struct codec *c, const struct yt_msg *msg, int status, const char *octets)
{
	struct yt_reply *reply = yt_reply_new(c->arena);

	assert_int_equal(
	        c->api->decode_reply(c->plugin, msg, status, yt_arena_copy(c->arena, yt_str(octets)), reply), 0);
	return reply;
}

static char *encoded(struct codec *c, const struct yt_msg *msg)
{
	struct yt_buf out = { 0 };
	struct yt_str kept;

	if (c->api->encode_request(c->plugin, msg, &out, &c->fault) != 0)
		fail_msg("%s %s", c->fault.path, c->fault.why);
	kept = yt_arena_copy(c->arena, yt_buf_view(&out));
	yt_buf_free(&out);
	return (char *)kept.p;
}

static char *encoded_reply(struct codec *c, const struct yt_msg *msg, const struct yt_reply *reply)
{
	struct yt_buf out = { 0 };
	struct yt_str kept;

	assert_int_equal(c->api->encode_reply(c->plugin, msg, reply, &out), 0);
	kept = yt_arena_copy(c->arena, yt_buf_view(&out));
	yt_buf_free(&out);
	return (char *)kept.p;
}

static void assert_text(struct yt_str s, const char *want)
{
	if (!yt_str_is(s, want))
		fail_msg("is \"%.*s\", wants \"%s\"", YT_FMT(s), want);
}

static void assert_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no %s in %s", part, text);
}

static void assert_has_not(const char *text, const char *part)
{
	if (strstr(text, part) != NULL)
		fail_msg("%s in %s", part, text);
}

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

/* Signing. */

static const char *vector[4] = { "PAAS1", "1741915815", "6f1c2d3e4a5b4c6d8e9f0a1b2c3d4e5f",
	"922d74cd67dd455917b82f0ff18d2f6d4900548fb94c6760087ab06a9f0c18ab" };
#define VECTOR_MS (INT64_C(1741915815) * 1000)

static struct codec open_signing(const char *prefix, const char *hex)
{
	const struct plugin_setting settings[] = { { "paasid", "PAAS1" }, { "key", "token" }, { "headers", prefix },
		{ "hex", hex } };
	char file[] = "/tmp/yt-nhsa-XXXXXX", why[256];
	struct yt_keys *keys;
	int fd = mkstemp(file);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "ExampleToken0123456789abcdef\n", 29), 29);
	close(fd);
	assert_int_equal(keys_open(&keys, NULL, why, sizeof(why)), 0);
	if (keys_add_secret(keys, "token", file, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	unlink(file);
	return open_with(settings, COUNT(settings), keys);
}

static void fill_headers(struct yt_header headers[4], const char *prefix, char names[4][24])
{
	static const char *const parts[4] = { "-paasid", "-timestamp", "-nonce", "-signature" };

	for (size_t i = 0; i < 4; i++) {
		snprintf(names[i], 24, "%s%s", prefix, parts[i]);
		headers[i].name = yt_str(names[i]);
		headers[i].value = yt_str(vector[i]);
	}
}

static void the_published_signature_is_accepted_once(void **state)
{
	struct codec c = open_signing("x-tif", "lower");
	struct yt_header headers[4];
	char names[4][24];

	fill_headers(headers, "X-Tif", names);
	assert_text(c.api->sender(c.plugin, headers, 4), "PAAS1");
	assert_int_equal(c.api->verify(c.plugin, headers, 4, YT_STR("token"), VECTOR_MS + 179000, &c.fault), 0);
	assert_int_equal(c.api->verify(c.plugin, headers, 4, YT_STR("token"), VECTOR_MS, &c.fault), YT_EDENIED);
	assert_string_equal(c.fault.path, "x-tif-nonce");
	codec_close(&c);
}

static void a_signature_in_upper_case_is_the_same(void **state)
{
	struct codec c = open_signing("x-rio", "lower");
	struct yt_header headers[4];
	char names[4][24];

	fill_headers(headers, "x-rio", names);
	headers[3].value = YT_STR("922D74CD67DD455917B82F0FF18D2F6D4900548FB94C6760087AB06A9F0C18AB");
	assert_int_equal(c.api->verify(c.plugin, headers, 4, YT_STR("token"), VECTOR_MS, &c.fault), 0);
	codec_close(&c);
}

static const struct denial {
	const char *it;
	int header;        /* which of the four is altered */
	const char *value; /* NULL: taken away */
	int64_t clock_ms;
	const char *key;
	const char *path;
} denials[] = {
	{ "no caller", 0, NULL, VECTOR_MS, "token", "x-tif-paasid" },
	{ "no time", 1, NULL, VECTOR_MS, "token", "x-tif-timestamp" },
	{ "no nonce", 2, NULL, VECTOR_MS, "token", "x-tif-nonce" },
	{ "no signature", 3, NULL, VECTOR_MS, "token", "x-tif-signature" },
	{ "a time in words", 1, "now", VECTOR_MS, "token", "x-tif-timestamp" },
	{ "an old time", 1, "1741915815", VECTOR_MS + 181000, "token", "x-tif-timestamp" },
	{ "a time to come", 1, "1741915815", VECTOR_MS - 181000, "token", "x-tif-timestamp" },
	{ "another nonce", 2, "6f1c2d3e4a5b4c6d8e9f0a1b2c3d4e50", VECTOR_MS, "token", "x-tif-signature" },
	{ "a signature one digit off", 3, "922d74cd67dd455917b82f0ff18d2f6d4900548fb94c6760087ab06a9f0c18ac", VECTOR_MS,
	        "token", "x-tif-signature" },
	{ "half a signature", 3, "922d74cd67dd455917b82f0ff18d2f6d", VECTOR_MS, "token", "x-tif-signature" },
	{ "a key we have not", 0, "PAAS1", VECTOR_MS, "other", "x-tif-paasid" },
};

static void a_caller_is_denied_with(void **state)
{
	const struct denial *row = *state;
	struct codec c = open_signing("x-tif", "lower");
	struct yt_header headers[4];
	char names[4][24];

	fill_headers(headers, "x-tif", names);
	headers[row->header].value = yt_str(row->value);
	assert_int_equal(c.api->verify(c.plugin, headers, 4, yt_str(row->key), row->clock_ms, &c.fault), YT_EDENIED);
	assert_string_equal(c.fault.path, row->path);
	codec_close(&c);
}

static void a_header_given_twice_is_denied(void **state)
{
	struct codec c = open_signing("x-tif", "lower");
	struct yt_header headers[5];
	char names[4][24];

	fill_headers(headers, "x-tif", names);
	headers[4] = (struct yt_header){ YT_STR("x-tif-paasid"), YT_STR("PAAS2") };
	assert_int_equal(c.api->sender(c.plugin, headers, 5).n, 0);
	assert_int_equal(c.api->verify(c.plugin, headers, 5, YT_STR("token"), VECTOR_MS, &c.fault), YT_EDENIED);
	codec_close(&c);
}

static void what_we_sign_we_accept(void **state)
{
	struct codec c = open_signing("x-rio", "upper");
	struct yt_header headers[4], again[4];

	assert_int_equal(c.api->sign(c.plugin, c.arena, VECTOR_MS, headers, 4), 4);
	assert_int_equal(c.api->sign(c.plugin, c.arena, VECTOR_MS, again, 4), 4);
	assert_text(headers[0].name, "x-rio-paasid");
	assert_int_equal(headers[2].value.n, 32);
	assert_false(yt_str_eq(headers[2].value, again[2].value));
	for (size_t i = 0; i < 64; i++)
		assert_false(headers[3].value.p[i] >= 'a' && headers[3].value.p[i] <= 'f');
	assert_int_equal(c.api->verify(c.plugin, headers, 4, YT_STR("token"), VECTOR_MS, &c.fault), 0);
	assert_int_equal(c.api->verify(c.plugin, again, 4, YT_STR("token"), VECTOR_MS, &c.fault), 0);
	codec_close(&c);
}

static void without_a_caller_id_nothing_is_signed(void **state)
{
	struct codec c = open_plain();
	struct yt_header headers[4];

	assert_int_equal(c.api->sign(c.plugin, c.arena, VECTOR_MS, headers, 4), 0);
	codec_close(&c);
}

/* Finding out. */

#define ROW(own, visit) "{\"ipt_otp_no\":\"" own "\",\"mdtrt_id\":\"" visit "\"}"
#define REFUND(flag)                                                                                                   \
	"{\"setlinfo\":{\"setl_id\":\"S1\",\"mdtrt_id\":\"M1\",\"psn_no\":\"P1\"," flag "\"medfee_sumamt\":286.40,"    \
	"\"fulamt_ownpay_amt\":12.00,\"overlmt_selfpay\":0.00,\"preselfpay_amt\":14.40,\"inscp_scp_amt\":260.00,"      \
	"\"hifp_pay\":208.00,\"fund_pay_sumamt\":208.00,\"psn_pay\":78.40,\"acct_pay\":50.00,\"cash_payamt\":28.40,"   \
	"\"balc\":1810.42,\"setl_time\":\"2025-03-14 09:41:30\",\"pool_prop_selfpay\":0.8000},\"setldetail\":["        \
	"{\"fund_pay_type\":\"310100\",\"inscp_scp_amt\":260.00,\"crt_payb_lmt_amt\":20000.00,\"fund_payamt\":208.00}" \
	"]}"

#define REFMEDIN                                                                                                       \
	"\"psn_no\":\"P1\",\"diag_code\":\"D\",\"diag_name\":\"n\",\"reflin_medins_no\":\"H1\",\"reflin_medins_"       \
	"name\":\"n\","                                                                                                \
	"\"mdtrtarea_admdvs\":\"310000\",\"refl_type\":\"1\",\"refl_date\":\"2025-03-14\",\"refl_rea\":\"r\",\"refl_"  \
	"opnn\":\"o\""
#define TRANSFER(to, day) "{\"reflin_medins_no\":\"" to "\",\"refl_date\":\"" day "\"}"
#define CHRONIC                                                                                                        \
	"\"psn_no\":\"P1\",\"insutype\":\"310\",\"opsp_dise_code\":\"M01\",\"opsp_dise_name\":\"n\",\"insu_optins\":"  \
	"\"330213\","                                                                                                  \
	"\"ide_fixmedins_no\":\"H1\",\"ide_fixmedins_name\":\"n\",\"hosp_ide_date\":\"2025-03-14\",\"diag_dr_codg\":"  \
	"\"D\","                                                                                                       \
	"\"diag_dr_name\":\"n\",\"begndate\":\"2025-03-14\""
#define CHOSEN                                                                                                         \
	"\"psn_no\":\"P1\",\"biz_appy_type\":\"1\",\"begndate\":\"2025-03-14\",\"fix_srt_no\":\"1\",\"fixmedins_"      \
	"code\":\"H1\","                                                                                               \
	"\"fixmedins_name\":\"n\""
#define PAYMENT                                                                                                        \
	"\"payOrdId\":\"O1\",\"payToken\":\"T1\",\"orgCodg\":\"H1\",\"idNo\":\"I1\",\"userName\":\"n\",\"idType\":"    \
	"\"01\""

static const struct proof {
	const char *it;
	const char *infno, *input; /* the lost transaction */
	const char *query;         /* what must be asked */
	const char *output;        /* what is answered */
	enum yt_judgement want;
} proofs[] = {
	{ "a registration is found by its own number", "2201", "{\"data\":{" DATA_2201 "}}", "5201",
	        "{\"mdtrtinfo\":[" ROW("O0", "M0") "," ROW("O1", "M1") "]}", YT_FOUND },
	{ "a registration is not among the others", "2201", "{\"data\":{" DATA_2201 "}}", "5201",
	        "{\"mdtrtinfo\":[" ROW("O0", "M0") "]}", YT_ABSENT },
	{ "a registration is not in an empty list", "2201", "{\"data\":{" DATA_2201 "}}", "5201", "{\"mdtrtinfo\":[]}",
	        YT_ABSENT },
	{ "no list proves nothing", "2201", "{\"data\":{" DATA_2201 "}}", "5201", "null", YT_UNSURE },
	{ "two registrations prove nothing", "2201", "{\"data\":{" DATA_2201 "}}", "5201",
	        "{\"mdtrtinfo\":[" ROW("O1", "M0") "," ROW("O1", "M1") "]}", YT_UNSURE },
	{ "a row without own number proves nothing", "2201", "{\"data\":{" DATA_2201 "}}", "5201",
	        "{\"mdtrtinfo\":[{\"mdtrt_id\":\"M1\"}]}", YT_UNSURE },
	{ "a discharge shows", "2402", "{\"dscginfo\":{" DSCGINFO "}}", "5201",
	        "{\"mdtrtinfo\":[{\"mdtrt_id\":\"M1\",\"dscg_way\":\"1\"}]}", YT_FOUND },
	{ "a discharge does not show", "2402", "{\"dscginfo\":{" DSCGINFO "}}", "5201",
	        "{\"mdtrtinfo\":[{\"mdtrt_id\":\"M1\",\"dscg_way\":null}]}", YT_ABSENT },
	{ "a centre that shows no discharges proves nothing", "2402", "{\"dscginfo\":{" DSCGINFO "}}", "5201",
	        "{\"mdtrtinfo\":[{\"mdtrt_id\":\"M1\"}]}", YT_UNSURE },
	{ "a stay that ended when we said", "2402", "{\"dscginfo\":{" DSCGINFO "}}", "5201",
	        "{\"mdtrtinfo\":[{\"mdtrt_id\":\"M1\",\"endtime\":\"2025-03-14 08:00:00\"}]}", YT_FOUND },
	{ "a stay that has not ended", "2402", "{\"dscginfo\":{" DSCGINFO "}}", "5201",
	        "{\"mdtrtinfo\":[{\"mdtrt_id\":\"M1\",\"endtime\":\"\"}]}", YT_ABSENT },
	{ "a stay with another end proves nothing", "2402", "{\"dscginfo\":{" DSCGINFO "}}", "5201",
	        "{\"mdtrtinfo\":[{\"mdtrt_id\":\"M1\",\"endtime\":\"2025-03-14 00:00:00\"}]}", YT_UNSURE },
	{ "a stay that has no end any more", "2405", "{\"data\":{\"mdtrt_id\":\"M1\",\"psn_no\":\"P1\"}}", "5201",
	        "{\"mdtrtinfo\":[{\"mdtrt_id\":\"M1\",\"endtime\":\"\"}]}", YT_FOUND },
	{ "a stay that still has its end", "2405", "{\"data\":{\"mdtrt_id\":\"M1\",\"psn_no\":\"P1\"}}", "5201",
	        "{\"mdtrtinfo\":[{\"mdtrt_id\":\"M1\",\"endtime\":\"2025-03-14 08:00:00\"}]}", YT_ABSENT },
	{ "another stay proves nothing", "2402", "{\"dscginfo\":{" DSCGINFO "}}", "5201",
	        "{\"mdtrtinfo\":[{\"mdtrt_id\":\"M2\",\"dscg_way\":\"1\"}]}", YT_UNSURE },
	{ "a discharge's cancel shows", "2405", "{\"data\":{\"mdtrt_id\":\"M1\",\"psn_no\":\"P1\"}}", "5201",
	        "{\"mdtrtinfo\":[{\"mdtrt_id\":\"M1\",\"dscg_way\":\"\",\"dscg_dept_codg\":null}]}", YT_FOUND },
	{ "a discharge's cancel does not show", "2405", "{\"data\":{\"mdtrt_id\":\"M1\",\"psn_no\":\"P1\"}}", "5201",
	        "{\"mdtrtinfo\":[{\"mdtrt_id\":\"M1\",\"dscg_way\":\"1\"}]}", YT_ABSENT },
	{ "a refund took effect", "2208", "{\"data\":{" DATA_CANCEL "}}", "5203", REFUND("\"refd_setl_flag\":\"1\","),
	        YT_FOUND },
	{ "a refund took effect in capitals", "2208", "{\"data\":{" DATA_CANCEL "}}", "5203",
	        REFUND("\"REFD_SETL_FLAG\":1,"), YT_FOUND },
	{ "a stay's refund took effect", "2305", "{\"data\":{" DATA_CANCEL "}}", "5203",
	        REFUND("\"refd_setl_flag\":\"1\","), YT_FOUND },
	{ "a refund took no effect", "2208", "{\"data\":{" DATA_CANCEL "}}", "5203",
	        REFUND("\"refd_setl_flag\":\"0\","), YT_ABSENT },
	{ "no refund flag proves nothing", "2208", "{\"data\":{" DATA_CANCEL "}}", "5203", REFUND(""), YT_UNSURE },
	{ "another settlement proves nothing", "2208", "{\"data\":{" DATA_CANCEL "}}", "5203",
	        "{\"setlinfo\":{\"setl_id\":\"S2\",\"refd_setl_flag\":\"1\"}}", YT_UNSURE },
	{ "a pharmacy's refund took effect", "2103", "{\"data\":{" DATA_CANCEL "}}", "5203",
	        REFUND("\"refd_setl_flag\":\"1\","), YT_FOUND },
	{ "a transfer is filed", "2501", "{\"refmedin\":{" REFMEDIN "}}", "5304",
	        "{\"refmedin\":[" TRANSFER("H2", "2025-03-14") "," TRANSFER("H1", "2025-03-14") "]}", YT_FOUND },
	{ "a transfer of another day proves nothing", "2501", "{\"refmedin\":{" REFMEDIN "}}", "5304",
	        "{\"refmedin\":[" TRANSFER("H1", "2025-03-13") "]}", YT_UNSURE },
	{ "a transfer is not among the others", "2501A", "{\"refmedin\":{" REFMEDIN ",\"refl_old_mdtrt_id\":\"M0\"}}",
	        "5304", "{\"refmedin\":[" TRANSFER("H2", "2025-03-14") "]}", YT_ABSENT },
	{ "a transfer to nobody proves nothing", "2501", "{\"refmedin\":{" REFMEDIN "}}", "5304",
	        "{\"refmedin\":[{\"refl_date\":\"2025-03-14\"}]}", YT_UNSURE },
	{ "a chronic disease is filed", "2503", "{\"data\":{" CHRONIC "}}", "5301",
	        "{\"feedetail\":[{\"opsp_dise_code\":\"M01\",\"begndate\":\"2025-03-14 00:00:00\"}]}", YT_FOUND },
	{ "a chronic disease is not filed", "2503", "{\"data\":{" CHRONIC "}}", "5301", "{\"feedetail\":[]}",
	        YT_ABSENT },
	{ "no filings at all prove nothing", "2503", "{\"data\":{" CHRONIC "}}", "5301", "{}", YT_UNSURE },
	{ "a chosen institution is filed", "2505", "{\"data\":{" CHOSEN "}}", "5302",
	        "{\"psnfixmedin\":[{\"fixmedins_code\":\"H1\",\"fix_srt_no\":\"1\",\"begndate\":\"2025-03-14\"}]}",
	        YT_FOUND },
	{ "a choice in another place proves nothing", "2505", "{\"data\":{" CHOSEN "}}", "5302",
	        "{\"psnfixmedin\":[{\"fixmedins_code\":\"H1\",\"fix_srt_no\":\"2\",\"begndate\":\"2025-03-14\"}]}",
	        YT_UNSURE },
	{ "a payment was revoked", "6401", "{\"data\":{" PAYMENT "}}", "6301",
	        "{\"data\":{\"payOrdId\":\"O1\",\"ordStas\":\"13\"}}", YT_FOUND },
	{ "a payment still stands", "6401", "{\"data\":{" PAYMENT "}}", "6301",
	        "{\"data\":{\"payOrdId\":\"O1\",\"ordStas\":\"6\"}}", YT_ABSENT },
	{ "a payment under way proves nothing", "6401", "{\"data\":{" PAYMENT "}}", "6301",
	        "{\"data\":{\"payOrdId\":\"O1\",\"ordStas\":\"2\"}}", YT_UNSURE },
	{ "a failed payment proves nothing", "6401", "{\"data\":{" PAYMENT "}}", "6301",
	        "{\"data\":{\"payOrdId\":\"O1\",\"ordStas\":\"14\"}}", YT_UNSURE },
};

static void it_is_proved_that(void **state)
{
	const struct proof *row = *state;
	struct codec c = open_plain();
	struct yt_msg *query = yt_msg_new(c.arena), *original;
	struct yt_reply *adopted = yt_reply_new(c.arena), *reply;
	char octets[4096];

	snprintf(octets, sizeof(octets), "{" HEAD("%s") "\"input\":%s}", row->infno, row->input);
	original = must_decode(&c, octets);
	assert_int_equal(c.api->query_for(c.plugin, original, query), 0);
	assert_text(query->wire_op, row->query);
	snprintf(octets, sizeof(octets), "{\"infcode\":0,\"output\":%s}", row->output);
	reply = answer(&c, query, 200, octets);
	if (strcmp(row->infno, "2208") == 0 && reply->outcome == YT_UNKNOWN)
		fail_msg("answer is unreadable");
	assert_int_equal(c.api->judge(c.plugin, original, reply, adopted), row->want);
	if (row->want == YT_FOUND) {
		assert_int_equal(adopted->outcome, YT_DONE);
		assert_has(encoded_reply(&c, original, adopted), "\"infcode\":0");
	}
	codec_close(&c);
}

static void a_refused_query_proves_nothing(void **state)
{
	struct codec c = open_plain();
	struct yt_msg *original = must_decode(&c, REQUEST("2208", "{\"data\":{" DATA_CANCEL "}}")),
	              *query = yt_msg_new(c.arena);
	struct yt_reply *adopted = yt_reply_new(c.arena);

	assert_int_equal(c.api->query_for(c.plugin, original, query), 0);
	assert_int_equal(c.api->judge(c.plugin, original,
	                         answer(&c, query, 200,
	                                 "{\"infcode\":-1,\"err_msg\":\"不存在\",\"output\":" REFUND(
	                                         "\"refd_setl_flag\":\"1\",") "}"),
	                         adopted),
	        YT_UNSURE);
	codec_close(&c);
}

static void an_adopted_cancel_has_the_opposite_sign(void **state)
{
	struct codec c = open_plain();
	struct yt_msg *original = must_decode(&c, REQUEST("2208", "{\"data\":{" DATA_CANCEL "}}")),
	              *query = yt_msg_new(c.arena);
	struct yt_reply *adopted = yt_reply_new(c.arena);
	char why[256];
	const char *out;

	assert_int_equal(c.api->query_for(c.plugin, original, query), 0);
	assert_int_equal(
	        c.api->judge(c.plugin, original,
	                answer(&c, query, 200, "{\"infcode\":0,\"output\":" REFUND("\"refd_setl_flag\":\"1\",") "}"),
	                adopted),
	        YT_FOUND);
	out = encoded_reply(&c, original, adopted);
	assert_has(out, "\"medfee_sumamt\":-286.40");
	assert_has(out, "\"pdn_cash_pay\":-28.40");
	assert_has(out, "\"psn_part_amt\":-78.40");
	assert_has(out, "\"fund_payamt\":-208.00");
	assert_has(out, "\"balc\":1810.42");
	assert_has(out, "\"setl_id\":\"\""); /* the refund's own number is not known, and not invented */
	assert_has(out, "\"medins_setl_id\":\"H33021399901202503140941300012\"");
	assert_int_equal(adopted->amount_fen, -28640);
	assert_int_equal(adopted->cash_fen, -2840);
	if (yt_money_check(original->op->reply_money, adopted->body, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	codec_close(&c);
}

static void an_adopted_cancel_has_the_refunds_number_where_the_centre_tells_it(void **state)
{
	struct codec c = open_plain();
	struct yt_msg *original = must_decode(&c, REQUEST("2305", "{\"data\":{" DATA_CANCEL "}}")),
	              *query = yt_msg_new(c.arena);
	struct yt_reply *adopted = yt_reply_new(c.arena);
	const char *out;

	assert_int_equal(c.api->query_for(c.plugin, original, query), 0);
	assert_int_equal(c.api->judge(c.plugin, original,
	                         answer(&c, query, 200,
	                                 "{\"infcode\":0,\"output\":" REFUND(
	                                         "\"refd_setl_flag\":\"1\",\"refd_setl_id\":\"S77\",") "}"),
	                         adopted),
	        YT_FOUND);
	out = encoded_reply(&c, original, adopted);
	assert_text(adopted->settlement, "S77");
	assert_has(out, "\"setl_id\":\"S77\"");
	assert_has(out, "\"psn_cash_pay\":-28.40");
	assert_has_not(out, "warn_msg");
	codec_close(&c);
}

/* The serial of a filing was in the answer that got lost, and no query tells it: none is invented. */
static void an_adopted_filing_has_no_number(void **state)
{
	struct codec c = open_plain();
	struct yt_msg *original = must_decode(&c, REQUEST("2503", "{\"data\":{" CHRONIC "}}")),
	              *query = yt_msg_new(c.arena);
	struct yt_reply *adopted = yt_reply_new(c.arena);
	const char *out;

	assert_int_equal(c.api->query_for(c.plugin, original, query), 0);
	assert_int_equal(c.api->judge(c.plugin, original,
	                         answer(&c, query, 200,
	                                 "{\"infcode\":0,\"output\":{\"feedetail\":[{\"opsp_dise_code\":\"M01\","
	                                 "\"begndate\":\"2025-03-14\"}]}}"),
	                         adopted),
	        YT_FOUND);
	out = encoded_reply(&c, original, adopted);
	assert_has(out, "\"trt_dcla_detl_sn\":\"\"");
	assert_has(out, "\"warn_msg\":\"备案已生效");
	codec_close(&c);
}

static void a_pharmacys_adopted_cancel_has_its_own_names(void **state)
{
	struct codec c = open_plain();
	struct yt_msg *original = must_decode(&c, REQUEST("2103", "{\"data\":{" DATA_CANCEL "}}")),
	              *query = yt_msg_new(c.arena);
	struct yt_reply *adopted = yt_reply_new(c.arena);
	char why[256];
	const char *out;

	assert_int_equal(c.api->query_for(c.plugin, original, query), 0);
	assert_int_equal(
	        c.api->judge(c.plugin, original,
	                answer(&c, query, 200, "{\"infcode\":0,\"output\":" REFUND("\"refd_setl_flag\":\"1\",") "}"),
	                adopted),
	        YT_FOUND);
	out = encoded_reply(&c, original, adopted);
	assert_has(out, "\"psn_pay\":-78.40");
	assert_has(out, "\"cash_payamt\":-28.40");
	assert_has_not(out, "psn_part_amt");
	assert_has_not(out, "hosp_part_amt");
	if (yt_money_check(original->op->reply_money, adopted->body, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	codec_close(&c);
}

#define DRUGINFO                                                                                                       \
	"\"druginfo\":{\"psn_no\":\"P1\",\"mdtrt_cert_type\":\"01\",\"mdtrt_cert_no\":\"EC-TOKEN-1\",\"begntime\":"    \
	"\"2025-03-14 "                                                                                                \
	"09:30:00\",\"medfee_sumamt\":28.4,\"insutype\":\"310\",\"acct_used_flag\":\"1\",\"med_type\":\"41\"}"
#define DRUG(sum)                                                                                                      \
	"\"drugdetail\":[{\"feedetl_sn\":\"F1\",\"rx_circ_flag\":\"0\",\"fee_ocur_time\":\"2025-03-14 09:30:00\","     \
	"\"med_list_codg\":\"X\",\"medins_list_codg\":\"Y\",\"det_item_fee_sumamt\":" sum ",\"cnt\":2,\"pric\":14.2}]"

static void a_pharmacys_settlement_is_one(void **state)
{
	struct codec c = open_plain();
	struct yt_msg *msg = must_decode(&c, REQUEST("2102", "{" DRUGINFO "," DRUG("28.4") "}")),
	              *undo = yt_msg_new(c.arena);
	char why[256];

	assert_true(msg->op->is_settlement);
	assert_text(msg->person, "P1");
	assert_text(msg->own_visit, "F1");
	assert_int_equal(msg->amount_fen, 2840);
	assert_int_equal(yt_money_check(msg->op->request_money, msg->body, why, sizeof(why)), 0);
	assert_int_equal(c.api->reversal_of(c.plugin, msg, undo), 0);
	assert_text(undo->original_wire_op, "2102");
	assert_int_equal(
	        answer(&c, msg, 200, "{\"infcode\":0,\"output\":{\"setlinfo\":{\"mdtrt_id\":\"M1\"}}}")->outcome,
	        YT_UNKNOWN);
	msg = must_decode(&c, REQUEST("2102", "{" DRUGINFO "," DRUG("28.5") "}"));
	assert_int_equal(yt_money_check(msg->op->request_money, msg->body, why, sizeof(why)), YT_EFORMAT);
	assert_has(why, "drugdetail[0].det_item_fee_sumamt");
	codec_close(&c);
}

/* The letter is no part of the number that 2601 knows. */
static void a_variant_is_reversed_by_the_plain_number(void **state)
{
	struct codec c = open_plain();
	struct yt_msg *msg = must_decode(&c, REQUEST("2207A", "{\"data\":{" DATA_2207 "}}")),
	              *undo = yt_msg_new(c.arena);

	assert_int_equal(msg->op->id, YT_OP_OUTPATIENT_SETTLE);
	assert_text(msg->wire_op, "2207A");
	assert_int_equal(c.api->reversal_of(c.plugin, msg, undo), 0);
	assert_text(yt_node_text(yt_node_get(undo->body, "data"), "oinfno"), "2207");
	codec_close(&c);
}

static void a_downloaded_file_passes_octet_for_octet(void **state)
{
	struct codec c = open_plain();
	struct yt_msg *msg =
	        must_decode(&c, REQUEST("9102", "{\"fsDownloadIn\":{\"file_qury_no\":\"1\",\"filename\":\"f\","
	                                        "\"fixmedins_code\":\"plc\"}}"));
	static const char zip[] = "PK\3\4\0\0{}\xFF";
	struct yt_reply *reply = yt_reply_new(c.arena);
	struct yt_buf out = { 0 };

	assert_int_equal(c.api->decode_reply(c.plugin, msg, 200, (struct yt_str){ zip, sizeof(zip) - 1 }, reply), 0);
	assert_int_equal(reply->outcome, YT_DONE);
	assert_int_equal(c.api->encode_reply(c.plugin, msg, reply, &out), 0);
	assert_int_equal(out.n, sizeof(zip) - 1);
	assert_memory_equal(out.p, zip, out.n);
	yt_buf_free(&out);
	assert_int_equal(
	        answer(&c, msg, 200, " {\"infcode\":-1,\"err_msg\":\"文件查询号不存在\"}")->outcome, YT_REFUSED);
	assert_int_equal(answer(&c, msg, 404, "not here")->outcome, YT_UNKNOWN);
	codec_close(&c);
}

/* Sent again and refused since it is there: to the origin that is success. */
static void what_had_been_done_reads_as_success(void **state)
{
	struct codec c = open_plain();
	struct yt_msg *msg =
	        must_decode(&c, REQUEST("2601", "{\"data\":{\"psn_no\":\"P\",\"omsgid\":\"M\",\"oinfno\":\"2207\"}}"));
	struct yt_reply *reply =
	        answer(&c, msg, 200, "{\"infcode\":-1,\"err_msg\":\"原交易不存在或已冲正\",\"warn_msg\":\"\"}");
	const char *out;

	reply->outcome = YT_DONE; /* the engine's decision */
	out = encoded_reply(&c, msg, reply);
	assert_has(out, "\"infcode\":0,");
	assert_has(out, "\"err_msg\":\"\"");
	assert_has(out, "\"warn_msg\":\"原交易不存在或已冲正\"");
	assert_has_not(out, "\"warn_msg\":\"\"");
	codec_close(&c);
}

static void what_has_no_query_says_so(void **state)
{
	struct codec c = open_plain();
	struct yt_msg *original = must_decode(&c, REQUEST("2207", "{\"data\":{" DATA_2207 "}}"));

	assert_int_equal(c.api->query_for(c.plugin, original, yt_msg_new(c.arena)), YT_ENOTFOUND);
	codec_close(&c);
}

/* Messages of ours must pass the same check as anybody's. */
static void finish(struct yt_msg *msg)
{
	msg->number = YT_STR("H33021399901202503140944319001");
	msg->time = YT_STR("2025-03-14 09:44:31");
	if (msg->operator_id.n == 0)
		msg->operator_id = YT_STR("YT9001");
	if (msg->treatment_area.n == 0)
		msg->treatment_area = YT_STR("330213");
}

static void our_own_messages_are_whole(void **state)
{
	static const struct plugin_setting settings[] = { { "recer_sys_code", "YBXT" } };
	struct codec c = open_with(settings, 1, NULL);
	struct yt_msg *original = must_decode(&c, REQUEST("2207", "{\"data\":{" DATA_2207 "}}")),
	              *msg = yt_msg_new(c.arena), *read;

	assert_int_equal(c.api->reversal_of(c.plugin, original, msg), 0);
	finish(msg);
	read = must_decode(&c, encoded(&c, msg));
	assert_int_equal(read->op->id, YT_OP_REVERSE);
	assert_text(read->original_number, "H33021399901202503140941300012");
	assert_text(read->original_wire_op, "2207");
	assert_text(read->person, "33020000001000000123");
	assert_text(read->insured_area, "330213");
	assert_text(read->institution_name, "示例市第一医院");

	msg = yt_msg_new(c.arena);
	assert_int_equal(c.api->sign_in_for(c.plugin, YT_STR("H33021399901"), YT_STR("YT9001"), msg), 0);
	finish(msg);
	read = must_decode(&c, encoded(&c, msg));
	assert_int_equal(read->op->id, YT_OP_SIGN_IN);
	assert_text(yt_node_text(yt_node_get(read->body, "signIn"), "opter_no"), "YT9001");

	original = must_decode(&c, REQUEST("2201", "{\"data\":{" DATA_2201 "}}"));
	msg = yt_msg_new(c.arena);
	assert_int_equal(c.api->query_for(c.plugin, original, msg), 0);
	finish(msg);
	read = must_decode(&c, encoded(&c, msg));
	assert_text(yt_node_text(yt_node_get(read->body, "data"), "begntime"), "2025-03-14 00:00:00");
	assert_text(yt_node_text(yt_node_get(read->body, "data"), "endtime"), "2025-03-14 23:59:59");
	codec_close(&c);
}

static void what_2601_does_not_take_is_not_reversed(void **state)
{
	struct codec c = open_plain();
	struct yt_msg *original = must_decode(&c, REQUEST("2201", "{\"data\":{" DATA_2201 "}}"));

	assert_int_equal(c.api->reversal_of(c.plugin, original, yt_msg_new(c.arena)), YT_ENOTFOUND);
	codec_close(&c);
}

/* How each transaction resolves is policy: a change must be meant (plugins/nhsa/README.md gives reasons). */
static void settlements_are_never_sent_again(void **state)
{
	struct codec c = open_plain();
	size_t n_settlements = 0;

	for (const struct yt_wire_op *op = c.api->ops; op->wire != NULL; op++) {
		const struct yt_op *row = yt_op(op->op);

		if (row->is_settlement) {
			assert_true(op->resolve == YT_RESOLVE_REVERSE || op->resolve == YT_RESOLVE_QUERY_REVERSE);
			n_settlements++;
		}
		if (!row->changes_state)
			assert_int_equal(op->resolve, YT_RESOLVE_NONE);
		else
			assert_int_not_equal(op->resolve, YT_RESOLVE_NONE);
	}
	assert_int_equal(n_settlements, 8);
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

#define ROWS(table, function)                                                                                          \
	for (size_t i = 0; i < COUNT(table); i++)                                                                      \
		tests[n++] = (struct CMUnitTest)                                                                       \
		{                                                                                                      \
			.name = table[i].it, .test_func = function, .initial_state = (void *)&table[i]                 \
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
		cmocka_unit_test(what_is_in_order_passes_octet_for_octet),
		cmocka_unit_test(an_answer_in_order_passes_octet_for_octet),
		cmocka_unit_test(a_gbk_request_is_understood),
		cmocka_unit_test(the_envelope_is_what_the_province_wants),
		cmocka_unit_test(without_a_receiving_system_nothing_is_written),
		cmocka_unit_test(every_row_is_checked),
		cmocka_unit_test(a_settlement_answer_brings_the_amounts),
		cmocka_unit_test(a_refusal_of_ours_is_whole_and_short),
		cmocka_unit_test(the_published_signature_is_accepted_once),
		cmocka_unit_test(a_signature_in_upper_case_is_the_same),
		cmocka_unit_test(a_header_given_twice_is_denied),
		cmocka_unit_test(what_we_sign_we_accept),
		cmocka_unit_test(without_a_caller_id_nothing_is_signed),
		cmocka_unit_test(a_refused_query_proves_nothing),
		cmocka_unit_test(an_adopted_cancel_has_the_opposite_sign),
		cmocka_unit_test(an_adopted_cancel_has_the_refunds_number_where_the_centre_tells_it),
		cmocka_unit_test(an_adopted_filing_has_no_number),
		cmocka_unit_test(a_pharmacys_adopted_cancel_has_its_own_names),
		cmocka_unit_test(a_pharmacys_settlement_is_one),
		cmocka_unit_test(a_variant_is_reversed_by_the_plain_number),
		cmocka_unit_test(a_downloaded_file_passes_octet_for_octet),
		cmocka_unit_test(what_had_been_done_reads_as_success),
		cmocka_unit_test(what_has_no_query_says_so),
		cmocka_unit_test(our_own_messages_are_whole),
		cmocka_unit_test(what_2601_does_not_take_is_not_reversed),
		cmocka_unit_test(settlements_are_never_sent_again),
		cmocka_unit_test(the_readme_tells_every_setting),
		cmocka_unit_test(short_memory_is_told_as_such),
	};
	static struct CMUnitTest tests[COUNT(single) + COUNT(refusals) + COUNT(outcomes) + COUNT(hints) +
	                               COUNT(denials) + COUNT(proofs) + COUNT(wrong_settings)];
	size_t n = COUNT(single);

	memcpy(tests, single, sizeof(single));
	ROWS(refusals, a_request_is_refused_with);
	ROWS(outcomes, an_answer_with);
	ROWS(hints, a_refusal_for);
	ROWS(denials, a_caller_is_denied_with);
	ROWS(proofs, it_is_proved_that);
	ROWS(wrong_settings, a_setting_is_refused_that_is);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
