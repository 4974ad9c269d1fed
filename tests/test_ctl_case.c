/* tests/test_ctl_case.c - `yitong case` and `yitong followups`: the way of the money of one visit, and what is pending.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <openssl/evp.h>

#include "base/sha256.h"
#include "ctl_peer.h"
#include "engine/facts.h"
#include "journal/keeper.h"

#define T0 1795312800000 /* 2026-11-22 10:00 at UTC+8 */
#define VISIT "330200M0000000778001"
#define SETL "330200S0000000000012"
#define FOLLOW "+/" SETL
#define ACCOUNT "6222020000000000007" /* must not be seen */

static const char config[] =
        "gateway: {run_dir: @, plugin_dir: " YT_PLUGIN_DIR "}\n"
        "journal: {folder: @/journal, index: @/index.db, segment_mib: 4}\n"
        "listeners:\n"
        "  - {name: hospitals, kind: mtls, address: 127.0.0.1, port: 8443, format: nhsa, cert: a, "
        "key: b, client_ca: c}\n"
        "  - {name: from-bank, kind: mtls, address: 127.0.0.1, port: 8444, format: iso20022, cert: a, key: b, client_ca: c,"
        " settings: {customer: \"3302990001\", bank: ICBC}}\n"
        "secrets: {ty-key: @/mac, person-key: @/person}\n"
        "keys:\n"
        "  - {name: ty-field, kind: sm4, file: @/field}\n"
        "parties:\n"
        "  - {name: zhejiang, format: nhsa, url: \"https://127.0.0.1:9443/\", ca: c}\n"
        "  - {name: tianyi-bank, format: nhsa, url: \"https://127.0.0.1:9448/\", ca: c}\n"
        "  - {name: tianyi, format: tianyi, url: \"https://127.0.0.1:9445/\", ca: c, told_by: [tianyi-bank], settings: "
        "{app_id: gw330299, key: ty-key, field_key: ty-field}}\n"
        "origins:\n"
        "  - {name: hospital-one, subject: hospital-one, institutions: [H33021399901]}\n"
        "institutions:\n"
        "  - {code: H33021399901, name: 示例市第一医院, area: \"330213\", operator: o}\n"
        "cases: {facts: [same-city]}\n"
        "calendars: [{name: bank, file: @/bank.csv}]\n"
        "flows:\n"
        "  - {name: tianyi-claim, late_after_days: 1, line_after_days: 1, calendar: bank, steps: [\"tianyi:claim.submit\", \"!tianyi:claim.query\"], answer: 2}\n"
        "routes:\n"
        "  - {name: stays, to: zhejiang, operations: [inpatient.settle], then: tianyi-claim}\n"
        "  - {name: everything, to: zhejiang}\n";

/* The insurer's word about the claim; what stands in pay.accountTail and the like is nobody's business. */
static const char asked[] = "GET /ins/v1/claims/TYC2026112200000917 TY20261122000000000002\n";
static const char told[] =
        "{\"code\":\"0\",\"message\":\"林小满\",\"data\":{\"claimNo\":\"TYC2026112200000917\",\"requestNo\":"
        "\"TY20261122000000000001\",\"setlId\":\"" SETL
        "\",\"status\":\"PAID\",\"result\":{\"payable\":750000,\"payBy\":"
        "\"INSURER\"},\"payment\":{\"amount\":750000,\"payState\":\"PAID\",\"bankSerial\":\"林小满\",\"accountTail\":"
        "\"0007\"}}}";

static size_t begin(struct yt_buf *buf, enum rec_type type, uint64_t id, int64_t after_ms)
{
	return rec_begin(buf, type, 0, id, T0 + after_ms);
}

static void text(struct yt_buf *buf, enum rec_tag tag, const char *value)
{
	rec_str(buf, tag, yt_str(value));
}

static void add_settlement(struct yt_buf *buf, uint64_t id, const char *number)
{
	size_t at = begin(buf, REC_ACCEPTED, id, 0);

	text(buf, REC_T_INSTITUTION, "H33021399901");
	text(buf, REC_T_NUMBER, number);
	text(buf, REC_T_WIRE_OP, "2304");
	rec_u8(buf, REC_T_OPERATION, YT_OP_INPATIENT_SETTLE);
	text(buf, REC_T_VISIT, VISIT);
	text(buf, REC_T_THEN, "tianyi-claim");
	rec_i64(buf, REC_T_AMOUNT, 2300000);
	rec_u32(buf, REC_T_FLAGS, REC_X_SETTLEMENT);
	text(buf, REC_T_REQUEST, "{\"bank_acct\":\"" ACCOUNT "\"}");
	rec_end(buf, at);
	at = begin(buf, REC_SENDING, id, 1);
	rec_u8(buf, REC_T_LEG, REC_LEG_MAIN);
	text(buf, REC_T_PARTY, "zhejiang");
	text(buf, REC_T_NUMBER, number);
	rec_end(buf, at);
	at = begin(buf, REC_OUTCOME, id, 20);
	rec_u8(buf, REC_T_LEG, REC_LEG_MAIN);
	rec_u8(buf, REC_T_OUTCOME, YT_DONE);
	rec_end(buf, at);
	at = begin(buf, REC_ANSWERED, id, 21);
	rec_u8(buf, REC_T_OUTCOME, YT_DONE);
	text(buf, REC_T_SETTLEMENT, SETL);
	rec_i64(buf, REC_T_AMOUNT, 2300000);
	rec_i64(buf, REC_T_FUND, 175000);
	rec_i64(buf, REC_T_CASH, 2125000);
	rec_end(buf, at);
	at = begin(buf, REC_DELIVERED, id, 22);
	rec_end(buf, at);
}

static void add_follow_up(struct yt_buf *buf, uint64_t id, const char *number, const char *settlement, int64_t after_ms)
{
	size_t at = begin(buf, REC_ACCEPTED, id, after_ms);

	text(buf, REC_T_INSTITUTION, "H33021399901");
	text(buf, REC_T_NUMBER, number);
	text(buf, REC_T_WIRE_OP, "2304");
	rec_u8(buf, REC_T_OPERATION, YT_OP_INPATIENT_SETTLE);
	text(buf, REC_T_VISIT, VISIT);
	text(buf, REC_T_SETTLEMENT, settlement);
	text(buf, REC_T_ORIGINAL, "H33021399901202611221000000001");
	text(buf, REC_T_FLOW, "tianyi-claim");
	rec_i64(buf, REC_T_AMOUNT, 2300000); /* its settlement's */
	rec_u32(buf, REC_T_FLAGS, REC_X_FOLLOW_UP);
	text(buf, REC_T_REQUEST, "{}");
	rec_end(buf, at);
}

static void add_step(
        struct yt_buf *buf, uint64_t id, unsigned step, const char *number, const char *octets, int64_t after_ms)
{
	size_t at = begin(buf, REC_SENDING, id, after_ms);

	rec_u8(buf, REC_T_LEG, REC_LEG_STEP);
	rec_u8(buf, REC_T_STEP, (uint8_t)step);
	text(buf, REC_T_PARTY, "tianyi");
	text(buf, REC_T_NUMBER, number);
	text(buf, (enum rec_tag)(REC_T_STEP_SENT + step - 1), octets);
	rec_end(buf, at);
}

