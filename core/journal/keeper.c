/* core/journal/keeper.c - decides what is admitted, who works what off, and who is told.
 *
 * process/keeper.c brings ring messages, commits and time; see keeper.h for the flow.  An exchange in
 * memory (struct kept) is found by its id, by its admission key (institution and number) and, while it
 * bars others, by its business key (P13).  It leaves memory when it is closed and the index has it.
 *
 *  - on_begin()     admission in one step: new, same, in flight, conflict, busy, joins
 *  - on_end()       the leg is over; unknown starts a follow-up
 *  - keeper_tick()  what is due goes to a worker under a lease, with numbers made durable first
 *  - keeper_committed() tells everybody whose records are on disk, and everybody who waits */
#include "journal/keeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utarray.h>
#include <uthash.h>
#include <utlist.h>

struct waiter {
	uint32_t worker;
	uint64_t seq;
	struct waiter *next;
};

struct kept {
	struct exchange x;
	char key[80];        /* institution | number */
	uint32_t holder;     /* worker with the lease; 0 none */
	int64_t due_mono;    /* next try; 0 none */
	int64_t since_mono;  /* when its outcome became unknown, in this keeper's life */
	int64_t resent_mono; /* when it was last sent again; 0 never in this keeper's life */
	uint32_t unplaced;   /* records gathered whose commit is not durable yet */
	bool holds;          /* stands in by_business */
	bool aged;           /* queued to leave memory */
	bool joined;         /* its origin's own reversal waits for its end */
	struct waiter *waiters;
	UT_hash_handle hh_id, hh_key, hh_business;
	struct kept *prev, *next; /* queue of closed ones, oldest first */
};

struct due {
	int64_t at;
	uint64_t exchange;
};

struct party_session { /* sign_no of an operator at a party: one for all workers, the newest counts */
	char key[128]; /* party | institution | operator */
	char sign_no[40];
	int64_t day;           /* business day of the sign-in; it dies at midnight */
	uint32_t signing;      /* worker that signs in just now; 0 none */
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
	uint64_t seq;        /* last ring message seen */
	uint64_t written;    /* last one that a keeper before us made durable */
	bool seq_is_new;     /* since the last commit was taken */
	bool ready;          /* has named what it holds (or came up under us) */
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
	struct yt_buf payload; /* of a lease, of a stored answer */
};

struct keeper {
	struct keeper_conf conf;
	struct keeper_world world;
	struct kept *by_id, *by_key, *by_business;
	struct kept *closed; /* head of the queue that leaves memory */
	struct party_session *sessions;
	struct number_block *numbers;
	struct known_worker *workers;
	struct written *written;
	UT_array *due; /* binary heap */
	struct yt_buf pending, taken;
	UT_array *answers, *answers_taken;
	bool urgent;
	uint32_t incarnation; /* highest given out */
	uint32_t leased;
	uint32_t turn; /* which worker got the last lease */
	uint64_t epoch; /* names this keeper among those before and after it */
	log_pos indexed;
};

#define NOBODY_MS 50 /* pause when a lease cannot be given just now */
#define NUMBERS_PER_LEASE 4 /* query, reversal, and each once more after a new sign-in */

/* -- the heap of due times ---------------------------------------------------------------------- */

static struct due *heap_at(UT_array *heap, unsigned i)
{
	return (struct due *)utarray_eltptr(heap, i);
}

static void heap_swap(UT_array *heap, unsigned a, unsigned b)
{
	struct due t = *heap_at(heap, a);

	*heap_at(heap, a) = *heap_at(heap, b);
	*heap_at(heap, b) = t;
}

static void heap_push(UT_array *heap, struct due due)
{
	unsigned i = utarray_len(heap);

	utarray_push_back(heap, &due);
	for (; i > 0 && heap_at(heap, i)->at < heap_at(heap, (i - 1) / 2)->at; i = (i - 1) / 2)
		heap_swap(heap, i, (i - 1) / 2);
}

static void heap_pop(UT_array *heap)
{
	unsigned n = utarray_len(heap) - 1, i = 0;

	heap_swap(heap, 0, n);
	utarray_pop_back(heap);
	for (;;) {
		unsigned least = i, left = 2 * i + 1, right = left + 1;

		if (left < n && heap_at(heap, left)->at < heap_at(heap, least)->at)
			least = left;
		if (right < n && heap_at(heap, right)->at < heap_at(heap, least)->at)
			least = right;
		if (least == i)
			return;
		heap_swap(heap, i, least);
		i = least;
	}
}

/* -- exchanges in memory ------------------------------------------------------------------------ */

static int64_t mono(const struct keeper *k)
{
	return k->world.mono_ms(k->world.ctx);
}

static int64_t wall(const struct keeper *k)
{
	return k->world.wall_ms(k->world.ctx);
}

static struct kept *find_id(struct keeper *k, uint64_t id)
{
	struct kept *e;

	HASH_FIND(hh_id, k->by_id, &id, sizeof(id), e);
	return e;
}

static void make_key(char key[80], struct yt_str institution, struct yt_str number)
{
	snprintf(key, 80, "%.*s|%.*s", (int)(institution.n < 31 ? institution.n : 31), institution.p,
		(int)(number.n < 39 ? number.n : 39), number.p);
}

static void enter_key(struct keeper *k, struct kept *e)
{
	struct kept *old;

	make_key(e->key, yt_str(e->x.institution), yt_str(e->x.number));
	HASH_FIND(hh_key, k->by_key, e->key, strlen(e->key), old);
	if (old == NULL)
		HASH_ADD_KEYPTR(hh_key, k->by_key, e->key, strlen(e->key), e);
}

static struct kept *kept_new(struct keeper *k, uint64_t id)
{
	struct kept *e = calloc(1, sizeof(*e));

	YT_REQUIRE(e != NULL);
	e->x.id = id;
	HASH_ADD(hh_id, k->by_id, x.id, sizeof(e->x.id), e);
	return e;
}

static void kept_free(struct keeper *k, struct kept *e)
{
	struct waiter *w, *next;
	struct kept *known;

	LL_FOREACH_SAFE(e->waiters, w, next)
		free(w);
	HASH_DELETE(hh_id, k->by_id, e);
	HASH_FIND(hh_key, k->by_key, e->key, strlen(e->key), known);
	if (known == e)
		HASH_DELETE(hh_key, k->by_key, e);
	if (e->holds)
		HASH_DELETE(hh_business, k->by_business, e);
	free(e);
}

/* By admission key, in memory or, when it has left memory, from the index. */
static struct kept *find_key(struct keeper *k, struct yt_str institution, struct yt_str number)
{
	struct exchange x;
	struct kept *e;
	char key[80];

	make_key(key, institution, number);
	HASH_FIND(hh_key, k->by_key, key, strlen(key), e);
	if (e != NULL)
		return e;
	memset(&x, 0, sizeof(x));
	if (k->world.find(k->world.ctx, institution, number, &x) != 0)
		return NULL;
	e = find_id(k, x.id);
	if (e == NULL) {
		e = kept_new(k, x.id);
		e->x = x;
		e->aged = true;
		DL_APPEND(k->closed, e); /* leaves again with the next indexed position */
	}
	enter_key(k, e);
	return e;
}

static struct kept *find_business(struct keeper *k, const char *key)
{
	struct kept *e;

	HASH_FIND(hh_business, k->by_business, key, strlen(key), e);
	return e;
}

static void set_due(struct keeper *k, struct kept *e, int64_t at)
{
	e->due_mono = at < 1 ? 1 : at;
	heap_push(k->due, (struct due){ e->due_mono, e->x.id });
}

static void wake_joiners(struct keeper *k, const struct kept *target)
{
	struct kept *e, *next;

	HASH_ITER(hh_id, k->by_id, e, next) {
		if (e->x.joins == target->x.id && exchange_is_open(&e->x) && e->holder == 0)
			set_due(k, e, mono(k));
	}
}

