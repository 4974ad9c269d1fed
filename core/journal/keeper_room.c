/* core/journal/keeper_room.c - what payments of a day may have together: of one account of ours, to one payee's
 * account.
 *
 *   engine/pay_limits.c -> REC_ROOM of a follow-up, with its lease's return: an amount, and for each limit its key
 *   keeper_write_down() -> keeper_give_room()   all limits have room: their new sums (REC_ROOM of no exchange) and the
 *                          day from which its next lease knows that (x.room_day), in the same commit; else nothing, and
 *                          it asks again later
 *   keeper_write_down() -> keeper_return_room()   nothing of it is paid: the sums without it, in the same commit
 * The keeper alone gives room, so two workers cannot share what is there once.  Sums outlive it: the newest of each key
 * is kept by the index (index_take.c). */
#include "journal/keeper_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct room { /* what a day's payments under one key come to */
	char key[ROOM_KEY_MAX];
	int64_t fen;
	UT_hash_handle hh;
};

static struct room *find(const struct keeper *k, const char *key)
{
	struct room *r;

	HASH_FIND_STR(k->rooms, key, r);
	return r;
}

/* Keys begin with their day. */
static void forget_before(struct keeper *k, const char *day)
{
	struct room *r, *next;

	HASH_ITER(hh, k->rooms, r, next)
	{
		if (strncmp(r->key, day, 8) >= 0)
			continue;
		HASH_DEL(k->rooms, r);
		free(r);
	}
}

static void day_of(int64_t wall_ms, char day[9])
{
	char time[15];

	yt_time_compact(wall_ms, time);
	snprintf(day, 9, "%.8s", time);
}

void keeper_keep_room(struct keeper *k, const struct rec *rec)
{
	char key[ROOM_KEY_MAX], yesterday[9];
	struct room *r;

	keeper_copy_str(key, sizeof(key), rec_get(rec, REC_T_LIMIT_KEY));
	r = find(k, key);
	if (r == NULL) {
		day_of(keeper_wall(k) - 24 * INT64_C(3600000), yesterday);
		if (strncmp(key, yesterday, 8) < 0)
			return;
		forget_before(k, yesterday);
		r = calloc(1, sizeof(*r));
		YT_REQUIRE(r != NULL);
		snprintf(r->key, sizeof(r->key), "%s", key);
		HASH_ADD_STR(k->rooms, key, r);
	}
	r->fen = rec_get_i64(rec, REC_T_AMOUNT);
}

static bool key_of_day(const char *day, struct yt_str name, char key[ROOM_KEY_MAX])
{
	return snprintf(key, ROOM_KEY_MAX, "%s/%.*s", day, YT_FMT(name)) < ROOM_KEY_MAX;
}

/* The next limit that an ask names; false: there is none, or it is not whole. */
static bool next_limit(const struct rec *ask, size_t *pos, struct yt_str *name, int64_t *most)
{
	struct rec_field field;

	while (rec_next(ask, pos, &field)) {
		if (field.tag == REC_T_LIMIT_KEY)
			*name = field.value;
		if (field.tag != REC_T_LIMIT || field.value.n != 8 || name->n == 0)
			continue;
		*most = (int64_t)rec_number(field.value);
		return true;
	}
	return false;
}

static bool has_room(const struct keeper *k, const struct rec *ask, const char *day, int64_t fen)
{
	struct yt_str name = { 0 };
	char key[ROOM_KEY_MAX];
	const struct room *r;
	size_t pos = 0;
	int64_t most, sum;

	while (next_limit(ask, &pos, &name, &most)) {
		if (!key_of_day(day, name, key))
			return false;
		r = find(k, key);
		if (__builtin_add_overflow(fen, r == NULL ? 0 : r->fen, &sum) || sum > most)
			return false;
	}
	return name.n > 0 && fen > 0;
}

static void add(struct keeper *k, const char *key, int64_t fen)
{
	const struct room *r = find(k, key);
	int64_t sum = fen + (r == NULL ? 0 : r->fen);
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_ROOM, 0, 0, keeper_wall(k)), used;
	struct rec rec;

	rec_str(&buf, REC_T_LIMIT_KEY, yt_str(key));
	rec_i64(&buf, REC_T_AMOUNT, sum > 0 ? sum : 0);
	rec_end(&buf, at);
	keeper_write_own(k, &buf);
	YT_REQUIRE(rec_read(yt_buf_view(&buf), &rec, &used) == 0);
	keeper_keep_room(k, &rec);
	yt_buf_free(&buf);
}

void keeper_give_room(struct keeper *k, const struct exchange *x, const struct rec *ask)
{
	int64_t fen = rec_get_i64(ask, REC_T_AMOUNT), most;
	struct yt_str name = { 0 };
	struct yt_buf buf = { 0 };
	char day[9], key[ROOM_KEY_MAX];
	size_t pos = 0, at;

	day_of(keeper_wall(k), day);
	if (x->room_day == strtoul(day, NULL, 10) || !has_room(k, ask, day, fen))
		return;
	while (next_limit(ask, &pos, &name, &most)) {
		YT_REQUIRE(key_of_day(day, name, key));
		add(k, key, fen);
	}
	at = rec_begin(&buf, REC_ROOM, 0, x->id, keeper_wall(k));
	rec_u32(&buf, REC_T_SERIAL, (uint32_t)strtoul(day, NULL, 10));
	rec_i64(&buf, REC_T_AMOUNT, fen);
	for (pos = 0; next_limit(ask, &pos, &name, &most);)
		rec_str(&buf, REC_T_LIMIT_KEY, name);
	rec_end(&buf, at);
	keeper_write_own(k, &buf);
	yt_buf_free(&buf);
}

void keeper_return_room(struct keeper *k, const struct exchange *x)
{
	const char *const names[] = { x->room_of, x->room_to };
	char day[9], key[ROOM_KEY_MAX];

	snprintf(day, sizeof(day), "%08u", (unsigned)(x->room_day % 100000000));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i][0] != '\0' && key_of_day(day, yt_str(names[i]), key) && find(k, key) != NULL)
			add(k, key, -x->room_fen);
}

bool keeper_waits_for_room(const struct keeper *k, const struct exchange *x)
{
	char day[9];

	day_of(keeper_wall(k), day);
	return strcmp(x->reason, TALK_WAITS_FOR_ROOM) == 0 && x->room_day != strtoul(day, NULL, 10);
}

void keeper_free_rooms(struct keeper *k)
{
	forget_before(k, "99999999");
}
