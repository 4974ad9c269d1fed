/* sandbox/control.c - the platform's control port: plain HTTP on loopback, JSON both ways.
 *
 * Reads the ledger, arms faults, adds persons, sets the clock, waits for quiet.  What each call takes
 * and gives is in sandbox/README.md and `yitong-sandbox --help`. */
#include "platform.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define QUIET_MS 30000 /* how long POST /quiesce waits unless told otherwise */

typedef json_t *(*control_call)(struct platform *platform, const json_t *body, const char **wrong);

static json_t *ledger(struct platform *platform, const json_t *body, const char **wrong)
{
	return book_ledger(platform->book);
}

static json_t *changes(struct platform *platform, const json_t *body, const char **wrong)
{
	return book_changes(platform->book);
}

static json_t *stats(struct platform *platform, const json_t *body, const char **wrong)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:O}", "requests", (json_int_t)platform->n_requests, "refused_unheard",
	        (json_int_t)platform->n_refused_unheard, "faults_taken", (json_int_t)platform->faults.n_taken,
	        "pending", (json_int_t)platform->n_pending, "by_infno", platform->requests);
}

static json_t *faults_show(struct platform *platform, const json_t *body, const char **wrong)
{
	return json_pack("{s:o}", "faults", fault_list(&platform->faults, platform_now_ms(platform)));
}

static json_t *fault_add(struct platform *platform, const json_t *body, const char **wrong)
{
	*wrong = fault_arm(&platform->faults, body, platform_now_ms(platform));
	return json_pack("{s:s}", "armed", json_text(body, "kind"));
}

static json_t *faults_clear(struct platform *platform, const json_t *body, const char **wrong)
{
	fault_clear(&platform->faults);
	return json_pack("{s:[]}", "faults");
}

static void copy_text(char *to, size_t size, const json_t *row, const char *name, const char *otherwise)
{
	const char *text = json_text(row, name);

	text_format(to, size, "%s", *text == '\0' ? otherwise : text);
}

/* Age, sex and date of birth stand in the identity number. */
static const char *person_read(const json_t *row, struct person *person)
{
	const char *certno = json_text(row, "certno");
	bool is_resident;

	memset(person, 0, sizeof(*person));
	if (strlen(certno) != 18 || *json_text(row, "name") == '\0')
		return "a person needs certno (18 characters) and name";
	copy_text(person->certno, sizeof(person->certno), row, "certno", "");
	copy_text(person->name, sizeof(person->name), row, "name", "");
	copy_text(person->insutype, sizeof(person->insutype), row, "insutype", "310");
	is_resident = strcmp(person->insutype, "390") == 0;
	copy_text(person->psn_type, sizeof(person->psn_type), row, "psn_type", is_resident ? "1501" : "1101");
	copy_text(person->insuplc, sizeof(person->insuplc), row, "insuplc_admdvs", "330213");
	copy_text(person->emp_name, sizeof(person->emp_name), row, "emp_name", is_resident ? "" : "示例机械有限公司");
	text_format(person->brdy, sizeof(person->brdy), "%.4s-%.2s-%.2s", certno + 6, certno + 10, certno + 12);
	text_format(person->gend, sizeof(person->gend), "%d", (certno[16] - '0') % 2 == 1 ? 1 : 2);
	person->is_civil_servant = json_is_true(json_object_get(row, "civil_servant"));
	person->balance_fen = json_number(row, "balance_fen", 0);
	return NULL;
}

static json_t *persons_add(struct platform *platform, const json_t *body, const char **wrong)
{
	json_t *numbers = must(json_object()), *row;
	struct person person;
	size_t i;

	if (!json_is_array(body))
		*wrong = "an array of persons is needed";
	json_array_foreach(body, i, row)
	{
		*wrong = person_read(row, &person);
		if (*wrong != NULL)
			break;
		json_object_set_new(
		        numbers, person.certno, json_string(book_person_add(platform->book, &person)->psn_no));
	}
	return json_pack("{s:o}", "psn_no", numbers);
}

static json_t *alter(struct platform *platform, const json_t *body, const char **wrong)
{
	const char *which = *json_text(body, "setl_id") != '\0' ? json_text(body, "setl_id") : json_text(body, "visit");
	const char *id = book_alter(platform->book, *which == '\0' ? NULL : which, json_number(body, "fen", 1));

	if (id == NULL)
		*wrong = "no settlement in force or cancelled has this setl_id or visit";
	return json_pack("{s:s?}", "altered", id);
}

