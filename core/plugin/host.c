/* core/plugin/host.c - the host services: what a plugin may ask of the program that loaded it.
 *
 * Plugins find these by name in the program (-rdynamic).  Secrets stay on this side: a plugin names a
 * key and gets a digest. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/evp.h>

#include "format/keys.h"
#include "plugin/instance.h"

void yt_plugin_ctx_set(struct yt_plugin *self, void *ctx)
{
	self->ctx = ctx;
}

void *yt_plugin_ctx(const struct yt_plugin *self)
{
	return self->ctx;
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
	struct yt_str secret;
	EVP_MD_CTX *ctx;
	uint8_t digest[32];
	int rv = YT_ENOMEM;

	out[0] = '\0';
	if (self->keys == NULL || keys_secret(self->keys, key, &secret) != 0)
		return YT_ENOTFOUND;
	ctx = EVP_MD_CTX_new();
	if (ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
	        EVP_DigestUpdate(ctx, before.p, before.n) == 1 && EVP_DigestUpdate(ctx, secret.p, secret.n) == 1 &&
	        EVP_DigestUpdate(ctx, after.p, after.n) == 1 && EVP_DigestFinal_ex(ctx, digest, NULL) == 1) {
		hex_print(digest, upper, out);
		rv = 0;
	}
	EVP_MD_CTX_free(ctx);
	return rv;
}

void yt_random(void *out, size_t n)
{
	uint8_t *p = out;

	while (n > 0) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		YT_REQUIRE(got > 0); /* without randomness every nonce would be guessable */
		p += got;
		n -= (size_t)got;
	}
}
