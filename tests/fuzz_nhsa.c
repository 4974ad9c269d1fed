/* tests/fuzz_nhsa.c - hostile octets as request and as answer, through the plugin as core loads it.
 *
 * The first octet chooses what is asked; whatever is read must be writable again, and what was written
 * must read as the same message. */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugin/loader.h"

static struct yt_plugin *plugin;
static const struct yt_codec_api *api;

int LLVMFuzzerInitialize(int *argc, char ***argv);
/* The plugin stands beside this program: ../plugins/nhsa.so. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char self[4096], file[4200], why[512];
	static const struct plugin_setting settings[] = { { "recer_sys_code", "YBXT" } };
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	YT_REQUIRE(n > 0);
	self[n] = '\0';
	snprintf(file, sizeof(file), "%s/../plugins/nhsa.so", dirname(self));
	if (plugin_load(&plugin, file, "fuzz", settings, 1, NULL, why, sizeof(why)) != 0) {
		fprintf(stderr, "%s\n", why);
		exit(1);
	}
	api = plugin_api(plugin);
	return 0;
}

static void ask_about(struct yt_arena *arena, const struct yt_msg *msg)
{
	struct yt_msg *made = yt_msg_new(arena);
	struct yt_fault fault;
	struct yt_buf out = { 0 };

	if (api->query_for(plugin, msg, made) == 0 || api->reversal_of(plugin, msg, made) == 0) {
		made->number = YT_STR("N1");
		made->time = YT_STR("2025-03-14 09:41:30");
		made->operator_id = YT_STR("YT9001");
		YT_REQUIRE(api->encode_request(plugin, made, &out, &fault) == 0);
	}
	yt_buf_free(&out);
}

static void request(struct yt_arena *arena, struct yt_str octets)
{
	struct yt_msg *msg = yt_msg_new(arena), *again = yt_msg_new(arena);
	struct yt_fault fault;
	struct yt_buf out = { 0 };

	if (api->decode_request(plugin, octets, msg, &fault) != 0)
		return;
	YT_REQUIRE(api->encode_request(plugin, msg, &out, &fault) == 0);
	YT_REQUIRE(api->decode_request(plugin, yt_buf_view(&out), again, &fault) == 0);
	YT_REQUIRE(yt_str_eq(msg->number, again->number) && yt_str_eq(msg->person, again->person));
	YT_REQUIRE(msg->amount_fen == again->amount_fen);
	ask_about(arena, msg);
	yt_buf_free(&out);
}

static void answer(struct yt_arena *arena, const char *infno, struct yt_str octets)
{
	struct yt_msg *msg = yt_msg_new(arena);
	struct yt_reply *reply = yt_reply_new(arena), *adopted = yt_reply_new(arena);
	struct yt_buf out = { 0 };
	char why[256];

	msg->wire_op = yt_str(infno);
	for (const struct yt_wire_op *op = api->ops; op->wire != NULL; op++)
		if (strcmp(op->wire, infno) == 0)
			msg->op = yt_op(op->op);
	YT_REQUIRE(api->decode_reply(plugin, msg, 200, octets, reply) == 0);
	YT_REQUIRE(reply->outcome != YT_DONE || !msg->op->is_settlement || reply->settlement.n > 0);
	(void)yt_money_check(msg->op->reply_money, reply->body, why, sizeof(why));
	if (reply->outcome != YT_UNKNOWN)
		YT_REQUIRE(api->encode_reply(plugin, msg, reply, &out) == 0);
	for (const struct yt_wire_op *op = api->ops; op->wire != NULL; op++) {
		msg->op = yt_op(op->op);
		msg->wire_op = yt_str(op->wire);
		if (api->judge(plugin, msg, reply, adopted) == YT_FOUND)
			YT_REQUIRE(api->encode_reply(plugin, msg, adopted, &out) == 0);
	}
	yt_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const asked[] = { "1101", "1162", "2102", "2103", "2201", "2207", "2208", "2305", "3101",
		"5201", "5203", "5204", "5302", "5304", "6201", "9001" };
	struct yt_arena *arena;
	struct yt_str octets = { (const char *)data + 1, size - 1 };

	if (size == 0)
		return 0;
	arena = yt_arena_new(0);
	YT_REQUIRE(arena != NULL);
	if (data[0] < 128)
		request(arena, octets);
	else
		answer(arena, asked[data[0] % 16], octets);
	yt_arena_free(arena);
	return 0;
}
