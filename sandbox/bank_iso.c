/* sandbox/bank_iso.c - documents of ISO 20022: orders (pain.001) and questions (pacs.028) are answered by pain.002,
 * recalls (camt.055) by camt.029 (bank.md 3).  Elements are found by their local names, so any edition is read. */
#include "bank.h"
#include "hub.h"
#include "text.h"

#include <libxml/parser.h>
#include <stdlib.h>
#include <string.h>

#define NAMESPACE "urn:iso:std:iso:20022:tech:xsd:"

/* What a report says of one transfer. */
struct row {
	char pay_ref[36], uetr[37], serial[25];
	const char *status, *reason, *text;
};

struct report {
	struct bank *bank;
	int64_t now_ms;
	char message[36], block[36]; /* that it is about; block: of the rows being written */
	FILE *rows;
};

static void stamp(int64_t now_ms, char out[26])
{
	char text[20];

	time_text(now_ms, text);
	text_format(out, 26, "%.10sT%.8s+08:00", text, text + 11);
}

static void number(struct bank *bank, const char *kind, int64_t now_ms, char out[36])
{
	char day[9], time[7];

	bank_stamp(now_ms, day, time);
	text_format(out, 36, "%s%s%012llu", kind, day, (unsigned long long)++bank->serial);
}

/* -- pain.002 -- */

static const char *iso_status(const char *state)
{
	static const char *const pairs[] = { "01", "ACCP", "02", "PDNG", "03", "ACSP", "04", "ACSC", "05", "RJCT", "06",
		"ACSC", "07", "PDNG", "08", "CANC" };

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i += 2)
		if (strcmp(pairs[i], state) == 0)
			return pairs[i + 1];
	return "PDNG";
}

static void row_of(const struct bank_payout *p, struct row *row)
{
	*row = (struct row){ .status = iso_status(p->state), .reason = "", .text = "" };
	text_format(row->pay_ref, sizeof(row->pay_ref), "%s", p->order.pay_ref);
	text_format(row->uetr, sizeof(row->uetr), "%s", p->order.uetr);
	text_format(row->serial, sizeof(row->serial), "%s", strcmp(p->state, "05") == 0 ? "" : p->serial);
	if (strcmp(p->code, "000000") != 0) {
		row->reason = bank_code_reason(p->code);
		row->text = bank_code_text(p->code);
	} else if (strcmp(p->state, "08") == 0) {
		row->reason = "CUST";
	}
}

static void put_reason(FILE *out, const char *reason, const char *text)
{
	if (*reason == '\0')
		return;
	fputs("<StsRsnInf><Rsn>", out);
	xml_put(out, "Cd", reason);
	fputs("</Rsn>", out);
	if (*text != '\0')
		xml_put(out, "AddtlInf", text);
	fputs("</StsRsnInf>", out);
}

static void put_row(struct report *r, const struct row *row)
{
	fputs("<TxInfAndSts>", r->rows);
	xml_put(r->rows, "OrgnlInstrId", row->pay_ref);
	xml_put(r->rows, "OrgnlEndToEndId", row->pay_ref);
	if (*row->uetr != '\0')
		xml_put(r->rows, "OrgnlUETR", row->uetr);
	xml_put(r->rows, "TxSts", row->status);
	put_reason(r->rows, row->reason, row->text);
	if (*row->serial != '\0')
		xml_put(r->rows, "AcctSvcrRef", row->serial);
	fputs("</TxInfAndSts>", r->rows);
}

/* Opens a block; an open one is closed. */
static void begin_block(struct report *r, const char *block)
{
	if (r->block[0] != '\0')
		fputs("</OrgnlPmtInfAndSts>", r->rows);
	text_format(r->block, sizeof(r->block), "%s", block);
	if (*block == '\0')
		return;
	fputs("<OrgnlPmtInfAndSts>", r->rows);
	xml_put(r->rows, "OrgnlPmtInfId", block);
}

