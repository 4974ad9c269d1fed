/* tests/test_banklink.c - the banklink plugin through the loader: frames at every cut, signed messages written octet
 * for octet and read, and what each answer proves (bank.md 5).
 *
 * The composed vectors are beside the project; without them those tests are skipped. */
#include "bank_peer.h"

#define BASE "samples/composed/"
#define SEQ "20261120000000000101"

static struct bank open_link(const char *key, const char *value)
{
	struct plugin_setting settings[3] = { { "corp_no", "3302990001" }, { "operator", "OP000001" }, { key, value } };
	struct bank b = bank_open("banklink", settings, key != NULL ? 3 : 2);

	bank_key(&b, "own", "3302990001", "5A0001", NULL);
	bank_key(&b, "bank", "bank", "5B0001", NULL);
	return b;
}

/* The public halves with which the composed vectors were signed. */
static void add_published(struct bank *b, const char *name, const char *owner, const char *id)
{
	struct keys_spec spec = { .name = name,
		.owner = owner,
		.id = id,
		.kind = YT_KEY_SM2_PUBLIC,
		.from_ms = INT64_MIN,
		.to_ms = INT64_MAX };
	char file[512], why[256];

	snprintf(file, sizeof(file), "%s%stest_%s_sm2_pub.pem", FACTS, BASE, name);
	spec.file = file;
	if (keys_add(b->keys, &spec, why, sizeof(why)) != 0)
		fail_msg("%s", why);
}

static struct bank open_published(void)
{
	static const struct plugin_setting settings[] = { { "corp_no", "3302990001" }, { "operator", "OP000001" } };
	struct bank b = bank_open("banklink", settings, 2);

	if (access(FACTS BASE "test_bank_sm2_pub.pem", R_OK) == 0) {
		add_published(&b, "gateway", "3302990001", "5A0001");
		add_published(&b, "bank", "bank", "5B0001");
	}
	return b;
}

/* -- frames --------------------------------------------------------------------------------------- */

static const struct frame {
	const char *it, *octets;
	int want;
	size_t used, wants;
	bool is_heartbeat;
} frames[] = {
	{ "nothing yet", "", YT_EAGAIN, 0, 8, false },
	{ "a part of the digits", "0000", YT_EAGAIN, 0, 8, false },
	{ "the digits alone", "00000003", YT_EAGAIN, 0, 11, false },
	{ "a part of the message", "00000003ab", YT_EAGAIN, 0, 11, false },
	{ "a message", "00000003abc", 0, 11, 11, false },
	{ "a message and the next", "00000003abc00000000", 0, 11, 11, false },
	{ "a heartbeat", "00000000", 0, 8, 8, true },
	{ "a heartbeat and a message", "0000000000000001a", 0, 8, 8, true },
	{ "the largest message's digits", "01048576", YT_EAGAIN, 0, 8 + 1048576, false },
	{ "one octet more than the largest", "01048577", YT_ELIMIT, 0, 8, false },
	{ "a number far beyond", "99999999", YT_ELIMIT, 0, 8, false },
	{ "a letter for a digit", "0000000a", YT_EFORMAT, 0, 8, false },
	{ "a sign for a digit", "-", YT_EFORMAT, 0, 8, false },
	{ "a blank for a digit", " 0000003", YT_EFORMAT, 0, 8, false },
	{ "XML without its digits", "<?xml", YT_EFORMAT, 0, 8, false },
};

static void a_frame_is(void **state)
{
	const struct frame *row = *state;
	struct bank b = open_link(NULL, NULL);
	struct yt_frame frame;

	assert_int_equal(b.api->frame_next(b.plugin, yt_str(row->octets), &frame), row->want);
	assert_int_equal(frame.wants, row->wants);
	assert_int_equal(frame.used, row->used);
	assert_int_equal(frame.is_heartbeat, row->is_heartbeat);
	bank_close(&b);
}

/* Cut after every octet, the same two messages and a heartbeat come out. */
static void octets_may_come_in_any_pieces(void **state)
{
	struct bank b = open_link(NULL, NULL);
	struct yt_buf stream = { 0 };
	static const char *const messages[] = { "first", "", "second message" };

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(b.api->frame_put(b.plugin, yt_str(messages[i]), &stream), 0);
	for (size_t piece = 1; piece <= stream.n; piece++) {
		struct yt_buf have = { 0 };
		size_t at = 0, n = 0;

		while (at < stream.n) {
			size_t more = stream.n - at < piece ? stream.n - at : piece;
			struct yt_frame frame;

			yt_buf_add(&have, stream.p + at, more);
			at += more;
			while (b.api->frame_next(b.plugin, yt_buf_view(&have), &frame) == 0) {
				assert_text(frame.message, messages[n++]);
				memmove(have.p, have.p + frame.used, have.n - frame.used);
				have.n -= frame.used;
			}
		}
		assert_int_equal(n, 3);
		assert_int_equal(have.n, 0);
		yt_buf_free(&have);
	}
	yt_buf_free(&stream);
	stream = (struct yt_buf){ 0 };
	assert_int_equal(b.api->frame_put(b.plugin, (struct yt_str){ messages[0], 1048577 }, &stream), YT_ELIMIT);
	assert_int_equal(stream.n, 0);
	bank_close(&b);
}

/* -- written -------------------------------------------------------------------------------------- */

#define ORDER                                                                                                                  \
	"\"pay_no\":\"MA20261120000000000002\",\"pay_amt\":21463.5,\"payer_acct\":\"3999020001000000018\","                    \
	"\"payer_name\":\"宁波市医疗保障基金支出户（示例）\",\"payee_acct\":\"6299993302000003039\","          \
	"\"payee_name\":\"陈晐\",\"payee_bank_no\":\"105332099046\",\"payee_bank_name\":\"示例建设银行宁波分行\"," \
	"\"purpose\":\"生育津贴\",\"memo\":\"2026-11\""

static struct yt_msg *message(
        struct bank *b, enum yt_operation op, const char *number, const char *time, const char *json)
{
	struct yt_msg *msg = order_of(b, op, number, from_json(b, json));

	msg->time = yt_str(time);
	return msg;
}

static struct yt_msg *pay(struct bank *b)
{
	return message(b, YT_OP_PAY_ORDER, SEQ, "2026-11-20 09:15:30", "{\"data\":{" ORDER "}}");
}

static struct yt_str framed(struct bank *b, struct yt_str message_)
{
	struct yt_buf out = { 0 };
	struct yt_str octets;

	assert_int_equal(b->api->frame_put(b->plugin, message_, &out), 0);
	octets = yt_arena_copy(b->arena, yt_buf_view(&out));
	yt_buf_free(&out);
	return octets;
}

