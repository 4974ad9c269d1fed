/* tests/test_crossprovince_answers.c - what an answer proves between provinces, and how an unknown outcome is
 * found out or undone. */
#include "crossprovince_peer.h"

#define SAID(code) "<result><errorcode>" code "</errorcode><errormsg>说明</errormsg><dupflag>0</dupflag></result>"
#define SETTLED_WITH(insurance, both, rows)                                                                            \
	"<result><errorcode>0</errorcode><dupflag>0</dupflag><output><aaz216>A6210002603180000456</aaz216>"            \
	"<ykc700>S6210002603060000123</ykc700><akc194>20260318101531</akc194><ykc706>20260318</"                       \
	"ykc706><aae140>" insurance                                                                                    \
	"</aae140><ykc021>31</ykc021><akc264>28463.57</akc264><ake171>23692.00</ake171><aka151>3000.00</aka151>"       \
	"<ake149>21314.63</ake149><ake039>11380.60</ake039><ake035>0.00</ake035><ake026>0.00</ake026><aae045>" both    \
	"</aae045><ake032>0.00</ake032><ake181>5547.19</ake181><ake173>0.00</ake173><ake038>0.00</ake038>"             \
	"<akb067>7148.94</akb067><aae240>0.00</aae240><ake105>0</ake105>" rows "</output></result>"
#define ROW(fund, amount) "<row><aaa157>" fund "</aaa157><aad006>基金</aad006><aae187>" amount "</aae187></row>"
#define ROWS "<detail>" ROW("390100", "11380.60") ROW("390200", "4386.84") ROW("610100", "5547.19") "</detail>"
#define SETTLED SETTLED_WITH("390", "4386.84", ROWS)

/* Both sides, and the request of section 8 as it left. */
struct scene {
	struct world w;
	struct codec zj, gs;
	struct yt_msg *msg;
	struct doc answer;
};

static void begin(struct scene *s)
{
	s->w = world_open();
	s->zj = open_with(&s->w, "330000", NULL, NULL);
	s->gs = open_with(&s->w, "620000", NULL, NULL);
	s->msg = case_of_8(&s->w);
	s->msg->own_number = YT_STR("330000202603181015300000000099");
	s->msg->sent = encoded(&s->w, &s->zj, s->msg);
	s->answer = ksbw_answer;
	s->answer.body = SETTLED;
}

static void end(struct scene *s)
{
	plugin_unload(s->zj.plugin);
	plugin_unload(s->gs.plugin);
	world_close(&s->w);
}

/* -- outcomes (7.7) ----------------------------------------------------------------------------- */

static const struct outcome_case {
	const char *code;
	enum yt_outcome by_owner; /* by anybody else it is always unknown */
	bool may_retry, at_gateway;
} outcome_cases[] = {
	{ "-1001", YT_REFUSED, false, true },
	{ "-1002", YT_REFUSED, false, true },
	{ "-1003", YT_REFUSED, false, true },
	{ "-1004", YT_REFUSED, false, true },
	{ "-1005", YT_REFUSED, false, true },
	{ "-1006", YT_REFUSED, false, false },
	{ "-1007", YT_REFUSED, false, false },
	{ "-1008", YT_REFUSED, false, true },
	{ "-1009", YT_REFUSED, false, true },
	{ "-1010", YT_REFUSED, false, false },
	{ "-2001", YT_REFUSED, false, false },
	{ "-2009", YT_REFUSED, false, false },
	{ "-3001", YT_REFUSED, false, false },
	{ "-3012", YT_REFUSED, false, false },
	{ "-3021", YT_REFUSED, false, false },
	{ "-3022", YT_REFUSED, false, false },
	{ "-4004", YT_REFUSED, false, false },
	{ "-9001", YT_UNKNOWN, false, false },
	{ "-9002", YT_UNKNOWN, false, false }, /* only our own connection knows */
	{ "-9003", YT_REFUSED, true, true },
	{ "-9004", YT_REFUSED, true, true },
	{ "-9009", YT_UNKNOWN, false, false },
	{ "-9999", YT_UNKNOWN, false, false },
	{ "-1011", YT_UNKNOWN, false, false },
	{ "-3013", YT_UNKNOWN, false, false },
	{ "-5000", YT_UNKNOWN, false, false },
	{ "1", YT_UNKNOWN, false, false },
	{ "-0", YT_UNKNOWN, false, false },
	{ "", YT_UNKNOWN, false, false },
	{ "abc", YT_UNKNOWN, false, false },
};

static void test_codes_and_who_says_them(void **state)
{
	struct scene s;

	begin(&s);
	for (size_t i = 0; i < COUNT(outcome_cases); i++) {
		const struct outcome_case *row = &outcome_cases[i];
		struct doc hub = s.answer;
		struct yt_reply *reply;

		s.answer.body = yt_arena_printf(s.w.arena, SAID("%s"), row->code).p;
		reply = answered(&s.w, &s.zj, s.msg, sealed(&s.w, &s.answer));
		if (reply->outcome != row->by_owner || reply->may_retry != row->may_retry ||
		        reply->at_gateway != row->at_gateway)
			fail_msg("%s: outcome %d", row->code, (int)reply->outcome);
		hub.body = s.answer.body;
		hub.sender = "100000";
		hub.transid = "100000202603181015310000000042";
		hub.key = "hub";
		hub.keyid = "100000-TEST";
		assert_int_equal(answered(&s.w, &s.zj, s.msg, sealed(&s.w, &hub))->outcome, YT_UNKNOWN);
	}
	end(&s);
}

