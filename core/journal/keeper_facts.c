/* core/journal/keeper_facts.c - where the pieces of case facts stand, and their octets for a worker that asks.
 *
 * Workers leave pieces (REC_FACTS) with the end of a message; the log holds them encrypted.  The index knows where those
 * before its position stand, this memory where the others do; keeper.c asks keeper_on_facts(). */
#include "journal/keeper_parts.h"

#include <stdlib.h>
#include <string.h>

#define PIECES_MAX 512            /* of one case */
#define PIECES_BYTES_MAX (1u << 20) /* of all of them: what one ring message can hold beside others */

static const UT_icd place_icd = { sizeof(struct fact_place), NULL, NULL, NULL };

static void keep(struct keeper *k, struct yt_str key, const struct fact_place *place)
{
	struct case_facts *c;

	if (key.n == 0 || key.n >= sizeof(c->key))
		return;
	HASH_FIND(hh, k->facts, key.p, key.n, c);
	if (c == NULL) {
		c = calloc(1, sizeof(*c));
		YT_REQUIRE(c != NULL);
		memcpy(c->key, key.p, key.n);
		utarray_new(c->places, &place_icd);
		HASH_ADD_KEYPTR(hh, k->facts, c->key, key.n, c);
	}
	utarray_push_back(c->places, place);
}

void keeper_keep_facts(struct keeper *k, const struct rec *rec, log_pos pos)
{
	const struct fact_place place = { pos, rec->exchange };
	struct rec_field field;
	size_t at = 0;

	while (rec_next(rec, &at, &field))
		if (field.tag == REC_T_CASE)
			keep(k, field.value, &place);
}

void keeper_drop_facts(struct keeper *k, log_pos before)
{
	struct case_facts *c, *next;
	struct fact_place *p;
	unsigned n;

	HASH_ITER(hh, k->facts, c, next) {
		for (n = 0; (p = (struct fact_place *)utarray_eltptr(c->places, n)) != NULL && p->pos < before; n++)
			;
		if (n > 0)
			utarray_erase(c->places, 0, n);
		if (utarray_len(c->places) > 0)
			continue;
		HASH_DEL(k->facts, c);
		utarray_free(c->places);
		free(c);
	}
}

static int by_place(const void *a, const void *b)
{
	const struct fact_place *x = a, *y = b;

	if (x->pos != y->pos)
		return x->pos < y->pos ? -1 : 1;
	return x->exchange < y->exchange ? -1 : x->exchange > y->exchange;
}

/* All places of a case, the index's and our own. */
static void find(struct keeper *k, struct yt_str key, UT_array *places)
{
	struct fact_place known[PIECES_MAX];
	struct case_facts *c;
	size_t n = 0;

	if (k->world.facts != NULL)
		n = k->world.facts(k->world.ctx, key, known, PIECES_MAX);
	for (size_t i = 0; i < n; i++)
		utarray_push_back(places, &known[i]);
	HASH_FIND(hh, k->facts, key.p, key.n, c);
	if (c != NULL)
		utarray_concat(places, c->places);
}

/* Tells the pieces, oldest first, as many as fit: a case beyond that is not one patient's. */
static void tell(struct keeper *k, uint32_t worker, const struct talk *talk, UT_array *places)
{
	struct yt_buf payload = { 0 }, octets = { 0 };
	struct fact_place *p = NULL, *before = NULL;
	unsigned n = 0;

	while ((p = (struct fact_place *)utarray_next(places, p)) != NULL && n < PIECES_MAX) {
		size_t at;

		if (before != NULL && by_place(before, p) == 0)
			continue; /* kept under two keys */
		before = p;
		yt_buf_clear(&octets);
		if (k->world.fetch(k->world.ctx, p->pos, p->exchange, REC_T_FACTS, &octets) != 0)
			continue; /* erased, or its segment is gone: the encoding names what is missing */
		if (payload.n + octets.n > PIECES_BYTES_MAX)
			break;
		at = rec_begin(&payload, REC_FACTS, REC_NOWAIT, p->exchange, keeper_wall(k));
		rec_str(&payload, REC_T_FACTS, yt_buf_view(&octets));
		rec_end(&payload, at);
		n++;
	}
	YT_REQUIRE(!payload.failed);
	keeper_tell(k, worker, talk->seq, talk->exchange, DOWN_FACTS, yt_buf_view(&payload));
	yt_buf_free(&payload);
	yt_buf_free(&octets);
}

int keeper_on_facts(struct keeper *k, uint32_t worker, const struct talk *talk)
{
	struct rec_field field;
	UT_array *places;
	struct rec rec;
	size_t used, at = 0;

	if (keeper_check_records(talk) != 0 || rec_read(talk->payload, &rec, &used) != 0)
		return YT_ECORRUPT;
	utarray_new(places, &place_icd);
	while (rec_next(&rec, &at, &field))
		if (field.tag == REC_T_CASE)
			find(k, field.value, places);
	if (utarray_len(places) > 1)
		utarray_sort(places, by_place);
	tell(k, worker, talk, places);
	utarray_free(places);
	return 0;
}