/* The same octets but for the signature, which is another each time. */
static void assert_same_but_sign(struct yt_str is, struct yt_str wanted)
{
	const char *sign = memmem(wanted.p, wanted.n, "<Sign>", 6);
	size_t at = (size_t)(sign + 6 - wanted.p), i = 0;

	assert_non_null(sign);
	while (i < is.n && i < at && is.p[i] == wanted.p[i])
		i++;
	if (i < at)
		fail_msg("differs at octet %zu: ...%.*s", i, (int)(is.n - i < 60 ? is.n - i : 60), is.p + i);
	assert_int_equal(is.n, wanted.n);
	assert_memory_equal(is.p + at + 88, wanted.p + at + 88, wanted.n - at - 88);
}

/* Where the head of a message of ours ends: behind it nothing but the signature may differ. */
static struct yt_str body_of(struct yt_str octets)
{
	const char *body = memmem(octets.p, octets.n, "<Body>", 6), *end;

	assert_non_null(body);
	end = memmem(body, octets.n - (size_t)(body - octets.p), "</Body>", 7);
	assert_non_null(end);
	return (struct yt_str){ body, (size_t)(end - body) };
}

static const struct again {
	const char *it, *more;
} agains[] = {
	{ "to another bank", "" },
	{ "checked by name and paper",
	        ",\"name_check\":\"2\",\"psn_name\":\"陈晐\",\"psn_cert_type\":\"01\",\"certno\":\"330299199307265047\"" },
	{ "on a day, by a channel", ",\"pay_date\":\"2026-11-21\",\"pay_channel\":\"I\"" },
	{ "within the bank", ",\"payee_bank_no\":\"\",\"payee_bank_name\":\"\"" },
};

/* YT_RESOLVE_PAY_ANEW: an order read back from its octets, with another message number and time, is the same payment.
 */
static void it_leaves_again_as_the_same(void **state)
{
	const struct again *row = *state;
	struct bank b = open_link(NULL, NULL);
	struct yt_msg *first, *said = yt_msg_new(b.arena), own;
	char json[1200];
	struct yt_str once, again;

	snprintf(json, sizeof(json), "{\"data\":{" ORDER "%s}}", row->more);
	first = message(&b, YT_OP_PAY_ORDER, SEQ, "2026-11-20 09:15:30", json);
	once = encoded(&b, first);
	said->sent = once;
	if (b.api->decode_request(b.plugin, once, said, &b.fault) != 0)
		fail_msg("%s %s", b.fault.path, b.fault.why);
	own = *said;
	own.content = own.sent = own.octets = own.time = (struct yt_str){ 0 };
	own.own_number = YT_STR("20261120000000000099");
	own.wall_ms = 1795310000000;
	again = encoded(&b, &own);
	assert_int_equal(body_of(again).n, body_of(once).n);
	assert_memory_equal(body_of(again).p, body_of(once).p, body_of(once).n);
	assert_non_null(memmem(again.p, again.n, "20261120000000000099", 20));
	bank_close(&b);
}

static const char batch_json[] =
        "{\"data\":{\"batch_no\":\"000007\",\"batch_date\":\"2026-11-20\",\"payer_acct\":\"3999020001000000018\"},"
        "\"payout\":[{\"pay_no\":\"MA20261120000000000002\",\"payee_name\":\"陈晐\",\"psn_cert_type\":\"01\","
        "\"certno\":\"330299199307265047\",\"payee_acct\":\"6299993302000003039\",\"payee_bank_no\":\"105332099046\","
        "\"payee_bank_name\":\"示例建设银行宁波分行\",\"pay_amt\":21463.5,\"purpose\":\"生育津贴\"},"
        "{\"pay_no\":\"MA20261119000000000051\",\"payee_name\":\"周㛃\",\"psn_cert_type\":\"01\","
        "\"certno\":\"330799196901192737\",\"payee_acct\":\"6299993307000004044\",\"payee_bank_no\":\"402338099038\","
        "\"payee_bank_name\":\"示例婺城农商银行\",\"pay_amt\":\"20927.00\",\"purpose\":\"生育津贴\"},"
        "{\"pay_no\":\"MA20261119000000000052\",\"payee_name\":\"何岁安\",\"psn_cert_type\":\"01\","
        "\"certno\":\"330299196109081577\",\"payee_acct\":\"6299993302000005059\",\"payee_bank_no\":\"313332099026\","
        "\"payee_bank_name\":\"示例甬江银行营业部\",\"pay_amt\":\"22000.00\",\"purpose\":\"生育津贴\",\"memo\":\"补发\"}]}";

static const struct vector {
	const char *file;
	enum yt_operation op;
	const char *number, *time, *json;
} vectors[] = {
	{ "bdl_1001_req.bin", YT_OP_PAY_ORDER, SEQ, "2026-11-20 09:15:30", "{\"data\":{" ORDER "}}" },
	{ "bdl_1002_req.bin", YT_OP_PAY_QUERY, "20261120000000000102", "2026-11-20 09:20:30",
	        "{\"data\":{\"orig_pay_no\":\"MA20261120000000000002\"}}" },
	{ "bdl_2001_req.bin", YT_OP_PAY_BATCH, "20261120000000000104", "2026-11-20 09:30:00", batch_json },
};

static void the_composed_request_is_written(void **state)
{
	const struct vector *row = *state;
	struct bank b = open_link(NULL, NULL);
	char name[64];
	struct yt_str wanted, is;
	struct yt_msg *msg;

	snprintf(name, sizeof(name), "%s%s", BASE, row->file);
	wanted = sample(&b, name);
	NEED(wanted);
	is = encoded(&b, message(&b, row->op, row->number, row->time, row->json));
	assert_same_but_sign(framed(&b, is), wanted);
	/* Our signature is one: the other side, which has our key, takes it. */
	msg = decoded(&b, is);
	assert_true(msg->is_authentic);
	bank_close(&b);
}

static void the_composed_request_is_read(void **state)
{
	const struct vector *row = *state;
	struct bank b = open_published();
	struct yt_frame frame;
	char name[64];
	struct yt_str octets;
	struct yt_msg *msg;

	snprintf(name, sizeof(name), "%s%s", BASE, row->file);
	octets = sample(&b, name);
	NEED(octets);
	assert_int_equal(b.api->frame_next(b.plugin, octets, &frame), 0);
	assert_int_equal(frame.used, octets.n);
	msg = decoded(&b, frame.message);
	assert_true(msg->is_authentic);
	assert_int_equal(msg->op->id, row->op);
	assert_text(msg->number, row->number);
	assert_text(msg->institution, "3302990001");
	assert_text(msg->operator_id, "OP000001");
	assert_text(msg->time, row->time);
	assert_int_equal(msg->expires_ms - msg->sent_ms, 300000);
	if (row->op == YT_OP_PAY_ORDER) {
		assert_text(yt_node_text(yt_node_get(msg->body, "data"), "payee_name"), "陈晐");
		assert_text(yt_node_text(yt_node_get(msg->body, "data"), "pay_type"), "MA");
		assert_int_equal(msg->amount_fen, 2146350);
	}
	if (row->op == YT_OP_PAY_BATCH) {
		assert_int_equal(yt_node_get(msg->body, "payout")->n, 3);
		assert_int_equal(msg->amount_fen, 6439050);
	}
	bank_close(&b);
}

