/* tests/test_texts.c - our own answers: numbered once, short enough, and all in docs/answers.md. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/texts.h"
#include "yitong/json.h"
#include "yitong/message.h"

#define TRACE "a1b2c3d4"
#define ROOM 200 /* characters */

static char *read_manual(void)
{
	FILE *file = fopen(YT_SOURCE_DIR "/docs/answers.md", "rb");
	char *text = calloc(1, 65536);

	assert_non_null(file);
	assert_non_null(text);
	assert_in_range(fread(text, 1, 65535, file), 1, 65534);
	fclose(file);
	return text;
}

static void test_manual(void **state)
{
	char *manual = read_manual(), row[600];
	const char *zh, *en;
	enum text_id id;
	size_t i;

	(void)state;
	for (i = 0; text_at(i, &id, &zh, &en); i++) {
		snprintf(row, sizeof(row), "\n| Y%d | %s | %s | ", (int)id, zh, en);
		if (strstr(manual, row) == NULL)
			fail_msg("docs/answers.md has no row that begins \"%s\"", row + 1);
	}
	assert_true(i > 0);
	free(manual);
}

static void test_numbers(void **state)
{
	const char *zh, *en;
	enum text_id id, other;
	size_t i, j;

	(void)state;
	for (i = 0; text_at(i, &id, &zh, &en); i++) {
		assert_in_range(id, 100, 999);
		for (j = 0; j < i && text_at(j, &other, &zh, &en); j++)
			assert_int_not_equal(id, other);
	}
}

/* Characters of s; fails when it is not whole UTF-8. */
static size_t count(struct yt_str s)
{
	size_t i = 0, n = 0;

	while (i < s.n) {
		uint8_t c = (uint8_t)s.p[i];
		size_t size = c < 0x80 ? 1 : c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2, k;

		assert_true(c < 0x80 || c >= 0xC2);
		assert_true(i + size <= s.n);
		for (k = 1; k < size; k++)
			assert_int_equal((uint8_t)s.p[i + k] & 0xC0, 0x80);
		i += size;
		n++;
	}
	return n;
}

static void check_length(enum text_id id, const char *zh, struct yt_str detail)
{
	struct yt_arena *arena = yt_arena_new(0);
	struct yt_str text = text_make(arena, id, detail, TRACE);
	char end[40];
	size_t n;

	snprintf(end, sizeof(end), "（Y%d " TRACE "）", (int)id);
	n = count(text);
	assert_in_range(n, 1, ROOM);
	assert_true(text.n >= strlen(end));
	assert_memory_equal(text.p + text.n - strlen(end), end, strlen(end)); /* what a cashier reads out is whole */
	if (strstr(zh, "%s") != NULL && count(detail) > ROOM)
		assert_int_equal(n, ROOM); /* no more is cut than must be */
	yt_arena_free(arena);
}

static void test_length(void **state)
{
	static const char *const units[] = { "x", "\xc3\xa9", "金", "\xf0\xa0\x80\x80", "a金" };
	const char *zh, *en;
	enum text_id id;
	size_t i, j, k;

	(void)state;
	for (i = 0; text_at(i, &id, &zh, &en); i++) {
		check_length(id, zh, (struct yt_str){ 0 });
		for (j = 0; j < sizeof(units) / sizeof(units[0]); j++) {
			struct yt_buf detail = { 0 };

			for (k = 0; k < 400; k++)
				yt_buf_text(&detail, units[j]);
			check_length(id, zh, yt_buf_view(&detail));
			yt_buf_free(&detail);
		}
	}
}

static void test_short_detail(void **state)
{
	struct yt_arena *arena = yt_arena_new(0);
	struct yt_str text = text_make(arena, TEXT_UNREADABLE, YT_STR("input.data"), TRACE);

	(void)state;
	assert_true(yt_str_eq(text, YT_STR("报文有误，未受理：input.data（Y101 " TRACE "）")));
	yt_arena_free(arena);
}

