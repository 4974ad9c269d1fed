/* core/engine/engine.c - one request from the listener's hand to its answer; see engine.h for the flow.
 *
 * process/worker_process.c brings requests, legs and the keeper's verdicts.  A query's leg leaves at once and is
 * noted afterwards; a state-changing leg leaves only after the keeper said DOWN_ADMITTED (P1), and its
 * answer only after DOWN_DURABLE.  What ends without an answer is unknown and belongs to the keeper from
 * then on; here it only waits (WORK_WAITING) for as long as its origin does. */
#include "engine/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "engine/work.h"

#define ARENA_LIMIT (64u << 20) /* bytes one exchange's trees may take */

int64_t engine_mono(const struct engine *e)
{
	return e->world.mono_ms(e->world.ctx);
}

int64_t engine_wall(const struct engine *e)
{
	return e->world.wall_ms(e->world.ctx);
}

struct yt_arena *engine_arena(struct engine *e)
{
	struct yt_arena *arena = e->n_spare > 0 ? e->spare[--e->n_spare] : yt_arena_new(ARENA_LIMIT);

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

/* -- codecs ------------------------------------------------------------------------------------- */

const struct yt_wire_op *codec_wire_op(const struct engine_codec *codec, struct yt_str wire)
{
	const struct yt_wire_op *op;

	for (op = codec->api->ops; op->wire != NULL; op++) {
		if (yt_str_is(wire, op->wire))
			return op;
	}
	return NULL;
}

void engine_box(struct engine *e, const struct engine_codec *codec, const char *what, uint64_t exchange,
	struct yt_str octets)
{
	e->world.box(e->world.ctx, codec->api->name, what, exchange, octets);
}

void engine_unbox(struct engine *e)
{
	e->world.box(e->world.ctx, NULL, NULL, 0, (struct yt_str){ 0 });
}

void engine_decode_reply(struct engine *e, const struct engine_party *party, const struct yt_msg *msg, uint64_t exchange,
	int status, struct yt_str octets, struct yt_reply *reply)
{
	engine_box(e, &party->codec, "decode_reply", exchange, octets);
	if (party->codec.api->decode_reply(party->codec.plugin, msg, status, octets, reply) != 0)
		reply->outcome = YT_UNKNOWN;
	engine_unbox(e);
}

int engine_encode_request(struct engine *e, const struct engine_codec *codec, const struct yt_msg *msg, uint64_t exchange,
	struct yt_str request, struct yt_buf *out, struct yt_fault *fault)
{
	int rv;

	engine_box(e, codec, "encode_request", exchange, request);
	rv = codec->api->encode_request(codec->plugin, msg, out, fault);
	engine_unbox(e);
	return rv != 0 ? rv : out->failed ? YT_ENOMEM : 0;
}

/* A receiver's number of our own: area (6), time (14), serial (10), as nhsa.md 1.3 has it. */
static struct yt_str own_reference(const struct yt_msg *msg, uint64_t exchange, int64_t wall_ms)
{
	struct yt_str area = msg->treatment_area.n == 6 ? msg->treatment_area : YT_STR("000000");
	char time[15];

	yt_time_compact(wall_ms, time);
	return yt_arena_printf(msg->arena, "%.*s%s%010llu", YT_FMT(area), time,
		(unsigned long long)(exchange % 10000000000u));
}

int engine_encode_reply(struct engine *e, const struct engine_codec *codec, const struct yt_msg *msg,
	struct yt_reply *reply, uint64_t exchange, struct yt_str request, struct yt_buf *out)
{
	int rv;

	if (reply->wall_ms == 0)
		reply->wall_ms = engine_wall(e);
	if (reply->number.n == 0)
		reply->number = own_reference(msg, exchange, reply->wall_ms);
	yt_buf_clear(out);
	engine_box(e, codec, "encode_reply", exchange, request);
	rv = codec->api->encode_reply(codec->plugin, msg, reply, out);
	engine_unbox(e);
	if (rv == 0 && out->failed)
		rv = YT_ENOMEM;
	if (rv != 0) {
		yt_buf_clear(out);
		yt_log(YT_ERROR, "engine", "exchange %016llx: its answer cannot be written in format %s: %s",
			(unsigned long long)exchange, codec->api->name, yt_strerror(rv));
	}
	return rv;
}

struct yt_reply *engine_refusal(struct yt_arena *arena, enum text_id id, struct yt_str detail, const char *trace)
{
	struct yt_reply *reply = yt_reply_new(arena);

