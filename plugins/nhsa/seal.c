/* plugins/nhsa/seal.c - envelope encryption, variant B: the envelope is open, `input` and `output` are sealed.
 *
 * input = Base64(SM4-ECB(JSON of input)), cainfo = Base64(SM2 over that JSON), with encType SM4 and signtype
 * SM2; the answer's output is sealed with the same key and not signed.  The key is a secret of 16 octets, which
 * is also the signature's user id.  request.c and reply.c call in here where the setting input_key is given. */
#include <stdio.h>

#include "nhsa.h"

static const char *const added[] = { "encType", "enc_type", "cainfo", "signtype" };

int nhsa_seal_put(struct yt_plugin *self, struct yt_str plain, struct yt_buf *out)
{
	const struct nhsa *nhsa = yt_plugin_ctx(self);
	struct yt_sm4 how = { .key = nhsa->input_key, .mode = YT_SM4_ECB };
	struct yt_buf sealed = { 0 };
	int rv = yt_key_sm4_encrypt(self, &how, plain, &sealed);

	if (rv == 0) {
		yt_buf_byte(out, '"');
		nhsa_put_base64(yt_buf_view(&sealed), out);
		yt_buf_byte(out, '"');
	}
	yt_buf_free(&sealed);
	return rv;
}

int nhsa_seal_sign(struct yt_plugin *self, struct yt_str plain, struct yt_buf *out)
{
	const struct nhsa *nhsa = yt_plugin_ctx(self);
	const struct yt_piece user_id = { nhsa->input_key, true }, piece = YT_PIECE(plain);
	uint8_t signature[64];
	int rv = yt_key_sm2_sign(self, nhsa->sign_key, &user_id, &piece, 1, signature);

	if (rv == 0)
		nhsa_put_base64((struct yt_str){ (const char *)signature, sizeof(signature) }, out);
	return rv;
}

static int verify(struct yt_plugin *self, struct yt_str plain, struct yt_str cainfo)
{
	const struct nhsa *nhsa = yt_plugin_ctx(self);
	const struct yt_piece user_id = { nhsa->input_key, true }, piece = YT_PIECE(plain);
	struct yt_buf signature = { 0 };
	int rv = nhsa_get_base64(cainfo, &signature);

	if (rv == 0)
		rv = signature.n != 64 ? YT_EDENIED
		                       : yt_key_sm2_verify(self, nhsa->verify_key, &user_id, &piece, 1, signature.p);
	yt_buf_free(&signature);
	return rv;
}

static int unseal(struct yt_plugin *self, struct yt_arena *arena, struct yt_str text, struct yt_str *plain)
{
	const struct nhsa *nhsa = yt_plugin_ctx(self);
	struct yt_sm4 how = { .key = nhsa->input_key, .mode = YT_SM4_ECB };
	struct yt_buf sealed = { 0 }, clear = { 0 };
	int rv = nhsa_get_base64(text, &sealed);

	if (rv == 0)
		rv = yt_key_sm4_decrypt(self, &how, yt_buf_view(&sealed), &clear);
	if (rv == 0) {
		*plain = yt_arena_copy(arena, yt_buf_view(&clear));
		rv = plain->p != NULL ? 0 : YT_ENOMEM;
	}
	yt_buf_free(&sealed);
	yt_buf_free(&clear);
	return rv;
}

int nhsa_seal_open(struct yt_plugin *self, struct yt_arena *arena, struct yt_node *head, struct yt_node **body,
        bool is_answer, struct yt_str *text, const char **why)
{
	const struct nhsa *nhsa = yt_plugin_ctx(self);
	struct yt_str cainfo = yt_node_text(head, "cainfo"), plain;
	int rv;

	*why = "must be encrypted (setting input_key)";
	if ((*body)->kind != YT_TEXT)
		return YT_EFORMAT;
	*why = "cannot be decrypted with the key of the setting input_key";
	rv = unseal(self, arena, (*body)->text, &plain);
	if (rv != 0)
		return rv == YT_ENOMEM ? rv : YT_EFORMAT;
	/* An answer may come unsigned; a signature that is there must be good. */
	*why = "is not what cainfo signs (setting verify_key)";
	if (nhsa->verify_key.n > 0 && (!is_answer || cainfo.n > 0) && verify(self, plain, cainfo) != 0)
		return YT_EFORMAT;
	*why = "is no JSON once decrypted";
	rv = nhsa_read_json(arena, plain, text, body, &(struct yt_json_error){ 0 });
	if (rv != 0)
		return rv == YT_ENOMEM ? rv : YT_EFORMAT;
	for (size_t i = 0; i < sizeof(added) / sizeof(added[0]); i++)
		(void)nhsa_unlink(head, added[i]);
	return 0;
}
