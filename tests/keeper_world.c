/* tests/keeper_world.c - the world of keeper_world.h: two clocks, a journal in memory, and what workers were told. */
#include "keeper_world.h"
#include "talk_name.h"

struct world w;

static int64_t k_wall(void *ctx)
{
	return w.wall_ms;
}

static int64_t k_mono(void *ctx)
{
	return w.mono_ms;
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
	if (talk->kind == DOWN_FACTS && rec_read(talk->payload, &rec, &used) == 0) {
		const struct exchange *x = (const void *)rec_get(&rec, REC_T_STATE).p;

		yt_buf_printf(&w.told, "=%s", x != NULL ? exchange_state_name(x->state) : "error");
	}
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
		struct yt_str rest = yt_buf_view(&w.commits[i]);
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

struct exchange *on_disk(uint64_t exchange)
{
	return fold(exchange, (struct yt_str){ 0 }, (struct yt_str){ 0 });
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
		found = on_disk(id);
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
	struct exchange *found = exchange < FOLLOW_UP(1000) ? on_disk(exchange) : NULL;

	w.n_got++;
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
	strcpy(x->flow, exchange < FOLLOW_UP(1000) + w.n_made_up - w.n_paying ? "claim" : "pay");
	return 0;
}

static int k_of_visit(
        void *ctx, struct yt_str visit, size_t max, void (*each)(void *arg, const struct exchange *x), void *arg)
{
	for (uint64_t n = 1; n < 64 && w.find_error == 0; n++) {
		const struct exchange *found = followed(n);

		if (found != NULL && exchange_may_rest(found) && yt_str_is(visit, found->visit))
			each(arg, found);
	}
	return w.find_error;
}

static const char *k_step_party(void *ctx, const char *flow, unsigned step)
{
	const char *insurer = w.is_renamed ? "insurer-anew" : "insurer";

	return step > 2 ? NULL : strcmp(flow, "claim") == 0 && step == 1 ? insurer : "bank";
}

static int k_resting(void *ctx, struct exchange_cursor *after, size_t max,
        void (*each)(void *arg, const struct exchange *x), void *arg)
{
	uint64_t n = after->id == 0 ? 1 : after->id - FOLLOW_UP(0) + 1;
	struct exchange *found;

	if (w.find_error != 0)
		return w.find_error;
	for (; n < 64; n++) { /* one each time, whatever max is */
		found = on_disk(FOLLOW_UP(n));
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
	struct yt_str rest = yt_buf_view(&w.commits[pos - 1]);
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

const struct keeper_conf conf = { .serial_from = 9000,
	.serial_to = 9007,
	.reverse_after_ms = REVERSE_AFTER_MS,
	.undelivered_ms = UNDELIVERED_MS,
	.longest_wait_ms = 300000,
	.rest_ms = 7200000,
	.leases = 2,
	.exchanges = 8 };

void new_keeper(void)
{
	struct keeper_world world = { .wall_ms = k_wall,
		.mono_ms = k_mono,
		.tell = k_tell,
		.find = k_find,
		.cancelled = k_cancelled,
		.other_code = k_other_code,
		.step_party = k_step_party,
		.fetch = k_fetch,
		.closed = k_closed };

	if (w.rests) {
		world.get = k_get;
		world.resting = k_resting;
		world.of_visit = k_of_visit;
	}
	w.keeper = keeper_new(&conf, &world);
	assert_non_null(w.keeper);
}

int setup(void **state)
{
	memset(&w, 0, sizeof(w));
	w.wall_ms = NOON;
	w.mono_ms = 1000000;
	new_keeper();
	keeper_start(w.keeper);
	return 0;
}

int teardown(void **state)
{
	while (w.n_commits > 0)
		yt_buf_free(&w.commits[--w.n_commits]);
	keeper_free(w.keeper);
	yt_buf_free(&w.told);
	yt_buf_free(&w.leased);
	return 0;
}

void assert_told(const char *want)
{
	yt_buf_byte(&w.told, 0);
	if (w.told.n > 1 && w.told.p[w.told.n - 2] == ' ')
		w.told.p[w.told.n - 2] = 0;
	assert_string_equal((const char *)w.told.p, want);
	yt_buf_clear(&w.told);
}

void forget_told(void)
{
	yt_buf_clear(&w.told);
}

void commit(void)
{
	struct yt_str records;
	bool urgent;

	if (!keeper_has_pending(w.keeper, &urgent))
		return;
	keeper_take(w.keeper, &records);
	assert_true(w.n_commits < 200);
	yt_buf_str(&w.commits[w.n_commits++], records);
	keeper_committed(w.keeper, w.n_commits);
}

void commit_untold(void)
{
	struct yt_str records;

	keeper_take(w.keeper, &records);
	yt_buf_str(&w.commits[w.n_commits++], records);
}

void later(int64_t ms)
{
	w.mono_ms += ms;
	w.wall_ms += ms;
	keeper_tick(w.keeper);
	commit();
}

void up(uint32_t worker)
{
	struct talk hello = { .seq = ++w.seq[worker], .kind = UP_HELLO };

	keeper_worker_up(w.keeper, worker, 0);
	assert_int_equal(keeper_message(w.keeper, worker, &hello), 0);
	commit();
}

void anew(void)
{
	teardown(NULL);
	setup(NULL);
	up(1);
}

void restart(uint32_t n)
{
	size_t i, used;
	uint32_t worker;
	uint64_t id;

	keeper_free(w.keeper);
	w.mono_ms += 1;
	new_keeper();
	for (i = 0; i < w.n_commits; i++) {
		struct yt_str rest = yt_buf_view(&w.commits[i]);
		struct rec rec;

		for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used) {
			if (rec.type == REC_NUMBER || rec.type == REC_SESSION || rec.type == REC_WORKER ||
			        rec.type == REC_LANE)
				keeper_replay(w.keeper, &rec, i + 1);
		}
	}
	for (id = 1; id < 128; id++) {
		struct exchange *x = on_disk(id < 64 ? id : FOLLOW_UP(id - 64));

		if (x != NULL && w.rests && exchange_may_rest(x))
			keeper_rest(w.keeper, x->id, &(struct rest){ x->due_ms, x->due_set_ms, x->state == X_PARKED });
		else if (x != NULL && exchange_is_open(x))
			keeper_load(w.keeper, x);
	}
	for (worker = 1; worker <= n; worker++)
		keeper_worker_up(w.keeper, worker, worker);
	keeper_start(w.keeper);
}

/* -- what workers say ----------------------------------------------------------------------------- */

int say(uint32_t worker, enum talk_kind kind, uint64_t exchange, struct yt_buf *records)
{
	struct talk talk = {
		.seq = ++w.seq[worker], .exchange = exchange, .kind = kind, .payload = yt_buf_view(records)
	};
	int rv = keeper_message(w.keeper, worker, &talk);

	yt_buf_free(records);
	return rv;
}

int say_again(uint32_t worker, enum talk_kind kind, uint64_t exchange, struct yt_buf *records)
{
	w.seq[worker]--;
	return say(worker, kind, exchange, records);
}

struct yt_buf beginning(uint32_t worker, const struct asked *a)
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

void begin(uint32_t worker, struct asked a)
{
	struct yt_buf buf = beginning(worker, &a);

	assert_int_equal(say(worker, UP_BEGIN, a.id, &buf), 0);
}

void add_outcome(struct yt_buf *buf, uint64_t id, enum rec_leg leg, enum yt_outcome outcome, unsigned flags)
{
	size_t at = rec_begin(buf, REC_OUTCOME, 0, id, w.wall_ms);

	rec_u8(buf, REC_T_LEG, (uint8_t)leg);
	rec_u8(buf, REC_T_OUTCOME, (uint8_t)outcome);
	rec_u32(buf, REC_T_FLAGS, flags);
	rec_end(buf, at);
}

void add_answer(struct yt_buf *buf, uint64_t id, enum yt_outcome outcome, const char *reply)
{
	size_t at = rec_begin(buf, REC_ANSWERED, 0, id, w.wall_ms);

	rec_u8(buf, REC_T_OUTCOME, (uint8_t)outcome);
	rec_str(buf, REC_T_REPLY, yt_str(reply));
	rec_end(buf, at);
}

void ended(uint32_t worker, uint64_t id, enum yt_outcome outcome, const char *reply)
{
	struct yt_buf buf = { 0 };

	add_outcome(&buf, id, REC_LEG_MAIN, outcome, 0);
	if (outcome != YT_UNKNOWN)
		add_answer(&buf, id, outcome, reply);
	assert_int_equal(say(worker, UP_END, id, &buf), 0);
}

void late(uint32_t worker, uint64_t id, const char *reply)
{
	struct yt_buf buf = { 0 };

	add_outcome(&buf, id, REC_LEG_MAIN, YT_DONE, REC_X_LATE);
	add_answer(&buf, id, YT_DONE, reply);
	assert_int_equal(say(worker, UP_LATE, id, &buf), 0);
}

int step(uint32_t worker, uint64_t id, enum rec_leg leg)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_SENDING, 0, id, w.wall_ms);

	rec_u8(&buf, REC_T_LEG, (uint8_t)leg);
	rec_end(&buf, at);
	return say(worker, UP_STEP, id, &buf);
}

