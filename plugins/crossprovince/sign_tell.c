/* plugins/crossprovince/sign_tell.c - how one message is signed: head, digest, string to sign, key, verdict.
 *
 * For `yitong sign-explain`; it uses what envelope.c checks with, so it cannot say otherwise than that. */
#include <string.h>

#include "ksbw.h"

static void tell_head(const struct ksbw_envelope *e, struct yt_buf *out)
{
	yt_buf_printf(out,
	        "transaction: %.*s %.*s\nnumber: %.*s\nsender: %.*s\nreceiver: %.*s\nsent: %.*s, for %.*s s\n",
	        YT_FMT(e->head.transno), YT_FMT(e->head.msgtype), YT_FMT(e->head.transid), YT_FMT(e->head.sender),
	        YT_FMT(e->head.recver), YT_FMT(e->head.sendtime), YT_FMT(e->head.expire));
	yt_buf_printf(out, "encoding: %s\n", yt_charset_name(e->xml.charset));
}

static void tell_digest(const struct ksbw_envelope *e, struct yt_buf *out)
{
	uint8_t digest[32];
	struct yt_buf hex = { 0 };

	yt_sm3(e->raw, digest);
	yt_hex_add(&hex, digest, sizeof(digest), false);
	yt_buf_printf(out, "digest given: %.*s\ndigest found: %.*s over the %zu octets of <%.*s>, tags and all\n",
	        YT_FMT(e->head.digest), YT_FMT(yt_buf_view(&hex)), e->raw.n, YT_FMT(e->body->name));
	if (!yt_str_eq(yt_buf_view(&hex), e->head.digest))
		yt_buf_text(out, "slip: the body was changed after it was signed; a converted encoding or other line "
		                 "ends do that\n");
	yt_buf_free(&hex);
}

static void tell_key(struct yt_plugin *self, const struct ksbw_envelope *e, struct yt_buf *out)
{
	struct yt_key key;
	int rv = yt_key_find(self, e->head.sender, e->head.keyid, YT_KEY_SM2_PUBLIC, e->head.sent_ms, &key);

	yt_buf_printf(out, "key: %.*s of %.*s, ", YT_FMT(e->head.keyid), YT_FMT(e->head.sender));
	if (rv == 0)
		yt_buf_printf(out, "configured as %.*s\n", YT_FMT(key.name));
	else if (rv == YT_ESTATE)
		yt_buf_printf(out, "configured as %.*s but not valid when it was sent\n", YT_FMT(key.name));
	else
		yt_buf_text(out, "not configured: add it to keys with this owner and id\n");
}

int ksbw_explain_signature(struct yt_plugin *self, const struct yt_header *headers, size_t n, struct yt_str octets,
        const struct yt_str *keys, size_t n_keys, int64_t now_ms, struct yt_arena *arena, struct yt_buf *out)
{
	struct yt_fault fault = { { 0 }, { 0 } };
	struct ksbw_trouble t = { &fault, NULL };
	struct ksbw_envelope e;
	int rv = ksbw_read(self, arena, octets, &e, &t);

	(void)headers, (void)n, (void)keys, (void)n_keys, (void)now_ms; /* all of it stands in the message */
	if (rv == YT_ENOMEM)
		return rv;
	if (rv != 0) {
		yt_buf_printf(out, "unreadable: %s %s\n", fault.path, fault.why);
		return out->failed ? YT_ENOMEM : YT_ENOTFOUND;
	}
	tell_head(&e, out);
	tell_digest(&e, out);
	yt_buf_text(out, "string to sign: ");
	if (ksbw_string_to_sign(out, &e.head) != 0)
		return YT_ENOMEM;
	yt_buf_printf(out, "\nsignature: %.*s\n", YT_FMT(e.head.sign));
	tell_key(self, &e, out);
	rv = ksbw_verify(self, &e, &t);
	if (rv == YT_ENOMEM)
		return rv;
	if (rv == 0)
		yt_buf_text(out, "verified: yes, SM2 with SM3 over the string, user id 1234567812345678\n");
	else
		yt_buf_printf(out, "verified: no: %s %s\n", fault.path, fault.why);
	return out->failed ? YT_ENOMEM : rv == 0 ? 0 : YT_EDENIED;
}
