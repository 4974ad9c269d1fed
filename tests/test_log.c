/* tests/test_log.c - the journal's log: what was acknowledged is there, in order, after anything.
 *
 * Promises P1 (durable before acknowledged) and P11 (a changed byte shows), over a disk in memory that
 * fails, tears and forgets (faulty_io.h).  YT_SEEDS sets how many random histories are played. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "faulty_io.h"
#include "journal/octets.h"
#include "journal/segment.h"
#include "journal/verify.h"

#define NOON 1790000000000LL /* some day, wall clock ms */
#define N_COMMITS 4096
#define SEG1 "seg-0000000001.ytj"
#define SEG2 "seg-0000000002.ytj"

static struct yt_keys *keys; /* a master key and an anchor key, made for this run */
static struct yt_buf public_key;
static int64_t now_ms = NOON;

static int64_t test_clock(void)
{
	return now_ms;
}

/* One journal on one faulty disk. */
struct world {
	struct faulty *disk;
	struct yt_io io, keys_io;
	struct log_keys *seal; /* NULL: bodies in the clear */
	struct log_conf conf;
	struct log *log;
	struct log_problem why;
	uint64_t next_id;
};

static void world_keys(struct world *w)
{
	seal_close(w->seal);
	assert_int_equal(seal_open(&w->seal, keys, &w->keys_io), 0);
	seal_set_clock(w->seal, test_clock);
	w->conf.keys = w->seal;
}

static void world_new(struct world *w, uint64_t seed, bool sealed)
{
	*w = (struct world){ .disk = faulty_new(seed), .next_id = 1 };
	faulty_io(w->disk, 0, &w->io);
	faulty_io(w->disk, 1, &w->keys_io);
	w->conf = (struct log_conf){ .segment_bytes = 1 << 20, .reserve_segments = 1 };
	now_ms = NOON;
	if (sealed)
		world_keys(w);
}

static void world_free(struct world *w)
{
	log_close(w->log);
	seal_close(w->seal);
	faulty_free(w->disk);
}

/* A record's body is known from its id, so that it can be checked after any history. */
static void body_of(uint64_t id, size_t n, struct yt_buf *body)
{
	uint64_t x = id * 0x9e3779b97f4a7c15u + 1;

	while (body->n < n) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		yt_buf_add(body, &x, sizeof(x));
	}
	body->n = n;
}

static void add_record(struct yt_buf *buf, uint64_t id, size_t body_n)
{
	struct yt_buf body = { 0 };
	size_t begun = rec_begin(buf, REC_ANSWERED, 0, id, NOON);

	body_of(id, body_n, &body);
	rec_u32(buf, REC_T_SERIAL, (uint32_t)body_n);
	rec_str(buf, REC_T_REQUEST, yt_buf_view(&body));
	rec_str(buf, REC_T_PARTY, YT_STR("zhejiang"));
	rec_str(buf, REC_T_REPLY, yt_buf_view(&body));
	rec_end(buf, begun);
	assert_false(buf->failed);
	yt_buf_free(&body);
}

static int commit_one(struct world *w, size_t body_n, log_pos *pos)
{
	struct yt_buf buf = { 0 };
	int rv;

	add_record(&buf, w->next_id, body_n);
	rv = log_commit(w->log, yt_buf_view(&buf), pos);
	if (rv == 0)
		w->next_id++;
	yt_buf_free(&buf);
	return rv;
}

/* What a replay or scan said. */
struct heard {
	struct {
		uint64_t id;
		log_pos pos;
	} at[N_COMMITS];
	size_t n;
	bool bodies, erased;
};

static int on_record(void *arg, const struct rec *rec, log_pos pos)
{
	struct heard *h = arg;
	struct yt_buf body = { 0 };

	if (rec->type != REC_ANSWERED)
		return 0;
	assert_true(h->n < N_COMMITS);
	h->at[h->n].id = rec->exchange;
	h->at[h->n++].pos = pos;
	h->erased = h->erased || (rec->flags & REC_ERASED) != 0;
	assert_true(yt_str_is(rec_get(rec, REC_T_PARTY), "zhejiang"));
	if (h->bodies) {
		body_of(rec->exchange, rec_get_u64(rec, REC_T_SERIAL), &body);
		assert_true(yt_str_eq(rec_get(rec, REC_T_REQUEST), yt_buf_view(&body)));
		assert_true(yt_str_eq(rec_get(rec, REC_T_REPLY), yt_buf_view(&body)));
	} else {
		assert_int_equal(rec_get(rec, REC_T_REQUEST).n, 0);
	}
	yt_buf_free(&body);
	return 0;
}

static int reopen(struct world *w, log_pos from, struct heard *h)
{
	log_close(w->log);
	w->log = NULL;
	*h = (struct heard){ 0 };
	return log_open(&w->log, &w->conf, &w->io, from, on_record, h, &w->why);
}

static int scan_all(struct world *w, log_pos from, log_pos to, bool bodies, struct heard *h)
{
	*h = (struct heard){ .bodies = bodies };
	return log_scan(&w->io, &w->conf, from, to, bodies, on_record, h, &w->why);
}

static int verify(struct world *w, bool with_statements, struct verify_report *report)
{
	struct verify_conf conf = { .public_key = yt_buf_view(&public_key) };

	if (with_statements)
		conf.statements.p = (char *)faulty_bytes(w->disk, 0, ANCHOR_FILE, &conf.statements.n);
	if (conf.statements.p == NULL)
		conf.statements.n = 0;
	return journal_verify(&w->io, &conf, report);
}

static int anchor(struct world *w)
{
	struct yt_buf record = { 0 };
	log_pos pos;
	int rv = anchor_record(&record, w->log, keys, now_ms);

	assert_int_equal(rv, 0);
	rv = log_commit(w->log, yt_buf_view(&record), &pos);
	if (rv == 0)
		rv = anchor_note(&w->io, yt_buf_view(&record));
	yt_buf_free(&record);
	return rv;
}

static void assert_heard(const struct heard *h, uint64_t first, uint64_t last)
{
	assert_int_equal(h->n, last - first + 1);
	for (size_t i = 0; i < h->n; i++)
		assert_int_equal(h->at[i].id, first + i);
}

static void test_reads_back(void **state)
{
	for (int sealed = 0; sealed < 2; sealed++) {
		static struct heard h, again;
		static const size_t sizes[] = { 0, 1, 63, 64, 5000, 300000, 7 };
		struct verify_report report;
		struct world w;
		log_pos pos;

		world_new(&w, 1, sealed);
		assert_int_equal(reopen(&w, 0, &h), 0);
		for (size_t i = 0; i < 7; i++)
			assert_int_equal(commit_one(&w, sizes[i], &pos), 0);
		assert_int_equal(log_commit_no(w.log), 7);
		assert_int_equal(reopen(&w, 0, &h), 0);
		assert_heard(&h, 1, 7);
		assert_int_equal(log_commit_no(w.log), 7);
		assert_int_equal(scan_all(&w, 0, 0, true, &h), 0);
		assert_heard(&h, 1, 7);
		for (size_t i = 0; i < 7; i++) {
			again = (struct heard){ .bodies = true };
			assert_int_equal(log_read(&w.io, &w.conf, h.at[i].pos, on_record, &again), 0);
			assert_heard(&again, i + 1, i + 1);
			assert_int_equal(log_read(&w.io, &w.conf, h.at[i].pos + 8, on_record, &again), YT_ECORRUPT);
		}
		assert_int_equal(verify(&w, false, &report), 0);
		assert_int_equal(report.n_commits, 7);
		assert_int_equal(report.n_after_anchor, 7);
		assert_false(report.torn);
		world_free(&w);
	}
}

