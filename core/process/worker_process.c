/* core/process/worker_process.c - a worker: listeners, lanes, plugins, ring and engine wired together.
 *
 * One loop, and threads for codecs that are slow (slow.h).  A listener's whole request goes into the engine
 * (engine/engine.h), the engine's legs go out by the party's lane, its records by the ring; the ring's eventfd brings
 * the keeper's verdicts.  Doors open when the keeper has welcomed us.  SIGTERM drains: no new connections, open
 * exchanges end, exit. No decisions here. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <uv.h>

#include "base/sha256.h"
#include "engine/engine.h"
#include "net/drop.h"
#include "net/lane.h"
#include "net/server.h"
#include "net/tls.h"
#include "plugin/loader.h"
#include "process/process.h"
#include "process/meters.h"
#include "process/slow.h"
#include "process/worker_files.h"
#include "process/worker_parts.h"
#include "process/worker_sending.h"

#define TICK_MS 50

/* -- the engine's world ------------------------------------------------------------------------- */

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

static uint64_t token_to(uint32_t listener, struct server_token t)
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

/* -- events ------------------------------------------------------------------------------------- */

static void on_coded(void *arg, struct engine_job *job)
{
	struct worker *w = arg;

	engine_coded(w->engine, job);
}

/* The path without its query is one of those the listener serves, octet by octet: who writes it otherwise, by escapes
 * or a second slash, means something else. */
static bool is_served(const struct conf_listener *l, struct yt_str target)
{
	const char *query = memchr(target.p, '?', target.n);
	size_t n = query != NULL ? (size_t)(query - target.p) : target.n;

	for (uint32_t i = 0; i < l->paths.n; i++) {
		if (l->paths.item[i].n == n && memcmp(l->paths.item[i].p, target.p, n) == 0)
			return true;
	}
	return l->paths.n == 0;
}

static void on_request(void *arg, const struct server_request *r)
{
	struct worker_listener *l = arg;
	struct engine_request request = { .token = token_to(l->index, r->token),
		.listener = l->conf->name,
		.codec = l->codec,
		.by_certificate = l->conf->kind == CONF_MTLS,
		.method = r->method,
		.subject = r->subject,
		.path = r->target,
		.peer = r->peer,
		.headers = r->headers,
		.n_headers = r->n_headers,
		.body = r->body };

	if (is_served(l->conf, r->target)) {
		engine_request(l->worker->engine, &request);
		return;
	}
	if (yt_pace(&l->strays, yt_mono_ms(), "worker", "requests for other paths"))
		yt_log(YT_WARN, "worker",
		        "%s: request from %.*s, certificate \"%.*s\", for a path that is not in paths: it hears 404",
		        l->conf->name, YT_FMT(r->peer), YT_FMT(r->subject));
	server_answer(l->server, r->token, 404, "text/plain; charset=utf-8", YT_STR("no such path here\n"));
}

static void on_gone(void *arg, struct server_token token)
{
	struct worker_listener *l = arg;

	engine_gone(l->worker->engine, token_to(l->index, token));
}

static void on_flushed(void *arg, struct server_token token)
{
	struct worker_listener *l = arg;

	engine_flushed(l->worker->engine, token_to(l->index, token));
}

static int on_frame(void *arg, uint64_t id, struct yt_str octets, struct yt_frame *out)
{
	struct worker_party *p = arg;

	return sent_frame_next(&p->worker->sent, p->worker->box, &p->engine, id, octets, out);
}