	YT_REQUIRE(reply != NULL);
	reply->outcome = YT_REFUSED;
	reply->code = YT_STR("-1");
	reply->text = text_make(arena, id, detail, trace);
	return reply;
}

struct yt_str engine_number(struct yt_arena *arena, struct yt_str institution, int64_t second, uint32_t serial)
{
	char time[15];

	yt_time_compact(second * 1000, time);
	return yt_arena_printf(arena, "%.*s%s%04u", YT_FMT(institution), time, (unsigned)serial);
}

/* -- one request -------------------------------------------------------------------------------- */

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

static struct work *work_new(struct engine *e, const struct engine_request *r)
{
	struct work *w = calloc(1, sizeof(*w));

	YT_REQUIRE(w != NULL);
	w->id = (uint64_t)e->incarnation << 32 | ++e->counter;
	w->token = r->token;
	w->arena = engine_arena(e);
	w->msg = yt_msg_new(w->arena);
	w->codec = r->codec;
	w->listener = r->listener;
	w->begun_mono = engine_mono(e);
	make_trace(e, w->trace);
	HASH_ADD(hh_id, e->by_id, id, sizeof(w->id), w);
	HASH_ADD(hh_token, e->by_token, token, sizeof(w->token), w);
	return w;
}

static void forget_token(struct engine *e, struct work *w)
{
	if (w->token != 0)
		HASH_DELETE(hh_token, e->by_token, w);
	w->token = 0;
}

static void forget_seq(struct engine *e, struct work *w)
{
	if (w->seq != 0)
		HASH_DELETE(hh_seq, e->by_seq, w);
	w->seq = 0;
}

static void await(struct engine *e, struct work *w, uint64_t seq)
{
	forget_seq(e, w);
	w->seq = seq;
	HASH_ADD(hh_seq, e->by_seq, seq, sizeof(w->seq), w);
}

static void work_free(struct engine *e, struct work *w)
{
	forget_token(e, w);
	forget_seq(e, w);
	HASH_DELETE(hh_id, e->by_id, w);
	engine_arena_back(e, w->arena);
	yt_buf_free(&w->sent);
	yt_buf_free(&w->reply);
	yt_buf_free(&w->ending);
	free(w);
}

/* Whether its origin has an answer: result NULL, it was taken whole; "missed": surely not. */
static void note_delivery(struct engine *e, uint64_t exchange, const char *result)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_DELIVERED, REC_NOWAIT, exchange, engine_wall(e));

	rec_str(&buf, REC_T_RESULT, yt_str(result));
	rec_end(&buf, at);
	engine_submit(e, UP_NOTE, exchange, yt_buf_view(&buf));
	yt_buf_free(&buf);
}

/* Hands the octets to the connection; the work ends when they are taken, or now when nobody waits. */
static void give(struct engine *e, struct work *w, struct yt_str octets)
{
	uint64_t token = w->token;

	if (octets.n == 0 && token != 0) { /* it could not be written: silence is no lie */
		e->world.drop(e->world.ctx, token);
		forget_token(e, w);
		token = 0;
	} else {
		e->counts.answered++;
	}
	if (token == 0) {
		if (w->is_final && w->msg->op->is_settlement)
			note_delivery(e, w->follows, "missed");
		work_free(e, w);
		return;
	}
	w->state = WORK_FLUSHING;
	e->world.answer(e->world.ctx, token, 200, w->codec.api->content_type, octets);
}

/* An answer that nothing in the journal depends on. */
static void give_reply(struct engine *e, struct work *w, struct yt_reply *reply)
{
	(void)engine_encode_reply(e, &w->codec, w->msg, reply, w->id, w->request, &w->reply);
	w->is_final = false;
	give(e, w, yt_buf_view(&w->reply));
}

/* Refused before anything was sent: noted, not waited for. */
static void refuse(struct engine *e, struct work *w, enum text_id id, struct yt_str detail)
{
	struct yt_reply *reply = engine_refusal(w->arena, id, detail, w->trace);
	struct yt_buf buf = { 0 };

	e->counts.refused++;
	written_refused(&buf, e, w, reply);
	engine_submit(e, UP_NOTE, w->id, yt_buf_view(&buf));
	yt_buf_free(&buf);
	give_reply(e, w, reply);
}

/* No room to ask the keeper.  The same number may have been asked before, with an effect, so this must not
 * read as a refusal of it: a transport error means "unknown, ask again" (nhsa.md 5.3). */