/* The whole report around its rows; reason "": the rows tell. */
static void finish(struct report *r, char *rows, const char *reason, char **out, size_t *len)
{
	FILE *file = open_memstream(out, len);
	char id[36], time[26];

	number(r->bank, "SR", r->now_ms, id);
	stamp(r->now_ms, time);
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Document xmlns=\"" NAMESPACE "pain.002.001.10\">"
	      "<CstmrPmtStsRpt><GrpHdr>",
	        file);
	xml_put(file, "MsgId", id);
	xml_put(file, "CreDtTm", time);
	fputs("</GrpHdr><OrgnlGrpInfAndSts>", file);
	xml_put(file, "OrgnlMsgId", *r->message == '\0' ? "NOTPROVIDED" : r->message);
	xml_put(file, "OrgnlMsgNmId", "pain.001");
	xml_put(file, "GrpSts", *reason == '\0' ? "PART" : "RJCT");
	put_reason(file, reason, "");
	fprintf(file, "</OrgnlGrpInfAndSts>%s</CstmrPmtStsRpt></Document>", rows);
	fclose(file);
}

char *bank_iso_report(struct bank *bank, const struct bank_payout *payout, int64_t now_ms)
{
	struct report r = { .bank = bank, .now_ms = now_ms };
	struct row row;
	char *rows, *out;
	size_t n;

	text_format(r.message, sizeof(r.message), "%s", payout->order.message);
	r.rows = open_memstream(&rows, &n);
	begin_block(&r, payout->order.block);
	row_of(payout, &row);
	put_row(&r, &row);
	begin_block(&r, "");
	fclose(r.rows);
	finish(&r, rows, "", &out, &n);
	free(rows);
	return out;
}

/* -- pain.001 -- */

struct taking {
	struct report *report;
	struct bank_answer *answer;
	bool is_list, is_busy;
};

static void read_block(xmlNodePtr block, struct bank_order *o)
{
	char text[16];

	bank_text(block, "PmtInfId", o->block, sizeof(o->block));
	o->is_batch_booked = strcmp(bank_text(block, "BtchBookg", text, sizeof(text)), "true") == 0;
	bank_text(block, "Dbtr/Nm", o->payer_name, sizeof(o->payer_name));
	bank_text(block, "DbtrAcct/Id/Othr/Id", o->payer, sizeof(o->payer));
	bank_text(block, "ReqdExctnDt", text, sizeof(text)); /* its text, or that of the Dt in it */
	text_format(o->due, sizeof(o->due), "%.4s%.2s%.2s", text, strlen(text) == 10 ? text + 5 : "",
	        strlen(text) == 10 ? text + 8 : "");
}

static void read_transfer(xmlNodePtr tx, struct bank_order *o)
{
	xmlChar *ccy = xmlGetProp(bank_path(tx, "Amt/InstdAmt"), (const xmlChar *)"Ccy");
	char text[40];

	bank_text(tx, "PmtId/EndToEndId", o->pay_ref, sizeof(o->pay_ref));
	bank_text(tx, "PmtId/UETR", o->uetr, sizeof(o->uetr));
	bank_text(tx, "Cdtr/Nm", o->payee_name, sizeof(o->payee_name));
	bank_text(tx, "CdtrAcct/Id/Othr/Id", o->payee, sizeof(o->payee));
	bank_text(tx, "CdtrAgt/FinInstnId/ClrSysMmbId/MmbId", o->payee_bank, sizeof(o->payee_bank));
	bank_text(tx, "RmtInf/Ustrd", o->usage, sizeof(o->usage));
	if (fen_parse(bank_text(tx, "Amt/InstdAmt", text, sizeof(text)), &o->amount_fen) != 0)
		o->amount_fen = 0;
	text_format(o->ccy, sizeof(o->ccy), "%s", ccy == NULL ? "" : (const char *)ccy);
	o->checks_name = true;
	xmlFree(ccy);
}

static void take_transfer(struct taking *t, const struct bank_order *o)
{
	struct bank_verdict v;
	struct row row;

	bank_order_take(t->report->bank->book, o, t->report->now_ms, &v);
	if (v.act != BANK_ANSWERS)
		t->answer->act = v.act;
	t->is_busy |= strcmp(v.code, "E30001") == 0;
	if (v.payout == NULL)
		return;
	row_of(v.payout, &row);
	if (strcmp(v.code, "E20410") == 0)
		row = (struct row){
			.status = "RJCT", .reason = bank_code_reason(v.code), .text = bank_code_text(v.code)
		};
	text_format(row.pay_ref, sizeof(row.pay_ref), "%s", o->pay_ref);
	put_row(t->report, &row);
}