static const struct unsent {
	const char *it, *json, *path, *why;
} unsent[] = {
	{ "an order without the other bank's name",
	        "{\"data\":{\"pay_no\":\"MA20261120000000000002\",\"pay_amt\":1,\"payer_acct\":\"1\",\"payer_name\":\"a\","
	        "\"payee_acct\":\"2\",\"payee_name\":\"b\",\"payee_bank_no\":\"105332099046\",\"purpose\":\"c\"}}",
	        "input.data.payee_bank_name", "is missing" },
	{ "an order without a payer's name",
	        "{\"data\":{\"pay_no\":\"MA20261120000000000002\",\"pay_amt\":1,\"payer_acct\":\"1\",\"payee_acct\":\"2\","
	        "\"payee_name\":\"b\",\"purpose\":\"c\"}}",
	        "input.data.payer_name", "is missing" },
	{ "an order that compares a paper it has not",
	        "{\"data\":{\"name_check\":\"2\",\"pay_no\":\"MA20261120000000000002\",\"pay_amt\":1,\"payer_acct\":\"1\","
	        "\"payer_name\":\"a\",\"payee_acct\":\"2\",\"payee_name\":\"b\",\"purpose\":\"c\"}}",
	        "input.data.certno", "is missing" },
	{ "a name of 72 octets",
	        "{\"data\":{\"pay_no\":\"MA20261120000000000002\",\"pay_amt\":1,\"payer_acct\":\"1\",\"payer_name\":\"a\","
	        "\"payee_acct\":\"2\",\"payee_name\":\"一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四五六\","
	        "\"purpose\":\"c\"}}",
	        "input.data.payee_name", "too long" },
	{ "an account with letters",
	        "{\"data\":{\"pay_no\":\"MA20261120000000000002\",\"pay_amt\":1,\"payer_acct\":\"1A\",\"payer_name\":\"a\","
	        "\"payee_acct\":\"2\",\"payee_name\":\"b\",\"purpose\":\"c\"}}",
	        "input.data.payer_acct", "digits" },
	{ "an order to another's account",
	        "{\"data\":{\"psn_name\":\"d\",\"pay_no\":\"MA20261120000000000002\",\"pay_amt\":1,\"payer_acct\":\"1\","
	        "\"payer_name\":\"a\",\"payee_acct\":\"2\",\"payee_name\":\"b\",\"purpose\":\"c\"}}",
	        "input.data.payee_name", "psn_name" },
	{ "an order above the limit",
	        "{\"data\":{\"pay_no\":\"MA20261120000000000002\",\"pay_amt\":50000.01,\"payer_acct\":\"1\","
	        "\"payer_name\":\"a\",\"payee_acct\":\"2\",\"payee_name\":\"b\",\"purpose\":\"c\"}}",
	        "input.data.pay_amt", "above the limit" },
	{ "two payouts in one order",
	        "{\"data\":{\"payer_acct\":\"1\",\"payer_name\":\"a\",\"payee_acct\":\"2\",\"payee_name\":\"b\",\"purpose\":"
	        "\"c\"},\"payout\":[{\"pay_no\":\"MA20261120000000000002\",\"pay_amt\":1},{\"pay_no\":"
	        "\"MA20261120000000000003\",\"pay_amt\":1}]}",
	        "input.payout[1]", "one too many" },
};

static void it_is_not_written(void **state)
{
	const struct unsent *row = *state;
	struct bank b = open_link("limit", "50000");
	struct yt_str octets;

	assert_int_equal(try_encode(&b, message(&b, YT_OP_PAY_ORDER, SEQ, "2026-11-20 09:15:30", row->json), &octets),
	        YT_EFORMAT);
	assert_string_equal(b.fault.path, row->path);
	assert_part(b.fault.why, row->why);
	bank_close(&b);
}

/* A list whose file does not fit into the message is handed in beside it. */
static void a_large_file_goes_beside_its_message(void **state)
{
	struct bank b = open_link(NULL, NULL);
	struct yt_node *body =
	        from_json(&b, "{\"data\":{\"batch_no\":\"000008\",\"payer_acct\":\"39\",\"payee_name\":\"a\","
	                      "\"payee_acct\":\"62\",\"purpose\":\"b\"},\"payout\":[]}");
	struct yt_msg *msg = order_of(&b, YT_OP_PAY_BATCH, SEQ, body);
	struct yt_str octets;

	(void)state;
	for (unsigned i = 0; i < 12000; i++) {
		struct yt_node *row =
		        yt_node_add(b.arena, yt_node_get(body, "payout"), (struct yt_str){ 0 }, YT_OBJECT);

		yt_node_add_text(b.arena, row, "pay_no", yt_arena_printf(b.arena, "MA20261120%012u", i));
		yt_node_add_fen(b.arena, row, "pay_amt", 100);
	}
	assert_int_equal(try_encode(&b, msg, &octets), YT_ELIMIT);
	assert_string_equal(b.fault.path, "input.data.file_mode");
	yt_node_add_text(b.arena, yt_node_get(body, "data"), "file_mode", YT_STR("S"));
	octets = encoded(&b, msg);
	assert_non_null(memmem(octets.p, octets.n, "<Mode>S</Mode></Body>", 21));
	assert_non_null(memmem(octets.p, octets.n, "<TotalCnt>12000</TotalCnt><TotalAmt>12000.00</TotalAmt>", 55));
	bank_close(&b);
}

/* -- composed answers ----------------------------------------------------------------------------- */

static const struct told {
	const char *file;
	enum yt_operation op;
	const char *number, *json;
	enum yt_outcome outcome;
	const char *state, *code;
} tolds[] = {
	{ "bdl_1001_rsp.bin", YT_OP_PAY_ORDER, SEQ, "{\"data\":{\"pay_no\":\"MA20261120000000000002\"}}", YT_DONE,
	        "PROCESSING", "000000" },
	{ "bdl_1002_rsp.bin", YT_OP_PAY_QUERY, "20261120000000000102",
	        "{\"data\":{\"orig_pay_no\":\"MA20261120000000000002\"}}", YT_DONE, "FAILED", "E20005" },
	{ "bdl_1002_unknown_rsp.bin", YT_OP_PAY_QUERY, "20261120000000000103",
	        "{\"data\":{\"orig_pay_no\":\"HS20261120000000000003\"}}", YT_UNKNOWN, "", "E30002" },
};

static struct yt_str message_of(struct bank *b, struct yt_str octets)
{
	struct yt_frame frame;

	assert_int_equal(b->api->frame_next(b->plugin, octets, &frame), 0);
	return frame.message;
}

