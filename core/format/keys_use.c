/* core/format/keys_use.c - what is done with a key by its name: mac, sign, verify, encrypt.
 *
 * plugin/host.c calls these for plugins.  Nothing is kept between two calls, so any thread may make them. */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <string.h>

#include "format/keys_parts.h"
#include "format/sm.h"
#include "yitong/charset.h"

enum { PIECES_MAX = 16 };

/* The pieces with the secrets in their places; parts has room for PIECES_MAX. */
static int resolve(const struct yt_keys *keys, const struct yt_piece *pieces, size_t n, struct yt_str *parts)
{
	YT_REQUIRE(n <= PIECES_MAX);
	for (size_t i = 0; i < n; i++) {
		const struct key_named *k;

		parts[i] = pieces[i].text;
		if (!pieces[i].is_secret)
			continue;
		k = keys_named(keys, pieces[i].text);
		if (k == NULL)
			return YT_ENOTFOUND;
		if (k->key.kind != YT_KEY_SECRET)
			return YT_ESTATE;
		parts[i] = yt_buf_view(&k->octets);
	}
	return 0;
}

/* --- HMAC --- */

static int run_hmac(const char *digest, struct yt_str key, const struct yt_str *parts, size_t n, uint8_t *out)
{
	OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t)digest, 0),
		OSSL_PARAM_construct_end() };
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);
	int rv = YT_ENOMEM;
	size_t len;

	if (ctx == NULL || EVP_MAC_init(ctx, (const uint8_t *)key.p, key.n, params) != 1)
		goto out;
	for (size_t i = 0; i < n; i++)
		if (EVP_MAC_update(ctx, (const uint8_t *)parts[i].p, parts[i].n) != 1)
			goto out;
	rv = EVP_MAC_final(ctx, out, &len, EVP_MAC_CTX_get_mac_size(ctx)) == 1 ? 0 : YT_ENOMEM;
out:
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
	return rv;
}

int keys_hmac(const struct yt_keys *keys, enum yt_hmac hmac, struct yt_str name, const struct yt_piece *pieces,
        size_t n_pieces, uint8_t *out)
{
	static const char *const digests[] = {
		[YT_HMAC_SM3] = "SM3", [YT_HMAC_SHA256] = "SHA256", [YT_HMAC_SHA1] = "SHA1"
	};
	const struct yt_piece key = { name, true };
	struct yt_str parts[PIECES_MAX], secret;
	int rv = resolve(keys, &key, 1, &secret);

	if (rv == 0)
		rv = resolve(keys, pieces, n_pieces, parts);
	return rv != 0 ? rv : run_hmac(digests[hmac], secret, parts, n_pieces, out);
}

/* --- SM2 --- */

static int find_pair(const struct yt_keys *keys, struct yt_str name, bool needs_private, EVP_PKEY **out)
{
	const struct key_named *k = keys_named(keys, name);

	if (k == NULL)
		return YT_ENOTFOUND;
	if (k->pair == NULL || (needs_private && k->key.kind != YT_KEY_SM2_PRIVATE))
		return YT_ESTATE;
	*out = k->pair;
	return 0;
}

/* What signing and verifying need: the key, the id and the text. */
static int prepare(const struct yt_keys *keys, struct yt_str name, bool needs_private, const struct yt_piece *user_id,
        const struct yt_piece *pieces, size_t n, EVP_PKEY **pair, struct yt_str *id, struct yt_str *parts)
{
	int rv = find_pair(keys, name, needs_private, pair);

	*id = (struct yt_str){ NULL, 0 };
	if (rv == 0 && user_id != NULL)
		rv = resolve(keys, user_id, 1, id);
	return rv != 0 ? rv : resolve(keys, pieces, n, parts);
}

