/* core/engine/engine.h - a worker's decisions: what happens to one request, and to one lease; pure.
 *
 * (state, event, now) -> (state', actions).  No sockets, files or clock of its own: events come in by
 * the functions below, actions go out by struct engine_world, which process/worker_world.c fills with the
 * listeners, the lanes and the ring, and the simulator with a faulty one.
 *
 * Flow of a state-changing request (asking.c, leg.c, engine.c):
 *  - engine_request(): who asks, decode, may he, does it add up, where to, encode
 *  - records accepted + sending go to the keeper                      ADMITTING
 *  - DOWN_ADMITTED: durable; the leg leaves                           OUT
 *  - the answer is read; outcome + answered go to the keeper          ENDING
 *  - DOWN_DURABLE: the origin hears                                   FLUSHING
 *  - no answer: the outcome is unknown, the keeper makes a follow-up  WAITING
 *  - DOWN_STORED: found out; the origin hears, if it still waits      FLUSHING
 * A lease (resolve.c) finds out one unknown outcome, step by step, each step durable before it leaves.
 * Where a codec is slow, decoding and encoding stand between these as jobs of another thread (call.c). */
#ifndef YT_ENGINE_ENGINE_H
#define YT_ENGINE_ENGINE_H

#include "journal/exchange.h"
#include "journal/talk.h"
#include "message/enrolment.h"
#include "yitong/plugin.h"

/* A codec as configured: its table and its instance. */
struct engine_codec {
	const struct yt_codec_api *api;
	struct yt_plugin *plugin;
};

enum { ENGINE_TELLERS = 4 };

struct engine_party {
	const char *name;
	const char *told_by[ENGINE_TELLERS]; /* the parties that tell of what this one was asked, too; NULL: no more */
	void *owner;                         /* the world's own, for send() */
	struct engine_codec codec;
	int64_t query_timeout_ms, change_timeout_ms;
	int64_t late_ms;          /* its connection stays open so long after a time-out ... */
	int64_t server_delay_ms;  /* ... and once that is gone a lost call may still take effect so long */
	int64_t quote_timeout_ms; /* how long a pre-settlement waits for its quote at most ... */
	uint32_t quote_failures;  /* ... after so many without one, running, it is not asked any more ... */
	int64_t quote_pause_ms;   /* ... but once in so long */
	bool by_list;             /* who is not on its enrolment list is no customer of its (enrolled.c) */
};

/* A flow: the steps that one request needs at several parties, one after the other, each durable before it leaves
 * and undone if a later one is refused (flow.c).  A party may stand in it more than once. */
struct engine_flow_step {
	const struct engine_party *party;
	enum yt_operation op;  /* YT_OP_COUNT: the request's own */
	const char *unless;    /* left out where the case has this fact already; NULL: always done */
	bool is_kept;          /* nothing undoes it, or nothing needs to */
	const char *only_with; /* left out where the case does not have this fact; NULL: always done */
	const char *equals;    /* ... or has it with another value; NULL: any will do */
};

struct engine_flow {
	const char *name;
	struct engine_flow_step steps[REC_STEPS_MAX];
	unsigned n;
	unsigned answer; /* the step whose answer the origin hears, from 1 */
};

/* Where a route leads. */
struct engine_way {
	const char *rule;                 /* its name */
	const struct engine_flow *flow;   /* NULL: to the party alone; else the party is that of its first step */
	const struct engine_flow *then;   /* what follows once a settlement is done; NULL: nothing */
	const struct engine_flow *tells;  /* what tells the end of a list of payouts to who ordered it; NULL: nothing */
	bool stays_here;                  /* a payout, a settlement told: kept here, `then` pays or claims it */
	const struct engine_party *quote; /* who is asked what it would pay after a pre-settlement; NULL: nobody */
	const char *quote_member;         /* the member of the answer's business part that shows it */
	const struct engine_party *one_stop; /* who decides the claim that `then` hands in before a settlement's origin
	                                        hears, and pays the institution; NULL: nobody */
	const char *one_stop_member;
};

