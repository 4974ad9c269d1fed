/* tests/test_nhsa_tables.c - every transaction of plugins/nhsa/fields.tsv, both ways, with random messages.
 *
 * The rows are read here a second time, from the file itself, and a message is drawn from them twice over:
 * as a careless client would send it, and as it must stand once read.  What the plugin decodes must be the
 * second, and what it writes must read and write the same again. */
#include <iconv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plugin/loader.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ROWS_MAX 3000
#define ALIASES_MAX 64
#define ROUNDS 6 /* messages of each transaction and direction */

struct row {
	char wire[16], side[4], node[96], field[40], type, need;
	int digits, decimals; /* -1: no limit */
	bool secret;
};

static struct row rows[ROWS_MAX];
static size_t n_rows;
static struct {
	char wire[16], as[16];
} aliases[ALIASES_MAX];
static size_t n_aliases;

static struct yt_plugin *plugin;
static const struct yt_codec_api *api;
static uint64_t seed;

static unsigned draw(unsigned below)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(seed >> 33) % below;
}

static void rows_read(void)
{
	FILE *file = fopen(YT_SOURCE_DIR "/plugins/nhsa/fields.tsv", "r");
	char line[1024], length[16], need[48];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		struct row *row = &rows[n_rows];

		if (sscanf(line, "%15[^\t]\t=\t%15[^\n]", aliases[n_aliases].wire, aliases[n_aliases].as) == 2) {
			assert_true(++n_aliases < ALIASES_MAX);
			continue;
		}
		if (line[0] == '#' || strncmp(line, "transaction\t", 12) == 0 ||
		        sscanf(line, "%15[^\t]\t%3[^\t]\t%95[^\t]\t%39[^\t]\t%c\t%15[^\t]\t%47[^\t]", row->wire,
		                row->side, row->node, row->field, &row->type, length, need) != 7 ||
		        strcmp(row->wire, "ENVELOPE") == 0)
			continue;
		row->need = need[0];
		row->secret = need[1] == '*';
		row->decimals = 0;
		if (sscanf(length, "%d,%d", &row->digits, &row->decimals) < 1)
			row->digits = -1;
		assert_true(++n_rows < ROWS_MAX);
	}
	fclose(file);
}

/* Two texts at once: as sent, and as it must stand. */
struct pair {
	struct yt_buf sent, kept;
};

static void put_both(struct pair *pair, const char *text)
{
	yt_buf_text(&pair->sent, text);
	yt_buf_text(&pair->kept, text);
}

static void put_text_value(struct pair *pair, int max)
{
	static const char *const characters[] = { "䶮", "㛃", "𠮷", "\xEE\xA1\xA3", "王", "a", "7", "Z", "·", "é" };
	unsigned n = max < 0 ? 1 + draw(30) : draw(4) == 0 ? (unsigned)max : 1 + draw((unsigned)max);

	if (draw(8) == 0) { /* a number where a text is meant */
		char digits[12];

		snprintf(digits, sizeof(digits), "%.*u", 1, 1 + draw(9));
		yt_buf_text(&pair->sent, digits);
		yt_buf_printf(&pair->kept, "\"%s\"", digits);
		return;
	}
	put_both(pair, "\"");
	for (unsigned i = 0; i < n; i++)
		put_both(pair, characters[draw(COUNT(characters))]);
	put_both(pair, "\"");
}

