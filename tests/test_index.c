/* tests/test_index.c - the index over a journal: whatever way it was fed, it says what the log says. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal/index_parts.h"
#include "journal/keeper.h"

#define N_KNOWN 600

struct world {
	char folder[64], path[96];
	struct yt_io io;
	struct log_conf conf;
	struct log *log;
	struct yt_buf buf;
	struct exchange known[N_KNOWN]; /* folded beside, by exchange id - 1 */
	log_pos places[N_KNOWN][256];
	size_t n_places[N_KNOWN];
	bool is_admitted[N_KNOWN];
	struct index_commit fresh[4 * N_KNOWN]; /* as the committing thread has them in memory */
	size_t n_fresh;
	unsigned seed;
};

static void remove_index(const char *path)
{
	char name[128];

	unlink(path);
	snprintf(name, sizeof(name), "%s-wal", path);
	unlink(name);
	snprintf(name, sizeof(name), "%s-shm", path);
	unlink(name);
}

static int open_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct log_problem why;

	strcpy(w->folder, "/tmp/test_index.XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	snprintf(w->path, sizeof(w->path), "%s.db", w->folder);
	w->conf = (struct log_conf){ .segment_bytes = 1 << 20, .reserve_segments = 1 };
	assert_int_equal(yt_io_folder(w->folder, &w->io), 0);
	assert_int_equal(log_open(&w->log, &w->conf, &w->io, 0, NULL, NULL, &why), 0);
	w->seed = 1;
	*state = w;
	return 0;
}

static int close_world(void **state)
{
	struct world *w = *state;
	char command[160];

	log_close(w->log);
	yt_io_close(&w->io);
	yt_buf_free(&w->buf);
	while (w->n_fresh > 0)
		free((char *)w->fresh[--w->n_fresh].records.p);
	remove_index(w->path);
	snprintf(command, sizeof(command), "rm -rf %s", w->folder);
	assert_int_equal(system(command), 0);
	free(w);
	return 0;
}

/* ---- writing a journal ---- */

static size_t begin(struct world *w, enum rec_type type, uint64_t exchange, int64_t wall_ms)
{
	return rec_begin(&w->buf, type, 0, exchange, wall_ms);
}

static void text(struct world *w, enum rec_tag tag, const char *fmt, unsigned long n)
{
	char out[64];

	snprintf(out, sizeof(out), fmt, n);
	rec_str(&w->buf, tag, yt_str(out));
}

static void add_accepted(struct world *w, enum rec_type type, unsigned long i, int64_t ms, const char *number)
{
	size_t at = begin(w, type, i, ms);

	text(w, REC_T_INSTITUTION, "H3302139990%lu", i % 4);
	text(w, REC_T_NUMBER, number, i);
	text(w, REC_T_WIRE_OP, "2207", 0);
	rec_u8(&w->buf, REC_T_OPERATION, YT_OP_OUTPATIENT_SETTLE);
	rec_bytes(&w->buf, REC_T_DIGEST, "0123456789abcdef0123456789abcdef", 32);
	rec_bytes(&w->buf, REC_T_PERSON, "person-is-hashed", 16);
	text(w, REC_T_VISIT, "visit-%lu", i / 3);
	text(w, REC_T_TRACE, "TRACE%03lu", i % 1000);
	rec_i64(&w->buf, REC_T_AMOUNT, -5 + (int64_t)i);
	rec_u32(&w->buf, REC_T_FLAGS, REC_X_SETTLEMENT);
	rec_str(&w->buf, REC_T_REQUEST, YT_STR("{\"input\":{}}"));
	rec_end(&w->buf, at);
}

static void add_simple(struct world *w, enum rec_type type, unsigned long i, int64_t ms)
{
	size_t at = begin(w, type, i, ms);

	if (type == REC_SENDING) {
		rec_u8(&w->buf, REC_T_LEG, REC_LEG_MAIN);
		text(w, REC_T_PARTY, i % 5 == 0 ? "gansu" : "zhejiang", 0);
	} else if (type == REC_OUTCOME || type == REC_ANSWERED) {
		rec_u8(&w->buf, REC_T_LEG, REC_LEG_MAIN);
		rec_u8(&w->buf, REC_T_OUTCOME, i % 7 == 0 ? YT_UNKNOWN : i % 2 == 0 ? YT_DONE : YT_REFUSED);
		text(w, REC_T_SETTLEMENT, "3302%010lu", i);
		text(w, REC_T_REASON, "timeout", 0);
	} else if (type == REC_PARKED) {
		text(w, REC_T_OWNER, "desk", 0);
		rec_i64(&w->buf, REC_T_DEADLINE, ms + 1000);
	}
	rec_end(&w->buf, at);
}

static void fold(struct world *w, const struct rec *rec, log_pos pos)
{
	size_t i = rec->exchange - 1;

	if (rec->exchange == 0)
		return;
	exchange_apply(&w->known[i], rec, pos);
	if (rec->type == REC_ACCEPTED)
		w->is_admitted[i] = true;
	if (w->n_places[i] == 0 || w->places[i][w->n_places[i] - 1] != pos)
		w->places[i][w->n_places[i]++] = pos;
}

static void keep_fresh(struct world *w, log_pos before, log_pos pos)
{
	struct yt_str records = log_last_records(w->log);
	char *copy = malloc(records.n);

	if (w->n_fresh == 4 * N_KNOWN) {
		free(copy);
		return;
	}
	memcpy(copy, records.p, records.n);
	w->fresh[w->n_fresh++] = (struct index_commit){ before, pos, log_end(w->log), { copy, records.n } };
}

/* Commits what was added, and folds it the plain way beside. */
static log_pos commit(struct world *w)
{
	struct yt_str rest = yt_buf_view(&w->buf);
	struct rec rec;
	log_pos before = log_end(w->log), pos;
	size_t used;

	assert_false(w->buf.failed);
	if (rest.n == 0)
		return 0;
	assert_int_equal(log_commit(w->log, rest, &pos), 0);
	keep_fresh(w, before, pos);
	for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used)
		fold(w, &rec, pos);
	yt_buf_clear(&w->buf);
	return pos;
}

static unsigned roll(struct world *w, unsigned n)
{
	w->seed = w->seed * 1103515245u + 12345u;
	return (w->seed >> 16) % n;
}

/* Exchanges that begin one after the other and go on in any order, in commits of any size. */
static void write_traffic(struct world *w, unsigned long from, unsigned long to)
{
	static const enum rec_type next[] = { REC_SENDING, REC_OUTCOME, REC_ANSWERED, REC_DELIVERED, REC_PARKED,
		REC_REVERSED };
	int64_t ms = 1795312800000 + (int64_t)from * 60000; /* 2026-11-22 10:00 UTC+8 */

	for (unsigned long i = from; i < to; i++, ms += 60000) {
		unsigned kind = roll(w, 10);

		add_accepted(w, kind == 0 ? REC_REFUSED : kind == 1 ? REC_READ : REC_ACCEPTED, i, ms, "3302%020lu");
		for (unsigned n = roll(w, 4); n > 0; n--) {
			unsigned long j = i - roll(w, (unsigned)i);

			if (w->is_admitted[j - 1] || j == i)
				add_simple(w, next[roll(w, 6)], j, ms);
			if (roll(w, 3) == 0)
				commit(w);
		}
	}
	commit(w);
}

/* ---- what the index must say ---- */

static void assert_same(const struct exchange *a, const struct exchange *b)
{
	struct yt_buf x = { 0 }, y = { 0 };

	assert_int_equal(a->id, b->id);
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->accepted_ms, b->accepted_ms);
	assert_string_equal(a->institution, b->institution);
	assert_string_equal(a->party, b->party);
	assert_string_equal(a->visit, b->visit);
	index_fold_write(a, &x);
	index_fold_write(b, &y);
	assert_int_equal(x.n, y.n);
	assert_memory_equal(x.p, y.p, x.n);
	assert_int_equal(a->amount_fen, b->amount_fen);
	assert_int_equal(a->last_pos, b->last_pos);
	yt_buf_free(&x);
	yt_buf_free(&y);
}

static void assert_says(struct index *index, const struct world *w, unsigned long n)
{
	struct exchange x;
	log_pos places[256];

	for (unsigned long i = 1; i < n; i++) {
		const struct exchange *known = &w->known[i - 1];

		if (known->state == X_READ) { /* queries stay in the log */
			assert_int_equal(index_get(index, i, &x), YT_ENOTFOUND);
			continue;
		}
		assert_int_equal(index_get(index, i, &x), 0);
		assert_same(&x, known);
		assert_int_equal(index_find(index, yt_str(known->institution), yt_str(known->number), &x),
		        w->is_admitted[i - 1] ? 0 : YT_ENOTFOUND);
		assert_int_equal(index_positions(index, i, places, 256), w->n_places[i - 1]);
		assert_memory_equal(places, w->places[i - 1], w->n_places[i - 1] * sizeof(places[0]));
	}
	assert_int_equal(index_get(index, n, &x), YT_ENOTFOUND);
}

static struct index *open_index(const struct world *w)
{
	struct index *index;

	assert_int_equal(index_open(&index, w->path, true), 0);
	return index;
}

static void test_fed_at_once(void **state)
{
	struct world *w = *state;
	struct index *index = open_index(w);

	write_traffic(w, 1, N_KNOWN);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	assert_int_equal(index_position(index), log_end(w->log));
	assert_says(index, w, N_KNOWN);
	index_close(index);
}

static void test_fed_bit_by_bit(void **state)
{
	struct world *w = *state;
	struct index *index = open_index(w);

	for (unsigned long i = 1, n; i < N_KNOWN; i += n) {
		n = 1 + roll(w, 9);
		n = i + n > N_KNOWN ? N_KNOWN - i : n;
		write_traffic(w, i, i + n);
		assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
		if (roll(w, 3) == 0) { /* as after a restart */
			index_close(index);
			index = open_index(w);
		}
	}
	assert_says(index, w, N_KNOWN);
	index_close(index);
}

