/* tests/test_sandbox_bank.c - the simulated bank: what it takes, pays, gives back and tells (sandbox/bank.h).
 *
 * Messages are composed and signed as the profiles say and given to bank_link_handle(), bank_iso_handle() and
 * bank_batch_take() with a clock of the test's own; frames go to a server on a free port. */
#include "bank.h"
#include "frames.h"
#include "hub.h"
#include "sm2.h"
#include "text.h"

#include <arpa/inet.h>
#include <libxml/parser.h>
#include <libxml/xmlschemas.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define FACTS "../shared/formats/"
#define NOW INT64_C(1795137330000) /* 2026-11-20 09:15:30 +08:00, the composed sample's */
#define REF "MA20261120000000000002"
#define FUND "3999020001000000018"
#define PAYEE "6299993302000003039"

static struct desk {
	struct bank_options options;
	struct bank bank;
	EVP_PKEY *customer; /* private */
	struct bank_answer answer;
	xmlDocPtr told;
	int64_t now_ms;
	unsigned n_requests;
} desk;

static int desk_open(void **state)
{
	desk = (struct desk){ .now_ms = NOW };
	desk.options = (struct bank_options){ .corp_no = "3302990001",
		.customer_sn = "5A0001",
		.cert_sn = "5B0001",
		.fund_account = FUND,
		.fund_name = "宁波市医疗保障基金支出户（示例）",
		.fund_fen = 100000000,
		.settle_ms = 2000,
		.return_ms = 3000,
		.fee_fen = 1500 };
	desk.customer = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
	desk.bank = (struct bank){ .options = &desk.options,
		.keys = { EVP_PKEY_Q_keygen(NULL, NULL, "SM2"), EVP_PKEY_dup(desk.customer) },
		.book = bank_book_new(&desk.options, NOW),
		.batches = bank_batches_new(),
		.seen = json_object(),
		.messages = json_object() };
	return 0;
}

static int desk_close(void **state)
{
	xmlFreeDoc(desk.told);
	free(desk.answer.octets);
	EVP_PKEY_free(desk.customer);
	bank_end(&desk.bank);
	return 0;
}

static void hear(void)
{
	xmlFreeDoc(desk.told);
	desk.told = xmlReadMemory(desk.answer.octets, (int)desk.answer.len, NULL, NULL, XML_PARSE_NONET);
	assert_non_null(desk.told);
}

static void give(const char *octets, size_t len)
{
	free(desk.answer.octets);
	desk.answer = (struct bank_answer){ .act = BANK_ANSWERS };
	bank_link_handle(&desk.bank, octets, len, NULL, desk.now_ms, &desk.answer);
	hear();
}

/* What a request may have that it should not; NULL: as it must be. */
struct odd {
	const char *tx, *corp_no, *number, *time, *sn, *before; /* before: in front of <Head> */
	bool is_signed_wrong;
};

static void ask_odd(const char *tx, const char *body, const struct odd *odd)
{
	char head[500], number[24], day[9], time[7], *part, *sign, *whole;
	size_t n, len;
	FILE *out;

	bank_stamp(desk.now_ms, day, time);
	text_format(number, sizeof(number), "%s%012u", day, ++desk.n_requests);
	text_format(head, sizeof(head),
	        "<Head><TxCode>%s</TxCode><Ver>1.0</Ver><CorpNo>%s</CorpNo><OpNo>OP000001</OpNo><ReqSeqNo>%s</ReqSeqNo>"
	        "<ReqDate>%s</ReqDate><ReqTime>%s</ReqTime><CertSn>%s</CertSn></Head><Body>",
	        odd->tx != NULL ? odd->tx : tx, odd->corp_no != NULL ? odd->corp_no : "3302990001",
	        odd->number != NULL ? odd->number : number, day, odd->time != NULL ? odd->time : time,
	        odd->sn != NULL ? odd->sn : "5A0001");
	out = open_memstream(&whole, &n);
	fprintf(out, "%s%s</Body>", head, body);
	fclose(out);
	part = text_to_gb18030(whole, &len);
	free(whole);
	sign = sm2_sign(desk.customer, part, odd->is_signed_wrong ? len - 1 : len);
	out = open_memstream(&whole, &n);
	fprintf(out, "<?xml version=\"1.0\" encoding=\"GB18030\"?><BDL>%s", odd->before != NULL ? odd->before : "");
	fwrite(part, 1, len, out);
	fprintf(out, "<Sign>%s</Sign></BDL>", sign);
	fclose(out);
	give(whole, n);
	free(whole);
	free(part);
	free(sign);
}

static void ask(const char *tx, const char *body)
{
	static const struct odd usual = { NULL };

	ask_odd(tx, body, &usual);
}

static const char *told(const char *path)
{
	static char text[500];

	return bank_text(xmlDocGetRootElement(desk.told), path, text, sizeof(text));
}

static void order_of(const char *ref, const char *payee, const char *name, const char *amount, const char *more)
{
	char body[1500];

	text_format(body, sizeof(body),
	        "<PayRef>%s</PayRef><PayAcct>" FUND "</PayAcct><PayAcctNm>宁波市医疗保障基金支出户（示例）</PayAcctNm>"
	        "<RcvAcct>%s</RcvAcct><RcvAcctNm>%s</RcvAcctNm><RcvTp>P</RcvTp><RcvBankNo>105332099046</RcvBankNo>"
	        "<RcvBankNm>示例建设银行宁波分行</RcvBankNm><BankFlg>N</BankFlg><Ccy>CNY</Ccy><Amt>%s</Amt><BizTp>02</BizTp>"
	        "<Chnl>S</Chnl><NmChk>1</NmChk>%s<Usage>生育津贴</Usage>",
	        ref, payee, name, amount, more);
	ask("BD1001", body);
}

static void pay(const char *ref, const char *amount)
{
	order_of(ref, PAYEE, "陈晐", amount, "");
}

