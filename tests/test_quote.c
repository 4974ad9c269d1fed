/* tests/test_quote.c - what an insurer would pay, beside the platform's answer to a pre-settlement (engine/quote.c).
 *
 * A worker's machine with the real codecs: a hospital asks 2303 in the national format, the platform answers it,
 * 天一甬宁保 is asked by TY/1.1.  P6: whatever the insurer does, the hospital hears the platform's answer, its amounts
 * unchanged, and within the insurer's time. */
#include "engine/engine.h"
#include "insurer_peer.h"

#define NOON 1795147200000LL /* 2026-11-20 12:00 in China */
#define QUOTE_MS 2000
#define PAUSE_MS 30000

static struct {
	struct world w;
	struct codec nhsa, tianyi;
	struct engine *engine;
	int64_t mono_ms;
	uint64_t seq[64];    /* of the last message of each kind to the keeper */
	uint64_t leg;        /* that left last */
	unsigned asked;      /* how often the insurer was */
	int64_t deadline_ms; /* of that */
	char to[16], answer[8192];
	struct yt_str sent, began;
	unsigned answers;
} t;

/* -- the engine's world --------------------------------------------------------------------------- */

static int64_t wall(void *ctx)
{
	return NOON + t.mono_ms;
}

static int64_t mono(void *ctx)
{
	return t.mono_ms;
}

static void random_(void *ctx, void *out, size_t n)
{
	memset(out, 0x5a, n);
}

static int submit(void *ctx, const struct talk *talk)
{
	t.seq[talk->kind] = talk->seq;
	return 0;
}

static void send_(void *ctx, const struct engine_party *party, uint64_t leg, struct yt_str wire_op, struct yt_str body,
        int64_t deadline_ms)
{
	snprintf(t.to, sizeof(t.to), "%s", party->name);
	t.sent = yt_arena_copy(t.w.arena, body);
	t.leg = leg;
	if (strcmp(party->name, "tianyi") == 0) {
		t.asked++;
		t.deadline_ms = deadline_ms;
	}
}

static void answer(void *ctx, uint64_t token, int status, const char *content_type, struct yt_str body)
{
	assert_int_equal(status, 200);
	t.answers++;
	snprintf(t.answer, sizeof(t.answer), "%.*s", YT_FMT(body));
}

static void drop(void *ctx, uint64_t token)
{
	fail_msg("dropped without an answer");
}

static void person(void *ctx, struct yt_str number, uint8_t out[16])
{
	memset(out, 7, 16);
}

static void box(void *ctx, const char *plugin, const char *what, uint64_t exchange, struct yt_str octets)
{
}

static bool quarantined(void *ctx, struct yt_str octets)
{
	return false;
}

static enum enrolment_state list_is;
static const char *list_of; /* the one person on it */

static enum enrolment_state enrolled(
        void *ctx, const struct engine_party *party, struct yt_str certno, bool *is_on, int64_t *day)
{
	*is_on = yt_str_is(certno, list_of);
	*day = 0;
	return list_is;
}

/* -- its configuration ---------------------------------------------------------------------------- */

static struct engine_codec nhsa;
static struct engine_party platform = { .name = "platform", .query_timeout_ms = 30000, .change_timeout_ms = 60000 };
static struct engine_party insurer = { .name = "tianyi",
	.query_timeout_ms = 30000,
	.change_timeout_ms = 30000,
	.quote_timeout_ms = QUOTE_MS,
	.quote_failures = 3,
	.quote_pause_ms = PAUSE_MS };
static const struct engine_origin hospital = { .name = "hospital", .timeout_ms = 60000 };
static const struct engine_institution institution = {
	.code = "H33021399901", .name = "示例市第一医院", .area = "330213", .level = "31", .signs_in_itself = true
};

static const struct engine_origin *by_subject(void *ctx, struct yt_str subject)
{
	return &hospital;
}

static bool speaks_for(void *ctx, const struct engine_origin *origin, const struct yt_msg *msg)
{
	return true;
}

