/* core/journal/keeper.h - the keeper's machine: admission, leases, follow-ups; pure.
 *
 * (state, event, now) -> (state', actions).  It has no files, sockets or clock of its own: events come
 * in by the functions below, everything it needs from the world goes out by struct keeper_world, which
 * process/keeper_process.c fills with the log, the index and the rings, and tests with a faulty one.
 *
 * Flow: keeper_message() for each ring message in ring order; it folds the records into its state and
 * gathers them.  When the log is idle the process takes what is gathered (keeper_take), makes it durable
 * and says so (keeper_committed); only then are workers told. */
#ifndef YT_JOURNAL_KEEPER_H
#define YT_JOURNAL_KEEPER_H

#include "journal/exchange.h"
#include "journal/talk.h"

struct keeper_conf {
	uint32_t serial_from, serial_to; /* block of our own message numbers in a second */
	int64_t reverse_after_ms;        /* first try of finding out, after the outcome became unknown */
	int64_t undelivered_ms;          /* a success the origin never fetched is reversed after this */
	int64_t longest_wait_ms;         /* no pause between tries is longer, whatever a clock says */
	uint32_t leases;                 /* handed out at once, all workers together */
	uint32_t exchanges;              /* open at once, but for follow-ups; more are refused as closed */
	uint32_t follow_ups; /* open at once; beyond, nothing is admitted that one would follow from; 0: any */
	int64_t rest_ms;     /* no due time that is read from the index is believed to be further ahead */
	int64_t facts_ms;    /* pieces of case facts that are older are not found any more; 0: all are */
	size_t facts_bytes;  /* of pieces that are remembered, at most; 0: all are read from the log */
	uint32_t
	        message_bytes; /* no lease is told that is larger, no case's facts of more than a quarter; 0: any are */
};

struct fact_place { /* where a piece of case facts stands */
	log_pos pos;
	uint64_t exchange;
	int64_t wall_ms; /* when it was written down */
};

struct keeper_world {
	void *ctx;
	int64_t (*wall_ms)(void *ctx);
	int64_t (*mono_ms)(void *ctx);
	/* Puts a message on a worker's ring; what does not fit is queued by the process. */
	void (*tell)(void *ctx, uint32_t worker, const struct talk *talk);
	/* The index: an exchange that has left memory.  YT_ENOTFOUND. */
	int (*find)(void *ctx, struct yt_str institution, struct yt_str number, struct exchange *x);
	/* The index: the cancel of that settlement that is done.  YT_ENOTFOUND.  NULL: the keeper's memory is all there
	 * is. */
	int (*cancelled)(void *ctx, struct yt_str institution, struct yt_str settlement, struct exchange *x);
	/* The other code by which an institution is known, old or new; NULL: it has one only.  May be NULL. */
	const char *(*other_code)(void *ctx, const char *institution);
	/* The same of a follow-up, whose institution is not known, or which pays the payout whose number follows on
	 * "+/".  NULL: there is no index. */
	int (*find_follow_up)(void *ctx, struct yt_str number, struct exchange *x);
	/* A flow of that name asks that party: what it tells of an exchange that goes by it counts.  NULL: any may. */
	bool (*flow_asks)(void *ctx, const char *flow, const char *party);
	/* Whom that step of a flow asks, from 1.  NULL: there is none.  May be NULL: nobody knows. */
	const char *(*step_party)(void *ctx, const char *flow, unsigned step);
	/* The index: what rests there, exchange_may_rest().  YT_ENOTFOUND.  NULL: all that is open stays in memory. */
	int (*get)(void *ctx, uint64_t exchange, struct exchange *x);
	/* Those that rest, as they were accepted, behind *after: at most max, *after is moved on.  YT_ENOTFOUND: these
	 * were the last ones.  Only with get. */
	int (*resting)(void *ctx, struct exchange_cursor *after, size_t max,
	        void (*each)(void *arg, const struct exchange *x), void *arg);
	/* The index: follow-ups of that person that wait, exchange_waits_for_facts(), at most max.  Only with get. */
	int (*waiting)(void *ctx, const uint8_t person[16], size_t max,
	        void (*each)(void *arg, const struct exchange *x), void *arg);
	/* The index: follow-ups of that visit that rest, exchange_may_rest(), at most max.  Only with get.  May be
	 * NULL: what is in memory is all there is. */
	int (*of_visit)(void *ctx, struct yt_str visit, size_t max, void (*each)(void *arg, const struct exchange *x),
	        void *arg);
	/* Appends the octets of a body field of an exchange's record in the commit at pos. */
	int (*fetch)(void *ctx, log_pos pos, uint64_t exchange, enum rec_tag tag, struct yt_buf *out);
	/* Where facts of a case stand before the index position: the newest, *n of them, at most max.  Anything but 0:
	 * the index cannot tell.  NULL: the keeper's memory is all there is. */
	int (*facts)(void *ctx, struct yt_str case_key, struct fact_place *out, size_t max, size_t *n);
	/* An exchange became another state by what is being written down, for the log.  NULL: nobody wants to know. */
	void (*changed)(void *ctx, const struct exchange *x, enum exchange_state before);
	/* NULL when new state-changing work may be taken on, else why not ("journal full"). */
	const char *(*closed)(void *ctx);
};

