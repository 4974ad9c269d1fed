/* core/engine/work.c - one request at this worker: how it begins, what it waits for, how its origin hears.
 *
 * Called by asking.c, leg.c and engine.c, which decide; here is what they have in common. */
#include <stdlib.h>

#include "engine/work.h"

enum { BUF_KEPT = 1 << 15 }; /* bytes; a larger buffer is given back */

static void make_trace(struct engine *e, char trace[9])
{
	static const char letters[] = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"; /* can be read out loud */
	uint8_t random[8];
	size_t i;

	e->world.random(e->world.ctx, random, sizeof(random));
	for (i = 0; i < 8; i++)
		trace[i] = letters[random[i] & 31];
	trace[8] = 0;
}

static void take_memory(struct engine *e, struct work *w)
{
	struct work_memory memory = { 0 };

	if (e->n_spare_memory > 0)
		memory = e->spare_memory[--e->n_spare_memory];
	else
		memory.arena = engine_arena(e);
	w->arena = memory.arena;
	w->sent = memory.sent;
	w->reply = memory.reply;
	w->ending = memory.ending;
}

uint64_t work_next_id(const struct engine *e)
{
	return (uint64_t)e->incarnation << 32 | (uint32_t)(e->counter + 1);
}

uint64_t engine_next_id(const struct engine *e)
{
	return work_next_id(e);
}

bool engine_is_poison(const struct engine *e, struct yt_str octets)
{
	return e->world.quarantined(e->world.ctx, octets);
}

uint64_t work_take_id(struct engine *e)
{
	uint64_t id = work_next_id(e);

	e->counter++;
	return id;
}

struct work *work_new(struct engine *e, const struct engine_request *r)
{
	struct work *w = calloc(1, sizeof(*w));

	YT_REQUIRE(w != NULL);
	take_memory(e, w);
	w->id = work_take_id(e);
	w->token = r->token;
	w->msg = w->outward = yt_msg_new(w->arena);
	YT_REQUIRE(w->msg != NULL);
	w->codec = r->codec;
	w->listener = r->listener;
	w->begun_mono = engine_mono(e);
	if (trace_from(r->headers, r->n_headers, w->trace_id))
		trace_letters(w->trace_id, w->trace);
	else
		make_trace(e, w->trace);
	HASH_ADD(hh_id, e->by_id, id, sizeof(w->id), w);
	HASH_ADD(hh_token, e->by_token, token, sizeof(w->token), w);
	return w;
}

void work_forget_token(struct engine *e, struct work *w)
{
	if (w->token != 0)
		HASH_DELETE(hh_token, e->by_token, w);
	w->token = 0;
}

void work_forget_seq(struct engine *e, struct work *w)
{
	if (w->seq != 0)
		HASH_DELETE(hh_seq, e->by_seq, w);
	w->seq = 0;
}

void work_await(struct engine *e, struct work *w, uint64_t seq)
{
	work_forget_seq(e, w);
	w->seq = seq;
	HASH_ADD(hh_seq, e->by_seq, seq, sizeof(w->seq), w);
}

static void empty(struct yt_buf *buf)
{
	if (buf->cap > BUF_KEPT)
		yt_buf_free(buf);
	else
		yt_buf_clear(buf);
}

static void free_memory(struct engine *e, struct work_memory *memory)
{
	engine_arena_back(e, memory->arena);
	yt_buf_free(&memory->sent);
	yt_buf_free(&memory->reply);
	yt_buf_free(&memory->ending);
}

static void give_memory_back(struct engine *e, struct work *w)
{
	struct work_memory memory = { w->arena, w->sent, w->reply, w->ending };

	if (e->n_spare_memory == WORK_MEMORIES) {
		free_memory(e, &memory);
		return;
	}
	yt_arena_reset(memory.arena);
	empty(&memory.sent);
	empty(&memory.reply);
	empty(&memory.ending);
	e->spare_memory[e->n_spare_memory++] = memory;
}

