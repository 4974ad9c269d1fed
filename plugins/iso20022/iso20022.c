/* plugins/iso20022/iso20022.c - ISO 20022 between us and banks as a codec plugin.
 *
 * core loads it by yt_codec_api, at the end of this file.  We ask with pain.001, camt.055 and pacs.028; we are told by
 * pain.002, camt.029 and camt.05x, as answers or pushed; pain.001 is also taken from others. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iso.h"

static const struct yt_setting settings[] = { { "customer", NULL,
	                                              "our customer number at the bank, 1 to 35 characters" },
	{ "bank", "", "who a bank's own messages are from, as an institution's code; empty: our customer number" },
	{ "initiator", "", "name of the paying body in the head; empty: the first payer's" },
	{ "edition", "09", "of pain.001: 09 or 03" },
	{ "schemas", "",
	        "folder with the official schemas (pain.001.001.09.xsd ...); empty: nothing is checked against them" },
	{ "check_incoming", "yes",
	        "documents that come in must keep to their schema too, where there is one: yes or no" },
	{ "batch_booking", "no", "ask for one entry a block instead of one a payout: yes or no" },
	{ "status_request", "yes", "the bank answers pacs.028, so a lost answer can be asked for: yes or no" },
	{ "limit", "0", "yuan that one payout may have at most; 0: no limit" },
	{ "payouts_max", "10000", "payouts in one message, 1 to 10000" },
	{ "absent_reasons", "NOOR",
	        "reason codes with which the bank says that it has no such payment, with commas between" },
	{ "unknown_reasons", "", "more reason codes of this bank after which a payment may yet have been made" },
	{ NULL, NULL, NULL } };

/* Why each row resolves as it does: README.md.  Those the bank sends are never sent by us. */
static const struct yt_wire_op ops[] = {
	{ "pain.001", YT_OP_PAY_ORDER, YT_RESOLVE_PAY },
	{ "pain.001", YT_OP_PAY_BATCH, YT_RESOLVE_PAY },
	{ "pacs.028", YT_OP_PAY_QUERY, YT_RESOLVE_NONE },
	{ "camt.055", YT_OP_PAY_RECALL, YT_RESOLVE_RESEND },
	{ "pain.002", YT_OP_PAY_RESULT, YT_RESOLVE_PARK },
	{ "camt.029", YT_OP_PAY_RESULT, YT_RESOLVE_PARK },
	{ "camt.052", YT_OP_STATEMENT_NOTICE, YT_RESOLVE_PARK },
	{ "camt.053", YT_OP_STATEMENT_NOTICE, YT_RESOLVE_PARK },
	{ "camt.054", YT_OP_PAY_RETURN, YT_RESOLVE_PARK },
	{ NULL, YT_OP_UNREAD, YT_RESOLVE_NONE },
};

/* -- settings ------------------------------------------------------------------------------------- */

static const char *take_yes(struct yt_str text, bool *out)
{
	if (!yt_str_is(text, "yes") && !yt_str_is(text, "no"))
		return "must be yes or no";
	*out = yt_str_is(text, "yes");
	return NULL;
}

static const char *take_count(struct yt_str text, uint32_t *out)
{
	*out = 0;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9' || *out > ISO_PAYOUTS_MAX)
			return "must be a number from 1 to 10000";
		*out = *out * 10 + (uint32_t)(text.p[i] - '0');
	}
	return *out >= 1 && *out <= ISO_PAYOUTS_MAX ? NULL : "must be a number from 1 to 10000";
}

static bool is_identifier(struct yt_str s, size_t max)
{
	return s.n <= max && yt_utf8_check(s, NULL) == 0 && (s.n == 0 || memchr(s.p, '<', s.n) == NULL);
}

