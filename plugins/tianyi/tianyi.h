/* plugins/tianyi/tianyi.h - what the files of this plugin share.
 *
 *   tianyi.c   settings, the operations it speaks, the table that core looks up
 *   call.c     which call a path is, and back; the octets of a request
 *   request.c  a request between octets and the canonical message
 *   reply.c    the same of an answer, and what its code proves
 *   resolve.c  numbers of ours, and finding out what became of a claim
 *   sign.c     the header fields of insurer.md 6.2
 *   fields.tsv every member; C is generated from it (plugins/insurer)
 *
 * The octets of a request are "METHOD path LF body", since half of it stands in the path; a GET has its number as a
 * third word.  What is signed and sent is made of them in sign.c. */
#ifndef TIANYI_H
#define TIANYI_H

#include "insurer.h"

#define TY_BODY_MAX (4u << 20)

struct ty_nonces; /* sign.c */

/* One configured instance. */
struct ty {
	struct yt_str app_id, key, field_key, product, callback_path, allowed, types, levels, insurer;
	bool is_11; /* TY/1.1: quote and mode */
	int64_t window_s, ask_again_s;
	struct ty_nonces *nonces;
};

enum ty_verb { TY_POST, TY_GET };

/* One call as its path says it. */
struct ty_call {
	const char *wire; /* NULL: no call of the profile */
	enum ty_verb verb;
	struct yt_str claim;         /* claimNo in the path; of reconciliation the date */
	struct yt_str request, page; /* of the query */
	struct yt_str number;        /* of a GET of ours */
	struct yt_str body;
	bool has_line; /* the octets begin with the request line */
};

extern const struct ins_schema tianyi_schemas[]; /* generated from fields.tsv */
extern const struct yt_wire_op ty_ops[];

extern const struct ins_codes ty_codes; /* reply.c */

static inline const struct ins_schema *ty_schema(const char *wire)
{
	return ins_schema_of(tianyi_schemas, yt_str(wire));
}

static inline const char *ty_wire_of(enum yt_operation op)
{
	return ins_wire_of(ty_ops, op);
}

static inline bool ty_is_number(struct yt_str s)
{
	return ins_is_number("TY", s);
}

/* What the octets of a request ask for; path: that of the listener, empty when the octets say it. */
void ty_call_read(const struct ty *ty, struct yt_str octets, struct yt_str path, struct ty_call *call);
/* The path of a call; YT_EFORMAT when a part of it is missing or cannot stand in a path. */
int ty_call_path(const struct ty *ty, const struct ty_call *call, struct yt_arena *arena, struct yt_str *path);
/* Whether it may stand in a path or query as it is. */
bool ty_is_plain(struct yt_str s);
/* Strict JSON of an object; *why on YT_EFORMAT and YT_ELIMIT. */
int ty_read_json(struct yt_arena *arena, struct yt_str octets, struct yt_node **root, const char **why);
/* Number of the request that was sent for msg. */
struct yt_str ty_sent_number(const struct ty *ty, const struct yt_msg *msg, struct yt_arena *arena);
void ty_map(struct yt_plugin *self, struct yt_arena *arena, const struct yt_msg *msg, struct yt_fault *fault,
        struct ins_map *map);

int ty_decode_request(struct yt_plugin *self, struct yt_str octets, struct yt_msg *msg, struct yt_fault *fault);
const char *ty_lacks(struct yt_plugin *self, enum yt_operation op); /* NULL: nothing */
int ty_encode_request(struct yt_plugin *self, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault);
int ty_decode_reply(struct yt_plugin *self, const struct yt_msg *msg, int http_status, struct yt_str octets,
        struct yt_reply *reply);
int ty_encode_reply(struct yt_plugin *self, const struct yt_msg *msg, const struct yt_reply *reply, struct yt_buf *out);
/* HTTP status of an answer of ours, by its code. */
int ty_status_of(struct yt_str code, const struct yt_msg *msg);
/* The code in an answer that this plugin wrote. */
struct yt_str ty_code_in(struct yt_str octets);

int ty_make_number(
        struct yt_plugin *self, struct yt_arena *arena, int64_t wall_ms, uint64_t serial, struct yt_str *number);
int ty_query_for(struct yt_plugin *self, const struct yt_msg *original, struct yt_msg *query);
enum yt_judgement ty_judge(
        struct yt_plugin *self, const struct yt_msg *original, const struct yt_reply *answer, struct yt_reply *adopted);

struct yt_str ty_sender(struct yt_plugin *self, const struct yt_header *headers, size_t n);
int ty_verify(struct yt_plugin *self, const struct yt_header *headers, size_t n, struct yt_str key, int64_t now_ms,
        struct yt_fault *fault);
int ty_sign(struct yt_plugin *self, struct yt_arena *arena, int64_t now_ms, struct yt_header *out, size_t max);
int ty_http_request(struct yt_plugin *self, struct yt_str octets, struct yt_str base, struct yt_arena *arena,
        int64_t now_ms, struct yt_http *out);
int ty_http_verify_reply(struct yt_plugin *self, struct yt_str octets, const struct yt_http *answer, int64_t now_ms,
        struct yt_fault *fault);
int ty_http_verify(struct yt_plugin *self, const struct yt_http *request, struct yt_str key, int64_t now_ms,
        struct yt_fault *fault);
int ty_explain_signature(struct yt_plugin *self, const struct yt_header *headers, size_t n, struct yt_str octets,
        const struct yt_str *keys, size_t n_keys, int64_t now_ms, struct yt_arena *arena, struct yt_buf *out);
int ty_http_reply(struct yt_plugin *self, const struct yt_msg *msg, const struct yt_reply *reply, struct yt_str octets,
        struct yt_str key, struct yt_arena *arena, int64_t now_ms, struct yt_http *out);

#endif
