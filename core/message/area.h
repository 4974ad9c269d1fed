/* core/message/area.h - how two administrative areas stand to each other (就医地, 参保地).
 *
 * A route asks: are treatment and insured area one pool (同城), one province (省内异地) or two (跨省)?  Digits alone
 * nearly tell (crossprovince.md 1): first four equal, first two equal.  The exceptions are rows of a table with
 * validity dates: the four municipalities are one pool each, codes are abolished and merged. */
#ifndef YT_MESSAGE_AREA_H
#define YT_MESSAGE_AREA_H

#include "yitong/base.h"

enum area_relation {
	AREA_UNKNOWN = 0, /* one of the two is missing or no area code */
	AREA_SAME_CITY,
	AREA_SAME_PROVINCE,
	AREA_CROSS_PROVINCE
};
const char *area_relation_name(enum area_relation relation); /* "cross-province" */

struct area_table;

/* Reads the CSV (columns code, pool, successor, from, to, name; code: 2, 4 or 6 digits).  Rows live in arena.
 * 0; YT_EFORMAT with *line and why (at most size bytes with the NUL); YT_ENOMEM. */
int area_table_read(
        struct yt_arena *arena, struct yt_str csv, struct area_table **out, uint32_t *line, char *why, size_t size);
/* How the areas stand on a day (yyyymmdd, business time).  table NULL: digits alone. */
enum area_relation area_relate(
        const struct area_table *table, struct yt_str treatment, struct yt_str insured, uint32_t day);
/* Name of the longest row that covers the code that day; empty when there is none. */
struct yt_str area_name(const struct area_table *table, struct yt_str code, uint32_t day);

#endif
