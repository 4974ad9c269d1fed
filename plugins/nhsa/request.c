/* plugins/nhsa/request.c - a request: from octets to the canonical message, and back.
 *
 * nhsa_decode_request() serves the hospital's side: it names the message first, so that a refusal can
 * name it too, then checks the envelope and, where we know the transaction, its `input` by the rows of
 * fields.tsv.  nhsa_encode_request() writes the envelope anew for the platform's side; members of it
 * that nobody knows are kept, the province's constants are added. */
#include <stdio.h>
#include <string.h>

#include "nhsa.h"

static int refuse(struct yt_fault *fault, int error, const char *path, const char *why)
{
	snprintf(fault->path, sizeof(fault->path), "%s", path);
	snprintf(fault->why, sizeof(fault->why), "%s", why);
	return error;
}

static int refuse_json(struct yt_fault *fault, int rv, const struct yt_json_error *err)
{
	if (rv == YT_ENOMEM)
		return rv;
	refuse(fault, rv, "(message)", "");
	snprintf(fault->why, sizeof(fault->why), "cannot be read: line %u column %u: %s", err->line, err->column,
	        err->why != NULL ? err->why : "");
	return rv;
}

static void take_envelope(struct yt_msg *msg)
{
	const struct yt_node *head = msg->head;

	msg->wire_op = yt_node_text(head, "infno");
	msg->number = yt_node_text(head, "msgid");
	msg->institution = yt_node_text(head, "fixmedins_code");
	msg->institution_name = yt_node_text(head, "fixmedins_name");
	msg->operator_id = yt_node_text(head, "opter");
	msg->operator_name = yt_node_text(head, "opter_name");
	msg->sign_no = yt_node_text(head, "sign_no");
	msg->treatment_area = yt_node_text(head, "mdtrtarea_admvs");
	msg->insured_area = yt_node_text(head, "insuplc_admdvs");
	msg->time = yt_node_text(head, "inf_time");
}

/* These go into keys, file names and logs: nothing but letters and digits. */
static bool is_alnum(struct yt_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')))
			return false;
	}
	return s.n > 0;
}

static int check_envelope(struct yt_msg *msg, struct yt_fault *fault)
{
	int rv = yt_table_run(
	        nhsa_envelope.in, nhsa_envelope.n_in, "", YT_TABLE_STRICT, msg->arena, msg->head, fault, NULL);

	if (rv != 0)
		return rv;
	take_envelope(msg); /* again: numbers have become texts, times have their form */
	if (!is_alnum(msg->wire_op))
		return refuse(fault, YT_EFORMAT, "infno", "must be letters and digits");
	if (!is_alnum(msg->number))
		return refuse(fault, YT_EFORMAT, "msgid", "must be letters and digits");
	if (!is_alnum(msg->institution))
		return refuse(fault, YT_EFORMAT, "fixmedins_code", "must be letters and digits");
	return 0;
}

static const struct yt_node *object_of(const struct yt_node *node)
{
	if (node != NULL && node->kind == YT_ARRAY)
		node = node->child;
	return node != NULL && node->kind == YT_OBJECT ? node : NULL;
}

/* The object that names person and visit: the first node of the rows, or the first row of it. */
static const struct yt_node *first_object(const struct yt_msg *msg)
{
	const struct yt_table *table = nhsa_table(msg->wire_op);
	const struct yt_node *node, *object = NULL;

	if (table != NULL)
		return object_of(yt_node_get(msg->body, table->in[0].node));
	for (node = msg->body->kind == YT_OBJECT ? msg->body->child : NULL; node != NULL && object == NULL;
	        node = node->next)
		object = object_of(node);
	return object;
}

/* Keys that an exchange is found by; an unread transaction may carry anything under these names. */
static struct yt_str key_text(const struct yt_node *object, const char *a, const char *b)
{
	struct yt_str s = nhsa_text_of(object, a, b);

	return s.n <= 64 ? s : (struct yt_str){ NULL, 0 };
}

