/* Messages of 金惠保 that are not believed, what each code of its answers proves (insurer.md 7.6), how the outcome of a
 * case is found out, and what another try is sent as. */
#include "format/sm.h"
#include "insurer_claim.h"
#include "insurer_peer.h"
#include "yitong/charset.h"

#define PLUGIN YT_PLUGIN_DIR "/jinhui.so"

static const char *const gateway[] = { "partner", "GW330799", "sign_key", "ours", "verify_key", "theirs", NULL };
static const char *const insurer[] = { "partner", "GW330799", "sign_key", "theirs", "verify_key", "ours", NULL };

struct sides {
	struct world w;
	struct codec gateway, insurer;
};

static struct sides sides_open(void)
{
	struct sides s = { .w = world_open() };

	make_sm2(&s.w, "ours");
	make_sm2(&s.w, "theirs");
	s.gateway = open_codec(&s.w, PLUGIN, gateway);
	s.insurer = open_codec(&s.w, PLUGIN, insurer);
	return s;
}

static void sides_close(struct sides *s)
{
	plugin_unload(s->gateway.plugin);
	plugin_unload(s->insurer.plugin);
	world_close(&s->w);
}

static struct yt_msg *submitted(struct sides *s)
{
	struct yt_msg *msg = message(&s->w, YT_OP_CLAIM_SUBMIT, JH_NUMBER, CLAIM_NOW, json(&s->w, CLAIM));

	msg->sent = encoded(&s->w, &s->gateway, msg);
	return msg;
}

/* -- documents by hand --------------------------------------------------------------------------- */

struct doc {
	const char *before;         /* what stands before <HEAD>; NULL: as it should */
	const char *head;           /* members before DIGEST */
	const char *body;           /* "<BODY>...</BODY>" */
	const char *signer, *after; /* what stands behind </BODY>; NULL: as it should */
	const char *digest;         /* NULL: the right one */
};

#define DECLARED "<?xml version=\"1.0\" encoding=\"GB18030\"?>"
#define REQUEST_HEAD                                                                                                   \
	"<VERSION>2.0</VERSION><TRANS_CODE>JH2002</TRANS_CODE><PARTNER_NO>GW330799</PARTNER_NO>"                       \
	"<TRANS_NO>" JH_NUMBER "00</TRANS_NO><TRANS_TIME>20261120160000</TRANS_TIME>"
#define QUESTION "<BODY><APPLY_NO>" JH_NUMBER "</APPLY_NO><CASE_NO></CASE_NO></BODY>"

static struct yt_str document(struct world *w, const struct doc *doc)
{
	struct yt_buf hex = { 0 }, der = { 0 }, out = { 0 };
	uint8_t digest[32], signature[64];
	struct yt_piece piece;

	yt_sm3(yt_str(doc->body), digest);
	yt_hex_add(&hex, digest, sizeof(digest), false);
	piece = YT_PIECE(doc->digest != NULL ? yt_str(doc->digest) : yt_buf_view(&hex));
	assert_int_equal(keys_sm2_sign(w->keys, yt_str(doc->signer), NULL, &piece, 1, signature), 0);
	assert_int_equal(sm2_signature_to_der(signature, &der), 0);
	yt_buf_text(&out, doc->before != NULL ? doc->before : DECLARED "<JHB>");
	yt_buf_printf(&out, "<HEAD>%s<DIGEST>%.*s</DIGEST><SIGN>", doc->head, (int)piece.text.n, piece.text.p);
	yt_base64_add(&out, der.p, der.n);
	yt_buf_printf(&out, "</SIGN></HEAD>%s%s", doc->body, doc->after != NULL ? doc->after : "</JHB>");
	yt_buf_free(&hex);
	yt_buf_free(&der);
	return kept(w, &out);
}

/* -- requests that are not believed --------------------------------------------------------------- */

