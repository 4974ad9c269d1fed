/* tests/test_flow.c - flows: one request, several parties, and what becomes of it whatever a party does.
 *
 * The real engine and the real keeper, one of each, with a journal in memory between them; the parties are the test.
 * A scenario says what leaves, in order, and what comes back; what leaves otherwise is a failure.  Each is
 * played once as it stands and once more for each leg with everything killed when that leg has left; and all tests
 * once more with codecs that are slow, whose calls come back only when nothing else moves. */
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
#include "journal/keeper.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define H "H1"

struct message { /* on its way between the two */
	struct talk talk;
	struct yt_buf payload;
	bool up;
};

static struct world {
	struct engine *engine;
	struct keeper *keeper;
	int64_t now;
	struct yt_buf commits[400]; /* position is index + 1 */
	size_t n_commits;
	struct message queue[64];
	size_t first, last;
	uint64_t leg; /* what has left and is not answered; 0 none */
	char sent[400], sent_to[16], answer[400];
	unsigned answers, drops, sign_ins, answered;
	int64_t deadline_in;
} w;

/* -- codecs: the one-line format, under two names ------------------------------------------------- */

static struct yt_codec_api platform_api, hub_api;
static enum yt_resolve platform_settles = YT_RESOLVE_REVERSE;
static enum yt_resolve platform_resolves = YT_RESOLVE_RESEND; /* a registration of unknown outcome */
static bool is_native;                                        /* all but reversals goes to the platform as it came */
static bool is_slow;
static bool needs_consent; /* claims say it */
static bool relays;        /* and reversals as well */
static bool reads_nothing; /* answers cannot be read any more */

static const char *wire_of(enum yt_operation op)
{
	for (const struct yt_wire_op *o = fake_codec.ops; o->wire != NULL; o++)
		if (o->op == op)
			return o->wire;
	return "?";
}

/* A credential in the business part: "secret=..." */
static int wide_decode_request(struct yt_plugin *self, struct yt_str octets, struct yt_msg *msg, struct yt_fault *fault)
{
	char secret[40];

	fake_value(octets, "secret", secret, sizeof(secret));
	msg->n_secrets = secret[0] != 0;
	return fake_codec.decode_request(self, octets, msg, fault);
}

static int wide_blank(struct yt_plugin *self, struct yt_str wire_op, bool is_answer, struct yt_arena *arena,
        struct yt_str octets, yt_blank *put, void *ctx, struct yt_buf *out)
{
	const char *at = memmem(octets.p, octets.n, "secret=", 7);
	char secret[40];

	fake_value(octets, "secret", secret, sizeof(secret));
	if (at == NULL)
		return 0;
	yt_buf_add(out, octets.p, (size_t)(at - octets.p) + 7);
	put(ctx, yt_str(secret), out);
	return 1;
}

static int wide_encode_request(
        struct yt_plugin *self, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault)
{
	struct yt_msg named = *msg;

	named.wire_op = yt_str(wire_of(msg->op->id));
	if (yt_str_is(msg->batch, "incomplete") && msg->op->id == YT_OP_OUTPATIENT_SETTLE && self == NULL &&
	        msg->facts != NULL) { /* as the hub's: it lacks what nobody brought */
		snprintf(fault->path, sizeof(fault->path), "data.inscp_scp_amt");
		snprintf(fault->why, sizeof(fault->why), "is missing: 2204 brings it");
		return YT_EFORMAT;
	}
	if (needs_consent && msg->op->id == YT_OP_CLAIM_SUBMIT) {
		struct yt_str auth = yt_node_text(yt_node_get(msg->body, "consent"), "auth_no");

		if (auth.n == 0) {
			snprintf(fault->path, sizeof(fault->path), "consent.auth_no");
			snprintf(fault->why, sizeof(fault->why), "is missing");
			return YT_EFORMAT;
		}
		yt_buf_printf(out, "CLAIM auth=%.*s name=%.*s level=%.*s inst=%.*s num=%.*s | ", YT_FMT(auth),
		        YT_FMT(yt_node_text(yt_node_get(msg->body, "data"), "fixmedins_name")),
		        YT_FMT(yt_node_text(yt_node_get(msg->body, "data"), "hosp_lv")), YT_FMT(msg->institution),
		        YT_FMT(msg->number));
		return 0;
	}
	if (needs_consent && msg->op->id == YT_OP_CLAIM_WITHDRAW) {
		yt_buf_printf(out, "WITHDRAW claim=%.*s why=%.*s inst=H1 num=T1 | ",
		        YT_FMT(yt_node_text(yt_node_get(msg->body, "data"), "claim_no")),
		        YT_FMT(yt_node_text(yt_node_get(msg->body, "data"), "withdraw_reason")));
		return 0;
	}
	if (fake_codec.encode_request(self, &named, out, fault) != 0)
		return YT_EFORMAT;
	if (msg->n_secrets != 0) {
		char secret[40];

		fake_value(msg->content, "secret", secret, sizeof(secret));
		yt_buf_printf(out, " secret=%s", secret);
	}
	return 0;
}

/* A registration issues a number of its own: a fact for the steps behind it. */
static int wide_decode_reply(
        struct yt_plugin *self, const struct yt_msg *msg, int status, struct yt_str octets, struct yt_reply *reply)
{
	int rv = fake_codec.decode_reply(self, msg, status, octets, reply);

	reply->octets = octets;
	if (rv == 0 && fake_is(octets, "DONE") && memmem(octets.p, octets.n, "awaited", 7) != NULL)
		reply->again_ms = 20000;
	if (rv == 0 && reply->outcome == YT_DONE && msg->op->id == YT_OP_CLAIM_SUBMIT)
		yt_node_add_text(reply->arena, yt_node_get(reply->body, "data"), "claim_no", YT_STR("C77"));
	if (rv == 0 && fake_is(octets, "DONE") && memmem(octets.p, octets.n, "rejected", 8) != NULL) {
		yt_node_add_text(reply->arena, yt_node_get(reply->body, "data"), "claim_state", YT_STR("REJECTED"));
		yt_node_add_text(reply->arena, yt_node_get(reply->body, "data"), "refuse_code", YT_STR("R104"));
	}
	if (reads_nothing)
		reply->outcome = YT_UNKNOWN;
	if (rv == 0 && reply->outcome == YT_DONE && msg->op->id == YT_OP_OUTPATIENT_REGISTER)
		yt_node_add_text(reply->arena, yt_node_get(reply->body, "data"), "ykc700", YT_STR("S1"));
	return rv;
}

static int wide_reversal_of(struct yt_plugin *self, const struct yt_msg *original, struct yt_msg *reversal)
{
	if (original->op->id == YT_OP_CLAIM_SUBMIT)
		return YT_ENOTFOUND;
	reversal->op = yt_op(YT_OP_REVERSE);
	reversal->institution = yt_arena_copy(reversal->arena, original->institution);
	reversal->original_number = yt_arena_copy(reversal->arena, original->number);
	reversal->original_wire_op = yt_arena_copy(reversal->arena, yt_str(wire_of(original->op->id)));
	return 0;
}

static int wide_make_number(
        struct yt_plugin *self, struct yt_arena *arena, int64_t wall_ms, uint64_t serial, struct yt_str *number)
{
	*number = yt_arena_printf(arena, "T%010llu", (unsigned long long)serial);
	return 0;
}

static int hub_encode_request(
        struct yt_plugin *self, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault)
{
	struct yt_msg numbered = *msg;

	numbered.number = msg->own_number;
	return wide_encode_request(self, &numbered, out, fault);
}

/* A review that must not hold anybody up. */
static int64_t hub_patience(struct yt_plugin *self, const struct yt_msg *msg, struct yt_reply *instead)
{
	if (msg->op->id != YT_OP_PERSON_CHECK)
		return 0;
	instead->outcome = YT_DONE;
	instead->visit = YT_STR("PASSED");
	return 300;
}

/* REGISTER at the platform is as nhsa.md has 2401: never sent again, taken back by its number. */
static struct yt_wire_op platform_ops[24], hub_ops[24];

static void make_ops(struct yt_wire_op *ops, enum yt_resolve registering, enum yt_resolve settling)
{
	size_t n = 0;

	do {
		ops[n] = fake_codec.ops[n];
		if (ops[n].op == YT_OP_OUTPATIENT_REGISTER)
			ops[n].resolve = registering;
		else if (ops[n].op == YT_OP_OUTPATIENT_SETTLE)
			ops[n].resolve = settling;
	} while (fake_codec.ops[n++].wire != NULL);
}

/* An answer is written from what the step's answer said: its octets must still be there. */
static int wide_encode_reply(
        struct yt_plugin *self, const struct yt_msg *msg, const struct yt_reply *reply, struct yt_buf *out)
{
	if (reply->octets.n != 0)
		assert_true(fake_is(reply->octets, "DONE") || fake_is(reply->octets, "REFUSED"));
	return fake_codec.encode_reply(self, msg, reply, out);
}

static void make_codecs(void)
{
	make_ops(platform_ops, platform_resolves, platform_settles);
	make_ops(hub_ops, YT_RESOLVE_ADOPT, YT_RESOLVE_ADOPT);
	platform_api = fake_codec;
	platform_api.ops = platform_ops;
	platform_api.encode_reply = wide_encode_reply;
	platform_api.decode_request = wide_decode_request;
	platform_api.blank = wide_blank;
	platform_api.encode_request = wide_encode_request;
	platform_api.decode_reply = wide_decode_reply;
	platform_api.reversal_of = wide_reversal_of;
	platform_api.is_slow = is_slow;
	hub_api = platform_api;
	hub_api.name = "other";
	hub_api.ops = hub_ops;
	hub_api.sign_in_for = NULL;
	hub_api.patience = hub_patience;
	hub_api.make_number = wide_make_number;
	hub_api.encode_request = hub_encode_request;
}

/* -- configuration -------------------------------------------------------------------------------- */

static const struct engine_party platform = { .name = "platform",
	.codec = { &platform_api, NULL },
	.query_timeout_ms = 1000,
	.change_timeout_ms = 2000,
	.late_ms = 500,
	.server_delay_ms = 2500 };
static const struct engine_party hub = { .name = "hub",
	.codec = { &hub_api, NULL },
	.query_timeout_ms = 1000,
	.change_timeout_ms = 2000,
	.late_ms = 500,
	.server_delay_ms = 500 };

