/* plugins/intake/signed.c - messages that carry a signature of themselves, and files: README.md, "Files".
 *
 *   { the message }\n
 *   #SM2 base64 of the DER of a signature, with SM3, of all before this line\n
 * A file needs no connection that says who sent it, so its last line does. */
#include <stdio.h>
#include <string.h>

#include <yitong/charset.h>
#include <yitong/json.h>

#include "intake.h"

#define MARK "#SM2 "

int intake_open(struct yt_plugin *self)
{
	if (yt_plugin_setting(self, "verify_key").n > 0 || yt_plugin_setting(self, "sign_key").n > 0)
		yt_plugin_set_slow(self);
	return 0;
}

/* The last line, which begins with the mark; .n 0: there is none. */
static struct yt_str trailer_of(struct yt_str octets)
{
	const char *before;
	struct yt_str line = { NULL, 0 };

	if (octets.n < sizeof(MARK) || octets.p[octets.n - 1] != '\n')
		return line;
	before = memrchr(octets.p, '\n', octets.n - 1);
	if (before == NULL)
		return line;
	line.p = before + 1;
	line.n = (size_t)(octets.p + octets.n - line.p);
	return yt_str_starts(line, MARK) ? line : (struct yt_str){ NULL, 0 };
}

static int verify(struct yt_plugin *self, struct yt_str message, struct yt_str line, struct yt_fault *fault)
{
	struct yt_str base64 = { line.p + sizeof(MARK) - 1, line.n - sizeof(MARK) };
	const struct yt_piece piece = YT_PIECE(message);
	struct yt_buf der = { 0 };
	uint8_t signature[64];
	int rv = yt_base64_read(base64, &der);

	if (rv == 0)
		rv = yt_sm2_from_der(yt_buf_view(&der), signature);
	yt_buf_free(&der);
	if (rv == 0)
		rv = yt_key_sm2_verify(self, yt_plugin_setting(self, "verify_key"), NULL, &piece, 1, signature);
	if (rv == 0 || rv == YT_ENOMEM)
		return rv;
	return intake_refuse(fault, "(signature)",
	        rv == YT_ENOTFOUND ? "cannot be checked: there is no such key (setting verify_key)"
	                           : "is not its sender's: base64 of DER, SM2 with SM3, of all before the last line");
}

int intake_unsign(struct yt_plugin *self, const struct yt_msg *msg, struct yt_str octets, struct yt_str *message,
        struct yt_fault *fault)
{
	struct yt_str line = trailer_of(octets);

	*message = (struct yt_str){ octets.p, octets.n - line.n };
	if (msg->path.n == 0 || yt_plugin_setting(self, "verify_key").n == 0)
		return 0; /* ours, or read back; or nobody signs here */
	if (line.n == 0)
		return intake_refuse(fault, "(signature)", "is missing: the last line must be #SM2 and the signature");
	return verify(self, *message, line, fault);
}

int intake_sign(struct yt_plugin *self, struct yt_buf *out, struct yt_fault *fault)
{
	struct yt_str key = yt_plugin_setting(self, "sign_key");
	struct yt_buf der = { 0 };
	uint8_t signature[64];
	int rv;

	if (key.n == 0)
		return 0;
	yt_buf_text(out, "\n");
	rv = yt_key_sm2_sign(self, key, NULL, &YT_PIECE(yt_buf_view(out)), 1, signature);
	if (rv == 0)
		rv = yt_sm2_to_der(signature, &der);
	if (rv == 0) {
		yt_buf_text(out, MARK);
		yt_base64_add(out, der.p, der.n);
		yt_buf_text(out, "\n");
	}
	yt_buf_free(&der);
	if (rv != 0 && rv != YT_ENOMEM)
		return intake_refuse(fault, "(signature)", "cannot be made: is setting sign_key the name of our key?");
	return rv != 0 || out->failed ? YT_ENOMEM : 0;
}

static bool is_name(struct yt_str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!((text.p[i] >= '0' && text.p[i] <= '9') || (text.p[i] >= 'A' && text.p[i] <= 'Z') ||
		            (text.p[i] >= 'a' && text.p[i] <= 'z') || text.p[i] == '-' || text.p[i] == '_' ||
		            text.p[i] == '.'))
			return false;
	return text.n > 0;
}

int intake_file_name(struct yt_plugin *self, struct yt_str octets, struct yt_arena *arena, struct yt_str *name)
{
	const struct yt_json_limits limits = { .depth = 4, .nodes = NODES_MAX };
	struct yt_str institution, batch;
	struct yt_node *root;
	int rv;

	(void)self;
	octets.n -= trailer_of(octets).n;
	rv = yt_json_read(arena, octets, &limits, &root, NULL);
	if (rv != 0)
		return rv == YT_ENOMEM ? rv : YT_EFORMAT;
	institution = yt_node_text(root, "institution");
	batch = yt_node_text(yt_node_get(root, "data"), "batch_no");
	if (!is_name(institution) || !is_name(batch))
		return YT_EFORMAT;
	*name = yt_arena_printf(arena, "RES_%.*s_%.*s.json", YT_FMT(institution), YT_FMT(batch));
	return name->p != NULL ? 0 : YT_ENOMEM;
}

bool intake_file_is_whole(struct yt_plugin *self, struct yt_str octets)
{
	return yt_plugin_setting(self, "verify_key").n == 0 || trailer_of(octets).n > 0;
}