static const char *state_of(const char *ref)
{
	char body[200];

	text_format(body, sizeof(body), "<OrgPayRef>%s</OrgPayRef><OrgReqDate>20261120</OrgReqDate>", ref);
	bank_book_advance(desk.bank.book, desk.now_ms);
	ask("BD1002", body);
	return told(strcmp(told("Head/RetType"), "S") == 0 ? "Body/PaySts" : "Head/RetCode");
}

static int64_t balance_of(const char *account)
{
	const struct bank_account *a = bank_account_find(desk.bank.book, account);

	return a == NULL ? 0 : a->balance_fen;
}

static int64_t in_ledger(const char *member)
{
	json_t *tree = bank_ledger(desk.bank.book), *value = json_object_get(tree, member);
	int64_t n = json_is_array(value) ? (int64_t)json_array_size(value) : (int64_t)json_integer_value(value);

	json_decref(tree);
	return n;
}

static char *fact(const char *name, size_t *len)
{
	char path[200];

	text_format(path, sizeof(path), FACTS "%s", name);
	if (access(path, R_OK) == 0)
		return file_read(path, len);
	print_message("%s is not there\n", path);
	skip();
	return NULL;
}

/* -- the direct link -- */

static void the_composed_order_is_paid(void **state)
{
	size_t len;
	char *octets = fact("samples/composed/bdl_1001_req.bin", &len);

	EVP_PKEY_free(desk.bank.keys.customer);
	desk.bank.keys.customer = sm2_key_read(FACTS "samples/composed/test_gateway_sm2_pub.pem", false);
	give(octets + 8, len - 8);
	assert_string_equal(told("Head/RetCode"), "000000");
	assert_string_equal(told("Body/PaySts"), "04");
	assert_int_equal(balance_of(PAYEE), 2146350);
	give(octets + 8, len - 8);
	assert_string_equal(told("Head/RetCode"), "E10009");
	octets[len - 200]++;
	give(octets + 8, len - 8);
	assert_string_equal(told("Head/RetCode"), "E10004");
	free(octets);
}

static void an_answer_is_signed_and_names_its_request(void **state)
{
	const char *part;
	size_t n;

	pay(REF, "100.00");
	part = bank_signed_part(desk.answer.octets, desk.answer.len, &n);
	assert_non_null(part);
	assert_true(sm2_is_right(desk.bank.keys.own, part, n, told("Sign")));
	assert_string_equal(told("Head/ReqSeqNo"), "20261120000000000001");
	assert_string_equal(told("Head/CertSn"), "5B0001");
	assert_string_equal(told("Head/RspTime"), "091530");
}

static const struct head_case {
	const char *it; /* completes "a request ..." */
	struct odd odd;
	const char *code;
} head_cases[] = {
	{ "of another customer is E10005", { .corp_no = "3302990002" }, "E10005" },
	{ "by another certificate is E10005", { .sn = "5A0002" }, "E10005" },
	{ "with a wrong signature is E10004", { .is_signed_wrong = true }, "E10004" },
	{ "302 s old is E10007", { .time = "091028" }, "E10007" },
	{ "302 s ahead is E10007", { .time = "092032" }, "E10007" },
	{ "299 s old is answered", { .time = "091031" }, "000000" },
	{ "of an unknown transaction is E10006", { .tx = "BD9999" }, "E10006" },
	{ "with a number of no day is E10003", { .number = "20261320000000000001" }, "E10003" },
	{ "with a comment is E10002", { .before = "<!-- -->" }, "E10002" },
};

static void test_head(void **state)
{
	const struct head_case *row = *state;

	desk_open(NULL);
	ask_odd("BD0001", "<EchoText>abc</EchoText>", &row->odd);
	assert_string_equal(told("Head/RetCode"), row->code);
	desk_close(NULL);
}

/* bank.md 8: what is told at once, what a question finds then, and what in the end; whose money it is at last. */
static const struct amount_case {
	const char *it; /* completes "an amount that ends in ..." */
	const char *amount;
	enum bank_act act;
	const char *code, *then, *at_last;
	int64_t paid_fen;
} amount_cases[] = {
	{ "89 is paid at once", "10.89", BANK_ANSWERS, "000000", "04", "04", 1089 },
	{ "90 is taken and paid", "10.90", BANK_ANSWERS, "000000", "01", "04", 1090 },
	{ "91 fails by its name", "10.91", BANK_ANSWERS, "000000", "05", "05", 0 },
	{ "92 fails by its account", "10.92", BANK_ANSWERS, "E20004", "05", "05", 0 },
	{ "93 is paid and comes back", "10.93", BANK_ANSWERS, "000000", "04", "06", 0 },
	{ "94 is paid in silence", "10.94", BANK_SILENT, "000000", "04", "04", 1094 },
	{ "95 is not taken, in silence", "10.95", BANK_SILENT, "E30001", "E20404", "E20404", 0 },
	{ "96 is paid, the answer cut", "10.96", BANK_CUTS, "000000", "04", "04", 1096 },
	{ "97 is paid, the answer badly signed", "10.97", BANK_SIGNS_WRONG, "000000", "04", "04", 1097 },
	{ "98 is unknown and fails", "10.98", BANK_ANSWERS, "E30002", "07", "05", 0 },
	{ "99 is not taken", "10.99", BANK_ANSWERS, "E30001", "E20404", "E20404", 0 },
};

static void test_amount(void **state)
{
	const struct amount_case *row = *state;

	desk_open(NULL);
	pay(REF, row->amount);
	assert_int_equal(desk.answer.act, row->act);
	assert_string_equal(told("Head/RetCode"), row->code);
	assert_string_equal(state_of(REF), row->then);
	desk.now_ms += 1999;
	assert_string_equal(state_of(REF), row->then);
	desk.now_ms += 1001;
	assert_string_equal(state_of(REF), row->at_last);
	assert_int_equal(balance_of(PAYEE), row->paid_fen);
	assert_int_equal(balance_of(FUND), 100000000 - row->paid_fen);
	assert_int_equal(in_ledger("double_bookings"), 0);
	desk_close(NULL);
}

