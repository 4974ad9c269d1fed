/* plugins/jinhui/jinhui.c - 金惠保, profile JH/2.0, as a codec plugin.
 *
 * core loads it by yt_codec_api, at the end of this file.  The profile is our own proposal, as no public description
 * of the insurer's interface is known: names and lengths are data (fields.tsv), the rest is settings. */
#include <stdlib.h>
#include <string.h>

#include "jinhui.h"

static const struct yt_key_setting key_settings[] = { { "sign_key", YT_KEY_SM2_PRIVATE },
	{ "verify_key", YT_KEY_SM2_PUBLIC }, { NULL, YT_KEY_SECRET } };

static const struct yt_setting settings[] = {
	{ "partner", NULL, "our partner number at the insurer, at most 8 letters and digits" },
	{ "sign_key", NULL, "name of our SM2 key, which signs what we send" },
	{ "verify_key", NULL, "name of the insurer's SM2 key" },
	{ "allowed", "POLICY_NO;OPER;SETL.QFX",
	        "optional elements that the agreement lets leave, by their names in fields.tsv; *: all; what must be in a "
	        "case leaves as far as the person's consent covers it" },
	{ "claim_types", "21=1;22=1;23=1;24=1;25=1;26=1;27=1;28=1;52=1;14*=2;15=2;41=3",
	        "kind of case by med_type: 1 in-patient, 2 special out-patient, 3 pharmacy; others cannot be claimed" },
	{ "hospital_levels", "",
	        "hosp_lv = level, for codes of its own: 02=31;03=32; empty: two digits, 31 is 三级甲等, 90 none" },
	{ "ask_again_s", "1800", "seconds until an undecided or unpaid case is asked for again, 1 to 86400" },
	{ NULL, NULL, NULL }
};

/* Why each resolves as it does: README.md. */
const struct yt_wire_op jh_ops[] = {
	{ "JH1001", YT_OP_CLAIM_ELIGIBILITY, YT_RESOLVE_NONE }, { "JH2001", YT_OP_CLAIM_SUBMIT, YT_RESOLVE_QUERY },
	{ "JH2002", YT_OP_CLAIM_QUERY, YT_RESOLVE_NONE }, { "JH2003", YT_OP_CLAIM_DOCUMENTS, YT_RESOLVE_RESEND },
	{ "JH2004", YT_OP_CLAIM_WITHDRAW, YT_RESOLVE_RESEND }, { "JH2005", YT_OP_CLAIM_STATEMENT, YT_RESOLVE_NONE },
	{ NULL, YT_OP_UNREAD, YT_RESOLVE_PARK } /* end */
};

const struct yt_wire_op *jh_row(struct yt_str code)
{
	const struct yt_wire_op *row = jh_ops;

	while (row->wire != NULL && !yt_str_is(code, row->wire))
		row++;
	return row->wire != NULL ? row : NULL;
}

static bool is_partner(struct yt_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'A' && s.p[i] <= 'Z')))
			return false;
	return s.n > 0 && s.n <= 8;
}

static int jh_open(struct yt_plugin *self)
{
	struct jh *jh = calloc(1, sizeof(*jh));
	int rv = 0;

	if (jh == NULL)
		return YT_ENOMEM;
	yt_plugin_ctx_set(self, jh);
	jh->partner = yt_plugin_setting(self, "partner");
	jh->sign_key = yt_plugin_setting(self, "sign_key");
	jh->verify_key = yt_plugin_setting(self, "verify_key");
	jh->allowed = yt_plugin_setting(self, "allowed");
	jh->types = yt_plugin_setting(self, "claim_types");
	jh->levels = yt_plugin_setting(self, "hospital_levels");
	jh->ask_again_s = ins_seconds(yt_plugin_setting(self, "ask_again_s"));
	if (jh->ask_again_s < 1 || jh->ask_again_s > 86400)
		rv = ins_bad_setting(self, "ask_again_s", "must be 1 to 86400");
	else if (!is_partner(jh->partner))
		rv = ins_bad_setting(self, "partner", "must be 1 to 8 capital letters and digits");
	else if (!ins_is_map(jh->types, "1;2;3"))
		rv = ins_bad_setting(
		        self, "claim_types", "must be pairs med_type=kind with ; between, a kind is 1, 2 or 3");
	else if (!ins_is_map(jh->levels, "31;32;33;21;22;23;11;12;13;90"))
		rv = ins_bad_setting(self, "hospital_levels",
		        "must be pairs hosp_lv=level with ; between, a level is 31 to 13 or 90");
	else if (!ins_is_agreement(jinhui_schemas, jh->allowed))
		rv = ins_bad_setting(self, "allowed", "names something that is no optional element of fields.tsv");
	if (rv != 0) {
		free(jh);
		yt_plugin_ctx_set(self, NULL);
	}
	return rv;
}

static void jh_close(struct yt_plugin *self)
{
	free(yt_plugin_ctx(self));
	yt_plugin_ctx_set(self, NULL);
}

YT_CODEC_PLUGIN(.name = "jinhui", .content_type = "application/xml; charset=GB18030", .settings = settings,
        .key_settings = key_settings, .ops = jh_ops, .open = jh_open, .close = jh_close,
        .decode_request = jh_decode_request, .encode_reply = jh_encode_reply, .encode_request = jh_encode_request,
        .decode_reply = jh_decode_reply, .query_for = jh_query_for, .judge = jh_judge, .make_number = jh_make_number,
        .http_request = jh_http_request, .explain_signature = jh_explain_signature, .is_slow = true);
