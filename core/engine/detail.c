/* core/engine/detail.c - what is wrong with a message, in the hospital's language.
 *
 * Codecs and the money rules complain in English, for the journal and the log: a path and a predicate, as in
 * "input.data.psn_no is missing".  text_make() has each complaint said in Chinese here before it goes into an answer.
 * The catalogue has the sentences of core/message, core/format/json.c, plugins/nhsa and plugins/intake, and of
 * plugins/crossprovince what a hospital can cause; what another plugin complains of in other words keeps its path and
 * is called 不符合要求, and the operator has the sentence. */
#include "engine/texts.h"

#include <string.h>

#define GAPS_MAX 5

/* %s in en: anything, as short as it can be; %1 to %5 in zh: what the first, second ... stood for.  The first row
 * that fits is taken. */
static const struct phrase {
	const char *en, *zh;
} phrases[] = {
	/* across provinces */
	{ "%s is missing: registration %s must come first, it brings %s", "缺少 %1，请先办理跨省就诊登记（%2）" },
	{ "%s is missing: 2204/2301 answer must come first, it brings %s", "缺少 %1，请先上传费用明细（2204、2301）" },
	{ "%s is missing: 0211 must come first, it brings %s", "缺少 %1，请先查询人员信息（1101）" },
	{ "%s is missing: %s must come first, it brings %s", "缺少 %1，请先完成交易 %2" },
	{ "%s is missing: %s needs it as %s", "缺少 %1，跨省交易 %2 需要" },
	{ "%s has a code that the plugin's map for it does not know (%s)", "%1 的代码跨省没有对应值" },
	{ "%s is longer than %s characters (%s)", "%1 超过 %2 个字符" },
	{ "%s names neither all lines of one upload nor all that there are: %s",
	        "%1 既不是某次上传的全部明细，也不是全部明细；跨省不能单独撤销，请上传负数明细冲销（init_feedetl_sn）" },
	{ "%s I%s: is %s, but %s add up to %s", "%1 为 %3，而 %4 合计为 %5" },
	{ "%s I%s: is more than 0.05 off cnt times pric", "%1 与数量乘以单价相差超过 0.05 元" },
	{ "%s I%s: is more than %s", "%1 大于 %3" },
	{ "%s I%s: is behind the day it was sent", "%1 晚于报送日期" },
	{ "%s I%s: is behind %s", "%1 晚于 %3" },
	{ "%s I%s: is negative", "%1 不能为负" },
	{ "%s cannot be expressed: across provinces no part is borne by the hospital",
	        "跨省结算不能有医院负担金额（%1）" },
	{ "%s has %s rows, %s takes %s to %s", "%1 有 %2 行，跨省交易 %3 须为 %4 至 %5 行" },
	{ "%s is a transaction that KSBW 1.0 does not have", "跨省没有这项交易" },
	{ "%s cannot be written in %s: %s", "%1 含有 %2 编码写不出的字符 %3" },
	/* payouts */
	{ "%s is above the payer's order_limit", "%1 超过付款账户的单笔限额" },
	{ "%s has %s payouts, and one list may have %s (limits.list_rows): hand in several lists",
	        "%1 有 %2 笔，一批最多 %3 笔（limits.list_rows），请分成几批提交" },
	{ "%s has %s lines, and one statement may have %s (limits.statement_lines): raise it",
	        "%1 有 %2 笔明细，一份对账单最多 %3 笔（limits.statement_lines），请联系网关管理员调高" },
	{ "%s is the number of another payout of the list", "%1 与本批另一笔付款的编号相同" },
	{ "payers has no account for this at its bank", "网关没有为这类付款配置账户，请联系网关管理员" },
	{ "(signature) is not its sender's: %s", "签名与内容不符" },
	{ "%s is missing: payee_bank_no names another bank", "缺少 %1：payee_bank_no 是他行，须写行名" },
	{ "%s is not psn_name: %s", "%1 与 psn_name 不符；付到他人账户的，由经办人下单，不写 psn_name" },
	{ "%s is not CL, MA, HS or IN, a day yyyyMMdd and twelve digits",
	        "%1 应为 CL、MA、HS 或 IN，加日期 yyyyMMdd，再加 12 位数字" },
	{ "%s is not what pay_no begins with", "%1 与 pay_no 的前两位不同" },
	{ "%s is not the number of the payout that came to nothing", "%1 应为未付成的那笔付款的编号" },
	{ "%s must be more than 0", "%1 须大于 0" },
	{ "%s is above the limit of one order, %s yuan: %s", "%1 超过单笔限额 %2 元" },
	{ "%s is not a day yyyy-MM-dd", "%1 不是日期，格式应为 yyyy-MM-dd" },
	{ "%s is not 1 to 34 letters and digits", "%1 应为 1 至 34 位字母和数字" },
	{ "%s is not a line number of 12 digits with its check digit", "%1 不是行号（12 位数字，末位为校验位）" },
	{ "%s is no resident identity number: %s", "%1 不是居民身份证号码（18 位，含出生日期和校验位）" },
	{ "%s is another currency than CNY", "%1 只能是 CNY" },
	{ "%s is not UTF-8", "%1 不是 UTF-8 编码" },
	{ "%s has a control character", "%1 含有控制字符" },
	{ "%s has a private-use character: %s", "%1 含有专用区字符，请改用 Unicode 中的字" },
	/* what banks tell by ISO 20022 */
	{ "%s has another element inside than its namespace says", "%1 里的元素与其命名空间不符" },
	{ "%s has no namespace that ends with a message and its version, %s",
	        "%1 的命名空间末尾应为报文名称和版本，如 pain.002.001.10" },
	{ "%s is a message that is not read here", "%1 不是这里接收的报文" },
	{ "%s counts other entries than there are", "%1 的笔数与明细不符" },
	{ "%s has another sum than its entries", "%1 的合计与明细不符" },
	{ "%s is empty", "%1 为空" },
	{ "%s is no amount above 0", "%1 应为大于 0 的金额" },
	{ "%s is not an amount with at most two decimals", "%1 应为最多两位小数的金额" },
	{ "%s is missing: only booked entries count", "缺少 %1：只有已入账的明细才算数" },
	/* at the intake */
	{ "%s is missing: how many payouts there are", "缺少 %1（笔数）" },
	{ "%s is missing: the last line must be #SM2 and the signature", "缺少签名：末行应为 #SM2 和签名" },
	{ "%s must be consent.put, account.put, %s",
	        "%1 应为 consent.put、account.put、invoice.notice、settle.notice、settle.cancel、pay.order、pay.query、pay.batch 或 pay.batch.query" },
	{ "%s is an operation that this format does not have", "没有这项交易" },
	{ "%s is not a date as %s", "%1 不是日期，格式应为 %2" },
	{ "%s is not a time as %s", "%1 不是时间，格式应为 %2" },
	{ "%s is not 64 hexadecimal digits in lower case", "%1 应为 64 位小写十六进制数字" },
	{ "%s is not of digits", "%1 只能是数字" },
	{ "%s is no code that it may have", "%1 的代码不在允许的范围内" },
	{ "%s is blank", "%1 是空白" },
	{ "%s is not of 0 and 1", "%1 只能由 0 和 1 组成" },
	{ "%s is too short or too long", "%1 过短或过长" },
	{ "%s must be an object, one payout", "%1 应为 JSON 对象，即一笔付款" },
	{ "%s must be an object: %s", "%1 应为 JSON 对象：本批的编号、笔数和合计金额" },
	{ "%s must be the message's number: %s", "%1 须与报文的 number 相同" },
	{ "%s must be the message's number, at most 22 characters: %s", "%1 须与报文的 number 相同，最多 22 个字符" },
	{ "%s has what belongs to each payout: %s", "%1 里不能有编号和金额，应写在每笔付款里" },
	{ "%s is not the sum of all payouts in yuan", "%1 应为本批合计金额（元）" },
	{ "%s must be an array of payouts, at least one", "%1 应为付款的数组，至少一笔" },
	{ "%s holds no row", "%1 没有明细" },
	{ "%s must be 1 to 36 letters, digits or -_. of your own, %s",
	        "%1 应为 1 至 36 位字母、数字或 -_.，每条报文各用一个" },
	{ "%s must name for whom this is said", "%1 须写明机构编号" },
	{ "%s must name the list that is asked for", "%1 须写明所问清单的编号" },
	{ "%s must be the number of the payout that is asked for", "%1 应为所问付款的编号" },
	{ "%s must name the settlement that was cancelled", "%1 须写明被撤销的结算" },
	{ "%s must be the insured area, six digits", "%1 应为参保地区划，6 位数字" },
	{ "%s is not an object", "%1 应为 JSON 对象" },
	{ "%s has a member twice", "%1 里有名称重复" },
	/* nationally, sealed or wrapped (variants B and C) */
	{ "%s appId is another than %s", "appId 与网关约定的不同" },
	{ "%s encData cannot be decrypted with %s", "encData 不能用约定的密钥解密" },
	{ "%s encData is no JSON object once decrypted", "encData 解密后不是 JSON 对象" },
	{ "%s signData is not the sender's signature (%s)", "签名 signData 与内容不符" },
	{ "%s does not say which transaction it is, neither by its path nor by transType",
	        "从路径和 transType 都看不出是哪项交易" },
	{ "%s has a timestamp that is no number", "timestamp 不是数字" },
	{ "%s must be encrypted (%s)", "%1 须加密" },
	{ "%s cannot be decrypted with %s", "%1 不能用约定的密钥解密" },
	{ "%s is not what cainfo signs (%s)", "%1 与 cainfo 的签名不符" },
	{ "%s is no JSON once decrypted", "%1 解密后不是 JSON" },
	{ "%s takes more memory than one of %s may: raise that, or have it split",
	        "%1过大，超过 %2 允许的内存，请分成几份，或联系网关管理员调高" },
	/* nationally */
	{ "%s is missing", "缺少 %1" },
	{ "%s is missing; set %s for this party", "网关没有设置 %1，请联系网关管理员" },
	{ "%s has no rows", "%1 没有明细" },
	{ "%s must be a text", "%1 应为文本" },
	{ "%s must be an object", "%1 应为 JSON 对象" },
	{ "%s must be an array of objects", "%1 应为 JSON 对象数组" },
	{ "%s must be letters and digits", "%1 只能由字母和数字组成" },
	{ "%s is longer than %s characters", "%1 超过 %2 个字符" },
	{ "%s is not a number", "%1 不是数字" },
	{ "%s has more than %s digits behind the point", "%1 的小数超过 %2 位" },
	{ "%s has more than %s digits before the point", "%1 的整数部分超过 %2 位" },
	{ "%s is not a date (%s)", "%1 不是日期，格式应为 %2" },
	{ "%s is not a time (%s)", "%1 不是时间，格式应为 %2" },
	{ "%s is not an amount in yuan with two decimals", "%1 不是以元为单位、保留两位小数的金额" },
	{ "%s or %s is not a decimal number", "%1 或 %2 不是小数" },
	{ "%s is %s, but %s add up to %s", "%1 为 %2，而 %3 合计为 %4" },
	{ "%s cannot be read: line %s column %s: %s", "%1无法解析，第 %2 行第 %3 列：%4" },
};

