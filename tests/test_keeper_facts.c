/* tests/test_keeper_facts.c - the keeper's machine as the memory of cases and flows (journal/keeper_facts.c, and what
 * keeper_turn.c and keeper_state.c lease and carry of a flow's steps).
 *
 * The world is this file: a journal in memory of which some commits can be erased or unreadable, an index that knows
 * the commits before a position, and the words that the keeper told. */
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
#define DAY_MS (24 * 3600 * 1000LL)
#define N_COMMITS 700

static struct world {
	struct keeper *keeper;
	int64_t wall_ms, mono_ms;
	struct yt_buf commits[N_COMMITS]; /* position is index + 1 */
	size_t n_commits;
	log_pos gone;         /* commits before are erased or dropped */
	log_pos broken;       /* 0, or the one that cannot be read */
	log_pos indexed;      /* the index knows those before */
	int facts_error;      /* what the index says instead */
	size_t largest;       /* payload told so far */
	struct yt_buf told;   /* the pieces of the last DOWN_FACTS, "a b " */
	struct yt_buf leased; /* the lease told last */
	uint64_t seq;
} w;

static struct keeper_conf conf = { .serial_from = 9000,
	.serial_to = 9007,
	.reverse_after_ms = 15000,
	.undelivered_ms = 1800000,
	.longest_wait_ms = 300000,
	.leases = 2,
	.exchanges = 8 };

static int64_t k_wall(void *ctx)
{
	return w.wall_ms;
}

static int64_t k_mono(void *ctx)
{
	return w.mono_ms;
}

static void k_tell(void *ctx, uint32_t worker, const struct talk *talk)
{
	struct yt_str rest = talk->payload;
	struct rec rec;
	size_t used;

	if (talk->kind == DOWN_LEASE) {
		yt_buf_clear(&w.leased);
		yt_buf_str(&w.leased, talk->payload);
	}
	if (talk->payload.n > w.largest)
		w.largest = talk->payload.n;
	if (talk->kind != DOWN_FACTS)
		return;
	assert_int_equal(talk->seq, w.seq);
	yt_buf_clear(&w.told);
	for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used) {
		struct yt_str piece = rec_get(&rec, REC_T_FACTS);

		assert_int_equal(rec.type, REC_FACTS);
		yt_buf_printf(&w.told, "%.*s ", piece.n > 8 ? 1 : (int)piece.n, piece.n == 0 ? "" : piece.p);
	}
}

static int k_find(void *ctx, struct yt_str institution, struct yt_str number, struct exchange *x)
{
	return YT_ENOTFOUND;
}

static int k_fetch(void *ctx, log_pos pos, uint64_t exchange, enum rec_tag tag, struct yt_buf *out)
{
	struct yt_str rest;
	struct rec rec;
	size_t used;
	int rv = YT_ENOTFOUND;

	assert_true(pos > 0 && pos <= w.n_commits);
	if (pos == w.broken)
		return YT_EIO;
	if (pos < w.gone)
		return YT_ENOTFOUND;
	rest = yt_buf_view(&w.commits[pos - 1]);
	for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used) {
		if (rec.exchange == exchange && rec_get(&rec, tag).n != 0) {
			yt_buf_clear(out);
			yt_buf_str(out, rec_get(&rec, tag));
			rv = 0;
		}
	}
	return rv;
}

/* As index_facts(): newest first. */
static int k_facts(void *ctx, struct yt_str key, struct fact_place *out, size_t max, size_t *n)
{
	*n = 0;
	for (size_t i = w.indexed > 0 ? (size_t)w.indexed - 1 : 0; i-- > 0;) {
		struct yt_str rest = yt_buf_view(&w.commits[i]);
		struct rec rec;
		size_t used;

		for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used) {
			struct rec_field field;
			size_t at = 0;

			while (rec.type == REC_FACTS && rec_next(&rec, &at, &field))
				if (field.tag == REC_T_CASE && yt_str_eq(field.value, key) && *n < max)
					out[(*n)++] = (struct fact_place){ i + 1, rec.exchange, rec.wall_ms };
		}
	}
	return w.facts_error;
}

