/* yitong/plugin.h - the one core header that a codec plugin includes.
 *
 * A codec is pure: octets in, message out, and back; no sockets, files, threads or clocks.  Both ends
 * of a conversation are in one table: decode_request and encode_reply when we are asked,
 * encode_request and decode_reply when we ask.
 *
 * ABI history: 1.2 requests and answers as HTTP carries them (struct yt_http), frames of streams, files,
 * yt_plugin_set_slow, key_settings, lacks;
 * 1.1 host services of keys: SM2, SM4, HMAC; 1.0 first version. */
#ifndef YITONG_PLUGIN_H
#define YITONG_PLUGIN_H

#include "yitong/json.h"
#include "yitong/key.h"
#include "yitong/message.h"
#include "yitong/table.h"
#include "yitong/xml.h"

#define YT_ABI_MAJOR 1 /* raised when a member changes meaning: other majors are refused */
#define YT_ABI_MINOR 2 /* raised when a member is appended: older plugins still load */

struct yt_plugin; /* opaque: one configured instance, owned by core */

/* A plugin instance's own memory, set in open(). */
void yt_plugin_ctx_set(struct yt_plugin *self, void *ctx);
void *yt_plugin_ctx(const struct yt_plugin *self);
/* A setting of this instance, as text; the declared default when the configuration has none. */
struct yt_str yt_plugin_setting(const struct yt_plugin *self, const char *key);
/* From open(): with these settings this instance is slow (yt_codec_api.is_slow), though others of its format are not.
 */
void yt_plugin_set_slow(struct yt_plugin *self);
/* Writes one log line in the plugin's name.  Never pass personal data. */
void yt_plugin_log(const struct yt_plugin *self, enum yt_level level, const char *fmt, ...) YT_PRINTF(3, 4);

/* Host services: digest and keyed work by key name; the plugin never sees a private key. */
/* Hex of SHA-256 over before + the secret named key + after (nhsa.md 1.4).  upper: hex in upper case.
 * Returns 0 or YT_ENOTFOUND when no such key is configured. */
int yt_key_sha256_wrapped(const struct yt_plugin *self, struct yt_str key, struct yt_str before, struct yt_str after,
        bool upper, char out[65]);
void yt_random(void *out, size_t n); /* from the system's generator */

/* Keys by name, since 1.1 (format/keys.h says how they are configured).  All of it may be called from any
 * thread and takes up to a millisecond.  Returns beside those named: YT_ENOTFOUND no such key; YT_ESTATE
 * the key is of a kind that cannot do this; YT_ENOMEM. */

/* SM3 over the octets; no key. */
void yt_sm3(struct yt_str octets, uint8_t out[32]);

int yt_key_hmac(const struct yt_plugin *self, enum yt_hmac hmac, struct yt_str key, const struct yt_piece *pieces,
        size_t n_pieces, uint8_t *out);

/* SM2 with SM3 (GB/T 32918.2): r and s, 32 octets each, big-endian.  user_id: NULL is the usual
 * 1234567812345678.  Verifying takes any half of the key; YT_EDENIED: not its signature. */
int yt_key_sm2_sign(const struct yt_plugin *self, struct yt_str key, const struct yt_piece *user_id,
        const struct yt_piece *pieces, size_t n_pieces, uint8_t out[64]);
int yt_key_sm2_verify(const struct yt_plugin *self, struct yt_str key, const struct yt_piece *user_id,
        const struct yt_piece *pieces, size_t n_pieces, const uint8_t signature[64]);
/* The same signature as DER, for formats that want that (insurer.md).  YT_EFORMAT: not DER of two
 * numbers of at most 32 octets. */
int yt_sm2_to_der(const uint8_t signature[64], struct yt_buf *out);
int yt_sm2_from_der(struct yt_str der, uint8_t out[64]);

/* SM2 encryption (GB/T 32918.4), 04 C1 C3 C2: for wrapped keys.  Appends; clear: 1 to 4096 octets.
 * YT_EDENIED: not encrypted with this key, or altered. */
int yt_key_sm2_encrypt(const struct yt_plugin *self, struct yt_str key, struct yt_str clear, struct yt_buf *out);
int yt_key_sm2_decrypt(const struct yt_plugin *self, struct yt_str key, struct yt_str sealed, struct yt_buf *out);

