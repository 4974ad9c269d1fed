/* tests/test_lane.c - lanes (core/net/lane.c) against parties that behave in every way.
 *
 * The party is played in a thread (net_peer.h).  What matters is which of the four ends each request
 * hears, once, and that LANE_NOT_SENT is said only where the party cannot have seen the request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "alloc_fault.h"
#include "hostile_http.h"
#include "lane_peer.h"

#define OK(body_n, body) "HTTP/1.1 200 OK\r\nContent-Length: " body_n "\r\n\r\n" body

static struct world {
	uv_loop_t loop;
	struct lane *lane;
	int listener, port;
	char port_text[8];
	char told[1024]; /* "1 answered 200 ok|2 not sent|" */
	char why[128];   /* the last one */
	int n_told;
	bool inside;
	int n_inside;     /* ends told from inside lane_send(): must stay 0 */
	uint64_t again;   /* done() sends this one more ... */
	int again_after;  /* ... when so many were told */
	bool comes_back;  /* done() lets the party listen again */
	volatile int cue; /* for the party's thread */
	uv_timer_t later;
} w;

static void send_one(uint64_t id, const char *body, int64_t in_ms)
{
	static const struct yt_header headers[] = { { { "x-sig", 5 }, { "abc", 3 } } };
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

	assert_ptr_equal(arg, &w);
	w.n_inside += w.inside;
	w.n_told++;
	lane_told(w.told, sizeof(w.told), id, result, SIZE_MAX);
	snprintf(w.why, sizeof(w.why), "%s", result->why);
	if (w.comes_back)
		listen(w.listener, 8);
	if (w.again != 0 && w.n_told >= w.again_after) {
		uint64_t again = w.again;

		w.again = 0;
		send_one(again, "again", NEVER_MS);
	}
}

static struct lane_conf usual_conf(void)
{
	return lane_usual_conf("party");
}

