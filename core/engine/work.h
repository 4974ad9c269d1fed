/* core/engine/work.h - what the engine's own files share; nobody else includes it.
 *
 * asking.c takes requests (whole.c those that are signed whole), leg.c the ends of legs, engine.c verdicts and time;
 * all three call work.c.  resolve.c works leases off, flow.c those of flows, and session.c gets sign_no.  cross.c and
 * facts.c say a message in another format. Below them call.c calls the codecs, here or in another thread, written.c
 * builds the records, outbox.c brings messages to the keeper. */
#ifndef YT_ENGINE_WORK_H
#define YT_ENGINE_WORK_H

#include <uthash.h>

#include "engine/engine.h"
#include "engine/trace.h"
#include "engine/facts.h"
#include "engine/texts.h"

enum work_state {
	WORK_CODING,      /* a slow codec reads or writes for it in another thread; at first: its request */
	WORK_SIGNING,     /* waits for a sign_no (sign_in: own) */
	WORK_FACTS,       /* waits for case facts: it goes to a party of another format */
	WORK_ADMITTING,   /* accepted + sending are on their way to the disk */
	WORK_OUT,         /* its leg may have left */
	WORK_PAUSED,      /* its party refused it for now: it leaves once more at resume_mono (again.c) */
	WORK_AGAIN,       /* that refusal and the next sending are on their way to the disk */
	WORK_ENDING,      /* outcome + answered are on their way to the disk */
	WORK_WAITING,     /* its own outcome, or that of the same message, is being found out */
	WORK_CLAIMED,     /* its answer is kept; waits for what an insurer decides about its claim (one_stop.c) ... */
	WORK_AMENDING,    /* ... which now stands in the answer, on its way to the disk */
	WORK_QUOTE_FACTS, /* its answer is there; waits for the facts of which an insurer is asked (quote.c) ... */
	WORK_QUOTE_OUT,   /* ... and for what that says */
	WORK_GIVING,      /* the answer, on which nothing in the journal depends any more, is being written */
	WORK_FLUSHING     /* the answer was handed to the connection */
};

/* One request at this worker. */
struct work {
	uint64_t id;      /* exchange, and its main leg */
	uint64_t token;   /* who waits; 0: nobody any more */
	uint64_t seq;     /* ring message whose verdict is awaited */
	uint64_t follows; /* the exchange whose answer it waits for */
	enum work_state state;
	struct yt_arena *arena;
	struct yt_msg *msg;
	struct yt_msg *outward;                /* as its party is asked: msg, or composed for another format */
	const struct engine_flow *flow, *then; /* what it goes by; what follows it */
	const struct engine_flow *tells;       /* of a list of payouts: by what its end is told ... */
	const struct yt_node *row;             /* ... which of them is being tried, ... */
	struct yt_arena *row_arena;            /* ... in memory of its own; NULL: none was */
	const struct engine_origin *origin;
	const struct engine_party *party;
	struct engine_codec codec;
	const char *listener;
	struct yt_str key;           /* name of the origin's secret; empty: it came by a certificate */
	enum yt_outcome told;        /* what its answer says ... */
	struct yt_str told_text;     /* ... and why, for people */
	struct yt_str request;       /* octets as they came, in arena */
	struct yt_str subject, peer; /* who asked, until the request is decoded */
	struct call *call; /* that is out; what the keeper says waits for it, and nothing of this may be touched */
	struct yt_buf sent, reply;
	struct yt_buf ending; /* the records of WORK_ENDING, of WORK_PAUSED and WORK_AGAIN */
	uint8_t digest[32];
	char trace[9];
	char trace_id[33];             /* it came with; else empty */
	const struct session *signing; /* what WORK_SIGNING waits for */
	struct yt_str unless_known; /* why it is refused if the keeper knows of no answer to it; .p NULL: it is not */
	bool joins_only;    /* a reversal of what went to another format: it joins that, or has nothing to undo */
	bool lacks_sign_no; /* we could not sign in for it: it does not leave */
	bool is_stopped;    /* an operator has stopped its party's lane: it does not leave */
	bool asked_twice;   /* a query whose first answer was lost */
	bool is_file;       /* its answer is a file and no message of the format */
	bool is_final;      /* the answer in reply is the stored one: its delivery counts */
	int64_t begun_mono, hold_until, leg_mono;
	const struct engine_party *insurer;  /* who is asked what it would pay, or pays; NULL: nobody */
	const char *quote_member;            /* under which its origin finds that */
	struct yt_reply *quoted;             /* the platform's answer meanwhile */
	struct yt_msg *quote;                /* what the insurer was asked */
	int64_t quote_until;                 /* monotonic */
	uint64_t claim;                      /* the follow-up that is its claim; 0: it waits for none */
	bool claim_is_heard, claim_is_shown; /* its insurer said something; it decided, and that stands in quoted */
	struct yt_reply *refusal;            /* what its origin hears if it does not leave again */
	size_t refusal_bytes;                /* of ending: the outcome that says so */
	int64_t resume_mono;
	uint32_t tries; /* how often it left once more */
	UT_hash_handle hh_id, hh_seq, hh_token;
};

