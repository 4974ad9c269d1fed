/* plugins/insurer/insurer.h - between the canonical claim and the trees that insurers speak, by rows of a table.
 *
 * Linked into the codecs of the insurers (tianyi, jinhui), which read and write octets, sign, and know what an
 * answer proves.  What stands in a message is data: their fields.tsv, made into these structs by fields_gen.awk.
 *
 *   write.c   canonical body and case facts  -> tree of the wire, left out what consent or agreement do not cover
 *   read.c    tree of the wire               -> canonical body
 *   value.c   one value: its type, its limits, its code
 *   derive.c  members that are computed, and what no single row can check
 *   outcome.c what codes prove, numbers of ours, finding out what became of a claim; rows and settings looked up
 *
 * Canonical: amounts are NUMBER in yuan with two decimals, dates yyyy-MM-dd, times yyyy-MM-dd HH:mm:ss, all else
 * TEXT.  Names: plugins/tianyi/README.md. */
#ifndef INSURER_H
#define INSURER_H

#include "yitong/plugin.h"

#define INS_ONE_MAIN "must have exactly one main diagnosis (maindiag_flag 1)"
#define INS_SEALED_MAX 8 /* encrypted values of one message */

/* How a value stands on the wire. */
enum ins_type {
	INS_TEXT = 'S',    /* text of at most max characters */
	INS_OCTETS = 'Z',  /* text of at most max octets in GB18030 */
	INS_DIGITS = 'N',  /* text of at most max digits */
	INS_INTEGER = 'I', /* JSON number without sign and fraction, at most max digits */
	INS_FLAG = 'B',    /* true or false; canonical "1", "0" */
	INS_DATE = 'D',    /* yyyy-MM-dd */
	INS_DAY = 'd',     /* yyyyMMdd */
	INS_TIME = 'T',    /* RFC 3339; canonical in UTC+8 */
	INS_SECOND = 't',  /* yyyyMMddHHmmss, UTC+8 */
	INS_DECIMAL = 'F', /* text with four decimals */
	INS_PERCENT = 'P', /* text with two decimals, a hundred times the canonical ratio of four */
	INS_FEN = 'A',     /* JSON number of fen */
	INS_YUAN = 'M',    /* text, yuan with two decimals */
	INS_SEALED = 'E',  /* "SM4:" and Base64 of IV and cipher text */
	INS_SCOPE = 'L',   /* array of the names in codes; canonical flags "1101" in their order */
	INS_ANYTHING = 'X' /* any value, as it came */
};

enum ins_must {
	INS_MUST = 'M',
	INS_MAY = 'O',   /* leaves only when the agreement (setting allowed) has it */
	INS_ZERO = 'Z',  /* must: an amount that is nothing when nobody says it */
	INS_EMPTY = 'W', /* written empty when there is no value */
	INS_WHEN = 'K'   /* may by its row, must by derive.c; leaves whatever the agreement says */
};

struct ins_field {
	const char *wire; /* name; may be a path "result.payable" */
	char type, must;
	uint32_t max;      /* 0: none but that of the message */
	const char *canon; /* names: "a|b" the first that has a value; "a+b" their sum; "@x" computed (derive.c) */
	const char *codes; /* NULL, or "canonical=wire;...": the first pair wins either way; "1*=": what begins so; "*":
	                      others are the same */
	const char *zh;
};

struct ins_group {
	const char *node;  /* path in the message, "" for its root */
	const char *canon; /* canonical object or array of rows: "data", "feedetail" */
	bool rows;         /* node repeats */
	bool needed;       /* object or at least one row must be there; else it is left out when nothing is in it */
	char filter; /* of rows: '1' drugs, '2' services, '3' material; 'm' the main one (no rows), 'o' the others; 0 */
	char part;   /* of the consent that covers it: 'F' fee lines, 'D' diagnoses, 'I' invoices; 0: settlement */
	uint16_t n;
	const struct ins_field *fields;
};

struct ins_schema {
	const char *wire;
	const struct ins_group *in, *out;
	uint16_t n_in, n_out;
};

/* What one message is written from or read into. */
struct ins_map {
	struct yt_plugin *self;
	struct yt_arena *arena;
	struct yt_fault *fault;
	const struct yt_msg *msg;
	const char *root; /* of the paths in *fault when writing: "input", "output" */
	bool is_xml;      /* rows are elements of one name, and every value is a text */
	const struct yt_node *body, *facts;
	struct yt_str allowed;        /* setting: members that may leave beside those that must; "*": all */
	struct yt_str levels;         /* setting: hospital levels as in ins_field.codes; empty: the table's */
	struct yt_str key;            /* name of the SM4 key of encrypted values */
	const struct yt_node *sealed; /* cipher texts that were read before: the same value keeps its own */
	struct yt_node *sealed_out;   /* read: filled with them; may be NULL */
	/* Computed members, by the codec: */
	struct yt_str number, product, callback, types, claim; /* claim: the number of the claim meant */
	int64_t now_ms;
	const char *scope; /* flags of the consent; NULL: the message has no parts */
	unsigned n_lines;  /* fee lines written or read so far, over all lists */
	uint64_t seen[80]; /* bit n: a fee line with number n was read */
};

/* 0, or YT_EFORMAT with *fault: the canonical path and what is wrong; YT_ENOMEM; YT_ENOTFOUND: no such key. */
int ins_write(struct ins_map *m, const struct ins_group *groups, size_t n, struct yt_node *wire);
/* Fills body.  0, or YT_EFORMAT with *fault: the path on the wire; YT_ENOMEM; YT_ENOTFOUND. */
int ins_read(
        struct ins_map *m, const struct ins_group *groups, size_t n, const struct yt_node *wire, struct yt_node *body);

