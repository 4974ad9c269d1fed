/* plugins/crossprovince/request.c - a request: from octets to the canonical message, and back.
 *
 * ksbw_decode_request() serves the hub's side and keeps the order of 7.3 as far as one message allows:
 * well-formed, head, key, signature, digest, then body and what must add up.  Between digest and body the engine
 * has to look at its store: it can, since number, times and content are filled before the body is read,
 * whatever becomes of it.  ksbw_encode_request() writes a message of ours, or passes one on unchanged. */
#include <stdio.h>
#include <string.h>

#include "ksbw.h"

#define CLOCK_AHEAD_MS 120000 /* a sender's clock may be ahead of ours (7.4) */

static bool is_key_text(struct yt_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
		            c == '_'))
			return false;
	}
	return s.n > 0;
}

/* -- we are asked ------------------------------------------------------------------------------- */

static int take_head(const struct ksbw *k, struct yt_msg *msg, const struct ksbw_envelope *e)
{
	char time[20];

	msg->head = ksbw_head_node(msg->arena, &e->head);
	if (msg->head == NULL)
		return YT_ENOMEM;
	msg->wire_op = e->head.transno;
	msg->number = e->head.transid;
	msg->sender = e->head.sender;
	msg->institution = e->head.sender; /* until the body names one */
	msg->treatment_area = e->head.treatment_area;
	msg->insured_area = e->head.insured_area;
	msg->content = e->raw;
	if (e->head.sent_ms == 0)
		return 0;
	msg->sent_ms = e->head.sent_ms;
	msg->expires_ms = e->head.sent_ms + e->head.expire_s * 1000;
	msg->valid_from_ms = e->head.sent_ms - CLOCK_AHEAD_MS;
	msg->too_early = YT_STR("-1005");
	/* Only the business owner has looked into its own store; a hop knows of no other path. */
	msg->too_late = yt_str_eq(e->head.recver, k->area) ? YT_STR("-1007") : YT_STR("-9001");
	yt_time_print(e->head.sent_ms, time);
	msg->time = yt_arena_copy(msg->arena, yt_str(time));
	return msg->time.p != NULL ? 0 : YT_ENOMEM;
}

static struct yt_str first_text(const struct yt_node *element, const char *name)
{
	for (const struct yt_node *node = element->child; node != NULL; node = node->next)
		if (yt_str_is(node->name, name) && node->kind == YT_TEXT)
			return node->text;
	return (struct yt_str){ NULL, 0 };
}

/* In- and out-patients share their numbers: the care category tells, where the message has it. */
static const struct yt_op *op_of(const struct ksbw *k, const struct ksbw_envelope *e)
{
	struct ksbw_field field = { .type = KSBW_Code, .codes = "med_type" };
	struct yt_str wire = first_text(e->body, "aka130");
	struct ksbw_value value;

	if (wire.n == 0 || ksbw_from_wire(k, &field, wire, &value) != NULL)
		value.text = (struct yt_str){ NULL, 0 };
	return ksbw_op_of(e->head.transno, value.text);
}

static void take_business(struct yt_msg *msg, const struct yt_node *element)
{
	static const char *const objects[] = { "data", "mdtrtinfo", "dscginfo", "adminfo" };
	struct yt_str institution = first_text(element, "akb026");

	msg->institution_name = first_text(element, "akb021");
	msg->operator_id = first_text(element, "aae011");
	msg->operator_name = msg->operator_id;
	if (institution.n > 0)
		msg->institution = institution;
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
		const struct yt_node *data = ksbw_object(msg->body, objects[i]);

		if (data == NULL)
			continue;
		if (msg->person.n == 0)
			msg->person = yt_node_text(data, "psn_no");
		if (msg->visit.n == 0)
			msg->visit = yt_node_text(data, "mdtrt_id");
		if (msg->own_visit.n == 0)
			msg->own_visit = yt_node_text(data, "ipt_no");
		if (msg->settlement.n == 0)
			msg->settlement = yt_node_text(data, "setl_id");
		if (msg->original_number.n == 0)
			msg->original_number = yt_node_text(data, "otransid");
		if (msg->original_wire_op.n == 0)
			msg->original_wire_op = yt_node_text(data, "otransno");
		if (msg->amount_fen == 0 && yt_node_fen(data, "medfee_sumamt", &msg->amount_fen) != 0)
			msg->amount_fen = 0;
	}
}