/* From the committer's memory, and now and then from the log: the same as from the log alone. */
static void test_fed_from_memory(void **state)
{
	struct world *w = *state;
	struct index *index = open_index(w);
	size_t at = 0, n;

	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	for (unsigned long i = 1; i < N_KNOWN; i += n) {
		n = 1 + roll(w, 9);
		n = i + n > N_KNOWN ? N_KNOWN - i : n;
		write_traffic(w, i, i + n);
		if (roll(w, 4) == 0) {
			assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
			at = w->n_fresh;
		} else if (w->n_fresh > at) {
			size_t some = 1 + roll(w, (unsigned)(w->n_fresh - at));

			assert_int_equal(index_feed_commits(index, w->fresh + at, some), 0);
			at += some;
			assert_int_equal(index_position(index), w->fresh[at - 1].end);
		}
	}
	assert_int_equal(index_feed_commits(index, w->fresh + at, w->n_fresh - at), 0);
	assert_int_equal(index_position(index), log_end(w->log));
	assert_says(index, w, N_KNOWN);
	index_close(index);
	index = open_index(w);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0); /* it is this log's */
	index_close(index);
}

/* What leaves a gap, or was taken before, is not taken: positions would lie. */
static void test_gap_in_memory(void **state)
{
	struct world *w = *state;
	struct index *index = open_index(w);
	struct index_commit with_gap[2];
	struct exchange x;

	for (unsigned long i = 1; i <= 3; i++) {
		add_accepted(w, REC_ACCEPTED, i, 1, "3302%020lu");
		commit(w);
	}
	with_gap[0] = w->fresh[0];
	with_gap[1] = w->fresh[2];
	w->fresh[0].before = index_position(index); /* where the log begins */
	assert_int_equal(index_feed_commits(index, w->fresh + 1, 2), YT_ESTATE);
	assert_int_equal(index_feed_commits(index, with_gap, 2), YT_ESTATE);
	assert_int_equal(index_position(index), 0);
	assert_int_equal(index_get(index, 1, &x), YT_ENOTFOUND);
	assert_int_equal(index_feed_commits(index, w->fresh, 1), 0);
	assert_int_equal(index_feed_commits(index, w->fresh, 1), YT_ESTATE);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	assert_says(index, w, 4);
	index_close(index);
}

/* ---- numbers that need no question ---- */

#define N_ASKED 60000
#define N_THERE 1500

/* Whatever is asked in whatever order, what was asked before is never called new, and what grows mostly is. */
static void test_seen_numbers(void **state)
{
	struct world *w = *state;
	struct index *index = open_index(w);
	char institution[16], number[48];
	size_t n_new = 0;

	assert_int_equal(index_expect_new(index), 0);
	for (unsigned i = 0; i < N_ASKED; i++) {
		unsigned serial = i ^ 21; /* numbers overtake each other */

		snprintf(institution, sizeof(institution), "H%u", i % 7);
		snprintf(number, sizeof(number), "H%u2026112210%010u", i % 7, serial);
		n_new += index_seen_is_new(index->seen, yt_str(institution), yt_str(number));
		assert_false(index_seen_is_new(index->seen, yt_str(institution), yt_str(number)));
		if (i % 10 != 0) /* any of those before, and an institution whose clock is a year ahead */
			continue;
		serial = roll(w, i + 1);
		snprintf(institution, sizeof(institution), "H%u", (serial ^ 21) % 7);
		snprintf(number, sizeof(number), "H%u2026112210%010u", (serial ^ 21) % 7, serial);
		if ((serial ^ 21) < i)
			assert_false(index_seen_is_new(index->seen, yt_str(institution), yt_str(number)));
		snprintf(number, sizeof(number), "H999992027112210%010u", i);
		index_seen_is_new(index->seen, YT_STR("H99999"), yt_str(number));
	}
	assert_true(n_new > N_ASKED * 95 / 100);
	assert_false(index_seen_is_new(index->seen, YT_STR("H1"), YT_STR("no digits to grow")));
	index_close(index);
}

/* What is in the file when the keeper starts is never called new, nor what was asked for long ago. */
static void test_seen_after_start(void **state)
{
	struct world *w = *state;
	struct index *index = open_index(w), *reader;
	static bool asked[N_ASKED];
	char institution[16], number[48];
	struct exchange x;
	log_pos pos;

	for (unsigned long i = 1; i <= N_THERE; i++)
		add_accepted(w, REC_ACCEPTED, N_KNOWN + i, 1, "3302%020lu");
	assert_int_equal(log_commit(w->log, yt_buf_view(&w->buf), &pos), 0);
	yt_buf_clear(&w->buf);
	write_traffic(w, 1, N_KNOWN);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	assert_int_equal(index_open(&reader, w->path, false), 0);
	assert_int_equal(index_expect_new(reader), 0);
	for (unsigned i = N_KNOWN + 1; i <= N_KNOWN + N_THERE; i++) {
		snprintf(institution, sizeof(institution), "H3302139990%u", i % 4);
		snprintf(number, sizeof(number), "3302%020u", i);
		assert_int_equal(index_find(reader, yt_str(institution), yt_str(number), &x), 0);
	}
	for (unsigned i = 0; i < N_ASKED; i++) {
		unsigned n = roll(w, N_ASKED);

		snprintf(number, sizeof(number), "3302%020u", N_KNOWN + N_THERE + n);
		if (asked[n])
			assert_false(index_seen_is_new(reader->seen, YT_STR("H1"), yt_str(number)));
		else
			assert_int_equal(index_find(reader, YT_STR("H1"), yt_str(number), &x), YT_ENOTFOUND);
		asked[n] = true;
	}
	index_close(reader);
	index_close(index);
}

static void test_last_commit_is_left(void **state)
{
	struct world *w = *state;
	struct index *index = open_index(w);
	struct exchange x;
	log_pos pos;

	add_accepted(w, REC_ACCEPTED, 1, 1, "3302%020lu");
	commit(w);
	add_accepted(w, REC_ACCEPTED, 2, 1, "3302%020lu");
	pos = commit(w);
	assert_int_equal(index_feed(index, &w->io, &w->conf, 0, NULL, NULL), 0);
	assert_int_equal(index_position(index), pos);
	assert_int_equal(index_get(index, 1, &x), 0);
	assert_int_equal(index_get(index, 2, &x), YT_ENOTFOUND);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	assert_says(index, w, 3);
	index_close(index);
}

/* No keeper gives an id out twice; a log that has one all the same must not make the index unusable for ever. */
static void test_id_that_came_twice(void **state)
{
	struct world *w = *state;
	struct index *index = open_index(w);
	struct exchange x;

	for (int64_t ms = 1; ms <= 2; ms++) {
		add_accepted(w, REC_ACCEPTED, 1, ms, "3302%020lu");
		commit(w);
		assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	}
	assert_int_equal(index_get(index, 1, &x), 0);
	assert_int_equal(x.accepted_ms, 2);
	index_close(index);
}

/* A refused double has the same number as what it doubled: the index must name the one that was admitted. */
static void test_number_of_refused_double(void **state)
{
	struct world *w = *state;
	struct index *index = open_index(w);
	struct exchange x;

	add_accepted(w, REC_REFUSED, 4, 1, "3302202611221000000009");
	add_accepted(w, REC_ACCEPTED, 8, 2, "3302202611221000000009");
	add_accepted(w, REC_REFUSED, 12, 3, "3302202611221000000009");
	add_accepted(w, REC_ACCEPTED, 16, 3, "9999202611221000000009"); /* the same SQL key, another number */
	commit(w);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	assert_int_equal(index_find(index, yt_str(w->known[7].institution), yt_str(w->known[7].number), &x), 0);
	assert_int_equal(x.id, 8);
	assert_int_equal(index_find(index, yt_str("H33021399901"), yt_str(w->known[7].number), &x), YT_ENOTFOUND);
	assert_int_equal(index_find(index, yt_str(w->known[15].institution), yt_str(w->known[15].number), &x), 0);
	assert_int_equal(x.id, 16);
	index_close(index);
}

#define DIGEST "0123456789abcdef"

/* An order was announced and released, left, and its bank was asked about it twice. */
static void add_payment(struct world *w, uint64_t id)
{
	size_t at = rec_begin(&w->buf, REC_DUE, 0, id, 4);

	rec_bytes(&w->buf, REC_T_PAY_DIGEST, DIGEST, 16);
	rec_end(&w->buf, at);
	at = rec_begin(&w->buf, REC_DECIDED, 0, id, 5);
	rec_str(&w->buf, REC_T_RESULT, YT_STR("release"));
	rec_end(&w->buf, at);
	at = rec_begin(&w->buf, REC_SENDING, 0, id, 6);
	rec_u8(&w->buf, REC_T_LEG, REC_LEG_STEP);
	rec_u8(&w->buf, REC_T_STEP, 3);
	rec_str(&w->buf, REC_T_PAY_NO, YT_STR("IN20261122103000900000"));
	rec_end(&w->buf, at);
	for (unsigned i = 0; i < 2; i++) {
		at = rec_begin(&w->buf, REC_SENDING, 0, id, 7);
		rec_u8(&w->buf, REC_T_LEG, REC_LEG_QUERY);
		rec_u8(&w->buf, REC_T_STEP, 3);
		rec_end(&w->buf, at);
		at = rec_begin(&w->buf, REC_OUTCOME, 0, id, 8 + i);
		rec_u8(&w->buf, REC_T_LEG, REC_LEG_QUERY);
		rec_u8(&w->buf, REC_T_STEP, 3);
		rec_str(&w->buf, REC_T_RESULT, YT_STR("absent"));
		rec_end(&w->buf, at);
	}
	at = rec_begin(&w->buf, REC_OUTCOME, 0, id, 10);
	rec_u8(&w->buf, REC_T_LEG, REC_LEG_STEP);
	rec_u8(&w->buf, REC_T_STEP, 2);
	rec_str(&w->buf, REC_T_RESULT, YT_STR("found"));
	rec_end(&w->buf, at);
}

/* It rests in the index and is taken from there: what it forgot would be paid again, or released by nobody. */
static void assert_payment(const struct exchange *x)
{
	assert_string_equal(x->pay_no, "IN20261122103000900000");
	assert_memory_equal(x->pay_digest, DIGEST, 16);
	assert_true(x->released);
	assert_int_equal(x->asks, 2);
	assert_int_equal(x->absents, 2);
	assert_int_equal(x->absent_ms, 8);
	assert_int_equal(x->adopted, 2);
}

