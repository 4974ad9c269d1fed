/* plugins/tianyi/tianyi.c - 天一甬宁保, profile TY/1.0 and TY/1.1, as a codec plugin.
 *
 * core loads it by yt_codec_api, at the end of this file.  The profile is our own proposal, as no public description
 * of the insurer's interface is known: names and lengths are data (fields.tsv), the rest is settings. */
#include <stdlib.h>
#include <string.h>

#include "tianyi.h"

static const struct yt_key_setting key_settings[] = { { "key", YT_KEY_SECRET }, { "field_key", YT_KEY_SM4 },
	{ NULL, YT_KEY_SECRET } };

static const struct yt_setting settings[] = { { "app_id", NULL, "our caller id at the insurer, at most 32 characters" },
	{ "key", NULL, "name of the secret that signs what we send and checks what we get" },
	{ "field_key", NULL, "name of the SM4 key of certNo, mobile and bankAcctNo" },
	{ "version", "1.0", "1.0, or 1.1 where the insurer has quotes and decisions at once" },
	{ "product_code", "TYYNB-2026", "product of claims that name none" },
	{ "callback_path", "/insurer/ty/callback", "path at our listener where the insurer tells decisions" },
	{ "allowed", "policyNo;operations;settlement.dedcStd",
	        "optional members that the agreement lets leave, by their names in fields.tsv; *: all; what must be in a "
	        "claim leaves as far as the person's consent covers it" },
	{ "claim_types", "21=1;22=1;23=1;24=1;25=1;26=1;27=1;28=1;52=1;14*=2;15=2;41=3",
	        "kind of claim by med_type: 1 in-patient, 2 special out-patient, 3 pharmacy; others cannot be claimed" },
	{ "hospital_levels", "",
	        "hosp_lv = level, for codes of its own: 02=3A;03=3B; empty: two digits, 31 is 3A, 23 is 2C, 90 is NA" },
	{ "insurer", "TIANYI", "institution of what the insurer tells us, as the configuration names it" },
	{ "ask_again_s", "3600", "seconds until an undecided or unpaid claim is asked for again, 1 to 86400" },
	{ "window_s", "300", "seconds a timestamp may differ from our clock, 1 to 3600" }, { NULL, NULL, NULL } };

/* Why each resolves as it does: README.md. */
const struct yt_wire_op ty_ops[] = {
	{ "eligibility", YT_OP_CLAIM_ELIGIBILITY, YT_RESOLVE_NONE }, { "claims", YT_OP_CLAIM_SUBMIT, YT_RESOLVE_QUERY },
	{ "quote", YT_OP_CLAIM_QUOTE, YT_RESOLVE_NONE }, { "query", YT_OP_CLAIM_QUERY, YT_RESOLVE_NONE },
	{ "documents", YT_OP_CLAIM_DOCUMENTS, YT_RESOLVE_RESEND },
	{ "withdraw", YT_OP_CLAIM_WITHDRAW, YT_RESOLVE_RESEND }, { "payment", YT_OP_CLAIM_PAYMENT, YT_RESOLVE_RESEND },
	{ "callback", YT_OP_CLAIM_RESULT, YT_RESOLVE_RESEND },
	{ "reconciliation", YT_OP_CLAIM_STATEMENT, YT_RESOLVE_NONE }, { NULL, YT_OP_UNREAD, YT_RESOLVE_PARK } /* end */
};

/* -- the instance ------------------------------------------------------------------------------- */

