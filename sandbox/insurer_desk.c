/* sandbox/insurer_desk.c - behind every simulated insurer: faults, counts, ledger and the control port (insurer.h).
 *
 * insurer_serve.c and jinhui_serve.c have the wires; both lock the desk around what they do with its book. */
#include "fault.h"
#include "http.h"
#include "insurer.h"
#include "text.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void insurer_desk_open(struct insurer_desk *desk, const struct insurer_options *options, struct insurer_book *book,
        const enum fault_kind *playable)
{
	*desk = (struct insurer_desk){ .options = options, .book = book, .playable = playable };
	pthread_mutex_init(&desk->lock, NULL);
	desk->calls = must(json_object());
	desk->seen = must(json_object());
}

void insurer_desk_close(struct insurer_desk *desk)
{
	fault_clear(&desk->faults);
	json_decref(desk->calls);
	json_decref(desk->seen);
	pthread_mutex_destroy(&desk->lock);
}

/* -- faults -- */

/* What the total of a claim in fen asks for by its last two digits (insurer.md 9). */
static enum fault_kind amount_fault(struct insurer_desk *desk, const char *number, int64_t total_fen)
{
	int64_t n = json_number(desk->seen, number, 0);

	json_object_set_new(desk->seen, number, json_integer(n + 1));
	if (total_fen % 100 == 85 && n == 0)
		return FAULT_WRONG_SIGNATURE;
	if (total_fen % 100 == 86 && n == 0)
		return FAULT_EFFECT_THEN_CUT;
	return total_fen % 100 == 87 && n < 3 ? FAULT_BUSY : FAULT_NONE;
}

void insurer_desk_fault(struct insurer_desk *desk, const char *call, const char *number, const char *setl_id,
        const char *hospital, bool is_claim, int64_t total_fen, int64_t now_ms, struct fault *fault)
{
	/* As fault.c looks at requests. */
	json_t *seen = must(json_pack("{s:s, s:s, s:s, s:{s:{s:s}}}", "infno", call, "msgid", number, "fixmedins_code",
	        hospital, "input", "data", "mdtrt_id", setl_id));

	desk->n_requests++;
	json_object_set_new(desk->calls, call, json_integer(json_number(desk->calls, call, 0) + 1));
	fault_take(&desk->faults, seen, now_ms, fault);
	if (fault->kind == FAULT_NONE && is_claim && desk->options->has_amount_faults)
		fault->kind = amount_fault(desk, number, total_fen);
	json_decref(seen);
}

/* -- control port -- */

static json_t *stats(const struct insurer_desk *desk)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:O}", "requests", (json_int_t)desk->n_requests, "refused",
	        (json_int_t)insurer_counts(desk->book)->refused, "faults_taken", (json_int_t)desk->faults.n_taken,
	        "pending", (json_int_t)(insurer_n_moving(desk->book) + desk->n_undelivered), "callbacks_delivered",
	        (json_int_t)desk->n_delivered, "callbacks_waiting", (json_int_t)desk->n_undelivered, "by_call",
	        desk->calls);
}

static json_t *fault_add(struct insurer_desk *desk, const json_t *body, const char **wrong)
{
	static char text[400]; /* under the lock */
	const char *kind = json_text(body, "kind");
	bool is_playable = false;

	text_format(text, sizeof(text), "this insurer plays");
	for (const enum fault_kind *p = desk->playable; *p != FAULT_NONE; p++) {
		size_t n = strlen(text);

		is_playable |= strcmp(fault_name(*p), kind) == 0;
		text_format(text + n, sizeof(text) - n, "%s %s", p == desk->playable ? "" : ",", fault_name(*p));
	}
	*wrong = is_playable ? fault_arm(&desk->faults, body, clock_wall_ms()) : text;
	return json_pack("{s:s}", "armed", kind);
}

static json_t *persons_add(struct insurer_desk *desk, const json_t *body, const char **wrong)
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
		insurer_person_add(desk->book, json_text(row, "certno"), json_text(row, "name"));
		n++;
	}
	json_decref(rows);
	return json_pack("{s:i}", "persons", n);
}

static json_t *list(const struct insurer_desk *desk)
{
	char *text = insurer_list(desk->book, clock_wall_ms());
	json_t *tree = json_pack("{s:s}", "list", text);

	free(text);
	return tree;
}

