/* plugins/crossprovince/ksbw.h - what the files of this plugin share.
 *
 *   crossprovince.c  settings, the operations it speaks, the table that core looks up
 *   envelope.c       <head>: read, checked, written; digest and signature over the octets
 *   body.c           <input> and <output> by the rows of fields.tsv, both directions
 *   value.c          one value between its wire form and the canonical one; code maps
 *   own.c            what we wrote ourselves, read again
 *   facts.c          where a value is found when we write: message, case facts, sums over fee lines
 *   invariants.c     what must add up on one message: I1 to I8
 *   request.c        a request, both directions
 *   reply.c          an answer, both directions; what its code proves
 *   settle.c         what a settlement's answer lacks for a national reader
 *   resolve.c        P201, 1301: finding out and undoing
 *   fields.tsv       every element; C is generated from it by schema_gen.awk
 *
 * Section numbers are those of crossprovince.md, profile KSBW 1.0. */
#ifndef KSBW_H
#define KSBW_H

#include "yitong/plugin.h"

#define KSBW_MAP_MAX 64    /* pairs of one map setting */
#define KSBW_NUMBER_LEN 30 /* digits of a transid: area 6, time 14, serial 10 */
#define KSBW_OCTETS_MAX 4194304
#define KSBW_TEXT_MAX 400 /* characters of errormsg */

enum ksbw_type {
	KSBW_Area,
	KSBW_D8,
	KSBW_T14,
	KSBW_Amt,
	KSBW_NegAmt,
	KSBW_AmtSum,
	KSBW_Qty,
	KSBW_Pric,
	KSBW_Int,
	KSBW_SInt,
	KSBW_Code,
	KSBW_C20,
	KSBW_C50,
	KSBW_C200,
	KSBW_C400,
	KSBW_RegNo,
	KSBW_SetlNo,
	KSBW_TransNo,
	KSBW_TransId,
	KSBW_TransId0,
	KSBW_YN,
	KSBW_Hex64,
	KSBW_Hex130,
	KSBW_Enum,
	KSBW_Refund,
	KSBW_B64,
	KSBW_Rows /* repeated elements with elements inside */
};

/* One element, in the order of the wire. */
struct ksbw_field {
	const char *wire;
	uint8_t wire_n;
	uint8_t type; /* enum ksbw_type */
	uint16_t min, max;
	const char *name[3];  /* canonical; [0] is written when reading, all are tried when writing */
	const char *node[3];  /* [0] NULL: a member of struct yt_msg; [1]: where it is no in-patient's */
	const char *codes;    /* Enum: its values; Code: the map, NULL for none; text: "secret" */
	const char *fallback; /* written when nobody says */
	const char *from;     /* which message brings it */
	const char *wrap;     /* Rows: the element around them, NULL for none */
	const struct ksbw_field *rows;
	uint8_t n_rows;
	const char *zh;
};

struct ksbw_schema {
	const char *number;
	const struct ksbw_field *in;
	uint8_t n_in;
	const struct ksbw_field *out;
	uint8_t n_out;
};

extern const struct ksbw_schema ksbw_schemas[]; /* generated; ends with a NULL number */

struct ksbw_pair {
	struct yt_str left, right;
};

struct ksbw_map {
	const char *name;
	struct ksbw_pair pair[KSBW_MAP_MAX];
	size_t n;
	bool passes; /* ends with *: what is in no pair is the same on both sides */
};

enum { KSBW_MAP_INSUTYPE, KSBW_MAP_MED_TYPE, KSBW_MAP_PSN_TYPE, KSBW_MAP_CERT_TYPE, KSBW_MAPS };

/* One configured instance. */
struct ksbw {
	struct yt_str area, hub;
	enum yt_charset charset;
	int64_t expire_s;
	bool keeps_unknown, relays, signs;
	unsigned invariants;            /* bit n: In is checked */
	struct ksbw_map map[KSBW_MAPS]; /* national code = code on the wire */
	struct ksbw_map receivers, funds, line_kinds;
};

struct ksbw_head {
	struct yt_str transno, msgtype, transid, reftransid, sender, recver, treatment_area, insured_area, sendtime,
	        expire, keyid, digest, sign;
	int64_t sent_ms, expire_s;
};

/* A document that is well-formed and whose head keeps to 7.2. */
struct ksbw_envelope {
	struct yt_xml xml;
	struct ksbw_head head;
	struct yt_node *body; /* <input> or <result>; NULL when even that was not to be found */
	struct yt_str raw;    /* its octets */
};

/* What a refusal needs: where, why, and the code of 7.7. */
struct ksbw_trouble {
	struct yt_fault *fault;
	const char *code; /* "-1002" */
};

