/* core/base/words.c - looks a text up in the catalogue; see words.h. */
#include "base/words.h"

#include <stdlib.h>
#include <string.h>

#include "base/words_zh.h"
#include "yitong/base.h"

#define N_TABLES 4
#define ROWS_MAX 2000

static const struct yt_word *const tables[N_TABLES] = { words_zh_commands, words_zh_operators, words_zh_reasons,
	words_zh_conf };
static const struct yt_word *sorted[ROWS_MAX];
static size_t n_sorted;
static enum yt_lang now = YT_EN;

static int by_english(const void *a, const void *b)
{
	return strcmp((*(const struct yt_word *const *)a)->en, (*(const struct yt_word *const *)b)->en);
}

static void sort_all(void)
{
	for (size_t t = 0; t < N_TABLES; t++)
		for (const struct yt_word *row = tables[t]; row->en != NULL; row++) {
			YT_REQUIRE(n_sorted < ROWS_MAX);
			sorted[n_sorted++] = row;
		}
	qsort(sorted, n_sorted, sizeof(*sorted), by_english);
}

void yt_words_set(enum yt_lang lang)
{
	if (n_sorted == 0)
		sort_all();
	now = lang;
}

enum yt_lang yt_words_lang(void)
{
	return now;
}

bool yt_words_parse(const char *name, enum yt_lang *lang)
{
	if (strncmp(name, "zh", 2) != 0 && strncmp(name, "en", 2) != 0)
		return false;
	*lang = *name == 'z' ? YT_ZH : YT_EN;
	return true;
}

enum yt_lang yt_words_of_environment(void)
{
	static const char *const names[] = { "LC_ALL", "LC_MESSAGES", "LANG" };
	const char *value = NULL;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && (value == NULL || *value == '\0'); i++)
		value = getenv(names[i]);
	return value != NULL && strncmp(value, "zh", 2) == 0 ? YT_ZH : YT_EN;
}

const char *yt_words_zh(const char *en)
{
	const struct yt_word wanted = { en, NULL }, *key = &wanted;
	const struct yt_word **row;

	if (n_sorted == 0)
		sort_all();
	row = bsearch(&key, sorted, n_sorted, sizeof(*sorted), by_english);
	return row != NULL ? (*row)->zh : NULL;
}

const char *yt_words(const char *en)
{
	const char *zh = now == YT_EN ? NULL : yt_words_zh(en);

	return zh != NULL ? zh : en;
}

bool yt_words_at(size_t i, struct yt_word *out)
{
	if (n_sorted == 0)
		sort_all();
	if (i >= n_sorted)
		return false;
	*out = *sorted[i];
	return true;
}
