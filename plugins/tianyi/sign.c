/* plugins/tianyi/sign.c - the header fields of insurer.md 6.2: HMAC-SM3 over method, path, time, nonce and body.
 *
 * core asks here before each try of a request (ty_http_request), when an answer is there (ty_http_verify_reply), and
 * on the listener for what the insurer tells us (ty_http_verify, ty_http_reply).  A core that knows only of header
 * signatures can neither sign nor verify with this format: both are then refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tianyi.h"

#define NONCES 65536 /* remembered: more than 100 a second in ten minutes */
#define WAYS 4
#define NONCE_KEPT_MS INT64_C(600000)

struct ty_nonces {
	uint64_t seed[2];
	struct {
		uint64_t hash;
		int64_t until_ms;
	} slot[NONCES / WAYS][WAYS];
};

/* -- the text and its code ----------------------------------------------------------------------- */

struct signed_text {
	struct yt_str first, path, app_id, time, nonce, body; /* first: method, or RESPONSE and status */
};

static int mac_of(struct yt_plugin *self, struct yt_str key, const struct signed_text *t, char out[65])
{
	struct yt_buf text = { 0 }, hex = { 0 };
	struct yt_piece piece;
	uint8_t digest[32], mac[32];
	int rv;

	yt_sm3(t->body, digest);
	yt_buf_printf(&text, "%.*s\n%.*s\n%.*s\n%.*s\n%.*s\n", YT_FMT(t->first), YT_FMT(t->path), YT_FMT(t->app_id),
	        YT_FMT(t->time), YT_FMT(t->nonce));
	yt_hex_add(&text, digest, sizeof(digest), false);
	piece = YT_PIECE(yt_buf_view(&text));
	rv = text.failed ? YT_ENOMEM : yt_key_hmac(self, YT_HMAC_SM3, key, &piece, 1, mac);
	if (rv == 0)
		yt_hex_add(&hex, mac, sizeof(mac), false);
	if (rv == 0 && hex.failed)
		rv = YT_ENOMEM;
	if (rv == 0)
		snprintf(out, 65, "%.*s", (int)hex.n, (const char *)hex.p);
	yt_buf_free(&text);
	yt_buf_free(&hex);
	return rv;
}

/* Takes the same time whichever digit differs. */
static bool is_mac(struct yt_str given, const char wanted[65])
{
	unsigned differs = 0;

	for (size_t i = 0; i < 64 && given.n == 64; i++)
		differs |= (unsigned)(unsigned char)given.p[i] ^ (unsigned)(unsigned char)wanted[i];
	return given.n == 64 && differs == 0;
}

/* -- headers ------------------------------------------------------------------------------------- */

static bool is_name(struct yt_str name, const char *wanted)
{
	size_t i = 0;

	for (; i < name.n && wanted[i] != '\0'; i++)
		if ((name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] + 32 : name.p[i]) != wanted[i])
			return false;
	return i == name.n && wanted[i] == '\0';
}

/* The one header of that name; empty when there is none or more than one. */
static struct yt_str header(const struct yt_header *headers, size_t n, const char *name)
{
	struct yt_str found = { NULL, 0 };
	unsigned times = 0;

	for (size_t i = 0; i < n; i++)
		if (is_name(headers[i].name, name)) {
			found = headers[i].value;
			times++;
		}
	return times == 1 ? found : (struct yt_str){ NULL, 0 };
}

struct yt_str ty_sender(struct yt_plugin *self, const struct yt_header *headers, size_t n)
{
	(void)self;
	return header(headers, n, "x-app-id");
}

static int deny(struct yt_fault *fault, const char *name, const char *why)
{
	ins_refuse(fault, "", name, why);
	return YT_EDENIED;
}

/* Without method, path and body there is nothing to sign and nothing to check. */
int ty_verify(struct yt_plugin *self, const struct yt_header *headers, size_t n, struct yt_str key, int64_t now_ms,
        struct yt_fault *fault)
{
	(void)self, (void)headers, (void)n, (void)key, (void)now_ms;
	return deny(fault, "x-sign", "is over path and body too, which this listener does not give");
}