static const struct detail_row {
	const char *en, *zh;
} detail_rows[] = {
	{ "", "" },
	{ "input.data", "input.data" },
	{ "input.data.psn_no is missing", "缺少 input.data.psn_no" },
	{ "recer_sys_code is missing; set recer_sys_code for this party",
	        "网关没有设置 recer_sys_code，请联系网关管理员" },
	{ "input.feedetail has no rows", "input.feedetail 没有明细" },
	{ "input.data.psn_no must be a text", "input.data.psn_no 应为文本" },
	{ "(message) must be an object", "报文 应为 JSON 对象" },
	{ "input.diseinfo must be an array of objects", "input.diseinfo 应为 JSON 对象数组" },
	{ "msgid must be letters and digits", "msgid 只能由字母和数字组成" },
	{ "input.data.psn_no is longer than 30 characters", "input.data.psn_no 超过 30 个字符" },
	{ "input.data.cnt is not a number", "input.data.cnt 不是数字" },
	{ "input.feedetail[3].cnt has more than 4 digits behind the point", "input.feedetail[3].cnt 的小数超过 4 位" },
	{ "input.data.cnt has more than 12 digits before the point", "input.data.cnt 的整数部分超过 12 位" },
	{ "input.data.begndate is not a date (yyyy-MM-dd)", "input.data.begndate 不是日期，格式应为 yyyy-MM-dd" },
	{ "inf_time is not a time (yyyy-MM-dd HH:mm:ss)", "inf_time 不是时间，格式应为 yyyy-MM-dd HH:mm:ss" },
	{ "data.x is 1.00, but a, b and c add up to 2.00", "data.x 为 1.00，而 a、b、c 合计为 2.00" },
	{ "data.x is 1.00, but fund_pay_sumamt, person and hosp_part_amt add up to 2.00",
	        "data.x 为 1.00，而 fund_pay_sumamt、个人负担、hosp_part_amt 合计为 2.00" },
	{ "feedetail[0].det_item_fee_sumamt is 1.00, but cnt times pric add up to 2.00",
	        "feedetail[0].det_item_fee_sumamt 为 1.00，而 cnt×pric 合计为 2.00" },
	{ "(message) cannot be read: line 2 column 17: bad number", "报文无法解析，第 2 行第 17 列：数字格式有误" },
	/* across provinces */
	{ "input.data.ykc700 is missing: registration 0212 must come first, it brings ykc700",
	        "缺少 input.data.ykc700，请先办理跨省就诊登记（0212）" },
	{ "input.feedetail[3].inscp_scp_amt is missing: 2204/2301 answer must come first, it brings ake171",
	        "缺少 input.feedetail[3].inscp_scp_amt，请先上传费用明细（2204、2301）" },
	{ "input.data.certno is missing: 0211 must come first, it brings aac044",
	        "缺少 input.data.certno，请先查询人员信息（1101）" },
	{ "input.data.otransid is missing: 0301 must come first, it brings otransid",
	        "缺少 input.data.otransid，请先完成交易 0301" },
	{ "input.data.dscg_way is missing: 0215 needs it as ykc195", "缺少 input.data.dscg_way，跨省交易 0215 需要" },
	{ "input.data.med_type has a code that the plugin's map for it does not know (0304 aka130)",
	        "input.data.med_type 的代码跨省没有对应值" },
	{ "input.data.ipt_no is longer than 20 characters (0212 akc190)", "input.data.ipt_no 超过 20 个字符" },
	{ "input.data.medfee_sumamt I1: is 1.00, but a and b add up to 2.00",
	        "input.data.medfee_sumamt 为 1.00，而 a、b 合计为 2.00" },
	{ "input.feedetail[0].det_item_fee_sumamt I6: is more than 0.05 off cnt times pric",
	        "input.feedetail[0].det_item_fee_sumamt 与数量乘以单价相差超过 0.05 元" },
	{ "input.data.akc018 I2: is more than inscp_scp_amt", "input.data.akc018 大于 inscp_scp_amt" },
	{ "input must be encrypted (setting input_key)", "input 须加密" },
	{ "input cannot be decrypted with the key of the setting input_key", "input 不能用约定的密钥解密" },
	{ "input is not what cainfo signs (setting verify_key)", "input 与 cainfo 的签名不符" },
	{ "input is no JSON once decrypted", "input 解密后不是 JSON" },
	{ "(message) appId is another than the setting app_id", "appId 与网关约定的不同" },
	{ "(message) encData cannot be decrypted with the secret of the setting app_secret",
	        "encData 不能用约定的密钥解密" },
	{ "(message) encData is no JSON object once decrypted", "encData 解密后不是 JSON 对象" },
	{ "(message) signData is not the sender's signature (setting verify_key)", "签名 signData 与内容不符" },
	{ "(message) does not say which transaction it is, neither by its path nor by transType",
	        "从路径和 transType 都看不出是哪项交易" },
	{ "(message) has a timestamp that is no number", "timestamp 不是数字" },
	{ "input.data.endtime I8: is behind the day it was sent", "input.data.endtime 晚于报送日期" },
	{ "input.data.begntime I8: is behind endtime", "input.data.begntime 晚于 endtime" },
	{ "input.data.overlmt_selfpay I7: is negative", "input.data.overlmt_selfpay 不能为负" },
	{ "input.data.hosp_part_amt cannot be expressed: across provinces no part is borne by the hospital",
	        "跨省结算不能有医院负担金额（input.data.hosp_part_amt）" },
	{ "input.feedetail has 301 rows, 0301 takes 1 to 300",
	        "input.feedetail 有 301 行，跨省交易 0301 须为 1 至 300 行" },
	{ "(message) is a transaction that KSBW 1.0 does not have", "跨省没有这项交易" },
	{ "input/aac003 cannot be written in UTF-8: U+0001", "input/aac003 含有 UTF-8 编码写不出的字符 U+0001" },
	/* payouts, and what else the intake is told */
	{ "data.payee_name is not psn_name: an account of another's needs a clerk's order without psn_name",
	        "data.payee_name 与 psn_name 不符；付到他人账户的，由经办人下单，不写 psn_name" },
	{ "data.payee_name is not CL, MA, HS or IN, a day yyyyMMdd and twelve digits",
	        "data.payee_name 应为 CL、MA、HS 或 IN，加日期 yyyyMMdd，再加 12 位数字" },
	{ "data.payee_name is not what pay_no begins with", "data.payee_name 与 pay_no 的前两位不同" },
	{ "data.payee_name is not the number of the payout that came to nothing",
	        "data.payee_name 应为未付成的那笔付款的编号" },
	{ "data.payee_name must be more than 0", "data.payee_name 须大于 0" },
	{ "data.pay_amt is above the limit of one order, 50000.00 yuan: split it or have the limit raised",
	        "data.pay_amt 超过单笔限额 50000.00 元" },
	{ "data.payee_name is not a day yyyy-MM-dd", "data.payee_name 不是日期，格式应为 yyyy-MM-dd" },
	{ "data.payee_name is not 1 to 34 letters and digits", "data.payee_name 应为 1 至 34 位字母和数字" },
	{ "data.payee_name is not a line number of 12 digits with its check digit",
	        "data.payee_name 不是行号（12 位数字，末位为校验位）" },
	{ "data.certno is no resident identity number: 18 characters with a birthday and the check digit",
	        "data.certno 不是居民身份证号码（18 位，含出生日期和校验位）" },
	{ "data.payee_name is another currency than CNY", "data.payee_name 只能是 CNY" },
	{ "data.payee_name is not UTF-8", "data.payee_name 不是 UTF-8 编码" },
	{ "data.payee_name has a control character", "data.payee_name 含有控制字符" },
	{ "payout[3].payee_name has a private-use character: enter the name in characters of Unicode",
	        "payout[3].payee_name 含有专用区字符，请改用 Unicode 中的字" },
	{ "data.payee_name is missing: how many payouts there are", "缺少 data.payee_name（笔数）" },
	{ "data.payee_name is missing: the last line must be #SM2 and the signature",
	        "缺少签名：末行应为 #SM2 和签名" },
	{ "operation must be consent.put, account.put, invoice.notice, settle.notice, settle.cancel, pay.order, pay.query, pay.batch or pay.batch.query",
	        "operation 应为 consent.put、account.put、invoice.notice、settle.notice、settle.cancel、pay.order、pay.query、pay.batch 或 pay.batch.query" },
	{ "data.payee_name is an operation that this format does not have", "没有这项交易" },
	{ "consent.expire_date is not a date as 2026-11-20", "consent.expire_date 不是日期，格式应为 2026-11-20" },
	{ "consent.auth_time is not a time as 2026-11-20 16:10:05",
	        "consent.auth_time 不是时间，格式应为 2026-11-20 16:10:05" },
	{ "data.payee_name is not 64 hexadecimal digits in lower case", "data.payee_name 应为 64 位小写十六进制数字" },
	{ "data.payee_name is not of digits", "data.payee_name 只能是数字" },
	{ "data.payee_name is no code that it may have", "data.payee_name 的代码不在允许的范围内" },
	{ "data.payee_name is blank", "data.payee_name 是空白" },
	{ "data.payee_name is not of 0 and 1", "data.payee_name 只能由 0 和 1 组成" },
	{ "data.payee_name is too short or too long", "data.payee_name 过短或过长" },
	{ "data.payee_name must be an object, one payout", "data.payee_name 应为 JSON 对象，即一笔付款" },
	{ "data must be an object: the list's number, count and sum",
	        "data 应为 JSON 对象：本批的编号、笔数和合计金额" },
	{ "data.pay_no must be the message's number: a payout is ordered once", "data.pay_no 须与报文的 number 相同" },
	{ "data.batch_no must be the message's number, at most 22 characters: a list is ordered once",
	        "data.batch_no 须与报文的 number 相同，最多 22 个字符" },
	{ "data has what belongs to each payout: its number, its amount", "data 里不能有编号和金额，应写在每笔付款里" },
	{ "data.payee_name is not the sum of all payouts in yuan", "data.payee_name 应为本批合计金额（元）" },
	{ "data.payee_name must be an array of payouts, at least one", "data.payee_name 应为付款的数组，至少一笔" },
	{ "data.payee_name holds no row", "data.payee_name 没有明细" },
	{ "number must be 1 to 36 letters, digits or -_. of your own, another for each message",
	        "number 应为 1 至 36 位字母、数字或 -_.，每条报文各用一个" },
	{ "data.payee_name must name for whom this is said", "data.payee_name 须写明机构编号" },
	{ "data.payee_name must name the list that is asked for", "data.payee_name 须写明所问清单的编号" },
	{ "data.payee_name must be the number of the payout that is asked for", "data.payee_name 应为所问付款的编号" },
	{ "data.payee_name must name the settlement that was cancelled", "data.payee_name 须写明被撤销的结算" },
	{ "data.payee_name must be the insured area, six digits", "data.payee_name 应为参保地区划，6 位数字" },
	{ "data.payee_name is not an object", "data.payee_name 应为 JSON 对象" },
	{ "data.payee_name has a member twice", "data.payee_name 里有名称重复" },
	/* what banks tell */
	{ "Document has another element inside than its namespace says", "Document 里的元素与其命名空间不符" },
	{ "Document has no namespace that ends with a message and its version, such as pain.002.001.10",
	        "Document 的命名空间末尾应为报文名称和版本，如 pain.002.001.10" },
	{ "Document is a message that is not read here", "Document 不是这里接收的报文" },
	{ "Stmt counts other entries than there are", "Stmt 的笔数与明细不符" },
	{ "Stmt has another sum than its entries", "Stmt 的合计与明细不符" },
	{ "Stmt/Id is empty", "Stmt/Id 为空" },
	{ "Ntry[0]/Amt is no amount above 0", "Ntry[0]/Amt 应为大于 0 的金额" },
	{ "Ntry[0]/Amt is not an amount with at most two decimals", "Ntry[0]/Amt 应为最多两位小数的金额" },
	{ "Ntry[0]/Sts is missing: only booked entries count", "缺少 Ntry[0]/Sts：只有已入账的明细才算数" },
	{ "(document) cannot be read: line 1 column 1: there is no element",
	        "文档无法解析，第 1 行第 1 列：没有 XML 元素" },
	{ "statement[0].close_bal is 880.00, but open_bal and the entries add up to 879.00",
	        "statement[0].close_bal 为 880.00，而 open_bal 与各笔明细 合计为 879.00" },
	/* of another plugin */
	{ "input.data.psn_no offends against a rule of its own", "input.data.psn_no 不符合要求" },
	{ " is odd", "内容不符合要求" },
};