static void the_same_order_again_has_the_first_result(void **state)
{
	pay(REF, "100.00");
	pay(REF, "100.00");
	assert_string_equal(told("Head/RetType"), "S");
	assert_string_equal(told("Head/RetCode"), "E20409");
	assert_string_equal(told("Body/PaySts"), "04");
	assert_int_equal(balance_of(PAYEE), 10000);
	assert_int_equal(in_ledger("repeats"), 1);
	assert_int_equal(in_ledger("conflicts"), 0);
}

static void another_order_under_one_number_is_an_error_of_the_ledger(void **state)
{
	pay(REF, "100.00");
	pay(REF, "100.01");
	assert_string_equal(told("Head/RetType"), "F");
	assert_string_equal(told("Head/RetCode"), "E20410");
	order_of(REF, "6299993302000005059", "陈晐", "100.00", "");
	assert_string_equal(told("Head/RetCode"), "E20410");
	assert_int_equal(in_ledger("conflicts"), 2);
	assert_int_equal(balance_of(PAYEE), 10000);
	assert_int_equal(balance_of("6299993302000005059"), 0);
}

static void what_was_not_taken_is_paid_when_it_comes_again(void **state)
{
	pay(REF, "10.95");
	assert_string_equal(state_of(REF), "E20404");
	pay(REF, "10.95");
	assert_int_equal(desk.answer.act, BANK_ANSWERS);
	assert_string_equal(told("Body/PaySts"), "04");
	pay("MA20261120000000000003", "10.99");
	pay("MA20261120000000000003", "10.99");
	assert_string_equal(told("Body/PaySts"), "04");
}

static void a_bank_that_forgets_is_found_out(void **state)
{
	bank_forget_orders(desk.bank.book, true);
	pay(REF, "100.00");
	pay(REF, "100.00");
	assert_int_equal(balance_of(PAYEE), 20000);
	assert_int_equal(in_ledger("double_bookings"), 1);
}

static const struct order_case {
	const char *it; /* completes "an order ..." */
	const char *payee, *name, *amount, *more;
	const char *code;
} order_cases[] = {
	{ "to a closed account is E20004", "6299990000000000001", "陈晐", "1.00", "", "E20004" },
	{ "to another's account is E20005", "6299990000000000002", "陈晓", "1.00", "", "E20005" },
	{ "to the name in full-width forms is paid", "6299990000000000002", "陈　晐（Ａ）", "1.00", "", "000000" },
	{ "of more than there is is E20001", PAYEE, "陈晐", "1000000.01", "", "E20001" },
	{ "of 1.5 is E10003", PAYEE, "陈晐", "1.5", "", "E10003" },
	{ "of 01.50 is E10003", PAYEE, "陈晐", "01.50", "", "E10003" },
	{ "of nothing is E10003", PAYEE, "陈晐", "0.00", "", "E10003" },
	{ "without a name is E10003", PAYEE, "", "1.00", "", "E10003" },
	{ "of a name of 36 characters is E10003", PAYEE,
	        "陈陈陈陈陈陈陈陈陈陈陈陈陈陈陈陈陈陈陈陈陈陈陈陈陈陈陈陈陈陈陈陈陈陈陈陈", "1.00", "", "E10003" },
	{ "for a day of no calendar is E10003", PAYEE, "陈晐", "1.00", "<ExpDate>20261340</ExpDate>", "E10003" },
};

static void test_order(void **state)
{
	const struct order_case *row = *state;

	desk_open(NULL);
	bank_account_set(desk.bank.book, "6299990000000000001", "陈晐", 0, false)->is_closed = true;
	bank_account_set(desk.bank.book, "6299990000000000002", "陈晐(A)", 0, false);
	order_of(REF, row->payee, row->name, row->amount, row->more);
	assert_string_equal(told("Head/RetCode"), row->code);
	desk_close(NULL);
}

static size_t n_changed(void)
{
	json_t *tree = bank_changes(desk.bank.book);
	size_t n = json_array_size(json_object_get(tree, "payouts"));

	json_decref(tree);
	return n;
}

static void what_changed_is_told_once(void **state)
{
	order_of(REF, PAYEE, "陈晐", "10.00", "<ExpDate>20261121</ExpDate>");
	order_of("MA20261120000000000003", PAYEE, "陈晐", "20.00", "<ExpDate>20261121</ExpDate>");
	assert_int_equal(n_changed(), 2);
	assert_int_equal(n_changed(), 0);
	ask("BD1003", "<OrgPayRef>" REF "</OrgPayRef>");
	assert_int_equal(n_changed(), 1);
	assert_int_equal(n_changed(), 0);
}

static void an_order_for_tomorrow_waits_and_can_be_cancelled(void **state)
{
	order_of(REF, PAYEE, "陈晐", "10.00", "<ExpDate>20261121</ExpDate>");
	order_of("MA20261120000000000003", PAYEE, "陈晐", "20.00", "<ExpDate>20261121</ExpDate>");
	assert_string_equal(state_of(REF), "01");
	ask("BD1003", "<OrgPayRef>" REF "</OrgPayRef>");
	assert_string_equal(told("Body/PaySts"), "08");
	bank_day_end(desk.bank.book, desk.now_ms, false, false, false);
	assert_string_equal(state_of(REF), "08");
	assert_string_equal(state_of("MA20261120000000000003"), "04");
	assert_string_equal(told("Body/AcctDate"), "20261121");
	ask("BD1003", "<OrgPayRef>MA20261120000000000003</OrgPayRef>");
	assert_string_equal(told("Head/RetCode"), "E20411");
	assert_int_equal(balance_of(PAYEE), 2000);
}

static int64_t told_fen(const char *path)
{
	int64_t fen = -1;

	assert_int_equal(fen_parse(told(path), &fen), 0);
	return fen;
}