static void turn_away(struct engine *e, struct work *w)
{
	e->counts.refused++;
	e->world.answer(e->world.ctx, w->token, 503, "text/plain; charset=utf-8", YT_STR("busy; ask the same again\n"));
	work_free(e, w);
}

/* Its records are larger than any ring: the same number can not have been taken before either. */
void engine_cannot_ask(struct engine *e, uint64_t seq)
{
	struct work *w;

	HASH_FIND(hh_seq, e->by_seq, &seq, sizeof(seq), w);
	if (w == NULL)
		return;
	e->counts.refused++;
	if (w->token != 0)
		e->world.answer(e->world.ctx, w->token, 413, "text/plain; charset=utf-8",
			YT_STR("too large for this gateway, nothing was sent\n"));
	work_free(e, w);
}

/* -- sending ------------------------------------------------------------------------------------ */

/* How long a leg may take: its party's time-out, always less than the origin has left. */
static int64_t leg_deadline(const struct engine *e, const struct work *w, int64_t timeout_ms)
{
	int64_t own = engine_mono(e) + timeout_ms;
	int64_t origin = w->begun_mono + w->origin->timeout_ms - e->conf.margin_ms;

	return own < origin ? own : origin;
}

static void send_leg(struct engine *e, struct work *w)
{
	int64_t timeout = w->msg->op->changes_state ? w->party->change_timeout_ms : w->party->query_timeout_ms;

	w->state = WORK_OUT;
	w->leg_mono = engine_mono(e);
	e->world.send(e->world.ctx, w->party, w->id, yt_buf_view(&w->sent), leg_deadline(e, w, timeout));
}

/* Asks the keeper whether it may leave. */
static void ask_admission(struct engine *e, struct work *w)
{
	struct yt_buf buf = { 0 };

	written_accepted(&buf, e, w);
	written_sending(&buf, e, w);
	YT_REQUIRE(!buf.failed);
	w->state = WORK_ADMITTING;
	await(e, w, engine_submit(e, UP_BEGIN, w->id, yt_buf_view(&buf)));
	yt_buf_free(&buf);
}

/* Encodes for the party and lets the leg leave: a query at once, a change when it is durable. */
static void encode_and_go(struct engine *e, struct work *w)
{
	struct yt_fault fault = { { 0 }, { 0 } };
	int rv;

	rv = engine_encode_request(e, &w->party->codec, w->msg, w->id, w->request, &w->sent, &fault);
	if (rv != 0) {
		refuse(e, w, TEXT_CANNOT_EXPRESS, yt_str(fault.path));
		return;
	}
	if (!w->msg->op->changes_state) {
		e->counts.reads++;
		send_leg(e, w);
		return;
	}
	work_digest(w);
	if (e->outbox != NULL)
		turn_away(e, w);
	else
		ask_admission(e, w);
}

/* Institutions with sign_in: own leave the sign_no to us. */
static bool sign_no_is_ready(struct engine *e, struct work *w, const struct engine_institution *institution)
{
	const char *sign_no;

	if (institution->signs_in_itself || w->msg->op->id == YT_OP_SIGN_IN || w->msg->op->id == YT_OP_SIGN_OUT)
		return true;
	sign_no = session_get(e, w->party, w->msg->institution, w->msg->operator_id, NULL, &w->signing);
	if (sign_no == NULL) {
		w->state = WORK_SIGNING;
		return false;
	}
	w->msg->sign_no = yt_arena_copy(w->arena, yt_str(sign_no));
	return true;
}

/* There is no sign_no to be had, so it cannot be sent.  A change is admitted all the same, and then refused
 * as not sent: its number may have been asked before, and then it must hear what became of that. */
static void go_unsigned(struct engine *e, struct work *w)
{
	w->lacks_sign_no = true;
	if (w->msg->op->changes_state)
		encode_and_go(e, w);
	else
		refuse(e, w, TEXT_NOT_CONNECTED, (struct yt_str){ 0 });
}

void engine_sessions_changed(struct engine *e, const struct session *session)
{
	struct work *w, *next_w;
	struct task *t, *next_t;

	HASH_ITER(hh_id, e->by_id, w, next_w) {
		const struct engine_institution *institution;

		if (w->state != WORK_SIGNING || w->signing != session)
			continue;
		institution = e->conf.institution(e->conf.ctx, w->msg->institution);
		if (session->sign_no[0] == 0)
			go_unsigned(e, w);
		else if (sign_no_is_ready(e, w, institution))
			encode_and_go(e, w);
	}
	HASH_ITER(hh_id, e->tasks, t, next_t) {
		if (t->state == TASK_SIGNING && t->signing == session)
			task_go_on(e, t, session->sign_no[0] != 0);
	}
}