static void on_lane(void *arg, uint64_t id, const struct lane_result *result)
{
	static const enum engine_leg_end ends[] = { [LANE_NOT_SENT] = LEG_NOT_SENT,
		[LANE_ANSWERED] = LEG_ANSWERED,
		[LANE_LOST] = LEG_LOST,
		[LANE_TIMED_OUT] = LEG_TIMED_OUT };
	static const enum meter_leg legs[] = { [LANE_NOT_SENT] = METER_LEG_NOT_SENT,
		[LANE_ANSWERED] = METER_LEG_ANSWERED,
		[LANE_LOST] = METER_LEG_LOST,
		[LANE_TIMED_OUT] = METER_LEG_TIMED_OUT };
	struct worker_party *p = arg;
	const char *why = result->why;
	enum engine_leg_end end = ends[result->end];

	if (!sent_is_answered(&p->worker->sent, p->worker->box, &p->engine, id, result, &why))
		end = LEG_LOST;
	if (!result->late && result->end != LANE_ANSWERED) {
		p->board->failed_ms = yt_wall_ms();
		snprintf(p->board->why, sizeof(p->board->why), "%s", why);
	}
	if (!result->late)
		meters_leg((uint32_t)(p - p->worker->parties), legs[result->end], result->took_ms * 1000);
	if (end == ends[result->end] || !result->late)
		engine_leg(p->worker->engine, id, end, result->status, result->body, why, result->late);
}

/* One worker takes the files; a second one, while a reload changes them over, waits for the folder's lock. */
static int open_folder(struct worker *w, struct worker_listener *l)
{
	struct worker_folder_conf conf = { .listener = l->conf,
		.file_bytes = w->conf->limits.body_kib << 10,
		.engine = w->engine,
		.codec = l->codec,
		.box = w->box,
		.token = token_to(l->index, (struct server_token){ 0 }) };

	for (uint32_t i = 0; i < w->conf->n_origins; i++)
		if (strcmp(w->conf->origins[i].name, l->conf->origin) == 0)
			conf.origin = &w->origins[i];
	return w->slot == 0 ? worker_folder_open(&l->folder, w->loop, &conf) : 0;
}

static int open_server(struct worker *w, struct worker_listener *l)
{
	static const enum server_kind kinds[] = {
		[CONF_MTLS] = SERVER_MTLS, [CONF_SIGNED] = SERVER_SIGNED, [CONF_PLAIN] = SERVER_PLAIN
	};
	const struct conf_limits *limits = &w->conf->limits;
	struct server_events events = { l, on_request, on_gone, on_flushed };
	struct server_conf conf = { .name = l->conf->name,
		.kind = kinds[l->conf->kind],
		.crl_file = l->conf->crl,
		.allow = l->allow,
		.n_allow = l->conf->allow.n,
		.cert_file = l->conf->cert,
		.key_file = l->conf->key,
		.client_ca_file = l->conf->client_ca,
		.http2 = l->conf->http2 != 0,
		.limits = { .connections = limits->connections,
		        .header_bytes = limits->header_kib << 10,
		        .headers = limits->headers,
		        .body_bytes = limits->body_kib << 10,
		        .handshake_ms = limits->handshake_ms,
		        .request_ms = limits->request_ms,
		        .idle_ms = limits->idle_ms,
		        .streams = limits->http2_streams,
		        .continuations = limits->http2_continuations,
		        .buffered_bytes = limits->http2_buffer_kib << 10,
		        .resets = limits->http2_resets,
		        .control_frames = limits->http2_control_frames } };

	return server_open(&l->server, w->loop, (int)(FD_LISTENERS + l->index), &conf, &events);
}

static int open_doors(struct worker *w)
{
	for (uint32_t i = 0; i < w->conf->n_listeners; i++) {
		struct worker_listener *l = &w->listeners[i];

		if ((l->conf->kind == CONF_FOLDER ? open_folder(w, l) : open_server(w, l)) != 0)
			return YT_ECONF;
	}
	w->doors_open = true;
	return 0;
}

static void on_ring(uv_poll_t *poll, int status, int events)
{
	struct worker *w = poll->data;
	struct talk talk;
	uint64_t n;
	int rv;

	if (read(FD_WAKE_WORKER, &n, sizeof(n)) < 0)
		n = 0;
	while ((rv = ring_get(&w->down, &talk)) == 0) {
		engine_talk(w->engine, &talk);
		ring_release(&w->down, w->down.at);
	}
	YT_REQUIRE(rv == YT_ENOTFOUND);
	if (!w->doors_open && !w->draining && engine_is_up(w->engine) && open_doors(w) != 0)
		exit(2);
}