static const char *k_closed(void *ctx)
{
	return NULL;
}

static void new_keeper(void)
{
	struct keeper_world world = { .wall_ms = k_wall,
		.mono_ms = k_mono,
		.tell = k_tell,
		.find = k_find,
		.facts = k_facts,
		.fetch = k_fetch,
		.closed = k_closed };

	w.keeper = keeper_new(&conf, &world);
	assert_non_null(w.keeper);
}

static void commit(void)
{
	struct yt_str records;
	bool urgent;

	if (!keeper_has_pending(w.keeper, &urgent))
		return;
	keeper_take(w.keeper, &records);
	assert_true(w.n_commits < N_COMMITS);
	yt_buf_str(&w.commits[w.n_commits++], records);
	keeper_committed(w.keeper, w.n_commits);
}

static void say(enum talk_kind kind, uint64_t exchange, struct yt_buf *records)
{
	struct talk talk = { .seq = ++w.seq, .exchange = exchange, .kind = kind, .payload = yt_buf_view(records) };

	assert_int_equal(keeper_message(w.keeper, 1, &talk), 0);
	yt_buf_free(records);
}

static void up(void)
{
	struct yt_buf none = { 0 };

	keeper_start(w.keeper);
	keeper_worker_up(w.keeper, 1, 0);
	say(UP_HELLO, 0, &none);
	commit();
}

static int setup(void **state)
{
	memset(&w, 0, sizeof(w));
	w.wall_ms = NOON;
	w.mono_ms = 1000000;
	conf.facts_ms = 0;
	conf.message_bytes = 0;
	conf.facts_bytes = 0;
	new_keeper();
	up();
	return 0;
}

static int teardown(void **state)
{
	while (w.n_commits > 0)
		yt_buf_free(&w.commits[--w.n_commits]);
	keeper_free(w.keeper);
	yt_buf_free(&w.told);
	yt_buf_free(&w.leased);
	return 0;
}

/* The index has all that is durable. */
static void index_all(void)
{
	w.indexed = w.n_commits + 1;
	keeper_indexed(w.keeper, w.indexed);
}

/* -- pieces ------------------------------------------------------------------------------------- */

static void add_piece(struct yt_buf *buf, uint64_t exchange, const char *keys, struct yt_str piece)
{
	size_t at = rec_begin(buf, REC_FACTS, REC_NOWAIT, exchange, w.wall_ms);

	for (const char *p = keys; *p != '\0'; p++)
		rec_str(buf, REC_T_CASE, (struct yt_str){ p, 1 });
	rec_str(buf, REC_T_FACTS, piece);
	rec_end(buf, at);
}

/* A query of that exchange leaves a piece under keys of one letter each. */
static void leave(uint64_t exchange, const char *keys, const char *piece)
{
	struct yt_buf buf = { 0 };

	add_piece(&buf, exchange, keys, yt_str(piece));
	say(UP_NOTE, exchange, &buf);
}

static void leave_large(uint64_t exchange, char letter, size_t bytes)
{
	struct yt_buf buf = { 0 };
	char *piece = malloc(bytes);

	memset(piece, letter, bytes);
	add_piece(&buf, exchange, "v", (struct yt_str){ piece, bytes });
	say(UP_NOTE, exchange, &buf);
	free(piece);
}

static void assert_found(const char *keys, const char *pieces)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_FACTS, REC_NOWAIT, 99, w.wall_ms);

	for (const char *p = keys; *p != '\0'; p++)
		rec_str(&buf, REC_T_CASE, (struct yt_str){ p, 1 });
	rec_end(&buf, at);
	yt_buf_clear(&w.told);
	yt_buf_text(&w.told, "nothing told");
	say(UP_FACTS, 99, &buf);
	yt_buf_byte(&w.told, 0);
	assert_string_equal((const char *)w.told.p, pieces);
}

