/* core/engine/outbox.c - messages to the keeper, in order; those that find the ring full wait here.
 *
 * Called by all of the engine.  What no ring can ever hold must not stand before the rest for good: it is said
 * with less, first without the octets that came back, then without what they told. */
#include <stdlib.h>
#include <utlist.h>

#include "engine/work.h"

enum { RECORDS_KEPT = 1 << 18 };

uint64_t engine_submit(struct engine *e, enum talk_kind kind, uint64_t exchange, struct yt_str payload)
{
	struct talk talk = { .seq = ++e->seq, .exchange = exchange, .kind = kind, .payload = payload };
	struct outgoing *o;
	int rv = YT_ENOSPC;

	if (e->outbox == NULL && (rv = e->world.submit(e->world.ctx, &talk)) == 0)
		return talk.seq;
	if (rv != YT_ELIMIT && kind == UP_NOTE &&
	        rec_may_be_lost(payload)) { /* it would grow without end while a disk is full */
		e->counts.dropped++;
		return talk.seq;
	}
	o = calloc(1, sizeof(*o));
	YT_REQUIRE(o != NULL);
	yt_buf_str(&o->payload, payload);
	YT_REQUIRE(!o->payload.failed);
	o->talk = talk;
	o->talk.payload = yt_buf_view(&o->payload);
	DL_APPEND(e->outbox, o);
	return talk.seq;
}

uint64_t engine_submit_records(struct engine *e, enum talk_kind kind, uint64_t exchange)
{
	uint64_t seq;

	YT_REQUIRE(!e->records.failed);
	seq = engine_submit(e, kind, exchange, yt_buf_view(&e->records));
	if (e->records.cap > RECORDS_KEPT)
		yt_buf_free(&e->records);
	yt_buf_clear(&e->records);
	return seq;
}

/* The same records, but for the octets that came back. */
static void without_received(struct yt_buf *out, struct yt_str records)
{
	struct rec_field field;
	struct rec rec;
	size_t used, at, pos;

	for (; rec_read(records, &rec, &used) == 0; records.p += used, records.n -= used) {
		at = rec_begin(out, rec.type, rec.flags, rec.exchange, rec.wall_ms);
		for (pos = 0; rec_next(&rec, &pos, &field);) {
			if (field.tag != REC_T_RECEIVED)
				rec_bytes(out, (enum rec_tag)field.tag, field.value.p, field.value.n);
		}
		rec_end(out, at);
	}
}

static void unknown_outcome(struct yt_buf *out, struct engine *e, uint64_t exchange)
{
	struct yt_reply unknown = { .outcome = YT_UNKNOWN,
		.text = YT_STR("the answer is too large for the ring (ring_mib)") };

	written_outcome(out, e, exchange, REC_LEG_MAIN, &unknown, (struct yt_str){ 0 }, 0, 0);
}

/* False: nothing of it can be said. */
static bool say_less(struct engine *e, struct outgoing *o)
{
	struct yt_buf less = { 0 };

	if (o->said_less == 0)
		without_received(&less, o->talk.payload);
	else if (o->talk.kind == UP_END && o->said_less == 1)
		unknown_outcome(&less, e, o->talk.exchange);
	else if (o->talk.kind == UP_RETURN && o->said_less == 1)
		written_parked(&less, e, o->talk.exchange, "what was found out is too large for the ring (ring_mib)");
	else
		return false;
	o->said_less++;
	YT_REQUIRE(!less.failed);
	yt_buf_free(&o->payload);
	o->payload = less;
	o->talk.payload = yt_buf_view(&o->payload);
	return true;
}

/* Nothing of it can be said: who waits for its verdict must not wait for good. */
static void give_up(struct engine *e, const struct outgoing *o)
{
	struct task *t;

	HASH_FIND(hh_seq, e->tasks_by_seq, &o->talk.seq, sizeof(o->talk.seq), t);
	if (t != NULL)
		task_park(e, t, "what is to be sent is too large for the ring (ring_mib)");
	else if (o->talk.kind == UP_BEGIN)
		engine_cannot_ask(e, o->talk.seq);
}

void engine_empty_outbox(struct engine *e)
{
	struct outgoing *o;
	int rv;

	while ((o = e->outbox) != NULL) {
		rv = e->world.submit(e->world.ctx, &o->talk);
		if (rv == YT_ELIMIT) {
			yt_log(YT_ERROR, "engine",
			        "exchange %016llx: %zu bytes for the keeper are more than a ring holds; raise "
			        "limits.ring_mib",
			        (unsigned long long)o->talk.exchange, o->talk.payload.n);
			if (say_less(e, o))
				continue;
		} else if (rv != 0) {
			return;
		}
		DL_DELETE(e->outbox, o);
		if (rv == YT_ELIMIT)
			give_up(e, o);
		yt_buf_free(&o->payload);
		free(o);
	}
}