static void test_detail(void **state)
{
	struct yt_arena *arena = yt_arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(detail_rows) / sizeof(detail_rows[0]); i++) {
		struct yt_str zh = text_detail(arena, yt_str(detail_rows[i].en));

		if (!yt_str_is(zh, detail_rows[i].zh))
			fail_msg("\"%s\" is said as \"%.*s\"", detail_rows[i].en, YT_FMT(zh));
	}
	yt_arena_free(arena);
}

/* It was taken for English, a path and what is wrong with it, and left out. */
static void test_chinese_that_begins_with_a_digit(void **state)
{
	struct yt_arena *arena = yt_arena_new(0);

	(void)state;
	assert_true(yt_str_is(text_say(arena, TEXT_PAY_HELD, YT_STR("24 小时内有相同的付款"), TRACE),
	        "已受理，尚未发往银行，等待人工处理：24 小时内有相同的付款（Y602 " TRACE "）"));
	yt_arena_free(arena);
}

/* What the JSON reader really complains of. */
static void test_json_complaints(void **state)
{
	static const char *const octets[] = { "{\"a\":\"\001\"}", "{\"a\":\"\\ud800\"}", "{\"a\":\"\xff\"}",
		"{\"a\":\"", "{\"a\":01}", "{\"a\":x}", "{\"a\":", "{a:1}", "{\"a\" 1}", "{\"a\":1 2}", "[1 2]",
		"\xef\xbb\xbf{}", "{} 1", "[[[[[[1]]]]]]", "[1,2,3,4,5,6,7,8,9]" };
	const struct yt_json_limits limits = { .depth = 4, .nodes = 8 };

	(void)state;
	for (size_t i = 0; i < sizeof(octets) / sizeof(octets[0]); i++) {
		struct yt_arena *arena = yt_arena_new(0);
		struct yt_json_error err = { 0 };
		struct yt_node *root;
		struct yt_str en, zh;

		assert_int_not_equal(
		        yt_json_read(arena, yt_arena_copy(arena, yt_str(octets[i])), &limits, &root, &err), 0);
		en = yt_arena_printf(
		        arena, "(message) cannot be read: line %u column %u: %s", err.line, err.column, err.why);
		zh = text_detail(arena, en);
		for (size_t k = 0; k + strlen(err.why) <= zh.n; k++)
			if (memcmp(zh.p + k, err.why, strlen(err.why)) == 0)
				fail_msg("\"%s\" has no Chinese", err.why);
		yt_arena_free(arena);
	}
}

