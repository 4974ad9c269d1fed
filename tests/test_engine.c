/* tests/test_engine.c - a worker's machine alone (engine/engine.h), as conversations.
 *
 * Each row is a script, line by line.  What happens to the engine:
 *   ask T BODY        a request on connection T, in the format of fake_codec.h
 *   gone T, taken T   the connection is gone; the answer was taken whole
 *   down KIND FOR     the keeper's verdict on the last message of that kind ("down admitted begin");
 *                     "down stored FOR TEXT" with the stored octets, "down wait FOR other": for another's end
 *   down session S    the sign_no, or "grant": sign in yourself
 *   lease WORDS DELAY BODY   a lease: state and what else holds, ms since it is unknown, what was asked
 *   back TEXT         the platform answers the last leg; also: back502, late, lost, timeout, notsent
 *   wait MS, full, room, restarted, welcome
 *   stop, start       an operator stops the platform's lane, and lets it go on
 *   slow              from here on the format's codec is slow: its calls are jobs that do not run until ...
 *   coded             ... the oldest one does, and comes back
 *   crowded           no new request's job is taken any more
 *   rests             no job is out
 * What the engine does, in this order, each line as far as it is written here:
 *   up KIND RECORDS   a message to the keeper;  out BODY  a leg leaves;  answer T TEXT, drop T  to the origin; later T
 *                     before an answer by which nothing was decided
 * At the end nothing may be left unsaid. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/engine.h"
#include "fake_codec.h"
#include "held_jobs.h"
#include "talk_name.h"

#define NOON 1790000000000LL
#define ORIGIN_MS 8000
#define MARGIN_MS 400
#define DELAY_MS 15000
#define LINES 256
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct {
	struct engine *engine;
	int64_t mono_ms;
	char said[LINES][400]; /* what the engine did, in order */
	size_t n_said, n_heard;
	uint64_t seq[64]; /* of the last message of each kind */
	uint64_t exchange[64];
	uint64_t begun; /* exchange of the last request that was begun */
	uint64_t leg;   /* that left last */
	bool ring_is_full, lane_is_stopped;
	bool codes_at_once;   /* jobs come back before the next line is read */
	char traceparent[56]; /* of the last leg */
} w;

static void say(const char *fmt, ...) YT_PRINTF(1, 2);
static void say(const char *fmt, ...)
{
	va_list args;

	assert_true(w.n_said < LINES);
	va_start(args, fmt);
	vsnprintf(w.said[w.n_said++], sizeof(w.said[0]), fmt, args);
	va_end(args);
}

/* -- the engine's world --------------------------------------------------------------------------- */

static int64_t e_wall(void *ctx)
{
	return NOON + w.mono_ms;
}

static int64_t e_mono(void *ctx)
{
	return w.mono_ms;
}

static void e_random(void *ctx, void *out, size_t n)
{
	memset(out, 0, n);
}

static bool has(struct yt_str octets, const char *part)
{
	return octets.n != 0 && memmem(octets.p, octets.n, part, strlen(part)) != NULL;
}

static void add_record(char *text, size_t size, const struct rec *rec)
{
	static const char *const outcomes[] = { "", ":done", ":refused", ":unknown" };
	size_t n = strlen(text);
	uint64_t outcome = rec_get_u64(rec, REC_T_OUTCOME);
	struct yt_str result = rec_get(rec, REC_T_RESULT);

	n += (size_t)snprintf(
	        text + n, size - n, " %s%s", rec_type_name(rec->type), outcome < 4 ? outcomes[outcome] : "");
	if (result.n != 0)
		n += (size_t)snprintf(text + n, size - n, ":%.*s", YT_FMT(result));
	if (rec->type == REC_DUE)
		snprintf(text + n, size - n, ":%lld", (long long)(rec_get_i64(rec, REC_T_DUE) - e_wall(NULL)));
	if (rec->type == REC_REFUSED) /* English, for the operator */
		snprintf(text + n, size - n, " %.*s", YT_FMT(rec_get(rec, REC_T_REASON)));
	if (rec->type == REC_SESSION)
		snprintf(text + n, size - n, ":%.*s", YT_FMT(rec_get(rec, REC_T_SIGN_NO)));
	if (rec->type == REC_ANSWERED && (rec_get_u64(rec, REC_T_FLAGS) & REC_X_MONEY_BREACH) != 0)
		snprintf(text + n, size - n, "%s", has(rec_get(rec, REC_T_REPLY), " warn=") ? ":marked" : ":unmarked");
}

static int e_submit(void *ctx, const struct talk *talk)
{
	char records[300] = "";
	struct yt_str rest = talk->payload;
	struct rec rec;
	size_t used;

	if (w.ring_is_full)
		return YT_ENOSPC;
	for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used)
		add_record(records, sizeof(records), &rec);
	w.seq[talk->kind] = talk->seq;
	w.exchange[talk->kind] = talk->exchange;
	if (talk->kind == UP_BEGIN)
		w.begun = talk->exchange;
	say("up %s%s", talk_name(talk->kind), records);
	return 0;
}

static void e_send(void *ctx, const struct engine_party *party, uint64_t leg, struct yt_str wire_op, struct yt_str body,
        int64_t deadline_ms)
{
	w.leg = leg;
	snprintf(w.traceparent, sizeof(w.traceparent), "%s", engine_traceparent(w.engine));
	assert_true(deadline_ms > w.mono_ms && deadline_ms <= w.mono_ms + party->change_timeout_ms);
	say("out %.*s", YT_FMT(body));
}

static void e_answer(void *ctx, uint64_t token, int status, const char *content_type, struct yt_str body)
{
	if (status == 200)
		say("answer %llu %.*s", (unsigned long long)token, YT_FMT(body));
	else
		say("answer %llu status %d", (unsigned long long)token, status);
}

/* Whoever acts by what was answered, as a folder does, must not put away what was refused for now only. */
static void e_verdict(void *ctx, uint64_t token, enum yt_outcome outcome, struct yt_str text)
{
	if (outcome == YT_UNKNOWN)
		say("later %llu", (unsigned long long)token);
}

static void e_drop(void *ctx, uint64_t token)
{
	assert_true(token != 0);
	say("drop %llu", (unsigned long long)token);
}

static void e_person(void *ctx, struct yt_str person, uint8_t out[16])
{
	memset(out, 7, 16);
}

/* Whatever function dies, there is an exchange to park, and octets that are not taken again (P8). */
static void e_box(void *ctx, const char *plugin, const char *what, uint64_t exchange, struct yt_str octets)
{
	if (what != NULL && (exchange == 0 || octets.n == 0))
		fail_msg("%s stands in the black box without its exchange or octets", what);
}

static bool e_quarantined(void *ctx, struct yt_str octets)
{
	return memmem(octets.p, octets.n, "poison", 6) != NULL || memmem(octets.p, octets.n, "|POISON", 7) != NULL;
}

static bool e_stopped(void *ctx, const struct engine_party *party)
{
	return w.lane_is_stopped;
}

/* -- its configuration ---------------------------------------------------------------------------- */

