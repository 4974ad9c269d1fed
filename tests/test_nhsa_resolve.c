/* tests/test_nhsa_resolve.c - the nhsa plugin finding out: queries, what they prove, reversals, messages of ours. */
#include "nhsa_codec.h"

#define ROW(own, visit) "{\"ipt_otp_no\":\"" own "\",\"mdtrt_id\":\"" visit "\"}"

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

int main(void)
{
	static const struct CMUnitTest single[] = {
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
	};
	static struct CMUnitTest tests[COUNT(single) + COUNT(proofs)];
	size_t n = COUNT(single);

	memcpy(tests, single, sizeof(single));
	ROWS(proofs, it_is_proved_that);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
