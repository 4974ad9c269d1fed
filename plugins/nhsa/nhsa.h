/* plugins/nhsa/nhsa.h - what the files of this plugin share.
 *
 *   nhsa.c     settings, the operations it speaks, the table that core looks up
 *   request.c  envelope and business part of a request, both directions
 *   reply.c    the same of an answer, and what an answer proves
 *   resolve.c  queries, judgements, reversals and sign-ins of our own
 *   filing.c   the same of filings (备案) and payment orders
 *   sign.c     signing headers, both directions; sign_bus.c: those of an API bus
 *   text.c     Base64 and hexadecimal
 *   seal.c     encryption of input and output (variant B)
 *   wrap.c     the wrapped form of mobile payment (variant C); wrap_text.c: what it signs
 *   path.c     where a transaction goes
 *   blank.c    a message without its secrets
 *   statement.c  the detail file of 3202
 *   upload.c   the two forms of a file in 9101
 *   review.c   the time budget of 3101 and 3102
 *   fields.tsv every member that is checked; C is generated from it */
#ifndef NHSA_H
#define NHSA_H

#include "yitong/plugin.h"

#define NHSA_WORDS_MAX 32   /* words in one list setting */
#define NHSA_NUMBERS_MAX 16 /* transactions that go under another number */
#define NHSA_PATHS_MAX 64   /* transactions with a path of their own */
#define NHSA_EXTRAS_MAX 16  /* constant members added to the envelope */
#define NHSA_WIRE_MAX 8     /* a transaction number is shorter than this */
#define NHSA_NUMBER_MAX 30  /* characters of a msgid */

struct nhsa_words {
	struct yt_str word[NHSA_WORDS_MAX];
	size_t n;
};

struct nhsa_extra {
	struct yt_str name, value;
};

struct nhsa_nonces; /* sign.c */

enum nhsa_time { NHSA_TIME_MS, NHSA_TIME_S, NHSA_TIME_COMPACT };
enum nhsa_file { NHSA_FILE_KEEP, NHSA_FILE_BASE64, NHSA_FILE_BYTES };
enum nhsa_path { NHSA_PATH_ONE, NHSA_PATH_NUMBER, NHSA_PATH_SERVICE };

/* One configured instance. */
struct nhsa {
	struct yt_str paasid, key, recer_sys_code, infver, operator, operator_name, sign_in_mac, sign_in_ip,
	        med_type_out, med_type_in;
	struct yt_str refund_id_member;
	char header_name[4][24]; /* paasid, timestamp, nonce, signature; empty when signing is off */
	bool signs, hex_upper, on_bus, api_seconds;
	struct yt_str api_name, api_version;
	int64_t window_s, visit_query_days, file_max_mib, file_max_ratio;
	struct nhsa_extra extra[NHSA_EXTRAS_MAX];
	size_t n_extra;
	enum nhsa_path path;
	struct nhsa_extra paths[NHSA_PATHS_MAX]; /* name: the transaction's number */
	size_t n_paths;
	struct nhsa_extra numbers[NHSA_NUMBERS_MAX]; /* name: ours, value: what this province calls it */
	size_t n_numbers;
	enum nhsa_file file_form;
	int64_t review_ms;
	bool review_open;
	struct yt_str input_key;            /* variant B; empty: input and output are open */
	struct yt_str sign_key, verify_key; /* of variants B and C: ours, the other side's */
	struct yt_str app_id;               /* variant C; empty: mobile payment is not wrapped */
	struct yt_str app_secret, app_institution, wrap_version;
	enum nhsa_time wrap_time;
	bool id_is_secret; /* the user id of variant C's signatures; else the usual one */
	struct nhsa_words unknown, never_happened, session_expired, gateway;
	struct nhsa_words lines_there, entries_gone, discharged,
	        not_discharged;     /* refused, since it had been done before */
	struct nhsa_nonces *nonces; /* made at the first signature that is checked */
};