static int check_areas(const struct yt_node *element, const struct yt_msg *msg, struct yt_fault *fault)
{
	struct yt_str treatment = first_text(element, "aab299"), insured = first_text(element, "aab301");

	if (treatment.n > 0 && !yt_str_eq(treatment, msg->treatment_area))
		return ksbw_refuse(fault, YT_EFORMAT, "input.aab299", "is another area than the head's");
	if (insured.n > 0 && !yt_str_eq(insured, msg->insured_area))
		return ksbw_refuse(fault, YT_EFORMAT, "input.aab301", "is another area than the head's");
	return 0;
}

/* The element in the body that is a secret; NULL: there is none. */
static const struct yt_node *secret_in(const struct ksbw_schema *schema, const struct yt_node *element)
{
	for (size_t i = 0; schema != NULL && i < schema->n_in; i++)
		if (schema->in[i].codes != NULL && strcmp(schema->in[i].codes, "secret") == 0)
			return yt_node_get(element, schema->in[i].wire);
	return NULL;
}

/* Of the elements only single ones outside of rows are secrets, and only in requests. */
int ksbw_blank(struct yt_plugin *self, struct yt_str wire, bool is_answer, struct yt_arena *arena, struct yt_str octets,
        yt_blank *put, void *ctx, struct yt_buf *out)
{
	struct ksbw_envelope e;
	struct yt_fault fault;
	struct ksbw_trouble t = { &fault, NULL };
	const struct yt_node *secret;
	int rv = is_answer ? 0 : ksbw_read(self, arena, octets, &e, &t);
	size_t behind;

	if (is_answer || rv != 0)
		return rv == 0 || rv == YT_ENOMEM ? rv : YT_EFORMAT;
	secret = secret_in(ksbw_schema(e.head.transno), e.body);
	if (secret == NULL)
		return 0;
	behind = (size_t)secret->raw_off + secret->raw_len;
	yt_buf_str(out, (struct yt_str){ octets.p, secret->raw_off });
	yt_buf_printf(out, "<%.*s>", YT_FMT(secret->name));
	put(ctx, secret->text, out);
	yt_buf_printf(out, "</%.*s>", YT_FMT(secret->name));
	yt_buf_str(out, (struct yt_str){ octets.p + behind, octets.n - behind });
	return out->failed ? YT_ENOMEM : 1;
}

/* A national credential for the platform behind us: the certificate, or a token, which then stands in one place
 * only: where the national format knows it as a secret. */
static int complete_person(struct yt_msg *msg)
{
	struct yt_node *data = yt_node_get(msg->body, "data"), *token = yt_node_get(data, "ecqrcode");

	if (token != NULL)
		token->name = YT_STR("mdtrt_cert_no");
	else if (yt_node_add_text(msg->arena, data, "mdtrt_cert_no", yt_node_text(data, "certno")) == NULL)
		return YT_ENOMEM;
	if (yt_node_add_text(msg->arena, data, "mdtrt_cert_type", token != NULL ? YT_STR("01") : YT_STR("02")) == NULL)
		return YT_ENOMEM;
	return 0;
}

