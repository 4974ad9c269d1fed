/* core/message/message.c - makes the empty canonical message and answer that a codec fills. */
#include "yitong/message.h"

struct yt_msg *yt_msg_new(struct yt_arena *arena)
{
	struct yt_msg *msg = yt_arena_alloc(arena, sizeof(*msg));

	if (msg == NULL)
		return NULL;
	msg->arena = arena;
	msg->op = yt_op(YT_OP_UNREAD);
	return msg;
}

struct yt_reply *yt_reply_new(struct yt_arena *arena)
{
	struct yt_reply *reply = yt_arena_alloc(arena, sizeof(*reply));

	if (reply == NULL)
		return NULL;
	reply->arena = arena;
	reply->outcome = YT_UNKNOWN; /* until something proves otherwise (P3) */
	return reply;
}
