/* tests/sim_gateway.c - the gateway's machines between a disk and a network that fail.
 *
 * Wired as core/process/{keeper,worker}_process.c do it, one event at a time: workers put messages on real
 * rings, the keeper's turn drains them, one commit is out at a time, and only when it is durable are workers
 * told and ring slots given back.  Processes die between any two of these steps.  Looked at whenever octets
 * leave: P1 (the record is durable), P13 (one settlement of a batch at a time), numbers never used twice. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim.h"
#include "talk_name.h"

#define TICK_MS 50

static const char *const own_operator = "YT";
static struct yt_codec_api national; /* fake_codec, slow on some days */

static void keeper_turn_at(struct sim *s, int64_t at);
static void kill_keeper(struct sim *s, bool power);
static void kill_worker(struct sim *s, struct wproc *w);
static void start_worker(struct sim *s, struct sim_event *e);

/* Small, and in every other run hardly more than one lease, so that rings fill up. */
static uint32_t ring_bytes(const struct sim *s)
{
	return s->seed % 2 == 0 ? 4096 : 16384;
}

static int64_t wall_now(const struct sim *s)
{
	return SIM_WALL + s->now + s->wall_off;
}

static struct wproc *worker_of(struct sim *s, uint64_t id)
{
	return s->gw.workers[id - 1];
}

static void trace_talk(struct sim *s, const char *way, uint32_t worker, const struct talk *talk)
{
	sim_trace(s, "%s worker %u: %s %llu about %llx", way, worker, talk_name(talk->kind),
	        (unsigned long long)talk->seq, (unsigned long long)talk->exchange);
}

/* -- the engine's world --------------------------------------------------------------------------- */

static int64_t w_wall(void *ctx)
{
	return wall_now(((struct wproc *)ctx)->sim);
}

static int64_t w_mono(void *ctx)
{
	return ((struct wproc *)ctx)->sim->now;
}

static void w_random(void *ctx, void *out, size_t n)
{
	uint8_t *p = out;

	while (n-- > 0)
		*p++ = (uint8_t)sim_random(((struct wproc *)ctx)->sim, 256);
}

static int w_submit(void *ctx, const struct talk *talk)
{
	struct wproc *w = ctx;
	int rv = ring_put(w->area.up, ring_bytes(w->sim), talk, -1);

	if (rv == 0)
		keeper_turn_at(w->sim, w->sim->now + (int64_t)sim_random(w->sim, 3));
	return rv;
}

static void w_person(void *ctx, struct yt_str person, uint8_t out[16])
{
	memset(out, 7, 16);
}

static void w_box(void *ctx, const char *plugin, const char *what, uint64_t exchange, struct yt_str octets)
{
}

static bool w_quarantined(void *ctx, struct yt_str octets)
{
	return false;
}

/* -- slow codecs ---------------------------------------------------------------------------------- */

static bool put_off(struct sim *s, const struct wproc *w, struct sim_event *e);

static void job_comes_back(struct sim *s, struct sim_event *e)
{
	struct wproc *w = worker_of(s, e->a);

	if (w->alive && !put_off(s, w, e)) /* else it died with its worker */
		engine_coded(w->engine, (struct engine_job *)(uintptr_t)e->b);
}

/* Mostly as fast as a signature, now and then so slow that anything can happen meanwhile. */
static int64_t coding_takes(struct sim *s)
{
	return (int64_t)(sim_fault(s, 50) ? sim_random(s, 15000) : sim_random(s, 4));
}

static void job_runs(struct sim *s, struct sim_event *e)
{
	struct wproc *w = worker_of(s, e->a);

	if (!w->alive || put_off(s, w, e))
		return;
	engine_job_run((struct engine_job *)(uintptr_t)e->b);
	sim_at(s, s->now + coding_takes(s), job_comes_back, e->a, e->b);
}

static int w_run(void *ctx, struct engine_job *job)
{
	struct wproc *w = ctx;
	struct sim *s = w->sim;

	if (job->is_new && sim_fault(s, 10)) /* too many wait */
		return YT_ENOSPC;
	s->told.slow++;
	if (sim_chance(s, 30)) { /* it has run before its engine goes on */
		engine_job_run(job);
		sim_at(s, s->now + coding_takes(s), job_comes_back, w->id, (uint64_t)(uintptr_t)job);
		return 0;
	}
	sim_at(s, s->now + coding_takes(s), job_runs, w->id, (uint64_t)(uintptr_t)job);
	return 0;
}

/* -- what must hold when octets leave ------------------------------------------------------------- */

static bool changes_state(struct yt_str body)
{
	return fake_is(body, "REGISTER") || fake_is(body, "ADMIT") || fake_is(body, "FEES") ||
	       fake_is(body, "SETTLE") || fake_is(body, "CANCEL") || fake_is(body, "REVERSE") || fake_is(body, "CLAIM");
}

static void check_durable(struct sim *s, uint64_t exchange, struct yt_str body)
{
	char number[40];
	size_t i;

	fake_value(body, "num", number, sizeof(number));
	for (i = s->gw.n_acked; i-- > 0;) {
		const struct acked *a = &s->gw.acked[i];

		if (a->exchange == exchange && a->type == REC_SENDING && strcmp(a->number, number) == 0)
			return;
	}
	sim_fail(s, "P1: %.*s leaves before it is durable", YT_FMT(body));
}

/* A line without its sign_no, which a repeat may have anew. */
static void unsigned_body(struct yt_str body, char *out, size_t size)
{
	char line[400], *at, *end;

	snprintf(line, sizeof(line), "%.*s", YT_FMT(body));
	at = strstr(line, " sign=");
	end = at == NULL ? NULL : strchr(at + 1, ' ');
	if (end != NULL)
		memmove(at, end, strlen(end) + 1);
	snprintf(out, size, "%.*s", (int)size - 1, line);
}

static void check_own_number(struct sim *s, struct yt_str body)
{
	char number[40], op[8], unsigned_now[200] = "";
	size_t i;

	fake_value(body, "num", number, sizeof(number));
	fake_value(body, "op", op, sizeof(op));
	if (strcmp(op, own_operator) != 0 && number[0] != 'T')
		return;
	unsigned_body(body, unsigned_now, sizeof(unsigned_now));
	for (i = 0; i < s->gw.n_own_numbers; i++) {
		if (strcmp(s->gw.own_numbers[i].number, number) != 0)
			continue;
		if (strcmp(s->gw.own_numbers[i].body, unsigned_now) != 0)
			sim_fail(s, "our own number %s is used twice", number);
		return; /* a step of a flow, once more */
	}
	s->gw.own_numbers = sim_more(s->gw.own_numbers, s->gw.n_own_numbers, sizeof(*s->gw.own_numbers));
	memcpy(s->gw.own_numbers[s->gw.n_own_numbers].number, number, sizeof(number));
	memcpy(s->gw.own_numbers[s->gw.n_own_numbers++].body, unsigned_now, sizeof(unsigned_now));
}