/* Of the same octets sent again: a stored answer is the first try's, one without the mark may not be. */
static void test_busy_and_stored(void **state)
{
	struct scene s;

	begin(&s);
	s.answer.body = "<result><errorcode>-9003</errorcode><dupflag>1</dupflag></result>";
	assert_false(answered(&s.w, &s.zj, s.msg, sealed(&s.w, &s.answer))->at_gateway);
	s.answer.body = "<result><errorcode>-9003</errorcode><dupflag>0</dupflag></result>";
	assert_true(answered(&s.w, &s.zj, s.msg, sealed(&s.w, &s.answer))->at_gateway);
	end(&s);
}

/* How long a busy party asks to wait stands in its text; in any other it means nothing. */
static void test_retry_after(void **state)
{
	static const struct {
		const char *code, *text;
		int64_t want_ms;
	} cases[] = { { "-9003", "超出配额，retryafter=12", 12000 }, { "-9003", "retryafter: 7 s", 7000 },
		{ "-9003", "retryafter", 0 }, { "-9003", "忙", 0 }, { "-9003", "retryafter=soon", 0 },
		{ "-9003", "retryafter 99999999999999999999", 86400000 }, { "-9004", "retryafter=3", 3000 },
		{ "-3001", "retryafter=12", 0 } };
	struct scene s;

	begin(&s);
	for (size_t i = 0; i < COUNT(cases); i++) {
		s.answer.body = yt_arena_printf(s.w.arena,
		        "<result><errorcode>%s</errorcode><errormsg>%s</errormsg><dupflag>0</dupflag></result>",
		        cases[i].code, cases[i].text)
		                        .p;
		assert_int_equal(
		        answered(&s.w, &s.zj, s.msg, sealed(&s.w, &s.answer))->retry_after_ms, cases[i].want_ms);
	}
	end(&s);
}

/* Changes to a good answer after which nothing is proved. */
static const struct unproved_case {
	const char *it;
	bool after_sealing;
	const char *part, *by;
} unproved_cases[] = {
	{ "a changed amount", true, "7148.94", "7148.95" },
	{ "a changed head", true, "<expire>30", "<expire>31" },
	{ "an unknown key", true, "620000-TEST", "620000-NONE" },
	{ "a cut answer", true, "</ksbw>", "" },
	{ "no settlement number", false, "<aaz216>A6210002603180000456</aaz216>", "" },
	{ "success without output", false, "<output>", "<x/><output>" },
	{ "an amount that is none", false, "<akb067>7148.94", "<akb067>7148,94" },
	{ "no dupflag", false, "<dupflag>0</dupflag>", "" },
	{ "negative zero", false, "<ake038>0.00", "<ake038>-0.00" },
};

static void test_answers_that_prove_nothing(void **state)
{
	struct scene s;
	struct yt_reply *reply;
	struct doc other;

	begin(&s);
	assert_int_equal(answered(&s.w, &s.zj, s.msg, sealed(&s.w, &s.answer))->outcome, YT_DONE);
	for (size_t i = 0; i < COUNT(unproved_cases); i++) {
		const struct unproved_case *row = &unproved_cases[i];
		struct doc a = s.answer;
		struct yt_str octets;

		if (!row->after_sealing)
			a.body = replaced(&s.w, a.body, row->part, row->by);
		octets = sealed(&s.w, &a);
		if (row->after_sealing)
			octets = yt_str(replaced(&s.w, octets.p, row->part, row->by));
		reply = answered(&s.w, &s.zj, s.msg, octets);
		if (reply->outcome != YT_UNKNOWN)
			fail_msg("%s: outcome %d", row->it, (int)reply->outcome);
	}
	other = s.answer;
	other.reftransid = "330000202603181015300000000098"; /* a good signature over another message's answer */
	assert_int_equal(answered(&s.w, &s.zj, s.msg, sealed(&s.w, &other))->outcome, YT_UNKNOWN);
	other = s.answer;
	other.insured = "621100";
	assert_int_equal(answered(&s.w, &s.zj, s.msg, sealed(&s.w, &other))->outcome, YT_UNKNOWN);
	other = s.answer;
	other.transno = "0303";
	assert_int_equal(answered(&s.w, &s.zj, s.msg, sealed(&s.w, &other))->outcome, YT_UNKNOWN);
	reply = yt_reply_new(s.w.arena);
	assert_int_equal(s.zj.api->decode_reply(s.zj.plugin, s.msg, 502, sealed(&s.w, &s.answer), reply), 0);
	assert_int_equal(reply->outcome, YT_UNKNOWN);
	assert_int_equal(answered(&s.w, &s.zj, s.msg, YT_STR("<html>bad gateway</html>"))->outcome, YT_UNKNOWN);
	assert_int_equal(answered(&s.w, &s.zj, s.msg, YT_STR(""))->outcome, YT_UNKNOWN);
	end(&s);
}

