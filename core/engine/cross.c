/* core/engine/cross.c - a request that goes to a party of another format: case facts, numbers, the message composed.
 *
 *   asking.c route() -> cross_begin()  asks the keeper for the facts of the case      WORK_FACTS
 *   DOWN_FACTS       -> cross_go()     composes the message for the party's format    as any other from here
 *   leg.c, flow.c    -> cross_keep_facts()  leaves behind what later messages need
 * Within one format nothing of this happens: the octets go on as they came. */
#include <string.h>

#include "engine/work.h"

bool cross_is_foreign(const struct engine_codec *codec, const struct engine_party *party)
{
	return strcmp(codec->api->name, party->codec.api->name) != 0;
}

/* Unique for ever: no incarnation is given twice, and no worker sends a million messages in one second. */
static uint64_t next_serial(struct engine *e)
{
	return (uint64_t)(e->incarnation % 10000) * 1000000 + ++e->numbers % 1000000;
}

struct yt_str cross_made_number(struct engine *e, struct yt_arena *arena, const struct engine_codec *codec,
        uint64_t exchange, struct yt_str request)
{
	struct yt_str number = { 0 };

	if (codec->api->make_number == NULL)
		return number;
	engine_box(e, codec, "make_number", exchange, request);
	(void)codec->api->make_number(codec->plugin, arena, engine_wall(e), next_serial(e), &number);
	engine_unbox(e);
	return number;
}

void cross_number(struct engine *e, struct yt_msg *msg, const struct engine_party *party, uint64_t exchange,
        struct yt_str request, struct yt_str institution, int64_t second, uint32_t serial)
{
	msg->own_number = cross_made_number(e, msg->arena, &party->codec, exchange, request);
	msg->wall_ms = engine_wall(e);
	if (msg->own_number.n != 0 || party->codec.api->sign_in_for == NULL)
		return;
	if (second == 0) { /* a query of another format's: nobody keeps its number, so it need not be durable */
		second = msg->wall_ms / 1000;
		serial = e->conf.serial_from +
		         (uint32_t)(next_serial(e) % (e->conf.serial_to - e->conf.serial_from + 1));
	}
	msg->number = engine_number(msg->arena, institution, second, serial);
}

struct yt_str cross_wire_number(const struct yt_msg *msg)
{
	return msg->own_number.n != 0 ? msg->own_number : msg->number;
}

struct yt_str cross_institution(const struct engine *e, struct yt_str code)
{
	const struct engine_institution *institution = e->conf.institution(e->conf.ctx, code);

	return institution != NULL ? yt_str(institution->code) : code;
}

void cross_name_institution(const struct engine *e, struct yt_str code, struct yt_msg *made)
{
	const struct engine_institution *institution = e->conf.institution(e->conf.ctx, code);
	struct yt_node *data = yt_node_get(made->body, "data");

	if (institution == NULL || data == NULL)
		return;
	yt_node_set_text(made->arena, data, "fixmedins_name", yt_str(institution->name));
	if (institution->level != NULL)
		yt_node_set_text(made->arena, data, "hosp_lv", yt_str(institution->level));
}

/* -- facts -------------------------------------------------------------------------------------- */

static void add_keys(struct yt_buf *out, struct engine *e, const struct yt_msg *msg, const struct yt_reply *reply)
{
	const struct yt_node *base = reply == NULL ? NULL : yt_node_get(reply->body, "baseinfo");
	struct yt_str number = msg->person.n != 0 ? msg->person : yt_node_text(base, "psn_no");
	struct yt_msg named = *msg; /* one case, whichever of its institution's codes a message has */
	char keys[FACTS_KEYS_MAX][FACTS_KEY_MAX];
	uint8_t person[16] = { 0 };
	unsigned n;

	named.institution = cross_institution(e, msg->institution);
	n = facts_keys(&named, reply, person, keys);
	/* What is of a visit is kept under the visit alone: a person has many. */
	if (reply != NULL && msg->op->id != YT_OP_PERSON_CHECK && n > 0) {
		n = 1;
	} else if (number.n != 0) {
		e->world.person(e->world.ctx, number, person);
		n = facts_keys(&named, reply, person, keys);
	}
	for (unsigned i = 0; i < n; i++)
		rec_str(out, REC_T_CASE, yt_str(keys[i]));
}

