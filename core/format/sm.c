/* core/format/sm.c - SM2, SM3, SM4 through OpenSSL's EVP; used by keys.c and the journal's seal. */
#include "format/sm.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/pem.h>

#define SM2_ID "1234567812345678" /* the id everyone uses unless agreed otherwise (GM/T 0009 clause 10) */

EVP_CIPHER_CTX *sm4_ctr_new(const uint8_t key[SM4_KEY_LEN])
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (ctx != NULL && EVP_EncryptInit_ex(ctx, EVP_sm4_ctr(), NULL, key, NULL) != 1) {
		EVP_CIPHER_CTX_free(ctx);
		ctx = NULL;
	}
	return ctx;
}

int sm4_ctr(EVP_CIPHER_CTX *ctx, const uint8_t iv[SM4_IV_LEN], const uint8_t *in, size_t n, uint8_t *out)
{
	int done;

	if (n > INT_MAX)
		return YT_ELIMIT;
	if (EVP_EncryptInit_ex(ctx, NULL, NULL, NULL, iv) != 1 || EVP_EncryptUpdate(ctx, out, &done, in, (int)n) != 1)
		return YT_ENOMEM;
	return 0;
}

void sm3(struct yt_str octets, uint8_t out[SM3_LEN])
{
	unsigned n = 0;

	/* It has no way to fail but want of memory, and a caller that went on without a digest would sign nothing. */
	YT_REQUIRE(EVP_Digest(octets.p, octets.n, out, &n, EVP_sm3(), NULL) == 1 && n == SM3_LEN);
}

EVP_MAC_CTX *sm3_hmac_new(const uint8_t *key, size_t n)
{
	OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string("digest", (char[]){ "SM3" }, 0),
		OSSL_PARAM_construct_end() };
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);

	EVP_MAC_free(mac);
	if (ctx != NULL && EVP_MAC_init(ctx, key, n, params) != 1) {
		EVP_MAC_CTX_free(ctx);
		ctx = NULL;
	}
	return ctx;
}

int sm3_hmac(EVP_MAC_CTX *ctx, const struct yt_str *parts, size_t n_parts, uint8_t out[SM3_LEN])
{
	size_t len;

	if (EVP_MAC_init(ctx, NULL, 0, NULL) != 1)
		return YT_ENOMEM;
	for (size_t i = 0; i < n_parts; i++)
		if (EVP_MAC_update(ctx, (const uint8_t *)parts[i].p, parts[i].n) != 1)
			return YT_ENOMEM;
	return EVP_MAC_final(ctx, out, &len, SM3_LEN) == 1 && len == SM3_LEN ? 0 : YT_ENOMEM;
}

/* Without this OpenSSL would ask for the passphrase on the terminal. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	return -1;
}

static EVP_PKEY *sm2_from_pem(struct yt_str pem, bool private_key)
{
	BIO *bio = pem.n <= INT_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
	EVP_PKEY *key = NULL;

	if (bio != NULL)
		key = private_key ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) :
		                    PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL);
	BIO_free(bio);
	if (key != NULL && !EVP_PKEY_is_a(key, "SM2")) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	ERR_clear_error();
	return key;
}

EVP_PKEY *sm2_private_from_pem(struct yt_str pem)
{
	return sm2_from_pem(pem, true);
}

EVP_PKEY *sm2_public_from_pem(struct yt_str pem)
{
	return sm2_from_pem(pem, false);
}

int sm2_public_to_pem(EVP_PKEY *key, struct yt_buf *pem)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int rv = YT_ENOMEM;
	char *text;
	long n;

	if (bio != NULL && PEM_write_bio_PUBKEY(bio, key) == 1) {
		n = BIO_get_mem_data(bio, &text);
		yt_buf_add(pem, text, (size_t)n);
		rv = pem->failed ? YT_ENOMEM : 0;
	}
	BIO_free(bio);
	return rv;
}

/* A digest context whose signature uses our id; *pctx is freed after it. */
static EVP_MD_CTX *sm2_context(EVP_PKEY *key, EVP_PKEY_CTX **pctx)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	*pctx = EVP_PKEY_CTX_new(key, NULL);
	if (md == NULL || *pctx == NULL || EVP_PKEY_CTX_set1_id(*pctx, SM2_ID, sizeof(SM2_ID) - 1) != 1) {
		EVP_MD_CTX_free(md);
		return NULL;
	}
	EVP_MD_CTX_set_pkey_ctx(md, *pctx);
	return md;
}

int sm2_sign(EVP_PKEY *key, struct yt_str data, struct yt_buf *out)
{
	EVP_PKEY_CTX *pctx;
	EVP_MD_CTX *md = sm2_context(key, &pctx);
	uint8_t signature[128]; /* DER of two 256-bit numbers: at most 72 */
	size_t n = sizeof(signature);
	int rv = YT_ENOMEM;

	if (md != NULL && EVP_DigestSignInit(md, NULL, EVP_sm3(), NULL, key) == 1 &&
		EVP_DigestSign(md, signature, &n, (const uint8_t *)data.p, data.n) == 1) {
		yt_buf_add(out, signature, n);
		rv = out->failed ? YT_ENOMEM : 0;
	}
	EVP_MD_CTX_free(md);
	EVP_PKEY_CTX_free(pctx);
	ERR_clear_error();
	return rv;
}

int sm2_verify(EVP_PKEY *key, struct yt_str data, struct yt_str signature)
{
	EVP_PKEY_CTX *pctx;
	EVP_MD_CTX *md = sm2_context(key, &pctx);
	int rv = YT_ENOMEM;

	if (md != NULL && EVP_DigestVerifyInit(md, NULL, EVP_sm3(), NULL, key) == 1)
		rv = EVP_DigestVerify(md, (const uint8_t *)signature.p, signature.n, (const uint8_t *)data.p, data.n) == 1 ?
			0 : YT_EDENIED;
	EVP_MD_CTX_free(md);
	EVP_PKEY_CTX_free(pctx);
	ERR_clear_error();
	return rv;
}