static struct yt_codec_api one_line; /* fake_codec, slow or not */
static const struct engine_codec codec = { &one_line, NULL };
static const struct engine_origin origins[] = {
	{ .name = "hold", .unknown_style = ENGINE_HOLD, .timeout_ms = ORIGIN_MS },
	{ .name = "silence", .unknown_style = ENGINE_SILENCE, .timeout_ms = ORIGIN_MS },
};
static const struct engine_institution institutions[] = {
	{ "H1", "one", "330213", true, "YT", "gateway", 0, 0, NULL },    /* signs in itself, holds */
	{ "H2", "two", "330213", true, "YT", "gateway", 0, 0, NULL },    /* silent */
	{ "H3", "three", "330213", false, "YT", "gateway", 0, 0, NULL }, /* we sign in */
};
static const struct engine_party party = { .name = "platform",
	.codec = { &one_line, NULL },
	.query_timeout_ms = 2000,
	.change_timeout_ms = 4000,
	.server_delay_ms = DELAY_MS };

static const struct engine_origin *c_subject(void *ctx, struct yt_str subject)
{
	return yt_str_is(subject, "nobody") ? NULL : &origins[yt_str_is(subject, "H2")];
}

static const struct engine_origin *c_caller(void *ctx, struct yt_str caller, struct yt_str *key)
{
	*key = YT_STR("good");
	return yt_str_is(caller, "clinic") ? &origins[0] : NULL;
}

static bool c_speaks_for(void *ctx, const struct engine_origin *origin, const struct yt_msg *msg)
{
	struct yt_str institution = msg->institution;

	return !yt_str_is(institution, "H9") && (origin == &origins[1]) == yt_str_is(institution, "H2");
}

static const struct engine_institution *c_institution(void *ctx, struct yt_str code)
{
	return code.n == 2 && code.p[1] >= '1' && code.p[1] <= '3' ? &institutions[code.p[1] - '1'] : NULL;
}

static const struct engine_party *c_route(void *ctx, const struct yt_msg *msg, const struct engine_origin *origin,
        const char *listener, struct engine_way *way)
{
	way->rule = "everything";
	return yt_str_is(msg->visit, "nowhere") ? NULL : &party;
}

static const struct engine_party *c_party(void *ctx, const char *name)
{
	return strcmp(name, "platform") == 0 ? &party : NULL;
}

static const struct engine_codec *c_listener(void *ctx, const char *name)
{
	return strcmp(name, "hospitals") == 0 ? &codec : NULL;
}

/* -- lines of a script ---------------------------------------------------------------------------- */

static struct yt_str word(struct yt_str *rest)
{
	struct yt_str first;
	size_t n = 0;

	while (rest->n > 0 && rest->p[0] == ' ') {
		rest->p++;
		rest->n--;
	}
	while (n < rest->n && rest->p[n] != ' ')
		n++;
	first = (struct yt_str){ rest->p, n };
	rest->p += n;
	rest->n -= n;
	if (rest->n > 0) { /* one blank: what follows is taken as it is */
		rest->p++;
		rest->n--;
	}
	return first;
}

static int64_t number(struct yt_str s)
{
	char text[24];

	snprintf(text, sizeof(text), "%.*s", YT_FMT(s));
	return strtoll(text, NULL, 10);
}

/* What the engine borrows only until it returns: gone then. */
static char *borrowed(struct yt_str *s)
{
	char *copy = malloc(s->n + 1);

	assert_non_null(copy);
	memcpy(copy, s->p, s->n);
	copy[s->n] = 0;
	s->p = copy;
	return copy;
}

static void do_ask(struct yt_str rest)
{
	struct yt_str token = word(&rest);
	char *octets = borrowed(&rest), inst[8];
	struct engine_request r = { .token = (uint64_t)number(token),
		.listener = "hospitals",
		.codec = codec,
		.by_certificate = true,
		.method = YT_STR("POST"),
		.body = rest };

	fake_value(rest, "inst", inst, sizeof(inst));
	r.subject = yt_str(inst);
	engine_request(w.engine, &r);
	memset(inst, '#', sizeof(inst));
	free(octets);
}

static enum talk_kind kind_of(struct yt_str name, size_t from)
{
	size_t i;

	for (i = from; i < TALK_NAMES; i++) {
		if (yt_str_is(name, talk_name(i)))
			return (enum talk_kind)i;
	}
	fail_msg("no such message: %.*s", YT_FMT(name));
	return UP_HELLO;
}

static void do_session(struct yt_str sign_no)
{
	struct talk talk = { .seq = w.seq[UP_SESSION], .kind = DOWN_SESSION };
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_SESSION, 0, 0, NOON);

	if (yt_str_is(sign_no, "grant")) {
		rec_i64(&buf, REC_T_SECOND, NOON / 1000);
		rec_u32(&buf, REC_T_SERIAL, 9000);
	} else {
		rec_str(&buf, REC_T_SIGN_NO, sign_no);
	}
	rec_end(&buf, at);
	talk.payload = yt_buf_view(&buf);
	engine_talk(w.engine, &talk);
	yt_buf_free(&buf);
}

static void do_down(struct yt_str rest)
{
	struct yt_str name = word(&rest);
	struct talk talk = { .kind = DOWN_SESSION };
	struct yt_buf buf = { 0 };
	enum talk_kind of;
	size_t at;

	if (yt_str_is(name, "session")) {
		do_session(rest);
		return;
	}
	of = kind_of(word(&rest), 0);
	talk.kind = kind_of(name, 32);
	talk.seq = w.seq[of];
	talk.exchange = yt_str_is(rest, "other") ? 999 : w.exchange[of];
	at = rec_begin(&buf, REC_ANSWERED, 0, talk.exchange, NOON);
	rec_str(&buf, REC_T_REPLY, rest);
	rec_end(&buf, at);
	talk.payload = yt_buf_view(&buf);
	engine_talk(w.engine, &talk);
	yt_buf_free(&buf);
}

static void lease_state(struct exchange *x, struct yt_str words, struct yt_buf *lease)
{
	while (words.n > 0) {
		const char *plus = memchr(words.p, '+', words.n);
		size_t n = plus != NULL ? (size_t)(plus - words.p) : words.n;
		struct yt_str one = { words.p, n };
		enum exchange_state s;

		for (s = X_NONE; s <= X_READ; s++) {
			if (yt_str_is(one, exchange_state_name(s)))
				x->state = s;
		}
		x->answered = x->answered || yt_str_is(one, "answered");
		x->must_answer = x->must_answer || yt_str_is(one, "owed");
		x->reversal_wanted = x->reversal_wanted || yt_str_is(one, "wanted");
		x->attempts += yt_str_is(one, "tried") ? 3 : 0;
		if (yt_str_starts(one, "joins=")) {
			x->joins = 77;
			rec_str(lease, REC_T_RESULT, (struct yt_str){ one.p + 6, one.n - 6 });
		}
		if (yt_str_is(one, "quiet"))
			rec_u64(lease, REC_T_QUIET, 0);
		words.p += plus != NULL ? n + 1 : n;
		words.n -= plus != NULL ? n + 1 : n;
	}
}

