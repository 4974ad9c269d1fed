/* tests/test_lane_http2.c - lanes that speak HTTP/2 (core/net/lane_http2.c) against parties of every kind.
 *
 * The party is a script in a thread (http2_peer.h).  As in test_lane.c what matters is which end each request
 * hears, once, and that LANE_NOT_SENT is said only where the party has surely not looked at it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "http2_peer.h"
#include "lane_peer.h"

static struct world {
	uv_loop_t loop;
	struct lane *lane;
	int listener, port;
	char port_text[8], told[2048], why[128];
	int n_told, n_inside;
	bool inside;
	uint64_t again; /* done() sends this one more */
	bool closes;    /* done() closes the lane */
} w;

static void send_one(uint64_t id, const char *body, int64_t in_ms)
{
	static const struct yt_header headers[] = { { { "X-Sig", 5 }, { "abc", 3 } } };
	struct lane_request request = { .target = YT_STR("/call"),
		.content_type = "application/json",
		.headers = headers,
		.n_headers = 1,
		.body = yt_str(body),
		.deadline_ms = yt_mono_ms() + in_ms };

	uv_update_time(&w.loop);
	w.inside = true;
	lane_send(w.lane, id, &request);
	w.inside = false;
}

static void on_done(void *arg, uint64_t id, const struct lane_result *result)
{
	uint64_t again = w.again;

	(void)arg;
	w.n_inside += w.inside;
	w.n_told++;
	lane_told(w.told, sizeof(w.told), id, result, SIZE_MAX);
	snprintf(w.why, sizeof(w.why), "%s", result->why);
	w.again = 0;
	if (again != 0)
		send_one(again, "again", NEVER_MS);
	if (w.closes) {
		w.closes = false;
		lane_close(w.lane);
		w.lane = NULL;
	}
}

static struct lane_conf usual_conf(void)
{
	struct lane_conf conf = lane_usual_conf("party");

	conf.queue = 8;
	conf.http2 = true;
	conf.streams = 3;
	conf.buffered_bytes = 100000;
	conf.control_frames = 50;
	return conf;
}

static void world_open(struct lane_conf *conf)
{
	memset(&w, 0, sizeof(w));
	yt_log_setup("test", YT_ERROR + 1);
	uv_loop_init(&w.loop);
	w.listener = peer_listen(&w.port);
	snprintf(w.port_text, sizeof(w.port_text), "%d", w.port);
	conf->port = w.port_text;
	assert_int_equal(lane_open(&w.lane, &w.loop, conf, on_done, &w), 0);
}

static void world_close(void)
{
	if (w.lane != NULL)
		lane_close(w.lane);
	w.lane = NULL;
	uv_run(&w.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w.loop), 0);
	assert_int_equal(w.n_inside, 0);
	close(w.listener);
}

static void run_until_told(int n)
{
	while (w.n_told < n)
		uv_run(&w.loop, UV_RUN_ONCE);
}

/* ---- rows ---- */

struct row {
	const char *it;     /* "requests ..." */
	const char *script; /* of the party */
	int n;              /* requests 1 .. n, sent at once, bodies "b1", "b2", ... */
	const char *told;
	const char *why; /* the last; NULL: any */
};

#define OK(id) "H " #id " h :status=200 | D " #id " s ok" #id

