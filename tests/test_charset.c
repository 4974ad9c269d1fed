/* tests/test_charset.c - UTF-8 and GB18030 both ways for every character there is; hex and base64. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdint.h>

#include "format/utf8.h"
#include "yitong/charset.h"

static struct yt_str view(const uint8_t *p, size_t n)
{
	return (struct yt_str){ (const char *)p, n };
}

/* --- all characters --- */

/* Writes one code point as GB18030 and reads it again; returns what it then is, 0 when it cannot be. */
static uint32_t through_gb18030(uint32_t code, struct yt_buf *gb, struct yt_buf *back)
{
	uint8_t utf8[4];
	const uint8_t *p;

	yt_buf_clear(gb);
	yt_buf_clear(back);
	if (yt_utf8_to_gb18030(view(utf8, (size_t)(utf8_put(utf8, code) - utf8)), gb, NULL) != 0)
		return 0;
	assert_int_equal(yt_gb18030_to_utf8(yt_buf_view(gb), back, NULL), 0);
	p = back->p;
	code = utf8_next(&p);
	assert_ptr_equal(p, back->p + back->n);
	return code;
}

/* Every character of Unicode can be written, and is read as itself; but for the private-use points of 24 characters,
 * which are read as those. */
static void test_every_character(void **state)
{
	static const struct {
		uint32_t private_use, encoded;
	} twins[] = {
		{ 0xe78d, 0xfe10 },
		{ 0xe78e, 0xfe12 },
		{ 0xe78f, 0xfe11 },
		{ 0xe790, 0xfe13 },
		{ 0xe791, 0xfe14 },
		{ 0xe792, 0xfe15 },
		{ 0xe793, 0xfe16 },
		{ 0xe794, 0xfe17 },
		{ 0xe795, 0xfe18 },
		{ 0xe796, 0xfe19 },
		{ 0xe816, 0x20087 },
		{ 0xe817, 0x20089 },
		{ 0xe818, 0x200cc },
		{ 0xe81e, 0x9fb4 },
		{ 0xe826, 0x9fb5 },
		{ 0xe82b, 0x9fb6 },
		{ 0xe82c, 0x9fb7 },
		{ 0xe831, 0x215d7 },
		{ 0xe832, 0x9fb8 },
		{ 0xe83b, 0x2298f },
		{ 0xe843, 0x9fb9 },
		{ 0xe854, 0x9fba },
		{ 0xe855, 0x241fe },
		{ 0xe864, 0x9fbb },
	};
	struct yt_buf gb = { 0 }, back = { 0 };
	size_t n_twins = 0;

	for (uint32_t code = 1; code <= 0x10ffff; code++) {
		uint32_t got;

		if (code == 0xd800)
			code = 0xe000;
		got = through_gb18030(code, &gb, &back);
		if (got == code)
			continue;
		if (n_twins == sizeof(twins) / sizeof(twins[0]) || twins[n_twins].private_use != code ||
		        twins[n_twins].encoded != got)
			fail_msg("U+%04X became U+%04X", code, got);
		assert_int_equal(gb.n, 2); /* what every edition and GBK read */
		n_twins++;
	}
	assert_int_equal(n_twins, sizeof(twins) / sizeof(twins[0]));
	yt_buf_free(&gb);
	yt_buf_free(&back);
}

static bool reads(const uint8_t *octets, size_t n, struct yt_buf *utf8, struct yt_buf *gb)
{
	yt_buf_clear(utf8);
	yt_buf_clear(gb);
	if (yt_gb18030_to_utf8(view(octets, n), utf8, NULL) != 0)
		return false;
	assert_int_equal(yt_utf8_check(yt_buf_view(utf8), NULL), 0);
	assert_int_equal(yt_utf8_to_gb18030(yt_buf_view(utf8), gb, NULL), 0);
	return true;
}

/* All pairs and fours: what is read is written with the same octets, but for 24 fours of characters that have
 * two octets as well. */
