/* tests/keeper_world.h - the world of the keeper's machine alone (journal/keeper.h): two clocks, a journal in memory,
 * and a list of what workers were told, which tests compare as text ("1:admitted 1" is message kind and seq to
 * worker 1).  Workers are the test: it says what they say.  Incarnations here equal the workers' numbers. */
#ifndef YT_KEEPER_WORLD_H
#define YT_KEEPER_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "journal/keeper_parts.h"

#define NOON 1790000000000LL
#define REVERSE_AFTER_MS 15000
#define UNDELIVERED_MS 1800000
#define H "H33021399901"
#define FOLLOW_UP(n) (1ull << 32 | (n)) /* of worker 1, the first incarnation: its n-th number */
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

extern struct world {
	struct keeper *keeper;
	int64_t wall_ms, mono_ms;
	struct yt_buf commits[200]; /* position is index + 1 */
	size_t n_commits;
	struct yt_buf told;
	struct yt_buf leased; /* the lease told last */
	const char *closed;
	const char *asks_as; /* NULL: H */
	int find_error;
	bool rests;       /* follow-ups do in the index, as far as that has come */
	size_t n_made_up; /* of this many more of them nobody wrote down: FOLLOW_UP(1000) and on ... */
	size_t n_paying;  /* ... and the last so many are the bank's */
	size_t n_got;     /* rows read one by one */
	bool is_renamed;  /* whom flows ask has another name since the reload */
	const char *why;  /* a lease is given back for now; NULL: no reason */
	const char
	        *flow; /* of what follows: "claim" asks the insurer and then the bank, "pay" the bank; NULL: "claim" */
	const char *visit; /* of what follows, and somebody's; NULL: none */
	const char *then;  /* flow that follows from what is asked; NULL: none */
	bool is_one_stop;  /* somebody waits for what follows */
	bool pays;         /* what follows is a payout ... */
	bool is_listed;    /* ... of a list */
	bool index_lags;   /* it does not know of cancels yet */
	uint64_t seq[8];   /* of each worker */
} w;

extern const struct keeper_conf conf;

int setup(void **state); /* a keeper that has started, and no worker */
int teardown(void **state);
void anew(void);          /* both, and worker 1 */
void new_keeper(void);    /* not started */
void restart(uint32_t n); /* a keeper after this one, with what is durable; workers 1 .. n live and say what was
                             not given back */
void commit(void);        /* what it has gathered is durable */
void commit_untold(void); /* ... but nobody is told: the keeper dies in between */
void later(int64_t ms);   /* so much time passes, and what it brings is durable */
void up(uint32_t worker); /* a new one says hello */

void assert_told(const char *want); /* since the last time */
void forget_told(void);
uint32_t holder_of_lease(void); /* the worker that was told first */
uint64_t in_memory(void);       /* exchanges */
/* As the journal tells it: one exchange (NULL: unknown there) until the next call, or its state. */
struct exchange *on_disk(uint64_t exchange);
struct exchange *followed(uint64_t n); /* FOLLOW_UP(n) */
enum exchange_state state_of(uint64_t id);

/* What workers say.  records are freed; what say() returns is keeper_message()'s. */
struct asked {
	uint64_t id;
	const char *number, *content, *business;
	enum yt_operation op;
	const char *original;
};

int say(uint32_t worker, enum talk_kind kind, uint64_t exchange, struct yt_buf *records);
/* The same message once more, as a keeper reads it that comes after the one that had read it. */
int say_again(uint32_t worker, enum talk_kind kind, uint64_t exchange, struct yt_buf *records);
struct yt_buf beginning(uint32_t worker, const struct asked *a);
void begin(uint32_t worker, struct asked a);
void ended(uint32_t worker, uint64_t id, enum yt_outcome outcome, const char *reply);
void late(uint32_t worker, uint64_t id, const char *reply);
int amend(uint32_t worker, uint64_t id, enum yt_outcome outcome, const char *reply);
int step(uint32_t worker, uint64_t id, enum rec_leg leg);
void give_back_reversed(uint32_t worker, uint64_t id, const char *reply);
void give_back_due(uint32_t worker, uint64_t id, int64_t in_ms);
void note(uint32_t worker, uint64_t id, const char *result);
void held(uint32_t worker, uint64_t id);
void ready(uint32_t worker);
void add_outcome(struct yt_buf *buf, uint64_t id, enum rec_leg leg, enum yt_outcome outcome, unsigned flags);
void add_answer(struct yt_buf *buf, uint64_t id, enum yt_outcome outcome, const char *reply);
void add_amendment(struct yt_buf *buf, uint64_t id, enum yt_outcome outcome, const char *reply);
void add_follow_up(struct yt_buf *buf, uint32_t worker, uint64_t id, const char *number);
struct yt_buf reversed(uint64_t id, const char *reply); /* the records of it */

/* Whole stories, durable and heard. */
void settle(uint32_t worker, uint64_t id, const char *number); /* with an answer, not yet taken */
void lose(uint32_t worker, uint64_t id, const char *number);   /* sent, its outcome unknown and found out by nobody */
uint32_t lend(uint64_t id);                                    /* that one is leased; to whom */
/* Settled under id, and FOLLOW_UP(follow_up) of that number ("+/A1" of the settlement A1) follows; not yet durable. */
void settle_followed(uint32_t worker, uint64_t id, uint64_t follow_up, const char *number);
void settle_and_follow(void); /* settlement 1 (N1, A1) and FOLLOW_UP(9), durable */
void cancel(uint64_t id, const char *number, const char *settlement, const char *institution);

#endif
