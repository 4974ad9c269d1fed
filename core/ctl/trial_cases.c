/* core/ctl/trial_cases.c - what `yitong plugin check` does to a plugin; each function is one case, run in a child. */
#include "ctl/trial.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define CUT_SAMPLES 6 /* of these every octet is cut off */
#define CUT_MAX 4096  /* octets of one that are cut one by one; of a longer one a part */
#define FLIPS 4000
#define LEAK_TURNS 400
#define LEAK_OCTETS 65536

/* Its own numbers, the same in each run. */
static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static struct yt_str sample_octets(const struct trial *t, uint32_t i)
{
	return (struct yt_str){ (const char *)t->samples->item[i].octets, t->samples->item[i].n };
}

/* Up to n samples spread over all. */
static uint32_t spread(const struct trial *t, uint32_t k, uint32_t n)
{
	return t->samples->n <= n ? k : (uint32_t)((uint64_t)k * t->samples->n / n);
}

/* -- the table ----------------------------------------------------------------------------------- */

static void run_table(struct trial *t)
{
	const struct yt_codec_api *api = t->api;
	bool asked = api->decode_request != NULL && api->encode_reply != NULL;
	bool asks = api->encode_request != NULL && api->decode_reply != NULL;

	if (!asked || !asks)
		trial_fail(t, "the table lacks one of decode_request, encode_reply, encode_request, decode_reply");
	if (api->ops == NULL || api->ops[0].wire == NULL)
		trial_fail(t, "the table names no operation");
	for (const struct yt_wire_op *op = api->ops; op->wire != NULL; op++) {
		if (op->op >= YT_OP_COUNT || op->resolve > YT_RESOLVE_PAY_ANEW)
			trial_fail(t, "operation %s has a value that this program does not know", op->wire);
		if (yt_op(op->op)->changes_state && op->resolve == YT_RESOLVE_NONE)
			trial_fail(t, "operation %s changes state, so YT_RESOLVE_NONE (ask again) may do it twice",
			        op->wire);
		if ((op->resolve == YT_RESOLVE_QUERY || op->resolve == YT_RESOLVE_QUERY_REVERSE ||
		            op->resolve >= YT_RESOLVE_ADOPT) &&
		        (api->query_for == NULL || api->judge == NULL))
			trial_fail(t, "operation %s is found out by a query, but query_for or judge is NULL", op->wire);
		if ((op->resolve == YT_RESOLVE_REVERSE || op->resolve == YT_RESOLVE_QUERY_REVERSE) &&
		        api->reversal_of == NULL)
			trial_fail(t, "operation %s is undone by its number, but reversal_of is NULL", op->wire);
	}
	for (const struct yt_setting *s = api->settings; s != NULL && s->key != NULL; s++)
		if (s->doc == NULL || s->doc[0] == '\0')
			trial_fail(t, "setting %s has no doc", s->key);
	if (api->verify != NULL && api->sender == NULL)
		trial_fail(t, "verify without sender: nobody knows whose secret to take");
}

/* -- there and back ------------------------------------------------------------------------------ */

static bool differs(struct yt_str a, struct yt_str b)
{
	return a.n != b.n || (a.n > 0 && memcmp(a.p, b.p, a.n) != 0);
}

static struct yt_str as_json(const struct trial *t, const struct yt_node *node)
{
	struct yt_buf buf = { 0 };
	struct yt_str text;

	if (node != NULL)
		yt_json_write(node, &buf);
	text = yt_arena_copy(t->own, yt_buf_view(&buf));
	yt_buf_free(&buf);
	return text;
}

static void add_sample(struct trial *t, const struct yt_wire_op *op, struct yt_str octets)
{
	struct trial_samples *s = t->samples;

	if (s->n == TRIAL_SAMPLES_MAX || octets.n > TRIAL_SAMPLE_MAX)
		return;
	s->item[s->n].op = op->op;
	snprintf(s->item[s->n].wire, sizeof(s->item[s->n].wire), "%s", op->wire);
	s->item[s->n].n = (uint32_t)octets.n;
	memcpy(s->item[s->n].octets, octets.p, octets.n);
	s->n++;
}

