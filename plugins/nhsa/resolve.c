/* plugins/nhsa/resolve.c - finding out what an unanswered transaction did, and undoing it.
 *
 * The engine asks here after an outcome was unknown: which query tells (nhsa_query_for), what its answer
 * proves (nhsa_judge), and what undoes the original by its number (nhsa_reversal_of).  Number, operator,
 * sign_no and time of these messages are the engine's to set.  Absence is only believed when the answer
 * shows it: an empty list where rows would stand, a member that is there and empty. */
#include <string.h>

#include "nhsa.h"

#define DAY_MS INT64_C(86400000)

/* Texts of the original live in another arena than the message made here. */
struct yt_str nhsa_keep(struct yt_arena *arena, struct yt_str s)
{
	return s.n > 0 ? yt_arena_copy(arena, s) : (struct yt_str){ "", 0 };
}

/* A message of ours about the same person and institution, with an empty business node; NULL: no memory.
 * None of its texts may get lost on the way: a reversal without its area goes to the wrong centre. */
struct yt_node *nhsa_begin(
        struct yt_msg *msg, const struct yt_msg *original, enum yt_operation op, const char *wire, const char *node)
{
	const struct {
		struct yt_str *to, from;
	} texts[] = {
		{ &msg->institution, original->institution },
		{ &msg->institution_name, original->institution_name },
		{ &msg->treatment_area, original->treatment_area },
		{ &msg->insured_area, original->insured_area },
		{ &msg->person, original->person },
		{ &msg->visit, original->visit },
		{ &msg->settlement, original->settlement },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		*texts[i].to = nhsa_keep(msg->arena, texts[i].from);
		if (texts[i].to->p == NULL)
			return NULL;
	}
	msg->op = yt_op(op);
	msg->wire_op = yt_str(wire);
	msg->body = yt_node_new(msg->arena, YT_OBJECT);
	return yt_node_add(msg->arena, msg->body, yt_str(node), YT_OBJECT);
}

struct yt_node *nhsa_put(struct yt_arena *arena, struct yt_node *data, const char *name, struct yt_str text)
{
	struct yt_str kept = nhsa_keep(arena, text);

	return data != NULL && kept.p != NULL ? yt_node_add_text(arena, data, name, kept) : NULL;
}

static bool is_inpatient(enum yt_operation op)
{
	return op == YT_OP_INPATIENT_DISCHARGE || op == YT_OP_INPATIENT_DISCHARGE_CANCEL || op == YT_OP_INPATIENT_ADMIT;
}

/* From when to when 5201 is asked: the day of a registration, years for a stay that may be long. */
static bool query_period(const struct nhsa *nhsa, const struct yt_msg *original, char from[20], char to[20])
{
	const struct yt_node *data = yt_node_get(original->body, "data");
	int64_t ms;

	if (original->op->id == YT_OP_OUTPATIENT_REGISTER) {
		if (yt_time_parse(yt_node_text(data, "begntime"), &ms) != 0)
			return false;
		yt_time_print(ms, from);
		yt_time_print(ms, to);
		memcpy(from + 11, "00:00:00", 8);
		memcpy(to + 11, "23:59:59", 8);
		return true;
	}
	if (yt_time_parse(original->time, &ms) != 0)
		return false;
	yt_time_print(ms - nhsa->visit_query_days * DAY_MS, from);
	yt_time_print(ms + DAY_MS, to);
	return true;
}

static int query_visit(const struct nhsa *nhsa, const struct yt_msg *original, struct yt_msg *query)
{
	struct yt_arena *arena = query->arena;
	char from[20], to[20];
	struct yt_node *data;

	if (original->person.n == 0 || !query_period(nhsa, original, from, to))
		return YT_ENOTFOUND;
	data = nhsa_begin(query, original, YT_OP_VISIT_QUERY, "5201", "data");
	if (nhsa_put(arena, data, "psn_no", original->person) == NULL ||
	        nhsa_put(arena, data, "begntime", yt_str(from)) == NULL ||
	        nhsa_put(arena, data, "endtime", yt_str(to)) == NULL ||
	        nhsa_put(arena, data, "med_type",
	                is_inpatient(original->op->id) ? nhsa->med_type_in : nhsa->med_type_out) == NULL ||
	        nhsa_put(arena, data, "mdtrt_id", original->visit) == NULL)
		return YT_ENOMEM;
	return 0;
}

