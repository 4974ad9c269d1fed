/* sandbox/control_port.c - the control port of control_port.h: on_request() -> find() -> a call of the counterpart's
 * table, or of all_have[]. */
#include "control_port.h"
#include "text.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUIET_MS 30000 /* how long POST /quiesce waits unless told otherwise */
#define GAP_MS 200     /* without a request: what is quiet here may just be between two tries */

/* -- the calls that all have -- */

static int64_t now_ms(const struct control_port *c)
{
	return c->now_ms != NULL ? c->now_ms(c->of) : clock_wall_ms();
}

static json_t *faults_show(void *of, const json_t *body, const char **wrong)
{
	const struct control_port *c = of;

	return json_pack("{s:o}", "faults", fault_list(c->faults, now_ms(c)));
}

static json_t *faults_clear(void *of, const json_t *body, const char **wrong)
{
	const struct control_port *c = of;

	fault_clear(c->faults);
	return json_pack("{s:[]}", "faults");
}

static json_t *fault_add(void *of, const json_t *body, const char **wrong)
{
	static _Thread_local char text[400];
	const struct control_port *c = of;
	const char *kind = json_text(body, "kind");
	bool is_playable = c->playable == NULL;

	text_format(text, sizeof(text), "%s plays", c->name);
	for (const enum fault_kind *p = c->playable; p != NULL && *p != FAULT_NONE; p++) {
		size_t n = strlen(text);

		is_playable |= strcmp(fault_name(*p), kind) == 0;
		text_format(text + n, sizeof(text) - n, "%s %s", p == c->playable ? "" : ",", fault_name(*p));
	}
	*wrong = is_playable ? fault_arm(c->faults, body, now_ms(c)) : text;
	return json_pack("{s:s}", "armed", kind);
}

/* Waits, without the lock, until nothing will move by itself and nothing came for a while. */
static json_t *quiesce(void *of, const json_t *body, const char **wrong)
{
	const struct control_port *c = of;
	int64_t start_ms = clock_steady_ms(), end_ms = start_ms + json_number(body, "timeout_ms", QUIET_MS);
	int64_t quiet_since_ms = start_ms, n_requests = *c->n_requests;

	while (clock_steady_ms() < end_ms && clock_steady_ms() - quiet_since_ms < GAP_MS) {
		pthread_mutex_unlock(c->lock);
		sleep_ms(10);
		pthread_mutex_lock(c->lock);
		if (c->n_moving(c->of) > 0 || *c->n_requests != n_requests)
			quiet_since_ms = clock_steady_ms();
		n_requests = *c->n_requests;
	}
	return json_pack("{s:b, s:I}", "quiet", clock_steady_ms() - quiet_since_ms >= GAP_MS, "waited_ms",
	        (json_int_t)(clock_steady_ms() - start_ms));
}

static const struct control_call all_have[] = {
	{ "GET", "/fault", faults_show },
	{ "POST", "/fault", fault_add },
	{ "DELETE", "/fault", faults_clear },
	{ "POST", "/quiesce", quiesce },
	{ NULL, NULL, NULL },
};

/* -- a request -- */

static const struct control_call *find(const struct control_call *calls, const struct http_request *request)
{
	for (; calls->path != NULL; calls++)
		if (strcmp(calls->method, request->method) == 0 && strcmp(calls->path, request->path) == 0)
			return calls;
	return NULL;
}

/* Takes tree. */
static enum MHD_Result answer(struct http_request *request, unsigned status, json_t *tree)
{
	char *text = must(json_dumps(tree, JSON_INDENT(1)));
	size_t len = strlen(text);
	enum MHD_Result result;

	text[len] = '\n'; /* over the NUL: sent by length */
	result = http_answer(request, status, "application/json", text, len + 1);
	free(text);
	json_decref(tree);
	return result;
}

/* "no such call; there are GET /ledger /fault, POST /fault, DELETE /fault" */
static enum MHD_Result answer_no_such(const struct control_port *c, struct http_request *request)
{
	static const char *const methods[] = { "GET", "POST", "DELETE" };
	const struct control_call *const tables[] = { c->calls, all_have };
	char text[400] = "no such call; there are";

	for (size_t m = 0; m < 3; m++) {
		text_format(text + strlen(text), sizeof(text) - strlen(text), "%s %s", m == 0 ? "" : ",", methods[m]);
		for (size_t t = 0; t < 2; t++)
			for (const struct control_call *call = tables[t]; call->path != NULL; call++)
				if (strcmp(call->method, methods[m]) == 0)
					text_format(
					        text + strlen(text), sizeof(text) - strlen(text), " %s", call->path);
	}
	return answer(request, MHD_HTTP_NOT_FOUND, json_pack("{s:s}", "error", text));
}

static enum MHD_Result on_request(void *context, struct http_request *request)
{
	const struct control_port *c = context;
	const struct control_call *own = find(c->calls, request), *call = own != NULL ? own : find(all_have, request);
	const char *wrong = NULL;
	json_t *body = NULL, *tree;
	json_error_t error;

	if (call == NULL)
		return answer_no_such(c, request);
	if (request->len > 0)
		body = json_loadb(request->body, request->len, 0, &error);
	if (request->len > 0 && body == NULL)
		return answer(request, MHD_HTTP_BAD_REQUEST,
		        json_pack("{s:s, s:i}", "error", error.text, "line", error.line));
	pthread_mutex_lock(c->lock);
	if (c->advance != NULL)
		c->advance(c->of);
	tree = must(call->run(own != NULL ? c->of : context, body, &wrong));
	pthread_mutex_unlock(c->lock);
	json_decref(body);
	if (wrong == NULL)
		return answer(request, MHD_HTTP_OK, tree);
	json_decref(tree);
	return answer(request, MHD_HTTP_BAD_REQUEST, json_pack("{s:s}", "error", wrong));
}

struct http_server *control_port_start(const struct control_port *control, uint16_t port)
{
	struct http_server_options options = {
		.address = "127.0.0.1", .port = port, .handler = on_request, .context = (void *)(uintptr_t)control
	};

	return http_start(&options);
}

/* -- a counterpart's beginning and end -- */

static sigset_t endings(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	return signals;
}

void control_keep_signals(void)
{
	sigset_t signals = endings();

	pthread_sigmask(SIG_BLOCK, &signals, NULL);
}

void control_tell_ports(const char *ports_path, const char *ports)
{
	char text[80];

	fflush(stdout);
	text_format(text, sizeof(text), "%s\n", ports);
	if (ports_path != NULL)
		file_write(ports_path, text, strlen(text));
}

void control_wait(void)
{
	sigset_t signals = endings();
	int signal_number;

	sigwait(&signals, &signal_number);
}

int control_write_ledger(const char *path, json_t *ledger)
{
	char *text = must(json_dumps(ledger, JSON_INDENT(1)));
	int rv = path != NULL ? file_write(path, text, strlen(text)) : 0;

	free(text);
	json_decref(ledger);
	return rv;
}