static const struct engine_institution *find_institution(void *ctx, struct yt_str code)
{
	return yt_str_is(code, institution.code) ? &institution : NULL;
}

static const struct engine_party *route(void *ctx, const struct yt_msg *msg, const struct engine_origin *origin,
        const char *listener, struct engine_way *way)
{
	way->quote = &insurer;
	way->quote_member = "commercial_quote";
	return &platform;
}

static int setup(void **state)
{
	static const char *const national[] = { "paasid", "G", "key", "mac", "headers", "x-tif", "recer_sys_code",
		"YBXT", "operator", "YT9001", NULL };
	static const char *const insurers[] = { "app_id", "gw330299", "key", "mac", "field_key", "field", "version",
		"1.1", NULL };
	const struct engine_conf conf = { .origin_by_subject = by_subject,
		.speaks_for = speaks_for,
		.institution = find_institution,
		.route = route,
		.exchanges = 64,
		.serial_from = 9000,
		.serial_to = 9999,
		.margin_ms = 500 };
	const struct engine_world world = { .wall_ms = wall,
		.mono_ms = mono,
		.random = random_,
		.submit = submit,
		.send = send_,
		.answer = answer,
		.drop = drop,
		.person = person,
		.box = box,
		.quarantined = quarantined,
		.enrolled = enrolled };
	struct talk welcome = { .exchange = 5, .kind = DOWN_WELCOME };

	memset(&t, 0, sizeof(t));
	t.w = world_open();
	t.nhsa = open_codec(&t.w, YT_PLUGIN_DIR "/nhsa.so", national);
	t.tianyi = open_codec(&t.w, YT_PLUGIN_DIR "/tianyi.so", insurers);
	nhsa = platform.codec = (struct engine_codec){ t.nhsa.api, t.nhsa.plugin };
	insurer.codec = (struct engine_codec){ t.tianyi.api, t.tianyi.plugin };
	t.engine = engine_new(&conf, &world);
	engine_start(t.engine);
	engine_talk(t.engine, &welcome);
	return 0;
}

static int teardown(void **state)
{
	engine_free(t.engine);
	plugin_unload(t.nhsa.plugin);
	plugin_unload(t.tianyi.plugin);
	world_close(&t.w);
	return 0;
}

/* -- what is said --------------------------------------------------------------------------------- */

#define PRESETTLE                                                                                                        \
	"{\"infno\":\"2303\",\"msgid\":\"H33021399901202611201200000012\",\"mdtrtarea_admvs\":\"330213\","               \
	"\"insuplc_admdvs\":\"330213\",\"recer_sys_code\":\"YBXT\",\"infver\":\"V1.0\",\"opter_type\":\"1\","            \
	"\"opter\":\"S0007\",\"opter_name\":\"收费员七\",\"inf_time\":\"2026-11-20 12:00:00\","                      \
	"\"fixmedins_code\":\"H33021399901\",\"fixmedins_name\":\"示例市第一医院\",\"sign_no\":\"S1\",\"input\":" \
	"{\"data\":{\"psn_no\":\"33020000001000000123\",\"mdtrt_cert_type\":\"02\",\"mdtrt_cert_no\":\"C1\","            \
	"\"medfee_sumamt\":1000.00,\"psn_setlway\":\"01\",\"mdtrt_id\":\"M1\",\"insutype\":\"310\","                     \
	"\"mid_setl_flag\":\"0\"}}}"