static void write_board(struct worker *w)
{
	struct board *b = w->area.board;
	struct engine_counts c;
	uint32_t i, n = 0;

	engine_count(w->engine, &c);
	b->requests = c.requests;
	b->answered = c.answered;
	b->refused = c.refused;
	b->reads = c.reads;
	b->unknown = c.unknown;
	b->in_flight = c.in_flight;
	b->leases = c.leases;
	b->dropped = c.dropped;
	b->quotes = c.quotes;
	b->quotes_missed = c.quotes_missed;
	b->one_stops = c.one_stops;
	b->one_stops_missed = c.one_stops_missed;
	for (i = 0; w->doors_open && i < w->conf->n_listeners; i++)
		n += w->listeners[i].server != NULL ? server_connections(w->listeners[i].server) : 0;
	b->connections = n;
}

static void write_lanes(struct worker *w)
{
	for (uint32_t i = 0; i < w->conf->n_parties; i++) {
		struct board_lane *b = w->parties[i].board;
		struct lane_state s;

		if (w->parties[i].drop != NULL)
			drop_state(w->parties[i].drop, &s);
		else
			lane_state(w->parties[i].lane, &s);
		b->connections = s.connections;
		b->busy = s.busy;
		b->queued = s.queued;
		b->sent = s.sent;
		b->answered = s.answered;
		b->lost = s.lost;
		b->timed_out = s.timed_out;
		b->not_sent = s.not_sent;
	}
}

static void warn_of(const char *what, const char *name, const char *file)
{
	int days;

	if (file == NULL || tls_days_left(file, &days) != 0 || days >= 30)
		return;
	yt_log(days < 7 ? YT_ERROR : YT_WARN, "worker",
	        "%s %s: certificate %s %s %d days: put a new one there, then reload", what, name, file,
	        days < 0 ? "ended" : "ends in", days < 0 ? -days : days);
}

/* Once a day, by one worker: who started long ago has forgotten what the check said. */
static void warn_of_certificates(struct worker *w)
{
	int64_t today = yt_wall_ms() / 86400000;

	if (w->slot != 0 || w->draining || today == w->warned_on)
		return;
	w->warned_on = today;
	for (uint32_t i = 0; i < w->conf->n_listeners; i++)
		warn_of("listener", w->conf->listeners[i].name, w->conf->listeners[i].cert);
	for (uint32_t i = 0; i < w->conf->n_parties; i++)
		warn_of("party", w->conf->parties[i].name, w->conf->parties[i].cert);
}

static void on_tick(uv_timer_t *timer)
{
	struct worker *w = timer->data;
	struct failed_leg *f;

	while ((f = w->failed) != NULL) {
		w->failed = f->next;
		engine_leg(w->engine, f->leg, LEG_NOT_SENT, 0, (struct yt_str){ 0 }, "cannot be signed", false);
		free(f);
	}
	engine_tick(w->engine);
	warn_of_certificates(w);
	if (w->slow == NULL || slow_moves(w->slow))
		w->area.board->beats++;
	write_board(w);
	write_lanes(w);
	if (w->draining && ((engine_is_idle(w->engine) && w->n_draining == 0) || yt_mono_ms() >= w->drain_until))
		uv_stop(w->loop);
}

static void on_drained(void *arg)
{
	struct worker *w = arg;

	w->n_draining--;
}

static void on_sigterm(uv_signal_t *signal, int number)
{
	struct worker *w = signal->data;
	uint32_t i;

	if (w->draining)
		return;
	w->draining = true;
	w->drain_until = yt_mono_ms() + w->conf->gateway.drain_ms;
	for (i = 0; i < w->conf->n_parties; i++) {
		if (w->parties[i].lane != NULL)
			lane_drain(w->parties[i].lane);
	}
	for (i = 0; w->doors_open && i < w->conf->n_listeners; i++) {
		struct worker_listener *l = &w->listeners[i];

		w->n_draining += l->server != NULL || l->folder != NULL;
		if (l->server != NULL)
			server_drain(l->server, on_drained, w);
		else if (l->folder != NULL)
			worker_folder_drain(l->folder, on_drained, w);
	}
}