extern const struct yt_table nhsa_tables[], nhsa_envelope; /* generated from fields.tsv, in its order */
extern const unsigned nhsa_n_tables;

const struct yt_table *nhsa_table(struct yt_str wire);     /* NULL: not one of ours */
const struct yt_wire_op *nhsa_wire_op(struct yt_str wire); /* NULL: passed on unread */

/* Reads JSON; octets that are not UTF-8 are first read as GB18030 (some clients and library bridges send
 * GBK).  *text: what the tree's offsets are about. */
int nhsa_read_json(struct yt_arena *arena, struct yt_str octets, struct yt_str *text, struct yt_node **root,
        struct yt_json_error *err);
/* Text that may be GB18030 as UTF-8.  0, YT_EFORMAT when it is neither, YT_ENOMEM. */
int nhsa_to_utf8(struct yt_arena *arena, struct yt_str octets, struct yt_str *text);
/* Takes the member out of object; NULL when it has none. */
struct yt_node *nhsa_unlink(struct yt_node *object, const char *name);
/* First of the names that has a text. */
struct yt_str nhsa_text_of(const struct yt_node *object, const char *a, const char *b);
/* Fills visit, settlement, sign_no and amounts of a reply from its body. */
void nhsa_reply_extract(struct yt_reply *reply);
/* Appends `,"name":` or without comma when it is the first. */
void nhsa_put_name(struct yt_buf *out, bool *first, struct yt_str name);

int nhsa_decode_request(struct yt_plugin *self, struct yt_str octets, struct yt_msg *msg, struct yt_fault *fault);
int nhsa_encode_request(struct yt_plugin *self, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault);
int nhsa_decode_reply(struct yt_plugin *self, const struct yt_msg *msg, int http_status, struct yt_str octets,
        struct yt_reply *reply);
int nhsa_encode_reply(
        struct yt_plugin *self, const struct yt_msg *msg, const struct yt_reply *reply, struct yt_buf *out);

int nhsa_sign(struct yt_plugin *self, struct yt_arena *arena, int64_t now_ms, struct yt_header *out, size_t max);
int nhsa_verify(struct yt_plugin *self, const struct yt_header *headers, size_t n, struct yt_str key, int64_t now_ms,
        struct yt_fault *fault);
struct yt_str nhsa_sender(struct yt_plugin *self, const struct yt_header *headers, size_t n);
/* The one header of that name; empty when there is none or more than one. */
struct yt_str nhsa_header(const struct yt_header *headers, size_t n, const char *name);
int nhsa_explain_signature(struct yt_plugin *self, const struct yt_header *headers, size_t n, struct yt_str octets,
        const struct yt_str *keys, size_t n_keys, int64_t now_ms, struct yt_arena *arena,
        struct yt_buf *out); /* sign_tell.c */
int nhsa_bus_sign(struct yt_plugin *self, struct yt_arena *arena, int64_t now_ms, struct yt_header *out, size_t max);
struct yt_str nhsa_bus_sender(const struct yt_header *headers, size_t n);
int nhsa_bus_verify(struct yt_plugin *self, const struct yt_header *headers, size_t n, struct yt_str key,
        int64_t now_ms, struct yt_fault *fault);

/* Append; the readers return YT_EFORMAT for what is no such text, YT_ENOMEM.  Hex: written upper, read either. */
void nhsa_put_base64(struct yt_str octets, struct yt_buf *out);
int nhsa_get_base64(struct yt_str text, struct yt_buf *out);
void nhsa_put_hex(struct yt_str octets, struct yt_buf *out);
int nhsa_get_hex(struct yt_str text, struct yt_buf *out);

/* Variant B.  put appends the sealed text with its quotes, sign the Base64 of the signature. */
int nhsa_seal_put(struct yt_plugin *self, struct yt_str plain, struct yt_buf *out);
int nhsa_seal_sign(struct yt_plugin *self, struct yt_str plain, struct yt_buf *out);
/* Replaces *body by what it holds, *text being what its offsets are about, and takes the members that are about
 * the sealing out of head.  YT_EFORMAT with *why, static text that follows the name of the member; YT_ENOMEM. */
