/* tests/test_keeper.c - the keeper's machine alone (journal/keeper.h): who is admitted, who works what off, who
 * hears what and when.
 *
 * The world is this file: two clocks, a journal in memory, and a list of what workers were told, which the
 * tests compare as text ("1:admitted 1" is message kind and seq to worker 1).  The simulator plays the same
 * machine under faults; here each rule stands alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "journal/keeper_parts.h"

#define NOON 1790000000000LL
#define REVERSE_AFTER_MS 15000
#define UNDELIVERED_MS 1800000
#define H "H33021399901"
#define FOLLOW_UP(n) (1ull << 32 | (n)) /* of worker 1, the first incarnation: its n-th number */

/* -- the world ------------------------------------------------------------------------------------ */

struct commit {
	struct yt_buf records;
};

static struct world {
	struct keeper *keeper;
	int64_t wall_ms, mono_ms;
	struct commit commits[200]; /* position is index + 1 */
	size_t n_commits;
	struct yt_buf told;
	struct yt_buf leased; /* the lease told last */
	const char *closed;
	const char *asks_as; /* NULL: H */
	int find_error;
	bool rests;       /* follow-ups do in the index, as far as that has come */
	size_t n_made_up; /* of this many more of them nobody wrote down: FOLLOW_UP(1000) and on */
	const char *why;  /* a lease is given back for now; NULL: no reason */
	const char *then; /* flow that follows from what is asked; NULL: none */
	bool is_one_stop; /* somebody waits for what follows */
	bool pays;        /* what follows is a payout */
	bool index_lags;  /* it does not know of cancels yet */
	uint64_t seq[8];  /* of each worker */
} w;

static int64_t k_wall(void *ctx)
{
	return w.wall_ms;
}

static int64_t k_mono(void *ctx)
{
	return w.mono_ms;
}

static const char *talk_name(enum talk_kind kind)
{
	static const char *const names[] = { [DOWN_WELCOME] = "welcome",
		[DOWN_ADMITTED] = "admitted",
		[DOWN_STORED] = "stored",
		[DOWN_WAIT] = "wait",
		[DOWN_CONFLICT] = "conflict",
		[DOWN_BUSY] = "busy",
		[DOWN_CLOSED] = "closed",
		[DOWN_DURABLE] = "durable",
		[DOWN_LEASE] = "lease",
		[DOWN_RESTARTED] = "restarted",
		[DOWN_SESSION] = "session",
		[DOWN_MOOT] = "moot" };

	return names[kind];
}

/* "1:stored 4=reply " */
static void k_tell(void *ctx, uint32_t worker, const struct talk *talk)
{
	struct rec rec;
	size_t used;

	yt_buf_printf(&w.told, "%u:%s %llu", worker, talk_name(talk->kind), (unsigned long long)talk->seq);
	if (talk->kind == DOWN_LEASE || talk->kind == DOWN_RESTARTED)
		yt_buf_printf(
		        &w.told, "/%llu", talk->kind == DOWN_LEASE ? (unsigned long long)(uint32_t)talk->exchange : 0);
	if (talk->kind == DOWN_STORED && rec_read(talk->payload, &rec, &used) == 0)
		yt_buf_printf(&w.told, "=%.*s", YT_FMT(rec_get(&rec, REC_T_REPLY)));
	if (talk->kind == DOWN_SESSION && rec_read(talk->payload, &rec, &used) == 0)
		yt_buf_printf(&w.told, "=%.*s%s", YT_FMT(rec_get(&rec, REC_T_SIGN_NO)),
		        rec_get(&rec, REC_T_SERIAL).n != 0 ? "grant" : "");
	yt_buf_byte(&w.told, ' ');
	if (talk->kind == DOWN_LEASE) {
		yt_buf_clear(&w.leased);
		yt_buf_str(&w.leased, talk->payload);
	}
}

static struct exchange *fold(uint64_t exchange, struct yt_str institution, struct yt_str number)
{
	static struct exchange x;
	struct exchange row[64];
	size_t i, n = 0, used;

	for (i = 0; i < w.n_commits; i++) {
		struct yt_str rest = yt_buf_view(&w.commits[i].records);
		struct rec rec;

		for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used) {
			size_t r;

			for (r = 0; r < n && row[r].id != rec.exchange; r++)
				;
			if (rec.exchange == 0 || (r == n && rec.type != REC_ACCEPTED))
				continue;
			if (r == n)
				memset(&row[n++], 0, sizeof(row[0]));
			exchange_apply(&row[r], &rec, i + 1);
		}
	}
	for (i = 0; i < n; i++) {
		if (row[i].id == exchange || (exchange == 0 && yt_str_is(institution, row[i].institution) &&
		                                     yt_str_is(number, row[i].number))) {
			x = row[i];
			return &x;
		}
	}
	return NULL;
}

static int k_find(void *ctx, struct yt_str institution, struct yt_str number, struct exchange *x)
{
	struct exchange *found = fold(0, institution, number);

	if (w.find_error != 0)
		return w.find_error;
	if (found == NULL)
		return YT_ENOTFOUND;
	*x = *found;
	return 0;
}

/* The settlement's newest cancel, if that is done. */
static int k_cancelled(void *ctx, struct yt_str institution, struct yt_str settlement, struct exchange *x)
{
	struct exchange *found;

	if (w.find_error != 0)
		return w.find_error;
	for (uint64_t id = w.index_lags ? 64 : 1; id < 64; id++) {
		found = fold(id, (struct yt_str){ 0 }, (struct yt_str){ 0 });
		if (found != NULL && exchange_is_cancel(found) && found->state == X_DONE &&
		        yt_str_is(settlement, found->original) && yt_str_is(institution, found->institution)) {
			*x = *found;
			return 0;
		}
	}
	return YT_ENOTFOUND;
}

static int k_get(void *ctx, uint64_t exchange, struct exchange *x)
{
	struct exchange *found = fold(exchange, (struct yt_str){ 0 }, (struct yt_str){ 0 });

	if (w.find_error != 0)
		return w.find_error;
	if (found != NULL) {
		*x = *found;
		return 0;
	}
	if (exchange < FOLLOW_UP(1000) || exchange >= FOLLOW_UP(1000) + w.n_made_up)
		return YT_ENOTFOUND;
	memset(x, 0, sizeof(*x));
	x->id = exchange;
	x->state = X_UNKNOWN;
	x->flags = REC_X_FOLLOW_UP;
	x->accepted_pos = x->last_pos = 1;
	snprintf(x->number, sizeof(x->number), "+/B%llu", (unsigned long long)exchange);
	strcpy(x->flow, "claim");
	return 0;
}

static int k_resting(void *ctx, struct exchange_cursor *after, size_t max,
        void (*each)(void *arg, const struct exchange *x), void *arg)
{
	uint64_t n = after->id == 0 ? 1 : after->id - FOLLOW_UP(0) + 1;
	struct exchange *found;

	if (w.find_error != 0)
		return w.find_error;
	for (; n < 64; n++) { /* one each time, whatever max is */
		found = fold(FOLLOW_UP(n), (struct yt_str){ 0 }, (struct yt_str){ 0 });
		if (found == NULL || !exchange_may_rest(found))
			continue;
		*after = (struct exchange_cursor){ found->accepted_ms, found->id };
		each(arg, found);
		return 0;
	}
	return YT_ENOTFOUND;
}

static const char *k_other_code(void *ctx, const char *institution)
{
	return strcmp(institution, H) == 0 ? "H-OLD" : strcmp(institution, "H-OLD") == 0 ? H : NULL;
}

static int k_fetch(void *ctx, log_pos pos, uint64_t exchange, enum rec_tag tag, struct yt_buf *out)
{
	struct yt_str rest = yt_buf_view(&w.commits[pos - 1].records);
	struct rec rec;
	size_t used;
	int rv = YT_ENOTFOUND;

	for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used) {
		if (rec.exchange == exchange && rec_get(&rec, tag).n != 0) {
			yt_buf_clear(out);
			yt_buf_str(out, rec_get(&rec, tag));
			rv = 0;
		}
	}
	return rv;
}

static const char *k_closed(void *ctx)
{
	return w.closed;
}

static const struct keeper_conf conf = { .serial_from = 9000,
	.serial_to = 9007,
	.reverse_after_ms = REVERSE_AFTER_MS,
	.undelivered_ms = UNDELIVERED_MS,
	.longest_wait_ms = 300000,
	.rest_ms = 7200000,
	.leases = 2,
	.exchanges = 8 };

static void new_keeper(void)
{
	struct keeper_world world = { .wall_ms = k_wall,
		.mono_ms = k_mono,
		.tell = k_tell,
		.find = k_find,
		.cancelled = k_cancelled,
		.other_code = k_other_code,
		.fetch = k_fetch,
		.closed = k_closed };

	if (w.rests) {
		world.get = k_get;
		world.resting = k_resting;
	}
	w.keeper = keeper_new(&conf, &world);
	assert_non_null(w.keeper);
}

static int setup(void **state)
{
	memset(&w, 0, sizeof(w));
	w.wall_ms = NOON;
	w.mono_ms = 1000000;
	new_keeper();
	keeper_start(w.keeper);
	return 0;
}

static int teardown(void **state)
{
	while (w.n_commits > 0)
		yt_buf_free(&w.commits[--w.n_commits].records);
	keeper_free(w.keeper);
	yt_buf_free(&w.told);
	yt_buf_free(&w.leased);
	return 0;
}

/* What was told since the last time. */
static void assert_told(const char *want)
{
	yt_buf_byte(&w.told, 0);
	if (w.told.n > 1 && w.told.p[w.told.n - 2] == ' ')
		w.told.p[w.told.n - 2] = 0;
	assert_string_equal((const char *)w.told.p, want);
	yt_buf_clear(&w.told);
}

static void forget_told(void)
{
	yt_buf_clear(&w.told);
}

static void commit(void)
{
	struct yt_str records;
	bool urgent;

	if (!keeper_has_pending(w.keeper, &urgent))
		return;
	keeper_take(w.keeper, &records);
	assert_true(w.n_commits < 200);
	yt_buf_str(&w.commits[w.n_commits++].records, records);
	keeper_committed(w.keeper, w.n_commits);
}

/* Taken, and on the disk, but nobody is told: the keeper dies in between. */
static void commit_untold(void)
{
	struct yt_str records;

	keeper_take(w.keeper, &records);
	yt_buf_str(&w.commits[w.n_commits++].records, records);
}

static void later(int64_t ms)
{
	w.mono_ms += ms;
	w.wall_ms += ms;
	keeper_tick(w.keeper);
	commit();
}

static void up(uint32_t worker)
{
	struct talk hello = { .seq = ++w.seq[worker], .kind = UP_HELLO };

	keeper_worker_up(w.keeper, worker, 0);
	assert_int_equal(keeper_message(w.keeper, worker, &hello), 0);
	commit();
}

/* A keeper after this one, with what is durable; workers 1 .. n live and say what was not given back. */
static void restart(uint32_t n)
{
	size_t i, used;
	uint32_t worker;
	uint64_t id;

	keeper_free(w.keeper);
	w.mono_ms += 1;
	new_keeper();
	for (i = 0; i < w.n_commits; i++) {
		struct yt_str rest = yt_buf_view(&w.commits[i].records);
		struct rec rec;

		for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used) {
			if (rec.type == REC_NUMBER || rec.type == REC_SESSION || rec.type == REC_WORKER ||
			        rec.type == REC_LANE)
				keeper_replay(w.keeper, &rec, i + 1);
		}
	}
	for (id = 1; id < 128; id++) {
		struct exchange *x =
		        fold(id < 64 ? id : FOLLOW_UP(id - 64), (struct yt_str){ 0 }, (struct yt_str){ 0 });

		if (x != NULL && w.rests && exchange_may_rest(x))
			keeper_rest(w.keeper, x->id, x->due_ms, x->state == X_PARKED);
		else if (x != NULL && exchange_is_open(x))
			keeper_load(w.keeper, x);
	}
	for (worker = 1; worker <= n; worker++)
		keeper_worker_up(w.keeper, worker, worker);
	keeper_start(w.keeper);
}

/* -- what workers say ----------------------------------------------------------------------------- */

static int say(uint32_t worker, enum talk_kind kind, uint64_t exchange, struct yt_buf *records)
{
	struct talk talk = {
		.seq = ++w.seq[worker], .exchange = exchange, .kind = kind, .payload = yt_buf_view(records)
	};
	int rv = keeper_message(w.keeper, worker, &talk);

	yt_buf_free(records);
	return rv;
}

/* The same message once more, as a keeper reads it that comes after the one that had read it. */
static int say_again(uint32_t worker, enum talk_kind kind, uint64_t exchange, struct yt_buf *records)
{
	w.seq[worker]--;
	return say(worker, kind, exchange, records);
}

struct asked {
	uint64_t id;
	const char *number, *content, *business;
	enum yt_operation op;
	const char *original;
};

static struct yt_buf beginning(uint32_t worker, const struct asked *a)
{
	struct yt_buf buf = { 0 };
	uint8_t digest[32];
	size_t at = rec_begin(&buf, REC_ACCEPTED, 0, a->id, w.wall_ms);
	enum yt_operation op = a->op != 0 ? a->op : YT_OP_OUTPATIENT_SETTLE;

