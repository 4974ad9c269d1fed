/* tests/test_json.c - the JSON reader and writer, and the tree between them. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc_fault.h"
#include "json_oracle.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BYTES(literal)                                                                                                 \
	{                                                                                                              \
		(literal), sizeof(literal) - 1                                                                         \
	}

static struct yt_arena *arena;

static int set_up(void **state)
{
	arena = yt_arena_new(0);
	return arena == NULL;
}

static int tear_down(void **state)
{
	allocs_until_fault = -1;
	yt_arena_free(arena);
	return 0;
}

/* A copy that is followed by no byte of ours, so that ASan sees reading beyond it.  Free it. */
static struct yt_str exact(struct yt_str text)
{
	char *p = malloc(text.n > 0 ? text.n : 1);

	assert_non_null(p);
	if (text.n > 0)
		memcpy(p, text.p, text.n);
	return (struct yt_str){ p, text.n };
}

/* The tree of text, which must be good and live as long as the test. */
static struct yt_node *tree(const char *text)
{
	struct yt_node *root = NULL;

	assert_int_equal(yt_json_read(arena, yt_str(text), NULL, &root, NULL), 0);
	return root;
}

/* --- what is refused, and how it is told --- */

static const struct refusal {
	struct yt_str text;
	size_t offset;
	uint32_t line, column;
	const char *why;
} refusals[] = {
	{ BYTES(""), 0, 1, 1, "ends where a value is expected" },
	{ BYTES(" \n "), 3, 2, 2, "ends where a value is expected" },
	{ BYTES("{\"a\":"), 5, 1, 6, "ends where a value is expected" }, { BYTES("[1,]"), 3, 1, 4, "expected a value" },
	{ BYTES("[,1]"), 1, 1, 2, "expected a value" }, { BYTES("[1 2]"), 3, 1, 4, "expected ',' or ']'" },
	{ BYTES("[1}"), 2, 1, 3, "expected ',' or ']'" }, { BYTES("{\"a\":1]"), 6, 1, 7, "expected ',' or '}'" },
	{ BYTES("{\"a\":1,}"), 7, 1, 8, "expected a member name in quotes" },
	{ BYTES("{a:1}"), 1, 1, 2, "expected a member name in quotes" },
	{ BYTES("{\n\t\"a\" 1}"), 7, 2, 6, "expected ':'" }, { BYTES("{\"a\""), 4, 1, 5, "expected ':'" },
	{ BYTES("1 2"), 2, 1, 3, "bytes after the value" }, { BYTES("{}\n}"), 3, 2, 1, "bytes after the value" },
	{ BYTES("1\0"), 1, 1, 2, "bytes after the value" },
	{ BYTES("\xef\xbb\xbf{}"), 0, 1, 1, "starts with a byte-order mark" },
	{ BYTES("tru"), 0, 1, 1, "expected a value" }, { BYTES("nul"), 0, 1, 1, "expected a value" },
	{ BYTES("fals"), 0, 1, 1, "expected a value" }, { BYTES("True"), 0, 1, 1, "expected a value" },
	{ BYTES("NaN"), 0, 1, 1, "expected a value" }, { BYTES("'a'"), 0, 1, 1, "expected a value" },
	{ BYTES("/**/1"), 0, 1, 1, "expected a value" }, { BYTES("-"), 1, 1, 2, "bad number" },
	{ BYTES("-x"), 1, 1, 2, "bad number" }, { BYTES("012"), 0, 1, 1, "bad number" },
	{ BYTES("-012"), 1, 1, 2, "bad number" }, { BYTES("1."), 2, 1, 3, "bad number" },
	{ BYTES("1.e2"), 2, 1, 3, "bad number" }, { BYTES("1e"), 2, 1, 3, "bad number" },
	{ BYTES("1e+"), 3, 1, 4, "bad number" }, { BYTES("+1"), 0, 1, 1, "expected a value" },
	{ BYTES(".5"), 0, 1, 1, "expected a value" }, { BYTES("1x"), 1, 1, 2, "bytes after the value" },
	{ BYTES("\"abc"), 4, 1, 5, "text without an end" },
	{ BYTES("\"a\nb\""), 2, 1, 3, "unescaped control character" },
	{ BYTES("\"a\0b\""), 2, 1, 3, "unescaped control character" },
	{ BYTES("\"a\\xb\""), 2, 1, 3, "bad escape or lone surrogate" },
	{ BYTES("\"a\\"), 2, 1, 3, "bad escape or lone surrogate" },
	{ BYTES("\"\\\0\""), 1, 1, 2, "bad escape or lone surrogate" },
	{ BYTES("\"\\u12"), 1, 1, 2, "bad escape or lone surrogate" },
	{ BYTES("\"\\u12g4\""), 1, 1, 2, "bad escape or lone surrogate" },
	{ BYTES("\"\\ud83d\""), 1, 1, 2, "bad escape or lone surrogate" },
	{ BYTES("\"\\ud83d\\n\""), 1, 1, 2, "bad escape or lone surrogate" },
	{ BYTES("\"\\ud83d\\u0041\""), 1, 1, 2, "bad escape or lone surrogate" },
	{ BYTES("\"\\ud83d\\ud83d\""), 1, 1, 2, "bad escape or lone surrogate" },
	{ BYTES("\"\\ud83d\\ue000\""), 1, 1, 2, "bad escape or lone surrogate" },
	{ BYTES("\"\\ud83d"), 1, 1, 2, "bad escape or lone surrogate" },
	{ BYTES("\"\\ud83d\\"), 1, 1, 2, "bad escape or lone surrogate" },
	{ BYTES("\"\\ud83d\\u12"), 1, 1, 2, "bad escape or lone surrogate" },
	{ BYTES("\"\\ude00\\ud83d\""), 1, 1, 2, "bad escape or lone surrogate" },
	{ BYTES("\"\xb2\xe2\xca\xd4\""), 1, 1, 2, "not UTF-8" }, /* GB18030 sent as UTF-8 */
	{ BYTES("\"\xc0\xaf\""), 1, 1, 2, "not UTF-8" },         /* a slash, too long */
	{ BYTES("\"\xed\xa0\x80\""), 1, 1, 2, "not UTF-8" },     /* a surrogate */
	{ BYTES("\"\xc3"), 1, 1, 2, "not UTF-8" }, { BYTES("\"\xf0\x9f\x98"), 1, 1, 2, "not UTF-8" },
	{ BYTES("\"\xe4\xb8"), 1, 1, 2, "not UTF-8" }, /* cut */
};

