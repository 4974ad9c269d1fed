/* plugins/iso20022/schema.c - the official schemas, where the setting `schemas` names a folder of them.
 *
 * Compiled once, by libxml2 (all of them take a tenth of a second); what we write must keep to them before it leaves,
 * and what comes in before it is used.  They limit neither characters nor decimals and add nothing up: that is ours. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/parser.h>
#include <libxml/xmlschemas.h>

#include "iso.h"

#define SCHEMAS_MAX 32

struct iso_schemas {
	struct {
		char name[24];
		xmlSchema *schema;
	} of[SCHEMAS_MAX];
	size_t n;
};

static void no_words(void *ctx, const char *message, ...)
{
	(void)ctx, (void)message;
}

static xmlSchema *compile(const char *file)
{
	xmlDoc *doc = xmlReadFile(file, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	xmlSchemaParserCtxt *parser = doc != NULL ? xmlSchemaNewDocParserCtxt(doc) : NULL;
	xmlSchema *schema = NULL;

	if (parser != NULL) {
		xmlSchemaSetParserErrors(parser, no_words, no_words, NULL);
		schema = xmlSchemaParse(parser);
		xmlSchemaFreeParserCtxt(parser);
	}
	xmlFreeDoc(doc); /* the schema has its own copy */
	return schema;
}

static bool is_schema_name(const char *file)
{
	return strlen(file) == 19 && strcmp(file + 15, ".xsd") == 0 &&
	       (strncmp(file, "pain.", 5) == 0 || strncmp(file, "camt.", 5) == 0 || strncmp(file, "pacs.028.", 9) == 0);
}

static int add(struct iso_schemas *s, const char *folder, const char *file, char *why, size_t size)
{
	char path[4200];

	if (s->n == SCHEMAS_MAX) {
		snprintf(why, size, "schemas: more than %d schemas in the folder", SCHEMAS_MAX);
		return YT_ECONF;
	}
	snprintf(path, sizeof(path), "%.4000s/%.64s", folder, file);
	s->of[s->n].schema = compile(path);
	if (s->of[s->n].schema == NULL) {
		snprintf(why, size, "schemas: %.200s is no schema that can be used", file);
		return YT_ECONF;
	}
	snprintf(s->of[s->n++].name, sizeof(s->of[0].name), "%.15s", file);
	return 0;
}

static xmlSchema *find(const struct iso_schemas *s, const char *name)
{
	for (size_t i = 0; s != NULL && i < s->n; i++)
		if (strcmp(s->of[i].name, name) == 0)
			return s->of[i].schema;
	return NULL;
}

/* What we write must be checkable: a folder that lacks one of these would check nothing and say nothing. */
static int has_written(const struct iso_schemas *s, char edition, char *why, size_t size)
{
	const char *const musts[] = { edition == '9' ? "pain.001.001.09" : "pain.001.001.03", "camt.055.001.08",
		"pain.002.001.10", "pacs.028.001.03" };

	for (size_t i = 0; i < sizeof(musts) / sizeof(musts[0]); i++)
		if (find(s, musts[i]) == NULL) {
			snprintf(why, size, "schemas: the folder has no %s.xsd, which is written here", musts[i]);
			return YT_ECONF;
		}
	return 0;
}

int iso_schemas_open(struct iso_schemas **out, const char *folder, char edition, char *why, size_t size)
{
	struct iso_schemas *s = calloc(1, sizeof(*s));
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int rv = 0;

	if (s == NULL || dir == NULL) {
		snprintf(why, size, "schemas: the folder %.200s cannot be read", folder);
		rv = YT_ECONF;
	}
	while (rv == 0 && (entry = readdir(dir)) != NULL)
		if (is_schema_name(entry->d_name))
			rv = add(s, folder, entry->d_name, why, size);
	if (dir != NULL)
		closedir(dir);
	if (rv == 0)
		rv = has_written(s, edition, why, size);
	if (rv != 0) {
		iso_schemas_close(s);
		s = NULL;
	}
	*out = s;
	return rv;
}

void iso_schemas_close(struct iso_schemas *s)
{
	for (size_t i = 0; s != NULL && i < s->n; i++)
		xmlSchemaFree(s->of[i].schema);
	free(s);
}

