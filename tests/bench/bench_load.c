/* tests/bench/bench_load.c - the load generator: interleaved rounds on the gateway and on nginx.
 *
 *   bench_load --ca F --cert F --key F --rounds N --seconds S NAME:PORT:PID ...
 * Opens 256 connections to each target and keeps them.  A round runs every mixture of query (1101) and
 * settlement (2207), 64 and 256 connections, saturated (each connection sends again as soon as it is
 * answered) and offered (a fixed rate, the same for all targets: half of what the slowest does saturated;
 * latency counts from when a request was due, so a stall is not hidden), on one target after the other.
 * Prints one JSON object a run; report.jq makes the table of medians. */
#include "bench_load.h"
#include "bench_proc.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define WARM_UP_NS 150000000ll
#define DRAIN_NS 5000000000ll
#define SETTLE_NS 10000000000ll
#define MAX_TARGETS 4
#define BUCKETS 2048

struct run {
	struct load_target *target;
	enum load_op op;
	int n_conns;
	double rate;                                   /* requests/s offered to the target; 0: saturated */
	int64_t begin_ns, measure_ns, end_ns, next_ns; /* next_ns: when the next offered request is due */
	bool stops;
	uint64_t n_good, n_bad; /* answered while measured */
	uint64_t n_all;         /* answered from the first to the last */
	uint32_t histogram[BUCKETS];
	struct load_conn *idle[LOAD_CONNECTIONS + 1]; /* a ring, longest idle first, so that all take part */
	int idle_from, idle_to;
};

/* 64 buckets for each power of two from 64 us on, one for each us below: within 1.6 %. */
static int bucket_of(int64_t us)
{
	int shift = 0;

	while ((us >> shift) >= 128)
		shift++;
	us = (us >> shift) + 64 * shift;
	return us < BUCKETS ? (int)us : BUCKETS - 1;
}

static int64_t bucket_us(int bucket)
{
	int shift = bucket < 128 ? 0 : bucket / 64 - 1;

	return (int64_t)(bucket - 64 * shift) << shift;
}

static int64_t quantile_us(const struct run *r, double q)
{
	uint64_t want = (uint64_t)(q * (double)(r->n_good + r->n_bad)), sum = 0;
	int i;

	for (i = 0; i < BUCKETS - 1 && (sum += r->histogram[i]) <= want; i++)
		;
	return bucket_us(i);
}

static void count(struct run *r, const struct load_conn *c, bool good)
{
	int64_t now = bench_now_ns();

	r->n_all++;
	if (now < r->measure_ns || now >= r->end_ns)
		return;
	r->n_good += good;
	r->n_bad += !good;
	r->histogram[bucket_of((now - c->due_ns) / 1000)]++;
}

static void now_idle(struct run *r, struct load_conn *c)
{
	r->idle[r->idle_to] = c;
	r->idle_to = (r->idle_to + 1) % (LOAD_CONNECTIONS + 1);
}

static void send_on(struct run *r, struct load_conn *c, int64_t due_ns)
{
	if (load_send(c, r->op, due_ns))
		return;
	count(r, c, false);
	load_reconnect(c);
	now_idle(r, c);
}

/* Sends what is due, as far as connections are free. */
static void offer(struct run *r, int64_t now)
{
	while (!r->stops && r->idle_from != r->idle_to && (r->rate == 0 || r->next_ns <= now)) {
		struct load_conn *c = r->idle[r->idle_from];

		r->idle_from = (r->idle_from + 1) % (LOAD_CONNECTIONS + 1);
		send_on(r, c, r->rate == 0 ? now : r->next_ns);
		if (r->rate > 0)
			r->next_ns += (int64_t)(1e9 / r->rate);
	}
}

static void on_ready(struct run *r, struct load_conn *c)
{
	bool was_busy = c->busy;
	enum load_got got = load_receive(c);

	if (got == LOAD_NOTHING)
		return;
	if (was_busy)
		count(r, c, got == LOAD_GOOD);
	if (got == LOAD_BROKEN)
		load_reconnect(c);
	if (was_busy)
		now_idle(r, c);
}

static int64_t wait_ns(const struct run *r, int64_t now, int64_t until)
{
	int64_t next = until;

	if (!r->stops && r->rate > 0 && r->idle_from != r->idle_to && r->next_ns < next)
		next = r->next_ns;
	return next > now ? next - now : 0;
}

