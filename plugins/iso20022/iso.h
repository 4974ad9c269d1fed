/* plugins/iso20022/iso.h - what the files of this plugin share.
 *
 *   iso20022.c   settings, the operations it speaks, the table that core looks up
 *   document.c   a document: which message and edition it is, begun and ended, checked by its schema
 *   rows.c       one group of elements by the rows of fields.tsv, both directions
 *   order.c      pain.001, both directions
 *   report.c     pain.002: what became of an order, as answer or pushed; written as our answer
 *   recall.c     camt.055, pacs.028 written; camt.029 read
 *   statement.c  camt.052, camt.053, camt.054
 *   answer.c     what an answer proves of what we sent; finding out
 *   codes.c      statuses and reasons: what each means for the money
 *   schema.c     the official schemas, where a folder of them is configured
 *   fields.tsv   every element read or written; C is generated from it by rows_gen.awk
 *
 * Section numbers are those of bank.md. */
#ifndef ISO_H
#define ISO_H

#include "yitong/payout.h"
#include "yitong/plugin.h"

#define ISO_OCTETS_MAX (32u << 20) /* of one document */
#define ISO_NODES_MAX 2000000
#define ISO_PAYOUTS_MAX 10000 /* of one message (3.2) */
#define ISO_BLOCKS_MAX 99
#define ISO_NAMESPACE "urn:iso:std:iso:20022:tech:xsd:"

struct iso_row {
	const char *at[7];     /* elements below the group's, ends with NULL */
	const char *name;      /* canonical; NULL: of the wire alone */
	const char *fixed;     /* written always, or only where ... */
	const char *condition; /* ... this member is there */
	char type;
	uint16_t max; /* characters */
	bool is_needed;
	char edition; /* '9', '3', 'r': only read, ' ' */
};

struct iso_group {
	const struct iso_row *rows;
	size_t n;
};

extern const struct iso_group iso_pain001_head, iso_pain001_block, iso_pain001_tx, iso_pain002_head, iso_pain002_group,
        iso_pain002_block, iso_pain002_tx, iso_pain002_after, iso_reason, iso_camt_head, iso_camt_statement,
        iso_camt_balance, iso_camt_entry, iso_camt_batch, iso_camt_detail, iso_camt055_head, iso_camt055_tx,
        iso_camt029_head, iso_camt029_group, iso_camt029_tx, iso_pacs028_head, iso_pacs028_group, iso_pacs028_tx;

/* One configured instance. */
struct iso {
	struct yt_str customer, bank, initiator;
	char edition; /* of pain.001: '9' or '3' */
	bool books_batches, can_ask, checks_incoming;
	int64_t limit_fen;
	uint32_t payouts_max;
	struct yt_str absent, unknown; /* reasons, "NOOR,XXXX" */
	struct iso_schemas *schemas;   /* NULL: none configured */
};

/* A document as it came. */
struct iso_document {
	struct yt_xml xml;
	const struct yt_node *root; /* the child of Document: CstmrPmtStsRpt */
	char name[24];              /* "pain.002.001.10" */
	char wire[12];              /* "pain.002" */
	bool is_official;           /* its namespace is ISO's, not a national flavour's */
};

/* document.c */
/* 0; YT_EFORMAT, YT_ELIMIT with *fault; YT_ENOMEM.  is_ours: it was written here and is not checked again. */
int iso_read(const struct iso *iso, struct yt_arena *arena, struct yt_str octets, bool is_ours,
        struct iso_document *out, struct yt_fault *fault);
struct iso_writing {
	struct yt_xml_writer w;
	struct yt_buf *out;
	size_t from;
	const char *name;
	struct yt_arena *arena;
};
/* Begins `name` ("pain.001.001.09") with its root element. */
void iso_begin(struct iso_writing *doc, struct yt_arena *arena, const char *name, const char *root, struct yt_buf *out);
/* Ends it and has it checked by its schema.  0, YT_EFORMAT with *fault, YT_ENOMEM; out is as before iso_begin() then.
 */
int iso_end(const struct iso *iso, struct iso_writing *doc, struct yt_fault *fault);
int iso_refuse(struct yt_fault *fault, const char *path, const char *member, const char *why);
/* ISO time with offset, "2026-11-20T09:15:02+08:00". */
struct yt_str iso_time(struct yt_arena *arena, int64_t wall_ms, struct yt_str time);

