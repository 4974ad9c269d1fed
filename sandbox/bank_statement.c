/* sandbox/bank_statement.c - what the bank tells of an account: the statement of a day (camt.053) and a return
 * (camt.054), both of edition 08 (bank.md 3.5).  Payouts of one block that asks for it are one entry. */
#include "bank.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define NAMESPACE "urn:iso:std:iso:20022:tech:xsd:"

/* An entry of the statement: one of the book's, or several of one block. */
struct item {
	size_t first, n;
	int64_t fen;
	const struct bank_payout *payout; /* NULL: a fee */
	bool is_batch;
};

struct statement {
	struct bank *bank;
	const json_t *event;
	FILE *out;
	struct item *items;
	size_t n_items;
};

static void put_fen(FILE *out, const char *name, int64_t fen)
{
	char text[24];

	fen_text(fen < 0 ? -fen : fen, text);
	fprintf(out, "<%s Ccy=\"CNY\">%s</%s>", name, text, name);
}

static void put_day(FILE *out, const char *element, const char *day)
{
	fprintf(out, "<%s><Dt>%.4s-%.2s-%.2s</Dt></%s>", element, day, day + 4, day + 6, element);
}

static void put_time(FILE *out, int64_t now_ms)
{
	char text[20];

	time_text(now_ms, text);
	fprintf(out, "<CreDtTm>%.10sT%.8s+08:00</CreDtTm>", text, text + 11);
}

static void number(struct bank *bank, const char *kind, char out[36])
{
	text_format(out, 36, "%s%s%012llu", kind, bank_day(bank->book), (unsigned long long)++bank->serial);
}

static void put_account(FILE *out, const char *no)
{
	fputs("<Acct><Id><Othr>", out);
	xml_put(out, "Id", no);
	fputs("</Othr></Id><Ccy>CNY</Ccy></Acct>", out);
}

/* -- entries -- */

static void put_details(FILE *out, const struct bank_payout *p, bool is_return)
{
	const struct bank_order *o = &p->order;

	fputs("<TxDtls><Refs>", out);
	if (o->message[0] != '\0')
		xml_put(out, "MsgId", o->message);
	if (o->block[0] != '\0')
		xml_put(out, "PmtInfId", o->block);
	xml_put(out, "EndToEndId", o->pay_ref);
	if (o->uetr[0] != '\0')
		xml_put(out, "UETR", o->uetr);
	fputs("</Refs>", out);
	put_fen(out, "Amt", o->amount_fen);
	xml_put(out, "CdtDbtInd", is_return ? "CRDT" : "DBIT");
	fputs("<RltdPties><Cdtr><Pty>", out);
	xml_put(out, "Nm", o->payee_name);
	fputs("</Pty></Cdtr><CdtrAcct><Id><Othr>", out);
	xml_put(out, "Id", o->payee);
	fputs("</Othr></Id></CdtrAcct></RltdPties><RmtInf>", out);
	xml_put(out, "Ustrd", is_return ? "退汇" : *o->usage == '\0' ? "付款" : o->usage);
	fputs("</RmtInf>", out);
	if (is_return) {
		fputs("<RtrInf><Rsn>", out);
		xml_put(out, "Cd", bank_code_reason(p->return_code));
		fputs("</Rsn></RtrInf>", out);
	}
	fputs("</TxDtls>", out);
}

static void put_code(FILE *out, const char *domain, const char *family, const char *sub)
{
	fprintf(out, "<BkTxCd><Domn><Cd>%s</Cd><Fmly><Cd>%s</Cd><SubFmlyCd>%s</SubFmlyCd></Fmly></Domn></BkTxCd>",
	        domain, family, sub);
}

static void put_entry_head(FILE *out, const struct bank_entry *e, int64_t fen, bool is_return)
{
	fputs("<Ntry>", out);
	xml_put(out, "NtryRef", e->serial + strlen(e->serial) - 8);
	put_fen(out, "Amt", fen);
	xml_put(out, "CdtDbtInd", e->is_credit ? "CRDT" : "DBIT");
	if (is_return)
		xml_put(out, "RvslInd", "true");
	fputs("<Sts><Cd>BOOK</Cd></Sts>", out);
	put_day(out, "BookgDt", e->date);
	put_day(out, "ValDt", e->date);
	xml_put(out, "AcctSvcrRef", e->serial);
}

