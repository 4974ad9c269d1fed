/* tests/test_words.c - all that the commands say has its Chinese: the sources are read and held against the catalogue.
 *
 * Which strings are texts is seen from the sources themselves, so a new message without its Chinese fails here whoever
 * forgets to think of it.  Whether each is also said in the chosen language, test_ctl.c sees. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <ctype.h>
#include <glob.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/words.h"
#include "journal/exchange.h"
#include "journal/keeper.h"
#include "journal/record.h"
#include "process/conf_parts.h"

#define TEXT_MAX 8192

static const char *const sources[] = { "core/ctl/*.c", "core/process/conf*.c", "core/process/yitongd.c",
	"core/process/control*.c", "core/process/keeper_process.c", "core/engine/*.c", "core/journal/keeper*.c",
	"core/plugin/loader.c", "core/format/keys.c", "core/format/keys_folder.c", "core/format/csv.c",
	"core/message/area.c", "core/message/calendar.c", "core/message/enrolment*.c", "core/net/*.c" };

/* Files of which only what is marked goes to people; the rest are log lines. */
static const char *const only_marked[] = { "process/control", "/keeper_process.c", "core/engine/", "core/journal/",
	"message/enrolment", "core/net/" };

/* Files whose texts are elsewhere: help.c has both languages, the keys' meanings are documentation. */
static const char *const left_out[] = { "/help.c", "/conf_keys.c" };

/* The first literal behind these is a text, whatever it looks like; the later ones write reasons down. */
static const char *const marks[] = { "_(", "print_line(", "print_label(", "REC_T_REASON, YT_STR(", "task_park(e, t,",
	"task_try_later(e, t,", "task_resolve_done(e, t, reply,", "task_resolve_refused(e, t, reply,",
	"task_resolve_reversed(e, t," };

/* What looks like a text and is none, by how it begins. */
static const char *const no_texts[] = { "POST %.*s HTTP", "%a, %d %b %Y", "\\r\\n", "<?xml", "user_name", "Nov 22",
	"# Yitong", "| `%s` |", "https://", "\\\"", "{\\\"", ",\\\"", "%s.%.60s", "%s%s: ", "@/", "POST ", "GET ",
	"PUT ", "BEAT", "enrolment load", "enrolment check", "is a person on the list", "waits: enrolment list of ",
	"not enrolled: not on the list of ", " is missing", " is of ", " payouts of the list", "its payment is ",
	" yuan paid by ", " are to be asked back", "CLMAHSIN" };

struct scan {
	const char *file, *at;
	unsigned line, n_missing;
	bool used[4000];
};

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	char *text = calloc(1, 1 << 20);

	assert_non_null(f);
	assert_non_null(text);
	assert_true(fread(text, 1, (1 << 20) - 1, f) > 0);
	fclose(f);
	return text;
}

/* Over blanks and comments. */
static void go_on(struct scan *s)
{
	for (;;) {
		if (isspace((unsigned char)*s->at)) {
			s->line += *s->at++ == '\n';
		} else if (strncmp(s->at, "/*", 2) == 0) {
			const char *end = strstr(s->at, "*/") + 2;

			while (s->at < end)
				s->line += *s->at++ == '\n';
		} else {
			return;
		}
	}
}

/* A literal and those that follow it, unescaped as far as texts need it.  True: a macro is glued to it. */
static bool take_literals(struct scan *s, char *out)
{
	size_t n = 0;

	while (*s->at == '"') {
		for (s->at++; *s->at != '"'; s->at++) {
			char c = *s->at;

			if (c == '\\') {
				c = *++s->at;
				c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
			}
			assert_true(n + 1 < TEXT_MAX);
			out[n++] = c;
		}
		s->at++;
		go_on(s);
	}
	out[n] = '\0';
	return isupper((unsigned char)*s->at) && n > 0;
}

/* Two words side by side, conversions apart. */
static bool looks_like_text(const char *text)
{
	size_t letters = 0, words = 0;

	for (const char *p = text;; p++) {
		if (*p == '%') {
			p += strspn(p + 1, " -+#0123456789.*lhz") + 1;
			letters = 0;
			continue;
		}
		if (isalpha((unsigned char)*p) || *p == '\'') {
			letters++;
			continue;
		}
		words += letters > 1 && (*p == '\0' || strchr(" ,:;?)\n", *p) != NULL);
		letters = 0;
		if (*p == '\0')
			return words > 1 && strchr(text, ' ') != NULL;
	}
}