static void pages_of_entries_fit_together(void **state)
{
	int64_t fen;
	char mark[80], body[300];

	pay("MA20261120000000000003", "10.00");
	pay("MA20261120000000000004", "20.93");
	pay("MA20261120000000000005", "30.00");
	desk.now_ms += 3000;
	bank_book_advance(desk.bank.book, desk.now_ms);
	ask("BD3002",
	        "<AcctNo>" FUND "</AcctNo><BgnDate>20261120</BgnDate><EndDate>20261120</EndDate><PageNo>1</PageNo>"
	        "<PageSize>3</PageSize><PosStr></PosStr>");
	assert_string_equal(told("Body/TotalRec"), "4");
	assert_string_equal(told("Body/PageCnt"), "2");
	assert_int_equal(told_fen("Body/OpenBal"), 100000000);
	fen = told_fen("Body/CloseBal");
	assert_int_equal(fen, balance_of(FUND));
	text_format(mark, sizeof(mark), "%s", told("Body/PosStr"));
	pay("MA20261120000000000006", "40.00"); /* the pages stay as they were */
	text_format(body, sizeof(body),
	        "<AcctNo>" FUND "</AcctNo><BgnDate>20261120</BgnDate><EndDate>20261120</EndDate><PageNo>2</PageNo>"
	        "<PageSize>3</PageSize><PosStr>%s</PosStr>",
	        mark);
	ask("BD3002", body);
	assert_string_equal(told("Body/TotalRec"), "4");
	assert_string_equal(told("Body/Rec/PayRef"), "MA20261120000000000004");
	assert_string_equal(told("Body/Rec/RevFlg"), "2");
	assert_int_equal(told_fen("Body/Rec/Bal"), fen);
	ask("BD3001", "<AcctNo>" FUND "</AcctNo>");
	assert_int_equal(told_fen("Body/Bal"), fen - 4000);
}

static void returns_are_told_since_a_mark(void **state)
{
	char mark[30], body[200];

	pay(REF, "10.00");
	assert_null(bank_payout_return(desk.bank.book, REF, "E20005", desk.now_ms));
	assert_non_null(bank_payout_return(desk.bank.book, REF, "E20005", desk.now_ms));
	ask("BD4001", "<AcctNo>" FUND "</AcctNo><SinceMark></SinceMark>");
	assert_string_equal(told("Body/Rtn/PayRef"), REF);
	assert_string_equal(told("Body/Rtn/RtnCode"), "E20005");
	text_format(mark, sizeof(mark), "%s", told("Body/NextMark"));
	text_format(body, sizeof(body), "<AcctNo>" FUND "</AcctNo><SinceMark>%s</SinceMark>", mark);
	ask("BD4001", body);
	assert_string_equal(told("Body/Rtn/PayRef"), "");
	assert_string_equal(state_of(REF), "06");
	assert_int_equal(balance_of(PAYEE), 0);
	ask("BD4002", "<RcvAcct>" PAYEE "</RcvAcct><RcvAcctNm>陈晓</RcvAcctNm>");
	assert_string_equal(told("Body/ChkRes"), "2");
}

/* -- lists -- */

/* A file of three details: payouts of these amounts, at 000007 of 20261120; more: behind the head line. */
static char *list_of(const char *const amounts[3], const char *more, size_t *len)
{
	static const char *const names[] = { "陈晐", "周㛃", "何岁安" };
	int64_t sum = 0, fen;
	char total[24], digest[65], *text, *octets, *out;
	size_t n;
	FILE *file;

	for (int i = 0; i < 3; i++, sum += fen)
		fen_parse(amounts[i], &fen);
	fen_text(sum, total);
	file = open_memstream(&text, &n);
	fprintf(file, "H|1.0|3302990001|000007|20261120|02|" FUND "|CNY|3|%s\n%s", total, more);
	for (int i = 0; i < 3; i++)
		fprintf(file,
		        "D|%06d|MA2026112000000000010%d|%s|||629999330200000900%d|105332099046|示例银行|%s|生育津贴|\n",
		        i + 1, i, names[i], i, amounts[i]);
	fclose(file);
	octets = text_to_gb18030(text, &n);
	free(text);
	sm3_hex(octets, n, digest);
	file = open_memstream(&out, len);
	fwrite(octets, 1, n, file);
	fprintf(file, "T|3|%s|%s\n", total, digest);
	fclose(file);
	free(octets);
	return out;
}

static const struct bank_batch *hand_in(const char *octets, size_t len, const char **code)
{
	return bank_batch_take(desk.bank.batches, desk.bank.book, "3302990001", "PAY_3302990001_20261120_000007.txt",
	        octets, len, desk.now_ms, code);
}

static void the_composed_list_is_paid(void **state)
{
	size_t len;
	char *octets = fact("samples/composed/bdl_2001_req.bin", &len);

	EVP_PKEY_free(desk.bank.keys.customer);
	desk.bank.keys.customer = sm2_key_read(FACTS "samples/composed/test_gateway_sm2_pub.pem", false);
	desk.now_ms += 870000; /* 09:30:00 */
	give(octets + 8, len - 8);
	assert_string_equal(told("Head/RetCode"), "000000");
	assert_string_equal(told("Body/BatchSts"), "04");
	assert_int_equal(balance_of(FUND), 100000000 - 6439050);
	assert_int_equal(balance_of("6299993307000004044"), 2092700);
	free(octets);
}

static void a_list_is_paid_line_by_line(void **state)
{
	static const char *const amounts[] = { "10.91", "20.94", "30.90" };
	size_t len, n;
	const char *code;
	char *octets = list_of(amounts, "", &len), *result;
	const struct bank_batch *b = hand_in(octets, len, &code);

	assert_string_equal(code, "000000");
	assert_string_equal(b->status, "03");
	assert_int_equal(b->n[0] * 100 + b->n[1] * 10 + b->n[2], 111);
	desk.now_ms += 2000;
	bank_book_advance(desk.bank.book, desk.now_ms);
	b = bank_batch_find(desk.bank.batches, desk.bank.book, "000007", "20261120");
	assert_string_equal(b->status, "04");
	result = bank_batch_result(desk.bank.batches, desk.bank.book, b, "3302990001", &n);
	assert_non_null(memmem(result, n, "|CNY|3|62.75|2|51.84|1|10.91|0|0.00\n", 36));
	assert_non_null(memmem(result, n, "R|000001|MA20261120000000000100|6299993302000009000|10.91|05|E20005|", 67));
	assert_non_null(memmem(result, n, "T|3|62.75|", 10));
	assert_ptr_equal(hand_in(octets, len, &code), b);
	assert_string_equal(code, "E20409");
	octets[len - 2] = octets[len - 2] == '0' ? '1' : '0';
	hand_in(octets, len, &code);
	assert_string_equal(code, "E20504");
	assert_int_equal(balance_of(FUND), 100000000 - 5184);
	free(result);
	free(octets);
}