static void put_number_value(struct pair *pair, const struct row *row)
{
	int whole = row->digits < 0 ? 6 : row->digits - row->decimals;
	char digits[24] = "", behind[12] = "";
	int n = 0;

	for (int i = 0; i < whole && i < 15 && (i == 0 || draw(3) != 0); i++)
		digits[n++] = (char)(i == 0 ? '1' + (int)draw(9) : '0' + (int)draw(10));
	if (n == 0)
		digits[n++] = '0';
	digits[n] = '\0';
	for (int i = 0; i < row->decimals && i < 10; i++)
		behind[i] = (char)('1' + (int)draw(9));
	if (draw(5) == 0 && digits[0] != '0')
		put_both(pair, ""), yt_buf_text(&pair->kept, "-");
	switch (pair->kept.n > 0 && pair->kept.p[pair->kept.n - 1] == '-' ? 3u : draw(4)) {
	case 0: /* whole, as a text */
		yt_buf_printf(&pair->sent, "\"%s\"", digits);
		yt_buf_printf(&pair->kept, "%s%s", digits, row->decimals == 2 ? ".00" : "");
		break;
	case 1: /* as Java's BigDecimal prints it */
		yt_buf_printf(&pair->sent, "%sE+0", digits);
		yt_buf_printf(&pair->kept, "%s%s", digits, row->decimals == 2 ? ".00" : "");
		break;
	case 2:
		yt_buf_printf(&pair->sent, " \"%s%s%s00\"", digits, behind[0] != '\0' ? "." : ".0", behind);
		yt_buf_printf(&pair->kept, "%s%s%s", digits, behind[0] != '\0' ? "." : "", behind);
		break;
	default:
		yt_buf_printf(&pair->sent, "%s%s%s%s", pair->kept.p[pair->kept.n - 1] == '-' ? "-" : "", digits,
		        behind[0] != '\0' ? "." : "", behind);
		yt_buf_printf(&pair->kept, "%s%s%s", digits, behind[0] != '\0' ? "." : "", behind);
	}
}

static void put_moment_value(struct pair *pair, bool is_date)
{
	static const char *const form[2][4] = {
		{ "\"%s-%s-%s %s:%s:%s\"", "\"%s/%s/%s %s:%s:%s\"", "\"%s%s%s%s%s%s\"",
		        "\"%s-%s-%sT%s:%s:%s.000+08:00\"" },
		{ "\"%s-%s-%s\"", "\"%s/%s/%s\"", "%s%s%s", "\"%s-%s-%s %s:%s:%s\"" },
	};
	char month[4], day[4], hour[4];

	snprintf(month, sizeof(month), "%02u", 1 + draw(12));
	snprintf(day, sizeof(day), "%02u", 1 + draw(28));
	snprintf(hour, sizeof(hour), "%02u", draw(24));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	yt_buf_printf(&pair->sent, form[is_date][draw(4)], "2025", month, day, hour, "07", "59");
#pragma GCC diagnostic pop
	if (is_date)
		yt_buf_printf(&pair->kept, "\"2025-%s-%s\"", month, day);
	else
		yt_buf_printf(&pair->kept, "\"2025-%s-%s %s:07:59\"", month, day, hour);
}

static void put_value(struct pair *pair, const struct row *row)
{
	switch (row->type) {
	case 'N':
		put_number_value(pair, row);
		break;
	case 'D':
	case 'T':
		put_moment_value(pair, row->type == 'D');
		break;
	case 'X':
		put_both(pair, draw(2) == 0 ? "{\"k\":[1.10,true,null,\"𠮷\"]}" : draw(2) == 0 ? "true" : "\"t\"");
		break;
	default:
		put_text_value(pair, row->digits);
	}
}

/* The node around one, "" for none; its last part is at *last. */
static void split_node(const char *node, char outer[96], const char **last)
{
	const char *dot = strrchr(node, '.');

	snprintf(outer, 96, "%.*s", dot != NULL ? (int)(dot - node) : 0, node);
	*last = dot != NULL ? dot + 1 : node;
}

static bool is_node_of(const struct row *row, const char *wire, const char *side, const char *node)
{
	return strcmp(row->wire, wire) == 0 && strcmp(row->side, side) == 0 && strcmp(row->node, node) == 0;
}

static void put_nodes_inside(struct pair *pair, const char *wire, const char *side, const char *outer, bool *first);

static void put_name(struct pair *pair, const char *name, size_t n, bool *first)
{
	char text[64];

	snprintf(text, sizeof(text), "%s\"%.*s\":", *first ? "" : ",", (int)n, name);
	*first = false;
	put_both(pair, text);
}