/* -- who asks, and may he ----------------------------------------------------------------------- */

static bool uses_reserved_serial(const struct engine *e, struct yt_str number)
{
	unsigned serial = 0;
	size_t i;

	if (number.n < 4)
		return false;
	for (i = number.n - 4; i < number.n; i++) {
		if (number.p[i] < '0' || number.p[i] > '9')
			return false;
		serial = serial * 10 + (unsigned)(number.p[i] - '0');
	}
	return serial >= e->conf.serial_from && serial <= e->conf.serial_to;
}

static const struct engine_origin *identify(struct engine *e, const struct engine_request *r)
{
	const struct engine_origin *origin;
	struct yt_str caller, key = { 0 };
	struct yt_fault fault;
	int rv;

	if (r->by_certificate)
		return e->conf.origin_by_subject(e->conf.ctx, r->subject);
	if (r->codec.api->sender == NULL || r->codec.api->verify == NULL)
		return NULL;
	engine_box(e, &r->codec, "sender", 0, r->body);
	caller = r->codec.api->sender(r->codec.plugin, r->headers, r->n_headers);
	engine_unbox(e);
	origin = caller.n != 0 ? e->conf.origin_by_caller(e->conf.ctx, caller, &key) : NULL;
	if (origin == NULL)
		return NULL;
	engine_box(e, &r->codec, "verify", 0, r->body);
	rv = r->codec.api->verify(r->codec.plugin, r->headers, r->n_headers, key, engine_wall(e), &fault);
	engine_unbox(e);
	if (rv != 0) {
		yt_log(YT_WARN, "engine", "origin %s: signature refused: %s", origin->name, fault.why);
		return NULL;
	}
	return origin;
}

static void refuse_plain(struct engine *e, const struct engine_request *r, int status, const char *text)
{
	e->counts.refused++;
	e->world.answer(e->world.ctx, r->token, status, "text/plain; charset=utf-8", yt_str(text));
}

/* What must hold before a message is sent on; false after having refused it. */
static bool may_go(struct engine *e, struct work *w)
{
	char why[200] = "";

	if (!e->conf.speaks_for(e->conf.ctx, w->origin, w->msg->institution)) {
		refuse(e, w, TEXT_NOT_ALLOWED, (struct yt_str){ 0 });
	} else if (uses_reserved_serial(e, w->msg->number)) {
		refuse(e, w, TEXT_RESERVED_NUMBER, (struct yt_str){ 0 });
	} else if (w->msg->op->request_money != 0 &&
		yt_money_check(w->msg->op->request_money, w->msg->body, why, sizeof(why)) != 0) {
		refuse(e, w, TEXT_DOES_NOT_ADD_UP, yt_str(why));
	} else {
		return true;
	}
	return false;
}

static void route(struct engine *e, struct work *w)
{
	const struct engine_institution *institution = e->conf.institution(e->conf.ctx, w->msg->institution);
	const char *rule;

	if (institution == NULL) {
		refuse(e, w, TEXT_UNKNOWN_INSTITUTION, (struct yt_str){ 0 });
		return;
	}
	w->party = e->conf.route(e->conf.ctx, w->msg, w->origin, &rule);
	if (w->party == NULL)
		refuse(e, w, TEXT_NO_ROUTE, (struct yt_str){ 0 });
	else if (sign_no_is_ready(e, w, institution))
		encode_and_go(e, w);
}

static int decode(struct engine *e, struct work *w, const struct engine_request *r, struct yt_fault *fault)
{
	int rv;

	w->request = yt_arena_copy(w->arena, r->body);
	if (w->request.p == NULL || w->msg == NULL)
		return YT_ENOMEM;
	engine_box(e, &r->codec, "decode_request", w->id, w->request);
	rv = r->codec.api->decode_request(r->codec.plugin, w->request, w->msg, fault);
	engine_unbox(e);
	return rv;
}