/* Of one payout or its return, or of none. */
static void put_single(FILE *out, const struct bank_entry *e, const struct bank_payout *p)
{
	bool is_return = e->rev_flag == '2';

	put_entry_head(out, e, e->fen, is_return);
	if (p == NULL) {
		put_code(out, "ACMT", "MDOP", "CHRG");
		xml_put(out, "AddtlNtryInf", e->usage);
	} else {
		put_code(out, "PMNT", "ICDT", is_return ? "RRTN" : "DMCT");
		fputs("<NtryDtls>", out);
		put_details(out, p, is_return);
		fputs("</NtryDtls>", out);
		if (is_return)
			xml_put(out, "AddtlNtryInf", bank_code_text(p->return_code));
	}
	fputs("</Ntry>", out);
}

static const struct bank_payout *payout_of(const struct statement *s, size_t i)
{
	const struct bank_entry *e = bank_entry(s->bank->book, i);

	return *e->pay_ref == '\0' ? NULL : bank_payout_find(s->bank->book, e->pay_ref);
}

static bool is_in_batch(const struct statement *s, size_t i, const struct bank_order *o)
{
	const struct bank_entry *e = bank_entry(s->bank->book, i);
	const struct bank_payout *p = payout_of(s, i);

	return p != NULL && e->rev_flag == '0' && p->order.is_batch_booked && strcmp(p->order.block, o->block) == 0 &&
	       strcmp(e->account, o->payer) == 0;
}

static void put_batch(struct statement *s, const struct item *item)
{
	const struct bank_order *o = &item->payout->order;
	size_t last = (size_t)json_number(s->event, "last", 0);

	put_entry_head(s->out, bank_entry(s->bank->book, item->first), item->fen, false);
	put_code(s->out, "PMNT", "ICDT", "DMCT");
	fputs("<NtryDtls><Btch>", s->out);
	if (o->message[0] != '\0')
		xml_put(s->out, "MsgId", o->message);
	xml_put(s->out, "PmtInfId", o->block);
	fprintf(s->out, "<NbOfTxs>%zu</NbOfTxs>", item->n);
	put_fen(s->out, "TtlAmt", item->fen);
	fputs("<CdtDbtInd>DBIT</CdtDbtInd></Btch>", s->out);
	for (size_t i = item->first; i < last; i++)
		if (is_in_batch(s, i, o))
			put_details(s->out, payout_of(s, i), false);
	fputs("</NtryDtls></Ntry>", s->out);
}

/* -- the statement -- */

static bool is_counted(const struct statement *s, const struct bank_order *o)
{
	for (size_t k = 0; k < s->n_items; k++)
		if (s->items[k].is_batch && strcmp(s->items[k].payout->order.block, o->block) == 0)
			return true;
	return false;
}

static void collect(struct statement *s)
{
	size_t first = (size_t)json_number(s->event, "first", 0), last = (size_t)json_number(s->event, "last", 0);

	s->items = must(calloc(last - first + 1, sizeof(*s->items)));
	for (size_t i = first; i < last; i++) {
		const struct bank_entry *e = bank_entry(s->bank->book, i);
		struct item item = { .first = i, .n = 1, .fen = e->fen, .payout = payout_of(s, i) };

		if (strcmp(e->account, json_text(s->event, "account")) != 0)
			continue;
		if (item.payout != NULL && is_in_batch(s, i, &item.payout->order)) {
			if (is_counted(s, &item.payout->order))
				continue;
			item.is_batch = true;
			for (size_t k = i + 1; k < last; k++)
				if (is_in_batch(s, k, &item.payout->order)) {
					item.n++;
					item.fen += bank_entry(s->bank->book, k)->fen;
				}
		}
		s->items[s->n_items++] = item;
	}
}

static void put_balance(const struct statement *s, const char *type, int64_t fen)
{
	fprintf(s->out, "<Bal><Tp><CdOrPrtry><Cd>%s</Cd></CdOrPrtry></Tp>", type);
	put_fen(s->out, "Amt", fen);
	xml_put(s->out, "CdtDbtInd", fen < 0 ? "DBIT" : "CRDT");
	put_day(s->out, "Dt", json_text(s->event, "day"));
	fputs("</Bal>", s->out);
}