static const struct list_case {
	const char *it; /* completes "a list ..." */
	const char *from, *to, *more;
	const char *code;
	unsigned line;
} list_cases[] = {
	{ "with another digest is refused", "T|3|60.00|", "T|3|60.01|", "", "E20502", 1 },
	{ "whose line was changed is refused", "|10.00|", "|11.00|", "", "E20501", 5 },
	{ "with a line of another kind is refused", NULL, NULL, "X|000001\n", "E20502", 1 },
	{ "of an empty line is refused", NULL, NULL, "\n", "E20503", 2 },
	{ "with a CR is refused", "CNY|3|60.00\n", "CNY|3|60.0\r\n", "", "E20503", 1 },
};

static void test_list(void **state)
{
	static const char *const amounts[] = { "10.00", "20.00", "30.00" };
	const struct list_case *row = *state;
	const char *code;
	char *octets, *at;
	size_t len;
	const struct bank_batch *b;

	desk_open(NULL);
	octets = list_of(amounts, row->more, &len);
	at = row->from == NULL ? NULL : memmem(octets, len, row->from, strlen(row->from));
	if (at != NULL)
		memcpy(at, row->to, strlen(row->to));
	b = hand_in(octets, len, &code);
	assert_string_equal(b->status, "05");
	assert_string_equal(b->code, row->code);
	assert_int_equal(b->bad_line, row->line);
	assert_int_equal(balance_of(FUND), 100000000);
	assert_null(bank_batch_result(desk.bank.batches, desk.bank.book, b, "3302990001", &len));
	free(octets);
	desk_close(NULL);
}

static void a_number_paid_before_is_not_paid_by_a_list(void **state)
{
	static const char *const amounts[] = { "10.00", "20.00", "30.00" };
	size_t len, n;
	const char *code;
	char *octets = list_of(amounts, "", &len), *result;
	const struct bank_batch *b;

	order_of("MA20261120000000000100", "6299993302000009000", "陈晐", "10.00", "");
	order_of("MA20261120000000000101", "6299993302000009001", "周㛃", "20.01", "");
	b = hand_in(octets, len, &code);
	result = bank_batch_result(desk.bank.batches, desk.bank.book, b, "3302990001", &n);
	assert_non_null(memmem(result, n, "|10.00|04|E20409|", 17));
	assert_non_null(memmem(result, n, "|20.00|05|E20410|", 17));
	assert_int_equal(balance_of(FUND), 100000000 - 1000 - 2001 - 3000);
	assert_int_equal(in_ledger("conflicts"), 1);
	free(result);
	free(octets);
}

/* -- ISO 20022 -- */

static void write_to(const char *octets, size_t len)
{
	free(desk.answer.octets);
	desk.answer = (struct bank_answer){ .act = BANK_ANSWERS };
	bank_iso_handle(&desk.bank, octets, len, desk.now_ms, &desk.answer);
	if (desk.answer.status == 200)
		hear();
}

/* Whether a document keeps to its official schema; skips where that is not there. */
static void assert_valid(const char *octets, size_t len, const char *schema)
{
	char path[200];
	xmlDocPtr doc;
	xmlSchemaParserCtxtPtr parser;
	xmlSchemaPtr xsd;
	xmlSchemaValidCtxtPtr valid;

	text_format(path, sizeof(path), FACTS "xsd/%s.xsd", schema);
	if (access(path, R_OK) != 0) {
		print_message("%s is not there\n", path);
		return;
	}
	doc = xmlReadMemory(octets, (int)len, NULL, NULL, XML_PARSE_NONET);
	parser = xmlSchemaNewParserCtxt(path);
	xsd = xmlSchemaParse(parser);
	valid = xmlSchemaNewValidCtxt(xsd);
	if (xmlSchemaValidateDoc(valid, doc) != 0)
		fail_msg("breaks %s: %s", schema, octets);
	xmlSchemaFreeValidCtxt(valid);
	xmlSchemaFree(xsd);
	xmlSchemaFreeParserCtxt(parser);
	xmlFreeDoc(doc);
}

static char *pain001(
        const char *message, const char *ref, const char *amount, bool is_batch, const char *day, size_t *len)
{
	char *text;
	FILE *out = open_memstream(&text, len);

	fprintf(out,
	        "<?xml version=\"1.0\"?><Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.001.001.09\"><CstmrCdtTrfInitn>"
	        "<GrpHdr><MsgId>%s</MsgId><NbOfTxs>1</NbOfTxs><CtrlSum>%s</CtrlSum><InitgPty><Id><OrgId><Othr>"
	        "<Id>3302990001</Id></Othr></OrgId></Id></InitgPty></GrpHdr><PmtInf><PmtInfId>PB%.20s</PmtInfId>"
	        "<BtchBookg>%s</BtchBookg><ReqdExctnDt><Dt>%s</Dt></ReqdExctnDt><Dbtr><Nm>基金</Nm></Dbtr><DbtrAcct><Id>"
	        "<Othr><Id>" FUND
	        "</Id></Othr></Id></DbtrAcct><CdtTrfTxInf><PmtId><EndToEndId>%s</EndToEndId></PmtId><Amt>"
	        "<InstdAmt Ccy=\"CNY\">%s</InstdAmt></Amt><Cdtr><Nm>陈晐</Nm></Cdtr><CdtrAcct><Id><Othr><Id>" PAYEE
	        "</Id></Othr></Id></CdtrAcct></CdtTrfTxInf></PmtInf></CstmrCdtTrfInitn></Document>",
	        message, amount, message + 2, is_batch ? "true" : "false", day, ref, amount);
	fclose(out);
	return text;
}

