/* tests/fuzz_http2.c - an HTTP/2 connection on any octets, as a listener's and as a lane's: no crash, every stream ends
 * once and is told of once, all limits hold, and what is written is frames.
 *
 * The first byte says which side we are (bit 0) and whether the peer's preface and SETTINGS are left out (bit 1), the
 * second seeds what else happens: the pieces in which octets come, answers at once and later, a socket that takes no
 * more for a while, drops, draining.  The wire is this file's (the linker puts __wrap_wire_... in its place). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/http2.h"

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define SETTINGS "\0\0\0\4\0\0\0\0\0"
enum { STREAMS_MAX = 4096, LATER_MAX = 8 };
enum state { UNUSED, OPEN, TOLD, ANSWERED, REFUSED, OVER };

static const struct http2_limits limits = { .streams = 4,
	.head_bytes = 1024,
	.fields = 8,
	.continuations = 3,
	.body_bytes = 20000,
	.buffered_bytes = 65536,
	.resets = 10,
	.control_frames = 50 };

static struct run {
	const uint8_t *p; /* what the peer has still to say */
	size_t n;
	uint32_t seed;
	bool is_client;
	size_t out_n, frame_left; /* of what we have written */
	uint8_t frame_head[9];
	size_t head_n;
	enum state state[STREAMS_MAX]; /* by the stream's name */
	struct http2_stream *later[LATER_MAX];
	uint64_t n_streams;
} run;

ssize_t __wrap_wire_read(struct wire *wire, uint8_t *p, size_t n);
int __wrap_wire_write(struct wire *wire, const void *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_right, const char *what)
{
	if (!is_right) {
		fprintf(stderr, "%s\n", what);
		abort();
	}
}

static unsigned draw(unsigned n)
{
	run.seed = run.seed * 1664525u + 1013904223u;
	return (run.seed >> 16) % n;
}

/* ---- the wire ---- */

ssize_t __wrap_wire_read(struct wire *wire, uint8_t *p, size_t n)
{
	size_t part = draw(2) == 0 ? run.n : 1 + draw(40);

	if (run.n == 0 || draw(8) == 0)
		return YT_EAGAIN;
	part = part < run.n ? part : run.n;
	part = part < n ? part : n;
	memcpy(p, run.p, part);
	run.p += part;
	run.n -= part;
	wire->in_n = run.n;
	return (ssize_t)part;
}

/* Frames follow each other without a gap, none longer than any peer must take. */
static void check_frames(const uint8_t *p, size_t n)
{
	for (; n > 0; p++, n--) {
		if (run.frame_left > 0) {
			run.frame_left--;
			continue;
		}
		run.frame_head[run.head_n++] = *p;
		if (run.head_n < 9)
			continue;
		run.frame_left = (size_t)run.frame_head[0] << 16 | (size_t)run.frame_head[1] << 8 | run.frame_head[2];
		run.head_n = 0;
		check(run.frame_left <= 16384, "a frame of ours is too long");
		check(run.frame_head[3] <= 9, "a frame of ours has no known type");
	}
}

int __wrap_wire_write(struct wire *wire, const void *p, size_t n)
{
	size_t preface = run.is_client && run.out_n == 0 ? sizeof(PREFACE) - 1 : 0;

	check(!wire->writing, "written though the socket is full");
	check(n > preface && memcmp(p, PREFACE, preface) == 0, "the preface is not ours");
	check_frames((const uint8_t *)p + preface, n - preface);
	run.out_n += n;
	wire->writing = draw(4) == 0;
	return draw(200) == 0 ? YT_EIO : 0;
}

/* ---- the owner ---- */

static void answer(struct http2_stream *s)
{
	static const char text[3000];
	struct yt_header type = { YT_STR("content-type"), YT_STR("text/plain") };

	run.state[s->name] = ANSWERED;
	check(http2_answer(s, 200, &type, 1, (struct yt_str){ text, draw(3) == 0 ? 0 : draw(sizeof(text)) }) <= 0,
	        "an answer's result");
}

static void drop(struct http2_stream *s)
{
	run.state[s->name] = OVER;
	http2_drop(s, NGHTTP2_INTERNAL_ERROR);
}

static void forget_later(const struct http2_stream *s)
{
	for (size_t i = 0; i < LATER_MAX; i++)
		if (run.later[i] == s)
			run.later[i] = NULL;
}

static void answer_later(struct http2_stream *s)
{
	for (size_t i = 0; i < LATER_MAX; i++)
		if (run.later[i] == NULL) {
			run.later[i] = s;
			return;
		}
	drop(s);
}

static void on_open(struct http2_stream *s)
{
	s->name = ++run.n_streams;
	check(s->name < STREAMS_MAX && s->h2->n_open <= limits.streams, "too many streams");
	run.state[s->name] = OPEN;
}