/* What was read is written and read once more: nothing may have changed on the way. */
static void check_round(struct trial *t, const struct yt_wire_op *op, const struct yt_msg *made, struct yt_str octets)
{
	struct yt_fault fault = { { 0 }, { 0 } };
	struct yt_buf again = { 0 };
	struct yt_msg *once = yt_msg_new(t->own), *twice = yt_msg_new(t->own);
	struct yt_str second;

	YT_REQUIRE(once != NULL && twice != NULL);
	once->sent = octets;
	trial_begin(t, "decode_request", octets);
	if (t->api->decode_request(t->plugin, octets, once, &fault) != 0)
		trial_fail(t, "%s: its own octets cannot be read twice: %s %s", op->wire, fault.path, fault.why);
	if (!yt_str_is(once->wire_op, op->wire))
		trial_fail(t, "%s: read back it is %.*s", op->wire, YT_FMT(once->wire_op));
	if (differs(once->number, made->own_number.n != 0 ? made->own_number : made->number))
		trial_fail(t, "%s: its number is lost on the way: %.*s", op->wire, YT_FMT(once->number));
	once->own_number = once->number;
	once->facts = made->facts;
	once->wall_ms = made->wall_ms;
	once->sent = once->octets = (struct yt_str){ 0 };
	trial_call(t, "encode_request", octets);
	if (t->api->encode_request(t->plugin, once, &again, &fault) != 0 || again.failed)
		trial_fail(t, "%s: what it read it cannot write: %s %s", op->wire, fault.path, fault.why);
	second = yt_arena_copy(t->own, yt_buf_view(&again));
	yt_buf_free(&again);
	twice->sent = second;
	trial_call(t, "decode_request", second);
	if (t->api->decode_request(t->plugin, second, twice, &fault) != 0)
		trial_fail(t, "%s: what it wrote of a message it had read cannot be read: %s %s", op->wire, fault.path,
		        fault.why);
	if (once->op != twice->op || differs(once->wire_op, twice->wire_op) || differs(once->number, twice->number) ||
	        differs(once->institution, twice->institution) || differs(once->person, twice->person) ||
	        differs(once->visit, twice->visit) || differs(once->settlement, twice->settlement) ||
	        differs(once->treatment_area, twice->treatment_area) || once->amount_fen != twice->amount_fen)
		trial_fail(t, "%s: written and read once more, a member that core looks at is another", op->wire);
	if (differs(as_json(t, once->body), as_json(t, twice->body)))
		trial_fail(t, "%s: written and read once more, the business part is another", op->wire);
}

/* What an author captured must be read; it is then cut and spoiled like what the plugin wrote itself. */
static void read_given(struct trial *t)
{
	for (uint32_t i = 0; i < t->samples->n_given; i++) {
		struct trial_sample *s = &t->samples->item[i];
		struct yt_str octets = { (const char *)s->octets, s->n };
		struct yt_fault fault = { { 0 }, { 0 } };
		struct yt_msg *msg;

		trial_begin(t, "decode_request", octets);
		msg = yt_msg_new(t->arena);
		YT_REQUIRE(msg != NULL);
		if (t->api->decode_request(t->plugin, octets, msg, &fault) != 0)
			trial_fail(t, "sample %u cannot be read: %s %s", (unsigned)i + 1, fault.path, fault.why);
		s->op = msg->op->id;
		snprintf(s->wire, sizeof(s->wire), "%.*s", (int)(msg->wire_op.n < 15 ? msg->wire_op.n : 15),
		        msg->wire_op.p != NULL ? msg->wire_op.p : "");
	}
}

