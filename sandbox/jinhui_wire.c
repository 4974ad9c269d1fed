/* sandbox/jinhui_wire.c - a document of 金惠保 between octets and meaning: envelope, digest, SM2 (insurer.md 7.2). */
#include "hub.h"
#include "jinhui.h"
#include "sm2.h"
#include "text.h"

#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* -- reading -- */

static bool has_attribute(const xmlNode *node)
{
	if (node->type == XML_ELEMENT_NODE && (node->properties != NULL || node->nsDef != NULL || node->ns != NULL))
		return true;
	for (const xmlNode *c = node->children; c != NULL; c = c->next)
		if (c->type == XML_ELEMENT_NODE && has_attribute(c))
			return true;
	return false;
}

/* What stands in HEAD, cut to the length it may have. */
static void head_read(xmlNodePtr head, struct jinhui_message *m)
{
	hub_text(head, "TRANS_CODE", m->code, sizeof(m->code));
	hub_text(head, "PARTNER_NO", m->partner, sizeof(m->partner));
	hub_text(head, "TRANS_NO", m->number, sizeof(m->number));
	hub_text(head, "TRANS_TIME", m->time, sizeof(m->time));
	hub_text(head, "DIGEST", m->digest, sizeof(m->digest));
}

static bool head_check(xmlNodePtr head, struct insurer_refusal *refusal)
{
	static const struct {
		const char *name;
		size_t from, to;
	} members[] = { { "VERSION", 3, 3 }, { "TRANS_CODE", 6, 6 }, { "PARTNER_NO", 1, 8 }, { "TRANS_NO", 1, 24 },
		{ "TRANS_TIME", 14, 14 }, { "DIGEST", 64, 64 }, { "SIGN", 1, 120 } };
	char text[200];

	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		size_t n = strlen(hub_text(head, members[i].name, text, sizeof(text)));

		if (n < members[i].from || n > members[i].to)
			return insurer_refuse(refusal, "B1001", members[i].name, "has not the length it must have");
	}
	return strcmp(hub_text(head, "VERSION", text, sizeof(text)), "2.0") == 0 ||
	       insurer_refuse(refusal, "B1001", "VERSION", "is not 2.0");
}

static bool signature_check(const struct jinhui *jinhui, xmlNodePtr head, const char *octets, size_t len,
        const struct jinhui_message *m, struct insurer_refusal *refusal)
{
	char digest[65], base64[200];
	size_t n_raw = 0;
	const char *raw = xml_raw_part(octets, len, "BODY", &n_raw);

	sm3_hex(raw == NULL ? "" : raw, n_raw, digest);
	if (strcmp(digest, m->digest) != 0)
		return insurer_refuse(refusal, "1002", "DIGEST", "is not the SM3 of BODY");
	return sm2_der_is_right(jinhui->partner, m->digest, 64, hub_text(head, "SIGN", base64, sizeof(base64))) ||
	       insurer_refuse(refusal, "1003", "SIGN", "is not the partner's signature of DIGEST");
}

/* TRANS_TIME in ms since 1970; -1: it is none. */
static int64_t time_read(const char *text)
{
	struct tm tm = { 0 };

	if (strlen(text) != 14 || strspn(text, "0123456789") != 14 ||
	        sscanf(text, "%4d%2d%2d%2d%2d%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
	                &tm.tm_sec) != 6)
		return -1;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	return ((int64_t)timegm(&tm) - 8 * 3600) * 1000;
}

