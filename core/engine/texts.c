/* core/engine/texts.c - the catalogue behind texts.h. */
#include "engine/texts.h"

static const struct {
	enum text_id id;
	const char *zh, *en;
} texts[] = {
	{ TEXT_UNREADABLE, "报文有误，未受理：%s", "the message is wrong, not accepted: %s" },
	{ TEXT_TOO_LARGE, "报文超出限制，未受理：%s", "the message is beyond a limit, not accepted: %s" },
	{ TEXT_NOT_ALLOWED, "该证书或签名无权代表此机构，未受理",
	        "certificate or signature may not speak for this institution" },
	{ TEXT_RESERVED_NUMBER, "报文流水号使用了网关保留号段，未受理",
	        "the message number is in the gateway's own block" },
	{ TEXT_UNKNOWN_INSTITUTION, "机构编号未登记，未受理", "the institution is not known here" },
	{ TEXT_DOES_NOT_ADD_UP, "金额不平，未发送：%s", "the amounts do not add up, nothing was sent: %s" },
	{ TEXT_NO_ROUTE, "没有匹配的路由，未发送", "no route matches, nothing was sent" },
	{ TEXT_CANNOT_EXPRESS, "对端格式无法表达，未发送：%s", "the other party's format cannot express it: %s" },
	{ TEXT_NOT_BELIEVED, "签名、时间或调用方有误，未受理：%s", "signature, time or caller are not believed: %s" },
	{ TEXT_CONFLICT, "报文ID已用于其他内容，未受理，请使用新的报文ID",
	        "this number was used for other content; use a new one" },
	{ TEXT_BUSY, "上一笔结算正在核实，请稍候，切勿重复收费", "an earlier settlement is being verified; wait" },
	{ TEXT_NOT_ACCEPTED, "系统暂不受理，未发送，请稍后重试", "not accepted now, nothing was sent; try later" },
	{ TEXT_NOT_NOW, "对端暂不办理，未生效，请稍后用新的报文ID重新办理（%s）",
	        "the party does not take it now, it did not take effect; do it again later: %s" },
	{ TEXT_NOT_CONNECTED, "对端未连通，未发送，请稍后用新的报文ID重试",
	        "the party could not be reached, nothing was sent" },
	{ TEXT_STOPPED, "对端通道已由人工停用，未发送，请稍后用新的报文ID重试",
	        "an operator has stopped the way to the party, nothing was sent; try later" },
	{ TEXT_QUERY_FAILED, "查询未得到回复，请重试", "the query got no answer; ask again" },
	{ TEXT_REVERSED, "结算未成功，已冲正，可重新结算", "the settlement failed and is reversed; settle again" },
	{ TEXT_CANCEL_FAILED, "撤销未成功，原结算仍然有效", "the cancel failed; the settlement stands" },
	{ TEXT_NOTHING_TO_REVERSE, "没有可冲正的原交易，未做任何处理，请核对原报文号",
	        "no such transaction came through here, nothing was reversed" },
	{ TEXT_NO_LIST,
	        "现存记录中没有这一批，至今未受理。仍在途中的可能随后受理：用原编号原样再交，只会受理一次；早于记录保存期的编号请勿再交，先问网关管理员",
	        "no list of this number is on record; one on its way may be yet: hand in the same again, unless it is older than records are kept" },
	{ TEXT_NO_PAYOUT,
	        "现存记录中没有这笔付款，至今未单独受理，也不在已放行的批次中。仍在途中的可能随后受理：用原编号原样再交，只会付一次；早于记录保存期的编号请勿再交，先问网关管理员",
	        "no payout of this number is on record, alone or of a released list; one on its way may be yet: hand in the same again, unless it is older than records are kept" },
	{ TEXT_NOT_DONE, "交易未成功，可重新办理", "it did not take effect; do it again" },
	{ TEXT_DECIDED, "经人工核实该交易已成功，明细请用查询交易获取",
	        "an operator found that it took effect; query the details" },
	{ TEXT_UNKNOWN, "结果暂不明确，正在核实，请勿重复结算，请稍后用原报文ID重新询问",
	        "not known yet, being found out; ask again with the same number" },
	{ TEXT_MARKED, "中心返回金额不平，已告警，请核对", "the amounts in the answer do not add up; alarmed" },
	{ TEXT_PAY_WAITS, "已受理，尚未发往银行，届时自动发出", "taken; nothing has left yet, it leaves by itself" },
	{ TEXT_PAY_HELD, "已受理，尚未发往银行，等待人工处理：%s", "taken; nothing has left, it waits for people: %s" },
	{ TEXT_PAY_SENT, "银行已收到，等待其最终结果", "its bank has it, its final word is awaited" },
	{ TEXT_PAY_UNKNOWN, "已经或可能已发往银行，结果正在核实：不是失败，请勿另行付款",
	        "it left, or may have, and is being found out: not failed, do not pay it another way" },
	{ TEXT_PAY_PAID, "已付款", "paid" },
	{ TEXT_PAY_FAILED, "未付款：%s", "not paid: %s" },
	{ TEXT_PAY_RETURNED, "付款后被退回：%s", "paid, and it came back: %s" },
};

