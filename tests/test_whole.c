/* Requests to us in a format that signs all of HTTP (engine/whole.c): 天一甬宁保's events and calls at a listener, by
 * the real plugin and a gateway that is nothing but the engine. */
#include "insurer_peer.h"

#include "engine/engine.h"

#define PLUGIN YT_PLUGIN_DIR "/tianyi.so"
#define NOON INT64_C(1795162124500)
#define PATH "/insurer/ty/callback"
#define EVENT                                                                                                          \
	"{\"eventId\":\"TYE20261120000000031\",\"eventType\":\"CLAIM_STATUS\",\"eventSeq\":3,"                         \
	"\"occurTime\":\"2026-11-20T16:08:44+08:00\",\"claimNo\":\"TYC2026112000000917\","                             \
	"\"requestNo\":\"TY20261120000000000001\",\"setlId\":\"330299202611200001\",\"status\":\"ACCEPTED\"}"

/* The listener's own secret is not its callers'. */
static const char *const settings[] = { "app_id", "gw330299", "key", "other", "field_key", "field", NULL };
static const char *const callers[] = { "app_id", "gw330299", "key", "mac", "field_key", "field", NULL };

static struct {
	struct world keys;
	struct codec codec, caller;
	struct engine *engine;
	int64_t wall_ms;
	uint64_t begin_seq, begun; /* of the last question to the keeper */
	unsigned n_begun, n_notes, n_dropped, n_answers;
	int status;
	char body[1024], path[64];
	struct yt_header headers[16];
	char texts[16][2][80];
	size_t n_headers;
	bool was_asked, is_plain;
} g;

/* -- the engine's world -------------------------------------------------------------------------- */

static int64_t e_wall(void *ctx)
{
	(void)ctx;
	return g.wall_ms;
}

static int64_t e_mono(void *ctx)
{
	(void)ctx;
	return g.wall_ms - NOON + 1000000;
}

static void e_random(void *ctx, void *out, size_t n)
{
	(void)ctx;
	memset(out, 0, n);
}

static int e_submit(void *ctx, const struct talk *talk)
{
	(void)ctx;
	if (talk->kind == UP_BEGIN) {
		g.begin_seq = talk->seq;
		g.begun = talk->exchange;
		g.n_begun++;
	}
	g.n_notes += talk->kind == UP_NOTE;
	return 0;
}

static void e_send(void *ctx, const struct engine_party *party, uint64_t leg, struct yt_str wire_op, struct yt_str body,
        int64_t deadline_ms)
{
	(void)ctx, (void)party, (void)leg, (void)wire_op, (void)body, (void)deadline_ms;
	fail_msg("a leg left");
}

static void hear(int status, struct yt_str body)
{
	g.status = status;
	snprintf(g.body, sizeof(g.body), "%.*s", YT_FMT(body));
	g.n_answers++;
}

static void e_answer(void *ctx, uint64_t token, int status, const char *content_type, struct yt_str body)
{
	(void)ctx, (void)token, (void)content_type;
	g.is_plain = true;
	hear(status, body);
}

static void e_answer_http(
        void *ctx, uint64_t token, const struct yt_http *answer, const char *content_type, bool is_asked)
{
	(void)ctx, (void)token;
	assert_string_equal(content_type, "application/json");
	hear(answer->status, answer->body);
	g.was_asked = is_asked;
	snprintf(g.path, sizeof(g.path), "%.*s", YT_FMT(answer->path));
	g.n_headers = answer->n_headers;
	for (size_t i = 0; i < answer->n_headers; i++) {
		snprintf(g.texts[i][0], sizeof(g.texts[i][0]), "%.*s", YT_FMT(answer->headers[i].name));
		snprintf(g.texts[i][1], sizeof(g.texts[i][1]), "%.*s", YT_FMT(answer->headers[i].value));
		g.headers[i] = (struct yt_header){ yt_str(g.texts[i][0]), yt_str(g.texts[i][1]) };
	}
}

static void e_drop(void *ctx, uint64_t token)
{
	(void)ctx, (void)token;
	g.n_dropped++;
}

