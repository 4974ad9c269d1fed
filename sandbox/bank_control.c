/* sandbox/bank_control.c - the bank's control port: plain HTTP on loopback, JSON both ways.
 *
 * Reads the ledger, opens accounts, arms faults, lets money come back, ends the business day. */
#include "bank_serve.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

static const enum fault_kind playable[] = { FAULT_DELAY, FAULT_EFFECT_THEN_SILENCE, FAULT_EFFECT_THEN_CUT, FAULT_CUT,
	FAULT_CUT_BODY, FAULT_REFUSE, FAULT_BUSY, FAULT_WRONG_SIGNATURE, FAULT_DUPLICATE_ANSWER, FAULT_HTTP_502_HTML,
	FAULT_MAINTENANCE };

typedef json_t *(*bank_control_call)(struct bank_server *server, const json_t *body, const char **wrong);

json_t *bank_whole_ledger(const struct bank_server *server)
{
	json_t *tree = bank_ledger(server->bank.book);

	json_object_set_new(tree, "batches", bank_batches_json(server->bank.batches));
	return tree;
}

static json_t *ledger(struct bank_server *server, const json_t *body, const char **wrong)
{
	return bank_whole_ledger(server);
}

static json_t *changes(struct bank_server *server, const json_t *body, const char **wrong)
{
	return bank_changes(server->bank.book);
}

static json_t *stats(struct bank_server *server, const json_t *body, const char **wrong)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:O}", "requests", (json_int_t)server->n_requests, "refused",
	        (json_int_t)server->bank.n_refused, "faults_taken", (json_int_t)server->faults.n_taken, "pending",
	        (json_int_t)(bank_n_moving(server->bank.book) + server->n_undelivered), "documents_delivered",
	        (json_int_t)server->n_delivered, "documents_waiting", (json_int_t)server->n_undelivered, "by_call",
	        server->calls);
}

static json_t *documents(struct bank_server *server, const json_t *body, const char **wrong)
{
	return json_pack("{s:O}", "documents", server->documents);
}

static json_t *faults_show(struct bank_server *server, const json_t *body, const char **wrong)
{
	return json_pack("{s:o}", "faults", fault_list(&server->faults, clock_wall_ms()));
}

static json_t *fault_add(struct bank_server *server, const json_t *body, const char **wrong)
{
	const char *kind = json_text(body, "kind");
	bool is_playable = false;

	for (size_t i = 0; i < sizeof(playable) / sizeof(*playable); i++)
		is_playable |= strcmp(fault_name(playable[i]), kind) == 0;
	*wrong = is_playable
	                 ? fault_arm(&server->faults, body, clock_wall_ms())
	                 : "the bank plays delay, effect_then_silence, effect_then_cut, cut, cut_body, refuse, busy, "
	                   "wrong_signature, duplicate_answer, http_502_html, maintenance";
	return json_pack("{s:s}", "armed", kind);
}

static json_t *faults_clear(struct bank_server *server, const json_t *body, const char **wrong)
{
	fault_clear(&server->faults);
	return json_pack("{s:[]}", "faults");
}

static json_t *accounts_add(struct bank_server *server, const json_t *body, const char **wrong)
{
	json_t *row;
	size_t i;

	if (!json_is_array(body))
		*wrong = "an array of accounts is needed: account, name, balance_fen, customer, closed";
	json_array_foreach(body, i, row)
	{
		const char *no = json_text(row, "account");
		struct bank_account *a;

		if (*no == '\0' || strlen(no) > 34) {
			*wrong = "an account needs its number (account), at most 34 characters";
			break;
		}
		a = bank_account_set(server->bank.book, no, json_text(row, "name"), json_number(row, "balance_fen", -1),
		        json_is_true(json_object_get(row, "customer")));
		if (json_is_boolean(json_object_get(row, "closed")))
			a->is_closed = json_is_true(json_object_get(row, "closed"));
	}
	return json_pack("{s:I}", "accounts", (json_int_t)json_array_size(body));
}

static json_t *give_back(struct bank_server *server, const json_t *body, const char **wrong)
{
	const char *code = json_text(body, "code");

	*wrong = bank_payout_return(
	        server->bank.book, json_text(body, "pay_ref"), *code == '\0' ? "E20004" : code, clock_wall_ms());
	return json_pack("{s:s}", "returned", json_text(body, "pay_ref"));
}