/* Replay and scan begin exactly where they are told, at any commit or the end, and nowhere else. */
static void test_from_position(void **state)
{
	static struct heard all, h;
	struct world w;
	log_pos pos, end;

	world_new(&w, 2, false);
	assert_int_equal(reopen(&w, 0, &h), 0);
	for (size_t i = 0; i < 30; i++)
		assert_int_equal(commit_one(&w, 90000, &pos), 0); /* several segments */
	end = log_end(w.log);
	assert_int_equal(scan_all(&w, 0, 0, false, &all), 0);
	assert_true(end >> 32 >= 3);
	for (size_t i = 0; i < all.n; i++) {
		assert_int_equal(reopen(&w, all.at[i].pos, &h), 0);
		assert_heard(&h, i + 1, 30);
		assert_int_equal(scan_all(&w, all.at[i].pos, 0, true, &h), 0);
		assert_heard(&h, i + 1, 30);
		assert_int_equal(scan_all(&w, 0, all.at[i].pos, true, &h), 0);
		assert_int_equal(h.n, i);
		assert_int_equal(reopen(&w, all.at[i].pos + 8, &h), YT_ECORRUPT);
	}
	assert_int_equal(reopen(&w, end, &h), 0);
	assert_int_equal(h.n, 0);
	assert_true(log_end(w.log) == end);
	assert_int_equal(scan_all(&w, end, 0, false, &h), 0);
	assert_int_equal(h.n, 0);
	assert_int_equal(scan_all(&w, 0, end + 8, false, &h), YT_ECORRUPT);
	assert_int_equal(reopen(&w, end + 8, &h), YT_ECORRUPT);
	assert_int_equal(reopen(&w, 99ULL << 32 | 512, &h), YT_ENOTFOUND);
	/* The end of a segment is followed by the first commit of the next. */
	for (size_t i = 1; i < all.n; i++) {
		if (all.at[i].pos >> 32 == all.at[i - 1].pos >> 32)
			continue;
		assert_int_equal(scan_all(&w, all.at[i - 1].pos, all.at[i].pos, false, &h), 0);
		assert_int_equal(h.n, 1);
	}
	world_free(&w);
}

static void test_scan_from_segment_end(void **state)
{
	static struct heard h;
	struct world w;
	log_pos pos, end = 0, first = 0;

	world_new(&w, 3, false);
	assert_int_equal(reopen(&w, 0, &h), 0);
	while (log_end(w.log) >> 32 == 1) {
		end = log_end(w.log);
		assert_int_equal(commit_one(&w, 60000, &pos), 0);
		first = pos;
	}
	assert_int_equal(scan_all(&w, end, 0, true, &h), 0);
	assert_int_equal(h.n, 1);
	assert_true(h.at[0].pos == first);
	world_free(&w);
}

static void test_too_large(void **state)
{
	static struct heard h;
	struct world w;
	log_pos pos;

	world_new(&w, 4, false);
	assert_int_equal(reopen(&w, 0, &h), 0);
	assert_int_equal(commit_one(&w, 1 << 19, &pos), YT_ELIMIT);
	assert_int_equal(log_commit(w.log, YT_STR("nonsense"), &pos), YT_EFORMAT);
	assert_int_equal(log_commit(w.log, (struct yt_str){ 0 }, &pos), YT_EFORMAT);
	assert_int_equal(commit_one(&w, (1 << 19) - 500, &pos), 0);
	assert_int_equal(reopen(&w, 0, &h), 0);
	assert_heard(&h, 1, 1);
	world_free(&w);
}

/* A full disk: what is prewritten can be used up, then nothing is written and the log still lives. */
static void test_full_disk(void **state)
{
	static struct heard h;
	struct world w;
	log_pos pos;
	int rv, n = 0;

	world_new(&w, 5, false);
	assert_int_equal(reopen(&w, 0, &h), 0);
	assert_true(log_room(w.log) > 2 * 1040000);
	for (;; n++) {
		/* The first call that needs space is the creation of a file. */
		faulty_arm(w.disk, 3, FAULTY_ERROR, ENOSPC);
		faulty_only(w.disk, log_room(w.log) < 200000 ? "pwrite" : "none");
		rv = commit_one(&w, 100000, &pos);
		if (rv != 0)
			break;
	}
	assert_int_equal(rv, YT_ENOSPC);
	assert_true(n >= 9);
	assert_true(log_room(w.log) < 201000);
	faulty_arm(w.disk, 1, FAULTY_ERROR, ENOSPC);
	assert_int_equal(log_prepare(w.log), YT_ENOSPC);
	assert_int_equal(commit_one(&w, 10, &pos), 0); /* small things still fit */
	faulty_arm(w.disk, 0, FAULTY_ERROR, 0);
	assert_int_equal(log_prepare(w.log), 0); /* and it recovers by itself */
	assert_int_equal(commit_one(&w, 100000, &pos), 0);
	assert_int_equal(reopen(&w, 0, &h), 0);
	assert_heard(&h, 1, (uint64_t)n + 2);
	world_free(&w);
}

/* Each call of a commit fails in turn: an error, and the log is unusable for ever. */
static void test_failed_commit(void **state)
{
	static struct heard h;
	uint64_t n = 1;

	for (int met = 1; met; n++) {
		struct world w;
		log_pos pos;
		int rv;

		world_new(&w, n, true);
		assert_int_equal(reopen(&w, 0, &h), 0);
		assert_int_equal(commit_one(&w, 100, &pos), 0);
		faulty_arm(w.disk, n, FAULTY_ERROR, EIO);
		rv = commit_one(&w, 3000, &pos);
		met = rv != 0;
		if (met) {
			assert_int_equal(rv, YT_EIO);
			assert_int_equal(commit_one(&w, 100, &pos), YT_EIO);
			assert_int_equal(log_prepare(w.log), YT_EIO);
			assert_int_equal(log_retire(w.log, 1ULL << 40), YT_EIO);
		}
		faulty_arm(w.disk, 0, FAULTY_ERROR, 0);
		assert_int_equal(reopen(&w, 0, &h), 0);
		assert_true(h.n == 1 || h.n == 2);
		world_free(&w);
	}
	assert_int_equal(n, 4); /* one write, one sync, then none */
}

static void test_locked(void **state)
{
	static struct heard h;
	struct log *second = NULL;
	struct world w;

	world_new(&w, 6, false);
	assert_int_equal(reopen(&w, 0, &h), 0);
	assert_int_equal(log_open(&second, &w.conf, &w.io, 0, NULL, NULL, &w.why), YT_EAGAIN);
	assert_string_equal(w.why.why, "another process has this journal open");
	assert_int_equal(reopen(&w, 0, &h), 0);
	world_free(&w);
}

/* Damage: two full segments, a third begun; then something is done to the files. */
struct damage_case {
	const char *it; /* completes "a journal is refused when ..." */
	void (*damage)(struct world *w, const struct heard *h);
	const char *file, *why;
	uint64_t commit_no;
};

static void flip_middle(struct world *w, const struct heard *h)
{
	size_t n;

	faulty_bytes(w->disk, 0, SEG1, &n)[(uint32_t)h->at[1].pos + 500] ^= 1;
}

static void flip_last_of_first(struct world *w, const struct heard *h)
{
	size_t n, i = 0;

	while (h->at[i + 1].pos >> 32 == 1)
		i++;
	faulty_bytes(w->disk, 0, SEG1, &n)[(uint32_t)h->at[i].pos + 500] ^= 1;
}

static void flip_first_of_second(struct world *w, const struct heard *h)
{
	size_t n;

	faulty_bytes(w->disk, 0, SEG2, &n)[SEGMENT_HEAD] ^= 1;
}

static void remove_first_segments_tail(struct world *w, const struct heard *h)
{
	size_t n;
	uint8_t *p = faulty_bytes(w->disk, 0, SEG1, &n);

	memset(p + SEGMENT_HEAD, 0, n - SEGMENT_HEAD);
}