/* Brings tables and follow-ups in line with what the exchange has become. */
static void settle_down(struct keeper *k, struct kept *e)
{
	struct exchange *x = &e->x;
	int64_t now = mono(k);

	if (exchange_holds_key(x) && !e->holds && x->business_key[0] != 0 && find_business(k, x->business_key) == NULL) {
		HASH_ADD_KEYPTR(hh_business, k->by_business, x->business_key, strlen(x->business_key), e);
		e->holds = true;
	} else if (!exchange_holds_key(x) && e->holds) {
		HASH_DELETE(hh_business, k->by_business, e);
		e->holds = false;
	}
	if (x->state == X_UNKNOWN && e->since_mono == 0)
		e->since_mono = now;
	if (!exchange_is_open(x)) {
		e->due_mono = 0;
		if (e->joined)
			wake_joiners(k, e);
		e->joined = false;
		if (!e->aged) {
			e->aged = true;
			DL_APPEND(k->closed, e);
		}
		return;
	}
	if (e->holder != 0 || x->state == X_PARKED)
		e->due_mono = 0;
	else if (x->state == X_DONE && !x->reversal_wanted && e->due_mono == 0)
		set_due(k, e, now + k->conf.undelivered_ms);
	else if (x->reversal_wanted && x->state != X_SENT && e->due_mono == 0)
		set_due(k, e, now);
	else if ((x->state == X_UNKNOWN || x->state == X_REVERSING) && e->due_mono == 0)
		set_due(k, e, now + k->conf.reverse_after_ms);
}

/* -- writing down ------------------------------------------------------------------------------- */

/* Folds one record into its exchange and gathers it. */
static void write_down(struct keeper *k, const struct rec *rec)
{
	struct kept *e = find_id(k, rec->exchange);
	struct yt_str due = rec_get(rec, REC_T_DUE);

	yt_buf_str(&k->pending, rec->whole);
	if (!(rec->flags & REC_NOWAIT))
		k->urgent = true;
	if (e == NULL)
		return;
	e->unplaced++;
	exchange_apply(&e->x, rec, 0);
	if (rec_get_u64(rec, REC_T_LEG) == REC_LEG_RESEND)
		e->resent_mono = mono(k); /* it leaves, or its own outcome is unknown now */
	if (rec->type == REC_DUE && due.n == 8) {
		int64_t in = rec_get_i64(rec, REC_T_DUE) - wall(k);

		if (in < 0)
			in = 0;
		if (in > k->conf.longest_wait_ms)
			in = k->conf.longest_wait_ms; /* the wall clock stepped back since it was written */
		set_due(k, e, mono(k) + in);
	}
}

/* Writes a record that the keeper itself makes. */
static void write_own(struct keeper *k, const struct yt_buf *buf)
{
	struct rec rec;
	size_t used;

	YT_REQUIRE(!buf->failed && rec_read(yt_buf_view(buf), &rec, &used) == 0);
	write_down(k, &rec);
}

static void answer_later(struct keeper *k, uint32_t worker, uint64_t seq, uint64_t exchange, enum talk_kind kind)
{
	struct answer a = { .worker = worker, .seq = seq, .exchange = exchange, .kind = kind };

	utarray_push_back(k->answers, &a);
	k->urgent = true;
}

static void tell(struct keeper *k, uint32_t worker, uint64_t seq, uint64_t exchange, enum talk_kind kind,
	struct yt_str payload)
{
	struct talk talk = { .seq = seq, .exchange = exchange, .kind = kind, .payload = payload };

	k->world.tell(k->world.ctx, worker, &talk);
}

static void tell_reason(struct keeper *k, uint32_t worker, uint64_t seq, enum talk_kind kind, const char *reason)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_REFUSED, REC_NOWAIT, 0, wall(k));

	rec_str(&buf, REC_T_REASON, yt_str(reason));
	rec_end(&buf, at);
	tell(k, worker, seq, 0, kind, yt_buf_view(&buf));
	yt_buf_free(&buf);
}

static void wait_for(struct kept *e, uint32_t worker, uint64_t seq)
{
	struct waiter *w;

	LL_FOREACH(e->waiters, w) {
		if (w->worker == worker && w->seq == seq)
			return;
	}
	w = calloc(1, sizeof(*w));
	YT_REQUIRE(w != NULL);
	w->worker = worker;
	w->seq = seq;
	LL_APPEND(e->waiters, w);
}

/* -- who has the answer ------------------------------------------------------------------------- */

/* A success is reversed when its origin surely never got it, and never when it may have: a worker that
 * dies may have handed it out a moment ago.  So every offer is written down before it is made, and its end
 * by the worker (engine.c, note_delivery). */
static void note_delivery(struct keeper *k, struct kept *e, const char *result)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_DELIVERED, 0, e->x.id, wall(k));

	rec_str(&buf, REC_T_RESULT, yt_str(result));
	rec_end(&buf, at);
	write_own(k, &buf);
	yt_buf_free(&buf);
}

/* It has been found out: everybody who waits will be told with the commit that says so. */
static void offer_to_waiters(struct keeper *k, struct kept *e, enum exchange_state before)
{
	struct waiter *w;

	if (before == X_DONE || !exchange_awaits_delivery(&e->x) || e->x.reversal_wanted)
		return;
	LL_FOREACH(e->waiters, w)
		note_delivery(k, e, "offered");
}

/* -- admission ---------------------------------------------------------------------------------- */

static bool answer_is_final(const struct kept *e)
{
	const struct exchange *x = &e->x;

	return x->answered && x->answered_pos != 0 && e->holder == 0 && !x->reversal_wanted &&
		(x->state == X_DONE || x->state == X_REFUSED || x->state == X_REVERSED);
}

/* It is over and there are no octets to tell: an operator decided, or they cannot be read back.  Silence, unless
 * a refusal is the truth: it would read as "did not happen". */
static void tell_nothing(struct keeper *k, uint32_t worker, uint64_t seq, const struct kept *e)
{
	if (e->x.state == X_REFUSED)
		tell_reason(k, worker, seq, DOWN_CLOSED, "refused before, and that answer was not kept");
	else
		tell(k, worker, seq, e->x.id, DOWN_WAIT, (struct yt_str){ 0 });
}

/* The stored answer, the same octets as the first time (P2). */
static void tell_stored(struct keeper *k, uint32_t worker, uint64_t seq, struct kept *e)
{
	struct yt_buf reply = { 0 }, buf = { 0 };
	size_t at;

	if (k->world.fetch(k->world.ctx, e->x.answered_pos, e->x.id, REC_T_REPLY, &reply) != 0) {
		tell_nothing(k, worker, seq, e);
		yt_buf_free(&reply);
		return;
	}
	at = rec_begin(&buf, REC_ANSWERED, 0, e->x.id, wall(k));
	rec_u8(&buf, REC_T_OUTCOME, e->x.state == X_DONE ? YT_DONE : YT_REFUSED);
	rec_str(&buf, REC_T_REPLY, yt_buf_view(&reply));
	rec_end(&buf, at);
	if (exchange_awaits_delivery(&e->x)) {
		struct answer a = { .worker = worker, .seq = seq, .exchange = e->x.id, .kind = DOWN_STORED,
			.is_offer = true, .payload = buf };

		note_delivery(k, e, "offered");
		utarray_push_back(k->answers, &a); /* owns the payload from here on */
	} else {
		tell(k, worker, seq, e->x.id, DOWN_STORED, yt_buf_view(&buf));
		yt_buf_free(&buf);
	}
	if (e->due_mono != 0)
		set_due(k, e, mono(k) + k->conf.undelivered_ms); /* it is being fetched just now */
	yt_buf_free(&reply);
}