/* Append to out.  YT_EFORMAT: iv or derive of a wrong length, or sealed octets that are no whole blocks;
 * YT_EDENIED: padding or tag wrong. */
int yt_key_sm4_encrypt(const struct yt_plugin *self, const struct yt_sm4 *how, struct yt_str clear, struct yt_buf *out);
int yt_key_sm4_decrypt(
        const struct yt_plugin *self, const struct yt_sm4 *how, struct yt_str sealed, struct yt_buf *out);

/* The key of that owner (not empty) and wire id, for verifying.  With an empty id: of the owner's keys of that kind
 * the one whose validity began last, for signing while two overlap.  Texts are borrowed for as long as
 * the instance lives.  YT_ENOTFOUND: none; YT_ESTATE: there is one (*out), but not valid at now_ms. */
int yt_key_find(const struct yt_plugin *self, struct yt_str owner, struct yt_str id, enum yt_key_kind kind,
        int64_t now_ms, struct yt_key *out);

struct yt_setting {
	const char *key;
	const char *fallback; /* default as text; NULL: must be given */
	const char *doc;      /* one sentence, for docs and `yitong check` */
};

/* A setting whose value is the name of a configured secret or key. */
struct yt_key_setting {
	const char *key;       /* of the setting */
	enum yt_key_kind kind; /* that its key must have */
};

/* How an unknown outcome of an operation is found out at a party of this format. */
enum yt_resolve {
	YT_RESOLVE_NONE,          /* reads: ask again with a new number, nothing to find out */
	YT_RESOLVE_RESEND,        /* the same octets again; "already there" counts as done */
	YT_RESOLVE_QUERY,         /* ask; found: adopt; surely absent: the same octets again */
	YT_RESOLVE_REVERSE,       /* never again: undo it by the original's number */
	YT_RESOLVE_QUERY_REVERSE, /* a cancel: ask first; only if surely not done, undo it by its number */
	YT_RESOLVE_PARK,          /* cannot be found out by machine: an operator decides */
	/* Ask; found: adopt what it got, also a refusal; surely absent: it failed, and a new one may be sent.  As long
	 * as nobody says, or when the patient has left: undo it by its number, which is safe at any time. */
	YT_RESOLVE_ADOPT,
	/* Payments (bank.md part 2): ask, until somebody knows; found: adopt.  Absent counts only when two answers at
	 * least 5 minutes apart say so and the party could be reached in between: then the same octets again.  Never
	 * undone by itself; in the end an operator's. */
	YT_RESOLVE_PAY,
	/* The same where the party takes neither a message number twice nor an old time: then the same payment under
	 * a new message number and time (own_number, wall_ms), encoded again. */
	YT_RESOLVE_PAY_ANEW
};

/* One wire operation of the format. */
struct yt_wire_op {
	const char *wire;     /* "2207" */
	enum yt_operation op; /* what it does */
	enum yt_resolve resolve;
};

/* One HTTP header a codec adds to a request of ours, or reads from a request to us. */
struct yt_header {
	struct yt_str name; /* any case when read, as it shall stand when written */
	struct yt_str value;
};

enum yt_judgement { YT_FOUND = 1, YT_ABSENT = 2, YT_UNSURE = 3 };

/* Appends what shall stand in place of a secret: a keyed hash of it. */
typedef void yt_blank(void *ctx, struct yt_str secret, struct yt_buf *out);

/* The detail file of a reconciliation, both directions: what a hospital sends, and what the centre found. */
enum yt_statement { YT_STATEMENT_SENT, YT_STATEMENT_RESULT };

/* One settlement in it.  Texts are borrowed. */
struct yt_statement_row {
	struct yt_str person, visit, settlement;
	struct yt_str number, result, memo; /* of a result only: msgid; "1" the centre has more, "2" it has not; text */
	bool is_refund;
	bool has_amounts; /* of a result: the three amounts are there, as the centre has them */
	int64_t amount_fen, fund_fen, account_fen;
};

/* A request or answer as HTTP carries it: formats whose signature is over more than the octets. */
struct yt_http {
	struct yt_str method; /* "POST" */
	struct yt_str path;   /* with its query; of an answer that of its request */
	int status;           /* of an answer, else 0 */
	struct yt_header *headers;
	size_t n_headers;
	struct yt_str body;
};