static void order_iso(const char *message, const char *ref, const char *amount, bool is_batch, const char *day)
{
	size_t len;
	char *octets = pain001(message, ref, amount, is_batch, day, &len);

	write_to(octets, len);
	free(octets);
}

#define REPORT "CstmrPmtStsRpt/"
#define TX REPORT "OrgnlPmtInfAndSts/TxInfAndSts/"

static void the_composed_pain001_is_paid_and_asked_for(void **state)
{
	size_t len;
	char *octets = fact("samples/composed/pain001_payout.xml", &len);
	static const char query[] =
	        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pacs.028.001.03\"><FIToFIPmtStsReq><OrgnlGrpInf>"
	        "<OrgnlMsgId>PM20261120000000000001</OrgnlMsgId></OrgnlGrpInf><TxInf><OrgnlEndToEndId>%s"
	        "</OrgnlEndToEndId></TxInf></FIToFIPmtStsReq></Document>";
	char text[600];

	write_to(octets, len);
	assert_valid(desk.answer.octets, desk.answer.len, "pain.002.001.10");
	assert_string_equal(told(REPORT "OrgnlGrpInfAndSts/OrgnlMsgId"), "PM20261120000000000001");
	assert_string_equal(told(TX "TxSts"), "ACSC");
	assert_string_equal(told(TX "OrgnlUETR"), "3f0a6c1e-5b7d-4c2a-9e11-0d4b8a7c9f21");
	assert_int_equal(balance_of("3999020002000000027"), 18620477);
	write_to(octets, len);
	assert_string_equal(told(TX "TxSts"), "ACSC");
	assert_int_equal(in_ledger("double_bookings"), 0);
	text_format(text, sizeof(text), query, "HS20261120000000000003");
	write_to(text, strlen(text));
	assert_string_equal(told(TX "TxSts"), "ACSC");
	text_format(text, sizeof(text), query, "HS20261120000000000004");
	write_to(text, strlen(text));
	assert_valid(desk.answer.octets, desk.answer.len, "pain.002.001.10");
	assert_string_equal(told(TX "TxSts"), "RJCT");
	assert_string_equal(told(TX "StsRsnInf/Rsn/Cd"), "NOOR");
	free(octets);
}

static const struct report_case {
	const char *it; /* completes "in ISO 20022 an amount that ends in ..." */
	const char *amount;
	enum bank_act act;
	unsigned status;
	const char *tx, *reason;
} report_cases[] = {
	{ "00 is ACSC", "10.00", BANK_ANSWERS, 200, "ACSC", "" },
	{ "90 is ACCP", "10.90", BANK_ANSWERS, 200, "ACCP", "" },
	{ "91 is RJCT, BE01", "10.91", BANK_ANSWERS, 200, "RJCT", "BE01" },
	{ "92 is RJCT, AC07", "10.92", BANK_ANSWERS, 200, "RJCT", "AC07" },
	{ "94 is silence", "10.94", BANK_SILENT, 200, "ACSC", "" },
	{ "96 is cut", "10.96", BANK_CUTS, 200, "ACSC", "" },
	{ "98 is PDNG, AB06", "10.98", BANK_ANSWERS, 200, "PDNG", "AB06" },
	{ "99 is 503", "10.99", BANK_ANSWERS, 503, NULL, NULL },
};

static void test_report(void **state)
{
	const struct report_case *row = *state;

	desk_open(NULL);
	order_iso("PM20261120000000000009", REF, row->amount, false, "2026-11-20");
	assert_int_equal(desk.answer.status, row->status);
	assert_int_equal(desk.answer.act, row->act);
	if (row->tx != NULL) {
		assert_string_equal(told(TX "TxSts"), row->tx);
		assert_string_equal(told(TX "StsRsnInf/Rsn/Cd"), row->reason);
		assert_valid(desk.answer.octets, desk.answer.len, "pain.002.001.10");
	}
	desk_close(NULL);
}

static void a_message_number_serves_once(void **state)
{
	order_iso("PM20261120000000000009", REF, "10.00", false, "2026-11-20");
	order_iso("PM20261120000000000009", REF, "11.00", false, "2026-11-20");
	assert_string_equal(told(REPORT "OrgnlGrpInfAndSts/GrpSts"), "RJCT");
	assert_string_equal(told(REPORT "OrgnlGrpInfAndSts/StsRsnInf/Rsn/Cd"), "DU01");
	order_iso("PM20261120000000000010", REF, "11.00", false, "2026-11-20");
	assert_string_equal(told(TX "StsRsnInf/Rsn/Cd"), "DU04");
	assert_int_equal(balance_of(PAYEE), 1000);
	assert_int_equal(in_ledger("conflicts"), 1);
}

static void a_recall_is_answered(void **state)
{
	static const char recall[] =
	        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.055.001.08\"><CstmrPmtCxlReq><Undrlyg><OrgnlPmtInfAndCxl>"
	        "<OrgnlGrpInf><OrgnlMsgId>PM20261120000000000009</OrgnlMsgId></OrgnlGrpInf><TxInf><OrgnlEndToEndId>" REF
	        "</OrgnlEndToEndId></TxInf></OrgnlPmtInfAndCxl></Undrlyg></CstmrPmtCxlReq></Document>";

	order_iso("PM20261120000000000009", REF, "10.00", false, "2026-11-21");
	assert_string_equal(told(TX "TxSts"), "ACCP");
	write_to(recall, sizeof(recall) - 1);
	assert_valid(desk.answer.octets, desk.answer.len, "camt.029.001.09");
	assert_string_equal(told("RsltnOfInvstgtn/CxlDtls/TxInfAndSts/TxCxlSts"), "ACCR");
	order_iso("PM20261120000000000010", "MA20261120000000000003", "10.00", false, "2026-11-20");
	desk.now_ms += 1000;
	bank_day_end(desk.bank.book, desk.now_ms, false, false, false);
	assert_int_equal(balance_of(PAYEE), 1000);
}

/* -- statements -- */

static char *next_statement(void)
{
	json_t *event;
	char *text = NULL;

	while (text == NULL && (event = bank_event_next(desk.bank.book)) != NULL) {
		if (strcmp(json_text(event, "kind"), "statement") == 0)
			text = bank_statement_write(&desk.bank, event, desk.now_ms);
		json_decref(event);
	}
	return text;
}