/* A piece is found from the moment it was left: gathered, being committed, in memory, in the index, after a restart. */
static void test_wherever_they_stand(void **state)
{
	struct yt_str records;

	assert_found("v", "");
	leave(1, "v", "a");
	assert_found("v", "a ");
	keeper_take(w.keeper, &records);
	assert_found("v", "a ");
	leave(2, "v", "b");
	assert_found("v", "a b ");
	yt_buf_str(&w.commits[w.n_commits++], records);
	keeper_committed(w.keeper, w.n_commits);
	assert_found("v", "a b ");
	commit();
	assert_found("v", "a b ");
	w.indexed = w.n_commits; /* the index has the first alone ... */
	keeper_indexed(w.keeper, w.indexed);
	leave(3, "v", "c");
	commit();
	assert_found("v", "a b c ");
	w.indexed = w.n_commits + 1; /* ... has all, which the keeper has not heard yet: each counts once */
	assert_found("v", "a b c ");
	index_all();
	assert_found("v", "a b c ");
	assert_null(w.keeper->facts);
	keeper_free(w.keeper);
	w.seq = 0;
	new_keeper();
	up();
	assert_found("v", "a b c ");
}

/* Recovery without the index's help: what is replayed counts. */
static void test_replayed(void **state)
{
	struct yt_str rest;
	struct rec rec;
	size_t used;

	leave(1, "v", "a");
	commit();
	keeper_free(w.keeper);
	w.seq = 0;
	new_keeper();
	rest = yt_buf_view(&w.commits[w.n_commits - 1]);
	for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used)
		keeper_replay(w.keeper, &rec, w.n_commits);
	up();
	assert_found("v", "a ");
}

static void test_keys(void **state)
{
	leave(1, "vp", "a");
	leave(2, "p", "b");
	leave(3, "x", "c");
	for (int durable = 0; durable < 3; durable++) {
		assert_found("v", "a ");
		assert_found("p", "a b ");
		assert_found("vp", "a b ");
		assert_found("xv", "a c ");
		assert_found("y", "");
		assert_found("", "");
		if (durable == 0)
			commit();
		else
			index_all();
	}
}

/* Of one commit in the order of their own time, whatever their exchanges are called. */
static void test_order_in_a_commit(void **state)
{
	leave(7, "v", "a");
	w.wall_ms += 10;
	leave(5, "v", "b");
	w.wall_ms += 10;
	leave(6, "v", "c");
	assert_found("v", "a b c ");
	commit();
	assert_found("v", "a b c ");
	index_all();
	assert_found("v", "a b c ");
}

/* Of too many the newest count: what came later is laid over what came before. */
static void test_too_many(void **state)
{
	char want[1100] = "";

	for (unsigned i = 0; i < 600; i++) {
		leave(100 + i, "v", i < 88 ? "o" : "n");
		commit();
		if (i == 590)
			index_all();
	}
	for (unsigned i = 0; i < 512; i++)
		strcat(want, "n ");
	assert_found("v", want);
	index_all();
	assert_found("v", want);
}

/* -- lists of payouts ----------------------------------------------------------------------------- */

#define ROWS 10000 /* limits.list_rows at its most */

static void leave_of_list(uint64_t exchange, const char *piece)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_FACTS, REC_NOWAIT, exchange, w.wall_ms);

	rec_str(&buf, REC_T_CASE, YT_STR("l/H1/L1"));
	rec_str(&buf, REC_T_FACTS, yt_str(piece));
	rec_end(&buf, at);
	say(UP_NOTE, exchange, &buf);
}

static void ask_for_list(void)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_FACTS, REC_NOWAIT, 99, w.wall_ms);

	rec_str(&buf, REC_T_CASE, YT_STR("l/H1/L1"));
	rec_end(&buf, at);
	say(UP_FACTS, 99, &buf);
}

/* Its rows come first, then the newest word about each of them. */
static void assert_list(const char *rows, char word, size_t n)
{
	ask_for_list();
	assert_int_equal(w.told.n, strlen(rows) + 2 * n);
	assert_memory_equal(w.told.p, rows, strlen(rows));
	for (size_t i = 0; i < n; i++)
		assert_true(w.told.p[strlen(rows) + 2 * i] == (uint8_t)word);
}