static int take_settings(struct yt_plugin *self, struct ty *ty)
{
	struct yt_str version = yt_plugin_setting(self, "version");

	ty->app_id = yt_plugin_setting(self, "app_id");
	ty->key = yt_plugin_setting(self, "key");
	ty->field_key = yt_plugin_setting(self, "field_key");
	ty->product = yt_plugin_setting(self, "product_code");
	ty->callback_path = yt_plugin_setting(self, "callback_path");
	ty->allowed = yt_plugin_setting(self, "allowed");
	ty->types = yt_plugin_setting(self, "claim_types");
	ty->levels = yt_plugin_setting(self, "hospital_levels");
	ty->insurer = yt_plugin_setting(self, "insurer");
	ty->is_11 = yt_str_is(version, "1.1");
	if (ty->app_id.n == 0 || ty->app_id.n > 32 || !ty_is_plain(ty->app_id))
		return ins_bad_setting(self, "app_id", "must be 1 to 32 letters, digits, - . _");
	if (!ty->is_11 && !yt_str_is(version, "1.0"))
		return ins_bad_setting(self, "version", "must be 1.0 or 1.1");
	if (ty->product.n == 0 || ty->product.n > 16)
		return ins_bad_setting(self, "product_code", "must be 1 to 16 characters");
	if (ty->callback_path.n == 0 || ty->callback_path.p[0] != '/' || ty->callback_path.n > 200 ||
	        memchr(ty->callback_path.p, ' ', ty->callback_path.n) != NULL ||
	        yt_str_starts(ty->callback_path, "/ins/v1/"))
		return ins_bad_setting(
		        self, "callback_path", "must begin with /, have at most 200 characters and not be in /ins/v1");
	if (ty->insurer.n == 0 || ty->insurer.n > 32 || !ty_is_plain(ty->insurer))
		return ins_bad_setting(self, "insurer", "must be 1 to 32 letters, digits, - . _");
	ty->window_s = ins_seconds(yt_plugin_setting(self, "window_s"));
	ty->ask_again_s = ins_seconds(yt_plugin_setting(self, "ask_again_s"));
	if (ty->window_s < 1 || ty->window_s > 3600)
		return ins_bad_setting(self, "window_s", "must be 1 to 3600");
	if (ty->ask_again_s < 1 || ty->ask_again_s > 86400)
		return ins_bad_setting(self, "ask_again_s", "must be 1 to 86400");
	if (!ins_is_map(ty->types, "1;2;3"))
		return ins_bad_setting(
		        self, "claim_types", "must be pairs med_type=kind with ; between, a kind is 1, 2 or 3");
	if (!ins_is_map(ty->levels, "3A;3B;3C;2A;2B;2C;1A;1B;1C;NA"))
		return ins_bad_setting(self, "hospital_levels",
		        "must be pairs hosp_lv=level with ; between, a level is 3A to 1C or NA");
	if (!ins_is_agreement(tianyi_schemas, ty->allowed))
		return ins_bad_setting(self, "allowed", "names something that is no optional member of fields.tsv");
	return 0;
}

static void ty_close(struct yt_plugin *self)
{
	struct ty *ty = yt_plugin_ctx(self);

	if (ty != NULL)
		free(ty->nonces);
	free(ty);
	yt_plugin_ctx_set(self, NULL);
}

static int ty_open(struct yt_plugin *self)
{
	struct ty *ty = calloc(1, sizeof(*ty));
	int rv;

	if (ty == NULL)
		return YT_ENOMEM;
	yt_plugin_ctx_set(self, ty);
	rv = take_settings(self, ty);
	if (rv != 0)
		ty_close(self);
	return rv;
}

YT_CODEC_PLUGIN(.name = "tianyi", .content_type = "application/json", .settings = settings,
        .key_settings = key_settings, .lacks = ty_lacks, .ops = ty_ops, .open = ty_open, .close = ty_close,
        .decode_request = ty_decode_request, .encode_reply = ty_encode_reply, .verify = ty_verify, .sender = ty_sender,
        .encode_request = ty_encode_request, .decode_reply = ty_decode_reply, .sign = ty_sign,
        .query_for = ty_query_for, .judge = ty_judge, .make_number = ty_make_number, .http_request = ty_http_request,
        .http_verify_reply = ty_http_verify_reply, .http_verify = ty_http_verify, .http_reply = ty_http_reply,
        .explain_signature = ty_explain_signature);