#define STMT "BkToCstmrStmt/Stmt/"

static int64_t count_of(const char *text, const char *part)
{
	int64_t n = 0;

	while ((text = strstr(text, part)) != NULL) {
		text += strlen(part);
		n++;
	}
	return n;
}

static void hear_text(char *text)
{
	free(desk.answer.octets);
	desk.answer.octets = text;
	desk.answer.len = strlen(text);
	hear();
}

static void a_day_has_its_statement(void **state)
{
	static const char *const amounts[] = { "10.00", "20.00", "30.91" };
	size_t len;
	const char *code;
	char *octets = list_of(amounts, "", &len), *text;

	hand_in(octets, len, &code);
	order_iso("PM20261120000000000009", REF, "100.93", false, "2026-11-20");
	desk.now_ms += 3000;
	bank_book_advance(desk.bank.book, desk.now_ms);
	bank_day_end(desk.bank.book, desk.now_ms, false, true, true);
	text = next_statement();
	assert_non_null(text);
	assert_valid(text, strlen(text), "camt.053.001.08");
	hear_text(text);
	assert_int_equal(count_of(text, "<Ntry>"), 4); /* the list, the payout, its return, the fee */
	assert_string_equal(told(STMT "TxsSummry/TtlNtries/NbOfNtries"), "4");
	assert_string_equal(told(STMT "Ntry/NtryDtls/Btch/NbOfTxs"), "2");
	assert_string_equal(told(STMT "Ntry/Amt"), "30.00");
	assert_string_equal(told(STMT "TxsSummry/TtlDbtNtries/Sum"), "145.93");
	assert_string_equal(told(STMT "TxsSummry/TtlCdtNtries/Sum"), "100.93");
	assert_int_equal(count_of(text, "<RtrInf>"), 1);
	assert_int_equal(count_of(text, "<Amt Ccy=\"CNY\">999955.00</Amt>"), 1); /* what is left */
	assert_string_equal(told(STMT "ElctrncSeqNb"), "1");
	text = next_statement();
	assert_int_equal(count_of(text, "<CpyDplctInd>"), 0);
	free(text);
	text = next_statement();
	assert_int_equal(count_of(text, "<CpyDplctInd>DUPL<"), 1);
	assert_valid(text, strlen(text), "camt.053.001.08");
	free(text);
	assert_null(next_statement());
	free(octets);
}

static void a_statement_may_lack_an_entry(void **state)
{
	char *text;

	pay(REF, "10.00");
	bank_day_end(desk.bank.book, desk.now_ms, true, false, false);
	text = next_statement();
	assert_int_equal(count_of(text, "<Ntry>"), 1);
	assert_int_equal(count_of(text, "<TtlNtries><NbOfNtries>2<"), 1);
	free(text);
}

static void a_return_is_told(void **state)
{
	char *text;

	order_iso("PM20261120000000000009", REF, "10.00", false, "2026-11-20");
	assert_null(bank_payout_return(desk.bank.book, REF, "E20004", desk.now_ms));
	text = bank_return_write(&desk.bank, bank_payout_find(desk.bank.book, REF), desk.now_ms);
	assert_valid(text, strlen(text), "camt.054.001.08");
	hear_text(text);
	assert_string_equal(told("BkToCstmrDbtCdtNtfctn/Ntfctn/Ntry/CdtDbtInd"), "CRDT");
	assert_string_equal(told("BkToCstmrDbtCdtNtfctn/Ntfctn/Ntry/NtryDtls/TxDtls/RtrInf/Rsn/Cd"), "AC07");
	assert_string_equal(told("BkToCstmrDbtCdtNtfctn/Ntfctn/Ntry/NtryDtls/TxDtls/Refs/EndToEndId"), REF);
}

/* -- frames -- */

static struct frames_answer prepared;

static void on_frame(void *context, const char *octets, size_t len, struct frames_answer *answer)
{
	*answer = prepared;
	answer->octets = must(malloc(len + 1));
	memcpy(answer->octets, octets, len);
	answer->len = len;
}

struct line {
	struct frames_server *server;
	SSL_CTX *tls;
	SSL *ssl;
	int fd;
};

static char certs[400]; /* where certs/make wrote */

static void line_open(struct line *l, size_t slice)
{
	char cert[500], key[500], ca[500], client[500], client_key[500];
	struct sockaddr_in at = { .sin_family = AF_INET };
	struct timeval limit = { .tv_sec = 10 };
	struct frames_options options = { "127.0.0.1", 0, cert, key, ca, 100, slice, on_frame, NULL };

	text_format(cert, sizeof(cert), "%s/bank.crt", certs);
	text_format(key, sizeof(key), "%s/bank.key", certs);
	text_format(ca, sizeof(ca), "%s/ca.crt", certs);
	text_format(client, sizeof(client), "%s/gateway-client.crt", certs);
	text_format(client_key, sizeof(client_key), "%s/gateway-client.key", certs);
	prepared = (struct frames_answer){ .cut_at = -1 };
	l->server = frames_start(&options);
	assert_non_null(l->server);
	l->tls = SSL_CTX_new(TLS_client_method());
	assert_int_equal(SSL_CTX_load_verify_locations(l->tls, ca, NULL), 1);
	assert_int_equal(SSL_CTX_use_certificate_chain_file(l->tls, client), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey_file(l->tls, client_key, SSL_FILETYPE_PEM), 1);
	SSL_CTX_set_verify(l->tls, SSL_VERIFY_PEER, NULL);
	at.sin_port = htons(frames_port(l->server));
	inet_pton(AF_INET, "127.0.0.1", &at.sin_addr);
	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(l->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)); /* a server that waits for more fails */
	assert_int_equal(connect(l->fd, (struct sockaddr *)&at, sizeof(at)), 0);
	l->ssl = SSL_new(l->tls);
	SSL_set_fd(l->ssl, l->fd);
	assert_int_equal(SSL_connect(l->ssl), 1);
}

