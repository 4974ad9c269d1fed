/* tests/bench/bench_tls.c - TLS set-up and the few scans that both ends of the bench need. */
#include "bench_tls.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

SSL_CTX *bench_tls(int is_server, const char *ca, const char *cert, const char *key)
{
	SSL_CTX *ctx = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());

	if (ctx != NULL && SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1 &&
	        SSL_CTX_set_ciphersuites(ctx, "TLS_AES_256_GCM_SHA384") == 1 &&
	        SSL_CTX_use_certificate_chain_file(ctx, cert) == 1 &&
	        SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1 &&
	        SSL_CTX_load_verify_locations(ctx, ca, NULL) == 1) {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
		SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"bench", 5);
		SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
		return ctx;
	}
	fprintf(stderr, "bench: cannot set up TLS with %s, %s, %s:\n", ca, cert, key);
	ERR_print_errors_fp(stderr);
	exit(1);
}

long bench_http_length(const char *p, size_t n, size_t *body)
{
	const char *end = memmem(p, n, "\r\n\r\n", 4);
	unsigned long length = 0;
	size_t head;

	if (end == NULL)
		return n > 8192 ? -1 : 0;
	head = (size_t)(end - p) + 4;
	for (const char *line = p; line < end;) {
		const char *next = memchr(line, '\n', (size_t)(end + 2 - line));

		if (strncasecmp(line, "Content-Length:", 15) == 0)
			length = strtoul(line + 15, NULL, 10);
		else if (strncasecmp(line, "Transfer-Encoding:", 18) == 0)
			return -1;
		line = next + 1;
	}
	*body = head;
	return n >= head + length ? (long)(head + length) : 0;
}

int64_t bench_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

const char *bench_json_value(const char *p, size_t n, const char *name, size_t *len)
{
	char quoted[64];
	const char *end = p + n, *at, *stop;
	int n_quoted = snprintf(quoted, sizeof(quoted), "\"%s\"", name);

	*len = 0;
	at = memmem(p, n, quoted, (size_t)n_quoted);
	if (at == NULL)
		return NULL;
	for (at += n_quoted; at < end && (*at == ' ' || *at == ':' || *at == '"');)
		at++;
	for (stop = at; stop < end && *stop != '"' && *stop != ',' && *stop != '}' && *stop != ' ' && *stop != '\n';)
		stop++;
	*len = (size_t)(stop - at);
	return at;
}
