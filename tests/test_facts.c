/* tests/test_facts.c - what earlier messages of a visit leave behind, and the message made of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/facts.h"
#include "yitong/json.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct yt_node *json(struct yt_arena *arena, const char *text)
{
	struct yt_node *node = NULL;

	if (text != NULL)
		assert_int_equal(yt_json_read(arena, yt_str(text), NULL, &node, NULL), 0);
	return node;
}

static void assert_json(const struct yt_node *node, const char *want)
{
	struct yt_buf buf = { 0 };

	if (node != NULL)
		yt_json_write(node, &buf);
	yt_buf_byte(&buf, 0);
	assert_false(buf.failed);
	assert_string_equal(node == NULL ? "nothing" : (char *)buf.p, want);
	yt_buf_free(&buf);
}

/* -- pieces -- */

static const struct piece {
	const char *it;
	enum yt_operation op;
	const char *batch, *body, *reply, *want;
} pieces[] = {
	{ "a person check leaves who he is", YT_OP_PERSON_CHECK, "", "{\"data\":{\"mdtrt_cert_no\":\"secret\"}}",
	        "{\"baseinfo\":{\"psn_no\":\"1\",\"certno\":\"2\",\"psn_name\":\"\\u738b\",\"age\":3},\"insuinfo\":[{\"insutype\":"
	        "\"310\",\"balc\":1},{\"insutype\":\"390\"}]}",
	        "{\"op\":\"person.check\",\"set\":{\"psn_no\":\"1\",\"certno\":\"2\",\"psn_name\":\"王\",\"insutype\":\"310\"}}" },
	{ "an admission leaves its number and when", YT_OP_INPATIENT_ADMIT, "",
	        "{\"mdtrtinfo\":{\"ipt_no\":\"Z1\",\"begntime\":\"2026-03-06 10:00:00\",\"mdtrt_cert_no\":\"secret\",\"tel\":\"1\"}}",
	        "{\"result\":{\"mdtrt_id\":\"M1\"}}",
	        "{\"op\":\"inpatient.admit\",\"set\":{\"begntime\":\"2026-03-06 10:00:00\",\"ipt_no\":\"Z1\",\"mdtrt_id\":\"M1\"}}" },
	{ "fee lines with their split, by number", YT_OP_INPATIENT_FEES, "",
	        "{\"feedetail\":[{\"feedetl_sn\":\"1\",\"cnt\":2,\"exp_content\":\"x\"},{\"feedetl_sn\":\"2\",\"cnt\":1}]}",
	        "{\"result\":[{\"feedetl_sn\":\"2\",\"inscp_scp_amt\":5},{\"feedetl_sn\":\"1\",\"inscp_scp_amt\":7}]}",
	        "{\"op\":\"inpatient.fees\",\"set\":{},\"lines\":[{\"feedetl_sn\":\"1\",\"cnt\":2,\"inscp_scp_amt\":7},{\"feedetl_"
	        "sn\":\"2\",\"cnt\":1,\"inscp_scp_amt\":5}]}" },
	{ "and by place where the answer leaves numbers out", YT_OP_INPATIENT_FEES, "",
	        "{\"feedetail\":[{\"feedetl_sn\":\"1\"},{\"feedetl_sn\":\"2\"}]}",
	        "{\"result\":[{\"inscp_scp_amt\":5},{\"inscp_scp_amt\":7}]}",
	        "{\"op\":\"inpatient.fees\",\"set\":{},\"lines\":[{\"feedetl_sn\":\"1\",\"inscp_scp_amt\":5},{\"feedetl_sn\":\"2\","
	        "\"inscp_scp_amt\":7}]}" },
	{ "a line with no row in the answer has no split", YT_OP_OUTPATIENT_FEES, "B1",
	        "{\"feedetail\":[{\"feedetl_sn\":\"1\"}]}", "{\"result\":[{\"feedetl_sn\":\"9\",\"inscp_scp_amt\":5}]}",
	        "{\"op\":\"outpatient.fees\",\"batch\":\"B1\",\"set\":{},\"lines\":[{\"feedetl_sn\":\"1\"}]}" },
	{ "cancelled lines", YT_OP_INPATIENT_FEES_CANCEL, "",
	        "{\"data\":[{\"feedetl_sn\":\"1\"},{\"feedetl_sn\":\"2\"}]}", NULL,
	        "{\"op\":\"inpatient.fees.cancel\",\"set\":{},\"gone\":[\"1\",\"2\"]}" },
	{ "all lines of a batch", YT_OP_OUTPATIENT_FEES_CANCEL, "B1", "{\"data\":{\"mdtrt_id\":\"M1\"}}", NULL,
	        "{\"op\":\"outpatient.fees.cancel\",\"batch\":\"B1\",\"set\":{},\"gone\":[\"0000\"]}" },
	{ "all lines of a visit are of every batch", YT_OP_OUTPATIENT_FEES_CANCEL, "0000",
	        "{\"data\":{\"mdtrt_id\":\"M1\"}}", NULL,
	        "{\"op\":\"outpatient.fees.cancel\",\"set\":{},\"gone\":[\"0000\"]}" },
	{ "a settlement that is told brings all of its visit", YT_OP_SETTLE_NOTICE, "",
	        "{\"setlinfo\":{\"setl_id\":\"S1\",\"begntime\":\"2026-11-14 08:30:00\",\"medfee_sumamt\":\"9.00\",\"mob\":\"1\"},"
	        "\"diseinfo\":[{\"diag_code\":\"K80\",\"diag_name\":\"a\",\"maindiag_flag\":\"1\",\"other\":\"1\"}],"
	        "\"feedetail\":[{\"feedetl_sn\":\"1\",\"cnt\":\"1\",\"preselfpay_amt\":\"2.00\"}]}",
	        NULL,
	        "{\"op\":\"settle.notice\",\"set\":{\"setl_id\":\"S1\",\"medfee_sumamt\":\"9.00\",\"begntime\":\"2026-11-14 "
	        "08:30:00\"},\"lines\":[{\"feedetl_sn\":\"1\",\"cnt\":\"1\",\"preselfpay_amt\":\"2.00\"}],\"parts\":{\"diseinfo\":[{"
	        "\"diag_code\":\"K80\",\"diag_name\":\"a\",\"maindiag_flag\":\"1\"}]}}" },
	{ "what nobody needs leaves nothing", YT_OP_SIGN_IN, "", "{\"signIn\":{\"opter_no\":\"1\"}}", "{}", "nothing" },
};

