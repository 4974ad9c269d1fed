/* tests/plugins/fragile/fragile.c - the nhsa codec with one flaw: some octets kill the process that decodes them.
 *
 * For tests/e2e/plugin_crash.sh (promise P8).  It loads nhsa.so beside it and passes everything on, but a
 * request that holds FRAGILE-REQUEST, or an answer to FRAGILE-ANSWER, dies in decoding. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "yitong/plugin.h"

static const struct yt_codec_api *whole;

YT_EXPORT extern struct yt_codec_api yt_codec_api;
struct yt_codec_api yt_codec_api;

static int decode_request(struct yt_plugin *self, struct yt_str octets, struct yt_msg *msg, struct yt_fault *fault)
{
	if (memmem(octets.p, octets.n, "FRAGILE-REQUEST", 15) != NULL)
		abort();
	return whole->decode_request(self, octets, msg, fault);
}

static int decode_reply(struct yt_plugin *self, const struct yt_msg *msg, int http_status, struct yt_str octets,
	struct yt_reply *reply)
{
	if (memmem(msg->content.p, msg->content.n, "FRAGILE-ANSWER", 14) != NULL)
		abort();
	return whole->decode_reply(self, msg, http_status, octets, reply);
}

__attribute__((constructor)) static void borrow(void)
{
	char path[1024];
	Dl_info here;
	void *nhsa;

	if (dladdr((void *)&whole, &here) == 0)
		return;
	snprintf(path, sizeof(path), "%s", here.dli_fname);
	*strrchr(path, '/') = 0;
	strncat(path, "/nhsa.so", sizeof(path) - strlen(path) - 1);
	nhsa = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	whole = nhsa != NULL ? dlsym(nhsa, "yt_codec_api") : NULL;
	if (whole == NULL)
		return;
	yt_codec_api = *whole;
	yt_codec_api.name = "fragile";
	yt_codec_api.decode_request = decode_request;
	yt_codec_api.decode_reply = decode_reply;
}
