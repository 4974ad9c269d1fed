/* core/format/keys.c - keys by name: read from files at start, found by name or by what they are called on the wire.
 *
 * process/ opens them once from the configuration.  The journal wraps its day keys and signs its heads through
 * a back end (keys_folder.c); what plugins do with the others is in keys_use.c. */
#include "base/words.h"
#include "format/keys_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "format/sm.h"
#include "yitong/charset.h"

#define SECRET_MAX 4096
#define FILE_MAX 65536

void keys_wipe(struct yt_buf *buf)
{
	if (buf->p != NULL)
		OPENSSL_cleanse(buf->p, buf->cap);
	yt_buf_free(buf);
}

/* Refuses what others could have read, then it is no secret any more, or have written. */
static int check_file(int fd, const char *file, bool is_private, size_t *octets, char *why, size_t size)
{
	struct stat st;
	unsigned wrong;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		snprintf(why, size, _("%s: is not a regular file"), file);
		return YT_ECONF;
	}
	wrong = st.st_mode & (is_private ? 077 : 022);
	if (wrong != 0) {
		snprintf(why, size,
		        is_private ? _("%s: mode %03o lets others read a key; use `chmod 600 %s`")
		                   : _("%s: mode %03o lets others replace a key; use `chmod 644 %s`"),
		        file, (unsigned)(st.st_mode & 0777), file);
		return YT_ECONF;
	}
	if (st.st_uid != geteuid() && st.st_uid != 0) {
		snprintf(why, size, _("%s: belongs to user %u; must belong to the running user or root"), file,
		        (unsigned)st.st_uid);
		return YT_ECONF;
	}
	if (st.st_size > FILE_MAX) {
		snprintf(why, size, _("%s: is larger than a key (%d bytes)"), file, FILE_MAX);
		return YT_ECONF;
	}
	*octets = (size_t)st.st_size;
	return 0;
}

/* Reads a whole key file.  The buffer is sized beforehand so that no copy of it is left in the heap. */
int keys_read_file(const char *file, struct yt_buf *out, bool is_private, char *why, size_t size)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	size_t octets;
	uint8_t *room;
	ssize_t n;
	int rv;

	if (fd < 0) {
		snprintf(why, size, "%s: %s", file, _(strerror(errno)));
		return YT_ECONF;
	}
	rv = check_file(fd, file, is_private, &octets, why, size);
	if (rv != 0)
		goto out;
	rv = YT_ENOMEM;
	room = yt_buf_room(out, octets);
	if (room == NULL) {
		snprintf(why, size, _("%s: out of memory"), file);
		goto out;
	}
	rv = YT_ECONF;
	n = read(fd, room, octets);
	if (n < 0) {
		snprintf(why, size, "%s: %s", file, _(strerror(errno)));
		goto out;
	}
	out->n = (size_t)n;
	rv = 0;
out:
	close(fd);
	return rv;
}

int keys_open_backend(struct yt_keys **out, const struct keys_backend *backend, void *ctx)
{
	struct yt_keys *keys = calloc(1, sizeof(*keys));

	if (keys == NULL) {
		if (backend != NULL)
			backend->close(ctx);
		return YT_ENOMEM;
	}
	if (backend != NULL)
		keys->backend = *backend;
	keys->ctx = ctx;
	*out = keys;
	return 0;
}

static void named_free(struct key_named *k)
{
	keys_wipe(&k->octets);
	EVP_PKEY_free(k->pair); /* OpenSSL wipes the number */
	free(k);
}

void keys_close(struct yt_keys *keys)
{
	struct key_named *k, *next;

	if (keys == NULL)
		return;
	if (keys->backend.close != NULL)
		keys->backend.close(keys->ctx);
	HASH_ITER(hh, keys->named, k, next)
	{
		HASH_DEL(keys->named, k);
		named_free(k);
	}
	free(keys);
}

/* --- reading one --- */