static void the_composed_answer_is_read(void **state)
{
	const struct told *row = *state;
	struct bank b = open_published();
	char name[64];
	struct yt_str octets;
	struct yt_reply *reply, *adopted;

	snprintf(name, sizeof(name), "%s%s", BASE, row->file);
	octets = sample(&b, name);
	NEED(octets);
	reply = answered(&b, order_of(&b, row->op, row->number, from_json(&b, row->json)), message_of(&b, octets));
	if (reply->outcome != row->outcome)
		fail_msg("outcome %d: %.*s", (int)reply->outcome, YT_FMT(reply->text));
	assert_text(yt_node_text(yt_node_get(reply->body, "data"), "pay_state"), row->state);
	assert_text(reply->code, row->code);
	/* What it says of the order that it asks about. */
	adopted = yt_reply_new(b.arena);
	if (strcmp(row->state, "FAILED") == 0) {
		assert_int_equal(b.api->judge(b.plugin, pay(&b), reply, adopted), YT_FOUND);
		assert_int_equal(adopted->outcome, YT_REFUSED);
	}
	bank_close(&b);
}

static void the_composed_page_is_read(void **state)
{
	struct bank b = open_published();
	struct yt_str octets = sample(&b, BASE "bdl_3002_rsp.bin");
	const struct yt_node *statement, *entries;
	struct yt_reply *reply;
	struct yt_msg *msg;
	char why[200];

	(void)state;
	NEED(octets);
	msg = order_of(&b, YT_OP_STATEMENT_FETCH, "20261121000000000001",
	        from_json(&b, "{\"data\":{\"acct\":\"3999020001000000018\",\"begin_date\":\"2026-11-20\"}}"));
	reply = answered(&b, msg, message_of(&b, octets));
	if (reply->outcome != YT_DONE)
		fail_msg("%.*s", YT_FMT(reply->text));
	statement = row_at(yt_node_get(reply->body, "statement"), 0);
	entries = yt_node_get(statement, "entry");
	assert_int_equal(entries->n, 5);
	assert_text(yt_node_text(statement, "close_bal"), "810493.83");
	assert_text(yt_node_text(row_at(entries, 3), "rev_flag"), "2");
	assert_text(yt_node_text(row_at(entries, 3), "orig_bank_serial"), "BK2026112000071225");
	assert_text(yt_node_text(row_at(entries, 0), "book_date"), "2026-11-20");
	assert_int_equal(yt_money_check(YT_MONEY_STATEMENT, reply->body, why, sizeof(why)), 0);
	bank_close(&b);
}

/* -- answers made here ---------------------------------------------------------------------------- */

/* An answer of the bank: text in UTF-8, signed with `key`. */
static struct yt_str answer_of(
        struct bank *b, const char *code, const char *seq, const char *ret, const char *body, const char *key)
{
	struct yt_buf text = { 0 }, signed_ = { 0 }, out = { 0 };
	struct yt_str octets;
	struct yt_piece piece;
	uint8_t signature[64];
	char *ret_code = strchr(ret, ' ') + 1;

	yt_buf_printf(&text,
	        "<Head><TxCode>%s</TxCode><Ver>1.0</Ver><CorpNo>3302990001</CorpNo><ReqSeqNo>%s</ReqSeqNo>"
	        "<RspSeqNo>BK1</RspSeqNo><RspDate>20261120</RspDate><RspTime>091531</RspTime><CertSn>5B0001</CertSn>"
	        "<RetType>%c</RetType><RetCode>%s</RetCode><RetMsg>说明</RetMsg></Head><Body>%s</Body>",
	        code, seq, ret[0], ret_code, body);
	assert_int_equal(yt_utf8_to_gb18030(yt_buf_view(&text), &signed_, NULL), 0);
	piece = YT_PIECE(yt_buf_view(&signed_));
	assert_int_equal(keys_sm2_sign(b->keys, yt_str(key), NULL, &piece, 1, signature), 0);
	yt_buf_text(&out, "<?xml version=\"1.0\" encoding=\"GB18030\"?><BDL>");
	yt_buf_str(&out, yt_buf_view(&signed_));
	yt_buf_text(&out, "<Sign>");
	yt_base64_add(&out, signature, 64);
	yt_buf_text(&out, "</Sign></BDL>");
	octets = yt_arena_copy(b->arena, yt_buf_view(&out));
	yt_buf_free(&text);
	yt_buf_free(&signed_);
	yt_buf_free(&out);
	return octets;
}

#define PAID(sts, code)                                                                                                \
	"<PayRef>MA20261120000000000002</PayRef><BankSeqNo>BK9</BankSeqNo><PaySts>" sts "</PaySts><PayRetCode>" code   \
	"</PayRetCode><PayRetMsg></PayRetMsg><AcctDate>20261120</AcctDate><Fee>0.00</Fee>"