/* The same number was admitted before. */
static void on_known(struct keeper *k, uint32_t worker, const struct talk *talk, const struct rec *accepted,
	struct kept *e)
{
	struct yt_str digest = rec_get(accepted, REC_T_DIGEST);

	if (digest.n != sizeof(e->x.digest) || memcmp(digest.p, e->x.digest, digest.n) != 0) {
		tell(k, worker, talk->seq, e->x.id, DOWN_CONFLICT, (struct yt_str){ 0 });
	} else if (answer_is_final(e)) {
		tell_stored(k, worker, talk->seq, e);
	} else if (!exchange_is_open(&e->x) && !e->x.answered) {
		tell_nothing(k, worker, talk->seq, e);
	} else {
		wait_for(e, worker, talk->seq);
		if (exchange_awaits_delivery(&e->x) && !e->x.reversal_wanted && e->x.answered_pos == 0)
			note_delivery(k, e, "offered"); /* it is told with the commit that is out */
		tell(k, worker, talk->seq, e->x.id, DOWN_WAIT, (struct yt_str){ 0 });
	}
}

/* The exchange that an origin's own reversal speaks of, when its outcome is still being found out. */
static struct kept *joins(struct keeper *k, const struct rec *accepted)
{
	struct yt_str original = rec_get(accepted, REC_T_ORIGINAL);
	struct kept *target;

	if (rec_get_u64(accepted, REC_T_OPERATION) != YT_OP_REVERSE || original.n == 0)
		return NULL;
	target = find_key(k, rec_get(accepted, REC_T_INSTITUTION), original);
	if (target == NULL || !exchange_is_open(&target->x))
		return NULL;
	if (target->x.state == X_DONE && target->holder == 0 && !target->x.reversal_wanted)
		return NULL; /* answered: an ordinary reversal, sent on */
	return target;
}

static void copy_str(char *to, size_t size, struct yt_str s)
{
	size_t n = s.n < size - 1 ? s.n : size - 1;

	if (n > 0)
		memcpy(to, s.p, n);
	to[n] = 0;
}

static struct kept *admit(struct keeper *k, const struct rec *accepted)
{
	struct kept *e = kept_new(k, accepted->exchange);

	copy_str(e->x.institution, sizeof(e->x.institution), rec_get(accepted, REC_T_INSTITUTION));
	copy_str(e->x.number, sizeof(e->x.number), rec_get(accepted, REC_T_NUMBER));
	enter_key(k, e);
	return e;
}

/* The origin's reversal is written down as joined; the target is undone, and its end answers both. */
static void join(struct keeper *k, uint32_t worker, const struct talk *talk, const struct rec *accepted,
	struct kept *target)
{
	struct kept *e = admit(k, accepted);
	struct yt_buf buf = { 0 };
	size_t at = 0;

	yt_buf_str(&buf, accepted->whole);
	rec_u64(&buf, REC_T_JOINS, target->x.id);
	rec_end(&buf, at);
	write_own(k, &buf);
	yt_buf_clear(&buf);
	at = rec_begin(&buf, REC_JOINED, 0, target->x.id, wall(k));
	rec_u64(&buf, REC_T_JOINS, e->x.id);
	rec_end(&buf, at);
	write_own(k, &buf);
	yt_buf_free(&buf);
	wait_for(e, worker, talk->seq);
	answer_later(k, worker, talk->seq, e->x.id, DOWN_WAIT);
	target->joined = true;
	settle_down(k, target);
	if (target->holder == 0 && target->x.state == X_UNKNOWN)
		set_due(k, target, mono(k)); /* the origin itself asks for it: no waiting */
}

/* A reversal that is sent on bars its original's visit while it is out (P13): its accepted record is
 * written with the business key of what it names. */
static void bar_target(struct keeper *k, struct yt_str *rest, const struct rec *accepted)
{
	struct kept *target = find_key(k, rec_get(accepted, REC_T_INSTITUTION), rec_get(accepted, REC_T_ORIGINAL));
	struct yt_buf buf = { 0 };

	if (target == NULL || target->x.business_key[0] == 0 || find_business(k, target->x.business_key) != NULL)
		return;
	yt_buf_str(&buf, accepted->whole);
	rec_str(&buf, REC_T_BUSINESS_KEY, yt_str(target->x.business_key));
	rec_u32(&buf, REC_T_FLAGS, REC_X_SETTLEMENT);
	rec_end(&buf, 0);
	write_own(k, &buf);
	yt_buf_free(&buf);
	rest->p += accepted->whole.n;
	rest->n -= accepted->whole.n;
}

static int on_begin(struct keeper *k, uint32_t worker, const struct talk *talk)
{
	struct yt_str rest = talk->payload;
	struct kept *e, *target;
	struct rec accepted, rec;
	char business[96];
	const char *why;
	size_t used;

	if (rec_read(rest, &accepted, &used) != 0 || accepted.type != REC_ACCEPTED || accepted.exchange != talk->exchange)
		return YT_ECORRUPT;
	e = find_id(k, talk->exchange);
	if (e != NULL) { /* a keeper before us had written it and did not live to say so */
		if (e->x.state == X_SENT) {
			answer_later(k, worker, talk->seq, talk->exchange, DOWN_ADMITTED);
			return 0;
		}
		wait_for(e, worker, talk->seq);
		answer_later(k, worker, talk->seq, talk->exchange, DOWN_WAIT);
		return 0;
	}
	e = find_key(k, rec_get(&accepted, REC_T_INSTITUTION), rec_get(&accepted, REC_T_NUMBER));
	if (e != NULL) {
		on_known(k, worker, talk, &accepted, e);
		return 0;
	}
	why = k->world.closed(k->world.ctx);
	if (why == NULL && HASH_CNT(hh_id, k->by_id) >= k->conf.exchanges)
		why = "too many exchanges are open";
	if (why != NULL) {
		tell_reason(k, worker, talk->seq, DOWN_CLOSED, why);
		return 0;
	}
	target = joins(k, &accepted);
	if (target != NULL) {
		join(k, worker, talk, &accepted, target);
		return 0;
	}
	copy_str(business, sizeof(business), rec_get(&accepted, REC_T_BUSINESS_KEY));
	e = business[0] != 0 ? find_business(k, business) : NULL;
	if (e != NULL) {
		tell(k, worker, talk->seq, e->x.id, DOWN_BUSY, (struct yt_str){ 0 });
		return 0;
	}
	e = admit(k, &accepted);
	if (rec_get_u64(&accepted, REC_T_OPERATION) == YT_OP_REVERSE)
		bar_target(k, &rest, &accepted);
	for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used)
		write_down(k, &rec);
	answer_later(k, worker, talk->seq, talk->exchange, DOWN_ADMITTED);
	settle_down(k, e);
	return 0;
}

/* -- legs, leases, notes ------------------------------------------------------------------------ */

/* Checks the whole payload before any of it is believed. */
static int check_records(struct yt_str payload)
{
	struct rec rec;
	size_t used;
	int rv;

	while ((rv = rec_read(payload, &rec, &used)) == 0) {
		payload.p += used;
		payload.n -= used;
	}
	return rv == YT_ENOTFOUND ? 0 : YT_ECORRUPT;
}

static void write_all(struct keeper *k, struct yt_str payload)
{
	struct rec rec;
	size_t used;

	for (; rec_read(payload, &rec, &used) == 0; payload.p += used, payload.n -= used)
		write_down(k, &rec);
}

