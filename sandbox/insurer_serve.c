/* sandbox/insurer_serve.c - serves the insurer: HTTP/2 in, faults, callbacks to the gateway, control port.
 *
 *  on_request  the fault that was armed for it, if any  -> before, instead of or after insurer_handle()
 *  on_tick     claims move on, their events are sent    -> send_event(), again after its pauses
 *  on_control  ledger, persons, faults, quiet */
#include "fault.h"
#include "http.h"
#include "insurer.h"
#include "text.h"

#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 20
#define CALLBACK_TIMEOUT_MS 10000L
#define PAUSES 7

struct event {
	char *path, *body;
	int64_t next_ms;
	unsigned n_tries;
	struct event *next;
};

struct server {
	struct insurer insurer;
	pthread_mutex_t lock;
	struct faults faults;
	json_t *calls; /* name -> how many arrived */
	json_t *seen;  /* requestNo -> how often, with amount faults */
	int64_t n_requests, n_undelivered, n_delivered;
	bool is_stopping;
	struct event *events; /* of on_tick's thread only */
};

/* -- faults -- */

static const enum fault_kind playable[] = { FAULT_DELAY, FAULT_EFFECT_THEN_SILENCE, FAULT_EFFECT_THEN_CUT, FAULT_CUT,
	FAULT_REFUSE, FAULT_BUSY, FAULT_WRONG_SIGNATURE, FAULT_GOAWAY, FAULT_RESET, FAULT_HTTP_502_HTML,
	FAULT_MAINTENANCE };

/* The request as fault.c looks at requests. */
static json_t *as_request(const struct server *server, const struct h2_request *request, const json_t *body)
{
	const char *call = insurer_call(request), *setl_id = json_text(json_object_get(body, "settlement"), "setlId");
	char claim_no[25];

	if (*setl_id == '\0' && strncmp(request->path, "/ins/v1/claims/", 15) == 0) {
		text_format(
		        claim_no, sizeof(claim_no), "%.*s", (int)strcspn(request->path + 15, "/?"), request->path + 15);
		setl_id = insurer_claim_settlement(server->insurer.book, claim_no);
	}
	return must(json_pack("{s:s, s:s, s:{s:{s:s}}}", "infno", call, "msgid", json_text(body, "requestNo"), "input",
	        "data", "mdtrt_id", setl_id));
}

/* What the total of a claim in fen asks for by its last two digits (insurer.md 9). */
static enum fault_kind amount_fault(struct server *server, const char *call, const json_t *body)
{
	int64_t total = json_number(json_object_get(body, "settlement"), "totalFee", 0), n;
	const char *number = json_text(body, "requestNo");

	if (!server->insurer.options->has_amount_faults || strcmp(call, "claims") != 0)
		return FAULT_NONE;
	n = json_number(server->seen, number, 0);
	json_object_set_new(server->seen, number, json_integer(n + 1));
	if (total % 100 == 85 && n == 0)
		return FAULT_WRONG_SIGNATURE;
	if (total % 100 == 86 && n == 0)
		return FAULT_EFFECT_THEN_CUT;
	return total % 100 == 87 && n < 3 ? FAULT_BUSY : FAULT_NONE;
}

static void find_fault(struct server *server, const struct h2_request *request, int64_t now_ms, struct fault *fault)
{
	json_t *body = json_loadb(request->body, request->len, 0, NULL), *seen = as_request(server, request, body);
	const char *call = insurer_call(request);

	json_object_set_new(server->calls, call, json_integer(json_number(server->calls, call, 0) + 1));
	fault_take(&server->faults, seen, now_ms, fault);
	if (fault->kind == FAULT_NONE)
		fault->kind = amount_fault(server, call, body);
	json_decref(seen);
	json_decref(body);
}

static void refuse(struct server *server, const struct h2_request *request, const char *code, int64_t now_ms,
        struct h2_answer *answer)
{
	struct insurer_refusal refusal = { .code = code };

	insurer_answer_refusal(&server->insurer, request, &refusal, now_ms, answer);
}

static void spoil_signature(struct h2_answer *answer)
{
	for (size_t i = 0; i < answer->n_headers; i++)
		if (strcmp(answer->headers[i].name, "x-sign") == 0)
			answer->headers[i].value[0] = answer->headers[i].value[0] == '0' ? '1' : '0';
}

static void become_502(struct h2_answer *answer)
{
	free(answer->body);
	answer->body = text_copy("<html><head><title>502 Bad Gateway</title></head></html>\n");
	answer->len = strlen(answer->body);
	answer->status = 502;
	answer->type = "text/html";
	answer->n_headers = 0;
}