static int query_settlement(const struct yt_msg *original, struct yt_msg *query)
{
	struct yt_arena *arena = query->arena;
	struct yt_node *data;

	if (original->settlement.n == 0 || original->person.n == 0)
		return YT_ENOTFOUND;
	data = nhsa_begin(query, original, YT_OP_SETTLEMENT_QUERY, "5203", "data");
	if (nhsa_put(arena, data, "psn_no", original->person) == NULL ||
	        nhsa_put(arena, data, "setl_id", original->settlement) == NULL ||
	        nhsa_put(arena, data, "mdtrt_id", original->visit) == NULL)
		return YT_ENOMEM;
	return 0;
}

int nhsa_query_for(struct yt_plugin *self, const struct yt_msg *original, struct yt_msg *query)
{
	switch (original->op->id) {
	case YT_OP_OUTPATIENT_REGISTER:
	case YT_OP_INPATIENT_DISCHARGE:
	case YT_OP_INPATIENT_DISCHARGE_CANCEL:
		return query_visit(yt_plugin_ctx(self), original, query);
	case YT_OP_OUTPATIENT_SETTLE_CANCEL:
	case YT_OP_INPATIENT_SETTLE_CANCEL:
	case YT_OP_PHARMACY_SETTLE_CANCEL:
		return query_settlement(original, query);
	default:
		return nhsa_filing_query(yt_plugin_ctx(self), original, query);
	}
}

enum yt_judgement nhsa_found(struct yt_reply *adopted)
{
	adopted->outcome = YT_DONE;
	adopted->code = YT_STR("0");
	return YT_FOUND;
}

/* A registration is found by the institution's own number; each row must have one for absence to be sure. */
static enum yt_judgement judge_register(
        const struct yt_msg *original, const struct yt_node *rows, struct yt_reply *adopted)
{
	const struct yt_node *match = NULL;
	struct yt_arena *arena = adopted->arena;
	struct yt_node *data;
	size_t n_matches = 0;

	for (const struct yt_node *row = rows->child; row != NULL; row = row->next) {
		struct yt_str own = yt_node_text(row, "ipt_otp_no");

		if (own.n == 0 || yt_node_text(row, "mdtrt_id").n == 0)
			return YT_UNSURE;
		if (yt_str_eq(own, original->own_visit)) {
			match = row;
			n_matches++;
		}
	}
	if (n_matches == 0)
		return YT_ABSENT;
	if (n_matches > 1)
		return YT_UNSURE; /* which of them is ours cannot be told */
	adopted->body = yt_node_new(arena, YT_OBJECT);
	data = yt_node_add(arena, adopted->body, YT_STR("data"), YT_OBJECT);
	if (nhsa_put(arena, data, "mdtrt_id", yt_node_text(match, "mdtrt_id")) == NULL ||
	        nhsa_put(arena, data, "psn_no", original->person) == NULL ||
	        nhsa_put(arena, data, "ipt_otp_no", original->own_visit) == NULL)
		return YT_UNSURE;
	nhsa_reply_extract(adopted);
	return nhsa_found(adopted);
}

static const struct yt_node *row_of_visit(const struct yt_node *rows, struct yt_str visit)
{
	for (const struct yt_node *row = rows->child; row != NULL; row = row->next)
		if (yt_str_eq(yt_node_text(row, "mdtrt_id"), visit))
			return row;
	return NULL;
}

enum presence { SHOWN, EMPTY, LEFT_OUT };

static enum presence member_of(const struct yt_node *row, const char *name)
{
	return yt_node_text(row, name).n > 0 ? SHOWN : yt_node_get(row, name) != NULL ? EMPTY : LEFT_OUT;
}