/* All of a list is told, whatever was said before of its payouts, and wherever that stands. */
static void test_list(void **state)
{
	leave_of_list(50, "r");
	commit();
	for (unsigned round = 0; round < 4; round++) {
		w.wall_ms++;
		for (unsigned i = 0; i < ROWS; i++)
			leave_of_list(100 + i, round == 3 ? "p" : "f");
		if (round == 3)
			assert_list("r ", 'p', ROWS); /* gathered alone */
		commit();
		if (round == 1)
			index_all();
	}
	assert_list("r ", 'p', ROWS);
	w.wall_ms++;
	leave_of_list(100, "b"); /* that one came back */
	for (unsigned indexed = 0; indexed < 2; indexed++) {
		ask_for_list();
		assert_int_equal(w.told.n, 2 + 2 * ROWS);
		assert_memory_equal(w.told.p, "r p ", 4);
		assert_memory_equal(w.told.p + w.told.n - 4, "p b ", 4);
		commit();
		index_all();
	}
}

/* More than half a ring: nothing, and never a part of it, as what is left out would seem not to have ended. */
static void test_list_too_large(void **state)
{
	leave_of_list(50, "r");
	for (unsigned i = 0; i < 99; i++)
		leave_of_list(100 + i, "p");
	commit();
	conf.message_bytes = 2 * 100 * (1 + REC_HEAD + 8);
	keeper_configure(w.keeper, &conf);
	assert_list("r ", 'p', 99);
	conf.message_bytes -= 2;
	keeper_configure(w.keeper, &conf);
	ask_for_list();
	assert_int_equal(w.told.n, 1);
	assert_memory_equal(w.told.p, " ", 1);
}

static void test_too_large(void **state)
{
	leave_large(1, 'a', 400000);
	leave_large(2, 'b', 400000);
	leave_large(3, 'c', 300000);
	leave_large(4, 'd', 300000);
	commit();
	assert_found("v", "b c d ");
	assert_true(w.largest <= 1u << 20);
	conf.message_bytes = 4 * 650000;
	keeper_configure(w.keeper, &conf);
	w.largest = 0;
	assert_found("v", "c d ");
	conf.message_bytes = 4 * (600000 + 2 * 32);
	keeper_configure(w.keeper, &conf);
	assert_found("v", "c d ");
	assert_int_equal(w.largest, conf.message_bytes / 4);
	conf.message_bytes--;
	keeper_configure(w.keeper, &conf);
	assert_found("v", "d ");
}

/* Erased ones are not there; one that cannot be read just now is told as a piece without octets, which nobody can
 * compose with, and so is an index that cannot be read. */
static void test_erased_and_unreadable(void **state)
{
	leave(1, "v", "a");
	commit();
	leave(2, "v", "b");
	commit();
	leave(3, "v", "c");
	commit();
	w.gone = w.n_commits - 1;
	assert_found("v", "b c ");
	w.broken = w.n_commits - 1;
	assert_found("v", " ");
	w.broken = 0;
	w.facts_error = YT_EIO;
	assert_found("v", " ");
	w.facts_error = 0;
	assert_found("v", "b c ");
}

/* cases.facts_days: older ones are not found any more, wherever they stand. */
static void test_too_old(void **state)
{
	conf.facts_ms = 400 * DAY_MS;
	keeper_configure(w.keeper, &conf);
	leave(1, "v", "a");
	commit();
	w.wall_ms += 1;
	leave(2, "v", "b");
	w.wall_ms = NOON + 400 * DAY_MS;
	assert_found("v", "a b ");
	w.wall_ms++;
	for (int indexed = 0; indexed < 2; indexed++) {
		assert_found("v", "b ");
		commit();
		index_all();
	}
	w.wall_ms++;
	assert_found("v", "");
	conf.facts_ms = 0;
	keeper_configure(w.keeper, &conf);
	assert_found("v", "a b ");
}

