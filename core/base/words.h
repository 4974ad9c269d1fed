/* core/base/words.h - what programs say to people, in English and Chinese.
 *
 * The English text stands where it is said and is the key of its Chinese in words_zh_*.c, one catalogue for all; so the
 * code reads as it speaks.  Only `yitong` and a starting `yitongd` ever choose Chinese: log lines, JSON and what is
 * written down stay as they are.  tests/test_words.c holds every text of the commands against the catalogue.
 *
 * gettext was weighed: glibc translates only in a locale that is installed, and a plain Debian has no Chinese one. */
#ifndef YT_BASE_WORDS_H
#define YT_BASE_WORDS_H

#include <stdbool.h>
#include <stddef.h>

enum yt_lang { YT_EN, YT_ZH };

struct yt_word {
	const char *en, *zh; /* zh takes the same arguments; where their order differs, all are numbered: %2$s */
};

/* For the whole process; YT_EN until then. */
void yt_words_set(enum yt_lang lang);
enum yt_lang yt_words_lang(void);
/* "zh", "zh_CN.UTF-8", "en"; false: neither. */
bool yt_words_parse(const char *name, enum yt_lang *lang);
/* By the first of LC_ALL, LC_MESSAGES and LANG that is set and not empty: Chinese where it begins with zh. */
enum yt_lang yt_words_of_environment(void);

/* The text in the chosen language; en itself where the catalogue does not have it, as with names and paths. */
const char *yt_words(const char *en) __attribute__((format_arg(1)));
#define _(en) yt_words(en)
#define N_(en) en /* marks a text that _() gets later, from a table */

/* The Chinese of en, whatever language is chosen; NULL: the catalogue does not have it.  For what goes into a message.
 */
const char *yt_words_zh(const char *en);

/* The i-th row of the catalogue, for tests; false behind the last. */
bool yt_words_at(size_t i, struct yt_word *out);

#endif