static bool document_read(
        const char *octets, size_t len, struct jinhui_message *m, xmlNodePtr *head, struct insurer_refusal *refusal)
{
	xmlNodePtr root;

	m->doc = xmlReadMemory(octets, (int)len, NULL, NULL,
	        XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_HUGE);
	if (m->doc == NULL || m->doc->intSubset != NULL)
		return insurer_refuse(refusal, "1001", "", "the document cannot be read, or has a DOCTYPE");
	root = xmlDocGetRootElement(m->doc);
	*head = hub_child(root, "HEAD");
	m->body = hub_child(root, "BODY");
	if (*head == NULL || m->body == NULL || strcmp((const char *)root->name, "JHB") != 0)
		return insurer_refuse(refusal, "1001", "", "the document is not JHB with HEAD and BODY in it");
	head_read(*head, m);
	if (m->doc->encoding == NULL || strcasecmp((const char *)m->doc->encoding, "GB18030") != 0)
		return insurer_refuse(refusal, "1001", "", "the document is not declared to be in GB18030");
	return !has_attribute(root) || insurer_refuse(refusal, "1001", "", "there is an attribute or a namespace");
}

bool jinhui_read(const struct jinhui *jinhui, const char *octets, size_t len, int64_t now_ms, struct jinhui_message *m,
        struct insurer_refusal *refusal)
{
	xmlNodePtr head = NULL;
	int64_t off_ms;

	memset(m, 0, sizeof(*m));
	if (!document_read(octets, len, m, &head, refusal) || !head_check(head, refusal))
		return false;
	if (strcmp(m->partner, jinhui->options->app_id) != 0)
		return insurer_refuse(refusal, "A0004", "PARTNER_NO", "is not known here");
	if (!signature_check(jinhui, head, octets, len, m, refusal))
		return false;
	off_ms = time_read(m->time) - now_ms;
	if (off_ms > JINHUI_WINDOW_MS || off_ms < -JINHUI_WINDOW_MS)
		return insurer_refuse(refusal, "A0002", "TRANS_TIME", "is more than 600 s from our clock");
	if (jinhui_form(m->code) == JINHUI_FORMS)
		return insurer_refuse(refusal, "1007", "TRANS_CODE", "is no transaction of this profile");
	return true;
}

void jinhui_message_free(struct jinhui_message *message)
{
	if (message->doc != NULL)
		xmlFreeDoc(message->doc);
	memset(message, 0, sizeof(*message));
}

/* -- writing -- */

char *jinhui_answer(const struct jinhui *jinhui, const struct jinhui_message *asked, const char *code, const char *text,
        const char *body, int64_t now_ms, size_t *len)
{
	char *whole, *octets, *head, *head_octets, *signature, digest[65], time[18], *out;
	size_t n_body, n_head;

	if (asprintf(&whole, "<BODY>%s</BODY>", body) < 0)
		whole = must(NULL);
	octets = text_to_gb18030(whole, &n_body);
	free(whole);
	sm3_hex(octets, n_body, digest);
	signature = sm2_sign_der(jinhui->own, digest, 64);
	time_digits(now_ms, time);
	if (asprintf(&head,
	            "<?xml version=\"1.0\" encoding=\"GB18030\"?><JHB><HEAD><VERSION>2.0</VERSION><TRANS_CODE>%s</TRANS_CODE>"
	            "<PARTNER_NO>%s</PARTNER_NO><TRANS_NO>%s</TRANS_NO><TRANS_TIME>%.14s</TRANS_TIME><RES_CODE>%s</RES_CODE>"
	            "<RES_MSG>%s%s</RES_MSG><DIGEST>%s</DIGEST><SIGN>%s</SIGN></HEAD>",
	            asked->code[0] == '\0' ? "JH0000" : asked->code, jinhui->options->app_id,
	            asked->number[0] == '\0' ? "0" : asked->number, time, code, text,
	            jinhui->is_beyond_gbk ? "（𠮷㐀）" : "", digest, signature) < 0)
		head = must(NULL);
	free(signature);
	head_octets = text_to_gb18030(head, &n_head);
	free(head);
	*len = n_head + n_body + 6;
	out = must(malloc(*len + 1));
	memcpy(out, head_octets, n_head);
	memcpy(out + n_head, octets, n_body);
	memcpy(out + n_head + n_body, "</JHB>", 7);
	free(head_octets);
	free(octets);
	return out;
}
