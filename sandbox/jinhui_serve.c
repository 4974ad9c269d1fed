/* sandbox/jinhui_serve.c - serves 金惠保: HTTPS in, faults; the control port is the desk's (insurer_desk.c).
 *
 *  on_message  read and verified (jinhui_wire.c), the fault that was armed for it
 *  play        before, instead of or after jinhui_handle() */
#include "fault.h"
#include "hub.h"
#include "jinhui.h"
#include "text.h"

#include <libxml/parser.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH "/jhb/gateway"
#define XML_TYPE "application/xml; charset=GB18030"

struct server {
	struct jinhui jinhui;
	struct insurer_desk desk;
	struct http_server *http;
};

struct octets {
	char *p;
	size_t n;
};

static const enum fault_kind playable[] = { FAULT_DELAY, FAULT_EFFECT_THEN_SILENCE, FAULT_EFFECT_THEN_CUT, FAULT_CUT,
	FAULT_REFUSE, FAULT_BUSY, FAULT_WRONG_SIGNATURE, FAULT_HTTP_502_HTML, FAULT_CUT_BODY, FAULT_GARBAGE,
	FAULT_CHUNKED, FAULT_PIECES, FAULT_BEYOND_GBK, FAULT_MAINTENANCE, FAULT_NONE };

/* What faults are armed for. */
static const char *call_of(const char *code)
{
	static const char *const names[JINHUI_FORMS + 1] = { "eligibility", "claims", "query", "documents", "withdraw",
		"reconciliation", "" };

	return names[jinhui_form(code)];
}

static void find_fault(struct server *server, const struct jinhui_message *m, int64_t now_ms, struct fault *fault)
{
	xmlNodePtr setl = hub_child(m->body, "SETL");
	char number[32], setl_id[40], hospital[40];
	bool is_claim = jinhui_form(m->code) == JH2001;

	hub_text(m->body, "APPLY_NO", number, sizeof(number));
	hub_text(setl, "SETL_ID", setl_id, sizeof(setl_id));
	hub_text(hub_child(m->body, "VISIT"), "HOSP_CODE", hospital, sizeof(hospital));
	if (setl_id[0] == '\0')
		text_format(setl_id, sizeof(setl_id), "%s", insurer_claim_settlement(server->jinhui.book, number));
	insurer_desk_fault(&server->desk, call_of(m->code), number, setl_id, hospital, is_claim, hub_fen(setl, "TOTAL"),
	        now_ms, fault);
}

static struct octets take_effect(struct server *server, const struct jinhui_message *m, bool is_read,
        struct insurer_refusal *refusal, enum fault_kind kind)
{
	struct octets out;
	char *sign;

	pthread_mutex_lock(&server->desk.lock);
	server->jinhui.is_beyond_gbk = kind == FAULT_BEYOND_GBK;
	out.p = jinhui_handle(&server->jinhui, m, is_read, refusal, clock_wall_ms(), &out.n);
	server->jinhui.is_beyond_gbk = false;
	pthread_mutex_unlock(&server->desk.lock);
	sign = kind == FAULT_WRONG_SIGNATURE ? memmem(out.p, out.n, "<SIGN>", 6) : NULL;
	if (sign != NULL)
		sign[20] = sign[20] == 'A' ? 'B' : 'A';
	return out;
}

/* Frees the octets. */
static enum MHD_Result answer(struct http_request *request, struct octets octets, enum fault_kind kind)
{
	static const char bad_gateway[] = "<html><head><title>502 Bad Gateway</title></head></html>\r\n";
	enum MHD_Result result;

	switch (kind) {
	case FAULT_HTTP_502_HTML:
		result = http_answer(request, MHD_HTTP_BAD_GATEWAY, "text/html", bad_gateway, sizeof(bad_gateway) - 1);
		break;
	case FAULT_CUT_BODY:
		result = http_answer_cut(request, XML_TYPE, octets.p, octets.n);
		break;
	case FAULT_GARBAGE:
		http_send_raw(request, "\x16\x03\x01 not HTTP at all \0\xff\xfe\r\n\r\n", 27);
		result = http_hang_up(request);
		break;
	case FAULT_CHUNKED:
	case FAULT_PIECES:
		result = http_answer_pieces(request, XML_TYPE, octets.p, octets.n, kind == FAULT_CHUNKED);
		break;
	case FAULT_EFFECT_THEN_CUT:
	case FAULT_EFFECT_THEN_SILENCE:
		result = http_hang_up(request);
		break;
	default:
		result = http_answer(request, MHD_HTTP_OK, XML_TYPE, octets.p, octets.n);
	}
	free(octets.p);
	return result;
}

