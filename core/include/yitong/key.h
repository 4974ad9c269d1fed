/* yitong/key.h - what is said about a key: its name, its kind, and what shall be done with it.
 *
 * The calls are in plugin.h for plugins and in core/format/keys.h for the core; a key itself is seen by
 * neither. */
#ifndef YITONG_KEY_H
#define YITONG_KEY_H

#include "yitong/base.h"

enum yt_key_kind { YT_KEY_SECRET = 1, YT_KEY_SM4, YT_KEY_SM2_PRIVATE, YT_KEY_SM2_PUBLIC };

/* A configured key as others may know it. */
struct yt_key {
	struct yt_str name;  /* what the calls take */
	struct yt_str owner; /* whose it is on the wire, "620000"; empty when not configured */
	struct yt_str id;    /* what it is called on the wire, "620000-2026A" */
	enum yt_key_kind kind;
	int64_t from_ms, to_ms; /* valid from .. before; INT64_MIN and INT64_MAX when open */
};

/* A piece of what is signed or digested: octets, or the secret of that name standing in their place, for
 * formats that mix the secret into the text (nhsa.md 1.6: "...&key=" + appSecret, user id = appSecret). */
struct yt_piece {
	struct yt_str text; /* the octets, or the secret's name */
	bool is_secret;
};
#define YT_PIECE(str) ((struct yt_piece){ (str), false })

enum yt_hmac { YT_HMAC_SM3, YT_HMAC_SHA256, YT_HMAC_SHA1 }; /* 32, 32, 20 octets */

/* SM4 (GB/T 32907).  ECB and CBC pad by PKCS#7; GCM appends its tag of 16 octets to the sealed ones. */
enum yt_sm4_mode { YT_SM4_ECB, YT_SM4_CBC, YT_SM4_CTR, YT_SM4_GCM };
struct yt_sm4 {
	struct yt_str key; /* a key of kind sm4, or a secret of 16 octets */
	/* Not empty: the key is made of the secret `key` and this application id (nhsa.md 1.6): the first 16
	 * digits of HEX(SM4-ECB(first 16 octets of derive, secret)). */
	struct yt_str derive;
	enum yt_sm4_mode mode;
	struct yt_str iv;  /* 16 octets; GCM 12; ECB none */
	struct yt_str aad; /* GCM: authenticated, not encrypted */
};

#endif
