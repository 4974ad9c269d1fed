/* tests/bench/bench_load.h - the load generator's parts: connections (bench_conn.c; bench_h2.c what HTTP/2 adds), the
 * requests they carry (bench_body.c), one run on one target (bench_run.c), and the rounds of runs (bench_load.c). */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stdbool.h>
#include <sys/types.h>

#include "bench_tls.h"

#define LOAD_CONNECTIONS 256 /* of one target */
#define LOAD_STREAMS 16      /* of one connection */
#define LOAD_SLOTS 256       /* requests out at once, over all connections */
#define LOAD_IN_BYTES 16384
#define LOAD_BODY_BYTES 4096
#define LOAD_OUT_BYTES 131072

/* -- requests (bench_body.c) -- */

enum load_op {
	LOAD_QUERY,    /* 1101 of a person insured here */
	LOAD_SETTLE,   /* 2207 of one */
	LOAD_PERSON,   /* 1101 of a person insured in another province, ... */
	LOAD_REGISTER, /* ... 2201, */
	LOAD_VISIT,    /* 2203 */
	LOAD_FEES,     /* and 2204 of his visit: what its settlement needs has then been said */
	LOAD_CROSS,    /* 2207 of that visit */
	LOAD_FILE,     /* a message from a file, under a number of its own */
	LOAD_OPS
};

#define LOAD_PATH "/fsi/api/rsfComIfsService/callService"

/* One body into out: a message number never used before; visit: a number of the visit it is about, for a settlement
 * never settled before.  Amounts are those that bench_stub answers.  Returns its length. */
size_t load_body(enum load_op op, uint64_t visit, char *out, size_t size);
/* The message that LOAD_FILE sends; exits when it cannot be read. */
void load_body_file(const char *path);
/* n visits that nothing was said of yet; returns the first. */
uint64_t load_visits(uint64_t n);

/* -- connections (bench_conn.c, bench_h2.c) -- */

struct nghttp2_session;
struct load_target;
struct load_conn;

struct load_slot { /* one request at a time: an HTTP/1.1 connection has one, an HTTP/2 connection one a stream */
	struct load_conn *conn;
	bool busy;      /* a request is out */
	int64_t due_ns; /* when that request was due: latency counts from here */
	bool is_200;    /* HTTP/2: the answer's status */
	size_t n_body, body_sent, n_in;
	char body[LOAD_BODY_BYTES], in[LOAD_IN_BYTES];
};

typedef void (*load_done_cb)(void *ctx, struct load_slot *slot, bool is_good);

struct load_conn {
	struct load_target *target;
	int fd;
	SSL *ssl;
	struct nghttp2_session *session; /* NULL: HTTP/1.1 */
	load_done_cb done;               /* of the call that is under way */
	void *ctx;
	int n_slots;
	struct load_slot *slots;
	size_t n_out, out_sent;
	char out[LOAD_OUT_BYTES];
};

struct load_target {
	const char *name;
	int port;
	pid_t pid; /* whose tree's CPU is counted */
	bool h2;
	struct load_target *feeds; /* where what a settlement across provinces needs is said before; NULL: nowhere */
	bool knows_person;         /* who all those visits are of */
	double visits_per_s;       /* how many settlements to feed for: what it did last */
	SSL_CTX *tls;
	int epoll;
	int n_conns, n_streams; /* as many as any mixture wants */
	struct load_conn *conns[LOAD_CONNECTIONS];
};

/* Connects all connections of target, with handshakes; exits with a message when it cannot. */
void load_connect(struct load_target *target);
void load_reconnect(struct load_conn *c);
/* Sends one request; false when the connection broke. */
bool load_send(struct load_slot *slot, enum load_op op, uint64_t visit, int64_t due_ns);
/* To be called when c is ready: done for each request that was answered, is_good if with a 200 and infcode 0.
 * Returns false when the connection broke: what is busy then has no answer. */
bool load_receive(struct load_conn *c, load_done_cb done, void *ctx);

/* for bench_h2.c */
bool load_flush(struct load_conn *c);
void load_answered(struct load_slot *slot, bool is_200, const char *body, size_t n);

void load_h2_open(struct load_conn *c);
void load_h2_close(struct load_conn *c);
bool load_h2_send(struct load_slot *slot);
bool load_h2_received(struct load_conn *c, const char *octets, size_t n);

/* -- runs (bench_run.c) -- */

struct load_mix {
	const char *group;
	enum load_op op;
	int n_conns, n_streams;
	bool is_offered; /* a fixed rate, the same for all targets; else as fast as answers come */
};

struct load_result {
	double seconds, rps, cpu_us, generator_cpu_us;
	uint64_t n_good, n_bad;
	int64_t p50_us, p99_us, max_us;
};

/* rate: requests/s offered, 0: as fast as answers come.  Feeds first what the operation needs. */
struct load_result load_run(struct load_target *target, const struct load_mix *mix, double rate, double seconds);

#endif