static void add_order(struct world *w, uint64_t id, unsigned n)
{
	size_t at = rec_begin(&w->buf, REC_SENDING, 0, id, 3);
	char no[24], message[24];

	snprintf(no, sizeof(no), "IN20261122000000000%u00", n);
	snprintf(message, sizeof(message), "PM20261122000000000%u00", n);
	rec_u8(&w->buf, REC_T_LEG, REC_LEG_STEP);
	rec_u8(&w->buf, REC_T_STEP, 3);
	rec_str(&w->buf, REC_T_PAY_NO, yt_str(no));
	rec_str(&w->buf, REC_T_PAY_MSG, yt_str(message));
	rec_end(&w->buf, at);
}

static void add_unpaid(struct world *w, uint64_t id, const char *as)
{
	size_t at = rec_begin(&w->buf, REC_RESOLVED, 0, id, 4);

	rec_str(&w->buf, REC_T_RESULT, YT_STR("unpaid"));
	rec_u8(&w->buf, REC_T_STEP, 3);
	rec_str(&w->buf, REC_T_CODE, yt_str(as));
	rec_bytes(&w->buf, REC_T_PAY_DIGEST, "0123456789abcdef", 16);
	rec_end(&w->buf, at);
}

/* A bank may speak of any payout of a claim, however many came to nothing since; and of none that is gone. */
static void test_all_its_payouts(void **state)
{
	struct world *w = *state;
	struct index *index = open_index(w);
	char about[40];
	struct exchange x;
	bool more;
	size_t at = rec_begin(&w->buf, REC_ACCEPTED, 0, 8, 2);

	rec_str(&w->buf, REC_T_INSTITUTION, YT_STR("H33021399902"));
	rec_str(&w->buf, REC_T_NUMBER, YT_STR("+/3302202611221000000009"));
	rec_str(&w->buf, REC_T_FLOW, YT_STR("paid"));
	rec_u32(&w->buf, REC_T_FLAGS, REC_X_FOLLOW_UP);
	rec_end(&w->buf, at);
	for (unsigned n = 1; n <= EXCHANGE_PAYOUTS_OLDER + 2; n++) {
		add_order(w, 8, n);
		if (n <= EXCHANGE_PAYOUTS_OLDER + 1)
			add_unpaid(w, 8, n % 2 ? "FAILED" : "RETURNED");
		commit(w); /* each in a batch of its own: the row is read back and written again */
		assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	}
	for (unsigned n = 1; n <= EXCHANGE_PAYOUTS_OLDER + 2; n++) {
		snprintf(about, sizeof(about), "+/%s20261122000000000%u00", n % 2 ? "IN" : "PM", n);
		assert_int_equal(index_find_follow_up(index, yt_str(about), &x), 0);
		assert_int_equal(x.id, 8);
		assert_false(exchange_may_pay_anew(&x));
		assert_string_equal(x.older[0].no, "IN20261122000000000100");
		assert_string_equal(x.older[EXCHANGE_PAYOUTS_OLDER - 1].msg, "PM20261122000000000400");
		assert_string_equal(x.older[1].state, "RETURNED");
		assert_string_equal(x.back_no, "IN20261122000000000500");
		assert_string_equal(x.pay_no, "IN20261122000000000600");
	}
	assert_int_equal(index_find_follow_up(index, YT_STR("+/IN20261122000000000700"), &x), YT_ENOTFOUND);
	at = rec_begin(&w->buf, REC_REVERSED, 0, 8, 5);
	rec_end(&w->buf, at);
	commit(w);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	assert_int_equal(index_drop_before(index, log_end(w->log), INT64_C(1) << 40, 10, &more), 0);
	assert_int_equal(index_find_follow_up(index, YT_STR("+/IN20261122000000000100"), &x), YT_ENOTFOUND);
	index_close(index);
}

/* It was refused for now: the same may come under its number, and that is what is found. */
static void test_forsaken(void **state)
{
	struct world *w = *state;
	struct index *index = open_index(w);
	struct exchange x;
	size_t at;

	add_accepted(w, REC_ACCEPTED, 4, 1, "H33021399902202611220000009");
	commit(w);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	assert_int_equal(index_find(index, YT_STR("H33021399900"), YT_STR("H33021399902202611220000009"), &x), 0);
	at = rec_begin(&w->buf, REC_RESOLVED, 0, 4, 2);
	rec_str(&w->buf, REC_T_RESULT, YT_STR("forsaken"));
	rec_end(&w->buf, at);
	commit(w);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	assert_int_equal(
	        index_find(index, YT_STR("H33021399900"), YT_STR("H33021399902202611220000009"), &x), YT_ENOTFOUND);
	add_accepted(w, REC_ACCEPTED, 8, 3, "H33021399902202611220000009");
	commit(w);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	assert_int_equal(index_find(index, YT_STR("H33021399900"), YT_STR("H33021399902202611220000009"), &x), 0);
	assert_int_equal(x.id, 8);
	index_close(index);
}

static void test_payment_rests(void **state)
{
	struct world *w = *state;
	struct index *index = open_index(w);
	struct exchange x;
	size_t at = rec_begin(&w->buf, REC_ACCEPTED, 0, 8, 2);

	rec_str(&w->buf, REC_T_INSTITUTION, YT_STR("H33021399902"));
	rec_str(&w->buf, REC_T_NUMBER, YT_STR("+/3302202611221000000009"));
	rec_str(&w->buf, REC_T_FLOW, YT_STR("paid"));
	rec_u32(&w->buf, REC_T_FLAGS, REC_X_FOLLOW_UP);
	rec_end(&w->buf, at);
	add_payment(w, 8);
	commit(w);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	assert_int_equal(index_find_follow_up(index, YT_STR("+/3302202611221000000009"), &x), 0);
	assert_payment(&x);
	index_close(index);
}

/* What an insurer tells names a follow-up by its number alone; what it was told before stays with it. */
static void test_follow_up_by_its_number(void **state)
{
	struct world *w = *state;
	struct index *index = open_index(w);
	struct exchange x;
	size_t at;

	add_accepted(w, REC_ACCEPTED, 4, 1, "+/3302202611221000000009"); /* an origin's */
	at = rec_begin(&w->buf, REC_ACCEPTED, 0, 8, 2);
	rec_str(&w->buf, REC_T_INSTITUTION, YT_STR("H33021399902"));
	rec_str(&w->buf, REC_T_NUMBER, YT_STR("+/3302202611221000000009"));
	rec_str(&w->buf, REC_T_FLOW, YT_STR("claim"));
	rec_u32(&w->buf, REC_T_FLAGS, REC_X_FOLLOW_UP);
	rec_end(&w->buf, at);
	at = rec_begin(&w->buf, REC_NOTICE, 0, 8, 3);
	rec_u64(&w->buf, REC_T_JOINS, 99);
	rec_u32(&w->buf, REC_T_SERIAL, 7);
	rec_str(&w->buf, REC_T_RESULT, YT_STR("ADJUDICATED"));
	rec_end(&w->buf, at);
	at = rec_begin(&w->buf, REC_DUE, 0, 8, 4); /* what its payment has come to must survive a restart */
	rec_bytes(&w->buf, REC_T_PAY_DIGEST, "0123456789abcdef", 16);
	rec_i64(&w->buf, REC_T_AMOUNT, 750000);
	rec_end(&w->buf, at);
	at = rec_begin(&w->buf, REC_DECIDED, 0, 8, 4);
	rec_str(&w->buf, REC_T_RESULT, YT_STR("release"));
	rec_end(&w->buf, at);
	at = rec_begin(&w->buf, REC_SENDING, 0, 8, 5);
	rec_u8(&w->buf, REC_T_LEG, REC_LEG_STEP);
	rec_u8(&w->buf, REC_T_STEP, 2);
	rec_str(&w->buf, REC_T_PAY_NO, YT_STR("IN20261122000000000100"));
	rec_str(&w->buf, REC_T_PAY_MSG, YT_STR("PM20261122000000000200"));
	rec_str(&w->buf, REC_T_UETR, YT_STR("3d8b1f0e-0000-4000-8000-000000000001"));
	rec_end(&w->buf, at);
	at = rec_begin(&w->buf, REC_SENDING, 0, 8, 6);
	rec_u8(&w->buf, REC_T_LEG, REC_LEG_QUERY);
	rec_end(&w->buf, at);
	at = rec_begin(&w->buf, REC_OUTCOME, 0, 8, 7);
	rec_u8(&w->buf, REC_T_LEG, REC_LEG_QUERY);
	rec_str(&w->buf, REC_T_RESULT, YT_STR("absent"));
	rec_end(&w->buf, at);
	at = rec_begin(&w->buf, REC_OUTCOME, 0, 8, 8);
	rec_u8(&w->buf, REC_T_LEG, REC_LEG_STEP);
	rec_u8(&w->buf, REC_T_STEP, 2);
	rec_str(&w->buf, REC_T_RESULT, YT_STR("found"));
	rec_str(&w->buf, REC_T_PAY_SERIAL, YT_STR("BK77"));
	rec_end(&w->buf, at);
	commit(w);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	assert_int_equal(index_find_follow_up(index, YT_STR("+/3d8b1f0e-0000-4000-8000-000000000001"), &x), 0);
	assert_int_equal(
	        index_find_follow_up(index, YT_STR("+/#BK77/750000"), &x), 0); /* the bank's number and the sum */
	assert_string_equal(x.pay_serial, "BK77");
	assert_string_equal(x.pay_uetr, "3d8b1f0e-0000-4000-8000-000000000001");
	assert_int_equal(index_find_follow_up(index, YT_STR("+/#BK77/750001"), &x), YT_ENOTFOUND);
	assert_int_equal(index_find_follow_up(index, YT_STR("+/3302202611221000000009"), &x), 0);
	assert_int_equal(x.id, 8);
	assert_int_equal(x.told_seq, 7);
	assert_false(x.told); /* it was asked since then */
	assert_string_equal(x.pay_no, "IN20261122000000000100");
	assert_memory_equal(x.pay_digest, "0123456789abcdef", 16);
	assert_true(x.released);
	assert_int_equal(x.asks, 1);
	assert_int_equal(x.absents, 1);
	assert_int_equal(x.absent_ms, 7);
	assert_int_equal(x.adopted, 1u << 1);
	assert_string_equal(x.told_state, "ADJUDICATED");
	assert_string_equal(x.business_key, "+/3302202611221000000009");
	assert_int_equal(index_find_follow_up(index, YT_STR("+/3302202611221000000010"), &x), YT_ENOTFOUND);
	assert_int_equal(index_find_follow_up(index, YT_STR("+/IN20261122000000000100"), &x), 0);
	assert_int_equal(x.id, 8);
	assert_int_equal(index_find_follow_up(index, YT_STR("+/PM20261122000000000200"), &x), 0);
	assert_string_equal(x.pay_msg, "PM20261122000000000200");
	assert_int_equal(index_find_follow_up(index, YT_STR("+/IN20261122000000000200"), &x), YT_ENOTFOUND);
	at = rec_begin(&w->buf, REC_RESOLVED, 0, 8, 9);
	rec_str(&w->buf, REC_T_RESULT, YT_STR("unpaid"));
	rec_u8(&w->buf, REC_T_STEP, 2);
	rec_end(&w->buf, at);
	commit(w);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	assert_int_equal(index_find_follow_up(index, YT_STR("+/IN20261122000000000100"), &x), 0);
	assert_string_equal(x.pay_no, "");
	assert_int_equal(index_find_follow_up(index, YT_STR("+/PM20261122000000000200"), &x), 0);
	assert_string_equal(x.back_no, "IN20261122000000000100");
	assert_string_equal(x.back_msg, "PM20261122000000000200");
	index_close(index);
	remove_index(w->path); /* made anew, the log read in one go */
	index = open_index(w);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	assert_int_equal(index_find_follow_up(index, YT_STR("+/3d8b1f0e-0000-4000-8000-000000000001"), &x), 0);
	assert_int_equal(index_find_follow_up(index, YT_STR("+/#BK77/750000"), &x), 0);
	assert_int_equal(x.id, 8);
	index_close(index);
}