static const struct outcome {
	const char *it, *code, *seq, *ret, *body, *key;
	enum yt_outcome outcome;
	const char *state, *advice; /* advice NULL: there must be none */
} outcomes[] = {
	{ "taken", "BD1001", SEQ, "S 000000", PAID("01", "000000"), "bank", YT_DONE, "ACCEPTED", NULL },
	{ "paid", "BD1001", SEQ, "S 000000", PAID("04", "000000"), "bank", YT_DONE, "PAID", NULL },
	{ "known, with its state", "BD1001", SEQ, "S E20409", PAID("04", "000000"), "bank", YT_DONE, "PAID", NULL },
	{ "failed", "BD1001", SEQ, "S 000000", PAID("05", "E20004"), "bank", YT_REFUSED, "FAILED", "account" },
	{ "failed without a refusal", "BD1001", SEQ, "S 000000", PAID("05", "000000"), "bank", YT_UNKNOWN, "UNKNOWN",
	        NULL },
	{ "paid, and refused", "BD1001", SEQ, "S 000000", PAID("04", "E20003"), "bank", YT_UNKNOWN, "UNKNOWN",
	        "account" },
	{ "paid, but another payment", "BD1001", SEQ, "S 000000", PAID("04", "E20410"), "bank", YT_UNKNOWN, "UNKNOWN",
	        "query" },
	{ "taken, but another payment", "BD1001", SEQ, "S 000000", PAID("01", "E20410"), "bank", YT_UNKNOWN, "UNKNOWN",
	        "query" },
	{ "paid before", "BD1001", SEQ, "S 000000", PAID("04", "E20409"), "bank", YT_DONE, "PAID", NULL },
	{ "returned, and why", "BD1001", SEQ, "S 000000", PAID("06", "E20004"), "bank", YT_DONE, "RETURNED",
	        "account" },
	{ "examined", "BD1001", SEQ, "S 000000", PAID("07", "E30002"), "bank", YT_UNKNOWN, "UNKNOWN", "query" },
	{ "cancelled", "BD1001", SEQ, "S 000000", PAID("08", "000000"), "bank", YT_REFUSED, "CANCELLED", NULL },
	{ "returned", "BD1001", SEQ, "S 000000", PAID("06", "000000"), "bank", YT_DONE, "RETURNED", NULL },
	{ "a state that is none", "BD1001", SEQ, "S 000000", PAID("09", "000000"), "bank", YT_UNKNOWN, "", NULL },
	{ "refused", "BD1001", SEQ, "F E20003", "", "bank", YT_REFUSED, "", "account" },
	{ "refused for its form", "BD1001", SEQ, "F E10003", "", "bank", YT_REFUSED, "", "program" },
	{ "a request number used before", "BD1001", SEQ, "F E10009", "", "bank", YT_UNKNOWN, NULL, "query" },
	{ "a payout's number with other content", "BD1001", SEQ, "F E20410", "", "bank", YT_UNKNOWN, NULL, "query" },
	{ "busy", "BD1001", SEQ, "F E30001", "", "bank", YT_UNKNOWN, NULL, "query" },
	{ "refused as a recall is", "BD1001", SEQ, "F E20411", "", "bank", YT_UNKNOWN, "", NULL },
	{ "a refusal with a code nobody knows", "BD1001", SEQ, "F E29999", "", "bank", YT_UNKNOWN, NULL, NULL },
	{ "refused, but done", "BD1001", SEQ, "F 000000", PAID("04", "000000"), "bank", YT_UNKNOWN, NULL, NULL },
	{ "done, but refused", "BD1001", SEQ, "S E20003", PAID("04", "000000"), "bank", YT_UNKNOWN, NULL, NULL },
	{ "not known", "BD1001", SEQ, "U E30002", "", "bank", YT_UNKNOWN, NULL, NULL },
	{ "not known, though it says paid", "BD1001", SEQ, "U E90001", PAID("04", "000000"), "bank", YT_UNKNOWN, NULL,
	        NULL },
	{ "done, with half a body", "BD1001", SEQ, "S 000000", "<PayRef>MA20261120000000000002</PayRef>", "bank",
	        YT_UNKNOWN, NULL, NULL },
	{ "an element twice", "BD1001", SEQ, "S 000000", PAID("04", "000000") "<PaySts>05</PaySts>", "bank", YT_UNKNOWN,
	        NULL, NULL },
	{ "another payment's answer", "BD1001", SEQ, "S 000000",
	        "<PayRef>MA20261120000000000009</PayRef><BankSeqNo></BankSeqNo><PaySts>04</PaySts><PayRetCode></PayRetCode>"
	        "<PayRetMsg></PayRetMsg><AcctDate></AcctDate><Fee></Fee>",
	        "bank", YT_UNKNOWN, NULL, NULL },
	{ "another request's answer", "BD1001", "20261120000000000999", "S 000000", PAID("04", "000000"), "bank",
	        YT_UNKNOWN, NULL, NULL },
	{ "another transaction's answer", "BD1002", SEQ, "S 000000", PAID("04", "000000"), "bank", YT_UNKNOWN, NULL,
	        NULL },
	{ "a wrong signature", "BD1001", SEQ, "S 000000", PAID("04", "000000"), "own", YT_UNKNOWN, NULL, NULL },
	{ "a refusal with a wrong signature", "BD1001", SEQ, "F E20003", "", "own", YT_UNKNOWN, NULL, NULL },
};

static void it_proves(void **state)
{
	const struct outcome *row = *state;
	struct bank b = open_link(NULL, NULL);
	struct yt_msg *msg = pay(&b);
	struct yt_reply *reply;

	msg->sent = encoded(&b, msg);
	reply = answered(&b, msg, answer_of(&b, row->code, row->seq, row->ret, row->body, row->key));
	if (reply->outcome != row->outcome)
		fail_msg("outcome %d: %.*s", (int)reply->outcome, YT_FMT(reply->text));
	if (row->state != NULL)
		assert_text(yt_node_text(yt_node_get(reply->body, "data"), "pay_state"), row->state);
	assert_text(
	        yt_node_text(yt_node_get(reply->body, "data"), "pay_advice"), row->advice != NULL ? row->advice : "");
	bank_close(&b);
}

/* One octet changed anywhere between Head and Body, and it is no answer any more. */
static void a_changed_answer_proves_nothing(void **state)
{
	struct bank b = open_link(NULL, NULL);
	struct yt_msg *msg = pay(&b);
	struct yt_str octets = answer_of(&b, "BD1001", SEQ, "S 000000", PAID("04", "000000"), "bank");
	char *copy = malloc(octets.n);

	(void)state;
	for (size_t i = 0; i < octets.n; i += 3) {
		memcpy(copy, octets.p, octets.n);
		copy[i] ^= 1;
		assert_int_equal(answered(&b, msg, (struct yt_str){ copy, octets.n })->outcome, YT_UNKNOWN);
		assert_int_equal(answered(&b, msg, (struct yt_str){ octets.p, i })->outcome, YT_UNKNOWN);
	}
	free(copy);
	bank_close(&b);
}

/* -- the table of codes (5.5), out of the facts ----------------------------------------------------- */

/* The last column of a code's row is what the gateway does. */
static void every_code_means_what_the_facts_say(void **state)
{
	struct bank b = open_link(NULL, NULL);
	struct yt_str facts = sample(&b, "bank.md");
	const char *at;
	unsigned n = 0;

	(void)state;
	NEED(facts);
	at = strstr(facts.p, "### 5.5");
	assert_non_null(at);
	for (at = strstr(at, "\n| E"); at != NULL && at[3] == 'E' && strncmp(at, "\n| E", 4) == 0;
	        at = strchr(at + 1, '\n')) {
		char code[8], ret[16], cell[6][120] = { { 0 } };
		const char *p = at + 1;
		struct yt_reply *reply;
		enum yt_outcome want;

		for (size_t i = 0; i < 5; i++) {
			size_t len = strcspn(p + 2, "|") - 1;

			snprintf(cell[i], sizeof(cell[i]), "%.*s", (int)(len < 119 ? len : 119), p + 2);
			p = strchr(p + 1, '|');
		}
		snprintf(code, sizeof(code), "%.7s", cell[0]);
		snprintf(ret, sizeof(ret), "%c %s", cell[2][0], code);
		reply = answered(&b, pay(&b), answer_of(&b, "BD1001", SEQ, ret, PAID("04", "000000"), "bank"));
		if (cell[2][0] == 'S')
			want = YT_DONE; /* read PaySts */
		else if (cell[2][0] == 'U' || strstr(cell[4], "query") != NULL || strcmp(code, "E20404") == 0 ||
		         strcmp(code, "E20411") == 0 || /* of a recall alone */
		         strcmp(code, "E20410") == 0)
			want = YT_UNKNOWN;
		else
			want = YT_REFUSED;
		if (reply->outcome != want)
			fail_msg("%s is %d, not %d", code, (int)reply->outcome, (int)want);
		n++;
	}
	assert_int_equal(n, 32);
	bank_close(&b);
}

/* -- finding out ---------------------------------------------------------------------------------- */

