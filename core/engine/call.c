/* core/engine/call.c - one call of a codec's function, here or in another thread, and what goes on after it.
 *
 * A format that signs its messages takes milliseconds (yt_codec_api.is_slow), in which this worker's loop is to serve
 * others.  asking.c, leg.c, work.c, resolve.c and flow.c fill a struct call in and give it to call_begin():
 *  - a codec that is not slow is called at once, on the caller's stack, and c->then() goes on from there
 *  - a slow one's call becomes a job of the world's (engine.h), and c->then() goes on in engine_coded()
 * Meanwhile the request or lease is nobody's but the job's: w->call or t->call stands, what the keeper says about it is
 * kept until it is back (engine.c), and nothing frees it. */
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#include "base/arena_guard.h"
#include "engine/work.h"

static const char *const names[] = { [CALL_DECODE_REQUEST] = "decode_request",
	[CALL_ENCODE_REQUEST] = "encode_request",
	[CALL_DECODE_REPLY] = "decode_reply",
	[CALL_ENCODE_REPLY] = "encode_reply",
	[CALL_REPEAT_REPLY] = "repeat_reply" };

/* -- what is called ------------------------------------------------------------------------------- */

static struct call call_of(const struct engine_codec *codec, enum call_function function, uint64_t exchange,
        struct yt_str octets, struct yt_msg *msg)
{
	return (struct call){
		.job = { .codec = *codec, .what = names[function], .exchange = exchange, .octets = octets },
		.function = function,
		.msg = msg
	};
}

struct call call_decode_request(
        const struct engine_codec *codec, struct yt_msg *msg, uint64_t exchange, struct yt_str octets)
{
	return call_of(codec, CALL_DECODE_REQUEST, exchange, octets, msg);
}

struct call call_encode_request(const struct engine_codec *codec, struct yt_msg *msg, uint64_t exchange,
        struct yt_str request, struct yt_buf *out)
{
	struct call c = call_of(codec, CALL_ENCODE_REQUEST, exchange, request, msg);

	c.out = out;
	return c;
}

struct call call_decode_reply(const struct engine_codec *codec, struct yt_msg *msg, uint64_t exchange, int status,
        struct yt_str octets, struct yt_reply *reply)
{
	struct call c = call_of(codec, CALL_DECODE_REPLY, exchange, octets, msg);

	c.status = status;
	c.reply = reply;
	return c;
}

/* A receiver's number of our own: area (6), time (14), serial (10), as nhsa.md 1.3 has it. */
static struct yt_str own_reference(const struct yt_msg *msg, uint64_t exchange, int64_t wall_ms)
{
	struct yt_str area = msg->treatment_area.n == 6 ? msg->treatment_area : YT_STR("000000");
	char time[15];

	yt_time_compact(wall_ms, time);
	return yt_arena_printf(
	        msg->arena, "%.*s%s%010llu", YT_FMT(area), time, (unsigned long long)(exchange % 10000000000u));
}

struct call call_encode_reply(struct engine *e, const struct engine_codec *codec, struct yt_msg *msg,
        struct yt_reply *reply, uint64_t exchange, struct yt_str request, struct yt_buf *out)
{
	struct call c = call_of(codec, CALL_ENCODE_REPLY, exchange, request, msg);

	if (reply->wall_ms == 0)
		reply->wall_ms = engine_wall(e);
	if (reply->number.n == 0)
		reply->number = own_reference(msg, exchange, reply->wall_ms);
	if (reply->own_number.n == 0)
		reply->own_number = cross_made_number(e, msg->arena, codec, exchange, request);
	c.reply = reply;
	c.out = out;
	if (out != NULL)
		yt_buf_clear(out);
	return c;
}

struct call call_repeat_reply(struct engine *e, struct work *w, struct yt_str stored)
{
	struct call c = call_of(&w->codec, CALL_REPEAT_REPLY, w->id, w->request, w->msg);

	c.number = cross_made_number(e, w->arena, &w->codec, w->id, w->request);
	c.wall_ms = engine_wall(e);
	c.stored = stored;
	c.out = &w->reply;
	yt_buf_clear(&w->reply);
	return c;
}

/* -- calling --------------------------------------------------------------------------------------- */

