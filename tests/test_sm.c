/* tests/test_sm.c - SM2, SM3, SM4, HMAC by key name: published vectors, kinds, validity, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/keys.h"
#include "format/sm.h"
#include "plugin/instance.h"
#include "yitong/charset.h"
#include "yitong/xml.h"

static char folder[] = "/tmp/yitong-test-sm-XXXXXX";
static char why[512];
static struct yt_keys *keys;

/* The key pair of GB/T 32918.5 A.2. */
#define STANDARD_NUMBER "3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8"
#define STANDARD_POINT                                                                                                 \
	"0409F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020CCEA490CE26775A52DC6EA718CC1AA600AED05FB"   \
	"F35E084A6632F6072DA9AD13"

static const char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void put(const char *name, const char *text, mode_t mode)
{
	int fd;

	unlink(path_of(name));
	fd = open(path_of(name), O_WRONLY | O_CREAT | O_EXCL, mode);
	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fchmod(fd, mode) == 0);
	close(fd);
}

/* Adds a key of that kind whose file holds text. */
static int add(const char *name, enum yt_key_kind kind, const char *text)
{
	struct keys_spec spec = { .name = name, .kind = kind, .from_ms = INT64_MIN, .to_ms = INT64_MAX };

	put("key", text, 0600);
	spec.file = path_of("key");
	return keys_add(keys, &spec, why, sizeof(why));
}

static void must_add(const char *name, enum yt_key_kind kind, const char *text)
{
	if (add(name, kind, text) != 0)
		fail_msg("%s", why);
}

static int setup(void **state)
{
	return keys_open(&keys, NULL, why, sizeof(why));
}

static int teardown(void **state)
{
	keys_close(keys);
	return 0;
}

static void assert_hex(const void *octets, size_t n, const char *want)
{
	struct yt_buf hex = { 0 };
	char got[2048];

	yt_hex_add(&hex, octets, n, want[strspn(want, "0123456789")] < 'a');
	snprintf(got, sizeof(got), "%.*s", (int)hex.n, hex.p == NULL ? "" : (char *)hex.p);
	yt_buf_free(&hex);
	assert_string_equal(got, want);
}

static struct yt_str hex(const char *digits)
{
	static uint8_t rooms[4][512];
	static int turn;
	uint8_t *room = rooms[turn++ % 4];

	assert_int_equal(yt_hex_read(yt_str(digits), room, strlen(digits) / 2), 0);
	return (struct yt_str){ (char *)room, strlen(digits) / 2 };
}

static struct yt_piece octets(const char *text)
{
	return YT_PIECE(yt_str(text));
}

/* --- vectors --- */

