/* plugins/crossprovince/crossprovince.c - profile KSBW 1.0 between provinces as a codec plugin.
 *
 * core loads it by yt_codec_api, at the end of this file.  The profile is our own proposal, built from public
 * names and rules: names, order, counts and code maps are data (fields.tsv, settings). */
#include <stdlib.h>
#include <string.h>

#include "ksbw.h"

static const struct yt_setting settings[] = {
	{ "area", NULL, "our area code of 6 digits, sender of what we say; the SM2 key with this owner signs" },
	{ "hub", "100000", "area code of the national hub" },
	{ "encoding", "UTF-8", "of what we write: UTF-8 or GB18030; both are read" },
	{ "expire_s", "30", "seconds after which nobody executes a message of ours any more, 1 to 3600" },
	{ "unknown_elements", "refuse", "elements of a body that the profile does not have: refuse or keep" },
	{ "signatures", "yes",
	        "no: none is made and none is checked, only the digest; for measuring, never for money: yes or no" },
	{ "relay", "no", "pass messages of this format on unchanged, with their sender's signature: yes or no" },
	{ "invariants", "I1,I2,I3,I4,I5,I6,I7,I8", "what is checked to add up" },
	{ "receivers", "", "areas whose receiver is not their province: prefix=area;prefix=area" },
	{ "insutype", "310=310;320=320;330=330;340=340;380=380;390=390;391=391;510=510",
	        "insurance, national code = aae140; * at the end: others are the same" },
	{ "med_type",
	        "11=11;12=11;16=11;19=11;51=11;81=11;13=12;14=13;140104=13;140201=13;15=13;21=21;22=21;23=21;24=21;25="
	        "25;"
	        "26=21;27=21;28=21;52=21;41=41;11=15",
	        "care category, national code = aka130; the first pair wins in either direction" },
	{ "psn_type", "*", "person category, national code = ykc021" },
	{ "psn_cert_type", "*", "certificate type, national code = aac043" },
	{ "funds", "390200=hifmi;390400=hifmi;390500=hifmi;330100=hifob",
	        "funds of serious disease (hifmi) and of large sums (hifob), which the wire has in one amount" },
	{ "line_kinds", "09=drug;10=drug;11=drug;08=material;01=bed;13=other;14=other",
	        "med_chrgitm_type of a fee line = drug, material, bed or other; all else is treatment" },
	{ NULL, NULL, NULL }
};

/* Why each row resolves as it does: README.md.  Where two operations share a number, the in-patient's is first. */
static const struct yt_wire_op ops[] = {
	{ "P001", YT_OP_LINK, YT_RESOLVE_NONE }, { "P101", YT_OP_FILING_QUERY, YT_RESOLVE_NONE },
	{ "P102", YT_OP_FILING_PUSH, YT_RESOLVE_RESEND }, { "0211", YT_OP_PERSON_CHECK, YT_RESOLVE_NONE },
	{ "0212", YT_OP_INPATIENT_ADMIT, YT_RESOLVE_ADOPT }, { "0212", YT_OP_OUTPATIENT_REGISTER, YT_RESOLVE_ADOPT },
	{ "0213", YT_OP_INPATIENT_CHANGE, YT_RESOLVE_RESEND },
	{ "0214", YT_OP_INPATIENT_ADMIT_CANCEL, YT_RESOLVE_RESEND },
	{ "0214", YT_OP_OUTPATIENT_REGISTER_CANCEL, YT_RESOLVE_RESEND },
	{ "0215", YT_OP_INPATIENT_DISCHARGE, YT_RESOLVE_RESEND },
	{ "0216", YT_OP_INPATIENT_DISCHARGE_CANCEL, YT_RESOLVE_RESEND },
	{ "0301", YT_OP_INPATIENT_FEES, YT_RESOLVE_RESEND }, { "0301", YT_OP_OUTPATIENT_FEES, YT_RESOLVE_RESEND },
	{ "0302", YT_OP_INPATIENT_FEES_CANCEL, YT_RESOLVE_RESEND },
	{ "0302", YT_OP_OUTPATIENT_FEES_CANCEL, YT_RESOLVE_RESEND },
	{ "0303", YT_OP_INPATIENT_PRESETTLE, YT_RESOLVE_NONE }, { "0303", YT_OP_OUTPATIENT_PRESETTLE, YT_RESOLVE_NONE },
	{ "0303", YT_OP_PHARMACY_PRESETTLE, YT_RESOLVE_NONE }, { "0304", YT_OP_INPATIENT_SETTLE, YT_RESOLVE_ADOPT },
	{ "0304", YT_OP_OUTPATIENT_SETTLE, YT_RESOLVE_ADOPT }, { "0304", YT_OP_PHARMACY_SETTLE, YT_RESOLVE_ADOPT },
	{ "0305", YT_OP_INPATIENT_SETTLE_CANCEL, YT_RESOLVE_ADOPT },
	{ "0305", YT_OP_OUTPATIENT_SETTLE_CANCEL, YT_RESOLVE_ADOPT },
	{ "0305", YT_OP_PHARMACY_SETTLE_CANCEL, YT_RESOLVE_ADOPT }, { "1301", YT_OP_REVERSE, YT_RESOLVE_RESEND },
	{ "P201", YT_OP_OUTCOME_QUERY, YT_RESOLVE_NONE }, { "P301", YT_OP_RECONCILE_TOTALS, YT_RESOLVE_NONE },
	{ "P302", YT_OP_RECONCILE_DETAILS, YT_RESOLVE_NONE }, { NULL, YT_OP_UNREAD, YT_RESOLVE_PARK } /* end */
};

