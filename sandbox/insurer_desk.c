/* sandbox/insurer_desk.c - behind every simulated insurer: faults, counts, ledger and the control port (insurer.h).
 *
 * insurer_serve.c and jinhui_serve.c have the wires; both lock the desk around what they do with its book. */
#include "insurer.h"
#include "text.h"

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

static json_t *ledger(void *of, const json_t *body, const char **wrong)
{
	const struct insurer_desk *desk = of;

	return insurer_ledger(desk->book);
}

static json_t *changes(void *of, const json_t *body, const char **wrong)
{
	const struct insurer_desk *desk = of;

	return insurer_changes(desk->book);
}

static json_t *stats(void *of, const json_t *body, const char **wrong)
{
	const struct insurer_desk *desk = of;

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:O}", "requests", (json_int_t)desk->n_requests, "refused",
	        (json_int_t)insurer_counts(desk->book)->refused, "faults_taken", (json_int_t)desk->faults.n_taken,
	        "pending", (json_int_t)(insurer_n_moving(desk->book) + desk->n_undelivered), "callbacks_delivered",
	        (json_int_t)desk->n_delivered, "callbacks_waiting", (json_int_t)desk->n_undelivered, "by_call",
	        desk->calls);
}

static json_t *persons_add(void *of, const json_t *body, const char **wrong)
{
	struct insurer_desk *desk = of;
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

static json_t *list(void *of, const json_t *body, const char **wrong)
{
	const struct insurer_desk *desk = of;
	char *text = insurer_list(desk->book, clock_wall_ms());
	json_t *tree = json_pack("{s:s}", "list", text);

	free(text);
	return tree;
}

static json_t *alter(void *of, const json_t *body, const char **wrong)
{
	struct insurer_desk *desk = of;

	if (!insurer_alter(desk->book, json_text(body, "setl_id"), json_number(body, "fen", 1)))
		*wrong = "no claim in force is of this setl_id";
	return json_pack("{s:s}", "altered", json_text(body, "setl_id"));
}

static json_t *say(void *of, const json_t *body, const char **wrong)
{
	struct insurer_desk *desk = of;

	if (*json_text(body, "setl_id") == '\0')
		*wrong = "setl_id is missing";
	else
		insurer_say(desk->book, body);
	return json_pack("{s:s}", "listed", json_text(body, "setl_id"));
}

static const struct control_call calls[] = {
	{ "GET", "/ledger", ledger },
	{ "GET", "/changes", changes },
	{ "GET", "/stats", stats },
	{ "GET", "/list", list },
	{ "POST", "/alter", alter },
	{ "POST", "/listed", say },
	{ "POST", "/persons", persons_add },
	{ NULL, NULL, NULL },
};

static void advance(void *of)
{
	struct insurer_desk *desk = of;

	insurer_book_advance(desk->book, clock_wall_ms());
}

static int64_t n_moving(void *of)
{
	const struct insurer_desk *desk = of;

	return insurer_n_moving(desk->book) + desk->n_undelivered;
}

struct http_server *insurer_desk_serve(struct insurer_desk *desk)
{
	desk->control = (struct control_port){ .name = "this insurer",
		.calls = calls,
		.playable = desk->playable,
		.faults = &desk->faults,
		.lock = &desk->lock,
		.n_requests = &desk->n_requests,
		.advance = advance,
		.n_moving = n_moving,
		.of = desk };
	return control_port_start(&desk->control, desk->options->control_port);
}

/* -- start and end -- */

void insurer_desk_wait(const struct insurer_desk *desk, const char *url, uint16_t port, uint16_t control_port)
{
	char text[64];

	printf("insurer: %s\ncontrol:  http://127.0.0.1:%u/ledger\n", url, control_port);
	text_format(text, sizeof(text), "%u %u", port, control_port);
	control_tell_ports(desk->options->ports_path, text);
	control_wait();
}

int insurer_desk_write(struct insurer_desk *desk)
{
	return control_write_ledger(desk->options->ledger_path, insurer_ledger(desk->book));
}