static const struct row rows[] = {
	{ "are answered", "W x-sig=abc 1+b1 | " OK(1), 1, "1 answered 200 ok1|", NULL },
	{ "share a connection", "W 5+b3 | " OK(1) " | " OK(3) " | " OK(5), 3,
	        "1 answered 200 ok1|2 answered 200 ok3|3 answered 200 ok5|", NULL },
	{ "may be answered in any order", "W 5+b3 | " OK(5) " | " OK(1) " | " OK(3), 3,
	        "3 answered 200 ok5|1 answered 200 ok1|2 answered 200 ok3|", NULL },
	{ "pass over interim answers", "W 1+b1 | H 1 h :status=103 | H 1 h :status=103 | " OK(1), 1,
	        "1 answered 200 ok1|", NULL },
	{ "pass over trailers", "W 1+b1 | H 1 h :status=200 | D 1 - ok | H 1 sh x-sum=1", 1, "1 answered 200 ok|",
	        NULL },
	{ "without body are answered", "W 1+b1 | H 1 sh :status=204", 1, "1 answered 204 |", NULL },
	{ "are sent again when not looked at", "W 3+b2 | F 3 0 1 00000007 | " OK(3) " | W 5+b1 | " OK(5), 2,
	        "2 answered 200 ok3|1 answered 200 ok5|", NULL },
	{ "are not sent again for ever",
	        "W 1+b1 | F 3 0 1 00000007 | W 3+b1 | F 3 0 3 00000007 | W 5+b1 | F 3 0 5 00000007", 1, "1 not sent|",
	        NULL },
	{ "are lost when reset", "W 3+b2 | F 3 0 1 00000002 | " OK(3), 2, "2 answered 200 ok3|1 lost|", NULL },
	{ "are lost with the connection", "W 3+b2", 2, NULL, NULL },
	{ "are lost in what is no HTTP/2", "W 1+b1 | X 485454502f312e3120323030204f4b0d0a0d0a", 1, "1 lost|", NULL },
	{ "are lost in a broken block", "W 1+b1 | F 1 5 1 00", 1, "1 lost|", NULL },
	{ "are lost in a malformed answer", "W 1+b1 | H 1 sh :status=200 Upper=1", 1, "1 lost|", NULL },
	{ "are lost in an answer whose status is none", "W 1+b1 | H 1 h :status=000 | D 1 s ok", 1, "1 lost|", NULL },
	{ "are lost in an answer whose status is beyond all", "W 1+b1 | H 1 sh :status=600", 1, "1 lost|", NULL },
	{ "are lost in an answer without status", "W 1+b1 | H 1 sh x-a=b", 1, "1 lost|", NULL },
	{ "are lost in an answer of another length", "W 1+b1 | H 1 h :status=200 content-length=5 | D 1 s ok", 1,
	        "1 lost|", NULL },
	{ "are lost in too large an answer", "W 1+b1 | H 1 h :status=200 | D 1 s *1001 | W RST 1=8", 1, "1 lost|",
	        "the answer is too large" },
	{ "are lost in a head without end", "W 1+b1 | H 1 - :status=200 | 9x C 1 - x-a=b", 1, "1 lost|", NULL },
	{ "are lost in a flood", "W 1+b1 | 60x F 6 0 0 *8 | W GOAWAY=11", 1, "1 lost|",
	        "too many frames that carry no message" },
	{ "are not pushed anything", "W 1+b1 | F 5 4 1 0000000288", 1, "1 lost|", NULL },
};

struct party {
	const char *script;
	struct h2_talk talk;
	int accepted;
	bool asks;
};

static void play_party(void *arg)
{
	struct party *p = arg;

	h2_begin(&p->talk);
	p->talk.is_server = true;
	p->accepted = peer_accept(&p->talk.peer, w.listener, "server", p->asks, 0);
	if (p->accepted == 0)
		h2_play(&p->talk, p->script);
	h2_end(&p->talk);
}

static struct party *begin(const char *script, uv_thread_t *thread)
{
	struct party *party = calloc(1, sizeof(*party));

	party->script = script;
	uv_thread_create(thread, play_party, party);
	return party;
}

static void end(uv_thread_t *thread)
{
	if (w.lane != NULL)
		lane_close(w.lane);
	w.lane = NULL;
	uv_run(&w.loop, UV_RUN_DEFAULT);
	uv_thread_join(thread);
	world_close();
}

static void test_row(void **state)
{
	const struct row *row = *state;
	struct lane_conf conf = usual_conf();
	struct party *party = calloc(1, sizeof(*party));
	uv_thread_t thread;
	char body[16];

	world_open(&conf);
	party->script = row->script;
	uv_thread_create(&thread, play_party, party);
	for (int i = 1; i <= row->n; i++) {
		snprintf(body, sizeof(body), "b%d", i);
		send_one((uint64_t)i, body, NEVER_MS);
	}
	run_until_told(row->n);
	end(&thread);
	assert_int_equal(party->accepted, 0);
	if (row->told != NULL)
		assert_string_equal(w.told, row->told);
	if (row->why != NULL)
		assert_string_equal(w.why, row->why);
	free(party);
}