/* -- start -------------------------------------------------------------------------------------- */

static int load_plugin(struct worker *w, struct engine_codec *codec, const char *format, const char *instance,
        const struct conf_settings *settings)
{
	char why[400] = "";
	int rv = conf_load_plugin(w->conf, format, instance, settings, w->keys, &codec->plugin, why, sizeof(why), NULL);

	if (rv != 0) {
		yt_log(YT_ERROR, "worker", "%s: %s", instance, why);
		return rv;
	}
	codec->api = plugin_api(codec->plugin);
	if (!codec->api->is_slow)
		return 0;
	if (w->slow == NULL)
		rv = slow_open(&w->slow, w->loop, &w->area.board->boxes, w->conf->limits.slow_queue, on_coded, w);
	return rv != 0 ? rv : slow_add(w->slow, codec->plugin);
}

static int open_drop(struct worker *w, struct worker_party *p)
{
	const struct conf_party *c = p->conf;
	const struct sftp_conf sftp = { .host = c->host,
		.port = c->port,
		.user = c->user,
		.folder = c->folder,
		.key_file = c->key,
		.known_hosts = c->known_hosts,
		.connect_ms = c->connect_timeout_ms,
		.answer_ms = c->query_timeout_ms };
	const struct drop_conf conf = { .name = c->name,
		.folder = c->kind == CONF_SFTP ? c->spool : c->folder,
		.queue = c->queue,
		.sftp = c->kind == CONF_SFTP ? &sftp : NULL,
		.fetch_ms = w->slot == 0 ? c->fetch_ms : 0,
		.file_bytes = c->response_kib << 10 };

	return drop_open(&p->drop, w->loop, &conf, on_lane, p);
}

static int open_lane(struct worker *w, struct worker_party *p)
{
	const struct conf_party *c = p->conf;
	const struct engine_codec *codec = &p->engine.codec;
	struct yt_buf heartbeat = { 0 };
	struct lane_conf lane = { .name = c->name,
		.host = c->host,
		.port = c->port,
		.server_name = c->server_name,
		.ca_file = c->ca,
		.crl_file = c->crl,
		.cert_file = c->cert,
		.key_file = c->key,
		.connections = conf_party_connections(w->conf, c, w->slot),
		.queue = c->queue,
		.connect_ms = c->connect_timeout_ms,
		.idle_ms = c->idle_ms,
		.response_bytes = c->response_kib << 10,
		.late_ms = c->late_ms,
		.http2 = c->http2 != 0,
		.streams = w->conf->limits.http2_streams,
		.buffered_bytes = w->conf->limits.http2_buffer_kib << 10,
		.control_frames = w->conf->limits.http2_control_frames };
	int rv;

	if (c->kind == CONF_FRAMES) {
		if (codec->api->frame_put(codec->plugin, (struct yt_str){ 0 }, &heartbeat) != 0)
			return YT_ECONF;
		lane.framing = (struct lane_framing){ on_frame, p, yt_buf_view(&heartbeat), c->heartbeat_ms,
			c->heartbeat_timeout_ms };
	}
	rv = lane_open(&p->lane, w->loop, &lane, on_lane, p);
	yt_buf_free(&heartbeat);
	return rv;
}