void engine_request(struct engine *e, const struct engine_request *r)
{
	struct yt_fault fault = { { 0 }, { 0 } };
	const struct engine_origin *origin;
	struct yt_str where;
	struct work *w;
	int rv;

	e->counts.requests++;
	if (!yt_str_is(r->method, "POST")) {
		refuse_plain(e, r, 405, "only POST is served here\n");
		return;
	}
	origin = identify(e, r);
	if (origin == NULL) {
		refuse_plain(e, r, 403, "unknown certificate, caller or signature\n");
		return;
	}
	if (HASH_CNT(hh_id, e->by_id) >= e->conf.exchanges || e->world.quarantined(e->world.ctx, r->body)) {
		refuse_plain(e, r, 503, "not accepted now, nothing was sent; try later\n");
		return;
	}
	w = work_new(e, r);
	w->origin = origin;
	w->hold_until = w->begun_mono + origin->timeout_ms - e->conf.margin_ms;
	rv = decode(e, w, r, &fault);
	if (rv != 0) {
		where = yt_arena_printf(w->arena, "%s %s", fault.path, fault.why);
		refuse(e, w, rv == YT_ELIMIT ? TEXT_TOO_LARGE : TEXT_UNREADABLE, where);
	} else if (may_go(e, w)) {
		route(e, w);
	}
}

/* -- the leg's end ------------------------------------------------------------------------------ */

/* The answer as an origin may hear it: a breach of the sums is marked, never withheld (P4). */
static unsigned mark_breach(struct engine *e, struct work *w, struct yt_reply *reply)
{
	char why[200] = "";
	struct yt_str text;

	if (reply->outcome != YT_DONE || w->msg->op->reply_money == 0 ||
		yt_money_check(w->msg->op->reply_money, reply->body, why, sizeof(why)) == 0)
		return 0;
	yt_log(YT_ERROR, "engine", "exchange %016llx at %s: the answer does not add up: %s", (unsigned long long)w->id,
		w->party->name, why);
	text = text_make(w->arena, TEXT_MARKED, (struct yt_str){ 0 }, w->trace);
	if (reply->head != NULL)
		yt_node_set_text(w->arena, reply->head, "warn_msg", text);
	return REC_X_MONEY_BREACH;
}

static struct yt_reply *read_leg(struct engine *e, struct work *w, enum engine_leg_end end, int status, struct yt_str body,
	const char *why)
{
	struct yt_reply *reply = yt_reply_new(w->arena);

	YT_REQUIRE(reply != NULL);
	if (end == LEG_ANSWERED) {
		engine_decode_reply(e, w->party, w->msg, w->id, status, body, reply);
	} else if (end == LEG_NOT_SENT) {
		reply = engine_refusal(w->arena, TEXT_NOT_CONNECTED, (struct yt_str){ 0 }, w->trace);
	} else {
		reply->outcome = YT_UNKNOWN;
		reply->text = yt_arena_copy(w->arena, yt_str(why));
	}
	return reply;
}

static void end_query(struct engine *e, struct work *w, struct yt_reply *reply)
{
	struct yt_buf buf = { 0 };

	if (reply->outcome == YT_UNKNOWN) /* it had no effect to be unknown: its origin asks again */
		reply = engine_refusal(w->arena, TEXT_QUERY_FAILED, (struct yt_str){ 0 }, w->trace);
	else
		(void)mark_breach(e, w, reply);
	written_read(&buf, e, w, reply);
	engine_submit(e, UP_NOTE, w->id, yt_buf_view(&buf));
	yt_buf_free(&buf);
	give_reply(e, w, reply);
}

/* outcome + answered, or the unknown outcome alone. */
static void end_change(struct engine *e, struct work *w, struct yt_reply *reply, struct yt_str body, enum talk_kind kind,
	unsigned flags)
{
	struct yt_buf buf = { 0 }, octets = { 0 };
	uint64_t seq;

	flags |= mark_breach(e, w, reply);
	written_outcome(&buf, e, w->id, REC_LEG_MAIN, reply, body, flags, engine_mono(e) - w->leg_mono);
	if (reply->outcome != YT_UNKNOWN) {
		(void)engine_encode_reply(e, &w->codec, w->msg, reply, w->id, w->request, &octets);
		written_answered(&buf, e, w->id, reply, yt_buf_view(&octets));
	} else {
		e->counts.unknown++;
	}
	seq = engine_submit(e, kind, w->id, yt_buf_view(&buf));
	if (kind == UP_END) {
		yt_buf_free(&w->ending);
		w->ending = buf;
		yt_buf_free(&w->reply);
		w->reply = octets;
		w->state = WORK_ENDING;
		await(e, w, seq);
		return;
	}
	yt_buf_free(&buf);
	yt_buf_free(&octets);
}

/* A success of the hospital's own 9001 where we sign in for it. */
static void learn_sign_no(struct engine *e, const struct work *w, const struct yt_reply *reply)
{
	const struct engine_institution *institution = e->conf.institution(e->conf.ctx, w->msg->institution);

	if (w->msg->op->id == YT_OP_SIGN_IN && reply->outcome == YT_DONE && institution != NULL &&
		!institution->signs_in_itself)
		session_keep(e, w->party, w->msg->institution, w->msg->operator_id, reply->sign_no);
}

