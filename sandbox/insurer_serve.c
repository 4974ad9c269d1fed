/* sandbox/insurer_serve.c - serves the insurer: HTTP/2 in, faults, callbacks to the gateway.
 *
 *  on_request  the fault that was armed for it, if any  -> before, instead of or after insurer_handle()
 *  on_tick     claims move on, their events are sent    -> send_event(), again after its pauses
 * The control port is the desk's (insurer_desk.c). */
#include "fault.h"
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
	struct insurer_desk desk;
	bool is_stopping;
	struct event *events; /* of on_tick's thread only */
};

/* -- faults -- */

static const enum fault_kind playable[] = { FAULT_DELAY, FAULT_EFFECT_THEN_SILENCE, FAULT_EFFECT_THEN_CUT, FAULT_CUT,
	FAULT_REFUSE, FAULT_BUSY, FAULT_WRONG_SIGNATURE, FAULT_GOAWAY, FAULT_RESET, FAULT_HTTP_502_HTML,
	FAULT_MAINTENANCE, FAULT_INTERIM, FAULT_TRAILERS, FAULT_SMALL_WINDOW, FAULT_NONE };

static void find_fault(struct server *server, const struct h2_request *request, int64_t now_ms, struct fault *fault)
{
	json_t *body = json_loadb(request->body, request->len, 0, NULL), *s = json_object_get(body, "settlement");
	const char *call = insurer_call(request), *setl_id = json_text(s, "setlId");
	char claim_no[25];

	if (strcmp(call, "quote") == 0) /* there is no settlement yet */
		setl_id = json_text(json_object_get(body, "visit"), "visitNo");
	else if (*setl_id == '\0' && strncmp(request->path, "/ins/v1/claims/", 15) == 0) {
		text_format(
		        claim_no, sizeof(claim_no), "%.*s", (int)strcspn(request->path + 15, "/?"), request->path + 15);
		setl_id = insurer_claim_settlement(server->insurer.book, claim_no);
	}
	insurer_desk_fault(&server->desk, call, json_text(body, "requestNo"), setl_id,
	        json_text(json_object_get(body, "visit"), "hospitalCode"), strcmp(call, "claims") == 0,
	        json_number(s, "totalFee", 0), now_ms, fault);
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
	case FAULT_INTERIM:
		answer->has_interim = true;
		break;
	case FAULT_TRAILERS:
		answer->has_trailers = true;
		break;
	case FAULT_SMALL_WINDOW:
		answer->shrinks_windows = true;
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

	pthread_mutex_lock(&server->desk.lock);
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
	pthread_mutex_unlock(&server->desk.lock);
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
		server->desk.n_undelivered++;
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
		pthread_mutex_lock(&server->desk.lock);
		server->desk.n_undelivered--;
		server->desk.n_delivered += is_done;
		insurer_counts(server->insurer.book)->events_taken += is_done;
		pthread_mutex_unlock(&server->desk.lock);
	}
}

static void *on_tick(void *context)
{
	struct server *server = context;
	bool goes_on = true;

	while (goes_on) {
		sleep_ms(TICK_MS);
		pthread_mutex_lock(&server->desk.lock);
		insurer_book_advance(server->insurer.book, clock_wall_ms());
		take_events(server);
		goes_on = !server->is_stopping;
		pthread_mutex_unlock(&server->desk.lock);
		if (goes_on)
			send_due(server);
	}
	return NULL;
}

/* -- start and end -- */

static int serve_until_signal(struct server *server)
{
	const struct insurer_options *o = server->desk.options;
	struct h2_server *h2;
	struct http_server *control = NULL;
	pthread_t ticker;
	char url[80];

	control_keep_signals();
	h2 = h2_start(o->address, o->port, o->cert, o->key, on_request, server);
	if (h2 != NULL)
		control = insurer_desk_serve(&server->desk);
	if (control != NULL && pthread_create(&ticker, NULL, on_tick, server) == 0) {
		text_format(url, sizeof(url), "https://%s:%u/ins/v1", o->address, h2_port(h2));
		insurer_desk_wait(&server->desk, url, h2_port(h2), http_port(control));
		pthread_mutex_lock(&server->desk.lock);
		server->is_stopping = true;
		pthread_mutex_unlock(&server->desk.lock);
		pthread_join(ticker, NULL);
	}
	http_stop(control);
	h2_stop(h2);
	return control == NULL ? 1 : 0;
}

int insurer_main(const struct insurer_options *options)
{
	struct server server = { .is_stopping = false };
	int code = 1;

	signal(SIGPIPE, SIG_IGN);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	if (insurer_init(&server.insurer, options) == 0) {
		insurer_desk_open(&server.desk, options, server.insurer.book, playable);
		code = serve_until_signal(&server);
		if (code == 0 && insurer_desk_write(&server.desk) != 0)
			code = 1;
		insurer_desk_close(&server.desk);
	}
	while (server.events != NULL) {
		struct event *event = server.events;

		server.events = event->next;
		event_free(event);
	}
	insurer_end(&server.insurer);
	curl_global_cleanup();
	return code;
}