/* After the effect. */
static void play_after(const struct fault *fault, struct h2_answer *answer)
{
	switch (fault->kind) {
	case FAULT_DELAY:
		answer->delay_ms += fault->ms;
		break;
	case FAULT_EFFECT_THEN_SILENCE:
		answer->act = H2_SILENCE;
		break;
	case FAULT_EFFECT_THEN_CUT:
		answer->act = H2_CUT;
		break;
	case FAULT_RESET:
		answer->act = H2_RESET;
		break;
	case FAULT_WRONG_SIGNATURE:
		spoil_signature(answer);
		break;
	case FAULT_HTTP_502_HTML:
		become_502(answer);
		break;
	default:
		break;
	}
}

static void on_request(void *context, const struct h2_request *request, struct h2_answer *answer)
{
	struct server *server = context;
	int64_t now_ms = clock_wall_ms();
	struct fault fault;

	pthread_mutex_lock(&server->lock);
	server->n_requests++;
	find_fault(server, request, now_ms, &fault);
	switch (fault.kind) {
	case FAULT_CUT:
		answer->act = H2_CUT;
		break;
	case FAULT_GOAWAY:
		answer->act = H2_GOAWAY;
		break;
	case FAULT_BUSY:
	case FAULT_MAINTENANCE:
		refuse(server, request, "C5001", now_ms, answer);
		break;
	case FAULT_REFUSE:
		refuse(server, request, fault.text[0] == '\0' ? "B2006" : fault.text, now_ms, answer);
		break;
	default:
		insurer_handle(&server->insurer, request, now_ms, answer);
		play_after(&fault, answer);
	}
	pthread_mutex_unlock(&server->lock);
}

/* -- callbacks -- */

static size_t collect(char *octets, size_t size, size_t n, void *user)
{
	char *text = user; /* 256 bytes: {"code":"0"} stands at its beginning */
	size_t have = strlen(text), room = 255 - have;

	memcpy(text + have, octets, size * n < room ? size * n : room);
	return size * n;
}

static struct curl_slist *add_header(struct curl_slist *list, const char *name, const char *value)
{
	char line[160];

	text_format(line, sizeof(line), "%s: %s", name, value);
	return must(curl_slist_append(list, line));
}

static struct curl_slist *event_headers(const struct server *server, const struct event *event)
{
	const struct insurer_options *o = server->insurer.options;
	char time[24], nonce[17], mac[65];
	struct curl_slist *list = NULL;

	text_format(time, sizeof(time), "%013lld", (long long)clock_wall_ms());
	random_hex(nonce, 16);
	insurer_mac(&server->insurer.keys, "POST", event->path, o->app_id, time, nonce, event->body,
	        strlen(event->body), mac);
	list = add_header(list, "content-type", "application/json");
	list = add_header(list, "x-app-id", o->app_id);
	list = add_header(list, "x-timestamp", time);
	list = add_header(list, "x-nonce", nonce);
	list = add_header(list, "x-sign-alg", "HMAC-SM3");
	return add_header(list, "x-sign", mac);
}

static bool is_taken(const char *answer)
{
	json_t *tree = json_loads(answer, 0, NULL);
	bool is_zero = strcmp(json_text(tree, "code"), "0") == 0;

	json_decref(tree);
	return is_zero;
}

/* Whether the gateway said 200 and code 0. */
static bool send_event(const struct server *server, const struct event *event)
{
	const struct insurer_options *o = server->insurer.options;
	struct curl_slist *headers = event_headers(server, event);
	CURL *curl = must(curl_easy_init());
	char url[600], answer[256] = "";
	long status = 0;

	text_format(url, sizeof(url), "%s%s", o->callback_url, event->path);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(curl, CURLOPT_CAINFO, o->ca);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, event->body);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, CALLBACK_TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	if (curl_easy_perform(curl) == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	return status == 200 && is_taken(answer);
}

static void event_free(struct event *event)
{
	free(event->path);
	free(event->body);
	free(event);
}

/* With the lock: what happened since becomes the last of the list. */
static void take_events(struct server *server)
{
	struct event **end = &server->events;
	json_t *row;

	while (*end != NULL)
		end = &(*end)->next;
	while ((row = insurer_event_next(server->insurer.book)) != NULL) {
		struct event *event = must(calloc(1, sizeof(*event)));

		event->path = text_copy(json_text(row, "path"));
		event->body = must(json_dumps(json_object_get(row, "event"), JSON_COMPACT));
		json_decref(row);
		*end = event;
		end = &event->next;
		server->n_undelivered++;
	}
}

