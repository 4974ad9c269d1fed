/* core/format/charset.c - UTF-8 and GB18030, hex and base64, for every codec.
 *
 * The XML reader turns a GB18030 document into UTF-8 before it parses it, the writer each text on its
 * way out.  The tables are the system's iconv; what it does not know is `twins` below. */
#include "yitong/charset.h"

#include <errno.h>
#include <iconv.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "format/utf8.h"

/* Characters with two places in GB18030.
 *
 * Until Unicode had them, 24 characters of GBK stood at private-use code points, and name systems stored
 * those.  GB 18030-2022 gives their two octets to the character as it is encoded now, and for 18 of them the
 * private-use point the four octets the character had before (a swap against GB 18030-2005; whatwg/encoding
 * issues 27 and 335 and eisoch/irg issue 53 list them).  So each of the places means the one character,
 * whichever edition the other side goes by.  glibc 2.36 reads the two octets as the character, but refuses
 * both to write the private-use points and to read the four octets.  Ours, in both directions: inside it is the
 * character, written it is the two octets, which every edition and GBK show as that character. */
static const struct twin {
	uint16_t private_use;
	uint8_t twice[4]; /* the four octets; 0 where iconv reads them */
	uint32_t encoded;
} twins[] = {
	/* vertical forms of punctuation: A6D9 to A6DF, A6EC, A6ED, A6F3 */
	{ 0xe78d, { 0x84, 0x31, 0x82, 0x36 }, 0xfe10 },
	{ 0xe78e, { 0x84, 0x31, 0x82, 0x38 }, 0xfe12 },
	{ 0xe78f, { 0x84, 0x31, 0x82, 0x37 }, 0xfe11 },
	{ 0xe790, { 0x84, 0x31, 0x82, 0x39 }, 0xfe13 },
	{ 0xe791, { 0x84, 0x31, 0x83, 0x30 }, 0xfe14 },
	{ 0xe792, { 0x84, 0x31, 0x83, 0x31 }, 0xfe15 },
	{ 0xe793, { 0x84, 0x31, 0x83, 0x32 }, 0xfe16 },
	{ 0xe794, { 0x84, 0x31, 0x83, 0x33 }, 0xfe17 },
	{ 0xe795, { 0x84, 0x31, 0x83, 0x34 }, 0xfe18 },
	{ 0xe796, { 0x84, 0x31, 0x83, 0x35 }, 0xfe19 },
	/* Han characters and components: row FE */
	{ 0xe816, { 0 }, 0x20087 },
	{ 0xe817, { 0 }, 0x20089 },
	{ 0xe818, { 0 }, 0x200cc },
	{ 0xe81e, { 0x82, 0x35, 0x90, 0x37 }, 0x9fb4 },
	{ 0xe826, { 0x82, 0x35, 0x90, 0x38 }, 0x9fb5 },
	{ 0xe82b, { 0x82, 0x35, 0x90, 0x39 }, 0x9fb6 },
	{ 0xe82c, { 0x82, 0x35, 0x91, 0x30 }, 0x9fb7 },
	{ 0xe831, { 0 }, 0x215d7 },
	{ 0xe832, { 0x82, 0x35, 0x91, 0x31 }, 0x9fb8 },
	{ 0xe83b, { 0 }, 0x2298f },
	{ 0xe843, { 0x82, 0x35, 0x91, 0x32 }, 0x9fb9 },
	{ 0xe854, { 0x82, 0x35, 0x91, 0x33 }, 0x9fba },
	{ 0xe855, { 0 }, 0x241fe },
	{ 0xe864, { 0x82, 0x35, 0x91, 0x34 }, 0x9fbb },
};

enum { N_TWINS = sizeof(twins) / sizeof(twins[0]) };

/* --- labels --- */

int yt_charset_of(struct yt_str label, enum yt_charset *out)
{
	static const struct {
		const char *label;
		enum yt_charset charset;
	} known[] = {
		{ "UTF-8", YT_UTF8 },
		{ "GB18030", YT_GB18030 },
		{ "GBK", YT_GB18030 },
		{ "GB2312", YT_GB18030 },
		{ "UTF8", YT_UTF8 },
		{ "GB_2312-80", YT_GB18030 },
		{ "CP936", YT_GB18030 },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (label.n == strlen(known[i].label) && strncasecmp(label.p, known[i].label, label.n) == 0) {
			*out = known[i].charset;
			return 0;
		}
	}
	return YT_EFORMAT;
}

const char *yt_charset_name(enum yt_charset charset)
{
	return charset == YT_GB18030 ? "GB18030" : "UTF-8";
}

static const char not_utf8[] = "the octets are not UTF-8";

