/* sandbox/hub.c - serves the hub: one cross-province message from its certificate to its answer, faults, control port.
 *
 *  on_message   certificate, envelope (hub_wire.c)          -> refused with its code, or
 *  play         the fault that was armed for it, if any     -> before, instead of or after
 *  take_effect  hub_book.c under the lock                   -> the signed answer */
#include "hub.h"
#include "control_port.h"
#include "text.h"

#include <libxml/parser.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XML_TYPE "application/xml; charset=UTF-8"
#define XML_TYPE_GB "application/xml; charset=GB18030"

struct hub {
	const struct hub_options *options;
	pthread_mutex_t lock;
	struct hub_book *book;
	struct hub_keys *keys;
	struct faults faults;
	json_t *requests; /* transno -> how many arrived */
	int64_t n_requests, n_pending;
	uint64_t serial;
	struct http_server *server;
};

struct octets {
	char *p;
	size_t n;
};

static struct octets take_effect(struct hub *hub, const struct hub_message *m)
{
	const struct hub_result *result;
	struct octets out;
	bool is_repeat;
	char refused[128], digest[65];

	pthread_mutex_lock(&hub->lock);
	result = hub_book_run(hub->book, hub->keys, m, clock_wall_ms(), &is_repeat, refused);
	out.p = hub_answer(hub->keys, m, result, is_repeat, ++hub->serial + 1000000000u, clock_wall_ms(), &out.n,
	        digest, NULL, NULL);
	pthread_mutex_unlock(&hub->lock);
	return out;
}

static struct octets refuse(struct hub *hub, const struct hub_message *m, int code, const char *text)
{
	struct hub_result result = { .code = code, .message = (char *)(uintptr_t)text };
	struct octets out;
	char digest[65];

	pthread_mutex_lock(&hub->lock);
	out.p = hub_answer(
	        hub->keys, m, &result, false, ++hub->serial + 2000000000u, clock_wall_ms(), &out.n, digest, NULL, NULL);
	pthread_mutex_unlock(&hub->lock);
	return out;
}

/* The answer, spoilt as the fault says; frees it. */
static enum MHD_Result answer(
        struct http_request *request, const struct hub_message *m, struct octets octets, enum fault_kind kind)
{
	static const char bad_gateway[] = "<html><head><title>502 Bad Gateway</title></head></html>\r\n";
	const char *type = m->is_gb18030 ? XML_TYPE_GB : XML_TYPE;
	enum MHD_Result result;
	char *sign;

	switch (kind) {
	case FAULT_HTTP_502_HTML:
		result = http_answer(request, MHD_HTTP_BAD_GATEWAY, "text/html", bad_gateway, sizeof(bad_gateway) - 1);
		break;
	case FAULT_CUT_JSON: /* half of the text in a well-formed answer */
		result = http_answer(request, MHD_HTTP_OK, type, octets.p, octets.n / 2);
		break;
	case FAULT_CUT_BODY:
		result = http_answer_cut(request, type, octets.p, octets.n);
		break;
	case FAULT_GARBAGE:
		http_send_raw(request, "\x16\x03\x01 not HTTP at all \0\xff\xfe\r\n\r\n", 27);
		result = http_hang_up(request);
		break;
	case FAULT_EXTRA_MEMBERS: /* here: a wrong signature, one character of it changed */
		sign = memmem(octets.p, octets.n, "<sign>", 6);
		if (sign != NULL)
			sign[10] = sign[10] == 'A' ? 'B' : 'A';
		result = http_answer(request, MHD_HTTP_OK, type, octets.p, octets.n);
		break;
	default:
		result = http_answer(request, MHD_HTTP_OK, type, octets.p, octets.n);
	}
	free(octets.p);
	return result;
}

static enum MHD_Result play(
        struct hub *hub, struct http_request *request, const struct hub_message *m, const struct fault *fault)
{
	struct octets late;