static void take_blocks(struct taking *t, xmlNodePtr root)
{
	for (xmlNodePtr block = bank_child(root, "PmtInf"); block != NULL; block = bank_next(block)) {
		struct bank_order pattern = { .face = BANK_ISO, .is_listed = t->is_list };

		text_format(pattern.message, sizeof(pattern.message), "%s", t->report->message);
		read_block(block, &pattern);
		begin_block(t->report, pattern.block);
		for (xmlNodePtr tx = bank_child(block, "CdtTrfTxInf"); tx != NULL; tx = bank_next(tx)) {
			struct bank_order o = pattern;

			read_transfer(tx, &o);
			take_transfer(t, &o);
		}
	}
	begin_block(t->report, "");
}

/* Count and sum of all transfers; the reason of a refusal as a whole, NULL: none. */
static const char *check_totals(xmlNodePtr root, size_t *n)
{
	int64_t sum = 0, wanted, fen;
	char text[40];

	*n = 0;
	for (xmlNodePtr block = bank_child(root, "PmtInf"); block != NULL; block = bank_next(block))
		for (xmlNodePtr tx = bank_child(block, "CdtTrfTxInf"); tx != NULL; tx = bank_next(tx)) {
			if (fen_parse(bank_text(tx, "Amt/InstdAmt", text, sizeof(text)), &fen) == 0)
				sum += fen;
			++*n;
		}
	if (strtoull(bank_text(root, "GrpHdr/NbOfTxs", text, sizeof(text)), NULL, 10) != *n || *n == 0)
		return "AM18";
	bank_text(root, "GrpHdr/CtrlSum", text, sizeof(text));
	return *text == '\0' || (fen_parse(text, &wanted) == 0 && wanted == sum) ? NULL : "AM10";
}

static const char *check_message(struct report *r, xmlNodePtr root, const char *octets, size_t len, size_t *n)
{
	char text[40], digest[65];
	const char *before, *wrong;

	bank_text(root, "GrpHdr/MsgId", r->message, sizeof(r->message));
	bank_text(root, "GrpHdr/InitgPty/Id/OrgId/Othr/Id", text, sizeof(text));
	if (strcmp(text, r->bank->options->corp_no) != 0)
		return "DS0H";
	wrong = check_totals(root, n);
	if (wrong != NULL)
		return wrong;
	sm3_hex(octets, len, digest);
	before = json_text(r->bank->messages, r->message);
	if (*before != '\0' && strcmp(before, digest) != 0)
		return "DU01";
	json_object_set_new(r->bank->messages, r->message, json_string(digest));
	return NULL;
}

static void take_order(struct report *r, xmlNodePtr root, const char *octets, size_t len, struct bank_answer *answer)
{
	struct taking t = { .report = r, .answer = answer };
	char *rows;
	size_t n, n_rows;
	const char *wrong = check_message(r, root, octets, len, &n);

	t.is_list = n > 1;
	r->rows = open_memstream(&rows, &n_rows);
	if (wrong == NULL)
		take_blocks(&t, root);
	fclose(r->rows);
	if (t.is_busy)
		answer->status = 503;
	else
		finish(r, rows, wrong == NULL ? "" : wrong, &answer->octets, &answer->len);
	free(rows);
}

/* -- pacs.028, camt.055 -- */

static void tell(struct report *r, xmlNodePtr root, struct bank_answer *answer)
{
	char *rows, ref[36];
	size_t n;

	bank_text(root, "OrgnlGrpInf/OrgnlMsgId", r->message, sizeof(r->message));
	r->rows = open_memstream(&rows, &n);
	for (xmlNodePtr tx = bank_child(root, "TxInf"); tx != NULL; tx = bank_next(tx)) {
		const struct bank_payout *p =
		        bank_payout_find(r->bank->book, bank_text(tx, "OrgnlEndToEndId", ref, sizeof(ref)));
		struct row row = { .status = "RJCT", .reason = "NOOR", .text = bank_code_text("E20404") };

		text_format(row.pay_ref, sizeof(row.pay_ref), "%s", ref);
		if (p != NULL)
			row_of(p, &row);
		begin_block(r, p == NULL || p->order.block[0] == '\0' ? "NOTPROVIDED" : p->order.block);
		put_row(r, &row);
	}
	begin_block(r, "");
	fclose(r->rows);
	finish(r, rows, "", &answer->octets, &answer->len);
	free(rows);
}

