/* core/format/sm4.c - SM4 over one text in the modes that formats use; keys_use.c calls it.
 *
 * OpenSSL 3.0 has SM4 in ECB, CBC and CTR, but not in GCM (that came with 3.1), so GCM (NIST SP 800-38D) is
 * put together here of CTR and its own hash. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "format/sm.h"

#define SM4_OCTETS_MAX (1u << 30)

/* --- ECB, CBC, CTR --- */

static const EVP_CIPHER *cipher_of(enum yt_sm4_mode mode)
{
	return mode == YT_SM4_ECB ? EVP_sm4_ecb() : mode == YT_SM4_CBC ? EVP_sm4_cbc() : EVP_sm4_ctr();
}

/* Appends; encrypting or not.  A wrong end of what is decrypted is YT_EDENIED. */
static int run(const uint8_t *key, const struct yt_sm4 *how, bool encrypt, struct yt_str in, struct yt_buf *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t *room = yt_buf_room(out, in.n + SM4_BLOCK);
	int n = 0, last = 0, rv = YT_ENOMEM;

	if (ctx == NULL || room == NULL ||
	        EVP_CipherInit_ex(ctx, cipher_of(how->mode), NULL, key, (const uint8_t *)how->iv.p, encrypt) != 1 ||
	        EVP_CipherUpdate(ctx, room, &n, (const uint8_t *)in.p, (int)in.n) != 1)
		goto out;
	rv = EVP_CipherFinal_ex(ctx, room + n, &last) == 1 ? 0 : YT_EDENIED;
	out->n -= in.n + SM4_BLOCK - (rv == 0 ? (size_t)(n + last) : 0);
out:
	EVP_CIPHER_CTX_free(ctx);
	return rv;
}

/* --- GCM --- */

struct half { /* 128 bits, the first bit of the text in the highest of `high` */
	uint64_t high, low;
};

static struct half load(const uint8_t block[SM4_BLOCK])
{
	struct half h = { 0, 0 };

	for (int i = 0; i < 8; i++) {
		h.high = h.high << 8 | block[i];
		h.low = h.low << 8 | block[8 + i];
	}
	return h;
}

/* x times y in GF(2^128) (SP 800-38D 6.3), in the same time for all values. */
static struct half multiply(struct half x, struct half y)
{
	struct half z = { 0, 0 };

	for (int i = 0; i < 128; i++) {
		uint64_t bit = i < 64 ? x.high >> (63 - i) : x.low >> (127 - i);
		uint64_t take = 0 - (bit & 1), carry = 0 - (y.low & 1);

		z.high ^= y.high & take;
		z.low ^= y.low & take;
		y.low = y.low >> 1 | y.high << 63;
		y.high = y.high >> 1 ^ (carry & UINT64_C(0xe100000000000000));
	}
	return z;
}

/* Takes text into the hash y, the last block filled up with zeros. */
static struct half ghash(struct half y, struct half h, struct yt_str text)
{
	for (size_t i = 0; i < text.n; i += SM4_BLOCK) {
		uint8_t block[SM4_BLOCK] = { 0 };
		struct half x;

		memcpy(block, text.p + i, text.n - i < SM4_BLOCK ? text.n - i : SM4_BLOCK);
		x = load(block);
		y = multiply((struct half){ y.high ^ x.high, y.low ^ x.low }, h);
	}
	return y;
}

/* The tag over aad and sealed text. */
static int gcm_tag(struct sm4_ctr *ctx, const struct yt_sm4 *how, struct yt_str sealed, uint8_t tag[SM4_GCM_TAG_LEN])
{
	static const uint8_t zeros[SM4_BLOCK];
	uint8_t counter[SM4_BLOCK] = { 0 }, block[SM4_BLOCK];
	struct half h, y = { 0, 0 };
	int rv = sm4_ctr(ctx, zeros, zeros, SM4_BLOCK, block);

	h = load(block);
	y = ghash(y, h, how->aad);
	y = ghash(y, h, sealed);
	y = multiply((struct half){ y.high ^ (uint64_t)how->aad.n * 8, y.low ^ (uint64_t)sealed.n * 8 }, h);
	memcpy(counter, how->iv.p, SM4_GCM_IV_LEN);
	counter[SM4_BLOCK - 1] = 1;
	for (int i = 0; i < 8; i++) {
		tag[i] = (uint8_t)(y.high >> (56 - 8 * i));
		tag[8 + i] = (uint8_t)(y.low >> (56 - 8 * i));
	}
	return rv != 0 ? rv : sm4_ctr(ctx, counter, tag, SM4_GCM_TAG_LEN, tag);
}

