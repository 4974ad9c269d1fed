/* What both insurers' codecs share: what is stopped before a claim leaves, what the person's consent and the agreement
 * keep back, and a claim of the one told to the other. */
#include "insurer_peer.h"
#include "insurer_claim.h"
#include "yitong/charset.h"

static const char *const ty_all[] = { "app_id", "gw330299", "key", "mac", "field_key", "field", "version", "1.1",
	"allowed", "*", NULL };
static const char *const ty_usual[] = { "app_id", "gw330299", "key", "mac", "field_key", "field", NULL };
static const char *const jh_all[] = { "partner", "GW330799", "sign_key", "ours", "verify_key", "ours", "allowed", "*",
	NULL };
static const char *const jh_usual[] = { "partner", "GW330799", "sign_key", "ours", "verify_key", "ours", NULL };

struct both {
	struct world w;
	struct codec ty, jh;
};

static struct both both_open(const char *const *ty, const char *const *jh)
{
	struct both b = { .w = world_open() };

	make_sm2(&b.w, "ours");
	b.ty = open_codec(&b.w, YT_PLUGIN_DIR "/tianyi.so", ty);
	b.jh = open_codec(&b.w, YT_PLUGIN_DIR "/jinhui.so", jh);
	return b;
}

static void both_close(struct both *b)
{
	plugin_unload(b->ty.plugin);
	plugin_unload(b->jh.plugin);
	world_close(&b->w);
}

static struct yt_msg *claim_with(struct both *b, bool is_ty, const char *from, const char *to)
{
	struct yt_str text = changed(&b->w, YT_STR(CLAIM), from, to);

	return message(&b->w, YT_OP_CLAIM_SUBMIT, is_ty ? TY_NUMBER : JH_NUMBER, CLAIM_NOW, json(&b->w, text.p));
}

static bool has(struct yt_str octets, const char *text)
{
	return memmem(octets.p, octets.n, text, strlen(text)) != NULL;
}

/* -- stopped ------------------------------------------------------------------------------------- */

static const struct stop {
	const char *it;
	const char *from, *to;  /* what is changed in the claim */
	const char *path, *why; /* parts */
} stops[] = {
	{ "no consent", "\"scope\":\"1111\"", "\"scope\":\"\"", "input.consent.scope",
	        "without consent nothing is sent" },
	{ "a consent without the settlement", "\"scope\":\"1111\"", "\"scope\":\"0111\"", "input.consent.scope",
	        "without consent" },
	{ "a consent that has ended", "\"expire_date\":\"2027-12-31\"", "\"expire_date\":\"2026-11-19\"",
	        "input.consent.expire_date", "must give consent again" },
	{ "a consent of tomorrow", "\"auth_time\":\"2026-11-14 10:21:33\"", "\"auth_time\":\"2026-11-21 00:00:00\"",
	        "input.consent.auth_time", "not valid yet" },
	{ "identity 1: the funds", "\"hifob_pay\":10.00", "\"hifob_pay\":10.01", "input.data", "" },
	{ "identity 1: the funds' total", "\"fund_pay_sumamt\":500.00", "\"fund_pay_sumamt\":499.99", "input.data",
	        "" },
	{ "identity 2: the payers", "\"psn_cash_pay\":350.00", "\"psn_cash_pay\":350.01", "input.data", "" },
	{ "identity 2: a part borne by the hospital", "\"medfee_sumamt\":1000.00", "\"medfee_sumamt\":1010.00",
	        "input.data", "" },
	{ "identity 3: the own parts", "\"self_in_amt\":300.00", "\"self_in_amt\":299.99", "input.data",
	        "self_in_amt, preselfpay_amt" },
	{ "identity 4: the lines", "\"det_item_fee_sumamt\":400.00,\"fulamt", "\"det_item_fee_sumamt\":400.01,\"fulamt",
	        "input.data", "the fee lines add up to 1000.01" },
	{ "identity 4: a line", "\"cnt\":2,\"pric\":200", "\"cnt\":2,\"pric\":201", "input.data", "cnt times pric" },
	{ "identity 5: outside the catalogue", "\"fulamt_ownpay_amt\":60.00,\"fee", "\"fulamt_ownpay_amt\":59.99,\"fee",
	        "input.data", "those of the fee lines add up to 59.99" },
	{ "identity 6: the invoices", "\"bill_amt\":1000.00", "\"bill_amt\":999.99", "input.data",
	        "the invoices add up to 999.99" },
	{ "identity 7: discharge before admission", "\"endtime\":\"2026-11-20\"", "\"endtime\":\"2026-11-13\"",
	        "input.data.endtime", "before the admission" },
	{ "identity 7: settlement before discharge", "\"setl_time\":\"2026-11-20 15", "\"setl_time\":\"2026-11-19 15",
	        "input.data.setl_time", "before the discharge" },
	{ "two main diagnoses", "\"maindiag_flag\":\"0\"", "\"maindiag_flag\":\"1\"", "input.diseinfo", "exactly one" },
	{ "a stay without its number", "\"ipt_no\":\"ZY1\",", "", "input.data.ipt_no", "is missing" },
	{ "a kind of care that cannot be claimed", "\"med_type\":\"21\"", "\"med_type\":\"11\"",
	        "input.data.claim_type", "is missing" },
	{ "no certificate number", "\"certno\":\"330299198804123029\",", "", "input.data.certno", "is missing" },
	{ "a certificate that the insurer has no word for", "\"psn_cert_type\":\"01\"", "\"psn_cert_type\":\"90\"",
	        "input.data.psn_cert_type", "is no code" },
	{ "a negative amount", "\"overlmt_selfpay\":10.00", "\"overlmt_selfpay\":-10.00", "input.data.overlmt_selfpay",
	        "is negative" },
	{ "half a fen", "\"overlmt_selfpay\":10.00", "\"overlmt_selfpay\":10.005", "input.data.overlmt_selfpay",
	        "two decimals" },
	{ "an amount beyond all bounds", "\"overlmt_selfpay\":10.00", "\"overlmt_selfpay\":99999999999999.99",
	        "input.data.overlmt_selfpay", "larger than an amount may be" },
	{ "an amount with an exponent", "\"overlmt_selfpay\":10.00", "\"overlmt_selfpay\":1E1",
	        "input.data.overlmt_selfpay", "two decimals" },
	{ "no fee lines", "\"feedetail\":[", "\"feelines\":[", "", "" },
	{ "no invoice", "\"bill\":[", "\"bills\":[", "input.bill[0]", "at least one" },
	{ "a day that is none", "\"brdy\":\"1988-04-12\"", "\"brdy\":\"1988-02-30\"", "input.data.brdy",
	        "must be a day" },
	{ "no hospital stay day", "\"begntime\":\"2026-11-14 08:30:00\",", "", "input.data.begntime", "is missing" },
	{ "nobody says whether it was elsewhere", "\"mdtrtarea_admvs\":\"330299\",", "", "input.data.cross_region",
	        "is missing" },
};

