/* test_template.c - a unit test of the codec without a gateway: the host library gives it an instance and an arena.
 *
 * Replace the octets by captured ones of the format you write for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yitong/host.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond), exit(1)))

int main(void)
{
	static const char request[] = "op=1101\nnumber=H33021399901202603140928050001\ninstitution=H33021399901\ndata.psn_no=1\nend\n";
	const struct yt_setting_value values[] = { { "receiver", "YBXT" } };
	struct yt_plugin *plugin = yt_host_open(&yt_codec_api, values, 1, NULL, 0);
	struct yt_arena *arena = yt_arena_new(0);
	struct yt_msg *msg = yt_msg_new(arena);
	struct yt_fault fault = { { 0 }, { 0 } };
	struct yt_buf out = { 0 };

	CHECK(plugin != NULL && msg != NULL);
	CHECK(yt_codec_api.decode_request(plugin, YT_STR(request), msg, &fault) == 0);
	CHECK(msg->op->id == YT_OP_PERSON_CHECK);
	CHECK(yt_str_is(msg->person, "1"));
	CHECK(yt_codec_api.encode_request(plugin, msg, &out, &fault) == 0);
	CHECK(memmem(out.p, out.n, "receiver=YBXT\n", 14) != NULL);
	CHECK(yt_codec_api.decode_request(plugin, (struct yt_str){ request, 20 }, msg, &fault) == YT_EFORMAT); /* cut */
	/* Another format's member may have any name: it must not become a line of its own here. */
	CHECK(yt_codec_api.decode_request(plugin, YT_STR(request), msg, &fault) == 0);
	CHECK(yt_node_add_text(arena, yt_node_get(msg->body, "data"), "a\nnumber", YT_STR("7")) != NULL);
	yt_buf_clear(&out);
	CHECK(yt_codec_api.encode_request(plugin, msg, &out, &fault) == YT_EFORMAT);
	yt_buf_free(&out);
	yt_arena_free(arena);
	yt_host_close(plugin);
	puts("ok");
	return 0;
}
