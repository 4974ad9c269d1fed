/* tests/fuzz_banks.c - hostile octets at the three bank channels, through the plugins as core loads them.
 *
 * The first octet chooses the format and whether the octets behind it come as a request or as the answer to an order
 * that was sent; a batch file may get its trailer here.  What is read must be writable again, unless its payouts break
 * the rules of payouts; an answer is done or refused only by a state that says so. */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugin/loader.h"
#include "yitong/payout.h"

static const char order[] =
        "{\"data\":{\"pay_no\":\"MA20261120000000000002\",\"batch_no\":\"000007\",\"pay_amt\":21463.5,"
        "\"payer_acct\":\"3999020001000000018\",\"payer_name\":\"支出户\",\"payer_bank_no\":\"102332099018\","
        "\"payee_acct\":\"6299993302000003039\",\"payee_name\":\"陈晐\",\"purpose\":\"生育津贴\"}}";

static struct channel {
	const char *format;
	struct plugin_setting settings[4];
	size_t n;
	enum yt_operation op;
	const char *number;
	struct yt_plugin *plugin;
	const struct yt_codec_api *api;
} channels[] = {
	{ "iso20022", { { "customer", "3302990001" } }, 1, YT_OP_PAY_ORDER, "PM20261120000000000100", NULL, NULL },
	{ "banklink", { { "corp_no", "3302990001" }, { "operator", "OP1" }, { "signatures", "no" } }, 3,
	        YT_OP_PAY_ORDER, "20261120000000000101", NULL, NULL },
	{ "bankfile", { { "corp_no", "3302990001" } }, 1, YT_OP_PAY_BATCH, "PAY_3302990001_20261120_000007", NULL,
	        NULL },
};
#define N_CHANNELS (sizeof(channels) / sizeof(channels[0]))

int LLVMFuzzerInitialize(int *argc, char ***argv);
/* The plugins stand beside this program: ../plugins. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char self[4096], file[4200], why[512];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *folder;

	YT_REQUIRE(n > 0);
	self[n] = '\0';
	folder = dirname(self);
	for (size_t i = 0; i < N_CHANNELS; i++) {
		struct channel *c = &channels[i];

		snprintf(file, sizeof(file), "%s/../plugins/%s.so", folder, c->format);
		if (plugin_load(&c->plugin, file, "fuzz", c->settings, c->n, NULL, why, sizeof(why)) != 0) {
			fprintf(stderr, "%s\n", why);
			exit(1);
		}
		c->api = plugin_api(c->plugin);
	}
	return 0;
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

static void request(const struct channel *c, struct yt_arena *arena, struct yt_str octets)
{
	struct yt_msg *msg = yt_msg_new(arena), *again = yt_msg_new(arena), *query = yt_msg_new(arena);
	struct yt_reply *reply = yt_reply_new(arena);
	struct yt_fault fault;
	struct yt_buf out = { 0 };
	int rv = c->api->decode_request(c->plugin, octets, msg, &fault);

	reply->outcome = YT_REFUSED;
	YT_REQUIRE(c->api->encode_reply(c->plugin, msg, reply, &out) == 0);
	yt_buf_clear(&out);
	msg->own_number = msg->number;
	if (rv == 0 && c->api->encode_request(c->plugin, msg, &out, &fault) == 0) {
		struct yt_str written = yt_arena_copy(arena, yt_buf_view(&out));

		YT_REQUIRE(c->api->decode_request(c->plugin, written, again, &fault) == 0);
		YT_REQUIRE(again->amount_fen == msg->amount_fen);
		yt_buf_clear(&out);
		again->own_number = again->number;
		YT_REQUIRE(c->api->encode_request(c->plugin, again, &out, &fault) == 0);
		msg = yt_msg_new(arena);
		YT_REQUIRE(c->api->decode_request(c->plugin, yt_buf_view(&out), msg, &fault) == 0);
		same(msg->body, again->body);
	}
	if (rv == 0 && c->api->query_for != NULL)
		(void)c->api->query_for(c->plugin, msg, query);
	yt_buf_free(&out);
}

static void answer(const struct channel *c, struct yt_arena *arena, struct yt_str octets)
{
	struct yt_reply *reply = yt_reply_new(arena), *adopted = yt_reply_new(arena);
	struct yt_msg *msg = yt_msg_new(arena);
	struct yt_buf out = { 0 };
	struct yt_fault fault;
	const struct yt_node *row = NULL;
	char path[64];
	bool is_proved = false;

	YT_REQUIRE(yt_json_read(arena, YT_STR(order), NULL, &msg->body, NULL) == 0);
	msg->op = yt_op(c->op);
	msg->own_number = yt_str(c->number);
	msg->time = YT_STR("2026-11-20 09:15:30");
	YT_REQUIRE(c->api->encode_request(c->plugin, msg, &out, &fault) == 0);
	msg->sent = yt_arena_copy(arena, yt_buf_view(&out));
	yt_buf_free(&out);
	YT_REQUIRE(c->api->decode_reply(c->plugin, msg, 0, octets, reply) == 0);
	while (yt_payout_next(reply->body, &row, path, sizeof(path))) {
		enum yt_pay_state state = yt_pay_state_of(yt_node_text(row, "pay_state"));

		is_proved = is_proved || (state != YT_PAY_STATES && yt_pay_outcome(state) == reply->outcome);
	}
	/* A refusal of banklink's may be of the request alone. */
	YT_REQUIRE(reply->outcome == YT_UNKNOWN || is_proved || (reply->outcome == YT_REFUSED && reply->code.n == 6));
	if (c->api->judge != NULL)
		(void)c->api->judge(c->plugin, msg, reply, adopted);
}

