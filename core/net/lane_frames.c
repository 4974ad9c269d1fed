/* core/net/lane_frames.c - a lane's connection that speaks in frames: the party's format says where one ends.
 *
 * lane_link.c connects, sends and hands over what is to be read.  One request, then one frame: its answer (BUSY ->
 * IDLE). A connection that rests sends a heartbeat and carries no request until that is answered (IDLE -> BEAT ->
 * IDLE). Nothing in a frame says what it answers, only that it is the next one.  So whatever else comes, and whatever
 * comes too late, ends the connection: what was asked on it may have had its effect, and no later request can be given
 * an answer that was not its own. */
#include "net/lane_parts.h"

enum {
	READ_BYTES = 16 * 1024,
	AROUND_BYTES = 64 /* of a frame that are not its message, as much as a format may need */
};

static void give_up(struct link *link, const char *why)
{
	struct lane *lane = link->lane;

	yt_log(YT_WARN, "net", "%s: connection is closed: %s", lane->name, why);
	link_close(link, why);
	lane_dispatch(lane);
}

static void take_answer(struct link *link, const struct yt_frame *frame)
{
	struct lane_result result = { .end = LANE_ANSWERED, .body = frame->message, .why = "answered" };
	struct yt_buf kept = link->frame;

	link->frame = (struct yt_buf){ 0 }; /* done() may send on it */
	link_answered(link, &result, frame->used < kept.n);
	yt_buf_free(&kept);
}

/* What is wrong with a whole frame; NULL: it is what was awaited. */
static const char *trouble(const struct link *link, const struct yt_frame *frame)
{
	if (frame->used == 0 || frame->used > link->frame.n)
		return "its format lost its place"; /* a plugin at fault: no octet can be trusted any more */
	if (link->phase == BEAT && !frame->is_heartbeat)
		return "a heartbeat was answered by a message";
	if (link->phase == BEAT && (frame->used < link->frame.n || wire_has_input(&link->wire)))
		return "more came than the answer to a heartbeat";
	if (link->phase == BUSY && frame->is_heartbeat)
		return "a heartbeat came instead of an answer";
	if (frame->message.n > link->lane->conf.response_bytes)
		return "answer is too large";
	return NULL;
}

static void judge(struct link *link)
{
	const struct lane_conf *conf = &link->lane->conf;
	struct yt_frame frame = { .used = 0 };
	int rv = conf->framing.next(
	        conf->framing.ctx, link->phase == BUSY ? link->id : 0, yt_buf_view(&link->frame), &frame);
	const char *why = rv == 0 ? trouble(link, &frame) : NULL;

	if (rv == YT_EAGAIN && frame.wants <= link->frame.n)
		why = "its format wants more, and no more than has come"; /* a plugin at fault: it would go on for ever
		                                                           */
	else if (rv == YT_EAGAIN && frame.wants <= (size_t)conf->response_bytes + AROUND_BYTES)
		return;
	else if (rv == YT_EAGAIN || rv == YT_ELIMIT)
		why = "answer is too large";
	else if (rv != 0)
		why = "answer is no frame";
	if (why != NULL) {
		give_up(link, why);
	} else if (link->phase == BUSY) {
		take_answer(link, &frame);
	} else {
		yt_buf_free(&link->frame);
		link_idle(link);
		lane_dispatch(link->lane);
	}
}

bool link_read_frames(struct link *link)
{
	const size_t have = link->frame.n;
	uint8_t *room = yt_buf_room(&link->frame, READ_BYTES);
	ssize_t n;

	if (room == NULL) {
		give_up(link, "out of memory");
		return false;
	}
	n = wire_read(&link->wire, room, READ_BYTES);
	link->frame.n = have + (n > 0 ? (size_t)n : 0);
	if (n <= 0) {
		if (n != YT_EAGAIN)
			link_ended(link, n == 0);
		return false;
	}
	judge(link);
	return true;
}

bool link_is_to_beat(const struct link *link)
{
	const struct lane_conf *conf = &link->lane->conf;

	return lane_has_frames(link->lane) && !link->lane->drains && conf->framing.heartbeat_ms != 0 &&
	       conf->framing.heartbeat_ms < conf->idle_ms;
}

void link_beat(struct link *link)
{
	struct lane *lane = link->lane;

	if (link_is_stale(link)) {
		link_close(link, "closed while idle");
		return;
	}
	link->was_used = true;
	link_move(link, BEAT, lane_now_ms(lane) + lane->conf.framing.heartbeat_timeout_ms);
	if (wire_write(&link->wire, lane->heartbeat.p, lane->heartbeat.n) != 0)
		link_close(link, "connection broke while a heartbeat was written");
}