static void do_lease(struct yt_str rest)
{
	struct yt_str words = word(&rest);
	uint64_t elapsed = (uint64_t)number(word(&rest));
	struct talk talk = { .exchange = 77000, .kind = DOWN_LEASE };
	struct exchange x;
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_CARRIED, 0, talk.exchange, NOON);

	memset(&x, 0, sizeof(x));
	x.id = talk.exchange;
	memcpy(x.listener, "hospitals", 10);
	memcpy(x.party, "platform", 9);
	memcpy(x.trace, "ABCDEFGH", 9);
	lease_state(&x, words, &buf);
	rec_bytes(&buf, REC_T_STATE, &x, sizeof(x));
	rec_i64(&buf, REC_T_SECOND, NOON / 1000);
	rec_u32(&buf, REC_T_SERIAL, 9000);
	rec_u64(&buf, REC_T_ELAPSED, elapsed);
	rec_u64(&buf, REC_T_QUIET, elapsed);
	rec_str(&buf, REC_T_REQUEST, rest);
	rec_end(&buf, at);
	talk.payload = yt_buf_view(&buf);
	engine_talk(w.engine, &talk);
	yt_buf_free(&buf);
}

static bool do_leg(struct yt_str what, struct yt_str rest)
{
	char *octets = borrowed(&rest);
	bool known = true;

	if (yt_str_is(what, "back"))
		engine_leg(w.engine, w.leg, LEG_ANSWERED, 200, rest, "", false);
	else if (yt_str_is(what, "back502"))
		engine_leg(w.engine, w.leg, LEG_ANSWERED, 502, rest, "", false);
	else if (yt_str_is(what, "late"))
		engine_leg(w.engine, w.begun, LEG_ANSWERED, 200, rest, "", true);
	else if (yt_str_is(what, "lost"))
		engine_leg(w.engine, w.leg, LEG_LOST, 0, (struct yt_str){ 0 }, "cut", false);
	else if (yt_str_is(what, "timeout"))
		engine_leg(w.engine, w.leg, LEG_TIMED_OUT, 0, (struct yt_str){ 0 }, "timeout", false);
	else if (yt_str_is(what, "notsent"))
		engine_leg(w.engine, w.leg, LEG_NOT_SENT, 0, (struct yt_str){ 0 }, "refused", false);
	else
		known = false;
	free(octets);
	return known;
}

static bool do_world(struct yt_str what, struct yt_str rest)
{
	struct talk welcome = { .seq = w.seq[UP_HELLO], .exchange = 5, .kind = DOWN_WELCOME };
	struct talk restarted = { .exchange = 1234, .kind = DOWN_RESTARTED };

	if (yt_str_is(what, "gone")) {
		engine_gone(w.engine, (uint64_t)number(rest));
	} else if (yt_str_is(what, "taken")) {
		engine_flushed(w.engine, (uint64_t)number(rest));
	} else if (yt_str_is(what, "wait")) {
		w.mono_ms += number(rest);
		engine_tick(w.engine);
	} else if (yt_str_is(what, "full")) {
		w.ring_is_full = true;
	} else if (yt_str_is(what, "room")) {
		w.ring_is_full = false;
		engine_tick(w.engine);
	} else if (yt_str_is(what, "restarted")) {
		engine_talk(w.engine, &restarted);
	} else if (yt_str_is(what, "stop") || yt_str_is(what, "start")) {
		w.lane_is_stopped = yt_str_is(what, "stop");
	} else if (yt_str_is(what, "slow")) {
		one_line.is_slow = true;
	} else if (yt_str_is(what, "coded")) {
		assert_true(jobs_run_one(w.engine));
	} else if (yt_str_is(what, "rests")) {
		assert_null(jobs.first);
	} else if (yt_str_is(what, "crowded")) {
		jobs.crowded = true;
	} else if (yt_str_is(what, "welcome")) {
		engine_talk(w.engine, &welcome);
	} else {
		return false;
	}
	return true;
}

static void expect(struct yt_str line)
{
	const char *said = w.n_heard < w.n_said ? w.said[w.n_heard] : "(nothing)";

	if (strncmp(said, line.p, line.n) != 0)
		fail_msg("wanted: %.*s\n   but: %s", YT_FMT(line), said);
	w.n_heard++;
}

static void play(const char *script)
{
	while (*script != 0) {
		size_t n = strcspn(script, "\n");
		struct yt_str line = { script, n }, rest = line, what = word(&rest);

		script += n + (script[n] == '\n');
		if (yt_str_is(what, "up") || yt_str_is(what, "out") || yt_str_is(what, "answer") ||
		        yt_str_is(what, "drop") || yt_str_is(what, "later")) {
			expect(line);
			continue;
		}
		if (w.n_heard < w.n_said)
			fail_msg("before: %.*s\n   unexpected: %s", YT_FMT(line), w.said[w.n_heard]);
		if (yt_str_is(what, "ask"))
			do_ask(rest);
		else if (yt_str_is(what, "down"))
			do_down(rest);
		else if (yt_str_is(what, "lease"))
			do_lease(rest);
		else if (!do_leg(what, rest) && !do_world(what, rest))
			fail_msg("what is this: %.*s", YT_FMT(line));
		while (w.codes_at_once && jobs_run_one(w.engine))
			;
	}
	if (w.n_heard < w.n_said)
		fail_msg("unexpected at the end: %s", w.said[w.n_heard]);
}

static int setup(void **state)
{
	struct engine_conf conf = { .origin_by_subject = c_subject,
		.origin_by_caller = c_caller,
		.speaks_for = c_speaks_for,
		.institution = c_institution,
		.route = c_route,
		.party = c_party,
		.listener = c_listener,
		.serial_from = 9000,
		.serial_to = 9999,
		.exchanges = 4,
		.retry_ms = 500,
		.retry_max_ms = 4000,
		.park_after_ms = 86400000,
		.margin_ms = MARGIN_MS };
	struct engine_world world = { .wall_ms = e_wall,
		.mono_ms = e_mono,
		.random = e_random,
		.submit = e_submit,
		.send = e_send,
		.answer = e_answer,
		.verdict = e_verdict,
		.drop = e_drop,
		.person = e_person,
		.box = e_box,
		.quarantined = e_quarantined,
		.stopped = e_stopped,
		.run = jobs_take };

	memset(&w, 0, sizeof(w));
	memset(&jobs, 0, sizeof(jobs));
	one_line = fake_codec;
	w.mono_ms = 1000;
	w.engine = engine_new(&conf, &world);
	assert_non_null(w.engine);
	engine_start(w.engine);
	play("up hello\nwelcome");
	return 0;
}

/* All the same with a slow codec, whose jobs come back before anything else happens. */
static int setup_slow(void **state)
{
	int rv = setup(state);

	one_line.is_slow = true;
	w.codes_at_once = jobs.hasty = true;
	return rv;
}

static int teardown(void **state)
{
	assert_int_equal(jobs.unboxed, 0);
	jobs_forget();
	engine_free(w.engine);
	return 0;
}