/* The party does not take the sign_no that we keep for the institution: a query is asked again with the
 * next one, a change is refused (it had no effect), and who asks next has the next one. */
static bool renew_sign_no(struct engine *e, struct work *w, const struct yt_reply *reply)
{
	const struct engine_institution *institution = e->conf.institution(e->conf.ctx, w->msg->institution);

	if (reply->outcome != YT_REFUSED || !reply->session_expired || institution == NULL || institution->signs_in_itself)
		return false;
	session_died(e, w->party, w->msg->institution, w->msg->operator_id, w->msg->sign_no);
	if (w->msg->op->changes_state || w->asked_twice)
		return false;
	w->asked_twice = true;
	yt_buf_clear(&w->sent);
	if (sign_no_is_ready(e, w, institution))
		encode_and_go(e, w);
	return true;
}

void engine_leg(struct engine *e, uint64_t leg, enum engine_leg_end end, int status, struct yt_str body, const char *why,
	bool late)
{
	uint64_t task_id = leg & ~LEG_OF_TASK;
	struct yt_reply *reply;
	struct task *t;
	struct work *w;

	if (leg & LEG_OF_SESSION) {
		session_leg(e, leg, end, status, body);
		return;
	}
	if (leg & LEG_OF_TASK) {
		HASH_FIND(hh_id, e->tasks, &task_id, sizeof(task_id), t);
		if (t != NULL && t->state == TASK_OUT && !late)
			task_leg(e, t, end, status, body, why);
		return;
	}
	HASH_FIND(hh_id, e->by_id, &leg, sizeof(leg), w);
	if (w == NULL || (late ? w->state != WORK_WAITING && w->state != WORK_ENDING : w->state != WORK_OUT))
		return;
	reply = read_leg(e, w, end, status, body, why);
	if (!w->msg->op->changes_state && reply->outcome == YT_UNKNOWN && end != LEG_TIMED_OUT && !late && !w->asked_twice) {
		w->asked_twice = true; /* a query has no effect: one lost answer is asked for again at once */
		send_leg(e, w);
		return;
	}
	if (renew_sign_no(e, w, reply))
		return;
	if (late) {
		if (reply->outcome != YT_UNKNOWN)
			end_change(e, w, reply, body, UP_LATE, REC_X_LATE);
	} else if (!w->msg->op->changes_state) {
		end_query(e, w, reply);
	} else {
		learn_sign_no(e, w, reply);
		end_change(e, w, reply, body, UP_END, 0);
	}
}

/* -- the keeper's verdicts ---------------------------------------------------------------------- */

/* The stored answer came: ours after it was found out, or that of the same message. */
static void on_stored(struct engine *e, struct work *w, const struct talk *talk)
{
	struct rec rec;
	size_t used;

	if (rec_read(talk->payload, &rec, &used) != 0)
		return;
	w->follows = talk->exchange;
	w->is_final = true;
	yt_buf_clear(&w->reply);
	yt_buf_str(&w->reply, rec_get(&rec, REC_T_REPLY));
	forget_seq(e, w);
	give(e, w, yt_buf_view(&w->reply));
}

/* Its outcome is being found out.  What the origin hears meanwhile is its setting; never a failure. */
static void on_wait(struct engine *e, struct work *w, const struct talk *talk)
{
	bool its_own = talk->exchange == w->id;

	struct yt_reply *reply;

	w->follows = talk->exchange;
	w->state = WORK_WAITING;
	if (!its_own || w->token == 0)
		return;
	if (w->origin->unknown_style == ENGINE_SILENCE) {
		e->world.drop(e->world.ctx, w->token);
		forget_token(e, w);
	} else if (w->origin->unknown_style == ENGINE_CODE) {
		reply = engine_refusal(w->arena, TEXT_UNKNOWN, (struct yt_str){ 0 }, w->trace);
		reply->code = yt_str(w->origin->unknown_code);
		give_reply(e, w, reply);
	}
}