	switch (fault->kind) {
	case FAULT_MAINTENANCE:
		return http_answer(request, MHD_HTTP_SERVICE_UNAVAILABLE, "text/html", "closed", 6);
	case FAULT_CUT:
		return http_hang_up(request);
	case FAULT_REFUSE:
		return answer(request, m,
		        refuse(hub, m, fault->text[0] == '\0' ? -2003 : atoi(fault->text), "无有效异地就医备案"),
		        FAULT_NONE);
	case FAULT_HELD:
		http_wait_gone(hub->server, request, fault->from_arrival ? fault->ms : -1);
		sleep_ms(fault->ms);
		free(take_effect(hub, m).p);
		return http_hang_up(request);
	case FAULT_EFFECT_THEN_CUT:
		free(take_effect(hub, m).p);
		return http_hang_up(request);
	case FAULT_EFFECT_THEN_SILENCE:
	case FAULT_DELAY:
		late = take_effect(hub, m);
		http_wait_gone(hub->server, request, fault->kind == FAULT_DELAY ? fault->ms : -1);
		if (fault->kind == FAULT_DELAY)
			return answer(request, m, late, FAULT_NONE);
		free(late.p);
		return http_hang_up(request);
	default:
		return answer(request, m, take_effect(hub, m), fault->kind);
	}
}

/* A message as fault.c looks at requests: number, sender's number, institution, visit, what it reverses. */
static json_t *as_request(const struct hub_book *book, const struct hub_message *m)
{
	char registration[31];
	char institution[31], visit[31], original[31];

	hub_text(m->input, "akb026", institution, sizeof(institution));
	hub_text(m->input, "akc190", visit, sizeof(visit));
	if (visit[0] == '\0') {
		hub_text(m->input, "ykc700", registration, sizeof(registration));
		text_format(visit, sizeof(visit), "%s", hub_book_own_number(book, registration));
	}
	hub_text(m->input, "otransid", original, sizeof(original));
	return json_pack("{s:s, s:s, s:s, s:{s:{s:s, s:s}}}", "infno", m->transno, "msgid", m->transid,
	        "fixmedins_code", institution, "input", "data", "mdtrt_id", visit, "omsgid", original);
}

static enum MHD_Result serve(struct hub *hub, struct http_request *request, const struct hub_message *m)
{
	enum MHD_Result result;
	struct fault fault;
	json_t *seen;

	pthread_mutex_lock(&hub->lock);
	seen = must(as_request(hub->book, m));
	hub->n_requests++;
	hub->n_pending++;
	json_object_set_new(hub->requests, m->transno, json_integer(json_number(hub->requests, m->transno, 0) + 1));
	fault_take(&hub->faults, seen, clock_wall_ms(), &fault);
	if (fault.kind == FAULT_EFFECT_THEN_SILENCE || fault.kind == FAULT_DELAY)
		hub->n_pending--; /* its effect is at once */
	pthread_mutex_unlock(&hub->lock);
	json_decref(seen);
	result = play(hub, request, m, &fault);
	pthread_mutex_lock(&hub->lock);
	if (fault.kind != FAULT_EFFECT_THEN_SILENCE && fault.kind != FAULT_DELAY)
		hub->n_pending--;
	pthread_mutex_unlock(&hub->lock);
	return result;
}

static enum MHD_Result on_message(void *context, struct http_request *request)
{
	struct hub *hub = context;
	char name[128], why_not[128];
	struct hub_message m;
	enum MHD_Result result;
	const char *why;
	int code;

