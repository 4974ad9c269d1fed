/* core/format/sm.c - SM3 and SM4 as streams through OpenSSL's EVP; the journal's seal uses them, sm2.c and sm4.c too.
 */
#include "format/sm.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <pthread.h>
#include <stdlib.h>

#include "format/sm4_fast.h"

struct sm4_ctr {
	EVP_CIPHER_CTX *slow; /* NULL: the processor has what sm4_fast.c needs */
	uint32_t round_keys[SM4_ROUNDS];
};

struct sm4_ctr *sm4_ctr_new(const uint8_t key[SM4_KEY_LEN])
{
	struct sm4_ctr *ctr = calloc(1, sizeof(*ctr));

	if (ctr == NULL)
		return NULL;
	if (sm4_fast_is_there()) {
		sm4_fast_key(key, ctr->round_keys);
		return ctr;
	}
	ctr->slow = EVP_CIPHER_CTX_new();
	if (ctr->slow == NULL || EVP_EncryptInit_ex(ctr->slow, EVP_sm4_ctr(), NULL, key, NULL) != 1) {
		sm4_ctr_free(ctr);
		return NULL;
	}
	return ctr;
}

void sm4_ctr_free(struct sm4_ctr *ctr)
{
	if (ctr == NULL)
		return;
	EVP_CIPHER_CTX_free(ctr->slow); /* wipes its own */
	OPENSSL_cleanse(ctr, sizeof(*ctr));
	free(ctr);
}

int sm4_ctr(struct sm4_ctr *ctr, const uint8_t iv[SM4_IV_LEN], const uint8_t *in, size_t n, uint8_t *out)
{
	int done;

	if (n > INT_MAX)
		return YT_ELIMIT;
	if (ctr->slow == NULL) {
		sm4_fast_ctr(ctr->round_keys, iv, in, n, out);
		return 0;
	}
	if (EVP_EncryptInit_ex(ctr->slow, NULL, NULL, NULL, iv) != 1 ||
	        EVP_EncryptUpdate(ctr->slow, out, &done, in, (int)n) != 1)
		return YT_ENOMEM;
	return 0;
}

/* Looked up once: EVP_sm3() has OpenSSL look for it in each call. */
static EVP_MD *algorithm;

static void sm3_fetch(void)
{
	algorithm = EVP_MD_fetch(NULL, "SM3", NULL);
	YT_REQUIRE(algorithm != NULL);
}

void sm3(struct yt_str octets, uint8_t out[SM3_LEN])
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	unsigned n = 0;

	/* It has no way to fail but want of memory, and a caller that went on without a digest would sign nothing. */
	YT_REQUIRE(pthread_once(&once, sm3_fetch) == 0);
	YT_REQUIRE(EVP_Digest(octets.p, octets.n, out, &n, algorithm, NULL) == 1 && n == SM3_LEN);
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
