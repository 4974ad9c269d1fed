/* tests/http2_peer.c - plays the scripts of http2_peer.h: frames to octets, and what came to text. */
#include "http2_peer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

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
	uint8_t head[9] = { (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n, (uint8_t)type, (uint8_t)flags,
		(uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id };

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
		put_frame(b, (unsigned)strtoul(a, NULL, 16), (unsigned)strtoul(c, NULL, 16),
		        (unsigned)strtoul(d, NULL, 16), payload, n);
	else
		put_frame(b, 0, flag_bits(c), (unsigned)atoi(a), payload, n);
}

/* ---- answers: to text ---- */

static void say(struct h2_talk *t, const char *fmt, ...) YT_PRINTF(2, 3);
static void say(struct h2_talk *t, const char *fmt, ...)
{
	size_t n = strlen(t->text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->text + n, sizeof(t->text) - n, fmt, ap);
	va_end(ap);
}

static void say_headers(struct h2_talk *t, unsigned id, uint8_t *p, size_t n)
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
		else if (nv.namelen == 5 && memcmp(nv.name, ":path", 5) == 0)
			say(t, "%u>%.*s ", id, (int)nv.valuelen, nv.value);
		else if (nv.namelen == 5 && memcmp(nv.name, "x-sig", 5) == 0)
			say(t, "x-sig=%.*s ", (int)nv.valuelen, nv.value);
		else if (nv.namelen == 5 && memcmp(nv.name, "allow", 5) == 0)
			say(t, "allow=%.*s ", (int)nv.valuelen, nv.value);
	}
	nghttp2_hd_inflate_end_headers(t->inflater);
}

static unsigned number(const uint8_t *p)
{
	return (unsigned)p[0] << 24 | (unsigned)p[1] << 16 | (unsigned)p[2] << 8 | p[3];
}

static void say_frame(struct h2_talk *t, unsigned type, unsigned flags, unsigned id, uint8_t *p, size_t n)
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
static void listen_more(struct h2_talk *t)
{
	int n_ended = 0;

	if (t->at > sizeof(t->peer.got) / 2) { /* long talk: the frames said are forgotten */
		memmove(t->peer.got, t->peer.got + t->at, t->peer.n_got - t->at);
		t->peer.n_got -= t->at;
		t->at = 0;
	}
	peer_read_some(&t->peer);
	if (t->is_server && !t->has_begun) { /* the preface */
		if (t->peer.n_got < 24)
			return;
		t->has_begun = true;
		t->at = 24;
	}
	while (t->peer.n_got - t->at >= 9) {
		uint8_t *p = (uint8_t *)t->peer.got + t->at;
		size_t n = (size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2];

		if (t->peer.n_got - t->at < 9 + n)
			break;
		say_frame(t, p[3], p[4], number(p + 5) & 0x7fffffff, p + 9, n);
		n_ended += p[3] == 0 && (p[4] & 1) != 0;
		t->at += 9 + n;
	}
	t->n_together = t->n_together > n_ended ? t->n_together : n_ended;
}

void h2_wait(struct h2_talk *t, const char *text)
{
	while (strstr(t->text, text) == NULL && !t->peer.ended)
		listen_more(t);
	if (t->peer.ended)
		say(t, "END");
}

static void play_step(struct h2_talk *t, struct bytes *b, const char *text)
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
	peer_send(&t->peer, b->p, b->n);
	b->n = 0;
	h2_wait(t, step + 2);
}

/* The same steps again and again, each time for the next stream. */
static void play_steps(struct h2_talk *t, struct bytes *b, const char *steps, int times)
{
	for (int i = 0; i < times; i++) {
		char copy[512], one[512], *save = NULL;

		snprintf(copy, sizeof(copy), "%s", steps);
		for (char *step = strtok_r(copy, ";", &save); step != NULL; step = strtok_r(NULL, ";", &save)) {
			size_t n = 0;

			for (char *p = step; *p != '\0' && n < sizeof(one) - 8; p++) {
				if (*p == '%')
					n += (size_t)snprintf(
					        one + n, 8, step[strspn(step, " ")] == 'F' ? "%x" : "%d", 2 * i + 1);
				else
					one[n++] = *p;
			}
			one[n] = '\0';
			play_step(t, b, one);
		}
	}
}

void h2_play(struct h2_talk *t, const char *text)
{
	char *script = strdup(text), *save = NULL, *rest;
	struct bytes *b = calloc(1, sizeof(*b));

	if (*script != '!' && !t->is_server)
		put(b, MAGIC, 24);
	if (*script != '!')
		put_frame(b, 4, 0, 0, "", 0);
	for (char *step = strtok_r(script, "|", &save); step != NULL; step = strtok_r(NULL, "|", &save)) {
		long times = strtol(step, &rest, 10);

		if (times > 0 && *rest == 'x')
			play_steps(t, b, rest + 1, (int)times);
		else
			play_step(t, b, step);
	}
	if (b->n > 0)
		peer_send(&t->peer, b->p, b->n);
	free(b);
	free(script);
}

void h2_begin(struct h2_talk *t)
{
	memset(t, 0, sizeof(*t));
	nghttp2_hd_inflate_new(&t->inflater);
}

void h2_end(struct h2_talk *t)
{
	nghttp2_hd_inflate_del(t->inflater);
	if (t->is_server && t->peer.ssl != NULL) { /* unread octets would make the system cut what we said last */
		SSL_shutdown(t->peer.ssl);
		shutdown(t->peer.fd, SHUT_WR);
		while (recv(t->peer.fd, t->peer.got, sizeof(t->peer.got), 0) > 0)
			;
	}
	peer_hang_up(&t->peer, true);
}
