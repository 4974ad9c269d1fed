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

bool sm2_is_right(EVP_PKEY *key, const char *octets, size_t n, const char *base64)
{
	unsigned char raw[80], *der = NULL;
	EVP_PKEY_CTX *pkey = NULL;
	EVP_MD_CTX *context;
	ECDSA_SIG *pair;
	bool right;
	int len;

	if (strlen(base64) != 88 || EVP_DecodeBlock(raw, (const unsigned char *)base64, 88) < 64)
		return false;
	pair = ECDSA_SIG_new();
	ECDSA_SIG_set0(pair, BN_bin2bn(raw, 32, NULL), BN_bin2bn(raw + 32, 32, NULL));
	len = i2d_ECDSA_SIG(pair, &der);
	context = sm2_context(key, &pkey);
	right = len > 0 && EVP_DigestVerifyInit(context, NULL, EVP_sm3(), NULL, key) == 1 &&
	        EVP_DigestVerify(context, der, (size_t)len, (const unsigned char *)octets, n) == 1;
	EVP_MD_CTX_free(context);
	EVP_PKEY_CTX_free(pkey);
	OPENSSL_free(der);
	ECDSA_SIG_free(pair);
	return right;
}

char *sm2_sign(EVP_PKEY *key, const char *octets, size_t n)
{
	unsigned char der[160], raw[64] = { 0 };
	const unsigned char *p = der;
	EVP_PKEY_CTX *pkey = NULL;
	EVP_MD_CTX *context = sm2_context(key, &pkey);
	size_t len = sizeof(der);
	ECDSA_SIG *pair;

	if (EVP_DigestSignInit(context, NULL, EVP_sm3(), NULL, key) != 1 ||
	        EVP_DigestSign(context, der, &len, (const unsigned char *)octets, n) != 1)
		len = 0;
	pair = d2i_ECDSA_SIG(NULL, &p, (long)len);
	if (pair != NULL) {
		BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, 32);
		BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + 32, 32);
	}
	ECDSA_SIG_free(pair);
	EVP_MD_CTX_free(context);
	EVP_PKEY_CTX_free(pkey);
	return base64_text((const char *)raw, 64);
}