static void remove_second(struct world *w, const struct heard *h)
{
	assert_int_equal(w->io.unlink(w->io.ctx, SEG2), 0);
}

static void swap_segments(struct world *w, const struct heard *h)
{
	assert_int_equal(w->io.rename(w->io.ctx, SEG1, "x"), 0);
	assert_int_equal(w->io.rename(w->io.ctx, SEG2, SEG1), 0);
	assert_int_equal(w->io.rename(w->io.ctx, "x", SEG2), 0);
}

static void flip_segment_head(struct world *w, const struct heard *h)
{
	size_t n;

	faulty_bytes(w->disk, 0, SEG2, &n)[20] ^= 1;
}

static void cut_segment(struct world *w, const struct heard *h)
{
	int fd = w->io.open(w->io.ctx, SEG1, O_RDWR, 0);

	assert_true(fd >= 0);
	assert_int_equal(w->io.ftruncate(w->io.ctx, fd, 5000), 0);
	w->io.close(w->io.ctx, fd);
}

static void move_commit(struct world *w, const struct heard *h)
{
	size_t n;
	uint8_t *p = faulty_bytes(w->disk, 0, SEG1, &n);

	memmove(p + (uint32_t)h->at[1].pos, p + (uint32_t)h->at[2].pos, (uint32_t)(h->at[3].pos - h->at[2].pos));
}

/* Changes a byte and sets the CRC right again, as someone would who knows how. */
static void change_with_care(struct world *w, const struct heard *h)
{
	size_t n, total = (size_t)(h->at[2].pos - h->at[1].pos);
	uint8_t *p = faulty_bytes(w->disk, 0, SEG1, &n) + (uint32_t)h->at[1].pos;

	p[COMMIT_HEAD + 20] ^= 1;
	put_u32(p + 4, yt_crc32c(0, p + 8, total - 8));
}

static void remove_all_segments(struct world *w, const struct heard *h)
{
	w->io.unlink(w->io.ctx, SEG1);
	w->io.unlink(w->io.ctx, SEG2);
	w->io.unlink(w->io.ctx, "seg-0000000003.ytj");
	w->io.unlink(w->io.ctx, "seg-0000000004.ytj");
	w->io.open(w->io.ctx, ANCHOR_FILE, O_RDWR | O_CREAT, 0600);
}

static const struct damage_case damage_cases[] = {
	{ "a byte of a middle commit is changed", flip_middle, SEG1,
	        "commit 2 is damaged or missing, but the later commit 3 is whole", 2 },
	{ "the last commit of a full segment is changed", flip_last_of_first, SEG1, NULL, 0 },
	{ "the first commit of a segment is changed", flip_first_of_second, NULL, NULL, 0 },
	{ "a segment is emptied", remove_first_segments_tail, SEG1, NULL, 0 },
	{ "a middle segment is missing", remove_second, SEG2, "is missing, though later segments are there", 0 },
	{ "two segments are exchanged", swap_segments, SEG1, "its header is damaged or another segment's", 0 },
	{ "a segment's header is changed", flip_segment_head, SEG2, "its header is damaged or another segment's", 0 },
	{ "a segment is cut short", cut_segment, SEG1,
	        "is cut short: it has 5000 bytes of 1048576; put back a copy of the whole file", 0 },
	{ "a commit is cut out", move_commit, SEG1, "commit 3 stands where 2 belongs", 3 },
	{ "a commit is changed and its CRC with it", change_with_care, SEG1,
	        "the chain is broken: commit 3 does not continue the one before it", 3 },
	{ "all is gone but the anchors", remove_all_segments, "", NULL, 0 },
};

static void test_damage(void **state)
{
	const struct damage_case *row = *state;
	static struct heard h, again;
	struct verify_report report;
	struct log *log = NULL;
	struct world w;
	log_pos pos;

	world_new(&w, 7, false);
	assert_int_equal(reopen(&w, 0, &h), 0);
	do
		assert_int_equal(commit_one(&w, 100000, &pos), 0);
	while (pos >> 32 < 3);
	assert_int_equal(scan_all(&w, 0, 0, false, &h), 0);
	log_close(w.log);
	w.log = NULL;
	row->damage(&w, &h);
	assert_int_equal(log_open(&log, &w.conf, &w.io, 0, NULL, NULL, &w.why), YT_ECORRUPT);
	if (row->file != NULL)
		assert_string_equal(w.why.file, row->file);
	if (row->why != NULL)
		assert_string_equal(w.why.why, row->why);
	if (row->commit_no != 0)
		assert_int_equal(w.why.commit_no, row->commit_no);
	if (row->file == NULL || row->file[0] != '\0') {
		assert_int_equal(scan_all(&w, 0, 0, false, &again), YT_ECORRUPT);
		assert_int_equal(verify(&w, false, &report), YT_ECORRUPT);
		assert_string_equal(report.problem.why, w.why.why);
	}
	world_free(&w);
}

/* Any subset of the last commit's sectors may be missing: it is cut off, the rest is there, its
 * remains are gone, and the next commit takes its place. */
static void test_torn_tail(void **state)
{
	static struct heard h;

	for (uint64_t seed = 0; seed < 64; seed++) {
		struct verify_report report;
		struct world w;
		log_pos pos, end;
		uint8_t *p;
		size_t n;

		world_new(&w, seed, false);
		assert_int_equal(reopen(&w, 0, &h), 0);
		for (int i = 0; i < 3; i++)
			assert_int_equal(commit_one(&w, 700, &pos), 0);
		end = log_end(w.log);
		p = faulty_bytes(w.disk, 0, SEG1, &n);
		/* The first lost sector begins inside the last commit, else the one before were torn too. */
		n = ((size_t)(uint32_t)pos + 511) / 512 * 512;
		for (size_t s = n; s < (uint32_t)end; s += 512)
			if (s == n || faulty_random(w.disk, 2) == 0)
				memset(p + s, 0, 512);
		assert_int_equal(verify(&w, false, &report), 0);
		assert_true(report.torn);
		assert_int_equal(reopen(&w, 0, &h), 0);
		assert_heard(&h, 1, 2);
		assert_true(log_end(w.log) == pos);
		for (size_t i = (uint32_t)pos; i < (uint32_t)end; i++)
			assert_int_equal(p[i], 0);
		assert_int_equal(verify(&w, false, &report), 0);
		assert_false(report.torn);
		assert_int_equal(commit_one(&w, 10, &pos), 0);
		world_free(&w);
	}
}

/* A whole commit with the right numbers that was not written to this very segment (stale, or inside a
 * message) is not believed, and no reason to refuse the journal. */
