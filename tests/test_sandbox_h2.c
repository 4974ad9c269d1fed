/* tests/test_sandbox_h2.c - the sandbox's HTTP/2 server (sandbox/h2.h), asked by libcurl over loopback. */
#include "h2.h"
#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cmocka.h>

#define BIG (1u << 20) /* more than the flow-control windows */
#define NEVER_MS 20000L

static struct world {
	char folder[32], cert[64], key[64];
	struct h2_server *server;
	CURLM *multi;
	atomic_int n_silent; /* requests that got no answer */
} world;

/* -- the server -- */

static void on_request(void *context, const struct h2_request *request, struct h2_answer *answer)
{
	const char *path = request->path;

	answer->status = request->is_too_large ? 413 : 200;
	answer->type = "text/plain";
	answer->headers[answer->n_headers].name = "x-path";
	text_format(answer->headers[answer->n_headers++].value, sizeof(answer->headers[0].value), "%s", path);
	answer->headers[answer->n_headers].name = "x-pieces";
	text_format(
	        answer->headers[answer->n_headers++].value, sizeof(answer->headers[0].value), "%u", request->n_pieces);
	answer->has_interim = answer->has_trailers = answer->shrinks_windows = strcmp(path, "/around") == 0;
	if (strcmp(path, "/big") == 0) {
		answer->len = BIG;
		answer->body = must(calloc(1, BIG));
	} else {
		answer->body = must(strndup(request->body, 64));
		answer->len = strlen(answer->body);
	}
	answer->act = strcmp(path, "/silent") == 0   ? H2_SILENCE
	              : strcmp(path, "/cut") == 0    ? H2_CUT
	              : strcmp(path, "/reset") == 0  ? H2_RESET
	              : strcmp(path, "/goaway") == 0 ? H2_GOAWAY
	                                             : H2_ANSWER;
	if (answer->act == H2_SILENCE)
		atomic_fetch_add(&world.n_silent, 1);
}

static void write_certificate(void)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);
	FILE *file;

	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"h2", -1, -1, 0);
	X509_set_issuer_name(cert, name);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	file = fopen(world.cert, "w");
	PEM_write_X509(file, cert);
	fclose(file);
	file = fopen(world.key, "w");
	PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
	fclose(file);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static int world_open(void **state)
{
	strcpy(world.folder, "/tmp/yt-h2-XXXXXX");
	assert_non_null(mkdtemp(world.folder));
	text_format(world.cert, sizeof(world.cert), "%s/c.crt", world.folder);
	text_format(world.key, sizeof(world.key), "%s/c.key", world.folder);
	write_certificate();
	curl_global_init(CURL_GLOBAL_DEFAULT);
	world.server = h2_start("127.0.0.1", 0, world.cert, world.key, on_request, NULL);
	assert_non_null(world.server);
	world.multi = curl_multi_init();
	curl_multi_setopt(world.multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
	return 0;
}

static int world_close(void **state)
{
	curl_multi_cleanup(world.multi);
	h2_stop(world.server);
	curl_global_cleanup();
	unlink(world.cert);
	unlink(world.key);
	rmdir(world.folder);
	return 0;
}

/* -- the client -- */

static size_t count(char *octets, size_t size, size_t n, void *user)
{
	*(size_t *)user += size * n;
	return size * n;
}

static CURL *request(const char *path, const char *body, size_t len, size_t *n_read)
{
	CURL *curl = curl_easy_init();
	char url[80];

	*n_read = 0;
	text_format(url, sizeof(url), "https://127.0.0.1:%u%s", h2_port(world.server), path);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(curl, CURLOPT_PIPEWAIT, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, NEVER_MS);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, count);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, n_read);
	if (body != NULL) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	}
	return curl;
}

