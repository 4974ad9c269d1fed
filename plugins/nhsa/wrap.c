/* plugins/nhsa/wrap.c - the wrapped form (variant C) of mobile payment, 6201 to 6401, both directions.
 *
 * There is no envelope: the path says which transaction it is (path.c), the business data say who asks, and
 * what the canonical message needs beyond that is made here.  encData = HEX(SM4-ECB(key, JSON)), the key derived
 * from appId and secret; signData = Base64(SM2 over the text of wrap_text.c).  request.c and reply.c call in
 * here where the setting app_id is given. */
#include <stdio.h>
#include <string.h>

#include "nhsa.h"
#include "nhsa_wrap.h"

static struct yt_sm4 cipher_of(const struct nhsa *nhsa)
{
	return (struct yt_sm4){ .key = nhsa->app_secret, .derive = nhsa->app_id, .mode = YT_SM4_ECB };
}

bool nhsa_is_payment(enum yt_operation op)
{
	return op == YT_OP_PAYMENT_FEES || op == YT_OP_PAYMENT_ORDER || op == YT_OP_PAYMENT_REFUND ||
	       op == YT_OP_PAYMENT_QUERY || op == YT_OP_PAYMENT_REVOKE;
}

/* encData stands in the wrapper, or in its data (the national web hall). */
static struct yt_str sealed_of(const struct yt_node *root)
{
	struct yt_str sealed = yt_node_text(root, "encData");

	return sealed.n > 0 ? sealed : yt_node_text(yt_node_get(root, "data"), "encData");
}

bool nhsa_is_wrapped(const struct yt_node *root)
{
	return yt_node_get(root, "infno") == NULL && (sealed_of(root).n > 0 || yt_node_get(root, "signData") != NULL);
}

/* Writing. */

static int put_sealed(
        struct yt_plugin *self, const struct yt_node *data, struct yt_arena *arena, struct yt_node *wrapper)
{
	struct yt_sm4 how = cipher_of(yt_plugin_ctx(self));
	struct yt_buf plain = { 0 }, sealed = { 0 }, hex = { 0 };
	int rv;

	yt_json_write(data, &plain);
	rv = plain.failed ? YT_ENOMEM : yt_key_sm4_encrypt(self, &how, yt_buf_view(&plain), &sealed);
	if (rv == 0) {
		nhsa_put_hex(yt_buf_view(&sealed), &hex);
		rv = nhsa_put(arena, wrapper, "encData", yt_buf_view(&hex)) != NULL && !hex.failed ? 0 : YT_ENOMEM;
	}
	yt_buf_free(&plain);
	yt_buf_free(&sealed);
	yt_buf_free(&hex);
	return rv;
}

static int put_signature(
        struct yt_plugin *self, const struct yt_node *data, struct yt_arena *arena, struct yt_node *wrapper)
{
	const struct nhsa *nhsa = yt_plugin_ctx(self);
	const struct yt_piece user_id = { nhsa->app_secret, true };
	struct yt_piece pieces[2] = { { { NULL, 0 }, false }, { nhsa->app_secret, true } };
	struct yt_buf text = { 0 }, base64 = { 0 };
	uint8_t signature[64];
	int rv = nhsa_wrap_text(wrapper, data, arena, &text);

	pieces[0].text = yt_buf_view(&text);
	if (rv == 0)
		rv = yt_key_sm2_sign(self, nhsa->sign_key, nhsa->id_is_secret ? &user_id : NULL, pieces, 2, signature);
	if (rv == 0) {
		nhsa_put_base64((struct yt_str){ (const char *)signature, sizeof(signature) }, &base64);
		rv = nhsa_put(arena, wrapper, "signData", yt_buf_view(&base64)) != NULL && !base64.failed ? 0
		                                                                                          : YT_ENOMEM;
	}
	yt_buf_free(&text);
	yt_buf_free(&base64);
	return rv;
}

static struct yt_str time_text(const struct nhsa *nhsa, int64_t ms, struct yt_arena *arena)
{
	char compact[15];

	if (nhsa->wrap_time == NHSA_TIME_COMPACT) {
		yt_time_compact(ms, compact);
		return yt_arena_copy(arena, yt_str(compact));
	}
	return yt_arena_printf(arena, "%lld", (long long)(nhsa->wrap_time == NHSA_TIME_S ? ms / 1000 : ms));
}