static void test_refusals_say_where_and_why(void **state)
{
	for (size_t i = 0; i < COUNT(refusals); i++) {
		const struct refusal *row = &refusals[i];
		struct yt_str text = exact(row->text);
		struct yt_node untouched, *root = &untouched;
		struct yt_json_error err;

		print_message("refuses %.*s\n", YT_FMT(row->text));
		assert_int_equal(yt_json_read(arena, text, NULL, &root, &err), YT_EFORMAT);
		assert_string_equal(err.why, row->why);
		assert_int_equal(err.offset, row->offset);
		assert_int_equal(err.line, row->line);
		assert_int_equal(err.column, row->column);
		assert_ptr_equal(root, &untouched);
		assert_int_equal(yt_json_read(arena, text, NULL, &root, NULL), YT_EFORMAT);
		free((char *)text.p);
	}
}

/* --- what is read --- */

static void test_tree_is_what_was_written(void **state)
{
	static const char text[] = " {\"infno\" : \"2207\", \"amt\":-12.30e+2,\r\n\t\"rows\":[ true ,false,null,[],{}],"
	                           "\"\":{\"姓名\":\"\\u4e2d文\\ud83d\\ude00\\\"\\/\\b\\f\\n\\r\\t\\u0000\"}} ";
	struct yt_node *root = tree(text);
	struct yt_node *rows = yt_node_get(root, "rows");
	struct yt_node *row = rows->child;
	struct yt_str escaped = yt_node_text(yt_node_get(root, ""), "姓名");

	assert_int_equal(root->kind, YT_OBJECT);
	assert_int_equal(root->n, 4);
	assert_null(root->next);
	assert_int_equal(root->raw_off, 1);
	assert_int_equal(root->raw_len, strlen(text) - 2);
	assert_ptr_equal(root->last, yt_node_get(root, ""));
	assert_true(yt_str_is(yt_node_text(root, "infno"), "2207"));
	assert_ptr_equal(yt_node_text(root, "infno").p, strstr(text, "2207")); /* a slice, no copy */
	assert_int_equal(yt_node_get(root, "amt")->kind, YT_NUMBER);
	assert_true(yt_str_is(yt_node_text(root, "amt"), "-12.30e+2"));
	assert_int_equal(rows->n, 5);
	assert_int_equal(row->kind, YT_BOOL);
	assert_true(yt_str_is(row->text, "true"));
	row = row->next;
	assert_true(yt_str_is(row->text, "false"));
	row = row->next;
	assert_int_equal(row->kind, YT_NULL);
	row = row->next;
	assert_true(row->kind == YT_ARRAY && row->n == 0 && row->child == NULL && row->raw_len == 2);
	row = row->next;
	assert_true(row->kind == YT_OBJECT && row->n == 0 && row->next == NULL && rows->last == row);
	assert_true(yt_str_eq(escaped, YT_STR("中文😀\"/\b\f\n\r\t\0")));
	assert_true(oracle_spans(arena, yt_str(text), root));
}