static void add_heard(struct yt_buf *buf, uint64_t id, unsigned step, enum yt_outcome outcome, unsigned flags,
        const char *octets, int64_t ms)
{
	size_t at = begin(buf, REC_OUTCOME, id, ms);

	rec_u8(buf, REC_T_LEG, REC_LEG_STEP);
	rec_u8(buf, REC_T_STEP, (uint8_t)step);
	rec_u8(buf, REC_T_OUTCOME, (uint8_t)outcome);
	if (flags != 0)
		rec_u32(buf, REC_T_FLAGS, flags);
	if (octets != NULL)
		text(buf, (enum rec_tag)(REC_T_STEP_GOT + step - 1), octets);
	rec_end(buf, at);
}

static void add_due(struct yt_buf *buf, uint64_t id, const char *reason, int64_t ms)
{
	size_t at = begin(buf, REC_DUE, id, ms);

	rec_i64(buf, REC_T_DUE, T0 + 3600000);
	text(buf, REC_T_REASON, reason);
	rec_end(buf, at);
}

static void add_parked(struct yt_buf *buf, uint64_t id, const char *reason, int64_t ms)
{
	size_t at = begin(buf, REC_PARKED, id, ms);

	text(buf, REC_T_OWNER, "operator");
	text(buf, REC_T_REASON, reason);
	rec_i64(buf, REC_T_DEADLINE, T0 + 86400000);
	rec_end(buf, at);
}

static int open_world(void **state)
{
	struct ctl_peer *w = calloc(1, sizeof(*w));
	char path[100];

	assert_non_null(w);
	ctl_peer_open(w, config);
	snprintf(path, sizeof(path), "%s/bank.csv", w->folder);
	ctl_peer_write(path, "date,working,note\n2026-11-23,no,a Monday that rests\n2099-01-01,no,far\n", "");
	snprintf(path, sizeof(path), "%s/mac", w->folder);
	ctl_peer_write(path, "a-secret-of-the-insurer\n", "");
	assert_int_equal(chmod(path, 0600), 0);
	snprintf(path, sizeof(path), "%s/person", w->folder);
	ctl_peer_write(path, "a-secret-of-persons\n", "");
	assert_int_equal(chmod(path, 0600), 0);
	snprintf(path, sizeof(path), "%s/field", w->folder);
	ctl_peer_write(path, "0123456789abcdeffedcba9876543210\n", "");
	assert_int_equal(chmod(path, 0600), 0);
	*state = w;
	return 0;
}

static int close_world(void **state)
{
	ctl_peer_close(*state);
	free(*state);
	return 0;
}

/* ---- case --------------------------------------------------------------------------------------- */

/* No claim, and why: the person is not on the insurer's list; or it waits for that, for whoever loads it. */
static void who_is_not_enrolled_is_told(void **state)
{
	struct ctl_peer *w = *state;
	struct yt_buf buf = { 0 };
	size_t at;

	add_settlement(&buf, 1, "H33021399901202611221000000001");
	add_follow_up(&buf, 2, FOLLOW, SETL, 21);
	add_due(&buf, 2, "waits: enrolment list of tianyi is of 2026-11-19, too old", 30);
	ctl_peer_commit(w, &buf);
	ctl_peer_feed(w);
	assert_int_equal(ctl_peer_run(w, "followups"), 0);
	ctl_peer_prints(w, "operator  waits for a newer enrolment list of tianyi than that of 2026-11-19");
	assert_int_equal(ctl_peer_run(w, "--lang zh followups"), 0);
	ctl_peer_prints(w, "等待 tianyi 的新参保名单：2026-11-19 的已过期");
	at = begin(&buf, REC_RESOLVED, 2, 40);
	text(&buf, REC_T_RESULT, "refused");
	text(&buf, REC_T_REASON, "not enrolled: not on the list of tianyi of 2026-11-22");
	rec_end(&buf, at);
	at = begin(&buf, REC_ANSWERED, 2, 41);
	rec_u8(&buf, REC_T_OUTCOME, YT_REFUSED);
	rec_end(&buf, at);
	ctl_peer_commit(w, &buf);
	ctl_peer_feed(w);
	yt_buf_free(&buf);
	assert_int_equal(ctl_peer_run(w, "case " VISIT), 0);
	ctl_peer_prints(w, "not enrolled: not on the list of tianyi of 2026-11-22");
	assert_int_equal(ctl_peer_run(w, "--lang zh case " VISIT), 0);
	ctl_peer_prints(w, "未参保：不在 tianyi 2026-11-22 的名单上");
	assert_int_equal(ctl_peer_run(w, "--lang zh show " FOLLOW), 0);
	ctl_peer_prints(w, "未参保：不在 tianyi 2026-11-22 的名单上");
}

/* What is people's, since a number is not free, or the payout before may be paid. */
static void a_number_that_parks_is_told(void **state)
{
	static const char *const rows[][3] = {
		{ KEEPER_NUMBER_USED, "a payout's number was used before, nothing is paid: MA20261120000000000001",
		        "付款编号以前用过，一笔也未支付：MA20261120000000000001" },
		{ KEEPER_NOT_NOTHING, "the payout before has not come to nothing: MA20261120000000000001",
		        "原付款并未失败或退回，暂不重付：MA20261120000000000001" },
	};
	struct ctl_peer *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char number[2][24], reason[96];
		struct yt_buf buf = { 0 };
		size_t at;

		snprintf(number[0], sizeof(number[0]), "+/list/L%zu", i);
		snprintf(number[1], sizeof(number[1]), "list/L%zu", i);
		snprintf(reason, sizeof(reason), "%sMA20261120000000000001", rows[i][0]);
		add_follow_up(&buf, 2 + i, number[0], number[1], 21);
		at = begin(&buf, REC_PARKED, 2 + i, 30);
		text(&buf, REC_T_OWNER, "operator");
		text(&buf, REC_T_REASON, reason);
		rec_end(&buf, at);
		ctl_peer_commit(w, &buf);
		ctl_peer_feed(w);
		yt_buf_free(&buf);
		assert_int_equal(ctl_peer_run(w, "parked"), 0);
		assert_null(strstr(w->out, "2304"));     /* of the settlement it follows from ... */
		assert_null(strstr(w->out, "23000.00")); /* ... as is its amount */
		ctl_peer_prints(w, rows[i][1]);
		assert_int_equal(ctl_peer_run(w, "--lang zh parked"), 0);
		ctl_peer_prints(w, rows[i][2]);
	}
}

static void a_visit_is_told_from_bill_to_payment(void **state)
{
	static const char *const questions[] = { "case " VISIT, "case " SETL };
	struct ctl_peer *w = *state;
	struct yt_buf buf = { 0 };

	add_settlement(&buf, 1, "H33021399901202611221000000001");
	add_follow_up(&buf, 2, FOLLOW, SETL, 21);
	add_step(&buf, 2, 2, "TY20261122000000000002", asked, 40);
	ctl_peer_commit(w, &buf);
	ctl_peer_feed(w);
	add_heard(&buf, 2, 2, YT_DONE, REC_X_ANEW, NULL, 50); /* behind the index */
	add_due(&buf, 2, "its result is awaited", 51);
	ctl_peer_commit(w, &buf);
	assert_int_equal(ctl_peer_run(w, "case " VISIT), 0);
	ctl_peer_prints(w, "awaited");
	ctl_peer_prints(
	        w, "still open:\n  " FOLLOW "  its result is awaited; next: tianyi, next try 2026-11-22 11:00:00");
	add_step(&buf, 2, 2, "TY20261122000000000003", asked, 60);
	add_heard(&buf, 2, 2, YT_DONE, 0, told, 70);
	ctl_peer_commit(w, &buf);
	yt_buf_free(&buf);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(ctl_peer_run(w, questions[i]), 0);
		ctl_peer_prints(w, "visit " VISIT ", institution H33021399901 示例市第一医院");
		ctl_peer_prints(w, "inpatient.settle");
		ctl_peer_prints(w, "fund 1750.00, account 0.00, cash 21250.00, settlement " SETL);
		ctl_peer_prints(w, "follows: tianyi-claim");
		ctl_peer_prints(w, "2 claim.query");
		ctl_peer_prints(w, "TY20261122000000000003");
		ctl_peer_prints(
		        w, "claim_no TYC2026112200000917, claim_state PAID, payable_amt 7500.00, pay_by INSURER");
		ctl_peer_hides(w, "bank_serial"); /* it is no number */
		ctl_peer_prints(w, "sent 2 times");
		ctl_peer_hides(w, ACCOUNT);
		ctl_peer_hides(w, "林小满");
		ctl_peer_hides(w, "0007,");
	}
	assert_int_equal(ctl_peer_run(w, "case " SETL " --json"), 0);
	ctl_peer_prints(w, "\"open\":1");
	ctl_peer_prints(w, "\"follows_by\":\"tianyi-claim\"");
	ctl_peer_prints(w, "\"fund_fen\":175000");
	ctl_peer_prints(w, "\"said\":{\"claim_no\":\"TYC2026112200000917\"");
	ctl_peer_hides(w, "林小满");
}