	memset(digest, a->content != NULL ? a->content[0] : 'c', sizeof(digest));
	rec_str(&buf, REC_T_INSTITUTION, yt_str(w.asks_as != NULL ? w.asks_as : H));
	rec_str(&buf, REC_T_NUMBER, yt_str(a->number));
	rec_u8(&buf, REC_T_OPERATION, (uint8_t)op);
	rec_bytes(&buf, REC_T_DIGEST, digest, sizeof(digest));
	rec_str(&buf, REC_T_BUSINESS_KEY, yt_str(a->business));
	rec_str(&buf, REC_T_ORIGINAL, yt_str(a->original));
	rec_str(&buf, REC_T_THEN, yt_str(w.then));
	rec_u32(&buf, REC_T_WORKER, worker); /* the incarnation: workers here have it equal to their number */
	if (yt_op(op)->is_settlement)
		rec_u32(&buf, REC_T_FLAGS, REC_X_SETTLEMENT);
	rec_str(&buf, REC_T_REQUEST, YT_STR("request"));
	rec_end(&buf, at);
	at = rec_begin(&buf, REC_SENDING, 0, a->id, w.wall_ms);
	rec_u8(&buf, REC_T_LEG, REC_LEG_MAIN);
	rec_str(&buf, REC_T_PARTY, YT_STR("zhejiang"));
	rec_end(&buf, at);
	return buf;
}

static void begin(uint32_t worker, struct asked a)
{
	struct yt_buf buf = beginning(worker, &a);

	assert_int_equal(say(worker, UP_BEGIN, a.id, &buf), 0);
}

static void add_outcome(struct yt_buf *buf, uint64_t id, enum rec_leg leg, enum yt_outcome outcome, unsigned flags)
{
	size_t at = rec_begin(buf, REC_OUTCOME, 0, id, w.wall_ms);

	rec_u8(buf, REC_T_LEG, (uint8_t)leg);
	rec_u8(buf, REC_T_OUTCOME, (uint8_t)outcome);
	rec_u32(buf, REC_T_FLAGS, flags);
	rec_end(buf, at);
}

static void add_answer(struct yt_buf *buf, uint64_t id, enum yt_outcome outcome, const char *reply)
{
	size_t at = rec_begin(buf, REC_ANSWERED, 0, id, w.wall_ms);

	rec_u8(buf, REC_T_OUTCOME, (uint8_t)outcome);
	rec_str(buf, REC_T_REPLY, yt_str(reply));
	rec_end(buf, at);
}

static void end(uint32_t worker, uint64_t id, enum yt_outcome outcome, const char *reply)
{
	struct yt_buf buf = { 0 };

	add_outcome(&buf, id, REC_LEG_MAIN, outcome, 0);
	if (outcome != YT_UNKNOWN)
		add_answer(&buf, id, outcome, reply);
	assert_int_equal(say(worker, UP_END, id, &buf), 0);
}

static void late(uint32_t worker, uint64_t id, const char *reply)
{
	struct yt_buf buf = { 0 };

	add_outcome(&buf, id, REC_LEG_MAIN, YT_DONE, REC_X_LATE);
	add_answer(&buf, id, YT_DONE, reply);
	assert_int_equal(say(worker, UP_LATE, id, &buf), 0);
}

static int step(uint32_t worker, uint64_t id, enum rec_leg leg)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_SENDING, 0, id, w.wall_ms);

	rec_u8(&buf, REC_T_LEG, (uint8_t)leg);
	rec_end(&buf, at);
	return say(worker, UP_STEP, id, &buf);
}

static struct yt_buf reversed(uint64_t id, const char *reply)
{
	struct yt_buf buf = { 0 };
	size_t at;

	add_outcome(&buf, id, REC_LEG_REVERSAL, YT_DONE, 0);
	at = rec_begin(&buf, REC_REVERSED, 0, id, w.wall_ms);
	rec_end(&buf, at);
	add_answer(&buf, id, YT_REFUSED, reply);
	return buf;
}

static void give_back_reversed(uint32_t worker, uint64_t id, const char *reply)
{
	struct yt_buf buf = reversed(id, reply);

	assert_int_equal(say(worker, UP_RETURN, id, &buf), 0);
}

static void give_back_due(uint32_t worker, uint64_t id, int64_t in_ms)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_DUE, 0, id, w.wall_ms);

	rec_i64(&buf, REC_T_DUE, w.wall_ms + in_ms);
	rec_str(&buf, REC_T_REASON, yt_str(w.why));
	rec_end(&buf, at);
	assert_int_equal(say(worker, UP_RETURN, id, &buf), 0);
}

static void note(uint32_t worker, uint64_t id, const char *result)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_DELIVERED, REC_NOWAIT, id, w.wall_ms);

	rec_str(&buf, REC_T_RESULT, yt_str(result));
	rec_end(&buf, at);
	assert_int_equal(say(worker, UP_NOTE, id, &buf), 0);
}

static void held(uint32_t worker, uint64_t id)
{
	struct yt_buf none = { 0 };

	assert_int_equal(say(worker, UP_HELD, id, &none), 0);
}

static void ready(uint32_t worker)
{
	struct yt_buf none = { 0 };

	assert_int_equal(say(worker, UP_READY, (uint64_t)w.mono_ms, &none), 0);
}

/* Settled with an answer, the answer not yet taken. */
static void settle(uint32_t worker, uint64_t id, const char *number)
{
	begin(worker, (struct asked){ id, number, "c", NULL, 0, NULL });
	commit();
	end(worker, id, YT_DONE, "settled");
	commit();
	forget_told();
}

/* Sent, its outcome unknown, and found out by nobody yet. */
static void lose(uint32_t worker, uint64_t id, const char *number)
{
	begin(worker, (struct asked){ id, number, "c", "settle|V|B", 0, NULL });
	commit();
	end(worker, id, YT_UNKNOWN, NULL);
	commit();
	forget_told();
}

static uint64_t in_memory(void)
{
	struct keeper_counts counts;

	keeper_count(w.keeper, &counts);
	return counts.in_memory;
}

static enum exchange_state state_of(uint64_t id)
{
	struct exchange *x = fold(id, (struct yt_str){ 0 }, (struct yt_str){ 0 });

	return x != NULL ? x->state : X_NONE;
}

/* -- admission ------------------------------------------------------------------------------------ */

/* P1: whatever is asked, nothing leaves before it is on disk. */
static void test_admitted_when_durable(void **state)
{
	up(1);
	forget_told();
	begin(1, (struct asked){ 1, "N1", "c", "settle|V|B", 0, NULL });
	assert_told("");
	commit();
	assert_told("1:admitted 2");
	assert_int_equal(state_of(1), X_SENT);
	end(1, 1, YT_DONE, "settled");
	assert_told("");
	commit();
	assert_told("1:durable 3");
}

/* What number N1 and a message after it are told; N1 has gone as far as `before` says:
 * a admitted, u unknown, d done, r refused, t done and taken. */
static const struct verdict_case {
	const char *it;
	char before;
	struct asked then;
	const char *closed;
	const char *told;        /* at once ... */
	const char *with_commit; /* ... and with the next commit */
} verdict_cases[] = {
	{ "another number", 't', { 2, "N2", "c", "settle|V|B", 0, NULL }, NULL, "", "2:admitted 2" },
	{ "the same again, done", 't', { 2, "N1", "c", NULL, 0, NULL }, NULL, "2:stored 2=settled", "" },
	{ "the same again, done and not taken: an offer is written down", 'd', { 2, "N1", "c", NULL, 0, NULL }, NULL,
	        "", "2:stored 2=settled" },
	{ "the same again, refused", 'r', { 2, "N1", "c", NULL, 0, NULL }, NULL, "2:stored 2=refused", "" },
	{ "the same while it is in flight", 'a', { 2, "N1", "c", NULL, 0, NULL }, NULL, "2:wait 2", "" },
	{ "the same while it is being found out", 'u', { 2, "N1", "c", NULL, 0, NULL }, NULL, "2:wait 2", "" },
	{ "the same number, other content", 't', { 2, "N1", "d", NULL, 0, NULL }, NULL, "2:conflict 2", "" },
	{ "other content while it is in flight", 'a', { 2, "N1", "d", NULL, 0, NULL }, NULL, "2:conflict 2", "" },
	{ "another settlement of the visit while one is in flight (P13)", 'a', { 2, "N2", "c", "settle|V|B", 0, NULL },
	        NULL, "2:busy 2", "" },
	{ "another settlement of the visit while one is unknown (P13)", 'u', { 2, "N2", "c", "settle|V|B", 0, NULL },
	        NULL, "2:busy 2", "" },
	{ "a settlement of another batch meanwhile", 'u', { 2, "N2", "c", "settle|V|C", 0, NULL }, NULL, "",
	        "2:admitted 2" },
	{ "another settlement of the visit after a refusal", 'r', { 2, "N2", "c", "settle|V|B", 0, NULL }, NULL, "",
	        "2:admitted 2" },
	{ "a new one when the disk is full", 't', { 2, "N2", "c", NULL, 0, NULL }, "full", "2:closed 2", "" },
	{ "a stored answer when the disk is full", 't', { 2, "N1", "c", NULL, 0, NULL }, "full", "2:stored 2=settled",
	        "" },
	{ "its origin's reversal while it is unknown joins", 'u', { 2, "R1", "c", NULL, YT_OP_REVERSE, "N1" }, NULL, "",
	        "2:wait 2" },
	{ "its origin's reversal while it is in flight joins", 'a', { 2, "R1", "c", NULL, YT_OP_REVERSE, "N1" }, NULL,
	        "", "2:wait 2" },
	{ "its origin's reversal of a success is sent on", 't', { 2, "R1", "c", NULL, YT_OP_REVERSE, "N1" }, NULL, "",
	        "2:admitted 2" },
	{ "a reversal of a number nobody knows is sent on", 't', { 2, "R1", "c", NULL, YT_OP_REVERSE, "N9" }, NULL, "",
	        "2:admitted 2" },
};

static void test_verdict(void **state)
{
	const struct verdict_case *row = *state;
	struct yt_buf buf;

	setup(NULL);
	up(1);
	up(2);
	begin(1, (struct asked){ 1, "N1", "c", "settle|V|B", 0, NULL });
	commit();
	if (row->before != 'a')
		end(1, 1,
		        row->before == 'u'   ? YT_UNKNOWN
		        : row->before == 'r' ? YT_REFUSED
		                             : YT_DONE,
		        row->before == 'r' ? "refused" : "settled");
	commit();
	if (row->before == 't')
		note(1, 1, NULL);
	commit();
	forget_told();
	w.closed = row->closed;
	buf = beginning(2, &row->then);
	assert_int_equal(say(2, UP_BEGIN, row->then.id, &buf), 0);
	assert_told(row->told);
	commit();
	assert_told(row->with_commit);
	teardown(NULL);
}

/* All who asked the same are told the same, when it is durable. */
static void test_waiters(void **state)
{
	up(1);
	up(2);
	begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
	begin(2, (struct asked){ 2, "N1", "c", NULL, 0, NULL }); /* in the same millisecond */
	commit();
	begin(1, (struct asked){ 3, "N1", "c", NULL, 0, NULL });
	forget_told();
	end(1, 1, YT_DONE, "settled");
	assert_told("");
	commit();
	assert_told("2:stored 2=settled 1:stored 3=settled 1:durable 4");
}

/* Admission keys that have left memory are found in the index; when that fails nothing is admitted. */
static void test_index(void **state)
{
	up(1);
	settle(1, 1, "N1");
	note(1, 1, NULL);
	commit();
	keeper_indexed(w.keeper, w.n_commits + 1);
	assert_int_equal(in_memory(), 0);
	begin(1, (struct asked){ 2, "N1", "c", NULL, 0, NULL });
	assert_told("1:stored 5=settled");
	keeper_indexed(w.keeper, w.n_commits + 1);
	w.find_error = YT_EIO;
	begin(1, (struct asked){ 3, "N1", "c", NULL, 0, NULL });
	commit();
	assert_told("1:wait 6"); /* silence: neither "did not happen" nor a second settlement */
}

static void test_too_many(void **state)
{
	char number[4] = "N0";
	uint64_t id;

	up(1);
	for (id = 1; id <= conf.exchanges; id++) {
		number[1] = (char)('0' + id);
		begin(1, (struct asked){ id, number, "c", NULL, 0, NULL });
	}
	commit();
	forget_told();
	begin(1, (struct asked){ 20, "M1", "c", NULL, 0, NULL });
	assert_told("1:closed 10");
}

/* A reversal that overtook its original (two rings, a stopped worker): the original must not leave any more. */
static void test_tombstone(void **state)
{
	up(1);
	up(2);
	begin(2, (struct asked){ 2, "R1", "c", NULL, YT_OP_REVERSE, "N1" });
	commit();
	forget_told();
	begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
	commit();
	assert_told("1:closed 2");
}

/* A forwarded reversal bars its original's visit while it is out, and undoes it when it succeeded. */
static void test_forwarded_reversal(void **state)
{
	up(1);
	begin(1, (struct asked){ 1, "N1", "c", "settle|V|B", 0, NULL });
	commit();
	end(1, 1, YT_DONE, "settled");
	commit();
	note(1, 1, NULL);
	begin(1, (struct asked){ 2, "R1", "c", NULL, YT_OP_REVERSE, "N1" });
	commit();
	forget_told();
	begin(1, (struct asked){ 3, "N3", "c", "settle|V|B", 0, NULL });
	assert_told("1:busy 6");
	end(1, 2, YT_DONE, "reversed");
	commit();
	assert_int_equal(state_of(1), X_REVERSED);
	begin(1, (struct asked){ 4, "N4", "c", "settle|V|B", 0, NULL });
	commit();
	assert_told("1:durable 7 1:admitted 8");
}