struct found {
	uint64_t id[256];
	size_t n;
};

static int on_found(void *arg, const struct exchange *x)
{
	struct found *f = arg;

	f->id[f->n++] = x->id;
	return 0;
}

static void add_payout(struct world *w, uint64_t id, const char *number, bool is_told)
{
	size_t at = rec_begin(&w->buf, REC_ACCEPTED, 0, id, (int64_t)id);

	rec_str(&w->buf, REC_T_INSTITUTION, YT_STR("H33021399902"));
	rec_str(&w->buf, REC_T_NUMBER, yt_str(number));
	rec_str(&w->buf, REC_T_FLOW, YT_STR("claim"));
	rec_u32(&w->buf, REC_T_FLAGS, REC_X_FOLLOW_UP);
	rec_end(&w->buf, at);
	at = rec_begin(&w->buf, REC_SENDING, 0, id, (int64_t)id);
	rec_u8(&w->buf, REC_T_LEG, REC_LEG_STEP);
	rec_u8(&w->buf, REC_T_STEP, 1);
	rec_str(&w->buf, REC_T_PAY_NO, yt_str(number + 2));
	rec_end(&w->buf, at);
	at = rec_begin(&w->buf, REC_ANSWERED, 0, id, (int64_t)id);
	rec_u8(&w->buf, REC_T_OUTCOME, YT_DONE);
	rec_end(&w->buf, at);
	if (!is_told)
		return;
	at = rec_begin(&w->buf, REC_NOTICE, 0, id, (int64_t)id);
	rec_u64(&w->buf, REC_T_JOINS, 99);
	rec_str(&w->buf, REC_T_RESULT, YT_STR("PAID"));
	rec_str(&w->buf, REC_T_BOOKED, YT_STR("2026-11-22"));
	rec_end(&w->buf, at);
}

/* Over, but listed until a statement has told of it; then no more, and it can be dropped like any other. */
static void test_payouts_without_a_line(void **state)
{
	struct world *w = *state;
	struct index *index = open_index(w);
	struct found all = { .n = 0 };
	struct exchange x;
	bool more;

	add_payout(w, 7, "+/IN20261122000000000102", false);
	add_payout(w, 8, "+/IN20261122000000000103", true);
	add_payout(w, 6, "+/IN20261122000000000101", false);
	commit(w);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	assert_int_equal(index_awaits_line(index, on_found, &all), 0);
	assert_int_equal(all.n, 2);
	assert_int_equal(all.id[0], 6); /* the oldest first */
	assert_int_equal(all.id[1], 7);
	assert_int_equal(index_get(index, 8, &x), 0);
	assert_true(x.has_line);
	all.n = 0;
	assert_int_equal(index_open_exchanges(index, on_found, &all), 0);
	assert_int_equal(all.n, 0);
	assert_int_equal(index_drop_before(index, log_end(w->log) + 1, INT64_MAX / 2, 100, &more), 0);
	assert_int_equal(index_awaits_line(index, on_found, &all), 0);
	assert_int_equal(all.n, 0);
	index_close(index);
}

static void add_statement(struct world *w, uint64_t id, uint32_t strays)
{
	size_t at = rec_begin(&w->buf, REC_ACCEPTED, 0, id, (int64_t)id);

	rec_str(&w->buf, REC_T_INSTITUTION, YT_STR("ICBC"));
	rec_u8(&w->buf, REC_T_OPERATION, YT_OP_STATEMENT_NOTICE);
	rec_end(&w->buf, at);
	at = rec_begin(&w->buf, REC_ANSWERED, 0, id, (int64_t)id);
	rec_u8(&w->buf, REC_T_OUTCOME, YT_DONE);
	rec_end(&w->buf, at);
	at = rec_begin(&w->buf, REC_NOTICE, 0, id, (int64_t)id);
	rec_u32(&w->buf, REC_T_STRAYS, strays);
	rec_end(&w->buf, at);
}

static void test_statements_with_strays(void **state)
{
	struct world *w = *state;
	struct index *index = open_index(w);
	struct found all = { .n = 0 };
	struct exchange x;

	add_statement(w, 3, 2);
	add_statement(w, 4, 0);
	add_statement(w, 5, 1);
	add_payout(w, 7, "+/IN20261122000000000102", false);
	commit(w);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	assert_int_equal(index_strays(index, 10, on_found, &all), 0);
	assert_int_equal(all.n, 2);
	assert_int_equal(all.id[0], 5); /* the newest first */
	assert_int_equal(all.id[1], 3);
	all.n = 0;
	assert_int_equal(index_strays(index, 1, on_found, &all), 0);
	assert_int_equal(all.n, 1);
	assert_int_equal(index_get(index, 3, &x), 0);
	assert_int_equal(x.strays, 2);
	index_close(index);
}

static int on_open_one(void *arg, const struct exchange *x)
{
	assert_true(exchange_is_open(x));
	(*(uint64_t *)arg)++;
	return 0;
}

/* Of an exchange whose first segments were dropped the log has only what was carried on. */
static void test_carried(void **state)
{
	struct world *w = *state;
	struct index *index = open_index(w);
	struct exchange x, was = { .id = 5,
		.state = X_PARKED,
		.flags = REC_X_SETTLEMENT,
		.amount_fen = 77,
		.accepted_ms = 1795312800000,
		.institution = "H33021399901",
		.number = "H330213999012026112210000005",
		.visit = "visit-5",
		.party = "zhejiang" };
	struct index_filter by_visit = { .visit = YT_STR("visit-5"), .state = YT_STR("parked") };
	struct found found = { 0 };
	uint64_t n_open = 0;
	log_pos pos;
	size_t at;

	for (int i = 0; i < 2; i++) { /* carried twice: from segment to segment */
		at = begin(w, REC_CARRIED, 5, 1795312900000);
		rec_bytes(&w->buf, REC_T_STATE, &was, sizeof(was));
		rec_end(&w->buf, at);
		assert_int_equal(log_commit(w->log, yt_buf_view(&w->buf), &pos), 0);
		yt_buf_clear(&w->buf);
		assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
		assert_int_equal(index_get(index, 5, &x), 0);
		assert_int_equal(x.state, X_PARKED);
		assert_int_equal(x.amount_fen, 77);
		assert_int_equal(x.accepted_pos, pos);
		assert_int_equal(index_find(index, yt_str(was.institution), yt_str(was.number), &x), 0);
	}
	assert_int_equal(index_search(index, &by_visit, on_found, &found), 0);
	assert_int_equal(found.n, 1);
	assert_int_equal(index_open_exchanges(index, on_open_one, &n_open), 0);
	assert_int_equal(n_open, 1);
	index_close(index);
}

static void add_cancel(
        struct world *w, uint64_t id, const char *institution, const char *settlement, enum yt_outcome end)
{
	size_t at = begin(w, REC_ACCEPTED, id, 1795312900000);

	rec_str(&w->buf, REC_T_INSTITUTION, yt_str(institution));
	text(w, REC_T_NUMBER, "cancel-%lu", (unsigned long)id);
	rec_u8(&w->buf, REC_T_OPERATION, id == 9 ? YT_OP_REVERSE : YT_OP_INPATIENT_SETTLE_CANCEL);
	rec_str(&w->buf, REC_T_ORIGINAL, yt_str(settlement));
	rec_end(&w->buf, at);
	at = begin(w, REC_ANSWERED, id, 1795312900001);
	rec_u8(&w->buf, REC_T_OUTCOME, (uint8_t)end);
	rec_str(&w->buf, REC_T_SETTLEMENT, YT_STR("own-number-of-the-cancel"));
	rec_end(&w->buf, at);
}