/* The span of a value is what a digest of "the same content" is taken over: its octets and no others. */
static void test_span_of_the_business_part(void **state)
{
	static const char text[] = "{\"infno\":\"2207\",\"input\" : {\"data\": {\"a\":\"\\u0031\"}} ,\"x\":[1]}";
	struct yt_node *input = yt_node_get(tree(text), "input");

	assert_memory_equal(text + input->raw_off, "{\"data\": {\"a\":\"\\u0031\"}}", input->raw_len);
	assert_int_equal(input->raw_len, 24);
}

/* Each byte value at each place of a word that is scanned eight bytes at a time. */
static void test_every_byte_at_every_place(void **state)
{
	for (size_t place = 0; place < 26; place++)
		for (int byte = 0; byte < 256; byte++) {
			char quoted[] = "\"abcdefghijklmnopqrstuvwxyz\"";
			struct yt_str text;
			const char *wrong;

			quoted[1 + place] = (char)byte;
			text = exact((struct yt_str){ quoted, sizeof(quoted) - 1 });
			wrong = json_oracle(arena, text);
			if (wrong != NULL)
				fail_msg("byte %d at %zu: %s", byte, place, wrong);
			free((char *)text.p);
			yt_arena_reset(arena);
		}
}

/* Each first byte with the tail bytes at the edges of what UTF-8 allows. */
static void test_utf8_at_its_edges(void **state)
{
	static const uint8_t edges[] = { 'a', 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff };
	const size_t n = sizeof(edges);

	for (int first = 0x80; first < 256; first++)
		for (size_t i = 0; i < n * n * n; i++) {
			const uint8_t quoted[] = { '"', (uint8_t)first, edges[i % n], edges[i / n % n],
				edges[i / n / n], '"' };
			const char *wrong = json_oracle(arena, (struct yt_str){ (const char *)quoted, 6 });

			if (wrong != NULL)
				fail_msg("%02x %02x %02x %02x: %s", first, quoted[2], quoted[3], quoted[4], wrong);
			yt_arena_reset(arena);
		}
}

/* Every escape \u0000 .. \uffff alone and before a low surrogate. */
static void test_every_unicode_escape(void **state)
{
	for (unsigned code = 0; code < 0x10000; code++)
		for (int pair = 0; pair < 2; pair++) {
			char quoted[40];
			const char *wrong;

			snprintf(quoted, sizeof(quoted), "\"x\\u%04X%s\"", code, pair ? "\\uDFfF" : "");
			wrong = json_oracle(arena, yt_str(quoted));
			if (wrong != NULL)
				fail_msg("%s: %s", quoted, wrong);
			yt_arena_reset(arena);
		}
}

/* --- names twice --- */