static int n_idle(const struct run *r)
{
	return (r->idle_to - r->idle_from + LOAD_CONNECTIONS + 1) % (LOAD_CONNECTIONS + 1);
}

static void turn_until(struct run *r, int64_t until)
{
	struct epoll_event events[64];
	int64_t now;

	while ((now = bench_now_ns()) < until) {
		int64_t ns;
		int n;

		if (r->stops && n_idle(r) == r->n_conns)
			return;
		offer(r, now);
		ns = wait_ns(r, now, until);
		n = epoll_pwait2(r->target->epoll, events, 64,
		        &(struct timespec){ .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 }, NULL);
		for (int i = 0; i < n; i++)
			on_ready(r, events[i].data.ptr);
	}
}

/* What is still out when a run ends is waited for, so that the next run starts on a quiet gateway. */
static void drain(struct run *r)
{
	r->stops = true;
	turn_until(r, bench_now_ns() + DRAIN_NS);
	for (int i = 0; i < r->n_conns; i++) {
		if (!r->target->conns[i]->busy)
			continue;
		fprintf(stderr, "bench_load: %s gave no answer within 5 s after a run\n", r->target->name);
		load_reconnect(r->target->conns[i]);
	}
}

/* What a side still does after the last answer (an index catching up) belongs to those answers, and
 * must not run into the other side's turn. */
static void wait_until_idle(pid_t pid)
{
	int64_t end = bench_now_ns() + SETTLE_NS, before = proc_tree_cpu_ns(pid), now;

	while (bench_now_ns() < end) {
		usleep(50000);
		now = proc_tree_cpu_ns(pid);
		if (now - before < 50000000 / 50)
			return;
		before = now;
	}
	fprintf(stderr, "bench_load: pid %d is still busy 10 s after a run\n", (int)pid);
}

struct result {
	double seconds, rps, cpu_us, generator_cpu_us;
	uint64_t n_good, n_bad;
	int64_t p50_us, p99_us;
};

static struct result run_once(
        struct load_target *target, pid_t pid, enum load_op op, int n_conns, double rate, double seconds)
{
	struct run *r = calloc(1, sizeof(*r));
	struct result result = { .seconds = seconds };
	int64_t cpu, own_cpu;

	if (r == NULL)
		abort();
	r->target = target;
	r->op = op;
	r->n_conns = n_conns;
	r->rate = rate;
	for (int i = 0; i < n_conns; i++)
		now_idle(r, target->conns[i]);
	r->begin_ns = r->next_ns = bench_now_ns();
	r->measure_ns = r->end_ns = INT64_MAX;
	cpu = proc_tree_cpu_ns(pid);
	own_cpu = proc_tree_cpu_ns(getpid());
	turn_until(r, r->begin_ns + WARM_UP_NS);
	r->measure_ns = bench_now_ns();
	r->end_ns = r->measure_ns + (int64_t)(seconds * 1e9);
	turn_until(r, r->end_ns);
	result.n_good = r->n_good;
	result.n_bad = r->n_bad;
	result.rps = (double)r->n_good / seconds;
	result.p50_us = quantile_us(r, 0.50);
	result.p99_us = quantile_us(r, 0.99);
	drain(r);
	own_cpu = proc_tree_cpu_ns(getpid()) - own_cpu;
	wait_until_idle(pid);
	cpu = proc_tree_cpu_ns(pid) - cpu;
	if (r->n_all > 0) {
		result.cpu_us = (double)cpu / 1e3 / (double)r->n_all;
		result.generator_cpu_us = (double)own_cpu / 1e3 / (double)r->n_all;
	}
	free(r);
	return result;
}

struct bench {
	struct load_target targets[MAX_TARGETS];
	pid_t pids[MAX_TARGETS];
	int n_targets, rounds;
	double seconds;
	const char *ca, *cert, *key;
};

static void print_result(
        int round, const char *name, enum load_op op, int n_conns, double rate, const struct result *result)
{
	printf("{\"round\":%d,\"target\":\"%s\",\"op\":\"%s\",\"connections\":%d,\"mode\":\"%s\",\"offered_rps\":%.0f,"
	       "\"requests\":%llu,\"errors\":%llu,\"seconds\":%.2f,\"rps\":%.1f,\"cpu_us\":%.2f,\"p50_us\":%lld,"
	       "\"p99_us\":%lld,\"generator_cpu_us\":%.2f}\n",
	        round, name, op == LOAD_QUERY ? "query" : "settle", n_conns, rate > 0 ? "offered" : "saturated", rate,
	        (unsigned long long)result->n_good, (unsigned long long)result->n_bad, result->seconds, result->rps,
	        result->cpu_us, (long long)result->p50_us, (long long)result->p99_us, result->generator_cpu_us);
	fflush(stdout);
}

