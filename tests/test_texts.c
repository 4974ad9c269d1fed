/* tests/test_texts.c - our own answers: numbered once, short enough, and all in docs/answers.md. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/texts.h"

#define TRACE "a1b2c3d4"
#define ROOM 200 /* characters */

static char *read_manual(void)
{
	FILE *file = fopen(YT_SOURCE_DIR "/docs/answers.md", "rb");
	char *text = calloc(1, 65536);

	assert_non_null(file);
	assert_non_null(text);
	assert_in_range(fread(text, 1, 65535, file), 1, 65534);
	fclose(file);
	return text;
}

static void test_manual(void **state)
{
	char *manual = read_manual(), row[600];
	const char *zh, *en;
	enum text_id id;
	size_t i;

	(void)state;
	for (i = 0; text_at(i, &id, &zh, &en); i++) {
		snprintf(row, sizeof(row), "\n| Y%d | %s | %s | ", (int)id, zh, en);
		if (strstr(manual, row) == NULL)
			fail_msg("docs/answers.md has no row that begins \"%s\"", row + 1);
	}
	assert_true(i > 0);
	free(manual);
}

static void test_numbers(void **state)
{
	const char *zh, *en;
	enum text_id id, other;
	size_t i, j;

	(void)state;
	for (i = 0; text_at(i, &id, &zh, &en); i++) {
		assert_in_range(id, 100, 999);
		for (j = 0; j < i && text_at(j, &other, &zh, &en); j++)
			assert_int_not_equal(id, other);
	}
}

/* Characters of s; fails when it is not whole UTF-8. */
static size_t count(struct yt_str s)
{
	size_t i = 0, n = 0;

	while (i < s.n) {
		uint8_t c = (uint8_t)s.p[i];
		size_t size = c < 0x80 ? 1 : c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2, k;

		assert_true(c < 0x80 || c >= 0xC2);
		assert_true(i + size <= s.n);
		for (k = 1; k < size; k++)
			assert_int_equal((uint8_t)s.p[i + k] & 0xC0, 0x80);
		i += size;
		n++;
	}
	return n;
}

static void check_length(enum text_id id, const char *zh, struct yt_str detail)
{
	struct yt_arena *arena = yt_arena_new(0);
	struct yt_str text = text_make(arena, id, detail, TRACE);
	char end[40];
	size_t n;

	snprintf(end, sizeof(end), "（Y%d " TRACE "）", (int)id);
	n = count(text);
	assert_in_range(n, 1, ROOM);
	assert_true(text.n >= strlen(end));
	assert_memory_equal(text.p + text.n - strlen(end), end, strlen(end)); /* what a cashier reads out is whole */
	if (strstr(zh, "%s") != NULL && count(detail) > ROOM)
		assert_int_equal(n, ROOM); /* no more is cut than must be */
	yt_arena_free(arena);
}

static void test_length(void **state)
{
	static const char *const units[] = { "x", "\xc3\xa9", "金", "\xf0\xa0\x80\x80", "a金" };
	const char *zh, *en;
	enum text_id id;
	size_t i, j, k;

	(void)state;
	for (i = 0; text_at(i, &id, &zh, &en); i++) {
		check_length(id, zh, (struct yt_str){ 0 });
		for (j = 0; j < sizeof(units) / sizeof(units[0]); j++) {
			struct yt_buf detail = { 0 };

			for (k = 0; k < 400; k++)
				yt_buf_text(&detail, units[j]);
			check_length(id, zh, yt_buf_view(&detail));
			yt_buf_free(&detail);
		}
	}
}

static void test_short_detail(void **state)
{
	struct yt_arena *arena = yt_arena_new(0);
	struct yt_str text = text_make(arena, TEXT_UNREADABLE, YT_STR("input.data"), TRACE);

	(void)state;
	assert_true(yt_str_eq(text, YT_STR("报文有误，未受理：input.data（Y101 " TRACE "）")));
	yt_arena_free(arena);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		{ "each answer stands in docs/answers.md", test_manual, NULL, NULL, NULL },
		{ "each number is given once", test_numbers, NULL, NULL, NULL },
		{ "no answer is over 200 characters, and its end is whole", test_length, NULL, NULL, NULL },
		{ "a short detail is told whole", test_short_detail, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
