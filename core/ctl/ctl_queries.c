/* core/ctl/ctl_queries.c - queries (REC_READ) for `yitong messages` and `yitong show`, from the log itself.
 *
 * The index has no rows for them, only where those of each few minutes begin (index_query_buckets()), so they are
 * looked for from there on, the newest minutes first, and no further than CTL_QUERY_RECORDS records. */
#include "ctl/ctl.h"

#include <stdlib.h>

#define BUCKETS_MAX 4096 /* some twelve days */
#define LATER_MAX 10000  /* records later than asked for, before the rest is taken to be later too */

struct looking {
	log_each each;
	void *arg;
	int64_t from_ms, to_ms;
	uint64_t n_seen, n_later;
	bool is_over; /* each had enough, or too much was looked through */
	int rv;
};

static int on_record(void *arg, const struct rec *rec, log_pos pos)
{
	struct looking *l = arg;

	if (l->n_seen++ >= CTL_QUERY_RECORDS) {
		l->is_over = true;
		l->rv = YT_ELIMIT;
		return 1;
	}
	if (rec->wall_ms >= l->to_ms + INDEX_BUCKET_MS && ++l->n_later >= LATER_MAX)
		return 1; /* the log has gone past what is asked for */
	if (rec->type != REC_READ || rec->wall_ms < l->from_ms || rec->wall_ms >= l->to_ms)
		return 0;
	l->rv = l->each(l->arg, rec, pos);
	l->is_over = l->rv != 0;
	return l->rv;
}

/* By position, the newest first: a clock that stepped may have put buckets in another order. */
static int compare(const void *a, const void *b)
{
	log_pos left = ((const struct index_queries *)a)->position, right = ((const struct index_queries *)b)->position;

	return left < right ? 1 : left > right ? -1 : 0;
}

int ctl_each_query(struct index *index, const struct ctl_journal *journal, int64_t from_ms, int64_t to_ms,
        log_each each, int (*between)(void *arg), void *arg)
{
	struct looking l = { .each = each, .arg = arg, .from_ms = from_ms, .to_ms = to_ms };
	struct index_queries *buckets = calloc(BUCKETS_MAX, sizeof(*buckets));
	log_pos to = 0; /* the newest range goes on behind what the index has: it may not have come to all yet */
	int n, rv = 0;

	YT_REQUIRE(buckets != NULL);
	n = index_query_buckets(index, from_ms, to_ms, buckets, BUCKETS_MAX);
	if (n > 0)
		qsort(buckets, (size_t)n, sizeof(*buckets), compare);
	if (n == 0 && index_position(index) != 0) /* none yet, but perhaps behind the index */
		rv = log_scan(&journal->io, &journal->conf, index_position(index), 0, false, on_record, &l, NULL);
	for (int i = 0; rv >= 0 && !l.is_over && i < n; i++) {
		rv = log_scan(&journal->io, &journal->conf, buckets[i].position, to, false, on_record, &l, NULL);
		to = buckets[i].position;
		if (rv >= 0 && !l.is_over && between != NULL && between(arg) != 0)
			break;
	}
	free(buckets);
	if (l.is_over)
		return l.rv;
	return n < 0 ? n : rv == YT_ENOTFOUND || rv > 0 ? 0 : rv; /* not found: the rest is past its retention */
}