static const struct twice {
	const char *text;
	int at; /* offset of the repeated member's value; -1: none */
} twices[] = {
	{ "{}", -1 },
	{ "{\"a\":1,\"b\":2}", -1 },
	{ "{\"a\":1,\"a\":2}", 11 },
	{ "{\"a\":1,\"b\":2,\"a\":1}", 17 },
	{ "{\"a\":1,\"\\u0061\":2}", 16 }, /* the same name, spelled otherwise */
	{ "{\"\":1,\"\":2}", 9 },
	{ "{\"a\":{\"b\":1},\"b\":{\"a\":1}}", -1 }, /* of different objects */
	{ "[{\"a\":1},{\"a\":1}]", -1 },
	{ "{\"x\":[{\"a\":1,\"a\":1}]}", 17 },
	{ "{\"a\":1,\"A\":2}", -1 },
	{ "{\"a\":1,\"a\\u0000\":2}", -1 },
};

/* Two readers may take different ones of the two: the codec must be told. */
static void test_repeated_name_is_reported(void **state)
{
	for (size_t i = 0; i < COUNT(twices); i++) {
		struct yt_node *root;
		struct yt_json_error err;

		print_message("%s\n", twices[i].text);
		assert_int_equal(yt_json_read(arena, yt_str(twices[i].text), NULL, &root, &err), 0);
		assert_int_equal(err.duplicate != NULL ? (int)err.duplicate->raw_off : -1, twices[i].at);
	}
	/* Of a tree that is not given out no node is. */
	struct yt_json_error err;
	assert_int_equal(
	        yt_json_read(arena, YT_STR("[{\"a\":1,\"a\":2}"), NULL, &(struct yt_node *){ NULL }, &err), YT_EFORMAT);
	assert_null(err.duplicate);
}

/* Objects of every size around the change from comparing to hashing, and far beyond; the repeated
 * pair at every pair of places while they are few. */
static void test_repeated_name_is_found_in_objects_of_any_size(void **state)
{
	static const unsigned sizes[] = { 2, 3, 11, 12, 13, 14, 127, 128, 129, 300, 20000 };

	for (size_t s = 0; s < COUNT(sizes); s++) {
		unsigned n = sizes[s];
		unsigned step = n < 20 ? 1 : n / 3;

		for (unsigned second = 0; second < n; second += step)
			for (unsigned first = 0; first <= second; first += step) { /* equal: none is repeated */
				struct yt_buf text = { 0 };
				struct yt_json_error err;
				struct yt_node *root;

				/* a small object with a name of the outer one, to dirty the table */
				yt_buf_text(&text, "{\"inner\":{\"name1\":1,\"name2\":1}");
				for (unsigned i = 0; i < n; i++)
					yt_buf_printf(&text, ",\"name%u\":1", i == second ? first : i);
				yt_buf_byte(&text, '}');
				assert_int_equal(yt_json_read(arena, yt_buf_view(&text), NULL, &root, &err), 0);
				assert_int_equal(err.duplicate != NULL, first != second);
				yt_buf_free(&text);
				yt_arena_reset(arena);
			}
	}
}

/* --- limits --- */

static int read_nested(unsigned depth, unsigned limit)
{
	struct yt_json_limits limits = { .depth = limit };
	struct yt_buf text = { 0 };
	struct yt_node *root;
	int rv;

	for (unsigned i = 0; i < depth; i++)
		yt_buf_byte(&text, '[');
	for (unsigned i = 0; i < depth; i++)
		yt_buf_byte(&text, ']');
	rv = yt_json_read(arena, yt_buf_view(&text), &limits, &root, NULL);
	yt_buf_free(&text);
	return rv;
}

static void test_depth_limit(void **state)
{
	assert_int_equal(read_nested(3, 3), 0);
	assert_int_equal(read_nested(4, 3), YT_ELIMIT);
	assert_int_equal(read_nested(32, 0), 0);
	assert_int_equal(read_nested(33, 0), YT_ELIMIT);
	assert_int_equal(read_nested(YT_JSON_DEEPEST, YT_JSON_DEEPEST), 0);
	assert_int_equal(read_nested(YT_JSON_DEEPEST + 1, UINT32_MAX), YT_ELIMIT);
	/* Siblings are not deeper. */
	assert_int_equal(yt_json_read(arena, YT_STR("[[],[],[[]],{}]"), &(struct yt_json_limits){ .depth = 3 },
	                         &(struct yt_node *){ NULL }, NULL),
	        0);
}