/* All of it must come through as it is. */
#define SETLINFO(cash)                                                                                                 \
	"\"setlinfo\":{\"mdtrt_id\":\"M1\",\"psn_no\":\"33020000001000000123\",\"psn_name\":\"林晚晴\","            \
	"\"psn_cert_type\":\"01\",\"certno\":\"330299198804123029\",\"gend\":\"2\",\"brdy\":\"1988-04-12\","           \
	"\"psn_type\":\"11\",\"cvlserv_flag\":\"0\",\"insutype\":\"310\",\"med_type\":\"21\",\"setl_time\":"           \
	"\"2026-11-20 12:00:00\",\"medfee_sumamt\":1000.00,\"fulamt_ownpay_amt\":60.00,\"overlmt_selfpay\":10.00,"     \
	"\"preselfpay_amt\":130.00,\"inscp_scp_amt\":800.00,\"hifp_pay\":400.00,\"pool_prop_selfpay\":0.8,"            \
	"\"cvlserv_pay\":15.00,\"hifes_pay\":0.00,\"hifmi_pay\":50.00,\"hifob_pay\":10.00,\"maf_pay\":20.00,"          \
	"\"oth_pay\":5.00,\"fund_pay_sumamt\":500.00,\"acct_pay\":150.00,\"psn_cash_pay\":" cash                       \
	",\"balc\":0.10,\"acct_mulaid_pay\":0.00,\"medins_setl_id\":\"X1\",\"clr_type\":\"21\"}"
#define ANSWER(cash)                                                                                                   \
	"{\"infcode\":0,\"inf_refmsgid\":\"330213202611201200000000000001\",\"err_msg\":\"\",\"output\":{" SETLINFO(   \
	        cash) "}}"

static const char *const case_of_hers[] = {
	"{\"op\":\"person.check\",\"set\":{\"psn_no\":\"33020000001000000123\",\"psn_cert_type\":\"01\",\"certno\":"
	"\"330299198804123029\",\"psn_name\":\"林晚晴\",\"gend\":\"2\",\"brdy\":\"1988-04-12\",\"insuplc_admdvs\":"
	"\"330213\"}}",
	"{\"op\":\"inpatient.admit\",\"set\":{\"begntime\":\"2026-11-14 08:30:00\",\"med_type\":\"21\",\"ipt_no\":"
	"\"ZY1\"}}",
	"{\"op\":\"inpatient.fees\",\"lines\":[{\"feedetl_sn\":\"1\",\"med_list_codg\":\"XJ01DDT999A001010199901\","
	"\"chrgitm_lv\":\"01\",\"cnt\":\"2\",\"pric\":\"200\",\"det_item_fee_sumamt\":\"400.00\",\"fulamt_ownpay_amt\":"
	"\"0\",\"fee_ocur_time\":\"2026-11-15 09:00:00\"},{\"feedetl_sn\":\"2\",\"med_list_codg\":\"003311020170000\","
	"\"chrgitm_lv\":\"02\",\"preselfpay_amt\":\"54.00\",\"cnt\":\"1\",\"pric\":\"540\",\"det_item_fee_sumamt\":"
	"\"540.00\",\"fulamt_ownpay_amt\":\"0\",\"fee_ocur_time\":\"2026-11-16 11:20:00\"},{\"feedetl_sn\":\"3\","
	"\"med_list_codg\":\"C0101010010000099999000000001\",\"chrgitm_lv\":\"03\",\"cnt\":\"1\",\"pric\":\"60\","
	"\"det_item_fee_sumamt\":\"60.00\",\"fulamt_ownpay_amt\":\"60.00\",\"fee_ocur_time\":\"2026-11-16 11:20:00\"}]}",
	"{\"op\":\"inpatient.discharge\",\"set\":{\"endtime\":\"2026-11-20 09:00:00\"},\"parts\":{\"diseinfo\":["
	"{\"maindiag_flag\":\"1\",\"diag_code\":\"K80.100\",\"diag_name\":\"胆囊结石\"}]}}",
};

#define CONSENT                                                                                                            \
	"{\"op\":\"consent.put\",\"set\":{\"auth_no\":\"SQ1\"},\"parts\":{\"consent\":{\"auth_no\":\"SQ1\",\"auth_time\":" \
	"\"2026-11-14 10:21:33\",\"scope\":\"1111\",\"channel\":\"1\",\"expire_date\":\"2027-12-31\",\"evidence_sm3\":"    \
	"\"651b96df59518f631ae23117c3b0db0b6971200a242f4dbc39f7be3065420a69\"}}}"

