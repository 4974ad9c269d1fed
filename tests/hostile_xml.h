/* tests/hostile_xml.h - documents that no XML reader of ours may take: one mistake or one attack each.
 *
 * The mistakes are those that the W3C's conformance suite tells apart, in rows of our own; the attacks are what
 * XML gateways have been broken with.  A row is put into a slot of an otherwise good document, so it can stand in a
 * test's own small one and in a signed message between provinces alike.  @FILE@ stands for the path of a file that must
 * not be opened, @PORT@ for a port that must not be called. */
#ifndef HOSTILE_XML_H
#define HOSTILE_XML_H

#include <stddef.h>

enum hostile_slot {
	HOSTILE_BEGIN,   /* instead of the XML declaration */
	HOSTILE_PROLOG,  /* between declaration and root */
	HOSTILE_ATTR,    /* inside the root's start tag, behind its name and what it has */
	HOSTILE_CONTENT, /* in the text of an element */
	HOSTILE_END,     /* behind the root */
	HOSTILE_SLOTS
};

struct hostile_xml {
	const char *it; /* completes "refuses ..." */
	const char *octets;
	size_t n;
	enum hostile_slot slot;
};

extern const struct hostile_xml hostile_xml[];
extern const size_t n_hostile_xml;

#endif
