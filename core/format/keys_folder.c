/* core/format/keys_folder.c - the back end that keeps the journal's keys in files.
 *
 * They are read once and kept in memory. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "base/words.h"
#include "format/keys_parts.h"
#include "format/sm.h"
#include "yitong/charset.h"

#define MASTER_LEN (SM4_KEY_LEN + SM3_LEN)
#define WRAP_MORE (SM4_IV_LEN + SM3_LEN) /* what wrapping adds to a key */

struct folder {
	EVP_PKEY *anchor;
	struct sm4_ctr *cipher; /* both under the master key, ... */
	struct sm3_hmac *mac;
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

	/* OpenSSL and libgcrypt wipe private numbers and key schedules themselves when they free them. */
	EVP_PKEY_free(f->anchor);
	sm4_ctr_free(f->cipher);
	sm3_hmac_free(f->mac);
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

static bool parse_master(const struct yt_buf *text, uint8_t key[MASTER_LEN])
{
	size_t n = text->n;

	while (n > 0 && (text->p[n - 1] == '\n' || text->p[n - 1] == '\r'))
		n--;
	return yt_hex_read((struct yt_str){ (const char *)text->p, n }, key, MASTER_LEN) == 0;
}

static int folder_master(struct folder *f, const char *file, char *why, size_t size)
{
	struct yt_buf text = { 0 };
	uint8_t key[MASTER_LEN];
	int rv = keys_read_file(file, &text, true, why, size);

	if (rv != 0)
		goto out;
	rv = YT_ECONF;
	if (!parse_master(&text, key)) {
		snprintf(why, size, _("%s: must hold %d hex digits; make one with `openssl rand -hex %d`"), file,
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
	int rv = keys_read_file(file, &text, true, why, size);

	if (rv == 0) {
		f->anchor = sm2_private_from_pem(yt_buf_view(&text));
		if (f->anchor == NULL) {
			snprintf(why, size,
			        _("%s: is no SM2 private key in PEM without passphrase; make one with "
			          "`openssl genpkey -algorithm SM2`"),
			        file);
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
		snprintf(why, size, "%s", _("the key folder's path is too long"));
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

	snprintf(why, size, "%s", _("out of memory"));
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
