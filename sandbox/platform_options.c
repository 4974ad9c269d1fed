/* sandbox/platform_options.c - `yitong-sandbox platform`: its help and options; then platform.c. */
#include "options.h"
#include "platform.h"
#include "text.h"

#include <stdio.h>

static const char platform_help[] =
        "yitong-sandbox platform - a provincial platform that answers the national transactions\n"
        "\n"
        "9001 9002 1101 2101 2201-2208 2203A 2301-2305 2401-2405 2601 3201 5201 5203, POST, JSON, over TLS with client\n"
        "certificate, signed by x-tif-* (or x-rio-*) headers: hex(SHA256(timestamp+token+nonce+timestamp)),\n"
        "at most 180 s from the platform's clock. It keeps persons, visits, fee lines, settlements and messages\n"
        "in memory, enforces their order, and computes benefits by a simple rule (see below).\n"
        "\n"
        "Options\n"
        "  --address A         listen on this IPv4 address            (127.0.0.1)\n"
        "  --port N            HTTPS; 0: any free one                 (9443)\n"
        "  --control-port N    control port, plain HTTP on 127.0.0.1; 0: any   (9480)\n"
        "  --path P            (/fsi/api/rsfComIfsService/callService)\n"
        "  --certs DIR         made by certs/make; gives the four below        (certs/out)\n"
        "  --cert F --key F    server certificate and key             (DIR/platform.crt, .key)\n"
        "  --client-ca F       whose client certificates are let in   (DIR/ca.crt); none: --no-client-cert\n"
        "  --caller ID:FILE    a paasid and the file with its token; may be repeated\n"
        "                      (GATEWAY01:DIR/secrets/platform-token)\n"
        "  --region R          first six digits of the platform's numbers      (330200)\n"
        "  --sign-check X      off | given | required: whether sign_no must be one that 9001 gave and no\n"
        "                      newer sign-in ended; given lets an empty one pass   (given)\n"
        "  --tombstone         a reversal that found nothing is remembered: the original, arriving later, is\n"
        "                      then refused. Without it (default, as real ones) it takes effect.\n"
        "  --ledger FILE       write the ledger there at the end\n"
        "  --ports FILE        write \"port control-port\" there once both are open\n"
        "\n"
        "Benefit rule (all in integer fen, halves away from zero)\n"
        "  A line, by the last digit of med_list_codg: 0-5 or a letter class 01, all in scope; 6-8 class 02, a\n"
        "  tenth paid first by the person; 9 class 03, self-funded. Codes beginning with C have a ceiling of\n"
        "  500.00 a unit. A settlement: deductible (in-patients: 310 600.00, 390 500.00), then the basic fund\n"
        "  pays 310 80 % (in 85 %), 390 50 % (in 70 %), 340 100 % of the rest in scope; of what scope leaves,\n"
        "  390 60 % above 15000.00 (hifmi_pay), 310 80 % above 10000.00 (hifob_pay), civil servants half of\n"
        "  what then remains (cvlserv_pay); the account (310, acct_used_flag 1) pays up to its balance.\n";

