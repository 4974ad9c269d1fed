/* core/engine/day_list.h - the claims of a day as an insurer lists them (claim.statement), as octets of our own.
 *
 * fetch.c asks for the pages and writes what was answered down with day_list_write(); from there on it is a request of
 * that party (statement.notice), read by day_list_codec wherever a request is read: formats that list claims have no
 * message that tells of one unasked, and some answers name neither day nor page. */
#ifndef YT_ENGINE_DAY_LIST_H
#define YT_ENGINE_DAY_LIST_H

#include "yitong/plugin.h"

/* Its functions want no instance: pass NULL.  The message's number is made of day, page and content, so the same page
 * is the same notice (P2), and a page that says something else another one. */
extern const struct yt_codec_api day_list_codec;

/* What reads the octets that came by a party of that format: its own, where it has statement.fetch, or has neither. */
const struct yt_codec_api *day_list_codec_of(const struct yt_codec_api *party);
bool day_list_is_of(const struct yt_codec_api *party); /* its format lists claims, and no entries */

/* Appends a page as party answered it; asked, told: business parts of the question and of the answer.
 * 0, YT_ENOMEM. */
int day_list_write(struct yt_arena *arena, struct yt_str party, const struct yt_node *asked, const struct yt_node *told,
        struct yt_buf *out);

#endif