/* A forwarded reversal succeeded: what it names is undone, whoever sent it. */
static void note_forwarded_reversal(struct keeper *k, const struct kept *e)
{
	struct kept *target;
	struct yt_buf buf = { 0 };
	size_t at;

	if (e->x.op != YT_OP_REVERSE || e->x.state != X_DONE || e->x.joins != 0 || e->x.original[0] == 0)
		return;
	target = find_key(k, yt_str(e->x.institution), yt_str(e->x.original));
	if (target == NULL || target->x.state == X_REVERSED)
		return;
	at = rec_begin(&buf, REC_REVERSED, 0, target->x.id, wall(k));
	rec_u64(&buf, REC_T_JOINS, e->x.id);
	rec_str(&buf, REC_T_REASON, YT_STR("reversed by its origin"));
	rec_end(&buf, at);
	write_own(k, &buf);
	yt_buf_free(&buf);
	settle_down(k, target);
}

static int on_end(struct keeper *k, uint32_t worker, const struct talk *talk)
{
	struct kept *e = find_id(k, talk->exchange);

	if (check_records(talk->payload) != 0)
		return YT_ECORRUPT;
	if (e == NULL || e->x.state == X_REFUSED) { /* admitted by a keeper after the one that refused it, and noted so */
		answer_later(k, worker, talk->seq, talk->exchange, DOWN_DURABLE);
		return 0;
	}
	if (e->x.state != X_SENT)
		return YT_ECORRUPT;
	write_all(k, talk->payload);
	offer_to_waiters(k, e, X_SENT);
	if (e->x.state == X_UNKNOWN || e->x.reversal_wanted) {
		wait_for(e, worker, talk->seq);
		answer_later(k, worker, talk->seq, e->x.id, DOWN_WAIT);
	} else {
		answer_later(k, worker, talk->seq, e->x.id, DOWN_DURABLE);
		((struct answer *)utarray_back(k->answers))->is_offer = true;
	}
	settle_down(k, e);
	note_forwarded_reversal(k, e);
	return 0;
}

/* An answer came after its outcome had been unknown.  Evidence, if nothing was begun yet; else only
 * a reason to reverse again. */
static int on_late(struct keeper *k, uint32_t worker, const struct talk *talk)
{
	struct kept *e = find_id(k, talk->exchange);
	struct rec rec;
	size_t used;

	if (check_records(talk->payload) != 0 || rec_read(talk->payload, &rec, &used) != 0)
		return YT_ECORRUPT;
	if (e == NULL || (e->x.answered && e->x.state == X_DONE)) {
		tell(k, worker, talk->seq, talk->exchange, DOWN_MOOT, (struct yt_str){ 0 });
		return 0;
	}
	if (e->x.state == X_UNKNOWN && e->holder == 0 && !e->x.reversal_wanted && e->x.attempts == 0) {
		write_all(k, talk->payload);
		offer_to_waiters(k, e, X_UNKNOWN);
		answer_later(k, worker, talk->seq, e->x.id, DOWN_DURABLE);
	} else {
		write_down(k, &rec); /* the outcome only: it counts as a late success */
		answer_later(k, worker, talk->seq, e->x.id, DOWN_MOOT);
		if (e->x.state == X_REVERSING && e->holder == 0)
			set_due(k, e, mono(k));
	}
	settle_down(k, e);
	note_forwarded_reversal(k, e);
	return 0;
}

static void end_lease(struct keeper *k, struct kept *e)
{
	if (e->holder != 0) {
		e->holder = 0;
		k->leased--;
	}
}

static void on_held(struct keeper *k, uint32_t worker, const struct talk *talk)
{
	struct kept *e = find_id(k, talk->exchange);

	if (e == NULL || e->holder != 0 || !exchange_is_open(&e->x))
		return;
	e->holder = worker;
	e->due_mono = 0;
	k->leased++;
}

static bool worker_is_ready(struct keeper *k, uint32_t worker)
{
	struct known_worker *w;

	HASH_FIND_INT(k->workers, &worker, w);
	return w != NULL && w->ready;
}

static int on_lease_records(struct keeper *k, uint32_t worker, const struct talk *talk)
{
	struct kept *e = find_id(k, talk->exchange);
	enum exchange_state before;

	if (check_records(talk->payload) != 0)
		return YT_ECORRUPT;
	if (e == NULL || !exchange_is_open(&e->x)) { /* what was to be found out has come by itself: a late answer */
		if (e != NULL && e->holder == worker)
			end_lease(k, e);
		tell(k, worker, talk->seq, talk->exchange, DOWN_MOOT, (struct yt_str){ 0 });
		return 0;
	}
	if (e->holder == 0 && !worker_is_ready(k, worker))
		on_held(k, worker, talk); /* said to a keeper before us, which did not live to write it */
	if (e->holder != worker)
		return YT_ECORRUPT; /* a lease ends only by return or death */
	if (talk->kind == UP_RETURN) {
		end_lease(k, e);
		e->due_mono = 0;
	}
	before = e->x.state;
	write_all(k, talk->payload);
	offer_to_waiters(k, e, before);
	answer_later(k, worker, talk->seq, e->x.id, DOWN_DURABLE);
	settle_down(k, e);
	note_forwarded_reversal(k, e);
	return 0;
}

/* -- numbers of our own --------------------------------------------------------------------------- */

static void keep_number(struct keeper *k, const struct rec *rec)
{
	struct number_block *b;
	char institution[32];

	copy_str(institution, sizeof(institution), rec_get(rec, REC_T_INSTITUTION));
	HASH_FIND_STR(k->numbers, institution, b);
	if (b == NULL) {
		b = calloc(1, sizeof(*b));
		YT_REQUIRE(b != NULL);
		memcpy(b->institution, institution, sizeof(institution));
		HASH_ADD_STR(k->numbers, institution, b);
	}
	if (rec_get_i64(rec, REC_T_SECOND) > b->second ||
		(rec_get_i64(rec, REC_T_SECOND) == b->second && rec_get_u64(rec, REC_T_SERIAL) > b->serial)) {
		b->second = rec_get_i64(rec, REC_T_SECOND);
		b->serial = (uint32_t)rec_get_u64(rec, REC_T_SERIAL);
	}
}

/* The next numbers in an institution's name: never given twice, whatever the clock does. */
static void next_numbers(struct keeper *k, const char *institution, uint32_t n, int64_t *second, uint32_t *serial)
{
	struct number_block *b;
	struct yt_buf buf = { 0 };
	struct rec rec;
	size_t at, used;
	int64_t now = wall(k) / 1000;

	HASH_FIND_STR(k->numbers, institution, b);
	*second = b != NULL && b->second >= now ? b->second : now;
	*serial = b != NULL && b->second == *second ? b->serial + 1 : k->conf.serial_from;
	if (*serial + n - 1 > k->conf.serial_to) {
		(*second)++;
		*serial = k->conf.serial_from;
	}
	at = rec_begin(&buf, REC_NUMBER, 0, 0, wall(k));
	rec_str(&buf, REC_T_INSTITUTION, yt_str(institution));
	rec_i64(&buf, REC_T_SECOND, *second);
	rec_u32(&buf, REC_T_SERIAL, *serial + n - 1);
	rec_end(&buf, at);
	write_own(k, &buf);
	YT_REQUIRE(rec_read(yt_buf_view(&buf), &rec, &used) == 0);
	keep_number(k, &rec);
	yt_buf_free(&buf);
}

/* -- sign-in of operators ----------------------------------------------------------------------- */

static int64_t business_day(int64_t wall_ms)
{
	return (wall_ms / 1000 + 8 * 3600) / 86400;
}

static struct party_session *session_of(struct keeper *k, const struct rec *rec)
{
	struct party_session *s;
	char key[128];

	snprintf(key, sizeof(key), "%.*s|%.*s|%.*s", YT_FMT(rec_get(rec, REC_T_PARTY)),
		YT_FMT(rec_get(rec, REC_T_INSTITUTION)), YT_FMT(rec_get(rec, REC_T_OPERATOR)));
	HASH_FIND_STR(k->sessions, key, s);
	if (s == NULL) {
		s = calloc(1, sizeof(*s));
		YT_REQUIRE(s != NULL);
		memcpy(s->key, key, sizeof(key));
		HASH_ADD_STR(k->sessions, key, s);
	}
	return s;
}

