/* tests/bench/bench_load.h - the load generator's parts: connections (bench_conn.c), the requests they
 * carry (bench_body.c), and the runs made with them (bench_load.c). */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stdbool.h>

#include "bench_tls.h"

#define LOAD_CONNECTIONS 256
#define LOAD_IN_BYTES 16384
#define LOAD_OUT_BYTES 4096

enum load_op { LOAD_QUERY, LOAD_SETTLE };

/* One whole HTTP request into out: a message number never used before, for a settlement also a visit
 * and batch never used before; amounts are those that bench_stub answers.  Returns its length. */
size_t load_request(enum load_op op, char *out, size_t size);

struct load_target;
struct load_conn {
	struct load_target *target;
	int fd;
	SSL *ssl;
	bool busy;      /* a request is out */
	int64_t due_ns; /* when that request was due: latency counts from here */
	size_t n_in, n_out, out_sent;
	char in[LOAD_IN_BYTES], out[LOAD_OUT_BYTES];
};

struct load_target {
	const char *name;
	int port;
	SSL_CTX *tls;
	int epoll;
	struct load_conn *conns[LOAD_CONNECTIONS];
};

/* Connects all connections of target, with handshakes; exits with a message when it cannot. */
void load_connect(struct load_target *target);
void load_reconnect(struct load_conn *c);
/* Sends one request; false when the connection broke. */
bool load_send(struct load_conn *c, enum load_op op, int64_t due_ns);

enum load_got { LOAD_NOTHING, LOAD_GOOD, LOAD_BAD, LOAD_BROKEN };
/* To be called when c is ready: LOAD_GOOD is a 200 with infcode 0. */
enum load_got load_receive(struct load_conn *c);

#endif