/* What a visit's row tells about its discharge.  The discharge data decide where the centre shows them at
 * all; else the end of the visit, which some centres fill in whatever happened: its presence alone proves
 * nothing, its absence and the very time that we sent do. */
static enum yt_judgement discharge_shows(const struct yt_msg *original, const struct yt_node *row)
{
	enum presence way = member_of(row, "dscg_way"), dept = member_of(row, "dscg_dept_codg");
	struct yt_str sent = yt_node_text(yt_node_get(original->body, "dscginfo"), "endtime");

	if (way == SHOWN || dept == SHOWN)
		return YT_FOUND;
	if (way == EMPTY || dept == EMPTY || member_of(row, "endtime") == EMPTY)
		return YT_ABSENT;
	/* A cancel that is sent again in vain is refused in words we know, so a weaker sign will do. */
	if (original->op->id == YT_OP_INPATIENT_DISCHARGE_CANCEL)
		return member_of(row, "endtime") == SHOWN ? YT_FOUND : YT_UNSURE;
	return sent.n > 0 && yt_str_eq(sent, yt_node_text(row, "endtime")) ? YT_FOUND : YT_UNSURE;
}

static enum yt_judgement judge_discharge(
        const struct yt_msg *original, const struct yt_node *rows, struct yt_reply *adopted)
{
	const struct yt_node *row = row_of_visit(rows, original->visit);
	enum yt_judgement shows = row != NULL ? discharge_shows(original, row) : YT_UNSURE;

	if (shows != YT_UNSURE && original->op->id == YT_OP_INPATIENT_DISCHARGE_CANCEL)
		shows = shows == YT_FOUND ? YT_ABSENT : YT_FOUND; /* of a cancel the opposite is proved */
	return shows == YT_FOUND ? nhsa_found(adopted) : shows;
}

static bool add_fen(struct yt_arena *arena, struct yt_node *to, const char *name, int64_t fen)
{
	return yt_node_add_fen(arena, to, name, fen) != NULL;
}

/* Copies one member of a settlement into its cancel: amounts change sign, the balance does not. */
static bool copy_member(
        struct yt_arena *arena, const struct yt_field *field, const struct yt_node *from, struct yt_node *to)
{
	const struct yt_node *value = yt_node_get(from, field->name);
	bool is_amount = field->type == 'N' && field->decimals == 2 && strcmp(field->name, "balc") != 0 &&
	                 strcmp(field->name, "crt_payb_lmt_amt") != 0;
	struct yt_node *made;
	int64_t fen;

	if (value == NULL || (value->kind != YT_TEXT && value->kind != YT_NUMBER))
		return true;
	if (is_amount && yt_node_fen(from, field->name, &fen) == 0)
		return add_fen(arena, to, field->name, -fen);
	made = yt_node_add(arena, to, (struct yt_str){ field->name, field->name_n }, value->kind);
	if (made != NULL)
		made->text = nhsa_keep(arena, value->text);
	return made != NULL && made->text.p != NULL;
}

static bool is_own(const char *name)
{
	static const char *const own[] = { "setl_id", "medins_setl_id", "psn_part_amt", "psn_cash_pay", "pdn_cash_pay",
		"hosp_part_amt" };

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strcmp(name, own[i]) == 0)
			return true;
	return false;
}

/* What the two interfaces name differently, and what only the cancel has. */
static bool put_own(struct yt_arena *arena, const struct yt_msg *original, const struct yt_node *from,
        struct yt_str refund_id, struct yt_node *to)
{
	int64_t total, fund, person, cash;
	bool is_pharmacy = original->op->id == YT_OP_PHARMACY_SETTLE_CANCEL; /* its names are those of 5203 */
	const char *cash_name = original->op->id == YT_OP_OUTPATIENT_SETTLE_CANCEL ? "pdn_cash_pay" : "psn_cash_pay";

