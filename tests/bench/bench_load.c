/* tests/bench/bench_load.c - the load generator: interleaved rounds on the gateway and on what it is measured beside.
 *
 *   bench_load --ca F --cert F --key F --rounds N --seconds S --target NAME:PORT:PID[:h2][:feed=NAME] ...
 *              --mix GROUP:OP:CONNECTIONSxSTREAMS:MODE:NAME,NAME... ... [--rate N] [--body FILE]
 * Opens each target's connections and keeps them.  A round runs every mixture on one of its targets after the other;
 * who goes first alternates.  OP: query, settle, cross, file (the message in --body).  MODE: saturated (each connection
 * or stream sends again as soon as it is answered) or offered (a fixed rate, the same for all targets: --rate, or half
 * of what the slowest does saturated; latency counts from when a request was due, so a stall is not hidden).  feed:
 * where what a settlement across provinces needs is said before.  Prints one JSON object a run; report.jq makes the
 * table of medians. */
#include "bench_load.h"
#include "bench_proc.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TARGETS 8
#define MAX_MIXES 32
#define MAX_SIDES 4

struct bench_mix {
	struct load_mix mix;
	struct load_target *sides[MAX_SIDES];
	int n_sides;
	double rate; /* offered */
};

struct bench {
	struct load_target targets[MAX_TARGETS];
	struct bench_mix mixes[MAX_MIXES];
	int n_targets, n_mixes, rounds;
	double seconds, rate; /* rate 0: found out */
	const char *ca, *cert, *key;
};

static const char *const op_names[LOAD_OPS] = {
	[LOAD_QUERY] = "query", [LOAD_SETTLE] = "settle", [LOAD_CROSS] = "cross", [LOAD_FILE] = "file"
};

static void print_result(
        int round, const struct load_target *target, const struct bench_mix *m, const struct load_result *result)
{
	printf("{\"round\":%d,\"target\":\"%s\",\"group\":\"%s\",\"op\":\"%s\",\"connections\":%d,\"streams\":%d,"
	       "\"mode\":\"%s\",\"offered_rps\":%.0f,\"requests\":%llu,\"errors\":%llu,\"seconds\":%.2f,\"rps\":%.1f,"
	       "\"cpu_us\":%.2f,\"p50_us\":%lld,\"p99_us\":%lld,\"max_us\":%lld,\"generator_cpu_us\":%.2f}\n",
	        round, target->name, m->mix.group, op_names[m->mix.op], m->mix.n_conns, m->mix.n_streams,
	        m->mix.is_offered ? "offered" : "saturated", m->rate, (unsigned long long)result->n_good,
	        (unsigned long long)result->n_bad, result->seconds, result->rps, result->cpu_us,
	        (long long)result->p50_us, (long long)result->p99_us, (long long)result->max_us,
	        result->generator_cpu_us);
	fflush(stdout);
}

/* Half of what the slowest side does saturated: all can carry it, so CPU and latency compare. */
static void set_rate(struct bench_mix *m)
{
	double least = 1e9;

	for (int i = 0; i < m->n_sides; i++) {
		struct load_result r = load_run(m->sides[i], &m->mix, 0, 1.0);

		least = r.rps < least ? r.rps : least;
	}
	m->rate = least / 2 > 10 ? least / 2 : 10;
}

static void one_round(struct bench *b, int round)
{
	for (int i = 0; i < b->n_mixes; i++) {
		struct bench_mix *m = &b->mixes[i];

		for (int side = 0; side < m->n_sides; side++) {
			struct load_target *who = m->sides[(side + round) % m->n_sides];
			struct load_result result = load_run(who, &m->mix, m->rate, b->seconds);

			print_result(round, who, m, &result);
		}
	}
}

/* -- arguments ---------------------------------------------------------------------------------- */

static void usage(const char *wrong)
{
	fprintf(stderr,
	        "bench_load: %s\nusage: bench_load --ca F --cert F --key F [--rounds N] [--seconds S] "
	        "--target NAME:PORT:PID[:h2][:feed=NAME] ... --mix GROUP:OP:CONNSxSTREAMS:MODE:NAME,NAME ... [--rate N] [--body FILE]\n",
	        wrong);
	exit(2);
}

static struct load_target *target_named(struct bench *b, const char *name)
{
	for (int i = 0; i < b->n_targets; i++)
		if (strcmp(b->targets[i].name, name) == 0)
			return &b->targets[i];
	usage(name);
	return NULL;
}

static char *part(char **rest)
{
	char *at = strsep(rest, ":");

	if (at == NULL || *at == '\0')
		usage("a target or mixture has too few parts");
	return at;
}

