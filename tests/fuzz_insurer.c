/* tests/fuzz_insurer.c - hostile octets as calls, events and answers of the two insurers, through their plugins as core
 * loads them.
 *
 * The first octet chooses the insurer and what the octets behind it are: a body under one of the paths, a whole
 * document, a BODY that is signed here so that what stands behind the signature is reached, or an answer.  What is
 * read must be writable again and read as the same. */
#include <libgen.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/keys.h"
#include "format/sm.h"
#include "plugin/loader.h"
#include "yitong/charset.h"

#define NOW_MS INT64_C(1795161600000) /* 2026-11-20 16:00 */
#define TY_OWN "TY20261120000000000001"
#define JH_OWN "JH20261120000000000001"

struct side {
	struct yt_plugin *plugin;
	const struct yt_codec_api *api;
	struct yt_str own;
};
static struct side ty, jh;
static struct yt_keys *keys;

static const char *const paths[] = { "/ins/v1/claims", "/ins/v1/claims/quote", "/ins/v1/eligibility",
	"/insurer/ty/callback", "/ins/v1/claims/C1/documents", "/ins/v1/claims/C1/withdraw",
	"/ins/v1/claims/C1/payment" };
#define N_PATHS (sizeof(paths) / sizeof(paths[0]))
static const char *const asked[] = { "JH2001", "JH2002", "JH2003", "JH2004", "JH2005", "JH1001" };
#define N_ASKED (sizeof(asked) / sizeof(asked[0]))

static void add_key(const char *name, enum yt_key_kind kind, const char *line)
{
	struct keys_spec spec = { .name = name, .kind = kind, .from_ms = INT64_MIN, .to_ms = INT64_MAX };
	char file[] = "/tmp/yt-fuzz-key-XXXXXX", why[256];
	FILE *f = fdopen(mkstemp(file), "w");

	YT_REQUIRE(f != NULL);
	fprintf(f, "%s\n", line);
	fclose(f);
	spec.file = file;
	YT_REQUIRE(keys_add(keys, &spec, why, sizeof(why)) == 0);
	unlink(file);
}

static void add_pair(const char *name)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
	unsigned char octets[32];
	BIGNUM *number = NULL;
	char line[65];

	YT_REQUIRE(key != NULL && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &number) == 1);
	BN_bn2binpad(number, octets, sizeof(octets));
	for (size_t i = 0; i < sizeof(octets); i++)
		snprintf(line + 2 * i, 3, "%02x", octets[i]);
	BN_free(number);
	EVP_PKEY_free(key);
	add_key(name, YT_KEY_SM2_PRIVATE, line);
}

static void load(
        struct side *side, const char *folder, const char *name, const struct plugin_setting *settings, size_t n)
{
	char file[4300], why[512];

	snprintf(file, sizeof(file), "%s/../plugins/%s.so", folder, name);
	if (plugin_load(&side->plugin, file, "fuzz", settings, n, keys, why, sizeof(why)) != 0) {
		fprintf(stderr, "%s\n", why);
		exit(1);
	}
	side->api = plugin_api(side->plugin);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
/* The plugins stand beside this program: ../plugins. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const struct plugin_setting ty_settings[] = { { "app_id", "gw330299" }, { "key", "mac" },
		{ "field_key", "field" }, { "version", "1.1" }, { "allowed", "*" } };
	static const struct plugin_setting jh_settings[] = { { "partner", "GW330799" }, { "sign_key", "own" },
		{ "verify_key", "own" }, { "allowed", "*" } };
	char self[4096], why[256], *folder;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	YT_REQUIRE(n > 0 && keys_open(&keys, NULL, why, sizeof(why)) == 0);
	self[n] = '\0';
	folder = dirname(self);
	add_key("mac", YT_KEY_SECRET, "secret");
	add_key("field", YT_KEY_SM4, "00112233445566778899aabbccddeeff");
	add_pair("own");
	load(&ty, folder, "tianyi", ty_settings, 5);
	load(&jh, folder, "jinhui", jh_settings, 4);
	ty.own = YT_STR(TY_OWN);
	jh.own = YT_STR(JH_OWN);
	yt_log_setup("fuzz", YT_ERROR + 1);
	return 0;
}

/* The document of 金惠保 around body, signed; result: RES_CODE of an answer. */
static struct yt_str sealed(struct yt_arena *arena, const char *code, const char *result, struct yt_str body)
{
	struct yt_buf digest = { 0 }, der = { 0 }, out = { 0 };
	struct yt_piece piece;
	uint8_t sm3[32], signature[64];
	struct yt_str kept;

