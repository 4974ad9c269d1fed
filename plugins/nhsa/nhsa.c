/* plugins/nhsa/nhsa.c - the national designated-institution interface (两定接口) as a codec plugin.
 *
 * core loads it by yt_codec_api, at the end of this file.  Facts come from the interface's public
 * clients; what a province does its own way is a setting. */
#include <stdlib.h>
#include <string.h>

#include "yitong/charset.h"

#include "nhsa.h"

static const struct yt_key_setting key_settings[] = { { "key", YT_KEY_SECRET }, { "input_key", YT_KEY_SECRET },
	{ "sign_key", YT_KEY_SM2_PRIVATE }, { "verify_key", YT_KEY_SM2_PUBLIC }, { "app_secret", YT_KEY_SECRET },
	{ NULL, YT_KEY_SECRET } };

static const struct yt_setting settings[] = {
	{ "paasid", "", "id that the platform gave us for header signing; empty: requests are not signed" },
	{ "key", "", "name of the secret that belongs to paasid" },
	{ "headers", "x-tif", "signing headers: x-tif or x-rio (variant A), api-bus (variant A2) or none" },
	{ "hex", "lower", "case of the signature's hex digits when we sign: lower or upper" },
	{ "api_name", "", "api-bus: name of the service asked for; paasid is the access key" },
	{ "api_version", "1.0.0", "api-bus: version of that service" },
	{ "api_time", "ms", "api-bus: unit of the timestamp we send, ms or s; either is accepted" },
	{ "window_s", "180", "seconds a request's timestamp may differ from our clock, 1 to 3600" },
	{ "recer_sys_code", "", "receiving system code set by the province; empty: keep the sender's" },
	{ "infver", "V1.0", "interface version where the sender gave none" },
	{ "extra_members", "", "constant members added to the envelope: name=value;name=value" },
	{ "path", "one",
	        "one: every transaction goes to the party's address; number: the transaction's number is appended; "
	        "service: the path of its service is appended" },
	{ "paths", "9101=/fsi/api/fileupload/upload;9102=/fsi/api/fileupload/download",
	        "transactions with a path of their own, number=path;number=path, from the root when it begins with /" },
	{ "numbers", "", "transactions that go to this party under another number, number=number;number=number" },
	{ "file_form", "keep", "form of the file in 9101: base64, bytes (an array of numbers), or keep the sender's" },
	{ "review_ms", "3000", "ms that a review (3101, 3102) may keep the origin waiting, 100 to 60000" },
	{ "review_without_answer", "pass", "what the origin of a review hears without an answer: pass or refuse" },
	{ "input_key", "",
	        "variant B: name of the secret of 16 octets that seals input and output; empty: they are open" },
	{ "sign_key", "", "variants B and C: name of our SM2 key; in B empty: input is not signed" },
	{ "verify_key", "",
	        "variants B and C: name of the other side's SM2 key; in B empty: its signature is not checked" },
	{ "app_id", "", "variant C: application id; mobile payment (6201 to 6401) is wrapped; empty: it is not" },
	{ "app_secret", "", "variant C: name of the application's secret" },
	{ "app_institution", "", "variant C: institution whose messages name none (6203)" },
	{ "wrap_version", "2.0.1", "variant C: version written" },
	{ "wrap_time", "ms", "variant C: timestamp written: ms, s, or compact for yyyyMMddHHmmss; all are read" },
	{ "wrap_user_id", "secret", "variant C: user id of the signatures: secret, or default for 1234567812345678" },
	{ "file_max_mib", "64", "MiB that the file in a zip may unpack to, 1 to 1024" },
	{ "file_max_ratio", "200", "times that the file in a zip may be larger than packed, 2 to 1000" },
	{ "operator", "", "opter of what nobody here has sent, such as another province's question" },
	{ "operator_name", "医通", "opter_name of our own messages" },
	{ "sign_in_mac", "00-00-00-00-00-00", "MAC address in sign-ins of our own" },
	{ "sign_in_ip", "127.0.0.1", "IP address in sign-ins of our own" },
	{ "query_med_type_outpatient", "11",
	        "med_type with which 5201 is asked about out-patient visits; may be empty" },
	{ "query_med_type_inpatient", "21", "med_type with which 5201 is asked about in-patient visits; may be empty" },
	{ "visit_query_days", "400", "days back that 5201 is asked about stays, 1 to 3660" },
	{ "refund_id_member", "refd_setl_id",
	        "member of a 5203 answer's setlinfo that names the refund's own setl_id" },
	{ "unknown_words", "超时;网络;系统异常;系统繁忙;timeout",
	        "a refusal whose text has one of these is an unknown outcome" },
	{ "lines_there_words", "费用明细流水号重复;流水号已存在",
	        "a refused fee upload (2204, 2301) whose text has one of these had been done before" },
	{ "entries_gone_words", "信息不存在或已撤销;明细不存在;未查询到费用明细",
	        "a refused cancel (2202, 2205, 2302, 2404, 2502, 2504, 2506, 3204, 3507) whose text has one of these had been done before" },
	{ "discharged_words", "已办理出院",
	        "a refused discharge (2402) whose text has one of these had been done before" },
	{ "not_discharged_words", "未办理出院",
	        "a refused cancel of a discharge (2405) whose text has one of these had been done before" },
	{ "never_happened_words", "原交易不存在;已冲正;未找到原交易",
	        "a refused reversal whose text has one of these found no original" },
	{ "session_expired_words", "签到编号无效;签到已过期;未签到",
	        "a refusal with one of these wants a new sign-in" },
	{ "gateway_words", "认证参数;签名;时间戳;鉴权;过于频繁",
	        "a refusal with one of these was made on the way: it proves nothing about an earlier try" },
	{ NULL, NULL, NULL }
};

