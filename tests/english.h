/* tests/english.h - sees English sentences in what a command printed in Chinese (test_ctl.c, test_ctl_formats.c). */
#ifndef TESTS_ENGLISH_H
#define TESTS_ENGLISH_H

#include <stddef.h>
#include <string.h>

/* Three words of small letters with a blank between them; NULL: there is none. */
static inline const char *english_in(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz'";
	const char *from = text;
	size_t words = 0;

	while (*text != '\0') {
		size_t n = strspn(text, letters);

		if (n < 2) {
			words = 0;
			text += n + (text[n] != '\0');
			continue;
		}
		if (n == 6 && strncmp(text, "yitong", n) == 0) { /* a command to type */
			text += strcspn(text, "`\n");
			words = 0;
			continue;
		}
		from = words == 0 ? text : from;
		text += n;
		if (++words == 3)
			return from;
		if (*text == ' ')
			text++;
		else
			words = 0;
	}
	return NULL;
}

/* Of a Chinese answer: some character that is none of ASCII. */
static inline int has_chinese(const char *text)
{
	while (*text != '\0' && (*text & 0x80) == 0)
		text++;
	return *text != '\0';
}

#endif
