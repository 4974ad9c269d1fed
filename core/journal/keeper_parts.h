/* core/journal/keeper_parts.h - what the keeper's own files share; nobody else includes it.
 *
 *   keeper.c          admission, legs, leases: what workers' messages do
 *   keeper_kept.c     exchanges in memory, what is due, writing down
 *   keeper_own.c      numbers and sign-ins of our own
 *   keeper_workers.c  workers come and go; recovery
 *   keeper_turn.c     leases of what is due, commits
 *   keeper_follow.c   what follows from settlements
 *   keeper_lanes.c    which parties' lanes an operator has stopped
 *   keeper_room.c     what payments of a day may have together
 *   keeper_notice.c   what parties tell of follow-ups unasked
 *   keeper_list.c     ... and rows of an insurer's list of a day
 *   keeper_rest.c     follow-ups that are in the index alone
 *   keeper_share.c    which party's follow-up is leased next
 *   keeper_waiting.c  follow-ups that wait for something to be told
 *   keeper_facts.c    case facts: where their pieces stand
 *   keeper_pieces.c   the newest of them in memory
 *   keeper_state.c    retention, operators, counts, the whole */
#ifndef YT_JOURNAL_KEEPER_PARTS_H
#define YT_JOURNAL_KEEPER_PARTS_H

#include <utarray.h>
#include <uthash.h>

#include "journal/keeper.h"

struct waiter {
	uint32_t worker;
	uint64_t seq;
	struct waiter *next;
};

struct kept {
	struct exchange x;
	char key[80];          /* institution | number */
	uint32_t holder;       /* worker with the lease; 0 none */
	struct share *held_in; /* of a follow-up: counted among the leases that ask this party; NULL: not leased */
	struct share *due_in;  /* ... and where its due_mono stands */
	int64_t due_mono;      /* next try; 0 none */
	int64_t since_mono;    /* when its outcome became unknown, in this keeper's life */
	int64_t resent_mono;   /* when it was last sent again; 0 never in this keeper's life */
	uint32_t unplaced;     /* records gathered whose commit is not durable yet */
	bool shares;           /* stands in by_business */
	bool aged;             /* queued to leave memory */
	bool follows;          /* counted in n_follow_ups */
	bool ended;      /* its settlement was undone while a worker had it: due at once when that gives it back */
	bool joined;     /* its origin's own reversal waits for its end */
	bool told_facts; /* what it may wait for was told while a worker had it */
	struct waiter *waiters;
	struct payout *payouts; /* all that it had since it is in memory */
	UT_hash_handle hh_id, hh_key, hh_business;
	struct kept *same_business; /* next one with its business key; the first of them is the one in by_business */
	UT_hash_handle hh_person;
	struct kept *same_person; /* next follow-up of that person; the first of them is the one in by_person */
	struct kept *prev, *next; /* queue of closed ones, oldest first */
};

struct due {
	int64_t at;
	uint64_t exchange;
};

struct share {          /* the follow-ups whose next step asks that party */
	char party[32]; /* empty: they ask nobody */
	UT_array *due;  /* binary heap */
	uint32_t leased;
	UT_hash_handle hh;
};

struct payout { /* of a follow-up in memory: its bank speaks of it by this number, or its order's, alone */
	char number[EXCHANGE_SERIAL_KEY];
	char pay_no[24]; /* the payout's own */
	char end[16];    /* under that: as what it ended, where it came to nothing */
	uint64_t exchange;
	bool is_shared;      /* another exchange has it, too: it names neither */
	struct payout *next; /* of the same exchange */
	UT_hash_handle hh;
};

struct tombstone {    /* a number that its origin reversed before it came */
	char key[80]; /* as struct kept's */
	int64_t until_mono;
	UT_hash_handle hh;
};

struct party_session { /* sign_no of an operator at a party: one for all workers, the newest counts */
	char key[128]; /* party | institution | operator */
	char sign_no[40];
	int64_t day;      /* business day of the sign-in; it dies at midnight */
	uint32_t signing; /* worker that signs in just now; 0 none */
	struct waiter *waiters;
	UT_hash_handle hh;
};

struct number_block { /* the last number handed out in an institution's name */
	char institution[32];
	int64_t second;
	uint32_t serial;
	UT_hash_handle hh;
};

