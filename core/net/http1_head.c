/* core/net/http1_head.c - what the lines of an HTTP/1.1 head mean: start lines, fields, and how long the body is.
 *
 * http1.c finds the lines and hands them over one by one; here they are held to RFC 9112 and 9110, and whatever two
 * readers could understand differently is refused.  Also the words that who writes HTTP needs. */
#include "net/http1_parts.h"

#include <string.h>
#include <strings.h>

enum { SKIPPED_MAX = 8 /* interim responses before the real one */ };

const uint8_t http1_classes[128] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0,                /* 00 */
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,                /* 10 */
	1, 7, 1, 3, 7, 7, 7, 7, 5, 5, 7, 7, 5, 15, 15, 5,              /* 20 */
	31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 5, 5, 1, 5, 1, 5,      /* 30 */
	5, 31, 31, 31, 31, 31, 31, 15, 15, 15, 15, 15, 15, 15, 15, 15, /* 40 */
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 1, 1, 1, 3, 15,    /* 50 */
	3, 31, 31, 31, 31, 31, 31, 15, 15, 15, 15, 15, 15, 15, 15, 15, /* 60 */
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 1, 3, 1, 7, 0,     /* 70 */
};

static bool all(const uint8_t *p, size_t n, unsigned set)
{
	for (size_t i = 0; i < n; i++) {
		if (!http1_is(p[i], set))
			return false;
	}
	return true;
}

static bool is_word(struct yt_str s, const char *word)
{
	return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

bool http1_is_like(struct yt_str name, const char *word)
{
	for (size_t i = 0; i < name.n; i++) {
		uint8_t c = (uint8_t)name.p[i];

		if (c == '%' && name.n - i > 2 && http1_is((uint8_t)name.p[i + 1], C_HEX) &&
		        http1_is((uint8_t)name.p[i + 2], C_HEX)) {
			c = (uint8_t)(http1_hex((uint8_t)name.p[i + 1]) * 16 + http1_hex((uint8_t)name.p[i + 2]));
			i += 2;
		}
		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		if ((c < 'a' || c > 'z') && (c < '0' || c > '9'))
			continue;
		if (c != (uint8_t)*word++)
			return false;
	}
	return *word == '\0';
}

static void span_set(struct http1 *h, size_t i, const uint8_t *p, size_t n)
{
	h->spans[i] = (struct http1_span){ (uint32_t)(p - h->p), (uint32_t)n };
}

/* ---- start lines ---- */

static bool is_version(struct http1 *h, const uint8_t *p, size_t n)
{
	if (n == 8 && memcmp(p, "HTTP/1.1", 8) == 0)
		return true;
	if (n == 8 && memcmp(p, "HTTP/1.0", 8) == 0) {
		h->is_http10 = true;
		h->keep_alive = false;
		return true;
	}
	if (n == 8 && memcmp(p, "HTTP/", 5) == 0 && p[5] >= '0' && p[5] <= '9' && p[6] == '.' && p[7] >= '0' &&
	        p[7] <= '9')
		http1_refuse(h, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
	else
		http1_refuse(h, 400, "malformed HTTP version");
	return false;
}

static bool escapes_are_whole(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] != '%')
			continue;
		if (n - i < 3 || !http1_is(p[i + 1], C_HEX) || !http1_is(p[i + 2], C_HEX))
			return false;
		i += 2;
	}
	return true;
}

/* Splits absolute-form into authority, checked against Host later, and the rest. */
static bool take_target(struct http1 *h, const uint8_t *p, size_t n)
{
	size_t skip = 0, authority;

	if (!all(p, n, C_TARGET) || !escapes_are_whole(p, n))
		return false;
	if (n > 7 && strncasecmp((const char *)p, "http://", 7) == 0)
		skip = 7;
	else if (n > 8 && strncasecmp((const char *)p, "https://", 8) == 0)
		skip = 8;
	if (skip > 0) {
		for (authority = skip; authority < n && p[authority] != '/'; authority++) {
			if (p[authority] == '?' || p[authority] == '@')
				return false; /* no path before the query; user names in an authority */
		}
		if (authority == skip || authority == n)
			return false;
		h->authority = (struct yt_str){ NULL, authority - skip };
		h->authority.p = (const char *)p + skip;
		p += authority;
		n -= authority;
	}
	if (p[0] != '/' && !(n == 1 && p[0] == '*' && is_word(http1_spanned(h, SPAN_METHOD), "OPTIONS")))
		return false;
	span_set(h, SPAN_TARGET, p, n);
	return true;
}

