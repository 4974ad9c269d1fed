/* tests/test_sandbox_control.c - the control port that all of the sandbox's counterparts have (sandbox/control_port.h),
 * asked by libcurl over loopback. */
#include "control_port.h"
#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include <cmocka.h>

static struct counterpart {
	struct http_server *server;
	struct control_port control;
	pthread_mutex_t lock;
	struct faults faults;
	int64_t n_requests, n_moving;
	unsigned n_advanced;
} c = { .lock = PTHREAD_MUTEX_INITIALIZER };

static json_t *ledger(void *of, const json_t *body, const char **wrong)
{
	assert_ptr_equal(of, &c);
	return json_pack("{s:[]}", "settlements");
}

static json_t *alter(void *of, const json_t *body, const char **wrong)
{
	if (json_number(body, "fen", 0) == 0)
		*wrong = "fen is needed";
	return json_pack("{s:I}", "fen", (json_int_t)json_number(body, "fen", 0));
}

static void advance(void *of)
{
	c.n_advanced++;
}

static int64_t n_moving(void *of)
{
	return c.n_moving;
}

static int setup(void **state)
{
	static const struct control_call calls[] = { { "GET", "/ledger", ledger }, { "POST", "/alter", alter },
		{ NULL, NULL, NULL } };
	static const enum fault_kind playable[] = { FAULT_DELAY, FAULT_CUT, FAULT_NONE };

	curl_global_init(CURL_GLOBAL_DEFAULT);
	c.control = (struct control_port){ .name = "the bank",
		.calls = calls,
		.playable = playable,
		.faults = &c.faults,
		.lock = &c.lock,
		.n_requests = &c.n_requests,
		.advance = advance,
		.n_moving = n_moving,
		.of = &c };
	c.server = control_port_start(&c.control, 0);
	return c.server != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	http_stop(c.server);
	fault_clear(&c.faults);
	curl_global_cleanup();
	return 0;
}

static size_t keep(char *octets, size_t size, size_t n, void *user)
{
	char *heard = user;
	size_t at = strlen(heard);

	text_format(heard + at, 600 - at, "%.*s", (int)(size * n), octets);
	return size * n;
}

static const struct call_case {
	const char *it; /* completes the sentence "the control port ..." */
	const char *method, *path, *body;
	const char *want; /* status, and the answer in one line */
} call_cases[] = {
	{ "answers a call of the counterpart", "GET", "/ledger", NULL, "200 {\"settlements\": []}" },
	{ "hands over what was sent", "POST", "/alter", "{\"fen\": 3}", "200 {\"fen\": 3}" },
	{ "tells what is wrong with a call", "POST", "/alter", "{}", "400 {\"error\": \"fen is needed\"}" },
	{ "refuses what is no JSON", "POST", "/alter", "{\n\"fen\": }",
	        "400 {\"error\": \"unexpected token near '}'\", \"line\": 2}" },
	{ "names all calls to whom asks for another", "GET", "/alter", NULL,
	        "404 {\"error\": \"no such call; there are GET /ledger /fault, POST /alter /fault /quiesce, DELETE "
	        "/fault\"}" },
	{ "arms what is played", "POST", "/fault", "{\"kind\": \"cut\", \"count\": 2}", "200 {\"armed\": \"cut\"}" },
	{ "refuses what is not played", "POST", "/fault", "{\"kind\": \"goaway\"}",
	        "400 {\"error\": \"the bank plays delay, cut\"}" },
	{ "clears the faults", "DELETE", "/fault", NULL, "200 {\"faults\": []}" },
	{ "shows that none is left", "GET", "/fault", NULL, "200 {\"faults\": []}" },
};

/* "200 {...}" */
static char *ask(const char *method, const char *path, const char *body)
{
	static char heard[600];
	CURL *curl = curl_easy_init();
	char url[80], *line;
	json_t *tree;
	long status;

	heard[0] = '\0';
	text_format(url, sizeof(url), "http://127.0.0.1:%u%s", http_port(c.server), path);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	if (body != NULL)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, heard);
	assert_int_equal(curl_easy_perform(curl), CURLE_OK);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(curl);
	assert_true(heard[0] != '\0' && heard[strlen(heard) - 1] == '\n');
	tree = json_loads(heard, 0, NULL);
	assert_non_null(tree);
	line = json_dumps(tree, 0);
	text_format(heard, sizeof(heard), "%ld %s", status, line);
	free(line);
	json_decref(tree);
	return heard;
}

static void test_call(void **state)
{
	const struct call_case *row = *state;
	unsigned before = c.n_advanced;
	const char *heard = ask(row->method, row->path, row->body);

	assert_string_equal(heard, row->want);
	assert_int_equal(c.n_advanced - before, strncmp(heard, "404", 3) != 0 && strstr(heard, "line") == NULL);
}

/* Quiet is what has nothing to come and was asked nothing for a while. */
static void test_quiesce(void **state)
{
	assert_non_null(strstr(ask("POST", "/quiesce", NULL), "200 {\"quiet\": true, \"waited_ms\": "));
	c.n_moving = 1;
	assert_non_null(strstr(ask("POST", "/quiesce", "{\"timeout_ms\": 300}"), "200 {\"quiet\": false"));
	c.n_moving = 0;
}

int main(void)
{
	struct CMUnitTest tests[sizeof(call_cases) / sizeof(*call_cases) + 1] = { cmocka_unit_test(test_quiesce) };

	for (size_t i = 0; i < sizeof(call_cases) / sizeof(*call_cases); i++)
		tests[i + 1] = (struct CMUnitTest){ .name = call_cases[i].it,
			.test_func = test_call,
			.initial_state = (void *)(uintptr_t)&call_cases[i] };
	return cmocka_run_group_tests(tests, setup, teardown);
}
