/* core/engine/proof.c - see proof.h. */
#include "engine/proof.h"

#include "base/words.h"
#include "engine/work.h"

bool proof_is_repeatable(enum yt_resolve method, enum yt_operation op)
{
	switch (method) {
	case YT_RESOLVE_NONE:
	case YT_RESOLVE_RESEND:
	case YT_RESOLVE_ADOPT:
		return true;
	case YT_RESOLVE_QUERY:
		/* A claim too: its own number makes it one, whatever became of the first try (insurer.md 6.5, 7.5). */
		return op == YT_OP_INPATIENT_DISCHARGE || op == YT_OP_INPATIENT_DISCHARGE_CANCEL ||
		       op == YT_OP_CLAIM_SUBMIT;
	default:
		return false;
	}
}

bool proof_is_payment(enum yt_resolve method)
{
	return method == YT_RESOLVE_PAY || method == YT_RESOLVE_PAY_ANEW;
}

/* By its number, as far as the table of the format tells, or by the national cancel (undo.c). */
static bool is_undoable(const struct yt_codec_api *api, enum yt_resolve method, enum yt_operation op)
{
	const struct engine_codec codec = { .api = api };

	return method == YT_RESOLVE_REVERSE || method == YT_RESOLVE_QUERY_REVERSE || method == YT_RESOLVE_ADOPT ||
	       undo_has_cancel(&codec, op);
}

enum yt_operation proof_undone_by(const struct yt_codec_api *api, enum yt_operation op)
{
	const struct engine_codec codec = { .api = api };
	enum yt_resolve method = YT_RESOLVE_NONE;

	for (const struct yt_wire_op *o = api->ops; o->wire != NULL; o++)
		if (o->op == op)
			method = o->resolve;
	if (method == YT_RESOLVE_REVERSE || method == YT_RESOLVE_QUERY_REVERSE || method == YT_RESOLVE_ADOPT)
		return YT_OP_REVERSE;
	return undo_has_cancel(&codec, op) ? undo_cancel_of(op) : YT_OP_COUNT;
}

const char *proof_step_lacks(const struct yt_codec_api *api, const struct yt_op *op, bool is_kept, bool is_last)
{
	bool is_there = false;

	if (!op->changes_state && op->id != YT_OP_ACCOUNT_CHECK && op->id != YT_OP_PAY_BATCH_RESULT)
		return NULL;
	for (const struct yt_wire_op *o = api->ops; o->wire != NULL; o++) {
		if (o->op != op->id)
			continue;
		is_there = true;
		if (!op->changes_state)
			continue;
		if (!proof_is_repeatable(o->resolve, op->id) && o->resolve != YT_RESOLVE_REVERSE &&
		        !(op->id == YT_OP_PAY_ORDER && proof_is_payment(o->resolve)))
			return N_(
			        "of unknown outcome can neither be sent again nor be taken back by its number: it would be left to "
			        "an operator; take the step out, or route this operation to one party");
		if (!is_kept && (!is_last || op->is_settlement) && !is_undoable(api, o->resolve, op->id))
			return N_("is undone by nothing when the flow is: put ! before the step if it may stand");
	}
	return is_there ? NULL : N_("is nothing that its party's format can say");
}