/* cases.facts_memory_mib: the newest are not read from the log, which here has nothing left of them. */
static void remember(size_t bytes)
{
	conf.facts_bytes = bytes;
	keeper_configure(w.keeper, &conf);
}

static void only_memory(void)
{
	index_all();
	w.gone = w.n_commits + 1;
}

static void test_remembered(void **state)
{
	remember(1 << 20);
	leave(1, "v", "a");
	leave(2, "vp", "b");
	commit();
	leave(1, "p", "c"); /* the same exchange in another commit */
	leave(3, "v", "d");
	w.wall_ms++;
	leave(3, "v", "e"); /* in one commit the last one counts, for both */
	commit();
	assert_found("v", "a b e e ");
	assert_found("p", "b c ");
	only_memory();
	assert_found("v", "a b e e ");
	assert_found("p", "b c ");
	keeper_free(w.keeper); /* a new keeper has read none of them */
	w.seq = 0;
	new_keeper();
	up();
	assert_found("v", "");
}

static void test_remembered_bytes(void **state)
{
	size_t each = sizeof(struct piece) + 1000;

	remember(3 * each - 1);
	leave_large(1, 'a', 1000);
	leave_large(2, 'b', 1000);
	commit();
	assert_int_equal(w.keeper->piece_bytes, 2 * each);
	leave_large(3, 'c', 1000);
	commit();
	only_memory();
	assert_found("v", "b c ");
	assert_int_equal(w.keeper->piece_bytes, 2 * each);
	remember(each); /* by a reload */
	assert_found("v", "c ");
	leave_large(4, 'd', 1001); /* alone too large: it takes nobody's place */
	commit();
	only_memory();
	assert_found("v", "c ");
	remember(0);
	assert_found("v", "");
	assert_int_equal(w.keeper->piece_bytes, 0);
}

static void test_remembered_for_an_hour(void **state)
{
	remember(1 << 20);
	leave(1, "v", "a");
	commit();
	w.mono_ms += 1000;
	leave(2, "v", "b");
	commit();
	only_memory();
	w.mono_ms += 3599 * 1000;
	assert_found("v", "a b ");
	w.mono_ms += 1;
	assert_found("v", "b ");
	w.mono_ms += 1000;
	assert_found("v", "");
	w.gone = 0; /* what is read once more is remembered for another hour */
	assert_found("v", "a b ");
	only_memory();
	assert_found("v", "a b ");
	keeper_forget(w.keeper); /* a day's bodies were erased */
	assert_found("v", "");
	assert_int_equal(w.keeper->piece_bytes, 0);
}

static void test_nonsense(void **state)
{
	struct talk talk = { .exchange = 99, .kind = UP_FACTS };
	struct yt_buf buf = { 0 };

	talk.seq = ++w.seq;
	assert_int_equal(keeper_message(w.keeper, 1, &talk), YT_ECORRUPT); /* no record at all */
	add_piece(&buf, 98, "v", YT_STR("a"));                             /* of another exchange */
	talk.payload = yt_buf_view(&buf);
	talk.seq = ++w.seq;
	assert_int_equal(keeper_message(w.keeper, 1, &talk), YT_ECORRUPT);
	yt_buf_free(&buf);
}

/* -- flows -------------------------------------------------------------------------------------- */

static void begin_flow(void)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_ACCEPTED, 0, 1, w.wall_ms);

	rec_str(&buf, REC_T_INSTITUTION, YT_STR("H33021399901"));
	rec_str(&buf, REC_T_NUMBER, YT_STR("N1"));
	rec_u8(&buf, REC_T_OPERATION, YT_OP_OUTPATIENT_SETTLE);
	rec_u32(&buf, REC_T_WORKER, 1);
	rec_str(&buf, REC_T_FLOW, YT_STR("two-legs"));
	rec_str(&buf, REC_T_REQUEST, YT_STR("request"));
	rec_end(&buf, at);
	say(UP_BEGIN, 1, &buf);
	commit();
	keeper_tick(w.keeper);
	commit();
}