enum call_function {
	CALL_DECODE_REQUEST,
	CALL_ENCODE_REQUEST,
	CALL_DECODE_REPLY,
	CALL_ENCODE_REPLY,
	CALL_REPEAT_REPLY
};

/* One call of a codec's function that may be slow. */
struct call {
	struct engine_job job; /* first: this is what the world gives back */
	enum call_function function;
	struct work *w; /* whose it is: one of the two */
	struct task *t;
	void (*then)(struct engine *e, struct call *c); /* what goes on after it; c is gone when that returns */
	struct yt_msg *msg;
	struct yt_reply *reply;
	bool is_bare;            /* a request that is a path alone: job.octets is that, there is nothing to read */
	struct yt_buf *out, own; /* out NULL: own */
	struct yt_str stored, number;
	int64_t wall_ms;
	int status, rv; /* rv YT_ENOSPC: it was not called, too many wait */
	struct yt_fault fault;
	/* For then() alone: how the leg ended whose answer this is about, the step of a flow. */
	struct yt_str body;
	enum engine_leg_end end;
	bool late;
	unsigned flags, step;
	int64_t took_ms;
};

enum { NUMBERS_OF_LEASE = 4 }; /* of our own, that come with one: keeper_parts.h, NUMBERS_PER_LEASE */

enum task_state { TASK_CODING, TASK_FACTS, TASK_SIGNING, TASK_STEPPING, TASK_OUT, TASK_RETURNING };

/* One lease at this worker. */
struct task {
	uint64_t id; /* the exchange */
	uint64_t seq;
	enum task_state state;
	struct call *call; /* as a work's */
	struct exchange x;
	struct yt_arena *arena;
	struct yt_msg *original, *own; /* what was asked; the message of ours that is out */
	struct yt_msg *outward;        /* original as its party was asked: itself, or composed for another format */
	struct flow_run *run;          /* of an exchange that goes by a flow */
	struct engine_codec codec;     /* the origin's */
	const struct engine_party *party;
	enum yt_resolve method;
	enum rec_leg leg;
	struct yt_str request, sent;   /* octets of the original as they came, and as they went to the party */
	struct yt_str result;          /* of the target, for a joined reversal */
	struct yt_buf octets;          /* of the leg of ours */
	struct yt_buf receipt;         /* records about legs of this lease, waiting to be returned */
	const struct session *signing; /* what TASK_SIGNING waits for */
	char sign_no[40];
	bool sign_no_died;
	bool octets_expired; /* the original's octets carry a sign_no that is not taken any more */
	int64_t second, elapsed_ms, quiet_ms, begun_mono, leg_mono;
	uint32_t serial, used;
	UT_hash_handle hh_id, hh_seq;
};

struct session {       /* sign_no of an operator, as this worker knows it; the keeper's counts */
	char key[128]; /* party | institution | operator */
	char sign_no[40];
	int64_t day;
	bool asked;
	uint64_t seq;
	int64_t second; /* number granted for signing in */
	uint32_t serial;
	struct yt_arena *arena; /* of the sign-in that is out */
	struct yt_msg *sign_in;
	UT_hash_handle hh;
};

struct outgoing { /* a ring message that did not fit yet */
	struct talk talk;
	struct yt_buf payload;
	unsigned said_less; /* how often it was cut, since no ring can hold it */
	struct outgoing *prev, *next;
};