static void tell_sign_no(struct keeper *k, const struct party_session *s, uint32_t worker, uint64_t seq)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_SESSION, REC_NOWAIT, 0, wall(k));

	rec_str(&buf, REC_T_SIGN_NO, yt_str(s->sign_no));
	rec_end(&buf, at);
	tell(k, worker, seq, 0, DOWN_SESSION, yt_buf_view(&buf));
	yt_buf_free(&buf);
}

/* Lets one worker sign in, with a number of ours that is durable first. */
static void grant_sign_in(struct keeper *k, struct party_session *s, const char *institution, uint32_t worker,
	uint64_t seq)
{
	struct answer a = { .worker = worker, .seq = seq, .kind = DOWN_SESSION };
	int64_t second;
	uint32_t serial;
	size_t at;

	next_numbers(k, institution, 1, &second, &serial);
	at = rec_begin(&a.payload, REC_SESSION, REC_NOWAIT, 0, wall(k));
	rec_i64(&a.payload, REC_T_SECOND, second);
	rec_u32(&a.payload, REC_T_SERIAL, serial);
	rec_end(&a.payload, at);
	s->signing = worker;
	utarray_push_back(k->answers, &a);
	k->urgent = true;
}

/* One place in the queue for each worker: it knows only its newest question (it asks again after a
 * restart of ours), and what is granted to an older one would be granted to nobody. */
static void wait_for_session(struct party_session *s, uint32_t worker, uint64_t seq)
{
	struct waiter *w;

	LL_SEARCH_SCALAR(s->waiters, w, worker, worker);
	if (w == NULL) {
		w = calloc(1, sizeof(*w));
		YT_REQUIRE(w != NULL);
		w->worker = worker;
		LL_APPEND(s->waiters, w);
	}
	w->seq = seq;
}

static int on_session(struct keeper *k, uint32_t worker, const struct talk *talk)
{
	struct party_session *s;
	struct yt_str dead;
	char institution[32];
	struct rec rec;
	size_t used;

	if (rec_read(talk->payload, &rec, &used) != 0)
		return YT_ECORRUPT;
	s = session_of(k, &rec);
	dead = rec_get(&rec, REC_T_SIGN_NO);
	if (s->day != business_day(wall(k)) || (dead.n != 0 && yt_str_is(dead, s->sign_no)))
		s->sign_no[0] = 0;
	if (s->sign_no[0] != 0) {
		tell_sign_no(k, s, worker, talk->seq);
	} else if (s->signing != 0 && s->signing != worker) {
		wait_for_session(s, worker, talk->seq);
	} else {
		copy_str(institution, sizeof(institution), rec_get(&rec, REC_T_INSTITUTION));
		grant_sign_in(k, s, institution, worker, talk->seq);
	}
	return 0;
}

/* Somebody signed in, or could not (no SIGN_NO): those who wait hear, or one of them tries next. */
static void keep_session(struct keeper *k, const struct rec *rec)
{
	struct party_session *s = session_of(k, rec);
	struct waiter *w, *next;
	char institution[32];

	copy_str(s->sign_no, sizeof(s->sign_no), rec_get(rec, REC_T_SIGN_NO));
	s->day = business_day(rec->wall_ms);
	s->signing = 0;
	copy_str(institution, sizeof(institution), rec_get(rec, REC_T_INSTITUTION));
	LL_FOREACH_SAFE(s->waiters, w, next) {
		if (s->sign_no[0] == 0 && s->signing != 0)
			break;
		if (s->sign_no[0] != 0)
			tell_sign_no(k, s, w->worker, w->seq);
		else
			grant_sign_in(k, s, institution, w->worker, w->seq);
		LL_DELETE(s->waiters, w);
		free(w);
	}
}

/* A worker died: what it was about to sign in for is free for the next who asks. */
static void drop_sign_ins(struct keeper *k, uint32_t worker)
{
	struct party_session *s, *next_s;
	struct waiter *w, *next;

	HASH_ITER(hh, k->sessions, s, next_s) {
		if (s->signing == worker)
			s->signing = 0;
		LL_FOREACH_SAFE(s->waiters, w, next) {
			if (w->worker == worker) {
				LL_DELETE(s->waiters, w);
				free(w);
			}
		}
		if (s->signing == 0 && s->waiters != NULL) {
			char *from = strchr(s->key, '|') + 1;
			char institution[32];

			copy_str(institution, sizeof(institution), (struct yt_str){ from, strcspn(from, "|") });
			w = s->waiters;
			LL_DELETE(s->waiters, w);
			grant_sign_in(k, s, institution, w->worker, w->seq);
			free(w);
		}
	}
}

static int on_note(struct keeper *k, const struct talk *talk)
{
	struct yt_str rest = talk->payload;
	struct kept *e;
	struct rec rec;
	size_t used;

	if (check_records(rest) != 0)
		return YT_ECORRUPT;
	for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used) {
		write_down(k, &rec);
		if (rec.type == REC_SESSION)
			keep_session(k, &rec);
		e = find_id(k, rec.exchange);
		if (e != NULL)
			settle_down(k, e);
	}
	return 0;
}

static void on_hello(struct keeper *k, uint32_t worker, const struct talk *talk)
{
	struct yt_buf buf = { 0 };
	struct known_worker *w;
	size_t at;

	HASH_FIND_INT(k->workers, &worker, w);
	if (w == NULL)
		return;
	if (w->incarnation == 0)
		w->incarnation = ++k->incarnation;
	w->ready = true;
	at = rec_begin(&buf, REC_WORKER, 0, 0, wall(k));
	rec_u32(&buf, REC_T_WORKER, w->incarnation);
	rec_end(&buf, at);
	write_own(k, &buf);
	yt_buf_free(&buf);
	answer_later(k, worker, talk->seq, w->incarnation, DOWN_WELCOME);
}

/* A keeper before us owed this worker word of an exchange. */
static void on_wait(struct keeper *k, uint32_t worker, const struct talk *talk)
{
	struct kept *e;
	struct rec rec;
	size_t used;

	if (rec_read(talk->payload, &rec, &used) != 0)
		return;
	e = find_key(k, rec_get(&rec, REC_T_INSTITUTION), rec_get(&rec, REC_T_NUMBER));
	if (e == NULL)
		return; /* it may stand on another worker's ring still: silence is never wrong */
	if (answer_is_final(e))
		tell_stored(k, worker, talk->seq, e);
	else if (!exchange_is_open(&e->x) && !e->x.answered)
		tell_nothing(k, worker, talk->seq, e);
	else
		wait_for(e, worker, talk->seq);
}

/* A keeper before us had written this message down and did not live to say so. */
static bool was_written(struct keeper *k, uint32_t worker, const struct talk *talk)
{
	struct kept *e = find_id(k, talk->exchange);

	switch (talk->kind) {
	case UP_END:
		if (e != NULL && !answer_is_final(e)) {
			wait_for(e, worker, talk->seq);
			answer_later(k, worker, talk->seq, talk->exchange, DOWN_WAIT);
			return true;
		}
		/* fall through */
	case UP_LATE:
	case UP_STEP:
	case UP_RETURN:
		answer_later(k, worker, talk->seq, talk->exchange, DOWN_DURABLE);
		return true;
	case UP_NOTE:
		return true;
	default:
		return false; /* admission, hello, held: decided anew, on_begin() knows its exchange */
	}
}

