/* core/format/xml_write.c - elements to octets in UTF-8 or GB18030, for every codec that speaks XML.
 *
 * Written by hand: libxml2's writer takes twenty times as long, and turns a character the encoding does not
 * have into a reference that most counterparts do not read.  Here it is an error with path and code point. */
#include <stdio.h>
#include <string.h>

#include "format/utf8.h"
#include "yitong/xml.h"

/* --- errors --- */

/* The elements open, whole names only; attribute may be empty. */
static void print_path(const struct yt_xml_writer *w, struct yt_str attribute, char *path, size_t size)
{
	size_t n = 0;

	path[0] = '\0';
	for (uint32_t i = 0; i < w->depth && n + w->names[i].n + 2 <= size; i++)
		n += (size_t)snprintf(path + n, size - n, "%s%.*s", i > 0 ? "/" : "", YT_FMT(w->names[i]));
	if (attribute.n > 0 && n + attribute.n + 3 <= size)
		snprintf(path + n, size - n, "/@%.*s", YT_FMT(attribute));
}

static void fail(struct yt_xml_writer *w, int error, struct yt_str attribute, uint32_t code_point, const char *why)
{
	if (w->error != 0)
		return;
	w->error = error;
	w->fault = (struct yt_xml_error){ .code_point = code_point, .why = why };
	print_path(w, attribute, w->fault.path, sizeof(w->fault.path));
}

/* --- texts --- */

/* U+FFFE and U+FFFF are good UTF-8, but no characters of XML. */
static bool has_no_character(struct yt_str s, uint32_t *code)
{
	const char *p = s.p, *end = s.p + s.n;

	while ((p = memmem(p, (size_t)(end - p), "\xef\xbf", 2)) != NULL) {
		if (end - p >= 3 && (uint8_t)p[2] >= 0xbe) {
			*code = 0xff00u | 0xc0u | ((uint8_t)p[2] & 0x3f);
			return true;
		}
		p += 2;
	}
	return false;
}

/* Appends characters beyond ASCII. */
static void put_run(struct yt_xml_writer *w, struct yt_str attribute, struct yt_str run)
{
	struct yt_charset_error error = { 0 };
	uint32_t code;
	int rv;

	if (run.n == 0)
		return;
	if (has_no_character(run, &code)) {
		fail(w, YT_EFORMAT, attribute, code, "a character that XML does not allow");
		return;
	}
	rv = w->charset == YT_GB18030 ? yt_utf8_to_gb18030(run, w->out, &error) : yt_utf8_check(run, &error);
	if (rv == YT_EFORMAT)
		fail(w, rv, attribute, error.code_point, error.why);
	else if (rv == 0 && w->charset != YT_GB18030)
		yt_buf_str(w->out, run);
	if (rv == YT_ENOMEM || w->out->failed)
		fail(w, YT_ENOMEM, attribute, 0, "out of memory");
}

/* What stands for c, NULL when it stands for itself. */
static const char *escape(char c, bool in_attribute)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>': /* for the sake of ]]> */
		return "&gt;";
	case '\r': /* a reader makes every bare one a line end, and in an attribute all three spaces */
		return "&#13;";
	case '"':
		return in_attribute ? "&quot;" : NULL;
	case '\n':
		return in_attribute ? "&#10;" : NULL;
	case '\t':
		return in_attribute ? "&#9;" : NULL;
	default:
		return NULL;
	}
}

/* Almost all there is: digits and letters. */
static bool is_plain(uint8_t c)
{
	return c >= 0x20 && c < 0x80 && c != '&' && c != '<' && c != '>' && c != '"';
}

/* One octet that is not plain and not part of a longer character. */
static void put_special(struct yt_xml_writer *w, struct yt_str attribute, char c)
{
	const char *instead = escape(c, attribute.n > 0);

	if (instead != NULL)
		yt_buf_text(w->out, instead);
	else if (c == '"' || c == '\n' || c == '\t')
		yt_buf_byte(w->out, (uint8_t)c);
	else
		fail(w, YT_EFORMAT, attribute, (uint8_t)c, "a character that XML does not allow");
}

static void put_text(struct yt_xml_writer *w, struct yt_str attribute, struct yt_str text)
{
	const char *p = text.p, *end, *from;

	if (text.n == 0)
		return;
	for (end = p + text.n; p < end && w->error == 0;) {
		for (from = p; p < end && is_plain((uint8_t)*p);)
			p++;
		yt_buf_add(w->out, from, (size_t)(p - from));
		for (from = p; p < end && (uint8_t)*p >= 0x80;)
			p++;
		put_run(w, attribute, (struct yt_str){ from, (size_t)(p - from) });
		if (p < end && p == from)
			put_special(w, attribute, *p++);
	}
}

