/* core/format/keys.h - keys by name: the only place that touches a secret or a private key.
 *
 * Callers name a key and say what to do with it; where it lives is a back end's affair (struct
 * keys_backend).  Today: a folder of files, for development and small sites; a hardware module comes
 * behind the same table.  Every call may block for as long as such a module takes and may be made
 * from any thread, so callers on an event loop use their thread pool; nothing a call gives back is
 * borrowed from the back end, except a secret, which lives as long as the keys. */
#ifndef YT_FORMAT_KEYS_H
#define YT_FORMAT_KEYS_H

#include "yitong/key.h"

#define KEYS_ANCHOR "journal-anchor" /* SM2 key that signs the journal's heads */

struct keys_backend {
	const char *name; /* "folder" */
	/* Appends a DER signature (SM2 with SM3) by the key of that name.  YT_ENOTFOUND: no such key. */
	int (*sign_sm2)(void *ctx, struct yt_str name, struct yt_str data, struct yt_buf *signature);
	/* Appends the public half of that key as PEM. */
	int (*public_sm2)(void *ctx, struct yt_str name, struct yt_buf *pem);
	/* Encrypts and authenticates a data key under the master key; purpose is bound to it. */
	int (*wrap)(void *ctx, struct yt_str purpose, struct yt_str clear, struct yt_buf *wrapped);
	/* YT_EDENIED: not wrapped by this master key for this purpose, or altered. */
	int (*unwrap)(void *ctx, struct yt_str purpose, struct yt_str wrapped, struct yt_buf *clear);
	void (*close)(void *ctx); /* wipes */
};

struct yt_keys;

/* folder: holds master.key (96 hex digits: 16 bytes SM4, 32 bytes HMAC-SM3) and journal-anchor.key
 * (PEM, SM2).  NULL: secrets only.  A file that group or others may read is refused.
 * YT_ECONF with why (names the file and the way out), YT_ENOMEM. */
int keys_open(struct yt_keys **out, const char *folder, char *why, size_t size);
/* The same over any back end; ctx is the keys' from here on, also when this fails. */
int keys_open_backend(struct yt_keys **out, const struct keys_backend *backend, void *ctx);
void keys_close(struct yt_keys *keys); /* wipes; NULL is fine */

/* Reads the secret `name` from file: its first line, without the line end, at most 4096 bytes.
 * Before other threads use the keys.  YT_ECONF with why. */
int keys_add_secret(struct yt_keys *keys, const char *name, const char *file, char *why, size_t size);
/* Borrowed until keys_close().  YT_ENOTFOUND. */
int keys_secret(const struct yt_keys *keys, struct yt_str name, struct yt_str *out);

/* A key that plugins may use by name. */
struct keys_spec {
	const char *name;
	const char *owner, *id; /* whose it is and what it is called on the wire; NULL: nothing */
	const char *file; /* secret: first line, or hex: and its digits; sm4: 32 hex digits; sm2: sm2_private_read(),
	                     sm2_public_read() */
	enum yt_key_kind kind;
	int64_t from_ms, to_ms; /* ms since 1970; INT64_MIN and INT64_MAX: open */
};
/* Before other threads use the keys.  A certificate's own term narrows the given one.  YT_ECONF with why. */
int keys_add(struct yt_keys *keys, const struct keys_spec *spec, char *why, size_t size);

/* The key of that owner (not empty) and id; with an empty id the valid one of the owner's keys whose validity began
 * last. A private key serves as its public half.  *out: borrowed until keys_close().  YT_ENOTFOUND; YT_ESTATE: there is
 * one (*out), but not valid at now_ms. */
int keys_find(const struct yt_keys *keys, struct yt_str owner, struct yt_str id, enum yt_key_kind kind, int64_t now_ms,
        struct yt_key *out);

/* What is known of the key of that name; borrowed as above.  YT_ENOTFOUND. */
int keys_get(const struct yt_keys *keys, struct yt_str name, struct yt_key *out);

/* What plugin.h says of the same names.  YT_ENOTFOUND: no such key; YT_ESTATE: of another kind. */
int keys_hmac(const struct yt_keys *keys, enum yt_hmac hmac, struct yt_str name, const struct yt_piece *pieces,
        size_t n_pieces, uint8_t *out);
int keys_sm2_sign(const struct yt_keys *keys, struct yt_str name, const struct yt_piece *user_id,
        const struct yt_piece *pieces, size_t n_pieces, uint8_t out[64]);
int keys_sm2_verify(const struct yt_keys *keys, struct yt_str name, const struct yt_piece *user_id,
        const struct yt_piece *pieces, size_t n_pieces, const uint8_t signature[64]);
int keys_sm2_encrypt(const struct yt_keys *keys, struct yt_str name, struct yt_str clear, struct yt_buf *out);
int keys_sm2_decrypt(const struct yt_keys *keys, struct yt_str name, struct yt_str sealed, struct yt_buf *out);
int keys_sm4_encrypt(const struct yt_keys *keys, const struct yt_sm4 *how, struct yt_str clear, struct yt_buf *out);
int keys_sm4_decrypt(const struct yt_keys *keys, const struct yt_sm4 *how, struct yt_str sealed, struct yt_buf *out);

/* YT_ENOTFOUND when the keys have no such key, or no folder at all. */
int keys_sign_sm2(const struct yt_keys *keys, struct yt_str name, struct yt_str data, struct yt_buf *signature);
int keys_public_sm2(const struct yt_keys *keys, struct yt_str name, struct yt_buf *pem);
int keys_wrap(const struct yt_keys *keys, struct yt_str purpose, struct yt_str clear, struct yt_buf *wrapped);
int keys_unwrap(const struct yt_keys *keys, struct yt_str purpose, struct yt_str wrapped, struct yt_buf *clear);
/* Wipes, then frees: for buffers that held a key. */
void keys_wipe(struct yt_buf *buf);

#endif
