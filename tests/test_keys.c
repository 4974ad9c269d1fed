/* tests/test_keys.c - keys by name: read only from files that are private, wrapped, signed, wiped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/keys.h"
#include "format/sm.h"

#define MASTER "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292A2B2C2D2E2F"

static char folder[] = "/tmp/yitong-test-keys-XXXXXX";
static char why[512];

static void put(const char *name, const char *text, size_t n, mode_t mode)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, mode);
	assert_true(fd >= 0 && write(fd, text, n) == (ssize_t)n && fchmod(fd, mode) == 0);
	close(fd);
}

static void put_text(const char *name, const char *text, mode_t mode)
{
	put(name, text, strlen(text), mode);
}

/* PEM of a fresh key; the caller frees. */
static char *make_key(const char *type, const char *curve)
{
	EVP_PKEY *key =
	        curve == NULL ? EVP_PKEY_Q_keygen(NULL, NULL, type) : EVP_PKEY_Q_keygen(NULL, NULL, type, curve);
	BIO *bio = BIO_new(BIO_s_mem());
	char *p, *text;
	long n;

	assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
	n = BIO_get_mem_data(bio, &p);
	text = calloc(1, (size_t)n + 1);
	memcpy(text, p, (size_t)n);
	BIO_free(bio);
	EVP_PKEY_free(key);
	return text;
}

static void good_folder(void)
{
	char *pem = make_key("SM2", NULL);

	put_text("journal-anchor.key", pem, 0600);
	put_text("master.key", MASTER "\n", 0600);
	free(pem);
}

static void test_sign(void **state)
{
	struct yt_buf signature = { 0 }, pem = { 0 };
	struct yt_keys *keys;
	EVP_PKEY *public_half;

	good_folder();
	assert_int_equal(keys_open(&keys, folder, why, sizeof(why)), 0);
	assert_int_equal(keys_sign_sm2(keys, YT_STR("other"), YT_STR("data"), &signature), YT_ENOTFOUND);
	assert_int_equal(keys_sign_sm2(keys, YT_STR(KEYS_ANCHOR), YT_STR("data"), &signature), 0);
	assert_int_equal(keys_public_sm2(keys, YT_STR(KEYS_ANCHOR), &pem), 0);
	assert_null(memmem(pem.p, pem.n, "PRIVATE", 7));
	public_half = sm2_public_from_pem(yt_buf_view(&pem));
	assert_non_null(public_half);
	assert_int_equal(sm2_verify(public_half, YT_STR("data"), yt_buf_view(&signature)), 0);
	assert_int_equal(sm2_verify(public_half, YT_STR("dat4"), yt_buf_view(&signature)), YT_EDENIED);
	signature.p[signature.n - 1] ^= 1;
	assert_int_equal(sm2_verify(public_half, YT_STR("data"), yt_buf_view(&signature)), YT_EDENIED);
	assert_int_equal(sm2_verify(public_half, YT_STR("data"), YT_STR("")), YT_EDENIED);
	EVP_PKEY_free(public_half);
	yt_buf_free(&signature);
	yt_buf_free(&pem);
	keys_close(keys);
}

static void test_wrap(void **state)
{
	struct yt_buf wrapped = { 0 }, again = { 0 }, clear = { 0 };
	struct yt_keys *keys;

	good_folder();
	assert_int_equal(keys_open(&keys, folder, why, sizeof(why)), 0);
	assert_int_equal(keys_wrap(keys, YT_STR("20261122-body"), YT_STR("a data key"), &wrapped), 0);
	assert_int_equal(keys_wrap(keys, YT_STR("20261122-body"), YT_STR("a data key"), &again), 0);
	assert_false(yt_str_eq(yt_buf_view(&wrapped), yt_buf_view(&again))); /* never twice the same */
	assert_null(memmem(wrapped.p, wrapped.n, "data", 4));
	assert_int_equal(keys_unwrap(keys, YT_STR("20261122-body"), yt_buf_view(&wrapped), &clear), 0);
	assert_true(yt_str_is(yt_buf_view(&clear), "a data key"));
	assert_int_equal(keys_unwrap(keys, YT_STR("20261123-body"), yt_buf_view(&wrapped), &clear), YT_EDENIED);
	for (size_t i = 0; i < wrapped.n; i++) {
		wrapped.p[i] ^= 1;
		assert_int_equal(keys_unwrap(keys, YT_STR("20261122-body"), yt_buf_view(&wrapped), &clear), YT_EDENIED);
		wrapped.p[i] ^= 1;
		assert_int_equal(
		        keys_unwrap(keys, YT_STR("20261122-body"), (struct yt_str){ (char *)wrapped.p, i }, &clear),
		        YT_EDENIED);
	}
	keys_close(keys);
	/* Another master key does not open it. */
	put_text("master.key",
	        "ff"
	        "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a"
	        "2b2c2d2e2e",
	        0600);
	assert_int_equal(keys_open(&keys, folder, why, sizeof(why)), 0);
	assert_int_equal(keys_unwrap(keys, YT_STR("20261122-body"), yt_buf_view(&wrapped), &clear), YT_EDENIED);
	keys_close(keys);
	keys_wipe(&clear);
	yt_buf_free(&wrapped);
	yt_buf_free(&again);
}

