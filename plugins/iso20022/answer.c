/* plugins/iso20022/answer.c - what an answer proves of what we sent, and how an unknown outcome is found out.
 *
 * Done: the bank has the order, and pay_state says what became of the money.  Refused: no money moves.  All else is
 * unknown: no document, another message's, one that breaks its schema, a status nobody knows, a duplicate. */
#include <stdio.h>
#include <string.h>

#include "iso.h"

static int unknown(struct yt_reply *reply, struct yt_str code, struct yt_str text)
{
	reply->outcome = YT_UNKNOWN;
	reply->code = code;
	reply->text = text;
	return text.p != NULL ? 0 : YT_ENOMEM;
}

/* What was sent, as it is read: with the blocks' numbers.  NULL: not known. */
static const struct yt_node *sent_body(struct iso *iso, struct yt_arena *arena, const struct yt_msg *msg)
{
	struct yt_msg *back = yt_msg_new(arena);
	struct iso_document doc;
	struct yt_fault fault;

	if (back == NULL || msg->sent.n == 0 || iso_read(iso, arena, msg->sent, true, &doc, &fault) != 0)
		return msg->body;
	if (strcmp(doc.wire, "pain.001") == 0 && iso_read_order(iso, &doc, back, &fault) == 0)
		return back->body;
	if (strcmp(doc.wire, "pacs.028") == 0 && iso_read_query(&doc, back, &fault) == 0)
		return back->body;
	return msg->body;
}

/* The message that the answer must be about. */
static struct yt_str asked_number(const struct yt_msg *msg)
{
	if (msg->op->id == YT_OP_PAY_QUERY || msg->op->id == YT_OP_PAY_RECALL)
		return yt_node_text(yt_node_get(msg->body, "data"), "orig_msg_no");
	return iso_sent_number(msg);
}

/* -- pain.002 ------------------------------------------------------------------------------------- */

struct tally {
	uint32_t n, n_done, n_refused, n_unknown, n_absent;
};

static void count(struct tally *t, const struct yt_node *row)
{
	enum yt_pay_state state = yt_pay_state_of(yt_node_text(row, "pay_state"));

	t->n++;
	if (yt_node_text(row, "is_absent").n > 0)
		t->n_absent++;
	if (state == YT_PAY_STATES || yt_pay_outcome(state) == YT_UNKNOWN)
		t->n_unknown++;
	else if (yt_pay_outcome(state) == YT_DONE)
		t->n_done++;
	else
		t->n_refused++;
}

static struct tally tally_of(const struct yt_node *body)
{
	const struct yt_node *row = NULL;
	struct tally t = { 0 };
	char path[64];

	while (yt_payout_next(body, &row, path, sizeof(path)))
		count(&t, row);
	return t;
}

/* A list is done when the bank surely has it; what its rows leave open is asked for one by one. */
static enum yt_outcome outcome_of(const struct tally *t)
{
	if (t->n_done > 0)
		return YT_DONE;
	return t->n > 0 && t->n_refused == t->n ? YT_REFUSED : YT_UNKNOWN;
}

static int mark_count(struct yt_reply *reply, const struct yt_node *data, uint32_t n)
{
	char wanted[16];

	snprintf(wanted, sizeof(wanted), "%u", n);
	if (yt_node_text(data, "told_cnt").n == 0 || yt_str_is(yt_node_text(data, "told_cnt"), wanted) || n == 0)
		return 0;
	reply->breach = yt_arena_printf(reply->arena, "NbOfTxsPerSts counts %.*s transfers, sent were %s",
	        YT_FMT(yt_node_text(data, "told_cnt")), wanted);
	return reply->breach.p != NULL ? 0 : YT_ENOMEM;
}

/* Of an order, a list or a query. */
static int take_report(
        struct iso *iso, const struct yt_msg *msg, const struct iso_document *doc, struct yt_reply *reply)
{
	bool is_query = msg->op->id == YT_OP_PAY_QUERY;
	const struct yt_node *asked = sent_body(iso, reply->arena, msg), *data;
	struct yt_fault fault = { "", "" };
	struct tally t;
	int rv = iso_read_report(iso, reply->arena, doc, asked, &reply->body, &fault);

	if (rv != 0)
		return rv == YT_ENOMEM ? rv
		                       : unknown(reply, (struct yt_str){ 0 },
		                                 yt_arena_printf(reply->arena, "%s %s", fault.path, fault.why));
	data = yt_node_get(reply->body, "data");
	reply->number = yt_node_text(data, "msg_no");
	reply->code = yt_node_text(data, "bank_code").n > 0 ? yt_node_text(data, "bank_code")
	                                                    : yt_node_text(data, "bank_status");
	reply->text = yt_node_text(data, "bank_text");
	if (!yt_str_eq(yt_node_text(data, "orig_msg_no"), asked_number(msg)))
		return unknown(reply, reply->code, YT_STR("the answer is about another message"));
	t = tally_of(reply->body);
	reply->outcome = is_query && t.n_done + t.n_refused > 0 ? YT_DONE : outcome_of(&t);
	if (t.n_absent > 0 && t.n_absent == t.n) {
		reply->outcome = is_query ? YT_REFUSED : YT_UNKNOWN;
		reply->never_happened = is_query;
	}
	return mark_count(reply, data, t.n);
}