static void test_node_limit(void **state)
{
	struct yt_json_limits limits = { .nodes = 4 };
	struct yt_json_error err;
	struct yt_node *root;

	assert_int_equal(yt_json_read(arena, YT_STR("[1,[2]]"), &limits, &root, &err), 0);
	assert_int_equal(yt_json_read(arena, YT_STR("[1,[2],3]"), &limits, &root, &err), YT_ELIMIT);
	assert_string_equal(err.why, "too many values");
	assert_int_equal(err.offset, 7);
}

static void test_default_node_limit(void **state)
{
	struct yt_buf text = { 0 };
	struct yt_node *root;

	yt_buf_byte(&text, '[');
	for (int i = 0; i < 199998; i++)
		yt_buf_text(&text, "1,");
	yt_buf_text(&text, "1]");
	assert_int_equal(yt_json_read(arena, yt_buf_view(&text), NULL, &root, NULL), 0);
	assert_int_equal(root->n, 199999);
	text.p[text.n - 1] = ',';
	yt_buf_text(&text, "1]");
	assert_int_equal(yt_json_read(arena, yt_buf_view(&text), NULL, &root, NULL), YT_ELIMIT);
	yt_buf_free(&text);
}

/* --- memory --- */

static const char memory_text[] = "{\"a\\n\":[1,2,3,4,5,6,7,8,9,{\"b\\t\":\"c\\u4e2d\"}],\"d\":null}";

static void test_small_arena_is_told(void **state)
{
	struct yt_str text = yt_str(memory_text);
	size_t limit = 1;
	int rv = YT_ENOMEM;

	for (; rv != 0 && limit < 100000; limit++) {
		struct yt_arena *small = yt_arena_new(limit);
		struct yt_json_error err;
		struct yt_node *root;

		rv = yt_json_read(small, text, NULL, &root, &err);
		if (rv == 0)
			assert_true(yt_str_is(yt_node_text(root->child->last, "b\t"), "c中"));
		else
			assert_true(rv == YT_ENOMEM && strcmp(err.why, "out of memory") == 0);
		yt_arena_free(small);
	}
	assert_int_equal(rv, 0);
	assert_true(limit > 15 * sizeof(struct yt_node));
}

/* Fail the first allocation, then the second, ... : an object large enough for each of them. */
static void test_failing_memory_is_told(void **state)
{
	struct yt_buf text = { 0 };
	int n = 0, rv = YT_ENOMEM;

	yt_buf_text(&text, "{\"a\":{");
	for (int i = 0; i < 200; i++)
		yt_buf_printf(&text, "%s\"m%d\":%d", i > 0 ? "," : "", i, i);
	yt_buf_text(&text, "}");
	for (int i = 0; i < 600; i++)
		yt_buf_printf(&text, ",\"n\\u0030%d\":%d", i, i);
	yt_buf_text(&text, "}");
	for (; rv != 0 && n < 50; n++) {
		struct yt_arena *fresh = yt_arena_new(0);
		struct yt_node *root;

		allocs_until_fault = n;
		rv = yt_json_read(fresh, yt_buf_view(&text), NULL, &root, NULL);
		allocs_until_fault = -1;
		assert_true(rv == 0 || rv == YT_ENOMEM);
		yt_arena_free(fresh);
	}
	assert_int_equal(rv, 0);
	assert_true(n >= 6); /* three blocks of the arena, two tables of names, then none */
	yt_buf_free(&text);
}

static void test_writer_tells_failing_memory(void **state)
{
	struct yt_node *root = tree(memory_text);
	struct yt_buf whole = { 0 };
	bool failed = true;
	int n = 0;

	for (int i = 0; i < 6; i++) /* several times the first piece of memory */
		yt_node_add_text(arena, root, "more", YT_STR("\"0123456789012345678901234567890123456789\\\x01"));
	yt_json_write(root, &whole);
	assert_false(whole.failed);
	for (; failed && n < 20; n++) {
		struct yt_buf out = { 0 };

		allocs_until_fault = n;
		yt_json_write(root, &out);
		allocs_until_fault = -1;
		failed = out.failed;
		assert_true(out.n <= whole.n && (out.n < whole.n || !failed));
		yt_buf_free(&out);
	}
	assert_true(n > 1);
	yt_buf_free(&whole);
}

