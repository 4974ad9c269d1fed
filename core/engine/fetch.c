/* core/engine/fetch.c - entries of our accounts, asked for at banks that tell no statement unasked (statement.fetch),
 * and the claims of a day, asked for at insurers (claim.statement).
 *
 * engine_tick() -> fetches_tick()   at its times of the day an account's party is asked for each day that is over and
 *                                   not had yet, then for today so far; an insurer for each day that is over, once
 *                                   more; page by page                                        RESTS -> ASKED
 * engine_leg()  -> fetch_leg()      the answer goes in as a request of the party that told it  ASKED -> GIVEN
 * asking.c, notice.c                from here it is a statement like any that comes in by a listener
 * fetches_tick()                    that is kept: the next page, the next day                  GIVEN -> ASKED, RESTS
 * Nothing is remembered over a restart: what was had is asked for once more, and the same page has the same number, so
 * it changes nothing (P2).  Whatever fails is asked again after a pause, from the first page; of insurers,
 * when the days behind it are had. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/day_list.h"
#include "engine/work.h"

#define DAY_MS INT64_C(86400000)
#define LEG_BITS 0xffff  /* of a leg's id: which account; above them how often it was asked */
#define PAGES_MAX 10000u /* of a day: BDL/1.0 counts them in five digits, of 200 entries each */

enum fetch_state { FETCH_RESTS, FETCH_ASKED, FETCH_GIVEN };

struct fetch {
	const struct engine_fetch *conf;
	enum fetch_state state;
	int64_t due_wall;             /* RESTS: when it is asked next, if not before ... */
	int64_t again_mono, pause_ms; /* ... this, after a failure */
	int64_t day, whole;           /* days since 1970 in business time: asked for just now; the last that was had, */
	bool has_gap;                 /* ... and one after that could not be had, which is asked for again */
	uint32_t page, n_pages;
	uint64_t n_rows,
	        total; /* claims of that day so far, and how many it has as its newest page says; 0: it says none */
	uint64_t n_asked, id;    /* id: the exchange that a crash is charged to (P8) */
	char mark[80];           /* as the page before answered */
	struct yt_arena *arena;  /* of what is out */
	struct yt_msg *question; /* ASKED */
};

/* What differs between the two. */
struct kind {
	enum yt_operation op;
	const char *day, *page, *pages, *mark; /* members of data; the last two of the answer, mark NULL: it has none */
	const char *same[5];                   /* what an answer must say as it was asked, ... */
	bool may_be_left_out;                  /* ... or not at all */
	const char *what;
};

static const struct kind entries = { YT_OP_STATEMENT_FETCH, "begin_date", "page_no", "page_cnt", "page_mark",
	{ "acct", "begin_date", "end_date", "page_no", NULL }, false, "entries" };
static const struct kind claims = { YT_OP_CLAIM_STATEMENT, "stmt_date", "page", "pages", NULL,
	{ "stmt_date", "page", NULL }, true, "claims" };

static const struct kind *kind_of(const struct fetch *f)
{
	return f->conf->account == NULL ? &claims : &entries;
}

static int64_t today(const struct engine *e)
{
	return (engine_wall(e) + 8 * 3600000) / DAY_MS;
}

/* The next of its times after now, in whatever order they were written. */
static int64_t next_time(const struct engine *e, const struct engine_fetch *conf)
{
	int64_t midnight = today(e) * DAY_MS - 8 * 3600000, next = INT64_MAX, at;

	for (uint32_t i = 0; i < conf->n_at; i++) {
		at = midnight + conf->at_min[i] * INT64_C(60000);
		at += at > engine_wall(e) ? 0 : DAY_MS;
		next = at < next ? at : next;
	}
	return next;
}

void fetches_begin(struct engine *e)
{
	e->fetches = calloc(e->conf.n_fetches + 1, sizeof(*e->fetches));
	YT_REQUIRE(e->fetches != NULL && e->conf.n_fetches <= LEG_BITS);
	for (uint32_t i = 0; i < e->conf.n_fetches; i++)
		e->fetches[i] = (struct fetch){ .conf = &e->conf.fetches[i], .again_mono = -1 };
}

