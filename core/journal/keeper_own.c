/* core/journal/keeper_own.c - what the gateway sends in its own name: message numbers that are never given twice, and
 * one sign-in per operator for all workers.  Asked by leases (keeper_turn.c) and by workers (keeper.c). */
#include "journal/keeper_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* -- numbers of our own --------------------------------------------------------------------------- */

void keeper_keep_number(struct keeper *k, const struct rec *rec)
{
	struct number_block *b;
	char institution[32];

	keeper_copy_str(institution, sizeof(institution), rec_get(rec, REC_T_INSTITUTION));
	HASH_FIND_STR(k->numbers, institution, b);
	if (b == NULL) {
		b = calloc(1, sizeof(*b));
		YT_REQUIRE(b != NULL);
		memcpy(b->institution, institution, sizeof(institution));
		HASH_ADD_STR(k->numbers, institution, b);
	}
	if (rec_get_i64(rec, REC_T_SECOND) > b->second ||
	        (rec_get_i64(rec, REC_T_SECOND) == b->second && rec_get_u64(rec, REC_T_SERIAL) > b->serial)) {
		b->second = rec_get_i64(rec, REC_T_SECOND);
		b->serial = (uint32_t)rec_get_u64(rec, REC_T_SERIAL);
	}
}

/* The next numbers in an institution's name: never given twice, whatever the clock does. */
void keeper_next_numbers(struct keeper *k, const char *institution, uint32_t n, int64_t *second, uint32_t *serial)
{
	struct number_block *b;
	struct yt_buf buf = { 0 };
	struct rec rec;
	size_t at, used;
	int64_t now = keeper_wall(k) / 1000;

	HASH_FIND_STR(k->numbers, institution, b);
	*second = b != NULL && b->second >= now ? b->second : now;
	*serial = b != NULL && b->second == *second ? b->serial + 1 : k->conf.serial_from;
	if (*serial + n - 1 > k->conf.serial_to) {
		(*second)++;
		*serial = k->conf.serial_from;
	}
	at = rec_begin(&buf, REC_NUMBER, 0, 0, keeper_wall(k));
	rec_str(&buf, REC_T_INSTITUTION, yt_str(institution));
	rec_i64(&buf, REC_T_SECOND, *second);
	rec_u32(&buf, REC_T_SERIAL, *serial + n - 1);
	rec_end(&buf, at);
	keeper_write_own(k, &buf);
	YT_REQUIRE(rec_read(yt_buf_view(&buf), &rec, &used) == 0);
	keeper_keep_number(k, &rec);
	yt_buf_free(&buf);
}

/* -- sign-in of operators ----------------------------------------------------------------------- */

static int64_t business_day(int64_t wall_ms)
{
	return (wall_ms / 1000 + 8 * 3600) / 86400;
}

static struct party_session *session_of(struct keeper *k, const struct rec *rec)
{
	struct party_session *s;
	char key[128];

	snprintf(key, sizeof(key), "%.*s|%.*s|%.*s", YT_FMT(rec_get(rec, REC_T_PARTY)),
	        YT_FMT(rec_get(rec, REC_T_INSTITUTION)), YT_FMT(rec_get(rec, REC_T_OPERATOR)));
	HASH_FIND_STR(k->sessions, key, s);
	if (s == NULL) {
		s = calloc(1, sizeof(*s));
		YT_REQUIRE(s != NULL);
		memcpy(s->key, key, sizeof(key));
		HASH_ADD_STR(k->sessions, key, s);
	}
	return s;
}

static void tell_sign_no(struct keeper *k, const struct party_session *s, uint32_t worker, uint64_t seq)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_SESSION, REC_NOWAIT, 0, keeper_wall(k));

	rec_str(&buf, REC_T_SIGN_NO, yt_str(s->sign_no));
	rec_end(&buf, at);
	keeper_tell(k, worker, seq, 0, DOWN_SESSION, yt_buf_view(&buf));
	yt_buf_free(&buf);
}

/* Lets one worker sign in, with a number of ours that is durable first. */
static void grant_sign_in(
        struct keeper *k, struct party_session *s, const char *institution, uint32_t worker, uint64_t seq)
{
	struct answer a = { .worker = worker, .seq = seq, .kind = DOWN_SESSION };
	int64_t second;
	uint32_t serial;
	size_t at;