/* Why each row resolves as it does: README.md.  In the order of strcmp(), to be found by halves. */
static const struct yt_wire_op ops[] = {
	{ "1101", YT_OP_PERSON_CHECK, YT_RESOLVE_NONE }, { "1161", YT_OP_CREDENTIAL_READ, YT_RESOLVE_NONE },
	{ "1162", YT_OP_CREDENTIAL_READ, YT_RESOLVE_NONE }, { "1163", YT_OP_CREDENTIAL_READ, YT_RESOLVE_NONE },
	{ "1201", YT_OP_INSTITUTION_QUERY, YT_RESOLVE_NONE }, { "1301", YT_OP_CATALOGUE_DOWNLOAD, YT_RESOLVE_NONE },
	{ "1302", YT_OP_CATALOGUE_DOWNLOAD, YT_RESOLVE_NONE }, { "1303", YT_OP_CATALOGUE_DOWNLOAD, YT_RESOLVE_NONE },
	{ "1304", YT_OP_CATALOGUE_QUERY, YT_RESOLVE_NONE }, { "1305", YT_OP_CATALOGUE_DOWNLOAD, YT_RESOLVE_NONE },
	{ "1306", YT_OP_CATALOGUE_DOWNLOAD, YT_RESOLVE_NONE }, { "1307", YT_OP_CATALOGUE_DOWNLOAD, YT_RESOLVE_NONE },
	{ "1308", YT_OP_CATALOGUE_DOWNLOAD, YT_RESOLVE_NONE }, { "1309", YT_OP_CATALOGUE_DOWNLOAD, YT_RESOLVE_NONE },
	{ "1310", YT_OP_CATALOGUE_DOWNLOAD, YT_RESOLVE_NONE }, { "1311", YT_OP_CATALOGUE_DOWNLOAD, YT_RESOLVE_NONE },
	{ "1312", YT_OP_CATALOGUE_QUERY, YT_RESOLVE_NONE }, { "1313", YT_OP_CATALOGUE_DOWNLOAD, YT_RESOLVE_NONE },
	{ "1314", YT_OP_CATALOGUE_DOWNLOAD, YT_RESOLVE_NONE }, { "1315", YT_OP_CATALOGUE_DOWNLOAD, YT_RESOLVE_NONE },
	{ "1316", YT_OP_CATALOGUE_QUERY, YT_RESOLVE_NONE }, { "1317", YT_OP_CATALOGUE_QUERY, YT_RESOLVE_NONE },
	{ "1318", YT_OP_CATALOGUE_QUERY, YT_RESOLVE_NONE }, { "1319", YT_OP_CATALOGUE_QUERY, YT_RESOLVE_NONE },
	{ "1320", YT_OP_CATALOGUE_DOWNLOAD, YT_RESOLVE_NONE }, { "13203", YT_OP_RECONCILE_QUERY, YT_RESOLVE_NONE },
	{ "1321", YT_OP_CATALOGUE_DOWNLOAD, YT_RESOLVE_NONE }, { "1901", YT_OP_DICTIONARY_QUERY, YT_RESOLVE_NONE },
	{ "2001", YT_OP_ENTITLEMENT_CHECK, YT_RESOLVE_NONE }, { "2101", YT_OP_PHARMACY_PRESETTLE, YT_RESOLVE_NONE },
	{ "2102", YT_OP_PHARMACY_SETTLE, YT_RESOLVE_REVERSE },
	{ "2103", YT_OP_PHARMACY_SETTLE_CANCEL, YT_RESOLVE_QUERY_REVERSE },
	{ "2201", YT_OP_OUTPATIENT_REGISTER, YT_RESOLVE_QUERY },
	{ "2202", YT_OP_OUTPATIENT_REGISTER_CANCEL, YT_RESOLVE_RESEND },
	{ "2203", YT_OP_OUTPATIENT_VISIT, YT_RESOLVE_RESEND }, { "2203A", YT_OP_OUTPATIENT_VISIT, YT_RESOLVE_RESEND },
	{ "2204", YT_OP_OUTPATIENT_FEES, YT_RESOLVE_RESEND },
	{ "2205", YT_OP_OUTPATIENT_FEES_CANCEL, YT_RESOLVE_RESEND },
	{ "2206", YT_OP_OUTPATIENT_PRESETTLE, YT_RESOLVE_NONE },
	{ "2206A", YT_OP_OUTPATIENT_PRESETTLE, YT_RESOLVE_NONE },
	{ "2207", YT_OP_OUTPATIENT_SETTLE, YT_RESOLVE_REVERSE },
	{ "2207A", YT_OP_OUTPATIENT_SETTLE, YT_RESOLVE_REVERSE },
	{ "2208", YT_OP_OUTPATIENT_SETTLE_CANCEL, YT_RESOLVE_QUERY_REVERSE },
	{ "2301", YT_OP_INPATIENT_FEES, YT_RESOLVE_RESEND }, { "2302", YT_OP_INPATIENT_FEES_CANCEL, YT_RESOLVE_RESEND },
	{ "2303", YT_OP_INPATIENT_PRESETTLE, YT_RESOLVE_NONE }, { "2303A", YT_OP_INPATIENT_PRESETTLE, YT_RESOLVE_NONE },
	{ "2304", YT_OP_INPATIENT_SETTLE, YT_RESOLVE_REVERSE }, { "2304A", YT_OP_INPATIENT_SETTLE, YT_RESOLVE_REVERSE },
	{ "2305", YT_OP_INPATIENT_SETTLE_CANCEL, YT_RESOLVE_QUERY_REVERSE },
	{ "2401", YT_OP_INPATIENT_ADMIT, YT_RESOLVE_REVERSE }, { "2402", YT_OP_INPATIENT_DISCHARGE, YT_RESOLVE_QUERY },
	{ "2403", YT_OP_INPATIENT_CHANGE, YT_RESOLVE_RESEND },
	{ "2404", YT_OP_INPATIENT_ADMIT_CANCEL, YT_RESOLVE_RESEND },
	{ "2405", YT_OP_INPATIENT_DISCHARGE_CANCEL, YT_RESOLVE_QUERY },
	{ "2501", YT_OP_TRANSFER_FILE, YT_RESOLVE_QUERY }, { "2501A", YT_OP_TRANSFER_FILE, YT_RESOLVE_QUERY },
	{ "2502", YT_OP_TRANSFER_FILE_CANCEL, YT_RESOLVE_RESEND }, { "2503", YT_OP_CHRONIC_FILE, YT_RESOLVE_QUERY },
	{ "2504", YT_OP_CHRONIC_FILE_CANCEL, YT_RESOLVE_RESEND }, { "2505", YT_OP_DESIGNATION_FILE, YT_RESOLVE_QUERY },
	{ "2506", YT_OP_DESIGNATION_FILE_CANCEL, YT_RESOLVE_RESEND }, { "2507", YT_OP_INJURY_FILE, YT_RESOLVE_PARK },
	{ "2601", YT_OP_REVERSE, YT_RESOLVE_RESEND }, { "3101", YT_OP_REVIEW_BEFORE, YT_RESOLVE_NONE },
	{ "3102", YT_OP_REVIEW_DURING, YT_RESOLVE_NONE }, { "3103", YT_OP_REVIEW_FEEDBACK, YT_RESOLVE_RESEND },
	{ "3201", YT_OP_RECONCILE_TOTALS, YT_RESOLVE_NONE }, { "3202", YT_OP_RECONCILE_DETAILS, YT_RESOLVE_NONE },
	{ "3203", YT_OP_CLEARING_APPLY, YT_RESOLVE_PARK }, { "3203A", YT_OP_CLEARING_APPLY, YT_RESOLVE_PARK },
	{ "3204", YT_OP_CLEARING_APPLY_CANCEL, YT_RESOLVE_RESEND },
	{ "3204A", YT_OP_CLEARING_APPLY_CANCEL, YT_RESOLVE_RESEND }, { "3205A", YT_OP_CLEARING_QUERY, YT_RESOLVE_NONE },
	{ "3206A", YT_OP_CLEARING_QUERY, YT_RESOLVE_NONE }, { "3209A", YT_OP_RECONCILE_QUERY, YT_RESOLVE_NONE },
	{ "3211", YT_OP_RECONCILE_DAILY, YT_RESOLVE_NONE }, { "3212", YT_OP_RECONCILE_QUERY, YT_RESOLVE_NONE },
	{ "3260", YT_OP_REMOTE_CLEARING_QUERY, YT_RESOLVE_NONE },
	{ "3261", YT_OP_REMOTE_CLEARING_CONFIRM, YT_RESOLVE_PARK },
	{ "3262", YT_OP_REMOTE_CLEARING_CONFIRM_CANCEL, YT_RESOLVE_PARK },
	{ "3505", YT_OP_STOCK_SALE, YT_RESOLVE_PARK }, { "3506", YT_OP_STOCK_RETURN, YT_RESOLVE_PARK },
	{ "3507", YT_OP_STOCK_DELETE, YT_RESOLVE_RESEND }, { "3508", YT_OP_STOCK_QUERY, YT_RESOLVE_NONE },
	{ "3509", YT_OP_STOCK_QUERY, YT_RESOLVE_NONE }, { "3510", YT_OP_STOCK_QUERY, YT_RESOLVE_NONE },
	{ "3511", YT_OP_STOCK_QUERY, YT_RESOLVE_NONE }, { "3512", YT_OP_STOCK_QUERY, YT_RESOLVE_NONE },
	{ "3513", YT_OP_STOCK_QUERY, YT_RESOLVE_NONE }, { "5101", YT_OP_STAFF_QUERY, YT_RESOLVE_NONE },
	{ "5102", YT_OP_STAFF_QUERY, YT_RESOLVE_NONE }, { "5201", YT_OP_VISIT_QUERY, YT_RESOLVE_NONE },
	{ "5202", YT_OP_DIAGNOSIS_QUERY, YT_RESOLVE_NONE }, { "5203", YT_OP_SETTLEMENT_QUERY, YT_RESOLVE_NONE },
	{ "5204", YT_OP_FEES_QUERY, YT_RESOLVE_NONE }, { "5205", YT_OP_MEDICATION_QUERY, YT_RESOLVE_NONE },
	{ "5206", YT_OP_ACCUMULATION_QUERY, YT_RESOLVE_NONE }, { "5301", YT_OP_CHRONIC_QUERY, YT_RESOLVE_NONE },
	{ "5302", YT_OP_DESIGNATION_QUERY, YT_RESOLVE_NONE }, { "5303", YT_OP_STAY_QUERY, YT_RESOLVE_NONE },
	{ "5304", YT_OP_TRANSFER_QUERY, YT_RESOLVE_NONE }, { "5401", YT_OP_REPORT_QUERY, YT_RESOLVE_NONE },
	{ "5402", YT_OP_REPORT_QUERY, YT_RESOLVE_NONE }, { "6201", YT_OP_PAYMENT_FEES, YT_RESOLVE_PARK },
	{ "6202", YT_OP_PAYMENT_ORDER, YT_RESOLVE_PARK }, { "6203", YT_OP_PAYMENT_REFUND, YT_RESOLVE_PARK },
	{ "6301", YT_OP_PAYMENT_QUERY, YT_RESOLVE_NONE }, { "6401", YT_OP_PAYMENT_REVOKE, YT_RESOLVE_QUERY },
	{ "9001", YT_OP_SIGN_IN, YT_RESOLVE_RESEND }, { "9002", YT_OP_SIGN_OUT, YT_RESOLVE_RESEND },
	{ "9101", YT_OP_FILE_UPLOAD, YT_RESOLVE_RESEND }, { "9102", YT_OP_FILE_DOWNLOAD, YT_RESOLVE_NONE },
	{ NULL, YT_OP_UNREAD, YT_RESOLVE_PARK } /* end */
};