static bool has_inner(const char *wire, const char *side, const char *node, const char *field)
{
	char inner[160];

	snprintf(inner, sizeof(inner), "%s.%s[]", node, field);
	for (size_t i = 0; i < n_rows; i++)
		if (is_node_of(&rows[i], wire, side, inner))
			return true;
	snprintf(inner, sizeof(inner), "%s[]", field); /* the row that stands for a node beside this one */
	for (size_t i = 0; strcmp(node, "-") == 0 && i < n_rows; i++)
		if (is_node_of(&rows[i], wire, side, inner))
			return true;
	return false;
}

static void put_members(struct pair *pair, const char *wire, const char *side, const char *node, bool *first)
{
	for (size_t i = 0; i < n_rows; i++) {
		const struct row *row = &rows[i];

		if (!is_node_of(row, wire, side, node) || (row->need != 'Y' && draw(3) == 0) ||
		        has_inner(wire, side, node, row->field))
			continue;
		put_name(pair, row->field, strlen(row->field), first);
		put_value(pair, row);
	}
	put_name(pair, "unknown_member", 14, first);
	put_both(pair, "{\"a\":[1.50,\"㛃\",null,false]}");
}

static void put_node(struct pair *pair, const char *wire, const char *side, const char *node)
{
	const char *last;
	char outer[96];
	bool is_rows, first;

	split_node(node, outer, &last);
	is_rows = strchr(last, '[') != NULL;
	if (is_rows)
		put_both(pair, "[");
	for (unsigned i = 0, n = is_rows ? 1 + draw(3) : 1; i < n; i++) {
		first = true;
		put_both(pair, i > 0 ? ",{" : "{");
		put_members(pair, wire, side, node, &first);
		put_nodes_inside(pair, wire, side, node, &first);
		put_both(pair, "}");
	}
	if (is_rows)
		put_both(pair, "]");
}

static void put_nodes_inside(struct pair *pair, const char *wire, const char *side, const char *outer, bool *first)
{
	for (size_t i = 0; i < n_rows; i++) {
		const char *last;
		char around[96];
		size_t before = 0;

		split_node(rows[i].node, around, &last);
		for (; before < i; before++)
			if (is_node_of(&rows[before], wire, side, rows[i].node))
				break;
		if (!is_node_of(&rows[i], wire, side, rows[i].node) || before < i || strcmp(around, outer) != 0 ||
		        strcmp(last, "-") == 0)
			continue;
		put_name(pair, last, strcspn(last, "["), first);
		put_node(pair, wire, side, rows[i].node);
	}
}

/* A whole business part: its own members where the rows have some, then its nodes. */
static void put_body(struct pair *pair, const char *wire, const char *side)
{
	bool first = true, whole_is_rows = false;

	for (size_t i = 0; i < n_rows; i++)
		whole_is_rows = whole_is_rows || is_node_of(&rows[i], wire, side, "[]");
	if (whole_is_rows) {
		put_node(pair, wire, side, "[]");
		return;
	}
	put_both(pair, "{");
	put_members(pair, wire, side, "-", &first);
	put_nodes_inside(pair, wire, side, "", &first);
	put_both(pair, "}");
}

static void put_head(struct yt_buf *out, const char *wire)
{
	yt_buf_printf(out,
	        "{\"infno\":\"%s\",\"msgid\":\"H33021399901202503140941300012\",\"mdtrtarea_admvs\":\"330213\","
	        "\"insuplc_admdvs\":\"330213\",\"recer_sys_code\":\"YBXT\",\"infver\":\"V1.0\",\"opter_type\":\"1\","
	        "\"opter\":\"S0007\",\"opter_name\":\"䶮㛃𠮷\xEE\xA1\xA3\",\"inf_time\":\"2025-03-14 09:41:30\","
	        "\"fixmedins_code\":\"H33021399901\",\"fixmedins_name\":\"示例市第一医院\",\"sign_no\":\"S1\","
	        "\"province_member\":\"㛃\",\"input\":",
	        wire);
}