static int open_parties(struct worker *w)
{
	uint32_t i;

	w->parties = calloc(w->conf->n_parties + 1, sizeof(*w->parties));
	YT_REQUIRE(w->parties != NULL);
	for (i = 0; i < w->conf->n_parties; i++) {
		const struct conf_party *c = &w->conf->parties[i];
		struct worker_party *p = &w->parties[i];

		p->worker = w;
		p->conf = c;
		p->board = &w->area.board->lanes[i]; /* the check allows no more parties */
		snprintf(p->board->name, sizeof(p->board->name), "%s", c->name);
		p->engine = (struct engine_party){ .name = c->name,
			.owner = p,
			.query_timeout_ms = c->query_timeout_ms,
			.change_timeout_ms = c->change_timeout_ms,
			.late_ms = c->late_ms,
			.server_delay_ms = c->server_delay_ms,
			.quote_timeout_ms = c->quote_timeout_ms,
			.quote_failures = c->quote_failures,
			.quote_pause_ms = c->quote_pause_ms };
		for (uint32_t k = 0; k < c->told_by.n; k++)
			p->engine.told_by[k] = c->told_by.item[k].p;
		worker_enrolled_open(p);
		if (load_plugin(w, &p->engine.codec, c->format, c->name, &c->settings) != 0 ||
		        (conf_party_is_files(c) ? open_drop(w, p) : open_lane(w, p)) != 0)
			return YT_ECONF;
	}
	worker_take_flows(w);
	worker_take_fetches(w);
	return 0;
}

static int open_listeners(struct worker *w)
{
	uint32_t i;

	w->listeners = calloc(w->conf->n_listeners + 1, sizeof(*w->listeners));
	YT_REQUIRE(w->listeners != NULL);
	for (i = 0; i < w->conf->n_listeners; i++) {
		struct worker_listener *l = &w->listeners[i];

		l->worker = w;
		l->conf = &w->conf->listeners[i];
		l->index = i;
		l->allow = calloc(l->conf->allow.n + 1, sizeof(*l->allow));
		YT_REQUIRE(l->allow != NULL);
		for (uint32_t n = 0; n < l->conf->allow.n; n++)
			YT_REQUIRE(net_range_parse(l->conf->allow.item[n].p, &l->allow[n]) == 0); /* checked */
		if (l->conf->kind == CONF_PLAIN)
			yt_log(YT_WARN, "worker",
			        "listener %s is plain HTTP: whoever is on the way can read people's data",
			        l->conf->name);
		if (load_plugin(w, &l->codec, l->conf->format, l->conf->name, &l->conf->settings) != 0)
			return YT_ECONF;
	}
	return 0;
}

static int open_secrets(struct worker *w)
{
	struct yt_str person_key = YT_STR("development"); /* the check warns; production demands one */
	struct conf_place at = { 0 };
	char why[400] = "";
	int rv = keys_open(&w->keys, NULL, why, sizeof(why));

	for (uint32_t i = 0; rv == 0 && i < w->conf->n_secrets + w->conf->n_keys; i++)
		rv = conf_add_key(w->conf, i, w->keys, &at, why, sizeof(why));
	if (rv != 0)
		yt_log(YT_ERROR, "worker", "line %u: %s", at.line, why);
	else
		(void)keys_secret(w->keys, YT_STR("person-key"), &person_key);
	w->person_mac = yt_hmac_sha256_new(person_key);
	YT_REQUIRE(w->person_mac != NULL);
	return rv;
}

static int open_shared(struct worker *w)
{
	if (area_map(&w->area, FD_AREA) != 0) {
		yt_log(YT_ERROR, "worker", "a worker is started by yitongd itself, not by hand");
		return YT_ECONF;
	}
	if (meters_open(FD_METERS, w->slot) != 0)
		yt_log(YT_WARN, "worker", "no meters: nothing is counted");
	w->quarantine = mmap(NULL, sizeof(*w->quarantine), PROT_READ, MAP_SHARED, FD_QUARANTINE, 0);
	if (w->quarantine == MAP_FAILED)
		return YT_ECONF;
	ring_reader_init(&w->down, w->area.down, w->area.ring_bytes);
	w->box = &w->area.board->boxes.box[BOX_LOOP];
	box_watch(&w->area.board->boxes);
	return 0;
}

static int open_engine(struct worker *w)
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
	w->scratch = yt_arena_new(1 << 20);
	w->engine = engine_new(&conf, &world);
	return w->engine != NULL && w->scratch != NULL ? 0 : YT_ENOMEM;
}