/* -- the conversations ---------------------------------------------------------------------------- */

#define ASK "ask 1 SETTLE inst=H1 num=N1 op=A | person=P visit=V1 batch=B1 amt=1200\n"
#define BEGUN ASK "up begin accepted sending\ndown admitted begin\nout SETTLE inst=H1 num=N1 op=A | person=P visit=V1\n"
#define UNKNOWN BEGUN "timeout\nup end outcome:unknown\ndown wait end\n"
#define SETTLE "SETTLE inst=H1 num=N1 op=A | person=P visit=V1 batch=B1 amt=1200\n"
#define CANCEL "CANCEL inst=H1 num=C1 op=A | person=P setl=S1\n"
#define FEES "FEES inst=H1 num=F1 op=A | visit=V1 batch=B1\n"
#define REGISTER "REGISTER inst=H1 num=G1 op=A | person=P own=O1\n"
#define REVERSE "REVERSE inst=H1 num=R1 op=A | orig=N1\n"
#define FEES3 "FEES inst=H3 num=F1 op=A | visit=V1 batch=B1\n"
#define SIGNED "up session session:\ndown session G1\n"
#define STEPPED "up step sending\ndown durable step\n"

static const struct conversation {
	const char *it;
	const char *script;
} conversations[] = {
	/* who may */
	{ "a certificate nobody knows", "ask 1 SETTLE inst=nobody num=N1\nanswer 1 status 403" },
	{ "an institution it may not speak for",
	        "ask 1 SETTLE inst=H9 num=N1\nup note refused:refused Y103 certificate or signature\nanswer 1 REFUSED at=" },
	{ "a number of our own block", "ask 1 SETTLE inst=H1 num=N19001\nup note refused:refused\nanswer 1 REFUSED" },
	{ "a number beside our block", "ask 1 READ inst=H1 num=N18999\nout READ" },
	{ "what cannot be read", "ask 1 DANCE inst=H1 num=N1\nup note refused:refused\nanswer 1 REFUSED" },
	{ "amounts that do not add up (P4)",
	        "ask 1 SETTLE inst=H1 num=N1 | total=3.00 paid=2.00\nup note refused:refused Y106 \nanswer 1 REFUSED" },
	{ "no route", "ask 1 SETTLE inst=H1 num=N1 | visit=nowhere\nup note refused:refused\nanswer 1 REFUSED" },
	{ "what the other format cannot say",
	        "ask 1 SETTLE inst=H1 num=N1 | visit=unspeakable\nup note refused:refused\nanswer 1 REFUSED" },
	{ "what killed a worker before", "ask 1 SETTLE inst=H1 num=poison\nanswer 1 status 503" },

	/* an operator has stopped the party's lane */
	{ "a query for a stopped lane is refused",
	        "stop\nask 1 READ inst=H1 num=N1\nup note refused:refused Y303 \nanswer 1 REFUSED at=" },
	{ "a change for it is admitted and refused unsent",
	        "stop\n" ASK "up begin accepted sending\ndown admitted begin\nup end outcome:refused answered:refused\n"
	        "down durable end\nanswer 1 REFUSED" },
	{ "a change that was asked before hears what became of it",
	        "stop\n" ASK "up begin accepted sending\ndown stored begin DONE setl=S1\nanswer 1 DONE setl=S1" },
	{ "stopped while the change was written down: it does not leave",
	        ASK "up begin accepted sending\nstop\ndown admitted begin\nup end outcome:refused answered:refused\n"
	            "down durable end\nanswer 1 REFUSED" },
	{ "what is on its way goes on",
	        BEGUN "stop\nback DONE setl=S1 .\nup end outcome:done answered:done\ndown durable end\nanswer 1 DONE" },
	{ "what is to be found out waits until it is started",
	        "stop\nlease unknown 15000 " SETTLE
	        "up return due:4000\ndown durable return\nstart\nlease unknown 15000 " SETTLE SIGNED STEPPED
	        "out REVERSE" },

	/* messages that say how long they may be executed (crossprovince.md 7.4) */
	{ "in its time", "ask 1 READ inst=H1 num=N1 from=1790000000000 until=1790009999999\nout READ" },
	{ "a query after its time",
	        "ask 1 READ inst=H1 num=N1 until=1789999999999\nup note refused:refused\nanswer 1 REFUSED" },
	{ "a query of the future",
	        "ask 1 READ inst=H1 num=N1 from=1790009999999\nup note refused:refused\nanswer 1 REFUSED" },
	{ "a change after its time: its stored answer counts more",
	        "ask 1 SETTLE inst=H1 num=N1 until=1789999999999 op=A | visit=V1\n"
	        "up begin\ndown stored begin DONE before\nanswer 1 DONE before" },
	{ "and without one it is refused unsent",
	        "ask 1 SETTLE inst=H1 num=N1 until=1789999999999 op=A | visit=V1\nup begin\n"
	        "down admitted begin\nup end outcome:refused answered:refused\ndown durable end\nanswer 1 REFUSED" },

	/* queries */
	{ "a query leaves at once", "ask 1 READ inst=H1 num=N1 op=A\nout READ inst=H1 num=N1\nback DONE .\n"
	                            "up note read:done\nanswer 1 DONE at=\ntaken 1" },
	{ "a query whose answer is lost is asked once more",
	        "ask 1 READ inst=H1 num=N1\nout READ\nlost\nout READ\nback DONE .\n"
	        "up note read:done\nanswer 1 DONE" },
	{ "a query lost twice is refused: it had no effect",
	        "ask 1 READ inst=H1 num=N1\nout READ\nlost\nout READ\nlost\n"
	        "up note read:refused\nanswer 1 REFUSED" },
	{ "a query that times out is not asked again", "ask 1 READ inst=H1 num=N1\nout READ\ntimeout\n"
	                                               "up note read:refused\nanswer 1 REFUSED" },

	/* P1: nothing before it is on disk */
	{ "a change leaves when it is admitted",
	        ASK "up begin accepted sending\nwait 100\ndown admitted begin\nout SETTLE" },
	{ "and is answered when that is durable",
	        BEGUN "back DONE setl=S1 amt=1200 .\nup end outcome:done answered:done\n"
	              "wait 100\ndown durable end\nanswer 1 DONE setl=S1 at=" },
	{ "what is taken is noted", BEGUN "back DONE setl=S1 .\nup end outcome:done answered:done\ndown durable end\n"
	                                  "answer 1 DONE setl=S1\ntaken 1\nup note delivered" },
	{ "what nobody waits for is noted as missed",
	        BEGUN "gone 1\nback DONE setl=S1 .\nup end outcome:done answered:done\n"
	              "down durable end\nup note delivered:missed" },
	{ "a connection that goes while the answer is on it proves nothing",
	        BEGUN "back DONE setl=S1 .\n"
	              "up end outcome:done answered:done\ndown durable end\nanswer 1 DONE setl=S1\ngone 1" },
	{ "a refusal is stored as well",
	        BEGUN "back REFUSED why=settled no .\nup end outcome:refused answered:refused\n"
	              "down durable end\nanswer 1 REFUSED at=" },
	{ "not connected: refused, nothing left", BEGUN "notsent\nup end outcome:refused answered:refused\n"
	                                                "down durable end\nanswer 1 REFUSED" },
	{ "admitted too late: it does not leave",
	        ASK "up begin accepted sending\nwait 7600\ndrop 1\ndown admitted begin\n"
	            "up end outcome:refused answered:refused" },
	{ "its origin hung up before: it does not leave", ASK "up begin accepted sending\ngone 1\ndown admitted begin\n"
	                                                      "up end outcome:refused answered:refused" },
	{ "admitted twice, by two keepers: it leaves once", BEGUN "down admitted begin\nback DONE setl=S1 .\n"
	                                                          "up end outcome:done answered:done" },
	{ "what is sent again by nobody's fault: never", BEGUN "lost\nup end outcome:unknown\ndown wait end" },

	/* P3: unknown is never a failure */
	{ "held until its end is known", UNKNOWN "wait 3000\ndown stored end DONE later\nanswer 1 DONE later" },
	{ "held no longer than its origin waits, then silence", UNKNOWN "wait 7600\ndrop 1" },
	{ "or until we stop and people have it",
	        UNKNOWN "wait 3000\ndown letgo end\ndrop 1\ndown stored end DONE later\n"
	                "up note delivered:missed" },
	{ "silence at once where that is agreed",
	        "ask 1 SETTLE inst=H2 num=N1 op=A | visit=V1\nup begin accepted sending\n"
	        "down admitted begin\nout SETTLE\nlost\nup end outcome:unknown\ndown wait end\ndrop 1" },
	{ "an unreadable answer is unknown", BEGUN "back DONE setl=S\nup end outcome:unknown" },
	{ "an answer of the wrong status is unknown", BEGUN "back502 DONE setl=S1 .\nup end outcome:unknown" },
	{ "found out after silence: missed",
	        "ask 1 SETTLE inst=H2 num=N1 op=A | visit=V1\nup begin accepted sending\n"
	        "down admitted begin\nout SETTLE\nlost\nup end outcome:unknown\ndown wait end\ndrop 1\n"
	        "down stored end DONE later\nup note delivered:missed" },
	{ "a late answer is evidence", UNKNOWN "late DONE setl=S1 .\nup late outcome:done answered:done\n"
	                                       "down stored end DONE setl=S1\nanswer 1 DONE setl=S1" },
	{ "a late answer that cannot be read is none", UNKNOWN "late DONE se" },

	/* P2: one number */
	{ "a stored answer comes back in the same octets",
	        ASK "up begin accepted sending\ndown stored begin DONE as then\n"
	            "answer 1 DONE as then\ntaken 1\nup note delivered" },
	{ "the same message in flight: it waits for the other's end",
	        ASK "up begin accepted sending\ndown wait begin other\n"
	            "wait 3000\ndown stored begin DONE theirs\nanswer 1 DONE theirs" },
	{ "a silent origin waits for another's end as well",
	        "ask 1 SETTLE inst=H2 num=N1 op=A | visit=V1\n"
	        "up begin accepted sending\ndown wait begin other\nwait 3000\ndown stored begin DONE x\nanswer 1 DONE x" },
	{ "other content is refused", ASK "up begin accepted sending\ndown conflict begin\nup note refused:refused\n"
	                                  "answer 1 REFUSED" },
	{ "P13: busy",
	        ASK "up begin accepted sending\ndown busy begin\nup note refused:refused\nlater 1\nanswer 1 REFUSED" },
	{ "closed", ASK
	        "up begin accepted sending\ndown closed begin\nup note refused:refused\nlater 1\nanswer 1 REFUSED" },
	{ "an answer for one who is gone for good is missed", "down stored begin DONE x\nup note delivered:missed" },

	/* the ring */
	{ "a query needs no room on it",
	        "ask 1 READ inst=H1 num=N1\nout READ\nfull\nback DONE .\nanswer 1 DONE\nroom" },
	{ "no new change over a full ring; it may be one asked again, so no refusal either",
	        BEGUN "full\nback DONE setl=S1 .\nask 2 SETTLE inst=H1 num=N2 | visit=V1\nanswer 2 status 503\nroom\n"
	              "up end outcome:done answered:done" },
	{ "the end of a leg waits for room",
	        BEGUN "full\nback DONE setl=S1 .\nroom\nup end outcome:done answered:done\n"
	              "down durable end\nanswer 1 DONE" },

	/* a new keeper */
	{ "a new keeper hears what is waited for", UNKNOWN "restarted\nup ready\nup wait carried\n"
	                                                   "down stored wait DONE x\nanswer 1 DONE x" },
	{ "and which leases are held",
	        "lease unknown 2000 " SETTLE "up session session:\nrestarted\nup held\nup ready\n"
	        "up session session:" },
	{ "but not those given back",
	        "lease unknown 2000 " SETTLE SIGNED STEPPED "out REVERSE\nback DONE .\n"
	        "up return outcome:done reversed:reversed answered:refused\nrestarted\nup ready\ndown durable return" },
	{ "admitted by a second keeper after a refusal: it ends",
	        ASK "up begin accepted sending\ndown busy begin\n"
	            "up note refused:refused\nlater 1\nanswer 1 REFUSED\ntaken 1\ndown admitted begin\n"
	            "up end outcome:refused answered:refused" },
	{ "admitted by a second keeper while it waits for another: it leaves",
	        ASK "up begin accepted sending\n"
	            "down wait begin other\nrestarted\nup ready\nup wait carried\ndown admitted begin\nout SETTLE" },

	/* sign-ins */
	{ "we sign in where that is ours",
	        "ask 1 READ inst=H3 num=N1 op=A\nup session session:\ndown session grant\n"
	        "out SIGNIN inst=H3\nback DONE sign=G7 .\nup note session:G7\nout READ inst=H3 num=N1 op=A sign=G7" },
	{ "once for all who wait",
	        "ask 1 READ inst=H3 num=N1 op=A\nup session session:\nask 2 READ inst=H3 num=N2 op=A\n"
	        "down session G7\nout READ inst=H3 num=N1 op=A sign=G7\nout READ inst=H3 num=N2 op=A sign=G7" },
	{ "granted twice, by two keepers: one sign-in",
	        "ask 1 READ inst=H3 num=N1 op=A\nup session session:\n"
	        "down session grant\nout SIGNIN\ndown session grant\nback DONE sign=G7 .\nup note session:G7\nout READ" },
	{ "a sign-in that killed a worker before is not tried again",
	        "ask 1 READ inst=H3 num=N1 op=POISON\nup session session:\ndown session grant\nup note session:\n"
	        "up note refused:refused\nanswer 1 REFUSED" },
	{ "waiting for a sign_no ends with the origin's time, and nothing leaves later",
	        "ask 1 READ inst=H3 num=N1 op=A\nup session session:\nwait 7599\nwait 1\ndrop 1\ndown session G7" },
	{ "a query that cannot be signed is refused",
	        "ask 1 READ inst=H3 num=N1 op=A\nup session session:\n"
	        "down session grant\nout SIGNIN\nlost\nup note session:\nup note refused:refused\nanswer 1 REFUSED" },
	{ "a change that cannot be signed is admitted, and refused under its number",
	        "ask 1 " FEES3
	        "up session session:\ndown session grant\nout SIGNIN\nlost\nup note session:\nup begin accepted sending\n"
	        "down admitted begin\nup end outcome:refused answered:refused\ndown durable end\nanswer 1 REFUSED" },
	{ "or hears what became of it before",
	        "ask 1 " FEES3 "up session session:\ndown session grant\nout SIGNIN\nlost\n"
	        "up note session:\nup begin accepted sending\ndown stored begin DONE then\nanswer 1 DONE then" },
	{ "a dead sign_no: the query again with the next one",
	        "ask 1 READ inst=H3 num=N1 op=A\n" SIGNED
	        "out READ inst=H3 num=N1 op=A sign=G1\nback REFUSED why=expired .\nup session session:G1\ndown session G2\n"
	        "out READ inst=H3 num=N1 op=A sign=G2\nback DONE .\nup note read:done\nanswer 1 DONE" },
	{ "a dead sign_no of a change: refused, and the next has another",
	        "ask 1 " FEES3 SIGNED
	        "up begin accepted sending\ndown admitted begin\nout FEES inst=H3 num=F1 op=A sign=G1\n"
	        "back REFUSED why=expired .\nup session session:G1\nup end outcome:refused answered:refused" },
	{ "midnight ends a session",
	        "ask 1 READ inst=H3 num=N1 op=A\n" SIGNED "out READ\nback DONE .\nup note read:done\n"
	        "answer 1 DONE\ntaken 1\nwait 86400000\nask 2 READ inst=H3 num=N2 op=A\nup session session:G1" },

	/* a settlement: never sent again, undone by its number (nhsa.md 5.3) */
	{ "a settlement is reversed, each step on disk first",
	        "lease unknown 2000 " SETTLE SIGNED "up step sending\nwait 50\n"
	        "down durable step\nout REVERSE inst=H1 num=H1202609212213209000 op=YT sign=G1 | person=P orig=N1 origop=SETTLE\n"
	        "back DONE .\nup return outcome:done reversed:reversed answered:refused\ndown durable return" },
	{ "\"not found\" proves nothing before the longest delay",
	        "lease unknown 2000 " SETTLE SIGNED STEPPED "out REVERSE\n"
	        "back REFUSED why=absent .\nup return outcome:refused due:13000" },
	{ "and all after it", "lease reversing 15000 " SETTLE SIGNED STEPPED "out REVERSE\nback REFUSED why=absent .\n"
	                      "up return outcome:refused reversed:reversed answered:refused" },
	{ "an undelivered success that is not found has been undone",
	        "lease done+answered 0 " SETTLE SIGNED STEPPED
	        "out REVERSE\nback REFUSED why=absent .\nup return outcome:refused reversed:reversed answered:refused" },
	{ "a reversal that is refused is tried again, later and later",
	        "lease reversing+tried 2000 " SETTLE SIGNED STEPPED
	        "out REVERSE\nback REFUSED why=closed .\nup return outcome:refused due:3000" },
	{ "a lost reversal is tried again", "lease unknown 2000 " SETTLE SIGNED STEPPED "out REVERSE\nlost\n"
	                                    "up return outcome:unknown due:375" },
	{ "a dead sign_no: sign in, the same step again",
	        "lease unknown 2000 " SETTLE SIGNED STEPPED
	        "out REVERSE inst=H1 num=H1202609212213209000 op=YT sign=G1\nback REFUSED why=expired .\nup session session:G1\n"
	        "down session G2\nup step sending\ndown durable step\n"
	        "out REVERSE inst=H1 num=H1202609212213209001 op=YT sign=G2\nback DONE .\nup return outcome:refused outcome:done" },
	{ "nobody can sign in: later",
	        "lease unknown 2000 " SETTLE "up session session:\ndown session grant\nout SIGNIN\n"
	        "lost\nup note session:\nup return due:375" },
	{ "after a day it is an operator's", "lease reversing 86400000 " SETTLE SIGNED STEPPED "out REVERSE\n"
	                                     "back REFUSED why=closed .\nup return outcome:refused parked" },
	{ "fetched meanwhile: the step is moot",
	        "lease done+answered 0 " SETTLE SIGNED "up step sending\ndown moot step" },

	/* a cancel: asked first, since reversing it revives the settlement */
	{ "a lost cancel is asked for and found",
	        "lease unknown 2000 " CANCEL SIGNED STEPPED "out FINDSETL\n"
	        "back DONE state=found setl=S1 .\nup return outcome:done resolved:done answered:done" },
	{ "what is found does not add up: marked all the same",
	        "lease unknown 2000 " CANCEL SIGNED STEPPED "out FINDSETL\n"
	        "back DONE state=found setl=S1 breach=I5 .\nup return outcome:done resolved:done answered:done:marked" },
	{ "asked too early, not found when it is late enough: later",
	        "lease unknown 14000 " CANCEL SIGNED STEPPED "out FINDSETL\nwait 1500\nback DONE state=absent .\n"
	        "up return outcome:done due" },
	{ "not found early: later",
	        "lease unknown 2000 " CANCEL SIGNED STEPPED "out FINDSETL\nback DONE state=absent .\n"
	        "up return outcome:done due:13000" },
	{ "surely absent: undone, to be sure",
	        "lease unknown 15000 " CANCEL SIGNED STEPPED "out FINDSETL\n"
	        "back DONE state=absent .\nup step sending\ndown durable step\nout REVERSE\nback REFUSED why=absent .\n"
	        "up return outcome:done outcome:refused reversed:reversed answered:refused" },
	{ "an answer that proves nothing: later", "lease unknown 15000 " CANCEL SIGNED STEPPED "out FINDSETL\n"
	                                          "back DONE state=odd .\nup return outcome:done due:375" },
	{ "its origin wants it undone: no asking", "lease unknown+wanted 2000 " CANCEL SIGNED STEPPED "out REVERSE" },

	/* registration: ask; absent for sure: the same octets again */
	{ "a lost registration is asked for and found",
	        "lease unknown 2000 " REGISTER SIGNED STEPPED "out FINDVISIT\n"
	        "back DONE state=found visit=V9 .\nup return outcome:done resolved:done answered:done" },
	{ "surely absent: the same octets again",
	        "lease unknown 15000 " REGISTER SIGNED STEPPED "out FINDVISIT\n"
	        "back DONE state=absent .\nup step sending\ndown durable step\nout REGISTER inst=H1 num=G1 op=A | person=P own=O1\n"
	        "back DONE visit=V9 .\nup return outcome:done outcome:done resolved:done answered:done" },
	{ "sent again and lost again",
	        "lease unknown 15000 " REGISTER SIGNED STEPPED "out FINDVISIT\n"
	        "back DONE state=absent .\nup step sending\ndown durable step\nout REGISTER\nlost\n"
	        "up return outcome:done outcome:unknown due:375" },

	/* fee lines, forwarded reversals: the same octets again; "already there" is done */
	{ "fee lines are sent again",
	        "lease unknown 2000 " FEES STEPPED "out FEES inst=H1 num=F1 op=A | visit=V1 batch=B1\n"
	        "back DONE .\nup return outcome:done resolved:done answered:done" },
	{ "\"already there\" is done", "lease unknown 2000 " FEES STEPPED "out FEES\nback REFUSED why=already .\n"
	                               "up return outcome:refused resolved:done answered:done" },
	{ "refused for another reason is refused",
	        "lease unknown 2000 " FEES STEPPED "out FEES\nback REFUSED why=closed .\n"
	        "up return outcome:refused resolved:refused answered:refused" },
	{ "a reversal sent again that finds nothing has been done",
	        "lease unknown 2000 " REVERSE STEPPED "out REVERSE\n"
	        "back REFUSED why=absent .\nup return outcome:refused resolved:done answered:done" },
	{ "a dead sign_no in old octets proves nothing: again, with a new one",
	        "lease unknown 2000 " FEES3 STEPPED
	        "out FEES inst=H3 num=F1 op=A | visit=V1 batch=B1\nback REFUSED why=expired .\n" SIGNED STEPPED
	        "out FEES inst=H3 num=F1 op=A sign=G1 |\nback REFUSED why=already .\n"
	        "up return outcome:refused outcome:refused resolved:done answered:done" },
	{ "where the hospital signs in itself, our operator stands in",
	        "lease unknown 2000 " FEES STEPPED "out FEES\n"
	        "back REFUSED why=expired .\n" SIGNED STEPPED "out FEES inst=H1 num=F1 op=YT sign=G1 |" },

	/* the rest */
	{ "what nobody can find out is an operator's",
	        "lease unknown 2000 STRANGE inst=H1 num=X1 | a=b\nup return parked" },
	{ "a joined reversal: its target was undone",
	        "lease accepted+joins=reversed 0 " REVERSE "up return resolved:done answered:done" },
	{ "a joined reversal: its target never happened",
	        "lease accepted+joins=refused 0 " REVERSE "up return resolved:done answered:done" },
	{ "a joined reversal: its target stands",
	        "lease accepted+joins=done 0 " REVERSE "up return resolved:refused answered:refused" },
	{ "what cannot be reversed stands, and its reversal hears so",
	        "lease done+answered+wanted 0 " FEES "up return joined:refused" },
	{ "a request that cannot be read back is an operator's", "lease unknown 2000 DANCE\nup return parked" },
	{ "unless it is decided: it ends without an answer", "lease refused+owed 0 DANCE\nup return answered:refused" },
};