/* GB/T 32905 A.1, A.2. */
static void test_sm3(void **state)
{
	uint8_t digest[SM3_LEN];

	sm3(YT_STR("abc"), digest);
	assert_hex(digest, SM3_LEN, "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
	sm3(YT_STR("abcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcd"), digest);
	assert_hex(digest, SM3_LEN, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732");
	sm3(YT_STR(""), digest);
	assert_hex(digest, SM3_LEN, "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b");
	sm3(YT_STR("0001|ZD03AAA0001|2.0000|12.5000|25.00\n0002|ZD03AAA0002|1.0000|136.8000|136.80\n"
	           "0003|ZD03AAA0002|-1.0000|136.8000|-136.80\n"),
	        digest); /* crossprovince.md 8.4 */
	assert_hex(digest, SM3_LEN, "9c2158252e487968e1a87d59782904a7a6709b8bec29b7f1976aa84afbb3f49e");
}

static void test_hmac(void **state)
{
	const struct yt_piece text[] = { octets("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
		octets("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") };
	const struct yt_piece api[] = { octets("_api_access_key=EXAMPLEAK&_api_name=hssServives&"),
		octets("_api_timestamp=1741915815000&_api_version=1.0.0") };
	struct yt_buf base64 = { 0 };
	uint8_t key[32], out[32], want[32];
	struct sm3_hmac *ctx;

	/* GM/T 0042 D.3 */
	for (uint8_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i + 1);
	ctx = sm3_hmac_new(key, sizeof(key));
	assert_int_equal(sm3_hmac(ctx, (struct yt_str[]){ text[0].text, text[1].text }, 2, want), 0);
	assert_hex(want, 32, "ca05e144ed05d1857840d1f318a4a8669e559fc8391f414485bfdf7bb408963a");
	sm3_hmac_free(ctx);
	/* The same algorithm through a named key. */
	must_add("bytes", YT_KEY_SECRET, "0123456789abcdef");
	ctx = sm3_hmac_new((const uint8_t *)"0123456789abcdef", 16);
	assert_int_equal(sm3_hmac(ctx, (struct yt_str[]){ text[0].text, text[1].text }, 2, want), 0);
	sm3_hmac_free(ctx);
	assert_int_equal(keys_hmac(keys, YT_HMAC_SM3, YT_STR("bytes"), text, 2, out), 0);
	assert_memory_equal(out, want, 32);
	/* RFC 4231 test case 2 and RFC 2202 test case 2. */
	must_add("jefe", YT_KEY_SECRET, "Jefe");
	assert_int_equal(keys_hmac(keys, YT_HMAC_SHA256, YT_STR("jefe"),
	                         (struct yt_piece[]){ octets("what do ya want "), octets("for nothing?") }, 2, out),
	        0);
	assert_hex(out, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	assert_int_equal(keys_hmac(keys, YT_HMAC_SHA1, YT_STR("jefe"),
	                         (struct yt_piece[]){ octets("what do ya want for nothing?") }, 1, out),
	        0);
	assert_hex(out, 20, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
	/* nhsa.md 1.4, variant A2 */
	must_add("api", YT_KEY_SECRET, "EXAMPLESK");
	assert_int_equal(keys_hmac(keys, YT_HMAC_SHA1, YT_STR("api"), api, 2, out), 0);
	yt_base64_add(&base64, out, 20);
	assert_true(yt_str_is(yt_buf_view(&base64), "fRCgonQMRZYofDLpl7KbLw+d4Ss="));
	yt_buf_free(&base64);
	assert_int_equal(keys_hmac(keys, YT_HMAC_SM3, YT_STR("none"), text, 1, out), YT_ENOTFOUND);
	must_add("sm4", YT_KEY_SM4, "0123456789ABCDEFFEDCBA9876543210");
	assert_int_equal(keys_hmac(keys, YT_HMAC_SM3, YT_STR("sm4"), text, 1, out), YT_ESTATE);
}

/* GB/T 32918.5 A.2 (signature) and A.3 (encryption) with the key pair of the standard. */
static void test_sm2_standard(void **state)
{
	const struct yt_piece text[] = { octets("message "), octets("digest") };
	struct yt_str signature = hex("F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
	                              "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA");
	struct yt_str sealed = hex(
	        "0404EBFC718E8D1798620432268E77FEB6415E2EDE0E073C0F4F640ECD2E149A73E858F9D81E5430A57B36DAAB8F"
	        "950A3C64E6EE6A63094D99283AFF767E124DF059983C18F809E262923C53AEC295D30383B54E39D609D160AFCB1908D0BD8766"
	        "21886CA989CA9C7D58087307CA93092D651EFA");
	struct yt_buf clear = { 0 };
	uint8_t bare[64];

	must_add("public", YT_KEY_SM2_PUBLIC, STANDARD_POINT "\n");
	must_add("private", YT_KEY_SM2_PRIVATE, STANDARD_NUMBER "\r\n");
	memcpy(bare, signature.p, sizeof(bare));
	assert_int_equal(keys_sm2_verify(keys, YT_STR("public"), NULL, text, 2, bare), 0);
	assert_int_equal(keys_sm2_verify(keys, YT_STR("private"), NULL, text, 2, bare), 0);
	assert_int_equal(keys_sm2_verify(keys, YT_STR("public"), NULL, text, 1, bare), YT_EDENIED);
	bare[63] ^= 1;
	assert_int_equal(keys_sm2_verify(keys, YT_STR("public"), NULL, text, 2, bare), YT_EDENIED);
	assert_int_equal(keys_sm2_decrypt(keys, YT_STR("private"), sealed, &clear), 0);
	assert_true(yt_str_is(yt_buf_view(&clear), "encryption standard"));
	yt_buf_free(&clear);
}

static void test_sm2_sign(void **state)
{
	const struct yt_piece text[] = { octets("appId=x&key="), { YT_STR("app-secret"), true } };
	const struct yt_piece flat = octets("appId=x&key=s3cret"), id = octets("1234567812345678"),
	                      other = octets("s3cret"), secret_id = { YT_STR("app-secret"), true };
	uint8_t one[64], two[64], zeros[64] = { 0 };
	struct yt_buf der = { 0 };

	must_add("public", YT_KEY_SM2_PUBLIC, STANDARD_POINT);
	must_add(
	        "private", YT_KEY_SM2_PRIVATE, "OUUgj3shRLE/NuOKxtOflYiTk2koYLUaQvuB7033xbg="); /* the same in base64 */
	must_add("app-secret", YT_KEY_SECRET, "s3cret");
	assert_int_equal(keys_sm2_sign(keys, YT_STR("private"), NULL, text, 2, one), 0);
	assert_int_equal(keys_sm2_sign(keys, YT_STR("private"), NULL, text, 2, two), 0);
	assert_memory_not_equal(one, two, 64); /* its random number is new each time, or the key could be computed */
	/* A secret stands in its place, and the usual id is the default. */
	assert_int_equal(keys_sm2_verify(keys, YT_STR("public"), &id, &flat, 1, one), 0);
	assert_int_equal(keys_sm2_verify(keys, YT_STR("public"), &other, &flat, 1, one), YT_EDENIED);
	assert_int_equal(keys_sm2_verify(keys, YT_STR("public"), NULL, &flat, 1, zeros), YT_EDENIED);
	assert_int_equal(keys_sm2_sign(keys, YT_STR("private"), &secret_id, &flat, 1, one), 0);
	assert_int_equal(keys_sm2_verify(keys, YT_STR("public"), &other, text, 2, one), 0);
	assert_int_equal(keys_sm2_verify(keys, YT_STR("public"), NULL, text, 2, one), YT_EDENIED);
	/* DER and back; each change of it is refused or another signature. */
	assert_int_equal(sm2_signature_to_der(one, &der), 0);
	assert_int_equal(sm2_signature_from_der(yt_buf_view(&der), two), 0);
	assert_memory_equal(one, two, 64);
	for (size_t i = 0; i < der.n; i++) {
		assert_int_equal(sm2_signature_from_der((struct yt_str){ (char *)der.p, i }, two), YT_EFORMAT);
		der.p[i] ^= 1;
		if (sm2_signature_from_der(yt_buf_view(&der), two) == 0)
			assert_memory_not_equal(one, two, 64);
		der.p[i] ^= 1;
	}
	yt_buf_free(&der);
}

static void test_der(void **state)
{
	static const struct {
		const char *der;
		int rv;
	} rows[] = {
		{ "3006020101020102", 0 },
		{ "300702020080020102", 0 },
		{ "300702020001020102", YT_EFORMAT }, /* a zero too many */
		{ "3006020181020102", YT_EFORMAT },   /* negative */
		{ "308106020101020102", YT_EFORMAT }, /* a length longer than it must be */
		{ "300602010102010200", YT_EFORMAT }, /* more behind it */
		{ "300702010102010200", YT_EFORMAT }, /* more inside */
		{ "30040200020102", YT_EFORMAT },     /* an empty number */
		{ "3006020101040102", YT_EFORMAT },   /* not a number */
		{ "3080020101020102", YT_EFORMAT },   /* a length without one */
		{ "302702217fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff020101", YT_EFORMAT },
	};
	uint8_t bare[64];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (sm2_signature_from_der(hex(rows[i].der), bare) != rows[i].rv)
			fail_msg("%s", rows[i].der);
}

static void test_sm2_encrypt(void **state)
{
	struct yt_buf sealed = { 0 }, clear = { 0 };
	char large[4097];

	memset(large, 'x', sizeof(large));
	must_add("public", YT_KEY_SM2_PUBLIC, STANDARD_POINT);
	must_add("private", YT_KEY_SM2_PRIVATE, STANDARD_NUMBER);
	assert_int_equal(keys_sm2_encrypt(keys, YT_STR("public"), YT_STR("0123456789abcdef"), &sealed), 0);
	assert_int_equal(sealed.n, 65 + 32 + 16);
	assert_int_equal(sealed.p[0], 4);
	assert_int_equal(keys_sm2_decrypt(keys, YT_STR("public"), yt_buf_view(&sealed), &clear), YT_ESTATE);
	for (size_t i = 0; i < sealed.n; i += 7) {
		sealed.p[i] ^= 1;
		assert_int_equal(keys_sm2_decrypt(keys, YT_STR("private"), yt_buf_view(&sealed), &clear), YT_EDENIED);
		sealed.p[i] ^= 1;
		assert_int_equal(
		        keys_sm2_decrypt(keys, YT_STR("private"), (struct yt_str){ (char *)sealed.p, i }, &clear),
		        YT_EDENIED);
	}
	assert_int_equal(clear.n, 0);
	assert_int_equal(keys_sm2_decrypt(keys, YT_STR("private"), yt_buf_view(&sealed), &clear), 0);
	assert_true(yt_str_is(yt_buf_view(&clear), "0123456789abcdef"));
	assert_int_equal(keys_sm2_encrypt(keys, YT_STR("public"), YT_STR(""), &sealed), YT_ELIMIT);
	assert_int_equal(keys_sm2_encrypt(keys, YT_STR("public"), (struct yt_str){ large, 4097 }, &sealed), YT_ELIMIT);
	yt_buf_clear(&sealed);
	yt_buf_clear(&clear);
	assert_int_equal(keys_sm2_encrypt(keys, YT_STR("public"), (struct yt_str){ large, 4096 }, &sealed), 0);
	assert_int_equal(keys_sm2_decrypt(keys, YT_STR("private"), yt_buf_view(&sealed), &clear), 0);
	assert_int_equal(clear.n, 4096);
	yt_buf_free(&sealed);
	yt_buf_free(&clear);
}

#define BLOCKS                                                                                                         \
	"AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBCCCCCCCCCCCCCCCCDDDDDDDDDDDDDDDD"                                             \
	"EEEEEEEEEEEEEEEEFFFFFFFFFFFFFFFFEEEEEEEEEEEEEEEEAAAAAAAAAAAAAAAA"

static const struct sm4_case {
	const char *it; /* completes "SM4 reproduces ..." */
	enum yt_sm4_mode mode;
	const char *iv, *aad, *clear, *sealed; /* hex */
} sm4_cases[] = {
	{ "GB/T 32907 A.1 in ECB with padding", YT_SM4_ECB, "", "", "0123456789ABCDEFFEDCBA9876543210",
	        "681EDF34D206965E86B3E94F536E4246002A8A4EFA863CCAD024AC0300BB40D2" },
	{ "an empty text in ECB: one block of padding", YT_SM4_ECB, "", "", "", "002A8A4EFA863CCAD024AC0300BB40D2" },
	{ "draft-ribose-cfrg-sm4 A.2.2 in CBC", YT_SM4_CBC, "000102030405060708090A0B0C0D0E0F", "",
	        "AAAAAAAABBBBBBBBCCCCCCCCDDDDDDDDEEEEEEEEFFFFFFFFAAAAAAAABBBBBBBB",
	        "78EBB11CC40B0A48312AAEB2040244CB4CB7016951909226979B0D15DC6A8F6D" },
	{ "RFC 8998 A.1 in GCM", YT_SM4_GCM, "00001234567800000000ABCD", "FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2",
	        BLOCKS,
	        "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735D82710CA5C22F0CCFA7CBF93D496AC15"
	        "A56834CBCF98C397B4024A2691233B8D83DE3541E4C2B58177E065A9BF7B62EC" },
	{ "a text of odd length in CTR", YT_SM4_CTR, "0123456789ABCDEFFEDCBA9876543210", "", "000000", "681EDF" },
};

static void test_sm4(void **state)
{
	const struct sm4_case *c = *state;
	struct yt_str sealed = hex(c->sealed);
	struct yt_sm4 how = { .key = YT_STR("key"), .mode = c->mode, .iv = hex(c->iv), .aad = hex(c->aad) };
	struct yt_buf out = { 0 }, back = { 0 };

	must_add("key", YT_KEY_SM4, "0123456789ABCDEFFEDCBA9876543210");
	assert_int_equal(keys_sm4_encrypt(keys, &how, hex(c->clear), &out), 0);
	assert_true(out.n >= sealed.n);
	assert_hex(out.p, sealed.n, c->sealed);
	assert_int_equal(keys_sm4_decrypt(keys, &how, yt_buf_view(&out), &back), 0);
	assert_hex(back.p, back.n, c->clear);
	if (c->mode == YT_SM4_GCM) {
		for (size_t i = 0; i < out.n; i++) {
			yt_buf_clear(&back);
			out.p[i] ^= 1;
			assert_int_equal(keys_sm4_decrypt(keys, &how, yt_buf_view(&out), &back), YT_EDENIED);
			assert_int_equal(back.n, 0);
			out.p[i] ^= 1;
		}
		how.aad = YT_STR("other");
		assert_int_equal(keys_sm4_decrypt(keys, &how, yt_buf_view(&out), &back), YT_EDENIED);
	}
	yt_buf_free(&out);
	yt_buf_free(&back);
}

static void test_sm4_refused(void **state)
{
	struct yt_sm4 how = { .key = YT_STR("key"), .mode = YT_SM4_CBC, .iv = YT_STR("0123456789abcde") };
	struct yt_buf out = { 0 };

	must_add("key", YT_KEY_SM4, "0123456789abcdeffedcba9876543210");
	assert_int_equal(keys_sm4_encrypt(keys, &how, YT_STR("x"), &out), YT_EFORMAT); /* iv too short */
	how.iv = YT_STR("0123456789abcdef");
	assert_int_equal(
	        keys_sm4_decrypt(keys, &how, YT_STR("0123456789abcde"), &out), YT_EFORMAT); /* no whole block */
	assert_int_equal(keys_sm4_decrypt(keys, &how, YT_STR(""), &out), YT_EFORMAT);
	assert_int_equal(keys_sm4_decrypt(keys, &how, YT_STR("0123456789abcdef"), &out), YT_EDENIED); /* padding */
	how.mode = YT_SM4_GCM;
	assert_int_equal(keys_sm4_encrypt(keys, &how, YT_STR("x"), &out), YT_EFORMAT);
	how.iv = YT_STR("0123456789ab");
	assert_int_equal(keys_sm4_decrypt(keys, &how, YT_STR("0123456789abcde"), &out), YT_EFORMAT);
	how.mode = YT_SM4_ECB;
	assert_int_equal(keys_sm4_encrypt(keys, &how, YT_STR("x"), &out), YT_EFORMAT); /* ECB has none */
	how.iv = YT_STR("");
	how.key = YT_STR("other");
	assert_int_equal(keys_sm4_encrypt(keys, &how, YT_STR("x"), &out), YT_ENOTFOUND);
	assert_int_equal(out.n, 0);
	must_add("sixteen", YT_KEY_SECRET, "0123456789abcdef");
	must_add("fifteen", YT_KEY_SECRET, "0123456789abcde");
	how.key = YT_STR("fifteen");
	assert_int_equal(keys_sm4_encrypt(keys, &how, YT_STR("x"), &out), YT_ESTATE);
	how.key = YT_STR("sixteen"); /* nhsa.md 1.5: the octets of the client id are the key */
	assert_int_equal(keys_sm4_encrypt(keys, &how, YT_STR("x"), &out), 0);
	yt_buf_free(&out);
}

/* nhsa.md 1.6: the key made of application id and secret. */
static void test_sm4_derived(void **state)
{
	struct yt_sm4 how = {
		.key = YT_STR("app-secret"), .derive = YT_STR("EXAMPLEAPPID0001ZZZZ"), .mode = YT_SM4_ECB
	};
	struct yt_buf out = { 0 };

	must_add("app-secret", YT_KEY_SECRET, "ExampleAppSecret0123456789abcdef");
	assert_int_equal(keys_sm4_encrypt(keys, &how, YT_STR("{\"payOrdId\":\"ORD202503140000000001\"}"), &out), 0);
	assert_hex(out.p, out.n,
	        "C390E3FE61A9D7DCE642BB03ADAFEBD287481979A6F65F987DE0C06E233240101C24EE004361B66898E25F17A99A635E");
	how.derive = YT_STR("EXAMPLEAPPID000");
	assert_int_equal(keys_sm4_encrypt(keys, &how, YT_STR("x"), &out), YT_EFORMAT);
	yt_buf_free(&out);
}

/* --- files --- */

static char *make_pem(bool is_private, const char *type, const char *curve)
{
	EVP_PKEY *key =
	        curve == NULL ? EVP_PKEY_Q_keygen(NULL, NULL, type) : EVP_PKEY_Q_keygen(NULL, NULL, type, curve);
	BIO *bio = BIO_new(BIO_s_mem());
	char *p, *text;
	long n;

	assert_int_equal(is_private ? PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)
	                            : PEM_write_bio_PUBKEY(bio, key),
	        1);
	n = BIO_get_mem_data(bio, &p);
	text = calloc(1, (size_t)n + 1);
	memcpy(text, p, (size_t)n);
	BIO_free(bio);
	EVP_PKEY_free(key);
	return text;
}

/* A certificate valid from 2001-09-09T01:46:40Z for a thousand seconds. */
static char *make_certificate(void)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
	X509 *cert = X509_new();
	BIO *bio = BIO_new(BIO_s_mem());
	char *p, *text;
	long n;

	ASN1_TIME_set(X509_getm_notBefore(cert), 1000000000);
	ASN1_TIME_set(X509_getm_notAfter(cert), 1000001000);
	X509_set_pubkey(cert, key);
	assert_true(X509_sign(cert, key, EVP_sm3()) > 0);
	assert_int_equal(PEM_write_bio_X509(bio, cert), 1);
	n = BIO_get_mem_data(bio, &p);
	text = calloc(1, (size_t)n + 1);
	memcpy(text, p, (size_t)n);
	BIO_free(bio);
	X509_free(cert);
	EVP_PKEY_free(key);
	return text;
}

static const struct file_case {
	const char *it; /* completes "a key file ..." */
	enum yt_key_kind kind;
	const char *text;
	const char *why; /* NULL: it is read */
} file_cases[] = {
	{ "may hold an SM4 key in hex", YT_KEY_SM4, "00112233445566778899aabbccddeeff\n", NULL },
	{ "is refused with half an SM4 key", YT_KEY_SM4, "0011223344556677", "openssl rand -hex 16" },
	{ "is refused with an SM4 key that is no hex", YT_KEY_SM4, "0011223344556677889900aabbccddxx",
	        "32 hex digits" },
	{ "is refused empty", YT_KEY_SM4, "", "32 hex digits" },
	{ "may hold a private number in hex", YT_KEY_SM2_PRIVATE, STANDARD_NUMBER, NULL },
	{ "is refused with number 0", YT_KEY_SM2_PRIVATE,
	        "0000000000000000000000000000000000000000000000000000000000000000", "no SM2 private key" },
	{ "is refused with a number beyond the curve's order", YT_KEY_SM2_PRIVATE,
	        "FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123", "no SM2 private key" },
	{ "is refused with a point for a number", YT_KEY_SM2_PRIVATE, STANDARD_POINT, "no SM2 private key" },
	{ "is refused with a number for a point", YT_KEY_SM2_PUBLIC, STANDARD_NUMBER, "no SM2 public key" },
	{ "may hold a point", YT_KEY_SM2_PUBLIC, STANDARD_POINT, NULL },
	{ "is refused with a point beside the curve", YT_KEY_SM2_PUBLIC,
	        "0409F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020CCEA490CE26775A52DC6EA718CC1AA600AED05FB"
	        "F35E084A6632F6072DA9AD14",
	        "no SM2 public key" },
	{ "is refused with a compressed point", YT_KEY_SM2_PUBLIC,
	        "0309F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020", "no SM2 public key" },
	{ "is refused with anything else", YT_KEY_SM2_PUBLIC,
	        "-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----\n", "no SM2 public key" },
};

static void test_file(void **state)
{
	const struct file_case *c = *state;
	int rv = add("key", c->kind, c->text);

	if (c->why == NULL && rv != 0)
		fail_msg("%s", why);
	assert_int_equal(rv, c->why == NULL ? 0 : YT_ECONF);
	if (c->why != NULL) {
		assert_non_null(strstr(why, c->why));
		assert_non_null(strstr(why, path_of("key")));
	}
}

static void test_pem(void **state)
{
	static const struct {
		bool is_private;
		const char *type, *curve;
		enum yt_key_kind kind;
		int rv;
	} rows[] = {
		{ true, "SM2", NULL, YT_KEY_SM2_PRIVATE, 0 },
		{ false, "SM2", NULL, YT_KEY_SM2_PUBLIC, 0 },
		{ false, "SM2", NULL, YT_KEY_SM2_PRIVATE, YT_ECONF },
		{ true, "SM2", NULL, YT_KEY_SM2_PUBLIC, YT_ECONF },
		{ true, "EC", "P-256", YT_KEY_SM2_PRIVATE, YT_ECONF },
		{ false, "EC", "P-256", YT_KEY_SM2_PUBLIC, YT_ECONF },
		{ false, "ED25519", NULL, YT_KEY_SM2_PUBLIC, YT_ECONF },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char name[16], *pem = make_pem(rows[i].is_private, rows[i].type, rows[i].curve);

		snprintf(name, sizeof(name), "key-%zu", i);
		assert_int_equal(add(name, rows[i].kind, pem), rows[i].rv);
		free(pem);
	}
}

static void test_file_mode(void **state)
{
	struct keys_spec spec = { .name = "a", .kind = YT_KEY_SM2_PUBLIC, .from_ms = INT64_MIN, .to_ms = INT64_MAX };
	char *pem = make_pem(false, "SM2", NULL);

	put("key", pem, 0664);
	spec.file = path_of("key");
	assert_int_equal(keys_add(keys, &spec, why, sizeof(why)), YT_ECONF);
	assert_non_null(strstr(why, "lets others replace a key; use `chmod 644"));
	put("key", pem, 0644);
	assert_int_equal(keys_add(keys, &spec, why, sizeof(why)), 0);
	spec.name = "b";
	spec.kind = YT_KEY_SM2_PRIVATE;
	assert_int_equal(keys_add(keys, &spec, why, sizeof(why)), YT_ECONF);
	assert_non_null(strstr(why, "lets others read a key; use `chmod 600"));
	free(pem);
}

/* --- owner, id, validity --- */

static void add_dated(
        const char *name, const char *owner, const char *id, enum yt_key_kind kind, int64_t from, int64_t to)
{
	struct keys_spec spec = { name, owner, id, NULL, kind, from, to };

	put("key", kind == YT_KEY_SM2_PRIVATE ? STANDARD_NUMBER : STANDARD_POINT, 0600);
	spec.file = path_of("key");
	if (keys_add(keys, &spec, why, sizeof(why)) != 0)
		fail_msg("%s", why);
}

static void expect_key(const char *owner, const char *id, enum yt_key_kind kind, int64_t now, int rv, const char *name)
{
	struct yt_key found;

	assert_int_equal(keys_find(keys, yt_str(owner), yt_str(id), kind, now, &found), rv);
	if (name != NULL)
		assert_true(yt_str_is(found.name, name));
}

static void test_find(void **state)
{
	add_dated("own-a", "330000", "330000-2026A", YT_KEY_SM2_PRIVATE, 100, 300);
	add_dated("own-b", "330000", "330000-2026B", YT_KEY_SM2_PRIVATE, 200, 400);
	add_dated("their-a", "620000", "620000-2026A", YT_KEY_SM2_PUBLIC, INT64_MIN, 300);
	add_dated("same-id", "610000", "620000-2026A", YT_KEY_SM2_PUBLIC, INT64_MIN, INT64_MAX);
	/* Two overlap: the newer one signs as soon as it may, the older one still verifies. */
	expect_key("330000", "", YT_KEY_SM2_PRIVATE, 150, 0, "own-a");
	expect_key("330000", "", YT_KEY_SM2_PRIVATE, 200, 0, "own-b");
	expect_key("330000", "330000-2026A", YT_KEY_SM2_PUBLIC, 299, 0, "own-a");
	expect_key("330000", "", YT_KEY_SM2_PRIVATE, 400, YT_ESTATE, "own-b");
	expect_key("330000", "", YT_KEY_SM2_PRIVATE, 99, YT_ESTATE, NULL);
	expect_key("620000", "620000-2026A", YT_KEY_SM2_PUBLIC, 299, 0, "their-a");
	expect_key("620000", "620000-2026A", YT_KEY_SM2_PUBLIC, 300, YT_ESTATE, "their-a");
	expect_key("620000", "620000-2026A", YT_KEY_SM2_PRIVATE, 299, YT_ENOTFOUND, NULL);
	expect_key("620000", "620000-2026B", YT_KEY_SM2_PUBLIC, 299, YT_ENOTFOUND, NULL);
	/* An id alone is nobody's: another's key of the same id is not theirs. */
	expect_key("610000", "620000-2026A", YT_KEY_SM2_PUBLIC, 299, 0, "same-id");
	expect_key("", "620000-2026A", YT_KEY_SM2_PUBLIC, 299, YT_ENOTFOUND, NULL);
}

static void test_twice(void **state)
{
	struct keys_spec spec = { "their-b", "620000", "620000-2026A", NULL, YT_KEY_SM2_PUBLIC, INT64_MIN, INT64_MAX };

	add_dated("their-a", "620000", "620000-2026A", YT_KEY_SM2_PUBLIC, INT64_MIN, INT64_MAX);
	spec.file = path_of("key");
	assert_int_equal(keys_add(keys, &spec, why, sizeof(why)), YT_ECONF);
	assert_non_null(strstr(why, "has the id \"620000-2026A\" too"));
	spec.id = "620000-2026B";
	spec.name = "their-a";
	assert_int_equal(keys_add(keys, &spec, why, sizeof(why)), YT_ECONF);
	assert_non_null(strstr(why, "key their-a is given twice"));
	spec.name = "their-b";
	spec.from_ms = 5;
	spec.to_ms = 5;
	assert_int_equal(keys_add(keys, &spec, why, sizeof(why)), YT_ECONF);
	assert_non_null(strstr(why, "ends before it begins"));
}

static void test_certificate(void **state)
{
	char *pem = make_certificate();
	struct keys_spec spec = { "cert", "620000", "1", NULL, YT_KEY_SM2_PUBLIC, INT64_MIN, INT64_C(1000000500000) };

	put("key", pem, 0644);
	spec.file = path_of("key");
	if (keys_add(keys, &spec, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	expect_key("620000", "1", YT_KEY_SM2_PUBLIC, INT64_C(1000000000000), 0, "cert");
	expect_key("620000", "1", YT_KEY_SM2_PUBLIC, INT64_C(999999999999), YT_ESTATE, "cert");
	expect_key("620000", "1", YT_KEY_SM2_PUBLIC, INT64_C(1000000499999), 0, "cert");
	expect_key(
	        "620000", "1", YT_KEY_SM2_PUBLIC, INT64_C(1000000500000), YT_ESTATE, "cert"); /* the configured end */
	free(pem);
}

static void test_kinds(void **state)
{
	const struct yt_piece text = octets("x"), not_a_secret = { YT_STR("public"), true };
	uint8_t out[64];

	must_add("public", YT_KEY_SM2_PUBLIC, STANDARD_POINT);
	must_add("secret", YT_KEY_SECRET, "s3cret");
	assert_int_equal(keys_sm2_sign(keys, YT_STR("public"), NULL, &text, 1, out), YT_ESTATE);
	assert_int_equal(keys_sm2_sign(keys, YT_STR("secret"), NULL, &text, 1, out), YT_ESTATE);
	assert_int_equal(keys_sm2_sign(keys, YT_STR("none"), NULL, &text, 1, out), YT_ENOTFOUND);
	assert_int_equal(keys_sm2_verify(keys, YT_STR("public"), NULL, &not_a_secret, 1, out), YT_ESTATE);
	assert_int_equal(keys_sm2_verify(keys, YT_STR("public"), &not_a_secret, &text, 1, out), YT_ESTATE);
}

/* --- through a plugin's eyes --- */

static void test_host(void **state)
{
	struct yt_plugin without = { .name = "without" }, self = { .name = "with", .keys = keys };
	const struct yt_piece text = octets("x");
	struct yt_sm4 how = { .key = YT_STR("data"), .mode = YT_SM4_CTR, .iv = YT_STR("0123456789abcdef") };
	struct yt_buf sealed = { 0 }, clear = { 0 };
	struct yt_key found;
	uint8_t out[64], again[64];

	must_add("private", YT_KEY_SM2_PRIVATE, STANDARD_NUMBER);
	must_add("data", YT_KEY_SM4, "0123456789abcdeffedcba9876543210");
	must_add("secret", YT_KEY_SECRET, "s3cret");
	assert_int_equal(yt_key_sm2_sign(&self, YT_STR("private"), NULL, &text, 1, out), 0);
	assert_int_equal(yt_key_sm2_verify(&self, YT_STR("private"), NULL, &text, 1, out), 0);
	assert_int_equal(yt_sm2_to_der(out, &sealed), 0);
	assert_int_equal(yt_sm2_from_der(yt_buf_view(&sealed), again), 0);
	assert_memory_equal(out, again, 64);
	yt_buf_clear(&sealed);
	assert_int_equal(yt_key_sm2_encrypt(&self, YT_STR("private"), YT_STR("key"), &sealed), 0);
	assert_int_equal(yt_key_sm2_decrypt(&self, YT_STR("private"), yt_buf_view(&sealed), &clear), 0);
	assert_true(yt_str_is(yt_buf_view(&clear), "key"));
	yt_buf_clear(&sealed);
	yt_buf_clear(&clear);
	assert_int_equal(yt_key_sm4_encrypt(&self, &how, YT_STR("clear"), &sealed), 0);
	assert_int_equal(yt_key_sm4_decrypt(&self, &how, yt_buf_view(&sealed), &clear), 0);
	assert_true(yt_str_is(yt_buf_view(&clear), "clear"));
	assert_int_equal(yt_key_hmac(&self, YT_HMAC_SM3, YT_STR("secret"), &text, 1, out), 0);
	add_dated("own", "330000", "1", YT_KEY_SM2_PRIVATE, INT64_MIN, INT64_MAX);
	assert_int_equal(yt_key_find(&self, YT_STR("330000"), YT_STR(""), YT_KEY_SM2_PRIVATE, 0, &found), 0);
	assert_true(yt_str_is(found.name, "own"));
	assert_int_equal(yt_key_find(&self, YT_STR(""), YT_STR(""), YT_KEY_SM4, 0, &found), YT_ENOTFOUND);
	yt_sm3(YT_STR("abc"), out);
	assert_hex(out, 32, "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
	assert_int_equal(yt_key_sm2_sign(&without, YT_STR("private"), NULL, &text, 1, out), YT_ENOTFOUND);
	assert_int_equal(yt_key_hmac(&without, YT_HMAC_SM3, YT_STR("secret"), &text, 1, out), YT_ENOTFOUND);
	assert_int_equal(
	        yt_key_find(&without, YT_STR("330000"), YT_STR(""), YT_KEY_SM2_PRIVATE, 0, &found), YT_ENOTFOUND);
	yt_buf_free(&sealed);
	yt_buf_free(&clear);
}

/* --- threads --- */

static void *sign_many(void *arg)
{
	const struct yt_piece text = octets("x");
	uint8_t out[64];
	uintptr_t wrong = 0;

	for (int i = 0; i < 20; i++) {
		wrong += keys_sm2_sign(keys, YT_STR("private"), NULL, &text, 1, out) != 0;
		wrong += keys_sm2_verify(keys, YT_STR("public"), NULL, &text, 1, out) != 0;
	}
	return (void *)wrong;
}

static void test_threads(void **state)
{
	pthread_t threads[4];
	void *wrong;

	must_add("public", YT_KEY_SM2_PUBLIC, STANDARD_POINT);
	must_add("private", YT_KEY_SM2_PRIVATE, STANDARD_NUMBER);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, sign_many, NULL), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
}

/* --- vectors of the format descriptions --- */

static char *shared_file(const char *name, size_t *n)
{
	char path[512], *text;
	FILE *f;
	long size;

	snprintf(path, sizeof(path), "%s/../shared/formats/%s", YT_SOURCE_DIR, name);
	f = fopen(path, "rb");
	if (f == NULL) {
		print_message("the descriptions of the formats are not there\n");
		return NULL;
	}
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	rewind(f);
	text = calloc(1, (size_t)size + 1);
	*n = fread(text, 1, (size_t)size, f);
	fclose(f);
	return text;
}

/* The line that begins with head, or what follows it. */
static struct yt_str line_after(char *text, const char *head)
{
	char *p = strstr(text, head);

	assert_non_null(p);
	p += strlen(head);
	return (struct yt_str){ p, strcspn(p, "\n<") };
}

/* crossprovince.md 8.1 to 8.3: both published signatures by both public keys. */
static void test_crossprovince(void **state)
{
	size_t n;
	char *text = shared_file("crossprovince.md", &n);
	struct yt_str line, sign;
	struct yt_buf bare = { 0 };
	struct yt_piece piece;

	if (text == NULL)
		skip();
	line = line_after(text, "\n330000-2026A ");
	must_add("zhejiang", YT_KEY_SM2_PUBLIC, strndupa(line.p, line.n));
	line = line_after(text, "\n620000-2026A ");
	must_add("gansu", YT_KEY_SM2_PUBLIC, strndupa(line.p, line.n));
	line = line_after(text, "\n1.0|0304|Q");
	piece = YT_PIECE(((struct yt_str){ line.p - strlen("1.0|0304|Q"), line.n + strlen("1.0|0304|Q") }));
	sign = line_after(text, "<sign>");
	assert_int_equal(yt_base64_read(sign, &bare), 0);
	assert_int_equal(bare.n, 64);
	assert_int_equal(keys_sm2_verify(keys, YT_STR("zhejiang"), NULL, &piece, 1, bare.p), 0);
	assert_int_equal(keys_sm2_verify(keys, YT_STR("gansu"), NULL, &piece, 1, bare.p), YT_EDENIED);
	line = line_after(text, "\n1.0|0304|A");
	piece = YT_PIECE(((struct yt_str){ line.p - strlen("1.0|0304|A"), line.n + strlen("1.0|0304|A") }));
	sign = line_after(strstr(text, "### 8.2"), "<sign>");
	yt_buf_clear(&bare);
	assert_int_equal(yt_base64_read(sign, &bare), 0);
	assert_int_equal(keys_sm2_verify(keys, YT_STR("gansu"), NULL, &piece, 1, bare.p), 0);
	yt_buf_free(&bare);
	free(text);
}

/* The composed bank frame: raw signature over the octets from <Head> to </Body>, in GB18030. */
static void test_bank(void **state)
{
	size_t n, n_pem;
	char *frame = shared_file("samples/composed/bdl_1001_req.bin", &n), *pem, *end;
	struct yt_arena *arena = yt_arena_new(0);
	struct yt_buf bare = { 0 };
	struct yt_piece piece;
	struct yt_xml xml;
	struct yt_xml_error err;
	struct yt_node *sign;

	if (frame == NULL) {
		yt_arena_free(arena);
		skip();
	}
	pem = shared_file("samples/composed/test_gateway_sm2_pub.pem", &n_pem);
	must_add("gateway", YT_KEY_SM2_PUBLIC, pem);
	end = memmem(frame, n, "<?xml", 5); /* behind the length header */
	assert_non_null(end);
	if (yt_xml_read(arena, (struct yt_str){ end, n - (size_t)(end - frame) }, NULL, &xml, &err) != 0)
		fail_msg("%u:%u: %s", err.line, err.column, err.why);
	assert_int_equal(xml.charset, YT_GB18030);
	piece.text = yt_xml_raw(&xml, yt_node_get(xml.root, "Head"));
	piece.text.n = (size_t)(yt_xml_raw(&xml, yt_node_get(xml.root, "Body")).p - piece.text.p) +
	               yt_xml_raw(&xml, yt_node_get(xml.root, "Body")).n;
	piece.is_secret = false;
	sign = yt_node_get(xml.root, "Sign");
	assert_non_null(sign);
	while (sign->kind == YT_OBJECT)
		sign = sign->last;
	assert_int_equal(yt_base64_read(sign->text, &bare), 0);
	assert_int_equal(bare.n, 64);
	assert_int_equal(keys_sm2_verify(keys, YT_STR("gateway"), NULL, &piece, 1, bare.p), 0);
	yt_buf_free(&bare);
	yt_arena_free(arena);
	free(frame);
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

#define ROWS(cases, test)                                                                                              \
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)                                                  \
		tests[n++] = (struct CMUnitTest)                                                                       \
		{                                                                                                      \
			cases[i].it, test, setup, teardown, (void *)(uintptr_t)&cases[i]                               \
		}
#define ONE(test)                                                                                                      \
	tests[n++] = (struct CMUnitTest)                                                                               \
	{                                                                                                              \
#test, test, setup, teardown, NULL                                                                     \
	}

int main(void)
{
	static struct CMUnitTest tests[64];
	size_t n = 0;

	ONE(test_sm3);
	ONE(test_hmac);
	ONE(test_sm2_standard);
	ONE(test_sm2_sign);
	ONE(test_der);
	ONE(test_sm2_encrypt);
	ROWS(sm4_cases, test_sm4);
	ONE(test_sm4_refused);
	ONE(test_sm4_derived);
	ROWS(file_cases, test_file);
	ONE(test_pem);
	ONE(test_file_mode);
	ONE(test_find);
	ONE(test_twice);
	ONE(test_certificate);
	ONE(test_kinds);
	ONE(test_host);
	ONE(test_threads);
	ONE(test_crossprovince);
	ONE(test_bank);
	return _cmocka_run_group_tests("sm", tests, n, make_folder, remove_folder);
}