static void test_foreign_commit(void **state)
{
	static struct heard h;
	struct world w, twin;
	log_pos pos;
	uint8_t *ours, *theirs;
	size_t n;

	world_new(&w, 1, false);
	world_new(&twin, 2, false);
	assert_int_equal(reopen(&w, 0, &h), 0);
	assert_int_equal(reopen(&twin, 0, &h), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(commit_one(&twin, 100, &pos), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(commit_one(&w, 100, &pos), 0);
	ours = faulty_bytes(w.disk, 0, SEG1, &n);
	theirs = faulty_bytes(twin.disk, 0, SEG1, &n);
	n = (uint32_t)log_end(w.log);
	memcpy(ours + n, theirs + n, (uint32_t)log_end(twin.log) - n);
	assert_int_equal(reopen(&w, 0, &h), 0);
	assert_heard(&h, 1, 2);
	world_free(&w);
	world_free(&twin);
}

/* What log_open() replays must be on disk, not only in the page cache: the keeper acts on it. */
static void test_tail_is_rewritten(void **state)
{
	static struct heard h, after;
	uint64_t n_kept = 0;

	for (uint64_t seed = 0; seed < 40; seed++) {
		struct world w;
		log_pos pos;

		world_new(&w, seed, false);
		assert_int_equal(reopen(&w, 0, &h), 0);
		assert_int_equal(commit_one(&w, 3000, &pos), 0);
		faulty_arm(w.disk, 2, FAULTY_ERROR, EIO); /* the sync: pages dropped, called clean */
		assert_int_equal(commit_one(&w, 3000, &pos), YT_EIO);
		log_close(w.log);
		w.log = NULL;
		faulty_end(w.disk, FAULTY_EXIT);
		assert_int_equal(reopen(&w, 0, &h), 0);
		log_close(w.log);
		w.log = NULL;
		faulty_end(w.disk, FAULTY_POWER);
		assert_int_equal(reopen(&w, 0, &after), 0);
		assert_int_equal(after.n, h.n);
		n_kept += h.n == 2;
		world_free(&w);
	}
	assert_int_equal(n_kept, 40);
}

/* Old segments are dropped and used again; their stale bytes are never believed. */
static void test_retire(void **state)
{
	static struct heard h;
	struct verify_report report;
	struct world w;
	uint64_t first = 1;
	log_pos pos, keep;
	size_t n;

	world_new(&w, 8, false);
	w.conf.reserve_segments = 2;
	assert_int_equal(reopen(&w, 0, &h), 0);
	for (int round = 0; round < 12; round++) {
		do
			assert_int_equal(commit_one(&w, 40000 + (size_t)faulty_random(w.disk, 9) * 1000, &pos), 0);
		while ((uint32_t)(pos >> 32) < (uint32_t)round + 3);
		assert_int_equal(scan_all(&w, 0, 0, true, &h), 0);
		assert_heard(&h, first, w.next_id - 1);
		keep = pos - (1ULL << 32);
		assert_int_equal(log_retire(w.log, keep), 0);
		for (size_t i = 0; i < h.n && h.at[i].pos >> 32 < keep >> 32; i++) {
			first = h.at[i].id + 1;
			assert_int_equal(log_read(&w.io, &w.conf, h.at[i].pos, on_record, &h), YT_ENOTFOUND);
		}
		if (round % 3 == 0)
			assert_int_equal(log_prepare(w.log), 0);
		if (round % 4 == 0)
			assert_int_equal(reopen(&w, 0, &h), 0);
		assert_int_equal(scan_all(&w, 0, 0, true, &h), 0);
		assert_heard(&h, first, w.next_id - 1);
		assert_int_equal(verify(&w, false, &report), 0);
	}
	assert_int_equal(scan_all(&w, segment_pos(1, SEGMENT_HEAD), 0, true, &h), YT_ENOTFOUND);
	assert_null(faulty_bytes(w.disk, 0, SEG1, &n));
	world_free(&w);
}

/* Power is cut at any call of a retirement of several segments: their numbers keep no gap. */
static void test_retire_cut(void **state)
{
	static struct heard h;

	for (uint64_t seed = 0; seed < 80; seed++) {
		struct world w;
		log_pos pos;

		world_new(&w, seed, false);
		assert_int_equal(reopen(&w, 0, &h), 0);
		do
			assert_int_equal(commit_one(&w, 250000, &pos), 0);
		while (pos >> 32 < 5);
		assert_int_equal(log_prepare(w.log), 0);
		faulty_arm(w.disk, 1 + seed / 4, FAULTY_KILL, 0);
		(void)log_retire(w.log, pos);
		log_close(w.log);
		w.log = NULL;
		faulty_end(w.disk, FAULTY_POWER);
		assert_int_equal(reopen(&w, 0, &h), 0);
		assert_int_equal(h.at[h.n - 1].id, w.next_id - 1);
		world_free(&w);
	}
}

/* A reader beside the writer: whenever the writer goes on between any two of its reads, it sees whole
 * commits in order, and no error. */
struct beside {
	struct world *w;
	uint64_t at, n;
	bool retire;
};

static void on_call(void *arg)
{
	struct beside *b = arg;
	log_pos pos = 0;

	if (b->n++ != b->at)
		return;
	for (int i = 0; i < 4; i++)
		assert_int_equal(commit_one(b->w, 150000, &pos), 0); /* rolls */
	if (b->retire) {
		assert_int_equal(log_retire(b->w->log, pos), 0);
		for (int i = 0; i < 8; i++)
			assert_int_equal(commit_one(b->w, 150000, &pos), 0);
	}
}

static void test_reads_beside_writer(void **state)
{
	static struct heard h;

	static const int before[] = { 2, 5, 5 }; /* commits; the next ones roll or do not */

	for (int mode = 0; mode < 3; mode++) {
		bool more = true, retire = mode == 2;

		for (uint64_t at = 0; more; at++) {
			struct world w;
			struct beside b = { .w = &w, .at = at, .retire = retire };
			log_pos pos;

			world_new(&w, at, false);
			w.conf.reserve_segments = 3;
			assert_int_equal(reopen(&w, 0, &h), 0);
			for (int i = 0; i < before[mode]; i++)
				assert_int_equal(commit_one(&w, 150000, &pos), 0);
			faulty_hook(w.disk, on_call, &b);
			assert_int_equal(scan_all(&w, 0, 0, true, &h), 0);
			faulty_hook(w.disk, NULL, NULL);
			more = b.n > at;
			if (!retire)
				assert_true(h.n >= (size_t)before[mode]);
			for (size_t i = 1; i < h.n; i++)
				assert_true(retire ? h.at[i].id > h.at[i - 1].id : h.at[i].id == h.at[i - 1].id + 1);
			world_free(&w);
		}
	}
}

/* The commit being written: any beginning of its bytes is there.  The reader stops before it. */
static void test_reads_half_written(void **state)
{
	static struct heard h;
	struct world w;
	log_pos pos, end;
	uint8_t *p, whole[4096];
	size_t n;

	world_new(&w, 9, false);
	assert_int_equal(reopen(&w, 0, &h), 0);
	assert_int_equal(commit_one(&w, 10, &pos), 0);
	assert_int_equal(commit_one(&w, 200, &pos), 0);
	end = log_end(w.log);
	p = faulty_bytes(w.disk, 0, SEG1, &n) + (uint32_t)pos;
	memcpy(whole, p, (size_t)(end - pos));
	for (size_t i = 0; i < end - pos; i++) {
		memset(p, 0, (size_t)(end - pos));
		memcpy(p, whole, i);
		assert_int_equal(scan_all(&w, 0, 0, true, &h), 0);
		/* The bytes that lack may be the zeros that fill it up to a multiple of 8. */
		assert_true(h.n == 1 || (h.n == 2 && end - pos - i < 8));
	}
	world_free(&w);
}

static void test_erased_bodies(void **state)
{
	static struct heard h;
	struct verify_report report;
	struct world w;
	log_pos first, second;
	size_t n;

	world_new(&w, 10, true);
	assert_int_equal(reopen(&w, 0, &h), 0);
	assert_int_equal(commit_one(&w, 500, &first), 0);
	assert_int_equal(seal_destroy(w.seal, SEAL_BODY, 20260921), YT_ESTATE); /* today's */
	now_ms += 24 * 3600 * 1000LL;
	assert_int_equal(commit_one(&w, 500, &second), 0);
	assert_non_null(faulty_bytes(w.disk, 1, "20260921-body.key", &n));
	assert_int_equal(scan_all(&w, 0, 0, true, &h), 0);
	assert_heard(&h, 1, 2);
	assert_false(h.erased);
	assert_int_equal(seal_destroy(w.seal, SEAL_BODY, 20260921), 0);
	assert_null(faulty_bytes(w.disk, 1, "20260921-body.key", &n));
	assert_int_equal(seal_destroy(w.seal, SEAL_BODY, 20260921), YT_ENOTFOUND);
	h = (struct heard){ .bodies = false };
	assert_int_equal(log_read(&w.io, &w.conf, first, on_record, &h), 0);
	assert_true(h.erased);
	h = (struct heard){ .bodies = true };
	assert_int_equal(log_read(&w.io, &w.conf, second, on_record, &h), 0);
	assert_false(h.erased);
	assert_int_equal(verify(&w, false, &report), 0);
	/* The clock stands on the destroyed day again: a new key, and the old bodies stay erased. */
	now_ms = NOON;
	world_keys(&w);
	assert_int_equal(reopen(&w, 0, &h), 0);
	assert_int_equal(commit_one(&w, 500, &second), 0);
	h = (struct heard){ .bodies = false };
	assert_int_equal(log_read(&w.io, &w.conf, first, on_record, &h), 0);
	assert_true(h.erased);
	w.conf.keys = NULL;
	assert_int_equal(scan_all(&w, 0, 0, true, &h), YT_ECONF);
	assert_int_equal(scan_all(&w, 0, 0, false, &h), 0);
	world_free(&w);
}

/* A destroyed key is off the disk when seal_destroy() returns, and its day reads as erased after any power cut. */
static void test_destroyed_for_good(void **state)
{
	static struct heard h;

	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world w;
		uint8_t key[64], *p;
		log_pos first;
		size_t n;

		world_new(&w, 500 + seed, true);
		assert_int_equal(reopen(&w, 0, &h), 0);
		assert_int_equal(commit_one(&w, 500, &first), 0);
		now_ms += 24 * 3600 * 1000LL;
		p = faulty_bytes(w.disk, 1, "20260921-body.key", &n);
		assert_true(p != NULL && n >= sizeof(key));
		memcpy(key, p + n - sizeof(key), sizeof(key));
		assert_true(faulty_on_disk(w.disk, key, sizeof(key)));
		assert_int_equal(seal_destroy(w.seal, SEAL_BODY, 20260921), 0);
		assert_false(faulty_on_disk(w.disk, key, sizeof(key)));
		faulty_end(w.disk, FAULTY_POWER);
		world_keys(&w);
		assert_int_equal(reopen(&w, 0, &h), 0);
		h = (struct heard){ .bodies = false };
		assert_int_equal(log_read(&w.io, &w.conf, first, on_record, &h), 0);
		assert_true(h.erased);
		world_free(&w);
	}
}

/* What was sealed can be opened after any power cut: its key was on the disk, with its name, before. */
static void test_keys_outlive(void **state)
{
	static struct heard h;

	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world w;
		log_pos pos;

		world_new(&w, 1100 + seed, true);
		assert_int_equal(reopen(&w, 0, &h), 0);
		assert_int_equal(commit_one(&w, 500, &pos), 0);
		faulty_end(w.disk, FAULTY_POWER);
		world_keys(&w);
		assert_int_equal(reopen(&w, 0, &h), 0);
		h = (struct heard){ .bodies = true };
		assert_int_equal(log_read(&w.io, &w.conf, pos, on_record, &h), 0);
		assert_heard(&h, 1, 1);
		assert_false(h.erased);
		world_free(&w);
	}
}

