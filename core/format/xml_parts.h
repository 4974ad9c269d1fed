/* core/format/xml_parts.h - what the parts of the XML reader share; nobody else includes it. */
#ifndef YT_FORMAT_XML_PARTS_H
#define YT_FORMAT_XML_PARTS_H

#include "yitong/xml.h"

/* A document as the parser sees it, and the way back to the octets that were transmitted. */
struct xml_text {
	struct yt_str octets; /* as they came */
	enum yt_charset charset;
	bool is_declared;
	size_t skipped;           /* octets of a byte-order mark */
	struct yt_str utf8;       /* without the mark: of octets, or in the buffer given */
	size_t at_utf8, at_octet; /* how far xml_text_offset() has walked */
};

/* Finds the encoding out (byte-order mark, XML declaration) and turns the document into UTF-8; room is used
 * when it is not.  On YT_EFORMAT *offset and *why say what is wrong.  YT_ENOMEM. */
int xml_text_open(struct xml_text *t, struct yt_str octets, struct yt_buf *room, size_t *offset, const char **why);
/* The octet that stands at an offset of utf8.  Quick when asked in rising order. */
size_t xml_text_offset(struct xml_text *t, size_t utf8);

#endif
