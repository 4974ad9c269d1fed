/* plugins/nhsa/text.c - octets as text and back, as signatures and cipher texts travel here: the host's Base64, and
 * hexadecimal in upper case. */
#include "nhsa.h"

void nhsa_put_base64(struct yt_str octets, struct yt_buf *out)
{
	yt_base64_add(out, octets.p, octets.n);
}

int nhsa_get_base64(struct yt_str text, struct yt_buf *out)
{
	return yt_base64_read(text, out);
}

void nhsa_put_hex(struct yt_str octets, struct yt_buf *out)
{
	yt_hex_add(out, octets.p, octets.n, true);
}

int nhsa_get_hex(struct yt_str text, struct yt_buf *out)
{
	uint8_t *room = text.n % 2 == 0 ? yt_buf_room(out, text.n / 2) : NULL;

	if (text.n % 2 != 0)
		return YT_EFORMAT;
	return room == NULL && text.n > 0 ? YT_ENOMEM : yt_hex_read(text, room, text.n / 2);
}