/* strcmp() for a number that is no C text. */
static int wire_compare(struct yt_str s, const char *wire)
{
	int order = strncmp(s.p, wire, s.n);

	return order != 0 ? order : wire[s.n] == '\0' ? 0 : -1;
}

/* Both kinds of rows begin with their number. */
static int by_wire(const void *wire, const void *row)
{
	return wire_compare(*(const struct yt_str *)wire, *(const char *const *)row);
}

const struct yt_wire_op *nhsa_wire_op(struct yt_str wire)
{
	if (wire.n == 0 || wire.n >= NHSA_WIRE_MAX)
		return NULL;
	return bsearch(&wire, ops, sizeof(ops) / sizeof(ops[0]) - 1, sizeof(ops[0]), by_wire);
}

const struct yt_table *nhsa_table(struct yt_str wire)
{
	if (wire.n == 0 || wire.n >= NHSA_WIRE_MAX)
		return NULL;
	return bsearch(&wire, nhsa_tables, nhsa_n_tables, sizeof(nhsa_tables[0]), by_wire);
}

static bool is_utf8(struct yt_str s)
{
	for (size_t i = 0; i < s.n;) {
		unsigned char c = (unsigned char)s.p[i++];
		size_t more = c < 0x80                ? 0
		              : c >= 0xC2 && c < 0xE0 ? 1
		              : c >= 0xE0 && c < 0xF0 ? 2
		              : c >= 0xF0 && c < 0xF5 ? 3
		                                      : 9;

		if (more > s.n - i)
			return false;
		for (; more > 0; more--)
			if (((unsigned char)s.p[i++] & 0xC0) != 0x80)
				return false;
	}
	return true;
}