/* Its answer was lost, and what became of it was found out otherwise: that is kept as its answer, in words of ours. */
static void what_was_found_out_is_told(void **state)
{
	struct ctl_peer *w = *state;
	struct yt_buf buf = { 0 };
	size_t at;

	add_settlement(&buf, 1, "H33021399901202611221000000001");
	add_follow_up(&buf, 2, FOLLOW, SETL, 21);
	add_step(&buf, 2, 2, "TY20261122000000000002", asked, 40);
	at = begin(&buf, REC_OUTCOME, 2, 50);
	rec_u8(&buf, REC_T_LEG, REC_LEG_STEP);
	rec_u8(&buf, REC_T_STEP, 2);
	rec_u8(&buf, REC_T_OUTCOME, YT_DONE);
	text(&buf, REC_T_RESULT, "found");
	text(&buf, (enum rec_tag)(REC_T_STEP_GOT + 1),
	        "{\"pay_state\":\"FAILED\",\"pay_advice\":\"account\",\"payee_acct\":\"" ACCOUNT "\"}");
	rec_end(&buf, at);
	ctl_peer_commit(w, &buf);
	yt_buf_free(&buf);
	ctl_peer_feed(w);
	assert_int_equal(ctl_peer_run(w, "case " SETL), 0);
	ctl_peer_prints(w, "pay_state FAILED, pay_advice account");
	ctl_peer_hides(w, ACCOUNT);
}

/* By its agency's number: what it is, what tells how it ended, and where its payouts are. */
static void a_list_is_found_by_its_number(void **state)
{
	struct ctl_peer *w = *state;
	struct yt_buf buf = { 0 };

	add_settlement(&buf, 1, "H33021399901202611221000000001");
	add_follow_up(&buf, 2, "+/list/L9", "list/L9", 21);
	add_follow_up(&buf, 3, "+/result/L9", "", 22);
	ctl_peer_commit(w, &buf);
	yt_buf_free(&buf);
	ctl_peer_feed(w);
	assert_int_equal(ctl_peer_run(w, "case L9"), 0);
	ctl_peer_prints(w, "+/list/L9");
	ctl_peer_prints(w, "+/result/L9");
	ctl_peer_prints(w, "each payout of the list has a case of its own");
	assert_int_equal(ctl_peer_run(w, "case " SETL), 0);
	ctl_peer_hides(w, "each payout of the list");
}

static void what_is_no_visit_is_said_so(void **state)
{
	struct ctl_peer *w = *state;

	assert_int_equal(ctl_peer_run(w, "case 123"), 1);
	ctl_peer_prints(w, "no visit, settlement or payment has that number");
	assert_int_equal(ctl_peer_run(w, "case"), 2);
	assert_int_equal(ctl_peer_run(w, "case 1 2"), 2);
	assert_int_equal(ctl_peer_run(w, "case ''"), 2);
}

/* What follows has the octets of its settlement, but is none. */
static void a_claim_is_shown_as_what_it_is(void **state)
{
	struct ctl_peer *w = *state;
	struct yt_buf buf = { 0 };
	size_t at;

	add_settlement(&buf, 1, "H33021399901202611221000000001");
	add_follow_up(&buf, 2, FOLLOW, SETL, 21);
	add_due(&buf, 2, "its result is awaited", 30);
	at = begin(&buf, REC_ANSWERED, 2, 40);
	rec_u8(&buf, REC_T_OUTCOME, YT_DONE);
	rec_end(&buf, at);
	ctl_peer_commit(w, &buf);
	yt_buf_free(&buf);
	ctl_peer_feed(w);
	assert_int_equal(ctl_peer_run(w, "messages --visit " VISIT), 0);
	ctl_peer_prints(w, "claim.submit");
	ctl_peer_prints(w, "23000.00");
	*strstr(w->out, "23000.00") = '-';
	ctl_peer_hides(w, "23000.00"); /* told once, of the settlement */
	assert_int_equal(ctl_peer_run(w, "messages --visit " VISIT " --json"), 0);
	ctl_peer_prints(w, "\"operation\":\"claim.submit\",\"wire_op\":\"\",\"flow\":\"tianyi-claim\"");
	ctl_peer_hides(w, "its result is awaited"); /* it is over */
	assert_int_equal(ctl_peer_run(w, "show " FOLLOW), 0);
	ctl_peer_prints(w, "claim.submit");
	ctl_peer_prints(w, "tianyi-claim");
	ctl_peer_hides(w, "asked for");
	assert_int_equal(ctl_peer_run(w, "show H33021399901202611221000000001"), 0);
	ctl_peer_prints(w, "followed by");
	ctl_peer_prints(w, FOLLOW);
	assert_int_equal(ctl_peer_run(w, "show H33021399901202611221000000001 --json"), 0);
	ctl_peer_prints(w, "\"followed_by\":\"" FOLLOW "\"");
}

/* An insurer has decided before the hospital heard. */
static void what_the_insurer_pays_was_told(void **state)
{
	struct ctl_peer *w = *state;
	struct yt_buf buf = { 0 };
	size_t at;

	add_settlement(&buf, 1, "H33021399901202611221000000001");
	ctl_peer_commit(w, &buf);
	yt_buf_clear(&buf);
	ctl_peer_feed(w);
	assert_int_equal(ctl_peer_run(w, "case " VISIT), 0);
	ctl_peer_hides(w, "its answer says what the insurer pays");
	at = begin(&buf, REC_ANSWERED, 1, 30);
	rec_u8(&buf, REC_T_OUTCOME, YT_DONE);
	rec_u32(&buf, REC_T_FLAGS, REC_X_AMENDED);
	rec_end(&buf, at);
	ctl_peer_commit(w, &buf);
	yt_buf_free(&buf);
	ctl_peer_feed(w);
	assert_int_equal(ctl_peer_run(w, "case " VISIT), 0);
	ctl_peer_prints(w, "cash 21250.00, settlement " SETL ", its answer says what the insurer pays");
}

/* ---- followups ------------------------------------------------------------------------------------ */