/* By the settlement that it cancelled, of that institution, and only if it is done. */
static void test_cancelled(void **state)
{
	static const struct {
		const char *institution, *settlement;
		uint64_t id;
	} rows[] = { { "H1", "3300001234567801", 7 }, { "H2", "3300001234567801", 0 }, { "H1", "3300001234567802", 0 },
		{ "H1", "0033300001234567801", 0 }, { "H1", "3300001234567803", 0 }, { "H1", "", 0 } };
	struct world *w = *state;
	struct index *index = open_index(w);
	struct exchange x;
	log_pos pos;

	add_cancel(w, 6, "H1", "3300001234567801", YT_REFUSED);
	add_cancel(w, 7, "H1", "3300001234567801", YT_DONE);
	add_cancel(w, 8, "H1", "3300001234567802", YT_REFUSED);
	add_cancel(w, 9, "H1", "3300001234567803", YT_DONE);
	assert_int_equal(log_commit(w->log, yt_buf_view(&w->buf), &pos), 0);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(index_cancelled(index, yt_str(rows[i].institution), yt_str(rows[i].settlement), &x),
		        rows[i].id != 0 ? 0 : YT_ENOTFOUND);
		assert_true(rows[i].id == 0 || x.id == rows[i].id);
	}
	index_close(index);
}

static void add_waiting(struct world *w, uint64_t id, unsigned flags, int64_t due_ms, enum rec_type last)
{
	size_t at = begin(w, REC_ACCEPTED, id, 1795312900000 + (int64_t)(id / 2));

	rec_str(&w->buf, REC_T_FLOW, YT_STR("claim"));
	rec_str(&w->buf, REC_T_VISIT, id < 6 ? YT_STR("V1") : YT_STR("V2"));
	rec_u32(&w->buf, REC_T_FLAGS, flags);
	rec_end(&w->buf, at);
	at = begin(w, REC_DUE, id, 1795312900001);
	rec_i64(&w->buf, REC_T_DUE, due_ms);
	rec_end(&w->buf, at);
	if (last == 0)
		return;
	at = begin(w, last, id, 1795312900002);
	rec_u8(&w->buf, REC_T_OUTCOME, YT_DONE);
	rec_end(&w->buf, at);
}

static void on_resting_due(void *arg, uint64_t exchange, const struct rest *rest)
{
	yt_buf_printf(arg, "%llu:%lld/%lld%s ", (unsigned long long)exchange, (long long)rest->due_ms,
	        (long long)(rest->set_ms - 1795312900000), rest->is_parked ? "p" : "");
}

static void on_resting(void *arg, const struct exchange *x)
{
	yt_buf_printf(arg, "%llu ", (unsigned long long)x->id);
}

static int on_awake(void *arg, const struct exchange *x)
{
	on_resting(arg, x);
	return 0;
}

static void assert_said(struct yt_buf *said, const char *want)
{
	yt_buf_byte(said, 0);
	assert_string_equal((char *)said->p, want);
	yt_buf_clear(said);
}

static void add_reason(struct world *w, uint64_t id, enum rec_type type, unsigned flags, const char *reason)
{
	size_t at = begin(w, type, id, 1795312900003);

	rec_i64(&w->buf, REC_T_DUE, 900);
	rec_str(&w->buf, REC_T_REASON, yt_str(reason));
	if (flags != 0)
		rec_u32(&w->buf, REC_T_FLAGS, flags);
	rec_end(&w->buf, at);
}

static void add_claim_of(struct world *w, uint64_t id, const char *person)
{
	size_t at = begin(w, REC_ACCEPTED, id, 1795312900000);

	rec_str(&w->buf, REC_T_FLOW, YT_STR("claim"));
	rec_u32(&w->buf, REC_T_FLAGS, REC_X_FOLLOW_UP);
	rec_bytes(&w->buf, REC_T_PERSON, person, 16);
	rec_end(&w->buf, at);
}

/* Whoever is told what a claim of his lacks is asked for by his person, among all that wait for other things. */
static void test_waiting(void **state)
{
	static const uint8_t wang[16] = "wang, a person.", li[16] = "wang, a cousin."; /* one key */
	struct world *w = *state;
	struct index *index = open_index(w);
	struct yt_buf said = { 0 };
	log_pos pos;

	for (uint64_t id = 1; id <= 6; id++)
		add_claim_of(w, id, (const char *)(id == 3 ? li : wang));
	add_reason(w, 1, REC_DUE, 0, "its result is awaited");
	add_reason(w, 2, REC_DUE, 0, "waits: data.payee_acct is missing");
	add_reason(w, 3, REC_DUE, 0, "waits: data.payee_acct is missing");
	add_reason(w, 4, REC_PARKED, 0, "waits: bill is missing");
	add_reason(w, 5, REC_PARKED, REC_X_HELD, "waits: bill is missing");
	add_reason(w, 6, REC_DUE, 0, "waits: consent.auth_no is missing");
	assert_int_equal(log_commit(w->log, yt_buf_view(&w->buf), &pos), 0);
	yt_buf_clear(&w->buf);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	assert_int_equal(index_waiting(index, wang, 9, on_resting, &said), 0);
	assert_said(&said, "2 4 6 ");
	assert_int_equal(index_waiting(index, wang, 2, on_resting, &said), 0);
	assert_said(&said, "2 4 ");
	assert_int_equal(index_waiting(index, li, 9, on_resting, &said), 0);
	assert_said(&said, "3 ");
	add_reason(w, 2, REC_DUE, 0, "its result is awaited"); /* it has gone on; now the other waits */
	add_reason(w, 1, REC_DUE, 0, "waits: bill is missing");
	assert_int_equal(log_commit(w->log, yt_buf_view(&w->buf), &pos), 0);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	assert_int_equal(index_waiting(index, wang, 9, on_resting, &said), 0);
	assert_said(&said, "1 4 6 ");
	yt_buf_free(&said);
	index_close(index);
}

/* What follows from settlements is not the keeper's to load: it asks when it is due, and for some rows at a time. */
static void test_resting(void **state)
{
	struct world *w = *state;
	struct index *index = open_index(w);
	struct exchange_cursor after = { INT64_MIN, 0 };
	struct yt_buf said = { 0 };
	uint64_t n_open = 0;
	log_pos pos;

	add_waiting(w, 1, REC_X_FOLLOW_UP, 500, 0);
	add_waiting(w, 2, REC_X_FOLLOW_UP, 400, REC_PARKED);
	add_waiting(w, 3, REC_X_FOLLOW_UP, 300, REC_ANSWERED);
	add_waiting(w, 4, 0, 200, 0);
	add_waiting(w, 5, REC_X_FOLLOW_UP, 100, 0);
	add_waiting(w, 6, REC_X_FOLLOW_UP, 700, 0);
	assert_int_equal(log_commit(w->log, yt_buf_view(&w->buf), &pos), 0);
	yt_buf_clear(&w->buf);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	assert_int_equal(index_open_exchanges(index, on_open_one, &n_open), 0);
	assert_int_equal(n_open, 5);
	assert_int_equal(index_awake(index, on_awake, &said), 0);
	assert_said(&said, "4 ");
	assert_int_equal(index_resting_due(index, on_resting_due, &said), 0);
	assert_said(&said, "1:500/1 2:-1/1p 5:100/1 6:700/1 ");
	assert_int_equal(index_resting(index, &after, 2, on_resting, &said), 0);
	assert_said(&said, "1 2 ");
	assert_int_equal(index_resting(index, &after, 2, on_resting, &said), 0);
	assert_said(&said, "5 6 ");
	assert_int_equal(index_resting(index, &after, 2, on_resting, &said), YT_ENOTFOUND);
	assert_int_equal(index_resting_of_visit(index, YT_STR("V1"), 9, on_resting, &said), 0);
	assert_said(&said, "1 2 5 "); /* 3 is over, 4 no follow-up, 6 of another one */
	assert_int_equal(index_resting_of_visit(index, YT_STR("V1"), 2, on_resting, &said), 0);
	assert_said(&said, "1 2 ");
	size_t at = begin(w, REC_DUE, 1, 1795312900003);
	rec_i64(&w->buf, REC_T_DUE, 800);
	rec_end(&w->buf, at);
	at = begin(w, REC_DECIDED, 2, 1795312900003);
	rec_str(&w->buf, REC_T_RESULT, YT_STR("retry"));
	rec_end(&w->buf, at);
	at = begin(w, REC_ANSWERED, 5, 1795312900003);
	rec_u8(&w->buf, REC_T_OUTCOME, YT_REFUSED);
	rec_end(&w->buf, at);
	assert_int_equal(log_commit(w->log, yt_buf_view(&w->buf), &pos), 0);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	assert_int_equal(index_resting_due(index, on_resting_due, &said), 0);
	assert_said(&said, "1:800/3 2:0/1 6:700/1 ");
	yt_buf_free(&said);
	index_close(index);
}

static void fill(char *text, size_t size, char with)
{
	memset(text, with, size - 1); /* to its end: the longest that is kept */
}