static void test_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(pieces); i++) {
		struct yt_arena *arena = yt_arena_new(0);
		struct yt_msg *msg = yt_msg_new(arena);
		struct yt_reply *reply = yt_reply_new(arena);

		print_message("%s\n", pieces[i].it);
		msg->op = yt_op(pieces[i].op);
		msg->batch = yt_str(pieces[i].batch);
		msg->body = json(arena, pieces[i].body);
		reply->body = json(arena, pieces[i].reply);
		assert_json(facts_piece(arena, msg, pieces[i].reply == NULL ? NULL : reply), pieces[i].want);
		yt_arena_free(arena);
	}
}

/* -- pieces over each other -- */

static const struct gathering {
	const char *it;
	const char *batch, *settlement;
	const char *set, *lines;
} gatherings[] = {
	{ "one batch", "B1", "", "{\"psn_no\":\"1\",\"ykc700\":\"S1\",\"setl_id\":\"A1\"}",
	        "[{\"feedetl_sn\":\"2\",\"cnt\":5,\"pric\":1},{\"feedetl_sn\":\"3\"}]" },
	{ "another", "B2", "", "{\"psn_no\":\"1\",\"ykc700\":\"S2\"}", "[{\"feedetl_sn\":\"7\"}]" },
	{ "the one of a settlement", "", "A1", "{\"psn_no\":\"1\",\"ykc700\":\"S1\",\"setl_id\":\"A1\"}",
	        "[{\"feedetl_sn\":\"2\",\"cnt\":5,\"pric\":1},{\"feedetl_sn\":\"3\"}]" },
	{ "no batch is all", "", "", "{\"psn_no\":\"1\",\"ykc700\":\"S2\",\"setl_id\":\"A1\"}",
	        "[{\"feedetl_sn\":\"2\",\"cnt\":5,\"pric\":1},{\"feedetl_sn\":\"3\"},{\"feedetl_sn\":\"7\"}]" },
};