/* GB18030 holds GBK and GB2312.  0, YT_EFORMAT when it is none of them either, YT_ENOMEM. */
static int from_gb18030(struct yt_arena *arena, struct yt_str octets, struct yt_str *text)
{
	struct yt_buf out = { 0 };
	int rv = yt_gb18030_to_utf8(octets, &out, NULL);

	if (rv == 0) {
		*text = yt_arena_copy(arena, yt_buf_view(&out));
		rv = text->p != NULL ? 0 : YT_ENOMEM;
	}
	yt_buf_free(&out);
	return rv;
}

int nhsa_to_utf8(struct yt_arena *arena, struct yt_str octets, struct yt_str *text)
{
	*text = octets;
	return is_utf8(octets) ? 0 : from_gb18030(arena, octets, text);
}

/* One name twice is grammar, but not sense: another reader would take the other value. */
static int refuse_duplicate(struct yt_str text, struct yt_json_error *err)
{
	if (err->duplicate == NULL)
		return 0;
	err->why = "a member name that this object already has";
	err->offset = err->duplicate->raw_off;
	err->line = 1;
	err->column = 1;
	for (size_t i = 0; i < err->offset && i < text.n; i++) {
		err->column = text.p[i] == '\n' ? 1 : err->column + 1;
		err->line += text.p[i] == '\n';
	}
	return YT_EFORMAT;
}