	if (!http_peer_is_known(request, name, why_not))
		return http_answer(request, MHD_HTTP_FORBIDDEN, "text/plain", why_not, strlen(why_not));
	if (strcmp(request->method, "POST") != 0)
		return http_answer(request, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain", "POST only", 9);
	code = hub_read(hub->keys, request->body, request->len, &m, &why);
	if (code != 0 && m.recver[0] == '\0')
		result = http_answer(request, MHD_HTTP_BAD_REQUEST, "text/plain", why, strlen(why));
	else if (code != 0)
		result = answer(request, &m, refuse(hub, &m, code, why), FAULT_NONE);
	else
		result = serve(hub, request, &m);
	hub_message_free(&m);
	return result;
}

/* -- control port -- */

static json_t *ledger(void *of, const json_t *body, const char **wrong)
{
	const struct hub *hub = of;

	return hub_book_ledger(hub->book);
}

static json_t *stats(void *of, const json_t *body, const char **wrong)
{
	const struct hub *hub = of;

	return json_pack("{s:I, s:I, s:O}", "requests", (json_int_t)hub->n_requests, "pending",
	        (json_int_t)hub->n_pending, "by_transno", hub->requests);
}

static json_t *persons_add(void *of, const json_t *body, const char **wrong)
{
	struct hub *hub = of;
	json_t *row;
	size_t i;

	if (!json_is_array(body))
		*wrong = "an array of persons is needed";
	json_array_foreach(body, i, row)
	{
		if (*wrong == NULL)
			*wrong = hub_person_add(hub->book, row);
	}
	return json_pack("{s:i}", "persons", (int)json_array_size(body));
}

static json_t *alter(void *of, const json_t *body, const char **wrong)
{
	struct hub *hub = of;
	const char *which = json_text(body, "setl_id");
	const char *id = hub_book_alter(hub->book, *which == '\0' ? NULL : which, json_number(body, "fen", 1));

	if (id == NULL)
		*wrong = "no settlement in force has this setl_id";
	return json_pack("{s:s?}", "altered", id);
}

static int64_t n_moving(void *of)
{
	const struct hub *hub = of;

	return hub->n_pending;
}

static const struct control_call calls[] = {
	{ "GET", "/ledger", ledger },
	{ "GET", "/stats", stats },
	{ "POST", "/persons", persons_add },
	{ "POST", "/alter", alter },
	{ NULL, NULL, NULL },
};

/* -- start and end -- */

/* The person of the published example: crossprovince.md 8. */
static void add_examples(struct hub_book *book)
{
	json_t *row = must(json_pack("{s:s, s:s, s:s, s:s, s:b, s:s}", "certno", "621002197203164015", "name", "苏望川",
	        "insutype", "390", "insuplc_admdvs", "621000", "aid", 1, "psn_no", "62100000000000000000876543"));

	hub_person_add(book, row);
	json_decref(row);
}

static int serve_until_signal(struct hub *hub)
{
	const struct hub_options *o = hub->options;
	struct http_server_options server = { .address = o->address,
		.port = o->port,
		.cert_path = o->cert,
		.key_path = o->key,
		.client_ca_path = o->client_ca,
		.handler = on_message,
		.context = hub };
	struct control_port control = { .name = "the hub",
		.calls = calls,
		.faults = &hub->faults,
		.lock = &hub->lock,
		.n_requests = &hub->n_requests,
		.n_moving = n_moving,
		.of = hub };
	struct http_server *control_server;
	char text[64];

	control_keep_signals();
	hub->server = http_start(&server);
	if (hub->server == NULL)
		return 1;
	control_server = control_port_start(&control, o->control_port);
	if (control_server != NULL) {
		printf("hub: https://%s:%u/ksbw\ncontrol:  http://127.0.0.1:%u/ledger\n", o->address,
		        http_port(hub->server), http_port(control_server));
		text_format(text, sizeof(text), "%u %u", http_port(hub->server), http_port(control_server));
		control_tell_ports(o->ports_path, text);
		control_wait();
	}
	http_stop(control_server);
	http_stop(hub->server);
	return control_server == NULL ? 1 : 0;
}

int hub_main(const struct hub_options *options)
{
	struct hub hub = { .options = options, .lock = PTHREAD_MUTEX_INITIALIZER };
	int code = 1;

	signal(SIGPIPE, SIG_IGN);
	xmlInitParser();
	hub.book = hub_book_new(options->expire_s);
	hub.keys = hub_keys_open(options->keys_folder);
	hub.requests = must(json_object());
	add_examples(hub.book);
	code = serve_until_signal(&hub);
	if (code == 0 && control_write_ledger(options->ledger_path, hub_book_ledger(hub.book)) != 0)
		code = 1;
	fault_clear(&hub.faults);
	hub_book_free(hub.book);
	hub_keys_close(hub.keys);
	json_decref(hub.requests);
	xmlCleanupParser();
	return code;
}
