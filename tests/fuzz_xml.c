/* tests/fuzz_xml.c - any octets at all, read as XML; what is read holds together and survives being written.
 *
 * Run: build/fuzz/bin/fuzz_xml tests/corpus/fuzz_xml */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "yitong/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_right, const char *what)
{
	if (!is_right) {
		fprintf(stderr, "%s\n", what);
		abort();
	}
}

/* Elements stand in order inside their parent, from < to >. */
static void check_places(const struct yt_xml *xml, const struct yt_node *node)
{
	struct yt_str raw = yt_xml_raw(xml, node);
	size_t from = node->raw_off, to = from + node->raw_len;

	check(to <= xml->octets.n && raw.n >= 4 && raw.p[0] == '<' && raw.p[raw.n - 1] == '>',
	        "an element beside its octets");
	for (const struct yt_node *child = node->child; child != NULL; child = child->next) {
		if (child->name.p[0] == '@')
			continue;
		check(child->raw_off > from && child->raw_off + child->raw_len < to,
		        "an element outside of its parent");
		from = child->raw_off + child->raw_len - 1;
		check_places(xml, child);
	}
}

static bool is_same(const struct yt_node *a, const struct yt_node *b)
{
	if (a->kind != b->kind || a->n != b->n || !yt_str_eq(a->name, b->name) || !yt_str_eq(a->text, b->text))
		return false;
	for (a = a->child, b = b->child; a != NULL; a = a->next, b = b->next)
		if (!is_same(a, b))
			return false;
	return true;
}

static void check_again(struct yt_arena *arena, const struct yt_xml *xml, enum yt_charset charset)
{
	static const struct yt_xml_limits wide = { .octets = 64 << 20, .depth = YT_XML_DEEPEST, .attributes = 1024 };
	struct yt_buf out = { 0 };
	struct yt_xml_writer w;
	struct yt_xml_error err;
	struct yt_xml again;
	int rv;

	yt_xml_begin(&w, &out, charset);
	yt_xml_declaration(&w);
	yt_xml_node(&w, xml->root);
	rv = yt_xml_done(&w, &err);
	check(rv == 0, "what was read cannot be written");
	rv = yt_xml_read(arena, yt_buf_view(&out), &wide, &again, &err);
	if (rv != 0 && charset == YT_GB18030 && strstr(err.why, "are UTF-8") != NULL) {
		yt_buf_free(&out); /* made so that it could be either; xml_text.c then refuses it */
		return;
	}
	if (rv != 0)
		fprintf(stderr, "%u:%u %s %s\n%.*s\n", err.line, err.column, err.path, err.why, (int)out.n,
		        (char *)out.p);
	check(rv == 0, "what was written cannot be read");
	/* GB18030 has one place where old name systems had two (charset.c), so only UTF-8 must bring back the same. */
	check(charset != YT_UTF8 || is_same(xml->root, again.root), "what was written reads differently");
	yt_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct yt_arena *arena;
	static const struct yt_xml_limits limits = { .octets = 1 << 20, .nodes = 5000 };
	struct yt_xml_error err;
	struct yt_xml xml;
	int rv;

	if (arena == NULL)
		arena = yt_arena_new(0);
	rv = yt_xml_read(arena, (struct yt_str){ (const char *)data, size }, &limits, &xml, &err);
	if (rv == 0) {
		check_places(&xml, xml.root);
		check_again(arena, &xml, YT_UTF8);
		check_again(arena, &xml, YT_GB18030);
	} else {
		check(err.why != NULL && err.offset <= size && err.line > 0 && err.column > 0,
		        "an error without a place");
	}
	yt_arena_reset(arena);
	return 0;
}
