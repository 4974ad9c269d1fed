/* core/journal/keeper_facts.c - where the pieces of case facts stand, and their octets for a worker that asks.
 *
 * Workers leave pieces (REC_FACTS) with the end of a message; the log holds them encrypted.  The index knows where
 * those before its position stand, this memory where the later ones do, and those that are not durable yet stand in
 * what is gathered: nobody waits for what a query leaves, and its origin's next message may be here before it is
 * committed. keeper.c asks keeper_on_facts().
 *
 * Of a case with too many the newest are told.  A list of payouts ("l/INSTITUTION/BATCH") needs all: its rows as they
 * were taken, which are the oldest piece, and of each row the newest word. */
#include "journal/keeper_parts.h"

#include <stdlib.h>
#include <string.h>

#define PIECES_MAX 512              /* of one case; a stay of 400 lines has a few dozen */
#define LIST_PIECES_MAX 60000       /* of one list: six words about each of 10,000 payouts (limits.list_rows) */
#define PIECES_BYTES_MAX (1u << 20) /* of all of them, with what a record adds to each */
#define IN_TAKEN (UINT64_MAX - 1)   /* positions of what is being committed, ... */
#define IN_PENDING UINT64_MAX       /* ... and of what is gathered after it */

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
	const struct fact_place place = { pos, rec->exchange, rec->wall_ms };
	struct rec_field field;
	size_t at = 0;

	while (rec_next(rec, &at, &field))
		if (field.tag == REC_T_CASE)
			keep(k, field.value, &place);
	keeper_keep_piece(k, pos, rec->exchange, rec_get(rec, REC_T_FACTS));
}