/* A slow codec's jobs, and what happens while they are out.  CODED2: one to read, one to write. */
#define CODED2 "coded\ncoded\n"
#define SLOWLY "slow\n" ASK CODED2 "up begin accepted sending\ndown admitted begin\nout SETTLE\n"
#define SLOWLY_UNKNOWN SLOWLY "timeout\nup end outcome:unknown\ndown wait end\n"
#define DONE "up end outcome:done answered:done\ndown durable end\n"

static const struct conversation raced[] = {
	{ "one is served while another is decoded",
	        "slow\n" ASK "ask 2 READ inst=H1 num=N2\ncoded\ncoded\ncoded\nup begin\ncoded\nout READ" },
	{ "gone while its request is decoded: nothing was", "slow\n" ASK "gone 1\ncoded\nrests" },
	{ "gone while its request is encoded: nothing was", "slow\n" ASK "coded\ngone 1\ncoded\nrests" },
	{ "gone while a refusal is written",
	        "slow\nask 1 DANCE inst=H1 num=N1\ncoded\nup note refused:refused\ngone 1\ncoded" },
	{ "a certificate's subject is still known then",
	        "slow\nask 1 SETTLE inst=H9 num=N1\ncoded\nup note refused:refused Y103\ncoded\nanswer 1 REFUSED" },
	{ "the time is over while its answer is read: it is given all the same",
	        SLOWLY "back DONE setl=S1 .\nwait 9000\n" CODED2 DONE "answer 1 DONE setl=S1" },
	{ "gone while its answer is read: what came is written down",
	        SLOWLY "back DONE setl=S1 .\ngone 1\n" CODED2 DONE "up note delivered:missed" },
	{ "gone while its answer is written",
	        SLOWLY "back DONE setl=S1 .\ncoded\ngone 1\ncoded\n" DONE "up note delivered:missed" },
	{ "nothing else is heard of a leg that is being read", SLOWLY
	        "back DONE setl=S1 .\nlost\ntimeout\nlate DONE setl=S2 .\n" CODED2 DONE "answer 1 DONE setl=S1" },
	{ "a new keeper while its answer is read",
	        SLOWLY "back DONE setl=S1 .\nrestarted\nup ready\n" CODED2 DONE "answer 1 DONE setl=S1" },
	{ "a new keeper while its request is encoded", "slow\n" ASK "coded\nrestarted\nup ready\ncoded\nup begin" },
	{ "found out while a late answer is read: that goes first",
	        SLOWLY_UNKNOWN "late DONE setl=S1 .\ndown stored end DONE later\n" CODED2
	                       "up late outcome:done answered:done\nanswer 1 DONE later" },
	{ "told to wait while a late answer is read", SLOWLY
	        "timeout\nup end outcome:unknown\nlate DONE setl=S1 .\ndown wait end\nrestarted\nup ready\n"
	        "up end outcome:unknown\n" CODED2 "up late outcome:done answered:done\ndown stored end DONE later\n"
	        "answer 1 DONE later" },
	{ "given up while a late answer is read", SLOWLY_UNKNOWN "late DONE setl=S1 .\nwait 60000\ndrop 1\n" CODED2
	                                                         "up late outcome:done answered:done\nwait 1" },
	{ "a late answer that comes twice is read once", SLOWLY_UNKNOWN
	        "late DONE setl=S1 .\nlate DONE setl=S2 .\n" CODED2 "up late outcome:done answered:done\nrests" },
	{ "a query's answer is lost twice, and its refusal is written",
	        "slow\nask 1 READ inst=H1 num=N1\n" CODED2 "out READ\nback502 x\ncoded\nout READ\nlost\nup note read\n"
	        "late DONE .\ncoded\nanswer 1 REFUSED" },
	{ "too many wait to be decoded", "slow\ncrowded\n" ASK "answer 1 status 503" },
	{ "too many wait to be encoded: nothing was sent", "slow\n" ASK "crowded\ncoded\nanswer 1 status 503" },
	{ "what is under way is taken however many wait",
	        SLOWLY "crowded\nback DONE setl=S1 .\n" CODED2 DONE "answer 1 DONE" },
	{ "a lease is taken however many wait",
	        "slow\ncrowded\nlease unknown 20000 " FEES
	        "coded\nup step\ndown durable step\nout FEES\nback DONE .\n" CODED2 "up return" },
	{ "nothing else is heard of a lease's leg that is being read",
	        "slow\nlease unknown 20000 " FEES
	        "coded\nup step\ndown durable step\nout FEES\nback DONE .\nlost\n" CODED2 "up return\nrests" },
	{ "a lease is moot while its request is read, its answer read or written",
	        "slow\nlease unknown 20000 " FEES "coded\nup step\ndown durable step\nout FEES\nback DONE .\n"
	        "down moot step\ncoded\ndown moot step\ncoded\nup return\ndown durable return" },
	{ "a new keeper while a lease is read: it is named",
	        "slow\nlease unknown 20000 " FEES "restarted\nup held\nup ready\ncoded\nup step" },
};