static const char *written(struct yt_arena *arena, const struct yt_node *body)
{
	struct yt_buf out = { 0 };
	struct yt_str kept;

	yt_json_write(body, &out);
	assert_false(out.failed);
	kept = yt_arena_copy(arena, yt_buf_view(&out));
	yt_buf_free(&out);
	return kept.p;
}

static struct yt_msg *decoded(struct yt_arena *arena, const char *wire, struct yt_str octets)
{
	struct yt_msg *msg = yt_msg_new(arena);
	struct yt_fault fault = { 0 };

	if (api->decode_request(plugin, octets, msg, &fault) != 0)
		fail_msg("%s: %s %s\n%.*s", wire, fault.path, fault.why, YT_FMT(octets));
	return msg;
}

static struct yt_str encoded(struct yt_arena *arena, const struct yt_msg *msg)
{
	struct yt_buf out = { 0 };
	struct yt_fault fault = { 0 };
	struct yt_str kept;

	if (api->encode_request(plugin, msg, &out, &fault) != 0)
		fail_msg("%s %s", fault.path, fault.why);
	kept = yt_arena_copy(arena, yt_buf_view(&out));
	yt_buf_free(&out);
	return kept;
}

static void one_request(const char *wire, const char *as)
{
	struct yt_arena *arena = yt_arena_new(0);
	struct pair pair = { { 0 }, { 0 } };
	struct yt_buf octets = { 0 };
	struct yt_msg *msg;
	struct yt_str once, twice;

	put_body(&pair, as, "in");
	put_head(&octets, wire);
	yt_buf_str(&octets, yt_buf_view(&pair.sent));
	yt_buf_text(&octets, "}");
	yt_buf_byte(&pair.kept, '\0');
	msg = decoded(arena, wire, yt_buf_view(&octets));
	assert_int_not_equal(msg->op->id, YT_OP_UNREAD);
	assert_string_equal(written(arena, msg->body), (const char *)pair.kept.p);
	once = encoded(arena, msg);
	msg = decoded(arena, wire, once);
	assert_string_equal(written(arena, msg->body), (const char *)pair.kept.p);
	twice = encoded(arena, msg);
	assert_string_equal(once.p, twice.p);
	yt_buf_free(&octets);
	yt_buf_free(&pair.sent);
	yt_buf_free(&pair.kept);
	yt_arena_free(arena);
}

static struct yt_reply *answered(struct yt_arena *arena, const char *wire, struct yt_str octets)
{
	struct yt_msg *msg = yt_msg_new(arena);
	struct yt_reply *reply = yt_reply_new(arena);

	msg->wire_op = yt_str(wire);
	for (const struct yt_wire_op *op = api->ops; op->wire != NULL; op++)
		if (strcmp(op->wire, wire) == 0)
			msg->op = yt_op(op->op);
	assert_int_equal(api->decode_reply(plugin, msg, 200, octets, reply), 0);
	if (reply->outcome != YT_DONE)
		fail_msg("%s: %.*s\n%.*s", wire, YT_FMT(reply->text), YT_FMT(octets));
	return reply;
}

static void one_answer(const char *wire, const char *as)
{
	struct yt_arena *arena = yt_arena_new(0);
	struct pair pair = { { 0 }, { 0 } };
	struct yt_buf octets = { 0 }, again = { 0 };
	struct yt_msg *msg = yt_msg_new(arena);
	struct yt_reply *reply;

	put_body(&pair, as, "out");
	yt_buf_text(&octets,
	        "{\"infcode\":\"0\",\"inf_refmsgid\":\"R1\",\"err_msg\":null,\"province_member\":1,\"output\":");
	yt_buf_str(&octets, yt_buf_view(&pair.sent));
	yt_buf_text(&octets, "}");
	yt_buf_byte(&pair.kept, '\0');
	reply = answered(arena, wire, yt_buf_view(&octets));
	assert_string_equal(written(arena, reply->body), (const char *)pair.kept.p);
	msg->wire_op = yt_str(wire);
	assert_int_equal(api->encode_reply(plugin, msg, reply, &again), 0);
	reply = answered(arena, wire, yt_buf_view(&again));
	assert_string_equal(written(arena, reply->body), (const char *)pair.kept.p);
	assert_non_null(yt_node_get(reply->head, "province_member"));
	yt_buf_free(&again);
	yt_buf_free(&octets);
	yt_buf_free(&pair.sent);
	yt_buf_free(&pair.kept);
	yt_arena_free(arena);
}