static const struct engine_flow flows[] = {
	{ "two", { { &platform, YT_OP_COUNT, NULL, false, NULL }, { &hub, YT_OP_COUNT, NULL, false, NULL } }, 2, 1 },
	{ "three",
	        { { &platform, YT_OP_OUTPATIENT_FEES, NULL, true, NULL },
	                { &hub, YT_OP_OUTPATIENT_REGISTER, "ykc700", false, NULL },
	                { &hub, YT_OP_COUNT, NULL, false, NULL } },
	        3, 3 },
};
static const struct engine_flow *follows; /* settlements at the platform; NULL: nothing does */
static const struct engine_flow *flow;    /* of this scenario; NULL: straight to the hub */

static const struct engine_origin origin = { .name = "hospital", .unknown_style = ENGINE_HOLD, .timeout_ms = 600000 };
static const struct engine_institution institution = { H, "one", "330213", true, "YT", "gateway", 0, 0, "31" };
static const struct engine_codec codec = { &platform_api, NULL };

static const struct engine_origin *c_subject(void *ctx, struct yt_str subject)
{
	return &origin;
}

static bool c_speaks_for(void *ctx, const struct engine_origin *o, const struct yt_msg *msg)
{
	return true;
}

static const struct engine_institution *c_institution(void *ctx, struct yt_str code)
{
	return &institution;
}

static const struct engine_party *c_route(void *ctx, const struct yt_msg *msg, const struct engine_origin *o,
        const char *listener, struct engine_way *way)
{
	way->rule = "all";
	way->then = follows;
	if (is_native && (relays || msg->op->id != YT_OP_REVERSE))
		return &platform;
	way->flow = msg->op->changes_state ? flow : NULL;
	return flow != NULL ? flow->steps[0].party : &hub;
}

static const struct engine_flow *c_flow(void *ctx, const char *name)
{
	return flow != NULL && strcmp(name, flow->name) == 0         ? flow
	       : follows != NULL && strcmp(name, follows->name) == 0 ? follows
	                                                             : NULL;
}

static bool c_keeps_facts(void *ctx, const struct yt_msg *msg, struct yt_str insured)
{
	return true;
}

static const struct engine_party *c_party(void *ctx, const char *name)
{
	return strcmp(name, "hub") == 0 ? &hub : strcmp(name, "platform") == 0 ? &platform : NULL;
}

static const struct engine_codec *c_listener(void *ctx, const char *name)
{
	return &codec;
}

static const struct engine_conf conf = { .origin_by_subject = c_subject,
	.speaks_for = c_speaks_for,
	.institution = c_institution,
	.route = c_route,
	.flow = c_flow,
	.keeps_facts = c_keeps_facts,
	.party = c_party,
	.listener = c_listener,
	.serial_from = 9000,
	.serial_to = 9999,
	.exchanges = 100,
	.retry_ms = 1000,
	.retry_max_ms = 4000,
	.park_after_ms = 60000,
	.follow_up_retry_max_ms = 8000,
	.follow_up_park_after_ms = 600000,
	.busy_tries = 2,
	.busy_retry_ms = 1000,
	.margin_ms = 100 };
static const struct keeper_conf keeper_conf = { .serial_from = 9000,
	.serial_to = 9999,
	.reverse_after_ms = 1000,
	.undelivered_ms = 30000,
	.longest_wait_ms = 10000,
	.leases = 4,
	.exchanges = 100 };

/* -- the world ------------------------------------------------------------------------------------ */

static int64_t w_time(void *ctx)
{
	return 1790000000000 + w.now;
}

static void w_random(void *ctx, void *out, size_t n)
{
	memset(out, 7, n);
}

static void put(bool up, const struct talk *talk)
{
	struct message *m = &w.queue[w.last++ % COUNT(w.queue)];

	assert_true(w.last - w.first <= COUNT(w.queue));
	yt_buf_clear(&m->payload);
	yt_buf_str(&m->payload, talk->payload);
	m->talk = *talk;
	m->up = up;
}

static int w_submit(void *ctx, const struct talk *talk)
{
	put(true, talk);
	return 0;
}

static void k_tell(void *ctx, uint32_t worker, const struct talk *talk)
{
	put(false, talk);
}

static void w_send(void *ctx, const struct engine_party *party, uint64_t leg, struct yt_str wire_op, struct yt_str body,
        int64_t deadline_ms)
{
	assert_int_equal(w.leg, 0);
	w.leg = leg;
	w.deadline_in = deadline_ms - w_time(NULL);
	snprintf(w.sent, sizeof(w.sent), "%.*s", YT_FMT(body));
	snprintf(w.sent_to, sizeof(w.sent_to), "%s", party->name);
}

static void w_answer(void *ctx, uint64_t token, int status, const char *content_type, struct yt_str body)
{
	w.answers++;
	snprintf(w.answer, sizeof(w.answer), "%.*s", YT_FMT(body));
}

static void w_drop(void *ctx, uint64_t token)
{
	w.drops++;
}

static void w_person(void *ctx, struct yt_str person, uint8_t out[16])
{
	memset(out, person.p[0], 16);
}

static char boxed[24]; /* what is noted to be running */

static void w_box(void *ctx, const char *plugin, const char *what, uint64_t exchange, struct yt_str octets)
{
	if (what != NULL && (exchange == 0 || octets.n == 0))
		fail_msg("%s stands in the black box without its exchange or octets", what);
	snprintf(boxed, sizeof(boxed), "%s", what == NULL ? "" : what);
}

static bool w_quarantined(void *ctx, struct yt_str octets)
{
	return false;
}

static int k_find(void *ctx, struct yt_str number_of, struct yt_str number, struct exchange *x)
{
	return YT_ENOTFOUND; /* nothing leaves memory here */
}

static bool steps_are_erased;

static int k_fetch(void *ctx, log_pos pos, uint64_t exchange, enum rec_tag tag, struct yt_buf *out)
{
	struct yt_str rest = yt_buf_view(&w.commits[pos - 1]);
	struct rec rec;
	size_t used;

	if (steps_are_erased && tag >= REC_T_STEP_SENT && tag < REC_T_STEP_SENT + REC_STEPS_MAX)
		return YT_ENOTFOUND;
	for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used) {
		if (rec.exchange == exchange && rec_get(&rec, tag).n != 0) {
			yt_buf_clear(out);
			yt_buf_str(out, rec_get(&rec, tag));
			return 0;
		}
	}
	return YT_ENOTFOUND;
}

static const char *k_closed(void *ctx)
{
	return NULL;
}

static void start(void)
{
	struct engine_world ew = { .wall_ms = w_time,
		.mono_ms = w_time,
		.random = w_random,
		.submit = w_submit,
		.send = w_send,
		.answer = w_answer,
		.drop = w_drop,
		.person = w_person,
		.box = w_box,
		.quarantined = w_quarantined,
		.run = jobs_take };
	struct keeper_world kw = { .wall_ms = w_time,
		.mono_ms = w_time,
		.tell = k_tell,
		.find = k_find,
		.fetch = k_fetch,
		.closed = k_closed };

	w.keeper = keeper_new(&keeper_conf, &kw);
	w.engine = engine_new(&conf, &ew);
	for (size_t i = 0; i < w.n_commits; i++) {
		struct yt_str rest = yt_buf_view(&w.commits[i]);
		struct rec rec;
		size_t used;

		for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used)
			keeper_replay(w.keeper, &rec, i + 1);
	}
	keeper_start(w.keeper);
	keeper_worker_up(w.keeper, 1, 0);
	engine_start(w.engine);
}

/* The worker and the keeper die; what is on the disk is all that is left. */
static void kill_all(void)
{
	jobs_forget();
	engine_free(w.engine);
	keeper_free(w.keeper);
	w.first = w.last = 0;
	w.leg = 0;
	start();
}

static void commit(void)
{
	struct yt_str records;
	bool urgent;

	if (!keeper_has_pending(w.keeper, &urgent))
		return;
	keeper_take(w.keeper, &records);
	assert_true(w.n_commits < COUNT(w.commits));
	yt_buf_str(&w.commits[w.n_commits++], records);
	keeper_committed(w.keeper, w.n_commits);
}

/* Until nothing moves any more without time or an answer. */
static void pump(void)
{
	bool urgent;

	do {
		while (w.first < w.last) {
			struct message m = w.queue[w.first % COUNT(w.queue)];
			struct yt_buf copy = { 0 };

			w.first++;
			yt_buf_str(&copy, yt_buf_view(&m.payload));
			m.talk.payload = yt_buf_view(&copy);
			if (m.up)
				assert_int_equal(keeper_message(w.keeper, 1, &m.talk), 0);
			else
				engine_talk(w.engine, &m.talk);
			yt_buf_free(&copy);
		}
		commit();
		keeper_tick(w.keeper);
	} while (w.first < w.last || keeper_has_pending(w.keeper, &urgent) || jobs_run_one(w.engine));
}

static void later(int64_t ms)
{
	w.now += ms;
	keeper_tick(w.keeper);
	engine_tick(w.engine);
	pump();
}

static void run_jobs(void)
{
	while (jobs_run_one(w.engine))
		;
}

static void ask(uint64_t token, const char *line)
{
	struct engine_request r = { .token = token,
		.listener = "door",
		.codec = codec,
		.by_certificate = true,
		.method = YT_STR("POST"),
		.subject = YT_STR("hospital"),
		.body = yt_str(line) };

	pump();
	engine_request(w.engine, &r);
	pump();
}

static int setup(void **state)
{
	memset(&w, 0, sizeof(w));
	make_codecs();
	start();
	return 0;
}

static int setup_slow(void **state)
{
	is_slow = true;
	return setup(state);
}

static int teardown(void **state)
{
	assert_int_equal(jobs.unboxed, 0);
	jobs_forget();
	engine_free(w.engine);
	keeper_free(w.keeper);
	for (size_t i = 0; i < w.n_commits; i++)
		yt_buf_free(&w.commits[i]);
	for (size_t i = 0; i < COUNT(w.queue); i++)
		yt_buf_free(&w.queue[i].payload);
	return 0;
}

/* -- scenarios ------------------------------------------------------------------------------------ */

