/* sandbox/bank_link.c - one message of BDL/1.0, from its octets to a signed answer (bank.md 5.2 to 5.5).
 *
 *  read_request()  form, who asks, signature, clock, number used before
 *  transactions    each checks its fields by rows[] and writes the body of its answer
 *  write_answer()  envelope, GB18030, signature */
#include "bank.h"
#include "hub.h"
#include "sm2.h"
#include "text.h"

#include <libxml/parser.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct request {
	struct bank *bank;
	xmlDocPtr doc;
	xmlNodePtr head, body;
	char tx[8], corp_no[12], number[24];
	int64_t now_ms;
	/* the answer */
	char type;
	const char *code;
	char message[200];
	enum bank_act act;
	FILE *out;
};

/* type: C ASCII, N digits, Z text, A amount, 8 a day.  need: M must, O may. */
static const struct row {
	const char *tx, *name;
	char type;
	size_t max; /* octets of GB18030 */
	char need;
} rows[] = {
	{ "Head", "TxCode", 'C', 6, 'M' },
	{ "Head", "Ver", 'C', 3, 'M' },
	{ "Head", "CorpNo", 'N', 10, 'M' },
	{ "Head", "OpNo", 'C', 8, 'M' },
	{ "Head", "ReqSeqNo", 'N', 20, 'M' },
	{ "Head", "ReqDate", '8', 8, 'M' },
	{ "Head", "ReqTime", 'N', 6, 'M' },
	{ "Head", "CertSn", 'C', 32, 'M' },
	{ "BD0001", "EchoText", 'C', 64, 'O' },
	{ "BD1001", "PayRef", 'C', 30, 'M' },
	{ "BD1001", "PayAcct", 'N', 35, 'M' },
	{ "BD1001", "PayAcctNm", 'Z', 70, 'M' },
	{ "BD1001", "RcvAcct", 'N', 35, 'M' },
	{ "BD1001", "RcvAcctNm", 'Z', 70, 'M' },
	{ "BD1001", "RcvTp", 'C', 1, 'M' },
	{ "BD1001", "RcvIdTp", 'C', 2, 'O' },
	{ "BD1001", "RcvIdNo", 'C', 20, 'O' },
	{ "BD1001", "RcvBankNo", 'N', 12, 'O' },
	{ "BD1001", "RcvBankNm", 'Z', 70, 'O' },
	{ "BD1001", "BankFlg", 'C', 1, 'M' },
	{ "BD1001", "Ccy", 'C', 3, 'M' },
	{ "BD1001", "Amt", 'A', 16, 'M' },
	{ "BD1001", "BizTp", 'N', 2, 'M' },
	{ "BD1001", "Chnl", 'C', 1, 'M' },
	{ "BD1001", "NmChk", 'N', 1, 'M' },
	{ "BD1001", "ExpDate", '8', 8, 'O' },
	{ "BD1001", "Usage", 'Z', 60, 'M' },
	{ "BD1001", "Remark", 'Z', 100, 'O' },
	{ "BD1002", "OrgPayRef", 'C', 30, 'M' },
	{ "BD1002", "OrgReqDate", '8', 8, 'M' },
	{ "BD1003", "OrgPayRef", 'C', 30, 'M' },
	{ "BD2001", "BatchNo", 'N', 6, 'M' },
	{ "BD2001", "BizTp", 'N', 2, 'M' },
	{ "BD2001", "FileName", 'C', 64, 'M' },
	{ "BD2001", "FileLen", 'N', 8, 'M' },
	{ "BD2001", "FileSm3", 'C', 64, 'M' },
	{ "BD2001", "TotalCnt", 'N', 6, 'M' },
	{ "BD2001", "TotalAmt", 'A', 16, 'M' },
	{ "BD2001", "Mode", 'C', 1, 'M' },
	{ "BD2002", "BatchNo", 'N', 6, 'M' },
	{ "BD2002", "BatchDate", '8', 8, 'M' },
	{ "BD2003", "BatchNo", 'N', 6, 'M' },
	{ "BD2003", "BatchDate", '8', 8, 'M' },
	{ "BD3001", "AcctNo", 'N', 35, 'M' },
	{ "BD3002", "AcctNo", 'N', 35, 'M' },
	{ "BD3002", "BgnDate", '8', 8, 'M' },
	{ "BD3002", "EndDate", '8', 8, 'M' },
	{ "BD3002", "PageNo", 'N', 5, 'M' },
	{ "BD3002", "PageSize", 'N', 3, 'M' },
	{ "BD3002", "PosStr", 'C', 64, 'O' },
	{ "BD4001", "AcctNo", 'N', 35, 'M' },
	{ "BD4001", "SinceMark", 'C', 24, 'O' },
	{ "BD4002", "RcvAcct", 'N', 35, 'M' },
	{ "BD4002", "RcvAcctNm", 'Z', 70, 'M' },
	{ "BD4002", "RcvIdTp", 'C', 2, 'O' },
	{ "BD4002", "RcvIdNo", 'C', 20, 'O' },
	{ "BD4002", "RcvBankNo", 'N', 12, 'O' },
};