static void a_claim_is_stopped(void **state)
{
	const struct stop *row = *state;
	struct both b = both_open(ty_all, jh_all);

	for (int is_ty = 0; is_ty < 2; is_ty++) {
		struct yt_msg *msg = claim_with(&b, is_ty, row->from, row->to);
		struct yt_str octets;

		assert_int_equal(try_encode(&b.w, is_ty ? &b.ty : &b.jh, msg, &octets), YT_EFORMAT);
		if (strncmp(b.w.fault.path, row->path, strlen(row->path)) != 0 ||
		        strstr(b.w.fault.why, row->why) == NULL)
			fail_msg("%s: %s: %s", is_ty ? "tianyi" : "jinhui", b.w.fault.path, b.w.fault.why);
		assert_int_equal(octets.n, 0);
	}
	both_close(&b);
}

/* Without these changes it is not. */
static void the_claim_itself_is_not_stopped(void **state)
{
	struct both b = both_open(ty_all, jh_all);

	(void)state;
	assert_true(encoded(&b.w, &b.ty, claim_with(&b, true, NULL, NULL)).n > 0);
	assert_true(encoded(&b.w, &b.jh, claim_with(&b, false, NULL, NULL)).n > 0);
	both_close(&b);
}

/* -- kept back ----------------------------------------------------------------------------------- */

static void what_consent_does_not_cover_stays_here(void **state)
{
	static const struct {
		const char *scope;
		const char *ty_gone, *jh_gone;
	} rows[] = {
		{ "\"scope\":\"1011\"", "feeItems", "<LIST_CODE>" },
		{ "\"scope\":\"1101\"", "diagnoses", "DIAG_CODE" },
		{ "\"scope\":\"1101\"", "operations", "<OPER>" },
		{ "\"scope\":\"1110\"", "invoices", "<BILL>" },
		{ "\"scope\":\"1000\"", "K80.100", "K80.100" },
	};
	struct both b = both_open(ty_all, jh_all);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct yt_str ty = encoded(&b.w, &b.ty, claim_with(&b, true, "\"scope\":\"1111\"", rows[i].scope));
		struct yt_str jh = encoded(&b.w, &b.jh, claim_with(&b, false, "\"scope\":\"1111\"", rows[i].scope));

		assert_false(has(ty, rows[i].ty_gone));
		assert_false(has(jh, rows[i].jh_gone));
		assert_true(has(ty, "\"totalFee\":100000"));
	}
	assert_true(has(encoded(&b.w, &b.ty, claim_with(&b, true, NULL, NULL)), "K80.100"));
	both_close(&b);
}