static const struct scenario {
	const char *it;
	int flow; /* index; -1: straight to the hub */
	const char *asks;
	/* What leaves, and what comes back: d done, r refused, l lost, n not sent, x absent, a had been done, g refused
	 * on its way, e sign in first, b and B not now, G not
	 * now, said on its way */
	const char *legs;
	const char *hears; /* how the answer begins */
	enum exchange_state end;
} scenarios[] = {
	{ "both steps done", 0, "REGISTER inst=H1 num=H1-1 | own=O1 person=P", "platform:REGISTER d hub:REGISTER d",
	        "DONE visit=V1", X_DONE },
	{ "the first is refused: nothing else leaves", 0, "REGISTER inst=H1 num=H1-1 | own=O1", "platform:REGISTER r",
	        "REFUSED", X_REFUSED },
	{ "the second is refused: the first is undone", 0, "REGISTER inst=H1 num=H1-1 | own=O1",
	        "platform:REGISTER d hub:REGISTER r platform:REVERSE d", "REFUSED", X_REFUSED },
	{ "the undoing is lost: it is sent until it is known", 0, "REGISTER inst=H1 num=H1-1 | own=O1",
	        "platform:REGISTER d hub:REGISTER r platform:REVERSE l platform:REVERSE l platform:REVERSE d",
	        "REFUSED", X_REFUSED },
	{ "there was nothing to undo", 0, "REGISTER inst=H1 num=H1-1 | own=O1",
	        "platform:REGISTER d hub:REGISTER r platform:REVERSE x", "REFUSED", X_REFUSED },
	{ "the first is lost: sent again unchanged", 0, "REGISTER inst=H1 num=H1-1 | own=O1",
	        "platform:REGISTER l platform:REGISTER d hub:REGISTER d", "DONE", X_DONE },
	{ "the second is lost twice", 0, "REGISTER inst=H1 num=H1-1 | own=O1",
	        "platform:REGISTER d hub:REGISTER l hub:REGISTER l hub:REGISTER d", "DONE", X_DONE },
	{ "lost, and then refused", 0, "REGISTER inst=H1 num=H1-1 | own=O1",
	        "platform:REGISTER d hub:REGISTER l hub:REGISTER r platform:REVERSE d", "REFUSED", X_REFUSED },
	{ "the first cannot be reached: refused at once", 0, "REGISTER inst=H1 num=H1-1 | own=O1",
	        "platform:REGISTER n", "REFUSED", X_REFUSED },
	{ "the second cannot be reached: the first is undone", 0, "REGISTER inst=H1 num=H1-1 | own=O1",
	        "platform:REGISTER d hub:REGISTER n platform:REVERSE d", "REFUSED", X_REFUSED },
	{ "lost, then refused on its way: that is no refusal", 0, "REGISTER inst=H1 num=H1-1 | own=O1",
	        "platform:REGISTER d hub:REGISTER l hub:REGISTER g hub:REGISTER d", "DONE", X_DONE },
	{ "lost, and then it had been done: undone with the others", 0, "REGISTER inst=H1 num=H1-1 | own=O1",
	        "platform:REGISTER l platform:REGISTER a hub:REGISTER r platform:REVERSE d", "REFUSED", X_REFUSED },
	{ "lost, then signed in anew: the same number", 0, "REGISTER inst=H1 num=H1-1 | own=O1",
	        "platform:REGISTER l platform:REGISTER e platform:REGISTER d hub:REGISTER d", "DONE", X_DONE },
	{ "an undoing is signed in anew", 0, "REGISTER inst=H1 num=H1-1 | own=O1",
	        "platform:REGISTER d hub:REGISTER r platform:REVERSE e platform:REVERSE d", "REFUSED", X_REFUSED },
	{ "three steps; what is kept is not undone", 1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1",
	        "platform:FEES d hub:REGISTER d hub:SETTLE r hub:REVERSE d", "REFUSED", X_REFUSED },
	{ "three steps, the last answers", 1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1",
	        "platform:FEES d hub:REGISTER d hub:SETTLE d", "DONE visit=V1 setl=A1", X_DONE },
	{ "a lost upload is there: its lines are withdrawn and sent once more, as the split is told only then", 0,
	        "LINES inst=H1 num=H1-1 | visit=V1",
	        "platform:LINES l platform:LINES a platform:TAKELINES d platform:LINES d hub:LINES d", "DONE", X_DONE },
	{ "and the withdrawal is lost, and the upload again", 0, "LINES inst=H1 num=H1-1 | visit=V1",
	        "platform:LINES l platform:LINES a platform:TAKELINES l platform:TAKELINES r platform:TAKELINES a "
	        "platform:LINES l platform:LINES a platform:TAKELINES d platform:LINES d hub:LINES d",
	        "DONE", X_DONE },
	{ "and then it is refused", 0, "LINES inst=H1 num=H1-1 | visit=V1",
	        "platform:LINES l platform:LINES a platform:TAKELINES d platform:LINES r", "REFUSED", X_REFUSED },
	{ "and then the next step is refused", 0, "LINES inst=H1 num=H1-1 | visit=V1",
	        "platform:LINES l platform:LINES a platform:TAKELINES d platform:LINES d hub:LINES r platform:REVERSE d",
	        "REFUSED", X_REFUSED },
	{ "lines of an out-patient are not: with them another upload's would go", 0,
	        "FEES inst=H1 num=H1-1 | visit=V1 batch=B1", "platform:FEES l platform:FEES a hub:FEES d", "DONE",
	        X_DONE },
	{ "a step that cannot be said counts as refused", 1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=incomplete",
	        "platform:FEES d hub:REGISTER d hub:REVERSE d", "REFUSED", X_REFUSED },
};

static struct exchange found;

static void take_first(void *arg, const struct exchange *x)
{
	found = *x;
}

static struct exchange in_log(void)
{
	struct exchange x;

	memset(&x, 0, sizeof(x));
	for (size_t i = 0; i < w.n_commits; i++) {
		struct yt_str rest = yt_buf_view(&w.commits[i]);
		struct rec rec;
		size_t used;

		for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used)
			if (rec.exchange != 0 && rec.type != REC_FACTS && (x.id == 0 || x.id == rec.exchange))
				exchange_apply(&x, &rec, i + 1);
	}
	return x;
}

static enum exchange_state state_in_log(void)
{
	return in_log().state;
}

static void reply(char how)
{
	bool is_cancel = fake_is(yt_str(w.sent), "CANCEL"); /* its answer has a settlement of its own */
	const char *text = how == 'd'   ? is_cancel ? "DONE visit=V1 setl=A9 ." : "DONE visit=V1 setl=A1 ."
	                   : how == 'x' ? "REFUSED why=absent ."
	                   : how == 'a' ? "REFUSED why=already ."
	                   : how == 'g' ? "REFUSED why=gateway ."
	                   : how == 'e' ? "REFUSED why=expired ."
	                   : how == 'b' ? "REFUSED why=busy ."
	                   : how == 'G' ? "REFUSED why=busynow ."
	                   : how == 'B' ? "REFUSED why=busy after=7000 ."
	                   : how == 'w' ? "DONE awaited ."
	                   : how == 'j' ? "DONE rejected ."
	                                : "REFUSED no .";
	uint64_t leg = w.leg;

	w.leg = 0;
	if (how == 'l')
		engine_leg(w.engine, leg, LEG_TIMED_OUT, 0, (struct yt_str){ 0 }, "timed out", false);
	else if (how == 'n')
		engine_leg(w.engine, leg, LEG_NOT_SENT, 0, (struct yt_str){ 0 }, "not connected", false);
	else {
		static char lanes[64][64]; /* each answer's own, so that nothing else comes to stand there */
		char *octets = lanes[w.answered++ % COUNT(lanes)];

		snprintf(octets, sizeof(lanes[0]), "%s", text);
		engine_leg(w.engine, leg, LEG_ANSWERED, 200, yt_str(octets), NULL, false);
		memset(octets, '#', strlen(octets)); /* the lane goes on */
	}
	pump();
}

/* Waits for the next leg, at most a minute of the world's time. */
static void await_leg(void)
{
	pump();
	for (int i = 0; (w.leg == 0 || fake_is(yt_str(w.sent), "SIGNIN")) && i < 600; i++) {
		uint64_t leg = w.leg;
		char signed_in[24];

		if (leg == 0) {
			later(100);
			continue;
		}
		w.leg = 0; /* our operator signs in at the platform */
		snprintf(signed_in, sizeof(signed_in), "DONE sign=S%u .", ++w.sign_ins);
		engine_leg(w.engine, leg, LEG_ANSWERED, 200, yt_str(signed_in), NULL, false);
		pump();
	}
}

/* Plays a scenario; everything is killed when leg `killed` (from 1) has left, 0: never. */
static bool play(const struct scenario *s, unsigned killed)
{
	char expected[64], octets[400];
	const char *p = s->legs;
	unsigned n = 0;

	flow = s->flow < 0 ? NULL : &flows[s->flow];
	ask(1, s->asks);
	while (*p != '\0') {
		size_t len = strcspn(p, " ");
		char how = p[len + 1], head[64];

		snprintf(expected, sizeof(expected), "%.*s", (int)len, p);
		await_leg();
		snprintf(head, sizeof(head), "%s:%.*s", w.sent_to, (int)strcspn(w.sent, " "), w.sent);
		assert_string_equal(w.leg == 0 ? "nothing" : head, expected);
		if (++n == killed) { /* the same octets come again: it may have arrived */
			memcpy(octets, w.sent, sizeof(octets));
			kill_all();
			await_leg();
			assert_string_equal(w.sent, octets);
			if (how == 'n') /* not reached: now that is no proof */
				how = 'r';
		}
		reply(how);
		p += len + 2;
		p += *p == ' ';
	}
	for (int i = 0; i < 50 && w.leg == 0; i++)
		later(100);
	assert_int_equal(w.leg, 0);
	return n > killed;
}

static void test_scenarios(void **state)
{
	for (size_t i = 0; i < COUNT(scenarios); i++) {
		const struct scenario *s = &scenarios[i];
		bool more = true;

		for (unsigned killed = 0; more; killed++) {
			teardown(NULL);
			setup(NULL);
			print_message("%s%s", s->it, killed == 0 ? "\n" : "");
			if (killed != 0)
				print_message(", killed at leg %u\n", killed);
			more = play(s, killed);
			if (killed != 0) /* who asks again hears what it came to */
				ask(2, s->asks);
			assert_int_equal(w.answers, 1);
			assert_int_equal(strncmp(w.answer, s->hears, strlen(s->hears)), 0);
			assert_int_equal(state_in_log(), s->end);
			if (strstr(s->hears, "setl=A1") != NULL)
				assert_string_equal(in_log().settlement, "A1");
			memset(&found, 0, sizeof(found));
			keeper_each_open(w.keeper, take_first, NULL);
			if (s->end != X_DONE)
				assert_int_equal(found.id, 0);
		}
	}
}

/* -- what must not be sent twice -------------------------------------------------------------------- */

