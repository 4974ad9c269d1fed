/* plugins/iso20022/recall.c - asking a bank about a payout it has: camt.055 (please do not pay), pacs.028 (what became
 * of it), and camt.029, the answer to the first.
 *
 * Both name the original message, block and transfer; canonical members orig_msg_no, orig_block_no, orig_pay_no. */
#include <stdio.h>
#include <string.h>

#include "iso.h"

static int put(struct yt_arena *arena, struct yt_node *object, const char *name, struct yt_str text)
{
	return text.n == 0 || yt_node_set_text(arena, object, name, text) == 0 ? 0 : YT_ENOMEM;
}

static int copy_members(struct yt_arena *arena, struct yt_node *to, const struct yt_node *from)
{
	for (const struct yt_node *c = from != NULL ? from->child : NULL; c != NULL; c = c->next) {
		struct yt_str name = yt_arena_copy(arena, c->name);

		if (name.p == NULL)
			return YT_ENOMEM;
		if (name.n > 0 && (c->kind == YT_TEXT || c->kind == YT_NUMBER) && put(arena, to, name.p, c->text) != 0)
			return YT_ENOMEM;
	}
	return 0;
}

/* The members of data, and what the message itself says. */
static struct yt_node *make_values(const struct iso *iso, const struct yt_msg *msg, const struct yt_node *row)
{
	struct yt_arena *arena = msg->arena;
	struct yt_node *v = yt_node_new(arena, YT_OBJECT);
	const struct yt_node *from[2] = { yt_node_get(msg->body, "data"), row };
	struct yt_str number = msg->own_number.n > 0 ? msg->own_number : msg->number, no;
	char uetr[37];

	for (size_t k = 0; k < 2 && v != NULL; k++)
		if (copy_members(arena, v, from[k]) != 0)
			return NULL;
	if (v == NULL || put(arena, v, "msg_no", number) != 0 ||
	        put(arena, v, "created", iso_time(arena, msg->wall_ms, msg->time)) != 0)
		return NULL;
	if (yt_node_text(v, "orig_msg_name").n == 0 &&
	        put(arena, v, "orig_msg_name",
	                iso->edition == '9' ? YT_STR("pain.001.001.09") : YT_STR("pain.001.001.03")) != 0)
		return NULL;
	if (yt_node_text(v, "recall_reason").n == 0 && put(arena, v, "recall_reason", YT_STR("CUST")) != 0)
		return NULL;
	no = yt_node_text(v, "orig_pay_no");
	if (put(arena, v, "instr_no", no) != 0)
		return NULL;
	if (yt_node_text(v, "uetr").n == 0 && no.n > 0 && iso->edition == '9') {
		yt_pay_uetr(iso->customer, no, uetr);
		if (put(arena, v, "uetr", yt_arena_copy(arena, yt_str(uetr))) != 0)
			return NULL;
	}
	return v;
}

int iso_write_recall(const struct iso *iso, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault)
{
	struct yt_node *v = make_values(iso, msg, NULL);
	struct iso_writing doc;
	size_t from = out->n;
	int rv;

	if (v == NULL)
		return YT_ENOMEM;
	iso_begin(&doc, msg->arena, "camt.055.001.08", "CstmrPmtCxlReq", out);
	yt_xml_start(&doc.w, "Assgnmt");
	rv = iso_write_rows(&doc.w, &iso_camt055_head, v, ' ', "input.data", fault);
	yt_xml_end(&doc.w);
	yt_xml_start(&doc.w, "CtrlData");
	yt_xml_leaf(&doc.w, "NbOfTxs", YT_STR("1"));
	yt_xml_end(&doc.w);
	yt_xml_start(&doc.w, "Undrlyg");
	yt_xml_start(&doc.w, "OrgnlPmtInfAndCxl");
	if (rv == 0)
		rv = iso_write_rows(&doc.w, &iso_camt055_tx, v, ' ', "input.data", fault);
	yt_xml_end(&doc.w);
	yt_xml_end(&doc.w);
	if (rv == 0)
		return iso_end(iso, &doc, fault);
	out->n = from;
	return rv;
}

