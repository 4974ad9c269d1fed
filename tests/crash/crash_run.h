/* tests/crash/crash_run.h - the crash harness's parts.
 *
 *   crash_run.c      rounds: traffic, one act of violence, recovery, quiet, checks, one line each
 *   crash_world.c    starts and stops gateway, simulated platform and insurer, finds their processes, talks to
 *                    their control ports and to the yitong command
 *   crash_act.c      the acts: kills, stops, reload, deleted index, clock, nth write
 *   crash_traffic.c  hospitals: threads that register, bill, settle and cancel, and ask again
 *   crash_message.c  what they say, and the book of all they said and heard
 *   crash_orders.c   payouts of agencies, by all ways to the bank
 *   crash_books.c    the ledgers of platform, insurer and bank, asked for what changed
 *   crash_check.c    what must be true once it is quiet
 *   crash_claims.c   what follows from settlements at the insurer
 *
 * Everything lies in one folder (run/crash), which is left as evidence when a check fails. */
#ifndef CRASH_RUN_H
#define CRASH_RUN_H

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uthash.h>

#include "undo.h"

#define N_PERSONS 12

struct world {
	char dir[512];     /* absolute: .../run/crash */
	char journal[600]; /* the watched folder */
	char conf[600], state[600], index[600];
	const char *bin;   /* folder of the programs, absolute */
	const char *certs; /* absolute */
	const char *gateway_port, *intake_port, *decisions_port, *bank_port, *bank_iso_port, *bank_control_port,
	        *platform_port, *control_port, *insurer_port, *insurer_control_port;
	pid_t platform, insurer, bank, supervisor;
	struct undo_head *shim;
};

/* crash_world.c.  All that can fail print what and exit(2): the harness itself is broken then. */
void world_open(struct world *w, const char *bin);
void world_start_platform(struct world *w);
void world_start_insurer(struct world *w);
void world_start_bank(struct world *w);
void world_start_gateway(struct world *w);
/* Waits until the supervisor is gone and all its children too; how: 0 if it is already dying. */
void world_stop_gateway(struct world *w, int signal);
void world_close(struct world *w);
/* Child processes of the supervisor that run as role ("worker", "keeper"); returns how many. */
size_t world_children(const struct world *w, const char *role, pid_t *out, size_t max);
/* The control port: JSON or NULL; the caller's to decref. */
json_t *world_control(const char *method, const char *path, const char *body);
json_t *insurer_control(const char *method, const char *path, const char *body); /* the same of the insurer ... */
json_t *bank_control(const char *method, const char *path, const char *body);    /* ... and the bank */
/* Runs "yitong --conf CONF args"; its output, at most size - 1 bytes, in out; returns its exit status. */
int world_yitong(const struct world *w, const char *args, char *out, size_t size);
/* Open exchanges by the gateway's own count, without what follows from them (claims_check() waits for that); -1 while
 * it cannot tell. */
int64_t world_pending(const struct world *w);

int64_t now_ms(void);
void sleep_ms(int64_t ms);
uint64_t dice(void); /* seeded; main thread only */
void dice_seed(uint64_t seed);

/* crash_message.c */
enum message_state { MESSAGE_ASKING, MESSAGE_ANSWERED, MESSAGE_ABANDONED };

struct message {
	char msgid[40], infno[8], visit[40], batch[40], cancels[40]; /* cancels: msgid of the settlement */
	const char *hospital;                                        /* name of its certificate */
	char *body;
	enum message_state state;
	char *answer; /* the first whole answer that was no "not now" */
	int infcode;
	char settlement[40]; /* setl_id in the answer */
	int tries, round;
	bool is_told;      /* found wrong already: --go-on does not tell it again */
	json_t *booked;    /* the platform's row of it; NULL: none */
	bool is_cancelled; /* by a cancel that was answered with success */
	bool is_judged;    /* found right since the last of these changed */
	struct message *next;
	UT_hash_handle hh; /* by msgid */
};

/* The book of all messages, newest first; guarded by its lock. */
extern struct book_of_messages {
	pthread_mutex_t lock;
	struct message *newest, *by_msgid;
	size_t n_messages, n_registers;
} said;

struct hospital {
	const char *name, *institution;
	const char *insuplc; /* its patients' area: by which way the bank pays their claims (tests/crash/run) */
	int number;
	char person[40], certno[24];
	uint64_t random;
	void *curl;
	char error[300];
};