/* --- the writer --- */

static const struct written {
	const char *read;
	const char *want;
} writtens[] = {
	{ " [ ] ", "[]" },
	{ "{ }", "{}" },
	{ "[1, 2.50 ,-0,1E+2,0.10]", "[1,2.50,-0,1E+2,0.10]" }, /* digit by digit */
	{ "[true,false,null,\"\"]", "[true,false,null,\"\"]" },
	{ "{\"b\":{\"c\":[{}]},\"a\":1}", "{\"b\":{\"c\":[{}]},\"a\":1}" }, /* in order */
	{ "\"\\u4e2d\\ud83d\\ude00\\/\\u007f\"", "\"中😀/\x7f\"" },
	{ "\"\\\"\\\\\\b\\f\\n\\r\\t\"", "\"\\\"\\\\\\b\\f\\n\\r\\t\"" },
	{ "\"\\u0000\\u0001\\u001f a\"", "\"\\u0000\\u0001\\u001f a\"" },
	{ "{\"\\\"\\n\":0}", "{\"\\\"\\n\":0}" },
	{ "{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":2}" },
};

static void test_writes_what_was_read(void **state)
{
	for (size_t i = 0; i < COUNT(writtens); i++) {
		struct yt_buf out = { 0 };

		yt_json_write(tree(writtens[i].read), &out);
		yt_buf_byte(&out, 0);
		assert_false(out.failed);
		assert_string_equal((char *)out.p, writtens[i].want);
		yt_buf_free(&out);
	}
}

static bool writes(const struct yt_node *node)
{
	struct yt_buf out = { 0 };
	bool failed;

	yt_json_write(node, &out);
	failed = out.failed;
	yt_buf_free(&out);
	return !failed;
}

/* Octets that no reader takes must not leave. */
static void test_writer_refuses_what_is_not_json(void **state)
{
	static const char *const bad[] = { "", "-", "007", "1.", ".5", "+1", "1 ", "NaN", "1,\"x\":2", "0x1" };
	struct yt_node *deep, *top = yt_node_new(arena, YT_ARRAY);

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct yt_node *root = yt_node_new(arena, YT_ARRAY);

		yt_node_add_number(arena, root, NULL, yt_str(bad[i]));
		assert_false(writes(root));
	}
	deep = top;
	for (int i = 1; i < YT_JSON_DEEPEST; i++)
		deep = yt_node_add(arena, deep, (struct yt_str){ 0 }, YT_ARRAY);
	assert_true(writes(top));
	assert_non_null(yt_node_add(arena, deep, (struct yt_str){ 0 }, YT_ARRAY));
	assert_false(writes(top));
}

/* --- the tree --- */

static void test_tree_is_built(void **state)
{
	struct yt_node *root = yt_node_new(arena, YT_OBJECT);
	struct yt_node *rows = yt_node_add(arena, root, YT_STR("rows"), YT_ARRAY);
	struct yt_buf out = { 0 };

	yt_node_add_text(arena, root, "name", YT_STR("王\"五"));
	yt_node_add_number(arena, root, "cnt", YT_STR("2.0"));
	yt_node_add_fen(arena, root, "sum", -1230);
	yt_node_add_text(arena, rows, NULL, YT_STR("x"));
	yt_node_add_fen(arena, rows, NULL, 5);
	assert_int_equal(root->n, 4);
	assert_int_equal(rows->n, 2);
	yt_json_write(root, &out);
	assert_true(yt_str_is(
	        yt_buf_view(&out), "{\"rows\":[\"x\",0.05],\"name\":\"王\\\"五\",\"cnt\":2.0,\"sum\":-12.30}"));
	yt_buf_free(&out);
	/* Calls chain: what has no parent is not added. */
	assert_null(yt_node_add_text(arena, NULL, "a", YT_STR("b")));
	assert_null(yt_node_add(arena, yt_node_get(root, "name"), YT_STR("a"), YT_OBJECT));
}