static void e_person(void *ctx, struct yt_str person, uint8_t out[16])
{
	(void)ctx, (void)person;
	memset(out, 7, 16);
}

/* Whatever function dies, there are octets that are not taken again (P8). */
static void e_box(void *ctx, const char *plugin, const char *what, uint64_t exchange, struct yt_str octets)
{
	(void)ctx, (void)plugin;
	if (what != NULL && (exchange == 0 || octets.n == 0))
		fail_msg("%s stands in the black box without its exchange or octets", what);
}

static bool e_quarantined(void *ctx, struct yt_str octets)
{
	(void)ctx;
	return memmem(octets.p, octets.n, "poison", 6) != NULL;
}

/* -- its configuration ---------------------------------------------------------------------------- */

static const struct engine_origin insurer = {
	.name = "insurer", .party = "next", .unknown_style = ENGINE_HOLD, .timeout_ms = 8000
};
static struct engine_party party = { .name = "next", .query_timeout_ms = 2000, .change_timeout_ms = 4000 };

static const struct engine_origin *c_subject(void *ctx, struct yt_str subject)
{
	(void)ctx;
	return yt_str_is(subject, "insurer") ? &insurer : NULL;
}

static const struct engine_origin *c_caller(void *ctx, struct yt_str caller, struct yt_str *key)
{
	(void)ctx;
	*key = YT_STR("mac");
	return yt_str_is(caller, "gw330299") ? &insurer : NULL;
}

static bool c_speaks_for(void *ctx, const struct engine_origin *origin, const struct yt_msg *msg)
{
	(void)ctx, (void)origin;
	return yt_str_is(msg->institution, "TIANYI");
}

static const struct engine_institution *c_institution(void *ctx, struct yt_str code)
{
	(void)ctx, (void)code;
	return NULL;
}

static const struct engine_party *c_route(void *ctx, const struct yt_msg *msg, const struct engine_origin *origin,
        const char *listener, struct engine_way *way)
{
	(void)ctx, (void)origin, (void)listener, (void)way;
	return msg->op->changes_state ? &party : NULL;
}

static const struct engine_party *c_party(void *ctx, const char *name)
{
	(void)ctx, (void)name;
	return &party;
}

static int setup(void **state)
{
	struct engine_conf conf = { .origin_by_subject = c_subject,
		.origin_by_caller = c_caller,
		.speaks_for = c_speaks_for,
		.institution = c_institution,
		.route = c_route,
		.party = c_party,
		.exchanges = 4,
		.margin_ms = 400 };
	struct engine_world world = { .wall_ms = e_wall,
		.mono_ms = e_mono,
		.random = e_random,
		.submit = e_submit,
		.send = e_send,
		.answer = e_answer,
		.answer_http = e_answer_http,
		.drop = e_drop,
		.person = e_person,
		.box = e_box,
		.quarantined = e_quarantined };

	(void)state;
	memset(&g, 0, sizeof(g));
	g.wall_ms = NOON;
	g.keys = world_open();
	g.codec = open_codec(&g.keys, PLUGIN, settings);
	g.caller = open_codec(&g.keys, PLUGIN, callers);
	party.codec = (struct engine_codec){ g.codec.api, g.codec.plugin };
	g.engine = engine_new(&conf, &world);
	assert_non_null(g.engine);
	engine_talk(g.engine, &(struct talk){ .exchange = 5, .kind = DOWN_WELCOME });
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	engine_free(g.engine);
	plugin_unload(g.codec.plugin);
	plugin_unload(g.caller.plugin);
	world_close(&g.keys);
	return 0;
}

/* -- requests ------------------------------------------------------------------------------------- */

struct asked {
	const char *method, *path, *body, *caller, *key; /* NULL: as an event has it */
	const char *sent_body;                           /* NULL: what was signed */
	int64_t late_ms;                                 /* the timestamp is so old */
	bool by_certificate, unsigned_at_all;
};

static const char *or_else(const char *given, const char *usual)
{
	return given != NULL ? given : usual;
}