/* Always false. */
static bool refuse(struct request *r, char type, const char *code, const char *field)
{
	r->type = type;
	r->code = code;
	text_format(r->message, sizeof(r->message), "%s%s%s", bank_code_text(code), *field == '\0' ? "" : "：", field);
	return false;
}

/* -- fields -- */

static int64_t time_of(const char *day, const char *time)
{
	struct tm tm = { 0 };
	char text[16];
	const char *end;

	text_format(text, sizeof(text), "%s%s", day, time);
	end = strptime(text, "%Y%m%d%H%M%S", &tm);
	return end == NULL || *end != '\0' ? -1 : ((int64_t)timegm(&tm) - 8 * 3600) * 1000;
}

static bool is_of_type(char type, const char *text)
{
	size_t n = strlen(text);
	int64_t fen;

	switch (type) {
	case 'N':
		return strspn(text, "0123456789") == n;
	case 'A':
		return bank_amount_read(text, &fen);
	case '8':
		return n == 8 && time_of(text, "000000") >= 0;
	case 'C':
		for (; *text != '\0'; text++)
			if (*text < 0x20 || *text > 0x7e)
				return false;
		return true;
	default:
		return true;
	}
}

static size_t n_octets(const char *text)
{
	size_t n;

	free(text_to_gb18030(text, &n));
	return n;
}

static bool check_fields(struct request *r, const char *group, xmlNodePtr node)
{
	char text[500];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *row = &rows[i];

		if (strcmp(row->tx, group) != 0)
			continue;
		bank_text(node, row->name, text, sizeof(text));
		if (*text == '\0' && row->need == 'M')
			return refuse(r, 'F', "E10003", row->name);
		if (*text != '\0' && (n_octets(text) > row->max || !is_of_type(row->type, text)))
			return refuse(r, 'F', "E10003", row->name);
	}
	return true;
}

static const char *field(const struct request *r, const char *name, char *out, size_t size)
{
	return bank_text(r->body, name, out, size);
}

static bool is_one_of(struct request *r, const char *name, const char *values)
{
	char text[8];

	field(r, name, text, sizeof(text));
	return strlen(text) == 1 && strchr(values, *text) != NULL ? true : refuse(r, 'F', "E10003", name);
}

static bool need(struct request *r, const char *name)
{
	char text[80];

	return *field(r, name, text, sizeof(text)) != '\0' ? true : refuse(r, 'F', "E10003", name);
}

/* -- who asks -- */

