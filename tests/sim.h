/* tests/sim.h - a province in one process: hospitals, two workers, one keeper, a platform, one clock.
 *
 * test_simulator.c plays it, seed after seed: everything random comes from the seed, time is virtual, so a
 * failing seed fails again with its whole story.  The parts:
 *  - sim.c           clock, events, randomness, trace
 *  - sim_gateway.c   the real machines (engine, keeper, log, rings) wired as core/process does, over a disk
 *                    and a network that fail; kills, restarts; what must hold whenever octets leave
 *  - sim_platform.c  the provincial platform with a ledger of its own (nhsa.md 5.3; no tombstones)
 *  - sim_hub.c       the hub across provinces: another format, reached by flows
 *  - sim_hospital.c  hospitals that time out, reverse, ask again, hang up, try another number
 *  - sim_check.c     what must hold in the end */
#ifndef YT_SIM_H
#define YT_SIM_H

#include "engine/engine.h"
#include "fake_codec.h"
#include "faulty_io.h"
#include "journal/keeper.h"
#include "process/ring.h"

#define SIM_WALL 1790000000000LL /* the true wall clock at virtual time 0 */
#define SIM_HOSPITALS 3
#define SERVER_DELAY_MS 15000
#define ORIGIN_TIMEOUT_MS 8000
#define UNDELIVERED_MS 60000
#define ASKS_MAX 16384 /* made once: asks and connections are pointed to */
#define CONNS_MAX 65536

struct sim;
struct sim_event {
	int64_t at;
	uint64_t order; /* of making: equal times happen in this order */
	void (*fn)(struct sim *s, struct sim_event *e);
	uint64_t a, b;
	char *text; /* its own, freed after fn */
	size_t n;
};

/* -- the platform's books ------------------------------------------------------------------------ */

enum booked_kind {
	BOOKED_VISIT,
	BOOKED_FEES,
	BOOKED_SETTLEMENT,
	BOOKED_CANCEL,
	BOOKED_ADMISSION,
	BOOKED_REVERSAL,
	BOOKED_CLAIM
};

struct booked {
	enum booked_kind kind;
	char inst[8], num[40], visit[16], own[24], batch[16], setl[16];
	bool active;
	bool cancelled; /* a settlement: by a cancel, not by a reversal */
};

struct platform {
	struct booked *rows;
	size_t n;
	uint32_t next_id;
	struct {
		char key[16], sign[16];
	} sessions[8];
	size_t n_sessions;
	int64_t refuses_until; /* its gateway lets nothing through */
};

struct hub_row { /* one message number */
	struct booked b;
	char answer[60];
	bool is_tombstone; /* it had not come when it was asked about: it is not executed any more */
};

struct hub {
	struct hub_row *rows;
	size_t n;
	uint32_t next_id;
	int64_t refuses_until; /* its gateway lets nothing through */
};

/* -- hospitals ----------------------------------------------------------------------------------- */

enum ask_kind { ASK_READ, ASK_REGISTER, ASK_ADMIT, ASK_FEES, ASK_SETTLE, ASK_CANCEL, ASK_REVERSE };
enum heard { HEARD_NOTHING, HEARD_DONE, HEARD_REFUSED };

struct ask { /* one message number of a hospital */
	enum ask_kind kind;
	uint32_t hospital, visit;
	uint32_t target; /* of a cancel or reversal: the ask it undoes */
	char num[40], setl[16];
	char content[160], other_content[168];
	enum heard heard;
	char first_final[400]; /* the first answer that was final */
	bool missed;           /* an answer was flushed and yet did not arrive */
	bool abandoned;        /* the hospital will not ask again */
	bool undone;           /* it heard that its own reversal succeeded, or its cancel */
	bool replaced;         /* a new number took its place */
	bool reversing;        /* its 2601 is on the way */
	bool use_other;        /* the other content was the one that was taken */
	uint32_t conns, tries;
	int64_t asked_at;
};

enum visit_step { VISIT_REGISTERS, VISIT_UPLOADS, VISIT_SETTLES, VISIT_CANCELS, VISIT_OVER };

struct visit {
	uint32_t hospital;
	enum visit_step step;
	char own[24], visit[16], batch[16], setl[16];
	uint32_t settle, cancel; /* asks; 0 none */
	uint32_t tries;
	bool wants_cancel;
	bool is_remote; /* insured in another province: by flows to platform and hub */
};

struct conn { /* a connection with one request on it; its token is its index + 1 */
	uint32_t ask, worker;
	bool other; /* it carries the other content */
	bool open;  /* as the hospital sees it */
	bool known; /* to the worker's listener */
};

/* -- the gateway --------------------------------------------------------------------------------- */