/* -- finding out ---------------------------------------------------------------------------------- */

/* A lease is handed out when due, not before, to one worker. */
static void test_lease(void **state)
{
	up(1);
	up(2);
	lose(1, 1, "N1");
	later(REVERSE_AFTER_MS - 1);
	assert_told("");
	keeper_tick(w.keeper);
	w.mono_ms++;
	keeper_tick(w.keeper);
	assert_told(""); /* its numbers are not durable yet */
	commit();
	assert_true(yt_str_eq(yt_buf_view(&w.told), YT_STR("1:lease 0/1 ")) ||
	            yt_str_eq(yt_buf_view(&w.told), YT_STR("2:lease 0/1 ")));
	forget_told();
	later(10 * 24 * 3600000LL); /* no clock ends a lease */
	assert_told("");
}

static uint32_t holder_of_lease(void)
{
	assert_true(w.told.n > 0);
	return (uint32_t)(w.told.p[0] - '0');
}

static uint32_t lend(uint64_t id)
{
	uint32_t worker;

	forget_told();
	later(REVERSE_AFTER_MS);
	worker = holder_of_lease();
	forget_told();
	return worker;
}

static void test_lease_ends(void **state)
{
	uint32_t worker, other;

	up(1);
	up(2);
	lose(1, 1, "N1");
	worker = lend(1);
	other = 3 - worker;
	assert_int_equal(step(other, 1, REC_LEG_REVERSAL), YT_ECORRUPT); /* not its lease: it is to be killed */
	keeper_worker_gone(w.keeper, worker); /* a death ends it: handed out again at once, to the other */
	later(0);
	assert_int_equal(holder_of_lease(), other);
	forget_told();
	assert_int_equal(step(other, 1, REC_LEG_REVERSAL), 0);
	commit();
	give_back_due(other, 1, 5000); /* so does a return */
	commit();
	forget_told();
	later(4999);
	assert_told("");
	later(1);
	assert_int_equal(holder_of_lease(), other);
}

/* A pause is never longer than configured, whatever the wall clock did meanwhile. */
static void test_clock_step(void **state)
{
	uint32_t worker;

	up(1);
	lose(1, 1, "N1");
	worker = lend(1);
	assert_int_equal(step(worker, 1, REC_LEG_REVERSAL), 0);
	commit();
	w.wall_ms += 8 * 3600000; /* written down by a worker before the step back */
	{
		struct yt_buf buf = { 0 };
		size_t at = rec_begin(&buf, REC_DUE, 0, 1, w.wall_ms);

		rec_i64(&buf, REC_T_DUE, w.wall_ms + 5000);
		rec_end(&buf, at);
		w.wall_ms -= 8 * 3600000;
		assert_int_equal(say(worker, UP_RETURN, 1, &buf), 0);
	}
	commit();
	forget_told();
	later(conf.longest_wait_ms);
	assert_true(w.told.n > 0);
}

/* The joined reversal is answered when its target is undone: by its own lease, after the target's. */
static void test_join(void **state)
{
	up(1);
	lose(1, 1, "N1");
	begin(1, (struct asked){ 2, "R1", "c", NULL, YT_OP_REVERSE, "N1" });
	commit();
	forget_told();
	later(0); /* its origin asks for it: no waiting */
	assert_told("1:lease 0/1");
	assert_int_equal(step(1, 1, REC_LEG_REVERSAL), 0);
	commit();
	give_back_reversed(1, 1, "reversed");
	commit();
	forget_told();
	later(0);
	assert_told("1:lease 0/2");
}

/* -- late answers --------------------------------------------------------------------------------- */

static void test_late_adopted(void **state)
{
	up(1);
	lose(1, 1, "N1");
	late(1, 1, "settled");
	assert_told("");
	commit();
	assert_told("1:stored 3=settled 1:durable 4");
	assert_int_equal(state_of(1), X_DONE);
}

/* What was due to be found out is not due any more: a success waits to be fetched, however late it came. */
static void test_late_is_not_due(void **state)
{
	up(1);
	lose(1, 1, "N1");
	late(1, 1, "settled");
	commit();
	note(1, 1, "missed");
	forget_told();
	later(REVERSE_AFTER_MS);
	assert_told("");
	later(UNDELIVERED_MS);
	assert_told("1:lease 0/1");
}

/* P13 over two exchanges of one visit: while an older success of it is being reversed, the end of a newer one
 * does not free it. */
static void test_key_passes_on(void **state)
{
	up(1);
	begin(1, (struct asked){ 1, "N1", "c", "settle|V|B", 0, NULL });
	commit();
	end(1, 1, YT_DONE, "settled");
	commit();
	note(1, 1, "missed");
	later(UNDELIVERED_MS);
	begin(1, (struct asked){ 2, "N2", "c", "settle|V|B", 0, NULL });
	assert_int_equal(step(1, 1, REC_LEG_REVERSAL), 0);
	commit();
	end(1, 2, YT_REFUSED, "refused");
	commit();
	forget_told();
	begin(1, (struct asked){ 3, "N3", "c", "settle|V|B", 0, NULL });
	commit();
	assert_told("1:busy 8");
}

/* However many settlements of other visits stand in memory, the end of one looks at none of them; that of one whose
 * visit had others looks at those. */
static void test_end_looks_at_its_visit_only(void **state)
{
	struct keeper_conf many = conf;
	char number[16], business[32];
	uint64_t id;

	many.exchanges = 100;
	keeper_configure(w.keeper, &many);
	up(1);
	for (id = 1; id <= 60; id++) {
		snprintf(number, sizeof(number), "N%u", (unsigned)id);
		snprintf(business, sizeof(business), "settle|V%u|B", (unsigned)id);
		begin(1, (struct asked){ id, number, "c", business, 0, NULL });
	}
	commit();
	for (id = 1; id <= 60; id++)
		end(1, id, YT_DONE, "settled");
	commit();
	assert_int_equal(w.keeper->n_looked_at, 0);
	begin(1, (struct asked){ 61, "N61", "c", "settle|V1|B", 0, NULL });
	assert_int_equal(w.keeper->n_looked_at, 1);
	begin(1, (struct asked){ 62, "N62", "c", "settle|V1|B", 0, NULL });
	assert_int_equal(w.keeper->n_looked_at, 2);
}

/* The first of a visit may leave memory before the others: they are found all the same. */
static void test_key_outlives_the_first(void **state)
{
	up(1);
	begin(1, (struct asked){ 1, "N1", "c", "settle|V|B", 0, NULL });
	commit();
	end(1, 1, YT_REFUSED, "refused");
	commit();
	begin(1, (struct asked){ 2, "N2", "c", "settle|V|B", 0, NULL });
	commit();
	keeper_indexed(w.keeper, 100);
	assert_int_equal(in_memory(), 1);
	forget_told();
	begin(1, (struct asked){ 3, "N3", "c", "settle|V|B", 0, NULL });
	assert_told("1:busy 5");
	end(1, 2, YT_REFUSED, "refused");
	commit();
	keeper_indexed(w.keeper, 100);
	assert_int_equal(in_memory(), 0);
	forget_told();
	begin(1, (struct asked){ 4, "N4", "c", "settle|V|B", 0, NULL });
	commit();
	assert_told("1:admitted 7");
}

static void test_late_after_reversal(void **state)
{
	up(1);
	lose(1, 1, "N1");
	lend(1);
	assert_int_equal(step(1, 1, REC_LEG_REVERSAL), 0);
	commit();
	give_back_reversed(1, 1, "reversed");
	commit();
	forget_told();
	late(1, 1, "settled");
	commit();
	assert_told("1:moot 6");
	assert_int_equal(state_of(1), X_REVERSING); /* it must be reversed once more */
	later(0);
	assert_told("1:lease 0/1");
}

static void test_late_for_nobody(void **state)
{
	up(1);
	settle(1, 1, "N1");
	late(1, 1, "settled twice?");
	late(1, 99, "of whom?");
	commit();
	assert_told("1:moot 4 1:moot 5");
}

/* After a restart a lease may be out that this keeper has not heard of; its reversal may be on the ring. */
static void test_late_before_ready(void **state)
{
	up(1);
	up(2);
	lose(1, 1, "N1");
	lend(1);
	restart(2);
	ready(1);
	late(1, 1, "settled");
	commit();
	assert_int_equal(state_of(1), X_UNKNOWN); /* noted, not believed */
}

/* -- who has the answer --------------------------------------------------------------------------- */

static void test_delivered(void **state)
{
	up(1);
	settle(1, 1, "N1");
	note(1, 1, NULL);
	commit();
	later(UNDELIVERED_MS + 1);
	assert_told("");
	assert_int_equal(keeper_open(w.keeper), 0);
}

static void test_missed_is_reversed(void **state)
{
	up(1);
	settle(1, 1, "N1");
	note(1, 1, "missed");
	later(UNDELIVERED_MS - 1);
	assert_told("");
	later(1);
	assert_told("1:lease 0/1");
	assert_int_equal(step(1, 1, REC_LEG_REVERSAL), 0);
	commit();
	give_back_reversed(1, 1, "reversed");
	commit();
	forget_told();
	begin(1, (struct asked){ 2, "N1", "c", NULL, 0, NULL });
	assert_told("1:stored 7=reversed");
}

/* It may have been heard: the worker died with it on the wire. */
static void test_unproved_is_not_reversed(void **state)
{
	up(1);
	settle(1, 1, "N1");
	keeper_worker_gone(w.keeper, 1);
	up(2);
	forget_told();
	later(UNDELIVERED_MS);
	later(UNDELIVERED_MS);
	assert_told("");
	assert_int_equal(keeper_open(w.keeper), 0);
	assert_true(fold(1, (struct yt_str){ 0 }, (struct yt_str){ 0 })->flags & REC_X_UNPROVED);
}

/* A day may be erased when nothing is open that came by its end. */
static void test_open_before(void **state)
{
	int64_t first = w.wall_ms;

	up(1);
	begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
	later(1000);
	begin(1, (struct asked){ 2, "N2", "c", NULL, YT_OP_OUTPATIENT_FEES, NULL });
	commit();
	assert_int_equal(keeper_open_before(w.keeper, first), 0);
	assert_int_equal(keeper_open_before(w.keeper, first + 1), 1);
	assert_int_equal(keeper_open_before(w.keeper, first + 1001), 2);
	assert_int_equal(keeper_open(w.keeper), 2);
	end(1, 2, YT_DONE, "done");
	commit();
	assert_int_equal(keeper_open_before(w.keeper, first + 1001), 1);
}

/* The worker died before it was told that it may answer: surely nobody heard. */
static void test_unoffered_is_reversed(void **state)
{
	up(1);
	begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
	commit();
	end(1, 1, YT_DONE, "settled");
	keeper_worker_gone(w.keeper, 1);
	commit();
	up(2);
	forget_told();
	later(UNDELIVERED_MS);
	assert_told("2:lease 0/1");
}

/* Fetched while the reversal's step was on its way: it does not leave. */
static void test_moot(void **state)
{
	up(1);
	settle(1, 1, "N1");
	note(1, 1, "missed");
	later(UNDELIVERED_MS);
	assert_told("1:lease 0/1");
	begin(1, (struct asked){ 2, "N1", "c", NULL, 0, NULL }); /* asked again: it must wait for the lease */
	assert_told("1:wait 5");
	note(1, 1, NULL); /* an older offer was taken after all */
	assert_int_equal(step(1, 1, REC_LEG_REVERSAL), 0);
	assert_told("1:moot 7 1:stored 5=settled");
}

/* -- numbers of our own --------------------------------------------------------------------------- */

struct number {
	int64_t second;
	uint64_t serial;
};

static struct number number_of_lease(void)
{
	struct rec rec;
	size_t used;

	assert_int_equal(rec_read(yt_buf_view(&w.leased), &rec, &used), 0);
	return (struct number){ rec_get_i64(&rec, REC_T_SECOND), rec_get_u64(&rec, REC_T_SERIAL) };
}

static void next_lease(void)
{
	give_back_due(1, 1, 1);
	commit();
	later(1);
}

static void assert_after(struct number a, struct number b)
{
	assert_true(b.second > a.second || (b.second == a.second && b.serial >= a.serial + 4));
	assert_true(b.serial >= conf.serial_from && b.serial + 3 <= conf.serial_to);
}

/* Never given twice: not in one second, not when the block is used up, the clock steps back, or we restart. */
static void test_numbers(void **state)
{
	struct number a, b;
	int i;

	up(1);
	lose(1, 1, "N1");
	lend(1);
	a = number_of_lease();
	for (i = 0; i < 6; i++, a = b) { /* 8 numbers a second */
		next_lease();
		b = number_of_lease();
		assert_after(a, b);
	}
	w.wall_ms -= 6 * 3600000;
	next_lease();
	b = number_of_lease();
	assert_after(a, b);
	restart(1);
	held(1, 1);
	ready(1);
	next_lease();
	assert_after(b, number_of_lease());
}

/* -- sign-ins ------------------------------------------------------------------------------------- */

static int ask_session(uint32_t worker, const char *dead)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_SESSION, 0, 0, w.wall_ms);

	rec_str(&buf, REC_T_PARTY, YT_STR("zhejiang"));
	rec_str(&buf, REC_T_INSTITUTION, YT_STR(H));
	rec_str(&buf, REC_T_OPERATOR, YT_STR("YT9001"));
	rec_str(&buf, REC_T_SIGN_NO, yt_str(dead));
	rec_end(&buf, at);
	return say(worker, UP_SESSION, 0, &buf);
}

