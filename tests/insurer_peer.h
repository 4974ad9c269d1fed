/* tests/insurer_peer.h - for the tests of the insurers' codecs: keys made for the occasion, the composed vectors, and
 * canonical messages written as JSON. */
#ifndef INSURER_PEER_H
#define INSURER_PEER_H

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
#define COMPOSED YT_SOURCE_DIR "/../shared/formats/samples/composed/"

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

static inline void add_key_file(struct world *w, const char *name, enum yt_key_kind kind, const char *file)
{
	struct keys_spec spec = { .name = name, .file = file, .kind = kind, .from_ms = INT64_MIN, .to_ms = INT64_MAX };
	char why[256];

	if (keys_add(w->keys, &spec, why, sizeof(why)) != 0)
		fail_msg("%s", why);
}

static inline void add_key(struct world *w, const char *name, enum yt_key_kind kind, const char *line)
{
	char file[] = "/tmp/yt-insurer-XXXXXX";
	int fd = mkstemp(file);

	assert_true(fd >= 0);
	dprintf(fd, "%s\n", line);
	close(fd);
	add_key_file(w, name, kind, file);
	unlink(file);
}

static inline void make_sm2(struct world *w, const char *name)
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
	add_key(w, name, YT_KEY_SM2_PRIVATE, line);
}