static const struct finding {
	const char *it;
	bool is_recall;
	const char *ret, *body;
	enum yt_judgement want;
	enum yt_outcome adopted;
} findings[] = {
	{ "an order that is paid", false, "S 000000", PAID("04", "000000"), YT_FOUND, YT_DONE },
	{ "an order that failed", false, "S 000000", PAID("05", "E20003"), YT_FOUND, YT_REFUSED },
	{ "an order at work", false, "S 000000", PAID("03", "000000"), YT_FOUND, YT_DONE },
	{ "an order that is examined", false, "S 000000", PAID("07", "E30002"), YT_UNSURE, 0 },
	{ "an order that is not there", false, "F E20404", "", YT_ABSENT, 0 },
	{ "an order of which the bank is too busy to tell", false, "F E30001", "", YT_UNSURE, 0 },
	{ "an order of which the bank does not know", false, "U E90001", "", YT_UNSURE, 0 },
	{ "a recall of what is cancelled", true, "S 000000", PAID("08", "000000"), YT_FOUND, YT_DONE },
	{ "a recall of what is paid", true, "S 000000", PAID("04", "000000"), YT_FOUND, YT_REFUSED },
	{ "a recall of what only waits", true, "S 000000", PAID("01", "000000"), YT_ABSENT, 0 },
	{ "a recall of what is at work", true, "S 000000", PAID("03", "000000"), YT_UNSURE, 0 },
	{ "a recall of what is not there", true, "F E20404", "", YT_UNSURE, 0 },
};

static void it_is_found_out(void **state)
{
	const struct finding *row = *state;
	struct bank b = open_link(NULL, NULL);
	struct yt_msg *original = pay(&b), *query = yt_msg_new(b.arena), *read;
	struct yt_reply *adopted = yt_reply_new(b.arena), *answer;

	if (row->is_recall)
		original = message(&b, YT_OP_PAY_RECALL, SEQ, "2026-11-20 10:00:00",
		        "{\"data\":{\"orig_pay_no\":\"MA20261120000000000002\"}}");
	original->sent = encoded(&b, original);
	assert_int_equal(b.api->query_for(b.plugin, original, query), 0);
	assert_int_equal(query->op->id, YT_OP_PAY_QUERY);
	query->own_number = YT_STR("20261120000000000102");
	query->time = YT_STR("2026-11-20 09:20:30");
	query->sent = encoded(&b, query);
	read = decoded(&b, query->sent);
	assert_text(yt_node_text(yt_node_get(read->body, "data"), "orig_date"), "2026-11-20");
	answer = answered(&b, query, answer_of(&b, "BD1002", "20261120000000000102", row->ret, row->body, "bank"));
	assert_int_equal(b.api->judge(b.plugin, original, answer, adopted), row->want);
	if (row->want == YT_FOUND)
		assert_int_equal(adopted->outcome, row->adopted);
	bank_close(&b);
}

static void a_batch_is_asked_for_by_its_number_and_day(void **state)
{
	struct bank b = open_link(NULL, NULL);
	struct yt_msg *original = message(&b, YT_OP_PAY_BATCH, SEQ, "2026-11-20 09:30:00", batch_json),
	              *query = yt_msg_new(b.arena);
	struct yt_reply *answer, *adopted = yt_reply_new(b.arena);

	(void)state;
	original->sent = encoded(&b, original);
	assert_int_equal(b.api->query_for(b.plugin, original, query), 0);
	query->own_number = YT_STR("20261120000000000105");
	query->time = YT_STR("2026-11-21 09:20:30");
	query->sent = encoded(&b, query);
	assert_non_null(
	        memmem(query->sent.p, query->sent.n, "<BatchNo>000007</BatchNo><BatchDate>20261120</BatchDate>", 56));
	answer = answered(&b, query,
	        answer_of(&b, "BD2002", "20261120000000000105", "S 000000",
	                "<BatchNo>000007</BatchNo><BatchSts>03</BatchSts><BatchRetCode></BatchRetCode><BatchRetMsg></BatchRetMsg>"
	                "<OkCnt>1</OkCnt><OkAmt>20927.00</OkAmt><FailCnt>1</FailCnt><FailAmt>21463.50</FailAmt><OpenCnt>1"
	                "</OpenCnt><OpenAmt>22000.00</OpenAmt>",
	                "bank"));
	assert_int_equal(b.api->judge(b.plugin, original, answer, adopted), YT_FOUND);
	assert_int_equal(adopted->outcome, YT_DONE);
	answer = answered(&b, query, answer_of(&b, "BD2002", "20261120000000000105", "F E20404", "", "bank"));
	assert_int_equal(b.api->judge(b.plugin, original, answer, adopted), YT_ABSENT);
	bank_close(&b);
}

/* -- the other transactions ----------------------------------------------------------------------- */

static const struct other {
	const char *wire;
	enum yt_operation op;
	const char *asks, *body, *says; /* says: a part of the answer's body as JSON */
} others[] = {
	{ "BD0001", YT_OP_LINK, "{\"data\":{\"echo\":\"hello\"}}", "<EchoText>hello</EchoText>", "\"echo\":\"hello\"" },
	{ "BD3001", YT_OP_BALANCE_QUERY, "{\"data\":{\"acct\":\"39\"}}",
	        "<Bal>12.30</Bal><AvailBal>-1.00</AvailBal><Ccy>CNY</Ccy><AsOf>20261120101010</AsOf>",
	        "\"available_bal\":\"-1.00\"" },
	{ "BD4001", YT_OP_PAY_RETURN_QUERY, "{\"data\":{\"acct\":\"39\"}}",
	        "<NextMark>m2</NextMark><Rtn><PayRef>CL20261119000000000044</PayRef><OrgBankSeqNo>BK1</OrgBankSeqNo>"
	        "<RtnBankSeqNo>BK2</RtnBankSeqNo><RtnDate>20261120</RtnDate><RtnTime>143107</RtnTime><Amt>12000.00</Amt>"
	        "<RtnCode>E20004</RtnCode><RtnRsn>账户已销户</RtnRsn></Rtn>",
	        "\"return_code\":\"E20004\",\"return_text\":\"账户已销户\",\"pay_state\":\"RETURNED\"" },
	{ "BD4002", YT_OP_ACCOUNT_CHECK, "{\"data\":{\"payee_acct\":\"62\",\"payee_name\":\"陈晐\"}}",
	        "<ChkRes>2</ChkRes>", "\"check_result\":\"2\"" },
	{ "BD3002", YT_OP_STATEMENT_FETCH,
	        "{\"data\":{\"acct\":\"39\",\"begin_date\":\"2026-11-20\",\"end_date\":\"2026-11-20\"}}",
	        "<AcctNo>39</AcctNo><BgnDate>20261120</BgnDate><EndDate>20261120</EndDate><PageNo>00001</PageNo>"
	        "<PageCnt>00001</PageCnt><PosStr></PosStr><TotalRec>000000000</TotalRec><OpenBal>1.00</OpenBal>"
	        "<CloseBal>1.00</CloseBal>",
	        "\"page_no\":\"1\",\"page_cnt\":\"1\",\"total_cnt\":\"0\"" },
	{ "BD1003", YT_OP_PAY_RECALL, "{\"data\":{\"orig_pay_no\":\"MA20261120000000000002\"}}", "<PaySts>08</PaySts>",
	        "\"pay_state\":\"CANCELLED\"" },
};