const struct ksbw_schema *ksbw_schema(struct yt_str number)
{
	for (const struct ksbw_schema *schema = ksbw_schemas; schema->number != NULL; schema++)
		if (yt_str_is(number, schema->number))
			return schema;
	return NULL;
}

/* National numbers look the same (1301 is a download there), so number and operation must fit. */
struct yt_str ksbw_number_of(const struct yt_msg *msg)
{
	for (const struct yt_wire_op *op = ops; op->wire != NULL; op++)
		if (op->op == msg->op->id)
			return yt_str(op->wire);
	return (struct yt_str){ NULL, 0 };
}

bool ksbw_is_inpatient(enum yt_operation op)
{
	switch (op) {
	case YT_OP_INPATIENT_ADMIT:
	case YT_OP_INPATIENT_CHANGE:
	case YT_OP_INPATIENT_ADMIT_CANCEL:
	case YT_OP_INPATIENT_DISCHARGE:
	case YT_OP_INPATIENT_DISCHARGE_CANCEL:
	case YT_OP_INPATIENT_FEES:
	case YT_OP_INPATIENT_FEES_CANCEL:
	case YT_OP_INPATIENT_PRESETTLE:
	case YT_OP_INPATIENT_SETTLE:
	case YT_OP_INPATIENT_SETTLE_CANCEL:
		return true;
	default:
		return false;
	}
}

static bool is_pharmacy(enum yt_operation op)
{
	return op == YT_OP_PHARMACY_SETTLE || op == YT_OP_PHARMACY_PRESETTLE || op == YT_OP_PHARMACY_SETTLE_CANCEL;
}

/* A purchase is registered, and its lines are uploaded, as an out-patient's. */
const struct yt_op *ksbw_op_of(struct yt_str number, struct yt_str med_type)
{
	bool pharmacy = yt_str_is(med_type, "41");
	bool inpatient = med_type.n == 0 || med_type.p[0] == '2' || yt_str_is(med_type, "52");
	const struct yt_wire_op *found = NULL;

	for (const struct yt_wire_op *op = ops; op->wire != NULL; op++) {
		if (!yt_str_is(number, op->wire))
			continue;
		if (inpatient ? ksbw_is_inpatient(op->op) : pharmacy && is_pharmacy(op->op))
			return yt_op(op->op);
		if (found == NULL || (!inpatient && ksbw_is_inpatient(found->op)))
			found = op;
	}
	return yt_op(found != NULL ? found->op : YT_OP_UNREAD);
}

/* -- settings ----------------------------------------------------------------------------------- */

static int complain(const struct yt_plugin *self, const char *key, const char *why)
{
	yt_plugin_log(self, YT_ERROR, "setting %s %s", key, why);
	return YT_ECONF;
}

static int take_map(const struct yt_plugin *self, const char *key, struct ksbw_map *map)
{
	const char *why;

	map->name = key;
	why = ksbw_map_read(yt_plugin_setting(self, key), map);
	return why != NULL ? complain(self, key, why) : 0;
}

static int take_area(const struct yt_plugin *self, const char *key, struct yt_str *area)
{
	*area = yt_plugin_setting(self, key);
	return ksbw_is_digits(*area, 6) ? 0 : complain(self, key, "must be an area code of 6 digits");
}

static int take_choice(const struct yt_plugin *self, const char *key, const char *no, const char *yes, bool *out)
{
	struct yt_str s = yt_plugin_setting(self, key);

	*out = yt_str_is(s, yes);
	return *out || yt_str_is(s, no) ? 0
	                                : complain(self, key, "has a value it cannot have (see the plugin's README)");
}

