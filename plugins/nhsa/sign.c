/* plugins/nhsa/sign.c - header signing, variant A: signature = hex(SHA256(time + secret + nonce + time)).
 *
 * nhsa_sign() makes the four headers for each try of a request of ours; nhsa_verify() checks them on a
 * request to us, after core has found the secret by nhsa_sender().  The body is not covered, so whoever
 * can read a request can send another under its headers: a nonce is good once per worker, and TLS must
 * keep the headers from being read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nhsa.h"

#define BUCKETS 4096 /* x 8 slots: some 32 000 nonces within the window; beyond that the oldest go */
#define SLOTS 8
#define NONCE_LEN 32 /* hex digits of a nonce of ours */

enum { PAASID, TIMESTAMP, NONCE, SIGNATURE };

struct nhsa_nonces {
	uint64_t seed[2]; /* so that nobody outside can make nonces that meet in one bucket */
	struct {
		uint64_t hash; /* 0: free */
		int64_t good_until_s;
	} slot[BUCKETS][SLOTS];
};

void nhsa_nonces_free(struct nhsa_nonces *nonces)
{
	free(nonces);
}

static void nonce_print(char out[NONCE_LEN])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t random[NONCE_LEN / 2];

	yt_random(random, sizeof(random));
	for (size_t i = 0; i < sizeof(random); i++) {
		out[2 * i] = digits[random[i] >> 4];
		out[2 * i + 1] = digits[random[i] & 15];
	}
}

/* At out, which has room for 20 digits. */
static struct yt_str seconds_print(int64_t seconds, char *out)
{
	char digits[20];
	size_t n = 0;

	do {
		digits[sizeof(digits) - ++n] = (char)('0' + seconds % 10);
		seconds /= 10;
	} while (seconds > 0);
	memcpy(out, digits + sizeof(digits) - n, n);
	return (struct yt_str){ out, n };
}

int nhsa_sign(struct yt_plugin *self, struct yt_arena *arena, int64_t now_ms, struct yt_header *out, size_t max)
{
	const struct nhsa *nhsa = yt_plugin_ctx(self);
	char after[64], signature[65]; /* after: nonce and time */
	struct yt_str kept, time;
	int rv;

	if (!nhsa->signs || nhsa->paasid.n == 0 || max < 4)
		return 0;
	if (nhsa->on_bus)
		return nhsa_bus_sign(self, arena, now_ms, out, max);
	nonce_print(after);
	time = seconds_print(now_ms / 1000, after + NONCE_LEN);
	kept = yt_arena_copy(arena, (struct yt_str){ after, NONCE_LEN + time.n });
	if (kept.p == NULL)
		return YT_ENOMEM;
	time.p = kept.p + NONCE_LEN;
	rv = yt_key_sha256_wrapped(self, nhsa->key, time, kept, nhsa->hex_upper, signature);
	if (rv != 0)
		return rv;
	out[PAASID].value = nhsa->paasid;
	out[TIMESTAMP].value = time;
	out[NONCE].value = (struct yt_str){ kept.p, NONCE_LEN };
	out[SIGNATURE].value = yt_arena_copy(arena, (struct yt_str){ signature, 64 });
	if (out[SIGNATURE].value.p == NULL)
		return YT_ENOMEM;
	for (size_t i = 0; i < 4; i++)
		out[i].name = yt_str(nhsa->header_name[i]);
	return 4;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool is_header(struct yt_str name, const char *wanted)
{
	size_t i;

	for (i = 0; i < name.n && wanted[i] != '\0'; i++)
		if (lower(name.p[i]) != wanted[i])
			return false;
	return i == name.n && wanted[i] == '\0';
}

/* The one header of that name; empty when there is none or more than one. */
struct yt_str nhsa_header(const struct yt_header *headers, size_t n, const char *name)
{
	struct yt_str found = { NULL, 0 };
	size_t n_found = 0;

	for (size_t i = 0; i < n && name[0] != '\0'; i++) {
		if (is_header(headers[i].name, name)) {
			found = headers[i].value;
			n_found++;
		}
	}
	return n_found == 1 ? found : (struct yt_str){ NULL, 0 };
}

struct yt_str nhsa_sender(struct yt_plugin *self, const struct yt_header *headers, size_t n)
{
	const struct nhsa *nhsa = yt_plugin_ctx(self);

	return nhsa->on_bus ? nhsa_bus_sender(headers, n) : nhsa_header(headers, n, nhsa->header_name[PAASID]);
}

static int deny(const struct nhsa *nhsa, int header, const char *why, struct yt_fault *fault)
{
	snprintf(fault->path, sizeof(fault->path), "%s", nhsa->signs ? nhsa->header_name[header] : "(headers)");
	snprintf(fault->why, sizeof(fault->why), "%s", why);
	return YT_EDENIED;
}

static bool seconds_read(struct yt_str s, int64_t *seconds)
{
	*seconds = 0;
	if (s.n == 0 || s.n > 12)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		*seconds = *seconds * 10 + (s.p[i] - '0');
	}
	return true;
}