static void signed_in(uint32_t worker, const char *sign_no)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_SESSION, 0, 0, w.wall_ms);

	rec_str(&buf, REC_T_PARTY, YT_STR("zhejiang"));
	rec_str(&buf, REC_T_INSTITUTION, YT_STR(H));
	rec_str(&buf, REC_T_OPERATOR, YT_STR("YT9001"));
	rec_str(&buf, REC_T_SIGN_NO, yt_str(sign_no));
	rec_end(&buf, at);
	assert_int_equal(say(worker, UP_NOTE, 0, &buf), 0);
}

/* One signs in for all; its number is durable first. */
static void test_sign_in(void **state)
{
	up(1);
	up(2);
	forget_told();
	ask_session(1, NULL);
	ask_session(2, NULL);
	assert_told("");
	commit();
	assert_told("1:session 2=grant");
	signed_in(1, "G1");
	assert_told("2:session 2=G1");
	ask_session(2, NULL);
	assert_told("2:session 3=G1");
	ask_session(2, "G1"); /* the party does not take it any more */
	commit();
	assert_told("2:session 4=grant");
	ask_session(1, "G1"); /* somebody is at it */
	signed_in(2, "G2");
	assert_told("1:session 4=G2");
	ask_session(1, "G1"); /* known to be dead, and another is there */
	assert_told("1:session 5=G2");
	w.wall_ms += 24 * 3600000; /* midnight */
	ask_session(1, NULL);
	commit();
	assert_told("1:session 6=grant");
}

static void test_sign_in_fails(void **state)
{
	up(1);
	up(2);
	ask_session(1, NULL);
	ask_session(2, NULL);
	commit();
	forget_told();
	signed_in(1, NULL); /* it could not: the next one tries */
	commit();
	assert_told("2:session 2=grant");
	ask_session(1, NULL);
	keeper_worker_gone(w.keeper, 2); /* it died over it */
	commit();
	assert_told("1:session 4=grant");
}

/* A worker that asks again (after a restart of ours) has one place in the queue, for its newest question. */
static void test_sign_in_asked_again(void **state)
{
	up(1);
	up(2);
	ask_session(1, NULL);
	ask_session(2, NULL);
	ask_session(2, NULL);
	commit();
	forget_told();
	signed_in(1, NULL);
	commit();
	assert_told("2:session 3=grant");
}

static void test_sign_in_survives(void **state)
{
	up(1);
	ask_session(1, NULL);
	commit();
	signed_in(1, "G1");
	commit();
	restart(1);
	forget_told();
	ask_session(1, NULL);
	assert_told("1:session 4=G1");
}

/* -- workers and keepers die ---------------------------------------------------------------------- */

static void test_worker_dies(void **state)
{
	up(1);
	up(2);
	begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
	commit();
	begin(2, (struct asked){ 2, "N1", "c", NULL, 0, NULL });
	keeper_worker_gone(w.keeper, 1);
	commit();
	assert_int_equal(state_of(1), X_UNKNOWN);
	forget_told();
	later(REVERSE_AFTER_MS);
	assert_told("2:lease 0/1");
	keeper_worker_gone(w.keeper, 2); /* nobody waits any more, nobody is there */
	later(1000);
	assert_told("");
	up(3);
	forget_told();
	later(1000);
	assert_told("3:lease 0/1");
}

/* It died before it could hear that its leg may leave: there is nothing to find out. */
static void test_worker_dies_unadmitted(void **state)
{
	up(1);
	up(2);
	begin(1, (struct asked){ 1, "N1", "c", "settle|V|B", 0, NULL });
	keeper_worker_gone(w.keeper, 1);
	commit();
	forget_told(); /* what a dead worker is told is dropped by the process */
	assert_int_equal(state_of(1), X_REFUSED);
	begin(2, (struct asked){ 2, "N1", "c", "settle|V|B", 0, NULL });
	assert_told("2:wait 2"); /* a worker writes the answer that says so */
	begin(2, (struct asked){ 3, "N2", "c", "settle|V|B", 0, NULL });
	commit();
	assert_told("2:admitted 3");
}

/* But a keeper before us may have said it already. */
static void test_worker_dies_admitted_before(void **state)
{
	struct asked a = { 1, "N1", "c", NULL, 0, NULL };
	struct yt_buf buf = beginning(1, &a);

	up(1);
	begin(1, a);
	commit_untold();
	restart(1);
	assert_int_equal(say_again(1, UP_BEGIN, 1, &buf), 0);
	keeper_worker_gone(w.keeper, 1);
	commit();
	assert_int_equal(state_of(1), X_UNKNOWN);
}

/* No lease before the request can be read back. */
static void test_lease_waits_for_disk(void **state)
{
	struct yt_str records;

	up(1);
	up(2);
	begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
	end(1, 1, YT_UNKNOWN, NULL);
	keeper_take(w.keeper, &records); /* a slow disk ... */
	keeper_worker_gone(w.keeper, 1);
	forget_told();
	w.mono_ms += REVERSE_AFTER_MS;
	keeper_tick(w.keeper);
	assert_told("");
	yt_buf_str(&w.commits[w.n_commits++].records, records);
	keeper_committed(w.keeper, w.n_commits);
	commit();
	forget_told();
	later(1000);
	assert_told("2:lease 0/1");
}

/* The message was on the ring and not written down: the next keeper decides it as if new. */
static void test_restart_unwritten(void **state)
{
	struct asked a = { 1, "N1", "c", NULL, 0, NULL };
	struct yt_buf buf = beginning(1, &a);

	up(1);
	begin(1, a);
	restart(1);
	forget_told();
	assert_int_equal(say_again(1, UP_BEGIN, 1, &buf), 0);
	commit();
	assert_told("1:admitted 2");
}

/* It was written down, and the keeper did not live to say so. */
static void test_restart_written(void **state)
{
	struct asked a = { 1, "N1", "c", NULL, 0, NULL };
	struct yt_buf buf = beginning(1, &a);
	size_t n;

	up(1);
	begin(1, a);
	commit_untold();
	restart(1);
	forget_told();
	n = w.n_commits;
	assert_int_equal(say_again(1, UP_BEGIN, 1, &buf), 0);
	commit();
	assert_told("1:admitted 2");
	assert_int_equal(state_of(1), X_SENT);
	assert_true(w.n_commits - n <= 1);
}

static void test_restart_end_written(void **state)
{
	struct yt_buf buf = { 0 };

	up(1);
	begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
	commit();
	end(1, 1, YT_DONE, "settled");
	commit_untold();
	restart(1);
	forget_told();
	add_outcome(&buf, 1, REC_LEG_MAIN, YT_DONE, 0);
	add_answer(&buf, 1, YT_DONE, "settled");
	assert_int_equal(say_again(1, UP_END, 1, &buf), 0);
	commit();
	assert_true(w.told.n > 0); /* durable, or wait and then stored: never nonsense, never written twice */
	assert_int_equal(fold(1, (struct yt_str){ 0 }, (struct yt_str){ 0 })->offers, 1);
}

/* A dead worker's ring, read by two keepers: how far the first had written is written down with it. */
static void test_restart_after_death(void **state)
{
	struct yt_buf buf = { 0 };

	up(1);
	begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
	commit();
	end(1, 1, YT_UNKNOWN, NULL);
	keeper_worker_gone(w.keeper, 1);
	commit_untold();
	restart(1);
	add_outcome(&buf, 1, REC_LEG_MAIN, YT_UNKNOWN, 0);
	assert_int_equal(say_again(1, UP_END, 1, &buf), 0);
}

/* Nobody gets a lease before every worker has said which it holds; what is held goes on where it is. */
static void test_restart_leases(void **state)
{
	struct yt_buf none = { 0 };
	uint32_t worker;

	up(1);
	up(2);
	lose(1, 1, "N1");
	worker = lend(1);
	restart(2);
	assert_told("1:restarted 0/0 2:restarted 0/0");
	later(REVERSE_AFTER_MS * 2);
	assert_told("");
	assert_int_equal(say(3 - worker, UP_READY, (uint64_t)w.mono_ms + 5, &none), 0); /* to another keeper */
	w.mono_ms -= REVERSE_AFTER_MS * 2; /* the epoch is the time of restart */
	ready(3 - worker);
	w.mono_ms += REVERSE_AFTER_MS * 2;
	later(1000);
	assert_told("");
	held(worker, 1);
	w.mono_ms -= REVERSE_AFTER_MS * 2 + 1000;
	ready(worker);
	w.mono_ms += REVERSE_AFTER_MS * 2 + 1000;
	later(REVERSE_AFTER_MS);
	assert_told("");
	assert_int_equal(step(worker, 1, REC_LEG_REVERSAL), 0);
	commit();
	assert_true(
	        strstr((give_back_reversed(worker, 1, "reversed"), commit(), yt_buf_byte(&w.told, 0), (char *)w.told.p),
	                "durable") != NULL);
}

/* A worker that is waiting asks again; what is over is told, what is not known is not refused. */
static void test_restart_waits(void **state)
{
	struct yt_buf buf = { 0 };
	size_t at;

	up(1);
	lose(1, 1, "N1");
	restart(1);
	ready(1);
	forget_told();
	at = rec_begin(&buf, REC_CARRIED, 0, 1, w.wall_ms);
	rec_str(&buf, REC_T_INSTITUTION, YT_STR(H));
	rec_str(&buf, REC_T_NUMBER, YT_STR("N1"));
	rec_end(&buf, at);
	assert_int_equal(say(1, UP_WAIT, 1, &buf), 0);
	at = rec_begin(&buf, REC_CARRIED, 0, 9, w.wall_ms);
	rec_str(&buf, REC_T_INSTITUTION, YT_STR(H));
	rec_str(&buf, REC_T_NUMBER, YT_STR("N9"));
	rec_end(&buf, at);
	assert_int_equal(say(1, UP_WAIT, 9, &buf), 0);
	assert_told("");
	late(1, 1, "settled");
	commit();
	assert_told("1:stored 5=settled 1:durable 7");
}

/* Told "busy" by a keeper that died; the next one reads the message again and admits it: the worker, which has
 * refused it, ends it, and its number is free for nobody's money. */
static void test_admitted_again(void **state)
{
	struct yt_buf buf = { 0 };
	size_t at;

	up(1);
	begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
	commit();
	at = rec_begin(&buf, REC_REFUSED, REC_NOWAIT, 1, w.wall_ms);
	rec_str(&buf, REC_T_INSTITUTION, YT_STR(H));
	rec_str(&buf, REC_T_NUMBER, YT_STR("N1"));
	rec_end(&buf, at);
	assert_int_equal(say(1, UP_NOTE, 1, &buf), 0); /* its refusal was noted before */
	forget_told();
	end(1, 1, YT_REFUSED, NULL);
	commit();
	assert_told("1:durable 4");
	assert_int_equal(keeper_open(w.keeper), 0);
	begin(1, (struct asked){ 2, "N1", "c", NULL, 0, NULL });
	assert_told("1:wait 5"); /* a worker writes the answer that says so */
}

/* -- operators, memory, nonsense ------------------------------------------------------------------ */

static void test_decide(void **state)
{
	struct yt_buf buf = { 0 };
	size_t at;

	up(1);
	lose(1, 1, "N1");
	lend(1);
	at = rec_begin(&buf, REC_PARKED, 0, 1, w.wall_ms);
	rec_end(&buf, at);
	assert_int_equal(say(1, UP_RETURN, 1, &buf), 0);
	commit();
	forget_told();
	later(24 * 3600000);
	assert_told(""); /* machines stop here */
	assert_int_equal(keeper_decide(w.keeper, 2, "reversed", YT_STR("chen"), YT_STR("by phone")), YT_ENOTFOUND);
	assert_int_equal(keeper_decide(w.keeper, 1, "reversed", YT_STR("chen"), YT_STR("by phone")), 0);
	commit();
	assert_int_equal(state_of(1), X_REVERSED);
	assert_int_equal(keeper_decide(w.keeper, 1, "done", YT_STR("chen"), YT_STR("again")), YT_ESTATE);
	forget_told();
	begin(1, (struct asked){ 2, "N1", "c", NULL, 0, NULL });
	assert_told("1:wait 5"); /* there are no octets to tell: silence */
	begin(1, (struct asked){ 3, "N3", "c", "settle|V|B", 0, NULL });
	commit();
	assert_told("1:admitted 6"); /* and the visit is free */
}

/* What is closed leaves memory only when the index has all of it. */
static void test_memory(void **state)
{
	up(1);
	settle(1, 1, "N1");
	note(1, 1, NULL);
	keeper_indexed(w.keeper, w.n_commits + 1);
	assert_int_equal(in_memory(), 1); /* the note is not durable yet */
	commit();
	keeper_indexed(w.keeper, w.n_commits);
	assert_int_equal(in_memory(), 1);
	keeper_indexed(w.keeper, w.n_commits + 1);
	assert_int_equal(in_memory(), 0);
	lose(1, 2, "N2");
	keeper_indexed(w.keeper, w.n_commits + 1);
	assert_int_equal(in_memory(), 1); /* open */
}