/* A settlement of a batch while another one of it is sent, unknown or being reversed. */
static void check_alone(struct sim *s, uint64_t exchange, struct yt_str body)
{
	char visit[16], batch[16], key[48];
	size_t i;

	fake_value(body, "visit", visit, sizeof(visit));
	fake_value(body, "batch", batch, sizeof(batch));
	snprintf(key, sizeof(key), "%s|%s", visit, batch);
	for (i = 0; i < s->gw.n_out; i++) {
		if (s->gw.out[i].exchange != exchange && strcmp(s->gw.out[i].key, key) == 0)
			sim_fail(s, "P13: %.*s leaves while exchange %llx is in flight", YT_FMT(body),
			        (unsigned long long)s->gw.out[i].exchange);
	}
	s->gw.out = sim_more(s->gw.out, s->gw.n_out, sizeof(*s->gw.out));
	s->gw.out[s->gw.n_out].exchange = exchange;
	memcpy(s->gw.out[s->gw.n_out++].key, key, sizeof(key));
}

/* What is acknowledged is what was written down; a refusal that nothing was kept of is no acknowledgement. */
static void check_answer(struct sim *s, uint64_t token, struct yt_str body)
{
	const struct ask *a = &s->asks[s->conns[token - 1].ask];
	size_t i;

	if (a->kind == ASK_READ || !fake_is(body, "DONE"))
		return;
	for (i = s->gw.n_acked; i-- > 0;) {
		const struct acked *r = &s->gw.acked[i];

		if (r->type == REC_ANSWERED && yt_str_is(body, r->reply))
			return;
	}
	sim_fail(s, "P1: %s is acknowledged before it is durable: %.*s", a->num, YT_FMT(body));
}

/* -- the network to the platform ------------------------------------------------------------------ */

static bool put_off(struct sim *s, const struct wproc *w, struct sim_event *e)
{
	struct sim_event *again;

	if (s->now >= w->frozen_until)
		return false;
	again = sim_at(s, w->frozen_until, e->fn, e->a, e->b);
	again->text = e->text;
	again->n = e->n;
	e->text = NULL;
	return true;
}

static void call_ends(struct sim *s, struct sim_event *e)
{
	struct call *c = &s->gw.calls[e->a];
	struct wproc *w = worker_of(s, c->worker);
	enum engine_leg_end end = (enum engine_leg_end)e->b;
	bool late = end == LEG_ANSWERED && c->timed_out;

	if (!w->alive || (c->ended && !late) || put_off(s, w, e))
		return;
	c->ended = true;
	c->timed_out = end == LEG_TIMED_OUT;
	if (end != LEG_ANSWERED)
		sim_trace(s, "worker %u: leg %llx %s", w->id, (unsigned long long)c->leg,
		        end == LEG_NOT_SENT ? "not sent"
		        : end == LEG_LOST   ? "lost"
		                            : "timed out");
	if (end == LEG_ANSWERED)
		engine_leg(w->engine, c->leg, end, e->text[0] == '!' ? 502 : 200, (struct yt_str){ e->text, e->n }, "",
		        late);
	else
		engine_leg(w->engine, c->leg, end, 0, (struct yt_str){ 0 }, end == LEG_LOST ? "cut" : "timeout", false);
}

static void end_call(struct sim *s, size_t call, int64_t in_ms, enum engine_leg_end end)
{
	sim_at(s, s->now + in_ms, call_ends, call, end);
}

enum fate { FATE_FINE, FATE_ANSWER_CUT, FATE_ANSWER_LOST, FATE_ANSWER_LATE, FATE_GARBAGE };

static void call_arrives(struct sim *s, struct sim_event *e)
{
	char reply[400] = "";
	struct yt_str body = { e->text, e->n };
	int64_t back = (int64_t)sim_random(s, 200);
	struct sim_event *answer;

	if (s->gw.calls[e->a].to_hub)
		hub_handle(s, body, reply);
	else
		platform_handle(s, body, reply);
	switch ((enum fate)e->b) {
	case FATE_ANSWER_CUT:
		end_call(s, e->a, back, LEG_LOST);
		return;
	case FATE_ANSWER_LOST:
		return;
	case FATE_ANSWER_LATE:
		back = (int64_t)sim_random(s, 12000);
		break;
	case FATE_GARBAGE:
		if (sim_chance(s, 50))
			reply[0] = '!';
		else
			reply[strlen(reply) / 2] = 0;
		break;
	default:
		break;
	}
	answer = sim_at(s, s->now + back, call_ends, e->a, LEG_ANSWERED);
	sim_text(answer, yt_str(reply));
}

static void arrive(struct sim *s, size_t call, struct yt_str body, int64_t in_ms, enum fate fate)
{
	sim_text(sim_at(s, s->now + in_ms, call_arrives, call, fate), body);
}

static enum fate draw_fate(struct sim *s)
{
	enum fate fate = FATE_FINE;

	if (sim_fault(s, 70))
		fate = FATE_ANSWER_CUT;
	else if (sim_fault(s, 60))
		fate = FATE_ANSWER_LOST;
	else if (sim_fault(s, 50))
		fate = FATE_ANSWER_LATE;
	else if (sim_fault(s, 40))
		fate = FATE_GARBAGE;
	s->told.lost += fate != FATE_FINE;
	return fate;
}

/* What a person pays in cash, and what of that an insurer pays. */
static int national_decode_reply(
        struct yt_plugin *self, const struct yt_msg *msg, int status, struct yt_str octets, struct yt_reply *reply)
{
	int rv = fake_codec.decode_reply(self, msg, status, octets, reply);

	reply->cash_fen = rv == 0 && msg->op->id == YT_OP_OUTPATIENT_SETTLE && reply->outcome == YT_DONE ? 1000 : 0;
	return rv;
}

static int national_encode_reply(
        struct yt_plugin *self, const struct yt_msg *msg, const struct yt_reply *reply, struct yt_buf *out)
{
	const struct yt_node *shown = yt_node_get(reply->body, "commercial_claim");
	int rv = fake_codec.encode_reply(self, msg, reply, out);

	if (rv == 0 && shown != NULL)
		yt_buf_printf(out, " collect=%.*s", YT_FMT(yt_node_text(shown, "collect_amt")));
	return rv;
}

static const struct engine_party platform = { .name = "platform",
	.codec = { &national, NULL },
	.query_timeout_ms = 2000,
	.change_timeout_ms = 4000,
	.late_ms = 10000,
	.server_delay_ms = SERVER_DELAY_MS - 10000 };
static struct engine_party hub = { .name = "hub",
	.quote_timeout_ms = 800,
	.quote_failures = 3,
	.quote_pause_ms = 2000,
	.query_timeout_ms = 2000,
	.change_timeout_ms = 4000,
	.late_ms = 10000,
	.server_delay_ms = SERVER_DELAY_MS - 10000 };

