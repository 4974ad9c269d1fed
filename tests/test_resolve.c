/* tests/test_resolve.c - the engine where octets are too large, cannot be written, cannot be read or kill.
 *
 * One worker's engine, a platform and a keeper played by hand in the format of fake_codec.h: what goes up, out and
 * back is kept and looked at.  Every call of the codec must stand in the black box (P8). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/engine.h"
#include "fake_codec.h"
#include "held_jobs.h"

struct stage {
	struct engine *engine;
	struct talk up[32]; /* payloads are copies */
	struct yt_buf payload[32];
	size_t n_up;
	size_t ring_bytes;
	int64_t now;
	uint64_t leg; /* the last that left */
	char sent[400];
	int status;
	char answer[400];
	unsigned legs, answers, drops;
	char box[32];     /* what stands in it */
	unsigned unboxed; /* calls outside of it */
	bool answers_fail, is_quarantined;
};
static struct stage *stage;

/* -- a codec that looks where it is called from -------------------------------------------------- */

static void must_be_boxed(const char *what)
{
	if (strcmp(jobs.running != NULL ? jobs.running : stage->box, what) != 0)
		stage->unboxed++;
}

static int b_decode_request(struct yt_plugin *self, struct yt_str octets, struct yt_msg *msg, struct yt_fault *fault)
{
	must_be_boxed("decode_request");
	return fake_codec.decode_request(self, octets, msg, fault);
}

static int b_encode_reply(
        struct yt_plugin *self, const struct yt_msg *msg, const struct yt_reply *reply, struct yt_buf *out)
{
	must_be_boxed("encode_reply");
	if (!stage->answers_fail)
		return fake_codec.encode_reply(self, msg, reply, out);
	yt_buf_text(out, "DONE and then");
	return YT_EFORMAT;
}

static int b_verify(struct yt_plugin *self, const struct yt_header *headers, size_t n, struct yt_str key,
        int64_t now_ms, struct yt_fault *fault)
{
	must_be_boxed("verify");
	return 0;
}

static struct yt_str b_sender(struct yt_plugin *self, const struct yt_header *headers, size_t n)
{
	must_be_boxed("sender");
	return YT_STR("hospital");
}

static int b_encode_request(
        struct yt_plugin *self, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault)
{
	must_be_boxed("encode_request");
	return fake_codec.encode_request(self, msg, out, fault);
}

static int b_decode_reply(
        struct yt_plugin *self, const struct yt_msg *msg, int status, struct yt_str octets, struct yt_reply *reply)
{
	must_be_boxed("decode_reply");
	return fake_codec.decode_reply(self, msg, status, octets, reply);
}

static int b_query_for(struct yt_plugin *self, const struct yt_msg *original, struct yt_msg *query)
{
	must_be_boxed("query_for");
	return fake_codec.query_for(self, original, query);
}

static enum yt_judgement b_judge(
        struct yt_plugin *self, const struct yt_msg *original, const struct yt_reply *answer, struct yt_reply *adopted)
{
	must_be_boxed("judge");
	return fake_codec.judge(self, original, answer, adopted);
}

static int b_reversal_of(struct yt_plugin *self, const struct yt_msg *original, struct yt_msg *reversal)
{
	must_be_boxed("reversal_of");
	return fake_codec.reversal_of(self, original, reversal);
}

static int b_sign_in_for(
        struct yt_plugin *self, struct yt_str institution, struct yt_str operator_id, struct yt_msg *msg)
{
	must_be_boxed("sign_in_for");
	return fake_codec.sign_in_for(self, institution, operator_id, msg);
}

static struct yt_codec_api boxed;

/* -- the engine's world and configuration -------------------------------------------------------- */

static int64_t w_time(void *ctx)
{
	return 1790000000000 + stage->now;
}

static void w_random(void *ctx, void *out, size_t n)
{
	memset(out, 7, n);
}

static int w_submit(void *ctx, const struct talk *talk)
{
	if (talk->payload.n > stage->ring_bytes)
		return YT_ELIMIT;
	assert_true(stage->n_up < 32);
	stage->up[stage->n_up] = *talk;
	yt_buf_str(&stage->payload[stage->n_up], talk->payload);
	stage->up[stage->n_up].payload = yt_buf_view(&stage->payload[stage->n_up]);
	stage->n_up++;
	return 0;
}

static void w_send(void *ctx, const struct engine_party *party, uint64_t leg, struct yt_str wire_op, struct yt_str body,
        int64_t deadline_ms)
{
	stage->leg = leg;
	stage->legs++;
	snprintf(stage->sent, sizeof(stage->sent), "%.*s", YT_FMT(body));
}