static bool read_form(struct request *r, const char *octets, size_t len)
{
	xmlNodePtr root;

	if (xml_refuse(octets, len, 8) != NULL)
		return refuse(r, 'F', "E10002", xml_refuse(octets, len, 8));
	r->doc = xmlReadMemory(octets, (int)len, NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	root = r->doc == NULL ? NULL : xmlDocGetRootElement(r->doc);
	if (root == NULL || r->doc->encoding == NULL || strcasecmp((const char *)r->doc->encoding, "GB18030") != 0 ||
	        strcmp((const char *)root->name, "BDL") != 0 || root->ns != NULL)
		return refuse(r, 'F', "E10002", "");
	r->head = bank_child(root, "Head");
	r->body = bank_child(root, "Body");
	if (r->head == NULL || r->body == NULL)
		return refuse(r, 'F', "E10002", "Head, Body");
	bank_text(r->head, "TxCode", r->tx, sizeof(r->tx));
	bank_text(r->head, "CorpNo", r->corp_no, sizeof(r->corp_no));
	bank_text(r->head, "ReqSeqNo", r->number, sizeof(r->number));
	return check_fields(r, "Head", r->head);
}

static bool check_caller(struct request *r, const char *octets, size_t len)
{
	const struct bank_options *o = r->bank->options;
	char sn[40], sign[120];
	const char *part;
	size_t n;

	bank_text(r->head, "CertSn", sn, sizeof(sn));
	if (strcmp(r->corp_no, o->corp_no) != 0 || strcmp(sn, o->customer_sn) != 0)
		return refuse(r, 'F', "E10005", "");
	part = bank_signed_part(octets, len, &n);
	bank_text(xmlDocGetRootElement(r->doc), "Sign", sign, sizeof(sign));
	if (part == NULL || !sm2_is_right(r->bank->keys.customer, part, n, sign))
		return refuse(r, 'F', "E10004", "");
	return true;
}

static bool check_head(struct request *r)
{
	char day[16], time[16], version[8];
	int64_t off_ms;

	bank_text(r->head, "ReqDate", day, sizeof(day));
	bank_text(r->head, "ReqTime", time, sizeof(time));
	if (strcmp(bank_text(r->head, "Ver", version, sizeof(version)), "1.0") != 0)
		return refuse(r, 'F', "E10003", "Ver");
	if (time_of(day, time) < 0)
		return refuse(r, 'F', "E10003", "ReqTime");
	off_ms = time_of(day, time) - r->now_ms;
	if (off_ms > BANK_WINDOW_S * 1000 || off_ms < -(BANK_WINDOW_S + 1) * 1000)
		return refuse(r, 'F', "E10007", "");
	if (strlen(r->number) != 20 || time_of((char[9]){ r->number[0], r->number[1], r->number[2], r->number[3],
	                                               r->number[4], r->number[5], r->number[6], r->number[7] },
	                                       "000000") < 0)
		return refuse(r, 'F', "E10003", "ReqSeqNo");
	if (json_object_get(r->bank->seen, r->number) != NULL)
		return refuse(r, 'F', "E10009", "");
	json_object_set_new(r->bank->seen, r->number, json_true());
	return true;
}

/* -- transactions -- */

static void echo(struct request *r)
{
	char text[80];

	xml_put(r->out, "EchoText", field(r, "EchoText", text, sizeof(text)));
}

static void put_payout(struct request *r, const struct bank_payout *p)
{
	bool is_returned = strcmp(p->state, "06") == 0;

	xml_put(r->out, "PayRef", p->order.pay_ref);
	xml_put(r->out, "BankSeqNo", p->serial);
	xml_put(r->out, "PaySts", p->state);
	xml_put(r->out, "PayRetCode", p->code);
	xml_put(r->out, "PayRetMsg", bank_code_text(p->code));
	xml_put(r->out, "AcctDate", p->acct_date);
	xml_put(r->out, "Fee", "0.00");
	if (is_returned && strcmp(r->tx, "BD1002") == 0) {
		xml_put(r->out, "RtnDate", p->return_date);
		xml_put(r->out, "RtnBankSeqNo", p->return_serial);
		xml_put(r->out, "RtnRsn", bank_code_text(p->return_code));
	}
}

static bool check_order(struct request *r)
{
	char flag[4], check[4], biz[4];

	if (!is_one_of(r, "RcvTp", "PC") || !is_one_of(r, "BankFlg", "YN") || !is_one_of(r, "Chnl", "SBHI") ||
	        !is_one_of(r, "NmChk", "012"))
		return false;
	field(r, "BizTp", biz, sizeof(biz));
	if (strlen(biz) != 2 || biz[0] != '0' || biz[1] < '1' || biz[1] > '4')
		return refuse(r, 'F', "E10003", "BizTp");
	if (*field(r, "BankFlg", flag, sizeof(flag)) == 'N' && (!need(r, "RcvBankNo") || !need(r, "RcvBankNm")))
		return false;
	return *field(r, "NmChk", check, sizeof(check)) != '2' || (need(r, "RcvIdTp") && need(r, "RcvIdNo"));
}

static void pay_one(struct request *r)
{
	struct bank_order o = { .face = BANK_LINK };
	struct bank_verdict v;
	char text[24];

	if (!check_order(r))
		return;
	field(r, "PayRef", o.pay_ref, sizeof(o.pay_ref));
	field(r, "PayAcct", o.payer, sizeof(o.payer));
	field(r, "PayAcctNm", o.payer_name, sizeof(o.payer_name));
	field(r, "RcvAcct", o.payee, sizeof(o.payee));
	field(r, "RcvAcctNm", o.payee_name, sizeof(o.payee_name));
	field(r, "RcvBankNo", o.payee_bank, sizeof(o.payee_bank));
	field(r, "Ccy", o.ccy, sizeof(o.ccy));
	field(r, "Usage", o.usage, sizeof(o.usage));
	field(r, "ExpDate", o.due, sizeof(o.due));
	o.checks_name = *field(r, "NmChk", text, sizeof(text)) != '0';
	bank_amount_read(field(r, "Amt", text, sizeof(text)), &o.amount_fen);
	bank_order_take(r->bank->book, &o, r->now_ms, &v);
	r->act = v.act;
	if (v.payout != NULL && v.type != 'F')
		put_payout(r, v.payout);
	refuse(r, v.type, v.code, "");
}

static void what_of_one(struct request *r)
{
	char ref[40];
	const struct bank_payout *p = bank_payout_find(r->bank->book, field(r, "OrgPayRef", ref, sizeof(ref)));

	if (p == NULL)
		refuse(r, 'F', "E20404", "");
	else
		put_payout(r, p);
}

static void cancel(struct request *r)
{
	char ref[40];
	const char *code = bank_payout_cancel(r->bank->book, field(r, "OrgPayRef", ref, sizeof(ref)));

	if (code != NULL) {
		refuse(r, 'F', code, "");
		return;
	}
	xml_put(r->out, "PayRef", ref);
	xml_put(r->out, "PaySts", "08");
}

static void put_batch(struct request *r, const struct bank_batch *b)
{
	char bad[8];

	text_format(bad, sizeof(bad), "%06u", b->bad_line);
	xml_put(r->out, "BatchNo", b->no);
	xml_put(r->out, "BatchSts", b->status);
	xml_put(r->out, "BatchRetCode", b->code);
	xml_put(r->out, "BatchRetMsg", bank_code_text(b->code));
	xml_put(r->out, "BadLine", b->bad_line == 0 ? "" : bad);
}

/* What the message says of its file against the file; NULL: it fits. */
static const char *check_file(struct request *r, const char *octets, size_t len)
{
	char digest[65], text[80];

	sm3_hex(octets, len, digest);
	if (strcmp(field(r, "FileSm3", text, sizeof(text)), digest) != 0)
		return "E20501";
	return strtoul(field(r, "FileLen", text, sizeof(text)), NULL, 10) == len ? NULL : "E20502";
}

static void take_batch(struct request *r)
{
	xmlNodePtr node = bank_child(r->body, "Content");
	xmlChar *text = node == NULL ? NULL : xmlNodeGetContent(node);
	const struct bank_batch *b;
	unsigned char *octets;
	char name[80], mode[4];
	const char *wrong, *code;
	size_t len = 0;

	octets = text == NULL ? NULL : base64_octets((const char *)text, &len);
	xmlFree(text);
	if (octets == NULL || *field(r, "Mode", mode, sizeof(mode)) != 'I') {
		free(octets);
		refuse(r, 'F', "E10003", octets == NULL ? "Content" : "Mode");
		return;
	}
	wrong = check_file(r, (const char *)octets, len);
	if (wrong != NULL) {
		refuse(r, 'F', wrong, "");
	} else {
		b = bank_batch_take(r->bank->batches, r->bank->book, r->corp_no,
		        field(r, "FileName", name, sizeof(name)), (const char *)octets, len, r->now_ms, &code);
		if (strcmp(code, "000000") == 0 || strcmp(code, "E20409") == 0)
			put_batch(r, b);
		refuse(r, strcmp(code, "E20504") == 0 ? 'F' : 'S', code, "");
	}
	free(octets);
}

static struct bank_batch *asked_batch(struct request *r)
{
	char no[8], date[12];
	struct bank_batch *b = bank_batch_find(r->bank->batches, r->bank->book, field(r, "BatchNo", no, sizeof(no)),
	        field(r, "BatchDate", date, sizeof(date)));

	if (b == NULL)
		refuse(r, 'F', "E20404", "");
	return b;
}

static void what_of_batch(struct request *r)
{
	static const char *const counts[] = { "OkCnt", "FailCnt", "OpenCnt" }, *const sums[] = { "OkAmt", "FailAmt",
		"OpenAmt" };
	const struct bank_batch *b = asked_batch(r);
	char text[24];

	if (b == NULL)
		return;
	put_batch(r, b);
	for (int i = 0; i < 3 && strcmp(b->status, "05") != 0; i++) {
		text_format(text, sizeof(text), "%lld", (long long)b->n[i]);
		xml_put(r->out, counts[i], text);
		xml_put_fen(r->out, sums[i], b->fen[i]);
	}
}

static void fetch_result(struct request *r)
{
	const struct bank_batch *b = asked_batch(r);
	char *octets, *base64, name[65], digest[65], text[24];
	size_t len;

	if (b == NULL)
		return;
	octets = bank_batch_result(r->bank->batches, r->bank->book, b, r->corp_no, &len);
	if (octets == NULL) {
		refuse(r, 'F', "E20404", "");
		return;
	}
	base64 = base64_text(octets, len);
	sm3_hex(octets, len, digest);
	text_format(text, sizeof(text), "%zu", len);
	bank_batch_result_name(b, r->corp_no, 1, name);
	xml_put(r->out, "FileName", name);
	xml_put(r->out, "FileLen", text);
	xml_put(r->out, "FileSm3", digest);
	xml_put(r->out, "Content", base64);
	free(base64);
	free(octets);
}

static struct bank_account *asked_account(struct request *r)
{
	char no[40];
	struct bank_account *a = bank_account_find(r->bank->book, field(r, "AcctNo", no, sizeof(no)));

	if (a == NULL || !a->is_customer)
		refuse(r, 'F', "E20002", "");
	return a != NULL && a->is_customer ? a : NULL;
}

static void balance(struct request *r)
{
	const struct bank_account *a = asked_account(r);
	char as_of[18];

	if (a == NULL)
		return;
	time_digits(r->now_ms, as_of);
	as_of[14] = '\0';
	xml_put(r->out, "AcctNo", a->no);
	xml_put_fen(r->out, "Bal", a->balance_fen);
	xml_put_fen(r->out, "AvailBal", a->balance_fen);
	xml_put(r->out, "Ccy", "CNY");
	xml_put(r->out, "AsOf", as_of);
}

static void put_entry(struct request *r, const struct bank_entry *e)
{
	fputs("<Rec>", r->out);
	xml_put(r->out, "BankSeqNo", e->serial);
	xml_put(r->out, "TrnDate", e->date);
	xml_put(r->out, "TrnTime", e->time);
	xml_put(r->out, "DcFlg", e->is_credit ? "C" : "D");
	xml_put_fen(r->out, "Amt", e->fen);
	xml_put_fen(r->out, "Bal", e->balance_fen);
	xml_put(r->out, "OppAcct", e->opposite);
	xml_put(r->out, "OppNm", e->opposite_name);
	xml_put(r->out, "OppBankNo", e->opposite_bank);
	xml_put(r->out, "PayRef", e->pay_ref);
	xml_put(r->out, "Usage", e->usage);
	xml_put(r->out, "RevFlg", (char[2]){ e->rev_flag, '\0' });
	xml_put(r->out, "OrgBankSeqNo", e->org_serial);
	fputs("</Rec>", r->out);
}

struct page {
	char begin[12], end[12], mark[80];
	size_t no, size, until; /* until: entries that the first page knew */
	size_t n;               /* entries of the days */
	int64_t open_fen, close_fen;
};

static bool read_page(struct request *r, struct page *p)
{
	char text[16];
	unsigned long long until = bank_n_entries(r->bank->book);

	field(r, "BgnDate", p->begin, sizeof(p->begin));
	field(r, "EndDate", p->end, sizeof(p->end));
	p->no = strtoul(field(r, "PageNo", text, sizeof(text)), NULL, 10);
	p->size = strtoul(field(r, "PageSize", text, sizeof(text)), NULL, 10);
	if (p->no == 0 || p->size == 0 || p->size > BANK_PAGE_MAX)
		return refuse(r, 'F', "E10003", p->no == 0 ? "PageNo" : "PageSize");
	if (time_of(p->end, "000000") - time_of(p->begin, "000000") > INT64_C(30) * 86400000 ||
	        strcmp(p->end, p->begin) < 0)
		return refuse(r, 'F', "E10003", "EndDate");
	field(r, "PosStr", p->mark, sizeof(p->mark));
	if (p->no > 1 && (sscanf(p->mark, "E%llu", &until) != 1 || until > bank_n_entries(r->bank->book)))
		return refuse(r, 'F', "E10003", "PosStr");
	p->until = (size_t)until;
	text_format(p->mark, sizeof(p->mark), "E%zu", p->until);
	return true;
}

/* Balances and number of the entries of those days; the balance before the first entry is what the last leaves. */
static void measure(const struct request *r, const struct bank_account *a, struct page *p)
{
	p->open_fen = a->balance_fen;
	for (size_t i = 0; i < bank_n_entries(r->bank->book); i++) {
		const struct bank_entry *e = bank_entry(r->bank->book, i);

		if (strcmp(e->account, a->no) == 0)
			p->open_fen -= e->is_credit ? e->fen : -e->fen;
	}
	p->close_fen = p->open_fen;
	for (size_t i = 0; i < p->until; i++) {
		const struct bank_entry *e = bank_entry(r->bank->book, i);

		if (strcmp(e->account, a->no) != 0 || strcmp(e->date, p->end) > 0)
			continue;
		p->close_fen += e->is_credit ? e->fen : -e->fen;
		if (strcmp(e->date, p->begin) < 0)
			p->open_fen = p->close_fen;
		else
			p->n++;
	}
}

static void put_page_head(struct request *r, const struct bank_account *a, const struct page *p)
{
	char text[24];
	size_t n_pages = p->n == 0 ? 1 : (p->n + p->size - 1) / p->size;

	xml_put(r->out, "AcctNo", a->no);
	xml_put(r->out, "BgnDate", p->begin);
	xml_put(r->out, "EndDate", p->end);
	text_format(text, sizeof(text), "%zu", p->no);
	xml_put(r->out, "PageNo", text);
	text_format(text, sizeof(text), "%zu", n_pages);
	xml_put(r->out, "PageCnt", text);
	xml_put(r->out, "PosStr", n_pages > 1 ? p->mark : "");
	text_format(text, sizeof(text), "%zu", p->n);
	xml_put(r->out, "TotalRec", text);
	xml_put_fen(r->out, "OpenBal", p->open_fen);
	xml_put_fen(r->out, "CloseBal", p->close_fen);
}

static void entries(struct request *r)
{
	const struct bank_account *a = asked_account(r);
	struct page p = { .n = 0 };
	size_t at = 0;

	if (a == NULL || !read_page(r, &p))
		return;
	measure(r, a, &p);
	put_page_head(r, a, &p);
	for (size_t i = 0; i < p.until; i++) {
		const struct bank_entry *e = bank_entry(r->bank->book, i);

		if (strcmp(e->account, a->no) != 0 || strcmp(e->date, p.begin) < 0 || strcmp(e->date, p.end) > 0)
			continue;
		if (at / p.size == p.no - 1)
			put_entry(r, e);
		at++;
	}
}

static void put_return(struct request *r, const struct bank_payout *p)
{
	fputs("<Rtn>", r->out);
	xml_put(r->out, "PayRef", p->order.pay_ref);
	xml_put(r->out, "OrgBankSeqNo", p->serial);
	xml_put(r->out, "RtnBankSeqNo", p->return_serial);
	xml_put(r->out, "RtnDate", p->return_date);
	xml_put(r->out, "RtnTime", p->return_time);
	xml_put_fen(r->out, "Amt", p->order.amount_fen);
	xml_put(r->out, "RtnCode", p->return_code);
	xml_put(r->out, "RtnRsn", bank_code_text(p->return_code));
	fputs("</Rtn>", r->out);
}

static void returns(struct request *r)
{
	const struct bank_account *a = asked_account(r);
	unsigned long long from = 0;
	char mark[32];
	bool is_today;

	if (a == NULL)
		return;
	is_today = *field(r, "SinceMark", mark, sizeof(mark)) == '\0';
	if (!is_today && sscanf(mark, "R%llu", &from) != 1) {
		refuse(r, 'F', "E10003", "SinceMark");
		return;
	}
	text_format(mark, sizeof(mark), "R%zu", bank_n_returns(r->bank->book));
	xml_put(r->out, "NextMark", mark);
	for (size_t i = (size_t)from; i < bank_n_returns(r->bank->book); i++) {
		const struct bank_payout *p = bank_return(r->bank->book, i);

		if (strcmp(p->order.payer, a->no) == 0 &&
		        (!is_today || strcmp(p->return_date, bank_day(r->bank->book)) == 0))
			put_return(r, p);
	}
}

static void check_name(struct request *r)
{
	char no[40], name[500];
	int result = bank_name_check(
	        r->bank->book, field(r, "RcvAcct", no, sizeof(no)), field(r, "RcvAcctNm", name, sizeof(name)));

	xml_put(r->out, "ChkRes", (char[2]){ (char)('0' + result), '\0' });
}

static const struct {
	const char *tx;
	void (*run)(struct request *r);
} transactions[] = {
	{ "BD0001", echo },
	{ "BD1001", pay_one },
	{ "BD1002", what_of_one },
	{ "BD1003", cancel },
	{ "BD2001", take_batch },
	{ "BD2002", what_of_batch },
	{ "BD2003", fetch_result },
	{ "BD3001", balance },
	{ "BD3002", entries },
	{ "BD4001", returns },
	{ "BD4002", check_name },
};

static void run(struct request *r, const char *refusal)
{
	for (size_t i = 0; i < sizeof(transactions) / sizeof(*transactions); i++) {
		if (strcmp(transactions[i].tx, r->tx) != 0)
			continue;
		if (refusal != NULL)
			refuse(r, strcmp(refusal, "E30002") == 0 || *refusal == 'U' || refusal[1] == '9' ? 'U' : 'F',
			        refusal, "");
		else if (check_fields(r, r->tx, r->body))
			transactions[i].run(r);
		return;
	}
	refuse(r, 'F', "E10006", "");
}

/* -- the answer -- */

static char *head_text(struct request *r, const char *body)
{
	char *text, number[25], day[9], time[7], type[2] = { r->type, '\0' };
	size_t n;
	FILE *out = open_memstream(&text, &n);

	bank_stamp(r->now_ms, day, time);
	text_format(number, sizeof(number), "BR%s%010llu", day, (unsigned long long)++r->bank->serial);
	fputs("<Head>", out);
	xml_put(out, "TxCode", *r->tx == '\0' ? "BD0000" : r->tx);
	xml_put(out, "Ver", "1.0");
	xml_put(out, "CorpNo", *r->corp_no == '\0' ? "0" : r->corp_no);
	xml_put(out, "ReqSeqNo", r->number);
	xml_put(out, "RspSeqNo", number);
	xml_put(out, "RspDate", day);
	xml_put(out, "RspTime", time);
	xml_put(out, "CertSn", r->bank->options->cert_sn);
	xml_put(out, "RetType", type);
	xml_put(out, "RetCode", r->code);
	xml_put(out, "RetMsg", r->message);
	fprintf(out, "</Head><Body>%s</Body>", body);
	fclose(out);
	return text;
}

static void write_answer(struct request *r, const char *body, struct bank_answer *answer)
{
	char *text = head_text(r, body), *part, *sign;
	size_t n;
	FILE *out = open_memstream(&answer->octets, &answer->len);

	part = text_to_gb18030(text, &n);
	sign = sm2_sign(r->bank->keys.own, part, n);
	if (r->act == BANK_SIGNS_WRONG)
		sign[0] = sign[0] == 'A' ? 'B' : 'A';
	fputs("<?xml version=\"1.0\" encoding=\"GB18030\"?><BDL>", out);
	fwrite(part, 1, n, out);
	fprintf(out, "<Sign>%s</Sign></BDL>", sign);
	fclose(out);
	answer->act = r->act;
	free(text);
	free(part);
	free(sign);
}

void bank_link_handle(struct bank *bank, const char *octets, size_t len, const char *refusal, int64_t now_ms,
        struct bank_answer *answer)
{
	struct request r = { .bank = bank, .now_ms = now_ms + bank->clock_offset_ms, .type = 'S', .code = "000000" };
	char *body;
	size_t n;

	text_format(r.message, sizeof(r.message), "%s", bank_code_text("000000"));
	r.out = open_memstream(&body, &n);
	if (read_form(&r, octets, len) && check_caller(&r, octets, len) && check_head(&r))
		run(&r, refusal);
	fclose(r.out);
	bank->n_refused += r.type == 'F';
	write_answer(&r, r.type == 'F' ? "" : body, answer);
	free(body);
	xmlFreeDoc(r.doc);
}