static int write_asked(const struct iso *iso, const struct yt_msg *msg, struct iso_writing *doc, struct yt_fault *fault)
{
	const struct yt_node *row = NULL;
	char path[64];
	bool has_head = false;
	int rv = 0;

	while (rv == 0 && yt_payout_next(msg->body, &row, path, sizeof(path))) {
		struct yt_node *v = make_values(iso, msg, row);

		if (v == NULL)
			return YT_ENOMEM;
		if (!has_head) {
			yt_xml_start(&doc->w, "GrpHdr");
			rv = iso_write_rows(&doc->w, &iso_pacs028_head, v, ' ', "input.data", fault);
			yt_xml_end(&doc->w);
			yt_xml_start(&doc->w, "OrgnlGrpInf");
			if (rv == 0)
				rv = iso_write_rows(&doc->w, &iso_pacs028_group, v, ' ', "input.data", fault);
			yt_xml_end(&doc->w);
			has_head = true;
		}
		yt_xml_start(&doc->w, "TxInf");
		if (rv == 0)
			rv = iso_write_rows(&doc->w, &iso_pacs028_tx, v, ' ', path, fault);
		yt_xml_end(&doc->w);
	}
	return rv != 0 || has_head ? rv : iso_refuse(fault, "input.data.orig_pay_no", "", "is missing");
}

int iso_write_query(const struct iso *iso, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault)
{
	struct iso_writing doc;
	size_t from = out->n;
	int rv;

	iso_begin(&doc, msg->arena, "pacs.028.001.03", "FIToFIPmtStsReq", out);
	rv = write_asked(iso, msg, &doc, fault);
	if (rv == 0)
		return iso_end(iso, &doc, fault);
	out->n = from;
	return rv;
}

/* -- reading -------------------------------------------------------------------------------------- */

static struct yt_node *begin_body(struct yt_arena *arena, struct yt_node **body)
{
	*body = yt_node_new(arena, YT_OBJECT);
	return *body != NULL ? yt_node_add(arena, *body, YT_STR("data"), YT_OBJECT) : NULL;
}

int iso_read_recall(const struct iso_document *doc, struct yt_msg *msg, struct yt_fault *fault)
{
	struct yt_node *data = begin_body(msg->arena, &msg->body);
	const struct yt_node *block = iso_at(doc->root, "Undrlyg/OrgnlPmtInfAndCxl");
	int rv = data == NULL ? YT_ENOMEM
	                      : iso_read_rows(msg->arena, &iso_camt055_head, yt_node_get(doc->root, "Assgnmt"), data,
	                                "CstmrPmtCxlReq/Assgnmt", fault);

	if (rv == 0)
		rv = iso_read_rows(
		        msg->arena, &iso_camt055_tx, block, data, "CstmrPmtCxlReq/Undrlyg/OrgnlPmtInfAndCxl", fault);
	msg->number = yt_node_text(data, "msg_no");
	msg->original_number = yt_node_text(data, "orig_msg_no");
	return rv;
}

static int read_asked(const struct iso_document *doc, struct yt_msg *msg, struct yt_node *data, struct yt_fault *fault)
{
	const struct yt_node *tx = yt_node_get(doc->root, "TxInf");
	struct yt_node *rows = NULL, *row = data;
	char path[48];
	uint32_t i = 0;
	int rv = 0;

	if (tx != NULL && yt_xml_next(tx) != NULL) {
		rows = yt_node_add(msg->arena, msg->body, YT_STR("payout"), YT_ARRAY);
		if (rows == NULL)
			return YT_ENOMEM;
	}
	for (; tx != NULL && rv == 0; tx = yt_xml_next(tx)) {
		if (rows != NULL)
			row = yt_node_add(msg->arena, rows, (struct yt_str){ 0 }, YT_OBJECT);
		snprintf(path, sizeof(path), "FIToFIPmtStsReq/TxInf[%u]", i++);
		rv = row == NULL ? YT_ENOMEM : iso_read_rows(msg->arena, &iso_pacs028_tx, tx, row, path, fault);
	}
	return rv != 0 || i > 0 ? rv : iso_refuse(fault, "FIToFIPmtStsReq/TxInf", "", "is missing");
}

