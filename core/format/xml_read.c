/* core/format/xml_read.c - an XML document to a tree, with the octets each element stood in.
 *
 * yt_xml_read():
 *  - xml_text.c finds the encoding out and gives UTF-8
 *  - check_attributes() looks at each start tag first: libxml2 compares attributes pair by pair, so a
 *    document of one tag with a hundred thousand would stand still for hours
 *  - libxml2 calls on_start(), on_text(), on_end(); anything not wanted calls refuse(), which ends the parse
 * Where an element begins and ends is where the parser says it is, never found by looking for its name:
 * comments, CDATA and attributes may hold "<input>" as often as they like (signature wrapping).
 *
 * Parser and buffers belong to the thread and are used again; every error ends the parse at once. */
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/catalog.h>
#include <libxml/parser.h>
#include <libxml/xmlerror.h>

#include "format/xml_parts.h"

enum {
	DEFAULT_OCTETS = 4 << 20,
	DEFAULT_DEPTH = 8,
	DEFAULT_NODES = 200000,
	DEFAULT_ATTRIBUTES = 16,
	DEFAULT_TEXT = 1 << 20,
	DEFAULT_NAME = 64,
	DICT_NAMES_MAX = 4096, /* names the parser may remember from document to document */
	BUFFER_KEPT = 1 << 20, /* octets of a buffer kept for the next document */
	WHOLE_MAX = 1 << 20,   /* far below the ten million octets that libxml2 looks ahead at most */
};

struct per_thread {
	xmlParserCtxt *ctxt;
	struct yt_buf utf8; /* the document, when it is not UTF-8 */
	struct yt_buf text; /* of the innermost open element */
};

struct reading {
	struct yt_arena *arena;
	struct yt_xml_limits limits;
	struct xml_text text;
	struct per_thread *mine;
	struct yt_node *open[YT_XML_DEEPEST];
	struct yt_str spaces[YT_XML_DEEPEST]; /* namespace of each */
	bool has_elements[YT_XML_DEEPEST];
	uint32_t depth, nodes;
	struct yt_node *root;
	struct yt_xml_error *err;
	int rv;
};

/* --- errors --- */

/* "ksbw/input/aac003" of what is open; whole names only, so that none is cut inside a character. */
static void print_path(const struct reading *r, char *path, size_t size)
{
	size_t n = 0;

	path[0] = '\0';
	for (uint32_t i = 0; i < r->depth; i++) {
		struct yt_str name = r->open[i]->name;

		if (n + name.n + 2 > size)
			break;
		n += (size_t)snprintf(path + n, size - n, "%s%.*s", i > 0 ? "/" : "", YT_FMT(name));
	}
}