static void on_verdict(struct engine *e, struct work *w, const struct talk *talk)
{
	switch (talk->kind) {
	case DOWN_ADMITTED:
		if (w->state != WORK_ADMITTING)
			return; /* said twice, by two keepers */
		forget_seq(e, w);
		if (w->token != 0 && engine_mono(e) < w->hold_until && !w->lacks_sign_no) {
			send_leg(e, w);
			return;
		}
		w->state = WORK_OUT; /* nobody waits any more, and its reversal may have overtaken it: it does not leave */
		w->leg_mono = engine_mono(e);
		engine_leg(e, w->id, LEG_NOT_SENT, 0, (struct yt_str){ 0 }, "too late to send", false);
		return;
	case DOWN_DURABLE:
		if (w->state != WORK_ENDING)
			return;
		forget_seq(e, w);
		w->follows = w->id;
		w->is_final = true;
		give(e, w, yt_buf_view(&w->reply));
		return;
	case DOWN_WAIT:
		on_wait(e, w, talk);
		return;
	case DOWN_STORED:
		on_stored(e, w, talk);
		return;
	case DOWN_CONFLICT:
		refuse(e, w, TEXT_CONFLICT, (struct yt_str){ 0 });
		return;
	case DOWN_BUSY:
		refuse(e, w, TEXT_BUSY, (struct yt_str){ 0 });
		return;
	case DOWN_CLOSED:
		refuse(e, w, TEXT_NOT_ACCEPTED, (struct yt_str){ 0 });
		return;
	default:
		return;
	}
}

/* Its verdict may have waited for room in the ring when the keeper died; the new one knows what was written,
 * so it is asked again.  Also where nobody waits any more: it must hear that the answer was missed. */
static void ask_again(struct engine *e, struct work *w)
{
	struct yt_buf buf = { 0 };
	size_t at;

	switch (w->state) {
	case WORK_ADMITTING:
		ask_admission(e, w);
		return;
	case WORK_ENDING:
		await(e, w, engine_submit(e, UP_END, w->id, yt_buf_view(&w->ending)));
		return;
	case WORK_WAITING:
		at = rec_begin(&buf, REC_CARRIED, REC_NOWAIT, w->follows, engine_wall(e));
		rec_str(&buf, REC_T_INSTITUTION, w->msg->institution);
		rec_str(&buf, REC_T_NUMBER, w->msg->number);
		rec_end(&buf, at);
		await(e, w, engine_submit(e, UP_WAIT, w->follows, yt_buf_view(&buf)));
		yt_buf_free(&buf);
		return;
	default:
		return;
	}
}

/* A new keeper: it must hear which leases are held here and what is waited for. */
static void on_restarted(struct engine *e, uint64_t epoch)
{
	struct work *w, *next_w;

	if (e->incarnation == 0) { /* the welcome was lost with the old one */
		engine_start(e);
		engine_submit(e, UP_READY, epoch, (struct yt_str){ 0 });
		return;
	}
	tasks_again(e);
	engine_submit(e, UP_READY, epoch, (struct yt_str){ 0 });
	HASH_ITER(hh_id, e->by_id, w, next_w)
		ask_again(e, w);
	sessions_again(e);
}

/* A keeper that read our question again has admitted what one before it had refused, or had told to wait for
 * another: it goes out if its origin still waits; else it ends here, for its origin has heard a refusal. */
static void on_admitted_again(struct engine *e, const struct talk *talk)
{
	struct yt_reply refused = { .outcome = YT_REFUSED, .text = YT_STR("refused before it was admitted") };
	struct yt_buf buf = { 0 };
	struct work *w;

	HASH_FIND(hh_id, e->by_id, &talk->exchange, sizeof(talk->exchange), w);
	if (w != NULL && w->state == WORK_WAITING && w->follows != w->id) {
		w->state = WORK_ADMITTING;
		on_verdict(e, w, talk);
	}
	if (w != NULL)
		return;
	written_outcome(&buf, e, talk->exchange, REC_LEG_MAIN, &refused, (struct yt_str){ 0 }, 0, 0);
	written_answered(&buf, e, talk->exchange, &refused, (struct yt_str){ 0 });
	engine_submit(e, UP_END, talk->exchange, yt_buf_view(&buf));
	yt_buf_free(&buf);
}

/* Its answer is on its way to somebody here: a keeper before this one had said it as well. */
static bool is_flushing(const struct engine *e, uint64_t exchange)
{
	const struct work *w;

	for (w = e->by_id; w != NULL; w = w->hh_id.next) {
		if (w->state == WORK_FLUSHING && w->follows == exchange)
			return true;
	}
	return false;
}