static void a_part_that_consent_does_not_cover_is_refused_when_it_comes(void **state)
{
	struct both b = both_open(ty_all, jh_all);
	struct yt_str octets = encoded(&b.w, &b.ty, claim_with(&b, true, NULL, NULL));
	struct yt_msg *msg;

	(void)state;
	octets = changed(&b.w, octets, ",\"INVOICE\"]", "]");
	assert_int_equal(try_decode(&b.w, &b.ty, octets, &msg), YT_EFORMAT);
	assert_non_null(strstr(b.w.fault.why, "consent does not cover"));
	both_close(&b);
}

static void what_the_agreement_does_not_allow_stays_here(void **state)
{
	static const char *const ty_some[] = { "app_id", "gw330299", "key", "mac", "field_key", "field", "allowed",
		"insured.mobile;visit.deptName", NULL };
	static const char *const jh_some[] = { "partner", "GW330799", "sign_key", "ours", "verify_key", "ours",
		"allowed", "PERSON.MOBILE;VISIT.DEPT", NULL };
	static const char *const ty_none[] = { "app_id", "gw330299", "key", "mac", "field_key", "field", "allowed", "",
		NULL };
	static const char *const jh_none[] = { "partner", "GW330799", "sign_key", "ours", "verify_key", "ours",
		"allowed", "", NULL };
	static const struct {
		const char *const *ty, *const *jh;
		bool contact, other; /* mobile and department; policy, operations and deductible */
	} rows[] = { { ty_all, jh_all, true, true }, { ty_usual, jh_usual, false, true },
		{ ty_some, jh_some, true, false }, { ty_none, jh_none, false, false } };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct both b = both_open(rows[i].ty, rows[i].jh);
		struct yt_str ty = encoded(&b.w, &b.ty, claim_with(&b, true, NULL, NULL));
		struct yt_str jh = encoded(&b.w, &b.jh, claim_with(&b, false, NULL, NULL));

		assert_int_equal(has(ty, "\"mobile\":"), rows[i].contact);
		assert_int_equal(has(ty, "\"deptName\":"), rows[i].contact);
		assert_int_equal(has(jh, "<MOBILE>"), rows[i].contact);
		assert_int_equal(has(jh, "<DEPT>"), rows[i].contact);
		assert_int_equal(has(ty, "\"policyNo\":"), rows[i].other);
		assert_int_equal(has(ty, "\"operations\":"), rows[i].other);
		assert_int_equal(has(ty, "\"dedcStd\":"), rows[i].other);
		assert_int_equal(has(jh, "<POLICY_NO>"), rows[i].other);
		assert_int_equal(has(jh, "<OPER>"), rows[i].other);
		assert_int_equal(has(jh, "<QFX>"), rows[i].other);
		assert_true(has(ty, "\"inpatientNo\":"));
		assert_true(has(jh, "<INP_NO>"));
		both_close(&b);
	}
}

/* -- between them -------------------------------------------------------------------------------- */