static void let_go(struct engine *e, struct fetch *f)
{
	if (f->arena != NULL)
		engine_arena_back(e, f->arena);
	f->arena = NULL;
	f->question = NULL;
}

void fetches_free(struct engine *e)
{
	for (uint32_t i = 0; i < e->conf.n_fetches; i++)
		let_go(e, &e->fetches[i]);
	free(e->fetches);
}

/* -- asking ---------------------------------------------------------------------------------------- */

/* It is asked again later, from the first page; the log says so once per pause, as nobody waits for it. */
static void put_off(struct engine *e, struct fetch *f, const char *why)
{
	int64_t least = e->conf.retry_ms > 0 ? e->conf.retry_ms : 1000;

	let_go(e, f);
	f->state = FETCH_RESTS;
	f->pause_ms = f->pause_ms == 0 ? least : 2 * f->pause_ms;
	if (f->pause_ms > e->conf.follow_up_retry_max_ms && e->conf.follow_up_retry_max_ms > 0)
		f->pause_ms = e->conf.follow_up_retry_max_ms;
	f->again_mono = engine_mono(e) + f->pause_ms;
	yt_log(YT_WARN, "engine", "party %s: %s of a day could not be had: %s; they are asked for again in %lld s",
	        f->conf->party->name, kind_of(f)->what, why, (long long)(f->pause_ms / 1000));
}

static void ask_day(struct engine *e, struct fetch *f, int64_t day);

/* The day that is told last: an account's entries of today so far, too. */
static int64_t last_day(const struct engine *e, const struct fetch *f)
{
	return kind_of(f) == &claims ? today(e) - 1 : today(e);
}

/* What is said of this day cannot be had or taken: an insurer's next ones do not wait for it. */
static void leave_out(struct engine *e, struct fetch *f, const char *why)
{
	if (kind_of(f) != &claims || f->day >= last_day(e, f)) {
		put_off(e, f, why);
		return;
	}
	yt_log(YT_WARN, "engine",
	        "party %s: claims of %lld days ago could not be had: %s; those of the next day are asked for",
	        f->conf->party->name, (long long)(today(e) - f->day), why);
	let_go(e, f);
	f->has_gap = true;
	ask_day(e, f, f->day + 1);
}

/* What is kept away for a while if it killed a worker (P8).  No account: P9. */
static struct yt_str what_is_asked(struct engine *e, const struct fetch *f)
{
	return yt_arena_printf(f->arena, "%s %s %u %lld %u", yt_op(kind_of(f)->op)->name, f->conf->party->name,
	        (unsigned)(f - e->fetches), (long long)f->day, f->page);
}

static struct yt_msg *make_question(struct engine *e, const struct fetch *f)
{
	struct yt_msg *msg = yt_msg_new(f->arena);
	const struct kind *kind = kind_of(f);
	struct yt_node *data;
	char text[20];
	struct yt_str day;
	bool is_made;

	YT_REQUIRE(msg != NULL);
	msg->op = yt_op(kind->op);
	msg->wall_ms = engine_wall(e);
	msg->body = yt_node_new(f->arena, YT_OBJECT);
	data = msg->body == NULL ? NULL : yt_node_add(f->arena, msg->body, YT_STR("data"), YT_OBJECT);
	YT_REQUIRE(data != NULL);
	yt_time_print(f->day * DAY_MS, text);
	text[10] = '\0';
	day = yt_arena_copy(f->arena, yt_str(text));
	is_made = yt_node_add_text(f->arena, data, kind->day, day) != NULL &&
	          yt_node_add_text(f->arena, data, kind->page, yt_arena_printf(f->arena, "%u", f->page)) != NULL;
	if (is_made && kind == &entries)
		is_made = yt_node_add_text(f->arena, data, "acct", yt_str(f->conf->account)) != NULL &&
		          yt_node_add_text(f->arena, data, "end_date", day) != NULL;
	if (is_made && f->mark[0] != '\0')
		is_made =
		        yt_node_add_text(f->arena, data, kind->mark, yt_arena_copy(f->arena, yt_str(f->mark))) != NULL;
	YT_REQUIRE(is_made);
	return msg;
}