static void put_resolution(FILE *out, const char *message, const char *ref, const char *code)
{
	fputs("<CxlDtls><OrgnlGrpInfAndSts>", out);
	xml_put(out, "OrgnlMsgId", message);
	xml_put(out, "OrgnlMsgNmId", "pain.001");
	fputs("</OrgnlGrpInfAndSts><TxInfAndSts>", out);
	xml_put(out, "OrgnlEndToEndId", ref);
	xml_put(out, "TxCxlSts", code == NULL ? "ACCR" : "RJCR");
	if (code != NULL) {
		fputs("<CxlStsRsnInf><Rsn>", out);
		xml_put(out, "Prtry", code);
		fputs("</Rsn>", out);
		xml_put(out, "AddtlInf", bank_code_text(code));
		fputs("</CxlStsRsnInf>", out);
	}
	fputs("</TxInfAndSts></CxlDtls>", out);
}

static void recall(struct report *r, xmlNodePtr root, struct bank_answer *answer)
{
	xmlNodePtr block = bank_path(root, "Undrlyg/OrgnlPmtInfAndCxl");
	char ref[36], message[36], id[36], time[26];
	FILE *out = open_memstream(&answer->octets, &answer->len);
	const char *code;

	bank_text(block, "OrgnlGrpInf/OrgnlMsgId", message, sizeof(message));
	bank_text(block, "TxInf/OrgnlEndToEndId", ref, sizeof(ref));
	code = bank_payout_cancel(r->bank->book, ref);
	number(r->bank, "CR", r->now_ms, id);
	stamp(r->now_ms, time);
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Document xmlns=\"" NAMESPACE "camt.029.001.09\">"
	      "<RsltnOfInvstgtn><Assgnmt>",
	        out);
	xml_put(out, "Id", id);
	fputs("<Assgnr><Pty><Nm>示例银行</Nm></Pty></Assgnr><Assgne><Pty>", out);
	xml_put(out, "Nm", r->bank->options->fund_name);
	fputs("</Pty></Assgne>", out);
	xml_put(out, "CreDtTm", time);
	fputs("</Assgnmt><Sts>", out);
	xml_put(out, "Conf", code == NULL ? "CNCL" : "RJCR");
	fputs("</Sts>", out);
	put_resolution(out, message, ref, code);
	fputs("</RsltnOfInvstgtn></Document>", out);
	fclose(out);
}

/* -- which document -- */

static void fault(struct bank_answer *answer, unsigned status, const char *text)
{
	answer->status = status;
	answer->octets = text_copy(text);
	answer->len = strlen(text);
}

void bank_iso_handle(struct bank *bank, const char *octets, size_t len, int64_t now_ms, struct bank_answer *answer)
{
	struct report r = { .bank = bank, .now_ms = now_ms };
	xmlDocPtr doc =
	        xmlReadMemory(octets, (int)len, NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	xmlNodePtr root = doc == NULL || doc->intSubset != NULL ? NULL : xmlDocGetRootElement(doc), message;
	const char *name;

	answer->status = 200;
	if (root == NULL || root->ns == NULL || strcmp((const char *)root->name, "Document") != 0 ||
	        strncmp((const char *)root->ns->href, NAMESPACE, strlen(NAMESPACE)) != 0) {
		fault(answer, 400, "no document of ISO 20022\n");
		xmlFreeDoc(doc);
		return;
	}
	name = (const char *)root->ns->href + strlen(NAMESPACE);
	if (strncmp(name, "pain.001.", 9) == 0 && (message = bank_child(root, "CstmrCdtTrfInitn")) != NULL)
		take_order(&r, message, octets, len, answer);
	else if (strncmp(name, "pacs.028.", 9) == 0 && (message = bank_child(root, "FIToFIPmtStsReq")) != NULL)
		tell(&r, message, answer);
	else if (strncmp(name, "camt.055.", 9) == 0 && (message = bank_child(root, "CstmrPmtCxlReq")) != NULL)
		recall(&r, message, answer);
	else
		fault(answer, 400, "pain.001, pacs.028 and camt.055 are taken\n");
	bank->n_refused += answer->status != 200;
	xmlFreeDoc(doc);
}