/* Takes the same time whichever digit differs. */
static bool hex_is(struct yt_str given, const char expected[65])
{
	unsigned differs = 0;

	if (given.n != 64)
		return false;
	for (size_t i = 0; i < 64; i++)
		differs |= (unsigned)(unsigned char)lower(given.p[i]) ^ (unsigned)(unsigned char)expected[i];
	return differs == 0;
}

static uint64_t mix(uint64_t h, struct yt_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x9E3779B97F4A7C15);
		h ^= h >> 29;
	}
	return (h ^ s.n) * UINT64_C(0xBF58476D1CE4E5B9);
}

/* Remembers the nonce until its timestamp is too old to be taken again; false: it was used before. */
static bool nonce_is_new(
        struct nhsa_nonces *nonces, struct yt_str caller, struct yt_str nonce, int64_t now_s, int64_t good_until_s)
{
	uint64_t hash = mix(mix(nonces->seed[0], caller) ^ nonces->seed[1], nonce) | 1;
	size_t bucket = (hash >> 20) % BUCKETS, victim = 0;

	for (size_t i = 0; i < SLOTS; i++) {
		int64_t until = nonces->slot[bucket][i].good_until_s;

		if (nonces->slot[bucket][i].hash == hash && until >= now_s)
			return false;
		if (until < nonces->slot[bucket][victim].good_until_s)
			victim = i;
	}
	nonces->slot[bucket][victim].hash = hash;
	nonces->slot[bucket][victim].good_until_s = good_until_s;
	return true;
}

static struct nhsa_nonces *nonces_of(struct nhsa *nhsa)
{
	if (nhsa->nonces == NULL) {
		nhsa->nonces = calloc(1, sizeof(*nhsa->nonces));
		if (nhsa->nonces != NULL)
			yt_random(nhsa->nonces->seed, sizeof(nhsa->nonces->seed));
	}
	return nhsa->nonces;
}

static bool nonce_take(struct nhsa *nhsa, struct yt_str caller, struct yt_str nonce, int64_t now_s, int64_t time_s)
{
	/* Without memory for them nobody is let in. */
	return nonces_of(nhsa) != NULL && nonce_is_new(nhsa->nonces, caller, nonce, now_s, time_s + nhsa->window_s);
}

int nhsa_verify(struct yt_plugin *self, const struct yt_header *headers, size_t n, struct yt_str key, int64_t now_ms,
        struct yt_fault *fault)
{
	struct nhsa *nhsa = yt_plugin_ctx(self);
	struct yt_str value[4];
	char after[160], expected[65];
	int64_t time_s, now_s = now_ms / 1000;
	int rv;

	if (!nhsa->signs)
		return deny(nhsa, PAASID, "header signing is switched off (setting headers)", fault);
	if (nhsa->on_bus)
		return nhsa_bus_verify(self, headers, n, key, now_ms, fault);
	for (int i = 0; i < 4; i++) {
		value[i] = nhsa_header(headers, n, nhsa->header_name[i]);
		if (value[i].n == 0)
			return deny(nhsa, i, "is missing or given more than once", fault);
	}
	if (!seconds_read(value[TIMESTAMP], &time_s))
		return deny(nhsa, TIMESTAMP, "is not a time in whole seconds since 1970", fault);
	if (time_s < now_s - nhsa->window_s || time_s > now_s + nhsa->window_s)
		return deny(nhsa, TIMESTAMP, "is too far from our clock (setting window_s)", fault);
	if (value[NONCE].n > 128)
		return deny(nhsa, NONCE, "is longer than 128 bytes", fault);
	rv = snprintf(after, sizeof(after), "%.*s%.*s", YT_FMT(value[NONCE]), YT_FMT(value[TIMESTAMP]));
	if (rv != (int)(value[NONCE].n + value[TIMESTAMP].n))
		return deny(nhsa, NONCE, "has a byte that is no character", fault);
	if (yt_key_sha256_wrapped(self, key, value[TIMESTAMP], yt_str(after), false, expected) != 0)
		return deny(nhsa, PAASID, "is not known here", fault);
	if (!hex_is(value[SIGNATURE], expected))
		return deny(nhsa, SIGNATURE, "does not fit the other headers and the secret", fault);
	if (!nonce_take(nhsa, value[PAASID], value[NONCE], now_s, time_s))
		return deny(nhsa, NONCE, "was used before", fault);
	return 0;
}