static const char control_help[] =
        "\n"
        "Control port\n"
        "  curl -s localhost:9480/ledger                     every settlement, refund and reversal\n"
        "  curl -s localhost:9480/stats                      what arrived\n"
        "  curl -s localhost:9480/fault                      armed faults; -X DELETE clears them\n"
        "  curl -s localhost:9480/fault -d '{\"kind\":\"effect_then_silence\",\"infno\":\"2207\",\"count\":1}'\n"
        "  curl -s localhost:9480/fault -d '{\"kind\":\"held\",\"visit\":\"330200M0000000778000\",\"ms\":2000}'\n"
        "  curl -s localhost:9480/persons -d "
        "'[{\"certno\":\"330213197906152731\",\"name\":\"示例甲\",\"insutype\":\"310\",\n"
        "                                      \"balance_fen\":186042,\"civil_servant\":false}]'\n"
        "  curl -s localhost:9480/alter -d '{\"fen\":1}'       one fen more in the ledger (setl_id or visit: which)\n"
        "  curl -s localhost:9480/clock -d '{\"offset_s\":300}'\n"
        "  curl -s localhost:9480/settings -d '{\"no_dedup\":true,\"tombstone\":false,\"sign_check\":\"required\"}'\n"
        "  curl -s localhost:9480/quiesce -d '{\"timeout_ms\":30000}'   waits until nothing is to come\n"
        "\n"
        "Faults (POST /fault): kind, and whom it meets: infno, msgid, omsgid (of a 2601), visit (mdtrt_id, or the\n"
        "own number in 2201 and 2401), institution; count (1), skip (0), ms, text; with \"no_dedup\":true its effect\n"
        "is booked although the visit and batch are settled already\n"
        "  delay                takes effect, answers ms later\n"
        "  effect_then_silence  takes effect, never answers, keeps the connection until the client leaves\n"
        "  effect_then_cut      takes effect, closes\n"
        "  cut                  closes, no effect\n"
        "  held                 silent; takes effect ms after the client has left, even when a 2601 has meanwhile\n"
        "                       been told \"not found\" (with \"from\":\"arrival\": ms after it came)\n"
        "  refuse               refuses with text        sign_expired   refuses, the sign_no is void from then on\n"
        "  http_502_html cut_json cut_body garbage duplicate_answer gbk_body wrong_content_type\n"
        "                       takes effect; the answer arrives like that\n"
        "  infcode_string output_null extra_members amounts_as_strings unknown_fund sums_break_r2\n"
        "                       takes effect; the answer is odd like that\n"
        "  maintenance          for ms everything it meets is answered 503\n"
        "no_dedup among the settings does so for all; the ledger then shows double_bookings.\n";

int platform_mode(int argc, char **argv)
{
	static struct platform_options o = { .address = "127.0.0.1",
		.port = 9443,
		.control_port = 9480,
		.path = "/fsi/api/rsfComIfsService/callService",
		.region = "330200" };
	static const char *certs = "certs/out";
	static bool no_client_cert;
	static int sign_check = SIGN_GIVEN;
	static const struct mode_option options[] = {
		{ "address", .text = &o.address },
		{ "port", .port = &o.port },
		{ "control-port", .port = &o.control_port },
		{ "path", .text = &o.path },
		{ "certs", .text = &certs },
		{ "cert", .text = &o.cert },
		{ "key", .text = &o.key },
		{ "client-ca", .text = &o.client_ca },
		{ "no-client-cert", .flag = &no_client_cert },
		{ "caller", .texts = o.callers, .n_texts = &o.n_callers, .texts_max = PLATFORM_CALLERS_MAX,
		        .wanted = "at most 16 callers" },
		{ "region", .text = &o.region, .pattern = "^.{6}$", .wanted = "six digits are needed" },
		{ "sign-check", .word = &sign_check, .words = { "off", "given", "required" } },
		{ "tombstone", .flag = &o.tombstone },
		{ "ledger", .text = &o.ledger_path },
		{ "ports", .text = &o.ports_path },
		{ NULL },
	};
	enum options_read read = options_read(argc, argv, options);
	char caller[1100];

	if (read == OPTIONS_HELP)
		return fputs(platform_help, stdout) < 0 || fputs(control_help, stdout) < 0;
	if (read != OPTIONS_GO_ON)
		return read;
	o.sign_check = (enum sign_check)sign_check;
	o.cert = o.cert != NULL ? o.cert : in_folder(certs, "platform.crt");
	o.key = o.key != NULL ? o.key : in_folder(certs, "platform.key");
	if (no_client_cert)
		o.client_ca = NULL;
	else if (o.client_ca == NULL)
		o.client_ca = in_folder(certs, "ca.crt");
	if (o.n_callers == 0) {
		text_format(caller, sizeof(caller), "GATEWAY01:%s/secrets/platform-token", certs);
		o.callers[o.n_callers++] = caller;
	}
	return platform_main(&o);
}
