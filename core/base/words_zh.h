/* core/base/words_zh.h - the catalogue's tables, each ended by a row of NULLs. */
#ifndef YT_BASE_WORDS_ZH_H
#define YT_BASE_WORDS_ZH_H

#include "base/words.h"

extern const struct yt_word words_zh_commands[];  /* what `yitong` says of its own */
extern const struct yt_word words_zh_operators[]; /* cases, follow-ups, lanes, people, deadlines */
extern const struct yt_word words_zh_reasons[];   /* what is written down of exchanges, and shown by it */
extern const struct yt_word words_zh_conf[];      /* of the configuration, its files, keys, plugins and tables */

#endif
