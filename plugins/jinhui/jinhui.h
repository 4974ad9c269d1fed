/* plugins/jinhui/jinhui.h - what the files of this plugin share.
 *
 *   jinhui.c    settings, the operations it speaks, the table that core looks up
 *   envelope.c  HEAD, digest and signature, both directions; a new HEAD for another try
 *   request.c   a request between octets and the canonical message
 *   reply.c     the same of an answer, and what its code proves
 *   resolve.c   numbers of ours, and finding out what became of a case
 *   fields.tsv  every element; C is generated from it (plugins/insurer) */
#ifndef JINHUI_H
#define JINHUI_H

#include "insurer.h"

#define JH_BODY_MAX (8u << 20)
#define JH_WINDOW_MS INT64_C(600000)

/* One configured instance; nothing in it changes after open. */
struct jh {
	struct yt_str partner, sign_key, verify_key, allowed, types, levels;
	int64_t ask_again_s;
};

/* HEAD as it is read or written; texts are borrowed. */
struct jh_head {
	struct yt_str code, partner, number, time; /* TRANS_CODE, PARTNER_NO, TRANS_NO, TRANS_TIME */
	struct yt_str res_code, res_msg;           /* of an answer */
	struct yt_str digest, sign;
	int64_t sent_ms;
};

struct jh_message {
	struct jh_head head;
	struct yt_node *body;
	struct yt_str raw;   /* <BODY> ... </BODY> as transmitted */
	const char *refusal; /* code of what is wrong with it */
};

extern const struct ins_schema jinhui_schemas[]; /* generated from fields.tsv */
extern const struct yt_wire_op jh_ops[];

extern const struct ins_codes jh_codes; /* reply.c */

static inline const struct ins_schema *jh_schema(struct yt_str code)
{
	return ins_schema_of(jinhui_schemas, code);
}

static inline const char *jh_wire_of(enum yt_operation op)
{
	return ins_wire_of(jh_ops, op);
}

static inline bool jh_is_number(struct yt_str s)
{
	return ins_is_number("JH", s);
}

const struct yt_wire_op *jh_row(struct yt_str code);
void jh_map(struct yt_plugin *self, struct yt_arena *arena, const struct yt_msg *msg, struct yt_fault *fault,
        struct ins_map *map);

/* Document, HEAD and BODY; is_answer: with RES_CODE.  0, YT_EFORMAT or YT_ELIMIT with *fault, YT_ENOMEM. */
int jh_read(struct yt_arena *arena, struct yt_str octets, bool is_answer, struct jh_message *m, struct yt_fault *fault);
/* Digest, then signature by the key of that name.  0 or YT_EDENIED with *fault and m->refusal. */
int jh_verify(struct yt_plugin *self, struct jh_message *m, struct yt_str key, struct yt_fault *fault);
/* Writes the whole document around body (named BODY).  0, YT_EFORMAT or YT_EDENIED with *fault, YT_ENOMEM. */
int jh_seal(struct yt_plugin *self, const struct jh_head *head, struct yt_node *body, struct yt_buf *out,
        struct yt_fault *fault);
int jh_explain_signature(struct yt_plugin *self, const struct yt_header *headers, size_t n, struct yt_str octets,
        const struct yt_str *keys, size_t n_keys, int64_t now_ms, struct yt_arena *arena, struct yt_buf *out);
int jh_http_request(struct yt_plugin *self, struct yt_str octets, struct yt_str base, struct yt_arena *arena,
        int64_t now_ms, struct yt_http *out);

int jh_decode_request(struct yt_plugin *self, struct yt_str octets, struct yt_msg *msg, struct yt_fault *fault);
int jh_encode_request(struct yt_plugin *self, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault);
int jh_decode_reply(struct yt_plugin *self, const struct yt_msg *msg, int http_status, struct yt_str octets,
        struct yt_reply *reply);
int jh_encode_reply(struct yt_plugin *self, const struct yt_msg *msg, const struct yt_reply *reply, struct yt_buf *out);
/* What was sent for msg: its HEAD, and APPLY_NO and CASE_NO (may be NULL) in its BODY. */
int jh_sent(struct yt_arena *arena, const struct yt_msg *msg, struct jh_head *head, struct yt_str *apply_no,
        struct yt_str *case_no);

int jh_make_number(
        struct yt_plugin *self, struct yt_arena *arena, int64_t wall_ms, uint64_t serial, struct yt_str *number);
int jh_query_for(struct yt_plugin *self, const struct yt_msg *original, struct yt_msg *query);
enum yt_judgement jh_judge(
        struct yt_plugin *self, const struct yt_msg *original, const struct yt_reply *answer, struct yt_reply *adopted);

#endif
