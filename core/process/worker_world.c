/* core/process/worker_world.c - the world of a worker's engine (struct engine_world): clocks, ring, lanes, listeners,
 * black box, quarantine.  What the engine decides leaves here; no decisions. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "process/meters.h"
#include "process/worker_parts.h"

static int64_t world_wall(void *ctx)
{
	return yt_wall_ms();
}

static int64_t world_mono(void *ctx)
{
	return yt_mono_ms();
}

static void world_random(void *ctx, void *out, size_t n)
{
	yt_random(out, n);
}

static int world_submit(void *ctx, const struct talk *talk)
{
	struct worker *w = ctx;

	if (talk->kind == UP_NOTE)
		return ring_put_quietly(w->area.up, w->area.ring_bytes, talk, FD_WAKE_KEEPER);
	return ring_put(w->area.up, w->area.ring_bytes, talk, FD_WAKE_KEEPER);
}

static void fail_leg(struct worker *w, uint64_t leg)
{
	struct failed_leg *f = calloc(1, sizeof(*f));

	YT_REQUIRE(f != NULL);
	f->leg = leg;
	f->next = w->failed;
	w->failed = f;
}

static void world_box(void *ctx, const char *plugin, const char *what, uint64_t exchange, struct yt_str octets)
{
	struct worker *w = ctx;

	if (what == NULL)
		box_empty(w->box);
	else
		box_fill(w->box, plugin, what, exchange, octets);
}

static void world_send(void *ctx, const struct engine_party *party, uint64_t leg, struct yt_str wire_op,
        struct yt_str body, int64_t deadline_ms)
{
	struct worker *w = ctx;
	struct worker_party *p = party->owner;
	struct sending sending = { .box = w->box->what, .box_size = sizeof(w->box->what) };
	const char *why;

	yt_arena_reset(w->scratch);
	why = sending_make(&sending, &party->codec, p->conf, wire_op, body, w->scratch);
	world_box(w, NULL, NULL, 0, (struct yt_str){ 0 }); /* what follows is ours */
	if (why != NULL) {
		yt_log(YT_ERROR, "worker", "party %s: transaction %.*s: %s", party->name, YT_FMT(wire_op), why);
		yt_buf_free(&sending.frame);
		fail_leg(w, leg);
		return;
	}
	sending_add_conf(&sending, p->conf, yt_str(engine_traceparent(w->engine)), w->keys);
	sending.request.deadline_ms = deadline_ms;
	sent_remember(&w->sent, w->box, party, leg, &sending.request, body);
	if (p->drop != NULL)
		drop_send(p->drop, leg, sending.request.target, sending.request.body, deadline_ms);
	else
		lane_send(p->lane, leg, &sending.request);
	yt_buf_free(&sending.frame);
}

/* The engine asked for it itself: it sees what became of that, and no connection waits. */
static bool is_fetched(uint64_t token)
{
	return (token & ENGINE_TOKEN_FETCHED) != 0;
}

static struct server_token token_of(uint64_t token, uint32_t *listener)
{
	*listener = (uint32_t)(token >> 56) - 1;
	return (struct server_token){ .slot = (uint32_t)(token >> 32) & 0xffffff, .generation = (uint32_t)token };
}

uint64_t worker_token(uint32_t listener, struct server_token t)
{
	return (uint64_t)(listener + 1) << 56 | (uint64_t)(t.slot & 0xffffff) << 32 | t.generation;
}

static void world_answer(void *ctx, uint64_t token, int status, const char *content_type, struct yt_str body)
{
	struct worker *w = ctx;
	uint32_t listener;
	struct server_token t = token_of(token, &listener);

	if (is_fetched(token))
		return;
	if (status != 200)
		meters_request(listener, YT_OP_COUNT, METER_TURNED_AWAY, 0);
	if (w->listeners[listener].folder != NULL)
		worker_folder_answer(w->listeners[listener].folder, t, status, body);
	else
		server_answer(w->listeners[listener].server, t, status, content_type, body);
}