/* What decode_reply hears as http_status where messages are handed over as files. */
enum yt_file_status {
	YT_FILE_HANDED_OVER = -1, /* it is where the party takes files from; the party has said nothing */
	YT_FILE_NAME_TAKEN = -2   /* a file with other octets had that name before: this one surely never left */
};

/* Where one message of a stream ends. */
struct yt_frame {
	struct yt_str message; /* what decode_request or decode_reply take; part of the octets given */
	size_t used;           /* octets it takes of them, with what is around it */
	size_t wants; /* octets that there must be at least to know more, counted from the same place: more than came */
	bool is_heartbeat; /* no message: answered by the same */
};

struct yt_codec_api {
	uint16_t abi_major, abi_minor;     /* what the plugin was built with; never moved */
	uint32_t size;                     /* sizeof(struct yt_codec_api) in that build, bytes */
	const char *name;                  /* "nhsa": [a-z0-9-], 1..31 bytes, static storage */
	const char *content_type;          /* of the octets, "application/json; charset=utf-8" */
	const struct yt_setting *settings; /* ends with a NULL key */
	const struct yt_wire_op *ops;      /* ends with a NULL wire */

	/* Once per instance before any other call; may be NULL, as may close.
	 * Returns 0; or YT_ECONF, after yt_plugin_log(YT_ERROR, "setting KEY ...") about the key at fault: `yitong
	 * check` shows that text, the first of them, at the key's line. */
	int (*open)(struct yt_plugin *self);
	void (*close)(struct yt_plugin *self);

	/* We are asked.  buf: len bytes, borrowed until the message's arena is reset.
	 * Returns 0; YT_EFORMAT or YT_ELIMIT with *fault filled (message may be partly filled, so that
	 * a refusal can name its number); YT_ENOMEM. */
	int (*decode_request)(struct yt_plugin *self, struct yt_str octets, struct yt_msg *msg, struct yt_fault *fault);
	/* The answer to msg in this format.  reply->outcome is YT_DONE or YT_REFUSED, never YT_UNKNOWN. */
	int (*encode_reply)(
	        struct yt_plugin *self, const struct yt_msg *msg, const struct yt_reply *reply, struct yt_buf *out);
	/* Checks the header signature of a request to us.  key: name of the sender's secret, found by
	 * the caller id that sender() gave.  now_ms: wall clock.  0, or YT_EDENIED with *fault. */
	int (*verify)(struct yt_plugin *self, const struct yt_header *headers, size_t n, struct yt_str key,
	        int64_t now_ms, struct yt_fault *fault);
	/* The caller id in the headers (x-tif-paasid); empty when there is none. */
	struct yt_str (*sender)(struct yt_plugin *self, const struct yt_header *headers, size_t n);

	/* We ask. */
	int (*encode_request)(
	        struct yt_plugin *self, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault);
	/* Reads the answer to msg.  http_status: 0 where the transport has none.  Never fails: what cannot
	 * be read is outcome YT_UNKNOWN with the reason as text.  Returns 0 or YT_ENOMEM. */
	int (*decode_reply)(struct yt_plugin *self, const struct yt_msg *msg, int http_status, struct yt_str octets,
	        struct yt_reply *reply);
	/* Headers for one try of a request of ours, made anew each time; texts live in arena.
	 * Returns how many were written (at most max), or YT_ENOTFOUND when the key is missing. */
	int (*sign)(struct yt_plugin *self, struct yt_arena *arena, int64_t now_ms, struct yt_header *out, size_t max);

	/* Finding out (nhsa.md 5.2-5.3).  Fills the query that tells whether original took effect; own
	 * message number, operator and sign_no are the caller's to set.  YT_ENOTFOUND: there is none. */
	int (*query_for)(struct yt_plugin *self, const struct yt_msg *original, struct yt_msg *query);
	/* What the answer to that query proves.  On YT_FOUND adopted is the answer that original
	 * would have got, as far as it can be known. */
	enum yt_judgement (*judge)(struct yt_plugin *self, const struct yt_msg *original, const struct yt_reply *answer,
	        struct yt_reply *adopted);
	/* Fills the message that undoes original by its number.  YT_ENOTFOUND: it cannot be undone so. */
	int (*reversal_of)(struct yt_plugin *self, const struct yt_msg *original, struct yt_msg *reversal);
	/* Fills a sign-in for an operator of ours. */
	int (*sign_in_for)(
	        struct yt_plugin *self, struct yt_str institution, struct yt_str operator_id, struct yt_msg *sign_in);