/* A leg of a step leaves with its octets (NULL: the same once more); got: what came back for the one before. */
static void step(enum rec_leg leg, unsigned step_no, const char *sent, unsigned got_no, const char *got)
{
	struct yt_buf buf = { 0 };
	size_t at;

	if (got != NULL) {
		at = rec_begin(&buf, REC_OUTCOME, 0, 1, w.wall_ms);
		rec_u8(&buf, REC_T_LEG, REC_LEG_STEP);
		rec_u8(&buf, REC_T_STEP, (uint8_t)got_no);
		rec_u8(&buf, REC_T_OUTCOME, YT_DONE);
		rec_str(&buf, (enum rec_tag)(REC_T_STEP_GOT + got_no - 1), yt_str(got));
		rec_end(&buf, at);
	}
	at = rec_begin(&buf, REC_SENDING, 0, 1, w.wall_ms);
	rec_u8(&buf, REC_T_LEG, (uint8_t)leg);
	rec_u8(&buf, REC_T_STEP, (uint8_t)step_no);
	if (sent == NULL)
		rec_u32(&buf, REC_T_ATTEMPT, 1);
	else
		rec_str(&buf, leg == REC_LEG_UNDO ? REC_T_UNDO_SENT : (enum rec_tag)(REC_T_STEP_SENT + step_no - 1),
		        yt_str(sent));
	rec_end(&buf, at);
	say(UP_STEP, 1, &buf);
	commit();
}

/* The worker gives the lease back, to be handed out again at once. */
static void give_back(void)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_DUE, 0, 1, w.wall_ms);

	rec_i64(&buf, REC_T_DUE, w.wall_ms);
	rec_end(&buf, at);
	say(UP_RETURN, 1, &buf);
	commit();
}

static void lease_again(void)
{
	yt_buf_clear(&w.leased);
	w.mono_ms += 1000;
	w.wall_ms += 1000;
	keeper_tick(w.keeper);
	commit();
}

static void assert_leased(enum rec_tag tag, const char *octets)
{
	struct yt_str value;
	struct rec rec;
	size_t used;

	assert_int_equal(rec_read(yt_buf_view(&w.leased), &rec, &used), 0);
	value = rec_get(&rec, tag);
	if (!yt_str_is(value, octets))
		fail_msg("%s: %.*s, not %s", rec_tag_name(tag), YT_FMT(value), octets);
}

/* Two steps done, the third out and sent again, then the second being undone. */
static void play(void)
{
	begin_flow();
	assert_leased(REC_T_REQUEST, "request");
	assert_leased(REC_T_STEP_SENT, "");
	step(REC_LEG_STEP, 1, "s1", 0, NULL);
	step(REC_LEG_STEP, 2, "s2", 1, "g1");
	step(REC_LEG_STEP, 3, "s3", 2, "g2");
	step(REC_LEG_STEP, 3, NULL, 0, NULL);
	step(REC_LEG_UNDO, 2, "u2", 0, NULL);
	step(REC_LEG_UNDO, 2, NULL, 0, NULL);
	give_back();
	lease_again();
}

static void assert_all_leased(void)
{
	assert_leased(REC_T_REQUEST, "request");
	assert_leased(REC_T_STEP_SENT, "s1");
	assert_leased((enum rec_tag)(REC_T_STEP_SENT + 1), "s2");
	assert_leased((enum rec_tag)(REC_T_STEP_SENT + 2), "s3");
	assert_leased((enum rec_tag)(REC_T_STEP_SENT + 3), "");
	assert_leased(REC_T_STEP_GOT, "g1");
	assert_leased((enum rec_tag)(REC_T_STEP_GOT + 1), "g2");
	assert_leased((enum rec_tag)(REC_T_STEP_GOT + 2), "");
	assert_leased(REC_T_UNDO_SENT, "u2");
}

static void test_flow_leased(void **state)
{
	play();
	assert_all_leased();
}