/* Counters that carry into each word, lengths around eight blocks, in place and not. */
static void test_counter_mode_is_openssl_s(void **state)
{
	static const uint8_t key[16] = { 0x3a, 0x91, 0x07, 0xfe, 0x55 };
	struct sm4_ctr *ours = sm4_ctr_new(key);
	EVP_CIPHER_CTX *theirs = EVP_CIPHER_CTX_new();
	uint8_t text[400], want[sizeof(text)], got[sizeof(text)], iv[16];
	int done;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 37 + i / 7);
	assert_int_equal(EVP_EncryptInit_ex(theirs, EVP_sm4_ctr(), NULL, key, NULL), 1);
	for (size_t n = 0; n <= sizeof(text); n++) {
		memset(iv, (int)n, sizeof(iv));
		memset(iv + n % 16, 0xff, 16 - n % 16);
		assert_int_equal(EVP_EncryptInit_ex(theirs, NULL, NULL, NULL, iv), 1);
		assert_int_equal(EVP_EncryptUpdate(theirs, want, &done, text, (int)n), 1);
		assert_int_equal(sm4_ctr(ours, iv, text, n, got), 0);
		assert_memory_equal(got, want, n);
		assert_int_equal(sm4_ctr(ours, iv, got, n, got), 0);
		assert_memory_equal(got, text, n);
	}
	EVP_CIPHER_CTX_free(theirs);
	sm4_ctr_free(ours);
}

/* Known answers: GB/T 32907 A.1 for the block cipher (a counter block of its plaintext over zeros), and
 * GB/T 32905 A.1 for the digest under HMAC's definition. */
static void test_known_answers(void **state)
{
	static const uint8_t key[16] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76,
		0x54, 0x32, 0x10 };
	static const uint8_t want[16] = { 0x68, 0x1e, 0xdf, 0x34, 0xd2, 0x06, 0x96, 0x5e, 0x86, 0xb3, 0xe9, 0x4f, 0x53,
		0x6e, 0x42, 0x46 };
	static const struct yt_str parts[] = { { "ab", 2 }, { "c", 1 } };
	uint8_t block[16] = { 0 }, mac[SM3_LEN], pads[64 + SM3_LEN], inner[SM3_LEN];
	struct sm4_ctr *cipher = sm4_ctr_new(key);
	struct sm3_hmac *hmac = sm3_hmac_new(key, sizeof(key));
	uint8_t text[67];

	for (int again = 0; again < 2; again++) {
		memset(block, 0, sizeof(block));
		assert_int_equal(sm4_ctr(cipher, key, block, sizeof(block), block), 0);
		assert_memory_equal(block, want, sizeof(want));
		for (size_t i = 0; i < 64; i++)
			text[i] = (uint8_t)((i < 16 ? key[i] : 0) ^ 0x36);
		memcpy(text + 64, "abc", 3);
		assert_int_equal(EVP_Digest(text, sizeof(text), inner, NULL, EVP_sm3(), NULL), 1);
		for (size_t i = 0; i < 64; i++)
			pads[i] = (uint8_t)((i < 16 ? key[i] : 0) ^ 0x5c);
		memcpy(pads + 64, inner, sizeof(inner));
		assert_int_equal(EVP_Digest(pads, sizeof(pads), inner, NULL, EVP_sm3(), NULL), 1);
		assert_int_equal(sm3_hmac(hmac, parts, 2, mac), 0);
		assert_memory_equal(mac, inner, sizeof(mac));
	}
	sm4_ctr_free(cipher);
	sm3_hmac_free(hmac);
}

