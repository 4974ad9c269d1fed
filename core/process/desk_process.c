/* core/process/desk_process.c - the desk: what monitoring may ask, over HTTP on a loopback port.
 *
 *   /metrics   counters of meters.c, the keeper's state, days left of certificates; Prometheus' text format
 *   /healthz   200 as long as the desk itself runs
 *   /readyz    200 when the keeper answers and accepts, the index is usable and every worker is up; else 503
 *              and why
 * It carries no traffic and can be slow or attacked without touching any: it reads shared counters and asks the
 * keeper over its control socket, like the command.  No personal data passes here (P9). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "net/server.h"
#include "net/tls.h"
#include "process/control_ask.h"
#include "process/desk.h"
#include "process/meters.h"
#include "process/process.h"

struct desk {
	struct conf *conf;
	struct server *server;
	struct yt_arena *arena;
	struct yt_buf out;
};

/* ---- what is told ---- */

static void gauge(struct yt_buf *out, const char *name, const char *help, uint64_t n)
{
	yt_buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n%s %llu\n", name, help, name, name, (unsigned long long)n);
}

static void print_exchanges(const struct yt_node *status, struct yt_buf *out)
{
	static const char *const states[] = { "sent", "unknown", "reversing", "parked", "undelivered", "follow_ups",
		"leased", "open" };
	char path[40];

	yt_buf_text(
	        out, "# HELP yitong_exchanges Exchanges that are not over, by state.\n# TYPE yitong_exchanges gauge\n");
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		snprintf(path, sizeof(path), "exchanges.%s", states[i]);
		yt_buf_printf(out, "yitong_exchanges{state=\"%s\"} %llu\n", states[i],
		        (unsigned long long)control_number(status, path));
	}
}

static void print_workers(const struct yt_node *status, struct yt_buf *out)
{
	const struct yt_node *workers = control_node(status, "workers");
	uint64_t connections = 0, in_flight = 0, n = 0;

	for (const struct yt_node *w = workers == NULL ? NULL : workers->child; w != NULL; w = w->next) {
		connections += control_number(w, "connections");
		in_flight += control_number(w, "in_flight");
		n++;
	}
	gauge(out, "yitong_workers", "Workers the keeper has welcomed.", n);
	gauge(out, "yitong_connections", "Open connections of those who ask.", connections);
	gauge(out, "yitong_in_flight", "Requests that workers hold.", in_flight);
}

void desk_print_state(const struct yt_node *status, struct yt_buf *out)
{
	gauge(out, "yitong_keeper_up", "1 when the keeper answers.", status != NULL);
	if (status == NULL)
		return;
	gauge(out, "yitong_accepting", "1 when state changes are taken.",
	        yt_str_is(control_text(status, "accepting"), "true"));
	gauge(out, "yitong_index_usable", "1 when the index can be asked.",
	        yt_str_is(control_text(status, "index.usable"), "true"));
	gauge(out, "yitong_index_lag_bytes", "Journal the index has not taken yet.",
	        control_number(status, "index.lag_bytes"));
	gauge(out, "yitong_journal_room_bytes", "Room the journal has left.",
	        control_number(status, "journal.room_bytes"));
	print_workers(status, out);
	print_exchanges(status, out);
}

bool desk_is_ready(const struct yt_node *status, uint32_t workers, const char **why)
{
	const struct yt_node *list = control_node(status, "workers");
	uint32_t n = 0;

	for (const struct yt_node *w = list == NULL ? NULL : list->child; w != NULL; w = w->next)
		n++;
	*why = status == NULL                                             ? "the keeper does not answer"
	       : !yt_str_is(control_text(status, "index.usable"), "true") ? "the index is not usable"
	       : !yt_str_is(control_text(status, "accepting"), "true")
	               ? "state changes are not accepted (disk or index)"
	       : n < workers ? "not every worker is up"
	                     : NULL;
	return *why == NULL;
}

/* Days left of the first certificate in a file; what cannot be read is not shown (the check says why). */
static void print_certificate(const char *kind, const char *name, const char *path, struct yt_buf *out)
{
	int days = 0;

	if (path != NULL && tls_days_left(path, &days) == 0)
		yt_buf_printf(out, "yitong_certificate_days_left{of=\"%s\",name=\"%s\"} %d\n", kind, name, days);
}

static void print_certificates(const struct conf *conf, struct yt_buf *out)
{
	yt_buf_text(out,
	        "# HELP yitong_certificate_days_left Days until a certificate of ours ends; negative: it has.\n"
	        "# TYPE yitong_certificate_days_left gauge\n");
	for (uint32_t i = 0; i < conf->n_listeners; i++)
		print_certificate("listener", conf->listeners[i].name, conf->listeners[i].cert, out);
	for (uint32_t i = 0; i < conf->n_parties; i++)
		print_certificate("party", conf->parties[i].name, conf->parties[i].cert, out);
}