/* An exchange with every member set, by a flow. */
static void make_full(struct exchange *x)
{
	memset(x, 0, sizeof(*x)); /* so that all of it can be compared */
	x->id = 5;
	x->state = X_REVERSING;
	x->flags = REC_X_SETTLEMENT | REC_X_FOREIGN;
	x->op = YT_OP_OUTPATIENT_SETTLE;
	fill(x->institution, sizeof(x->institution), 'a'), fill(x->number, sizeof(x->number), 'b');
	fill(x->wire_op, sizeof(x->wire_op), 'c'), fill(x->party, sizeof(x->party), 'd');
	fill(x->listener, sizeof(x->listener), 'e'), fill(x->trace, sizeof(x->trace), 'f');
	fill(x->business_key, sizeof(x->business_key), 'g'), fill(x->visit, sizeof(x->visit), 'h');
	fill(x->batch, sizeof(x->batch), 'i'), fill(x->settlement, sizeof(x->settlement), 'j');
	fill(x->original, sizeof(x->original), 'k'), fill(x->treatment_area, sizeof(x->treatment_area), 'l');
	fill(x->insured_area, sizeof(x->insured_area), 'm'), fill(x->code, sizeof(x->code), 'n');
	fill(x->reason, sizeof(x->reason), 'o'), fill(x->reference, sizeof(x->reference), 'p');
	fill(x->owner, sizeof(x->owner), 'q'), fill(x->flow, sizeof(x->flow), 'r');
	memset(x->digest, 0xd1, sizeof(x->digest));
	memset(x->person, 0xe2, sizeof(x->person));
	x->amount_fen = INT64_MAX, x->fund_fen = INT64_MIN, x->account_fen = -1, x->cash_fen = 4;
	x->accepted_ms = 1795312800000, x->closed_ms = 1795312800001, x->unknown_since_ms = 1795312800002;
	x->due_ms = 1795312800003, x->deadline_ms = 1795312800004, x->due_set_ms = 1795312800005;
	x->attempts = UINT32_MAX, x->reversals = 6, x->worker = 7, x->offers = 8, x->joins = UINT64_MAX;
	x->answered = x->delivered = x->reversal_wanted = x->must_answer = x->undoing = true;
	x->step = 8, x->step_state = STEP_REFUSED, x->refused_step = 7;
	for (unsigned i = 0; i < REC_STEPS_MAX; i++) {
		x->step_sent[i] = i % 3 == 0 ? 0 : 1 + i;
		x->step_got[i] = i % 2 == 0 ? 0 : 1 + i;
	}
	x->undo_sent = 30;
	x->room_day = 20261122, x->room_fen = 9;
	fill(x->room_of, sizeof(x->room_of), 's'), fill(x->room_to, sizeof(x->room_to), 't');
	fill(x->back_no, sizeof(x->back_no), 'u'), fill(x->back_msg, sizeof(x->back_msg), 'v');
	memset(x->back_payee, 0xf3, sizeof(x->back_payee));
	for (unsigned i = 0; i < EXCHANGE_PAYOUTS_OLDER; i++) {
		fill(x->older[i].no, sizeof(x->older[i].no), (char)('0' + i));
		fill(x->older[i].msg, sizeof(x->older[i].msg), (char)('A' + i));
		fill(x->older[i].state, sizeof(x->older[i].state), (char)('K' + i));
	}
}

/* Whatever an exchange is in memory it is again when it comes out of the file, in all members. */
static void test_every_member(void **state)
{
	struct world *w = *state;
	struct index *index = open_index(w);
	struct exchange was, want, x;
	struct rec rec;
	size_t used, at;
	log_pos pos;

	for (unsigned i = 0; i < 9; i++) {
		make_full(&was);
		was.id = 5 + i;
		bool *const flags[] = { &was.answered, &was.delivered, &was.reversal_wanted, &was.must_answer,
			&was.undoing };

		if (i > 0 && i < 6)
			*flags[i - 1] = false; /* each for itself: two that are mixed up show */
		if (i == 6) {                  /* of one leg */
			memset(was.flow, 0, sizeof(was.flow));
			memset(was.step_sent, 0, sizeof(was.step_sent));
			memset(was.step_got, 0, sizeof(was.step_got));
			was.undo_sent = 0;
		}
		if (i == 7)
			was.undo_sent = 0;
		at = begin(w, REC_CARRIED, was.id, 1795312900000);
		rec_bytes(&w->buf, REC_T_STATE, &was, sizeof(was));
		rec_end(&w->buf, at);
		assert_int_equal(rec_read(yt_buf_view(&w->buf), &rec, &used), 0);
		assert_int_equal(log_commit(w->log, yt_buf_view(&w->buf), &pos), 0);
		memset(&want, 0, sizeof(want));
		exchange_apply(&want, &rec, pos);
		yt_buf_clear(&w->buf);
		assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
		assert_int_equal(index_get(index, was.id, &x), 0);
		assert_memory_equal(&x, &want, sizeof(x));
	}
	index_close(index);
}

/* ---- case facts ---- */

static log_pos leave_piece(struct world *w, uint64_t exchange, const char *keys, int64_t ms)
{
	size_t at = begin(w, REC_FACTS, exchange, ms);

	for (const char *p = keys; *p != '\0'; p++)
		rec_str(&w->buf, REC_T_CASE, (struct yt_str){ p, 1 });
	rec_str(&w->buf, REC_T_FACTS, YT_STR("{}"));
	rec_end(&w->buf, at);
	return commit(w);
}

static void assert_places(
        struct index *index, const char *key, const struct fact_place *want, size_t n_want, size_t max)
{
	struct fact_place places[16];
	size_t n = 99;

	assert_int_equal(index_facts(index, yt_str(key), places, max, &n), 0);
	assert_int_equal(n, n_want);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(places[i].pos, want[i].pos);
		assert_int_equal(places[i].exchange, want[i].exchange);
		assert_int_equal(places[i].wall_ms, want[i].wall_ms);
	}
}

/* Where pieces stand, newest first, under each of their keys; dropped with the log, batch by batch. */
static void test_facts(void **state)
{
	struct world *w = *state;
	struct index *index = open_index(w), *reader;
	struct fact_place left[5];
	log_pos before = 0;
	bool more;

	for (unsigned i = 0; i < 5; i++) { /* newest first */
		left[4 - i] = (struct fact_place){ 0, 50 - i, 1795312800000 + i };
		left[4 - i].pos = leave_piece(w, 50 - i, i == 2 ? "vp" : i == 3 ? "p" : "v", 1795312800000 + i);
		if (i == 1)
			assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	}
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	assert_int_equal(index_open(&reader, w->path, false), 0);
	assert_places(reader, "p", (struct fact_place[]){ left[1], left[2] }, 2, 16);
	assert_places(reader, "v", (struct fact_place[]){ left[0], left[2], left[3], left[4] }, 4, 16);
	assert_places(reader, "v", (struct fact_place[]){ left[0], left[2] }, 2, 2);
	assert_places(reader, "x", NULL, 0, 16);
	before = left[2].pos; /* two rows are older */
	assert_int_equal(index_drop_before(index, before, 0, 1, &more), 0);
	assert_true(more);
	assert_places(reader, "v", (struct fact_place[]){ left[0], left[2], left[3] }, 3, 16);
	for (unsigned i = 0; more; i++) {
		assert_true(i < 5);
		assert_int_equal(index_drop_before(index, before, 0, 1, &more), 0);
	}
	assert_places(reader, "v", (struct fact_place[]){ left[0], left[2] }, 2, 16);
	assert_places(reader, "p", (struct fact_place[]){ left[1], left[2] }, 2, 16);
	index_close(reader);
	index_close(index);
}

/* ---- search ---- */

static bool matches(const struct exchange *x, const struct index_filter *f)
{
	char time[20];

	yt_time_print(x->accepted_ms, time);
	return x->state != X_READ && (f->number.n == 0 || yt_str_is(f->number, x->number)) &&
	       (f->visit.n == 0 || yt_str_is(f->visit, x->visit)) &&
	       (f->settlement.n == 0 || yt_str_is(f->settlement, x->settlement)) &&
	       (f->institution.n == 0 || yt_str_is(f->institution, x->institution)) &&
	       (f->party.n == 0 || yt_str_is(f->party, x->party)) &&
	       (f->state.n == 0 || yt_str_is(f->state, exchange_state_name(x->state))) &&
	       (f->day.n == 0 || memcmp(time, f->day.p, 10) == 0);
}

static void test_search(void **state)
{
	static const struct index_filter filters[] = {
		{ .number = { "330200000000000000000017", 24 } },
		{ .visit = { "visit-20", 8 } },
		{ .settlement = { "33020000000100", 14 } },
		{ .institution = { "H33021399902", 12 } },
		{ .party = { "gansu", 5 } },
		{ .state = { "parked", 6 } },
		{ .state = { "refused", 7 } },
		{ .state = { "read", 4 }, .institution = { "H33021399901", 12 } },
		{ .day = { "2026-11-22", 10 } },
		{ .day = { "2026-11-23", 10 }, .limit = 7 },
		{ .day = { "2026-11-24", 10 } },
		{ .limit = 3 },
		{ .party = { "nobody", 6 } },
		{ .state = { "unknown", 7 }, .party = { "gansu", 5 }, .limit = 2 },
		{ .visit = { "visit-20", 8 }, .state = { "done", 4 }, .institution = { "H33021399900", 12 } },
	};
	struct world *w = *state;
	struct index *index = open_index(w);

	for (unsigned long i = 1; i < N_KNOWN; i += 20) { /* rows change in many batches */
		write_traffic(w, i, i + 20 < N_KNOWN ? i + 20 : N_KNOWN);
		assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	}
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		size_t limit = filters[i].limit == 0 ? 100 : filters[i].limit, n = 0;
		struct found found = { 0 };

		assert_int_equal(index_search(index, &filters[i], on_found, &found), 0);
		for (uint64_t id = N_KNOWN - 1; id > 0 && n < limit; id--) /* ids were given out by time */
			if (matches(&w->known[id - 1], &filters[i]))
				assert_int_equal(found.id[n++], id);
		assert_int_equal(found.n, n);
	}
	index_close(index);
}

static void test_bad_filters(void **state)
{
	struct world *w = *state;
	struct index *index = open_index(w);
	struct index_filter bad_state = { .state = YT_STR("finished") }, bad_day = { .day = YT_STR("22.11.2026") };
	struct found found = { 0 };

	assert_int_equal(index_search(index, &bad_state, on_found, &found), YT_EFORMAT);
	assert_int_equal(index_search(index, &bad_day, on_found, &found), YT_EFORMAT);
	index_close(index);
}

static void on_count(void *arg, enum exchange_state x_state, uint64_t n)
{
	((uint64_t *)arg)[x_state] = n;
}

static void test_counts_and_open(void **state)
{
	struct world *w = *state;
	struct index *index = open_index(w);
	uint64_t counts[X_READ + 1] = { 0 }, want[X_READ + 1] = { 0 }, n_open = 0, want_open = 0;

	write_traffic(w, 1, N_KNOWN / 2);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	write_traffic(w, N_KNOWN / 2, N_KNOWN);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	for (size_t i = 0; i < N_KNOWN - 1; i++) {
		want[w->known[i].state]++;
		want_open += exchange_is_open(&w->known[i]);
	}
	assert_int_equal(index_counts(index, on_count, counts), 0);
	assert_memory_equal(counts, want, sizeof(want));
	assert_int_equal(index_open_exchanges(index, on_open_one, &n_open), 0);
	assert_int_equal(n_open, want_open);
	index_close(index);
}

