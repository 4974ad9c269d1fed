/* tests/crash/crash_run.c - the crash harness behind `./dev crash`: rounds of violence under traffic.
 *
 * A round: hospitals work; some of the platform's answers get lost (armed faults); one act (crash_act.c);
 * hospitals work on for a while and pause; the gateway has its time to find out what became of everything;
 * then crash_check.c compares the hospitals' book with the platform's.  The keeper runs under crash_shim.so
 * the whole time, so each of its deaths also takes a random part of what it had not synced. */
#include "crash_run.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define N_HOSPITALS 8
#define QUIET_MS 60000
#define SERVER_DELAY_MS 2000

static uint64_t random_state;

void dice_seed(uint64_t seed)
{
	random_state = seed;
}

uint64_t dice(void)
{
	uint64_t z = (random_state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

struct options {
	const char *dir, *bin, *certs;
	int rounds;
	uint64_t seed;
	uint32_t breaks;
	bool goes_on;
};

/* Answers that get lost at the platform in this round, besides what the act destroys.  A held message
 * takes effect when its connection is gone, given up or killed with its worker, and a reversal has perhaps been
 * told that it is not there; but within server_delay_ms from then, as the platform's operator promises. */
static void arm_faults(void)
{
	static const char *const kinds[] = { "effect_then_cut", "effect_then_silence", "cut", "http_502_html",
		"cut_json", "held" };
	static const char *const numbers[] = { "2207", "2207", "2208", "2201", "2204" };
	char spec[200];

	json_decref(world_control("DELETE", "/fault", NULL));
	for (int i = 0; i < 3; i++) {
		snprintf(spec, sizeof(spec), "{\"kind\":\"%s\",\"infno\":\"%s\",\"count\":%d,\"skip\":%d,\"ms\":%d}",
		        kinds[dice() % 6], numbers[dice() % 5], 1 + (int)(dice() % 3), (int)(dice() % 20),
		        200 + (int)(dice() % (SERVER_DELAY_MS - 700)));
		json_decref(world_control("POST", "/fault", spec));
	}
}

/* False when the gateway still has something open after QUIET_MS. */
static bool wait_quiet(struct world *w, int64_t *pending)
{
	int64_t end = now_ms() + QUIET_MS;

	json_decref(world_control("POST", "/quiesce", "{\"timeout_ms\":1500}"));
	while ((*pending = world_pending(w)) != 0) {
		if (now_ms() > end)
			return false;
		sleep_ms(200);
	}
	return true;
}

static int run_round(struct world *w, int round, int rounds)
{
	const struct act *act = &acts[(size_t)(round - 1) % n_acts];
	uint64_t sectors = w->shim->lost_sectors, names = w->shim->lost_names;
	size_t n_before = said.n_messages;
	char note[300] = "";
	int64_t began = now_ms(), quiet_from, quiet_ms, pending = 0;
	int bad = 0;

	traffic_round = round;
	arm_faults();
	claims_arm_faults();
	traffic_go();
	sleep_ms(300 + (int64_t)(dice() % 1200));
	act->run(w, note, sizeof(note));
	sleep_ms(300 + (int64_t)(dice() % 700));
	if (act->mend != NULL)
		act->mend(w, note, sizeof(note));
	if (!traffic_pause(120000)) {
		printf("    WRONG the hospitals do not come to an end\n");
		bad++;
	}
	quiet_from = now_ms();
	if (!wait_quiet(w, &pending)) {
		printf("    WRONG %lld exchanges are still open after %d s\n", (long long)pending, QUIET_MS / 1000);
		bad++;
	}
	quiet_ms = now_ms() - quiet_from;
	check_journal_begin(w);
	bad += check_all(round, false);
	bad += claims_check(w, false);
	bad += check_journal_end();
	printf("round %3d of %d  %-26s %-44s %5zu messages  lost %3llu sectors %2llu names  quiet %4.1f s  ", round,
	        rounds, act->name, note, said.n_messages - n_before,
	        (unsigned long long)(w->shim->lost_sectors - sectors),
	        (unsigned long long)(w->shim->lost_names - names), (double)quiet_ms / 1000);
	printf("%s  %.1f s\n", bad == 0 ? "ok" : "FAILED", (double)(now_ms() - began) / 1000);
	fflush(stdout);
	return bad;
}

static void usage(void)
{
	fprintf(stderr, "usage: crash_run --dir D --bin D --certs D --rounds N --seed S --port NAME=N ... "
	                "[--break file-sync|dir-sync] [--go-on]\n"
	                "  D/gateway.yaml, D/gateway (journal, index.db) and the ports: made by tests/crash/run\n");
	exit(2);
}

/* All of them must be given. */
static const char **port_of(struct world *w, size_t i, const char **name)
{
	const struct {
		const char *name, **at;
	} ports[] = { { "gateway", &w->gateway_port }, { "intake", &w->intake_port },
		{ "decisions", &w->decisions_port }, { "platform", &w->platform_port }, { "control", &w->control_port },
		{ "insurer", &w->insurer_port }, { "insurer_control", &w->insurer_control_port },
		{ "bank", &w->bank_port }, { "bank_iso", &w->bank_iso_port },
		{ "bank_control", &w->bank_control_port } };

	*name = i < sizeof(ports) / sizeof(*ports) ? ports[i].name : NULL;
	return *name == NULL ? NULL : ports[i].at;
}

static void take_port(struct world *w, const char *text)
{
	const char *name, **at, *number = strchr(text, '=');

	for (size_t i = 0; number != NULL && (at = port_of(w, i, &name)) != NULL; i++) {
		if (strlen(name) == (size_t)(number - text) && strncmp(name, text, strlen(name)) == 0) {
			*at = number + 1;
			return;
		}
	}
	usage();
}

static void read_arguments(struct options *o, struct world *w, int argc, char **argv)
{
	static const struct option options[] = { { "dir", 1, NULL, 'd' }, { "bin", 1, NULL, 'b' },
		{ "certs", 1, NULL, 'c' }, { "port", 1, NULL, 'p' }, { "rounds", 1, NULL, 'n' },
		{ "seed", 1, NULL, 's' }, { "break", 1, NULL, 'x' }, { "go-on", 0, NULL, 'g' }, { NULL, 0, NULL, 0 } };
	const char *name, **at;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'd':
			o->dir = optarg;
			break;
		case 'b':
			o->bin = optarg;
			break;
		case 'c':
			o->certs = optarg;
			break;
		case 'p':
			take_port(w, optarg);
			break;
		case 'n':
			o->rounds = atoi(optarg);
			break;
		case 's':
			o->seed = strtoull(optarg, NULL, 0);
			break;
		case 'x':
			o->breaks |= strcmp(optarg, "file-sync") == 0  ? UNDO_BREAK_FILE_SYNC
			             : strcmp(optarg, "dir-sync") == 0 ? UNDO_BREAK_DIR_SYNC
			                                               : 0;
			break;
		case 'g':
			o->goes_on = true;
			break;
		default:
			usage();
		}
	}
	for (size_t i = 0; (at = port_of(w, i, &name)) != NULL; i++)
		if (*at == NULL)
			usage();
	if (o->dir == NULL || o->bin == NULL || o->certs == NULL || o->rounds < 1)
		usage();
}