/* What stands for a gap, when it is one of these; parts of it, when it is a list. */
static const struct phrase words[] = {
	{ "(message)", "报文" },
	{ "(document)", "文档" },
	{ "there is no element", "没有 XML 元素" },
	{ "it is not well-formed XML", "不是格式良好的 XML" },
	{ "the octets are not GB18030, as the XML declaration says", "不是 XML 声明所写的 GB18030 编码" },
	{ "the octets are UTF-8, but the XML declaration says GB18030", "是 UTF-8 编码，与 XML 声明的 GB18030 不符" },
	{ "the rows of payout", "payout 各行" },
	{ "unescaped control character", "有未转义的控制字符" },
	{ "bad escape or lone surrogate", "转义字符有误" },
	{ "not UTF-8", "不是 UTF-8 编码" },
	{ "text without an end", "文本没有结束" },
	{ "bad number", "数字格式有误" },
	{ "expected a value", "此处应为值" },
	{ "ends where a value is expected", "报文不完整" },
	{ "expected a member name in quotes", "此处应为带双引号的名称" },
	{ "expected ':'", "此处应为冒号" },
	{ "expected ',' or '}'", "此处应为逗号或右花括号" },
	{ "expected ',' or ']'", "此处应为逗号或右方括号" },
	{ "starts with a byte-order mark", "报文以字节顺序标记（BOM）开头" },
	{ "bytes after the value", "报文结束后还有内容" },
	{ "a member name that this object already has", "同一对象中名称重复" },
	{ "nested too deep", "嵌套层数过多" },
	{ "too many values", "数据项过多" },
	{ "larger than 4 GiB", "超过 4 GiB" },
}, joints[] = {
	{ ", person and ", "、个人负担、" },
	{ " and the entries", " 与各笔明细" },
	{ " times ", "×" },
	{ ", ", "、" },
	{ " and ", "、" },
};