static void sign(const struct asked *a, const char *time, char out[65])
{
	struct yt_str body = yt_str(or_else(a->body, EVENT));
	struct yt_buf text = { 0 }, hex = { 0 };
	struct yt_piece piece;
	uint8_t digest[32], mac[32];

	yt_sm3(body, digest);
	yt_buf_printf(&text, "%s\n%s\n%s\n%s\na1c4e8f00b2d4c69\n", or_else(a->method, "POST"), or_else(a->path, PATH),
	        or_else(a->caller, "gw330299"), time);
	yt_hex_add(&text, digest, sizeof(digest), false);
	piece = YT_PIECE(yt_buf_view(&text));
	assert_int_equal(keys_hmac(g.keys.keys, YT_HMAC_SM3, yt_str(or_else(a->key, "mac")), &piece, 1, mac), 0);
	yt_hex_add(&hex, mac, sizeof(mac), false);
	snprintf(out, 65, "%.*s", YT_FMT(yt_buf_view(&hex)));
	yt_buf_free(&text);
	yt_buf_free(&hex);
}

static void ask(const struct asked *a)
{
	static uint64_t token;
	char time[16], mac[65];
	struct yt_header headers[] = { { YT_STR("x-sign-alg"), YT_STR("HMAC-SM3") },
		{ YT_STR("x-app-id"), yt_str(or_else(a->caller, "gw330299")) }, { YT_STR("x-timestamp"), { 0 } },
		{ YT_STR("x-nonce"), YT_STR("a1c4e8f00b2d4c69") }, { YT_STR("x-sign"), { 0 } } };
	struct engine_request r = { .token = ++token,
		.listener = "insurers",
		.codec = party.codec,
		.by_certificate = a->by_certificate,
		.subject = yt_str(a->by_certificate ? "insurer" : ""),
		.method = yt_str(or_else(a->method, "POST")),
		.path = yt_str(or_else(a->path, PATH)),
		.headers = headers,
		.n_headers = a->unsigned_at_all ? 1 : 5,
		.body = yt_str(or_else(a->sent_body, or_else(a->body, EVENT))) };

	snprintf(time, sizeof(time), "%013lld", (long long)(g.wall_ms - a->late_ms));
	sign(a, time, mac);
	headers[2].value = yt_str(time);
	headers[4].value = yt_str(mac);
	engine_request(g.engine, &r);
}

static const struct row {
	const char *it;
	struct asked asked;
	int status; /* 0: it goes to the keeper; else the answer's ... */
	const char *begins;
	bool is_plain; /* not in the format's words */
} rows[] = {
	{ "an event that is signed is admitted", { 0 }, 0, NULL, false },
	{ "a call by GET is heard", { .method = "GET", .path = "/ins/v1/claims/C1", .body = "" }, 409,
	        "{\"code\":\"B3003\"", false },
	{ "its query is signed too",
	        { .method = "GET", .path = "/ins/v1/claims?requestNo=TY20261120000000000001", .body = "" }, 409,
	        "{\"code\":\"B3003\"", false },
	{ "a path of no call is refused in the format", { .path = "/insurer/ty/other" }, 400, "{\"code\":\"B1001\"",
	        false },
	{ "what cannot be read is refused in the format", { .body = "{\"eventId\":1}" }, 400, "{\"code\":\"B1001\"",
	        false },
	{ "another body than was signed is refused", { .sent_body = "{}" }, 401, "{\"code\":\"A0001\"", false },
	{ "another secret is refused", { .key = "other" }, 401, "{\"code\":\"A0001\"", false },
	{ "no signature is refused", { .unsigned_at_all = true }, 403, "{\"code\":\"A0004\"", false },
	{ "an old time is refused", { .late_ms = 300001 }, 401, "{\"code\":\"A0002\"", false },
	{ "an unknown caller is refused", { .caller = "gw330298" }, 403, "{\"code\":\"A0004\"", false },
	{ "a method without a meaning is refused", { .method = "PUT" }, 405, "only POST", true },
	{ "a GET with a body is refused", { .method = "GET" }, 405, "only POST", true },
	{ "a certificate is as good as a signature", { .by_certificate = true, .unsigned_at_all = true }, 0, NULL,
	        false },
};

