/* tests/test_xml.c - XML: read to the tree with the octets of each element, refused with a place, written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <glob.h>
#include <pthread.h>
#include <stdint.h>

#include "format/sm.h"
#include "yitong/json.h"
#include "yitong/xml.h"

#define DECL "<?xml version=\"1.0\" encoding=\"GB18030\"?>"
#define SOU "\xcb\xd5\xcd\xfb\xb4\xa8" /* 苏望川 in GB18030 */

static struct yt_arena *arena;
static struct yt_xml_error err;
static struct yt_xml xml;

static int setup(void **state)
{
	arena = yt_arena_new(0);
	return arena == NULL;
}

static int teardown(void **state)
{
	yt_arena_free(arena);
	return 0;
}

static int read_octets(struct yt_str octets, const struct yt_xml_limits *limits)
{
	memset(&err, 0xa5, sizeof(err));
	return yt_xml_read(arena, octets, limits, &xml, &err);
}

static int read_text(const char *text)
{
	return read_octets(yt_str(text), NULL);
}

/* --- what is read --- */

/* The tree as JSON, under the root's name. */
static const struct good_case {
	const char *it; /* completes "a document ..." */
	const char *text;
	const char *json;
} good_cases[] = {
	{ "of elements is an object", "<a><b>1</b><c>2</c></a>", "{\"b\":\"1\",\"c\":\"2\"}" },
	{ "keeps repeated names in order", "<a><b>1</b><c>2</c><b>3</b></a>", "{\"b\":\"1\",\"c\":\"2\",\"b\":\"3\"}" },
	{ "of one text is a text", "<a> x </a>", "\" x \"" },
	{ "without content is an empty text", "<a/>", "\"\"" },
	{ "drops blanks between elements", "<a>\n  <b>1</b>\r\n\t<c/> \n</a>\n", "{\"b\":\"1\",\"c\":\"\"}" },
	{ "has attributes before elements", "<a ver=\"1.0\"><b/></a>", "{\"@ver\":\"1.0\",\"b\":\"\"}" },
	{ "reads the five entities", "<a>&amp;&lt;&gt;&quot;&apos;</a>", "\"&<>\\\"'\"" },
	{ "reads character references", "<a>&#20013;&#x4E2D;</a>", "\"中中\"" },
	{ "reads an ampersand in an attribute", "<a b='x&amp;&#38;&amp;quot;&amp;#38;&#x26;y'><c/></a>",
	        "{\"@b\":\"x&&&quot;&#38;&y\",\"c\":\"\"}" },
	{ "reads CDATA as text", "<a>x<![CDATA[<b>&amp;]]>y</a>", "\"x<b>&amp;y\"" },
	{ "skips comments", "<!-- c --><a>x<!-- <b> -->y</a><!-- d -->", "\"xy\"" },
	{ "has one kind of line end", "<a>x\r\ny\rz</a>", "\"x\\ny\\nz\"" },
	{ "may begin with a mark", "\xef\xbb\xbf<a>x</a>", "\"x\"" },
	{ "may be declared as UTF-8", "<?xml version='1.0' encoding='utf-8' standalone='yes' ?><a>中</a>", "\"中\"" },
	{ "may be declared without encoding", "<?xml version=\"1.0\"?><a>中</a>", "\"中\"" },
	{ "may be GB18030", DECL "<a>" SOU "</a>", "\"苏望川\"" },
	{ "of label GBK may hold four octets",
	        "<?xml version=\"1.0\" encoding=\"GBK\"?><a>\x95\x32\x82\x36\x84\x31\x95\x33</a>",
	        "\"\xf0\xa0\x80\x80\xef\xbb\xbf\"" },
	{ "of label gb2312 is GB18030", "<?xml version=\"1.0\" encoding=\"gb2312\"?><a>" SOU "</a>", "\"苏望川\"" },
	{ "may have GB18030's own mark", "\x84\x31\x95\x33<a>" SOU "</a>", "\"苏望川\"" },
	{ "names the namespace where it changes", "<d xmlns=\"urn:x\"><b/><s:c xmlns:s=\"urn:s\"><s:d/><b/></s:c></d>",
	        "{\"@xmlns\":\"urn:x\",\"b\":\"\",\"c\":{\"@xmlns\":\"urn:s\",\"d\":\"\",\"b\":\"\"}}" },
	{ "keeps the prefix of an attribute", "<d xmlns:x=\"urn:x\"><b x:c=\"1\" c=\"2\"/></d>", "{\"b\":\"\"}" },
};

static void test_good(void **state)
{
	const struct good_case *c = *state;
	struct yt_buf json = { 0 };
	char got[256];

	if (read_text(c->text) != 0)
		fail_msg("%u:%u: %s", err.line, err.column, err.why);
	yt_json_write(xml.root, &json);
	assert_int_equal(json.failed, false);
	yt_buf_byte(&json, 0);
	snprintf(got, sizeof(got), "%s", (char *)json.p);
	yt_buf_free(&json);
	assert_string_equal(got, c->json);
}

static void test_tree(void **state)
{
	struct yt_node *row;

	assert_int_equal(read_text("<d c='0'><row s='m' t=''>1</row><x/><row>2</row></d>"), 0);
	assert_true(yt_str_is(xml.root->name, "d"));
	assert_true(yt_str_is(yt_xml_attr(xml.root, "c"), "0"));
	assert_null(yt_xml_attr(xml.root, "row").p);
	assert_int_equal(yt_xml_count(xml.root, "row"), 2);
	assert_int_equal(yt_xml_count(xml.root, "y"), 0);
	row = yt_node_get(xml.root, "row");
	assert_true(yt_str_is(yt_xml_attr(row, "s"), "m"));
	assert_true(yt_str_is(yt_xml_attr(row, "t"), "") && yt_xml_attr(row, "t").p != NULL);
	assert_true(yt_str_is(row->text, "1"));
	row = yt_xml_next(row);
	assert_true(yt_str_is(row->text, "2"));
	assert_null(yt_xml_next(row));
	assert_int_equal(read_text("<d xmlns:x='urn:x'><b x:c='1' c='2'/></d>"), 0);
	row = yt_node_get(xml.root, "b");
	assert_true(yt_str_is(yt_xml_attr(row, "x:c"), "1"));
	assert_true(yt_str_is(yt_xml_attr(row, "c"), "2"));
}