int keeper_message(struct keeper *k, uint32_t worker, const struct talk *talk)
{
	struct known_worker *w;

	HASH_FIND_INT(k->workers, &worker, w);
	if (w == NULL || (w->seq != 0 && talk->seq <= w->seq))
		return YT_ECORRUPT;
	w->seq = talk->seq;
	if (talk->seq <= w->written && was_written(k, worker, talk))
		return 0;
	w->seq_is_new = talk->seq > w->written;
	switch (talk->kind) {
	case UP_HELLO:
		on_hello(k, worker, talk);
		return 0;
	case UP_BEGIN:
		return on_begin(k, worker, talk);
	case UP_END:
		return on_end(k, worker, talk);
	case UP_LATE:
		return on_late(k, worker, talk);
	case UP_STEP:
	case UP_RETURN:
		return on_lease_records(k, worker, talk);
	case UP_NOTE:
		return on_note(k, talk);
	case UP_HELD:
		on_held(k, worker, talk);
		return 0;
	case UP_SESSION:
		return on_session(k, worker, talk);
	case UP_WAIT:
		on_wait(k, worker, talk);
		return 0;
	case UP_READY:
		w->ready = w->ready || talk->exchange == k->epoch; /* else said to a keeper before us: leases came after it */
		return 0;
	default:
		return YT_ECORRUPT;
	}
}

/* How far a worker's ring is written down, with this commit, so that a keeper after us knows. */
static void write_seq(struct keeper *k, struct known_worker *w)
{
	size_t at;

	if (!w->seq_is_new || w->incarnation == 0)
		return;
	at = rec_begin(&k->pending, REC_WORKER, REC_NOWAIT, 0, wall(k));
	rec_u32(&k->pending, REC_T_WORKER, w->incarnation);
	rec_u64(&k->pending, REC_T_SEQ, w->seq);
	rec_end(&k->pending, at);
	w->seq_is_new = false;
}

/* -- workers come and go ------------------------------------------------------------------------ */

void keeper_worker_up(struct keeper *k, uint32_t worker, uint32_t incarnation)
{
	struct known_worker *w = calloc(1, sizeof(*w));
	struct written *known;

	YT_REQUIRE(w != NULL);
	w->worker = worker;
	w->incarnation = incarnation;
	if (incarnation > k->incarnation)
		k->incarnation = incarnation;
	w->ready = incarnation == 0; /* else it must first name the leases it holds */
	HASH_FIND_INT(k->written, &incarnation, known);
	w->written = known != NULL ? known->seq : 0;
	HASH_ADD_INT(k->workers, worker, w);
	if (incarnation != 0)
		tell(k, worker, 0, k->epoch, DOWN_RESTARTED, (struct yt_str){ 0 });
}

void keeper_worker_drains(struct keeper *k, uint32_t worker)
{
	struct known_worker *w;

	HASH_FIND_INT(k->workers, &worker, w);
	if (w != NULL)
		w->drains = true;
}

/* A leg whose worker is dead: nobody will hear its answer. */
static void lose_leg(struct keeper *k, struct kept *e)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_OUTCOME, 0, e->x.id, wall(k));

	rec_u8(&buf, REC_T_LEG, REC_LEG_MAIN);
	rec_u8(&buf, REC_T_OUTCOME, YT_UNKNOWN);
	rec_str(&buf, REC_T_REASON, YT_STR("worker died"));
	rec_end(&buf, at);
	write_own(k, &buf);
	yt_buf_free(&buf);
	settle_down(k, e);
}

static void drop_waiters(struct kept *e, uint32_t worker)
{
	struct waiter *w, *next;

	LL_FOREACH_SAFE(e->waiters, w, next) {
		if (w->worker == worker) {
			LL_DELETE(e->waiters, w);
			free(w);
		}
	}
}

/* Answers that it was to hand out and never heard of. */
static void drop_offers(struct keeper *k, UT_array *answers, uint32_t worker)
{
	struct answer *a = NULL;
	struct kept *e;

	while ((a = (struct answer *)utarray_next(answers, a)) != NULL) {
		e = a->worker == worker && a->is_offer ? find_id(k, a->exchange) : NULL;
		if (e != NULL && exchange_awaits_delivery(&e->x))
			note_delivery(k, e, "missed");
	}
}

void keeper_worker_gone(struct keeper *k, uint32_t worker)
{
	struct known_worker *w;
	struct kept *e, *next;

	HASH_FIND_INT(k->workers, &worker, w);
	if (w == NULL)
		return;
	HASH_ITER(hh_id, k->by_id, e, next) {
		drop_waiters(e, worker);
		if (e->holder == worker) {
			end_lease(k, e);
			if (e->x.state != X_PARKED)
				set_due(k, e, mono(k));
			if (e->resent_mono != 0)
				e->resent_mono = mono(k); /* it may have left until the worker died */
		}
		if ((e->x.state == X_SENT || e->x.state == X_ACCEPTED) && e->x.worker == w->incarnation && e->x.joins == 0)
			lose_leg(k, e);
	}
	write_seq(k, w);
	drop_offers(k, k->answers, worker);
	drop_offers(k, k->answers_taken, worker);
	HASH_DEL(k->workers, w);
	free(w);
	drop_sign_ins(k, worker);
}

static bool worker_lives(struct keeper *k, uint32_t incarnation)
{
	struct known_worker *w, *next;

	HASH_ITER(hh, k->workers, w, next) {
		if (w->incarnation == incarnation)
			return true;
	}
	return false;
}

void keeper_start(struct keeper *k)
{
	struct kept *e, *next, *target;

	HASH_ITER(hh_id, k->by_id, e, next) {
		if (e->x.state == X_UNKNOWN || e->x.state == X_REVERSING)
			e->since_mono = mono(k); /* what time passed while we were down is nobody's word */
		if ((e->x.state == X_SENT || e->x.state == X_ACCEPTED) && e->x.joins == 0 && !worker_lives(k, e->x.worker))
			lose_leg(k, e);
		else
			settle_down(k, e);
		if (e->x.joins != 0 && exchange_is_open(&e->x)) {
			set_due(k, e, mono(k)); /* its target may have ended: look once */
			target = find_id(k, e->x.joins);
			if (target != NULL)
				target->joined = true;
		}
	}
}

/* -- recovery ----------------------------------------------------------------------------------- */

void keeper_load(struct keeper *k, const struct exchange *x)
{
	struct kept *e = find_id(k, x->id);

	if (e == NULL)
		e = kept_new(k, x->id);
	e->x = *x;
	enter_key(k, e);
}

static void keep_worker(struct keeper *k, const struct rec *rec)
{
	uint32_t incarnation = (uint32_t)rec_get_u64(rec, REC_T_WORKER);
	struct written *w;

	if (incarnation > k->incarnation)
		k->incarnation = incarnation;
	HASH_FIND_INT(k->written, &incarnation, w);
	if (w == NULL) {
		w = calloc(1, sizeof(*w));
		YT_REQUIRE(w != NULL);
		w->incarnation = incarnation;
		HASH_ADD_INT(k->written, incarnation, w);
	}
	if (rec_get_u64(rec, REC_T_SEQ) > w->seq)
		w->seq = rec_get_u64(rec, REC_T_SEQ);
}

void keeper_replay(struct keeper *k, const struct rec *rec, log_pos pos)
{
	struct kept *e;

	if (rec->type == REC_NUMBER) {
		keep_number(k, rec);
	} else if (rec->type == REC_SESSION) {
		keep_session(k, rec);
	} else if (rec->type == REC_WORKER) {
		keep_worker(k, rec);
	} else if (rec->exchange != 0 && rec->type != REC_READ && rec->type != REC_REFUSED) {
		e = find_id(k, rec->exchange);
		if (e == NULL && rec->type != REC_ACCEPTED)
			return; /* closed before the index position: only a late note of it */
		if (e == NULL)
			e = kept_new(k, rec->exchange);
		exchange_apply(&e->x, rec, pos);
		if (rec->type == REC_ACCEPTED)
			enter_key(k, e);
	}
}