static struct octets refuse(struct server *server, const struct jinhui_message *m, const char *code)
{
	struct octets out;

	out.p = jinhui_refuse(&server->jinhui, m, code, clock_wall_ms(), &out.n);
	return out;
}

static enum MHD_Result play(struct server *server, struct http_request *request, const struct jinhui_message *m,
        bool is_read, struct insurer_refusal *refusal, const struct fault *fault)
{
	struct octets octets;

	switch (fault->kind) {
	case FAULT_MAINTENANCE:
		return http_answer(request, MHD_HTTP_SERVICE_UNAVAILABLE, "text/html", "closed", 6);
	case FAULT_CUT:
		return http_hang_up(request);
	case FAULT_REFUSE:
		return answer(request, refuse(server, m, fault->text[0] == '\0' ? "2006" : fault->text), FAULT_NONE);
	case FAULT_BUSY:
		return answer(request, refuse(server, m, "9001"), FAULT_NONE);
	default:
		octets = take_effect(server, m, is_read, refusal, fault->kind);
	}
	if (fault->kind == FAULT_DELAY || fault->kind == FAULT_EFFECT_THEN_SILENCE)
		http_wait_gone(server->http, request, fault->kind == FAULT_DELAY ? fault->ms : -1);
	return answer(request, octets, fault->kind);
}

static enum MHD_Result on_message(void *context, struct http_request *request)
{
	struct server *server = context;
	struct insurer_refusal refusal = { .code = NULL };
	struct fault fault = { .kind = FAULT_NONE };
	struct jinhui_message m;
	enum MHD_Result result;
	bool is_read;

	if (strcmp(request->method, "POST") != 0 || strcmp(request->path, PATH) != 0)
		return http_answer(request, MHD_HTTP_NOT_FOUND, "text/plain", "POST " PATH, 4 + sizeof(PATH));
	if (*http_header(request, "Content-Length") == '\0')
		return http_answer(request, MHD_HTTP_LENGTH_REQUIRED, "text/plain", "Content-Length", 14);
	if (strcasecmp(http_header(request, "Content-Type"), XML_TYPE) != 0)
		return http_answer(request, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "text/plain", XML_TYPE, strlen(XML_TYPE));
	is_read = jinhui_read(&server->jinhui, request->body, request->len, clock_wall_ms(), &m, &refusal);
	pthread_mutex_lock(&server->desk.lock);
	if (is_read)
		find_fault(server, &m, clock_wall_ms(), &fault);
	pthread_mutex_unlock(&server->desk.lock);
	result = play(server, request, &m, is_read, &refusal, &fault);
	jinhui_message_free(&m);
	return result;
}

static int serve_until_signal(struct server *server)
{
	const struct insurer_options *o = server->desk.options;
	struct http_server_options options = { .address = o->address,
		.port = o->port,
		.cert_path = o->cert,
		.key_path = o->key,
		.handler = on_message,
		.context = server,
		.body_max = JINHUI_BODY_MAX };
	struct http_server *control = NULL;
	char url[80];

	control_keep_signals();
	server->http = http_start(&options);
	if (server->http != NULL)
		control = insurer_desk_serve(&server->desk);
	if (control != NULL) {
		text_format(url, sizeof(url), "https://%s:%u" PATH, o->address, http_port(server->http));
		insurer_desk_wait(&server->desk, url, http_port(server->http), http_port(control));
	}
	http_stop(control);
	http_stop(server->http);
	return control == NULL ? 1 : 0;
}

int jinhui_main(const struct insurer_options *options)
{
	struct server server = { .http = NULL };
	int code = 1;

	signal(SIGPIPE, SIG_IGN);
	xmlInitParser();
	if (jinhui_init(&server.jinhui, options) == 0) {
		insurer_desk_open(&server.desk, options, server.jinhui.book, playable);
		code = serve_until_signal(&server);
		insurer_book_advance(server.jinhui.book, clock_wall_ms());
		if (code == 0 && insurer_desk_write(&server.desk) != 0)
			code = 1;
		insurer_desk_close(&server.desk);
	}
	jinhui_end(&server.jinhui);
	xmlCleanupParser();
	return code;
}