static void line_close(struct line *l)
{
	SSL_free(l->ssl);
	close(l->fd);
	SSL_CTX_free(l->tls);
	frames_stop(l->server);
}

/* What comes until n octets are there or the other side closes. */
static const char *heard(struct line *l, size_t n, size_t *n_records)
{
	static char text[300];
	size_t have = 0;
	int got = 1;

	*n_records = 0;
	while (have < n && (got = SSL_read(l->ssl, text + have, (int)(sizeof(text) - 1 - have))) > 0) {
		have += (size_t)got;
		++*n_records;
	}
	if (got <= 0 && SSL_get_error(l->ssl, got) == SSL_ERROR_WANT_READ)
		fail_msg("nothing came in 10 s");
	text[have] = '\0';
	return text;
}

static void say(struct line *l, const char *text)
{
	assert_int_equal(SSL_write(l->ssl, text, (int)strlen(text)), (int)strlen(text));
}

static void frames_come_in_any_pieces(void **state)
{
	struct line l;
	size_t n;

	line_open(&l, 0);
	say(&l, "0000");
	say(&l, "0003a");
	say(&l, "bc00000000");
	assert_string_equal(heard(&l, 19, &n), "00000003abc00000000");
	say(&l, "00000001x00000002yz");
	assert_string_equal(heard(&l, 19, &n), "00000001x00000002yz");
	assert_int_equal(n, 1); /* one segment for two */
	line_close(&l);
	line_open(&l, 1);
	say(&l, "00000003abc");
	assert_string_equal(heard(&l, 11, &n), "00000003abc");
	assert_int_equal(n, 11);
	line_close(&l);
}

static const struct frame_case {
	const char *it; /* completes "a frame ..." */
	struct frames_answer how;
	const char *said, *heard;
} frame_cases[] = {
	{ "whose length is no number closes", { .cut_at = -1 }, "0000000x", "" },
	{ "above the limit closes", { .cut_at = -1 }, "00000101", "" },
	{ "is cut in its digits", { .cut_at = 3 }, "00000002ab", "000" },
	{ "is cut in its octets", { .cut_at = 9 }, "00000002ab", "00000002a" },
	{ "is not answered at all", { .cut_at = 0 }, "00000002ab", "" },
	{ "is answered twice", { .cut_at = -1, .is_doubled = true }, "00000001a0000000-", "00000001a00000001a" },
};

static void test_frame(void **state)
{
	const struct frame_case *row = *state;
	struct line l;
	size_t n;

	line_open(&l, 0);
	prepared = row->how;
	say(&l, row->said);
	assert_string_equal(heard(&l, 200, &n), row->heard);
	line_close(&l);
}

/* -- the tests -- */

static int certs_make(void **state)
{
	char command[600];

	text_format(certs, sizeof(certs), "/tmp/yt-bank-certs-XXXXXX");
	if (mkdtemp(certs) == NULL)
		return -1;
	text_format(command, sizeof(command), "certs/make %s >/dev/null", certs);
	return system(command); /* NOLINT: our own words */
}

static int certs_remove(void **state)
{
	char command[600];

	text_format(command, sizeof(command), "rm -r %s", certs);
	return system(command); /* NOLINT */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, desk_open, desk_close)
#define N_ROWS(a) (sizeof(a) / sizeof(*(a)))

static struct CMUnitTest tests[100];
static size_t n_tests;

static void add_rows(const char *what, CMUnitTestFunction f, const void *rows, size_t n, size_t size)
{
	for (size_t i = 0; i < n; i++) {
		const void *row = (const char *)rows + i * size;
		char *name = must(malloc(200));

		text_format(name, 200, "%s %s", what, *(const char *const *)row);
		tests[n_tests++] =
		        (struct CMUnitTest){ .name = name, .test_func = f, .initial_state = (void *)(uintptr_t)row };
	}
}

int main(void)
{
	static const struct CMUnitTest singles[] = {
		TEST(the_composed_order_is_paid),
		TEST(an_answer_is_signed_and_names_its_request),
		TEST(the_same_order_again_has_the_first_result),
		TEST(another_order_under_one_number_is_an_error_of_the_ledger),
		TEST(what_was_not_taken_is_paid_when_it_comes_again),
		TEST(a_bank_that_forgets_is_found_out),
		TEST(what_changed_is_told_once),
		TEST(an_order_for_tomorrow_waits_and_can_be_cancelled),
		TEST(pages_of_entries_fit_together),
		TEST(returns_are_told_since_a_mark),
		TEST(the_composed_list_is_paid),
		TEST(a_list_is_paid_line_by_line),
		TEST(a_number_paid_before_is_not_paid_by_a_list),
		TEST(the_composed_pain001_is_paid_and_asked_for),
		TEST(a_message_number_serves_once),
		TEST(a_recall_is_answered),
		TEST(a_day_has_its_statement),
		TEST(a_statement_may_lack_an_entry),
		TEST(a_return_is_told),
		cmocka_unit_test(frames_come_in_any_pieces),
	};
	int rv;

	memcpy(tests, singles, sizeof(singles));
	n_tests = N_ROWS(singles);
	add_rows("a request", test_head, head_cases, N_ROWS(head_cases), sizeof(*head_cases));
	add_rows("an amount that ends in", test_amount, amount_cases, N_ROWS(amount_cases), sizeof(*amount_cases));
	add_rows("an order", test_order, order_cases, N_ROWS(order_cases), sizeof(*order_cases));
	add_rows("a list", test_list, list_cases, N_ROWS(list_cases), sizeof(*list_cases));
	add_rows("in ISO 20022 an amount that ends in", test_report, report_cases, N_ROWS(report_cases),
	        sizeof(*report_cases));
	add_rows("a frame", test_frame, frame_cases, N_ROWS(frame_cases), sizeof(*frame_cases));
	rv = _cmocka_run_group_tests("the simulated bank", tests, n_tests, certs_make, certs_remove);
	for (size_t i = N_ROWS(singles); i < n_tests; i++)
		free((void *)(uintptr_t)tests[i].name);
	return rv;
}