static void expect(const char *head, char how);

/* Done by another message before this one: a refusal, and not ours to undo. */
static void test_done_by_another(void **state)
{
	flow = &flows[0];
	ask(1, "REGISTER inst=H1 num=H1-1 | own=O1");
	expect("platform:REGISTER", 'a');
	assert_int_equal(w.leg, 0);
	assert_int_equal(state_in_log(), X_REFUSED);
}

/* nhsa.md 5.2, 2401: taken back by its number, whatever is killed meanwhile; "not found" counts when it is late enough.
 */
static void test_never_sent_again(void **state)
{
	platform_resolves = YT_RESOLVE_REVERSE;
	for (unsigned killed = 0; killed < 3; killed++) {
		teardown(NULL);
		setup(NULL);
		flow = &flows[0];
		ask(1, "REGISTER inst=H1 num=H1-1 | own=O1");
		await_leg();
		if (killed == 1)
			kill_all();
		else
			expect("platform:REGISTER", 'l');
		await_leg();
		if (killed == 2)
			kill_all();
		expect("platform:REVERSE", 'x');
		assert_int_equal(state_in_log(), X_REVERSING);
		assert_int_equal(w.answers, 0);
		expect("platform:REVERSE", 'x');
		assert_int_equal(w.leg, 0);
		assert_int_equal(state_in_log(), X_REVERSED);
	}
	platform_resolves = YT_RESOLVE_RESEND;
}

static void test_never_sent_again_done(void **state)
{
	platform_resolves = YT_RESOLVE_REVERSE;
	teardown(NULL);
	setup(NULL);
	flow = &flows[0];
	ask(1, "REGISTER inst=H1 num=H1-1 | own=O1");
	expect("platform:REGISTER", 'l');
	expect("platform:REVERSE", 'd');
	assert_int_equal(state_in_log(), X_REVERSED);
	assert_int_equal(strncmp(w.answer, "REFUSED", 7), 0);
	platform_resolves = YT_RESOLVE_RESEND;
}

/* What had been believed and cannot be read any more is not taken for undone: people must look. */
static void test_unreadable_later(void **state)
{
	flow = &flows[0];
	ask(1, "REGISTER inst=H1 num=H1-1 | own=O1");
	expect("platform:REGISTER", 'd');
	await_leg();
	reads_nothing = true;
	kill_all();
	for (int i = 0; i < 20; i++)
		later(100);
	reads_nothing = false;
	assert_int_equal(w.leg, 0);
	assert_int_equal(state_in_log(), X_PARKED);
}

