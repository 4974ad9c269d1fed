/* core/format/sm2.c - SM2 keys, signatures and encryption through OpenSSL's EVP.
 *
 * OpenSSL gives DER where formats want bare octets, so both are turned into each other here. */
#include <limits.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "format/sm.h"
#include "yitong/charset.h"

#define SM2_ID "1234567812345678" /* the id everyone uses unless agreed otherwise (GM/T 0009 clause 10) */

enum {
	NUMBER_LEN = 32,
	POINT_LEN = 1 + 2 * NUMBER_LEN, /* 04 X Y */
	ID_MAX = 8191,                  /* its length in bits must fit two octets */
};

/* --- keys --- */

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
		key = private_key ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL)
		                  : PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL);
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

/* The first line, without its end and blanks around it. */
static struct yt_str first_line(struct yt_str text)
{
	const char *end = text.n == 0 ? NULL : memchr(text.p, '\n', text.n);

	if (end != NULL)
		text.n = (size_t)(end - text.p);
	while (text.n > 0 && (text.p[text.n - 1] == '\r' || text.p[text.n - 1] == ' '))
		text.n--;
	return text;
}

/* n octets from hex or base64; false when the line is neither. */
static bool read_bare(struct yt_str line, uint8_t *out, size_t n)
{
	struct yt_buf octets = { 0 };
	bool is_right = yt_hex_read(line, out, n) == 0;

	if (!is_right && yt_base64_read(line, &octets) == 0 && octets.n == n) {
		memcpy(out, octets.p, n);
		is_right = true;
	}
	if (octets.p != NULL)
		OPENSSL_cleanse(octets.p, octets.cap);
	yt_buf_free(&octets);
	return is_right;
}

/* A key of its numbers; number may be NULL.  OpenSSL checks that the point is on the curve. */
static EVP_PKEY *key_of(const uint8_t point[POINT_LEN], const BIGNUM *number)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "SM2", NULL);
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;

	if (build != NULL && ctx != NULL &&
	        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "SM2", 0) == 1 &&
	        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, POINT_LEN) == 1 &&
	        (number == NULL || OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, number) == 1))
		params = OSSL_PARAM_BLD_to_param(build);
	if (params == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	        EVP_PKEY_fromdata(ctx, &key, number == NULL ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR, params) != 1)
		key = NULL;
	OSSL_PARAM_BLD_free(build);
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return key;
}

/* The public half of a bare number is computed.  0 has none, and OpenSSL refuses what is beyond the order. */
static EVP_PKEY *key_of_number(const uint8_t octets[NUMBER_LEN])
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_sm2);
	EC_POINT *point = group == NULL ? NULL : EC_POINT_new(group);
	BIGNUM *number = BN_bin2bn(octets, NUMBER_LEN, NULL);
	uint8_t bare[POINT_LEN];
	EVP_PKEY *key = NULL;

	if (point != NULL && number != NULL && EC_POINT_mul(group, point, number, NULL, NULL, NULL) == 1 &&
	        EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, bare, sizeof(bare), NULL) == POINT_LEN)
		key = key_of(bare, number);
	BN_clear_free(number);
	EC_POINT_free(point);
	EC_GROUP_free(group);
	return key;
}

EVP_PKEY *sm2_private_read(struct yt_str text)
{
	uint8_t number[NUMBER_LEN];
	EVP_PKEY *key = sm2_private_from_pem(text);

	if (key == NULL && read_bare(first_line(text), number, sizeof(number)))
		key = key_of_number(number);
	OPENSSL_cleanse(number, sizeof(number));
	return key;
}

static int64_t asn1_ms(const ASN1_TIME *time, int64_t unknown)
{
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	int days, seconds;
	bool is_known = epoch != NULL && ASN1_TIME_diff(&days, &seconds, epoch, time) == 1;

	ASN1_TIME_free(epoch);
	return is_known ? ((int64_t)days * 86400 + seconds) * 1000 : unknown;
}