/* Sends what is due; what is not taken comes again after 1, 5, 30 minutes, 2, 6, 12, 24 hours. */
static void send_due(struct server *server)
{
	static const int minutes[PAUSES] = { 1, 5, 30, 120, 360, 720, 1440 };
	struct event **at = &server->events;

	while (*at != NULL) {
		struct event *event = *at;
		bool is_due = event->next_ms <= clock_steady_ms(), is_done = is_due && send_event(server, event);

		if (is_due && !is_done && event->n_tries < PAUSES)
			event->next_ms = clock_steady_ms() +
			                 minutes[event->n_tries++] * server->insurer.options->callback_minute_ms;
		else if (is_due)
			*at = event->next;
		if (*at == event) {
			at = &event->next;
			continue;
		}
		event_free(event);
		pthread_mutex_lock(&server->lock);
		server->n_undelivered--;
		server->n_delivered += is_done;
		pthread_mutex_unlock(&server->lock);
	}
}

static void *on_tick(void *context)
{
	struct server *server = context;
	bool goes_on = true;

	while (goes_on) {
		sleep_ms(TICK_MS);
		pthread_mutex_lock(&server->lock);
		insurer_book_advance(server->insurer.book, clock_wall_ms());
		take_events(server);
		goes_on = !server->is_stopping;
		pthread_mutex_unlock(&server->lock);
		if (goes_on)
			send_due(server);
	}
	return NULL;
}

/* -- control port -- */

static json_t *ledger(const struct server *server)
{
	json_t *tree = insurer_ledger(server->insurer.book);

	json_object_set_new(tree, "replays", json_integer(server->insurer.n_replays));
	json_object_set_new(tree, "second_claims", json_integer(server->insurer.n_second_claims));
	json_object_set_new(tree, "other_content", json_integer(server->insurer.n_other_content));
	return tree;
}

static json_t *stats(const struct server *server)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:O}", "requests", (json_int_t)server->n_requests, "refused",
	        (json_int_t)server->insurer.n_refused, "faults_taken", (json_int_t)server->faults.n_taken, "pending",
	        (json_int_t)(insurer_n_moving(server->insurer.book) + server->n_undelivered), "callbacks_delivered",
	        (json_int_t)server->n_delivered, "callbacks_waiting", (json_int_t)server->n_undelivered, "by_call",
	        server->calls);
}

static json_t *fault_add(struct server *server, const json_t *body, const char **wrong)
{
	const char *kind = json_text(body, "kind");
	bool is_playable = false;

	for (size_t i = 0; i < sizeof(playable) / sizeof(*playable); i++)
		is_playable |= strcmp(fault_name(playable[i]), kind) == 0;
	*wrong = is_playable ? fault_arm(&server->faults, body, clock_wall_ms())
	                     : "the insurer plays delay, effect_then_silence, effect_then_cut, cut, refuse, busy, "
	                       "wrong_signature, goaway, reset, http_502_html, maintenance";
	return json_pack("{s:s}", "armed", kind);
}

static json_t *persons_add(struct server *server, const json_t *body, const char **wrong)
{
	json_t *rows = json_is_array(body) ? json_incref((json_t *)(uintptr_t)body) : json_pack("[O]", body), *row;
	int n = 0;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		if (*json_text(row, "certno") == '\0' || strlen(json_text(row, "certno")) > 60) {
			*wrong = "a person needs certno (at most 60 characters) and may have a name";
			continue;
		}
		insurer_person_add(server->insurer.book, json_text(row, "certno"), json_text(row, "name"));
		n++;
	}
	json_decref(rows);
	return json_pack("{s:i}", "persons", n);
}

/* Waits, without the lock, until no claim will move by itself, all events are taken and nothing came for 200 ms. */
static json_t *quiesce(struct server *server, int64_t timeout_ms)
{
	int64_t end_ms = clock_steady_ms() + timeout_ms, quiet_since_ms = clock_steady_ms(), n = server->n_requests;

	while (clock_steady_ms() < end_ms && clock_steady_ms() - quiet_since_ms < 200) {
		pthread_mutex_unlock(&server->lock);
		sleep_ms(10);
		pthread_mutex_lock(&server->lock);
		if (insurer_n_moving(server->insurer.book) + server->n_undelivered > 0 || server->n_requests != n)
			quiet_since_ms = clock_steady_ms();
		n = server->n_requests;
	}
	return json_pack("{s:b}", "quiet", clock_steady_ms() - quiet_since_ms >= 200);
}

static json_t *control(
        struct server *server, const struct http_request *request, const json_t *body, const char **wrong)
{
	bool is_post = strcmp(request->method, "POST") == 0;
	const char *path = request->path;