#define N(table) (sizeof(table) / sizeof((table)[0]))

static bool begins_with(struct yt_str s, const char *start, size_t n)
{
	return s.n >= n && memcmp(s.p, start, n) == 0;
}

/* The length of s before the first `end` of n octets; s.n + 1 when there is none. */
static size_t before(struct yt_str s, const char *end, size_t n)
{
	for (size_t i = 0; i + n <= s.n; i++)
		if (memcmp(s.p + i, end, n) == 0)
			return i;
	return s.n + 1;
}

static bool fits(const char *en, struct yt_str s, struct yt_str gap[GAPS_MAX])
{
	size_t n_gaps = 0;

	for (;;) {
		const char *next = strstr(en, "%s");
		size_t fixed = next == NULL ? strlen(en) : (size_t)(next - en);

		if (!begins_with(s, en, fixed))
			return false;
		s.p += fixed;
		s.n -= fixed;
		if (next == NULL)
			return s.n == 0;
		en = next + 2;
		next = strstr(en, "%s");
		fixed = next == NULL ? strlen(en) : (size_t)(next - en);
		gap[n_gaps].p = s.p;
		/* The last gap ends where the rest of the sentence does. */
		gap[n_gaps].n = next != NULL ? before(s, en, fixed) : s.n >= fixed ? s.n - fixed : s.n + 1;
		if (gap[n_gaps].n == 0 || gap[n_gaps].n > s.n)
			return false;
		s.p += gap[n_gaps].n;
		s.n -= gap[n_gaps++].n;
	}
}

