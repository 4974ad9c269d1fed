/* sandbox/insurer_wire.c - HMAC-SM3 over a request or an answer, and fields in SM4-CBC (insurer.md 6.2). */
#include "hub.h"
#include "insurer.h"
#include "text.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Octets of hex digits; 0 when they are none or too many. */
static size_t hex_read(const char *text, unsigned char *out, size_t room)
{
	size_t n = strlen(text) / 2;

	if (strlen(text) % 2 != 0 || n > room || strspn(text, "0123456789abcdefABCDEF") != 2 * n)
		return 0;
	for (size_t i = 0; i < n; i++)
		sscanf(text + 2 * i, "%2hhx", &out[i]);
	return n;
}

int insurer_keys_read(struct insurer_keys *keys, const char *secret_path, const char *field_key_path)
{
	char *secret = secret_read(secret_path), *field = secret == NULL ? NULL : secret_read(field_key_path);
	int rv = -1;

	if (field != NULL && strncmp(secret, "hex:", 4) == 0) {
		keys->secret_len = hex_read(secret + 4, keys->secret, sizeof(keys->secret));
	} else if (field != NULL && strlen(secret) <= sizeof(keys->secret)) {
		keys->secret_len = strlen(secret);
		memcpy(keys->secret, secret, keys->secret_len);
	}
	if (field != NULL && keys->secret_len == 0)
		fprintf(stderr, "yitong-sandbox: %s: a text of 1 to 256 bytes, or hex: and its digits, is needed\n",
		        secret_path);
	else if (field != NULL && hex_read(field, keys->field, 16) != 16)
		fprintf(stderr, "yitong-sandbox: %s: 32 hex digits are needed\n", field_key_path);
	else if (field != NULL)
		rv = 0;
	free(secret);
	free(field);
	return rv;
}

void insurer_mac(const struct insurer_keys *keys, const char *first, const char *path, const char *app_id,
        const char *time, const char *nonce, const char *body, size_t len, char out[65])
{
	char digest[65], *text;
	unsigned char mac[32];
	size_t n = 0;

	sm3_hex(body, len, digest);
	if (asprintf(&text, "%s\n%s\n%s\n%s\n%s\n%s", first, path, app_id, time, nonce, digest) < 0)
		text = must(NULL);
	EVP_Q_mac(NULL, "HMAC", NULL, "SM3", NULL, keys->secret, keys->secret_len, (unsigned char *)text, strlen(text),
	        mac, sizeof(mac), &n);
	free(text);
	for (size_t i = 0; i < 32; i++)
		snprintf(out + 2 * i, 3, "%02x", mac[i]);
}

bool insurer_is_same(const char *given, const char wanted[65])
{
	unsigned differs = 0;

	if (given == NULL || strlen(given) != 64)
		return false;
	for (size_t i = 0; i < 64; i++)
		differs |= (unsigned char)given[i] ^ (unsigned char)wanted[i];
	return differs == 0;
}

static int cipher(const struct insurer_keys *keys, bool seals, const unsigned char *iv, const unsigned char *in,
        int len, unsigned char *out)
{
	EVP_CIPHER_CTX *context = must(EVP_CIPHER_CTX_new());
	int n = 0, rest = 0;
	bool is_done = EVP_CipherInit_ex(context, EVP_sm4_cbc(), NULL, keys->field, iv, seals) == 1 &&
	               EVP_CipherUpdate(context, out, &n, in, len) == 1 &&
	               EVP_CipherFinal_ex(context, out + n, &rest) == 1;

	EVP_CIPHER_CTX_free(context);
	return is_done ? n + rest : -1;
}

char *insurer_open_field(const struct insurer_keys *keys, const char *sealed)
{
	unsigned char octets[192], clear[192];
	size_t len = strlen(sealed), padding;
	int n;

	if (strncmp(sealed, "SM4:", 4) != 0 || len < 4 + 44 || len > 4 + 4 * (sizeof(octets) / 3) || len % 4 != 0)
		return NULL;
	padding = sealed[len - 2] == '=' ? 2 : sealed[len - 1] == '=';
	n = EVP_DecodeBlock(octets, (const unsigned char *)sealed + 4, (int)len - 4);
	n = n < 0 ? -1 : n - (int)padding;
	if (n < 32 || n % 16 != 0)
		return NULL;
	n = cipher(keys, false, octets, octets + 16, n - 16, clear);
	if (n <= 0 || memchr(clear, '\0', (size_t)n) != NULL)
		return NULL;
	return must(strndup((char *)clear, (size_t)n));
}

char *insurer_seal_field(const struct insurer_keys *keys, const char *clear, const unsigned char iv[16])
{
	unsigned char octets[192];
	char *text, *sealed = NULL;
	int n;

	memcpy(octets, iv, 16);
	n = cipher(keys, true, iv, (const unsigned char *)clear, (int)strnlen(clear, 128), octets + 16);
	text = base64_text((char *)octets, (size_t)n + 16);
	if (asprintf(&sealed, "SM4:%s", text) < 0)
		sealed = must(NULL);
	free(text);
	return sealed;
}

void random_hex(char *out, size_t n_digits)
{
	unsigned char octet;

	for (size_t i = 0; i + 2 <= n_digits; i += 2) {
		RAND_bytes(&octet, 1);
		snprintf(out + i, 3, "%02x", octet);
	}
}