/* An admission is told to both; a settlement uploads there, where what is uploaded stays, and registers and settles
 * here. */
static const struct engine_flow flows[] = {
	{ "admit",
	        { { &platform, YT_OP_COUNT, NULL, false, NULL, NULL }, { &hub, YT_OP_COUNT, NULL, false, NULL, NULL } },
	        2, 1 },
	{ "settle",
	        { { &platform, YT_OP_OUTPATIENT_FEES, NULL, true, NULL, NULL },
	                { &hub, YT_OP_OUTPATIENT_REGISTER, NULL, false, NULL, NULL },
	                { &hub, YT_OP_COUNT, NULL, false, NULL, NULL } },
	        3, 3 },
	{ "claim", { { &hub, YT_OP_CLAIM_SUBMIT, NULL, false, NULL, NULL } }, 1,
	        1 }, /* follows from a settlement there */
};

static void w_send(void *ctx, const struct engine_party *party, uint64_t leg, struct yt_str wire_op, struct yt_str body,
        int64_t deadline_ms)
{
	struct wproc *w = ctx;
	struct sim *s = w->sim;
	size_t call = s->gw.n_calls;
	int64_t way = 1 + (int64_t)sim_random(s, 100);

	sim_trace(s, "worker %u: leg %llx leaves: %.*s", w->id, (unsigned long long)leg, YT_FMT(body));
	check_own_number(s, body);
	if (!(leg & (1ull << 62)) && changes_state(body))
		check_durable(s, leg & ~(1ull << 63), body);
	if (fake_is(body, "SETTLE"))
		check_alone(s, leg & ~(1ull << 63), body);
	s->gw.calls = sim_more(s->gw.calls, s->gw.n_calls++, sizeof(*s->gw.calls));
	s->gw.calls[call].worker = w->id;
	s->gw.calls[call].leg = leg;
	s->gw.calls[call].to_hub = party == &hub;
	end_call(s, call, deadline_ms - s->now, LEG_TIMED_OUT);
	if (sim_fault(s, 30)) { /* nothing leaves */
		end_call(s, call, way, LEG_NOT_SENT);
	} else if (sim_fault(s, 60)) { /* what left does not arrive; cut or silence */
		s->told.lost++;
		if (sim_chance(s, 50))
			end_call(s, call, way, LEG_LOST);
	} else if (sim_fault(s, 60)) { /* held: it takes effect when nobody expects it any more */
		s->told.held++;
		way = (int64_t)sim_random(s, SERVER_DELAY_MS - 500);
		arrive(s, call, body, way, sim_chance(s, 50) ? FATE_ANSWER_LOST : FATE_FINE);
		if (sim_chance(s, 50))
			end_call(s, call, (int64_t)sim_random(s, 300), LEG_LOST);
	} else {
		arrive(s, call, body, way, draw_fate(s));
		if (sim_fault(s, 20) && !fake_is(body, "REGISTER")) /* twice, right behind each other */
			arrive(s, call, body, way, FATE_ANSWER_LOST);
	}
}

/* -- hospitals' connections ----------------------------------------------------------------------- */

static void on_flushed(struct sim *s, struct sim_event *e)
{
	struct conn *c = &s->conns[e->a - 1];
	struct wproc *w = worker_of(s, c->worker);

	if (!w->alive || !c->known || put_off(s, w, e))
		return;
	c->known = false;
	engine_flushed(w->engine, e->a);
}

static void on_heard(struct sim *s, struct sim_event *e)
{
	hospital_hear(s, e->a, (struct yt_str){ e->text, e->n });
}

static void w_answer(void *ctx, uint64_t token, int status, const char *content_type, struct yt_str body)
{
	struct wproc *w = ctx;
	struct sim *s = w->sim;
	struct conn *c = &s->conns[token - 1];

	sim_trace(s, "worker %u: answers %s: %d %.*s", w->id, s->asks[c->ask].num, status, YT_FMT(body));
	if (status != 200) {
		sim_at(s, s->now + 1, on_heard, token, 0);
		sim_at(s, s->now + 1, on_flushed, token, 0);
		return;
	}
	check_answer(s, token, body);
	sim_at(s, s->now + (int64_t)sim_random(s, 3), on_flushed, token, 0);
	if (sim_fault(s, 30)) { /* the kernel took it, the hospital never got it */
		s->asks[c->ask].missed = true;
		sim_at(s, s->now + (int64_t)sim_random(s, 20), on_heard, token, 0);
		return;
	}
	sim_text(sim_at(s, s->now + (int64_t)sim_random(s, 6), on_heard, token, 0), body);
}

static void w_drop(void *ctx, uint64_t token)
{
	struct wproc *w = ctx;

	w->sim->conns[token - 1].known = false;
	sim_at(w->sim, w->sim->now + 1, on_heard, token, 0);
}

static void on_request(struct sim *s, struct sim_event *e)
{
	struct conn *c = &s->conns[e->a - 1];
	struct wproc *w = worker_of(s, c->worker);
	struct engine_request r = { .token = e->a,
		.listener = "hospitals",
		.codec = { &national, NULL },
		.by_certificate = true,
		.method = YT_STR("POST"),
		.body = { e->text, e->n } };

	r.subject = yt_str(hospital_code(s->asks[c->ask].hospital));
	if (!w->alive || w->draining || !engine_is_up(w->engine)) {
		sim_at(s, s->now + 1, on_heard, e->a, 0);
	} else if (!put_off(s, w, e)) {
		c->known = true;
		engine_request(w->engine, &r);
		if (!c->open)
			gateway_hang_up(s, e->a);
	}
}

void gateway_request(struct sim *s, uint32_t worker, uint64_t token, const char *inst, struct yt_str body)
{
	sim_text(sim_at(s, s->now + (int64_t)sim_random(s, 20), on_request, token, 0), body);
}

static void on_hang_up(struct sim *s, struct sim_event *e)
{
	struct conn *c = &s->conns[e->a - 1];
	struct wproc *w = worker_of(s, c->worker);

	if (!w->alive || !c->known || put_off(s, w, e))
		return;
	c->known = false;
	engine_gone(w->engine, e->a);
}

void gateway_hang_up(struct sim *s, uint64_t token)
{
	sim_at(s, s->now, on_hang_up, token, 0);
}

struct wproc *gateway_worker(struct sim *s, uint32_t not_this)
{
	size_t i, n = s->gw.n_workers, from = sim_random(s, n);

	for (i = 0; i < n; i++) {
		struct wproc *w = s->gw.workers[(from + i) % n];

		if (w->alive && !w->draining && w->id != not_this && engine_is_up(w->engine))
			return w;
	}
	return NULL;
}