static bool begins_with_one(const char *text, const char *const *with, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strncmp(text, with[i], strlen(with[i])) == 0)
			return true;
	return false;
}

static bool is_one(const char *path, const char *const *ends, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strstr(path, ends[i]) != NULL)
			return true;
	return false;
}

static bool has_letters(const char *text)
{
	while (*text != '\0' && !(isalpha((unsigned char)text[0]) && isalpha((unsigned char)text[1])))
		text++;
	return *text != '\0';
}

static bool is_heading(const char *text)
{
	return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ+ ") == strlen(text) && has_letters(text);
}

static bool find(struct scan *s, const char *text)
{
	struct yt_word row;

	for (size_t i = 0; yt_words_at(i, &row); i++)
		if (strcmp(row.en, text) == 0)
			return s->used[i] = true;
	return false;
}

static void look_at(struct scan *s, const char *text, const char *literal, bool is_marked, bool has_macro)
{
	bool is_text =
	        is_marked ? has_letters(text)
	                  : !is_one(s->file, only_marked, sizeof(only_marked) / sizeof(only_marked[0])) &&
	                            (looks_like_text(text) || (strstr(s->file, "/ctl_") != NULL && is_heading(text))) &&
	                            !begins_with_one(literal + 1, no_texts, sizeof(no_texts) / sizeof(no_texts[0]));

	if (find(s, text) || !is_text)
		return;
	print_message(
	        "%s:%u: %s: \"%s\"\n", s->file, s->line, has_macro ? "a macro in a text" : "no Chinese for", text);
	s->n_missing++;
}

static bool ends_with_mark(const char *begin, const char *at)
{
	while (at > begin && isspace((unsigned char)at[-1]))
		at--;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		size_t n = strlen(marks[i]);

		if ((size_t)(at - begin) >= n && memcmp(at - n, marks[i], n) == 0)
			return true;
	}
	return false;
}

static void scan_file(struct scan *s, const char *path)
{
	char *whole = read_file(path), text[TEXT_MAX];

	s->file = path;
	s->line = 1;
	for (s->at = whole; go_on(s), *s->at != '\0';) {
		const char *literal = s->at;

		if (*s->at == '#' && s->at[1] == 'i') /* #include */
			s->at += strcspn(s->at, "\n");
		else if (*s->at == '\'')
			s->at += s->at[1] == '\\' ? 4 : 3;
		else if (*s->at != '"')
			s->at++;
		else {
			bool has_macro = take_literals(s, text);

			look_at(s, text, literal, ends_with_mark(whole, literal), has_macro);
		}
	}
	free(whole);
}

static void want(struct scan *s, const char *what, const char *text)
{
	if (*text == '\0' || find(s, text))
		return;
	print_message("%s: no Chinese for: \"%s\"\n", what, text);
	s->n_missing++;
}

/* Texts that come from tables elsewhere. */
static void scan_tables(struct scan *s)
{
	for (int state = X_ACCEPTED; state <= X_READ; state++)
		want(s, "state", exchange_state_name((enum exchange_state)state));
	want(s, "reason", EXCHANGE_WHY_STOPPED);
	want(s, "reason", TALK_WAITS_FOR_ROOM);
	for (int type = 1; type < 256; type++)
		if (strcmp(rec_type_name((enum rec_type)type), "unknown") != 0)
			want(s, "record", rec_type_name((enum rec_type)type));
	for (int tag = REC_BODY; tag < REC_BODY + 64; tag++)
		if (strcmp(rec_tag_name((enum rec_tag)tag), "unknown") != 0)
			want(s, "body", rec_tag_name((enum rec_tag)tag));
	for (const struct conf_key *key = conf_keys; key->section != NULL; key++)
		if (key->must_be_given && key->fallback == NULL)
			want(s, "key", key->doc);
	for (int error = -1; error > -40; error--)
		if (strcmp(yt_strerror(error), yt_strerror(-9999)) != 0)
			want(s, "error", yt_strerror(error));
	for (int error = 1; error < 134; error++) /* those that are met */
		(void)find(s, strerror(error));
	for (int error = 0; error > -16; error--)
		(void)find(s, gai_strerror(error));
}