static void w_answer(void *ctx, uint64_t token, int status, const char *content_type, struct yt_str body)
{
	stage->answers++;
	stage->status = status;
	snprintf(stage->answer, sizeof(stage->answer), "%.*s", YT_FMT(body));
}

static void w_drop(void *ctx, uint64_t token)
{
	stage->drops++;
}

static void w_person(void *ctx, struct yt_str person, uint8_t out[16])
{
	memset(out, 7, 16);
}

static void w_box(void *ctx, const char *plugin, const char *what, uint64_t exchange, struct yt_str octets)
{
	if (what != NULL && (exchange == 0 || octets.n == 0))
		fail_msg("%s stands in the black box without its exchange or octets", what);
	snprintf(stage->box, sizeof(stage->box), "%s", what != NULL ? what : "");
}

static bool w_quarantined(void *ctx, struct yt_str octets)
{
	return stage->is_quarantined;
}

static const struct engine_origin origin = { .name = "hospital", .unknown_style = ENGINE_HOLD, .timeout_ms = 8000 };
static const struct engine_institution institution = { "H1", "one", "330213", true, "YT", "gateway", 0, 0, "31" };
static const struct engine_codec codec = { &boxed, NULL };
static const struct engine_party party = { .name = "platform",
	.codec = { &boxed, NULL },
	.query_timeout_ms = 2000,
	.change_timeout_ms = 4000,
	.late_ms = 1000,
	.server_delay_ms = 1000 };

static const struct engine_origin *c_caller(void *ctx, struct yt_str caller, struct yt_str *key)
{
	*key = YT_STR("good");
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
	return &party;
}

static const struct engine_party *c_party(void *ctx, const char *name)
{
	return &party;
}

static const struct engine_codec *c_listener(void *ctx, const char *name)
{
	return &codec;
}

/* -- playing ------------------------------------------------------------------------------------- */

static void run_jobs(void)
{
	while (jobs_run_one(stage->engine))
		;
}

static void tell(enum talk_kind kind, uint64_t seq, uint64_t exchange, struct yt_str payload)
{
	struct talk talk = { .seq = seq, .exchange = exchange, .kind = kind, .payload = payload };

	engine_talk(stage->engine, &talk);
	run_jobs();
}

static const struct talk *last_up(void)
{
	assert_true(stage->n_up > 0);
	return &stage->up[stage->n_up - 1];
}

static int setup(void **state)
{
	struct engine_conf conf = { .origin_by_caller = c_caller,
		.speaks_for = c_speaks_for,
		.institution = c_institution,
		.route = c_route,
		.party = c_party,
		.listener = c_listener,
		.serial_from = 9000,
		.serial_to = 9999,
		.exchanges = 10,
		.retry_ms = 500,
		.retry_max_ms = 4000,
		.park_after_ms = 60000,
		.margin_ms = 400 };
	struct engine_world world = { .wall_ms = w_time,
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

	boxed = fake_codec;
	boxed.decode_request = b_decode_request;
	boxed.encode_reply = b_encode_reply;
	boxed.verify = b_verify;
	boxed.sender = b_sender;
	boxed.encode_request = b_encode_request;
	boxed.decode_reply = b_decode_reply;
	boxed.query_for = b_query_for;
	boxed.judge = b_judge;
	boxed.reversal_of = b_reversal_of;
	boxed.sign_in_for = b_sign_in_for;
	stage = calloc(1, sizeof(*stage));
	assert_non_null(stage);
	stage->ring_bytes = 100000;
	stage->engine = engine_new(&conf, &world);
	engine_start(stage->engine);
	tell(DOWN_WELCOME, 1, 1, (struct yt_str){ 0 });
	return 0;
}

static int setup_slow(void **state)
{
	int rv = setup(state);

	boxed.is_slow = true;
	return rv;
}

static int teardown(void **state)
{
	size_t i;

	assert_int_equal(stage->unboxed + jobs.unboxed, 0);
	jobs_forget();
	for (i = 0; i < stage->n_up; i++)
		yt_buf_free(&stage->payload[i]);
	engine_free(stage->engine);
	free(stage);
	return 0;
}

static void ask(const char *line)
{
	struct yt_header header = { YT_STR("signature"), YT_STR("good") };
	struct engine_request r = { .token = 5,
		.listener = "hospitals",
		.codec = codec,
		.method = YT_STR("POST"),
		.headers = &header,
		.n_headers = 1,
		.body = yt_str(line) };

	engine_request(stage->engine, &r);
	run_jobs();
}

static void come_back(const char *line)
{
	engine_leg(stage->engine, stage->leg, LEG_ANSWERED, 200, yt_str(line), "", false);
	run_jobs();
}

/* A settlement is admitted and leaves. */
static void settle(void)
{
	ask("SETTLE inst=H1 num=H1-1 op=A | person=P visit=V batch=B amt=1200");
	assert_int_equal(last_up()->kind, UP_BEGIN);
	tell(DOWN_ADMITTED, last_up()->seq, last_up()->exchange, (struct yt_str){ 0 });
	assert_int_equal(stage->legs, 1);
}

static void lease(enum exchange_state state, const char *request, bool sent_is_lost)
{
	struct exchange x = { .id = 77,
		.state = state,
		.op = YT_OP_OUTPATIENT_FEES,
		.party = "platform",
		.listener = "hospitals",
		.trace = "TRACE" };
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_CARRIED, 0, 77, 0);

	rec_bytes(&buf, REC_T_STATE, &x, sizeof(x));
	rec_i64(&buf, REC_T_SECOND, 1790000000);
	rec_u32(&buf, REC_T_SERIAL, 9000);
	rec_u64(&buf, REC_T_ELAPSED, 5000);
	rec_u64(&buf, REC_T_QUIET, 5000);
	if (sent_is_lost)
		rec_str(&buf, REC_T_REASON, YT_STR("what was sent cannot be read back"));
	rec_str(&buf, REC_T_REQUEST, yt_str(request));
	rec_end(&buf, at);
	tell(DOWN_LEASE, 0, 77, yt_buf_view(&buf));
	yt_buf_free(&buf);
}