void work_free(struct engine *e, struct work *w)
{
	work_forget_token(e, w);
	work_forget_seq(e, w);
	HASH_DELETE(hh_id, e->by_id, w);
	call_free(w->call);
	if (w->row_arena != NULL)
		engine_arena_back(e, w->row_arena);
	give_memory_back(e, w);
	free(w);
}

void works_free_memory(struct engine *e)
{
	while (e->n_spare_memory > 0)
		free_memory(e, &e->spare_memory[--e->n_spare_memory]);
}

/* Whether its origin has an answer: result NULL, it was taken whole; "missed": surely not. */
void work_note_delivery(struct engine *e, uint64_t exchange, const char *result)
{
	struct yt_buf *buf = &e->records;
	size_t at = rec_begin(buf, REC_DELIVERED, REC_NOWAIT, exchange, engine_wall(e));

	rec_str(buf, REC_T_RESULT, yt_str(result));
	rec_end(buf, at);
	engine_submit_records(e, UP_NOTE, exchange);
}

/* Hands the octets to the connection; the work ends when they are taken, or now when nobody waits. */
void work_give(struct engine *e, struct work *w, struct yt_str octets)
{
	uint64_t token = w->token;

	if (token != 0 && e->world.told != NULL)
		e->world.told(e->world.ctx, w->listener, w->msg->op, octets.n != 0, engine_mono(e) - w->begun_mono);
	if (octets.n == 0 && token != 0) { /* it could not be written: silence is no lie */
		e->world.drop(e->world.ctx, token);
		work_forget_token(e, w);
		token = 0;
	} else {
		e->counts.answered++;
	}
	if (token == 0) {
		if (w->is_final && w->msg->op->is_settlement)
			work_note_delivery(e, w->follows, "missed");
		work_free(e, w);
		return;
	}
	w->state = WORK_FLUSHING;
	if (e->world.verdict != NULL)
		e->world.verdict(e->world.ctx, token, w->told, w->told_text);
	if (whole_answer(e, w, octets))
		return;
	e->world.drop(e->world.ctx, token); /* silence is no lie: it asks again */
	if (w->is_final && w->msg->op->is_settlement)
		work_note_delivery(e, w->follows, "missed");
	work_free(e, w);
}

static void give_written(struct engine *e, struct call *c)
{
	work_give(e, c->w, yt_buf_view(&c->w->reply));
}

/* A refusal that is kept nowhere: the same may come again under its number. */
static bool is_for_now(const struct yt_reply *reply)
{
	return reply->own_text == TEXT_BUSY || reply->own_text == TEXT_NOT_ACCEPTED || reply->own_text == TEXT_NOT_NOW;
}

/* An answer that nothing in the journal depends on. */
void work_give_reply(struct engine *e, struct work *w, struct yt_reply *reply)
{
	struct call c = call_encode_reply(e, &w->codec, w->msg, reply, w->id, w->request, &w->reply);

	w->state = WORK_GIVING;
	w->told = is_for_now(reply) ? YT_UNKNOWN : reply->outcome;
	w->told_text = reply->text;
	w->is_final = false;
	w->is_file = reply->raw.n > 0;
	c.w = w;
	c.then = give_written;
	call_begin(e, &c);
}

/* Refused before anything was sent: noted, not waited for. */
void work_refuse(struct engine *e, struct work *w, enum text_id id, struct yt_str detail)
{
	struct yt_reply *reply = engine_refusal(w->arena, id, detail, w->trace);
	struct yt_str reason = text_english(w->arena, id, detail);

	if (w->msg->refusal.n != 0)
		reply->code = w->msg->refusal;
	e->counts.refused++;
	if (yt_pace(&e->refusals, engine_mono(e), "engine", "refusals"))
		yt_log(YT_INFO, "engine", "exchange %016llx: refused, trace %s: %.*s", (unsigned long long)w->id,
		        w->trace, YT_FMT(reason));
	written_refused(&e->records, e, w, reply, reason);
	engine_submit_records(e, UP_NOTE, w->id);
	work_give_reply(e, w, reply);
}
