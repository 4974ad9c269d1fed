/* tests/test_server.c - listeners (core/net/server.c): real sockets, real TLS, peers of every kind.
 *
 * The engine is played by on_request() below: the target says how it answers (/now, /later, /drop,
 * /never, /big).  After each row the next connection must be served, and at the end the loop must
 * hold nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/err.h>

#include "hostile_http.h"
#include "net/server.h"
#include "net/tls.h"
#include "net_peer.h"

#define BIG (8 * 1024 * 1024)
#define BODY_MAX 100000
#define H "Host: localhost\r\n"
#define GET(target) "GET " target " HTTP/1.1\r\n" H "\r\n"
#define POST(target, more) "POST " target " HTTP/1.1\r\n" H more

static int64_t skew_ms; /* of the wall clock */
int64_t __real_yt_wall_ms(void);
int64_t __wrap_yt_wall_ms(void);
int64_t __wrap_yt_wall_ms(void)
{
	return __real_yt_wall_ms() + skew_ms;
}

/* ---- the engine's part ---- */

static struct world {
	uv_loop_t loop;
	struct server *server;
	int port;
	uv_timer_t later;
	struct server_token token; /* of the last request */
	char told[8192];           /* "POST /now 5 hospital-one|..." */
	int n_requests, n_gone, n_flushed;
	int n_inside; /* calls of events from inside of server_ functions: must stay 0 */
	bool inside, drained;
	bool answers_all; /* whatever the target is */
	char certificate[80];
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

static void on_request(void *arg, const struct server_request *request)
{
	size_t n = strlen(w.told);

	w.n_inside += w.inside;
	assert_ptr_equal(arg, &w);
	assert_string_equal(request->listener, "test");
	w.n_requests++;
	w.token = request->token;
	snprintf(w.told + n, sizeof(w.told) - n, "%.*s %.*s %zu %.*s|", YT_FMT(request->method),
	        YT_FMT(request->target), request->body.n, YT_FMT(request->subject));
	snprintf(w.certificate, sizeof(w.certificate), "%.*s", YT_FMT(request->certificate));
	if (yt_str_is(request->target, "/now") || w.answers_all)
		answer(request->token, 200, "now");
	else if (yt_str_is(request->target, "/later"))
		uv_timer_start(&w.later, on_later, 1, 0);
	else if (yt_str_is(request->target, "/drop"))
		server_drop(w.server, request->token);
	else if (yt_str_is(request->target, "/big"))
		server_answer(w.server, request->token, 200, NULL, (struct yt_str){ w.big, BIG });
	else if (yt_str_is(request->target, "/signed"))
		answer_with_fields(request->token, "ab");
	else if (yt_str_is(request->target, "/unfit"))
		answer_with_fields(request->token, "a\r\nset-cookie: b");
	else if (yt_str_is(request->target, "/405"))
		answer(request->token, 405, "no");
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

static struct server_conf usual_conf(enum server_kind kind)
{
	static char cert[160], key[160], ca[160];

	snprintf(cert, sizeof(cert), "%s", pki_cert("server"));
	snprintf(key, sizeof(key), "%s", pki_key("server"));
	snprintf(ca, sizeof(ca), "%s", pki_cert("ca"));
	return (struct server_conf){ .name = "test",
		.kind = kind,
		.cert_file = cert,
		.key_file = key,
		.client_ca_file = ca,
		.limits = { .connections = 8,
		        .header_bytes = 1024,
		        .headers = 8,
		        .body_bytes = BODY_MAX,
		        .handshake_ms = 5000,
		        .request_ms = 5000,
		        .idle_ms = 5000 } };
}

static struct server *open_one(const struct server_conf *conf, int *port)
{
	static const struct server_events events = { &w, on_request, on_gone, on_flushed };
	struct server *server = NULL;

	assert_int_equal(server_open(&server, &w.loop, peer_listen(port), conf, &events), 0);
	return server;
}

static void world_open(const struct server_conf *conf)
{
	memset(&w, 0, sizeof(w));
	yt_log_setup("test", YT_ERROR);
	skew_ms = 0;
	uv_loop_init(&w.loop);
	uv_timer_init(&w.loop, &w.later);
	w.server = open_one(conf, &w.port);
}

static void world_close(void)
{
	if (w.server != NULL)
		server_close(w.server);
	uv_close((uv_handle_t *)&w.later, NULL);
	uv_run(&w.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w.loop), 0);
	assert_int_equal(w.n_inside, 0);
	free(w.big);
}

/* ---- rows: what is asked and answered over one connection ---- */

struct row {
	const char *it; /* "a connection ..." */
	const char *send;
	size_t n;
	int messages;        /* to read before hanging up; 0: until the server ends it */
	const char *told;    /* to the engine */
	const char *want[4]; /* parts of what is read, in this order */
	const char *forbidden;
	bool in_bytes; /* one octet a TLS record */
};

#define BYTES(literal) (literal), sizeof(literal) - 1
#define K10 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define K1024 K10 K10 K10 K10 K10 K10 K10 K10 K10 K10 K10 K10 K10 K10 K10 K10

static const struct row rows[] = {
	{ "is answered", BYTES(GET("/now")), 1, "GET /now 0 hospital-one|",
	        { "HTTP/1.1 200 OK\r\nDate: ", "Content-Length: 3\r\n", "\r\n\r\nnow" }, "close", false },
	{ "is answered later", BYTES(POST("/later", "Content-Length: 5\r\n\r\nhello")), 1,
	        "POST /later 5 hospital-one|", { "200 OK", "later" }, "close", false },
	{ "may send octet by octet", BYTES(POST("/now", "Content-Length: 5\r\n\r\nhello")), 1,
	        "POST /now 5 hospital-one|", { "200 OK", "now" }, NULL, true },
	{ "may send chunks", BYTES(POST("/now", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")), 1,
	        "POST /now 5 hospital-one|", { "200 OK" }, NULL, false },
	{ "is served again", BYTES(GET("/now") GET("/now") GET("/now")), 3,
	        "GET /now 0 hospital-one|GET /now 0 hospital-one|GET /now 0 hospital-one|", { "now", "now", "now" },
	        "close", false },
	{ "is served in order, one at a time",
	        BYTES(GET("/later") GET("/now") POST("/later", "Content-Length: 1\r\n\r\na")), 3,
	        "GET /later 0 hospital-one|GET /now 0 hospital-one|POST /later 1 hospital-one|",
	        { "later", "now", "later" }, NULL, false },
	{ "is served in order octet by octet", BYTES(GET("/later") GET("/now") GET("/later")), 3,
	        "GET /later 0 hospital-one|GET /now 0 hospital-one|GET /later 0 hospital-one|",
	        { "later", "now", "later" }, NULL, true },
	{ "is closed when it asks so", BYTES(POST("/later", "Connection: close\r\n\r\n") GET("/now")), 0,
	        "POST /later 0 hospital-one|", { "200 OK", "Connection: close\r\n", "later" }, "now", false },
	{ "of HTTP/1.0 is closed", BYTES("GET /now HTTP/1.0\r\n\r\n"), 0, "GET /now 0 hospital-one|",
	        { "HTTP/1.1 200 OK", "Connection: close\r\n", "now" }, NULL, false },
	{ "hears no body to HEAD", BYTES("HEAD /now HTTP/1.1\r\n" H "Connection: close\r\n\r\n"), 0,
	        "HEAD /now 0 hospital-one|", { "Content-Length: 3\r\n" }, "now", false },
	{ "hears what is allowed", BYTES(GET("/405")), 1, "GET /405 0 hospital-one|",
	        { "405 Method Not Allowed", "Allow: POST\r\n" }, NULL, false },
	{ "hears header fields of the format's own", BYTES(GET("/signed")), 1, "GET /signed 0 hospital-one|",
	        { "409 Conflict", "x-nonce: 0123\r\n", "X-Sig: ab\r\n", "\r\nsigned" }, NULL, false },
	{ "is dropped without an answer", BYTES(GET("/drop") GET("/now")), 0, "GET /drop 0 hospital-one|", { NULL },
	        "HTTP", false },
	{ "is told to go on, once", BYTES(POST("/now", "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n")), 1, "",
	        { "HTTP/1.1 100 Continue\r\n\r\n" }, "200", false },
	{ "is told nothing when the body is there",
	        BYTES(POST("/now", "Expect: 100-continue\r\nContent-Length: 1\r\n\r\na")), 1,
	        "POST /now 1 hospital-one|", { "200 OK" }, "100", false },
	{ "with another expectation is refused", BYTES(POST("/now", "Expect: tea\r\n\r\n")), 0, "",
	        { "417 Expectation Failed", "Connection: close\r\n" }, "tea", false },
	{ "with an ambiguous request is refused and closed",
	        BYTES(POST("/now", "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") GET("/now")), 0,
	        "", { "400 Bad Request", "Connection: close\r\n\r\n400 " }, "200", false },
	{ "is served up to the ambiguous request", BYTES(GET("/later") "GET /now HTTP/1.1\n" H "\r\n" GET("/now")), 0,
	        "GET /later 0 hospital-one|", { "200 OK", "later", "400 Bad Request", "Connection: close\r\n" }, NULL,
	        false },
	{ "never hears its own octets", BYTES("GET /<script> HTTP/1.1\r\n" H "\r\n"), 0, "", { "400 Bad Request" },
	        "script", false },
	{ "with an unknown encoding is refused", BYTES(POST("/now", "Transfer-Encoding: br\r\n\r\n")), 0, "",
	        { "501 Not Implemented" }, NULL, false },
	{ "of another version is refused", BYTES("GET /now HTTP/3.0\r\n\r\n"), 0, "", { "505 HTTP Version" }, NULL,
	        false },
	{ "with too long a head is refused", BYTES("GET /now HTTP/1.1\r\n" H "X: " K1024 "\r\n\r\n"), 0, "",
	        { "431 Request Header" }, NULL, false },
	{ "with too many fields is refused",
	        BYTES("GET /now HTTP/1.1\r\n" H "A:\r\nB:\r\nC:\r\nD:\r\nE:\r\nF:\r\nG:\r\nI:\r\n\r\n"), 0, "",
	        { "431 Request Header" }, NULL, false },
	{ "with too large a body is refused", BYTES(POST("/now", "Content-Length: 100001\r\n\r\n") K1024 K1024 K1024),
	        0, "", { "413 Content Too Large", "Connection: close\r\n" }, NULL, false },
	{ "with too large a chunked body is refused",
	        BYTES(POST("/now", "Transfer-Encoding: chunked\r\n\r\n186a1\r\n") K1024), 0, "",
	        { "413 Content Too Large" }, NULL, false },
};

struct act {
	const struct row *row;
	struct peer_conf conf;
	struct peer peer;
	int connected; /* 0 or -1 */
};

static void play_row(void *arg)
{
	struct act *act = arg;

	act->connected = peer_connect(&act->peer, w.port, &act->conf);
	if (act->connected != 0) {
		peer_hang_up(&act->peer, false);
		return;
	}
	for (size_t at = 0, step = act->row->in_bytes ? 1 : act->row->n; at < act->row->n; at += step)
		peer_send(&act->peer, act->row->send + at, step);
	if (act->row->messages > 0)
		peer_read_messages(&act->peer, act->row->messages);
	else
		peer_read_to_end(&act->peer);
	peer_hang_up(&act->peer, true);
}

static const struct row plain_row = { "", BYTES(GET("/now")), 1, "", { NULL }, NULL, false };

static void assert_next_is_served(const struct peer_conf *conf)
{
	struct act act = { .row = &plain_row, .conf = *conf };

	peer_play(&w.loop, play_row, &act);
	assert_int_equal(act.connected, 0);
	assert_non_null(strstr(act.peer.got, "200 OK"));
}

static const struct peer_conf one = { .cert = "hospital-one" };

static void answers_row(void **state)
{
	const struct row *row = *state;
	struct server_conf conf = usual_conf(SERVER_MTLS);
	struct act act = { .row = row, .conf = one };
	const char *at = act.peer.got;

	world_open(&conf);
	peer_play(&w.loop, play_row, &act);
	assert_int_equal(act.connected, 0);
	assert_string_equal(w.told, row->told);
	for (size_t i = 0; i < 4 && row->want[i] != NULL; i++) {
		at = strstr(at, row->want[i]);
		assert_non_null(at);
		at += strlen(row->want[i]);
	}
	if (row->forbidden != NULL)
		assert_null(strstr(act.peer.got, row->forbidden));
	if (row->messages == 0 && row->want[0] != NULL)
		assert_true(act.peer.clean); /* close_notify, and no reset that could eat the answer */
	assert_int_equal(w.n_gone, 0);
	assert_int_equal(w.n_flushed + (strstr(row->told, "/drop") != NULL), w.n_requests);
	assert_next_is_served(&one);
	world_close();
}

/* A value that would begin another field, or another answer: nothing is said at all. */
static void an_answer_that_is_two_is_not_given(void **state)
{
	static const struct row row = { "", BYTES(GET("/unfit")), 0, "", { NULL }, NULL, false };
	struct server_conf conf = usual_conf(SERVER_MTLS);
	struct act act = { .row = &row, .conf = one };

	(void)state;
	world_open(&conf);
	peer_play(&w.loop, play_row, &act);
	assert_string_equal(act.peer.got, "");
	assert_int_equal(w.n_gone, 1);
	assert_next_is_served(&one);
	world_close();
}

/* ---- what is publicly known to have parted readers (hostile_http.h) ---- */

struct hostile_act {
	struct hostile row;
	struct peer peer;
	int connected;
};

/* One good request, then the row's octets, then no more. */
static void play_hostile(void *arg)
{
	static const struct peer_conf anybody = { .cert = NULL };
	struct hostile_act *act = arg;
	char bytes[8192];
	size_t n = (size_t)snprintf(bytes, sizeof(bytes), "%s", GET("/now"));

	memcpy(bytes + n, act->row.bytes, act->row.n);
	act->connected = peer_connect(&act->peer, w.port, &anybody);
	peer_send(&act->peer, bytes, n + act->row.n);
	SSL_shutdown(act->peer.ssl);
	peer_read_to_end(&act->peer);
	peer_hang_up(&act->peer, true);
}

static int count_of(const char *text, const char *part)
{
	int n = 0;

	for (; (text = strstr(text, part)) != NULL; text++)
		n++;
	return n;
}

static bool is_treated_as_it_says(const struct hostile_act *act)
{
	const char *got = act->peer.got;
	int refusals =
	        count_of(got, "\r\nConnection: close\r\n\r\n4") + count_of(got, "\r\nConnection: close\r\n\r\n5");

	return act->connected == 0 && act->peer.clean && w.n_requests == 1 + act->row.whole &&
	       count_of(got, "HTTP/1.1 200 OK\r\n") == 1 + act->row.whole &&
	       refusals == (act->row.end == HOSTILE_REFUSED ? 1 : 0);
}

/* All rows by hand, and of the many that are made every seventh: their octets all have their turn in one family or
 * another, and test_http1.c has them all. */
static void forwards_nothing_that_could_be_read_in_two_ways(void **state)
{
	struct server_conf conf = usual_conf(SERVER_SIGNED);
	struct hostile_act *act = calloc(1, sizeof(*act));
	size_t by_hand = hostile_requests_by_hand(), i;
	int wrong = 0;

	(void)state;
	conf.limits.header_bytes = HOSTILE_HEAD_BYTES;
	conf.limits.headers = HOSTILE_FIELDS;
	conf.limits.body_bytes = HOSTILE_BODY_BYTES;
	world_open(&conf);
	w.answers_all = true;
	for (i = 0; hostile_request(i, &act->row); i += i < by_hand ? 1 : 7) {
		w.n_requests = 0;
		w.told[0] = '\0';
		peer_play(&w.loop, play_hostile, act);
		if (!is_treated_as_it_says(act)) {
			print_error("%s: told %s, heard %s\n", act->row.why, w.told, act->peer.got);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
	assert_true(i > 9000);
	assert_int_equal(server_connections(w.server), 0);
	world_close();
	free(act);
}

/* ---- who may come in ---- */

static const struct comer {
	const char *it;
	enum server_kind kind;
	struct peer_conf conf;
	const char *told; /* NULL: it is refused */
} comers[] = {
	{ "with a certificate is known by it", SERVER_MTLS, { .cert = "hospital-one" }, "GET /now 0 hospital-one|" },
	{ "over TLS 1.2 too", SERVER_MTLS, { .cert = "hospital-two", .max_version = TLS1_2_VERSION },
	        "GET /now 0 hospital-two|" },
	{ "without certificate is refused", SERVER_MTLS, { .cert = NULL }, NULL },
	{ "without certificate over TLS 1.2 is refused", SERVER_MTLS, { .max_version = TLS1_2_VERSION }, NULL },
	{ "with an expired certificate is refused", SERVER_MTLS, { .cert = "expired" }, NULL },
	{ "with a stranger's certificate is refused", SERVER_MTLS, { .cert = "stranger" }, NULL },
	{ "over TLS 1.1 is refused", SERVER_MTLS, { .cert = "hospital-one", .max_version = TLS1_1_VERSION }, NULL },
	{ "with its own protocol is served", SERVER_MTLS, { .cert = "hospital-one", .alpn = "\x02h2\x08http/1.1" },
	        "GET /now 0 hospital-one|" },
	{ "with only other protocols is refused", SERVER_MTLS, { .cert = "hospital-one", .alpn = "\x02h2" }, NULL },
	{ "with HTTP/1.0 as its only protocol is refused", SERVER_MTLS,
	        { .cert = "hospital-one", .alpn = "\x08http/1.0" }, NULL },
	{ "with HTTP/1.0 beside HTTP/1.1 is served", SERVER_MTLS,
	        { .cert = "hospital-one", .alpn = "\x08http/1.0\x08http/1.1" }, "GET /now 0 hospital-one|" },
	{ "that asks for another name is served: there is one certificate, and the client judges it", SERVER_MTLS,
	        { .cert = "hospital-one", .sni = "elsewhere.example" }, "GET /now 0 hospital-one|" },
	{ "without certificate that asks for another name is refused", SERVER_MTLS, { .sni = "elsewhere.example" },
	        NULL },
	{ "needs no certificate where requests are signed", SERVER_SIGNED, { .cert = NULL }, "GET /now 0 |" },
	{ "shows no certificate where requests are signed", SERVER_SIGNED, { .cert = "hospital-one" }, "GET /now 0 |" },
};

static void lets_in(void **state)
{
	const struct comer *comer = *state;
	struct server_conf conf = usual_conf(comer->kind);
	struct act act = { .row = &plain_row, .conf = comer->conf };

	world_open(&conf);
	peer_play(&w.loop, play_row, &act);
	assert_string_equal(w.told, comer->told != NULL ? comer->told : "");
	assert_int_equal(strlen(w.certificate), comer->told != NULL && comer->kind == SERVER_MTLS ? 64 : 0);
	if (comer->told == NULL)
		assert_true(ERR_GET_LIB(act.peer.error) == ERR_LIB_SSL); /* an alert, it was not merely cut off */
	assert_next_is_served(comer->kind == SERVER_MTLS ? &one : &comer->conf);
	world_close();
}

/* Octets that are no handshake. */
static const struct row greetings[] = {
	{ "in clear is refused", BYTES(GET("/now")), .told = "" },
	{ "with a method first is refused", BYTES("CONNECT a:1 HTTP/1.1\r\n" H "\r\n"), .told = "" },
	{ "of HTTP/2 in clear is refused", BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), .told = "" },
	{ "behind a PROXY line is refused", BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n"), .told = "" },
	{ "of SSL 2 is refused",
	        BYTES("\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10\x07\x00\xc0\x03\x00\x80\x01\x00\x80"
	              "ccccccccccccccccccccccccccccc"),
	        .told = "" },
	{ "of SSL 3 is refused",
	        BYTES("\x16\x03\x00\x00\x2d\x01\x00\x00\x29\x03\x00"
	              "0123456789abcdef0123456789abcdef"
	              "\x00\x00\x02\x00\x2f\x01\x00"),
	        .told = "" },
	{ "with a greeting of nothing is refused", BYTES("\x16\x03\x01\x00\x04\x01\x00\x00\x00"), .told = "" },
	{ "with a greeting too large is refused", BYTES("\x16\x03\x01\xff\xff\x01\x00\xff\xfb\x03\x03"), .told = "" },
	{ "with an alert first is refused", BYTES("\x15\x03\x03\x00\x02\x02\x28"), .told = "" },
	{ "with a heartbeat first is refused", BYTES("\x18\x03\x02\x00\x03\x01\x40\x00"), .told = "" },
	{ "with data first is refused", BYTES("\x17\x03\x03\x00\x05hello"), .told = "" },
	{ "of noughts is refused", BYTES("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), .told = "" },
	{ "of noise is refused", BYTES("\xfe\xed\xfa\xce\x8b\x1f\x08\x00\x99\x12\x34\x56\x78\x9a\xbc\xde"),
	        .told = "" },
};

static void play_plain(void *arg)
{
	struct act *act = arg;

	act->connected = peer_tcp(&act->peer, w.port);
	peer_send(&act->peer, act->row->send, act->row->n);
	shutdown(act->peer.fd, SHUT_WR);
	peer_read_to_end(&act->peer);
	peer_hang_up(&act->peer, false);
}

static void refuses_greeting(void **state)
{
	struct server_conf conf = usual_conf(SERVER_MTLS);
	struct act act = { .row = *state };

	world_open(&conf);
	peer_play(&w.loop, play_plain, &act);
	assert_true(act.peer.ended);
	assert_null(strstr(act.peer.got, "HTTP/"));
	assert_int_equal(w.n_requests, 0);
	assert_next_is_served(&one);
	world_close();
}

static void play_expect(void *arg)
{
	struct act *act = arg;

	act->connected = peer_connect(&act->peer, w.port, &one);
	peer_send(&act->peer, BYTES(POST("/now", "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")));
	peer_read_messages(&act->peer, 1);
	for (const char *p = "hello"; *p != '\0'; p++) {
		peer_send(&act->peer, p, 1);
		usleep(2000); /* so that most come alone; the result does not depend on it */
	}
	peer_read_messages(&act->peer, 2);
	peer_hang_up(&act->peer, true);
}

static void is_told_to_go_on_only_once(void **state)
{
	struct server_conf conf = usual_conf(SERVER_MTLS);
	struct act act = { .row = NULL };

	(void)state;
	world_open(&conf);
	peer_play(&w.loop, play_expect, &act);
	assert_string_equal(w.told, "POST /now 5 hospital-one|");
	assert_non_null(strstr(act.peer.got, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK"));
	world_close();
}

/* ---- sessions ---- */

struct twice {
	struct peer_conf first, second;
	int second_port;
	struct peer peer;
	bool had_session, resumed;
};

static void play_twice(void *arg)
{
	struct twice *t = arg;
	struct peer_conf second = t->second;

	if (peer_connect(&t->peer, w.port, &t->first) != 0)
		return;
	peer_send(&t->peer, BYTES(GET("/now")));
	peer_read_messages(&t->peer, 1);
	second.session = SSL_get1_session(t->peer.ssl);
	t->had_session = SSL_SESSION_is_resumable(second.session) == 1;
	peer_hang_up(&t->peer, true);
	if (peer_connect(&t->peer, t->second_port, &second) == 0) {
		t->resumed = SSL_session_reused(t->peer.ssl) == 1;
		peer_send(&t->peer, BYTES(GET("/now")));
		peer_read_messages(&t->peer, 1);
	}
	peer_hang_up(&t->peer, true);
	SSL_SESSION_free(second.session);
}

static void a_session_speaks_for_no_other_certificate(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct server_conf conf = usual_conf(SERVER_MTLS);
		struct twice t = { .first = { .cert = "hospital-one", .max_version = versions[i] },
			.second = { .cert = "hospital-two", .max_version = versions[i] } };

		world_open(&conf);
		t.second_port = w.port;
		peer_play(&w.loop, play_twice, &t);
		assert_false(t.resumed);
		assert_string_equal(w.told, "GET /now 0 hospital-one|GET /now 0 hospital-two|");
		world_close();
	}
}

static void a_session_speaks_for_no_missing_certificate(void **state)
{
	struct server_conf conf = usual_conf(SERVER_MTLS);
	struct twice t = { .first = { .cert = "hospital-one" }, .second = { .cert = NULL } };

	(void)state;
	world_open(&conf);
	t.second_port = w.port;
	peer_play(&w.loop, play_twice, &t);
	assert_string_equal(w.told, "GET /now 0 hospital-one|");
	world_close();
}

static void a_session_is_resumed_only_where_it_began(void **state)
{
	struct server_conf conf = usual_conf(SERVER_SIGNED), mtls = usual_conf(SERVER_MTLS);
	struct twice t = { .first = { .cert = NULL }, .second = { .cert = NULL } };
	struct server *other;

	(void)state;
	world_open(&conf);
	other = open_one(&mtls, &t.second_port);
	peer_play(&w.loop, play_twice, &t); /* from the signed listener to the one that wants certificates */
	assert_true(t.had_session);
	assert_false(t.resumed);
	assert_string_equal(w.told, "GET /now 0 |");
	t.second_port = w.port;
	peer_play(&w.loop, play_twice, &t); /* back where it came from */
	assert_true(t.resumed);
	server_close(other);
	world_close();
}

static void play_then_again(void *arg)
{
	struct act *act = arg;

	act->connected = peer_connect(&act->peer, w.port, &act->conf);
	peer_send(&act->peer, BYTES(GET("/now")));
	peer_read_messages(&act->peer, 1);
	skew_ms = 100000000; /* read by the loop only after the next octets came */
	peer_send(&act->peer, BYTES(GET("/now")));
	peer_read_to_end(&act->peer);
	peer_hang_up(&act->peer, true);
}

static void a_certificate_that_expires_on_the_way_is_refused(void **state)
{
	struct server_conf conf = usual_conf(SERVER_MTLS);
	struct act act = { .conf = one };

	(void)state;
	world_open(&conf);
	peer_play(&w.loop, play_then_again, &act);
	assert_string_equal(w.told, "GET /now 0 hospital-one|");
	assert_non_null(strstr(act.peer.got, "403 Forbidden"));
	world_close();
}

static void the_days_of_a_certificate_are_told(void **state)
{
	int days = 99;

	(void)state;
	assert_int_equal(tls_days_left(pki_cert("server"), &days), 0);
	assert_in_range(days, 0, 1); /* made to last a day */
	assert_int_equal(tls_days_left(pki_cert("expired"), &days), 0);
	assert_int_equal(days, -1);
	assert_int_equal(tls_days_left(pki_key("server"), &days), YT_ENOTFOUND);
	assert_int_equal(tls_days_left("/nowhere", &days), YT_ENOTFOUND);
}

static void revoked_by(const char *list)
{
	struct server_conf conf = usual_conf(SERVER_MTLS);
	struct act two = { .row = &plain_row, .conf = { .cert = "hospital-two" } };
	char crl[160];

	snprintf(crl, sizeof(crl), "%s", pki_crl(list));
	conf.crl_file = crl;
	world_open(&conf);
	peer_play(&w.loop, play_row, &two);
	assert_null(strstr(two.peer.got, "200 OK"));
	assert_string_equal(w.told, "");
	assert_next_is_served(&one);
	world_close();
}

static void a_revoked_certificate_is_refused(void **state)
{
	(void)state;
	revoked_by("new");
}

static void a_list_out_of_date_still_counts(void **state)
{
	(void)state;
	revoked_by("old");
}

static void play_without_tls(void *arg)
{
	struct act *act = arg;

	memset(&act->peer, 0, sizeof(act->peer));
	act->connected = peer_tcp(&act->peer, w.port);
	peer_send(&act->peer,
	        BYTES(POST("/later", "Content-Length: 5\r\n\r\nhello") GET("/now") "GET /now HTTP/1.1\n\n"));
	peer_read_to_end(&act->peer);
	peer_hang_up(&act->peer, false);
}

static void plain_http_is_spoken_to_whom_it_is_allowed(void **state)
{
	static const struct {
		const char *allow, *told;
	} cases[] = {
		{ "127.0.0.0/8", "POST /later 5 |GET /now 0 |" },
		{ "127.0.0.1", "POST /later 5 |GET /now 0 |" },
		{ "10.0.0.0/8", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct server_conf conf = usual_conf(SERVER_PLAIN);
		struct net_range allow;
		struct act act = { .row = &plain_row };

		assert_int_equal(net_range_parse(cases[i].allow, &allow), 0);
		conf.allow = &allow;
		conf.n_allow = 1;
		world_open(&conf);
		peer_play(&w.loop, play_without_tls, &act);
		assert_string_equal(w.told, cases[i].told);
		if (cases[i].told[0] != '\0')
			assert_non_null(strstr(strstr(strstr(act.peer.got, "later"), "now"), "400 Bad Request"));
		else
			assert_int_equal(act.peer.n_got, 0);
		world_close();
	}
}

static void play_renegotiation(void *arg)
{
	struct act *act = arg;

	act->connected = peer_connect(&act->peer, w.port, &act->conf);
	SSL_renegotiate(act->peer.ssl);
	act->connected = SSL_do_handshake(act->peer.ssl) == 1 ? 0 : -1;
	peer_send(&act->peer, BYTES(GET("/now")));
	peer_read_messages(&act->peer, 1);
	peer_hang_up(&act->peer, false);
}

static void nobody_renegotiates(void **state)
{
	struct server_conf conf = usual_conf(SERVER_MTLS);
	struct act act = { .conf = { .cert = "hospital-one", .max_version = TLS1_2_VERSION } };

	(void)state;
	world_open(&conf);
	peer_play(&w.loop, play_renegotiation, &act);
	assert_int_equal(act.connected, -1);
	assert_next_is_served(&one);
	world_close();
}

/* ---- limits of number and time ---- */

struct crowd {
	struct peer peers[4];
	int n_served;
};

static void play_crowd(void *arg)
{
	struct crowd *c = arg;

	for (int i = 0; i < 4; i++) {
		if (peer_connect(&c->peers[i], w.port, &one) != 0)
			continue;
		peer_send(&c->peers[i], BYTES(GET("/now")));
		peer_read_messages(&c->peers[i], 1);
		c->n_served += strstr(c->peers[i].got, "200 OK") != NULL;
	}
	for (int i = 0; i < 4; i++)
		peer_hang_up(&c->peers[i], true);
}

static void no_more_connections_than_its_limit(void **state)
{
	struct server_conf conf = usual_conf(SERVER_MTLS);
	struct crowd crowd = { .n_served = 0 };

	(void)state;
	conf.limits.connections = 2;
	world_open(&conf);
	peer_play(&w.loop, play_crowd, &crowd);
	assert_int_equal(crowd.n_served, 2);
	assert_int_equal(server_connections(w.server), 0);
	assert_next_is_served(&one);
	world_close();
}

static const struct slow {
	const char *it;
	struct server_limits limits; /* those that are not 0 replace the usual */
	const char *send;            /* NULL: not even a handshake */
	const char *want;            /* "": the end */
} slows[] = {
	{ "that shows no handshake is closed", { .handshake_ms = 300 }, NULL, "" },
	{ "whose head does not end is told 408", { .request_ms = 300 },
	        "GET /now HTTP/1.1\r\nHost:", "408 Request Timeout" },
	{ "whose body does not end is told 408", { .request_ms = 300 }, POST("/now", "Content-Length: 5\r\n\r\nhell"),
	        "408 Request Timeout" },
	{ "whose chunks do not end is told 408", { .request_ms = 300 },
	        POST("/now", "Transfer-Encoding: chunked\r\n\r\n5\r\nhell"), "408 Request Timeout" },
	{ "that asks nothing is closed", { .idle_ms = 300 }, "", "" },
	{ "that asks nothing more is closed", { .idle_ms = 300 }, GET("/now"), "200 OK" },
};

static void play_slow(void *arg)
{
	struct act *act = arg;

	if (act->row == NULL)
		act->connected = peer_tcp(&act->peer, w.port);
	else
		act->connected = peer_connect(&act->peer, w.port, &one);
	if (act->row != NULL && act->row->n > 0)
		peer_send(&act->peer, act->row->send, act->row->n);
	peer_read_to_end(&act->peer);
	peer_hang_up(&act->peer, false);
}

static void is_not_waited_for(void **state)
{
	const struct slow *slow = *state;
	struct server_conf conf = usual_conf(SERVER_MTLS);
	struct row row = { .send = slow->send, .n = slow->send != NULL ? strlen(slow->send) : 0 };
	struct act act = { .row = slow->send != NULL ? &row : NULL };
	int64_t from = yt_mono_ms();

	if (slow->limits.handshake_ms != 0)
		conf.limits.handshake_ms = slow->limits.handshake_ms;
	if (slow->limits.request_ms != 0)
		conf.limits.request_ms = slow->limits.request_ms;
	if (slow->limits.idle_ms != 0)
		conf.limits.idle_ms = slow->limits.idle_ms;
	world_open(&conf);
	peer_play(&w.loop, play_slow, &act);
	assert_int_equal(act.connected, 0);
	assert_true(act.peer.ended);
	assert_non_null(strstr(act.peer.got, slow->want));
	assert_true(yt_mono_ms() - from < 4000); /* its own limit, not one of the others */
	world_close();
}

/* ---- ends ---- */

static void play_asks_and_leaves(void *arg)
{
	struct act *act = arg;

	act->connected = peer_connect(&act->peer, w.port, &one);
	peer_send(&act->peer, BYTES(GET("/never")));
	while (w.n_requests == 0)
		usleep(1000);
	peer_hang_up(&act->peer, true);
}

static void a_peer_that_hangs_up_is_gone_once(void **state)
{
	struct server_conf conf = usual_conf(SERVER_MTLS);
	struct act act = { .row = NULL };

	(void)state;
	world_open(&conf);
	peer_play(&w.loop, play_asks_and_leaves, &act);
	while (w.n_gone == 0)
		uv_run(&w.loop, UV_RUN_ONCE);
	answer(w.token, 200, "nobody");
	server_drop(w.server, w.token);
	answer((struct server_token){ 99, 0 }, 200, "nobody");
	assert_int_equal(w.n_gone, 1);
	assert_int_equal(w.n_flushed, 0);
	assert_next_is_served(&one);
	world_close();
}

/* The second connection gets the place of the first, whose token must not answer it. */
static void play_heirs(void *arg)
{
	struct act *act = arg;

	play_asks_and_leaves(act);
	while (w.n_gone == 0)
		usleep(1000);
	act->connected = peer_connect(&act->peer, w.port, &one);
	peer_send(&act->peer, BYTES(GET("/never")));
	peer_read_to_end(&act->peer);
	peer_hang_up(&act->peer, false);
}

static struct server_token first_token;

static void on_second_asks(uv_timer_t *timer)
{
	if (w.n_requests == 1)
		first_token = w.token;
	if (w.n_requests < 2)
		return;
	assert_int_equal(w.token.slot, first_token.slot);
	answer(first_token, 200, "to the first");
	server_drop(w.server, first_token);
	server_answer(w.server, w.token, 200, NULL, YT_STR("to the second"));
	uv_timer_stop(timer);
	server_drain(w.server, NULL, NULL);
}

static void an_old_token_answers_nobody_else(void **state)
{
	struct server_conf conf = usual_conf(SERVER_MTLS);
	struct act act = { .row = NULL };

	(void)state;
	world_open(&conf);
	uv_timer_start(&w.later, on_second_asks, 1, 1);
	peer_play(&w.loop, play_heirs, &act);
	assert_null(strstr(act.peer.got, "to the first"));
	assert_non_null(strstr(act.peer.got, "to the second"));
	assert_int_equal(w.n_gone, 1);
	world_close();
}

/* Sends on and on while its first request is not answered, until nobody takes it any more. */
static size_t n_taken;

static void play_endless(void *arg)
{
	struct act *act = arg;
	struct timeval short_while = { 0, 300000 };
	static const char junk[16384];

	act->connected = peer_connect(&act->peer, w.port, &one);
	setsockopt(act->peer.fd, SOL_SOCKET, SO_SNDTIMEO, &short_while, sizeof(short_while));
	peer_send(&act->peer, BYTES(GET("/never")));
	for (n_taken = 0; n_taken < 100 * 1024 * 1024; n_taken += sizeof(junk)) {
		if (peer_send(&act->peer, junk, sizeof(junk)) != 0)
			break;
	}
	peer_hang_up(&act->peer, false);
}

static void what_comes_while_it_waits_is_bounded(void **state)
{
	struct server_conf conf = usual_conf(SERVER_MTLS);
	struct act act = { .row = NULL };

	(void)state;
	world_open(&conf);
	peer_play(&w.loop, play_endless, &act);
	assert_true(n_taken < 50 * 1024 * 1024); /* what the kernel keeps, and 64 KiB */
	assert_int_equal(w.n_requests, 1);
	server_drop(w.server, w.token);
	assert_next_is_served(&one);
	world_close();
}

static size_t n_big_read;

static void play_big(void *arg)
{
	struct act *act = arg;
	bool reads = act->row != NULL;

	act->connected = peer_connect(&act->peer, w.port, &one);
	peer_send(&act->peer, BYTES(GET("/big") GET("/now")));
	while (!reads && w.n_gone == 0)
		usleep(1000);
	for (n_big_read = 0; !act->peer.ended && strstr(act->peer.got, "now") == NULL;) {
		act->peer.n_got = 0;
		act->peer.got[0] = '\0';
		peer_read_some(&act->peer);
		n_big_read += act->peer.n_got;
	}
	peer_hang_up(&act->peer, false);
}

static void a_big_answer_leaves_whole(void **state)
{
	struct server_conf conf = usual_conf(SERVER_MTLS);
	struct act act = { .row = &plain_row };

	(void)state;
	world_open(&conf);
	w.big = calloc(1, BIG);
	memset(w.big, 'b', BIG);
	peer_play(&w.loop, play_big, &act);
	assert_true(n_big_read > BIG);
	assert_int_equal(w.n_flushed, 2);
	assert_int_equal(w.n_gone, 0);
	world_close();
}

static void a_peer_that_does_not_read_is_gone(void **state)
{
	struct server_conf conf = usual_conf(SERVER_MTLS);
	struct act act = { .row = NULL };

	(void)state;
	conf.limits.request_ms = 50;
	world_open(&conf);
	w.big = calloc(1, BIG);
	memset(w.big, 'b', BIG);
	peer_play(&w.loop, play_big, &act);
	assert_true(n_big_read < BIG);
	assert_int_equal(w.n_flushed, 0);
	assert_int_equal(w.n_gone, 1);
	world_close();
}

/* More than is kept of a peer that does not wait for its answer; none of it may be lost. */
static void play_flood(void *arg)
{
	struct act *act = arg;
	char body[50000], head[128];

	memset(body, 'f', sizeof(body));
	act->connected = peer_connect(&act->peer, w.port, &one);
	for (int i = 0; i < 10; i++) {
		int n = snprintf(head, sizeof(head), POST("/later", "Content-Length: %zu\r\n\r\n"), sizeof(body));

		peer_send(&act->peer, head, (size_t)n);
		peer_send(&act->peer, body, sizeof(body));
	}
	peer_read_messages(&act->peer, 10);
	peer_hang_up(&act->peer, true);
}

static void a_flood_is_served_one_by_one(void **state)
{
	struct server_conf conf = usual_conf(SERVER_MTLS);
	struct act act = { .row = NULL };

	(void)state;
	world_open(&conf);
	peer_play(&w.loop, play_flood, &act);
	assert_int_equal(w.n_requests, 10);
	assert_int_equal(w.n_flushed, 10);
	world_close();
}

static void on_drained(void *arg)
{
	(void)arg;
	w.drained = true;
}

static void play_drain(void *arg)
{
	struct peer *peers = arg;

	peer_connect(&peers[0], w.port, &one); /* idle after one */
	peer_send(&peers[0], BYTES(GET("/now")));
	peer_read_messages(&peers[0], 1);
	peer_connect(&peers[1], w.port, &one); /* waits */
	peer_send(&peers[1], BYTES(GET("/never")));
	peer_read_to_end(&peers[0]); /* ended by the drain */
	peer_read_to_end(&peers[1]); /* answered, then ended */
	peer_hang_up(&peers[0], true);
	peer_hang_up(&peers[1], true);
	peers[2].fd = -1;
	peers[2].error = peer_tcp(&peers[2], w.port) == 0;
	peer_hang_up(&peers[2], false);
}

static void on_drain_time(uv_timer_t *timer)
{
	if (w.n_requests < 2)
		return;
	if (w.inside) {
		w.inside = false;
		uv_timer_stop(timer);
		server_answer(w.server, w.token, 200, NULL, YT_STR("after all"));
		return;
	}
	server_drain(w.server, on_drained, &w);
	w.inside = true; /* nothing may be told until the loop turns */
	assert_false(w.drained);
}

static void a_drained_server_serves_what_is_open(void **state)
{
	struct server_conf conf = usual_conf(SERVER_MTLS);
	struct peer *peers = calloc(3, sizeof(*peers));

	(void)state;
	world_open(&conf);
	uv_timer_start(&w.later, on_drain_time, 5, 5);
	peer_play(&w.loop, play_drain, peers);
	while (!w.drained)
		uv_run(&w.loop, UV_RUN_ONCE);
	assert_true(peers[0].clean);
	assert_non_null(strstr(peers[1].got, "Connection: close\r\n\r\nafter all"));
	assert_int_equal(peers[2].error, 0); /* nobody listens any more */
	assert_int_equal(w.n_gone, 0);
	w.n_inside = 0;
	world_close();
	free(peers);
}

static void a_closed_server_tells_nothing_more(void **state)
{
	struct server_conf conf = usual_conf(SERVER_MTLS);
	struct act act = { .row = NULL };

	(void)state;
	world_open(&conf);
	peer_play(&w.loop, play_asks_and_leaves, &act);
	server_close(w.server);
	w.server = NULL;
	w.n_gone = 0;
	uv_run(&w.loop, UV_RUN_NOWAIT);
	assert_int_equal(w.n_gone, 0);
	world_close();
}

/* ---- configuration ---- */

static void a_wrong_file_is_named(void **state)
{
	struct server_conf right = usual_conf(SERVER_MTLS), wrong;
	static const struct server_events events = { NULL, NULL, NULL, NULL };
	struct server *server;
	uv_loop_t loop;
	int port, fd;

	(void)state;
	uv_loop_init(&loop);
	yt_log_setup("test", YT_ERROR + 1);
	for (int i = 0; i < 4; i++) {
		wrong = right;
		if (i == 0)
			wrong.cert_file = "/nonexistent.crt";
		else if (i == 1)
			wrong.key_file = pki_key("hospital-one"); /* of another certificate */
		else if (i == 2)
			wrong.client_ca_file = wrong.key_file;
		else
			wrong.key_file = wrong.cert_file;
		fd = peer_listen(&port);
		assert_int_equal(server_open(&server, &loop, fd, &wrong, &events), YT_ECONF);
		close(fd);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

#define N(rows) (sizeof(rows) / sizeof((rows)[0]))

int main(void)
{
	static const struct CMUnitTest singles[] = {
		cmocka_unit_test(forwards_nothing_that_could_be_read_in_two_ways),
		cmocka_unit_test(an_answer_that_is_two_is_not_given),
		cmocka_unit_test(is_told_to_go_on_only_once),
		cmocka_unit_test(a_session_speaks_for_no_other_certificate),
		cmocka_unit_test(a_session_speaks_for_no_missing_certificate),
		cmocka_unit_test(a_session_is_resumed_only_where_it_began),
		cmocka_unit_test(a_certificate_that_expires_on_the_way_is_refused),
		cmocka_unit_test(the_days_of_a_certificate_are_told),
		cmocka_unit_test(a_revoked_certificate_is_refused),
		cmocka_unit_test(a_list_out_of_date_still_counts),
		cmocka_unit_test(plain_http_is_spoken_to_whom_it_is_allowed),
		cmocka_unit_test(nobody_renegotiates),
		cmocka_unit_test(no_more_connections_than_its_limit),
		cmocka_unit_test(a_peer_that_hangs_up_is_gone_once),
		cmocka_unit_test(an_old_token_answers_nobody_else),
		cmocka_unit_test(what_comes_while_it_waits_is_bounded),
		cmocka_unit_test(a_big_answer_leaves_whole),
		cmocka_unit_test(a_peer_that_does_not_read_is_gone),
		cmocka_unit_test(a_flood_is_served_one_by_one),
		cmocka_unit_test(a_drained_server_serves_what_is_open),
		cmocka_unit_test(a_closed_server_tells_nothing_more),
		cmocka_unit_test(a_wrong_file_is_named),
	};
	static struct CMUnitTest tests[N(rows) + N(greetings) + N(comers) + N(slows) + N(singles)];
	size_t n = 0;

	for (size_t i = 0; i < N(rows); i++)
		tests[n++] = (struct CMUnitTest){ rows[i].it, answers_row, NULL, NULL, (void *)&rows[i] };
	for (size_t i = 0; i < N(greetings); i++)
		tests[n++] =
		        (struct CMUnitTest){ greetings[i].it, refuses_greeting, NULL, NULL, (void *)&greetings[i] };
	for (size_t i = 0; i < N(comers); i++)
		tests[n++] = (struct CMUnitTest){ comers[i].it, lets_in, NULL, NULL, (void *)&comers[i] };
	for (size_t i = 0; i < N(slows); i++)
		tests[n++] = (struct CMUnitTest){ slows[i].it, is_not_waited_for, NULL, NULL, (void *)&slows[i] };
	memcpy(&tests[n], singles, sizeof(singles));
	return cmocka_run_group_tests_name("a connection", tests, pki_make, pki_remove);
}