/* What a request leaves to the next one, empty.  A settlement takes some 40 KB, so all of it is a few MB at most.  Not
 * struct work itself: what is used after its end is to be found by the tools that look for it. */
struct work_memory {
	struct yt_arena *arena;
	struct yt_buf sent, reply, ending;
};

enum { WORK_MEMORIES = 128 };

struct engine {
	char traceparent[TRACE_PARENT_LEN + 1]; /* while world.send() runs */
	struct engine_conf conf;
	struct engine_world world;
	uint32_t incarnation;
	uint64_t hello_seq;
	struct yt_pace denials, refusals; /* lines about who may not, and about what was refused otherwise */
	struct yt_pace doubtful;          /* lines about accounts and banks that may be mistyped */
	uint32_t counter;
	uint32_t numbers; /* of our own given out, at parties whose format has no sign-ins */
	uint64_t seq;
	struct work *by_id, *by_seq, *by_token;
	struct task *tasks, *tasks_by_seq;
	struct session *sessions;
	struct outgoing *outbox;
	struct outgoing *held; /* what the keeper said about works and leases with a call out */
	struct yt_arena *spare[32];
	uint32_t n_spare;
	struct work_memory spare_memory[WORK_MEMORIES]; /* of requests that ended, for the next ones */
	uint32_t n_spare_memory;
	struct quoter *quoters; /* how insurers did lately (quote.c) */
	struct fetch *fetches;  /* as many as conf.n_fetches (fetch.c) */
	struct yt_buf records;  /* being put together, empty in between: engine_submit() takes a copy */
	struct yt_buf head;     /* headers of a signed request, for the black box */
	struct engine_counts counts;
};

#define FLOW_HANDED_OVER "handed over" /* kept as what a party said when it took a file, and said nothing */

#define LEG_OF_TASK (1ull << 63)    /* leg ids: a work's is its id, a lease's has this bit ... */
#define LEG_OF_SESSION (1ull << 62) /* ... and a sign-in's this one, with its granted serial below ... */
#define LEG_OF_FETCH (1ull << 61)   /* ... and a question for entries this one, with which below (fetch.c) */

/* outbox.c */
/* Puts a message on the ring, or in the outbox behind those that wait; returns its seq.  A note of a read or a
 * refusal never waits: it is dropped and counted. */
uint64_t engine_submit(struct engine *e, enum talk_kind kind, uint64_t exchange, struct yt_str payload);
uint64_t engine_submit_records(struct engine *e, enum talk_kind kind, uint64_t exchange); /* e->records, empty then */
void engine_empty_outbox(struct engine *e);

/* engine.c */
int64_t engine_mono(const struct engine *e);
int64_t engine_wall(const struct engine *e);
void engine_cannot_ask(struct engine *e, uint64_t seq);                        /* an admission that no ring can hold */
void engine_sessions_changed(struct engine *e, const struct session *session); /* a sign_no came, or could not be had */

/* work.c */
struct work *work_new(struct engine *e, const struct engine_request *r);
uint64_t work_take_id(struct engine *e);
uint64_t work_next_id(const struct engine *e); /* of the request that comes next, before it is decoded */
void work_free(struct engine *e, struct work *w);
void works_free_memory(struct engine *e);
void work_forget_token(struct engine *e, struct work *w); /* nobody waits any more */
void work_forget_seq(struct engine *e, struct work *w);
void work_await(struct engine *e, struct work *w, uint64_t seq); /* the verdict about that ring message */
/* Hands the octets to the connection; the work ends when they are taken, or now when nobody waits. */
void work_give(struct engine *e, struct work *w, struct yt_str octets);
void work_give_reply(
        struct engine *e, struct work *w, struct yt_reply *reply); /* nothing in the journal depends on it */
/* Refused before anything was sent: noted, not waited for. */
void work_refuse(struct engine *e, struct work *w, enum text_id id, struct yt_str detail);
/* Whether its origin has an answer: result NULL, it was taken whole; "missed": surely not. */
void work_note_delivery(struct engine *e, uint64_t exchange, const char *result);

