/* core/process/meters.h - counters that all processes add to and the desk shows; shared memory.
 *
 * The supervisor makes them once (a memfd), so that they outlive every worker.  Each writer adds with plain
 * atomics to a block of its own; nobody waits for anybody.  A process without them counts nothing.  No name,
 * number or text of anybody is in them (P9). */
#ifndef YT_PROCESS_METERS_H
#define YT_PROCESS_METERS_H

#include <stdatomic.h>

#include "process/conf.h"
#include "yitong/message.h"

enum {
	METER_LISTENERS = 64,
	METER_PARTIES = 64, /* those behind are counted with the last */
	METER_BLOCKS = 65,  /* worker slots, and the keeper's */
	METER_KEEPER = 64,
	METER_BUCKETS = 13
};

enum meter_outcome {
	METER_ANSWERED,
	METER_SILENT,      /* dropped: an answer would have been a lie */
	METER_TURNED_AWAY, /* refused before anything was read of it */
	METER_OUTCOMES
};

enum meter_leg { METER_LEG_ANSWERED, METER_LEG_LOST, METER_LEG_TIMED_OUT, METER_LEG_NOT_SENT, METER_LEGS };

struct meter_times { /* a histogram; bucket i: up to meter_limits_ms[i], the last: any */
	_Atomic uint64_t bucket[METER_BUCKETS];
	_Atomic uint64_t sum_us;
};
extern const uint32_t meter_limits_ms[METER_BUCKETS - 1];

struct meter_block {
	_Atomic uint64_t requests[METER_LISTENERS][YT_OP_COUNT + 1][METER_OUTCOMES]; /* the last operation: none */
	struct meter_times took[METER_LISTENERS];
	_Atomic uint64_t legs[METER_PARTIES][METER_LEGS];
	struct meter_times leg_took[METER_PARTIES];
	struct meter_times commits;
};

struct meters {
	_Atomic uint64_t worker_deaths, keeper_deaths, reloads;
	_Atomic uint32_t generation, workers;
	struct meter_block block[METER_BLOCKS];
};

int meters_make(void);                   /* supervisor: the memfd, mapped; -1 with errno */
int meters_open(int fd, uint32_t block); /* a child: adds to that block from here on; YT_EIO */
struct meters *meters_all(void);         /* NULL: not open */

void meters_request(uint32_t listener, unsigned op, enum meter_outcome outcome, int64_t took_us);
void meters_leg(uint32_t party, enum meter_leg end, int64_t took_us);
void meters_commit(int64_t took_us);

/* Appends them in Prometheus' text format.  conf: names of listeners and parties, in its order. */
void meters_print(const struct meters *meters, const struct conf *conf, struct yt_buf *out);

#endif
