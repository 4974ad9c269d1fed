/* tests/plugins/fragile/fragile.c - the nhsa codec with one flaw: some octets kill the process in the function they
 * name.
 *
 * For tests/e2e/plugin_crash.sh (promise P8).  It loads nhsa.so beside it and passes everything on, but a request that
 * holds FRAGILE-REQUEST, or an answer to FRAGILE-ANSWER, dies in decoding, and one that holds DIES-encode_reply and
 * the like dies there.  path, sign and make_number see no message: they die for the next one after DIES-path and so on,
 * and close dies in a worker that has seen DIES-close.  A request that holds DIES-blank has secrets to be blanked, and
 * make_number, repeat_reply and http_verify_reply, which nhsa does not have, are there to die in.  As fragile-slow it
 * says that it is slow, so that it may be called in another thread.
 *
 * For tests/e2e/slow.sh a request that holds WAITS-FOR-GATE is not decoded before the file $FRAGILE_GATE is there. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "yitong/plugin.h"

static const struct yt_codec_api *whole;
static _Atomic bool path_dies, sign_dies, number_dies, close_dies; /* set in a thread of fragile-slow */

YT_EXPORT extern struct yt_codec_api yt_codec_api;
struct yt_codec_api yt_codec_api;

static bool holds(struct yt_str octets, const char *mark)
{
	return octets.n > 0 && memmem(octets.p, octets.n, mark, strlen(mark)) != NULL;
}

static void die_at(struct yt_str octets, const char *mark)
{
	if (holds(octets, mark))
		abort();
}

static void wait_for_gate(void)
{
	const char *gate = getenv("FRAGILE_GATE");

	while (gate != NULL && access(gate, F_OK) != 0)
		usleep(2000);
}

static int decode_request(struct yt_plugin *self, struct yt_str octets, struct yt_msg *msg, struct yt_fault *fault)
{
	int rv;

	if (holds(octets, "WAITS-FOR-GATE"))
		wait_for_gate();

	die_at(octets, "FRAGILE-REQUEST");
	number_dies = number_dies || holds(octets, "DIES-make_number");
	close_dies = close_dies || holds(octets, "DIES-close");
	rv = whole->decode_request(self, octets, msg, fault);
	if (holds(octets, "DIES-blank"))
		msg->n_secrets = 1;
	return rv;
}

static int decode_reply(
        struct yt_plugin *self, const struct yt_msg *msg, int http_status, struct yt_str octets, struct yt_reply *reply)
{
	die_at(msg->content, "FRAGILE-ANSWER");
	return whole->decode_reply(self, msg, http_status, octets, reply);
}

static int encode_request(struct yt_plugin *self, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault)
{
	die_at(msg->content, "DIES-encode_request");
	path_dies = path_dies || holds(msg->content, "DIES-path");
	sign_dies = sign_dies || holds(msg->content, "DIES-sign");
	return whole->encode_request(self, msg, out, fault);
}

static int encode_reply(
        struct yt_plugin *self, const struct yt_msg *msg, const struct yt_reply *reply, struct yt_buf *out)
{
	die_at(msg->content, "DIES-encode_reply");
	return whole->encode_reply(self, msg, reply, out);
}

static int verify(struct yt_plugin *self, const struct yt_header *headers, size_t n, struct yt_str key, int64_t now_ms,
        struct yt_fault *fault)
{
	for (size_t i = 0; i < n; i++)
		die_at(headers[i].value, "DIES-verify");
	return whole->verify(self, headers, n, key, now_ms, fault);
}

static struct yt_str sender(struct yt_plugin *self, const struct yt_header *headers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		die_at(headers[i].value, "DIES-sender");
	return whole->sender(self, headers, n);
}

static int sign(struct yt_plugin *self, struct yt_arena *arena, int64_t now_ms, struct yt_header *out, size_t max)
{
	if (sign_dies)
		abort();
	return whole->sign(self, arena, now_ms, out, max);
}

static int path(
        struct yt_plugin *self, struct yt_str wire_op, struct yt_str base, struct yt_arena *arena, struct yt_str *out)
{
	if (path_dies)
		abort();
	return whole->path(self, wire_op, base, arena, out);
}

