/* tests/bench/bench_follow.c - writes a journal of claims that wait, and makes the index over it.
 *
 *   bench_follow JOURNAL INDEX N DUE_S
 * N follow-ups in the journal's folder, as a gateway without keys writes them; the first is due in DUE_S seconds (less
 * than 0: all of them were), the others within ten minutes after it.  Prints what both took:
 * {"write_ms":...,"index_ms":...}.  Called by tests/bench/follow. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "journal/index.h"

#define A_COMMIT 100 /* follow-ups in one */

static const char *text(char out[64], const char *fmt, unsigned long a, unsigned long b)
{
	snprintf(out, 64, fmt, a, b);
	return out;
}

static void add_accepted(struct yt_buf *buf, uint64_t id, unsigned long i, int64_t wall_ms)
{
	size_t at = rec_begin(buf, REC_ACCEPTED, 0, id, wall_ms);
	char request[1500], out[64];

	for (size_t k = 0; k < sizeof(request); k++)
		request[k] = (char)('a' + (k * 7919 + i) % 26);
	rec_str(buf, REC_T_INSTITUTION, yt_str(text(out, "H330213%05lu", i % 4000, 0)));
	rec_str(buf, REC_T_NUMBER, yt_str(text(out, "+/33020000000000%014lu", i, 0)));
	rec_str(buf, REC_T_SETTLEMENT, yt_str(out + 2));
	rec_str(buf, REC_T_WIRE_OP, YT_STR("2304"));
	rec_u8(buf, REC_T_OPERATION, YT_OP_INPATIENT_SETTLE);
	rec_str(buf, REC_T_VISIT, yt_str(text(out, "V3302%014lu", i, 0)));
	rec_str(buf, REC_T_ORIGINAL, yt_str(text(out, "H330213%05lu20261122%010lu", i % 4000, i)));
	rec_bytes(buf, REC_T_PERSON, out + 12, 16);
	rec_str(buf, REC_T_INSURED_AREA, YT_STR("330203"));
	rec_str(buf, REC_T_LISTENER, YT_STR("hospitals"));
	rec_str(buf, REC_T_TRACE, YT_STR("ABCDEFGH"));
	rec_u32(buf, REC_T_WORKER, 1);
	rec_i64(buf, REC_T_AMOUNT, (int64_t)i + 1);
	rec_str(buf, REC_T_FLOW, YT_STR("tianyi-claim"));
	rec_u32(buf, REC_T_FLAGS, REC_X_FOLLOW_UP);
	rec_str(buf, REC_T_REQUEST, (struct yt_str){ request, sizeof(request) });
	rec_end(buf, at);
}

static int write_all(struct log *log, unsigned long n, int64_t due_ms)
{
	int64_t now = yt_wall_ms();
	struct yt_buf buf = { 0 };
	log_pos pos;
	int rv = 0;

	for (unsigned long i = 0; rv == 0 && i < n; i++) {
		uint64_t id = 1ull << 32 | (2 * i + 2);
		size_t at;

		add_accepted(&buf, id, i, now - 3600000 + (int64_t)(i / 500));
		at = rec_begin(&buf, REC_DUE, 0, id, now);
		rec_i64(&buf, REC_T_DUE, now + due_ms + (due_ms < 0 ? 0 : (int64_t)(i * 7919 % 600000)));
		rec_str(&buf, REC_T_REASON, YT_STR("waits: bill is missing"));
		rec_end(&buf, at);
		if (i % A_COMMIT != A_COMMIT - 1 && i + 1 < n)
			continue;
		rv = buf.failed ? YT_ENOMEM : log_commit(log, yt_buf_view(&buf), &pos);
		yt_buf_clear(&buf);
	}
	yt_buf_free(&buf);
	return rv;
}

static int index_all(const char *path, const struct yt_io *io, const struct log_conf *conf)
{
	struct index *index;
	int rv = index_open(&index, path, true);

	if (rv != 0)
		return rv;
	rv = index_feed(index, io, conf, 0, NULL, NULL);
	index_close(index);
	return rv;
}

static int ignore(void *arg, const struct rec *rec, log_pos pos)
{
	(void)arg, (void)rec, (void)pos;
	return 0;
}

int main(int argc, char **argv)
{
	struct log_conf conf = { .segment_bytes = 16 << 20, .reserve_segments = 1 };
	struct log_problem why;
	int64_t begun = yt_mono_ms(), written;
	struct log *log;
	struct yt_io io;
	int rv;

	if (argc != 5) {
		fprintf(stderr, "usage: bench_follow JOURNAL INDEX N DUE_S\n");
		return 2;
	}
	mkdir(argv[1], 0700);
	rv = yt_io_folder(argv[1], &io);
	if (rv == 0)
		rv = log_open(&log, &conf, &io, 0, ignore, NULL, &why);
	if (rv == 0) {
		rv = write_all(log, strtoul(argv[3], NULL, 10), strtol(argv[4], NULL, 10) * 1000);
		log_close(log);
	}
	written = yt_mono_ms();
	if (rv == 0)
		rv = index_all(argv[2], &io, &conf);
	yt_io_close(&io);
	if (rv != 0) {
		fprintf(stderr, "bench_follow: %s\n", yt_strerror(rv));
		return 1;
	}
	printf("{\"write_ms\":%lld,\"index_ms\":%lld}\n", (long long)(written - begun),
	        (long long)(yt_mono_ms() - written));
	return 0;
}