/* Half of what the slowest target does saturated: all can carry it, so CPU and latency compare. */
static double equal_rate(struct bench *b, enum load_op op)
{
	double least = 1e9;

	for (int i = 0; i < b->n_targets; i++) {
		struct result r = run_once(&b->targets[i], b->pids[i], op, 64, 0, 1.0);

		least = r.rps < least ? r.rps : least;
	}
	return least / 2 > 10 ? least / 2 : 10;
}

static void one_round(struct bench *b, int round, const double rates[2])
{
	static const int widths[] = { 64, 256 };

	for (int mix = 0; mix < 8; mix++) {
		enum load_op op = mix & 1 ? LOAD_SETTLE : LOAD_QUERY;
		int n_conns = widths[mix >> 1 & 1];
		double rate = mix & 4 ? rates[op] : 0;

		for (int i = 0; i < b->n_targets; i++) {
			int who = (i + round) % b->n_targets; /* who goes first alternates */
			struct result result = run_once(&b->targets[who], b->pids[who], op, n_conns, rate, b->seconds);

			print_result(round, b->targets[who].name, op, n_conns, rate, &result);
		}
	}
}

static void usage(void)
{
	fprintf(stderr, "usage: bench_load --ca F --cert F --key F [--rounds N] [--seconds S] NAME:PORT:PID ...\n");
	exit(2);
}

static void add_target(struct bench *b, char *arg)
{
	struct load_target *t = &b->targets[b->n_targets];
	char *port = strchr(arg, ':'), *pid = port == NULL ? NULL : strchr(port + 1, ':');

	if (pid == NULL || b->n_targets == MAX_TARGETS)
		usage();
	*port++ = *pid++ = '\0';
	t->name = arg;
	t->port = atoi(port);
	b->pids[b->n_targets++] = (pid_t)atoi(pid);
}

static void read_arguments(struct bench *b, int argc, char **argv)
{
	static const struct option options[] = { { "ca", 1, NULL, 'a' }, { "cert", 1, NULL, 'c' },
		{ "key", 1, NULL, 'k' }, { "rounds", 1, NULL, 'r' }, { "seconds", 1, NULL, 's' },
		{ NULL, 0, NULL, 0 } };
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'a')
			b->ca = optarg;
		else if (opt == 'c')
			b->cert = optarg;
		else if (opt == 'k')
			b->key = optarg;
		else if (opt == 'r')
			b->rounds = atoi(optarg);
		else if (opt == 's')
			b->seconds = atof(optarg);
		else
			usage();
	}
	while (optind < argc)
		add_target(b, argv[optind++]);
	if (b->ca == NULL || b->cert == NULL || b->key == NULL || b->n_targets == 0 || b->rounds < 1 || b->seconds <= 0)
		usage();
}

int main(int argc, char **argv)
{
	struct bench b = { .rounds = 15, .seconds = 1.0 };
	double rates[2];

	signal(SIGPIPE, SIG_IGN);
	read_arguments(&b, argc, argv);
	for (int i = 0; i < b.n_targets; i++)
		printf("{\"target\":\"%s\",\"pss_kib_idle\":%lld}\n", b.targets[i].name,
		        (long long)proc_tree_pss_kib(b.pids[i]));
	for (int i = 0; i < b.n_targets; i++) {
		b.targets[i].tls = bench_tls(0, b.ca, b.cert, b.key);
		load_connect(&b.targets[i]);
		printf("{\"target\":\"%s\",\"pss_kib_connected\":%lld}\n", b.targets[i].name,
		        (long long)proc_tree_pss_kib(b.pids[i]));
	}
	rates[LOAD_QUERY] = equal_rate(&b, LOAD_QUERY);
	rates[LOAD_SETTLE] = equal_rate(&b, LOAD_SETTLE);
	for (int round = 1; round <= b.rounds; round++) {
		one_round(&b, round, rates);
		fprintf(stderr, "round %d of %d\n", round, b.rounds);
	}
	for (int i = 0; i < b.n_targets; i++)
		printf("{\"target\":\"%s\",\"pss_kib_after\":%lld}\n", b.targets[i].name,
		        (long long)proc_tree_pss_kib(b.pids[i]));
	return 0;
}