int iso_read_query(const struct iso_document *doc, struct yt_msg *msg, struct yt_fault *fault)
{
	struct yt_node *data = begin_body(msg->arena, &msg->body);
	int rv = data == NULL ? YT_ENOMEM
	                      : iso_read_rows(msg->arena, &iso_pacs028_head, yt_node_get(doc->root, "GrpHdr"), data,
	                                "FIToFIPmtStsReq/GrpHdr", fault);

	if (rv == 0)
		rv = iso_read_rows(msg->arena, &iso_pacs028_group, yt_node_get(doc->root, "OrgnlGrpInf"), data,
		        "FIToFIPmtStsReq/OrgnlGrpInf", fault);
	msg->number = yt_node_text(data, "msg_no");
	msg->original_number = yt_node_text(data, "orig_msg_no");
	return rv == 0 ? read_asked(doc, msg, data, fault) : rv;
}

/* -- camt.029 ------------------------------------------------------------------------------------- */

/* ACCR: it is cancelled.  RJCR and PDCR say nothing of the payment itself. */
static int complete_resolution(struct yt_arena *arena, struct yt_node *row)
{
	if (!yt_str_is(yt_node_text(row, "recall_status"), "ACCR"))
		return 0;
	return put(arena, row, "pay_state", yt_str(yt_pay_state_name(YT_PAY_CANCELLED)));
}

static int read_resolved(struct yt_arena *arena, const struct yt_node *element, struct yt_node *rows, uint32_t *n,
        struct yt_fault *fault)
{
	char path[64];
	int rv = 0;

	for (const struct yt_node *tx = yt_node_get(element, "TxInfAndSts"); tx != NULL && rv == 0;
	        tx = yt_xml_next(tx)) {
		struct yt_node *row = yt_node_add(arena, rows, (struct yt_str){ 0 }, YT_OBJECT);

		snprintf(path, sizeof(path), "RsltnOfInvstgtn/CxlDtls/TxInfAndSts[%u]", (*n)++);
		rv = row == NULL ? YT_ENOMEM : iso_read_rows(arena, &iso_camt029_tx, tx, row, path, fault);
		if (rv == 0)
			rv = complete_resolution(arena, row);
	}
	return rv;
}

/* The word about the whole: CNCL means that all of it is cancelled. */
static int take_confirmation(struct yt_arena *arena, const struct iso_document *doc, struct yt_node *data)
{
	const struct yt_node *conf = iso_at(doc->root, "Sts/Conf");
	struct yt_str word = conf != NULL && conf->kind == YT_TEXT ? conf->text : (struct yt_str){ NULL, 0 };

	if (yt_str_is(word, "CNCL"))
		word = YT_STR("ACCR");
	return put(arena, data, "recall_status", word);
}

int iso_read_resolution(
        struct yt_arena *arena, const struct iso_document *doc, struct yt_node **body, struct yt_fault *fault)
{
	struct yt_node *data = begin_body(arena, body),
	               *rows = data != NULL ? yt_node_add(arena, *body, YT_STR("payout"), YT_ARRAY) : NULL;
	uint32_t n = 0;
	int rv = rows == NULL ? YT_ENOMEM
	                      : iso_read_rows(arena, &iso_camt029_head, yt_node_get(doc->root, "Assgnmt"), data,
	                                "RsltnOfInvstgtn/Assgnmt", fault);

	if (rv == 0)
		rv = take_confirmation(arena, doc, data);
	for (const struct yt_node *e = yt_node_get(doc->root, "CxlDtls"); e != NULL && rv == 0; e = yt_xml_next(e)) {
		rv = iso_read_rows(arena, &iso_camt029_group, e, data, "RsltnOfInvstgtn/CxlDtls", fault);
		if (rv == 0)
			rv = read_resolved(arena, e, rows, &n, fault);
		for (const struct yt_node *b = yt_node_get(e, "OrgnlPmtInfAndSts"); b != NULL && rv == 0;
		        b = yt_xml_next(b))
			rv = read_resolved(arena, b, rows, &n, fault);
	}
	return rv;
}