static void test_nonsense(void **state)
{
	struct yt_buf buf = { 0 }, none = { 0 };
	struct asked a = { 1, "N1", "c", NULL, 0, NULL };
	struct talk talk = { .seq = 1, .kind = UP_READY };

	up(1);
	assert_int_equal(keeper_message(w.keeper, 1, &talk), YT_ECORRUPT); /* a sequence number it has had */
	assert_int_equal(keeper_message(w.keeper, 7, &talk), YT_ECORRUPT); /* a worker nobody knows */
	assert_int_equal(say(1, (enum talk_kind)77, 1, &none), YT_ECORRUPT);
	assert_int_equal(say(1, DOWN_ADMITTED, 1, &none), YT_ECORRUPT);
	assert_int_equal(say(1, UP_BEGIN, 1, &none), YT_ECORRUPT);
	buf = beginning(1, &a);
	assert_int_equal(say(1, UP_BEGIN, 2, &buf), YT_ECORRUPT); /* records of another exchange */
	begin(1, a);
	commit();
	yt_buf_text(&buf, "not a record");
	assert_int_equal(say(1, UP_END, 1, &buf), YT_ECORRUPT);
	give_back_due(1, 9, 1); /* of an exchange that is over: moot, not nonsense */
	assert_int_equal(step(1, 1, REC_LEG_REVERSAL), YT_ECORRUPT); /* without a lease */
	end(1, 1, YT_UNKNOWN, NULL);
	up(2);
	add_outcome(&buf, 1, REC_LEG_MAIN, YT_DONE, 0);
	assert_int_equal(say(2, UP_END, 1, &buf), YT_ECORRUPT); /* another worker's leg */
	add_answer(&buf, 1, YT_DONE, "reply");
	assert_int_equal(say(1, UP_LATE, 1, &buf), YT_ECORRUPT); /* an answer without what came of it */
}

static void add_amendment(struct yt_buf *buf, uint64_t id, enum yt_outcome outcome, const char *reply)
{
	size_t at = rec_begin(buf, REC_ANSWERED, 0, id, w.wall_ms);

	rec_u8(buf, REC_T_OUTCOME, (uint8_t)outcome);
	rec_u32(buf, REC_T_FLAGS, REC_X_AMENDED);
	rec_str(buf, REC_T_REPLY, yt_str(reply));
	rec_end(buf, at);
}

static int amend(uint32_t worker, uint64_t id, enum yt_outcome outcome, const char *reply)
{
	struct yt_buf buf = { 0 };

	add_amendment(&buf, id, outcome, reply);
	return say(worker, UP_AMEND, id, &buf);
}

/* What an insurer decided stands in the answer that everybody hears from then on. */
static void test_amended(void **state)
{
	up(1);
	up(2);
	settle(1, 1, "N1");
	forget_told();
	assert_int_equal(amend(1, 1, YT_DONE, "with"), 0);
	assert_told(""); /* not before it is on disk */
	begin(2, (struct asked){ 2, "N1", "c", NULL, 0, NULL });
	assert_told("2:wait 2");
	commit();
	assert_told("2:stored 2=with 1:durable 4");
	restart(2);
	ready(1);
	ready(2);
	forget_told();
	begin(2, (struct asked){ 3, "N1", "c", NULL, 0, NULL });
	commit();
	assert_told("2:stored 4=with");
	assert_int_equal(state_of(1), X_DONE);
}

/* Its worker dies with it: it may have been heard, as any answer that was handed out. */
static void test_amended_is_not_reversed(void **state)
{
	up(1);
	settle(1, 1, "N1");
	assert_int_equal(amend(1, 1, YT_DONE, "with"), 0);
	commit();
	keeper_worker_gone(w.keeper, 1);
	up(2);
	forget_told();
	later(UNDELIVERED_MS);
	later(UNDELIVERED_MS);
	assert_told("");
}

/* Somebody may have heard the answer that is kept: it stays, and who wanted to amend it hears it. */
static void test_amended_too_late(void **state)
{
	up(1);
	up(2);
	settle(1, 1, "N1");
	begin(2, (struct asked){ 2, "N1", "c", NULL, 0, NULL });
	commit();
	forget_told();
	assert_int_equal(amend(1, 1, YT_DONE, "with"), 0);
	commit();
	assert_told("1:stored 4=settled");
	note(2, 1, "missed"); /* that one surely did not */
	commit();
	assert_int_equal(amend(1, 1, YT_DONE, "with"), 0);
	commit();
	assert_told("1:stored 5=settled"); /* but the worker itself may have given what it was told */
	assert_int_equal(amend(2, 1, YT_DONE, "with"), YT_ECORRUPT); /* not its leg */
	assert_int_equal(amend(1, 1, YT_REFUSED, "with"), YT_ECORRUPT);
}

/* A keeper dies when it has written that down, or had refused to: the next one says what is kept. */
static void test_amended_before(void **state)
{
	struct yt_buf buf = { 0 };

	for (unsigned refused = 0; refused < 2; refused++) {
		teardown(NULL);
		setup(NULL);
		up(1);
		up(2);
		settle(1, 1, "N1");
		if (refused)
			begin(2, (struct asked){ 2, "N1", "c", NULL, 0, NULL });
		assert_int_equal(amend(1, 1, YT_DONE, "with"), 0);
		note(1, 77, NULL); /* what comes behind it is on disk, too */
		commit_untold();
		restart(2);
		ready(2);
		forget_told();
		w.seq[1]--; /* read once more */
		add_amendment(&buf, 1, YT_DONE, "with");
		assert_int_equal(say_again(1, UP_AMEND, 1, &buf), 0);
		w.seq[1]++;
		ready(1);
		commit();
		assert_told(refused ? "1:stored 4=settled" : "1:stored 4=with");
	}
}

static void add_follow_up(struct yt_buf *buf, uint32_t worker, uint64_t id, const char *number)
{
	size_t at = rec_begin(buf, REC_ACCEPTED, 0, id, w.wall_ms);

	rec_str(buf, REC_T_INSTITUTION, yt_str(w.asks_as != NULL ? w.asks_as : H));
	rec_str(buf, REC_T_NUMBER, yt_str(number));
	rec_str(buf, REC_T_SETTLEMENT, yt_str(number + 2));
	rec_str(buf, REC_T_ORIGINAL, YT_STR("N1"));
	rec_u32(buf, REC_T_WORKER, worker);
	rec_str(buf, REC_T_FLOW, YT_STR("claim"));
	if (w.pays)
		rec_u8(buf, REC_T_OPERATION, YT_OP_PAY_ORDER);
	rec_u32(buf, REC_T_FLAGS, REC_X_FOLLOW_UP | (w.is_one_stop ? REC_X_ONE_STOP : 0u));
	rec_str(buf, REC_T_REQUEST, YT_STR("request"));
	rec_end(buf, at);
}

static void settle_followed(uint32_t worker, uint64_t id, uint64_t follow_up, const char *number)
{
	struct yt_buf buf = { 0 };

	add_outcome(&buf, id, REC_LEG_MAIN, YT_DONE, 0);
	add_answer(&buf, id, YT_DONE, "reply");
	add_follow_up(&buf, worker, FOLLOW_UP(follow_up), number);
	assert_int_equal(say(worker, UP_END, id, &buf), 0);
}

static struct exchange *followed(uint64_t n)
{
	return fold(FOLLOW_UP(n), (struct yt_str){ 0 }, (struct yt_str){ 0 });
}

static void cancel(uint64_t id, const char *number, const char *settlement, const char *institution)
{
	char key[64];

	snprintf(key, sizeof(key), EXCHANGE_CANCEL_KEY "%s", settlement);
	w.asks_as = institution;
	begin(1, (struct asked){ id, number, "c", key, YT_OP_OUTPATIENT_SETTLE_CANCEL, settlement });
	w.asks_as = NULL;
	commit();
	end(1, id, YT_DONE, "ok");
	commit();
}

/* What follows from a settlement ends with that alone: an origin's reversal that names it is of nothing we know, and
 * what an origin gave such a number is no follow-up. */
static void test_follow_up_has_no_origin(void **state)
{
	up(1);
	begin(1, (struct asked){ 1, "N1", "c", "settle|V|B", 0, NULL });
	commit();
	settle_followed(1, 1, 9, "+/A1");
	commit();
	begin(1, (struct asked){ 3, "+/A2", "c", NULL, 0, NULL });
	commit();
	end(1, 3, YT_DONE, "ok");
	commit();
	forget_told();
	begin(1, (struct asked){ 2, "R1", "c", NULL, YT_OP_REVERSE, "+/A1" });
	commit();
	assert_told("1:admitted 6");
	end(1, 2, YT_DONE, "ok");
	commit();
	assert_int_equal(followed(9)->state, X_UNKNOWN);
	begin(1, (struct asked){ 4, "C1", "c", NULL, YT_OP_OUTPATIENT_SETTLE_CANCEL, "A2" });
	commit();
	end(1, 4, YT_DONE, "ok");
	commit();
	assert_false(fold(3, (struct yt_str){ 0 }, (struct yt_str){ 0 })->reversal_wanted);
	assert_false(followed(9)->reversal_wanted);
	w.asks_as = "H-OLD"; /* its code has changed meanwhile */
	begin(1, (struct asked){ 5, "C2", "c", NULL, YT_OP_OUTPATIENT_SETTLE_CANCEL, "A1" });
	commit();
	end(1, 5, YT_DONE, "ok");
	commit();
	assert_true(followed(9)->reversal_wanted);
}

/* Somebody waits for it, at the worker that wrote it down: it is leased there, and before those that are due longer. */
static void test_follow_up_waited_for(void **state)
{
	for (unsigned worker = 1; worker <= 2; worker++) {
		struct yt_buf buf = { 0 };

		teardown(NULL);
		setup(NULL);
		up(1);
		up(2);
		begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
		commit();
		settle_followed(1, 1, 9, "+/A1");
		w.mono_ms += 1000; /* nobody had the time for it */
		w.is_one_stop = true;
		begin(worker, (struct asked){ 2, "N2", "c", NULL, 0, NULL });
		commit();
		add_outcome(&buf, 2, REC_LEG_MAIN, YT_DONE, 0);
		add_answer(&buf, 2, YT_DONE, "reply");
		add_follow_up(&buf, worker, (uint64_t)worker << 32 | 8, "+/A2");
		assert_int_equal(say(worker, UP_END, 2, &buf), 0);
		commit();
		forget_told();
		keeper_tick(w.keeper);
		w.is_one_stop = false;
		commit();
		assert_told(worker == 1 ? "1:lease 0/8" : "2:lease 0/8");
	}
}

/* A claim that somebody waited for is told whether the answer says what it came to, also after all has left memory;
 * and that it does not, where its settlement has left the index, too. */
static void test_follow_up_knows_answer(void **state)
{
	for (unsigned amended = 0; amended < 3; amended++) {
		struct rec lease;
		size_t used;

		teardown(NULL);
		setup(NULL);
		up(1);
		w.is_one_stop = true;
		begin(1, (struct asked){ 1, amended == 2 ? "N7" : "N1", "c", NULL, 0, NULL });
		commit();
		settle_followed(1, 1, 9, "+/A1");
		w.is_one_stop = false;
		commit();
		if (amended == 1)
			assert_int_equal(amend(1, 1, YT_DONE, "with"), 0);
		note(1, 1, NULL);
		commit();
		keeper_indexed(w.keeper, w.n_commits + 1);
		keeper_tick(w.keeper);
		commit();
		assert_int_equal(rec_read(yt_buf_view(&w.leased), &lease, &used), 0);
		assert_true(yt_str_is(rec_get(&lease, REC_T_RESULT), amended == 1 ? "amended" : "unamended"));
	}
}

/* What waits an hour for its result does not wait when its settlement is cancelled, and neither does what a worker
 * gives back to wait after that. */
static void test_follow_up_of_cancelled_is_due(void **state)
{
	for (unsigned leased = 0; leased < 2; leased++) {
		up(1);
		begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
		commit();
		settle_followed(1, 1, 9, "+/A1");
		commit();
		later(1);
		if (!leased)
			give_back_due(1, FOLLOW_UP(9), 3600000);
		commit();
		cancel(2, "C1", "A1", H);
		if (leased)
			give_back_due(1, FOLLOW_UP(9), 3600000);
		commit();
		forget_told();
		later(1);
		assert_told("1:lease 0/9");
		teardown(NULL);
		setup(NULL);
	}
}

/* The order of a payment, as a worker writes it down before it leaves; what it heard before rides with it. */
static int order_as(uint32_t worker, uint64_t id, const char *pay_no, const char *pay_msg)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_OUTCOME, 0, id, w.wall_ms);

	rec_u8(&buf, REC_T_LEG, REC_LEG_STEP);
	rec_u8(&buf, REC_T_STEP, 1);
	rec_u8(&buf, REC_T_OUTCOME, YT_DONE);
	rec_end(&buf, at);
	at = rec_begin(&buf, REC_SENDING, 0, id, w.wall_ms);
	rec_u8(&buf, REC_T_LEG, REC_LEG_STEP);
	rec_u8(&buf, REC_T_STEP, 2);
	rec_str(&buf, REC_T_PAY_NO, yt_str(pay_no));
	rec_str(&buf, REC_T_PAY_MSG, yt_str(pay_msg));
	rec_end(&buf, at);
	return say(worker, UP_STEP, id, &buf);
}

static int order(uint32_t worker, uint64_t id)
{
	return order_as(worker, id, "IN20260101000000000000", "PM1");
}

/* A word, under a lease of another exchange. */
static void tell_of(uint64_t teller, const char *about)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_NOTICE, 0, teller, w.wall_ms);

	rec_str(&buf, REC_T_ABOUT, yt_str(about));
	rec_str(&buf, REC_T_RESULT, YT_STR("PAID"));
	rec_end(&buf, at);
	at = rec_begin(&buf, REC_DUE, 0, teller, w.wall_ms);
	rec_i64(&buf, REC_T_DUE, w.wall_ms + 3600000);
	rec_end(&buf, at);
	assert_int_equal(say(1, UP_RETURN, teller, &buf), 0);
	commit();
	forget_told();
}

