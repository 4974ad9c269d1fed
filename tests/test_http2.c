/* tests/test_http2.c - a listener that speaks HTTP/2 (core/net/http2.c, server_http2.c), frame by frame.
 *
 * A row is a script of frames and what must come back (http2_peer.h); the rows follow the sections of RFC
 * 9113 and RFC 7541, where a peer must be refused and where it must not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http2_peer.h"
#include "net/server.h"

#define BIG (4 * 1024 * 1024)
#define BODY_MAX 20000

/* ---- the engine's part ---- */

static struct world {
	uv_loop_t loop;
	struct server *server;
	int port;
	uv_timer_t later;
	struct server_token token; /* of the last request */
	struct server_token together[3];
	int n_together;
	char told[4096];
	int n_requests, n_gone, n_flushed, n_inside, n_drained;
	bool inside;
	char *big;
} w;

static void answer(struct server_token token, int status, const char *text)
{
	w.inside = true;
	server_answer(w.server, token, status, "text/plain", yt_str(text));
	w.inside = false;
}

/* With header fields of the format's own; one that is none closes the connection, or ends the stream. */
static void answer_with_fields(struct server_token token, const char *value)
{
	const struct yt_header fields[] = { { YT_STR("x-nonce"), YT_STR("0123") }, { YT_STR("X-Sig"), yt_str(value) } };
	const struct server_reply reply = {
		.status = 409, .content_type = "text/plain", .fields = fields, .n_fields = 2, .body = YT_STR("signed")
	};

	w.inside = true;
	server_answer_with(w.server, token, &reply);
	w.inside = false;
}

static void on_later(uv_timer_t *timer)
{
	(void)timer;
	answer(w.token, 200, "later");
}

static void on_together(uv_timer_t *timer)
{
	(void)timer;
	for (int i = 0; i < w.n_together; i++)
		answer(w.together[i], 200, "together");
}

static void on_drained(void *arg)
{
	(void)arg;
	w.n_drained++;
}

static void on_request(void *arg, const struct server_request *r)
{
	size_t n = strlen(w.told);

	(void)arg;
	w.n_inside += w.inside;
	w.n_requests++;
	w.token = r->token;
	snprintf(w.told + n, sizeof(w.told) - n, "%.*s %.*s %zu %.*s|", YT_FMT(r->method), YT_FMT(r->target), r->body.n,
	        YT_FMT(r->subject));
	if (yt_str_is(r->target, "/now"))
		answer(r->token, 200, "now");
	else if (yt_str_is(r->target, "/later"))
		uv_timer_start(&w.later, on_later, 1, 0);
	else if (yt_str_is(r->target, "/together") && w.n_together < 3)
		w.together[w.n_together++] = r->token;
	else if (yt_str_is(r->target, "/drop"))
		server_drop(w.server, r->token);
	else if (yt_str_is(r->target, "/signed"))
		answer_with_fields(r->token, "ab");
	else if (yt_str_is(r->target, "/unfit"))
		answer_with_fields(r->token, "a\r\nset-cookie: b");
	else if (yt_str_is(r->target, "/405"))
		answer(r->token, 405, "no");
	else if (yt_str_is(r->target, "/big"))
		server_answer(w.server, r->token, 200, NULL, (struct yt_str){ w.big, BIG });
	else if (yt_str_is(r->target, "/drain"))
		server_drain(w.server, on_drained, NULL);
	if (w.n_together == 3)
		uv_timer_start(&w.later, on_together, 1, 0);
}

static void on_gone(void *arg, struct server_token token)
{
	(void)arg;
	w.n_inside += w.inside;
	w.n_gone++;
	answer(token, 200, "to nobody"); /* harmless */
}

static void on_flushed(void *arg, struct server_token token)
{
	(void)arg, (void)token;
	w.n_inside += w.inside;
	w.n_flushed++;
}

static struct server_conf usual_conf(void)
{
	static char cert[160], key[160], ca[160];