static void test_every_octet(void **state)
{
	struct yt_buf utf8 = { 0 }, gb = { 0 };
	unsigned n_pairs = 0, n_fours = 0, n_twice = 0;

	for (unsigned i = 0; i < 0x10000; i++) {
		const uint8_t pair[2] = { (uint8_t)(i >> 8), (uint8_t)i };

		if (pair[0] < 0x80 || !reads(pair, 2, &utf8, &gb))
			continue;
		n_pairs++;
		assert_int_equal(gb.n, 2);
		assert_memory_equal(gb.p, pair, 2);
	}
	for (unsigned i = 0; i < 126 * 10 * 126 * 10; i++) {
		const uint8_t four[4] = { (uint8_t)(0x81 + i / 12600), (uint8_t)('0' + i / 1260 % 10),
			(uint8_t)(0x81 + i / 10 % 126), (uint8_t)('0' + i % 10) };

		if (!reads(four, 4, &utf8, &gb))
			continue;
		n_fours++;
		if (gb.n != 4 || memcmp(gb.p, four, 4) != 0) {
			assert_int_equal(gb.n, 2);
			n_twice++;
		}
	}
	assert_int_equal(n_pairs, 126 * 190); /* 81 to FE times 40 to FE without 7F */
	/* The planes above the first, and of the first what has no pair: all but ASCII, surrogates and pairs. */
	assert_int_equal(n_fours, 0x110000 - 0x80 - 0x800 - 126 * 190 - 24 + 24);
	assert_int_equal(n_twice, 24);
	yt_buf_free(&utf8);
	yt_buf_free(&gb);
}

/* --- texts --- */

static const struct text_case {
	const char *it; /* completes "a text ..." */
	const char *utf8, *gb18030;
} text_cases[] = {
	{ "may be ASCII", "abc, 12\n", "abc, 12\n" },
	{ "may be empty", "", "" },
	{ "may be a name", "苏望川", "\xcb\xd5\xcd\xfb\xb4\xa8" },
	{ "may mix both", "a苏b望c川d",
	        "a\xcb\xd5"
	        "b\xcd\xfb"
	        "c\xb4\xa8"
	        "d" },
	{ "may hold 䶮, which GBK lacked", "\xe4\xb6\xae", "\xfe\x9f" },
	{ "may hold 㛃 of four octets", "王\xe3\x9b\x83", "\xcd\xf5\x82\x30\xb7\x31" },
	{ "may hold 𠮷 of the second plane", "\xf0\xa0\xae\xb7野家", "\x95\x34\xb2\x35\xd2\xb0\xbc\xd2" },
	{ "may hold 〇", "一〇二", "\xd2\xbb\xa9\x96\xb6\xfe" },
	{ "may hold the middle dot of names", "买买提·依明", "\xc2\xf2\xc2\xf2\xcc\xe1\xa1\xa4\xd2\xc0\xc3\xf7" },
	{ "may hold a second octet that is |", "一丂|", "\xd2\xbb\x81\x40|" },
	{ "may hold a user-defined character", "\xee\x80\x80", "\xaa\xa1" },
	{ "may double its octets",
	        "\xf0\xa0\x82\x87\xf0\xa0\x82\x87\xf0\xa0\x82\x87\xf0\xa0\x82\x87\xf0\xa0\x82\x87\xf0\xa0\x82\x87\xf0\xa0\x82\x87\xf0\xa0\x82\x87\xf0\xa0\x82\x87\xf0\xa0\x82\x87\xf0\xa0\x82\x87\xf0\xa0\x82\x87",
	        "\xfe\x51\xfe\x51\xfe\x51\xfe\x51\xfe\x51\xfe\x51\xfe\x51\xfe\x51\xfe\x51\xfe\x51\xfe\x51\xfe\x51" },
	{ "may hold the euro", "€", "\xa2\xe3" },
};

static void test_text(void **state)
{
	const struct text_case *c = *state;
	struct yt_buf gb = { 0 }, utf8 = { 0 };

	assert_int_equal(yt_utf8_to_gb18030(yt_str(c->utf8), &gb, NULL), 0);
	assert_int_equal(gb.n, strlen(c->gb18030));
	if (gb.n > 0)
		assert_memory_equal(gb.p, c->gb18030, gb.n);
	assert_int_equal(yt_gb18030_to_utf8(yt_str(c->gb18030), &utf8, NULL), 0);
	assert_true(yt_str_is(yt_buf_view(&utf8), c->utf8));
	yt_buf_free(&gb);
	yt_buf_free(&utf8);
}

