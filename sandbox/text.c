/* sandbox/text.c - text, time and amounts (text.h). */
#include "text.h"

#include <errno.h>
#include <iconv.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NUMBER_MARK "~number~" /* never in a message: no national field holds a tilde */

int64_t clock_wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_steady_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void sleep_ms(int64_t ms)
{
	struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000 };

	while (ms > 0 && nanosleep(&pause, &pause) != 0 && errno == EINTR)
		;
}

static void china_time(int64_t wall_ms, struct tm *out)
{
	time_t seconds = (time_t)(wall_ms / 1000 + 8 * 3600);

	gmtime_r(&seconds, out);
}

void time_text(int64_t wall_ms, char out[20])
{
	struct tm tm;

	china_time(wall_ms, &tm);
	strftime(out, 20, "%Y-%m-%d %H:%M:%S", &tm);
}

void time_digits(int64_t wall_ms, char out[18])
{
	struct tm tm;

	china_time(wall_ms, &tm);
	strftime(out, 18, "%Y%m%d%H%M%S", &tm);
	text_format(out + 14, 4, "%03u", (unsigned)(wall_ms % 1000));
}

void fen_text(int64_t fen, char out[24])
{
	uint64_t size = fen < 0 ? 0 - (uint64_t)fen : (uint64_t)fen;

	snprintf(out, 24, "%s%llu.%02llu", fen < 0 ? "-" : "", (unsigned long long)(size / 100),
	        (unsigned long long)(size % 100));
}

int fen_parse(const char *text, int64_t *fen)
{
	bool is_negative = *text == '-';
	int64_t whole = 0, part = 0;
	int decimals = 0, digits = 0;

	for (text += is_negative; *text >= '0' && *text <= '9'; text++, digits++) {
		if (digits == 14)
			return -1;
		whole = whole * 10 + (*text - '0');
	}
	if (*text == '.') {
		for (text++; *text >= '0' && *text <= '9'; text++, decimals++) {
			if (decimals < 2)
				part = part * 10 + (*text - '0');
			else if (*text != '0')
				return -1;
		}
		if (decimals == 1)
			part *= 10;
	}
	if (*text != '\0' || digits == 0)
		return -1;
	*fen = (whole * 100 + part) * (is_negative ? -1 : 1);
	return 0;
}

int fen_read(const json_t *value, int64_t *fen)
{
	double hundredths;

	*fen = 0;
	if (value == NULL || json_is_null(value))
		return 0;
	if (json_is_string(value))
		return *json_string_value(value) == '\0' ? 0 : fen_parse(json_string_value(value), fen);
	if (!json_is_number(value))
		return -1;
	hundredths = json_number_value(value) * 100;
	if (fabs(hundredths) > 1e14 || fabs(hundredths - round(hundredths)) > 1e-4)
		return -1;
	*fen = (int64_t)llround(hundredths);
	return 0;
}

json_t *json_fen(int64_t fen)
{
	char text[40] = NUMBER_MARK;

	fen_text(fen, text + strlen(NUMBER_MARK));
	return json_string(text);
}

json_t *json_decimal(double value, int decimals)
{
	char text[64];

	snprintf(text, sizeof(text), NUMBER_MARK "%.*f", decimals, value);
	return json_string(text);
}

char *json_render(const json_t *root, bool as_texts)
{
	static const size_t mark = sizeof(NUMBER_MARK) - 1;
	char *text = json_dumps(root, JSON_COMPACT);
	char *from, *to;

	if (text == NULL)
		return NULL;
	for (from = to = text; *from != '\0';) {
		if (from[0] != '"' || strncmp(from + 1, NUMBER_MARK, mark) != 0) {
			*to++ = *from++;
			continue;
		}
		if (as_texts)
			*to++ = '"';
		for (from += 1 + mark; *from != '"'; from++)
			*to++ = *from;
		from++;
		if (as_texts)
			*to++ = '"';
	}
	*to = '\0';
	return text;
}

const char *json_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text == NULL ? "" : text;
}

int64_t json_number(const json_t *object, const char *name, int64_t otherwise)
{
	const json_t *value = json_object_get(object, name);

	return json_is_integer(value) ? (int64_t)json_integer_value(value) : otherwise;
}

char *file_read(const char *path, size_t *len)
{
	FILE *file = fopen(path, "rb");
	size_t size = 0, room = 0, got;
	char *text = NULL;

	if (file == NULL) {
		fprintf(stderr, "yitong-sandbox: cannot read %s: %s\n", path, strerror(errno));
		return NULL;
	}
	do {
		if (room - size < 4096)
			text = must(realloc(text, room += 65536));
		got = fread(text + size, 1, room - size - 1, file);
		size += got;
	} while (got > 0);
	fclose(file);
	text[size] = '\0';
	if (len != NULL)
		*len = size;
	return text;
}

char *secret_read(const char *path)
{
	char *text = file_read(path, NULL);

	if (text == NULL)
		return NULL;
	text[strcspn(text, "\r\n")] = '\0';
	if (*text == '\0') {
		fprintf(stderr, "yitong-sandbox: %s holds no secret: its first line is empty\n", path);
		free(text);
		return NULL;
	}
	return text;
}

int file_write(const char *path, const char *text, size_t len)
{
	char temporary[4096];
	bool is_written;
	FILE *file;

	snprintf(temporary, sizeof(temporary), "%s.%d.new", path, (int)getpid());
	file = fopen(temporary, "wb");
	is_written = file != NULL && fwrite(text, 1, len, file) == len;
	if (file != NULL && fclose(file) != 0)
		is_written = false;
	if (is_written && rename(temporary, path) == 0)
		return 0;
	fprintf(stderr, "yitong-sandbox: cannot write %s: %s\n", path, strerror(errno));
	if (file != NULL)
		unlink(temporary);
	return -1;
}

void *must(void *memory)
{
	if (memory == NULL) {
		fputs("yitong-sandbox: out of memory\n", stderr);
		exit(3);
	}
	return memory;
}

char *text_copy(const char *text)
{
	return must(strdup(text));
}

void text_format(char *out, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(out, size, format, args);
	va_end(args);
}

char *text_to_gb18030(const char *text, size_t *len)
{
	size_t left = strlen(text), room = 2 * left + 4;
	char *out = must(malloc(room)), *to = out, *from = (char *)(uintptr_t)text;
	iconv_t convert = iconv_open("GB18030", "UTF-8");

	if (convert != (iconv_t)-1) {
		iconv(convert, &from, &left, &to, &room);
		iconv_close(convert);
	}
	*len = (size_t)(to - out);
	return out;
}

uint64_t fingerprint(uint64_t before, const void *p, size_t n)
{
	const unsigned char *at = p;
	uint64_t sum = before ^ 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++)
		sum = (sum ^ at[i]) * 0x100000001b3u; /* FNV-1a */
	return sum;
}

uint64_t random_next(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15u;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

uint64_t random_below(uint64_t *state, uint64_t limit)
{
	return random_next(state) % limit;
}