static json_t *day_end(struct bank_server *server, const json_t *body, const char **wrong)
{
	bank_day_end(server->bank.book, clock_wall_ms(), json_is_true(json_object_get(body, "missing")),
	        json_is_true(json_object_get(body, "twice")), json_is_true(json_object_get(body, "copy")));
	return json_pack("{s:s}", "day", bank_day(server->bank.book));
}

static json_t *clock_set(struct bank_server *server, const json_t *body, const char **wrong)
{
	server->bank.clock_offset_ms = json_number(body, "offset_s", 0) * 1000;
	return json_pack("{s:I}", "offset_s", (json_int_t)(server->bank.clock_offset_ms / 1000));
}

static json_t *settings(struct bank_server *server, const json_t *body, const char **wrong)
{
	const char *reports = json_text(body, "reports");

	if (json_is_boolean(json_object_get(body, "no_dedup")))
		bank_forget_orders(server->bank.book, json_is_true(json_object_get(body, "no_dedup")));
	if (*reports != '\0') {
		server->doubles_reports = strcmp(reports, "twice") == 0;
		server->reverses_reports = strcmp(reports, "reversed") == 0;
	}
	return json_pack("{s:s}", "reports",
	        server->doubles_reports    ? "twice"
	        : server->reverses_reports ? "reversed"
	                                   : "once");
}

/* Waits, without the lock, until no payout will move by itself, all documents are taken and nothing came for 200 ms. */
static json_t *quiesce(struct bank_server *server, const json_t *body, const char **wrong)
{
	int64_t end_ms = clock_steady_ms() + json_number(body, "timeout_ms", 30000);
	int64_t quiet_since_ms = clock_steady_ms(), n = server->n_requests;

	while (clock_steady_ms() < end_ms && clock_steady_ms() - quiet_since_ms < 200) {
		pthread_mutex_unlock(&server->lock);
		sleep_ms(10);
		pthread_mutex_lock(&server->lock);
		if (bank_n_moving(server->bank.book) + server->n_undelivered > 0 || server->n_requests != n)
			quiet_since_ms = clock_steady_ms();
		n = server->n_requests;
	}
	return json_pack("{s:b}", "quiet", clock_steady_ms() - quiet_since_ms >= 200);
}

static const struct {
	const char *method, *path;
	bank_control_call call;
} calls[] = {
	{ "GET", "/ledger", ledger },
	{ "GET", "/changes", changes },
	{ "GET", "/stats", stats },
	{ "GET", "/documents", documents },
	{ "GET", "/fault", faults_show },
	{ "POST", "/fault", fault_add },
	{ "DELETE", "/fault", faults_clear },
	{ "POST", "/accounts", accounts_add },
	{ "POST", "/return", give_back },
	{ "POST", "/day", day_end },
	{ "POST", "/clock", clock_set },
	{ "POST", "/settings", settings },
	{ "POST", "/quiesce", quiesce },
};

static json_t *run(
        struct bank_server *server, const struct http_request *request, const json_t *body, const char **wrong)
{
	json_t *tree = NULL;

	*wrong =
	        "no such call; there are GET /ledger /changes /stats /documents /fault, POST /fault /accounts /return /day /clock "
	        "/settings /quiesce, DELETE /fault";
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		if (strcmp(calls[i].method, request->method) != 0 || strcmp(calls[i].path, request->path) != 0)
			continue;
		*wrong = NULL;
		pthread_mutex_lock(&server->lock);
		bank_book_advance(server->bank.book, clock_wall_ms());
		tree = must(calls[i].call(server, body, wrong));
		pthread_mutex_unlock(&server->lock);
	}
	return tree;
}

static enum MHD_Result on_control(void *context, struct http_request *request)
{
	const char *wrong = NULL;
	enum MHD_Result result;
	json_error_t error;
	json_t *body = request->len > 0 ? json_loadb(request->body, request->len, 0, &error) : NULL, *tree = NULL;
	char *text;

	if (request->len > 0 && body == NULL)
		wrong = error.text;
	else
		tree = run(context, request, body, &wrong);
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

struct http_server *bank_control_start(struct bank_server *server, uint16_t port)
{
	struct http_server_options options = {
		.address = "127.0.0.1", .port = port, .handler = on_control, .context = server
	};

	return http_start(&options);
}
