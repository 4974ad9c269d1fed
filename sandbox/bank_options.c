/* sandbox/bank_options.c - `yitong-sandbox bank`: its help and options; then bank_serve.c. */
#include "bank.h"
#include "options.h"
#include "text.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

enum bank_option_id {
	OPT_HELP = 'h',
	OPT_LINK_PORT = 256,
	OPT_ISO_PORT,
	OPT_CONTROL_PORT,
	OPT_CERTS,
	OPT_FUND_FEN,
	OPT_DAY,
	OPT_SETTLE,
	OPT_RETURN,
	OPT_FEE,
	OPT_SLICE,
	OPT_TEXT, /* and above: texts, by their place in texts_of() */
};

static const struct option bank_options[] = {
	{ "help", no_argument, NULL, OPT_HELP },
	{ "link-port", required_argument, NULL, OPT_LINK_PORT },
	{ "iso-port", required_argument, NULL, OPT_ISO_PORT },
	{ "control-port", required_argument, NULL, OPT_CONTROL_PORT },
	{ "certs", required_argument, NULL, OPT_CERTS },
	{ "fund-fen", required_argument, NULL, OPT_FUND_FEN },
	{ "day", required_argument, NULL, OPT_DAY },
	{ "settle-ms", required_argument, NULL, OPT_SETTLE },
	{ "return-ms", required_argument, NULL, OPT_RETURN },
	{ "fee-fen", required_argument, NULL, OPT_FEE },
	{ "slice", required_argument, NULL, OPT_SLICE },
	{ "address", required_argument, NULL, OPT_TEXT },
	{ "corp-no", required_argument, NULL, OPT_TEXT + 1 },
	{ "customer-sn", required_argument, NULL, OPT_TEXT + 2 },
	{ "cert-sn", required_argument, NULL, OPT_TEXT + 3 },
	{ "fund", required_argument, NULL, OPT_TEXT + 4 },
	{ "fund-name", required_argument, NULL, OPT_TEXT + 5 },
	{ "folder", required_argument, NULL, OPT_TEXT + 6 },
	{ "gateway-url", required_argument, NULL, OPT_TEXT + 7 },
	{ "ledger", required_argument, NULL, OPT_TEXT + 8 },
	{ "ports", required_argument, NULL, OPT_TEXT + 9 },
	{ NULL, 0, NULL, 0 },
};

static int bank_text_option(struct bank_options *o, int option)
{
	const char **texts[] = { &o->address, &o->corp_no, &o->customer_sn, &o->cert_sn, &o->fund_account,
		&o->fund_name, &o->folder, &o->gateway_url, &o->ledger_path, &o->ports_path };

	if (option < OPT_TEXT || option >= OPT_TEXT + (int)(sizeof(texts) / sizeof(*texts)))
		return 2;
	*texts[option - OPT_TEXT] = optarg;
	if (texts[option - OPT_TEXT] == &o->corp_no && strspn(optarg, "0123456789") != 10)
		return wrong_option("--corp-no", optarg, "ten digits are needed");
	if (texts[option - OPT_TEXT] == &o->gateway_url && strncmp(optarg, "https://", 8) != 0)
		return wrong_option("--gateway-url", optarg, "https://host:port/path is needed");
	return 0;
}

static int bank_option(struct bank_options *o, int option, const char **certs)
{
	switch (option) {
	case OPT_LINK_PORT:
		o->link_port = (uint16_t)number("--link-port", optarg, 0, 65535);
		return 0;
	case OPT_ISO_PORT:
		o->iso_port = (uint16_t)number("--iso-port", optarg, 0, 65535);
		return 0;
	case OPT_CONTROL_PORT:
		o->control_port = (uint16_t)number("--control-port", optarg, 0, 65535);
		return 0;
	case OPT_CERTS:
		*certs = optarg;
		return 0;
	case OPT_FUND_FEN:
		o->fund_fen = number("--fund-fen", optarg, 0, INT64_MAX / 1000);
		return 0;
	case OPT_DAY:
		o->day = optarg;
		return strlen(optarg) == 8 && strspn(optarg, "0123456789") == 8
		               ? 0
		               : wrong_option("--day", optarg, "yyyyMMdd is needed");
	case OPT_SETTLE:
		o->settle_ms = number("--settle-ms", optarg, 0, INT32_MAX);
		return 0;
	case OPT_RETURN:
		o->return_ms = number("--return-ms", optarg, 0, INT32_MAX);
		return 0;
	case OPT_FEE:
		o->fee_fen = number("--fee-fen", optarg, 0, INT32_MAX);
		return 0;
	case OPT_SLICE:
		o->slice = (size_t)number("--slice", optarg, 0, BANK_FRAME_MAX);
		return 0;
	default:
		return bank_text_option(o, option);
	}
}

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
	const char *certs = "certs/out";
	int option, wrong = 0;

	while (wrong == 0 && (option = getopt_long(argc, argv, "h", bank_options, NULL)) != -1) {
		if (option == OPT_HELP)
			return fputs(bank_help, stdout) < 0;
		wrong = bank_option(&o, option, &certs);
	}
	if (wrong != 0)
		return wrong;
	o.cert = in_folder(certs, "bank.crt");
	o.key = in_folder(certs, "bank.key");
	o.client_cert = in_folder(certs, "bank-client.crt");
	o.client_key = in_folder(certs, "bank-client.key");
	o.ca = in_folder(certs, "ca.crt");
	o.sm2_key = in_folder(certs, "sm2/bank.key");
	o.customer_key = in_folder(certs, "sm2/payer.pub");
	return bank_main(&o);
}