static const struct lie {
	const char *it;
	struct doc doc;
	int rv;
	const char *code, *path; /* our refusal */
} lies[] = {
	{ "another digest",
	        { NULL, REQUEST_HEAD, QUESTION, "ours", NULL,
	                "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0" },
	        YT_EDENIED, "1002", "HEAD.DIGEST" },
	{ "another's signature", { NULL, REQUEST_HEAD, QUESTION, "theirs", NULL, NULL }, YT_EDENIED, "1003",
	        "HEAD.SIGN" },
	{ "another partner",
	        { NULL,
	                "<VERSION>2.0</VERSION><TRANS_CODE>JH2002</TRANS_CODE><PARTNER_NO>GW330798</PARTNER_NO><TRANS_NO>1</"
	                "TRANS_NO><TRANS_TIME>20261120160000</TRANS_TIME>",
	                QUESTION, "ours", NULL, NULL },
	        YT_EFORMAT, "1004", "HEAD.PARTNER_NO" },
	{ "a transaction that is none",
	        { NULL,
	                "<VERSION>2.0</VERSION><TRANS_CODE>JH2009</TRANS_CODE><PARTNER_NO>GW330799</PARTNER_NO><TRANS_NO>1</"
	                "TRANS_NO><TRANS_TIME>20261120160000</TRANS_TIME>",
	                QUESTION, "ours", NULL, NULL },
	        YT_EFORMAT, "1007", "HEAD.TRANS_CODE" },
	{ "another version",
	        { NULL,
	                "<VERSION>1.0</VERSION><TRANS_CODE>JH2002</TRANS_CODE><PARTNER_NO>GW330799</PARTNER_NO><TRANS_NO>1</"
	                "TRANS_NO><TRANS_TIME>20261120160000</TRANS_TIME>",
	                QUESTION, "ours", NULL, NULL },
	        YT_EFORMAT, "2001", "HEAD.VERSION" },
	{ "a time that is none",
	        { NULL,
	                "<VERSION>2.0</VERSION><TRANS_CODE>JH2002</TRANS_CODE><PARTNER_NO>GW330799</PARTNER_NO><TRANS_NO>1</"
	                "TRANS_NO><TRANS_TIME>20261320160000</TRANS_TIME>",
	                QUESTION, "ours", NULL, NULL },
	        YT_EFORMAT, "2001", "HEAD.TRANS_TIME" },
	{ "a member of HEAD twice", { NULL, REQUEST_HEAD "<TRANS_NO>2</TRANS_NO>", QUESTION, "ours", NULL, NULL },
	        YT_EFORMAT, "2001", "HEAD.TRANS_NO" },
	{ "a member of BODY twice",
	        { NULL, REQUEST_HEAD, "<BODY><APPLY_NO>1</APPLY_NO><APPLY_NO>2</APPLY_NO></BODY>", "ours", NULL, NULL },
	        YT_EFORMAT, "2001", "APPLY_NO" },
	{ "no case at all", { NULL, REQUEST_HEAD, "<BODY></BODY>", "ours", NULL, NULL }, YT_EFORMAT, "2001",
	        "data.request_no" },
	{ "two BODYs", { NULL, REQUEST_HEAD, QUESTION, "ours", "<BODY/></JHB>", NULL }, YT_EFORMAT, "1001",
	        "(message)" },
	{ "another root", { DECLARED "<XYZ>", REQUEST_HEAD, QUESTION, "ours", "</XYZ>", NULL }, YT_EFORMAT, "1001",
	        "(message)" },
	{ "a DOCTYPE", { DECLARED "<!DOCTYPE JHB><JHB>", REQUEST_HEAD, QUESTION, "ours", NULL, NULL }, YT_EFORMAT,
	        "1001", "(message)" },
	{ "an attribute",
	        { NULL, REQUEST_HEAD, "<BODY><APPLY_NO>" JH_NUMBER "</APPLY_NO><X><Y a=\"1\">1</Y></X></BODY>", "ours",
	                NULL, NULL },
	        YT_EFORMAT, "1001", "(message)" },
	{ "a namespace", { DECLARED "<JHB xmlns=\"x\">", REQUEST_HEAD, QUESTION, "ours", NULL, NULL }, YT_EFORMAT,
	        "1001", "(message)" },
	{ "another charset",
	        { "<?xml version=\"1.0\" encoding=\"UTF-8\"?><JHB>", REQUEST_HEAD, QUESTION, "ours", NULL, NULL },
	        YT_EFORMAT, "1001", "(message)" },
	{ "something behind it", { NULL, REQUEST_HEAD, QUESTION, "ours", "</JHB><JHB/>", NULL }, YT_EFORMAT, "1001",
	        "(message)" },
	{ "too deep", { NULL, REQUEST_HEAD, "<BODY><A><B><C><D>1</D></C></B></A></BODY>", "ours", NULL, NULL },
	        YT_ELIMIT, "1001", "(message)" },
};