static const struct bad_case {
	const char *it; /* completes "refuses ..." */
	bool is_gb18030;
	const char *text;
	size_t offset;
} bad_cases[] = {
	{ "a lone tail", false, "ab\x80", 2 },
	{ "an overlong slash", false, "a\xc0\xaf", 1 },
	{ "an overlong character of three", false, "\xe0\x9f\xbf", 0 },
	{ "an overlong character of four", false, "\xf0\x8f\xbf\xbf", 0 },
	{ "a surrogate", false, "x\xed\xa0\x80", 1 },
	{ "what is above U+10FFFF", false, "\xf4\x90\x80\x80", 0 },
	{ "a character cut short", false, "\xe4\xb8", 0 },
	{ "GBK for UTF-8", false, "ab\xcb\xd5", 2 },
	{ "half a character", true, "a\xcb\xd5\xcd", 3 },
	{ "three of four octets", true, "a\x82\x31\xc9", 1 },
	{ "a second octet of 7F", true, "\x81\x7f", 0 },
	{ "a second octet of FF", true, "abc\x81\xff", 3 },
	{ "a lone 80", true,
	        "ab\x80"
	        "cd",
	        2 },
	{ "a lone FF", true, "\xff", 0 },
	{ "four octets between the planes", true, "\x84\x31\xa5\x30", 0 },
	{ "four octets above U+10FFFF", true, "\xe3\x32\x9a\x36", 0 },
	{ "a broken character behind good ones", true, "\xcb\xd5\xcd\xfb\x80\xb4", 4 },
	{ "ASCII inside of four octets", true,
	        "\x82\x31"
	        "a1",
	        0 },
};

static void test_bad(void **state)
{
	const struct bad_case *c = *state;
	struct yt_charset_error err = { .offset = 99, .code_point = 99 };
	struct yt_str text = yt_str(c->text);
	char *exact = malloc(text.n); /* without a NUL, so that the address checker sees a read behind it */
	struct yt_buf out = { 0 };

	memcpy(exact, text.p, text.n);
	text.p = exact;
	if (c->is_gb18030) {
		assert_int_equal(yt_gb18030_to_utf8(text, &out, &err), YT_EFORMAT);
	} else {
		assert_int_equal(yt_utf8_check(text, &err), YT_EFORMAT);
		assert_int_equal(err.offset, c->offset);
		assert_int_equal(yt_utf8_to_gb18030(text, &out, &err), YT_EFORMAT);
	}
	free(exact);
	assert_int_equal(err.offset, c->offset);
	assert_int_equal(err.code_point, 0);
	assert_non_null(err.why);
	/* The same thread converts on as if nothing had been. */
	yt_buf_clear(&out);
	assert_int_equal(yt_utf8_to_gb18030(YT_STR("望"), &out, NULL), 0);
	assert_int_equal(yt_gb18030_to_utf8(YT_STR("\xcd\xfb"), &out, NULL), 0);
	assert_true(yt_str_is(yt_buf_view(&out), "\xcd\xfb望"));
	yt_buf_free(&out);
}

