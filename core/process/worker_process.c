/* core/process/worker_process.c - a worker: ring, engine, listeners and parties on one loop; its life.
 *
 * One loop, and threads for codecs that are slow (slow.h).  A listener's whole request goes into the engine
 * (worker_doors.c), the engine's legs go out by the party's lane (worker_world.c, worker_parties.c), its records by the
 * ring; the ring's eventfd brings the keeper's verdicts.  Doors open when the keeper has welcomed us.  SIGTERM drains:
 * no new connections, open exchanges end, exit. No decisions here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/sha256.h"
#include "net/tls.h"
#include "plugin/loader.h"
#include "process/meters.h"
#include "process/worker_parts.h"

#define TICK_MS 50

/* -- events ------------------------------------------------------------------------------------- */

static void on_coded(void *arg, struct engine_job *job)
{
	struct worker *w = arg;

	engine_coded(w->engine, job);
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
	if (!w->doors_open && !w->draining && engine_is_up(w->engine) && worker_open_doors(w) != 0)
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
	worker_write_lanes(w);
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

int worker_load_plugin(struct worker *w, struct engine_codec *codec, const char *format, const char *instance,
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
	if (open_shared(w) != 0 || open_secrets(w) != 0 || worker_open_listeners(w) != 0 ||
	        worker_open_parties(w) != 0 || worker_open_engine(w) != 0)
		return 2;
	start_loop(w);
	uv_run(w->loop, UV_RUN_DEFAULT);
	write_board(w);
	close_all(w);
	return 0;
}
