/* plugins/nhsa/review.c - how long a review (3101, 3102) may keep the hospital waiting, and what it hears then.
 *
 * A review tells the doctor of likely breaches before they are charged; it decides nothing.  Where it is slow or
 * down, treatment goes on: the origin hears of no findings, and that none were sought. */
#include "nhsa.h"

int64_t nhsa_patience(struct yt_plugin *self, const struct yt_msg *msg, struct yt_reply *instead)
{
	const struct nhsa *nhsa = yt_plugin_ctx(self);
	struct yt_arena *arena = instead->arena;
	struct yt_node *head, *body;

	if (msg->op->id != YT_OP_REVIEW_BEFORE && msg->op->id != YT_OP_REVIEW_DURING)
		return 0;
	if (!nhsa->review_open)
		return nhsa->review_ms;
	head = yt_node_new(arena, YT_OBJECT);
	body = yt_node_new(arena, YT_OBJECT);
	if (nhsa_put(arena, head, "warn_msg", YT_STR("审核服务未在规定时间内答复，本次未审核")) == NULL ||
	        yt_node_add(arena, body, YT_STR("result"), YT_ARRAY) == NULL)
		return nhsa->review_ms; /* no memory for the stand-in: a refusal it is */
	instead->head = head;
	instead->body = body;
	instead->code = YT_STR("0");
	instead->outcome = YT_DONE;
	return nhsa->review_ms;
}