static void ask(uint64_t token)
{
	const struct engine_request r = { .token = token,
		.listener = "hospitals",
		.codec = nhsa,
		.by_certificate = true,
		.method = YT_STR("POST"),
		.body = YT_STR(PRESETTLE) };

	t.answer[0] = '\0';
	engine_request(t.engine, &r);
	assert_string_equal(t.to, "platform");
}

static void leg_ends(enum engine_leg_end end, const char *body)
{
	struct yt_buf octets = { 0 };

	yt_buf_text(&octets, body);
	engine_leg(t.engine, t.leg, end, end == LEG_ANSWERED ? 200 : 0, yt_buf_view(&octets), "", false);
	if (octets.n > 0)
		memset(octets.p, '#', octets.n); /* borrowed no longer */
	yt_buf_free(&octets);
}

static void facts_come(const char *consent)
{
	struct talk talk = { .seq = t.seq[UP_FACTS], .kind = DOWN_FACTS };
	struct yt_buf buf = { 0 };
	size_t at;

	for (size_t i = 0; i < COUNT(case_of_hers) + (consent != NULL); i++) {
		at = rec_begin(&buf, REC_FACTS, 0, 1, NOON);
		rec_str(&buf, REC_T_FACTS, yt_str(i < COUNT(case_of_hers) ? case_of_hers[i] : consent));
		rec_end(&buf, at);
	}
	talk.payload = yt_buf_view(&buf);
	engine_talk(t.engine, &talk);
	yt_buf_free(&buf);
}

static void passes(int64_t ms)
{
	t.mono_ms += ms;
	engine_tick(t.engine);
}

#define QUOTE(payable, to)                                                                                             \
	"{\"code\":\"0\",\"message\":\"ok\",\"data\":{\"quoteNo\":\"Q1\",\"payable\":" payable                         \
	",\"liabilities\":[],\"payTo\":\"" to "\",\"validUntil\":\"2026-11-20T18:00:00+08:00\"}}"

/* -- what the insurer may do ----------------------------------------------------------------------- */

static const struct row {
	const char *it;
	const char *cash; /* of the platform's answer; the sums of 350.00 hold */
	enum engine_leg_end end;
	const char *body;
	const char *shown; /* NULL: the platform's answer alone */
} rows[] = {
	{ "pays the institution", "350.00", LEG_ANSWERED, QUOTE("10050", "INSTITUTION"),
	        "\"commercial_quote\":{\"insurer\":\"tianyi\",\"quote_no\":\"Q1\",\"payable_amt\":\"100.50\",\"pay_to\":"
	        "\"INSTITUTION\",\"valid_until\":\"2026-11-20 18:00:00\",\"collect_amt\":\"249.50\"}" },
	{ "pays the person: what is collected stays", "350.00", LEG_ANSWERED, QUOTE("10050", "PERSON"),
	        "\"payable_amt\":\"100.50\",\"pay_to\":\"PERSON\",\"valid_until\":\"2026-11-20 18:00:00\",\"collect_amt\":"
	        "\"350.00\"}" },
	{ "pays all", "350.00", LEG_ANSWERED, QUOTE("35000", "INSTITUTION"), "\"collect_amt\":\"0.00\"}" },
	{ "pays nothing", "350.00", LEG_ANSWERED, QUOTE("0", "INSTITUTION"), "\"collect_amt\":\"350.00\"}" },
	{ "would pay more than there is to pay", "350.00", LEG_ANSWERED, QUOTE("35001", "INSTITUTION"), NULL },
	{ "refuses", "350.00", LEG_ANSWERED, "{\"code\":\"B2001\",\"message\":\"not insured\"}", NULL },
	{ "speaks nonsense", "350.00", LEG_ANSWERED, "<html>", NULL },
	{ "is cut off", "350.00", LEG_LOST, "", NULL },
	{ "is away", "350.00", LEG_NOT_SENT, "", NULL },
	{ "is too slow", "350.00", LEG_TIMED_OUT, "", NULL },
};