/* An account of ours from which payments leave at a party, a bank (flow_pay.c).  Texts may be NULL where they say so.
 */
struct engine_payer {
	const char *party, *pay_type;    /* CL, MA, HS, IN */
	const char *insurer;             /* only what that party, an insurer, has decided; NULL: whatever is paid */
	const char *account, *name;      /* its number and holder */
	const char *bank_no, *bank_name; /* NULL */
	const char *behalf_name;         /* for whom we pay; NULL */
	const char *purpose;             /* shows on the payee's statement; NULL: the payout says it itself */
	int64_t order_limit_fen;         /* what one payment may have at most, whoever releases it; 0: no limit */
	int64_t day_limit_fen;           /* what it pays in a day; 0: no limit */
	int64_t account_day_limit_fen;   /* what one payee's account gets in a day; 0: no limit */
	const char *payer;               /* its name in the configuration; NULL only without limits of a day */
	bool looks_at_unchecked;         /* people release a claim's payment to an account that no bank has checked */
};

/* Which payments leave without anybody's looking at each. */
struct engine_release {
	const char *pay_type;
	int64_t most_fen;
	uint32_t to_day; /* yyyymmdd in business time, the last one */
};

/* An account whose entries a party is asked for (statement.fetch; fetch.c), or an insurer that is asked for the claims
 * of days that are over (claim.statement). */
#define ENGINE_FETCH_TIMES 8
struct engine_fetch {
	const struct engine_party *party;
	const struct engine_origin *origin;  /* the party itself, which tells what it was asked */
	const char *account;                 /* NULL: claims */
	uint16_t at_min[ENGINE_FETCH_TIMES]; /* minutes after midnight, business time */
	uint32_t n_at;
	uint32_t days; /* that are over and not had yet: at most so many, at the start too */
};

enum engine_unknown_style { ENGINE_HOLD, ENGINE_SILENCE, ENGINE_CODE };

struct engine_origin {
	const char *name;
	const char *party; /* that it is, as which it tells things unasked; NULL: none */
	enum engine_unknown_style unknown_style;
	int64_t timeout_ms;   /* how long it waits for an answer of ours */
	char unknown_code[8]; /* ENGINE_CODE: the agreed code, never 0 and never negative */
};

struct engine_institution {
	const char *code, *name, *area;
	bool signs_in_itself;                    /* sign_in: pass */
	const char *operator_id, *operator_name; /* for messages of our own in its name */
	uint32_t from_day,
	        to_day;    /* yyyymmdd in business time, both included; 0: open.  Outside, new requests are refused */
	const char *level; /* hosp_lv; NULL: not known */
};

