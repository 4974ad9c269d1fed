/* sandbox/hub_wire.c - cross-province messages between octets and meaning: envelope, digest, SM2 (hub.h). */
#include "hub.h"
#include "sm2.h"
#include "text.h"

#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- keys -- */

struct hub_keys {
	char folder[400];
};

struct hub_keys *hub_keys_open(const char *folder)
{
	struct hub_keys *keys = must(calloc(1, sizeof(*keys)));

	text_format(keys->folder, sizeof(keys->folder), "%s", folder);
	return keys;
}

void hub_keys_close(struct hub_keys *keys)
{
	free(keys);
}

static EVP_PKEY *key_of(const struct hub_keys *keys, const char *area, bool is_private)
{
	char path[500];

	text_format(path, sizeof(path), "%s/%s.%s", keys->folder, area, is_private ? "key" : "pub");
	return sm2_key_read(path, is_private);
}

void sm3_hex(const char *octets, size_t len, char out[65])
{
	unsigned char digest[32];
	unsigned n = 0;

	EVP_Digest(octets, len, digest, &n, EVP_sm3(), NULL);
	for (size_t i = 0; i < 32; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

char *base64_text(const char *octets, size_t len)
{
	char *out = must(malloc(4 * (len / 3 + 1) + 1));

	EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)octets, (int)len);
	return out;
}

/* -- reading -- */

xmlNodePtr hub_child(xmlNodePtr node, const char *name)
{
	for (xmlNodePtr c = node == NULL ? NULL : node->children; c != NULL; c = c->next)
		if (c->type == XML_ELEMENT_NODE && strcmp((const char *)c->name, name) == 0)
			return c;
	return NULL;
}

const char *hub_text(xmlNodePtr node, const char *name, char *out, size_t size)
{
	xmlChar *text = xmlNodeGetContent(hub_child(node, name));

	text_format(out, size, "%s", text == NULL ? "" : (const char *)text);
	xmlFree(text);
	return out;
}

int64_t hub_fen(xmlNodePtr node, const char *name)
{
	char text[40];
	int64_t fen = 0;

	fen_parse(hub_text(node, name, text, sizeof(text)), &fen);
	return fen;
}

void hub_message_free(struct hub_message *message)
{
	if (message->doc != NULL)
		xmlFreeDoc(message->doc);
	memset(message, 0, sizeof(*message));
}

static void signed_text(char *out, size_t size, const struct hub_message *m)
{
	text_format(out, size, "1.0|%s|%s|%s|%s|%s|%s|%s|%s|%s|%d|%s|%s", m->transno, m->msgtype, m->transid,
	        m->reftransid, m->sender, m->recver, m->aab299, m->aab301, m->sendtime, m->expire_s, m->keyid,
	        m->digest);
}

const char *xml_raw_part(const char *octets, size_t len, const char *name, size_t *n)
{
	char begin[12], end[12];
	const char *from, *to = NULL, *next = octets;

	text_format(begin, sizeof(begin), "<%s", name);
	text_format(end, sizeof(end), "</%s>", name);
	from = memmem(octets, len, begin, strlen(begin));
	while ((next = memmem(next, len - (size_t)(next - octets), end, strlen(end))) != NULL)
		to = next++;
	if (from == NULL || to == NULL || to < from)
		return NULL;
	*n = (size_t)(to - from) + strlen(end);
	return from;
}

static int head_read(xmlNodePtr head, struct hub_message *m)
{
	char expire[8];

	hub_text(head, "transno", m->transno, sizeof(m->transno));
	hub_text(head, "msgtype", m->msgtype, sizeof(m->msgtype));
	hub_text(head, "transid", m->transid, sizeof(m->transid));
	hub_text(head, "reftransid", m->reftransid, sizeof(m->reftransid));
	hub_text(head, "sender", m->sender, sizeof(m->sender));
	hub_text(head, "recver", m->recver, sizeof(m->recver));
	hub_text(head, "aab299", m->aab299, sizeof(m->aab299));
	hub_text(head, "aab301", m->aab301, sizeof(m->aab301));
	hub_text(head, "sendtime", m->sendtime, sizeof(m->sendtime));
	hub_text(head, "keyid", m->keyid, sizeof(m->keyid));
	hub_text(head, "digest", m->digest, sizeof(m->digest));
	m->expire_s = atoi(hub_text(head, "expire", expire, sizeof(expire)));
	return strlen(m->transid) != 30 || strncmp(m->transid, m->sender, 6) != 0 || strlen(m->aab301) != 6 ||
	       strlen(m->recver) != 6 || m->expire_s < 1 || m->expire_s > 3600 || strlen(m->sendtime) != 14;
}

