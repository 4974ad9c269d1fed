/* core/process/keeper_process.h - the keeper process's own state, shared by its files and control.c, nobody else.
 *
 *   keeper_process.c             the machine's world, commits, the loop
 *   keeper_process_workers.c     rings
 *   keeper_process_fetch.c       octets from the log
 *   keeper_process_supervisor.c  what the supervisor says
 *   keeper_process_start.c       opens journal, index and machine
 *   keeper_process_upkeep.c      clock, retention */
#ifndef YT_PROCESS_KEEPER_PROCESS_H
#define YT_PROCESS_KEEPER_PROCESS_H

#include <uv.h>

#include "format/keys.h"
#include "journal/index.h"
#include "journal/keeper.h"
#include "process/channel.h"
#include "process/committer.h"
#include "process/conf.h"
#include "process/ring.h"

#define BURIED_MAX 1024 /* dead workers whose last words are not on disk yet; the supervisor keeps them fewer */

struct keeper_process;

struct kp_worker {
	uint32_t id, pid, generation;
	struct area area;
	struct ring_reader up;
	uint64_t taken_to;  /* ring position that the commit under way covers */
	uint64_t n_dropped; /* notes of its reads and refusals, for want of room */
	int wake_keeper, wake_worker;
	bool dead;      /* killed and reaped: to be removed when its ring is read */
	bool gone;      /* its ring is nonsense: nothing more is read ... */
	bool kill_told; /* ... and the supervisor knows */
	uv_poll_t poll;
	struct keeper_process *process;
	struct unsent *unsent;
	struct kp_worker *prev, *next;
};

struct kp_record {
	uint64_t exchange;
	size_t offset; /* in the commit's octets */
};

struct kp_unpacked { /* a commit with its bodies in clear; n 0: none */
	log_pos pos;
	struct yt_buf octets;      /* records, whole */
	struct kp_record *records; /* sorted */
	size_t n, cap;
	int64_t used_mono;
};

#define KP_UNPACKED 4

struct keeper_process {
	uv_loop_t *loop;
	uv_poll_t channel;
	uv_timer_t timer, gather;
	struct conf *conf; /* the active one */
	struct keeper *keeper;
	struct log *log;
	struct log_conf log_conf;
	struct yt_io io, keys_io;
	struct yt_keys *keys;
	struct log_keys *seal;
	struct index *index, *index_reader;
	struct committer *committer;
	struct indexer *indexer;
	struct control *control;
	struct kp_worker *workers;
	struct yt_str taken; /* records of the commit under way */
	uint64_t index_lag_max, reserve_bytes, generation, n_commits;
	int64_t flush_at, progress_at;
	int64_t committed_at_us;            /* when the last commit was begun, monotonic */
	uint32_t n_waiting;                 /* messages read since then whose worker waits for a commit */
	bool is_crowded;                    /* there were several in the last commit */
	int64_t clock_offset;               /* wall clock less monotonic clock, ms, as last seen */
	int64_t index_ms;                   /* how long the index keeps rows beyond that */
	int64_t retention_ms, retention_at; /* how long the log is kept; when that is looked at next */
	char folder[512];                   /* of the journal */
	log_pos retired;                    /* carried over and dropped up to here, in this life */
	log_pos retire_before;              /* 0, or to be dropped once ... */
	uint64_t retire_after;              /* ... so many commits are durable */
	uint32_t buried[BURIED_MAX], n_buried, n_buried_taken;
	size_t message_bytes, drain_bytes; /* largest message; gathered so much, the rings wait for a commit */
	bool find_failed;                  /* the last question to the index was not answered */
	bool full, finishing, reindexing, started;
	bool drops_notes;         /* said so in the log */
	unsigned follow_ups_said; /* how full it was when that was told; 0: not told */
	char index_path[512];
	struct kp_unpacked unpacked[KP_UNPACKED]; /* those used last, of large ones */
	struct channel_msg msg, out;              /* received; to be sent */
};

/* NULL when new state-changing work is taken on, else why not. */
const char *keeper_closed(const struct keeper_process *p);
void kp_turn(struct keeper_process *p);
void kp_committed(void *arg, int result, log_pos pos);
/* What is left is for finishing what was taken on. */
bool kp_is_short_of_room(const struct keeper_process *p);
void kp_world(struct keeper_process *p, struct keeper_world *world);

/* keeper_process_workers.c */
struct kp_worker *kp_worker_of(struct keeper_process *p, uint32_t id); /* NULL: none */
void kp_tell(void *ctx, uint32_t worker, const struct talk *talk);
void kp_send_unsent(struct kp_worker *w);
void kp_tell_kill(struct keeper_process *p, struct kp_worker *w);
/* Reads all that is on its ring; true if there was anything.  Nonsense ends the worker. */
bool kp_drain(struct keeper_process *p, struct kp_worker *w);
bool kp_drain_all(struct keeper_process *p, bool stays_awake);
void kp_add_worker(struct keeper_process *p, const struct channel_msg *msg);
/* Those that are dead and reaped: what they still had on their rings counts, then their legs are unknown. */
void kp_remove_dead(struct keeper_process *p);

/* keeper_process_fetch.c */
/* Octets as keeper_world.fetch says. */
int kp_fetch(void *ctx, log_pos pos, uint64_t exchange, enum rec_tag tag, struct yt_buf *out);
void kp_fetch_forget(struct keeper_process *p); /* bodies were erased */

/* keeper_process_supervisor.c */
void kp_on_channel(uv_poll_t *poll, int status, int events);
/* Open exchanges that need what a new configuration drops: how many, and what the last one of them needs. */
struct kp_checking {
	const struct conf *now, *next;
	uint64_t n;
	char what[200];
};
/* arg: struct kp_checking.  What has no party, listener or institution, as octets that killed a worker, needs none. */
void kp_check_each(void *arg, const struct exchange *x);

/* keeper_process_start.c */
int kp_open(struct keeper_process *p, const struct conf *conf); /* what failed has been told */
void kp_conf_of_machine(struct keeper_conf *k, const struct conf *conf);
void kp_remove_index(const char *path);

/* keeper_process_upkeep.c */
void kp_watch_clock(struct keeper_process *p);
void kp_watch_retention(struct keeper_process *p);
void kp_watch_follow_ups(struct keeper_process *p);

#endif