	keeper_next_numbers(k, institution, 1, &second, &serial);
	at = rec_begin(&a.payload, REC_SESSION, REC_NOWAIT, 0, keeper_wall(k));
	rec_i64(&a.payload, REC_T_SECOND, second);
	rec_u32(&a.payload, REC_T_SERIAL, serial);
	rec_end(&a.payload, at);
	s->signing = worker;
	utarray_push_back(k->answers, &a);
	k->urgent = true;
}

/* One place in the queue for each worker: it knows only its newest question (it asks again after a
 * restart of ours), and what is granted to an older one would be granted to nobody. */
static void wait_for_session(struct party_session *s, uint32_t worker, uint64_t seq)
{
	struct waiter *w;

	LL_SEARCH_SCALAR(s->waiters, w, worker, worker);
	if (w == NULL) {
		w = calloc(1, sizeof(*w));
		YT_REQUIRE(w != NULL);
		w->worker = worker;
		LL_APPEND(s->waiters, w);
	}
	w->seq = seq;
}

int keeper_on_session(struct keeper *k, uint32_t worker, const struct talk *talk)
{
	struct party_session *s;
	struct yt_str dead;
	char institution[32];
	struct rec rec;
	size_t used;

	if (rec_read(talk->payload, &rec, &used) != 0)
		return YT_ECORRUPT;
	s = session_of(k, &rec);
	dead = rec_get(&rec, REC_T_SIGN_NO);
	if (s->day != business_day(keeper_wall(k)) || (dead.n != 0 && yt_str_is(dead, s->sign_no)))
		s->sign_no[0] = 0;
	if (s->sign_no[0] != 0) {
		tell_sign_no(k, s, worker, talk->seq);
	} else if (s->signing != 0 && s->signing != worker) {
		wait_for_session(s, worker, talk->seq);
	} else {
		keeper_copy_str(institution, sizeof(institution), rec_get(&rec, REC_T_INSTITUTION));
		grant_sign_in(k, s, institution, worker, talk->seq);
	}
	return 0;
}

/* Somebody signed in, or could not (no SIGN_NO): those who wait hear, or one of them tries next. */
void keeper_keep_session(struct keeper *k, const struct rec *rec)
{
	struct party_session *s = session_of(k, rec);
	struct waiter *w, *next;
	char institution[32];

	keeper_copy_str(s->sign_no, sizeof(s->sign_no), rec_get(rec, REC_T_SIGN_NO));
	s->day = business_day(rec->wall_ms);
	s->signing = 0;
	keeper_copy_str(institution, sizeof(institution), rec_get(rec, REC_T_INSTITUTION));
	LL_FOREACH_SAFE(s->waiters, w, next)
	{
		if (s->sign_no[0] == 0 && s->signing != 0)
			break;
		if (s->sign_no[0] != 0)
			tell_sign_no(k, s, w->worker, w->seq);
		else
			grant_sign_in(k, s, institution, w->worker, w->seq);
		LL_DELETE(s->waiters, w);
		free(w);
	}
}

/* A worker died: what it was about to sign in for is free for the next who asks. */
void keeper_drop_sign_ins(struct keeper *k, uint32_t worker)
{
	struct party_session *s, *next_s;
	struct waiter *w, *next;

	HASH_ITER(hh, k->sessions, s, next_s)
	{
		if (s->signing == worker)
			s->signing = 0;
		LL_FOREACH_SAFE(s->waiters, w, next)
		{
			if (w->worker == worker) {
				LL_DELETE(s->waiters, w);
				free(w);
			}
		}
		if (s->signing == 0 && s->waiters != NULL) {
			char *from = strchr(s->key, '|') + 1;
			char institution[32];

			keeper_copy_str(institution, sizeof(institution), (struct yt_str){ from, strcspn(from, "|") });
			w = s->waiters;
			LL_DELETE(s->waiters, w);
			grant_sign_in(k, s, institution, w->worker, w->seq);
			free(w);
		}
	}
}