/* Each query is in a bucket that begins in the log where it stands or before. */
static void test_where_queries_are(void **state)
{
	struct world *w = *state;
	struct index *index = open_index(w);
	struct index_queries buckets[N_KNOWN];
	uint64_t n_queries = 0, n_told = 0;
	int n;

	for (unsigned long i = 1; i < N_KNOWN; i += 20) {
		write_traffic(w, i, i + 20 < N_KNOWN ? i + 20 : N_KNOWN);
		assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	}
	n = index_query_buckets(index, INT64_MIN / 2, INT64_MAX / 2, buckets, N_KNOWN);
	assert_true(n > 1);
	for (size_t i = 0; i < N_KNOWN - 1; i++) {
		const struct exchange *x = &w->known[i];
		bool is_there = x->state != X_READ;

		n_queries += x->state == X_READ;
		for (int b = 0; b < n; b++)
			is_there = is_there || (buckets[b].bucket == INDEX_BUCKET(x->accepted_ms) &&
			                               buckets[b].position <= x->accepted_pos);
		assert_true(is_there);
	}
	for (int b = 0; b < n; b++)
		n_told += buckets[b].n;
	assert_int_equal(n_told, n_queries);
	assert_int_equal(index_query_buckets(index, buckets[1].bucket * INDEX_BUCKET_MS,
	                         (buckets[1].bucket + 1) * INDEX_BUCKET_MS, buckets, N_KNOWN),
	        1);
	index_close(index);
}

/* ---- the keeper's own records ---- */

static void add_kept(struct world *w, enum rec_type type, const char *institution, uint64_t a, uint64_t b)
{
	size_t at = begin(w, type, 0, 1);

	if (type == REC_NUMBER) {
		rec_str(&w->buf, REC_T_INSTITUTION, yt_str(institution));
		rec_i64(&w->buf, REC_T_SECOND, (int64_t)a);
		rec_u32(&w->buf, REC_T_SERIAL, (uint32_t)b);
	} else if (type == REC_WORKER) {
		rec_u32(&w->buf, REC_T_WORKER, (uint32_t)a);
		rec_u64(&w->buf, REC_T_SEQ, b);
	} else if (type == REC_SESSION) {
		rec_str(&w->buf, REC_T_PARTY, YT_STR("zhejiang"));
		rec_str(&w->buf, REC_T_INSTITUTION, yt_str(institution));
		rec_str(&w->buf, REC_T_OPERATOR, YT_STR("YT9001"));
		rec_u64(&w->buf, REC_T_SIGN_NO, a);
	} else {
		rec_u32(&w->buf, REC_T_GENERATION, (uint32_t)a);
	}
	rec_end(&w->buf, at);
}

static int on_kept(void *arg, const struct rec *rec, log_pos pos)
{
	struct yt_buf *out = arg;

	assert_true(pos > 0);
	yt_buf_printf(out, "%s %.*s %llu %llu; ", rec_type_name(rec->type), YT_FMT(rec_get(rec, REC_T_INSTITUTION)),
	        (unsigned long long)(rec_get_u64(rec, REC_T_SECOND) + rec_get_u64(rec, REC_T_WORKER) +
	                             rec_get_u64(rec, REC_T_SIGN_NO) + rec_get_u64(rec, REC_T_GENERATION)),
	        (unsigned long long)(rec_get_u64(rec, REC_T_SERIAL) + rec_get_u64(rec, REC_T_SEQ)));
	return 0;
}

static void test_keeper_records(void **state)
{
	struct world *w = *state;
	struct index *index = open_index(w);
	struct yt_buf said = { 0 };

	add_kept(w, REC_NUMBER, "H1", 100, 9010);
	add_kept(w, REC_NUMBER, "H2", 100, 9000);
	commit(w);
	add_kept(w, REC_NUMBER, "H1", 101, 9000);
	commit(w);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	add_kept(w, REC_NUMBER, "H1", 99, 9999); /* the clock stepped back: not the highest */
	add_kept(w, REC_WORKER, "", 1, 70);
	commit(w);
	add_kept(w, REC_WORKER, "", 2, 5);
	add_kept(w, REC_WORKER, "", 1, 71);
	add_kept(w, REC_SESSION, "H1", 55, 0);
	commit(w);
	add_kept(w, REC_SESSION, "H1", 56, 0);
	add_kept(w, REC_GENERATION, "", 3, 0);
	commit(w);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	assert_int_equal(index_keeper_records(index, on_kept, &said), 0);
	yt_buf_byte(&said, 0);
	assert_string_equal((char *)said.p, "number H2 100 9000; number H1 101 9000; worker  1 71; worker  2 5; "
	                                    "session H1 56 0; generation  3 0; ");
	yt_buf_free(&said);
	index_close(index);
}

static void add_room(struct world *w, const char *time, const char *key, int64_t fen)
{
	int64_t wall_ms = 0;
	size_t at;

	assert_int_equal(yt_time_parse(yt_str(time), &wall_ms), 0);
	at = begin(w, REC_ROOM, 0, wall_ms);
	rec_str(&w->buf, REC_T_LIMIT_KEY, yt_str(key));
	rec_i64(&w->buf, REC_T_AMOUNT, fen);
	rec_end(&w->buf, at);
	commit(w);
}

static int on_room(void *arg, const struct rec *rec, log_pos pos)
{
	assert_true(pos > 0);
	yt_buf_printf(
	        arg, "%.*s %lld; ", YT_FMT(rec_get(rec, REC_T_LIMIT_KEY)), (long long)rec_get_i64(rec, REC_T_AMOUNT));
	return 0;
}

/* What a day's payments come to: the newest of each key, and of days before yesterday nothing. */
static void test_sums_of_days(void **state)
{
	struct world *w = *state;
	struct index *index = open_index(w);
	struct yt_buf said = { 0 };

	add_room(w, "2026-11-20 09:00:00", "20261120/of/claims", 100);
	add_room(w, "2026-11-20 23:00:00", "20261120/of/claims", 250);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	add_room(w, "2026-11-21 00:00:01", "20261121/of/claims", 7);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	assert_int_equal(index_keeper_records(index, on_room, &said), 0);
	yt_buf_byte(&said, 0);
	assert_string_equal((char *)said.p, "20261120/of/claims 250; 20261121/of/claims 7; ");
	yt_buf_clear(&said);
	add_room(w, "2026-11-22 00:00:01", "20261122/to/00", 9);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	assert_int_equal(index_keeper_records(index, on_room, &said), 0);
	yt_buf_byte(&said, 0);
	assert_string_equal((char *)said.p, "20261121/of/claims 7; 20261122/to/00 9; ");
	yt_buf_free(&said);
	index_close(index);
}

/* The first position of a bucket stays whatever batch it was in, and a range does not reach the bucket at its end. */
static void test_queries_of_two_batches(void **state)
{
	struct world *w = *state;
	struct index *index = open_index(w);
	int64_t begins = 4000000 * (int64_t)INDEX_BUCKET_MS;
	struct index_queries queries[4];
	log_pos first = 0;

	for (unsigned long i = 1; i <= 2; i++) {
		add_accepted(w, REC_READ, i, begins + (int64_t)i, "3302%020lu");
		first = i == 1 ? commit(w) : (commit(w), first);
		assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	}
	assert_int_equal(index_query_buckets(index, begins, begins + 1, queries, 4), 1);
	assert_int_equal(queries[0].position, first);
	assert_int_equal(queries[0].n, 2);
	assert_int_equal(index_query_buckets(index, begins - 10, begins, queries, 4), 0);
	assert_int_equal(
	        index_query_buckets(index, begins + INDEX_BUCKET_MS, begins + INDEX_BUCKET_MS + 1, queries, 4), 0);
	index_close(index);
}

/* Only what is over, old, and not in the log any more goes, batch by batch; what is left is as it was, counts too. */
static void test_drop_before(void **state)
{
	struct world *w = *state;
	struct index *index = open_index(w);
	int64_t wall_ms = 1795312800000 + 300 * 60000;
	uint64_t states[X_READ + 1] = { 0 }, counted[X_READ + 1] = { 0 };
	struct index_queries queries[64];
	size_t n_dropped = 0, n_left = 0;
	log_pos before;
	struct exchange x;
	bool more = true;

	write_traffic(w, 1, 350);
	before = log_end(w->log);
	write_traffic(w, 350, N_KNOWN);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	for (unsigned n = 0; more; n++) {
		assert_true(n < 100);
		assert_int_equal(index_drop_before(index, before, wall_ms, 7, &more), 0);
	}
	for (unsigned long i = 1; i < N_KNOWN; i++) {
		const struct exchange *known = &w->known[i - 1];
		bool is_old = known->accepted_ms >> 18 < wall_ms >> 18 && known->last_pos < before;

		if (known->state == X_READ)
			continue;
		if (is_old && !exchange_is_open(known)) {
			assert_int_equal(index_get(index, i, &x), YT_ENOTFOUND);
			n_dropped++;
			continue;
		}
		assert_int_equal(index_get(index, i, &x), 0);
		assert_same(&x, known);
		states[known->state]++;
		n_left++;
	}
	assert_true(n_dropped > 30 && n_left > 100);
	assert_int_equal(index_counts(index, on_count, counted), 0);
	for (int i = 0; i < X_READ; i++)
		assert_int_equal(counted[i], states[i]);
	for (int i = index_query_buckets(index, 0, INT64_MAX / 2, queries, 64); i > 0; i--) {
		assert_true(queries[i - 1].bucket >= wall_ms >> 18 || queries[i - 1].position >= before);
		states[X_READ] += queries[i - 1].n;
	}
	assert_int_equal(counted[X_READ], states[X_READ]);
	assert_int_equal(index_drop_before(index, before, wall_ms, 7, &more), 0);
	assert_false(more);
	index_close(index);
}