/* -- follow-ups --------------------------------------------------------------------------------- */

static struct known_worker *pick_worker(struct keeper *k)
{
	struct known_worker *w, *next, *best = NULL;
	uint32_t i = 0, n = HASH_COUNT(k->workers), turn;

	if (n == 0)
		return NULL;
	turn = k->turn++ % n;
	HASH_ITER(hh, k->workers, w, next) {
		if (!w->ready)
			return NULL; /* it may hold what we would hand out */
		if (w->incarnation != 0 && !w->drains && (best == NULL || i == turn))
			best = w;
		i++;
	}
	return best;
}

static void lease_bodies(struct keeper *k, const struct kept *e, struct yt_buf *buf)
{
	struct yt_buf octets = { 0 };

	if (e->x.accepted_pos != 0 && k->world.fetch(k->world.ctx, e->x.accepted_pos, e->x.id, REC_T_REQUEST, &octets) == 0)
		rec_str(buf, REC_T_REQUEST, yt_buf_view(&octets));
	yt_buf_clear(&octets);
	if (e->x.sent_pos != 0 && k->world.fetch(k->world.ctx, e->x.sent_pos, e->x.id, REC_T_SENT, &octets) == 0)
		rec_str(buf, REC_T_SENT, yt_buf_view(&octets));
	yt_buf_free(&octets);
}

/* The lease of an exchange, one record: STATE (struct exchange), what was asked and sent, our next
 * numbers (SECOND, SERIAL ..), how long the outcome has been unknown (ELAPSED, ms) and how long nothing has
 * been sent that may still take effect (QUIET, ms), and for a joined reversal the RESULT of its target. */
static void keeper_lease(struct keeper *k, struct known_worker *w, struct kept *e)
{
	struct answer a = { .worker = w->worker, .exchange = e->x.id, .kind = DOWN_LEASE };
	struct kept *target;
	uint32_t serial;
	int64_t second;
	size_t at;

	next_numbers(k, e->x.institution, NUMBERS_PER_LEASE, &second, &serial);
	at = rec_begin(&a.payload, REC_CARRIED, 0, e->x.id, wall(k));
	rec_bytes(&a.payload, REC_T_STATE, &e->x, sizeof(e->x));
	rec_i64(&a.payload, REC_T_SECOND, second);
	rec_u32(&a.payload, REC_T_SERIAL, serial);
	rec_u64(&a.payload, REC_T_ELAPSED, e->since_mono == 0 ? 0 : (uint64_t)(mono(k) - e->since_mono));
	if (e->since_mono != 0)
		rec_u64(&a.payload, REC_T_QUIET,
			(uint64_t)(mono(k) - (e->resent_mono > e->since_mono ? e->resent_mono : e->since_mono)));
	if (e->x.joins != 0) {
		target = find_id(k, e->x.joins);
		rec_str(&a.payload, REC_T_RESULT,
			yt_str(target == NULL ? "reversed" : exchange_state_name(target->x.state)));
	}
	lease_bodies(k, e, &a.payload);
	rec_end(&a.payload, at);
	e->holder = w->worker;
	e->due_mono = 0;
	k->leased++;
	utarray_push_back(k->answers, &a);
	k->urgent = true;
}

/* A joined reversal has nothing to do before its target has ended. */
static bool must_wait(struct keeper *k, const struct kept *e)
{
	struct kept *target;

	if (e->x.joins == 0)
		return false;
	target = find_id(k, e->x.joins);
	return target != NULL && exchange_is_open(&target->x);
}

/* What a heap entry speaks of is done, said again with another time, or to be woken by its target. */
static bool is_stale(struct keeper *k, struct kept *e, const struct due *due)
{
	if (e == NULL || e->due_mono != due->at || e->holder != 0 || !exchange_is_open(&e->x))
		return true;
	if (!must_wait(k, e))
		return false;
	e->due_mono = 0;
	return true;
}

int64_t keeper_tick(struct keeper *k)
{
	int64_t now = mono(k);

	while (utarray_len(k->due) > 0) {
		struct due due = *heap_at(k->due, 0);
		struct kept *e = find_id(k, due.exchange);
		struct known_worker *w;

		if (is_stale(k, e, &due)) {
			heap_pop(k->due);
			continue;
		}
		if (due.at > now)
			return due.at;
		if (e->x.accepted_pos == 0) { /* its request cannot be read back before it is on disk */
			heap_pop(k->due);
			set_due(k, e, now + NOBODY_MS);
			continue;
		}
		if (exchange_awaits_delivery(&e->x) && e->x.offers > 0 && !e->x.reversal_wanted) {
			heap_pop(k->due); /* it may have got through: no machine undoes that */
			e->due_mono = 0;
			note_delivery(k, e, "unproved");
			settle_down(k, e);
			continue;
		}
		w = k->leased < k->conf.leases ? pick_worker(k) : NULL;
		if (w == NULL)
			return now + NOBODY_MS; /* nobody to give it to just now */
		heap_pop(k->due);
		keeper_lease(k, w, e);
	}
	return -1;
}

/* -- commits ------------------------------------------------------------------------------------ */

void keeper_note(struct keeper *k, struct yt_str record)
{
	struct kept *e;
	struct rec rec;
	size_t used;

	YT_REQUIRE(rec_read(record, &rec, &used) == 0);
	e = find_id(k, rec.exchange);
	if (e == NULL && rec.type == REC_PARKED)
		e = kept_new(k, rec.exchange); /* octets that killed a worker: an operator must decide about them */
	write_down(k, &rec);
	if (e != NULL)
		settle_down(k, e);
	k->urgent = true;
}

bool keeper_has_pending(const struct keeper *k, bool *urgent)
{
	*urgent = k->urgent;
	return k->pending.n > 0 || utarray_len(k->answers) > 0;
}

static void write_seqs(struct keeper *k)
{
	struct known_worker *w, *next;

	HASH_ITER(hh, k->workers, w, next)
		write_seq(k, w);
}

void keeper_take(struct keeper *k, struct yt_str *records)
{
	UT_array *answers = k->answers_taken;
	struct yt_buf taken = k->taken;

	if (k->pending.n > 0)
		write_seqs(k);
	YT_REQUIRE(taken.n == 0 && utarray_len(answers) == 0);
	k->taken = k->pending;
	k->pending = taken;
	k->answers_taken = k->answers;
	k->answers = answers;
	k->urgent = false;
	YT_REQUIRE(!k->taken.failed);
	*records = yt_buf_view(&k->taken);
}

static void tell_waiters(struct keeper *k, struct kept *e, const struct rec *answered)
{
	struct waiter *w, *next;

	if (e->x.reversal_wanted)
		return; /* its origin asked to undo it: the end of that is the answer */
	LL_FOREACH_SAFE(e->waiters, w, next) {
		tell(k, w->worker, w->seq, e->x.id, DOWN_STORED, answered->whole);
		LL_DELETE(e->waiters, w);
		free(w);
	}
}

void keeper_committed(struct keeper *k, log_pos pos)
{
	struct yt_str rest = yt_buf_view(&k->taken);
	struct answer *a = NULL;
	struct rec rec;
	size_t used;

	for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used) {
		struct kept *e = rec.exchange != 0 ? find_id(k, rec.exchange) : NULL;

		if (e == NULL)
			continue;
		exchange_place(&e->x, &rec, pos);
		if (e->unplaced > 0)
			e->unplaced--;
		if (rec.type == REC_ANSWERED)
			tell_waiters(k, e, &rec);
	}
	while ((a = (struct answer *)utarray_next(k->answers_taken, a)) != NULL) {
		tell(k, a->worker, a->seq, a->exchange, a->kind, yt_buf_view(&a->payload));
		yt_buf_free(&a->payload);
	}
	utarray_clear(k->answers_taken);
	yt_buf_clear(&k->taken);
}