/* Of a report that we answered, or another sends us an answer to: only the whole counts. */
static int take_receipt(
        struct iso *iso, const struct yt_msg *msg, const struct iso_document *doc, struct yt_reply *reply)
{
	struct yt_fault fault;
	enum yt_pay_state state;
	int rv = iso_read_report(iso, reply->arena, doc, NULL, &reply->body, &fault);
	struct yt_str told =
	        rv == 0 ? yt_node_text(yt_node_get(reply->body, "data"), "pay_state") : (struct yt_str){ 0 };

	if (rv == YT_ENOMEM)
		return rv;
	state = yt_pay_state_of(told);
	if (rv != 0 || state == YT_PAY_STATES ||
	        !yt_str_eq(yt_node_text(yt_node_get(reply->body, "data"), "orig_msg_no"), iso_sent_number(msg)))
		return unknown(reply, (struct yt_str){ 0 }, YT_STR("the answer says nothing of this message"));
	reply->outcome = yt_pay_outcome(state);
	reply->code = yt_node_text(yt_node_get(reply->body, "data"), "bank_code");
	reply->text = yt_node_text(yt_node_get(reply->body, "data"), "bank_text");
	return 0;
}

/* -- recalls -------------------------------------------------------------------------------------- */

/* A pain.002 in answer to a recall: CANC did it; what is paid cannot be taken back so. */
static int take_recall_report(
        struct iso *iso, const struct yt_msg *msg, const struct iso_document *doc, struct yt_reply *reply)
{
	const struct yt_node *data = yt_node_get(msg->body, "data"), *row = NULL;
	struct yt_fault fault;
	enum yt_pay_state state = YT_PAY_STATES;
	char path[64];
	int rv = iso_read_report(iso, reply->arena, doc, NULL, &reply->body, &fault);

	if (rv == YT_ENOMEM)
		return rv;
	if (rv == 0 && yt_str_eq(yt_node_text(yt_node_get(reply->body, "data"), "orig_msg_no"), iso_sent_number(msg)))
		return take_receipt(iso, msg, doc, reply); /* about the recall itself */
	while (rv == 0 && yt_payout_next(reply->body, &row, path, sizeof(path)))
		if (yt_str_eq(yt_node_text(row, "pay_no"), yt_node_text(data, "orig_pay_no")))
			state = yt_pay_state_of(yt_node_text(row, "pay_state"));
	if (state == YT_PAY_CANCELLED)
		reply->outcome = YT_DONE;
	else if (state == YT_PAY_PAID || state == YT_PAY_RETURNED)
		reply->outcome = YT_REFUSED;
	else
		return unknown(reply, (struct yt_str){ 0 }, YT_STR("the payout is neither cancelled nor paid yet"));
	return 0;
}

static int take_resolution(const struct yt_msg *msg, const struct iso_document *doc, struct yt_reply *reply)
{
	const struct yt_node *asked = yt_node_get(msg->body, "data"), *row = NULL;
	struct yt_fault fault = { "", "" };
	struct yt_str word = { NULL, 0 };
	char path[64];
	int rv = iso_read_resolution(reply->arena, doc, &reply->body, &fault);

	if (rv != 0)
		return rv == YT_ENOMEM ? rv
		                       : unknown(reply, (struct yt_str){ 0 },
		                                 yt_arena_printf(reply->arena, "%s %s", fault.path, fault.why));
	while (yt_payout_next(reply->body, &row, path, sizeof(path)))
		if (yt_str_eq(yt_node_text(row, "pay_no"), yt_node_text(asked, "orig_pay_no"))) {
			word = yt_node_text(row, "recall_status");
			reply->code = yt_node_text(row, "bank_code");
			reply->text = yt_node_text(row, "bank_text");
		}
	/* A word about the whole counts for a transfer that is not named, if it is about our message. */
	if (word.n == 0 && yt_str_eq(yt_node_text(yt_node_get(reply->body, "data"), "orig_msg_no"), asked_number(msg)))
		word = yt_node_text(yt_node_get(reply->body, "data"), "recall_status");
	if (yt_str_is(word, "ACCR"))
		reply->outcome = YT_DONE;
	else if (yt_str_is(word, "RJCR"))
		reply->outcome = YT_REFUSED;
	else
		return unknown(reply, reply->code, YT_STR("the bank has not decided the recall"));
	return 0;
}

/* -- any answer ----------------------------------------------------------------------------------- */