static const struct secret_case {
	const char *it; /* completes "a secret file ..." */
	const char *text;
	mode_t mode;
	int rv;
	const char *want; /* the secret, or a part of why */
} secret_cases[] = {
	{ "is read without its line end", "s3cret\n", 0600, 0, "s3cret" },
	{ "may come from another system", "s3cret\r\nmore", 0600, 0, "s3cret" },
	{ "needs no line end", "s3cret", 0400, 0, "s3cret" },
	{ "keeps its blanks", " s 3 ", 0600, 0, " s 3 " },
	{ "may be octets in hex", "hex:616A6b\n", 0600, 0, "ajk" },
	{ "is refused when its hex is cut", "hex:616\n", 0600, YT_ECONF, "even number of hex digits" },
	{ "is refused when its hex is none", "hex:61zz\n", 0600, YT_ECONF, "even number of hex digits" },
	{ "is refused when its hex is empty", "hex:\n", 0600, YT_ECONF, "must hold the secret" },
	{ "is refused when empty", "", 0600, YT_ECONF, "must hold the secret" },
	{ "is refused when its line is empty", "\nx", 0600, YT_ECONF, "must hold the secret" },
	{ "is refused when the group may read it", "s3cret", 0640, YT_ECONF, "chmod 600" },
	{ "is refused when others may write it", "s3cret", 0602, YT_ECONF, "mode 602" },
};

static void test_secret(void **state)
{
	const struct secret_case *row = *state;
	struct yt_str got = { 0 };
	struct yt_keys *keys;
	char path[256];

	snprintf(path, sizeof(path), "%s/secret", folder);
	put_text("secret", row->text, row->mode);
	assert_int_equal(keys_open(&keys, NULL, why, sizeof(why)), 0);
	assert_int_equal(keys_secret(keys, YT_STR("platform-token"), &got), YT_ENOTFOUND);
	assert_int_equal(keys_add_secret(keys, "platform-token", path, why, sizeof(why)), row->rv);
	if (row->rv == 0) {
		assert_int_equal(keys_secret(keys, YT_STR("platform-token"), &got), 0);
		assert_true(yt_str_is(got, row->want));
		assert_int_equal(keys_secret(keys, YT_STR("platform"), &got), YT_ENOTFOUND);
		assert_int_equal(keys_add_secret(keys, "platform-token", path, why, sizeof(why)), YT_ECONF);
	} else {
		assert_non_null(strstr(why, row->want));
		assert_null(strstr(why, "s3cret"));
		assert_int_equal(keys_secret(keys, YT_STR("platform-token"), &got), YT_ENOTFOUND);
	}
	assert_int_equal(keys_wrap(keys, YT_STR("x"), YT_STR("y"), &(struct yt_buf){ 0 }), YT_ENOTFOUND);
	assert_int_equal(keys_sign_sm2(keys, YT_STR(KEYS_ANCHOR), YT_STR("y"), &(struct yt_buf){ 0 }), YT_ENOTFOUND);
	keys_close(keys);
}

static void refused(const char *part)
{
	struct yt_keys *keys = NULL;

	assert_int_equal(keys_open(&keys, folder, why, sizeof(why)), YT_ECONF);
	assert_null(keys);
	if (strstr(why, part) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", why, part);
}

static void test_bad_folders(void **state)
{
	char path[256], *pem;

	good_folder();
	put_text("master.key", MASTER "\n", 0644);
	refused("master.key: mode 644");
	put_text("master.key", "00", 0600);
	refused("openssl rand -hex 48");
	put_text("master.key", "x" MASTER, 0600);
	refused("must hold 96 hex digits");
	snprintf(path, sizeof(path), "%s/master.key", folder);
	unlink(path);
	refused("master.key: No such file");
	mkdir(path, 0700);
	refused("master.key: is not a regular file");
	rmdir(path);
	good_folder();
	put_text("journal-anchor.key", "no pem", 0600);
	refused("openssl genpkey -algorithm SM2");
	pem = make_key("EC", "P-256");
	put_text("journal-anchor.key", pem, 0600);
	refused("is no SM2 private key");
	free(pem);
}

static int make_folder(void **state)
{
	return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

int main(void)
{
	enum { N_SECRETS = sizeof(secret_cases) / sizeof(secret_cases[0]), N_PLAIN = 4 };
	struct CMUnitTest tests[N_PLAIN + N_SECRETS] = {
		cmocka_unit_test(test_sign),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_known_answers),
		cmocka_unit_test(test_counter_mode_is_openssl_s),
		cmocka_unit_test(test_bad_folders),
	};

	for (size_t i = 0; i < N_SECRETS; i++)
		tests[N_PLAIN + i] = (struct CMUnitTest){ .name = secret_cases[i].it,
			.test_func = test_secret,
			.initial_state = (void *)(uintptr_t)&secret_cases[i] };
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
