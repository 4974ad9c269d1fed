/* tests/crossprovince_peer.h - two provinces that speak KSBW 1.0, for the tests of that plugin: keys made for the
 * occasion, documents sealed by hand, and the case of a person from Gansu treated in Zhejiang. */
#ifndef CROSSPROVINCE_PEER_H
#define CROSSPROVINCE_PEER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "format/keys.h"
#include "plugin/loader.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct world {
	struct yt_keys *keys;
	struct yt_arena *arena;
	struct yt_fault fault;
};

struct codec {
	struct yt_plugin *plugin;
	const struct yt_codec_api *api;
};

/* -- keys --------------------------------------------------------------------------------------- */

static inline void add_key(struct world *w, const char *name, const char *owner, const char *id, enum yt_key_kind kind,
        const char *line, int64_t to_ms)
{
	struct keys_spec spec = {
		.name = name, .owner = owner, .id = id, .kind = kind, .from_ms = INT64_MIN, .to_ms = to_ms
	};
	char file[] = "/tmp/yt-ksbw-XXXXXX",
	     why[256]; /* there for this moment only: a test that fails leaves nothing behind */
	int fd = mkstemp(file), rv;

	spec.file = file;
	assert_true(fd >= 0);
	dprintf(fd, "%s\n", line);
	close(fd);
	rv = keys_add(w->keys, &spec, why, sizeof(why));
	unlink(file);
	if (rv != 0)
		fail_msg("%s", why);
}

static inline void make_key(struct world *w, const char *name, const char *owner, const char *id, int64_t to_ms)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
	BIGNUM *number = NULL;
	unsigned char octets[32];
	char line[65];

	assert_non_null(key);
	assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &number), 1);
	BN_bn2binpad(number, octets, sizeof(octets));
	for (size_t i = 0; i < sizeof(octets); i++)
		snprintf(line + 2 * i, 3, "%02x", octets[i]);
	BN_free(number);
	EVP_PKEY_free(key);
	add_key(w, name, owner, id, YT_KEY_SM2_PRIVATE, line, to_ms);
}