/* The process ends when it has made a segment but not synced its name; the next one writes into that segment. */
static void test_name_of_former_process(void **state)
{
	static struct heard h;

	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world w;
		log_pos pos;

		world_new(&w, 600 + seed, false);
		faulty_arm(w.disk, 3, FAULTY_KILL, 0); /* at open, the first segment's, the reserve's */
		faulty_only(w.disk, "sync_dir");
		assert_int_not_equal(reopen(&w, 0, &h), 0);
		assert_true(faulty_is_dead(w.disk));
		faulty_end(w.disk, FAULTY_EXIT);
		assert_int_equal(reopen(&w, 0, &h), 0);
		while (log_end(w.log) >> 32 < 2)
			assert_int_equal(commit_one(&w, 100000, &pos), 0);
		assert_int_equal(commit_one(&w, 100, &pos), 0);
		faulty_end(w.disk, FAULTY_POWER);
		assert_int_equal(reopen(&w, 0, &h), 0);
		assert_heard(&h, 1, w.next_id - 1);
		world_free(&w);
	}
}

/* A reserve of another size is taken away; wherever that is cut short, no gap is left in the numbers. */
static void test_misfits_leave_no_gap(void **state)
{
	static struct heard h;

	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct world w;
		log_pos pos;

		world_new(&w, 700 + seed, false);
		w.conf.reserve_segments = 5;
		assert_int_equal(reopen(&w, 0, &h), 0);
		assert_int_equal(commit_one(&w, 100, &pos), 0);
		w.conf.segment_bytes = 2 << 20;
		faulty_arm(w.disk, 2 + seed % 4, FAULTY_KILL, 0);
		faulty_only(w.disk, "unlink");
		assert_int_not_equal(reopen(&w, 0, &h), 0);
		assert_true(faulty_is_dead(w.disk));
		faulty_end(w.disk, FAULTY_POWER);
		assert_int_equal(reopen(&w, 0, &h), 0);
		assert_heard(&h, 1, 1);
		world_free(&w);
	}
}

/* Retired segments that nobody needs again are removed, the oldest first: no later one is gone before an earlier. */
static void test_retired_leave_no_gap(void **state)
{
	static struct heard h;

	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world w;
		log_pos pos = 0;

		world_new(&w, 1000 + seed, false);
		assert_int_equal(reopen(&w, 0, &h), 0);
		while (pos >> 32 < 6) {
			assert_int_equal(commit_one(&w, 400000, &pos), 0);
			assert_int_equal(log_prepare(w.log), 0);
		}
		assert_int_equal(log_retire(w.log, log_end(w.log)), 0);
		faulty_end(w.disk, FAULTY_POWER);
		assert_int_equal(reopen(&w, 0, &h), 0);
		assert_heard(&h, w.next_id - 1, w.next_id - 1);
		world_free(&w);
	}
}

/* The machine ends between a retired segment's new header and its new name: the old name is not over the new header. */
static void test_reused_loses_its_name_first(void **state)
{
	static struct heard h;

	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world w;
		uint64_t first;
		log_pos pos;

		world_new(&w, 1200 + seed, false);
		assert_int_equal(reopen(&w, 0, &h), 0);
		while (log_end(w.log) >> 32 < 2)
			assert_int_equal(commit_one(&w, 100000, &pos), 0);
		first = w.next_id - 1;
		faulty_arm(w.disk, 2, FAULTY_KILL, 0);
		faulty_only(w.disk, "rename");
		assert_int_not_equal(log_retire(w.log, log_end(w.log)), 0);
		assert_true(faulty_is_dead(w.disk));
		faulty_end(w.disk, FAULTY_POWER);
		assert_int_equal(reopen(&w, 0, &h), 0);
		assert_heard(&h, first, first);
		world_free(&w);
	}
}

/* A retired segment stands in the reserve under its new name: with its new header, or not at all. */
static void test_reused_has_its_header(void **state)
{
	static struct heard h;

	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world w;
		uint64_t first;
		log_pos pos;

		world_new(&w, 800 + seed, false);
		assert_int_equal(reopen(&w, 0, &h), 0);
		while (log_end(w.log) >> 32 < 2)
			assert_int_equal(commit_one(&w, 100000, &pos), 0);
		first = w.next_id - 1;
		assert_int_equal(log_retire(w.log, log_end(w.log)), 0);
		faulty_end(w.disk, FAULTY_POWER);
		assert_int_equal(reopen(&w, 0, &h), 0);
		assert_heard(&h, first, first);
		world_free(&w);
	}
}

/* Every statement that anchor_note() acknowledged is in anchors.txt after a power cut, and all are read. */
static void test_noted_for_good(void **state)
{
	static struct heard h;

	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct verify_report report;
		struct world w;
		log_pos pos;

		world_new(&w, 900 + seed, false);
		assert_int_equal(reopen(&w, 0, &h), 0);
		for (unsigned i = 0; i < 3 + seed % 4; i++) {
			assert_int_equal(commit_one(&w, 100, &pos), 0);
			assert_int_equal(anchor(&w), 0);
		}
		faulty_end(w.disk, FAULTY_POWER);
		assert_int_equal(reopen(&w, 0, &h), 0);
		assert_int_equal(verify(&w, true, &report), 0);
		assert_int_equal(report.n_statements, 3 + seed % 4);
		world_free(&w);
	}
}