struct yt_buf reversed(uint64_t id, const char *reply)
{
	struct yt_buf buf = { 0 };
	size_t at;

	add_outcome(&buf, id, REC_LEG_REVERSAL, YT_DONE, 0);
	at = rec_begin(&buf, REC_REVERSED, 0, id, w.wall_ms);
	rec_end(&buf, at);
	add_answer(&buf, id, YT_REFUSED, reply);
	return buf;
}

void give_back_reversed(uint32_t worker, uint64_t id, const char *reply)
{
	struct yt_buf buf = reversed(id, reply);

	assert_int_equal(say(worker, UP_RETURN, id, &buf), 0);
}

void give_back_due(uint32_t worker, uint64_t id, int64_t in_ms)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_DUE, 0, id, w.wall_ms);

	rec_i64(&buf, REC_T_DUE, w.wall_ms + in_ms);
	rec_str(&buf, REC_T_REASON, yt_str(w.why));
	rec_end(&buf, at);
	assert_int_equal(say(worker, UP_RETURN, id, &buf), 0);
}

void note(uint32_t worker, uint64_t id, const char *result)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_DELIVERED, REC_NOWAIT, id, w.wall_ms);

	rec_str(&buf, REC_T_RESULT, yt_str(result));
	rec_end(&buf, at);
	assert_int_equal(say(worker, UP_NOTE, id, &buf), 0);
}