static json_t *clock_set(struct platform *platform, const json_t *body, const char **wrong)
{
	platform->clock_offset_ms = json_number(body, "offset_s", 0) * 1000;
	return json_pack("{s:I}", "offset_s", (json_int_t)(platform->clock_offset_ms / 1000));
}

static json_t *settings(struct platform *platform, const json_t *body, const char **wrong)
{
	static const char *const checks[] = { "off", "given", "required" };
	struct book_options *options = book_options(platform->book);
	const char *check = json_text(body, "sign_check");
	json_t *value = json_object_get(body, "no_dedup");

	if (json_is_boolean(value))
		options->no_dedup = json_is_true(value);
	value = json_object_get(body, "tombstone");
	if (json_is_boolean(value))
		options->tombstone = json_is_true(value);
	for (size_t i = 0; i < 3; i++)
		if (strcmp(checks[i], check) == 0)
			platform->sign_check = (enum sign_check)i;
	return json_pack("{s:b, s:b, s:s}", "no_dedup", options->no_dedup, "tombstone", options->tombstone,
	        "sign_check", checks[platform->sign_check]);
}

/* Waits, without the lock, until no effect is still to come.  A gap of 200 ms without a request must
 * follow, since what is quiet here may just be between two tries. */
static json_t *quiesce(struct platform *platform, const json_t *body, const char **wrong)
{
	int64_t start_ms = clock_steady_ms(), end_ms = start_ms + json_number(body, "timeout_ms", QUIET_MS);
	int64_t quiet_since_ms = start_ms, n_requests = platform->n_requests;

	while (clock_steady_ms() < end_ms && clock_steady_ms() - quiet_since_ms < 200) {
		pthread_mutex_unlock(&platform->lock);
		sleep_ms(10);
		pthread_mutex_lock(&platform->lock);
		if (platform->n_pending > 0 || platform->n_requests != n_requests)
			quiet_since_ms = clock_steady_ms();
		n_requests = platform->n_requests;
	}
	return json_pack("{s:b, s:I}", "quiet", clock_steady_ms() - quiet_since_ms >= 200, "waited_ms",
	        (json_int_t)(clock_steady_ms() - start_ms));
}

static const struct {
	const char *method, *path;
	control_call call;
} calls[] = {
	{ "GET", "/ledger", ledger },
	{ "GET", "/changes", changes },
	{ "GET", "/stats", stats },
	{ "GET", "/fault", faults_show },
	{ "POST", "/fault", fault_add },
	{ "DELETE", "/fault", faults_clear },
	{ "POST", "/persons", persons_add },
	{ "POST", "/alter", alter },
	{ "POST", "/clock", clock_set },
	{ "POST", "/settings", settings },
	{ "POST", "/quiesce", quiesce },
};

static enum MHD_Result answer_json(struct http_request *request, unsigned status, json_t *tree)
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

static enum MHD_Result on_control_request(void *context, struct http_request *request)
{
	struct platform *platform = context;
	const char *wrong = NULL;
	json_t *body = NULL, *tree;
	json_error_t error;

	if (request->len > 0) {
		body = json_loadb(request->body, request->len, 0, &error);
		if (body == NULL)
			return answer_json(request, MHD_HTTP_BAD_REQUEST,
			        json_pack("{s:s, s:i}", "error", error.text, "line", error.line));
	}
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		if (strcmp(calls[i].method, request->method) != 0 || strcmp(calls[i].path, request->path) != 0)
			continue;
		pthread_mutex_lock(&platform->lock);
		tree = must(calls[i].call(platform, body, &wrong));
		pthread_mutex_unlock(&platform->lock);
		json_decref(body);
		if (wrong == NULL)
			return answer_json(request, MHD_HTTP_OK, tree);
		json_decref(tree);
		return answer_json(request, MHD_HTTP_BAD_REQUEST, json_pack("{s:s}", "error", wrong));
	}
	json_decref(body);
	return answer_json(request, MHD_HTTP_NOT_FOUND,
	        json_pack("{s:s}", "error",
	                "no such call; there are GET /ledger /changes /stats /fault, POST /fault /persons /alter /clock "
	                "/settings /quiesce, "
	                "DELETE /fault"));
}

struct http_server *control_start(struct platform *platform, const char *address, uint16_t port)
{
	struct http_server_options options = {
		.address = address, .port = port, .handler = on_control_request, .context = platform
	};

	return http_start(&options);
}