int nhsa_seal_open(struct yt_plugin *self, struct yt_arena *arena, struct yt_node *head, struct yt_node **body,
        bool is_answer, struct yt_str *text, const char **why);

/* Variant C. */
bool nhsa_is_payment(enum yt_operation op);
bool nhsa_is_wrapped(const struct yt_node *root);
/* Fills head, body and content of msg.  YT_EFORMAT with *fault, YT_ENOMEM. */
int nhsa_unwrap_request(struct yt_plugin *self, const struct yt_node *root, struct yt_msg *msg, struct yt_fault *fault);
/* Fills code, text, head and body of reply.  YT_EFORMAT with *why: it proves nothing. */
int nhsa_unwrap_reply(struct yt_plugin *self, struct yt_node *root, struct yt_reply *reply, const char **why);
int nhsa_wrap_request(struct yt_plugin *self, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault);
int nhsa_wrap_reply(struct yt_plugin *self, const struct yt_msg *msg, const struct yt_reply *reply, struct yt_buf *out);

void nhsa_nonces_free(struct nhsa_nonces *nonces);

/* A text of the original, in the arena of the message made; .p is NULL when out of memory. */
struct yt_str nhsa_keep(struct yt_arena *arena, struct yt_str s);
/* Makes msg one of ours about original's person and institution; the empty business node, NULL: no memory. */
struct yt_node *nhsa_begin(
        struct yt_msg *msg, const struct yt_msg *original, enum yt_operation op, const char *wire, const char *node);
struct yt_node *nhsa_put(struct yt_arena *arena, struct yt_node *data, const char *name, struct yt_str text);
enum yt_judgement nhsa_found(struct yt_reply *adopted);
int nhsa_filing_query(const struct nhsa *nhsa, const struct yt_msg *original, struct yt_msg *query);
enum yt_judgement nhsa_filing_judge(
        const struct yt_msg *original, const struct yt_reply *answer, struct yt_reply *adopted);

/* What this province calls the transaction. */
struct yt_str nhsa_number(const struct nhsa *nhsa, struct yt_str wire);
/* Brings the file of a 9101 into the form wanted.  YT_EFORMAT with *fault, YT_ENOMEM. */
int nhsa_upload_form(const struct nhsa *nhsa, const struct yt_msg *msg, struct yt_fault *fault);
int64_t nhsa_patience(struct yt_plugin *self, const struct yt_msg *msg, struct yt_reply *instead);
int nhsa_path(
        struct yt_plugin *self, struct yt_str wire, struct yt_str base, struct yt_arena *arena, struct yt_str *path);
/* The transaction whose path that is; empty: none that stands alone. */
struct yt_str nhsa_wire_of_path(const struct nhsa *nhsa, struct yt_str path);
int nhsa_blank(struct yt_plugin *self, struct yt_str wire, bool is_answer, struct yt_arena *arena, struct yt_str octets,
        yt_blank *put, void *ctx, struct yt_buf *out);
int nhsa_statement_write(struct yt_plugin *self, enum yt_statement kind, struct yt_str name,
        const struct yt_statement_row *rows, size_t n, struct yt_buf *out);
int nhsa_statement_read(struct yt_plugin *self, enum yt_statement kind, struct yt_str octets, struct yt_arena *arena,
        struct yt_statement_row **rows, size_t *n, struct yt_fault *fault);

int nhsa_query_for(struct yt_plugin *self, const struct yt_msg *original, struct yt_msg *query);
enum yt_judgement nhsa_judge(
        struct yt_plugin *self, const struct yt_msg *original, const struct yt_reply *answer, struct yt_reply *adopted);
int nhsa_reversal_of(struct yt_plugin *self, const struct yt_msg *original, struct yt_msg *reversal);
int nhsa_sign_in_for(
        struct yt_plugin *self, struct yt_str institution, struct yt_str operator_id, struct yt_msg *sign_in);

#endif