static void put_gap(struct yt_buf *out, struct yt_str gap)
{
	for (size_t i = 0; i < N(words); i++)
		if (yt_str_is(gap, words[i].en)) {
			yt_buf_text(out, words[i].zh);
			return;
		}
	while (gap.n > 0) {
		size_t used = 1, i;

		for (i = 0; i < N(joints) && !begins_with(gap, joints[i].en, strlen(joints[i].en)); i++)
			;
		if (i < N(joints)) {
			used = strlen(joints[i].en);
			yt_buf_text(out, joints[i].zh);
		} else {
			yt_buf_byte(out, (uint8_t)*gap.p);
		}
		gap.p += used;
		gap.n -= used;
	}
}

static void put_phrase(struct yt_buf *out, const char *zh, const struct yt_str gap[GAPS_MAX])
{
	for (; *zh != '\0'; zh++) {
		if (zh[0] == '%' && zh[1] >= '1' && zh[1] < '1' + GAPS_MAX)
			put_gap(out, gap[*++zh - '1']);
		else
			yt_buf_byte(out, (uint8_t)*zh);
	}
}

struct yt_str text_detail(struct yt_arena *arena, struct yt_str english)
{
	struct yt_str gap[GAPS_MAX], said;
	struct yt_buf out = { 0 };
	size_t i, path = before(english, " ", 1);

	if (english.n > 0 && (uint8_t)english.p[0] >= 0x80)
		return english; /* it is said already */
	if (path > english.n)
		return english; /* a path alone, or nothing */
	for (i = 0; i < N(phrases) && !fits(phrases[i].en, english, gap); i++)
		;
	if (i < N(phrases)) {
		put_phrase(&out, phrases[i].zh, gap);
	} else {
		put_gap(&out, (struct yt_str){ english.p, path });
		yt_buf_text(&out, path == 0 ? "内容不符合要求" : " 不符合要求");
	}
	said = yt_arena_copy(arena, yt_buf_view(&out));
	yt_buf_free(&out);
	return said;
}