/* asking.c */
bool notice_is(enum yt_operation op); /* something that a party tells us unasked: notice.c */
/* It has more lines than limits.statement_lines: *fault says so, and what to do. */
bool notice_is_too_long(const struct engine *e, const struct yt_msg *notice, struct yt_fault *fault);
/* Some of its lines are told, the keeper has them on disk, and there may be more; false: t is of no notice. */
bool notice_go_on(struct engine *e, struct task *t);
/* The same lines once more, to a keeper after the one that was told; false: t is of no notice. */
bool notice_say_again(struct engine *e, struct task *t);
/* The order that follows from a payout, as its flow will make it, but for its numbers: pay.c.  NULL with *fault: that
 * can never be sent.  *bank: who gets it. */
struct yt_msg *pay_order_try(
        struct engine *e, const struct work *w, const struct engine_party **bank, struct yt_fault *fault);
void asking_send(struct engine *e, struct work *w);      /* the leg leaves */
void asking_admission(struct engine *e, struct work *w); /* asks the keeper whether it may leave */
void asking_go(struct engine *e, struct work *w);        /* encodes for the party; a query leaves at once */
void asking_go_unsigned(struct engine *e, struct work *w);
/* The institution's sign_no is in the message, or the institution brings its own; false: WORK_SIGNING now. */
bool asking_is_signed(struct engine *e, struct work *w, const struct engine_institution *institution);

/* whole.c */
/* Checks what a request is signed with: over its header fields alone, or over all of it. */
int whole_verify(struct engine *e, const struct engine_request *r, struct yt_str key, struct yt_fault *fault);
/* What is kept away if it kills a worker: the body, of a GET its path. */
struct yt_str whole_octets(const struct engine_request *r);
/* A method that the listener's format has. */
bool whole_has_method(const struct engine_request *r);
/* Nobody is believed to have asked: the format's own refusal, where it has one.  fault: as http_verify left it; key:
 * empty when the caller is not known. */
bool whole_deny(struct engine *e, const struct engine_request *r, struct yt_str key, const struct yt_fault *fault);
/* Hands an answer to the connection; false: it cannot be said, nobody has it. */
bool whole_answer(struct engine *e, struct work *w, struct yt_str octets);

/* again.c */
/* Begins the pause after which a refused leg leaves once more, with another number; false: it does not. */
bool again_begin(struct engine *e, struct work *w, const struct yt_reply *reply, struct yt_str body, int64_t took_ms);
void again_tick(struct engine *e, struct work *w); /* WORK_PAUSED: is the pause over? */
void again_end(struct engine *e, struct work *w);  /* it stays refused */
/* The same for a step of a flow.  The pause, or -1: its origin waits no more, or not long enough, or it was sent
 * often enough. */
int64_t again_pause(struct engine *e, const struct task *t, const struct yt_reply *reply);
/* Our words for a refusal that holds only for now; the party's code stays. */
void again_say(struct yt_reply *reply, const char *trace);

/* fetch.c */
void fetches_begin(struct engine *e);
void fetches_free(struct engine *e);
/* Asks for what is due, and sees what became of what was handed in; returns the monotonic time of the next call, -1:
 * nothing is fetched here. */
int64_t fetches_tick(struct engine *e);
void fetch_leg(
        struct engine *e, uint64_t leg, enum engine_leg_end end, int status, struct yt_str body, const char *why);

/* quote.c */
/* An insurer is asked before its origin hears this answer; false: there is none to ask. */
bool quote_begin(struct engine *e, struct work *w, struct yt_reply *answer);
void quote_go(struct engine *e, struct work *w, const struct talk *talk); /* DOWN_FACTS */
void quote_leg(struct engine *e, struct work *w, enum engine_leg_end end, int status, struct yt_str body);
void quote_tick(struct engine *e, struct work *w); /* WORK_QUOTE_FACTS, WORK_QUOTE_OUT: is its time over? */
void quotes_free(struct engine *e);
/* Whether an insurer is asked at all just now, and how it did: it is not, after several failures running. */
bool quote_is_open(struct engine *e, const struct engine_party *insurer);
void quote_note(struct engine *e, const struct engine_party *insurer, bool has_answered);
/* Puts members of what it said beside the platform's, with what is left to collect; false: it is not believed. */
bool quote_show(struct work *w, const struct yt_node *said, const char *const *members, size_t n);