/* rows.c */
/* Writes the group's elements by the members of values, an object of texts.  path: of values in faults.  0, YT_EFORMAT,
 * YT_ENOMEM. */
int iso_write_rows(struct yt_xml_writer *w, const struct iso_group *group, const struct yt_node *values, char edition,
        const char *path, struct yt_fault *fault);
/* Reads them into the object out.  path: of element in faults, "CstmrPmtStsRpt/GrpHdr". */
int iso_read_rows(struct yt_arena *arena, const struct iso_group *group, const struct yt_node *element,
        struct yt_node *out, const char *path, struct yt_fault *fault);
/* "2026-11-20T09:15:02", with parts of a second or a zone or not, as core has times; Beijing's without a zone.  0,
 * YT_EFORMAT. */
int iso_time_read(struct yt_str s, char out[20]);
/* Digits that say n, whatever zeros stand in front. */
bool iso_counts(struct yt_str digits, uint32_t n);
/* The element at "a/b/c" below another; NULL. */
const struct yt_node *iso_at(const struct yt_node *element, const char *path);

/* codes.c */
/* What a status and its reasons say of the money.  has_state false: nothing new. */
struct iso_verdict {
	bool has_state, is_partial; /* partial: look one level down */
	bool is_alarm, is_absent;
	enum yt_pay_state state;
	const char *advice; /* what the clerk shall do: a word of README.md, or NULL */
};
/* reason: empty when there is none. */
struct iso_verdict iso_judge_status(const struct iso *iso, struct yt_str status, struct yt_str reason);
bool iso_reason_is_known(struct yt_str code);
/* "a,b" has word. */
bool iso_list_has(struct yt_str list, struct yt_str word);

/* order.c */
int iso_write_order(const struct iso *iso, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault);
int iso_read_order(const struct iso *iso, const struct iso_document *doc, struct yt_msg *msg, struct yt_fault *fault);
/* Message number of what msg was sent as; empty when it is not known. */
struct yt_str iso_sent_number(const struct yt_msg *msg);

/* report.c */
/* Reads a pain.002 into body: data and the rows of payout.  asked: canonical body of what it answers, or NULL: then
 * only what it names has a row. */
int iso_read_report(const struct iso *iso, struct yt_arena *arena, const struct iso_document *doc,
        const struct yt_node *asked, struct yt_node **body, struct yt_fault *fault);
int iso_write_report(const struct iso *iso, const struct yt_msg *msg, const struct yt_reply *reply, struct yt_buf *out);

/* recall.c */
int iso_write_recall(const struct iso *iso, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault);
int iso_write_query(const struct iso *iso, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault);
int iso_read_recall(const struct iso_document *doc, struct yt_msg *msg, struct yt_fault *fault);
int iso_read_query(const struct iso_document *doc, struct yt_msg *msg, struct yt_fault *fault);
int iso_read_resolution(
        struct yt_arena *arena, const struct iso_document *doc, struct yt_node **body, struct yt_fault *fault);

/* statement.c */
int iso_read_statements(
        struct yt_arena *arena, const struct iso_document *doc, struct yt_node **body, struct yt_fault *fault);

/* answer.c */
int iso_decode_reply(struct yt_plugin *self, const struct yt_msg *msg, int http_status, struct yt_str octets,
        struct yt_reply *reply);
int iso_query_for(struct yt_plugin *self, const struct yt_msg *original, struct yt_msg *query);
enum yt_judgement iso_judge(
        struct yt_plugin *self, const struct yt_msg *original, const struct yt_reply *answer, struct yt_reply *adopted);

/* schema.c */
/* Reads the schemas of a folder.  0, or YT_ECONF with why. */
int iso_schemas_open(struct iso_schemas **out, const char *folder, char edition, char *why, size_t size);
void iso_schemas_close(struct iso_schemas *schemas); /* NULL is fine */
/* 0: it fits, or there is no schema of that name; YT_EFORMAT with *fault, which says no value. */
int iso_schemas_check(
        const struct iso_schemas *schemas, const char *name, struct yt_str octets, struct yt_fault *fault);

#endif