static int wrong(struct yt_charset_error *err, size_t offset, uint32_t code_point, const char *why)
{
	if (err != NULL)
		*err = (struct yt_charset_error){ offset, code_point, why };
	return YT_EFORMAT;
}

/* The first octet from p that is not ASCII, or end. */
static const uint8_t *skip_ascii(const uint8_t *p, const uint8_t *end)
{
	uint64_t word;

	for (; end - p >= 8; p += 8) {
		memcpy(&word, p, 8);
		if ((word & UINT64_C(0x8080808080808080)) != 0)
			break;
	}
	while (p < end && *p < 0x80)
		p++;
	return p;
}

int yt_utf8_check(struct yt_str text, struct yt_charset_error *err)
{
	const uint8_t *begin = (const uint8_t *)text.p, *p = begin, *end, *next;

	if (text.n == 0)
		return 0;
	end = begin + text.n;
	while ((p = skip_ascii(p, end)) < end) {
		for (; p < end && *p >= 0x80; p = next) {
			next = utf8_skip(p, end);
			if (next == NULL)
				return wrong(err, (size_t)(p - begin), 0, not_utf8);
		}
	}
	return 0;
}

/* --- iconv, opened once per thread --- */

struct converters {
	iconv_t to_gb, to_utf8;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t per_thread;

static void converters_free(void *arg)
{
	struct converters *c = arg;

	if (c->to_gb != (iconv_t)-1)
		iconv_close(c->to_gb);
	if (c->to_utf8 != (iconv_t)-1)
		iconv_close(c->to_utf8);
	free(c);
}

static void per_thread_make(void)
{
	YT_REQUIRE(pthread_key_create(&per_thread, converters_free) == 0);
}

/* NULL when out of memory. */
static struct converters *converters(void)
{
	struct converters *c;

	pthread_once(&once, per_thread_make);
	c = pthread_getspecific(per_thread);
	if (c != NULL)
		return c;
	c = malloc(sizeof(*c));
	if (c == NULL)
		return NULL;
	c->to_gb = iconv_open("GB18030", "UTF-8");
	c->to_utf8 = iconv_open("UTF-8", "GB18030");
	if (c->to_gb == (iconv_t)-1 || c->to_utf8 == (iconv_t)-1 || pthread_setspecific(per_thread, c) != 0) {
		converters_free(c);
		return NULL;
	}
	return c;
}

/* Converts up to the first character that iconv refuses, which *p is then at.  Room for all is there. */
static uint8_t *run_iconv(iconv_t cd, const uint8_t **p, const uint8_t *end, uint8_t *out, size_t room)
{
	char *in = (char *)(uintptr_t)*p, *to = (char *)out; /* iconv() does not write to its input */
	size_t left = (size_t)(end - *p);

	if (iconv(cd, &in, &left, &to, &room) == (size_t)-1) {
		YT_REQUIRE(errno != E2BIG);
		iconv(cd, NULL, NULL, NULL, NULL);
	}
	*p = (const uint8_t *)in;
	return (uint8_t *)to;
}

/* --- GB18030 to UTF-8 --- */

/* Behind the characters from p on that are not ASCII.  Their length is told by the first two octets. */
static const uint8_t *skip_wide(const uint8_t *p, const uint8_t *end)
{
	while (p < end && *p >= 0x80) {
		size_t n = end - p >= 2 && p[1] >= '0' && p[1] <= '9' ? 4 : 2;

		if ((size_t)(end - p) <= n)
			return end;
		p += n;
	}
	return p;
}

static uint8_t *put_twin(const uint8_t **p, const uint8_t *end, uint8_t *out)
{
	for (size_t i = 0; end - *p >= 4 && i < N_TWINS; i++) {
		if (memcmp(*p, twins[i].twice, 4) == 0) {
			*p += 4;
			return utf8_put(out, twins[i].encoded);
		}
	}
	return NULL;
}

int yt_gb18030_to_utf8(struct yt_str octets, struct yt_buf *out, struct yt_charset_error *err)
{
	const uint8_t *begin = (const uint8_t *)octets.p, *p = begin, *end;
	struct converters *c = converters();
	size_t most = 2 * octets.n; /* two octets become three, and four where they are one of plane 2 (FE51) */
	uint8_t *room, *to, *next;

	if (octets.n == 0)
		return 0;
	room = c == NULL ? NULL : yt_buf_room(out, most);
	if (room == NULL)
		return YT_ENOMEM;
	to = room;
	for (end = begin + octets.n; p < end;) {
		const uint8_t *stop = skip_ascii(p, end);

		memcpy(to, p, (size_t)(stop - p));
		to += stop - p;
		p = stop;
		stop = skip_wide(p, end);
		to = run_iconv(c->to_utf8, &p, stop, to, most - (size_t)(to - room));
		if (p == stop)
			continue;
		next = put_twin(&p, end, to);
		if (next == NULL)
			break;
		to = next;
	}
	out->n -= most - (size_t)(to - room);
	return p == end ? 0 : wrong(err, (size_t)(p - begin), 0, "the octets are no character of GB18030");
}

/* --- UTF-8 to GB18030 --- */

/* The character that stands for a private-use code point, 0 when there is none. */
static uint32_t encoded_twin(uint32_t code)
{
	for (size_t i = 0; i < N_TWINS; i++)
		if (twins[i].private_use == code)
			return twins[i].encoded;
	return 0;
}

int yt_utf8_to_gb18030(struct yt_str text, struct yt_buf *out, struct yt_charset_error *err)
{
	const uint8_t *begin = (const uint8_t *)text.p, *p = begin, *end;
	struct converters *c = converters();
	size_t most = 2 * text.n; /* two octets of Latin or Cyrillic can become four */
	uint8_t *room, *to;
	uint32_t code = 0;

	if (text.n == 0)
		return 0;
	room = c == NULL ? NULL : yt_buf_room(out, most);
	if (room == NULL)
		return YT_ENOMEM;
	to = room;
	for (end = begin + text.n; p < end;) {
		const uint8_t *stop = skip_ascii(p, end), *after;
		uint8_t twin[4];

		code = 0;
		memcpy(to, p, (size_t)(stop - p));
		to += stop - p;
		p = stop;
		while (stop < end && *stop >= 0x80)
			stop++;
		to = run_iconv(c->to_gb, &p, stop, to, most - (size_t)(to - room));
		if (p == stop)
			continue;
		if (utf8_skip(p, end) == NULL)
			break;
		after = p;
		code = utf8_next(&after);
		if (encoded_twin(code) == 0)
			break;
		p = twin;
		to = run_iconv(c->to_gb, &p, utf8_put(twin, encoded_twin(code)), to, most - (size_t)(to - room));
		p = after;
	}
	out->n -= most - (size_t)(to - room);
	if (p == end)
		return 0;
	return wrong(err, (size_t)(p - begin), code,
	        code == 0 ? not_utf8 : "GB18030 as this system knows it does not have the character");
}

/* --- hex and base64 --- */

void yt_hex_add(struct yt_buf *out, const void *octets, size_t n, bool upper)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	const uint8_t *p = octets;
	uint8_t *to = yt_buf_room(out, 2 * n);

