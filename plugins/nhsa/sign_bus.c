/* plugins/nhsa/sign_bus.c - header signing, variant A2: an API bus in front of the platform (CSB).
 *
 * Five headers; the signature is Base64(HMAC-SHA1(secret, text)), text being the four others as name=value in the
 * order of their names, joined by &.  sign.c hands over here where the setting headers is api-bus.  There is no
 * nonce, so two requests of one second may rightly have the same signature: a repeated one is not denied. */
#include <stdio.h>
#include <string.h>

#include "nhsa.h"

enum { ACCESS_KEY, NAME, TIMESTAMP, VERSION, SIGNATURE, N_HEADERS };

static const char *const names[N_HEADERS] = { "_api_access_key", "_api_name", "_api_timestamp", "_api_version",
	"_api_signature" };

/* Base64 of 20 octets and the NUL. */
static int signature_of(
        const struct yt_plugin *self, struct yt_str key, const struct yt_str value[N_HEADERS], char out[29])
{
	struct yt_buf text = { 0 }, base64 = { 0 };
	struct yt_piece piece;
	uint8_t mac[20];
	int rv;

	for (int i = 0; i < SIGNATURE; i++)
		yt_buf_printf(&text, "%s%s=%.*s", i > 0 ? "&" : "", names[i], YT_FMT(value[i]));
	piece = YT_PIECE(yt_buf_view(&text));
	rv = text.failed ? YT_ENOMEM : yt_key_hmac(self, YT_HMAC_SHA1, key, &piece, 1, mac);
	if (rv == 0) {
		nhsa_put_base64((struct yt_str){ (const char *)mac, sizeof(mac) }, &base64);
		rv = base64.failed ? YT_ENOMEM : 0;
	}
	if (rv == 0)
		snprintf(out, 29, "%.*s", (int)base64.n, (const char *)base64.p);
	yt_buf_free(&text);
	yt_buf_free(&base64);
	return rv;
}

int nhsa_bus_sign(struct yt_plugin *self, struct yt_arena *arena, int64_t now_ms, struct yt_header *out, size_t max)
{
	const struct nhsa *nhsa = yt_plugin_ctx(self);
	struct yt_str value[N_HEADERS] = {
		[ACCESS_KEY] = nhsa->paasid, [NAME] = nhsa->api_name, [VERSION] = nhsa->api_version
	};
	char signature[29];
	int rv;

	if (max < N_HEADERS)
		return 0;
	value[TIMESTAMP] = yt_arena_printf(arena, "%lld", (long long)(nhsa->api_seconds ? now_ms / 1000 : now_ms));
	if (value[TIMESTAMP].p == NULL)
		return YT_ENOMEM;
	rv = signature_of(self, nhsa->key, value, signature);
	if (rv != 0)
		return rv;
	value[SIGNATURE] = yt_arena_copy(arena, yt_str(signature));
	if (value[SIGNATURE].p == NULL)
		return YT_ENOMEM;
	for (int i = 0; i < N_HEADERS; i++)
		out[i] = (struct yt_header){ yt_str(names[i]), value[i] };
	return N_HEADERS;
}

static int deny(int header, const char *why, struct yt_fault *fault)
{
	snprintf(fault->path, sizeof(fault->path), "%s", names[header]);
	snprintf(fault->why, sizeof(fault->why), "%s", why);
	return YT_EDENIED;
}

/* Seconds, or milliseconds where it has the digits for them. */
static bool time_read(struct yt_str s, int64_t *seconds)
{
	int64_t value = 0;

	if (s.n == 0 || s.n > 15)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		value = value * 10 + (s.p[i] - '0');
	}
	*seconds = s.n > 11 ? value / 1000 : value;
	return true;
}

/* Takes the same time whichever letter differs. */
static bool is_same(struct yt_str given, const char expected[29])
{
	unsigned differs = given.n != 28;

	for (size_t i = 0; i < 28 && given.n == 28; i++)
		differs |= (unsigned)(unsigned char)given.p[i] ^ (unsigned)(unsigned char)expected[i];
	return differs == 0;
}

struct yt_str nhsa_bus_sender(const struct yt_header *headers, size_t n)
{
	return nhsa_header(headers, n, names[ACCESS_KEY]);
}

int nhsa_bus_verify(struct yt_plugin *self, const struct yt_header *headers, size_t n, struct yt_str key,
        int64_t now_ms, struct yt_fault *fault)
{
	const struct nhsa *nhsa = yt_plugin_ctx(self);
	struct yt_str value[N_HEADERS];
	int64_t time_s, now_s = now_ms / 1000;
	char expected[29];

	for (int i = 0; i < N_HEADERS; i++) {
		value[i] = nhsa_header(headers, n, names[i]);
		if (value[i].n == 0)
			return deny(i, "is missing or given more than once", fault);
		if (value[i].n > 256)
			return deny(i, "is longer than 256 bytes", fault);
	}
	if (!time_read(value[TIMESTAMP], &time_s))
		return deny(TIMESTAMP, "is not a time in seconds or milliseconds since 1970", fault);
	if (time_s < now_s - nhsa->window_s || time_s > now_s + nhsa->window_s)
		return deny(TIMESTAMP, "is too far from our clock (setting window_s)", fault);
	if (signature_of(self, key, value, expected) != 0)
		return deny(ACCESS_KEY, "is not known here", fault);
	if (!is_same(value[SIGNATURE], expected))
		return deny(SIGNATURE, "does not fit the other headers and the secret", fault);
	return 0;
}