static int read_business(
        const struct ksbw *k, const struct ksbw_envelope *e, struct yt_msg *msg, struct ksbw_trouble *t)
{
	const struct ksbw_schema *schema = ksbw_schema(e->head.transno);
	bool inpatient = ksbw_is_inpatient(msg->op->id);
	int rv;

	t->code = "-1002";
	if (schema == NULL && k->relays) {
		msg->body = yt_node_new(msg->arena, YT_OBJECT); /* unread */
		return msg->body != NULL ? 0 : YT_ENOMEM;
	}
	if (schema == NULL)
		return ksbw_refuse(t->fault, YT_EFORMAT, "head.transno", "is no transaction that is understood here");
	if ((e->head.msgtype.p[0] == 'N') != yt_str_is(e->head.transno, "P102"))
		return ksbw_refuse(
		        t->fault, YT_EFORMAT, "head.msgtype", "is N for a notification and Q for all others");
	rv = ksbw_read_body(k, msg->arena, e->body, "input", schema->in, schema->n_in, inpatient, &msg->body, t->fault);
	if (rv == 0)
		rv = check_areas(e->body, msg, t->fault);
	if (rv != 0)
		return rv;
	take_business(msg, e->body);
	msg->n_secrets = secret_in(schema, e->body) != NULL ? 1 : 0;
	if (!is_key_text(msg->institution))
		return ksbw_refuse(t->fault, YT_EFORMAT, "input.akb026", "must be letters, digits, - and _");
	if (ksbw_check_request(k, e->head.transno, msg, t->fault) != NULL) {
		t->code = "-1010";
		return YT_EFORMAT;
	}
	return msg->op->id == YT_OP_PERSON_CHECK ? complete_person(msg) : 0;
}

/* Who settles is where the person is treated: no province speaks for the institutions of another. */
static bool is_of_area(const struct ksbw *k, struct yt_str sender, struct yt_str area)
{
	size_t covered;

	if (yt_str_eq(sender, k->hub))
		return true;
	for (size_t n = area.n; n >= 2 && area.n == 6; n--) {
		struct yt_str right = ksbw_map_right(&k->receivers, (struct yt_str){ area.p, n });

		if (right.n > 0)
			return yt_str_eq(sender, right);
	}
	covered = memcmp(sender.p + 2, "0000", 4) == 0 ? 2 : memcmp(sender.p + 4, "00", 2) == 0 ? 4 : 6;
	return area.n == 6 && memcmp(sender.p, area.p, covered) == 0;
}

static int check_party(const struct ksbw *k, const struct ksbw_envelope *e, bool is_read_back, struct ksbw_trouble *t)
{
	t->code = "-1002";
	if (e->head.msgtype.p[0] != 'Q' && e->head.msgtype.p[0] != 'N')
		return ksbw_refuse(t->fault, YT_EFORMAT, "head.msgtype", "is that of an answer, not of a request");
	t->code = "-1008";
	if (e->head.transno.p[0] == '0' && !is_of_area(k, e->head.sender, e->head.treatment_area))
		return ksbw_refuse(
		        t->fault, YT_EDENIED, "head.sender", "is not the province of the treatment area (head.aab299)");
	if (k->relays || yt_str_eq(e->head.recver, k->area))
		return 0;
	/* One of ours, read back by who sent it; from anybody else it is an echo. */
	if (is_read_back && yt_str_eq(e->head.sender, k->area))
		return 0;
	t->code = "-1009";
	return ksbw_refuse(
	        t->fault, YT_EFORMAT, "head.recver", "is not us, and messages are not passed on (setting relay)");
}

int ksbw_decode_request(struct yt_plugin *self, struct yt_str octets, struct yt_msg *msg, struct yt_fault *fault)
{
	const struct ksbw *k = yt_plugin_ctx(self);
	struct ksbw_trouble t = { fault, "-1002" };
	struct ksbw_envelope e;
	int rv = ksbw_read(self, msg->arena, octets, &e, &t);

	if (rv != YT_ENOMEM && take_head(k, msg, &e) != 0)
		return YT_ENOMEM;
	if (rv == 0) {
		msg->octets = octets;
		msg->op = op_of(k, &e);
		rv = ksbw_verify(self, &e, &t);
		msg->is_authentic = rv == 0;
	}
	if (rv == 0)
		rv = check_party(k, &e, msg->sent.n > 0, &t);
	if (rv == 0)
		rv = read_business(k, &e, msg, &t);
	if (rv != 0 && rv != YT_ENOMEM)
		msg->refusal = yt_str(t.code);
	return rv;
}

/* -- we ask ------------------------------------------------------------------------------------- */