/* -- checking ------------------------------------------------------------------------------------- */

struct finding {
	bool is_found;
	struct yt_fault *fault;
};

/* Names of the elements around a node, with the number of one that is repeated. */
static size_t print_path(const xmlNode *node, char *out, size_t size)
{
	unsigned before = 0, n = 0;
	size_t at;

	if (node == NULL || node->type != XML_ELEMENT_NODE)
		return 0;
	for (const xmlNode *p = node->prev; p != NULL; p = p->prev)
		before += p->type == XML_ELEMENT_NODE && xmlStrEqual(p->name, node->name);
	for (const xmlNode *p = node->next; p != NULL; p = p->next)
		n += p->type == XML_ELEMENT_NODE && xmlStrEqual(p->name, node->name);
	at = print_path(node->parent, out, size);
	if (at >= size)
		return at;
	at += (size_t)snprintf(out + at, size - at, "%s%s", at > 0 ? "/" : "", (const char *)node->name);
	if (before + n > 0 && at < size)
		at += (size_t)snprintf(out + at, size - at, "[%u]", before);
	return at;
}

/* The library's own text has the value in it, which may be a person's: the kind of breach is said in words of ours. */
static const char *words_of(int code)
{
	switch (code) {
	case XML_SCHEMAV_ELEMENT_CONTENT:
		return "does not keep to the schema: it is missing, not expected here, or lacks an element";
	case XML_SCHEMAV_CVC_ENUMERATION_VALID:
		return "does not keep to the schema: no such code";
	case XML_SCHEMAV_CVC_MAXLENGTH_VALID:
	case XML_SCHEMAV_CVC_MINLENGTH_VALID:
		return "does not keep to the schema: too long or too short";
	case XML_SCHEMAV_CVC_PATTERN_VALID:
	case XML_SCHEMAV_CVC_DATATYPE_VALID_1_2_1:
		return "does not keep to the schema: not of its form";
	default:
		return "does not keep to the schema";
	}
}

static void on_breach(void *ctx, xmlError *error)
{
	struct finding *f = ctx;

	if (f->is_found)
		return;
	f->is_found = true;
	f->fault->path[0] = '\0';
	(void)print_path(error->node, f->fault->path, sizeof(f->fault->path));
	snprintf(f->fault->why, sizeof(f->fault->why), "%s (line %d)", words_of(error->code), error->line);
}

/* Document, where a bank put an envelope around it. */
static xmlNode *document_in(xmlNode *node, unsigned deep)
{
	for (; node != NULL; node = node->next) {
		xmlNode *found;

		if (node->type != XML_ELEMENT_NODE)
			continue;
		if (xmlStrEqual(node->name, BAD_CAST "Document"))
			return node;
		found = deep > 0 ? document_in(node->children, deep - 1) : NULL;
		if (found != NULL)
			return found;
	}
	return NULL;
}

int iso_schemas_check(const struct iso_schemas *schemas, const char *name, struct yt_str octets, struct yt_fault *fault)
{
	struct finding finding = { false, fault };
	xmlSchema *schema = find(schemas, name);
	xmlSchemaValidCtxt *valid;
	xmlDoc *doc;
	int rv;

	if (schema == NULL)
		return 0;
	/* yt_xml_read() took these octets before: no DTD and no entities are in them. */
	doc = xmlReadMemory(octets.p, (int)octets.n, NULL, NULL,
	        XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_HUGE);
	valid = xmlSchemaNewValidCtxt(schema);
	if (doc == NULL || valid == NULL) {
		rv = doc == NULL ? iso_refuse(fault, "(document)", "", "cannot be read") : YT_ENOMEM;
	} else {
		xmlSchemaSetValidStructuredErrors(valid, on_breach, &finding);
		rv = xmlSchemaValidateOneElement(valid, document_in(xmlDocGetRootElement(doc), 2)) == 0 ? 0
		                                                                                        : YT_EFORMAT;
		if (rv != 0 && !finding.is_found)
			iso_refuse(fault, "(document)", "", "does not keep to the schema");
	}
	xmlSchemaFreeValidCtxt(valid);
	xmlFreeDoc(doc);
	return rv;
}
