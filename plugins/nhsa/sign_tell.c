/* plugins/nhsa/sign_tell.c - which variant signed these headers, with which secret, and what differs otherwise.
 *
 * For `yitong sign-explain`: tries what sign.c (A) and sign_bus.c (A2) make and check, for each secret, whatever this
 * instance is set to.  A secret stands in what is printed as <secret NAME>. */
#include <stdio.h>
#include <string.h>

#include "nhsa.h"

enum { PAASID, TIMESTAMP, NONCE, SIGNATURE };

static const char *const prefixes[] = { "x-tif", "x-rio" };
static const char *const parts[] = { "paasid", "timestamp", "nonce", "signature" };
static const char *const bus_names[] = { "_api_access_key", "_api_name", "_api_timestamp", "_api_version" };

static bool same_text(struct yt_str given, const char *expected, bool any_case)
{
	return given.n == strlen(expected) &&
	       (any_case ? strncasecmp(given.p, expected, given.n) : memcmp(given.p, expected, given.n)) == 0;
}

static void tell_time(struct yt_str text, int64_t now_ms, const char *unit, struct yt_buf *out)
{
	int64_t value = 0;
	char clock[20];

	for (size_t i = 0; i < text.n && i < 15; i++)
		value = text.p[i] >= '0' && text.p[i] <= '9' ? value * 10 + (text.p[i] - '0') : -(INT64_C(1) << 60);
	if (text.n == 0 || text.n > 15 || value < 0) {
		yt_buf_printf(out, "time: is not a number of %s since 1970\n", unit);
		return;
	}
	if (text.n > 11) { /* only milliseconds have so many digits */
		if (unit[0] == 's')
			yt_buf_text(out, "time: looks like milliseconds; this variant wants whole seconds\n");
		value /= 1000;
	}
	yt_time_print(value * 1000, clock);
	yt_buf_printf(out, "time: %s, %lld s %s our clock\n", clock,
	        (long long)(value * 1000 < now_ms ? now_ms / 1000 - value : value - now_ms / 1000),
	        value * 1000 <= now_ms ? "behind" : "ahead of");
}

/* -- variant A ---------------------------------------------------------------------------------- */

static struct yt_str joined(struct yt_arena *arena, struct yt_str a, struct yt_str b)
{
	return yt_arena_printf(arena, "%.*s%.*s", YT_FMT(a), YT_FMT(b));
}

/* What goes wrong most: the same parts in another order. */
static void tell_slips(struct yt_plugin *self, const struct yt_str value[4], struct yt_str key, struct yt_arena *arena,
        struct yt_buf *out)
{
	const struct slip {
		const char *what;
		struct yt_str before, after;
	} slips[] = {
		{ "without the time at the end", value[TIMESTAMP], value[NONCE] },
		{ "with the nonce first", value[NONCE], value[TIMESTAMP] },
		{ "with nonce and time before the secret", joined(arena, value[NONCE], value[TIMESTAMP]), { "", 0 } },
		{ "with time and nonce before the secret", joined(arena, value[TIMESTAMP], value[NONCE]), { "", 0 } },
		{ "without the time at the beginning", { "", 0 }, joined(arena, value[NONCE], value[TIMESTAMP]) },
	};
	char hex[65];

	for (size_t i = 0; i < sizeof(slips) / sizeof(slips[0]); i++)
		if (yt_key_sha256_wrapped(self, key, slips[i].before, slips[i].after, false, hex) == 0 &&
		        same_text(value[SIGNATURE], hex, true))
			yt_buf_printf(out, "slip: with the secret %.*s it would fit %s\n", YT_FMT(key), slips[i].what);
}

static int tell_a(struct yt_plugin *self, const char *prefix, const struct yt_str value[4], const struct yt_str *keys,
        size_t n_keys, int64_t now_ms, struct yt_arena *arena, struct yt_buf *out)
{
	struct yt_str after = joined(arena, value[NONCE], value[TIMESTAMP]);
	int rv = YT_EDENIED;
	char hex[65];

	yt_buf_printf(out, "variant: A, headers %s-*\ncaller: %.*s\n", prefix, YT_FMT(value[PAASID]));
	yt_buf_printf(out, "string to sign: %.*s<secret>%.*s\n", YT_FMT(value[TIMESTAMP]), YT_FMT(after));
	yt_buf_text(out, "digest: SHA-256 of that, in hex; the body is not covered\n");
	tell_time(value[TIMESTAMP], now_ms, "seconds", out);
	for (size_t i = 0; i < n_keys; i++) {
		if (yt_key_sha256_wrapped(self, keys[i], value[TIMESTAMP], after, false, hex) != 0)
			continue;
		if (same_text(value[SIGNATURE], hex, true)) {
			bool lower = same_text(value[SIGNATURE], hex, false);

			yt_buf_printf(out, "verified: with the secret %.*s, hex in %s case (both are taken)\n",
			        YT_FMT(keys[i]), lower ? "lower" : "upper or mixed");
			return 0;
		}
		yt_buf_printf(out, "expected: %s with <secret %.*s>\n", hex, YT_FMT(keys[i]));
		tell_slips(self, value, keys[i], arena, out);
	}
	yt_buf_printf(out, "given: %.*s\n", YT_FMT(value[SIGNATURE]));
	if (value[SIGNATURE].n != 64)
		yt_buf_printf(
		        out, "slip: a signature of this variant has 64 hex digits, not %zu\n", value[SIGNATURE].n);
	return rv;
}