static void a_request_is_not_believed(void **state)
{
	const struct lie *row = *state;
	struct sides s = sides_open();
	const struct doc good = { NULL, REQUEST_HEAD, QUESTION, "ours", NULL, NULL };
	struct yt_reply *reply = yt_reply_new(s.w.arena);
	struct yt_buf out = { 0 };
	struct yt_str octets;
	struct yt_msg *msg;

	assert_int_equal(try_decode(&s.w, &s.insurer, document(&s.w, &good), &msg), 0);
	assert_true(msg->is_authentic);
	assert_int_equal(msg->expires_ms - msg->sent_ms, 600000);
	assert_int_equal(msg->sent_ms - msg->valid_from_ms, 600000);
	assert_int_equal(try_decode(&s.w, &s.insurer, document(&s.w, &row->doc), &msg), row->rv);
	assert_string_equal(s.w.fault.path, row->path);
	assert_text(msg->refusal, row->code);
	/* The refusal can be written, and is one of ours. */
	reply->outcome = YT_REFUSED;
	reply->text = YT_STR("报文有误");
	reply->wall_ms = 1795161600000;
	assert_int_equal(s.insurer.api->encode_reply(s.insurer.plugin, msg, reply, &out), 0);
	octets = kept(&s.w, &out);
	if (memmem(octets.p, octets.n, row->code, 4) == NULL)
		fail_msg("%.*s", YT_FMT(octets));
	sides_close(&s);
}

/* -- answers ------------------------------------------------------------------------------------- */

#define ANSWER_HEAD(code, number, partner, result)                                                                     \
	"<VERSION>2.0</VERSION><TRANS_CODE>" code "</TRANS_CODE><PARTNER_NO>" partner "</PARTNER_NO><TRANS_NO>" number \
	"</TRANS_NO><TRANS_TIME>20261120160001</TRANS_TIME><RES_CODE>" result "</RES_CODE><RES_MSG>x</RES_MSG>"
#define FINE ANSWER_HEAD("JH2001", JH_NUMBER "7K", "GW330799", "0000")
#define TAKEN "<BODY><APPLY_NO>" JH_NUMBER "</APPLY_NO><CASE_NO>C1</CASE_NO><CASE_STS>10</CASE_STS></BODY>"

