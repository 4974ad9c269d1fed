/* sandbox/control.c - the platform's control port (control_port.h): its calls read the ledger, add persons, set
 * the clock.  What each takes and gives is in sandbox/README.md and `yitong-sandbox --help`. */
#include "platform.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

static json_t *ledger(void *of, const json_t *body, const char **wrong)
{
	struct platform *platform = of;

	return book_ledger(platform->book);
}

static json_t *changes(void *of, const json_t *body, const char **wrong)
{
	struct platform *platform = of;

	return book_changes(platform->book);
}

static json_t *stats(void *of, const json_t *body, const char **wrong)
{
	struct platform *platform = of;

	return json_pack("{s:I, s:I, s:I, s:I, s:O}", "requests", (json_int_t)platform->n_requests, "refused_unheard",
	        (json_int_t)platform->n_refused_unheard, "faults_taken", (json_int_t)platform->faults.n_taken,
	        "pending", (json_int_t)platform->n_pending, "by_infno", platform->requests);
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

static json_t *persons_add(void *of, const json_t *body, const char **wrong)
{
	struct platform *platform = of;
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

static json_t *alter(void *of, const json_t *body, const char **wrong)
{
	struct platform *platform = of;
	const char *which = *json_text(body, "setl_id") != '\0' ? json_text(body, "setl_id") : json_text(body, "visit");
	const char *id = book_alter(platform->book, *which == '\0' ? NULL : which, json_number(body, "fen", 1));

	if (id == NULL)
		*wrong = "no settlement in force or cancelled has this setl_id or visit";
	return json_pack("{s:s?}", "altered", id);
}

static json_t *clock_set(void *of, const json_t *body, const char **wrong)
{
	struct platform *platform = of;

	platform->clock_offset_ms = json_number(body, "offset_s", 0) * 1000;
	return json_pack("{s:I}", "offset_s", (json_int_t)(platform->clock_offset_ms / 1000));
}

static json_t *settings(void *of, const json_t *body, const char **wrong)
{
	struct platform *platform = of;
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

static int64_t now_ms(void *of)
{
	return platform_now_ms(of);
}

static int64_t n_moving(void *of)
{
	const struct platform *platform = of;

	return platform->n_pending;
}

static const struct control_call calls[] = {
	{ "GET", "/ledger", ledger },
	{ "GET", "/changes", changes },
	{ "GET", "/stats", stats },
	{ "POST", "/persons", persons_add },
	{ "POST", "/alter", alter },
	{ "POST", "/clock", clock_set },
	{ "POST", "/settings", settings },
	{ NULL, NULL, NULL },
};

struct http_server *control_start(struct platform *platform, uint16_t port)
{
	platform->control = (struct control_port){ .name = "the platform",
		.calls = calls,
		.faults = &platform->faults,
		.lock = &platform->lock,
		.n_requests = &platform->n_requests,
		.now_ms = now_ms,
		.n_moving = n_moving,
		.of = platform };
	return control_port_start(&platform->control, port);
}