/* ---- what a row cannot say ---- */

/* Beside a connection that stands a request leaves at once: its deadline can only be missed by the party. */
#define WARM "W 1+warm | " OK(1) " | "

static void warm_up(void)
{
	send_one(9, "warm", NEVER_MS);
	run_until_told(1);
	assert_string_equal(w.told, "9 answered 200 ok1|");
	w.told[0] = '\0';
	w.n_told = 0;
}

static void a_late_answer_is_told_as_late(void **state)
{
	struct lane_conf conf = usual_conf();
	uv_thread_t thread;
	struct party *party;

	(void)state;
	world_open(&conf);
	party = begin(WARM "W 5+b2 | " OK(3) " | " OK(5), &thread);
	warm_up();
	send_one(1, "b1", 5);
	run_until_told(1);
	send_one(2, "b2", NEVER_MS);
	run_until_told(3);
	assert_string_equal(w.told, "1 timed out|1 late answered 200 ok3|2 answered 200 ok5|");
	end(&thread);
	free(party);
}

static void an_overdue_request_is_given_up_in_the_end(void **state)
{
	struct lane_conf conf = usual_conf();
	uv_thread_t thread;
	struct party *party;

	(void)state;
	conf.late_ms = 5;
	world_open(&conf);
	party = begin(WARM "W RST 3=8 | " OK(5), &thread);
	warm_up();
	send_one(1, "b1", 5);
	send_one(2, "b2", NEVER_MS);
	run_until_told(2);
	assert_string_equal(w.told, "1 timed out|2 answered 200 ok5|");
	end(&thread);
	free(party);
}

/* All the room of one connection is taken by late ones: who finds out what became of them gets through. */
static void late_requests_give_way(void **state)
{
	struct lane_conf conf = usual_conf();
	uv_thread_t thread;
	struct party *party;

	(void)state;
	conf.connections = 1;
	world_open(&conf);
	party = begin(WARM "W RST 3=8 | W 9+b4 | " OK(9), &thread);
	warm_up();
	for (int i = 1; i <= 3; i++) {
		send_one((uint64_t)i, "b", 5);
		run_until_told(i);
	}
	send_one(4, "b4", NEVER_MS);
	run_until_told(4);
	assert_string_equal(w.told, "1 timed out|2 timed out|3 timed out|4 answered 200 ok9|");
	end(&thread);
	free(party);
}

static void requests_wait_for_what_the_party_takes(void **state)
{
	struct lane_conf conf = usual_conf();
	uv_thread_t thread;
	struct party *party;

	(void)state;
	conf.connections = 1;
	world_open(&conf);
	party = begin("F 4 0 0 000300000001 | W ACK ACK | " WARM
	              "W 3+b2 | F 6 0 0 *8 | W PONG | " OK(3) " | W 5+b3 | " OK(5),
	        &thread);
	warm_up();
	send_one(2, "b2", NEVER_MS);
	send_one(3, "b3", NEVER_MS);
	run_until_told(2);
	assert_string_equal(w.told, "2 answered 200 ok3|3 answered 200 ok5|");
	end(&thread);
	assert_true(strstr(party->talk.text, "PONG") < strstr(party->talk.text, "5>/call"));
	free(party);
}

static void play_two(void *arg)
{
	struct party *parties = arg;

	play_party(&parties[0]);
	play_party(&parties[1]);
}

/* A party that has answered as many as it wants on one connection: no request is lost with it. */
static void a_party_that_goes_away_gets_the_rest_anew(void **state)
{
	struct lane_conf conf = usual_conf();
	struct party *parties = calloc(2, sizeof(*parties));
	uv_thread_t thread;

	(void)state;
	world_open(&conf);
	parties[0].script = "W 3+b2 | F 7 0 0 0000000100000000 | " OK(1);
	parties[1].script = "W 1+b2 | " OK(1);
	uv_thread_create(&thread, play_two, parties);
	send_one(1, "b1", NEVER_MS);
	send_one(2, "b2", NEVER_MS);
	run_until_told(2);
	assert_string_equal(w.told, "1 answered 200 ok1|2 answered 200 ok1|");
	end(&thread);
	free(parties);
}