/* Its payment came to nothing, and is made anew under a lease that is out; then something is told about the old one,
 * under another lease. */
static void tell_of_old_while_leased(const char *about)
{
	struct yt_buf buf = { 0 };
	size_t at;

	begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
	commit();
	settle_followed(1, 1, 9, "+/A1");
	commit();
	later(1);
	assert_int_equal(order(1, FOLLOW_UP(9)), 0);
	commit();
	at = rec_begin(&buf, REC_RESOLVED, 0, FOLLOW_UP(9), w.wall_ms);
	rec_str(&buf, REC_T_RESULT, YT_STR("unpaid"));
	rec_u8(&buf, REC_T_STEP, 2);
	rec_str(&buf, REC_T_CODE, YT_STR("FAILED"));
	rec_end(&buf, at);
	at = rec_begin(&buf, REC_DUE, 0, FOLLOW_UP(9), w.wall_ms);
	rec_i64(&buf, REC_T_DUE, w.wall_ms);
	rec_end(&buf, at);
	assert_int_equal(say(1, UP_RETURN, FOLLOW_UP(9), &buf), 0);
	lose(1, 2, "N2");
	later(REVERSE_AFTER_MS); /* both leases */
	tell_of(2, about);
}

/* A payment had failed, and was paid after all, when a worker has the one that is made anew: that one does not leave,
 * neither under this lease nor under a later one, whoever has released it and whoever was killed. */
static void test_old_one_paid_while_leased(void **state)
{
	static const struct {
		const char *about;
		bool is_killed, is_given_back;
	} cases[] = { { "+/IN20260101000000000000", false, false }, { "+/IN20260101000000000000", true, false },
		{ "+/PM1", false, false }, { "+/PM1", true, false }, { "+/IN20260101000000000000", false, true },
		{ "+/IN20260101000000000000", true, true } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		teardown(NULL);
		setup(NULL);
		up(1);
		tell_of_old_while_leased(cases[i].about);
		assert_int_equal(followed(9)->state, X_UNKNOWN);
		if (cases[i].is_killed) {
			restart(1);
			held(1, FOLLOW_UP(9));
			ready(1);
		}
		if (cases[i].is_given_back) {
			give_back_due(1, FOLLOW_UP(9), 1);
		} else {
			assert_int_equal(order_as(1, FOLLOW_UP(9), "IN20260101000000000001", "PM2"), 0);
			assert_string_equal(followed(9)->pay_no, "");
		}
		commit();
		assert_int_equal(followed(9)->state, X_PARKED);
		assert_string_equal(followed(9)->pay_no, "");
		assert_int_equal(keeper_release(w.keeper, FOLLOW_UP(9), YT_STR("li"), YT_STR("wang"), YT_STR("seen")),
		        YT_ESTATE);
		forget_told();
		later(FOLLOW_UP_TURN_MS);
		assert_told("");
	}
}

/* A cancel of its settlement is under way: its payment waits until that has an outcome, and leaves only when the
 * settlement stands. */
static void test_order_while_cancelling(void **state)
{
	static const enum yt_outcome outcomes[] = { YT_REFUSED, YT_DONE };

	for (size_t i = 0; i < 4; i++) {
		struct yt_buf buf = { 0 };
		size_t at;

		teardown(NULL);
		setup(NULL);
		up(1);
		begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
		commit();
		settle_followed(1, 1, 9, "+/A1");
		commit();
		later(1); /* the lease, in which the order is made */
		at = rec_begin(&buf, REC_DUE, 0, FOLLOW_UP(9), w.wall_ms);
		rec_i64(&buf, REC_T_DUE, w.wall_ms + 1);
		rec_bytes(&buf, REC_T_PAY_DIGEST, "0123456789abcdef", 16);
		rec_end(&buf, at);
		if (i >= 2) { /* the cancel comes when a worker has it under the next lease */
			assert_int_equal(say(1, UP_RETURN, FOLLOW_UP(9), &buf), 0);
			commit();
			later(1);
		}
		begin(1,
		        (struct asked){ 2, "C1", "c", EXCHANGE_CANCEL_KEY "A1", YT_OP_OUTPATIENT_SETTLE_CANCEL, "A1" });
		commit();
		forget_told();
		assert_int_equal(i < 2 ? say(1, UP_RETURN, FOLLOW_UP(9), &buf) : order(1, FOLLOW_UP(9)), 0);
		commit();
		yt_buf_byte(&w.told, 0);
		if (i >= 2)
			assert_non_null(strstr((const char *)w.told.p, "1:moot"));
		assert_string_equal(followed(9)->pay_no, "");
		forget_told();
		later(10 * FOLLOW_UP_TURN_MS);
		assert_told("");
		end(1, 2, outcomes[i % 2], "ok");
		commit();
		forget_told();
		later(2 * FOLLOW_UP_TURN_MS);
		assert_told("1:lease 0/9");
		assert_int_equal(followed(9)->reversal_wanted, outcomes[i % 2] == YT_DONE);
	}
}

/* What asks money back is people's with the return that writes it: no worker need have seen it before it can end. */
static void test_claim_back_is_parked(void **state)
{
	struct yt_buf buf = { 0 };
	size_t at;

	up(1);
	begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
	commit();
	settle_followed(1, 1, 9, "+/A1");
	commit();
	later(1); /* the lease */
	at = rec_begin(&buf, REC_ACCEPTED, 0, FOLLOW_UP(10), w.wall_ms);
	rec_str(&buf, REC_T_INSTITUTION, YT_STR(H));
	rec_str(&buf, REC_T_NUMBER, YT_STR("back/A1"));
	rec_u8(&buf, REC_T_OPERATION, YT_OP_CLAIM_BACK);
	rec_str(&buf, REC_T_SETTLEMENT, YT_STR("A1"));
	rec_u32(&buf, REC_T_WORKER, 1);
	rec_i64(&buf, REC_T_AMOUNT, 1234);
	rec_str(&buf, REC_T_REFERENCE, YT_STR("IN20260101000000000000"));
	rec_str(&buf, REC_T_FLOW, YT_STR("here"));
	rec_u32(&buf, REC_T_FLAGS, REC_X_FOLLOW_UP);
	rec_end(&buf, at);
	add_answer(&buf, FOLLOW_UP(9), YT_DONE, NULL);
	assert_int_equal(say(1, UP_RETURN, FOLLOW_UP(9), &buf), 0);
	commit();
	assert_int_equal(followed(10)->state, X_PARKED);
	assert_string_equal(followed(10)->reason,
	        "12.34 yuan paid by IN20260101000000000000 are to be asked back: its settlement was undone");
	assert_int_equal(keeper_decide(w.keeper, FOLLOW_UP(10), "done", YT_STR("party"), YT_STR("it came back")), 0);
	commit();
	assert_int_equal(followed(10)->state, X_DONE);
}

/* Its settlement is undone while a worker has it, and the keeper is killed: it is undone when it comes back, not when
 * it was to go on. */
static void test_ended_while_leased_survives(void **state)
{
	up(1);
	begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
	commit();
	settle_followed(1, 1, 9, "+/A1");
	commit();
	later(1); /* the lease */
	cancel(2, "C1", "A1", H);
	restart(1);
	held(1, FOLLOW_UP(9));
	ready(1);
	give_back_due(1, FOLLOW_UP(9), 3600000);
	commit();
	forget_told();
	later(1);
	assert_told("1:lease 0/9");
}

/* What a worker has may be leaving: people take back, or hold, only what nobody has. */
static void test_withdrawn_while_leased(void **state)
{
	static const char *const words[] = { "refused", "park" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		teardown(NULL);
		setup(NULL);
		up(1);
		begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
		commit();
		settle_followed(1, 1, 9, "+/A1");
		commit();
		later(1); /* the lease */
		assert_int_equal(keeper_decide(w.keeper, FOLLOW_UP(9), words[i], YT_STR("li"), YT_STR("x")), YT_EAGAIN);
		give_back_due(1, FOLLOW_UP(9), 60000);
		commit();
		assert_int_equal(keeper_decide(w.keeper, FOLLOW_UP(9), words[i], YT_STR("li"), YT_STR("x")), 0);
		commit();
		forget_told();
		later(70000);
		assert_told(i == 0 ? "1:lease 0/9" : ""); /* for the answer that says so */
		assert_int_equal(followed(9)->state, i == 0 ? X_REFUSED : X_PARKED);
	}
}

/* P5: a worker was about to order a payment when its settlement was cancelled: the order does not leave, whoever was
 * killed meanwhile, and the claim is undone at once. */
static void test_order_of_cancelled(void **state)
{
	for (unsigned restarts = 0; restarts < 2; restarts++) {
		teardown(NULL);
		setup(NULL);
		up(1);
		begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
		commit();
		settle_followed(1, 1, 9, "+/A1");
		commit();
		later(1); /* the lease */
		cancel(2, "C1", "A1", H);
		if (restarts)
			restart(1);
		forget_told();
		assert_int_equal(order(1, FOLLOW_UP(9)), 0);
		commit();
		assert_told("1:moot 6");
		assert_string_equal(followed(9)->pay_no, "");
		assert_int_equal(followed(9)->step_state, STEP_DONE); /* of the claim: what was heard counts */
		if (restarts)
			ready(1);
		forget_told();
		later(1);
		assert_told("1:lease 0/9");
	}
}

/* However many are due, half of the leases are for what somebody waits for. */
static void test_follow_ups_leave_leases(void **state)
{
	up(1);
	for (uint64_t i = 1; i <= 3; i++) {
		static const char *const names[] = { "N1", "N2", "N3" }, *const numbers[] = { "+/A1", "+/A2" };

		begin(1, (struct asked){ i, names[i - 1], "c", NULL, 0, NULL });
		commit();
		if (i < 3)
			settle_followed(1, i, 8 + i, numbers[i - 1]);
		else
			end(1, i, YT_UNKNOWN, NULL);
		commit();
	}
	forget_told();
	later(1);
	assert_told("1:lease 0/9");
	later(REVERSE_AFTER_MS);
	assert_told("1:lease 0/3");
	give_back_due(1, FOLLOW_UP(9), 60000);
	commit();
	forget_told();
	later(FOLLOW_UP_TURN_MS);
	assert_told("1:lease 0/10");
}

/* Its settlement is cancelled while the outcome is unknown here (the hospital has the number from the platform): what
 * follows when it is found out never leaves, whatever the keeper still has in memory. */
static void test_follow_up_of_cancelled(void **state)
{
	static const struct {
		bool in_memory;
		const char *institution;
	} rows[] = { { true, H }, { false, H }, { true, "H-OLD" }, { false, "H-OLD" } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct yt_buf buf = { 0 };

		teardown(NULL);
		setup(NULL);
		up(1);
		lose(1, 1, "N1");
		cancel(2, "C1", "A1", rows[i].institution);
		if (!rows[i].in_memory) {
			note(1, 2, NULL);
			commit();
			keeper_indexed(w.keeper, w.n_commits + 1);
		}
		assert_int_equal(in_memory(), rows[i].in_memory ? 2 : 1);
		w.index_lags = rows[i].in_memory;
		later(REVERSE_AFTER_MS);
		add_answer(&buf, 1, YT_DONE, "found");
		add_follow_up(&buf, 1, FOLLOW_UP(9), "+/A1");
		assert_int_equal(say(1, UP_RETURN, 1, &buf), 0);
		commit();
		forget_told();
		later(1);
		assert_told("");
		assert_int_equal(followed(9)->state, X_REVERSED);
		assert_false(exchange_is_open(followed(9)));
	}
}

/* A cancel that was refused, or of another settlement, bars nothing. */
static void test_follow_up_of_uncancelled(void **state)
{
	up(1);
	begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
	begin(1, (struct asked){ 2, "C1", "c", EXCHANGE_CANCEL_KEY "A1", YT_OP_OUTPATIENT_SETTLE_CANCEL, "A1" });
	commit();
	end(1, 2, YT_REFUSED, "no");
	cancel(3, "C2", "A2", H);
	settle_followed(1, 1, 9, "+/A1");
	commit();
	forget_told();
	later(1);
	assert_told("1:lease 0/9");
}

/* Its settlement is found to be done while its origin has asked to undo it: nothing leaves before that is over. */
static void test_follow_up_of_undone(void **state)
{
	struct yt_buf buf = { 0 };

	up(1);
	w.then = "claim";
	lose(1, 1, "N1");
	w.then = NULL;
	begin(1, (struct asked){ 2, "R1", "c", NULL, YT_OP_REVERSE, "N1" });
	commit();
	later(1);
	add_answer(&buf, 1, YT_DONE, "found");
	add_follow_up(&buf, 1, FOLLOW_UP(9), "+/A1");
	assert_int_equal(say(1, UP_RETURN, 1, &buf), 0);
	commit();
	forget_told();
	later(FOLLOW_UP_TURN_MS);
	assert_told("1:lease 0/1");
	give_back_reversed(1, 1, "undone");
	commit();
	later(FOLLOW_UP_TURN_MS);
	assert_int_equal(followed(9)->state, X_REVERSED);
	assert_int_equal(followed(9)->reversals, 0);
}