static void pending_follow_ups_are_told_apart(void **state)
{
	static const struct {
		const char *arguments;
		int status;
		bool bill, result, busy, parked;
	} rows[] = {
		{ "followups", 0, true, true, true, true }, { "followups --waiting", 0, true, true, false, false },
		{ "followups --due", 0, false, false, true, false },
		{ "followups --parked", 0, false, false, false, true },
		{ "followups --waiting --json", 0, true, true, false, false },
		{ "followups --limit 1", 0, true, false, false, false }, /* the oldest */
	};
	struct ctl_peer *w = *state;
	struct yt_buf buf = { 0 };
	size_t at;

	assert_int_equal(ctl_peer_run(w, "followups"), 1);
	ctl_peer_prints(w, "nothing that follows from a settlement is pending");
	add_settlement(&buf, 1, "H33021399901202611221000000001");
	at = begin(&buf, REC_ACCEPTED, 9, 5); /* open, and follows from nothing */
	text(&buf, REC_T_INSTITUTION, "H33021399901");
	text(&buf, REC_T_NUMBER, "H33021399901202611221000000009");
	rec_end(&buf, at);
	add_follow_up(&buf, 2, "+/BILL", "BILL", 10);
	add_due(&buf, 2, "waits: bill is missing", 20);
	add_follow_up(&buf, 3, "+/RESULT", "RESULT", 11);
	add_step(&buf, 3, 2, "TY2", asked, 12);
	add_due(&buf, 3, "its result is awaited", 20);
	add_follow_up(&buf, 4, "+/BUSY", "BUSY", 12);
	add_due(&buf, 4, "refused for now", 20);
	add_follow_up(&buf, 6, "+/ORDER", "ORDER", 14);
	add_due(&buf, 6, "waits: release of 7500.00 yuan: no rule releases it", 20);
	add_follow_up(&buf, 5, "+/PARKED", "PARKED", 13);
	add_parked(&buf, 5, "refused for now, too long", 20);
	ctl_peer_commit(w, &buf);
	yt_buf_free(&buf);
	ctl_peer_feed(w);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(ctl_peer_run(w, rows[i].arguments), rows[i].status);
		assert_int_equal(rows[i].bill, strstr(w->out, "+/BILL") != NULL);
		assert_int_equal(rows[i].result, strstr(w->out, "+/RESULT") != NULL);
		assert_int_equal(rows[i].busy, strstr(w->out, "+/BUSY") != NULL);
		assert_int_equal(rows[i].parked, strstr(w->out, "+/PARKED") != NULL);
		ctl_peer_hides(w, "H33021399901202611221000000009");
	}
	ctl_peer_prints(w, "the oldest 1 of 5");
	ctl_peer_prints(w, "waits for a release: no rule releases it");
	assert_int_equal(ctl_peer_run(w, "--lang zh followups"), 0);
	ctl_peer_prints(w, "等待放行 7500.00 元：没有规则可自动放行");
	assert_int_equal(ctl_peer_run(w, "followups --json"), 0);
	ctl_peer_prints(w, "\"kind\":\"waiting\",\"flow\":\"tianyi-claim\"");
	ctl_peer_prints(w, "\"reason\":\"waits: bill is missing\",\"owner\":\"institution\"");
	ctl_peer_prints(w, "\"reason\":\"its result is awaited\",\"owner\":\"tianyi\"");
	ctl_peer_prints(w, "\"reason\":\"refused for now\",\"owner\":\"gateway\"");
	ctl_peer_prints(w, "\"owner\":\"operator\"");
	ctl_peer_prints(w, "\"reason\":\"waits: release of 7500.00 yuan: no rule releases it\",\"owner\":\"operator\"");
	add_due(&buf, 6, "waits: data.pay_amt is above the payer's order_limit", 30);
	ctl_peer_commit(w, &buf);
	yt_buf_free(&buf);
	ctl_peer_feed(w);
	assert_int_equal(ctl_peer_run(w, "followups --json"), 0);
	ctl_peer_prints(w, "the payer's order_limit\",\"owner\":\"operator\"");
	assert_int_equal(ctl_peer_run(w, "followups --due --parked"), 2);
	assert_int_equal(ctl_peer_run(w, "followups --limit 0"), 2);
	assert_int_equal(ctl_peer_run(w, "followups all"), 2);
}

static void totals_count_all_of_them(void **state)
{
	struct ctl_peer *w = *state;
	struct yt_buf buf = { 0 };
	char number[40];

	for (unsigned i = 0; i < 250; i++) {
		snprintf(number, sizeof(number), "+/S%04u", i);
		add_follow_up(&buf, 10 + i, number, number + 2, i);
		add_due(&buf, 10 + i, i < 240 ? "waits: bill is missing" : "waits: consent is missing", 1000);
	}
	ctl_peer_commit(w, &buf);
	yt_buf_free(&buf);
	ctl_peer_feed(w);
	assert_int_equal(ctl_peer_run(w, "followups --limit 3"), 0);
	ctl_peer_prints(w, "+/S0002");
	ctl_peer_hides(w, "+/S0003");
	ctl_peer_prints(w, "the oldest 3 of 250");
	ctl_peer_prints(w, "\n  240     -  waiting");
	ctl_peer_prints(w, "\n   10     -  waiting");
}

/* What each has of its own, a sum or a number, is no reason of its own: the sums are told together. */
static void totals_go_by_what_all_have(void **state)
{
	static const char *const reasons[] = { "waits: release of 7500.00 yuan: no rule releases it",
		"waits: release of 2500.50 yuan: no rule releases it",
		"7500.00 yuan paid by IN1 are to be asked back: its settlement was undone",
		"6480.00 yuan paid by JHA1 are to be asked back: its settlement was undone",
		"waits: 2 of 3 payouts of the list have not ended",
		"waits: 7 of 9 payouts of the list have not ended" };
	struct ctl_peer *w = *state;
	struct yt_buf buf = { 0 };
	char number[40];

	for (unsigned i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		snprintf(number, sizeof(number), "+/S%04u", i);
		add_follow_up(&buf, 10 + i, number, number + 2, i);
		add_due(&buf, 10 + i, reasons[i], 1000);
	}
	ctl_peer_commit(w, &buf);
	yt_buf_free(&buf);
	ctl_peer_feed(w);
	assert_int_equal(ctl_peer_run(w, "followups"), 0);
	ctl_peer_prints(w, "waits for a release of 2500.50 yuan: no rule releases it");
	ctl_peer_prints(w, "7500.00 yuan paid under IN1 are to be asked back");
	ctl_peer_prints(w, "\n    2  10000.50  waiting  ");
	ctl_peer_prints(w, "  waits for a release: no rule releases it\n");
	ctl_peer_prints(w, "\n    2  13980.00  due  ");
	ctl_peer_prints(w, "  to be asked back: its settlement was undone\n");
	ctl_peer_prints(w, "  waits for the payouts of a list\n");
	assert_int_equal(ctl_peer_run(w, "--lang zh followups"), 0);
	ctl_peer_prints(w, "  等待放行：没有规则可自动放行\n");
}

/* ---- late ------------------------------------------------------------------------------------------ */