void keeper_indexed(struct keeper *k, log_pos pos)
{
	k->indexed = pos;
	while (k->closed != NULL) {
		struct kept *e = k->closed;

		if (exchange_is_open(&e->x) || e->holder != 0) { /* reopened: a late success, a reversal */
			DL_DELETE(k->closed, e);
			e->aged = false;
			continue;
		}
		if (e->unplaced > 0 || e->x.last_pos == 0 || e->x.last_pos >= pos)
			return; /* the index does not know all of it yet; who still waits then can never be told */
		DL_DELETE(k->closed, e);
		kept_free(k, e);
	}
}

/* -- retention ---------------------------------------------------------------------------------- */

static bool has_octets_before(const struct exchange *x, log_pos before)
{
	return (x->accepted_pos != 0 && x->accepted_pos < before) || (x->sent_pos != 0 && x->sent_pos < before) ||
		(x->answered_pos != 0 && x->answered_pos < before);
}

static void carry_octets(struct keeper *k, const struct exchange *x, log_pos pos, enum rec_tag tag, struct yt_buf *out)
{
	struct yt_buf octets = { 0 };

	if (pos != 0 && k->world.fetch(k->world.ctx, pos, x->id, tag, &octets) == 0)
		rec_str(out, tag, yt_buf_view(&octets));
	yt_buf_free(&octets);
}

static void carry_exchange(struct keeper *k, const struct exchange *x)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_CARRIED, 0, x->id, wall(k));

	rec_bytes(&buf, REC_T_STATE, x, sizeof(*x));
	rec_str(&buf, REC_T_INSTITUTION, yt_str(x->institution));
	rec_str(&buf, REC_T_NUMBER, yt_str(x->number));
	rec_str(&buf, REC_T_WIRE_OP, yt_str(x->wire_op));
	rec_u8(&buf, REC_T_OPERATION, (uint8_t)x->op);
	rec_bytes(&buf, REC_T_DIGEST, x->digest, sizeof(x->digest));
	carry_octets(k, x, x->accepted_pos, REC_T_REQUEST, &buf);
	carry_octets(k, x, x->sent_pos, REC_T_SENT, &buf);
	carry_octets(k, x, x->answered_pos, REC_T_REPLY, &buf);
	rec_end(&buf, at);
	write_own(k, &buf);
	yt_buf_free(&buf);
}

void keeper_carry(struct keeper *k, log_pos before)
{
	struct number_block *b, *next_b;
	struct kept *e, *next;

	HASH_ITER(hh_id, k->by_id, e, next) {
		if (exchange_is_open(&e->x) && has_octets_before(&e->x, before))
			carry_exchange(k, &e->x);
	}
	HASH_ITER(hh, k->numbers, b, next_b) {
		struct yt_buf buf = { 0 };
		size_t at = rec_begin(&buf, REC_NUMBER, 0, 0, wall(k));

		rec_str(&buf, REC_T_INSTITUTION, yt_str(b->institution));
		rec_i64(&buf, REC_T_SECOND, b->second);
		rec_u32(&buf, REC_T_SERIAL, b->serial);
		rec_end(&buf, at);
		write_own(k, &buf);
		yt_buf_free(&buf);
	}
}

/* -- operators, counts -------------------------------------------------------------------------- */

int keeper_decide(struct keeper *k, uint64_t exchange, const char *result, struct yt_str operator_name,
	struct yt_str reason)
{
	struct kept *e = find_id(k, exchange);
	struct yt_buf buf = { 0 };
	size_t at;

	if (e == NULL)
		return YT_ENOTFOUND;
	if (e->x.state != X_PARKED)
		return YT_ESTATE;
	at = rec_begin(&buf, REC_DECIDED, 0, exchange, wall(k));
	rec_str(&buf, REC_T_RESULT, yt_str(result));
	rec_str(&buf, REC_T_OPERATOR, operator_name);
	rec_str(&buf, REC_T_REASON, reason);
	rec_end(&buf, at);
	write_own(k, &buf);
	yt_buf_free(&buf);
	settle_down(k, e);
	return 0;
}

void keeper_count(const struct keeper *k, struct keeper_counts *c)
{
	const struct kept *e;

	memset(c, 0, sizeof(*c));
	for (e = k->by_id; e != NULL; e = e->hh_id.next) {
		c->in_memory++;
		c->sent += e->x.state == X_SENT;
		c->unknown += e->x.state == X_UNKNOWN;
		c->reversing += e->x.state == X_REVERSING;
		c->parked += e->x.state == X_PARKED;
		c->undelivered += e->x.state == X_DONE && exchange_is_open(&e->x);
	}
	c->leased = k->leased;
}

bool keeper_may_resolve(const struct keeper *k, uint64_t exchange)
{
	const struct kept *e;

	HASH_FIND(hh_id, k->by_id, &exchange, sizeof(exchange), e);
	return e != NULL && e->x.attempts == 0 && e->holder == 0;
}

void keeper_each_open(const struct keeper *k, void (*each)(void *arg, const struct exchange *x), void *arg)
{
	const struct kept *e;

	for (e = k->by_id; e != NULL; e = e->hh_id.next) {
		if (exchange_is_open(&e->x))
			each(arg, &e->x);
	}
}

void keeper_configure(struct keeper *k, const struct keeper_conf *conf)
{
	k->conf = *conf;
}

uint64_t keeper_open(const struct keeper *k)
{
	const struct kept *e;
	uint64_t n = 0;

	for (e = k->by_id; e != NULL; e = e->hh_id.next)
		n += exchange_is_open(&e->x);
	return n;
}

static const UT_icd due_icd = { sizeof(struct due), NULL, NULL, NULL };
static const UT_icd answer_icd = { sizeof(struct answer), NULL, NULL, NULL };

struct keeper *keeper_new(const struct keeper_conf *conf, const struct keeper_world *world)
{
	struct keeper *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	k->conf = *conf;
	k->world = *world;
	k->epoch = (uint64_t)mono(k);
	utarray_new(k->due, &due_icd);
	utarray_new(k->answers, &answer_icd);
	utarray_new(k->answers_taken, &answer_icd);
	return k;
}

static void free_answers(UT_array *answers)
{
	struct answer *a = NULL;

	while ((a = (struct answer *)utarray_next(answers, a)) != NULL)
		yt_buf_free(&a->payload);
	utarray_free(answers);
}

void keeper_free(struct keeper *k)
{
	struct party_session *s, *next_s;
	struct number_block *b, *next_b;
	struct known_worker *w, *next_w;
	struct written *r, *next_r;
	struct waiter *waiter, *next_waiter;
	struct kept *e, *next_e;

	if (k == NULL)
		return;
	HASH_ITER(hh_id, k->by_id, e, next_e)
		kept_free(k, e);
	HASH_ITER(hh, k->sessions, s, next_s) {
		LL_FOREACH_SAFE(s->waiters, waiter, next_waiter)
			free(waiter);
		HASH_DEL(k->sessions, s);
		free(s);
	}
	HASH_ITER(hh, k->numbers, b, next_b) {
		HASH_DEL(k->numbers, b);
		free(b);
	}
	HASH_ITER(hh, k->workers, w, next_w) {
		HASH_DEL(k->workers, w);
		free(w);
	}
	HASH_ITER(hh, k->written, r, next_r) {
		HASH_DEL(k->written, r);
		free(r);
	}
	utarray_free(k->due);
	free_answers(k->answers);
	free_answers(k->answers_taken);
	yt_buf_free(&k->pending);
	yt_buf_free(&k->taken);
	free(k);
}