static int gcm_text(struct sm4_ctr *ctx, const struct yt_sm4 *how, struct yt_str in, uint8_t *out)
{
	uint8_t counter[SM4_BLOCK] = { 0 };

	memcpy(counter, how->iv.p, SM4_GCM_IV_LEN);
	counter[SM4_BLOCK - 1] = 2;
	return sm4_ctr(ctx, counter, (const uint8_t *)in.p, in.n, out);
}

static int gcm_encrypt(const uint8_t *key, const struct yt_sm4 *how, struct yt_str clear, struct yt_buf *out)
{
	struct sm4_ctr *ctx = sm4_ctr_new(key);
	uint8_t *room = yt_buf_room(out, clear.n + SM4_GCM_TAG_LEN);
	int rv = YT_ENOMEM;

	if (ctx != NULL && room != NULL) {
		rv = gcm_text(ctx, how, clear, room);
		if (rv == 0)
			rv = gcm_tag(ctx, how, (struct yt_str){ (const char *)room, clear.n }, room + clear.n);
	}
	sm4_ctr_free(ctx);
	return rv;
}

/* Nothing is decrypted before the tag is right. */
static int gcm_decrypt(const uint8_t *key, const struct yt_sm4 *how, struct yt_str sealed, struct yt_buf *out)
{
	struct yt_str text = { sealed.p, sealed.n - SM4_GCM_TAG_LEN };
	struct sm4_ctr *ctx = sm4_ctr_new(key);
	uint8_t tag[SM4_GCM_TAG_LEN], *room;
	int rv = ctx == NULL ? YT_ENOMEM : gcm_tag(ctx, how, text, tag);

	if (rv == 0 && CRYPTO_memcmp(tag, sealed.p + text.n, SM4_GCM_TAG_LEN) != 0)
		rv = YT_EDENIED;
	if (rv == 0) {
		room = yt_buf_room(out, text.n);
		rv = room == NULL ? YT_ENOMEM : gcm_text(ctx, how, text, room);
	}
	sm4_ctr_free(ctx);
	return rv;
}

static int check(const struct yt_sm4 *how, size_t n)
{
	size_t iv = how->mode == YT_SM4_ECB ? 0 : how->mode == YT_SM4_GCM ? SM4_GCM_IV_LEN : SM4_IV_LEN;

	return how->iv.n != iv ? YT_EFORMAT : n > SM4_OCTETS_MAX || how->aad.n > SM4_OCTETS_MAX ? YT_ELIMIT : 0;
}

int sm4_encrypt(const uint8_t key[SM4_KEY_LEN], const struct yt_sm4 *how, struct yt_str clear, struct yt_buf *out)
{
	int rv = check(how, clear.n);

	if (rv != 0)
		return rv;
	return how->mode == YT_SM4_GCM ? gcm_encrypt(key, how, clear, out) : run(key, how, true, clear, out);
}

int sm4_decrypt(const uint8_t key[SM4_KEY_LEN], const struct yt_sm4 *how, struct yt_str sealed, struct yt_buf *out)
{
	int rv = check(how, sealed.n);

	if (rv != 0)
		return rv;
	if (how->mode == YT_SM4_GCM)
		return sealed.n < SM4_GCM_TAG_LEN ? YT_EFORMAT : gcm_decrypt(key, how, sealed, out);
	if (how->mode != YT_SM4_CTR && (sealed.n == 0 || sealed.n % SM4_BLOCK != 0))
		return YT_EFORMAT;
	return run(key, how, false, sealed, out);
}