/* Of papers the bank knows the identity card alone: others are not told, so that it looks at the name. */
static void another_paper_is_not_compared(void **state)
{
	static const struct {
		const char *data;
		bool is_told;
	} papers[] = {
		{ "\"psn_cert_type\":\"01\",\"certno\":\"330299199307265047\"", true },
		{ "\"psn_cert_type\":\"08\",\"certno\":\"E12345678\"", false },
		{ "\"psn_cert_type\":\"01\"", false },
		{ "\"certno\":\"330299199307265047\"", false },
	};
	struct bank b = open_link(NULL, NULL);

	(void)state;
	for (size_t i = 0; i < COUNT(papers); i++) {
		struct yt_str json = yt_arena_printf(
		        b.arena, "{\"data\":{\"payee_acct\":\"62\",\"payee_name\":\"陈晐\",%s}}", papers[i].data);
		struct yt_str octets =
		        encoded(&b, message(&b, YT_OP_ACCOUNT_CHECK, SEQ, "2026-11-20 09:15:30", json.p));

		if ((memmem(octets.p, octets.n, "<RcvIdTp>01</RcvIdTp><RcvIdNo>", 30) != NULL) != papers[i].is_told ||
		        (memmem(octets.p, octets.n, "<RcvId", 6) != NULL) != papers[i].is_told)
			fail_msg("%s: %.*s", papers[i].data, YT_FMT(octets));
	}
	bank_close(&b);
}

static void it_is_asked_and_answered(void **state)
{
	const struct other *row = *state;
	struct bank b = open_link(NULL, NULL);
	struct yt_msg *msg = message(&b, row->op, SEQ, "2026-11-20 09:15:30", row->asks), *read;
	struct yt_reply *reply;

	msg->sent = encoded(&b, msg);
	read = decoded(&b, msg->sent);
	assert_text(read->wire_op, row->wire);
	reply = answered(&b, msg, answer_of(&b, row->wire, SEQ, "S 000000", row->body, "bank"));
	if (reply->outcome != YT_DONE)
		fail_msg("%.*s", YT_FMT(reply->text));
	assert_part(json_of(&b, reply->body).p, row->says);
	bank_close(&b);
}

/* A request of another's that is not signed by it is refused with the profile's code. */
static void a_request_with_a_wrong_signature_is_refused(void **state)
{
	struct bank b = open_link(NULL, NULL), other = open_link(NULL, NULL);
	struct yt_str octets = encoded(&b, pay(&b));
	struct yt_msg *msg;

	(void)state;
	assert_int_equal(try_decode(&other, octets, &msg), YT_EDENIED);
	assert_text(msg->refusal, "E10004");
	assert_text(msg->number, SEQ);
	assert_false(msg->is_authentic);
	bank_close(&other);
	bank_close(&b);
}

/* Ours to a request that we were sent: the bank's side of the same codec. */
static void our_refusal_is_read_as_one(void **state)
{
	static const struct plugin_setting settings[] = { { "corp_no", "3302990001" }, { "operator", "OP000001" },
		{ "bank", "3302990001" } };
	struct bank b = bank_open("banklink", settings, COUNT(settings));
	struct yt_reply *reply = yt_reply_new(b.arena), *read;
	struct yt_buf out = { 0 };
	struct yt_msg *msg;

	(void)state;
	bank_key(&b, "own", "3302990001", "5A0001", NULL);
	msg = decoded(&b, encoded(&b, pay(&b)));
	reply->outcome = YT_REFUSED;
	reply->code = YT_STR("E20001");
	reply->text = YT_STR("余额不足");
	reply->wall_ms = 1773451686000;
	reply->own_number = YT_STR("BK20261120000071188");
	assert_int_equal(b.api->encode_reply(b.plugin, msg, reply, &out), 0);
	read = answered(&b, msg, yt_arena_copy(b.arena, yt_buf_view(&out)));
	assert_int_equal(read->outcome, YT_REFUSED);
	assert_text(read->code, "E20001");
	assert_text(read->text, "余额不足");
	yt_buf_free(&out);
	bank_close(&b);
}

#define ROWS(rows, fn)                                                                                                 \
	for (size_t i = 0; i < COUNT(rows); i++)                                                                       \
		tests[n++] = (struct CMUnitTest)                                                                       \
		{                                                                                                      \
			*(const char *const *)&rows[i], fn, NULL, NULL, (void *)&rows[i]                               \
		}

/* What an order is made anew for stands in its remark, if it has none; the answer is about the new one. */
static void an_order_names_the_one_that_came_back(void **state)
{
	static const char *const own[] = { "", ",\"memo\":\"附言\"" }, *const wanted[] = {
		"原付款编号 MA20261119000000000001", "附言"
	};

	(void)state;
	for (size_t i = 0; i < COUNT(own); i++) {
		struct bank b = open_link(NULL, NULL);
		struct yt_msg *msg, *back = yt_msg_new(b.arena);
		struct yt_reply *reply;
		struct yt_buf out = { 0 };
		char json[400];

		snprintf(json, sizeof(json),
		        "{\"data\":{\"pay_no\":\"MA20261120000000000002\",\"pay_amt\":\"1.00\",\"payer_acct\":\"1\",\"payer_name\":"
		        "\"a\",\"payee_acct\":\"2\",\"payee_name\":\"b\",\"purpose\":\"c\",\"orig_pay_no\":\"MA20261119000000000001\""
		        "%s}}",
		        own[i]);
		msg = order_of(&b, YT_OP_PAY_ORDER, SEQ, from_json(&b, json));
		back->sent = encoded(&b, msg);
		assert_int_equal(b.api->decode_request(b.plugin, back->sent, back, &b.fault), 0);
		assert_text(yt_node_text(yt_node_get(back->body, "data"), "memo"), wanted[i]);
		reply = answered(&b, msg, answer_of(&b, "BD1001", SEQ, "S 000000", PAID("04", "000000"), "bank"));
		assert_int_equal(reply->outcome, YT_DONE);
		msg->wire_op = YT_STR("BD1001");
		assert_int_equal(b.api->encode_reply(b.plugin, msg, reply, &out), 0);
		assert_non_null(memmem(out.p, out.n, "<PayRef>MA20261120000000000002</PayRef>", 39));
		yt_buf_free(&out);
		bank_close(&b);
	}
}

/* -- a page that was fetched, as what the bank tells ------------------------------------------------ */