/* The segments with its steps are dropped, more than once: their octets were carried over. */
static void test_flow_carried(void **state)
{
	uint64_t exchange;

	play();
	for (int i = 0; i < 3; i++) {
		log_pos before = w.n_commits + 1;

		give_back();
		assert_int_equal(keeper_carry(w.keeper, before, SIZE_MAX, &exchange), 1);
		commit();
		w.gone = w.n_commits; /* what was before the carried record is no more */
		lease_again();
		assert_all_leased();
	}
}

/* An open exchange whose octets cannot be read is not carried without them: nothing may be dropped. */
static void test_unread_is_not_carried(void **state)
{
	uint64_t exchange = 0;
	log_pos before;
	size_t n;

	play();
	give_back();
	before = w.n_commits + 1;
	n = keeper_pending_bytes(w.keeper);
	for (int i = 0; i < 4; i++) {
		const struct exchange *x = &kept_find(w.keeper, 1)->x;

		w.broken = i == 0 ? x->accepted_pos : i == 1 ? x->step_sent[0] : i == 2 ? x->step_got[1] : x->undo_sent;
		assert_true(w.broken != 0);
		assert_int_equal(keeper_carry(w.keeper, before, SIZE_MAX, &exchange), YT_EIO);
		assert_int_equal(exchange, 1);
		assert_int_equal(keeper_pending_bytes(w.keeper), n);
	}
	w.broken = 0;
	assert_int_equal(keeper_carry(w.keeper, before, SIZE_MAX, &exchange), 1);
	commit();
	w.gone = w.n_commits;
	lease_again();
	assert_all_leased();
}

/* Only one step's octets are in what is dropped: the exchange is carried all the same. */
static void test_flow_carried_for_one_step(void **state)
{
	static const log_pos none = 0;
	uint64_t exchange;
	struct kept *e;

	play();
	give_back();
	e = kept_find(w.keeper, 1);
	for (int i = 0; i < 5; i++) {
		log_pos *pos = i == 0   ? &e->x.step_sent[0]
		               : i == 1 ? &e->x.step_got[1]
		               : i == 2 ? &e->x.undo_sent
		               : i == 3 ? &e->x.step_sent[7]
		                        : &e->x.step_got[7],
		        was = *pos;
		size_t n;

		e->x.accepted_pos = e->x.sent_pos = e->x.answered_pos = e->x.undo_sent = 4;
		for (unsigned s = 0; s < REC_STEPS_MAX; s++)
			e->x.step_sent[s] = e->x.step_got[s] = none;
		*pos = 3;
		n = keeper_pending_bytes(w.keeper);
		assert_int_equal(keeper_carry(w.keeper, 4, SIZE_MAX, &exchange), 1);
		assert_true(keeper_pending_bytes(w.keeper) > n + sizeof(struct exchange));
		e->unplaced = 0;
		*pos = was;
	}
}

/* Octets that no ring takes are left out whole: the worker parks the exchange instead of waiting for ever. */
static void test_flow_too_large(void **state)
{
	play();
	give_back();
	conf.message_bytes = (uint32_t)w.leased.n;
	keeper_configure(w.keeper, &conf);
	lease_again();
	assert_all_leased();
	give_back();
	conf.message_bytes = (uint32_t)w.leased.n - 100;
	keeper_configure(w.keeper, &conf);
	lease_again();
	assert_leased(REC_T_REQUEST, "");
	assert_leased(REC_T_STEP_SENT, "");
	assert_leased(REC_T_REASON, "its octets are more than limits.ring_mib takes");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_wherever_they_stand), TEST(test_replayed), TEST(test_keys),
		TEST(test_order_in_a_commit), TEST(test_too_many), TEST(test_list), TEST(test_list_too_large),
		TEST(test_too_large), TEST(test_erased_and_unreadable), TEST(test_too_old), TEST(test_remembered),
		TEST(test_remembered_bytes), TEST(test_remembered_for_an_hour), TEST(test_nonsense),
		TEST(test_flow_leased), TEST(test_flow_carried), TEST(test_unread_is_not_carried),
		TEST(test_flow_carried_for_one_step), TEST(test_flow_too_large) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