/* Settled on a Sunday, on Monday the bank rests: it is due by the end of Tuesday. */
static void what_is_past_its_deadline_is_late(void **state)
{
	struct ctl_peer *w = *state;
	struct yt_buf buf = { 0 };

	add_settlement(&buf, 1, "H33021399901202611221000000001");
	add_follow_up(&buf, 2, FOLLOW, SETL, 21);
	add_due(&buf, 2, "waits: bill is missing", 30);
	ctl_peer_commit(w, &buf);
	ctl_peer_feed(w);
	assert_int_equal(ctl_peer_run(w, "late --at '2026-11-24 23:59:59'"), 0);
	ctl_peer_prints(w, "nothing is late");
	assert_int_equal(ctl_peer_run(w, "late --at '2026-11-25 00:00:00'"), 1);
	ctl_peer_prints(w, "2026-11-25 00:00:00  0 hours  tianyi-claim");
	ctl_peer_prints(w, "institution  waits for what is missing: bill is missing");
	assert_int_equal(ctl_peer_run(w, "late --at 2026-11-28 --json"), 1);
	ctl_peer_prints(w, "\"late_ms\":259200000,\"since_ms\":1795312800021,\"flow\":\"tianyi-claim\"");
	assert_int_equal(ctl_peer_run(w, "case " SETL), 0);
	ctl_peer_prints(w, "late from 2026-11-25 00:00:00");
	add_follow_up(&buf, 3, "+/PARKED", "PARKED", 22); /* its person's deadline is earlier */
	add_parked(&buf, 3, "refused for now, too long", 40);
	ctl_peer_commit(w, &buf);
	yt_buf_free(&buf);
	ctl_peer_feed(w);
	assert_int_equal(ctl_peer_run(w, "late --at '2026-11-24 23:59:59'"), 1);
	ctl_peer_prints(w, "+/PARKED");
	ctl_peer_hides(w, FOLLOW);
	assert_int_equal(ctl_peer_run(w, "late --at 2026-11-28 --limit 1"), 1);
	ctl_peer_prints(w, "+/PARKED"); /* the oldest */
	ctl_peer_hides(w, FOLLOW);
	ctl_peer_prints(w, "the oldest 1 of 2");
	assert_int_equal(ctl_peer_run(w, "late --at tomorrow"), 2);
	assert_int_equal(ctl_peer_run(w, "late now"), 2);
}

/* ---- statements ------------------------------------------------------------------------------------- */

#define PAY_NO "IN20261122000000000100"

/* Paid on a Sunday; on Monday the bank rests. */
static void add_paid(struct yt_buf *buf, uint64_t id)
{
	size_t at = begin(buf, REC_DUE, id, 30);

	rec_bytes(buf, REC_T_PAY_DIGEST, "0123456789abcdef", 16);
	rec_i64(buf, REC_T_AMOUNT, 750000);
	rec_end(buf, at);
	at = begin(buf, REC_SENDING, id, 31);
	rec_u8(buf, REC_T_LEG, REC_LEG_STEP);
	rec_u8(buf, REC_T_STEP, 1);
	text(buf, REC_T_PAY_NO, PAY_NO);
	text(buf, REC_T_PAY_MSG, "PM20261122000000000100");
	text(buf, REC_T_ORIG_PAY_NO, "IN20261121000000000099");
	rec_end(buf, at);
	at = begin(buf, REC_ANSWERED, id, 40);
	rec_u8(buf, REC_T_OUTCOME, YT_DONE);
	rec_end(buf, at);
}

static void add_line(struct yt_buf *buf, uint64_t id, const char *state, int64_t fen, const char *statement)
{
	size_t at = begin(buf, REC_NOTICE, id, 86400000);

	rec_u64(buf, REC_T_JOINS, 77);
	text(buf, REC_T_NUMBER, statement);
	text(buf, REC_T_RESULT, state);
	text(buf, REC_T_BOOKED, "2026-11-22");
	text(buf, REC_T_REFERENCE, "BK20261122000000000001");
	rec_i64(buf, REC_T_AMOUNT, fen);
	rec_end(buf, at);
}

/* What its bank told unasked: no line of a statement. */
static void add_word(struct yt_buf *buf, uint64_t id, const char *state, const char *number)
{
	size_t at = begin(buf, REC_NOTICE, id, 86400000);

	rec_u64(buf, REC_T_JOINS, 76);
	text(buf, REC_T_NUMBER, number);
	text(buf, REC_T_RESULT, state);
	text(buf, REC_T_PAY_NO, PAY_NO);
	rec_end(buf, at);
}

static void a_payment_waits_for_its_line(void **state)
{
	struct ctl_peer *w = *state;
	struct yt_buf buf = { 0 };
	size_t at;

	add_settlement(&buf, 1, "H33021399901202611221000000001");
	add_follow_up(&buf, 2, FOLLOW, SETL, 21);
	add_paid(&buf, 2);
	ctl_peer_commit(w, &buf);
	ctl_peer_feed(w);
	assert_int_equal(ctl_peer_run(w, "case " SETL), 0);
	ctl_peer_prints(
	        w, FOLLOW "  paid under " PAY_NO ", and no statement tells of it, late from 2026-11-25 00:00:00");
	ctl_peer_hides(w, "statement line");
	ctl_peer_prints(w, "orig_pay_no IN20261121000000000099");
	assert_int_equal(ctl_peer_run(w, "show " FOLLOW), 0);
	ctl_peer_prints(w, "pay_no " PAY_NO ", orig_pay_no IN20261121000000000099");
	assert_int_equal(ctl_peer_run(w, "late --at '2026-11-24 23:59:59'"), 0);
	assert_int_equal(ctl_peer_run(w, "late --at '2026-11-25 00:00:00'"), 1);
	ctl_peer_prints(w, "operator  paid under " PAY_NO ", and no statement tells of it");
	assert_int_equal(ctl_peer_run(w, "late --at '2026-11-25 00:00:00' --json"), 1);
	ctl_peer_prints(w, "\"pay_no\":\"" PAY_NO "\",\"owner\":\"operator\"");
	add_word(&buf, 2, "PROCESSING", "REPORT1");
	add_word(&buf, 2, "PAID", "REPORT2");
	add_word(&buf, 2, "PAID", "REPORT3");      /* the same once more is one */
	at = begin(&buf, REC_NOTICE, 2, 86400000); /* of the claim, by its insurer */
	rec_u64(&buf, REC_T_JOINS, 75);
	text(&buf, REC_T_NUMBER, "EVENT1");
	text(&buf, REC_T_RESULT, "RETURNED");
	rec_end(&buf, at);
	add_line(&buf, 2, "DIFFERS", 750001, "ST1"); /* tells of nothing that was ordered */
	ctl_peer_commit(w, &buf);
	ctl_peer_feed(w);
	assert_int_equal(ctl_peer_run(w, "late --at 2026-11-25"), 1);
	add_line(&buf, 2, "PAID", 750000, "ST2");
	add_line(&buf, 2, "PAID", 750000, "ST2-COPY"); /* the same line again is one */
	ctl_peer_commit(w, &buf);
	yt_buf_free(&buf);
	ctl_peer_feed(w);
	assert_int_equal(ctl_peer_run(w, "late --at 2026-11-30"), 0);
	assert_int_equal(ctl_peer_run(w, "case " SETL), 0);
	ctl_peer_prints(w, "its bank tells");
	ctl_peer_prints(w, "PROCESSING");
	ctl_peer_prints(w, "REPORT2");
	ctl_peer_hides(w, "REPORT3");
	ctl_peer_hides(w, "EVENT1");
	ctl_peer_prints(w, "statement line");
	ctl_peer_prints(w, "differs");
	ctl_peer_prints(w, "booked");
	ctl_peer_prints(w, "pay_no " PAY_NO ", book_date 2026-11-22, bank_serial BK20261122000000000001");
	ctl_peer_hides(w, "ST2-COPY");
	ctl_peer_prints(w, "nothing is open");
	assert_int_equal(ctl_peer_run(w, "case " PAY_NO), 0); /* the same visit, by its payment */
	ctl_peer_prints(w, "visit " VISIT);
	ctl_peer_prints(w, "inpatient.settle");
	ctl_peer_prints(w, "statement line");
	assert_int_equal(ctl_peer_run(w, "case --json " SETL), 0);
	ctl_peer_prints(w, "\"lines\":[{\"told_by\":\"REPORT1\",\"state\":\"PROCESSING\",\"told_ms\":");
	ctl_peer_prints(w, "{\"statement\":\"ST1\",\"state\":\"DIFFERS\",\"book_date\":\"2026-11-22\"");
}