/* No octet of a body is found in the files of a sealed journal. */
static void test_sealed(void **state)
{
	static const char secret[] = "psn_name: invented";
	static struct heard h;

	for (int sealed = 0; sealed < 2; sealed++) {
		struct yt_buf buf = { 0 };
		struct world w;
		size_t begun, n;
		log_pos pos;
		void *p;

		world_new(&w, 11, sealed);
		assert_int_equal(reopen(&w, 0, &h), 0);
		begun = rec_begin(&buf, REC_READ, 0, 1, NOON);
		rec_str(&buf, REC_T_REPLY, YT_STR(secret));
		rec_end(&buf, begun);
		assert_int_equal(log_commit(w.log, yt_buf_view(&buf), &pos), 0);
		p = faulty_bytes(w.disk, 0, SEG1, &n);
		assert_int_equal(memmem(p, n, secret, sizeof(secret) - 1) == NULL, sealed);
		yt_buf_free(&buf);
		world_free(&w);
	}
}

static void anchored_log(struct world *w, bool sealed)
{
	static struct heard h;
	log_pos pos;

	world_new(w, 12, sealed);
	assert_int_equal(reopen(w, 0, &h), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(commit_one(w, 100 + 50 * (size_t)i, &pos), 0);
		now_ms += 60000;
		assert_int_equal(anchor(w), 0);
	}
}

/* P11: every byte of what is anchored, changed in turn, shows. */
static void test_every_byte(void **state)
{
	struct verify_report report;
	struct world w;
	uint32_t end;
	uint8_t *p;
	size_t n;

	anchored_log(&w, true);
	end = (uint32_t)log_end(w.log);
	log_close(w.log);
	w.log = NULL;
	assert_int_equal(w.io.unlink(w.io.ctx, SEG2), 0); /* the empty reserve: only to be quick */
	assert_int_equal(verify(&w, true, &report), 0);
	assert_int_equal(report.n_anchors, 3);
	assert_int_equal(report.n_statements, 3);
	assert_int_equal(report.anchored_commit, 5);
	assert_int_equal(report.n_after_anchor, 1);
	p = faulty_bytes(w.disk, 0, SEG1, &n);
	for (size_t i = 0; i < end; i++) {
		p[i] ^= 1;
		assert_true(verify(&w, true, &report) == YT_ECORRUPT || report.torn);
		/* What lies behind the last anchor shows as torn, all else as damage. */
		assert_true(!report.torn || report.last_commit == 5);
		p[i] ^= 1;
	}
	for (size_t i = end; i < end + 600; i++) {
		p[i] ^= 1;
		assert_int_equal(verify(&w, true, &report), 0);
		assert_true(report.torn);
		p[i] ^= 1;
	}
	p = faulty_bytes(w.disk, 0, ANCHOR_FILE, &n);
	for (size_t i = 0; i < n; i++) {
		p[i] ^= 1;
		assert_true(verify(&w, true, &report) == YT_ECORRUPT || report.n_statements < 3);
		p[i] ^= 1;
	}
	assert_int_equal(verify(&w, true, &report), 0);
	world_free(&w);
}

/* A tail that was cut off shows by the copy of anchors.txt, and only by it. */
static void test_cut_tail(void **state)
{
	static struct heard h;
	struct verify_report report;
	struct world w;
	uint8_t *p;
	size_t n;

	anchored_log(&w, false);
	assert_int_equal(scan_all(&w, 0, 0, false, &h), 0);
	log_close(w.log);
	w.log = NULL;
	p = faulty_bytes(w.disk, 0, SEG1, &n);
	memset(p + (uint32_t)h.at[2].pos, 0, n - (uint32_t)h.at[2].pos);
	assert_int_equal(verify(&w, false, &report), 0);
	assert_int_equal(verify(&w, true, &report), YT_ECORRUPT);
	assert_string_equal(
	        report.problem.why, "the log ends with commit 4, but line 3 of the statements proves commit 5");
	world_free(&w);
}

/* A journal written anew by someone without the signing key, with a correct chain, shows. */
static void test_forged(void **state)
{
	struct verify_report report;
	struct world w, forged;
	struct yt_buf record = { 0 };
	struct heard *h = calloc(1, sizeof(*h));
	struct anchor a = { .wall_ms = NOON, .commit_no = 1 };
	struct verify_conf conf = { .public_key = yt_buf_view(&public_key) };
	size_t begun;
	log_pos pos;

	anchored_log(&w, false);
	world_new(&forged, 13, false);
	assert_int_equal(reopen(&forged, 0, h), 0);
	for (int i = 0; i < 6; i++)
		assert_int_equal(commit_one(&forged, 10, &pos), 0);
	assert_int_equal(verify(&forged, false, &report), 0); /* no anchors: nothing is proved */
	assert_int_equal(report.anchored_commit, 0);
	conf.statements.p = (char *)faulty_bytes(w.disk, 0, ANCHOR_FILE, &conf.statements.n);
	assert_int_equal(journal_verify(&forged.io, &conf, &report), YT_ECORRUPT);
	assert_int_equal(report.problem.commit_no, 1);
	/* An anchor of the forger's own. */
	begun = rec_begin(&record, REC_ANCHOR, 0, 0, NOON);
	rec_u64(&record, REC_T_COMMIT, a.commit_no);
	rec_bytes(&record, REC_T_HEAD, a.head, sizeof(a.head));
	rec_str(&record, REC_T_SIGNATURE, YT_STR("not a signature"));
	rec_end(&record, begun);
	assert_int_equal(log_commit(forged.log, yt_buf_view(&record), &pos), 0);
	assert_int_equal(verify(&forged, false, &report), YT_ECORRUPT);
	assert_string_equal(report.problem.why, "holds an anchor that is not signed by this key");
	conf = (struct verify_conf){ .public_key = YT_STR("no key") };
	assert_int_equal(journal_verify(&forged.io, &conf, &report), YT_ECONF);
	yt_buf_free(&record);
	free(h);
	world_free(&forged);
	world_free(&w);
}

/* An anchors.txt whose last line a crash tore goes on well. */
static void test_torn_note(void **state)
{
	static const char *const tails[] = { "20260921", "20260921 12 1:2 3\n", "\n\n", "x y z\n" };

	for (size_t i = 0; i < 4; i++) {
		struct verify_report report;
		struct world w;
		int64_t size;
		int fd;

		anchored_log(&w, false);
		fd = w.io.open(w.io.ctx, ANCHOR_FILE, O_RDWR, 0);
		size = w.io.size(w.io.ctx, fd);
		w.io.pwrite(w.io.ctx, fd, tails[i], strlen(tails[i]), size);
		assert_int_equal(verify(&w, true, &report), 0);
		assert_int_equal(report.n_statements, 3);
		assert_int_equal(anchor(&w), 0);
		assert_int_equal(verify(&w, true, &report), 0);
		assert_int_equal(report.n_statements, 4);
		world_free(&w);
	}
}

/* Random histories: commits, anchors, retirement; errors, ends and power cuts anywhere. */

struct history {
	struct world w;
	struct heard acked;                   /* what must be there, retired ones included */
	uint64_t pending_first, pending_last; /* ids of a commit whose end was not seen */
	uint32_t retired_before;              /* segment */
	uint64_t seed;
};

