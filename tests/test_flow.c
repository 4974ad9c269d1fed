/* tests/test_flow.c - flows: one request, several parties, and what becomes of it whatever a party does.
 *
 * The real engine and the real keeper, one of each, with a journal in memory between them; the parties are the test.
 * A scenario says what leaves, in order, and what comes back; what leaves otherwise is a failure.  Each is
 * played once as it stands and once more for each leg with everything killed when that leg has left; and all tests
 * once more with codecs that are slow, whose calls come back only when nothing else moves. */
#include "flow_world.h"

#include <stdio.h>

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
		{ { &hub, YT_OP_COUNT, NULL, false, NULL, NULL }, { &platform, YT_OP_COUNT, NULL, false, NULL, NULL } },
		2, 1 };
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
		{ { &hub, YT_OP_COUNT, NULL, false, NULL, NULL },
		        { &hub, YT_OP_OUTPATIENT_FEES, NULL, true, NULL, NULL },
		        { &hub, YT_OP_OUTPATIENT_FEES, NULL, true, NULL, NULL },
		        { &hub, YT_OP_OUTPATIENT_FEES, NULL, true, NULL, NULL },
		        { &platform, YT_OP_OUTPATIENT_FEES, NULL, true, NULL, NULL },
		        { &platform, YT_OP_OUTPATIENT_FEES, NULL, true, NULL, NULL } },
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
	assert_string_equal(flow_world_running(), "repeat_reply");
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
		{ { &platform, YT_OP_COUNT, NULL, false, NULL, NULL },
		        { &hub, YT_OP_OUTPATIENT_REGISTER, "ykc700", false, NULL, NULL },
		        { &hub, YT_OP_COUNT, NULL, false, NULL, NULL } },
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

/* A step may hang on what a fact is: what the step before it brought decides. */
static void test_equals(void **state)
{
	static const struct {
		const char *value;
		bool goes;
	} rows[] = { { "S1", true }, { "S2", false } };

	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct engine_flow fees = { "equals",
			{ { &platform, YT_OP_COUNT, NULL, false, NULL, NULL },
			        { &hub, YT_OP_OUTPATIENT_REGISTER, NULL, false, NULL, NULL },
			        { &hub, YT_OP_COUNT, NULL, false, "ykc700", rows[i].value } },
			3, 1 };

		teardown(NULL);
		setup(NULL);
		flow = &fees;
		ask(1, "FEES inst=H1 num=H1-1 | visit=V1 batch=B1");
		expect("platform:FEES", 'd');
		expect("hub:REGISTER", 'd'); /* its number there is S1 */
		if (rows[i].goes)
			expect("hub:FEES", 'd');
		assert_int_equal(w.leg, 0);
		assert_int_equal(state_in_log(), X_DONE);
		flow = NULL;
	}
}

/* What was never registered there is withdrawn at the platform alone. */
static void test_only_with(void **state)
{
	static const struct engine_flow undoing = { "undo",
		{ { &hub, YT_OP_COUNT, NULL, true, "ykc700", NULL },
		        { &platform, YT_OP_COUNT, NULL, true, NULL, NULL } },
		2, 2 };
	static const struct engine_flow fees = { "register",
		{ { &platform, YT_OP_COUNT, NULL, false, NULL, NULL },
		        { &hub, YT_OP_OUTPATIENT_REGISTER, NULL, false, NULL, NULL } },
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
		{ { &hub, YT_OP_COUNT, NULL, true, NULL, NULL }, { &platform, YT_OP_COUNT, NULL, true, NULL, NULL } },
		2, 2 };

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
		{ { &hub, YT_OP_COUNT, NULL, true, NULL, NULL }, { &platform, YT_OP_COUNT, NULL, true, NULL, NULL } },
		2, 2 };

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
		{ { &hub, YT_OP_COUNT, NULL, true, "ykc700", NULL },
		        { &platform, YT_OP_COUNT, NULL, true, NULL, NULL } },
		2, 2 };
	static const struct engine_flow fees = { "register",
		{ { &platform, YT_OP_COUNT, NULL, false, NULL, NULL },
		        { &hub, YT_OP_OUTPATIENT_REGISTER, NULL, false, NULL, NULL } },
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
		cmocka_unit_test_setup_teardown(test_equals, setup, teardown),
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
		cmocka_unit_test_setup_teardown(test_credentials_behind_the_step, setup, teardown) };
	return flow_world_run(tests, COUNT(tests));
}
