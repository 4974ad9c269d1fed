/* tests/test_lane_frames.c - lanes that speak in frames (core/net/lane_frames.c) against parties that behave in every
 * way.
 *
 * The frames are those of plugins/banklink, over TLS; the party is played in a thread (net_peer.h).  What matters is
 * that no request is given an answer that was not its own, however the octets are cut and whenever they come. */
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

#include "bank_peer.h"
#include "lane_peer.h"

#define MOST 1000 /* octets of an answer */
#define X10 "xxxxxxxxxx"
#define X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10
#define X1000 X100 X100 X100 X100 X100 X100 X100 X100 X100 X100

/* What the party does on one connection, step after step:
 *   word    reads frames until that message has come; answers the heartbeats before it
 *   <       reads one frame, which must be a heartbeat
 *   >octets sends them in a record of their own; { and } hold back and let go what lies between, as one segment
 *   @n      waits until n ends have been told
 *   !       lets the test send the next request; ? waits until it has looked
 *   .       reads until we hang up
 *   x ~     hangs up, without and with close_notify */
#define STEPS 40
typedef const char *script[STEPS];

static struct world {
	uv_loop_t loop;
	uv_timer_t timer;
	struct bank bank;
	struct lane *lane;
	int listener;
	char port[8], told[1024], why[128], trouble[128];
	volatile int n_told, n_signals; /* the party's thread reads the first and writes the second */
	int n_sent, n_requests, n_connections;
	bool inside, is_on_signal, is_hasty;
	int64_t in_ms;
} w;

/* ---- ours ---- */

/* A codec at fault, that always asks for so many octets more than have come; NEVER_LAZY: ours is in order. */
enum { NEVER_LAZY = 1000000 };
static int lazy_by = NEVER_LAZY;

static int on_frame(void *arg, uint64_t id, struct yt_str octets, struct yt_frame *out)
{
	struct bank *b = arg;

	(void)id;
	if (lazy_by == NEVER_LAZY)
		return b->api->frame_next(b->plugin, octets, out);
	out->wants = (int64_t)octets.n + lazy_by < 0 ? 0 : (size_t)((int64_t)octets.n + lazy_by);
	return YT_EAGAIN;
}

static void send_next(void)
{
	static const char *const words[] = { "one", "two", "three", "four" };
	const char *word = words[w.n_sent % 4];
	struct yt_buf frame = { 0 };
	struct lane_request request = { .deadline_ms =
		                                yt_mono_ms() + (w.n_sent == 0 && w.in_ms != 0 ? w.in_ms : NEVER_MS) };

	assert_int_equal(w.bank.api->frame_put(w.bank.plugin, yt_str(word), &frame), 0);
	request.body = yt_buf_view(&frame);
	uv_update_time(&w.loop);
	w.inside = true;
	lane_send(w.lane, (uint64_t)++w.n_sent, &request);
	w.inside = false;
	yt_buf_free(&frame);
}

static void on_done(void *arg, uint64_t id, const struct lane_result *result)
{

	assert_ptr_equal(arg, &w);
	assert_false(w.inside);
	lane_told(w.told, sizeof(w.told), id, result, 20);
	snprintf(w.why, sizeof(w.why), "%s", result->why);
	w.n_told++;
	if (w.is_hasty && w.n_sent < w.n_requests)
		send_next();
}

static struct lane_conf usual_conf(void)
{
	struct lane_conf conf = lane_usual_conf("bank");

	conf.connections = 1;
	conf.response_bytes = MOST;
	conf.framing = (struct lane_framing){ .next = on_frame,
		.ctx = &w.bank,
		.heartbeat = YT_STR("00000000"),
		.heartbeat_ms = NEVER_MS,
		.heartbeat_timeout_ms = NEVER_MS };
	return conf;
}

