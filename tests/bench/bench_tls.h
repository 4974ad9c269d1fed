/* tests/bench/bench_tls.h - what the load generator and the stub platform share: TLS and HTTP sizes.
 *
 * Both ends insist on TLS 1.3 with one cipher suite, so that gateway and nginx, which stand between
 * them, do the same cryptography. */
#ifndef BENCH_TLS_H
#define BENCH_TLS_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

/* A context with our certificate, trusting only ca; the peer must show a certificate.  Prints what
 * is wrong and exits on error. */
SSL_CTX *bench_tls(int is_server, const char *ca, const char *cert, const char *key);

/* Length of the whole HTTP message at p (head and Content-Length body), 0 while it is not whole,
 * -1 when it cannot be one.  *body: where its body starts. */
long bench_http_length(const char *p, size_t n, size_t *body);

int64_t bench_now_ns(void); /* monotonic */

/* The value of "name" in flat JSON text, without quotes; length 0 when it is not there. */
const char *bench_json_value(const char *p, size_t n, const char *name, size_t *len);

#endif
