/* core/format/sm.c - SM3 and SM4 as streams; the journal's seal uses them, sm2.c and sm4.c too.
 *
 * SM3 is OpenSSL's.  So was SM4, which sealed all that is written down at 110 MB/s, a tenth of what a durable
 * settlement costs: Debian 12 has it by tables only.  libgcrypt's uses the processor's AES instructions. */
#include "format/sm.h"

#include <gcrypt.h>
#include <openssl/params.h>
#include <pthread.h>
#include <stdlib.h>

struct sm4_ctr {
	gcry_cipher_hd_t cipher;
};

/* Locked memory would not hide keys that OpenSSL has in plain memory as well. */
static void gcrypt_begin(void)
{
	YT_REQUIRE(gcry_check_version(GCRYPT_VERSION) != NULL);
	gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
	gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
}

struct sm4_ctr *sm4_ctr_new(const uint8_t key[SM4_KEY_LEN])
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct sm4_ctr *ctr = calloc(1, sizeof(*ctr));

	pthread_once(&once, gcrypt_begin);
	if (ctr == NULL)
		return NULL;
	if (gcry_cipher_open(&ctr->cipher, GCRY_CIPHER_SM4, GCRY_CIPHER_MODE_CTR, 0) != 0 ||
	        gcry_cipher_setkey(ctr->cipher, key, SM4_KEY_LEN) != 0) {
		sm4_ctr_free(ctr);
		return NULL;
	}
	return ctr;
}

void sm4_ctr_free(struct sm4_ctr *ctr)
{
	if (ctr == NULL)
		return;
	gcry_cipher_close(ctr->cipher); /* wipes the schedule */
	free(ctr);
}

int sm4_ctr(struct sm4_ctr *ctr, const uint8_t iv[SM4_IV_LEN], const uint8_t *in, size_t n, uint8_t *out)
{
	/* Setting the counter also forgets what was left over of the block before. */
	if (gcry_cipher_setctr(ctr->cipher, iv, SM4_IV_LEN) != 0 ||
	        gcry_cipher_encrypt(ctr->cipher, out, n, in == out ? NULL : in, in == out ? 0 : n) != 0)
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