static EVP_PKEY *key_of_certificate(struct yt_str pem, int64_t *from_ms, int64_t *to_ms)
{
	BIO *bio = pem.n <= INT_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
	X509 *cert = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
	EVP_PKEY *key = cert == NULL ? NULL : X509_get_pubkey(cert);

	if (key != NULL && !EVP_PKEY_is_a(key, "SM2")) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	if (key != NULL) {
		*from_ms = asn1_ms(X509_get0_notBefore(cert), *from_ms);
		*to_ms = asn1_ms(X509_get0_notAfter(cert), *to_ms);
	}
	X509_free(cert);
	BIO_free(bio);
	ERR_clear_error();
	return key;
}

EVP_PKEY *sm2_public_read(struct yt_str text, int64_t *from_ms, int64_t *to_ms)
{
	uint8_t point[POINT_LEN];
	EVP_PKEY *key = sm2_public_from_pem(text);

	if (key == NULL)
		key = key_of_certificate(text, from_ms, to_ms);
	if (key == NULL && read_bare(first_line(text), point, sizeof(point)))
		key = key_of(point, NULL);
	return key;
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

/* --- signatures --- */

/* A digest context whose signature uses that id; *pctx is freed after it. */
static EVP_MD_CTX *sm2_context(EVP_PKEY *key, struct yt_str id, EVP_PKEY_CTX **pctx)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	*pctx = EVP_PKEY_CTX_new(key, NULL);
	if (md == NULL || *pctx == NULL || EVP_PKEY_CTX_set1_id(*pctx, id.p, (int)id.n) != 1) {
		EVP_MD_CTX_free(md);
		return NULL;
	}
	EVP_MD_CTX_set_pkey_ctx(md, *pctx);
	return md;
}

int sm2_sign_parts(
        EVP_PKEY *key, struct yt_str id, const struct yt_str *parts, size_t n, uint8_t out[SM2_SIGNATURE_LEN])
{
	EVP_PKEY_CTX *pctx = NULL;
	EVP_MD_CTX *md = NULL;
	uint8_t der[128]; /* of two 256-bit numbers: at most 72 */
	size_t len = sizeof(der);
	int rv = YT_ENOMEM;

	if (id.n > ID_MAX)
		return YT_ELIMIT;
	md = sm2_context(key, id.n == 0 ? YT_STR(SM2_ID) : id, &pctx);
	if (md == NULL || EVP_DigestSignInit(md, NULL, EVP_sm3(), NULL, key) != 1)
		goto out;
	for (size_t i = 0; i < n; i++)
		if (EVP_DigestSignUpdate(md, parts[i].p, parts[i].n) != 1)
			goto out;
	if (EVP_DigestSignFinal(md, der, &len) == 1)
		rv = sm2_signature_from_der((struct yt_str){ (const char *)der, len }, out);
out:
	EVP_MD_CTX_free(md);
	EVP_PKEY_CTX_free(pctx);
	ERR_clear_error();
	return rv;
}

int sm2_verify_parts(EVP_PKEY *key, struct yt_str id, const struct yt_str *parts, size_t n,
        const uint8_t signature[SM2_SIGNATURE_LEN])
{
	EVP_PKEY_CTX *pctx = NULL;
	EVP_MD_CTX *md = NULL;
	struct yt_buf der = { 0 };
	int rv = YT_ENOMEM;

	if (id.n > ID_MAX)
		return YT_ELIMIT;
	md = sm2_context(key, id.n == 0 ? YT_STR(SM2_ID) : id, &pctx);
	if (md == NULL || sm2_signature_to_der(signature, &der) != 0 ||
	        EVP_DigestVerifyInit(md, NULL, EVP_sm3(), NULL, key) != 1)
		goto out;
	for (size_t i = 0; i < n; i++)
		if (EVP_DigestVerifyUpdate(md, parts[i].p, parts[i].n) != 1)
			goto out;
	rv = EVP_DigestVerifyFinal(md, der.p, der.n) == 1 ? 0 : YT_EDENIED;
out:
	yt_buf_free(&der);
	EVP_MD_CTX_free(md);
	EVP_PKEY_CTX_free(pctx);
	ERR_clear_error();
	return rv;
}