/* crossprovince.c */
const struct ksbw_schema *ksbw_schema(struct yt_str number); /* NULL: not in this profile */
/* The number in this format of a message, whatever format it came in; empty when there is none. */
struct yt_str ksbw_number_of(const struct yt_msg *msg);
/* The operation of a number.  med_type, canonical, tells in- from out-patients where both share it. */
const struct yt_op *ksbw_op_of(struct yt_str number, struct yt_str med_type);
bool ksbw_is_inpatient(enum yt_operation op);

/* value.c */
struct ksbw_value {
	struct yt_str text; /* may be in tmp */
	char tmp[64];
};
/* NULL, or what is wrong.  code: the map a Code goes through, else NULL. */
const char *ksbw_to_wire(const struct ksbw *k, const struct ksbw_field *f, struct yt_str text, struct ksbw_value *out);
const char *ksbw_from_wire(
        const struct ksbw *k, const struct ksbw_field *f, struct yt_str text, struct ksbw_value *out);
bool ksbw_is_number(enum ksbw_type type); /* a NUMBER in the canonical tree */
/* Reads "a=b;c=d;*" into map.  NULL, or what is wrong. */
const char *ksbw_map_read(struct yt_str list, struct ksbw_map *map);
/* Right side of the pair whose left side is code; empty when there is none. */
struct yt_str ksbw_map_right(const struct ksbw_map *map, struct yt_str code);
bool ksbw_is_digits(struct yt_str s, size_t n); /* exactly n digits */
bool ksbw_is_amount(struct yt_str s);           /* of 7.5, negative zero refused */
/* A quantity or price as integer of 1/10000; false when it is none. */
bool ksbw_scaled(struct yt_str s, int64_t *out);

#define KSBW_OBJECTS 12
#define KSBW_SUMS 11
#define KSBW_BUCKETS 64

/* A member of one of a tree's objects. */
struct ksbw_member {
	const struct yt_node *node;
	size_t place; /* of its object, in facts.c; KSBW_OBJECTS: the tree's own */
	struct ksbw_member *next;
};

struct ksbw_bucket {
	struct ksbw_member *first, *last;
};

/* The members of a tree and of its objects by name. */
struct ksbw_index {
	bool known;
	struct ksbw_bucket buckets[KSBW_BUCKETS];
};

/* What is being written, and where its values may be found. */
struct ksbw_source {
	const struct ksbw *k;
	const struct yt_msg *msg;
	const struct yt_node *body;  /* canonical business part */
	const struct yt_node *facts; /* may be NULL */
	struct yt_arena *arena;
	const char *root; /* of paths: "input", "output" */
	const struct ksbw_schema *schema;
	bool is_reply;
	struct ksbw_index in_body, in_facts, in_request; /* facts.c's own, as are the following */
	bool no_memory;
	bool is_added, adds_up;
	int64_t sum[KSBW_SUMS];
};

/* facts.c */
/* The value of one element outside of rows; empty when nobody says.  *no_memory when the arena is full. */
struct yt_str ksbw_find(struct ksbw_source *s, const struct ksbw_field *f, bool *no_memory);
/* Some object of the business part that holds single values under that name, or NULL. */
const struct yt_node *ksbw_object(const struct yt_node *body, const char *name);
/* SM3 of 7.3 over accepted lines, as lower-case hex.  rows: canonical, in any order. */
int ksbw_fee_hash(struct yt_arena *arena, const struct yt_node *rows, char out[65]);

/* body.c */
/* Writes the elements of one side into w.  0, YT_EFORMAT with *fault, YT_ENOMEM. */
int ksbw_write_body(struct ksbw_source *s, const struct ksbw_field *fields, size_t n, struct yt_xml_writer *w,
        struct yt_fault *fault);
/* Reads element by the fields into a new canonical tree.  inpatient: which node names are made. */
int ksbw_read_body(const struct ksbw *k, struct yt_arena *arena, const struct yt_node *element, const char *root,
        const struct ksbw_field *fields, size_t n, bool inpatient, struct yt_node **body, struct yt_fault *fault);

/* envelope.c */
int ksbw_read(struct yt_plugin *self, struct yt_arena *arena, struct yt_str octets, struct ksbw_envelope *e,
        struct ksbw_trouble *t);
/* Key, signature, digest, in the order of 7.3.  0 or YT_EDENIED. */
int ksbw_verify(struct yt_plugin *self, const struct ksbw_envelope *e, struct ksbw_trouble *t);
/* Appends what the signature is over; YT_ENOMEM. */
int ksbw_string_to_sign(struct yt_buf *out, const struct ksbw_head *h);
int ksbw_explain_signature(struct yt_plugin *self, const struct yt_header *headers, size_t n, struct yt_str octets,
        const struct yt_str *keys, size_t n_keys, int64_t now_ms, struct yt_arena *arena, struct yt_buf *out);
