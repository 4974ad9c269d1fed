/* core/base/sha256.c - see sha256.h; asked by engine/written.c and plugin/host.c for each message. */
#include "base/sha256.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

void yt_sha256(const struct yt_str *parts, size_t n_parts, uint8_t out[SHA256_LEN])
{
	static _Thread_local EVP_MD_CTX *ctx;
	static _Thread_local EVP_MD *algorithm;

	if (ctx == NULL) {
		ctx = EVP_MD_CTX_new();
		algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
	}
	YT_REQUIRE(ctx != NULL && algorithm != NULL && EVP_DigestInit_ex(ctx, algorithm, NULL) == 1);
	for (size_t i = 0; i < n_parts; i++)
		YT_REQUIRE(EVP_DigestUpdate(ctx, parts[i].p, parts[i].n) == 1);
	YT_REQUIRE(EVP_DigestFinal_ex(ctx, out, NULL) == 1);
}

EVP_MAC_CTX *yt_hmac_sha256_new(struct yt_str key)
{
	OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){ "SHA256" }, 0),
		OSSL_PARAM_construct_end() };
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);

	EVP_MAC_free(mac);
	if (ctx != NULL && EVP_MAC_init(ctx, (const uint8_t *)key.p, key.n, params) != 1) {
		EVP_MAC_CTX_free(ctx);
		ctx = NULL;
	}
	return ctx;
}

void yt_hmac_sha256(EVP_MAC_CTX *ctx, struct yt_str text, uint8_t out[SHA256_LEN])
{
	size_t n;

	YT_REQUIRE(EVP_MAC_init(ctx, NULL, 0, NULL) == 1);
	YT_REQUIRE(EVP_MAC_update(ctx, (const uint8_t *)text.p, text.n) == 1);
	YT_REQUIRE(EVP_MAC_final(ctx, out, &n, SHA256_LEN) == 1 && n == SHA256_LEN);
}