	/* Since 1.1; may be NULL.  Where a request of ours goes.  base: the path of the party's address.  0 with
	 * *path, which lives in arena or is borrowed from the instance; YT_ENOTFOUND: this party has no path for
	 * that transaction; YT_ENOMEM. */
	int (*path)(struct yt_plugin *self, struct yt_str wire_op, struct yt_str base, struct yt_arena *arena,
	        struct yt_str *path);
	/* Since 1.1; may be NULL.  Octets of a request (or its answer) without their secrets, for what is kept:
	 * appends to out the same message with each secret value replaced by what put appends (text without
	 * quotes, at most 256 octets).  0: there are none, out is untouched; 1: out has it; YT_EFORMAT: they
	 * cannot be read, so nobody knows; YT_ENOMEM. */
	int (*blank)(struct yt_plugin *self, struct yt_str wire_op, bool is_answer, struct yt_arena *arena,
	        struct yt_str octets, yt_blank *put, void *ctx, struct yt_buf *out);
	/* Since 1.1; may be NULL.  Appends the whole file (for nhsa a zip with name.txt in it) to out.  YT_EFORMAT: a
	 * text is missing or cannot stand in the file; YT_ENOMEM. */
	int (*statement_write)(struct yt_plugin *self, enum yt_statement kind, struct yt_str name,
	        const struct yt_statement_row *rows, size_t n, struct yt_buf *out);
	/* Reads such a file; *rows lives in arena.  YT_EFORMAT or YT_ELIMIT with *fault; YT_ENOMEM. */
	int (*statement_read)(struct yt_plugin *self, enum yt_statement kind, struct yt_str octets,
	        struct yt_arena *arena, struct yt_statement_row **rows, size_t *n, struct yt_fault *fault);
	/* Since 1.1; may be NULL.  How long the origin of a query may be kept waiting, ms; 0: as the party's timeouts
	 * say. instead (new): what it hears when that is over or the party cannot be asked; its outcome stays
	 * YT_UNKNOWN when that is to be a refusal. */
	int64_t (*patience)(struct yt_plugin *self, const struct yt_msg *msg, struct yt_reply *instead);

	/* Since 1.1; each may be NULL. */
	/* A number of ours in this format, made of a serial that was durable before: for yt_msg.own_number and
	 * yt_reply.own_number. */
	int (*make_number)(struct yt_plugin *self, struct yt_arena *arena, int64_t wall_ms, uint64_t serial,
	        struct yt_str *number);
	/* The stored answer to msg once more, where the format marks repeats or wants a new number and signature. */
	int (*repeat_reply)(struct yt_plugin *self, const struct yt_msg *msg, struct yt_str stored,
	        struct yt_str own_number, int64_t wall_ms, struct yt_buf *out);
	/* Decoding and encoding sign and verify (up to 2 ms): decode_request, encode_request, decode_reply,
	 * encode_reply and repeat_reply are called in a thread of the instance, one at a time; all others on the loop,
	 * also meanwhile. */
	bool is_slow;
	/* Since 1.1; may be NULL.  How a message is signed, for `yitong sign-explain`: appends lines "name: value", a
	 * secret as <secret NAME>.  headers: of an HTTP request, n of them; octets: its body.  keys: names of the
	 * secrets configured, each of which is tried.  0: a signature verifies; YT_EDENIED: none does, and the lines
	 * say what differs; YT_ENOTFOUND: there is none; YT_ENOMEM. */
	int (*explain_signature)(struct yt_plugin *self, const struct yt_header *headers, size_t n,
	        struct yt_str octets, const struct yt_str *keys, size_t n_keys, int64_t now_ms, struct yt_arena *arena,
	        struct yt_buf *out);