/* --- names --- */

/* Productions 4 and 4a of XML 1.0, fifth edition. */
static bool may_begin(uint32_t c)
{
	static const struct {
		uint32_t from, to;
	} ranges[] = {
		{ 'a', 'z' },
		{ 'A', 'Z' },
		{ '_', '_' },
		{ ':', ':' },
		{ 0xc0, 0xd6 },
		{ 0xd8, 0xf6 },
		{ 0xf8, 0x2ff },
		{ 0x370, 0x37d },
		{ 0x37f, 0x1fff },
		{ 0x200c, 0x200d },
		{ 0x2070, 0x218f },
		{ 0x2c00, 0x2fef },
		{ 0x3001, 0xd7ff },
		{ 0xf900, 0xfdcf },
		{ 0xfdf0, 0xfffd },
		{ 0x10000, 0xeffff },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i].from && c <= ranges[i].to)
			return true;
	return false;
}

static bool may_follow(uint32_t c)
{
	return may_begin(c) || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == 0xb7 ||
	       (c >= 0x300 && c <= 0x36f) || c == 0x203f || c == 0x2040;
}

/* What nearly every name is: letters, digits, _ - . and no more. */
static bool is_plain_name(struct yt_str name)
{
	for (size_t i = 0; i < name.n; i++) {
		uint8_t c = (uint8_t)name.p[i], letter = c | 0x20;

		if ((letter < 'a' || letter > 'z') && c != '_' &&
		        (i == 0 || ((c < '0' || c > '9') && c != '-' && c != '.')))
			return false;
	}
	return name.n > 0;
}

static bool is_name(struct yt_str name)
{
	const uint8_t *p = (const uint8_t *)name.p, *end = p + name.n;

	if (name.n == 0 || yt_utf8_check(name, NULL) != 0 || !may_begin(utf8_next(&p)))
		return false;
	while (p < end)
		if (!may_follow(utf8_next(&p)))
			return false;
	return true;
}

static void put_name(struct yt_xml_writer *w, struct yt_str attribute, struct yt_str name)
{
	if (is_plain_name(name))
		yt_buf_str(w->out, name);
	else if (is_name(name))
		put_text(w, attribute, name); /* nothing in it needs an escape */
	else
		fail(w, YT_EFORMAT, attribute, 0, "a name inside this element is no name in XML");
}

/* --- elements --- */

void yt_xml_begin(struct yt_xml_writer *w, struct yt_buf *out, enum yt_charset charset)
{
	*w = (struct yt_xml_writer){ .out = out, .charset = charset };
}

void yt_xml_declaration(struct yt_xml_writer *w)
{
	yt_buf_printf(w->out, "<?xml version=\"1.0\" encoding=\"%s\"?>\n", yt_charset_name(w->charset));
}

static void close_tag(struct yt_xml_writer *w)
{
	if (w->is_tag_open)
		yt_buf_byte(w->out, '>');
	w->is_tag_open = false;
}

/* A line end and the indent of what stands at depth; nothing before the first element of all. */
static void new_line(struct yt_xml_writer *w, uint32_t depth)
{
	static const char spaces[] = "                                ";

	yt_buf_byte(w->out, '\n');
	for (uint32_t n = w->indent * (w->level + depth); n > 0;) {
		uint32_t some = n < sizeof(spaces) - 1 ? n : (uint32_t)sizeof(spaces) - 1;

		yt_buf_add(w->out, spaces, some);
		n -= some;
	}
}

/* What every element, written or given as octets, has before it. */
static void before_element(struct yt_xml_writer *w)
{
	close_tag(w);
	if (w->depth == 0)
		return;
	w->has_elements |= UINT64_C(1) << (w->depth - 1);
	if (w->indent > 0)
		new_line(w, w->depth);
}

static void start(struct yt_xml_writer *w, struct yt_str name)
{
	if (w->error != 0)
		return;
	if (w->depth == YT_XML_DEEPEST) {
		fail(w, YT_EFORMAT, (struct yt_str){ 0 }, 0, "elements are nested too deep");
		return;
	}
	before_element(w);
	yt_buf_byte(w->out, '<');
	put_name(w, (struct yt_str){ 0 }, name);
	if (w->error != 0)
		return;
	w->has_elements &= ~(UINT64_C(1) << w->depth);
	w->names[w->depth++] = name;
	w->is_tag_open = true;
}

void yt_xml_start(struct yt_xml_writer *w, const char *name)
{
	start(w, yt_str(name));
}

