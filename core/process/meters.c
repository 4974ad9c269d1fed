/* core/process/meters.c - see meters.h: adds in workers and keeper, sums and prints in the desk. */
#include "process/meters.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

const uint32_t meter_limits_ms[METER_BUCKETS - 1] = { 1, 2, 5, 10, 20, 50, 100, 250, 1000, 5000, 30000, 120000 };

static struct meters *all;
static struct meter_block *own;

static int map(int fd)
{
	void *p = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return YT_EIO;
	all = p;
	return 0;
}

int meters_make(void)
{
	int fd = memfd_create("yitong-meters", MFD_CLOEXEC);

	if (fd >= 0 && (ftruncate(fd, sizeof(*all)) != 0 || map(fd) != 0)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int meters_open(int fd, uint32_t block)
{
	if (map(fd) != 0)
		return YT_EIO;
	own = &all->block[block < METER_BLOCKS ? block : METER_BLOCKS - 1];
	return 0;
}

struct meters *meters_all(void)
{
	return all;
}

static void add(_Atomic uint64_t *to, uint64_t n)
{
	atomic_fetch_add_explicit(to, n, memory_order_relaxed);
}

static void add_time(struct meter_times *to, int64_t took_us)
{
	unsigned i = 0;

	while (i < METER_BUCKETS - 1 && took_us > (int64_t)meter_limits_ms[i] * 1000)
		i++;
	add(&to->bucket[i], 1);
	add(&to->sum_us, took_us > 0 ? (uint64_t)took_us : 0);
}

void meters_request(uint32_t listener, unsigned op, enum meter_outcome outcome, int64_t took_us)
{
	if (own == NULL || listener >= METER_LISTENERS)
		return;
	add(&own->requests[listener][op < YT_OP_COUNT ? op : YT_OP_COUNT][outcome], 1);
	add_time(&own->took[listener], took_us);
}

void meters_leg(uint32_t party, enum meter_leg end, int64_t took_us)
{
	if (own == NULL)
		return;
	party = party < METER_PARTIES ? party : METER_PARTIES - 1;
	add(&own->legs[party][end], 1);
	add_time(&own->leg_took[party], took_us);
}

void meters_commit(int64_t took_us)
{
	if (own != NULL)
		add_time(&own->commits, took_us);
}

/* ---- the desk's side ---- */

/* The same counter of every block: offset is its place in a block. */
static uint64_t sum(const struct meters *m, size_t offset)
{
	uint64_t n = 0;

	for (unsigned b = 0; b < METER_BLOCKS; b++)
		n += atomic_load_explicit((const _Atomic uint64_t *)(const void *)((const char *)&m->block[b] + offset),
		        memory_order_relaxed);
	return n;
}

#define PLACE(of, member) ((size_t)((const char *)&(of)->block[0].member - (const char *)&(of)->block[0]))

static void head(struct yt_buf *out, const char *name, const char *type, const char *help)
{
	yt_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void print_times(const struct meters *m, struct yt_buf *out, const char *name, const char *labels, size_t place)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < METER_BUCKETS; i++) {
		n += sum(m, place + i * sizeof(uint64_t));
		if (i < METER_BUCKETS - 1)
			yt_buf_printf(out, "%s_bucket{%s%sle=\"%g\"} %llu\n", name, labels, *labels != '\0' ? "," : "",
			        meter_limits_ms[i] / 1000.0, (unsigned long long)n);
	}
	yt_buf_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", name, labels, *labels != '\0' ? "," : "",
	        (unsigned long long)n);
	yt_buf_printf(out, "%s_sum%s%s%s %.6f\n", name, *labels != '\0' ? "{" : "", labels, *labels != '\0' ? "}" : "",
	        (double)sum(m, place + METER_BUCKETS * sizeof(uint64_t)) / 1e6);
	yt_buf_printf(out, "%s_count%s%s%s %llu\n", name, *labels != '\0' ? "{" : "", labels,
	        *labels != '\0' ? "}" : "", (unsigned long long)n);
}

static void print_requests(const struct meters *m, const struct conf *conf, struct yt_buf *out)
{
	static const char *const outcomes[] = { "answered", "silent", "turned_away" };

	head(out, "yitong_requests_total", "counter", "Requests by listener, operation and what their origin got.");
	for (uint32_t l = 0; l < conf->n_listeners && l < METER_LISTENERS; l++) {
		for (unsigned op = 0; op <= YT_OP_COUNT; op++) {
			for (unsigned o = 0; o < METER_OUTCOMES; o++) {
				uint64_t n = sum(m, PLACE(m, requests[l][op][o]));

				if (n != 0)
					yt_buf_printf(out,
					        "yitong_requests_total{listener=\"%s\",operation=\"%s\",outcome=\"%s\"}"
					        " %llu\n",
					        conf->listeners[l].name,
					        op < YT_OP_COUNT ? yt_op((enum yt_operation)op)->name : "none",
					        outcomes[o], (unsigned long long)n);
			}
		}
	}
}

void meters_print(const struct meters *m, const struct conf *conf, struct yt_buf *out)
{
	static const char *const ends[] = { "answered", "lost", "timed_out", "not_sent" };
	char labels[80];

	print_requests(m, conf, out);
	head(out, "yitong_request_seconds", "histogram", "From a whole request to its answer.");
	for (uint32_t l = 0; l < conf->n_listeners && l < METER_LISTENERS; l++) {
		snprintf(labels, sizeof(labels), "listener=\"%s\"", conf->listeners[l].name);
		print_times(m, out, "yitong_request_seconds", labels, PLACE(m, took[l]));
	}
	head(out, "yitong_legs_total", "counter", "Deliveries to parties by how they ended.");
	for (uint32_t p = 0; p < conf->n_parties && p < METER_PARTIES; p++) {
		for (unsigned e = 0; e < METER_LEGS; e++)
			yt_buf_printf(out, "yitong_legs_total{party=\"%s\",outcome=\"%s\"} %llu\n",
			        conf->parties[p].name, ends[e], (unsigned long long)sum(m, PLACE(m, legs[p][e])));
	}
	head(out, "yitong_leg_seconds", "histogram", "From sending to a party to the end of it.");
	for (uint32_t p = 0; p < conf->n_parties && p < METER_PARTIES; p++) {
		snprintf(labels, sizeof(labels), "party=\"%s\"", conf->parties[p].name);
		print_times(m, out, "yitong_leg_seconds", labels, PLACE(m, leg_took[p]));
	}
	head(out, "yitong_commit_seconds", "histogram", "Journal commits, with their fdatasync.");
	print_times(m, out, "yitong_commit_seconds", "", PLACE(m, commits));
	head(out, "yitong_deaths_total", "counter", "Processes that ended when nobody asked them to.");
	yt_buf_printf(out,
	        "yitong_deaths_total{process=\"worker\"} %llu\nyitong_deaths_total{process=\"keeper\"} %llu\n",
	        (unsigned long long)m->worker_deaths, (unsigned long long)m->keeper_deaths);
	head(out, "yitong_generation", "gauge", "How often a configuration was activated.");
	yt_buf_printf(out, "yitong_generation %u\n", m->generation);
}