struct wproc { /* a worker's process and what the keeper's process has for it */
	struct sim *sim;
	uint32_t id; /* its index + 1 */
	bool alive, gone, buried;
	bool draining;
	int64_t frozen_until;  /* stopped by a signal */
	int64_t stuffed_until; /* nothing fits on its ring */
	struct area area;
	struct ring_reader down;
	struct engine *engine;
	bool ring_event;
	/* the keeper's side; dies with it */
	struct ring_reader up;
	uint64_t taken_to;
	struct {
		struct talk talk;
		struct yt_buf payload;
	} * unsent;
	size_t n_unsent;
	bool known, bury_taken;
};

struct call { /* a leg on the network */
	bool to_hub;
	uint32_t worker;
	uint64_t leg;
	bool ended, timed_out;
	char *reply;
};

struct acked { /* a record that is durable */
	uint64_t exchange;
	uint8_t type, leg;
	int64_t wall_ms;
	char number[40];
	char *reply; /* of an answer */
};

struct gateway {
	struct faulty *disk;
	struct yt_io io;
	struct log_conf log_conf;
	struct log *log;
	struct keeper *keeper; /* NULL: the keeper's process is not there */
	uint32_t life;         /* of the keeper: events of a former one are stale */
	bool committing, full, die_after_tell;
	struct yt_str taken;
	int64_t turn_at, flush_at, disk_full_until;
	struct wproc **workers;
	size_t n_workers;
	struct call *calls;
	size_t n_calls;
	struct acked *acked;
	size_t n_acked;
	struct exchange *index; /* folds of what is durable and indexed */
	size_t n_index;
	struct {
		log_pos pos;
		struct yt_buf records;
	} * unindexed;
	size_t n_unindexed;
	struct {
		uint64_t exchange;
		char key[48];
	} * out; /* settlements that may be in flight: P13 */
	size_t n_out;
	struct {
		char number[40], body[200];
	} * own_numbers;
	size_t n_own_numbers;
};

struct sim {
	uint64_t seed, random;
	int64_t now;      /* virtual, monotonic */
	int64_t wall_off; /* how wrong the gateway's wall clock is */
	uint64_t order;
	struct sim_event **heap;
	size_t n_heap;
	bool calm; /* faults have stopped */
	bool tracing;
	bool failed;
	char failure[600];
	struct gateway gw;
	struct platform platform;
	struct hub hub;
	struct ask *asks; /* from 1 */
	uint32_t n_asks;
	struct visit *visits;
	uint32_t n_visits;
	struct conn *conns;
	uint32_t n_conns;
	uint32_t n_numbers;
	struct {
		unsigned remote, settled, reversed, cancelled, kills, restarts, held, lost, slow;
		unsigned one_stops; /* settlements that were answered with what an insurer pays */
	} told;                     /* for the summary: a run in which nothing happens proves nothing */
};

/* sim.c */
uint64_t sim_random(struct sim *s, uint64_t below);
bool sim_chance(struct sim *s, unsigned percent);
bool sim_fault(struct sim *s, unsigned per_mille); /* never when calm */
struct sim_event *sim_at(
        struct sim *s, int64_t at, void (*fn)(struct sim *s, struct sim_event *e), uint64_t a, uint64_t b);
void sim_text(struct sim_event *e, struct yt_str text);
bool sim_step(struct sim *s); /* the next event; false when there is none */
void sim_trace(struct sim *s, const char *fmt, ...) YT_PRINTF(2, 3);
void sim_fail(struct sim *s, const char *fmt, ...) YT_PRINTF(2, 3);
void sim_free(struct sim *s);
void *sim_more(void *array, size_t n, size_t size); /* room for one more element, zeroed */

/* sim_gateway.c */
void gateway_start(struct sim *s);
void gateway_free(struct sim *s);
struct wproc *gateway_worker(struct sim *s, uint32_t not_this); /* one with open doors, or NULL */
void gateway_request(struct sim *s, uint32_t worker, uint64_t token, const char *inst, struct yt_str body);
void gateway_hang_up(struct sim *s, uint64_t token);
void gateway_chaos(struct sim *s, struct sim_event *e); /* the next kill, full disk, clock step */
bool gateway_is_quiet(struct sim *s);
void gateway_calm(struct sim *s);
void gateway_index_all(struct sim *s);

/* sim_platform.c */
void platform_handle(struct sim *s, struct yt_str body, char reply[400]);
const struct booked *platform_find(const struct sim *s, const char *num, enum booked_kind kind);
void platform_midnight(struct sim *s);

/* sim_hub.c */
const struct yt_codec_api *hub_codec(bool is_slow);
void hub_handle(struct sim *s, struct yt_str body, char reply[400]);
const struct booked *hub_find(const struct sim *s, const char *num, enum booked_kind kind);
void hub_check(struct sim *s);

/* sim_hospital.c */
void hospitals_start(struct sim *s);
void hospital_hear(struct sim *s, uint64_t token, struct yt_str octets); /* octets empty: cut */
void hospitals_calm(struct sim *s);
bool hospitals_are_quiet(struct sim *s);
const char *hospital_code(uint32_t hospital);

/* sim_check.c */
void sim_check(struct sim *s);

#endif