static void attribute_add(struct yt_xml_writer *w, struct yt_str name, struct yt_str text)
{
	if (w->error != 0)
		return;
	YT_REQUIRE(w->is_tag_open);
	yt_buf_byte(w->out, ' ');
	put_name(w, name, name);
	yt_buf_text(w->out, "=\"");
	put_text(w, name, text);
	yt_buf_byte(w->out, '"');
}

void yt_xml_attribute(struct yt_xml_writer *w, const char *name, struct yt_str text)
{
	attribute_add(w, yt_str(name), text);
}

void yt_xml_text(struct yt_xml_writer *w, struct yt_str text)
{
	if (w->error != 0 || text.n == 0)
		return;
	close_tag(w);
	put_text(w, (struct yt_str){ 0 }, text);
}

void yt_xml_end(struct yt_xml_writer *w)
{
	if (w->error != 0)
		return;
	YT_REQUIRE(w->depth > 0);
	w->depth--;
	if (w->is_tag_open) {
		yt_buf_text(w->out, "/>");
		w->is_tag_open = false;
		return;
	}
	if (w->indent > 0 && (w->has_elements >> w->depth & 1) != 0)
		new_line(w, w->depth);
	yt_buf_text(w->out, "</");
	put_text(w, (struct yt_str){ 0 }, w->names[w->depth]);
	yt_buf_byte(w->out, '>');
}

static bool is_plain_text(struct yt_str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!is_plain((uint8_t)text.p[i]))
			return false;
	return text.n > 0;
}

/* Nearly every leaf has nothing to escape or convert, and is put at once; false: this one has. */
static bool put_plain_leaf(struct yt_xml_writer *w, struct yt_str name, struct yt_str text)
{
	char *room;

	if (w->error != 0 || w->depth == YT_XML_DEEPEST || !is_plain_name(name) || !is_plain_text(text))
		return false;
	before_element(w);
	room = (char *)yt_buf_room(w->out, 2 * name.n + text.n + 5);
	if (room == NULL)
		return true; /* yt_xml_done() tells */
	*room++ = '<';
	room = mempcpy(room, name.p, name.n);
	*room++ = '>';
	room = mempcpy(room, text.p, text.n);
	room = mempcpy(room, "</", 2);
	room = mempcpy(room, name.p, name.n);
	*room = '>';
	return true;
}

void yt_xml_leaf(struct yt_xml_writer *w, const char *name, struct yt_str text)
{
	if (put_plain_leaf(w, yt_str(name), text))
		return;
	yt_xml_start(w, name);
	yt_xml_text(w, text);
	yt_xml_end(w);
}

static bool is_attribute(const struct yt_node *node)
{
	return node->name.n > 0 && node->name.p[0] == '@';
}

static void node_write(struct yt_xml_writer *w, const struct yt_node *node, struct yt_str name);

static void content_write(struct yt_xml_writer *w, const struct yt_node *node)
{
	for (const struct yt_node *n = node->child; n != NULL; n = n->next)
		if (is_attribute(n))
			attribute_add(w, (struct yt_str){ n->name.p + 1, n->name.n - 1 }, n->text);
	if (node->kind != YT_OBJECT) {
		yt_xml_text(w, node->text);
		return;
	}
	for (const struct yt_node *n = node->child; n != NULL; n = n->next)
		if (!is_attribute(n))
			node_write(w, n, n->name);
}

static void node_write(struct yt_xml_writer *w, const struct yt_node *node, struct yt_str name)
{
	if (w->error != 0 || node->kind == YT_NULL)
		return;
	if (node->kind == YT_ARRAY) {
		/* Of an array in an array only the elements remain; XML has no other way to say it.  Hand-made trees
		 * alone can be deep here, and theirs is no peer's depth. */
		for (const struct yt_node *n = node->child; n != NULL; n = n->next)
			node_write(w, n, name);
		return;
	}
	start(w, name);
	if (w->error != 0)
		return;
	content_write(w, node);
	yt_xml_end(w);
}

void yt_xml_node(struct yt_xml_writer *w, const struct yt_node *node)
{
	node_write(w, node, node->name);
}

void yt_xml_octets(struct yt_xml_writer *w, struct yt_str octets)
{
	if (w->error != 0)
		return;
	before_element(w);
	yt_buf_str(w->out, octets);
}

int yt_xml_done(struct yt_xml_writer *w, struct yt_xml_error *err)
{
	if (w->out->failed)
		fail(w, YT_ENOMEM, (struct yt_str){ 0 }, 0, "out of memory");
	YT_REQUIRE(w->error != 0 || w->depth == 0);
	if (w->error != 0 && err != NULL)
		*err = w->fault;
	return w->error;
}