static void check_answer(const char *shown)
{
	assert_int_equal(t.answers, 1);
	if (strstr(t.answer, SETLINFO("350.00")) == NULL) /* octet for octet */
		fail_msg("the platform's part was changed: %s", t.answer);
	if (shown == NULL)
		assert_null(strstr(t.answer, "commercial_quote"));
	else if (strstr(t.answer, shown) == NULL)
		fail_msg("not there: %s\nin: %s", shown, t.answer);
	assert_true(engine_is_idle(t.engine) || t.answers == 1);
}

static void insurer_does(void **state)
{
	const struct row *row = *state;

	setup(NULL);
	ask(1);
	leg_ends(LEG_ANSWERED, ANSWER("350.00"));
	facts_come(CONSENT);
	assert_string_equal(t.to, "tianyi");
	assert_non_null(memmem(t.sent.p, t.sent.n, "\"cashPay\":35000", 15));
	assert_non_null(memmem(t.sent.p, t.sent.n, "\"authNo\":\"SQ1\"", 14));
	assert_true(t.deadline_ms <= t.mono_ms + QUOTE_MS);
	assert_int_equal(t.answers, 0);
	leg_ends(row->end, row->body);
	check_answer(row->shown);
	engine_flushed(t.engine, 1);
	assert_true(engine_is_idle(t.engine));
	teardown(NULL);
}

/* -- when it is not asked --------------------------------------------------------------------------- */

static void nothing_of_a_person_leaves_without_consent(void **state)
{
	ask(1);
	leg_ends(LEG_ANSWERED, ANSWER("350.00"));
	facts_come(NULL);
	assert_int_equal(t.asked, 0);
	check_answer(NULL);
}

/* The insurer keeps a list: only who is on a current one is asked about. */
static void nothing_of_who_is_not_on_its_list_leaves(void **state)
{
	static const struct {
		enum enrolment_state is;
		const char *of;
		unsigned asked;
	} lists[] = { { ENROLMENT_CURRENT, "330299198804123029", 1 }, { ENROLMENT_CURRENT, "330299197511034511", 0 },
		{ ENROLMENT_OLD, "330299198804123029", 0 }, { ENROLMENT_MISSING, "330299198804123029", 0 },
		{ ENROLMENT_UNUSABLE, "330299198804123029", 0 } };

	insurer.by_list = true;
	for (size_t i = 0; i < COUNT(lists); i++) {
		teardown(NULL);
		setup(NULL);
		list_is = lists[i].is;
		list_of = lists[i].of;
		ask(1);
		leg_ends(LEG_ANSWERED, ANSWER("350.00"));
		facts_come(CONSENT);
		assert_int_equal(strcmp(t.to, "tianyi") == 0, lists[i].asked);
		if (lists[i].asked == 0)
			check_answer(NULL);
		else
			leg_ends(LEG_LOST, "");
	}
	insurer.by_list = false;
}

static void sums_that_do_not_add_up_are_not_quoted(void **state)
{
	ask(1);
	leg_ends(LEG_ANSWERED, ANSWER("350.01"));
	assert_int_equal(t.seq[UP_FACTS], 0);
	assert_int_equal(t.answers, 1);
	assert_null(strstr(t.answer, "commercial_quote"));
}

static void a_refused_presettlement_is_not_quoted(void **state)
{
	ask(1);
	leg_ends(LEG_ANSWERED, "{\"infcode\":-1,\"err_msg\":\"no such visit\",\"output\":null}");
	assert_int_equal(t.seq[UP_FACTS], 0);
	assert_int_equal(t.answers, 1);
}

/* -- time ------------------------------------------------------------------------------------------- */