int hub_read(struct hub_keys *keys, const char *octets, size_t len, struct hub_message *m, const char **why)
{
	char digest[65], text[600], base64[100];
	const char *raw, *part;
	xmlNodePtr root, head;
	EVP_PKEY *key;
	size_t n = 0;
	bool right;

	memset(m, 0, sizeof(*m));
	m->doc = xmlReadMemory(octets, (int)len, NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	*why = "not well-formed";
	if (m->doc == NULL || m->doc->intSubset != NULL)
		return -1001;
	root = xmlDocGetRootElement(m->doc);
	head = hub_child(root, "head");
	m->is_gb18030 = m->doc->encoding != NULL && strncasecmp((const char *)m->doc->encoding, "GB", 2) == 0;
	*why = "the head breaks the schema";
	if (head == NULL || head_read(head, m) != 0)
		return -1002;
	*why = "unknown key";
	key = key_of(keys, m->sender, false);
	if (key == NULL)
		return -1004;
	signed_text(text, sizeof(text), m);
	right = sm2_is_right(key, text, strlen(text), hub_text(head, "sign", base64, sizeof(base64)));
	EVP_PKEY_free(key);
	*why = "wrong signature";
	if (!right)
		return -1004;
	part = strcmp(m->msgtype, "Q") == 0 || strcmp(m->msgtype, "N") == 0 ? "input" : "result";
	raw = xml_raw_part(octets, len, part, &n);
	*why = "wrong digest";
	if (raw == NULL)
		return -1003;
	sm3_hex(raw, n, digest);
	if (strcmp(digest, m->digest) != 0)
		return -1003;
	m->input = hub_child(root, part);
	*why = "no body";
	return m->input == NULL ? -1002 : 0;
}

/* -- writing -- */

void hub_result_free(struct hub_result *result)
{
	free(result->message);
	free(result->output);
	memset(result, 0, sizeof(*result));
}

static char *in_charset(const char *text, bool is_gb18030, size_t *len)
{
	if (is_gb18030)
		return text_to_gb18030(text, len);
	*len = strlen(text);
	return text_copy(text);
}

static char *result_text(const struct hub_result *result, bool is_repeat)
{
	size_t n;
	char *text;
	FILE *out = open_memstream(&text, &n);

	fprintf(out, "<result><errorcode>%d</errorcode>", result->code);
	if (result->message != NULL)
		fprintf(out, "<errormsg>%s</errormsg>", result->message);
	fprintf(out, "<dupflag>%d</dupflag>%s</result>", is_repeat, result->output == NULL ? "" : result->output);
	fclose(out);
	return text;
}

/* The document around a body that is there in octets: sets time, key, digest and signature of m. */
static char *envelope(
        struct hub_keys *keys, struct hub_message *m, const char *body, size_t body_len, int64_t now_ms, size_t *len)
{
	char signed_over[600], time[18], reference[64] = "", *text, *whole, *base64, *out;
	size_t head_len;
	EVP_PKEY *key;

	time_digits(now_ms, time);
	text_format(m->sendtime, sizeof(m->sendtime), "%.14s", time);
	text_format(m->keyid, sizeof(m->keyid), "%s-2026A", m->sender);
	sm3_hex(body, body_len, m->digest);
	signed_text(signed_over, sizeof(signed_over), m);
	key = key_of(keys, m->sender, true);
	base64 = key == NULL ? text_copy("") : sm2_sign(key, signed_over, strlen(signed_over));
	EVP_PKEY_free(key);
	if (m->reftransid[0] != '\0')
		text_format(reference, sizeof(reference), "<reftransid>%s</reftransid>", m->reftransid);
	text = must(malloc(2000));
	text_format(text, 2000,
	        "<?xml version=\"1.0\" encoding=\"%s\"?>\n<ksbw ver=\"1.0\"><head><transno>%s</transno><msgtype>%s</msgtype>"
	        "<transid>%s</transid>%s<sender>%s</sender><recver>%s</recver><aab299>%s</aab299><aab301>%s</aab301>"
	        "<sendtime>%s</sendtime><expire>%d</expire><keyid>%s</keyid><digest>%s</digest><sign>%s</sign></head>",
	        m->is_gb18030 ? "GB18030" : "UTF-8", m->transno, m->msgtype, m->transid, reference, m->sender,
	        m->recver, m->aab299, m->aab301, m->sendtime, m->expire_s, m->keyid, m->digest, base64);
	free(base64);
	whole = in_charset(text, m->is_gb18030, &head_len);
	free(text);
	out = must(malloc(head_len + body_len + 8));
	memcpy(out, whole, head_len);
	memcpy(out + head_len, body, body_len);
	memcpy(out + head_len + body_len, "</ksbw>", 8);
	*len = head_len + body_len + 7;
	free(whole);
	return out;
}

char *hub_answer(struct hub_keys *keys, const struct hub_message *asked, const struct hub_result *result,
        bool is_repeat, uint64_t serial, int64_t now_ms, size_t *len, char digest[65], char **result_octets,
        size_t *result_len)
{
	struct hub_message m = *asked;
	char *text = result_text(result, is_repeat), *body, *out, time[18];
	size_t body_len;

	body = in_charset(text, asked->is_gb18030, &body_len);
	free(text);
	time_digits(now_ms, time);
	text_format(m.msgtype, sizeof(m.msgtype), "%s", asked->msgtype[0] == 'N' ? "K" : "A");
	text_format(m.sender, sizeof(m.sender), "%s", asked->recver);
	text_format(m.recver, sizeof(m.recver), "%s", asked->sender);
	text_format(m.reftransid, sizeof(m.reftransid), "%s", asked->transid);
	text_format(m.transid, sizeof(m.transid), "%s%.14s%010llu", m.sender, time,
	        (unsigned long long)(serial % 10000000000u));
	m.expire_s = 30;
	out = envelope(keys, &m, body, body_len, now_ms, len);
	memcpy(digest, m.digest, 65);
	if (result_octets != NULL) {
		*result_octets = body;
		*result_len = body_len;
	} else {
		free(body);
	}
	return out;
}

char *hub_request(struct hub_keys *keys, struct hub_message *m, const char *input, int64_t now_ms, size_t *len)
{
	size_t body_len;
	char *body = in_charset(input, m->is_gb18030, &body_len), *out = envelope(keys, m, body, body_len, now_ms, len);

	free(body);
	return out;
}
