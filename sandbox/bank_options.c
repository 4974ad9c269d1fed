/* sandbox/bank_options.c - `yitong-sandbox bank`: its help and options; then bank_serve.c. */
#include "bank.h"
#include "options.h"

#include <stdio.h>

static const char bank_help[] =
        "yitong-sandbox bank - a bank with one ledger and three faces: BDL/1.0 (frames over TLS), ISO 20022 (HTTPS),\n"
        "BPF/1.0 (files)\n"
        "\n"
        "  --address A     where it listens      (127.0.0.1)\n"
        "  --link-port N --iso-port N --control-port N         (9448, 9449, 9485)\n"
        "  --certs DIR     made by certs/make: bank.crt, bank-client.crt, ca.crt, sm2/bank.key, sm2/payer.pub   (certs/out)\n"
        "  --corp-no N     the only customer     (3302990001)\n"
        "  --customer-sn S --cert-sn S           serials of the signing certificates, its and ours   (5A0001, 5B0001)\n"
        "  --fund ACCT --fund-name N --fund-fen N   the paying account and what is on it\n"
        "                                        (3999020001000000018, 1000000000000)\n"
        "  --day D         the first business day, yyyyMMdd     (today)\n"
        "  --settle-ms N   until a payout that is taken is paid (2000)    --return-ms N  until one comes back (3000)\n"
        "  --fee-fen N     fee at the end of a day with payouts (1500)\n"
        "  --folder DIR    PAY_ files are read in DIR/out, RES_ files written to DIR/in     (none)\n"
        "  --gateway-url U where statements, returns and reports are POSTed     (nowhere: GET /documents has them)\n"
        "  --slice N       writes its frames N octets at once, 1: each octet alone    (whole)\n"
        "  --ledger FILE   writes the ledger when it ends    --ports FILE  writes its three ports when they are open\n"
        "\n"
        "The last two digits of an amount in fen choose what becomes of a payout: 00-89 paid at once; 90 taken, paid\n"
        "after --settle-ms; 91 the name does not fit; 92 account closed; 93 paid, back after --return-ms; 94 paid, no\n"
        "answer ever; 95 no answer ever, not taken; 96 paid, cut in the middle of the answer; 97 paid, wrong signature;\n"
        "98 unknown, later failed; 99 busy, not taken. 95 and 99: the same again is paid. In a list only 90-93 and 98.\n"
        "\n"
        "Control port: GET /ledger /stats /documents /fault, POST /fault /accounts /return /day /clock /settings\n"
        "/quiesce, DELETE /fault. A fault: kind delay, effect_then_silence, effect_then_cut, cut, cut_body (at: after so\n"
        "many octets of the frame), refuse (text: the code), busy, wrong_signature, duplicate_answer, http_502_html,\n"
        "maintenance; op (BD1001, pain.001 ...), pay_ref, count, skip, ms. sandbox/README.md has the rest.\n";

int bank_mode(int argc, char **argv)
{
	static struct bank_options o = { .address = "127.0.0.1",
		.link_port = 9448,
		.iso_port = 9449,
		.control_port = 9485,
		.corp_no = "3302990001",
		.customer_sn = "5A0001",
		.cert_sn = "5B0001",
		.fund_account = "3999020001000000018",
		.fund_name = "宁波市医疗保障基金支出户（示例）",
		.fund_fen = INT64_C(1000000000000),
		.settle_ms = 2000,
		.return_ms = 3000,
		.fee_fen = 1500 };
	static const char *certs = "certs/out";
	static const struct mode_option options[] = {
		{ "address", .text = &o.address },
		{ "link-port", .port = &o.link_port },
		{ "iso-port", .port = &o.iso_port },
		{ "control-port", .port = &o.control_port },
		{ "certs", .text = &certs },
		{ "corp-no", .text = &o.corp_no, .pattern = "^[0-9]{10}$", .wanted = "ten digits are needed" },
		{ "customer-sn", .text = &o.customer_sn },
		{ "cert-sn", .text = &o.cert_sn },
		{ "fund", .text = &o.fund_account },
		{ "fund-name", .text = &o.fund_name },
		{ "fund-fen", .number = &o.fund_fen, 0, INT64_MAX / 1000 },
		{ "day", .text = &o.day, .pattern = "^[0-9]{8}$", .wanted = "yyyyMMdd is needed" },
		{ "settle-ms", .number = &o.settle_ms, 0, INT32_MAX },
		{ "return-ms", .number = &o.return_ms, 0, INT32_MAX },
		{ "fee-fen", .number = &o.fee_fen, 0, INT32_MAX },
		{ "folder", .text = &o.folder },
		{ "gateway-url", .text = &o.gateway_url, .pattern = "^https://",
		        .wanted = "https://host:port/path is needed" },
		{ "slice", .number = &o.slice, 0, BANK_FRAME_MAX },
		{ "ledger", .text = &o.ledger_path },
		{ "ports", .text = &o.ports_path },
		{ NULL },
	};
	enum options_read read = options_read(argc, argv, options);

	if (read == OPTIONS_HELP)
		return fputs(bank_help, stdout) < 0;
	if (read != OPTIONS_GO_ON)
		return read;
	o.cert = in_folder(certs, "bank.crt");
	o.key = in_folder(certs, "bank.key");
	o.client_cert = in_folder(certs, "bank-client.crt");
	o.client_key = in_folder(certs, "bank-client.key");
	o.ca = in_folder(certs, "ca.crt");
	o.sm2_key = in_folder(certs, "sm2/bank.key");
	o.customer_key = in_folder(certs, "sm2/payer.pub");
	return bank_main(&o);
}