/* ---- who asks ---- */

static const struct yt_node *ask(struct desk *d)
{
	struct yt_node *status = NULL;
	char why[200];

	yt_arena_reset(d->arena);
	if (control_ask(d->conf->gateway.run_dir, YT_STR("{\"do\":\"status\"}"), d->arena, &status, why, sizeof(why)) !=
	        0)
		return NULL;
	return status;
}

static void answer_ready(struct desk *d, struct server_token token)
{
	const char *why;
	bool is_ready = desk_is_ready(ask(d), d->conf->gateway.workers, &why);

	yt_buf_printf(&d->out, "%s\n", is_ready ? "ready" : why);
	server_answer(d->server, token, is_ready ? 200 : 503, "text/plain; charset=utf-8", yt_buf_view(&d->out));
}

static void on_request(void *arg, const struct server_request *r)
{
	struct desk *d = arg;

	yt_buf_clear(&d->out);
	if (!yt_str_is(r->method, "GET")) {
		server_answer(d->server, r->token, 405, NULL, (struct yt_str){ 0 });
	} else if (yt_str_is(r->target, "/healthz")) {
		server_answer(d->server, r->token, 200, "text/plain; charset=utf-8", YT_STR("alive\n"));
	} else if (yt_str_is(r->target, "/readyz")) {
		answer_ready(d, r->token);
	} else if (yt_str_is(r->target, "/metrics")) {
		if (meters_all() != NULL)
			meters_print(meters_all(), d->conf, &d->out);
		desk_print_state(ask(d), &d->out);
		print_certificates(d->conf, &d->out);
		server_answer(
		        d->server, r->token, 200, "text/plain; version=0.0.4; charset=utf-8", yt_buf_view(&d->out));
	} else {
		server_answer(
		        d->server, r->token, 404, "text/plain; charset=utf-8", YT_STR("/metrics /healthz /readyz\n"));
	}
}

static void on_nothing(void *arg, struct server_token token)
{
	(void)arg, (void)token;
}

/* ---- start ---- */

/* The one before us may still be there for a moment. */
static int open_port(const struct conf_desk *conf)
{
	struct sockaddr_storage address = { 0 };
	socklen_t n = sizeof(struct sockaddr_in);
	int on = 1, fd;

	if (uv_ip4_addr(conf->address, (int)conf->port, (struct sockaddr_in *)&address) != 0) {
		n = sizeof(struct sockaddr_in6);
		if (uv_ip6_addr(conf->address, (int)conf->port, (struct sockaddr_in6 *)&address) != 0)
			return -1;
	}
	fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0 ||
	        bind(fd, (struct sockaddr *)&address, n) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int desk_main(const char *conf_file, int supervisor_pid)
{
	static struct desk desk;
	static struct net_range loopback[2];
	struct conf_errors *errors = calloc(1, sizeof(*errors));
	struct server_events events = { &desk, on_request, on_nothing, on_nothing };
	struct server_conf conf = { .name = "desk",
		.kind = SERVER_PLAIN,
		.allow = loopback,
		.n_allow = 2,
		.limits = { .connections = 16,
		        .header_bytes = 4096,
		        .headers = 32,
		        .body_bytes = 0,
		        .handshake_ms = 1000,
		        .request_ms = 2000,
		        .idle_ms = 60000 } };
	int fd;

	process_follow(supervisor_pid);
	prctl(PR_SET_NAME, "yitong-desk");
	YT_REQUIRE(errors != NULL);
	if (conf_load_with(&desk.conf, conf_file, CONF_NO_FILES, errors) != 0)
		return 2;
	free(errors);
	process_guard(desk.conf->gateway.profile);
	yt_log_setup("desk", desk.conf->gateway.log_level);
	desk.arena = yt_arena_new(1 << 20);
	YT_REQUIRE(desk.arena != NULL && net_range_parse("127.0.0.0/8", &loopback[0]) == 0 &&
	           net_range_parse("::1", &loopback[1]) == 0);
	if (meters_open(FD_DESK_METERS, METER_KEEPER) != 0)
		return 2;
	fd = open_port(&desk.conf->desk);
	if (fd < 0) {
		yt_log(YT_ERROR, "desk", "%s port %u cannot be bound: is another program there?",
		        desk.conf->desk.address, (unsigned)desk.conf->desk.port);
		return 2;
	}
	if (server_open(&desk.server, uv_default_loop(), fd, &conf, &events) != 0)
		return 2;
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	return 0;
}