/* Who somebody is (1101): a query, not in the book; to be freed. */
char *message_person(struct hospital *h, const char *name);
struct message *message_register(const struct hospital *h);
struct message *message_describe(struct hospital *h, const char *visit);
struct message *message_fees(struct hospital *h, const char *visit, int64_t price_fen);
struct message *message_settle(struct hospital *h, const char *visit, const char *batch, int64_t amount_fen);
struct message *message_cancel(struct hospital *h, const struct message *settled);
struct message *message_numbered(const char *msgid); /* NULL: nobody sent that */
/* Takes the text of an answer into the message.  False: it is none, or says "not now", so ask again. */
bool message_answered(struct message *m, const char *text, size_t n);

/* crash_traffic.c */
extern volatile bool traffic_pauses; /* hospitals end their visit and wait */
extern int traffic_round;
void traffic_open(struct world *w);
void traffic_start(struct world *w, int n_hospitals);
/* Lets hospitals work on; or pauses them and waits until none is in a visit, at most limit_ms. */
void traffic_go(void);
bool traffic_pause(int64_t limit_ms);
void traffic_stop(void);
/* One message at once on a hospital's connection; returns the HTTP status, 0 when none came. */
long traffic_post(struct hospital *h, const char *body, int64_t timeout_ms, char **answer, size_t *n);
/* The same to another door; then this is where its messages go. */
long traffic_post_to(struct hospital *h, const char *port, const char *path, const char *body, int64_t timeout_ms,
        char **answer, size_t *n);
struct hospital *traffic_asker(const char *name); /* the main thread's own connection of a hospital */
/* n registrations at once whose legs hang at the platform; returns when ms have passed. */
void traffic_burst(int n, int64_t ms);
void traffic_burst_end(void); /* waits until all of them have ended */

/* crash_act.c */
struct act {
	const char *name;
	/* Does its harm; writes into note what exactly, for the line. */
	void (*run)(struct world *w, char *note, size_t size);
	/* Puts things right again after the gateway had a while: restart, clock.  May be NULL. */
	void (*mend)(struct world *w, char *note, size_t size);
};
extern const struct act acts[];
extern const size_t n_acts;

/* crash_books.c */
extern struct books {
	json_t *standing;         /* setl_id -> the platform's row of a settlement */
	json_t *unsent;           /* the same, of messages that no hospital sent */
	json_t *claims;           /* setl_id -> claimNo -> the insurer's row */
	json_t *payouts;          /* number -> the bank's row */
	json_t *told;             /* number -> what the insurer was told of a payment of ours */
	json_t *untold;           /* numbers of payouts that stand at the bank and of which it was told nothing */
	json_t *parked;           /* setl_ids for which people were asked what is to become of the claim */
	json_t *looked_up;        /* setl_id -> how its follow-up ended, asked of the gateway once */
	json_t *open_settlements; /* setl_ids and numbers that changed since they were found right */
	json_t *open_payouts;
	long long n_double, n_visits, n_bank_double;
	size_t n_repeated, n_conflicts;
} books;
/* What changed since it was called last; whole: everything anew. */
void books_refresh(bool whole);
const char *book_text(const json_t *row, const char *name); /* "" when there is none */
long long book_number(const json_t *row, const char *name);

/* crash_orders.c */
struct order {
	char number[31];
	long long fen;
	const char *face; /* the way it goes, in the bank's words */
	char *body;
	const char *asker; /* the hospital that orders it, traffic_asker() */
	bool is_told, is_refused, is_judged;
	UT_hash_handle hh; /* by number */
};
/* One of an agency, told until it is taken; any thread. */
void orders_tell(const struct world *w, struct hospital *h, uint64_t random);
struct order *order_numbered(const char *number); /* NULL: none of ours */
/* Those that are not known to be over, or all, are open in the books; returns how many there were ever. */
size_t orders_open(const struct world *w, bool everything);
const char *order_wrong(struct order *o, const json_t *row); /* row: the bank's, or NULL */
/* A card with its check digit (Luhn). */
void card_number(uint64_t serial, char out[20]);

/* crash_claims.c: tells the gateway what claims need of the hospital's person; holds the insurer's ledger against the
 * platform's, and waits a while until they agree. */
bool claims_person(struct world *w, struct hospital *h, const char *name);
void claims_arm_faults(void);
/* Prints what the gateway still has open and nobody else has to decide; returns how many. */
int claims_check_open(struct world *w);
/* Of what changed; everything: of all, from whole ledgers. */
int claims_check(struct world *w, bool everything);
#define N_FACES 3                                     /* the bank's: link, ISO 20022, files */
extern size_t claims_seen, payouts_seen, orders_seen; /* by then */
extern size_t claims_paid_by[N_FACES];                /* likewise: payments of claims */

/* crash_check.c: each prints what is wrong and returns how many things are. */
int check_all(int round, bool everything);
void check_journal_begin(struct world *w); /* the journal is verified meanwhile */
int check_journal_end(void);

#endif