/* What stands on one side only (insurer.md 7.4): a claim of either comes to the other whole but for this. */
static const struct carried {
	const char *path;
	const char *ty, *jh; /* value after a way through the other; NULL: the same as in CLAIM */
} carried[] = {
	{ "data.psn_name", "林晚晴", "林晚晴" },
	{ "data.certno", "330299198804123029", "330299198804123029" },
	{ "data.psn_cert_type", "01", "01" },
	{ "data.gend", "2", "2" },
	{ "data.claim_type", "1", "1" },
	{ "data.hosp_lv", "31", "31" },
	{ "data.begntime", "2026-11-14", "2026-11-14" },
	{ "data.setl_time", "2026-11-20 15:42:10", "2026-11-20 15:42:10" },
	{ "data.medfee_sumamt", "1000.00", "1000.00" },
	{ "data.fund_pay_sumamt", "500.00", "500.00" },
	{ "data.hifmi_pay", "60.00", "60.00" },
	{ "data.self_in_amt", "300.00", "300.00" },
	{ "data.cross_region", "0", "0" },
	{ "data.act_pay_dedc", "8.00", "8.00" },
	{ "consent.scope", "1111", "1111" },
	{ "consent.auth_time", "2026-11-14", "2026-11-14" },
	{ "consent.channel", "1", "1" },
	{ "payee.relation", "00", "00" },
	{ "payee.bank_acct_no", "6299993302000001017", "6299993302000001017" },
	{ "diseinfo[0].diag_code", "K80.100", "K80.100" },
	{ "diseinfo[1].maindiag_flag", "0", "0" },
	{ "oprninfo[0].oprn_oprt_code", "51.2300", "51.2300" },
	{ "bill[0].elec_bill_chkcode", "a1b2c3", "a1b2c3" },
	{ "feedetail[0].med_list_codg", "XJ01DDT999A001010199901", "XJ01DDT999A001010199901" },
	{ "feedetail[0].cnt", "2.0000", "2.0000" },
	{ "feedetail[1].list_type", "201", "201" },
	{ "feedetail[2].chrgitm_lv", "03", "03" },
};

static void a_claim_of_the_one_is_told_to_the_other(void **state)
{
	struct both b = both_open(ty_all, jh_all);
	struct yt_msg *ty = decoded(&b.w, &b.ty, encoded(&b.w, &b.ty, claim_with(&b, true, NULL, NULL)), ""), *jh;

	(void)state;
	ty->own_number = YT_STR(JH_NUMBER);
	assert_int_equal(yt_time_parse(YT_STR(CLAIM_NOW), &ty->wall_ms), 0);
	jh = decoded(&b.w, &b.jh, encoded(&b.w, &b.jh, ty), "");
	for (size_t i = 0; i < COUNT(carried); i++)
		assert_text(value_at(jh->body, carried[i].path), carried[i].jh);
	assert_int_equal(value_at(jh->body, "feedetail[0].fee_ocur_time").n, 0); /* not on that wire, as is the ratio */
	/* Back it lacks the times of the lines: whoever asks is told which. */
	jh->own_number = YT_STR(TY_NUMBER);
	assert_int_equal(try_encode(&b.w, &b.ty, jh, &(struct yt_str){ 0 }), YT_EFORMAT);
	assert_string_equal(b.w.fault.path, "input.feedetail[0].fee_ocur_time");
	for (struct yt_node *line = yt_node_get(jh->body, "feedetail")->child; line != NULL; line = line->next) {
		yt_node_add_text(b.w.arena, line, "fee_ocur_time", YT_STR("2026-11-15 09:00:00"));
		yt_node_add_text(b.w.arena, line, "selfpay_prop", YT_STR("0"));
	}
	jh->wall_ms = ty->wall_ms;
	ty = decoded(&b.w, &b.ty, encoded(&b.w, &b.ty, jh), "");
	for (size_t i = 0; i < COUNT(carried); i++)
		if (strcmp(carried[i].path, "consent.auth_time") != 0) /* JH has its day only */
			assert_text(value_at(ty->body, carried[i].path), carried[i].ty);
	assert_text(value_at(ty->body, "consent.auth_time"), "2026-11-14 00:00:00");
	both_close(&b);
}

static void a_decision_of_the_one_is_told_as_the_other_s(void **state)
{
	static const char decision[] =
	        "{\"data\":{\"request_no\":\"" JH_NUMBER "\",\"claim_no\":\"JHA26112000077\",\"setl_id\":\"S1\","
	        "\"claim_state\":\"REJECTED\",\"payable_amt\":0,\"refuse_code\":\"R101\",\"refuse_reason\":\"起付线内\"},"
	        "\"liability\":[{\"liability_code\":\"Z01\",\"base_amt\":1,\"deductible_amt\":1,\"ratio\":0.5,\"pay_amt\":0}],"
	        "\"docs\":[{\"doc_type\":\"02\",\"note\":\"票据\",\"due_date\":\"2026-12-01\"}]}";
	struct both b = both_open(ty_all, jh_all);
	struct yt_msg *query = message(&b.w, YT_OP_CLAIM_QUERY, JH_NUMBER, CLAIM_NOW,
	        json(&b.w, "{\"data\":{\"request_no\":\"" JH_NUMBER "\"}}"));
	struct yt_reply *reply = yt_reply_new(b.w.arena), *back;
	struct yt_buf out = { 0 };
	struct yt_str octets;

	(void)state;
	reply->outcome = YT_DONE;
	reply->body = json(&b.w, decision);
	query->sent = encoded(&b.w, &b.jh, query);
	query = decoded(&b.w, &b.jh, query->sent, "");
	query->sent = query->octets;
	assert_int_equal(b.jh.api->encode_reply(b.jh.plugin, query, reply, &out), 0);
	octets = kept(&b.w, &out);
	assert_true(has(octets, "<REFUSE_CODE>Y001</REFUSE_CODE>"));
	back = answered(&b.w, &b.jh, query, 200, octets);
	assert_int_equal(back->outcome, YT_DONE);
	assert_text(value_at(back->body, "data.refuse_code"), "R101");
	assert_text(value_at(back->body, "docs[0].doc_type"), "02");
	yt_node_add_text(b.w.arena, yt_node_get(back->body, "data"), "setl_id", YT_STR("S1"));
	assert_int_equal(b.ty.api->encode_reply(b.ty.plugin, query, back, &out), 0);
	octets = kept(&b.w, &out);
	assert_true(has(octets, "\"status\":\"REJECTED\""));
	assert_true(has(octets, "\"refuseCode\":\"R101\""));
	assert_true(has(octets, "\"type\":\"INVOICE_IMAGE\""));
	both_close(&b);
}