int ty_sign(struct yt_plugin *self, struct yt_arena *arena, int64_t now_ms, struct yt_header *out, size_t max)
{
	(void)self, (void)arena, (void)now_ms, (void)out, (void)max;
	return YT_ESTATE;
}

static bool put(struct yt_http *http, size_t room, const char *name, struct yt_str value)
{
	if (http->n_headers == room || value.p == NULL)
		return false;
	http->headers[http->n_headers++] = (struct yt_header){ yt_str(name), value };
	return true;
}

/* Time, nonce and signature of one message. */
static int put_signature(struct yt_plugin *self, struct yt_str key, struct yt_arena *arena, int64_t now_ms,
        struct yt_str first, struct yt_http *out, size_t room)
{
	const struct ty *ty = yt_plugin_ctx(self);
	struct signed_text t = { .first = first, .path = out->path, .app_id = ty->app_id, .body = out->body };
	uint8_t random[8];
	char mac[65];
	int rv;

	yt_random(random, sizeof(random));
	t.time = yt_arena_printf(arena, "%013lld", (long long)now_ms);
	t.nonce = yt_arena_printf(arena, "%02x%02x%02x%02x%02x%02x%02x%02x", random[0], random[1], random[2], random[3],
	        random[4], random[5], random[6], random[7]);
	rv = t.time.p == NULL || t.nonce.p == NULL ? YT_ENOMEM : mac_of(self, key, &t, mac);
	if (rv != 0)
		return rv;
	if (!put(out, room, "x-app-id", ty->app_id) || !put(out, room, "x-timestamp", t.time) ||
	        !put(out, room, "x-nonce", t.nonce) || !put(out, room, "x-sign-alg", YT_STR("HMAC-SM3")) ||
	        !put(out, room, "x-sign", yt_arena_copy(arena, yt_str(mac))))
		return YT_ENOMEM;
	return 0;
}

/* The number at the beginning of a body that this plugin wrote. */
static struct yt_str number_in(struct yt_str body)
{
	static const char *const begins[] = { "{\"requestNo\":\"", "{\"eventId\":\"" };

	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(begins[i]);
		const char *end;

		if (!yt_str_starts(body, begins[i]))
			continue;
		end = memchr(body.p + n, '"', body.n - n);
		if (end != NULL)
			return (struct yt_str){ body.p + n, (size_t)(end - body.p) - n };
	}
	return (struct yt_str){ NULL, 0 };
}

int ty_http_request(struct yt_plugin *self, struct yt_str octets, struct yt_str base, struct yt_arena *arena,
        int64_t now_ms, struct yt_http *out)
{
	const struct ty *ty = yt_plugin_ctx(self);
	size_t room = out->n_headers;
	struct ty_call call;
	int rv;

	ty_call_read(ty, octets, (struct yt_str){ NULL, 0 }, &call);
	out->n_headers = 0;
	out->status = 0;
	if (call.wire == NULL || !call.has_line || ty_call_path(ty, &call, arena, &out->path) != 0)
		return YT_EFORMAT;
	while (base.n > 0 && base.p[base.n - 1] == '/')
		base.n--;
	if (base.n > 0)
		out->path = yt_arena_printf(arena, "%.*s%.*s", YT_FMT(base), YT_FMT(out->path));
	if (out->path.p == NULL)
		return YT_ENOMEM;
	out->method = call.verb == TY_GET ? YT_STR("GET") : YT_STR("POST");
	out->body = call.body;
	rv = put_signature(self, ty->key, arena, now_ms, out->method, out, room);
	if (rv == 0 && call.verb == TY_POST && !put(out, room, "idempotency-key", number_in(call.body)))
		rv = YT_EFORMAT;
	if (rv == 0 && call.number.n > 0 && !put(out, room, "x-trace-id", call.number))
		rv = YT_ENOMEM;
	if (rv == 0 && ty->is_11 && !put(out, room, "x-ty-version", YT_STR("1.1")))
		rv = YT_ENOMEM;
	return rv;
}