static void world_open(struct lane_conf *conf)
{
	static const struct plugin_setting settings[] = { { "corp_no", "1" }, { "operator", "A" } };
	int port;

	memset(&w, 0, sizeof(w));
	yt_log_setup("test", YT_ERROR + 1);
	w.bank = bank_open("banklink", settings, 2);
	uv_loop_init(&w.loop);
	uv_timer_init(&w.loop, &w.timer);
	w.listener = peer_listen(&port);
	snprintf(w.port, sizeof(w.port), "%d", port);
	conf->port = w.port;
	assert_int_equal(lane_open(&w.lane, &w.loop, conf, on_done, &w), 0);
}

static void world_close(void)
{
	if (w.lane != NULL)
		lane_close(w.lane);
	uv_close((uv_handle_t *)&w.timer, NULL);
	uv_run(&w.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w.loop), 0);
	close(w.listener);
	bank_close(&w.bank);
}

/* Sends the next request when its time has come; after the last the lane is closed, which ends the party too. */
static void on_timer(uv_timer_t *timer)
{
	if (w.n_sent < w.n_requests && (w.is_on_signal ? w.n_signals >= w.n_sent : w.n_told >= w.n_sent))
		send_next();
	if (w.n_told < w.n_requests || w.n_sent < w.n_requests)
		return;
	uv_timer_stop(timer);
	lane_close(w.lane);
	w.lane = NULL;
}

/* ---- the party ---- */

struct party {
	const script *scripts;
	int n_scripts;
	const char *cert;
	struct peer peer;
};

/* One frame off peer->got: its message; NULL when the connection ended before. */
static const char *next_frame(struct peer *peer)
{
	static char message[2000];
	size_t n;

	while (peer->n_got < 8 || peer->n_got < 8 + (size_t)atoi(strndupa(peer->got, 8))) {
		peer_read_some(peer);
		if (peer->ended)
			return NULL;
	}
	n = (size_t)atoi(strndupa(peer->got, 8));
	snprintf(message, sizeof(message), "%.*s", (int)n, peer->got + 8);
	peer->n_got -= 8 + n;
	memmove(peer->got, peer->got + 8 + n, peer->n_got + 1);
	return message;
}

