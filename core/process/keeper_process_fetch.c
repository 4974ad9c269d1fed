/* core/process/keeper_process_fetch.c - octets of an exchange for the machine, from the commit that has them.
 *
 * keeper.c (leases, carrying), keeper_facts.c -> keeper_world.fetch: kp_fetch()
 * A commit is unpacked as a whole.  Mostly it is small, but all orders of a list of payouts stand in one: each of
 * thousands of leases would unpack it once more.  So the large ones that were used last stay unpacked, up to a number
 * of bytes and while they are used; they are wiped when they go, and all of them when a day's bodies are erased. */
#include "process/keeper_process.h"

#include <stdlib.h>
#include <string.h>

#define LARGE 256              /* records of a commit that is kept */
#define KEPT_BYTES (32u << 20) /* of all that are */
#define KEPT_MS (60 * 1000)    /* since one was used */

/* By exchange, those of one in their order. */
static int by_exchange(const void *a, const void *b)
{
	const struct kp_record *x = a, *y = b;

	if (x->exchange != y->exchange)
		return x->exchange < y->exchange ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static void wipe(struct kp_unpacked *u)
{
	if (u->octets.n > 0)
		explicit_bzero(u->octets.p, u->octets.n);
	yt_buf_free(&u->octets);
	free(u->records);
	memset(u, 0, sizeof(*u));
}

static int add_record(void *arg, const struct rec *rec, log_pos pos)
{
	struct kp_unpacked *u = arg;

	(void)pos;
	if (u->n == u->cap) {
		size_t cap = u->cap == 0 ? 64 : 2 * u->cap;
		struct kp_record *records = realloc(u->records, cap * sizeof(*records));

		if (records == NULL)
			return YT_ENOMEM;
		u->records = records;
		u->cap = cap;
	}
	u->records[u->n++] = (struct kp_record){ rec->exchange, u->octets.n };
	yt_buf_str(&u->octets, rec->whole);
	return u->octets.failed ? YT_ENOMEM : 0;
}

static int unpack(struct keeper_process *p, log_pos pos, struct kp_unpacked *u)
{
	int rv = log_read(&p->io, &p->log_conf, pos, add_record, u);

	u->pos = pos;
	if (u->n > 0)
		qsort(u->records, u->n, sizeof(*u->records), by_exchange);
	return rv;
}

/* The last field of that tag counts.  YT_ENOTFOUND: the exchange has none there. */
static int answer(const struct kp_unpacked *u, uint64_t exchange, enum rec_tag tag, struct yt_buf *out)
{
	size_t from = 0, to = u->n;
	int rv = YT_ENOTFOUND;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (u->records[middle].exchange < exchange)
			from = middle + 1;
		else
			to = middle;
	}
	for (; from < u->n && u->records[from].exchange == exchange; from++) {
		size_t offset = u->records[from].offset, used;
		struct yt_str value;
		struct rec rec;

		YT_REQUIRE(rec_read((struct yt_str){ (const char *)u->octets.p + offset, u->octets.n - offset }, &rec,
		                   &used) == 0);
		value = rec_get(&rec, tag);
		if (value.n == 0)
			continue;
		yt_buf_clear(out);
		yt_buf_str(out, value);
		rv = 0;
	}
	return rv == 0 && out->failed ? YT_ENOMEM : rv;
}

/* The one that was used longest ago; those that are empty before all others. */
static struct kp_unpacked *oldest(struct keeper_process *p, bool empty_too)
{
	struct kp_unpacked *found = NULL;

	for (size_t i = 0; i < KP_UNPACKED; i++)
		if ((empty_too || p->unpacked[i].n > 0) &&
		        (found == NULL || p->unpacked[i].used_mono < found->used_mono))
			found = &p->unpacked[i];
	return found;
}

static void keep(struct keeper_process *p, struct kp_unpacked *u)
{
	size_t bytes = u->octets.n;
	struct kp_unpacked *old;

	if (u->n < LARGE || bytes > KEPT_BYTES) {
		wipe(u);
		return;
	}
	for (size_t i = 0; i < KP_UNPACKED; i++)
		bytes += p->unpacked[i].octets.n;
	while (bytes > KEPT_BYTES && (old = oldest(p, false)) != NULL) {
		bytes -= old->octets.n;
		wipe(old);
	}
	old = oldest(p, true);
	wipe(old);
	*old = *u;
}

void kp_fetch_forget(struct keeper_process *p)
{
	for (size_t i = 0; i < KP_UNPACKED; i++)
		wipe(&p->unpacked[i]);
}

int kp_fetch(void *ctx, log_pos pos, uint64_t exchange, enum rec_tag tag, struct yt_buf *out)
{
	struct keeper_process *p = ctx;
	struct kp_unpacked now = { .used_mono = yt_mono_ms() };
	int rv;

	for (size_t i = 0; i < KP_UNPACKED; i++) {
		struct kp_unpacked *u = &p->unpacked[i];

		if (u->n > 0 && now.used_mono - u->used_mono > KEPT_MS)
			wipe(u);
		if (u->n == 0 || u->pos != pos)
			continue;
		u->used_mono = now.used_mono;
		return answer(u, exchange, tag, out);
	}
	rv = unpack(p, pos, &now);
	if (rv == 0)
		rv = answer(&now, exchange, tag, out);
	keep(p, &now);
	return rv;
}