int nhsa_read_json(struct yt_arena *arena, struct yt_str octets, struct yt_str *text, struct yt_node **root,
        struct yt_json_error *err)
{
	int rv = yt_json_read(arena, octets, NULL, root, err), converted;

	*text = octets;
	if (rv == 0)
		return refuse_duplicate(*text, err);
	if (rv != YT_EFORMAT || is_utf8(octets))
		return rv;
	converted = from_gb18030(arena, octets, text);
	if (converted == YT_EFORMAT)
		return rv; /* neither: the first complaint is the better one */
	rv = converted != 0 ? converted : yt_json_read(arena, *text, NULL, root, err);
	return rv != 0 ? rv : refuse_duplicate(*text, err);
}

struct yt_node *nhsa_unlink(struct yt_node *object, const char *name)
{
	struct yt_str wanted = yt_str(name);
	struct yt_node *before = NULL;

	for (struct yt_node *node = object->child; node != NULL; before = node, node = node->next) {
		if (!yt_str_eq(node->name, wanted))
			continue;
		if (before != NULL)
			before->next = node->next;
		else
			object->child = node->next;
		if (object->last == node)
			object->last = before;
		object->n--;
		node->next = NULL;
		return node;
	}
	return NULL;
}

struct yt_str nhsa_text_of(const struct yt_node *object, const char *a, const char *b)
{
	struct yt_str s = yt_node_text(object, a);

	return s.n > 0 ? s : yt_node_text(object, b);
}

void nhsa_put_name(struct yt_buf *out, bool *first, struct yt_str name)
{
	if (!*first)
		yt_buf_byte(out, ',');
	*first = false;
	yt_json_write_string(name, out);
	yt_buf_byte(out, ':');
}

/* Settings. */

static int complain(const struct yt_plugin *self, const char *key, const char *why)
{
	yt_plugin_log(self, YT_ERROR, "setting %s %s", key, why);
	return YT_ECONF;
}