void http1_take_request_line(struct http1 *h, struct yt_str line)
{
	const uint8_t *p = (const uint8_t *)line.p, *end = p + line.n, *sp1, *sp2;

	if (line.n == 0 && !h->blank_seen) {
		h->blank_seen = true; /* RFC 9112 2.2: at least one empty line before it is to be ignored */
		return;
	}
	sp1 = memchr(p, ' ', line.n);
	sp2 = sp1 != NULL ? memchr(sp1 + 1, ' ', (size_t)(end - sp1 - 1)) : NULL;
	if (sp2 == NULL || sp1 == p || sp2 == sp1 + 1 || !all(p, (size_t)(sp1 - p), C_TOKEN)) {
		http1_refuse(h, 400, "malformed request line");
		return;
	}
	if (!is_version(h, sp2 + 1, (size_t)(end - sp2 - 1)))
		return;
	span_set(h, SPAN_METHOD, p, (size_t)(sp1 - p));
	if (sp1 - p > 32 || is_word(http1_spanned(h, SPAN_METHOD), "CONNECT"))
		http1_refuse(h, 501, "method is not supported");
	else if (!take_target(h, sp1 + 1, (size_t)(sp2 - sp1 - 1)))
		http1_refuse(h, 400, "malformed request target");
	else
		h->state = FIELDS;
}

void http1_take_status_line(struct http1 *h, struct yt_str line)
{
	const uint8_t *p = (const uint8_t *)line.p;

	if (line.n < 12 || p[8] != ' ' || !is_version(h, p, 8)) {
		http1_refuse(h, 502, "malformed status line");
		return;
	}
	for (size_t i = 9; i < 12; i++) {
		if (p[i] < '0' || p[i] > '9') {
			http1_refuse(h, 502, "malformed status line");
			return;
		}
		h->status = h->status * 10 + (p[i] - '0');
	}
	if (h->status < 100 || h->status > 599 || (line.n > 12 && p[12] != ' ') || !all(p + 12, line.n - 12, C_VALUE))
		http1_refuse(h, 502, "malformed status line");
	else
		h->state = FIELDS;
}

/* ---- fields ---- */