void held(uint32_t worker, uint64_t id)
{
	struct yt_buf none = { 0 };

	assert_int_equal(say(worker, UP_HELD, id, &none), 0);
}

void ready(uint32_t worker)
{
	struct yt_buf none = { 0 };

	assert_int_equal(say(worker, UP_READY, (uint64_t)w.mono_ms, &none), 0);
}

void settle(uint32_t worker, uint64_t id, const char *number)
{
	begin(worker, (struct asked){ id, number, "c", NULL, 0, NULL });
	commit();
	ended(worker, id, YT_DONE, "settled");
	commit();
	forget_told();
}

void lose(uint32_t worker, uint64_t id, const char *number)
{
	begin(worker, (struct asked){ id, number, "c", "settle|V|B", 0, NULL });
	commit();
	ended(worker, id, YT_UNKNOWN, NULL);
	commit();
	forget_told();
}

uint64_t in_memory(void)
{
	struct keeper_counts counts;

	keeper_count(w.keeper, &counts);
	return counts.in_memory;
}

enum exchange_state state_of(uint64_t id)
{
	struct exchange *x = on_disk(id);

	return x != NULL ? x->state : X_NONE;
}

uint32_t holder_of_lease(void)
{
	assert_true(w.told.n > 0);
	return (uint32_t)(w.told.p[0] - '0');
}