#define N_TEXTS (sizeof(texts) / sizeof(texts[0]))

bool text_at(size_t i, enum text_id *id, const char **zh, const char **en)
{
	if (i >= N_TEXTS)
		return false;
	*id = texts[i].id;
	*zh = texts[i].zh;
	*en = texts[i].en;
	return true;
}

#define ROOM 200 /* characters of err_msg and warn_msg (nhsa.md 1.3) */
#define TAIL 7   /* "（Y101 ）", the trace apart */

static bool begins_character(uint8_t octet)
{
	return (octet & 0xC0u) != 0x80u;
}

static size_t count_characters(struct yt_str s)
{
	size_t i, n = 0;

	for (i = 0; i < s.n; i++)
		n += begins_character((uint8_t)s.p[i]);
	return n;
}

/* The first characters of s that have room, whole. */
static struct yt_str cut(struct yt_str s, size_t room)
{
	size_t i;

	for (i = 0; i < s.n; i++) {
		if (!begins_character((uint8_t)s.p[i]))
			continue;
		if (room == 0)
			break;
		room--;
	}
	return (struct yt_str){ s.p, i };
}

/* Writes the text with its one %s replaced; formats never come from outside. */
static void put(struct yt_buf *buf, const char *zh, struct yt_str detail)
{
	for (; *zh != 0; zh++) {
		if (zh[0] == '%' && zh[1] == 's') {
			yt_buf_str(buf, detail);
			zh++;
		} else {
			yt_buf_byte(buf, (uint8_t)*zh);
		}
	}
}

static size_t find(enum text_id id)
{
	size_t i;

	for (i = 0; i < N_TEXTS && texts[i].id != id; i++)
		;
	YT_REQUIRE(i < N_TEXTS);
	return i;
}

struct yt_str text_make(struct yt_arena *arena, enum text_id id, struct yt_str detail, const char *trace)
{
	return text_say(arena, id, text_detail(arena, detail), trace);
}

struct yt_str text_say(struct yt_arena *arena, enum text_id id, struct yt_str detail, const char *trace)
{
	struct yt_buf buf = { 0 };
	struct yt_str text;
	size_t i = find(id), fixed;

	/* Number and trace come last and are what the cashier reads out: the detail gives way. */
	fixed = count_characters(yt_str(texts[i].zh)) + count_characters(yt_str(trace)) + TAIL - 2; /* without %s */
	put(&buf, texts[i].zh, cut(detail, fixed < ROOM ? ROOM - fixed : 0));
	yt_buf_printf(&buf, "（Y%d %s）", (int)id, trace);
	text = yt_arena_copy(arena, yt_buf_view(&buf));
	yt_buf_free(&buf);
	return text;
}

struct yt_str text_english(struct yt_arena *arena, enum text_id id, struct yt_str detail)
{
	if (detail.n > 0)
		return yt_arena_printf(arena, "Y%d %.*s", (int)id, YT_FMT(detail));
	return yt_arena_printf(arena, "Y%d %s", (int)id, texts[find(id)].en);
}