static const struct answer {
	const char *it;
	int status;
	struct doc doc;
	enum yt_outcome want;
} answers[] = {
	{ "another try's TRANS_NO is that of the message", 200, { NULL, FINE, TAKEN, "theirs", NULL, NULL }, YT_DONE },
	{ "HTTP 502", 502, { NULL, FINE, TAKEN, "theirs", NULL, NULL }, YT_UNKNOWN },
	{ "our own signature", 200, { NULL, FINE, TAKEN, "ours", NULL, NULL }, YT_UNKNOWN },
	{ "a digest of something else", 200,
	        { NULL, FINE, TAKEN, "theirs", NULL,
	                "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0" },
	        YT_UNKNOWN },
	{ "another transaction", 200,
	        { NULL, ANSWER_HEAD("JH2004", JH_NUMBER "00", "GW330799", "0000"), TAKEN, "theirs", NULL, NULL },
	        YT_UNKNOWN },
	{ "another message's number", 200,
	        { NULL, ANSWER_HEAD("JH2001", "JH2026112000000000000200", "GW330799", "0000"), TAKEN, "theirs", NULL,
	                NULL },
	        YT_UNKNOWN },
	{ "another partner's", 200,
	        { NULL, ANSWER_HEAD("JH2001", JH_NUMBER "00", "GW330798", "0000"), TAKEN, "theirs", NULL, NULL },
	        YT_UNKNOWN },
	{ "another case", 200,
	        { NULL, FINE,
	                "<BODY><APPLY_NO>JH20261120000000000002</APPLY_NO><CASE_NO>C1</CASE_NO><CASE_STS>10</CASE_STS></BODY>",
	                "theirs", NULL, NULL },
	        YT_UNKNOWN },
	{ "no number of theirs", 200,
	        { NULL, FINE, "<BODY><APPLY_NO>" JH_NUMBER "</APPLY_NO><CASE_STS>10</CASE_STS></BODY>", "theirs", NULL,
	                NULL },
	        YT_UNKNOWN },
	{ "a state that is none", 200,
	        { NULL, FINE,
	                "<BODY><APPLY_NO>" JH_NUMBER "</APPLY_NO><CASE_NO>C1</CASE_NO><CASE_STS>60</CASE_STS></BODY>",
	                "theirs", NULL, NULL },
	        YT_UNKNOWN },
	{ "no RES_CODE", 200, { NULL, REQUEST_HEAD, TAKEN, "theirs", NULL, NULL }, YT_UNKNOWN },
};

static void an_answer_is_believed_or_not(void **state)
{
	const struct answer *row = *state;
	struct sides s = sides_open();
	struct yt_reply *reply = answered(&s.w, &s.gateway, submitted(&s), row->status, document(&s.w, &row->doc));

	if (reply->outcome != row->want)
		fail_msg("outcome %d: %.*s", (int)reply->outcome, YT_FMT(reply->text));
	sides_close(&s);
}

static void a_code_proves_what_it_says(void **state)
{
	static const struct {
		const char *code;
		enum yt_outcome outcome;
		bool may_retry, at_gateway, already_done;
	} rows[] = {
		{ "1001", YT_REFUSED, false, true, false },
		{ "1002", YT_REFUSED, false, true, false },
		{ "1003", YT_REFUSED, false, true, false },
		{ "1004", YT_REFUSED, false, true, false },
		{ "1005", YT_REFUSED, false, true, false },
		{ "1006", YT_REFUSED, true, true, false },
		{ "1007", YT_REFUSED, false, true, false },
		{ "2001", YT_REFUSED, false, false, false },
		{ "2002", YT_REFUSED, false, false, false },
		{ "2003", YT_REFUSED, false, false, false },
		{ "2004", YT_REFUSED, false, false, false },
		{ "2005", YT_REFUSED, false, false, false },
		{ "2006", YT_REFUSED, false, false, false },
		{ "2007", YT_REFUSED, false, false, true },
		{ "2008", YT_REFUSED, false, false, false },
		{ "2009", YT_REFUSED, false, false, false },
		{ "2010", YT_REFUSED, false, false, false },
		{ "2011", YT_REFUSED, false, false, false },
		{ "9001", YT_REFUSED, true, true, false },
		{ "9999", YT_UNKNOWN, false, false, false },
		{ "9998", YT_UNKNOWN, false, false, false },
	};
	struct sides s = sides_open();
	struct yt_msg *msg = submitted(&s);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct yt_str head = changed(&s.w, YT_STR(FINE), "0000</RES_CODE>",
		        yt_arena_printf(s.w.arena, "%s</RES_CODE>", rows[i].code).p);
		const struct doc doc = { NULL, head.p, "<BODY><CASE_NO>C1</CASE_NO></BODY>", "theirs", NULL, NULL };
		struct yt_reply *reply = answered(&s.w, &s.gateway, msg, 200, document(&s.w, &doc));

		if (reply->outcome != rows[i].outcome || reply->may_retry != rows[i].may_retry ||
		        reply->at_gateway != rows[i].at_gateway || reply->already_done != rows[i].already_done)
			fail_msg("%s: outcome %d, retry %d, at gateway %d, done %d", rows[i].code, (int)reply->outcome,
			        reply->may_retry, reply->at_gateway, reply->already_done);
		if (rows[i].already_done)
			assert_text(value_at(reply->body, "data.claim_no"), "C1");
	}
	sides_close(&s);
}