struct known_worker {
	uint32_t worker, incarnation;
	uint64_t seq;     /* last ring message seen */
	uint64_t written; /* last one that a keeper before us made durable */
	bool seq_is_new;  /* since the last commit was taken */
	bool ready;       /* has named what it holds (or came up under us) */
	bool drains;
	UT_hash_handle hh;
};

struct written { /* how far a worker's ring was written down, as recovery read it */
	uint32_t incarnation;
	uint64_t seq;
	UT_hash_handle hh;
};

struct answer { /* to be told when the commit is durable */
	uint32_t worker;
	uint64_t seq, exchange;
	enum talk_kind kind;
	bool is_offer;         /* with it the worker may hand out the answer */
	bool is_first;         /* of an admission: no keeper before us can have said it */
	struct yt_buf payload; /* of a lease, of a stored answer */
};

struct case_facts { /* of one case, what the index does not have yet */
	char key[96];
	UT_array *places; /* struct fact_place, oldest first */
	UT_hash_handle hh;
};

struct piece_place {
	log_pos pos;
	uint64_t exchange;
};

struct piece { /* of case facts, as the log has it at that place */
	struct piece_place place;
	int64_t since_mono;
	struct piece *prev, *next; /* oldest first */
	UT_hash_handle hh;
	size_t n;
	char octets[];
};

struct keeper {
	struct keeper_conf conf;
	struct case_facts *facts;
	struct piece *pieces, *oldest_piece;
	size_t piece_bytes; /* of all pieces, with what we add to each */
	struct keeper_world world;
	struct kept *by_id, *by_key, *by_business, *by_person;
	struct kept *closed; /* head of the queue that leaves memory */
	struct payout *payouts;
	struct tombstone *tombstones;
	struct party_session *sessions;
	struct number_block *numbers;
	struct stopped_lane *lanes;
	struct room *rooms;
	struct known_worker *workers;
	struct written *written;
	UT_array *due;         /* binary heap, of all but follow-ups */
	struct share *shares;  /* those have one each, also what rests ... */
	UT_array *unsorted;    /* ... but for what has rested since before this keeper and was not due yet */
	int64_t sort_mono;     /* when it is looked at again */
	uint64_t n_follow_ups; /* in memory, some of them over */
	uint64_t n_resting, n_resting_parked;
	int64_t behind_ms;      /* what rests was written when the wall clock stood so much further than it does now */
	log_pos carried_before; /* what rests is being gone through for keeper_carry() ... */
	struct exchange_cursor carried_to;
	struct yt_buf pending, taken;
	UT_array *answers, *answers_taken;
	bool urgent;
	uint32_t incarnation; /* highest given out */
	uint32_t leased, follow_ups_leased;
	uint32_t turn;  /* which worker got the last lease */
	uint64_t epoch; /* names this keeper among those before and after it */
	log_pos indexed;
	uint64_t n_looked_at; /* exchanges that a search went past one by one: for a test */
};

#define FOLLOW_UP_GONE "its settlement stands again, what followed from it is undone: do it anew"
#define FOLLOW_UP_WAIT_MS (24 * 3600 * 1000LL) /* longest pause of a follow-up */
#define FOLLOW_UP_TURN_MS 1000                 /* pause of one while too many others are leased */
#define NOBODY_MS 50                           /* pause when a lease cannot be given just now */
#define NUMBERS_PER_LEASE 4                    /* query, reversal, and each once more after a new sign-in */

/* keeper.c */
/* Tells everybody who can be told by now: leases have become known, or have ended. */
void keeper_serve_waiters(struct keeper *k);

/* keeper_workers.c */
/* What was admitted was never sent, and there is no answer that says so: a worker is to write one. */
void keeper_let_refuse(struct keeper *k, struct kept *e);
/* We stop, and people have it: whoever waits hears no more than that its time were over.  Else nothing. */
void keeper_let_go(struct keeper *k, const struct kept *e);
/* No worker may hold a lease that this keeper has not heard of: a step under it may stand on a ring. */
bool keeper_knows_leases(const struct keeper *k);