static void test_labels(void **state)
{
	static const struct {
		const char *label;
		int charset; /* 0: refused */
	} rows[] = {
		{ "UTF-8", YT_UTF8 },
		{ "utf8", YT_UTF8 },
		{ "gb18030", YT_GB18030 },
		{ "GBK", YT_GB18030 },
		{ "gb2312", YT_GB18030 },
		{ "GB_2312-80", YT_GB18030 },
		{ "cp936", YT_GB18030 },
		{ "", 0 },
		{ "UTF", 0 },
		{ "UTF-7", 0 },
		{ "UTF-16", 0 },
		{ "Big5", 0 },
		{ "GB18030 ", 0 },
		{ "ISO-8859-1", 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum yt_charset got = (enum yt_charset)0;

		assert_int_equal(yt_charset_of(yt_str(rows[i].label), &got), rows[i].charset != 0 ? 0 : YT_EFORMAT);
		assert_int_equal(got, rows[i].charset);
	}
	assert_string_equal(yt_charset_name(YT_GB18030), "GB18030");
	assert_string_equal(yt_charset_name(YT_UTF8), "UTF-8");
}

/* --- threads end, and what they opened ends with them (seen by the leak checker) --- */

static void *convert(void *arg)
{
	struct yt_buf out = { 0 };
	uintptr_t wrong = 0;

	for (int i = 0; i < 100; i++) {
		yt_buf_clear(&out);
		wrong += yt_utf8_to_gb18030(YT_STR("苏\xee\xa0\x9e望川"), &out, NULL) != 0 || out.n != 8;
	}
	yt_buf_free(&out);
	return (void *)wrong;
}

static void test_threads(void **state)
{
	pthread_t threads[4];
	void *wrong;

	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, convert, NULL), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
}

/* --- hex and base64 --- */

static void test_hex(void **state)
{
	static const uint8_t octets[] = { 0x00, 0x9a, 0xff };
	struct yt_buf out = { 0 };
	uint8_t got[3];

	yt_hex_add(&out, octets, 3, false);
	yt_hex_add(&out, octets, 3, true);
	assert_true(yt_str_is(yt_buf_view(&out), "009aff009AFF"));
	assert_int_equal(yt_hex_read(YT_STR("009aFF"), got, 3), 0);
	assert_memory_equal(got, octets, 3);
	assert_int_equal(yt_hex_read(YT_STR("009aF"), got, 3), YT_EFORMAT);
	assert_int_equal(yt_hex_read(YT_STR("009aFFF"), got, 3), YT_EFORMAT);
	assert_int_equal(yt_hex_read(YT_STR("009aFg"), got, 3), YT_EFORMAT);
	assert_int_equal(yt_hex_read(YT_STR("009a F"), got, 3), YT_EFORMAT);
	yt_buf_free(&out);
}

static void test_base64(void **state)
{
	static const char *const pairs[][2] = {
		/* RFC 4648, 10 */
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xfb\xff\xbf", "+/+/" },
	};
	static const char *const bad[] = { "Z", "Zg", "Zg=", "Zg===", "=", "====", "Zh==", "Zm9=", "Zm 9v", "Zm9v\n",
		"Zm-v", "Zg==Zg==", "Z===", "Z=g=" };
	struct yt_buf out = { 0 };

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		yt_buf_clear(&out);
		yt_base64_add(&out, pairs[i][0], strlen(pairs[i][0]));
		assert_true(yt_str_is(yt_buf_view(&out), pairs[i][1]));
		yt_buf_clear(&out);
		assert_int_equal(yt_base64_read(yt_str(pairs[i][1]), &out), 0);
		assert_true(yt_str_is(yt_buf_view(&out), pairs[i][0]));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		yt_buf_clear(&out);
		yt_buf_text(&out, "kept");
		if (yt_base64_read(yt_str(bad[i]), &out) != YT_EFORMAT)
			fail_msg("%s", bad[i]);
		assert_true(yt_str_is(yt_buf_view(&out), "kept"));
	}
	yt_buf_free(&out);
}

#define ROWS(cases, test)                                                                                              \
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)                                                  \
		tests[n++] = (struct CMUnitTest)                                                                       \
		{                                                                                                      \
			cases[i].it, test, NULL, NULL, (void *)(uintptr_t)&cases[i]                                    \
		}
#define ONE(test)                                                                                                      \
	tests[n++] = (struct CMUnitTest)                                                                               \
	{                                                                                                              \
#test, test, NULL, NULL, NULL                                                                          \
	}

int main(void)
{
	static struct CMUnitTest tests[64];
	size_t n = 0;

	ROWS(text_cases, test_text);
	ROWS(bad_cases, test_bad);
	ONE(test_every_character);
	ONE(test_every_octet);
	ONE(test_labels);
	ONE(test_threads);
	ONE(test_hex);
	ONE(test_base64);
	return _cmocka_run_group_tests("charset", tests, n, NULL, NULL);
}