int iso_decode_reply(
        struct yt_plugin *self, const struct yt_msg *msg, int http_status, struct yt_str octets, struct yt_reply *reply)
{
	struct iso *iso = yt_plugin_ctx(self);
	struct iso_document doc;
	struct yt_fault fault = { "", "" };
	enum yt_operation op = msg->op->id;
	int rv;

	if (http_status != 0 && (http_status < 200 || http_status > 299))
		return unknown(reply, (struct yt_str){ 0 },
		        yt_arena_printf(reply->arena, "the bank answered with HTTP status %d", http_status));
	if (octets.n == 0)
		return unknown(reply, (struct yt_str){ 0 }, YT_STR("taken without a report: ask, or wait for it"));
	rv = iso_read(iso, reply->arena, octets, false, &doc, &fault);
	if (rv == YT_ENOMEM)
		return rv;
	if (rv != 0)
		return unknown(
		        reply, (struct yt_str){ 0 }, yt_arena_printf(reply->arena, "%s %s", fault.path, fault.why));
	reply->octets = octets;
	if (strcmp(doc.wire, "pain.002") == 0) {
		if (op == YT_OP_PAY_ORDER || op == YT_OP_PAY_BATCH || op == YT_OP_PAY_QUERY)
			return take_report(iso, msg, &doc, reply);
		return op == YT_OP_PAY_RECALL ? take_recall_report(iso, msg, &doc, reply)
		                              : take_receipt(iso, msg, &doc, reply);
	}
	if (strcmp(doc.wire, "camt.029") == 0 && op == YT_OP_PAY_RECALL)
		return take_resolution(msg, &doc, reply);
	return unknown(reply, (struct yt_str){ 0 }, YT_STR("the answer is a message that answers nothing of this"));
}

/* -- finding out ---------------------------------------------------------------------------------- */

static int put(struct yt_arena *arena, struct yt_node *object, const char *name, struct yt_str text)
{
	return text.n == 0 || yt_node_add_text(arena, object, name, yt_arena_copy(arena, text)) != NULL ? 0 : YT_ENOMEM;
}

static int fill_query(struct yt_msg *query, const struct yt_node *asked)
{
	struct yt_node *data = yt_node_get(query->body, "data"), *rows = NULL, *to = data;
	const struct yt_node *row = NULL;
	char path[64];
	int rv = 0;

	if (yt_node_get(asked, "payout") != NULL) {
		rows = yt_node_add(query->arena, query->body, YT_STR("payout"), YT_ARRAY);
		if (rows == NULL)
			return YT_ENOMEM;
	}
	while (rv == 0 && yt_payout_next(asked, &row, path, sizeof(path))) {
		if (rows != NULL)
			to = yt_node_add(query->arena, rows, (struct yt_str){ 0 }, YT_OBJECT);
		rv = to == NULL ? YT_ENOMEM : put(query->arena, to, "orig_pay_no", yt_node_text(row, "pay_no"));
		if (rv == 0)
			rv = put(query->arena, to, "uetr", yt_node_text(row, "uetr"));
	}
	return rv;
}

int iso_query_for(struct yt_plugin *self, const struct yt_msg *original, struct yt_msg *query)
{
	struct iso *iso = yt_plugin_ctx(self);
	struct yt_str number = iso_sent_number(original);
	const struct yt_node *asked;
	struct yt_node *data;
	int rv;

	if (!iso->can_ask || number.n == 0 || original->body == NULL ||
	        (original->op->id != YT_OP_PAY_ORDER && original->op->id != YT_OP_PAY_BATCH))
		return YT_ENOTFOUND;
	asked = sent_body(iso, query->arena, original);
	if (asked == NULL || yt_node_get(asked, "data") == NULL)
		return YT_ENOTFOUND;
	query->op = yt_op(YT_OP_PAY_QUERY);
	query->wire_op = YT_STR("pacs.028");
	query->institution = original->institution;
	query->original_number = yt_arena_copy(query->arena, number);
	query->body = yt_node_new(query->arena, YT_OBJECT);
	data = query->body != NULL ? yt_node_add(query->arena, query->body, YT_STR("data"), YT_OBJECT) : NULL;
	if (data == NULL)
		return YT_ENOMEM;
	rv = put(query->arena, data, "orig_msg_no", number);
	return rv == 0 ? fill_query(query, asked) : rv;
}

/* The answer to the query is the one that the order would have got. */
enum yt_judgement iso_judge(
        struct yt_plugin *self, const struct yt_msg *original, const struct yt_reply *answer, struct yt_reply *adopted)
{
	struct tally t = tally_of(answer->body);

	(void)self;
	(void)original;
	if (answer->never_happened)
		return YT_ABSENT;
	if (t.n == 0 || answer->outcome != YT_DONE || outcome_of(&t) == YT_UNKNOWN)
		return YT_UNSURE;
	adopted->outcome = outcome_of(&t);
	adopted->body = answer->body;
	adopted->code = answer->code;
	adopted->text = answer->text;
	adopted->number = answer->number;
	return YT_FOUND;
}