/* Adds the members that all have to wrapper, signs, and appends it to out. */
static int wrap(struct yt_plugin *self, struct yt_node *wrapper, const struct yt_node *data, int64_t ms,
        struct yt_arena *arena, struct yt_buf *out)
{
	const struct nhsa *nhsa = yt_plugin_ctx(self);
	int rv;

	if (nhsa_put(arena, wrapper, "appId", nhsa->app_id) == NULL ||
	        nhsa_put(arena, wrapper, "encType", YT_STR("SM4")) == NULL ||
	        nhsa_put(arena, wrapper, "signType", YT_STR("SM2")) == NULL ||
	        nhsa_put(arena, wrapper, "version", nhsa->wrap_version) == NULL ||
	        nhsa_put(arena, wrapper, "timestamp", time_text(nhsa, ms, arena)) == NULL)
		return YT_ENOMEM;
	rv = data != NULL ? put_sealed(self, data, arena, wrapper) : 0;
	if (rv == 0)
		rv = put_signature(self, data, arena, wrapper);
	if (rv == 0)
		yt_json_write(wrapper, out);
	return rv != 0 ? rv : out->failed ? YT_ENOMEM : 0;
}

static int64_t time_of(int64_t wall_ms, struct yt_str time)
{
	int64_t ms;

	return wall_ms > 0 ? wall_ms : yt_time_parse(time, &ms) == 0 ? ms : 0;
}

int nhsa_wrap_request(struct yt_plugin *self, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault)
{
	struct yt_node *wrapper = yt_node_new(msg->arena, YT_OBJECT);
	const struct yt_node *data = yt_node_get(msg->body, "data");
	size_t start = out->n;
	int rv = wrapper != NULL && data != NULL
	                 ? wrap(self, wrapper, data, time_of(msg->wall_ms, msg->time), msg->arena, out)
	                 : YT_ENOMEM;

	if (rv == 0 || rv == YT_ENOMEM)
		return rv;
	out->n = start;
	snprintf(fault->path, sizeof(fault->path), "(message)");
	snprintf(fault->why, sizeof(fault->why), "cannot be wrapped: %s (settings app_secret, sign_key)",
	        yt_strerror(rv));
	return YT_EFORMAT;
}

int nhsa_wrap_reply(struct yt_plugin *self, const struct yt_msg *msg, const struct yt_reply *reply, struct yt_buf *out)
{
	struct yt_arena *arena = reply->arena;
	bool done = reply->outcome == YT_DONE;
	struct yt_node *wrapper = yt_node_new(arena, YT_OBJECT), *success;
	struct yt_str code = done                                                ? YT_STR("0")
	                     : reply->code.n > 0 && !yt_str_is(reply->code, "0") ? reply->code
	                                                                         : YT_STR("-1");

	if (nhsa_put(arena, wrapper, "code", code) == NULL ||
	        nhsa_put(arena, wrapper, "message", reply->text.n > 0 || !done ? reply->text : YT_STR("成功")) ==
	                NULL ||
	        nhsa_put(arena, wrapper, "type", done ? YT_STR("success") : YT_STR("error")) == NULL)
		return YT_ENOMEM;
	success = yt_node_add(arena, wrapper, YT_STR("success"), YT_BOOL);
	if (success == NULL)
		return YT_ENOMEM;
	success->text = done ? YT_STR("true") : YT_STR("false");
	return wrap(self, wrapper, done ? yt_node_get(reply->body, "data") : NULL, time_of(reply->wall_ms, msg->time),
	        arena, out);
}

/* Reading. */