/* -- variant A2 --------------------------------------------------------------------------------- */

static int tell_bus(struct yt_plugin *self, const struct yt_str value[4], struct yt_str given,
        const struct yt_str *keys, size_t n_keys, int64_t now_ms, struct yt_buf *out)
{
	struct yt_buf text = { 0 }, base64 = { 0 };
	struct yt_piece piece;
	uint8_t mac[20];
	int rv = YT_EDENIED;

	for (size_t i = 0; i < 4; i++)
		yt_buf_printf(&text, "%s%s=%.*s", i > 0 ? "&" : "", bus_names[i], YT_FMT(value[i]));
	yt_buf_printf(out, "variant: A2, headers _api_*\ncaller: %.*s\nstring to sign: %.*s\n", YT_FMT(value[0]),
	        YT_FMT(yt_buf_view(&text)));
	yt_buf_text(out, "digest: HMAC-SHA1 of that, in Base64; the body is not covered\n");
	tell_time(value[2], now_ms, "milliseconds", out);
	piece = YT_PIECE(yt_buf_view(&text));
	for (size_t i = 0; i < n_keys && rv != 0; i++) {
		if (yt_key_hmac(self, YT_HMAC_SHA1, keys[i], &piece, 1, mac) != 0)
			continue;
		yt_buf_clear(&base64);
		nhsa_put_base64((struct yt_str){ (const char *)mac, sizeof(mac) }, &base64);
		rv = yt_str_eq(yt_buf_view(&base64), given) ? 0 : YT_EDENIED;
		yt_buf_printf(out,
		        rv == 0 ? "verified: %.*s with the secret %.*s\n" : "expected: %.*s with <secret %.*s>\n",
		        YT_FMT(yt_buf_view(&base64)), YT_FMT(keys[i]));
	}
	if (rv != 0)
		yt_buf_printf(out, "given: %.*s\n", YT_FMT(given));
	yt_buf_free(&text);
	yt_buf_free(&base64);
	return rv;
}

int nhsa_explain_signature(struct yt_plugin *self, const struct yt_header *headers, size_t n, struct yt_str octets,
        const struct yt_str *keys, size_t n_keys, int64_t now_ms, struct yt_arena *arena, struct yt_buf *out)
{
	struct yt_str value[4], given = nhsa_header(headers, n, "_api_signature");
	int rv = YT_ENOTFOUND;
	char name[32];

	(void)octets; /* neither variant signs the body */
	for (size_t p = 0; p < 2 && rv == YT_ENOTFOUND; p++) {
		size_t n_found = 0;

		for (size_t i = 0; i < 4; i++) {
			snprintf(name, sizeof(name), "%s-%s", prefixes[p], parts[i]);
			value[i] = nhsa_header(headers, n, name);
			n_found += value[i].n > 0;
		}
		for (size_t i = 0; n_found > 0 && i < 4; i++)
			if (value[i].n == 0)
				yt_buf_printf(
				        out, "missing: %s-%s, or it is given more than once\n", prefixes[p], parts[i]);
		if (n_found > 0)
			rv = n_found < 4 ? YT_EDENIED
			                 : tell_a(self, prefixes[p], value, keys, n_keys, now_ms, arena, out);
	}
	if (rv != YT_ENOTFOUND || given.n == 0)
		return out->failed ? YT_ENOMEM : rv;
	for (size_t i = 0; i < 4; i++) {
		value[i] = nhsa_header(headers, n, bus_names[i]);
		if (value[i].n == 0)
			yt_buf_printf(out, "missing: %s, or it is given more than once\n", bus_names[i]);
	}
	rv = tell_bus(self, value, given, keys, n_keys, now_ms, out);
	return out->failed ? YT_ENOMEM : rv;
}
