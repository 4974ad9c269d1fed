/* tests/fake_codec.h - a format of one line of text, so that tests of the engine read as specification.
 *
 *   SETTLE inst=H1 num=H1-7 op=A sign=S1 | visit=V1 batch=B1 amt=1200
 *   DONE setl=S9 amt=1200          REFUSED already  what was wrong          anything else is unknown
 *
 * Before the bar the envelope, behind it the business part ("same content" is about that).  The operations
 * are one of each way of finding out (enum yt_resolve). */
#ifndef YT_FAKE_CODEC_H
#define YT_FAKE_CODEC_H

#include "yitong/plugin.h"

extern const struct yt_codec_api fake_codec; /* its functions want no instance: pass NULL */

/* The value of key in a line, "" when it is not there; size bytes at most. */
void fake_value(struct yt_str line, const char *key, char *out, size_t size);
bool fake_is(struct yt_str line, const char *word); /* it begins with that word */

#endif