	if (yt_node_fen(from, "medfee_sumamt", &total) != 0 || yt_node_fen(from, "fund_pay_sumamt", &fund) != 0 ||
	        yt_node_fen(from, "psn_pay", &person) != 0 || yt_node_fen(from, "cash_payamt", &cash) != 0)
		return false;
	/* An unknown refund id stays empty: the settlement's would pass for it. */
	return nhsa_put(arena, to, "setl_id", refund_id) != NULL &&
	       nhsa_put(arena, to, "medins_setl_id", original->number) != NULL &&
	       (is_pharmacy || (add_fen(arena, to, "psn_part_amt", -person) && add_fen(arena, to, cash_name, -cash) &&
	                               add_fen(arena, to, "hosp_part_amt", -(total - fund - person))));
}

static bool copy_rows(
        struct yt_arena *arena, const struct yt_group *group, const struct yt_node *from, struct yt_node *body)
{
	struct yt_node *to = yt_node_add(arena, body, YT_STR("setldetail"), YT_ARRAY);

	if (to == NULL)
		return false;
	for (const struct yt_node *row = from != NULL ? from->child : NULL; row != NULL; row = row->next) {
		struct yt_node *made = yt_node_add(arena, to, (struct yt_str){ NULL, 0 }, YT_OBJECT);

		for (unsigned i = 0; i < group->n; i++)
			if (!copy_member(arena, &group->fields[i], row, made))
				return false;
	}
	return true;
}

static struct yt_str member_text(const struct yt_node *object, struct yt_str name)
{
	for (const struct yt_node *node = object->child; name.n > 0 && node != NULL; node = node->next)
		if (yt_str_eq(node->name, name) && (node->kind == YT_TEXT || node->kind == YT_NUMBER))
			return node->text;
	return (struct yt_str){ NULL, 0 };
}

/* The answer that the lost cancel would have brought: the settlement with the opposite sign. */
static bool compose_cancel(
        const struct nhsa *nhsa, const struct yt_msg *original, const struct yt_node *answer, struct yt_reply *adopted)
{
	const struct yt_table *table = nhsa_table(original->wire_op);
	const struct yt_node *from = yt_node_get(answer, "setlinfo");
	struct yt_arena *arena = adopted->arena;
	struct yt_str refund_id = member_text(from, nhsa->refund_id_member);
	struct yt_node *to;

	if (table == NULL || table->n_out != 2)
		return false;
	adopted->head = yt_node_new(arena, YT_OBJECT);
	if (adopted->head == NULL)
		return false;
	if (refund_id.n == 0 && nhsa_put(arena, adopted->head, "warn_msg",
	                                YT_STR("撤销已生效，由结算查询核实；退费结算ID未取得，请以对账为准")) == NULL)
		return false;
	adopted->body = yt_node_new(arena, YT_OBJECT);
	to = yt_node_add(arena, adopted->body, YT_STR("setlinfo"), YT_OBJECT);
	if (to == NULL || !put_own(arena, original, from, refund_id, to))
		return false;
	for (unsigned i = 0; i < table->out[0].n; i++)
		if (!is_own(table->out[0].fields[i].name) && !copy_member(arena, &table->out[0].fields[i], from, to))
			return false;
	if (!copy_rows(arena, &table->out[1], yt_node_get(answer, "setldetail"), adopted->body))
		return false;
	nhsa_reply_extract(adopted);
	return true;
}

/* A cancel: the settlement's own row tells whether it was given back. */
static enum yt_judgement judge_cancel(
        const struct nhsa *nhsa, const struct yt_msg *original, const struct yt_node *answer, struct yt_reply *adopted)
{
	const struct yt_node *setlinfo = yt_node_get(answer, "setlinfo");
	struct yt_str flag = nhsa_text_of(setlinfo, "refd_setl_flag", "REFD_SETL_FLAG");

	if (!yt_str_eq(yt_node_text(setlinfo, "setl_id"), original->settlement))
		return YT_UNSURE;
	if (yt_str_is(flag, "0"))
		return YT_ABSENT;
	if (!yt_str_is(flag, "1") || !compose_cancel(nhsa, original, answer, adopted))
		return YT_UNSURE;
	return nhsa_found(adopted);
}

