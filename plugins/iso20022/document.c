/* plugins/iso20022/document.c - a document as a whole: which message it is, in which edition, and whether it keeps to
 * its schema.
 *
 * Decided by the namespace, never by a file's name.  Namespaces as they occur: with a prefix or without, in an envelope
 * of the bank's around Document, beside an AppHdr, with the marks of a national flavour behind the version. */
#include <stdio.h>
#include <string.h>

#include "iso.h"

int iso_refuse(struct yt_fault *fault, const char *path, const char *member, const char *why)
{
	snprintf(fault->path, sizeof(fault->path), "%.80s%s%.70s", path, member[0] != '\0' ? "." : "", member);
	snprintf(fault->why, sizeof(fault->why), "%.190s", why);
	return YT_EFORMAT;
}

struct yt_str iso_time(struct yt_arena *arena, int64_t wall_ms, struct yt_str time)
{
	char text[20];

	if (wall_ms == 0 && yt_time_parse(time, &wall_ms) != 0)
		wall_ms = 0;
	yt_time_print(wall_ms, text);
	text[10] = 'T';
	return yt_arena_printf(arena, "%s+08:00", text);
}

/* -- reading -------------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "pain.002.001.10" out of a namespace: four letters and three numbers. */
static bool take_name(struct yt_str space, char out[24])
{
	static const char *const families[] = { "pain.", "camt.", "pacs." };

	for (size_t i = 0; i + 15 <= space.n; i++)
		for (size_t f = 0; f < 3; f++) {
			const char *p = space.p + i;

			if (memcmp(p, families[f], 5) != 0 || p[8] != '.' || p[12] != '.')
				continue;
			if (!is_digit(p[5]) || !is_digit(p[6]) || !is_digit(p[7]) || !is_digit(p[9]) ||
			        !is_digit(p[10]) || !is_digit(p[11]) || !is_digit(p[13]) || !is_digit(p[14]))
				continue;
			snprintf(out, 24, "%.15s", p);
			return true;
		}
	return false;
}

/* Document, or the element whose child it is: banks put an envelope around it, with an AppHdr beside. */
static const struct yt_node *document_in(const struct yt_node *node, unsigned deep)
{
	if (yt_str_is(node->name, "Document"))
		return node;
	for (const struct yt_node *c = node->child; deep > 0 && c != NULL; c = c->next) {
		const struct yt_node *found = c->kind == YT_OBJECT ? document_in(c, deep - 1) : NULL;

		if (found != NULL)
			return found;
	}
	return NULL;
}

static const struct yt_node *only_element(const struct yt_node *node)
{
	const struct yt_node *found = NULL;

	for (const struct yt_node *c = node->child; c != NULL; c = c->next) {
		if (c->name.n > 0 && c->name.p[0] == '@')
			continue;
		if (found != NULL)
			return NULL;
		found = c;
	}
	return found;
}

/* In no edition's namespace there are two messages, and one root belongs to each. */
static const char *root_of(const char *wire)
{
	static const char *const roots[][2] = {
		{ "pain.001", "CstmrCdtTrfInitn" },
		{ "pain.002", "CstmrPmtStsRpt" },
		{ "camt.029", "RsltnOfInvstgtn" },
		{ "camt.052", "BkToCstmrAcctRpt" },
		{ "camt.053", "BkToCstmrStmt" },
		{ "camt.054", "BkToCstmrDbtCdtNtfctn" },
		{ "camt.055", "CstmrPmtCxlReq" },
		{ "pacs.028", "FIToFIPmtStsReq" },
	};

	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++)
		if (strcmp(roots[i][0], wire) == 0)
			return roots[i][1];
	return NULL;
}

static int find_root(struct iso_document *out, struct yt_fault *fault)
{
	const struct yt_node *document = document_in(out->xml.root, 2);
	struct yt_str space;
	const char *root;

	if (document == NULL)
		return iso_refuse(fault, "Document", "", "is missing");
	space = yt_xml_attr(document, "xmlns");
	if (space.p == NULL || !take_name(space, out->name))
		return iso_refuse(fault, "Document", "",
		        "has no namespace that ends with a message and its version, such as pain.002.001.10");
	snprintf(out->wire, sizeof(out->wire), "%.8s", out->name);
	out->is_official =
	        space.n == sizeof(ISO_NAMESPACE) - 1 + strlen(out->name) && yt_str_starts(space, ISO_NAMESPACE);
	root = root_of(out->wire);
	if (root == NULL)
		return iso_refuse(fault, "Document", "", "is a message that is not read here");
	out->root = only_element(document);
	if (out->root == NULL || !yt_str_is(out->root->name, root))
		return iso_refuse(fault, "Document", "", "has another element inside than its namespace says");
	return 0;
}

int iso_read(const struct iso *iso, struct yt_arena *arena, struct yt_str octets, bool is_ours,
        struct iso_document *out, struct yt_fault *fault)
{
	static const struct yt_xml_limits limits = { .octets = ISO_OCTETS_MAX, .depth = 24, .nodes = ISO_NODES_MAX };
	struct yt_xml_error err = { 0 };
	int rv;

	memset(out, 0, sizeof(*out));
	if (octets.n == 0)
		return iso_refuse(fault, "(document)", "", "is empty");
	rv = yt_xml_read(arena, octets, &limits, &out->xml, &err);
	if (rv == YT_ENOMEM)
		return rv;
	if (rv != 0) {
		iso_refuse(fault, err.path[0] != '\0' ? err.path : "(document)", "", "");
		snprintf(fault->why, sizeof(fault->why), "cannot be read: line %u column %u: %s", err.line, err.column,
		        err.why != NULL ? err.why : "");
		return rv;
	}
	rv = find_root(out, fault);
	if (rv == 0 && !is_ours && iso->checks_incoming && out->is_official)
		rv = iso_schemas_check(iso->schemas, out->name, octets, fault);
	return rv;
}

/* -- writing -------------------------------------------------------------------------------------- */

void iso_begin(struct iso_writing *doc, struct yt_arena *arena, const char *name, const char *root, struct yt_buf *out)
{
	char space[64];

	*doc = (struct iso_writing){ .out = out, .from = out->n, .name = name, .arena = arena };
	yt_xml_begin(&doc->w, out, YT_UTF8);
	yt_xml_declaration(&doc->w);
	yt_xml_start(&doc->w, "Document");
	snprintf(space, sizeof(space), "%s%s", ISO_NAMESPACE, name);
	yt_xml_attribute(&doc->w, "xmlns", yt_str(space));
	yt_xml_start(&doc->w, root);
}

int iso_end(const struct iso *iso, struct iso_writing *doc, struct yt_fault *fault)
{
	struct yt_xml_error err = { 0 };
	int rv;

	yt_xml_end(&doc->w);
	yt_xml_end(&doc->w);
	rv = yt_xml_done(&doc->w, &err);
	if (rv == YT_EFORMAT) {
		iso_refuse(fault, err.path, "", "");
		snprintf(fault->why, sizeof(fault->why), "cannot be written: %s U+%04X", err.why != NULL ? err.why : "",
		        err.code_point);
	}
	if (rv == 0 && doc->out->failed)
		rv = YT_ENOMEM;
	if (rv == 0)
		rv = iso_schemas_check(iso->schemas, doc->name,
		        (struct yt_str){ (const char *)doc->out->p + doc->from, doc->out->n - doc->from }, fault);
	if (rv != 0 && doc->out->n > doc->from)
		doc->out->n = doc->from;
	return rv;
}