static inline struct world world_open(void)
{
	struct world w = { .arena = yt_arena_new(0) };
	char why[256];

	if (keys_open(&w.keys, NULL, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	make_key(&w, "zj", "330000", "330000-TEST", INT64_MAX);
	make_key(&w, "gs", "620000", "620000-TEST", INT64_MAX);
	make_key(&w, "hub", "100000", "100000-TEST", INT64_MAX);
	make_key(&w, "zj-old", "330000", "330000-OLD", 1000);
	return w;
}

static inline void world_close(struct world *w)
{
	keys_close(w->keys);
	yt_arena_free(w->arena);
}

static inline struct codec open_with(struct world *w, const char *area, const char *key, const char *value)
{
	struct plugin_setting settings[] = { { "area", area }, { key, value } };
	struct codec c;
	char why[512];

	if (plugin_load(&c.plugin, YT_PLUGIN_DIR "/crossprovince.so", "test", settings, key != NULL ? 2 : 1, w->keys,
	            why, sizeof(why)) != 0)
		fail_msg("%s", why);
	c.api = plugin_api(c.plugin);
	return c;
}

/* -- documents made by hand --------------------------------------------------------------------- */

struct doc {
	const char *transno, *msgtype, *transid, *reftransid, *sender, *recver, *treating, *insured, *sendtime, *expire;
	const char *key; /* name of the key that signs: zj, gs */
	const char *keyid;
	const char *body; /* UTF-8, "<input>...</input>" */
	enum yt_charset charset;
};

static const struct doc ksbw_request = { "0304", "Q", "330000202603181015300000000099", "", "330000", "620000",
	"330200", "621000", "20260318101530", "30", "zj", "330000-TEST", NULL, YT_UTF8 };
static const struct doc ksbw_answer = { "0304", "A", "620000202603181015310000000042", "330000202603181015300000000099",
	"620000", "330000", "330200", "621000", "20260318101531", "30", "gs", "620000-TEST", NULL, YT_UTF8 };

static inline struct yt_str kept(struct world *w, struct yt_buf *buf)
{
	struct yt_str s = yt_arena_copy(w->arena, yt_buf_view(buf));

	assert_false(buf->failed);
	yt_buf_free(buf);
	return s;
}

static inline struct yt_str in_charset(struct world *w, struct yt_str text, enum yt_charset charset)
{
	struct yt_buf out = { 0 };

	if (charset == YT_UTF8)
		return text;
	assert_int_equal(yt_utf8_to_gb18030(text, &out, NULL), 0);
	return kept(w, &out);
}

static inline struct yt_str sm3_hex(struct world *w, struct yt_str octets)
{
	struct yt_buf out = { 0 };
	uint8_t digest[32];

	yt_sm3(octets, digest);
	yt_hex_add(&out, digest, sizeof(digest), false);
	return kept(w, &out);
}

static inline struct yt_str signature_of(struct world *w, const struct doc *d, struct yt_str digest)
{
	struct yt_str text = yt_arena_printf(w->arena, "1.0|%s|%s|%s|%s|%s|%s|%s|%s|%s|%s|%s|%.*s", d->transno,
	        d->msgtype, d->transid, d->reftransid, d->sender, d->recver, d->treating, d->insured, d->sendtime,
	        d->expire, d->keyid, YT_FMT(digest));
	struct yt_piece piece = YT_PIECE(text);
	struct yt_buf out = { 0 };
	uint8_t signature[64];

	assert_int_equal(keys_sm2_sign(w->keys, yt_str(d->key), NULL, &piece, 1, signature), 0);
	yt_base64_add(&out, signature, sizeof(signature));
	return kept(w, &out);
}

static inline struct yt_str sealed(struct world *w, const struct doc *d)
{
	struct yt_str body = in_charset(w, yt_str(d->body), d->charset), digest = sm3_hex(w, body);
	struct yt_str sign = signature_of(w, d, digest);
	struct yt_buf out = { 0 };

	yt_buf_printf(&out, "<?xml version=\"1.0\" encoding=\"%s\"?>\n<ksbw ver=\"1.0\">\n  <head>\n",
	        yt_charset_name(d->charset));
	yt_buf_printf(&out, "    <transno>%s</transno>\n    <msgtype>%s</msgtype>\n    <transid>%s</transid>\n",
	        d->transno, d->msgtype, d->transid);
	if (d->reftransid[0] != '\0')
		yt_buf_printf(&out, "    <reftransid>%s</reftransid>\n", d->reftransid);
	yt_buf_printf(&out,
	        "    <sender>%s</sender>\n    <recver>%s</recver>\n    <aab299>%s</aab299>\n    <aab301>%s</aab301>\n",
	        d->sender, d->recver, d->treating, d->insured);
	yt_buf_printf(&out, "    <sendtime>%s</sendtime>\n    <expire>%s</expire>\n    <keyid>%s</keyid>\n",
	        d->sendtime, d->expire, d->keyid);
	yt_buf_printf(
	        &out, "    <digest>%.*s</digest>\n    <sign>%.*s</sign>\n  </head>\n  ", YT_FMT(digest), YT_FMT(sign));
	yt_buf_str(&out, body);
	yt_buf_text(&out, "\n</ksbw>\n");
	return kept(w, &out);
}

/* The element of that name with its tags. */
static inline struct yt_str element(struct yt_str document, const char *name)
{
	char open[64], close[64];
	const char *from, *to;

	snprintf(open, sizeof(open), "<%s>", name);
	snprintf(close, sizeof(close), "</%s>", name);
	from = memmem(document.p, document.n, open, strlen(open));
	assert_non_null(from);
	to = memmem(from, (size_t)(document.p + document.n - from), close, strlen(close));
	assert_non_null(to);
	return (struct yt_str){ from, (size_t)(to - from) + strlen(close) };
}

static inline struct yt_str text_of(struct yt_str document, const char *name)
{
	struct yt_str e = element(document, name);
	size_t tag = strlen(name) + 2;

	return (struct yt_str){ e.p + tag, e.n - 2 * tag - 1 };
}

static inline void assert_same(struct yt_str is, struct yt_str want)
{
	if (!yt_str_eq(is, want))
		fail_msg("is\n%.*s\nwants\n%.*s", YT_FMT(is), YT_FMT(want));
}

static inline void assert_text(struct yt_str is, const char *want)
{
	assert_same(is, yt_str(want));
}

/* text with every occurrence of one part replaced by another. */
static inline char *replaced(struct world *w, const char *text, const char *part, const char *by)
{
	struct yt_buf out = { 0 };
	const char *at;

	assert_non_null(strstr(text, part));
	for (; (at = strstr(text, part)) != NULL; text = at + strlen(part)) {
		yt_buf_add(&out, text, (size_t)(at - text));
		yt_buf_text(&out, by);
	}
	yt_buf_text(&out, text);
	return (char *)kept(w, &out).p;
}

/* -- both sides --------------------------------------------------------------------------------- */

static inline int decode(struct world *w, struct codec *c, struct yt_str octets, struct yt_msg **msg)
{
	*msg = yt_msg_new(w->arena);
	memset(&w->fault, 0, sizeof(w->fault));
	return c->api->decode_request(c->plugin, octets, *msg, &w->fault);
}

static inline struct yt_msg *must_decode(struct world *w, struct codec *c, struct yt_str octets)
{
	struct yt_msg *msg;

	if (decode(w, c, octets, &msg) != 0)
		fail_msg("%s %s", w->fault.path, w->fault.why);
	return msg;
}

static inline struct yt_str encoded(struct world *w, struct codec *c, const struct yt_msg *msg)
{
	struct yt_buf out = { 0 };

	if (c->api->encode_request(c->plugin, msg, &out, &w->fault) != 0)
		fail_msg("%s %s", w->fault.path, w->fault.why);
	return kept(w, &out);
}

static inline struct yt_reply *answered(
        struct world *w, struct codec *c, const struct yt_msg *msg, struct yt_str octets)
{
	struct yt_reply *reply = yt_reply_new(w->arena);

	assert_int_equal(c->api->decode_reply(c->plugin, msg, 200, octets, reply), 0);
	return reply;
}

static inline struct yt_str encoded_reply(
        struct world *w, struct codec *c, const struct yt_msg *msg, const struct yt_reply *reply)
{
	struct yt_buf out = { 0 };

	assert_int_equal(c->api->encode_reply(c->plugin, msg, reply, &out), 0);
	return kept(w, &out);
}

static inline struct yt_node *json(struct world *w, const char *text)
{
	struct yt_json_error err = { 0 };
	struct yt_node *root;

	if (yt_json_read(w->arena, yt_str(text), NULL, &root, &err) != 0)
		fail_msg("test's own JSON: column %u %s", err.column, err.why);
	return root;
}

/* What a hospital sends as 2304, and what the case's earlier messages brought. */
static inline struct yt_msg *case_of_8(struct world *w)
{
	struct yt_msg *msg = yt_msg_new(w->arena);

	msg->op = yt_op(YT_OP_INPATIENT_SETTLE);
	msg->wire_op = YT_STR("2304");
	msg->number = YT_STR("H33020300999-ZY26030600731-1");
	msg->own_number = YT_STR("330000202603181015300000000017");
	msg->institution = YT_STR("H33020300999");
	msg->institution_name = YT_STR("宁波甬东示例医院");
	msg->operator_id = YT_STR("收费05");
	msg->treatment_area = YT_STR("330200");
	msg->insured_area = YT_STR("621000");
	msg->time = YT_STR("2026-03-18 10:15:30");
	msg->body =
	        json(w, "{\"data\":{\"psn_no\":\"62100000000000000000876543\",\"mdtrt_id\":\"33020000000001234567\","
	                "\"medfee_sumamt\":28463.57,\"invono\":\"NB20260318000731\",\"mid_setl_flag\":\"0\",\"acct_"
	                "used_flag\":\"0\","
	                "\"inscp_scp_amt\":23692,\"preselfpay_amt\":2715.17,\"fulamt_ownpay_amt\":1820.4,\"overlmt_"
	                "selfpay\":236,"
	                "\"dscgTime\":\"2026-03-18\"}}");
	msg->facts = json(w,
	        "{\"ykc700\":\"S6210002603060000123\",\"psn_cert_type\":\"01\",\"certno\":\"621002197203164015\","
	        "\"psn_name\":\"苏望川\",\"med_type\":\"21\",\"begntime\":\"2026-03-06 "
	        "08:30:00\",\"akc018\":\"17204.36\","
	        "\"akc232\":\"1530.17\",\"akc233\":\"685.00\",\"akc234\":\"500\",\"akc235\":\"0\",\"akc236\":\"120."
	        "00\","
	        "\"feecnt\":\"412\",\"feehash\":\"db29cc7e96b5992cec39d2e48c459721eb08bf5daa019261b01f043a033dfe73\","
	        "\"pretransid\":\"330000202603181014220000000016\"}");
	return msg;
}

#endif