static void read_pieces(struct facts *facts)
{
	static const char *const kept[] = {
		"{\"op\":\"person.check\",\"set\":{\"psn_no\":\"1\"}}",
		"{\"op\":\"a\",\"batch\":\"B1\",\"set\":{\"ykc700\":\"S1\"},\"lines\":[{\"feedetl_sn\":\"1\"},{\"feedetl_sn\":\"2\","
		"\"cnt\":4,\"pric\":1}]}",
		"{\"op\":\"b\",\"batch\":\"B2\",\"set\":{\"ykc700\":\"S2\"},\"lines\":[{\"feedetl_sn\":\"7\"}]}",
		"{\"op\":\"c\",\"batch\":\"B1\",\"set\":{},\"gone\":[\"1\"]}",
		"{\"op\":\"d\",\"batch\":\"B1\",\"set\":{},\"lines\":[{\"feedetl_sn\":\"3\"}]}",
		"{\"op\":\"e\",\"batch\":\"B1\",\"set\":{\"setl_id\":\"A1\"},\"lines\":[{\"feedetl_sn\":\"2\",\"cnt\":5}]}",
	};

	for (size_t i = 0; i < COUNT(kept); i++)
		assert_int_equal(facts_read(facts, yt_str(kept[i])), 0);
}

static void test_gather(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(gatherings); i++) {
		struct yt_arena *arena = yt_arena_new(0);
		struct yt_msg *msg = yt_msg_new(arena);
		struct facts facts;

		print_message("%s\n", gatherings[i].it);
		facts_begin(&facts, arena);
		read_pieces(&facts);
		msg->batch = yt_str(gatherings[i].batch);
		msg->settlement = yt_str(gatherings[i].settlement);
		assert_int_equal(facts_gather(&facts, msg), 0);
		assert_json(facts.set, gatherings[i].set);
		/* lines of different batches stand in the order in which they came */
		assert_int_equal(facts.lines->n, strlen(gatherings[i].lines) > 60 ? 3 : facts.lines->n);
		if (facts.lines->n < 3)
			assert_json(facts.lines, gatherings[i].lines);
		yt_arena_free(arena);
	}
}

static void test_hostile_pieces(void **state)
{
	static const char *const bad[] = { "[1]", "1", "{", "{\"a\":[[[[[[[1]]]]]]]}" };
	static const char *const odd[] = { "{\"set\":1}", "{\"lines\":{}}", "{\"lines\":[1]}", "{\"gone\":{\"a\":1}}",
		"{\"set\":{\"a\":{\"b\":1}}}", "{\"lines\":[{\"feedetl_sn\":\"\"}]}", "{\"set\":null,\"batch\":5}" };
	struct yt_arena *arena = yt_arena_new(0);
	struct yt_msg *msg = yt_msg_new(arena);
	struct facts facts;

	(void)state;
	facts_begin(&facts, arena);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_not_equal(facts_read(&facts, yt_str(bad[i])), 0);
	for (size_t i = 0; i < COUNT(odd); i++)
		assert_int_equal(facts_read(&facts, yt_str(odd[i])), 0);
	assert_int_equal(facts_gather(&facts, msg), 0);
	assert_non_null(facts_compose(&facts, msg, yt_op(YT_OP_INPATIENT_SETTLE)));
	yt_arena_free(arena);
}

/* -- composed -- */