static void check_message(const struct http2_message *m)
{
	check(m->body.n <= limits.body_bytes && m->n_fields <= limits.fields + 5, "a message beyond its limits");
	check(run.is_client ? m->status >= 200 && m->status <= 599 : m->method.n > 0 && m->target.n > 0,
	        "a message without its beginning");
	for (size_t i = 0; i < m->n_fields; i++) {
		check(m->fields[i].name.n > 0 && m->fields[i].name.p[0] != ':', "a field without a name");
		check(memchr(m->fields[i].value.p, '\n', m->fields[i].value.n) == NULL, "a field of two lines");
	}
}

static void on_message(struct http2_stream *s, const struct http2_message *m)
{
	unsigned how = draw(8);

	check(run.state[s->name] == OPEN, "told of twice");
	check_message(m);
	run.state[s->name] = run.is_client ? OVER : TOLD;
	if (run.is_client)
		return;
	if (how == 0)
		drop(s);
	else if (how == 1)
		http2_refuse(s, 403, "not welcome");
	else if (how < 4)
		answer_later(s);
	else
		answer(s);
}

static void on_refused(struct http2_stream *s, int status, const char *why)
{
	check(run.state[s->name] == OPEN || run.state[s->name] == TOLD, "refused after its answer");
	check(status >= 400 && why != NULL, "refused without a reason");
	run.state[s->name] = REFUSED;
	forget_later(s);
}

static void on_sent(struct http2_stream *s)
{
	check(run.state[s->name] == ANSWERED || run.state[s->name] == REFUSED, "sent what nobody answered");
	run.state[s->name] = OVER;
}

static void on_lost(struct http2_stream *s, const char *why)
{
	check(run.state[s->name] != OVER && why != NULL, "lost after its end");
	run.state[s->name] = OVER;
	forget_later(s);
}

/* ---- a connection ---- */

static void ask(struct http2 *h2)
{
	struct yt_header type = { YT_STR("Content-Type"), YT_STR("application/json") };
	struct http2_stream *s;

	if (!http2_has_room(h2))
		return;
	s = http2_request(h2, YT_STR("POST"), YT_STR("platform:443"), YT_STR("/call"), &type, 1,
	        (struct yt_str){ PREFACE, draw(2) * (sizeof(PREFACE) - 1) });
	check(s != NULL, "no room where there was some");
	s->name = ++run.n_streams;
	run.state[s->name] = OPEN;
}

/* What the owner does between two looks at the socket. */
static void act(struct http2 *h2)
{
	unsigned what = draw(16);

	for (size_t i = 0; i < LATER_MAX && !run.is_client && what < 6; i++) {
		struct http2_stream *s = run.later[i];

		run.later[i] = NULL;
		if (s != NULL && what == 0)
			drop(s);
		else if (s != NULL)
			answer(s); /* and what it flushes may end others */
	}
	if (run.is_client && what < 10)
		ask(h2);
	if (what == 14)
		http2_drain(h2);
	if (what == 15 && draw(8) == 0)
		http2_end(h2);
	if (h2->wire->writing && draw(2) == 0)
		h2->wire->writing = false; /* on_drained */
}

static void talk(struct http2 *h2)
{
	int rv = http2_flush(h2);

	for (unsigned idle = 0; rv == 0 && idle < 12;) {
		rv = http2_input(h2);
		check(h2->buffered <= (uint64_t)limits.buffered_bytes + 8 * limits.body_bytes, "too much is held");
		if (rv == 0)
			act(h2);
		if (rv == 0)
			rv = http2_flush(h2);
		idle = run.n > 0 ? 0 : idle + 1;
	}
	check(rv == 0 || h2->why != NULL, "over without a reason");
}

static void converse(const uint8_t *octets, size_t n)
{
	static const struct http2_events events = { on_open, on_message, on_refused, on_sent, on_lost };
	static uv_loop_t loop;
	static struct wire_hub hub;
	struct wire wire = { .hub = &hub, .in_n = n };
	struct http2_env env;
	struct http2 *h2;

	if (hub.loop == NULL)
		uv_loop_init(hub.loop = &loop);
	run.p = octets;
	run.n = n;
	check(http2_env_init(&env, run.is_client, &limits, &events) == 0, "out of memory");
	h2 = http2_new(&env, &wire, NULL);
	check(h2 != NULL, "out of memory");
	if (run.is_client)
		ask(h2), ask(h2);
	talk(h2);
	http2_free(h2, "over");
	for (uint64_t i = 1; i <= run.n_streams; i++)
		check(run.state[i] == OVER, "a stream of which no end was told");
	http2_env_free(&env);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t octets[1 << 16];
	size_t n = 0;

	if (size < 2 || size > 1 << 15)
		return 0;
	memset(&run, 0, sizeof(run));
	run.is_client = (data[0] & 1) != 0;
	run.seed = data[1];
	if ((data[0] & 2) == 0) {
		n = run.is_client ? 0 : sizeof(PREFACE) - 1;
		memcpy(octets, PREFACE, n);
		memcpy(octets + n, SETTINGS, sizeof(SETTINGS) - 1);
		n += sizeof(SETTINGS) - 1;
	}
	memcpy(octets + n, data + 2, size - 2);
	converse(octets, n + size - 2);
	return 0;
}