/* -- the engine's configuration ------------------------------------------------------------------- */

static const struct engine_origin origins[SIM_HOSPITALS] = {
	{ .name = "hospital-one", .unknown_style = ENGINE_HOLD, .timeout_ms = ORIGIN_TIMEOUT_MS },
	{ .name = "hospital-two", .unknown_style = ENGINE_SILENCE, .timeout_ms = ORIGIN_TIMEOUT_MS },
	{ .name = "clinic", .unknown_style = ENGINE_HOLD, .timeout_ms = ORIGIN_TIMEOUT_MS },
};
static const struct engine_institution institutions[SIM_HOSPITALS] = {
	{ "H1", "one", "330213", true, "YT", "gateway", 0, 0, NULL },
	{ "H2", "two", "330213", true, "YT", "gateway", 0, 0, NULL },
	{ "H3", "clinic", "330213", false, "YT", "gateway", 0, 0, NULL },
};
static const struct engine_codec listener = { &national, NULL };
static const struct engine_origin *c_subject(void *ctx, struct yt_str subject)
{
	return &origins[subject.p[1] - '1'];
}

static bool c_speaks_for(void *ctx, const struct engine_origin *origin, const struct yt_msg *msg)
{
	struct yt_str institution = msg->institution;

	return institution.n == 2 && origin == &origins[institution.p[1] - '1'];
}

static const struct engine_institution *c_institution(void *ctx, struct yt_str code)
{
	return &institutions[code.p[1] - '1'];
}

static const struct engine_party *c_route(void *ctx, const struct yt_msg *msg, const struct engine_origin *origin,
        const char *door, struct engine_way *way)
{
	way->rule = "everything";
	if (!yt_str_is(msg->person, "P9") && msg->op->id == YT_OP_OUTPATIENT_SETTLE)
		way->then = &flows[2];
	if (way->then != NULL) {
		way->one_stop = &hub;
		way->one_stop_member = "commercial_claim";
	}
	if (!yt_str_is(msg->person, "P9") || !msg->op->changes_state)
		return &platform;
	if (msg->op->id == YT_OP_INPATIENT_ADMIT)
		way->flow = &flows[0];
	else if (msg->op->id == YT_OP_OUTPATIENT_SETTLE)
		way->flow = &flows[1];
	return way->flow != NULL ? way->flow->steps[0].party : &hub;
}

static const struct engine_party *c_party(void *ctx, const char *name)
{
	return strcmp(name, "hub") == 0 ? &hub : &platform;
}

static const struct engine_flow *c_flow(void *ctx, const char *name)
{
	for (size_t i = 0; i < sizeof(flows) / sizeof(flows[0]); i++)
		if (strcmp(name, flows[i].name) == 0)
			return &flows[i];
	return NULL;
}

static const struct engine_codec *c_listener(void *ctx, const char *name)
{
	return &listener;
}

static bool c_keeps_facts(void *ctx, const struct yt_msg *msg, struct yt_str insured)
{
	return yt_str_is(msg->person, "P9");
}

/* -- workers -------------------------------------------------------------------------------------- */

static void worker_ends(struct sim *s, struct wproc *w)
{
	uint32_t i;

	w->alive = false;
	engine_free(w->engine);
	w->engine = NULL;
	ring_reader_free(&w->down);
	for (i = 0; i < s->n_conns; i++) {
		struct conn *c = &s->conns[i];

		if (c->worker == w->id && (c->open || c->known)) {
			c->known = false;
			sim_at(s, s->now + 1, on_heard, i + 1, 0);
		}
	}
}

static void worker_ring(struct sim *s, struct sim_event *e)
{
	struct wproc *w = worker_of(s, e->a);
	struct talk talk;
	int rv;

	if (!w->alive || put_off(s, w, e))
		return;
	w->ring_event = false;
	while ((rv = ring_get(&w->down, &talk)) == 0) {
		engine_talk(w->engine, &talk);
		ring_release(&w->down, w->down.at);
	}
	if (rv != YT_ENOTFOUND)
		sim_fail(s, "nonsense on the ring of worker %u", w->id);
}

static void wake_worker(struct sim *s, struct wproc *w)
{
	if (w->ring_event || !w->alive)
		return;
	w->ring_event = true;
	sim_at(s, s->now + (int64_t)sim_random(s, 4), worker_ring, w->id, 0);
}

static void reap(struct sim *s, struct sim_event *e);

static void worker_tick(struct sim *s, struct sim_event *e)
{
	struct wproc *w = worker_of(s, e->a);

	if (!w->alive || put_off(s, w, e))
		return;
	engine_tick(w->engine);
	if (w->draining && engine_is_idle(w->engine)) {
		sim_trace(s, "worker %u: drained", w->id);
		worker_ends(s, w);
		sim_at(s, s->now + 5, reap, w->id, 0);
		return;
	}
	sim_at(s, s->now + TICK_MS, worker_tick, w->id, 0);
}

static void keeper_meets(struct sim *s, struct wproc *w);

static void start_worker(struct sim *s, struct sim_event *e)
{
	struct engine_conf conf = { .origin_by_subject = c_subject,
		.speaks_for = c_speaks_for,
		.institution = c_institution,
		.route = c_route,
		.flow = c_flow,
		.keeps_facts = c_keeps_facts,
		.party = c_party,
		.listener = c_listener,
		.serial_from = 9000,
		.serial_to = 9999,
		.exchanges = 1000,
		.retry_ms = 500,
		.retry_max_ms = 4000,
		.busy_tries = 3,
		.busy_retry_ms = 300,
		.park_after_ms = 24 * 3600 * 1000,
		.follow_up_retry_max_ms = 4000,
		.follow_up_park_after_ms = 24 * 3600 * 1000,
		.margin_ms = 400 };
	struct wproc *w = calloc(1, sizeof(*w));
	struct engine_world world = { .ctx = w,
		.wall_ms = w_wall,
		.mono_ms = w_mono,
		.random = w_random,
		.submit = w_submit,
		.send = w_send,
		.answer = w_answer,
		.drop = w_drop,
		.person = w_person,
		.box = w_box,
		.quarantined = w_quarantined,
		.run = w_run };
	int fd = area_make(1);

	YT_REQUIRE(w != NULL && fd >= 0 && area_map(&w->area, fd) == 0);
	close(fd);
	s->gw.workers = sim_more(s->gw.workers, s->gw.n_workers, sizeof(*s->gw.workers));
	s->gw.workers[s->gw.n_workers++] = w;
	w->sim = s;
	w->id = (uint32_t)s->gw.n_workers;
	w->alive = true;
	ring_reader_init(&w->down, w->area.down, ring_bytes(s));
	w->engine = engine_new(&conf, &world);
	sim_trace(s, "worker %u: starts", w->id);
	engine_start(w->engine);
	sim_at(s, s->now + TICK_MS, worker_tick, w->id, 0);
	if (s->gw.keeper != NULL)
		keeper_meets(s, w);
}

