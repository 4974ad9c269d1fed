/* plugins/nhsa/text.c - octets as text and back: Base64 and hexadecimal, as signatures and cipher texts travel. */
#include <string.h>

#include "nhsa.h"

void nhsa_put_base64(struct yt_str octets, struct yt_buf *out)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t *to = yt_buf_room(out, (octets.n + 2) / 3 * 4);

	for (size_t i = 0; to != NULL && i < octets.n; i += 3, to += 4) {
		uint32_t three = (uint32_t)(unsigned char)octets.p[i] << 16;

		if (i + 1 < octets.n)
			three |= (uint32_t)(unsigned char)octets.p[i + 1] << 8;
		if (i + 2 < octets.n)
			three |= (unsigned char)octets.p[i + 2];
		to[0] = (uint8_t)letters[three >> 18];
		to[1] = (uint8_t)letters[three >> 12 & 63];
		to[2] = i + 1 < octets.n ? (uint8_t)letters[three >> 6 & 63] : '=';
		to[3] = i + 2 < octets.n ? (uint8_t)letters[three & 63] : '=';
	}
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int nhsa_get_base64(struct yt_str text, struct yt_buf *out)
{
	size_t n_pad = 0;

	while (n_pad < 2 && n_pad < text.n && text.p[text.n - 1 - n_pad] == '=')
		n_pad++;
	if (text.n % 4 != 0)
		return YT_EFORMAT;
	for (size_t i = 0; i < text.n; i += 4) {
		bool last = i + 4 == text.n;
		uint32_t three = 0;

		for (size_t k = 0; k < 4; k++) {
			bool is_pad = last && k >= 4 - n_pad;
			int value = is_pad ? 0 : base64_value(text.p[i + k]);

			if (value < 0)
				return YT_EFORMAT;
			three = three << 6 | (uint32_t)value;
		}
		for (size_t k = 0; k < (last ? 3 - n_pad : 3); k++)
			yt_buf_byte(out, (uint8_t)(three >> (16 - 8 * k)));
	}
	return out->failed ? YT_ENOMEM : 0;
}

void nhsa_put_hex(struct yt_str octets, struct yt_buf *out)
{
	static const char digits[] = "0123456789ABCDEF";
	uint8_t *to = yt_buf_room(out, octets.n * 2);

	for (size_t i = 0; to != NULL && i < octets.n; i++) {
		to[2 * i] = (uint8_t)digits[(unsigned char)octets.p[i] >> 4];
		to[2 * i + 1] = (uint8_t)digits[(unsigned char)octets.p[i] & 15];
	}
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int nhsa_get_hex(struct yt_str text, struct yt_buf *out)
{
	if (text.n % 2 != 0)
		return YT_EFORMAT;
	for (size_t i = 0; i < text.n; i += 2) {
		int high = hex_value(text.p[i]), low = hex_value(text.p[i + 1]);

		if (high < 0 || low < 0)
			return YT_EFORMAT;
		yt_buf_byte(out, (uint8_t)(high << 4 | low));
	}
	return out->failed ? YT_ENOMEM : 0;
}