static void take_business(struct yt_msg *msg)
{
	const struct yt_node *data = first_object(msg);

	if (data == NULL)
		return;
	msg->person = key_text(data, "psn_no", "psn_no");
	msg->visit = key_text(data, "mdtrt_id", "mdtrt_id");
	msg->own_visit = key_text(data, "ipt_otp_no", "ipt_no");
	if (msg->op->id == YT_OP_PHARMACY_SETTLE) /* no visit before it: its first line names the sale */
		msg->own_visit = key_text(object_of(yt_node_get(msg->body, "drugdetail")), "feedetl_sn", "feedetl_sn");
	msg->batch = key_text(data, "chrg_bchno", "chrg_bchno");
	msg->settlement = key_text(data, "setl_id", "setl_id");
	msg->original_number = key_text(data, "omsgid", "omsgid");
	msg->original_wire_op = key_text(data, "oinfno", "oinfno");
	if (yt_node_fen(data, "medfee_sumamt", &msg->amount_fen) != 0)
		msg->amount_fen = 0;
}

static int check_business(struct yt_msg *msg, struct yt_fault *fault)
{
	const struct yt_table *table = nhsa_table(msg->wire_op);
	int rv;

	if (table == NULL)
		return 0; /* passed on unread */
	if (msg->body->kind != YT_OBJECT)
		return refuse(fault, YT_EFORMAT, "input", "must be an object");
	msg->passed = table;
	rv = yt_table_run(table->in, table->n_in, "input", YT_TABLE_STRICT, msg->arena, msg->body, fault, NULL);
	if (rv == 0)
		msg->n_secrets = yt_table_secrets(table->in, table->n_in, msg->body, NULL, 0);
	return rv;
}

/* Envelope and business part.  A wrapped message has neither: they are made of what it has. */
static int take_parts(struct yt_plugin *self, struct yt_node *root, struct yt_msg *msg, struct yt_fault *fault)
{
	const struct nhsa *nhsa = yt_plugin_ctx(self);
	const struct yt_wire_op *op;

	if (nhsa_is_wrapped(root))
		return nhsa_unwrap_request(self, root, msg, fault);
	msg->body = nhsa_unlink(root, "input");
	msg->head = root;
	op = nhsa_wire_op(yt_node_text(root, "infno"));
	if (nhsa->app_id.n > 0 && op != NULL && nhsa_is_payment(op->op))
		return refuse(fault, YT_EFORMAT, "input", "must be wrapped (setting app_id)");
	return 0;
}

/* Decrypts input where that is agreed; text: what it was read from. */
static int open_input(struct yt_plugin *self, struct yt_msg *msg, struct yt_str *text, struct yt_fault *fault)
{
	const struct nhsa *nhsa = yt_plugin_ctx(self);
	const char *why;
	int rv;

	if (msg->content.p != NULL)
		return 0; /* it came wrapped */
	if (nhsa->input_key.n > 0) {
		rv = nhsa_seal_open(self, msg->arena, msg->head, &msg->body, false, text, &why);
		if (rv != 0)
			return rv == YT_ENOMEM ? rv : refuse(fault, rv, "input", why);
	}
	msg->content = (struct yt_str){ text->p + msg->body->raw_off, msg->body->raw_len };
	return 0;
}

int nhsa_decode_request(struct yt_plugin *self, struct yt_str octets, struct yt_msg *msg, struct yt_fault *fault)
{
	struct yt_json_error err = { 0 };
	const struct yt_wire_op *op;
	struct yt_node *root;
	struct yt_str text;
	int rv = nhsa_read_json(msg->arena, octets, &text, &root, &err);

	if (rv != 0)
		return refuse_json(fault, rv, &err);
	if (root->kind != YT_OBJECT)
		return refuse(fault, YT_EFORMAT, "(message)", "must be an object");
	rv = take_parts(self, root, msg, fault);
	if (rv != 0)
		return rv;
	take_envelope(msg);
	op = nhsa_wire_op(msg->wire_op);
	msg->op = yt_op(op != NULL ? op->op : YT_OP_UNREAD);
	rv = check_envelope(msg, fault);
	if (rv != 0)
		return rv;
	op = nhsa_wire_op(msg->wire_op);
	msg->op = yt_op(op != NULL ? op->op : YT_OP_UNREAD);
	if (msg->body == NULL)
		return refuse(fault, YT_EFORMAT, "input", "is missing");
	rv = open_input(self, msg, &text, fault);
	if (rv != 0)
		return rv;
	rv = check_business(msg, fault);
	if (rv == 0)
		take_business(msg);
	return rv;
}

