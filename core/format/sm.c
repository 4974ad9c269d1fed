/* core/format/sm.c - SM3 and SM4 as streams; the journal's seal uses them, sm2.c and sm4.c too.
 *
 * Both are libgcrypt's.  OpenSSL's SM4 sealed all that is written down at 110 MB/s, a tenth of what a durable
 * settlement costs: Debian 12 has it by tables only, where libgcrypt uses the processor's AES instructions.  SM3 is a
 * fifth faster than OpenSSL's, and twice as fast for what fits into a few blocks. */
#include "format/sm.h"

#include <gcrypt.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct sm4_ctr {
	gcry_cipher_hd_t cipher;
};

/* Locked memory would not hide keys that OpenSSL has in plain memory as well. */
static void begin_once(void)
{
	YT_REQUIRE(gcry_check_version(GCRYPT_VERSION) != NULL);
	gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
	gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
}

/* Before the first of all calls. */
static void gcrypt_begin(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	YT_REQUIRE(pthread_once(&once, begin_once) == 0);
}

struct sm4_ctr *sm4_ctr_new(const uint8_t key[SM4_KEY_LEN])
{
	struct sm4_ctr *ctr = calloc(1, sizeof(*ctr));

	gcrypt_begin();
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

void sm3(struct yt_str octets, uint8_t out[SM3_LEN])
{
	gcrypt_begin();
	gcry_md_hash_buffer(GCRY_MD_SM3, out, octets.p, octets.n);
}

struct sm3_hmac {
	gcry_md_hd_t digest;
};

struct sm3_hmac *sm3_hmac_new(const uint8_t *key, size_t n)
{
	struct sm3_hmac *hmac = calloc(1, sizeof(*hmac));

	gcrypt_begin();
	if (hmac == NULL)
		return NULL;
	if (gcry_md_open(&hmac->digest, GCRY_MD_SM3, GCRY_MD_FLAG_HMAC) != 0 ||
	        gcry_md_setkey(hmac->digest, key, n) != 0) {
		sm3_hmac_free(hmac);
		return NULL;
	}
	return hmac;
}

void sm3_hmac_free(struct sm3_hmac *hmac)
{
	if (hmac == NULL)
		return;
	gcry_md_close(hmac->digest); /* wipes what was made of the key */
	free(hmac);
}

int sm3_hmac(struct sm3_hmac *hmac, const struct yt_str *parts, size_t n_parts, uint8_t out[SM3_LEN])
{
	const uint8_t *made;

	gcry_md_reset(hmac->digest); /* to where the key has been taken in */
	for (size_t i = 0; i < n_parts; i++)
		gcry_md_write(hmac->digest, parts[i].p, parts[i].n);
	made = gcry_md_read(hmac->digest, GCRY_MD_SM3);
	if (made == NULL)
		return YT_ENOMEM;
	memcpy(out, made, SM3_LEN);
	return 0;
}