/* one_stop.c */
/* An insurer is asked to decide before the origin of this settlement hears this answer. */
bool one_stop_may(struct engine *e, struct work *w, const struct yt_reply *answer, unsigned flags);
/* DOWN_DURABLE of that answer: waits for the decision; false: there is none to wait for any more. */
bool one_stop_wait(struct engine *e, struct work *w);
bool one_stop_is_awaited(const struct engine *e, const struct task *t); /* the claim that this lease hands in */
void one_stop_heard(struct engine *e, const struct task *t, const struct yt_reply *reply); /* the claim's answer */
/* That lease has put something on the ring: the decision, or that there is none now. */
void one_stop_go_on(struct engine *e, const struct task *t);
void one_stop_tick(struct engine *e, struct work *w); /* WORK_CLAIMED: is its time over? */

/* enrolled.c.  The party keeps no list, or has him on a current one; before a quote or a decision is asked for. Neither
 * the list nor the person's number known: he is not. */
bool enrolled_is(struct engine *e, const struct engine_party *party, const struct facts *facts);

/* codec.c */
struct yt_arena *engine_arena(struct engine *e);
void engine_arena_back(struct engine *e, struct yt_arena *arena);
const struct yt_wire_op *codec_wire_op(const struct engine_codec *codec, struct yt_str wire);
/* Every call of a plugin's function stands between these two, so that it is known what killed a worker (P8): an
 * exchange that is parked for it, and octets that are kept away.  Those are the request, or what was handed to
 * decoding; before there is a message, its headers; for a sign-in, whose it is.  exchange 0: nobody waits for the
 * sign-in any more. */
void engine_box(
        struct engine *e, const struct engine_codec *codec, const char *what, uint64_t exchange, struct yt_str octets);
void engine_unbox(struct engine *e);
/* world.send() for that exchange, whose request is in the black box while the codec signs and finds the path. */
/* Nothing new may leave for it: see engine_world.stopped. */
bool engine_is_stopped(const struct engine *e, const struct engine_party *party);
void engine_send(struct engine *e, const struct engine_party *party, uint64_t leg, uint64_t exchange,
        struct yt_str request, struct yt_str wire_op, struct yt_str body, int64_t deadline_ms);
/* A refusal of our own words. */
struct yt_reply *engine_refusal(struct yt_arena *arena, enum text_id id, struct yt_str detail, const char *trace);
/* Institution + second + serial: a message number of ours. */
struct yt_str engine_number(struct yt_arena *arena, struct yt_str institution, int64_t second, uint32_t serial);

/* call.c */
/* Calls to be given to call_begin(), with whose they are (w or t) and then filled in.  octets or request: what is kept
 * away if the call kills the worker.  out: NULL is c->own.  What is passed must live until then(). */
struct call call_decode_request(
        const struct engine_codec *codec, struct yt_msg *msg, uint64_t exchange, struct yt_str octets);
struct call call_encode_request(const struct engine_codec *codec, struct yt_msg *msg, uint64_t exchange,
        struct yt_str request, struct yt_buf *out);
struct call call_decode_reply(const struct engine_codec *codec, struct yt_msg *msg, uint64_t exchange, int status,
        struct yt_str octets, struct yt_reply *reply);
/* The answer in the origin's format; out is empty if that fails: its outcome stands all the same, but no octets can
 * tell it. */
struct call call_encode_reply(struct engine *e, const struct engine_codec *codec, struct yt_msg *msg,
        struct yt_reply *reply, uint64_t exchange, struct yt_str request, struct yt_buf *out);
/* The stored answer once more, as a repeat, into w->reply. */
struct call call_repeat_reply(struct engine *e, struct work *w, struct yt_str stored);
/* then() is called from inside, unless the codec is slow. */
void call_begin(struct engine *e, struct call *c);
void call_here(struct engine *e, struct call *c); /* at once, whatever the codec; nothing is called after it */
bool call_is_slow(const struct engine *e, const struct engine_codec *codec);
void call_free(struct call *c); /* one that is out, when the engine ends */

/* cross.c */
/* The code by which other formats know the institution: the one in force, where the message has an older one
 * (old_code). */
struct yt_str cross_institution(const struct engine *e, struct yt_str code);
/* What a party outside the platform does not know by the institution's code; in a message of a case (facts.h). */
void cross_name_institution(const struct engine *e, struct yt_str code, struct yt_msg *made);
/* The party's format is another than the one the request came in. */
bool cross_is_foreign(const struct engine_codec *codec, const struct engine_party *party);
/* Gives a message a number of ours: made by the party's codec of this worker's incarnation and count, or in the
 * institution's name where the format has sign-ins of institutions (second and serial were granted for it).  Both are
 * never given twice. */