/* Whether it may leave cannot be told while the index cannot be read: it waits, and a second one for the same
 * settlement, which nobody could know of, does not leave at all, by
 * whichever code of its institution. */
static void test_follow_up_waits_for_index(void **state)
{
	static const char *const codes[] = { H, "H-OLD", H };

	for (size_t i = 0; i < 3; i++) {
		struct yt_buf buf = { 0 };

		teardown(NULL);
		setup(NULL);
		w.pays = i == 2;
		up(1);
		begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
		begin(1, (struct asked){ 2, "N2", "c", NULL, 0, NULL });
		commit();
		settle_followed(1, 1, 9, "+/A1");
		commit();
		later(1);
		add_answer(&buf, FOLLOW_UP(9), YT_REFUSED, NULL);
		assert_int_equal(say(1, UP_RETURN, FOLLOW_UP(9), &buf), 0);
		commit();
		keeper_indexed(w.keeper, w.n_commits + 1);
		w.find_error = YT_EIO;
		w.asks_as = codes[i];
		settle_followed(1, 2, 10, "+/A1");
		w.asks_as = NULL;
		begin(1, (struct asked){ 3, "N3", "c", NULL, 0, NULL });
		commit();
		forget_told();
		later(FOLLOW_UP_TURN_MS);
		assert_told("");
		assert_int_equal(followed(10)->state, X_UNKNOWN);
		w.find_error = 0;
		later(FOLLOW_UP_TURN_MS);
		assert_told("");
		assert_int_equal(followed(10)->state, w.pays ? X_PARKED : X_REVERSED); /* a payout is nobody's twin */
	}
}

/* A settlement that is told under both codes of its institution is followed once, whichever comes first. */
static void test_follow_up_under_two_codes(void **state)
{
	static const char *const codes[][2] = { { H, "H-OLD" }, { "H-OLD", H } };

	for (size_t i = 0; i < 4; i++) {
		struct yt_buf buf = { 0 };

		teardown(NULL);
		setup(NULL);
		up(1);
		w.asks_as = codes[i / 2][0];
		begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
		commit();
		settle_followed(1, 1, 9, "+/A1");
		commit();
		if (i % 2 != 0) { /* it has left memory */
			later(1);
			add_answer(&buf, FOLLOW_UP(9), YT_DONE, NULL);
			assert_int_equal(say(1, UP_RETURN, FOLLOW_UP(9), &buf), 0);
			commit();
			keeper_indexed(w.keeper, w.n_commits + 1);
		}
		w.asks_as = codes[i / 2][1];
		begin(1, (struct asked){ 2, "S1", "c", NULL, 0, NULL });
		commit();
		settle_followed(1, 2, 10, "+/A1");
		commit();
		w.asks_as = NULL;
		assert_null(followed(10));
	}
}

/* A cancel is done when the index cannot be read, and its claim is in no memory: it is looked for until it is found,
 * also by the keeper after this one. */
static void test_cancel_tells_later(void **state)
{
	for (unsigned restarts = 0; restarts < 2; restarts++) {
		struct yt_buf buf = { 0 };

		teardown(NULL);
		setup(NULL);
		up(1);
		begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
		commit();
		settle_followed(1, 1, 9, "+/A1");
		commit();
		later(1);
		add_answer(&buf, FOLLOW_UP(9), YT_DONE, NULL);
		assert_int_equal(say(1, UP_RETURN, FOLLOW_UP(9), &buf), 0);
		note(1, 1, NULL);
		commit();
		later(1); /* its answer was decided by nobody: it needs none */
		begin(1,
		        (struct asked){ 2, "C1", "c", EXCHANGE_CANCEL_KEY "A1", YT_OP_OUTPATIENT_SETTLE_CANCEL, "A1" });
		commit();
		keeper_indexed(w.keeper, w.n_commits + 1);
		assert_int_equal(in_memory(), 1);
		w.find_error = YT_EIO;
		end(1, 2, YT_DONE, "ok");
		note(1, 2, NULL);
		commit();
		forget_told();
		later(FOLLOW_UP_TURN_MS);
		assert_told("");
		if (restarts != 0) {
			restart(1);
			ready(1);
			forget_told();
			later(FOLLOW_UP_TURN_MS);
			assert_told("");
		}
		assert_false(followed(9)->reversal_wanted);
		w.find_error = 0;
		later(FOLLOW_UP_TURN_MS);
		assert_true(followed(9)->reversal_wanted);
		later(NOBODY_MS);
		assert_told("1:lease 0/9");
		assert_false(exchange_is_open(fold(2, (struct yt_str){ 0 }, (struct yt_str){ 0 })));
	}
}

/* Its settlement is undone: what an operator finds done of it is undone, too. */
static void test_follow_up_done_unwanted(void **state)
{
	static const struct {
		const char *word;
		bool is_wanted;
	} rows[] = { { "done", true }, { "retry", true }, { "refused", false }, { "reversed", false } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct yt_buf buf = { 0 };
		size_t at;

		teardown(NULL);
		setup(NULL);
		up(1);
		begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
		commit();
		settle_followed(1, 1, 9, "+/A1");
		commit();
		later(1);
		cancel(2, "C1", "A1", H);
		at = rec_begin(&buf, REC_PARKED, 0, FOLLOW_UP(9), w.wall_ms);
		rec_end(&buf, at);
		assert_int_equal(say(1, UP_RETURN, FOLLOW_UP(9), &buf), 0);
		commit();
		assert_int_equal(keeper_decide(w.keeper, FOLLOW_UP(9), rows[i].word, YT_STR("li"), YT_STR("seen")), 0);
		commit();
		assert_int_equal(followed(9)->reversal_wanted, rows[i].is_wanted);
	}
}

/* Undone before anything of it left, and its settlement stands again: that it is parked for, no word of a party ends.
 */
static void test_gone_is_not_taken_on(void **state)
{
	up(1);
	begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
	commit();
	cancel(2, "C1", "A1", H);
	settle_followed(1, 1, 9, "+/A1");
	commit();
	later(1);
	commit();
	assert_int_equal(followed(9)->state, X_REVERSED);
	begin(1, (struct asked){ 3, "R1", "c", NULL, YT_OP_REVERSE, "C1" });
	commit();
	end(1, 3, YT_DONE, "ok");
	commit();
	assert_int_equal(followed(9)->state, X_PARKED);
	assert_string_equal(followed(9)->reason, FOLLOW_UP_GONE);
	lose(1, 4, "N4");
	later(REVERSE_AFTER_MS);
	tell_of(4, "+/A1");
	assert_string_equal(followed(9)->told_state, "PAID");
	assert_int_equal(followed(9)->state, X_PARKED);
	later(FOLLOW_UP_TURN_MS);
	assert_told("");
}

/* How long it has been tried in vain: a claim that is asked for again and again has not been, and a withdrawal begins
 * anew. */
static void test_follow_up_clock(void **state)
{
	struct yt_buf buf = { 0 };
	struct rec rec;
	size_t used;

	up(1);
	begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
	commit();
	settle_followed(1, 1, 9, "+/A1");
	commit();
	for (unsigned i = 0; i < 4; i++) {
		static const enum yt_outcome heard[] = { YT_UNKNOWN, YT_DONE, YT_UNKNOWN };
		static const uint64_t want[] = { 1, 60001, 60000, 120001 };

		later(1);
		assert_int_equal(rec_read(yt_buf_view(&w.leased), &rec, &used), 0);
		assert_int_equal(rec_get_u64(&rec, REC_T_ELAPSED), want[i]);
		if (i == 3)
			break;
		add_outcome(&buf, FOLLOW_UP(9), REC_LEG_STEP, heard[i], heard[i] == YT_DONE ? REC_X_ANEW : 0);
		assert_int_equal(say(1, UP_STEP, FOLLOW_UP(9), &buf), 0);
		give_back_due(1, FOLLOW_UP(9), 60000);
		commit();
		later(60000);
	}
	cancel(2, "C1", "A1", H);
	give_back_due(1, FOLLOW_UP(9), 1000);
	commit();
	later(1000);
	assert_int_equal(rec_read(yt_buf_view(&w.leased), &rec, &used), 0);
	assert_int_equal(rec_get_u64(&rec, REC_T_ELAPSED), 1000);
}

/* It has no origin that would wait at the worker that wrote it down. */
static void test_follow_up_leaves_draining(void **state)
{
	up(1);
	up(2);
	begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
	commit();
	settle_followed(1, 1, 9, "+/A1");
	keeper_worker_drains(w.keeper, 1);
	commit();
	forget_told();
	later(1);
	assert_told("2:lease 0/9");
}