/* No octets can tell it, but its outcome stands all the same. */
static void cannot_be_written(struct call *c, struct yt_buf *out)
{
	yt_buf_clear(out);
	yt_log(YT_ERROR, "engine", "exchange %016llx: its answer cannot be written in format %s: %s",
	        (unsigned long long)c->job.exchange, c->job.codec.api->name, yt_strerror(c->rv));
}

#define ROOM_TO_ANSWER (1u << 20)

/* All that its trees may have is taken: there must be room to say so. */
static void is_too_large(struct call *c)
{
	arena_allow(c->msg->arena, ROOM_TO_ANSWER);
	snprintf(c->fault.path, sizeof(c->fault.path), "(message)");
	snprintf(c->fault.why, sizeof(c->fault.why),
	        "takes more memory than one of limits.body_kib may: raise that, or have it split");
}

/* In any thread: what it touches is this call's alone. */
static void run(struct call *c)
{
	const struct yt_codec_api *api = c->job.codec.api;
	struct yt_plugin *plugin = c->job.codec.plugin;
	struct yt_buf *out = c->out != NULL ? c->out : &c->own;

	switch (c->function) {
	case CALL_DECODE_REQUEST:
		c->rv = api->decode_request(
		        plugin, c->is_bare ? (struct yt_str){ "", 0 } : c->job.octets, c->msg, &c->fault);
		if (c->rv == YT_ENOMEM)
			is_too_large(c);
		return;
	case CALL_ENCODE_REQUEST:
		c->rv = api->encode_request(plugin, c->msg, out, &c->fault);
		break;
	case CALL_DECODE_REPLY:
		if (api->decode_reply(plugin, c->msg, c->status, c->job.octets, c->reply) != 0)
			c->reply->outcome = YT_UNKNOWN;
		c->reply->never_left = c->status == YT_FILE_NAME_TAKEN;
		return;
	case CALL_ENCODE_REPLY:
		c->rv = api->encode_reply(plugin, c->msg, c->reply, out);
		break;
	case CALL_REPEAT_REPLY:
		c->rv = api->repeat_reply(plugin, c->msg, c->stored, c->number, c->wall_ms, out);
		break;
	}
	if (c->rv == 0 && out->failed)
		c->rv = YT_ENOMEM;
	if (c->rv != 0 && c->function == CALL_ENCODE_REPLY)
		cannot_be_written(c, out);
}

void call_here(struct engine *e, struct call *c)
{
	engine_box(e, &c->job.codec, c->job.what, c->job.exchange, c->job.octets);
	run(c);
	engine_unbox(e);
}

bool call_is_slow(const struct engine *e, const struct engine_codec *codec)
{
	return codec->api->is_slow && e->world.run != NULL;
}

/* -- in another thread ----------------------------------------------------------------------------- */

void call_free(struct call *c)
{
	if (c == NULL)
		return;
	yt_buf_free(&c->own);
	free(c);
}

static struct call **place_of(struct call *c)
{
	return c->w != NULL ? &c->w->call : &c->t->call;
}

static void come_back(struct engine *e, struct call *c)
{
	*place_of(c) = NULL;
	c->then(e, c);
	call_free(c);
}

static void go_off(struct engine *e, const struct call *call)
{
	struct call *c = malloc(sizeof(*c));
	int rv;

	YT_REQUIRE(c != NULL);
	*c = *call;
	YT_REQUIRE(*place_of(c) == NULL);
	*place_of(c) = c;
	if (c->t != NULL)
		c->t->state = TASK_CODING;
	rv = e->world.run(e->world.ctx, &c->job);
	if (rv == 0)
		return; /* it is the thread's now: it may have run already */
	c->rv = rv;
	come_back(e, c);
}

void call_begin(struct engine *e, struct call *c)
{
	if (call_is_slow(e, &c->job.codec)) {
		go_off(e, c);
		return;
	}
	call_here(e, c);
	c->then(e, c);
	yt_buf_free(&c->own);
}

void engine_job_run(struct engine_job *job)
{
	run((struct call *)job);
}

void engine_coded(struct engine *e, struct engine_job *job)
{
	struct outgoing *o, *next, *held;

	come_back(e, (struct call *)job);
	held = e->held;
	e->held = NULL;
	DL_FOREACH_SAFE(held, o, next)
	{
		engine_talk(e, &o->talk); /* keeps it again if it is about another one that is out */
		yt_buf_free(&o->payload);
		free(o);
	}
}