/* -- finding out, and another try ----------------------------------------------------------------- */

static void a_lost_answer_is_asked_for(void **state)
{
	static const struct {
		const char *result, *body;
		enum yt_judgement want;
	} rows[] = {
		{ "0000", TAKEN, YT_FOUND },
		{ "2008", "<BODY></BODY>", YT_ABSENT },
		{ "9001", "<BODY></BODY>", YT_UNSURE },
		{ "2001", "<BODY></BODY>", YT_UNSURE },
	};
	struct sides s = sides_open();
	struct yt_msg *msg = submitted(&s);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct yt_msg *query = yt_msg_new(s.w.arena);
		struct yt_reply *adopted = yt_reply_new(s.w.arena);
		struct yt_str head = yt_arena_printf(
		        s.w.arena, ANSWER_HEAD("JH2002", "JH2026112000000000000500", "GW330799", "%s"), rows[i].result);
		const struct doc doc = { NULL, head.p, rows[i].body, "theirs", NULL, NULL };

		assert_int_equal(s.gateway.api->query_for(s.gateway.plugin, msg, query), 0);
		query->own_number = YT_STR("JH20261120000000000005");
		query->wall_ms = msg->wall_ms;
		query->sent = encoded(&s.w, &s.gateway, query);
		assert_non_null(memmem(query->sent.p, query->sent.n, QUESTION, strlen(QUESTION)));
		assert_int_equal(s.gateway.api->judge(s.gateway.plugin, msg,
		                         answered(&s.w, &s.gateway, query, 200, document(&s.w, &doc)), adopted),
		        rows[i].want);
		if (rows[i].want == YT_FOUND)
			assert_text(adopted->number, "C1");
	}
	sides_close(&s);
}

static struct yt_str member_of(struct yt_str octets, const char *from, const char *to)
{
	const char *begin = memmem(octets.p, octets.n, from, strlen(from)), *end;

	assert_non_null(begin);
	begin += strlen(from);
	end = memmem(begin, octets.n - (size_t)(begin - octets.p), to, strlen(to));
	assert_non_null(end);
	return (struct yt_str){ begin, (size_t)(end - begin) };
}

static void each_try_has_a_number_and_time_of_its_own(void **state)
{
	struct sides s = sides_open();
	struct yt_msg *msg = submitted(&s), *read;
	struct yt_http http = { 0 };
	unsigned n_same = 0;

	(void)state;
	for (int i = 0; i < 8; i++) {
		int64_t now_ms = msg->wall_ms + 3600000 + i;

		assert_int_equal(s.gateway.api->http_request(
		                         s.gateway.plugin, msg->sent, YT_STR("/jhb/gateway"), s.w.arena, now_ms, &http),
		        0);
		assert_text(http.method, "POST");
		assert_text(http.path, "/jhb/gateway");
		assert_int_equal(http.body.n, msg->sent.n);
		assert_text(member_of(http.body, "<TRANS_TIME>", "<"), "20261120170000");
		n_same += yt_str_eq(member_of(http.body, "<TRANS_NO>", "<"), member_of(msg->sent, "<TRANS_NO>", "<"));
		assert_same(member_of(http.body, "<DIGEST>", "</JHB>"), member_of(msg->sent, "<DIGEST>", "</JHB>"));
		read = decoded(&s.w, &s.insurer, http.body, "");
		assert_text(read->number, JH_NUMBER);
		assert_int_equal(read->sent_ms, now_ms / 1000 * 1000);
	}
	assert_true(n_same < 8);
	assert_int_equal(
	        s.gateway.api->http_request(s.gateway.plugin, YT_STR("<JHB/>"), YT_STR("/"), s.w.arena, 0, &http),
	        YT_EFORMAT);
	sides_close(&s);
}

