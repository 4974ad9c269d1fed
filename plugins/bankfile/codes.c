/* plugins/bankfile/codes.c - states and return codes of BDL/1.0 and BPF/1.0: what each means for the money
 * (bank.md 5.3, 5.5, 7).
 *
 * RetCode speaks of the request, PayRetCode of the money; both have these codes.  What says that a number was used
 * before proves nothing about the first use. */
#include <string.h>

#include "bpf.h"

static const struct bank_code codes[] = {
	{ "000000", 'S', BANK_DONE, false, false, NULL, "" },
	{ "E10001", 'F', BANK_FAILED, false, true, "program", "FF01" },
	{ "E10002", 'F', BANK_FAILED, false, true, "program", "FF02" },
	{ "E10003", 'F', BANK_FAILED, false, true, "program", "CH21" },
	{ "E10004", 'F', BANK_FAILED, true, true, "program", "DS0B" },
	{ "E10005", 'F', BANK_FAILED, true, true, "program", "DS0H" },
	{ "E10006", 'F', BANK_FAILED, false, true, "program", "FF03" },
	{ "E10007", 'F', BANK_FAILED, true, true, "program", "DT02" },
	{ "E10008", 'F', BANK_FAILED, false, true, "limit", "FF01" },
	{ "E10009", 'F', BANK_UNKNOWN, false, false, "query", "DU01" },
	{ "E20001", 'F', BANK_FAILED, true, false, "funds", "AM04" },
	{ "E20002", 'F', BANK_FAILED, true, false, "payer", "AC06" },
	{ "E20003", 'F', BANK_FAILED, false, false, "account", "AC03" },
	{ "E20004", 'F', BANK_FAILED, false, false, "account", "AC07" },
	{ "E20005", 'F', BANK_FAILED, false, false, "name", "BE01" },
	{ "E20006", 'F', BANK_FAILED, false, false, "bank", "RC10" },
	{ "E20007", 'F', BANK_FAILED, false, false, "limit", "AM14" },
	{ "E20008", 'F', BANK_FAILED, false, false, "limit", "AM21" },
	{ "E20009", 'F', BANK_FAILED, false, false, "program", "AM12" },
	{ "E20010", 'F', BANK_FAILED, false, false, "tomorrow", "TM01" },
	{ "E20011", 'F', BANK_FAILED, false, false, "program", "AM11" },
	{ "E20012", 'F', BANK_FAILED, false, false, "person", "BE17" },
	{ "E20404", 'F', BANK_ABSENT, false, false, "query", "" },
	{ "E20409", 'S', BANK_DONE, false, false, NULL, "DU04" },
	/* The number stands for another payment of ours over there: what became of that one people must find out. */
	{ "E20410", 'F', BANK_UNKNOWN, true, false, "query", "DU04" },
	{ "E20411", 'F', BANK_FAILED, false, false, NULL, "" },
	{ "E20501", 'F', BANK_FAILED, false, true, "program", "DS0B" },
	{ "E20502", 'F', BANK_FAILED, false, true, "program", "AM10" },
	{ "E20503", 'F', BANK_FAILED, false, true, "program", "FF01" },
	{ "E20504", 'F', BANK_UNKNOWN, false, false, "query", "DU02" },
	{ "E30001", 'F', BANK_UNKNOWN, false, false, "query",
	        "" }, /* not taken, but asked for before it is sent again */
	{ "E30002", 'U', BANK_UNKNOWN, false, false, "query", "AB06" },
	{ "E90001", 'U', BANK_UNKNOWN, false, false, "query", "MS03" },
};

static const struct {
	char sts[3];
	enum yt_pay_state state;
} states[] = {
	{ "01", YT_PAY_ACCEPTED },
	{ "02", YT_PAY_PROCESSING },
	{ "03", YT_PAY_PROCESSING },
	{ "04", YT_PAY_PAID },
	{ "05", YT_PAY_FAILED },
	{ "06", YT_PAY_RETURNED },
	{ "07", YT_PAY_UNKNOWN },
	{ "08", YT_PAY_CANCELLED },
};

const struct bank_code *bank_code(struct yt_str code)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (yt_str_is(code, codes[i].code))
			return &codes[i];
	return NULL;
}

enum yt_pay_state bank_state(struct yt_str sts, struct yt_str code)
{
	const struct bank_code *c = bank_code(code);
	enum yt_pay_state state = YT_PAY_STATES;

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (yt_str_is(sts, states[i].sts))
			state = states[i].state;
	/* "Failed" counts with a reason that is a refusal: without one, or with one that is none, ask. */
	if (state == YT_PAY_FAILED && (c == NULL || c->meaning != BANK_FAILED))
		state = YT_PAY_UNKNOWN;
	/* "Paid" with a reason why not proves neither; and what is said under a number that is another payment's is
	 * said of that one. */
	if (state != YT_PAY_STATES && c != NULL &&
	        ((state == YT_PAY_PAID && c->meaning != BANK_DONE) || yt_str_is(code, "E20410")))
		state = YT_PAY_UNKNOWN;
	return state;
}

const char *bank_sts(enum yt_pay_state state)
{
	if (state == YT_PAY_SENT)
		return "01";
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (states[i].state == state)
			return states[i].sts;
	return "07";
}

int bank_put_state(
        struct yt_arena *arena, struct yt_node *row, struct yt_str sts, struct yt_str code, struct yt_str text)
{
	const struct bank_code *c = bank_code(code);
	enum yt_pay_state state = bank_state(sts, code);

	if (yt_node_add_text(arena, row, "bank_status", sts) == NULL ||
	        yt_node_add_text(arena, row, "bank_code", code) == NULL ||
	        yt_node_add_text(arena, row, "bank_text", text) == NULL)
		return YT_ENOMEM;
	if (state != YT_PAY_STATES &&
	        yt_node_add_text(arena, row, "pay_state", yt_str(yt_pay_state_name(state))) == NULL)
		return YT_ENOMEM;
	if (c == NULL || state == YT_PAY_STATES) /* a word that the profile does not have: people look */
		return yt_node_add_text(arena, row, "pay_alarm", YT_STR("1")) != NULL ? 0 : YT_ENOMEM;
	if (c->advice != NULL && yt_node_add_text(arena, row, "pay_advice", yt_str(c->advice)) == NULL)
		return YT_ENOMEM;
	return !c->is_alarm || yt_node_add_text(arena, row, "pay_alarm", YT_STR("1")) != NULL ? 0 : YT_ENOMEM;
}