/* The province of the insured area, by the table of exceptions first; the hub where no province is meant. */
static struct yt_str receiver_of(const struct ksbw *k, const struct yt_msg *msg, struct yt_str number)
{
	static const char *const to_hub[] = { "P001", "P102", "P301", "P302" };
	struct yt_str given = yt_node_text(msg->facts, "recver");

	if (given.n == 6)
		return given;
	for (size_t i = 0; i < sizeof(to_hub) / sizeof(to_hub[0]); i++)
		if (yt_str_is(number, to_hub[i]))
			return k->hub;
	for (size_t n = msg->insured_area.n; n >= 2 && msg->insured_area.n == 6; n--) {
		struct yt_str prefix = { msg->insured_area.p, n }, right = ksbw_map_right(&k->receivers, prefix);

		if (right.n > 0)
			return right;
	}
	if (msg->insured_area.n != 6)
		return (struct yt_str){ NULL, 0 };
	return yt_arena_printf(msg->arena, "%.2s0000", msg->insured_area.p);
}

static struct yt_str area_or_none(struct yt_str area)
{
	return area.n > 0 ? area : YT_STR("000000");
}

static bool is_own_number(const struct ksbw *k, struct yt_str s)
{
	return ksbw_is_digits(s, KSBW_NUMBER_LEN) && memcmp(s.p, k->area.p, 6) == 0;
}

/* The engine gives time and serial, or a whole number; a random serial keeps a caller without them from
 * repeating one. */
static struct yt_str number_of(const struct ksbw *k, const struct yt_msg *msg, int64_t wall_ms)
{
	char number[KSBW_NUMBER_LEN + 1];
	uint64_t serial;
	int64_t ms;

	if (is_own_number(k, msg->own_number))
		return msg->own_number;
	if (is_own_number(k, msg->number))
		return msg->number;
	if (ksbw_is_digits(msg->number, KSBW_NUMBER_LEN - 6) &&
	        yt_time_parse((struct yt_str){ msg->number.p, 14 }, &ms) == 0)
		return yt_arena_printf(msg->arena, "%.6s%.24s", k->area.p, msg->number.p);
	yt_random(&serial, sizeof(serial));
	ksbw_number(k, wall_ms, serial, number);
	return yt_arena_copy(msg->arena, yt_str(number));
}

int ksbw_make_head(const struct ksbw *k, const struct yt_msg *msg, struct yt_str number, struct ksbw_head *head,
        struct yt_fault *fault)
{
	char time[15];

	memset(head, 0, sizeof(*head));
	head->sent_ms = msg->wall_ms;
	if (head->sent_ms == 0 && yt_time_parse(msg->time, &head->sent_ms) != 0)
		return ksbw_refuse(fault, YT_EFORMAT, "inf_time", "is missing: the sending time is made of it");
	yt_time_compact(head->sent_ms, time);
	head->transno = number;
	head->msgtype = yt_str_is(number, "P102") ? YT_STR("N") : YT_STR("Q");
	head->transid = number_of(k, msg, head->sent_ms);
	head->sender = k->area;
	head->recver = receiver_of(k, msg, number);
	head->treatment_area = area_or_none(msg->treatment_area);
	head->insured_area = area_or_none(msg->insured_area);
	head->sendtime = yt_arena_copy(msg->arena, yt_str(time));
	head->expire = yt_arena_printf(msg->arena, "%lld", (long long)k->expire_s);
	if (head->transid.p == NULL || head->sendtime.p == NULL || head->expire.p == NULL)
		return YT_ENOMEM;
	if (head->recver.n == 0)
		return ksbw_refuse(fault, YT_EFORMAT, "insuplc_admdvs",
		        "is missing: 1101 must come first, it brings the insured area");
	return 0;
}