int sm2_sign(EVP_PKEY *key, struct yt_str data, struct yt_buf *out)
{
	uint8_t signature[SM2_SIGNATURE_LEN];
	int rv = sm2_sign_parts(key, (struct yt_str){ NULL, 0 }, &data, 1, signature);

	return rv != 0 ? rv : sm2_signature_to_der(signature, out);
}

int sm2_verify(EVP_PKEY *key, struct yt_str data, struct yt_str signature)
{
	uint8_t bare[SM2_SIGNATURE_LEN];

	if (sm2_signature_from_der(signature, bare) != 0)
		return YT_EDENIED;
	return sm2_verify_parts(key, (struct yt_str){ NULL, 0 }, &data, 1, bare);
}

/* --- DER of numbers and octets, the little that is needed --- */

static void put_length(struct yt_buf *out, size_t n)
{
	if (n >= 0x100) {
		yt_buf_byte(out, 0x82);
		yt_buf_byte(out, (uint8_t)(n >> 8));
	} else if (n >= 0x80) {
		yt_buf_byte(out, 0x81);
	}
	yt_buf_byte(out, (uint8_t)n);
}

/* A positive number in its shortest form. */
static void put_number(struct yt_buf *out, const uint8_t number[NUMBER_LEN])
{
	size_t skip = 0;
	bool needs_zero;

	while (skip < NUMBER_LEN - 1 && number[skip] == 0)
		skip++;
	needs_zero = (number[skip] & 0x80) != 0;
	yt_buf_byte(out, 0x02);
	put_length(out, NUMBER_LEN - skip + needs_zero);
	if (needs_zero)
		yt_buf_byte(out, 0);
	yt_buf_add(out, number + skip, NUMBER_LEN - skip);
}

static void put_octets(struct yt_buf *out, struct yt_str octets)
{
	yt_buf_byte(out, 0x04);
	put_length(out, octets.n);
	yt_buf_str(out, octets);
}

static int put_sequence(struct yt_buf *out, struct yt_buf *inner)
{
	bool is_whole = !inner->failed;

	yt_buf_byte(out, 0x30);
	put_length(out, inner->n);
	yt_buf_str(out, yt_buf_view(inner));
	yt_buf_free(inner);
	return is_whole && !out->failed ? 0 : YT_ENOMEM;
}

/* Takes one value of that tag off *der; lengths in their shortest form only. */
static bool take(struct yt_str *der, uint8_t tag, struct yt_str *value)
{
	const uint8_t *p = (const uint8_t *)der->p;
	size_t n, head = 2;

	if (der->n < 2 || p[0] != tag)
		return false;
	n = p[1];
	if (n == 0x81 && der->n >= 3 && p[2] >= 0x80) {
		n = p[2];
		head = 3;
	} else if (n == 0x82 && der->n >= 4 && p[2] > 0) {
		n = (size_t)p[2] << 8 | p[3];
		head = 4;
	} else if (n >= 0x80) {
		return false;
	}
	if (n > der->n - head)
		return false;
	*value = (struct yt_str){ der->p + head, n };
	*der = (struct yt_str){ der->p + head + n, der->n - head - n };
	return true;
}

static bool take_number(struct yt_str *der, uint8_t out[NUMBER_LEN])
{
	struct yt_str v;
	const uint8_t *p;

	if (!take(der, 0x02, &v) || v.n == 0)
		return false;
	p = (const uint8_t *)v.p;
	if ((p[0] & 0x80) != 0 || (v.n > 1 && p[0] == 0 && (p[1] & 0x80) == 0))
		return false; /* negative, or longer than it must be */
	if (v.n > 1 && p[0] == 0) {
		p++;
		v.n--;
	}
	if (v.n > NUMBER_LEN)
		return false;
	memset(out, 0, NUMBER_LEN - v.n);
	memcpy(out + NUMBER_LEN - v.n, p, v.n);
	return true;
}