	snprintf(cert, sizeof(cert), "%s", pki_cert("server"));
	snprintf(key, sizeof(key), "%s", pki_key("server"));
	snprintf(ca, sizeof(ca), "%s", pki_cert("ca"));
	return (struct server_conf){ .name = "test",
		.kind = SERVER_MTLS,
		.cert_file = cert,
		.key_file = key,
		.client_ca_file = ca,
		.http2 = true,
		.limits = { .connections = 8,
		        .header_bytes = 1024,
		        .headers = 8,
		        .body_bytes = BODY_MAX,
		        .handshake_ms = 5000,
		        .request_ms = 5000,
		        .idle_ms = 5000,
		        .streams = 4,
		        .continuations = 3,
		        .buffered_bytes = 65536,
		        .resets = 10,
		        .control_frames = 50 } };
}

static void world_open(const struct server_conf *conf)
{
	static const struct server_events events = { &w, on_request, on_gone, on_flushed };

	memset(&w, 0, sizeof(w));
	yt_log_setup("test", YT_ERROR);
	uv_loop_init(&w.loop);
	uv_timer_init(&w.loop, &w.later);
	assert_int_equal(server_open(&w.server, &w.loop, peer_listen(&w.port), conf, &events), 0);
}

static void world_close(void)
{
	server_close(w.server);
	uv_close((uv_handle_t *)&w.later, NULL);
	uv_run(&w.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w.loop), 0);
	assert_int_equal(w.n_inside, 0);
	free(w.big);
}

/* ---- rows ---- */

struct row {
	const char *it; /* "a connection ..." */
	const char *script;
	const char *want;
};

struct act {
	const struct row *row;
	struct h2_talk talk;
	int connected;
};

static void begin(struct act *act)
{
	struct peer_conf conf = { .cert = "hospital-one", .alpn = "\x02h2" };

	h2_begin(&act->talk);
	act->connected = peer_connect(&act->talk.peer, w.port, &conf);
}

static void play_row(void *arg)
{
	struct act *act = arg;

	begin(act);
	h2_play(&act->talk, act->row->script);
	h2_wait(&act->talk, act->row->want);
	h2_end(&act->talk);
}

static const struct row plain_row = { "", "H 1 sh {R}", "1:200 1+now" };

static void assert_next_is_served(void)
{
	struct act *act = calloc(1, sizeof(*act));

	act->row = &plain_row;
	peer_play(&w.loop, play_row, act);
	assert_non_null(strstr(act->talk.text, "1:200 1+now"));
	free(act);
}

#include "http2_rows.h"

static void test_row(void **state)
{
	struct server_conf conf = usual_conf();
	struct act *act = calloc(1, sizeof(*act));

	act->row = *state;
	world_open(&conf);
	peer_play(&w.loop, play_row, act);
	assert_next_is_served();
	world_close();
	assert_int_equal(act->connected, 0);
	if (strstr(act->talk.text, act->row->want) == NULL)
		fail_msg("wanted \"%s\", came \"%s\"", act->row->want, act->talk.text);
	free(act);
}

/* ---- what a row cannot say ---- */

#define ASK(id, target) "H " #id " sh :method=POST :scheme=https :path=" target " :authority=localhost"

static struct act *play(const char *script, const char *want)
{
	struct act *act = calloc(1, sizeof(*act));
	struct row *row = calloc(1, sizeof(*row));

	row->script = script;
	row->want = want;
	act->row = row;
	peer_play(&w.loop, play_row, act);
	return act;
}

static void act_free(struct act *act)
{
	free((void *)(uintptr_t)act->row);
	free(act);
}

static void requests_reach_the_engine_as_they_are(void **state)
{
	struct server_conf conf = usual_conf();

	(void)state;
	world_open(&conf);
	act_free(play("H 1 h {R} content-length=5 | D 1 s hello | W 1+now | " ASK(3, "/later") " | H 5 sh {R} a=*900 | "
	                                                                                       "H 7 sh {R} X=1",
	        "3+later"));
	assert_string_equal(w.told, "POST /now 5 hospital-one|POST /later 0 hospital-one|");
	assert_int_equal(w.n_flushed, 2);
	assert_int_equal(w.n_gone, 0);
	world_close();
}

static void an_answer_has_fields_of_the_format_s_own(void **state)
{
	struct server_conf conf = usual_conf();
	struct act *act;

	(void)state;
	world_open(&conf);
	act = play(ASK(1, "/signed"), "1:409 x-sig=ab 1+signed");
	assert_non_null(strstr(act->talk.text, "1:409 x-sig=ab 1+signed"));
	act_free(act);
	act = play(ASK(1, "/unfit"), "RST 1=2");
	assert_null(strstr(act->talk.text, "1:"));
	assert_non_null(strstr(act->talk.text, "RST 1=2"));
	act_free(act);
	assert_next_is_served();
	world_close();
}