static void print_place(struct yt_str octets, struct yt_xml_error *err)
{
	const char *p = octets.p, *end = p + err->offset, *line;

	err->line = 1;
	while (p < end && (line = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		err->line++;
		p = line + 1;
	}
	err->column = (uint32_t)(end - p) + 1;
}

/* Keeps the first error; offset is of the octets. */
static int fail(struct reading *r, size_t offset, int rv, const char *why)
{
	if (r->rv != 0)
		return r->rv;
	r->rv = rv;
	r->err->offset = offset < r->text.octets.n ? offset : r->text.octets.n;
	r->err->why = why;
	print_path(r, r->err->path, sizeof(r->err->path));
	print_place(r->text.octets, r->err);
	return rv;
}

/* Where the parser stands, in the UTF-8 it reads. */
static size_t position(const struct reading *r)
{
	const xmlParserInput *input = r->mine->ctxt->input;

	return input == NULL ? r->text.utf8.n : input->consumed + (size_t)(input->cur - input->base);
}

static void refuse(struct reading *r, int rv, const char *why)
{
	fail(r, xml_text_offset(&r->text, position(r)), rv, why);
	xmlStopParser(r->mine->ctxt);
}

static const char *reason(int code)
{
	static const struct {
		int code;
		const char *why;
	} reasons[] = {
		{ XML_ERR_DOCUMENT_EMPTY, "there is no element" },
		{ XML_ERR_DOCUMENT_END, "something stands behind the root element, or it has no end" },
		{ XML_ERR_TAG_NOT_FINISHED, "an element has no end" },
		{ XML_ERR_TAG_NAME_MISMATCH, "an end tag is not that of the open element" },
		{ XML_ERR_GT_REQUIRED, "a tag has no end" },
		{ XML_ERR_NAME_REQUIRED, "a name should stand here" },
		{ XML_ERR_INVALID_CHAR, "a character that XML does not allow" },
		{ XML_ERR_INVALID_CHARREF, "a reference to a character that XML does not allow" },
		{ XML_ERR_INVALID_DEC_CHARREF, "a character reference that is no decimal number" },
		{ XML_ERR_INVALID_HEX_CHARREF, "a character reference that is no hexadecimal number" },
		{ XML_ERR_UNDECLARED_ENTITY, "an entity other than amp, lt, gt, quot, apos" },
		{ XML_ERR_ENTITYREF_SEMICOL_MISSING, "an entity without a semicolon" },
		{ XML_ERR_ATTRIBUTE_REDEFINED, "an attribute is given twice" },
		{ XML_ERR_ATTRIBUTE_WITHOUT_VALUE, "an attribute has no value" },
		{ XML_ERR_ATTRIBUTE_NOT_STARTED, "the value of an attribute has no quotes" },
		{ XML_ERR_ATTRIBUTE_NOT_FINISHED, "the value of an attribute has no end" },
		{ XML_ERR_LT_IN_ATTRIBUTE, "< in the value of an attribute" },
		{ XML_ERR_SPACE_REQUIRED, "a space should stand here" },
		{ XML_ERR_COMMENT_NOT_FINISHED, "a comment has no end" },
		{ XML_ERR_HYPHEN_IN_COMMENT, "-- inside a comment" },
		{ XML_ERR_CDATA_NOT_FINISHED, "a CDATA section has no end" },
		{ XML_ERR_MISPLACED_CDATA_END, "]]> outside of a CDATA section" },
		{ XML_ERR_RESERVED_XML_NAME, "an XML declaration that is not at the beginning" },
		{ XML_NS_ERR_UNDEFINED_NAMESPACE, "a prefix without its namespace" },
		{ XML_NS_ERR_ATTRIBUTE_REDEFINED, "an attribute is given twice" },
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].code == code)
			return reasons[i].why;
	return "it is not well-formed XML";
}

static void on_error(void *arg, xmlError *error)
{
	struct reading *r = ((xmlParserCtxt *)arg)->_private;

	if (error->code == XML_ERR_NO_MEMORY)
		refuse(r, YT_ENOMEM, "out of memory");
	else if (error->code == XML_ERR_NAME_TOO_LONG)
		refuse(r, YT_ELIMIT, "a name is longer than the limit");
	else if (error->level > XML_ERR_WARNING)
		refuse(r, YT_EFORMAT, reason(error->code));
}

/* --- nodes --- */

static struct yt_node *add_node(struct reading *r, struct yt_node *parent, struct yt_str name)
{
	struct yt_node *node;

	if (++r->nodes > r->limits.nodes) {
		refuse(r, YT_ELIMIT, "more elements and attributes than the limit");
		return NULL;
	}
	node = name.p == NULL ? NULL : yt_arena_alloc(r->arena, sizeof(*node));
	if (node == NULL) {
		refuse(r, YT_ENOMEM, "out of memory");
		return NULL;
	}
	node->kind = YT_TEXT;
	node->text = YT_STR("");
	node->name = name;
	if (parent == NULL)
		return node;
	if (parent->last != NULL)
		parent->last->next = node;
	else
		parent->child = node;
	parent->last = node;
	parent->n++;
	return node;
}

static struct yt_str slice(const xmlChar *p)
{
	return yt_str((const char *)p);
}

