/* tests/json_oracle.h - asks jansson, a second reader, whether ours is right; for test_json and fuzz_json.
 *
 * json_oracle() reads text with both, compares verdict and tree, writes our tree and reads that again.
 * Known and wanted differences, which are not reported:
 *  - our limits of depth and number of values (YT_ELIMIT);
 *  - jansson overlooks some raw NUL bytes; ours must refuse them all;
 *  - jansson refuses numbers beyond its C types and NUL in member names; we keep digits and names. */
#ifndef YT_TESTS_JSON_ORACLE_H
#define YT_TESTS_JSON_ORACLE_H

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "yitong/json.h"

static bool oracle_same_scalar(const struct yt_node *ours, const json_t *theirs)
{
	struct yt_str kept = ours->text;
	char digits[400];

	switch (ours->kind) {
	case YT_NULL:
		return json_is_null(theirs);
	case YT_BOOL:
		return json_is_boolean(theirs) && yt_str_is(kept, json_is_true(theirs) ? "true" : "false");
	case YT_TEXT:
		return json_is_string(theirs) &&
		       yt_str_eq(kept, (struct yt_str){ json_string_value(theirs), json_string_length(theirs) });
	default:
		break;
	}
	if (!json_is_number(theirs) || kept.n >= sizeof(digits))
		return json_is_number(theirs);
	memcpy(digits, kept.p, kept.n);
	digits[kept.n] = '\0';
	if (json_is_integer(theirs))
		return json_integer_value(theirs) == strtoll(digits, NULL, 10);
	return json_real_value(theirs) == strtod(digits, NULL);
}

static bool oracle_same_tree(const struct yt_node *ours, const json_t *theirs)
{
	const struct yt_node *member = ours->child;
	uint32_t n = 0;

	if (ours->kind != YT_OBJECT && ours->kind != YT_ARRAY)
		return oracle_same_scalar(ours, theirs);
	if (ours->kind == YT_OBJECT ? !json_is_object(theirs) || json_object_size(theirs) != ours->n
	                            : !json_is_array(theirs) || json_array_size(theirs) != ours->n)
		return false;
	for (; member != NULL; member = member->next, n++) {
		const json_t *other = ours->kind == YT_OBJECT ? json_object_getn(theirs, member->name.p, member->name.n)
		                                              : json_array_get(theirs, n);

		if (other == NULL || !oracle_same_tree(member, other))
			return false;
	}
	return n == ours->n;
}

/* Two trees of ours say the same, in the same order and with the same digits. */
static bool oracle_equal(const struct yt_node *a, const struct yt_node *b)
{
	const struct yt_node *x = a->child, *y = b->child;

	if (a->kind != b->kind || a->n != b->n || !yt_str_eq(a->name, b->name) || !yt_str_eq(a->text, b->text))
		return false;
	for (; x != NULL && y != NULL; x = x->next, y = y->next)
		if (!oracle_equal(x, y))
			return false;
	return x == NULL && y == NULL && (a->last == NULL ? a->child == NULL : a->last->next == NULL);
}

/* The octets a node says it was read from are a value of their own, equal to the node. */
static bool oracle_spans(struct yt_arena *arena, struct yt_str text, const struct yt_node *node)
{
	struct yt_node *again;

	if (node->raw_len == 0 || node->raw_len > text.n || node->raw_off > text.n - node->raw_len ||
	        yt_json_read(arena, (struct yt_str){ text.p + node->raw_off, node->raw_len }, NULL, &again, NULL) != 0)
		return false;
	again->name = node->name;
	if (again->raw_off != 0 || again->raw_len != node->raw_len || !oracle_equal(node, again))
		return false;
	for (const struct yt_node *member = node->child; member != NULL; member = member->next)
		if (!oracle_spans(arena, text, member))
			return false;
	return true;
}

static const char *oracle_round_trip(
        struct yt_arena *arena, const struct yt_node *root, const json_t *theirs, struct yt_buf *out)
{
	struct yt_buf second = { 0 };
	struct yt_node *again;
	json_t *read;
	bool same;

	yt_json_write(root, out);
	if (out->failed)
		return "our tree cannot be written";
	if (yt_json_read(arena, yt_buf_view(out), NULL, &again, NULL) != 0)
		return "what we wrote we cannot read";
	if (!oracle_equal(root, again))
		return "what we wrote reads as another tree";
	yt_json_write(again, &second);
	same = yt_str_eq(yt_buf_view(out), yt_buf_view(&second));
	yt_buf_free(&second);
	if (!same)
		return "written again it is not the same octets";
	if (theirs == NULL)
		return NULL;
	read = json_loadb((const char *)out->p, out->n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	same = read != NULL && json_equal(read, theirs);
	json_decref(read);
	return same ? NULL : "jansson reads another value in what we wrote";
}

/* Both accepted, or jansson refused for a known reason (theirs NULL). */
static const char *oracle_accepted(struct yt_arena *arena, struct yt_str text, const struct yt_node *root,
        const struct yt_json_error *err, json_t *theirs)
{
	struct yt_buf out = { 0 };
	const char *wrong;

	if (theirs != NULL && err->duplicate == NULL && !oracle_same_tree(root, theirs))
		return "jansson reads another tree";
	if (theirs != NULL) {
		json_t *strict =
		        json_loadb(text.p, text.n, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
		bool has_duplicate = strict == NULL;

		json_decref(strict);
		if (has_duplicate != (err->duplicate != NULL))
			return "jansson thinks otherwise of repeated names";
	}
	if (text.n < 4096 && !oracle_spans(arena, text, root))
		return "a span is wrong";
	wrong = oracle_round_trip(arena, root, theirs, &out);
	yt_buf_free(&out);
	return wrong;
}

/* NULL, or what does not agree.  text: exactly as long as its memory, so that ASan sees one byte more. */
static const char *json_oracle(struct yt_arena *arena, struct yt_str text)
{
	json_error_t theirs_err;
	json_t *theirs = json_loadb(text.p, text.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &theirs_err);
	struct yt_json_error err;
	struct yt_node *root = NULL;
	int rv = yt_json_read(arena, text, NULL, &root, &err);
	const char *wrong = NULL;

	if (text.n > 0 && memchr(text.p, '\0', text.n) != NULL)
		wrong = rv == 0 ? "a raw NUL is accepted" : NULL;
	else if (rv == YT_EFORMAT && theirs != NULL)
		wrong = err.why;
	else if (rv != 0 && (err.why == NULL || err.duplicate != NULL || err.offset > text.n || root != NULL))
		wrong = "the error is not told well";
	else if (rv == 0 && theirs == NULL && json_error_code(&theirs_err) != json_error_numeric_overflow &&
	         json_error_code(&theirs_err) != json_error_null_byte_in_key)
		wrong = theirs_err.text[0] != '\0' ? "jansson refuses" : "jansson refuses without a word";
	else if (rv == 0)
		wrong = oracle_accepted(arena, text, root, &err, theirs);
	json_decref(theirs);
	return wrong;
}

#endif