static struct yt_str first_line(const struct yt_buf *text)
{
	const char *end = text->n == 0 ? NULL : memchr(text->p, '\n', text->n);
	struct yt_str line = { (const char *)text->p, end == NULL ? text->n : (size_t)(end - (const char *)text->p) };

	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

/* A secret that is no text: "hex:" and its digits. */
static bool take_hex_secret(struct yt_buf *octets)
{
	size_t n = (octets->n - 4) / 2;
	struct yt_buf clear = { 0 };
	uint8_t *to = yt_buf_room(&clear, n);
	bool is_hex = to != NULL && yt_hex_read((struct yt_str){ (char *)octets->p + 4, octets->n - 4 }, to, n) == 0;

	if (is_hex) {
		memcpy(octets->p, to, n);
		octets->n = n;
	}
	keys_wipe(&clear);
	return is_hex;
}

static int take_secret(struct key_named *k, const char *file, char *why, size_t size)
{
	k->octets.n = first_line(&k->octets).n;
	if (yt_str_starts(yt_buf_view(&k->octets), "hex:") && !take_hex_secret(&k->octets)) {
		snprintf(
		        why, size, _("%s: behind hex: must stand an even number of hex digits and nothing else"), file);
		return YT_ECONF;
	}
	if (k->octets.n > 0 && k->octets.n <= SECRET_MAX)
		return 0;
	snprintf(why, size, _("%s: the first line must hold the secret, 1 to %d bytes"), file, SECRET_MAX);
	return YT_ECONF;
}

static int take_sm4(struct key_named *k, const char *file, char *why, size_t size)
{
	uint8_t key[SM4_KEY_LEN];
	int rv = yt_hex_read(first_line(&k->octets), key, sizeof(key));

	if (rv == 0) {
		memcpy(k->octets.p, key, sizeof(key));
		k->octets.n = sizeof(key);
	} else {
		snprintf(why, size,
		        _("%s: the first line must hold 32 hex digits; make one with `openssl rand -hex 16`"), file);
		rv = YT_ECONF;
	}
	OPENSSL_cleanse(key, sizeof(key));
	return rv;
}

static int take_sm2(struct key_named *k, const char *file, char *why, size_t size)
{
	bool is_private = k->key.kind == YT_KEY_SM2_PRIVATE;
	int64_t from_ms = INT64_MIN, to_ms = INT64_MAX;

	k->pair = is_private ? sm2_private_read(yt_buf_view(&k->octets))
	                     : sm2_public_read(yt_buf_view(&k->octets), &from_ms, &to_ms);
	keys_wipe(&k->octets);
	if (k->pair == NULL) {
		snprintf(why, size,
		        is_private
		                ? _("%s: is no SM2 private key: PEM without passphrase, or 32 octets in hex or base64")
		                : _("%s: is no SM2 public key: PEM, a certificate in PEM, or the point 04 X Y in hex or base64"),
		        file);
		return YT_ECONF;
	}
	/* A certificate's own term narrows the configured one. */
	if (from_ms > k->key.from_ms)
		k->key.from_ms = from_ms;
	if (to_ms < k->key.to_ms)
		k->key.to_ms = to_ms;
	return 0;
}

static int take_kind(struct key_named *k, const char *file, char *why, size_t size)
{
	switch (k->key.kind) {
	case YT_KEY_SECRET:
		return take_secret(k, file, why, size);
	case YT_KEY_SM4:
		return take_sm4(k, file, why, size);
	default:
		return take_sm2(k, file, why, size);
	}
}

/* One piece of memory with its texts behind it. */
static struct key_named *named_new(const struct keys_spec *spec)
{
	const char *texts[] = { spec->name, spec->owner != NULL ? spec->owner : "", spec->id != NULL ? spec->id : "" };
	struct yt_str kept[3];
	size_t n = strlen(texts[0]) + strlen(texts[1]) + strlen(texts[2]);
	struct key_named *k = calloc(1, sizeof(*k) + n + 3);
	char *to;

