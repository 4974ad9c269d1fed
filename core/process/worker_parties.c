/* core/process/worker_parties.c - a worker's parties: their codecs, and the lane or drop that takes the engine's legs
 * and tells how they ended. */
#include <stdio.h>
#include <stdlib.h>

#include "net/drop.h"
#include "net/lane.h"
#include "process/meters.h"
#include "process/worker_parts.h"

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

int worker_open_parties(struct worker *w)
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
		if (worker_load_plugin(w, &p->engine.codec, c->format, c->name, &c->settings) != 0 ||
		        (conf_party_is_files(c) ? open_drop(w, p) : open_lane(w, p)) != 0)
			return YT_ECONF;
	}
	worker_take_flows(w);
	worker_take_fetches(w);
	return 0;
}

void worker_write_lanes(struct worker *w)
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