enum yt_judgement nhsa_judge(
        struct yt_plugin *self, const struct yt_msg *original, const struct yt_reply *answer, struct yt_reply *adopted)
{
	const struct yt_node *rows = yt_node_get(answer->body, "mdtrtinfo");

	if (answer->outcome != YT_DONE)
		return YT_UNSURE;
	switch (original->op->id) {
	case YT_OP_OUTPATIENT_REGISTER:
		return rows != NULL && rows->kind == YT_ARRAY ? judge_register(original, rows, adopted) : YT_UNSURE;
	case YT_OP_INPATIENT_DISCHARGE:
	case YT_OP_INPATIENT_DISCHARGE_CANCEL:
		return rows != NULL && rows->kind == YT_ARRAY ? judge_discharge(original, rows, adopted) : YT_UNSURE;
	case YT_OP_OUTPATIENT_SETTLE_CANCEL:
	case YT_OP_INPATIENT_SETTLE_CANCEL:
	case YT_OP_PHARMACY_SETTLE_CANCEL:
		return judge_cancel(yt_plugin_ctx(self), original, answer->body, adopted);
	default:
		return nhsa_filing_judge(original, answer, adopted);
	}
}

/* 2601 knows four characters: of 2207A the plain number. */
static struct yt_str plain_number(struct yt_str wire)
{
	if (wire.n == 5 && wire.p[4] == 'A')
		wire.n--;
	return wire;
}

int nhsa_reversal_of(struct yt_plugin *self, const struct yt_msg *original, struct yt_msg *reversal)
{
	struct yt_arena *arena = reversal->arena;
	struct yt_node *data;

	switch (original->op->id) {
	case YT_OP_OUTPATIENT_SETTLE:
	case YT_OP_OUTPATIENT_SETTLE_CANCEL:
	case YT_OP_INPATIENT_SETTLE:
	case YT_OP_INPATIENT_SETTLE_CANCEL:
	case YT_OP_INPATIENT_ADMIT:
	case YT_OP_PHARMACY_SETTLE:
	case YT_OP_PHARMACY_SETTLE_CANCEL:
		break;
	default:
		return YT_ENOTFOUND; /* 2601 takes no other transaction */
	}
	if (original->person.n == 0)
		return YT_ENOTFOUND;
	data = nhsa_begin(reversal, original, YT_OP_REVERSE, "2601", "data");
	reversal->original_number = nhsa_keep(arena, original->number);
	reversal->original_wire_op = nhsa_keep(arena, plain_number(original->wire_op));
	if (reversal->original_number.p == NULL || reversal->original_wire_op.p == NULL ||
	        nhsa_put(arena, data, "psn_no", original->person) == NULL ||
	        nhsa_put(arena, data, "omsgid", original->number) == NULL ||
	        nhsa_put(arena, data, "oinfno", reversal->original_wire_op) == NULL)
		return YT_ENOMEM;
	return 0;
}

int nhsa_sign_in_for(
        struct yt_plugin *self, struct yt_str institution, struct yt_str operator_id, struct yt_msg *sign_in)
{
	const struct nhsa *nhsa = yt_plugin_ctx(self);
	struct yt_arena *arena = sign_in->arena;
	struct yt_msg nobody = { .institution = institution };
	struct yt_node *data = nhsa_begin(sign_in, &nobody, YT_OP_SIGN_IN, "9001", "signIn");

	sign_in->operator_id = nhsa_keep(arena, operator_id);
	if (sign_in->operator_id.p == NULL || nhsa_put(arena, data, "opter_no", operator_id) == NULL ||
	        nhsa_put(arena, data, "mac", nhsa->sign_in_mac) == NULL ||
	        nhsa_put(arena, data, "ip", nhsa->sign_in_ip) == NULL)
		return YT_ENOMEM;
	return 0;
}