static void world_answer_http(
        void *ctx, uint64_t token, const struct yt_http *answer, const char *content_type, bool is_asked)
{
	struct worker *w = ctx;
	uint32_t listener;
	struct server_token t = token_of(token, &listener);
	const struct server_reply reply = { .status = answer->status,
		.content_type = content_type,
		.fields = answer->headers,
		.n_fields = answer->n_headers,
		.body = answer->body };

	if (is_fetched(token))
		return;
	if (!is_asked)
		meters_request(listener, YT_OP_COUNT, METER_TURNED_AWAY, 0);
	if (w->listeners[listener].folder != NULL)
		worker_folder_answer(w->listeners[listener].folder, t, is_asked ? 200 : answer->status, answer->body);
	else
		server_answer_with(w->listeners[listener].server, t, &reply);
}

static void world_told(void *ctx, const char *listener, const struct yt_op *op, bool is_answered, int64_t took_ms)
{
	struct worker *w = ctx;

	for (uint32_t i = 0; i < w->conf->n_listeners; i++) {
		if (strcmp(w->conf->listeners[i].name, listener) == 0) {
			meters_request(i, op->id, is_answered ? METER_ANSWERED : METER_SILENT, took_ms * 1000);
			return;
		}
	}
}

static void world_verdict(void *ctx, uint64_t token, enum yt_outcome outcome, struct yt_str text)
{
	struct worker *w = ctx;
	uint32_t listener;
	struct server_token t = token_of(token, &listener);

	if (!is_fetched(token) && w->listeners[listener].folder != NULL)
		worker_folder_verdict(w->listeners[listener].folder, t, outcome, text);
}

static void world_drop(void *ctx, uint64_t token)
{
	struct worker *w = ctx;
	uint32_t listener;
	struct server_token t = token_of(token, &listener);

	if (is_fetched(token))
		return;
	if (w->listeners[listener].folder != NULL)
		worker_folder_drop(w->listeners[listener].folder, t);
	else
		server_drop(w->listeners[listener].server, t);
}

static void world_person(void *ctx, struct yt_str person, uint8_t out[16])
{
	struct worker *w = ctx;
	uint8_t mac[32];

	yt_hmac_sha256(w->person_mac, person, mac);
	memcpy(out, mac, 16);
}

static bool world_quarantined(void *ctx, struct yt_str octets)
{
	struct worker *w = ctx;
	uint32_t n = atomic_load_explicit(&w->quarantine->n, memory_order_acquire), i;
	uint8_t digest[32];

	if (n == 0)
		return false;
	if (octets.n > BOX_OCTETS)
		octets.n = BOX_OCTETS; /* the black box kept no more */
	EVP_Digest(octets.p, octets.n, digest, NULL, EVP_sha256(), NULL);
	for (i = 0; i < n && i < QUARANTINE_SLOTS; i++) {
		if (w->quarantine->slot[i].until_mono_ms > yt_mono_ms() &&
		        memcmp(w->quarantine->slot[i].digest, digest, sizeof(digest)) == 0)
			return true;
	}
	return false;
}

static bool world_stopped(void *ctx, const struct engine_party *party)
{
	const struct worker_party *p = party->owner;

	return p->board->is_stopped != 0;
}

static int world_run(void *ctx, struct engine_job *job)
{
	struct worker *w = ctx;

	return slow_give(w->slow, job);
}

int worker_open_engine(struct worker *w)
{
	struct engine_world world = { .ctx = w,
		.wall_ms = world_wall,
		.mono_ms = world_mono,
		.random = world_random,
		.submit = world_submit,
		.send = world_send,
		.answer = world_answer,
		.answer_http = world_answer_http,
		.verdict = world_verdict,
		.drop = world_drop,
		.told = world_told,
		.person = world_person,
		.box = world_box,
		.quarantined = world_quarantined,
		.enrolled = worker_enrolled,
		.stopped = world_stopped,
		.run = world_run };
	struct engine_conf conf;

	worker_engine_conf(w, &conf);
	w->scratch = yt_arena_new(64 << 20); /* the name of a file is found by reading it: thousands of payouts */
	w->engine = engine_new(&conf, &world);
	return w->engine != NULL && w->scratch != NULL ? 0 : YT_ENOMEM;
}
