/* plugins/nhsa/filing.c - finding out whether a filing (备案) or the revocation of a payment took effect.
 *
 * resolve.c asks here for what it has no query of its own.  A filing is found among the person's filings by
 * what was filed, since its number was in the answer that got lost; and as no query tells that number, the
 * answer adopted says so.  A revocation (6401) is found by the state of its payment order (6301). */
#include <string.h>

#include "nhsa.h"

#define DAY_MS INT64_C(86400000)
#define KEYS_MAX 3

static const struct filing {
	enum yt_operation op, query_op;
	const char *node;           /* of the request */
	const char *wire;           /* the query */
	const char *rows;           /* of its answer */
	const char *copied;         /* what the query takes over from the request, beside psn_no */
	bool has_period;            /* the query wants a time from and to */
	const char *keys[KEYS_MAX]; /* the first names what is filed, the others how; same names on both sides */
} filings[] = {
	{ YT_OP_TRANSFER_FILE, YT_OP_TRANSFER_QUERY, "refmedin", "5304", "refmedin", NULL, true,
	        { "reflin_medins_no", "refl_date", NULL } },
	{ YT_OP_CHRONIC_FILE, YT_OP_CHRONIC_QUERY, "data", "5301", "feedetail", NULL, false,
	        { "opsp_dise_code", "begndate", NULL } },
	{ YT_OP_DESIGNATION_FILE, YT_OP_DESIGNATION_QUERY, "data", "5302", "psnfixmedin", "biz_appy_type", false,
	        { "fixmedins_code", "fix_srt_no", "begndate" } },
};

static const struct filing *filing_of(enum yt_operation op)
{
	for (size_t i = 0; i < sizeof(filings) / sizeof(filings[0]); i++)
		if (filings[i].op == op)
			return &filings[i];
	return NULL;
}

static bool put_period(
        const struct nhsa *nhsa, const struct yt_msg *original, struct yt_arena *arena, struct yt_node *data)
{
	char from[20], to[20];
	int64_t ms;

	if (yt_time_parse(original->time, &ms) != 0)
		return false;
	yt_time_print(ms - nhsa->visit_query_days * DAY_MS, from);
	yt_time_print(ms + DAY_MS, to);
	return nhsa_put(arena, data, "begntime", yt_str(from)) != NULL &&
	       nhsa_put(arena, data, "endtime", yt_str(to)) != NULL;
}

static int query_payment(const struct yt_msg *original, struct yt_msg *query)
{
	static const char *const names[] = { "payOrdId", "payToken", "orgCodg", "idNo", "userName", "idType" };
	const struct yt_node *from = yt_node_get(original->body, "data");
	struct yt_node *data = nhsa_begin(query, original, YT_OP_PAYMENT_QUERY, "6301", "data");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (nhsa_put(query->arena, data, names[i], yt_node_text(from, names[i])) == NULL)
			return YT_ENOMEM;
	return 0;
}

int nhsa_filing_query(const struct nhsa *nhsa, const struct yt_msg *original, struct yt_msg *query)
{
	const struct filing *filing = filing_of(original->op->id);
	const struct yt_node *from;
	struct yt_node *data;

	if (original->op->id == YT_OP_PAYMENT_REVOKE)
		return query_payment(original, query);
	if (filing == NULL || original->person.n == 0)
		return YT_ENOTFOUND;
	from = yt_node_get(original->body, filing->node);
	data = nhsa_begin(query, original, filing->query_op, filing->wire, "data");
	if (nhsa_put(query->arena, data, "psn_no", original->person) == NULL)
		return YT_ENOMEM;
	if (filing->copied != NULL &&
	        nhsa_put(query->arena, data, filing->copied, yt_node_text(from, filing->copied)) == NULL)
		return YT_ENOMEM;
	if (filing->has_period && !put_period(nhsa, original, query->arena, data))
		return YT_ENOTFOUND;
	return 0;
}

/* A row about the same thing that differs in how, or does not say what it is about, proves nothing. */
static enum yt_judgement row_shows(const struct filing *filing, const struct yt_node *sent, const struct yt_node *row)
{
	struct yt_str what = yt_node_text(row, filing->keys[0]);

	if (what.n == 0)
		return YT_UNSURE;
	if (!yt_str_eq(what, yt_node_text(sent, filing->keys[0])))
		return YT_ABSENT;
	for (size_t i = 1; i < KEYS_MAX && filing->keys[i] != NULL; i++)
		if (!yt_str_eq(yt_node_text(row, filing->keys[i]), yt_node_text(sent, filing->keys[i])))
			return YT_UNSURE;
	return YT_FOUND;
}

/* What the lost answer would have said, less the number that nobody can tell. */
static enum yt_judgement adopt_filing(struct yt_reply *adopted)
{
	struct yt_arena *arena = adopted->arena;
	struct yt_node *result;

	adopted->head = yt_node_new(arena, YT_OBJECT);
	adopted->body = yt_node_new(arena, YT_OBJECT);
	result = yt_node_add(arena, adopted->body, YT_STR("result"), YT_OBJECT);
	if (nhsa_put(arena, adopted->head, "warn_msg",
	            YT_STR("备案已生效，由查询核实；待遇申报明细流水号未取得，如需撤销请联系经办机构")) == NULL ||
	        nhsa_put(arena, result, "trt_dcla_detl_sn", YT_STR("")) == NULL)
		return YT_UNSURE;
	return nhsa_found(adopted);
}

static enum yt_judgement judge_payment(const struct yt_node *body, struct yt_reply *adopted)
{
	const struct yt_node *data = yt_node_get(body, "data");
	struct yt_str state = yt_node_text(data, "ordStas");
	int code = state.n == 1 ? state.p[0] - '0' : state.n == 2 ? (state.p[0] - '0') * 10 + state.p[1] - '0' : -1;
	struct yt_node *to;

	if (code < 0 || code > 13)
		return YT_UNSURE; /* failed or unknown states say nothing of who ended it */
	if (code < 7)
		return code >= 3 ? YT_ABSENT : YT_UNSURE; /* settled; 0 to 2 are still under way */
	adopted->body = yt_node_new(adopted->arena, YT_OBJECT);
	to = yt_node_add(adopted->arena, adopted->body, YT_STR("data"), YT_OBJECT);
	if (nhsa_put(adopted->arena, to, "payOrdId", yt_node_text(data, "payOrdId")) == NULL ||
	        nhsa_put(adopted->arena, to, "ordStas", state) == NULL)
		return YT_UNSURE;
	return nhsa_found(adopted);
}

enum yt_judgement nhsa_filing_judge(
        const struct yt_msg *original, const struct yt_reply *answer, struct yt_reply *adopted)
{
	const struct filing *filing = filing_of(original->op->id);
	const struct yt_node *rows, *sent;
	enum yt_judgement shows = YT_ABSENT;

	if (original->op->id == YT_OP_PAYMENT_REVOKE)
		return judge_payment(answer->body, adopted);
	if (filing == NULL)
		return YT_UNSURE;
	rows = yt_node_get(answer->body, filing->rows);
	sent = yt_node_get(original->body, filing->node);
	if (rows == NULL || rows->kind != YT_ARRAY)
		return YT_UNSURE;
	for (const struct yt_node *row = rows->child; row != NULL && shows != YT_FOUND; row = row->next) {
		enum yt_judgement one = row_shows(filing, sent, row);

		shows = one == YT_ABSENT ? shows : one;
	}
	return shows == YT_FOUND ? adopt_filing(adopted) : shows;
}
