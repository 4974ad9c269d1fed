/* tests/bench/bench_run.c - one run of the load generator: one mixture on one target (bench_load.h).
 *
 * A settlement across provinces needs what earlier messages of its visit said.  These are sent before the run, through
 * target->feeds, and waited for, so that only the settlement is measured. */
#include "bench_load.h"
#include "bench_proc.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define WARM_UP_NS 150000000ll
#define DRAIN_NS 5000000000ll
#define SETTLE_NS 10000000000ll
#define FEED_NS 60000000000ll
#define FEED_SLOTS 64
#define BUCKETS 2048

struct run {
	struct load_target *target;
	enum load_op op;
	int n_slots;
	double rate;                         /* requests/s offered to the target; 0: saturated */
	int64_t measure_ns, end_ns, next_ns; /* next_ns: when the next offered request is due */
	uint64_t next_visit, end_visit;      /* end_visit 0: any number of them */
	bool stops;
	uint64_t n_good, n_bad;  /* answered while measured */
	uint64_t n_all, n_wrong; /* answered from the first to the last; those of them that were no success */
	int64_t max_us;
	uint32_t histogram[BUCKETS];
	struct load_slot *idle[LOAD_SLOTS + 1]; /* a ring, longest idle first, so that all take part */
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

static void count(struct run *r, const struct load_slot *slot, bool is_good)
{
	int64_t now = bench_now_ns(), us = (now - slot->due_ns) / 1000;

	r->n_all++;
	r->n_wrong += !is_good;
	if (now < r->measure_ns || now >= r->end_ns)
		return;
	r->n_good += is_good;
	r->n_bad += !is_good;
	r->histogram[bucket_of(us)]++;
	r->max_us = us > r->max_us ? us : r->max_us;
}

static void now_idle(struct run *r, struct load_slot *slot)
{
	r->idle[r->idle_to] = slot;
	r->idle_to = (r->idle_to + 1) % (LOAD_SLOTS + 1);
}

static void on_done(void *ctx, struct load_slot *slot, bool is_good)
{
	count(ctx, slot, is_good);
	now_idle(ctx, slot);
}

static void broke(struct run *r, struct load_conn *c)
{
	for (int i = 0; i < c->n_slots; i++)
		if (c->slots[i].busy)
			on_done(r, &c->slots[i], false);
	load_reconnect(c);
}

static bool may_send(const struct run *r, int64_t now)
{
	return !r->stops && r->idle_from != r->idle_to && (r->rate == 0 || r->next_ns <= now);
}

/* Sends what is due, as far as slots are free. */
static void offer(struct run *r, int64_t now)
{
	while (may_send(r, now)) {
		struct load_slot *slot = r->idle[r->idle_from];

		if (r->end_visit != 0 && r->next_visit == r->end_visit) { /* nothing more was fed */
			r->stops = true;
			r->end_ns = r->end_ns < now ? r->end_ns : now;
			return;
		}
		r->idle_from = (r->idle_from + 1) % (LOAD_SLOTS + 1);
		if (!load_send(slot, r->op, r->next_visit++, r->rate == 0 ? now : r->next_ns))
			broke(r, slot->conn);
		if (r->rate > 0)
			r->next_ns += (int64_t)(1e9 / r->rate);
	}
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
	return (r->idle_to - r->idle_from + LOAD_SLOTS + 1) % (LOAD_SLOTS + 1);
}

static void turn_until(struct run *r, int64_t until)
{
	struct epoll_event events[64];
	int64_t now;

	while ((now = bench_now_ns()) < until) {
		int64_t ns;
		int n;

		if (r->stops && n_idle(r) == r->n_slots)
			return;
		offer(r, now);
		ns = wait_ns(r, now, until);
		n = epoll_pwait2(r->target->epoll, events, 64,
		        &(struct timespec){ .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 }, NULL);
		for (int i = 0; i < n; i++)
			if (!load_receive(events[i].data.ptr, on_done, r))
				broke(r, events[i].data.ptr);
	}
}

/* What is still out when a run ends is waited for, so that the next run starts on a quiet gateway. */
static void drain(struct run *r, int n_conns)
{
	r->stops = true;
	turn_until(r, bench_now_ns() + DRAIN_NS);
	for (int i = 0; i < n_conns && n_idle(r) < r->n_slots; i++) {
		struct load_conn *c = r->target->conns[i];
		bool busy = false;

		for (int s = 0; s < c->n_slots; s++)
			busy |= c->slots[s].busy;
		if (!busy)
			continue;
		fprintf(stderr, "bench_load: %s gave no answer within 5 s after a run\n", r->target->name);
		broke(r, c);
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

static struct run *run_new(struct load_target *target, enum load_op op, int n_conns, int n_streams)
{
	struct run *r = calloc(1, sizeof(*r));

	if (r == NULL)
		abort();
	r->target = target;
	r->op = op;
	for (int s = 0; s < n_streams; s++)
		for (int i = 0; i < n_conns && r->n_slots < LOAD_SLOTS; i++, r->n_slots++)
			now_idle(r, &target->conns[i]->slots[s]);
	r->next_ns = bench_now_ns();
	r->measure_ns = r->end_ns = INT64_MAX;
	return r;
}

/* One kind of message for visits from ... from + n - 1; exits when one of them is refused. */
static void tell(struct load_target *target, enum load_op op, uint64_t from, uint64_t n)
{
	int n_conns = target->n_conns < FEED_SLOTS ? target->n_conns : FEED_SLOTS;
	struct run *r = run_new(target, op, n_conns, 1);

	r->next_visit = from;
	r->end_visit = from + n;
	turn_until(r, bench_now_ns() + FEED_NS);
	drain(r, n_conns);
	if (r->n_wrong > 0 || r->n_all < n) {
		fprintf(stderr, "bench_load: visits could not be fed: %llu of %llu messages of kind %d failed\n",
		        (unsigned long long)(n - r->n_all + r->n_wrong), (unsigned long long)n, (int)op);
		exit(1);
	}
	free(r);
}

static void feed(struct load_target *target, struct run *r, double seconds)
{
	double per_s = r->rate > 0 ? r->rate : 1.3 * target->visits_per_s;
	uint64_t n = (uint64_t)(per_s * (seconds + (double)WARM_UP_NS / 1e9)) + (uint64_t)r->n_slots;

	r->next_visit = load_visits(n);
	if (target->feeds == NULL)
		return;
	r->end_visit = r->next_visit + n;
	for (int op = target->feeds->knows_person ? LOAD_REGISTER : LOAD_PERSON; op < LOAD_CROSS; op++)
		tell(target->feeds, (enum load_op)op, r->next_visit, op == LOAD_PERSON ? 1 : n);
	target->feeds->knows_person = true;
	wait_until_idle(target->feeds->pid);
}

static void take(const struct run *r, struct load_result *result)
{
	result->n_good = r->n_good;
	result->n_bad = r->n_bad;
	result->seconds = (double)(r->end_ns - r->measure_ns) / 1e9;
	result->rps = result->seconds > 0 ? (double)r->n_good / result->seconds : 0;
	result->p50_us = quantile_us(r, 0.50);
	result->p99_us = quantile_us(r, 0.99);
	result->max_us = r->max_us;
}

struct load_result load_run(struct load_target *target, const struct load_mix *mix, double rate, double seconds)
{
	struct run *r = run_new(target, mix->op, mix->n_conns, mix->n_streams);
	struct load_result result = { 0 };
	int64_t cpu, own_cpu;

	r->rate = rate;
	if (mix->op == LOAD_CROSS)
		feed(target, r, seconds);
	r->next_ns = bench_now_ns();
	cpu = proc_tree_cpu_ns(target->pid);
	own_cpu = proc_tree_cpu_ns(getpid());
	turn_until(r, r->next_ns + WARM_UP_NS);
	r->measure_ns = bench_now_ns();
	r->end_ns = r->measure_ns + (int64_t)(seconds * 1e9);
	turn_until(r, r->end_ns);
	take(r, &result);
	drain(r, mix->n_conns);
	own_cpu = proc_tree_cpu_ns(getpid()) - own_cpu;
	wait_until_idle(target->pid);
	cpu = proc_tree_cpu_ns(target->pid) - cpu;
	if (r->n_all > 0) {
		result.cpu_us = (double)cpu / 1e3 / (double)r->n_all;
		result.generator_cpu_us = (double)own_cpu / 1e3 / (double)r->n_all;
	}
	if (rate == 0 && mix->op == LOAD_CROSS)
		target->visits_per_s = result.rps > 500 ? result.rps : 500;
	free(r);
	return result;
}
