/* core/format/xml_text.c - which encoding an XML document is in, before the parser sees it.
 *
 * libxml2 gets UTF-8 only and is told to believe no declaration: two programs that find different
 * encodings in one document read different documents. */
#include <string.h>

#include "format/utf8.h"
#include "format/xml_parts.h"

enum {
	DECLARATION_MAX = 256, /* octets up to ?>; ours takes 38 */
	/* Han characters from which on octets that are good UTF-8 are not believed to be GB18030.  A short GBK
	 * text can be UTF-8 by chance; twelve octets that are four Han characters in UTF-8 would, as GBK, be six
	 * characters, half of them outside of GB 2312. */
	HAN_ENOUGH = 4,
};

static bool starts(struct yt_str s, const char *octets, size_t n)
{
	return s.n >= n && memcmp(s.p, octets, n) == 0;
}

static struct yt_str without(struct yt_str s, size_t n)
{
	return (struct yt_str){ s.p + n, s.n - n };
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct yt_str skip_space(struct yt_str s)
{
	while (s.n > 0 && is_space(s.p[0]))
		s = without(s, 1);
	return s;
}

/* Takes ` name = "value"` off *rest; false when it does not stand there. */
static bool take(struct yt_str *rest, const char *name, struct yt_str *value)
{
	struct yt_str s = skip_space(*rest);
	const char *end;

	if (s.n == rest->n || !yt_str_starts(s, name))
		return false;
	s = skip_space(without(s, strlen(name)));
	if (s.n == 0 || s.p[0] != '=')
		return false;
	s = skip_space(without(s, 1));
	if (s.n == 0 || (s.p[0] != '"' && s.p[0] != '\''))
		return false;
	end = memchr(s.p + 1, s.p[0], s.n - 1);
	if (end == NULL)
		return false;
	*value = (struct yt_str){ s.p + 1, (size_t)(end - s.p) - 1 };
	*rest = without(s, value->n + 2);
	return true;
}

/* Reads the declaration at the beginning of body; label is empty when it names no encoding. */
static const char *read_declaration(struct yt_str body, struct yt_str *label)
{
	struct yt_str rest, value;
	const char *end;

	*label = (struct yt_str){ NULL, 0 };
	if (!yt_str_starts(body, "<?xml") || body.n < 6 || !is_space(body.p[5]))
		return NULL;
	end = memmem(body.p, body.n < DECLARATION_MAX ? body.n : DECLARATION_MAX, "?>", 2);
	if (end == NULL)
		return "the XML declaration has no end within 256 octets";
	rest = without((struct yt_str){ body.p, (size_t)(end - body.p) }, 5);
	if (!take(&rest, "version", &value))
		return "the XML declaration does not begin with a version";
	if (!yt_str_is(value, "1.0"))
		return "the XML version is not 1.0";
	if (take(&rest, "encoding", label) && label->n == 0)
		return "the encoding in the XML declaration is empty";
	if (take(&rest, "standalone", &value) && !yt_str_is(value, "yes") && !yt_str_is(value, "no"))
		return "standalone in the XML declaration is neither yes nor no";
	return skip_space(rest).n == 0 ? NULL : "the XML declaration holds what does not belong there";
}

/* Whether octets are UTF-8 and hold enough Han characters for that not to be chance. */
static bool is_surely_utf8(struct yt_str octets)
{
	const uint8_t *p = (const uint8_t *)octets.p, *end = p + octets.n;
	unsigned n_han = 0;

	if (yt_utf8_check(octets, NULL) != 0)
		return false;
	while (p < end) {
		uint32_t code = utf8_next(&p);

		n_han += code >= 0x4e00 && code <= 0x9fff;
	}
	return n_han >= HAN_ENOUGH;
}

/* The charset by mark and declaration; what they contradict each other in is refused. */
static const char *find_charset(struct xml_text *t, size_t *offset)
{
	const char *nul = memchr(t->octets.p, 0, t->octets.n);
	bool has_utf8_mark = starts(t->octets, "\xef\xbb\xbf", 3),
	     has_gb_mark = starts(t->octets, "\x84\x31\x95\x33", 4);
	struct yt_str label;
	const char *why;

	if (nul != NULL || starts(t->octets, "\xfe\xff", 2) || starts(t->octets, "\xff\xfe", 2)) {
		*offset = nul != NULL ? (size_t)(nul - t->octets.p) : 0;
		return "a NUL, or UTF-16 or UTF-32: only UTF-8 and GB18030 are read";
	}
	t->skipped = has_utf8_mark ? 3 : has_gb_mark ? 4 : 0;
	why = read_declaration(without(t->octets, t->skipped), &label);
	if (why != NULL)
		return why;
	t->is_declared = label.n > 0;
	t->charset = has_gb_mark ? YT_GB18030 : YT_UTF8;
	if (t->is_declared && yt_charset_of(label, &t->charset) != 0)
		return "the encoding in the XML declaration is not read: UTF-8 and GB18030 are (GBK and GB2312 as GB18030)";
	if ((has_utf8_mark && t->charset != YT_UTF8) || (has_gb_mark && t->charset != YT_GB18030))
		return "the byte-order mark contradicts the XML declaration";
	return NULL;
}

static int to_utf8(struct xml_text *t, struct yt_buf *room, size_t *offset, const char **why)
{
	struct yt_str body = without(t->octets, t->skipped);
	struct yt_charset_error error = { 0 };
	int rv;

	if (t->charset == YT_UTF8) {
		t->utf8 = body;
		rv = yt_utf8_check(body, &error);
		*why = t->is_declared ? "the octets are not UTF-8, as the XML declaration says"
		                      : "the octets are not UTF-8, and no XML declaration says otherwise";
	} else {
		yt_buf_clear(room);
		rv = yt_gb18030_to_utf8(body, room, &error);
		t->utf8 = yt_buf_view(room);
		*why = "the octets are not GB18030, as the XML declaration says";
		if (rv == 0 && is_surely_utf8(body)) {
			*why = "the octets are UTF-8, but the XML declaration says GB18030";
			rv = YT_EFORMAT;
		}
	}
	*offset = t->skipped + error.offset;
	if (rv == 0 && starts(t->utf8, "\xef\xbb\xbf", 3)) {
		*why = "two byte-order marks";
		rv = YT_EFORMAT;
	}
	return rv;
}

int xml_text_open(struct xml_text *t, struct yt_str octets, struct yt_buf *room, size_t *offset, const char **why)
{
	*t = (struct xml_text){ .octets = octets };
	*offset = 0;
	*why = octets.n == 0 ? NULL : find_charset(t, offset);
	if (*why == NULL && octets.n == t->skipped)
		*why = "there is nothing to read";
	if (*why != NULL)
		return YT_EFORMAT;
	t->at_octet = t->skipped;
	return to_utf8(t, room, offset, why);
}

/* One character of GB18030 is one of UTF-8, so both are walked together. */
size_t xml_text_offset(struct xml_text *t, size_t utf8)
{
	if (t->charset == YT_UTF8)
		return t->skipped + utf8;
	if (utf8 < t->at_utf8) {
		t->at_utf8 = 0;
		t->at_octet = t->skipped;
	}
	while (t->at_utf8 < utf8 && t->at_octet < t->octets.n) {
		const uint8_t *to = (const uint8_t *)t->utf8.p + t->at_utf8,
		              *from = (const uint8_t *)t->octets.p + t->at_octet;

		t->at_utf8 += to[0] < 0x80 ? 1 : to[0] < 0xe0 ? 2 : to[0] < 0xf0 ? 3 : 4;
		t->at_octet += from[0] < 0x80 ? 1 : from[1] >= '0' && from[1] <= '9' ? 4 : 2;
	}
	return t->at_octet;
}