/* The answer is signed with the caller's secret, over its status and the path asked for; to somebody unknown with the
 * listener's. */
static void answer_is_signed(const char *path)
{
	struct yt_http answer = { .path = yt_str(path),
		.status = g.status,
		.headers = g.headers,
		.n_headers = g.n_headers,
		.body = yt_str(g.body) };
	struct yt_fault fault = { { 0 }, { 0 } };

	const struct codec *c = g.status == 403 ? &g.codec : &g.caller;

	if (c->api->http_verify_reply(c->plugin, (struct yt_str){ 0 }, &answer, g.wall_ms, &fault) != 0)
		fail_msg("%s %s", fault.path, fault.why);
	assert_string_equal(g.path, path);
}

static void a_request(void **state)
{
	const struct row *row = *state;

	ask(&row->asked);
	assert_int_equal(g.n_begun, row->status == 0);
	assert_int_equal(g.n_answers, row->status != 0);
	assert_int_equal(g.n_dropped, 0);
	if (row->status == 0)
		return;
	assert_int_equal(g.status, row->status);
	assert_int_equal(g.is_plain, row->is_plain);
	if (strncmp(g.body, row->begins, strlen(row->begins)) != 0)
		fail_msg("answer: %s", g.body);
	if (!row->is_plain)
		answer_is_signed(or_else(row->asked.path, PATH));
	if (row->status == 401 || row->status == 403) /* of a stranger nothing is written down */
		assert_int_equal(g.n_notes, 0);
}

static void a_nonce_is_good_once(void **state)
{
	(void)state;
	ask(&(struct asked){ 0 });
	ask(&(struct asked){ 0 });
	assert_int_equal(g.n_begun, 1);
	assert_int_equal(g.status, 401);
	assert_memory_equal(g.body, "{\"code\":\"A0003\"", 15);
	assert_false(g.was_asked);
	answer_is_signed(PATH);
}

/* The keeper's octets, of this time or of the first: a status and a signature of now. */
static void a_stored_answer_is_signed_anew(void **state)
{
	struct yt_buf buf = { 0 };
	struct talk talk = { .kind = DOWN_STORED };
	size_t at;

	(void)state;
	ask(&(struct asked){ 0 });
	talk.seq = g.begin_seq;
	talk.exchange = 999;
	at = rec_begin(&buf, REC_ANSWERED, 0, talk.exchange, NOON);
	rec_str(&buf, REC_T_REPLY, YT_STR("{\"code\":\"0\"}"));
	rec_end(&buf, at);
	talk.payload = yt_buf_view(&buf);
	engine_talk(g.engine, &talk);
	yt_buf_free(&buf);
	assert_int_equal(g.n_answers, 1);
	assert_int_equal(g.status, 200);
	assert_string_equal(g.body, "{\"code\":\"0\"}");
	assert_true(g.was_asked);
	answer_is_signed(PATH);
}

static void what_killed_a_worker_is_not_taken_again(void **state)
{
	(void)state;
	ask(&(struct asked){ .path = "/poison" });
	assert_int_equal(g.status, 503);
	assert_true(g.is_plain);
}

int main(void)
{
	struct CMUnitTest tests[COUNT(rows) + 3];
	size_t n = 0;

	for (size_t i = 0; i < COUNT(rows); i++)
		tests[n++] = (struct CMUnitTest){ rows[i].it, a_request, setup, teardown, (void *)(uintptr_t)&rows[i] };
	tests[n++] = (struct CMUnitTest)cmocka_unit_test_setup_teardown(a_nonce_is_good_once, setup, teardown);
	tests[n++] =
	        (struct CMUnitTest)cmocka_unit_test_setup_teardown(a_stored_answer_is_signed_anew, setup, teardown);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test_setup_teardown(
	        what_killed_a_worker_is_not_taken_again, setup, teardown);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