static void frames(const struct channel *c, struct yt_str octets)
{
	struct yt_frame frame;

	while (c->api->frame_next != NULL && c->api->frame_next(c->plugin, octets, &frame) == 0) {
		YT_REQUIRE(frame.used >= 8 && frame.used <= octets.n && frame.message.n == frame.used - 8);
		octets.p += frame.used;
		octets.n -= frame.used;
	}
}

/* Lines with the trailer that they need, so that what stands behind the digest is reached. */
static struct yt_str sealed(struct yt_arena *arena, struct yt_str lines)
{
	const char *end = memchr(lines.p, '\n', lines.n),
	           *totals = end != NULL ? memmem(lines.p, (size_t)(end - lines.p), "CNY|", 4) : NULL;
	size_t n = 0, bars = 0;
	struct yt_buf out = { 0 };
	struct yt_str kept;
	uint8_t digest[32];

	if (totals == NULL)
		return lines;
	totals += 4;
	while (totals + n < end && (totals[n] != '|' || bars++ == 0))
		n++;
	yt_sm3(lines, digest);
	yt_buf_str(&out, lines);
	yt_buf_printf(&out, "T|%.*s|", (int)n, totals);
	yt_hex_add(&out, digest, sizeof(digest), false);
	yt_buf_byte(&out, '\n');
	kept = yt_arena_copy(arena, yt_buf_view(&out));
	yt_buf_free(&out);
	return kept;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct channel *c = &channels[size > 0 ? data[0] % N_CHANNELS : 0];
	struct yt_str octets = { (const char *)data + 1, size - 1 };
	struct yt_arena *arena;

	if (size == 0)
		return 0;
	arena = yt_arena_new(64u << 20);
	YT_REQUIRE(arena != NULL);
	frames(c, octets);
	if (data[0] >= 128 && c == &channels[2])
		octets = sealed(arena, octets);
	if (data[0] / N_CHANNELS % 2 == 0)
		request(c, arena, octets);
	else
		answer(c, arena, octets);
	yt_arena_free(arena);
	return 0;
}