/* keeper_kept.c */
UT_array *keeper_heap_new(void);
struct due *keeper_heap_at(UT_array *heap, unsigned i);
void keeper_heap_push(UT_array *heap, struct due due);
void keeper_heap_pop(UT_array *heap);
int64_t keeper_mono(const struct keeper *k);
int64_t keeper_wall(const struct keeper *k);
struct kept *kept_find(struct keeper *k, uint64_t id);
void kept_enter(struct keeper *k, struct kept *e);
struct kept *kept_new(struct keeper *k, uint64_t id);
void kept_note_follow_up(struct keeper *k, struct kept *e); /* what it is has become known */
void kept_free(struct keeper *k, struct kept *e);
void kept_free_number(
        struct keeper *k, struct kept *e); /* of one that came to nothing, where its number may come again */
/* By admission key, in memory or, when it has left memory, from the index; *out NULL: never seen.  Anything but 0:
 * the index cannot tell, so nothing may be concluded. */
int kept_find_number(struct keeper *k, struct yt_str institution, struct yt_str number, struct kept **out);
/* One that the index has, in memory for a while. */
struct kept *kept_take(struct keeper *k, const struct exchange *x);
/* The one that bars others with this business key (P13), the oldest of them; NULL: none. */
struct kept *kept_find_business(struct keeper *k, const char *key);
void kept_set_due(struct keeper *k, struct kept *e, int64_t at);
/* Brings tables and follow-ups in line with what the exchange has become. */
void kept_settle_down(struct keeper *k, struct kept *e);
/* Folds one record into its exchange and gathers it. */
void keeper_write_down(struct keeper *k, const struct rec *rec);
/* Writes a record that the keeper itself makes. */
void keeper_write_own(struct keeper *k, const struct yt_buf *buf);
void keeper_answer_later(struct keeper *k, uint32_t worker, uint64_t seq, uint64_t exchange, enum talk_kind kind);
void keeper_tell(
        struct keeper *k, uint32_t worker, uint64_t seq, uint64_t exchange, enum talk_kind kind, struct yt_str payload);
void keeper_tell_reason(struct keeper *k, uint32_t worker, uint64_t seq, enum talk_kind kind, const char *reason);
void kept_wait(struct kept *e, uint32_t worker, uint64_t seq);
/* A success is reversed when its origin surely never got it, and never when it may have: a worker that
 * dies may have handed it out a moment ago.  So every offer is written down before it is made, and its end
 * by the worker (engine/work.c, work_note_delivery). */
void keeper_note_delivery(struct keeper *k, struct kept *e, const char *result);
/* It has been found out: everybody who waits will be told with the commit that says so. */
void keeper_offer_to_waiters(struct keeper *k, struct kept *e, enum exchange_state before);
void keeper_copy_str(char *to, size_t size, struct yt_str s);
/* Checks the whole payload before any of it is believed. */
int keeper_check_records(struct keeper *k, uint32_t worker, const struct talk *talk);
void keeper_add_tombstone(struct keeper *k, const struct rec *reversal);
bool keeper_has_tombstone(struct keeper *k, const struct rec *accepted);
void keeper_write_all(struct keeper *k, struct yt_str payload);
void kept_begin_lease(struct keeper *k, struct kept *e, uint32_t worker);
void kept_end_lease(struct keeper *k, struct kept *e);

/* keeper_own.c */
void keeper_keep_number(struct keeper *k, const struct rec *rec);
/* The next numbers in an institution's name: never given twice, whatever the clock does. */
void keeper_next_numbers(struct keeper *k, const char *institution, uint32_t n, int64_t *second, uint32_t *serial);
int keeper_on_session(struct keeper *k, uint32_t worker, const struct talk *talk);
/* Somebody signed in, or could not (no SIGN_NO): those who wait hear, or one of them tries next. */
void keeper_keep_session(struct keeper *k, const struct rec *rec);
/* A worker died: what it was about to sign in for is free for the next who asks. */
void keeper_drop_sign_ins(struct keeper *k, uint32_t worker);

/* keeper_facts.c */
/* A REC_FACTS record is durable at pos. */
void keeper_keep_facts(struct keeper *k, const struct rec *rec, log_pos pos);
int keeper_on_facts(struct keeper *k, uint32_t worker, const struct talk *talk);
void keeper_drop_facts(struct keeper *k, log_pos before); /* the index has them */

/* keeper_follow.c */
/* An accepted record of one, under a number of that incarnation's own. */
bool keeper_is_follow_up(const struct rec *rec, uint32_t incarnation);
/* Writes it down; where there is one already it is left out.  What asks money back is people's from the beginning, and
 * again when it had ended because its settlement stood again. */