/* Booked, so not withheld, but marked (P4). */
static void test_booked_answers_that_do_not_add_up(void **state)
{
	static const struct {
		const char *part, *by, *breach;
	} rows[] = {
		{ "<ake039>11380.60", "<ake039>11380.61", "I3" }, /* funds */
		{ "<aae187>11380.60", "<aae187>11380.61", "I3" }, /* fund rows */
		{ "<akb067>7148.94", "<akb067>7148.95", "I4" },
		{ "<ake171>23692.00", "<ake171>23692.01", "I5" },
		{ "<ykc700>S6210002603060000123", "<ykc700>S6210002603060000124", "I5" },
		{ "<ake038>0.00</ake038><akb067>7148.94", "<ake038>1.00</ake038><akb067>7147.94",
		        "I7" }, /* ake122 was 0 */
		{ "<ake038>0.00</ake038><akb067>7148.94", "<ake038>-1.00</ake038><akb067>7149.94", "I7" },
		{ "<aaa157>390200", "<aaa157>999997", "-3012" },
	};
	struct scene s;

	begin(&s);
	assert_int_equal(answered(&s.w, &s.zj, s.msg, sealed(&s.w, &s.answer))->breach.n, 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct doc a = s.answer;
		struct yt_reply *reply;

		a.body = replaced(&s.w, SETTLED, rows[i].part, rows[i].by);
		reply = answered(&s.w, &s.zj, s.msg, sealed(&s.w, &a));
		assert_int_equal(reply->outcome, YT_DONE);
		if (reply->breach.n == 0 || strstr(reply->breach.p, rows[i].breach) == NULL)
			fail_msg("%s: %.*s", rows[i].by, YT_FMT(reply->breach));
	}
	end(&s);
}

static void test_one_amount_becomes_two(void **state)
{
	static const struct {
		const char *body, *residents, *employees;
		bool derived;
	} rows[] = {
		{ SETTLED, "4386.84", "0.00", false },
		{ SETTLED_WITH("310", "4386.84",
		          "<detail>" ROW("310100", "11380.60") ROW("330100", "4386.84")
		                  ROW("610100", "5547.19") "</detail>"),
		        "0.00", "4386.84", false },
		{ SETTLED_WITH("310", "4386.84",
		          "<detail>" ROW("310100", "11380.60") ROW("330100", "4000.00") ROW("390200", "386.84")
		                  ROW("610100", "5547.19") "</detail>"),
		        "386.84", "4000.00", false },
		{ SETTLED_WITH("390", "4386.84", "<detail/>"), "4386.84", "0.00", true },
		{ SETTLED_WITH("310", "4386.84", "<detail/>"), "0.00", "4386.84", true },
	};
	struct scene s;

	begin(&s);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct doc a = s.answer;
		struct yt_node *setlinfo;
		struct yt_reply *reply;
		char why[256];

		a.body = rows[i].body;
		reply = answered(&s.w, &s.zj, s.msg, sealed(&s.w, &a));
		setlinfo = yt_node_get(reply->body, "setlinfo");
		assert_int_equal(reply->breach.n, 0);
		assert_text(yt_node_text(setlinfo, "hifmi_pay"), rows[i].residents);
		assert_text(yt_node_text(setlinfo, "hifob_pay"), rows[i].employees);
		assert_int_equal(yt_node_get(setlinfo, "hifmi_hifob_derived") != NULL, rows[i].derived);
		if (yt_money_check(s.msg->op->reply_money, reply->body, why, sizeof(why)) != 0)
			fail_msg("%s", why);
	}
	end(&s);
}

/* -- reversal of a known settlement (0305) ------------------------------------------------------ */