static int unseal(struct yt_plugin *self, const struct yt_node *root, struct yt_arena *arena, struct yt_str *plain)
{
	struct yt_sm4 how = cipher_of(yt_plugin_ctx(self));
	struct yt_buf sealed = { 0 }, clear = { 0 };
	int rv = nhsa_get_hex(sealed_of(root), &sealed);

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

static int verify(
        struct yt_plugin *self, const struct yt_node *root, const struct yt_node *data, struct yt_arena *arena)
{
	const struct nhsa *nhsa = yt_plugin_ctx(self);
	const struct yt_piece user_id = { nhsa->app_secret, true };
	struct yt_piece pieces[2] = { { { NULL, 0 }, false }, { nhsa->app_secret, true } };
	struct yt_buf text = { 0 }, signature = { 0 };
	int rv = nhsa_wrap_text(root, data, arena, &text);

	pieces[0].text = yt_buf_view(&text);
	if (rv == 0)
		rv = nhsa_get_base64(yt_node_text(root, "signData"), &signature);
	if (rv == 0)
		rv = signature.n != 64 ? YT_EDENIED
		                       : yt_key_sm2_verify(self, nhsa->verify_key, nhsa->id_is_secret ? &user_id : NULL,
		                                 pieces, 2, signature.p);
	yt_buf_free(&text);
	yt_buf_free(&signature);
	return rv;
}

/* *data: the plain business object with its text, offsets in *text. */
static int open_wrapper(struct yt_plugin *self, const struct yt_node *root, struct yt_arena *arena,
        struct yt_node **data, struct yt_str *text, const char **why)
{
	const struct nhsa *nhsa = yt_plugin_ctx(self);
	struct yt_str plain;
	int rv;

	*why = "appId is another than the setting app_id";
	if (!yt_str_eq(nhsa_text_of(root, "appId", "appCode"), nhsa->app_id))
		return YT_EFORMAT;
	*why = "encData cannot be decrypted with the secret of the setting app_secret";
	rv = unseal(self, root, arena, &plain);
	if (rv != 0)
		return rv == YT_ENOMEM ? rv : YT_EFORMAT;
	*why = "encData is no JSON object once decrypted";
	rv = nhsa_read_json(arena, plain, text, data, &(struct yt_json_error){ 0 });
	if (rv != 0 || (*data)->kind != YT_OBJECT)
		return rv == YT_ENOMEM ? rv : YT_EFORMAT;
	*why = "signData is not the sender's signature (setting verify_key)";
	rv = verify(self, root, *data, arena);
	return rv == 0 || rv == YT_ENOMEM ? rv : YT_EFORMAT;
}

static int refuse(struct yt_fault *fault, int rv, const char *why)
{
	if (rv == YT_ENOMEM)
		return rv;
	snprintf(fault->path, sizeof(fault->path), "(message)");
	snprintf(fault->why, sizeof(fault->why), "%s", why);
	return YT_EFORMAT;
}

/* The number that such a message has not: the same message has the same one. */
static struct yt_str number_of(
        struct yt_str wire, const struct yt_node *data, struct yt_str plain, struct yt_arena *arena)
{
	static const char *const serials[][2] = { { "6201", "medOrgOrd" }, { "6202", "orgBizSer" },
		{ "6203", "appRefdSn" }, { "6401", "payOrdId" } };
	struct yt_str text = plain, number;
	struct yt_buf hex = { 0 };
	uint8_t digest[32];

	for (size_t i = 0; i < sizeof(serials) / sizeof(serials[0]); i++)
		if (yt_str_is(wire, serials[i][0]) && yt_node_text(data, serials[i][1]).n > 0)
			text = yt_node_text(data, serials[i][1]);
	yt_sm3(text, digest);
	nhsa_put_hex((struct yt_str){ (const char *)digest, 13 }, &hex);
	number = yt_arena_printf(arena, "%.*s%.*s", YT_FMT(wire), YT_FMT(yt_buf_view(&hex)));
	yt_buf_free(&hex);
	return number;
}

static struct yt_str time_of_wrapper(struct yt_str timestamp, struct yt_arena *arena)
{
	int64_t value = 0, ms;
	char time[20];

	if (timestamp.n == 14 && yt_time_parse(timestamp, &ms) == 0) {
		yt_time_print(ms, time);
		return yt_arena_copy(arena, yt_str(time));
	}
	if (timestamp.n == 0 || timestamp.n > 13)
		return (struct yt_str){ "", 0 };
	for (size_t i = 0; i < timestamp.n; i++)
		value = value * 10 + (timestamp.p[i] - '0');
	yt_time_print(timestamp.n > 11 ? value : value * 1000, time);
	return yt_arena_copy(arena, yt_str(time));
}

static struct yt_str area_of(const struct nhsa *nhsa, const struct yt_node *data, struct yt_str institution)
{
	struct yt_str area = yt_node_text(data, "insuCode");

	if (area.n == 0 && institution.n == 12) /* H or P, six digits of the area, five of the serial */
		area = (struct yt_str){ institution.p + 1, 6 };
	return area;
}

/* The envelope that such a message has not. */
static struct yt_node *envelope_of(const struct nhsa *nhsa, const struct yt_node *root, struct yt_str wire,
        const struct yt_node *data, struct yt_str plain, struct yt_arena *arena)
{
	struct yt_node *head = yt_node_new(arena, YT_OBJECT);
	struct yt_str institution = yt_node_text(data, "orgCodg");
	struct yt_str time = time_of_wrapper(yt_node_text(root, "timestamp"), arena);

	if (institution.n == 0)
		institution = nhsa->app_institution;
	if (nhsa_put(arena, head, "infno", wire) == NULL ||
	        nhsa_put(arena, head, "msgid", number_of(wire, data, plain, arena)) == NULL ||
	        nhsa_put(arena, head, "mdtrtarea_admvs", area_of(nhsa, data, institution)) == NULL ||
	        nhsa_put(arena, head, "insuplc_admdvs", yt_node_text(data, "insuplcAdmdvs")) == NULL ||
	        nhsa_put(arena, head, "infver", nhsa->infver) == NULL ||
	        nhsa_put(arena, head, "opter_type", YT_STR("3")) == NULL || /* a mobile terminal */
	        nhsa_put(arena, head, "opter", YT_STR("app")) == NULL ||
	        nhsa_put(arena, head, "opter_name", nhsa->operator_name) == NULL ||
	        nhsa_put(arena, head, "inf_time", time) == NULL ||
	        nhsa_put(arena, head, "fixmedins_code", institution) == NULL ||
	        nhsa_put(arena, head, "fixmedins_name", institution) == NULL)
		return NULL;
	return head;
}

static bool is_digits(struct yt_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

int nhsa_unwrap_request(struct yt_plugin *self, const struct yt_node *root, struct yt_msg *msg, struct yt_fault *fault)
{
	const struct nhsa *nhsa = yt_plugin_ctx(self);
	struct yt_str wire = nhsa_wire_of_path(nhsa, msg->path), text;
	const struct yt_wire_op *op;
	struct yt_node *data;
	const char *why;
	int rv;

	if (wire.n == 0)
		wire = msg->wire_op.n > 0 ? msg->wire_op : yt_node_text(root, "transType");
	op = nhsa_wire_op(wire);
	if (nhsa->app_id.n == 0)
		return refuse(fault, YT_EFORMAT, "is wrapped, which needs the setting app_id");
	if (op == NULL || !nhsa_is_payment(op->op))
		return refuse(fault, YT_EFORMAT,
		        "does not say which transaction it is, neither by its path nor by transType");
	msg->wire_op = wire; /* known from here on, so that a refusal is wrapped too */
	msg->op = yt_op(op->op);
	if (!is_digits(yt_node_text(root, "timestamp")))
		return refuse(fault, YT_EFORMAT, "has a timestamp that is no number");
	rv = open_wrapper(self, root, msg->arena, &data, &text, &why);
	if (rv != 0)
		return refuse(fault, rv, why);
	msg->head = envelope_of(nhsa, root, wire, data, text, msg->arena);
	msg->content = (struct yt_str){ text.p + data->raw_off, data->raw_len };
	msg->body = yt_node_new(msg->arena, YT_OBJECT);
	if (msg->head == NULL || msg->body == NULL)
		return YT_ENOMEM;
	data->name = YT_STR("data");
	msg->body->child = msg->body->last = data;
	msg->body->n = 1;
	return 0;
}

int nhsa_unwrap_reply(struct yt_plugin *self, struct yt_node *root, struct yt_reply *reply, const char **why)
{
	struct yt_node *data;
	struct yt_str text;
	int rv;

	reply->head = yt_node_new(reply->arena, YT_OBJECT);
	reply->body = yt_node_new(reply->arena, YT_OBJECT);
	if (reply->head == NULL || reply->body == NULL)
		return YT_ENOMEM;
	reply->code = yt_node_text(root, "code");
	reply->text = yt_node_text(root, "message");
	*why = "signData is not the sender's signature (setting verify_key)";
	if (!yt_str_is(reply->code, "0") && sealed_of(root).n == 0) {
		reply->body = NULL;
		/* What stands in front of the centre refuses without signing. */
		if (yt_node_text(root, "signData").n == 0)
			return 0;
		rv = verify(self, root, NULL, reply->arena);
		return rv == 0 || rv == YT_ENOMEM ? rv : YT_EFORMAT;
	}
	rv = open_wrapper(self, root, reply->arena, &data, &text, why);
	if (rv != 0)
		return rv;
	data->name = YT_STR("data");
	reply->body->child = reply->body->last = data;
	reply->body->n = 1;
	return 0;
}