void cross_number(struct engine *e, struct yt_msg *msg, const struct engine_party *party, uint64_t exchange,
        struct yt_str request, struct yt_str institution, int64_t second, uint32_t serial);
/* A number of ours in a codec's format; empty where it makes none. */
struct yt_str cross_made_number(struct engine *e, struct yt_arena *arena, const struct engine_codec *codec,
        uint64_t exchange, struct yt_str request);
/* The number under which a party knows a message of ours. */
struct yt_str cross_wire_number(const struct yt_msg *msg);
/* Asks the keeper for the facts of a message's case; DOWN_FACTS answers the seq returned. */
uint64_t cross_ask_facts(struct engine *e, uint64_t exchange, const struct yt_msg *msg);
/* The same, and for those under more keys, of which some may be empty. */
uint64_t cross_ask_facts_and(
        struct engine *e, uint64_t exchange, const struct yt_msg *msg, char keys[][FACTS_KEY_MAX], unsigned n_keys);
/* The answer to it, gathered for msg.  0, YT_EFORMAT, YT_ENOMEM. */
int cross_facts(struct yt_arena *arena, const struct talk *talk, const struct yt_msg *msg, struct facts *facts);
/* Sends a request on to a party of another format: asks for its case facts first, then composes it. */
void cross_begin(struct engine *e, struct work *w);
void cross_go(struct engine *e, struct work *w, const struct talk *talk);
/* What msg and its answer leave behind for later messages, if those may need it: a REC_FACTS record. */
void cross_keep_facts(struct yt_buf *out, struct engine *e, uint64_t exchange, const struct yt_msg *msg,
        const struct yt_reply *reply);
/* Its two halves: whether there is a need, and the record of a piece or an array of pieces.  One record a message. */
bool cross_keeps_facts(const struct engine *e, const struct yt_msg *msg, const struct yt_reply *reply);
void cross_write_facts(struct yt_buf *out, struct engine *e, uint64_t exchange, const struct yt_msg *msg,
        const struct yt_reply *reply, const struct yt_node *pieces);
/* The answer of a party of another format, for the origin: the visit's number as the origin knows it. */
void cross_give_back(const struct yt_msg *msg, struct yt_reply *reply);
/* A leg's octets as its party reads them: the message that was composed, after a crash.  then() asks cross_was_read()
 * for it, NULL: they cannot be read; step is its to use. */
void cross_read_back(struct engine *e, struct task *t, const struct engine_party *party, struct yt_str octets,
        unsigned step, void (*then)(struct engine *e, struct call *c));
struct yt_msg *cross_was_read(const struct call *c);

/* secrets.c */
/* Octets of a message that carries secrets (n_secrets), as they may be kept; empty: they cannot be read. */
struct yt_str secrets_out(struct engine *e, const struct engine_codec *codec, uint64_t exchange, struct yt_str request,
        struct yt_str wire_op, bool is_answer, struct yt_arena *arena, struct yt_str octets);

/* undo.c */
/* Fills the message that takes a known success back: the cancel of the same visit.  heard: its answer, NULL where
 * nobody has it.  YT_ENOTFOUND: there is none. */
int undo_of(
        const struct engine_codec *codec, const struct yt_msg *done, const struct yt_reply *heard, struct yt_msg *undo);
/* Whether undo_of() knows one for what was done. */
enum yt_operation undo_cancel_of(enum yt_operation op); /* YT_OP_COUNT: there is none */
bool undo_has_cancel(const struct engine_codec *codec, enum yt_operation op);
/* What an operation is called in a format; empty: it has no name there. */
struct yt_str undo_wire_op(const struct engine_codec *codec, enum yt_operation op);