static const char *take_setting(struct iso *iso, const char *key, struct yt_str text)
{
	if (strcmp(key, "customer") == 0 || strcmp(key, "bank") == 0) {
		bool is_customer = strcmp(key, "customer") == 0;

		*(is_customer ? &iso->customer : &iso->bank) = text;
		return is_identifier(text, 35) && (text.n > 0 || !is_customer) ? NULL : "must have 1 to 35 characters";
	}
	if (strcmp(key, "initiator") == 0) {
		iso->initiator = text;
		return is_identifier(text, 140 * 4) ? NULL : "must be a name of at most 140 characters";
	}
	if (strcmp(key, "edition") == 0) {
		iso->edition = yt_str_is(text, "03") ? '3' : '9';
		return yt_str_is(text, "03") || yt_str_is(text, "09") ? NULL : "must be 09 or 03";
	}
	if (strcmp(key, "check_incoming") == 0)
		return take_yes(text, &iso->checks_incoming);
	if (strcmp(key, "batch_booking") == 0)
		return take_yes(text, &iso->books_batches);
	if (strcmp(key, "status_request") == 0)
		return take_yes(text, &iso->can_ask);
	if (strcmp(key, "limit") == 0)
		return yt_fen_parse(text, &iso->limit_fen) == 0 && iso->limit_fen >= 0 ? NULL
		                                                                       : "must be an amount in yuan";
	if (strcmp(key, "payouts_max") == 0)
		return take_count(text, &iso->payouts_max);
	*(strcmp(key, "absent_reasons") == 0 ? &iso->absent : &iso->unknown) = text;
	return text.n <= 400 ? NULL : "is longer than 400 characters";
}

static int open_(struct yt_plugin *self)
{
	struct iso *iso = calloc(1, sizeof(*iso));
	struct yt_str folder = yt_plugin_setting(self, "schemas");
	char path[4001], why[300];

	if (iso == NULL)
		return YT_ENOMEM;
	for (const struct yt_setting *s = settings; s->key != NULL; s++) {
		const char *wrong = strcmp(s->key, "schemas") == 0
		                            ? NULL
		                            : take_setting(iso, s->key, yt_plugin_setting(self, s->key));

		if (wrong != NULL) {
			yt_plugin_log(self, YT_ERROR, "setting %s %s", s->key, wrong);
			free(iso);
			return YT_ECONF;
		}
	}
	if (folder.n > 0) {
		snprintf(path, sizeof(path), "%.*s", YT_FMT(folder));
		if (iso_schemas_open(&iso->schemas, path, iso->edition, why, sizeof(why)) != 0) {
			yt_plugin_log(self, YT_ERROR, "setting %s", why);
			free(iso);
			return YT_ECONF;
		}
	}
	yt_plugin_ctx_set(self, iso);
	return 0;
}

static void close_(struct yt_plugin *self)
{
	struct iso *iso = yt_plugin_ctx(self);

	if (iso != NULL)
		iso_schemas_close(iso->schemas);
	free(iso);
}

/* -- requests ------------------------------------------------------------------------------------- */

static int note_document(struct yt_msg *msg, const struct iso *iso, const struct iso_document *doc)
{
	msg->wire_op = yt_arena_copy(msg->arena, yt_str(doc->wire));
	msg->content = yt_xml_raw(&doc->xml, doc->root);
	msg->institution = iso->bank.n > 0 ? iso->bank : iso->customer;
	msg->head = yt_node_new(msg->arena, YT_OBJECT);
	if (msg->wire_op.p == NULL || msg->head == NULL ||
	        yt_node_add_text(msg->arena, msg->head, "message", yt_arena_copy(msg->arena, yt_str(doc->name))) ==
	                NULL)
		return YT_ENOMEM;
	for (const struct yt_wire_op *op = ops; op->wire != NULL; op++)
		if (strcmp(op->wire, doc->wire) == 0) {
			msg->op = yt_op(op->op);
			return 0;
		}
	return 0;
}

/* Document/CstmrPmtStsRpt/GrpHdr/MsgId, whatever else is wrong: a refusal names the message it is about. */
static void note_number(struct yt_msg *msg, const struct iso_document *doc)
{
	const struct yt_node *at = iso_at(doc->root, "GrpHdr/MsgId");

	if (at == NULL)
		at = iso_at(doc->root, "Assgnmt/Id");
	if (at != NULL && at->kind == YT_TEXT)
		msg->number = at->text;
}

