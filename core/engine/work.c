/* core/engine/work.c - one request at this worker: how it begins, what it waits for, how its origin hears.
 *
 * Called by asking.c, leg.c and engine.c, which decide; here is what they have in common. */
#include <stdlib.h>

#include "engine/work.h"

/* A settlement takes some 40 KB, arena and buffers together; what is kept for the next ones is a few MB at most. */
enum { SPARE_WORKS = 128, BUF_KEPT = 1 << 15 };

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

/* One with its buffers and arena empty and all else zero. */
static struct work *take_spare(struct engine *e)
{
	struct work *w = e->spare_works;

	if (w == NULL) {
		w = calloc(1, sizeof(*w));
		YT_REQUIRE(w != NULL);
		w->arena = engine_arena(e);
		return w;
	}
	e->spare_works = w->next_spare;
	e->n_spare_works--;
	w->next_spare = NULL;
	return w;
}

struct work *work_new(struct engine *e, const struct engine_request *r)
{
	struct work *w = take_spare(e);

	w->id = (uint64_t)e->incarnation << 32 | ++e->counter;
	w->token = r->token;
	w->msg = w->outward = yt_msg_new(w->arena);
	w->codec = r->codec;
	w->listener = r->listener;
	w->begun_mono = engine_mono(e);
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

static void free_memory(struct engine *e, struct work *w)
{
	engine_arena_back(e, w->arena);
	yt_buf_free(&w->sent);
	yt_buf_free(&w->reply);
	yt_buf_free(&w->ending);
	free(w);
}

void work_free(struct engine *e, struct work *w)
{
	work_forget_token(e, w);
	work_forget_seq(e, w);
	HASH_DELETE(hh_id, e->by_id, w);
	if (e->n_spare_works == SPARE_WORKS) {
		free_memory(e, w);
		return;
	}
	yt_arena_reset(w->arena);
	empty(&w->sent);
	empty(&w->reply);
	empty(&w->ending);
	*w = (struct work){ .arena = w->arena, .sent = w->sent, .reply = w->reply, .ending = w->ending,
		.next_spare = e->spare_works };
	e->spare_works = w;
	e->n_spare_works++;
}

void works_free_spare(struct engine *e)
{
	struct work *w;

	while ((w = e->spare_works) != NULL) {
		e->spare_works = w->next_spare;
		free_memory(e, w);
	}
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
	e->world.answer(e->world.ctx, token, 200, w->codec.api->content_type, octets);
}

/* An answer that nothing in the journal depends on. */
void work_give_reply(struct engine *e, struct work *w, struct yt_reply *reply)
{
	(void)engine_encode_reply(e, &w->codec, w->msg, reply, w->id, w->request, &w->reply);
	w->is_final = false;
	work_give(e, w, yt_buf_view(&w->reply));
}

/* Refused before anything was sent: noted, not waited for. */
void work_refuse(struct engine *e, struct work *w, enum text_id id, struct yt_str detail)
{
	struct yt_reply *reply = engine_refusal(w->arena, id, detail, w->trace);
	struct yt_str reason = text_english(w->arena, id, detail);

	e->counts.refused++;
	if (yt_pace(&e->refusals, engine_mono(e), "engine", "refusals"))
		yt_log(YT_INFO, "engine", "exchange %016llx: refused, trace %s: %.*s", (unsigned long long)w->id, w->trace,
			YT_FMT(reason));
	written_refused(&e->records, e, w, reply, reason);
	engine_submit_records(e, UP_NOTE, w->id);
	work_give_reply(e, w, reply);
}
