/* core/engine/proof.h - what machines can do about a step of a flow, whatever becomes of it: one answer for flow.c,
 * which does it, and for `yitong check`, which refuses a flow that would leave people to do it
 * (process/conf_plugins.c). */
#ifndef YT_ENGINE_PROOF_H
#define YT_ENGINE_PROOF_H

#include "yitong/plugin.h"

/* Whether the same octets may go out again: their party knows them by number, or refuses the repeat in known words. */
bool proof_is_repeatable(enum yt_resolve method, enum yt_operation op);

/* A payment: its party is asked until somebody knows, and only what it surely never had may go out again (flow_pay.c).
 */
bool proof_is_payment(enum yt_resolve method);

/* What a step that does op in a format lacks, in English; NULL: nothing.  is_kept: nothing needs to undo it.  is_last:
 * no step behind it can be refused, so that only a settlement is ever undone. */
const char *proof_step_lacks(const struct yt_codec_api *api, const struct yt_op *op, bool is_kept, bool is_last);

/* What undoes op in a format, as flow.c would: its reversal by number, else the cancel; YT_OP_COUNT: nothing. */
enum yt_operation proof_undone_by(const struct yt_codec_api *api, enum yt_operation op);

#endif
