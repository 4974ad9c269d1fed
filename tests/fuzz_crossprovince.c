/* tests/fuzz_crossprovince.c - hostile octets as document, as signed request and as signed answer, through the
 * plugin as core loads it.
 *
 * The first octet chooses: the octets behind it are a whole document, or the body of one that is signed here, so
 * that what stands behind the signature is reached.  What is read must be writable again and read as the same. */
#include <libgen.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/keys.h"
#include "plugin/loader.h"

static struct yt_plugin *plugin;
static const struct yt_codec_api *api;
static struct yt_keys *keys;

static const char *const asked[] = { "P001", "P101", "P102", "0211", "0212", "0213", "0214", "0215", "0216", "0301",
	"0302", "0303", "0304", "0305", "1301", "P201", "P301", "P302" };
#define N_ASKED (sizeof(asked) / sizeof(asked[0]))

/* One key for both sides: the area asks itself. */
static void make_key(void)
{
	struct keys_spec spec = { .name = "own",
		.owner = "330000",
		.id = "K",
		.kind = YT_KEY_SM2_PRIVATE,
		.from_ms = INT64_MIN,
		.to_ms = INT64_MAX };
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
	char file[] = "/tmp/yt-fuzz-key-XXXXXX", why[256];
	unsigned char octets[32];
	BIGNUM *number = NULL;
	FILE *f = fdopen(mkstemp(file), "w");

	YT_REQUIRE(key != NULL && f != NULL && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &number) == 1);
	BN_bn2binpad(number, octets, sizeof(octets));
	for (size_t i = 0; i < sizeof(octets); i++)
		fprintf(f, "%02x", octets[i]);
	fclose(f);
	BN_free(number);
	EVP_PKEY_free(key);
	spec.file = file;
	YT_REQUIRE(keys_open(&keys, NULL, why, sizeof(why)) == 0 && keys_add(keys, &spec, why, sizeof(why)) == 0);
	unlink(file);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
/* The plugin stands beside this program: ../plugins/crossprovince.so. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const struct plugin_setting settings[] = { { "area", "330000" }, { "invariants", "" } };
	char self[4096], file[4200], why[512];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	YT_REQUIRE(n > 0);
	self[n] = '\0';
	make_key();
	snprintf(file, sizeof(file), "%s/../plugins/crossprovince.so", dirname(self));
	if (plugin_load(&plugin, file, "fuzz", settings, 2, keys, why, sizeof(why)) != 0) {
		fprintf(stderr, "%s\n", why);
		exit(1);
	}
	api = plugin_api(plugin);
	return 0;
}

/* The document around body, signed. */
static struct yt_str sealed(
        struct yt_arena *arena, const char *transno, const char *type, const char *reference, struct yt_str body)
{
	static const char number[] = "330000202603181015300000000099";
	struct yt_buf digest = { 0 }, sign = { 0 }, out = { 0 };
	struct yt_piece piece;
	uint8_t sm3[32], signature[64];
	struct yt_str kept;

