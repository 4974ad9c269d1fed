/* sandbox/bank_control.c - the bank's control port (control_port.h): its calls read the ledger, open accounts,
 * let money come back, end the business day. */
#include "bank_serve.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

static const enum fault_kind playable[] = { FAULT_DELAY, FAULT_EFFECT_THEN_SILENCE, FAULT_EFFECT_THEN_CUT, FAULT_CUT,
	FAULT_CUT_BODY, FAULT_REFUSE, FAULT_BUSY, FAULT_WRONG_SIGNATURE, FAULT_DUPLICATE_ANSWER, FAULT_HTTP_502_HTML,
	FAULT_MAINTENANCE, FAULT_NONE };

json_t *bank_whole_ledger(const struct bank_server *server)
{
	json_t *tree = bank_ledger(server->bank.book);

	json_object_set_new(tree, "batches", bank_batches_json(server->bank.batches));
	return tree;
}

static json_t *ledger(void *of, const json_t *body, const char **wrong)
{
	struct bank_server *server = of;

	return bank_whole_ledger(server);
}

static json_t *changes(void *of, const json_t *body, const char **wrong)
{
	struct bank_server *server = of;

	return bank_changes(server->bank.book);
}

static json_t *stats(void *of, const json_t *body, const char **wrong)
{
	struct bank_server *server = of;

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:O}", "requests", (json_int_t)server->n_requests, "refused",
	        (json_int_t)server->bank.n_refused, "faults_taken", (json_int_t)server->faults.n_taken, "pending",
	        (json_int_t)(bank_n_moving(server->bank.book) + server->n_undelivered), "documents_delivered",
	        (json_int_t)server->n_delivered, "documents_waiting", (json_int_t)server->n_undelivered, "by_call",
	        server->calls);
}

static json_t *documents(void *of, const json_t *body, const char **wrong)
{
	struct bank_server *server = of;

	return json_pack("{s:O}", "documents", server->documents);
}

static json_t *accounts_add(void *of, const json_t *body, const char **wrong)
{
	struct bank_server *server = of;
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

static json_t *give_back(void *of, const json_t *body, const char **wrong)
{
	struct bank_server *server = of;
	const char *code = json_text(body, "code");

	*wrong = bank_payout_return(
	        server->bank.book, json_text(body, "pay_ref"), *code == '\0' ? "E20004" : code, clock_wall_ms());
	return json_pack("{s:s}", "returned", json_text(body, "pay_ref"));
}

static json_t *day_end(void *of, const json_t *body, const char **wrong)
{
	struct bank_server *server = of;

	bank_day_end(server->bank.book, clock_wall_ms(), json_is_true(json_object_get(body, "missing")),
	        json_is_true(json_object_get(body, "twice")), json_is_true(json_object_get(body, "copy")));
	return json_pack("{s:s}", "day", bank_day(server->bank.book));
}

static json_t *clock_set(void *of, const json_t *body, const char **wrong)
{
	struct bank_server *server = of;

	server->bank.clock_offset_ms = json_number(body, "offset_s", 0) * 1000;
	return json_pack("{s:I}", "offset_s", (json_int_t)(server->bank.clock_offset_ms / 1000));
}

static json_t *settings(void *of, const json_t *body, const char **wrong)
{
	struct bank_server *server = of;
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

static const struct control_call calls[] = {
	{ "GET", "/ledger", ledger },
	{ "GET", "/changes", changes },
	{ "GET", "/stats", stats },
	{ "GET", "/documents", documents },
	{ "POST", "/accounts", accounts_add },
	{ "POST", "/return", give_back },
	{ "POST", "/day", day_end },
	{ "POST", "/clock", clock_set },
	{ "POST", "/settings", settings },
	{ NULL, NULL, NULL },
};

static void advance(void *of)
{
	struct bank_server *server = of;

	bank_book_advance(server->bank.book, clock_wall_ms());
}

static int64_t n_moving(void *of)
{
	const struct bank_server *server = of;

	return bank_n_moving(server->bank.book) + server->n_undelivered;
}

struct http_server *bank_control_start(struct bank_server *server, uint16_t port)
{
	server->control = (struct control_port){ .name = "the bank",
		.calls = calls,
		.playable = playable,
		.faults = &server->faults,
		.lock = &server->lock,
		.n_requests = &server->n_requests,
		.advance = advance,
		.n_moving = n_moving,
		.of = server };
	return control_port_start(&server->control, port);
}