/* --- the octets of an element --- */

static const struct raw_case {
	const char *it; /* completes "the octets of <input> ..." */
	const char *text;
	const char *raw;
} raw_cases[] = {
	{ "are those from < to >", "<k>\n <input>\n<a>1</a> </input>\n</k>", "<input>\n<a>1</a> </input>" },
	{ "cannot begin in an attribute", "<k><input  e=\"<\"/></k>", NULL },
	{ "include spaces inside the tags", "<k><input\n e='>'\t>x</input\n></k>", "<input\n e='>'\t>x</input\n>" },
	{ "may be an empty element", "<k><input a='1'  /></k>", "<input a='1'  />" },
	{ "are not those in a comment", "<k><!-- <input>0</input> --><input>1</input></k>", "<input>1</input>" },
	{ "are not those in CDATA", "<k><h><![CDATA[<input>0</input>]]></h><input>1</input></k>", "<input>1</input>" },
	{ "are not those in an attribute", "<k a='&lt;input>'><input>1</input></k>", "<input>1</input>" },
	{ "are not those of a namesake deeper", "<k><h><input>0</input></h><input>1</input></k>", "<input>1</input>" },
	{ "may hold a namesake", "<k><input><input>0</input></input></k>", "<input><input>0</input></input>" },
	{ "are counted behind a mark", "\xef\xbb\xbf<k><input>\xe4\xb8\xad</input></k>",
	        "<input>\xe4\xb8\xad</input>" },
	{ "are those of GB18030", DECL "<k><h>" SOU "\x81\x30\x81\x30</h><input>" SOU "</input></k>",
	        "<input>" SOU "</input>" },
	{ "are those of GB18030 behind its mark",
	        "\x84\x31\x95\x33<k><h>" SOU "</h><input>\x95\x32\x82\x36</input></k>",
	        "<input>\x95\x32\x82\x36</input>" },
	{ "are as sent, line ends too", "<k><input>\r\n&#65;<![CDATA[B]]>\r</input></k>",
	        "<input>\r\n&#65;<![CDATA[B]]>\r</input>" },
};

static void test_raw(void **state)
{
	const struct raw_case *c = *state;
	struct yt_str raw;
	int rv = read_text(c->text);

	if (c->raw == NULL) { /* < in an attribute is not XML: nothing can hide there */
		assert_int_equal(rv, YT_EFORMAT);
		return;
	}
	if (rv != 0)
		fail_msg("%u:%u: %s", err.line, err.column, err.why);
	raw = yt_xml_raw(&xml, yt_node_get(xml.root, "input"));
	assert_int_equal(raw.n, strlen(c->raw));
	assert_memory_equal(raw.p, c->raw, raw.n);
	raw = yt_xml_raw(&xml, xml.root);
	assert_int_equal(raw.p[0], '<');
	assert_int_equal(raw.p[raw.n - 1], '>');
}

/* --- what is refused --- */

#define LOL                                                                                                            \
	"<!DOCTYPE l [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">"                        \
	"<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">]><l>&c;</l>"