static void run_round(struct trial *t)
{
	char why[480] = "", first[480] = "";
	struct yt_str octets;

	read_given(t);
	for (const struct yt_wire_op *op = t->api->ops; op->wire != NULL; op++) {
		const struct yt_msg *made = trial_make(t, op, &octets, why, sizeof(why));

		t->note->n_all++;
		if (made == NULL) {
			if (first[0] == '\0')
				snprintf(first, sizeof(first), "%s", why);
			if (t->is_verbose)
				printf(_("not made: %s\n"), why);
		} else {
			check_round(t, op, made, octets);
			add_sample(t, op, octets);
			t->note->n_done++;
		}
		yt_arena_reset(t->own);
	}
	if (t->note->n_done == 0 && t->samples->n_given == 0)
		trial_fail(t, "no message of any operation could be made: %.300s", first);
	fflush(stdout);
	snprintf(t->note->why, sizeof(t->note->why), _("%u of %u operations%s%.200s"), (unsigned)t->note->n_done,
	        (unsigned)t->note->n_all, first[0] != '\0' ? _("; not made, first: ") : "", first);
}

/* -- answers ------------------------------------------------------------------------------------- */

/* Parties' texts are whole stacks at times, and say what stands in a format for something else. */
static const struct yt_str ours = { "报文有误，未受理（Y101 7B3348LZ）",
	sizeof("报文有误，未受理（Y101 7B3348LZ）") - 1 };
static const char several_lines[] = "E:失败\r\n\tat\"a\"&'b'<c>,|^\\=;\nresult=0\n";

static void check_reply(
        struct trial *t, const struct yt_msg *msg, enum yt_outcome outcome, struct yt_str text, const char *wire)
{
	struct yt_reply *reply = yt_reply_new(t->arena), *back = yt_reply_new(t->arena);
	struct yt_buf out = { 0 };
	struct yt_str octets;
	int rv;

	YT_REQUIRE(reply != NULL && back != NULL);
	reply->outcome = outcome;
	reply->code = outcome == YT_DONE ? YT_STR("0") : YT_STR("-1");
	reply->text = text;
	reply->number = YT_STR("330213202603140928050000000001");
	reply->own_number = YT_STR("330213202603140928050000000002");
	if (t->api->make_number != NULL)
		(void)t->api->make_number(t->plugin, t->arena, 1773451686000, 2, &reply->own_number);
	reply->wall_ms = 1773451686000;
	trial_call(t, "encode_reply", (struct yt_str){ 0 });
	rv = t->api->encode_reply(t->plugin, msg, reply, &out);
	if (rv != 0 && outcome == YT_REFUSED)
		trial_fail(t, "%s: a refusal cannot be written: %s; its text: %.*s", wire, _(yt_strerror(rv)),
		        YT_FMT(text));
	octets = yt_arena_copy(t->own, yt_buf_view(&out));
	yt_buf_free(&out);
	if (rv != 0)
		return; /* done, but with an empty answer: the format may insist on more */
	trial_call(t, "decode_reply", octets);
	rv = t->api->decode_reply(t->plugin, msg, 200, octets, back);
	if (rv != 0)
		trial_fail(t, "decode_reply returned %d: it never fails but for want of memory", rv);
	if (outcome == YT_REFUSED && back->outcome == YT_DONE)
		trial_fail(t, "%s: its refusal is read back as done", wire);
	if (outcome == YT_DONE && back->outcome == YT_REFUSED)
		trial_fail(t, "%s: its success is read back as refused", wire);
}

static struct yt_msg *reread(struct trial *t, uint32_t i)
{
	struct yt_msg *msg = yt_msg_new(t->own);
	struct yt_str octets = sample_octets(t, i);
	struct yt_fault fault;

	YT_REQUIRE(msg != NULL);
	msg->sent = octets;
	trial_begin(t, "decode_request", octets);
	if (t->api->decode_request(t->plugin, octets, msg, &fault) != 0)
		return NULL;
	msg->sent = octets;
	return msg;
}

static void run_answers(struct trial *t)
{
	for (uint32_t i = 0; i < t->samples->n; i++) {
		struct yt_msg *msg = reread(t, i);

		if (msg == NULL)
			continue;
		check_reply(t, msg, YT_REFUSED, ours, t->samples->item[i].wire);
		check_reply(t, msg, YT_REFUSED, yt_str(several_lines), t->samples->item[i].wire);
		check_reply(t, msg, YT_DONE, (struct yt_str){ 0 }, t->samples->item[i].wire);
		yt_arena_reset(t->own);
	}
}