static bool keep_text(struct reading *r, struct yt_node *node, struct yt_str text)
{
	if (node == NULL)
		return false;
	if (text.n > r->limits.text)
		refuse(r, YT_ELIMIT, "a text or attribute is longer than the limit");
	else if (text.n > 0 && (node->text = yt_arena_copy(r->arena, text)).p == NULL)
		refuse(r, YT_ENOMEM, "out of memory");
	return r->rv == 0;
}

/* libxml2 leaves one thing of an attribute undone unless it replaces entities of a DTD too, which there is none of: an
 * ampersand, however it was written, stands in the value as &#38;, and no other reference does. */
static void finish_value(struct yt_node *node)
{
	static const char mark[] = "&#38;";
	const size_t n_mark = sizeof(mark) - 1;
	char *text = (char *)node->text.p;
	size_t to = 0;

	for (size_t from = 0; from < node->text.n; from++) {
		text[to++] = text[from];
		if (node->text.n - from >= n_mark && memcmp(text + from, mark, n_mark) == 0)
			from += n_mark - 1;
	}
	node->text.n = to;
}

static bool add_attribute(
        struct reading *r, struct yt_node *node, struct yt_str prefix, struct yt_str name, struct yt_str value)
{
	struct yt_str full;

	if (prefix.n + name.n > r->limits.name) {
		refuse(r, YT_ELIMIT, "a name is longer than the limit");
		return false;
	}
	full = yt_arena_printf(r->arena, "@%.*s%s%.*s", YT_FMT(prefix), prefix.n > 0 ? ":" : "", YT_FMT(name));
	node = add_node(r, node, full);
	if (!keep_text(r, node, value))
		return false;
	finish_value(node);
	return true;
}

/* An attribute with a prefix has "@xmlns:prefix" in its own element, so that each part can be written alone. */
static bool declare_prefix(struct reading *r, struct yt_node *node, struct yt_str prefix, struct yt_str space)
{
	char name[7 + 1024];

	if (prefix.n == 0 || yt_str_is(prefix, "xml") || prefix.n > r->limits.name)
		return true;
	snprintf(name, sizeof(name), "xmlns:%.*s", YT_FMT(prefix));
	return yt_xml_attr(node, name).p != NULL || add_attribute(r, node, YT_STR("xmlns"), prefix, space);
}

/* --- what the parser calls --- */

static bool is_blank(const struct yt_buf *text)
{
	for (size_t i = 0; i < text->n; i++)
		if (text->p[i] != ' ' && text->p[i] != '\n' && text->p[i] != '\t' && text->p[i] != '\r')
			return false;
	return true;
}

/* The text that has come up to a tag of an element which has elements must be blank. */
static bool drop_blanks(struct reading *r)
{
	if (!is_blank(&r->mine->text)) {
		refuse(r, YT_EFORMAT, "text beside elements");
		return false;
	}
	yt_buf_clear(&r->mine->text);
	return true;
}

/* Makes the node of a start tag.  The parser stands behind its last attribute, and no < can be in between. */
static struct yt_node *begin_element(struct reading *r, struct yt_str prefix, struct yt_str name)
{
	const char *at = memrchr(r->text.utf8.p, '<', position(r));
	struct yt_node *parent = r->depth > 0 ? r->open[r->depth - 1] : NULL, *node;

	YT_REQUIRE(at != NULL);
	if (r->depth == r->limits.depth) {
		refuse(r, YT_ELIMIT, "elements are nested deeper than the limit");
		return NULL;
	}
	if (prefix.n + name.n > r->limits.name) {
		refuse(r, YT_ELIMIT, "a name is longer than the limit");
		return NULL;
	}
	if (parent != NULL) {
		if (!drop_blanks(r))
			return NULL;
		parent->kind = YT_OBJECT;
		r->has_elements[r->depth - 1] = true;
	}
	node = add_node(r, parent, yt_arena_copy(r->arena, name));
	if (node != NULL)
		node->raw_off = (uint32_t)xml_text_offset(&r->text, (size_t)(at - r->text.utf8.p));
	return node;
}