/* The secrets the vectors were made with. */
static inline struct world world_open(void)
{
	struct world w = { .arena = yt_arena_new(0) };
	char why[256];

	if (keys_open(&w.keys, NULL, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	add_key(&w, "mac", YT_KEY_SECRET, "hex:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
	add_key(&w, "other", YT_KEY_SECRET, "another secret");
	add_key(&w, "field", YT_KEY_SM4, "00112233445566778899aabbccddeeff");
	return w;
}

static inline void world_close(struct world *w)
{
	keys_close(w->keys);
	yt_arena_free(w->arena);
}

/* settings: pairs, ends with NULL. */
static inline struct codec open_codec(struct world *w, const char *file, const char *const *settings)
{
	struct plugin_setting given[16];
	struct codec c;
	char why[512];
	size_t n = 0;

	for (; settings[2 * n] != NULL; n++)
		given[n] = (struct plugin_setting){ settings[2 * n], settings[2 * n + 1] };
	if (plugin_load(&c.plugin, file, "test", given, n, w->keys, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	c.api = plugin_api(c.plugin);
	return c;
}

/* -- texts -------------------------------------------------------------------------------------- */

static inline struct yt_str kept(struct world *w, struct yt_buf *buf)
{
	struct yt_str s = yt_arena_copy(w->arena, yt_buf_view(buf));

	assert_false(buf->failed);
	yt_buf_free(buf);
	return s;
}

/* A composed vector; skips the test when there are none. */
static inline struct yt_str vector(struct world *w, const char *name)
{
	char path[400], octets[16384];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), COMPOSED "%s", name);
	file = fopen(path, "r");
	if (file == NULL) {
		print_message("no ../shared/formats/samples/composed/%s\n", name);
		world_close(w);
		skip();
	}
	n = fread(octets, 1, sizeof(octets), file);
	fclose(file);
	return yt_arena_copy(w->arena, (struct yt_str){ octets, n });
}

/* text with one piece replaced (all it has must be there); NULL piece: as it is. */
static inline struct yt_str changed(struct world *w, struct yt_str text, const char *from, const char *to)
{
	struct yt_buf out = { 0 };
	const char *at = from != NULL ? memmem(text.p, text.n, from, strlen(from)) : NULL;

	if (from == NULL)
		return text;
	if (at == NULL)
		fail_msg("no %s in: %.*s", from, YT_FMT(text));
	yt_buf_add(&out, text.p, (size_t)(at - text.p));
	yt_buf_text(&out, to);
	yt_buf_add(&out, at + strlen(from), text.n - (size_t)(at - text.p) - strlen(from));
	return kept(w, &out);
}

static inline struct yt_node *json(struct world *w, const char *text)
{
	struct yt_node *node = NULL;
	struct yt_json_error err;
	struct yt_str copy = yt_arena_copy(w->arena, yt_str(text));

	if (yt_json_read(w->arena, copy, NULL, &node, &err) != 0)
		fail_msg("%s at %zu of: %s", err.why, err.offset, text);
	return node;
}

static inline struct yt_str as_json(struct world *w, const struct yt_node *node)
{
	struct yt_buf out = { 0 };

	yt_json_write(node, &out);
	return kept(w, &out);
}

static inline void assert_text(struct yt_str is, const char *want)
{
	if (!yt_str_is(is, want))
		fail_msg("is: %.*s\nwant: %s", YT_FMT(is), want);
}

static inline void assert_same(struct yt_str is, struct yt_str want)
{
	size_t i = 0;

	while (i < is.n && i < want.n && is.p[i] == want.p[i])
		i++;
	if (i < is.n || i < want.n)
		fail_msg("differ at %zu: is %.*s, want %.*s", i, (int)(is.n - i < 80 ? is.n - i : 80), is.p + i,
		        (int)(want.n - i < 80 ? want.n - i : 80), want.p + i);
}

/* The value at "liability[1].pay_amt" or "data.psn_no"; empty when there is none. */
static inline struct yt_str value_at(const struct yt_node *node, const char *path)
{
	char name[64];

	while (node != NULL && *path != '\0') {
		size_t n = strcspn(path, ".[");

		if (n == 0) {
			path++;
			continue;
		}
		snprintf(name, sizeof(name), "%.*s", (int)n, path);
		path += n;
		node = yt_node_get(node, name);
		if (*path == '[') {
			unsigned row = (unsigned)strtoul(path + 1, NULL, 10);

			path += strcspn(path, "]") + 1;
			for (node = node != NULL ? node->child : NULL; node != NULL && row > 0; row--)
				node = node->next;
		}
	}
	return node != NULL ? node->text : (struct yt_str){ NULL, 0 };
}

/* -- messages ----------------------------------------------------------------------------------- */

static inline struct yt_msg *decoded(struct world *w, const struct codec *c, struct yt_str octets, const char *path)
{
	struct yt_msg *msg = yt_msg_new(w->arena);

	memset(&w->fault, 0, sizeof(w->fault));
	msg->path = yt_str(path);
	if (c->api->decode_request(c->plugin, octets, msg, &w->fault) != 0)
		fail_msg("%s: %s", w->fault.path, w->fault.why);
	return msg;
}

static inline int try_decode(struct world *w, const struct codec *c, struct yt_str octets, struct yt_msg **out)
{
	*out = yt_msg_new(w->arena);
	memset(&w->fault, 0, sizeof(w->fault));
	return c->api->decode_request(c->plugin, octets, *out, &w->fault);
}

static inline struct yt_msg *message(
        struct world *w, enum yt_operation op, const char *number, const char *time, struct yt_node *body)
{
	struct yt_msg *msg = yt_msg_new(w->arena);

	msg->op = yt_op(op);
	msg->own_number = yt_str(number);
	msg->body = body;
	assert_int_equal(yt_time_parse(yt_str(time), &msg->wall_ms), 0);
	return msg;
}

static inline int try_encode(struct world *w, const struct codec *c, const struct yt_msg *msg, struct yt_str *octets)
{
	struct yt_buf out = { 0 };
	int rv;

	memset(&w->fault, 0, sizeof(w->fault));
	rv = c->api->encode_request(c->plugin, msg, &out, &w->fault);
	*octets = kept(w, &out);
	return rv;
}

static inline struct yt_str encoded(struct world *w, const struct codec *c, const struct yt_msg *msg)
{
	struct yt_str octets;

	if (try_encode(w, c, msg, &octets) != 0)
		fail_msg("%s: %s", w->fault.path, w->fault.why);
	return octets;
}

static inline struct yt_reply *answered(
        struct world *w, const struct codec *c, const struct yt_msg *msg, int status, struct yt_str octets)
{
	struct yt_reply *reply = yt_reply_new(w->arena);

	assert_int_equal(c->api->decode_reply(c->plugin, msg, status, octets, reply), 0);
	return reply;
}

#endif