/* -- hostile octets ------------------------------------------------------------------------------ */

static void feed(struct trial *t, const struct yt_msg *asked, struct yt_str octets)
{
	struct yt_str input = trial_input(t, octets);
	struct yt_reply *reply;
	struct yt_msg *msg;

	trial_begin(t, "decode_request", input);
	(void)trial_decode(t, input, &msg);
	if (asked == NULL)
		return;
	trial_begin(t, "decode_reply", input);
	reply = yt_reply_new(t->arena);
	YT_REQUIRE(reply != NULL);
	if (t->api->decode_reply(t->plugin, asked, 200, input, reply) == 0 &&
	        (reply->outcome < YT_DONE || reply->outcome > YT_UNKNOWN))
		trial_fail(t, "decode_reply left an outcome of %d", (int)reply->outcome);
}

static void run_cut(struct trial *t)
{
	for (uint32_t k = 0; k < CUT_SAMPLES && k < t->samples->n; k++) {
		uint32_t i = spread(t, k, CUT_SAMPLES);
		struct yt_str whole = sample_octets(t, i);
		const struct yt_msg *asked = reread(t, i);
		size_t step = whole.n > CUT_MAX ? whole.n / CUT_MAX + 1 : 1;

		for (size_t n = 0; n < whole.n; n += step)
			feed(t, asked, (struct yt_str){ whole.p, n });
	}
}

static void run_flipped(struct trial *t)
{
	uint32_t state = 20261122;
	char copy[TRIAL_SAMPLE_MAX];

	for (uint32_t k = 0; k < FLIPS && t->samples->n > 0; k++) {
		struct yt_str whole = sample_octets(t, next_random(&state) % t->samples->n);

		memcpy(copy, whole.p, whole.n);
		for (uint32_t flips = 1 + k % 3; flips > 0 && whole.n > 0; flips--)
			copy[next_random(&state) % whole.n] ^= (char)(1u << next_random(&state) % 8);
		feed(t, NULL, (struct yt_str){ copy, whole.n });
	}
}

/* unit n times over, then tail. */
static void feed_many(struct trial *t, const struct yt_msg *asked, const char *head, const char *unit, size_t n)
{
	struct yt_buf buf = { 0 };

	yt_buf_text(&buf, head);
	for (size_t i = 0; i < n; i++)
		yt_buf_text(&buf, unit);
	YT_REQUIRE(!buf.failed);
	feed(t, asked, yt_buf_view(&buf));
	yt_buf_free(&buf);
}

static void run_strange(struct trial *t)
{
	static const struct {
		const char *head, *unit;
		size_t n;
	} rows[] = {
		{ "", "", 0 },
		{ "", "[", 200000 },
		{ "", "{\"a\":", 200000 },
		{ "", "<a>", 200000 },
		{ "", "(", 200000 },
		{ "", "A", 1 << 20 },
		{ "", "9", 1 << 20 },
		{ "", "^", 1 << 20 },
		{ "", "|", 1 << 20 },
		{ "", "=&", 1 << 19 },
		{ "", "\n", 1 << 20 },
		{ "", " ", 1 << 20 },
		{ "", "\xff", 1 << 16 },
		{ "", "\xe4\xbd", 1 << 16 },
		{ "\xef\xbb\xbf", "{}", 1 },
		{ "{\"input\":\"", "x", 1 << 20 },
		{ "[", "0,", 1 << 19 },
		{ "", "\\u0000", 1000 },
		{ "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b \"", "cccccccc", 1000 },
	};
	const struct yt_msg *asked = t->samples->n > 0 ? reread(t, 0) : NULL;
	static const char zeros[4096];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		feed_many(t, asked, rows[i].head, rows[i].unit, rows[i].n);
	feed(t, asked, (struct yt_str){ zeros, sizeof(zeros) });
}