int keys_sm2_sign(const struct yt_keys *keys, struct yt_str name, const struct yt_piece *user_id,
        const struct yt_piece *pieces, size_t n_pieces, uint8_t out[64])
{
	struct yt_str parts[PIECES_MAX], id;
	EVP_PKEY *pair;
	int rv = prepare(keys, name, true, user_id, pieces, n_pieces, &pair, &id, parts);

	return rv != 0 ? rv : sm2_sign_parts(pair, id, parts, n_pieces, out);
}

int keys_sm2_verify(const struct yt_keys *keys, struct yt_str name, const struct yt_piece *user_id,
        const struct yt_piece *pieces, size_t n_pieces, const uint8_t signature[64])
{
	struct yt_str parts[PIECES_MAX], id;
	EVP_PKEY *pair;
	int rv = prepare(keys, name, false, user_id, pieces, n_pieces, &pair, &id, parts);

	return rv != 0 ? rv : sm2_verify_parts(pair, id, parts, n_pieces, signature);
}

int keys_sm2_encrypt(const struct yt_keys *keys, struct yt_str name, struct yt_str clear, struct yt_buf *out)
{
	EVP_PKEY *pair;
	int rv = find_pair(keys, name, false, &pair);

	if (rv == 0 && (clear.n == 0 || clear.n > SM2_CLEAR_MAX))
		rv = YT_ELIMIT;
	return rv != 0 ? rv : sm2_encrypt(pair, clear, out);
}

int keys_sm2_decrypt(const struct yt_keys *keys, struct yt_str name, struct yt_str sealed, struct yt_buf *out)
{
	EVP_PKEY *pair;
	int rv = find_pair(keys, name, true, &pair);

	return rv != 0 ? rv : sm2_decrypt(pair, sealed, out);
}

/* --- SM4 --- */

/* nhsa.md 1.6: the first 16 digits of HEX(SM4-ECB(first 16 octets of the application id, secret)), as ASCII. */
static int derive(struct yt_str secret, struct yt_str id, uint8_t key[SM4_KEY_LEN])
{
	static const struct yt_sm4 ecb = { .mode = YT_SM4_ECB };
	struct yt_buf sealed = { 0 }, digits = { 0 };
	int rv;

	if (id.n < SM4_KEY_LEN)
		return YT_EFORMAT;
	rv = sm4_encrypt((const uint8_t *)id.p, &ecb, secret, &sealed);
	if (rv == 0) {
		yt_hex_add(&digits, sealed.p, SM4_KEY_LEN / 2, true);
		if (digits.failed)
			rv = YT_ENOMEM;
		else
			memcpy(key, digits.p, SM4_KEY_LEN);
	}
	keys_wipe(&sealed);
	keys_wipe(&digits);
	return rv;
}

static int sm4_key(const struct yt_keys *keys, const struct yt_sm4 *how, uint8_t key[SM4_KEY_LEN])
{
	const struct key_named *k = keys_named(keys, how->key);

	if (k == NULL)
		return YT_ENOTFOUND;
	if (how->derive.n > 0)
		return k->key.kind == YT_KEY_SECRET ? derive(yt_buf_view(&k->octets), how->derive, key) : YT_ESTATE;
	if (k->octets.n != SM4_KEY_LEN)
		return YT_ESTATE;
	memcpy(key, k->octets.p, SM4_KEY_LEN);
	return 0;
}

int keys_sm4_encrypt(const struct yt_keys *keys, const struct yt_sm4 *how, struct yt_str clear, struct yt_buf *out)
{
	uint8_t key[SM4_KEY_LEN];
	int rv = sm4_key(keys, how, key);

	if (rv == 0)
		rv = sm4_encrypt(key, how, clear, out);
	OPENSSL_cleanse(key, sizeof(key));
	return rv;
}

int keys_sm4_decrypt(const struct yt_keys *keys, const struct yt_sm4 *how, struct yt_str sealed, struct yt_buf *out)
{
	uint8_t key[SM4_KEY_LEN];
	int rv = sm4_key(keys, how, key);

	if (rv == 0)
		rv = sm4_decrypt(key, how, sealed, out);
	OPENSSL_cleanse(key, sizeof(key));
	return rv;
}