int ty_http_reply(struct yt_plugin *self, const struct yt_msg *msg, const struct yt_reply *reply, struct yt_str octets,
        struct yt_str key, struct yt_arena *arena, int64_t now_ms, struct yt_http *out)
{
	const struct ty *ty = yt_plugin_ctx(self);
	size_t room = out->n_headers;
	struct yt_str first;

	(void)reply;
	out->n_headers = 0;
	out->status = ty_status_of(ty_code_in(octets), msg);
	out->path = msg->path;
	out->body = octets;
	first = yt_arena_printf(arena, "RESPONSE\n%d", out->status);
	if (first.p == NULL)
		return YT_ENOMEM;
	return put_signature(self, key.n > 0 ? key : ty->key, arena, now_ms, first, out, room);
}

/* -- checking ------------------------------------------------------------------------------------ */

static uint64_t hash_of(const struct ty_nonces *nonces, struct yt_str s)
{
	uint64_t h = nonces->seed[0];

	for (size_t i = 0; i < s.n; i++) {
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x9E3779B97F4A7C15);
		h ^= h >> 31;
	}
	return (h ^ nonces->seed[1]) | 1;
}

/* False: it was used before.  Where four share a place, the oldest of them is forgotten. */
static bool take_nonce(struct ty *ty, struct yt_str nonce, int64_t now_ms)
{
	size_t oldest = 0, at;
	uint64_t hash;

	if (ty->nonces == NULL) {
		ty->nonces = calloc(1, sizeof(*ty->nonces));
		if (ty->nonces == NULL)
			return false;
		yt_random(ty->nonces->seed, sizeof(ty->nonces->seed));
	}
	hash = hash_of(ty->nonces, nonce);
	at = (hash >> 16) % (NONCES / WAYS);
	for (size_t i = 0; i < WAYS; i++) {
		if (ty->nonces->slot[at][i].hash == hash && ty->nonces->slot[at][i].until_ms > now_ms)
			return false;
		if (ty->nonces->slot[at][i].until_ms < ty->nonces->slot[at][oldest].until_ms)
			oldest = i;
	}
	ty->nonces->slot[at][oldest].hash = hash;
	ty->nonces->slot[at][oldest].until_ms = now_ms + NONCE_KEPT_MS;
	return true;
}

static bool is_hex(struct yt_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
			return false;
	return s.n >= 16 && s.n <= 32;
}

static int check_time(const struct ty *ty, struct yt_str time, int64_t now_ms, struct yt_fault *fault)
{
	int64_t ms = 0;

	for (size_t i = 0; i < time.n && time.n == 13; i++)
		ms = time.p[i] >= '0' && time.p[i] <= '9' && ms >= 0 ? ms * 10 + (time.p[i] - '0') : -1;
	if (time.n != 13 || ms < 0)
		return deny(fault, "x-timestamp", "must be milliseconds since 1970 in 13 digits");
	if (ms < now_ms - ty->window_s * 1000 || ms > now_ms + ty->window_s * 1000)
		return deny(fault, "x-timestamp", "is too far from our clock (setting window_s)");
	return 0;
}

static int check(struct yt_plugin *self, const struct yt_http *http, struct yt_str first, struct yt_str key,
        struct yt_str app_id, int64_t now_ms, struct yt_fault *fault)
{
	struct signed_text t = { .first = first,
		.path = http->path,
		.app_id = app_id,
		.time = header(http->headers, http->n_headers, "x-timestamp"),
		.nonce = header(http->headers, http->n_headers, "x-nonce"),
		.body = http->body };
	struct yt_str given = header(http->headers, http->n_headers, "x-sign");
	char wanted[65];
	int rv = check_time(yt_plugin_ctx(self), t.time, now_ms, fault);

	if (rv != 0)
		return rv;
	if (!is_hex(t.nonce))
		return deny(fault, "x-nonce", "must be 16 to 32 of 0-9 a-f");
	rv = mac_of(self, key, &t, wanted);
	if (rv != 0)
		return rv == YT_ENOMEM ? rv : deny(fault, "x-app-id", "has no secret that is configured here");
	return is_mac(given, wanted) ? 0 : deny(fault, "x-sign", "does not fit the message and the secret");
}