/* A price below one fen cannot be said by either: the line goes once at its amount, and its name tells. */
static void a_price_below_one_fen_goes_into_the_name(void **state)
{
	struct both b = both_open(ty_all, jh_all);
	const char *from = "\"medins_list_name\":\"头孢\",\"chrgitm_lv\":\"01\",\"cnt\":2,\"pric\":200";
	const char *to = "\"medins_list_name\":\"头孢\",\"chrgitm_lv\":\"01\",\"cnt\":3200,\"pric\":0.125";
	struct yt_msg *ty = decoded(&b.w, &b.ty, encoded(&b.w, &b.ty, claim_with(&b, true, from, to)), "");
	struct yt_msg *jh = decoded(&b.w, &b.jh, encoded(&b.w, &b.jh, claim_with(&b, false, from, to)), "");

	(void)state;
	assert_text(value_at(ty->body, "feedetail[0].medins_list_name"), "头孢[3200*0.125]");
	assert_text(value_at(ty->body, "feedetail[0].cnt"), "1.0000");
	assert_text(value_at(ty->body, "feedetail[0].pric"), "400.00");
	assert_text(value_at(jh->body, "feedetail[0].medins_list_name"), "头孢[3200*0.125]");
	assert_text(value_at(jh->body, "feedetail[0].pric"), "400.00");
	both_close(&b);
}

/* -- at random ----------------------------------------------------------------------------------- */