/* heard: acknowledged ones, less a beginning that was retired, then the whole pending commit or none. */
static void check_heard(struct history *x, const struct heard *h)
{
	size_t skipped = 0, n_acked = x->acked.n;

	while (skipped < n_acked && (h->n == 0 || x->acked.at[skipped].id != h->at[0].id)) {
		if (x->acked.at[skipped].pos >> 32 >= x->retired_before)
			fail_msg("seed %llu: acknowledged record %llu is lost", (unsigned long long)x->seed,
			        (unsigned long long)x->acked.at[skipped].id);
		skipped++;
	}
	for (size_t i = 0; i < h->n; i++) {
		if (skipped + i < n_acked) {
			assert_int_equal(h->at[i].id, x->acked.at[skipped + i].id);
			assert_true(h->at[i].pos == x->acked.at[skipped + i].pos);
			continue;
		}
		assert_int_equal(h->at[i].id, x->pending_first + (skipped + i - n_acked));
	}
	if (skipped + h->n < n_acked)
		fail_msg("seed %llu: the last %zu acknowledged records are lost", (unsigned long long)x->seed,
		        n_acked - skipped - h->n);
	if (skipped + h->n > n_acked)
		assert_int_equal(skipped + h->n - n_acked, x->pending_last - x->pending_first + 1);
}

/* Now that log_open() has shown them they count as acknowledged. */
static void believe(struct history *x, const struct heard *h)
{
	size_t n = x->acked.n, skipped = 0;

	while (skipped < n && h->n > 0 && x->acked.at[skipped].id != h->at[0].id)
		skipped++;
	for (size_t i = n - skipped; i < h->n; i++)
		x->acked.at[x->acked.n++] = h->at[i];
	x->pending_first = x->pending_last = 0;
}

static int commit_some(struct history *x)
{
	struct world *w = &x->w;
	struct yt_buf buf = { 0 };
	uint64_t n = 1 + faulty_random(w->disk, 4), first = w->next_id;
	log_pos pos;
	int rv;

	for (uint64_t i = 0; i < n; i++)
		add_record(&buf, w->next_id++,
		        faulty_random(w->disk, 8) == 0 ? faulty_random(w->disk, 60000) : faulty_random(w->disk, 800));
	rv = log_commit(w->log, yt_buf_view(&buf), &pos);
	if (rv == 0) {
		for (uint64_t i = 0; i < n; i++) {
			x->acked.at[x->acked.n].id = first + i;
			x->acked.at[x->acked.n++].pos = pos;
		}
	} else {
		x->pending_first = first;
		x->pending_last = first + n - 1;
	}
	yt_buf_free(&buf);
	return rv;
}

static int do_something(struct history *x)
{
	struct world *w = &x->w;
	log_pos before;

	switch (faulty_random(w->disk, 24)) {
	case 0:
		return log_prepare(w->log);
	case 1:
		now_ms += 3600 * 1000LL * (int64_t)faulty_random(w->disk, 30);
		return anchor(w);
	case 2:
		before = log_end(w->log) - (1ULL << 32);
		if (before >> 32 == 0 || before >> 63 != 0)
			return 0;
		if ((uint32_t)(before >> 32) > x->retired_before)
			x->retired_before = (uint32_t)(before >> 32);
		return log_retire(w->log, before);
	default:
		return commit_some(x);
	}
}

static void live(struct history *x, bool faults)
{
	struct world *w = &x->w;
	static struct heard h;
	int rv;

	if (w->seal != NULL)
		world_keys(w); /* a new process */
	if (faults && faulty_random(w->disk, 4) == 0)
		faulty_arm(w->disk, 1 + faulty_random(w->disk, 30), FAULTY_ERROR,
		        faulty_random(w->disk, 2) == 0 ? EIO : ENOSPC);
	else if (faults)
		faulty_arm(
		        w->disk, 1 + faulty_random(w->disk, faulty_random(w->disk, 2) == 0 ? 20 : 120), FAULTY_KILL, 0);
	rv = reopen(w, 0, &h);
	if (!faults && rv != 0)
		fail_msg("seed %llu: does not open: %s at %llu: %s", (unsigned long long)x->seed, w->why.file,
		        (unsigned long long)w->why.offset, w->why.why);
	if (rv == 0) {
		check_heard(x, &h);
		believe(x, &h);
		for (int i = 0; rv == 0 && i < 60; i++)
			rv = do_something(x);
	}
	log_close(w->log);
	w->log = NULL;
	faulty_end(w->disk, faulty_random(w->disk, 3) == 0 ? FAULTY_EXIT : FAULTY_POWER);
}

static void check_history(struct history *x)
{
	static struct heard h;
	struct verify_report report;
	struct world *w = &x->w;
	int rv;

	if (w->seal != NULL)
		world_keys(w);
	rv = reopen(w, 0, &h);
	if (rv != 0)
		fail_msg("seed %llu: does not open: %s at %llu: %s", (unsigned long long)x->seed, w->why.file,
		        (unsigned long long)w->why.offset, w->why.why);
	check_heard(x, &h);
	believe(x, &h);
	rv = scan_all(w, 0, 0, true, &h);
	if (rv != 0 || h.erased)
		fail_msg("seed %llu: bodies are lost: %s", (unsigned long long)x->seed, w->why.why);
	check_heard(x, &h);
	rv = verify(w, true, &report);
	if (rv != 0 || report.torn)
		fail_msg("seed %llu: does not verify: %s at %llu: %s", (unsigned long long)x->seed, report.problem.file,
		        (unsigned long long)report.problem.offset, report.problem.why);
	log_close(w->log);
	w->log = NULL;
	faulty_end(w->disk, FAULTY_POWER);
}

static void test_random_histories(void **state)
{
	const char *wanted = getenv("YT_SEEDS"), *one = getenv("YT_SEED");
	uint64_t n = wanted != NULL ? strtoull(wanted, NULL, 10) : 150, n_acked = 0, n_pending = 0;
	struct history *x = malloc(sizeof(*x));

	for (uint64_t seed = one != NULL ? strtoull(one, NULL, 10) : 1; seed <= n; seed++) {
		memset(x, 0, sizeof(*x));
		x->seed = seed;
		world_new(&x->w, seed, seed % 3 == 0);
		for (int round = 0; round < 5; round++) {
			live(x, round < 4);
			n_pending += x->pending_first != 0;
			if (faulty_random(x->w.disk, 2) == 0)
				check_history(x);
		}
		check_history(x);
		n_acked += x->acked.n;
		world_free(&x->w);
		if (one != NULL)
			break;
	}
	print_message("%llu records acknowledged, %llu commits cut\n", (unsigned long long)n_acked,
	        (unsigned long long)n_pending);
	free(x);
}

/* A fixed life of commits and retirement, ended at each of its calls in turn by the end of the process or
 * of the machine; then a second life, then the machine's end. */
struct life {
	uint64_t last_id; /* acknowledged or replayed */
	log_pos kept;     /* nothing from here on was retired */
};

static void short_life(struct world *w, struct life *life)
{
	static struct heard h;
	log_pos pos;
	int rv;

	if (w->seal != NULL)
		world_keys(w);
	rv = reopen(w, 0, &h);
	if (rv == 0 && h.n > 0)
		life->last_id = h.at[h.n - 1].id;
	w->next_id = life->last_id + 1;
	for (int i = 0; rv == 0 && i < 16; i++) {
		rv = commit_one(w, 150000, &pos);
		if (rv == 0)
			life->last_id = w->next_id - 1;
		if (rv == 0 && i % 8 == 7) {
			life->kept = pos;
			rv = log_retire(w->log, pos);
		}
		if (rv == 0 && i % 8 == 3)
			rv = log_prepare(w->log);
	}
	log_close(w->log);
	w->log = NULL;
}