/* A message of ours whose sign_no died while its outcome is unknown: it may have arrived, so it keeps its number. */
static void test_renewed(void **state)
{
	char first[40], again[40];

	flow = &flows[1];
	ask(1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1");
	await_leg();
	fake_value(yt_str(w.sent), "num", first, sizeof(first));
	expect("platform:FEES", 'l');
	expect("platform:FEES", 'e');
	await_leg();
	fake_value(yt_str(w.sent), "num", again, sizeof(again));
	assert_string_equal(again, first);
	assert_non_null(strstr(w.sent, "sign=S2"));
	expect("platform:FEES", 'd');
	expect("hub:REGISTER", 'd');
}

/* A restart with another configuration: what is open is not taken for what the flow of that name is now. */
static void test_changed_flow(void **state)
{
	static const struct engine_flow turned = { "two",
		{ { &hub, YT_OP_COUNT, NULL, false, NULL }, { &platform, YT_OP_COUNT, NULL, false, NULL } }, 2, 1 };
	static const struct engine_flow *const now[] = { &turned, &flows[1] };

	for (size_t i = 0; i < COUNT(now); i++) {
		teardown(NULL);
		setup(NULL);
		flow = &flows[0];
		ask(1, "REGISTER inst=H1 num=H1-1 | own=O1");
		expect("platform:REGISTER", 'd');
		await_leg();
		flow = now[i];
		kill_all();
		for (int n = 0; n < 20; n++)
			later(100);
		assert_int_equal(w.leg, 0);
		assert_int_equal(state_in_log(), X_PARKED);
	}
}

static bool log_has(const char *text);

/* An upload's number there stays with its lines: by it they are withdrawn. */
static void test_upload_number(void **state)
{
	char number[40], kept[100];

	flow = &flows[0];
	ask(1, "LINES inst=H1 num=H1-1 | visit=V1 sn=7");
	expect("platform:LINES", 'd');
	await_leg();
	fake_value(yt_str(w.sent), "num", number, sizeof(number));
	expect("hub:LINES", 'd');
	snprintf(kept, sizeof(kept), "{\"feedetl_sn\":\"7\",\"uploaded_as\":\"%s\"}", number);
	assert_true(log_has(kept));
}

/* More messages of ours than a lease has numbers. */
static void test_many_numbers(void **state)
{
	static const struct engine_flow long_flow = { "long",
		{ { &hub, YT_OP_COUNT, NULL, false, NULL }, { &hub, YT_OP_OUTPATIENT_FEES, NULL, true, NULL },
		        { &hub, YT_OP_OUTPATIENT_FEES, NULL, true, NULL },
		        { &hub, YT_OP_OUTPATIENT_FEES, NULL, true, NULL },
		        { &platform, YT_OP_OUTPATIENT_FEES, NULL, true, NULL },
		        { &platform, YT_OP_OUTPATIENT_FEES, NULL, true, NULL } },
		6, 1 };

	flow = &long_flow;
	ask(1, "REGISTER inst=H1 num=H1-1 | own=O1");
	expect("hub:REGISTER", 'd');
	expect("hub:FEES", 'd');
	expect("hub:FEES", 'd');
	expect("hub:FEES", 'd');
	expect("platform:FEES", 'd');
	expect("platform:FEES", 'd');
	assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
}

/* -- its origin wants it undone -------------------------------------------------------------------- */

static void expect(const char *head, char how)
{
	char got[64];

	await_leg();
	snprintf(got, sizeof(got), "%s:%.*s", w.sent_to, (int)strcspn(w.sent, " "), w.sent);
	assert_string_equal(w.leg == 0 ? "nothing" : got, head);
	reply(how);
}

/* The hospital gives up and reverses while a step's outcome is unknown: all is undone, and both hear so. */
static void test_reversal_joins(void **state)
{
	flow = &flows[1];
	ask(1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1");
	expect("platform:FEES", 'd');
	expect("hub:REGISTER", 'd');
	expect("hub:SETTLE", 'l');
	ask(2, "REVERSE inst=H1 num=H1-2 | orig=H1-1 origop=SETTLE");
	expect("hub:SETTLE", 'd');
	expect("hub:REVERSE", 'd');
	expect("hub:REVERSE", 'd');
	later(1000);
	assert_int_equal(w.leg, 0);
	assert_int_equal(state_in_log(), X_REVERSED);
	assert_int_equal(w.answers, 2);
}

/* The worker and the keeper die when a request is written down that is not to be sent: it is a refusal, for nothing
 * left.
 */
static void dies_unsent(const char *line)
{
	struct engine_request r = { .token = 1,
		.listener = "door",
		.codec = codec,
		.by_certificate = true,
		.method = YT_STR("POST"),
		.subject = YT_STR("hospital"),
		.body = yt_str(line) };
	struct message *m;

	pump();
	engine_request(w.engine, &r);
	run_jobs();
	m = &w.queue[w.first++ % COUNT(w.queue)];
	m->talk.payload = yt_buf_view(&m->payload);
	assert_int_equal(keeper_message(w.keeper, 1, &m->talk), 0);
	commit();
	assert_int_equal(state_in_log(), X_SENT);
	kill_all();
	for (int i = 0; i < 50; i++)
		later(1000);
	assert_int_equal(w.leg, 0);
	assert_int_equal(state_in_log(), X_REFUSED);
	ask(2, line);
	assert_int_equal(strncmp(w.answer, "REFUSED", 7), 0);
}

static int cannot_read(struct yt_plugin *self, struct yt_str octets, struct yt_msg *msg, struct yt_fault *fault)
{
	return YT_EFORMAT;
}

static void test_nothing_to_join(void **state)
{
	flow = NULL; /* to the hub, which knows nothing of the origin's format */
	hub_api.decode_request = cannot_read;
	dies_unsent("REVERSE inst=H1 num=H1-2 | orig=H1-1 origop=SETTLE");
}

static void test_expired(void **state)
{
	is_native = true;
	flow = NULL;
	dies_unsent("SETTLE inst=H1 num=H1-1 until=1 | visit=V1 batch=B1");
	is_native = false;
}

/* Its origin waits no longer than it said, also for case facts that nobody brings. */
static void test_facts_never_come(void **state)
{
	struct engine_request r = { .token = 1,
		.listener = "door",
		.codec = codec,
		.by_certificate = true,
		.method = YT_STR("POST"),
		.subject = YT_STR("hospital"),
		.body = YT_STR("READ inst=H1 num=H1-1 | person=P") };

	flow = NULL;
	pump();
	engine_request(w.engine, &r);
	run_jobs();
	w.first = w.last; /* the keeper does not hear */
	w.now += origin.timeout_ms - conf.margin_ms - 1;
	engine_tick(w.engine);
	assert_int_equal(w.drops, 0);
	assert_false(engine_is_idle(w.engine));
	w.now++;
	engine_tick(w.engine);
	assert_int_equal(w.drops, 1);
	assert_true(engine_is_idle(w.engine));
}

/* A reversal whose route leads elsewhere than its original's did, since it names no area: it is no "nothing to undo".
 */
static void test_reversal_by_another_way(void **state)
{
	is_native = true;
	flow = NULL;
	ask(1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1");
	expect("platform:SETTLE", 'd');
	engine_flushed(w.engine, 1);
	ask(2, "REVERSE inst=H1 num=H1-2 | orig=H1-1 origop=SETTLE");
	expect("platform:REVERSE", 'd');
	later(100);
	is_native = false;
	assert_int_equal(state_in_log(), X_REVERSED);
	assert_int_equal(w.answers, 2);
	assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
}

/* Another's message, passed on unchanged to who keeps every answer by number: found out by the same octets again. */
static void test_passed_on(void **state)
{
	char first[400];

	platform_settles = YT_RESOLVE_ADOPT;
	teardown(NULL);
	setup(NULL);
	is_native = true;
	flow = NULL;
	ask(1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1");
	memcpy(first, w.sent, sizeof(first));
	expect("platform:SETTLE", 'l');
	await_leg();
	assert_string_equal(w.sent, first);
	expect("platform:SETTLE", 'g');
	expect("platform:SETTLE", 'd');
	is_native = false;
	platform_settles = YT_RESOLVE_REVERSE;
	assert_int_equal(state_in_log(), X_DONE);
	assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
}

/* Another's reversal of what was only passed on: its own signed words go on as well, whatever became of the original,
 * and end it; nobody would know of it under our name. */
static void test_reversal_passed_on(void **state)
{
	static const char reversal[] = "REVERSE inst=H1 num=H1-2 | orig=H1-1 origop=SETTLE";

	platform_settles = YT_RESOLVE_ADOPT;
	is_native = relays = true;
	for (unsigned resent = 0; resent < 2; resent++) {
		char number[40];

		teardown(NULL);
		setup(NULL);
		platform_api.make_number = wide_make_number;
		flow = NULL;
		ask(1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1");
		expect("platform:SETTLE", 'l');
		if (resent)
			expect("platform:SETTLE", 'l');
		ask(2, reversal);
		await_leg();
		fake_value(yt_str(w.sent), "num", number, sizeof(number));
		assert_string_equal(number, "H1-2");
		expect("platform:REVERSE", 'd');
		for (int i = 0; i < 50; i++)
			later(100);
		assert_int_equal(w.leg, 0);
		assert_int_equal(state_in_log(), X_REVERSED);
		assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
	}
	is_native = relays = false;
	platform_settles = YT_RESOLVE_REVERSE;
}

/* P13: of what was answered long ago, too, nothing new is settled while its reversal is out. */
static void test_reversal_passed_on_bars(void **state)
{
	is_native = relays = true;
	platform_api.make_number = wide_make_number;
	flow = NULL;
	ask(1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1");
	expect("platform:SETTLE", 'd');
	engine_flushed(w.engine, 1);
	ask(2, "REVERSE inst=H1 num=H1-2 | orig=H1-1 origop=SETTLE");
	ask(3, "SETTLE inst=H1 num=H1-3 | visit=V1 batch=B1");
	is_native = relays = false;
	assert_non_null(strstr(w.answer, "Y202"));
	expect("platform:REVERSE", 'd');
	later(100);
	assert_int_equal(state_in_log(), X_REVERSED);
}

static int boxed_repeat(struct yt_plugin *self, const struct yt_msg *msg, struct yt_str stored, struct yt_str number,
        int64_t wall_ms, struct yt_buf *out)
{
	assert_string_equal(jobs.running != NULL ? jobs.running : boxed, "repeat_reply");
	assert_true(number.n > 0);
	yt_buf_text(out, "AGAIN");
	return 0;
}

/* P8: a repeat is marked inside the black box, though its number comes of a call of its own. */
static void test_repeat_is_boxed(void **state)
{
	platform_api.make_number = wide_make_number;
	platform_api.repeat_reply = boxed_repeat;
	is_native = true;
	flow = NULL;
	ask(1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1");
	expect("platform:SETTLE", 'd');
	engine_flushed(w.engine, 1);
	ask(2, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1");
	is_native = false;
	assert_string_equal(w.answer, "AGAIN");
}

/* Parked while it was being undone; when its origin asks for it, it is undone. */
static void test_parked_undoing(void **state)
{
	flow = &flows[0];
	ask(1, "REGISTER inst=H1 num=H1-1 | own=O1");
	expect("platform:REGISTER", 'd');
	expect("hub:REGISTER", 'l');
	for (int i = 0; i < 60 && state_in_log() != X_PARKED; i++)
		expect("hub:REGISTER", 'l');
	assert_int_equal(state_in_log(), X_PARKED);
	ask(2, "REVERSE inst=H1 num=H1-2 | orig=H1-1 origop=REGISTER");
	expect("hub:REGISTER", 'd');
	expect("hub:REVERSE", 'd');
	expect("platform:REVERSE", 'd');
	assert_int_equal(state_in_log(), X_REVERSED);
}

/* Parked, and an operator finds that it took effect: the step that was answered answers, what all of them left behind
 * is kept, and whoever asks again hears so; with other steps configured meanwhile only our own words are left. */
static void test_decided_done(void **state)
{
	for (unsigned changed = 0; changed < 2; changed++) {
		char number[40], kept[100];

		teardown(NULL);
		setup(NULL);
		flow = &flows[0];
		ask(1, "LINES inst=H1 num=H1-1 | visit=V1 sn=7");
		expect("platform:LINES", 'd');
		await_leg();
		fake_value(yt_str(w.sent), "num", number, sizeof(number));
		for (int i = 0; i < 60 && state_in_log() != X_PARKED; i++)
			expect("hub:LINES", 'l');
		snprintf(kept, sizeof(kept), "{\"feedetl_sn\":\"7\",\"uploaded_as\":\"%s\"}", number);
		assert_false(log_has(kept));
		flow = changed ? NULL : &flows[0];
		assert_int_equal(keeper_decide(w.keeper, in_log().id, "done", YT_STR("li"), YT_STR("seen")), 0);
		for (int i = 0; i < 5; i++)
			later(100);
		flow = &flows[0];
		assert_int_equal(state_in_log(), X_DONE);
		ask(2, "LINES inst=H1 num=H1-1 | visit=V1 sn=7");
		assert_int_equal(strncmp(w.answer, changed ? "DONE at=" : "DONE visit=V1", changed ? 8 : 13), 0);
		assert_int_equal(strstr(w.answer, "Y405") != NULL, changed);
		assert_int_equal(log_has(kept), !changed);
		assert_int_equal(w.leg, 0);
	}
}

/* Its answer is never fetched: everything is undone after a while. */
static void test_undelivered(void **state)
{
	flow = &flows[1];
	ask(1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1");
	expect("platform:FEES", 'd');
	expect("hub:REGISTER", 'd');
	engine_gone(w.engine, 1);
	expect("hub:SETTLE", 'd');
	later(31000);
	expect("hub:REVERSE", 'd');
	expect("hub:REVERSE", 'd');
	assert_int_equal(state_in_log(), X_REVERSED);
	assert_int_equal(w.answers, 0);
}

/* P13 holds over a flow, and the same number is one effect. */
static void test_admission(void **state)
{
	flow = &flows[1];
	ask(1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1");
	ask(2, "SETTLE inst=H1 num=H1-2 | visit=V1 batch=B1");
	assert_int_equal(w.answers, 1);
	assert_int_equal(strncmp(w.answer, "REFUSED", 7), 0);
	ask(3, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1");
	expect("platform:FEES", 'd');
	expect("hub:REGISTER", 'd');
	expect("hub:SETTLE", 'd');
	assert_int_equal(w.answers, 3);
	assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
}

/* -- facts ------------------------------------------------------------------------------------------ */

/* A registration of the batch is known: the second message of it leaves the step out. */
static void test_unless(void **state)
{
	static const struct engine_flow fees = { "three",
		{ { &platform, YT_OP_COUNT, NULL, false, NULL },
		        { &hub, YT_OP_OUTPATIENT_REGISTER, "ykc700", false, NULL },
		        { &hub, YT_OP_COUNT, NULL, false, NULL } },
		3, 1 };

	flow = &fees;
	ask(1, "FEES inst=H1 num=H1-1 | visit=V1 batch=B1");
	expect("platform:FEES", 'd');
	expect("hub:REGISTER", 'd');
	expect("hub:FEES", 'd');
	engine_flushed(w.engine, 1);
	ask(2, "FEES inst=H1 num=H1-2 | visit=V1 batch=B1");
	expect("platform:FEES", 'd');
	expect("hub:FEES", 'd');
	ask(3, "FEES inst=H1 num=H1-3 | visit=V1 batch=B2");
	expect("platform:FEES", 'd');
	expect("hub:REGISTER", 'd');
	expect("hub:FEES", 'd');
	kill_all(); /* facts are read back */
	ask(4, "FEES inst=H1 num=H1-4 | visit=V1 batch=B2");
	expect("platform:FEES", 'd');
	expect("hub:FEES", 'd');
}

/* Its hospital uses an older code (old_code) for a while: other formats hear the one in force, and the case is one. */
static void test_old_code(void **state)
{
	char code[8];

	flow = NULL;
	ask(1, "REGISTER inst=H0 num=H0-1 | own=O1");
	fake_value(yt_str(w.sent), "inst", code, sizeof(code));
	assert_string_equal(code, "H1");
	expect("hub:REGISTER", 'd');
	assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
	flow = &flows[1];
	ask(2, "SETTLE inst=H0 num=H0-2 | visit=V1 batch=B1");
	await_leg();
	fake_value(yt_str(w.sent), "inst", code, sizeof(code));
	assert_string_equal(code, "H0"); /* the platform that it signs in at */
	expect("platform:FEES", 'd');
	await_leg();
	fake_value(yt_str(w.sent), "inst", code, sizeof(code));
	assert_string_equal(code, "H1");
	expect("hub:SETTLE", 'd'); /* the registration is known */
	engine_flushed(w.engine, 2);
	ask(3, "SETTLE inst=H1 num=H1-3 | visit=V1 batch=B2");
	expect("platform:FEES", 'd');
	expect("hub:SETTLE", 'd'); /* also under the other code */
}

/* What was never registered there is withdrawn at the platform alone. */
static void test_only_with(void **state)
{
	static const struct engine_flow undoing = { "undo",
		{ { &hub, YT_OP_COUNT, NULL, true, "ykc700" }, { &platform, YT_OP_COUNT, NULL, true, NULL } }, 2, 2 };
	static const struct engine_flow fees = { "register",
		{ { &platform, YT_OP_COUNT, NULL, false, NULL },
		        { &hub, YT_OP_OUTPATIENT_REGISTER, NULL, false, NULL } },
		2, 1 };

	flow = &undoing;
	ask(1, "TAKEBACK inst=H1 num=H1-1 | visit=V1 batch=B1");
	expect("platform:TAKEBACK", 'd');
	assert_int_equal(state_in_log(), X_DONE);
	engine_flushed(w.engine, 1);
	flow = &fees;
	ask(2, "FEES inst=H1 num=H1-2 | visit=V1 batch=B1");
	expect("platform:FEES", 'd');
	expect("hub:REGISTER", 'd');
	engine_flushed(w.engine, 2);
	flow = &undoing;
	ask(3, "TAKEBACK inst=H1 num=H1-3 | visit=V1 batch=B1");
	expect("hub:TAKEBACK", 'd');
	expect("platform:TAKEBACK", 'd');
}

/* The hub has withdrawn, the platform refused: asked for again, the hub says that it had been done, and all is
 * finished. */
static void test_withdrawal_is_finished(void **state)
{
	static const struct engine_flow undoing = { "undo",
		{ { &hub, YT_OP_COUNT, NULL, true, NULL }, { &platform, YT_OP_COUNT, NULL, true, NULL } }, 2, 2 };

	flow = &undoing;
	ask(1, "TAKEBACK inst=H1 num=H1-1 | visit=V1 batch=B1");
	expect("hub:TAKEBACK", 'd');
	expect("platform:TAKEBACK", 'r');
	assert_int_equal(state_in_log(), X_REFUSED);
	ask(2, "TAKEBACK inst=H1 num=H1-2 | visit=V1 batch=B1");
	expect("hub:TAKEBACK", 'a');
	expect("platform:TAKEBACK", 'd');
	assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
}

/* Nothing of a withdrawal is ever undone: a reversal of it is refused, before its end and after, and it goes on. */
static void test_withdrawal_stands(void **state)
{
	static const struct engine_flow undoing = { "undo",
		{ { &hub, YT_OP_COUNT, NULL, true, NULL }, { &platform, YT_OP_COUNT, NULL, true, NULL } }, 2, 2 };

	flow = &undoing;
	ask(1, "TAKEBACK inst=H1 num=H1-1 | visit=V1 batch=B1");
	expect("hub:TAKEBACK", 'd');
	expect("platform:TAKEBACK", 'l');
	ask(2, "REVERSE inst=H1 num=H1-2 | orig=H1-1 origop=TAKEBACK");
	expect("platform:TAKEBACK", 'd');
	for (int i = 0; i < 50; i++)
		later(100);
	assert_int_equal(w.leg, 0);
	assert_int_equal(w.answers, 2);
	assert_int_equal(strncmp(w.answer, "REFUSED", 7), 0);
	assert_int_equal(state_in_log(), X_DONE);
	engine_flushed(w.engine, 1);
	ask(3, "REVERSE inst=H1 num=H1-3 | orig=H1-1 origop=TAKEBACK");
	for (int i = 0; i < 50; i++)
		later(100);
	assert_int_equal(w.answers, 3);
	assert_int_equal(strncmp(w.answer, "REFUSED", 7), 0);
	assert_int_equal(state_in_log(), X_DONE);
	assert_int_equal(w.leg, 0);
}

/* Whether the hub has registered is not known yet: a withdrawal that took that for "no" would leave it standing there.
 */
static void test_withdrawal_waits(void **state)
{
	static const struct engine_flow undoing = { "undo",
		{ { &hub, YT_OP_COUNT, NULL, true, "ykc700" }, { &platform, YT_OP_COUNT, NULL, true, NULL } }, 2, 2 };
	static const struct engine_flow fees = { "register",
		{ { &platform, YT_OP_COUNT, NULL, false, NULL },
		        { &hub, YT_OP_OUTPATIENT_REGISTER, NULL, false, NULL } },
		2, 1 };

	flow = &fees;
	ask(1, "FEES inst=H1 num=H1-1 | visit=V1 batch=B1");
	expect("platform:FEES", 'd');
	expect("hub:REGISTER", 'l');
	flow = &undoing;
	ask(2, "TAKEBACK inst=H1 num=H1-2 | visit=V1 batch=B1");
	assert_int_equal(w.answers, 1);
	assert_non_null(strstr(w.answer, "REFUSED"));
	flow = &fees;
	expect("hub:REGISTER", 'd');
	engine_flushed(w.engine, 1);
	flow = &undoing;
	ask(3, "TAKEBACK inst=H1 num=H1-3 | visit=V1 batch=B1");
	expect("hub:TAKEBACK", 'd');
	expect("platform:TAKEBACK", 'd');
}

/* One leg to another format: composed from facts, with a number of ours, found out by what it sent. */
static void test_one_leg(void **state)
{
	char number[40];

	flow = NULL;
	ask(1, "REGISTER inst=H1 num=H1-1 | own=O1");
	assert_int_not_equal(w.leg, 0);
	fake_value(yt_str(w.sent), "num", number, sizeof(number));
	assert_string_equal(number, "T0001000001");
	reply('l');
	expect("hub:FINDVISIT", 'r');
	assert_int_equal(state_in_log(), X_REVERSING);
}

/* A query whose origin is not to be kept waiting is given up early, and hears what its format has for that. */
static void test_patience(void **state)
{
	flow = NULL;
	ask(1, "READ inst=H1 num=H1-1 | person=P");
	assert_int_equal(w.deadline_in, 300);
	reply('l');
	assert_int_equal(strncmp(w.answer, "DONE visit=PASSED", 17), 0);
	ask(2, "READ inst=H1 num=H1-2 | person=P");
	reply('n');
	assert_int_equal(strncmp(w.answer, "DONE visit=PASSED", 17), 0);
	ask(3, "READ inst=H1 num=H1-3 | person=P");
	reply('r');
	assert_int_equal(strncmp(w.answer, "REFUSED", 7), 0);
}

/* -- refused for now -------------------------------------------------------------------------------- */

static const char *sent_number(char number[40])
{
	await_leg();
	assert_int_not_equal(w.leg, 0);
	fake_value(yt_str(w.sent), "num", number, 40);
	return number;
}

/* The next leg is the same under another number. */
static void expect_anew(const char *head, char number[40], char how)
{
	char before[40];

	memcpy(before, number, sizeof(before));
	assert_string_not_equal(sent_number(number), before);
	expect(head, how);
}

/* crossprovince.md 7.7, class R: once more after a pause, under a number of its own, and its origin hears of none of
 * it. */
static void test_busy(void **state)
{
	char number[40];

	flow = NULL;
	ask(1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1");
	sent_number(number);
	expect("hub:SETTLE", 'G'); /* of a new message it is one, wherever it was said */
	later(900);
	assert_int_equal(w.leg, 0);
	ask(2, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1"); /* the same: waits with it */
	ask(3, "SETTLE inst=H1 num=H1-2 | visit=V1 batch=B1"); /* P13 */
	assert_int_equal(w.answers, 1);
	expect_anew("hub:SETTLE", number, 'B');
	later(6900);
	assert_int_equal(w.leg, 0); /* the party asked for seven seconds */
	expect_anew("hub:SETTLE", number, 'd');
	assert_int_equal(w.answers, 3);
	assert_int_equal(strncmp(w.answer, "DONE visit=V1 setl=A1", 21), 0);
	assert_int_equal(state_in_log(), X_DONE);
}

/* Bounded in number; then it is refused, in words that say what may be done. */
static void test_busy_too_often(void **state)
{
	char number[40];

	flow = NULL;
	ask(1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1");
	sent_number(number);
	expect("hub:SETTLE", 'b');
	expect_anew("hub:SETTLE", number, 'b');
	expect_anew("hub:SETTLE", number, 'b');
	assert_int_equal(w.answers, 1);
	assert_non_null(strstr(w.answer, "Y204"));
	assert_int_equal(state_in_log(), X_REFUSED);
	later(60000);
	assert_int_equal(w.leg, 0);
	ask(2, "SETTLE inst=H1 num=H1-2 | visit=V1 batch=B1"); /* the visit is free */
	expect("hub:SETTLE", 'd');
}

/* No try for which its origin leaves no whole time-out; and none for nobody. */
static void test_busy_too_late(void **state)
{
	static const struct {
		int64_t later_ms;
		bool is_gone, is_reversed;
		unsigned answers;
	} cases[] = { { 598000, false, false, 1 }, { 0, true, false, 0 }, { 0, false, true, 2 } };

	for (size_t i = 0; i < COUNT(cases); i++) {
		teardown(NULL);
		setup(NULL);
		flow = NULL;
		ask(1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1");
		later(cases[i].later_ms);
		expect("hub:SETTLE", 'b');
		if (cases[i].is_gone)
			engine_gone(w.engine, 1);
		if (cases[i].is_reversed)
			ask(2, "REVERSE inst=H1 num=H1-2 | orig=H1-1 origop=SETTLE");
		for (int n = 0; n < 40; n++)
			later(100);
		assert_int_equal(w.leg, 0);
		assert_int_equal(w.answers, cases[i].answers);
		assert_int_equal(state_in_log(), X_REFUSED);
	}
}

/* Killed in the pause, or when it has left once more: what left last is found out, and undone by its own number. */
static void test_busy_killed(void **state)
{
	for (unsigned sent_again = 0; sent_again < 2; sent_again++) {
		char number[40], original[40];

		teardown(NULL);
		setup(NULL);
		flow = NULL;
		ask(1, "REGISTER inst=H1 num=H1-1 | own=O1");
		sent_number(number);
		expect("hub:REGISTER", 'b');
		if (sent_again)
			sent_number(number);
		kill_all();
		for (await_leg(); fake_is(yt_str(w.sent), "FINDVISIT"); await_leg())
			reply('r');
		fake_value(yt_str(w.sent), "orig", original, sizeof(original));
		assert_string_equal(original, number);
		expect("hub:REVERSE", 'd');
		assert_int_equal(state_in_log(), X_REVERSED);
	}
}

/* A query goes out again at once when the pause is over; what is only passed on has its sender's number. */
static void test_busy_query_and_passed_on(void **state)
{
	char number[40];

	flow = NULL;
	ask(1, "READ inst=H1 num=H1-1 | person=P");
	sent_number(number);
	expect("hub:READ", 'b');
	expect_anew("hub:READ", number, 'd');
	assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
	is_native = true;
	ask(2, "SETTLE inst=H1 num=H1-2 | visit=V1 batch=B1");
	expect("platform:SETTLE", 'b');
	is_native = false;
	assert_int_equal(w.answers, 2);
	assert_int_equal(strncmp(w.answer, "REFUSED", 7), 0);
	assert_null(strstr(w.answer, "Y204"));
}

static void test_busy_step(void **state)
{
	char number[40];

	for (unsigned killed = 0; killed < 2; killed++) {
		teardown(NULL);
		setup(NULL);
		flow = &flows[0];
		ask(1, "REGISTER inst=H1 num=H1-1 | own=O1");
		expect("platform:REGISTER", 'd');
		sent_number(number);
		expect("hub:REGISTER", 'b');
		later(900);
		assert_int_equal(w.leg, 0);
		if (killed == 1)
			kill_all();
		expect_anew("hub:REGISTER", number, 'l');
		expect("hub:REGISTER", 'G'); /* of the same octets: no proof */
		expect("hub:REGISTER", 'd');
		assert_int_equal(state_in_log(), X_DONE);
		assert_int_equal(w.answers, 1 - killed);
	}
}

static void test_busy_step_too_often(void **state)
{
	char number[40];

	flow = &flows[0];
	ask(1, "REGISTER inst=H1 num=H1-1 | own=O1");
	expect("platform:REGISTER", 'd');
	sent_number(number);
	expect("hub:REGISTER", 'b');
	expect_anew("hub:REGISTER", number, 'b');
	expect_anew("hub:REGISTER", number, 'b');
	expect("platform:REVERSE", 'd');
	assert_non_null(strstr(w.answer, "Y204"));
	assert_int_equal(state_in_log(), X_REFUSED);
}

/* Its origin gives up in the pause: nothing of the step is there to be undone. */
static void test_busy_step_unwanted(void **state)
{
	flow = &flows[0];
	ask(1, "REGISTER inst=H1 num=H1-1 | own=O1");
	expect("platform:REGISTER", 'd');
	expect("hub:REGISTER", 'b');
	ask(2, "REVERSE inst=H1 num=H1-2 | orig=H1-1 origop=REGISTER");
	expect("platform:REVERSE", 'd');
	assert_int_equal(state_in_log(), X_REVERSED);
	assert_int_equal(w.answers, 2);
}

/* What undoes a step and was refused did nothing: it is made anew, since the old one may have expired. */
static void test_undo_refused(void **state)
{
	char number[40];

	for (unsigned killed = 0; killed < 2; killed++) {
		teardown(NULL);
		setup(NULL);
		flow = &flows[1];
		ask(1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1");
		expect("platform:FEES", 'd');
		expect("hub:REGISTER", 'd');
		expect("hub:SETTLE", 'r');
		sent_number(number);
		expect("hub:REVERSE", 'l');
		assert_string_equal(sent_number(number), number);
		expect("hub:REVERSE", 'r');
		if (killed == 1)
			kill_all();
		expect_anew("hub:REVERSE", number, 'd');
		assert_int_equal(state_in_log(), X_REFUSED);
	}
}

/* -- credentials ------------------------------------------------------------------------------------ */

static bool log_has(const char *text)
{
	for (size_t i = 0; i < w.n_commits; i++)
		if (memmem(w.commits[i].p, w.commits[i].n, text, strlen(text)) != NULL)
			return true;
	return false;
}

/* What must not be kept goes out and is not kept, in a flow as on one leg; sent again as long as it is known. */
static void test_credentials(void **state)
{
	flow = &flows[0];
	ask(1, "REGISTER inst=H1 num=H1-1 | own=O1 secret=TOKEN9");
	await_leg();
	assert_non_null(strstr(w.sent, "secret=TOKEN9"));
	expect("platform:REGISTER", 'l');
	await_leg();
	assert_non_null(strstr(w.sent, "secret=TOKEN9"));
	expect("platform:REGISTER", 'd');
	expect("hub:REGISTER", 'd');
	assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
	flow = NULL;
	ask(2, "REGISTER inst=H1 num=H1-2 | own=O2 secret=TOKEN9");
	reply('d');
	assert_false(log_has("TOKEN9"));
	assert_true(log_has("secret=#"));
}

/* After a crash it is gone: the step that needs it is not sent again, an operator must look. */
static void test_credentials_after_a_crash(void **state)
{
	flow = &flows[0];
	ask(1, "REGISTER inst=H1 num=H1-1 | own=O1 secret=TOKEN9");
	await_leg();
	kill_all();
	for (int i = 0; i < 50; i++)
		later(100);
	assert_int_equal(w.leg, 0);
	assert_int_equal(state_in_log(), X_PARKED);
}

/* What came after the step that needed it goes on without it. */
static void test_credentials_behind_the_step(void **state)
{
	flow = &flows[0];
	ask(1, "REGISTER inst=H1 num=H1-1 | own=O1 secret=TOKEN9");
	expect("platform:REGISTER", 'd');
	await_leg();
	kill_all();
	expect("hub:REGISTER", 'd');
	assert_int_equal(state_in_log(), X_DONE);
}

/* -- what follows from a settlement --------------------------------------------------------------- */

/* A claim, and the question what has been decided. */
static const struct engine_flow claim = { "claim",
	{ { &hub, YT_OP_OUTPATIENT_REGISTER, NULL, false, NULL }, { &hub, YT_OP_PERSON_CHECK, NULL, true, NULL } }, 2,
	2 };

static struct exchange follow_up(void)
{
	struct exchange x;

	memset(&x, 0, sizeof(x));
	for (size_t i = 0; i < w.n_commits; i++) {
		struct yt_str rest = yt_buf_view(&w.commits[i]);
		struct rec rec;
		size_t used;

		for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used) {
			if (rec.type == REC_ACCEPTED && (rec_get_u64(&rec, REC_T_FLAGS) & REC_X_FOLLOW_UP)) {
				assert_int_equal(x.id, 0); /* one a settlement */
				x.id = rec.exchange;
			}
			if (x.id != 0 && rec.exchange == x.id && rec.type != REC_FACTS)
				exchange_apply(&x, &rec, i + 1);
		}
	}
	return x;
}

/* As in struct scenario; + before a leg: a cancel is asked before it is answered. */
static const struct follow_case {
	const char *it, *legs;
	enum exchange_state end;
} follow_cases[] = {
	{ "a claim follows", "platform:SETTLE d hub:REGISTER d hub:READ d", X_DONE },
	{ "nothing follows from a refusal", "platform:SETTLE r", X_NONE },
	{ "lost, and found out: it follows all the same",
	        "platform:SETTLE l platform:SETTLE d hub:REGISTER d hub:READ d", X_DONE },
	{ "the insurer cannot be reached: again, not refused",
	        "platform:SETTLE d hub:REGISTER n hub:REGISTER n hub:REGISTER d hub:READ d", X_DONE },
	{ "busy more often than an origin would wait for",
	        "platform:SETTLE d hub:REGISTER b hub:REGISTER b hub:REGISTER b hub:REGISTER b hub:REGISTER d hub:READ d",
	        X_DONE },
	{ "lost twice", "platform:SETTLE d hub:REGISTER l hub:REGISTER l hub:REGISTER d hub:READ d", X_DONE },
	{ "not decided yet: asked again",
	        "platform:SETTLE d hub:REGISTER d hub:READ w hub:READ w hub:READ w hub:READ d", X_DONE },
	{ "the insurer refuses", "platform:SETTLE d hub:REGISTER r", X_REFUSED },
	{ "refused on its way, by a gateway or a clock: that is no word of the insurer's",
	        "platform:SETTLE d hub:REGISTER g hub:REGISTER g hub:REGISTER d hub:READ d", X_DONE },
	{ "cancelled before it was decided",
	        "platform:SETTLE d hub:REGISTER d hub:READ w platform:CANCEL d hub:REVERSE d", X_REVERSED },
	{ "cancelled when it was done", "platform:SETTLE d hub:REGISTER d hub:READ d platform:CANCEL d hub:REVERSE d",
	        X_REVERSED },
	{ "the withdrawal is lost",
	        "platform:SETTLE d hub:REGISTER d hub:READ d platform:CANCEL d hub:REVERSE l hub:REVERSE d",
	        X_REVERSED },
	{ "a refused cancel ends nothing", "platform:SETTLE d hub:REGISTER d hub:READ d platform:CANCEL r", X_DONE },
};

static void play_follow_up(const struct follow_case *c, unsigned killed)
{
	char expected[64], head[64];
	unsigned n = 0;

	ask(1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1");
	for (const char *p = c->legs; *p != '\0'; p += *p == ' ') {
		size_t len = strcspn(p, " ");
		char how = p[len + 1];

		snprintf(expected, sizeof(expected), "%.*s", (int)len, p);
		if (strcmp(expected, "platform:CANCEL") == 0)
			ask(2, "CANCEL inst=H1 num=H1-2 | setl=A1");
		await_leg();
		snprintf(head, sizeof(head), "%s:%.*s", w.sent_to, (int)strcspn(w.sent, " "), w.sent);
		assert_string_equal(w.leg == 0 ? "nothing" : head, expected);
		if (++n == killed && strncmp(head, "hub:", 4) == 0) { /* asked again, or the same octets once more */
			kill_all();
			await_leg();
			snprintf(head, sizeof(head), "%s:%.*s", w.sent_to, (int)strcspn(w.sent, " "), w.sent);
			assert_string_equal(w.leg == 0 ? "nothing" : head, expected);
		}
		reply(how);
		p += len + 2;
	}
	for (int i = 0; i < 400 && w.leg == 0; i++)
		later(100);
	assert_int_equal(w.leg, 0);
}

/* It is on disk with the answer that causes it, leaves without anybody waiting, survives whatever is killed, and is
 * undone with its settlement. */
static void test_follow_up(void **state)
{
	is_native = true;
	follows = &claim;
	platform_settles = YT_RESOLVE_ADOPT;
	for (size_t i = 0; i < COUNT(follow_cases); i++) {
		for (unsigned killed = 0; killed < 7; killed++) {
			teardown(NULL);
			setup(NULL);
			print_message("%s, killed at leg %u\n", follow_cases[i].it, killed);
			play_follow_up(&follow_cases[i], killed);
			assert_int_equal(follow_up().state, follow_cases[i].end);
			assert_true(w.answers >= 1);
		}
	}
	platform_settles = YT_RESOLVE_REVERSE;
	follows = NULL;
	is_native = false;
}

/* Nobody waits for it: its settlement was answered before it left. */
static void test_follow_up_waits_for_nobody(void **state)
{
	is_native = true;
	follows = &claim;
	ask(1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1");
	expect("platform:SETTLE", 'd');
	assert_int_equal(w.answers, 1);
	assert_int_equal(strncmp(w.answer, "DONE visit=V1 setl=A1", 21), 0);
	expect("hub:REGISTER", 'd');
	expect("hub:READ", 'd');
	assert_int_equal(w.answers, 1);
	follows = NULL;
	is_native = false;
}

/* What stays here goes to nobody, is answered when it is kept, and once. */
static void test_kept_here(void **state)
{
	for (unsigned killed = 0; killed < 2; killed++) {
		teardown(NULL);
		setup(NULL);
		is_native = true;
		ask(1, "CONSENT inst=H1 num=H1-9 | person=P auth=SQ1");
		if (killed != 0)
			kill_all();
		later(100);
		assert_int_equal(w.leg, 0);
		assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
		assert_int_equal(state_in_log(), X_DONE);
		ask(2, "CONSENT inst=H1 num=H1-9 | person=P auth=SQ1");
		assert_int_equal(w.answers, 2);
		assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
		ask(3, "CONSENT inst=H1 num=H1-9 | person=P auth=SQ2");
		assert_int_equal(strncmp(w.answer, "REFUSED", 7), 0);
		ask(4, "CONSENT inst=H1 num=H1-10 | person=P");
		is_native = false;
	}
}

static unsigned n_pauses(void)
{
	unsigned n = 0;

	for (size_t i = 0; i < w.n_commits; i++) {
		struct yt_str rest = yt_buf_view(&w.commits[i]);
		struct rec rec;
		size_t used;

		for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used)
			n += rec.type == REC_DUE;
	}
	return n;
}

/* A claim does not leave with blanks: it waits for the consent, and goes when that has come. */
static void test_follow_up_waits_for_facts(void **state)
{
	static const struct engine_flow consented = { "consented", { { &hub, YT_OP_CLAIM_SUBMIT, NULL, false, NULL } },
		1, 1 };

	is_native = needs_consent = true;
	follows = &consented;
	ask(1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1 person=P");
	expect("platform:SETTLE", 'd');
	for (int i = 0; i < 200; i++)
		later(100);
	assert_int_equal(w.leg, 0);
	assert_int_equal(follow_up().state, X_UNKNOWN);
	assert_string_equal(follow_up().reason, "waits: consent.auth_no is missing");
	assert_in_range(n_pauses(), 3, 6); /* they grow: it may wait for a week */
	ask(2, "CONSENT inst=H1 num=H1-9 | person=P auth=SQ1");
	await_leg();
	assert_int_equal(strncmp(w.sent, "CLAIM auth=SQ1 name=one level=31 ", 33), 0);
	reply('l');
	await_leg();
	assert_int_equal(strncmp(w.sent, "CLAIM auth=SQ1 ", 15), 0); /* the same once more: its number makes it one */
	reply('d');
	assert_int_equal(follow_up().state, X_DONE);
	ask(3, "CANCEL inst=H1 num=H1-2 | setl=A1");
	expect("platform:CANCEL", 'd');
	await_leg();
	assert_int_equal(strncmp(w.sent, "WITHDRAW claim=C77 why=1 ", 25), 0);
	kill_all();
	await_leg();
	reply('d');
	assert_int_equal(follow_up().state, X_REVERSED);
	follows = NULL;
	is_native = needs_consent = false;
}

/* What became of it is its end: a claim that was decided against is none that was done. */
static void test_follow_up_is_rejected(void **state)
{
	static const struct engine_flow decided = { "decided",
		{ { &hub, YT_OP_CLAIM_SUBMIT, NULL, false, NULL }, { &hub, YT_OP_CLAIM_QUERY, NULL, true, NULL } }, 2,
		2 };

	is_native = true;
	follows = &decided;
	ask(1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1");
	expect("platform:SETTLE", 'd');
	expect("hub:CLAIM", 'd');
	expect("hub:ASKCLAIM", 'j');
	assert_int_equal(follow_up().state, X_REFUSED);
	assert_string_equal(follow_up().code, "R104");
	follows = NULL;
	is_native = false;
}

/* Consents are the person's, invoices the visit's, whatever else the message names. */
static void test_kept_where_it_belongs(void **state)
{
	static const struct {
		const char *asks, *key;
	} rows[] = { { "CONSENT inst=H1 num=H1-9 | person=P visit=V7 auth=SQ1", "p/" },
		{ "INVOICE inst=H1 num=H1-10 | person=P visit=V7 bill=B1", "v/H1/V7" } };

	is_native = true;
	for (size_t i = 0; i < COUNT(rows); i++) {
		unsigned n = 0;

		teardown(NULL);
		setup(NULL);
		ask(1, rows[i].asks);
		for (size_t c = 0; c < w.n_commits; c++) {
			struct yt_str rest = yt_buf_view(&w.commits[c]);
			struct rec rec;
			size_t used;

			for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used) {
				struct rec_field field;
				size_t pos = 0;

				while (rec.type == REC_FACTS && rec_next(&rec, &pos, &field)) {
					if (field.tag != REC_T_CASE)
						continue;
					n++;
					assert_true(yt_str_starts(field.value, rows[i].key));
				}
			}
		}
		assert_int_equal(n, 1);
	}
	is_native = false;
}

/* Whoever agreed to no claim has none: its steps hang on the consent. */
static void test_follow_up_without_steps(void **state)
{
	static const struct engine_flow asked_for = { "asked-for",
		{ { &hub, YT_OP_CLAIM_SUBMIT, NULL, false, "auth_no" } }, 1, 1 };

	is_native = needs_consent = true;
	follows = &asked_for;
	ask(1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1 person=P");
	expect("platform:SETTLE", 'd');
	for (int i = 0; i < 100; i++)
		later(100);
	assert_int_equal(w.leg, 0);
	assert_int_equal(follow_up().state, X_REFUSED);
	teardown(NULL);
	setup(NULL);
	ask(1, "CONSENT inst=H1 num=H1-9 | person=P auth=SQ1");
	ask(2, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1 person=P");
	expect("platform:SETTLE", 'd');
	expect("hub:CLAIM", 'd');
	assert_int_equal(follow_up().state, X_DONE);
	follows = NULL;
	is_native = needs_consent = false;
}

/* The step that would have told its end is left out, another was done: no refusal, and undone in its turn. */
static void test_follow_up_with_some_steps(void **state)
{
	static const struct engine_flow some = { "some",
		{ { &hub, YT_OP_OUTPATIENT_REGISTER, NULL, false, NULL },
		        { &hub, YT_OP_CLAIM_SUBMIT, NULL, false, "auth_no" } },
		2, 2 };

	is_native = true;
	follows = &some;
	ask(1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1 person=P");
	expect("platform:SETTLE", 'd');
	expect("hub:REGISTER", 'd');
	later(100);
	assert_int_equal(w.leg, 0);
	assert_int_equal(follow_up().state, X_DONE);
	ask(2, "CANCEL inst=H1 num=H1-2 | setl=A1");
	expect("platform:CANCEL", 'd');
	expect("hub:REVERSE", 'd');
	assert_int_equal(follow_up().state, X_REVERSED);
	follows = NULL;
	is_native = false;
}

/* Its settlement is cancelled when what was claimed cannot be read any more: nobody may hear that it was withdrawn. */
static void test_follow_up_erased(void **state)
{
	is_native = true;
	follows = &claim;
	ask(1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1");
	expect("platform:SETTLE", 'd');
	expect("hub:REGISTER", 'd');
	expect("hub:READ", 'd');
	assert_int_equal(follow_up().state, X_DONE);
	steps_are_erased = true;
	ask(2, "CANCEL inst=H1 num=H1-2 | setl=A1");
	expect("platform:CANCEL", 'd');
	for (int i = 0; i < 20; i++)
		later(100);
	steps_are_erased = false;
	assert_int_equal(w.leg, 0);
	assert_int_equal(follow_up().state, X_PARKED);
	follows = NULL;
	is_native = false;
}

/* After its time it is an operator's. */
static void test_follow_up_is_parked(void **state)
{
	for (const char *how = "nb"; *how != '\0'; how++) { /* away, busy */
		teardown(NULL);
		setup(NULL);
		is_native = true;
		follows = &claim;
		ask(1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1");
		expect("platform:SETTLE", 'd');
		engine_flushed(w.engine, 1);
		for (int i = 0; i < 200 && follow_up().state != X_PARKED; i++) {
			await_leg();
			if (w.leg != 0)
				reply(*how);
		}
		assert_int_equal(follow_up().state, X_PARKED);
		assert_true(w.now > 600000);
	}
	follows = NULL;
	is_native = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(test_scenarios, setup, teardown),
		cmocka_unit_test_setup_teardown(test_done_by_another, setup, teardown),
		cmocka_unit_test_setup_teardown(test_never_sent_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_never_sent_again_done, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unreadable_later, setup, teardown),
		cmocka_unit_test_setup_teardown(test_renewed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changed_flow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_upload_number, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_numbers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reversal_joins, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_to_join, setup, teardown),
		cmocka_unit_test_setup_teardown(test_expired, setup, teardown),
		cmocka_unit_test_setup_teardown(test_facts_never_come, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reversal_by_another_way, setup, teardown),
		cmocka_unit_test_setup_teardown(test_passed_on, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reversal_passed_on, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reversal_passed_on_bars, setup, teardown),
		cmocka_unit_test_setup_teardown(test_repeat_is_boxed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_parked_undoing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_decided_done, setup, teardown),
		cmocka_unit_test_setup_teardown(test_undelivered, setup, teardown),
		cmocka_unit_test_setup_teardown(test_admission, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unless, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_code, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_with, setup, teardown),
		cmocka_unit_test_setup_teardown(test_withdrawal_is_finished, setup, teardown),
		cmocka_unit_test_setup_teardown(test_withdrawal_stands, setup, teardown),
		cmocka_unit_test_setup_teardown(test_withdrawal_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_leg, setup, teardown),
		cmocka_unit_test_setup_teardown(test_patience, setup, teardown),
		cmocka_unit_test_setup_teardown(test_busy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_busy_too_often, setup, teardown),
		cmocka_unit_test_setup_teardown(test_busy_too_late, setup, teardown),
		cmocka_unit_test_setup_teardown(test_busy_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_busy_query_and_passed_on, setup, teardown),
		cmocka_unit_test_setup_teardown(test_busy_step, setup, teardown),
		cmocka_unit_test_setup_teardown(test_busy_step_too_often, setup, teardown),
		cmocka_unit_test_setup_teardown(test_busy_step_unwanted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_undo_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_credentials, setup, teardown),
		cmocka_unit_test_setup_teardown(test_credentials_after_a_crash, setup, teardown),
		cmocka_unit_test_setup_teardown(test_credentials_behind_the_step, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follow_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follow_up_waits_for_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follow_up_is_parked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follow_up_waits_for_facts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follow_up_without_steps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follow_up_is_rejected, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kept_where_it_belongs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follow_up_with_some_steps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follow_up_erased, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kept_here, setup, teardown) };

	struct CMUnitTest slow_tests[COUNT(tests)];

	for (size_t i = 0; i < COUNT(tests); i++) {
		slow_tests[i] = tests[i];
		slow_tests[i].setup_func = setup_slow;
	}
	return cmocka_run_group_tests(tests, NULL, NULL) + cmocka_run_group_tests(slow_tests, NULL, NULL);
}