static void test_full_arena_adds_nothing(void **state)
{
	struct yt_arena *small = yt_arena_new(2 * sizeof(struct yt_node) + 10);
	struct yt_node *root = yt_node_new(small, YT_OBJECT);

	assert_non_null(yt_node_add_text(small, root, "a", YT_STR("b")));
	assert_null(yt_node_add_text(small, root, "c", YT_STR("d")));
	assert_null(yt_node_add_fen(small, root, "c", 1));
	assert_int_equal(yt_node_set_text(small, root, "c", YT_STR("d")), YT_ENOMEM);
	assert_int_equal(root->n, 1);
	assert_ptr_equal(root->last, root->child);
	assert_null(root->child->next);
	yt_arena_free(small);
}

static void test_tree_is_asked(void **state)
{
	struct yt_node *root = tree("{\"t\":\"x\",\"n\":1.5,\"b\":true,\"z\":null,\"o\":{\"t\":\"y\"},\"a\":[\"t\"],"
	                            "\"t2\":\"\"}");

	assert_true(yt_str_is(yt_node_text(root, "t"), "x"));
	assert_true(yt_str_is(yt_node_text(root, "n"), "1.5"));
	assert_true(yt_str_is(yt_node_text(yt_node_get(root, "o"), "t"), "y"));
	assert_int_equal(yt_node_text(root, "b").n, 0);
	assert_int_equal(yt_node_text(root, "z").n, 0);
	assert_int_equal(yt_node_text(root, "o").n, 0);
	assert_int_equal(yt_node_text(root, "missing").n, 0);
	assert_int_equal(yt_node_text(NULL, "t").n, 0);
	assert_null(yt_node_get(NULL, "t"));
	assert_null(yt_node_get(root, "T"));
	assert_null(yt_node_get(root, "t1"));
	assert_null(yt_node_get(yt_node_get(root, "a"), "t"));
	assert_null(yt_node_get(yt_node_get(root, "a"), "")); /* members of arrays have no name, not the empty one */
	assert_null(yt_node_get(yt_node_get(root, "t"), "t"));
}

static void test_amounts_of_members(void **state)
{
	static const struct {
		const char *member;
		int want;
		int64_t fen;
	} rows[] = {
		{ "number", 0, 1230 },
		{ "text", 0, -1 },
		{ "empty", 0, 0 }, /* missing, null and "" count as 0 (nhsa.md 3.1) */
		{ "null", 0, 0 },
		{ "missing", 0, 0 },
		{ "exponent", YT_EFORMAT, 0 },
		{ "finer", YT_EFORMAT, 0 },
		{ "word", YT_EFORMAT, 0 },
		{ "object", YT_EFORMAT, 0 },
		{ "array", YT_EFORMAT, 0 },
	};
	struct yt_node *root =
	        tree("{\"number\":12.3,\"text\":\"-0.010\",\"empty\":\"\",\"null\":null,\"exponent\":1e2,"
	             "\"finer\":0.001,\"word\":true,\"object\":{},\"array\":[1]}");

	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t fen = 4711;

		print_message("%s\n", rows[i].member);
		assert_int_equal(yt_node_fen(root, rows[i].member, &fen), rows[i].want);
		if (rows[i].want == 0)
			assert_true(fen == rows[i].fen);
	}
}

static void test_text_is_set(void **state)
{
	struct yt_node *root = tree("{\"a\":\"x\",\"b\":{\"c\":[1]},\"d\":2}");
	struct yt_buf out = { 0 };

	assert_int_equal(yt_node_set_text(arena, root, "a", YT_STR("new")), 0);
	assert_int_equal(yt_node_set_text(arena, root, "b", YT_STR("flat")), 0);
	assert_int_equal(yt_node_set_text(arena, root, "e", YT_STR("added")), 0);
	assert_int_equal(yt_node_get(root, "a")->raw_len, 0); /* it is not what was read any more */
	yt_json_write(root, &out);
	assert_true(yt_str_is(yt_buf_view(&out), "{\"a\":\"new\",\"b\":\"flat\",\"d\":2,\"e\":\"added\"}"));
	yt_buf_free(&out);
	assert_int_equal(yt_node_set_text(arena, NULL, "a", YT_STR("x")), YT_ESTATE);
	assert_int_equal(yt_node_set_text(arena, root->child, "a", YT_STR("x")), YT_ESTATE);
}