static const struct bad_case {
	const char *it; /* completes "refuses ..." */
	struct yt_str text;
	int rv;
	uint32_t line, column; /* 0: anywhere */
	const char *path;      /* NULL: any */
	const char *why;       /* what the reason holds */
} bad_cases[] = {
#define BAD(it, text, line, column, path, why)                                                                         \
	{                                                                                                              \
		it, { text, sizeof(text) - 1 }, YT_EFORMAT, line, column, path, why                                    \
	}
	BAD("nothing", "", 1, 1, "", "nothing to read"),
	BAD("a mark only", "\xef\xbb\xbf", 1, 1, "", "nothing to read"),
	BAD("GB18030's mark only", "\x84\x31\x95\x33", 1, 1, "", "nothing to read"),
	BAD("blanks only", "  \n", 0, 0, "", "no element"),
	BAD("text only", "hello", 1, 1, "", "no element"),
	BAD("two roots", "<a/><b/>", 1, 5, "", "behind the root"),
	BAD("text behind the root", "<a/>x", 1, 5, "", "behind the root"),
	BAD("an open element", "<a><b>x</b>", 0, 0, "a", "no end"),
	BAD("a wrong end tag", "<a>\n<b>\n  </c></a>", 3, 0, "a/b", "end tag"),
	BAD("crossed tags", "<a><b></a></b>", 1, 0, "a/b", "end tag"),
	BAD("text beside elements", "<a>\n<b/>x<c/></a>", 2, 0, "a", "beside"),
	BAD("text before elements", "<a>x<b/></a>", 1, 0, "a", "beside"),
	BAD("text behind elements", "<a><b/>x</a>", 1, 0, "a", "beside"),
	BAD("an attribute twice", "<a b='1' b='2'/>", 1, 0, "", "twice"),
	BAD("one attribute by two prefixes", "<a xmlns:x='u' xmlns:y='u' x:b='1' y:b='2'/>", 1, 0, "", "twice"),
	BAD("an attribute without quotes", "<a b=1/>", 1, 0, "", "quotes"),
	BAD("an attribute without value", "<a b/>", 1, 0, "", "no value"),
	BAD("< in an attribute", "<a b='<'/>", 1, 0, "", "< in the value"),
	BAD("a prefix without namespace", "<x:a/>", 1, 0, "", "prefix"),
	BAD("a bare ampersand", "<a>x & y</a>", 1, 0, "a", ""),
	BAD("an entity nobody declared", "<a>&nbsp;</a>", 1, 0, "a", "entity"),
	BAD("an entity in an attribute", "<a b='&x;'/>", 1, 0, "", "entity"),
	BAD("]]> in text", "<a>]]></a>", 1, 0, "a", "]]>"),
	BAD("-- in a comment", "<a><!-- -- --></a>", 1, 0, "a", "comment"),
	BAD("a comment without end", "<a><!-- ", 1, 0, "a", "comment"),
	BAD("CDATA without end", "<a><![CDATA[x</a>", 1, 0, "a", "CDATA"),
	BAD("a control character", "<a>\n\x01</a>", 2, 1, "a", "not allow"),
	BAD("a control character by reference", "<a>&#1;</a>", 1, 0, "a", "not allow"),
	BAD("NUL by reference", "<a>&#0;</a>", 1, 0, "a", "not allow"),
	BAD("a surrogate by reference", "<a>&#xD800;</a>", 1, 0, "a", "not allow"),
	BAD("U+FFFF", "<a>\xef\xbf\xbf</a>", 1, 0, "a", "not allow"),
	BAD("NUL", "<a>\0</a>", 1, 4, "", "NUL"),
	BAD("what hides behind a NUL", "<a/>\0<b/>", 1, 5, "", "NUL"),
	BAD("a second declaration", "<?xml version='1.0'?><?xml version='1.0' encoding='GBK'?><a/>", 1, 0, "",
	        "declaration"),
	BAD("a late declaration", " <?xml version='1.0'?><a/>", 1, 0, "", "declaration"),
	BAD("version 1.1", "<?xml version='1.1'?><a/>", 1, 1, "", "version"),
	BAD("a declaration without version", "<?xml encoding='UTF-8'?><a/>", 1, 1, "", "version"),
	BAD("a declaration in disorder", "<?xml version='1.0' standalone='no' encoding='UTF-8'?><a/>", 1, 1, "",
	        "belong"),
	BAD("a declaration without end", "<?xml version='1.0'", 1, 1, "", "end"),
	BAD("a processing instruction", "<a><?php x?></a>", 1, 0, "a", "processing instruction"),
	BAD("a style sheet", "<?xml-stylesheet href='http://localhost/x'?><a/>", 1, 0, "", "processing instruction"),
	/* entities and documents type definitions */
	BAD("billion laughs", LOL, 1, 0, "", "DOCTYPE"),
	BAD("an external entity", "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>", 1, 0, "",
	        "DOCTYPE"),
	BAD("a parameter entity", "<!DOCTYPE a [<!ENTITY % p SYSTEM \"http://127.0.0.1:1/x\">%p;]><a/>", 1, 0, "",
	        "DOCTYPE"),
	BAD("an external subset", "<!DOCTYPE a SYSTEM \"http://127.0.0.1:1/a.dtd\"><a/>", 1, 0, "", "DOCTYPE"),
	BAD("a public identifier", "<!DOCTYPE a PUBLIC \"-//X//Y\" \"x.dtd\"><a/>", 1, 0, "", "DOCTYPE"),
	BAD("a bare DOCTYPE", "<!DOCTYPE a><a/>", 1, 0, "", "DOCTYPE"),
	BAD("a DOCTYPE in an element", "<a><!DOCTYPE a></a>", 1, 0, "a", ""),
	/* encodings */
	BAD("UTF-16 with mark", "\xff\xfe<\0a\0/\0>\0", 0, 0, "", "UTF-16"),
	BAD("UTF-16 big endian", "\xfe\xff\0<\0a\0/\0>", 0, 0, "", "UTF-16"),
	BAD("UTF-16 without mark", "<\0a\0/\0>\0", 0, 0, "", "UTF-16"),
	BAD("UTF-7", "<?xml version='1.0' encoding='UTF-7'?><a>+ADw-</a>", 1, 1, "", "encoding"),
	BAD("a label of UTF-16", "<?xml version='1.0' encoding='UTF-16'?><a/>", 1, 1, "", "encoding"),
	BAD("Big5", "<?xml version='1.0' encoding='Big5'?><a/>", 1, 1, "", "encoding"),
	BAD("an empty label", "<?xml version='1.0' encoding=''?><a/>", 1, 1, "", "empty"),
	BAD("an overlong <", "<a>\xc0\xbc</a>", 1, 4, "", "UTF-8"),
	BAD("a surrogate in UTF-8", "<a>\xed\xa0\x80</a>", 1, 4, "", "UTF-8"),
	BAD("GBK that says UTF-8", "<?xml version='1.0' encoding='UTF-8'?>\n<a>" SOU "</a>", 2, 4, "",
	        "as the XML declaration"),
	BAD("GBK that says nothing", "<a>" SOU "</a>", 1, 4, "", "no XML declaration"),
	BAD("UTF-8 that says GBK",
	        "<?xml version='1.0' encoding='GBK'?><a>\xe5\xae\x81\xe6\xb3\xa2\xe7\x94\xac\xe4\xb8\x9c</a>", 0, 0, "",
	        "are UTF-8"),
	BAD("a mark against the label", "\xef\xbb\xbf<?xml version='1.0' encoding='GBK'?><a/>", 0, 0, "", "mark"),
	BAD("GB18030's mark against the label", "\x84\x31\x95\x33<?xml version='1.0' encoding='UTF-8'?><a/>", 0, 0, "",
	        "mark"),
	BAD("two marks", "\xef\xbb\xbf\xef\xbb\xbf<a/>", 0, 0, "", "two"),
	BAD("half a character at the end", DECL "<a/>\x81", 0, 0, "", "GB18030"),
	BAD("four octets beyond Unicode", DECL "<a>\xfe\x39\xfe\x39</a>", 1, 44, "", "GB18030"),
	BAD("a lone 0x80", DECL "<a>\x80</a>", 1, 44, "", "GB18030"),
};

static void test_bad(void **state)
{
	const struct bad_case *c = *state;
	int rv = read_octets(c->text, NULL);

	assert_int_equal(rv, c->rv);
	assert_non_null(err.why);
	if (strstr(err.why, c->why) == NULL)
		fail_msg("%u:%u %s: %s", err.line, err.column, err.path, err.why);
	assert_true(err.offset <= c->text.n);
	if (c->line != 0)
		assert_int_equal(err.line, c->line);
	if (c->column != 0)
		assert_int_equal(err.column, c->column);
	if (c->path != NULL)
		assert_string_equal(err.path, c->path);
}