	/* Since 1.2; each may be NULL.  For formats that use more of HTTP than POST to one path. */
	/* One try of a request of ours, instead of path and sign: what encode_request wrote, made ready to be sent.
	 * base: path of the party's address.  out->headers: room for n_headers, which is set to those written; texts
	 * live in arena or are borrowed from octets.  0; YT_ENOTFOUND: a key is missing; YT_EFORMAT: not octets of this
	 * codec; YT_ENOMEM. */
	int (*http_request)(struct yt_plugin *self, struct yt_str octets, struct yt_str base, struct yt_arena *arena,
	        int64_t now_ms, struct yt_http *out);
	/* Whether an answer to octets is the party's, before decode_reply: 0; YT_EDENIED with *fault: whatever it says
	 * proves nothing, the outcome is unknown. */
	int (*http_verify_reply)(struct yt_plugin *self, struct yt_str octets, const struct yt_http *answer,
	        int64_t now_ms, struct yt_fault *fault);
	/* As verify, which is then not called: the signature is over method, path and body too.  decode_request finds
	 * the path in msg->path and the body as its octets, none of a GET.  On YT_EDENIED fault->path is the name of
	 * the header field at fault: encode_reply is then called for a message without an operation, with that name as
	 * msg->refusal (empty: nobody has that caller id) and reply->own_text 109, and http_reply after it. */
	int (*http_verify)(struct yt_plugin *self, const struct yt_http *request, struct yt_str key, int64_t now_ms,
	        struct yt_fault *fault);
	/* Status and headers of an answer of ours, for what encode_reply wrote, perhaps long ago: only octets say what
	 * became of it.  out as in http_request.  key: as in http_verify; empty: a certificate said who asks. */
	int (*http_reply)(struct yt_plugin *self, const struct yt_msg *msg, const struct yt_reply *reply,
	        struct yt_str octets, struct yt_str key, struct yt_arena *arena, int64_t now_ms, struct yt_http *out);

	/* Since 1.2; may be NULL.  Formats that are handed over as files: the name of the file that what encode_request
	 * wrote is, made in arena; letters, digits and . _ - only, always the same for the same octets.  Then
	 * decode_reply hears YT_FILE_HANDED_OVER or YT_FILE_NAME_TAKEN instead of an HTTP status, with no octets.  0;
	 * YT_EFORMAT: not octets of this codec; YT_ENOMEM. */
	int (*file_name)(struct yt_plugin *self, struct yt_str octets, struct yt_arena *arena, struct yt_str *name);
	/* Since 1.2; may be NULL: any file is.  Whether a file that somebody puts into a folder of ours has come to its
	 * end, so that half of one is waited for rather than refused.  From its last octets, which may be anything. */
	bool (*file_is_whole)(struct yt_plugin *self, struct yt_str octets);

	/* Since 1.2; both or neither.  Formats over a stream: where the first message ends of what has come.  0 with
	 * *out; YT_EAGAIN: more must come, out->wants in all; YT_EFORMAT, YT_ELIMIT: the connection is to be closed at
	 * once, and what was asked on it is unknown. */
	int (*frame_next)(struct yt_plugin *self, struct yt_str octets, struct yt_frame *out);
	/* Appends a message as it stands on the stream; an empty one is a heartbeat.  0; YT_ELIMIT; YT_ENOMEM. */
	int (*frame_put)(struct yt_plugin *self, struct yt_str message, struct yt_buf *out);

	/* Since 1.2; may be NULL, else ends with a NULL key.  Which settings name secrets and keys, so that `yitong
	 * check` finds a misspelt name at its line.  An empty value names none. */
	const struct yt_key_setting *key_settings;

	/* Since 1.2; may be NULL: all of them.  Why this instance, as it is configured, cannot say an operation of its
	 * table, static storage: "needs ..."; NULL: it can.  `yitong check` tells what rests on it. */
	const char *(*lacks)(struct yt_plugin *self, enum yt_operation op);
};

/* Defines the one symbol core looks up.  Stands last in the plugin's main file. */
#define YT_CODEC_PLUGIN(...)                                                                                           \
	YT_EXPORT extern const struct yt_codec_api yt_codec_api;                                                       \
	const struct yt_codec_api yt_codec_api = {                                                                     \
		.abi_major = YT_ABI_MAJOR, .abi_minor = YT_ABI_MINOR, .size = sizeof(struct yt_codec_api), __VA_ARGS__ \
	}

#endif