static void test_conversation(void **state)
{
	const struct conversation *row = *state;

	play(row->script);
}

/* -- what is no conversation ---------------------------------------------------------------------- */

static void test_signature(void **state)
{
	static const struct {
		const char *caller, *signature;
		int status; /* 0: it enters */
	} rows[] = { { "clinic", "good", 0 }, { "clinic", "bad", 403 }, { "stranger", "good", 403 }, { "", "", 403 },
		{ "clinic", "poison", 503 } }; /* its headers killed a worker before */
	char refusal[24];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct yt_header headers[] = { { YT_STR("caller"), yt_str(rows[i].caller) },
			{ YT_STR("signature"), yt_str(rows[i].signature) } };
		struct engine_request r = { .token = 1,
			.listener = "hospitals",
			.codec = codec,
			.method = YT_STR("POST"),
			.headers = headers,
			.n_headers = 2,
			.body = YT_STR("READ inst=H1 num=N1") };

		r.token = i + 1;
		engine_request(w.engine, &r);
		snprintf(refusal, sizeof(refusal), "status %d", rows[i].status);
		if (rows[i].status == 0)
			play("out READ");
		else
			assert_non_null(strstr(w.said[w.n_heard++], refusal));
	}
}

static void test_method(void **state)
{
	struct engine_request r = { .token = 1,
		.listener = "hospitals",
		.codec = codec,
		.by_certificate = true,
		.method = YT_STR("GET"),
		.subject = YT_STR("H1"),
		.body = YT_STR("READ inst=H1 num=N1") };

	engine_request(w.engine, &r);
	play("answer 1 status 405");
}