static uint32_t next(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* A claim of n lines that adds up; texts of all planes that both charsets have. */
static struct yt_str random_claim(struct world *w, uint32_t *seed, unsigned n)
{
	static const char *const names[] = { "头孢", "㐀𠀀（乙）", "a|b<c>&\\\"d", "ㄅㄆ°", "𰻞面" };
	struct yt_buf lines = { 0 }, out = { 0 };
	int64_t total = 0, outside = 0, fund, cash, over, pre;

	for (unsigned i = 0; i < n; i++) {
		int64_t cnt = 1 + next(seed) % 9, pric = next(seed) % 1000000, fen = cnt * pric;
		unsigned kind = next(seed) % 3;
		int64_t own = next(seed) % 4 == 0 ? fen : 0;

		total += fen;
		outside += own;
		yt_buf_printf(&lines,
		        "%s{\"list_type\":\"%d01\",\"med_list_codg\":\"L%u\",\"medins_list_name\":\"%s\",\"chrgitm_lv\":\"0%d\","
		        "\"selfpay_prop\":0.%04u,\"cnt\":%d,\"pric\":%d.%02d,\"det_item_fee_sumamt\":%lld.%02lld,"
		        "\"fulamt_ownpay_amt\":%lld.%02lld,\"fee_ocur_time\":\"2026-11-15 09:00:%02u\"}",
		        i > 0 ? "," : "", kind + 1, i, names[next(seed) % COUNT(names)],
		        own > 0 ? 3 : 1 + (int)(next(seed) % 2), next(seed) % 10000, (int)cnt, (int)(pric / 100),
		        (int)(pric % 100), (long long)fen / 100, (long long)fen % 100, (long long)own / 100,
		        (long long)own % 100, i % 60);
	}
	fund = (total - outside) / 2;
	cash = total - fund;
	over = (cash - outside) / 3;
	pre = (cash - outside) / 4;
	yt_buf_printf(&out,
	        CLAIM_PERSON
	        "\"setlinfo\":{\"setl_id\":\"S%u\",\"setl_time\":\"2026-11-20 15:42:10\",\"medfee_sumamt\":%lld.%02lld,"
	        "\"hifp_pay\":%lld.%02lld,\"fund_pay_sumamt\":%lld.%02lld,\"psn_cash_pay\":%lld.%02lld,"
	        "\"overlmt_selfpay\":%lld.%02lld,\"preselfpay_amt\":%lld.%02lld,\"fulamt_ownpay_amt\":%lld.%02lld},"
	        "\"bill\":[{\"elec_bill_code\":\"B\",\"elec_billno_code\":\"%u\",\"elec_bill_chkcode\":\"a1b2c3\","
	        "\"bill_date\":\"2026-11-20\",\"bill_amt\":%lld.%02lld}],\"feedetail\":[%.*s]}",
	        next(seed), (long long)total / 100, (long long)total % 100, (long long)fund / 100,
	        (long long)fund % 100, (long long)fund / 100, (long long)fund % 100, (long long)cash / 100,
	        (long long)cash % 100, (long long)over / 100, (long long)over % 100, (long long)pre / 100,
	        (long long)pre % 100, (long long)outside / 100, (long long)outside % 100, next(seed),
	        (long long)total / 100, (long long)total % 100, (int)lines.n, (char *)lines.p);
	yt_buf_free(&lines);
	return kept(w, &out);
}

static void random_claims_come_back_as_they_went(void **state)
{
	uint32_t seed = 20261122;

	(void)state;
	for (unsigned i = 0; i < 60; i++) {
		struct both b = both_open(ty_all, jh_all);
		struct yt_str text = random_claim(&b.w, &seed, 1 + next(&seed) % 40);

		for (int is_ty = 0; is_ty < 2; is_ty++) {
			struct codec *c = is_ty ? &b.ty : &b.jh;
			struct yt_msg *msg = message(
			        &b.w, YT_OP_CLAIM_SUBMIT, is_ty ? TY_NUMBER : JH_NUMBER, CLAIM_NOW, json(&b.w, text.p));
			struct yt_str octets = encoded(&b.w, c, msg);
			struct yt_msg *once = decoded(&b.w, c, octets, ""), *twice;

			once->own_number = msg->own_number;
			once->wall_ms = msg->wall_ms;
			twice = decoded(&b.w, c, encoded(&b.w, c, once), "");
			assert_same(as_json(&b.w, twice->body), as_json(&b.w, once->body));
			assert_int_equal(once->amount_fen, twice->amount_fen);
			assert_int_equal(
			        yt_node_get(once->body, "feedetail")->n, yt_node_get(msg->body, "feedetail")->n);
		}
		both_close(&b);
	}
}

/* 5,000 lines are taken, one more is not. */
static void too_many_lines_are_stopped(void **state)
{
	uint32_t seed = 7;
	struct both b = both_open(ty_all, jh_all);

	(void)state;
	for (unsigned n = 5000; n <= 5001; n++) {
		struct yt_str text = random_claim(&b.w, &seed, n);

		for (int is_ty = 0; is_ty < 2; is_ty++) {
			struct yt_msg *msg = message(
			        &b.w, YT_OP_CLAIM_SUBMIT, is_ty ? TY_NUMBER : JH_NUMBER, CLAIM_NOW, json(&b.w, text.p));
			struct yt_str octets;
			int rv = try_encode(&b.w, is_ty ? &b.ty : &b.jh, msg, &octets);

			if (rv != (n == 5000 ? 0 : YT_EFORMAT))
				fail_msg("%u lines: %d %s %s", n, rv, b.w.fault.path, b.w.fault.why);
		}
	}
	both_close(&b);
}

/* Codes of a province's own. */
static void levels_are_translated_by_a_setting(void **state)
{
	static const char *const ty_own[] = { "app_id", "gw330299", "key", "mac", "field_key", "field",
		"hospital_levels", "02=3A;99=NA", NULL };
	static const char *const jh_own[] = { "partner", "GW330799", "sign_key", "ours", "verify_key", "ours",
		"hospital_levels", "02=31;99=90", NULL };
	struct both b = both_open(ty_own, jh_own);
	const char *from = "\"hosp_lv\":\"31\"", *to = "\"hosp_lv\":\"02\"";
	struct yt_str octets;

	(void)state;
	assert_true(has(encoded(&b.w, &b.ty, claim_with(&b, true, from, to)), "\"hospitalLevel\":\"3A\""));
	assert_true(has(encoded(&b.w, &b.jh, claim_with(&b, false, from, to)), "<HOSP_LV>31</HOSP_LV>"));
	assert_int_equal(try_encode(&b.w, &b.ty, claim_with(&b, true, NULL, NULL), &octets), YT_EFORMAT);
	assert_string_equal(b.w.fault.path, "input.data.hosp_lv");
	both_close(&b);
}

/* -- limits -------------------------------------------------------------------------------------- */

static struct yt_msg *documents(struct both *b, bool is_ty, unsigned n, size_t octets, const char *sm3)
{
	struct yt_buf base64 = { 0 }, out = { 0 };
	uint8_t *content = calloc(1, octets);

	assert_non_null(content);
	yt_base64_add(&base64, content, octets);
	free(content);
	yt_buf_text(&out, "{\"data\":{\"claim_no\":\"C1\",\"request_no\":\"" JH_NUMBER "\"},\"docs\":[");
	for (unsigned i = 0; i < n; i++) {
		yt_buf_printf(&out,
		        "%s{\"doc_type\":\"01\",\"file_name\":\"a\",\"file_type\":\"png\",\"sm3\":\"%s\",\"content\":\"",
		        i > 0 ? "," : "", sm3);
		yt_buf_str(&out, yt_buf_view(&base64));
		yt_buf_text(&out, "\"}");
	}
	yt_buf_text(&out, "]}");
	yt_buf_free(&base64);
	return message(&b->w, YT_OP_CLAIM_DOCUMENTS, is_ty ? TY_NUMBER : JH_NUMBER, CLAIM_NOW,
	        json(&b->w, kept(&b->w, &out).p));
}

static void documents_have_limits(void **state)
{
	static const struct {
		unsigned n;
		size_t octets;
		const char *sm3;
		int ty, jh;
		const char *why;
	} rows[] = {
		{ 1, 2u << 20, "", 0, 0, "" },
		{ 1, (2u << 20) + 1, "", YT_EFORMAT, YT_EFORMAT, "2 MiB" },
		{ 1, 3, "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0", YT_EFORMAT, YT_EFORMAT,
		        "another SM3" },
		{ 2, 2u << 20, "", YT_ELIMIT, 0, "4 MiB" },
		{ 3, 2u << 20, "", YT_ELIMIT, YT_ELIMIT, "MiB" },
	};
	struct both b = both_open(ty_all, jh_all);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (int is_ty = 0; is_ty < 2; is_ty++) {
			struct yt_msg *msg = documents(&b, is_ty, rows[i].n, rows[i].octets, rows[i].sm3);
			struct yt_str octets;
			int rv = try_encode(&b.w, is_ty ? &b.ty : &b.jh, msg, &octets);

			if (rv != (is_ty ? rows[i].ty : rows[i].jh) ||
			        (rv != 0 && strstr(b.w.fault.why, rows[i].why) == NULL))
				fail_msg("row %zu, %s: %d %s %s", i, is_ty ? "tianyi" : "jinhui", rv, b.w.fault.path,
				        b.w.fault.why);
		}
		yt_arena_reset(b.w.arena);
	}
	both_close(&b);
}