/* What is nearly XML, after the kinds of the W3C's suite: one mistake each. */
static void test_nearly(void **state)
{
	static const char *const texts[] = {
		"<?xml version='1.0'?>",
		"<!-- only -->",
		"<a",
		"<a ",
		"<a>",
		"</a>",
		"<>",
		"< a/>",
		"<a/ >",
		"<a></ a>",
		"<a></a",
		"<a><a></a>",
		"<A></a>",
		"<.a/>",
		"<1a/>",
		"<-a/>",
		"<a?/>",
		"<a\"/>",
		"<a b/>",
		"<a b=/>",
		"<a b=c/>",
		"<a b=\"c/>",
		"<a b='c\"/>",
		"<a 'c'/>",
		"<a b\"c\"/>",
		"<a 1='2'/>",
		"<a b='1'c='2'/>",
		"<a b='1' B='2' b='3'/>",
		"<a b='&'/>",
		"<a b='&lt'/>",
		"<a b='&#60'/>",
		"<a b='&#x;'/>",
		"<a b='\x01'/>",
		"<a></a b='1'>",
		"<a></a/>",
		"<a>&</a>",
		"<a>&amp</a>",
		"<a>&amp ;</a>",
		"<a>& amp;</a>",
		"<a>&;</a>",
		"<a>&AMP;</a>",
		"<a>&a.b;</a>",
		"<a>&#;</a>",
		"<a>&#x;</a>",
		"<a>&#X41;</a>",
		"<a>&#65</a>",
		"<a>&#6 5;</a>",
		"<a>&#6a;</a>",
		"<a>&#-65;</a>",
		"<a>&#11;</a>",
		"<a>&#xFFFE;</a>",
		"<a>&#xDFFF;</a>",
		"<a>&#x110000;</a>",
		"<a>&#4294967361;</a>",
		"<a>&#99999999999999999999;</a>",
		"<a>\x0b</a>",
		"<a>\x0c</a>",
		"<a>\x1b</a>",
		"<a>\xef\xbf\xbe</a>",
		"<a>x]]>y</a>",
		"<a><![CDATA[x]]</a>",
		"<a><![CDATA [x]]></a>",
		"<a><![cdata[x]]></a>",
		"<a><!CDATA[x]]></a>",
		"<![CDATA[x]]>",
		"<a/><![CDATA[x]]>",
		"<![CDATA[x]]><a/>",
		"<a/>&#32;",
		"&#32;<a/>",
		"<a/>&amp;",
		"<a><!-- a --->x</a>",
		"<a><!-- a -- b --></a>",
		"<a><!- a --></a>",
		"<a><!-- a -></a>",
		"<!-- a -- ><a/>",
		"<a/><!--",
		"<a><!>x</a>",
		"<a><!x></a>",
		"<a/><a/>",
		"<a/></a>",
		"<a></a></a>",
		"<a><b></a></b>",
		"<?xml version='1.0' ?><?xml version='1.0' ?><a/>",
		"<?XML version='1.0'?><a/>",
		"<?xml version=1.0?><a/>",
		"<?xml version='1.0\"?><a/>",
		"<?xml?><a/>",
		"<?xml ?><a/>",
		"<?xml version='1.0' encoding='UTF-8' encoding='UTF-8'?><a/>",
		"<?xml version='1.0'encoding='UTF-8'?><a/>",
		"<?xml encoding='UTF-8' version='1.0'?><a/>",
		"<?xml version='1.0' standalone='maybe'?><a/>",
		"<?xml version='1.0'><a/>",
		"<?xml version='1.0' valid='no'?><a/>",
		"<?xml version='1.0' encoding=' UTF-8'?><a/>",
		"<a><?xml version='1.0'?></a>",
		"<a><?\?></a>",
		"<a><? x?></a>",
		"<a><?x",
		"<a/><?x?>",
		"<:a/>",
		"<a:/>",
		"<a:b:c xmlns:a='u'/>",
		"<a xmlns:b=''/>",
		"<a xmlns:xml='u'/>",
		"<a xmlns:xmlns='u'/>",
		"<a b:c='1'/>",
		"<a xmlns:b='u' xmlns:b='v'/>",
		"<a xmlns='u' xmlns='v'/>",
		"<xmlns:a/>",
		"<!DOCTYPE a []><a/>",
		"<!doctype a><a/>",
		"<!DOCTYPE><a/>",
		"<!DOCTYPE a [<!ELEMENT a ANY>]><a/>",
		"<!DOCTYPE a [<!ATTLIST a b CDATA 'c'>]><a/>",
		"<!ENTITY x 'y'><a/>",
		"<a/><!DOCTYPE a>",
		"<a>%x;</a><b/>",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (read_text(texts[i]) != YT_EFORMAT || err.why == NULL || err.line != 1 || err.column == 0)
			fail_msg("%s", texts[i]);
}

/* --- limits --- */

static struct yt_str repeat(const char *before, const char *what, unsigned n, const char *behind)
{
	struct yt_buf buf = { 0 };
	struct yt_str copy;

	yt_buf_text(&buf, before);
	for (unsigned i = 0; i < n; i++)
		yt_buf_text(&buf, what);
	yt_buf_text(&buf, behind);
	assert_false(buf.failed);
	copy = yt_arena_copy(arena, yt_buf_view(&buf));
	yt_buf_free(&buf);
	return copy;
}

static void assert_limit(struct yt_str text, const struct yt_xml_limits *limits, const char *why)
{
	assert_int_equal(read_octets(text, limits), YT_ELIMIT);
	if (strstr(err.why, why) == NULL)
		fail_msg("%s", err.why);
}

static void test_limits(void **state)
{
	static const struct yt_xml_limits octets = { .octets = 8 }, depth = { .depth = 2 }, nodes = { .nodes = 3 },
	                                  attributes = { .attributes = 2 }, text = { .text = 4 }, name = { .name = 3 },
	                                  deepest = { .depth = 1000 };
	char deep[1024] = "";

	assert_int_equal(read_octets(YT_STR("<a>1</a>"), &octets), 0);
	assert_limit(YT_STR("<a>1</a>\n"), &octets, "larger");
	assert_int_equal(read_octets(YT_STR("<a><b/></a>"), &depth), 0);
	assert_limit(YT_STR("<a><b><c/></b></a>"), &depth, "deeper");
	assert_string_equal(err.path, "a/b");
	assert_int_equal(read_octets(YT_STR("<a b='1'><c/></a>"), &nodes), 0);
	assert_limit(YT_STR("<a b='1'><c/><d/></a>"), &nodes, "more elements");
	assert_int_equal(read_octets(YT_STR("<a b='1' c=\"'2'\"/>"), &attributes), 0);
	assert_limit(YT_STR("<a b='1' c='2' d='3'/>"), &attributes, "more attributes");
	assert_limit(YT_STR("<a xmlns='1' xmlns:c='2' d='3'/>"), &attributes, "more attributes");
	assert_limit(YT_STR("<a><!-- > --><d b='1' c='2' d='3'/></a>"), &attributes, "more attributes");
	assert_limit(YT_STR("<a><e><![CDATA[>]]></e><d b='1' c='2' d='3'/></a>"), &attributes, "more attributes");
	assert_limit(YT_STR("<?xml version='1.0'?><d b='1' c='2' d='3'/>"), &attributes, "more attributes");
	assert_int_equal(
	        read_octets(YT_STR("<a>\"'\"'\"'\"'<!-- <a b='1' c='2' d='3'/> --><b/></a>"), &attributes), YT_EFORMAT);
	assert_int_equal(read_octets(YT_STR("<a><![CDATA[<a b='1' c='2' d='3'/>]]></a>"), &attributes), 0);
	assert_int_equal(read_octets(YT_STR("<a>1234</a>"), &text), 0);
	assert_limit(YT_STR("<a>12345</a>"), &text, "longer");
	assert_limit(YT_STR("<a>12<![CDATA[3]]>4&amp;</a>"), &text, "longer");
	assert_limit(YT_STR("<a b='12345'/>"), &text, "longer");
	assert_limit(YT_STR("<a>\n\n\n\n\n<b/></a>"), &text, "longer");
	assert_int_equal(read_octets(YT_STR("<abc/>"), &name), 0);
	assert_limit(YT_STR("<abcd/>"), &name, "name");
	assert_limit(YT_STR("<a bcde='1'/>"), &name, "name");
	for (unsigned i = 0; i < YT_XML_DEEPEST + 1; i++)
		strcat(deep, "<a>");
	assert_limit(yt_str(deep), &deepest, "deeper");
	assert_limit(YT_STR("<a><a><a><a><a><a><a><a><a></a></a></a></a></a></a></a></a></a>"), NULL, "deeper");
}

/* Each took seconds to hours, or memory without end, in some reader. */
static void test_large(void **state)
{
	assert_limit(repeat("<a ", "b='' ", 400000, "/>"), NULL, "more attributes");
	assert_limit(repeat("<a><b ", "xmlns:x='' ", 200000, "/></a>"), NULL, "more attributes");
	assert_limit(repeat("", "<a>", 1000000, ""), NULL, "deeper");
	assert_limit(repeat("<a>", "<b/>", 200000, "</a>"), NULL, "more elements");
	assert_limit(repeat("<a>", "x", 2000000, "</a>"), NULL, "longer");
	assert_limit(repeat("<a b='", "x", 2000000, "'/>"), NULL, "longer");
	assert_limit(repeat("<", "x", 100000, "/>"), NULL, "");
	assert_limit(repeat("<a>", "x", 5 << 20, "</a>"), NULL, "larger");
	assert_int_equal(read_octets(repeat("<a><!--", "x", 2000000, "--></a>"), NULL), 0);
	assert_int_equal(read_octets(repeat("<a>", "&#65;", 200000, "</a>"), NULL), 0);
	assert_int_equal(xml.root->text.n, 200000);
	assert_int_equal(read_octets(repeat("<a>", "<!---->", 300000, "</a>"), NULL), 0);
	assert_int_equal(read_octets(repeat("<a>", "&amp;<![CDATA[]]>", 100000, ""), NULL), YT_EFORMAT);
	assert_int_equal(read_octets(repeat("", "\xef\xbb\xbf", 100000, ""), NULL), YT_EFORMAT);
	assert_int_equal(read_octets(repeat("<a>", "<", 1000000, ""), NULL), YT_EFORMAT);
	assert_int_equal(read_octets(repeat("<a>", "&a", 1000000, ""), NULL), YT_EFORMAT);
	assert_int_equal(read_octets(repeat("<!DOCTYPE a [<!ENTITY x '", "x", 1000000, "'>]><a/>"), NULL), YT_EFORMAT);
	assert_int_equal(read_octets(repeat("<a>", "\r\n", 500000, "</a>"), NULL), 0);
}

/* What one document leaves behind in the parser changes nothing for the next; no name is remembered for ever. */
static void test_reuse(void **state)
{
	char text[64];

	for (unsigned i = 0; i < 20000; i++) {
		yt_arena_reset(arena);
		snprintf(text, sizeof(text), "<a><n%u>%u</n%u></a>", i, i, i);
		assert_int_equal(read_text(text), 0);
		assert_int_equal(xml.root->n, 1);
		if (i % 1000 == 0)
			for (size_t k = 0; k < sizeof(bad_cases) / sizeof(bad_cases[0]); k++)
				assert_int_equal(read_octets(bad_cases[k].text, NULL), YT_EFORMAT);
	}
}

static void *read_many(void *arg)
{
	struct yt_arena *own = yt_arena_new(0);
	uintptr_t wrong = 0;

	for (int i = 0; i < 200; i++) {
		for (size_t k = 0; k < sizeof(good_cases) / sizeof(good_cases[0]); k++) {
			struct yt_xml out;
			struct yt_buf again = { 0 };
			struct yt_xml_writer w;

			wrong += yt_xml_read(own, yt_str(good_cases[k].text), NULL, &out, NULL) != 0;
			yt_xml_begin(&w, &again, YT_GB18030);
			yt_xml_node(&w, out.root);
			wrong += yt_xml_done(&w, NULL) != 0;
			yt_buf_free(&again);
			yt_arena_reset(own);
		}
	}
	yt_arena_free(own);
	return (void *)wrong;
}

static void test_threads(void **state)
{
	pthread_t threads[4];
	void *wrong;

	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_many, NULL), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
}