/* Across provinces there is nobody who could bear it: the four parts and three payers are all there is. */
static int refuse_hospital_part(const struct yt_msg *msg, struct yt_fault *fault)
{
	const struct yt_node *data = ksbw_object(msg->body, "data");
	int64_t fen = 0;

	if (yt_node_fen(data, "hosp_part_amt", &fen) == 0 && fen == 0 &&
	        yt_node_fen(msg->facts, "hosp_part_amt", &fen) == 0 && fen == 0)
		return 0;
	return ksbw_refuse(fault, YT_EFORMAT, "input.data.hosp_part_amt",
	        "cannot be expressed: across provinces no part is borne by the hospital");
}

static int write_input(const struct ksbw *k, struct ksbw_source *s, struct yt_buf *out, struct yt_fault *fault)
{
	struct yt_xml_error err = { 0 };
	struct yt_xml_writer w;
	int rv;

	yt_xml_begin(&w, out, k->charset);
	w.indent = 2;
	w.level = 1;
	yt_xml_start(&w, "input");
	rv = ksbw_write_body(s, s->schema->in, s->schema->n_in, &w, fault);
	if (rv != 0)
		return rv;
	yt_xml_end(&w);
	rv = yt_xml_done(&w, &err);
	if (rv == YT_EFORMAT) {
		snprintf(fault->path, sizeof(fault->path), "%s", err.path);
		snprintf(fault->why, sizeof(fault->why), "cannot be written in %s: U+%04X", yt_charset_name(k->charset),
		        (unsigned)err.code_point);
	}
	return rv;
}

/* What was written is read again as the other side will, and must add up. */
static int check_written(const struct ksbw *k, const struct yt_msg *msg, const struct ksbw_schema *schema,
        struct yt_str octets, struct yt_fault *fault)
{
	struct yt_msg again = *msg;
	struct yt_node *element = ksbw_read_own(msg->arena, octets, k->charset, NULL);
	int rv = element == NULL ? ksbw_read_fragment(msg->arena, octets, k->charset, &element) : 0;

	if (rv == 0)
		rv = ksbw_read_body(k, msg->arena, element, "input", schema->in, schema->n_in,
		        ksbw_is_inpatient(msg->op->id), &again.body, fault);
	if (rv == 0 && ksbw_check_request(k, yt_str(schema->number), &again, fault) != NULL)
		rv = YT_EFORMAT;
	return rv;
}

int ksbw_encode_request(struct yt_plugin *self, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault)
{
	const struct ksbw *k = yt_plugin_ctx(self);
	struct yt_str number = ksbw_number_of(msg);
	struct ksbw_source s = { .k = k,
		.msg = msg,
		.body = msg->body,
		.facts = msg->facts,
		.arena = msg->arena,
		.root = "input",
		.schema = ksbw_schema(number) };
	struct yt_buf body = { 0 };
	struct ksbw_head head;
	int rv;

	if (k->relays && msg->octets.n > 0 && yt_node_get(msg->head, "transid") != NULL) {
		yt_buf_str(out,
		        msg->octets); /* body octets are never changed on the way, and the signature is its sender's */
		return out->failed ? YT_ENOMEM : 0;
	}
	if (s.schema == NULL)
		return ksbw_refuse(fault, YT_EFORMAT, "(message)", "is a transaction that KSBW 1.0 does not have");
	rv = ksbw_make_head(k, msg, number, &head, fault);
	if (rv == 0 && (yt_str_is(number, "0303") || yt_str_is(number, "0304")))
		rv = refuse_hospital_part(msg, fault);
	if (rv == 0)
		rv = write_input(k, &s, &body, fault);
	if (rv == 0)
		rv = check_written(k, msg, s.schema, yt_buf_view(&body), fault);
	if (rv == 0)
		rv = ksbw_seal(self, &head, yt_buf_view(&body), k->charset, head.sent_ms, out, fault);
	yt_buf_free(&body);
	return rv;
}

int ksbw_make_number(
        struct yt_plugin *self, struct yt_arena *arena, int64_t wall_ms, uint64_t serial, struct yt_str *number)
{
	char text[KSBW_NUMBER_LEN + 1];

	ksbw_number(yt_plugin_ctx(self), wall_ms, serial, text);
	*number = yt_arena_copy(arena, yt_str(text));
	return number->p != NULL ? 0 : YT_ENOMEM;
}
