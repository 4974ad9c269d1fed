/* core/engine/undo.c - the message that takes a step's success back where its format has no reversal by number for it:
 * the national cancel of the same visit (nhsa.md 2202, 2302, 2404, 2405).
 *
 * flow.c asks for it after the codec's reversal_of() had none. */
#include <string.h>

#include "engine/work.h"

static const struct {
	enum yt_operation done, cancel;
} cancels[] = {
	{ YT_OP_OUTPATIENT_REGISTER, YT_OP_OUTPATIENT_REGISTER_CANCEL },
	{ YT_OP_INPATIENT_ADMIT, YT_OP_INPATIENT_ADMIT_CANCEL },
	{ YT_OP_INPATIENT_DISCHARGE, YT_OP_INPATIENT_DISCHARGE_CANCEL },
	{ YT_OP_INPATIENT_FEES, YT_OP_INPATIENT_FEES_CANCEL }, { YT_OP_CLAIM_SUBMIT, YT_OP_CLAIM_WITHDRAW },
	{ YT_OP_PAY_ORDER, YT_OP_PAY_RECALL }, /* made by pay.c */
};

struct yt_str undo_wire_op(const struct engine_codec *codec, enum yt_operation op)
{
	const struct yt_wire_op *o = codec->api->ops;

	while (o->wire != NULL && o->op != op)
		o++;
	return yt_str(o->wire);
}

static size_t cancel_of(enum yt_operation op)
{
	size_t i = 0;

	while (i < sizeof(cancels) / sizeof(cancels[0]) && cancels[i].done != op)
		i++;
	return i;
}

enum yt_operation undo_cancel_of(enum yt_operation op)
{
	size_t i = cancel_of(op);

	return i < sizeof(cancels) / sizeof(cancels[0]) ? cancels[i].cancel : YT_OP_COUNT;
}

bool undo_has_cancel(const struct engine_codec *codec, enum yt_operation op)
{
	size_t i = cancel_of(op);

	return i < sizeof(cancels) / sizeof(cancels[0]) && undo_wire_op(codec, cancels[i].cancel).n != 0;
}

static bool put_visit(struct yt_arena *arena, struct yt_node *to, const struct yt_msg *done, struct yt_str visit)
{
	return yt_node_add_text(arena, to, "mdtrt_id", visit) != NULL &&
	       yt_node_add_text(arena, to, "psn_no", done->person) != NULL;
}

/* Exactly the lines of that upload. */
static bool put_lines(struct yt_arena *arena, struct yt_node *body, const struct yt_msg *done)
{
	const struct yt_node *rows = yt_node_get(done->body, "feedetail");
	struct yt_node *to = yt_node_add(arena, body, YT_STR("data"), YT_ARRAY);

	for (const struct yt_node *row = rows == NULL ? NULL : rows->child; row != NULL; row = row->next) {
		struct yt_node *line = yt_node_add(arena, to, (struct yt_str){ 0 }, YT_OBJECT);

		if (yt_node_add_text(arena, line, "feedetl_sn", yt_node_text(row, "feedetl_sn")) == NULL ||
		        !put_visit(arena, line, done, done->visit))
			return false;
	}
	return to != NULL;
}

/* By the insurer's number of it; 1: the settlement was reversed (insurer.md 7.4, JH2004). */
static bool put_claim(
        struct yt_arena *arena, struct yt_node *body, const struct yt_msg *done, const struct yt_reply *heard)
{
	struct yt_node *data = yt_node_add(arena, body, YT_STR("data"), YT_OBJECT);
	struct yt_str claim =
	        heard == NULL ? (struct yt_str){ 0 } : yt_node_text(yt_node_get(heard->body, "data"), "claim_no");

	return yt_node_add_text(arena, data, "claim_no", claim) != NULL &&
	       yt_node_add_text(arena, data, "request_no", cross_wire_number(done)) != NULL &&
	       yt_node_add_text(arena, data, "withdraw_reason", YT_STR("1")) != NULL;
}

int undo_of(
        const struct engine_codec *codec, const struct yt_msg *done, const struct yt_reply *heard, struct yt_msg *undo)
{
	struct yt_str visit = done->visit.n != 0 || heard == NULL ? done->visit : heard->visit;
	struct yt_arena *arena = undo->arena;
	struct yt_node *data;
	size_t i = cancel_of(done->op->id);
	bool made;

	if (i == sizeof(cancels) / sizeof(cancels[0]) || visit.n == 0)
		return YT_ENOTFOUND;
	*undo = *done;
	undo->arena = arena;
	undo->op = yt_op(cancels[i].cancel);
	undo->wire_op = undo_wire_op(codec, cancels[i].cancel);
	undo->visit = visit;
	undo->content = undo->sent = undo->octets = (struct yt_str){ 0 };
	undo->passed = NULL;
	undo->body = yt_node_new(arena, YT_OBJECT);
	if (undo->wire_op.n == 0)
		return YT_ENOTFOUND;
	if (done->op->id == YT_OP_CLAIM_SUBMIT) {
		made = put_claim(arena, undo->body, done, heard);
	} else if (done->op->id == YT_OP_INPATIENT_FEES) {
		struct yt_node *number = yt_node_new(arena, YT_OBJECT);

		made = put_lines(arena, undo->body, done) &&
		       yt_node_add_text(arena, number, "otransid", cross_wire_number(done)) != NULL;
		undo->facts = number; /* where the format withdraws an upload by its number */
	} else {
		data = yt_node_add(arena, undo->body, YT_STR("data"), YT_OBJECT);
		made = put_visit(arena, data, done, visit) &&
		       (done->op->id != YT_OP_OUTPATIENT_REGISTER ||
		               yt_node_add_text(arena, data, "ipt_otp_no", done->own_visit) != NULL);
	}
	return made ? 0 : YT_ENOMEM;
}