/* flow.c */
extern const struct engine_flow flow_here; /* of no steps: what is asked stays here, as facts */
void flow_take(struct engine *e, struct task *t, const struct rec *lease); /* copies what its steps sent and got */
void flow_start(struct engine *e, struct task *t);
/* Into the record of its end: who has paid what its insurer decided, and how much; nothing where nobody decided. */
void flow_write_who_paid(struct task *t);
void flow_facts(struct engine *e, struct task *t, const struct talk *talk);
void flow_ask_facts(struct engine *e, struct task *t);
void flow_signed(struct engine *e, struct task *t, bool signed_in); /* a sign_no came or could not be had */
void flow_write_step(struct engine *e, struct task *t);
void flow_leg(struct engine *e, struct task *t, enum engine_leg_end end, struct yt_reply *reply, struct yt_str body);

/* session.c */
/* The sign_no of an operator at a party, or NULL: it is being asked for, *which it is, and
 * engine_sessions_changed() follows.  dead: a sign_no the party does not take any more, or NULL. */
const char *session_get(struct engine *e, const struct engine_party *party, struct yt_str institution,
        struct yt_str operator_id, const char *dead, const struct session **which);
/* A party does not take this sign_no any more: another one is asked for, unless it is there already. */
void session_died(struct engine *e, const struct engine_party *party, struct yt_str institution,
        struct yt_str operator_id, struct yt_str sign_no);
void session_talk(struct engine *e, const struct talk *talk);
void session_leg(struct engine *e, uint64_t leg, enum engine_leg_end end, int status, struct yt_str body);
void session_keep(struct engine *e, const struct engine_party *party, struct yt_str institution,
        struct yt_str operator_id, struct yt_str sign_no);
void sessions_again(struct engine *e); /* the keeper restarted: ask again */

/* pay_batch.c */
/* It has more payouts than limits.list_rows: *fault says so, and what to do. */
bool pay_batch_is_too_long(const struct engine *e, const struct yt_msg *list, struct yt_fault *fault);
const struct yt_node *pay_batch_first(const struct yt_msg *list); /* its first payout, the next is ->next; NULL: none */
/* The order of a list's payout as its bank would get it, in arena.  NULL: it cannot be ordered, *fault says why as of
 * one that came alone. */
struct yt_msg *pay_batch_order(struct engine *e, const struct work *w, struct yt_arena *arena,
        const struct yt_node *row, const struct engine_party **bank, struct yt_fault *fault);
void pay_batch_blame(struct yt_fault *fault, unsigned row); /* of an order: it becomes the row's, from 0 */
/* The case key of the list that a pay.batch.query asks about; empty: it names none. */
void pay_batch_key_asked(const struct yt_msg *query, char key[FACTS_KEY_MAX]);
/* What became of each payout of the list of these facts; NULL: they are of none. */
struct yt_node *pay_batch_answer(struct yt_arena *arena, const struct facts *facts);
/* pay_asked.c: people have decided what became of an agency's payout, or of a list: a piece of facts says so; of others
 * nothing. */
void pay_note_decided(struct engine *e, struct task *t);
void account_note_decided(struct engine *e, struct task *t); /* account.c: people ended the question about one */
/* What became of a list's payouts is told by a follow-up of its own, from the time when it was taken. */
void pay_batch_follow_end(struct engine *e, struct task *t);

/* pay_asked.c: an agency asks what became of its list, or of one order: answered here, from what the keeper tells. */
bool pay_is_asked(const struct yt_msg *msg);
void pay_ask(struct engine *e, struct work *w);
void pay_tell(struct engine *e, struct work *w, const struct talk *talk);

/* leg.c: an answer that does not add up is marked and told of (P4), whoever found it out; REC_X_MONEY_BREACH, or 0. */
struct breach_of {
	uint64_t exchange;
	const char *party;      /* for the log */
	const struct yt_op *op; /* what was asked */
	const char *trace;
};
unsigned engine_mark_breach(const struct breach_of *of, struct yt_arena *arena, struct yt_reply *reply);

/* written.c */
void written_accepted(struct yt_buf *out, struct engine *e, const struct work *w);
void written_sending(struct yt_buf *out, struct engine *e, const struct work *w);
void written_outcome(struct yt_buf *out, struct engine *e, uint64_t exchange, enum rec_leg leg,
        const struct yt_reply *reply, struct yt_str received, unsigned flags, int64_t took_ms);
/* The answer that came of a resolution, with the numbers, amounts and flags in it: no outcome of a main leg has them.
 */
void written_found_out(struct yt_buf *out, struct engine *e, uint64_t exchange, const struct yt_reply *reply,
        unsigned flags, struct yt_str octets);