/* -- the index: folds of what is durable ---------------------------------------------------------- */

static struct exchange *index_row(struct gateway *g, uint64_t exchange)
{
	size_t i;

	for (i = g->n_index; i-- > 0;) {
		if (g->index[i].id == exchange)
			return &g->index[i];
	}
	return NULL;
}

static void index_record(struct gateway *g, const struct rec *rec, log_pos pos)
{
	struct exchange *x = rec->exchange != 0 ? index_row(g, rec->exchange) : NULL;

	if (rec->exchange == 0)
		return;
	if (x == NULL) {
		if (rec->type != REC_ACCEPTED)
			return;
		g->index = sim_more(g->index, g->n_index, sizeof(*g->index));
		x = &g->index[g->n_index++];
	}
	exchange_apply(x, rec, pos);
}

static void index_commit(struct gateway *g)
{
	struct yt_str rest = yt_buf_view(&g->unindexed[0].records);
	struct rec rec;
	size_t used;

	for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used)
		index_record(g, &rec, g->unindexed[0].pos);
	yt_buf_free(&g->unindexed[0].records);
	memmove(g->unindexed, g->unindexed + 1, --g->n_unindexed * sizeof(*g->unindexed));
}

void gateway_index_all(struct sim *s)
{
	while (s->gw.n_unindexed > 0)
		index_commit(&s->gw);
}

static void index_some(struct sim *s, struct sim_event *e)
{
	struct gateway *g = &s->gw;
	size_t n = g->n_unindexed > 0 ? sim_random(s, g->n_unindexed + 1) : 0;

	if (g->life != e->a || g->keeper == NULL)
		return;
	while (n-- > 0)
		index_commit(g);
	keeper_indexed(g->keeper, g->n_unindexed > 0 ? g->unindexed[0].pos : log_end(g->log));
	sim_at(s, s->now + 300, index_some, g->life, 0);
}

/* -- the keeper's world --------------------------------------------------------------------------- */

static int64_t k_wall(void *ctx)
{
	return wall_now(ctx);
}

static int64_t k_mono(void *ctx)
{
	return ((struct sim *)ctx)->now;
}

static void k_tell(void *ctx, uint32_t worker, const struct talk *talk)
{
	struct sim *s = ctx;
	struct wproc *w = worker_of(s, worker);
	size_t n = w->n_unsent;

	if (!w->known)
		return;
	trace_talk(s, "keeper ->", worker, talk);
	if (talk->kind == DOWN_WELCOME)
		w->area.board->incarnation = (uint32_t)talk->exchange;
	if (n == 0 && s->now >= w->stuffed_until && ring_put(w->area.down, ring_bytes(s), talk, -1) == 0) {
		wake_worker(s, w);
		return;
	}
	w->unsent = sim_more(w->unsent, n, sizeof(*w->unsent));
	w->n_unsent++;
	yt_buf_str(&w->unsent[n].payload, talk->payload);
	w->unsent[n].talk = *talk;
	w->unsent[n].talk.payload = yt_buf_view(&w->unsent[n].payload);
}

static void send_unsent(struct sim *s, struct wproc *w)
{
	size_t n = 0;

	while (n < w->n_unsent && s->now >= w->stuffed_until &&
	        ring_put(w->area.down, ring_bytes(s), &w->unsent[n].talk, -1) == 0)
		yt_buf_free(&w->unsent[n++].payload);
	if (n == 0)
		return;
	w->n_unsent -= n;
	memmove(w->unsent, w->unsent + n, w->n_unsent * sizeof(*w->unsent));
	wake_worker(s, w);
}

static int k_find(void *ctx, struct yt_str institution, struct yt_str number, struct exchange *x)
{
	struct sim *s = ctx;
	size_t i;

	for (i = 0; i < s->gw.n_index; i++) {
		const struct exchange *row = &s->gw.index[i];

		if (yt_str_is(institution, row->institution) && yt_str_is(number, row->number) &&
		        (row->flags & REC_X_FORSAKEN) == 0) {
			*x = *row;
			return 0;
		}
	}
	return YT_ENOTFOUND;
}

static int k_cancelled(void *ctx, struct yt_str institution, struct yt_str settlement, struct exchange *x)
{
	struct sim *s = ctx;

	for (size_t i = 0; i < s->gw.n_index; i++) {
		const struct exchange *row = &s->gw.index[i];

		if (exchange_is_cancel(row) && row->state == X_DONE && yt_str_is(institution, row->institution) &&
		        yt_str_is(settlement, row->original)) {
			*x = *row;
			return 0;
		}
	}
	return YT_ENOTFOUND;
}

static int k_get(void *ctx, uint64_t exchange, struct exchange *x)
{
	struct sim *s = ctx;

	for (size_t i = 0; i < s->gw.n_index; i++) {
		if (s->gw.index[i].id == exchange) {
			*x = s->gw.index[i];
			return 0;
		}
	}
	return YT_ENOTFOUND;
}

/* All at once: nobody asks for some of them here. */
static int k_resting(void *ctx, struct exchange_cursor *after, size_t max,
        void (*each)(void *arg, const struct exchange *x), void *arg)
{
	struct sim *s = ctx;

	for (size_t i = 0; i < s->gw.n_index && after->id == 0; i++)
		if (exchange_may_rest(&s->gw.index[i]))
			each(arg, &s->gw.index[i]);
	after->id = 1;
	return YT_ENOTFOUND;
}

static int k_of_visit(
        void *ctx, struct yt_str visit, size_t max, void (*each)(void *arg, const struct exchange *x), void *arg)
{
	struct sim *s = ctx;

	for (size_t i = 0; i < s->gw.n_index; i++)
		if (exchange_may_rest(&s->gw.index[i]) && yt_str_is(visit, s->gw.index[i].visit))
			each(arg, &s->gw.index[i]);
	return 0;
}

struct fetching {
	uint64_t exchange;
	enum rec_tag tag;
	struct yt_buf *out;
	bool found;
};

static int fetch_each(void *arg, const struct rec *rec, log_pos pos)
{
	struct fetching *f = arg;
	struct yt_str value = rec_get(rec, f->tag);

	if (rec->exchange != f->exchange || value.n == 0)
		return 0;
	yt_buf_clear(f->out);
	yt_buf_str(f->out, value);
	f->found = true;
	return 0;
}

static int k_fetch(void *ctx, log_pos pos, uint64_t exchange, enum rec_tag tag, struct yt_buf *out)
{
	struct sim *s = ctx;
	struct fetching f = { exchange, tag, out, false };
	int rv = log_read(&s->gw.io, &s->gw.log_conf, pos, fetch_each, &f);

	return rv != 0 ? rv : f.found ? 0 : YT_ENOTFOUND;
}