/* What follows has a number of the worker that says so. */
static void test_follow_up_of_another(void **state)
{
	static const struct {
		uint32_t worker;
		uint64_t id;
	} rows[] = { { 2, FOLLOW_UP(9) }, { 1, 2ull << 32 | 9 }, { 1, 9 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct yt_buf buf = { 0 };

		teardown(NULL);
		setup(NULL);
		up(1);
		begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
		commit();
		add_outcome(&buf, 1, REC_LEG_MAIN, YT_DONE, 0);
		add_answer(&buf, 1, YT_DONE, "reply");
		add_follow_up(&buf, rows[i].worker, rows[i].id, "+/A1");
		assert_int_equal(say(1, UP_END, 1, &buf), YT_ECORRUPT);
		assert_int_equal(in_memory(), 1);
	}
}

static struct keeper_counts counts(void)
{
	struct keeper_counts c;

	keeper_count(w.keeper, &c);
	return c;
}

/* The follow-up 9 of a settlement A1 that is over; nothing but it is open. */
static void let_rest(int64_t due_in_ms)
{
	const char *why = w.why;

	teardown(NULL);
	memset(&w, 0, sizeof(w));
	w.why = why;
	w.wall_ms = NOON;
	w.mono_ms = 1000000;
	w.rests = true;
	new_keeper();
	keeper_start(w.keeper);
	up(1);
	begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
	commit();
	settle_followed(1, 1, 9, "+/A1");
	note(1, 1, NULL);
	commit();
	later(1);
	if (due_in_ms >= 0) {
		give_back_due(1, FOLLOW_UP(9), due_in_ms);
	} else {
		struct yt_buf buf = { 0 };
		size_t at = rec_begin(&buf, REC_PARKED, 0, FOLLOW_UP(9), w.wall_ms);

		rec_end(&buf, at);
		assert_int_equal(say(1, UP_RETURN, FOLLOW_UP(9), &buf), 0);
	}
	commit();
	keeper_indexed(w.keeper, w.n_commits); /* not quite all of it */
	assert_int_equal(in_memory(), 1);
	keeper_indexed(w.keeper, w.n_commits + 1);
	assert_int_equal(in_memory(), 0);
	forget_told();
}

/* What waits takes no memory, is counted as what it is, and goes on when it is due. */
static void test_rests_until_due(void **state)
{
	let_rest(60000);
	assert_int_equal(counts().follow_ups, 1);
	assert_int_equal(counts().unknown, 0);
	assert_int_equal(keeper_open(w.keeper), 1);
	assert_int_equal(keeper_open_before(w.keeper, NOON), 0);
	assert_int_equal(keeper_open_before(w.keeper, NOON + 1), 1);
	later(59999);
	assert_told("");
	assert_int_equal(in_memory(), 0);
	w.find_error = YT_EIO;
	later(1);
	assert_told("");
	w.find_error = 0;
	later(FOLLOW_UP_TURN_MS);
	assert_told("1:lease 0/9");
	assert_int_equal(counts().follow_ups, 1);
	assert_int_equal(keeper_open(w.keeper), 1);
	give_back_due(1, FOLLOW_UP(9), 60000);
	commit();
	forget_told();
	keeper_indexed(w.keeper, w.n_commits + 1);
	assert_int_equal(in_memory(), 0);
	assert_int_equal(counts().follow_ups, 1);
	later(60000);
	assert_told("1:lease 0/9");
}

/* It is found by its settlement, and by its own number. */
static void test_rest_is_disturbed(void **state)
{
	struct exchange x;

	let_rest(3600000);
	cancel(2, "C1", "A1", H);
	forget_told();
	later(NOBODY_MS);
	assert_told("1:lease 0/9");
	assert_true(followed(9)->reversal_wanted);
	assert_int_equal(counts().follow_ups, 1);
	let_rest(-1);
	assert_int_equal(counts().follow_ups, 0);
	assert_int_equal(counts().parked, 1);
	assert_int_equal(keeper_get(w.keeper, FOLLOW_UP(9), &x), 0);
	assert_int_equal(x.state, X_PARKED);
	assert_int_equal(keeper_get(w.keeper, FOLLOW_UP(10), &x), YT_ENOTFOUND);
	w.find_error = YT_EIO;
	assert_int_equal(keeper_get(w.keeper, FOLLOW_UP(10), &x), YT_EIO);
	w.find_error = 0;
	keeper_indexed(w.keeper, w.n_commits + 1);
	assert_int_equal(keeper_decide(w.keeper, FOLLOW_UP(10), "retry", YT_STR("li"), YT_STR("seen")), YT_ENOTFOUND);
	assert_int_equal(keeper_decide(w.keeper, FOLLOW_UP(9), "retry", YT_STR("li"), YT_STR("seen")), 0);
	commit();
	later(NOBODY_MS);
	assert_told("1:lease 0/9");
	assert_int_equal(counts().parked, 0);
	assert_int_equal(counts().follow_ups, 1);
}

/* The lane that it waits for goes on. */
static void test_rest_and_lane(void **state)
{
	static const char *const reasons[] = { EXCHANGE_WHY_STOPPED, "away" };

	for (size_t i = 0; i < 2; i++) {
		w.why = reasons[i];
		let_rest(60000);
		keeper_wake_stopped(w.keeper);
		later(1);
		assert_told(i == 0 ? "1:lease 0/9" : "");
	}
}

/* It went on before it was due, and is due later now: it is not asked for at the time that it had before. */
static void test_rests_longer(void **state)
{
	w.why = EXCHANGE_WHY_STOPPED;
	let_rest(60000);
	w.why = "away";
	begin(1, (struct asked){ 2, "N2", "c", NULL, 0, NULL });
	commit();
	settle_followed(1, 2, 10, "+/A2"); /* another one, due before that time */
	note(1, 2, NULL);
	commit();
	later(1);
	give_back_due(1, FOLLOW_UP(10), 30000);
	commit();
	forget_told();
	keeper_wake_stopped(w.keeper);
	later(1);
	assert_told("1:lease 0/9");
	give_back_due(1, FOLLOW_UP(9), 3600000);
	commit();
	keeper_indexed(w.keeper, w.n_commits + 1);
	assert_int_equal(in_memory(), 0);
	forget_told();
	later(30000);
	assert_told("1:lease 0/10");
	give_back_due(1, FOLLOW_UP(10), 7000000);
	commit();
	forget_told();
	later(30000);
	assert_told("");
	keeper_indexed(w.keeper, w.n_commits + 1);
	later(3539999);
	assert_told("");
	later(1);
	assert_told("1:lease 0/9");
}

/* What is being undone stays in memory: how long nothing of it has left is known there alone, and grows. */
static void test_undone_does_not_rest(void **state)
{
	struct rec rec;
	size_t used;

	let_rest(3600000);
	cancel(2, "C1", "A1", H);
	note(1, 2, NULL);
	commit();
	later(NOBODY_MS);
	for (uint64_t i = 0; i < 3; i++) {
		assert_int_equal(rec_read(yt_buf_view(&w.leased), &rec, &used), 0);
		assert_int_equal(rec_get_u64(&rec, REC_T_QUIET), NOBODY_MS + i * 5000);
		give_back_due(1, FOLLOW_UP(9), 5000);
		commit();
		keeper_indexed(w.keeper, w.n_commits + 1);
		assert_int_equal(in_memory(), 1);
		later(5000);
	}
}

/* A keeper after this one reads when it is due, and nothing else; a lease from the one before is known. */
static void test_rest_survives(void **state)
{
	let_rest(60000);
	restart(1);
	ready(1);
	forget_told();
	assert_int_equal(in_memory(), 0);
	assert_int_equal(counts().follow_ups, 1);
	later(59990);
	assert_told("");
	later(10);
	assert_told("1:lease 0/9");
	restart(1);
	held(1, FOLLOW_UP(9));
	ready(1);
	forget_told();
	later(120000);
	assert_told("");
	give_back_due(1, FOLLOW_UP(9), 5000);
	commit();
	assert_told("1:durable 9");
	restart(1);
	give_back_due(1, FOLLOW_UP(9), 7000); /* said to a keeper that did not live to write it */
	commit();
	ready(1);
	forget_told();
	later(6999);
	assert_told("");
	later(1);
	assert_told("1:lease 0/9");
}

/* The wall clock is set back while the keeper is down: it does not wait until that time has come again. */
static void test_rest_and_clock(void **state)
{
	let_rest(60000);
	w.wall_ms -= 24 * 3600 * 1000;
	restart(1);
	ready(1);
	forget_told();
	later(conf.rest_ms - 1);
	assert_told("");
	later(1);
	assert_told("1:lease 0/9");
}

/* Its octets are written again before their segment goes, whether it rests or not. */
static void test_rest_is_carried(void **state)
{
	uint64_t exchange;
	log_pos before;
	int rv, n;

	let_rest(3600000);
	before = w.n_commits + 1;
	for (n = 0; (rv = keeper_carry(w.keeper, before, SIZE_MAX, &exchange)) == 0 && n < 10; n++) {
		commit();
		keeper_indexed(w.keeper, w.n_commits + 1);
	}
	assert_int_equal(rv, 1);
	commit();
	assert_true(followed(9)->accepted_pos >= before);
	keeper_indexed(w.keeper, w.n_commits + 1);
	assert_int_equal(in_memory(), 0);
	assert_int_equal(counts().follow_ups, 1);
	w.find_error = YT_EIO;
	assert_int_equal(keeper_carry(w.keeper, w.n_commits + 1, SIZE_MAX, &exchange), YT_EIO);
	w.find_error = 0;
	let_rest(3600000);
	before = w.n_commits + 1;
	assert_int_equal(keeper_carry(w.keeper, before, SIZE_MAX, &exchange), 0); /* woken: not carried yet ... */
	keeper_indexed(w.keeper, w.n_commits + 1);                                /* ... so it may not lie down */
	assert_int_equal(in_memory(), 1);
}

/* Twenty thousand that wait take no more memory than those that are being worked off, and a cancel is as quick. */
static void test_many_rest(void **state)
{
	struct keeper_conf half = conf;

	let_rest(3600000);
	w.n_made_up = 20000;
	half.leases = 10;
	keeper_configure(w.keeper, &half);
	for (uint64_t i = 0; i < w.n_made_up; i++)
		keeper_rest(w.keeper, FOLLOW_UP(1000 + i), w.wall_ms + (int64_t)(i * 7919 % w.n_made_up), false);
	assert_int_equal(counts().follow_ups, 20001);
	assert_int_equal(keeper_open(w.keeper), 20001);
	assert_int_equal(in_memory(), 0);
	later(30000); /* all of them are due */
	assert_int_equal(counts().leased, 5);
	assert_int_equal(in_memory(), 5);
	assert_int_equal(counts().follow_ups, 20001);
	cancel(2, "C1", "A1", H);
	assert_true(followed(9)->reversal_wanted);
	assert_in_range(in_memory(), 7, 7);
}

/* Beyond the limit nothing is taken on that something would follow from; all else is, and what is open is no exchange
 * in flight. */
static void test_follow_up_limit(void **state)
{
	struct keeper_conf few = conf;

	let_rest(60000);
	few.follow_ups = 1;
	few.exchanges = 1;
	keeper_configure(w.keeper, &few);
	later(60000); /* it is in memory now, and leased */
	keeper_indexed(w.keeper, w.n_commits + 1);
	forget_told();
	w.then = "claim";
	begin(1, (struct asked){ 2, "N2", "c", NULL, 0, NULL });
	commit();
	assert_told("1:closed 6");
	assert_true(counts().has_enough);
	w.then = NULL;
	begin(1, (struct asked){ 3, "N3", "c", NULL, 0, NULL });
	commit();
	assert_told("1:admitted 7");
	begin(1, (struct asked){ 4, "N4", "c", NULL, 0, NULL });
	commit();
	assert_told("1:closed 8"); /* of exchanges only one */
	few.follow_ups = 2;
	few.exchanges = 2;
	keeper_configure(w.keeper, &few);
	w.then = "claim";
	begin(1, (struct asked){ 2, "N2", "c", NULL, 0, NULL });
	commit();
	assert_told("1:admitted 9");
	assert_false(counts().has_enough);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

/* -- lanes ------------------------------------------------------------------------------------------ */

static void count_stopped(void *arg, const struct keeper_lane *lane)
{
	++*(unsigned *)arg;
	assert_string_equal(lane->party, "zhejiang");
	assert_string_equal(lane->operator_name, "li");
	assert_string_equal(lane->reason, "their maintenance");
	assert_true(lane->since_ms == NOON);
}

/* It outlives keepers, and retention; what waited for it is due when it goes on. */
static void test_stopped_lane(void **state)
{
	struct yt_buf buf = { 0 };
	uint64_t exchange;
	unsigned n = 0;
	size_t at;

	up(1);
	assert_int_equal(keeper_set_lane(w.keeper, YT_STR("zhejiang"), false, YT_STR("li"), YT_STR("x")), YT_ESTATE);
	assert_int_equal(
	        keeper_set_lane(w.keeper, YT_STR("zhejiang"), true, YT_STR("li"), YT_STR("their maintenance")), 0);
	assert_int_equal(keeper_set_lane(w.keeper, YT_STR("zhejiang"), true, YT_STR("li"), YT_STR("x")), YT_ESTATE);
	commit();
	begin(1, (struct asked){ .id = 1, .number = "1" });
	commit();
	end(1, 1, YT_UNKNOWN, NULL);
	commit();
	later(5000);
	assert_int_equal(keeper_carry(w.keeper, 3, 1 << 20, &exchange), 1); /* the first commits are dropped */
	commit();
	yt_buf_clear(&w.commits[1].records);
	restart(1);
	assert_true(keeper_lane_is_stopped(w.keeper, "zhejiang"));
	keeper_each_stopped(w.keeper, count_stopped, &n);
	assert_int_equal(n, 1);

	ready(1);
	later(REVERSE_AFTER_MS);
	forget_told();
	at = rec_begin(&buf, REC_DUE, 0, 1, w.wall_ms);
	rec_i64(&buf, REC_T_DUE, w.wall_ms + 250000);
	rec_str(&buf, REC_T_REASON, YT_STR(EXCHANGE_WHY_STOPPED));
	rec_end(&buf, at);
	assert_int_equal(say(1, UP_RETURN, 1, &buf), 0);
	commit();
	forget_told();
	later(1000);
	assert_told("");
	assert_int_equal(keeper_set_lane(w.keeper, YT_STR("zhejiang"), false, YT_STR("li"), YT_STR("over")), 0);
	assert_false(keeper_lane_is_stopped(w.keeper, "zhejiang"));
	commit();
	later(1);
	assert_told(""); /* workers do not know yet */
	keeper_wake_stopped(w.keeper);
	later(1);
	assert_told("1:lease 0/1");
	restart(1);
	assert_false(keeper_lane_is_stopped(w.keeper, "zhejiang"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_stopped_lane),
		TEST(test_admitted_when_durable),
		TEST(test_waiters),
		TEST(test_index),
		TEST(test_too_many),
		TEST(test_tombstone),
		TEST(test_forwarded_reversal),
		TEST(test_lease),
		TEST(test_lease_ends),
		TEST(test_clock_step),
		TEST(test_join),
		TEST(test_late_adopted),
		TEST(test_late_is_not_due),
		TEST(test_key_passes_on),
		TEST(test_end_looks_at_its_visit_only),
		TEST(test_key_outlives_the_first),
		TEST(test_late_after_reversal),
		TEST(test_late_for_nobody),
		TEST(test_late_before_ready),
		TEST(test_delivered),
		TEST(test_missed_is_reversed),
		TEST(test_open_before),
		TEST(test_unproved_is_not_reversed),
		TEST(test_amended),
		TEST(test_amended_is_not_reversed),
		TEST(test_amended_too_late),
		TEST(test_amended_before),
		TEST(test_unoffered_is_reversed),
		TEST(test_moot),
		TEST(test_numbers),
		TEST(test_sign_in),
		TEST(test_sign_in_fails),
		TEST(test_sign_in_asked_again),
		TEST(test_sign_in_survives),
		TEST(test_worker_dies),
		TEST(test_worker_dies_unadmitted),
		TEST(test_worker_dies_admitted_before),
		TEST(test_lease_waits_for_disk),
		TEST(test_restart_unwritten),
		TEST(test_restart_written),
		TEST(test_restart_end_written),
		TEST(test_restart_after_death),
		TEST(test_restart_leases),
		TEST(test_restart_waits),
		TEST(test_admitted_again),
		TEST(test_decide),
		TEST(test_memory),
		TEST(test_nonsense),
		TEST(test_follow_up_has_no_origin),
		TEST(test_follow_up_waited_for),
		TEST(test_follow_up_knows_answer),
		TEST(test_follow_up_of_cancelled_is_due),
		TEST(test_order_of_cancelled),
		TEST(test_withdrawn_while_leased),
		TEST(test_order_while_cancelling),
		TEST(test_ended_while_leased_survives),
		TEST(test_old_one_paid_while_leased),
		TEST(test_gone_is_not_taken_on),
		TEST(test_follow_ups_leave_leases),
		TEST(test_follow_up_of_cancelled),
		TEST(test_follow_up_of_uncancelled),
		TEST(test_follow_up_of_undone),
		TEST(test_follow_up_waits_for_index),
		TEST(test_follow_up_under_two_codes),
		TEST(test_claim_back_is_parked),
		TEST(test_cancel_tells_later),
		TEST(test_follow_up_done_unwanted),
		TEST(test_follow_up_clock),
		TEST(test_follow_up_leaves_draining),
		TEST(test_follow_up_of_another),
		TEST(test_rests_until_due),
		TEST(test_rests_longer),
		TEST(test_rest_is_disturbed),
		TEST(test_undone_does_not_rest),
		TEST(test_rest_survives),
		TEST(test_rest_and_lane),
		TEST(test_rest_and_clock),
		TEST(test_rest_is_carried),
		TEST(test_many_rest),
		TEST(test_follow_up_limit),
	};
	struct CMUnitTest verdicts[sizeof(verdict_cases) / sizeof(verdict_cases[0])];
	size_t i;

	for (i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++)
		verdicts[i] = (struct CMUnitTest){ verdict_cases[i].it, test_verdict, NULL, NULL,
			(void *)(uintptr_t)&verdict_cases[i] };
	return cmocka_run_group_tests(tests, NULL, NULL) + cmocka_run_group_tests(verdicts, NULL, NULL);
}
