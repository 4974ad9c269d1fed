/* yitong/json.h - strict JSON (RFC 8259) to a tree in an arena, and back.
 *
 * Strict: UTF-8 only, no byte-order mark, no trailing bytes, no lone surrogates, depth and node
 * limits.  Numbers keep their digits.  The grammar allows one name twice in an object, so the reader
 * does too, but reports it (yt_json_error.duplicate): two readers may take different ones of the two,
 * so a codec must refuse such a message.  A text may hold "\u0000" and other escaped controls. */
#ifndef YITONG_JSON_H
#define YITONG_JSON_H

#include "yitong/node.h"

#define YT_JSON_DEEPEST 1024 /* what a larger depth limit is cut to, and what the writer writes */

struct yt_json_limits {
	uint32_t depth; /* nested arrays and objects; 0 means 32, at most YT_JSON_DEEPEST */
	uint32_t nodes; /* values in all; 0 means 200 000 */
};

struct yt_json_error {
	size_t offset;   /* byte where reading stopped */
	uint32_t line;   /* from 1 */
	uint32_t column; /* in bytes, from 1 */
	const char *why; /* static English text, such as "unescaped control character" */
	/* On success too: a member whose name an earlier one of the same object has, NULL when there is
	 * none.  Its raw_off says where.  NULL on failure. */
	const struct yt_node *duplicate;
};

/* Reads one value.  text: borrowed by the tree (texts without escapes point into it), so it must
 * live as long as the arena's content; at most 4 GiB.  root is set on 0 only, err in any case.
 * Returns 0, YT_EFORMAT, YT_ELIMIT or YT_ENOMEM; err may be NULL. */
int yt_json_read(struct yt_arena *arena, struct yt_str text, const struct yt_json_limits *limits, struct yt_node **root,
        struct yt_json_error *err);

/* Appends compact JSON.  Numbers are written digit by digit as they are kept; control characters,
 * quote and backslash are escaped, all else is passed as it is and must be UTF-8.  Check out->failed at
 * the end: it is also set by what cannot be written, a NUMBER whose digits are not JSON's ("", "007")
 * and nesting beyond YT_JSON_DEEPEST. */
void yt_json_write(const struct yt_node *node, struct yt_buf *out);
void yt_json_write_string(struct yt_str text, struct yt_buf *out); /* with the quotes */

#endif