/* Cuts the next part off list at separator; false at the end. */
static bool next_part(struct yt_str *list, char separator, struct yt_str *part)
{
	const char *end;

	if (list->n == 0)
		return false;
	end = memchr(list->p, separator, list->n);
	part->p = list->p;
	part->n = end != NULL ? (size_t)(end - list->p) : list->n;
	list->p += part->n + (end != NULL);
	list->n -= part->n + (end != NULL);
	return true;
}

static int take_words(const struct yt_plugin *self, const char *key, struct nhsa_words *words)
{
	struct yt_str list = yt_plugin_setting(self, key), word;

	while (next_part(&list, ';', &word)) {
		if (word.n == 0)
			continue;
		if (words->n == NHSA_WORDS_MAX)
			return complain(self, key, "has more than 32 words");
		words->word[words->n++] = word;
	}
	return 0;
}

static int take_extras(const struct yt_plugin *self, struct nhsa *nhsa)
{
	struct yt_str list = yt_plugin_setting(self, "extra_members"), part;

	while (next_part(&list, ';', &part)) {
		struct nhsa_extra extra = { .value = part };
		unsigned cursor = 0;

		if (part.n == 0)
			continue;
		if (!next_part(&extra.value, '=', &extra.name) || extra.name.n == 0 || extra.name.n == part.n)
			return complain(self, "extra_members", "wants name=value;name=value");
		if (yt_table_find(&nhsa_envelope.in[0], extra.name, &cursor) >= 0 || yt_str_is(extra.name, "input"))
			return complain(self, "extra_members", "names a member that the envelope already has");
		if (nhsa->n_extra == NHSA_EXTRAS_MAX)
			return complain(self, "extra_members", "has more than 16 members");
		nhsa->extra[nhsa->n_extra++] = extra;
	}
	return 0;
}

static int take_number(const struct yt_plugin *self, const char *key, int64_t least, int64_t most, int64_t *out)
{
	struct yt_str s = yt_plugin_setting(self, key);
	int64_t value = 0;

	for (size_t i = 0; i < s.n && i < 9; i++)
		value = s.p[i] >= '0' && s.p[i] <= '9' ? value * 10 + (s.p[i] - '0') : INT64_MAX / 16;
	if (s.n == 0 || s.n > 9 || value < least || value > most)
		return complain(self, key, "is not a whole number within its limits (see the plugin's README)");
	*out = value;
	return 0;
}

static int take_wrapping(const struct yt_plugin *self, struct nhsa *nhsa)
{
	struct yt_str unit = yt_plugin_setting(self, "wrap_time"), id = yt_plugin_setting(self, "wrap_user_id");

	nhsa->input_key = yt_plugin_setting(self, "input_key");
	nhsa->sign_key = yt_plugin_setting(self, "sign_key");
	nhsa->verify_key = yt_plugin_setting(self, "verify_key");
	nhsa->app_id = yt_plugin_setting(self, "app_id");
	nhsa->app_secret = yt_plugin_setting(self, "app_secret");
	nhsa->app_institution = yt_plugin_setting(self, "app_institution");
	nhsa->wrap_version = yt_plugin_setting(self, "wrap_version");
	nhsa->wrap_time = yt_str_is(unit, "s")         ? NHSA_TIME_S
	                  : yt_str_is(unit, "compact") ? NHSA_TIME_COMPACT
	                                               : NHSA_TIME_MS;
	nhsa->id_is_secret = yt_str_is(id, "secret");
	if (nhsa->wrap_time == NHSA_TIME_MS && !yt_str_is(unit, "ms"))
		return complain(self, "wrap_time", "must be ms, s or compact");
	if (!nhsa->id_is_secret && !yt_str_is(id, "default"))
		return complain(self, "wrap_user_id", "must be secret or default");
	if (nhsa->app_id.n == 0)
		return 0;
	if (nhsa->app_id.n < 16)
		return complain(self, "app_id", "is shorter than 16 characters, of which the key is made");
	if (nhsa->app_secret.n == 0)
		return complain(self, "app_secret", "is needed where app_id is given");
	if (nhsa->sign_key.n == 0)
		return complain(self, "sign_key", "is needed where app_id is given");
	if (nhsa->verify_key.n == 0)
		return complain(self, "verify_key", "is needed where app_id is given");
	return 0;
}