static void answers_of_one_turn_leave_in_one_record(void **state)
{
	struct server_conf conf = usual_conf();
	struct act *act;

	(void)state;
	world_open(&conf);
	act = play(ASK(1, "/together") " | " ASK(3, "/together") " | " ASK(5, "/together"), "5+together");
	assert_non_null(strstr(act->talk.text, "1+together"));
	assert_int_equal(act->talk.n_together, 3);
	assert_int_equal(w.n_flushed, 3);
	act_free(act);
	world_close();
}

static void a_reset_request_is_gone_once(void **state)
{
	struct server_conf conf = usual_conf();

	(void)state;
	world_open(&conf);
	act_free(play(ASK(1, "/never") " | " ASK(3, "/now") " | W 3+now | F 3 0 1 00000008 | F 6 0 0 *8", "PONG"));
	assert_int_equal(w.n_requests, 2);
	assert_int_equal(w.n_gone, 1);
	assert_int_equal(w.n_flushed, 1);
	world_close();
}

static void all_requests_of_a_peer_that_hangs_up_are_gone(void **state)
{
	struct server_conf conf = usual_conf();

	(void)state;
	world_open(&conf);
	act_free(play(ASK(1, "/never") " | " ASK(3, "/never") " | " ASK(5, "/now"), "5+now"));
	assert_int_equal(w.n_gone, 2);
	assert_int_equal(w.n_flushed, 1);
	assert_next_is_served();
	world_close();
}

static void a_flood_takes_its_requests_along(void **state)
{
	struct server_conf conf = usual_conf();

	(void)state;
	world_open(&conf);
	act_free(play(ASK(1, "/never") " | " ASK(3, "/never") " | 60x F 6 0 0 *8", "END"));
	assert_int_equal(w.n_gone, 2);
	assert_int_equal(w.n_flushed, 0);
	world_close();
}

static void a_request_that_does_not_come_whole_is_refused(void **state)
{
	struct server_conf conf = usual_conf();
	struct act *act;

	(void)state;
	conf.limits.request_ms = 50;
	world_open(&conf);
	act = play("H 1 h {R} | D 1 - he | " ASK(3, "/now") " | W 3+now", "1:408");
	assert_non_null(strstr(act->talk.text, "1:408"));
	assert_int_equal(w.n_requests, 1);
	act_free(act);
	assert_next_is_served();
	world_close();
}

/* With a window of nothing the answer stays with us: its stream ends, the connection does not. */
static void an_answer_that_is_not_taken_ends_alone(void **state)
{
	struct server_conf conf = usual_conf();
	struct act *act;

	(void)state;
	conf.limits.request_ms = 50;
	world_open(&conf);
	act = play("F 4 0 0 000400000000 | " ASK(1, "/now") " | W RST 1=8 | F 4 0 0 00040000ffff | " ASK(3, "/now"),
	        "3+now");
	assert_non_null(strstr(act->talk.text, "1:200 RST 1=8"));
	assert_non_null(strstr(act->talk.text, "3+now"));
	assert_int_equal(w.n_gone, 1);
	assert_int_equal(w.n_flushed, 1);
	act_free(act);
	world_close();
}

static void play_without_reading(void *arg)
{
	struct act *act = arg;

	begin(act);
	h2_play(&act->talk, act->row->script);
	h2_end(&act->talk);
}

/* It opens all windows and reads nothing: the socket is full, the connection is cut in time. */
static void a_peer_that_reads_nothing_is_cut(void **state)
{
	struct server_conf conf = usual_conf();
	static const struct row row = { "",
		"F 4 0 0 00047fffffff | F 8 0 0 7fff0000 | " ASK(1, "/big") " | " ASK(3, "/big") " | W 1:200", "" };
	struct act *act = calloc(1, sizeof(*act));

	(void)state;
	conf.limits.request_ms = 100;
	conf.limits.buffered_bytes = 4 * BIG;
	act->row = &row;
	world_open(&conf);
	w.big = calloc(1, BIG);
	peer_play(&w.loop, play_without_reading, act);
	while (w.n_gone < 2)
		uv_run(&w.loop, UV_RUN_ONCE);
	assert_int_equal(w.n_flushed, 0);
	free(act);
	assert_next_is_served();
	world_close();
}