bool http1_split_field(struct yt_str line, struct yt_str *name, struct yt_str *value)
{
	const char *colon = memchr(line.p, ':', line.n), *end = line.p + line.n, *p;

	if (colon == NULL || colon == line.p)
		return false;
	*name = (struct yt_str){ line.p, (size_t)(colon - line.p) };
	for (p = colon + 1; p < end && (*p == ' ' || *p == '\t'); p++)
		;
	while (end > p && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*value = (struct yt_str){ p, (size_t)(end - p) };
	return all((const uint8_t *)name->p, name->n, C_TOKEN) && all((const uint8_t *)p, value->n, C_VALUE);
}

static void field_length(struct http1 *h, struct yt_str value)
{
	if (h->has_length)
		http1_refuse(h, 400, "more than one Content-Length");
	else if (value.n == 0 || value.n > 18 || (value.n > 1 && value.p[0] == '0'))
		http1_refuse(h, 400, "malformed Content-Length");
	h->has_length = true;
	h->length = 0;
	for (size_t i = 0; i < value.n && h->state != REFUSED; i++) {
		if (value.p[i] < '0' || value.p[i] > '9')
			http1_refuse(h, 400, "malformed Content-Length");
		h->length = h->length * 10 + (uint64_t)(value.p[i] - '0');
	}
}

static void field_encoding(struct http1 *h, struct yt_str value)
{
	if (h->has_encoding)
		http1_refuse(h, 400, "more than one Transfer-Encoding");
	else if (!is_word(value, "chunked"))
		http1_refuse(h, http1_is_token(value) ? 501 : 400, "Transfer-Encoding is not exactly chunked");
	h->has_encoding = h->is_chunked = true;
}

/* uri-host [":" port] of RFC 9110 7.2: a name, an IPv4 address or a bracketed IPv6 address. */
static bool is_host(struct yt_str s)
{
	const uint8_t *p = (const uint8_t *)s.p;
	size_t i = 0, digits;

	if (s.n > 0 && p[0] == '[') {
		for (i = 1; i < s.n && (http1_is(p[i], C_HEX) || p[i] == ':' || p[i] == '.'); i++)
			;
		if (i < 3 || i >= s.n || p[i] != ']')
			return false;
		i++;
	} else {
		while (i < s.n && http1_is(p[i], C_HOST))
			i++;
	}
	if (i == 0 || i > 255)
		return false;
	if (i == s.n)
		return true;
	if (p[i] != ':')
		return false;
	for (digits = 0, i++; i < s.n && p[i] >= '0' && p[i] <= '9'; i++)
		digits++;
	return i == s.n && digits >= 1 && digits <= 5;
}

static void field_host(struct http1 *h, struct yt_str value)
{
	if (h->has_host)
		http1_refuse(h, 400, "more than one Host");
	else if (!is_host(value))
		http1_refuse(h, 400, "malformed Host");
	h->has_host = true;
	h->host = value;
}

/* Takes the next member of a comma-separated list; false when there is none. */
static bool next_word(struct yt_str *list, struct yt_str *word)
{
	const char *comma;

	if (list->n == 0)
		return false;
	comma = memchr(list->p, ',', list->n);
	*word = (struct yt_str){ list->p, comma != NULL ? (size_t)(comma - list->p) : list->n };
	list->p += word->n + (comma != NULL);
	list->n -= word->n + (comma != NULL);
	for (; word->n > 0 && (word->p[0] == ' ' || word->p[0] == '\t'); word->n--)
		word->p++;
	while (word->n > 0 && (word->p[word->n - 1] == ' ' || word->p[word->n - 1] == '\t'))
		word->n--;
	return true;
}

/* RFC 9110 7.6.1: what is named here is for this connection only, so a reader before us may have dropped it. */
static void field_connection(struct http1 *h, struct yt_str value)
{
	struct yt_str word;

	while (next_word(&value, &word)) {
		if (is_word(word, "close"))
			h->keep_alive = false;
		else if (is_word(word, "Content-Length") || is_word(word, "Transfer-Encoding") || is_word(word, "Host"))
			http1_refuse(h, 400, "Connection names a field that says where the message ends or goes");
	}
}

/* The content's coding is the format's business; chunked is none, yet some readers take it for the transfer's. */
static void field_content_encoding(struct http1 *h, struct yt_str value)
{
	struct yt_str word;

	while (next_word(&value, &word)) {
		if (is_word(word, "chunked"))
			http1_refuse(h, 400, "chunked is no Content-Encoding");
	}
}

static void field_expect(struct http1 *h, struct yt_str value)
{
	if (!is_word(value, "100-continue"))
		http1_refuse(h, 417, "only 100-continue may be expected");
	h->wants_continue = !h->is_http10; /* RFC 9110 10.1.1: ignored in HTTP/1.0 */
}

static void field_known(struct http1 *h, struct yt_str name, struct yt_str value)
{
	bool asks = h->kind == HTTP1_REQUEST;

	if (name.n == 14 && is_word(name, "Content-Length"))
		field_length(h, value);
	else if (name.n == 17 && is_word(name, "Transfer-Encoding"))
		field_encoding(h, value);
	else if (name.n == 10 && is_word(name, "Connection"))
		field_connection(h, value);
	else if (name.n == 16 && is_word(name, "Content-Encoding"))
		field_content_encoding(h, value);
	else if (http1_is_like(name, "contentlength") || http1_is_like(name, "transferencoding"))
		http1_refuse(h, 400, "field name that could be read as one that says where the message ends");
	else if (asks && name.n == 4 && is_word(name, "Host"))
		field_host(h, value);
	else if (asks && name.n == 6 && is_word(name, "Expect"))
		field_expect(h, value);
}

void http1_take_field(struct http1 *h, struct yt_str line)
{
	struct yt_str name, value;

	if (line.p[0] == ' ' || line.p[0] == '\t') {
		http1_refuse(h, 400, "folded header field");
		return;
	}
	if (!http1_split_field(line, &name, &value)) {
		http1_refuse(h, 400, "malformed header field");
		return;
	}
	if (h->n_fields == h->limits.fields) {
		http1_refuse(h, 431, "too many header fields");
		return;
	}
	span_set(h, SPAN_FIELDS + 2 * h->n_fields, (const uint8_t *)name.p, name.n);
	span_set(h, SPAN_FIELDS + 2 * h->n_fields + 1, (const uint8_t *)value.p, value.n);
	h->n_fields++;
	field_known(h, name, value);
}

/* ---- the end of the head: how long is the body? ---- */

static bool request_is_sound(struct http1 *h)
{
	struct yt_str method = http1_spanned(h, SPAN_METHOD);

	if (!h->has_host && !h->is_http10)
		http1_refuse(h, 400, "no Host");
	else if (h->authority.n > 0 && h->has_host &&
	         (h->authority.n != h->host.n || strncasecmp(h->authority.p, h->host.p, h->host.n) != 0))
		http1_refuse(h, 400, "target and Host name different hosts");
	else if (h->has_encoding && h->is_http10)
		http1_refuse(h, 400, "Transfer-Encoding in HTTP/1.0");
	else if ((h->is_chunked || (h->has_length && h->length > 0)) && !yt_str_is(method, "POST") &&
	         !yt_str_is(method, "PUT"))
		http1_refuse(h, 400, "only POST and PUT may have a body");
	return h->state != REFUSED;
}

/* An interim response is passed over: what follows it starts anew at the buffer's start. */
static void skip_interim(struct http1 *h)
{
	if (h->status == 101 || h->has_length || h->has_encoding || ++h->skipped > SKIPPED_MAX) {
		http1_refuse(h, 502, "unexpected interim response");
		return;
	}
	h->n -= h->line;
	memmove(h->p, h->p + h->line, h->n);
	h->line = h->scan = 0;
	h->n_fields = 0;
	h->status = 0;
	h->state = START;
}

void http1_head_end(struct http1 *h)
{
	if (h->has_length && h->has_encoding) {
		http1_refuse(h, 400, "both Content-Length and Transfer-Encoding");
		return;
	}
	if (h->kind == HTTP1_REQUEST ? !request_is_sound(h) : (h->is_http10 && h->has_encoding)) {
		if (h->state != REFUSED)
			http1_refuse(h, 502, "Transfer-Encoding in HTTP/1.0");
		return;
	}
	if (h->kind == HTTP1_RESPONSE && h->status < 200) {
		skip_interim(h);
		return;
	}
	if (h->has_length && h->length > h->limits.body_bytes) {
		http1_refuse(h, 413, "body is too large");
		return;
	}
	h->head_is_whole = true;
	h->body_off = h->w = h->line;
	h->left = h->length;
	if (h->kind == HTTP1_RESPONSE && (h->status == 204 || h->status == 304))
		h->state = h->has_encoding || (h->status == 204 && h->has_length) ? REFUSED : WHOLE;
	else if (h->is_chunked)
		h->state = SIZE;
	else if (h->has_length)
		h->state = h->left > 0 ? BODY : WHOLE;
	else
		h->state = h->kind == HTTP1_REQUEST ? WHOLE : CLOSE;
	if (h->state == REFUSED)
		http1_refuse(h, 502, "body where there can be none");
}

/* ---- words ---- */

struct yt_str http1_field(const struct yt_header *fields, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (is_word(fields[i].name, name))
			return fields[i].value;
	}
	return (struct yt_str){ NULL, 0 };
}

bool http1_is_token(struct yt_str s)
{
	return s.n > 0 && all((const uint8_t *)s.p, s.n, C_TOKEN);
}

bool http1_is_value(struct yt_str s)
{
	return all((const uint8_t *)s.p, s.n, C_VALUE);
}

bool http1_is_target(struct yt_str s)
{
	const uint8_t *p = (const uint8_t *)s.p;

	return s.n > 0 && p[0] == '/' && all(p, s.n, C_TARGET) && escapes_are_whole(p, s.n);
}

const char *http1_reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} rows[] = {
		{ 200, "OK" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 413, "Content Too Large" },
		{ 415, "Unsupported Media Type" },
		{ 417, "Expectation Failed" },
		{ 422, "Unprocessable Content" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].status == status)
			return rows[i].reason;
	}
	return "Status";
}

void http1_put_length(struct yt_buf *out, size_t n)
{
	char digits[24], *p = digits + sizeof(digits);

	*--p = '\n';
	*--p = '\r';
	do {
		*--p = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	yt_buf_add(out, "Content-Length: ", 16);
	yt_buf_add(out, p, (size_t)(digits + sizeof(digits) - p));
}