/* number=text;number=text */
static int take_pairs(const struct yt_plugin *self, const char *key, struct nhsa_extra *pairs, size_t max, size_t *n)
{
	struct yt_str list = yt_plugin_setting(self, key), part;

	while (next_part(&list, ';', &part)) {
		struct nhsa_extra pair = { .value = part };

		if (part.n == 0)
			continue;
		if (!next_part(&pair.value, '=', &pair.name) || pair.name.n == 0 || pair.value.n == 0 ||
		        pair.name.n >= NHSA_WIRE_MAX)
			return complain(self, key, "wants number=text;number=text");
		if (*n == max)
			return complain(self, key, "has too many entries (see the plugin's README)");
		pairs[(*n)++] = pair;
	}
	return 0;
}

static int take_forms(const struct yt_plugin *self, struct nhsa *nhsa)
{
	struct yt_str form = yt_plugin_setting(self, "file_form"),
	              without = yt_plugin_setting(self, "review_without_answer");
	int rv = take_pairs(self, "numbers", nhsa->numbers, NHSA_NUMBERS_MAX, &nhsa->n_numbers);

	for (size_t i = 0; i < nhsa->n_numbers && rv == 0; i++)
		if (nhsa->numbers[i].value.n > 6)
			rv = complain(self, "numbers", "has a number of more than 6 characters");
	if (rv != 0)
		return rv;
	nhsa->file_form = yt_str_is(form, "base64")  ? NHSA_FILE_BASE64
	                  : yt_str_is(form, "bytes") ? NHSA_FILE_BYTES
	                                             : NHSA_FILE_KEEP;
	if (nhsa->file_form == NHSA_FILE_KEEP && !yt_str_is(form, "keep"))
		return complain(self, "file_form", "must be base64, bytes or keep");
	nhsa->review_open = yt_str_is(without, "pass");
	if (!nhsa->review_open && !yt_str_is(without, "refuse"))
		return complain(self, "review_without_answer", "must be pass or refuse");
	return take_number(self, "review_ms", 100, 60000, &nhsa->review_ms);
}

static int take_paths(const struct yt_plugin *self, struct nhsa *nhsa)
{
	struct yt_str shape = yt_plugin_setting(self, "path");

	nhsa->path = yt_str_is(shape, "number")    ? NHSA_PATH_NUMBER
	             : yt_str_is(shape, "service") ? NHSA_PATH_SERVICE
	                                           : NHSA_PATH_ONE;
	if (nhsa->path == NHSA_PATH_ONE && !yt_str_is(shape, "one"))
		return complain(self, "path", "must be one, number or service");
	return take_pairs(self, "paths", nhsa->paths, NHSA_PATHS_MAX, &nhsa->n_paths);
}

static int take_bus(const struct yt_plugin *self, struct nhsa *nhsa)
{
	struct yt_str unit = yt_plugin_setting(self, "api_time");

	nhsa->api_name = yt_plugin_setting(self, "api_name");
	nhsa->api_version = yt_plugin_setting(self, "api_version");
	nhsa->api_seconds = yt_str_is(unit, "s");
	if (!nhsa->api_seconds && !yt_str_is(unit, "ms"))
		return complain(self, "api_time", "must be ms or s");
	if (nhsa->paasid.n > 0 && nhsa->key.n == 0)
		return complain(self, "key", "is needed where paasid is given");
	if (nhsa->paasid.n > 0 && nhsa->api_name.n == 0)
		return complain(self, "api_name", "is needed where paasid is given");
	return take_number(self, "window_s", 1, 3600, &nhsa->window_s);
}

static int take_signing(const struct yt_plugin *self, struct nhsa *nhsa)
{
	static const char *const parts[4] = { "paasid", "timestamp", "nonce", "signature" };
	struct yt_str prefix = yt_plugin_setting(self, "headers"), hex = yt_plugin_setting(self, "hex");

	nhsa->paasid = yt_plugin_setting(self, "paasid");
	nhsa->key = yt_plugin_setting(self, "key");
	nhsa->signs = !yt_str_is(prefix, "none");
	nhsa->on_bus = yt_str_is(prefix, "api-bus");
	if (nhsa->on_bus)
		return take_bus(self, nhsa);
	if (nhsa->signs && !yt_str_is(prefix, "x-tif") && !yt_str_is(prefix, "x-rio"))
		return complain(self, "headers", "must be x-tif, x-rio, api-bus or none");
	for (size_t i = 0; i < 4 && nhsa->signs; i++) {
		memcpy(nhsa->header_name[i], prefix.p, prefix.n);
		nhsa->header_name[i][prefix.n] = '-';
		strcpy(nhsa->header_name[i] + prefix.n + 1, parts[i]);
	}
	nhsa->hex_upper = yt_str_is(hex, "upper");
	if (!nhsa->hex_upper && !yt_str_is(hex, "lower"))
		return complain(self, "hex", "must be lower or upper");
	if (nhsa->paasid.n > 0 && nhsa->key.n == 0)
		return complain(self, "key", "is needed where paasid is given");
	return take_number(self, "window_s", 1, 3600, &nhsa->window_s);
}