/* The first record of that type in a message to the keeper; its value of tag. */
static struct yt_str told(const struct talk *talk, enum rec_type type, enum rec_tag tag)
{
	struct yt_str rest = talk->payload;
	struct rec rec;
	size_t used;

	for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used) {
		if (rec.type == type)
			return rec_get(&rec, tag);
	}
	return YT_STR("no such record");
}

static void long_answer(char line[3000])
{
	memset(line, 'x', 2999);
	memcpy(line, "DONE setl=S1 amt=1200 ", 22);
	line[2997] = ' ';
	line[2998] = '.';
	line[2999] = 0;
}

/* -- what must hold ------------------------------------------------------------------------------ */

static void an_answer_no_ring_holds_is_told_without_its_octets(void **state)
{
	char line[3000];

	settle();
	stage->ring_bytes = 1000;
	long_answer(line);
	come_back(line);
	engine_tick(stage->engine);
	assert_int_equal(last_up()->kind, UP_END);
	assert_int_equal(told(last_up(), REC_OUTCOME, REC_T_OUTCOME).p[0], YT_DONE);
	assert_int_equal(told(last_up(), REC_OUTCOME, REC_T_RECEIVED).n, 0);
	tell(DOWN_DURABLE, last_up()->seq, last_up()->exchange, (struct yt_str){ 0 });
	assert_int_equal(stage->status, 200);
}

static void an_outcome_no_ring_holds_is_unknown(void **state)
{
	settle();
	stage->ring_bytes = 120;
	come_back("DONE setl=S1 amt=1200 .");
	engine_tick(stage->engine);
	assert_int_equal(last_up()->kind, UP_END);
	assert_int_equal(told(last_up(), REC_OUTCOME, REC_T_OUTCOME).p[0], YT_UNKNOWN);
	stage->ring_bytes = 100000;
	ask("READ inst=H1 num=H1-2 op=A | person=P"); /* and the next ones pass */
	assert_int_equal(stage->legs, 2);
}

static void a_request_no_ring_holds_is_too_large(void **state)
{
	stage->ring_bytes = 100;
	ask("SETTLE inst=H1 num=H1-1 op=A | person=P visit=V batch=B amt=1200");
	engine_tick(stage->engine);
	assert_int_equal(stage->status, 413);
	assert_int_equal(stage->legs, 0);
	assert_true(engine_is_idle(stage->engine));
}

static void an_answer_that_cannot_be_written_is_silence(void **state)
{
	settle();
	stage->answers_fail = true;
	come_back("DONE setl=S1 amt=1200 .");
	assert_int_equal(last_up()->kind, UP_END);
	assert_int_equal(told(last_up(), REC_OUTCOME, REC_T_OUTCOME).p[0], YT_DONE);
	assert_int_equal(told(last_up(), REC_ANSWERED, REC_T_REPLY).n, 0);
	tell(DOWN_DURABLE, last_up()->seq, last_up()->exchange, (struct yt_str){ 0 });
	assert_int_equal(stage->answers, 0);
	assert_int_equal(stage->drops, 1);
	assert_true(yt_str_is(told(last_up(), REC_DELIVERED, REC_T_RESULT), "missed"));
}

