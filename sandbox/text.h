/* sandbox/text.h - what every part of the sandbox needs of text, time and amounts.
 *
 * The sandbox shares no code with the gateway, so that it cannot share its mistakes either; JSON is
 * read and written by jansson.  jansson prints a real with as many digits as it takes (286.4), while
 * the national form wants two decimals: amounts are put into the tree as marked strings and become
 * numbers when the tree is rendered (json_render). */
#ifndef SANDBOX_TEXT_H
#define SANDBOX_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Milliseconds since 1970, and of a clock that is never set. */
int64_t clock_wall_ms(void);
int64_t clock_steady_ms(void);
void sleep_ms(int64_t ms);

/* China standard time whatever TZ says.  out: at least 20 bytes. */
void time_text(int64_t wall_ms, char out[20]);   /* 2025-03-14 09:41:30 */
void time_digits(int64_t wall_ms, char out[18]); /* 20250314094130455 */

/* Amounts.  fen_text: at least 24 bytes.  fen_read: 0, or -1 if value is no amount of at most two
 * decimals (numbers and texts are taken; null and "" are 0, as the national form has it). */
void fen_text(int64_t fen, char out[24]);
int fen_read(const json_t *value, int64_t *fen);
int fen_parse(const char *text, int64_t *fen);
/* An amount, and a plain number with `decimals` decimals, as json_render will print them. */
json_t *json_fen(int64_t fen);
json_t *json_decimal(double value, int decimals);
/* The tree as compact text, to be freed; NULL without memory.  as_texts: amounts in quotes. */
char *json_render(const json_t *root, bool as_texts);

/* Member as text, "" when it is missing or no text (numbers are not converted). */
const char *json_text(const json_t *object, const char *name);
int64_t json_number(const json_t *object, const char *name, int64_t otherwise);

/* Whole file, NUL ended, to be freed; NULL after telling on stderr.  Trailing line ends are kept. */
char *file_read(const char *path, size_t *len);
/* One secret, one line: the line end is cut.  NULL after telling on stderr. */
char *secret_read(const char *path);
/* Writes atomically (temporary file, rename); -1 after telling on stderr. */
int file_write(const char *path, const char *text, size_t len);

void *must(void *memory);          /* ends the program when memory is NULL */
char *text_copy(const char *text); /* must(strdup(text)) */
/* snprintf that may cut: the sandbox's fields have the lengths of the national tables. */
void text_format(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* To be freed; not NUL ended. */
char *text_to_gb18030(const char *text, size_t *len);

/* Of n octets, going on from `before` (0 at first): to see whether something is as it was. */
uint64_t fingerprint(uint64_t before, const void *p, size_t n);

/* A small seeded generator (splitmix64), so that one seed gives one demonstration. */
uint64_t random_next(uint64_t *state);
uint64_t random_below(uint64_t *state, uint64_t limit);

#endif