/* Whether list (setting allowed) names optional members only: nobody may think that it keeps something back. */
bool ins_is_agreement(const struct ins_schema *schemas, struct yt_str list);

/* value.c */
/* Both: NULL, or what is wrong as a text that follows the member's name. */
const char *ins_to_wire(struct ins_map *m, const struct ins_field *f, struct yt_str canon, struct yt_str *wire);
const char *ins_from_wire(
        struct ins_map *m, const struct ins_field *f, const struct yt_node *wire, struct yt_str *canon);
/* Whether a map of a setting has pairs only whose right side is one of rights ("1;2;3"); an empty map has none. */
bool ins_is_map(struct yt_str map, const char *rights);
/* One code by a map as in ins_field.codes; empty when it is in no pair. */
struct yt_str ins_code_to_wire(struct yt_str codes, struct yt_str canon);
struct yt_str ins_code_from_wire(struct yt_str codes, struct yt_str wire);
enum yt_kind ins_kind_of(char type); /* on a JSON wire */
bool ins_is_amount(const struct ins_field *f);
/* A decimal as integer of 1/10000; false when it is none, is negative, or has more places. */
bool ins_scaled(struct yt_str text, int64_t *out);

/* derive.c */
/* The value of "@name".  row: of which; index from 0.  Empty when it cannot be said. */
struct yt_str ins_derived(struct ins_map *m, const char *name, const struct yt_node *row, unsigned index);
/* Checks a computed member that was read; NULL or what is wrong. */
const char *ins_derived_read(
        struct ins_map *m, const char *name, struct yt_str value, const struct yt_node *row, unsigned index);
/* A fee line whose price cannot be said in fen: once at its amount, with quantity and price in the name. */
const struct yt_node *ins_whole_fen(struct ins_map *m, const struct yt_node *line);
/* What must hold of a claim beside its rows: consent, one main diagnosis, order of days, what adds up.
 * path: prefix of the paths in *fault.  0 or YT_EFORMAT. */
int ins_check_claim(const struct ins_map *m, const struct yt_node *body, const char *path, bool is_quote);
/* Takes the flags of the consent that the message is sent under; a part it does not cover stays here. */
int ins_take_scope(struct ins_map *m);
/* Decided or paid, and not a word how much: such an answer is none, whose claim would end as one of nothing. */
bool ins_lacks_amount(const struct yt_node *data);
/* Whether more is to come of a claim in that state (insurer.md 6.5). */
bool ins_is_under_way(const struct yt_node *data);
/* Files of asked-for documents: at most 2 MiB each, with the digest they are said to have. */
int ins_check_documents(const struct ins_map *m, const struct yt_node *body, const char *path);
/* The first value under one of the names ("a|b") in the message: its objects, then the case's facts. */
struct yt_str ins_find(const struct ins_map *m, const char *names);
int ins_refuse(struct yt_fault *fault, const char *prefix, const char *path, const char *why);

/* outcome.c */
enum ins_code_class {
	INS_REFUSED,
	INS_RETRY,      /* busy: nothing was taken */
	INS_ON_ITS_WAY, /* refused before anybody read what it says */
	INS_UNKNOWN,    /* nobody knows whether it was taken */
	INS_THERE       /* the claim was there already */
};
struct ins_code {
	const char *code;
	enum ins_code_class class;
	bool alarms; /* somebody must look: keys, clocks, a program error */
	int status;  /* HTTP, of an answer of ours; 0: the profile has none */
};
struct ins_own {
	uint16_t text; /* number of the gateway's own text */
	const char *code;
};
struct ins_codes {
	const struct ins_code *rows; /* up to one without a code */
	const struct ins_own *own;   /* likewise */
	const char *done, *busy;
	const char *used;     /* what makes one try differ from another was used: once more is another try */
	const char *absent;   /* no claim of that number */
	const char *too_late; /* it has gone on; also how we say what has no code */
};
const struct ins_code *ins_code_at(const struct ins_codes *codes, struct yt_str code); /* NULL: none of the profile */
/* What c proves of an answer, but for class INS_UNKNOWN.  claim: the number it names, empty when none; reply->body has
 * "data".  0 or YT_ENOMEM. */
int ins_refused(struct yt_plugin *self, const struct ins_codes *codes, const struct ins_code *c,
        const struct yt_msg *msg, struct yt_reply *reply, struct yt_str claim);
/* The code that we refuse msg with. */
struct yt_str ins_refusal_code(const struct ins_codes *codes, const struct yt_msg *msg, const struct yt_reply *reply);

#define INS_NUMBER_LEN 22 /* two letters, yyyyMMdd, 12 digits */
int ins_make_number(
        const char prefix[3], struct yt_arena *arena, int64_t wall_ms, uint64_t serial, struct yt_str *number);
bool ins_is_number(const char prefix[3], struct yt_str s);
/* Asks what became of the claim that was handed in under number; wire: the query in the profile.  0 or YT_ENOMEM. */
int ins_query_for(const struct yt_msg *original, const char *wire, struct yt_str number, struct yt_msg *query);
enum yt_judgement ins_judge(
        const struct ins_codes *codes, struct yt_str number, const struct yt_reply *answer, struct yt_reply *adopted);

/* Both: NULL when it is not in the profile. */
const struct ins_schema *ins_schema_of(const struct ins_schema *schemas, struct yt_str wire);
const char *ins_wire_of(const struct yt_wire_op *ops, enum yt_operation op);
/* A whole number; what is none, or has more than five digits, is beyond every limit. */
int64_t ins_seconds(struct yt_str text);
/* Tells that a setting is at fault; YT_ECONF. */
int ins_bad_setting(struct yt_plugin *self, const char *key, const char *why);

#endif