	if (strcmp(path, "/ledger") == 0 && !is_post)
		return ledger(server);
	if (strcmp(path, "/stats") == 0 && !is_post)
		return stats(server);
	if (strcmp(path, "/fault") == 0 && is_post)
		return fault_add(server, body, wrong);
	if (strcmp(path, "/fault") == 0 && strcmp(request->method, "DELETE") == 0)
		fault_clear(&server->faults);
	if (strcmp(path, "/fault") == 0)
		return json_pack("{s:o}", "faults", fault_list(&server->faults, clock_wall_ms()));
	if (strcmp(path, "/persons") == 0 && is_post)
		return persons_add(server, body, wrong);
	if (strcmp(path, "/quiesce") == 0 && is_post)
		return quiesce(server, json_number(body, "timeout_ms", 30000));
	*wrong = "no such call; there are GET /ledger /stats /fault, POST /fault /persons /quiesce, DELETE /fault";
	return NULL;
}

static enum MHD_Result on_control(void *context, struct http_request *request)
{
	struct server *server = context;
	const char *wrong = NULL;
	enum MHD_Result result;
	json_error_t error;
	json_t *body = request->len > 0 ? json_loadb(request->body, request->len, 0, &error) : NULL, *tree;
	char *text;

	if (request->len > 0 && body == NULL)
		body = must(json_object());
	pthread_mutex_lock(&server->lock);
	insurer_book_advance(server->insurer.book, clock_wall_ms());
	tree = control(server, request, body, &wrong);
	pthread_mutex_unlock(&server->lock);
	json_decref(body);
	if (wrong != NULL) {
		json_decref(tree);
		tree = json_pack("{s:s}", "error", wrong);
	}
	text = must(json_dumps(tree, JSON_INDENT(1)));
	result = http_answer(
	        request, wrong == NULL ? MHD_HTTP_OK : MHD_HTTP_BAD_REQUEST, "application/json", text, strlen(text));
	free(text);
	json_decref(tree);
	return result;
}

/* -- start and end -- */

static int ledger_write(const struct server *server)
{
	json_t *tree;
	char *text;
	int rv;

	if (server->insurer.options->ledger_path == NULL)
		return 0;
	tree = ledger(server);
	text = must(json_dumps(tree, JSON_INDENT(1)));
	rv = file_write(server->insurer.options->ledger_path, text, strlen(text));
	free(text);
	json_decref(tree);
	return rv;
}

static void tell_ports(const struct insurer_options *o, uint16_t port, uint16_t control_port)
{
	char text[64];

	printf("insurer: https://%s:%u/ins/v1\ncontrol:  http://127.0.0.1:%u/ledger\n", o->address, port, control_port);
	fflush(stdout);
	text_format(text, sizeof(text), "%u %u\n", port, control_port);
	if (o->ports_path != NULL)
		file_write(o->ports_path, text, strlen(text));
}

static int serve_until_signal(struct server *server)
{
	const struct insurer_options *o = server->insurer.options;
	struct http_server_options plain = {
		.address = "127.0.0.1", .port = o->control_port, .handler = on_control, .context = server
	};
	struct h2_server *h2;
	struct http_server *control_server = NULL;
	pthread_t ticker;
	int signal_number;
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, NULL); /* before any thread: all of them inherit it */
	h2 = h2_start(o->address, o->port, o->cert, o->key, on_request, server);
	if (h2 != NULL)
		control_server = http_start(&plain);
	if (control_server != NULL && pthread_create(&ticker, NULL, on_tick, server) == 0) {
		tell_ports(o, h2_port(h2), http_port(control_server));
		sigwait(&signals, &signal_number);
		pthread_mutex_lock(&server->lock);
		server->is_stopping = true;
		pthread_mutex_unlock(&server->lock);
		pthread_join(ticker, NULL);
	}
	http_stop(control_server);
	h2_stop(h2);
	return control_server == NULL ? 1 : 0;
}

int insurer_main(const struct insurer_options *options)
{
	struct server server = { .lock = PTHREAD_MUTEX_INITIALIZER };
	int code = 1;

	signal(SIGPIPE, SIG_IGN);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	server.calls = must(json_object());
	server.seen = must(json_object());
	if (insurer_init(&server.insurer, options) == 0)
		code = serve_until_signal(&server);
	if (code == 0 && ledger_write(&server) != 0)
		code = 1;
	while (server.events != NULL) {
		struct event *event = server.events;

		server.events = event->next;
		event_free(event);
	}
	fault_clear(&server.faults);
	insurer_end(&server.insurer);
	json_decref(server.calls);
	json_decref(server.seen);
	curl_global_cleanup();
	return code;
}
