/* core/engine/flow_parts.h - what flow.c, flow_read.c and flow_send.c share; nobody else includes it.
 *
 *   flow_read.c   a lease of a flow begins: what its steps sent and got is read back, its case's facts are asked for
 *   flow.c        what to do now, and what an answer proves
 *   flow_send.c   the message of a step, or of its undoing, is made, written down and leaves */
#ifndef YT_ENGINE_FLOW_PARTS_H
#define YT_ENGINE_FLOW_PARTS_H

#include "engine/work.h"

struct flow_run {
	const struct engine_flow *flow;
	struct facts facts;
	struct yt_str sent[REC_STEPS_MAX], got[REC_STEPS_MAX], undo_sent;
	struct yt_msg *said[REC_STEPS_MAX]; /* as the step's party was asked */
	struct yt_reply *heard[REC_STEPS_MAX];
	bool is_again;                /* what is out had left before */
	bool is_kept;                 /* the same octets stand in the journal already */
	const struct yt_msg *renewed; /* what had left and goes out again with another sign_no; NULL: nothing */
	bool lacks_secret;            /* the request is known without its credentials only */
};

/* flow_read.c; steps count from 1 */
const struct engine_flow_step *flow_step_at(const struct task *t, unsigned step);
const struct yt_op *flow_op_of(const struct task *t, unsigned step);
/* The request itself, for a party that speaks its format: it goes on as it came. */
bool flow_is_verbatim(const struct task *t, unsigned step);
/* What a step's message leaves behind, or NULL; of one in another format only what its answer brought. */
struct yt_node *flow_piece_of(struct task *t, unsigned step);
void flow_learn(struct task *t, unsigned step); /* it counts from here on, for the steps behind it */

/* flow.c */
void flow_decide(struct engine *e, struct task *t);
/* A step that cannot be said in its party's format, since the case lacks something: as if it had been refused. */
void flow_refuse_unsent(struct engine *e, struct task *t, const struct yt_fault *fault);

/* notice.c */
bool notice_is(enum yt_operation op); /* something that a party tells us unasked */
void notice_end(struct engine *e, struct task *t);

/* flow_send.c */
/* Makes the octets of the step t->x.step (or of its undoing, by t->leg) and writes it down. */
void flow_go(struct engine *e, struct task *t);
/* Octets that may have left before, once more. */
void flow_send_again(struct engine *e, struct task *t);

#endif