	for (size_t i = 0; to != NULL && i < n; i++) {
		*to++ = (uint8_t)digits[p[i] >> 4];
		*to++ = (uint8_t)digits[p[i] & 15];
	}
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int yt_hex_read(struct yt_str digits, uint8_t *out, size_t n)
{
	if (digits.n != 2 * n)
		return YT_EFORMAT;
	for (size_t i = 0; i < n; i++) {
		int high = hex_digit(digits.p[2 * i]), low = hex_digit(digits.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return YT_EFORMAT;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void yt_base64_add(struct yt_buf *out, const void *octets, size_t n)
{
	const uint8_t *p = octets;
	uint8_t *to = yt_buf_room(out, (n + 2) / 3 * 4);

	for (size_t i = 0; to != NULL && i < n; i += 3) {
		uint32_t three =
		        (uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) | (i + 2 < n ? p[i + 2] : 0);

		*to++ = (uint8_t)base64[three >> 18];
		*to++ = (uint8_t)base64[three >> 12 & 63];
		*to++ = (uint8_t)(i + 1 < n ? base64[three >> 6 & 63] : '=');
		*to++ = (uint8_t)(i + 2 < n ? base64[three & 63] : '=');
	}
}

/* The six bits of a character, -1 when it is none. */
static int base64_bits(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int yt_base64_read(struct yt_str text, struct yt_buf *out)
{
	size_t pads = text.n == 0 || text.p[text.n - 1] != '=' ? 0 : text.n > 1 && text.p[text.n - 2] == '=' ? 2 : 1;
	size_t had = out->n;
	uint32_t bits = 0, n_bits = 0;

	if (text.n % 4 != 0)
		return YT_EFORMAT;
	for (size_t i = 0; i < text.n - pads; i++) {
		int six = base64_bits(text.p[i]);

		if (six < 0)
			goto bad;
		bits = bits << 6 | (uint32_t)six;
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			yt_buf_byte(out, (uint8_t)(bits >> n_bits));
		}
	}
	if ((bits & ((1u << n_bits) - 1)) == 0)
		return out->failed ? YT_ENOMEM : 0;
bad:
	out->n = had;
	return YT_EFORMAT;
}