/* What a connection has not taken yet counts: new requests are refused unread, and can be sent again. */
static void a_full_connection_refuses_unread(void **state)
{
	struct server_conf conf = usual_conf();
	struct act *act;

	(void)state;
	world_open(&conf);
	w.big = calloc(1, BIG);
	act = play("F 4 0 0 000400000000 | " ASK(1, "/big") " | W 1:200 | " ASK(3, "/now"), "RST 3=7");
	assert_non_null(strstr(act->talk.text, "RST 3=7"));
	assert_int_equal(w.n_requests, 1);
	act_free(act);
	world_close();
}

/* Draining: what is under way is answered, a request that crossed the notice too, then the end. */
static void a_draining_server_serves_to_the_end(void **state)
{
	struct server_conf conf = usual_conf();
	struct act *act;

	(void)state;
	world_open(&conf);
	act = play(ASK(1, "/drain") " | W NOTICE | " ASK(3, "/now") " | W 3+now | F 6 1 0 *8 | W GOAWAY=0 | " ASK(
	                   5, "/now") " | W GOAWAY=0",
	        "GOAWAY=0");
	assert_non_null(strstr(act->talk.text, "NOTICE PING 3:200 3+now GOAWAY=0"));
	assert_null(strstr(act->talk.text, "5:"));
	assert_int_equal(w.n_requests, 2);
	answer(w.token, 200, "stale");
	while (w.n_drained == 0)
		uv_run(&w.loop, UV_RUN_ONCE);
	act_free(act);
	world_close();
}

static void an_idle_connection_is_told_goodbye(void **state)
{
	struct server_conf conf = usual_conf();
	struct act *act;

	(void)state;
	conf.limits.idle_ms = 30;
	world_open(&conf);
	act = play(ASK(1, "/now"), "END");
	assert_non_null(strstr(act->talk.text, "1+now GOAWAY=0 END"));
	act_free(act);
	world_close();
}

static void a_closed_server_tells_nothing_more(void **state)
{
	struct server_conf conf = usual_conf();

	(void)state;
	world_open(&conf);
	act_free(play(ASK(1, "/never"), "ACK"));
	world_close();
	assert_int_equal(w.n_gone, 1);
}

static void http2_is_spoken_only_where_it_is_offered(void **state)
{
	struct server_conf conf = usual_conf();
	struct act *act = calloc(1, sizeof(*act));

	(void)state;
	conf.http2 = false;
	act->row = &plain_row;
	world_open(&conf);
	peer_play(&w.loop, play_row, act);
	world_close();
	assert_int_equal(act->connected, -1);
	free(act);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(requests_reach_the_engine_as_they_are),
		cmocka_unit_test(an_answer_has_fields_of_the_format_s_own),
		cmocka_unit_test(answers_of_one_turn_leave_in_one_record),
		cmocka_unit_test(a_reset_request_is_gone_once),
		cmocka_unit_test(all_requests_of_a_peer_that_hangs_up_are_gone),
		cmocka_unit_test(a_flood_takes_its_requests_along),
		cmocka_unit_test(a_request_that_does_not_come_whole_is_refused),
		cmocka_unit_test(an_answer_that_is_not_taken_ends_alone),
		cmocka_unit_test(a_peer_that_reads_nothing_is_cut),
		cmocka_unit_test(a_full_connection_refuses_unread),
		cmocka_unit_test(a_draining_server_serves_to_the_end),
		cmocka_unit_test(an_idle_connection_is_told_goodbye),
		cmocka_unit_test(a_closed_server_tells_nothing_more),
		cmocka_unit_test(http2_is_spoken_only_where_it_is_offered),
	};
	static struct CMUnitTest tests[sizeof(rows) / sizeof(rows[0]) + sizeof(others) / sizeof(others[0])];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		tests[n++] = others[i];
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		tests[n++] = (struct CMUnitTest){ rows[i].it, test_row, NULL, NULL, (void *)(uintptr_t)&rows[i] };
	return _cmocka_run_group_tests("http2", tests, n, pki_make, pki_remove);
}