struct keeper;
struct keeper *keeper_new(const struct keeper_conf *conf, const struct keeper_world *world);
void keeper_free(struct keeper *keeper);
void keeper_configure(struct keeper *keeper, const struct keeper_conf *conf); /* from now on */

/* Recovery, before any other event: what the index had open, then every record after its position. */
void keeper_load(struct keeper *keeper, const struct exchange *x);
/* One that may rest, and stays where it is (with keeper_world.get). */
void keeper_rest(struct keeper *keeper, uint64_t exchange, const struct rest *rest);
void keeper_replay(struct keeper *keeper, const struct rec *rec, log_pos pos);
/* All is read back; workers that were not heard of are gone.  after_restart: rings of the workers
 * named to keeper_worker_up() before this were in use by a keeper before us. */
void keeper_start(struct keeper *keeper);

/* worker: the number of its ring.  A worker under a former keeper keeps its incarnation. */
void keeper_worker_up(struct keeper *keeper, uint32_t worker, uint32_t incarnation);
/* The worker was killed and reaped and its ring is drained: its legs are unknown, its leases free. */
void keeper_worker_gone(struct keeper *keeper, uint32_t worker);
/* Stops handing leases to it (it drains). */
void keeper_worker_drains(struct keeper *keeper, uint32_t worker);

/* One message of a worker's ring, in ring order.  YT_ECORRUPT: nonsense; the worker must be killed. */
int keeper_message(struct keeper *keeper, uint32_t worker, const struct talk *talk);

/* The wall clock was set forward by step_ms, or back where that is negative. */
void keeper_clock_stepped(struct keeper *keeper, int64_t step_ms);

/* Writes a record that is no worker's (generation, audit, what killed a worker). */
void keeper_note(struct keeper *keeper, struct yt_str record);

/* Before segments up to position `before` are dropped: writes what is open, and the last numbers given
 * out, again as carried records, at most max_bytes at once.  0: more is left, call again after the next
 * commit; 1: when these are committed the segments may go; negative, as world.fetch() said: octets of *exchange, which
 * is open, cannot be read, so the segments must stay. */
int keeper_carry(struct keeper *keeper, log_pos before, size_t max_bytes, uint64_t *exchange);
/* Bytes gathered for the next commit. */
size_t keeper_pending_bytes(const struct keeper *keeper);