/* Writes the whole message around body, an element in that charset; fills keyid, digest and sign. */
int ksbw_seal(struct yt_plugin *self, struct ksbw_head *head, struct yt_str body, enum yt_charset charset,
        int64_t now_ms, struct yt_buf *out, struct yt_fault *fault);
/* Reads one element that was written or stored without its document. */
int ksbw_read_fragment(struct yt_arena *arena, struct yt_str octets, enum yt_charset charset, struct yt_node **element);
/* Head members as texts of an object, and back. */
struct yt_node *ksbw_head_node(struct yt_arena *arena, const struct ksbw_head *head);
void ksbw_head_of(const struct yt_node *node, struct ksbw_head *head);
/* What we sent for msg: the head, and the canonical business part if body is not NULL (*body NULL: not known).
 * Read from msg->sent, or msg->octets of one read back; else the head is made again, if its number is fixed.
 * False when neither can be had. */
bool ksbw_sent(struct yt_plugin *self, struct yt_arena *arena, const struct yt_msg *msg, struct ksbw_head *head,
        struct yt_node **body);
/* A number of ours: area, time, serial. */
void ksbw_number(const struct ksbw *k, int64_t wall_ms, uint64_t serial, char out[KSBW_NUMBER_LEN + 1]);
int ksbw_refuse(struct yt_fault *fault, int error, const char *path, const char *why);

/* own.c */
/* Reads one element that this plugin wrote; NULL: it is not in our way of writing, or no memory.  Borrows octets.
 * rest: what stands behind it, may be NULL. */
struct yt_node *ksbw_read_own(
        struct yt_arena *arena, struct yt_str octets, enum yt_charset charset, struct yt_str *rest);

/* request.c */
/* The head of msg as we write it, without key, digest and signature. */
int ksbw_make_head(const struct ksbw *k, const struct yt_msg *msg, struct yt_str number, struct ksbw_head *head,
        struct yt_fault *fault);

/* invariants.c */
/* NULL, or the name of the rule that is broken ("I3") with *fault filled. */
const char *ksbw_check_request(
        const struct ksbw *k, struct yt_str number, const struct yt_msg *msg, struct yt_fault *fault);
/* asked: canonical business part of the request, NULL when it is not known. */
const char *ksbw_check_reply(const struct ksbw *k, struct yt_str number, const struct yt_node *asked,
        const struct yt_node *body, struct yt_fault *fault);

/* settle.c */
/* Splits aae045, and adds what the national interface has beside. */
int ksbw_complete_settlement(
        const struct ksbw *k, const struct yt_msg *msg, const struct yt_node *asked, struct yt_reply *reply);
int ksbw_complete_cancel(const struct yt_msg *msg, const struct yt_node *asked, struct yt_reply *reply);

/* reply.c */
enum ksbw_class { KSBW_DONE, KSBW_F, KSBW_U, KSBW_R };
enum ksbw_class ksbw_class_of(struct yt_str code);
/* Reads <result>: fills reply by what it says.  by_owner: whether the business owner says it. */
int ksbw_take_result(struct yt_plugin *self, const struct yt_msg *msg, struct yt_str number,
        const struct yt_node *result, bool by_owner, const struct yt_node *asked, struct yt_reply *reply);

int ksbw_decode_request(struct yt_plugin *self, struct yt_str octets, struct yt_msg *msg, struct yt_fault *fault);
int ksbw_blank(struct yt_plugin *self, struct yt_str wire, bool is_answer, struct yt_arena *arena, struct yt_str octets,
        yt_blank *put, void *ctx, struct yt_buf *out);
int ksbw_encode_request(struct yt_plugin *self, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault);
int ksbw_decode_reply(struct yt_plugin *self, const struct yt_msg *msg, int http_status, struct yt_str octets,
        struct yt_reply *reply);
int ksbw_encode_reply(
        struct yt_plugin *self, const struct yt_msg *msg, const struct yt_reply *reply, struct yt_buf *out);
int ksbw_repeat_reply(struct yt_plugin *self, const struct yt_msg *msg, struct yt_str stored, struct yt_str own_number,
        int64_t wall_ms, struct yt_buf *out);
int ksbw_make_number(
        struct yt_plugin *self, struct yt_arena *arena, int64_t wall_ms, uint64_t serial, struct yt_str *number);
int ksbw_query_for(struct yt_plugin *self, const struct yt_msg *original, struct yt_msg *query);
enum yt_judgement ksbw_judge(
        struct yt_plugin *self, const struct yt_msg *original, const struct yt_reply *answer, struct yt_reply *adopted);
int ksbw_reversal_of(struct yt_plugin *self, const struct yt_msg *original, struct yt_msg *reversal);

#endif
