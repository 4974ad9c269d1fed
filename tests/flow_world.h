/* tests/flow_world.h - a worker and its parties for the tests of flows: the real engine and the real keeper, one of
 * each, with a journal in memory between them.  The parties are the test: it says what came back for what has left.
 *
 * Two parties, "platform" (its hospital's own format) and "hub" (another one), both in the one-line format of
 * fake_codec.h. */
#ifndef YT_FLOW_WORLD_H
#define YT_FLOW_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/engine.h"
#include "fake_codec.h"
#include "journal/keeper.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define H "H1"

struct message { /* on its way between the two */
	struct talk talk;
	struct yt_buf payload;
	bool up;
};

extern struct world {
	struct engine *engine;
	struct keeper *keeper;
	int64_t now, clock_ahead;    /* of the wall clock */
	struct yt_buf commits[4000]; /* position is index + 1 */
	size_t n_commits;
	struct message queue[64];
	size_t first, last;
	uint64_t leg; /* what has left and is not answered; 0 none */
	char sent[400], sent_to[16], answer[400];
	unsigned answers, drops, sign_ins, answered;
	int64_t deadline_in;
} w;

/* What the test sets before it asks, and sets back. */
extern enum yt_resolve platform_settles, platform_resolves; /* a settlement, a registration of unknown outcome */
extern enum yt_resolve bank_pays;                           /* an order of unknown outcome */
extern bool is_native;                                      /* all but reversals goes to the platform as it came ... */
extern bool relays;                                         /* ... and reversals as well */
extern bool is_slow;                                        /* codecs are */
extern bool decides_at_once;                                /* the insurer, before a settlement's origin hears */
extern bool needs_consent;                                  /* claims say it */
extern bool reads_nothing;                                  /* answers cannot be read any more */
extern bool bank_is_mute;                                   /* it cannot be asked, it tells by itself */
extern bool answers_none;                                   /* ... as its settings say, not its format */
extern bool bank_takes_none;                                /* its format takes no order */
extern bool follow_ups_rest;                                /* and what waits may leave it */
extern bool index_has_all;                                  /* what left the keeper's memory is found */
extern bool steps_are_erased;                               /* what steps sent is not on the disk any more */
extern bool facts_are_erased;                               /* nor any piece of facts */
extern enum enrolment_state list_is;                        /* the hub's, for parties with by_list; it is of ... */
extern const char *list_of;                                 /* ... this one person */
extern const struct engine_flow *follows;                   /* settlements at the platform; NULL: nothing does */
extern const struct engine_flow *follows_account;           /* what asks about accounts; NULL: nothing does */
extern const struct engine_flow *tells_lists;               /* by what the end of a list is told; NULL: it is not */
extern const struct engine_flow *flow;                      /* of this scenario; NULL: straight to the hub */

extern const struct engine_flow flows[2];
extern const struct engine_flow paid_claim; /* to the hub, which decides; the bank pays, and the hub is told */
extern const struct engine_party platform, hub, bank;
extern struct yt_codec_api platform_api, hub_api, bank_api;
extern const struct engine_codec codec; /* of the door */
extern struct engine_origin origin;     /* its party: as which it tells things unasked, from the start the hub */
extern struct engine_payer world_payers[];
extern struct engine_conf conf;
int wide_make_number(
        struct yt_plugin *self, struct yt_arena *arena, int64_t wall_ms, uint64_t serial, struct yt_str *number);

int setup(void **state);
int setup_slow(void **state);
int teardown(void **state);
/* All tests, and once more with codecs that are slow, whose calls come back only when nothing else moves. */
int flow_world_run(const struct CMUnitTest *tests, size_t n);
const char *flow_world_running(void); /* the codec's function that is called just now */

int64_t w_time(void *ctx);
void commit(void);                     /* what the keeper has gathered is durable */
void pump(void);                       /* until nothing moves any more without time or an answer */
void later(int64_t ms);                /* so much time passes */
void hold_facts(struct message *held); /* the next lease's; so it knows less than is told until let_go() */
void let_go(struct message *held);
void run_jobs(void);    /* slow calls come back */
void kill_keeper(void); /* it alone dies: what it was told and had not written is the test's to say again */
void kill_all(void);    /* worker and keeper die; what is on the disk is all that is left */
void ask(uint64_t token, const char *line);
void await_leg(void); /* the next leg, at most ten minutes of the world's time */
/* Of claims D decided, to be paid by us, M much of it, V more than may be, O by the insurer, I and E by it to the
 * institution (E more than there is), H by us to that, K by the insurer and paid, T by us
 * and paid, Z nothing; of payments A
 * accepted, P processing, p paid, q another one paid, F failed, R returned.  1, 2, 3 the name fits its account, does
 * not, cannot be said.  All others: d done, r refused, l lost, n not sent, N not as a file, whose name another has, x
 * absent, a had been done, g refused on its way, e sign in first, b and B not now, G not now, said on its way, w
 * awaited, W awaited as documents are wanted, j rejected, L too late, s, t, u and v done as the second to the fifth
 * visit */
void reply(char how);
void expect(const char *head, char how); /* the next leg begins so, "hub:READ"; and what comes back */
/* As the journal tells it: the first exchange, that of a number, the one with one of these flags (REC_X_...). */
struct exchange in_log(void);
struct exchange in_log_of(const char *number);
struct exchange in_log_flagged(uint32_t flags);
enum exchange_state state_in_log(void);
bool log_has(const char *text);

#endif