void keeper_write_follow_up(struct keeper *k, const struct rec *rec);
/* What pays an institution's payout of that number, since it was ordered alone or in a list; *out NULL: nothing yet.
 * Anything but 0: the index cannot tell. */
int keeper_find_payout(struct keeper *k, struct yt_str institution, struct yt_str pay_no, struct kept **out);
/* The same, or, where nothing pays it yet or ever will, the order itself as the institution handed it in. */
int keeper_find_order(struct keeper *k, struct yt_str institution, struct yt_str pay_no, struct kept **out);
/* The payload under cause's lease orders a payout whose number another order had: it is not to be written, as then that
 * one would never be paid, and nobody would know.  Cause is parked. */
bool keeper_parks_used_number(struct keeper *k, const struct kept *cause, struct yt_str payload);
/* The payload under e's lease announces a payout made anew for one that is paid, or may be yet: it is not to be
 * written. e is parked; or it is looked for once more, where the index cannot tell. */
bool keeper_parks_too_early(struct keeper *k, struct kept *e, struct yt_str payload);
/* Nothing is admitted that another one would follow from. */
bool keeper_has_enough_follow_ups(const struct keeper *k);
/* A worker has given one back whose settlement was undone meanwhile. */
void keeper_ended_meanwhile(struct keeper *k, struct kept *e);
/* A worker has undone it, and its settlement stands again by now: people's.  before, was_wanted: its state and
 * reversal_wanted when the worker said so; after all that it said, since an answer would close it again. */
void keeper_undone_in_vain(struct keeper *k, struct kept *e, enum exchange_state before, bool was_wanted);
/* What e has become may end what follows from its settlement, or have it go on. */
void keeper_end_follow_ups(struct keeper *k, struct kept *e);
/* The same for one whose follow-ups could not be looked for (REC_X_UNTOLD): the index could not be read. */
void keeper_tell_follow_ups_again(struct keeper *k, struct kept *e);
/* False: it is a follow-up of which nothing has left, and its settlement is undone, or whether it is cannot be told
 * now; it was ended, or is due later. */
bool keeper_follow_up_may_leave(struct keeper *k, struct kept *e);
/* The cancel of its settlement has begun, and has no outcome yet, or people have it: no order of it leaves, nor once
 * more. */
bool keeper_is_being_cancelled(struct keeper *k, const struct exchange *x);

/* keeper_notice.c */
/* The money is asked back no more.  YT_ESTATE: people have decided it; YT_EAGAIN: a worker has it; else the index
 * cannot tell. */
int keeper_end_claim_back(
        struct keeper *k, const struct exchange *x, const char *result, const char *who, const char *why);
/* The follow-up of that number ("+/" and a settlement or a payout), or one of whose payouts has it, in memory or from
 * the index; *out NULL: it is not known.  Anything but 0: the index cannot tell. */
int keeper_find_spoken_of(struct keeper *k, struct yt_str number, struct kept **out);
void keeper_note_payout(struct keeper *k, struct kept *e);  /* it may have a number by now */
void keeper_drop_payouts(struct keeper *k, struct kept *e); /* it leaves memory */
/* Records under a lease that is returned: what a party told goes to the follow-ups that it speaks of. */
void keeper_take_notices(struct keeper *k, struct yt_str payload);
/* Records under a lease of a notice that is told piece by piece: a keeper before us had written this one.
 * YT_ECORRUPT: there is one before it that nobody has written. */