/* A withdrawal has no number of its own but TRANS_NO: all its tries are one message to the insurer. */
static void a_withdrawal_says_which_case_and_is_one_message(void **state)
{
	struct sides s = sides_open();
	struct yt_msg *msg = message(&s.w, YT_OP_CLAIM_WITHDRAW, "JH20261120000000000009", CLAIM_NOW,
	        json(&s.w, "{\"data\":{\"claim_no\":\"C1\",\"withdraw_reason\":\"1\"}}"));
	struct yt_http http = { 0 };
	struct yt_str octets;

	(void)state;
	assert_int_equal(try_encode(&s.w, &s.gateway, msg, &octets), YT_EFORMAT);
	assert_string_equal(s.w.fault.path, "input.data.request_no");
	msg->number = YT_STR(JH_NUMBER); /* made of the claim's message */
	octets = encoded(&s.w, &s.gateway, msg);
	assert_text(member_of(octets, "<APPLY_NO>", "<"), JH_NUMBER);
	assert_text(member_of(octets, "<CASE_NO>", "<"), "C1");
	assert_int_equal(
	        s.gateway.api->http_request(s.gateway.plugin, octets, YT_STR("/"), s.w.arena, msg->wall_ms, &http), 0);
	assert_text(decoded(&s.w, &s.insurer, http.body, "")->number, "JH20261120000000000009");
	assert_int_equal(s.gateway.api->query_for(s.gateway.plugin, msg, yt_msg_new(s.w.arena)), YT_ENOTFOUND);
	sides_close(&s);
}

/* -- the queries of every state ------------------------------------------------------------------- */

static void what_is_under_way_is_asked_for_again(void **state)
{
	static const struct {
		const char *state, *amount;
		int64_t again_ms; /* -1: it proves nothing */
	} rows[] = { { "10", "", 1800000 }, { "20", "", 1800000 }, { "30", "", 1800000 },
		{ "40", "<PAY_AMT>3.00</PAY_AMT>", 1800000 }, { "40", "<PAY_AMT>0.00</PAY_AMT>", 0 },
		{ "50", "<PAY_AMT>3.00</PAY_AMT>", 0 }, { "90", "<PAY_AMT>0.00</PAY_AMT>", 0 }, { "90", "", 0 },
		{ "40", "", -1 }, { "40", "<PAY_AMT/>", -1 }, { "50", "", -1 } };
	struct sides s = sides_open();
	struct yt_msg *query = message(&s.w, YT_OP_CLAIM_QUERY, "JH20261120000000000005", CLAIM_NOW,
	        json(&s.w, "{\"data\":{\"claim_no\":\"C1\"}}"));

	(void)state;
	query->sent = encoded(&s.w, &s.gateway, query);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct yt_str body = yt_arena_printf(s.w.arena,
		        "<BODY><APPLY_NO>" JH_NUMBER "</APPLY_NO><CASE_NO>C1</CASE_NO><CASE_STS>%s</CASE_STS>%s</BODY>",
		        rows[i].state, rows[i].amount);
		const struct doc doc = { NULL, ANSWER_HEAD("JH2002", "JH2026112000000000000500", "GW330799", "0000"),
			body.p, "theirs", NULL, NULL };
		struct yt_reply *reply = answered(&s.w, &s.gateway, query, 200, document(&s.w, &doc));

		if (reply->outcome != (rows[i].again_ms < 0 ? YT_UNKNOWN : YT_DONE) ||
		        (rows[i].again_ms >= 0 && reply->again_ms != rows[i].again_ms))
			fail_msg("%s: %.*s, again after %lld", rows[i].state, YT_FMT(reply->text),
			        (long long)reply->again_ms);
	}
	sides_close(&s);
}