/* An arena that is full at any point leaves an error and no tree. */
static void test_no_memory(void **state)
{
	const char *text =
	        "<k ver='1'><h a='2'><b>text that is long enough for an arena of its own</b></h><input>1</input></k>";
	int rv = YT_ENOMEM;

	for (size_t limit = 256; rv != 0; limit += 16) {
		struct yt_arena *small = yt_arena_new(limit);

		assert_non_null(small);
		rv = yt_xml_read(small, yt_str(text), NULL, &xml, &err);
		assert_true(rv == 0 || rv == YT_ENOMEM);
		assert_true(limit < 100000);
		yt_arena_free(small);
	}
}

/* --- writing --- */

static struct yt_buf out;
static struct yt_xml_writer w;

static void assert_written(const char *want)
{
	if (yt_xml_done(&w, &err) != 0)
		fail_msg("%s: %s", err.path, err.why);
	yt_buf_byte(&out, 0);
	assert_string_equal(out.p, want);
	yt_buf_free(&out);
}

static void test_write(void **state)
{
	yt_xml_begin(&w, &out, YT_UTF8);
	yt_xml_declaration(&w);
	yt_xml_start(&w, "k");
	yt_xml_attribute(&w, "v", YT_STR("a\"<&>\n\t\r'"));
	yt_xml_leaf(&w, "t", YT_STR("a\"<&>\n\t\r']]>\xe4\xb8\xad"));
	yt_xml_leaf(&w, "e", YT_STR(""));
	yt_xml_end(&w);
	assert_written(
	        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	        "<k v=\"a&quot;&lt;&amp;&gt;&#10;&#9;&#13;'\"><t>a\"&lt;&amp;&gt;\n\t&#13;']]&gt;\xe4\xb8\xad</t><e/></k>");
}