static void start_loop(struct worker *w)
{
	uv_poll_init(w->loop, &w->ring, FD_WAKE_WORKER);
	w->ring.data = w;
	uv_poll_start(&w->ring, UV_READABLE, on_ring);
	uv_timer_init(w->loop, &w->tick);
	w->tick.data = w;
	uv_timer_start(&w->tick, on_tick, TICK_MS, TICK_MS);
	uv_signal_init(w->loop, &w->sigterm);
	w->sigterm.data = w;
	uv_signal_start(&w->sigterm, on_sigterm, SIGTERM);
	engine_start(w->engine);
	on_ring(&w->ring, 0, 0); /* puts the ring to sleep, so that the keeper wakes us */
}

/* An orderly end frees all, so that a leak is a leak. */
static void close_all(struct worker *w)
{
	uint32_t i;

	for (i = 0; i < w->conf->n_listeners; i++) {
		if (w->listeners[i].server != NULL)
			server_close(w->listeners[i].server);
		if (w->listeners[i].folder != NULL)
			worker_folder_close(w->listeners[i].folder);
	}
	for (i = 0; i < w->conf->n_parties; i++)
		w->parties[i].drop != NULL ? drop_close(w->parties[i].drop) : lane_close(w->parties[i].lane);
	uv_close((uv_handle_t *)&w->ring, NULL);
	uv_close((uv_handle_t *)&w->tick, NULL);
	uv_close((uv_handle_t *)&w->sigterm, NULL);
	if (w->slow != NULL)
		slow_stop(w->slow);
	uv_run(w->loop, UV_RUN_DEFAULT);
	slow_free(w->slow);
	engine_free(w->engine);
	for (i = 0; i < w->conf->n_listeners; i++)
		worker_folder_free(w->listeners[i].folder), plugin_unload(w->listeners[i].codec.plugin),
		        free(w->listeners[i].allow);
	for (i = 0; i < w->conf->n_parties; i++)
		plugin_unload(w->parties[i].engine.codec.plugin), enrolment_watch_end(&w->parties[i].enrolment);
	free(w->listeners);
	free(w->parties);
	free(w->origins);
	free(w->institutions);
	free(w->flows);
	free(w->fetches);
	free(w->tellers);
	yt_arena_free(w->scratch);
	sent_forget_all(&w->sent);
	EVP_MAC_CTX_free(w->person_mac);
	keys_close(w->keys);
	ring_reader_free(&w->down);
	area_unmap(&w->area);
	conf_free(w->conf);
	uv_loop_close(w->loop);
	free(w);
}

int worker_main(const char *conf_file, int supervisor_pid, uint32_t slot, uint32_t generation)
{
	struct worker *w = calloc(1, sizeof(*w));
	struct conf_errors *errors = calloc(1, sizeof(*errors));
	char name[32];

	process_follow(supervisor_pid);
	snprintf(name, sizeof(name), "yitong-worker%u", slot);
	prctl(PR_SET_NAME, name);
	signal(SIGPIPE, SIG_IGN);
	YT_REQUIRE(w != NULL && errors != NULL);
	if (conf_load(&w->conf, conf_file, errors) != 0) {
		yt_log(YT_ERROR, "worker", "%s does not check any more", conf_file);
		return 2;
	}
	free(errors);
	process_guard(w->conf->gateway.profile);
	snprintf(name, sizeof(name), "worker%u.%u", slot, generation);
	yt_log_setup(name, w->conf->gateway.log_level);
	w->slot = slot;
	w->generation = generation;
	w->loop = uv_default_loop();
	worker_take_people(w);
	if (open_shared(w) != 0 || open_secrets(w) != 0 || open_listeners(w) != 0 || open_parties(w) != 0 ||
	        open_engine(w) != 0)
		return 2;
	start_loop(w);
	uv_run(w->loop, UV_RUN_DEFAULT);
	write_board(w);
	close_all(w);
	return 0;
}
