/* core/process/keeper_process_upkeep.c - what the keeper's clock looks after: steps of the wall clock, and segments
 * whose retention is over, and how full limits.follow_ups is. */
#include <stdio.h>
#include <string.h>

#include "journal/verify.h"
#include "process/indexer.h"
#include "process/keeper_process.h"

#define CLOCK_STEP_MS 1000
#define RETENTION_EVERY_MS (3600 * 1000)
#define FOLLOW_UPS_MANY 80 /* percent of limits.follow_ups from which on it is said */

/* A step of the wall clock is written down: times in the journal are read by it. */
void kp_watch_clock(struct keeper_process *p)
{
	int64_t offset = yt_wall_ms() - yt_mono_ms(), step = offset - p->clock_offset;
	struct yt_buf buf = { 0 };
	size_t at;

	if (step > -CLOCK_STEP_MS && step < CLOCK_STEP_MS) {
		p->clock_offset = offset; /* slewing is no step */
		return;
	}
	yt_log(YT_WARN, "keeper", "the wall clock stepped by %lld ms", (long long)step);
	at = rec_begin(&buf, REC_CLOCK, 0, 0, yt_wall_ms());
	rec_i64(&buf, REC_T_FROM, yt_wall_ms() - step);
	rec_end(&buf, at);
	keeper_note(p->keeper, yt_buf_view(&buf));
	yt_buf_free(&buf);
	keeper_clock_stepped(p->keeper, step);
	p->clock_offset = offset;
}

/* The position before which all was written before wall_ms, as the signed heads tell (verify.h); 0: none. */
static log_pos position_before(const char *folder, int64_t wall_ms)
{
	char name[512], line[1024];
	unsigned segment, offset;
	log_pos found = 0;
	long long ms;
	FILE *f;

	snprintf(name, sizeof(name), "%s/%s", folder, ANCHOR_FILE);
	f = fopen(name, "r");
	if (f == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%*s %lld %u:%u", &ms, &segment, &offset) == 3 && ms < wall_ms)
			found = (log_pos)segment << 32 | offset;
	}
	fclose(f);
	return found;
}

/* What is past its retention: what is still open of it is carried over, then the segments are dropped. */
void kp_watch_retention(struct keeper_process *p)
{
	int64_t now = yt_mono_ms();
	bool idle = committer_is_idle(p->committer);
	uint64_t exchange = 0;
	log_pos before;
	int carried;

	if (p->retire_before != 0 && p->n_commits >= p->retire_after) {
		indexer_retire(p->indexer, p->retire_before, yt_wall_ms() - p->retention_ms - p->index_ms);
		p->retire_before = 0;
	}
	if (p->retire_before != 0 || now < p->retention_at || !p->started)
		return;
	p->retention_at = now + RETENTION_EVERY_MS;
	before = position_before(p->folder, yt_wall_ms() - p->retention_ms);
	if (before >> 32 <= 1 || before >> 32 <= p->retired >> 32)
		return; /* no whole segment lies between */
	carried = keeper_carry(p->keeper, before, p->drain_bytes, &exchange);
	if (carried < 0)
		yt_log(YT_ERROR, "keeper",
		        "octets of the open exchange %016llx cannot be read (%s): no segment is dropped; tried again in an hour",
		        (unsigned long long)exchange, yt_strerror(carried));
	if (carried == 0)
		p->retention_at = now; /* the rest with the next commits */
	if (carried != 1)
		return;
	p->retired = before;
	p->retire_before = before;
	p->retire_after = p->n_commits + (idle ? 1 : 2);
}

/* Told once when they are many, once when no more are taken, and anew after they were fewer. */
void kp_watch_follow_ups(struct keeper_process *p)
{
	unsigned full = keeper_follow_ups_full(p->keeper);

	if (full >= 100 && p->follow_ups_said < 100)
		yt_log(YT_ERROR, "keeper",
		        "as many follow-ups wait as limits.follow_ups allows: settlements that a claim or a payment "
		        "follows from are refused; see what waits with `yitong followups`, or raise the limit");
	else if (full >= FOLLOW_UPS_MANY && p->follow_ups_said < FOLLOW_UPS_MANY)
		yt_log(YT_WARN, "keeper",
		        "limits.follow_ups is %u %% full; at 100 settlements that a claim or a payment follows from are "
		        "refused: see what waits with `yitong followups`",
		        full);
	if (full > p->follow_ups_said || full + 10 < FOLLOW_UPS_MANY)
		p->follow_ups_said = full < FOLLOW_UPS_MANY ? 0 : full;
}
