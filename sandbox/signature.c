/* sandbox/signature.c - header signing, variant A (signature.h). */
#include "signature.h"
#include "text.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static void hex(const unsigned char *bytes, size_t n_bytes, char *out)
{
	for (size_t i = 0; i < n_bytes; i++)
		text_format(out + 2 * i, 3, "%02x", bytes[i]);
}

void signature_make(const char *timestamp, const char *token, const char *nonce, char out[65])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	char text[1024];

	text_format(text, sizeof(text), "%s%s%s%s", timestamp, token, nonce, timestamp);
	EVP_Digest(text, strlen(text), digest, &len, EVP_sha256(), NULL);
	hex(digest, len, out);
}

bool signature_is_right(const char *timestamp, const char *token, const char *nonce, const char *signature)
{
	char right[65];

	signature_make(timestamp, token, nonce, right);
	return strcasecmp(right, signature) == 0;
}

void signature_nonce(char out[33])
{
	unsigned char bytes[16];

	RAND_bytes(bytes, sizeof(bytes));
	hex(bytes, sizeof(bytes), out);
}