static void a_signature_is_explained(void **state)
{
	static const struct {
		struct doc doc;
		int rv;
		const char *says;
	} rows[] = {
		{ { NULL, REQUEST_HEAD, QUESTION, "theirs", NULL, NULL }, 0, "verified: yes, SM2 with SM3" },
		{ { NULL, FINE, TAKEN, "theirs", NULL, NULL }, 0, "verified: yes, SM2 with SM3" },
		{ { NULL, REQUEST_HEAD, QUESTION, "ours", NULL, NULL }, 0, "it is one of ours" },
		{ { NULL, REQUEST_HEAD, QUESTION, "theirs", NULL,
		          "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0" },
		        YT_EDENIED, "slip: BODY was changed" },
		{ { NULL, REQUEST_HEAD, QUESTION, "theirs", "</X>", NULL }, YT_ENOTFOUND, "" },
	};
	struct sides s = sides_open();

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct yt_buf out = { 0 };
		struct yt_str told;
		int rv = s.gateway.api->explain_signature(
		        s.gateway.plugin, NULL, 0, document(&s.w, &rows[i].doc), NULL, 0, 0, s.w.arena, &out);

		told = kept(&s.w, &out);
		if (rv != rows[i].rv || memmem(told.p, told.n, rows[i].says, strlen(rows[i].says)) == NULL)
			fail_msg("row %zu: %d %.*s", i, rv, YT_FMT(told));
	}
	sides_close(&s);
}

static void settings_that_make_no_sense_are_refused(void **state)
{
	static const char *const rows[][2] = { { "partner", "" }, { "partner", "GW3307991" }, { "partner", "gw330799" },
		{ "allowed", "PERSON.CERT_NO" }, { "allowed", "PERSON.PHONE" }, { "ask_again_s", "0" },
		{ "ask_again_s", "86401" }, { "ask_again_s", "x" }, { "claim_types", "21=in-patient" },
		{ "claim_types", "21" }, { "hospital_levels", "02=3A" } };
	struct world w = world_open();

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct plugin_setting given[] = { { "sign_key", "a" }, { "verify_key", "b" }, { "partner", "GW330799" },
			{ rows[i][0], rows[i][1] } };
		bool is_partner = strcmp(rows[i][0], "partner") == 0;
		struct yt_plugin *plugin = NULL;
		char why[512];

		if (is_partner)
			given[2] = given[3];
		assert_int_equal(
		        plugin_load(&plugin, PLUGIN, "test", given, is_partner ? 3 : 4, w.keys, why, sizeof(why)),
		        YT_ECONF);
	}
	world_close(&w);
}

int main(void)
{
	enum { N_LIES = COUNT(lies), N_ANSWERS = COUNT(answers), N_PLAIN = 7 };
	struct CMUnitTest tests[N_PLAIN + N_LIES + N_ANSWERS] = {
		cmocka_unit_test(a_code_proves_what_it_says),
		cmocka_unit_test(a_lost_answer_is_asked_for),
		cmocka_unit_test(each_try_has_a_number_and_time_of_its_own),
		cmocka_unit_test(a_withdrawal_says_which_case_and_is_one_message),
		cmocka_unit_test(what_is_under_way_is_asked_for_again),
		cmocka_unit_test(a_signature_is_explained),
		cmocka_unit_test(settings_that_make_no_sense_are_refused),
	};

	for (size_t i = 0; i < N_LIES; i++)
		tests[N_PLAIN + i] = (struct CMUnitTest){ .name = lies[i].it,
			.test_func = a_request_is_not_believed,
			.initial_state = (void *)(uintptr_t)&lies[i] };
	for (size_t i = 0; i < N_ANSWERS; i++)
		tests[N_PLAIN + N_LIES + i] = (struct CMUnitTest){ .name = answers[i].it,
			.test_func = an_answer_is_believed_or_not,
			.initial_state = (void *)(uintptr_t)&answers[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