static const char *k_closed(void *ctx)
{
	struct sim *s = ctx;

	return s->gw.full || s->now < s->gw.disk_full_until ? "the journal's disk is full" : NULL;
}

/* -- commits -------------------------------------------------------------------------------------- */

static void settled_down(struct gateway *g, uint64_t exchange)
{
	size_t i;

	for (i = 0; i < g->n_out; i++) {
		if (g->out[i].exchange == exchange)
			g->out[i--] = g->out[--g->n_out];
	}
}

static void acknowledge(struct sim *s, const struct rec *rec)
{
	struct gateway *g = &s->gw;
	struct acked *a;
	struct yt_str number = rec_get(rec, REC_T_NUMBER), reply = rec_get(rec, REC_T_REPLY);

	g->acked = sim_more(g->acked, g->n_acked, sizeof(*g->acked));
	a = &g->acked[g->n_acked++];
	*a = (struct acked){ .exchange = rec->exchange,
		.type = (uint8_t)rec->type,
		.leg = (uint8_t)rec_get_u64(rec, REC_T_LEG),
		.wall_ms = rec->wall_ms };
	snprintf(a->number, sizeof(a->number), "%.*s", YT_FMT(number));
	if (reply.n > 0) {
		a->reply = strndup(reply.p, reply.n);
		YT_REQUIRE(a->reply != NULL);
	}
	if (rec->type == REC_PARKED && /* nothing here is beyond proof; a claim anew is people's to make */
	        memmem(rec_get(rec, REC_T_REASON).p, rec_get(rec, REC_T_REASON).n, "stands again", 12) == NULL)
		sim_fail(s, "exchange %llx is parked: %.*s", (unsigned long long)rec->exchange,
		        YT_FMT(rec_get(rec, REC_T_REASON)));
	if (rec->type == REC_ANSWERED || rec->type == REC_REVERSED)
		settled_down(g, rec->exchange);
}

static void durable(struct sim *s, struct yt_str records, log_pos pos)
{
	struct gateway *g = &s->gw;
	struct yt_str rest = records;
	struct rec rec;
	size_t used;

	for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used)
		acknowledge(s, &rec);
	g->unindexed = sim_more(g->unindexed, g->n_unindexed, sizeof(*g->unindexed));
	g->unindexed[g->n_unindexed].pos = pos;
	yt_buf_str(&g->unindexed[g->n_unindexed++].records, records);
}

static void tell_durable(struct sim *s, log_pos pos)
{
	size_t i;

	keeper_committed(s->gw.keeper, pos);
	if (s->gw.die_after_tell) {
		s->gw.die_after_tell = false;
		kill_keeper(s, sim_chance(s, 50));
		return;
	}
	for (i = 0; i < s->gw.n_workers; i++) {
		struct wproc *w = s->gw.workers[i];

		if (!w->known && !w->bury_taken)
			continue;
		if (w->known)
			ring_release(&w->up, w->taken_to);
		if (w->bury_taken) {
			w->buried = true;
			w->bury_taken = false;
			ring_reader_free(&w->up);
			area_unmap(&w->area);
		}
	}
}

static void commit_ends(struct sim *s, struct sim_event *e)
{
	struct gateway *g = &s->gw;
	log_pos pos = 0;
	int rv;

	if (e->a != g->life || g->keeper == NULL)
		return;
	if (s->now < g->disk_full_until) { /* nothing was written: the same again when there is room */
		g->full = true;
		sim_trace(s, "keeper: disk full");
		sim_at(s, s->now + 100, commit_ends, g->life, 0);
		return;
	}
	g->full = false;
	rv = log_commit(g->log, g->taken, &pos);
	if (rv != 0) {
		sim_fail(s, "a commit of %zu bytes failed: %s", g->taken.n, yt_strerror(rv));
		return;
	}
	g->committing = false;
	durable(s, g->taken, pos);
	tell_durable(s, pos);
	if (g->keeper != NULL)
		keeper_turn_at(s, s->now);
}

static void mark_taken(struct sim *s, bool all)
{
	size_t i;

	for (i = 0; i < s->gw.n_workers; i++) {
		struct wproc *w = s->gw.workers[i];

		if (w->known)
			w->taken_to = w->up.at;
		if (w->gone && !w->buried)
			w->bury_taken = true;
	}
}

static void commit_if_ready(struct sim *s)
{
	struct gateway *g = &s->gw;
	int64_t takes = (int64_t)sim_random(s, 6);
	bool urgent;

	if (g->committing)
		return;
	if (!keeper_has_pending(g->keeper, &urgent)) {
		mark_taken(s, true);
		tell_durable(s, log_end(g->log)); /* nothing of what was read needed writing down */
		return;
	}
	if (!urgent && s->now < g->flush_at) {
		keeper_turn_at(s, g->flush_at);
		return;
	}
	keeper_take(g->keeper, &g->taken);
	mark_taken(s, true);
	g->flush_at = s->now + 50;
	if (g->taken.n == 0) {
		tell_durable(s, log_end(g->log));
		return;
	}
	g->committing = true;
	if (sim_fault(s, 5))
		takes = 500 + (int64_t)sim_random(s, 9000); /* a disk that hangs */
	g->die_after_tell = sim_fault(s, 4);
	sim_at(s, s->now + takes, commit_ends, g->life, 0);
}

/* -- the keeper's turn ---------------------------------------------------------------------------- */

static void drain(struct sim *s, struct wproc *w)
{
	struct talk talk;
	int rv;

	while ((rv = ring_get(&w->up, &talk)) == 0) {
		trace_talk(s, "keeper <-", w->id, &talk);
		rv = keeper_message(s->gw.keeper, w->id, &talk);
		if (rv != 0) {
			sim_fail(s, "the keeper calls message %d of worker %u about %llx nonsense", (int)talk.kind,
			        w->id, (unsigned long long)talk.exchange);
			return;
		}
	}
	if (rv != YT_ENOTFOUND)
		sim_fail(s, "nonsense on the ring of worker %u", w->id);
}

static void keeper_turn(struct sim *s, struct sim_event *e)
{
	struct gateway *g = &s->gw;
	int64_t next;
	size_t i;

	if (e->a != g->life || g->keeper == NULL || (int64_t)e->b != g->turn_at)
		return;
	g->turn_at = 0;
	for (i = 0; i < g->n_workers; i++) {
		struct wproc *w = g->workers[i];

		if (w->known) {
			send_unsent(s, w);
			drain(s, w);
		}
	}
	next = keeper_tick(g->keeper);
	if (next >= 0)
		keeper_turn_at(s, next);
	commit_if_ready(s);
}

static void keeper_turn_at(struct sim *s, int64_t at)
{
	struct gateway *g = &s->gw;

	if (g->keeper == NULL || (g->turn_at != 0 && g->turn_at <= at))
		return;
	g->turn_at = at <= s->now ? s->now + 1 : at;
	sim_at(s, g->turn_at, keeper_turn, g->life, (uint64_t)g->turn_at);
}