static void ask_page(struct engine *e, struct fetch *f)
{
	const struct engine_party *party = f->conf->party;
	struct yt_str what;
	struct yt_buf out = { 0 };
	struct call c;

	f->id = work_take_id(e);
	f->arena = engine_arena(e);
	what = what_is_asked(e, f);
	if (engine_is_stopped(e, party)) {
		put_off(e, f, "its lane is stopped");
		return;
	}
	if (e->world.quarantined(e->world.ctx, what)) {
		leave_out(e, f, "that killed a worker a while ago");
		return;
	}
	f->question = make_question(e, f);
	f->question->own_number = cross_made_number(e, f->arena, &party->codec, f->id, what);
	c = call_encode_request(&party->codec, f->question, f->id, what, &out);
	call_here(e, &c);
	if (c.rv != 0) {
		put_off(e, f, c.fault.why);
	} else {
		f->question->sent = yt_arena_copy(f->arena, yt_buf_view(&out));
		f->state = FETCH_ASKED;
		f->n_asked++;
		engine_send(e, party, LEG_OF_FETCH | (f->n_asked & 0xffffffff) << 16 | (uint64_t)(f - e->fetches),
		        f->id, what, f->question->wire_op, f->question->sent, engine_mono(e) + party->query_timeout_ms);
	}
	yt_buf_free(&out);
}

static void ask_day(struct engine *e, struct fetch *f, int64_t day)
{
	f->day = day;
	f->page = 1;
	f->n_rows = 0;
	f->mark[0] = '\0';
	ask_page(e, f);
}

static void begin(struct engine *e, struct fetch *f)
{
	int64_t first = today(e) - f->conf->days;

	f->again_mono = -1;
	f->has_gap = false;
	if (f->whole + 1 > first)
		first = f->whole + 1;
	ask_day(e, f, first);
}

/* -- what is told ------------------------------------------------------------------------------------ */

static uint64_t number(struct yt_str digits, uint64_t most)
{
	uint64_t n = 0;

	for (size_t i = 0; i < digits.n && n <= most; i++)
		n = n * 10 + (uint64_t)(digits.p[i] - '0');
	return n;
}

/* The page that was asked for; how many there are, and the mark of the next. */
static const char *take_page(struct fetch *f, const struct yt_reply *reply)
{
	const struct yt_node *data = yt_node_get(reply->body, "data"), *asked = yt_node_get(f->question->body, "data");
	const struct kind *kind = kind_of(f);
	const struct yt_node *rows = kind == &claims ? yt_node_get(reply->body, "claims") : NULL;
	uint64_t pages = number(yt_node_text(data, kind->pages), PAGES_MAX);
	struct yt_str mark = { 0 }, told;

	if (kind->mark != NULL)
		mark = yt_node_text(data, kind->mark);
	for (const char *const *name = kind->same; *name != NULL; name++) {
		told = yt_node_text(data, *name);
		if (!yt_str_eq(told, yt_node_text(asked, *name)) && (told.n > 0 || !kind->may_be_left_out))
			return "the answer is about another account, day or page";
	}
	if (pages > PAGES_MAX || mark.n >= sizeof(f->mark))
		return "there are too many pages";
	f->n_pages = (uint32_t)pages;
	memcpy(f->mark, mark.n > 0 ? mark.p : "", mark.n);
	f->mark[mark.n] = '\0';
	f->n_rows += rows == NULL ? 0 : rows->n;
	f->total = number(yt_node_text(data, "total"), UINT32_MAX);
	return NULL;
}

/* It goes in as what the party tells. */
static void hand_in(struct engine *e, struct fetch *f, struct engine_codec codec, struct yt_str octets)
{
	const struct engine_request request = { .token = ENGINE_TOKEN_FETCHED | ((uint64_t)(f - e->fetches) + 1),
		.listener = f->conf->party->name,
		.codec = codec,
		.by_certificate = true,
		.origin = f->conf->origin,
		.method = YT_STR("POST"),
		.path = YT_STR("/"),
		.subject = yt_str(f->conf->origin->name),
		.peer = YT_STR("fetched"),
		.body = octets };

	f->state = FETCH_GIVEN;
	engine_request(e, &request);
}