	yt_sm3(body, sm3);
	yt_hex_add(&digest, sm3, sizeof(sm3), false);
	piece = YT_PIECE(yt_arena_printf(arena, "1.0|%s|%s|%s|%s|330000|330000|330200|330100|20260318101530|30|K|%.*s",
	        transno, type, number, reference, YT_FMT(yt_buf_view(&digest))));
	YT_REQUIRE(keys_sm2_sign(keys, YT_STR("own"), NULL, &piece, 1, signature) == 0);
	yt_base64_add(&sign, signature, sizeof(signature));
	yt_buf_printf(&out, "<ksbw ver=\"1.0\"><head><transno>%s</transno><msgtype>%s</msgtype><transid>%s</transid>",
	        transno, type, number);
	if (reference[0] != '\0')
		yt_buf_printf(&out, "<reftransid>%s</reftransid>", reference);
	yt_buf_printf(&out,
	        "<sender>330000</sender><recver>330000</recver><aab299>330200</aab299><aab301>330100</aab301>"
	        "<sendtime>20260318101530</sendtime><expire>30</expire><keyid>K</keyid><digest>%.*s</digest>"
	        "<sign>%.*s</sign></head>",
	        YT_FMT(yt_buf_view(&digest)), YT_FMT(yt_buf_view(&sign)));
	yt_buf_str(&out, body);
	yt_buf_text(&out, "</ksbw>");
	kept = yt_arena_copy(arena, yt_buf_view(&out));
	yt_buf_free(&digest);
	yt_buf_free(&sign);
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

static void request(struct yt_arena *arena, struct yt_str octets)
{
	struct yt_msg *msg = yt_msg_new(arena), *again = yt_msg_new(arena), *made = yt_msg_new(arena);
	struct yt_reply *reply = yt_reply_new(arena);
	struct yt_fault fault;
	struct yt_buf out = { 0 };
	int rv = api->decode_request(plugin, octets, msg, &fault);

	reply->outcome = YT_REFUSED;
	YT_REQUIRE(api->encode_reply(plugin, msg, reply, &out) == 0);
	if (rv == 0) {
		yt_buf_clear(&out);
		YT_REQUIRE(api->encode_request(plugin, msg, &out, &fault) == 0);
		YT_REQUIRE(api->decode_request(plugin, yt_buf_view(&out), again, &fault) == 0 ||
		           msg->op->id == YT_OP_FILING_PUSH || strstr(fault.path, "recver") != NULL);
		if (again->body != NULL)
			same(msg->body, again->body);
		if (api->query_for(plugin, msg, made) == 0 || api->reversal_of(plugin, msg, made) == 0) {
			made->time = YT_STR("2026-03-18 10:15:30");
			made->operator_id = YT_STR("YT9001");
			(void)api->encode_request(plugin, made, &out, &fault);
		}
	}
	yt_buf_free(&out);
}

static void answer(struct yt_arena *arena, const char *transno, struct yt_str body)
{
	bool is_note = strcmp(transno, "P102") == 0;
	struct yt_msg *msg = yt_msg_new(arena);
	struct yt_reply *reply = yt_reply_new(arena), *adopted = yt_reply_new(arena);
	struct yt_buf out = { 0 };

	msg->sent = sealed(arena, transno, is_note ? "N" : "Q", "", YT_STR("<input><a/></input>"));
	msg->wire_op = yt_str(transno);
	for (const struct yt_wire_op *op = api->ops; op->wire != NULL && msg->op->id == YT_OP_UNREAD; op++)
		if (strcmp(op->wire, transno) == 0)
			msg->op = yt_op(op->op);
	YT_REQUIRE(api->decode_reply(plugin, msg, 200,
	                   sealed(arena, transno, is_note ? "K" : "A", "330000202603181015300000000099", body),
	                   reply) == 0);
	YT_REQUIRE(reply->outcome != YT_DONE || strcmp(transno, "0304") != 0 || reply->settlement.n == 20);
	if (reply->outcome != YT_UNKNOWN)
		YT_REQUIRE(api->encode_reply(plugin, msg, reply, &out) == 0);
	if (reply->outcome == YT_DONE && msg->op->id != YT_OP_OUTCOME_QUERY)
		YT_REQUIRE(memmem(out.p, out.n, "<errorcode>0<", 13) != NULL);
	(void)api->judge(plugin, msg, reply, adopted);
	yt_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct yt_arena *arena;
	struct yt_str octets = { (const char *)data + 1, size - 1 };

	if (size == 0)
		return 0;
	arena = yt_arena_new(0);
	YT_REQUIRE(arena != NULL);
	if (data[0] < 64)
		request(arena, octets);
	else if (data[0] < 160)
		request(arena, sealed(arena, asked[data[0] % N_ASKED], data[0] % N_ASKED == 2 ? "N" : "Q", "", octets));
	else
		answer(arena, asked[data[0] % N_ASKED], octets);
	yt_arena_free(arena);
	return 0;
}