static void done_may_send_again(void **state)
{
	struct lane_conf conf = usual_conf();
	uv_thread_t thread;
	struct party *party;

	(void)state;
	world_open(&conf);
	w.again = 2;
	party = begin("W 1+b1 | " OK(1) " | W 3+again | " OK(3), &thread);
	send_one(1, "b1", NEVER_MS);
	run_until_told(2);
	assert_string_equal(w.told, "1 answered 200 ok1|2 answered 200 ok3|");
	end(&thread);
	free(party);
}

static void done_may_close_the_lane(void **state)
{
	struct lane_conf conf = usual_conf();
	uv_thread_t thread;
	struct party *party;

	(void)state;
	world_open(&conf);
	w.closes = true;
	party = begin("W 3+b2 | " OK(1) " | " OK(3), &thread);
	send_one(1, "b1", NEVER_MS);
	send_one(2, "b2", NEVER_MS);
	run_until_told(2);
	assert_string_equal(w.told, "1 answered 200 ok1|2 lost|");
	end(&thread);
	free(party);
}

static void play_http1(void *arg)
{
	struct peer *peer = arg;
	const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

	if (peer_accept(peer, w.listener, "server", false, 0) == 0) {
		peer_read_messages(peer, 1);
		peer_send(peer, answer, sizeof(answer) - 1);
	}
	peer_hang_up(peer, true);
}

static void a_party_without_http2_is_spoken_to_as_ever(void **state)
{
	struct lane_conf conf = usual_conf();
	struct peer *peer = calloc(1, sizeof(*peer));
	uv_thread_t thread;

	(void)state;
	peer_accepts_http2 = false;
	world_open(&conf);
	uv_thread_create(&thread, play_http1, peer);
	send_one(1, "b1", NEVER_MS);
	run_until_told(1);
	end(&thread);
	peer_accepts_http2 = true;
	assert_string_equal(w.told, "1 answered 200 ok|");
	assert_non_null(strstr(peer->got, "POST /call HTTP/1.1\r\n"));
	free(peer);
}

/* Our certificate is refused when the request has left already: the party has not looked at it. */
static void a_refused_certificate_means_not_sent(void **state)
{
	struct lane_conf conf = usual_conf();
	char cert[160], key[160];
	uv_thread_t thread;
	struct party *party = calloc(1, sizeof(*party));

	(void)state;
	snprintf(cert, sizeof(cert), "%s", pki_cert("stranger"));
	snprintf(key, sizeof(key), "%s", pki_key("stranger"));
	conf.cert_file = cert;
	conf.key_file = key;
	world_open(&conf);
	party->asks = true;
	party->script = "W END";
	uv_thread_create(&thread, play_party, party);
	send_one(1, "b1", NEVER_MS);
	run_until_told(1);
	assert_string_equal(w.told, "1 not sent|");
	end(&thread);
	free(party);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(a_late_answer_is_told_as_late),
		cmocka_unit_test(an_overdue_request_is_given_up_in_the_end),
		cmocka_unit_test(late_requests_give_way),
		cmocka_unit_test(requests_wait_for_what_the_party_takes),
		cmocka_unit_test(a_party_that_goes_away_gets_the_rest_anew),
		cmocka_unit_test(done_may_send_again),
		cmocka_unit_test(done_may_close_the_lane),
		cmocka_unit_test(a_party_without_http2_is_spoken_to_as_ever),
		cmocka_unit_test(a_refused_certificate_means_not_sent),
	};
	static struct CMUnitTest tests[sizeof(rows) / sizeof(rows[0]) + sizeof(others) / sizeof(others[0])];
	size_t n = 0;

	peer_accepts_http2 = true;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		tests[n++] = (struct CMUnitTest){ rows[i].it, test_row, NULL, NULL, (void *)(uintptr_t)&rows[i] };
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		tests[n++] = others[i];
	return _cmocka_run_group_tests("lane_http2", tests, n, pki_make, pki_remove);
}