static void on_start(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int n_namespaces,
        const xmlChar **namespaces, int n_attributes, int n_defaulted, const xmlChar **attributes)
{
	struct reading *r = ((xmlParserCtxt *)arg)->_private;
	struct yt_str space = slice(uri), around = r->depth > 0 ? r->spaces[r->depth - 1] : YT_STR("");
	struct yt_node *node = r->rv == 0 ? begin_element(r, slice(prefix), slice(name)) : NULL;

	if (node == NULL)
		return;
	if (r->depth == 0)
		r->root = node;
	r->open[r->depth] = node;
	r->has_elements[r->depth] = false;
	r->spaces[r->depth] = around;
	r->depth++;
	if (!yt_str_eq(space, around)) {
		if (!add_attribute(r, node, YT_STR(""), YT_STR("xmlns"), space))
			return;
		r->spaces[r->depth - 1] = node->child->text;
	}
	for (int i = 0; i < n_attributes; i++, attributes += 5) {
		struct yt_str value = { (const char *)attributes[3], (size_t)(attributes[4] - attributes[3]) };

		if (!declare_prefix(r, node, slice(attributes[1]), slice(attributes[2])) ||
		        !add_attribute(r, node, slice(attributes[1]), slice(attributes[0]), value))
			return;
	}
}

static void on_text(void *arg, const xmlChar *p, int n)
{
	struct reading *r = ((xmlParserCtxt *)arg)->_private;
	struct yt_buf *text = &r->mine->text;

	if (r->rv != 0)
		return;
	if (text->n + (size_t)n > r->limits.text) {
		refuse(r, YT_ELIMIT, "a text or attribute is longer than the limit");
		return;
	}
	yt_buf_add(text, p, (size_t)n);
	if (text->failed)
		refuse(r, YT_ENOMEM, "out of memory");
}

static void on_end(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	struct reading *r = ((xmlParserCtxt *)arg)->_private;
	struct yt_node *node;

	if (r->rv != 0)
		return;
	node = r->open[r->depth - 1];
	if (r->has_elements[r->depth - 1] ? !drop_blanks(r) : !keep_text(r, node, yt_buf_view(&r->mine->text)))
		return;
	yt_buf_clear(&r->mine->text);
	node->raw_len = (uint32_t)(xml_text_offset(&r->text, position(r)) - node->raw_off);
	r->depth--;
}

/* The whole document is there, but libxml2 looks for more of it before each token of its last 250 octets, and a call
 * for more costs as much as the token.  A large one keeps the call: without it libxml2 would take it for endless input.
 */
static void on_document(void *arg)
{
	xmlParserCtxt *ctxt = arg;

	if (ctxt->input->buf != NULL && ((struct reading *)ctxt->_private)->text.utf8.n <= WHOLE_MAX)
		ctxt->input->buf->readcallback = NULL;
}

/* Called before anything in the brackets of a DOCTYPE is read. */
static void on_doctype(void *arg, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
	refuse(((xmlParserCtxt *)arg)->_private, YT_EFORMAT, "a DOCTYPE is not accepted");
}

static void on_instruction(void *arg, const xmlChar *target, const xmlChar *data)
{
	refuse(((xmlParserCtxt *)arg)->_private, YT_EFORMAT, "a processing instruction is not accepted");
}

/* --- before the parser --- */

/* Behind the next `end` from p, or the end of the text: the parser then says what is missing. */
static const char *skip_to(const char *p, const char *last, const char *end)
{
	const char *at = memmem(p, (size_t)(last - p), end, strlen(end));

	return at != NULL ? at + strlen(end) : last;
}