static void add_target(struct bench *b, char *arg)
{
	struct load_target *t = &b->targets[b->n_targets];
	char *word;

	if (b->n_targets == MAX_TARGETS)
		usage("too many targets");
	t->name = part(&arg);
	t->port = atoi(part(&arg));
	t->pid = (pid_t)atoi(part(&arg));
	t->visits_per_s = 1500;
	b->n_targets++;
	while ((word = strsep(&arg, ":")) != NULL) {
		if (strcmp(word, "h2") == 0)
			t->h2 = true;
		else if (strncmp(word, "feed=", 5) == 0)
			t->feeds = target_named(b, word + 5);
		else
			usage(word);
	}
}

static void add_mix(struct bench *b, char *arg)
{
	struct bench_mix *m = &b->mixes[b->n_mixes++];
	char *name, *mode;

	if (b->n_mixes == MAX_MIXES)
		usage("too many mixtures");
	m->mix.group = part(&arg);
	name = part(&arg);
	while (m->mix.op < LOAD_OPS && (op_names[m->mix.op] == NULL || strcmp(op_names[m->mix.op], name) != 0))
		m->mix.op++;
	if (m->mix.op == LOAD_OPS || sscanf(part(&arg), "%dx%d", &m->mix.n_conns, &m->mix.n_streams) != 2)
		usage(name);
	mode = part(&arg);
	m->mix.is_offered = strcmp(mode, "offered") == 0;
	if (m->mix.n_conns < 1 || m->mix.n_conns > LOAD_CONNECTIONS || m->mix.n_streams < 1 ||
	        m->mix.n_streams > LOAD_STREAMS || m->mix.n_conns * m->mix.n_streams > LOAD_SLOTS)
		usage("a mixture has too many connections or streams");
	while ((name = strsep(&arg, ",")) != NULL) {
		struct load_target *t = target_named(b, name);

		if (m->n_sides == MAX_SIDES || (m->mix.n_streams > 1 && !t->h2))
			usage(name);
		m->sides[m->n_sides++] = t;
		t->n_conns = t->n_conns > m->mix.n_conns ? t->n_conns : m->mix.n_conns;
		t->n_streams = t->n_streams > m->mix.n_streams ? t->n_streams : m->mix.n_streams;
	}
}

static void read_arguments(struct bench *b, int argc, char **argv)
{
	static const struct option options[] = { { "ca", 1, NULL, 'a' }, { "cert", 1, NULL, 'c' },
		{ "key", 1, NULL, 'k' }, { "rounds", 1, NULL, 'r' }, { "seconds", 1, NULL, 's' },
		{ "target", 1, NULL, 't' }, { "mix", 1, NULL, 'm' }, { "rate", 1, NULL, 'f' }, { "body", 1, NULL, 'b' },
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
		else if (opt == 't')
			add_target(b, optarg);
		else if (opt == 'f')
			b->rate = atof(optarg);
		else if (opt == 'b')
			load_body_file(optarg);
		else if (opt == 'm')
			add_mix(b, optarg);
		else
			usage("see its head comment");
	}
	if (b->ca == NULL || b->cert == NULL || b->key == NULL || b->n_mixes == 0 || b->rounds < 1 || b->seconds <= 0)
		usage("certificates and a mixture must be given");
}

static void connect_all(struct bench *b)
{
	for (int i = 0; i < b->n_targets; i++)
		printf("{\"target\":\"%s\",\"pss_kib_idle\":%lld}\n", b->targets[i].name,
		        (long long)proc_tree_pss_kib(b->targets[i].pid));
	for (int i = 0; i < b->n_targets; i++) {
		b->targets[i].tls = bench_tls(0, b->ca, b->cert, b->key);
		load_connect(&b->targets[i]);
		printf("{\"target\":\"%s\",\"pss_kib_connected\":%lld,\"connections\":%d}\n", b->targets[i].name,
		        (long long)proc_tree_pss_kib(b->targets[i].pid), b->targets[i].n_conns);
	}
}

int main(int argc, char **argv)
{
	struct bench b = { .rounds = 15, .seconds = 1.0 };

	signal(SIGPIPE, SIG_IGN);
	read_arguments(&b, argc, argv);
	connect_all(&b);
	for (int i = 0; i < b.n_mixes; i++) {
		b.mixes[i].rate = b.rate;
		if (b.mixes[i].mix.is_offered && b.rate == 0)
			set_rate(&b.mixes[i]);
	}
	for (int round = 1; round <= b.rounds; round++) {
		one_round(&b, round);
		fprintf(stderr, "round %d of %d\n", round, b.rounds);
	}
	for (int i = 0; i < b.n_targets; i++)
		printf("{\"target\":\"%s\",\"pss_kib_after\":%lld}\n", b.targets[i].name,
		        (long long)proc_tree_pss_kib(b.targets[i].pid));
	return 0;
}