static void an_answer_found_out_that_cannot_be_written_is_none(void **state)
{
	lease(X_UNKNOWN, "FEES inst=H1 num=H1-3 op=A | visit=V batch=B", false);
	tell(DOWN_DURABLE, last_up()->seq, 77, (struct yt_str){ 0 });
	stage->answers_fail = true;
	come_back("DONE .");
	assert_int_equal(last_up()->kind, UP_RETURN);
	assert_true(yt_str_is(told(last_up(), REC_RESOLVED, REC_T_RESULT), "done"));
	assert_int_equal(told(last_up(), REC_ANSWERED, REC_T_REPLY).n, 0);
}

static void what_was_sent_and_is_lost_is_not_made_up(void **state)
{
	lease(X_UNKNOWN, "FEES inst=H1 num=H1-3 op=A | visit=V batch=B", true);
	assert_int_equal(stage->legs, 0);
	assert_int_equal(last_up()->kind, UP_RETURN);
	assert_true(told(last_up(), REC_DUE, REC_T_DUE).n == 8);
}

static void octets_that_killed_are_parked_unread(void **state)
{
	stage->is_quarantined = true;
	lease(X_UNKNOWN, "FEES inst=H1 num=H1-3 op=A | visit=V batch=B", false);
	assert_int_equal(last_up()->kind, UP_RETURN);
	assert_true(yt_str_is(told(last_up(), REC_PARKED, REC_T_REASON), "its octets killed a worker a while ago"));
}

static void a_refusal_on_the_way_proves_nothing(void **state)
{
	lease(X_UNKNOWN, "FEES inst=H1 num=H1-3 op=A | visit=V batch=B", false);
	tell(DOWN_DURABLE, last_up()->seq, 77, (struct yt_str){ 0 });
	come_back("REFUSED why=gateway the time is out of range .");
	assert_true(told(last_up(), REC_DUE, REC_T_DUE).n == 8);
}

static void every_call_is_boxed(void **state)
{
	struct yt_buf buf = { 0 };
	size_t at;

	lease(X_UNKNOWN, "REGISTER inst=H1 num=H1-4 op=A | own=O", false);
	assert_int_equal(last_up()->kind, UP_SESSION);
	at = rec_begin(&buf, REC_SESSION, 0, 0, 0);
	rec_i64(&buf, REC_T_SECOND, 1790000000);
	rec_u32(&buf, REC_T_SERIAL, 9100);
	rec_end(&buf, at);
	tell(DOWN_SESSION, last_up()->seq, 0, yt_buf_view(&buf));
	yt_buf_free(&buf);
	assert_true(fake_is(yt_str(stage->sent), "SIGNIN"));
	come_back("DONE sign=G1 .");
	assert_int_equal(last_up()->kind, UP_STEP);
	tell(DOWN_DURABLE, last_up()->seq, 77, (struct yt_str){ 0 });
	assert_true(fake_is(yt_str(stage->sent), "FINDVISIT"));
	come_back("DONE state=found visit=V9 .");
	assert_true(yt_str_is(told(last_up(), REC_RESOLVED, REC_T_RESULT), "done"));
	tell(DOWN_DURABLE, last_up()->seq, 77, (struct yt_str){ 0 });
	lease(X_UNKNOWN, "SETTLE inst=H1 num=H1-5 op=A | person=P visit=V batch=B amt=1200", false);
	tell(DOWN_DURABLE, last_up()->seq, 77, (struct yt_str){ 0 });
	assert_true(fake_is(yt_str(stage->sent), "REVERSE"));
	come_back("DONE .");
	assert_true(yt_str_is(told(last_up(), REC_REVERSED, REC_T_RESULT), "reversed"));
}

#define PLAY(test)                                                                                                     \
	cmocka_unit_test_setup_teardown(test, setup, teardown),                                                        \
	{                                                                                                              \
#test ", slowly", test, setup_slow, teardown, NULL                                                     \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLAY(an_answer_no_ring_holds_is_told_without_its_octets),
		PLAY(an_outcome_no_ring_holds_is_unknown),
		PLAY(a_request_no_ring_holds_is_too_large),
		PLAY(an_answer_that_cannot_be_written_is_silence),
		PLAY(an_answer_found_out_that_cannot_be_written_is_none),
		PLAY(what_was_sent_and_is_lost_is_not_made_up),
		PLAY(octets_that_killed_are_parked_unread),
		PLAY(a_refusal_on_the_way_proves_nothing),
		PLAY(every_call_is_boxed),
	};

	yt_log_setup("test", (enum yt_level)(YT_ERROR + 1));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