/* The trace id a request came with goes on to the party; without one it gets one of ours. */
static void test_trace(void **state)
{
	const char *id = "00-4bf92f3577b34da6a3ce929d0e0e4736-";
	struct yt_header header = { YT_STR("traceparent"),
		YT_STR("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01") };
	struct engine_request r = { .token = 1,
		.listener = "hospitals",
		.codec = codec,
		.by_certificate = true,
		.method = YT_STR("POST"),
		.subject = YT_STR("H1"),
		.headers = &header,
		.n_headers = 1,
		.body = YT_STR("READ inst=H1 num=N1") };

	engine_request(w.engine, &r);
	play("out READ");
	assert_int_equal(strncmp(w.traceparent, id, strlen(id)), 0);
	assert_string_equal(engine_traceparent(w.engine), "");
	play("ask 2 READ inst=H1 num=N2\nout READ");
	assert_int_equal(strlen(w.traceparent), 55);
	assert_int_not_equal(strncmp(w.traceparent, id, strlen(id)), 0);
	assert_string_equal(w.traceparent + 35, "-3232323232323232-00"); /* the letters of no randomness */
}

/* P12: no more at once than configured. */
static void test_limit(void **state)
{
	play("ask 1 READ inst=H1 num=N1\nout READ\nask 2 READ inst=H1 num=N2\nout READ\nask 3 READ inst=H1 num=N3\nout READ\n"
	     "ask 4 READ inst=H1 num=N4\nout READ\nask 5 READ inst=H1 num=N5\nanswer 5 status 503");
}