/* --- the public corpus of parsing cases --- */

static struct yt_str read_file(const char *folder, const char *name)
{
	char path[1024];
	struct yt_str text;
	char *p;
	FILE *file;
	long n;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "rb");
	assert_non_null(file);
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	n = ftell(file);
	assert_true(n >= 0);
	rewind(file);
	p = malloc((size_t)n + 1);
	assert_non_null(p);
	assert_int_equal(fread(p, 1, (size_t)n, file), n);
	fclose(file);
	text = exact((struct yt_str){ p, (size_t)n });
	free(p);
	return text;
}

static void check_corpus_file(const char *folder, const char *name)
{
	struct yt_str text = read_file(folder, name);
	struct yt_json_error err;
	struct yt_node *root;
	int rv = yt_json_read(arena, text, NULL, &root, &err);
	const char *wrong = json_oracle(arena, text);

	if (name[0] == 'y' && rv != 0)
		fail_msg("%s is refused: %s", name, err.why);
	if (name[0] == 'n' && rv == 0)
		fail_msg("%s is accepted", name);
	if (name[0] == 'y' && (strstr(name, "duplicated_key") != NULL) != (err.duplicate != NULL))
		fail_msg("%s: repeated names are told wrongly", name);
	if (wrong != NULL)
		fail_msg("%s: %s", name, wrong);
	free((char *)text.p);
	yt_arena_reset(arena);
}

static void test_corpus(void **state)
{
	static const char folder[] = YT_SOURCE_DIR "/../shared/corpora/json/test_parsing";
	DIR *dir = opendir(folder);
	int n_yes = 0, n_no = 0, n_either = 0;
	struct dirent *entry;

	if (dir == NULL) {
		print_message("skipped: no corpus at %s\n", folder);
		skip();
	}
	while ((entry = readdir(dir)) != NULL) {
		const char *end = strrchr(entry->d_name, '.');

		if (end == NULL || strcmp(end, ".json") != 0)
			continue;
		n_yes += entry->d_name[0] == 'y';
		n_no += entry->d_name[0] == 'n';
		n_either += entry->d_name[0] == 'i';
		check_corpus_file(folder, entry->d_name);
	}
	closedir(dir);
	print_message("corpus: %d accepted, %d refused, %d either\n", n_yes, n_no, n_either);
	assert_true(n_yes > 0 && n_no > 0 && n_either > 0);
}

int main(void)
{
#define WITH_ARENA(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_ARENA(test_refusals_say_where_and_why),
		WITH_ARENA(test_tree_is_what_was_written),
		WITH_ARENA(test_span_of_the_business_part),
		WITH_ARENA(test_every_byte_at_every_place),
		WITH_ARENA(test_utf8_at_its_edges),
		WITH_ARENA(test_every_unicode_escape),
		WITH_ARENA(test_repeated_name_is_reported),
		WITH_ARENA(test_repeated_name_is_found_in_objects_of_any_size),
		WITH_ARENA(test_depth_limit),
		WITH_ARENA(test_node_limit),
		WITH_ARENA(test_default_node_limit),
		WITH_ARENA(test_small_arena_is_told),
		WITH_ARENA(test_failing_memory_is_told),
		WITH_ARENA(test_writer_tells_failing_memory),
		WITH_ARENA(test_writes_what_was_read),
		WITH_ARENA(test_writer_refuses_what_is_not_json),
		WITH_ARENA(test_tree_is_built),
		WITH_ARENA(test_full_arena_adds_nothing),
		WITH_ARENA(test_tree_is_asked),
		WITH_ARENA(test_amounts_of_members),
		WITH_ARENA(test_text_is_set),
		WITH_ARENA(test_corpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
