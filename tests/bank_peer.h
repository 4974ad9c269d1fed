/* tests/bank_peer.h - a bank channel under test: its codec through the loader, messages made of JSON, samples from the
 * folder of format facts beside the project, which may not be there. */
#ifndef BANK_PEER_H
#define BANK_PEER_H

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
#include "yitong/payout.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define FACTS YT_SOURCE_DIR "/../shared/formats/"

struct bank {
	struct yt_plugin *plugin;
	const struct yt_codec_api *api;
	struct yt_keys *keys;
	struct yt_arena *arena;
	struct yt_fault fault;
};

static inline void assert_text(struct yt_str is, const char *wanted)
{
	if (!yt_str_is(is, wanted))
		fail_msg("is \"%.*s\", wanted \"%s\"", YT_FMT(is), wanted);
}

static inline void assert_part(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no \"%s\" in \"%s\"", part, text);
}

/* An SM2 pair; kind YT_KEY_SM2_PRIVATE with hex NULL: made for the occasion; else hex is a public half, 04 x y. */
static inline void bank_key(struct bank *b, const char *name, const char *owner, const char *id, const char *hex)
{
	struct keys_spec spec = { .name = name, .owner = owner, .id = id, .from_ms = INT64_MIN, .to_ms = INT64_MAX };
	char file[] = "/tmp/yt-bank-XXXXXX", line[140], why[256];
	int fd = mkstemp(file), rv;

	assert_true(fd >= 0);
	spec.file = file;
	spec.kind = hex == NULL ? YT_KEY_SM2_PRIVATE : YT_KEY_SM2_PUBLIC;
	if (hex == NULL) {
		EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
		BIGNUM *number = NULL;
		unsigned char octets[32];

		assert_non_null(key);
		assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &number), 1);
		BN_bn2binpad(number, octets, sizeof(octets));
		for (size_t i = 0; i < sizeof(octets); i++)
			snprintf(line + 2 * i, 3, "%02x", octets[i]);
		BN_free(number);
		EVP_PKEY_free(key);
		hex = line;
	}
	dprintf(fd, "%s\n", hex);
	close(fd);
	rv = keys_add(b->keys, &spec, why, sizeof(why));
	unlink(file);
	if (rv != 0)
		fail_msg("%s", why);
}

static inline struct bank bank_open(const char *format, const struct plugin_setting *settings, size_t n)
{
	struct bank b = { .arena = yt_arena_new(0) };
	char file[512], why[512];

	assert_int_equal(keys_open(&b.keys, NULL, why, sizeof(why)), 0);
	snprintf(file, sizeof(file), "%s/%s.so", YT_PLUGIN_DIR, format);
	if (plugin_load(&b.plugin, file, "test", settings, n, b.keys, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	b.api = plugin_api(b.plugin);
	return b;
}

static inline void bank_close(struct bank *b)
{
	plugin_unload(b->plugin);
	keys_close(b->keys);
	yt_arena_free(b->arena);
}

/* -- messages ------------------------------------------------------------------------------------ */

static inline struct yt_node *from_json(struct bank *b, const char *json)
{
	struct yt_json_error err;
	struct yt_node *node;

	if (yt_json_read(b->arena, yt_arena_copy(b->arena, yt_str(json)), NULL, &node, &err) != 0)
		fail_msg("%s at %u:%u of %s", err.why, err.line, err.column, json);
	return node;
}

static inline struct yt_msg *order_of(struct bank *b, enum yt_operation op, const char *number, struct yt_node *body)
{
	struct yt_msg *msg = yt_msg_new(b->arena);

	msg->op = yt_op(op);
	msg->own_number = yt_str(number);
	msg->time = YT_STR("2026-11-20 09:15:02");
	msg->body = body;
	return msg;
}

static inline int try_encode(struct bank *b, const struct yt_msg *msg, struct yt_str *octets)
{
	struct yt_buf out = { 0 };
	int rv = b->api->encode_request(b->plugin, msg, &out, &b->fault);

	assert_false(out.failed);
	if (rv != 0)
		assert_int_equal(out.n, 0);
	*octets = yt_arena_copy(b->arena, yt_buf_view(&out));
	yt_buf_free(&out);
	return rv;
}

static inline struct yt_str encoded(struct bank *b, const struct yt_msg *msg)
{
	struct yt_str octets;

	if (try_encode(b, msg, &octets) != 0)
		fail_msg("%s %s", b->fault.path, b->fault.why);
	return octets;
}

static inline int try_decode(struct bank *b, struct yt_str octets, struct yt_msg **out)
{
	memset(&b->fault, 0, sizeof(b->fault));
	*out = yt_msg_new(b->arena);
	return b->api->decode_request(b->plugin, octets, *out, &b->fault);
}

static inline struct yt_msg *decoded(struct bank *b, struct yt_str octets)
{
	struct yt_msg *msg;

	if (try_decode(b, octets, &msg) != 0)
		fail_msg("%s %s", b->fault.path, b->fault.why);
	return msg;
}

static inline struct yt_reply *answered(struct bank *b, const struct yt_msg *msg, struct yt_str octets)
{
	struct yt_reply *reply = yt_reply_new(b->arena);

	assert_int_equal(b->api->decode_reply(b->plugin, msg, 0, octets, reply), 0);
	return reply;
}

static inline struct yt_str json_of(struct bank *b, const struct yt_node *node)
{
	struct yt_buf out = { 0 };
	struct yt_str text;

	yt_json_write(node, &out);
	assert_false(out.failed);
	text = yt_arena_copy(b->arena, yt_buf_view(&out));
	yt_buf_free(&out);
	return text;
}

/* The nth row of an array, or NULL. */
static inline const struct yt_node *row_at(const struct yt_node *array, unsigned n)
{
	const struct yt_node *row = array != NULL ? array->child : NULL;

	while (row != NULL && n-- > 0)
		row = row->next;
	return row;
}

/* -- samples ------------------------------------------------------------------------------------- */

/* A file below the format facts; .p NULL, after saying so, when it is not there. */
static inline struct yt_str sample(struct bank *b, const char *name)
{
	struct yt_buf buf = { 0 };
	char path[512], chunk[4096];
	struct yt_str octets = { NULL, 0 };
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s%s", FACTS, name);
	f = fopen(path, "r");
	if (f == NULL) {
		print_message("%s is not here\n", path);
		return octets;
	}
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		yt_buf_add(&buf, chunk, n);
	fclose(f);
	octets = yt_arena_copy(b->arena, yt_buf_view(&buf));
	yt_buf_free(&buf);
	return octets;
}

#define NEED(octets)                                                                                                   \
	do {                                                                                                           \
		if ((octets).p == NULL)                                                                                \
			skip();                                                                                        \
	} while (0)

#endif