static void keeper_meets(struct sim *s, struct wproc *w)
{
	ring_reader_init(&w->up, w->area.up, ring_bytes(s));
	w->taken_to = w->up.at;
	w->known = true;
	keeper_worker_up(s->gw.keeper, w->id, w->area.board->incarnation);
	keeper_turn_at(s, s->now);
}

static void keeper_buries(struct sim *s, struct wproc *w)
{
	drain(s, w);
	keeper_worker_gone(s->gw.keeper, w->id);
	w->known = false;
	w->gone = true;
	keeper_turn_at(s, s->now);
}

static void reap(struct sim *s, struct sim_event *e)
{
	struct wproc *w = worker_of(s, e->a);

	if (s->gw.keeper != NULL && w->known)
		keeper_buries(s, w);
	sim_at(s, s->now + 50 + (int64_t)sim_random(s, 300), start_worker, 0, 0);
}

/* -- starting and killing ------------------------------------------------------------------------- */

struct replaying {
	struct sim *sim;
	size_t n;
};

/* What was acknowledged is there, in order. */
static int replay_record(void *arg, const struct rec *rec, log_pos pos)
{
	struct replaying *r = arg;
	struct gateway *g = &r->sim->gw;

	if (r->n < g->n_acked) {
		const struct acked *a = &g->acked[r->n];

		if (a->exchange != rec->exchange || a->type != rec->type || a->wall_ms != rec->wall_ms)
			sim_fail(r->sim, "an acknowledged record is lost: exchange %llx, %s",
			        (unsigned long long)a->exchange, rec_type_name(a->type));
	} else {
		acknowledge(r->sim, rec);
	}
	r->n++;
	index_record(g, rec, pos);
	if (rec->type == REC_NUMBER || rec->type == REC_SESSION || rec->type == REC_WORKER)
		keeper_replay(g->keeper, rec, pos);
	return 0;
}

/* Octets of answers that became durable without anybody having been told. */
static int fill_reply(void *arg, const struct rec *rec, log_pos pos)
{
	struct replaying *r = arg;
	struct acked *a = &r->sim->gw.acked[r->n++];
	struct yt_str reply = rec_get(rec, REC_T_REPLY);

	if (rec->type == REC_ANSWERED && a->reply == NULL && reply.n > 0)
		a->reply = strndup(reply.p, reply.n);
	return 0;
}

static void load_all(struct sim *s)
{
	struct gateway *g = &s->gw;
	size_t i;

	for (i = 0; i < g->n_index; i++) {
		const struct exchange *x = &g->index[i];

		if (exchange_may_rest(x))
			keeper_rest(g->keeper, x->id, &(struct rest){ x->due_ms, x->due_set_ms, x->state == X_PARKED });
		else if (exchange_is_open(x))
			keeper_load(g->keeper, x);
	}
}

static void forget_unindexed(struct gateway *g)
{
	while (g->n_unindexed > 0)
		yt_buf_free(&g->unindexed[--g->n_unindexed].records);
	g->n_index = 0;
}

static const char *k_step_party(void *ctx, const char *name, unsigned step)
{
	const struct engine_flow *f = c_flow(ctx, name);

	return f != NULL && step >= 1 && step <= f->n ? f->steps[step - 1].party->name : NULL;
}

static void start_keeper(struct sim *s, struct sim_event *e)
{
	static const struct keeper_conf conf = { .serial_from = 9000,
		.serial_to = 9999,
		.reverse_after_ms = 2000,
		.undelivered_ms = UNDELIVERED_MS,
		.longest_wait_ms = SERVER_DELAY_MS + 1000,
		.rest_ms = 10000,
		.leases = 16,
		.exchanges = 1000 };
	struct gateway *g = &s->gw;
	struct keeper_world world = { .ctx = s,
		.wall_ms = k_wall,
		.mono_ms = k_mono,
		.tell = k_tell,
		.find = k_find,
		.cancelled = k_cancelled,
		.get = k_get,
		.resting = k_resting,
		.of_visit = k_of_visit,
		.step_party = k_step_party,
		.fetch = k_fetch,
		.closed = k_closed };
	struct log_problem why = { { 0 }, 0, 0, { 0 } };
	struct replaying r = { s, 0 }, again = { s, 0 };
	size_t i;

	sim_trace(s, "keeper: starts");
	g->life++;
	g->keeper = keeper_new(&conf, &world);
	g->committing = g->full = false;
	g->turn_at = 0;
	forget_unindexed(g);
	if (log_open(&g->log, &g->log_conf, &g->io, 0, replay_record, &r, &why) != 0) {
		sim_fail(s, "the journal cannot be opened: %s: %s", why.file, why.why);
		return;
	}
	if (r.n < g->n_acked)
		sim_fail(s, "%zu acknowledged records are lost", g->n_acked - r.n);
	if (log_scan(&g->io, &g->log_conf, 0, 0, true, fill_reply, &again, &why) != 0)
		sim_fail(s, "the journal cannot be read: %s", why.why);
	load_all(s);
	for (i = 0; i < g->n_workers; i++) {
		struct wproc *w = g->workers[i];

		if (!w->buried)
			keeper_meets(s, w);
	}
	keeper_start(g->keeper); /* before any ring is read: what bars others must be known */
	for (i = 0; i < g->n_workers; i++) {
		if (g->workers[i]->known && !g->workers[i]->alive)
			keeper_buries(s, g->workers[i]);
	}
	keeper_turn_at(s, s->now + 1);
	sim_at(s, s->now + 300, index_some, g->life, 0);
}

/* What of a commit that is out reaches the disk, if anything. */
static void tear_commit(struct sim *s)
{
	struct gateway *g = &s->gw;
	uint64_t how = sim_random(s, 3);
	log_pos pos;

	if (!g->committing || how == 0 || g->full)
		return;
	if (how == 1)
		faulty_arm(g->disk, 1 + sim_random(s, 3), FAULTY_KILL, 0);
	(void)log_commit(g->log, g->taken, &pos);
}

static void forget_workers(struct sim *s)
{
	size_t i, n;

	for (i = 0; i < s->gw.n_workers; i++) {
		struct wproc *w = s->gw.workers[i];

		if (w->buried)
			continue;
		for (n = 0; n < w->n_unsent; n++)
			yt_buf_free(&w->unsent[n].payload);
		w->n_unsent = 0;
		ring_reader_free(&w->up);
		w->known = w->gone = w->bury_taken = false;
	}
}