/* A message of n octets more than it needs. */
static struct yt_str padded(struct world *w, struct yt_str octets, size_t to)
{
	struct yt_buf out = { 0 };

	yt_buf_add(&out, octets.p, octets.n - 1);
	while (out.n + 1 < to)
		yt_buf_byte(&out, ' ');
	yt_buf_add(&out, octets.p + octets.n - 1, 1);
	return kept(w, &out);
}

static void messages_have_limits(void **state)
{
	struct both b = both_open(ty_all, jh_all);
	struct yt_str ty = encoded(&b.w, &b.ty, claim_with(&b, true, NULL, NULL));
	struct yt_str jh = encoded(&b.w, &b.jh, claim_with(&b, false, NULL, NULL));
	size_t line = strlen("POST /ins/v1/claims\n");
	struct yt_msg *msg;

	(void)state;
	assert_int_equal(try_decode(&b.w, &b.ty, padded(&b.w, ty, line + (4u << 20)), &msg), 0);
	assert_int_equal(try_decode(&b.w, &b.ty, padded(&b.w, ty, line + (4u << 20) + 1), &msg), YT_ELIMIT);
	assert_text(msg->refusal, "B1004");
	assert_int_equal(try_decode(&b.w, &b.jh, padded(&b.w, jh, 8u << 20), &msg), 0);
	assert_int_equal(try_decode(&b.w, &b.jh, padded(&b.w, jh, (8u << 20) + 1), &msg), YT_ELIMIT);
	assert_int_equal(try_decode(&b.w, &b.ty, changed(&b.w, ty, "\"A\"", "[[[[[[[[1]]]]]]]]"), &msg), YT_ELIMIT);
	both_close(&b);
}