/* What is gathered is somebody's wait (urgent) or can ride later. */
bool keeper_has_pending(const struct keeper *keeper, bool *urgent);
/* Hands over what is gathered; *records is borrowed until keeper_committed(). */
void keeper_take(struct keeper *keeper, struct yt_str *records);
void keeper_committed(struct keeper *keeper, log_pos pos);
/* The index has everything before pos: closed exchanges may leave memory. */
void keeper_indexed(struct keeper *keeper, log_pos pos);

/* Hands out what is due; returns the monotonic time of the next call, or -1 for none. */
int64_t keeper_tick(struct keeper *keeper);

/* An operator's decision about a parked exchange; result: done, refused, reversed, or retry; about a follow-up that
 * waits, and of which surely nothing has left: refused, or park, which stops it.  YT_ENOTFOUND; YT_ESTATE; YT_EAGAIN: a
 * worker has it just now, so it may be leaving. */
int keeper_decide(struct keeper *keeper, uint64_t exchange, const char *result, struct yt_str operator_name,
        struct yt_str reason);

/* An operator stops a party's lane, or lets it go on.  Written down; workers are to be told once that is durable.
 * YT_ESTATE: it is so already.  YT_ELIMIT: too many are stopped. */
int keeper_set_lane(
        struct keeper *keeper, struct yt_str party, bool is_stopped, struct yt_str operator_name, struct yt_str reason);
/* Workers know which lanes go on again: what waited for that is due at once, but for what rests in the index, which
 * goes on at its next try. */
void keeper_wake_stopped(struct keeper *keeper);
#define KEEPER_LANES_MAX 1024
struct keeper_lane { /* a stopped one */
	char party[32], operator_name[72], reason[408];
	int64_t since_ms;
};
bool keeper_lane_is_stopped(const struct keeper *keeper, const char *party);
void keeper_each_stopped(
        const struct keeper *keeper, void (*each)(void *arg, const struct keeper_lane *lane), void *arg);

/* Two people, one after the other, let the payment leave for which a follow-up waits ("waits: release"), and only that
 * one.  YT_ENOTFOUND; YT_ESTATE: it waits for no release; YT_EDENIED: they are not two. */
int keeper_release(
        struct keeper *keeper, uint64_t exchange, struct yt_str maker, struct yt_str checker, struct yt_str reason);
/* A payment of it waits for people. */
bool keeper_waits_for_release(const struct exchange *x);
/* As it stands now, what is being written down included.  YT_ENOTFOUND: it is not open. */
int keeper_get(struct keeper *keeper, uint64_t exchange, struct exchange *x);
#define KEEPER_NUMBER_USED "a payout's number was used before, nothing is paid: " /* and that number */
/* How the reason begins of an order made anew for a payout that is paid, or may be yet; and that number. */
#define KEEPER_NOT_NOTHING "the payout before has not come to nothing: "

struct keeper_counts {
	uint64_t sent, unknown, reversing, parked, undelivered, leased, in_memory;
	bool has_enough;     /* follow-ups: what one would follow from is refused */
	uint64_t follow_ups; /* that are not parked; they are none of the others but `leased` */
};
void keeper_count(const struct keeper *keeper, struct keeper_counts *counts);
/* How full limits.follow_ups is, in percent: from 100 on what one would follow from is refused.  0: no limit. */
unsigned keeper_follow_ups_full(const struct keeper *keeper);
/* It is open, and finding out its outcome has not been tried yet: the death of a worker in its main leg
 * makes it unknown; one that kills the worker finding out is for an operator. */
bool keeper_may_resolve(const struct keeper *keeper, uint64_t exchange);
/* Every exchange that is open.  False: the index cannot tell all of them. */
bool keeper_each_open(const struct keeper *keeper, void (*each)(void *arg, const struct exchange *x), void *arg);
/* Bodies were erased: what of them is remembered goes, too. */
void keeper_forget(struct keeper *keeper);
/* Exchanges in which something still has to happen; and those of them that came before wall_ms. */
uint64_t keeper_open(const struct keeper *keeper);
uint64_t keeper_open_before(const struct keeper *keeper, int64_t wall_ms);

#endif