/* A sample with one octet a million times over in its midst: long texts, long numbers. */
static void run_long(struct trial *t)
{
	static const char units[] = "90 a";

	for (uint32_t k = 0; k < 3 && k < t->samples->n; k++) {
		struct yt_str whole = sample_octets(t, spread(t, k, 3));

		for (size_t u = 0; u < sizeof(units) - 1; u++)
			for (size_t at = whole.n / 8; at < whole.n; at += whole.n / 4 + 1) {
				struct yt_buf buf = { 0 };

				yt_buf_add(&buf, whole.p, at);
				YT_REQUIRE(yt_buf_room(&buf, 1 << 20) != NULL);
				memset(buf.p + at, units[u], 1 << 20);
				yt_buf_add(&buf, whole.p + at, whole.n - at);
				feed(t, NULL, yt_buf_view(&buf));
				yt_buf_free(&buf);
			}
	}
}

/* -- little memory, little in a message ----------------------------------------------------------- */

static void run_tight(struct trial *t)
{
	for (uint32_t k = 0; k < 8 && k < t->samples->n; k++) {
		struct yt_str whole = sample_octets(t, spread(t, k, 8));

		for (size_t limit = sizeof(struct yt_msg) + 64; limit < 512 * 1024; limit += limit / 16 + 16) {
			struct yt_arena *arena = yt_arena_new(limit);
			struct yt_msg *msg = arena != NULL ? yt_msg_new(arena) : NULL;
			struct yt_fault fault = { { 0 }, { 0 } };
			struct yt_buf out = { 0 };

			if (msg != NULL) {
				msg->sent = whole;
				trial_call(t, "decode_request", whole);
				if (t->api->decode_request(t->plugin, whole, msg, &fault) == 0) {
					msg->facts = yt_node_new(t->own, YT_OBJECT);
					msg->wall_ms = 1773451685000;
					trial_call(t, "encode_request", whole);
					(void)t->api->encode_request(t->plugin, msg, &out, &fault);
				}
			}
			yt_buf_free(&out);
			yt_arena_free(arena);
		}
	}
}