int main(int argc, char **argv)
{
	struct options o = { .rounds = 20, .seed = 1 };
	struct world w = { 0 };
	int bad = 0, round;

	read_arguments(&o, &w, argc, argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	dice_seed(o.seed);
	snprintf(w.dir, sizeof(w.dir), "%s", o.dir);
	snprintf(w.journal, sizeof(w.journal), "%s/gateway/journal", o.dir);
	snprintf(w.conf, sizeof(w.conf), "%s/gateway.yaml", o.dir);
	snprintf(w.index, sizeof(w.index), "%s/gateway/index.db", o.dir);
	w.certs = o.certs;
	world_open(&w, o.bin);
	w.shim->seed = o.seed;
	w.shim->breaks = o.breaks;
	world_start_platform(&w);
	world_start_insurer(&w);
	world_start_bank(&w);
	world_start_gateway(&w);
	traffic_open(&w);
	traffic_start(&w, N_HOSPITALS);
	for (round = 1; round <= o.rounds && (bad == 0 || o.goes_on); round++)
		bad += run_round(&w, round, o.rounds);
	if (bad == 0 || o.goes_on) {
		printf("asking for all %zu messages again\n", said.n_messages);
		check_journal_begin(&w);
		bad += check_all(o.rounds, true);
		bad += claims_check(&w, true);
		bad += claims_check_open(&w);
		bad += check_journal_end();
	}
	traffic_stop();
	printf("%d rounds, seed %llu: %zu messages, %zu claims, %zu payouts (%zu of agencies; of claims %zu by link, %zu by ISO 20022, %zu by files), %llu kills at a call, %llu power cuts that lost "
	       "%llu sectors and %llu names, %u failed drops, %d wrong\n",
	        round - 1, (unsigned long long)o.seed, said.n_messages, claims_seen, payouts_seen, orders_seen,
	        claims_paid_by[0], claims_paid_by[1], claims_paid_by[2], (unsigned long long)w.shim->kills,
	        (unsigned long long)w.shim->drops, (unsigned long long)w.shim->lost_sectors,
	        (unsigned long long)w.shim->lost_names, w.shim->failed_drops, bad);
	world_close(&w);
	return bad == 0 ? 0 : 1;
}