static void kill_keeper(struct sim *s, bool power)
{
	struct gateway *g = &s->gw;

	if (g->keeper == NULL)
		return;
	sim_trace(s, "keeper: killed%s%s", power ? ", unsynced sectors are lost" : "",
	        g->committing ? ", while it commits" : "");
	s->told.kills++;
	tear_commit(s);
	faulty_end(g->disk, power ? FAULTY_POWER : FAULTY_EXIT);
	log_close(g->log);
	g->log = NULL;
	keeper_free(g->keeper);
	g->keeper = NULL;
	g->life++;
	forget_workers(s);
	sim_at(s, s->now + 20 + (int64_t)sim_random(s, sim_chance(s, 20) ? 8000 : 500), start_keeper, 0, 0);
}

static void kill_worker(struct sim *s, struct wproc *w)
{
	sim_trace(s, "worker %u: killed", w->id);
	s->told.kills++;
	worker_ends(s, w);
	sim_at(s, s->now + 1 + (int64_t)sim_random(s, 30), reap, w->id, 0);
}

/* The power fails: no process, no ring is left. */
static void kill_all(struct sim *s)
{
	size_t i;

	sim_trace(s, "power failure");
	s->told.restarts++;
	for (i = 0; i < s->gw.n_workers; i++) {
		struct wproc *w = s->gw.workers[i];

		if (w->alive) {
			worker_ends(s, w);
			sim_at(s, s->now + 100 + (int64_t)sim_random(s, 3000), start_worker, 0, 0);
		}
	}
	if (s->gw.keeper != NULL)
		kill_keeper(s, true);
	for (i = 0; i < s->gw.n_workers; i++) {
		struct wproc *w = s->gw.workers[i];

		if (!w->buried) {
			w->buried = true;
			area_unmap(&w->area);
		}
	}
}

/* -- what goes wrong ------------------------------------------------------------------------------ */

static struct wproc *any_alive(struct sim *s)
{
	size_t i, n = s->gw.n_workers, from = n == 0 ? 0 : sim_random(s, n);

	for (i = 0; i < n; i++) {
		struct wproc *w = s->gw.workers[(from + i) % n];

		if (w->alive)
			return w;
	}
	return NULL;
}

static void step_clock(struct sim *s)
{
	static const int64_t steps[] = { -6 * 3600000, -3600000, -2000, 1500, 3600000, 8 * 3600000 };

	int64_t step_ms = steps[sim_random(s, sizeof(steps) / sizeof(steps[0]))];

	s->wall_off += step_ms;
	if (s->gw.keeper != NULL)
		keeper_clock_stepped(s->gw.keeper, step_ms);
	sim_trace(s, "the wall clock is now %lld s off", (long long)(s->wall_off / 1000));
}

static void keeper_dies(struct sim *s, struct sim_event *e)
{
	if (!s->calm)
		kill_keeper(s, false);
}

/* A worker's ring is full for a while, and the keeper dies with the verdicts that wait for room. */
static void stuff_ring(struct sim *s, struct sim_event *e)
{
	struct wproc *w = any_alive(s);

	if (w != NULL) {
		w->stuffed_until = s->now + 700;
		sim_trace(s, "worker %u: its ring is full", w->id);
		sim_at(s, s->now + 100 + (int64_t)sim_random(s, 600), keeper_dies, 0, 0);
	}
}

void gateway_chaos(struct sim *s, struct sim_event *e)
{
	uint64_t what = sim_random(s, 100);
	struct wproc *w = any_alive(s);

	if (s->calm)
		return;
	sim_at(s, s->now + 200 + (int64_t)sim_random(s, 8000), gateway_chaos, 0, 0);
	if (what < 25 && w != NULL) {
		kill_worker(s, w);
	} else if (what < 50) {
		kill_keeper(s, sim_chance(s, 50));
	} else if (what < 58) {
		kill_all(s);
	} else if (what < 66) {
		s->gw.disk_full_until = s->now + 300 + (int64_t)sim_random(s, 6000);
	} else if (what < 74) {
		step_clock(s);
	} else if (what < 80) {
		platform_midnight(s);
	} else if (what < 90 && w != NULL) {
		w->frozen_until = s->now + (int64_t)sim_random(s, 10000);
		sim_trace(s, "worker %u: stopped for %lld ms", w->id, (long long)(w->frozen_until - s->now));
	} else if (w != NULL && s->gw.keeper != NULL && w->known && !w->draining) {
		sim_trace(s, "worker %u: drains", w->id);
		w->draining = true;
		keeper_worker_drains(s->gw.keeper, w->id);
		if (sim_chance(s, 50)) /* and a keeper that is to know it dies */
			kill_keeper(s, false);
	}
}

void gateway_calm(struct sim *s)
{
	s->gw.disk_full_until = 0;
}

/* All but claims that people must make anew: their settlement was cancelled, and revived. */
static void is_for_machines(void *arg, const struct exchange *x)
{
	if (x->state != X_PARKED || strstr(x->reason, "stands again") == NULL)
		*(bool *)arg = true;
}

bool gateway_is_quiet(struct sim *s)
{
	bool any = false;

	if (s->gw.keeper != NULL)
		keeper_each_open(s->gw.keeper, is_for_machines, &any);
	return s->gw.keeper != NULL && !any && !s->gw.committing;
}

void gateway_start(struct sim *s)
{
	struct gateway *g = &s->gw;
	int64_t i;

	national = fake_codec;
	national.decode_reply = national_decode_reply;
	national.encode_reply = national_encode_reply;
	national.is_slow = s->seed % 4 >= 2;
	hub.codec.api = hub_codec(s->seed % 2 == 1);
	g->disk = faulty_new(s->seed);
	faulty_io(g->disk, 0, &g->io);
	g->log_conf = (struct log_conf){ .segment_bytes = 1 << 20, .reserve_segments = 1 };
	start_keeper(s, NULL);
	start_worker(s, NULL);
	start_worker(s, NULL);
	sim_at(s, 3000, gateway_chaos, 0, 0);
	for (i = 0; i < 4; i++)
		sim_at(s, 16000 + i * 24400, stuff_ring, 0,
		        0); /* the last one so late that hardly a worker dies after it */
}

void gateway_free(struct sim *s)
{
	struct gateway *g = &s->gw;
	size_t i, n;

	for (i = 0; i < g->n_workers; i++) {
		struct wproc *w = g->workers[i];

		for (n = 0; n < w->n_unsent; n++)
			yt_buf_free(&w->unsent[n].payload);
		free(w->unsent);
		engine_free(w->engine);
		ring_reader_free(&w->down);
		ring_reader_free(&w->up);
		area_unmap(&w->area);
		free(w);
	}
	log_close(g->log);
	keeper_free(g->keeper);
	for (i = 0; i < g->n_acked; i++)
		free(g->acked[i].reply);
	forget_unindexed(g);
	faulty_free(g->disk);
	free(g->workers);
	free(g->calls);
	free(g->acked);
	free(g->index);
	free(g->unindexed);
	free(g->out);
	free(g->own_numbers);
}