static void add_order(struct yt_buf *buf, uint64_t id, const char *pay_no, const char *orig, int64_t ms)
{
	size_t at = begin(buf, REC_SENDING, id, ms);

	rec_u8(buf, REC_T_LEG, REC_LEG_STEP);
	rec_u8(buf, REC_T_STEP, 1);
	text(buf, REC_T_PARTY, "bank");
	text(buf, REC_T_PAY_NO, pay_no);
	if (orig != NULL)
		text(buf, REC_T_ORIG_PAY_NO, orig);
	rec_end(buf, at);
}

static void add_asked(struct yt_buf *buf, uint64_t id, unsigned step, const char *number, int64_t ms)
{
	size_t at = begin(buf, REC_SENDING, id, ms);

	rec_u8(buf, REC_T_LEG, REC_LEG_STEP);
	rec_u8(buf, REC_T_STEP, (uint8_t)step);
	text(buf, REC_T_PARTY, "bank");
	text(buf, REC_T_NUMBER, number);
	rec_end(buf, at);
}

/* What came back and was paid anew: each payout has its lines, and all stand as they came. */
static void each_payout_is_told_in_its_order(void **state)
{
	static const char *const in_order[] = { "ASKED-1", "WORD-1",
		"pay_no " PAY_NO ", orig_pay_no IN20261121000000000099", "ASKED-2" };
	struct ctl_peer *w = *state;
	struct yt_buf buf = { 0 };
	const char *at, *row = NULL;

	add_settlement(&buf, 1, "H33021399901202611221000000001");
	add_follow_up(&buf, 2, FOLLOW, SETL, 21);
	add_order(&buf, 2, "IN20261121000000000099", NULL, 31);
	add_asked(&buf, 2, 2, "ASKED-0", 32);
	add_asked(&buf, 2, 2, "ASKED-1", 33); /* of the same payout: one line, of its last time */
	add_word(&buf, 2, "RETURNED", "WORD-1");
	add_order(&buf, 2, PAY_NO, "IN20261121000000000099", 86400001);
	add_asked(&buf, 2, 2, "ASKED-2", 86400002);
	ctl_peer_commit(w, &buf);
	yt_buf_free(&buf);
	ctl_peer_feed(w);
	assert_int_equal(ctl_peer_run(w, "case " SETL), 0);
	row = strstr(w->out, "pay_no IN20261121000000000099");
	for (size_t i = 0; i < sizeof(in_order) / sizeof(in_order[0]); i++) {
		at = row;
		assert_non_null(at);
		row = strstr(at, in_order[i]);
	}
	assert_non_null(row);
	ctl_peer_hides(w, "ASKED-0");
	assert_int_equal(ctl_peer_run(w, "--lang zh case " SETL), 0);
	ctl_peer_prints(w, "已退回");
	ctl_peer_prints(w, "付款编号 " PAY_NO "，原付款编号 IN20261121000000000099");
}

static void add_of(struct yt_buf *buf, uint64_t id, enum yt_operation op, const char *number, const char *code)
{
	size_t at = begin(buf, REC_ACCEPTED, id, (int64_t)id);

	text(buf, REC_T_INSTITUTION, "H33021399901");
	text(buf, REC_T_NUMBER, number);
	rec_u8(buf, REC_T_OPERATION, (uint8_t)op);
	text(buf, REC_T_VISIT, VISIT);
	text(buf, REC_T_SETTLEMENT, op == YT_OP_CLAIM_BACK ? SETL : "account/0000000000000007");
	text(buf, REC_T_FLOW, op == YT_OP_CLAIM_BACK ? "here" : "account-check");
	text(buf, REC_T_CODE, code);
	rec_i64(buf, REC_T_AMOUNT, 750000);
	rec_u32(buf, REC_T_FLAGS, number[0] == '+' || number[0] == 'b' ? REC_X_FOLLOW_UP : 0);
	rec_end(buf, at);
	at = begin(buf, REC_RESOLVED, id, 30);
	text(buf, REC_T_RESULT, "done");
	text(buf, REC_T_REASON, "its bank cannot say whose the account is");
	rec_end(buf, at);
	at = begin(buf, REC_ANSWERED, id, 31);
	rec_u8(buf, REC_T_OUTCOME, YT_DONE);
	text(buf, REC_T_CODE, code);
	rec_end(buf, at);
}

/* What the gateway calls them itself is nothing to people. */
static void accounts_and_money_back_have_words(void **state)
{
	struct ctl_peer *w = *state;
	struct yt_buf buf = { 0 };

	add_of(&buf, 7, YT_OP_ACCOUNT_PUT, "A-1", "");
	add_of(&buf, 8, YT_OP_ACCOUNT_PUT, "+/account/0000000000000007", "3");
	add_of(&buf, 9, YT_OP_CLAIM_BACK, "back/" SETL, "INSURER");
	ctl_peer_commit(w, &buf);
	yt_buf_free(&buf);
	ctl_peer_feed(w);
	assert_int_equal(ctl_peer_run(w, "case " VISIT), 0);
	ctl_peer_prints(w, "follows: account-check");
	ctl_peer_prints(w, "its bank cannot say whose the account is");
	ctl_peer_hides(w, "code 3");
	ctl_peer_hides(w, "settlement account/");
	ctl_peer_prints(w, "follows: asked back");
	ctl_peer_prints(w, "7500.00  back/" SETL);
	ctl_peer_prints(w, "paid by its insurer");
	assert_int_equal(ctl_peer_run(w, "--lang zh case " VISIT), 0);
	ctl_peer_prints(w, "后续：追回");
	ctl_peer_prints(w, "付款方 保险公司");
}

#define NTRY(serial, fen, refs, account)                                                                               \
	"<Ntry><Amt Ccy=\"CNY\">" fen                                                                                  \
	"</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-11-22</"                           \
	"Dt></BookgDt><AcctSvcrRef>" serial                                                                            \
	"</AcctSvcrRef><BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>ICDT</Cd><SubFmlyCd>DMCT</"                                \
	"SubFmlyCd></Fmly></Domn></BkTxCd><NtryDtls><TxDtls>" refs "<RltdPties><CdtrAcct><Id><Othr><Id>" account       \
	"</Id></Othr></Id></CdtrAcct></RltdPties></TxDtls></NtryDtls></Ntry>"
#define REFS(number) "<Refs><EndToEndId>" number "</EndToEndId></Refs>"
#define BAL(type, yuan)                                                                                                \
	"<Bal><Tp><CdOrPrtry><Cd>" type "</Cd></CdOrPrtry></Tp><Amt Ccy=\"CNY\">" yuan                                 \
	"</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-22</Dt></Dt></Bal>"

/* One line is a payment's, one has a number that is nobody's, one no number but its sum and account, one says nothing.
 */