static void operations_of_jinhui_are_twenty(void **state)
{
	struct both b = both_open(ty_all, jh_all);

	(void)state;
	for (unsigned n = 20; n <= 21; n++) {
		struct yt_msg *msg = claim_with(&b, false, NULL, NULL);
		struct yt_node *rows = yt_node_get(msg->body, "oprninfo");
		struct yt_str octets;

		for (unsigned i = rows->n; i < n; i++) {
			struct yt_node *row = yt_node_add(b.w.arena, rows, (struct yt_str){ NULL, 0 }, YT_OBJECT);

			yt_node_add_text(b.w.arena, row, "oprn_oprt_code", YT_STR("51.2300"));
			yt_node_add_text(b.w.arena, row, "oprn_oprt_name", YT_STR("x"));
			yt_node_add_text(b.w.arena, row, "oprn_oprt_date", YT_STR("2026-11-16"));
		}
		assert_int_equal(try_encode(&b.w, &b.jh, msg, &octets), n == 20 ? 0 : YT_EFORMAT);
		msg->own_number = YT_STR(TY_NUMBER);
		assert_int_equal(try_encode(&b.w, &b.ty, msg, &octets), 0);
	}
	both_close(&b);
}

/* What the engine's facts of a case say is enough: no fee line has a name or a ratio, the visit is one of a day. */
static void what_a_case_knows_is_enough(void **state)
{
	struct both b = both_open(ty_all, jh_all);
	struct yt_str text = changed(&b.w, YT_STR(CLAIM), "\"selfpay_prop\":0.1,", "\"preselfpay_amt\":54.00,");
	struct yt_msg *ty;

	(void)state;
	text = changed(&b.w, text, "\"medins_list_name\":\"手术\",", "");
	text = changed(&b.w, text, "\"med_type\":\"21\"", "\"med_type\":\"140201\"");
	text = changed(&b.w, text, "\"endtime\":\"2026-11-20\",\"ipt_no\":\"ZY1\",", "");
	text = changed(&b.w, text, "\"auth_no\"", "\"product_code\":\"TYYNB-2027\",\"auth_no\"");
	ty = decoded(&b.w, &b.ty,
	        encoded(&b.w, &b.ty, message(&b.w, YT_OP_CLAIM_SUBMIT, TY_NUMBER, CLAIM_NOW, json(&b.w, text.p))), "");
	assert_text(value_at(ty->body, "feedetail[1].selfpay_prop"), "0.1000");
	assert_text(value_at(ty->body, "feedetail[1].medins_list_name"), "003311020170000");
	assert_text(value_at(ty->body, "data.claim_type"), "2");
	assert_text(value_at(ty->body, "data.endtime"), "2026-11-14");
	assert_text(value_at(ty->body, "data.product_code"), "TYYNB-2027");
	both_close(&b);
}

int main(void)
{
	enum { N_STOPS = COUNT(stops), N_PLAIN = 14 };
	struct CMUnitTest tests[N_PLAIN + N_STOPS] = {
		cmocka_unit_test(the_claim_itself_is_not_stopped),
		cmocka_unit_test(what_consent_does_not_cover_stays_here),
		cmocka_unit_test(a_part_that_consent_does_not_cover_is_refused_when_it_comes),
		cmocka_unit_test(what_the_agreement_does_not_allow_stays_here),
		cmocka_unit_test(a_claim_of_the_one_is_told_to_the_other),
		cmocka_unit_test(a_decision_of_the_one_is_told_as_the_other_s),
		cmocka_unit_test(a_price_below_one_fen_goes_into_the_name),
		cmocka_unit_test(random_claims_come_back_as_they_went),
		cmocka_unit_test(too_many_lines_are_stopped),
		cmocka_unit_test(levels_are_translated_by_a_setting),
		cmocka_unit_test(documents_have_limits),
		cmocka_unit_test(messages_have_limits),
		cmocka_unit_test(operations_of_jinhui_are_twenty),
		cmocka_unit_test(what_a_case_knows_is_enough),
	};

	for (size_t i = 0; i < N_STOPS; i++)
		tests[N_PLAIN + i] = (struct CMUnitTest){ .name = stops[i].it,
			.test_func = a_claim_is_stopped,
			.initial_state = (void *)(uintptr_t)&stops[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
