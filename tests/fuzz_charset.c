/* tests/fuzz_charset.c - any octets at all, as GB18030 and as UTF-8, there and back; as base64 too.
 *
 * Run: build/fuzz/bin/fuzz_charset tests/corpus-folder */
#include <stdio.h>
#include <stdlib.h>

#include "yitong/charset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_right, const char *what)
{
	if (!is_right) {
		fprintf(stderr, "%s\n", what);
		abort();
	}
}

/* What can be read can be written, and then reads the same for ever. */
static void there_and_back(struct yt_str utf8)
{
	struct yt_buf gb = { 0 }, once = { 0 }, again = { 0 }, twice = { 0 };

	check(yt_utf8_to_gb18030(utf8, &gb, NULL) == 0, "UTF-8 that GB18030 cannot hold");
	check(yt_gb18030_to_utf8(yt_buf_view(&gb), &once, NULL) == 0, "our own GB18030 cannot be read");
	check(yt_utf8_check(yt_buf_view(&once), NULL) == 0, "our own UTF-8 is none");
	check(yt_utf8_to_gb18030(yt_buf_view(&once), &again, NULL) == 0, "what was read cannot be written");
	check(yt_str_eq(yt_buf_view(&gb), yt_buf_view(&again)), "written twice, differently");
	check(yt_gb18030_to_utf8(yt_buf_view(&again), &twice, NULL) == 0 &&
	                yt_str_eq(yt_buf_view(&once), yt_buf_view(&twice)),
	        "read twice, differently");
	yt_buf_free(&gb);
	yt_buf_free(&once);
	yt_buf_free(&again);
	yt_buf_free(&twice);
}

static void base64(struct yt_str text)
{
	struct yt_buf octets = { 0 }, again = { 0 };

	if (yt_base64_read(text, &octets) == 0) {
		yt_base64_add(&again, octets.p, octets.n);
		check(yt_str_eq(yt_buf_view(&again), text), "two base64 texts of the same octets");
	}
	yt_buf_free(&octets);
	yt_buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct yt_str octets = { (const char *)data, size };
	struct yt_charset_error err = { 0 };
	struct yt_buf utf8 = { 0 };

	if (yt_gb18030_to_utf8(octets, &utf8, &err) == 0)
		there_and_back(yt_buf_view(&utf8));
	else
		check(err.offset < size && err.why != NULL, "an error without a place");
	yt_buf_free(&utf8);
	if (yt_utf8_check(octets, &err) == 0)
		there_and_back(octets);
	else
		check(err.offset < size && err.why != NULL, "an error without a place");
	base64(octets);
	return 0;
}