/* Counts the values between a < and its >; *p is then behind it. */
static uint32_t count_values(const char **p, const char *last)
{
	uint32_t n = 0;
	const char *s = *p;

	while (s < last && *s != '>' && *s != '<') {
		if (*s == '"' || *s == '\'') {
			const char *end = memchr(s + 1, *s, (size_t)(last - s) - 1);

			s = end != NULL ? end : last - 1;
			n++;
		}
		s++;
	}
	*p = s;
	return n;
}

/* Up to the first error of form this walks as the parser does, and there the parser stops. */
static int check_attributes(struct reading *r)
{
	const char *begin = r->text.utf8.p, *last = begin + r->text.utf8.n, *p = begin;

	while (p < last && (p = memchr(p, '<', (size_t)(last - p))) != NULL) {
		struct yt_str rest = { p, (size_t)(last - p) };
		bool is_tag = rest.n < 2 || (p[1] != '!' && p[1] != '?');

		if (rest.n >= 2 && p[1] == '/') {
			p += 2; /* of an end tag's attributes the parser reads none */
		} else if (is_tag) {
			p++;
			if (count_values(&p, last) > r->limits.attributes)
				return fail(r, xml_text_offset(&r->text, (size_t)(rest.p - begin)), YT_ELIMIT,
				        "an element has more attributes than the limit");
		} else if (yt_str_starts(rest, "<!--")) {
			p = skip_to(p + 4, last, "-->");
		} else if (yt_str_starts(rest, "<![CDATA[")) {
			p = skip_to(p, last, "]]>");
		} else if (yt_str_starts(rest, "<?")) {
			p = skip_to(p, last, "?>");
		} else {
			return 0; /* a DOCTYPE: on_doctype() */
		}
	}
	return 0;
}

/* --- the parser, one per thread --- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;

static void per_thread_free(void *arg)
{
	struct per_thread *mine = arg;

	xmlFreeParserCtxt(mine->ctxt);
	yt_buf_free(&mine->utf8);
	yt_buf_free(&mine->text);
	free(mine);
}

/* libxml2 takes a catalogue named by an instruction before it tells of the instruction, and forgets to free it with
 * the parser's next document. */
static void make_once(void)
{
	xmlInitParser();
	xmlCatalogSetDefaults(XML_CATA_ALLOW_NONE);
	YT_REQUIRE(pthread_key_create(&key, per_thread_free) == 0);
}

static struct per_thread *per_thread(void)
{
	struct per_thread *mine;

	pthread_once(&once, make_once);
	mine = pthread_getspecific(key);
	if (mine == NULL) {
		mine = calloc(1, sizeof(*mine));
		if (mine != NULL && pthread_setspecific(key, mine) != 0) {
			free(mine);
			mine = NULL;
		}
	}
	return mine;
}

/* A parser that remembers at most DICT_NAMES_MAX names: it keeps every one it has met, and peers choose them.
 * UNTESTED: only the memory of a process that has run for weeks would show it. */
static bool have_parser(struct per_thread *mine)
{
	static const xmlSAXHandler handlers = {
		.initialized = XML_SAX2_MAGIC,
		.startDocument = on_document,
		.internalSubset = on_doctype,
		.processingInstruction = on_instruction,
		.startElementNs = on_start,
		.endElementNs = on_end,
		.characters = on_text,
		.ignorableWhitespace = on_text,
		.cdataBlock = on_text,
		.serror = on_error,
	};

	if (mine->ctxt != NULL && xmlDictSize(mine->ctxt->dict) > DICT_NAMES_MAX) {
		xmlFreeParserCtxt(mine->ctxt);
		mine->ctxt = NULL;
	}
	if (mine->ctxt == NULL) {
		mine->ctxt = xmlNewParserCtxt();
		if (mine->ctxt != NULL)
			*mine->ctxt->sax = handlers;
	}
	return mine->ctxt != NULL;
}

