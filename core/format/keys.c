/* core/format/keys.c - keys by name, and the back end that keeps them in files.
 *
 * process/ opens them once from the configuration; the journal wraps its day keys and signs its heads
 * with them, the plugins' host services find the header secrets here. */
#include "format/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "format/sm.h"

#define SECRET_MAX 4096
#define FILE_MAX 65536
#define MASTER_LEN (SM4_KEY_LEN + SM3_LEN)
#define WRAP_MORE (SM4_IV_LEN + SM3_LEN) /* what wrapping adds to a key */

struct secret {
	struct secret *next;
	struct yt_buf value;
	char name[];
};

struct yt_keys {
	struct keys_backend backend; /* all NULL: secrets only */
	void *ctx;
	struct secret *secrets;
};

void keys_wipe(struct yt_buf *buf)
{
	if (buf->p != NULL)
		OPENSSL_cleanse(buf->p, buf->cap);
	yt_buf_free(buf);
}

/* Refuses what others could have read: then it is no secret any more. */
static int check_file(int fd, const char *file, char *why, size_t size)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		snprintf(why, size, "%s: is not a regular file", file);
		return YT_ECONF;
	}
	if ((st.st_mode & 077) != 0) {
		snprintf(why, size, "%s: mode %03o lets others read a key; use `chmod 600 %s`", file,
			(unsigned)(st.st_mode & 0777), file);
		return YT_ECONF;
	}
	if (st.st_uid != geteuid() && st.st_uid != 0) {
		snprintf(why, size, "%s: belongs to user %u; must belong to the running user or root", file,
			(unsigned)st.st_uid);
		return YT_ECONF;
	}
	if (st.st_size > FILE_MAX) {
		snprintf(why, size, "%s: is larger than a key (%d bytes)", file, FILE_MAX);
		return YT_ECONF;
	}
	return 0;
}