struct follow_cause { /* what a settlement is followed for */
	uint64_t id;
	const char *then;                 /* the flow that follows; NULL or empty: nothing does */
	const struct engine_codec *codec; /* of the listener it came in by */
	const char *listener, *trace;
	struct yt_str request; /* its octets */
	bool is_one_stop;      /* its origin waits for what comes of it */
	bool is_listed;        /* a payout of a list that two people have released */
};

/* The accepted record of what follows from a settlement, where anything does: it is done, known by a number and its
 * sums hold (P4).  With the answered record, before it.  Returns its id; 0: nothing follows. */
uint64_t written_follow_up(struct yt_buf *out, struct engine *e, const struct follow_cause *cause,
        const struct yt_msg *msg, const struct yt_reply *reply);
/* The accepted record of what asks the money of t back: how much, of whose payment (a payout's number, or the insurer's
 * of the claim) and who paid it.  False: it has no number of its own, people must see to it. */
struct claim_back {
	int64_t fen;
	struct yt_str reference, paid_by;
};
bool written_claim_back(struct yt_buf *out, struct engine *e, const struct task *t, const struct claim_back *back);
void written_answered(
        struct yt_buf *out, struct engine *e, uint64_t exchange, const struct yt_reply *reply, struct yt_str octets);
void written_read(struct yt_buf *out, struct engine *e, const struct work *w, const struct yt_reply *reply);
void written_refused(
        struct yt_buf *out, struct engine *e, const struct work *w, const struct yt_reply *reply, struct yt_str reason);
void written_parked(struct yt_buf *out, struct engine *e, uint64_t exchange, const char *reason);
void work_digest(struct work *w);

/* resolve.c */
void task_start(struct engine *e, const struct talk *talk);
void task_verdict(struct engine *e, struct task *t, const struct talk *talk);
void task_leg(
        struct engine *e, struct task *t, enum engine_leg_end end, int status, struct yt_str body, const char *why);
void task_go_on(struct engine *e, struct task *t, bool signed_in); /* a sign_no came or could not be had */
void task_park(struct engine *e, struct task *t, const char *reason);
void task_give_back(struct engine *e, struct task *t); /* with what is in its receipt */
void task_go_on_in(struct engine *e, struct task *t, int64_t in_ms, const char *reason); /* under another lease */
/* Too early to prove anything: again when the party's longest delay has passed, as task_is_settled() says. */
void task_wait_until_settled(struct engine *e, struct task *t, const char *reason);
/* Until the next try, growing with jitter; -1: it was tried long enough. */
int64_t task_pause(struct engine *e, const struct task *t);
/* Its party's lane is stopped: the lease has gone back, to wait. */
bool task_is_stopped(struct engine *e, struct task *t);
bool task_is_follow_up(const struct task *t); /* nobody asked for it, nobody waits for its answer */
bool task_is_settled(const struct task *t);
void task_submit(struct engine *e, struct task *t, enum talk_kind kind, struct yt_str records);
void task_try_later(struct engine *e, struct task *t, const char *reason);
/* The same for what it may have waited for before: then the next pause is longer, whatever else this lease wrote. */
void task_still_waits(struct engine *e, struct task *t, const char *reason);
/* How a lease ends: the records that say so, the answer in the origin's format, and back. */
void task_resolve_done(struct engine *e, struct task *t, struct yt_reply *reply, const char *evidence);
void task_refuse_reversal(struct engine *e, struct task *t); /* it stands, whatever its origin wants */
void task_answer(
        struct engine *e, struct task *t, struct yt_reply *reply); /* no more than the answer: it was decided */
void task_answer_decided(struct engine *e, struct task *t);        /* in words of our own */
/* Its settlement is undone, and it was paid: that is edited by nobody (written_claim_back). */
void task_resolve_claimed_back(struct engine *e, struct task *t, struct yt_reply *reply);
void task_resolve_refused(struct engine *e, struct task *t, struct yt_reply *reply, const char *evidence);
void task_resolve_forsaken(struct engine *e, struct task *t);
void task_resolve_reversed(struct engine *e, struct task *t, const char *evidence);
void task_free(struct engine *e, struct task *t);
void tasks_again(struct engine *e); /* the keeper restarted: names what is held, asks again for what is waited for */

#endif
