/* tests/bench/bench_hub.c - the stub as the hub and the insured province behind it: answers 0211, 0212, 0301 and 0304.
 *
 * What was asked with a signature is answered with one (SM2 over the head, which names the request: it cannot be made
 * beforehand); a signature of zeros, as a party with `signatures: no` writes, is answered with one of zeros. */
#include "bench_stub.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USER_ID "1234567812345678"
#define KEY_ID "310000-2026A"
#define TIME "20260314094130"

static EVP_PKEY *key;

struct text {
	const char *p;
	int n;
};

void hub_open(const char *keys)
{
	char path[400];
	FILE *file;

	snprintf(path, sizeof(path), "%s/310000.key", keys);
	file = fopen(path, "re");
	key = file == NULL ? NULL : PEM_read_PrivateKey(file, NULL, NULL, NULL);
	if (key == NULL) {
		fprintf(stderr, "bench_stub: %s is no SM2 key\n", path);
		exit(1);
	}
	fclose(file);
}

/* The text of the first element of that name; the head stands before the body. */
static struct text element(const char *p, size_t n, const char *name)
{
	char begin[40];
	int n_begin = snprintf(begin, sizeof(begin), "<%s>", name);
	const char *at = memmem(p, n, begin, (size_t)n_begin), *end;

	if (at == NULL)
		return (struct text){ "", 0 };
	at += n_begin;
	end = memchr(at, '<', (size_t)(p + n - at));
	return (struct text){ at, end == NULL ? 0 : (int)(end - at) };
}

#define T(text) (text).n, (text).p

/* -- what is answered --------------------------------------------------------------------------- */

static int person(char *out, size_t size)
{
	return snprintf(out, size,
	        "<aac001>31011500000000004217</aac001><aac043>01</aac043><aac044>310115197906152735</aac044>"
	        "<aac003>示例丙</aac003><aac004>1</aac004><aac006>19790615</aac006><aae140>310</aae140>"
	        "<ykc021>1101</ykc021>");
}

/* The registration's number is made of the hospital's own: 7 digits of it. */
static int registration(char *out, size_t size, struct text own)
{
	if (own.n < 7)
		return 0;
	return snprintf(out, size, "<ykc700>S310115260314%.7s</ykc700><ykc021>1101</ykc021><aae140>310</aae140>",
	        own.p + own.n - 7);
}

/* Amounts of bench_load's bill. */
static int settlement(char *out, size_t size, uint64_t number, struct text visit)
{
	return snprintf(out, size,
	        "<aaz216>A310115260314%07llu</aaz216><ykc700>%.*s</ykc700><akc194>" TIME
	        "</akc194><ykc706>20260314</ykc706><aae140>310</aae140><ykc021>1101</ykc021><akc264>286.40</akc264>"
	        "<ake171>260.00</ake171><aka151>0.00</aka151><ake149>208.00</ake149><ake039>208.00</ake039>"
	        "<ake035>0.00</ake035><ake026>0.00</ake026><aae045>0.00</aae045><ake032>0.00</ake032>"
	        "<ake181>0.00</ake181><ake173>0.00</ake173><ake038>50.00</ake038><akb067>28.40</akb067>"
	        "<aae240>1810.42</aae240><ake105>0</ake105><detail><row><aaa157>310100</aaa157>"
	        "<aad006>职工基本医疗保险基金</aad006><aae187>208.00</aae187></row></detail>",
	        (unsigned long long)(number % 10000000), T(visit));
}

