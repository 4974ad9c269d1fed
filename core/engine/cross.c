/* core/engine/cross.c - a request that goes to a party of another format: case facts, numbers, the message composed.
 *
 *   asking.c route() -> cross_begin()  asks the keeper for the facts of the case      WORK_FACTS
 *   DOWN_FACTS       -> cross_go()     composes the message for the party's format    as any other from here
 *   leg.c, flow.c    -> cross_keep_facts()  leaves behind what later messages need
 * Within one format nothing of this happens: the octets go on as they came. */
#include <stdio.h>
#include <string.h>

#include "engine/work.h"

bool cross_is_foreign(const struct engine_codec *codec, const struct engine_party *party)
{
	return strcmp(codec->api->name, party->codec.api->name) != 0;
}

/* Unique for ever: no incarnation is given twice, and no worker sends a million messages in one second.  A format puts
 * its own sender in front (crossprovince.md 7.2, transid: area, time, ten digits). */
static struct yt_str worker_number(struct engine *e, struct yt_arena *arena)
{
	char time[15];

	yt_time_compact(engine_wall(e), time);
	return yt_arena_printf(arena, "%s%04u%06u", time, (unsigned)(e->incarnation % 10000), (unsigned)(++e->numbers % 1000000));
}

struct yt_str cross_number(struct engine *e, struct yt_arena *arena, const struct engine_party *party,
	struct yt_str institution, int64_t second, uint32_t serial)
{
	if (party->codec.api->sign_in_for == NULL)
		return worker_number(e, arena);
	return engine_number(arena, institution, second, serial);
}

/* -- facts -------------------------------------------------------------------------------------- */

static void add_keys(struct yt_buf *out, struct engine *e, const struct yt_msg *msg, const struct yt_reply *reply)
{
	const struct yt_node *base = reply == NULL ? NULL : yt_node_get(reply->body, "baseinfo");
	struct yt_str number = msg->person.n != 0 ? msg->person : yt_node_text(base, "psn_no");
	char keys[FACTS_KEYS_MAX][FACTS_KEY_MAX];
	uint8_t person[16] = { 0 };
	unsigned n;

	if (number.n != 0)
		e->world.person(e->world.ctx, number, person);
	n = facts_keys(msg, reply, person, keys);
	/* What is of a visit is kept under the visit alone: a person has many. */
	if (reply != NULL && msg->op->id != YT_OP_PERSON_CHECK && n > 1)
		n = 1;
	for (unsigned i = 0; i < n; i++)
		rec_str(out, REC_T_CASE, yt_str(keys[i]));
}

uint64_t cross_ask_facts(struct engine *e, uint64_t exchange, const struct yt_msg *msg)
{
	size_t at = rec_begin(&e->records, REC_FACTS, REC_NOWAIT, exchange, engine_wall(e));

	add_keys(&e->records, e, msg, NULL);
	rec_end(&e->records, at);
	return engine_submit_records(e, UP_FACTS, exchange);
}

int cross_facts(struct yt_arena *arena, const struct talk *talk, const struct yt_msg *msg, struct facts *facts)
{
	struct yt_str rest = talk->payload, json;
	struct rec rec;
	size_t used;
	int rv;

	facts_begin(facts, arena);
	for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used) {
		json = yt_arena_copy(arena, rec_get(&rec, REC_T_FACTS));
		rv = json.p == NULL ? YT_ENOMEM : facts_read(facts, json);
		if (rv != 0)
			return rv;
	}
	return facts_gather(facts, msg);
}

/* The area of insurance that a message or its answer names. */
static struct yt_str insured_area(const struct yt_msg *msg, const struct yt_reply *reply)
{
	const struct yt_node *rows = yt_node_get(reply->body, "insuinfo");

	if (msg->insured_area.n != 0)
		return msg->insured_area;
	return yt_node_text(rows != NULL && rows->kind == YT_ARRAY ? rows->child : rows, "insuplc_admdvs");
}

bool cross_keeps_facts(const struct engine *e, const struct yt_msg *msg, const struct yt_reply *reply)
{
	return e->conf.keeps_facts != NULL && reply->outcome == YT_DONE &&
		e->conf.keeps_facts(e->conf.ctx, msg, insured_area(msg, reply));
}

void cross_write_facts(struct yt_buf *out, struct engine *e, uint64_t exchange, const struct yt_msg *msg,
	const struct yt_reply *reply, const struct yt_node *pieces)
{
	struct yt_buf json = { 0 };
	size_t at;

	yt_json_write(pieces, &json);
	if (!json.failed && json.n <= FACTS_BYTES_MAX / 2) {
		at = rec_begin(out, REC_FACTS, REC_NOWAIT, exchange, engine_wall(e));
		add_keys(out, e, msg, reply);
		rec_str(out, REC_T_FACTS, yt_buf_view(&json));
		rec_end(out, at);
	}
	yt_buf_free(&json);
}

void cross_keep_facts(struct yt_buf *out, struct engine *e, uint64_t exchange, const struct yt_msg *msg,
	const struct yt_reply *reply)
{
	struct yt_node *piece = cross_keeps_facts(e, msg, reply) ? facts_piece(msg->arena, msg, reply) : NULL;

	if (piece != NULL)
		cross_write_facts(out, e, exchange, msg, reply, piece);
}

/* -- one request -------------------------------------------------------------------------------- */

void cross_begin(struct engine *e, struct work *w)
{
	w->state = WORK_FACTS;
	work_await(e, w, cross_ask_facts(e, w->id, w->msg));
}

/* The composed message's own head: our number, our time; what the institution said stays. */
static void make_own(struct engine *e, struct work *w)
{
	char now[20];

	yt_time_print(engine_wall(e), now);
	w->outward->number = worker_number(e, w->arena);
	w->outward->time = yt_arena_copy(w->arena, yt_str(now));
	w->outward->sign_no = (struct yt_str){ 0 };
}

void cross_go(struct engine *e, struct work *w, const struct talk *talk)
{
	struct yt_msg *composed = NULL;
	struct facts facts;

	work_forget_seq(e, w);
	if (cross_facts(w->arena, talk, w->msg, &facts) == 0)
		composed = facts_compose(&facts, w->msg, NULL, w->msg->op);
	if (composed == NULL) {
		work_refuse(e, w, TEXT_NOT_ACCEPTED, (struct yt_str){ 0 });
		return;
	}
	w->outward = composed;
	make_own(e, w);
	asking_go(e, w);
}

struct yt_msg *cross_read_back(struct engine *e, struct yt_arena *arena, const struct engine_party *party,
	uint64_t exchange, struct yt_str octets)
{
	struct yt_msg *msg = yt_msg_new(arena);
	struct yt_fault fault;
	int rv;

	if (msg == NULL || octets.n == 0)
		return NULL;
	msg->sent = octets; /* ours: it is addressed to another */
	engine_box(e, &party->codec, "decode_request", exchange, octets);
	rv = party->codec.api->decode_request(party->codec.plugin, octets, msg, &fault);
	engine_unbox(e);
	return rv == 0 ? msg : NULL;
}
