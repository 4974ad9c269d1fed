/* sandbox/bank_wire.c - what the faces of the bank share of XML, amounts, time and keys (bank.h). */
#include "bank.h"
#include "sm2.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

/* -- keys -- */

int bank_keys_read(struct bank_keys *keys, const char *own_path, const char *customer_path)
{
	keys->own = sm2_key_read(own_path, true);
	keys->customer = sm2_key_read(customer_path, false);
	if (keys->own != NULL && keys->customer != NULL)
		return 0;
	fprintf(stderr, "yitong-sandbox: %s is no SM2 %s key in PEM (certs/make makes it)\n",
	        keys->own == NULL ? own_path : customer_path, keys->own == NULL ? "private" : "public");
	bank_keys_free(keys);
	return -1;
}

void bank_keys_free(struct bank_keys *keys)
{
	EVP_PKEY_free(keys->own);
	EVP_PKEY_free(keys->customer);
	*keys = (struct bank_keys){ NULL };
}

/* -- reading XML -- */

static bool is_named(xmlNodePtr node, const char *name, size_t n)
{
	return node->type == XML_ELEMENT_NODE && strlen((const char *)node->name) == n &&
	       memcmp(node->name, name, n) == 0;
}

static xmlNodePtr child(xmlNodePtr node, const char *name, size_t n)
{
	for (xmlNodePtr c = node == NULL ? NULL : node->children; c != NULL; c = c->next)
		if (is_named(c, name, n))
			return c;
	return NULL;
}

xmlNodePtr bank_child(xmlNodePtr node, const char *name)
{
	return child(node, name, strlen(name));
}

xmlNodePtr bank_path(xmlNodePtr node, const char *path)
{
	while (node != NULL && *path != '\0') {
		size_t n = strcspn(path, "/");

		node = child(node, path, n);
		path += n + (path[n] == '/');
	}
	return node;
}

xmlNodePtr bank_next(xmlNodePtr node)
{
	const char *name = (const char *)node->name;

	for (xmlNodePtr c = node->next; c != NULL; c = c->next)
		if (is_named(c, name, strlen(name)))
			return c;
	return NULL;
}

const char *bank_text(xmlNodePtr node, const char *path, char *out, size_t size)
{
	xmlChar *text = xmlNodeGetContent(bank_path(node, path));

	text_format(out, size, "%s", text == NULL ? "" : (const char *)text);
	xmlFree(text);
	return out;
}

/* None of < / > ! ? can be part of a GB18030 character: the octets may be looked through as they are. */
const char *xml_refuse(const char *octets, size_t len, int depth)
{
	int level = 0;

	for (size_t i = 0; i + 1 < len; i++) {
		if (octets[i] == '/' && octets[i + 1] == '>')
			level--;
		if (octets[i] != '<' || octets[i + 1] == '?')
			continue;
		if (octets[i + 1] == '!')
			return "a DOCTYPE or a comment";
		level += octets[i + 1] == '/' ? -1 : 1;
		if (level > depth)
			return "too deep";
	}
	return NULL;
}

const char *bank_signed_part(const char *octets, size_t len, size_t *n)
{
	const char *from = memmem(octets, len, "<Head>", 6), *to = memmem(octets, len, "</Body>", 7);

	if (from == NULL || to == NULL || to < from)
		return NULL;
	*n = (size_t)(to - from) + 7;
	return from;
}

/* -- writing XML -- */

void xml_put(FILE *out, const char *name, const char *text)
{
	fprintf(out, "<%s>", name);
	for (; *text != '\0'; text++) {
		if (*text == '<')
			fputs("&lt;", out);
		else if (*text == '>')
			fputs("&gt;", out);
		else if (*text == '&')
			fputs("&amp;", out);
		else
			fputc(*text, out);
	}
	fprintf(out, "</%s>", name);
}

void xml_put_fen(FILE *out, const char *name, int64_t fen)
{
	char text[24];

	fen_text(fen, text);
	xml_put(out, name, text);
}

/* -- values -- */

bool bank_amount_read(const char *text, int64_t *fen)
{
	size_t n = strspn(text, "0123456789");

	if (n == 0 || n > 13 || (n > 1 && *text == '0') || text[n] != '.' || strlen(text + n) != 3)
		return false;
	return fen_parse(text, fen) == 0 && *fen > 0;
}

void bank_stamp(int64_t now_ms, char day[9], char time[7])
{
	char digits[18];

	time_digits(now_ms, digits);
	text_format(day, 9, "%.8s", digits);
	text_format(time, 7, "%.6s", digits + 8);
}

unsigned char *base64_octets(const char *text, size_t *len)
{
	size_t n = strlen(text);
	unsigned char *out = must(malloc(n / 4 * 3 + 4));
	int got = n % 4 != 0 ? -1 : EVP_DecodeBlock(out, (const unsigned char *)text, (int)n);

	if (got < 0) {
		free(out);
		return NULL;
	}
	*len = (size_t)got;
	while (n > 0 && text[n - 1] == '=' && *len > 0) {
		n--;
		--*len;
	}
	return out;
}