static void world_open(struct lane_conf *conf)
{
	memset(&w, 0, sizeof(w));
	yt_log_setup("test", YT_ERROR + 1);
	uv_loop_init(&w.loop);
	uv_timer_init(&w.loop, &w.later);
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
	uv_close((uv_handle_t *)&w.later, NULL);
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

/* ---- rows: one request, one party ---- */

struct row {
	const char *it;   /* "a request ..." */
	const char *cert; /* the party's; NULL: it speaks no TLS */
	const char *host, *server_name;
	bool asks;        /* for our certificate ... */
	const char *ours; /* ... which is this one; NULL: none */
	int version;
	const char *answer; /* NULL: hangs up when it has read the request */
	bool clean;         /* ends with close_notify */
	bool before;        /* plain party: speaks at once */
	uint32_t in_ms;     /* 0: NEVER_MS */
	uint32_t connect_ms;
	const char *want;
	const char *why;
};

static const struct row rows[] = {
	{ "is answered", .cert = "server", .answer = OK("2", "ok"), .want = "1 answered 200 ok|" },
	{ "is answered over TLS 1.2", .cert = "server", .version = TLS1_2_VERSION, .answer = OK("2", "ok"),
	        .want = "1 answered 200 ok|" },
	{ "is answered by a named host", .cert = "server", .host = "localhost", .answer = OK("2", "ok"),
	        .want = "1 answered 200 ok|" },
	{ "is answered by whom it names", .cert = "elsewhere", .server_name = "elsewhere.example",
	        .answer = OK("2", "ok"), .want = "1 answered 200 ok|" },
	{ "is answered with any status", .cert = "server", .answer = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
	        .want = "1 answered 503 |" },
	{ "is answered in chunks", .cert = "server",
	        .answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
	        .want = "1 answered 200 ok|" },
	{ "is answered after an interim answer", .cert = "server", .answer = "HTTP/1.1 102 Wait\r\n\r\n" OK("2", "ok"),
	        .want = "1 answered 200 ok|" },
	{ "is answered by what ends with close_notify", .cert = "server", .clean = true,
	        .answer = "HTTP/1.1 200 OK\r\n\r\nok", .want = "1 answered 200 ok|" },
	{ "is lost if such an answer is merely cut off", .cert = "server", .answer = "HTTP/1.1 200 OK\r\n\r\nok",
	        .want = "1 lost|" },
	{ "is lost if its answer is cut", .cert = "server", .clean = true,
	        .answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", .want = "1 lost|" },
	{ "is lost if the chunks are cut", .cert = "server", .clean = true,
	        .answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", .want = "1 lost|" },
	{ "is lost if the party hangs up", .cert = "server", .want = "1 lost|" },
	{ "is lost if the party hangs up politely", .cert = "server", .clean = true, .want = "1 lost|" },
	{ "is lost if the answer is garbage", .cert = "server", .answer = "hello hello\r\n\r\n", .want = "1 lost|",
	        .why = "malformed status line" },
	{ "is lost if the answer can be read in two ways", .cert = "server",
	        .answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	        .want = "1 lost|", .why = "both Content-Length and Transfer-Encoding" },
	{ "is lost if the answer is too large", .cert = "server",
	        .answer = "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", .want = "1 lost|",
	        .why = "body is too large" },
	/* TLS 1.3: the party judges our certificate when our side of the handshake is over and the request is under way
	 */
	{ "is not sent if our certificate is missed", .cert = "server", .asks = true, .want = "1 not sent|" },
	{ "is not sent if our certificate is a stranger's", .cert = "server", .asks = true, .ours = "stranger",
	        .want = "1 not sent|" },
	{ "is not sent if our certificate has expired", .cert = "server", .asks = true, .ours = "expired",
	        .want = "1 not sent|" },
	{ "is not sent if our certificate is a stranger's over TLS 1.2", .cert = "server", .asks = true,
	        .ours = "stranger", .version = TLS1_2_VERSION, .want = "1 not sent|" },
	{ "is not sent if our certificate is missed in time", .cert = "server", .asks = true, .version = TLS1_2_VERSION,
	        .want = "1 not sent|" },
	{ "is not sent to another name", .cert = "elsewhere", .want = "1 not sent|", .why = "IP address mismatch" },
	{ "is not sent to a host of another name", .cert = "elsewhere", .host = "localhost", .want = "1 not sent|",
	        .why = "hostname mismatch" },
	{ "is not sent to a stranger", .cert = "stranger", .want = "1 not sent|" },
	{ "is not sent to an expired certificate", .cert = "expired-server", .want = "1 not sent|",
	        .why = "certificate has expired" },
	{ "is not sent to who speaks no TLS", .answer = OK("2", "ok"), .want = "1 not sent|" },
	{ "is not sent to who speaks before TLS", .before = true, .answer = OK("2", "ok"), .want = "1 not sent|" },
	{ "is not sent to who hangs up in the handshake", .want = "1 not sent|" },
	{ "is not sent to who does not shake hands", .answer = "", .connect_ms = 100, .want = "1 not sent|",
	        .why = "connect took too long" },
	{ "times out if there is no answer", .cert = "server", .answer = "", .in_ms = 300, .want = "1 timed out|" },
	{ "times out if the answer is not whole", .cert = "server",
	        .answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", .in_ms = 300, .want = "1 timed out|",
	        .clean = false },
};

struct act {
	const struct row *row;
	struct peer peer;
};

static void play_row(void *arg)
{
	struct act *act = arg;
	const struct row *row = act->row;
	bool waits = row->in_ms != 0 || row->connect_ms != 0;

	if (peer_accept(&act->peer, w.listener, row->cert, row->asks, row->version) != 0) {
		peer_read_raw(&act->peer); /* a close with octets unread could reset the alert away */
		peer_hang_up(&act->peer, false);
		return;
	}
	if (!row->before)
		peer_read_some(&act->peer);
	while (!row->before && !act->peer.ended && row->cert != NULL && strstr(act->peer.got, "hello") == NULL)
		peer_read_some(&act->peer);
	if (row->answer != NULL && row->answer[0] != '\0')
		peer_send(&act->peer, row->answer, strlen(row->answer));
	while (waits && w.cue == 0)
		usleep(1000);
	peer_hang_up(&act->peer, row->clean);
}

static void on_told_cue(uv_timer_t *timer)
{
	(void)timer;
	w.cue = w.n_told;
}

static void ends_as_the_row_says(void **state)
{
	const struct row *row = *state;
	struct lane_conf conf = usual_conf();
	struct act act = { .row = row };

	if (row->host != NULL)
		conf.host = row->host;
	conf.server_name = row->server_name;
	if (row->asks)
		conf.cert_file = conf.key_file = NULL;
	if (row->ours != NULL) {
		conf.cert_file = pki_cert(row->ours);
		conf.key_file = pki_key(row->ours);
	}
	if (row->connect_ms != 0)
		conf.connect_ms = row->connect_ms;
	world_open(&conf);
	uv_timer_start(&w.later, on_told_cue, 5, 5);
	send_one(1, "hello", row->in_ms != 0 ? row->in_ms : NEVER_MS);
	peer_play(&w.loop, play_row, &act);
	uv_timer_stop(&w.later);
	run_until_told(1);
	assert_string_equal(w.told, row->want);
	if (row->why != NULL)
		assert_string_equal(w.why, row->why);
	if (strstr(row->want, "not sent") != NULL)
		assert_null(strstr(act.peer.got, "hello"));
	else if (act.peer.n_got > 0)
		assert_non_null(strstr(act.peer.got, "POST /call HTTP/1.1\r\nHost: "));
	world_close();
	assert_string_equal(w.told, row->want); /* and nothing more */
}

/* ---- hostile answers (hostile_http.h): each over TLS to a request, and what the engine hears of it ---- */

struct hostile_act {
	struct hostile row;
	struct peer peer;
};

static void play_hostile(void *arg)
{
	struct hostile_act *act = arg;

	if (peer_accept(&act->peer, w.listener, "server", true, 0) == 0) {
		while (!act->peer.ended && strstr(act->peer.got, "hello") == NULL)
			peer_read_some(&act->peer);
		peer_send(&act->peer, act->row.bytes, act->row.n);
	}
	peer_hang_up(&act->peer, true);
}

static bool ends_as_it_says(const struct hostile *row)
{
	switch (row->end) {
	case HOSTILE_TAKEN:
		return strncmp(w.told, row->whole > 0 ? "1 answered " : "1 lost|", 7) == 0;
	case HOSTILE_ENDLESS:
		return strcmp(w.told, "1 answered 200 ok|") == 0; /* close_notify ended it */
	case HOSTILE_REFUSED:
		if (row->whole > 0)
			return strcmp(w.told, "1 answered 200 ok|") == 0;
		break;
	case HOSTILE_WAITS:
		break;
	}
	return strcmp(w.told, "1 lost|") == 0;
}

static void no_hostile_answer_is_taken(void **state)
{
	struct hostile_act *act = calloc(1, sizeof(*act));
	struct lane_conf conf = usual_conf();
	int wrong = 0;

	(void)state;
	conf.response_bytes = HOSTILE_BODY_BYTES;
	world_open(&conf);
	for (size_t i = 0; hostile_answer(i, &act->row); i++) {
		w.told[0] = '\0';
		w.n_told = 0;
		send_one(1, "hello", NEVER_MS);
		peer_play(&w.loop, play_hostile, act);
		run_until_told(1);
		if (w.n_told != 1 || !ends_as_it_says(&act->row)) {
			print_error("%s: %s\n", act->row.why, w.told);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
	world_close();
	free(act);
}

/* ---- several requests ---- */

/* The party: a script of connections, each a list of answers; "@n" before one waits for cue n. */
struct script {
	const char *answers[3][4];
	const char *last[3]; /* of each connection: "hang up" at once, "wait" for a cue, NULL: when we do */
	int n_conns, accepted, requests[3];
};

static void await_cue(int cue)
{
	for (int i = 0; i < NEVER_MS && w.cue < cue; i++)
		usleep(1000);
}

static void play_script(void *arg)
{
	struct script *s = arg;
	struct peer *peer = malloc(sizeof(*peer));

	for (s->accepted = 0; s->accepted < s->n_conns; s->accepted++) {
		const char **answers = s->answers[s->accepted];

		if (peer_accept(peer, w.listener, "server", true, 0) != 0)
			break;
		for (int i = 0; i < 4 && answers[i] != NULL; i++) {
			peer->n_got = 0;
			while (!peer->ended && strstr(peer->got, "hello") == NULL && strstr(peer->got, "again") == NULL)
				peer_read_some(peer);
			if (peer->ended)
				break;
			peer->got[0] = '\0';
			s->requests[s->accepted]++;
			if (answers[i][0] == '@')
				await_cue(answers[i][1] - '0');
			peer_send(peer, answers[i] + (answers[i][0] == '@' ? 2 : 0),
			        strlen(answers[i]) - (answers[i][0] == '@' ? 2 : 0));
		}
		if (s->last[s->accepted] == NULL)
			peer_read_to_end(peer);
		else if (strcmp(s->last[s->accepted], "wait") == 0)
			await_cue(1);
		peer_hang_up(peer, true);
	}
	free(peer);
}

/* One answer, and at once, in a record of its own but the same segment, another one for the request to come. */
static void play_two_answers(void *arg)
{
	struct script *s = arg;
	struct peer *peer = malloc(sizeof(*peer));
	int on = 1, off = 0;

	for (s->accepted = 0; s->accepted < 2; s->accepted++) {
		if (peer_accept(peer, w.listener, "server", true, 0) != 0)
			break;
		while (!peer->ended && strstr(peer->got, "hello") == NULL && strstr(peer->got, "again") == NULL)
			peer_read_some(peer);
		setsockopt(peer->fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
		peer_send(peer, s->answers[s->accepted][0], strlen(s->answers[s->accepted][0]));
		if (s->answers[s->accepted][1] != NULL)
			peer_send(peer, s->answers[s->accepted][1], strlen(s->answers[s->accepted][1]));
		setsockopt(peer->fd, IPPROTO_TCP, TCP_CORK, &off, sizeof(off));
		if (s->accepted == 0)
			peer_read_to_end(peer);
		s->requests[s->accepted] = strstr(peer->got, "again") != NULL;
		peer_hang_up(peer, true);
	}
	free(peer);
}

static void an_answer_too_many_answers_no_other_request(void **state)
{
	struct lane_conf conf = usual_conf();
	struct script s = { .answers = { { OK("1", "a"), OK("4", "evil") }, { OK("1", "b") } } };

	(void)state;
	world_open(&conf);
	w.again = 2; /* sent from inside of done() */
	w.again_after = 1;
	send_one(1, "hello", NEVER_MS);
	peer_play(&w.loop, play_two_answers, &s);
	run_until_told(2);
	assert_string_equal(w.told, "1 answered 200 a|2 answered 200 b|");
	assert_int_equal(s.requests[0], 0);
	assert_int_equal(s.requests[1], 1);
	world_close();
}

/* An answer that comes while most of its request is still with us is taken, but its connection is used up. */
static void play_early_answer(void *arg)
{
	struct script *s = arg;
	struct peer *peer = malloc(sizeof(*peer));

	for (s->accepted = 0; s->accepted < 2; s->accepted++) {
		if (peer_accept(peer, w.listener, "server", true, 0) != 0)
			break;
		while (!peer->ended && strstr(peer->got, "POST") == NULL)
			peer_read_some(peer);
		peer_send(peer, s->answers[s->accepted][0], strlen(s->answers[s->accepted][0]));
		if (s->accepted == 0)
			await_cue(1); /* not a word of the rest is read meanwhile */
		peer_hang_up(peer, true);
	}
	free(peer);
}

static void an_early_answer_is_taken_and_its_connection_used_up(void **state)
{
	struct lane_conf conf = usual_conf();
	struct script s = { .answers = { { OK("1", "a") }, { OK("1", "b") } } };
	size_t n = 16 << 20; /* more than any socket takes */
	char *body = malloc(n + 1);

	(void)state;
	memset(body, 'x', n);
	body[n] = '\0';
	world_open(&conf);
	w.again = 2;
	w.again_after = 1;
	send_one(1, body, NEVER_MS);
	uv_timer_start(&w.later, on_told_cue, 5, 5);
	peer_play(&w.loop, play_early_answer, &s);
	uv_timer_stop(&w.later);
	run_until_told(2);
	assert_string_equal(w.told, "1 answered 200 a|2 answered 200 b|");
	world_close();
	free(body);
}

/* As above, but the answer too many lies in the socket, unread, when the next request is sent. */
static void play_late_second_answer(void *arg)
{
	struct script *s = arg;
	struct peer *peer = malloc(sizeof(*peer));

	for (s->accepted = 0; s->accepted < 2; s->accepted++) {
		if (peer_accept(peer, w.listener, "server", true, 0) != 0)
			break;
		while (!peer->ended && strstr(peer->got, "hello") == NULL)
			peer_read_some(peer);
		peer_send(peer, s->answers[s->accepted][0], strlen(s->answers[s->accepted][0]));
		await_cue(1);
		if (s->accepted == 0) {
			peer_send(peer, OK("4", "evil"), strlen(OK("4", "evil")));
			w.cue = 2;
			peer_read_to_end(peer);
		}
		peer_hang_up(peer, true);
	}
	free(peer);
}

static void on_send_behind_evil(uv_timer_t *timer)
{
	if (w.n_told == 1 && w.cue == 0) {
		w.cue = 1;
		await_cue(2); /* it has been sent; loopback brings it at once */
		send_one(2, "hello", NEVER_MS);
	}
	if (w.n_told == 2)
		uv_timer_stop(timer);
}

static void an_answer_nobody_asked_for_answers_no_later_request(void **state)
{
	struct lane_conf conf = usual_conf();
	struct script s = { .answers = { { OK("1", "a") }, { OK("1", "b") } } };

	(void)state;
	world_open(&conf);
	send_one(1, "hello", NEVER_MS);
	uv_timer_start(&w.later, on_send_behind_evil, 1, 1);
	peer_play(&w.loop, play_late_second_answer, &s);
	run_until_told(2);
	assert_string_equal(w.told, "1 answered 200 a|2 answered 200 b|");
	world_close();
}

static uint64_t next_id;

/* Sends the next one whenever all before were told, up to three. */
static void on_send_next(uv_timer_t *timer)
{
	if (w.n_told < (int)next_id)
		return;
	if (next_id == 3) {
		uv_timer_stop(timer);
		lane_close(w.lane);
		w.lane = NULL;
		return;
	}
	send_one(++next_id, "hello", NEVER_MS);
}

static void requests_share_a_connection(void **state)
{
	struct lane_conf conf = usual_conf();
	struct script s = { .answers = { { OK("1", "a"), OK("1", "b"), OK("1", "c") } }, .n_conns = 1 };

	(void)state;
	world_open(&conf);
	next_id = 0;
	uv_timer_start(&w.later, on_send_next, 5, 5);
	peer_play(&w.loop, play_script, &s);
	assert_string_equal(w.told, "1 answered 200 a|2 answered 200 b|3 answered 200 c|");
	assert_int_equal(s.requests[0], 3);
	world_close();
}

static const struct reuse {
	const char *it;
	const char *first;
	const char *last;
} reuses[] = {
	{ "goes to a new connection when the old was closed", OK("1", "a"), "hang up" },
	{ "goes to a new connection when the party wants to close",
	        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na", NULL },
	{ "goes to a new connection when the last answer was followed by more", OK("1", "aHTTP/1.1"), NULL },
	{ "goes to a new connection after HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", NULL },
};

static bool waits_for_end;

/* The second is sent at once, or when the lane has heard that the party closed the connection. */
static void on_send_second(uv_timer_t *timer)
{
	struct lane_state now;

	lane_state(w.lane, &now);
	if (w.n_told == 1 && next_id == 1 && (now.connections == 0 || !waits_for_end))
		send_one(++next_id, "hello", NEVER_MS);
	if (w.n_told == 2) {
		uv_timer_stop(timer);
		lane_close(w.lane);
		w.lane = NULL;
	}
}

static void uses_a_new_connection(void **state)
{
	const struct reuse *reuse = *state;
	struct lane_conf conf = usual_conf();
	struct script s = { .answers = { { reuse->first }, { OK("1", "b") } }, .last = { reuse->last }, .n_conns = 2 };

	world_open(&conf);
	next_id = 1;
	waits_for_end = reuse->last != NULL;
	send_one(1, "hello", NEVER_MS);
	uv_timer_start(&w.later, on_send_second, 5, 5);
	peer_play(&w.loop, play_script, &s);
	assert_string_equal(w.told, "1 answered 200 a|2 answered 200 b|");
	assert_int_equal(s.requests[0], 1);
	assert_int_equal(s.requests[1], 1);
	world_close();
}

static void on_close_when_told(uv_timer_t *timer)
{
	w.cue = w.n_told;
	if (w.n_told < 3)
		return;
	uv_timer_stop(timer);
	lane_close(w.lane);
	w.lane = NULL;
}

/* The party closes while our loop is busy elsewhere, so that its FIN is there but nobody has read it. */
static void on_send_after_a_pause(uv_timer_t *timer)
{
	if (w.n_told == 1 && next_id == 1) {
		w.cue = 1;
		usleep(700000); /* the party closes; idle for long means 500 ms */
		send_one(++next_id, "hello", NEVER_MS);
	}
	if (w.n_told < 2)
		return;
	uv_timer_stop(timer);
	lane_close(w.lane);
	w.lane = NULL;
}

static void what_the_party_has_closed_is_not_written_into(void **state)
{
	struct lane_conf conf = usual_conf();
	struct script s = { .answers = { { OK("1", "a") }, { OK("1", "b") } }, .last = { "wait" }, .n_conns = 2 };

	(void)state;
	world_open(&conf);
	next_id = 1;
	send_one(1, "hello", NEVER_MS);
	uv_timer_start(&w.later, on_send_after_a_pause, 1, 1);
	peer_play(&w.loop, play_script, &s);
	assert_string_equal(w.told, "1 answered 200 a|2 answered 200 b|");
	world_close();
}

/* Answers the first request, then reads nothing until we know what the second one came to. */
static void play_slow_reader(void *arg)
{
	struct peer *peer = malloc(sizeof(*peer));
	bool *has_it = arg;

	if (peer_accept(peer, w.listener, "server", true, 0) == 0) {
		peer_read_messages(peer, 1);
		peer_send(peer, OK("1", "a"), strlen(OK("1", "a")));
		await_cue(2);
		peer->n_got = 0;
		peer_read_some(peer);
		*has_it = peer->n_got > 0;
		peer_hang_up(peer, false);
	}
	free(peer);
}

/* One request that no socket takes whole, while the nth allocation fails; returns whether one did. */
static bool half_of_it_left(char *body, int nth, int *n_halves)
{
	struct lane_conf conf = usual_conf();
	bool has_it = false, failed;
	uv_thread_t party;

	world_open(&conf);
	uv_thread_create(&party, play_slow_reader, &has_it);
	send_one(1, "hello", NEVER_MS);
	run_until_told(1);
	allocs_until_fault = nth;
	send_one(2, body, NEVER_MS);
	failed = allocs_until_fault < 0;
	allocs_until_fault = -1;
	if (failed)
		run_until_told(2);
	lane_close(w.lane); /* the party reads what has left, to its end */
	w.lane = NULL;
	run_until_told(2);
	uv_run(&w.loop, UV_RUN_NOWAIT);
	w.cue = 2;
	uv_thread_join(&party);
	if (has_it)
		assert_string_equal(w.told, "1 answered 200 a|2 lost|");
	*n_halves += failed && has_it;
	world_close();
	return failed;
}

static void half_sent_without_memory_is_lost(void **state)
{
	size_t n = 16 << 20; /* more than any socket takes */
	char *body = malloc(n + 1);
	int n_halves = 0;

	(void)state;
	memset(body, 'x', n);
	body[n] = '\0';
	for (int nth = 0; half_of_it_left(body, nth, &n_halves); nth++)
		;
	assert_in_range(n_halves, 1, 9);
	free(body);
}

static void a_late_answer_is_told_and_its_connection_used_again(void **state)
{
	struct lane_conf conf = usual_conf();
	struct script s = { .answers = { { "@1" OK("1", "a"), OK("1", "b") } }, .n_conns = 1 };

	(void)state;
	conf.connections = 2;
	world_open(&conf);
	send_one(1, "hello", 300);
	w.again = 2;
	w.again_after = 2; /* of 1: timed out, then late */
	uv_timer_start(&w.later, on_close_when_told, 5, 5);
	peer_play(&w.loop, play_script, &s);
	assert_string_equal(w.told, "1 timed out|1 late answered 200 a|2 answered 200 b|");
	assert_int_equal(s.requests[0], 2);
	world_close();
}

static void a_late_connection_is_not_kept_for_ever(void **state)
{
	struct lane_conf conf = usual_conf();
	struct script s = { .answers = { { "@1" } }, .n_conns = 1 };
	struct lane_state now;
	int64_t from = yt_mono_ms();

	(void)state;
	conf.late_ms = 50;
	world_open(&conf);
	send_one(1, "hello", 300);
	uv_timer_start(&w.later, on_told_cue, 5, 5);
	peer_play(&w.loop, play_script, &s); /* its end: we hung up */
	uv_timer_stop(&w.later);
	assert_true(yt_mono_ms() - from < NEVER_MS / 2); /* it was we who gave up */
	lane_state(w.lane, &now);
	assert_string_equal(w.told, "1 timed out|");
	assert_int_equal(now.connections, 0);
	assert_int_equal(now.timed_out, 1);
	world_close();
}

static void a_late_connection_makes_room(void **state)
{
	struct lane_conf conf = usual_conf();
	struct script s = { .answers = { { "" }, { OK("1", "b") } }, .n_conns = 2 };

	(void)state;
	conf.connections = 1;
	world_open(&conf);
	send_one(1, "hello", 300);
	w.again = 2;
	uv_timer_start(&w.later, on_close_when_told, 5, 5);
	w.n_told = 1; /* closes after two more */
	peer_play(&w.loop, play_script, &s);
	assert_string_equal(w.told, "1 timed out|2 answered 200 b|");
	world_close();
}

static void a_full_queue_refuses(void **state)
{
	struct lane_conf conf = usual_conf();

	(void)state;
	conf.connections = 1;
	conf.queue = 2;
	world_open(&conf);
	for (uint64_t id = 1; id <= 3; id++)
		send_one(id, "hello", NEVER_MS); /* nobody accepts: the handshake hangs */
	run_until_told(1);
	assert_string_equal(w.told, "3 not sent|");
	assert_string_equal(w.why, "queue is full");
	lane_close(w.lane);
	w.lane = NULL;
	run_until_told(3);
	assert_string_equal(w.told, "3 not sent|1 not sent|2 not sent|");
	world_close();
}

static void a_queued_request_is_not_sent_after_its_time(void **state)
{
	struct lane_conf conf = usual_conf();
	struct lane_state now;

	(void)state;
	world_open(&conf);
	send_one(1, "hello", 50);
	send_one(2, "hello", -1);
	run_until_told(2);
	assert_string_equal(w.told, "2 not sent|1 not sent|");
	assert_string_equal(w.why, "no connection was free in time");
	lane_state(w.lane, &now);
	assert_int_equal(now.queued, 0);
	assert_int_equal(now.sent, 0);
	assert_int_equal(now.not_sent, 2);
	world_close();
}

/* While a party is down, those who come are told so without a connect of their own. */
static void a_party_that_is_down_is_not_asked_again_at_once(void **state)
{
	struct lane_conf conf = usual_conf();
	struct lane_state now;

	(void)state;
	world_open(&conf);
	close(w.listener);
	w.listener = peer_bind(w.port); /* nobody listens now, but the port stays ours */
	w.comes_back = true;            /* when the first failure is told, and in the same turn ... */
	w.again = 2;                    /* ... the second request is sent */
	send_one(1, "hello", NEVER_MS);
	run_until_told(2);
	assert_string_equal(w.told, "1 not sent|2 not sent|");
	assert_string_equal(w.why, "connection refused");
	lane_state(w.lane, &now);
	assert_int_equal(now.connections, 0);
	world_close();
}

static void a_party_that_comes_back_is_asked_again(void **state)
{
	struct lane_conf conf = usual_conf();
	struct script s = { .answers = { { OK("1", "a") } }, .last = { "hang up" }, .n_conns = 1 };
	struct act act = { .row = &rows[0] };

	(void)state;
	world_open(&conf);
	act.row = &(struct row){ .it = "" };
	send_one(1, "hello", NEVER_MS);
	peer_play(&w.loop, play_row, &act); /* hangs up in the handshake */
	run_until_told(1);
	assert_string_equal(w.told, "1 not sent|");
	usleep(300000); /* the first pause is at most 250 ms */
	send_one(2, "hello", NEVER_MS);
	peer_play(&w.loop, play_script, &s);
	run_until_told(2);
	assert_string_equal(w.told, "1 not sent|2 answered 200 a|");
	world_close();
}

static void on_close_when_busy(uv_timer_t *timer)
{
	struct lane_state now;

	lane_state(w.lane, &now);
	if (now.busy == 0)
		return;
	uv_timer_stop(timer);
	lane_close(w.lane);
	w.lane = NULL;
}

static void a_closed_lane_ends_what_is_open(void **state)
{
	struct lane_conf conf = usual_conf();
	struct script s = { .answers = { { "" } }, .n_conns = 1 };

	(void)state;
	conf.connections = 1;
	world_open(&conf);
	send_one(1, "hello", NEVER_MS);
	send_one(2, "hello", NEVER_MS);
	uv_timer_start(&w.later, on_close_when_busy, 5, 5);
	peer_play(&w.loop, play_script, &s);
	run_until_told(2);
	assert_non_null(strstr(w.told, "1 lost|"));
	assert_non_null(strstr(w.told, "2 not sent|"));
	assert_int_equal(w.n_told, 2);
	world_close();
}

static void what_cannot_be_http_is_not_sent(void **state)
{
	static const struct yt_header bad[] = { { { "x", 1 }, { "a\r\nb: c", 7 } }, { { "x y", 3 }, { "a", 1 } } };
	struct lane_request request = { .target = YT_STR("/call"),
		.headers = bad,
		.n_headers = 1,
		.body = YT_STR(""),
		.deadline_ms = yt_mono_ms() + NEVER_MS };
	struct lane_conf conf = usual_conf();

	(void)state;
	world_open(&conf);
	lane_send(w.lane, 1, &request);
	request.headers = &bad[1];
	lane_send(w.lane, 2, &request);
	request.n_headers = 0;
	request.target = YT_STR("/a b");
	lane_send(w.lane, 3, &request);
	run_until_told(3);
	assert_string_equal(w.told, "1 not sent|2 not sent|3 not sent|");
	assert_string_equal(w.why, "request cannot be written as HTTP");
	world_close();
}

static void an_idle_connection_is_closed(void **state)
{
	struct lane_conf conf = usual_conf();
	struct script s = { .answers = { { OK("1", "a") } }, .n_conns = 1 };
	int64_t from = yt_mono_ms();

	(void)state;
	conf.idle_ms = 50;
	world_open(&conf);
	send_one(1, "hello", NEVER_MS);
	peer_play(&w.loop, play_script, &s); /* ends when we hang up */
	assert_true(yt_mono_ms() - from < NEVER_MS / 2);
	assert_string_equal(w.told, "1 answered 200 a|");
	world_close();
}

static void a_wrong_file_is_named(void **state)
{
	struct lane_conf conf = usual_conf(), wrong = conf;
	struct lane *lane;

	(void)state;
	world_open(&conf);
	wrong.port = "1";
	wrong.ca_file = "/nonexistent.crt";
	assert_int_equal(lane_open(&lane, &w.loop, &wrong, on_done, NULL), YT_ECONF);
	wrong.ca_file = conf.ca_file;
	wrong.key_file = pki_key("server");
	assert_int_equal(lane_open(&lane, &w.loop, &wrong, on_done, NULL), YT_ECONF);
	world_close();
}

#define N(rows) (sizeof(rows) / sizeof((rows)[0]))

int main(void)
{
	static const struct CMUnitTest singles[] = {
		cmocka_unit_test(no_hostile_answer_is_taken),
		cmocka_unit_test(an_answer_too_many_answers_no_other_request),
		cmocka_unit_test(an_early_answer_is_taken_and_its_connection_used_up),
		cmocka_unit_test(an_answer_nobody_asked_for_answers_no_later_request),
		cmocka_unit_test(requests_share_a_connection),
		cmocka_unit_test(what_the_party_has_closed_is_not_written_into),
		cmocka_unit_test(half_sent_without_memory_is_lost),
		cmocka_unit_test(a_late_answer_is_told_and_its_connection_used_again),
		cmocka_unit_test(a_late_connection_is_not_kept_for_ever),
		cmocka_unit_test(a_late_connection_makes_room),
		cmocka_unit_test(a_full_queue_refuses),
		cmocka_unit_test(a_queued_request_is_not_sent_after_its_time),
		cmocka_unit_test(a_party_that_is_down_is_not_asked_again_at_once),
		cmocka_unit_test(a_party_that_comes_back_is_asked_again),
		cmocka_unit_test(a_closed_lane_ends_what_is_open),
		cmocka_unit_test(what_cannot_be_http_is_not_sent),
		cmocka_unit_test(an_idle_connection_is_closed),
		cmocka_unit_test(a_wrong_file_is_named),
	};
	static struct CMUnitTest tests[N(rows) + N(reuses) + N(singles)];
	size_t n = 0;

	for (size_t i = 0; i < N(rows); i++)
		tests[n++] = (struct CMUnitTest){ rows[i].it, ends_as_the_row_says, NULL, NULL, (void *)&rows[i] };
	for (size_t i = 0; i < N(reuses); i++)
		tests[n++] = (struct CMUnitTest){ reuses[i].it, uses_a_new_connection, NULL, NULL, (void *)&reuses[i] };
	memcpy(&tests[n], singles, sizeof(singles));
	return cmocka_run_group_tests_name("a request", tests, pki_make, pki_remove);
}