static const char camt053[] =
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\"><BkToCstmrStmt><GrpHdr><MsgId>ST1</MsgId>"
        "<CreDtTm>2026-11-22T23:00:00+08:00</CreDtTm></GrpHdr><Stmt><Id>S1</Id><Acct><Id><Othr><Id>3999020001000000018"
        "</Id></Othr></Id><Ccy>CNY</Ccy></Acct>" BAL("OPBD", "40000.00") BAL("CLBD", "8484.00") //
        NTRY("BK1", "7500.00", REFS(PAY_NO), ACCOUNT)                                           //
        NTRY("BK2", "16500.00", REFS("IN20261122000000000900"), ACCOUNT)                        //
        NTRY("BK3", "7500.00", "", ACCOUNT) NTRY("BK4", "16.00", "", ACCOUNT)                   //
        "</Stmt></BkToCstmrStmt></Document>";

static void add_statement(struct yt_buf *buf, uint64_t id, const char *party, const char *octets, uint32_t strays)
{
	size_t at = begin(buf, REC_ACCEPTED, id, 50);

	text(buf, REC_T_INSTITUTION, "ICBC");
	text(buf, REC_T_NUMBER, "ST1");
	text(buf, REC_T_WIRE_OP, "camt.053");
	text(buf, REC_T_LISTENER, "from-bank");
	rec_u8(buf, REC_T_OPERATION, YT_OP_STATEMENT_NOTICE);
	text(buf, REC_T_PARTY, party);
	text(buf, REC_T_REQUEST, octets);
	rec_end(buf, at);
	at = begin(buf, REC_ANSWERED, id, 51);
	rec_u8(buf, REC_T_OUTCOME, YT_DONE);
	rec_end(buf, at);
	if (strays == 0)
		return;
	at = begin(buf, REC_NOTICE, id, 52);
	rec_u32(buf, REC_T_STRAYS, strays);
	rec_end(buf, at);
}

/* An order of 7500.00 to ACCOUNT is about to leave: found by the keyed hash of payee, sum and type. */
static void add_announced(struct yt_buf *buf, uint64_t id)
{
	EVP_MAC_CTX *ctx = yt_hmac_sha256_new(YT_STR("a-secret-of-persons"));
	struct yt_arena *arena = yt_arena_new(1024);
	char key[FACTS_KEY_MAX];
	uint8_t mac[SHA256_LEN];
	size_t at;

	yt_hmac_sha256(ctx, facts_pay_text(arena, YT_STR(ACCOUNT), 750000, YT_STR("IN")), mac);
	EVP_MAC_CTX_free(ctx);
	yt_arena_free(arena);
	assert_true(facts_pay_key(mac, key));
	at = begin(buf, REC_FACTS, id, 29);
	text(buf, REC_T_CASE, key);
	text(buf, REC_T_FACTS, "{}");
	rec_end(buf, at);
}

static void lines_of_no_payment_are_listed(void **state)
{
	struct ctl_peer *w = *state;
	struct yt_buf buf = { 0 };

	assert_int_equal(ctl_peer_run(w, "statement"), 1);
	ctl_peer_prints(w, "every line of every statement tells of a payment known here");
	add_settlement(&buf, 1, "H33021399901202611221000000001");
	add_follow_up(&buf, 2, FOLLOW, SETL, 21);
	add_announced(&buf, 2);
	add_paid(&buf, 2);
	add_statement(&buf, 3, "tianyi-bank", camt053, 3); /* tianyi's told_by */
	ctl_peer_commit(w, &buf);
	ctl_peer_feed(w);
	assert_int_equal(ctl_peer_run(w, "statement"), 0);
	ctl_peer_prints(w, "statement ST1, told by ICBC at 2026-11-22 10:00:00: 4 lines, 3 of no payment known here");
	ctl_peer_prints(w, "16500.00  BK2          IN20261122000000000900  no payment here has that number");
	ctl_peer_prints(w, "perhaps " PAY_NO ": the same account and sum within two days, which is no proof");
	ctl_peer_prints(w, "16.00  BK4");
	ctl_peer_hides(w, "BK1");
	ctl_peer_hides(w, ACCOUNT);
	assert_int_equal(ctl_peer_run(w, "statement ST1"), 0);
	ctl_peer_prints(w, PAY_NO "  a payment known here: see its case"); /* no line was told of yet */
	add_line(&buf, 2, "PAID", 750000, "ST1");
	ctl_peer_commit(w, &buf);
	yt_buf_free(&buf);
	ctl_peer_feed(w);
	assert_int_equal(ctl_peer_run(w, "statement --json"), 0);
	ctl_peer_prints(w, "\"bank_serial\":\"BK3\",\"pay_no\":\"\",\"what\":\"it names no payment\",\"perhaps\":\"\"");
	assert_int_equal(ctl_peer_run(w, "statement ST1"), 0);
	ctl_peer_prints(w, PAY_NO "  a payment known here\n");
	assert_int_equal(ctl_peer_run(w, "statement ST9"), 1);
	ctl_peer_prints(w, "no statement has that number");
	assert_int_equal(ctl_peer_run(w, "statement --limit 0"), 2);
	assert_int_equal(ctl_peer_run(w, "statement ST1 ST2"), 2);
}

/* A line without our number, as the keeper has found it: by its bank's number for the payment and the sum. */
static void a_line_is_known_by_its_banks_number(void **state)
{
	struct ctl_peer *w = *state;
	struct yt_buf buf = { 0 };
	size_t at;

	add_settlement(&buf, 1, "H33021399901202611221000000001");
	add_follow_up(&buf, 2, FOLLOW, SETL, 21);
	add_paid(&buf, 2);
	at = begin(&buf, REC_OUTCOME, 2, 35);
	rec_u8(&buf, REC_T_LEG, REC_LEG_STEP);
	rec_u8(&buf, REC_T_STEP, 1);
	rec_u8(&buf, REC_T_OUTCOME, YT_DONE);
	text(&buf, REC_T_PAY_SERIAL, "BK3");
	rec_end(&buf, at);
	add_statement(&buf, 3, "tianyi-bank", camt053, 3);
	ctl_peer_commit(w, &buf);
	ctl_peer_feed(w);
	assert_int_equal(ctl_peer_run(w, "statement ST1"), 0);
	ctl_peer_hides(w, "BK3          " PAY_NO); /* no line of it was told of */
	add_line(&buf, 2, "PAID", 750000, "ST1");
	ctl_peer_commit(w, &buf);
	yt_buf_free(&buf);
	ctl_peer_feed(w);
	assert_int_equal(ctl_peer_run(w, "statement ST1"), 0);
	ctl_peer_prints(w, "BK3          " PAY_NO "  a payment known here");
}

/* The same statement told by a bank that nobody asked for the payment: what the keeper counts is shown. */
static void a_line_another_bank_tells_is_listed(void **state)
{
	struct ctl_peer *w = *state;
	struct yt_buf buf = { 0 };

	add_settlement(&buf, 1, "H33021399901202611221000000001");
	add_follow_up(&buf, 2, FOLLOW, SETL, 21);
	add_paid(&buf, 2);
	add_statement(&buf, 3, "zhejiang", camt053, 4);
	ctl_peer_commit(w, &buf);
	yt_buf_free(&buf);
	ctl_peer_feed(w);
	assert_int_equal(ctl_peer_run(w, "statement"), 0);
	ctl_peer_prints(w, "4 lines, 4 of no payment known here");
	ctl_peer_prints(w, PAY_NO "  a payment known here, which another party pays than the one that tells");
}