int sm2_signature_to_der(const uint8_t signature[SM2_SIGNATURE_LEN], struct yt_buf *out)
{
	struct yt_buf inner = { 0 };

	put_number(&inner, signature);
	put_number(&inner, signature + NUMBER_LEN);
	return put_sequence(out, &inner);
}

int sm2_signature_from_der(struct yt_str der, uint8_t out[SM2_SIGNATURE_LEN])
{
	struct yt_str inner;

	return take(&der, 0x30, &inner) && der.n == 0 && take_number(&inner, out) &&
	                       take_number(&inner, out + NUMBER_LEN) && inner.n == 0
	               ? 0
	               : YT_EFORMAT;
}

/* --- encryption --- */

int sm2_encrypt(EVP_PKEY *key, struct yt_str clear, struct yt_buf *out)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	uint8_t point[POINT_LEN] = { 0x04 };
	struct yt_str rest, inner, hash, text;
	struct yt_buf der = { 0 };
	int rv = YT_ENOMEM;

	if (ctx == NULL || EVP_PKEY_encrypt_init(ctx) != 1 ||
	        EVP_PKEY_encrypt(ctx, NULL, &der.n, (const uint8_t *)clear.p, clear.n) != 1)
		goto out;
	rest.n = der.n;
	der.n = 0;
	if (yt_buf_room(&der, rest.n) == NULL ||
	        EVP_PKEY_encrypt(ctx, der.p, &rest.n, (const uint8_t *)clear.p, clear.n) != 1)
		goto out;
	rest.p = (const char *)der.p;
	YT_REQUIRE(take(&rest, 0x30, &inner) && take_number(&inner, point + 1) &&
	           take_number(&inner, point + 1 + NUMBER_LEN) && take(&inner, 0x04, &hash) &&
	           take(&inner, 0x04, &text));
	yt_buf_add(out, point, sizeof(point));
	yt_buf_str(out, hash);
	yt_buf_str(out, text);
	rv = out->failed ? YT_ENOMEM : 0;
out:
	yt_buf_free(&der);
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return rv;
}

/* What OpenSSL reads, of 04 C1 C3 C2. */
static int sealed_to_der(struct yt_str sealed, struct yt_buf *der)
{
	const uint8_t *p = (const uint8_t *)sealed.p;
	struct yt_buf inner = { 0 };

	put_number(&inner, p + 1);
	put_number(&inner, p + 1 + NUMBER_LEN);
	put_octets(&inner, (struct yt_str){ sealed.p + POINT_LEN, SM3_LEN });
	put_octets(&inner, (struct yt_str){ sealed.p + POINT_LEN + SM3_LEN, sealed.n - POINT_LEN - SM3_LEN });
	return put_sequence(der, &inner);
}

int sm2_decrypt(EVP_PKEY *key, struct yt_str sealed, struct yt_buf *out)
{
	EVP_PKEY_CTX *ctx = NULL;
	struct yt_buf der = { 0 };
	size_t n = sealed.n, had = out->n;
	int rv = YT_EDENIED;

	if (sealed.n <= POINT_LEN + SM3_LEN || sealed.n > POINT_LEN + SM3_LEN + SM2_CLEAR_MAX || sealed.p[0] != 0x04)
		return rv;
	ctx = EVP_PKEY_CTX_new(key, NULL);
	if (ctx == NULL || EVP_PKEY_decrypt_init(ctx) != 1 || sealed_to_der(sealed, &der) != 0 ||
	        yt_buf_room(out, n) == NULL)
		rv = YT_ENOMEM;
	else if (EVP_PKEY_decrypt(ctx, out->p + had, &n, der.p, der.n) == 1)
		rv = 0;
	if (rv == 0 || rv == YT_EDENIED)
		out->n = had + (rv == 0 ? n : 0);
	yt_buf_free(&der);
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return rv;
}
