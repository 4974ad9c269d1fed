/* core/process/worker_doors.c - a worker's listeners: servers and folders, whose whole requests go into the engine.
 *
 * worker_open_listeners() loads their codecs at start, worker_open_doors() lets callers in once the keeper has welcomed
 * the worker. */
#include <stdlib.h>
#include <string.h>

#include "net/server.h"
#include "process/worker_parts.h"

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
	struct engine_request request = { .token = worker_token(l->index, r->token),
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

	engine_gone(l->worker->engine, worker_token(l->index, token));
}

static void on_flushed(void *arg, struct server_token token)
{
	struct worker_listener *l = arg;

	engine_flushed(l->worker->engine, worker_token(l->index, token));
}

/* One worker takes the files; a second one, while a reload changes them over, waits for the folder's lock. */
static int open_folder(struct worker *w, struct worker_listener *l)
{
	struct worker_folder_conf conf = { .listener = l->conf,
		.file_bytes = w->conf->limits.body_kib << 10,
		.engine = w->engine,
		.codec = l->codec,
		.box = w->box,
		.token = worker_token(l->index, (struct server_token){ 0 }) };

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

int worker_open_doors(struct worker *w)
{
	for (uint32_t i = 0; i < w->conf->n_listeners; i++) {
		struct worker_listener *l = &w->listeners[i];

		if ((l->conf->kind == CONF_FOLDER ? open_folder(w, l) : open_server(w, l)) != 0)
			return YT_ECONF;
	}
	w->doors_open = true;
	return 0;
}

int worker_open_listeners(struct worker *w)
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
		if (worker_load_plugin(w, &l->codec, l->conf->format, l->conf->name, &l->conf->settings) != 0)
			return YT_ECONF;
	}
	return 0;
}