/* What the gateway says itself about a member of the envelope; *ours false: keep the sender's. */
static struct yt_str envelope_value(
        const struct nhsa *nhsa, const struct yt_msg *msg, const struct yt_field *field, bool *ours)
{
	static const struct {
		struct yt_str name;
		size_t at; /* in struct yt_msg */
	} values[] = {
#define VALUE(name, member) { { name, sizeof(name) - 1 }, offsetof(struct yt_msg, member) }
		VALUE("infno", wire_op),
		VALUE("msgid", number),
		VALUE("mdtrtarea_admvs", treatment_area),
		VALUE("insuplc_admdvs", insured_area),
		VALUE("opter", operator_id),
		VALUE("opter_name", operator_name),
		VALUE("inf_time", time),
		VALUE("fixmedins_code", institution),
		VALUE("fixmedins_name", institution_name),
		VALUE("sign_no", sign_no),
#undef VALUE
	};
	const char *name = field->name;
	struct yt_str kept, value;

	*ours = true;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		if (values[i].name.n != field->name_n || memcmp(values[i].name.p, name, field->name_n) != 0)
			continue;
		memcpy(&value, (const char *)msg + values[i].at, sizeof(value));
		if (values[i].at == offsetof(struct yt_msg, wire_op))
			value = nhsa_number(nhsa, value);
		if (value.n == 0 && values[i].at == offsetof(struct yt_msg, operator_id))
			value = nhsa->operator;
		if (value.n == 0 && values[i].at == offsetof(struct yt_msg, operator_name))
			value = nhsa->operator_name;
		/* Nobody checks the name; one that we were not told is better the code than missing. */
		if (value.n == 0 && values[i].at == offsetof(struct yt_msg, institution_name))
			value = msg->institution;
		return value;
	}
	kept = yt_node_text(msg->head, name);
	if (strcmp(name, "recer_sys_code") == 0)
		return nhsa->recer_sys_code.n > 0 ? nhsa->recer_sys_code : kept;
	if (strcmp(name, "infver") == 0)
		return kept.n > 0 ? kept : nhsa->infver;
	if (strcmp(name, "opter_type") == 0)
		return kept.n > 0 ? kept : YT_STR("1");
	*ours = false;
	return kept;
}

static int put_envelope(
        const struct nhsa *nhsa, const struct yt_msg *msg, struct yt_buf *out, bool *first, struct yt_fault *fault)
{
	const struct yt_group *group = &nhsa_envelope.in[0];

	for (unsigned i = 0; i < group->n; i++) {
		const struct yt_field *field = &group->fields[i];
		bool ours;
		struct yt_str value = envelope_value(nhsa, msg, field, &ours);

		if (nhsa->input_key.n > 0 &&
		        (strcmp(field->name, "cainfo") == 0 || strcmp(field->name, "signtype") == 0))
			continue; /* ours, over what is sealed */
		if (value.n == 0 && (field->flags & YT_FIELD_REQUIRED) != 0)
			return refuse(fault, YT_EFORMAT, field->name, "is missing");
		if (value.n == 0 && strcmp(field->name, "recer_sys_code") == 0)
			return refuse(fault, YT_EFORMAT, field->name, "is missing; set recer_sys_code for this party");
		if (!ours && value.n == 0 && yt_node_get(msg->head, field->name) == NULL)
			continue;
		nhsa_put_name(out, first, (struct yt_str){ field->name, field->name_n });
		yt_json_write_string(value, out);
	}
	return 0;
}

static bool is_extra(const struct nhsa *nhsa, struct yt_str name)
{
	for (size_t i = 0; i < nhsa->n_extra; i++)
		if (yt_str_eq(nhsa->extra[i].name, name))
			return true;
	return false;
}

/* What the sender's envelope had beyond the table, then what this province wants.  The envelope of another format is
 * not passed on: its members, a signature among them, mean nothing here. */
static void put_beyond(const struct nhsa *nhsa, const struct yt_msg *msg, struct yt_buf *out, bool *first)
{
	const bool is_ours = yt_node_get(msg->head, "infno") != NULL;
	unsigned cursor = 0;

	for (const struct yt_node *node = is_ours ? msg->head->child : NULL; node != NULL; node = node->next) {
		if (yt_table_find(&nhsa_envelope.in[0], node->name, &cursor) >= 0 || is_extra(nhsa, node->name))
			continue;
		nhsa_put_name(out, first, node->name);
		yt_json_write(node, out);
	}
	for (size_t i = 0; i < nhsa->n_extra; i++) {
		nhsa_put_name(out, first, nhsa->extra[i].name);
		yt_json_write_string(nhsa->extra[i].value, out);
	}
}

