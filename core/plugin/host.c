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
	struct yt_str parts[] = { before, { NULL, 0 }, after };
	uint8_t digest[SHA256_LEN];

	out[0] = '\0';
	if (self->keys == NULL || keys_secret(self->keys, key, &parts[1]) != 0)
		return YT_ENOTFOUND;
	yt_sha256(parts, 3, digest);
	hex_print(digest, upper, out);
	return 0;
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