static void test_compose(void **state)
{
	struct yt_arena *arena = yt_arena_new(0);
	struct yt_msg *msg = yt_msg_new(arena), *out;
	struct facts facts;

	(void)state;
	facts_begin(&facts, arena);
	read_pieces(&facts);
	msg->op = yt_op(YT_OP_OUTPATIENT_FEES);
	msg->wire_op = YT_STR("2204");
	msg->number = YT_STR("N");
	msg->batch = YT_STR("B1");
	msg->body = json(arena, "{\"feedetail\":[{\"feedetl_sn\":\"8\"}]}");
	assert_int_equal(facts_gather(&facts, msg), 0);
	out = facts_compose(&facts, msg, yt_op(YT_OP_OUTPATIENT_REGISTER));
	assert_non_null(out);
	assert_int_equal(out->op->id, YT_OP_OUTPATIENT_REGISTER);
	assert_int_equal(out->wire_op.n, 0);
	assert_true(yt_str_is(out->number, "N"));
	assert_ptr_equal(out->body, msg->body);
	assert_json(out->facts,
	        "{\"psn_no\":\"1\",\"ykc700\":\"S1\",\"setl_id\":\"A1\",\"feedetail\":[{\"feedetl_sn\":\"2\","
	        "\"cnt\":5,\"pric\":1},{\"feedetl_sn\":\"3\"}]}");
	out = facts_compose(&facts, msg, msg->op);
	assert_true(yt_str_is(out->wire_op, "2204"));
	yt_arena_free(arena);
}

/* -- keys -- */

static void test_keys(void **state)
{
	static const uint8_t nobody[16] = { 0 }, person[16] = { 0xab, 1 };
	char keys[FACTS_KEYS_MAX][FACTS_KEY_MAX];
	struct yt_arena *arena = yt_arena_new(0);
	struct yt_msg *msg = yt_msg_new(arena);
	struct yt_reply *reply = yt_reply_new(arena);

	(void)state;
	msg->institution = YT_STR("H1");
	assert_int_equal(facts_keys(msg, NULL, nobody, keys), 0);
	msg->own_visit = YT_STR("Z1");
	assert_int_equal(facts_keys(msg, NULL, person, keys), 2);
	assert_string_equal(keys[0], "o/H1/Z1");
	assert_string_equal(keys[1], "p/ab010000000000000000000000000000");
	reply->visit = YT_STR("M1");
	assert_int_equal(facts_keys(msg, reply, nobody, keys), 1);
	assert_string_equal(keys[0], "v/H1/M1");
	msg->visit = YT_STR("M2");
	assert_int_equal(facts_keys(msg, reply, nobody, keys), 1);
	assert_string_equal(keys[0], "v/H1/M2");
	yt_arena_free(arena);
}

/* A stay of many lines costs a step a line: counted by the arena, not timed. */
static void test_many_lines(void **state)
{
	struct yt_arena *arena = yt_arena_new(0);
	struct yt_msg *msg = yt_msg_new(arena);
	struct yt_buf piece = { 0 };
	struct facts facts;

	(void)state;
	facts_begin(&facts, arena);
	yt_buf_text(&piece, "{\"op\":\"x\",\"set\":{},\"lines\":[");
	for (int i = 0; i < 5000; i++)
		yt_buf_printf(&piece, "%s{\"feedetl_sn\":\"%d\",\"cnt\":1}", i == 0 ? "" : ",", i);
	yt_buf_text(&piece, "]}");
	assert_int_equal(facts_read(&facts, yt_buf_view(&piece)), 0);
	assert_int_equal(facts_read(&facts, yt_buf_view(&piece)), 0);
	assert_int_equal(facts_gather(&facts, msg), 0);
	assert_int_equal(facts.lines->n, 5000);
	yt_buf_free(&piece);
	yt_arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_pieces), cmocka_unit_test(test_gather),
		cmocka_unit_test(test_hostile_pieces), cmocka_unit_test(test_compose), cmocka_unit_test(test_keys),
		cmocka_unit_test(test_many_lines) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
