/* tests/test_http2.c - a listener that speaks HTTP/2 (core/net/http2.c, server_http2.c), frame by frame.
 *
 * A row is a small script of frames and what must come back; the rows follow the sections of RFC 9113 and
 * RFC 7541, where a peer must be refused and where it must not.  Steps of a script, parted by '|':
 *   H id flags name=value ...   HEADERS; flags: s END_STREAM, h END_HEADERS; ~ is a space, {R} a whole request
 *   C id flags name=value ...   CONTINUATION
 *   D id flags text             DATA; "*N" for N octets
 *   F type flags id hex         any frame (numbers in hex); "*N" for N zero octets
 *   X hex                       octets as they are
 *   Nx step ; step              N times over, % is 1, 3, 5, ...
 *   W text                      waits until text came
 *   ! at the beginning          no preface and SETTINGS before it
 * Answers are written so: "1:200 1+now" HEADERS and DATA, "RST 1=7", "GOAWAY=1", "PONG", "ACK" (of SETTINGS). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <nghttp2/nghttp2.h>

#include "net/server.h"
#include "net_peer.h"

#define BIG (4 * 1024 * 1024)
#define BODY_MAX 20000

/* ---- the engine's part ---- */

static struct world {
	uv_loop_t loop;
	struct server *server;
	int port;
	uv_timer_t later;
	struct server_token token; /* of the last request */
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

static void on_later(uv_timer_t *timer)
{
	(void)timer;
	answer(w.token, 200, "later");
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
	else if (yt_str_is(r->target, "/drop"))
		server_drop(w.server, r->token);
	else if (yt_str_is(r->target, "/405"))
		answer(r->token, 405, "no");
	else if (yt_str_is(r->target, "/big"))
		server_answer(w.server, r->token, 200, NULL, (struct yt_str){ w.big, BIG });
	else if (yt_str_is(r->target, "/drain"))
		server_drain(w.server, on_drained, NULL);
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
	return (struct server_conf){ .name = "test", .kind = SERVER_MTLS, .cert_file = cert, .key_file = key,
		.client_ca_file = ca, .http2 = true,
		.limits = { .connections = 8, .header_bytes = 1024, .headers = 8, .body_bytes = BODY_MAX,
			.handshake_ms = 5000, .request_ms = 5000, .idle_ms = 5000, .streams = 4, .continuations = 3,
			.buffered_bytes = 65536, .resets = 10, .control_frames = 50 } };
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

/* ---- scripts: to octets ---- */

#define MAGIC "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

struct bytes {
	uint8_t p[1 << 17];
	size_t n;
};

static void put(struct bytes *b, const void *p, size_t n)
{
	if (b->n + n <= sizeof(b->p)) {
		memcpy(b->p + b->n, p, n);
		b->n += n;
	}
}

static void put_frame(struct bytes *b, unsigned type, unsigned flags, unsigned id, const void *p, size_t n)
{
	uint8_t head[9] = { (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n, (uint8_t)type, (uint8_t)flags, (uint8_t)(id >> 24),
		(uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id };

	put(b, head, 9);
	put(b, p, n);
}

/* A literal without indexing, RFC 7541 6.2.2; lengths below 127, or with one octet more. */
static void put_text(struct bytes *b, const char *p, size_t n)
{
	uint8_t head[3] = { (uint8_t)n };

	if (n < 127) {
		put(b, head, 1);
	} else {
		head[0] = 127;
		head[1] = (uint8_t)((n - 127) % 128 | 128);
		head[2] = (uint8_t)((n - 127) / 128);
		put(b, head, 3);
	}
	for (size_t i = 0; i < n; i++) {
		char c = p[i] == '~' ? ' ' : p[i];

		put(b, &c, 1);
	}
}

static void put_field(struct bytes *b, const char *text)
{
	const char *value = strchr(text + 1, '=');
	char star[1024];
	unsigned n;

	if (strcmp(text, "{R}") == 0) {
		put_field(b, ":method=POST");
		put_field(b, ":scheme=https");
		put_field(b, ":path=/now");
		put_field(b, ":authority=localhost");
		return;
	}
	put(b, "\0", 1);
	put_text(b, text, (size_t)(value - text));
	value++;
	if (sscanf(value, "*%u", &n) == 1 && n < sizeof(star)) {
		memset(star, 'a', n);
		put_text(b, star, n);
	} else {
		put_text(b, value, strlen(value));
	}
}

static size_t from_hex(const char *hex, uint8_t *out)
{
	size_t n = 0;
	unsigned octet;

	for (; sscanf(hex, "%2x", &octet) == 1; hex += 2)
		out[n++] = (uint8_t)octet;
	return n;
}

static unsigned flag_bits(const char *flags)
{
	return (strchr(flags, 's') != NULL ? 1u : 0) | (strchr(flags, 'h') != NULL ? 4u : 0);
}

static void put_step(struct bytes *b, char *step)
{
	static uint8_t payload[1 << 16];
	static struct bytes block;
	char *save = NULL, *kind = strtok_r(step, " ", &save), *a, *c, *d, *e;
	unsigned n;

	block.n = 0;
	if (kind == NULL)
		return;
	a = strtok_r(NULL, " ", &save);
	if (*kind == 'X') {
		put(b, payload, from_hex(a, payload));
		return;
	}
	c = strtok_r(NULL, " ", &save);
	if (*kind == 'H' || *kind == 'C') {
		while ((d = strtok_r(NULL, " ", &save)) != NULL)
			put_field(&block, d);
		put_frame(b, *kind == 'H' ? 1 : 9, flag_bits(c), (unsigned)atoi(a), block.p, block.n);
		return;
	}
	d = strtok_r(NULL, " ", &save);
	e = *kind == 'F' ? strtok_r(NULL, " ", &save) : d;
	memset(payload, *kind == 'D' ? 'a' : 0, sizeof(payload));
	if (e == NULL)
		n = 0;
	else if (*e == '*')
		n = (unsigned)atoi(e + 1);
	else if (*kind == 'F')
		n = (unsigned)from_hex(e, payload);
	else
		memcpy(payload, e, n = (unsigned)strlen(e));
	if (*kind == 'F')
		put_frame(b, (unsigned)strtoul(a, NULL, 16), (unsigned)strtoul(c, NULL, 16), (unsigned)strtoul(d, NULL, 16), payload,
			n);
	else
		put_frame(b, 0, flag_bits(c), (unsigned)atoi(a), payload, n);
}

/* ---- answers: to text ---- */

struct talk {
	struct peer peer;
	size_t at;
	nghttp2_hd_inflater *inflater;
	char text[16384];
};

static void say(struct talk *t, const char *fmt, ...) YT_PRINTF(2, 3);
static void say(struct talk *t, const char *fmt, ...)
{
	size_t n = strlen(t->text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->text + n, sizeof(t->text) - n, fmt, ap);
	va_end(ap);
}

static void say_headers(struct talk *t, unsigned id, uint8_t *p, size_t n)
{
	int flags = 0;

	while (n > 0 && (flags & NGHTTP2_HD_INFLATE_FINAL) == 0) {
		nghttp2_nv nv;
		ssize_t used = nghttp2_hd_inflate_hd2(t->inflater, &nv, &flags, p, n, 1);

		if (used < 0)
			return;
		p += used, n -= (size_t)used;
		if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0)
			break;
		if (nv.namelen == 7 && memcmp(nv.name, ":status", 7) == 0)
			say(t, "%u:%.*s ", id, (int)nv.valuelen, nv.value);
		else if (nv.namelen == 5 && memcmp(nv.name, "allow", 5) == 0)
			say(t, "allow=%.*s ", (int)nv.valuelen, nv.value);
	}
	nghttp2_hd_inflate_end_headers(t->inflater);
}

static unsigned number(const uint8_t *p)
{
	return (unsigned)p[0] << 24 | (unsigned)p[1] << 16 | (unsigned)p[2] << 8 | p[3];
}

static void say_frame(struct talk *t, unsigned type, unsigned flags, unsigned id, uint8_t *p, size_t n)
{
	switch (type) {
	case 0:
		if (n > 0)
			say(t, "%u+%.*s ", id, n < 60 ? (int)n : 1, (char *)p);
		break;
	case 1:
		say_headers(t, id, p, n);
		break;
	case 3:
		say(t, "RST %u=%u ", id, number(p));
		break;
	case 4:
		if (flags & 1)
			say(t, "ACK ");
		break;
	case 6:
		say(t, flags & 1 ? "PONG " : "PING ");
		break;
	case 7:
		if (number(p) == 0x7fffffff)
			say(t, "NOTICE ");
		else
			say(t, "GOAWAY=%u ", number(p + 4));
		break;
	default:
		break;
	}
}

/* Reads once more and says what came. */
static void listen_more(struct talk *t)
{
	if (t->at > sizeof(t->peer.got) / 2) { /* long talk: the frames said are forgotten */
		memmove(t->peer.got, t->peer.got + t->at, t->peer.n_got - t->at);
		t->peer.n_got -= t->at;
		t->at = 0;
	}
	peer_read_some(&t->peer);
	while (t->peer.n_got - t->at >= 9) {
		uint8_t *p = (uint8_t *)t->peer.got + t->at;
		size_t n = (size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2];

		if (t->peer.n_got - t->at < 9 + n)
			break;
		say_frame(t, p[3], p[4], number(p + 5) & 0x7fffffff, p + 9, n);
		t->at += 9 + n;
	}
}

static void wait_for(struct talk *t, const char *text)
{
	while (strstr(t->text, text) == NULL && !t->peer.ended)
		listen_more(t);
	if (t->peer.ended)
		say(t, "END");
}

struct row {
	const char *it; /* "a connection ..." */
	const char *script;
	const char *want;
};

struct act {
	const struct row *row;
	struct talk talk;
	int connected;
};

static void begin(struct act *act)
{
	struct peer_conf conf = { .cert = "hospital-one", .alpn = "\x02h2" };

	memset(&act->talk, 0, sizeof(act->talk));
	nghttp2_hd_inflate_new(&act->talk.inflater);
	act->connected = peer_connect(&act->talk.peer, w.port, &conf);
}

static void end(struct act *act)
{
	nghttp2_hd_inflate_del(act->talk.inflater);
	peer_hang_up(&act->talk.peer, true);
}

static void play_step(struct act *act, struct bytes *b, const char *text)
{
	char step[512];
	size_t n;

	text += strspn(text, " !");
	snprintf(step, sizeof(step), "%s", text);
	for (n = strlen(step); n > 0 && step[n - 1] == ' ';)
		step[--n] = '\0';
	if (*step != 'W') {
		put_step(b, step);
		return;
	}
	peer_send(&act->talk.peer, b->p, b->n);
	b->n = 0;
	wait_for(&act->talk, step + 2);
}

/* The same steps again and again, each time for the next stream. */
static void play_steps(struct act *act, struct bytes *b, const char *steps, int times)
{
	for (int i = 0; i < times; i++) {
		char copy[512], one[512], *save = NULL;

		snprintf(copy, sizeof(copy), "%s", steps);
		for (char *step = strtok_r(copy, ";", &save); step != NULL; step = strtok_r(NULL, ";", &save)) {
			size_t n = 0;

			for (char *p = step; *p != '\0' && n < sizeof(one) - 8; p++) {
				if (*p == '%')
					n += (size_t)snprintf(one + n, 8, step[strspn(step, " ")] == 'F' ? "%x" : "%d", 2 * i + 1);
				else
					one[n++] = *p;
			}
			one[n] = '\0';
			play_step(act, b, one);
		}
	}
}

static void play_script(struct act *act)
{
	char *script = strdup(act->row->script), *save = NULL, *rest;
	struct bytes *b = calloc(1, sizeof(*b));

	if (*script != '!') {
		put(b, MAGIC, 24);
		put_frame(b, 4, 0, 0, "", 0);
	}
	for (char *step = strtok_r(script, "|", &save); step != NULL; step = strtok_r(NULL, "|", &save)) {
		long times = strtol(step, &rest, 10);

		if (times > 0 && *rest == 'x')
			play_steps(act, b, rest + 1, (int)times);
		else
			play_step(act, b, step);
	}
	if (b->n > 0)
		peer_send(&act->talk.peer, b->p, b->n);
	free(b);
	free(script);
}

static void play_row(void *arg)
{
	struct act *act = arg;

	begin(act);
	play_script(act);
	wait_for(&act->talk, act->row->want);
	end(act);
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
		"H 7 sh {R} X=1", "3+later"));
	assert_string_equal(w.told, "POST /now 5 hospital-one|POST /later 0 hospital-one|");
	assert_int_equal(w.n_flushed, 2);
	assert_int_equal(w.n_gone, 0);
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
	act = play("F 4 0 0 000400000000 | " ASK(1, "/now") " | W RST 1=8 | F 4 0 0 00040000ffff | " ASK(3, "/now"), "3+now");
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
	play_script(act);
	end(act);
}

/* It opens all windows and reads nothing: the socket is full, the connection is cut in time. */
static void a_peer_that_reads_nothing_is_cut(void **state)
{
	struct server_conf conf = usual_conf();
	static const struct row row = { "", "F 4 0 0 00047fffffff | F 8 0 0 7fff0000 | " ASK(1, "/big") " | " ASK(3, "/big")
		" | W 1:200", "" };
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
	act = play(ASK(1, "/drain") " | W NOTICE | " ASK(3, "/now") " | W 3+now | F 6 1 0 *8 | W GOAWAY=0 | " ASK(5, "/now")
		" | W GOAWAY=0", "GOAWAY=0");
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