/* Waits, without the lock, until no claim will move by itself, all events are taken and nothing came for 200 ms. */
static json_t *quiesce(struct insurer_desk *desk, int64_t timeout_ms)
{
	int64_t end_ms = clock_steady_ms() + timeout_ms, quiet_since_ms = clock_steady_ms(), n = desk->n_requests;

	while (clock_steady_ms() < end_ms && clock_steady_ms() - quiet_since_ms < 200) {
		pthread_mutex_unlock(&desk->lock);
		sleep_ms(10);
		pthread_mutex_lock(&desk->lock);
		if (insurer_n_moving(desk->book) + desk->n_undelivered > 0 || desk->n_requests != n)
			quiet_since_ms = clock_steady_ms();
		n = desk->n_requests;
	}
	return json_pack("{s:b}", "quiet", clock_steady_ms() - quiet_since_ms >= 200);
}

static json_t *control(
        struct insurer_desk *desk, const struct http_request *request, const json_t *body, const char **wrong)
{
	bool is_post = strcmp(request->method, "POST") == 0;
	const char *path = request->path;

	if (strcmp(path, "/ledger") == 0 && !is_post)
		return insurer_ledger(desk->book);
	if (strcmp(path, "/changes") == 0 && !is_post)
		return insurer_changes(desk->book);
	if (strcmp(path, "/stats") == 0 && !is_post)
		return stats(desk);
	if (strcmp(path, "/list") == 0 && !is_post)
		return list(desk);
	if (strcmp(path, "/fault") == 0 && is_post)
		return fault_add(desk, body, wrong);
	if (strcmp(path, "/fault") == 0 && strcmp(request->method, "DELETE") == 0)
		fault_clear(&desk->faults);
	if (strcmp(path, "/fault") == 0)
		return json_pack("{s:o}", "faults", fault_list(&desk->faults, clock_wall_ms()));
	if (strcmp(path, "/alter") == 0 && is_post) {
		*wrong = insurer_alter(desk->book, json_text(body, "setl_id"), json_number(body, "fen", 1))
		                 ? NULL
		                 : "no claim in force is of this setl_id";
		return json_pack("{s:s}", "altered", json_text(body, "setl_id"));
	}
	if (strcmp(path, "/persons") == 0 && is_post)
		return persons_add(desk, body, wrong);
	if (strcmp(path, "/quiesce") == 0 && is_post)
		return quiesce(desk, json_number(body, "timeout_ms", 30000));
	*wrong =
	        "no such call; there are GET /ledger /changes /stats /list /fault, POST /fault /persons /alter /quiesce, DELETE /fault";
	return NULL;
}

static enum MHD_Result on_control(void *context, struct http_request *request)
{
	struct insurer_desk *desk = context;
	const char *wrong = NULL;
	enum MHD_Result result;
	json_error_t error;
	json_t *body = request->len > 0 ? json_loadb(request->body, request->len, 0, &error) : NULL, *tree;
	char *text;

	if (request->len > 0 && body == NULL)
		body = must(json_object());
	pthread_mutex_lock(&desk->lock);
	insurer_book_advance(desk->book, clock_wall_ms());
	tree = control(desk, request, body, &wrong);
	pthread_mutex_unlock(&desk->lock);
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

struct http_server *insurer_desk_serve(struct insurer_desk *desk)
{
	struct http_server_options plain = {
		.address = "127.0.0.1", .port = desk->options->control_port, .handler = on_control, .context = desk
	};

	return http_start(&plain);
}

/* -- start and end -- */

void insurer_desk_block_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, NULL); /* all threads that come after it inherit it */
}

void insurer_desk_wait(const struct insurer_desk *desk, const char *url, uint16_t port, uint16_t control_port)
{
	const struct insurer_options *o = desk->options;
	char text[64];
	int signal_number;
	sigset_t signals;

	printf("insurer: %s\ncontrol:  http://127.0.0.1:%u/ledger\n", url, control_port);
	fflush(stdout);
	text_format(text, sizeof(text), "%u %u\n", port, control_port);
	if (o->ports_path != NULL)
		file_write(o->ports_path, text, strlen(text));
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigwait(&signals, &signal_number);
}

int insurer_desk_write(struct insurer_desk *desk)
{
	json_t *tree;
	char *text;
	int rv;

	if (desk->options->ledger_path == NULL)
		return 0;
	tree = insurer_ledger(desk->book);
	text = must(json_dumps(tree, JSON_INDENT(1)));
	rv = file_write(desk->options->ledger_path, text, strlen(text));
	free(text);
	json_decref(tree);
	return rv;
}