static void test_every_text_has_its_chinese(void **state)
{
	struct scan *s = calloc(1, sizeof(*s));
	struct yt_word row;
	glob_t found = { 0 };
	unsigned n_missing;

	(void)state;
	assert_non_null(s);
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
		assert_int_equal(glob(sources[i], i > 0 ? GLOB_APPEND : 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++)
		if (!is_one(found.gl_pathv[i], left_out, sizeof(left_out) / sizeof(left_out[0])))
			scan_file(s, found.gl_pathv[i]);
	scan_tables(s);
	for (size_t i = 0; yt_words_at(i, &row); i++)
		if (!s->used[i]) {
			print_message("nobody says: \"%s\"\n", row.en);
			s->n_missing++;
		}
	globfree(&found);
	n_missing = s->n_missing;
	free(s);
	assert_int_equal(n_missing, 0);
}

/* The conversion that text begins with, its number apart: "*s" of "%2$.*s"; *at behind it.  False: none. */
static bool take_conversion(const char **at, unsigned *number, char out[16])
{
	const char *p = *at + 1;
	size_t n = 0, digits = strspn(p, "0123456789");

	*number = 0;
	if (p[digits] == '$') {
		*number = (unsigned)strtoul(p, NULL, 10);
		p += digits + 1;
	}
	while (*p != '\0' && strchr(" -+#0123456789.*lhzjt", *p) != NULL && n < 14)
		out[n++] = *p++;
	out[n++] = *p;
	out[n] = '\0';
	*at = p + 1;
	return *p != '\0';
}

static size_t list_conversions(const char *text, char out[16][16])
{
	size_t n = 0;

	memset(out, 0, 16 * 16);
	for (const char *at = strchr(text, '%'); at != NULL; at = strchr(at, '%')) {
		unsigned number;
		char one[16];

		assert_true(take_conversion(&at, &number, one));
		if (strcmp(one, "%") == 0)
			continue;
		assert_true(n < 16 && number <= 16);
		memcpy(out[number == 0 ? n : number - 1], one, 16);
		n++;
	}
	return n;
}

/* A Chinese text that takes other arguments than its English would read what was never given. */
static void test_both_take_the_same_arguments(void **state)
{
	char en[16][16], zh[16][16];
	struct yt_word row;

	(void)state;
	for (size_t i = 0; yt_words_at(i, &row); i++) {
		size_t n = list_conversions(row.en, en);
		bool are_same = list_conversions(row.zh, zh) == n;

		for (size_t k = 0; k < n; k++)
			are_same = are_same && strcmp(en[k], zh[k]) == 0;
		if (!are_same)
			print_message("other arguments: \"%s\" \"%s\"\n", row.en, row.zh);
		assert_true(are_same);
		assert_int_equal(row.en[strlen(row.en) - 1] == '\n', row.zh[strlen(row.zh) - 1] == '\n');
		if (i > 0) {
			struct yt_word before;

			assert_true(yt_words_at(i - 1, &before));
			if (strcmp(before.en, row.en) == 0)
				print_message("twice: \"%s\"\n", row.en);
			assert_string_not_equal(before.en, row.en);
		}
	}
}

static void test_the_language_is_the_environments(void **state)
{
	static const struct {
		const char *all, *messages, *lang;
		enum yt_lang want;
	} rows[] = {
		{ NULL, NULL, NULL, YT_EN },
		{ NULL, NULL, "zh_CN.UTF-8", YT_ZH },
		{ "", "", "zh_CN.UTF-8", YT_ZH },
		{ "C", "zh_CN.UTF-8", "zh_CN.UTF-8", YT_EN },
		{ NULL, "zh", "en_US.UTF-8", YT_ZH },
		{ NULL, "C.UTF-8", "zh_CN.UTF-8", YT_EN },
		{ "zh_CN", "C", "C", YT_ZH },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *const names[] = { "LC_ALL", "LC_MESSAGES", "LANG" };
		const char *const values[] = { rows[i].all, rows[i].messages, rows[i].lang };

		for (size_t k = 0; k < 3; k++)
			if (values[k] == NULL)
				unsetenv(names[k]);
			else
				setenv(names[k], values[k], 1);
		assert_int_equal(yt_words_of_environment(), rows[i].want);
	}
	yt_words_set(YT_ZH);
	assert_string_equal(_("parked"), "挂起");
	assert_string_equal(_("a name of somebody"), "a name of somebody");
	yt_words_set(YT_EN);
	assert_string_equal(_("parked"), "parked");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_text_has_its_chinese),
		cmocka_unit_test(test_both_take_the_same_arguments),
		cmocka_unit_test(test_the_language_is_the_environments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