/* A list of claims is no message that its format tells unasked: it is written down in octets of our own. */
static void hand_in_claims(struct engine *e, struct fetch *f, const struct yt_reply *reply)
{
	struct yt_buf out = { 0 };

	if (day_list_write(f->arena, yt_str(f->conf->party->name), f->question->body, reply->body, &out) == 0)
		hand_in(e, f, (struct engine_codec){ &day_list_codec, NULL }, yt_buf_view(&out));
	else
		put_off(e, f, "what it says is too much");
	yt_buf_free(&out);
}

void fetch_leg(struct engine *e, uint64_t leg, enum engine_leg_end end, int status, struct yt_str body, const char *why)
{
	uint64_t which = leg & LEG_BITS;
	struct fetch *f = which < e->conf.n_fetches ? &e->fetches[which] : NULL;
	struct yt_reply *reply;
	int rv;

	if (f == NULL || f->state != FETCH_ASKED || (f->n_asked & 0xffffffff) != (leg >> 16 & 0xffffffff))
		return;
	if (end != LEG_ANSWERED) {
		leave_out(e, f, why);
		return;
	}
	reply = yt_reply_new(f->arena);
	YT_REQUIRE(reply != NULL);
	body = yt_arena_copy(f->arena, body);
	engine_box(e, &f->conf->party->codec, "decode_reply", f->id, what_is_asked(e, f));
	rv = f->conf->party->codec.api->decode_reply(f->conf->party->codec.plugin, f->question, status, body, reply);
	engine_unbox(e);
	why = rv != 0                     ? "its answer cannot be read"
	      : reply->outcome != YT_DONE ? "it refuses, or nobody can say"
	                                  : NULL;
	if (why == NULL)
		why = take_page(f, reply);
	if (why != NULL)
		leave_out(e, f, why);
	else if (kind_of(f) == &claims)
		hand_in_claims(e, f, reply);
	else
		hand_in(e, f, f->conf->party->codec, body);
}

/* It is kept: the next page, the next day, and after the last one the next time. */
static void go_on(struct engine *e, struct fetch *f)
{
	if (f->page < f->n_pages) {
		f->page++;
		ask_page(e, f);
		return;
	}
	if (kind_of(f) == &claims && f->total != 0 && f->total != f->n_rows) {
		leave_out(e, f, "they are not as many as it says");
		return;
	}
	f->pause_ms = f->has_gap ? f->pause_ms : 0;
	if (f->day < last_day(e, f)) {
		f->whole = f->has_gap ? f->whole : f->day;
		ask_day(e, f, f->day + 1);
	} else if (f->has_gap) {
		put_off(e, f, "a day before could not be had");
	} else {
		f->state = FETCH_RESTS;
		f->due_wall = next_time(e, f->conf);
		if (kind_of(f) == &claims) /* what was told of a day may be told otherwise */
			f->whole = 0;
	}
}

/* What became of the request that was made of the answer; its connection is nobody's, so it is closed here. */
static void look_after(struct engine *e, struct fetch *f)
{
	uint64_t token = ENGINE_TOKEN_FETCHED | ((uint64_t)(f - e->fetches) + 1);
	enum yt_outcome told;
	struct work *w;

	HASH_FIND(hh_token, e->by_token, &token, sizeof(token), w);
	if (w != NULL && w->state != WORK_FLUSHING)
		return;
	told = w == NULL ? YT_UNKNOWN : w->told;
	if (w != NULL)
		engine_flushed(e, token);
	let_go(e, f);
	if (told == YT_DONE)
		go_on(e, f);
	else if (told == YT_REFUSED)
		leave_out(e, f, "what it says is refused here");
	else
		put_off(e, f, "it cannot be kept now");
}

int64_t fetches_tick(struct engine *e)
{
	int64_t now = engine_mono(e), next = -1, at;

	for (uint32_t i = 0; i < e->conf.n_fetches; i++) {
		struct fetch *f = &e->fetches[i];

		if (f->state == FETCH_GIVEN)
			look_after(e, f);
		at = f->again_mono >= 0 ? f->again_mono : now + (f->due_wall - engine_wall(e));
		if (f->state == FETCH_RESTS && at <= now && engine_is_up(e))
			begin(e, f);
		at = f->state == FETCH_RESTS && at > now ? at : now + 100;
		next = next < 0 || at < next ? at : next;
	}
	return next;
}