/* What the money rules really complain of. */
static void test_money_complaints(void **state)
{
	static const struct {
		unsigned rules;
		const char *body;
	} rows[] = {
		{ YT_MONEY_SPLIT, "{\"data\":{\"medfee_sumamt\":\"x\"}}" },
		{ YT_MONEY_SPLIT, "{\"data\":{\"medfee_sumamt\":\"1.00\",\"inscp_scp_amt\":\"2.00\"}}" },
		{ YT_MONEY_PAYERS, "{\"data\":{\"medfee_sumamt\":\"1.00\",\"fund_pay_sumamt\":\"2.00\"}}" },
		{ YT_MONEY_PAYERS,
		        "{\"data\":{\"medfee_sumamt\":\"1.00\",\"acct_pay\":\"1.00\",\"psn_part_amt\":\"2.00\"}}" },
		{ YT_MONEY_FUNDS, "{\"data\":{\"fund_pay_sumamt\":\"2.00\"}}" },
		{ YT_MONEY_LINES, "{\"feedetail\":[{\"det_item_fee_sumamt\":\"2.00\",\"cnt\":\"1\",\"pric\":\"1\"}]}" },
		{ YT_MONEY_LINES, "{\"feedetail\":[{\"det_item_fee_sumamt\":\"2.00\",\"cnt\":\"x\",\"pric\":\"1\"}]}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct yt_arena *arena = yt_arena_new(0);
		struct yt_node *root;
		struct yt_str zh;
		char why[200];

		assert_int_equal(yt_json_read(arena, yt_arena_copy(arena, yt_str(rows[i].body)), NULL, &root, NULL), 0);
		assert_int_not_equal(yt_money_check(rows[i].rules, root, why, sizeof(why)), 0);
		zh = text_detail(arena, yt_str(why));
		for (size_t k = 0; k < zh.n; k++)
			if (k + 15 <= zh.n && memcmp(zh.p + k, "不符合要求", 15) == 0)
				fail_msg("\"%s\" is in no catalogue", why);
		yt_arena_free(arena);
	}
}

static void test_english(void **state)
{
	struct yt_arena *arena = yt_arena_new(0);

	(void)state;
	assert_true(yt_str_is(text_english(arena, TEXT_UNREADABLE, YT_STR("a.b is missing")), "Y101 a.b is missing"));
	assert_true(yt_str_is(
	        text_english(arena, TEXT_NO_ROUTE, (struct yt_str){ 0 }), "Y107 no route matches, nothing was sent"));
	yt_arena_free(arena);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		{ "each answer stands in docs/answers.md", test_manual, NULL, NULL, NULL },
		{ "each number is given once", test_numbers, NULL, NULL, NULL },
		{ "no answer is over 200 characters, and its end is whole", test_length, NULL, NULL, NULL },
		{ "a short detail is told whole", test_short_detail, NULL, NULL, NULL },
		{ "a complaint is said in Chinese, with its path", test_detail, NULL, NULL, NULL },
		{ "Chinese that begins with a digit stays", test_chinese_that_begins_with_a_digit, NULL, NULL, NULL },
		{ "the JSON reader's complaints are in the catalogue", test_json_complaints, NULL, NULL, NULL },
		{ "the money rules' complaints are in the catalogue", test_money_complaints, NULL, NULL, NULL },
		{ "journal and log have it in English", test_english, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