static void test_write_indent(void **state)
{
	struct yt_str body;

	yt_xml_begin(&w, &out, YT_UTF8);
	w.indent = 2;
	w.level = 1;
	yt_xml_start(&w, "input");
	yt_xml_leaf(&w, "a", YT_STR("1"));
	yt_xml_start(&w, "detail");
	for (int i = 0; i < 2; i++) {
		yt_xml_start(&w, "row");
		w.indent = 0;
		yt_xml_leaf(&w, "b", YT_STR("2"));
		yt_xml_leaf(&w, "c", YT_STR("3"));
		yt_xml_end(&w);
		w.indent = 2;
	}
	yt_xml_end(&w);
	yt_xml_end(&w);
	assert_int_equal(yt_xml_done(&w, &err), 0);
	body = yt_arena_copy(arena, yt_buf_view(&out));
	yt_buf_clear(&out);
	yt_xml_begin(&w, &out, YT_UTF8);
	w.indent = 2;
	yt_xml_declaration(&w);
	yt_xml_start(&w, "k");
	yt_xml_leaf(&w, "h", YT_STR(""));
	yt_xml_octets(&w, body);
	yt_xml_end(&w);
	assert_written(
	        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<k>\n  <h/>\n  <input>\n    <a>1</a>\n    <detail>\n"
	        "      <row><b>2</b><c>3</c></row>\n      <row><b>2</b><c>3</c></row>\n    </detail>\n  </input>\n</k>");
}

/* A text behind an element with elements keeps to its own line. */
static void test_write_indent_text(void **state)
{
	yt_xml_begin(&w, &out, YT_UTF8);
	w.indent = 1;
	yt_xml_start(&w, "a");
	yt_xml_start(&w, "b");
	yt_xml_leaf(&w, "c", YT_STR("1"));
	yt_xml_end(&w);
	yt_xml_leaf(&w, "d", YT_STR("2"));
	yt_xml_end(&w);
	assert_written("<a>\n <b>\n  <c>1</c>\n </b>\n <d>2</d>\n</a>");
}

/* Namespaces and prefixes come out as what they say, whatever they were called. */
static void test_write_namespaces(void **state)
{
	static const char *const pairs[][2] = {
		{ "<d xmlns=\"urn:x\"><b/><c>1</c></d>", NULL },
		{ "<p:d xmlns:p=\"urn:x\"><p:b/><p:c>1</p:c></p:d>", "<d xmlns=\"urn:x\"><b/><c>1</c></d>" },
		{ "<d xmlns=\"urn:x\"><b xmlns=\"\"><c/></b><e/></d>", NULL },
		{ "<d xmlns:p=\"urn:x\"><p:b><p:c/><c/></p:b><c/></d>",
		        "<d><b xmlns=\"urn:x\"><c/><c xmlns=\"\"/></b><c/></d>" },
		{ "<d xmlns:p=\"urn:x\"><b p:e=\"1\" e=\"2\" p:f=\"3\">4</b></d>",
		        "<d><b xmlns:p=\"urn:x\" p:e=\"1\" e=\"2\" p:f=\"3\">4</b></d>" },
		{ "<d xml:lang=\"zh\"/>", NULL },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (read_text(pairs[i][0]) != 0)
			fail_msg("%s", err.why);
		yt_xml_begin(&w, &out, YT_UTF8);
		yt_xml_node(&w, xml.root);
		assert_written(pairs[i][1] != NULL ? pairs[i][1] : pairs[i][0]);
	}
}