static int take_expire(const struct yt_plugin *self, struct ksbw *k)
{
	struct yt_str s = yt_plugin_setting(self, "expire_s");

	for (size_t i = 0; i < s.n && s.n <= 4; i++)
		k->expire_s = s.p[i] >= '0' && s.p[i] <= '9' ? k->expire_s * 10 + (s.p[i] - '0') : 99999;
	return k->expire_s >= 1 && k->expire_s <= 3600 ? 0 : complain(self, "expire_s", "must be 1 to 3600 seconds");
}

static int take_invariants(const struct yt_plugin *self, struct ksbw *k)
{
	struct yt_str s = yt_plugin_setting(self, "invariants");

	for (; s.n > 0; s.p += 2, s.n -= 2) {
		if (s.n < 2 || s.p[0] != 'I' || s.p[1] < '1' || s.p[1] > '8' || (s.n > 2 && s.p[2] != ','))
			return complain(self, "invariants", "wants I1 to I8 with commas between, or nothing");
		k->invariants |= 1u << (s.p[1] - '0');
		s.p += s.n > 2;
		s.n -= s.n > 2;
	}
	return 0;
}

static int take_maps(const struct yt_plugin *self, struct ksbw *k)
{
	int rv = take_map(self, "insutype", &k->map[KSBW_MAP_INSUTYPE]);

	if (rv == 0)
		rv = take_map(self, "med_type", &k->map[KSBW_MAP_MED_TYPE]);
	if (rv == 0)
		rv = take_map(self, "psn_type", &k->map[KSBW_MAP_PSN_TYPE]);
	if (rv == 0)
		rv = take_map(self, "psn_cert_type", &k->map[KSBW_MAP_CERT_TYPE]);
	if (rv == 0)
		rv = take_map(self, "receivers", &k->receivers);
	if (rv == 0)
		rv = take_map(self, "funds", &k->funds);
	if (rv == 0)
		rv = take_map(self, "line_kinds", &k->line_kinds);
	for (size_t i = 0; rv == 0 && i < k->receivers.n; i++)
		if (!ksbw_is_digits(k->receivers.pair[i].right, 6))
			rv = complain(self, "receivers", "must name area codes of 6 digits");
	return rv;
}

static int take_settings(const struct yt_plugin *self, struct ksbw *k)
{
	struct yt_str encoding = yt_plugin_setting(self, "encoding");
	int rv = take_area(self, "area", &k->area);

	if (rv == 0)
		rv = take_area(self, "hub", &k->hub);
	k->charset = yt_str_is(encoding, "GB18030") ? YT_GB18030 : YT_UTF8;
	if (rv == 0 && k->charset == YT_UTF8 && !yt_str_is(encoding, "UTF-8"))
		rv = complain(self, "encoding", "must be UTF-8 or GB18030");
	if (rv == 0)
		rv = take_expire(self, k);
	if (rv == 0)
		rv = take_choice(self, "unknown_elements", "refuse", "keep", &k->keeps_unknown);
	if (rv == 0)
		rv = take_choice(self, "relay", "no", "yes", &k->relays);
	if (rv == 0)
		rv = take_choice(self, "signatures", "no", "yes", &k->signs);
	if (rv == 0 && !k->signs)
		yt_plugin_log(self, YT_WARN,
		        "signatures are switched off: anybody can settle in another's name; leave out the setting signatures");
	if (rv == 0)
		rv = take_invariants(self, k);
	return rv == 0 ? take_maps(self, k) : rv;
}

static void ksbw_close(struct yt_plugin *self)
{
	free(yt_plugin_ctx(self));
	yt_plugin_ctx_set(self, NULL);
}

static int ksbw_open(struct yt_plugin *self)
{
	struct ksbw *k = calloc(1, sizeof(*k));
	int rv;

	if (k == NULL)
		return YT_ENOMEM;
	yt_plugin_ctx_set(self, k);
	rv = take_settings(self, k);
	if (rv == 0 && k->signs)
		yt_plugin_set_slow(self); /* SM2 in each message; without it one takes some tens of microseconds */
	if (rv != 0)
		ksbw_close(self);
	return rv;
}

YT_CODEC_PLUGIN(.name = "crossprovince", .content_type = "application/xml", .settings = settings, .ops = ops,
        .open = ksbw_open, .close = ksbw_close, .decode_request = ksbw_decode_request,
        .encode_reply = ksbw_encode_reply, .encode_request = ksbw_encode_request, .decode_reply = ksbw_decode_reply,
        .query_for = ksbw_query_for, .judge = ksbw_judge, .reversal_of = ksbw_reversal_of, .blank = ksbw_blank,
        .make_number = ksbw_make_number, .repeat_reply = ksbw_repeat_reply,
        .explain_signature = ksbw_explain_signature);