static int result(char *out, size_t size, uint64_t number, const char *body, size_t n)
{
	struct text transno = element(body, n, "transno");
	int len = snprintf(
	        out, size, "<result><errorcode>0</errorcode><errormsg>成功</errormsg><dupflag>0</dupflag><output>");

	size -= (size_t)len;
	if (transno.n == 4 && memcmp(transno.p, "0304", 4) == 0)
		len += settlement(out + len, size, number, element(body, n, "ykc700"));
	else if (transno.n == 4 && memcmp(transno.p, "0212", 4) == 0)
		len += registration(out + len, size, element(body, n, "akc190"));
	else if (transno.n == 4 && memcmp(transno.p, "0301", 4) == 0)
		len += snprintf(out + len, size, "<okcnt>3</okcnt><oksum>286.40</oksum>");
	else
		len += person(out + len, size);
	memcpy(out + len, "</output></result>", 18);
	return len + 18;
}

/* -- digest and signature ----------------------------------------------------------------------- */

static void digest_of(const char *p, size_t n, char out[65])
{
	unsigned char digest[32];

	EVP_Digest(p, n, digest, NULL, EVP_sm3(), NULL);
	for (size_t i = 0; i < 32; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

/* r and s, 32 octets each. */
static void sign(const char *text, unsigned char raw[64])
{
	unsigned char der[160];
	const unsigned char *p = der;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *with = EVP_PKEY_CTX_new(key, NULL);
	size_t len = sizeof(der);
	ECDSA_SIG *pair;

	EVP_PKEY_CTX_set1_id(with, USER_ID, sizeof(USER_ID) - 1);
	EVP_MD_CTX_set_pkey_ctx(context, with);
	if (EVP_DigestSignInit(context, NULL, EVP_sm3(), NULL, key) != 1 ||
	        EVP_DigestSign(context, der, &len, (const unsigned char *)text, strlen(text)) != 1 ||
	        (pair = d2i_ECDSA_SIG(NULL, &p, (long)len)) == NULL) {
		fprintf(stderr, "bench_stub: cannot sign\n");
		exit(1);
	}
	BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + 32, 32);
	ECDSA_SIG_free(pair);
	EVP_MD_CTX_free(context);
	EVP_PKEY_CTX_free(with);
}

static const char *signature(const char *body, size_t n, const char *text)
{
	static char base64[100];
	struct text asked = element(body, n, "sign");
	unsigned char raw[64] = { 0 };

	if (asked.n == 88 && memcmp(asked.p, "AAAAAAAAAAAAAAAA", 16) != 0)
		sign(text, raw);
	EVP_EncodeBlock((unsigned char *)base64, raw, sizeof(raw));
	return base64;
}

size_t hub_answer(char *out, size_t size, uint64_t number, const char *body, size_t n)
{
	struct text transno = element(body, n, "transno"), transid = element(body, n, "transid");
	struct text us = element(body, n, "recver"), them = element(body, n, "sender");
	struct text from = element(body, n, "aab299"), insured = element(body, n, "aab301");
	char said[4096], digest[65], own[31], text[600];
	int n_said = result(said, sizeof(said), number, body, n);

	digest_of(said, (size_t)n_said, digest);
	snprintf(own, sizeof(own), "%.6s" TIME "%010llu", us.n == 6 ? us.p : "310000", (unsigned long long)number);
	snprintf(text, sizeof(text), "1.0|%.*s|A|%s|%.*s|%.*s|%.*s|%.*s|%.*s|" TIME "|30|" KEY_ID "|%s", T(transno),
	        own, T(transid), T(us), T(them), T(from), T(insured), digest);
	return (size_t)snprintf(out, size,
	        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ksbw ver=\"1.0\"><head><transno>%.*s</transno>"
	        "<msgtype>A</msgtype><transid>%s</transid><reftransid>%.*s</reftransid><sender>%.*s</sender>"
	        "<recver>%.*s</recver><aab299>%.*s</aab299><aab301>%.*s</aab301><sendtime>" TIME "</sendtime>"
	        "<expire>30</expire><keyid>" KEY_ID "</keyid><digest>%s</digest><sign>%s</sign></head>%.*s</ksbw>",
	        T(transno), own, T(transid), T(us), T(them), T(from), T(insured), digest, signature(body, n, text),
	        n_said, said);
}