static void test_write_gb18030(void **state)
{
	yt_xml_begin(&w, &out, YT_GB18030);
	yt_xml_declaration(&w);
	yt_xml_start(&w, "\xe4\xb8\xad");
	yt_xml_attribute(&w, "v", YT_STR("\xe8\x8b\x8f&\xe6\x9c\x9b"));
	yt_xml_text(&w, YT_STR("\xe5\xb7\x9d<\xf0\xa0\x80\x80"));
	yt_xml_end(&w);
	assert_written(DECL "\n<\xd6\xd0 v=\"\xcb\xd5&amp;\xcd\xfb\">\xb4\xa8&lt;\x95\x32\x82\x36</\xd6\xd0>");
}

static void expect_refused(const char *path, uint32_t code_point, const char *why)
{
	assert_int_equal(yt_xml_done(&w, &err), YT_EFORMAT);
	assert_string_equal(err.path, path);
	assert_int_equal(err.code_point, code_point);
	if (strstr(err.why, why) == NULL)
		fail_msg("%s", err.why);
	yt_buf_free(&out);
}

static void write_in(enum yt_charset charset, const char *name, struct yt_str text)
{
	yt_xml_begin(&w, &out, charset);
	yt_xml_start(&w, "ksbw");
	yt_xml_start(&w, "input");
	yt_xml_leaf(&w, "aac001", YT_STR("1"));
	yt_xml_leaf(&w, name, text);
	yt_xml_leaf(&w, "aac004", YT_STR("\x02")); /* the first error stays */
	yt_xml_end(&w);
	yt_xml_end(&w);
}

static void test_write_refused(void **state)
{
	write_in(YT_UTF8, "aac003", YT_STR("x\x01"));
	expect_refused("ksbw/input/aac003", 1, "not allow");
	write_in(YT_UTF8, "aac003", YT_STR("\xef\xbf\xbe"));
	expect_refused("ksbw/input/aac003", 0xfffe, "not allow");
	write_in(YT_UTF8, "aac003", YT_STR("\xef\xbf\xbd\xef\xbf\xbf"));
	expect_refused("ksbw/input/aac003", 0xffff, "not allow");
	write_in(YT_UTF8, "aac003", YT_STR("\xcb\xd5"));
	expect_refused("ksbw/input/aac003", 0, "UTF-8");
	write_in(YT_UTF8, "aac003", YT_STR("\xcb\xd5\x01")); /* the first error stays, here too */
	expect_refused("ksbw/input/aac003", 0, "UTF-8");
	write_in(YT_GB18030, "aac003", YT_STR("\xed\xa0\x80"));
	expect_refused("ksbw/input/aac003", 0, "UTF-8");
	write_in(YT_UTF8, "a b", YT_STR("x"));
	expect_refused("ksbw/input", 0, "no name");
	write_in(YT_UTF8, "", YT_STR("x"));
	expect_refused("ksbw/input", 0, "no name");
	write_in(YT_UTF8, "1a", YT_STR("x"));
	expect_refused("ksbw/input", 0, "no name");
	write_in(YT_UTF8, "a><b", YT_STR("x"));
	expect_refused("ksbw/input", 0, "no name");
	yt_xml_begin(&w, &out, YT_UTF8);
	yt_xml_start(&w, "a");
	yt_xml_attribute(&w, "b", YT_STR("\x1f"));
	expect_refused("a/@b", 0x1f, "not allow");
	yt_xml_begin(&w, &out, YT_UTF8);
	for (int i = 0; i < YT_XML_DEEPEST + 1; i++)
		yt_xml_start(&w, "a");
	assert_int_equal(yt_xml_done(&w, &err), YT_EFORMAT);
	yt_buf_free(&out);
	yt_xml_begin(&w, &out, YT_UTF8);
	for (int i = 0; i < YT_XML_DEEPEST; i++)
		yt_xml_start(&w, "a");
	yt_xml_leaf(&w, "a", YT_STR("1"));
	assert_int_equal(yt_xml_done(&w, &err), YT_EFORMAT);
	assert_string_equal(err.why, "elements are nested too deep");
	yt_buf_free(&out);
}

/* What was read and is written again reads the same, in either charset. */
static void test_round_trip(void **state)
{
	for (size_t i = 0; i < sizeof(good_cases) / sizeof(good_cases[0]); i++) {
		for (enum yt_charset charset = YT_UTF8; charset <= YT_GB18030; charset++) {
			struct yt_buf first = { 0 }, second = { 0 };

			assert_int_equal(read_text(good_cases[i].text), 0);
			yt_json_write(xml.root, &first);
			yt_xml_begin(&w, &out, charset);
			yt_xml_declaration(&w);
			yt_xml_node(&w, xml.root);
			assert_int_equal(yt_xml_done(&w, &err), 0);
			if (read_octets(yt_buf_view(&out), NULL) != 0)
				fail_msg("%s: %s in %.*s", good_cases[i].it, err.why, (int)out.n, (const char *)out.p);
			assert_int_equal(xml.charset, charset);
			yt_json_write(xml.root, &second);
			assert_int_equal(first.n, second.n);
			assert_memory_equal(first.p, second.p, first.n);
			yt_buf_free(&first);
			yt_buf_free(&second);
			yt_buf_free(&out);
		}
	}
}

static void test_write_json(void **state)
{
	struct yt_json_error why;
	struct yt_node *root;

	assert_int_equal(
	        yt_json_read(arena,
	                YT_STR("{\"data\":{\"n\":12.50,\"b\":true,\"x\":null,\"rows\":[{\"a\":\"1\"},\"2\"],\"@v\":\"3\"}}"),
	                NULL, &root, &why),
	        0);
	yt_xml_begin(&w, &out, YT_UTF8);
	yt_xml_node(&w, root->child);
	assert_written("<data v=\"3\"><n>12.50</n><b>true</b><rows><a>1</a></rows><rows>2</rows></data>");
}

/* --- the published example --- */

