/* core/engine/codec.c - what stands around every call of a codec's function, and the words of our own answers.
 *
 * Called by asking.c, leg.c, call.c, resolve.c and session.c; also keeps the arenas that their messages live in. */
#include "engine/work.h"

struct yt_arena *engine_arena(struct engine *e)
{
	struct yt_arena *arena = e->n_spare > 0 ? e->spare[--e->n_spare] : yt_arena_new(e->conf.message_bytes);

	YT_REQUIRE(arena != NULL);
	return arena;
}

void engine_arena_back(struct engine *e, struct yt_arena *arena)
{
	if (e->n_spare < sizeof(e->spare) / sizeof(e->spare[0])) {
		yt_arena_reset(arena);
		e->spare[e->n_spare++] = arena;
	} else {
		yt_arena_free(arena);
	}
}

const struct yt_wire_op *codec_wire_op(const struct engine_codec *codec, struct yt_str wire)
{
	const struct yt_wire_op *op;

	for (op = codec->api->ops; op->wire != NULL; op++) {
		if (yt_str_is(wire, op->wire))
			return op;
	}
	return NULL;
}

void engine_box(
        struct engine *e, const struct engine_codec *codec, const char *what, uint64_t exchange, struct yt_str octets)
{
	e->world.box(e->world.ctx, codec->api->name, what, exchange, octets);
}

void engine_unbox(struct engine *e)
{
	e->world.box(e->world.ctx, NULL, NULL, 0, (struct yt_str){ 0 });
}

bool engine_is_stopped(const struct engine *e, const struct engine_party *party)
{
	return e->world.stopped != NULL && e->world.stopped(e->world.ctx, party);
}

void engine_send(struct engine *e, const struct engine_party *party, uint64_t leg, uint64_t exchange,
        struct yt_str request, struct yt_str wire_op, struct yt_str body, int64_t deadline_ms)
{
	engine_box(e, &party->codec, "sign", exchange, request);
	e->world.send(e->world.ctx, party, leg, wire_op, body, deadline_ms);
	engine_unbox(e);
}

struct yt_reply *engine_refusal(struct yt_arena *arena, enum text_id id, struct yt_str detail, const char *trace)
{
	struct yt_reply *reply = yt_reply_new(arena);

	YT_REQUIRE(reply != NULL);
	reply->outcome = YT_REFUSED;
	reply->code = YT_STR("-1");
	reply->own_text = (uint16_t)id;
	reply->text = text_make(arena, id, detail, trace);
	return reply;
}

struct yt_str engine_number(struct yt_arena *arena, struct yt_str institution, int64_t second, uint32_t serial)
{
	char time[15];

	yt_time_compact(second * 1000, time);
	return yt_arena_printf(arena, "%.*s%s%04u", YT_FMT(institution), time, (unsigned)serial);
}