/* Reads a whole key file.  The buffer is sized beforehand so that no copy of it is left in the heap. */
static int read_file(const char *file, struct yt_buf *out, char *why, size_t size)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	uint8_t *room;
	ssize_t n;
	int rv;

	if (fd < 0) {
		snprintf(why, size, "%s: %s", file, strerror(errno));
		return YT_ECONF;
	}
	rv = check_file(fd, file, why, size);
	if (rv != 0)
		goto out;
	rv = YT_ENOMEM;
	room = yt_buf_room(out, FILE_MAX);
	if (room == NULL) {
		snprintf(why, size, "%s: out of memory", file);
		goto out;
	}
	rv = YT_ECONF;
	n = read(fd, room, FILE_MAX);
	if (n < 0) {
		snprintf(why, size, "%s: %s", file, strerror(errno));
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

void keys_close(struct yt_keys *keys)
{
	struct secret *s, *next;

	if (keys == NULL)
		return;
	if (keys->backend.close != NULL)
		keys->backend.close(keys->ctx);
	for (s = keys->secrets; s != NULL; s = next) {
		next = s->next;
		keys_wipe(&s->value);
		free(s);
	}
	free(keys);
}

int keys_add_secret(struct yt_keys *keys, const char *name, const char *file, char *why, size_t size)
{
	struct secret *s;
	struct yt_str old;
	uint8_t *end;
	int rv;

	if (keys_secret(keys, yt_str(name), &old) == 0) {
		snprintf(why, size, "secret %s is given twice", name);
		return YT_ECONF;
	}
	s = calloc(1, sizeof(*s) + strlen(name) + 1);
	if (s == NULL)
		return YT_ENOMEM;
	memcpy(s->name, name, strlen(name) + 1);
	rv = read_file(file, &s->value, why, size);
	if (rv != 0)
		goto fail;
	end = s->value.n == 0 ? NULL : memchr(s->value.p, '\n', s->value.n);
	if (end != NULL)
		s->value.n = (size_t)(end - s->value.p);
	if (s->value.n > 0 && s->value.p[s->value.n - 1] == '\r')
		s->value.n--;
	rv = YT_ECONF;
	if (s->value.n == 0 || s->value.n > SECRET_MAX) {
		snprintf(why, size, "%s: the first line must hold the secret, 1 to %d bytes", file, SECRET_MAX);
		goto fail;
	}
	s->next = keys->secrets;
	keys->secrets = s;
	return 0;
fail:
	keys_wipe(&s->value);
	free(s);
	return rv;
}

int keys_secret(const struct yt_keys *keys, struct yt_str name, struct yt_str *out)
{
	for (const struct secret *s = keys->secrets; s != NULL; s = s->next) {
		if (yt_str_is(name, s->name)) {
			*out = yt_buf_view(&s->value);
			return 0;
		}
	}
	return YT_ENOTFOUND;
}

int keys_sign_sm2(const struct yt_keys *keys, struct yt_str name, struct yt_str data, struct yt_buf *signature)
{
	return keys->backend.sign_sm2 == NULL ? YT_ENOTFOUND :
		keys->backend.sign_sm2(keys->ctx, name, data, signature);
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
	return keys->backend.unwrap == NULL ? YT_ENOTFOUND :
		keys->backend.unwrap(keys->ctx, purpose, wrapped, clear);
}

/* The folder back end: keys are read once and kept in memory. */

struct folder {
	EVP_PKEY *anchor;
	EVP_CIPHER_CTX *cipher; /* both under the master key, ... */
	EVP_MAC_CTX *mac;
	pthread_mutex_t lock; /* ... for one thread at a time */
};

static int folder_sign(void *ctx, struct yt_str name, struct yt_str data, struct yt_buf *signature)
{
	struct folder *f = ctx;

	return yt_str_is(name, KEYS_ANCHOR) ? sm2_sign(f->anchor, data, signature) : YT_ENOTFOUND;
}

static int folder_public(void *ctx, struct yt_str name, struct yt_buf *pem)
{
	struct folder *f = ctx;

	return yt_str_is(name, KEYS_ANCHOR) ? sm2_public_to_pem(f->anchor, pem) : YT_ENOTFOUND;
}

/* HMAC over purpose, its length and what is wrapped: one purpose's key cannot pass for another's. */
static int folder_mac(struct folder *f, struct yt_str purpose, const uint8_t *p, size_t n, uint8_t out[SM3_LEN])
{
	uint8_t len = (uint8_t)purpose.n;
	const struct yt_str parts[] = { { (const char *)&len, 1 }, purpose, { (const char *)p, n } };

	return purpose.n > UINT8_MAX ? YT_ELIMIT : sm3_hmac(f->mac, parts, 3, out);
}

static int folder_wrap(void *ctx, struct yt_str purpose, struct yt_str clear, struct yt_buf *wrapped)
{
	struct folder *f = ctx;
	size_t sealed = SM4_IV_LEN + clear.n;
	uint8_t *p = yt_buf_room(wrapped, sealed + SM3_LEN);
	int rv;

	if (p == NULL || RAND_bytes(p, SM4_IV_LEN) != 1)
		return YT_ENOMEM;
	pthread_mutex_lock(&f->lock);
	rv = sm4_ctr(f->cipher, p, (const uint8_t *)clear.p, clear.n, p + SM4_IV_LEN);
	if (rv == 0)
		rv = folder_mac(f, purpose, p, sealed, p + sealed);
	pthread_mutex_unlock(&f->lock);
	return rv;
}

static int folder_unwrap(void *ctx, struct yt_str purpose, struct yt_str wrapped, struct yt_buf *clear)
{
	struct folder *f = ctx;
	const uint8_t *p = (const uint8_t *)wrapped.p;
	uint8_t mac[SM3_LEN], *room;
	int rv;

	if (wrapped.n < WRAP_MORE)
		return YT_EDENIED;
	room = yt_buf_room(clear, wrapped.n - WRAP_MORE);
	if (room == NULL)
		return YT_ENOMEM;
	pthread_mutex_lock(&f->lock);
	rv = folder_mac(f, purpose, p, wrapped.n - SM3_LEN, mac);
	if (rv == 0 && CRYPTO_memcmp(mac, p + wrapped.n - SM3_LEN, SM3_LEN) != 0)
		rv = YT_EDENIED;
	if (rv == 0)
		rv = sm4_ctr(f->cipher, p, p + SM4_IV_LEN, wrapped.n - WRAP_MORE, room);
	pthread_mutex_unlock(&f->lock);
	return rv;
}

static void folder_close(void *ctx)
{
	struct folder *f = ctx;

	/* OpenSSL wipes key schedules and private numbers itself when it frees them. */
	EVP_PKEY_free(f->anchor);
	EVP_CIPHER_CTX_free(f->cipher);
	EVP_MAC_CTX_free(f->mac);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

static const struct keys_backend folder_backend = {
	.name = "folder",
	.sign_sm2 = folder_sign,
	.public_sm2 = folder_public,
	.wrap = folder_wrap,
	.unwrap = folder_unwrap,
	.close = folder_close,
};

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool parse_master(const struct yt_buf *text, uint8_t key[MASTER_LEN])
{
	size_t n = text->n;

	while (n > 0 && (text->p[n - 1] == '\n' || text->p[n - 1] == '\r'))
		n--;
	if (n != (size_t)2 * MASTER_LEN)
		return false;
	for (size_t i = 0; i < MASTER_LEN; i++) {
		int high = hex_digit(text->p[2 * i]), low = hex_digit(text->p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		key[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static int folder_master(struct folder *f, const char *file, char *why, size_t size)
{
	struct yt_buf text = { 0 };
	uint8_t key[MASTER_LEN];
	int rv = read_file(file, &text, why, size);

	if (rv != 0)
		goto out;
	rv = YT_ECONF;
	if (!parse_master(&text, key)) {
		snprintf(why, size, "%s: must hold %d hex digits; make one with `openssl rand -hex %d`", file,
			2 * MASTER_LEN, MASTER_LEN);
		goto out;
	}
	f->cipher = sm4_ctr_new(key);
	f->mac = sm3_hmac_new(key + SM4_KEY_LEN, SM3_LEN);
	rv = f->cipher != NULL && f->mac != NULL ? 0 : YT_ENOMEM;
out:
	OPENSSL_cleanse(key, sizeof(key));
	keys_wipe(&text);
	return rv;
}

static int folder_anchor(struct folder *f, const char *file, char *why, size_t size)
{
	struct yt_buf text = { 0 };
	int rv = read_file(file, &text, why, size);

	if (rv == 0) {
		f->anchor = sm2_private_from_pem(yt_buf_view(&text));
		if (f->anchor == NULL) {
			snprintf(why, size,
				"%s: is no SM2 private key in PEM without passphrase; make one with "
				"`openssl genpkey -algorithm SM2`", file);
			rv = YT_ECONF;
		}
	}
	keys_wipe(&text);
	return rv;
}

static int folder_open(struct folder *f, const char *folder, char *why, size_t size)
{
	char file[4096];
	int rv = YT_ECONF;

	if (snprintf(file, sizeof(file), "%s/" KEYS_ANCHOR ".key", folder) >= (int)sizeof(file)) {
		snprintf(why, size, "the key folder's path is too long");
		return rv;
	}
	rv = folder_anchor(f, file, why, size);
	if (rv == 0) {
		snprintf(file, sizeof(file), "%s/master.key", folder);
		rv = folder_master(f, file, why, size);
	}
	return rv;
}

int keys_open(struct yt_keys **out, const char *folder, char *why, size_t size)
{
	struct folder *f;
	int rv;

	snprintf(why, size, "out of memory");
	if (folder == NULL)
		return keys_open_backend(out, NULL, NULL);
	f = calloc(1, sizeof(*f));
	if (f == NULL)
		return YT_ENOMEM;
	pthread_mutex_init(&f->lock, NULL);
	rv = folder_open(f, folder, why, size);
	if (rv != 0) {
		folder_close(f);
		return rv;
	}
	return keys_open_backend(out, &folder_backend, f);
}
