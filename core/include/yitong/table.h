/* yitong/table.h - translation as data: rows that say what a format's members are, run by one engine.
 *
 * A plugin keeps its rows in a .tsv file; core/message/table_gen.awk turns them into these structs when
 * the plugin is built.  Its decode and encode functions run yt_table_run() over the business part
 * (core/message/table.c), which checks it and brings it into one form in place:
 *
 *   read leniently  numbers as number or text, also 1E+2; null and "" as absent; dates with a time
 *                   part, times without one; numbers where a text is meant
 *   kept strictly   N a JSON number without exponent, with two decimals where the row has two;
 *                   D yyyy-MM-dd; T yyyy-MM-dd HH:mm:ss; C a text
 *
 * Members that no row names stay where they stand. */
#ifndef YITONG_TABLE_H
#define YITONG_TABLE_H

#include "yitong/message.h"

#define YT_FIELDS_MAX 128 /* rows of one group: the engine marks those seen in two words */
#define YT_SLOTS 256      /* of a group's name index: at least twice YT_FIELDS_MAX */

enum yt_field_flag {
	YT_FIELD_REQUIRED = 1 << 0, /* must be there in a request; in an answer never insisted on */
	YT_FIELD_ANY = 1 << 1,      /* may also be an object, array or truth value, which is left alone */
	YT_FIELD_SECRET = 1 << 2    /* a token or the like: see yt_field.secret */
};

struct yt_field {
	const char *name;
	uint8_t name_n;    /* bytes */
	char type;         /* C text, N number, D date, T date-time */
	uint8_t decimals;  /* N: digits behind the point at most; 2 means an amount */
	uint8_t flags;     /* enum yt_field_flag */
	uint16_t max;      /* C: characters (not bytes); N: digits in all; 0: no limit */
	const char *codes; /* name of the code list, NULL for none; told to readers, not enforced */
	const char *zh, *en;
	/* NULL: no secret.  "": never to be kept in clear, only as a keyed hash.  "mdtrt_cert_type=01": so
	 * only where that member of the same object has that value. */
	const char *secret;
};

/* The members of one object, or of each row of one array. */
struct yt_group {
	const char *node; /* member of the object around it that holds it; "" is the business part itself */
	bool rows;        /* node is an array of such objects */
	bool required;    /* node must be there in a request */
	uint8_t n;        /* number of fields, at most YT_FIELDS_MAX */
	const struct yt_field *fields;
	const uint8_t *slots; /* YT_SLOTS entries: row number + 1 where yt_table_slot() leads, 0 free; NULL: search */
	uint64_t need[2];     /* bit i: fields[i] is required */
	const struct yt_group *inner; /* nodes inside this object, or inside each of its rows */
	uint8_t n_inner;
	bool has_secret; /* one of its fields, or of a group inside it, is a secret */
};

struct yt_table {
	const char *wire; /* the format's own number, "2207" */
	const struct yt_group *in, *out;
	uint8_t n_in, n_out;
};

enum yt_table_mode {
	YT_TABLE_STRICT, /* the first breach ends it: requests */
	YT_TABLE_LENIENT /* breaches are counted and the value left as it came: answers */
};

/* Where the search for a name begins; table_gen.awk computes the same. */
static inline unsigned yt_table_slot(struct yt_str name)
{
	const unsigned char *p = (const unsigned char *)name.p;

	return name.n == 0 ? 0
	                   : (unsigned)(name.n * 7 + p[0] * 3u + p[name.n / 2] * 11u + p[name.n - 1] * 5u +
	                                p[name.n / 4] * 17u) %
	                             YT_SLOTS;
}

/* Row number of a name, or -1.  *cursor: row expected next; members mostly come in the rows' order. */
int yt_table_find(const struct yt_group *group, struct yt_str name, unsigned *cursor);

/* Runs groups over body and normalises it in place (new texts live in arena).
 * root: name of body in paths, "input"; "" for none.  Rows are counted from 0 in paths.
 * Strict: 0, or YT_EFORMAT with *fault filled.  Lenient: 0; *breaches (may be NULL) counts, and the
 * first one fills *fault (may be NULL).  YT_ENOMEM. */
int yt_table_run(const struct yt_group *groups, size_t n, const char *root, enum yt_table_mode mode,
        struct yt_arena *arena, struct yt_node *body, struct yt_fault *fault, unsigned *breaches);

/* The secret values of body, in the order of groups and rows; read after yt_table_run().  Returns how many
 * there are, of which at most max are written to out; they are body's own nodes. */
size_t yt_table_secrets(
        const struct yt_group *groups, size_t n, const struct yt_node *body, struct yt_node **out, size_t max);

/* The rows of a table as Markdown, one table per node, for docs and `yitong`. */
void yt_table_print_markdown(const struct yt_table *table, struct yt_buf *out);

#endif