static void put_summary(const struct statement *s)
{
	size_t n[2] = { 0, 0 };
	int64_t fen[2] = { 0, 0 };
	char text[24];

	for (size_t i = 0; i < s->n_items; i++) {
		bool is_credit = bank_entry(s->bank->book, s->items[i].first)->is_credit;

		n[is_credit]++;
		fen[is_credit] += s->items[i].fen;
	}
	fprintf(s->out, "<TxsSummry><TtlNtries><NbOfNtries>%zu</NbOfNtries></TtlNtries>", s->n_items);
	fen_text(fen[1], text);
	fprintf(s->out, "<TtlCdtNtries><NbOfNtries>%zu</NbOfNtries><Sum>%s</Sum></TtlCdtNtries>", n[1], text);
	fen_text(fen[0], text);
	fprintf(s->out, "<TtlDbtNtries><NbOfNtries>%zu</NbOfNtries><Sum>%s</Sum></TtlDbtNtries></TxsSummry>", n[0],
	        text);
}

static void put_statement(struct statement *s, int64_t now_ms)
{
	const char *day = json_text(s->event, "day"), *account = json_text(s->event, "account");

	fprintf(s->out, "<Stmt><Id>%.24s%s</Id><ElctrncSeqNb>%lld</ElctrncSeqNb>", account, day,
	        (long long)json_number(s->event, "sequence", 0));
	put_time(s->out, now_ms);
	fprintf(s->out,
	        "<FrToDt><FrDtTm>%.4s-%.2s-%.2sT00:00:00+08:00</FrDtTm><ToDtTm>%.4s-%.2s-%.2sT23:59:59+08:00</ToDtTm>"
	        "</FrToDt>",
	        day, day + 4, day + 6, day, day + 4, day + 6);
	if (json_is_true(json_object_get(s->event, "copy")))
		fputs("<CpyDplctInd>DUPL</CpyDplctInd>", s->out);
	put_account(s->out, account);
	put_balance(s, "OPBD", json_number(s->event, "open_fen", 0));
	put_balance(s, "CLBD", json_number(s->event, "close_fen", 0));
	put_summary(s);
	for (size_t i = json_is_true(json_object_get(s->event, "missing")); i < s->n_items; i++) {
		if (s->items[i].is_batch)
			put_batch(s, &s->items[i]);
		else
			put_single(s->out, bank_entry(s->bank->book, s->items[i].first), s->items[i].payout);
	}
	fputs("</Stmt>", s->out);
}

char *bank_statement_write(struct bank *bank, const json_t *event, int64_t now_ms)
{
	struct statement s = { .bank = bank, .event = event };
	char *text, id[36];
	size_t n;

	number(bank, "ST", id);
	collect(&s);
	s.out = open_memstream(&text, &n);
	fprintf(s.out,
	        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Document xmlns=\"" NAMESPACE
	        "camt.053.001.08\"><BkToCstmrStmt>"
	        "<GrpHdr><MsgId>%s</MsgId>",
	        id);
	put_time(s.out, now_ms);
	fputs("<MsgPgntn><PgNb>1</PgNb><LastPgInd>true</LastPgInd></MsgPgntn></GrpHdr>", s.out);
	put_statement(&s, now_ms);
	fputs("</BkToCstmrStmt></Document>", s.out);
	fclose(s.out);
	free(s.items);
	return text;
}

char *bank_return_write(struct bank *bank, const struct bank_payout *p, int64_t now_ms)
{
	const struct bank_entry *e = NULL;
	char *text, id[36];
	size_t n;
	FILE *out = open_memstream(&text, &n);

	for (size_t i = 0; i < bank_n_entries(bank->book) && e == NULL; i++)
		if (strcmp(bank_entry(bank->book, i)->serial, p->return_serial) == 0)
			e = bank_entry(bank->book, i); /* the payer's is the first of the two */
	number(bank, "NT", id);
	fprintf(out,
	        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Document xmlns=\"" NAMESPACE "camt.054.001.08\">"
	        "<BkToCstmrDbtCdtNtfctn><GrpHdr><MsgId>%s</MsgId>",
	        id);
	put_time(out, now_ms);
	fprintf(out, "</GrpHdr><Ntfctn><Id>%s</Id>", id);
	put_time(out, now_ms);
	put_account(out, p->order.payer);
	if (e != NULL)
		put_single(out, e, p);
	fputs("</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>", out);
	fclose(out);
	return text;
}
