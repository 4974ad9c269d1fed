/* sandbox/sm2.c - signing and verifying by SM2 (sm2.h). */
#include "sm2.h"
#include "hub.h"
#include "text.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USER_ID "1234567812345678"

EVP_PKEY *sm2_key_read(const char *path, bool is_private)
{
	FILE *file = fopen(path, "re");
	EVP_PKEY *key;

	if (file == NULL)
		return NULL;
	key = is_private ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : PEM_read_PUBKEY(file, NULL, NULL, NULL);
	fclose(file);
	return key;
}

static EVP_MD_CTX *sm2_context(EVP_PKEY *key, EVP_PKEY_CTX **pkey)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	*pkey = EVP_PKEY_CTX_new(key, NULL);
	EVP_PKEY_CTX_set1_id(*pkey, USER_ID, sizeof(USER_ID) - 1);
	EVP_MD_CTX_set_pkey_ctx(context, *pkey);
	return context;
}

static bool der_is_right(EVP_PKEY *key, const char *octets, size_t n, const unsigned char *der, size_t len)
{
	EVP_PKEY_CTX *pkey = NULL;
	EVP_MD_CTX *context = sm2_context(key, &pkey);
	bool right = EVP_DigestVerifyInit(context, NULL, EVP_sm3(), NULL, key) == 1 &&
	             EVP_DigestVerify(context, der, len, (const unsigned char *)octets, n) == 1;

	EVP_MD_CTX_free(context);
	EVP_PKEY_CTX_free(pkey);
	return right;
}

bool sm2_is_right(EVP_PKEY *key, const char *octets, size_t n, const char *base64)
{
	unsigned char raw[80], *der = NULL;
	ECDSA_SIG *pair;
	bool right;
	int len;

	if (strlen(base64) != 88 || EVP_DecodeBlock(raw, (const unsigned char *)base64, 88) < 64)
		return false;
	pair = ECDSA_SIG_new();
	ECDSA_SIG_set0(pair, BN_bin2bn(raw, 32, NULL), BN_bin2bn(raw + 32, 32, NULL));
	len = i2d_ECDSA_SIG(pair, &der);
	right = len > 0 && der_is_right(key, octets, n, der, (size_t)len);
	OPENSSL_free(der);
	ECDSA_SIG_free(pair);
	return right;
}

bool sm2_der_is_right(EVP_PKEY *key, const char *octets, size_t n, const char *base64)
{
	unsigned char der[160];
	size_t room = strlen(base64);
	int len;

	if (room % 4 != 0 || room < 8 || room > 4 * (sizeof(der) / 3))
		return false;
	len = EVP_DecodeBlock(der, (const unsigned char *)base64, (int)room);
	if (len > 0)
		len -= base64[room - 2] == '=' ? 2 : base64[room - 1] == '=';
	return len > 0 && der_is_right(key, octets, n, der, (size_t)len);
}

/* The octets written; 0: key is none of SM2. */
static size_t sign(EVP_PKEY *key, const char *octets, size_t n, unsigned char der[160])
{
	EVP_PKEY_CTX *pkey = NULL;
	EVP_MD_CTX *context = sm2_context(key, &pkey);
	size_t len = 160;

	if (EVP_DigestSignInit(context, NULL, EVP_sm3(), NULL, key) != 1 ||
	        EVP_DigestSign(context, der, &len, (const unsigned char *)octets, n) != 1)
		len = 0;
	EVP_MD_CTX_free(context);
	EVP_PKEY_CTX_free(pkey);
	return len;
}

char *sm2_sign_der(EVP_PKEY *key, const char *octets, size_t n)
{
	unsigned char der[160];

	return base64_text((const char *)der, sign(key, octets, n, der));
}

char *sm2_sign(EVP_PKEY *key, const char *octets, size_t n)
{
	unsigned char der[160], raw[64] = { 0 };
	const unsigned char *p = der;
	ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &p, (long)sign(key, octets, n, der));

	if (pair != NULL) {
		BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, 32);
		BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + 32, 32);
	}
	ECDSA_SIG_free(pair);
	return base64_text((const char *)raw, 64);
}
