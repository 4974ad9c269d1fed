/* core/journal/index_seen.c - tells of most message numbers that they are new, without a question to SQLite.
 *
 * Numbers that are admitted grow with time, and a read transaction costs more than all else that admission does.
 * So what was asked for lately is remembered (its hash), in two generations, and of each institution how high the
 * numbers were that have been forgotten, its floor:
 *
 *   in the index  =>  asked for since we were made, or among those taken in when we were made
 *   remembered    =>  perhaps in the index
 *   forgotten     =>  not above its institution's floor
 *
 * So what is above the floor and not remembered is new.  Institutions share floors by their hash: one that sends
 * numbers of next year slows down itself and a thousandth of the others, not all. */
#include "journal/index_parts.h"

#include <stdlib.h>
#include <string.h>

#define FLOORS 1024
#define GENERATION 8192 /* numbers */
#define SLOTS (2 * GENERATION)
#define TAKEN_IN 1000 /* the highest numbers of the index, so that a few of the far future do not lift all floors */

struct generation {
	size_t n;
	uint64_t hash[SLOTS]; /* 0: free */
	int64_t highest[FLOORS];
};

struct index_seen {
	int64_t floor[FLOORS];
	struct generation generation[2];
	unsigned young; /* which of them is being filled */
};

static uint64_t hash_of(uint64_t h, struct yt_str text)
{
	for (size_t i = 0; i < text.n; i++)
		h = (h ^ (uint8_t)text.p[i]) * 0x100000001b3u;
	h = (h ^ (h >> 32)) * 0x9e3779b97f4a7c15u;
	return h == 0 ? 1 : h;
}

static uint64_t *slot_of(struct generation *g, uint64_t hash)
{
	size_t i = hash >> 32;

	while (g->hash[i % SLOTS] != 0 && g->hash[i % SLOTS] != hash)
		i++;
	return &g->hash[i % SLOTS];
}

/* The older generation is forgotten, the younger becomes the older. */
static void grow_old(struct index_seen *seen)
{
	struct generation *old;

	seen->young ^= 1;
	old = &seen->generation[seen->young];
	for (size_t i = 0; i < FLOORS; i++)
		if (seen->floor[i] < old->highest[i])
			seen->floor[i] = old->highest[i];
	memset(old, 0, sizeof(*old));
}

bool index_seen_is_new(struct index_seen *seen, struct yt_str institution, struct yt_str number)
{
	uint64_t of_institution = hash_of(0xcbf29ce484222325u, institution), hash = hash_of(of_institution, number);
	size_t at = of_institution % FLOORS;
	int64_t key = index_key(number);
	struct generation *young = &seen->generation[seen->young];
	uint64_t *slot;

	if (key <= seen->floor[at] || *slot_of(&seen->generation[seen->young ^ 1], hash) != 0)
		return false;
	slot = slot_of(young, hash);
	if (*slot != 0)
		return false;
	*slot = hash;
	if (young->highest[at] < key)
		young->highest[at] = key;
	if (++young->n == GENERATION)
		grow_old(seen);
	return true;
}

struct taking_in {
	struct index_seen *seen;
	size_t n;
	int64_t floor;
};

static int take_in(void *arg, const struct exchange *x)
{
	struct taking_in *t = arg;

	if (t->n++ < TAKEN_IN)
		(void)index_seen_is_new(t->seen, yt_str(x->institution), yt_str(x->number));
	else
		t->floor = index_key(yt_str(x->number));
	return 0;
}

int index_expect_new(struct index *index)
{
	struct taking_in t = { .seen = calloc(1, sizeof(*t.seen)) };
	int rv;

	if (t.seen == NULL)
		return YT_ENOMEM;
	rv = index_highest_numbers(index, TAKEN_IN + 1, take_in, &t);
	if (rv != 0) {
		free(t.seen);
		return rv;
	}
	for (size_t i = 0; i < FLOORS; i++)
		t.seen->floor[i] = t.floor;
	free(index->seen);
	index->seen = t.seen;
	return 0;
}