uint64_t cross_ask_facts(struct engine *e, uint64_t exchange, const struct yt_msg *msg)
{
	return cross_ask_facts_and(e, exchange, msg, NULL, 0);
}

uint64_t cross_ask_facts_and(
        struct engine *e, uint64_t exchange, const struct yt_msg *msg, char keys[][FACTS_KEY_MAX], unsigned n_keys)
{
	size_t at = rec_begin(&e->records, REC_FACTS, REC_NOWAIT, exchange, engine_wall(e));

	add_keys(&e->records, e, msg, NULL);
	for (unsigned i = 0; i < n_keys; i++)
		rec_str(&e->records, REC_T_CASE, yt_str(keys[i]));
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

void cross_keep_facts(
        struct yt_buf *out, struct engine *e, uint64_t exchange, const struct yt_msg *msg, const struct yt_reply *reply)
{
	struct yt_node *piece = cross_keeps_facts(e, msg, reply) ? facts_piece(msg->arena, msg, reply) : NULL;

	if (piece != NULL)
		cross_write_facts(out, e, exchange, msg, reply, piece);
}

/* -- one request -------------------------------------------------------------------------------- */

void cross_begin(struct engine *e, struct work *w)
{
	if (pay_is_asked(w->msg)) {
		pay_ask(e, w);
		return;
	}
	w->state = WORK_FACTS;
	work_await(e, w, cross_ask_facts(e, w->id, w->msg));
}

void cross_go(struct engine *e, struct work *w, const struct talk *talk)
{
	struct yt_msg *composed = NULL;
	struct facts facts;

	if (pay_is_asked(w->msg)) {
		pay_tell(e, w, talk);
		return;
	}
	work_forget_seq(e, w);
	if (cross_facts(w->arena, talk, w->msg, &facts) == 0)
		composed = facts_compose(&facts, w->msg, w->msg->op);
	if (composed == NULL) {
		work_refuse(e, w, TEXT_NOT_ACCEPTED, (struct yt_str){ 0 });
		return;
	}
	if (composed->op->changes_state &&
	        w->party->codec.api->make_number == NULL) { /* it would need a number that is durable first */
		work_refuse(e, w, TEXT_NO_ROUTE, (struct yt_str){ 0 });
		return;
	}
	cross_number(e, composed, w->party, w->id, w->request, w->msg->institution, 0, 0);
	composed->institution = cross_institution(e, w->msg->institution);
	composed->sign_no = (struct yt_str){ 0 };
	composed->wire_op = undo_wire_op(&w->party->codec, composed->op->id); /* its number is another one there */
	w->outward = composed;
	asking_go(e, w);
}

/* The hub's number of a visit stands for the one its hospital knows. */
void cross_give_back(const struct yt_msg *msg, struct yt_reply *reply)
{
	static const char *const nodes[] = { "setlinfo", "data", "result" };

	if (reply->outcome != YT_DONE || msg->visit.n == 0)
		return;
	reply->visit = msg->visit;
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		struct yt_node *node = yt_node_get(reply->body, nodes[i]);

		if (node != NULL && node->kind == YT_OBJECT && yt_node_get(node, "mdtrt_id") != NULL)
			yt_node_set_text(reply->arena, node, "mdtrt_id", msg->visit);
	}
}

void cross_read_back(struct engine *e, struct task *t, const struct engine_party *party, struct yt_str octets,
        unsigned step, void (*then)(struct engine *e, struct call *c))
{
	struct yt_msg *msg = yt_msg_new(t->arena);
	struct call c = call_decode_request(&party->codec, msg, t->id, octets);

	c.t = t;
	c.step = step;
	c.then = then;
	c.rv = msg == NULL ? YT_ENOMEM : octets.n == 0 ? YT_ENOTFOUND : 0;
	if (c.rv != 0) {
		then(e, &c);
		return;
	}
	msg->sent = octets; /* ours: it is addressed to another */
	call_begin(e, &c);
}

struct yt_msg *cross_was_read(const struct call *c)
{
	if (c->rv != 0)
		return NULL;
	c->msg->sent = c->job.octets;
	return c->msg;
}
