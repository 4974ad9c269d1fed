/* core/engine/session.c - sign_no of operators: asked from the keeper, or signed in for.
 *
 * A party counts only an operator's newest sign-in, so the keeper keeps one for all workers and lets one
 * worker at a time sign in (journal/keeper_own.c, keeper_on_session).  asking.c needs one before it encodes for an
 * institution with sign_in: own, resolve.c for every message of our own. */
#include <stdio.h>
#include <string.h>

#include "engine/work.h"

static int64_t today(const struct engine *e)
{
	return (engine_wall(e) / 1000 + 8 * 3600) / 86400;
}

static void put(char *to, size_t size, struct yt_str s)
{
	size_t n = s.n < size - 1 ? s.n : size - 1;

	if (n != 0)
		memcpy(to, s.p, n);
	to[n] = 0;
}

/* The middle part of party | institution | operator, and so on. */
static struct yt_str part(const struct session *s, int i)
{
	const char *from = s->key;

	for (; i > 0; i--)
		from = strchr(from, '|') + 1;
	return (struct yt_str){ from, strcspn(from, "|") };
}

static void describe(struct yt_buf *buf, struct engine *e, const struct session *s, struct yt_str sign_no)
{
	size_t at = rec_begin(buf, REC_SESSION, 0, 0, engine_wall(e));

	rec_str(buf, REC_T_PARTY, part(s, 0));
	rec_str(buf, REC_T_INSTITUTION, part(s, 1));
	rec_str(buf, REC_T_OPERATOR, part(s, 2));
	rec_str(buf, REC_T_SIGN_NO, sign_no);
	rec_end(buf, at);
}

static void ask(struct engine *e, struct session *s)
{
	struct yt_buf buf = { 0 };

	describe(&buf, e, s, yt_str(s->sign_no));
	s->sign_no[0] = 0;
	s->asked = true;
	s->seq = engine_submit(e, UP_SESSION, 0, yt_buf_view(&buf));
	yt_buf_free(&buf);
}

static struct session *session_of(
        struct engine *e, const char *party, struct yt_str institution, struct yt_str operator_id)
{
	struct session *s;
	char key[128];

	snprintf(key, sizeof(key), "%s|%.*s|%.*s", party, YT_FMT(institution), YT_FMT(operator_id));
	HASH_FIND_STR(e->sessions, key, s);
	if (s == NULL) {
		s = calloc(1, sizeof(*s));
		YT_REQUIRE(s != NULL);
		memcpy(s->key, key, sizeof(key));
		HASH_ADD_STR(e->sessions, key, s);
	}
	return s;
}

const char *session_get(struct engine *e, const struct engine_party *party, struct yt_str institution,
        struct yt_str operator_id, const char *dead, const struct session **which)
{
	struct session *s = session_of(e, party->name, institution, operator_id);

	*which = s;
	if (s->asked)
		return NULL;
	if (s->sign_no[0] != 0 && s->day == today(e) && (dead == NULL || strcmp(dead, s->sign_no) != 0))
		return s->sign_no;
	ask(e, s);
	return NULL;
}

/* Says how it ended: to the keeper, which tells the others, and to those here who wait. */
static void conclude(struct engine *e, struct session *s, struct yt_str sign_no)
{
	struct yt_buf buf = { 0 };

	put(s->sign_no, sizeof(s->sign_no), sign_no);
	s->day = today(e);
	s->asked = false;
	describe(&buf, e, s, sign_no);
	engine_submit(e, UP_NOTE, 0, yt_buf_view(&buf));
	yt_buf_free(&buf);
	if (s->arena != NULL)
		engine_arena_back(e, s->arena);
	s->arena = NULL;
	s->sign_in = NULL;
	engine_sessions_changed(e, s);
}

/* What a crash is charged to: a message that waits for the sign-in, 0 for none.  Kept away is the sign-in itself, by
 * its key, for each other message of that operator would ask for it again. */
static uint64_t waiter_of(const struct engine *e, const struct session *s)
{
	const struct work *w;
	const struct task *t;

	for (w = e->by_id; w != NULL && !(w->state == WORK_SIGNING && w->signing == s); w = w->hh_id.next)
		;
	for (t = e->tasks; t != NULL && !(t->state == TASK_SIGNING && t->signing == s); t = t->hh_id.next)
		;
	return w != NULL ? w->id : t != NULL ? t->id : 0;
}

static int fill_sign_in(struct engine *e, const struct engine_party *party, struct session *s)
{
	const struct yt_codec_api *api = party->codec.api;
	int rv = YT_ENOTFOUND;

	engine_box(e, &party->codec, "sign_in_for", waiter_of(e, s), yt_str(s->key));
	if (api->sign_in_for != NULL)
		rv = api->sign_in_for(party->codec.plugin, part(s, 1), part(s, 2), s->sign_in);
	engine_unbox(e);
	return rv;
}

static bool may_kill(struct engine *e, const struct session *s)
{
	if (!e->world.quarantined(e->world.ctx, yt_str(s->key)))
		return false;
	yt_log(YT_ERROR, "engine", "no sign-in of %.*s at %.*s: one killed a worker a while ago", YT_FMT(part(s, 1)),
	        YT_FMT(part(s, 0)));
	return true;
}