void engine_talk(struct engine *e, const struct talk *talk)
{
	struct task *t;
	struct work *w;

	switch (talk->kind) {
	case DOWN_WELCOME:
		e->incarnation = (uint32_t)talk->exchange;
		return;
	case DOWN_RESTARTED:
		on_restarted(e, talk->exchange);
		return;
	case DOWN_SESSION:
		session_talk(e, talk);
		return;
	case DOWN_LEASE:
		task_start(e, talk);
		return;
	default:
		break;
	}
	HASH_FIND(hh_seq, e->tasks_by_seq, &talk->seq, sizeof(talk->seq), t);
	if (t != NULL) {
		task_verdict(e, t, talk);
		return;
	}
	HASH_FIND(hh_seq, e->by_seq, &talk->seq, sizeof(talk->seq), w);
	if (w != NULL)
		on_verdict(e, w, talk);
	else if (talk->kind == DOWN_ADMITTED)
		on_admitted_again(e, talk);
	else if (talk->kind == DOWN_STORED && !is_flushing(e, talk->exchange))
		note_delivery(e, talk->exchange, "missed"); /* who asked is gone for good */
}

/* -- connections -------------------------------------------------------------------------------- */

void engine_gone(struct engine *e, uint64_t token)
{
	struct work *w;

	HASH_FIND(hh_token, e->by_token, &token, sizeof(token), w);
	if (w == NULL)
		return;
	forget_token(e, w);
	if (w->state == WORK_FLUSHING || w->state == WORK_SIGNING)
		work_free(e, w);
}

void engine_flushed(struct engine *e, uint64_t token)
{
	struct work *w;

	HASH_FIND(hh_token, e->by_token, &token, sizeof(token), w);
	if (w == NULL || w->state != WORK_FLUSHING)
		return;
	if (w->is_final && w->msg->op->is_settlement)
		note_delivery(e, w->follows, NULL);
	forget_token(e, w);
	work_free(e, w);
}

/* -- time --------------------------------------------------------------------------------------- */

#define TICK_MS 100

int64_t engine_tick(struct engine *e)
{
	int64_t now = engine_mono(e);
	struct work *w, *next;

	engine_empty_outbox(e);
	HASH_ITER(hh_id, e->by_id, w, next) {
		if ((w->state != WORK_WAITING && w->state != WORK_ADMITTING) || now < w->hold_until)
			continue;
		if (w->token != 0) { /* its origin gives up now: silence, for the outcome is not known */
			e->world.drop(e->world.ctx, w->token);
			forget_token(e, w);
		}
		if (w->state == WORK_WAITING && now >= w->hold_until + w->party->server_delay_ms)
			work_free(e, w); /* a late answer is not to be expected any more */
	}
	return HASH_CNT(hh_id, e->by_id) > 0 || e->outbox != NULL ? now + TICK_MS : -1;
}

bool engine_is_idle(const struct engine *e)
{
	const struct work *w;

	for (w = e->by_id; w != NULL; w = w->hh_id.next) {
		if (w->state != WORK_WAITING || w->token != 0)
			return false;
	}
	return e->tasks == NULL && e->outbox == NULL;
}

void engine_start(struct engine *e)
{
	e->hello_seq = engine_submit(e, UP_HELLO, 0, (struct yt_str){ 0 });
}

bool engine_is_up(const struct engine *e)
{
	return e->incarnation != 0;
}

void engine_count(const struct engine *e, struct engine_counts *counts)
{
	*counts = e->counts;
	counts->in_flight = HASH_CNT(hh_id, e->by_id);
	counts->leases = HASH_CNT(hh_id, e->tasks);
}

struct engine *engine_new(const struct engine_conf *conf, const struct engine_world *world)
{
	struct engine *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	e->conf = *conf;
	e->world = *world;
	return e;
}

void engine_free(struct engine *e)
{
	struct work *w, *next_w;
	struct task *t, *next_t;
	struct session *s, *next_s;
	struct outgoing *o, *next_o;

	if (e == NULL)
		return;
	HASH_ITER(hh_id, e->by_id, w, next_w)
		work_free(e, w);
	HASH_ITER(hh_id, e->tasks, t, next_t)
		task_free(e, t);
	HASH_ITER(hh, e->sessions, s, next_s) {
		HASH_DEL(e->sessions, s);
		if (s->arena != NULL)
			engine_arena_back(e, s->arena);
		free(s);
	}
	DL_FOREACH_SAFE(e->outbox, o, next_o) {
		DL_DELETE(e->outbox, o);
		yt_buf_free(&o->payload);
		free(o);
	}
	while (e->n_spare > 0)
		yt_arena_free(e->spare[--e->n_spare]);
	free(e);
}