uint32_t lend(uint64_t id)
{
	uint32_t worker;

	forget_told();
	later(REVERSE_AFTER_MS);
	worker = holder_of_lease();
	forget_told();
	return worker;
}

void add_amendment(struct yt_buf *buf, uint64_t id, enum yt_outcome outcome, const char *reply)
{
	size_t at = rec_begin(buf, REC_ANSWERED, 0, id, w.wall_ms);

	rec_u8(buf, REC_T_OUTCOME, (uint8_t)outcome);
	rec_u32(buf, REC_T_FLAGS, REC_X_AMENDED);
	rec_str(buf, REC_T_REPLY, yt_str(reply));
	rec_end(buf, at);
}

int amend(uint32_t worker, uint64_t id, enum yt_outcome outcome, const char *reply)
{
	struct yt_buf buf = { 0 };

	add_amendment(&buf, id, outcome, reply);
	return say(worker, UP_AMEND, id, &buf);
}

void add_follow_up(struct yt_buf *buf, uint32_t worker, uint64_t id, const char *number)
{
	size_t at = rec_begin(buf, REC_ACCEPTED, 0, id, w.wall_ms);

	rec_str(buf, REC_T_INSTITUTION, yt_str(w.asks_as != NULL ? w.asks_as : H));
	rec_str(buf, REC_T_NUMBER, yt_str(number));
	rec_str(buf, REC_T_SETTLEMENT, yt_str(number + 2));
	rec_str(buf, REC_T_ORIGINAL, YT_STR("N1"));
	rec_u32(buf, REC_T_WORKER, worker);
	rec_str(buf, REC_T_FLOW, yt_str(w.flow != NULL ? w.flow : "claim"));
	if (w.visit != NULL) {
		rec_str(buf, REC_T_VISIT, yt_str(w.visit));
		rec_bytes(buf, REC_T_PERSON, "0123456789abcdef", 16);
	}
	if (w.pays)
		rec_u8(buf, REC_T_OPERATION, YT_OP_PAY_ORDER);
	rec_u32(buf, REC_T_FLAGS,
	        REC_X_FOLLOW_UP | (w.is_one_stop ? REC_X_ONE_STOP : 0u) | (w.is_listed ? REC_X_LISTED : 0u));
	rec_str(buf, REC_T_REQUEST, YT_STR("request"));
	rec_end(buf, at);
}

void settle_followed(uint32_t worker, uint64_t id, uint64_t follow_up, const char *number)
{
	struct yt_buf buf = { 0 };

	add_outcome(&buf, id, REC_LEG_MAIN, YT_DONE, 0);
	add_answer(&buf, id, YT_DONE, "reply");
	add_follow_up(&buf, worker, FOLLOW_UP(follow_up), number);
	assert_int_equal(say(worker, UP_END, id, &buf), 0);
}

void settle_and_follow(void)
{
	begin(1, (struct asked){ 1, "N1", "c", NULL, 0, NULL });
	commit();
	settle_followed(1, 1, 9, "+/A1");
	commit();
}

struct exchange *followed(uint64_t n)
{
	return on_disk(FOLLOW_UP(n));
}

void cancel(uint64_t id, const char *number, const char *settlement, const char *institution)
{
	char key[64];

	snprintf(key, sizeof(key), EXCHANGE_CANCEL_KEY "%s", settlement);
	w.asks_as = institution;
	begin(1, (struct asked){ id, number, "c", key, YT_OP_OUTPATIENT_SETTLE_CANCEL, settlement });
	w.asks_as = NULL;
	commit();
	ended(1, id, YT_DONE, "ok");
	commit();
}