static bool has_side(const char *wire, const char *side)
{
	for (size_t i = 0; i < n_rows; i++)
		if (strcmp(rows[i].wire, wire) == 0 && strcmp(rows[i].side, side) == 0)
			return true;
	return false;
}

static void round_trips(const char *wire, const char *as)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		seed = (uint64_t)i * 7919 + (uint64_t)wire[0] + 256u * (uint64_t)wire[2] + 65536u * (uint64_t)wire[3];
		one_request(wire, as);
		if (has_side(as, "out"))
			one_answer(wire, as);
	}
}

static void random_messages_round_trip(void **state)
{
	size_t n = 0;

	for (size_t i = 0; i < n_rows; i++) {
		if (i > 0 && strcmp(rows[i].wire, rows[i - 1].wire) == 0)
			continue;
		round_trips(rows[i].wire, rows[i].wire);
		n++;
	}
	for (size_t i = 0; i < n_aliases; i++, n++)
		round_trips(aliases[i].wire, aliases[i].as);
	assert_true(n >= 90);
}

/* The same octets in the encoding of client libraries. */
static void rare_names_survive_gb18030(void **state)
{
	struct yt_arena *arena = yt_arena_new(0);
	struct yt_buf octets = { 0 };
	char bytes[4096], *in, *out = bytes;
	size_t in_left, out_left = sizeof(bytes);
	iconv_t cd = iconv_open("GB18030", "UTF-8");
	struct yt_msg *msg;

	put_head(&octets, "1101");
	yt_buf_text(
	        &octets, "{\"data\":{\"mdtrt_cert_type\":\"02\",\"mdtrt_cert_no\":\"X\",\"psn_name\":\"䶮㛃𠮷\"}}}");
	in = (char *)octets.p;
	in_left = octets.n;
	assert_true(iconv(cd, &in, &in_left, &out, &out_left) != (size_t)-1);
	iconv_close(cd);
	msg = decoded(arena, "1101", (struct yt_str){ bytes, sizeof(bytes) - out_left });
	assert_true(yt_str_is(yt_node_text(yt_node_get(msg->body, "data"), "psn_name"), "䶮㛃𠮷"));
	assert_true(yt_str_is(msg->operator_name, "䶮㛃𠮷\xEE\xA1\xA3"));
	yt_buf_free(&octets);
	yt_arena_free(arena);
}

/* Characters that GB18030 has at two places (charset.c): the second, of four octets, is the same name. */
static void names_of_four_octets_are_read(void **state)
{
	struct yt_arena *arena = yt_arena_new(0);
	struct yt_buf octets = { 0 };
	struct yt_msg *msg;

	yt_buf_text(&octets, "{\"infno\":\"1101\",\"msgid\":\"H33021399901202503140941300012\",\"mdtrtarea_admvs\":"
	                     "\"330213\",\"insuplc_admdvs\":\"330213\",\"recer_sys_code\":\"YBXT\",\"infver\":\"V1.0\","
	                     "\"opter_type\":\"1\",\"opter\":\"S0007\",\"opter_name\":\"x\",\"inf_time\":"
	                     "\"2025-03-14 09:41:30\",\"fixmedins_code\":\"H33021399901\",\"fixmedins_name\":\"x\","
	                     "\"sign_no\":\"S1\",\"input\":{\"data\":{\"mdtrt_cert_type\":\"02\",\"mdtrt_cert_no\":"
	                     "\"X\",\"psn_name\":\"\x82\x35\x90\x37\xfe\x59\"}}}");
	msg = decoded(arena, "1101", yt_buf_view(&octets));
	assert_true(yt_str_is(yt_node_text(yt_node_get(msg->body, "data"), "psn_name"), "龴龴"));
	yt_buf_free(&octets);
	yt_arena_free(arena);
}