struct engine_conf {
	/* Who a certificate subject or a signature's caller id is; NULL: nobody we know. */
	const struct engine_origin *(*origin_by_subject)(void *ctx, struct yt_str subject);
	const struct engine_origin *(*origin_by_caller)(void *ctx, struct yt_str caller, struct yt_str *key);
	bool (*speaks_for)(void *ctx, const struct engine_origin *origin, const struct yt_msg *msg);
	const struct engine_institution *(*institution)(void *ctx, struct yt_str code);
	/* First matching route; NULL: none, and way is not touched. */
	const struct engine_party *(*route)(void *ctx, const struct yt_msg *msg, const struct engine_origin *origin,
	        const char *listener, struct engine_way *way);
	/* A flow by the name the journal kept; NULL: not configured any more, or there are none. */
	const struct engine_flow *(*flow)(void *ctx, const char *name);
	/* Whether later messages of this case may need what this one carries; insured: the area that the message or
	 * its answer names.  NULL: never. */
	bool (*keeps_facts)(void *ctx, const struct yt_msg *msg, struct yt_str insured);
	const struct engine_party *(*party)(void *ctx, const char *name);
	/* The codec of a listener, by the name the journal kept. */
	const struct engine_codec *(*listener)(void *ctx, const char *name);
	void *ctx;
	uint32_t serial_from, serial_to; /* reserved block: an origin that uses it is refused */
	uint32_t exchanges;              /* at once in this worker */
	uint32_t list_rows;              /* payouts of one list; 0: any */
	size_t message_bytes;            /* that one message's trees may take; 0: any */
	uint32_t statement_lines;        /* of one notice; 0: any */
	uint32_t lines_at_once;          /* ... that are told to the keeper in one message; 0: as many as is good */
	int64_t retry_ms, retry_max_ms, park_after_ms;
	int64_t follow_up_retry_max_ms, follow_up_park_after_ms; /* the same where nobody waits for the answer */
	const struct engine_payer *payers;                       /* the first that fits counts */
	const struct engine_release *releases;
	uint32_t n_payers, n_releases;
	const struct engine_fetch *fetches; /* of this worker: one of all has them */
	uint32_t n_fetches;
	int64_t pay_ask_max_ms; /* longest pause between two questions about a payment; 0: yt_pay_ask_after_ms() alone
	                         */
	int64_t pay_absent_gap_ms; /* so far apart are two answers "not found" that prove it; 0: the 5 minutes of
	                              bank.md */
	uint32_t busy_tries;       /* how often a leg that was refused for now leaves once more; 0: never ... */
	int64_t busy_retry_ms;     /* ... first after this pause, doubled with each */
	int64_t margin_ms;         /* kept of the origin's time for our own answer */
};

/* One call of a slow codec's function (yt_codec_api.is_slow), to be made in another thread.  All that it reads and
 * writes is nobody else's until engine_coded(). */
struct engine_job {
	struct engine_codec codec;
	const char *what; /* the function; with exchange and octets for the black box */
	uint64_t exchange;
	struct yt_str octets;
	bool is_new;             /* of a request that may still be turned away */
	struct engine_job *next; /* the world's own */
};

struct engine_world {
	void *ctx;
	int64_t (*wall_ms)(void *ctx);
	int64_t (*mono_ms)(void *ctx);
	void (*random)(void *ctx, void *out, size_t n);
	/* Puts a message on the ring; talk->seq is the engine's.  YT_ENOSPC: full, try later. */
	int (*submit)(void *ctx, const struct talk *talk);
	/* Sends body, which is a transaction wire_op of its format, to a party; ends in engine_leg(leg). */
	void (*send)(void *ctx, const struct engine_party *party, uint64_t leg, struct yt_str wire_op,
	        struct yt_str body, int64_t deadline_ms);
	void (*answer)(void *ctx, uint64_t token, int status, const char *content_type, struct yt_str body);
	/* The same with status and header fields of the format's own (yt_codec_api.http_reply).  May be NULL: answer()
	 * is called.  is_asked: it was a request of somebody we know. */
	void (*answer_http)(
	        void *ctx, uint64_t token, const struct yt_http *answer, const char *content_type, bool is_asked);
	/* May be NULL.  Before answer() or answer_http() with status 200: what that answer says, for transports that
	 * act by it; text for people.  YT_UNKNOWN, and other statuses: nothing was decided, the same may come again. */
	void (*verdict)(void *ctx, uint64_t token, enum yt_outcome outcome, struct yt_str text);
	void (*drop)(void *ctx, uint64_t token); /* closes without an answer */
	/* Keyed hash of a person number (16 bytes): what the journal may know of him (P9). */
	void (*person)(void *ctx, struct yt_str person, uint8_t out[16]);
	/* May be NULL: there is no list.  Whether the paper of that number is on the enrolment list of a party with
	 * by_list, and the day (calendar_day()) that list is of. */
	enum enrolment_state (*enrolled)(
	        void *ctx, const struct engine_party *party, struct yt_str certno, bool *is_on, int64_t *day);
	/* The black box: what is handed to which plugin function, before it is; what NULL: it came back. */
	void (*box)(void *ctx, const char *plugin, const char *what, uint64_t exchange, struct yt_str octets);
	/* May be NULL.  A request was answered, or its connection dropped, so long after it came. */
	void (*told)(void *ctx, const char *listener, const struct yt_op *op, bool is_answered, int64_t took_ms);
	/* These octets killed a worker a while ago (P8). */
	bool (*quarantined)(void *ctx, struct yt_str octets);
	/* May be NULL.  An operator has stopped the party's lane: nothing new leaves for it. */
	bool (*stopped)(void *ctx, const struct engine_party *party);
	/* May be NULL: slow codecs are called like all others.  Takes a job: engine_job_run() elsewhere, one at a time
	 * and in order for each instance, then engine_coded() here, not from inside this call.  YT_ENOSPC: it is new,
	 * and too many wait. */
	int (*run)(void *ctx, struct engine_job *job);
};