static void put_plain(const struct yt_msg *msg, bool as_it_came, struct yt_buf *out)
{
	if (as_it_came)
		yt_buf_str(out, msg->content);
	else if (msg->body != NULL)
		yt_json_write(msg->body, out);
	else
		yt_buf_text(out, "null");
}

static int put_sealed(struct yt_plugin *self, struct yt_str plain, struct yt_buf *out, bool *first)
{
	const struct nhsa *nhsa = yt_plugin_ctx(self);
	int rv = 0;

	nhsa_put_name(out, first, YT_STR("encType"));
	yt_buf_text(out, "\"SM4\"");
	if (nhsa->sign_key.n > 0) {
		nhsa_put_name(out, first, YT_STR("signtype"));
		yt_buf_text(out, "\"SM2\"");
		nhsa_put_name(out, first, YT_STR("cainfo"));
		yt_buf_byte(out, '"');
		rv = nhsa_seal_sign(self, plain, out);
		yt_buf_byte(out, '"');
	}
	nhsa_put_name(out, first, YT_STR("input"));
	return rv == 0 ? nhsa_seal_put(self, plain, out) : rv;
}

static int put_input(struct yt_plugin *self, const struct yt_msg *msg, bool as_it_came, struct yt_buf *out, bool *first,
        struct yt_fault *fault)
{
	const struct nhsa *nhsa = yt_plugin_ctx(self);
	struct yt_buf plain = { 0 };
	int rv;

	if (nhsa->input_key.n == 0) {
		nhsa_put_name(out, first, YT_STR("input"));
		put_plain(msg, as_it_came, out);
		return 0;
	}
	put_plain(msg, as_it_came, &plain);
	rv = plain.failed ? YT_ENOMEM : put_sealed(self, yt_buf_view(&plain), out, first);
	yt_buf_free(&plain);
	return rv == 0 || rv == YT_ENOMEM
	               ? rv
	               : refuse(fault, YT_EFORMAT, "input", "cannot be sealed (settings input_key, sign_key)");
}

int nhsa_encode_request(struct yt_plugin *self, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault)
{
	const struct nhsa *nhsa = yt_plugin_ctx(self);
	const struct yt_table *table = nhsa_table(msg->wire_op);
	size_t start = out->n;
	bool as_it_came, first = true;
	int rv;

	if (msg->wire_op.n == 0) /* of another format */
		return refuse(
		        fault, YT_EFORMAT, "(message)", "is a transaction that the national interface does not have");
	if (msg->op->id == YT_OP_FILE_UPLOAD) {
		rv = nhsa_upload_form(nhsa, msg, fault);
		if (rv != 0)
			return rv;
	}
	/* Passed on octet for octet: what we do not read, and what decode found in order and nobody changed since. */
	as_it_came = table == NULL ? msg->content.n > 0
	                           : msg->passed == table && yt_node_is_as_read(msg->body, msg->content);
	if (nhsa->app_id.n > 0 && nhsa_is_payment(msg->op->id)) {
		rv = table == NULL ? 0
		                   : yt_table_run(table->in, table->n_in, "input", YT_TABLE_STRICT, msg->arena,
		                             msg->body, fault, NULL);
		return rv != 0 ? rv : nhsa_wrap_request(self, msg, out, fault);
	}
	yt_buf_byte(out, '{');
	rv = put_envelope(nhsa, msg, out, &first, fault);
	if (rv == 0 && table != NULL && !as_it_came)
		rv = yt_table_run(table->in, table->n_in, "input", YT_TABLE_STRICT, msg->arena, msg->body, fault, NULL);
	if (rv != 0) {
		out->n = start; /* nothing half-written is ever sent */
		return rv;
	}
	put_beyond(nhsa, msg, out, &first);
	rv = put_input(self, msg, as_it_came, out, &first, fault);
	if (rv != 0) {
		out->n = start;
		return rv;
	}
	yt_buf_byte(out, '}');
	return out->failed ? YT_ENOMEM : 0;
}