/* A line that names our message alone, which ordered one payment. */
static void a_line_of_a_message_is_its_payments(void **state)
{
	static const char statement[] =
	        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\"><BkToCstmrStmt><GrpHdr><MsgId>ST1"
	        "</MsgId><CreDtTm>2026-11-22T23:00:00+08:00</CreDtTm></GrpHdr><Stmt><Id>S1</Id><Acct><Id><Othr>"
	        "<Id>3999020001000000018</Id></Othr></Id><Ccy>CNY</Ccy></Acct>"                       //
	        NTRY("BK1", "7500.00", "<Refs><MsgId>PM20261122000000000100</MsgId></Refs>", ACCOUNT) //
	        NTRY("BK2", "7500.00", "<Refs><MsgId>PM20261122000000000200</MsgId></Refs>", ACCOUNT) //
	        "</Stmt></BkToCstmrStmt></Document>";
	struct ctl_peer *w = *state;
	struct yt_buf buf = { 0 };

	add_settlement(&buf, 1, "H33021399901202611221000000001");
	add_follow_up(&buf, 2, FOLLOW, SETL, 21);
	add_paid(&buf, 2);
	add_line(&buf, 2, "PAID", 750000, "ST1");
	add_statement(&buf, 3, "tianyi-bank", statement, 1);
	ctl_peer_commit(w, &buf);
	ctl_peer_feed(w);
	yt_buf_free(&buf);
	assert_int_equal(ctl_peer_run(w, "statement ST1"), 0);
	ctl_peer_prints(w, "2 lines, 1 of no payment known here");
	ctl_peer_prints(w, "7500.00  BK1          " PAY_NO "  a payment known here");
}

/* It does not go on where the one before of its account ended: listed, though all its lines may be known. */
static void what_is_missing_between_statements_is_told(void **state)
{
	static const char *const says[] = { "a statement before it has not come", "it opens with another balance",
		"its balances and its lines do not add up" };
	struct ctl_peer *w = *state;
	struct yt_buf buf = { 0 };
	size_t at;

	for (unsigned flags = 1; flags < 8; flags++) {
		yt_buf_clear(&buf);
		add_statement(&buf, 3 + flags, "tianyi-bank", camt053, 0);
		at = begin(&buf, REC_NOTICE, 3 + flags, 52);
		rec_u32(&buf, REC_T_STRAYS, 0);
		rec_u32(&buf, REC_T_FLAGS, flags * REC_X_GAP);
		rec_end(&buf, at);
		ctl_peer_commit(w, &buf);
		ctl_peer_feed(w);
		for (unsigned json = 0; json < 2; json++) {
			assert_int_equal(
			        ctl_peer_run(w, json ? "statement --json --limit 1" : "statement --limit 1"), 0);
			for (unsigned i = 0; i < 3; i++) {
				const char *said = strstr(w->out, says[i]);

				assert_int_equal(said != NULL, flags >> i & 1);
				assert_true(said == NULL || strstr(said + 1, says[i]) == NULL); /* once */
			}
		}
	}
	yt_buf_free(&buf);
}

static void a_lane_is_stopped_by_somebody_for_a_reason(void **state)
{
	static const char *const wrong[] = { "lane tianyi stop", "lane tianyi stop --operator li",
		"lane tianyi stop --operator li --reason ' '", "lane tianyi halt --operator li --reason x",
		"lane tianyi stop now --operator li --reason x" };
	struct ctl_peer *w = *state;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(ctl_peer_run(w, wrong[i]), 2);
	assert_int_equal(ctl_peer_run(w, "lane tianyi stop --operator li --reason x"), 3);
	ctl_peer_prints(w, "the gateway is not running");
}

/* Two agencies have each a list L7 that waits: nobody guesses which one is meant. */
static void a_number_of_two_is_nobodys(void **state)
{
	struct ctl_peer *w = *state;
	struct yt_buf buf = { 0 };

	add_follow_up(&buf, 7, "+/list/L7", "list/L7", 21);
	add_follow_up(&buf, 8, "+/list/L7", "list/L7", 22);
	ctl_peer_commit(w, &buf);
	ctl_peer_feed(w);
	yt_buf_free(&buf);
	assert_int_equal(ctl_peer_run(w, "decide +/list/L7 release --operator li --why seen"), 1);
	ctl_peer_prints(w, "2 open exchanges have the number +/list/L7");
	ctl_peer_prints(w, "0000000000000007");
	ctl_peer_prints(w, "0000000000000008");
	assert_int_equal(ctl_peer_run(w, "--lang zh decide +/list/L7 release --operator li --why seen"), 1);
	ctl_peer_prints(w, "有 2 笔未了结的交易");
}

/* What was ordered or settled has ended, and what follows from it waits: that is named, and not taken for it. */
static void what_follows_is_named_where_it_is_meant(void **state)
{
	struct ctl_peer *w = *state;
	struct yt_buf buf = { 0 };

	add_follow_up(&buf, 7, "+/MA20261123000000000011", "MA20261123000000000011", 21);
	ctl_peer_commit(w, &buf);
	ctl_peer_feed(w);
	yt_buf_free(&buf);
	assert_int_equal(ctl_peer_run(w, "decide MA20261123000000000011 release --reason seen"), 1);
	ctl_peer_prints(w, "MA20261123000000000011 itself does not wait, what follows from it does: say +/MA2026");
	assert_int_equal(ctl_peer_run(w, "decide MA20261123000000000012 release --reason seen"), 1);
	ctl_peer_prints(w, "no exchange has the number MA20261123000000000012");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_visit_is_told_from_bill_to_payment, open_world, close_world),
		cmocka_unit_test_setup_teardown(who_is_not_enrolled_is_told, open_world, close_world),
		cmocka_unit_test_setup_teardown(a_number_that_parks_is_told, open_world, close_world),
		cmocka_unit_test_setup_teardown(a_number_of_two_is_nobodys, open_world, close_world),
		cmocka_unit_test_setup_teardown(what_follows_is_named_where_it_is_meant, open_world, close_world),
		cmocka_unit_test_setup_teardown(a_claim_is_shown_as_what_it_is, open_world, close_world),
		cmocka_unit_test_setup_teardown(what_the_insurer_pays_was_told, open_world, close_world),
		cmocka_unit_test_setup_teardown(what_was_found_out_is_told, open_world, close_world),
		cmocka_unit_test_setup_teardown(a_list_is_found_by_its_number, open_world, close_world),
		cmocka_unit_test_setup_teardown(what_is_no_visit_is_said_so, open_world, close_world),
		cmocka_unit_test_setup_teardown(pending_follow_ups_are_told_apart, open_world, close_world),
		cmocka_unit_test_setup_teardown(totals_count_all_of_them, open_world, close_world),
		cmocka_unit_test_setup_teardown(totals_go_by_what_all_have, open_world, close_world),
		cmocka_unit_test_setup_teardown(what_is_past_its_deadline_is_late, open_world, close_world),
		cmocka_unit_test_setup_teardown(a_payment_waits_for_its_line, open_world, close_world),
		cmocka_unit_test_setup_teardown(each_payout_is_told_in_its_order, open_world, close_world),
		cmocka_unit_test_setup_teardown(accounts_and_money_back_have_words, open_world, close_world),
		cmocka_unit_test_setup_teardown(lines_of_no_payment_are_listed, open_world, close_world),
		cmocka_unit_test_setup_teardown(a_line_is_known_by_its_banks_number, open_world, close_world),
		cmocka_unit_test_setup_teardown(a_line_another_bank_tells_is_listed, open_world, close_world),
		cmocka_unit_test_setup_teardown(a_line_of_a_message_is_its_payments, open_world, close_world),
		cmocka_unit_test_setup_teardown(what_is_missing_between_statements_is_told, open_world, close_world),
		cmocka_unit_test_setup_teardown(a_lane_is_stopped_by_somebody_for_a_reason, open_world, close_world),
	};

	setenv("LC_ALL", "C.UTF-8", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
