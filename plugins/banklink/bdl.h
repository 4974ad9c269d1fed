/* plugins/banklink/bdl.h - what the files of this plugin share.
 *
 *   banklink.c   settings, the transactions it speaks, the table that core looks up
 *   frame.c      eight digits and so many octets: where a message ends
 *   envelope.c   BDL with Head, Body and Sign: read, written, signed over the octets
 *   rows.c       elements of one object by the rows of fields.tsv, both directions
 *   request.c    what we ask, and what is asked of us
 *   reply.c      answers, both directions; what one proves
 *   resolve.c    finding out by BD1002 and BD2002
 *   fields.tsv   every element; C is generated from it by rows_gen.awk
 * Batch files and the meaning of codes are bankfile's (bpf.h).  Section numbers are those of bank.md, profile BDL/1.0.
 */
#ifndef BDL_H
#define BDL_H

#include "bpf.h"
#include "yitong/plugin.h"

#define BDL_FRAME_MAX 1048576
#define BDL_INLINE_MAX (512u << 10) /* octets of a file that stands in its message */
#define BDL_ROWS_MAX 10000          /* of one repeated element: a page has 200 */

struct bdl_row {
	const char *element, *name;
	char type;
	uint16_t max;
	char need; /* 'Y', 'E', 'O' */
};
struct bdl_group {
	const char *name; /* "BD1001_in" */
	const struct bdl_row *rows;
	size_t n;
};
extern const struct bdl_group bdl_groups[]; /* generated; ends with a NULL name */
/* "BD1001" and "in", "out", "row"; NULL: there is none. */
const struct bdl_group *bdl_group(struct yt_str wire, const char *side);

/* One configured instance. */
struct bdl {
	struct yt_str corp_no, operator_id, bank, own_bank, name_check, channel;
	int64_t limit_fen;
	bool signs;
};

/* A message whose form is right; whether its signature is good is bdl_verify()'s to say. */
struct bdl_envelope {
	struct yt_xml xml;
	const struct yt_node *body;
	struct yt_node *head;   /* an object of texts by the rows of head_in or head_out */
	struct yt_str signed_;  /* octets from <Head> to </Body> */
	struct yt_str raw_body; /* octets of <Body> */
	struct yt_str sign;     /* Base64 */
};

/* frame.c */
int bdl_frame_next(struct yt_plugin *self, struct yt_str octets, struct yt_frame *out);
int bdl_frame_put(struct yt_plugin *self, struct yt_str message, struct yt_buf *out);

/* envelope.c */
int bdl_read(
        struct yt_arena *arena, struct yt_str octets, bool is_answer, struct bdl_envelope *e, struct yt_fault *fault);
/* owner: whose key.  0; YT_EDENIED with *fault; YT_ENOMEM. */
int bdl_verify(struct yt_plugin *self, const struct bdl_envelope *e, struct yt_str owner, int64_t now_ms,
        struct yt_fault *fault);
/* Writes a whole message: head by head_in or head_out, values of the body by `group` (may be NULL: none), and rows of
 * `list` by `row_group` under `row_name` behind them.  cert_sn and signature are made here. */
struct bdl_writing {
	struct yt_node *head;
	const struct yt_node *values, *list;
	const struct bdl_group *group, *row_group;
	const char *row_name;
	bool is_answer;
	int64_t now_ms;
};
int bdl_write(struct yt_plugin *self, const struct bdl_writing *what, struct yt_buf *out, struct yt_fault *fault);

/* rows.c */
int bdl_write_rows(struct yt_xml_writer *w, const struct bdl_group *group, const struct yt_node *values,
        const char *path, struct yt_arena *arena, struct yt_fault *fault);
/* Reads element's children into the object out; path: of element in faults, "Body".  An element twice is refused. */
int bdl_read_rows(struct yt_arena *arena, const struct bdl_group *group, const struct yt_node *element,
        struct yt_node *out, const char *path, struct yt_fault *fault);
int bdl_put(struct yt_arena *arena, struct yt_node *object, const char *name, struct yt_str text); /* sets or adds */

/* request.c */
int bdl_decode_request(struct yt_plugin *self, struct yt_str octets, struct yt_msg *msg, struct yt_fault *fault);
int bdl_encode_request(struct yt_plugin *self, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault);
int64_t bdl_now(const struct yt_msg *msg);
/* A file in Base64 into rows of payout: body's data and payout are made.  It must be what FileLen and FileSm3 say. */
int bdl_read_file(struct yt_arena *arena, const struct yt_node *values, struct bpf_head *head, struct yt_node **body,
        struct yt_fault *fault);

/* reply.c */
int bdl_encode_reply(
        struct yt_plugin *self, const struct yt_msg *msg, const struct yt_reply *reply, struct yt_buf *out);
int bdl_decode_reply(struct yt_plugin *self, const struct yt_msg *msg, int http_status, struct yt_str octets,
        struct yt_reply *reply);
/* Octets are an answer and no request. */
bool bdl_is_answer(struct yt_str octets);
/* An answer BD3002 that was fetched, as what the bank tells (statement.notice): msg's `data`, `statement` with its
 * `entry` rows, and data.is_whole, 0 while the last of its days is not over.  Its number is made of what it says, so
 * that the same page is one however often it is fetched.  As yt_codec_api.decode_request. */
int bdl_decode_statement(struct yt_plugin *self, struct yt_str octets, struct yt_msg *msg, struct yt_fault *fault);

/* resolve.c */
int bdl_query_for(struct yt_plugin *self, const struct yt_msg *original, struct yt_msg *query);
enum yt_judgement bdl_judge(
        struct yt_plugin *self, const struct yt_msg *original, const struct yt_reply *answer, struct yt_reply *adopted);

/* banklink.c */
const struct yt_op *bdl_op_of(struct yt_str wire); /* NULL: no transaction of the profile */
struct yt_str bdl_wire_of(enum yt_operation op);   /* empty: none */

#endif