int ty_http_verify(struct yt_plugin *self, const struct yt_http *request, struct yt_str key, int64_t now_ms,
        struct yt_fault *fault)
{
	struct yt_str app_id = header(request->headers, request->n_headers, "x-app-id");
	struct yt_str algorithm = header(request->headers, request->n_headers, "x-sign-alg");
	struct yt_str nonce = header(request->headers, request->n_headers, "x-nonce");
	int rv;

	if (app_id.n == 0 || app_id.n > 32)
		return deny(fault, "x-app-id", "is missing or given more than once");
	if (!yt_str_is(algorithm, "HMAC-SM3"))
		return deny(fault, "x-sign-alg", "must be HMAC-SM3");
	rv = check(self, request, request->method, key, app_id, now_ms, fault);
	if (rv == 0 && !take_nonce(yt_plugin_ctx(self), nonce, now_ms))
		rv = deny(fault, "x-nonce", "was used before");
	return rv;
}

int ty_http_verify_reply(struct yt_plugin *self, struct yt_str octets, const struct yt_http *answer, int64_t now_ms,
        struct yt_fault *fault)
{
	const struct ty *ty = yt_plugin_ctx(self);
	char first[32];

	(void)octets;
	snprintf(first, sizeof(first), "RESPONSE\n%d", answer->status);
	return check(self, answer, yt_str(first), ty->key, ty->app_id, now_ms, fault);
}

/* -- telling ------------------------------------------------------------------------------------- */

/* What signs, and which of the secrets fits; *body may lack the line end that an editor puts behind it. */
int ty_explain_signature(struct yt_plugin *self, const struct yt_header *headers, size_t n, struct yt_str octets,
        const struct yt_str *keys, size_t n_keys, int64_t now_ms, struct yt_arena *arena, struct yt_buf *out)
{
	struct signed_text t = { .first = header(headers, n, ":method"),
		.path = header(headers, n, ":path"),
		.app_id = header(headers, n, "x-app-id"),
		.time = header(headers, n, "x-timestamp"),
		.nonce = header(headers, n, "x-nonce"),
		.body = octets };
	struct yt_str given = header(headers, n, "x-sign");
	struct yt_fault fault = { { 0 }, { 0 } };
	struct yt_buf hex = { 0 };
	uint8_t digest[32];
	char wanted[65];

	(void)arena;
	if (given.n == 0 || t.app_id.n == 0)
		return YT_ENOTFOUND;
	yt_sm3(t.body, digest);
	yt_hex_add(&hex, digest, sizeof(digest), false);
	yt_buf_printf(out, "caller: %.*s\nbody: %zu octets, SM3 %.*s\n", YT_FMT(t.app_id), t.body.n,
	        YT_FMT(yt_buf_view(&hex)));
	yt_buf_printf(out, "text to sign: %.*s|%.*s|%.*s|%.*s|%.*s|%.*s (| is a line end)\n", YT_FMT(t.first),
	        YT_FMT(t.path), YT_FMT(t.app_id), YT_FMT(t.time), YT_FMT(t.nonce), YT_FMT(yt_buf_view(&hex)));
	yt_buf_free(&hex);
	if (t.first.n == 0 || t.path.n == 0)
		yt_buf_text(
		        out, "slip: method and path are signed too: the capture must begin with the request line\n");
	if (check_time(yt_plugin_ctx(self), t.time, now_ms, &fault) != 0)
		yt_buf_printf(out, "time: %s %s\n", fault.path, fault.why);
	for (size_t i = 0; i < n_keys; i++) {
		if (mac_of(self, keys[i], &t, wanted) != 0 || !is_mac(given, wanted))
			continue;
		yt_buf_printf(out, "verified: yes, HMAC-SM3 with <secret %.*s>\n", YT_FMT(keys[i]));
		return out->failed ? YT_ENOMEM : 0;
	}
	if (t.body.n > 0 && t.body.p[t.body.n - 1] == '\n')
		yt_buf_text(out,
		        "slip: the body ends with a line end, which is signed if it was sent and not if it was not\n");
	yt_buf_printf(out, "verified: no: %zu secrets were tried\n", n_keys);
	return out->failed ? YT_ENOMEM : YT_EDENIED;
}