/* It drains: idle only when nobody waits and nothing is held. */
static void test_idle(void **state)
{
	assert_true(engine_is_idle(w.engine));
	play(UNKNOWN);
	assert_false(engine_is_idle(w.engine));
	play("down letgo end\ndrop 1");
	assert_true(engine_is_idle(w.engine)); /* its outcome is the keeper's now */
	play("lease unknown 2000 " SETTLE SIGNED "up step sending");
	assert_false(engine_is_idle(w.engine));
	play("down durable step\nout REVERSE\nback DONE .\nup return\ndown durable return");
	assert_true(engine_is_idle(w.engine));
}

/* It does not drain away under a late answer that is being read. */
static void test_idle_slow(void **state)
{
	play(SLOWLY_UNKNOWN "gone 1\nlate DONE setl=S1 .");
	assert_false(engine_is_idle(w.engine));
	play(CODED2 "up late");
	assert_true(engine_is_idle(w.engine));
}

/* An answer that does not add up is passed on, marked (P4). */
static void test_marked_by_codec(void **state)
{
	play(BEGUN "back DONE setl=S1 breach=I5 .\nup end outcome:done answered:done\ndown durable end\n"
	           "answer 1 DONE setl=S1 at=1790000001000 warn=");
}

static void test_marked(void **state)
{
	play(BEGUN "back DONE setl=S1 total=3.00 paid=2.00 .\nup end outcome:done answered:done\ndown durable end\n"
	           "answer 1 DONE setl=S1 at=1790000001000 warn=");
}

/* Also of a format whose answers have no envelope. */
static void test_marked_bare(void **state)
{
	play(BEGUN "back DONE setl=S1 breach=I5 bare=1 .\nup end outcome:done answered:done\ndown durable end\n"
	           "answer 1 DONE setl=S1 at=1790000001000 warn=");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_signature, setup, teardown),
		cmocka_unit_test_setup_teardown(test_method, setup, teardown),
		cmocka_unit_test_setup_teardown(test_trace, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_idle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_idle_slow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_marked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_marked_by_codec, setup, teardown),
		cmocka_unit_test_setup_teardown(test_marked_bare, setup, teardown),
	};
	struct CMUnitTest talks[COUNT(conversations)], slow_talks[COUNT(conversations)], races[COUNT(raced)];
	size_t i;

	yt_log_setup("test", (enum yt_level)(YT_ERROR + 1));
	for (i = 0; i < COUNT(talks); i++) {
		talks[i] = (struct CMUnitTest){ conversations[i].it, test_conversation, setup, teardown,
			(void *)(uintptr_t)&conversations[i] };
		slow_talks[i] = talks[i];
		slow_talks[i].setup_func = setup_slow;
	}
	for (i = 0; i < COUNT(races); i++)
		races[i] = (struct CMUnitTest){ raced[i].it, test_conversation, setup, teardown,
			(void *)(uintptr_t)&raced[i] };
	return cmocka_run_group_tests(tests, NULL, NULL) + cmocka_run_group_tests(talks, NULL, NULL) +
	       cmocka_run_group_tests_name("slow_talks", slow_talks, NULL, NULL) +
	       cmocka_run_group_tests(races, NULL, NULL);
}