	yt_sm3(body, sm3);
	yt_hex_add(&digest, sm3, sizeof(sm3), false);
	piece = YT_PIECE(yt_buf_view(&digest));
	YT_REQUIRE(keys_sm2_sign(keys, YT_STR("own"), NULL, &piece, 1, signature) == 0);
	YT_REQUIRE(sm2_signature_to_der(signature, &der) == 0);
	yt_buf_printf(&out,
	        "<?xml version=\"1.0\" encoding=\"GB18030\"?><JHB><HEAD><VERSION>2.0</VERSION><TRANS_CODE>%s</TRANS_CODE>"
	        "<PARTNER_NO>GW330799</PARTNER_NO><TRANS_NO>" JH_OWN
	        "00</TRANS_NO><TRANS_TIME>20261120160000</TRANS_TIME>",
	        code);
	if (result != NULL)
		yt_buf_printf(&out, "<RES_CODE>%s</RES_CODE><RES_MSG></RES_MSG>", result);
	yt_buf_printf(&out, "<DIGEST>%.*s</DIGEST><SIGN>", YT_FMT(yt_buf_view(&digest)));
	yt_base64_add(&out, der.p, der.n);
	yt_buf_text(&out, "</SIGN></HEAD>");
	yt_buf_str(&out, body);
	yt_buf_text(&out, "</JHB>");
	kept = yt_arena_copy(arena, yt_buf_view(&out));
	yt_buf_free(&digest);
	yt_buf_free(&der);
	yt_buf_free(&out);
	return kept;
}

static void same(const struct yt_node *a, const struct yt_node *b)
{
	struct yt_buf x = { 0 }, y = { 0 };

	yt_json_write(a, &x);
	yt_json_write(b, &y);
	YT_REQUIRE(yt_str_eq(yt_buf_view(&x), yt_buf_view(&y)));
	yt_buf_free(&x);
	yt_buf_free(&y);
}

static void request(const struct side *side, struct yt_arena *arena, struct yt_str octets, const char *path)
{
	struct yt_msg *msg = yt_msg_new(arena), *again = yt_msg_new(arena), *query = yt_msg_new(arena);
	struct yt_reply *reply = yt_reply_new(arena);
	struct yt_buf out = { 0 };
	struct yt_fault fault;
	int rv;

	msg->path = yt_str(path);
	rv = side->api->decode_request(side->plugin, octets, msg, &fault);
	reply->outcome = YT_REFUSED;
	YT_REQUIRE(side->api->encode_reply(side->plugin, msg, reply, &out) == 0);
	if (rv == 0) {
		struct yt_str first = msg->number;

		yt_buf_clear(&out);
		msg->path = (struct yt_str){ NULL, 0 };
		msg->own_number = first.n == side->own.n && memcmp(first.p, side->own.p, 2) == 0 ? first : side->own;
		msg->wall_ms = NOW_MS;
		rv = side->api->encode_request(side->plugin, msg, &out, &fault);
		/* A consent of another time, or a number of another form, is no claim of ours. */
		YT_REQUIRE(rv == 0 || strstr(fault.path, "consent") != NULL || strcmp(fault.path, "(number)") == 0 ||
		           strstr(fault.path, "claim_no") != NULL);
		if (rv == 0) {
			again->sent = yt_buf_view(&out);
			YT_REQUIRE(side->api->decode_request(side->plugin, yt_buf_view(&out), again, &fault) == 0);
			same(msg->body, again->body);
			again->sent = yt_buf_view(&out);
			(void)side->api->query_for(side->plugin, again, query);
		}
	}
	yt_buf_free(&out);
}

static void answer(
        const struct side *side, struct yt_arena *arena, const char *wire, struct yt_str sent, struct yt_str octets)
{
	struct yt_msg *msg = yt_msg_new(arena);
	struct yt_reply *reply = yt_reply_new(arena), *adopted = yt_reply_new(arena);
	struct yt_buf out = { 0 };

	for (const struct yt_wire_op *op = side->api->ops; op->wire != NULL; op++)
		if (strcmp(op->wire, wire) == 0)
			msg->op = yt_op(op->op);
	msg->wire_op = yt_str(wire);
	msg->sent = sent;
	YT_REQUIRE(side->api->decode_reply(side->plugin, msg, 200, octets, reply) == 0);
	YT_REQUIRE(reply->outcome >= YT_DONE && reply->outcome <= YT_UNKNOWN);
	if (reply->outcome != YT_UNKNOWN)
		YT_REQUIRE(side->api->encode_reply(side->plugin, msg, reply, &out) == 0);
	(void)side->api->judge(side->plugin, msg, reply, adopted);
	yt_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const wires[] = { "claims", "query", "quote", "eligibility", "reconciliation", "withdraw" };
	struct yt_str octets = { (const char *)data + 1, size - 1 };
	struct yt_arena *arena;
	unsigned kind;

	if (size == 0)
		return 0;
	arena = yt_arena_new(0);
	YT_REQUIRE(arena != NULL);
	kind = data[0] / 32;
	if (kind == 0)
		request(&ty, arena, octets, ""); /* with its request line */
	else if (kind <= 2)
		request(&ty, arena, octets, paths[data[0] % N_PATHS]);
	else if (kind == 3)
		answer(&ty, arena, wires[data[0] % 6], YT_STR("POST /ins/v1/claims\n{\"requestNo\":\"" TY_OWN "\"}"),
		        octets);
	else if (kind == 4)
		request(&jh, arena, octets, "");
	else if (kind <= 6)
		request(&jh, arena, sealed(arena, asked[data[0] % N_ASKED], NULL, octets), "");
	else
		answer(&jh, arena, asked[data[0] % N_ASKED],
		        sealed(arena, asked[data[0] % N_ASKED], NULL,
		                YT_STR("<BODY><APPLY_NO>" JH_OWN "</APPLY_NO></BODY>")),
		        sealed(arena, asked[data[0] % N_ASKED], "0000", octets));
	yt_arena_free(arena);
	return 0;
}