/* "2026-11-20T09:15:02+08:00" as core wants it. */
static void note_time(struct yt_msg *msg, const struct iso_document *doc)
{
	const struct yt_node *at = iso_at(doc->root, "GrpHdr/CreDtTm");
	char time[20];

	if (at == NULL)
		at = iso_at(doc->root, "Assgnmt/CreDtTm");
	if (at != NULL && at->kind == YT_TEXT && iso_time_read(at->text, time) == 0)
		msg->time = yt_arena_copy(msg->arena, yt_str(time));
}

static int decode_request(struct yt_plugin *self, struct yt_str octets, struct yt_msg *msg, struct yt_fault *fault)
{
	const struct iso *iso = yt_plugin_ctx(self);
	struct iso_document doc;
	int rv = iso_read(iso, msg->arena, octets, msg->sent.n > 0, &doc, fault);

	if (rv != 0)
		return rv;
	rv = note_document(msg, iso, &doc);
	note_number(msg, &doc);
	note_time(msg, &doc);
	if (rv != 0)
		return rv;
	if (strcmp(doc.wire, "pain.001") == 0)
		rv = iso_read_order(iso, &doc, msg, fault);
	else if (strcmp(doc.wire, "pain.002") == 0)
		rv = iso_read_report(iso, msg->arena, &doc, NULL, &msg->body, fault);
	else if (strcmp(doc.wire, "camt.029") == 0)
		rv = iso_read_resolution(msg->arena, &doc, &msg->body, fault);
	else if (strcmp(doc.wire, "camt.055") == 0)
		rv = iso_read_recall(&doc, msg, fault);
	else if (strcmp(doc.wire, "pacs.028") == 0)
		rv = iso_read_query(&doc, msg, fault);
	else
		rv = iso_read_statements(msg->arena, &doc, &msg->body, fault);
	if (rv == 0 && msg->number.n == 0)
		rv = iso_refuse(fault, "GrpHdr/MsgId", "", "is missing");
	if (msg->institution.n == 0)
		msg->institution = iso->customer;
	return rv;
}

static int encode_request(struct yt_plugin *self, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault)
{
	const struct iso *iso = yt_plugin_ctx(self);

	switch (msg->op->id) {
	case YT_OP_PAY_ORDER:
	case YT_OP_PAY_BATCH:
		return iso_write_order(iso, msg, out, fault);
	case YT_OP_PAY_RECALL:
		return iso_write_recall(iso, msg, out, fault);
	case YT_OP_PAY_QUERY:
		return iso_write_query(iso, msg, out, fault);
	default:
		return iso_refuse(fault, "(operation)", "", "is none that a bank is asked for in ISO 20022");
	}
}

static int encode_reply(
        struct yt_plugin *self, const struct yt_msg *msg, const struct yt_reply *reply, struct yt_buf *out)
{
	return iso_write_report(yt_plugin_ctx(self), msg, reply, out);
}

/* PM, the day, ten digits of the serial and 00: the last two count a message's blocks (PB). */
static int make_number(
        struct yt_plugin *self, struct yt_arena *arena, int64_t wall_ms, uint64_t serial, struct yt_str *number)
{
	char time[15];

	(void)self;
	yt_time_compact(wall_ms, time);
	*number = yt_arena_printf(arena, "PM%.8s%010llu00", time, (unsigned long long)(serial % 10000000000ull));
	return number->p != NULL ? 0 : YT_ENOMEM;
}

YT_CODEC_PLUGIN(.name = "iso20022", .content_type = "application/xml; charset=utf-8", .settings = settings, .ops = ops,
        .open = open_, .close = close_, .decode_request = decode_request, .encode_reply = encode_reply,
        .encode_request = encode_request, .decode_reply = iso_decode_reply, .query_for = iso_query_for,
        .judge = iso_judge, .make_number = make_number, .is_slow = true);
