/* plugins/nhsa/upload.c - the file in a 9101: some send it as Base64, some as an array of byte numbers.
 *
 * Called by request.c before it writes, where the setting file_form says which of the two the province wants. */
#include <stdio.h>

#include "nhsa.h"

/* -128 to 255: Java's bytes have a sign. */
static int byte_of(struct yt_str digits)
{
	bool negative = digits.n > 0 && digits.p[0] == '-';
	int value = 0;

	if (digits.n == negative || digits.n > 4)
		return -1;
	for (size_t i = negative; i < digits.n; i++) {
		if (digits.p[i] < '0' || digits.p[i] > '9')
			return -1;
		value = value * 10 + (digits.p[i] - '0');
	}
	if (value > (negative ? 128 : 255))
		return -1;
	return negative && value > 0 ? 256 - value : value;
}

static int to_base64(struct yt_arena *arena, struct yt_node *in)
{
	struct yt_buf octets = { 0 }, text = { 0 };
	int rv = 0;

	for (const struct yt_node *byte = in->child; byte != NULL && rv == 0; byte = byte->next) {
		int value = byte->kind == YT_NUMBER ? byte_of(byte->text) : -1;

		rv = value < 0 ? YT_EFORMAT : 0;
		yt_buf_byte(&octets, (uint8_t)value);
	}
	if (rv == 0) {
		nhsa_put_base64(yt_buf_view(&octets), &text);
		in->text = yt_arena_copy(arena, yt_buf_view(&text));
		rv = octets.failed || text.failed || in->text.p == NULL ? YT_ENOMEM : 0;
	}
	if (rv == 0) {
		in->kind = YT_TEXT;
		in->child = in->last = NULL;
		in->n = 0;
	}
	yt_buf_free(&octets);
	yt_buf_free(&text);
	return rv;
}

static int to_bytes(struct yt_arena *arena, struct yt_node *in)
{
	struct yt_buf octets = { 0 };
	struct yt_node *array = yt_node_new(arena, YT_ARRAY);
	int rv = nhsa_get_base64(in->text, &octets);

	for (size_t i = 0; i < octets.n && rv == 0; i++) {
		struct yt_node *byte = yt_node_add(arena, array, (struct yt_str){ NULL, 0 }, YT_NUMBER);

		rv = byte != NULL ? 0 : YT_ENOMEM;
		if (rv == 0)
			byte->text = yt_arena_printf(arena, "%d", (int)(int8_t)octets.p[i]); /* as Java has them */
	}
	if (rv == 0 && array != NULL) {
		in->kind = YT_ARRAY;
		in->child = array->child;
		in->last = array->last;
		in->n = array->n;
	}
	yt_buf_free(&octets);
	return array == NULL ? YT_ENOMEM : rv;
}

int nhsa_upload_form(const struct nhsa *nhsa, const struct yt_msg *msg, struct yt_fault *fault)
{
	struct yt_node *in = yt_node_get(yt_node_get(msg->body, "fsUploadIn"), "in");
	int rv = 0;

	if (in == NULL || nhsa->file_form == NHSA_FILE_KEEP)
		return 0;
	if (nhsa->file_form == NHSA_FILE_BASE64 && in->kind == YT_ARRAY)
		rv = to_base64(msg->arena, in);
	else if (nhsa->file_form == NHSA_FILE_BYTES && in->kind == YT_TEXT)
		rv = to_bytes(msg->arena, in);
	if (rv != YT_EFORMAT)
		return rv;
	snprintf(fault->path, sizeof(fault->path), "input.fsUploadIn.in");
	snprintf(fault->why, sizeof(fault->why), "is neither Base64 nor an array of bytes");
	return rv;
}