/* Numbers are looked up by halves. */
static void the_operations_stand_in_order(void **state)
{
	for (const struct yt_wire_op *op = api->ops; op[1].wire != NULL; op++)
		assert_true(strcmp(op[0].wire, op[1].wire) < 0);
	for (size_t i = 1; i < n_rows; i++)
		assert_true(strcmp(rows[i - 1].wire, rows[i].wire) <= 0);
}

static const struct yt_wire_op *op_of(const char *wire)
{
	for (const struct yt_wire_op *op = api->ops; op->wire != NULL; op++)
		if (strcmp(op->wire, wire) == 0)
			return op;
	return NULL;
}

static void every_transaction_of_the_tables_has_an_operation(void **state)
{
	for (size_t i = 0; i < n_rows; i++)
		if (op_of(rows[i].wire) == NULL)
			fail_msg("%s has rows and no operation", rows[i].wire);
	for (size_t i = 0; i < n_aliases; i++) {
		const struct yt_wire_op *plain = op_of(aliases[i].as), *same = op_of(aliases[i].wire);

		assert_non_null(same);
		assert_int_equal(same->resolve, plain->resolve);
	}
}

/* Every field of the shared facts is in our rows with its type and length. */
static void every_published_field_has_its_row(void **state)
{
	FILE *facts = fopen(YT_SOURCE_DIR "/../shared/formats/nhsa-fields.tsv", "r");
	char line[2048];
	size_t n = 0, missing = 0;

	if (facts == NULL) {
		print_message("no ../shared/formats/nhsa-fields.tsv\n");
		skip();
	}
	while (fgets(line, sizeof(line), facts) != NULL) {
		char wire[16], side[16], node[64], field[40];
		const char *as = wire;
		bool found = false;

		if (sscanf(line, "%15[^\t]\t%15[^\t]\t%63[^\t]\t%39[^\t]", wire, side, node, field) != 4 ||
		        (strcmp(side, "in") != 0 && strcmp(side, "out") != 0) || strcmp(wire, "ENVELOPE") == 0 ||
		        strcmp(node, "(HTTP body)") == 0)
			continue;
		if (strcmp(wire, "13xx") == 0)
			snprintf(wire, sizeof(wire), "1301");
		for (size_t i = 0; i < n_aliases; i++)
			if (strcmp(aliases[i].wire, wire) == 0)
				as = aliases[i].as;
		for (size_t i = 0; i < n_rows && !found; i++)
			found = strcmp(rows[i].wire, as) == 0 && strcmp(rows[i].side, side) == 0 &&
			        strcmp(rows[i].field, field) == 0;
		if (!found) {
			print_message("%s %s %s has no row\n", wire, side, field);
			missing++;
		}
		n++;
	}
	fclose(facts);
	assert_int_equal(missing, 0);
	assert_true(n > 2000);
}

static int open_all(void **state)
{
	char why[512];

	rows_read();
	if (plugin_load(&plugin, YT_PLUGIN_DIR "/nhsa.so", "test", NULL, 0, NULL, why, sizeof(why)) != 0)
		return -1;
	api = plugin_api(plugin);
	return 0;
}

static int close_all(void **state)
{
	plugin_unload(plugin);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_operations_stand_in_order),
		cmocka_unit_test(every_transaction_of_the_tables_has_an_operation),
		cmocka_unit_test(every_published_field_has_its_row),
		cmocka_unit_test(random_messages_round_trip),
		cmocka_unit_test(rare_names_survive_gb18030),
		cmocka_unit_test(names_of_four_octets_are_read),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