void keeper_drop_facts(struct keeper *k, log_pos before)
{
	struct case_facts *c, *next;
	struct fact_place *p;
	unsigned n;

	HASH_ITER(hh, k->facts, c, next)
	{
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

/* -- finding them ------------------------------------------------------------------------------- */

/* In the order in which they were left; those of one commit by their own time. */
static int by_place(const void *a, const void *b)
{
	const struct fact_place *x = a, *y = b;

	if (x->pos != y->pos)
		return x->pos < y->pos ? -1 : 1;
	if (x->wall_ms != y->wall_ms)
		return x->wall_ms < y->wall_ms ? -1 : 1;
	return x->exchange < y->exchange ? -1 : x->exchange > y->exchange;
}

static bool has_key(const struct rec *rec, struct yt_str key)
{
	struct rec_field field;
	size_t at = 0;

	while (rec_next(rec, &at, &field))
		if (field.tag == REC_T_CASE && yt_str_eq(field.value, key))
			return true;
	return false;
}

static void find_gathered(struct yt_str records, log_pos where, struct yt_str key, UT_array *places)
{
	struct fact_place place = { .pos = where };
	struct rec rec;
	size_t used;

	for (; rec_read(records, &rec, &used) == 0; records.p += used, records.n -= used) {
		if (rec.type != REC_FACTS || !has_key(&rec, key))
			continue;
		place.exchange = rec.exchange;
		place.wall_ms = rec.wall_ms;
		utarray_push_back(places, &place);
	}
}

static bool is_list(struct yt_str key)
{
	return key.n > 2 && memcmp(key.p, "l/", 2) == 0;
}

static int find_indexed(struct keeper *k, struct yt_str key, UT_array *places)
{
	size_t max = is_list(key) ? LIST_PIECES_MAX : PIECES_MAX, n = 0;
	struct fact_place *known = malloc(max * sizeof(*known)); /* touched as far as there are any */
	int rv;

	YT_REQUIRE(known != NULL);
	rv = k->world.facts(k->world.ctx, key, known, max, &n);
	for (size_t i = 0; rv == 0 && i < n; i++)
		utarray_push_back(places, &known[i]);
	free(known);
	return rv == 0 && n == LIST_PIECES_MAX ? YT_ELIMIT : rv; /* its rows are the oldest */
}

static int by_exchange(const void *a, const void *b)
{
	const struct fact_place *x = a, *y = b;

	return x->exchange != y->exchange ? (x->exchange < y->exchange ? -1 : 1) : by_place(a, b);
}

/* Each payout of a list is one exchange, and what was said of it last counts. */
static void leave_newest(UT_array *places)
{
	struct fact_place *all = (struct fact_place *)utarray_front(places);
	unsigned n = 0;

	if (utarray_len(places) > 1)
		utarray_sort(places, by_exchange);
	for (unsigned i = 0; i < utarray_len(places); i++) {
		n -= n > 0 && all[n - 1].exchange == all[i].exchange;
		all[n++] = all[i];
	}
	utarray_resize(places, n);
}

/* All places of a case: the index's, our own, and what is gathered. */
static int find_all(struct keeper *k, struct yt_str key, UT_array *places)
{
	struct case_facts *c;
	int rv = 0;

	if (k->world.facts != NULL)
		rv = find_indexed(k, key, places);
	HASH_FIND(hh, k->facts, key.p, key.n, c);
	if (c != NULL)
		utarray_concat(places, c->places);
	find_gathered(yt_buf_view(&k->taken), IN_TAKEN, key, places);
	find_gathered(yt_buf_view(&k->pending), IN_PENDING, key, places);
	return rv;
}

/* Those that may count. */
static int find(struct keeper *k, struct yt_str key, UT_array *places)
{
	UT_array *of_list;
	int rv;

	if (!is_list(key))
		return find_all(k, key, places);
	utarray_new(of_list, &place_icd);
	rv = find_all(k, key, of_list);
	leave_newest(of_list);
	utarray_concat(places, of_list);
	utarray_free(of_list);
	return rv;
}

/* Sorts them and takes out what is too old, and what is there twice: under two keys, or in memory and index. */
static void tidy(struct keeper *k, UT_array *places)
{
	struct fact_place *all = (struct fact_place *)utarray_front(places);
	int64_t since = k->conf.facts_ms == 0 ? INT64_MIN : keeper_wall(k) - k->conf.facts_ms;
	unsigned n = 0;

	if (utarray_len(places) > 1)
		utarray_sort(places, by_place);
	for (unsigned i = 0; i < utarray_len(places); i++)
		if (all[i].wall_ms >= since && (n == 0 || by_place(&all[n - 1], &all[i]) != 0))
			all[n++] = all[i];
	utarray_resize(places, n);
}

/* -- telling them ------------------------------------------------------------------------------- */

static int from_log(struct keeper *k, const struct fact_place *place, struct yt_buf *out)
{
	int rv = 0;

	if (!keeper_find_piece(k, place->pos, place->exchange, out)) {
		rv = k->world.fetch(k->world.ctx, place->pos, place->exchange, REC_T_FACTS, out);
		if (rv == 0)
			keeper_keep_piece(k, place->pos, place->exchange, yt_buf_view(out));
	}
	return rv;
}

/* YT_ENOTFOUND: they are erased, or their segment is gone. */
static int octets_of(struct keeper *k, const struct fact_place *place, struct yt_buf *out)
{
	struct yt_str records = yt_buf_view(place->pos == IN_TAKEN ? &k->taken : &k->pending);
	struct rec rec;
	size_t used;
	int rv = YT_ENOTFOUND;

	if (place->pos < IN_TAKEN)
		return from_log(k, place, out);
	for (; rec_read(records, &rec, &used) == 0; records.p += used, records.n -= used) {
		if (rec.type != REC_FACTS || rec.exchange != place->exchange)
			continue;
		yt_buf_clear(out); /* the last one of the commit counts, as it will in the log */
		yt_buf_str(out, rec_get(&rec, REC_T_FACTS));
		rv = 0;
	}
	return rv;
}

/* A piece without octets: there is one that cannot be read, so nothing may be composed without it. */
static void add_piece(struct keeper *k, struct yt_buf *payload, uint64_t exchange, struct yt_str octets)
{
	size_t at = rec_begin(payload, REC_FACTS, REC_NOWAIT, exchange, keeper_wall(k));

	rec_str(payload, REC_T_FACTS, octets);
	rec_end(payload, at);
}

/* Others are told things too. */
static size_t bytes_most(const struct keeper *k, bool of_list)
{
	size_t most = k->conf.message_bytes == 0 ? SIZE_MAX : k->conf.message_bytes / (of_list ? 2 : 4);

	return !of_list && most > PIECES_BYTES_MAX ? PIECES_BYTES_MAX : most;
}

/* Fetches the newest pieces that fit, as what came later counts; lengths[i] 0: the i-th is left out.  A list's are told
 * all or not at all (YT_ELIMIT): what is left out would seem not to have ended. */
static int fetch_newest(struct keeper *k, UT_array *places, bool of_list, uint32_t *lengths, struct yt_buf *all)
{
	size_t limit = bytes_most(k, of_list), bytes = 0;
	struct yt_buf octets = { 0 };
	int rv = 0;

	for (unsigned i = utarray_len(places), n = 0; rv == 0 && i-- > 0 && (of_list || n < PIECES_MAX); n++) {
		yt_buf_clear(&octets);
		rv = octets_of(k, (struct fact_place *)utarray_eltptr(places, i), &octets);
		bytes += octets.n + REC_HEAD + 8;
		if (rv == 0 && bytes > limit && of_list)
			rv = YT_ELIMIT;
		else if (rv == 0 && bytes > limit)
			break;
		if (rv == 0) {
			lengths[i] = (uint32_t)octets.n;
			yt_buf_str(all, yt_buf_view(&octets));
		}
		if (rv == YT_ENOTFOUND)
			rv = 0; /* what lacks for it is named by whoever composes */
	}
	yt_buf_free(&octets);
	return rv;
}

static void add_pieces(
        struct keeper *k, const struct talk *talk, UT_array *places, bool of_list, int rv, struct yt_buf *payload)
{
	struct yt_buf all = { 0 };
	unsigned n = utarray_len(places);
	uint32_t *lengths = calloc(n + 1, sizeof(*lengths));
	size_t end;

	YT_REQUIRE(lengths != NULL);
	if (rv == 0)
		rv = fetch_newest(k, places, of_list, lengths, &all);
	if (rv == YT_ELIMIT)
		yt_log(YT_ERROR, "keeper",
		        "exchange %016llx: what is told of its list is more than half a ring (limits.ring_mib), or too often",
		        (unsigned long long)talk->exchange);
	end = all.n; /* the oldest stands last there */
	for (unsigned i = 0; rv == 0 && i < n; i++) {
		struct fact_place *p = (struct fact_place *)utarray_eltptr(places, i);

		end -= lengths[i];
		if (lengths[i] > 0)
			add_piece(k, payload, p->exchange, (struct yt_str){ (const char *)all.p + end, lengths[i] });
	}
	if (rv != 0)
		add_piece(k, payload, talk->exchange, (struct yt_str){ 0 });
	YT_REQUIRE(!payload->failed && !all.failed);
	yt_buf_free(&all);
	free(lengths);
}

/* What became of the payout that is asked about, where that is known here, before the pieces.  *is_durable: all that is
 * said of it is on disk, as is that there is none. */
static int add_order(struct keeper *k, const struct rec *ask, struct yt_buf *payload, bool *is_durable)
{
	struct yt_str pay_no = rec_get(ask, REC_T_ABOUT);
	struct kept *e = NULL;
	size_t at;
	int rv;

	*is_durable = true;
	if (pay_no.n == 0)
		return 0;
	rv = keeper_find_order(k, rec_get(ask, REC_T_INSTITUTION), pay_no, &e);
	if (rv != 0 || e == NULL)
		return rv;
	*is_durable = e->unplaced == 0;
	at = rec_begin(payload, REC_CARRIED, REC_NOWAIT, e->x.id, keeper_wall(k));
	rec_bytes(payload, REC_T_STATE, &e->x, sizeof(e->x));
	rec_end(payload, at);
	return 0;
}

/* What a crash could still take back is told when it is on disk. */
static void tell(
        struct keeper *k, uint32_t worker, const struct talk *talk, const struct yt_buf *payload, bool is_durable)
{
	struct answer a = {
		.worker = worker, .seq = talk->seq, .exchange = talk->exchange, .kind = DOWN_FACTS, .payload = *payload
	};

	if (is_durable) {
		keeper_tell(k, worker, talk->seq, talk->exchange, DOWN_FACTS, yt_buf_view(payload));
		yt_buf_free(&a.payload);
		return;
	}
	utarray_push_back(k->answers, &a); /* owns the payload from here on */
	k->urgent = true;
}

/* With INSTITUTION and ABOUT, a payout's number, an institution asks for its order, too: where that is known here one
 * record with STATE (struct exchange) comes before the pieces. */
int keeper_on_facts(struct keeper *k, uint32_t worker, const struct talk *talk)
{
	struct yt_buf payload = { 0 };
	struct rec_field field;
	UT_array *places;
	struct rec rec;
	size_t used, at = 0;
	bool of_list = false, is_durable;
	int rv;

	if (keeper_check_records(k, worker, talk) != 0 || rec_read(talk->payload, &rec, &used) != 0)
		return YT_ECORRUPT;
	rv = add_order(k, &rec, &payload, &is_durable);
	utarray_new(places, &place_icd);
	while (rv == 0 && rec_next(&rec, &at, &field)) {
		if (field.tag == REC_T_CASE)
			rv = find(k, field.value, places);
		of_list = of_list || (field.tag == REC_T_CASE && is_list(field.value));
	}
	tidy(k, places);
	add_pieces(k, talk, places, of_list, rv, &payload);
	tell(k, worker, talk, &payload, is_durable);
	utarray_free(places);
	return 0;
}