static void call_all(struct trial *t, struct yt_msg *msg)
{
	struct yt_fault fault = { { 0 }, { 0 } };
	struct yt_reply *reply = yt_reply_new(t->arena), *other = yt_reply_new(t->arena);
	struct yt_msg *made = yt_msg_new(t->arena);
	const struct yt_codec_api *api = t->api;
	struct yt_str none = { 0 }, text;
	struct yt_buf out = { 0 };

#define CALL(member, ...)                                                                                              \
	if (api->member != NULL) {                                                                                     \
		trial_call(t, #member, none);                                                                          \
		(void)api->member(t->plugin, __VA_ARGS__);                                                             \
	}
	reply->outcome = YT_REFUSED;
	CALL(encode_request, msg, &out, &fault)
	CALL(encode_reply, msg, reply, &out)
	reply->outcome = YT_DONE;
	CALL(encode_reply, msg, reply, &out)
	CALL(decode_reply, msg, 0, none, other)
	CALL(decode_reply, msg, 502, YT_STR("<html>"), other)
	CALL(query_for, msg, made)
	CALL(judge, msg, reply, other)
	CALL(reversal_of, msg, made)
	CALL(sign_in_for, YT_STR("H33021399901"), none, made)
	CALL(path, none, none, t->arena, &text)
	CALL(path, msg->wire_op, YT_STR("/"), t->arena, &text)
	CALL(repeat_reply, msg, none, none, 0, &out)
	CALL(make_number, t->arena, 0, UINT64_MAX, &text)
#undef CALL
	yt_buf_free(&out);
}

static void run_bare(struct trial *t)
{
	for (const struct yt_wire_op *op = t->api->ops; op->wire != NULL; op++) {
		struct yt_msg *msg;

		trial_begin(t, "yt_msg_new", (struct yt_str){ 0 });
		msg = yt_msg_new(t->arena);
		YT_REQUIRE(msg != NULL);
		msg->op = yt_op(op->op);
		call_all(t, msg); /* nothing but its operation */
		msg->wire_op = yt_str(op->wire);
		msg->body = yt_node_new(t->arena, YT_OBJECT);
		call_all(t, msg); /* an empty business part */
		yt_node_add(t->arena, msg->body, YT_STR("data"), YT_TEXT);
		yt_node_add(t->arena, msg->body, YT_STR("feedetail"), YT_NULL);
		call_all(t, msg); /* other kinds than it expects */
	}
}

/* -- headers, blanks, files ----------------------------------------------------------------------- */

static void put_blank(void *ctx, struct yt_str secret, struct yt_buf *out)
{
	(void)ctx, (void)secret;
	yt_buf_text(out, "-");
}

static void check_headers(struct trial *t, const struct yt_header *headers, size_t n)
{
	struct yt_str key = YT_STR("no-such-key"), none = { 0 };
	struct yt_fault fault;
	struct yt_buf out = { 0 };

	trial_begin(t, "sender", none);
	if (t->api->sender != NULL)
		(void)t->api->sender(t->plugin, headers, n);
	trial_begin(t, "verify", none);
	if (t->api->verify != NULL && t->api->verify(t->plugin, headers, n, key, 1773451685000, &fault) == 0)
		trial_fail(t, "verify took %zu headers that nobody signed", n);
	trial_begin(t, "explain_signature", none);
	if (t->api->explain_signature != NULL &&
	        t->api->explain_signature(t->plugin, headers, n, none, &key, 1, 1773451685000, t->arena, &out) == 0)
		trial_fail(t, "explain_signature took %zu headers that nobody signed", n);
	yt_buf_free(&out);
}

static void run_headers(struct trial *t)
{
	static const char *const names[] = { "x-tif-paasid", "x-tif-timestamp", "x-tif-nonce", "x-tif-signature",
		"_api_signature", "_api_timestamp", "Authorization", "" };
	struct yt_header headers[128], made[16];
	static char large[65536];

	memset(large, 'A', sizeof(large));
	check_headers(t, NULL, 0);
	for (size_t size = 0; size <= sizeof(large); size = size == 0 ? 1 : size * 16) {
		for (size_t i = 0; i < 128; i++) {
			struct yt_str value = trial_input(t, (struct yt_str){ large, size });

			headers[i] = (struct yt_header){ yt_str(names[i % 8]), value };
		}
		check_headers(t, headers, 8);   /* each once */
		check_headers(t, headers, 128); /* each many times */
	}
	for (size_t max = 0; max <= 16 && t->api->sign != NULL; max++) {
		trial_begin(t, "sign", (struct yt_str){ 0 });
		if (t->api->sign(t->plugin, t->arena, 1773451685000, made, max) > (int)max)
			trial_fail(t, "sign wrote more headers than there was room for (%zu)", max);
	}
}

static void run_blank(struct trial *t)
{
	uint32_t state = 7;
	char copy[TRIAL_SAMPLE_MAX];

	for (uint32_t k = 0; t->api->blank != NULL && k < 1000 && t->samples->n > 0; k++) {
		uint32_t i = k % t->samples->n;
		struct yt_str whole = sample_octets(t, i), input;
		struct yt_buf out = { 0 };

		memcpy(copy, whole.p, whole.n);
		if (k >= t->samples->n && whole.n > 0)
			copy[next_random(&state) % whole.n] ^= (char)(1u << next_random(&state) % 8);
		input = trial_input(t, (struct yt_str){ copy, whole.n });
		trial_begin(t, "blank", input);
		(void)t->api->blank(t->plugin, yt_str(t->samples->item[i].wire), k % 2 == 1, t->arena, input, put_blank,
		        NULL, &out);
		yt_buf_free(&out);
	}
}

static void run_statements(struct trial *t)
{
	const struct yt_statement_row row = { .person = YT_STR("1"),
		.visit = YT_STR("2"),
		.settlement = YT_STR("3"),
		.number = YT_STR("4"),
		.result = YT_STR("0"),
		.memo = YT_STR(""),
		.amount_fen = 1234,
		.fund_fen = 1000 };
	struct yt_statement_row rows[3] = { row, row, row }, *back;
	struct yt_fault fault;
	struct yt_buf out = { 0 };
	size_t n;

	if (t->api->statement_write == NULL || t->api->statement_read == NULL)
		return;
	trial_begin(t, "statement_write", (struct yt_str){ 0 });
	if (t->api->statement_write(t->plugin, YT_STATEMENT_SENT, YT_STR("f"), rows, 3, &out) != 0)
		trial_fail(t, "statement_write cannot write three plain rows");
	trial_begin(t, "statement_read", yt_buf_view(&out));
	if (t->api->statement_read(t->plugin, YT_STATEMENT_SENT, yt_buf_view(&out), t->arena, &back, &n, &fault) != 0 ||
	        n != 3 || back[2].amount_fen != 1234 || differs(back[2].settlement, row.settlement))
		trial_fail(t, "statement_read does not read what statement_write wrote");
	for (size_t cut = 0; cut < out.n; cut++) {
		struct yt_str input = trial_input(t, (struct yt_str){ (const char *)out.p, cut });

		trial_begin(t, "statement_read", input);
		(void)t->api->statement_read(t->plugin, YT_STATEMENT_SENT, input, t->arena, &back, &n, &fault);
	}
	yt_buf_free(&out);
}

/* -- settings, leaks ------------------------------------------------------------------------------ */

static void run_settings(struct trial *t)
{
	static char large[10001];
	const char *values[] = { "", "x", "-1", "99999999999999999999", ";;==;=", "\xff\xfe", large };

	memset(large, 'x', sizeof(large) - 1);
	if (t->api->open == NULL)
		return;
	for (const struct yt_setting *s = t->api->settings; s != NULL && s->key != NULL; s++)
		for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
			struct plugin_setting given = { s->key, values[i] };
			char what[120];

			snprintf(what, sizeof(what), "setting %s = \"%.20s\"", s->key, values[i]);
			trial_begin(t, "open", yt_str(what));
			plugin_open_again(t->plugin, &given);
		}
}

