/* core/plugin/host.c - the host services: what a plugin may ask of the program that loaded it.
 *
 * Plugins find these by name in the program (-rdynamic).  Secrets stay on this side: a plugin names a
 * key and gets a digest. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/sha256.h"
#include "format/keys.h"
#include "format/sm.h"
#include "plugin/instance.h"

void yt_plugin_ctx_set(struct yt_plugin *self, void *ctx)
{
	self->ctx = ctx;
}

void *yt_plugin_ctx(const struct yt_plugin *self)
{
	return self->ctx;
}

void yt_plugin_set_slow(struct yt_plugin *self)
{
	self->api.is_slow = true;
}

struct yt_str yt_plugin_setting(const struct yt_plugin *self, const char *key)
{
	for (size_t i = 0; i < self->n_values; i++)
		if (strcmp(self->values[i].key, key) == 0)
			return self->values[i].value;
	/* A plugin that asks for what it never declared has a mistyped key. */
	yt_require_failed(key, __FILE__, __LINE__);
}

void yt_plugin_log(const struct yt_plugin *self, enum yt_level level, const char *fmt, ...)
{
	char line[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (self->told != NULL && level == YT_ERROR &&
	        self->told[0] == '\0') { /* loader.c says it, with more around it */
		snprintf(self->told, PLUGIN_TOLD_MAX, "%s", line);
		return;
	}
	yt_log(level, self->api.name != NULL ? self->api.name : "plugin", "%s: %s", self->name, line);
}

static void hex_print(const uint8_t digest[32], bool upper, char out[65])
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";

	for (size_t i = 0; i < 32; i++) {
		out[2 * i] = digits[digest[i] >> 4];
		out[2 * i + 1] = digits[digest[i] & 15];
	}
	out[64] = '\0';
}

int yt_key_sha256_wrapped(const struct yt_plugin *self, struct yt_str key, struct yt_str before, struct yt_str after,
        bool upper, char out[65])
{
	struct yt_str parts[] = { before, { NULL, 0 }, after };
	uint8_t digest[SHA256_LEN];

	out[0] = '\0';
	if (self->keys == NULL || keys_secret(self->keys, key, &parts[1]) != 0)
		return YT_ENOTFOUND;
	yt_sha256(parts, 3, digest);
	hex_print(digest, upper, out);
	return 0;
}

/* The keys of an instance that was given none have no names. */
#define KEYS_CALL(self, call) ((self)->keys == NULL ? YT_ENOTFOUND : (call))

void yt_sm3(struct yt_str octets, uint8_t out[32])
{
	sm3(octets, out);
}

int yt_key_hmac(const struct yt_plugin *self, enum yt_hmac hmac, struct yt_str key, const struct yt_piece *pieces,
        size_t n_pieces, uint8_t *out)
{
	return KEYS_CALL(self, keys_hmac(self->keys, hmac, key, pieces, n_pieces, out));
}

int yt_key_sm2_sign(const struct yt_plugin *self, struct yt_str key, const struct yt_piece *user_id,
        const struct yt_piece *pieces, size_t n_pieces, uint8_t out[64])
{
	return KEYS_CALL(self, keys_sm2_sign(self->keys, key, user_id, pieces, n_pieces, out));
}

int yt_key_sm2_verify(const struct yt_plugin *self, struct yt_str key, const struct yt_piece *user_id,
        const struct yt_piece *pieces, size_t n_pieces, const uint8_t signature[64])
{
	return KEYS_CALL(self, keys_sm2_verify(self->keys, key, user_id, pieces, n_pieces, signature));
}

int yt_sm2_to_der(const uint8_t signature[64], struct yt_buf *out)
{
	return sm2_signature_to_der(signature, out);
}

int yt_sm2_from_der(struct yt_str der, uint8_t out[64])
{
	return sm2_signature_from_der(der, out);
}

int yt_key_sm2_encrypt(const struct yt_plugin *self, struct yt_str key, struct yt_str clear, struct yt_buf *out)
{
	return KEYS_CALL(self, keys_sm2_encrypt(self->keys, key, clear, out));
}

int yt_key_sm2_decrypt(const struct yt_plugin *self, struct yt_str key, struct yt_str sealed, struct yt_buf *out)
{
	return KEYS_CALL(self, keys_sm2_decrypt(self->keys, key, sealed, out));
}

int yt_key_sm4_encrypt(const struct yt_plugin *self, const struct yt_sm4 *how, struct yt_str clear, struct yt_buf *out)
{
	return KEYS_CALL(self, keys_sm4_encrypt(self->keys, how, clear, out));
}

int yt_key_sm4_decrypt(const struct yt_plugin *self, const struct yt_sm4 *how, struct yt_str sealed, struct yt_buf *out)
{
	return KEYS_CALL(self, keys_sm4_decrypt(self->keys, how, sealed, out));
}

int yt_key_find(const struct yt_plugin *self, struct yt_str owner, struct yt_str id, enum yt_key_kind kind,
        int64_t now_ms, struct yt_key *out)
{
	return KEYS_CALL(self, keys_find(self->keys, owner, id, kind, now_ms, out));
}

static void random_from_system(uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		YT_REQUIRE(got > 0); /* without randomness every nonce would be guessable */
		p += got;
		n -= (size_t)got;
	}
}

/* The system is asked for many bytes at once: a request takes a few, twice.  No process of ours forks and
 * goes on in the child, so nobody else has the same ones; what was given out is wiped. */
void yt_random(void *out, size_t n)
{
	static _Thread_local uint8_t pool[512];
	static _Thread_local size_t n_left;

	if (n > sizeof(pool) / 4) {
		random_from_system(out, n);
		return;
	}
	if (n > n_left) {
		random_from_system(pool, sizeof(pool));
		n_left = sizeof(pool);
	}
	n_left -= n;
	memcpy(out, pool + n_left, n);
	explicit_bzero(pool + n_left, n);
}