static void cork(struct peer *peer, int on)
{
	setsockopt(peer->fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
}

static bool await_word(struct peer *peer, const char *word)
{
	const char *message;

	while ((message = next_frame(peer)) != NULL && strcmp(message, word) != 0) {
		if (message[0] != '\0' || peer_send(peer, "00000000", 8) != 0) {
			snprintf(w.trouble, sizeof(w.trouble), "\"%.20s\" came, wanted \"%s\"", message, word);
			return false;
		}
	}
	return message != NULL;
}

/* Of the lane, when the party had said `!` and all requests were handed over; the party goes on at `?`. */
static struct lane_state seen;
static volatile bool is_seen;

static void await_look(void)
{
	for (int i = 0; i < NEVER_MS && !is_seen; i++)
		usleep(1000);
}

/* false: this connection is over. */
static bool take_step(struct peer *peer, const char *step)
{
	const char *message;

	switch (step[0]) {
	case '>':
		return peer_send(peer, step + 1, strlen(step + 1)) == 0;
	case '{':
		cork(peer, 1);
		return true;
	case '}':
		cork(peer, 0);
		return true;
	case '<':
		message = next_frame(peer);
		if (message == NULL || message[0] != '\0')
			snprintf(w.trouble, sizeof(w.trouble), "\"%.20s\" came, wanted a heartbeat",
			        message == NULL ? "the end" : message);
		return message != NULL;
	case '@':
		for (int i = 0; i < NEVER_MS && w.n_told < step[1] - '0'; i++)
			usleep(1000);
		return true;
	case '!':
		w.n_signals++;
		return true;
	case '?':
		await_look();
		return true;
	case '.':
		peer_read_to_end(peer);
		return true;
	case 'x':
	case '~':
		return false;
	default:
		return await_word(peer, step);
	}
}

static void play(void *arg)
{
	struct party *p = arg;

	for (int i = 0; i < p->n_scripts; i++) {
		const char *const *step = p->scripts[i];

		if (peer_accept(&p->peer, w.listener, p->cert, true, 0) != 0) {
			peer_read_raw(&p->peer);
			peer_hang_up(&p->peer, false);
			return;
		}
		w.n_connections++;
		while (*step != NULL && take_step(&p->peer, *step))
			step++;
		peer_hang_up(&p->peer, *step != NULL && **step == '~');
	}
}

static void run(struct party *p, int n_requests, int64_t in_ms)
{
	w.n_requests = n_requests;
	w.in_ms = in_ms;
	send_next();
	uv_timer_start(&w.timer, on_timer, 1, 1);
	peer_play(&w.loop, play, p);
	while (w.n_told < n_requests)
		uv_run(&w.loop, UV_RUN_ONCE);
	assert_string_equal(w.trouble, "");
}

/* ---- rows ---- */

static const struct row {
	const char *it; /* "a request ..." */
	script on[2];   /* what the party does on the first connection, and on the second */
	int n_requests; /* 0: one; the next is sent when the one before has been told ... */
	bool on_signal; /* ... or when the party says ! */
	bool hasty;     /* ... or from inside of done() */
	uint32_t in_ms; /* until the first one's deadline; 0: NEVER_MS */
	uint32_t heartbeat_ms, heartbeat_timeout_ms, idle_ms;
	const char *want, *why;
} rows[] = {
	{ "is answered", { { "one", ">00000002ok", "." } }, .want = "1 answered ok|" },
	{ "is answered in as many pieces as there are octets",
	        { { "one", ">0", ">0", ">0", ">0", ">0", ">0", ">0", ">2", ">o", ">k", "." } },
	        .want = "1 answered ok|" },
	{ "is answered by what ends with close_notify", { { "one", "{", ">00000002ok", "~" } },
	        .want = "1 answered ok|" },
	{ "is answered as largely as may be", { { "one", ">00001000" X1000, "." } },
	        .want = "1 answered " X10 X10 "|" },
	{ "is lost if its answer is too large", { { "one", ">00001001" X1000 "x", "." } }, .want = "1 lost|",
	        .why = "answer is too large" },
	{ "is lost at once if its answer says that it will be too large", { { "one", ">00001065", "." } },
	        .want = "1 lost|", .why = "answer is too large" },
	{ "is lost if its answer is larger than any frame", { { "one", ">01048577", "." } }, .want = "1 lost|",
	        .why = "answer is too large" },
	{ "is lost if its answer is no number", { { "one", ">0000000x", "." } }, .want = "1 lost|",
	        .why = "answer is no frame" },
	{ "is lost at the first octet that is no digit", { { "one", ">-", "." } }, .want = "1 lost|",
	        .why = "answer is no frame" },
	{ "is lost if its answer ends in the number", { { "one", ">0000", "~" } }, .want = "1 lost|" },
	{ "is lost if its answer ends in the middle", { { "one", ">00000002o", "~" } }, .want = "1 lost|" },
	{ "is lost if its answer is cut off", { { "one", ">00000002o", "x" } }, .want = "1 lost|" },
	{ "is lost if the party hangs up", { { "one", "x" } }, .want = "1 lost|" },
	{ "is lost if a heartbeat comes instead of its answer", { { "one", ">00000000", "." } }, .want = "1 lost|",
	        .why = "a heartbeat came instead of an answer" },
	{ "is lost if a heartbeat comes before its answer", { { "one", "{", ">00000000", ">00000002ok", "}", "." } },
	        .want = "1 lost|" },
	{ "times out if there is no answer", { { "one", "." } }, .in_ms = 300, .want = "1 timed out|",
	        .why = "no answer in time" },
	{ "times out if its answer is not whole", { { "one", ">00000002o", "." } }, .in_ms = 300,
	        .want = "1 timed out|" },

	{ "goes the way the one before went",
	        { { "one", ">00000001a", "two", ">00000001b", "three", ">00000001c", "." } }, .n_requests = 3,
	        .want = "1 answered a|2 answered b|3 answered c|" },
	{ "is never answered by what answers another too late",
	        { { "one", "@1", ">00000004late", "." }, { "two", ">00000001b", "." } }, .n_requests = 2, .in_ms = 300,
	        .hasty = true, .want = "1 timed out|2 answered b|" },
	{ "is never answered by what comes behind another's answer",
	        { { "one", "{", ">00000001a", ">00000004evil", "}", "." }, { "two", ">00000001b", "." } },
	        .n_requests = 2, .hasty = true, .want = "1 answered a|2 answered b|" },
	{ "is never answered by what comes in one record with another's answer",
	        { { "one", ">00000001a00000004evil", "." }, { "two", ">00000001b", "." } }, .n_requests = 2,
	        .hasty = true, .want = "1 answered a|2 answered b|" },
	{ "is not lost to a heartbeat behind another's answer",
	        { { "one", ">00000001a00000000", "." }, { "two", ">00000001b", "." } }, .n_requests = 2, .hasty = true,
	        .want = "1 answered a|2 answered b|" },
	{ "is never answered by what nobody asked for",
	        { { "one", ">00000001a", "@1", ">00000004evil", "!", "." }, { "two", ">00000001b", "." } },
	        .n_requests = 2, .on_signal = true, .want = "1 answered a|2 answered b|" },
	{ "is never answered by what follows a heartbeat that nobody asked for",
	        { { "one", ">00000001a", "@1", ">00000000", "!", "." }, { "two", ">00000001b", "." } }, .n_requests = 2,
	        .on_signal = true, .want = "1 answered a|2 answered b|" },
	{ "goes to a new connection when one was lost", { { "one", ">junk", "." }, { "two", ">00000001b", "." } },
	        .n_requests = 2, .hasty = true, .want = "1 lost|2 answered b|" },

	{ "goes the way where heartbeats were answered",
	        { { "one", ">00000001a", "<", ">00000000", "<", ">0000", ">0000", "!", "two", ">00000001b", "." } },
	        .n_requests = 2, .on_signal = true, .heartbeat_ms = 20, .want = "1 answered a|2 answered b|" },
	{ "goes elsewhere if a heartbeat was not answered",
	        { { "one", ">00000001a", "<", ".", "!" }, { "two", ">00000001b", "." } }, .n_requests = 2,
	        .on_signal = true, .heartbeat_ms = 20, .heartbeat_timeout_ms = 50,
	        .want = "1 answered a|2 answered b|" },
	{ "goes elsewhere if the answer to a heartbeat is half",
	        { { "one", ">00000001a", "<", ">0000", ".", "!" }, { "two", ">00000001b", "." } }, .n_requests = 2,
	        .on_signal = true, .heartbeat_ms = 20, .heartbeat_timeout_ms = 50,
	        .want = "1 answered a|2 answered b|" },
	{ "goes elsewhere if a heartbeat was answered by a message",
	        { { "one", ">00000001a", "<", "!", ">00000004evil", "." }, { "two", ">00000001b", "." } },
	        .n_requests = 2, .on_signal = true, .heartbeat_ms = 20, .want = "1 answered a|2 answered b|" },
	{ "goes elsewhere if a heartbeat was answered by junk",
	        { { "one", ">00000001a", "<", "!", ">junk", "." }, { "two", ">00000001b", "." } }, .n_requests = 2,
	        .on_signal = true, .heartbeat_ms = 20, .want = "1 answered a|2 answered b|" },
	{ "is never answered by what comes behind a heartbeat's answer",
	        { { "one", ">00000001a", "<", "!", ">0000000000000004evil", "." }, { "two", ">00000001b", "." } },
	        .n_requests = 2, .on_signal = true, .heartbeat_ms = 20, .want = "1 answered a|2 answered b|" },
	{ "is never answered by what comes in one segment with a heartbeat's answer",
	        { { "one", ">00000001a", "<", "!", "{", ">00000000", ">00000004evil", "}", "." },
	                { "two", ">00000001b", "." } },
	        .n_requests = 2, .on_signal = true, .heartbeat_ms = 20, .want = "1 answered a|2 answered b|" },
};

static void ends_as_the_row_says(void **state)
{
	const struct row *row = *state;
	struct lane_conf conf = usual_conf();
	struct party p = { .scripts = row->on, .n_scripts = row->on[1][0] != NULL ? 2 : 1, .cert = "server" };

	conf.connections = 2; /* so that one can be left open without being in the way */
	if (row->heartbeat_ms != 0)
		conf.framing.heartbeat_ms = row->heartbeat_ms;
	if (row->heartbeat_timeout_ms != 0)
		conf.framing.heartbeat_timeout_ms = row->heartbeat_timeout_ms;
	world_open(&conf);
	w.is_on_signal = row->on_signal;
	w.is_hasty = row->hasty;
	run(&p, row->n_requests != 0 ? row->n_requests : 1, row->in_ms);
	assert_string_equal(w.told, row->want);
	if (row->why != NULL)
		assert_string_equal(w.why, row->why);
	assert_int_equal(w.n_connections, p.n_scripts);
	world_close();
	assert_string_equal(w.told, row->want); /* and nothing more */
}

/* ---- by themselves ---- */

/* A codec that wants more, and says no number beyond what it has, gets no more; one that never has enough gets as much
 * as an answer may have. */
static void is_lost_to_a_codec_that_never_has_enough(void **state)
{
	static const struct {
		int lazy_by;
		const char *why;
	} lazy[] = { { -1000000, "its format wants more, and no more than has come" },
		{ 0, "its format wants more, and no more than has come" }, { 1, "answer is too large" } };
	script on[1] = { { "one", ">00001000" X1000, ">" X1000, "." } };
	struct party p = { .scripts = (const script *)on, .n_scripts = 1, .cert = "server" };

	(void)state;
	for (size_t i = 0; i < sizeof(lazy) / sizeof(lazy[0]); i++) {
		struct lane_conf conf = usual_conf();

		lazy_by = lazy[i].lazy_by;
		world_open(&conf);
		run(&p, 1, 3000);
		assert_string_equal(w.told, "1 lost|");
		assert_string_equal(w.why, lazy[i].why);
		world_close();
	}
	lazy_by = NEVER_LAZY;
}

/* However an answer is cut in two, and whatever connection carried ten before it. */
static void is_answered_wherever_its_answer_is_cut(void **state)
{
	static const char *const words[] = { "one", "two", "three", "four" };
	static const char answer[] = "00000002ok";
	static char parts[11][2][16];
	struct lane_conf conf = usual_conf();
	script on[1] = { { NULL } };
	struct party p = { .scripts = (const script *)on, .n_scripts = 1, .cert = "server" };
	int n = 0;

	(void)state;
	for (int cut = 1; cut < (int)strlen(answer); cut++) {
		snprintf(parts[cut][0], sizeof(parts[cut][0]), ">%.*s", cut, answer);
		snprintf(parts[cut][1], sizeof(parts[cut][1]), ">%s", answer + cut);
		on[0][n++] = words[(cut - 1) % 4];
		on[0][n++] = parts[cut][0];
		on[0][n++] = parts[cut][1];
	}
	on[0][n] = ".";
	world_open(&conf);
	run(&p, 9, 0);
	assert_string_equal(w.told, "1 answered ok|2 answered ok|3 answered ok|4 answered ok|5 answered ok|"
	                            "6 answered ok|7 answered ok|8 answered ok|9 answered ok|");
	world_close();
}

static void on_look(uv_timer_t *timer)
{
	if (!is_seen && w.n_signals > 0) {
		while (w.n_sent < w.n_requests)
			send_next();
		lane_state(w.lane, &seen);
		is_seen = true;
	}
	if (w.n_told < w.n_requests)
		return;
	uv_timer_stop(timer);
	lane_close(w.lane);
	w.lane = NULL;
}

static void run_looking(struct party *p, int n_requests)
{
	is_seen = false;
	w.n_requests = n_requests;
	send_next();
	uv_timer_start(&w.timer, on_look, 1, 1);
	peer_play(&w.loop, play, p);
	assert_string_equal(w.trouble, "");
	assert_true(is_seen);
}

static void waits_while_a_heartbeat_is_out(void **state)
{
	static const script on[] = { { "one", ">00000001a", "<", "!", "?", ">00000000", "two", ">00000001b", "." } };
	struct lane_conf conf = usual_conf();
	struct party p = { .scripts = on, .n_scripts = 1, .cert = "server" };

	(void)state;
	conf.framing.heartbeat_ms = 20;
	world_open(&conf);
	run_looking(&p, 2);
	assert_int_equal(seen.sent, 1);
	assert_int_equal(seen.queued, 1);
	assert_string_equal(w.told, "1 answered a|2 answered b|");
	world_close();
}

static void waits_while_another_is_not_answered(void **state)
{
	static const script on[] = { { "one", "!", "?", ">00000001a", "two", ">00000001b", "three", ">00000001c",
		"." } };
	struct lane_conf conf = usual_conf();
	struct party p = { .scripts = on, .n_scripts = 1, .cert = "server" };

	(void)state;
	world_open(&conf);
	run_looking(&p, 3);
	assert_int_equal(seen.sent, 1);
	assert_int_equal(seen.queued, 2);
	assert_string_equal(w.told, "1 answered a|2 answered b|3 answered c|");
	world_close();
}

/* A party that is told so may speak before our side of the handshake is over, in the same segment even. */
static void play_early(void *arg)
{
	struct party *p = arg;
	struct peer *peer = &p->peer;
	unsigned char none[8];
	size_t n;
	int rv;

	if (peer_accept(peer, w.listener, NULL, false, 0) == 0) {
		SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

		SSL_CTX_use_certificate_file(ctx, pki_cert("server"), SSL_FILETYPE_PEM);
		SSL_CTX_use_PrivateKey_file(ctx, pki_key("server"), SSL_FILETYPE_PEM);
		peer->ssl = SSL_new(ctx);
		SSL_CTX_free(ctx);
		SSL_set_fd(peer->ssl, peer->fd);
		SSL_set_accept_state(peer->ssl);
		cork(peer, 1);
		while ((rv = SSL_read_early_data(peer->ssl, none, sizeof(none), &n)) == SSL_READ_EARLY_DATA_SUCCESS)
			;
		if (rv != SSL_READ_EARLY_DATA_FINISH || SSL_write_early_data(peer->ssl, "00000004evil", 12, &n) != 1)
			snprintf(w.trouble, sizeof(w.trouble), "it could not speak early");
		cork(peer, 0);
		peer_read_to_end(peer);
		if (peer->n_got > 0)
			snprintf(w.trouble, sizeof(w.trouble), "the first heard \"%.20s\"", peer->got);
		peer_hang_up(peer, false);
	}
	play(p);
}

static void is_never_answered_by_what_comes_with_the_handshake(void **state)
{
	static const script on[] = { { "one", ">00000001a", "." } };
	struct lane_conf conf = usual_conf();
	struct party p = { .scripts = on, .n_scripts = 1, .cert = "server" };

	(void)state;
	world_open(&conf);
	w.n_requests = 1;
	send_next();
	uv_timer_start(&w.timer, on_timer, 1, 1);
	peer_play(&w.loop, play_early, &p);
	assert_string_equal(w.trouble, "");
	assert_string_equal(w.told, "1 answered a|");
	world_close();
}

/* Half of a record that nobody asked for has come, and been read, when the next request would be sent. */
static void play_half(void *arg)
{
	struct party *p = arg;
	struct peer *peer = &p->peer;
	char record[200];
	BIO *memory = BIO_new(BIO_s_mem());
	int n;

	if (peer_accept(peer, w.listener, "server", true, 0) != 0 || !await_word(peer, "one"))
		return;
	take_step(peer, ">00000001a");
	SSL_set0_wbio(peer->ssl, memory);
	SSL_write(peer->ssl, "00000004evil", 12);
	n = BIO_read(memory, record, sizeof(record));
	take_step(peer, "@1");
	send(peer->fd, record, 9, MSG_NOSIGNAL);
	w.n_signals++;
	await_look();
	send(peer->fd, record + 9, (size_t)n - 9, MSG_NOSIGNAL);
	peer_read_to_end(peer);
	if (peer->n_got > 0)
		snprintf(w.trouble, sizeof(w.trouble), "the first heard \"%.20s\"", peer->got);
	peer_hang_up(peer, false);
	play(p);
}

static int looks;

/* The loop has had its chance to read what came. */
static void on_look_later(uv_timer_t *timer)
{
	if (w.n_signals > 0 && ++looks < 20)
		return;
	on_look(timer);
}

static void is_never_answered_by_what_was_half_there(void **state)
{
	static const script on[] = { { "two", ">00000001b", "." } };
	struct lane_conf conf = usual_conf();
	struct party p = { .scripts = on, .n_scripts = 1, .cert = "server" };

	(void)state;
	conf.connections = 2;
	world_open(&conf);
	is_seen = false;
	looks = 0;
	w.n_requests = 2;
	send_next();
	uv_timer_start(&w.timer, on_look_later, 1, 1);
	peer_play(&w.loop, play_half, &p);
	assert_string_equal(w.trouble, "");
	assert_string_equal(w.told, "1 answered a|2 answered b|");
	world_close();
}

static void leaves_no_connection_behind_that_rests_for_long(void **state)
{
	static const script on[] = { { "one", ">00000001a", ".", "!" } };
	struct lane_conf conf = usual_conf();
	struct party p = { .scripts = on, .n_scripts = 1, .cert = "server" };
	struct lane_state now;

	(void)state;
	conf.idle_ms = 50;
	conf.framing.heartbeat_ms = 50; /* no sooner */
	world_open(&conf);
	w.n_requests = 1;
	send_next();
	peer_play(&w.loop, play, &p); /* its end: we hung up */
	lane_state(w.lane, &now);
	assert_int_equal(now.connections, 0);
	assert_string_equal(p.peer.got, ""); /* not one heartbeat */
	world_close();
}

/* Drains when the first is told; sends the second when its connection has ended. */
static void on_drain(uv_timer_t *timer)
{
	(void)timer;
	if (!is_seen && w.n_told == 1) {
		lane_drain(w.lane);
		is_seen = true;
	}
	if (w.n_signals == 1 && w.n_sent == 1)
		send_next();
}

static void leaves_no_connection_behind_when_the_lane_drains(void **state)
{
	static const script on[] = { { "one", ">00000001a", ".", "!" }, { "two", ">00000001b", ".", "!" } };
	struct lane_conf conf = usual_conf();
	struct party p = { .scripts = on, .n_scripts = 2, .cert = "server" };
	int64_t from = yt_mono_ms();
	struct lane_state now;

	(void)state;
	conf.idle_ms = 2 * NEVER_MS; /* else it would beat */
	world_open(&conf);
	is_seen = false;
	send_next();
	uv_timer_start(&w.timer, on_drain, 1, 1);
	peer_play(&w.loop, play, &p);
	lane_state(w.lane, &now);
	assert_string_equal(w.told, "1 answered a|2 answered b|");
	assert_int_equal(now.connections, 0);
	assert_true(yt_mono_ms() - from < NEVER_MS / 2); /* it was we who closed them */
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

static void is_lost_when_the_lane_is_closed(void **state)
{
	static const script on[] = { { "one", "." } };
	struct lane_conf conf = usual_conf();
	struct party p = { .scripts = on, .n_scripts = 1, .cert = "server" };

	(void)state;
	world_open(&conf);
	send_next();
	uv_timer_start(&w.timer, on_close_when_busy, 1, 1);
	peer_play(&w.loop, play, &p);
	assert_string_equal(w.told, "1 lost|");
	world_close();
}

/* ---- who it is ---- */

static const struct door {
	const char *it;
	const char *cert;        /* the party's; NULL: it speaks no TLS */
	const char *ours;        /* NULL: none */
	const char *server_name; /* NULL: 127.0.0.1 */
	const char *want, *why;
} doors[] = {
	{ "is answered by whom it names", "elsewhere", "hospital-one", "elsewhere.example", "1 answered ok|", NULL },
	{ "is not sent to another name", "elsewhere", "hospital-one", NULL, "1 not sent|", "IP address mismatch" },
	{ "is not sent to a stranger", "stranger", "hospital-one", NULL, "1 not sent|", NULL },
	{ "is not sent to an expired certificate", "expired-server", "hospital-one", NULL, "1 not sent|",
	        "certificate has expired" },
	{ "is not sent if our certificate is missed", "server", NULL, NULL, "1 not sent|", NULL },
	{ "is not sent if our certificate is a stranger's", "server", "stranger", NULL, "1 not sent|", NULL },
	{ "is not sent to who speaks before TLS", NULL, "hospital-one", NULL, "1 not sent|", NULL },
};

static void play_door(void *arg)
{
	struct party *p = arg;

	if (p->cert != NULL) {
		play(p);
	} else if (peer_accept(&p->peer, w.listener, NULL, false, 0) == 0) {
		peer_send(&p->peer, "00000002ok", 10);
		peer_read_raw(&p->peer);
		peer_hang_up(&p->peer, false);
	}
}

static void is_spoken_to_by_whom_it_should(void **state)
{
	static const script on[] = { { "one", ">00000002ok", "." } };
	const struct door *door = *state;
	struct lane_conf conf = usual_conf();
	struct party p = { .scripts = on, .n_scripts = 1, .cert = door->cert };

	conf.server_name = door->server_name;
	conf.cert_file = door->ours != NULL ? pki_cert(door->ours) : NULL;
	conf.key_file = door->ours != NULL ? pki_key(door->ours) : NULL;
	world_open(&conf);
	w.n_requests = 1;
	send_next();
	uv_timer_start(&w.timer, on_timer, 1, 1);
	peer_play(&w.loop, play_door, &p);
	while (w.n_told < 1)
		uv_run(&w.loop, UV_RUN_ONCE);
	assert_string_equal(w.told, door->want);
	if (door->why != NULL)
		assert_string_equal(w.why, door->why);
	world_close();
}

#define N(a) (sizeof(a) / sizeof((a)[0]))

int main(void)
{
	static const struct CMUnitTest singles[] = {
		cmocka_unit_test(is_answered_wherever_its_answer_is_cut),
		cmocka_unit_test(is_lost_to_a_codec_that_never_has_enough),
		cmocka_unit_test(waits_while_a_heartbeat_is_out),
		cmocka_unit_test(waits_while_another_is_not_answered),
		cmocka_unit_test(is_never_answered_by_what_comes_with_the_handshake),
		cmocka_unit_test(is_never_answered_by_what_was_half_there),
		cmocka_unit_test(leaves_no_connection_behind_that_rests_for_long),
		cmocka_unit_test(leaves_no_connection_behind_when_the_lane_drains),
		cmocka_unit_test(is_lost_when_the_lane_is_closed),
	};
	static struct CMUnitTest tests[N(rows) + N(doors) + N(singles)];
	size_t n = 0;

	for (size_t i = 0; i < N(rows); i++)
		tests[n++] = (struct CMUnitTest){ rows[i].it, ends_as_the_row_says, NULL, NULL, (void *)&rows[i] };
	for (size_t i = 0; i < N(doors); i++)
		tests[n++] = (struct CMUnitTest){ doors[i].it, is_spoken_to_by_whom_it_should, NULL, NULL,
			(void *)&doors[i] };
	memcpy(&tests[n], singles, sizeof(singles));
	return cmocka_run_group_tests_name("a request", tests, pki_make, pki_remove);
}