#define PAGE(acct, mark, amount)                                                                                       \
	"<AcctNo>" acct "</AcctNo><BgnDate>20261119</BgnDate><EndDate>20261119</EndDate><PageNo>1</PageNo>"            \
	"<PageCnt>1</PageCnt>" mark "<TotalRec>1</TotalRec><OpenBal>10.00</OpenBal><CloseBal>3.00</CloseBal><Rec>"     \
	"<BankSeqNo>BK7</BankSeqNo><TrnDate>20261119</TrnDate><TrnTime>101112</TrnTime><DcFlg>D</DcFlg><Amt>" amount   \
	"</Amt><Bal>3.00</Bal><OppAcct></OppAcct><OppNm></OppNm><OppBankNo></OppBankNo>"                               \
	"<PayRef>MA20261119000000000002</PayRef><Usage></Usage><RevFlg>0</RevFlg><OrgBankSeqNo></OrgBankSeqNo></Rec>"

static const struct fetched {
	const char *it, *code, *ret, *body, *key, *path; /* path: of the fault, NULL: none */
	const char *is_whole;
	bool is_same; /* it has the number of the first row */
} fetcheds[] = {
	{ "a page", "BD3002", "S 000000", PAGE("39", "<PosStr>E1</PosStr>", "7.00"), "bank", NULL, "1", true },
	{ "the same, asked for later", "BD3002", "S 000000", PAGE("39", "<PosStr>E200</PosStr>", "7.00"), "bank", NULL,
	        "1", true },
	{ "another one", "BD3002", "S 000000", PAGE("39", "<PosStr>E1</PosStr>", "7.01"), "bank", NULL, "1", false },
	{ "another account's", "BD3002", "S 000000", PAGE("40", "<PosStr>E1</PosStr>", "7.00"), "bank", NULL, "1",
	        false },
	{ "one signed by others", "BD3002", "S 000000", PAGE("39", "<PosStr>E1</PosStr>", "7.00"), "own", "Sign", NULL,
	        false },
	{ "what nobody asked for", "BD1002", "S 000000", PAGE("39", "<PosStr>E1</PosStr>", "7.00"), "bank",
	        "Head.TxCode", NULL, false },
	{ "a refusal", "BD3002", "F E20002", "", "bank", "Head.RetCode", NULL, false },
	{ "half a page", "BD3002", "S 000000", "<AcctNo>39</AcctNo>", "bank", "Body.", NULL, false },
};

static void what_was_fetched_is_told(void **state)
{
	const struct fetched *row = *state;
	struct bank b = open_link(NULL, NULL);
	struct yt_msg *msg = yt_msg_new(b.arena), *first = yt_msg_new(b.arena);
	const struct yt_node *entry;
	int rv;

	rv = b.api->decode_request(b.plugin,
	        answer_of(&b, fetcheds[0].code, SEQ, fetcheds[0].ret, fetcheds[0].body, "bank"), first, &b.fault);
	assert_int_equal(rv, 0);
	rv = b.api->decode_request(
	        b.plugin, answer_of(&b, row->code, SEQ, row->ret, row->body, row->key), msg, &b.fault);
	if (row->path != NULL) {
		assert_int_not_equal(rv, 0);
		assert_part(b.fault.path, row->path);
		assert_false(msg->is_authentic);
		bank_close(&b);
		return;
	}
	if (rv != 0)
		fail_msg("%s %s", b.fault.path, b.fault.why);
	assert_int_equal(msg->op->id, YT_OP_STATEMENT_NOTICE);
	assert_true(msg->is_authentic);
	assert_text(msg->institution, "bank");
	assert_text(yt_node_text(yt_node_get(msg->body, "data"), "is_whole"), row->is_whole);
	entry = row_at(yt_node_get(row_at(yt_node_get(msg->body, "statement"), 0), "entry"), 0);
	assert_text(yt_node_text(entry, "pay_no"), "MA20261119000000000002");
	assert_text(yt_node_text(entry, "book_date"), "2026-11-19");
	assert_int_equal(yt_str_eq(msg->number, first->number), row->is_same);
	assert_int_equal(yt_str_eq(msg->content, first->content), row->is_same);
	bank_close(&b);
}

/* While its day goes on more will be told: the answers here are of 2026-11-20. */
static void a_page_of_today_is_no_whole_day(void **state)
{
	struct bank b = open_link(NULL, NULL);
	struct yt_msg *msg = yt_msg_new(b.arena);
	static const char body[] =
	        "<AcctNo>39</AcctNo><BgnDate>20261120</BgnDate><EndDate>20261120</EndDate><PageNo>1</PageNo><PageCnt>1</PageCnt>"
	        "<PosStr></PosStr><TotalRec>0</TotalRec><OpenBal>10.00</OpenBal><CloseBal>10.00</CloseBal>";
	struct yt_reply *taken;
	struct yt_buf out = { 0 };

	(void)state;
	assert_int_equal(
	        b.api->decode_request(b.plugin, answer_of(&b, "BD3002", SEQ, "S 000000", body, "bank"), msg, &b.fault),
	        0);
	assert_text(yt_node_text(yt_node_get(msg->body, "data"), "is_whole"), "0");
	taken = yt_reply_new(b.arena); /* its teller hears that it is taken, and no page */
	taken->outcome = YT_DONE;
	assert_int_equal(b.api->encode_reply(b.plugin, msg, taken, &out), 0);
	assert_null(memmem(out.p, out.n, "AcctNo", 6));
	yt_buf_free(&out);
	bank_close(&b);
}

int main(void)
{
	static struct CMUnitTest tests[170] = {
		cmocka_unit_test(octets_may_come_in_any_pieces),
		cmocka_unit_test(a_large_file_goes_beside_its_message),
		cmocka_unit_test(the_composed_page_is_read),
		cmocka_unit_test(a_changed_answer_proves_nothing),
		cmocka_unit_test(every_code_means_what_the_facts_say),
		cmocka_unit_test(a_batch_is_asked_for_by_its_number_and_day),
		cmocka_unit_test(a_request_with_a_wrong_signature_is_refused),
		cmocka_unit_test(our_refusal_is_read_as_one),
		cmocka_unit_test(another_paper_is_not_compared),
		cmocka_unit_test(a_page_of_today_is_no_whole_day),
		cmocka_unit_test(an_order_names_the_one_that_came_back),
	};
	size_t n = 10;

	ROWS(frames, a_frame_is);
	ROWS(vectors, the_composed_request_is_written);
	ROWS(vectors, the_composed_request_is_read);
	ROWS(unsent, it_is_not_written);
	ROWS(agains, it_leaves_again_as_the_same);
	ROWS(tolds, the_composed_answer_is_read);
	ROWS(outcomes, it_proves);
	ROWS(findings, it_is_found_out);
	ROWS(others, it_is_asked_and_answered);
	ROWS(fetcheds, what_was_fetched_is_told);
	return _cmocka_run_group_tests("banklink", tests, n, NULL, NULL);
}