/* Tokens of requests that the engine makes of what it fetched: nobody is to be answered (fetch.c). */
#define ENGINE_TOKEN_FETCHED (1ull << 63)

struct engine;
struct engine *engine_new(const struct engine_conf *conf, const struct engine_world *world);
void engine_free(struct engine *engine); /* when no job is running any more */

struct engine_request {
	uint64_t token;       /* names the connection's request; not 0 */
	const char *listener; /* outlives the engine */
	struct engine_codec codec;
	bool by_certificate;                /* subject says who; else the header signature */
	const struct engine_origin *origin; /* it is known by the way it came, so neither says who; else NULL */
	struct yt_str method, subject, path;
	struct yt_str peer; /* address:port, for the log */
	const struct yt_header *headers;
	size_t n_headers;
	struct yt_str body; /* borrowed until engine_request() returns */
};

/* For what a codec is asked about octets before they are a request: the number they are parked under should it die of
 * them, and whether it did before. */
uint64_t engine_next_id(const struct engine *engine);
bool engine_is_poison(const struct engine *engine, struct yt_str octets);
/* While world.send() runs: the traceparent of that leg (trace.h); empty: it belongs to no request. */
const char *engine_traceparent(const struct engine *engine);
void engine_start(struct engine *engine);       /* says hello to the keeper */
bool engine_is_up(const struct engine *engine); /* the keeper has welcomed us: doors may open */
void engine_request(struct engine *engine, const struct engine_request *request);
void engine_gone(struct engine *engine, uint64_t token);    /* nobody waits for it any more */
void engine_flushed(struct engine *engine, uint64_t token); /* the answer was taken whole */
void engine_talk(struct engine *engine, const struct talk *talk);
void engine_job_run(struct engine_job *job);                      /* in any thread */
void engine_coded(struct engine *engine, struct engine_job *job); /* it has run; it is gone after this */

enum engine_leg_end { LEG_NOT_SENT = 1, LEG_ANSWERED, LEG_LOST, LEG_TIMED_OUT };
/* How a leg ended; late: an answer after LEG_TIMED_OUT. */
void engine_leg(struct engine *engine, uint64_t leg, enum engine_leg_end end, int status, struct yt_str body,
        const char *why, bool late);
/* Deadlines; returns the monotonic time of the next call, -1 for none. */
int64_t engine_tick(struct engine *engine);
/* No new leases are taken to heart, nothing new comes in; true when nothing is left. */
bool engine_is_idle(const struct engine *engine);

struct engine_counts {
	uint64_t requests, answered, refused, reads, unknown, leases, in_flight;
	uint64_t quotes, quotes_missed;       /* insurers asked; pre-settlements answered without what one would pay */
	uint64_t one_stops, one_stops_missed; /* settlements that waited for a decision; answered without one */
	uint64_t dropped; /* reads and refusals that are not in the journal, as nothing fitted on the ring */
};
void engine_count(const struct engine *engine, struct engine_counts *counts);

#endif