static void run_leaks(struct trial *t)
{
	struct yt_str whole = t->samples->n > 0 ? sample_octets(t, t->samples->n / 2) : (struct yt_str){ 0 };
	size_t before = 0, after;
	struct yt_msg *msg;

	for (uint32_t i = 0; i < 2 * LEAK_TURNS; i++) {
		struct yt_fault fault;
		struct yt_buf out = { 0 };

		if (i == LEAK_TURNS)
			before = mallinfo2().uordblks;
		trial_begin(t, "decode_request", whole);
		if (trial_decode(t, whole, &msg) == 0) {
			msg->wall_ms = 1773451685000;
			trial_call(t, "encode_request", whole);
			(void)t->api->encode_request(t->plugin, msg, &out, &fault);
		}
		yt_buf_free(&out);
	}
	after = mallinfo2().uordblks;
	if (after > before + LEAK_OCTETS)
		trial_fail(t, "%zu octets are left behind after %d messages: what is not in an arena must be freed",
		        after - before, LEAK_TURNS);
}

const struct trial_case trial_cases[] = { { "table", "the table is whole and fits itself", run_table },
	{ "round", "a message of every operation, written and read", run_round },
	{ "answers", "done and refused, written and read", run_answers },
	{ "cut", "messages cut at every octet", run_cut }, { "flipped", "messages with bits turned over", run_flipped },
	{ "strange", "empty, deep, huge, and no text at all", run_strange },
	{ "long", "a million octets in the midst of a message", run_long },
	{ "tight", "arenas that give little", run_tight }, { "bare", "messages with nothing in them", run_bare },
	{ "headers", "headers that nobody signed", run_headers },
	{ "blank", "secrets taken out of spoiled messages", run_blank },
	{ "statements", "detail files, whole and cut", run_statements },
	{ "frames", "frames of a stream, whole and cut", trial_frames },
	{ "files", "files, their names and their ends", trial_files },
	{ "settings", "settings that make no sense", run_settings }, { "leaks", "memory left behind", run_leaks },
	{ NULL, NULL, NULL } };