static void test_reversal_is_negative(void **state)
{
	struct scene s;
	struct yt_msg *cancel, *read;
	struct yt_reply *reply;
	struct doc a;
	char why[256];

	begin(&s);
	cancel = case_of_8(&s.w);
	cancel->op = yt_op(YT_OP_INPATIENT_SETTLE_CANCEL);
	cancel->number = YT_STR("202603181100000001000001");
	cancel->body = json(&s.w, "{\"data\":{\"mdtrt_id\":\"M1\",\"setl_id\":\"33020000001\",\"psn_no\":"
	                          "\"62100000000000000000876543\"}}");
	cancel->own_number = YT_STR("");
	cancel->facts = json(&s.w,
	        "{\"ykc700\":\"S6210002603060000123\",\"aaz216\":\"A6210002603180000456\",\"psn_cert_type\":\"01\","
	        "\"certno\":\"621002197203164015\",\"psn_name\":\"苏望川\",\"medfee_sumamt\":\"28463.57\",\"fund_pay_"
	        "sumamt\":\"21314.63\","
	        "\"acct_pay\":\"0.00\",\"psn_cash_pay\":\"7148.94\",\"hifp_pay\":\"11380.60\",\"hifmi_pay\":\"4386."
	        "84\",\"maf_pay\":\"5547.19\","
	        "\"inscp_scp_amt\":\"23692.00\",\"preselfpay_amt\":\"2715.17\",\"fulamt_ownpay_amt\":\"1820.40\","
	        "\"overlmt_selfpay\":\"236.00\"}");
	cancel->sent = encoded(&s.w, &s.zj, cancel);
	assert_text(text_of(cancel->sent, "transid"), "330000202603181100000001000001");
	assert_text(text_of(cancel->sent, "akc264"), "-28463.57");
	assert_text(text_of(cancel->sent, "ake038"), "0.00");
	read = must_decode(&s.w, &s.gs, cancel->sent);
	assert_text(read->settlement, "A6210002603180000456");
	a = ksbw_answer;
	a.transno = "0305";
	a.reftransid = "330000202603181100000001000001";
	a.body = "<result><errorcode>0</errorcode><dupflag>0</dupflag><output><aaz216>A6210002603180000457</aaz216>"
	         "<oaaz216>A6210002603180000456</oaaz216><akc194>20260318110001</akc194><ykc706>20260318</ykc706>"
	         "<akc264>-28463.57</akc264><ake149>-21314.63</ake149><ake038>0.00</ake038><akb067>-7148.94</akb067></"
	         "output></result>";
	reply = answered(&s.w, &s.zj, cancel, sealed(&s.w, &a));
	assert_int_equal(reply->outcome, YT_DONE);
	assert_int_equal(reply->breach.n, 0);
	assert_int_equal(reply->cash_fen, -714894);
	if (yt_money_check(cancel->op->reply_money, reply->body, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	a.body = replaced(&s.w, a.body, "-7148.94", "-7148.93");
	assert_true(answered(&s.w, &s.zj, cancel, sealed(&s.w, &a))->breach.n > 0);
	a.body = replaced(&s.w, a.body, "-7148.93", "7148.94");
	assert_int_equal(answered(&s.w, &s.zj, cancel, sealed(&s.w, &a))->outcome, YT_UNKNOWN);
	a.body = SAID("-3006");
	assert_true(answered(&s.w, &s.zj, cancel, sealed(&s.w, &a))->already_done);
	end(&s);
}

/* What withdraws and is asked for again: which refusals say that it had been done. */
static void test_withdrawn_before(void **state)
{
	static const struct {
		enum yt_operation op;
		const char *transno, *code;
		bool want;
	} cases[] = { { YT_OP_INPATIENT_ADMIT_CANCEL, "0214", "-3001", true },
		{ YT_OP_INPATIENT_ADMIT_CANCEL, "0214", "-3003", false },
		{ YT_OP_INPATIENT_FEES_CANCEL, "0302", "-3001", true },
		{ YT_OP_INPATIENT_FEES_CANCEL, "0302", "-3003", false },
		{ YT_OP_INPATIENT_FEES_CANCEL, "0302", "-9003", false },
		{ YT_OP_INPATIENT_DISCHARGE_CANCEL, "0216", "-3011", true },
		{ YT_OP_INPATIENT_DISCHARGE_CANCEL, "0216", "-3001", true },
		{ YT_OP_INPATIENT_CHANGE, "0213", "-3001", false },
		{ YT_OP_INPATIENT_DISCHARGE, "0215", "-3001", false } };
	struct scene s;

	begin(&s);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct yt_msg *msg = case_of_8(&s.w);
		struct doc a = s.answer;

		msg->op = yt_op(cases[i].op);
		msg->own_number = YT_STR("330000202603181015300000000099");
		msg->facts = json(&s.w,
		        "{\"ykc700\":\"S6210002603060000123\",\"psn_no\":\"1\",\"ipt_no\":\"Z1\","
		        "\"begntime\":\"2026-03-06\",\"endtime\":\"2026-03-18\",\"dscg_way\":\"1\","
		        "\"dscg_maindiag_code\":\"M51\",\"dscg_maindiag_name\":\"D\",\"diag_name\":\"D\",\"feedetl_sn\":\"0000\","
		        "\"memo\":\"R\"}");
		msg->body = json(&s.w, "{\"data\":{\"mdtrt_id\":\"M1\"}}");
		msg->sent = encoded(&s.w, &s.zj, msg);
		a.transno = cases[i].transno;
		a.body = yt_arena_printf(s.w.arena, SAID("%s"), cases[i].code).p;
		if (answered(&s.w, &s.zj, msg, sealed(&s.w, &a))->already_done != cases[i].want)
			fail_msg("%s %s", cases[i].transno, cases[i].code);
	}
	end(&s);
}

/* -- finding out (P201) ------------------------------------------------------------------------- */

static struct yt_str base64(struct world *w, const char *text)
{
	struct yt_buf out = { 0 };

	yt_base64_add(&out, text, strlen(text));
	return kept(w, &out);
}

struct query_case {
	const char *it, *state, *code, *result;
	bool wrong_digest;
	enum yt_judgement want;
	enum yt_outcome outcome;
};

static const struct query_case query_cases[] = {
	{ "never seen, expired", "0", NULL, NULL, false, YT_ABSENT, 0 },
	{ "in work", "1", NULL, NULL, false, YT_UNSURE, 0 },
	{ "done", "2", NULL, SETTLED, false, YT_FOUND, YT_DONE },
	{ "done, by a refusal", "2", NULL, SAID("-3004"), false, YT_FOUND, YT_REFUSED },
	{ "done, digest of something else", "2", NULL, SETTLED, true, YT_UNSURE, 0 },
	{ "done, without the answer", "2", NULL, NULL, false, YT_UNSURE, 0 },
	{ "done, an answer that is none", "2", NULL, "<input/>", false, YT_UNSURE, 0 },
	{ "failed", "3", "-2003", NULL, false, YT_FOUND, YT_REFUSED },
	{ "failed, with a code that proves nothing", "3", "-9999", NULL, false, YT_UNSURE, 0 },
	{ "failed, without a code", "3", NULL, NULL, false, YT_UNSURE, 0 },
	{ "reversed", "4", NULL, NULL, false, YT_FOUND, YT_REFUSED },
	{ "never seen, not expired", "5", NULL, NULL, false, YT_UNSURE, 0 },
};

static struct doc query_answer(struct scene *s, const struct query_case *row)
{
	struct yt_buf body = { 0 };
	struct doc a = ksbw_answer;

	yt_buf_printf(
	        &body, "<result><errorcode>0</errorcode><dupflag>0</dupflag><output><ostate>%s</ostate>", row->state);
	if (row->code != NULL)
		yt_buf_printf(&body, "<oerrorcode>%s</oerrorcode>", row->code);
	if (row->result != NULL)
		yt_buf_printf(&body, "<oresult>%.*s</oresult><oresdigest>%.*s</oresdigest>",
		        YT_FMT(base64(&s->w, row->result)),
		        YT_FMT(sm3_hex(&s->w, row->wrong_digest ? YT_STR("x") : yt_str(row->result))));
	yt_buf_text(&body, "</output></result>");
	a.transno = "P201";
	a.reftransid = "330000202603181016000000000100";
	a.body = kept(&s->w, &body).p;
	return a;
}

static void test_outcomes_found_by_query(void **state)
{
	struct scene s;
	struct yt_msg *query, *read;
	struct doc a;

	begin(&s);
	query = yt_msg_new(s.w.arena);
	assert_int_equal(s.zj.api->query_for(s.zj.plugin, s.msg, query), 0);
	query->own_number = YT_STR("330000202603181016000000000100");
	query->time = YT_STR("2026-03-18 10:16:00");
	query->sent = encoded(&s.w, &s.zj, query);
	assert_text(text_of(query->sent, "otransid"), "330000202603181015300000000099");
	assert_text(text_of(query->sent, "odigest"),
	        text_of(s.msg->sent, "digest").n == 64 ? yt_arena_copy(s.w.arena, text_of(s.msg->sent, "digest")).p
	                                               : "");
	read = must_decode(&s.w, &s.gs, query->sent);
	assert_int_equal(read->op->id, YT_OP_OUTCOME_QUERY);
	assert_text(read->original_number, "330000202603181015300000000099");
	for (size_t i = 0; i < COUNT(query_cases); i++) {
		const struct query_case *row = &query_cases[i];
		struct yt_reply *adopted = yt_reply_new(s.w.arena), *reply;
		enum yt_judgement judgement;

		a = query_answer(&s, row);
		reply = answered(&s.w, &s.zj, query, sealed(&s.w, &a));
		assert_int_equal(reply->outcome, YT_DONE);
		judgement = s.zj.api->judge(s.zj.plugin, s.msg, reply, adopted);
		if (judgement != row->want || (judgement == YT_FOUND && adopted->outcome != row->outcome))
			fail_msg("%s: judged %d, outcome %d %.*s", row->it, (int)judgement, (int)adopted->outcome,
			        YT_FMT(adopted->text));
		if (judgement == YT_FOUND && adopted->outcome == YT_DONE)
			assert_text(adopted->settlement, "A6210002603180000456");
	}
	/* The hub may answer a query, but it has not looked into the owner's store. */
	a = query_answer(&s, &query_cases[0]);
	a.sender = "100000";
	a.transid = "100000202603181016010000000001";
	a.key = "hub";
	a.keyid = "100000-TEST";
	assert_int_equal(answered(&s.w, &s.zj, query, sealed(&s.w, &a))->outcome, YT_UNKNOWN);
	end(&s);
}

/* Asked ourselves: the engine gives the stored answer, the codec its <result> and digest. */
static void test_stored_answer_is_told(void **state)
{
	struct scene s;
	struct yt_msg *query = NULL;
	struct yt_reply *reply, *adopted;
	struct yt_str stored, octets;

	begin(&s);
	stored = sealed(&s.w, &s.answer);
	query = yt_msg_new(s.w.arena);
	assert_int_equal(s.zj.api->query_for(s.zj.plugin, s.msg, query), 0);
	query->own_number = YT_STR("330000202603181016000000000100");
	query->time = YT_STR("2026-03-18 10:16:00");
	query->sent = encoded(&s.w, &s.zj, query);
	reply = yt_reply_new(s.w.arena);
	reply->outcome = YT_DONE;
	reply->body = json(&s.w, "{\"data\":{\"ostate\":\"2\"}}");
	yt_node_add_text(s.w.arena, yt_node_get(reply->body, "data"), "oanswer", stored);
	octets = encoded_reply(&s.w, &s.gs, must_decode(&s.w, &s.gs, query->sent), reply);
	assert_same(text_of(octets, "oresdigest"), text_of(stored, "digest"));
	adopted = yt_reply_new(s.w.arena);
	assert_int_equal(s.zj.api->judge(s.zj.plugin, s.msg, answered(&s.w, &s.zj, query, octets), adopted), YT_FOUND);
	assert_text(adopted->settlement, "A6210002603180000456");
	end(&s);
}

/* -- undoing (1301), repeats -------------------------------------------------------------------- */

static void test_reversal_of_an_unknown_outcome(void **state)
{
	struct scene s;
	struct yt_msg *reversal, *again;
	struct doc a = ksbw_answer;

	begin(&s);
	/* As the engine has it after a crash: the message read back from what was sent. */
	again = yt_msg_new(s.w.arena);
	again->sent = s.msg->sent;
	assert_int_equal(s.zj.api->decode_request(s.zj.plugin, s.msg->sent, again, &s.w.fault), 0);
	reversal = yt_msg_new(s.w.arena);
	assert_int_equal(s.zj.api->reversal_of(s.zj.plugin, again, reversal), 0);
	reversal->number = YT_STR("202603181020000001000007");
	reversal->time = YT_STR("2026-03-18 10:20:00");
	reversal->sent = encoded(&s.w, &s.zj, reversal);
	assert_text(text_of(reversal->sent, "otransno"), "0304");
	assert_text(text_of(reversal->sent, "otransid"), "330000202603181015300000000099");
	assert_text(text_of(reversal->sent, "osendtime"), "20260318101530");
	assert_text(must_decode(&s.w, &s.gs, reversal->sent)->original_wire_op, "0304");
	a.transno = "1301";
	a.reftransid = "330000202603181020000001000007";
	for (char effect = '1'; effect <= '4'; effect++) {
		a.body = yt_arena_printf(s.w.arena,
		        "<result><errorcode>0</errorcode><dupflag>0</dupflag><output><effect>%c</effect>"
		        "</output></result>",
		        effect)
		                 .p;
		assert_int_equal(answered(&s.w, &s.zj, reversal, sealed(&s.w, &a))->outcome,
		        effect < '4' ? YT_DONE : YT_UNKNOWN);
	}
	a.body = SAID("-3008");
	assert_int_equal(answered(&s.w, &s.zj, reversal, sealed(&s.w, &a))->outcome, YT_REFUSED);
	/* What 1301 does not take. */
	again = case_of_8(&s.w);
	again->op = yt_op(YT_OP_INPATIENT_PRESETTLE);
	again->sent = encoded(&s.w, &s.zj, again);
	assert_int_equal(s.zj.api->reversal_of(s.zj.plugin, again, yt_msg_new(s.w.arena)), YT_ENOTFOUND);
	/* From anybody but who sent it, a message of ours is an echo. */
	assert_int_equal(decode(&s.w, &s.zj, s.msg->sent, &again), YT_EFORMAT);
	end(&s);
}

/* charset: of the answer that is stored, with 基金 in it; the instance itself writes UTF-8. */
static void marks_as_repeat(enum yt_charset charset)
{
	struct scene s;
	struct yt_buf out = { 0 };
	struct yt_msg *read;
	struct yt_str stored, octets;

	begin(&s);
	s.answer.charset = charset;
	read = must_decode(&s.w, &s.gs, s.msg->sent);
	stored = sealed(&s.w, &s.answer);
	assert_int_equal(s.gs.api->repeat_reply(s.gs.plugin, read, stored, YT_STR("620000202603181030000000000007"),
	                         1773801000000, &out),
	        0);
	octets = kept(&s.w, &out);
	assert_text(text_of(octets, "dupflag"), "1");
	assert_text(text_of(octets, "transid"), "620000202603181030000000000007");
	assert_text(text_of(octets, "sendtime"), "20260318103000");
	assert_same(yt_str(replaced(
	                    &s.w, yt_arena_copy(s.w.arena, element(octets, "result")).p, "<dupflag>1", "<dupflag>0")),
	        element(stored, "result"));
	assert_int_equal(answered(&s.w, &s.zj, s.msg, octets)->outcome, YT_DONE);
	end(&s);
}

static void test_stored_answer_is_marked_as_repeat(void **state)
{
	marks_as_repeat(YT_UTF8);
	marks_as_repeat(YT_GB18030);
}

/* -- answers of ours ---------------------------------------------------------------------------- */

static struct yt_str code_of(struct scene *s, const struct yt_msg *asked, struct yt_reply *reply)
{
	return text_of(encoded_reply(&s->w, &s->gs, asked, reply), "errorcode");
}

static void test_answers_of_ours(void **state)
{
	struct scene s;
	struct yt_msg *read;
	struct yt_reply *reply;

	begin(&s);
	read = must_decode(&s.w, &s.gs, s.msg->sent);
	reply = yt_reply_new(s.w.arena);
	reply->outcome = YT_REFUSED;
	reply->code = YT_STR("-1"); /* a national code proves a refusal, but is none of this profile */
	assert_text(code_of(&s, read, reply), "-3001");
	reply->may_retry = true;
	assert_text(code_of(&s, read, reply), "-9003");
	reply->code = YT_STR("-2003");
	assert_text(code_of(&s, read, reply), "-2003");
	reply->code = YT_STR("100"); /* agreed with an origin for what is not known yet: never a refusal */
	assert_text(code_of(&s, read, reply), "-9009");
	reply->code = YT_STR("-1");
	reply->own_text = 404;
	assert_text(code_of(&s, read, reply), "-9009");
	reply->own_text = 201;
	assert_text(code_of(&s, read, reply), "-1006");
	reply->own_text = 202;
	assert_text(code_of(&s, read, reply), "-9003");
	reply = answered(&s.w, &s.zj, s.msg, sealed(&s.w, &s.answer));
	assert_text(code_of(&s, read, reply), "0");
	/* What is booked and cannot be said must not read as "did not happen". */
	yt_node_set_text(s.w.arena, yt_node_get(reply->body, "setlinfo"), "hosp_part_amt", YT_STR("1.00"));
	assert_text(code_of(&s, read, reply), "-9999");
	read->op = yt_op(YT_OP_INPATIENT_PRESETTLE);
	assert_text(code_of(&s, read, reply), "-1010");
	read->op = yt_op(YT_OP_INPATIENT_SETTLE);
	yt_node_set_text(s.w.arena, yt_node_get(reply->body, "setlinfo"), "hosp_part_amt", YT_STR("0.00"));
	yt_node_set_text(s.w.arena, yt_node_get(reply->body, "setlinfo"), "aaz216", YT_STR(""));
	yt_node_set_text(s.w.arena, yt_node_get(reply->body, "setlinfo"), "setl_id", YT_STR("33020000001"));
	assert_text(code_of(&s, read, reply), "-9999");
	end(&s);
}

/* A hop passes on what the business owner said, octet for octet. */
static void test_answers_passed_on(void **state)
{
	struct scene s;
	struct codec hop;
	struct yt_msg *read;
	struct yt_reply *reply;
	struct yt_str octets;

	begin(&s);
	hop = open_with(&s.w, "100000", "relay", "yes");
	octets = sealed(&s.w, &s.answer);
	read = must_decode(&s.w, &hop, s.msg->sent);
	reply = answered(&s.w, &hop, read, octets);
	assert_int_equal(reply->outcome, YT_DONE);
	assert_int_equal(reply->head->n, 0);
	assert_same(encoded_reply(&s.w, &hop, read, reply), octets);
	/* Signed by the hop itself it would be another's word: only the owner's proves anything. */
	reply->octets = (struct yt_str){ NULL, 0 };
	reply->wall_ms = 1773800130000;
	assert_int_equal(answered(&s.w, &s.zj, s.msg, encoded_reply(&s.w, &hop, read, reply))->outcome, YT_UNKNOWN);
	plugin_unload(hop.plugin);
	end(&s);
}

/* The hub asks who somebody is; the platform behind us speaks the national format. */
static void test_person_check_both_ways(void **state)
{
	struct scene s;
	struct yt_msg *read;
	struct yt_reply *reply, *back;
	struct yt_str octets;
	struct doc q = ksbw_request;

	begin(&s);
	q.transno = "0211";
	q.body = "<input><aab299>330200</aab299><akb026>H33020300999</akb026><akb021>示例医院</akb021><aab301>621000</"
	         "aab301>"
	         "<aac043>01</aac043><aac044>621002197203164015</aac044><aac003>苏望川</aac003><aka130>21</"
	         "aka130><ake007>20260306</ake007></input>";
	read = must_decode(&s.w, &s.gs, sealed(&s.w, &q));
	assert_int_equal(read->op->id, YT_OP_PERSON_CHECK);
	assert_text(yt_node_text(yt_node_get(read->body, "data"), "mdtrt_cert_type"), "02");
	assert_text(yt_node_text(yt_node_get(read->body, "data"), "mdtrt_cert_no"), "621002197203164015");
	reply = yt_reply_new(s.w.arena);
	reply->outcome = YT_DONE;
	reply->body = json(&s.w,
	        "{\"baseinfo\":{\"psn_no\":\"62100000000000000000876543\",\"psn_cert_type\":\"01\","
	        "\"certno\":\"621002197203164015\",\"psn_name\":\"苏望川\",\"gend\":\"1\",\"brdy\":\"1972-03-16\","
	        "\"age\":54},"
	        "\"insuinfo\":[{\"balc\":1,\"insutype\":\"310\",\"psn_type\":\"11\",\"psn_insu_stas\":\"2\",\"cvlserv_"
	        "flag\":\"0\"},"
	        "{\"balc\":0,\"insutype\":\"390\",\"psn_type\":\"31\",\"psn_insu_stas\":\"1\",\"cvlserv_flag\":\"0\"}],"
	        "\"idetinfo\":[{\"psn_idet_type\":\"A\",\"begntime\":\"2026-01-01 00:00:00\"}]}");
	octets = encoded_reply(&s.w, &s.gs, read, reply);
	assert_text(text_of(octets, "aae140"), "390"); /* the one in force */
	assert_text(text_of(octets, "ykc751"), "A");
	read->sent = sealed(&s.w, &q);
	back = answered(&s.w, &s.zj, read, octets);
	assert_int_equal(back->outcome, YT_DONE);
	assert_text(yt_node_text(yt_node_get(back->body, "insuinfo")->child, "insuplc_admdvs"), "621000");
	end(&s);
}

/* What was sent is read by a reader for our own way of writing; another's (a relay's) by the strict one. */
static void test_sent_octets_in_another_layout(void **state)
{
	static const struct {
		const char *part, *by;
	} rows[] = {
		{ "<aae072>", "<!-- spaced --><aae072>" },
		{ "<aae072>NB20260318000731</aae072>", "<aae072><![CDATA[NB20260318000731]]></aae072>" },
		{ "收费05", "&#x6536;&#36153;05" },
		{ "</input>", "</input >" },
		{ "<head>", "<head\n>" },
	};
	struct scene s;
	struct yt_str sent;

	begin(&s);
	sent = s.msg->sent;
	s.answer.body = replaced(&s.w, SETTLED, "<ykc700>S6210002603060000123", "<ykc700>S6210002603060000124");
	for (size_t i = 0; i <= COUNT(rows); i++) {
		struct yt_reply *reply;

		s.msg->sent = i < COUNT(rows) ? yt_str(replaced(&s.w, sent.p, rows[i].part, rows[i].by)) : sent;
		reply = answered(&s.w, &s.zj, s.msg, sealed(&s.w, &s.answer));
		assert_int_equal(reply->outcome, YT_DONE);
		assert_true(reply->breach.n > 0); /* I5: the registration asked about was read */
		assert_text(yt_node_text(yt_node_get(reply->body, "setlinfo"), "psn_name"), "苏望川");
	}
	end(&s);
}

/* Composed, but what was sent is not at hand: its number is fixed, so its answer is known all the same. */
static void test_answer_without_sent_octets(void **state)
{
	struct scene s;

	begin(&s);
	s.msg->sent = (struct yt_str){ NULL, 0 };
	assert_int_equal(answered(&s.w, &s.zj, s.msg, sealed(&s.w, &s.answer))->outcome, YT_DONE);
	s.msg->own_number = YT_STR("330000202603181015300000000098");
	assert_int_equal(answered(&s.w, &s.zj, s.msg, sealed(&s.w, &s.answer))->outcome, YT_UNKNOWN);
	s.msg->own_number = YT_STR(""); /* a random one cannot be known */
	assert_int_equal(answered(&s.w, &s.zj, s.msg, sealed(&s.w, &s.answer))->outcome, YT_UNKNOWN);
	end(&s);
}

static void put_hash(void *ctx, struct yt_str secret, struct yt_buf *out)
{
	assert_text(secret, "TOKEN1234567890");
	yt_buf_text(out, "hash");
}

/* A token is never kept; all else stays octet for octet. */
static void test_token_is_blanked(void **state)
{
	struct scene s;
	struct yt_buf out = { 0 };
	struct doc q = ksbw_request;
	struct yt_str octets;

	begin(&s);
	assert_int_equal(
	        s.gs.api->blank(s.gs.plugin, YT_STR("0304"), false, s.w.arena, s.msg->sent, put_hash, NULL, &out), 0);
	q.transno = "0211";
	q.body = "<input><aab299>330200</aab299><akb026>H33020300999</akb026><akb021>示例医院</akb021><aab301>621000</"
	         "aab301>"
	         "<aac043>01</aac043><aac044>621002197203164015</aac044><aac003>苏望川</"
	         "aac003><ecqrcode>TOKEN1234567890</ecqrcode>"
	         "<aka130>21</aka130><ake007>20260306</ake007></input>";
	octets = sealed(&s.w, &q);
	assert_int_equal(must_decode(&s.w, &s.gs, octets)->n_secrets, 1);
	assert_int_equal(
	        s.gs.api->blank(s.gs.plugin, YT_STR("0211"), false, s.w.arena, octets, put_hash, NULL, &out), 1);
	assert_same(kept(&s.w, &out), yt_str(replaced(&s.w, octets.p, "TOKEN1234567890", "hash")));
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_withdrawn_before),
		cmocka_unit_test(test_busy_and_stored),
		cmocka_unit_test(test_codes_and_who_says_them),
		cmocka_unit_test(test_answers_that_prove_nothing),
		cmocka_unit_test(test_booked_answers_that_do_not_add_up),
		cmocka_unit_test(test_one_amount_becomes_two),
		cmocka_unit_test(test_reversal_is_negative),
		cmocka_unit_test(test_outcomes_found_by_query),
		cmocka_unit_test(test_stored_answer_is_told),
		cmocka_unit_test(test_reversal_of_an_unknown_outcome),
		cmocka_unit_test(test_stored_answer_is_marked_as_repeat),
		cmocka_unit_test(test_answers_of_ours),
		cmocka_unit_test(test_answers_passed_on),
		cmocka_unit_test(test_person_check_both_ways),
		cmocka_unit_test(test_sent_octets_in_another_layout),
		cmocka_unit_test(test_answer_without_sent_octets),
		cmocka_unit_test(test_token_is_blanked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
