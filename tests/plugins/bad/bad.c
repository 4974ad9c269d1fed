/* tests/plugins/bad/bad.c - the template codec with one fault each, for test_ctl_formats.c: `yitong plugin check` must
 * find every one of them.  BAD says which. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "yitong/plugin.h"

#undef YT_CODEC_PLUGIN
#define YT_CODEC_PLUGIN(...)                                                                                           \
	static const struct yt_codec_api good = {                                                                      \
		.abi_major = YT_ABI_MAJOR, .abi_minor = YT_ABI_MINOR, .size = sizeof(struct yt_codec_api), __VA_ARGS__ \
	}
#include "../../../sdk/template/template.c"

YT_EXPORT extern struct yt_codec_api yt_codec_api;
struct yt_codec_api yt_codec_api;

#define OVERREAD 1
#define WRITES_INPUT 2
#define DEEP 3
#define ENDLESS 4
#define LEAKS 5
#define LOSES 6
#define SILENT 7
#define SOCKET 8
#define THREAD 9
#define NO_NULL 10
#define DOES_TWICE 11
#define OVERRUN 12
#define LIES 13
#define FRAMES 14
#define FILES 15
#define CURT 16

static volatile char sink;

#if BAD == DEEP
static int depth_of(const char *p, const char *end)
{
	char local[256];

	local[0] = *p;
	sink = local[0];
	return p < end && *p == '[' ? 1 + depth_of(p + 1, end) : 0;
}
#endif

#if BAD == THREAD
static void *nothing(void *arg)
{
	return arg;
}
#endif

static int bad_decode(struct yt_plugin *self, struct yt_str octets, struct yt_msg *msg, struct yt_fault *fault)
{
#if BAD == OVERREAD
	for (const char *p = octets.p; *p != '\n'; p++) /* believes in a line end */
		sink = *p;
#elif BAD == WRITES_INPUT
	if (octets.n > 0)
		*(char *)octets.p = 'o';
#elif BAD == DEEP
	if (octets.n > 0)
		sink = (char)depth_of(octets.p, octets.p + octets.n);
#elif BAD == ENDLESS
	while (octets.n > 4096 && octets.p[octets.n - 1] == '9')
		sink = 1;
#elif BAD == LEAKS
	sink = (char)(malloc(1024) != NULL);
#elif BAD == SOCKET
	sink = (char)socket(AF_INET, SOCK_STREAM, 0);
#elif BAD == THREAD
	pthread_t thread;

	if (pthread_create(&thread, NULL, nothing, NULL) == 0)
		pthread_join(thread, NULL);
#elif BAD == OVERRUN
	char *p = yt_arena_alloc(msg->arena, 32);

	if (p != NULL)
		memset(p, 1, 33);
#endif
	int rv = good.decode_request(self, octets, msg, fault);
#if BAD == LOSES
	msg->number.n -= msg->number.n > 0;
#elif BAD == SILENT
	fault->why[0] = '\0';
#endif
	return rv;
}

static int bad_encode(struct yt_plugin *self, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault)
{
#if BAD == NO_NULL
	sink = (char)yt_node_get(msg->body, "data")->kind; /* believes in a business part */
#endif
	return good.encode_request(self, msg, out, fault);
}

static int bad_reply(
        struct yt_plugin *self, const struct yt_msg *msg, int http_status, struct yt_str octets, struct yt_reply *reply)
{
	int rv = good.decode_reply(self, msg, http_status, octets, reply);

#if BAD == LIES
	if (reply->outcome == YT_REFUSED)
		reply->outcome = YT_DONE;
#endif
	return rv;
}

#if BAD == DOES_TWICE
static const struct yt_wire_op asks_again[] = { { "2207", YT_OP_OUTPATIENT_SETTLE, YT_RESOLVE_NONE },
	{ NULL, YT_OP_UNREAD, YT_RESOLVE_PARK } };
#endif

#if BAD == FRAMES
/* One octet of length: believed, whether all of it is there or not. */
static int bad_next(struct yt_plugin *self, struct yt_str octets, struct yt_frame *out)
{
	out->wants = 1;
	if (octets.n == 0)
		return YT_EAGAIN;
	out->used = 1 + (size_t)(uint8_t)octets.p[0];
	out->message = (struct yt_str){ octets.p + 1, out->used - 1 };
	out->is_heartbeat = out->used == 1;
	return 0;
}

static int bad_put(struct yt_plugin *self, struct yt_str message, struct yt_buf *out)
{
	yt_buf_byte(out, (uint8_t)message.n);
	yt_buf_str(out, message);
	return 0;
}
#endif

#if BAD == FILES
static int bad_name(struct yt_plugin *self, struct yt_str octets, struct yt_arena *arena, struct yt_str *name)
{
	*name = yt_arena_printf(arena, "../%zu.txt", octets.n);
	return name->p != NULL ? 0 : YT_ENOMEM;
}
#endif

#if BAD == CURT
static int curt_reply(
        struct yt_plugin *self, const struct yt_msg *msg, const struct yt_reply *reply, struct yt_buf *out)
{
	if (reply->text.n > 0 && memchr(reply->text.p, '\n', reply->text.n) != NULL)
		return YT_EFORMAT;
	return encode_reply(self, msg, reply, out);
}
#endif

__attribute__((constructor)) static void spoil(void)
{
	yt_codec_api = good;
	yt_codec_api.name = NAME;
	yt_codec_api.decode_request = bad_decode;
	yt_codec_api.encode_request = bad_encode;
	yt_codec_api.decode_reply = bad_reply;
#if BAD == DOES_TWICE
	yt_codec_api.ops = asks_again;
#elif BAD == FILES
	yt_codec_api.file_name = bad_name;
#elif BAD == CURT
	yt_codec_api.encode_reply = curt_reply;
#elif BAD == FRAMES
	yt_codec_api.frame_next = bad_next;
	yt_codec_api.frame_put = bad_put;
#endif
}