static int take_settings(const struct yt_plugin *self, struct nhsa *nhsa)
{
	int rv = take_signing(self, nhsa);

	nhsa->recer_sys_code = yt_plugin_setting(self, "recer_sys_code");
	nhsa->infver = yt_plugin_setting(self, "infver");
	nhsa->operator= yt_plugin_setting(self, "operator");
	nhsa->operator_name = yt_plugin_setting(self, "operator_name");
	nhsa->sign_in_mac = yt_plugin_setting(self, "sign_in_mac");
	nhsa->sign_in_ip = yt_plugin_setting(self, "sign_in_ip");
	nhsa->med_type_out = yt_plugin_setting(self, "query_med_type_outpatient");
	nhsa->med_type_in = yt_plugin_setting(self, "query_med_type_inpatient");
	nhsa->refund_id_member = yt_plugin_setting(self, "refund_id_member");
	if (rv == 0 && nhsa->recer_sys_code.n > 10)
		rv = complain(self, "recer_sys_code", "is longer than 10 characters");
	if (rv == 0)
		rv = take_number(self, "visit_query_days", 1, 3660, &nhsa->visit_query_days);
	if (rv == 0)
		rv = take_extras(self, nhsa);
	if (rv == 0)
		rv = take_wrapping(self, nhsa);
	if (rv == 0)
		rv = take_forms(self, nhsa);
	if (rv == 0)
		rv = take_paths(self, nhsa);
	if (rv == 0)
		rv = take_number(self, "file_max_mib", 1, 1024, &nhsa->file_max_mib);
	if (rv == 0)
		rv = take_number(self, "file_max_ratio", 2, 1000, &nhsa->file_max_ratio);
	if (rv == 0)
		rv = take_words(self, "unknown_words", &nhsa->unknown);
	if (rv == 0)
		rv = take_words(self, "lines_there_words", &nhsa->lines_there);
	if (rv == 0)
		rv = take_words(self, "entries_gone_words", &nhsa->entries_gone);
	if (rv == 0)
		rv = take_words(self, "discharged_words", &nhsa->discharged);
	if (rv == 0)
		rv = take_words(self, "not_discharged_words", &nhsa->not_discharged);
	if (rv == 0)
		rv = take_words(self, "never_happened_words", &nhsa->never_happened);
	if (rv == 0)
		rv = take_words(self, "session_expired_words", &nhsa->session_expired);
	if (rv == 0)
		rv = take_words(self, "gateway_words", &nhsa->gateway);
	return rv;
}

static void nhsa_close(struct yt_plugin *self)
{
	struct nhsa *nhsa = yt_plugin_ctx(self);

	if (nhsa != NULL)
		nhsa_nonces_free(nhsa->nonces);
	free(nhsa);
	yt_plugin_ctx_set(self, NULL);
}

static int nhsa_open(struct yt_plugin *self)
{
	struct nhsa *nhsa = calloc(1, sizeof(*nhsa));
	int rv;

	if (nhsa == NULL)
		return YT_ENOMEM;
	yt_plugin_ctx_set(self, nhsa);
	rv = take_settings(self, nhsa);
	if (rv != 0)
		nhsa_close(self);
	else if (nhsa->sign_key.n > 0 || nhsa->verify_key.n > 0)
		yt_plugin_set_slow(self); /* SM2 in each message; the header's digest takes microseconds */
	return rv;
}

YT_CODEC_PLUGIN(.name = "nhsa", .content_type = "application/json; charset=utf-8", .settings = settings,
        .key_settings = key_settings, .ops = ops, .open = nhsa_open, .close = nhsa_close,
        .decode_request = nhsa_decode_request, .encode_reply = nhsa_encode_reply, .verify = nhsa_verify,
        .sender = nhsa_sender, .encode_request = nhsa_encode_request, .decode_reply = nhsa_decode_reply,
        .sign = nhsa_sign, .query_for = nhsa_query_for, .judge = nhsa_judge, .reversal_of = nhsa_reversal_of,
        .sign_in_for = nhsa_sign_in_for, .path = nhsa_path, .blank = nhsa_blank,
        .statement_write = nhsa_statement_write, .statement_read = nhsa_statement_read, .patience = nhsa_patience,
        .explain_signature = nhsa_explain_signature);