static long status_of(CURL *curl)
{
	long status = 0;

	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* Runs until a request has ended; which one, and how. */
static CURL *one_ends(CURLcode *how)
{
	int n_running, n_left;
	CURLMsg *message;

	for (;;) {
		curl_multi_perform(world.multi, &n_running);
		message = curl_multi_info_read(world.multi, &n_left);
		if (message != NULL) {
			*how = message->data.result;
			return message->easy_handle;
		}
		curl_multi_poll(world.multi, NULL, 0, 20, NULL);
	}
}

static void no_answer_on_one_stream_holds_up_no_other(void **state)
{
	size_t n_silent, n_other;
	CURL *silent = request("/silent", NULL, 0, &n_silent), *other = request("/other", "hello", 5, &n_other);
	long n_connects = -1;
	int n_running;
	CURLcode how;

	curl_multi_add_handle(world.multi, silent);
	while (atomic_load(&world.n_silent) == 0) {
		curl_multi_perform(world.multi, &n_running);
		curl_multi_poll(world.multi, NULL, 0, 20, NULL);
	}
	curl_multi_add_handle(world.multi, other);
	assert_ptr_equal(one_ends(&how), other);
	assert_int_equal(how, CURLE_OK);
	assert_int_equal(status_of(other), 200);
	assert_int_equal(n_other, 5);
	curl_easy_getinfo(other, CURLINFO_NUM_CONNECTS, &n_connects);
	assert_int_equal(n_connects, 0); /* the same connection */
	curl_multi_remove_handle(world.multi, other);
	curl_multi_remove_handle(world.multi, silent);
	curl_easy_cleanup(other);
	curl_easy_cleanup(silent);
}

static const struct way {
	const char *it; /* completes "a request ..." */
	const char *path;
	size_t body_len; /* 0: GET */
	long http_version;
	long status; /* 0: the connection or its stream ends without an answer */
	size_t n_read;
} ways[] = {
	{ "is answered", "/x", 5, CURL_HTTP_VERSION_2TLS, 200, 5 },
	{ "gets an answer larger than its window", "/big", 0, CURL_HTTP_VERSION_2TLS, 200, BIG },
	{ "of 4 MiB is read", "/x", H2_BODY_MAX, CURL_HTTP_VERSION_2TLS, 200, 64 },
	{ "of more than 4 MiB is told so", "/x", H2_BODY_MAX + 1, CURL_HTTP_VERSION_2TLS, 413, 64 },
	{ "in HTTP/1.1 is not spoken to", "/x", 0, CURL_HTTP_VERSION_1_1, 0, 0 },
	{ "without ALPN is not spoken to", "/x", 0, CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE, 0, 0 },
	{ "is cut", "/cut", 0, CURL_HTTP_VERSION_2TLS, 0, 0 },
	{ "is reset", "/reset", 0, CURL_HTTP_VERSION_2TLS, 0, 0 },
	{ "is sent away", "/goaway", 0, CURL_HTTP_VERSION_2TLS, 0, 0 },
};

static void test_way(void **state)
{
	const struct way *way = *state;
	char *body = must(malloc(way->body_len + 1));
	size_t n_read;
	CURLcode how;
	CURL *curl;

	world_open(NULL);
	memset(body, 'a', way->body_len);
	curl = request(way->path, way->body_len > 0 ? body : NULL, way->body_len, &n_read);
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, way->http_version);
	curl_easy_setopt(
	        curl, CURLOPT_SSL_ENABLE_ALPN, way->http_version == CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE ? 0L : 1L);
	how = curl_easy_perform(curl);
	assert_true(way->status != 0 ? how == CURLE_OK : how != CURLE_OK && how != CURLE_OPERATION_TIMEDOUT);
	assert_int_equal(status_of(curl), way->status);
	assert_int_equal(n_read, way->n_read);
	curl_easy_cleanup(curl);
	free(body);
	world_close(NULL);
}

static size_t keep(char *octets, size_t size, size_t n, void *user)
{
	char *text = user; /* of 2000 octets */
	size_t have = strlen(text), room = 1999 - have;

	memcpy(text + have, octets, size * n < room ? size * n : room);
	return size * n;
}

/* What may stand around an answer, and a window of 16 octets for the request after it. */
static void an_answer_has_more_around_it(void **state)
{
	char first[2000] = "", second[2000] = "", body[800];
	size_t n_read;
	CURL *curl = request("/around", NULL, 0, &n_read);
	char url[80];

	memset(body, 'a', sizeof(body));
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, keep);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, first);
	assert_int_equal(curl_easy_perform(curl), CURLE_OK);
	assert_int_equal(status_of(curl), 200);
	assert_non_null(strstr(first, "HTTP/2 103"));
	assert_non_null(strstr(first, "x-end: 1"));
	text_format(url, sizeof(url), "https://127.0.0.1:%u/after", h2_port(world.server));
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, second);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)sizeof(body));
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	assert_int_equal(curl_easy_perform(curl), CURLE_OK);
	assert_null(strstr(second, "HTTP/2 103"));
	assert_non_null(strstr(second, "x-pieces: "));
	assert_true(strtol(strstr(second, "x-pieces: ") + 10, NULL, 10) >= 800 / 16);
	curl_easy_cleanup(curl);
}

#define N(rows) (sizeof(rows) / sizeof(*(rows)))

int main(void)
{
	struct CMUnitTest tests[2 + N(ways)] = {
		cmocka_unit_test_setup_teardown(no_answer_on_one_stream_holds_up_no_other, world_open, world_close),
		cmocka_unit_test_setup_teardown(an_answer_has_more_around_it, world_open, world_close)
	};

	for (size_t i = 0; i < N(ways); i++)
		tests[2 + i] = (struct CMUnitTest){ ways[i].it, test_way, NULL, NULL, (void *)(uintptr_t)&ways[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