	if (k == NULL)
		return NULL;
	to = k->texts;
	for (size_t i = 0; i < 3; i++) {
		kept[i] = (struct yt_str){ to, strlen(texts[i]) };
		memcpy(to, texts[i], kept[i].n + 1);
		to += kept[i].n + 1;
	}
	k->key = (struct yt_key){ kept[0], kept[1], kept[2], spec->kind, spec->from_ms, spec->to_ms };
	return k;
}

static bool is_called_same(const struct yt_keys *keys, const struct yt_key *key)
{
	for (const struct key_named *k = keys->owned; k != NULL; k = k->next_owned)
		if (key->id.n > 0 && k->key.kind == key->kind && yt_str_eq(k->key.owner, key->owner) &&
		        yt_str_eq(k->key.id, key->id))
			return true;
	return false;
}

int keys_add(struct yt_keys *keys, const struct keys_spec *spec, char *why, size_t size)
{
	struct key_named *k = named_new(spec);
	int rv = YT_ECONF;

	snprintf(why, size, "%s", _("out of memory"));
	if (k == NULL)
		return YT_ENOMEM;
	if (keys_named(keys, k->key.name) != NULL)
		snprintf(why, size, _("%s %s is given twice"), spec->kind == YT_KEY_SECRET ? _("secret") : _("key"),
		        spec->name);
	else if (is_called_same(keys, &k->key))
		snprintf(why, size, _("key %s: another key of owner \"%s\" has the id \"%s\" too"), spec->name,
		        k->key.owner.p, k->key.id.p);
	else
		rv = keys_read_file(spec->file, &k->octets, spec->kind != YT_KEY_SM2_PUBLIC, why, size);
	if (rv == 0)
		rv = take_kind(k, spec->file, why, size);
	if (rv == 0 && k->key.from_ms >= k->key.to_ms) {
		snprintf(why, size, _("key %s: its validity ends before it begins"), spec->name);
		rv = YT_ECONF;
	}
	if (rv != 0) {
		named_free(k);
		return rv;
	}
	HASH_ADD_KEYPTR(hh, keys->named, k->key.name.p, k->key.name.n, k);
	if (k->key.owner.n > 0) {
		k->next_owned = keys->owned;
		keys->owned = k;
	}
	return 0;
}

int keys_add_secret(struct yt_keys *keys, const char *name, const char *file, char *why, size_t size)
{
	const struct keys_spec spec = {
		.name = name, .file = file, .kind = YT_KEY_SECRET, .from_ms = INT64_MIN, .to_ms = INT64_MAX
	};

	return keys_add(keys, &spec, why, size);
}

/* --- finding --- */

const struct key_named *keys_named(const struct yt_keys *keys, struct yt_str name)
{
	struct key_named *k = NULL;

	if (keys->named != NULL && name.n > 0)
		HASH_FIND(hh, keys->named, name.p, name.n, k);
	return k;
}

int keys_get(const struct yt_keys *keys, struct yt_str name, struct yt_key *out)
{
	const struct key_named *k = keys_named(keys, name);

	if (k == NULL)
		return YT_ENOTFOUND;
	*out = k->key;
	return 0;
}

int keys_secret(const struct yt_keys *keys, struct yt_str name, struct yt_str *out)
{
	const struct key_named *k = keys_named(keys, name);

	if (k == NULL || k->key.kind != YT_KEY_SECRET)
		return YT_ENOTFOUND;
	*out = yt_buf_view(&k->octets);
	return 0;
}

/* Whether a key serves where that kind is asked for: a private one verifies as well. */
static bool serves(const struct yt_key *key, enum yt_key_kind kind)
{
	return key->kind == kind || (kind == YT_KEY_SM2_PUBLIC && key->kind == YT_KEY_SM2_PRIVATE);
}

static bool is_valid(const struct yt_key *key, int64_t now_ms)
{
	return now_ms >= key->from_ms && now_ms < key->to_ms;
}

/* Of two that fit: the valid one, then the one whose validity began last. */
static bool is_better(const struct yt_key *a, const struct yt_key *b, int64_t now_ms)
{
	if (is_valid(a, now_ms) != is_valid(b, now_ms))
		return is_valid(a, now_ms);
	return a->from_ms > b->from_ms || (a->from_ms == b->from_ms && a->kind == YT_KEY_SM2_PRIVATE);
}

int keys_find(const struct yt_keys *keys, struct yt_str owner, struct yt_str id, enum yt_key_kind kind, int64_t now_ms,
        struct yt_key *out)
{
	const struct yt_key *best = NULL;

	for (const struct key_named *k = keys->owned; k != NULL; k = k->next_owned) {
		if (!serves(&k->key, kind) || !yt_str_eq(k->key.owner, owner) ||
		        (id.n > 0 && !yt_str_eq(k->key.id, id)))
			continue;
		if (best == NULL || is_better(&k->key, best, now_ms))
			best = &k->key;
	}
	if (best == NULL)
		return YT_ENOTFOUND;
	*out = *best;
	return is_valid(best, now_ms) ? 0 : YT_ESTATE;
}

int keys_sign_sm2(const struct yt_keys *keys, struct yt_str name, struct yt_str data, struct yt_buf *signature)
{
	return keys->backend.sign_sm2 == NULL ? YT_ENOTFOUND : keys->backend.sign_sm2(keys->ctx, name, data, signature);
}

int keys_public_sm2(const struct yt_keys *keys, struct yt_str name, struct yt_buf *pem)
{
	return keys->backend.public_sm2 == NULL ? YT_ENOTFOUND : keys->backend.public_sm2(keys->ctx, name, pem);
}

int keys_wrap(const struct yt_keys *keys, struct yt_str purpose, struct yt_str clear, struct yt_buf *wrapped)
{
	return keys->backend.wrap == NULL ? YT_ENOTFOUND : keys->backend.wrap(keys->ctx, purpose, clear, wrapped);
}

int keys_unwrap(const struct yt_keys *keys, struct yt_str purpose, struct yt_str wrapped, struct yt_buf *clear)
{
	return keys->backend.unwrap == NULL ? YT_ENOTFOUND : keys->backend.unwrap(keys->ctx, purpose, wrapped, clear);
}