static char *shared_file(const char *name)
{
	char path[512];
	long n;
	char *text;
	FILE *f;

	snprintf(path, sizeof(path), "%s/../shared/formats/%s", YT_SOURCE_DIR, name);
	f = fopen(path, "rb");
	if (f == NULL)
		return NULL;
	fseek(f, 0, SEEK_END);
	n = ftell(f);
	rewind(f);
	text = calloc(1, (size_t)n + 1);
	assert_int_equal(fread(text, 1, (size_t)n, f), n);
	fclose(f);
	return text;
}

/* The n-th block between ```xml and ``` of the format's description. */
static struct yt_str xml_block(char *text, const char *head)
{
	char *begin = strstr(text, head), *end;

	assert_non_null(begin);
	begin = strstr(begin, "```xml\n") + 7;
	end = strstr(begin, "```");
	return (struct yt_str){ begin, (size_t)(end - begin) };
}

static void assert_digest(struct yt_str text, const char *part, bool as_gb18030, const char *want)
{
	struct yt_buf octets = { 0 };
	char hex[65];
	uint8_t digest[SM3_LEN];

	if (as_gb18030) { /* the declaration says so then */
		yt_buf_text(&octets, DECL);
		text = (struct yt_str){ text.p + 38, text.n - 38 };
		assert_int_equal(yt_utf8_to_gb18030(text, &octets, NULL), 0);
		text = yt_buf_view(&octets);
	}
	if (read_octets(text, NULL) != 0)
		fail_msg("%u:%u: %s", err.line, err.column, err.why);
	text = yt_xml_raw(&xml, yt_node_get(xml.root, part));
	sm3(text, digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	assert_string_equal(hex, want);
	yt_buf_free(&octets);
}

static void test_vectors(void **state)
{
	char *text = shared_file("crossprovince.md");

	if (text == NULL) {
		print_message("the descriptions of the formats are not there\n");
		skip();
	}
	assert_digest(xml_block(text, "### 8.1"), "input", false,
	        "213d678edb8255c7f4e45fd4d42a5887de17041abfd5ed25a0f3bec587e6e6d4");
	assert_digest(xml_block(text, "### 8.2"), "result", false,
	        "c175418ca14f267d0b95bacdf14b472917d2823d63f3cf3f6ba3790c93e675d8");
	assert_digest(xml_block(text, "### 8.1"), "input", true,
	        "832add81b2ca0a8470da3fd29b8e301f95b9937d4f6c74c71ff2f40ec4634c70");
	assert_digest(xml_block(text, "### 8.2"), "result", true,
	        "07b8e54fb4f5e11d7e1e4174b4c2437a8be4c87aa4909acfa9915b7d0fd83494");
	free(text);
}

/* Nodes, names, texts and attributes; places may differ. */
static bool is_same(const struct yt_node *a, const struct yt_node *b)
{
	if (a->kind != b->kind || a->n != b->n || !yt_str_eq(a->name, b->name) || !yt_str_eq(a->text, b->text))
		return false;
	for (a = a->child, b = b->child; a != NULL; a = a->next, b = b->next)
		if (!is_same(a, b))
			return false;
	return true;
}

static void try_sample(const char *path)
{
	static const struct yt_xml_limits wide = { .depth = 16 };
	struct yt_xml again;
	char text[65536];
	FILE *f = fopen(path, "rb");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	if (read_octets((struct yt_str){ text, n }, &wide) != 0)
		fail_msg("%s:%u:%u: %s: %s", path, err.line, err.column, err.path, err.why);
	for (enum yt_charset charset = YT_UTF8; charset <= YT_GB18030; charset++) {
		yt_xml_begin(&w, &out, charset);
		yt_xml_declaration(&w);
		yt_xml_node(&w, xml.root);
		assert_int_equal(yt_xml_done(&w, &err), 0);
		if (yt_xml_read(arena, yt_buf_view(&out), &wide, &again, &err) != 0 || !is_same(xml.root, again.root))
			fail_msg("%s does not come back", path);
		yt_buf_free(&out);
	}
}

/* Messages of banks and insurers, made by others and by us, come back as they were in both charsets. */
static void test_samples(void **state)
{
	glob_t found = { 0 };

	if (glob(YT_SOURCE_DIR "/../shared/formats/samples/*.xml", 0, NULL, &found) != 0 ||
	        glob(YT_SOURCE_DIR "/../shared/formats/samples/composed/*.xml", GLOB_APPEND, NULL, &found) != 0) {
		globfree(&found);
		print_message("the samples of the formats are not there\n");
		skip();
	}
	for (size_t i = 0; i < found.gl_pathc; i++)
		try_sample(found.gl_pathv[i]);
	globfree(&found);
}

#define ROWS(cases, test)                                                                                              \
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)                                                  \
		tests[n++] = (struct CMUnitTest)                                                                       \
		{                                                                                                      \
			cases[i].it, test, setup, teardown, (void *)(uintptr_t)&cases[i]                               \
		}
#define ONE(test)                                                                                                      \
	tests[n++] = (struct CMUnitTest)                                                                               \
	{                                                                                                              \
#test, test, setup, teardown, NULL                                                                     \
	}

int main(void)
{
	static struct CMUnitTest tests[256];
	size_t n = 0;

	ROWS(good_cases, test_good);
	ROWS(raw_cases, test_raw);
	ROWS(bad_cases, test_bad);
	ONE(test_nearly);
	ONE(test_tree);
	ONE(test_limits);
	ONE(test_large);
	ONE(test_reuse);
	ONE(test_threads);
	ONE(test_no_memory);
	ONE(test_write);
	ONE(test_write_indent);
	ONE(test_write_indent_text);
	ONE(test_write_namespaces);
	ONE(test_write_gb18030);
	ONE(test_write_refused);
	ONE(test_round_trip);
	ONE(test_write_json);
	ONE(test_vectors);
	ONE(test_samples);
	return _cmocka_run_group_tests("xml", tests, n, NULL, NULL);
}