static void test_old_workers_are_dropped(void **state)
{
	struct world *w = *state;
	struct index *index = open_index(w);
	struct yt_buf said = { 0 };

	for (unsigned i = 1; i <= 1100; i++)
		add_kept(w, REC_WORKER, "", i, 0);
	commit(w);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	assert_int_equal(index_keeper_records(index, on_kept, &said), 0);
	yt_buf_byte(&said, 0);
	assert_null(strstr((char *)said.p, "worker  75 0;"));
	assert_non_null(strstr((char *)said.p, "worker  76 0;"));
	assert_non_null(strstr((char *)said.p, "worker  1100 0;"));
	yt_buf_free(&said);
	index_close(index);
}

/* ---- damage ---- */

static void write_file(const char *path, const void *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), (ssize_t)n);
	close(fd);
}

static void sql(const char *path, const char *text_of)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text_of, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* Opens and asks everything; whether any of it said that the file cannot be used. */
static bool is_found_corrupt(const char *path)
{
	struct index_filter all = { .limit = 100 };
	struct yt_buf said = { 0 };
	struct found found = { 0 };
	struct index *index;
	uint64_t n = 0;
	int rv = index_open(&index, path, true);

	if (rv != 0)
		return rv == YT_ECORRUPT;
	rv = index_search(index, &all, on_found, &found);
	if (rv == 0)
		rv = index_open_exchanges(index, on_open_one, &n);
	if (rv == 0)
		rv = index_keeper_records(index, on_kept, &said);
	yt_buf_free(&said);
	index_close(index);
	return rv == YT_ECORRUPT;
}

static void fill_index(struct world *w)
{
	struct index *index = open_index(w);

	write_traffic(w, 1, 100);
	add_kept(w, REC_GENERATION, "", 1, 0);
	commit(w);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	index_close(index);
}

static void test_not_an_index(void **state)
{
	static const char *const changes[] = {
		"PRAGMA user_version = 99",
		"PRAGMA application_id = 1",
		"DROP INDEX by_number",
		"DROP TABLE kept",
		"DELETE FROM reached",
		"ALTER TABLE exchange RENAME COLUMN places TO elsewhere",
		"UPDATE exchange SET fold = x'01'",
		"UPDATE exchange SET fold = x''",
		"UPDATE exchange SET state = 99",
		"UPDATE exchange SET institution = hex(zeroblob(99))",
		"UPDATE kept SET record = x'0102'",
		"UPDATE exchange SET fold = CAST(fold || 'x' AS BLOB)",
	};
	struct world *w = *state;
	char garbage[8192];

	memset(garbage, 'g', sizeof(garbage));
	write_file(w->path, garbage, sizeof(garbage));
	assert_true(is_found_corrupt(w->path));
	write_file(w->path, "", 0);
	assert_true(is_found_corrupt(w->path));
	write_file(w->path, "SQLite format 3", 16);
	assert_true(is_found_corrupt(w->path));
	unlink(w->path);
	sql(w->path, "CREATE TABLE accounts (id INTEGER)"); /* somebody else's */
	assert_true(is_found_corrupt(w->path));
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		remove_index(w->path);
		fill_index(w);
		assert_false(is_found_corrupt(w->path));
		sql(w->path, changes[i]);
		assert_true(is_found_corrupt(w->path));
	}
}

/* Cut anywhere, or with any page overwritten: found or harmless, never a crash. */
static void test_cut_and_overwritten(void **state)
{
	struct world *w = *state;
	struct stat st;
	char *bytes, page[4096];
	int fd;

	fill_index(w);
	assert_int_equal(stat(w->path, &st), 0);
	bytes = malloc((size_t)st.st_size);
	fd = open(w->path, O_RDONLY);
	assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
	close(fd);
	for (off_t n = 0; n < st.st_size; n += 1000) {
		remove_index(w->path);
		write_file(w->path, bytes, (size_t)n);
		assert_true(is_found_corrupt(w->path));
	}
	memset(page, 0xa5, sizeof(page));
	for (off_t at = 0; at < st.st_size; at += 4096) {
		remove_index(w->path);
		write_file(w->path, bytes, (size_t)st.st_size);
		fd = open(w->path, O_WRONLY);
		assert_int_equal(pwrite(fd, page, sizeof(page), at), 4096);
		close(fd);
		is_found_corrupt(w->path);
	}
	free(bytes);
}

/* The numbers of another journal would make us refuse or repeat the wrong messages. */
static void test_index_of_another_journal(void **state)
{
	struct world *w = *state, *other;
	struct index *index = open_index(w);
	void *opened;

	open_world(&opened);
	other = opened;
	for (int i = 0; i < 2; i++) { /* commits of the same size: only what is in them differs */
		add_accepted(w, REC_ACCEPTED, 1 + (unsigned long)i, 1, "3302%020lu");
		add_accepted(other, REC_ACCEPTED, 1 + (unsigned long)i, 2, "3302%020lu");
		commit(w);
		commit(other);
		if (i == 0)
			assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	}
	assert_int_equal(log_end(w->log), log_end(other->log));
	index_close(index);
	index = open_index(w);
	assert_int_equal(index_feed(index, &other->io, &w->conf, log_end(other->log), NULL, NULL), YT_ECORRUPT);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	index_close(index);
	close_world(&opened);
}

/* An index that is ahead of the log it is fed from cannot be of that log. */
static void test_index_ahead_of_the_log(void **state)
{
	struct world *w = *state;
	struct index *index = open_index(w);

	write_traffic(w, 1, 9);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	assert_int_equal(index_feed(index, &w->io, &w->conf, w->places[0][0] + 1, NULL, NULL), YT_ECORRUPT);
	assert_int_equal(index_position(index), log_end(w->log));
	index_close(index);
}

/* A batch that cannot be stored leaves the index where it was, and it can go on later. */
static void test_full_disk(void **state)
{
	struct world *w = *state;
	struct index *index = open_index(w);
	log_pos before;

	write_traffic(w, 1, 50);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	before = index_position(index);
	write_traffic(w, 50, N_KNOWN);
	sqlite3_exec(index->db, "PRAGMA max_page_count = 1", NULL, NULL, NULL); /* no page more than it has */
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), YT_ENOSPC);
	assert_int_equal(index_position(index), before);
	index_close(index);
	index = open_index(w);
	assert_int_equal(index_position(index), before);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	assert_says(index, w, N_KNOWN);
	index_close(index);
}

static void test_reader_beside_writer(void **state)
{
	struct world *w = *state;
	struct index *index = open_index(w), *reader;
	struct exchange x;

	assert_int_equal(index_open(&reader, "/nonexistent/index.db", false), YT_ENOTFOUND);
	assert_int_equal(index_open(&reader, w->path, false), 0);
	assert_int_equal(index_get(reader, 1, &x), YT_ENOTFOUND);
	write_traffic(w, 1, 10);
	assert_int_equal(index_feed(reader, &w->io, &w->conf, log_end(w->log), NULL, NULL), YT_ESTATE);
	assert_int_equal(index_feed(index, &w->io, &w->conf, log_end(w->log), NULL, NULL), 0);
	assert_int_equal(index_get(reader, 1, &x), 0);
	assert_same(&x, &w->known[0]);
	index_close(reader);
	index_close(index);
}

#define IN_A_WORLD(name, test)                                                                                         \
	{                                                                                                              \
		name, test, open_world, close_world, NULL                                                              \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_WORLD("the index says what the log says, fed at once", test_fed_at_once),
		IN_A_WORLD("and fed bit by bit with restarts", test_fed_bit_by_bit),
		IN_A_WORLD("and fed from the committer's memory", test_fed_from_memory),
		IN_A_WORLD("commits with a gap before them are not taken", test_gap_in_memory),
		IN_A_WORLD("a number that was asked for is never called new", test_seen_numbers),
		IN_A_WORLD("nor one that was there at the start", test_seen_after_start),
		IN_A_WORLD("without a given end the last commit is left", test_last_commit_is_left),
		IN_A_WORLD("a number names what was admitted, not its refused double", test_number_of_refused_double),
		IN_A_WORLD("a follow-up is found by its number alone", test_follow_up_by_its_number),
		IN_A_WORLD("statements with lines of no payment are listed", test_statements_with_strays),
		IN_A_WORLD("payouts that no statement has told of are listed", test_payouts_without_a_line),
		IN_A_WORLD("what is known of a payment rests with it", test_payment_rests),
		IN_A_WORLD("what was forsaken gives its number free", test_forsaken),
		IN_A_WORLD("a claim is found by each of its payouts", test_all_its_payouts),
		IN_A_WORLD("what was carried on is found like the original", test_carried),
		IN_A_WORLD("a done cancel is found by its settlement", test_cancelled),
		IN_A_WORLD("what waits for something is found by its person", test_waiting),
		IN_A_WORLD("follow-ups rest until they are due", test_resting),
		IN_A_WORLD("an exchange comes back in all its members", test_every_member),
		IN_A_WORLD("pieces of case facts are found, newest first, until the log drops them", test_facts),
		IN_A_WORLD("a search finds what matches, newest first", test_search),
		IN_A_WORLD("a filter that cannot be is refused", test_bad_filters),
		IN_A_WORLD("counts and open exchanges follow every change", test_counts_and_open),
		IN_A_WORLD("the index tells where in the log queries are", test_where_queries_are),
		IN_A_WORLD("of two batches too", test_queries_of_two_batches),
		IN_A_WORLD("an id that came twice replaces its row", test_id_that_came_twice),
		IN_A_WORLD("of the keeper's records the highest or newest stay", test_keeper_records),
		IN_A_WORLD("of the sums of days the newest stay, from yesterday on", test_sums_of_days),
		IN_A_WORLD("what is over and older than the log is dropped", test_drop_before),
		IN_A_WORLD("of workers the newest 1024 stay", test_old_workers_are_dropped),
		IN_A_WORLD("a file that is no index of ours is found corrupt", test_not_an_index),
		IN_A_WORLD("a cut or overwritten file never crashes", test_cut_and_overwritten),
		IN_A_WORLD("the index of another journal is refused", test_index_of_another_journal),
		IN_A_WORLD("an index ahead of the log is refused", test_index_ahead_of_the_log),
		IN_A_WORLD("a full disk leaves the index at a whole batch", test_full_disk),
		IN_A_WORLD("a reader sees what was committed", test_reader_beside_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