static void check_life(struct world *w, const struct life *life)
{
	static struct heard h;

	if (w->seal != NULL)
		world_keys(w);
	if (reopen(w, 0, &h) != 0)
		fail_msg("does not open: %s: %s", w->why.file, w->why.why);
	for (size_t i = 1; i < h.n; i++)
		assert_int_equal(h.at[i].id, h.at[i - 1].id + 1);
	assert_true(h.n > 0 || life->last_id == 0);
	assert_true(h.n == 0 || h.at[h.n - 1].id >= life->last_id);
	assert_true(h.n == 0 || h.at[0].id == 1 || h.at[0].pos >> 32 <= life->kept >> 32);
	assert_int_equal(scan_all(w, 0, 0, true, &h), 0);
	log_close(w->log);
	w->log = NULL;
}

static void every_end(bool sealed, enum faulty_end how, uint64_t seed)
{
	bool more = true;

	for (uint64_t n = 1; more; n++) {
		struct life life = { 0 };
		struct world w;

		world_new(&w, n + seed * 1000, sealed);
		w.conf.reserve_segments = 2;
		faulty_arm(w.disk, n, FAULTY_KILL, 0);
		short_life(&w, &life);
		more = faulty_is_dead(w.disk);
		faulty_end(w.disk, how);
		if (how == FAULTY_POWER)
			check_life(&w, &life);
		short_life(&w, &life);
		assert_true(life.last_id >= 16);
		faulty_end(w.disk, FAULTY_POWER);
		check_life(&w, &life);
		world_free(&w);
	}
}

static void test_every_end(void **state)
{
	every_end(false, FAULTY_EXIT, 0);
	every_end(true, FAULTY_POWER, 0);
	every_end(false, FAULTY_POWER, 1);
}

/* The same over real files. */
static void test_real_files(void **state)
{
	char folder[] = "/tmp/yitong-test-log-XXXXXX", path[128], command[160];
	static struct heard h;
	struct world w = { .next_id = 1, .conf = { .segment_bytes = 1 << 20, .reserve_segments = 1 } };
	struct verify_report report;
	struct log *second;
	struct yt_io again;
	struct stat st;
	log_pos pos;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/journal", folder);
	assert_int_equal(yt_io_folder(path, &w.io), 0);
	assert_int_equal(journal_verify(&w.io, &(struct verify_conf){ 0 }, &report), YT_ENOTFOUND);
	assert_int_not_equal(stat(path, &st), 0); /* looking does not make it */
	assert_int_equal(reopen(&w, 0, &h), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	for (int i = 0; i < 30; i++)
		assert_int_equal(commit_one(&w, 40000, &pos), 0);
	assert_int_equal(anchor(&w), 0);
	assert_int_equal(yt_io_folder(path, &again), 0);
	assert_int_equal(log_open(&second, &w.conf, &again, 0, NULL, NULL, &w.why), YT_EAGAIN);
	assert_int_equal(log_retire(w.log, pos), 0);
	assert_int_equal(reopen(&w, 0, &h), 0);
	assert_int_equal(h.at[h.n - 1].id, 30);
	assert_int_equal(
	        journal_verify(&again, &(struct verify_conf){ .public_key = yt_buf_view(&public_key) }, &report), 0);
	assert_int_equal(report.n_anchors, 1);
	assert_int_equal(report.last_commit, 31);
	log_close(w.log);
	yt_io_close(&w.io);
	yt_io_close(&again);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	assert_int_equal(system(command), 0);
}

static const struct conf_case {
	const char *it;
	uint64_t segment_bytes;
	uint32_t reserve;
} conf_cases[] = {
	{ "too small a segment", (1 << 20) - 4096, 1 },
	{ "too large a segment", (256ULL << 20) + 4096, 1 },
	{ "an odd segment", (1 << 20) + 1, 1 },
	{ "no reserve", 1 << 20, 0 },
	{ "too much reserve", 1 << 20, 65 },
};

static void test_conf(void **state)
{
	for (size_t i = 0; i < sizeof(conf_cases) / sizeof(conf_cases[0]); i++) {
		static struct heard h;
		struct world w;

		world_new(&w, 1, false);
		w.conf.segment_bytes = conf_cases[i].segment_bytes;
		w.conf.reserve_segments = conf_cases[i].reserve;
		assert_int_equal(reopen(&w, 0, &h), YT_ECONF);
		world_free(&w);
	}
}

/* Another segment size takes effect with the next new segment. */
static void test_other_size(void **state)
{
	static struct heard h;
	struct world w;
	log_pos pos;

	world_new(&w, 14, false);
	assert_int_equal(reopen(&w, 0, &h), 0);
	assert_int_equal(commit_one(&w, 100, &pos), 0);
	w.conf.segment_bytes = 2 << 20;
	assert_int_equal(reopen(&w, 0, &h), 0);
	assert_int_equal(commit_one(&w, 900000, &pos), 0);
	w.conf.segment_bytes = 1 << 20;
	assert_int_equal(reopen(&w, 0, &h), 0);
	assert_int_equal(commit_one(&w, 100000, &pos), 0);
	assert_int_equal(scan_all(&w, 0, 0, true, &h), 0);
	assert_heard(&h, 1, 3);
	world_free(&w);
}

static void write_file(const char *folder, const char *name, const void *p, size_t n)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0 && write(fd, p, n) == (ssize_t)n);
	close(fd);
}

static int make_keys(void **state)
{
	char folder[] = "/tmp/yitong-test-keys-XXXXXX", command[160], why[256];
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem;
	long n;

	assert_non_null(mkdtemp(folder));
	assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
	n = BIO_get_mem_data(bio, &pem);
	write_file(folder, "journal-anchor.key", pem, (size_t)n);
	write_file(folder, "master.key",
	        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f\n",
	        97);
	BIO_free(bio);
	EVP_PKEY_free(key);
	assert_int_equal(keys_open(&keys, folder, why, sizeof(why)), 0);
	assert_int_equal(keys_public_sm2(keys, YT_STR(KEYS_ANCHOR), &public_key), 0);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static int drop_keys(void **state)
{
	keys_close(keys);
	yt_buf_free(&public_key);
	return 0;
}

int main(void)
{
	enum { N_DAMAGE = sizeof(damage_cases) / sizeof(damage_cases[0]) };
	struct CMUnitTest damages[N_DAMAGE];
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_back),
		cmocka_unit_test(test_from_position),
		cmocka_unit_test(test_scan_from_segment_end),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_failed_commit),
		cmocka_unit_test(test_locked),
		cmocka_unit_test(test_torn_tail),
		cmocka_unit_test(test_tail_is_rewritten),
		cmocka_unit_test(test_retire),
		cmocka_unit_test(test_reads_beside_writer),
		cmocka_unit_test(test_reads_half_written),
		cmocka_unit_test(test_erased_bodies),
		cmocka_unit_test(test_destroyed_for_good),
		cmocka_unit_test(test_name_of_former_process),
		cmocka_unit_test(test_misfits_leave_no_gap),
		cmocka_unit_test(test_reused_has_its_header),
		cmocka_unit_test(test_keys_outlive),
		cmocka_unit_test(test_reused_loses_its_name_first),
		cmocka_unit_test(test_retired_leave_no_gap),
		cmocka_unit_test(test_noted_for_good),
		cmocka_unit_test(test_sealed),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_cut_tail),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_torn_note),
		cmocka_unit_test(test_conf),
		cmocka_unit_test(test_other_size),
		cmocka_unit_test(test_real_files),
		cmocka_unit_test(test_random_histories),
		cmocka_unit_test(test_every_end),
		cmocka_unit_test(test_foreign_commit),
		cmocka_unit_test(test_retire_cut),
	};

	for (size_t i = 0; i < N_DAMAGE; i++)
		damages[i] = (struct CMUnitTest){ .name = damage_cases[i].it,
			.test_func = test_damage,
			.initial_state = (void *)(uintptr_t)&damage_cases[i] };
	return cmocka_run_group_tests(tests, make_keys, drop_keys) +
	       cmocka_run_group_tests(damages, make_keys, drop_keys);
}