static void parse(struct reading *r)
{
	xmlParserCtxt *ctxt = r->mine->ctxt;

	ctxt->_private = r;
	xmlCtxtReadMemory(
	        ctxt, r->text.utf8.p, (int)r->text.utf8.n, NULL, NULL, XML_PARSE_NONET | XML_PARSE_IGNORE_ENC);
	ctxt->_private = NULL;
	if (r->rv == 0 && (!ctxt->wellFormed || r->root == NULL))
		fail(r, r->text.octets.n, YT_EFORMAT, "it is not well-formed XML");
}

static void trim(struct yt_buf *buf)
{
	if (buf->cap > BUFFER_KEPT)
		yt_buf_free(buf);
	yt_buf_clear(buf);
}

static uint32_t limit(uint32_t wanted, uint32_t fallback, uint32_t most)
{
	uint32_t n = wanted == 0 ? fallback : wanted;

	return n < most ? n : most;
}

static void set_limits(struct reading *r, const struct yt_xml_limits *limits)
{
	static const struct yt_xml_limits none;
	const struct yt_xml_limits *l = limits != NULL ? limits : &none;

	r->limits.octets = limit(l->octets, DEFAULT_OCTETS, INT_MAX / 2);
	r->limits.depth = limit(l->depth, DEFAULT_DEPTH, YT_XML_DEEPEST);
	r->limits.nodes = limit(l->nodes, DEFAULT_NODES, UINT32_MAX - 1);
	r->limits.attributes = limit(l->attributes, DEFAULT_ATTRIBUTES, 1024);
	r->limits.text = limit(l->text, DEFAULT_TEXT, INT_MAX / 2);
	r->limits.name = limit(l->name, DEFAULT_NAME, 1024);
}

static void read_all(struct reading *r, struct yt_str octets)
{
	const char *why;
	size_t offset;
	int rv;

	r->text.octets = octets;
	if (octets.n > r->limits.octets) {
		fail(r, r->limits.octets, YT_ELIMIT, "the document is larger than the limit");
		return;
	}
	r->mine = per_thread();
	if (r->mine == NULL || !have_parser(r->mine)) {
		fail(r, 0, YT_ENOMEM, "out of memory");
		return;
	}
	rv = xml_text_open(&r->text, octets, &r->mine->utf8, &offset, &why);
	if (rv != 0)
		fail(r, offset, rv, rv == YT_ENOMEM ? "out of memory" : why);
	else if (check_attributes(r) == 0)
		parse(r);
	trim(&r->mine->utf8);
	trim(&r->mine->text);
}

int yt_xml_read(struct yt_arena *arena, struct yt_str octets, const struct yt_xml_limits *limits, struct yt_xml *out,
        struct yt_xml_error *err)
{
	struct yt_xml_error unwanted;
	struct reading r = { .arena = arena, .err = err != NULL ? err : &unwanted };

	*r.err = (struct yt_xml_error){ 0 };
	set_limits(&r, limits);
	read_all(&r, octets);
	if (r.rv == 0)
		*out = (struct yt_xml){ r.root, r.text.charset, r.text.is_declared, octets };
	return r.rv;
}

/* --- asking the tree --- */

struct yt_str yt_xml_raw(const struct yt_xml *xml, const struct yt_node *element)
{
	return (struct yt_str){ xml->octets.p + element->raw_off, element->raw_len };
}

struct yt_str yt_xml_attr(const struct yt_node *element, const char *name)
{
	for (const struct yt_node *n = element->child; n != NULL && n->name.n > 0 && n->name.p[0] == '@'; n = n->next)
		if (yt_str_is((struct yt_str){ n->name.p + 1, n->name.n - 1 }, name))
			return n->text;
	return (struct yt_str){ NULL, 0 };
}

uint32_t yt_xml_count(const struct yt_node *element, const char *name)
{
	uint32_t n = 0;

	for (const struct yt_node *child = element->child; child != NULL; child = child->next)
		n += yt_str_is(child->name, name);
	return n;
}

struct yt_node *yt_xml_next(const struct yt_node *element)
{
	for (struct yt_node *n = element->next; n != NULL; n = n->next)
		if (yt_str_eq(n->name, element->name))
			return n;
	return NULL;
}
