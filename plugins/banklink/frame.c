/* plugins/banklink/frame.c - eight ASCII digits, then as many octets; 00000000 alone is a heartbeat (bank.md 5.1).
 *
 * Pure: whoever has the socket hands in what came and is told where a message ends.  A byte that is not a digit, or a
 * number above the limit, ends the connection at once: there is no place from which it could be read again. */
#include "bdl.h"

int bdl_frame_next(struct yt_plugin *self, struct yt_str octets, struct yt_frame *out)
{
	size_t n = 0;

	(void)self;
	*out = (struct yt_frame){ .wants = 8 };
	for (size_t i = 0; i < 8 && i < octets.n; i++) {
		if (octets.p[i] < '0' || octets.p[i] > '9')
			return YT_EFORMAT;
		n = n * 10 + (size_t)(octets.p[i] - '0');
		if (i == 7 && n > BDL_FRAME_MAX)
			return YT_ELIMIT;
	}
	if (octets.n < 8)
		return YT_EAGAIN;
	out->wants = 8 + n;
	if (octets.n < out->wants)
		return YT_EAGAIN;
	out->used = out->wants;
	out->is_heartbeat = n == 0;
	out->message = (struct yt_str){ octets.p + 8, n };
	return 0;
}

int bdl_frame_put(struct yt_plugin *self, struct yt_str message, struct yt_buf *out)
{
	(void)self;
	if (message.n > BDL_FRAME_MAX)
		return YT_ELIMIT;
	yt_buf_printf(out, "%08zu", message.n);
	yt_buf_str(out, message);
	return out->failed ? YT_ENOMEM : 0;
}