static int query_for(struct yt_plugin *self, const struct yt_msg *original, struct yt_msg *query)
{
	die_at(original->content, "DIES-query_for");
	return whole->query_for(self, original, query);
}

static enum yt_judgement judge(
        struct yt_plugin *self, const struct yt_msg *original, const struct yt_reply *answer, struct yt_reply *adopted)
{
	die_at(original->content, "DIES-judge");
	return whole->judge(self, original, answer, adopted);
}

static int reversal_of(struct yt_plugin *self, const struct yt_msg *original, struct yt_msg *reversal)
{
	die_at(original->content, "DIES-reversal_of");
	return whole->reversal_of(self, original, reversal);
}

static int64_t patience(struct yt_plugin *self, const struct yt_msg *msg, struct yt_reply *instead)
{
	die_at(msg->content, "DIES-patience");
	return whole->patience(self, msg, instead);
}

static int blank(struct yt_plugin *self, struct yt_str wire_op, bool is_answer, struct yt_arena *arena,
        struct yt_str octets, yt_blank *put, void *ctx, struct yt_buf *out)
{
	die_at(octets, "DIES-blank");
	return whole->blank(self, wire_op, is_answer, arena, octets, put, ctx, out);
}

static int make_number(
        struct yt_plugin *self, struct yt_arena *arena, int64_t wall_ms, uint64_t serial, struct yt_str *number)
{
	if (number_dies)
		abort();
	return YT_ENOTFOUND;
}

static int repeat_reply(struct yt_plugin *self, const struct yt_msg *msg, struct yt_str stored,
        struct yt_str own_number, int64_t wall_ms, struct yt_buf *out)
{
	die_at(msg->content, "DIES-repeat_reply");
	yt_buf_str(out, stored);
	return 0;
}

static int sign_in_for(
        struct yt_plugin *self, struct yt_str institution, struct yt_str operator_id, struct yt_msg *sign_in)
{
	die_at(operator_id, "DIES-sign_in");
	return whole->sign_in_for(self, institution, operator_id, sign_in);
}

static int open_it(struct yt_plugin *self)
{
	die_at(yt_plugin_setting(self, "recer_sys_code"), "DIES-open");
	return whole->open(self);
}

static void close_it(struct yt_plugin *self)
{
	if (close_dies)
		abort();
	whole->close(self);
}

static int http_verify_reply(struct yt_plugin *self, struct yt_str octets, const struct yt_http *answer, int64_t now_ms,
        struct yt_fault *fault)
{
	die_at(octets, "DIES-http_verify_reply");
	return 0;
}

static void replace(void)
{
	yt_codec_api = *whole;
	yt_codec_api.name = NAME;
	yt_codec_api.is_slow = strcmp(NAME, "fragile-slow") == 0;
	yt_codec_api.decode_request = decode_request;
	yt_codec_api.decode_reply = decode_reply;
	yt_codec_api.encode_request = encode_request;
	yt_codec_api.encode_reply = encode_reply;
	yt_codec_api.verify = verify;
	yt_codec_api.sender = sender;
	yt_codec_api.sign = sign;
	yt_codec_api.path = path;
	yt_codec_api.query_for = query_for;
	yt_codec_api.judge = judge;
	yt_codec_api.reversal_of = reversal_of;
	yt_codec_api.patience = patience;
	yt_codec_api.http_verify_reply = http_verify_reply;
	yt_codec_api.blank = blank;
	yt_codec_api.make_number = make_number;
	yt_codec_api.repeat_reply = repeat_reply;
	yt_codec_api.sign_in_for = sign_in_for;
	yt_codec_api.open = open_it;
	yt_codec_api.close = close_it;
}

__attribute__((constructor)) static void borrow(void)
{
	char file[1024];
	Dl_info here;
	void *nhsa;

	if (dladdr((void *)&whole, &here) == 0)
		return;
	snprintf(file, sizeof(file), "%s", here.dli_fname);
	*strrchr(file, '/') = 0;
	strncat(file, "/nhsa.so", sizeof(file) - strlen(file) - 1);
	nhsa = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	whole = nhsa != NULL ? dlsym(nhsa, "yt_codec_api") : NULL;
	if (whole != NULL)
		replace();
}