/* Neither the keeper's nor the insurer's silence holds the counter up for longer; what comes then is too late. */
static void the_counter_waits_for_nobody(void **state)
{
	ask(1);
	leg_ends(LEG_ANSWERED, ANSWER("350.00"));
	passes(QUOTE_MS - 1);
	assert_int_equal(t.answers, 0);
	passes(1);
	check_answer(NULL);
	facts_come(CONSENT);
	assert_int_equal(t.asked, 0);
	engine_flushed(t.engine, 1);

	t.answers = 0;
	ask(2);
	leg_ends(LEG_ANSWERED, ANSWER("350.00"));
	facts_come(CONSENT);
	assert_int_equal(t.asked, 1);
	passes(QUOTE_MS);
	check_answer(NULL);
	leg_ends(LEG_ANSWERED, QUOTE("10050", "INSTITUTION"));
	assert_int_equal(t.answers, 1);
	engine_flushed(t.engine, 2);
	assert_true(engine_is_idle(t.engine));
}

static void who_is_gone_is_forgotten(void **state)
{
	ask(1);
	leg_ends(LEG_ANSWERED, ANSWER("350.00"));
	facts_come(CONSENT);
	engine_gone(t.engine, 1);
	leg_ends(LEG_ANSWERED, QUOTE("10050", "INSTITUTION"));
	assert_int_equal(t.answers, 0);
	assert_true(engine_is_idle(t.engine));
}

/* true: the insurer was asked. */
static bool quote_of(uint64_t token, enum engine_leg_end end)
{
	unsigned before = t.asked;

	t.answers = 0;
	ask(token);
	t.seq[UP_FACTS] = 0;
	leg_ends(LEG_ANSWERED, ANSWER("350.00"));
	if (t.seq[UP_FACTS] != 0)
		facts_come(CONSENT);
	if (t.asked != before)
		leg_ends(end, QUOTE("10050", "INSTITUTION"));
	assert_int_equal(t.answers, 1);
	engine_flushed(t.engine, token);
	return t.asked != before;
}

/* Once it has failed thrice running nobody waits for it; then one in each pause tries. */
static void an_insurer_that_fails_is_left_alone_for_a_while(void **state)
{
	assert_true(quote_of(1, LEG_TIMED_OUT));
	assert_true(quote_of(2, LEG_TIMED_OUT));
	assert_true(quote_of(3, LEG_ANSWERED)); /* not running: begins anew */
	for (uint64_t i = 4; i < 7; i++)
		assert_true(quote_of(i, LEG_TIMED_OUT));
	assert_false(quote_of(7, LEG_ANSWERED));
	passes(PAUSE_MS - 1);
	assert_false(quote_of(8, LEG_ANSWERED));
	passes(1);
	assert_true(quote_of(9, LEG_TIMED_OUT));
	assert_false(quote_of(10, LEG_ANSWERED));
	passes(PAUSE_MS);
	assert_true(quote_of(11, LEG_ANSWERED));
	assert_true(quote_of(12, LEG_ANSWERED));
}

int main(void)
{
	struct CMUnitTest tests[COUNT(rows) + 8];
	size_t n = 0;

	for (size_t i = 0; i < COUNT(rows); i++)
		tests[n++] = (struct CMUnitTest){ rows[i].it, insurer_does, NULL, NULL, (void *)&rows[i] };
#define TEST(f) tests[n++] = (struct CMUnitTest)cmocka_unit_test_setup_teardown(f, setup, teardown)
	TEST(nothing_of_a_person_leaves_without_consent);
	TEST(nothing_of_who_is_not_on_its_list_leaves);
	TEST(sums_that_do_not_add_up_are_not_quoted);
	TEST(a_refused_presettlement_is_not_quoted);
	TEST(the_counter_waits_for_nobody);
	TEST(who_is_gone_is_forgotten);
	TEST(an_insurer_that_fails_is_left_alone_for_a_while);
	return _cmocka_run_group_tests("quote", tests, n, NULL, NULL);
}
