/* plugins/crossprovince/settle.c - what a settlement's answer lacks for a national reader.
 *
 * The wire has one amount, aae045, where the national form has two: serious disease of residents (hifmi_pay)
 * and large sums of employees (hifob_pay).  The fund rows tell them apart; where they are missing or say something
 * else, the insurance does, and the answer is marked as derived.  What the request said (who, the bill's parts) is said
 * again, as a national answer does. */
#include <stdio.h>
#include <string.h>

#include "ksbw.h"

static int add_fen(struct yt_arena *arena, struct yt_node *to, const char *name, int64_t fen)
{
	return yt_node_add_fen(arena, to, name, fen) != NULL ? 0 : YT_ENOMEM;
}

static int add_text(struct yt_arena *arena, struct yt_node *to, const char *name, struct yt_str text)
{
	if (text.n == 0 || yt_node_get(to, name) != NULL)
		return 0;
	return yt_node_add_text(arena, to, name, text) != NULL ? 0 : YT_ENOMEM;
}

static int64_t fen_of(const struct yt_node *node, const char *name)
{
	int64_t fen;

	return yt_node_fen(node, name, &fen) == 0 ? fen : 0;
}

/* Sum of the rows whose fund goes into that field. */
static int64_t rows_of(const struct ksbw *k, const struct yt_node *rows, const char *field)
{
	int64_t sum = 0;

	for (const struct yt_node *row = rows != NULL ? rows->child : NULL; row != NULL; row = row->next)
		if (yt_str_is(ksbw_map_right(&k->funds, yt_node_text(row, "fund_pay_type")), field))
			sum += fen_of(row, "fund_payamt");
	return sum;
}

static bool is_employee(struct yt_str insurance)
{
	return yt_str_is(insurance, "310") || yt_str_is(insurance, "320") || yt_str_is(insurance, "330") ||
	       yt_str_is(insurance, "340");
}

static int split(const struct ksbw *k, struct yt_reply *reply, struct yt_node *setlinfo)
{
	const struct yt_node *rows = yt_node_get(reply->body, "setldetail");
	int64_t both = fen_of(setlinfo, "aae045"), residents = rows_of(k, rows, "hifmi"),
	        employees = rows_of(k, rows, "hifob");
	bool has_rows = rows != NULL && rows->n > 0;
	int rv = 0;

	if (residents + employees != both) {
		if (has_rows && reply->breach.n == 0)
			reply->breach =
			        yt_arena_printf(reply->arena, "output.setlinfo.aae045 -3012: the fund rows of serious "
			                                      "disease and large sums do not add up to it");
		residents = is_employee(yt_node_text(setlinfo, "insutype")) ? 0 : both;
		employees = both - residents;
		rv = add_text(reply->arena, setlinfo, "hifmi_hifob_derived", YT_STR("1"));
	}
	if (rv == 0)
		rv = add_fen(reply->arena, setlinfo, "hifmi_pay", residents);
	return rv == 0 ? add_fen(reply->arena, setlinfo, "hifob_pay", employees) : rv;
}

/* What the request said, into the answer; both are ours, so the texts are borrowed. */
static int say_again(
        struct yt_reply *reply, const struct yt_msg *msg, const struct yt_node *asked, struct yt_node *setlinfo)
{
	static const char *const texts[] = { "psn_no", "psn_name", "psn_cert_type", "certno", "med_type" };
	static const char *const amounts[] = { "preselfpay_amt", "fulamt_ownpay_amt", "overlmt_selfpay" };
	const struct yt_node *data = ksbw_object(asked, "data");
	int rv = 0;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && rv == 0; i++)
		rv = add_text(reply->arena, setlinfo, texts[i], yt_node_text(data, texts[i]));
	for (size_t i = 0; i < sizeof(amounts) / sizeof(amounts[0]) && rv == 0 && data != NULL; i++)
		rv = add_fen(reply->arena, setlinfo, amounts[i], fen_of(data, amounts[i]));
	if (rv == 0)
		rv = add_text(reply->arena, setlinfo, "medins_setl_id", msg->number);
	return rv;
}

static struct yt_str clearing_type(const struct yt_msg *msg)
{
	enum yt_operation op = msg->op->id;

	if (op == YT_OP_PHARMACY_SETTLE || op == YT_OP_PHARMACY_PRESETTLE || op == YT_OP_PHARMACY_SETTLE_CANCEL)
		return YT_STR("41");
	return ksbw_is_inpatient(op) ? YT_STR("21") : YT_STR("11");
}

/* Hospital and family have no part on the wire: nothing is borne, and a family account is inside acct_pay. */
static int add_sums(struct yt_reply *reply, const struct yt_msg *msg, struct yt_node *setlinfo)
{
	int64_t person = fen_of(setlinfo, "acct_pay") + fen_of(setlinfo, "psn_cash_pay");
	int rv = add_fen(reply->arena, setlinfo, "psn_part_amt", person);

	if (rv == 0)
		rv = add_fen(reply->arena, setlinfo, "hosp_part_amt", 0);
	return rv == 0 ? add_text(reply->arena, setlinfo, "clr_type", clearing_type(msg)) : rv;
}

int ksbw_complete_settlement(
        const struct ksbw *k, const struct yt_msg *msg, const struct yt_node *asked, struct yt_reply *reply)
{
	struct yt_node *setlinfo = yt_node_get(reply->body, "setlinfo");
	int rv;

	if (setlinfo == NULL)
		return 0;
	rv = split(k, reply, setlinfo);
	if (rv == 0)
		rv = say_again(reply, msg, asked, setlinfo);
	return rv == 0 ? add_sums(reply, msg, setlinfo) : rv;
}

/* The reversal's answer has no parts; they are the settlement's (facts) with the opposite sign. */
int ksbw_complete_cancel(const struct yt_msg *msg, const struct yt_node *asked, struct yt_reply *reply)
{
	static const char *const parts[] = { "inscp_scp_amt", "preselfpay_amt", "fulamt_ownpay_amt", "overlmt_selfpay",
		"act_pay_dedc", "hifp_pay", "cvlserv_pay", "hifes_pay", "hifmi_pay", "hifob_pay", "hifdm_pay",
		"maf_pay", "oth_pay" };
	struct yt_node *setlinfo = yt_node_get(reply->body, "setlinfo"), *visit;
	const struct yt_node *data = ksbw_object(asked, "data");
	int rv = 0;

	if (setlinfo == NULL)
		return 0;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && rv == 0; i++) {
		int64_t fen;

		if (yt_node_text(msg->facts, parts[i]).n > 0 && yt_node_fen(msg->facts, parts[i], &fen) == 0)
			rv = add_fen(reply->arena, setlinfo, parts[i], fen > 0 ? -fen : fen);
	}
	visit = yt_node_get(setlinfo, "mdtrt_id");
	if (rv == 0 && visit == NULL)
		rv = add_text(reply->arena, setlinfo, "mdtrt_id", yt_node_text(data, "mdtrt_id"));
	if (rv == 0)
		rv = add_text(reply->arena, setlinfo, "medins_setl_id", msg->number);
	return rv == 0 ? add_sums(reply, msg, setlinfo) : rv;
}
