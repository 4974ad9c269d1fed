/* yitong/xml.h - XML for data, read to the same tree as JSON, and written.
 *
 * Reading (core/format/xml_read.c) is libxml2's SAX2 with everything off that data has no use for: a
 * DOCTYPE, entities beyond the five, processing instructions, versions but 1.0, encodings but UTF-8 and
 * GB18030 are refused; nothing is ever fetched.  Comments are skipped, CDATA is text.
 *
 * The tree: an element with elements in it is an OBJECT whose members stand in document order, the
 * same name as often as it came (yt_node_get() gives the first, yt_xml_count() says how many: refuse
 * two where the format has one).  An element without elements is a TEXT, also <a/> and <a></a>.  Text
 * beside elements is refused unless it is white space, which is dropped.  Names are local names.
 * Attributes are TEXT members named "@ver", before all elements, also of a TEXT: yt_xml_attr().
 * Where the namespace is another than the parent's, the first of them is "@xmlns"; an attribute with a prefix
 * is "@x:name", and "@xmlns:x" stands before it. */
#ifndef YITONG_XML_H
#define YITONG_XML_H

#include "yitong/charset.h"
#include "yitong/node.h"

#define YT_XML_DEEPEST 64 /* what a larger depth limit is cut to, and what the writer writes */

struct yt_xml_limits {       /* 0 takes the number in brackets */
	uint32_t octets;     /* of the whole document [4 MiB] */
	uint32_t depth;      /* nested elements, the root is 1 [8] */
	uint32_t nodes;      /* elements and attributes in all [200 000] */
	uint32_t attributes; /* of one element, namespace declarations too [16] */
	uint32_t text;       /* octets of one text or attribute, as UTF-8 [1 MiB] */
	uint32_t name;       /* octets of one name with its prefix [64] */
};

struct yt_xml_error {
	size_t offset;       /* in the octets read, where reading stopped */
	uint32_t line;       /* from 1 */
	uint32_t column;     /* in octets, from 1 */
	uint32_t code_point; /* of the character that is the matter, else 0 */
	char path[160];      /* "ksbw/input/aac003"; the elements open there */
	const char *why;     /* static English text, such as "a DOCTYPE is not accepted" */
};

struct yt_xml {
	struct yt_node *root;    /* root->name is its name */
	enum yt_charset charset; /* the document was in */
	bool is_declared;        /* by an XML declaration with an encoding; else it is UTF-8 */
	struct yt_str octets;    /* what was read */
};

/* Reads one document.  octets: borrowed as long as the tree, whose raw_off and raw_len are of them: of an
 * element from its < to the > of its end tag.  out: set on 0 only; err: on failure, may be NULL.
 * Returns 0, YT_EFORMAT, YT_ELIMIT or YT_ENOMEM. */
int yt_xml_read(struct yt_arena *arena, struct yt_str octets, const struct yt_xml_limits *limits, struct yt_xml *out,
        struct yt_xml_error *err);

/* The octets of an element as they were transmitted, for digests (crossprovince.md 7.3). */
struct yt_str yt_xml_raw(const struct yt_xml *xml, const struct yt_node *element);
/* Text of an attribute, given without the @; .p is NULL when it is not there. */
struct yt_str yt_xml_attr(const struct yt_node *element, const char *name);
/* How many child elements have that name. */
uint32_t yt_xml_count(const struct yt_node *element, const char *name);
/* The next sibling of the same name, NULL after the last. */
struct yt_node *yt_xml_next(const struct yt_node *element);

/* Writes elements straight in the octets of charset, so out->n before a start and after its end is what a
 * digest is over.  The first error stays and nothing more is written; ask yt_xml_done() once. */
struct yt_xml_writer {
	struct yt_buf *out;
	enum yt_charset charset;
	uint32_t indent; /* spaces a level; 0: all in one line.  May be changed between two calls */
	uint32_t level;  /* elements around what is written here, for the indent: 1 to begin inside the root */
	/* the writer's own */
	uint32_t depth;
	uint64_t has_elements; /* bit n: the element of depth n has an element inside */
	bool is_tag_open;
	int error;
	struct yt_str names[YT_XML_DEEPEST];
	struct yt_xml_error fault;
};

/* Begins with empty state; out is appended to. */
void yt_xml_begin(struct yt_xml_writer *w, struct yt_buf *out, enum yt_charset charset);
void yt_xml_declaration(struct yt_xml_writer *w); /* <?xml version="1.0" encoding="..."?> and a line end */
/* name: borrowed until its end.  A name that XML does not allow is an error. */
void yt_xml_start(struct yt_xml_writer *w, const char *name);
void yt_xml_attribute(struct yt_xml_writer *w, const char *name, struct yt_str text); /* right after a start */
void yt_xml_text(struct yt_xml_writer *w, struct yt_str text);                        /* UTF-8; escaped here */
void yt_xml_end(struct yt_xml_writer *w);
void yt_xml_leaf(struct yt_xml_writer *w, const char *name, struct yt_str text); /* start, text, end */
/* A tree as yt_xml_read() gives it.  An ARRAY is its members, each under the array's name; NULL is
 * left out; NUMBER and BOOL are their text. */
void yt_xml_node(struct yt_xml_writer *w, const struct yt_node *node);
/* Appends octets as they are (an element written before, after a line end and indent): already in charset. */
void yt_xml_octets(struct yt_xml_writer *w, struct yt_str octets);
/* 0 when all was written and every start has its end.  YT_EFORMAT with err (may be NULL): path and code
 * point of a character that XML or the charset does not have, a name that is none; YT_ENOMEM. */
int yt_xml_done(struct yt_xml_writer *w, struct yt_xml_error *err);

#endif