/* The keeper let us sign in, with a number that is durable. */
static void sign_in(struct engine *e, struct session *s)
{
	char party_name[32];
	const struct engine_party *party;
	const struct engine_institution *institution;
	struct yt_buf out = { 0 };
	struct call c;
	char now[20];

	put(party_name, sizeof(party_name), part(s, 0));
	party = e->conf.party(e->conf.ctx, party_name);
	institution = e->conf.institution(e->conf.ctx, part(s, 1));
	s->arena = engine_arena(e);
	s->sign_in = yt_msg_new(s->arena);
	if (party == NULL || institution == NULL || s->sign_in == NULL || may_kill(e, s) ||
	        fill_sign_in(e, party, s) != 0) {
		conclude(e, s, (struct yt_str){ 0 });
		return;
	}
	s->sign_in->number = engine_number(s->arena, part(s, 1), s->second, s->serial);
	s->sign_in->operator_id = part(s, 2);
	s->sign_in->operator_name = yt_str(institution->operator_name);
	s->sign_in->institution_name = yt_str(institution->name);
	if (s->sign_in->treatment_area.n == 0)
		s->sign_in->treatment_area = yt_str(institution->area);
	yt_time_print(engine_wall(e), now);
	s->sign_in->time = yt_arena_copy(s->arena, yt_str(now));
	c = call_encode_request(&party->codec, s->sign_in, waiter_of(e, s), yt_str(s->key), &out);
	call_here(e, &c);
	if (c.rv != 0) {
		yt_log(YT_ERROR, "engine", "cannot write a sign-in for %s: %s: %s", party_name, c.fault.path,
		        c.fault.why);
		conclude(e, s, (struct yt_str){ 0 });
	} else {
		engine_send(e, party, LEG_OF_SESSION | s->seq, waiter_of(e, s), yt_str(s->key), s->sign_in->wire_op,
		        yt_buf_view(&out), engine_mono(e) + party->query_timeout_ms);
	}
	yt_buf_free(&out);
}

void session_talk(struct engine *e, const struct talk *talk)
{
	struct session *s, *next;
	struct rec rec;
	size_t used;

	HASH_ITER(hh, e->sessions, s, next)
	{
		if (!s->asked || s->seq != talk->seq)
			continue;
		if (rec_read(talk->payload, &rec, &used) != 0)
			return;
		if (rec_get(&rec, REC_T_SIGN_NO).n != 0) {
			put(s->sign_no, sizeof(s->sign_no), rec_get(&rec, REC_T_SIGN_NO));
			s->day = today(e);
			s->asked = false;
			engine_sessions_changed(e, s);
		} else if (s->sign_in == NULL) { /* else granted twice, by two keepers: one sign-in is out */
			s->second = rec_get_i64(&rec, REC_T_SECOND);
			s->serial = (uint32_t)rec_get_u64(&rec, REC_T_SERIAL);
			sign_in(e, s);
		}
		return;
	}
}

static void read_answer(struct engine *e, const struct engine_party *party, const struct session *s, int status,
        struct yt_str body, struct yt_reply *reply)
{
	engine_box(e, &party->codec, "decode_reply", waiter_of(e, s), yt_str(s->key));
	if (party->codec.api->decode_reply(party->codec.plugin, s->sign_in, status, body, reply) != 0)
		reply->outcome = YT_UNKNOWN;
	engine_unbox(e);
}

void session_leg(struct engine *e, uint64_t leg, enum engine_leg_end end, int status, struct yt_str body)
{
	const struct engine_party *party;
	struct session *s, *next;
	struct yt_reply *reply;
	char party_name[32];

	HASH_ITER(hh, e->sessions, s, next)
	{
		if (s->seq != (leg & ~LEG_OF_SESSION) || s->sign_in == NULL)
			continue;
		put(party_name, sizeof(party_name), part(s, 0));
		party = e->conf.party(e->conf.ctx, party_name);
		reply = yt_reply_new(s->arena);
		if (end == LEG_ANSWERED && party != NULL && reply != NULL)
			read_answer(e, party, s, status, body, reply);
		conclude(e, s, reply != NULL && reply->outcome == YT_DONE ? reply->sign_no : (struct yt_str){ 0 });
		return;
	}
}

void session_died(struct engine *e, const struct engine_party *party, struct yt_str institution,
        struct yt_str operator_id, struct yt_str sign_no)
{
	struct session *s = session_of(e, party->name, institution, operator_id);

	if (!s->asked && yt_str_is(sign_no, s->sign_no))
		ask(e, s);
}

/* A hospital signed in by itself: the newest counts. */
void session_keep(struct engine *e, const struct engine_party *party, struct yt_str institution,
        struct yt_str operator_id, struct yt_str sign_no)
{
	struct session *s = session_of(e, party->name, institution, operator_id);

	if (!s->asked)
		conclude(e, s, sign_no);
}

void sessions_again(struct engine *e)
{
	struct session *s, *next;

	HASH_ITER(hh, e->sessions, s, next)
	{
		if (s->asked && s->sign_in == NULL)
			ask(e, s);
	}
}