int keeper_check_piece(const struct kept *e, struct yt_str payload, bool *is_known);
/* A follow-up's next step, or its last one again, in a while, or now. */
void keeper_due_in(struct keeper *k, struct kept *e, int64_t pause_ms, const char *reason);
void keeper_due_now(struct keeper *k, struct kept *e, const char *reason);
/* It was told something, which is written: it goes on, or is people's where it had ended otherwise. */
void keeper_go_on_told(struct keeper *k, struct kept *e, bool is_otherwise);
/* keeper_list.c: a row of its insurer's list of a day. */
void keeper_tell_listed(struct keeper *k, struct kept *e, const struct rec *notice);
/* A lease of a follow-up is back that was out while its party told something. */
void keeper_told_meanwhile(struct keeper *k, struct kept *e);
/* A lease is back, and what was told under it, or before its end, is people's to look at. */
void keeper_hold_told(struct keeper *k, struct kept *e);
/* keeper_waiting.c */
void keeper_share_person(struct keeper *k, struct kept *e);   /* it is a follow-up */
void keeper_unshare_person(struct keeper *k, struct kept *e); /* it leaves memory */
/* The worker of cause has given it back: where it told what others of its person may wait for, they go on at once. */
void keeper_wake_waiting(struct keeper *k, const struct kept *cause);
/* The same of what tells of a list of payouts: records under a lease that is given back. */
void keeper_wake_results(struct keeper *k, struct yt_str payload);
/* A lease of e is back that was out while something was told. */
void keeper_waited_meanwhile(struct keeper *k, struct kept *e);
/* keeper_rest.c */
bool keeper_is_being_undone(const struct exchange *x); /* by machines */
bool keeper_may_rest(const struct keeper *k, const struct kept *e);
void keeper_lie_down(struct keeper *k, struct kept *e); /* frees e: the index has all of it */
/* Until then, by a wall clock that is not behind what was said; negative: it is past. */
int64_t keeper_rests_for_ms(const struct keeper *k, int64_t due_ms);
/* From the index into memory: one that is over, for as long as it is looked at, or one that rested. */
struct kept *keeper_enter_indexed(struct keeper *k, const struct exchange *x);
/* In memory, or taken there from its rest; *out NULL: neither.  Anything but 0: the index cannot tell. */
int keeper_wake(struct keeper *k, uint64_t exchange, struct kept **out);
bool keeper_each_resting(const struct keeper *k, void (*each)(void *arg, const struct exchange *x), void *arg);
uint64_t keeper_resting_before(const struct keeper *k, int64_t wall_ms);
/* Takes some of those into memory that have octets before that position, and lets none of them lie down again.  0: call
 * again when these are carried; 1: there are no more; negative: the index cannot tell. */
int keeper_wake_old(struct keeper *k, log_pos before);

/* keeper_share.c */
/* Made when it is not there yet; it stays as long as the keeper does. */
struct share *keeper_share_of(struct keeper *k, const struct exchange *x);
void keeper_share_lease(struct keeper *k, struct kept *e); /* a lease of it begins; of others than follow-ups nothing */
void keeper_unshare_lease(struct keeper *k, struct kept *e); /* it ends, if it had begun */
void keeper_share_anew(struct keeper *k, struct kept *e);    /* it may ask another party from now on */
/* Puts some of what has rested since before this keeper, and is due, to those of its party. */
void keeper_sort_due(struct keeper *k, int64_t now);
/* That whose first entry has been due longest, of those that may have one more lease; NULL: none is due and may, *next:
 * when to look again, -1: not for anything that is here. */
struct share *keeper_next_share(struct keeper *k, int64_t now, int64_t *next);
void keeper_hasten_resting(struct keeper *k, int64_t by_ms); /* the clock was behind by so much */
void keeper_free_shares(struct keeper *k);

/* keeper_state.c */
bool keeper_has_octets_before(const struct exchange *x, log_pos before);

/* keeper_pieces.c */
void keeper_keep_piece(struct keeper *k, log_pos pos, uint64_t exchange, struct yt_str octets);
bool keeper_find_piece(struct keeper *k, log_pos pos, uint64_t exchange, struct yt_buf *out);

/* keeper_lanes.c */
void keeper_keep_lane(struct keeper *k, const struct rec *rec);
void keeper_carry_lanes(struct keeper *k); /* retention: written again */
void keeper_free_lanes(struct keeper *k);

/* keeper_room.c */
#define ROOM_KEY_MAX 80
void keeper_keep_room(struct keeper *k, const struct rec *rec); /* a day's sum */
/* A payment asks for room under its day's limits: all have it and it is given, or nothing happens. */
void keeper_give_room(struct keeper *k, const struct exchange *x, const struct rec *ask);
void keeper_return_room(struct keeper *k, const struct exchange *x); /* what x had is others': nothing of it is paid */
bool keeper_waits_for_room(const struct keeper *k, const struct exchange *x); /* and has none yet */
void keeper_free_rooms(struct keeper *k);

/* keeper_turn.c */
/* How far a worker's ring is written down, with this commit, so that a keeper after us knows. */
void keeper_write_seq(struct keeper *k, struct known_worker *w);

#endif
